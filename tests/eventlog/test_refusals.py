"""What the journal refuses: a second writer, a newer build's work, a place that cannot be written; and what damage and failure leave behind.

Law: every refusal says what is wrong, where, and what would be right, under an exit status of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import JournalFault, SetupFault
from eventlog import snapshots
from eventlog.codec import decode, encode
from eventlog.fold import CHAIN_BYTES, Folded, fold
from eventlog.journal import FORMAT, Journal
from eventlog.memory import MemoryJournal
from eventlog.store import BUILD, ROOT, STATUS_IN_USE, STATUS_NEWER, STATUS_UNREADABLE, STATUS_UNWRITABLE, broken_link, link
from machines.station import STATION
from tests.engine.test_purity import charge
from tests.story import Story

Open = Callable[..., Journal]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens the journal of a test; whatever is open when the test ends is closed."""
    held: list[Journal] = []

    def do(*, readonly: bool = False, map_bytes: int = 1 << 30) -> Journal:
        held.append(Journal(tmp_path / "data", readonly=readonly, map_bytes=map_bytes, entropy=None if readonly else os.urandom))
        return held[-1]

    yield do
    for journal in held:
        journal.close()


# Who may write


def test_a_second_writer_is_refused_and_told_who_the_first_is(opened: Open, tmp_path: Path) -> None:
    """If this failed, two daemons would give the same seq to two turns."""
    opened()
    words = (
        "import sys, os; from pathlib import Path; from eventlog.journal import Journal\n"
        "from engine.errors import SetupFault\n"
        "try: Journal(Path(sys.argv[1]), entropy=os.urandom)\n"
        "except SetupFault as fault: print(fault); sys.exit(fault.status)"
    )
    second = subprocess.run([sys.executable, "-c", words, str(tmp_path / "data")], capture_output=True, text=True, check=False)
    assert second.returncode == STATUS_IN_USE == 3
    assert f"process {os.getpid()}" in second.stdout
    assert str(tmp_path / "data") in second.stdout
    assert "--data" in second.stdout


def test_the_directory_is_free_again_once_its_writer_is_gone(opened: Open, tmp_path: Path) -> None:
    """If this failed, a daemon that was killed would lock its successor out."""
    words = (
        "import sys, os; from pathlib import Path; from eventlog.journal import Journal; Journal(Path(sys.argv[1]), entropy=os.urandom); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", words, str(tmp_path / "data")], check=False).returncode == 9
    opened().close()
    opened().append([(0, b"x")])


def test_a_reader_needs_no_lock_and_leaves_none(opened: Open, tmp_path: Path) -> None:
    """If this failed, looking at a station would stop it from starting."""
    opened().append([(0, b"x")])
    words = (
        "import sys; from pathlib import Path; import machines.station; from eventlog.journal import Journal; "
        "j = Journal(Path(sys.argv[1]), readonly=True); print(len(list(j.rows()))); j.append([(1, b'y')])"
    )
    reader = subprocess.run([sys.executable, "-c", words, str(tmp_path / "data")], capture_output=True, text=True, check=False)
    assert reader.stdout == "1\n"
    assert reader.returncode != 0, "a reader does not write"
    assert not (tmp_path / "data" / "daemon.lock").read_text().startswith("0")


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    """If this failed, a wrong --data would be a traceback."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SetupFault, match="--data DIR") as found:
        Journal(tmp_path / place, entropy=os.urandom)
    assert found.value.status == STATUS_UNWRITABLE == 5
    assert str(tmp_path / place) in str(found.value)


def test_a_journal_that_is_none_is_refused_and_left_alone(tmp_path: Path) -> None:
    """If this failed, a file of somebody else's would be overwritten, or kill the process."""
    (tmp_path / "data.mdb").write_bytes(b"no journal at all" * 1000)
    with pytest.raises(SetupFault, match="meta page 0 is no meta page of LMDB") as found:
        Journal(tmp_path, readonly=True)
    assert found.value.status == STATUS_UNREADABLE
    with pytest.raises(SetupFault):
        Journal(tmp_path, entropy=os.urandom)
    assert (tmp_path / "data.mdb").read_bytes().startswith(b"no journal")


def test_a_place_without_a_journal_is_not_made_by_looking(tmp_path: Path) -> None:
    """If this failed, a typing error after ``log --data`` would leave an empty journal behind."""
    with pytest.raises(SetupFault) as found:
        Journal(tmp_path / "nowhere", readonly=True)
    assert found.value.status == STATUS_UNREADABLE == 6
    assert not (tmp_path / "nowhere").exists()


