"""The same contract in a list: for the simulator and for tests.

Law: what the LMDB journal promises, this one promises too; one set of tests holds both to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.errors import JournalFault
from eventlog.journal import ROOT, link


class MemoryJournal:
    """Rows in memory; what ``append`` returned from survives everything but the process."""

    def __init__(self) -> None:
        self._rows: dict[int, list[bytes]] = {}
        self._snapshots: dict[int, list[tuple[int, bytes]]] = {}
        self._meta: dict[str, bytes] = {}

    def append(self, rows: Sequence[tuple[int, bytes]], station: int = 0) -> None:
        """Write the (seq, row) pairs: all of them, or none."""
        kept = self._rows.setdefault(station, [])
        chain = kept[-1][: len(ROOT)] if kept else ROOT
        group: list[bytes] = []
        for seq, row in rows:
            expected = len(kept) + len(group)
            if seq < expected:
                raise JournalFault(f"turn {seq} is already written: nothing of this group was written")
            if seq > expected:
                raise JournalFault(f"turn {seq} does not follow turn {expected - 1}: nothing of this group was written")
            chain = link(chain, row)
            group.append(chain + row)
        kept.extend(group)

    def rows(self, after: int = -1, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, chain link + row) after seq *after*, in order."""
        kept = self._rows.get(station, [])
        for seq in range(after + 1, len(kept)):
            yield seq, kept[seq]

    def last(self, station: int = 0) -> tuple[int, bytes]:
        """Last seq and its chain link; (-1, root) of an empty journal."""
        kept = self._rows.get(station)
        return (len(kept) - 1, kept[-1][: len(ROOT)]) if kept else (-1, ROOT)

    def put_snapshot(self, seq: int, body: bytes, station: int = 0) -> None:
        """Keep *body* as the snapshot after *seq*; the two newest are kept."""
        kept = [row for row in self._snapshots.get(station, []) if row[0] != seq]
        self._snapshots[station] = sorted([*kept, (seq, body)])[-2:]

    def snapshots(self, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, body), newest first."""
        yield from reversed(self._snapshots.get(station, []))

    def meta(self, name: str) -> bytes | None:
        """A note that the journal keeps beside its rows."""
        return self._meta.get(name)

    def put_meta(self, name: str, value: bytes) -> None:
        """Keep a note."""
        self._meta[name] = value
