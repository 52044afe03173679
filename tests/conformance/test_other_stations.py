"""Stations that do it otherwise: one that is right all the same passes, and one that is wrong in a way that is hard to see fails.

Law: a case asks for what its text asks for, no more and no less.
"""

from __future__ import annotations

import copy
from hashlib import blake2b
from typing import Any

import pytest

from conformance import cases  # noqa: F401 (registers them)
from conformance.bench import Heard
from conformance.case import CASES
from conformance.catalogue import features_of
from conformance.run import chosen, finished, run
from conformance.sim_bench import SimBench, Tamper, untouched
from conformance.station import shipped_config
from conformance.trial import Settings, Trial
from conformance.verdict import Failed, Result, Verdict
from engine.event import replace
from engine.machine import Station
from machines.device_model import controllers
from machines.inputs import ConfigLoaded
from machines.session import candidates
from stationd.csms_answers import read_schema
from wire import jsontext
from wire.declared import Declared, read, written
from wire.schemas import Schemas

SCHEMAS = Schemas(read_schema)
Frames = list[tuple[str, str, dict[str, Any]]]


def fixed(**values: str) -> ConfigLoaded:
    """The shipped station, with variables of TxCtrlr that are what they are."""
    shipped = shipped_config()
    declared = [
        replace(one, value=values[one.variable], mutability="ReadOnly") if one.component == "TxCtrlr" and one.variable in values else one
        for one in map(read, jsontext.decode(shipped.body))
    ]
    body = jsontext.encode([written(one) for one in declared])
    return ConfigLoaded(digest=blake2b(body, digest_size=16).hexdigest(), body=body)


def tried(case_id: str, tamper: Tamper = untouched, *, config: ConfigLoaded | None = None, features: dict[str, str] | None = None) -> Result:
    """One case."""
    known = {**features_of(None), **(features or {})}
    made = run(
        chosen(case_ids=[case_id]), lambda _: SimBench(config or shipped_config(), SCHEMAS, tamper=tamper), Settings(), SCHEMAS, features=known
    )
    return finished(made)[0]


def changed(action: str, change: Any, kind: str = "call") -> Tamper:
    """A station whose messages of one kind are otherwise."""

    def tamper(what: str, name: str, payload: dict[str, Any]) -> Frames:
        if (what, name) != (kind, action):
            return [(what, name, payload)]
        other = copy.deepcopy(payload)
        change(other)
        return [(what, name, other)]

    return tamper


# Right, and otherwise


def by_the_device_model(kind: str, action: str, payload: dict[str, Any]) -> Frames:
    """A station that tells of connectors by NotifyEvent."""
    if (kind, action) != ("call", "StatusNotification"):
        return [(kind, action, payload)]
    event = {
        "eventId": 1, "timestamp": payload["timestamp"], "trigger": "Delta", "actualValue": payload["connectorStatus"],
        "eventNotificationType": "HardWiredNotification", "variable": {"name": "AvailabilityState"},
        "component": {"name": "Connector", "evse": {"id": payload["evseId"], "connectorId": payload["connectorId"]}},
    }  # fmt: skip
    return [("call", "NotifyEvent", {"generatedAt": payload["timestamp"], "seqNo": 0, "eventData": [event]})]


def offers_nothing_yet(event: dict[str, Any]) -> None:
    """Without authorization no energy is offered, which may be told as well."""
    if event["triggerReason"] == "CablePluggedIn":
        event["transactionInfo"]["chargingState"] = "SuspendedEVSE"


def charges_at_once(event: dict[str, Any]) -> None:
    """Energy flows as soon as the transaction begins."""
    if event["eventType"] == "Started":
        event["transactionInfo"]["chargingState"] = "Charging"


def says_which(answer: dict[str, Any]) -> None:
    """The transaction that a request starts is named in the answer."""
    answer["transactionId"] = "any"


@pytest.mark.parametrize(
    ("tamper", "case_ids"),
    [
        (changed("TransactionEvent", lambda event: event.update(seqNo=event["seqNo"] + 7)), [one for one in CASES if one[3] in "CEFJ"]),
        (by_the_device_model, ["TC_A_01_CS", "TC_B_01_CS", "TC_B_03_CS", "TC_B_51_CS", "TC_B_52_CS", "TC_E_03_CS", "TC_E_06_CS", "TC_E_26_CS"]),
        (changed("TransactionEvent", offers_nothing_yet), ["TC_E_09_CS"]),
        (changed("TransactionEvent", charges_at_once), ["TC_E_50_CS", "TC_E_51_CS"]),
        (changed("RequestStartTransaction", says_which, "result"), ["TC_E_13_CS"]),
    ],
    ids=["counts from 7", "tells by NotifyEvent", "offers nothing yet", "charges at once", "names what it starts"],
)
def test_a_station_that_does_it_otherwise_and_right_passes(tamper: Tamper, case_ids: list[str]) -> None:
    """Else a correct station of somebody else's would be failed."""
    results = {case_id: tried(case_id, tamper) for case_id in case_ids}
    wrong = {case_id: one.note for case_id, one in results.items() if one.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE, Verdict.NOT_BUILT)}
    assert wrong == {}


