"""Remote control, availability, meter values, diagnostics, data transfer: a case fails with a worse station, and passes with any that is right.

Law: what the text of a case demands is shown to be missed by a station that does not do it; what it leaves open is shown to be left open.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from conformance import cases
from conformance.bench import Heard
from conformance.run import chosen, finished, run
from conformance.sim_bench import SimBench, Tamper, untouched
from conformance.station import shipped_config
from conformance.trial import Settings, Trial
from conformance.verdict import Failed, Result, Verdict
from stationd.csms_answers import read_schema
from wire import calendar
from wire.schemas import Schemas

SCHEMAS = Schemas(read_schema)
assert cases.__all__

Change = Callable[[dict[str, Any]], object]


def tried(case_id: str, tamper: Tamper, settings: Settings | None = None) -> Result:
    """One case with the machines of this build, and what becomes of what they say."""
    make = lambda _: SimBench(shipped_config(), SCHEMAS, tamper=tamper)  # noqa: E731
    return finished(run(chosen(case_ids=[case_id]), make, settings or Settings(), SCHEMAS))[0]


def but(kind: str, action: str, *changes: Change) -> Tamper:
    """A station whose messages of *kind* and *action* are otherwise; a change that says False swallows the message."""

    def tamper(is_kind: str, is_action: str, payload: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
        if (is_kind, is_action) != (kind, action):
            return [(is_kind, is_action, payload)]
        other = copy.deepcopy(payload)
        swallowed = [change(other) is False for change in changes]
        return [] if any(swallowed) else [(kind, action, other)]

    return tamper


def shifted(seconds: float) -> Change:
    """Every moment that something was measured at is told later than it was."""

    def change(payload: dict[str, Any]) -> None:
        for one in payload.get("meterValue", []):
            one["timestamp"] = calendar.text((calendar.parse(one["timestamp"]) or 0) + int(seconds * 1e6))

    return change


def samples(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Every sampled value."""
    return [sample for one in payload.get("meterValue", []) for sample in one["sampledValue"]]


def less(measurand: str) -> Change:
    """A measurand is left out."""

    def change(payload: dict[str, Any]) -> None:
        for one in payload.get("meterValue", []):
            one["sampledValue"] = [s for s in one["sampledValue"] if s.get("measurand") != measurand]
        payload["meterValue"] = [one for one in payload.get("meterValue", []) if one["sampledValue"]]
        if not payload["meterValue"]:
            del payload["meterValue"]

    return change


def every_second(trigger: str) -> Change:
    """Of events with a trigger every second one was measured two seconds later than it is told of the others."""
    count = [0]

    def change(payload: dict[str, Any]) -> None:
        if payload["triggerReason"] == trigger:
            count[0] += 1
            shifted(2 * (count[0] % 2))(payload)

    return change


def each(member: str, change: Change) -> Change:
    """A change of every element of a list."""

    def changed(payload: dict[str, Any]) -> None:
        for one in payload.get(member, []):
            change(one)

    return changed


def monitors(change: Change) -> Change:
    """A change of every monitor that is reported."""
    return each("monitor", each("variableMonitoring", change))


def again(member: str) -> Change:
    """The first element of a list comes a second time."""
    return lambda p: p[member].append(copy.deepcopy(p[member][0]))


def foreign_ids(payload: dict[str, Any]) -> None:
    """A NotifyEvent about the monitored state names another monitor."""
    for one in payload["eventData"]:
        one["variableMonitoringId"] = one.get("variableMonitoringId", 0) + 1000


def unknown(result: dict[str, Any]) -> None:
    """There is nothing that is measured by the clock."""
    if result["component"]["name"] == "AlignedDataCtrlr":
        result["attributeStatus"] = "UnknownVariable"


