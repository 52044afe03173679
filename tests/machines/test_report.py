"""B07 and B08: reports of the device model.

Law: a report is complete, of one moment, in numbered parts, and tells no secret.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from component_config.load import load, shipped
from component_config.schemas import installed_schemas
from engine.kernel import Turn
from machines.device_model.state import DEVICE_MODEL
from machines.effects import ReplyError
from machines.inputs import Called, LinkDown, OperatorSet
from machines.outbound.facts import Delivered, Queued
from machines.report import machine as report
from machines.storage.facts import StorageSeen
from stationd.run import configured
from tests.conftest import NewStory
from tests.machines.acts import plug, reconnect
from tests.machines.test_device_model import model
from tests.story import Story, effects, facts
from wire import jsontext
from wire.declared import Declared

SCHEMAS = installed_schemas()


def reported(turn: Turn | list[Turn]) -> list[dict[str, Any]]:
    """The NotifyReports that wait to be sent."""
    return [jsontext.decode(fact.payload) for fact in facts(turn, Queued) if fact.action == "NotifyReport"]


def entries(parts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What they tell, together."""
    for part in parts:
        yield from part["reportData"]


def named(entry: dict[str, Any]) -> str:
    """An entry by name."""
    component, variable = entry["component"], entry["variable"]
    evse = component.get("evse")
    where = f"@{evse['id']}" + (f".{evse['connectorId']}" if "connectorId" in evse else "") if evse else ""
    instance = f"[{variable['instance']}]" if "instance" in variable else ""
    slot = f"[{component['instance']}]" if "instance" in component else ""
    return f"{component['name']}{slot}{where}.{variable['name']}{instance}"


def base(story: Story, report_base: str, request_id: int = 7) -> Turn:
    """The CSMS wants a base report."""
    return story.call("GetBaseReport", {"requestId": request_id, "reportBase": report_base}, f"b{request_id} {story.at}")


def custom(story: Story, **asked: Any) -> Turn:
    """The CSMS wants a report of its own choice; each has an id of its own."""
    return story.call("GetReport", {"requestId": len(story.turns), **asked}, f"c {story.at}")


def names(story: Story, **asked: Any) -> list[str]:
    """What a custom report tells of."""
    return [named(entry) for entry in entries(reported(custom(story, **asked)))]


def test_b07_fr_08_a_full_inventory_tells_of_every_variable_once(shipped_story: Story) -> None:
    """With characteristics and all attributes, in parts that are numbered from 0 and carry the request's id."""
    turn = base(shipped_story, "FullInventory")
    assert shipped_story.replies(turn) == {"status": "Accepted"}
    parts = reported(turn)
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert [part["tbc"] for part in parts] == [True] * (len(parts) - 1) + [False]
    assert {part["requestId"] for part in parts} == {7}
    assert len({part["generatedAt"] for part in parts}) == 1
    model = shipped_story.station[DEVICE_MODEL]
    told = [named(entry) for entry in entries(parts)]
    assert len(told) == len(set(told)) == len(model.variables)
    assert sum(len(entry["variableAttribute"]) for entry in entries(parts)) == len(model.declared)
    assert all(entry["variableCharacteristics"]["dataType"] for entry in entries(parts))


@pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
def test_every_part_keeps_the_schema_of_the_link(new_story: NewStory, shipped_story: Story, subprotocol: str) -> None:
    """Whatever the files declare."""
    del shipped_story
    story = new_story().boot(subprotocol)
    story.when(configured(load([shipped()], lambda text, purpose: f"<sealed:{1:032x}:8:p>").declarations, None, None))  # noqa: ARG005
    version = subprotocol.removeprefix("ocpp")
    for report_base in ("FullInventory", "ConfigurationInventory", "SummaryInventory"):
        turn = base(story, report_base)
        for action, payload in story.settle(turn):
            if action == "NotifyReport":
                assert SCHEMAS.verdict(version, "NotifyReportRequest", json.dumps(payload).encode()) is None


def test_b07_fr_03_no_value_of_a_write_only_variable_is_told(shipped_story: Story) -> None:
    """The password is declared, and that is all that is said of it."""
    parts = reported(base(shipped_story, "FullInventory"))
    [password] = [entry for entry in entries(parts) if named(entry) == "SecurityCtrlr.BasicAuthPassword"]
    assert [sorted(attribute) for attribute in password["variableAttribute"]] == [["constant", "mutability", "persistent", "type"]]
    assert "sealed" not in json.dumps(parts).replace("NetworkConnectionProfiles", "")


