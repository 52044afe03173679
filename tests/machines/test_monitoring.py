"""N02 to N08: monitors are set, cleared, reported, and heard of.

Law: an event for every crossing and none besides; what the CSMS set outlives everything but its variable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from component_config.schemas import installed_schemas
from engine.event import replace
from engine.kernel import Faulted, Settled, Turn
from engine.machine import Context
from machines.device_model.derived import derived
from machines.effects import ReplyError, SetEvse
from machines.inputs import ConfigLoaded
from machines.monitoring import watch
from machines.monitoring.facts import MonitorsArmed, MonitorsDeclared, MonitorsInstalled, MonitorsTriggered
from machines.monitoring.state import MONITORING
from machines.outbound.facts import Queued
from machines.report import machine as reports
from machines.storage.facts import StorageSeen
from tests.conftest import NewStory
from tests.machines.acts import Said, card, charge, do, levels, lose, meter, plug, queued, reconnect, unplug
from tests.story import PASSWORD, Story, declarations, effects, facts, hash_text
from wire.declared import Declared, DeclaredMonitor, read, written
from wire.monitors import BILLION, billionths

SCHEMAS = installed_schemas()
SECOND_US = 1_000_000


def tank(variable: str, data_type: str = "integer", value: str | None = None, **more: Any) -> Declared:
    """A variable of the component Tank that can be monitored."""
    more.setdefault("supports_monitoring", True)
    return Declared(component="Tank", variable=variable, data_type=data_type, value=value, **more)


def factory(type: str, value: str, severity: int, kind: str = "PreconfiguredMonitor", **more: Any) -> DeclaredMonitor:
    """A monitor of the component files."""
    return DeclaredMonitor(type=type, value=value, severity=severity, kind=kind, **more)


ACTIVE_BASE = Declared(component="MonitoringCtrlr", variable="ActiveMonitoringBase", data_type="OptionList", mutability="ReadOnly")

TANK = (
    tank("Depth", value="10", min_limit="-100", max_limit="100"),
    tank("Heat", "decimal", "1.5"),
    tank("Open", "boolean", "false"),
    tank("Mode", "OptionList", "a", values_list=("a", "b", "c")),
    tank("When", "dateTime", "2027-01-15T08:00:00Z"),
    tank("Goal", "decimal", "10"),
    tank("Goal", "decimal", "10", attribute="Target"),
    tank("Only", "decimal", "10", attribute="Target"),
    tank("Dull", value="1", supports_monitoring=False),
    tank("Secret", "string", mutability="WriteOnly", min_limit="4"),
    tank("Many", value="1", variable_instance="One"),
    tank("Many", value="1", variable_instance="Two"),
    tank("Place", value="1", evse_id=1),
    tank("Place", value="1", evse_id=2),
    tank("Place", value="1", evse_id=2, connector_id=1),
    ACTIVE_BASE,
    Declared(component="MonitoringCtrlr", variable="ActiveMonitoringLevel", data_type="integer", mutability="ReadOnly"),
    Declared(component="MonitoringCtrlr", variable="ActiveMonitors", data_type="integer", mutability="ReadOnly", max_limit="40"),
    Declared(component="MonitoringCtrlr", variable="ItemsPerMessage", data_type="integer", variable_instance="SetVariableMonitoring", value="12"),
    Declared(component="MonitoringCtrlr", variable="BytesPerMessage", data_type="integer", variable_instance="SetVariableMonitoring", value="3000"),
    Declared(component="MonitoringCtrlr", variable="ItemsPerMessage", data_type="integer", variable_instance="ClearVariableMonitoring", value="3"),
    Declared(component="MonitoringCtrlr", variable="BytesPerMessage", data_type="integer", variable_instance="ClearVariableMonitoring", value="60"),
    Declared(component="MonitoringCtrlr", variable="OfflineQueuingSeverity", data_type="integer", value="5"),
    Declared(component="MonitoringCtrlr", variable="Enabled", data_type="boolean", value="true"),
)

HARD = tank("Depth", value="10", monitors=(factory("UpperThreshold", "50", 1, "HardWiredMonitor"), factory("Delta", "5", 4, reference="10")))
"""Depth with a hard-wired monitor and a preconfigured one."""


def model(*instead: Declared, without: tuple[str, ...] = ()) -> ConfigLoaded:
    """The small model of all stories and TANK, with *instead* in the place of the variables of the same address, and some left *without*."""

    def address(one: Declared) -> tuple[Any, ...]:
        return one.component, one.variable, one.variable_instance, one.evse_id, one.connector_id, one.attribute

    rows = {address(one): one for one in (*TANK, *instead) if one.variable not in without}
    small = [monitorable(read(fields)) for fields in json.loads(declarations().body)]
    body = json.dumps([written(one) for one in (*small, *rows.values())]).encode()
    return ConfigLoaded(digest=f"tank-{hash_text(body)}", body=body)


def monitorable(declared: Declared) -> Declared:
    """A declaration of the small model; the states of availability and the password can be monitored."""
    return replace(declared, supports_monitoring=declared.variable in ("AvailabilityState", "BasicAuthPassword"))


@pytest.fixture
def watched(story: Story) -> Story:
    """A station with a tank."""
    story.settle(story.when(model()))
    return story


# What the CSMS does


def item(variable: str, type: str = "UpperThreshold", value: float = 20, severity: int = 5, **more: Any) -> dict[str, Any]:
    """A SetMonitoringDataType; *component*, *evse*, *instance*, and members by name."""
    component: dict[str, Any] = {"name": more.pop("component", "Tank")}
    if "evse" in more:
        component["evse"] = more.pop("evse")
    which = {"name": variable, **({"instance": more.pop("instance")} if "instance" in more else {})}
    return {"value": value, "type": type, "severity": severity, "component": component, "variable": which, **more}


def put(story: Story, *items: dict[str, Any]) -> list[dict[str, Any]]:
    """SetVariableMonitoring, and whatever it makes the station say."""
    turn = story.call("SetVariableMonitoring", {"setMonitoringData": list(items)}, f"s {story.at}")
    found: list[dict[str, Any]] = story.replies(turn)["setMonitoringResult"]
    story.settle(turn)
    return found


def placed(story: Story, *items: dict[str, Any]) -> list[int]:
    """The ids of monitors that are accepted."""
    results = put(story, *items)
    assert [result["status"] for result in results] == ["Accepted"] * len(items), results
    return [result["id"] for result in results]


def statuses(results: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(status, reason code) of each result."""
    return [(result["status"], result.get("statusInfo", {}).get("reasonCode", "")) for result in results]


def clear(story: Story, *ids: int) -> list[str]:
    """ClearVariableMonitoring."""
    turn = story.call("ClearVariableMonitoring", {"id": list(ids)}, f"c {story.at}")
    results = story.replies(turn)["clearMonitoringResult"]
    assert [result["id"] for result in results] == list(ids)
    return [result["status"] for result in results]


def base(story: Story, name: str) -> str:
    """SetMonitoringBase."""
    turn = story.call("SetMonitoringBase", {"monitoringBase": name}, f"b {story.at}")
    status: str = story.replies(turn)["status"]
    story.settle(turn)
    return status


def level(story: Story, severity: int) -> Said:
    """SetMonitoringLevel, and what it makes the station say."""
    turn = story.call("SetMonitoringLevel", {"severity": severity}, f"l {story.at}")
    assert story.replies(turn) == {"status": "Accepted"}
    return story.settle(turn)


def report(story: Story, **asked: Any) -> Turn:
    """GetMonitoringReport."""
    return story.call("GetMonitoringReport", {"requestId": 11, **asked}, f"r {story.at}")


def reported(story: Story, **asked: Any) -> list[tuple[str, int, str, float, int, str]]:
    """What a report tells: (variable, id, type, value, severity, kind)."""
    turn = report(story, **asked)
    found = [
        (data["variable"]["name"], one["id"], one["type"], one["value"], one["severity"], one["eventNotificationType"])
        for action, payload in queued(turn)
        if action == "NotifyMonitoringReport"
        for data in payload["monitor"]
        for one in data["variableMonitoring"]
    ]
    assert story.replies(turn)["status"] == ("Accepted" if found else "EmptyResultSet")
    story.settle(turn)
    return found


def change(story: Story, variable: str, value: str, **more: Any) -> list[dict[str, Any]]:
    """The variable takes a value; the events that this leads to, whether or not they can be sent."""
    asked = item(variable, **more)
    one = {"attributeValue": value, "component": asked["component"], "variable": asked["variable"]}
    if "attribute" in more:
        one["attributeType"] = more["attribute"]
    turn = story.call("SetVariables", {"setVariableData": [one]}, f"v {story.at}")
    [result] = story.replies(turn)["setVariableResult"]
    assert result["attributeStatus"] == "Accepted", result
    found = list(events(turn))
    story.settle(turn)
    return found


