"""A friendly CSMS for one's own desk: ``stationd csms``, the demo, and tests of the station.

Law: it answers every station's CALL validly unless it was told otherwise, has at most one CALL of its own outstanding at each station, and writes no
idToken or password in full to a terminal.  It is a tool: it keeps nothing, and is no CSMS to run a station with.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import ssl
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from inspect import isawaitable
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import msgspec
from attrs import frozen
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from engine.errors import SetupFault, StationdError
from stationd.csms_answers import Payload, Settings, answer, draft, read_schema, schema
from wire import names
from wire.schemas import Schemas

CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND = 2, 3, 4, 5, 6
KINDS = {CALL: "CALL", CALLRESULT: "CALLRESULT", CALLERROR: "CALLERROR", CALLRESULTERROR: "CALLRESULTERROR", SEND: "SEND"}
SIZES = {CALL: 4, CALLRESULT: 3, CALLERROR: 5, CALLRESULTERROR: 5, SEND: 4}
SUBPROTOCOLS = {"2.1": "ocpp2.1", "2.0.1": "ocpp2.0.1"}
IDENTITY_MOST = 48
FRAME_MOST_BYTES = 4 << 20
ANSWER_LIMIT_S = 30.0
CLOSE_LIMIT_S = 2.0
ANYBODY = "*"

_SILENT = logging.Logger("silent", logging.CRITICAL + 1)  # noqa: LOG001 (websockets shows headers and frames to a logger that listens)

SPOILT = {1002: "it broke the rules of WebSocket", 1003: "it sent data of a kind that is not taken", 1007: "it sent a text that is no UTF-8",
          1009: f"it sent a message of more than {FRAME_MOST_BYTES} bytes"}  # fmt: skip
"""Close codes with which a link ends because of what a station sent."""

TLS_REASONS = {
    "HTTP_REQUEST": "it dialled ws:// where wss:// is spoken",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it showed no certificate",
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS of version 1.2 or later",
    "NO_SHARED_CIPHER": "it has no cipher suite in common with the CSMS",
}
"""Why a TLS handshake failed, by what OpenSSL calls it."""


@frozen(kw_only=True)
class Entry:
    """One thing that happened on a link.  *kind* is a message type of OCPP-J, or ``open``, ``closed``, ``garbage``."""

    at: datetime
    identity: str
    sent: bool
    """From the CSMS to the station."""
    kind: str
    message_id: str = ""
    action: str = ""
    """Of answers, too; empty where it is not known what they answer."""
    payload: Any = None
    """Of a CALLERROR: code, description and details.  Of ``garbage``: the text.  Of ``open`` and ``closed``: a text for people."""
    problem: str = ""
    """What is wrong with it, empty where nothing is."""


class Instead(Enum):
    """What ``on_call`` may return instead of an answer."""

    WITHHOLD = "withhold"
    """Say nothing, now and for ever."""
    DROP = "drop"
    """Cut the TCP connection."""


class Refusal(StationdError):
    """A CALLERROR: raised by ``call`` when a station answers so, returned or raised by ``on_call`` to answer so."""

    def __init__(self, code: str, description: str = "", details: Payload | None = None) -> None:
        super().__init__(f"{code}: {description}" if description else code)
        self.code = code
        self.description = description
        self.details = details or {}


class NotConnected(StationdError):
    """No station of that identity has a link."""


class NoAnswer(StationdError):
    """A station did not answer in time, or its link ended first."""


Hooked = Payload | Instead | Refusal | None
OnCall = Callable[[str, str, Payload], Hooked | Awaitable[Hooked]]
"""(identity, action, request) -> the response to send, ``None`` for the friendly one, an ``Instead``, a ``Refusal``, or an awaitable of these,
which holds back this one answer and nothing else."""


class _Link:
    """One connection of a station that agreed to a version."""

    def __init__(self, identity: str, version: str, socket: ServerConnection) -> None:
        self.identity = identity
        self.version = version
        self.socket = socket
        self.calling = asyncio.Lock()
        self.pending: dict[str, tuple[str, asyncio.Future[Payload]]] = {}


class FriendlyCsms:
    """A CSMS on a WebSocket.  ``await start()``, ``await stop()``, or ``async with``.

    Attributes that may be set at any time: ``settings``, ``on_call``, ``observer``, ``versions`` (none: no subprotocol is chosen),
    ``refuse_with`` (an HTTP status that answers every upgrade; None: let in), ``on_knock`` (is told of every upgrade: identity, and user and
    password where there are any; returns why it is refused with 401, or an empty text), and ``on_turned_away`` (is told of everybody who dialled and
    got no link: identity where it is known, and why).
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 9000,
        *,
        versions: Collection[str] = ("2.1", "2.0.1"),
        settings: Settings | None = None,
        passwords: Mapping[str, str | bytes] | None = None,
        on_call: OnCall | None = None,
        observer: Callable[[Entry], None] | None = None,
        check: bool = True,
        keeps_strangers: bool = False,
        log_most: int = 10_000,
        ssl_context: ssl.SSLContext | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Set up.

        Args:
            host: The address to listen on.
            port: The port; 0 takes a free one, see ``port`` after the start.
            versions: OCPP versions to speak; which one is the station's preference.
            settings: What the friendly answers say.
            passwords: Identity (or ``*`` for anybody else) -> password, for basic authentication (A00.FR.204); None: none is asked for.
                An identity that is not listed is refused with 404, a wrong password with 401.
            on_call: May answer otherwise, late, or not at all.
            observer: Is shown every entry of the log as it comes.
            check: Answer a CALL that breaks its schema with a CALLERROR, as its rules say.
            keeps_strangers: Keep a link open on which no version was agreed, as some CSMSs do, instead of closing it (Part 4, 3.3).
            log_most: Entries kept per identity.
            ssl_context: For ``wss``.
            clock: The time that is told to stations.

        Raises:
            SetupFault: A version that is none.
        """
        unknown = sorted(set(versions) - SUBPROTOCOLS.keys())
        if unknown:
            raise SetupFault(f"OCPP version {unknown[0]}: must be one of {', '.join(SUBPROTOCOLS)}")
        self.settings = settings or Settings()
        self.versions = tuple(versions)
        self.on_call = on_call
        self.refuse_with: int | None = None
        self.on_knock: Callable[[str, tuple[bytes, bytes] | None], str] | None = None
        self.on_turned_away: Callable[[str, str], None] | None = None
        self.log: dict[str, deque[Entry]] = {}
        self._host = host
        self._wanted_port = port
        self._passwords = None if passwords is None else {who: word.encode() if isinstance(word, str) else word for who, word in passwords.items()}
        self.observer = observer
        self._check = check
        self._keeps_strangers = keeps_strangers
        self._log_most = log_most
        self._ssl = ssl_context
        self._clock = clock
        self._schemas = Schemas(read_schema)
        self._links: dict[str, _Link] = {}
        self._server: Server | None = None
        self._waiters: list[tuple[Callable[[Entry], bool], asyncio.Future[Entry]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._hook_errors: list[Exception] = []
        # Part 4, 4.2.1: an id is not used again, not by a later process either.
        self._id_start = os.urandom(4).hex()
        self._ids = 0

    # Starting and stopping

    async def start(self) -> None:
        """Listen, unless it does already.

        Raises:
            SetupFault: The address cannot be listened on.
        """
        if self._server is not None:
            return
        if self._ssl is not None:
            self._ssl.sslobject_class = _handshakes(lambda reason: self._turned_away("", reason))
        try:
            self._server = await serve(
                self._serve,
                self._host,
                self._wanted_port,
                select_subprotocol=self._select,
                process_request=self._admit,
                compression=None,
                ping_interval=None,
                close_timeout=CLOSE_LIMIT_S,
                max_size=FRAME_MOST_BYTES,
                server_header="stationd-csms",
                ssl=self._ssl,
                logger=_SILENT,
                create_connection=_connections(lambda reason: self._turned_away("", reason)),
            )
        except OSError as error:
            where = f"{self._host} port {self._wanted_port}"
            raise SetupFault(f"{where}: cannot listen there ({error.strerror}); stop what does, or take another port with --port") from error

    async def stop(self) -> None:
        """Close every link and the port.  Answers still held back are forgotten.  Raises what a hook raised that was no Refusal."""
        for task in list(self._tasks):
            task.cancel()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for _, waiting in self._waiters:
            waiting.cancel()
        self._waiters.clear()
        if self._hook_errors:
            raise self._hook_errors.pop(0)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            return self._wanted_port
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """The endpoint URL for a station, without its identity."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'ws' if self._ssl is None else 'wss'}://{host}:{self.port}"

    # Whoever comes

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        identity = _identity(request)
        refused = ""
        if self.on_knock is not None:
            header = request.headers.get("Authorization")
            refused = self.on_knock(identity, None if header is None else _credentials(header))
        if self.refuse_with is not None:
            return connection.respond(self.refuse_with, "not now\n")
        if not 0 < len(identity) <= IDENTITY_MOST:
            return self._refused(connection, identity, 404, f"the path must end with an identity of 1 to {IDENTITY_MOST} characters")
        if refused:
            return self._refused(connection, identity, 401, refused)
        if self._passwords is None:
            return None
        wanted = self._passwords.get(identity, self._passwords.get(ANYBODY))
        if wanted is None:
            return self._refused(connection, identity, 404, "this identity is not known here")
        user, password = _credentials(request.headers.get("Authorization", ""))
        if user == identity.encode() and hmac.compare_digest(password, wanted):
            return None
        return self._refused(connection, identity, 401, "wrong user or password")

    def _refused(self, connection: ServerConnection, identity: str, status: int, reason: str) -> Response:
        self._turned_away(identity, f"{reason} ({status})")
        response = connection.respond(status, f"{reason}\n")
        if status == 401:  # noqa: PLR2004 (Unauthorized)
            response.headers["WWW-Authenticate"] = 'Basic realm="stationd csms"'
        return response

    def _turned_away(self, identity: str, reason: str) -> None:
        if self.on_turned_away is not None:
            self.on_turned_away(identity, reason)

    def _select(self, _: ServerConnection, offered: Iterable[Subprotocol]) -> Subprotocol | None:
        spoken = [SUBPROTOCOLS[version] for version in self.versions]
        return next((name for name in offered if name in spoken), None)

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request is not None  # noqa: S101 (there is no connection without one)
        identity = _identity(socket.request)
        version = names.SUBPROTOCOLS.get(socket.subprotocol or "")
        if version is None:
            offered = ", ".join(socket.request.headers.get_all("Sec-WebSocket-Protocol")) or "none"
            wanted = " or ".join(SUBPROTOCOLS[one] for one in self.versions) or "none"
            self._turned_away(identity, f"it offers the subprotocol {offered}; right would be {wanted}")
            self._record(identity, "open", payload="no OCPP version in common", problem="no version")
            if not self._keeps_strangers:
                await socket.close(1002, "no OCPP version in common")
            await socket.wait_closed()
            self._record(identity, "closed", payload=_ending(socket))
            return
        link = _Link(identity, version, socket)
        before = self._links.get(identity)
        self._links[identity] = link
        if before is not None:
            # The station has come back before we noticed that it was gone; its newest link is the one that counts.
            before.socket.transport.abort()
        self._record(identity, "open", payload=f"OCPP {version}")
        try:
            async for message in socket:
                await self._received(link, message)
        except ConnectionClosed:
            pass
        finally:
            if self._links.get(identity) is link:
                del self._links[identity]
            for action, waiting in link.pending.values():
                if not waiting.done():
                    waiting.set_exception(NoAnswer(f"{identity}: the link ended before {action} was answered"))
            self._record(identity, "closed", payload=_ending(socket), problem=_spoilt(socket))

    # Frames

    async def _received(self, link: _Link, message: str | bytes) -> None:
        frame = _read(message)
        if isinstance(frame, str):
            self._record(link.identity, "garbage", payload=message if isinstance(message, str) else message.hex(), problem=frame)
            return
        kind, message_id = frame[0], frame[1]
        if kind in (CALL, SEND):
            await self._called(link, kind, message_id, frame[2], frame[3])
            return
        action, waiting = link.pending.pop(message_id, ("", None))
        problem = "" if waiting is not None else "an answer to nothing that was asked"
        if kind == CALLRESULT:
            if action:
                problem = self._verdict(link.version, f"{action}Response", frame[2])[1]
            self._record(link.identity, KINDS[kind], message_id, action, frame[2], problem)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame[2])
            return
        error = {"code": frame[2], "description": frame[3], "details": frame[4]}
        self._record(link.identity, KINDS[kind], message_id, action, error, problem if kind == CALLERROR else "")
        if waiting is not None and not waiting.done():
            waiting.set_exception(Refusal(frame[2], frame[3], frame[4]))

    async def _called(self, link: _Link, kind: int, message_id: str, action: str, request: Payload) -> None:
        known = action in names.FROM_STATION and names.is_known(link.version, action)
        if kind == SEND:
            known = link.version == names.V21 and action in names.SENDS_21
        code, problem = self._verdict(link.version, action if kind == SEND else f"{action}Request", request) if known else ("", "")
        if not known:
            # NotSupported: OCPP has it, but no station sends it to a CSMS.  NotImplemented: OCPP does not have it (Part 4, 4.3).
            code = "NotSupported" if names.is_known(link.version, action) else "NotImplemented"
            problem = "no action that a station may send" if code == "NotSupported" else f"no action of OCPP {link.version}"
        self._record(link.identity, KINDS[kind], message_id, action, request, problem)
        if kind == SEND:
            return
        instead: Hooked = None
        if self.on_call is not None:
            try:
                hooked = self.on_call(link.identity, action, request)
                if isawaitable(hooked):
                    task = asyncio.get_running_loop().create_task(self._later(link, message_id, action, request, hooked, code, problem))
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                    return
                instead = hooked
            except Exception as error:  # noqa: BLE001 (a hook is somebody else's code)
                instead = self._raised(error)
        await self._answer(link, message_id, action, request, instead, code, problem)

    async def _later(self, link: _Link, message_id: str, action: str, request: Payload, held: Awaitable[Hooked], code: str, problem: str) -> None:
        try:
            instead = await held
        except Exception as error:  # noqa: BLE001 (a hook is somebody else's code)
            instead = self._raised(error)
        await self._answer(link, message_id, action, request, instead, code, problem)

    def _raised(self, error: Exception) -> Refusal:
        """What a hook raised: a refusal, or its own bug, which ``stop`` raises again so that no test passes over it."""
        if isinstance(error, Refusal):
            return error
        self._hook_errors.append(error)
        return Refusal("InternalError", "the hook of this CSMS failed")

    async def _answer(self, link: _Link, message_id: str, action: str, request: Payload, instead: object, code: str, problem: str) -> None:
        if instead is Instead.WITHHOLD:
            return
        if instead is Instead.DROP:
            link.socket.transport.abort()
            return
        if instead is None:
            # An action that we do not know is never answered with a result; one that breaks its schema only where nobody checks.
            if code and (self._check or not names.is_known(link.version, action) or action not in names.FROM_STATION):
                instead = Refusal(code, problem)
            else:
                try:
                    instead = answer(link.version, action, request, self.settings, self.now())
                except (KeyError, TypeError, AttributeError):
                    instead = Refusal("FormatViolation", problem)
        if isinstance(instead, Refusal):
            error = {"code": instead.code, "description": instead.description, "details": instead.details}
            await self._send(link, [CALLERROR, message_id, instead.code, instead.description[:255], instead.details], action, error)
        elif isinstance(instead, dict):
            await self._send(link, [CALLRESULT, message_id, instead], action, instead)
        else:
            self._raised(TypeError(f"on_call returned {type(instead).__name__} for {action}; must be a response, None, an Instead or a Refusal"))

    async def _send(self, link: _Link, frame: list[Any], action: str, payload: Any, problem: str = "") -> None:
        self._record(link.identity, KINDS[frame[0]], frame[1], action, payload, problem, sent=True)
        try:
            await link.socket.send(msgspec.json.encode(frame).decode())
        except ConnectionClosed:
            return

    def _verdict(self, version: str, name: str, payload: Any) -> tuple[str, str]:
        problem = self._schemas.verdict(version, name, msgspec.json.encode(payload))
        return ("", "") if problem is None else (problem.code, problem.description)

    # The log

    def _record(
        self, identity: str, kind: str, message_id: str = "", action: str = "", payload: Any = None, problem: str = "", *, sent: bool = False
    ) -> None:
        entry = Entry(
            at=self._clock(), identity=identity, sent=sent, kind=kind, message_id=message_id, action=action, payload=payload, problem=problem
        )
        self.log.setdefault(identity, deque(maxlen=self._log_most)).append(entry)
        for wanted, waiting in list(self._waiters):
            if not waiting.done() and wanted(entry):
                waiting.set_result(entry)
        if self.observer is not None:
            self.observer(entry)

    def problems(self) -> list[Entry]:
        """Everything in the log that some station did wrong."""
        return [entry for entries in self.log.values() for entry in entries if entry.problem and not entry.sent]

    async def seen(self, wanted: Callable[[Entry], bool], *, timeout_s: float = ANSWER_LIMIT_S) -> Entry:
        """The first entry that is *wanted*, of those in the log and those to come.

        Raises:
            NoAnswer: None came in time.
        """
        for entry in sorted((entry for entries in self.log.values() for entry in entries), key=lambda entry: entry.at):
            if wanted(entry):
                return entry
        return await self.next_seen(wanted, timeout_s=timeout_s)

    async def next_seen(self, wanted: Callable[[Entry], bool], *, timeout_s: float = ANSWER_LIMIT_S) -> Entry:
        """The first entry to come that is *wanted*.

        Raises:
            NoAnswer: None came in time.
        """
        waiting: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._waiters.append((wanted, waiting))
        try:
            async with asyncio.timeout(timeout_s):
                return await waiting
        except TimeoutError as error:
            raise NoAnswer(f"nothing of that kind within {timeout_s:g} s") from error
        finally:
            self._waiters = [pair for pair in self._waiters if pair[1] is not waiting]

    async def heard(self, identity: str, action: str, *, timeout_s: float = ANSWER_LIMIT_S) -> Payload:
        """The request of the first CALL or SEND of *action* from a station, in the log or to come.  Raises NoAnswer as ``seen`` does."""

        def wanted(entry: Entry) -> bool:
            return not entry.sent and entry.kind in ("CALL", "SEND") and (entry.identity, entry.action) == (identity, action)

        entry = await self.seen(wanted, timeout_s=timeout_s)
        request: Payload = entry.payload
        return request

    # Doing something to a station

    @property
    def stations(self) -> dict[str, str]:
        """Identity -> OCPP version, of the stations that have a link."""
        return {identity: self._links[identity].version for identity in sorted(self._links)}

    async def connected(self, identity: str, *, timeout_s: float = ANSWER_LIMIT_S) -> None:
        """Return once a station has a link.  Raises NoAnswer where it has none in time."""
        if identity not in self._links:
            await self.next_seen(lambda entry: entry.kind == "open" and not entry.problem and entry.identity == identity, timeout_s=timeout_s)

    async def call(self, identity: str, action: str, payload: Payload | None = None, *, timeout_s: float = ANSWER_LIMIT_S) -> Payload:
        """Send a CALL and return the answer's payload.  Waits while another CALL is outstanding at this station (Part 4, 4.1.1).

        Without a *payload* the smallest sensible one is made.  What is sent is not checked: a test may want to send rubbish.

        Raises:
            NotConnected: No such link.
            NoAnswer: None came in *timeout_s*, counted from when it was sent.
            Refusal: The station answered with a CALLERROR.
            ValueError: Without a payload: what is missing.
        """
        link = self._link(identity)
        if payload is None:
            payload = self.draft(identity, action)
        async with link.calling:
            if self._links.get(identity) is not link:
                raise NoAnswer(f"{identity}: the link ended before {action} was sent")
            message_id = self.next_id()
            waiting: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
            link.pending[message_id] = (action, waiting)
            problem = self._verdict(link.version, f"{action}Request", payload)[1]
            try:
                await self._send(link, [CALL, message_id, action, payload], action, payload, problem)
                async with asyncio.timeout(timeout_s):
                    return await waiting
            except TimeoutError as error:
                raise NoAnswer(f"{identity}: {action} was not answered within {timeout_s:g} s") from error
            finally:
                link.pending.pop(message_id, None)

    def draft(self, identity: str, action: str) -> Payload:
        """The smallest sensible request for a station.

        Raises:
            NotConnected: No such link.
            ValueError: The action is none, or only its sender can know what belongs into it; the text says what.
        """
        version = self._link(identity).version
        found = schema(version, f"{action}Request")
        if found is None:
            raise ValueError(f"{action}: OCPP {version} has no such action")
        self._ids += 1
        made, missing = draft(found, self._ids, self.now())
        if missing:
            raise ValueError(f"{action} needs {', '.join(missing)}")
        return made

    async def send_raw(self, identity: str, text: str | bytes) -> None:
        """Send whatever it is: a text message for a str, a binary one for bytes.  Raises NotConnected."""
        link = self._link(identity)
        self._record(identity, "garbage", payload=text if isinstance(text, str) else text.hex(), sent=True)
        await link.socket.send(text)

    def drop(self, identity: str) -> None:
        """Cut a station's TCP connection, without a word.  Raises NotConnected."""
        self._link(identity).socket.transport.abort()

    async def close(self, identity: str, code: int = 1000, reason: str = "") -> None:
        """Close a station's link with a handshake.  Raises NotConnected."""
        await self._link(identity).socket.close(code, reason)

    def next_id(self) -> str:
        """A message id that nobody used before."""
        self._ids += 1
        return f"csms-{self._id_start}-{self._ids}"

    def now(self) -> str:
        """The time, as OCPP writes it: UTC, milliseconds."""
        return self._clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _link(self, identity: str) -> _Link:
        link = self._links.get(identity)
        if link is None:
            here = ", ".join(sorted(self._links)) or "none"
            raise NotConnected(f"{identity}: no such station has a link; connected: {here}")
        return link


