"""Block J: what the meters say, when, and in whose words.

Law: a value is told as it was read, at the moment at which it was read, and what was not measured is not told.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from machines.clock.views import timestamp
from machines.effects import ReadMeter
from machines.inputs import CableConnected, CableDisconnected
from machines.meter.facts import AlignedPaced
from machines.meter.state import METERS
from tests.conftest import NewStory
from tests.machines.acts import card, charge, do, events, levels, meter, one, plug, power_off, queued, restart
from tests.story import WALL_US, Story, effects
from wire import calendar

ENERGY, POWER = "Energy.Active.Import.Register", "Power.Active.Import"


def samples(event: dict[str, Any]) -> list[tuple[str, str, float]]:
    """(measurand, context, value) of an event's meter values."""
    return [(v["measurand"], v["context"], v["value"]) for value in event.get("meterValue", []) for v in value["sampledValue"]]


def running(story: Story) -> Story:
    """A session that charges."""
    plug(story)
    card(story)
    charge(story)
    return story


def test_e01_fr_09_e06_fr_11_begin_and_end_carry_the_register_as_it_was_read(story: Story) -> None:
    """J02.FR.16, J02.FR.17.  Else a bill has no beginning, or starts at zero although the meter does not."""
    do(story, meter(energy_wh=123_456, power_w=0))
    (event,) = events(plug(story))
    assert samples(event) == [(ENERGY, "Transaction.Begin", 123_456)]
    card(story)
    charge(story)
    do(story, meter(energy_wh=130_000, power_w=7000))
    (event,) = events(card(story) + power_off(story))
    assert samples(event) == [(ENERGY, "Transaction.End", 130_000)]
    (value,) = event["meterValue"]
    assert value["sampledValue"][0]["unitOfMeasure"] == {"unit": "Wh"}
    assert value["sampledValue"][0]["location"] == "Outlet"


def test_j02_fr_11_periodic_values_at_every_interval(story: Story) -> None:
    """Else the driver's app shows nothing for hours, or everything at once."""
    running(story)
    found = []
    for minute in range(1, 6):
        do(story, meter(energy_wh=1000 + minute, power_w=100 * minute))
        for turn in story.wait(60):
            found += events(story.settle(turn))
    assert [(e["triggerReason"], samples(e)) for e in found] == [
        ("MeterValuePeriodic", [(ENERGY, "Sample.Periodic", 1000 + n), (POWER, "Sample.Periodic", 100 * n)]) for n in range(1, 6)
    ]


def test_j02_fr_11_the_pace_counts_from_the_start_and_does_not_drift(story: Story) -> None:
    """Else samples wander by the time that each of them takes."""
    running(story)
    due = []
    for _ in range(5):
        (turn,) = [t for t in story.wait(60) if any(action == "TransactionEvent" for action, _ in queued(t))]
        due.append(turn.at)
        story.settle(turn)
    assert {b - a for a, b in itertools.pairwise(due)} == {60_000_000}


@pytest.mark.parametrize("settings", [{"SampledDataCtrlr.TxUpdatedInterval": "0"}, {"SampledDataCtrlr.Enabled": "false"}])
def test_j02_without_sampling_begin_and_end_are_told_all_the_same(new_story: NewStory, settings: dict[str, str]) -> None:
    """Else switching off samples switches off the bill."""
    story = running(new_story(settings).boot())
    assert [t for t in story.wait(290) if any(action == "TransactionEvent" for action, _ in queued(t))] == []
    (event,) = events(card(story) + power_off(story))
    assert samples(event) == [(ENERGY, "Transaction.End", 1000)]


def test_a_new_interval_counts_from_now_on_in_running_transactions(story: Story) -> None:
    """Else the CSMS waits for the next transaction to see what it has just configured."""
    running(story)
    story.wait(30)

    def put(value: str) -> None:
        item = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}, "attributeValue": value}
        story.settle(story.call("SetVariables", {"setVariableData": [item]}))

    def told(seconds: float) -> int:
        found = 0
        for turn in story.wait(seconds):
            found += sum(e["triggerReason"] == "MeterValuePeriodic" for e in events(story.settle(turn)))
        return found

    put("10")
    assert told(9.9) == 0
    assert told(10.2) == 2
    put("0")
    assert told(3600) == 0
    put("10")
    assert told(10.1) == 1