def target(story: Story, value: str) -> list[dict[str, Any]]:
    """The Target of Goal."""
    one = {"attributeValue": value, "attributeType": "Target", "component": {"name": "Tank"}, "variable": {"name": "Goal"}}
    turn = story.call("SetVariables", {"setVariableData": [one]}, f"t {story.at}")
    found = list(events(turn))
    story.settle(turn)
    return found


def events(turns: Turn | list[Turn]) -> Iterator[dict[str, Any]]:
    """The event data that waits to be sent."""
    for action, payload in queued(turns):
        if action == "NotifyEvent":
            yield from payload["eventData"]


def said_events(said: Said) -> list[dict[str, Any]]:
    """The event data that was sent."""
    return [event for action, payload in said if action == "NotifyEvent" for event in payload["eventData"]]


def brief(found: list[dict[str, Any]]) -> list[tuple[int, str, str, bool]]:
    """Events as (monitor, trigger, value, cleared)."""
    return [(event["variableMonitoringId"], event["trigger"], event["actualValue"], event.get("cleared", False)) for event in found]


def shown(story: Story, variable: str) -> str:
    """A variable of the MonitoringCtrlr."""
    one = {"component": {"name": "MonitoringCtrlr"}, "variable": {"name": variable}}
    turn = story.call("GetVariables", {"getVariableData": [one]}, f"g {story.at}")
    value: str = story.replies(turn)["getVariableResult"][0]["attributeValue"]
    return value


# N04


def test_n04_fr_01_n04_fr_02_one_result_an_item_in_order(watched: Story) -> None:
    """N04.FR.08, N04.FR.11: those that are accepted get an id; TC_N_43: a refused one between them changes nothing for them."""
    items = [item("Depth"), item("Heat", "Delta", -1, 3), item("Depth", "LowerThreshold", 1, 0), item("Toaster"), item("x", component="Toaster")]
    results = put(watched, *items)
    assert [(r["component"], r["variable"], r["type"], r["severity"]) for r in results] == [
        (i["component"], i["variable"], i["type"], i["severity"]) for i in items
    ]
    assert statuses(results) == [
        ("Accepted", ""),
        ("Rejected", "ValuePositiveOnly"),
        ("Accepted", ""),
        ("UnknownVariable", ""),
        ("UnknownComponent", ""),
    ]
    assert [r.get("id") for r in results] == [1, None, 2, None, None]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        # N04.FR.03, N04.FR.04
        (item("Depth", component="Nowhere"), ("UnknownComponent", "")),
        (item("Depth", evse={"id": 9}), ("UnknownComponent", "")),
        # TC_N_37: what stands at no EVSE of that name either
        (item("Strange", evse={"id": 9}), ("UnknownVariable", "")),
        (item("Nothing"), ("UnknownVariable", "")),
        (item("Many"), ("UnknownVariable", "")),
        # TC_N_37: there are EVSEs, and none of them has it.
        (item("Nothing", component="EVSE"), ("UnknownVariable", "")),
        (item("AvailabilityState", component="Connector"), ("UnknownComponent", "")),
        # N04.FR.05
        (item("Dull", "Delta"), ("UnsupportedMonitorType", "")),
        (item("Open"), ("UnsupportedMonitorType", "")),
        (item("Mode", "LowerThreshold"), ("UnsupportedMonitorType", "")),
        (item("When", "Periodic"), ("UnsupportedMonitorType", "")),
        (item("Only", "Delta"), ("UnsupportedMonitorType", "")),
        (item("Depth", "TargetDelta"), ("UnsupportedMonitorType", "")),
        # N04.FR.06
        (item("Depth", value=100.5), ("Rejected", "ValueOutOfRange")),
        (item("Depth", "LowerThreshold", -100.5), ("Rejected", "ValueOutOfRange")),
        (item("Depth", value=100), ("Accepted", "")),
        (item("Depth", "LowerThreshold", -100), ("Accepted", "")),
        (item("Heat", value=1e300), ("Rejected", "ValueOutOfRange")),
        # N04.FR.14, N04.FR.20, N04.FR.17
        (item("Heat", "Delta", -0.1), ("Rejected", "ValuePositiveOnly")),
        (item("Open", "Delta", -1), ("Rejected", "ValuePositiveOnly")),
        (item("Heat", "Delta", 0), ("Rejected", "ValueZeroNotAllowed")),
        (item("When", "Delta", 0), ("Rejected", "ValueZeroNotAllowed")),
        (item("Open", "Delta", 1), ("Accepted", "")),
        (item("Open", "Delta", 0), ("Accepted", "")),
        (item("Goal", "TargetDeltaRelative", 0), ("Accepted", "")),
        (item("Heat", "Periodic", 0.9), ("Rejected", "ValueOutOfRange")),
        (item("Heat", "PeriodicClockAligned", 0), ("Rejected", "ValueOutOfRange")),
        (item("Heat", "Periodic", 1), ("Accepted", "")),
        (item("Heat", severity=10), ("Rejected", "ValueOutOfRange")),
        (item("Heat", id=7), ("Rejected", "NotFound")),
        (item("Heat", "Periodic", 60, periodicEventStream={"interval": 1}), ("Rejected", "UnsupportedParam")),
    ],
)
def test_n04_fr_03_to_n04_fr_20_what_is_said_to_one_monitor(watched: Story, asked: dict[str, Any], expected: tuple[str, str]) -> None:
    """N04.FR.03 to FR.06, FR.13, FR.14, FR.17, FR.20."""
    assert statuses(put(watched, asked)) == [expected]
    assert len(watched.station[MONITORING].monitors) == (expected[0] == "Accepted")


def test_n04_fr_10_no_two_of_one_type_and_severity(watched: Story) -> None:
    """N04.FR.10: in one message or in two; names are compared without case."""
    assert statuses(put(watched, item("Depth", value=1), item("Depth", value=2))) == [("Accepted", ""), ("Duplicate", "")]
    assert statuses(put(watched, item("DEPTH", value=1), item("depth", severity=6))) == [("Duplicate", ""), ("Accepted", "")]
    # Not even by replacing another one.
    assert statuses(put(watched, item("Depth", id=2, severity=5))) == [("Duplicate", "")]


def test_n04_fr_12_a_monitor_is_replaced(watched: Story) -> None:
    """N04.FR.12: it keeps its id; N04.FR.16: and its variable."""
    [first] = placed(watched, item("Depth"))
    assert statuses(put(watched, item("Heat", id=first))) == [("Rejected", "InvalidValue")]
    assert placed(watched, item("Depth", "Delta", 2.5, 0, id=first, transaction=True)) == [first]
    assert reported(watched) == [("Depth", first, "Delta", 2.5, 0, "CustomMonitor")]


def test_n04_fr_15_n04_fr_18_monitors_of_the_files(watched: Story) -> None:
    """N04.FR.15: a preconfigured one becomes a custom one; N04.FR.18: a hard-wired one stays; N04.FR.07: nothing may take its place."""
    watched.settle(watched.when(model(HARD)))
    assert statuses(put(watched, item("Depth", value=60, severity=1, id=1))) == [("Rejected", "ReadOnly")]
    assert statuses(put(watched, item("Depth", value=60, severity=1))) == [("Duplicate", "")]
    assert placed(watched, item("Depth", "Delta", 9, 4, id=2)) == [2]
    assert reported(watched) == [("Depth", 1, "UpperThreshold", 50, 1, "HardWiredMonitor"), ("Depth", 2, "Delta", 9, 4, "CustomMonitor")]


def test_n04_fr_09_a_message_that_is_too_much(watched: Story) -> None:
    """N04.FR.09: in items and in bytes."""
    turn = watched.call("SetVariableMonitoring", {"setMonitoringData": [item("Depth", severity=n % 10) for n in range(13)]})
    assert watched.error(turn) == "OccurrenceConstraintViolation"
    turn = watched.call("SetVariableMonitoring", {"setMonitoringData": [item("Depth", instance="x" * 400) for _ in range(8)]})
    assert watched.error(turn) == "FormatViolation"
    assert not watched.station[MONITORING].monitors


def test_there_is_a_limit_to_monitors(watched: Story) -> None:
    """The maxLimit of ActiveMonitors; one that is replaced is none more."""
    many = [item(name, "Delta", 1, severity) for name in ("Depth", "Heat", "Open", "Mode") for severity in range(10)]
    for start in range(0, 40, 10):
        placed(watched, *many[start : start + 10])
    assert shown(watched, "ActiveMonitors") == "40"
    assert statuses(put(watched, item("Depth"))) == [("Rejected", "OutOfMemory")]
    assert placed(watched, item("Depth", "UpperThreshold", 50, 0, id=1)) == [1]


# N06


