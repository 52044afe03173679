"""``stationd campaign``: the long runs, with their result written down beside the commit that they ran on.

Law: a campaign records what it saw, passed or not, and one command repeats whatever failed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from component_config.schemas import installed_schemas
from sim.lives import run_lives
from sim.requests import run_requests
from stationd.damage import run_damage
from stationd.directories import run_directories
from stationd.kills import run_kills
from stationd.powerloss import run_power_losses
from stationd.soak import run_soak
from stationd.year import run_year

EXAMPLE = """examples:
  stationd campaign                              all of them at full size, recorded in docs/campaigns.jsonl
  stationd campaign lives --count 500 --seed 7   only lives, from seed 7 on
  stationd campaign kills --count 20 --no-record only kills, written down nowhere
  stationd campaign damage --count 20            damaged journals, and what the daemon makes of them
  stationd campaign power --seed 3               power losses, and what a disk may keep of journal and vault
  stationd campaign year --count 30              a month of a busy station with a bounded journal, and how fast it starts
  stationd campaign soak                         1,000,000 turns of the daemon: memory, file, bytes written
  stationd campaign requests --seed 9            GetVariables and SetVariables, valid and not, against an independent examiner
  stationd campaign files --count 300            directories of component files, whole and broken, against another
"""

SIZES = {"lives": 10_000, "kills": 200, "damage": 500, "power": 300, "year": 365, "soak": 1_000_000, "requests": 100_000, "files": 10_000}
"""Lives, kills, damaged files, power losses, days, turns, requests, directories of component files."""
BAR = 40


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of the campaigns."""
    it = commands.add_parser(
        "campaign",
        help="the long runs: simulated lives, kills, damaged files, power losses, a year, a soak, requests, component files",
        description="Run the campaigns at full size and record the result with the commit.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("what", nargs="?", choices=("all", *SIZES), default="all", help="which campaign (default: all)")
    it.add_argument(
        "--count",
        metavar="N",
        type=int,
        help=f"how many (default: {', '.join(f'{size} for {name}' for name, size in SIZES.items())})",
    )
    it.add_argument("--seed", metavar="N", type=int, default=1, help="the first seed (default: 1)")
    it.add_argument(
        "--record", metavar="FILE", type=Path, default=Path("docs/campaigns.jsonl"), help="where the result is added (default: docs/campaigns.jsonl)"
    )
    it.add_argument("--no-record", action="store_true", help="write nothing down")
    it.set_defaults(func=main)


def main(args: argparse.Namespace) -> int:
    """Run them; returns 1 where anything was broken."""
    failed = False
    for what in SIZES if args.what == "all" else (args.what,):
        count = args.count or SIZES[what]
        begun = monotonic()
        lines, broken, seen = RUNS[what](args.seed, count)
        _clear()
        print(*lines, sep="\n")
        failed = failed or broken > 0
        if not args.no_record:
            _record(args.record, {"campaign": what, "seed": args.seed, **seen, "broken": broken, "seconds": round(monotonic() - begun)})
    return 1 if failed else 0


Came = tuple[list[str], int, dict[str, Any]]
"""Of a campaign: lines for people, how much was broken, figures to record."""


def _lives(seed: int, count: int) -> Came:
    lives = run_lives(seed, count, schemas=installed_schemas, processes=os.cpu_count() or 1, progress=_bar("lives"))
    seen = {"lives": lives.lives, "turns": lives.turns, "transactions": lives.transactions, "digest": lives.digest}
    return list(lives.lines()), len(lives.broken), seen


def _kills(seed: int, count: int) -> Came:
    kills = run_kills(count, seed, progress=_bar("kills"))
    seen = {"kills": kills.kills, "turns": kills.turns, "transactions": kills.transactions, "events": kills.events}
    return list(kills.lines()), len(kills.broken), seen


def _damage(seed: int, count: int) -> Came:
    damage = run_damage(count, seed, progress=_bar("damage"))
    seen = {"files": damage.files, "refused": damage.refused, "harmless": damage.unhurt, "recovered": damage.recovered}
    return list(damage.lines()), len(damage.broken), seen


def _power(seed: int, count: int) -> Came:
    power = run_power_losses(count, seed, progress=_bar("power"))
    seen = {"losses": power.losses, "writes": power.writes, "flushes": power.flushes, "turns": power.turns, "texts": power.texts}
    return list(power.lines()), len(power.broken), seen


def _year(seed: int, count: int) -> Came:
    year = run_year(count, seed, progress=_bar("year"))
    seen = {
        "days": year.days, "turns": year.turns, "transactions": year.charges, "most_bytes": year.most_bytes, "limit_bytes": year.limit_bytes,
        "retired": year.retired, "verified": year.verified, "start_ratios": year.ratios,
    }  # fmt: skip
    return list(year.lines()), len(year.broken), seen


def _soak(seed: int, count: int) -> Came:
    soak = run_soak(count, seed, progress=_bar("soak"))
    seen = {
        "turns": soak.turns, "transactions": soak.charges, "rise_bytes": soak.rise_bytes, "most_bytes": soak.most_bytes,
        "limit_bytes": soak.limit_bytes, "retired": soak.retired, "verified": soak.verified, "amplification": round(soak.amplification, 1),
    }  # fmt: skip
    return list(soak.lines()), len(soak.broken), seen


def _requests(seed: int, count: int) -> Came:
    found = run_requests(seed, count, schemas=installed_schemas, processes=os.cpu_count() or 1, progress=_bar("requests"))
    seen = {"requests": found.requests, "items": found.items, "accepted": found.accepted, "refused": found.refused}
    return list(found.lines()), len(found.wrong), seen


def _files(seed: int, count: int) -> Came:
    found = run_directories(count, seed, progress=_bar("files"))
    seen = {
        "directories": found.directories, "taken": found.taken, "declared": found.declared, "refused": found.refused, "complaints": found.complaints,
    }  # fmt: skip
    return list(found.lines()), len(found.broken), seen


RUNS: dict[str, Callable[[int, int], Came]] = {
    "lives": _lives, "kills": _kills, "damage": _damage, "power": _power, "year": _year, "soak": _soak, "requests": _requests,
    "files": _files,
}  # fmt: skip


def _bar(what: str) -> Any:
    shown = [-1]

    def progress(done: int, count: int, broken: int) -> None:
        part = done * BAR // count
        if sys.stderr.isatty():
            print(f"\r{what} [{'#' * part}{'.' * (BAR - part)}] {done}/{count}, {broken} broken", end="", file=sys.stderr, flush=True)
        elif part // 4 != shown[0]:
            shown[0] = part // 4
            print(f"{what}: {done} of {count}, {broken} broken", file=sys.stderr, flush=True)

    return progress


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)


def _record(path: Path, result: dict[str, Any]) -> None:
    entry = {"at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "commit": _commit(), "python": platform.python_version(), **result}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")
    print(f"recorded in {path}")


def _commit() -> str:
    """The commit that ran, with a ``+`` where files differ from it; empty outside a checkout."""
    try:
        head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        changed = subprocess.run(["git", "status", "--porcelain", "--", "*.py"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + ("+" if changed else "")
