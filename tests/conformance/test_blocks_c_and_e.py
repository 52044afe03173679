"""Authorization and transactions: every case passes with this station, and fails with one that is worse.

Law: a case that passes whatever the station does is worth nothing, so every case here is shown a station, or a CSMS, that it must not pass.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from conformance import cases
from conformance.case import CASES
from conformance.catalogue import features_of
from conformance.run import chosen, finished, run
from conformance.sim_bench import SimBench, Tamper, untouched
from conformance.station import shipped_config
from conformance.trial import Settings, Trial
from conformance.verdict import Result, Verdict
from engine.machine import Station
from machines.outbound import machine as outbound
from stationd.csms_answers import read_schema
from wire.schemas import Schemas

SCHEMAS = Schemas(read_schema)
BLOCKS = sorted(case_id for case_id in CASES if case_id[3] in "CE")
REFUSED = ("TC_C_02_CS", "TC_C_06_CS", "TC_C_07_CS", "TC_C_56_CS")
RETRIED = ("TC_E_41_CS", "TC_E_42_CS", "TC_E_50_CS", "TC_E_51_CS")
ASKED = tuple(f"TC_E_{n}_CS" for n in range(28, 35))
OFFLINE = ("TC_C_26_CS", "TC_E_16_CS", "TC_E_29_CS", "TC_E_33_CS", "TC_E_40_CS", "TC_E_43_CS", "TC_E_44_CS")
WITH_A_CARD = tuple(case_id for case_id in BLOCKS if case_id not in ("TC_C_26_CS", "TC_E_16_CS", "TC_E_28_CS", "TC_E_34_CS", "TC_E_43_CS"))
CHARGING = tuple(case_id for case_id in BLOCKS if case_id not in (*REFUSED, "TC_C_45_CS", "TC_E_28_CS", "TC_E_34_CS", "TC_E_39_CS"))
ENDING = (
    "TC_C_39_CS",
    "TC_C_49_CS",
    *(f"TC_E_{n}_CS" for n in ("05", "06", "07", "08", "15", "16", "17", "20", "21", "22", "27", "31", "32", "35", "37", "39", "43", "44", "54")),
)


def tried(case_id: str, *, seed: int = 1, tamper: Tamper = untouched) -> Result:
    """One case with the machines of this build."""
    # The case for vehicles that communicate is tried too: at this bench all are alike.
    features = {**features_of(None), "HFS-4": "yes"}
    made = run(
        chosen(case_ids=[case_id]), lambda _: SimBench(shipped_config(), SCHEMAS, seed=seed, tamper=tamper), Settings(), SCHEMAS, features=features
    )
    return finished(made)[0]


def failed(case_id: str, tamper: Tamper = untouched) -> str:
    """What a case has against it; it has to have something."""
    result = tried(case_id, tamper=tamper)
    assert result.verdict is Verdict.FAIL, (case_id, result.verdict, result.note)
    return result.note


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_case_passes(seed: int) -> None:
    """Else the station is broken, or a case depends on how fast things happen."""
    assert cases.__all__
    results = {case_id: tried(case_id, seed=seed) for case_id in BLOCKS}
    assert {case_id: result.note for case_id, result in results.items() if result.verdict is not Verdict.PASS} == {}


def test_a_case_makes_the_same_journal_every_time() -> None:
    """Else a failure cannot be looked at again."""
    for case_id in ("TC_C_26_CS", "TC_E_29_CS", "TC_E_42_CS"):
        assert tried(case_id).digest == tried(case_id).digest
        assert tried(case_id).digest != tried(case_id, seed=2).digest


STARTS = ("EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer", "Authorized,EVConnected")
STOPS = ("EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer", "EVConnected,Authorized")


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("case_id", ["TC_C_39_CS", "TC_C_49_CS", "TC_E_03_CS", "TC_E_04_CS", "TC_E_06_CS", "TC_E_31_CS", "TC_E_44_CS"])
def test_the_states_follow_the_points_in_force(monkeypatch: pytest.MonkeyPatch, case_id: str, start: str) -> None:
    """Else a case that says nothing of start and stop points holds for the shipped ones only."""
    case = CASES[case_id]
    for stop in STOPS:
        points = {"TxCtrlr.TxStartPoint": start, "TxCtrlr.TxStopPoint": stop}
        monkeypatch.setitem(CASES, case_id, case._replace(configuration={**points, **case.configuration}))
        result = tried(case_id)
        assert (stop, result.verdict, result.note) == (stop, Verdict.PASS, "")


# A worse station


def without(action: str) -> Tamper:
    """A station that never sends *action*."""
    return lambda kind, name, payload: [] if (kind, name) == ("call", action) else [(kind, name, payload)]


def event(change: Callable[[dict[str, Any]], object]) -> Tamper:
    """A station whose transaction events are otherwise; a change that says False swallows the event."""

    def tamper(kind: str, action: str, payload: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
        if (kind, action) != ("call", "TransactionEvent"):
            return [(kind, action, payload)]
        other = copy.deepcopy(payload)
        return [] if change(other) is False else [(kind, action, other)]

    return tamper


def result(action: str, name: str, value: Callable[[Any], Any]) -> Tamper:
    """A station that answers *action* otherwise."""
    return lambda kind, what, payload: [(kind, what, {**payload, name: value(payload.get(name))} if (kind, what) == ("result", action) else payload)]


def other_card(kind: str, action: str, payload: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """A station that asks about another card than was presented."""
    return [(kind, action, {"idToken": {**payload["idToken"], "idToken": "OTHER"}} if (kind, action) == ("call", "Authorize") else payload)]


def never_occupied(kind: str, action: str, payload: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """A station that does not see vehicles."""
    return [] if (kind, payload.get("connectorStatus")) == ("call", "Occupied") else [(kind, action, payload)]


def info(payload: dict[str, Any]) -> dict[str, Any]:
    """The transactionInfo."""
    found: dict[str, Any] = payload["transactionInfo"]
    return found


WORSE: dict[str, tuple[Tamper, tuple[str, ...]]] = {
    "does not ask the CSMS": (without("Authorize"), WITH_A_CARD),
    "asks about another card": (other_card, WITH_A_CARD),
    "tells no events": (without("TransactionEvent"), (*CHARGING, "TC_E_39_CS")),
    "tells of no vehicle": (never_occupied, (*REFUSED, "TC_C_45_CS", *(c for c in CHARGING if c not in ("TC_E_16_CS", "TC_E_43_CS")))),
    "never charges": (event(lambda p: info(p).get("chargingState") != "Charging"), CHARGING),
    "never ends": (event(lambda p: p.update(eventType="Updated") if p["eventType"] == "Ended" else None), ENDING),
    "never starts": (event(lambda p: p.update(eventType="Updated") if p["eventType"] == "Started" else None), CHARGING),
    "gives another reason": (
        event(lambda p: info(p).update(stoppedReason="Other") if "stoppedReason" in info(p) else None),
        tuple(c for c in ENDING if c != "TC_E_43_CS"),
    ),
    "says nothing triggered it": (event(lambda p: p.update(triggerReason="Trigger")), tuple(c for c in CHARGING if c != "TC_E_43_CS")),
    "names no driver": (event(lambda p: p.pop("idToken", None)), CHARGING),
    "names no connector": (
        event(lambda p: p["evse"].pop("connectorId", None)),
        ("TC_E_01_CS", "TC_E_02_CS", "TC_E_03_CS", "TC_E_04_CS", "TC_E_09_CS"),
    ),
    "tells no state": (event(lambda p: info(p).pop("chargingState", None)), tuple(c for c in CHARGING if c not in ("TC_E_16_CS", "TC_E_43_CS"))),
    "skips numbers": (event(lambda p: p.update(seqNo=p["seqNo"] * 2)), tuple(c for c in CHARGING if c != "TC_E_02_CS")),
    "hides that it was offline": (event(lambda p: p.pop("offline", None)), OFFLINE),
    "measures nothing": (event(lambda p: p.pop("meterValue", None)), ("TC_E_29_CS", "TC_E_33_CS", "TC_E_40_CS")),
    "forgets the request": (event(lambda p: info(p).pop("remoteStartId", None)), ("TC_E_13_CS",)),
    "refuses to stop": (result("RequestStopTransaction", "status", lambda _: "Rejected"), ("TC_E_21_CS", "TC_E_35_CS")),
    "refuses to start": (result("RequestStartTransaction", "status", lambda _: "Rejected"), ("TC_E_13_CS",)),
    "is wrong about its queue": (result("GetTransactionStatus", "messagesInQueue", lambda queued: not queued), ASKED),
    "is wrong about what runs": (result("GetTransactionStatus", "ongoingIndicator", lambda runs: not runs), ASKED),
}


@pytest.mark.parametrize("worse", WORSE)
def test_a_worse_station_fails(worse: str) -> None:
    """Else the case does not look at what it is about."""
    tamper, fails = WORSE[worse]
    for case_id in fails:
        failed(case_id, tamper)


# A CSMS that says something else than the case thinks: to the case it is a station that does not heed what the CSMS says


@pytest.mark.parametrize("case_id", [*REFUSED, "TC_C_26_CS", "TC_E_16_CS"])
def test_a_station_that_takes_every_card_fails(monkeypatch: pytest.MonkeyPatch, case_id: str) -> None:
    """C01.FR.02, C15.  Else a station may charge whoever comes."""
    monkeypatch.setattr(Trial, "info", lambda *_: {"status": "Accepted"})
    assert "TransactionEventRequest" in failed(case_id)


@pytest.mark.parametrize("case_id", ["TC_C_04_CS", "TC_C_42_CS"])
def test_a_station_that_any_card_stops_fails(monkeypatch: pytest.MonkeyPatch, case_id: str) -> None:
    """C01.FR.03, C09.FR.11.  Else whoever passes by may end a charge."""
    monkeypatch.setattr(Trial, "info", lambda *_: {"status": "Accepted", "groupIdToken": {"idToken": "EVERYBODY", "type": "Central"}})
    assert "expected none" in failed(case_id)


def test_a_station_that_a_master_pass_starts_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """C16.FR.03.  Else whoever has a master pass charges for free."""
    monkeypatch.setattr(Trial, "info", lambda *_: {"status": "Accepted"})
    assert "after a master pass" in failed("TC_C_45_CS")


@pytest.mark.parametrize("case_id", ["TC_C_39_CS", "TC_C_49_CS"])
def test_a_station_that_knows_no_groups_fails(monkeypatch: pytest.MonkeyPatch, case_id: str) -> None:
    """C09.FR.03, C16.FR.02.  Else nobody but the driver can end a charge."""
    monkeypatch.setattr(Trial, "info", lambda *_: {"status": "Accepted"})
    failed(case_id)


# A station that does not try as often as it was told


class Fixed:
    """A variable that is what it is, whatever the CSMS sets."""

    def __init__(self, value: int) -> None:
        self.value = value

    def integer(self, station: Station) -> int:
        """The value."""
        del station
        return self.value


@pytest.mark.parametrize(
    ("variable", "value", "fails"),
    [
        ("ATTEMPTS", 4, ("TC_E_41_CS", "TC_E_50_CS")),
        ("ATTEMPTS", 2, ("TC_E_41_CS", "TC_E_50_CS")),
        ("ATTEMPTS", 1, RETRIED),
        ("ATTEMPT_INTERVAL_S", 0, RETRIED),
        ("ATTEMPT_INTERVAL_S", 4, RETRIED),
    ],
)
def test_a_station_that_tries_otherwise_than_it_was_told_fails(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: int, fails: tuple[str, ...]
) -> None:
    """E13.  Else the attempts and their intervals are anybody's guess."""
    monkeypatch.setattr(outbound, variable, Fixed(value))
    for case_id in fails:
        assert "attempt" in failed(case_id)
