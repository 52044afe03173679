"""``stationd log salvage`` and ``stationd log set-aside``: what to do with a journal that is damaged.

Law: both need the journal for themselves, and keep what they replace.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from replay.cli import over_data


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register both under ``log``."""
    it = over_data(
        commands, "salvage", "bring back every turn before the damage of a journal; the damaged one is kept",
        "example:\n  stationd log salvage --data ./cp001",
    )  # fmt: skip
    it.add_argument("--to", metavar="DIR", type=Path, help="write the journal there, and leave the damaged one where it is")
    it.set_defaults(func=salvage)
    it = over_data(
        commands, "set-aside", "keep a damaged journal under another name; the station starts afresh",
        "example:\n  stationd log set-aside --data ./cp001",
    )  # fmt: skip
    it.set_defaults(func=set_aside)


def salvage(args: argparse.Namespace) -> int:
    """Bring back what stands before the damage, and say what that is."""
    import os

    from eventlog.salvage import before, salvage
    from replay.output import Output
    from replay.paths import default_data

    out = Output()
    path = _there(args.data or default_data()) / "journal"
    try:
        recovered, kept = salvage(path, os.urandom, to=args.to, progress=out.progress)
    finally:
        out.done()
    told: set[int] = set()
    for one in recovered:
        whose = f"station {one.station}: " if one.station else ""
        turns = f"turns {one.base + 1} to {one.last} were brought back"
        if one.station in told:
            out.say([f"{whose}{turns} for reading only, because the ones after them are lost: --data {before(path, one).parent}"])
        else:
            out.say([f"{whose}{turns}; what came after turn {one.last} is lost"])
        told.add(one.station)
    if not recovered:
        out.say(["an interrupted salvage was finished"])
    elif args.to is None:
        out.say([f"the damaged journal is kept as {kept}"])
    out.flush()
    return 0


def set_aside(args: argparse.Namespace) -> int:
    """Move the journal out of the way, and say where to."""
    from eventlog.salvage import set_aside
    from replay.output import Output
    from replay.paths import default_data

    out = Output()
    kept = set_aside(_there(args.data or default_data()) / "journal")
    out.say([f"the journal is kept as {kept}; the station begins a new one when it starts"])
    out.flush()
    return 0


def _there(data: Path) -> Path:
    from engine.errors import SetupFault
    from eventlog.store import STATUS_UNREADABLE

    if not (data / "journal").is_dir() and not (data / "journal.salvaging").is_dir():
        raise SetupFault(f"{data}: no journal here; give the data directory of a station that has run (--data DIR)", STATUS_UNREADABLE)
    return data
