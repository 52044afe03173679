"""B05 Set Variables, B06 Get Variables, and what the component files declare.

Law: one result for every item, in the order of the request, duplicates and all (B05.FR.01, B06.FR.01); a value that was accepted is a fact before
the answer leaves.
"""

from __future__ import annotations

import math
from typing import Any

from engine.machine import Conclusions, Context, Machine, Station
from machines.device_model.derived import derived
from machines.device_model.facts import ModelDeclared, VariableSet
from machines.device_model.state import DEVICE_MODEL, FOLDS, DeviceModel, Key
from machines.device_model.views import Variable
from machines.effects import ReplyError
from machines.inputs import Called, ConfigLoaded
from machines.protocol.serve import reply, served
from wire import calendar
from wire.declared import Declared
from wire.sealed import Sealed
from wire.sealed import parse as parse_sealed

GET_ITEMS = Variable("DeviceDataCtrlr", "ItemsPerMessage", "64", "GetVariables")
GET_BYTES = Variable("DeviceDataCtrlr", "BytesPerMessage", "65536", "GetVariables")
SET_ITEMS = Variable("DeviceDataCtrlr", "ItemsPerMessage", "64", "SetVariables")
SET_BYTES = Variable("DeviceDataCtrlr", "BytesPerMessage", "65536", "SetVariables")

LISTS = ("OptionList", "MemberList", "SequenceList")


def on_config(station: Station, loaded: ConfigLoaded, cx: Context) -> Conclusions:  # noqa: ARG001
    """The files say something new."""
    if loaded.digest != station[DEVICE_MODEL].digest:
        yield ModelDeclared(digest=loaded.digest, body=loaded.body)


def address(item: dict[str, Any]) -> Key:
    """The address that an item of a request names."""
    component, variable = item["component"], item["variable"]
    evse = component.get("evse")
    return (
        component["name"].casefold(),
        component.get("instance", "").casefold(),
        evse["id"] if evse else 0,
        evse.get("connectorId", 0) if evse else 0,
        variable["name"].casefold(),
        variable.get("instance", "").casefold(),
        item.get("attributeType", "Actual"),
    )


def unknown(model: DeviceModel, key: Key) -> str:
    """Why an address has no declaration (B05.FR.04 to FR.06, B06.FR.06 to FR.08)."""
    if key[:4] not in model.components:
        return "UnknownComponent"
    return "NotSupportedAttributeType" if key[:6] in model.variables else "UnknownVariable"


def too_much(station: Station, call: Called, items: int, most: Variable, most_bytes: Variable) -> ReplyError | None:
    """B06.FR.16, B06.FR.17: more than the station said that it takes."""
    if items > most.integer(station):
        return ReplyError(
            link=call.link,
            message_id=call.message_id,
            code="OccurrenceConstraintViolation",
            description=f"{items} items; at most {most.integer(station)} in one message",
        )
    if len(call.payload) > most_bytes.integer(station):
        return ReplyError(
            link=call.link,
            message_id=call.message_id,
            code="FormatViolation",
            description=f"{len(call.payload)} bytes; at most {most_bytes.integer(station)} in one message",
        )
    return None


