"""The figures of the journal: how much a turn takes, and how fast a day is folded, verified, lived through and started from.

Law: one core's own time is what counts here, not the wall's, so that neighbours do not stand in the figures; only a start is measured by the wall.
"""

from __future__ import annotations

import gc
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time_ns

import lmdb
import msgpack

from bench.csms import Csms
from bench.live import no_collector, ratios
from bench.measure import Goal, NotMeasured, Result
from bench.progress import Progress
from bench.started import Programs
from engine.records import BY_KIND
from eventlog import segments, snapshots
from eventlog.fold import CHAIN_BYTES, Folded, fold
from eventlog.journal import Journal
from eventlog.memory import MemoryJournal
from eventlog.store import Store
from machines.station import STATION
from replay.verify import verify

SEED = 20_260_102

KEY_BYTES = 10
TURN_BYTES = 250
VERIFIED_TURNS_S = 20_000
LIFE_S = 5.0
LONG_TURNS = 100_000
SEGMENT_TURNS = 10_000
"""A segment as the component files have it."""
GROUP_ROWS = 1_000

LONG_FIGURES_PER_ROUND = 4
"""What takes a second and more is measured in every fourth round only; one core's time varies little."""

BYTES = Goal(name="day-bytes", what=f"mean bytes of a turn of the reference day, payloads aside / {TURN_BYTES} B", goal=1.0)
FOLD = Goal(
    name="day-fold", what="fold of the reference day, turns a second / LMDB scan + msgpack.unpackb of the same rows", goal=0.5, better="higher"
)
VERIFY = Goal(name="day-verify", what=f"verify, turns a second of one core / {VERIFIED_TURNS_S}", goal=1.0, better="higher")
LIFE = Goal(name="day-life", what=f"the reference day lived through, seconds of one core / {LIFE_S:g} s", goal=1.0)
RESTART = Goal(name="restart", what=f"spawn to ready over {LONG_TURNS} turns / over none", goal=2.0)
RESTART_BASE = Goal(name="restart-base", what=f"spawn to ready over a closing snapshot and {SEGMENT_TURNS} turns / over none", goal=2.0)


def lived(store: Store, turns: int = 0) -> None:
    """The reference day into *store*, again and again until there are *turns*.  Raises NotMeasured without a simulator."""
    try:
        from sim.day import reference_day
    except ImportError as error:
        raise NotMeasured(f"the simulator has no reference day ({error})") from error
    reference_day(store, turns=turns)


def cpu_ns(work: Callable[[], object]) -> int:
    """Nanoseconds of processor time that *work* takes."""
    with no_collector():
        begun = process_time_ns()
        work()
        return process_time_ns() - begun


def copied(source: MemoryJournal, path: Path) -> int:
    """The rows of *source* as a journal on disk; returns how many."""
    journal = Journal(path)
    journal.opened()
    group: list[tuple[int, bytes]] = []
    count = 0
    for seq, row in source.rows():
        group.append((seq, row[CHAIN_BYTES:]))
        count += 1
        if len(group) == GROUP_ROWS:
            journal.append(group)
            group = []
    journal.append(group)
    journal.close()
    return count


def payload_bytes(row: bytes) -> int:
    """The bytes of the opaque texts that a stored row carries."""
    return sum(len(blob) for blob in msgpack.unpackb(row[CHAIN_BYTES:], strict_map_key=False)[5:])


def scan_ns(path: Path) -> int:
    """Every row read from LMDB and unpacked, and nothing else done with it."""
    env = lmdb.open(str(path), readonly=True, max_dbs=4, lib_version=0)
    turns = env.open_db(b"turns", create=False)

    def work() -> None:
        unpackb = msgpack.unpackb
        with env.begin(db=turns) as txn, txn.cursor() as cursor:
            for row in cursor.iternext(keys=False, values=True):
                unpackb(row[CHAIN_BYTES:], strict_map_key=False)

    try:
        return cpu_ns(work)
    finally:
        env.close()


def fold_ns(path: Path) -> int:
    """The station from the rows."""
    journal = Journal(path, readonly=True)
    try:
        return cpu_ns(lambda: fold(STATION, Folded(STATION.genesis()), journal.rows()))
    finally:
        journal.close()


def verify_ns(path: Path) -> int:
    """Every decision made again."""
    journal = Journal(path, readonly=True)
    reports = []
    try:
        took = cpu_ns(lambda: reports.append(verify(STATION, journal)))
    finally:
        journal.close()
    assert reports[0].ok, f"the reference day is not decided again as it was: {reports[0]}"
    return took


