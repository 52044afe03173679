"""Turns to bytes and back, the same bytes every time.

Law: a row is a position, not a dictionary: ``[at, luck, input, facts, effects, blob, ...]`` with every record as ``[kind, field, ...]``.
Sets, floats in records and classes without a kind number are refused; opaque JSON texts stand once, at the end, and the fold never looks at them.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgpack

from engine.event import AfterCrash, Value
from engine.kernel import Turn
from engine.records import BY_CLASS, BY_KIND, ENUM_KINDS, UnknownRecord, build, fields_of, member

RECORD, ENUM = 1, 2
"""The msgpack extension codes: a nested record, an enum member."""


def encode(value: Any) -> bytes:
    """Any value that may stand in a record or a state."""
    packed: bytes = msgpack.packb(value, default=_pack)
    return packed


def decode(data: bytes) -> Any:
    """What :func:`encode` was given; sequences come back as tuples."""
    return msgpack.unpackb(data, ext_hook=_unpack, use_list=False, strict_map_key=False)


def encode_turn(turn: Turn) -> bytes:
    """The row of a turn; its seq is the key and not repeated."""
    blobs: list[bytes] = []
    row = [
        turn.at,
        turn.luck,
        fields_of(turn.input, blobs),
        [fields_of(fact, blobs) for fact in turn.facts],
        [fields_of(effect, blobs) for effect in turn.effects],
    ]
    row += blobs
    packed: bytes = msgpack.packb(row, default=_pack)
    return packed


def decode_turn(seq: int, data: bytes) -> Turn:
    """The turn of a row.  Raises UnknownRecord where a newer build wrote it."""
    at, luck, input, facts, effects, *blobs = decode(data)
    return Turn(
        seq=seq,
        at=at,
        luck=luck,
        input=build(input, blobs),
        facts=tuple([build(fact, blobs) for fact in facts]),
        effects=tuple([build(effect, blobs) for effect in effects]),
    )


def followed_codes() -> frozenset[int]:
    """What stands in a row for the effects that enter the outbox, in every version that they had."""
    return frozenset(
        kind | version << 16
        for kind, entry in BY_KIND.items()
        if getattr(entry.cls, "AFTER_CRASH", AfterCrash.FORGET) is not AfterCrash.FORGET
        for version in range(entry.version)
    )


def _pack(value: Any) -> msgpack.ExtType:
    if isinstance(value, Value) and type(value) in BY_CLASS:
        return msgpack.ExtType(RECORD, encode(fields_of(value)))
    if isinstance(value, Enum) and type(value) in ENUM_KINDS:
        return msgpack.ExtType(ENUM, encode([ENUM_KINDS[type(value)], value.name]))
    raise TypeError(f"{type(value).__qualname__} has no number in the journal; declare it with engine.records.record")


def _unpack(code: int, data: bytes) -> Any:
    if code == RECORD:
        return build(decode(data))
    if code == ENUM:
        return member(*decode(data))
    raise UnknownRecord(f"extension {code} comes from a newer build; read this journal with that build")
