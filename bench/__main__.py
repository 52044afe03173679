"""``python -m bench``: measure, print a table, write ``bench/results.json``.

Law: every figure is a ratio with a goal beside it; what could not be measured is said, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import compileall
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import day, live
from bench.csms import Csms, Silent
from bench.measure import Goal, NotMeasured, Result
from bench.progress import Progress

ROOMS = ("adapters", "component_config", "engine", "eventlog", "machines", "replay", "sim", "stationd", "wire")
RESULTS = Path(__file__).resolve().parent / "results.json"
ROUNDS = 20
BUSY = 0.5
"""A load average above this many processes, before anything was started, is worth a word."""

Figure = Callable[[Csms, Path, int, Progress], Awaitable[list[Result]]]


@dataclass(frozen=True)
class Group:
    """Figures that are measured together."""

    name: str
    measure: Figure
    goals: tuple[Goal, ...]


GROUPS = (
    Group("set", live.of_set, (live.SET_P50, live.SET_P99, live.SET_RAW)),
    Group("set-flushes", live.of_flushes, (live.SET_FLUSHES,)),
    Group("get", live.of_get, (live.GET_P50,)),
    Group("report", live.of_report, (live.REPORT,)),
    Group("day", day.of_day, (day.BYTES, day.FOLD, day.VERIFY, day.LIFE)),
    Group("restart", day.of_restart, (day.RESTART, day.RESTART_BASE)),
    Group("boot", live.of_boot, (live.BOOT,)),
    Group("memory", live.of_memory, (live.MEMORY,)),
)


def parser() -> argparse.ArgumentParser:
    """The options."""
    it = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the station beside its yardsticks, on this machine, now.",
        epilog="example: python -m bench --only set-p50 --only boot --rounds 40; figures: "
        + ", ".join(goal.name for group in GROUPS for goal in group.goals),
    )
    it.add_argument("--only", metavar="NAME", action="append", help="measure this figure, or group of figures; may be given again (default: all)")
    it.add_argument(
        "--rounds", metavar="N", type=int, default=ROUNDS, help=f"rounds of every figure; fewer than {ROUNDS} say little (default: {ROUNDS})"
    )
    return it


def chosen(only: Sequence[str] | None) -> list[tuple[Group, set[str]]]:
    """The groups to measure and, of each, the figures to tell.  Raises ValueError for a name that is none."""
    found: dict[str, set[str]] = {}
    for name in only if only is not None else [group.name for group in GROUPS]:
        fits = [(group, goal) for group in GROUPS for goal in group.goals if name in (group.name, goal.name)]
        if not fits:
            raise ValueError(f"{name} is no figure; there are " + ", ".join(goal.name for group in GROUPS for goal in group.goals))
        for group, goal in fits:
            found.setdefault(group.name, set()).add(goal.name)
    return [(group, found[group.name]) for group in GROUPS if group.name in found]


async def measure(groups: Sequence[tuple[Group, set[str]]], count: int, progress: Progress) -> list[Result]:
    """One group after the other, each with a CSMS and a directory of its own."""
    results: list[Result] = []
    for group, names in groups:
        try:
            with tempfile.TemporaryDirectory(prefix="stationd-bench-", ignore_cleanup_errors=True) as folder:
                async with Csms() as csms:
                    found = await group.measure(csms, Path(folder), count, progress)
        except (NotMeasured, Silent) as reason:
            found = [Result(goal=goal, missing=str(reason)) for goal in group.goals]
        progress.done()
        results += [one for one in found if one.goal.name in names]
    return results


def table(results: Sequence[Result]) -> str:
    """For people."""
    head = ("figure", "ratio", "goal", "", "middle half", "what")
    rows = [head]
    for one in results:
        sign = "<=" if one.goal.better == "lower" else ">="
        goal = f"{sign} {one.goal.goal:g}"
        if one.missing:
            rows.append((one.goal.name, "-", goal, "NOT MEASURED", "", one.missing.splitlines()[0]))
            continue
        low, high = one.spread
        verdict = "met" if one.met else "NOT MET"
        spread = f"{low:.2f} .. {high:.2f}{' noisy' if one.noisy else ''}" if len(one.ratios) > 1 else "exact"
        rows.append((one.goal.name, f"{one.ratio:.2f}", goal, verdict, spread, f"{one.goal.what}{f' ({one.note})' if one.note else ''}"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(head) - 1)]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)), row[-1]]).rstrip() for row in rows)


def surroundings(before: float) -> list[str]:
    """What a reader should know of this machine, then, before he believes the table."""
    lines = [
        f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, Linux {os.uname().release}, files in {tempfile.gettempdir()} ({filesystem()})"
    ]
    if before > BUSY:
        lines.append(
            f"the machine was busy before anything was started here (load {before:.2f}): p99 and everything that flushes may be the neighbours' work"
        )
    if filesystem() in ("tmpfs", "ramfs"):
        lines.append("the files lie in memory, where a flush costs nothing: the ratios of set say nothing; set TMPDIR to a directory on a disk")
    return lines


def filesystem() -> str:
    """The kind of file system that temporary files lie on."""
    place = Path(tempfile.gettempdir()).resolve()
    best, kind = "", "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, of, *_ = line.split()
        if place.is_relative_to(mount) and len(mount) >= len(best):
            best, kind = mount, of
    return kind


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; 0 when everything was, 1 when something could not be, 2 for a call that asks for nothing that there is."""
    args = parser().parse_args(argv)
    try:
        groups = chosen(args.only)
        if args.rounds < 1:
            raise ValueError(f"--rounds {args.rounds}: at least 1")
    except ValueError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    load = os.getloadavg()[0]
    for room in ROOMS:
        # As an installed station: compiled, also where the environment keeps Python from doing it by the way.
        compileall.compile_dir(RESULTS.parent.parent / room, quiet=1)
    results = asyncio.run(measure(groups, args.rounds, Progress()))
    print(table(results))
    for line in surroundings(load):
        print(line)
    measured = [one for one in results if not one.missing]
    RESULTS.write_text(
        json.dumps(
            [
                {"name": one.goal.name, "ratio": round(one.ratio, 4), "goal": one.goal.goal, "better": one.goal.better, "runs": len(one.ratios)}
                for one in measured
            ],
            indent=2,
        )
        + "\n"
    )
    for one in results:
        if one.missing:
            print(f"bench: {one.goal.name} was not measured: {one.missing}", file=sys.stderr)
    return 0 if len(measured) == len(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
