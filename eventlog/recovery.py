"""What the hash chain proves of a damaged journal.

Law: the file is read page by page and never mapped, and nothing in it is believed but what the hash chain proves.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import blake2b
from itertools import count, islice, product
from pathlib import Path

from attrs import define, field, frozen

from engine.errors import JournalFault
from eventlog.damage import SEQ_BYTES, STATION_BYTES
from eventlog.fold import CHAIN_BYTES
from eventlog.pages import BIGDATA, FIRST_PAGE, HEADER_BYTES, LEAF, NODE_BYTES, PAGE_SIZES, PageFile, Torn
from eventlog.segments import closing_place
from eventlog.store import CLOSING, ROOT, is_whole

CHOICES_MOST = 4_096

_KEY = re.compile(rb"[\x0a\x0c]\x00\x00.\x00\x00\x00\x00", re.DOTALL)
"""Of a turn, or of a part of a closing snapshot: its length, and the first bytes of the station number and the seq."""

PART_KEY_BYTES = STATION_BYTES + SEQ_BYTES + 2

Progress = Callable[[int, int], None]


@frozen(kw_only=True)
class Recovered:
    """What the chain proves of one station: the rows after turn *base*, the closing snapshots at and after it."""

    station: int
    base: int
    chain: bytes
    rows: list[tuple[int, bytes]]
    closings: list[tuple[int, bytes]]

    @property
    def last(self) -> int:
        """The last turn."""
        return self.rows[-1][0] if self.rows else self.base


@define
class Candidates:
    """Everything in a file that looks like a turn or a part of a closing snapshot, of whatever age."""

    rows: dict[tuple[int, int], set[bytes]] = field(factory=dict)
    parts: dict[tuple[int, int], dict[int, set[bytes]]] = field(factory=dict)
    bases: dict[int, set[bytes]] = field(factory=dict)

    def add(self, key: bytes, value: bytes) -> None:
        """One entry of a leaf page."""
        station, seq = int.from_bytes(key[:STATION_BYTES], "big"), int.from_bytes(key[STATION_BYTES : STATION_BYTES + SEQ_BYTES], "big")
        if len(key) == STATION_BYTES + SEQ_BYTES and len(value) > CHAIN_BYTES:
            self.rows.setdefault((station, seq), set()).add(value)
        elif len(key) == PART_KEY_BYTES and value[:1] == CLOSING:
            self.parts.setdefault((station, seq), {}).setdefault(int.from_bytes(key[-2:], "big"), set()).add(value[1:])
        elif key.startswith(b"base/") and key[5:].isdigit() and len(value) == SEQ_BYTES + CHAIN_BYTES:
            self.bases.setdefault(int(key[5:]), set()).add(value)


def candidates(file: Path, progress: Progress | None = None) -> Candidates:
    """Read every page of *file*.  Raises OSError where the disk does not give them."""
    found = Candidates()
    with PageFile(file) as pages:
        pages.page_bytes = _page_bytes(pages)
        for number in range(FIRST_PAGE, pages.pages):
            if progress is not None and not number % 1024:
                progress(number, pages.pages)
            for key, value in _entries(pages, number):
                found.add(key, value)
    return found


def _page_bytes(pages: PageFile) -> int:
    """The size under which most pages carry their own number: the meta pages may be gone."""

    def fitting(size: int) -> int:
        pages.page_bytes = size
        return sum(int.from_bytes(pages.raw(number)[:8], "little") == number for number in range(FIRST_PAGE, min(pages.pages, 200)))

    return max(PAGE_SIZES, key=lambda size: (fitting(size), -size))


def _entries(pages: PageFile, number: int) -> Iterator[tuple[bytes, bytes]]:
    """What can be made out of a page that may be anything: every entry for itself, and never an error."""
    try:
        data = pages.raw(number)
    except Torn:
        return
    _, _, flags, lower, _ = struct.unpack_from("<QHHHH", data)
    places: set[int] = set()
    if flags & LEAF and HEADER_BYTES <= lower <= len(data):
        places.update(struct.unpack_from(f"<{(lower - HEADER_BYTES) // 2}H", data, HEADER_BYTES))
    # The head of a page is hit as easily as the rest of it: keys are known by their form, too.
    places.update(found.start() - NODE_BYTES + 2 for found in re.finditer(_KEY, data))
    for place in sorted(places):
        if not HEADER_BYTES <= place <= len(data) - NODE_BYTES:
            continue
        low, high, node_flags, key_bytes = struct.unpack_from("<HHHH", data, place)
        begin = place + NODE_BYTES
        end, length = begin + key_bytes, low | high << 16
        if node_flags & BIGDATA and end + 8 <= len(data):
            try:
                value = pages.overflow(data[end : end + 8] + length.to_bytes(4, "little"))
            except Torn:
                continue
            yield data[begin:end], value
        elif end + length <= len(data):
            yield data[begin:end], data[end : end + length]


def recover(found: Candidates) -> list[Recovered]:
    """For every station the run of turns that reaches farthest, proved by the hash chain; then the runs before it, which lead nowhere any more."""
    stations = sorted({station for station, _ in found.rows} | {station for station, _ in found.parts})
    runs = [_recover(found, station) for station in stations]
    return [of[0] for of in runs if of] + [run for of in runs for run in of[1:]]


def _recover(found: Candidates, station: int) -> list[Recovered]:
    closings = {seq: body for (of, seq), parts in found.parts.items() if of == station for body in _bodies(parts)}
    starts: list[tuple[int, bytes]] = [(-1, ROOT)]
    for seq, body in sorted(closings.items()):
        starts.append((seq, closing_place(body)))
    # Turns that were retired stay retired: a station of long ago is no station to go on with.
    known = max([int.from_bytes(note[:SEQ_BYTES], "big") for note in found.bases.get(station, ())], default=-1)
    runs: list[Recovered] = []
    for base, chain in starts:
        if base < known:
            continue
        rows = _run(found, station, base, chain)
        links = {seq: row[:CHAIN_BYTES] for seq, row in rows} | {base: chain}
        kept = [(seq, body) for seq, body in sorted(closings.items()) if links.get(seq) == closing_place(body)]
        if rows or base >= 0:
            runs.append(Recovered(station=station, base=base, chain=chain, rows=rows, closings=kept))
    runs.sort(key=lambda run: (-run.last, run.base))
    told: list[Recovered] = []
    for run in runs:
        # A run may be a closing snapshot alone, with no turn after it.
        if not told or (run.rows and run.last <= told[-1].base):
            told.append(run)
    return told


def _bodies(parts: dict[int, set[bytes]]) -> Iterator[bytes]:
    """The closing snapshot that its parts make, where they make one."""
    whole = next(number for number in count() if number not in parts)
    # A page that was copied on writing may be there twice, and one of the two damaged: in a part, or in its number, so that there is one too many.
    for parts_kept in range(whole, 0, -1):
        for chosen in islice(product(*[sorted(parts[place]) for place in range(parts_kept)]), CHOICES_MOST):
            body = b"".join(chosen)
            if is_whole(body):
                with suppress(JournalFault):
                    # Of a newer build, say: its turns are proved all the same, but nothing here can be folded onto it.
                    closing_place(body)
                    yield body
                return


def _run(found: Candidates, station: int, seq: int, chain: bytes) -> list[tuple[int, bytes]]:
    rows: list[tuple[int, bytes]] = []
    while True:
        seq += 1
        row = next(
            (
                row
                for row in found.rows.get((station, seq), ())
                if blake2b(row[CHAIN_BYTES:], key=chain, digest_size=CHAIN_BYTES).digest() == row[:CHAIN_BYTES]
            ),
            None,
        )
        if row is None:
            return rows
        rows.append((seq, row))
        chain = row[:CHAIN_BYTES]