def still_plugged(told: dict[str, Any]) -> None:
    """The cable is still in the station when the vehicle has gone."""
    if told["connectorStatus"] == "Available" and told["evseId"] == 1:
        told["connectorStatus"] = "Occupied"


class OnceStarted:
    """A station that is otherwise once its start is over."""

    def __init__(self, tamper: Tamper) -> None:
        self.tamper, self.seen = tamper, 0

    def __call__(self, kind: str, action: str, payload: dict[str, Any]) -> Frames:
        self.seen += (kind, action) == ("call", "StatusNotification")
        return self.tamper(kind, action, payload) if self.seen > 2 else [(kind, action, payload)]


@pytest.mark.parametrize("case_id", ["TC_E_17_CS", "TC_E_25_CS", "TC_E_26_CS"])
def test_a_connector_with_a_detachable_cable_is_not_free_at_once(case_id: str) -> None:
    """TC_E_26, step 3.  Else a station whose cable stays in its socket fails."""
    tamper = OnceStarted(changed("StatusNotification", still_plugged))
    assert tried(case_id, tamper, features={"HFS-1": "yes", "HFS-2": "no"}).verdict is Verdict.PASS
    assert tried(case_id, OnceStarted(changed("StatusNotification", still_plugged))).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("case_id", "values", "verdict"),
    [
        ("TC_E_01_CS", {"TxStartPoint": "PowerPathClosed,EnergyTransfer"}, Verdict.PASS),
        ("TC_E_01_CS", {"TxStartPoint": "Authorized,PowerPathClosed"}, Verdict.NOT_EXERCISED),
        ("TC_E_02_CS", {"TxStartPoint": "PowerPathClosed"}, Verdict.NOT_EXERCISED),
        ("TC_E_09_CS", {"TxStartPoint": "EVConnected,Authorized"}, Verdict.PASS),
        ("TC_E_10_CS", {"TxStartPoint": "EVConnected,Authorized"}, Verdict.PASS),
        ("TC_C_45_CS", {"TxStartPoint": "PowerPathClosed"}, Verdict.PASS),
        ("TC_C_45_CS", {"TxStartPoint": "EVConnected,Authorized"}, Verdict.NOT_EXERCISED),
        ("TC_E_16_CS", {"TxStopPoint": "EVConnected,PowerPathClosed"}, Verdict.PASS),
        ("TC_E_16_CS", {"TxStopPoint": "EVConnected"}, Verdict.NOT_EXERCISED),
        ("TC_E_07_CS", {"TxStopPoint": "EVConnected,PowerPathClosed"}, Verdict.PASS),
        ("TC_E_15_CS", {"TxStopPoint": "Authorized,PowerPathClosed"}, Verdict.NOT_EXERCISED),
        ("TC_E_20_CS", {"TxStopPoint": "EVConnected,Authorized"}, Verdict.PASS),
        ("TC_E_20_CS", {"TxStopPoint": "EVConnected,Authorized", "StopTxOnEVSideDisconnect": "true"}, Verdict.NOT_EXERCISED),
    ],
)
def test_points_that_cannot_be_set_will_do_where_the_case_is_about_them(case_id: str, values: dict[str, str], verdict: Verdict) -> None:
    """Else a station with fixed points would be excused from what it has to show."""
    result = tried(case_id, config=fixed(**values))
    assert result.verdict is verdict, result.note


