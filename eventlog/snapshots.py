"""A station at a seq, so that a restart need not read the whole journal.

Law: a snapshot is a cache.  It counts only for the very code that wrote it, and only where the chain of the journal runs through it; anything
else is ignored and the journal folded from further back.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from engine.kernel import Kernel
from engine.machine import Station
from eventlog.codec import decode, encode
from eventlog.fold import Folded, fold
from eventlog.segments import begin
from eventlog.store import DIGEST_BYTES, Reading, Store, digest, is_whole

EVERY_TURNS = 5_000
"""A snapshot is worth writing after this many turns: some 30 ms of fold."""


@cache
def fold_version(packages: tuple[str, ...] = ("engine", "machines", "wire")) -> bytes:
    """A digest of the sources that states and folds are made of: any change to them makes older snapshots strangers."""
    root = Path(__file__).resolve().parent.parent
    digest = blake2b(digest_size=16)
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(str(path.relative_to(root)).encode())
            digest.update(path.read_bytes())
    return digest.digest()


def write(store: Store, folded: Folded, version: bytes, station: int = 0) -> None:
    """Keep the station as it stands."""
    parts = sorted(folded.station.parts.items())
    body = encode([version, folded.at, folded.chain, parts])
    store.put_snapshot(folded.seq, digest(body) + body, station)


def restore(store: Reading, kernel: Kernel, version: Callable[[], bytes], station: int = 0) -> Folded:
    """The station after the last durable turn: from the newest snapshot that counts, and the rows after it.

    *version* is asked only where there is a snapshot to judge.
    """
    start, newest = None, -1
    for seq, body in store.snapshots(station):
        newest = max(newest, seq)
        found = _read(seq, body, version(), kernel)
        if found is not None and _runs_through(store, found, station):
            start = found
            break
    if start is None or start.seq < newest:
        # Opening the journal has looked at what lies behind the newest snapshot, and no further back.
        store.look_at_all()
    if start is None:
        start = begin(store, kernel, station)
    return fold(kernel, start, store.rows(start.seq, station))


def _read(seq: int, body: bytes, version: bytes, kernel: Kernel) -> Folded | None:
    try:
        if not is_whole(body):
            return None
        written_by, at, chain, parts = decode(body[DIGEST_BYTES:])
    except Exception:  # noqa: BLE001 (a cache that cannot be read is no cache)
        return None
    if written_by != version:
        return None
    states: dict[str, Any] = dict(parts)
    if states.keys() != kernel.genesis().parts.keys():
        return None
    return Folded(Station(states), seq=seq, at=at, chain=chain)


def _runs_through(store: Reading, found: Folded, station: int) -> bool:
    if store.base(station) == (found.seq, found.chain):
        return True
    for seq, row in store.rows(found.seq - 1, station):
        return seq == found.seq and row.startswith(found.chain)
    return False
