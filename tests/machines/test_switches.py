"""Controllers whose block is not built: they report Available=false and Enabled=false, and nobody can switch them on.

Invariant: whatever a component file declares, a CSMS is offered nothing that the station answers with NotSupported.
"""

from __future__ import annotations

from typing import Any

import pytest

from machines.device_model.controllers import ALWAYS_ENABLED, NOT_BUILT, reported_switch
from machines.device_model.facts import SettingRefused, VariableCleared, VariableSet
from machines.inputs import OperatorSet
from tests.machines.test_device_model import get, item, put, value
from tests.machines.test_layers import files
from tests.story import Story, facts
from wire.declared import Declared

AVAILABLE = Declared(component="LocalAuthListCtrlr", variable="Available", data_type="boolean", mutability="ReadOnly", value="true")
ENABLED = Declared(component="LocalAuthListCtrlr", variable="Enabled", data_type="boolean", value="true")
COST = Declared(component="TariffCostCtrlr", variable="Enabled", variable_instance="Cost", data_type="boolean", value="true")
ENTRIES = Declared(component="LocalAuthListCtrlr", variable="Entries", data_type="integer", value="7")
OF_AN_EVSE = Declared(component="V2XChargingCtrlr", variable="Enabled", data_type="boolean", value="true", evse_id=1)
CLOCK = Declared(component="ClockCtrlr", variable="Enabled", data_type="boolean", value="false")
SAMPLED = Declared(component="SampledDataCtrlr", variable="Enabled", data_type="boolean", value="true")
LISTS: dict[str, Any] = {"component": "LocalAuthListCtrlr"}


@pytest.fixture
def promising(story: Story) -> Story:
    """A station whose component files offer what is not built, as those of another station may."""
    story.files = files(AVAILABLE, ENABLED, COST, ENTRIES, OF_AN_EVSE, CLOCK)
    story.settle(story.when(story.files))
    return story


def test_a_block_that_is_not_built_is_reported_as_neither_available_nor_enabled(promising: Story) -> None:
    """If this failed, a CSMS would read Available=true, send a local list, and be answered NotSupported."""
    assert value(promising, "Available", **LISTS) == "false"
    assert value(promising, "Enabled", **LISTS) == "false"
    assert value(promising, "Enabled", component="TariffCostCtrlr", instance="Cost") == "false"
    assert value(promising, "Enabled", component="V2XChargingCtrlr", evse={"id": 1}) == "false"
    assert promising.error(promising.call("SendLocalList", {"versionNumber": 1, "updateType": "Full"})) == "NotSupported"


def test_b05_fr_09_a_block_that_is_not_built_cannot_be_enabled(promising: Story) -> None:
    """If this failed, Enabled=true would be Accepted, and nothing would be enabled."""
    (result,) = put(promising, item("Enabled", "true", **LISTS))
    assert result["attributeStatus"] == "Rejected"
    assert result["attributeStatusInfo"] == {
        "reasonCode": "ReadOnly",
        "additionalInfo": "the station does not have local authorization lists (block D)",
    }
    assert facts(promising.turns[-1], VariableSet) == []


def test_an_operator_cannot_enable_it_either(promising: Story) -> None:
    """If this failed, stationd config set would do what SetVariables is refused."""
    turn = promising.when(OperatorSet(component="LocalAuthListCtrlr", variable="Enabled", value="true"))
    (refused,) = facts(turn, SettingRefused)
    assert refused.reason == "the station does not have local authorization lists (block D); it cannot be set"


def test_its_other_variables_are_what_their_file_says(promising: Story) -> None:
    """If this failed, the switch would hide more than itself."""
    assert value(promising, "Entries", **LISTS) == "7"


def test_a_custom_report_finds_nothing_enabled(promising: Story) -> None:
    """B08.FR.09.  If this failed, the criterion Enabled would be met by what GetVariables calls disabled."""
    wanted = [{"component": {"name": "LocalAuthListCtrlr"}}]
    for criterion in ("Available", "Enabled"):
        asked = {"requestId": 1, "componentCriteria": [criterion], "componentVariable": wanted}
        assert promising.replies(promising.call("GetReport", asked, f"m-{criterion}"))["status"] == "EmptyResultSet"


def test_a_controller_that_cannot_be_switched_off_is_enabled(promising: Story) -> None:
    """If this failed, a CSMS could disable the clock, be told Accepted, and the clock would go on."""
    assert value(promising, "Enabled", component="ClockCtrlr") == "true"
    (result,) = put(promising, item("Enabled", "false", component="ClockCtrlr"))
    assert (result["attributeStatus"], result["attributeStatusInfo"]["additionalInfo"]) == ("Rejected", "this controller cannot be switched off")


def test_a_controller_with_a_switch_is_switched_by_whoever_sets_it(story: Story) -> None:
    """If this failed, the rule would take away switches that work."""
    (result,) = put(story, item("Enabled", "false", component="SampledDataCtrlr"))
    assert (result["attributeStatus"], value(story, "Enabled", component="SampledDataCtrlr")) == ("Accepted", "false")


def test_enabled_set_under_a_build_that_took_it_is_cleared_at_the_next_files(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, a value would lie in wait under a variable that nobody can set any more."""
    with monkeypatch.context() as built:
        built.delitem(NOT_BUILT, "localauthlistctrlr")
        story.settle(story.when(files(AVAILABLE, ENABLED)))
        (result,) = put(story, item("Enabled", "false", **LISTS))
        assert (result["attributeStatus"], value(story, "Available", **LISTS)) == ("Accepted", "true")
    turn = story.when(files(AVAILABLE, ENABLED, ENTRIES))
    assert [(fact.variable, fact.old, fact.cause) for fact in facts(turn, VariableCleared)] == [("Enabled", "false", "not writable")]
    story.turns.clear()  # decided by two builds: not one that replays as one
    story.station = story.kernel.genesis()


@pytest.mark.parametrize("component", sorted(NOT_BUILT))
def test_every_controller_that_is_not_built_reports_both_switches(component: str) -> None:
    """If this failed, a line of the table would do nothing."""
    assert component == component.casefold()
    assert component not in ALWAYS_ENABLED
    assert [reported_switch(component, name) for name in ("available", "enabled", "entries")] == ["false", "false", None]


def test_an_undeclared_switch_stays_unknown(story: Story) -> None:
    """If this failed, a station would report controllers that its files do not have."""
    (result,) = get(story, item("Enabled", component="ReservationCtrlr"))
    assert result["attributeStatus"] == "UnknownComponent"
