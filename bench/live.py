"""The figures of the running station: requests, flushes, start, memory.

Law: the station is the real process with a real journal on a real disk, and so are its yardsticks; they differ in nothing but what they do.
"""

from __future__ import annotations

import asyncio
import gc
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import flushes
from bench.csms import Csms, Link, Silent
from bench.load import Load, Make, get_base_report, get_variables, set_variables
from bench.measure import Goal, NotMeasured, Result, p50, p99, us
from bench.progress import Progress
from bench.started import Program, Programs
from eventlog.journal import Journal
from machines import station as _kinds  # noqa: F401 (a journal is read by who knows the kinds in it)

REQUESTS = 200
"""To each program in each round."""

WARM_UP = 100
TRACED = 300
SETTLE_S = 0.3
SETTLE_MOST = 40
"""Memory is read once it is the same in two looks this far apart."""

SEED = 20_260_101

SET_P50 = Goal(name="set-p50", what="SetVariables, p50 / WebSocket echo that commits the same row to LMDB", goal=1.4)
SET_P99 = Goal(name="set-p99", what="SetVariables, p99 / the same", goal=2.0)
SET_RAW = Goal(name="set-raw", what="SetVariables, p50 / WebSocket echo + append + fdatasync", goal=1.2)
SET_FLUSHES = Goal(name="set-flushes", what="flushes a SetVariables, counted by strace", goal=2.0)
GET_P50 = Goal(name="get-p50", what="GetVariables, p50 / bare WebSocket echo", goal=1.3)
BOOT = Goal(name="boot", what="spawn to BootNotification / bare asyncio process that sends the same", goal=3.0)
MEMORY = Goal(name="memory", what="resident memory, idle and accepted / asyncio.run(sleep)", goal=1.9)

REPORT = Goal(
    name="report", what="FullInventory, request to last NotifyReport, an entry: beyond a WebSocket that sends the same frames / 0.05 ms", goal=1.0
)

REPORTS = 5
"""Reports of each program in each round."""

ENTRY_BUDGET_NS = 50_000

Times = list[dict[str, list[int]]]


