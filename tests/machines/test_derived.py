"""Derived variables: what another machine knows is what GetVariables tells, at every moment.

Law: nothing here is stored in the device model, so there is nothing that could be out of date.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.machine import Context, Station
from machines.device_model.derived import BY_NAME, READS, counts_by_itself, derived
from machines.device_model.state import DEVICE_MODEL
from machines.inputs import ConfigLoaded, PilotChanged
from machines.outbound.facts import Queued
from tests.conftest import NewStory
from tests.machines.acts import card, charge, meter, plug, restart, unplug
from tests.machines.test_device_model import model, value
from tests.machines.test_evse import settled
from tests.machines.test_protocol import BROKEN
from tests.story import Story, declarations, facts
from wire import jsontext
from wire.declared import Declared, written


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
    story.settle(story.when(meter(energy_wh=1400, power_w=0)))
    assert at(story, "Power") == "0"
    story.settle(story.when(meter(energy_wh=1400)))
    assert at(story, "Power") == "", "a reading without a power"


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


def problem(component: str, evse_id: int = 0, connector_id: int = 0) -> Declared:
    """A Problem that can be read."""
    return Declared(
        component=component,
        variable="Problem",
        data_type="boolean",
        mutability="ReadOnly",
        evse_id=evse_id,
        connector_id=connector_id,
        supports_monitoring=True,
    )


def breaks(story: Story, evse_id: int) -> None:
    """A decision about an EVSE fails, and it counts as faulted."""
    story.when(PilotChanged(evse_id=evse_id, state="F"))


@pytest.mark.parametrize(
    ("broken", "plugged", "expected"),
    [
        ((), (), "Available"),
        ((1,), (), "Available"),
        ((1,), (2,), "Occupied"),
        ((2,), (1,), "Occupied"),
        ((), (1, 2), "Occupied"),
        ((1, 2), (), "Faulted"),
    ],
)
def test_a_station_is_as_well_off_as_the_best_of_its_evses(
    new_story: NewStory,
    broken: tuple[int, ...],
    plugged: tuple[int, ...],
    expected: str,
) -> None:
    """Else a station at which somebody charges is Faulted or not by the number of the EVSE that is broken."""
    story = new_story(kernel=BROKEN).boot()
    for evse_id in broken:
        breaks(story, evse_id)
    for evse_id in plugged:
        plug(story, evse_id)
    assert value(story, "AvailabilityState", component="ChargingStation") == expected


def test_an_evse_has_its_problem_while_a_vehicle_stands_there(new_story: NewStory) -> None:
    """Else the CSMS sees an EVSE without a fault that will serve nobody: its connector stays Occupied until the vehicle leaves."""
    story = new_story(kernel=BROKEN).boot()
    story.files = model((problem("ChargingStation"), problem("EVSE", 1), problem("Connector", 1, 1), problem("EVSE", 2)))
    story.when(story.files)
    places: list[tuple[str, dict[str, int] | None]] = [("Connector", {"id": 1, "connectorId": 1}), ("EVSE", {"id": 1}), ("ChargingStation", None)]

    def told() -> list[str]:
        return [value(story, "Problem", component=component, **({"evse": evse} if evse else {})) for component, evse in places]

    plug(story)
    breaks(story, 1)
    assert at(story, "AvailabilityState") == "Occupied"
    assert told() == ["true", "true", "true"]
    assert at(story, "Problem", 2) == "false"
    unplug(story)
    assert at(story, "AvailabilityState") == "Faulted"
    restart(story)
    assert told() == ["false", "false", "false"], "a start is a new beginning"


def test_every_view_reads_only_what_makes_monitors_look(shipped_story: Story) -> None:
    """Else a monitor misses a change; but for what counts by itself, which can have no monitor."""
    story = shipped_story
    plug(story)
    card(story)
    charge(story)
    story.settle(story.when(meter(energy_wh=1400, power_w=3000)))
    seen = {part.name for part in READS}

    class Watched(dict[str, Any]):
        """Parts that say who reads them."""

        def __getitem__(self, name: str) -> Any:
            assert name in seen or counts_by_itself(key), (key, name)
            return super().__getitem__(name)

    shown = 0
    for key in story.station[DEVICE_MODEL].declared:
        view = derived(key)
        if view is not None:
            view(Station(Watched(story.station.parts)), Context(seq=0, at=story.at, luck=0), key)
            shown += 1
    assert shown > len(BY_NAME)


def test_the_time_can_have_no_monitor(story: Story) -> None:
    """N04.FR.05.  Else a Delta on it tells of the time whenever something else happens; a report says that it has none, whatever the file says."""
    loose = Declared(component="ClockCtrlr", variable="DateTime", data_type="dateTime", mutability="ReadOnly", supports_monitoring=True)
    others = [fields for fields in json.loads(declarations().body) if fields[:2] != ["ClockCtrlr", "DateTime"]]
    story.when(ConfigLoaded(digest="loose", body=json.dumps([*others, written(loose)]).encode()))
    asked = {"component": {"name": "ClockCtrlr"}, "variable": {"name": "DateTime"}}
    turn = story.call("SetVariableMonitoring", {"setMonitoringData": [{**asked, "value": 60, "type": "Delta", "severity": 5}]})
    assert story.replies(turn)["setMonitoringResult"][0]["status"] == "UnsupportedMonitorType"
    turn = story.call("GetReport", {"requestId": 1, "componentVariable": [asked]}, "m2")
    ((told,),) = [jsontext.decode(fact.payload)["reportData"] for fact in facts(turn, Queued)]
    assert told["variableCharacteristics"]["supportsMonitoring"] is False
