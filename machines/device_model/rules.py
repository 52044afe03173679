"""What a variable demands of its values beyond type, limits and list.

Law: a rule says which part of a value is wrong and why, and quotes no secret.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.machine import Station
from machines.connection.machine import PRIORITY, slots
from machines.device_model.fit import misfit
from machines.device_model.state import Key
from wire.declared import Declared

Rule = Callable[[Station, str], tuple[str, str]]


def usable_slots(station: Station, value: str) -> tuple[str, str]:
    """B10.FR.02: every slot has a configuration that names a CSMS."""
    known = slots(station)
    for member in value.split(","):
        number = member.strip()
        if not (number.isascii() and number.isdigit()):
            return "InvalidNetworkConf", f"{number!a} is no number of a configuration slot"
        if not known.get(int(number)):
            return "InvalidNetworkConf", f"configuration slot {int(number)} names no ocppCsmsUrl"
    return "", ""


RULES: dict[Key, Rule] = {PRIORITY.key: usable_slots}


def unfit(station: Station, declared: Declared, key: Key, value: str) -> tuple[str, str]:
    """(reason code, more about it) of a value that cannot stand; empty where it can."""
    reason = misfit(declared, value)
    rule = RULES.get(key)
    return (reason, "") if reason or rule is None else rule(station, value)
