"""Bring back what can be brought back of a damaged journal.

Law: the damaged file is kept.  What comes back is a journal with a number of its own: turns that are lost may have given out identifiers, and no
identifier is given out twice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.errors import SetupFault
from eventlog.fold import CHAIN_BYTES
from eventlog.journal import Journal
from eventlog.opening import claim
from eventlog.recovery import Progress, Recovered, candidates, recover
from eventlog.store import STATUS_UNREADABLE


def aside(path: Path) -> Path:
    """A free name beside the journal *path* for a damaged one."""
    number = 1
    while (name := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return name


def set_aside(path: Path) -> Path:
    """Keep the journal *path* under another name, so that the station starts afresh; returns the name."""
    lock = claim(path)
    try:
        kept = aside(path)
        path.rename(kept)
    finally:
        lock.close()
    return kept


def salvage(path: Path, entropy: Callable[[int], bytes], *, to: Path | None = None, progress: Progress | None = None) -> tuple[list[Recovered], Path]:
    """Make a journal of what can be read of *path*: in *to*, or in its place, the damaged one being kept under another name.

    Returns what was recovered, and where the damaged journal lies now.  Raises SetupFault where nothing can be recovered, or *to* is there.
    """
    making = path.with_name(f"{path.name}.salvaging") if to is None else to
    if to is None and making.exists() and not path.exists():
        # The last salvage was interrupted between its two last steps.
        making.rename(path)
        return [], path
    lock = claim(path)
    try:
        found = recover(candidates(path / "data.mdb", progress)) if (path / "data.mdb").exists() else []
        firsts = {run.station: run for run in reversed(found)}
        recovered = [run for run in found if firsts[run.station] is run]
        if not recovered:
            raise SetupFault(
                f"{path / 'data.mdb'}: no turn can be made out in it; keep it for whoever wants to look, and start afresh: "
                f"stationd log set-aside --data {path.parent}",
                STATUS_UNREADABLE,
            )
        if to is not None and to.exists() and any(to.iterdir()):
            raise SetupFault(f"{to}: is there already; name a new directory with --to")
        if to is None and making.exists():
            _remove(making)
        for run in found:
            if firsts[run.station] is not run:
                _write(before(path, run), [run], entropy)
        _write(making, recovered, entropy)
        if to is not None:
            return found, path
        kept = aside(path)
        path.rename(kept)
        making.rename(path)
    finally:
        lock.close()
    return found, kept


def before(path: Path, run: Recovered) -> Path:
    """Where turns that lead nowhere any more are kept for reading: a journal in a data directory of its own."""
    return path.with_name(f"turns-{run.base + 1}-{run.last}") / "journal"


def _write(path: Path, recovered: list[Recovered], entropy: Callable[[int], bytes]) -> None:
    if path.exists():
        _remove(path)
    journal = Journal(path, entropy=entropy)
    try:
        for one in recovered:
            closings = dict(one.closings)
            if one.base >= 0:
                journal.begin_after(one.base, one.chain, closings.pop(one.base), one.station)
            for place in range(0, len(one.rows), 1000):
                journal.append([(seq, row[CHAIN_BYTES:]) for seq, row in one.rows[place : place + 1000]], one.station)
            for seq, body in closings.items():
                journal.put_closing(seq, body, one.station)
    finally:
        journal.close()
    (path / "daemon.lock").unlink()


def _remove(path: Path) -> None:
    for file in path.iterdir():
        file.unlink()
    path.rmdir()