def _identity(request: Request) -> str:
    return unquote(urlsplit(request.path).path.rpartition("/")[2])


def _credentials(header: str) -> tuple[bytes, bytes]:
    """User and password of basic authentication, as bytes: a password need not be a text."""
    scheme, _, word = header.partition(" ")
    try:
        user, _, password = a2b_base64(word.strip(), strict_mode=True).partition(b":") if scheme.lower() == "basic" else (b"", b"", b"")
    except (Base64Error, ValueError):
        return b"", b""
    return user, password


def _handshakes(tell: Callable[[str], None]) -> type[ssl.SSLObject]:
    """TLS as ever; whose handshake fails is told of, because no connection ever comes of it."""

    class Watched(ssl.SSLObject):
        steps = 0
        over = False

        def do_handshake(self) -> None:
            self.steps += 1
            try:
                super().do_handshake()
            except ssl.SSLWantReadError:
                raise
            except ssl.SSLError as error:
                self.over = True
                tell(_tls_reason(error))
                raise
            self.over = True

        def __del__(self) -> None:
            # The first step waits for what the other side says, the second answers it.
            if not self.over and self.steps > 1:
                tell("it broke off TLS when it saw the CSMS's certificate; have it trust the root of --cert")

    return Watched


def _tls_reason(error: ssl.SSLError) -> str:
    reason = error.reason or str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate will not do: {error.verify_message}"
    if "ALERT" in reason:
        return f"it does not take the CSMS's certificate, or something else of TLS ({reason}); have it trust the root of --cert"
    return TLS_REASONS.get(reason, f"TLS failed ({reason})")


