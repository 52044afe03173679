"""What a variable demands of its values beyond type, limits and list.

Law: a rule says which part of a value is wrong and why, and quotes no secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.machine import Station
from machines.connection.machine import IDENTITY, PRIORITY, PROFILES, slots_in
from machines.device_model.fit import explain, less, misfit
from machines.device_model.state import DEVICE_MODEL, Key
from wire.declared import Declared
from wire.monitors import NUMBERS
from wire.sealed import parse as parse_sealed

QUOTED = 20
"""Characters of a faulty value that an answer repeats: 2.0.1 has room for few."""

Beside = Mapping[Key, str]
"""What the message that sets a value has set before it."""

Rule = Callable[[Station, str, Beside], tuple[str, str]]


def usable_slots(station: Station, value: str, beside: Beside) -> tuple[str, str]:
    """B10.FR.02: every slot has a configuration that names a CSMS."""
    known = slots_in(beside.get(PROFILES.key, PROFILES.text(station))) or {}
    for member in value.split(","):
        number = member.strip()
        if not (number.isascii() and number.isdigit()):
            return "InvalidNetworkConf", f"{number[:QUOTED]!a} is no number of a configuration slot"
        if not known.get(int(number)):
            return "InvalidNetworkConf", f"configuration slot {number[:QUOTED]} names no ocppCsmsUrl"
    return "", ""


def usable_profiles(station: Station, value: str, beside: Beside) -> tuple[str, str]:
    """B05.FR.07: profiles that can be read, of which one that is to be used names a CSMS: else the station would never be heard of again."""
    known = slots_in(value)
    if known is None:
        return "InvalidValue", "right would be a JSON list of profiles, each with a configurationSlot and connectionData"
    wrong = [slot for slot, url in known.items() if url and not url.lower().startswith(("ws://", "wss://"))]
    if wrong:
        return "InvalidURL", f"the ocppCsmsUrl of configuration slot {wrong[0]} does not begin with ws:// or wss://"
    wanted = beside[PRIORITY.key].split(",") if PRIORITY.key in beside else PRIORITY.members(station)
    if not any(known.get(int(member)) for member in wanted if member.isdigit()):
        return "InvalidNetworkConf", "no configuration slot of NetworkConfigurationPriority would name an ocppCsmsUrl"
    return "", ""


def usable_identity(station: Station, value: str, beside: Beside) -> tuple[str, str]:  # noqa: ARG001 (a rule)
    """Part 2, SecurityCtrlr.Identity: it ends the URL, and is the user of Basic authentication, which ends at a colon."""
    wrong = next((c for c in value if c in ":/ " or not c.isprintable()), "")
    return ("InvalidValue", f"{wrong!a} cannot stand in it; right would be a name without colon, slash and blank") if wrong else ("", "")


NOTHING: Beside = {}

RULES: dict[Key, Rule] = {PRIORITY.key: usable_slots, PROFILES.key: usable_profiles, IDENTITY.key: usable_identity}


BOUNDS = {"Actual": ("MinSet", "MaxSet"), "Target": ("MinSet", "MaxSet"), "MinSet": ("", "MaxSet"), "MaxSet": ("MinSet", "")}
"""Attributes between which a value lies (Part 1, 4.3)."""


def out_of_set(station: Station, key: Key, value: str, beside: Beside) -> str:
    """Why a number does not go with what its other attributes are set to; empty where it does, and where they are not set.

    A Target and what is set lie between MinSet and MaxSet, and no MinSet or MaxSet is set that leaves the Target outside.  What the hardware
    measures is never asked.
    """
    model = station[DEVICE_MODEL]
    if ((*key[:6], "MinSet") not in model.declared and (*key[:6], "MaxSet") not in model.declared) or parse_sealed(value) is not None:
        # Nearly every variable is nothing but its value; and of a secret nobody knows where it lies.
        return ""

    def number(attribute: str) -> str:
        other = (*key[:6], attribute)
        declared = model.declared.get(other)
        if declared is None or declared.data_type not in NUMBERS:
            return ""
        text = beside.get(other, model.text(other)) or ""
        return "" if parse_sealed(text) is not None else text

    lowest, highest = BOUNDS[key[6]]
    low, high = number(lowest), number(highest)
    if low and less(value, low):
        return f"{lowest} is {low}"
    if high and less(high, value):
        return f"{highest} is {high}"
    target = number("Target") if not (lowest and highest) else ""
    if target and (less(target, value) if key[6] == "MinSet" else less(value, target)):
        return f"Target is {target}"
    return ""


def unfit(station: Station, declared: Declared, key: Key, value: str, beside: Beside = NOTHING) -> tuple[str, str]:
    """(reason code, more about it) of a value that cannot stand; empty where it can.  *beside*: what the same message has set so far."""
    reason = misfit(declared, value)
    if reason:
        return reason, explain(declared, value, reason)
    if declared.data_type in NUMBERS:
        why = out_of_set(station, key, value, beside)
        if why:
            return "ValueOutOfRange", why
    rule = RULES.get(key)
    return rule(station, value, beside) if rule is not None else ("", "")
