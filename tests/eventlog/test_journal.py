"""One contract for the journal on disk and the one in memory; and what only a disk can do wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import JournalFault, SetupFault
from eventlog import snapshots
from eventlog.fold import Folded, fold
from eventlog.journal import Journal
from eventlog.memory import MemoryJournal
from eventlog.store import ROOT, broken_link, digest
from machines.station import STATION
from tests.engine.test_purity import charge
from tests.story import Story


def whole(body: bytes) -> bytes:
    """The body of a snapshot, as they are written."""
    return digest(body) + body


@pytest.fixture(params=["disk", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal | MemoryJournal]:
    """An empty journal of either kind."""
    if request.param == "memory":
        yield MemoryJournal()
        return
    made = Journal(tmp_path / "journal", entropy=os.urandom)
    yield made
    made.close()


def test_rows_come_back_in_order_and_by_station(journal: Journal | MemoryJournal) -> None:
    """If this failed, a restart would not find what was written, or find another station's."""
    journal.append([(n, f"row {n}".encode()) for n in range(3000)])
    journal.append([(0, b"other")], 1)
    journal.append([(3000, b"last")])

    assert [row[16:] for _, row in journal.rows(2998)] == [b"row 2999", b"last"]
    assert [seq for seq, _ in journal.rows()] == list(range(3001))
    assert [row[16:] for _, row in journal.rows(station=1)] == [b"other"]
    assert journal.last()[0] == 3000
    assert broken_link(journal.rows()) is None


@pytest.mark.parametrize("seqs", [(1,), (0, 0), (0, 2)])
def test_a_gap_or_a_repetition_is_refused_whole(journal: Journal | MemoryJournal, seqs: tuple[int, ...]) -> None:
    """If this failed, a seq could be given to two turns, or a turn go missing."""
    with pytest.raises(JournalFault, match="nothing of this group was written"):
        journal.append([(seq, b"x") for seq in seqs])

    assert list(journal.rows()) == []
    assert journal.last() == (-1, ROOT)


def test_an_empty_journal_has_no_rows(journal: Journal | MemoryJournal) -> None:
    """If this failed, a first start would stumble."""
    assert list(journal.rows()) == []
    assert list(journal.snapshots()) == []
    journal.append([])
    assert journal.last() == (-1, ROOT)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_changed_byte_is_found(data: st.DataObject) -> None:
    """If this failed, somebody could change what the station remembers."""
    journal = MemoryJournal()
    journal.append([(n, bytes([n]) * 20) for n in range(8)])
    rows = list(journal.rows())
    place = data.draw(st.integers(0, 7))
    row = bytearray(rows[place][1])
    at = data.draw(st.integers(0, len(row) - 1))
    row[at] ^= data.draw(st.integers(1, 255))
    rows[place] = (place, bytes(row))

    found = broken_link(rows)

    assert found is not None
    assert found[0] in (place, place + 1)


def test_two_snapshots_are_kept_newest_first(journal: Journal | MemoryJournal) -> None:
    """If this failed, snapshots would fill the disk."""
    for n in (5, 7, 9):
        journal.put_snapshot(n, f"{n}".encode())

    assert list(journal.snapshots()) == [(9, b"9"), (7, b"7")]


def test_the_fast_fold_is_the_slow_one_at_every_prefix() -> None:
    """If this failed, a restart would come to another station than the one that lived."""
    story = charge(Story())
    rows = list(story.rows().rows())
    station = STATION.genesis()
    for turn in story.turns:
        station = STATION.restore(station, turn)
        assert fold(STATION, Folded(STATION.genesis()), rows[: turn.seq + 1]).station == station
    story.verify()


def restored(journal: MemoryJournal, version: bytes = b"v") -> Folded:
    """What a start makes of the journal."""
    return snapshots.restore(journal, STATION, lambda: version)


def test_a_snapshot_counts_for_the_code_that_wrote_it_and_for_its_own_journal() -> None:
    """If this failed, a restart could go on from a state that this code would never have folded."""
    story = charge(Story())
    journal = story.rows()
    half = fold(STATION, Folded(STATION.genesis()), list(journal.rows())[:10])
    snapshots.write(journal, half, b"v")

    assert restored(journal).turns == len(story.turns) - 10
    assert restored(journal).station == story.station
    assert restored(journal, b"w").turns == len(story.turns)
    assert restored(journal, b"w").station == story.station
    journal.put_snapshot(11, b"damaged")
    assert restored(journal).station == story.station
    stranger = MemoryJournal()
    stranger.append([(n, b"another journal") for n in range(10)])
    for seq, body in journal.snapshots():
        stranger.put_snapshot(seq, body)
    with pytest.raises(JournalFault):
        restored(stranger)


