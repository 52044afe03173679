"""B05 Set Variables, B06 Get Variables, and what the component files declare.

Law: one result for every item, in the order of the request, duplicates and all (B05.FR.01, B06.FR.01); a value that was accepted is a fact before
the answer leaves.
"""

from __future__ import annotations

from typing import Any

from engine.machine import Conclusions, Context, Machine, Station
from machines.device_model.declare import on_config, on_start
from machines.device_model.derived import derived, why_fixed
from machines.device_model.facts import VariableSet
from machines.device_model.fit import canonical
from machines.device_model.operator import on_operator_reset, on_operator_set
from machines.device_model.rules import unfit
from machines.device_model.state import CSMS, DEVICE_MODEL, FOLDS, DeviceModel, Key, address_of
from machines.device_model.views import REPORTING_SIZE, Variable, cut
from machines.effects import ReplyError
from machines.inputs import Called, ConfigLoaded, OperatorReset, OperatorSet, Started
from machines.protocol.serve import reply, served
from wire.sealed import clear_length
from wire.sealed import parse as parse_sealed

GET_ITEMS = Variable("DeviceDataCtrlr", "ItemsPerMessage", "64", "GetVariables")
GET_BYTES = Variable("DeviceDataCtrlr", "BytesPerMessage", "65536", "GetVariables")
SET_ITEMS = Variable("DeviceDataCtrlr", "ItemsPerMessage", "64", "SetVariables")
SET_BYTES = Variable("DeviceDataCtrlr", "BytesPerMessage", "65536", "SetVariables")

CONFIGURATION_SIZE = Variable("DeviceDataCtrlr", "ConfigurationValueSize", "2500")

SET = ("Accepted", "RebootRequired")

INFO_MOST_CHARS = 1024
"""Part 2, StatusInfoType.additionalInfo; 2.0.1 has room for half of it."""


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
    """B06.FR.16, B06.FR.17: more than the station said that it takes, by what the CSMS sent: a placeholder may be longer than its secret."""
    if items > most.integer(station):
        return ReplyError(
            link=call.link,
            message_id=call.message_id,
            action=call.action,
            code="OccurrenceConstraintViolation",
            description=f"{items} items; at most {most.integer(station)} in one message",
        )
    limit = most_bytes.integer(station)
    if len(call.payload) > limit and clear_length(call.payload) > limit:
        return ReplyError(
            link=call.link,
            message_id=call.message_id,
            action=call.action,
            code="FormatViolation",
            description=f"{clear_length(call.payload)} bytes; at most {limit} in one message",
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
    longest = REPORTING_SIZE.integer(station)
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
            result["attributeValue"] = cut(value, longest) if value else ""
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
    longest = CONFIGURATION_SIZE.integer(station)
    before: dict[Key, str] = {}
    results = []
    for item in items:
        key, value = address(item), item["attributeValue"]
        status, reason, why = judge(station, key, value, longest, before)
        if status in SET:
            declared = model.declared[key]
            value = canonical(declared, value)
            yield VariableSet(
                **address_of(declared),
                value=value,
                source=CSMS,
                old=before[key] if key in before else model.text(key) or "",
                cause="SetVariables",
                pending=declared.reboot,
            )
            if not declared.reboot:
                before[key] = value
        result: dict[str, Any] = {
            "attributeStatus": status,
            "attributeType": key[6],
            "component": item["component"],
            "variable": item["variable"],
        }
        if reason:
            result["attributeStatusInfo"] = {"reasonCode": reason, **({"additionalInfo": why[:INFO_MOST_CHARS]} if why else {})}
        results.append(result)
    yield reply(station, call, {"setVariableResult": results})


def judge(station: Station, key: Key, value: str, longest: int, beside: dict[Key, str]) -> tuple[str, str, str]:
    """What becomes of a set: its status, the reason code of a rejection and more about it; empty where there is nothing to explain.

    *beside*: what the same message has set so far.
    """
    model = station[DEVICE_MODEL]
    declared = model.declared.get(key)
    if declared is None:
        return unknown(model, key), "", ""
    if declared.mutability == "ReadOnly" or declared.constant or derived(key) is not None:
        # B05.FR.09
        return "Rejected", "ReadOnly", why_fixed(key) if derived(key) is not None else ""
    layers = model.layers.get(key)
    if layers is not None and layers.hold:
        return "Rejected", "ReadOnly", "the operator holds this value"
    sealed = parse_sealed(value)
    if (len(value) if sealed is None else sealed.length) > longest:
        return "Rejected", "TooLargeElement", f"at most {longest} characters"
    reason, why = unfit(station, declared, key, value, beside)
    if reason:
        return "Rejected", reason, why
    return ("RebootRequired" if declared.reboot else "Accepted"), "", ""


MACHINE = Machine(
    DEVICE_MODEL,
    folds=FOLDS,
    hears={
        ConfigLoaded: on_config,
        Started: on_start,
        OperatorSet: on_operator_set,
        OperatorReset: on_operator_reset,
        (Called, "GetVariables"): served(on_get),
        (Called, "SetVariables"): served(on_set),
    },
)
