"""Files that are not what they should be.

Law: nothing of this maps a damaged file, and what the hash chain proves is brought back, byte for byte.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import JournalFault, SetupFault
from eventlog.damage import Damage, look, newest
from eventlog.journal import Journal
from eventlog.opening import MARKER
from eventlog.pages import BRANCH, PageFile, Torn
from eventlog.recovery import candidates, recover
from eventlog.salvage import salvage, set_aside
from eventlog.store import ROOT, STATUS_UNREADABLE, broken_link, digest
from tests.waiting import PATIENCE_S

TURNS = 1_200


def row(seq: int) -> bytes:
    """A row; some are large enough to lie in pages of their own."""
    return b"%d " % seq + bytes([seq % 251]) * (9_000 if seq % 97 == 0 else 60 + seq % 40)


def body(seq: int) -> bytes:
    """A closing snapshot's body."""
    from eventlog.codec import encode

    inner = encode(["0.1.0", seq, LINKS[seq], [["part", bytes(5_000)]]])
    return digest(inner) + inner


LINKS: dict[int, bytes] = {}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with large rows, a snapshot, two closed segments and the first of them retired."""
    path = tmp_path_factory.mktemp("damage") / "journal"
    journal = Journal(path, entropy=lambda n: b"\x07" * n)
    for seq in range(TURNS):
        journal.append([(seq, row(seq))])
        if seq in (299, 599):
            LINKS[seq] = journal.last()[1]
            journal.put_closing(seq, body(seq))
        if seq == 999:
            journal.put_snapshot(seq, digest(b"snapshot") + b"snapshot")
    while not journal.retire(299):
        pass
    journal.opened()
    journal.close()
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(made, tmp_path / "journal"))


def rows(path: Path) -> dict[int, bytes]:
    """What a journal holds."""
    journal = Journal(path, readonly=True)
    try:
        return dict(journal.rows())
    finally:
        journal.close()


def hurt(path: Path, change: bytes, place: int) -> None:
    """Write over the data file."""
    with (path / "data.mdb").open("r+b") as file:
        file.seek(place)
        file.write(change)


def spoil(path: Path, seq: int) -> None:
    """Change turn *seq* wherever it lies: pages that were copied on writing may lie there twice."""
    data = (path / "data.mdb").read_bytes()
    place = data.find(row(seq))
    while place >= 0:
        hurt(path, b"X", place + 3)
        place = data.find(row(seq), place + 1)


def test_a_whole_journal_is_not_complained_of(path: Path) -> None:
    """Else no station would start."""
    look(path / "data.mdb")
    look(path / "data.mdb", whole=True)
    assert sorted(rows(path)) == list(range(300, TURNS))
    with PageFile(path / "data.mdb") as pages:
        tables = pages.tables(newest(pages))
        read = {int.from_bytes(key[2:], "big"): value for key, _, value in pages.walk(tables[b"turns"])}
    assert read == rows(path)


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (b"SQLite format 3\0" + bytes(300), 0, "meta page 0 is no meta page of LMDB"),
        (bytes(8192), 0, "meta page 0 is no meta page of LMDB"),
        ((0xBEEFC0DE).to_bytes(4, "big"), 16, "the other byte order"),
        ((7).to_bytes(4, "little"), 20, "format 7, and this build reads 1"),
        (b"\xff" * 8, 16 + 24 + 96 + 8, "which do not follow each other"),
        (b"\xff\xff\xff\xff\x00\x00\x00\x00", 16 + 24 + 48 + 40, "meta page 0 is damaged"),
    ],
)
def test_what_is_no_journal_is_named(path: Path, change: bytes, place: int, words: str) -> None:
    """With the file, the last good turn, and the two ways on, and with an exit status of its own."""
    hurt(path, change, place)
    with pytest.raises(SetupFault, match=words) as refusal:
        Journal(path)
    assert refusal.value.status == STATUS_UNREADABLE
    text = str(refusal.value)
    assert f"{path / 'data.mdb'}: the journal is damaged" in text
    assert f"turn {TURNS - 1} is the last one before the damage" in text
    assert f"stationd log salvage --data {path.parent}" in text
    assert f"stationd log set-aside --data {path.parent}" in text
    with pytest.raises(SetupFault, match=words):
        Journal(path, readonly=True)


def test_an_empty_file_is_damage_unless_the_first_start_died(path: Path) -> None:
    """LMDB would begin anew and say nothing."""
    (path / "data.mdb").write_bytes(b"")
    with pytest.raises(SetupFault, match="the file is empty"):
        Journal(path)
    (path / MARKER).touch()
    journal = Journal(path, entropy=os.urandom)
    assert journal.last() == (-1, ROOT)
    journal.close()


def test_a_file_that_ends_too_early_is_not_mapped(path: Path) -> None:
    """This is what kills by SIGBUS."""
    size = (path / "data.mdb").stat().st_size
    refused = 0
    for cut in range(size, 4096, -8 * 4096):
        os.truncate(path / "data.mdb", cut)
        try:
            look(path / "data.mdb", whole=True)
        except Damage:
            refused += 1
        else:
            assert cut == size
    assert refused > 10


def test_a_changed_row_behind_the_snapshot_is_found_at_the_start(path: Path) -> None:
    """And one before it when everything is looked at."""
    spoil(path, 1_100)
    with pytest.raises(SetupFault, match=r"turn 1100 was changed after it was written.*turn 1099 is the last one before the damage"):
        Journal(path)


def test_a_changed_row_before_the_snapshot_is_found_by_looking_at_all(path: Path) -> None:
    """A start reads nothing there."""
    spoil(path, 400)
    look(path / "data.mdb")
    with pytest.raises(Damage, match="turn 400 was changed"):
        look(path / "data.mdb", whole=True)
    journal = Journal(path)
    with pytest.raises(SetupFault, match="turn 400 was changed"):
        journal.look_at_all()
    journal.close()


def test_a_changed_closing_snapshot_is_found(path: Path) -> None:
    """Everything is folded onto it."""
    data = (path / "data.mdb").read_bytes()
    place = data.find(body(299)[:100])
    while place >= 0:
        hurt(path, b"\xee", place + 50)
        place = data.find(body(299)[:100], place + 1)
    with pytest.raises(SetupFault, match="the closing snapshot after turn 299, which its turns are folded onto, was changed"):
        Journal(path)


def test_a_closing_snapshot_that_is_damaged_takes_no_turns_with_it(path: Path) -> None:
    """Retiring looks before it deletes."""
    journal = Journal(path)
    journal.append([(TURNS, b"x")])
    journal.put_closing(TURNS, b"not what it was")
    with pytest.raises(JournalFault, match=f"closing snapshot after turn {TURNS} is damaged"):
        journal.retire(TURNS)
    assert journal.base()[0] == 299
    journal.close()


def test_salvage_brings_back_every_turn_before_the_damage(path: Path) -> None:
    """The rest lies beside it for reading, the damaged file is kept, and the new journal has another number."""
    before = rows(path)
    spoil(path, 1_100)
    found, kept = salvage(path, lambda n: b"\x09" * n)
    assert [(run.base, run.last) for run in found] == [(299, 1_099)]
    assert rows(path) == {seq: one for seq, one in before.items() if seq <= 1_099}
    assert kept.name == "journal.damaged-1"
    journal = Journal(path)
    assert journal.number == 0x09090909
    assert [seq for seq, _ in journal.closings()] == [299, 599]
    assert journal.base() == (299, LINKS[299])
    assert broken_link(journal.rows(), journal.base()[1], journal.base()[0]) is None
    journal.append([(1_100, b"on")])
    journal.close()


def test_turns_on_both_sides_of_the_damage_come_back(path: Path) -> None:
    """The station goes on from the newest; those before the damage are for reading."""
    before = rows(path)
    spoil(path, 500)
    found, _ = salvage(path, os.urandom)
    assert [(run.base, run.last) for run in found] == [(599, TURNS - 1), (299, 499)]
    assert rows(path) == {seq: one for seq, one in before.items() if seq >= 600}
    assert rows(path.parent / "turns-300-499" / "journal") == {seq: one for seq, one in before.items() if seq < 500}


def test_salvage_needs_no_table(path: Path) -> None:
    """Heads, branches and free lists gone: turns are known by what they are."""
    before = rows(path)
    size = (path / "data.mdb").stat().st_size
    hurt(path, bytes(8192), 0)
    for place in range(8192, size, 4096):
        with (path / "data.mdb").open("rb") as file:
            file.seek(place)
            number, _, flags = struct.unpack("<QHH", file.read(12))
        if number == place // 4096 and flags & 0xF == BRANCH:
            hurt(path, bytes(4096), place)
    with pytest.raises(SetupFault):
        Journal(path)
    salvage(path, os.urandom)
    assert rows(path) == before


def test_salvage_elsewhere_leaves_the_journal_as_it_is(path: Path, tmp_path: Path) -> None:
    """And a directory that is in use is not written over."""
    data = (path / "data.mdb").read_bytes()
    salvage(path, os.urandom, to=tmp_path / "other" / "journal")
    assert (path / "data.mdb").read_bytes() == data
    assert sorted(rows(tmp_path / "other" / "journal")) == list(range(300, TURNS))
    with pytest.raises(SetupFault, match="is there already; name a new directory"):
        salvage(path, os.urandom, to=tmp_path / "other" / "journal")


def test_where_nothing_can_be_made_out_nothing_is_replaced(path: Path) -> None:
    """And the error says what is left to do."""
    (path / "data.mdb").write_bytes(os.urandom(50_000))
    with pytest.raises(SetupFault, match=r"no turn can be made out in it.*set-aside"):
        salvage(path, os.urandom)
    kept = set_aside(path)
    assert kept.name == "journal.damaged-1"
    assert not path.exists()
    journal = Journal(path, entropy=os.urandom)
    journal.close()
    assert set_aside(path).name == "journal.damaged-2"


def test_an_interrupted_salvage_is_finished_and_never_started_over(path: Path) -> None:
    """Between the two renames there is no journal: a station that began a new one then would lose everything."""
    path.rename(path.with_name("journal.salvaging"))
    with pytest.raises(SetupFault, match=r"a salvage was interrupted.*stationd log salvage"):
        Journal(path)
    assert salvage(path, os.urandom) == ([], path)
    assert sorted(rows(path)) == list(range(300, TURNS))


def test_a_journal_in_use_is_left_alone(path: Path) -> None:
    """Neither moved nor mended."""
    journal = Journal(path)
    for what in (lambda: salvage(path, os.urandom), lambda: set_aside(path)):
        with pytest.raises(SetupFault, match="another stationd has this data directory open"):
            what()
    journal.close()


def test_looking_as_a_process_of_its_own(path: Path) -> None:
    """What the daemon runs after a start that died."""
    root = Path(__file__).parents[2]

    def run() -> tuple[int, str]:
        done = subprocess.run([sys.executable, "-m", "eventlog.damage", str(path)], capture_output=True, text=True, check=False, cwd=root)
        return done.returncode, done.stdout

    assert run() == (0, "")
    spoil(path, 400)
    status, said = run()
    assert status == 1
    assert "turn 400 was changed" in said


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 1 << 24), bit=st.integers(0, 7))
def test_any_flipped_bit_is_harmless_found_or_refused_and_never_an_error(made: Path, tmp_path: Path, place: int, bit: int) -> None:
    """Whatever is read without complaint is what was written."""
    file = tmp_path / "data.mdb"
    data = bytearray((made / "data.mdb").read_bytes())
    data[place % len(data)] ^= 1 << bit
    file.write_bytes(data)
    whole = dict(GOOD) if GOOD else rows(made)
    GOOD.update(whole)
    try:
        look(file, whole=True)
        with PageFile(file) as pages:
            tables = pages.tables(newest(pages))
            read = {int.from_bytes(key[2:], "big"): value for key, _, value in pages.walk(tables[b"turns"])}
    except (Damage, Torn):
        runs = recover(candidates(file))
        assert all(whole[seq] == one for run in runs for seq, one in run.rows if seq in whole)
        return
    assert read == whole


GOOD: dict[int, bytes] = {}


def test_damaged_pages_are_not_deleted_by_way_of_lmdb(path: Path) -> None:
    """Old turns that nobody reads any more are met when they are retired; that must not be what kills the daemon."""
    journal = Journal(path)
    data = (path / "data.mdb").read_bytes()
    place = data.rindex(row(310)) // 4096 * 4096
    hurt(path, bytes(4096), place)
    with pytest.raises(JournalFault, match=r"page \d+ is not the page that it should be: what lies there cannot be retired; .*log salvage"):
        journal.retire(599)
    journal.append([(TURNS, b"on")])
    journal.close()


def test_a_long_list_of_free_pages_is_in_order_by_number(tmp_path: Path) -> None:
    """Its keys are numbers, not texts: 256 follows 255."""
    path = tmp_path / "journal"
    journal = Journal(path, entropy=os.urandom)
    for seq in range(200):
        journal.append([(seq, row(seq + 1))])
    # It ends with its input, so with the context, whatever happens here.
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == b"reads\n"
        for seq in range(200, 700):
            journal.append([(seq, row(seq + 1))])
        look(path / "data.mdb", whole=True)
        held.communicate(b"\n", timeout=PATIENCE_S)
    journal.close()


HOLDS = """
import sys, lmdb
env = lmdb.open(sys.argv[1], readonly=True, max_dbs=5, lib_version=0)
with env.begin() as txn:
    print("reads", flush=True)
    input()
