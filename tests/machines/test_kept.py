"""Readings that are kept for the last event of a transaction (TxEndedInterval, by samples and by the clock).

Law: the last event tells the course of its transaction, and of no other.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from machines.meter.facts import MeterRead, ValueKept
from machines.meter.kept import KEPT, MOST, thinned
from tests.conftest import NewStory
from tests.machines.acts import card, charge, do, events, levels, meter, plug, power_off, restart
from tests.machines.test_meter import ENERGY, POWER, running, samples
from tests.story import Story, facts
from wire import calendar

SAMPLED = {"SampledDataCtrlr.TxEndedInterval": "60", "SampledDataCtrlr.TxUpdatedInterval": "0"}
BY_CLOCK = {
    "AlignedDataCtrlr.TxEndedInterval": "60", "AlignedDataCtrlr.TxEndedMeasurands": ENERGY, "SampledDataCtrlr.TxEndedMeasurands": "",
    "SampledDataCtrlr.TxUpdatedInterval": "0",
}  # fmt: skip


def charged(story: Story, minutes: int) -> list[dict[str, Any]]:
    """So many minutes of charging, a reading every half of one; what is told of the end."""
    metered(story, minutes)
    return stopped(story)


def stopped(story: Story) -> list[dict[str, Any]]:
    """The driver stops, and the contactor opens; what is told of the end."""
    return events(card(story) + power_off(story))


def metered(story: Story, minutes: int) -> None:
    """A reading every half minute."""
    for half in range(2 * minutes):
        do(story, meter(energy_wh=2000 + 10 * half, power_w=1200))
        story.wait(30)


def times(event: dict[str, Any]) -> list[int]:
    """When the values of an event are of, in seconds since 1970."""
    return [(calendar.parse(one["timestamp"]) or 0) // 1_000_000 for one in event["meterValue"]]


def put(story: Story, component: str, name: str, value: str) -> None:
    """The CSMS sets a variable."""
    item = {"component": {"name": component}, "variable": {"name": name}, "attributeValue": value}
    story.settle(story.call("SetVariables", {"setVariableData": [item]}))


def test_j02_the_last_event_tells_the_samples_of_the_transaction(new_story: NewStory) -> None:
    """TC_J_10.  Else a CSMS that asked for a load profile gets two registers."""
    story = running(new_story(SAMPLED).boot())
    (event,) = charged(story, 3)
    assert samples(event) == [
        (ENERGY, "Sample.Periodic", 2010), (ENERGY, "Sample.Periodic", 2030), (ENERGY, "Sample.Periodic", 2050), (ENERGY, "Transaction.End", 2050),
    ]  # fmt: skip
    kept = times(event)[:-1]
    assert [two - one for one, two in pairwise(kept)] == [60, 60]


def test_j01_the_last_event_tells_what_the_clock_asked_for(new_story: NewStory) -> None:
    """TC_J_03.  Else a grid operator who wants quarters of an hour gets none of those in which somebody charged."""
    story = new_story(BY_CLOCK).boot()
    story.wait(17)
    running(story)
    (event,) = charged(story, 3)
    assert {context for _, context, _ in samples(event)} == {"Sample.Clock"}, "SampledDataCtrlr.TxEndedMeasurands is empty"
    assert len(times(event)) == 3
    assert times(event) == sorted(times(event))
    assert all(one["timestamp"] <= event["timestamp"] for one in event["meterValue"])


def test_both_kinds_are_told_in_the_order_of_time(new_story: NewStory) -> None:
    """Else whoever draws the course of a charge has to sort it first."""
    story = running(new_story({**BY_CLOCK, **SAMPLED, "SampledDataCtrlr.TxEndedMeasurands": f"{ENERGY},{POWER}"}).boot())
    (event,) = charged(story, 2)
    assert times(event) == sorted(times(event))
    assert {context for _, context, _ in samples(event)} == {"Sample.Periodic", "Sample.Clock", "Transaction.End"}


def test_nothing_is_kept_for_another_transaction(new_story: NewStory) -> None:
    """Else the second driver is billed for the first."""
    story = running(new_story(SAMPLED).boot())
    charged(story, 2)
    assert story.station[KEPT].of == {}
    card(story)
    charge(story)
    do(story, meter(energy_wh=5000, power_w=0))
    (event,) = stopped(story)
    assert samples(event) == [(ENERGY, "Transaction.End", 5000)]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {**SAMPLED, "SampledDataCtrlr.Enabled": "false"},
        {**SAMPLED, "SampledDataCtrlr.TxEndedMeasurands": ""},
        {**BY_CLOCK, "AlignedDataCtrlr.Enabled": "false"},
        {**BY_CLOCK, "AlignedDataCtrlr.TxEndedMeasurands": ""},
        {**BY_CLOCK, "AlignedDataCtrlr.SendDuringIdle": "true"},
    ],
)
def test_nothing_is_kept_that_nobody_wants(new_story: NewStory, settings: dict[str, str]) -> None:
    """J01.FR.19.  Else every transaction costs rows in the journal that are never told."""
    story = running(new_story(settings).boot())
    metered(story, 2)
    assert story.station[KEPT].of == {}


@pytest.mark.parametrize("list_", ["TxStartedMeasurands", "TxUpdatedMeasurands", "TxEndedMeasurands"])
def test_an_empty_list_of_measurands_means_none(new_story: NewStory, list_: str) -> None:
    """Else a CSMS cannot switch off what it does not want, and gets the register all the same."""
    story = new_story({f"SampledDataCtrlr.{list_}": "", "SampledDataCtrlr.TxUpdatedInterval": "60"}).boot()
    told = events(plug(story))
    card(story)
    charge(story)
    for turn in story.wait(61):
        told += events(story.settle(turn))
    told += stopped(story)
    trigger = {"TxStartedMeasurands": "CablePluggedIn", "TxUpdatedMeasurands": "MeterValuePeriodic", "TxEndedMeasurands": "StopAuthorized"}
    contexts = {context for event in told for _, context, _ in samples(event)}
    lacking = {"TxStartedMeasurands": "Transaction.Begin", "TxUpdatedMeasurands": "Sample.Periodic", "TxEndedMeasurands": "Transaction.End"}
    assert contexts == set(lacking.values()) - {lacking[list_]}
    silent = [event.get("meterValue") for event in told if event["triggerReason"] == trigger[list_]]
    assert silent == ([] if list_ == "TxUpdatedMeasurands" else [None]), "a sample that holds no value is not sent"


def test_an_interval_that_is_set_meanwhile_counts_from_then(new_story: NewStory) -> None:
    """Else the CSMS waits for the next transaction to see what it has just configured."""
    story = running(new_story({**SAMPLED, "SampledDataCtrlr.TxEndedInterval": "0"}).boot())
    metered(story, 1)
    put(story, "SampledDataCtrlr", "TxEndedInterval", "30")
    metered(story, 1)
    put(story, "SampledDataCtrlr", "TxEndedInterval", "0")
    metered(story, 1)
    (event,) = stopped(story)
    assert [context for _, context, _ in samples(event)] == ["Sample.Periodic", "Sample.Periodic", "Transaction.End"]


def test_a_reading_of_before_is_not_of_the_transaction(new_story: NewStory) -> None:
    """Else a profile begins before its transaction does."""
    story = new_story({**SAMPLED, "SampledDataCtrlr.TxEndedMeasurands": "Voltage"}).boot()
    do(story, meter(power_w=0, voltage_mv=(230_000,)))
    story.wait(10)
    running(story)
    assert facts(story.wait(61), ValueKept) == []


def test_a_power_cut_keeps_what_was_kept_and_makes_nothing_up(new_story: NewStory) -> None:
    """Else a power cut costs the profile, or a week in the dark fills it with one reading."""
    story = running(new_story({**SAMPLED, "OCPPCommCtrlr.HeartbeatInterval": "0"}).boot())
    metered(story, 2)
    story.at += 86_400_000_000
    restart(story)
    story.settle(story.when(levels(plugged=True, pilot="C", energy_wh=3000)))
    story.wait(59)
    assert 2 <= len(story.station[KEPT].of[1].sampled) <= 3


def test_too_many_lose_every_second_one_in_between() -> None:
    """J02.FR.20.  Else a charge of a week makes a message that nobody takes."""
    reading = MeterRead(evse_id=1, energy_wh=1000, power_w=0, at_us=0)
    values = tuple(ValueKept(evse_id=1, context="Sample.Periodic", reading=reading, when_us=n) for n in range(MOST + 1))
    assert thinned(values[:MOST]) == values[:MOST]
    fewer = [one.when_us for one in thinned(values)]
    assert fewer[:3] == [0, 2, 4]
    assert fewer[-1] == MOST
    assert len(fewer) <= MOST // 2 + 2