@pytest.mark.parametrize("case_id", ["TC_E_16_CS", "TC_E_43_CS"])
def test_a_card_is_charged_with_before_where_there_is_a_cache(case_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory state IdTokenCached.  Else a station that admits nobody but whom it knows would fail for doing so."""
    monkeypatch.delitem(controllers.NOT_BUILT, "authcachectrlr", raising=False)
    declared = [*map(read, jsontext.decode(shipped_config().body)), Declared(component="AuthCacheCtrlr", variable="Enabled", value="true")]
    body = jsontext.encode([written(one) for one in declared])
    result = tried(case_id, config=ConfigLoaded(digest=blake2b(body, digest_size=16).hexdigest(), body=body))
    assert result.verdict is Verdict.PASS, result.note
    deeds = [entry.name for entry in result.trace if entry.who == "driver"]
    assert deeds.index("plug in") < deeds.index("link breaks")


def test_a_case_for_a_feature_waits_for_it_and_runs_where_it_is_there() -> None:
    """Else a case would pass for a feature that the station does not have, or be lost for those that have it."""
    assert tried("TC_E_54_CS").verdict is Verdict.NOT_BUILT
    assert tried("TC_E_54_CS").note == "waits for ISO15118Support"
    assert tried("TC_E_54_CS", features={"HFS-4": "yes"}).verdict is Verdict.PASS


def test_a_requirement_leads_to_every_case_that_looks_at_it() -> None:
    """Else a case is missed by the requirements that its catalogue entry leaves out."""
    assert [one.case_id for one in chosen(requirement="C16.FR.08")] == ["TC_C_49_CS"]


# Events in any order


def told(seq_no: int, kind: str = "Updated", second: int = 0, **fields: Any) -> Heard:
    """An event of transaction T."""
    payload = {
        "eventType": kind, "timestamp": f"2026-01-01T00:00:{second or seq_no:02}Z", "triggerReason": "MeterValuePeriodic", "seqNo": seq_no,
        "transactionInfo": {"transactionId": "T"}, **fields,
    }  # fmt: skip
    return Heard("TransactionEvent", payload, f"m{seq_no}-{second}-{len(fields)}", 0)


def followed(*events: Heard) -> str:
    """What a trial has against these events."""
    trial = Trial(SimBench(shipped_config(), SCHEMAS), Settings(), SCHEMAS)
    trial._accepted = True
    trial.looked = 1
    for one in events:
        trial.bench.hear(one)
    step = trial.finish().__await__()
    try:
        next(step)
    except StopIteration:
        return ""
    except Failed as failed:
        return f"{failed.failure.what}: {failed.failure.expected}"
    raise AssertionError("a bench in virtual time has waited")


@pytest.mark.parametrize(
    ("events", "wrong"),
    [
        ((told(0, "Started"), told(1), told(2, "Ended")), ""),
        ((told(0, "Started"), told(2), told(1), told(3, "Ended")), ""),
        ((told(5), told(4, "Started")), ""),
        ((told(0, "Started"), told(0, "Started", second=0)), "TransactionEventRequest: a message id of its own"),
        ((told(0, "Started"), told(2)), "seqNo: 1"),
        ((told(1), told(2)), "the first event of a transaction: Started"),
        ((told(0, "Started"), told(1, "Started")), "eventType of a later event: Updated or Ended"),
        ((told(1), told(2, "Started")), "eventType of a later event: Updated or Ended"),
        ((told(0, "Started"), told(1, second=9), told(2, second=8)), "timestamp of an event: in the order of the numbers"),
        ((told(0, "Started"), told(2, second=3), told(1, second=4)), "timestamp of an event: in the order of the numbers"),
        ((told(0, "Started"), told(1), told(1, second=2)), "seqNo: 2"),
    ],
)
def test_numbers_tell_the_order_and_messages_need_not(events: tuple[Heard, ...], wrong: str) -> None:
    """E01.FR.07.  Else a station whose queue is overtaken fails, or one that loses events passes."""
    found = followed(*events)
    assert found.startswith(wrong), found
    assert bool(found) == bool(wrong), found


# Wrong, and hard to see


@pytest.mark.parametrize("case_id", ["TC_E_05_CS", "TC_E_27_CS", "TC_E_39_CS"])
def test_a_station_that_does_not_wait_for_the_vehicle_fails(monkeypatch: pytest.MonkeyPatch, case_id: str) -> None:
    """E03.FR.05.  Else EVConnectionTimeOut may be anything, and a driver has no time to take the cable."""

    class AtOnce:
        """A timeout that is over as soon as it begins."""

        def integer(self, station: Station) -> int:
            del station
            return 0

    monkeypatch.setattr(candidates, "CONNECTION_TIMEOUT_S", AtOnce())
    result = tried(case_id)
    assert result.verdict is Verdict.FAIL, result.note


class SecondTime:
    """A station that leaves one message out after its first start."""

    def __init__(self, action: str) -> None:
        self.action, self.boots = action, 0

    def __call__(self, kind: str, action: str, payload: dict[str, Any]) -> Frames:
        self.boots += (kind, action) == ("call", "BootNotification")
        return [] if self.boots > 1 and (kind, action) == ("call", self.action) else [(kind, action, payload)]


def forgets_the_type(answer: dict[str, Any]) -> None:
    """The attribute that was asked for is not named."""
    for one in (*answer.get("getVariableResult", ()), *answer.get("setVariableResult", ())):
        one.pop("attributeType", None)


def another_stops(event: dict[str, Any]) -> None:
    """Somebody else's card is said to have stopped it."""
    if event["triggerReason"] == "StopAuthorized":
        event["idToken"] = {"idToken": "OTHER", "type": "ISO14443"}


def blurts_out(event: dict[str, Any]) -> None:
    """What is logged holds the password."""
    event["techInfo"] = f"password is now {Settings().second_password}"


def unwell(told: dict[str, Any]) -> None:
    """A connector is faulted after a start."""
    if told["evseId"] == 2:
        told["connectorStatus"] = "Faulted"


def tells_no_course(event: dict[str, Any]) -> None:
    """The last event tells of the end, and not of what was measured before."""
    if event["eventType"] == "Ended":
        event["meterValue"] = event["meterValue"][-1:]


def as_if_ended(event: dict[str, Any]) -> None:
    """All that is told at the end is said to be of the end."""
    for value in event.get("meterValue", ()) if event["eventType"] == "Ended" else ():
        for sample in value["sampledValue"]:
            sample["context"] = "Transaction.End"


def refuses(reason: str) -> Tamper:
    """A station that supports no report by criteria."""
    return changed("GetReport", lambda answer: answer.update(status="NotSupported", statusInfo={"reasonCode": reason}), "result")


@pytest.mark.parametrize(
    ("case_id", "tamper", "what"),
    [
        ("TC_B_01_CS", SecondTime("SecurityEventNotification"), "SecurityEventNotificationRequest"),
        ("TC_B_01_CS", changed("StatusNotification", unwell), "status of connector 1 of EVSE 2 after a start"),
        ("TC_A_01_CS", changed("StatusNotification", unwell), "status of connector 1 of EVSE 2 after a start"),
        ("TC_A_09_CS", changed("SecurityEventNotification", blurts_out), "messages that disclose the password"),
        ("TC_B_06_CS", changed("GetVariables", forgets_the_type, "result"), "attributeType"),
        ("TC_B_07_CS", changed("GetVariables", forgets_the_type, "result"), "attributeType"),
        ("TC_B_09_CS", changed("SetVariables", forgets_the_type, "result"), "attributeType"),
        ("TC_B_10_CS", changed("SetVariables", forgets_the_type, "result"), "attributeType"),
        ("TC_B_11_CS", changed("SetVariables", forgets_the_type, "result"), "attributeType"),
        ("TC_B_19_CS", refuses("Other"), "statusInfo.reasonCode"),
        ("TC_J_03_CS", changed("TransactionEvent", tells_no_course), "timestamps of the last event"),
        ("TC_J_03_CS", changed("TransactionEvent", as_if_ended), "context of the last event"),
        ("TC_J_10_CS", changed("TransactionEvent", tells_no_course), "context of the first values of the last event"),
        ("TC_J_10_CS", changed("TransactionEvent", as_if_ended), "context of the first values of the last event"),
        ("TC_E_31_CS", changed("TransactionEvent", another_stops), "idToken of the event that told of the stop"),
    ],
)
def test_a_station_that_is_wrong_fails(case_id: str, tamper: Tamper, what: str) -> None:
    """Else a validation of the case's text is not looked at."""
    result = tried(case_id, tamper)
    assert result.verdict is Verdict.FAIL, (result.verdict, result.note)
    assert what in result.note


def test_a_criterion_that_is_not_supported_is_refused() -> None:
    """B08.FR.02.  Else TC_B_19 would be about nothing at this station, or fail at one that it is about."""
    assert tried("TC_B_19_CS", refuses("UnsupportedParam")).verdict is Verdict.PASS
    assert tried("TC_B_19_CS").verdict is Verdict.NOT_EXERCISED


@pytest.mark.parametrize(
    ("case_id", "features", "verdict"),
    [
        ("TC_E_04_CS", {"C-30": "no", "C-34": "yes"}, Verdict.NOT_APPLICABLE),
        ("TC_E_17_CS", {"C-10.2": "no"}, Verdict.NOT_APPLICABLE),
        ("TC_E_17_CS", {"C-52": "no"}, Verdict.NOT_APPLICABLE),
        ("TC_E_17_CS", {"C-52": "no", "C-10.1": "no", "C-10.3": "no", "C-10.4": "no"}, Verdict.PASS),
        ("TC_E_16_CS", {"C-35": "yes"}, Verdict.NOT_APPLICABLE),
    ],
)
def test_conditions_are_those_of_the_errata(case_id: str, features: dict[str, str], verdict: Verdict) -> None:
    """Errata 5.2 and 5.3 of edition 3, and edition 4.  Else a case is asked of a station that it is not about."""
    assert tried(case_id, features=features).verdict is verdict
