"""What becomes of the values when component files say something new, and at a boot.

Law: types, limits, lists and units always follow the files, and no value that the files no longer allow stays in force; what is dropped, set aside or
brought back is a fact that says so.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.event import Fact
from engine.machine import Conclusions, Context, Station
from machines.device_model.derived import derived
from machines.device_model.facts import (
    DeclarationRemoved,
    DeclarationReturned,
    ModelDeclared,
    ModelRefused,
    VariableCleared,
    VariableSet,
)
from machines.device_model.fit import canonical, misfit
from machines.device_model.state import DEVICE_MODEL, OPERATOR, DeviceModel, Key, Layers, address_of, declarations, key_in
from machines.inputs import ConfigLoaded, Started
from machines.session.state import SESSIONS
from wire.declared import Declared

FILE_WINS = "file-wins"


def on_config(station: Station, loaded: ConfigLoaded, cx: Context) -> Conclusions:  # noqa: ARG001
    """The files say something new, or what was refused is gone from them."""
    model = station[DEVICE_MODEL]
    if loaded.digest == model.digest and not model.refused:
        return
    new = {key_in(declared): declared for declared in declarations(loaded.body)}
    reason = refusal(station, new)
    if reason:
        yield ModelRefused(digest=loaded.digest, reason=reason)
        return
    yield from removed(model, new)
    yield ModelDeclared(digest=loaded.digest, body=loaded.body)
    yield from returned(model, new)
    for key, layers in model.layers.items():
        if key in new:
            yield from settled(key, layers, new[key], model.declared.get(key))
    for key, layers in model.buried.items():
        if key in new:
            yield from settled(key, layers, new[key], None)
    for key, (source, value) in model.pending.items():
        if key in new and (misfit(new[key], value) or not writable(new[key])):
            yield cleared(new[key], source, value, model.text(key) or "", "out of range")


def refusal(station: Station, new: dict[Key, Declared]) -> str:
    """Why the files cannot be taken now; empty where they can."""
    kept = {key[2] for key in new}
    for evse_id, session in sorted(station[SESSIONS].of.items()):
        if session.transaction is not None and evse_id not in kept:
            return (
                f"EVSE {evse_id} is not in the component files any more, and transaction {session.transaction.transaction_id} is open there; "
                "end the transaction and start again, or put the files of the EVSE back"
            )
    return ""


def removed(model: DeviceModel, new: dict[Key, Declared]) -> Iterator[Fact]:
    """Tombstones: of every component that is gone, and of every other attribute that held a value and is gone."""
    left = {key[:4] for key in new}
    told: set[tuple[str, str, int, int]] = set()
    for key, declared in model.declared.items():
        if key[:4] not in left and key[:4] not in told:
            told.add(key[:4])
            yield DeclarationRemoved(
                component=declared.component,
                component_instance=declared.component_instance,
                evse_id=declared.evse_id,
                connector_id=declared.connector_id,
            )
    for key in (*model.layers, *(key for key in model.pending if key not in model.layers)):
        if key not in new and key[:4] in left:
            declared = model.declared[key]
            yield DeclarationRemoved(
                **address_of(declared),
            )


def returned(model: DeviceModel, new: dict[Key, Declared]) -> Iterator[Fact]:
    """What was set aside is declared again."""
    for key in model.buried:
        if key in new:
            declared = new[key]
            yield DeclarationReturned(
                **address_of(declared),
            )


def settled(key: Key, layers: Layers, new: Declared, old: Declared | None) -> Iterator[Fact]:
    """What of a variable's values the new declaration does away with.

    Where a value does not fit any more, the next layer below that fits counts, and at last the file.
    """
    wins = old is not None and new.policy == FILE_WINS and (old.value != new.value or old.policy != FILE_WINS)
    rest = dict(layers.held())
    for source, value in layers.held():
        if wins and source != OPERATOR:
            cause = "file wins"
        elif derived(key) is not None or new.constant or (new.mutability == "ReadOnly" and source != OPERATOR):
            cause = "not writable"
        elif misfit(new, value):
            cause = "out of range"
        else:
            continue
        del rest[source]
        yield cleared(new, source, value, next(iter(rest.values()), new.value or ""), cause)


def writable(declared: Declared) -> bool:
    """Whether the CSMS may set it."""
    return declared.mutability != "ReadOnly" and not declared.constant


def cleared(declared: Declared, source: str, old: str, value: str, cause: str) -> VariableCleared:
    """The fact that a layer is emptied."""
    return VariableCleared(
        **address_of(declared),
        value=value,
        source=source,
        old=old,
        cause=cause,
    )


def on_start(station: Station, started: Started, cx: Context) -> Conclusions:  # noqa: ARG001
    """A boot: what waited for it counts, and what is not persistent is gone."""
    model = station[DEVICE_MODEL]
    for key, (source, value) in model.pending.items():
        declared = model.declared[key]
        yield VariableSet(
            **address_of(declared),
            value=canonical(declared, value),
            source=source,
            old=model.text(key) or "",
            cause="boot",
        )
    for key, layers in model.layers.items():
        declared = model.declared[key]
        if not declared.persistent:
            rest = dict(layers.held())
            for source, value in layers.held():
                del rest[source]
                yield cleared(declared, source, value, next(iter(rest.values()), declared.value or ""), "not persistent")