def test_b07_fr_07_a_configuration_inventory_tells_of_what_can_be_set(shipped_story: Story) -> None:
    """And of nothing else."""
    told = {named(entry): entry for entry in entries(reported(base(shipped_story, "ConfigurationInventory")))}
    assert "OCPPCommCtrlr.HeartbeatInterval" in told
    assert "ChargingStation.Model" not in told
    for entry in told.values():
        assert any(attribute["mutability"] != "ReadOnly" for attribute in entry["variableAttribute"])


def test_b07_fr_09_a_summary_tells_of_availability(shipped_story: Story) -> None:
    """Of the station, each EVSE and each connector, as it is now."""
    plug(shipped_story)
    told = {named(entry): entry["variableAttribute"][0].get("value") for entry in entries(reported(base(shipped_story, "SummaryInventory")))}
    assert {name: value for name, value in told.items() if "AvailabilityState" in name} == {
        "ChargingStation.AvailabilityState": "Available",
        "EVSE@1.AvailabilityState": "Occupied",
        "EVSE@2.AvailabilityState": "Available",
        "Connector@1.1.AvailabilityState": "Occupied",
        "Connector@2.1.AvailabilityState": "Available",
    }


def test_values_are_those_of_the_moment_of_asking(shipped_story: Story) -> None:
    """What is set afterwards is in the next report."""
    turn = base(shipped_story, "FullInventory")
    item = {"attributeValue": "77", "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
    shipped_story.call("SetVariables", {"setVariableData": [item]}, "set")
    said = shipped_story.settle(turn)
    told = {named(entry): entry for action, payload in said if action == "NotifyReport" for entry in payload["reportData"]}
    assert told["OCPPCommCtrlr.HeartbeatInterval"]["variableAttribute"][0]["value"] != "77"
    again = {named(entry): entry for entry in entries(reported(base(shipped_story, "FullInventory", 9)))}
    assert again["OCPPCommCtrlr.HeartbeatInterval"]["variableAttribute"][0]["value"] == "77"


def test_b08_criteria_and_filters_both_limit_a_report(shipped_story: Story) -> None:
    """B08.FR.05, B08.FR.11, B08.FR.20 to FR.25."""
    heartbeat = {"component": {"name": "ocppcommctrlr"}, "variable": {"name": "HEARTBEATINTERVAL"}}
    assert names(shipped_story, componentVariable=[heartbeat]) == ["OCPPCommCtrlr.HeartbeatInterval"]
    attempts = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "MessageAttempts"}}
    assert names(shipped_story, componentVariable=[attempts]) == ["OCPPCommCtrlr.MessageAttempts[TransactionEvent]"]
    assert names(shipped_story, componentVariable=[{**attempts, "variable": {"name": "MessageAttempts", "instance": "Other"}}]) == []
    connectors = [name for name in names(shipped_story, componentVariable=[{"component": {"name": "Connector"}}]) if "Availab" in name]
    assert {name.partition(".Avail")[0] for name in connectors} == {"Connector@1.1", "Connector@2.1"}
    second = names(shipped_story, componentVariable=[{"component": {"name": "Connector", "evse": {"id": 2}}}])
    assert second
    assert {name.partition(".")[0] for name in second} == {"Connector@2"}
    both = names(shipped_story, componentVariable=[{"component": {"name": "AlignedDataCtrlr"}}, heartbeat], componentCriteria=["Enabled"])
    assert "AlignedDataCtrlr.Interval" in both


def test_b08_fr_07_to_fr_10_criteria_look_at_the_component(new_story: NewStory) -> None:
    """True, or without the variable; but for Problem, which must be true."""
    story = new_story({"AlignedDataCtrlr.Enabled": "false"}).boot()
    enabled = names(story, componentCriteria=["Enabled"])
    assert "AlignedDataCtrlr.Interval" not in enabled
    assert "OCPPCommCtrlr.HeartbeatInterval" in enabled
    assert "AlignedDataCtrlr.Interval" in names(story, componentCriteria=["Enabled", "Active"]), "one of them is enough (B08.FR.13)"


