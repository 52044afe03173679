"""A fossil: a small journal that a release recorded, in one file, with what that release made of it.

Law: all that a later build needs stands in the file, and nothing of how this build keeps journals: rows without their chain links, closing snapshots,
where the rows begin, and the digest of every state after the last of them.
"""

from __future__ import annotations

import zlib
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgpack
from attrs import frozen

from engine.machine import Station
from eventlog.codec import encode
from eventlog.fold import CHAIN_BYTES
from eventlog.memory import MemoryJournal

HOME = Path(__file__).parent
SUFFIX = ".fossil"
LEVEL = 9


@frozen(kw_only=True)
class Fossil:
    """*build* recorded it, in *version* of OCPP; *base* is (seq, chain link) before its first row; *rows* in order; *closings* are (seq, body)."""

    build: str
    version: str
    story: str
    base: tuple[int, bytes]
    rows: tuple[bytes, ...]
    closings: tuple[tuple[int, bytes], ...]
    last: bytes
    """The chain link of the last row."""
    states: dict[str, str]
    """Part -> digest of its state after the last row."""

    def journal(self) -> MemoryJournal:
        """The journal that it is."""
        journal = MemoryJournal()
        journal._bases[0] = self.base
        journal.append([(self.base[0] + 1 + place, row) for place, row in enumerate(self.rows)])
        journal._closings[0] = dict(self.closings)
        return journal

    def cut(self, seq: int) -> MemoryJournal:
        """The same with all turns retired up to *seq*, after which it has a closing snapshot."""
        journal = self.journal()
        assert journal.retire(seq)
        return journal


def of(journal: MemoryJournal, station: Station, *, build: str, version: str, story: str) -> Fossil:
    """What *journal* is to be remembered by; *station* is the one after its last row."""
    return Fossil(
        build=build,
        version=version,
        story=story,
        base=journal.base(),
        rows=tuple([row[CHAIN_BYTES:] for _, row in journal.rows()]),
        closings=tuple(journal.closings()),
        last=journal.last()[1],
        states=digests(station),
    )


def digests(station: Station) -> dict[str, str]:
    """Part -> digest of its state."""
    return {name: blake2b(encode(part), digest_size=8).hexdigest() for name, part in sorted(station.parts.items())}


def written(fossil: Fossil) -> bytes:
    """The file of a fossil."""
    said: dict[str, Any] = {
        "build": fossil.build, "version": fossil.version, "story": fossil.story, "base": fossil.base, "rows": fossil.rows,
        "closings": fossil.closings, "last": fossil.last, "states": fossil.states,
    }  # fmt: skip
    return zlib.compress(msgpack.packb(said), LEVEL)


def read(data: bytes) -> Fossil:
    """The fossil in a file."""
    return Fossil(**msgpack.unpackb(zlib.decompress(data), use_list=False))


def found() -> dict[str, Fossil]:
    """Every fossil of every release, by ``release/name``."""
    return {f"{path.parent.name}/{path.stem}": read(path.read_bytes()) for path in sorted(HOME.glob(f"*/*{SUFFIX}"))}