"""


def test_a_closing_snapshot_that_nobody_knows_is_no_start(path: Path) -> None:
    """Of a newer build, say: looking for the last good turn must not end in an error of its own."""
    journal = Journal(path)
    strange = digest(b"\xc1\xc1") + b"\xc1\xc1"
    journal.put_closing(900, strange)
    journal.close()
    [run] = recover(candidates(path / "data.mdb"))
    assert (run.base, run.last) == (299, TURNS - 1)
    assert [seq for seq, _ in run.closings] == [299, 599]


def test_a_part_too_many_does_not_hide_a_closing_snapshot(path: Path) -> None:
    """A copied page whose key was hit gives a part a number that nothing has; the others are whole all the same (seed 250 of the damaged files)."""
    found = candidates(path / "data.mdb")
    whole = [(run.base, run.last, len(run.rows)) for run in recover(found)]
    for (_, seq), parts in found.parts.items():
        parts[len(parts) + 0x4000] = {b"from nowhere"}
        if seq == 299:
            parts[len(parts) - 1] = {b"right behind the last"}
    assert [(run.base, run.last, len(run.rows)) for run in recover(found)] == whole
    assert whole


def test_a_closing_snapshot_without_a_turn_after_it_is_a_run_of_its_own(path: Path) -> None:
    """The turns before it are told beside it (seeds 272, 310 and 430)."""
    found = candidates(path / "data.mdb")
    for key in [key for key in found.rows if key[1] > 599]:
        del found.rows[key]
    runs = [(run.base, run.last, len(run.rows)) for run in recover(found)]
    assert (299, 599, 300) in runs


def test_turns_before_a_bare_closing_snapshot_are_not_lost(path: Path) -> None:
    """The same where the turns that lead up to it are gone in the middle."""
    found = candidates(path / "data.mdb")
    for key in [key for key in found.rows if key[1] > 599 or key[1] == 500]:
        del found.rows[key]
    assert [(run.base, run.last, len(run.rows)) for run in recover(found)] == [(599, 599, 0), (299, 499, 200)]
