"""Power losses at a small fixed size, and whether the model of a disk would notice anything.

Law: a model that finds nothing wrong with a writer that never flushes has no say.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random

import pytest
from attrs import evolve

from engine.errors import StationdError
from stationd.disk import Cut, Disk, Flushed, Made, Removed, Renamed, Said, Step, Wrote, lay_out, trace
from stationd.powerloss import Outcome, run_power_losses, strike

ROOT = Path("/disk")
NAME = "/disk/file"


def writer(tmp_path: Path, program: str) -> list[Step]:
    """What a small program does below the disk's root, where it stands."""
    root = tmp_path / "disk"
    root.mkdir()
    return trace([sys.executable, "-c", f"import os\nos.chdir({os.fspath(root)!r})\nroot = os.getcwd()\n{program}"], root, tmp_path / "trace")


def ends(steps: list[Step], *, sector_bytes: int = 512, struck: Step | None = None) -> set[tuple[tuple[str, bytes | None], ...]]:
    """Everything that many power losses leave behind after *steps*."""
    disk = Disk(ROOT)
    for step in steps:
        disk.do(step)
    return {tuple(disk.lose_power(Random(seed), sector_bytes, struck).items()) for seed in range(200)}


def test_thirty_power_losses_lose_nothing_that_was_acknowledged() -> None:
    """If this failed, a power loss could lose a turn or a secret, leave a hole, or keep the station from starting."""
    told: list[tuple[int, int, int]] = []
    outcome = run_power_losses(30, 5, progress=lambda *so_far: told.append(so_far))

    assert outcome.broken == []
    assert told[-1] == (30, 30, 0)
    assert outcome.turns > 3_000
    assert outcome.texts > 100
    assert "".join(outcome.lines()).endswith(f"{outcome.turns} turns and {outcome.texts} sealed texts looked for again, 0 broken")


def test_a_writer_that_does_not_flush_is_found_out(tmp_path: Path) -> None:
    """If this failed, the campaign would pass whatever the journal does."""
    root = tmp_path / "disk"
    root.mkdir()
    steps = trace([sys.executable, "-m", "stationd.powerloss", "write", os.fspath(root), "3"], root, tmp_path / "trace")
    unflushed, unordered = Outcome(), Outcome()
    strike([step for step in steps if not isinstance(step, Flushed)], root, 3, 12, 12, unflushed)
    # As LMDB does with MDB_NOMETASYNC: the pages are flushed, what names them is not.
    strike([evolve(step, synchronous=False) if isinstance(step, Wrote) else step for step in steps], root, 3, 12, 12, unordered)

    assert any("was acknowledged" in line for line in unflushed.broken)
    assert any("was acknowledged, and turn" in line for line in unordered.broken)
    assert all(line.startswith("seed 3, step ") for line in unflushed.broken + unordered.broken)
    assert not list(tmp_path.glob("left-*/"))


def test_what_was_flushed_is_there_and_the_rest_in_any_part() -> None:
    """If this failed, the model would be kinder or crueller than a disk."""
    steps: list[Step] = [Made(NAME), Flushed("/disk"), Wrote(NAME, 0, b"a" * 512), Flushed(NAME), Wrote(NAME, 0, b"b" * 1024)]

    found = {dict(end)["file"] for end in ends(steps)}

    a, b, zero = b"a" * 512, b"b" * 512, bytes(512)
    assert found == {a, b, a + b, b + b, a + zero, b + zero}


def test_a_page_that_is_a_sector_is_not_torn() -> None:
    """With sectors of 4096 bytes it is there, or it is not; the length of the file may come without it."""
    steps: list[Step] = [Made(NAME), Flushed("/disk"), Wrote(NAME, 0, b"b" * 4096)]

    assert {dict(end)["file"] for end in ends(steps, sector_bytes=4096)} == {b"", bytes(4096), b"b" * 4096}
    assert {dict(end)["file"] for end in ends([*steps, Cut(NAME, 100), Flushed(NAME)])} == {b"b" * 100}