def test_samples_missed_while_the_power_was_out_are_not_made_up(new_story: NewStory) -> None:
    """Else a station that was dark for a week begins with ten thousand samples of one reading."""
    story = running(new_story({"OCPPCommCtrlr.HeartbeatInterval": "0"}).boot())
    story.at += 7 * 86_400_000_000
    restart(story)
    story.settle(story.when(levels(plugged=True, pilot="C")))
    found = [e for turn in story.wait(59) for e in events(story.settle(turn)) if e["triggerReason"] == "MeterValuePeriodic"]
    assert len(found) <= 1


def test_the_timestamp_is_the_readings_own(story: Story) -> None:
    """J02.FR.18.  Else a value of five minutes ago looks like one of now."""
    do(story, meter(energy_wh=2000, wall_us=WALL_US - 61_000_000))
    (event,) = events(plug(story))
    assert event["meterValue"][0]["timestamp"] == "2027-01-15T07:58:59.000Z", "a meter with a clock of its own"
    do(story, meter(2, energy_wh=2000))
    story.wait(1)
    (event,) = events(plug(story, 2))
    assert event["meterValue"][0]["timestamp"] < event["timestamp"]


def test_a_register_behind_an_open_contactor_holds_now(new_story: NewStory) -> None:
    """J02.FR.10.  Else a transaction begins with values of yesterday; a voltage of yesterday is none of now."""
    story = new_story({"SampledDataCtrlr.TxStartedMeasurands": f"{ENERGY},{POWER},Voltage"}).boot()
    do(story, meter(energy_wh=2000, power_w=3, voltage_mv=(230_000,)))
    story.wait(3600)
    (event,) = events(queued(story.when(CableConnected(evse_id=1, connector_id=1))))
    assert samples(event) == [(ENERGY, "Transaction.Begin", 2000), (POWER, "Transaction.Begin", 0)]
    assert event["meterValue"][0]["timestamp"] == event["timestamp"]


def test_a_power_that_no_meter_gives_is_not_told(story: Story) -> None:
    """Else the CSMS bills, or balances, by a number that nobody measured."""
    running(story)
    told = [event for turn in story.wait(60.1) for event in events(story.settle(turn))]
    assert [samples(event) for event in told] == [[(ENERGY, "Sample.Periodic", 1000)]], "after a start the register is known and nothing else"
    do(story, meter(energy_wh=1001, power_w=-1))
    told = [event for turn in story.wait(60) for event in events(story.settle(turn))]
    assert [samples(event) for event in told] == [[(ENERGY, "Sample.Periodic", 1001)]]


@pytest.mark.parametrize("answers", [True, False])
def test_a_sample_is_of_the_moment_at_which_it_is_due(story: Story, *, answers: bool) -> None:
    """Else a meter that speaks every minute makes samples of ten seconds ago; one that is silent is not waited for."""
    story.meters_answer = answers
    running(story)
    do(story, meter(energy_wh=1500, power_w=7000))
    due = story.at
    story.wait(55)
    turns = story.wait(10)
    asked = next(turn for turn in turns if effects(turn, ReadMeter))
    (event,) = [event for turn in turns for event in events(story.settle(turn))]
    sampled_at = calendar.parse(event["meterValue"][0]["timestamp"])
    assert sampled_at is not None
    read_at = (asked.at if answers else due) + story.station.parts["clock"].offset_us
    assert abs(sampled_at - read_at) <= 2_000
    assert story.station[METERS].due == {}


