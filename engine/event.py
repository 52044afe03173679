"""What can happen, and what can be asked for.

Law: three kinds of value cross the engine and nothing else does: an ``Input`` arrived through a port, a ``Fact`` was concluded by a machine,
an ``Effect`` is asked of the outside.  Inputs and facts are journalled for ever; only facts change state.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar, TypeVar

from attrs import define


class Value:
    """A record: fields in declared order, equal by value, never changed after it was made.

    Classes are declared with :func:`engine.records.record`.  Equality, hash and repr live here once, and not
    in code generated for every class, because generating them is most of what a class costs at start.
    """

    __slots__ = ()

    FIELDS: ClassVar[tuple[str, ...]] = ()
    """Field names in declared order, which is their order in the journal."""

    GET: ClassVar[Callable[[Any], tuple[Any, ...]] | None] = None
    """All field values at once, for classes with more than one field."""

    def astuple(self) -> tuple[Any, ...]:
        """The field values in declared order, nested records as they are."""
        return tuple([getattr(self, name) for name in self.FIELDS])

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.FIELDS)

    def __hash__(self) -> int:
        return hash((type(self), self.astuple()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.FIELDS)})"


V = TypeVar("V", bound=Value)


def replace(value: V, /, **changes: Any) -> V:
    """A value like *value*, but for the fields in *changes*.  Raises TypeError for a field that it does not have."""
    cls = type(value)
    fields = cls.FIELDS
    values = [getattr(value, name) for name in fields] if cls.GET is None else list(cls.GET(value))
    for name, new in changes.items():
        try:
            values[fields.index(name)] = new
        except ValueError:
            raise TypeError(f"{cls.__name__} has no {name}") from None
    return cls(*values)


class Event(Value):
    """Anything that happened."""

    __slots__ = ()


class Input(Event):
    """Something a port told us, secrets already sealed."""

    __slots__ = ()

    MOMENTARY: ClassVar[bool] = False
    """Somebody stands there and waits: acting on it much later would surprise them."""


class Fact(Event):
    """Something a machine concluded.  Holds all that folding it needs."""

    __slots__ = ()

    TELEMETRY: ClassVar[bool] = False
    """A reading that the next one of the same source (its first field) replaces, and that no other fact is folded with: a turn of nothing else
    may ride with the next group, and a restart makes only the last one of each source."""


class AfterCrash(Enum):
    """What to do with an effect whose outcome a crash swallowed."""

    REPEAT = "repeat"  # perform again under the same id: the adapter is idempotent in it
    REPORT = "report"  # never repeat: settle it as lost and let the machine think
    FORGET = "forget"  # not followed at all: another input tells what came of it, or nobody needs to know


class Effect(Value):
    """Something we ask of the outside."""

    __slots__ = ()

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.REPORT

    ANSWERS: ClassVar[bool] = False
    """Nothing but the answer to the input of its own turn."""

    @property
    def withdraws(self) -> bool:
        """Whether it only takes energy away: safe at any time, also before its turn is durable."""
        return False


@define(frozen=True, order=True)
class EffectId:
    """An effect's place in the journal, and therefore its idempotency key.

    *station* is the station's number in its journal, *seq* the turn, *index* the place among the turn's effects.
    """

    station: int
    seq: int
    index: int

    def __str__(self) -> str:
        return f"{self.station}.{self.seq}.{self.index}"