def test_n06_fr_01_to_n06_fr_05_monitors_are_cleared(watched: Story) -> None:
    """N06.FR.01, FR.02, FR.03, FR.05: a result for every id, in order; an id is never given again."""
    watched.settle(watched.when(model(HARD)))
    [mine] = placed(watched, item("Heat"))
    assert clear(watched, mine, 1, 99) == ["Accepted", "Rejected", "NotFound"]
    assert clear(watched, 2, 2) == ["Accepted", "NotFound"]
    assert [row[1] for row in reported(watched)] == [1]
    assert placed(watched, item("Heat")) == [mine + 1]


def test_n06_fr_04_n06_fr_06_n06_fr_07_a_message_that_is_too_much(watched: Story) -> None:
    """N06.FR.06, N06.FR.07."""
    assert watched.error(watched.call("ClearVariableMonitoring", {"id": [1, 2, 3, 4]})) == "OccurrenceConstraintViolation"
    assert watched.error(watched.call("ClearVariableMonitoring", {"id": [10**30, 10**30, 3]})) == "FormatViolation"


# N03


def full_house(story: Story) -> None:
    """A hard-wired monitor (1), a preconfigured one that was replaced (2), one as it was (3), one that was cleared (4), a custom one (5)."""
    heat = tank("Heat", "decimal", "1.5", monitors=(factory("Delta", "3", 7, reference="1.5"), factory("LowerThreshold", "0", 7)))
    story.settle(story.when(model(HARD, heat)))
    placed(story, item("Depth", "LowerThreshold", 1, 8, id=2))
    assert clear(story, 4) == ["Accepted"]
    assert placed(story, item("Open", "Delta", 1)) == [5]


def kinds(story: Story) -> dict[int, str]:
    """Who made each monitor that is in force."""
    return {row[1]: row[5].removesuffix("Monitor") for row in reported(story)}


def test_n03_fr_03_all(watched: Story) -> None:
    """N03.FR.01, N03.FR.03: preconfigured monitors come back, what the CSMS set stays."""
    full_house(watched)
    assert kinds(watched) == {1: "HardWired", 2: "Custom", 3: "Preconfigured", 5: "Custom"}
    assert base(watched, "All") == "Accepted"
    assert kinds(watched) == {1: "HardWired", 2: "Custom", 3: "Preconfigured", 4: "Preconfigured", 5: "Custom"}
    assert shown(watched, "ActiveMonitoringBase") == "All"


def test_n03_fr_03_a_custom_monitor_keeps_its_place(watched: Story) -> None:
    """N04.FR.10 holds for those that come back, too."""
    full_house(watched)
    [mine] = placed(watched, item("Heat", "LowerThreshold", -4, 7))
    base(watched, "All")
    assert kinds(watched) == {1: "HardWired", 2: "Custom", 3: "Preconfigured", 5: "Custom", mine: "Custom"}


def test_n03_fr_04_factory_default(watched: Story) -> None:
    """N03.FR.04, TC_N_41: what the CSMS set is gone, also in the place of what it replaced."""
    full_house(watched)
    assert base(watched, "FactoryDefault") == "Accepted"
    assert kinds(watched) == {1: "HardWired", 2: "Preconfigured", 3: "Preconfigured", 4: "Preconfigured"}
    assert ("Depth", 2, "Delta", 5, 4, "PreconfiguredMonitor") in reported(watched)
    assert shown(watched, "ActiveMonitoringBase") == "FactoryDefault"


def test_n03_fr_05_hard_wired_only(watched: Story) -> None:
    """N03.FR.05, TC_N_06: and the others can come back."""
    full_house(watched)
    assert base(watched, "HardWiredOnly") == "Accepted"
    assert kinds(watched) == {1: "HardWired"}
    assert shown(watched, "ActiveMonitoringBase") == "HardWiredOnly"
    assert statuses(put(watched, item("Depth", "Delta", 1, id=2))) == [("Rejected", "NotFound")]
    base(watched, "All")
    assert kinds(watched) == {1: "HardWired", 2: "Preconfigured", 3: "Preconfigured", 4: "Preconfigured"}


def test_n03_fr_02_a_base_that_the_station_does_not_have(watched: Story) -> None:
    """N03.FR.02: as the valuesList of ActiveMonitoringBase says."""
    only = Declared(component="MonitoringCtrlr", variable="ActiveMonitoringBase", data_type="OptionList", values_list=("All",))
    watched.settle(watched.when(model(HARD, only)))
    assert [base(watched, name) for name in ("HardWiredOnly", "All")] == ["NotSupported", "Accepted"]
    assert len(kinds(watched)) == 2


def test_n03_fr_02_a_base_is_known_however_it_is_spelled(watched: Story) -> None:
    """The description of ActiveMonitoringBase has HardwiredOnly, the messages HardWiredOnly.  Else files that keep to it take a base away."""
    bases = ("All", "FactoryDefault", "HardwiredOnly")
    watched.settle(watched.when(model(HARD, replace(ACTIVE_BASE, values_list=bases))))
    assert base(watched, "HardWiredOnly") == "Accepted"
    assert len(kinds(watched)) == 1


# N05


def test_n05_fr_01_n05_fr_02_the_level(watched: Story) -> None:
    """N05.FR.01; N05.FR.02: out of range."""
    assert shown(watched, "ActiveMonitoringLevel") == "9"
    level(watched, 4)
    assert shown(watched, "ActiveMonitoringLevel") == "4"
    for severity in (10, -1):
        turn = watched.call("SetMonitoringLevel", {"severity": severity}, f"out {severity}")
        assert watched.replies(turn) == {"status": "Rejected", "statusInfo": {"reasonCode": "ValueOutOfRange"}}
        assert watched.station[MONITORING].level == 4
    for severity in (0, 9):
        level(watched, severity)
        assert shown(watched, "ActiveMonitoringLevel") == str(severity)


def test_n05_fr_03_n07_fr_15_what_is_beyond_the_level_is_not_told(watched: Story) -> None:
    """N05.FR.03, N07.FR.15; once the level allows it, the CSMS is told how things stand."""
    five, six = placed(watched, item("Depth", value=20, severity=5), item("Depth", value=20, severity=6))
    level(watched, 5)
    assert brief(change(watched, "Depth", "30")) == [(five, "Alerting", "30", False)]
    assert brief(said_events(level(watched, 6))) == [(six, "Alerting", "30", False)]
    level(watched, 5)
    assert brief(change(watched, "Depth", "3")) == [(five, "Alerting", "3", True)]
    assert change(watched, "Depth", "40")[0]["variableMonitoringId"] == five
    assert said_events(level(watched, 9)) == [], "it was exceeded when it was last heard of, and is"


# N02


def test_n02_fr_01_to_n02_fr_11_the_whole_report(watched: Story) -> None:
    """N02.FR.01, FR.03, FR.04, FR.09, FR.11: by variable, with the id of the request, in numbered parts."""
    ids = placed(watched, item("Depth"), item("Heat", "Periodic", 600), item("Depth", "Delta", 2, transaction=True))
    turn = report(watched)
    assert watched.replies(turn) == {"status": "Accepted"}
    [(action, payload)] = queued(turn)
    assert action == "NotifyMonitoringReport"
    assert (payload["requestId"], payload["seqNo"], payload["tbc"]) == (11, 0, False)
    assert [data["component"] for data in payload["monitor"]] == [{"name": "Tank"}] * 2
    assert [[one["id"] for one in data["variableMonitoring"]] for data in payload["monitor"]] == [[ids[0], ids[2]], [ids[1]]]
    assert [one["transaction"] for one in payload["monitor"][0]["variableMonitoring"]] == [False, True]
    watched.settle(turn)


def test_n02_fr_05_to_n02_fr_14_criteria(watched: Story) -> None:
    """N02.FR.05, FR.06, FR.12, FR.13, FR.14; all criteria are supported, so none is answered NotSupported (N02.FR.02)."""
    placed(
        watched, item("Depth"), item("Depth", "LowerThreshold", 1), item("Heat", "Delta", 1), item("Goal", "TargetDelta", 1, 5),
        item("Goal", "TargetDeltaRelative", 1, 5), item("Open", "Periodic", 60), item("Open", "PeriodicClockAligned", 60),
    )  # fmt: skip
    assert [row[1] for row in reported(watched, monitoringCriteria=["ThresholdMonitoring"])] == [1, 2]
    assert [row[1] for row in reported(watched, monitoringCriteria=["DeltaMonitoring"])] == [3, 4, 5]
    assert [row[1] for row in reported(watched, monitoringCriteria=["PeriodicMonitoring"])] == [6, 7]
    assert [row[1] for row in reported(watched, monitoringCriteria=["PeriodicMonitoring", "ThresholdMonitoring"])] == [1, 2, 6, 7]
    depth = {"component": {"name": "Tank"}, "variable": {"name": "Depth"}}
    assert [row[1] for row in reported(watched, monitoringCriteria=["DeltaMonitoring", "ThresholdMonitoring"], componentVariable=[depth])] == [1, 2]
    # N02.FR.10
    assert reported(watched, monitoringCriteria=["DeltaMonitoring"], componentVariable=[depth]) == []


