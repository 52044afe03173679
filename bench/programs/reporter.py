"""A WebSocket client that sends a report which it was given: one frame after the other, each when the one before was answered.

Law: written as plainly as the package's own documentation would have it; it is the yardstick, so nothing here is tuned, for or against anybody.

Usage: python reporter.py URL FILE, where every line of FILE is a frame: first the answer to the request, then the parts of the report
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol


async def report(url: str, frames: list[str]) -> None:
    """Until the other side hangs up: a message asks for the report, or answers one of its parts."""
    left: list[str] = []
    async with connect(url, subprotocols=[Subprotocol("ocpp2.1")], compression=None, proxy=None) as websocket:
        async for message in websocket:
            if str(message).startswith("[2,"):
                await websocket.send(frames[0])
                left = frames[1:]
            if left:
                await websocket.send(left.pop(0))


if __name__ == "__main__":
    with contextlib.suppress(ConnectionClosed, KeyboardInterrupt):
        asyncio.run(report(sys.argv[1], Path(sys.argv[2]).read_text().splitlines()))
