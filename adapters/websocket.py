"""The WebSocket of a link: an ``asyncio.Protocol`` over the sans-I/O core of ``websockets``.

Law: what the server did is told once and in order; ``closed`` is the last word and comes exactly once, whether or not the link ever opened.
Headers and URLs never reach a log: the core gets a logger that is silent.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from base64 import b64encode
from collections.abc import Sequence
from typing import Protocol as Interface
from urllib.parse import quote

from adapters import websockets_light  # noqa: F401 (before the first import of websockets)
from websockets.client import ClientProtocol  # isort: skip
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import WebSocketURI, parse_uri

log = logging.getLogger("stationd.websocket")
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)  # noqa: LOG001 (outside the tree on purpose: nothing can turn it on)

BACKLOG_MOST_BYTES = 16 << 20
"""A server that reads nothing while this much waits for it counts as lost."""

CLOSE_LIMIT_S = 5.0


class Events(Interface):
    """Who hears of a WebSocket; called on the loop, at once."""

    def opened(self, subprotocol: str | None) -> None:
        """The handshake succeeded; the server chose *subprotocol*, or none."""

    def text(self, data: bytes) -> None:
        """One whole text message."""

    def binary(self, size_bytes: int) -> None:
        """One whole binary message, which OCPP-J does not know."""

    def closed(self, reason: str, code: int, detail: str) -> None:
        """The end.  *reason* is one of: refused, unreachable, timeout, handshake, tls, closed by CSMS, closed by us, lost, oversized, ping timeout."""


class WebSocket:
    """One link, from dialling to its end; not used twice.  *max_bytes* bounds a message."""

    def __init__(self, events: Events, *, max_bytes: int) -> None:
        self._events = events
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._protocol: ClientProtocol | None = None
        self._transport: asyncio.Transport | None = None
        self._parts: list[bytes] = []
        self._parts_bytes = 0
        self._text = True
        self._open = False
        self._done = False
        self._by_us = False
        self._why = ""
        self._ping_s = 0.0
        self._ping_limit_s = 0.0
        self._ping: bytes | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._limit: asyncio.TimerHandle | None = None

    # Dialling

    def dial(  # noqa: PLR0913 (a link has as many settings)
        self,
        url: str,
        *,
        identity: str,
        subprotocols: Sequence[str],
        basic_auth: str | None,
        ssl_context: ssl.SSLContext | None,
        connect_timeout_s: float,
        ping_interval_s: float,
        ping_timeout_s: float,
    ) -> None:
        """Connect to ``URL/identity`` (Part 4, 3.1.1).  Returns at once; ``opened`` or ``closed`` tells what came of it."""
        self._ping_s, self._ping_limit_s = ping_interval_s, ping_timeout_s
        self._limit = self._loop.call_later(connect_timeout_s, self._fail, "timeout", "no WebSocket within the time limit")
        try:
            uri = parse_uri(f"{url.rstrip('/')}/{quote(identity, safe='')}")
        except InvalidURI:
            self._loop.call_soon(self._fail, "unreachable", "the URL of the CSMS is none; it must be ws://host:port/path")
            return
        protocol = ClientProtocol(uri, subprotocols=list(subprotocols), max_size=self._max_bytes, logger=_SILENT)  # type: ignore[arg-type]
        request = protocol.connect()
        if basic_auth is not None:
            credentials = b64encode(f"{identity}:{basic_auth}".encode()).decode()
            request.headers["Authorization"] = f"Basic {credentials}"
        protocol.send_request(request)
        self._protocol = protocol
        self._task = self._loop.create_task(self._connect(uri, ssl_context))

    async def _connect(self, uri: WebSocketURI, context: ssl.SSLContext | None) -> None:
        if uri.secure and context is None:
            context = ssl.create_default_context()
        try:
            await self._loop.create_connection(
                lambda: _Shell(self), uri.host, uri.port, ssl=context if uri.secure else None, server_hostname=uri.host if uri.secure else None
            )
        except ssl.SSLError as error:
            self._fail("tls", str(error.reason or "the TLS handshake failed"))
        except ConnectionRefusedError:
            self._fail("refused", "nobody listens there")
        except OSError as error:
            self._fail("unreachable", error.strerror or "no connection")

    # What the transport tells

    def made(self, transport: asyncio.Transport) -> None:
        """TCP is up: send the opening handshake."""
        if self._done:
            transport.abort()
            return
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport.set_write_buffer_limits(high=BACKLOG_MOST_BYTES)
        self._flush()

    def received(self, data: bytes) -> None:
        """Bytes came in."""
        protocol = self._protocol
        if self._done or protocol is None:
            return
        protocol.receive_data(data)
        for event in protocol.events_received():
            if type(event) is Frame:
                self._frame(event)
            elif isinstance(event, Response):
                self._response(event)
            if self._done:
                return
        self._flush()
        if protocol.handshake_exc is not None and not self._open:
            self._fail("handshake", _said(protocol.handshake_exc))
        elif protocol.close_expected() and self._limit is None:
            self._limit = self._loop.call_later(CLOSE_LIMIT_S, self._end)

    def eof(self) -> None:
        """The server sends no more."""
        if self._protocol is not None and not self._done:
            self._protocol.receive_eof()
            self._flush()

    def gone(self) -> None:
        """TCP is down."""
        if self._open:
            self._end()
        else:
            protocol = self._protocol
            why = protocol.handshake_exc if protocol is not None else None
            self._fail("handshake", _said(why) if why is not None else "the server closed the connection before the handshake was over")

    def _response(self, response: Response) -> None:
        protocol = self._protocol
        if protocol is None or protocol.state is not State.OPEN:
            return
        self._open = True
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        self._arm_ping()
        self._events.opened(protocol.subprotocol)

    def _frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY:
                if frame.fin and not self._parts:
                    self._message(bytes(frame.data), text=frame.opcode is Opcode.TEXT)
                    return
                self._text = frame.opcode is Opcode.TEXT
                self._part(frame)
            case Opcode.CONT:
                self._part(frame)
            case Opcode.PONG:
                if self._ping is not None and bytes(frame.data) == self._ping:
                    self._ping = None
            case _:
                pass  # pings and closes are answered by the core

    def _part(self, frame: Frame) -> None:
        self._parts.append(bytes(frame.data))
        if frame.fin:
            data, self._parts, self._parts_bytes = b"".join(self._parts), [], 0
            self._message(data, text=self._text)

    def _message(self, data: bytes, *, text: bool) -> None:
        if text:
            self._events.text(data)
        else:
            self._events.binary(len(data))

    # Sending

    def send(self, data: bytes) -> None:
        """One text message; nothing once the link is closing."""
        protocol = self._protocol
        if self._done or protocol is None or protocol.state is not State.OPEN or self._transport is None:
            return
        protocol.send_text(data)
        self._flush()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the link: a closing handshake with a limit, or an end of dialling."""
        if self._done:
            return
        self._by_us = True
        protocol = self._protocol
        if protocol is not None and protocol.state is State.OPEN:
            protocol.send_close(code, reason.encode()[:123].decode(errors="ignore"))
            self._flush()
            if self._limit is None:
                self._limit = self._loop.call_later(CLOSE_LIMIT_S, self._end)
        elif not self._open:
            self._fail("closed by us", reason)

    def _flush(self) -> None:
        protocol, transport = self._protocol, self._transport
        if protocol is None or transport is None:
            return
        for data in protocol.data_to_send():
            if data:
                transport.write(data)
            elif transport.can_write_eof():
                transport.write_eof()
            else:
                transport.close()
        if transport.get_write_buffer_size() > BACKLOG_MOST_BYTES:
            self._why = "lost"
            transport.abort()

    # Keeping alive

    def set_ping_interval(self, seconds: float) -> None:
        """Ping every *seconds* from now on; 0: never (OCPPCommCtrlr.WebSocketPingInterval)."""
        self._ping_s = self._ping_limit_s = seconds
        if self._open and not self._done:
            self._arm_ping()

    def _arm_ping(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._ping = None
        if self._ping_s > 0:
            self._timer = self._loop.call_later(self._ping_s, self._send_ping)

    def _send_ping(self) -> None:
        protocol = self._protocol
        if self._done or protocol is None or protocol.state is not State.OPEN:
            return
        self._ping = os.urandom(4)
        protocol.send_ping(self._ping)
        self._flush()
        self._timer = self._loop.call_later(self._ping_limit_s or self._ping_s, self._check_ping)

    def _check_ping(self) -> None:
        if self._ping is None:
            self._timer = self._loop.call_later(self._ping_s, self._send_ping)
            return
        self._why = "ping timeout"
        if self._transport is not None:
            self._transport.abort()

    # The end

    def _end(self) -> None:
        """The link had opened, and is over."""
        protocol = self._protocol
        code = protocol.close_code if protocol is not None else None
        reason = protocol.close_reason if protocol is not None else None
        sent = protocol.close_sent if protocol is not None else None
        if self._why:
            why = self._why
        elif sent is not None and sent.code == 1009:  # noqa: PLR2004 (message too big)
            why = "oversized"
        elif self._by_us:
            why = "closed by us"
        elif code is not None and code != 1006:  # noqa: PLR2004 (no close frame came)
            why = "closed by CSMS" if protocol is not None and protocol.close_rcvd is not None else "lost"
        else:
            why = "lost"
        self._fail(why, reason or "", code or 0)

    def _fail(self, reason: str, detail: str, code: int = 0) -> None:
        """The last word."""
        if self._done:
            return
        self._done = True
        for timer in (self._timer, self._limit):
            if timer is not None:
                timer.cancel()
        if self._task is not None and not self._task.done():
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()
        self._events.closed(reason, code, detail)


class _Shell(asyncio.Protocol):
    """What asyncio calls."""

    def __init__(self, link: WebSocket) -> None:
        self._link = link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._link.made(transport)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        self._link.received(data)

    def eof_received(self) -> bool:
        self._link.eof()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (why TCP ended is no news to OCPP)
        self._link.gone()


def _said(error: BaseException) -> str:
    """What a failed handshake may say of itself: a status, never a header."""
    if isinstance(error, InvalidStatus):
        return f"the server answered with HTTP status {error.response.status_code}"
    if isinstance(error, InvalidHandshake):
        return f"the server's handshake is none ({type(error).__name__})"
    return "the server does not speak WebSocket"