def test_only_its_owner_reads_a_journal(opened: Open, tmp_path: Path) -> None:
    """If this failed, any user of the machine could read who charged when."""
    opened().append([(0, b"x")])
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    assert (tmp_path / "data" / "data.mdb").stat().st_mode & 0o077 == 0


# Who wrote it


def rewritten(journal: Journal, **changes: Any) -> None:
    """The journal says something else of itself."""
    about = journal.meta("about")
    assert about is not None
    journal.put_meta("about", encode({**decode(about), **changes}))
    journal.close()


def test_a_journal_says_what_it_is(opened: Open) -> None:
    """If this failed, nobody could read a journal without the very build that wrote it."""
    journal = opened()
    about = decode(journal.meta("about") or b"")
    assert (about["format"], about["build"]) == (FORMAT, BUILD)
    assert (60, "CardPresented", 1, ("token", "token_type", "evse_ids")) in about["records"]


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"format": FORMAT + 1, "build": "9.9"}, f"format {FORMAT + 1}"),
        ({"records": ((65_500, "FromTheFuture", 1, ("n",)),), "build": "9.9"}, "FromTheFuture version 1"),
        ({"records": ((60, "CardPresented", 7, ("token",)),), "build": "9.9"}, "CardPresented version 7"),
    ],
)
def test_a_newer_builds_journal_is_refused(opened: Open, changes: dict[str, Any], what: str, *, readonly: bool) -> None:
    """If this failed, a downgrade would read new rows as old ones, and write between them."""
    rewritten(opened(), **changes)
    with pytest.raises(SetupFault, match="newer than this one") as found:
        opened(readonly=readonly)
    assert found.value.status == STATUS_NEWER == 4
    assert what in str(found.value)
    assert "stationd 9.9" in str(found.value)


def test_a_refused_journal_is_not_held(opened: Open) -> None:
    """If this failed, the right build could not open it either, until the wrong one is gone."""
    journal = opened()
    before = journal.meta("about")
    assert before is not None
    rewritten(journal, format=FORMAT + 1)
    for _ in range(2):
        with pytest.raises(SetupFault, match="newer"):
            opened()


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize(
    "spoilt",
    [
        lambda about: about[:-1],
        lambda about: b"\xc1" + about[1:],  # a byte that msgpack never uses
        lambda about: encode([about]),
        lambda about: encode({**decode(about), "format": "one"}),
        lambda about: encode({**decode(about), "records": ((60, "CardPresented", "1", ()),)}),
        lambda about: encode({**decode(about), "records": ((60,),)}),
        lambda about: encode({"build": decode(about)["build"]}),
    ],
)
def test_a_journal_that_cannot_say_who_wrote_it_is_damaged(opened: Open, spoilt: Callable[[bytes], bytes], *, readonly: bool) -> None:
    """If this failed, a few bits would end a start with a traceback, and no way on would be told."""
    journal = opened()
    journal.append([(0, b"x")])
    journal.put_meta("about", spoilt(journal.meta("about") or b""))
    journal.close()

    with pytest.raises(SetupFault, match=r"the journal is damaged: what it says of the build.* salvage .* set-aside ") as found:
        opened(readonly=readonly)
    assert found.value.status == STATUS_UNREADABLE


def test_an_older_builds_journal_is_taken_over(opened: Open) -> None:
    """If this failed, an update would have to start afresh."""
    journal = opened()
    journal.append([(0, b"x")])
    rewritten(journal, build="0.0.1", records=((60, "CardPresented", 1, ("token",)),))
    again = opened()
    assert decode(again.meta("about") or b"")["build"] == BUILD
    assert again.last()[0] == 0


def test_a_journals_number_is_drawn_once(opened: Open) -> None:
    """If this failed, transaction ids would repeat after a restart, or two stations would give the same ones."""
    journal = opened()
    number = journal.number
    assert number
    journal.close()
    again = opened()
    assert again.number == number
    again.close()
    assert opened(readonly=True).number == number


# Groups


def test_nothing_of_a_failed_group_is_written(opened: Open) -> None:
    """If this failed, half of a group would be durable without anybody knowing which half."""
    journal = opened()
    journal.append([(0, b"a"), (1, b"b")])
    last = journal.last()
    for rows in ([(2, b"c"), (4, b"e")], [(1, b"again")], [(2, b"c"), (2, b"c")], [(0, b"z")]):
        with pytest.raises(JournalFault, match="nothing of this group was written"):
            journal.append(rows)
        assert [seq for seq, _ in journal.rows()] == [0, 1]
        assert journal.last() == last
    journal.append([(2, b"c")])
    journal.close()
    again = opened()
    assert [row[CHAIN_BYTES:] for _, row in again.rows()] == [b"a", b"b", b"c"]
    assert broken_link(again.rows()) is None


