"""A machine's legal moves, and nothing but its legal moves.

Law: a table carries no guard and no callback.  ``decide`` chooses which fact is true; the table says where that fact leads, or that it
cannot be true here.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Generic, TypeVar

from transitions import Machine as Transitions

from engine.errors import EngineFault
from engine.event import Fact

P = TypeVar("P", bound=Enum)
Row = tuple[type[Fact], "P | tuple[P, ...]", P]


class IllegalMove(EngineFault):
    """A fact that cannot be true in this phase.

    Raised while deciding it is a bug in a machine; raised while folding it is a journal that this build cannot read.
    """

    def __init__(self, phase: Enum, fact: type[Fact]) -> None:
        super().__init__(f"{fact.__name__} cannot follow {type(phase).__name__}.{phase.name}")
        self.phase = phase
        self.fact = fact


class Table(Generic[P]):
    """(phase, fact) -> phase, compiled once from rows of (fact, from, to).

    ``transitions`` parses, expands and checks the rows; what it made of them is compiled into one flat dict that is asked one question.
    Raises AssertionError at import when two rows answer for one (phase, fact) or a row names a phase that does not exist.
    """

    def __init__(self, phases: type[P], rows: Iterable[Row[P]]) -> None:
        self.phases = phases
        self.initial: P = next(iter(phases))
        self.rows = tuple((fact, source if isinstance(source, tuple) else (source,), dest) for fact, source, dest in rows)
        chart = Transitions(
            model=None,
            states=[phase.name for phase in phases],
            initial=self.initial.name,
            auto_transitions=False,
            transitions=[
                {"trigger": fact.__name__, "source": [phase.name for phase in source], "dest": dest.name} for fact, source, dest in self.rows
            ],
        )
        self._next: dict[tuple[P, type[Fact]], P] = {}
        facts = {fact.__name__: fact for fact, _, _ in self.rows}
        for trigger, event in chart.events.items():
            for source, ways in event.transitions.items():
                assert len(ways) == 1, f"{trigger} from {source} is ambiguous"  # noqa: S101 (a law, checked at import)
                (way,) = ways
                assert not [*way.conditions, *way.prepare, *way.before, *way.after], trigger  # noqa: S101
                self._next[phases[source], facts[trigger]] = phases[str(way.dest)]

    def next(self, phase: P, fact: type[Fact]) -> P:
        """Where *fact* leads from *phase*; raises :class:`IllegalMove` where it leads nowhere."""
        try:
            return self._next[phase, fact]
        except KeyError:
            raise IllegalMove(phase, fact) from None

    def allows(self, phase: P, fact: type[Fact]) -> bool:
        """Whether *fact* can be true in *phase*."""
        return (phase, fact) in self._next

    def mermaid(self, title: str) -> str:
        """The table as a Mermaid state diagram."""
        lines = ["---", f"title: {title}", "---", "stateDiagram-v2", f"    [*] --> {self.initial.name}"]
        lines += [f"    {phase.name} --> {dest.name}: {fact.__name__}" for fact, source, dest in self.rows for phase in source]
        return "\n".join(lines) + "\n"
