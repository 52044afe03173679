"""The vault's file: a header, and one frame for every flush.

Law: a torn end is what a power cut leaves, and only the last flush can be torn; anything else that does not hold together is damage, and is told.
What this knows is bytes and places.  What is encrypted in them, and how, is :mod:`eventlog.vault`'s.
"""

from __future__ import annotations

import os
from binascii import crc32
from collections.abc import Iterable
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

import msgpack

from engine.errors import SetupFault
from eventlog.files import sync_directory

MAGIC = b"stationd vault 2\n"
HEAD = Struct(">4sII")
MARK = b"\x00vf\n"
"""A frame: this mark, the length of its body, a checksum of its body, its body."""

ENTRIES, SWEPT = 1, 2
"""What a frame holds: texts that were kept, or the turn up to which orphans were looked for."""

GARBAGE = "damaged at byte {}; put a good copy of it back, or move it and its key away and provision the station again"


class Entry(NamedTuple):
    """A text as it lies in the file: its handle, the first turn that may name it, its own key under the vault's, itself under its own key."""

    handle: str
    seq: int
    key: bytes
    text: bytes


class Header(NamedTuple):
    """How the key is found (*source* and what it remembers, nothing secret), and the keyring's key under it."""

    source: str
    remembered: dict[str, Any]
    key: bytes


class Contents(NamedTuple):
    """A vault's file as it was read.  *size* is where its last whole frame ends."""

    header: Header
    entries: tuple[Entry, ...]
    swept: int
    size: int
    torn: bool


def is_ours(data: bytes) -> bool:
    """Whether *data* is of this format, and not of the one before it."""
    return data.startswith(MAGIC)


def read(path: Path, data: bytes) -> Contents:
    """What *data*, the bytes of the file at *path*, hold.  Raises SetupFault where they are damaged."""
    found = _frame(data, len(MAGIC))
    if found is None:
        raise SetupFault(f"{path}: {GARBAGE.format(len(MAGIC))}")
    body, place = found
    whole, source, remembered, key, swept = msgpack.unpackb(body)
    entries: list[Entry] = []
    torn = False
    count = 0
    while place < len(data):
        found = _frame(data, place)
        if found is None:
            # One after which another one was written is not torn.
            if _whole_frame_after(data, place):
                raise SetupFault(f"{path}: {GARBAGE.format(place)}")
            torn = True
            break
        body, place = found
        count += 1
        what, value = msgpack.unpackb(body)
        if what == ENTRIES:
            entries.extend(Entry(handle.hex(), *rest) for handle, *rest in value)
        elif what == SWEPT:
            swept = value
        else:
            raise SetupFault(f"{path}: holds what a newer build wrote; run that build or later")
    if count < whole:
        # Nor are those that were there when the file was made.
        raise SetupFault(f"{path}: {GARBAGE.format(place)}")
    return Contents(Header(source, remembered, key), tuple(entries), swept, place, torn)


def packed(entries: Iterable[Entry]) -> bytes:
    """The frame of *entries*."""
    return _framed([ENTRIES, [[bytes.fromhex(e.handle), e.seq, e.key, e.text] for e in entries]])


def packed_swept(seq: int) -> bytes:
    """The frame that says how far orphans were looked for."""
    return _framed([SWEPT, seq])


def write(path: Path, header: Header, entries: Iterable[Entry], swept: int) -> int:
    """Replace the file at *path*, durably: another one is written, flushed and renamed, so there is always a whole one.  Returns its size."""
    frames = [packed([entry]) for entry in entries]
    data = MAGIC + _framed([len(frames), header.source, header.remembered, header.key, swept]) + b"".join(frames)
    beside = path.with_name(f"{path.name}.new")
    write_durably(beside, data)
    beside.replace(path)
    sync_directory(path.parent)
    return len(data)


def append(path: Path, frame: bytes, size: int) -> int:
    """Write *frame* behind the first *size* bytes, durably; returns the new size.  What a failed write left behind them is cut off first."""
    with path.open("r+b") as file:
        file.truncate(size)
        file.seek(size)
        file.write(frame)
        file.flush()
        os.fsync(file.fileno())
    return size + len(frame)


def cut(path: Path, size: int) -> None:
    """Cut off what a power cut left behind the first *size* bytes."""
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def write_durably(path: Path, data: bytes) -> None:
    """Write a file for its owner only, and flush it; its directory is not flushed yet."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _framed(value: list[Any]) -> bytes:
    body: bytes = msgpack.packb(value)
    return HEAD.pack(MARK, len(body), crc32(body)) + body


def _frame(data: bytes, place: int) -> tuple[bytes, int] | None:
    """The body of the frame at *place*, and where it ends; None where there is no whole one."""
    if len(data) - place < HEAD.size:
        return None
    mark, size, check = HEAD.unpack_from(data, place)
    end = place + HEAD.size + size
    if mark != MARK or end > len(data):
        return None
    body = data[end - size : end]
    return (body, end) if crc32(body) == check else None


def _whole_frame_after(data: bytes, place: int) -> bool:
    place = data.find(MARK, place + 1)
    while place >= 0:
        if _frame(data, place) is not None:
            return True
        place = data.find(MARK, place + 1)
    return False