def test_b08_fr_09_a_criterion_counts_in_every_instance(shipped_story: Story) -> None:
    """TC_B_16.  Else a controller whose only Enabled variables are instances counts as one that has none, and is reported though it is off."""
    assert not any(name.startswith("TariffCostCtrlr.") for name in names(shipped_story, componentCriteria=["Enabled"]))
    assert "OCPPCommCtrlr.HeartbeatInterval" in names(shipped_story, componentCriteria=["Enabled"])


def test_an_empty_value_is_told(shipped_story: Story) -> None:
    """TC_B_53.  Else a CSMS takes a list that is empty for one that nobody has."""
    turn = custom(shipped_story, componentVariable=[{"component": {"name": "AlignedDataCtrlr"}, "variable": {"name": "TxEndedMeasurands"}}])
    ((one,),) = [part["reportData"] for part in reported(turn)]
    assert one["variableAttribute"][0]["value"] == ""


def test_b07_fr_11_what_is_unset_is_told_to_be_empty(shipped_story: Story) -> None:
    """VariableAttributeType, TC_B_53: a value is left out of what is WriteOnly only, and of a power that nobody has measured yet."""
    told = {named(entry): attribute for entry in entries(reported(base(shipped_story, "FullInventory"))) for attribute in entry["variableAttribute"]}
    assert told["ISO15118Ctrlr.CountryName"]["value"] == ""
    without = {name for name, attribute in told.items() if "value" not in attribute and attribute["mutability"] != "WriteOnly"}
    assert without == {"EVSE@1.Power", "EVSE@2.Power"}
    assert not [name for name, attribute in told.items() if "value" in attribute and attribute["mutability"] == "WriteOnly"]


def test_b08_fr_15_nothing_to_tell(shipped_story: Story) -> None:
    """Said at once, and no part follows."""
    for asked in ({"componentCriteria": ["Problem"]}, {"componentVariable": [{"component": {"name": "Toaster"}}]}):
        turn = custom(shipped_story, **asked)
        assert shipped_story.replies(turn) == {"status": "EmptyResultSet"}
        assert not reported(turn)


def test_b08_fr_17_more_filters_than_are_taken(new_story: NewStory) -> None:
    """An OccurrenceConstraintViolation."""
    story = new_story({"DeviceDataCtrlr.ItemsPerMessage(GetReport)": "2"}).boot()
    turn = custom(story, componentVariable=[{"component": {"name": f"C{n}"}} for n in range(65)])
    assert [effect.code for effect in effects(turn, ReplyError)] == ["OccurrenceConstraintViolation"]


def test_b08_fr_18_a_longer_request_than_is_taken(new_story: NewStory) -> None:
    """A FormatViolation, for a request that has no more filters than are taken."""
    story = new_story().boot()
    story.when(model((Declared(component="DeviceDataCtrlr", variable="BytesPerMessage", variable_instance="GetReport", value="100"),)))
    turn = custom(story, componentVariable=[{"component": {"name": "C" * 50}}, {"component": {"name": "D" * 50}}])
    assert [effect.code for effect in effects(turn, ReplyError)] == ["FormatViolation"]
    assert story.replies(custom(story, componentVariable=[{"component": {"name": "EVSE"}}])) == {"status": "Accepted"}


def test_b07_fr_13_a_station_without_room_says_so(shipped_story: Story) -> None:
    """And tells nothing."""
    shipped_story.when(StorageSeen(used_bytes=99, room_bytes=1, open_turns=1, oldest_last=-1, oldest_at_us=0))
    for turn in (base(shipped_story, "FullInventory"), custom(shipped_story, componentCriteria=["Available"])):
        assert shipped_story.replies(turn)["status"] == "Rejected"
        assert not reported(turn)
    shipped_story.when(StorageSeen(used_bytes=1, room_bytes=99, open_turns=1, oldest_last=-1, oldest_at_us=0))


