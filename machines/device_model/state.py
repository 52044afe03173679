"""Declarations and the values that facts gave.

Law: stored is only what was set; what another machine knows is a derived variable (``derived.py``) and never stored twice.  Every layer keeps its own
value, and the highest that has one is in force: file < pinned file < station < CSMS < operator; which of the first two it is, the files settle among
themselves (``Declared.pinned``).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import attrs

from engine.event import Value, replace
from engine.machine import Folds, Part, State, state
from engine.records import record
from machines.device_model.facts import (
    Changed,
    DeclarationRemoved,
    DeclarationReturned,
    ModelDeclared,
    ModelRefused,
    VariableCleared,
    VariableSet,
)
from machines.inputs import OperatorReset, OperatorSet
from wire import jsontext
from wire.declared import Declared, read

Key = tuple[str, str, int, int, str, str, str]
"""Component, its instance, evse id, connector id, variable, its instance, attribute: names folded, for OCPP compares them without case."""

STATION, CSMS, OPERATOR = "station", "csms", "operator"
SOURCES = (STATION, CSMS, OPERATOR)
"""The layers above the file, from the lowest to the highest."""


def key_of(
    component: str,
    variable: str,
    *,
    component_instance: str = "",
    variable_instance: str = "",
    evse_id: int = 0,
    connector_id: int = 0,
    attribute: str = "Actual",
) -> Key:
    """The address of a variable attribute."""
    return (
        component.casefold(),
        component_instance.casefold(),
        evse_id,
        connector_id,
        variable.casefold(),
        variable_instance.casefold(),
        attribute,
    )


Named = Changed | DeclarationRemoved | DeclarationReturned | Declared | OperatorSet | OperatorReset
"""What names a variable attribute by its fields."""


def key_in(named: Named) -> Key:
    """The address that a fact, an input or a declaration names."""
    return key_of(
        named.component,
        named.variable,
        component_instance=named.component_instance,
        variable_instance=named.variable_instance,
        evse_id=named.evse_id,
        connector_id=named.connector_id,
        attribute=named.attribute,
    )


def address_of(named: Named) -> dict[str, Any]:
    """The same as the fields by which facts and inputs name it."""
    return {
        "component": named.component,
        "variable": named.variable,
        "component_instance": named.component_instance,
        "variable_instance": named.variable_instance,
        "evse_id": named.evse_id,
        "connector_id": named.connector_id,
        "attribute": named.attribute,
    }


@record(118)
class Layers(Value):
    """What the layers above the file hold for one variable attribute; None: nothing.  *hold*: the CSMS may not change it."""

    station: str | None = None
    csms: str | None = None
    operator: str | None = None
    hold: bool = False

    def value(self) -> str | None:
        """The highest layer's value."""
        if self.operator is not None:
            return self.operator
        return self.csms if self.csms is not None else self.station

    def held(self) -> Iterator[tuple[str, str]]:
        """(layer, value) of every layer that holds something, the highest first."""
        for source in reversed(SOURCES):
            value = getattr(self, source)
            if value is not None:
                yield source, value


NOTHING = Layers()


@state(112)
class DeviceModel(State):
    """What is declared, and which values were set since.

    *components* are the addresses of components, *variables* those of variables: they tell an unknown component from an unknown variable.  *pending*
    are (layer, value) pairs that count from the next boot on, *buried* the values of what is no longer declared.  *refused* says why the newest files
    are not in force; empty where they are.
    """

    declared: dict[Key, Declared] = attrs.field(factory=dict)
    layers: dict[Key, Layers] = attrs.field(factory=dict)
    pending: dict[Key, tuple[str, str]] = attrs.field(factory=dict)
    buried: dict[Key, Layers] = attrs.field(factory=dict)
    components: dict[tuple[str, str, int, int], int] = attrs.field(factory=dict)
    variables: dict[tuple[str, str, int, int, str, str], int] = attrs.field(factory=dict)
    digest: str = ""
    refused: str = ""

    def text(self, key: Key) -> str | None:
        """The value in force: the highest layer's, else what the file gives, else None."""
        layers = self.layers.get(key)
        if layers is not None:
            return layers.value()
        declared = self.declared.get(key)
        return declared.value if declared is not None else None

    def names(self, text: str) -> bool:
        """Whether any value contains *text*, in force or not."""
        stored = (value for kept in (self.layers, self.buried) for layers in kept.values() for _, value in layers.held())
        waiting = (value for _, value in self.pending.values())
        given = (value or "" for declared in self.declared.values() for value in (declared.value, declared.beneath))
        return any(text in value for values in (stored, waiting, given) for value in values)


