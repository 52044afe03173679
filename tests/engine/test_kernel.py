"""The law of a turn, on small machines of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, ClassVar

import attrs
import pytest

from engine.errors import JournalFault
from engine.event import Fact, Input, replace
from engine.kernel import ENGINE, FACTS_MAX, Faulted, Kernel, Woke
from engine.luck import draw
from engine.machine import EVERY, Conclusions, Context, Machine, Part, State, Station, state
from engine.recorder import Recorder
from engine.records import BY_KIND, record
from engine.table import IllegalMove, Table


@record(60_000)
class Pushed(Input):
    """Somebody pushed."""

    n: int


@record(60_004)
class Named(Input):
    """Somebody called something by its name."""

    TOPIC: ClassVar[str] = "name"

    name: str


@record(60_001)
class Counted(Fact):
    """One more."""

    n: int


@record(60_002)
class Noticed(Fact):
    """Somebody noticed a count."""

    n: int


@state(60_003)
class Tally(State):
    """What was counted."""

    counts: dict[int, int] = attrs.field(factory=dict)
    due_us: int = 0


TALLY = Part("tally", Tally)

for kind in range(60_000, 60_005):
    # They are never written: a journal that another test makes must not name them.
    del BY_KIND[kind]


def fold_counted(tally: Tally, fact: Counted) -> None:
    """One more of its kind."""
    tally.counts[fact.n] = tally.counts.get(fact.n, 0) + 1


def cx(seq: int = 0, at: int = 100) -> Context:
    """A context."""
    return Context(seq=seq, at=at, luck=1)


def kernel(hears: dict[Any, Any], **more: Any) -> Kernel:
    """One machine that counts, and decides what the test wants."""
    return Kernel((Machine(TALLY, folds={Counted: fold_counted}, hears=hears, **more),))


def test_a_fact_is_folded_at_once_and_a_running_decision_keeps_its_station() -> None:
    """If this failed, two decisions of a turn could conclude from the same stale state, or one could be surprised in mid-sentence."""
    seen: list[tuple[str, int]] = []

    def push(station: Station, event: Pushed, cx: Context) -> Conclusions:
        yield Counted(n=1)
        seen.append(("same decision", station[TALLY].counts.get(1, 0)))
        yield Counted(n=1)

    def notice(station: Station, event: Counted, cx: Context) -> Conclusions:
        seen.append(("told", station[TALLY].counts[1]))
        yield from ()

    made = kernel({Pushed: push, Counted: notice})
    before = made.genesis()
    turn, after = made.turn(before, Pushed(n=1), cx())

    assert seen == [("same decision", 0), ("told", 2), ("told", 2)]
    assert turn.facts == (Counted(n=1), Counted(n=1))
    assert before[TALLY].counts == {}
    assert after[TALLY].counts == {1: 2}


def test_a_decision_that_raises_leaves_the_station_as_it_was() -> None:
    """If this failed, half a turn could be kept."""

    def push(station: Station, event: Pushed, cx: Context) -> Conclusions:
        yield Counted(n=1)
        raise ZeroDivisionError

    made = kernel({Pushed: push})
    turn, after = made.turn(made.genesis(), Pushed(n=1), cx())

    (fact,) = turn.facts
    assert isinstance(fact, Faulted)
    assert fact.machine == "tally"
    assert "ZeroDivisionError" in fact.error
    assert ".py" not in fact.error
    assert after[TALLY].counts == {}
    assert after[ENGINE].faults == 1


@pytest.mark.parametrize(("name", "expected"), [("known", ["first", "every", "one"]), ("strange", ["every", "others"])])
def test_who_hears_every_topic_hears_it_beside_those_who_hear_one_in_the_listed_order(name: str, expected: list[str]) -> None:
    """If this failed, a machine that must see every message of a kind would miss those that another one serves, or take them away from it."""
    heard: list[str] = []

    def hear(what: str) -> Any:
        def decide(station: Station, event: Named, cx: Context) -> Conclusions:
            heard.append(what)
            yield from ()

        return decide

    parts = [Part(f"tally {n}", Tally) for n in range(4)]
    rows: list[dict[Any, Any]] = [
        {(Named, "known"): hear("first")},
        {(Named, EVERY): hear("every")},
        {Named: hear("others")},
        {(Named, "known"): hear("one")},
    ]
    made = Kernel(tuple(Machine(part, folds={}, hears=hears) for part, hears in zip(parts, rows, strict=True)))
    made.turn(made.genesis(), Named(name=name), cx())
    assert heard == expected


def test_machines_that_answer_each_other_for_ever_are_stopped() -> None:
    """If this failed, one input could hang the station."""

    def push(station: Station, event: Pushed, cx: Context) -> Conclusions:
        yield Counted(n=1)

    def again(station: Station, event: Counted, cx: Context) -> Conclusions:
        yield Counted(n=event.n + 1)

    made = kernel({Pushed: push, Counted: again})
    turn, after = made.turn(made.genesis(), Pushed(n=1), cx())

    assert isinstance(turn.facts[0], Faulted)
    assert "EngineFault" in turn.facts[0].error
    assert len(after[TALLY].counts) < FACTS_MAX


def test_a_deadline_that_nobody_answers_is_muted_for_longer_each_time() -> None:
    """If this failed, a forgotten deadline would keep the station busy for ever."""

    def deadlines(tally: Tally) -> Iterator[tuple[int, str]]:
        yield 50, "forgotten"

    def sleep(station: Station, event: Woke, cx: Context) -> Conclusions:
        yield from ()

    made = kernel({Woke: sleep}, deadlines=deadlines)
    station, at, waits = made.genesis(), 100, []
    for seq in range(4):
        turn, station = made.turn(station, Woke(), cx(seq, at))
        assert isinstance(turn.facts[0], Faulted)
        deadline = made.next_deadline(station)
        assert deadline is not None
        waits.append(deadline[0] - at)
        at = deadline[0]

    assert waits == [1_000_000, 2_000_000, 4_000_000, 8_000_000]


def test_a_fold_that_raises_during_restore_stops_the_station() -> None:
    """If this failed, a journal that cannot be read would be read wrong."""

    def push(station: Station, event: Pushed, cx: Context) -> Conclusions:
        yield Counted(n=1)

    made = kernel({Pushed: push})
    turn, _ = made.turn(made.genesis(), Pushed(n=1), cx())

    def broken(tally: Tally, fact: Counted) -> None:
        raise KeyError

    other = Kernel((Machine(TALLY, folds={Counted: broken}, hears={}),))
    with pytest.raises(JournalFault, match="cannot fold Counted"):
        other.restore(other.genesis(), turn)


def test_conclude_runs_only_when_a_watched_part_changed() -> None:
    """If this failed, what looks at the whole station would look at every reading, or never."""
    looked: list[int] = []

    def push(station: Station, event: Pushed, cx: Context) -> Conclusions:
        if event.n:
            yield Counted(n=event.n)

    def look(station: Station, cx: Context) -> Conclusions:
        looked.append(len(station[TALLY].counts))
        if len(station[TALLY].counts) < 3:
            yield Counted(n=100 + len(station[TALLY].counts))

    made = kernel({Pushed: push}, watches=(TALLY,), conclude=look)
    made.turn(made.genesis(), Pushed(n=0), cx())
    assert looked == []

    _, after = made.turn(made.genesis(), Pushed(n=1), cx())
    assert looked == [1, 2, 3]
    assert len(after[TALLY].counts) == 3


def test_replace_refuses_a_field_that_does_not_exist() -> None:
    """If this failed, a typing error would change nothing, silently."""
    assert replace(Counted(n=1), n=2) == Counted(n=2)
    with pytest.raises(TypeError, match="Counted has no m"):
        replace(Counted(n=1), m=2)


def test_station_time_never_goes_back() -> None:
    """If this failed, a clock that jumps back would fire timeouts late, or never."""
    times = iter((1000, 5000, 10, 20, 30))
    recorder = Recorder(clock=lambda: next(times), entropy=lambda: 3, last_seq=7, last_at=500)

    stamps = [recorder.stamp() for _ in range(3)]

    assert [s.seq for s in stamps] == [8, 9, 10]
    assert stamps[0].at < stamps[1].at < stamps[2].at
    recorder.rewind(8, stamps[0].at)
    assert recorder.last_seq == 8
    assert recorder.stamp().at > stamps[2].at


def test_luck_is_a_function_of_what_was_recorded() -> None:
    """If this failed, replay would draw another back-off."""
    assert draw(5, "redial", 1000) == draw(5, "redial", 1000)
    assert len({draw(n, "redial", 1_000_000) for n in range(100)}) > 95
    assert draw(5, "redial", 0) == 0


class Light(Enum):
    """A lamp."""

    OFF = 1
    ON = 2


def test_a_table_answers_one_question_or_refuses() -> None:
    """If this failed, a fact could be true where it cannot be."""
    table = Table(Light, [(Counted, Light.OFF, Light.ON), (Noticed, (Light.ON, Light.OFF), Light.OFF)])

    assert table.next(Light.OFF, Counted) is Light.ON
    with pytest.raises(IllegalMove, match=r"Counted cannot follow Light\.ON"):
        table.next(Light.ON, Counted)
    with pytest.raises(AssertionError, match="ambiguous"):
        Table(Light, [(Counted, Light.OFF, Light.ON), (Counted, (Light.OFF, Light.ON), Light.OFF)])