def test_b07_fr_13_one_report_after_the_other(monkeypatch: pytest.MonkeyPatch, new_story: NewStory) -> None:
    """A CSMS that asks on and on does not fill the queue."""
    # Asked for before new_story, so that its replay still sees the shorter queue.
    monkeypatch.setattr(report, "WAITING_MOST", 1)
    story = new_story().boot()
    first = base(story, "FullInventory")
    assert story.replies(base(story, "FullInventory", 9))["status"] == "Rejected"
    story.settle(first)
    assert story.replies(base(story, "FullInventory", 10))["status"] == "Accepted"


def test_b07_fr_13_an_id_is_not_given_to_two_reports_at_once(shipped_story: Story) -> None:
    """Else the CSMS gets two parts 0, 1, 2 of one report; once the last part is on its way, the id is free."""
    story = shipped_story
    turn = base(story, "FullInventory", 7)
    refused = {"status": "Rejected", "statusInfo": {"reasonCode": "DuplicateRequestId", "additionalInfo": "report 7 is still being told"}}
    assert story.replies(base(story, "SummaryInventory", 7)) == refused
    assert story.replies(custom(story, requestId=7)) == refused
    assert story.replies(base(story, "SummaryInventory", 70))["status"] == "Accepted"
    story.when(LinkDown(link=story.link, reason="closed"))
    story.settle(reconnect(story))
    turn = base(story, "SummaryInventory", 7)
    assert len(reported(turn)) == 1
    assert story.replies(base(story, "SummaryInventory", 7))["status"] == "Accepted", "it is all said, but for the CSMS's answer"


def test_what_nobody_can_set_is_told_to_be_read_only(new_story: NewStory) -> None:
    """B07.FR.07.  Else a report offers what SetVariables refuses: a constant, what the station knows by itself, what the operator holds."""
    story = new_story().boot()
    loose = (
        Declared(component="EVSE", variable="Problem", data_type="boolean", evse_id=1),
        Declared(component="Fan", variable="Blades", data_type="integer", constant=True, value="5"),
        Declared(component="Fan", variable="Name", value="f"),
        Declared(component="Fan", variable="Key", mutability="WriteOnly"),
    )
    story.when(model(loose))
    story.when(OperatorSet(component="Fan", variable="Name", value="mine", hold=True))
    filters = [{"component": {"name": name}} for name in ("Fan", "EVSE")]
    told = {named(one): one["variableAttribute"][0]["mutability"] for one in entries(reported(custom(story, componentVariable=filters)))}
    assert told == {
        "EVSE@1.AvailabilityState": "ReadOnly", "EVSE@2.AvailabilityState": "ReadOnly", "EVSE@1.Problem": "ReadOnly",
        "Fan.Blades": "ReadOnly", "Fan.Name": "ReadOnly", "Fan.Key": "WriteOnly",
    }  # fmt: skip
    settable = [named(one) for one in entries(reported(base(story, "ConfigurationInventory")))]
    assert [name for name in settable if name.startswith(("Fan", "EVSE"))] == ["Fan.Key"]


def test_b07_fr_09_a_component_that_is_active_has_no_problem(shipped_story: Story) -> None:
    """TC_B_14 names Problem, Tripped, Overload and Fallback.  Else a lamp that is on stands among the faults."""
    story = shipped_story
    story.when(OperatorSet(component="ChargingStatusIndicator", variable="Active", value="true"))
    told = [named(one) for one in entries(reported(base(story, "SummaryInventory")))]
    assert {name.partition(".Avail")[0] for name in told} == {"ChargingStation", "EVSE@1", "EVSE@2", "Connector@1.1", "Connector@2.1"}


@pytest.mark.parametrize("name", ["Problem", "Tripped", "Overload", "Fallback"])
def test_b07_fr_09_what_is_wrong_is_in_the_summary(new_story: NewStory, name: str) -> None:
    """While it is so, and not longer."""
    story = new_story().boot()
    breaker = Declared(component="OverCurrentBreaker", variable=name, data_type="boolean", evse_id=1, value="false")
    story.when(model((breaker,)))

    def told() -> list[str]:
        return [text for one in entries(reported(base(story, "SummaryInventory", len(story.turns)))) if "Breaker" in (text := named(one))]

    assert told() == []
    story.when(OperatorSet(component="OverCurrentBreaker", variable=name, value="true", evse_id=1))
    assert told() == [f"OverCurrentBreaker@1.{name}"]


