"""The least that can send a BootNotification: asyncio, a WebSocket upgrade made by hand, one masked frame.

Law: no package but the standard library, and of that only what it takes.

Usage: python boot.py HOST PORT IDENTITY FRAME
"""

from __future__ import annotations

import asyncio
import sys

UPGRADE = (
    "GET /{identity} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp2.1\r\n\r\n"
)
SHORT_MOST = 125
MASK = b"\x37\xfa\x21\x3d"


def masked(text: bytes) -> bytes:
    """*text*, of at most 65535 bytes, as one masked text frame (RFC 6455, 5.2)."""
    size = len(text)
    head = bytes([0x81, 0x80 | size]) if size <= SHORT_MOST else bytes([0x81, 0xFE]) + size.to_bytes(2, "big")
    return head + MASK + bytes([byte ^ MASK[i % 4] for i, byte in enumerate(text)])


async def boot(host: str, port: str, identity: str, frame: str) -> None:
    """Connect, upgrade, say it, and stay until the other side hangs up."""
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(UPGRADE.format(identity=identity, host=host, port=port).encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    if not answer.startswith(b"HTTP/1.1 101"):
        raise SystemExit(f"boot.py: no upgrade: {answer[:60]!r}")
    writer.write(masked(frame.encode()))
    while await reader.read(4096):
        pass


if __name__ == "__main__":
    asyncio.run(boot(*sys.argv[1:]))
