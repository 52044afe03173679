"""Five days instead of a year, with segments so small that most of them are retired; the whole year is ``stationd campaign year``."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import StationdError
from eventlog import segments
from eventlog.memory import MemoryJournal
from machines.storage.facts import StorageSeen
from sim.checks import Violation
from sim.faults import Faults
from sim.year import Year, live
from stationd.year import ready_s, run_year


def plenty() -> StorageSeen:
    """A disk without end."""
    return StorageSeen(used_bytes=0, room_bytes=1 << 40, open_turns=0, oldest_last=-1, oldest_at_us=0)


def test_five_days_stay_in_their_space() -> None:
    """If this failed, a station would fill its disk, start ever slower, or lose sessions that it keeps."""
    outcome = run_year(5, 1, limit_bytes=1 << 20, segment_turns=200, restarts=1, rounds=1)
    assert outcome.broken == []
    assert (outcome.days, outcome.charges) == (5, 150)
    assert outcome.row_bytes > outcome.limit_bytes >= outcome.most_bytes
    assert 0 < outcome.retired < outcome.turns - 1
    assert outcome.verified == outcome.turns - 1 - outcome.retired
    assert outcome.shown == 10
    assert len(outcome.ratios) == 2
    assert "5 days" in "\n".join(outcome.lines())


def test_a_journal_that_nobody_retires_does_not_stay_in_its_space(monkeypatch: pytest.MonkeyPatch) -> None:
    """The witness of the test above: without retention the space is not enough, and that is noticed."""
    monkeypatch.setattr("stationd.year.JournalKeeper.start", lambda _, tell: tell(plenty()))
    (wrong,) = run_year(5, 1, limit_bytes=1 << 20, segment_turns=200, restarts=0, rounds=1).broken
    assert "does not stay in its 1048576 bytes" in wrong


def test_the_same_seed_gives_the_same_year() -> None:
    """If this failed, a year that went wrong could not be lived again."""
    digests = []
    for seed in (3, 3, 4):
        year = Year(seed, MemoryJournal(), space=plenty, number=7, version=b"x")
        assert list(live(year, 1)) == [1]
        digests.append(year.digest())
    assert digests[0] == digests[1] != digests[2]


def test_a_day_that_does_not_end_at_rest_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, messages could be lost at every midnight."""
    year = Year(3, MemoryJournal(), space=plenty, number=7, version=b"x")
    year.faults = Faults(unreachable=1.0)
    with pytest.raises(Violation, match="a day ends at rest"):
        year.day()


def test_a_station_that_does_not_start_says_why(tmp_path: Path) -> None:
    """If this failed, a broken start would be measured for ever."""
    (tmp_path / "data").write_text("no directory")
    with pytest.raises(StationdError, match="did not become ready"):
        ready_s(tmp_path / "data")


def test_closings_in_a_year_are_where_segments_end() -> None:
    """If this failed, the year would close nothing and retire nothing."""
    journal = MemoryJournal()

    def space() -> StorageSeen:
        closed = [segment for segment in segments.segments(journal) if segment.closed]
        newest = closed[-1].last if closed else -1
        return StorageSeen(used_bytes=50, room_bytes=50, open_turns=journal.last()[0] - newest, oldest_last=-1, oldest_at_us=0)

    year = Year(3, journal, space=space, number=7, version=b"x", segment_turns=400)
    list(live(year, 1))
    closed = [segment for segment in segments.segments(journal) if segment.closed]
    assert len(closed) >= 2
    assert all(400 <= segment.last - segment.first + 1 <= 800 for segment in closed)