def test_n02_fr_08_n02_fr_16_to_n02_fr_21_filters(watched: Story) -> None:
    """N02.FR.08, N02.FR.16 to FR.21: what a filter leaves out may be anything."""
    places = [item("Place", evse={"id": 1}), item("Place", evse={"id": 2}), item("Place", evse={"id": 2, "connectorId": 1})]
    placed(watched, *places, item("Many", instance="One"), item("Many", instance="Two"), item("Depth"))

    def found(component: dict[str, Any], variable: dict[str, Any] | None = None) -> list[int]:
        one = {"component": {"name": "tank", **component}, **({"variable": variable} if variable else {})}
        return [row[1] for row in reported(watched, componentVariable=[one])]

    assert found({}) == [1, 2, 3, 4, 5, 6]
    assert found({}, {"name": "many"}) == [4, 5]
    assert found({}, {"name": "Many", "instance": "Two"}) == [5]
    assert found({"evse": {"id": 2}}) == [2, 3]
    assert found({"evse": {"id": 2, "connectorId": 1}}) == [3]
    assert found({"instance": "Other"}) == []


def test_n02_fr_07_more_filters_than_are_taken(watched: Story) -> None:
    """N02.FR.07: as ItemsPerMessage of GetReport says."""
    turn = report(watched, componentVariable=[{"component": {"name": f"C{n}"}} for n in range(65)])
    assert watched.error(turn) == "OccurrenceConstraintViolation"


def test_n02_fr_07_a_longer_request_than_is_taken(watched: Story) -> None:
    """N02.FR.07: BytesPerMessage of GetReport holds for this message too."""
    size = Declared(component="DeviceDataCtrlr", variable="BytesPerMessage", variable_instance="GetReport", data_type="integer", value="100")
    watched.settle(watched.when(model(size)))
    turn = report(watched, componentVariable=[{"component": {"name": "C" * 50}}, {"component": {"name": "D" * 50}}])
    assert watched.error(turn) == "FormatViolation"


def test_n02_fr_03_n02_fr_09_a_long_report_comes_in_parts(monkeypatch: pytest.MonkeyPatch, new_story: NewStory) -> None:
    """N02.FR.03, FR.04, FR.09; and while it is told no other gets its id, whatever other reports do."""
    monkeypatch.setattr(reports, "PART_ITEMS", 2)
    story = new_story().boot()
    story.settle(story.when(model()))
    placed(story, *[item(name, "Delta", 1) for name in ("Depth", "Heat", "Open", "Mode", "When")])
    turn = report(story)
    parts = [payload for action, payload in queued(turn) if action == "NotifyMonitoringReport"]
    assert [(part["requestId"], part["seqNo"], part["tbc"], len(part["monitor"])) for part in parts] == [
        (11, 0, True, 2),
        (11, 1, True, 2),
        (11, 2, False, 1),
    ]
    assert statuses([story.replies(report(story))]) == [("Rejected", "DuplicateRequestId")]
    assert story.replies(report(story, requestId=12)) == {"status": "Accepted"}
    assert story.replies(story.call("GetBaseReport", {"requestId": 11, "reportBase": "SummaryInventory"}, "base")) == {"status": "Accepted"}
    story.settle(turn)
    assert story.replies(report(story)) == {"status": "Accepted"}


def test_n02_fr_10_a_station_without_monitors(watched: Story) -> None:
    """N02.FR.10: says so, and no part follows."""
    assert reported(watched) == []


def test_a_station_without_room_reports_nothing(watched: Story) -> None:
    """Else it would promise what it cannot keep."""
    placed(watched, item("Depth"))
    watched.when(StorageSeen(used_bytes=99, room_bytes=1, open_turns=1, oldest_last=-1, oldest_at_us=0))
    assert watched.replies(report(watched))["status"] == "Rejected"
    watched.when(StorageSeen(used_bytes=1, room_bytes=99, open_turns=1, oldest_last=-1, oldest_at_us=0))


# N07


def test_n07_fr_16_n07_fr_02_above_and_back(watched: Story) -> None:
    """N07.FR.16: above it and not on it; N07.FR.02: cleared when it is back; once each."""
    [upper] = placed(watched, item("Depth", value=20))
    assert change(watched, "Depth", "20") == []
    assert brief(change(watched, "Depth", "21")) == [(upper, "Alerting", "21", False)]
    assert change(watched, "Depth", "22") == []
    assert brief(change(watched, "Depth", "20")) == [(upper, "Alerting", "20", True)]
    assert change(watched, "Depth", "19") == []


def test_n07_fr_17_below_and_back(watched: Story) -> None:
    """N07.FR.17: the other side; to the digit, where floats would be off."""
    [lower] = placed(watched, item("Heat", "LowerThreshold", 0.3))
    assert change(watched, "Heat", "0.3") == []
    assert change(watched, "Heat", "0.30000000000") == []
    assert brief(change(watched, "Heat", "0.299999999")) == [(lower, "Alerting", "0.299999999", False)]
    assert brief(change(watched, "Heat", "3e-1")) == [(lower, "Alerting", "3e-1", True)]


def test_n07_fr_06_an_event_says_what_it_is_about(watched: Story) -> None:
    """N07.FR.06, N07.FR.07: component, variable, monitor; what is triggered at once is told at once, from seqNo 0."""
    placed(watched, item("Depth", value=20, severity=2), item("Depth", "Delta", 1, 3))
    turn = watched.call(
        "SetVariables",
        {"setVariableData": [{"attributeValue": "30", "component": {"name": "tank"}, "variable": {"name": "depth"}}]},
    )
    [(action, payload)] = queued(turn)
    when = payload["generatedAt"]
    assert action == "NotifyEvent"
    assert (payload["seqNo"], payload["tbc"]) == (0, False)
    common = {"timestamp": when, "actualValue": "30", "component": {"name": "Tank"}, "variable": {"name": "Depth"}}
    assert payload["eventData"] == [
        {**common, "eventId": 1, "trigger": "Alerting", "variableMonitoringId": 1, "eventNotificationType": "CustomMonitor", "severity": 2},
        {**common, "eventId": 2, "trigger": "Delta", "variableMonitoringId": 2, "eventNotificationType": "CustomMonitor", "severity": 3},
    ]
    watched.settle(turn)


def test_a_monitor_that_is_set_beyond_its_bound_triggers_at_once(watched: Story) -> None:
    """Else an alarm that stands already would never be told."""
    turn = watched.call("SetVariableMonitoring", {"setMonitoringData": [item("Depth", value=5)]})
    assert brief(list(events(turn))) == [(1, "Alerting", "10", False)]
    watched.settle(turn)


def test_n07_fr_11_a_bound_that_moves(watched: Story) -> None:
    """N07.FR.11: clears what it exceeded, or is exceeded itself; and tells nothing twice."""
    [upper] = placed(watched, item("Depth", value=20))
    change(watched, "Depth", "30")

    def moved(value: float) -> list[tuple[int, str, str, bool]]:
        turn = watched.call("SetVariableMonitoring", {"setMonitoringData": [item("Depth", value=value, id=upper)]}, f"m {watched.at}")
        found = brief(list(events(turn)))
        watched.settle(turn)
        return found

    assert moved(25) == []
    assert moved(40) == [(upper, "Alerting", "30", True)]
    assert moved(10) == [(upper, "Alerting", "30", False)]


def test_n07_fr_12_a_monitor_that_is_removed_clears_nothing(watched: Story) -> None:
    """N07.FR.12."""
    [upper] = placed(watched, item("Depth", value=20))
    change(watched, "Depth", "30")
    turn = watched.call("ClearVariableMonitoring", {"id": [upper]})
    assert not facts(turn, Queued)
    assert change(watched, "Depth", "10") == []


def test_n07_fr_18_a_number_that_changed_by_more(watched: Story) -> None:
    """N07.FR.18: up or down, since it was set or last told; more than the value, and exactly so."""
    [delta] = placed(watched, item("Heat", "Delta", 0.3))
    assert change(watched, "Heat", "1.7") == []
    assert change(watched, "Heat", "1.8") == [], "0.3 is not more than 0.3, whatever floats say"
    assert brief(change(watched, "Heat", "1.9")) == [(delta, "Delta", "1.9", False)]
    assert change(watched, "Heat", "1.6") == []
    assert brief(change(watched, "Heat", "1.5")) == [(delta, "Delta", "1.5", False)]


def test_n07_fr_18_a_time_that_changed_by_more_seconds(watched: Story) -> None:
    """Part 1, 3.4: a date-time is measured in seconds."""
    placed(watched, item("When", "Delta", 60))
    assert change(watched, "When", "2027-01-15T09:00:59+01:00") == []
    assert len(change(watched, "When", "2027-01-15T08:01:01Z")) == 1


