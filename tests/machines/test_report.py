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
from machines.inputs import Called, LinkDown
from machines.outbound.facts import Delivered, Queued
from machines.report import machine as report
from machines.storage.facts import StorageSeen
from stationd.run import configured
from tests.conftest import NewStory
from tests.machines.acts import plug, reconnect
from tests.story import Story, effects, facts
from wire import jsontext

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
    """The CSMS wants a report of its own choice."""
    return story.call("GetReport", {"requestId": 8, **asked}, f"c {story.at}")


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
