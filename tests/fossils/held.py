"""Which record kinds a journal holds: in its rows, and in the states and values of its closing snapshots.

Law: read from the bytes by number, without building anything: a kind that this build has forgotten is still seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgpack

from eventlog.codec import ENUM, RECORD
from eventlog.segments import opened


def in_rows(rows: Iterable[bytes]) -> set[int]:
    """The kinds of all records in *rows*."""
    held: set[int] = set()
    for row in rows:
        _, _, input, facts, effects, *_ = msgpack.unpackb(row, use_list=False, strict_map_key=False)
        for record in (input, *facts, *effects):
            held.add(record[0] & 0xFFFF)
            held.update(nested(record[1:]))
    return held


def in_closing(body: bytes) -> set[int]:
    """The kinds of all states and values in a closing snapshot."""
    parts = opened(body)[3]
    return {kind for _, packed in parts for kind in nested(msgpack.unpackb(packed, use_list=False, strict_map_key=False))}


def nested(value: Any) -> Iterator[int]:
    """The kinds of the records in *value*, however deep."""
    if isinstance(value, msgpack.ExtType):
        inner = msgpack.unpackb(value.data, use_list=False, strict_map_key=False)
        if value.code == RECORD:
            yield inner[0] & 0xFFFF
            yield from nested(inner[1:])
        elif value.code == ENUM:
            yield inner[0]
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from nested(key)
            yield from nested(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from nested(one)