def on_get(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:
    """B06 GetVariables."""
    items = asked["getVariableData"]
    refusal = too_much(station, call, len(items), GET_ITEMS, GET_BYTES)
    if refusal is not None:
        yield refusal
        return
    model = station[DEVICE_MODEL]
    results = []
    for item in items:
        key = address(item)
        result: dict[str, Any] = {}
        declared = model.declared.get(key)
        if declared is None:
            result["attributeStatus"] = unknown(model, key)
        elif declared.mutability == "WriteOnly":
            # B06.FR.09
            result["attributeStatus"] = "Rejected"
            result["attributeStatusInfo"] = {"reasonCode": "WriteOnly"}
        else:
            view = derived(key)
            value = view(station, cx, key) if view is not None else model.text(key)
            result["attributeStatus"] = "Accepted"
            # B06.FR.13: no value is an empty string.
            result["attributeValue"] = value or ""
        result["attributeType"] = key[6]
        result["component"] = item["component"]
        result["variable"] = item["variable"]
        results.append(result)
    yield reply(station, call, {"getVariableResult": results})


def on_set(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:  # noqa: ARG001
    """B05 SetVariables."""
    items = asked["setVariableData"]
    refusal = too_much(station, call, len(items), SET_ITEMS, SET_BYTES)
    if refusal is not None:
        yield refusal
        return
    model = station[DEVICE_MODEL]
    results = []
    for item in items:
        key, value = address(item), item["attributeValue"]
        status, reason = judge(model, key, value)
        if status == "Accepted":
            declared = model.declared[key]
            yield VariableSet(
                component=declared.component,
                variable=declared.variable,
                value=canonical(declared, value),
                source="csms",
                component_instance=declared.component_instance,
                variable_instance=declared.variable_instance,
                evse_id=declared.evse_id,
                connector_id=declared.connector_id,
                attribute=declared.attribute,
            )
        result: dict[str, Any] = {
            "attributeStatus": status,
            "attributeType": key[6],
            "component": item["component"],
            "variable": item["variable"],
        }
        if reason:
            result["attributeStatusInfo"] = {"reasonCode": reason}
        results.append(result)
    yield reply(station, call, {"setVariableResult": results})


def judge(model: DeviceModel, key: Key, value: str) -> tuple[str, str]:
    """The status of a set, and the reason code of a rejection; empty where there is nothing to explain."""
    declared = model.declared.get(key)
    if declared is None:
        return unknown(model, key), ""
    if declared.mutability == "ReadOnly" or declared.constant or derived(key) is not None:
        # B05.FR.09
        return "Rejected", "ReadOnly"
    reason = misfit(declared, value)
    return ("Rejected", reason) if reason else ("Accepted", "")


def misfit(declared: Declared, value: str) -> str:
    """Why *value* is no value of the variable (B05.FR.07, B05.FR.08): a reason code, empty where it fits."""
    sealed = parse_sealed(value)
    if sealed is not None:
        return secret_misfit(declared, sealed)
    match declared.data_type:
        case "integer":
            digits = value[1:] if value[:1] in ("+", "-") else value
            if not (digits.isascii() and digits.isdigit() and len(value) <= 20):  # noqa: PLR2004 (an int64 and its sign)
                return "InvalidValue"
            return out_of_range(declared, float(int(value)))
        case "decimal":
            # float() also takes blanks, underscores and digits of other scripts.
            if not value or value.strip("0123456789+-.eE"):
                return "InvalidValue"
            try:
                number = float(value)
            except ValueError:
                return "InvalidValue"
            return out_of_range(declared, number) if math.isfinite(number) else "InvalidValue"
        case "boolean":
            return "" if value.casefold() in ("true", "false") else "InvalidValue"
        case "dateTime":
            return "" if calendar.parse(value) is not None else "InvalidValue"
        case "OptionList":
            return "" if not declared.values_list or value in declared.values_list else "InvalidValue"
        case "MemberList" | "SequenceList":
            members = [member.strip() for member in value.split(",")] if value else []
            if declared.data_type == "MemberList" and len(set(members)) != len(members):
                return "InvalidValue"
            if declared.values_list and any(member not in declared.values_list for member in members):
                return "InvalidValue"
            return too_long(declared, value)
        case _:
            return too_long(declared, value)


def secret_misfit(declared: Declared, sealed: Sealed) -> str:
    """A secret can be judged by its length and its alphabet only."""
    if not sealed.printable:
        return "InvalidValue"
    return out_of_range(declared, float(sealed.length))


def out_of_range(declared: Declared, number: float) -> str:
    """Limits of a number."""
    low, high = declared.min_limit, declared.max_limit
    inside = (not low or number >= float(low)) and (not high or number <= float(high))
    return "" if inside else "ValueOutOfRange"


def too_long(declared: Declared, value: str) -> str:
    """Limits of a text are limits of its length."""
    return out_of_range(declared, float(len(value)))


def canonical(declared: Declared, value: str) -> str:
    """A value in the one spelling in which it is kept."""
    match declared.data_type:
        case "boolean":
            return value.casefold()
        case "integer":
            return str(int(value))
        case kind if kind in LISTS and parse_sealed(value) is None:
            return ",".join(member.strip() for member in value.split(",")) if value else ""
        case _:
            return value


MACHINE = Machine(
    DEVICE_MODEL,
    folds=FOLDS,
    hears={
        ConfigLoaded: on_config,
        (Called, "GetVariables"): served(on_get),
        (Called, "SetVariables"): served(on_set),
    },
)
