"""What a machine is: a named part of the station, what it folds and what it decides.

Law: a machine declares what it hears by type.  Nothing is offered to everybody, and a machine reads another one's state only
through the station's typed parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar, dataclass_transform

import attrs

from engine.event import Effect, Event, Fact, Value
from engine.records import record

S = TypeVar("S", bound="State")
C = TypeVar("C", bound=type[Value])


class State(Value):
    """A machine's part of the station.

    Only a fold changes one, and the kernel hands every fold a copy of its own (during restore nobody else holds it, and the copy is
    spared).  Dicts and lists directly in a field are copied with it; whatever lies in them is a value and is replaced, not changed.
    """

    __slots__ = ("_due",)

    DUE: ClassVar[tuple[str, ...]] = ()

    def copy(self) -> Self:
        """A state that can be changed without anybody noticing."""
        cls = type(self)
        new = cls.__new__(cls)
        for name in cls.FIELDS:
            value = getattr(self, name)
            kind = type(value)
            if kind is dict or kind is list:
                value = value.copy()
            setattr(new, name, value)
        return new


@dataclass_transform(kw_only_default=True, eq_default=True, field_specifiers=(attrs.field,))
def state(kind: int, version: int = 1) -> Callable[[C], C]:
    """Declare a machine's state under its number in snapshots."""
    declare: Callable[[C], C] = record(kind, version)
    return declare


class Part(Generic[S]):
    """The typed key of a machine's state: ``station[CONNECTION] -> Connection``."""

    __slots__ = ("name", "of")

    def __init__(self, name: str, of: type[S]) -> None:
        self.name = name
        self.of = of


class Station:
    """The whole state of the station at one seq."""

    __slots__ = ("parts",)

    def __init__(self, parts: dict[str, Any]) -> None:
        self.parts = parts

    def __getitem__(self, key: Part[S]) -> S:
        part: S = self.parts[key.name]
        return part

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Station) and self.parts == other.parts

    __hash__ = None  # type: ignore[assignment]


class Context:
    """Everything a decision may read besides the station and the event.

    *station* is the station's number in its journal, *at* microseconds that never go back, *luck* the 64 bits drawn for this input.
    """

    __slots__ = ("at", "luck", "seq", "station")

    def __init__(self, *, seq: int, at: int, luck: int, station: int = 0) -> None:
        self.seq = seq
        self.at = at
        self.luck = luck
        self.station = station


Folds = Mapping[type[Fact], Callable[[S, Any], None]]
"""Fact type -> function that changes the state in place."""

Conclusions = Iterator[Fact | Effect]
Decide = Callable[[Station, Any, Context], Conclusions]
EVERY = "*"
"""In the place of a topic: every one of them, besides whoever hears that topic alone.  No topic is spelled so."""

Heard = type[Event] | tuple[type[Event], str] | tuple[type[Event], type[Effect]]


class Machine:
    """A named part of the station: what it is, what it folds, what it concludes.

    *folds*: fact type -> function that changes the state in place.  *hears*: event type -> decision; a key ``(Called, "GetVariables")`` hears
    one topic of an input, ``(Settled, ApplyPlan)`` the outcome of one effect type.  An input's topic is the field that its class names
    in ``TOPIC``; ``Called`` alone hears the topics that nobody else hears, ``(Called, EVERY)`` all of them.  *deadlines*: (due, why) pairs of the
    state; the machine is told ``Woke`` when one of its own is due.  *conclude* runs once the agenda of a turn is empty and one of the parts in
    *watches* has changed, for what must look at the whole station.
    """

    __slots__ = ("conclude", "deadlines", "folds", "hears", "name", "part", "watches")

    def __init__(
        self,
        part: Part[S],
        *,
        folds: Folds[S],
        hears: Mapping[Any, Decide],
        deadlines: Callable[[S], Iterator[tuple[int, str]]] | None = None,
        watches: tuple[Part[Any], ...] = (),
        conclude: Callable[[Station, Context], Conclusions] | None = None,
    ) -> None:
        self.name = part.name
        self.part = part
        self.folds = folds
        self.hears = hears
        self.deadlines = deadlines
        self.watches = watches
        self.conclude = conclude
