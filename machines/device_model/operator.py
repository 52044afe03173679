"""What a person at the station sets: the highest layer.

Law: the operator may set what the CSMS may only read, but never what is constant, derived, or no value of the variable.
"""

from __future__ import annotations

from engine.machine import Conclusions, Context, Station
from machines.device_model.declare import cleared
from machines.device_model.derived import derived, why_fixed
from machines.device_model.facts import RELEASE, SettingRefused, VariableSet
from machines.device_model.fit import canonical
from machines.device_model.rules import unfit
from machines.device_model.state import DEVICE_MODEL, NOTHING, OPERATOR, Key, address_of, key_in
from machines.inputs import OperatorReset, OperatorSet
from wire.declared import Declared

VALUE_MOST_CHARS = 2500
"""Part 2, VariableAttributeType.value."""


def objection(station: Station, key: Key, value: str | None) -> str:
    """Why an operator cannot set *key* to *value* (None: cannot have the file's value back), in words for people; empty where it can be."""
    model = station[DEVICE_MODEL]
    declared = model.declared.get(key)
    if declared is None:
        # A tombstone's values can be dropped for good; nothing can be set there.
        return "" if value is None and key in model.buried else "no component file declares it"
    if value is None:
        return ""
    if derived(key) is not None:
        return f"{why_fixed(key) or 'the station knows it by itself'}; it cannot be set"
    if declared.constant:
        return "it is constant; only its component file can change it"
    if len(value) > VALUE_MOST_CHARS:
        return f"it has {len(value)} characters; right would be at most {VALUE_MOST_CHARS}, for OCPP transports no more"
    return unfit(station, declared, key, value)[1]


def on_operator_set(station: Station, asked: OperatorSet, cx: Context) -> Conclusions:  # noqa: ARG001
    """Set a value, in the operator's layer."""
    key = key_in(asked)
    reason = objection(station, key, asked.value)
    if reason:
        yield SettingRefused(address="/".join(map(str, key)), reason=reason)
        return
    model = station[DEVICE_MODEL]
    declared = model.declared[key]
    # What is held stays held when it is set again: only a release comes without the hold.
    released = model.layers.get(key, NOTHING).hold and not asked.hold
    yield VariableSet(
        **address_of(declared),
        value=canonical(declared, asked.value),
        source=OPERATOR,
        old=model.text(key) or "",
        cause=RELEASE if released else "config set",
        hold=asked.hold,
    )


def on_operator_reset(station: Station, asked: OperatorReset, cx: Context) -> Conclusions:  # noqa: ARG001
    """Have the file's value count again: every layer above it is emptied."""
    key = key_in(asked)
    reason = objection(station, key, None)
    if reason:
        yield SettingRefused(address="/".join(map(str, key)), reason=reason)
        return
    model = station[DEVICE_MODEL]
    declared = model.declared.get(key)
    layers = model.layers.get(key) or model.buried.get(key)
    if layers is not None:
        rest = dict(layers.held())
        for source, value in layers.held():
            del rest[source]
            now = next(iter(rest.values()), (declared.value if declared is not None else None) or "")
            yield cleared(declared or _named(asked), source, value, now, "reset")
    waiting = model.pending.get(key)
    if waiting is not None and declared is not None:
        yield cleared(declared, waiting[0], waiting[1], declared.value or "", "reset")


def _named(asked: OperatorReset) -> Declared:
    """The address of something that no file declares."""
    return Declared(**address_of(asked))
