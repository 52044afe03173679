"""Derived variables: what another machine knows is what GetVariables tells, at every moment.

Law: nothing here is stored in the device model, so there is nothing that could be out of date.
"""

from __future__ import annotations

from tests.machines.acts import card, charge, meter, plug, unplug
from tests.machines.test_device_model import value
from tests.machines.test_evse import settled
from tests.story import Story


def at(story: Story, name: str, evse_id: int = 1) -> str:
    """A variable of an EVSE."""
    return value(story, name, component="EVSE", evse={"id": evse_id})


def test_an_evse_tells_how_far_charging_is(shipped_story: Story) -> None:
    """E and G: from plug to plug."""
    story = shipped_story
    assert (at(story, "ChargingState"), at(story, "ActiveTransactionId")) == ("Idle", "")
    plug(story)
    assert at(story, "ChargingState") == "EVConnected"
    card(story)
    charge(story)
    assert at(story, "ChargingState") == "Charging"
    transaction = at(story, "ActiveTransactionId")
    assert transaction
    assert value(story, "ActiveTransactionId", component="ChargingStation") == transaction
    plug(story, 2)
    assert (at(story, "ChargingState", 2), at(story, "ActiveTransactionId", 2)) == ("EVConnected", "")
    card(story)
    unplug(story)
    assert (at(story, "ChargingState"), at(story, "ActiveTransactionId")) == ("Idle", "")


def test_the_power_is_what_the_meter_told_last(shipped_story: Story) -> None:
    """Nothing before it told anything."""
    story = shipped_story
    assert at(story, "Power") == ""
    plug(story)
    story.settle(story.when(meter(energy_wh=1400, power_w=3000)))
    assert at(story, "Power") == "3000"
    assert at(story, "Power", 2) == ""


def test_a_fault_is_a_problem_of_all_that_it_is_part_of(shipped_story: Story) -> None:
    """B07.FR.09: a summary tells of it."""
    story = shipped_story
    problems = [("Connector", {"id": 1, "connectorId": 1}), ("EVSE", {"id": 1}), ("EVSE", {"id": 2}), ("ChargingStation", None)]

    def told() -> list[str]:
        return [value(story, "Problem", component=component, **({"evse": evse} if evse else {})) for component, evse in problems]

    assert told() == ["false", "false", "false", "false"]
    plug(story)
    card(story)
    for wait_s in (1, 2, 4):
        settled(story, "failed")
        story.wait(wait_s)
    assert told() == ["true", "true", "false", "true"]
