"""Verify finds every changed decision once, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from engine.kernel import Kernel, Turn
from engine.machine import Conclusions, Context, Machine, Station
from eventlog.codec import encode_turn
from eventlog.memory import MemoryJournal
from machines.effects import SetEvse
from machines.inputs import MeterTold
from machines.meter.facts import MeterRead
from machines.station import STATION, answer_fault
from replay.verify import verify
from replay.whole import examine
from tests.replay.feeder import night, tampered
from tests.story import Story


def patched(name: str, **changes: Any) -> Kernel:
    """The station's kernel with one machine changed."""

    def change(machine: Machine) -> Machine:
        if machine.name != name:
            return machine
        given: dict[str, Any] = {"folds": machine.folds, "hears": machine.hears, "deadlines": machine.deadlines}
        given |= {"watches": machine.watches, "conclude": machine.conclude}
        return Machine(machine.part, **{**given, **{key: how(given[key]) for key, how in changes.items()}})

    return Kernel(tuple(change(machine) for machine in STATION.machines), on_fault=answer_fault)


@pytest.fixture(scope="module")
def story() -> Story:
    """One night for all tests here, which only read it."""
    return night()


def metered(story: Story) -> int:
    """How many turns of a story are about a reading."""
    return sum(isinstance(turn.input, MeterTold) for turn in story.turns)


def test_a_station_decides_its_own_night_again_the_same(story: Story) -> None:
    """Without this no divergence in a field journal would mean anything."""
    seen: list[tuple[int, int]] = []
    report = verify(STATION, story.rows(), progress=lambda done, total: seen.append((done, total)))
    assert report.ok
    assert str(report) == f"replay: {len(story.turns)} turns, 0 divergences"
    assert seen[-1] == (len(story.turns), len(story.turns))


def test_one_changed_decision_is_one_divergence(story: Story) -> None:
    """Following our own facts instead of the recorded ones would make a cascade of one change and hide the others behind it."""

    def on_told(station: Station, told: MeterTold, cx: Context) -> Conclusions:
        yield MeterRead(evse_id=told.evse_id, energy_wh=told.energy_wh + 1, power_w=told.power_w, at_us=cx.at)

    report = verify(patched("meters", hears=lambda hears: {**hears, MeterTold: on_told}), story.rows())
    divergence, *others = report.divergences
    assert {type(other.input) for other in others} == {MeterTold}
    assert isinstance(divergence.input, MeterTold)
    assert isinstance(divergence.recorded_facts[0], MeterRead)
    assert divergence.recorded_facts[0].energy_wh == 1500
    diff = str(divergence).splitlines()
    assert diff[0].startswith(f"turn {divergence.seq} at +")
    assert next(line for line in diff if line.startswith("- ")).startswith("- MeterRead(evse_id=1, energy_wh=1500,")
    assert next(line for line in diff if line.startswith("+ ")).startswith("+ MeterRead(evse_id=1, energy_wh=1501,")
    assert str(report) == f"replay: {len(story.turns)} turns, {metered(story)} divergences"
    assert not report.ok


def test_a_changed_effect_counts_as_a_changed_fact_does(story: Story) -> None:
    """An effect is what the world saw of a decision: a contactor that would not have closed is the worst of all changes."""

    def conclude(given: Any) -> Any:
        def offer(station: Station, cx: Context) -> Conclusions:
            return (e for e in given(station, cx) if not (isinstance(e, SetEvse) and e.energise))

        return offer

    report = verify(patched("sessions", conclude=conclude), story.rows())
    recorded = [turn.seq for turn in story.turns if any(isinstance(e, SetEvse) and e.energise for e in turn.effects)]
    assert [d.seq for d in report.divergences] == recorded
    diff = str(report.divergences[0]).splitlines()
    assert "- SetEvse(evse_id=1, energise=True, lock=True)" in diff
    assert any(line.startswith("  EvseAsked(") for line in diff), "what did not change stands around it"


def test_a_value_of_another_type_is_a_divergence(story: Story) -> None:
    """True equals 1 in Python and not in the journal: bytes are what two builds must agree on."""

    def on_told(station: Station, told: MeterTold, cx: Context) -> Conclusions:
        yield MeterRead(evse_id=True, energy_wh=told.energy_wh, power_w=told.power_w, at_us=cx.at)

    report = verify(patched("meters", hears=lambda hears: {**hears, MeterTold: on_told}), story.rows())
    divergence = report.divergences[0]
    assert len(report.divergences) == metered(story)
    assert divergence.recorded_facts == divergence.again_facts
    assert any(line.startswith("+ MeterRead(evse_id=True") for line in str(divergence).splitlines())


