"""Sweeps the vault after turns were retired: texts that only they named go with them.

Law: nothing goes that a row, a closing snapshot or the station still names; and nobody waits for it, because it reads a little at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from itertools import islice

import lmdb

from engine.errors import StationdError
from eventlog.fold import Folded
from eventlog.journal import Journal
from eventlog.sweeping import referenced, referenced_by, sweep
from eventlog.vault import Vault

log = logging.getLogger("stationd.vault")

STEP_ROWS = 2_000
"""So many rows are read between two other things that the loop does: a few milliseconds."""


class Sweeper:
    """Of one station's vault and journal; *durable* gives the station after the last durable turn."""

    def __init__(self, vault: Vault, journal: Journal, durable: Callable[[], Folded], station: int = 0) -> None:
        self._vault = vault
        self._journal = journal
        self._durable = durable
        self._station = station
        self._rows: Iterator[tuple[int, bytes]] | None = None
        self._live: set[str] = set()

    def begin(self) -> None:
        """Turns were retired: look at those that are left.  One that is under way is begun again, because its place may be gone."""
        if not self._vault.path.exists():
            # A station without secrets and persons loads no cipher for them.
            return
        under_way = self._rows is not None
        self._rows, self._live = self._journal.rows(station=self._station), set()
        if not under_way:
            asyncio.get_running_loop().call_soon(self._step)

    def stop(self) -> None:
        """What was begun is not finished; the next retirement begins again."""
        self._rows = None

    def _step(self) -> None:
        if self._rows is None:
            return
        try:
            some = list(islice(self._rows, STEP_ROWS))
            self._live |= referenced(some)
            if len(some) == STEP_ROWS:
                asyncio.get_running_loop().call_soon(self._step)
                return
            self._rows = None
            # The end of the rows: what is on its way to them the vault itself spares.
            live = self._live | referenced(self._journal.closings(self._station)) | referenced_by(self._durable().station)
            gone = sweep(self._vault, live)
        except (OSError, StationdError, lmdb.Error) as error:
            self._rows = None
            log.warning("the vault was not swept, and will be after the next retirement: %s", error)
            return
        if gone:
            log.info("%d texts that only retired turns named are gone from the vault", gone)
