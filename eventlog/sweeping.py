"""What the vault keeps and nothing names any more.

Law: nothing goes that a row, a closing snapshot or the station still names, and a start looks only at the rows since it last looked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from engine.machine import Station
from eventlog.codec import encode
from eventlog.fold import Folded
from eventlog.store import Reading
from eventlog.vault import Vault
from wire.sealed import named_in

log = logging.getLogger("stationd.vault")


def referenced(rows: Iterable[tuple[int, bytes]]) -> set[str]:
    """The handles that *rows* name: (seq, bytes) pairs, of turns or of closing snapshots."""
    found: set[str] = set()
    for _, row in rows:
        found |= named_in(row)
    return found


def referenced_by(station: Station) -> set[str]:
    """The handles that the station names in any of its states."""
    return {handle for part in station.parts.values() for handle in named_in(encode(part))}


def sweep(vault: Vault, live_handles: Iterable[str]) -> int:
    """Destroy every text that is not among *live_handles*, but for those that an input on its way may name; returns how many.

    For whoever retires turns: *live_handles* are those of the rows that are left, of the closing snapshots and of the station.
    """
    going = vault.sweepable() - set(live_handles)
    vault.forget(going)
    return len(going)


def sweep_orphans(vault: Vault, store: Reading, folded: Folded, station: int = 0) -> int:
    """Destroy what was kept for turns that never became durable, because the power went in between; returns how many.  For the start.

    Only what was kept since the last time is looked at, and for it only the rows from the first turn that may name it.
    """
    new = vault.unswept()
    if not new:
        return 0
    orphans = new.keys() - referenced(store.rows(min(new.values()) - 1, station))
    if orphans:
        orphans -= referenced_by(folded.station)
        orphans -= referenced(store.closings(station))
    vault.forget(orphans)
    vault.swept(folded.seq)
    if orphans:
        log.info("%d texts that no turn names are gone from the vault", len(orphans))
    return len(orphans)
