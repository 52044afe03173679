"""A year in virtual time over a real journal: does it stay in its space, and does a restart stay short?

Law: what is measured is the real thing: the LMDB journal with its retention, and ``stationd run`` as a process of its own, started over a copy of the
journal and over an empty directory in turn.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

import lmdb
from attrs import define, field

from adapters.storage import JournalKeeper
from engine.errors import StationdError
from engine.event import Input
from eventlog import snapshots
from eventlog.journal import Journal
from machines.station import STATION
from machines.storage.facts import StorageSeen
from replay.timeline import timeline
from replay.verify import verify
from sim.checks import Violation
from sim.year import Year, live
from stationd.refused import refused_url

LIMIT_BYTES = 32 << 20
"""The space for the journal: a year of turns takes several times as much."""
SEGMENT_TURNS = 10_000
GROUP_ROWS = 512
ROUNDS = 7
RATIO_MOST = 2.0
JUDGED_FROM_ROUNDS = 3
"""Fewer rounds say whether it starts at all, and nothing of how fast."""
SHOWN = 8
NUMBER = b"\x00\x00\xca\xfe"

Progress = Callable[[int, int, int], None]


class Grouped:
    """The journal as a store that commits many groups of virtual time in one: nobody pulls a plug here, and a year has too many flushes."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._rows: list[tuple[int, bytes]] = []
        self.row_bytes = 0

    def flush(self) -> Journal:
        """Write what waits."""
        self.journal.append(self._rows)
        self._rows = []
        return self.journal

    def append(self, rows: Sequence[tuple[int, bytes]], station: int = 0) -> None:  # noqa: ARG002 (one station)
        """Keep the rows for the next commit."""
        self._rows += rows
        self.row_bytes += sum(len(row) for _, row in rows)
        if len(self._rows) >= GROUP_ROWS:
            self.flush()

    def rows(self, after: int = -1, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """As the journal."""
        return self.flush().rows(after, station)

    def last(self, station: int = 0) -> tuple[int, bytes]:
        """As the journal."""
        return self.flush().last(station)

    def base(self, station: int = 0) -> tuple[int, bytes]:
        """As the journal."""
        return self.flush().base(station)

    def closings(self, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """As the journal."""
        return self.flush().closings(station)

    def look_at_all(self) -> None:
        """As the journal."""
        self.flush().look_at_all()

    def snapshots(self, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """As the journal."""
        return self.flush().snapshots(station)

    def put_closing(self, seq: int, body: bytes, station: int = 0) -> None:
        """As the journal."""
        self.flush().put_closing(seq, body, station)

    def retire(self, through: int, station: int = 0, rows_most: int = 1_000) -> bool:
        """As the journal."""
        return self.flush().retire(through, station, rows_most)

    def put_snapshot(self, seq: int, body: bytes, station: int = 0) -> None:
        """As the journal."""
        self.flush().put_snapshot(seq, body, station)


@define
class Outcome:
    """What a year came to; *ratios* are the starts over the journal by those over nothing, medians at the days in *measured*."""

    days: int = 0
    turns: int = 0
    charges: int = 0
    row_bytes: int = 0
    retired: int = 0
    most_bytes: int = 0
    limit_bytes: int = 0
    measured: list[int] = field(factory=list)
    ratios: list[float] = field(factory=list)
    verified: int = 0
    shown: int = 0
    broken: list[str] = field(factory=list)

    def lines(self) -> Iterator[str]:
        """For people: everything that was broken, then the sum."""
        yield from self.broken
        yield (
            f"{self.days} days, {self.turns} turns ({self.row_bytes} bytes), {self.charges} charges; the file was {self.most_bytes} bytes at most "
            f"of {self.limit_bytes}; turns up to {self.retired} were retired, {self.verified} verified, {self.shown} sessions shown"
        )
        starts = ", ".join([f"{ratio:.2f} after day {day}" for day, ratio in zip(self.measured, self.ratios, strict=True)])
        yield f"start over the journal / over nothing: {starts}; {len(self.broken)} broken"


def run_year(
    days: int,
    seed: int,
    *,
    limit_bytes: int = LIMIT_BYTES,
    segment_turns: int = SEGMENT_TURNS,
    restarts: int = 3,
    rounds: int = ROUNDS,
    progress: Progress | None = None,
) -> Outcome:
    """Live *days* days into a journal of *limit_bytes*; start the station over it at the end, and after *restarts* days that chance decides."""
    outcome = Outcome(limit_bytes=limit_bytes)
    outcome.measured = [*sorted(Random(seed).sample(range(1, days), min(restarts, days - 1))), days]
    with tempfile.TemporaryDirectory(prefix="stationd-year-") as directory:
        folder = Path(directory)
        journal = Journal(folder / "year" / "journal", map_bytes=limit_bytes, entropy=lambda count: NUMBER[:count])
        journal.opened()
        try:
            _live(Grouped(journal), days, seed, segment_turns, folder, rounds, outcome, progress)
        except Violation as violation:
            outcome.broken.append(f"seed {seed}: {violation}\n  again with: stationd campaign year --seed {seed}")
        except lmdb.MapFullError as error:
            outcome.broken.append(f"seed {seed}, after day {outcome.days}: the journal does not stay in its {limit_bytes} bytes ({error})")
        finally:
            journal.close()
    return outcome


def _live(store: Grouped, days: int, seed: int, segment_turns: int, folder: Path, rounds: int, outcome: Outcome, progress: Progress | None) -> None:
    journal = store.journal
    keeper = JournalKeeper(journal)

    def space() -> StorageSeen:
        store.flush()
        seen: list[Input] = []
        keeper.start(seen.append)
        found = seen[0]
        assert isinstance(found, StorageSeen)  # noqa: S101 (what a keeper tells first)
        return found

    year = Year(seed, store, space=space, number=journal.number, version=snapshots.fold_version(), segment_turns=segment_turns)
    for day in live(year, days):
        outcome.days, outcome.turns, outcome.charges, outcome.row_bytes = day, year.ledger.turns, len(year.charges), store.row_bytes
        outcome.most_bytes = max(outcome.most_bytes, journal.bytes_used())
        if outcome.most_bytes > outcome.limit_bytes:
            raise Violation("the journal stays in its space", f"day {day}: {outcome.most_bytes} of {outcome.limit_bytes} bytes")
        if day in outcome.measured:
            store.flush()
            _restart(journal, folder, day, rounds, outcome)
        if progress is not None:
            progress(day, days, len(outcome.broken))
    if year.process is not None:
        year.process.flush_all()
    store.flush()
    outcome.retired = journal.base()[0]
    _look(journal, year, outcome)


def _look(journal: Journal, year: Year, outcome: Outcome) -> None:
    """What is kept is whole, and every session that began in it can be told."""
    report = verify(STATION, journal)
    outcome.verified = report.turns
    outcome.broken += [*report.damage, *map(str, report.divergences)]
    kept = [charge for charge in year.charges if charge.first > outcome.retired]
    if not kept:
        outcome.broken.append(f"no session is kept: turns up to {outcome.retired} were retired, {len(year.charges)} charges were made")
    for charge in [*kept[:1], *Random(year.seed).sample(kept, min(SHOWN, len(kept))), *kept[-1:]]:
        try:
            told = timeline(journal, charge.transaction_id)
        except StationdError as error:
            outcome.broken.append(f"{charge.transaction_id} (turns {charge.first} to {charge.last}) is kept and cannot be shown: {error}")
            continue
        outcome.shown += 1
        if charge.transaction_id not in told[0]:
            outcome.broken.append(f"{charge.transaction_id} is told as another: {told[0]}")


def _restart(journal: Journal, folder: Path, day: int, rounds: int, outcome: Outcome) -> None:
    """Start over a copy of the journal and over nothing, in turn; the first round finds no byte code, perhaps, and does not count."""
    times: list[tuple[float, float]] = []
    for number in range(rounds + 1):
        both = []
        for kind in ("year", "empty") if number % 2 else ("empty", "year"):
            data = folder / f"{kind}-{day}-{number}"
            if kind == "year":
                shutil.copytree(journal.path, data / "journal", ignore=shutil.ignore_patterns("lock.mdb", "daemon.lock"))
            both.append((kind, ready_s(data)))
            shutil.rmtree(data)
        found = dict(both)
        if number:
            times.append((found["year"], found["empty"]))
    ratio = median([long for long, _ in times]) / median([short for _, short in times])
    outcome.ratios.append(round(ratio, 3))
    if rounds >= JUDGED_FROM_ROUNDS and ratio >= RATIO_MOST:
        outcome.broken.append(f"day {day}: a start over the journal takes {ratio:.2f} times as long as one over nothing; {RATIO_MOST} at most")


def ready_s(data: Path) -> float:
    """Seconds from the start of ``stationd run`` over *data* until it says that it is ready; it is killed then.

    Raises StationdError where it never is.
    """
    with refused_url() as url:
        return _ready_s(data, url)


def _ready_s(data: Path, url: str) -> float:
    said: list[str] = []
    begun = perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "stationd", "run", "--data", str(data), "--csms", url],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert child.stderr is not None  # noqa: S101 (it was asked for)
        for line in child.stderr:
            if "stationd: ready" in line:
                return perf_counter() - begun
            said.append(line)
    finally:
        child.kill()
        child.communicate()
    raise StationdError(f"the station did not become ready over {data}: {''.join(said)[-1000:]}")
