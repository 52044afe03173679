"""Who else reads the journal, and for how long: readers that died are cleared away, one that is stuck is ended before it costs the station anything.

Law: a reader is worth less than the station.  While there is room it is only spoken of; where nothing can be written any more it is ended, and only
it: a process that has this very journal mapped.
"""

from __future__ import annotations

import logging
import os
import select
import signal
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from time import monotonic

from eventlog.journal import Journal, Reader

log = logging.getLogger("stationd.storage")

LONG_S = 5.0
"""Our own commands read a page in some milliseconds: of one that stands in the same transaction for this long somebody should know."""

STUCK_S = 0.9
"""Where there is no room, one that stands in the same transaction for this long is ended: before the daemon has tried twice, and gives up waiting."""

GONE_MS = 500
"""How long a process is waited for after it was told to end."""


class Way(Enum):
    """What came of asking readers to make way."""

    FREE = "no reader is to blame for the lack of room"
    SOON = "one that was seen in the same transaction before may be stuck, which will be known in a moment"
    MADE = "one that was stuck was ended"


class Readers:
    """The other readers of one journal.  *clock* is in seconds."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = monotonic) -> None:
        self._journal = journal
        self._clock = clock
        self._since: dict[tuple[int, int], float] = {}
        """When each one was first seen, by process and transaction."""
        self._spoken_of: set[tuple[int, int]] = set()

    def look(self) -> None:
        """Clear dead readers away, note who stands in which transaction, and log once who is stuck."""
        self._journal.reader_check()
        now = self._clock()
        there = {(one.pid, one.transaction): one for one in self._journal.readers()}
        self._since = {key: self._since.get(key, now) for key in there}
        self._spoken_of &= there.keys()
        for key, one in there.items():
            if one.behind and now - self._since[key] >= LONG_S and key not in self._spoken_of:
                self._spoken_of.add(key)
                log.warning(
                    "process %d has stood in one reading of the journal for %.0f s, %d transactions long: nothing that is freed meanwhile can be "
                    "used again, so the file grows; it will be ended when there is no room left (if it is stopped: kill -CONT %d)",
                    one.pid, now - self._since[key], one.behind, one.pid,
                )  # fmt: skip

    def _stuck(self, key: tuple[int, int]) -> bool:
        return self._clock() - self._since[key] >= STUCK_S

    def make_way(self) -> Way:
        """There is no room to write: end who is stuck."""
        known = set(self._since)
        self.look()
        there = [one for one in self._journal.readers() if one.behind and (one.pid, one.transaction) in self._since]
        stuck = [one for one in there if self._stuck((one.pid, one.transaction))]
        ended = [one for one in stuck if self._end(one)]
        if ended:
            self._journal.reader_check()
            return Way.MADE
        waiting = [one for one in there if one not in stuck and (one.pid, one.transaction) in known]
        return Way.SOON if waiting else Way.FREE

    def _end(self, reader: Reader) -> bool:
        """End the process: kindly first, which one that is stopped hears only when it goes on."""
        try:
            # A descriptor cannot come to mean another process, as a number can.
            process = os.pidfd_open(reader.pid)
        except OSError:
            return self._not_ended(reader, "it cannot be seen from here")
        try:
            if not self._reads(reader.pid):
                return self._not_ended(reader, "it cannot be seen from here that it reads this journal")
            for signs in ((signal.SIGTERM, signal.SIGCONT), (signal.SIGKILL,)):
                for sign in signs:
                    signal.pidfd_send_signal(process, sign)
                if _gone(process):
                    log.warning(
                        "the journal had no room left: process %d, which had been reading it for %d transactions, was ended (%s)",
                        reader.pid, reader.behind, signs[0].name,
                    )  # fmt: skip
                    return True
        except OSError as error:
            return self._not_ended(reader, str(error.strerror))
        finally:
            os.close(process)
        return self._not_ended(reader, "it does not end")

    def _not_ended(self, reader: Reader, why: str) -> bool:
        log.critical(
            "the journal has no room left, and process %d keeps its free pages from being used again; it could not be ended (%s): end it by hand",
            reader.pid, why,
        )  # fmt: skip
        return False

    def _reads(self, pid: int) -> bool:
        """Whether the process has the journal's file mapped: the number in the lock file may be one of another container's."""
        inode = str(self._journal.file.stat().st_ino)
        try:
            maps = Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            return False
        return any(fields[4:5] == [inode] and fields[-1].endswith(self._journal.file.name) for fields in map(str.split, maps.splitlines()))


def _gone(process: int) -> bool:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(GONE_MS))
