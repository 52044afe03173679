"""The other end of every measured link: a CSMS that measures.

Law: between the two readings of the clock lie a write, the program that is measured, and the arrival of its answer; frames are made before and read
after.  Nothing of the CSMS's own work is in a figure, because what is in both terms of a ratio flatters it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from time import perf_counter_ns
from typing import Self

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

ANSWER_LIMIT_S = 30.0
"""An answer that takes longer is a failure of the measurement."""

QUIET_S = 0.4
"""A station that says nothing for so long has said what it had to say after its start."""

INTERVAL_S = 86_400
"""Heartbeats stay out of the figures."""


OCPP = Subprotocol("ocpp2.1")


class Silent(RuntimeError):
    """A program did not do what it is measured for."""


def choose(protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:  # noqa: ARG001 (its caller's signature)
    """OCPP 2.1 to a station; nothing to a yardstick, which offers nothing."""
    return OCPP if OCPP in offered else None


class Link(asyncio.Protocol):
    """One program's connection."""

    def __init__(self, csms: Csms) -> None:
        self._csms = csms
        self._protocol = ServerProtocol(select_subprotocol=choose)
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.name = ""
        self.echoes = False
        """Whether the other end is a yardstick, whose every text is its answer."""
        self.heard_at = time.monotonic()
        self._quiet: asyncio.Future[None]
        self._reported: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.booted: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """When the BootNotification arrived, on the clock of ``perf_counter_ns``."""
        self.boot_frame = b""
        self.report: list[bytes] = []
        """The parts of the report that was asked for last."""

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody dialled."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """The clock is read before anything else is done."""
        at = perf_counter_ns()
        protocol = self._protocol
        protocol.receive_data(data)
        for event in protocol.events_received():
            if isinstance(event, Request):
                response = protocol.accept(event)
                protocol.send_response(response)
                self.name = event.path.strip("/").rpartition("/")[2]
                self.echoes = protocol.subprotocol is None
                self._csms.opened(self)
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                assert event.fin, f"{self.name} sends fragments, which this CSMS does not read"
                self._text(bytes(event.data), at)
        self._push()

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits for an answer is told."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Silent(f"{self.name} hung up instead of answering ({exc})"))

    # Asking

    async def ask(self, frame: bytes) -> tuple[int, bytes]:
        """Send *frame*; nanoseconds until its answer arrived, and the answer."""
        assert self._transport is not None
        self._answer = answer = asyncio.get_running_loop().create_future()
        self._protocol.send_text(frame)
        data = b"".join(self._protocol.data_to_send())
        begun = perf_counter_ns()
        self._transport.write(data)
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                at, text = await answer
        except TimeoutError:
            raise Silent(f"{self.name} has not answered within {ANSWER_LIMIT_S:g} s") from None
        return at - begun, text

    async def ask_report(self, frame: bytes) -> tuple[int, list[bytes]]:
        """Ask for a report with *frame*; nanoseconds until its last part arrived, and what arrived: the answer, then the parts."""
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        self._answer, self._reported = loop.create_future(), loop.create_future()
        self.report = []
        self._protocol.send_text(frame)
        data = b"".join(self._protocol.data_to_send())
        begun = perf_counter_ns()
        self._transport.write(data)
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                _, text = await self._answer
                at = await self._reported
        except TimeoutError:
            raise Silent(f"{self.name} has not told its report within {ANSWER_LIMIT_S:g} s") from None
        return at - begun, [text, *self.report]

    async def quiet(self) -> None:
        """Return when the station has said nothing for a while."""
        loop = asyncio.get_running_loop()
        self._quiet = loop.create_future()
        self._watch()
        await self._quiet

    def _watch(self) -> None:
        left_s = self.heard_at + QUIET_S - time.monotonic()
        if left_s > 0:
            asyncio.get_running_loop().call_later(left_s, self._watch)
        else:
            self._quiet.set_result(None)

    def abort(self) -> None:
        """Let go."""
        if self._transport is not None:
            self._transport.abort()

    # Answering

    def _text(self, text: bytes, at: int) -> None:
        self.heard_at = time.monotonic()
        if text.startswith(b"[2,") and not self.echoes:
            self._serve(text, at)
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result((at, text))

    def _serve(self, text: bytes, at: int) -> None:
        _, message_id, action, _ = json.loads(text)
        payload: dict[str, object] = {}
        if action == "BootNotification":
            payload = {"currentTime": now(), "interval": INTERVAL_S, "status": "Accepted"}
            if not self.booted.done():
                self.boot_frame = text
                self.booted.set_result(at)
        elif action == "Heartbeat":
            payload = {"currentTime": now()}
        elif action == "NotifyReport":
            self.report.append(text)
            if b'"tbc":true' not in text and not self._reported.done():
                self._reported.set_result(at)
        self._protocol.send_text(json.dumps([3, message_id, payload]).encode())

    def _push(self) -> None:
        data = b"".join(self._protocol.data_to_send())
        if data and self._transport is not None:
            self._transport.write(data)


def now() -> str:
    """The wall time as OCPP writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Csms:
    """A server on a port of its own; programs are told apart by the last part of the path that they dial."""

    def __init__(self) -> None:
        self.port = 0
        self._server: asyncio.Server | None = None
        self._expected: dict[str, asyncio.Future[Link]] = {}
        self._links: list[Link] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for link in self._links:
            link.abort()

    @property
    def url(self) -> str:
        """What a station is given; it appends its identity."""
        return f"ws://127.0.0.1:{self.port}"

    def expect(self, name: str) -> asyncio.Future[Link]:
        """The link of the next program that dials as *name*."""
        found = self._expected[name] = asyncio.get_running_loop().create_future()
        return found

    def opened(self, link: Link) -> None:
        """A program is there."""
        self._links.append(link)
        waiting = self._expected.pop(link.name, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(link)
