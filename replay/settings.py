"""The device model's variables as people read them: what is in force, which layer it is from, and who set what when.

Law: reads only; of a secret nothing is shown but its length and its handle's first digits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from engine.errors import SetupFault
from engine.kernel import Kernel
from engine.machine import Context
from eventlog.fold import Folded
from eventlog.segments import begin
from eventlog.store import Reading
from machines.clock.facts import ClockSet
from machines.device_model.derived import derived
from machines.device_model.facts import (
    RELEASE,
    DeclarationRemoved,
    DeclarationReturned,
    ModelDeclared,
    ModelRefused,
    VariableCleared,
    VariableSet,
)
from machines.device_model.state import DEVICE_MODEL, NOTHING, DeviceModel, Key, declarations, key_in
from machines.inputs import Called
from replay.address import key_spelled, near, spelled
from replay.reading import one, scan, wall_at_base
from replay.text import clean, moment, table, unsealed, value
from wire.declared import Declared, DeclaredMonitor

VALUE_CHARS = 40
LIST_MEMBERS = 6
"""How much of a value, and how many members of a list, a table shows; ``--json`` has all of them."""

DERIVED, FILE, PINNED = "derived", "file", "pinned file"
"""Where a value is from that no layer above the files holds."""


class Setting(NamedTuple):
    """A variable attribute: its declaration, its value in force, the layer that is from, and what the layers above the files hold."""

    key: Key
    declared: Declared
    value: str
    layer: str
    held: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def settings(folded: Folded) -> Iterator[Setting]:
    """Every declared variable attribute, in the order of the files."""
    model = folded.station[DEVICE_MODEL]
    cx = Context(seq=folded.seq, at=folded.at, luck=0)
    for key, declared in model.declared.items():
        layers = model.layers.get(key, NOTHING)
        view = derived(key)
        if view is not None:
            found, layer = view(folded.station, cx, key), DERIVED
        else:
            layer, found = next(layers.held(), (file_layer(declared), declared.value))
        notes = []
        if layers.hold:
            notes.append("held: the CSMS may not change it")
        if key in model.pending:
            source, waiting = model.pending[key]
            notes.append(f"{value(waiting)} ({source}) from the next boot on")
        if declared.policy != "runtime-wins":
            notes.append(declared.policy)
        if not declared.honoured:
            notes.append("not honoured")
        yield Setting(key, declared, found or "", layer, tuple(layers.held()), tuple(notes))


class Given(NamedTuple):
    """What the component files give a variable attribute in one of their two layers, and which of them does; None: no value."""

    layer: str
    value: str | None
    file: str


def given_by(declared: Declared) -> list[Given]:
    """What the files give, the layer in force first: what an override pins, and what the file beneath it says."""
    if not declared.pinned:
        return [Given(FILE, declared.value, declared.base or declared.source)]
    pin = Given(PINNED, declared.value, declared.source)
    return [pin, Given(FILE, declared.beneath, declared.base)] if declared.base else [pin]


def file_layer(declared: Declared) -> str:
    """Which of the files' two layers its value is from."""
    return PINNED if declared.pinned else FILE


def setting(folded: Folded, key: Key, text: str) -> Setting:
    """The one at *key*, which was given as *text*.  Raises SetupFault where no file declares it."""
    model = folded.station[DEVICE_MODEL]
    if key not in model.declared:
        raise SetupFault(undeclared(model, key, text))
    return next(found for found in settings(folded) if found.key == key)


def undeclared(model: DeviceModel, key: Key, text: str) -> str:
    """What to say of an address that no component file declares."""
    kept = "; values that were set while one did are kept aside, and config reset-to-file drops them" if key in model.buried else ""
    return f"{clean(text)}: the device model declares no such variable{kept or near(model, key)}"


def matching(found: Iterable[Setting], pattern: str) -> Iterator[Setting]:
    """Those whose address fits *pattern*, whatever its case: with ``*`` and ``?`` as a whole, without them anywhere in it."""
    # Square brackets begin an instance here, and no set of characters.
    wanted = pattern.casefold().replace("[", "(").replace("]", ")")
    if "*" not in wanted and "?" not in wanted:
        wanted = f"*{wanted}*"
    for row in found:
        if fnmatchcase(spelled(row.declared).casefold(), wanted):
            yield row


def lines(found: Iterable[Setting]) -> list[str]:
    """A table for people."""
    head = ("ADDRESS", "VALUE", "LAYER", "ACCESS", "UNIT", "LIMITS", "NOTE")
    rows = []
    for row in found:
        it = row.declared
        shown = value(row.value) if row.value else "-"
        rows.append(
            (
                clean(spelled(it)),
                shown if len(shown) <= VALUE_CHARS else f"{shown[: VALUE_CHARS - 1]}…",
                row.layer,
                "constant" if it.constant else it.mutability,
                clean(it.unit),
                clean(limits(it)),
                "; ".join(row.notes),
            )
        )
    return table(head, rows)


