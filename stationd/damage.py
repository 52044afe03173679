"""Damaged journals: what the real daemon and the tools make of files that flash, power cuts, people and programs have been at.

Law: the daemon never dies of what it finds, it says which file is damaged, up to where all is well and what the two ways on are, and a salvage
brings back every turn before the first one that was hit.  Which turns were hit is known here, because the damage is done here.
"""

from __future__ import annotations

import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from attrs import define, field

from engine.errors import StationdError
from eventlog import segments
from eventlog.damage import newest
from eventlog.fold import CHAIN_BYTES
from eventlog.journal import PART_BYTES, Journal
from eventlog.opening import MARKER
from eventlog.pages import PageFile
from eventlog.store import CLOSING, STATUS_UNREADABLE
from machines.station import STATION
from replay.state import at
from replay.verify import verify
from sim.day import reference_day
from sim.world import IDENTITY
from stationd.refused import refused_url

PATIENCE_S = 120.0
TURNS = 3_000
CLOSED = (900, 1_800)
"""The journal that is damaged: so many turns, closed twice, the first segment retired."""

Progress = Callable[[int, int, int], None]
Hit = Callable[[Random, bytearray, int], None]


@define
class Outcome:
    """What came of the damaged files."""

    files: int = 0
    refused: int = 0
    recovered: int = 0
    unhurt: int = 0
    broken: list[str] = field(factory=list)

    def lines(self) -> Iterator[str]:
        """For people: everything that was broken, then the sum."""
        yield from self.broken
        yield (
            f"{self.files} damaged files: {self.refused} refused with a clear error, {self.unhurt} harmless, {self.recovered} turns brought back, "
            f"{len(self.broken)} broken"
        )


# Kinds of damage


def _truncated(chance: Random, data: bytearray, page: int) -> None:  # noqa: ARG001
    del data[chance.randrange(len(data)) :]


