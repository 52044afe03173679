"""The monitors that a component file gives a variable: hard-wired ones, and those that a CSMS may replace or clear (N block).

Invariant: a monitor that could never do what it says is left out with a warning: on a variable that supports none, of a type that does not suit it,
out of range.  A second one of a type and severity is fatal: nobody can tell which of the two is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from component_config.complaints import MONITOR, TWICE, Wrong, shown
from component_config.values import check, text_of
from wire.declared import DeclaredMonitor
from wire.monitors import HARD_WIRED, NUMBERS, PERIODS, PRECONFIGURED, SEVERITY_MOST, THRESHOLDS, TYPES, billionths, misfit, suits

if TYPE_CHECKING:
    from component_config.members import Characteristics, Members

KEYS = ("value", "severity", "transaction", "type", "reference_value", "config_type")
HARMLESS = frozenset(KEYS)
"""A misspelled key is a warning as any other one is: the monitor is left out."""

KINDS = (HARD_WIRED, PRECONFIGURED)


def read(
    reader: Members, where: str, body: dict[str, Any], kind: Characteristics, attributes: tuple[str, ...], *, secret: bool
) -> tuple[DeclaredMonitor, ...]:
    """The monitors of the property *body*, whose variable is of *kind* and has *attributes*; what is wrong goes to the *reader*'s complaints.

    A variable that is *secret* has no reference value in a file: it would be a secret too.
    """
    listed = body.get("monitors", [])
    if type(listed) is not list:
        reader.wrong(MONITOR, where, f"'monitors' is {shown(listed)}; right would be a list with an object for each monitor")
        return ()
    if listed and not kind.monitored:
        reader.wrong(MONITOR, where, "has monitors, and supportsMonitoring is false; right would be true, or no monitors")
        return ()
    if listed and "Actual" not in attributes:
        reader.wrong(MONITOR, where, "has monitors, and no attribute of type Actual that they could watch; right would be to add one")
        return ()
    found: list[DeclaredMonitor] = []
    for number, one in enumerate(listed, 1):
        if type(one) is not dict:
            reader.wrong(MONITOR, where, f"'monitors' has {shown(one)} in it; right would be an object with type, value and severity")
            continue
        # Complaints about one of several say which.
        at = f"{where} (monitor {number})"
        before = len(reader.complaints.warnings)
        monitor = _monitor(reader, at, one, kind, attributes, secret=secret)
        if monitor is None or len(reader.complaints.warnings) > before:
            continue
        if any((other.type, other.severity) == (monitor.type, monitor.severity) for other in found):
            reader.wrong(TWICE, at, f"is a second {monitor.type} of severity {monitor.severity}; right would be another severity")
        found.append(monitor)
    return tuple(found)


def _monitor(
    reader: Members, at: str, one: dict[str, Any], kind: Characteristics, attributes: tuple[str, ...], *, secret: bool
) -> DeclaredMonitor | None:
    """One monitor; None where it cannot be one."""
    reader.keys(at, one, KEYS, "a monitor", HARMLESS, MONITOR)
    type_ = reader.choice(at, one, "type", TYPES, kind=MONITOR)
    config_type = reader.choice(at, one, "config_type", KINDS, PRECONFIGURED, kind=MONITOR)
    transaction = reader.flag(at, one, "transaction", default=False, kind=MONITOR)
    severity = one.get("severity")
    if type(severity) is not int or not 0 <= severity <= SEVERITY_MOST:
        reader.wrong(MONITOR, at, f"'severity' is {shown(severity)}; right would be a whole number from 0 (danger) to {SEVERITY_MOST} (debug)")
        return None
    if not (type_ and config_type and kind.data_type):
        return None
    if not suits(type_, kind.data_type):
        right = f"a variable of type {' or '.join(NUMBERS)}" if type_ in THRESHOLDS else "a Delta"
        reader.wrong(MONITOR, at, f"{type_} means nothing for a {kind.data_type}; right would be {right}")
        return None
    if type_.startswith("Target") and "Target" not in attributes:
        reader.wrong(MONITOR, at, f"{type_} compares with the attribute Target, which the variable has not; right would be to add one")
        return None
    value = _value(reader, at, one.get("value"), type_, kind)
    reference = _reference(reader, at, one, type_, kind, secret=secret)
    if value is None or reference is None:
        return None
    return DeclaredMonitor(type=type_, value=value, severity=severity, kind=config_type, transaction=transaction, reference=reference)


def _value(reader: Members, at: str, raw: object, type_: str, kind: Characteristics) -> str | None:
    """The monitor's value as decimal text; None where it is wrong."""
    try:
        text = text_of(raw, "decimal")
    except Wrong:
        text = None
    number = billionths(text) if text is not None else None
    if text is None or number is None:
        reader.wrong(MONITOR, at, f"'value' is {shown(raw)}; right would be a number")
        return None
    match misfit(type_, kind.data_type, kind.low, kind.high, number):
        case "":
            return text
        case "ValueOutOfRange" if type_ in PERIODS:
            reader.wrong(MONITOR, at, f"'value' is {shown(raw)}; right would be a number of seconds, 1 or more")
        case "ValueOutOfRange":
            right = f"{kind.low or 'any number'} to {kind.high or 'any number'}, the variable's own limits"
            reader.wrong(MONITOR, at, f"'value' is {shown(raw)}; right would be {right}")
        case _:
            reader.wrong(MONITOR, at, f"'value' is {shown(raw)}; right would be a number above 0")
    return None


def _reference(reader: Members, at: str, one: dict[str, Any], type_: str, kind: Characteristics, *, secret: bool) -> str | None:
    """What a Delta compares with at first; empty where the file leaves that to the moment, None where it is wrong."""
    if "reference_value" not in one:
        if type_ == "Delta" and kind.data_type in NUMBERS:
            reader.wrong(MONITOR, at, f"'reference_value' is missing; right would be the {kind.data_type} that a Delta compares with at first")
            return None
        return ""
    raw = one["reference_value"]
    if type_ != "Delta" or secret:
        reader.wrong(MONITOR, at, "'reference_value' is for a Delta on a variable that is no secret; right would be to leave it out")
        return None
    try:
        text = text_of(raw, kind.data_type)
        if text:
            check(text, kind.data_type, kind.low, kind.high, kind.allowed)
    except Wrong as wrong:
        reader.wrong(MONITOR, at, f"'reference_value' {shown(raw)} {wrong}")
        return None
    return text or ""
