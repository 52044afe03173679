"""What a report tells of the device model: one entry for every variable, in the order in which the component files declare them.

Law: a report is a view of the station at one moment.  Nothing of a WriteOnly variable's value is in it (B07.FR.03, B08.FR.03).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from engine.machine import Context, Station
from machines.device_model.derived import counts_by_itself, derived
from machines.device_model.state import DEVICE_MODEL, DeviceModel, Key
from machines.device_model.views import REPORTING_SIZE, cut
from wire.declared import Declared

Variable = tuple[str, str, int, int, str, str]
"""The address of a variable: a key without its attribute."""

Wanted = Callable[[list[tuple[Key, Declared]]], bool]
"""Whether a variable, given by its declared attributes, is to be reported."""

CONDITIONS = ("problem", "tripped", "overload", "fallback")
"""Variables that tell of an abnormal state while they are true (B07.FR.09, TC_B_14); a component that is Active is in none."""


def variables(station: Station) -> dict[Variable, list[tuple[Key, Declared]]]:
    """Every declared variable with its attributes, in order."""
    found: dict[Variable, list[tuple[Key, Declared]]] = {}
    for key, declared in station[DEVICE_MODEL].declared.items():
        found.setdefault(key[:6], []).append((key, declared))
    return found


def base(station: Station, cx: Context, report_base: str) -> Wanted:
    """Which variables a base report is of (B07.FR.07 to FR.09)."""

    def settable(attributes: list[tuple[Key, Declared]]) -> bool:
        return any(mutability(station, key, declared) != "ReadOnly" for key, declared in attributes)

    def telling(attributes: list[tuple[Key, Declared]]) -> bool:
        key = attributes[0][0]
        if key[4] == "availabilitystate":
            return key[0] in ("chargingstation", "evse", "connector")
        return key[4] in CONDITIONS and (text_of(station, cx, (*key[:6], "Actual")) or "").casefold() == "true"

    return {"FullInventory": lambda _: True, "ConfigurationInventory": settable, "SummaryInventory": telling}[report_base]


def chosen(station: Station, cx: Context, criteria: Iterable[str], filters: list[dict[str, Any]]) -> Wanted:
    """Which variables a custom report is of: those of components that meet one of *criteria*, and that one of *filters* names (B08.FR.05)."""
    model = station[DEVICE_MODEL]
    wanted = tuple(criteria)
    instances: dict[tuple[str, str, int, int, str], list[Variable]] = {}
    for key in variables(station) if wanted else ():
        instances.setdefault(key[:5], []).append(key)

    def meets(address: tuple[str, str, int, int]) -> bool:
        for criterion in wanted:
            name = criterion.casefold()
            # A controller of several things has an instance of the variable for each.
            keys: list[Key] = [(*key, "Actual") for key in instances.get((*address, name), ())]
            keys = [key for key in keys if key in model.declared]
            true = any((text_of(station, cx, key) or "").casefold() == "true" for key in keys)
            # B08.FR.07 to FR.09: a component that does not have the variable counts as if it were true; but for Problem (B08.FR.10).
            if true or (criterion != "Problem" and not keys):
                return True
        return not wanted

    def both(attributes: list[tuple[Key, Declared]]) -> bool:
        key = attributes[0][0]
        return meets(key[:4]) and (not filters or any(named(key, one) for one in filters))

    return both


def named(key: Key, asked: dict[str, Any]) -> bool:
    """Whether a filter names a variable.  What it leaves out may be anything (B08.FR.20 to FR.25)."""
    component, instance, evse_id, connector_id, variable, variable_instance = key[:6]
    wanted, which = asked["component"], asked.get("variable") or {}
    evse = wanted.get("evse") or {}
    return bool(
        wanted["name"].casefold() == component
        and wanted.get("instance", instance).casefold() == instance
        and evse.get("id", evse_id) == evse_id
        and evse.get("connectorId", connector_id) == connector_id
        and which.get("name", variable).casefold() == variable
        and which.get("instance", variable_instance).casefold() == variable_instance
    )


def entries(station: Station, cx: Context, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """The ReportDataType of every variable that is *wanted*."""
    longest = REPORTING_SIZE.integer(station)
    for attributes in variables(station).values():
        if wanted(attributes):
            yield entry(station, cx, attributes, longest)


def entry(station: Station, cx: Context, attributes: list[tuple[Key, Declared]], longest: int) -> dict[str, Any]:
    """One ReportDataType; of a value its first *longest* characters."""
    component, variable = place(attributes[0][1])
    return {
        "component": component,
        "variable": variable,
        "variableAttribute": [attribute(station, cx, key, declared, longest) for key, declared in attributes],
        "variableCharacteristics": characteristics(*attributes[0]),
    }


def place(declared: Declared) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ComponentType and the VariableType of a variable."""
    component: dict[str, Any] = {"name": declared.component}
    if declared.component_instance:
        component["instance"] = declared.component_instance
    if declared.evse_id:
        component["evse"] = {"id": declared.evse_id, **({"connectorId": declared.connector_id} if declared.connector_id else {})}
    variable = {"name": declared.variable}
    if declared.variable_instance:
        variable["instance"] = declared.variable_instance
    return component, variable


def attribute(station: Station, cx: Context, key: Key, declared: Declared, longest: int) -> dict[str, Any]:
    """One VariableAttributeType; without a value where it may not be read, or is yet to be measured: one that is unset is empty (TC_B_53)."""
    found: dict[str, Any] = {"type": declared.attribute}
    if declared.mutability != "WriteOnly":
        view = derived(key)
        value = view(station, cx, key) if view is not None else station[DEVICE_MODEL].text(key) or ""
        if value is not None:
            found["value"] = cut(value, longest)
    found["mutability"] = mutability(station, key, declared)
    found["persistent"] = declared.persistent
    found["constant"] = declared.constant
    return found


def mutability(station: Station, key: Key, declared: Declared) -> str:
    """What the CSMS may do: as declared, but what is constant, or known by the station itself, or held by the operator, is for it to read."""
    if declared.mutability != "ReadWrite":
        return declared.mutability
    layers = station[DEVICE_MODEL].layers.get(key)
    held = layers is not None and layers.hold
    return "ReadOnly" if held or declared.constant or derived(key) is not None else "ReadWrite"


def characteristics(key: Key, declared: Declared) -> dict[str, Any]:
    """The VariableCharacteristicsType."""
    found: dict[str, Any] = {"dataType": declared.data_type, "supportsMonitoring": monitorable(key, declared)}
    if declared.unit:
        found["unit"] = declared.unit
    for name, limit in (("minLimit", declared.min_limit), ("maxLimit", declared.max_limit)):
        if limit:
            number = float(limit)
            found[name] = int(number) if number.is_integer() else number
    if declared.values_list:
        found["valuesList"] = ",".join(declared.values_list)
    return found


def monitorable(key: Key, declared: Declared) -> bool:
    """Whether it can have monitors at all: what nobody would look at cannot, whatever its file says."""
    return declared.supports_monitoring and not counts_by_itself(key)


def text_of(station: Station, cx: Context, key: Key) -> str | None:
    """The value that GetVariables would give."""
    model: DeviceModel = station[DEVICE_MODEL]
    view = derived(key)
    return view(station, cx, key) if view is not None else model.text(key)