@contextmanager
def no_collector() -> Iterator[None]:
    """The bench's own garbage waits meanwhile."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def ratios(times: list[dict[str, float]], over: str, under: str) -> tuple[float, ...]:
    """Round by round."""
    return tuple([one[over] / one[under] for one in times])


async def rounds(load: Load, links: dict[str, Link], make: Make, label: str, count: int, progress: Progress) -> Times:
    """*count* rounds over *links*, after a warm-up that is not kept."""
    for link in links.values():
        await load.ask(link, make, WARM_UP)
    found: Times = []
    for _ in progress.rounds(label, count):
        with no_collector():
            found.append(await load.round(links, make, REQUESTS))
    return found


def row_bytes(data: Path) -> int:
    """The size of the row that one SetVariables leaves in a station's journal, in bytes."""
    journal = Journal(data / "journal", readonly=True)
    try:
        last, _ = journal.last()
        return int(median([len(row) for _, row in journal.rows(max(last - WARM_UP // 2, -1))]))
    finally:
        journal.close()


async def of_set(csms: Csms, folder: Path, count: int, progress: Progress) -> list[Result]:
    """A SetVariables of one variable: request, durable, answer."""
    load = Load(SEED)
    with Programs(csms, folder) as programs:
        progress.step("set: starting")
        data = folder / "station"
        _, station, _ = await programs.booted("station", programs.station_argv("station", data))
        await station.quiet()
        await load.ask(station, set_variables, WARM_UP)
        size = row_bytes(data)
        _, with_lmdb = await programs.echo("echo-lmdb", "lmdb", folder / "echo.lmdb", size)
        _, with_file = await programs.echo("echo-raw", "raw", folder / "echo.raw", size)
        times = await rounds(load, {"station": station, "lmdb": with_lmdb, "raw": with_file}, set_variables, "set", count, progress)
    halves = [{name: p50(row) for name, row in one.items()} for one in times]
    tails = [{name: p99(row) for name, row in one.items()} for one in times]
    station_p50, station_p99 = us([one["station"] for one in halves]), us([one["station"] for one in tails])
    return [
        Result(
            goal=SET_P50, ratios=ratios(halves, "station", "lmdb"), note=f"{station_p50} / {us([one['lmdb'] for one in halves])}, rows of {size} B"
        ),
        Result(goal=SET_P99, ratios=ratios(tails, "station", "lmdb"), note=f"{station_p99} / {us([one['lmdb'] for one in tails])}"),
        Result(goal=SET_RAW, ratios=ratios(halves, "station", "raw"), note=f"{station_p50} / {us([one['raw'] for one in halves])}"),
    ]


async def of_get(csms: Csms, folder: Path, count: int, progress: Progress) -> list[Result]:
    """A GetVariables of one variable: no new fact, so nothing has to be durable before the answer."""
    load = Load(SEED)
    with Programs(csms, folder) as programs:
        progress.step("get: starting")
        _, station, _ = await programs.booted("station", programs.station_argv("station", folder / "station"))
        await station.quiet()
        _, echo = await programs.echo("echo", "none")
        times = await rounds(load, {"station": station, "echo": echo}, get_variables, "get", count, progress)
    halves = [{name: p50(row) for name, row in one.items()} for one in times]
    note = f"{us([one['station'] for one in halves])} / {us([one['echo'] for one in halves])}"
    return [Result(goal=GET_P50, ratios=ratios(halves, "station", "echo"), note=note)]


async def of_report(csms: Csms, folder: Path, count: int, progress: Progress) -> list[Result]:
    """Everything that the device model declares, with the shipped component files."""
    chance = random.Random(SEED)
    with Programs(csms, folder) as programs:
        progress.step("report: starting")
        _, station, _ = await programs.booted("station", programs.station_argv("station", folder / "station"))
        await station.quiet()
        _, told = await station.ask_report(get_base_report("warm-up", 1))
        entries = sum(part.count(b'"variableCharacteristics"') for part in told)
        same = folder / "frames"
        same.write_bytes(b"\n".join(told))
        _, floor = await programs.linked("reporter", programs.yardstick("reporter.py", f"{csms.url}/reporter", str(same)))
        await floor.ask_report(get_base_report("warm-up", 1))
        links = {"station": station, "floor": floor}
        times: list[dict[str, float]] = []
        asked = 1
        for _ in progress.rounds("report", count):
            found: dict[str, list[int]] = {name: [] for name in links}
            turns = [name for name in links for _ in range(REPORTS)]
            chance.shuffle(turns)
            with no_collector():
                for name in turns:
                    asked += 1
                    took, parts = await links[name].ask_report(get_base_report(f"report-{asked}", asked))
                    if sum(part.count(b'"variableCharacteristics"') for part in parts) != entries:
                        raise Silent(f"{name} told another number of entries than the first time")
                    found[name].append(took)
            times.append({name: p50(row) for name, row in found.items()})
    beyond = tuple([(one["station"] - one["floor"]) / entries / ENTRY_BUDGET_NS for one in times])
    note = f"{us([one['station'] for one in times])} / {us([one['floor'] for one in times])}, {entries} entries in {len(told) - 1} parts"
    return [Result(goal=REPORT, ratios=beyond, note=note)]


async def of_flushes(csms: Csms, folder: Path, count: int, progress: Progress) -> list[Result]:
    """Flushes a SetVariables.  Counting is exact; *count* is not needed, one long run tells it."""
    del count
    if shutil.which("strace") is None:
        raise NotMeasured("strace is not installed")
    load = Load(SEED)
    trace = folder / "trace"
    with Programs(csms, folder) as programs:
        progress.step("set-flushes: starting under strace")
        argv = [*flushes.strace(str(trace)), *programs.station_argv("station", folder / "station")]
        try:
            _, station, _ = await programs.booted("station", argv)
            await station.quiet()
            await load.ask(station, set_variables, WARM_UP)
            before = trace.stat().st_size
            await load.ask(station, set_variables, TRACED)
            after = trace.stat().st_size
        finally:
            # A tracer that is killed lets go of what it traces, which would then stay for ever.
            programs.kill_traced()
    text = trace.read_bytes()
    descriptors: set[int] = set()
    flushes.count(text[:before].decode(errors="replace").splitlines(), descriptors)
    found = flushes.count(text[before:after].decode(errors="replace").splitlines(), descriptors)
    return [Result(goal=SET_FLUSHES, ratios=(found / TRACED,), note=f"{found} in {TRACED} requests")]


async def of_boot(csms: Csms, folder: Path, count: int, progress: Progress) -> list[Result]:
    """From spawn to the arrival of the BootNotification, with an empty data directory."""
    chance = random.Random(SEED)
    with Programs(csms, folder) as programs:
        progress.step("boot: warming up")
        # Once, so that both find their byte code; and the frame that the bare one shall send.
        program, link, _ = await programs.booted("first", programs.station_argv("first", folder / "first"))
        frame = link.boot_frame.decode()
        programs.drop(program)
        times: list[dict[str, float]] = []
        for number in progress.rounds("boot", count):
            one: dict[str, float] = {}
            for kind in chance.sample(["station", "bare"], 2):
                name = f"{kind}-{number}"
                data = folder / name
                argv = (
                    programs.station_argv(name, data)
                    if kind == "station"
                    else programs.yardstick("boot.py", "127.0.0.1", str(csms.port), name, frame)
                )
                with no_collector():
                    program, link, took = await programs.booted(name, argv)
                one[kind] = took
                if kind == "station":
                    # Its next steps must not lie in the other's time.
                    await link.quiet()
                programs.drop(program)
                shutil.rmtree(data, ignore_errors=True)
            times.append(one)
    note = " / ".join(f"{median([one[kind] for one in times]) / 1e6:.0f} ms" for kind in ("station", "bare"))
    return [Result(goal=BOOT, ratios=ratios(times, "station", "bare"), note=note)]


async def of_memory(csms: Csms, folder: Path, count: int, progress: Progress) -> list[Result]:
    """VmRSS of a station that was accepted, has an empty journal and nothing to do."""
    chance = random.Random(SEED)
    with Programs(csms, folder) as programs:
        found: list[dict[str, float]] = []
        for number in progress.rounds("memory", count):
            one: dict[str, float] = {}
            for kind in chance.sample(["station", "idle"], 2):
                if kind == "station":
                    data = folder / f"station-{number}"
                    program, link, _ = await programs.booted(data.name, programs.station_argv(data.name, data))
                    await link.quiet()
                    one[kind] = await settled_rss(program)
                    programs.drop(program)
                    shutil.rmtree(data)
                else:
                    program = programs.start("idle", programs.yardstick("idle.py"))
                    one[kind] = await settled_rss(program)
                    programs.drop(program)
            found.append(one)
    note = " / ".join(f"{median([one[kind] for one in found]) / 1024:.1f} MiB" for kind in ("station", "idle"))
    return [Result(goal=MEMORY, ratios=ratios(found, "station", "idle"), note=note)]


async def settled_rss(program: Program) -> float:
    """Resident KiB once they no longer change."""
    last = -1
    for _ in range(SETTLE_MOST):
        await asyncio.sleep(SETTLE_S)
        now = program.rss_kib()
        if now == last:
            return float(now)
        last = now
    raise Silent(f"{program.name} is never at rest: its memory keeps changing")