def test_n07_fr_19_what_is_no_number_changed_at_all(watched: Story) -> None:
    """N07.FR.19, TC_N_56: whatever the value says."""
    open_, mode = placed(watched, item("Open", "Delta", 1), item("Mode", "Delta", 500))
    assert brief(change(watched, "Open", "true")) == [(open_, "Delta", "true", False)]
    assert change(watched, "Open", "TRUE") == []
    assert brief(change(watched, "Mode", "c")) == [(mode, "Delta", "c", False)]
    assert brief(change(watched, "Mode", "a")) == [(mode, "Delta", "a", False)]


def test_2_1_a_value_that_left_its_target(watched: Story) -> None:
    """Part 1, 3.4 of 2.1: the difference from the Target, absolute or relative to it; whichever of the two moves."""
    apart, share = placed(watched, item("Goal", "TargetDelta", 3), item("Goal", "TargetDeltaRelative", 0.5))
    assert change(watched, "Goal", "13") == []
    assert brief(change(watched, "Goal", "14")) == [(apart, "Delta", "14", False)]
    assert brief(change(watched, "Goal", "4")) == [(share, "Delta", "4", False)]
    assert brief(target(watched, "5")) == [(apart, "Delta", "4", True), (share, "Delta", "4", True)]
    assert brief(target(watched, "0")) == [(apart, "Delta", "4", False), (share, "Delta", "4", False)]
    assert brief(change(watched, "Goal", "0")) == [(apart, "Delta", "0", True), (share, "Delta", "0", True)]


def test_2_1_a_word_that_is_not_its_target(watched: Story) -> None:
    """What is no number is away from its Target whenever it is another word, whatever the monitor's value; nothing is away from nothing."""
    wish: dict[str, Any] = {"data_type": "OptionList", "values_list": ("a", "b")}
    watched.settle(watched.when(model(tank("Wish", value="a", **wish), tank("Wish", attribute="Target", **wish))))
    apart, share = placed(watched, item("Wish", "TargetDelta", 500), item("Wish", "TargetDeltaRelative", 0))
    assert change(watched, "Wish", "b") == [], "there is no Target yet"

    def wished(text: str) -> list[tuple[int, str, str, bool]]:
        one = {"attributeValue": text, "attributeType": "Target", "component": {"name": "Tank"}, "variable": {"name": "Wish"}}
        turn = watched.call("SetVariables", {"setVariableData": [one]}, f"w {watched.at}")
        found = brief(list(events(turn)))
        watched.settle(turn)
        return found

    assert wished("b") == []
    assert wished("a") == [(apart, "Delta", "b", False), (share, "Delta", "b", False)]
    assert brief(change(watched, "Wish", "a")) == [(apart, "Delta", "a", True), (share, "Delta", "a", True)]


def test_n07_fr_10_a_secret_is_not_told(watched: Story) -> None:
    """N07.FR.10, TC_N_48: only that it changed."""
    placed(watched, item("BasicAuthPassword", "Delta", 1, component="SecurityCtrlr"))
    [event] = change(watched, "BasicAuthPassword", PASSWORD, component="SecurityCtrlr")
    assert (event["trigger"], event["actualValue"]) == ("Delta", "")


def test_a_long_value_is_cut(watched: Story) -> None:
    """DeviceDataCtrlr.ReportingValueSize holds for events as it does for reports."""
    size = Declared(component="DeviceDataCtrlr", variable="ReportingValueSize", data_type="integer", value="3")
    watched.settle(watched.when(model(tank("Name", "string", "a"), size)))
    placed(watched, item("Name", "Delta", 1))
    [event] = change(watched, "Name", "abcdef")
    assert event["actualValue"] == "abc"
    assert len(change(watched, "Name", "abcxyz")) == 1, "what is cut off changed, too"


def test_derived_variables_are_watched(watched: Story) -> None:
    """N07.FR.05: an EVSE is occupied because its connector is; all of them are told in one message."""
    ids = placed(
        watched,
        item("AvailabilityState", "Delta", 1, component="EVSE", evse={"id": 1}),
        item("AvailabilityState", "Delta", 1, component="Connector", evse={"id": 1, "connectorId": 1}),
        item("AvailabilityState", "Delta", 1, component="ChargingStation"),
    )
    found = said_events(plug(watched))
    assert brief(found) == [(ids[0], "Delta", "Occupied", False), (ids[1], "Delta", "Occupied", False)]
    assert [event.get("cause") for event in found] == [found[1]["eventId"], None]
    assert found[1]["component"] == {"name": "Connector", "evse": {"id": 1, "connectorId": 1}}
    both = said_events(plug(watched, 2))
    assert [(e["component"]["name"], e["actualValue"], e.get("cause")) for e in both] == [("ChargingStation", "Occupied", None)]


def test_what_a_meter_measures_is_watched(watched: Story) -> None:
    """TC_N_20, TC_N_45: the power of an EVSE rises above a bound, and falls below it."""
    power = Declared(component="EVSE", variable="Power", data_type="decimal", mutability="ReadOnly", evse_id=1, supports_monitoring=True)
    watched.settle(watched.when(model(power)))
    placed(watched, item("Power", value=5_000, component="EVSE", evse={"id": 1}))
    found = [said_events(do(watched, meter(energy_wh=1_000, power_w=watts))) for watts in (4_000, 7_000, 7_100, 3_000)]
    assert [brief(one) for one in found] == [[], [(1, "Alerting", "7000", False)], [], [(1, "Alerting", "3000", True)]]


def test_the_innermost_event_is_the_cause(watched: Story) -> None:
    """N07.FR.05: the station is occupied because its last connector is."""
    placed(
        watched,
        item("AvailabilityState", "Delta", 1, component="ChargingStation"),
        item("AvailabilityState", "Delta", 1, component="EVSE", evse={"id": 2}),
        item("AvailabilityState", "Delta", 1, component="Connector", evse={"id": 2, "connectorId": 1}),
    )
    plug(watched)
    found = said_events(plug(watched, 2))
    assert [(e["component"]["name"], e.get("cause")) for e in found] == [
        ("ChargingStation", found[2]["eventId"]),
        ("EVSE", found[2]["eventId"]),
        ("Connector", None),
    ]


def test_a_fault_says_what_is_wrong(watched: Story) -> None:
    """A technician learns from the event what a technician needs."""
    problem = Declared(component="EVSE", variable="Problem", data_type="boolean", mutability="ReadOnly", evse_id=1, supports_monitoring=True)
    watched.settle(watched.when(model(problem)))
    placed(watched, *[item(name, "Delta", 1, component="EVSE", evse={"id": 1}) for name in ("AvailabilityState", "Problem")])
    placed(watched, item("Place", "Delta", 1, evse={"id": 1}))
    plug(watched)
    turn = watched.when(levels(plugged=True))
    watched.settle(turn)
    card(watched)
    found: list[dict[str, Any]] = []
    for _ in range(3):
        last = next(t for t in reversed(watched.turns) if effects(t, SetEvse))
        done = watched.when(Settled(station=0, seq=last.seq, index=last.effects.index(effects(last, SetEvse)[0]), outcome="failed"))
        found += events(done)
        watched.settle(done)
        for woken in watched.wait(70):
            watched.settle(woken)
    info = "the hardware of EVSE 1 failed 3 times to do what it was asked"
    assert [(e["actualValue"], e["techCode"], e["techInfo"]) for e in found] == [
        ("Faulted", "HardwareDisobeys", info),
        ("true", "HardwareDisobeys", info),
    ]
    [other] = change(watched, "Place", "9", evse={"id": 1})
    assert "techCode" not in other, "what else happens there tells of no fault"


def test_monitors_of_the_files_are_heard_of_too(watched: Story) -> None:
    """With their kind; a Delta of theirs is measured from its reference value."""
    turn = watched.when(model(replace(HARD, value="16")))
    [event] = events(turn)
    assert (event["variableMonitoringId"], event["eventNotificationType"], event["trigger"]) == (2, "PreconfiguredMonitor", "Delta")
    watched.settle(turn)
    [alarm, delta] = change(watched, "Depth", "51")
    assert (alarm["eventNotificationType"], alarm["severity"]) == ("HardWiredMonitor", 1)
    assert delta["variableMonitoringId"] == 2


# What replaces what


def test_a_delta_that_is_replaced_starts_from_the_moment(watched: Story) -> None:
    """N07.FR.18: since it was set, if that was last."""
    [delta] = placed(watched, item("Depth", "Delta", 5))
    change(watched, "Depth", "14")
    placed(watched, item("Depth", "Delta", 5, id=delta))
    assert change(watched, "Depth", "19") == []
    assert len(change(watched, "Depth", "20")) == 1


def test_a_period_that_is_replaced_starts_from_the_moment(watched: Story) -> None:
    """N08.FR.06: the time at which it was set counts."""
    [period] = placed(watched, item("Heat", "Periodic", 100))
    watched.wait(90)
    placed(watched, item("Heat", "Periodic", 50, id=period))
    assert watched.station[MONITORING].dues == {period: watched.at + 50 * SECOND_US}