def test_phases_are_told_apart_and_without_rounding(new_story: NewStory) -> None:
    """Else a three-phase vehicle is one number, or 15.999 A is 16 A."""
    story = new_story({"SampledDataCtrlr.TxStartedMeasurands": "Current.Import,Voltage,Nonsense,SoC"}).boot()
    do(story, meter(power_w=1, current_ma=(16_000, 15_999, 0), voltage_mv=(230_100, 229_000)))
    (event,) = events(plug(story))
    found = event["meterValue"][0]["sampledValue"]
    assert [(v["measurand"], v["phase"], v["value"], v["unitOfMeasure"]["unit"]) for v in found] == [
        ("Current.Import", "L1", 16, "A"),
        ("Current.Import", "L2", 15.999, "A"),
        ("Current.Import", "L3", 0, "A"),
        ("Voltage", "L1-N", 230.1, "V"),
        ("Voltage", "L2-N", 229, "V"),
    ]


@pytest.mark.parametrize("measurands", ["Nonsense", "SoC,Frequency"])
def test_an_event_without_any_value_has_no_meter_value_at_all(new_story: NewStory, measurands: str) -> None:
    """Else the message breaks its schema: a meterValue holds one value at least; and a sample without a value is not sent at all."""
    story = new_story({"SampledDataCtrlr.TxStartedMeasurands": measurands, "SampledDataCtrlr.TxUpdatedMeasurands": measurands}).boot()
    (event,) = events(plug(story))
    assert "meterValue" not in event
    card(story)
    charge(story)
    assert [event for turn in story.wait(150) for event in events(story.settle(turn))] == []


def test_an_evse_without_a_meter_has_sessions_too(new_story: NewStory) -> None:
    """Else a silent meter makes the first event Faulted."""
    story = new_story(evses=1)
    story.start()
    story.settle(story.answer(story.connect(), {"status": "Accepted", "interval": 300, "currentTime": "2027-01-15T08:00:00Z"}))
    (event,) = events(plug(story))
    assert "meterValue" not in event
    (event,) = events(do(story, CableDisconnected(evse_id=1, connector_id=1)))
    assert "meterValue" not in event


# J01


def aligned(story: Story, seconds: float) -> list[tuple[str, dict[str, Any]]]:
    """What is said of clock-aligned values within *seconds*."""
    found = []
    for turn in story.wait(seconds):
        for action, payload in story.settle(turn):
            if action == "MeterValues" or payload.get("triggerReason") == "MeterValueClock":
                found.append((action, payload))
    return found


def test_j01_fr_14_j01_fr_22_aligned_values_idle_and_in_a_transaction(new_story: NewStory) -> None:
    """Else an EVSE without a session is never told, or one with a session is told apart from its transaction."""
    story = new_story({"AlignedDataCtrlr.Interval": "900", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    plug(story, 2)
    found = aligned(story, 900)
    assert [(action, p.get("evseId") or p["evse"]["id"]) for action, p in found] == [("MeterValues", 1), ("TransactionEvent", 2)]
    assert {context for _, p in found for _, context, _ in samples(p)} == {"Sample.Clock"}
    assert found[1][1]["triggerReason"] == "MeterValueClock"


@pytest.mark.parametrize("power_w", [0, 5])
@pytest.mark.parametrize("answers", [True, False])
def test_j01_fr_14_aligned_values_of_an_evse_at_rest_are_of_the_moment(new_story: NewStory, power_w: int, *, answers: bool) -> None:
    """TC_J_01, TC_J_06.  Else the values of an idle EVSE freeze at the start, and those that were not read then are never told."""
    settings = {"AlignedDataCtrlr.Interval": "900", "AlignedDataCtrlr.Measurands": f"{ENERGY},Voltage,{POWER}"}
    story = new_story(settings).boot()
    story.meters_answer = answers
    do(story, meter(energy_wh=2000, power_w=power_w, voltage_mv=(230_000,)))
    told = [(turn, payload) for turn in story.wait(1810) for action, payload in queued(turn) if action == "MeterValues"]
    mine = [(turn, payload) for turn, payload in told if payload["evseId"] == 1]
    assert len(mine) == 2
    for turn, payload in mine:
        when = calendar.parse(payload["meterValue"][0]["timestamp"])
        assert when is not None
        assert abs(turn.at + story.station.parts["clock"].offset_us - when) <= 2_000
        known = [ENERGY, "Voltage", POWER] if answers else [ENERGY, POWER]
        assert [measurand for measurand, _, _ in samples(payload)] == known, "a silent meter's register stands still, its voltage is not known"
    assert len({payload["meterValue"][0]["timestamp"] for _, payload in mine}) == 2


def test_values_that_are_due_at_once_are_told_one_after_the_other(new_story: NewStory) -> None:
    """Else two events of a transaction have one number."""
    settings = {"AlignedDataCtrlr.Interval": "60", "SampledDataCtrlr.TxUpdatedInterval": "60", "OCPPCommCtrlr.HeartbeatInterval": "0"}
    story = new_story(settings).boot()
    row = next(r for r in story.kernel.due(story.station, 10**18) if r[2] == "aligned")
    story.wait((row[0] - story.at) / 1e6 - 1)
    running(story)
    do(story, meter(energy_wh=2000, power_w=7000))
    item = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}, "attributeValue": "59"}
    story.settle(story.call("SetVariables", {"setVariableData": [item]}))
    told = events(queued(story.wait(130)))
    assert [event["seqNo"] for event in told] == list(range(told[0]["seqNo"], told[0]["seqNo"] + len(told)))
    assert {event["triggerReason"] for event in told} == {"MeterValueClock", "MeterValuePeriodic"}