def limits(declared: Declared) -> str:
    """The data type, and what it is limited to: ``integer 0..100``, ``OptionList of a, b``."""
    text = declared.data_type
    low, high = declared.min_limit, declared.max_limit
    if low or high:
        counted = "" if declared.data_type in ("integer", "decimal") else " characters"
        text += f" {low}..{high}{counted}"
    if declared.values_list:
        more = len(declared.values_list) - LIST_MEMBERS
        text += f" of {', '.join(declared.values_list[:LIST_MEMBERS])}{f' and {more} more' if more > 0 else ''}"
    return text


def as_json(row: Setting) -> dict[str, Any]:
    """A setting for programs."""
    it = row.declared
    return {
        "address": spelled(it),
        "value": unsealed(row.value),
        "layer": row.layer,
        "layers": [
            *[{"layer": layer, "value": unsealed(held)} for layer, held in row.held],
            *[{"layer": layer, "value": unsealed(held) if held is not None else None, "file": file} for layer, held, file in given_by(it)],
        ],
        "mutability": it.mutability,
        "constant": it.constant,
        "persistent": it.persistent,
        "dataType": it.data_type,
        "unit": it.unit,
        "minLimit": it.min_limit,
        "maxLimit": it.max_limit,
        "valuesList": list(it.values_list),
        "policy": it.policy,
        "honoured": it.honoured,
        "file": it.source,
        "notes": list(row.notes),
    }


# What happened to one


class Change(NamedTuple):
    """Something that happened to a variable: in which turn, when, to which layer, and what."""

    seq: int
    at_us: int
    when: str
    layer: str
    what: str
    fact: Any


KINDS = (ClockSet, ModelDeclared, ModelRefused, VariableSet, VariableCleared, DeclarationRemoved, DeclarationReturned)


def changes(kernel: Kernel, store: Reading, key: Key, number: int = 0) -> list[Change]:
    """Everything that the journal says of a variable attribute, in order."""
    wall = wall_at_base(store, number)
    given = begin(store, kernel, number).station[DEVICE_MODEL].declared.get(key)
    found: list[Change] = []
    for seq, at_us, events in scan(store, KINDS, number):
        wall.hear(events)
        for fact in events:
            layer, what = FILE, ""
            if isinstance(fact, ModelDeclared):
                new = next((one for one in declarations(fact.body) if key_in(one) == key), None)
                for layer, what in redeclared(given, new):
                    found.append(Change(seq, at_us, wall.text(at_us).strip(), layer, what, fact))
                given = new
                continue
            if isinstance(fact, VariableSet | VariableCleared):
                layer, what = fact.source, said(fact) if key_in(fact) == key else ""
            elif isinstance(fact, DeclarationRemoved | DeclarationReturned) and fact.variable and key_in(fact) == key:
                what = (
                    "declared no longer: its values are kept aside"
                    if isinstance(fact, DeclarationRemoved)
                    else "declared again: its values count again"
                )
            if what:
                found.append(Change(seq, at_us, wall.text(at_us).strip(), layer, what, fact))
    return found


def said(fact: VariableSet | VariableCleared) -> str:
    """What a change of a layer did."""
    if isinstance(fact, VariableCleared):
        return f"{value(fact.old)} dropped ({fact.cause}); {value(fact.value)} in force"
    if fact.cause == RELEASE:
        return f"{value(fact.value)} released ({fact.cause}): the CSMS may change it"
    text = f"set to {value(fact.value)}"
    if fact.cause:
        text += f" ({fact.cause})"
    if fact.hold:
        text += ", held"
    return f"{text}, to count from the next boot on" if fact.pending else text


def redeclared(old: Declared | None, new: Declared | None) -> Iterator[tuple[str, str]]:
    """How the files changed a declaration, in each of their two layers; nothing where they did not."""
    if new is None:
        if old is not None:
            yield FILE, "declared no longer"
        return
    if old is None:
        first = given_by(new)[-1]
        with_what = value(first.value) if first.value is not None else "no value"
        yield first.layer, f"declared by {clean(first.file) or 'a component file'}, with {with_what}"
    elif told := unpinned(old, new):
        yield FILE, "; ".join(told)
    if pin := pinned(old, new):
        yield PINNED, pin


PLAIN = ("data_type", "unit", "min_limit", "max_limit", "values_list", "mutability")
MARKS = ("constant", "persistent", "required", "honoured", "supports_monitoring", "policy", "reboot")


def differences(old: Declared, new: Declared) -> list[str]:
    """What two declarations of one variable attribute differ in, a text each."""
    told = pinned(old, new)
    return [*([told] if told else []), *unpinned(old, new)]


def pinned(old: Declared | None, new: Declared) -> str:
    """What became of the value that an override pins; empty for nothing."""
    before = old.value if old is not None and old.pinned else None
    if not new.pinned:
        return f"no longer pinned at {_or_none(before)}" if old is not None and old.pinned else ""
    if old is None or not old.pinned:
        return f"pinned at {_or_none(new.value)} by {clean(new.source)}" if new.base or old is not None else ""
    return f"pinned file's value {_or_none(before)} -> {_or_none(new.value)}" if before != new.value else ""


