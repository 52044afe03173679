"""Tables: what ``transitions`` read is what is answered, and every machine's own table is whole.

Law: the oracle is ``transitions`` itself, fired; the table answers the same and does nothing else.
"""

from __future__ import annotations

from enum import Enum
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transitions import Machine as Transitions
from transitions import MachineError

from engine.event import Fact
from engine.table import IllegalMove, Table

PHASES = Enum("PHASES", ["ONE", "TWO", "THREE", "FOUR", "FIVE"])
FACTS = tuple(type(f"Fact{n}", (Fact,), {"__slots__": ()}) for n in range(5))
TABLES = ("machines.boot.state", "machines.connection.state", "machines.session.state", "machines.vas.state", "machines.version.state")


class Model:
    """What ``transitions`` moves."""

    state: str

    def trigger(self, name: str) -> bool:
        """Replaced by ``transitions``."""
        raise NotImplementedError(name)


@st.composite
def charts(draw: st.DrawFn) -> dict[tuple[Enum, type[Fact]], Enum]:
    """Any unambiguous table."""
    keys = st.tuples(st.sampled_from(list(PHASES)), st.sampled_from(FACTS))
    found: dict[tuple[Enum, type[Fact]], Enum] = draw(st.dictionaries(keys, st.sampled_from(list(PHASES)), max_size=25))
    return found


@settings(max_examples=60, deadline=None)
@given(charts())
def test_a_table_answers_as_transitions_does(chart: dict[tuple[Enum, type[Fact]], Enum]) -> None:
    """If this failed, the drawing of a table would not be the table."""
    rows: list[Any] = [(fact, phase, dest) for (phase, fact), dest in chart.items()]
    table: Table[Any] = Table(PHASES, rows)
    for phase in PHASES:
        for fact in FACTS:
            model = Model()
            Transitions(
                model=model,
                model_override=True,
                states=[p.name for p in PHASES],
                initial=phase.name,
                auto_transitions=False,
                transitions=[{"trigger": f.__name__, "source": p.name, "dest": d.name} for (p, f), d in chart.items()],
            )
            try:
                moved = model.trigger(fact.__name__)
            except (MachineError, AttributeError):
                moved = False
            assert table.allows(phase, fact) is moved
            if moved:
                assert table.next(phase, fact).name == model.state
            else:
                with pytest.raises(IllegalMove, match=f"{fact.__name__} cannot follow PHASES.{phase.name}"):
                    table.next(phase, fact)


@settings(max_examples=40, deadline=None)
@given(charts(), st.sampled_from(list(PHASES)), st.data())
def test_two_answers_to_one_question_are_refused_at_import(chart: dict[tuple[Enum, type[Fact]], Enum], other: Enum, data: st.DataObject) -> None:
    """If this failed, the first of two rows would win, silently."""
    if not chart:
        return
    phase, fact = data.draw(st.sampled_from(sorted(chart, key=str)))
    rows: list[Any] = [(f, p, d) for (p, f), d in chart.items()]
    with pytest.raises(AssertionError, match="ambiguous"):
        Table(PHASES, [*rows, (fact, phase, other)])


def test_rows_with_several_sources_are_that_many_rows() -> None:
    """If this failed, half of the moves of a machine would be illegal."""
    one, two, three, *_ = PHASES
    table: Table[Any] = Table(PHASES, [(FACTS[0], (one, two), three), (FACTS[0], three, one)])
    assert [table.next(phase, FACTS[0]).name for phase in (one, two, three)] == ["THREE", "THREE", "ONE"]
    assert "    ONE --> THREE: Fact0\n    TWO --> THREE: Fact0\n    THREE --> ONE: Fact0\n" in table.mermaid("any")


@pytest.mark.parametrize("module", TABLES)
def test_every_phase_of_every_machine_is_reachable_and_can_be_left(module: str) -> None:
    """If this failed, a phase would be dead code, or a trap."""
    table: Table[Any] = import_module(module).TABLE
    seen, edge = {table.initial}, [table.initial]
    moves = {(source, dest) for _, sources, dest in table.rows for source in sources}
    while edge:
        phase = edge.pop()
        for source, dest in moves:
            if source is phase and dest not in seen:
                seen.add(dest)
                edge.append(dest)
    phases = {phase for phase in table.phases if isinstance(phase, Enum)}
    assert seen == phases
    assert {source for source, dest in moves if source is not dest} == phases


@pytest.mark.parametrize("module", TABLES)
def test_every_fact_of_a_table_is_folded_by_it(module: str) -> None:
    """If this failed, a fact would stand in a table that no fold asks."""
    found = import_module(module)
    assert {fact for fact, _, _ in found.TABLE.rows} <= set(found.FOLDS)


@pytest.mark.parametrize("module", TABLES)
def test_a_drawing_begins_where_the_machine_does(module: str) -> None:
    """If this failed, the documentation would show another machine."""
    table: Table[Any] = import_module(module).TABLE
    assert f"[*] --> {table.initial.name}\n" in table.mermaid("title")