def test_a_monitor_of_another_type_has_passed_nothing_yet(watched: Story) -> None:
    """Else the CSMS would be told that something is over which never was."""
    [one] = placed(watched, item("Depth", value=5))
    assert watched.station[MONITORING].exceeded
    turn = watched.call("SetVariableMonitoring", {"setMonitoringData": [item("Depth", "LowerThreshold", 5, id=one)]}, "again")
    assert list(events(turn)) == []
    assert not watched.station[MONITORING].exceeded


def test_n07_fr_11_a_base_that_moves_a_bound(watched: Story) -> None:
    """N03.FR.04, N07.FR.11: the preconfigured bound comes back, and clears what the custom one had passed."""
    files = tank("Depth", value="10", monitors=(factory("UpperThreshold", "50", 3),))
    watched.settle(watched.when(model(files)))
    placed(watched, item("Depth", value=5, severity=3, id=1))
    turn = watched.call("SetMonitoringBase", {"monitoringBase": "FactoryDefault"}, "base")
    assert brief(list(events(turn))) == [(1, "Alerting", "10", True)]
    watched.settle(turn)


# Transactions


def test_a_monitor_for_transactions_watches_only_those(watched: Story) -> None:
    """Part 2, VariableMonitoringType.transaction: of its own EVSE; with the transaction's id; afresh in the next one."""
    placed(watched, item("Place", value=5, evse={"id": 1}, transaction=True), item("Place", "Delta", 1, evse={"id": 1}, transaction=True))
    assert change(watched, "Place", "9", evse={"id": 1}) == []
    plug(watched, 2)
    assert change(watched, "Place", "8", evse={"id": 1}) == []
    found = said_events(plug(watched))
    assert brief(found) == [(1, "Alerting", "8", False)]
    identifier = found[0]["transactionId"]
    [delta] = change(watched, "Place", "20", evse={"id": 1})
    assert (delta["variableMonitoringId"], delta["transactionId"]) == (2, identifier)
    assert said_events(unplug(watched)) == []
    assert change(watched, "Place", "1", evse={"id": 1}) == [], "the bound was left in another transaction, and that is over"
    assert said_events(plug(watched)) == []
    [again] = change(watched, "Place", "6", evse={"id": 1})[:1]
    assert again["transactionId"] != identifier


def test_what_happens_at_an_evse_belongs_to_its_transaction(watched: Story) -> None:
    """TC_N_20.  Else the CSMS has to guess which charge it was; of an EVSE where nobody charges there is none to name."""
    placed(watched, item("Place", "Delta", 1, evse={"id": 1}), item("Open", "Delta", 1))
    assert "transactionId" not in change(watched, "Place", "9", evse={"id": 1})[0]
    (started,) = [payload for _, payload in plug(watched) if payload.get("eventType") == "Started"]
    assert change(watched, "Place", "20", evse={"id": 1})[0]["transactionId"] == started["transactionInfo"]["transactionId"]
    assert "transactionId" not in change(watched, "Open", "true")[0], "the station is more than one EVSE"


def test_a_monitor_of_the_station_watches_any_transaction(watched: Story) -> None:
    """It names the transaction where there is only one."""
    placed(watched, item("Open", "Delta", 1, transaction=True))
    plug(watched)
    [one] = change(watched, "Open", "true")
    assert "transactionId" in one
    plug(watched, 2)
    [two] = change(watched, "Open", "false")
    assert "transactionId" not in two


def test_a_periodic_monitor_for_transactions_rests_between_them(watched: Story) -> None:
    """And costs nothing while it does."""
    placed(watched, item("Heat", "Periodic", 100, transaction=True))
    assert list(events(watched.wait(1_000))) == []
    plug(watched)
    assert watched.station[MONITORING].dues
    unplug(watched)
    assert not watched.station[MONITORING].dues


# N08


def spoken(story: Story, seconds: float) -> list[dict[str, Any]]:
    """The events of a time in which the CSMS answers everything."""
    until = story.at + round(seconds * 1e6)
    found: list[dict[str, Any]] = []
    while (deadline := story.kernel.next_deadline(story.station)) is not None and deadline[0] <= until:
        for turn in story.wait((deadline[0] - story.at) / 1e6):
            found += events(turn)
            answers = {"Heartbeat": {"currentTime": f"2027-01-15T08:{story.at // 60_000_000 % 60:02d}:{story.at // SECOND_US % 60:02d}Z"}}
            story.settle(turn, **answers)
    story.wait((until - story.at) / 1e6)
    return found


def test_n08_fr_05_n08_fr_06_every_so_often(watched: Story) -> None:
    """N08.FR.04, N08.FR.05, N08.FR.06: from the moment it was set, with the value of each moment."""
    placed(watched, item("Heat", "Periodic", 100))
    began = watched.at
    found = spoken(watched, 250)
    assert brief(found) == [(1, "Periodic", "1.5", False)] * 2
    assert [event["eventId"] for event in found] == [1, 2]
    change(watched, "Heat", "7")
    assert brief(spoken(watched, 100)) == [(1, "Periodic", "7", False)]
    assert watched.station[MONITORING].dues == {1: began + 400 * SECOND_US}


def test_n08_fr_07_by_the_clock(watched: Story) -> None:
    """N08.FR.07: at 0, 15, 30 and 45 minutes past the hour, whenever it was set."""
    placed(watched, item("Heat", "PeriodicClockAligned", 900))
    offset = watched.station.parts["clock"].offset_us
    assert (watched.station[MONITORING].dues[1] + offset) % (900 * SECOND_US) == 0
    found = spoken(watched, 1_900)
    assert [event["timestamp"][14:19] for event in found] in (["15:00", "30:00"], ["30:00", "45:00"], ["45:00", "00:00"], ["00:00", "15:00"])


def test_n08_fr_07_by_a_clock_that_is_set(watched: Story) -> None:
    """What is due by the clock moves with it; what is due by a pause does not."""
    placed(watched, item("Heat", "PeriodicClockAligned", 900), item("Heat", "Periodic", 900))
    before = dict(watched.station[MONITORING].dues)
    [turn] = [turn for turn in watched.wait(300) if any(fact.action == "Heartbeat" for fact in facts(turn, Queued))]
    watched.answer(turn, {"currentTime": "2027-01-15T08:14:00Z"})
    after = watched.station[MONITORING].dues
    assert after[1] == watched.at + 60 * SECOND_US
    assert after[2] == before[2]


def test_periodic_and_other_events_of_a_moment_stand_alone(watched: Story) -> None:
    """N07.FR.05: a period causes nothing and is caused by nothing."""
    placed(
        watched,
        item("AvailabilityState", "Periodic", 60, component="EVSE", evse={"id": 1}),
        item("AvailabilityState", "Periodic", 60, component="Connector", evse={"id": 1, "connectorId": 1}),
    )
    found = spoken(watched, 61)
    assert len(found) == 2
    assert all("cause" not in event for event in found)


# Offline


def test_n07_fr_04_what_is_grave_waits_for_the_link(watched: Story) -> None:
    """N07.FR.04, TC_N_22: in order, with the time at which it happened; OfflineQueuingSeverity is 5."""
    placed(watched, item("Place", value=0, evse={"id": 1}, severity=9), item("AvailabilityState", "Delta", 1, 5, component="EVSE", evse={"id": 1}))
    lose(watched)
    plug(watched)
    then = watched.at
    unplug(watched)
    watched.wait(30)
    found = [e for e in said_events(watched.settle(reconnect(watched), TransactionEvent={})) if e["component"]["name"] == "EVSE"]
    assert [e["actualValue"] for e in found] == ["Occupied", "Available"]
    assert found[0]["timestamp"] < found[1]["timestamp"]
    assert watched.at > then


def test_n07_fr_04_what_is_less_grave_does_not(watched: Story) -> None:
    """TC_N_23: what began and ended meanwhile is lost; what stands is told when the link is back."""
    placed(watched, *[item("AvailabilityState", "Delta", 1, 6, component="EVSE", evse={"id": n}) for n in (1, 2)])
    lose(watched)
    plug(watched)
    unplug(watched)
    plug(watched, 2)
    assert not facts(watched.turns[-12:], MonitorsTriggered)
    watched.wait(30)
    found = said_events(watched.settle(reconnect(watched)))
    assert brief(found) == [(2, "Delta", "Occupied", False)]


def test_n07_fr_15_the_level_counts_offline_too(watched: Story) -> None:
    """N07.FR.15: what the CSMS does not want to hear does not wait for it either."""
    placed(watched, item("AvailabilityState", "Delta", 1, 4, component="EVSE", evse={"id": 1}))
    level(watched, 3)
    lose(watched)
    plug(watched)
    assert not facts(watched.turns, MonitorsTriggered)