async def of_day(csms: Csms, folder: Path, count: int, progress: Progress) -> list[Result]:
    """Bytes, fold, verify, life."""
    del csms
    assert BY_KIND, "no record is known"
    chance = random.Random(SEED)
    progress.step("day: living it")
    source = MemoryJournal()
    lived(source)
    path = folder / "journal"
    turns = copied(source, path)
    sizes = [(KEY_BYTES + len(row), payload_bytes(row)) for _, row in source.rows()]
    del source
    lean = sum(size - payload for size, payload in sizes) / turns
    payload = sum(payload for _, payload in sizes) / turns
    works: dict[str, Callable[[], int]] = {
        "scan": lambda: scan_ns(path),
        "fold": lambda: fold_ns(path),
        "verify": lambda: verify_ns(path),
        "life": lambda: cpu_ns(lambda: lived(MemoryJournal())),
    }
    times: list[dict[str, float]] = []
    for number in progress.rounds("day", count):
        names = ["scan", "fold"] if number % LONG_FIGURES_PER_ROUND else list(works)
        times.append({name: works[name]() for name in chance.sample(names, len(names))})
        gc.collect()
    long = [one for one in times if "life" in one]
    rates = [turns / one["verify"] * 1e9 for one in long]
    lives = [one["life"] / 1e9 for one in long]
    folds = median([turns / one["fold"] * 1e9 for one in times])
    scans = median([turns / one["scan"] * 1e9 for one in times])
    return [
        Result(goal=BYTES, ratios=(lean / TURN_BYTES,), note=f"{lean:.0f} B, and {payload:.0f} B of payload; {turns} turns"),
        Result(goal=FOLD, ratios=ratios(times, "scan", "fold"), note=f"{folds:,.0f} / {scans:,.0f} a second"),
        Result(goal=VERIFY, ratios=tuple([rate / VERIFIED_TURNS_S for rate in rates]), note=f"{median(rates):,.0f} a second"),
        Result(goal=LIFE, ratios=tuple([life / LIFE_S for life in lives]), note=f"{median(lives):.2f} s, {turns} turns"),
    ]


async def of_restart(csms: Csms, folder: Path, count: int, progress: Progress) -> list[Result]:
    """Spawn to ready, over a long journal whose last snapshot is as old as snapshots become, and over an empty one."""
    chance = random.Random(SEED)
    progress.step(f"restart: living through {LONG_TURNS} turns")
    source = MemoryJournal()
    lived(source, LONG_TURNS)
    long = folder / "long"
    turns = copied(source, long / "journal")
    journal = Journal(long / "journal")
    journal.opened()
    oldest = turns - snapshots.EVERY_TURNS
    rows = ((seq, row) for seq, row in source.rows() if seq <= oldest)
    snapshots.write(journal, fold(STATION, Folded(STATION.genesis()), rows), snapshots.fold_version())
    journal.close()
    retired(source, folder / "base" / "journal")
    del source
    times: list[dict[str, float]] = []
    with Programs(csms, folder) as programs:
        for number in progress.rounds("restart", count + 1):
            one: dict[str, float] = {}
            for kind in chance.sample(["long", "base", "empty"], 3):
                data = folder / f"{kind}-{number}"
                if kind != "empty":
                    shutil.copytree(folder / kind, data)
                with no_collector():
                    one[kind] = await programs.ready(data.name, programs.station_argv(data.name, data))
                shutil.rmtree(data)
            # The first one found no byte code, perhaps.
            if number:
                times.append(one)
    ms = {kind: f"{median([one[kind] for one in times]) / 1e6:.0f} ms" for kind in ("long", "base", "empty")}
    since = f"{turns} turns, {snapshots.EVERY_TURNS} since the snapshot"
    return [
        Result(goal=RESTART, ratios=ratios(times, "long", "empty"), note=f"{ms['long']} / {ms['empty']}, {since}"),
        Result(goal=RESTART_BASE, ratios=ratios(times, "base", "empty"), note=f"{ms['base']} / {ms['empty']}, no other snapshot"),
    ]


def retired(source: MemoryJournal, path: Path) -> None:
    """The rows of *source* as a journal on disk whose turns were retired but for one segment, with nothing but the closing snapshot to start from."""
    copied(source, path)
    journal = Journal(path)
    journal.opened()
    through = journal.last()[0] - SEGMENT_TURNS
    rows = ((seq, row) for seq, row in source.rows() if seq <= through)
    segments.close(journal, fold(STATION, Folded(STATION.genesis()), rows))
    while not journal.retire(through):
        pass
    journal.close()
