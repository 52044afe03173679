"""Declarations and the values that facts gave.

Law: stored is only what was set; what another machine knows is a derived variable (``derived.py``) and never stored twice.
"""

from __future__ import annotations

import attrs

from engine.machine import Folds, Part, State, state
from engine.records import build
from machines.device_model.facts import ModelDeclared, VariableSet
from wire import jsontext
from wire.declared import Declared

Key = tuple[str, str, int, int, str, str, str]
"""Component, its instance, evse id, connector id, variable, its instance, attribute: names folded, for OCPP compares them without case."""


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


@state(112)
class DeviceModel(State):
    """What is declared, and which values were set since.

    *components* are the addresses of components, *variables* those of variables: they tell an unknown component from an unknown variable.
    """

    declared: dict[Key, Declared] = attrs.field(factory=dict)
    values: dict[Key, str] = attrs.field(factory=dict)
    components: dict[tuple[str, str, int, int], int] = attrs.field(factory=dict)
    variables: dict[tuple[str, str, int, int, str, str], int] = attrs.field(factory=dict)
    digest: str = ""

    def text(self, key: Key) -> str | None:
        """The value: what was set, else what the file gives, else None."""
        value = self.values.get(key)
        if value is None:
            declared = self.declared.get(key)
            return declared.value if declared is not None else None
        return value


DEVICE_MODEL = Part("device_model", DeviceModel)


def declarations(body: bytes) -> list[Declared]:
    """What the text of a ``ConfigLoaded`` declares."""
    return [build([16, *[tuple(f) if isinstance(f, list) else f for f in fields]]) for fields in jsontext.decode(body)]


def fold_declared(model: DeviceModel, fact: ModelDeclared) -> None:
    """Replace every declaration; keep the values whose variable is still declared."""
    model.digest = fact.digest
    model.declared = {
        key_of(
            d.component,
            d.variable,
            component_instance=d.component_instance,
            variable_instance=d.variable_instance,
            evse_id=d.evse_id,
            connector_id=d.connector_id,
            attribute=d.attribute,
        ): d
        for d in declarations(fact.body)
    }
    model.components = {key[:4]: 1 for key in model.declared}
    model.variables = {key[:6]: 1 for key in model.declared}


def fold_set(model: DeviceModel, fact: VariableSet) -> None:
    """Keep the value."""
    key = key_of(
        fact.component,
        fact.variable,
        component_instance=fact.component_instance,
        variable_instance=fact.variable_instance,
        evse_id=fact.evse_id,
        connector_id=fact.connector_id,
        attribute=fact.attribute,
    )
    model.values[key] = fact.value


FOLDS: Folds[DeviceModel] = {ModelDeclared: fold_declared, VariableSet: fold_set}
