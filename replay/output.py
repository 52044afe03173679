"""Where a command's lines go: standard output, a file, and progress on standard error.

Law: a reader that goes away early is no error, and progress never mixes with what is said.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from eventlog.store import Reading

Wait = Callable[[float], bool]
"""Wait some seconds; True where nobody reads any more, so that waiting on has no sense."""

CLEAR_LINE = "\r\x1b[K"
PROGRESS_TURNS = 4_096


def reader_gone(seconds: float) -> bool:
    """Wait until the reader of standard output goes away, *seconds* at most; True where it did."""
    watched = select.poll()
    try:
        watched.register(sys.stdout.fileno(), 0)
    except (OSError, ValueError):
        return True
    return any(events & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, events in watched.poll(seconds * 1_000))


class Output:
    """Lines to *stream*; progress to *errors* where that is a terminal.  *status* is what the command's process will exit with."""

    def __init__(self, stream: TextIO | None = None, errors: TextIO | None = None) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.errors = sys.stderr if errors is None else errors
        self.status = 0
        self._shows = self.errors.isatty()
        self._dirty = False
        reconfigure = getattr(self.stream, "reconfigure", None)
        if reconfigure is not None:
            # A terminal that cannot show a character is no reason to fail at 2 am.
            reconfigure(errors="backslashreplace")

    def say(self, lines: Iterable[str]) -> None:
        """Write lines."""
        for line in lines:
            self.done()
            self.stream.write(f"{line}\n")

    def flush(self) -> None:
        """Let the reader have what was written."""
        self.stream.flush()

    def progress(self, done: int, total: int) -> None:
        """Show how far the work is; erased before the next line is said."""
        if self._shows and total:
            self.errors.write(f"{CLEAR_LINE}{done} of {total} turns, {done * 100 // total} %")
            self.errors.flush()
            self._dirty = True

    def done(self) -> None:
        """Erase the progress."""
        if self._dirty:
            self.errors.write(CLEAR_LINE)
            self.errors.flush()
            self._dirty = False

    def abandon(self) -> None:
        """The reader is gone: whatever is still buffered must not raise again when the process ends."""
        nothing = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nothing, self.stream.fileno())
        finally:
            os.close(nothing)


class Watched:
    """A store that tells how far it was read: the contract of ``Reading``, for reading."""

    def __init__(self, store: Reading, out: Output) -> None:
        self.store = store
        self._out = out

    def rows(self, after: int = -1, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """See ``Reading``."""
        total = self.store.last(station)[0] + 1
        for seq, row in self.store.rows(after, station):
            yield seq, row
            if not (seq + 1) % PROGRESS_TURNS:
                self._out.progress(seq + 1, max(total, seq + 1))

    def last(self, station: int = 0) -> tuple[int, bytes]:
        """See ``Reading``."""
        return self.store.last(station)

    def base(self, station: int = 0) -> tuple[int, bytes]:
        """See ``Reading``."""
        return self.store.base(station)

    def closings(self, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """See ``Reading``."""
        return self.store.closings(station)

    def look_at_all(self) -> None:
        """See ``Store``."""
        self.store.look_at_all()

    def snapshots(self, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """See ``Reading``."""
        return self.store.snapshots(station)