def _zeroed_page(chance: Random, data: bytearray, page: int) -> None:
    place = chance.randrange(len(data) // page) * page
    data[place : place + page] = bytes(page)


def _zeroed_tail(chance: Random, data: bytearray, page: int) -> None:
    place = chance.randrange(2, len(data) // page) * page
    data[place:] = bytes(len(data) - place)


def _flipped(chance: Random, data: bytearray, page: int) -> None:  # noqa: ARG001
    place = chance.randrange(len(data))
    data[place] ^= 1 << chance.randrange(8)


def _flipped_often(chance: Random, data: bytearray, page: int) -> None:
    for _ in range(200):
        _flipped(chance, data, page)


def _flipped_meta(chance: Random, data: bytearray, page: int) -> None:
    place = chance.choice((0, page)) + chance.randrange(160)
    data[place] ^= 1 << chance.randrange(8)


def _torn(chance: Random, data: bytearray, page: int) -> None:
    place = chance.randrange(len(data) // page) * page
    cut = 512 * chance.randrange(1, page // 512)
    other = chance.randrange(len(data) // page) * page
    data[place + cut : place + page] = data[other + cut : other + page]


def _half_copied(chance: Random, data: bytearray, page: int) -> None:
    place = chance.randrange(len(data) // page) * page
    data[place:] = b"\xff" * (len(data) - place)


def _other_endian(chance: Random, data: bytearray, page: int) -> None:  # noqa: ARG001
    for begin in (0, page):
        for place in range(begin, begin + 152, 8):
            data[place : place + 8] = data[place : place + 8][::-1]
        data[begin + 16 : begin + 20] = (0xBEEFC0DE).to_bytes(4, "big")


def _foreign(chance: Random, data: bytearray, page: int) -> None:
    data[:] = chance.choice((b"SQLite format 3\0", b"\x7fELF\2\1\1", b"PK\3\4", b'{"turns":[]}')) + chance.randbytes(chance.randrange(3 * page))


def _swapped(chance: Random, data: bytearray, page: int) -> None:
    one, two = (chance.randrange(2, len(data) // page) * page for _ in range(2))
    data[one : one + page], data[two : two + page] = data[two : two + page], data[one : one + page]


def _appended(chance: Random, data: bytearray, page: int) -> None:
    data.extend(chance.randbytes(chance.randrange(1, 4 * page)))


def _emptied(chance: Random, data: bytearray, page: int) -> None:  # noqa: ARG001
    data.clear()


def _row_changed(chance: Random, data: bytearray, page: int) -> None:
    """A value in the middle of a leaf page: the tables stay whole."""
    leaves = [place for place in range(2 * page, len(data), page) if struct.unpack_from("<H", data, place + 10)[0] & 2]
    place = chance.choice(leaves)
    data[place + page - chance.randrange(1, page // 3)] ^= 1 << chance.randrange(8)


def _wild_pointer(chance: Random, data: bytearray, page: int) -> None:
    """A branch page that leads somewhere else."""
    branches = [place for place in range(2 * page, len(data), page) if struct.unpack_from("<H", data, place + 10)[0] & 1]
    place = chance.choice(branches or [2 * page])
    node = place + struct.unpack_from("<H", data, place + 16)[0]
    if node + 4 <= len(data):
        struct.pack_into("<HH", data, node, *chance.choice(((0xFFFF, 0x7FFF), (0, 0), (2, 0), (place // page & 0xFFFF, 0))))


KINDS: dict[str, Hit] = {
    "truncated": _truncated,
    "a page of zeros": _zeroed_page,
    "a tail of zeros": _zeroed_tail,
    "a bit": _flipped,
    "many bits": _flipped_often,
    "a bit of a meta page": _flipped_meta,
    "a torn page": _torn,
    "half copied": _half_copied,
    "the other byte order": _other_endian,
    "another program's file": _foreign,
    "two pages swapped": _swapped,
    "something appended": _appended,
    "emptied": _emptied,
    "a row changed": _row_changed,
    "a wild pointer": _wild_pointer,
}


# The campaign


def run_damage(count: int, seed: int, *, progress: Progress | None = None) -> Outcome:
    """Damage a journal in *count* ways, from *seed* on, and see what the daemon and the tools make of each."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="stationd-damage-") as directory:
        whole = Path(directory) / "whole"
        rows, base, closing = _life(whole)
        for number in range(count):
            names = sorted(KINDS)
            kind = names[(seed + number) % len(names)]
            house = Path(directory) / "house"
            shutil.copytree(whole, house)
            marked = _hurt(house, kind, Random(seed + number))
            for wrong in _try(house, rows, base, closing, outcome):
                outcome.broken.append(
                    f"seed {seed + number}, {kind}{' and the last start died' if marked else ''}: {wrong}\n"
                    f"  again with: stationd campaign damage --seed {seed + number} --count 1"
                )
            shutil.rmtree(house)
            outcome.files += 1
            if progress is not None:
                progress(outcome.files, count, len(outcome.broken))
    return outcome


def _life(data: Path) -> tuple[dict[int, bytes], int, bytes]:
    """A journal of the reference day with a closed and a retired segment, and a snapshot; returns its rows, the base and what is kept of it."""
    day = Journal(data / "day", entropy=lambda n: b"\x01" * n)
    reference_day(day)
    journal = Journal(data / "journal", entropy=lambda n: b"\x01" * n)
    rows = [(seq, row[CHAIN_BYTES:]) for seq, row in day.rows()][:TURNS]
    for first in range(0, TURNS, 100):
        journal.append(rows[first : first + 100])
        if first + 100 in CLOSED:
            segments.close(journal, at(STATION, journal, first + 99))
    while not journal.retire(CLOSED[0] - 1):
        pass
    kept = dict(journal.rows())
    base = journal.base()[0]
    closing = next(body for seq, body in journal.closings() if seq == base)
    journal.close()
    day.close()
    shutil.rmtree(data / "day")
    return kept, base, closing


def _hurt(house: Path, kind: str, chance: Random) -> bool:
    file = house / "journal" / "data.mdb"
    with PageFile(file) as pages:
        newest(pages)
        page = pages.page_bytes
    data = bytearray(file.read_bytes())
    KINDS[kind](chance, data, page)
    file.write_bytes(data)
    if chance.random() < 0.3:  # noqa: PLR2004 (now and then the lock file is rubbish too)
        (house / "journal" / "lock.mdb").write_bytes(chance.randbytes(chance.randrange(9000)))
    marked = chance.random() < 0.3  # noqa: PLR2004
    if marked:
        (house / "journal" / MARKER).touch()
    return marked


def _try(house: Path, rows: dict[int, bytes], base: int, closing: bytes, outcome: Outcome) -> Iterator[str]:
    """Start the daemon; where it refuses, salvage, and start it again.  Yields what is wrong."""
    good = _provable(house, rows, base, closing)
    status, log = _run(house)
    if status is not None and status < 0:
        yield f"the daemon died of {signal.Signals(-status).name}"
        return
    if status is None:
        outcome.unhurt += 1
        yield from _whole(house)
        return
    if status != STATUS_UNREADABLE:
        yield f"the daemon ended with status {status}: {log[-500:]}"
        return
    outcome.refused += 1
    if "Traceback" in log:
        yield f"the daemon raised: {log[-1500:]}"
    if not all(words in log for words in ("data.mdb", "log salvage", "log set-aside", "turn")):
        yield f"the error does not say what, where and how on: {log[-800:]}"
    if good <= base and "can be made out" in log:
        return  # there is nothing left to bring back
    done = _tool("salvage", house)
    if done.returncode:
        if good > base:
            yield f"salvage ended with status {done.returncode}, though turns up to {good} are whole: {done.stderr[-500:]}"
        return
    journal = Journal(house / "journal", readonly=True)
    try:
        back = dict(journal.rows())
        report = verify(STATION, journal)
    finally:
        journal.close()
    for part in sorted(house.glob("turns-*")):
        earlier = Journal(part / "journal", readonly=True)
        back |= dict(earlier.rows())
        earlier.close()
    lost = [seq for seq in rows if seq <= good and back.get(seq) != rows[seq]]
    if lost:
        yield f"salvage lost turn {lost[0]}, though turns up to {good} are whole"
    if not report.ok:
        yield f"replay of the salvaged journal: {(report.damage or report.divergences)[0]}"
    outcome.recovered += len(back)
    status, log = _run(house)
    if status is not None:
        yield f"the daemon does not start on the salvaged journal, status {status}: {log[-500:]}"


def _provable(house: Path, rows: dict[int, bytes], base: int, closing: bytes) -> int:
    """The last of the original turns that is still in the file with all turns before it, found without any of the tools that are tried here.

    Without the closing snapshot at the base no turn can be folded onto anything.
    """
    data = (house / "journal" / "data.mdb").read_bytes()
    last = base
    for number, place in enumerate(range(0, len(closing), PART_BYTES)):
        part = CLOSING + closing[place : place + PART_BYTES]
        if _entry(base.to_bytes(8, "big") + number.to_bytes(2, "big"), part) not in data:
            return last
    for seq in sorted(rows):
        row = rows[seq]
        if (row if len(row) > PART_BYTES else _entry(seq.to_bytes(8, "big"), row)) not in data:
            break
        last = seq
    return last


def _entry(place: bytes, value: bytes) -> bytes:
    """What a page has of a value: how long it and its key are, the key, and the value itself; what is larger has pages of its own."""
    key = bytes(2) + place
    return struct.pack("<HHHH", len(value) & 0xFFFF, len(value) >> 16, 0, len(key)) + key + value


def _run(house: Path) -> tuple[int | None, str]:
    """Start the real daemon; its exit status, or None where it came up (and was stopped again), and its log."""
    with refused_url() as url:
        return _run_and_stop(house, url)


def _run_and_stop(house: Path, url: str) -> tuple[int | None, str]:
    log = house / "station.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "stationd", "run", "--csms", url, "--identity", IDENTITY, "--data", str(house)],
            stderr=errors, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    until = time.monotonic() + PATIENCE_S
    while process.poll() is None and b"ready: " not in log.read_bytes():
        if time.monotonic() > until:
            process.kill()
            process.wait()
            raise StationdError(f"the daemon neither started nor ended: {log.read_text(errors='replace')[-500:]}")
        time.sleep(0.01)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            ended = process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            ended = process.wait()
        if ended:
            return ended, log.read_text(errors="replace")
        return None, log.read_text(errors="replace")
    return process.returncode, log.read_text(errors="replace")


def _whole(house: Path) -> Iterator[str]:
    """The daemon came up: then the tool that looks at all of the journal must tell the truth about it, and not die of it."""
    done = _tool("verify", house)
    if done.returncode < 0:
        yield f"log verify died of {signal.Signals(-done.returncode).name}"
    elif done.returncode and "Traceback" in done.stderr:
        yield f"log verify raised: {done.stderr[-800:]}"


def _tool(name: str, house: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stationd", "log", name, "--data", str(house)], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
