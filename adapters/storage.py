"""The journal's keeper: looks how full it is, closes segments, retires old ones between groups.

Law: what is retired is decided by the machine; only where nothing can be written any more, and so nothing decided, the keeper makes room by itself,
and what it deletes then is history behind a closing snapshot, never anything that the station still has to do.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import lmdb

from adapters.readers import Readers, Way
from engine.errors import JournalFault
from engine.event import Effect, EffectId
from engine.kernel import Settled
from engine.machine import Station
from engine.ports import DONE, FAILED, Tell
from eventlog import segments
from eventlog.fold import Folded
from eventlog.journal import Journal
from machines.storage.facts import CloseSegment, RetireThrough, StorageSeen

log = logging.getLogger("stationd.storage")

LOOK_EVERY_TURNS = 250

SHORT_SLICE_ROWS = 100
"""A slice where pages are short: a transaction takes new ones before it gives the old ones back."""

GROWTH_LEAST_BYTES = 1 << 20
"""A file that can grow by less than this has no room, whatever the error says."""

NO_ROOM = ("MDB_MAP_FULL", "No space left", "File too large", "quota")
"""What LMDB says when a file may not grow: the map is full, the disk is, the process's or the user's limit is reached."""


def no_room(error: BaseException) -> bool:
    """Whether *error* says that there was no room to write."""
    return isinstance(error, lmdb.MapFullError | lmdb.DiskError) or (
        isinstance(error, lmdb.Error | OSError) and any(words.casefold() in str(error).casefold() for words in NO_ROOM)
    )


class JournalKeeper:
    """The port of the storage machine, for the journal of one daemon."""

    performs: tuple[type[Effect], ...] = (CloseSegment, RetireThrough)

    def __init__(self, journal: Journal, station: int = 0) -> None:
        self._journal = journal
        self._station = station
        self._readers = Readers(journal)
        self._on_retired: Callable[[], None] | None = None
        self._durable: Callable[[], Folded] = lambda: Folded(Station({}))
        self._tell: Tell | None = None
        self._next_look = 0

    def attach(self, durable: Callable[[], Folded], on_retired: Callable[[], None] | None = None) -> None:
        """*durable* gives the station after the last durable turn.

        *on_retired* is called after turns were retired, for whoever keeps something beside the journal that only they referred to.
        """
        self._durable = durable
        self._on_retired = on_retired

    # The port

    def start(self, tell: Tell) -> None:
        """Tell how full it is."""
        self._tell = tell
        self._look(tell)

    def stop(self) -> None:
        """Tell nothing more; a retirement under way goes on after the next start."""
        self._tell = None

    def perform(self, effect_id: EffectId, effect: Effect) -> None:
        """Close a segment at once; retire one slice by slice, with whatever else there is to do in between."""
        match effect:
            case CloseSegment():
                try:
                    self._close()
                except (lmdb.Error, OSError, JournalFault) as error:
                    log.warning("no closing snapshot could be written: %s", error)
                    self._settled(effect_id, FAILED, str(error))
                else:
                    self._settled(effect_id, DONE)
            case RetireThrough():
                self._slice(effect_id, effect)
            case _:
                raise TypeError(f"{type(effect).__name__} is not for this port")

    def _close(self) -> None:
        folded = self._durable()
        if folded.seq > self._newest_closed():
            segments.close(self._journal, folded, self._station)

    def _newest_closed(self) -> int:
        return max([seq for seq, _ in self._journal.closings(self._station)], default=self._journal.base(self._station)[0])

    def _slice(self, effect_id: EffectId, effect: RetireThrough) -> None:
        if self._tell is None:
            # Stopped meanwhile, or not begun: the outbox asks again after the next start.
            return
        try:
            done = self._journal.retire(effect.through, self._station)
        except (lmdb.Error, OSError, JournalFault) as error:
            log.warning("turns up to %d could not be retired: %s", effect.through, error)
            self._settled(effect_id, FAILED, str(error))
            return
        if not done:
            asyncio.get_running_loop().call_soon(self._slice, effect_id, effect)
            return
        log.info("turns up to %d were retired", effect.through)
        self._settled(effect_id, DONE)
        if self._on_retired is not None:
            self._on_retired()

    def _settled(self, effect_id: EffectId, outcome: str, detail: str = "") -> None:
        if self._tell is None:
            return
        self._tell(Settled(station=effect_id.station, seq=effect_id.seq, index=effect_id.index, outcome=outcome, detail=detail))
        if outcome == DONE:
            # There may be more to do; after a failure the next look is soon enough.
            self._look(self._tell)

    # Looking

    def turned(self, seq: int) -> None:
        """Turns up to *seq* are durable."""
        if seq >= self._next_look and self._tell is not None:
            self._look(self._tell)
            self._journal.keep_reserve()

    def _look(self, tell: Tell) -> None:
        journal, station = self._journal, self._station
        self._readers.look()
        base, last = journal.base(station)[0], journal.last(station)[0]
        closed = [segment for segment in segments.segments(journal, station) if segment.closed]
        self._next_look = last + LOOK_EVERY_TURNS
        tell(
            StorageSeen(
                used_bytes=journal.bytes_live(),
                room_bytes=journal.bytes_room(),
                open_turns=last - (closed[-1].last if closed else base),
                oldest_last=closed[0].last if closed else -1,
                oldest_at_us=segments.closed_at(journal, closed[0].last, station) if closed else 0,
            )
        )

    # Where nothing can be written any more

    def make_room(self, error: BaseException) -> bool:
        """Make room after a group could not be written; returns whether trying again is worth while."""
        journal, station = self._journal, self._station
        # A write that is cut short by a limit is an input/output error to LMDB.
        if not (no_room(error) or (isinstance(error, lmdb.Error) and journal.bytes_growth() < GROWTH_LEAST_BYTES)):
            return False
        way = self._readers.make_way()
        if way is not Way.FREE:
            # The room that a reader keeps comes back when it is gone: no history is given up for it.
            return way is Way.MADE
        try:
            journal.release_reserve()
            closed = [segment.last for segment in segments.segments(journal, station) if segment.closed]
            if not closed:
                self._close()
                closed = [segment.last for segment in segments.segments(journal, station) if segment.closed]
            if not closed:
                return False
            while not journal.retire(closed[0], station, SHORT_SLICE_ROWS):
                pass
        except (lmdb.Error, OSError, JournalFault) as worse:
            log.critical("no room for the journal, and none could be made: %s", worse)
            return False
        log.warning("the journal had no room left: its turns up to %d were retired", closed[0])
        self._next_look = 0
        if self._on_retired is not None:
            self._on_retired()
        return True
