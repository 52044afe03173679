"""Segments: stretches of a journal between closing snapshots, the oldest of which may be retired.

Law: a closing snapshot is a record, not a cache.  Where turns were retired it is all that is left of them, so every later build reads it:
its states and values have versions and upcasts like any fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.errors import JournalFault
from engine.kernel import Kernel
from engine.machine import Station
from engine.records import UnknownRecord
from eventlog.codec import decode, encode
from eventlog.fold import CHAIN_BYTES, Folded
from eventlog.store import BUILD, DIGEST_BYTES, Reading, Store, digest, is_whole


class Segment(NamedTuple):
    """The turns from *first* to *last*; *closed* with a closing snapshot, or open."""

    first: int
    last: int
    closed: bool


def close(store: Store, folded: Folded, station: int = 0) -> None:
    """Close the segment that ends with the last durable turn: keep the station as it stands after it."""
    parts = sorted(folded.station.parts.items())
    body = encode([BUILD, folded.at, folded.chain, [[name, encode(part)] for name, part in parts]])
    store.put_closing(folded.seq, digest(body) + body, station)


def opened(body: bytes) -> tuple[str, int, bytes, tuple[tuple[str, bytes], ...]]:
    """A closing snapshot's build, station time, chain link and packed parts.  Raises JournalFault where the body was changed."""
    if not is_whole(body):
        raise JournalFault("its digest does not fit: it was changed after it was written")
    try:
        build, at, chain, parts = decode(body[DIGEST_BYTES:])
    except Exception as error:
        raise JournalFault(f"it is no closing snapshot that this build knows ({type(error).__name__}: {error})") from error
    return build, at, chain, parts


def closing_place(body: bytes) -> bytes:
    """The chain link of the turn that a closing snapshot stands at.  Raises JournalFault where the body was changed."""
    return opened(body)[2]


def begin(store: Reading, kernel: Kernel, station: int = 0) -> Folded:
    """What the rows that are there are folded onto: genesis, or the closing snapshot at the base.

    A machine that is new since then begins as at genesis; the state of one that is gone is left out.  Raises JournalFault where the closing
    snapshot is gone, or a newer build wrote it.
    """
    base, chain = store.base(station)
    genesis = kernel.genesis()
    if base < 0:
        return Folded(genesis)
    body = next((body for seq, body in store.closings(station) if seq == base), None)
    if body is None:
        raise JournalFault(f"the closing snapshot after turn {base} is gone, and the turns before it were retired: nothing can be folded from there")
    try:
        build, at, closed_chain, parts = opened(body)
    except JournalFault as error:
        raise JournalFault(f"the closing snapshot after turn {base} cannot be read: {error}") from error
    if closed_chain != chain:
        raise JournalFault(f"the closing snapshot after turn {base} is not of this journal: the hash chain does not run through it")
    states = dict(genesis.parts)
    for name, packed in parts:
        if name in states:
            states[name] = _state(name, packed, base, build)
    return Folded(Station(states), seq=base, at=at, chain=chain)


def _state(name: str, packed: bytes, base: int, build: str) -> object:
    try:
        return decode(packed)
    except UnknownRecord as error:
        raise JournalFault(f"the closing snapshot after turn {base}: {name}: {error}; stationd {build} wrote it, run that build or later") from error
    except Exception as error:
        raise JournalFault(
            f"the closing snapshot after turn {base}: this build cannot read the state of {name} ({type(error).__name__}: {error}); "
            f"stationd {build} wrote it, run that build"
        ) from error


def closed_at(store: Reading, last: int, station: int = 0) -> int:
    """The station time, in microseconds, of the turn that ends a closed segment."""
    for seq, row in store.rows(last - 1, station):
        if seq == last:
            at: int = decode(row[CHAIN_BYTES:])[0]
            return at
        break
    raise JournalFault(f"turn {last} ends no segment here")


def segments(store: Reading, station: int = 0) -> Iterator[Segment]:
    """The segments that have turns, in order; the last one is open."""
    first, newest = store.base(station)[0] + 1, store.last(station)[0]
    for seq, _ in store.closings(station):
        if seq >= first:
            yield Segment(first=first, last=seq, closed=True)
            first = seq + 1
    if first <= newest:
        yield Segment(first=first, last=newest, closed=False)
