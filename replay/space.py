"""How full a journal is, and which turns it holds.

Law: what is told is in the file now; nothing is folded but the clock.
"""

from __future__ import annotations

from collections.abc import Iterator

from eventlog.journal import Journal
from eventlog.segments import closed_at, segments
from replay.reading import turn_of, wall_before
from replay.text import table


def lines(journal: Journal, station: int = 0) -> Iterator[str]:
    """The file, the base and the segments, for people."""
    size, live, growth = journal.bytes_used(), journal.bytes_live(), journal.bytes_growth()
    base = journal.base(station)[0]
    yield f"{_mib(size)} in the file, {_mib(live)} of it in use; its disk has room for {_mib(growth)} more"
    yield f"turns up to {base} were retired" if base >= 0 else "no turn was ever retired"
    rows = []
    for segment in segments(journal, station):
        at_us = closed_at(journal, segment.last, station) if segment.closed else turn_of(*next(journal.rows(segment.last - 1, station))).at
        wall = wall_before(journal, segment.last + 1, station).text(at_us)
        turns = segment.last - segment.first + 1
        rows.append((str(segment.first), str(segment.last), str(turns), wall.strip(), "closed" if segment.closed else "open"))
    yield from table(("FIRST", "LAST", "TURNS", "UNTIL", "SEGMENT"), rows)


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / (1 << 20):.1f} MiB"
