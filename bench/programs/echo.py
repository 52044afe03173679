"""A WebSocket client that commits what it is told and says it back.

Law: written as plainly as the packages' own documentation would have it; it is the yardstick, so nothing here is tuned, for or against anybody.

Usage: python echo.py URL none|lmdb|raw [PATH ROW_BYTES]
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

KEY_BYTES = 10
"""As long as a key of the station's journal."""

MAP_BYTES = 1 << 30


def no_commit(path: str) -> Callable[[bytes], None]:
    """Keep nothing; there is no *path*."""
    del path
    return lambda row: None  # noqa: ARG005 (that is the point)


def lmdb_commit(path: str) -> Callable[[bytes], None]:
    """One transaction with one appended row, in a fresh environment at *path*; durable when it returns, as LMDB is unless told otherwise."""
    import lmdb

    env = lmdb.open(path, map_size=MAP_BYTES)
    count = 0

    def commit(row: bytes) -> None:
        nonlocal count
        with env.begin(write=True) as txn:
            txn.put(count.to_bytes(KEY_BYTES, "big"), row, append=True)
        count += 1

    return commit


def raw_commit(path: str) -> Callable[[bytes], None]:
    """Append to the file at *path*, then fdatasync: as little as durable can be."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def commit(row: bytes) -> None:
        os.write(fd, row)
        os.fdatasync(fd)

    return commit


async def echo(url: str, commit: Callable[[bytes], None], row_bytes: int) -> None:
    """Until the other side hangs up: receive a text, commit a row of *row_bytes* that begins with it, say it back."""
    async with connect(url, compression=None, proxy=None) as websocket:
        async for message in websocket:
            text = message if isinstance(message, bytes) else message.encode()
            commit(text[:row_bytes].ljust(row_bytes))
            await websocket.send(message)


def main(url: str, kind: str, path: str = "", row_bytes: str = "0") -> None:
    """Run one of the three."""
    kinds: dict[str, Callable[[str], Callable[[bytes], None]]] = {"none": no_commit, "lmdb": lmdb_commit, "raw": raw_commit}
    commit = kinds[kind](path)
    with contextlib.suppress(ConnectionClosed, KeyboardInterrupt):
        asyncio.run(echo(url, commit, int(row_bytes)))


if __name__ == "__main__":
    main(*sys.argv[1:])
