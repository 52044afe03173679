"""The WebSocket of a link: an ``asyncio.Protocol`` around the sans-I/O core of ``websockets``.

Law: what the server did is told at once and in order; ``closed`` is the last word and comes exactly once, whether or not the link ever opened.
Passwords, headers, URLs and payloads never reach a log: the core is given a logger that nothing can turn on.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from binascii import b2a_base64
from collections.abc import Sequence
from typing import Protocol as Interface
from urllib.parse import quote, urlsplit, urlunsplit

from adapters import websockets_light  # noqa: F401 (before the first import of websockets)
from machines.connection import reasons

from websockets.client import ClientProtocol  # isort: skip
from websockets.exceptions import PayloadTooBig
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI, parse_uri

log = logging.getLogger("stationd.websocket")
_SILENT = logging.Logger("silent", logging.CRITICAL + 1)  # noqa: LOG001 (outside the tree on purpose: nothing can turn it on)
_SILENT.disabled = True

BACKLOG_MOST_BYTES = 4 << 20
"""A server that reads nothing while this much waits for it counts as lost."""

CLOSE_LIMIT_S = 3.0
"""How long a closing handshake may take; shorter than what the daemon waits for at an orderly stop."""

STATUS_LINE_MOST_BYTES = 1024
REASON_MOST_BYTES = 123
"""What a close frame has room for (RFC 6455, 5.5)."""

_SAFE = "/%:@!$&'()*+,;=~-._?"
_ABNORMAL, _INVALID_DATA, _TOO_BIG = 1006, 1007, 1009
_SWITCHING, _UNAUTHORIZED = 101, 401
_REFUSALS = {
    401: "the CSMS does not accept the password of this identity",
    403: "the CSMS does not let this identity in",
    404: "the CSMS does not know this identity or this path",
    426: "the CSMS wants another protocol at this path",
    429: "the CSMS is asked too often",
    503: "the CSMS is not available now",
}


class Events(Interface):
    """Who hears of a WebSocket; called on the loop, from within the read of the socket."""

    def opened(self, subprotocol: str | None) -> None:
        """The handshake succeeded; the server chose *subprotocol*, or none of those offered."""

    def text(self, data: bytes) -> None:
        """One whole text message, in UTF-8."""

    def binary(self, size_bytes: int) -> None:
        """One whole binary message, which OCPP-J does not know; its content is not kept."""

    def all_heard(self) -> None:
        """Everything that one read of the socket completed was told: what belongs together may be decided together now."""

    def closed(self, reason: str, code: int, detail: str) -> None:
        """The end: nothing is told after it.  *detail* is for people.

        *reason* is a word of :mod:`machines.connection.reasons`.  *code* is the HTTP status of ``unauthorized`` and ``refused`` (a redirect counts,
        it is not followed), the close code of ``closed by CSMS``, ``closed by us`` (0 where we gave up before the link was open), ``oversized``,
        ``ping timeout`` and ``lost``, else 0.
        """


class WebSocket(asyncio.Protocol):
    """One link, from dialling to its end; not used twice.  *max_bytes* bounds a message, in one frame or many."""

    __slots__ = (
        "_backlogged",
        "_binary_bytes",
        "_done",
        "_events",
        "_head",
        "_limit",
        "_loop",
        "_max_bytes",
        "_parts",
        "_ping_s",
        "_ping_sent",
        "_ping_timeout_s",
        "_pings",
        "_protocol",
        "_task",
        "_timer",
        "_transport",
        "_why",
        "_wildcards",
    )

    def __init__(self, events: Events, *, max_bytes: int) -> None:
        self._events = events
        self._max_bytes = max_bytes
        self._loop = asyncio.get_running_loop()
        self._protocol: ClientProtocol | None = None
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._head: bytearray | None = bytearray()
        """The server's first line as far as it came; None once it says 101."""
        self._parts: bytearray | None = None
        """The text message that comes in fragments."""
        self._binary_bytes = 0
        self._backlogged = False
        self._why: tuple[str, int, str] | None = None
        """The last word, where we know it before the transport ends."""
        self._done = False
        self._limit: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ping_s = 0.0
        self._ping_timeout_s = 0.0
        self._ping_sent: bytes | None = None
        self._pings = 0
        self._wildcards = False

    # Dialling

    def dial(
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
        wildcards: bool = False,
    ) -> None:
        """Connect to ``URL/identity`` (Part 4, 3.1.1).  Returns at once; ``opened`` or ``closed`` tells what came of it.

        *basic_auth* is the password, the user is the identity (A00.FR.204); user info in the URL is not used.  *ssl_context* is for ``wss``;
        without one the system's trust store decides.  *connect_timeout_s* is for everything until the link is open: name, TCP, TLS, upgrade.
        *ping_interval_s* of 0 sends no pings; *ping_timeout_s* of 0 waits for a pong as long as the interval.  *wildcards*: the server's certificate
        may be made out to a wildcard name.

        Raises:
            RuntimeError: It was dialled or closed before.
        """
        if self._task is not None or self._why is not None:
            raise RuntimeError("this WebSocket was dialled or closed before; make another one for another link")
        self._ping_s, self._ping_timeout_s = ping_interval_s, ping_timeout_s
        self._wildcards = wildcards
        self._limit = self._loop.call_later(connect_timeout_s, self._too_long, connect_timeout_s)
        self._task = self._loop.create_task(self._connect(url, identity, subprotocols, basic_auth, ssl_context))

    async def _connect(self, url: str, identity: str, subprotocols: Sequence[str], password: str | None, context: ssl.SSLContext | None) -> None:
        try:
            uri = connection_uri(url, identity)
        except ValueError as error:
            self._finish(reasons.UNREACHABLE, 0, f"the URL of the CSMS cannot be used: {error}")
            return
        offered = [Subprotocol(name) for name in subprotocols]
        self._protocol = protocol = ClientProtocol(uri, subprotocols=offered or None, max_size=self._max_bytes, logger=_SILENT)
        request = protocol.connect()
        request.headers["User-Agent"] = "stationd"
        if password is not None:
            request.headers["Authorization"] = "Basic " + b2a_base64(f"{identity}:{password}".encode(), newline=False).decode()
        protocol.send_request(request)
        log.debug("connecting to %s port %d%s", uri.host, uri.port, " with TLS" if uri.secure else "")
        try:
            await self._loop.create_connection(
                lambda: self,
                uri.host,
                uri.port,
                ssl=(context or True) if uri.secure else None,
                server_hostname=uri.host if uri.secure else None,
                ssl_shutdown_timeout=CLOSE_LIMIT_S if uri.secure else None,
                # A name may stand for an IPv6 address that leads nowhere and an IPv4 address that works; a literal has no second address.
                happy_eyeballs_delay=None if ":" in uri.host or uri.host.replace(".", "").isdigit() else 0.25,
            )
        except asyncio.CancelledError:
            if self._transport is None:
                self._finish(*(self._why or (reasons.CLOSED_BY_US, 0, "before the link was open")))
            raise
        except ssl.SSLError as error:
            self._finish(*_tls(error))
        except (ConnectionResetError, ConnectionAbortedError, BrokenPipeError) as error:
            # Of a connect that goes on to TLS, these are about TLS: the server hung up on our handshake.
            self._finish(reasons.TLS if uri.secure else reasons.UNREACHABLE, 0, error.strerror or "the server hung up")
        except (OSError, ValueError) as error:
            self._finish(reasons.UNREACHABLE, 0, (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__)
        except Exception as error:  # the law: whatever happens, closed is told
            log.exception("connecting failed in a way that is a bug")
            self._finish(reasons.UNREACHABLE, 0, type(error).__name__)

    def _too_long(self, limit_s: float) -> None:
        self._limit = None
        what = "the server did not answer the upgrade" if self._transport is not None else "no connection"
        self._give_up(reasons.TIMEOUT, 0, f"{what} within {limit_s:g} s")

    # What the transport tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The way is open, with TLS where it was asked for: send the upgrade."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (what create_connection makes)
        self._transport = transport
        if self._why is not None or self._done:
            transport.abort()
            return
        name = "" if self._wildcards else _find_wildcard_name(transport, self._protocol)
        if name:
            # Before anything of the upgrade, and so the password, leaves.
            self._give_up(
                reasons.TLS_CERTIFICATE,
                0,
                f"the server's certificate is made out to the wildcard name {name}; "
                "give the CSMS one of its own name, or set SecurityCtrlr.AllowCSMSTLSWildcards",
            )
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # An answer leaves when it is written, not when Nagle's algorithm thinks so.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Bytes came in: tell what they complete."""
        protocol = self._protocol
        if protocol is None or self._why is not None:
            return
        if self._head is not None:
            self._head += data
            if not self._switching(self._head):
                return
            data, self._head = bytes(self._head), None
        connecting = protocol.state is State.CONNECTING
        protocol.receive_data(data)
        if protocol.writes:
            self._flush()
        events = protocol.events_received()
        for event in events:
            if type(event) is Frame:
                self._frame(event)
            elif protocol.handshake_exc is None and connecting:
                self._opened(protocol.subprotocol)
        if events:
            self._events.all_heard()
        if protocol.handshake_exc is not None:
            self._give_up(reasons.HANDSHAKE, 0, f"the answer to the upgrade is none: {protocol.handshake_exc}")
        elif protocol.state is State.CLOSING:
            self._limit_closing()

    def pause_writing(self) -> None:
        """The server reads slower than we write: from here on the backlog is watched."""
        self._backlogged = True

    def resume_writing(self) -> None:
        """The backlog is gone."""
        self._backlogged = False

    def eof_received(self) -> None:
        """The server sends no more."""
        if self._protocol is not None and self._protocol.state is not State.CONNECTING:
            self._protocol.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        """TCP is gone, whoever ended it."""
        self._finish(*(self._why or self._verdict(exc)))

    # Reading

    def _switching(self, head: bytearray) -> bool:
        """Whether the server's status line is there and says 101.

        Read here and not by the core, which waits for the end of a refusal's body, for ever where a server sends none and stays; and which
        does not read HTTP/1.0, in which proxies like to refuse.
        """
        line, newline, _ = bytes(head[:STATUS_LINE_MOST_BYTES]).partition(b"\n")
        if not newline and len(line) < STATUS_LINE_MOST_BYTES and b"HTTP/1."[: len(line)] == line[:7]:
            return False
        words = line.split()
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or len(words[1]) != 3 or not words[1].isdigit():  # noqa: PLR2004
            self._give_up(reasons.HANDSHAKE, 0, "the server does not speak HTTP")
            return False
        status = int(words[1])
        if status != _SWITCHING:
            redirect = 300 <= status < 400  # noqa: PLR2004
            says = "redirects are not followed" if redirect else _REFUSALS.get(status, "HTTP status")
            self._give_up(reasons.UNAUTHORIZED if status == _UNAUTHORIZED else reasons.REFUSED, status, says)
            return False
        return True

    def _opened(self, subprotocol: str | None) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        self._arm_ping()
        self._events.opened(subprotocol)

    def _frame(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.TEXT:
                if frame.fin:
                    self._text(bytes(frame.data))
                else:
                    self._parts = bytearray(frame.data)
            case Opcode.CONT if self._parts is not None:
                self._parts += frame.data
                if frame.fin:
                    data, self._parts = bytes(self._parts), None
                    self._text(data)
            case Opcode.BINARY | Opcode.CONT:
                self._binary_bytes += len(frame.data)
                if frame.fin:
                    size, self._binary_bytes = self._binary_bytes, 0
                    self._events.binary(size)
            case Opcode.PONG:
                if self._ping_sent is not None and bytes(frame.data) == self._ping_sent:
                    self._ping_sent = None
                    self._arm_ping()
            case _:
                pass  # pings and closes are answered by the core

    def _text(self, data: bytes) -> None:
        protocol = self._protocol
        if protocol is None or (protocol.close_sent is not None and protocol.close_sent.code == _INVALID_DATA):
            return
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError as error:
                # RFC 6455, 8.1: the link must be failed.
                if protocol.state is State.OPEN:
                    protocol.fail(_INVALID_DATA, f"invalid UTF-8 at byte {error.start}")
                    self._flush()
                return
        self._events.text(data)

    # Sending

    def send(self, data: bytes) -> None:
        """Send one text message, at once; nothing where the link is not open any more, which was told or will be."""
        protocol = self._protocol
        if protocol is not None and protocol.state is State.OPEN:
            protocol.send_text(data)
            self._flush()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """End the link: by a closing handshake with a limit, or by giving up dialling.  A *reason* too long for a frame is cut.

        Raises:
            ValueError: *code* is none that may be sent (RFC 6455, 7.4).
        """
        try:
            Close(code, "").check()
        except Exception as error:
            raise ValueError(f"close code {code}: must be 1000 to 1003, 1007 to 1014 or 3000 to 4999") from error
        protocol = self._protocol
        if protocol is not None and protocol.state is State.OPEN:
            protocol.send_close(code, reason.encode()[:REASON_MOST_BYTES].decode(errors="ignore"))
            self._flush()
            self._limit_closing()
        elif protocol is None or protocol.state is State.CONNECTING:
            self._give_up(reasons.CLOSED_BY_US, 0, reason or "before the link was open")

    def _flush(self) -> None:
        """Hand what the core wrote to the transport."""
        protocol, transport = self._protocol, self._transport
        if protocol is None or transport is None:
            return
        written = protocol.data_to_send()
        if transport.is_closing():
            return
        for data in written:
            if data:
                transport.write(data)
        if self._backlogged and transport.get_write_buffer_size() > BACKLOG_MOST_BYTES:
            self._give_up(reasons.LOST, _ABNORMAL, f"the CSMS reads nothing while {transport.get_write_buffer_size()} bytes wait for it")

    # Keeping alive

    def set_ping_interval(self, seconds: float) -> None:
        """Ping every *seconds* from now on; 0: never (OCPPCommCtrlr.WebSocketPingInterval).  A ping that is out is still waited for."""
        self._ping_s = seconds
        if self._protocol is None or self._protocol.state is not State.OPEN:
            return
        if seconds <= 0:
            self._ping_sent = None
        if self._ping_sent is None:
            self._arm_ping()

    def _arm_ping(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ping_s > 0:
            self._timer = self._loop.call_later(self._ping_s, self._ping)

    def _ping(self) -> None:
        self._timer = None
        protocol = self._protocol
        if protocol is None or protocol.state is not State.OPEN:
            return
        self._pings += 1
        self._ping_sent = self._pings.to_bytes(4, "big")
        protocol.send_ping(self._ping_sent)
        self._flush()
        limit_s = self._ping_timeout_s if self._ping_timeout_s > 0 else self._ping_s
        self._timer = self._loop.call_later(limit_s, self._no_pong, limit_s)

    def _no_pong(self, limit_s: float) -> None:
        self._timer = None
        self._give_up(reasons.PING_TIMEOUT, _ABNORMAL, f"no pong within {limit_s:g} s")

    # The end

    def _limit_closing(self) -> None:
        """The server has this long to close TCP; a client leaves that to it (RFC 6455, 7.1.1)."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._limit is None:
            self._limit = self._loop.call_later(CLOSE_LIMIT_S, self._closing_took_too_long)

    def _closing_took_too_long(self) -> None:
        self._limit = None
        if self._transport is not None:
            self._transport.abort()

    def _give_up(self, reason: str, code: int, detail: str) -> None:
        """End it without a handshake; ``closed`` follows when the loop comes round."""
        if self._why is None:
            self._why = reason, code, detail
        if self._transport is not None:
            self._transport.abort()
        elif self._task is None:
            self._loop.call_soon(self._finish, *self._why)
        elif not self._task.done():
            # A task that has not begun yet would be cancelled without a word.
            self._task.add_done_callback(lambda _: self._finish(*(self._why or (reason, code, detail))))
            self._task.cancel()

    def _verdict(self, exc: Exception | None) -> tuple[str, int, str]:
        """How the transport's end is to be read."""
        protocol = self._protocol
        if protocol is None or self._head is not None or protocol.state is State.CONNECTING:
            if isinstance(exc, ssl.SSLError):
                # TLS 1.3 refuses a client's certificate only after its handshake.
                return _tls(exc)
            return reasons.HANDSHAKE, 0, "the server closed the connection before it answered the upgrade"
        sent, received = protocol.close_sent, protocol.close_rcvd
        if isinstance(protocol.parser_exc, PayloadTooBig):
            return reasons.OVERSIZED, _TOO_BIG, f"a message was longer than {self._max_bytes} bytes"
        if received is not None and protocol.close_rcvd_then_sent is not False:
            return reasons.CLOSED_BY_CSMS, received.code, received.reason
        if sent is not None:
            return reasons.CLOSED_BY_US, sent.code, sent.reason
        detail = "the connection ended without a close frame"
        return reasons.LOST, _ABNORMAL, (isinstance(exc, OSError) and exc.strerror) or detail

    def _finish(self, reason: str, code: int, detail: str) -> None:
        """The last word."""
        if self._done:
            return
        self._done = True
        for timer in (self._timer, self._limit):
            if timer is not None:
                timer.cancel()
        self._timer = self._limit = None
        if self._transport is not None:
            self._transport.abort()
        self._protocol = self._transport = None
        self._why = reason, code, detail
        log.debug("closed: %s, code %d", reason, code)
        self._events.closed(reason, code, "".join(c if c.isprintable() else "?" for c in detail))


def connection_uri(url: str, identity: str) -> WebSocketURI:
    """The station's own URL at a CSMS (Part 4, 3.1.1): the endpoint's path, a slash, the identity in percent encoding.

    User info is left out: it would be a password in a place that is logged and journalled.

    Raises:
        ValueError: It is no URL of a WebSocket, or the identity is none; the message holds neither.
    """
    if not identity:
        raise ValueError("the station has no identity")
    if ":" in identity:
        raise ValueError("an identity may not hold a colon")
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError("it must be ws://host:port/path or wss://host:port/path")
    if parts.fragment:
        raise ValueError("it may not have a fragment (#)")
    try:
        path = f"{quote(parts.path.rstrip('/'), safe=_SAFE)}/{quote(identity, safe='')}"
        found = parse_uri(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, quote(parts.query, safe=_SAFE), "")))
    except Exception as error:
        raise ValueError("its host or port is none") from error
    if not 0 < found.port <= 65535:  # noqa: PLR2004
        raise ValueError("its port must be 1 to 65535")
    return found


def _tls(error: ssl.SSLError) -> tuple[str, int, str]:
    """What is wrong with the server's certificate, or with the handshake."""
    from adapters.certificates import classify_tls_error  # a link without TLS need not wait for it

    reason, detail = classify_tls_error(error)
    return reason, 0, detail


def _find_wildcard_name(transport: asyncio.Transport, protocol: ClientProtocol | None) -> str:
    """The wildcard name by which a server's certificate stands for its host; empty for none, and without TLS."""
    certificate = transport.get_extra_info("peercert")
    if not certificate or protocol is None:
        return ""
    from adapters.certificates import find_wildcard_name

    return find_wildcard_name(certificate, protocol.uri.host)