def test_n08_fr_03_periods_without_a_link(watched: Story) -> None:
    """N08.FR.03: those up to the severity are queued; the others rest until the link is back."""
    grave, light = placed(watched, item("Heat", "Periodic", 10, 5), item("Heat", "Periodic", 10, 6))
    lose(watched)
    turns = watched.wait(35)
    assert {event["variableMonitoringId"] for event in events(turns)} == {grave}
    said = said_events(watched.settle(reconnect(watched)))
    assert len(said) >= 3
    assert light in watched.station[MONITORING].dues


def test_before_it_is_accepted_a_station_counts_as_offline(new_story: NewStory) -> None:
    """B02: nothing but BootNotification may be sent; what is not grave waits for the moment."""
    story = new_story()
    story.start()
    story.settle(story.when(model(tank("Depth", value="60", monitors=(factory("UpperThreshold", "50", 6), factory("UpperThreshold", "55", 2))))))
    assert [e["variableMonitoringId"] for e in events(story.turns)] == [2]
    turn = story.connect()
    assert list(events(turn)) == []
    said = story.settle(turn)
    assert [e["variableMonitoringId"] for e in said_events(said)] == [2, 1]


def test_a_queue_that_is_too_long_takes_no_events(monkeypatch: pytest.MonkeyPatch, new_story: NewStory) -> None:
    """A monitor must not push out what tells of transactions."""
    monkeypatch.setattr(watch, "WAITING_MOST", 3)
    story = new_story().boot()
    story.settle(story.when(model()))
    placed(story, item("Heat", "Periodic", 1, 0))
    lose(story)
    found = [event for turn in story.wait(30) for event in events(turn)]
    assert len(found) == 4
    story.settle(reconnect(story))


def test_a_full_disk_takes_no_events(watched: Story) -> None:
    """They come when there is room."""
    [upper] = placed(watched, item("Depth", value=20))
    watched.settle(watched.when(StorageSeen(used_bytes=99, room_bytes=1, open_turns=1, oldest_last=-1, oldest_at_us=0)))
    assert change(watched, "Depth", "30") == []
    turn = watched.when(StorageSeen(used_bytes=1, room_bytes=99, open_turns=1, oldest_last=-1, oldest_at_us=0))
    assert brief(list(events(turn))) == [(upper, "Alerting", "30", False)]
    watched.settle(turn)


def test_monitoring_can_be_switched_off(watched: Story) -> None:
    """MonitoringCtrlr.Enabled; monitors stay, and what stands is told when it is switched on."""
    [upper, period] = placed(watched, item("Depth", value=20), item("Heat", "Periodic", 10))
    change(watched, "Enabled", "false", component="MonitoringCtrlr")
    assert not watched.station[MONITORING].dues
    assert change(watched, "Depth", "30") == []
    assert spoken(watched, 50) == []
    assert placed(watched, item("Open", "Delta", 1)) == [3]
    assert brief(change(watched, "Enabled", "true", component="MonitoringCtrlr")) == [(upper, "Alerting", "30", False)]
    assert period in watched.station[MONITORING].dues


def test_a_station_without_monitoring_says_so(watched: Story) -> None:
    """MonitoringCtrlr.Available."""
    watched.settle(watched.when(model(Declared(component="MonitoringCtrlr", variable="Available", data_type="boolean", value="false"))))
    for action, payload in (
        ("SetMonitoringBase", {"monitoringBase": "All"}),
        ("SetMonitoringLevel", {"severity": 4}),
        ("SetVariableMonitoring", {"setMonitoringData": [item("Depth")]}),
        ("ClearVariableMonitoring", {"id": [1]}),
        ("GetMonitoringReport", {"requestId": 1}),
    ):
        turn = watched.call(action, payload)
        assert [(effect.code, turn.facts) for effect in effects(turn, ReplyError)] == [("NotSupported", ())]


# Restarts


def test_n07_fr_13_n07_fr_14_monitors_outlive_restarts(watched: Story) -> None:
    """N07.FR.13, N04, TC_N_53; N07.FR.14: what is back within bounds after a restart is cleared."""
    [upper, delta] = placed(watched, item("AvailabilityState", "Delta", 1, 5, component="EVSE", evse={"id": 1}), item("Depth", value=20))
    change(watched, "Depth", "30")
    before = dict(watched.station[MONITORING].monitors)
    start_again(watched)
    for n in (1, 2):
        do(watched, levels(n))
    assert watched.station[MONITORING].monitors == before
    assert [row[1] for row in reported(watched)] == [upper, delta]
    assert brief(change(watched, "Depth", "10")) == [(delta, "Alerting", "10", True)]


@pytest.mark.parametrize("severity", [5, 6])
def test_n07_fr_14_what_a_restart_brought_back_is_cleared(watched: Story, severity: int) -> None:
    """N07.FR.14: the value is back because of the start itself; told when the station is accepted, whether or not it waited in the queue."""
    passing = model(tank("Depth", value="10", persistent=False))
    watched.settle(watched.when(passing))
    [upper] = placed(watched, item("Depth", value=20, severity=severity))
    assert brief(change(watched, "Depth", "30")) == [(upper, "Alerting", "30", False)]
    watched.files = passing
    watched.start()
    assert brief(said_events(watched.settle(watched.connect()))) == [(upper, "Alerting", "10", True)]


@pytest.mark.parametrize("off_s", [1_000, 1_050.5])
def test_n08_fr_06_a_period_goes_on_through_a_restart(watched: Story, off_s: float) -> None:
    """N08.FR.06, N07.FR.13: it keeps its beat; what was missed while the station was off is not made up for, but the first comes at once."""
    watched.files = model()
    [beat] = placed(watched, item("Heat", "Periodic", 100, 3))
    began = watched.at
    watched.wait(30)
    watched.start()
    assert watched.station[MONITORING].dues == {beat: began + 100 * SECOND_US}
    watched.at += round(off_s * 1e6)
    watched.start()
    found = [turn.at for turn in watched.wait(150) if list(events(turn))]
    assert len(found) in (2, 3)
    assert [(at_us - began) % (100 * SECOND_US) for at_us in found[1:]] == [0] * (len(found) - 1)


def test_n08_fr_07_by_the_clock_after_a_restart(watched: Story) -> None:
    """N08.FR.07: however long it was off."""
    watched.files = model()
    placed(watched, item("Heat", "PeriodicClockAligned", 900, 3))
    watched.at += 5_000 * SECOND_US
    watched.start()
    (due,) = watched.station[MONITORING].dues.values()
    assert 0 < due - watched.at <= 900 * SECOND_US
    assert (due + watched.station.parts["clock"].offset_us) % (900 * SECOND_US) == 0


def test_a_restart_is_a_new_beginning_for_a_delta(watched: Story) -> None:
    """Part 1, 3.4."""
    placed(watched, item("Depth", "Delta", 5))
    assert change(watched, "Depth", "14") == []
    start_again(watched)
    for n in (1, 2):
        do(watched, levels(n))
    assert change(watched, "Depth", "18") == []
    assert len(change(watched, "Depth", "20")) == 1


def start_again(story: Story) -> None:
    """The process dies and starts again, its component files as they were."""
    story.files = model()
    story.start()
    story.settle(story.connect())


# Component files that change


def test_files_that_change(watched: Story) -> None:
    """A monitor of theirs is known again by variable, type and severity; what vanished goes, what is new comes, what the CSMS set stays."""
    watched.settle(watched.when(model(HARD)))
    [mine] = placed(watched, item("Heat", "Delta", 1))
    other = (
        factory("LowerThreshold", "-5", 2),
        factory("UpperThreshold", "60", 1, "HardWiredMonitor"),
    )
    watched.settle(watched.when(model(replace(HARD, monitors=other))))
    assert reported(watched) == [
        ("Depth", 1, "UpperThreshold", 60, 1, "HardWiredMonitor"),
        ("Depth", mine + 1, "LowerThreshold", -5, 2, "PreconfiguredMonitor"),
        ("Heat", mine, "Delta", 1, 5, "CustomMonitor"),
    ]
    assert kinds(watched) == {1: "HardWired", mine: "Custom", mine + 1: "Preconfigured"}


@pytest.mark.parametrize(
    "files",
    [model(without=("Depth",)), model(tank("Depth", value="10", supports_monitoring=False)), model(tank("Depth", "string", "10"))],
    ids=["gone", "no longer monitored", "of another type"],
)
def test_n04_a_monitor_goes_with_its_variable(watched: Story, files: ConfigLoaded) -> None:
    """N04, remark: where the variable is gone or can no longer be monitored."""
    placed(watched, item("Depth"), item("Heat"))
    watched.settle(watched.when(files))
    assert [row[0] for row in reported(watched)] == ["Heat"]
    watched.settle(watched.when(model()))
    assert [row[0] for row in reported(watched)] == ["Heat"], "it does not come back by itself"