def test_a_synchronous_write_is_there_unless_it_was_under_way() -> None:
    """And it flushes nothing else."""
    steps: list[Step] = [Made(NAME), Flushed("/disk"), Wrote(NAME, 0, b"a", synchronous=True)]
    under_way = Wrote(NAME, 0, b"b", synchronous=True)

    assert {dict(end)["file"] for end in ends(steps)} == {b"a"}
    assert {dict(end)["file"] for end in ends(steps, struck=under_way)} == {b"a", b"b"}
    assert {dict(end)["file"] for end in ends([*steps, Wrote(NAME, 1, b"c"), under_way])} == {b"b", b"b\0", b"bc"}


def test_a_name_is_there_for_certain_once_its_directory_was_flushed() -> None:
    """A file may be flushed and still not be found; a rename happens whole; a directory that is not there has nothing in it."""
    made: list[Step] = [Made("/disk/d", directory=True), Made("/disk/d/new"), Wrote("/disk/d/new", 0, b"x"), Flushed("/disk/d/new")]
    renamed: list[Step] = [*made, Flushed("/disk/d"), Flushed("/disk"), Renamed("/disk/d/new", "/disk/d/file")]

    assert ends(made) == {(), (("d", None),), (("d", None), ("d/new", b"x"))}
    assert ends(renamed) == {(("d", None), ("d/new", b"x")), (("d", None), ("d/file", b"x"))}
    assert ends([*renamed, Flushed("/disk/d")]) == {(("d", None), ("d/file", b"x"))}
    assert ends([*renamed, Removed("/disk/d/file"), Flushed("/disk/d")]) == {(("d", None),)}


def test_a_process_is_followed_through_its_calls(tmp_path: Path) -> None:
    """If this failed, the model would judge something else than what the process did."""
    steps = writer(
        tmp_path,
        "os.mkdir(f'{root}/d')\n"
        "one = os.open(f'{root}/d/a', os.O_WRONLY | os.O_CREAT)\n"
        "os.write(one, b'12345'); os.pwrite(one, b'x', 1); os.lseek(one, 3, 0); os.writev(one, [b'4', b'\\xff6']); os.fdatasync(one); os.close(one)\n"
        "two = os.open(f'{root}/d/a', os.O_WRONLY | os.O_APPEND | os.O_DSYNC)\n"
        "os.write(two, b'7'); os.ftruncate(two, 2); os.rename(f'{root}/d/a', f'{root}/d/b'); os.write(two, b'8'); os.unlink(f'{root}/d/b')\n"
        "three = os.open('/dev/null', os.O_WRONLY); os.write(three, b'not ours'); os.write(1, b'said\\nmore\\n')\n",
    )

    d = os.fspath(tmp_path / "disk" / "d")
    a, b = f"{d}/a", f"{d}/b"
    assert steps == [
        Made(d, directory=True), Made(a), Wrote(a, 0, b"12345"), Wrote(a, 1, b"x"), Wrote(a, 3, b"4\xff6"), Flushed(a),
        Wrote(a, 6, b"7", synchronous=True), Cut(a, 2), Renamed(a, b), Wrote(b, 2, b"8", synchronous=True), Removed(b),
        Said("said"), Said("more"),
    ]  # fmt: skip


@pytest.mark.parametrize("call", ["os.truncate(f'{root}/f', 1)", "os.posix_fallocate(f, 0, 9)", "os.dup(f)"])
def test_a_process_that_writes_in_another_way_is_not_judged(tmp_path: Path, call: str) -> None:
    """If this failed, a new way to write would be overlooked."""
    with pytest.raises(StationdError, match="which this model of a disk does not know"):
        writer(tmp_path, f"f = os.open(f'{{root}}/f', os.O_WRONLY | os.O_CREAT)\n{call}")


def test_what_goes_wrong_with_tracing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, the campaign would pass over a writer that did nothing."""
    with pytest.raises(StationdError, match=r"ended with status 1: (?s:.*)ZeroDivisionError"):
        writer(tmp_path, "1 / 0")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StationdError, match="strace is not installed"):
        trace([sys.executable, "-c", ""], tmp_path, tmp_path / "trace")


def test_what_is_left_is_laid_out(tmp_path: Path) -> None:
    """For our own code to open."""
    lay_out({"d": None, "d/file": b"x"}, tmp_path / "left")

    assert (tmp_path / "left" / "d" / "file").read_bytes() == b"x"