WORSE: dict[str, tuple[str, Tamper, str]] = {
    # what it does: (the case that has to notice, the station, what the case says)
    "asks although it need not": ("TC_F_02_CS", but("call", "Authorize", lambda _: False), "AuthorizeRequest"),
    "does not say that the CSMS started it": (
        "TC_F_02_CS",
        but("call", "TransactionEvent", lambda p: p.update(triggerReason="CablePluggedIn") if p["triggerReason"] == "RemoteStart" else None),
        "triggerReason of the first event after the remote start",
    ),
    "forgets the remote start": (
        "TC_F_03_CS", but("call", "TransactionEvent", lambda p: p["transactionInfo"].pop("remoteStartId", None) and None), "remoteStartId",
    ),
    "tells nobody that no vehicle came": (
        "TC_F_04_CS", but("call", "TransactionEvent", lambda p: p["eventType"] != "Ended"), "eventType Ended",
    ),
    "says that something else ended it": (
        "TC_F_04_CS", but("call", "TransactionEvent", lambda p: p.update(triggerReason="Deauthorized") if p["eventType"] == "Ended" else None),
        "triggerReason when nobody came",
    ),
    "accepts a stop of nothing": ("TC_F_09_CS", but("result", "RequestStopTransaction", lambda p: p.update(status="Accepted")), "Rejected"),
    "refuses a profile that it is to leave alone": (
        "TC_K_38_CS", but("result", "RequestStartTransaction", lambda p: p.update(status="Rejected")), "status of RequestStartTransactionResponse",
    ),
    "is not free after a start": (
        "TC_G_01_CS", but("call", "StatusNotification", lambda p: p.update(connectorStatus="Unavailable")),
        "after a start: expected 'Available'",
    ),
    "tells of a connector 0": (
        "TC_G_01_CS", but("call", "StatusNotification", lambda p: p.update(connectorId=0) if p["evseId"] == 2 else None), "connector",
    ),
    "stays occupied": (
        "TC_G_02_CS", but("call", "StatusNotification", lambda p: p["timestamp"] < "2027-01-15T08:00:00.3" or p["connectorStatus"] != "Available"),
        "Available within 30 s",
    ),
    "has no interval that could be set": (
        "TC_J_01_CS",
        but("result", "GetVariables", each("getVariableResult", unknown)),
        "AlignedDataCtrlr.Interval: expected there, as at every station",
    ),
    "measures off the clock": ("TC_J_01_CS", but("call", "MeterValues", shifted(2)), "a multiple of 5 s since midnight"),
    "leaves a measurand out": ("TC_J_01_CS", but("call", "MeterValues", less("Energy.Active.Import.Register")), "MeterValues"),
    "measures the vehicle": (
        "TC_J_01_CS", but("call", "MeterValues", lambda p: [s.update(location="EV") for s in samples(p)] and None), "anything but EV",
    ),
    "measures by fits and starts": (
        "TC_J_02_CS", but("call", "TransactionEvent", every_second("MeterValueClock")), "time between TransactionEventRequest MeterValueClock",
    ),
    "begins with nothing measured": ("TC_J_07_CS", but("call", "TransactionEvent", lambda p: p.pop("meterValue", None) and None), "meterValue"),
    "begins with another context": (
        "TC_J_08_CS", but("call", "TransactionEvent", lambda p: [s.update(context="Other") for s in samples(p)] and None), "Transaction.Begin",
    ),
    "samples by fits and starts": (
        "TC_J_09_CS", but("call", "TransactionEvent", every_second("MeterValuePeriodic")), "time between TransactionEventRequest MeterValuePeriodic",
    ),
    "reports a monitor twice": ("TC_N_47_CS", but("call", "NotifyMonitoringReport", again("monitor")), "id of a monitor in a report"),
    "reports monitors for transactions only": (
        "TC_N_08_CS", but("call", "NotifyMonitoringReport", monitors(lambda m: m.update(transaction=True))), "transaction of monitor",
    ),
    "reports another variable too": (
        "TC_N_06_CS",
        but("call", "NotifyMonitoringReport", lambda p: p["monitor"].append({
            **copy.deepcopy(p["monitor"][0]), "variable": {"name": "Problem"},
            "variableMonitoring": [{**p["monitor"][0]["variableMonitoring"][0], "id": 999}],
        })),
        "component and variable of a monitor",
    ),
    "reports another EVSE too": (
        "TC_N_02_CS",
        but("call", "NotifyMonitoringReport", each("monitor", lambda m: "evse" in m["component"] and m["component"].update(evse={"id": 2}))),
        "EVSE",
    ),
    "says that everything is supported": (
        "TC_N_38_CS", but("result", "SetVariableMonitoring", each("setMonitoringResult", lambda r: r.update(status="Accepted"))),
        "UnsupportedMonitorType",
    ),
    "refuses a kind of monitors without a word": (
        "TC_N_04_CS", but("result", "GetMonitoringReport", lambda p: p.update(status="Rejected")), "NotSupported",
    ),
    "refuses a base without a word": ("TC_N_07_CS", but("result", "SetMonitoringBase", lambda p: p.update(status="Rejected")), "NotSupported"),
    "says why it does not support a base, in its own words": (
        "TC_N_07_CS", but("result", "SetMonitoringBase", lambda p: p.update(status="NotSupported", statusInfo={"reasonCode": "NoIdea"})), "NoIdea",
    ),
    "tells the setting that was": (
        "TC_N_61_CS", but("call", "NotifyEvent", each("eventData", lambda e: e.update(actualValue=str(int(e["actualValue"]) - 1)))), "actualValue",
    ),
    "tells events of long ago": (
        "TC_N_20_CS", but("call", "NotifyEvent", each("eventData", lambda e: e.update(timestamp="2027-01-15T07:00:00.000Z"))),
        "timestamp of an event",
    ),
    "says that it told long ago": (
        "TC_N_20_CS", but("call", "NotifyEvent", lambda p: p.update(generatedAt="2027-01-15T07:00:00.000Z")), "generatedAt of NotifyEventRequest",
    ),
    "gives every event one id": ("TC_N_20_CS", but("call", "NotifyEvent", each("eventData", lambda e: e.update(eventId=7))), "ids of three events"),
    "names another transaction": (
        "TC_N_20_CS",
        but("call", "NotifyEvent", each("eventData", lambda e: e.update(transactionId="T-0") if e.get("cleared") else None)),
        "transactionId of an event in a transaction",
    ),
    "tells the connector and its event differently": (
        "TC_N_23_CS",
        but("call", "StatusNotification", lambda p: p.update(connectorStatus="Reserved") if p["connectorStatus"] == "Occupied" else None),
        "connectorStatus beside the event",
    ),
    "counts the parts of an event from one": ("TC_N_45_CS", but("call", "NotifyEvent", lambda p: p.update(seqNo=1)), "seqNo of NotifyEventRequest"),
    "accepts a message of a stranger": ("TC_P_01_CS", but("result", "DataTransfer", lambda p: p.update(status="Accepted")), "DataTransferResponse"),
    "keeps the old value": (
        "TC_P_03_CS", but("result", "GetVariables", each("getVariableResult", lambda r: r.update(attributeValue="300"))), "expected '200'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("worse", WORSE)
def test_a_worse_station_fails(worse: str) -> None:
    """Else the case does not look at what it is about."""
    case_id, tamper, said = WORSE[worse]
    result = tried(case_id, tamper)
    assert (result.verdict, said in result.note) == (Verdict.FAIL, True), result.note


def by_event(kind: str, action: str, payload: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """A station that tells of connectors by NotifyEvent."""
    if (kind, action) != ("call", "StatusNotification"):
        return [(kind, action, payload)]
    place = {"id": payload["evseId"], "connectorId": payload["connectorId"]}
    told = {
        "eventId": 1, "timestamp": payload["timestamp"], "trigger": "Delta", "actualValue": payload["connectorStatus"],
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": place}, "variable": {"name": "AvailabilityState"},
    }  # fmt: skip
    return [(kind, "NotifyEvent", {"generatedAt": payload["timestamp"], "seqNo": 0, "eventData": [told]})]


def plain(payload: dict[str, Any]) -> None:
    """Custom data is dropped on the way back."""
    for one in payload.get("setVariableResult", payload.get("getVariableResult", [])):
        for name in ("component", "variable"):
            one[name].pop("customData", None)


RIGHT: dict[str, tuple[tuple[str, ...], Tamper]] = {
    # what it does: (the cases that have to pass, the station)
    "tells of connectors by NotifyEvent": (("TC_G_01_CS", "TC_G_02_CS", "TC_F_01_CS", "TC_N_53_CS", "TC_E_06_CS"), by_event),
    "counts its events on from transaction to transaction": (
        ("TC_F_04_CS", "TC_F_08_CS", "TC_E_06_CS"), but("call", "TransactionEvent", lambda p: p.update(seqNo=p["seqNo"] + 7)),
    ),
    "keeps custom data to itself": (("TC_P_03_CS",), but("result", "SetVariables", plain)),
    "measures a second late": (("TC_J_01_CS", "TC_J_06_CS"), but("call", "MeterValues", shifted(1))),
    "says why a variable is unknown, in its own words": (
        ("TC_N_37_CS",),
        but("result", "SetVariableMonitoring", each("setMonitoringResult", lambda r: r.update(statusInfo={"reasonCode": "Never"}))),
    ),
    "says why nothing is reported, in its own words": (
        ("TC_N_52_CS",),
        but("result", "GetMonitoringReport", lambda p: p.update(statusInfo={"reasonCode": "Empty"}) if p["status"] == "EmptyResultSet" else None),
    ),
    "supports no kind of monitors": (("TC_N_04_CS",), but("result", "GetMonitoringReport", lambda p: p.update(status="NotSupported"))),
    "supports no base": (
        ("TC_N_07_CS",), but("result", "SetMonitoringBase", lambda p: p.update(status="NotSupported", statusInfo={"reasonCode": "InvalidValue"})),
    ),
}  # fmt: skip


@pytest.mark.parametrize("right", RIGHT)
def test_a_station_that_is_right_in_another_way_passes(right: str) -> None:
    """Else a station that keeps to the specification is blamed for not being ours."""
    case_ids, tamper = RIGHT[right]
    assert {case_id: (one.verdict, one.note) for case_id in case_ids for one in [tried(case_id, tamper)]} == dict.fromkeys(
        case_ids, (Verdict.PASS, "")
    )


def in_parts(kind: str, action: str, payload: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """J01.FR.15: a station that tells of each measurand in a message of its own."""
    if (kind, action) != ("call", "MeterValues"):
        return [(kind, action, payload)]
    volts = copy.deepcopy(payload)
    volts["meterValue"][0]["sampledValue"] = [{"value": 230, "context": "Sample.Clock", "measurand": "Voltage"}]
    return [(kind, action, payload), (kind, action, volts)]


def test_a_moment_may_be_told_in_several_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """J01.FR.15.  Else a station whose messages are short fails."""
    # One frame becomes two here, which bear one message id; that is for another rule to see.
    monkeypatch.setattr(Trial, "_once", lambda *_: None)

    async def wanted(*_: object) -> set[str]:
        return {"Energy.Active.Import.Register", "Voltage"}

    monkeypatch.setattr("conformance.cases.j_meter_values.measurands", wanted)

    result = tried("TC_J_01_CS", in_parts)

    assert (result.verdict, result.note) == (Verdict.PASS, "")
    assert "['Voltage']" in tried("TC_J_01_CS", untouched).note


class Remembering(SimBench):
    """A station that goes on to the next case."""

    remembers = True


@pytest.mark.parametrize(("bench", "cleared"), [(Remembering, True), (SimBench, False)])
def test_no_monitor_is_left_for_the_next_case(bench: type[SimBench], cleared: bool) -> None:  # noqa: FBT001 (a row of a table)
    """Else the next case is answered Duplicate by a station that is right: its monitors outlive a restart."""
    (result,) = finished(run(chosen(case_ids=["TC_N_09_CS"]), lambda _: bench(shipped_config(), SCHEMAS), Settings(), SCHEMAS))

    (ids,) = [
        [one["id"] for one in e.payload["setMonitoringResult"]] for e in result.trace if (e.kind, e.name) == ("result", "SetVariableMonitoring")
    ]
    last = [(line.name, line.payload) for line in result.trace if (line.who, line.kind) == ("csms", "call")][-1]
    assert result.verdict is Verdict.PASS
    assert (last == ("ClearVariableMonitoring", {"id": sorted(ids)})) is cleared


def test_an_event_is_late_and_another_missing() -> None:
    """Part 6, general rules: events may come in any order.  Else a station that sends what is new first fails; or a lost event is not missed."""

    def event(seq_no: int, kind: str) -> Heard:
        told = {
            "eventType": kind, "timestamp": f"2027-01-15T08:00:0{seq_no}.000Z", "triggerReason": "Trigger", "seqNo": seq_no,
            "transactionInfo": {"transactionId": "T"},
        }  # fmt: skip
        return Heard("TransactionEvent", told, f"m{seq_no}", 0)

    def said(*events: Heard) -> str:
        t = Trial(SimBench(shipped_config(), SCHEMAS), Settings(), SCHEMAS)
        t._accepted = True
        for one in events:
            t._hear(one)
        t.looked = 1
        try:
            for _ in t.finish().__await__():
                pass
        except Failed as failed:
            return str(failed)
        return ""

    first, second, third, last = event(3, "Started"), event(4, "Updated"), event(5, "Updated"), event(6, "Ended")
    earlier = third._replace(payload={**third.payload, "timestamp": "2027-01-15T08:00:01.000Z"})
    other = third._replace(payload={**third.payload, "triggerReason": "Authorized"}, message_id="m7")

    assert said(first, second, third, last) == said(last, third, first, second) == ""
    assert said(first, third._replace(message_id="m8"), third, second, last) == ""
    assert "seqNo: expected 4, got 5" in said(first, third, last)
    assert "the first event of a transaction: expected Started" in said(second, third, last)
    assert "what follows the end of a transaction" in said(first, second, third._replace(payload={**third.payload, "eventType": "Ended"}), last)
    assert "eventType of a later event" in said(first, second, third._replace(payload={**third.payload, "eventType": "Started"}), last)
    assert "in the order of the numbers" in said(first, last, earlier, second)
    assert "seqNo: expected 6, got 5" in said(first, second, third, other, last)
