"""From rows to a station, as fast as the rows can be unpacked.

Law: the same station as ``Kernel.restore`` turn by turn, at any prefix.  Nobody else holds the states meanwhile, so they are changed in place.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Any

import msgpack

from engine.errors import JournalFault
from engine.kernel import ENGINE, EngineState, Kernel, Settled
from engine.machine import Station
from engine.records import BY_CLASS, BY_KIND, UnknownRecord, build
from eventlog.codec import _unpack, followed_codes

CHAIN_BYTES = 16
"""Every stored row opens with the link of the hash chain, of this many bytes."""


class Folded:
    """A station and where in the journal it stands."""

    __slots__ = ("at", "chain", "seq", "station", "turns")

    def __init__(self, station: Station, *, seq: int = -1, at: int = 0, chain: bytes = bytes(CHAIN_BYTES)) -> None:
        self.station = station
        self.seq = seq
        self.at = at
        self.chain = chain
        self.turns = 0


def fold(kernel: Kernel, start: Folded, rows: Iterable[tuple[int, bytes]]) -> Folded:
    """Fold stored *rows* (seq, chain link + row) onto *start*, which is used up.  Raises JournalFault where this build cannot."""
    parts: dict[str, Any] = {name: part.copy() for name, part in start.station.parts.items()}
    engine: EngineState = parts[ENGINE.name]
    outbox = engine.outbox
    settled_kind = BY_CLASS[Settled].kind
    settled_codes = frozenset(settled_kind | version << 16 for version in range(BY_CLASS[Settled].version))
    followed = followed_codes()
    # One flat table by row code: class, its folds bound to their states, places of opaque bytes.  Old versions take the general way.
    plain: dict[int, tuple[Any, Any, tuple[int, ...]]] = {}
    slow: dict[int, tuple[tuple[Any, Any], ...]] = {}
    # A reading is replaced by the next one of the same source: only the last of each has to be made.
    latest: list[dict[Any, Any]] = []
    for entry in BY_KIND.values():
        targets = tuple([(evolve, parts[name]) for name, evolve in kernel.folds.get(entry.cls, ())])  # type: ignore[arg-type]
        slow[entry.kind] = targets
        if getattr(entry.cls, "TELEMETRY", False):
            latest.append({})
            plain[entry.code] = (None, latest[-1], ())
        else:
            plain[entry.code] = (entry.cls, targets, tuple([place + 1 for place in entry.blobs]))
    unpackb, find, head = msgpack.unpackb, plain.get, CHAIN_BYTES
    seq, at, chain = start.seq, start.at, start.chain
    fact: Any = None
    row: bytes = b""
    fields: Any = ()
    collecting = gc.isenabled()
    gc.disable()  # nothing that folding makes refers to itself: the collector would only look at it again and again
    try:
        for seq, row in rows:
            fields = unpackb(row[head:], ext_hook=_unpack, use_list=False, strict_map_key=False)
            for fact in fields[3]:
                code = fact[0]
                found = find(code)
                if found is not None:
                    cls, targets, places = found
                    if cls is None:
                        targets[fact[1]] = fact
                    elif targets:
                        if places:
                            fact = list(fact)  # noqa: PLW2901 (the same one, with its texts in place)
                            for place in places:
                                fact[place] = fields[5 + fact[place]]
                        made = cls(*fact[1:])
                        for evolve, part in targets:
                            evolve(part, made)
                else:
                    made = build(fact, fields[5:])
                    for evolve, part in slow[code & 0xFFFF]:
                        evolve(part, made)
            if fields[2][0] in settled_codes:
                settled = build(fields[2])
                outbox.pop((settled.seq, settled.index), None)
            if fields[4]:
                for index, effect in enumerate(fields[4]):
                    if effect[0] in followed:
                        outbox[seq, index] = build(effect, fields[5:])
        for fact in [fact for of_a_kind in latest for fact in of_a_kind.values()]:
            made = build(fact)
            for evolve, part in slow[fact[0] & 0xFFFF]:
                evolve(part, made)
        if row:
            at, chain = fields[0], row[:CHAIN_BYTES]
    except UnknownRecord as error:
        raise JournalFault(f"turn {seq}: {error}") from error
    except JournalFault:
        raise
    except Exception as error:
        name = BY_KIND[fact[0] & 0xFFFF].name if fact and (fact[0] & 0xFFFF) in BY_KIND else "the row"
        raise JournalFault(
            f"turn {seq}: this build cannot fold {name} ({type(error).__name__}: {error}); read this journal with the build that wrote it"
        ) from error
    finally:
        if collecting:
            gc.enable()
    done = Folded(Station(parts), seq=seq, at=at, chain=chain)
    done.turns = start.turns + seq - start.seq
    return done