def test_a_group_that_does_not_fit_leaves_the_journal_as_it_was(opened: Open) -> None:
    """If this failed, a full disk would tear the chain."""
    journal = opened(map_bytes=1 << 19)
    journal.append([(0, b"a")])
    with pytest.raises(Exception, match="MDB_MAP_FULL"):
        journal.append([(n, bytes(4000)) for n in range(1, 400)])
    assert journal.last()[0] == 0
    journal.append([(1, b"b")])
    assert broken_link(journal.rows()) is None


def test_stations_share_a_journal_and_nothing_else(opened: Open) -> None:
    """If this failed, two stations of one process would be one chain, and neither could be verified alone."""
    journal = opened()
    for n in range(5):
        journal.append([(n, f"left {n}".encode())], 1)
        journal.append([(n, f"right {n}".encode())], 2)
    journal.append([(0, b"first")])
    assert journal.stations() == [0, 1, 2]
    for station, name in ((1, "left"), (2, "right")):
        assert [row[CHAIN_BYTES:].decode() for _, row in journal.rows(station=station)] == [f"{name} {n}" for n in range(5)]
        assert broken_link(journal.rows(station=station)) is None
        journal.put_snapshot(4, name.encode(), station)
    assert list(journal.snapshots(1)) == [(4, b"left")]
    assert list(journal.snapshots()) == []
    assert journal.last(7) == (-1, ROOT)


@pytest.mark.parametrize("kind", [Journal, MemoryJournal])
def test_both_journals_write_the_same_chain(tmp_path: Path, kind: type[Any]) -> None:
    """If this failed, what the simulator finds would not be true of the disk."""
    journal: Any = Journal(tmp_path / "x", entropy=os.urandom) if kind is Journal else MemoryJournal()
    journal.append([(0, b"a"), (1, b"b")])
    journal.append([(2, b"c")])
    chain = ROOT
    for row in (b"a", b"b", b"c"):
        chain = link(chain, row)
    assert journal.last() == (2, chain)
    journal.put_meta("note", b"kept")
    assert (journal.meta("note"), journal.meta("other")) == (b"kept", None)
    if kind is Journal:
        journal.close()


def test_rows_may_be_read_while_others_are_written(opened: Open) -> None:
    """If this failed, a reader of many pages would stop at what was there when it began, or hold up the writer."""
    journal = opened()
    journal.append([(n, b"x") for n in range(600)])
    read = journal.rows()
    for _ in range(10):
        next(read)
    journal.append([(n, b"y") for n in range(600, 1000)])
    assert sum(1 for _ in read) == 990


# Tampering


@settings(max_examples=80, deadline=None, database=None)
@given(st.data())
def test_whatever_is_done_to_rows_is_found(data: st.DataObject) -> None:
    """If this failed, somebody could take a row out, put one in, or swap two."""
    journal = MemoryJournal()
    journal.append([(n, bytes([n]) * 5) for n in range(9)])
    rows = list(journal.rows())
    at = data.draw(st.integers(0, 7))
    match data.draw(st.sampled_from(["taken out", "renumbered", "swapped", "put in", "forged", "cut"])):
        case "taken out":
            del rows[at]
        case "renumbered":
            rows = [*rows[:at], *[(n - 1, row) for n, row in rows[at + 1 :]]]
        case "swapped":
            rows[at : at + 2] = [(at, rows[at + 1][1]), (at + 1, rows[at][1])]
        case "put in":
            rows.insert(at, (at, rows[at][1]))
        case "forged":
            # A row of one's own with a link that fits it: the one after it does not.
            before = rows[at - 1][1][:CHAIN_BYTES] if at else ROOT
            rows[at] = (at, link(before, b"mine") + b"mine")
        case _:
            rows[at] = (at, rows[at][1][:-1])
    found = broken_link(rows)
    assert found is not None
    assert at <= found[0] <= at + 2
    assert f"turn {found[0]}" in found[1] or "missing" in found[1]


# Snapshots