def test_a_reader_in_another_process_reads_while_the_daemon_writes(tmp_path: Path) -> None:
    """If this failed, nobody could look at a station that runs."""
    journal = Journal(tmp_path / "journal", entropy=os.urandom)
    journal.append([(0, b"first")])
    # A reader knows all records of the station.
    words = (
        "import sys; from pathlib import Path; import tests.story; from eventlog.journal import Journal; "
        "j = Journal(Path(sys.argv[1]), readonly=True); print(j.last()[0], j.number)"
    )
    reader = subprocess.run([sys.executable, "-c", words, str(tmp_path / "journal")], capture_output=True, text=True, check=True)
    journal.append([(1, b"second")])

    assert reader.stdout.split() == ["0", str(journal.number)]
    journal.close()


def test_no_journal_is_a_clear_error(tmp_path: Path) -> None:
    """If this failed, a wrong --data would look like an empty station."""
    with pytest.raises(SetupFault, match="no journal here") as found:
        Journal(tmp_path, readonly=True)
    assert found.value.status == 6


# Segments


@pytest.fixture
def long(journal: Journal | MemoryJournal) -> Journal | MemoryJournal:
    """Thirty turns, closed after the tenth and the twentieth."""
    for seq in range(30):
        journal.append([(seq, b"row %d" % seq)])
        if seq in (9, 19):
            journal.put_closing(seq, whole(b"closing %d" % seq))
    return journal


def test_retired_turns_are_gone_and_the_chain_goes_on(long: Journal | MemoryJournal) -> None:
    """What is left begins after the base, fits its link, and can be appended to."""
    whole = list(long.rows())
    while not long.retire(9, rows_most=3):
        assert [seq for seq, _ in long.rows()] == list(range(10, 30)), "the base moves at once, however slowly the rows go"

    assert long.base() == (9, whole[9][1][: len(ROOT)])
    assert list(long.rows()) == whole[10:]
    assert list(long.rows(14)) == whole[15:]
    assert broken_link(long.rows(), long.base()[1], long.base()[0]) is None
    assert [seq for seq, _ in long.closings()] == [9, 19]
    long.append([(30, b"more")])
    assert long.last()[0] == 30


def test_everything_may_be_retired(long: Journal | MemoryJournal) -> None:
    """Then the next turn follows the base."""
    long.put_closing(29, whole(b"all"))
    assert long.retire(29)
    assert long.last() == long.base()
    assert list(long.rows()) == []
    assert list(long.closings()) == [(29, whole(b"all"))]
    long.append([(30, b"more")])
    assert [seq for seq, _ in long.rows()] == [30]


def test_only_what_is_closed_is_retired(long: Journal | MemoryJournal) -> None:
    """If this failed, a station could be left without anything to fold its rows onto."""
    for seq in (8, 29, 30):
        with pytest.raises(JournalFault, match=f"turn {seq} has no closing snapshot"):
            long.retire(seq)
    with pytest.raises(JournalFault, match="turn 30 is not in the journal"):
        long.put_closing(30, whole(b""))
    assert long.base() == (-1, ROOT)
    assert len(list(long.rows())) == 30


def test_retiring_again_changes_nothing(long: Journal | MemoryJournal) -> None:
    """An effect that is repeated after a power cut."""
    while not long.retire(19):
        pass
    left = list(long.rows())
    assert long.retire(19)
    assert long.retire(9)
    assert long.base()[0] == 19
    assert list(long.rows()) == left


def test_a_reader_is_told_that_its_place_was_retired(long: Journal | MemoryJournal) -> None:
    """Rather than a hole."""
    more = [(seq, b"x") for seq in range(30, 3_000)]
    long.append(more)
    long.put_closing(2_500, whole(b"late"))
    reading = long.rows()
    assert next(reading)[0] == 0
    while not long.retire(2_500):
        pass
    with pytest.raises(JournalFault, match="were retired while they were read; begin again"):
        list(reading)


def test_a_retired_journal_is_the_same_after_it_was_opened_again(tmp_path: Path) -> None:
    """Also in the middle of a retirement, which a reader in another process does not see."""
    path = tmp_path / "journal"
    first = Journal(path, entropy=os.urandom)
    first.append([(seq, bytes(200)) for seq in range(100)])
    first.put_closing(79, whole(b"closing"))
    assert not first.retire(79, rows_most=10)
    kept = list(first.rows())
    first.close()
    for readonly in (True, False):
        again = Journal(path, readonly=readonly)
        assert list(again.rows()) == kept
        assert again.last()[0] == 99
        assert again.base()[0] == 79
        again.close()


def test_pages_are_used_again(tmp_path: Path) -> None:
    """The file does not grow while as much is retired as is written."""
    journal = Journal(tmp_path / "journal", entropy=os.urandom)
    seq, sizes = 0, []
    for _ in range(12):
        journal.append([(seq + place, os.urandom(300)) for place in range(2_000)])
        seq += 2_000
        journal.put_closing(seq - 1, whole(bytes(5_000)))
        while seq > 2_000 and not journal.retire(seq - 2_001):
            pass
        sizes.append(journal.bytes_used())
    assert sizes[-1] == sizes[4], sizes
    assert journal.bytes_live() < sizes[-1]
    journal.close()