def test_a_decision_that_cannot_be_written_is_a_divergence(story: Story) -> None:
    """A build that concludes what no row can hold must not make verify itself fall over."""

    def on_told(station: Station, told: MeterTold, cx: Context) -> Conclusions:
        yield MeterRead(evse_id=1, energy_wh={1, 2}, power_w=0, at_us=cx.at)  # type: ignore[arg-type]

    report = verify(patched("meters", hears=lambda hears: {**hears, MeterTold: on_told}), story.rows())
    assert len(report.divergences) == metered(story)


def test_a_state_changed_behind_the_facts_is_found(story: Story) -> None:
    """A decision that changes a state in place agrees with every recorded fact, and the next restart would still be another station."""

    def on_told(station: Station, told: MeterTold, cx: Context) -> Conclusions:
        station.parts["sessions"].of[9] = station.parts["sessions"].at(9)
        yield MeterRead(evse_id=told.evse_id, energy_wh=told.energy_wh, power_w=told.power_w, at_us=cx.at)

    report = verify(patched("meters", hears=lambda hears: {**hears, MeterTold: on_told}), story.rows())
    assert not report.divergences
    assert "disagree about sessions" in report.damage[0]
    assert str(report).endswith("the journal is damaged") is bool(report.damage)


def test_a_row_that_was_changed_breaks_the_chain(story: Story) -> None:
    """Whoever edits a journal must not get a clean bill from either command."""
    turn = next(turn for turn in story.turns if isinstance(turn.input, MeterTold))
    input = MeterTold(evse_id=1, energy_wh=9_000, power_w=7000)
    forged = Turn(seq=turn.seq, at=turn.at, luck=turn.luck, input=input, facts=turn.facts, effects=turn.effects)
    journal = tampered(story, turn.seq, encode_turn(forged))
    report = verify(STATION, journal)
    assert report.damage[0].startswith(f"turn {turn.seq} was changed after it was written")
    assert [d.seq for d in report.divergences] == [turn.seq]
    assert not report.ok
    assert str(report) == f"replay: {len(story.turns)} turns, 1 divergences, the journal is damaged"
    whole = examine(journal)
    assert (whole.faults, str(whole)) == (1, f"log: {len(story.turns)} turns, 1 faults")


def test_an_unreadable_row_ends_the_reading_with_its_number(story: Story) -> None:
    """A damaged row is where a person must look; a traceback would not say where."""
    journal = tampered(story, 5, b"\xc1 no msgpack")
    report = verify(STATION, journal)
    assert report.turns == 5
    assert any(text.startswith("turn 5 cannot be read") for text in report.damage)
    whole = examine(journal)
    assert whole.turns == len(story.turns), "the rows after it are looked at all the same"
    assert any(text.startswith("turn 5 cannot be read") for text in whole.damage)


def test_a_missing_turn_ends_the_reading(story: Story) -> None:
    """What came after a hole was decided from a station that nobody knows."""

    class Holed(MemoryJournal):
        def rows(self, after: int = -1, station: int = 0) -> Iterator[tuple[int, bytes]]:
            return (row for row in super().rows(after, station) if row[0] != 4)

    journal = Holed()
    journal.append([(turn.seq, encode_turn(turn)) for turn in story.turns])
    report = verify(STATION, journal)
    assert report.damage == ["turn 4 is missing: the next one is turn 5; nothing after it can be decided again"]
    assert report.turns == 4
    assert examine(journal).damage == ["turn 4 is missing: the next one is turn 5"]


def test_time_must_grow(story: Story) -> None:
    """Durations are differences of station time: one step back and every timeout after it is wrong."""
    late = story.turns[3]
    turn = Turn(seq=3, at=1, luck=late.luck, input=late.input, facts=late.facts, effects=late.effects)
    journal = MemoryJournal()
    journal.append([(t.seq, encode_turn(turn if t.seq == 3 else t)) for t in story.turns])
    assert any("turn 3 at +0.000s is not after" in text for text in verify(STATION, journal).damage)
    assert any("turn 3 at +0.000s is not after" in text for text in examine(journal).damage)


def test_what_is_written_meanwhile_is_left_out(story: Story) -> None:
    """Beside a running daemon the reading would otherwise never end."""

    class Growing(MemoryJournal):
        def rows(self, after: int = -1, station: int = 0) -> Iterator[tuple[int, bytes]]:
            yield from super().rows(after, station)
            self.append([(len(self._rows[0]), encode_turn(story.turns[10]))])
            yield from super().rows(9, station)

    journal = Growing()
    journal.append([(turn.seq, encode_turn(turn)) for turn in story.turns[:10]])
    assert verify(STATION, journal).turns == 10
    assert verify(STATION, MemoryJournal()).turns == 0