def unpinned(old: Declared, new: Declared) -> list[str]:
    """What two declarations differ in beside what an override pins."""
    found = []
    before, after = [given_by(one)[-1] for one in (old, new)]
    if before.layer == after.layer == FILE and before.value != after.value:
        found.append(f"file's value {_or_none(before.value)} -> {_or_none(after.value)}")
    for name in (*PLAIN, *MARKS):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            found.append(f"{name.replace('_', ' ')} {_member(before)} -> {_member(after)}")
    found += [f"{_monitor(one)} gone" for one in old.monitors if one not in new.monitors]
    found += [f"{_monitor(one)} new" for one in new.monitors if one not in old.monitors]
    files = [one.base or one.source for one in (old, new)]
    if files[0] != files[1]:
        found.append(f"declared by {_member(files[0])} -> {_member(files[1])}")
    if spelled(old) != spelled(new):
        found.append(f"spelled {clean(spelled(old))} -> {clean(spelled(new))}")
    return found


def _monitor(it: DeclaredMonitor) -> str:
    return f"monitor {it.type} {value(it.value)} of severity {it.severity}{f' from {value(it.reference)}' if it.reference else ''}"


def _or_none(text: str | None) -> str:
    return value(text) if text is not None else "none"


def _member(held: Any) -> str:
    if isinstance(held, bool):
        return "true" if held else "false"
    if isinstance(held, tuple):
        return clean(",".join(held)) or "none"
    return clean(held) or "none"


def history(kernel: Kernel, store: Reading, folded: Folded, key: Key, text: str, number: int = 0) -> list[str]:
    """Everything that happened to a variable, as text.  Raises SetupFault where it is nothing that the journal knows."""
    found = changes(kernel, store, key, number)
    base = store.base(number)[0]
    model = folded.station[DEVICE_MODEL]
    before = begin(store, kernel, number).station[DEVICE_MODEL]
    known = base >= 0 and key in before.declared
    if not found and not known and key not in model.declared:
        raise SetupFault(undeclared(model, key, text))
    rows = [(f"#{one.seq}", one.when, one.layer, one.what) for one in found]
    if known:
        layer, held = next(before.layers.get(key, NOTHING).held(), (file_layer(before.declared[key]), before.declared[key].value))
        rows.insert(0, (f"#{base}", "-", layer, f"{_or_none(held)} in force; what was before is in turns that were retired"))
    return table(("TURN", "TIME", "LAYER", "WHAT"), rows)


def who_set(kernel: Kernel, store: Reading, folded: Folded, key: Key, text: str, number: int = 0) -> list[str]:
    """Why the value in force is in force: every layer that holds one, who set it, when, in which turn.  Raises SetupFault as :func:`history`."""
    row = setting(folded, key, text)
    name = clean(spelled(row.declared))
    head = [f"{name} = {value(row.value) if row.value else 'no value'}"]
    if row.layer == DERIVED:
        return [*head, "derived: worked out whenever somebody asks, never set; the turn that last changed it:", f"  stationd replay why '{name}'"]
    found = changes(kernel, store, key, number)
    model = folded.station[DEVICE_MODEL]
    rows = [(layer, value(held), _by(store, found, layer, number, folded.seq)) for layer, held in model.layers.get(key, NOTHING).held()]
    for layer, held, file in given_by(row.declared):
        last = next((one for one in reversed(found) if one.layer == layer and isinstance(one.fact, ModelDeclared)), None)
        since = f"in turn {last.seq} ({last.when})" if last is not None else "in a turn that was retired"
        rows.append((layer, _or_none(held), f"{clean(file) or 'a component file'}, last changed {since}"))
    return [
        *head,
        *table(("LAYER", "VALUE", "SET"), rows),
        *[f"note: {note}" for note in row.notes],
        f"the whole story: stationd replay why '{name}'",
    ]


def _sets(fact: VariableSet) -> bool:
    """Whether it gave the layer its value: what waits for a boot has not yet, and a release leaves it as it is."""
    return not fact.pending and fact.cause != RELEASE


def _by(store: Reading, found: list[Change], layer: str, number: int, newest: int) -> str:
    last = next((one for one in reversed(found) if one.layer == layer and isinstance(one.fact, VariableSet) and _sets(one.fact)), None)
    if last is None:
        return f"in a turn that was retired, up to turn {max(store.base(number)[0], 0)} of {newest}"
    with_what = f" by {last.fact.cause}" if last.fact.cause else ""
    input = one(store, last.seq, number).input
    message = f", message {clean(input.message_id)}" if isinstance(input, Called) else ""
    return f"in turn {last.seq} at {moment(last.at_us)} ({last.when}){with_what}{message}"


def name_of(model: DeviceModel, key: Key) -> str:
    """The address of a variable attribute, as it is declared where it is."""
    declared = model.declared.get(key)
    return clean(spelled(declared) if declared is not None else key_spelled(key))
