"""Monitors in component files.

Law: what is declared is what the station gets; what could never do what it says is a complaint that says what would be right.
"""

from __future__ import annotations

from typing import Any

import pytest

from component_config.complaints import MONITOR, TWICE
from tests.component_config.files import Files, Json, variable
from wire.declared import Declared, DeclaredMonitor, read, written

D = "Tank.Depth"
ONE = f"{D} (monitor 1): "


def monitor(type: str = "UpperThreshold", value: Any = 5, **more: Any) -> Json:
    """A monitor of severity 4, or as *more* says."""
    return {"type": type, "value": value, "severity": 4, **more}


def watched(*monitors: Any, data_type: str = "integer", **more: Any) -> Json:
    """A variable that can be monitored."""
    return variable(data_type=data_type, supportsMonitoring=True, monitors=list(monitors), **more)


def declared(files: Files, *monitors: Any, **more: Any) -> tuple[DeclaredMonitor, ...]:
    """What *monitors* of one variable come to."""
    files.tank(watched(*monitors, **more))
    [depth] = [d for d in files.load().declarations if d.component == "Tank" and d.attribute == "Actual"]
    return depth.monitors


def test_a_monitor_is_declared_as_the_file_has_it(files: Files) -> None:
    """With the words of the format that libocpp's users know."""
    hard = monitor("Delta", 2, severity=0, transaction=True, reference_value=7, config_type="HardWiredMonitor")
    assert declared(files, monitor(value=6.5), hard) == (
        DeclaredMonitor(type="UpperThreshold", value="6.5", severity=4, kind="PreconfiguredMonitor"),
        DeclaredMonitor(type="Delta", value="2", severity=0, kind="HardWiredMonitor", transaction=True, reference="7"),
    )


def test_without_monitors_there_are_none(files: Files) -> None:
    """An empty list says the same, even for a variable that supports none."""
    assert declared(files) == ()
    files.tank(variable(monitors=[]))
    assert all(d.monitors == () for d in files.load().declarations)


def test_only_the_actual_value_is_watched(files: Files) -> None:
    """Else a monitor would stand in the station once for every attribute."""
    files.tank(watched(monitor("TargetDelta"), attributes=[{"type": "Target"}, {"type": "Actual"}]))
    assert {d.attribute: len(d.monitors) for d in files.load().declarations if d.component == "Tank"} == {"Target": 0, "Actual": 1}


@pytest.mark.parametrize(
    ("data_type", "more"),
    [("boolean", {}), ("OptionList", {"valuesList": "a,b"}), ("string", {}), ("dateTime", {})],
)
def test_where_any_change_counts_neither_reference_nor_value_matter(files: Files, data_type: str, more: Json) -> None:
    """N04.FR.17: the value means nothing there; a date-time is measured in seconds."""
    value = 1 if data_type == "dateTime" else 0
    [found] = declared(files, monitor("Delta", value), data_type=data_type, **more)
    assert (found.value, found.reference) == (str(value), "")


def test_the_same_type_twice_needs_two_severities(files: Files) -> None:
    """N04.FR.10."""
    assert len(declared(files, monitor(), monitor(severity=5), monitor("LowerThreshold"))) == 3
    files.tank(watched(monitor(value=3), monitor(value=4)))
    assert files.complaint().endswith(f"{D} (monitor 2): is a second UpperThreshold of severity 4; right would be another severity")
    assert files.complaint().kind is TWICE