def test_b08_without_criteria_and_filters_everything_is_told(shipped_story: Story) -> None:
    """B08.FR.05 limits nothing where both are absent; B08.FR.12: with characteristics."""
    turn = custom(shipped_story)
    assert shipped_story.replies(turn) == {"status": "Accepted"}
    told = list(entries(reported(turn)))
    assert len(told) == len(shipped_story.station[DEVICE_MODEL].variables)
    assert all("variableCharacteristics" in one for one in told)


def test_b08_fr_04_b08_fr_14_parts_are_numbered_and_carry_the_id(shipped_story: Story) -> None:
    """Else a CSMS cannot put a custom report together."""
    parts = reported(custom(shipped_story, requestId=12, componentCriteria=["Available", "Enabled"]))
    assert len(parts) > 1
    assert [(part["requestId"], part["seqNo"], part["tbc"]) for part in parts] == [(12, n, n + 1 < len(parts)) for n in range(len(parts))]


def test_characteristics_are_told_as_declared(new_story: NewStory) -> None:
    """VariableCharacteristicsType: limits are numbers, whole where they are; what is not declared is left out."""
    story = new_story().boot()
    fan = Declared(
        component="Fan", variable="Speed", data_type="decimal", unit="rpm", min_limit="0.5", max_limit="1000", value="1", supports_monitoring=True
    )
    mode = Declared(component="Fan", variable="Mode", data_type="OptionList", values_list=("Off", "On"), value="Off")
    story.when(model((fan, mode)))
    told = [one["variableCharacteristics"] for one in entries(reported(custom(story, componentVariable=[{"component": {"name": "Fan"}}])))]
    assert told == [
        {"dataType": "decimal", "supportsMonitoring": True, "unit": "rpm", "minLimit": 0.5, "maxLimit": 1000},
        {"dataType": "OptionList", "supportsMonitoring": False, "valuesList": "Off,On"},
    ]
    assert isinstance(told[0]["maxLimit"], int)


def test_b08_fr_03_a_custom_report_tells_no_secret(shipped_story: Story) -> None:
    """Not even where it is asked for by name."""
    [one] = list(entries(reported(custom(shipped_story, componentVariable=[PASSWORD_VARIABLE]))))
    assert [sorted(attribute) for attribute in one["variableAttribute"]] == [["constant", "mutability", "persistent", "type"]]


PASSWORD_VARIABLE = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}

PLACES = (
    Declared(component="Fan", variable="Speed", value="1"),
    Declared(component="Fan", variable="Speed", variable_instance="Left", value="1"),
    Declared(component="Fan", variable="Name", value="f"),
    Declared(component="Fan", variable="Speed", component_instance="Spare", value="1"),
    Declared(component="Fan", variable="Speed", evse_id=1, value="1"),
    Declared(component="Fan", variable="Speed", component_instance="Spare", evse_id=1, value="1"),
    Declared(component="Fan", variable="Speed", evse_id=1, connector_id=1, value="1"),
    Declared(component="Fan", variable="Speed", evse_id=2, value="1"),
)


