"""What a journal is to those who read and write it, whatever it lies in; and the words that all of them share.

Law: one contract, which the journal in LMDB and the one in memory both keep; one set of tests holds them to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Protocol

from eventlog.fold import CHAIN_BYTES

BUILD = "0.1.0"

STATUS_IN_USE, STATUS_NEWER, STATUS_UNWRITABLE, STATUS_UNREADABLE = 3, 4, 5, 6
"""Exit statuses: another daemon has the directory, a newer build wrote it, it cannot be written, it cannot be read."""

SLICE_ROWS = 1_000
"""So many rows are deleted in one transaction: a few milliseconds."""

DIGEST_BYTES = 16

SNAPSHOT, CLOSING = b"s", b"c"
"""Each part begins with what it is a part of, so that it can be told apart where tables are lost."""

ROOT = bytes(CHAIN_BYTES)


def link(previous: bytes, row: bytes) -> bytes:
    """The chain link of *row* after *previous*."""
    return blake2b(row, key=previous, digest_size=CHAIN_BYTES).digest()


def digest(body: bytes) -> bytes:
    """What the body of a snapshot opens with, so that a changed one is known."""
    return blake2b(body, digest_size=DIGEST_BYTES).digest()


def is_whole(body: bytes) -> bool:
    """Whether the body of a snapshot is as it was written."""
    return digest(body[DIGEST_BYTES:]) == body[:DIGEST_BYTES]


class Reading(Protocol):
    """What whoever reads a journal may ask of it."""

    def rows(self, after: int = -1, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, chain link + row) after seq *after*, in order."""

    def last(self, station: int = 0) -> tuple[int, bytes]:
        """Last durable seq and its chain link; (-1, root) of an empty journal."""

    def base(self, station: int = 0) -> tuple[int, bytes]:
        """The last turn that was retired and its chain link; (-1, root) where none was.  The first row that there is follows it."""

    def closings(self, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, body), oldest first; where turns were retired the first one stands at the base."""

    def snapshots(self, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, body), newest first."""

    def look_at_all(self) -> None:
        """Raise SetupFault where any row is damaged: opening looks at those behind the newest snapshot only."""


class Store(Reading, Protocol):
    """What the LMDB journal and the one in memory have in common: the contract that tests hold both to."""

    def append(self, rows: Sequence[tuple[int, bytes]], station: int = 0) -> None:
        """Write the (seq, row) pairs in one transaction: all of them, or none.  Durable on return."""

    def put_closing(self, seq: int, body: bytes, station: int = 0) -> None:
        """Keep *body* as the closing snapshot after turn *seq*, which is written: a record, kept until the turns behind it are retired too."""

    def retire(self, through: int, station: int = 0, rows_most: int = SLICE_ROWS) -> bool:
        """Delete what lies at or before turn *through*, which must have a closing snapshot: base moves at once, at most *rows_most* rows go.

        Returns whether all are gone; else ask again.
        """

    def put_snapshot(self, seq: int, body: bytes, station: int = 0) -> None:
        """Keep *body* as the snapshot after *seq*; the two newest are kept."""


def broken_link(rows: Iterable[tuple[int, bytes]], chain: bytes = ROOT, after: int = -1) -> tuple[int, str] | None:
    """The first row where the chain or the numbering breaks, and how; None for a whole journal."""
    expected = after
    for seq, row in rows:
        expected += 1
        if seq != expected:
            return seq, f"turn {expected} is missing: the next one is turn {seq}"
        if link(chain, row[CHAIN_BYTES:]) != row[:CHAIN_BYTES]:
            return seq, f"turn {seq} was changed after it was written, or a turn before it: its link of the hash chain does not fit"
        chain = row[:CHAIN_BYTES]
    return None