DEVICE_MODEL = Part("device_model", DeviceModel)


@lru_cache(maxsize=1)
def declarations(body: bytes) -> list[Declared]:
    """What the text of a ``ConfigLoaded`` declares; the same list for the same text, which is looked at more than once in a turn."""
    return [read(fields) for fields in jsontext.decode(body)]


def fold_declared(model: DeviceModel, fact: ModelDeclared) -> None:
    """Replace every declaration."""
    model.digest = fact.digest
    model.refused = ""
    model.declared = {key_in(declared): declared for declared in declarations(fact.body)}
    model.components = {key[:4]: 1 for key in model.declared}
    model.variables = {key[:6]: 1 for key in model.declared}


def fold_refused(model: DeviceModel, fact: ModelRefused) -> None:
    """Remember why."""
    model.refused = fact.reason


def fold_set(model: DeviceModel, fact: VariableSet) -> None:
    """Put the value into its layer.  A CSMS that sets what the operator set takes it over, unless the operator holds it."""
    key = key_in(fact)
    if fact.pending:
        model.pending[key] = (fact.source, fact.value)
        return
    model.pending.pop(key, None)
    layers = model.layers.get(key, NOTHING)
    match fact.source:
        case "csms":
            layers = replace(layers, csms=fact.value, operator=layers.operator if layers.hold else None)
        case "operator":
            layers = replace(layers, operator=fact.value, hold=fact.hold)
        case _:
            layers = replace(layers, station=fact.value)
    model.layers[key] = layers


def fold_cleared(model: DeviceModel, fact: VariableCleared) -> None:
    """Empty the layer."""
    key = key_in(fact)
    if model.pending.get(key, ("", ""))[0] == fact.source:
        del model.pending[key]
    where = model.layers if key in model.layers else model.buried
    layers = where.get(key)
    if layers is None:
        return
    match fact.source:
        case "csms":
            layers = replace(layers, csms=None)
        case "operator":
            layers = replace(layers, operator=None, hold=False)
        case _:
            layers = replace(layers, station=None)
    if layers == NOTHING:
        del where[key]
    else:
        where[key] = layers


def _within(key: Key, fact: DeclarationRemoved | DeclarationReturned) -> bool:
    """Whether *fact* is about *key*: about the attribute itself, or about all of its component."""
    named = key_in(fact)
    return key == named if fact.variable else key[:4] == named[:4]


def fold_removed(model: DeviceModel, fact: DeclarationRemoved) -> None:
    """Keep its values aside."""
    for key in [key for key in model.layers if _within(key, fact)]:
        model.buried[key] = model.layers.pop(key)
    for key in [key for key in model.pending if _within(key, fact)]:
        del model.pending[key]


def fold_returned(model: DeviceModel, fact: DeclarationReturned) -> None:
    """Put the values that were kept back in force."""
    for key in [key for key in model.buried if _within(key, fact) and key in model.declared]:
        model.layers[key] = model.buried.pop(key)


FOLDS: Folds[DeviceModel] = {
    ModelDeclared: fold_declared,
    ModelRefused: fold_refused,
    VariableSet: fold_set,
    VariableCleared: fold_cleared,
    DeclarationRemoved: fold_removed,
    DeclarationReturned: fold_returned,
}