@settings(max_examples=40, deadline=None, database=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_damaged_snapshot_is_no_snapshot(place: int, flip: int) -> None:
    """If this failed, one bad byte in a cache would keep the station from starting, or, where it is noticed, cost the journal."""
    half = fold(STATION, Folded(STATION.genesis()), ROWS[: len(ROWS) // 2])
    journal = MemoryJournal()
    journal.append([(seq, row[CHAIN_BYTES:]) for seq, row in ROWS])
    snapshots.write(journal, half, b"version")
    ((seq, body),) = journal.snapshots()
    broken = bytearray(body)
    # The digest, the kind or the place of anything: all but the values, which a snapshot does not seal.
    broken[place % 12] ^= flip
    journal.put_snapshot(seq, bytes(broken))
    assert snapshots.restore(journal, STATION, lambda: b"version").station == WHOLE.station


@pytest.mark.parametrize("length", [0, 1, 50, -1])
def test_a_snapshot_that_was_cut_off_is_no_snapshot(length: int) -> None:
    """If this failed, a power cut while one is written would be felt at the next start."""
    journal = MemoryJournal()
    journal.append([(seq, row[CHAIN_BYTES:]) for seq, row in ROWS])
    snapshots.write(journal, fold(STATION, Folded(STATION.genesis()), ROWS[:5]), b"v")
    ((seq, body),) = journal.snapshots()
    journal.put_snapshot(seq, body[:length])
    found = snapshots.restore(journal, STATION, lambda: b"v")
    assert (found.station, found.turns) == (WHOLE.station, len(ROWS))


def test_the_older_snapshot_counts_where_the_newer_does_not() -> None:
    """If this failed, one bad snapshot would mean folding everything."""
    journal = MemoryJournal()
    journal.append([(seq, row[CHAIN_BYTES:]) for seq, row in ROWS])
    snapshots.write(journal, fold(STATION, Folded(STATION.genesis()), ROWS[:10]), b"v")
    journal.put_snapshot(15, b"rubbish")
    found = snapshots.restore(journal, STATION, lambda: b"v")
    assert found.station == WHOLE.station
    assert found.turns < len(ROWS)


def test_a_snapshot_ahead_of_the_journal_is_ignored() -> None:
    """If this failed, a journal that was put back from a backup would go on from turns that it does not have."""
    journal = MemoryJournal()
    journal.append([(seq, row[CHAIN_BYTES:]) for seq, row in ROWS[:8]])
    snapshots.write(journal, fold(STATION, Folded(STATION.genesis()), ROWS), b"v")
    found = snapshots.restore(journal, STATION, lambda: b"v")
    assert found.seq == 7
    assert found.station == fold(STATION, Folded(STATION.genesis()), ROWS[:8]).station


def test_without_a_snapshot_nobody_asks_for_the_version() -> None:
    """If this failed, every first start would read all sources of the core."""

    def never() -> bytes:
        raise AssertionError("asked")

    assert snapshots.restore(MemoryJournal(), STATION, never).seq == -1


def test_the_version_is_of_the_sources_and_stays_while_they_do() -> None:
    """If this failed, snapshots would count for other folds, or never."""
    assert snapshots.fold_version() == snapshots.fold_version()
    assert snapshots.fold_version(("engine",)) != snapshots.fold_version(("wire",))
    assert len(snapshots.fold_version()) == 16


# Folding


@settings(max_examples=30, deadline=None, database=None)
@given(st.integers(0, 200), st.integers(0, 200))
def test_folding_in_two_pieces_is_folding_at_once(one: int, two: int) -> None:
    """If this failed, a station restored from a snapshot would be another than one restored without."""
    low, high = sorted((one % (len(ROWS) + 1), two % (len(ROWS) + 1)))
    whole = fold(STATION, Folded(STATION.genesis()), ROWS[:high])
    first = fold(STATION, Folded(STATION.genesis()), ROWS[:low])
    both = fold(STATION, first, ROWS[low:high])
    assert both.station == whole.station
    assert (both.seq, both.at, both.chain, both.turns) == (whole.seq, whole.at, whole.chain, whole.turns)


def test_folding_leaves_what_it_began_with_as_it_was() -> None:
    """If this failed, a reader that shows every turn would show the last one every time."""
    half = fold(STATION, Folded(STATION.genesis()), ROWS[:20])
    before = encode(sorted(half.station.parts.items()))
    fold(STATION, half, ROWS[20:])
    assert encode(sorted(half.station.parts.items())) == before


@pytest.mark.parametrize("row", [b"", b"\xc1", encode([1, 2]), encode([1, 2, [32], [[65_501, 1]], []]), encode([1, 2, [2], [[4, 1, 2, 3]], []])])
def test_a_row_that_this_build_cannot_fold_stops_the_station_and_says_where(row: bytes) -> None:
    """If this failed, a station would go on with half a state."""
    rows = [*ROWS[:3], (3, ROOT + row)]
    with pytest.raises(JournalFault, match="turn 3"):
        fold(STATION, Folded(STATION.genesis()), rows)


ROWS = list(charge(Story()).rows().rows())
WHOLE = fold(STATION, Folded(STATION.genesis()), ROWS)
