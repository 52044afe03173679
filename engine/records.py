"""The numbers under which values are written down.

Law: a record's kind number and the order of its fields belong to the journal, not to Python.  Classes may move or be renamed; a number is
never given twice, and what was released keeps its fields, their order and their defaults: any change of them, a field at the end too, is
``version + 1`` and an upcast.  States and the values in them live by the same law: a closing snapshot holds them for as long as a journal lasts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any, TypeVar, dataclass_transform

import attrs
from attrs import define

from engine.errors import JournalFault
from engine.event import Value

V = TypeVar("V", bound=type[Value])
Upcast = Callable[[tuple[Any, ...]], tuple[Any, ...]]


class Record:
    """How one class is written: its number, version, fields, and which of them are opaque bytes."""

    __slots__ = ("blobs", "cls", "code", "defaults", "kind", "name", "version")

    def __init__(self, kind: int, version: int, cls: type[Value]) -> None:
        self.kind = kind
        self.version = version
        self.cls = cls
        self.name = cls.__name__
        self.code = kind | (version - 1) << 16
        """What stands in a row: the kind, and above it how many versions the fields have been through."""
        self.blobs: tuple[int, ...] = ()
        """Places of opaque bytes among the fields."""
        self.defaults: tuple[Any, ...] = ()
        """The defaults of the last fields: a row leaves out a tail that equals them."""


BY_KIND: dict[int, Record] = {}
BY_CLASS: dict[type, Record] = {}
UPCASTS: dict[tuple[int, int], Upcast] = {}
OLD_BLOBS: dict[tuple[int, int], tuple[int, ...]] = {}
"""Places of opaque bytes among the fields of (kind, version), where a version that has a way up had any."""


@dataclass_transform(kw_only_default=True, frozen_default=True, eq_default=True, field_specifiers=(attrs.field,))
def record(kind: int, version: int = 1) -> Callable[[V], V]:
    """Give a class its number in the journal and make it a value (attrs, slots).

    A field annotated ``bytes`` is opaque JSON text: a turn keeps each such text once, beside its events, and
    folding never decodes it.  The type checker holds values frozen and keyword-only; at run time they are plain
    slots, which is what lets the fold build one in a quarter of the time.
    """

    def declare(cls: V) -> V:
        made: Any = define(cls, eq=False, repr=False, order=False, match_args=False, weakref_slot=False, getstate_setstate=False)
        names = [a.name for a in made.__attrs_attrs__]
        made.FIELDS = tuple(names)
        made.GET = attrgetter(*names) if len(names) > 1 else None
        if kind in BY_KIND:
            raise AssertionError(f"kind {kind} of {made.__qualname__} is already {BY_KIND[kind].cls.__qualname__}")
        entry = BY_KIND[kind] = BY_CLASS[made] = Record(kind, version, made)
        entry.blobs = tuple([i for i, a in enumerate(made.__attrs_attrs__) if a.type in ("bytes", bytes)])
        defaults = [a.default for a in made.__attrs_attrs__]
        while defaults and (defaults[0] is attrs.NOTHING or isinstance(defaults[0], attrs.Factory)):  # type: ignore[arg-type]
            defaults.pop(0)
        entry.defaults = tuple(defaults)
        return made  # type: ignore[no-any-return]

    return declare


ENUMS: dict[int, type[Enum]] = {}
ENUM_KINDS: dict[type, int] = {}
E = TypeVar("E", bound=type[Enum])


def enumeration(kind: int) -> Callable[[E], E]:
    """Give an enum that stands in states its number in snapshots; members are written by name."""

    def declare(cls: E) -> E:
        if kind in ENUMS:
            raise AssertionError(f"enum kind {kind} of {cls.__qualname__} is already {ENUMS[kind].__qualname__}")
        ENUMS[kind] = cls
        ENUM_KINDS[cls] = kind
        return cls

    return declare


def upcast(kind: int, version: int, *, count: int, defaults: tuple[Any, ...] = (), blobs: tuple[int, ...] = ()) -> Callable[[Upcast], Upcast]:
    """Carry the fields of *kind* from *version* to the next; what is given and returned are field values in declared order.

    *count* is how many fields that version had, *defaults* were those of its last fields: a row leaves out a tail that equals them, and the step
    is given it back.  *blobs* are the places of its opaque bytes.
    """
    if len(defaults) > count:
        raise AssertionError(f"kind {kind} version {version}: {len(defaults)} defaults for {count} fields")

    def declare(step: Upcast) -> Upcast:
        if (kind, version) in UPCASTS:
            raise AssertionError(f"kind {kind} has two ways up from version {version}")

        def whole(fields: tuple[Any, ...]) -> tuple[Any, ...]:
            left_out = count - len(fields)
            if not 0 <= left_out <= len(defaults):
                raise JournalFault(f"kind {kind} version {version} has {count} fields, and the row has {len(fields)} of them")
            return step(fields + defaults[len(defaults) - left_out :])

        UPCASTS[kind, version] = whole
        OLD_BLOBS[kind, version] = blobs
        return step

    return declare


class UnknownRecord(JournalFault):
    """The journal holds something that this build has never heard of."""


def build(fields: Sequence[Any], blobs: Sequence[bytes] = ()) -> Any:
    """The value that a row's *fields* stand for: kind first, then the field values; places of opaque bytes index *blobs*."""
    code = fields[0]
    entry = BY_KIND.get(code & 0xFFFF)
    if entry is None or code > entry.code:
        name = entry.name if entry else f"kind {code & 0xFFFF}"
        raise UnknownRecord(f"{name} version {(code >> 16) + 1} comes from a newer build; read this journal with that build")
    values = fields[1:]
    places = entry.blobs if code == entry.code else OLD_BLOBS.get((entry.kind, (code >> 16) + 1), ())
    if places:
        filled = list(values)
        for place in places:
            if place < len(filled) and type(filled[place]) is int:
                filled[place] = blobs[filled[place]]
        values = filled
    for version in range((code >> 16) + 1, entry.version):
        values = UPCASTS[entry.kind, version](tuple(values))
    return entry.cls(*values)


def member(kind: int, name: str) -> Enum:
    """The member *name* of an enumeration.  Raises UnknownRecord where this build has no such member, or no such enumeration."""
    of = ENUMS.get(kind)
    if of is None or name not in of.__members__:
        raise UnknownRecord(
            f"{name} of {of.__qualname__ if of else f'enumeration {kind}'} comes from a newer build; read this journal with that build"
        )
    return of.__members__[name]


def fields_of(value: Value, blobs: list[bytes] | None = None) -> list[Any]:
    """What stands in a row for *value*: kind, then fields, a tail of defaults left out; opaque bytes go to *blobs*, each text once."""
    entry = BY_CLASS[type(value)]
    fields: list[Any] = [getattr(value, name) for name in value.FIELDS]
    if blobs is not None:
        for place in entry.blobs:
            text = fields[place]
            if text in blobs:
                fields[place] = blobs.index(text)
            else:
                fields[place] = len(blobs)
                blobs.append(text)
    for default in reversed(entry.defaults):
        if fields[-1] != default or type(fields[-1]) is not type(default):
            break
        fields.pop()
    fields.insert(0, entry.code)
    return fields


def catalogue() -> list[tuple[int, str, int, list[str]]]:
    """What a journal says of itself: kind, name, version and field names of every record, by kind."""
    return [(r.kind, r.name, r.version, list(r.cls.FIELDS)) for _, r in sorted(BY_KIND.items())]