def test_files_do_not_undo_what_the_csms_chose(watched: Story) -> None:
    """A preconfigured monitor that was replaced or cleared stays so; under HardWiredOnly no new one comes."""
    full_house(watched)
    placed(watched, item("Mode", "Delta", 1, 3))
    new = (
        tank("Heat", "decimal", "1.5", monitors=(factory("Delta", "3.5", 7, reference="1.5"), factory("LowerThreshold", "0", 7))),
        tank("Mode", "OptionList", "a", values_list=("a", "b", "c"), monitors=(factory("Delta", "1", 3),)),
    )
    watched.settle(watched.when(model(HARD, *new)))
    assert kinds(watched) == {1: "HardWired", 2: "Custom", 3: "Preconfigured", 5: "Custom", 6: "Custom"}
    assert ("Heat", 3, "Delta", 3.5, 7, "PreconfiguredMonitor") in reported(watched)
    base(watched, "HardWiredOnly")
    watched.settle(watched.when(model(HARD, *new, tank("Open", "boolean", "false", monitors=(factory("Delta", "1", 3),)))))
    assert kinds(watched) == {1: "HardWired"}
    base(watched, "FactoryDefault")
    assert set(kinds(watched).values()) == {"HardWired", "Preconfigured"}
    assert len(kinds(watched)) == 6


def test_a_hard_wired_monitor_takes_its_place(watched: Story) -> None:
    """N04.FR.07: from a custom one of its kind, and from a preconfigured one that the files now hard-wire."""
    placed(watched, item("Depth", value=30, severity=1))
    watched.settle(watched.when(model(HARD)))
    assert {row[4]: row[5] for row in reported(watched)} == {1: "HardWiredMonitor", 4: "PreconfiguredMonitor"}
    placed(watched, item("Depth", "Delta", 1, 4, id=3))
    hard = tuple(replace(one, kind="HardWiredMonitor") for one in HARD.monitors)
    watched.settle(watched.when(model(replace(HARD, monitors=hard))))
    assert set(kinds(watched).values()) == {"HardWired"}


def test_the_same_files_change_nothing(watched: Story) -> None:
    """However often they are read."""
    watched.settle(watched.when(model(HARD)))
    assert len(facts(watched.turns, MonitorsDeclared)) == 1
    watched.settle(watched.when(model(HARD, tank("New", value="1"))))
    assert len(facts(watched.turns, MonitorsDeclared)) == 1
    assert len(facts(watched.turns, MonitorsInstalled)) == 1


# Both versions


@pytest.mark.parametrize("subprotocol", ["ocpp2.0.1", "ocpp2.1"])
def test_every_message_keeps_the_schema_of_the_link(new_story: NewStory, subprotocol: str) -> None:
    """2.0.1 knows neither the severity of an event nor who made a monitor."""
    story = new_story().boot(subprotocol)
    version = subprotocol.removeprefix("ocpp")
    said = story.settle(story.when(model(HARD)))
    turn = story.call("SetVariableMonitoring", {"setMonitoringData": [item("Depth", value=5), item("Depth", value=500), item("Heat", "Periodic", 5)]})
    answers = [("SetVariableMonitoringResponse", story.replies(turn))]
    said += story.settle(turn)
    turn = story.call("ClearVariableMonitoring", {"id": [1, 7]}, "c")
    answers.append(("ClearVariableMonitoringResponse", story.replies(turn)))
    turn = story.call("SetMonitoringBase", {"monitoringBase": "All"}, "b")
    answers.append(("SetMonitoringBaseResponse", story.replies(turn)))
    turn = story.call("SetMonitoringLevel", {"severity": 11}, "l")
    answers.append(("SetMonitoringLevelResponse", story.replies(turn)))
    turn = report(story)
    answers.append(("GetMonitoringReportResponse", story.replies(turn)))
    said += story.settle(turn)
    for woken in story.wait(6):
        said += story.settle(woken)
    told = [(f"{action}Request", payload) for action, payload in said if action.startswith("Notify")]
    assert {name for name, _ in told} == {"NotifyEventRequest", "NotifyMonitoringReportRequest"}
    for name, payload in answers + told:
        assert SCHEMAS.verdict(version, name, json.dumps(payload).encode()) is None, name
    assert all(("severity" in event) is (version == "2.1") for event in said_events(said))


# Costs and determinism


def test_a_station_without_monitors_remembers_nothing_of_them(story: Story) -> None:
    """And concludes nothing, whatever happens."""
    plug(story)
    card(story)
    charge(story)
    assert story.station[MONITORING] == type(story.station[MONITORING])()
    assert not facts(story.turns, MonitorsArmed)


def test_no_turn_is_too_much(watched: Story) -> None:
    """Every monitor that there may be, triggered at once: one fact, and messages that are not too long."""
    wide = tuple(tank(f"V{n}", value="1", monitors=tuple(factory("LowerThreshold", "5", s) for s in range(10))) for n in range(60))
    turn = watched.when(model(*wide))
    assert not facts(turn, Faulted)
    [triggered] = facts(turn, MonitorsTriggered)
    assert len(triggered.events) == 600
    parts = [payload for action, payload in queued(turn) if action == "NotifyEvent"]
    assert [part["seqNo"] for part in parts] == list(range(len(parts)))
    assert [part["tbc"] for part in parts] == [True] * (len(parts) - 1) + [False]
    assert [event["eventId"] for event in events(turn)] == list(range(1, 601))
    watched.settle(turn)


def test_what_monitors_show_is_derived(watched: Story) -> None:
    """Stored nowhere twice, and not to be set."""
    for variable in ("ActiveMonitoringBase", "ActiveMonitoringLevel", "ActiveMonitors"):
        key = next(key for key in watched.station.parts["device_model"].declared if key[4] == variable.casefold())
        view = derived(key)
        assert view is not None
        assert view(watched.station, Context(seq=0, at=0, luck=0), key) == shown(watched, variable)


# Against a model


@st.composite
def walks(draw: st.DrawFn) -> tuple[str, str, list[tuple[str, int]]]:
    """A monitor (type and value in tenths), and values in tenths that its variable takes, some of them behind a level that keeps it quiet."""
    type_ = draw(st.sampled_from(["UpperThreshold", "LowerThreshold", "Delta"]))
    value = draw(st.integers(1, 30))
    steps = draw(st.lists(st.tuples(st.sampled_from(["set", "set", "set", "quiet", "loud"]), st.integers(-40, 40)), max_size=30))
    return type_, str(value), steps


def tenths(number: int) -> str:
    """A number of tenths as decimal text."""
    return f"{'-' if number < 0 else ''}{abs(number) // 10}.{abs(number) % 10}"


@given(walk=walks())
def test_events_are_what_a_small_model_expects(walk: tuple[str, str, list[tuple[str, int]]]) -> None:
    """Whatever the values do: an event for every crossing that is heard, none twice, and none that was not."""
    type_, value, steps = walk
    bound = int(value)
    story = Story().boot()
    story.settle(story.when(model()))
    change(story, "Heat", "0.0")
    results = put(story, item("Heat", type_, bound / 10, 5))
    assert results[0]["status"] == "Accepted"
    # The model: whole tenths, what was last told, and whether anybody listens.
    now, reference, beyond, heard = 0, 0, type_ == "LowerThreshold", True
    for deed, number in steps:
        if deed == "set":
            now = number
            found = change(story, "Heat", tenths(number))
        else:
            heard = deed == "loud"
            found = said_events(level(story, 9 if heard else 4))
        expected: list[tuple[int, str, str, bool]] = []
        if heard and type_ == "Delta":
            if abs(now - reference) > bound:
                reference = now
                expected = [(1, "Delta", tenths(now), False)]
        elif heard:
            is_beyond = now > bound if type_ == "UpperThreshold" else now < bound
            if is_beyond is not beyond:
                beyond = is_beyond
                expected = [(1, "Alerting", tenths(now), not is_beyond)]
        assert brief(found) == expected
    story.verify()


@given(whole=st.integers(-(10**12), 10**12), fraction=st.integers(0, 999_999_999), exponent=st.integers(-9, 9))
def test_numbers_are_exact(whole: int, fraction: int, exponent: int) -> None:
    """To nine places; with an exponent as JSON writes it."""
    text = f"{whole}.{fraction:09d}"
    expected = abs(whole) * BILLION + fraction
    assert billionths(text) == (-expected if text.startswith("-") else expected)
    assert billionths(f"{whole}e{exponent}") == (whole * 10 ** (9 + exponent))


@pytest.mark.parametrize("text", ["", "-", ".", "x", "1.2.3", "--1", "1e", "1e99", "9" * 61, "0x10", "1_0", "\u0661", "nan", "inf"])
def test_what_is_no_number(text: str) -> None:
    """Else a variable that holds nonsense would trigger something."""
    assert billionths(text) is None