def _connections(tell: Callable[[str], None]) -> type[ServerConnection]:
    """Connections as ever; those that end before there is a WebSocket are told of."""

    class Watched(ServerConnection):
        def connection_lost(self, exc: Exception | None) -> None:
            error = self.protocol.handshake_exc
            if error is not None:
                tell(f"{error}{'' if self.request else ', but perhaps wss:// where ws:// is spoken'}")
            super().connection_lost(exc)

    return Watched


def _spoilt(socket: ServerConnection) -> str:
    """What a station sent that the link had to end for; empty where it ended otherwise."""
    sent = socket.protocol.close_sent
    return "" if sent is None or socket.protocol.close_rcvd_then_sent else SPOILT.get(sent.code, "")


def _ending(socket: ServerConnection) -> str:
    code, reason = socket.close_code, socket.close_reason
    return "without a close frame" if code in (None, 1006) else f"code {code}" + (f": {reason}" if reason else "")


def _read(message: str | bytes) -> list[Any] | str:
    """The members of an OCPP-J frame, or what is wrong with it."""
    if isinstance(message, bytes):
        return "a binary message"
    try:
        frame = msgspec.json.decode(message)
    except (msgspec.DecodeError, RecursionError) as error:
        return f"no JSON: {error}"
    if not isinstance(frame, list) or not frame or type(frame[0]) is not int or frame[0] not in SIZES:
        return "no array that begins with a message type"
    if len(frame) != SIZES[frame[0]]:
        return f"{KINDS[frame[0]]} of {len(frame)} members, must be {SIZES[frame[0]]}"
    if not isinstance(frame[1], str):
        return "the message id is no text"
    texts = {CALL: (2,), SEND: (2,), CALLRESULT: (), CALLERROR: (2, 3), CALLRESULTERROR: (2, 3)}[frame[0]]
    if not all(isinstance(frame[n], str) for n in texts) or not isinstance(frame[-1], dict):
        return f"{KINDS[frame[0]]} with members of the wrong type"
    return frame