REFERRED = {"reference_value": 1}
WRONG: list[tuple[Json, str]] = [
    (variable(monitors=[monitor()]),                         f"{D}: has monitors, and supportsMonitoring is false; right would be true"),
    (watched(monitor(), attributes=[{"type": "Target"}]),    f"{D}: has monitors, and no attribute of type Actual"),
    (watched(7),                                             f"{D}: 'monitors' has 7 in it; right would be an object with type, value and severity"),
    (watched(monitor(config="x")),                             f"{ONE}key 'config' is not known; right would be 'config_type'"),
    (watched(monitor("Upper")),                              f"{ONE}'type' 'Upper' is not known; right would be one of: UpperThreshold"),
    (watched(monitor("UpperTreshold")),                      f"{ONE}'type' 'UpperTreshold' is not known; did you mean 'UpperThreshold'?"),
    (watched(monitor(config_type="CustomMonitor")),          f"{ONE}'config_type' 'CustomMonitor' is not known; right would be one of: HardWired"),
    (watched(monitor(transaction=1)),                        f"{ONE}'transaction' is 1; right would be true or false"),
    (watched(monitor(severity=10)),                          f"{ONE}'severity' is 10; right would be a whole number from 0 (danger) to 9 (debug)"),
    (watched(monitor(severity=-1)),                          f"{ONE}'severity' is -1; right would be"),
    (watched(monitor(severity=True)),                        f"{ONE}'severity' is true; right would be"),
    (watched({"type": "UpperThreshold", "value": 3}),        f"{ONE}'severity' is null; right would be"),
    (watched(monitor(value="x")),                            f"{ONE}'value' is 'x'; right would be a number"),
    (watched({"type": "UpperThreshold", "severity": 3}),     f"{ONE}'value' is null; right would be a number"),
    (watched(monitor(value=11), maxLimit=10),                f"{ONE}'value' is 11; right would be any number to 10, the variable's own limits"),
    (watched(monitor("LowerThreshold", 0), minLimit=1),      f"{ONE}'value' is 0; right would be 1 to any number, the variable's own limits"),
    (watched(monitor("Delta", -1, **REFERRED)),              f"{ONE}'value' is -1; right would be a number above 0"),
    (watched(monitor("Delta", 0, **REFERRED)),               f"{ONE}'value' is 0; right would be a number above 0"),
    (watched(monitor("Periodic", 0.5)),                      f"{ONE}'value' is 0.5; right would be a number of seconds, 1 or more"),
    (watched(monitor("Delta")),                              f"{ONE}'reference_value' is missing; right would be the integer that a Delta compares"),
    (watched(monitor("Delta", reference_value="x")),         f"{ONE}'reference_value' 'x' is not of type integer"),
    (watched(monitor("Delta", reference_value=9), maxLimit=8), f"{ONE}'reference_value' 9 is above its maxLimit"),
    (watched(monitor(reference_value=1)),                    f"{ONE}'reference_value' is for a Delta on a variable that is no secret"),
    (watched(monitor("Delta", reference_value="p"), data_type="string", mutability="WriteOnly"), f"{ONE}'reference_value' is for a Delta"),
    (watched(monitor(), data_type="string"),                 f"{ONE}UpperThreshold means nothing for a string; right would be a variable"),
    (watched(monitor("Periodic", 9), data_type="dateTime"),  f"{ONE}Periodic means nothing for a dateTime; right would be a Delta"),
    (watched(monitor("TargetDelta")),                        f"{ONE}TargetDelta compares with the attribute Target, which the variable has not"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "text"), WRONG, ids=[text for _, text in WRONG])
def test_a_monitor_that_cannot_be(files: Files, body: Json, text: str) -> None:
    """If this failed, a monitor would be passed over in silence and an alarm never come, or one faulty monitor stop the station."""
    files.tank(body)
    assert text in files.complaint()
    assert files.complaint().kind is MONITOR
    assert [one.monitors for one in files.load().declarations if one.component == "Tank"] == [()] * len(body["attributes"])


def test_the_other_monitors_stay(files: Files) -> None:
    """If this failed, one faulty monitor would take those beside it along."""
    files.tank(watched(monitor("Upper"), monitor(value=3), monitor(severity=5, transaction=1)))
    assert len(files.complaints()) == 2
    [found] = [one.monitors for one in files.load().declarations if one.component == "Tank"]
    assert [(one.type, one.value, one.severity) for one in found] == [("UpperThreshold", "3", 4)]


def test_a_declaration_with_monitors_is_read_as_it_was_written() -> None:
    """Else the station would watch something else than the file says."""
    two = (
        DeclaredMonitor(type="Delta", value="2", severity=0, kind="HardWiredMonitor", transaction=True, reference="7"),
        DeclaredMonitor(type="Periodic", value="60", severity=9, kind="PreconfiguredMonitor"),
    )
    for monitors in ((), two[:1], two):
        full = Declared(component="Tank", variable="Depth", values_list=("a", "b"), source="x.json", monitors=monitors)
        assert read(written(full)) == full
