"""The same contract in a list: for the simulator and for tests.

Law: what the LMDB journal promises, this one promises too; one set of tests holds both to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.errors import JournalFault
from eventlog.store import ROOT, SLICE_ROWS, link


class MemoryJournal:
    """Rows in memory; what ``append`` returned from survives everything but the process."""

    def __init__(self) -> None:
        self._rows: dict[int, list[bytes]] = {}
        self._bases: dict[int, tuple[int, bytes]] = {}
        self._closings: dict[int, dict[int, bytes]] = {}
        self._snapshots: dict[int, list[tuple[int, bytes]]] = {}
        self._meta: dict[str, bytes] = {}

    def append(self, rows: Sequence[tuple[int, bytes]], station: int = 0) -> None:
        """Write the (seq, row) pairs: all of them, or none."""
        kept = self._rows.setdefault(station, [])
        last, chain = self.last(station)
        group: list[bytes] = []
        for seq, row in rows:
            expected = last + 1 + len(group)
            if seq < expected:
                raise JournalFault(f"turn {seq} is already written: nothing of this group was written")
            if seq > expected:
                raise JournalFault(f"turn {seq} does not follow turn {expected - 1}: nothing of this group was written")
            chain = link(chain, row)
            group.append(chain + row)
        kept.extend(group)

    def rows(self, after: int = -1, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, chain link + row) after seq *after*, in order."""
        begun = False
        while True:
            base = self.base(station)[0]
            if after < base:
                if begun:
                    raise JournalFault(f"turn {after + 1}: the turns up to {base} were retired while they were read; begin again")
                after = base
            begun = True
            kept = self._rows.get(station, [])
            place = after - base
            if place >= len(kept):
                return
            after += 1
            yield after, kept[place]

    def last(self, station: int = 0) -> tuple[int, bytes]:
        """Last seq and its chain link; (-1, root) of an empty journal."""
        kept, base = self._rows.get(station), self.base(station)
        return (base[0] + len(kept), kept[-1][: len(ROOT)]) if kept else base

    def base(self, station: int = 0) -> tuple[int, bytes]:
        """The last turn that was retired and its chain link; (-1, root) where none was."""
        return self._bases.get(station, (-1, ROOT))

    def put_closing(self, seq: int, body: bytes, station: int = 0) -> None:
        """Keep *body* as the closing snapshot after turn *seq*, which is written."""
        if not self.base(station)[0] < seq <= self.last(station)[0]:
            raise JournalFault(f"turn {seq} is not in the journal: nothing can be closed with it")
        self._closings.setdefault(station, {})[seq] = body

    def closings(self, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, body), oldest first."""
        yield from sorted(self._closings.get(station, {}).items())

    def retire(self, through: int, station: int = 0, rows_most: int = SLICE_ROWS) -> bool:  # noqa: ARG002 (a list has no slices)
        """Delete what lies at or before turn *through*, which must have a closing snapshot."""
        base, closings = self.base(station)[0], self._closings.get(station, {})
        if through > base:
            if through not in closings:
                raise JournalFault(f"turn {through} has no closing snapshot: what lies before it cannot be retired")
            kept = self._rows[station]
            self._bases[station] = (through, kept[through - base - 1][: len(ROOT)])
            self._rows[station] = kept[through - base :]
            self._closings[station] = {seq: body for seq, body in closings.items() if seq >= through}
            self._snapshots[station] = [row for row in self._snapshots.get(station, []) if row[0] >= through]
        return True

    def put_snapshot(self, seq: int, body: bytes, station: int = 0) -> None:
        """Keep *body* as the snapshot after *seq*; the two newest are kept."""
        kept = [row for row in self._snapshots.get(station, []) if row[0] != seq]
        self._snapshots[station] = sorted([*kept, (seq, body)])[-2:]

    def snapshots(self, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, body), newest first."""
        yield from reversed(self._snapshots.get(station, []))

    def without_snapshots(self) -> MemoryJournal:
        """The same rows, in a journal of their own that has no cache of them."""
        other = MemoryJournal()
        other._rows = {station: list(rows) for station, rows in self._rows.items()}
        other._bases = dict(self._bases)
        other._closings = {station: dict(closings) for station, closings in self._closings.items()}
        return other

    def look_at_all(self) -> None:
        """What is in memory is not damaged."""

    def meta(self, name: str) -> bytes | None:
        """A note that the journal keeps beside its rows."""
        return self._meta.get(name)

    def put_meta(self, name: str, value: bytes) -> None:
        """Keep a note."""
        self._meta[name] = value