def test_j01_aligned_values_are_due_at_multiples_of_the_interval_since_midnight(new_story: NewStory) -> None:
    """Else stations of one site are not aligned with each other.  The story begins at 08:00 UTC, and the CSMS's clock is a little off."""
    story = new_story({"AlignedDataCtrlr.Interval": "600"}).boot()
    times = []
    for _ in range(5):
        row = next(r for r in story.kernel.due(story.station, 10**18) if r[2] == "aligned")
        times.append(timestamp(story.station, row[0]))
        assert len(aligned(story, (row[0] - story.at) / 1e6 + 0.001)) == 2
    assert times == [f"2027-01-15T08:{minutes}:00.000Z" for minutes in (10, 20, 30, 40, 50)]


def test_j01_an_interval_that_does_not_divide_the_day_begins_again_at_midnight(new_story: NewStory) -> None:
    """Else the values of tomorrow are not where those of today were."""
    story = new_story({"AlignedDataCtrlr.Interval": "50000"}).boot()
    due = []
    for _ in range(4):
        row = next(r for r in story.kernel.due(story.station, 10**18) if r[2] == "aligned")
        due.append(round((WALL_US + row[0]) / 1e6) % 86_400)
        aligned(story, (row[0] - story.at) / 1e6 + 0.1)
    assert due == [50_000, 0, 50_000, 0]


@pytest.mark.parametrize("settings", [{"AlignedDataCtrlr.Interval": "0"}, {"AlignedDataCtrlr.Interval": "60", "AlignedDataCtrlr.Enabled": "false"}])
def test_j01_aligned_values_are_off_where_they_are_off(new_story: NewStory, settings: dict[str, str]) -> None:
    """Else a CSMS that does not want them gets them."""
    assert aligned(new_story(settings).boot(), 7200) == []


@pytest.mark.parametrize(("plugged", "told"), [(False, [1, 2]), (True, [])])
def test_j01_fr_19_j01_fr_20_send_during_idle_is_silent_while_anybody_charges(new_story: NewStory, *, plugged: bool, told: list[int]) -> None:
    """Else SendDuringIdle is decoration."""
    story = new_story({"AlignedDataCtrlr.Interval": "900", "AlignedDataCtrlr.SendDuringIdle": "true"}).boot()
    if plugged:
        plug(story, 2)
    assert [p["evseId"] for _, p in aligned(story, 900)] == told


def test_j01_switched_on_by_the_csms_they_begin_at_the_next_multiple(story: Story) -> None:
    """Else they begin after the next restart."""
    item = {"component": {"name": "AlignedDataCtrlr"}, "variable": {"name": "Interval"}, "attributeValue": "3600"}
    turn = story.call("SetVariables", {"setVariableData": [item]})
    assert 3599 < (one(turn, AlignedPaced).due_us - turn.at) / 1e6 <= 3600
    assert len(aligned(story, 3600)) == 2
