"""What other component files would change at the next boot.

Law: nothing is guessed: the boot is decided by the very machines that will decide it, and what they conclude is told; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.event import Fact, Input
from engine.kernel import Faulted, Kernel
from engine.machine import Context, Station
from eventlog.fold import Folded
from eventlog.store import Reading
from machines.device_model.facts import (
    RELEASE,
    DeclarationRemoved,
    DeclarationReturned,
    ModelDeclared,
    ModelRefused,
    VariableCleared,
    VariableSet,
)
from machines.device_model.state import DEVICE_MODEL, DeviceModel, Key, key_in
from replay.address import component_spelled, key_spelled
from replay.reading import scan
from replay.settings import Given, differences, given_by, name_of
from replay.text import clean, moment, value
from wire.declared import Declared

OF_THE_MODEL = (ModelDeclared, ModelRefused, VariableSet, VariableCleared, DeclarationRemoved, DeclarationReturned, Faulted)


class Boot(NamedTuple):
    """A boot that was decided and not made: the station before it, what the device model concludes in it, the station after it."""

    before: Station
    facts: tuple[Fact, ...]
    after: Station


class Item(NamedTuple):
    """One thing that would change: which kind of thing, where, and how."""

    what: str
    address: str
    text: str

    def __str__(self) -> str:
        """The line for people."""
        return ": ".join([part for part in (self.what, self.address, self.text) if part])


def boot(kernel: Kernel, folded: Folded, inputs: tuple[Input, ...]) -> Boot:
    """Decide *inputs*, with which a process starts, on the station as the journal has it."""
    station, facts = folded.station, list[Fact]()
    for place, input in enumerate(inputs, 1):
        # Only the device model is looked at, and it decides nothing by time or luck.
        turn, station = kernel.turn(station, input, Context(seq=folded.seq + place, at=folded.at + place, luck=0))
        facts += [fact for fact in turn.facts if isinstance(fact, OF_THE_MODEL)]
    return Boot(folded.station, tuple(facts), station)


def items(made: Boot, store: Reading, number: int = 0) -> list[Item]:
    """Everything that the boot changes, and which values that were set stand before those of the files."""
    old, new = made.before[DEVICE_MODEL], made.after[DEVICE_MODEL]
    found = [Item("refused", "", clean(fact.reason)) for fact in made.facts if isinstance(fact, ModelRefused)]
    found += [Item("refused", "", f"this build cannot decide it: {clean(fact.error)}") for fact in made.facts if isinstance(fact, Faulted)]
    return [*found, *_declared(old, new), *_concluded(made.facts, new), *_in_force(old, new), *_shadows(new, who(store, number))]


def lines(found: list[Item]) -> list[str]:
    """The items for people, and what of them counts."""
    shadows = sum(item.what == "shadowed" for item in found)
    changing = len(found) - shadows
    if any(item.what == "refused" for item in found):
        last = "the station would refuse these files and go on with those it has"
    elif changing:
        last = f"{changing} changes"
    else:
        last = "nothing would change"
    return [*[str(item) for item in found], f"{last}; {shadows} values stand before those of a lower layer" if shadows else last]


def _declared(old: DeviceModel, new: DeviceModel) -> Iterator[Item]:
    yield from _components("component removed", old, new, gone=True)
    yield from _components("component added", new, old, gone=False)
    for key in [*old.declared, *[key for key in new.declared if key not in old.declared]]:
        before, after = old.declared.get(key), new.declared.get(key)
        if before is not None and after is not None:
            if before != after:
                yield Item("declaration", name_of(new, key), "; ".join(differences(before, after)))
        elif before is None and key[:4] in old.components and after is not None:
            kind = "attribute" if key[:6] in old.variables else "variable"
            yield Item(f"{kind} added", name_of(new, key), f"{after.data_type} {after.mutability}, {_given(after)}")
        elif after is None and key[:4] in new.components:
            kind = "attribute" if key[:6] in new.variables else "variable"
            yield Item(f"{kind} removed", name_of(old, key), "")


def _components(what: str, here: DeviceModel, there: DeviceModel, *, gone: bool) -> Iterator[Item]:
    for address in here.components:
        if address not in there.components:
            inside = {key: declared for key, declared in here.declared.items() if key[:4] == address}
            kept = sum(key[:4] == address for key in there.buried)
            text = f"{len({key[4:6] for key in inside})} variables{f', of which {kept} keep what was set, out of force' if kept and gone else ''}"
            yield Item(what, clean("".join(component_spelled(next(iter(inside.values()))))), text)


def _given(declared: Declared) -> str:
    return _of(given_by(declared)[0])


def _of(given: Given) -> str:
    return f"the {given.layer}'s {value(given.value)}" if given.value is not None else f"a {given.layer} that gives no value"


def _concluded(facts: tuple[Fact, ...], new: DeviceModel) -> Iterator[Item]:
    for fact in facts:
        match fact:
            case VariableCleared():
                # Where several layers are dropped, only the last one's fact says what is in force in the end.
                key = key_in(fact)
                yield Item("dropped", name_of(new, key), f"{fact.source}'s {value(fact.old)} ({fact.cause}); {value(new.text(key) or '')} in force")
            case VariableSet():
                yield Item("set", name_of(new, key_in(fact)), f"{fact.source}'s {value(fact.value)}, which waited for the boot")
            case DeclarationRemoved() if fact.variable:
                yield Item("set aside", clean(key_spelled(key_in(fact))), "no file declares it any more; its values are kept")
            case DeclarationReturned():
                yield Item(
                    "brought back",
                    name_of(new, key_in(fact)),
                    f"the values that were kept count again, {value(new.text(key_in(fact)) or '')} in force",
                )
            case _:
                continue


def _in_force(old: DeviceModel, new: DeviceModel) -> Iterator[Item]:
    for key in new.declared:
        if key in old.declared and (old.text(key) or "") != (new.text(key) or ""):
            yield Item("in force", name_of(new, key), f"{value(old.text(key) or '')} -> {value(new.text(key) or '')}")


Who = dict[tuple[Key, str], tuple[int, int, str]]
"""(variable, layer) -> the turn that set it last, its station time in microseconds, and what it was set with."""


def who(store: Reading, number: int = 0) -> Who:
    """Who set what last."""
    found: Who = {}
    for seq, at_us, facts in scan(store, (VariableSet,), number):
        for fact in facts:
            if not fact.pending and fact.cause != RELEASE:
                found[key_in(fact), fact.source] = (seq, at_us, fact.cause)
    return found


def _shadows(new: DeviceModel, by: Who) -> Iterator[Item]:
    for key, layers in new.layers.items():
        declared = new.declared.get(key)
        if declared is None:
            continue
        for source, held in layers.held():
            seq, at_us, cause = by.get((key, source), (-1, 0, ""))
            when = (
                f"set in turn {seq} at {moment(at_us)}{f' by {cause}' if cause else ''}"
                if seq >= 0
                else "set in a turn that was retired, or at this boot"
            )
            mark = ", held" if layers.hold and source == "operator" else ""
            yield Item("shadowed", name_of(new, key), f"{source}'s {value(held)}{mark}, {when}, stands before {_given(declared)}")
    for key, declared in new.declared.items():
        # A start option shadows only what whoever gave it knows of, and a pin that says what the file says shadows nothing.
        if declared.pinned and declared.base and declared.value != declared.beneath and not declared.source.startswith("--"):
            pin, file = given_by(declared)
            yield Item("shadowed", name_of(new, key), f"{_of(pin)} of {clean(pin.file)} stands before {_of(file)} of {clean(file.file)}")