@pytest.mark.parametrize(
    ("component", "variable", "expected"),
    [
        # B08.FR.20, B08.FR.23, B08.FR.25: what is left out may be anything
        ({}, None, [".Speed", ".Speed[Left]", ".Name", "[Spare].Speed", "@1.Speed", "[Spare]@1.Speed", "@1.1.Speed", "@2.Speed"]),
        # B08.FR.21: every instance of the variable
        ({"evse": {"id": 2}}, {"name": "speed"}, ["@2.Speed"]),
        ({}, {"name": "SPEED", "instance": "left"}, [".Speed[Left]"]),
        ({}, {"name": "Name"}, [".Name"]),
        # B08.FR.22: every connector of the EVSE, and the EVSE itself
        ({"evse": {"id": 1}}, None, ["@1.Speed", "[Spare]@1.Speed", "@1.1.Speed"]),
        ({"evse": {"id": 1, "connectorId": 1}}, None, ["@1.1.Speed"]),
        # B08.FR.24: the instance that is named
        ({"instance": "SPARE"}, None, ["[Spare].Speed", "[Spare]@1.Speed"]),
        ({"instance": "Spare", "evse": {"id": 1}}, None, ["[Spare]@1.Speed"]),
        ({"instance": "Other"}, None, []),
        ({"evse": {"id": 3}}, None, []),
    ],
)
def test_b08_fr_20_to_fr_25_filters(new_story: NewStory, component: dict[str, Any], variable: dict[str, str] | None, expected: list[str]) -> None:
    """Else a CSMS that asks for the fans of the station gets one of them, or those of another EVSE."""
    story = new_story().boot()
    story.when(model(PLACES))
    asked = {"component": {"name": "fan", **component}, **({"variable": variable} if variable else {})}
    assert names(story, componentVariable=[asked]) == [f"Fan{place}" for place in expected]


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ("Active", ["absent", "true"]),
        ("Available", ["absent", "true"]),
        ("Enabled", ["absent", "true"]),
        ("Problem", ["true"]),
    ],
)
def test_b08_fr_07_to_fr_10_each_criterion(new_story: NewStory, criterion: str, expected: list[str]) -> None:
    """True, or without the variable (but for Problem); what is false is left out."""
    story = new_story().boot()
    units = [Declared(component="Unit", component_instance=name, variable="Name", value=name) for name in ("absent", "true", "false")]
    units += [Declared(component="Unit", component_instance=name, variable=criterion, data_type="boolean", value=name) for name in ("true", "false")]
    story.when(model(tuple(units)))
    found = names(story, componentCriteria=[criterion], componentVariable=[{"component": {"name": "Unit"}, "variable": {"name": "Name"}}])
    assert found == [f"Unit[{name}].Name" for name in expected]


def test_a_report_goes_on_after_the_link_was_lost(shipped_story: Story) -> None:
    """Its parts wait, and arrive in order."""
    turn = base(shipped_story, "FullInventory")
    parts = reported(turn)
    assert len(parts) > 1
    shipped_story.when(LinkDown(link=shipped_story.link, reason="closed"))
    shipped_story.wait(5)
    said = shipped_story.settle(reconnect(shipped_story))
    assert [payload["seqNo"] for action, payload in said if action == "NotifyReport"] == [part["seqNo"] for part in parts]
    assert len([fact for fact in facts(shipped_story.turns, Delivered) if fact.action == "NotifyReport"]) == len(parts)


def test_parts_are_limited_in_items_and_bytes(shipped_story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that is larger than a part stands alone."""
    found = list(entries(reported(base(shipped_story, "FullInventory"))))
    for items, size in ((10, 1 << 20), (1_000, 2_000), (1_000, 1)):
        monkeypatch.setattr(report, "PART_ITEMS", items)
        monkeypatch.setattr(report, "PART_BYTES", size)
        parts = list(report.split(found))
        assert [entry for part in parts for entry in part] == found
        assert all(len(part) <= items for part in parts)
        assert all(len(part) == 1 or len(jsontext.encode(part)) <= size + 1 for part in parts)
    monkeypatch.undo()
    assert list(report.split([])) == []


def test_the_same_station_gives_the_same_report(new_story: NewStory) -> None:
    """Byte for byte."""
    said = []
    for _ in range(2):
        story = new_story().boot()
        said.append([fact.payload for fact in facts(base(story, "FullInventory"), Queued)])
    assert said[0] == said[1]


def full_inventory(directory: Path) -> list[bytes]:
    """The parts of a report of everything that *directory* declares."""
    story = Story()
    story.files = configured(load([directory], lambda text, purpose: f"{purpose} of {len(text)}").declarations, None, None)
    story.start()
    turn = story.when(Called(link=0, message_id="m", action="GetBaseReport", payload=b'{"requestId":1,"reportBase":"FullInventory"}'))
    return [fact.payload for fact in facts(turn, Queued) if fact.action == "NotifyReport"]


RUN = """
import sys
from pathlib import Path
from tests.machines.test_report import full_inventory
sys.stdout.buffer.write(b" ".join(full_inventory(Path(sys.argv[1]))))
"""


def test_two_runs_tell_the_same_byte_for_byte() -> None:
    """Files, facts and a request make a report, and nothing else does: not the order of a directory, nor a hash."""
    argv = [sys.executable, "-c", RUN, str(shipped())]
    told = [subprocess.run(argv, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout for seed in ("1", "2")]
    assert told[0] == told[1]
    assert told[0].count(b'"variableCharacteristics"') > 100
