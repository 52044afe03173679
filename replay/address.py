"""Addresses of the device model as people write them: ``Component(instance).Variable(instance)@evse.connector:Attribute``.

Law: one spelling for all commands, and what is printed can be typed again.
"""

from __future__ import annotations

import re

from engine.errors import SetupFault
from machines.device_model.state import DeviceModel, Key, key_of
from replay.text import clean
from wire.declared import Declared

ATTRIBUTES = {name.casefold(): name for name in ("Actual", "Target", "MinSet", "MaxSet")}

FORM = "Component.Variable, Component.Variable@1 or Component(instance).Variable(instance)"

# A shell gives parentheses a meaning of its own, so square brackets will do as well.
_NAME = r"(?P<{0}>[^.()\[\]@:]+)(?:\((?P<{0}_round>[^)]*)\)|\[(?P<{0}_square>[^\]]*)\])?"
_ADDRESS = rf"{_NAME.format('component')}\.{_NAME.format('variable')}(?:@(?P<evse>[0-9]+)(?:\.(?P<connector>[0-9]+))?)?(?::(?P<attribute>\w+))?"


def address(text: str) -> Key:
    """The device model's key for *text*.  Raises SetupFault where it is no address."""
    found = re.fullmatch(_ADDRESS, text.strip(), re.ASCII)
    attribute = ATTRIBUTES.get((found["attribute"] or "Actual").casefold()) if found is not None else None
    if found is None or not found["component"].strip() or not found["variable"].strip():
        raise SetupFault(f"{clean(text)}: not a variable; write {FORM}")
    if attribute is None:
        raise SetupFault(f"{clean(text)}: no such attribute; right would be one of {', '.join(ATTRIBUTES.values())}")
    return key_of(
        found["component"].strip(),
        found["variable"].strip(),
        component_instance=(found["component_round"] or found["component_square"] or "").strip(),
        variable_instance=(found["variable_round"] or found["variable_square"] or "").strip(),
        evse_id=int(found["evse"] or "0"),
        connector_id=int(found["connector"] or "0"),
        attribute=attribute,
    )


def spelled(declared: Declared) -> str:
    """The address of a declared variable attribute."""
    text = f"{component_spelled(declared)[0]}.{declared.variable}{_in(declared.variable_instance)}{component_spelled(declared)[1]}"
    return text + (f":{declared.attribute}" if declared.attribute != "Actual" else "")


def component_spelled(declared: Declared) -> tuple[str, str]:
    """The address of a component in the two parts between which a variable's name would stand."""
    where = f"@{declared.evse_id}" + (f".{declared.connector_id}" if declared.connector_id else "") if declared.evse_id else ""
    return f"{declared.component}{_in(declared.component_instance)}", where


def key_spelled(key: Key) -> str:
    """The address of what is not declared: its names as they are compared, which is in lower case."""
    component, component_instance, evse_id, connector_id, variable, variable_instance, attribute = key
    return spelled(
        Declared(
            component=component,
            variable=variable,
            component_instance=component_instance,
            variable_instance=variable_instance,
            evse_id=evse_id,
            connector_id=connector_id,
            attribute=attribute,
        )
    )


def near(model: DeviceModel, key: Key) -> str:
    """What may have been meant by an address that is not declared, as the end of a sentence; empty where nothing is like it."""
    from difflib import get_close_matches

    names: dict[str, str] = {}
    for declared in model.declared.values():
        names.setdefault(f"{declared.component}.{declared.variable}".casefold(), spelled(declared))
    found = get_close_matches(f"{key[0]}.{key[4]}", sorted(names), n=3)
    return f"; did you mean {' or '.join([names[name] for name in found])}?" if found else ""


def _in(instance: str) -> str:
    return f"({instance})" if instance else ""
