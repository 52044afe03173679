"""A station in this process: the daemon's loop, the port to the CSMS with its real sockets, a journal in memory, and a clock that a test moves."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Self

from adapters.csms import CsmsPort
from adapters.daemon import Daemon
from engine.event import Fact, Input
from engine.kernel import Turn
from engine.machine import Station
from engine.recorder import Recorder
from eventlog.fold import Folded, fold
from eventlog.vault import SECRET, MemoryVault
from machines.effects import SetEvse, Shred
from machines.inputs import Started
from machines.network.machine import ApplyPlan
from machines.station import STATION
from tests.adapters.doubles import CommitClock
from tests.adapters.test_daemon import Clock, FailingJournal, Outside
from tests.story import JOURNAL, F, declarations
from tests.waiting import PATIENCE_S
from tests.wire.samples import read
from wire.schemas import Schemas

PASSWORD = "correct horse battery staple"


class Hardware(Outside):
    """Everything but the CSMS: nothing is performed."""

    performs = (SetEvse, ApplyPlan, Shred)


class LiveStation:
    """``async with LiveStation(url)``: it dials at once."""

    def __init__(self, url: str, *, settings: dict[str, str] | None = None, inputs: Iterable[Input] = (), password: str = "") -> None:
        self.clock = Clock()
        self.journal = FailingJournal()
        self.vault = MemoryVault(b"key")
        self.port = CsmsPort(Schemas(read), self.vault, JOURNAL)
        self.turns: list[Turn] = []
        self._inputs = tuple(inputs)
        self._changed = asyncio.Event()
        profile = {"configurationSlot": 1, "connectionData": {"ocppCsmsUrl": url, "securityProfile": 2}}
        secret = {"SecurityCtrlr.BasicAuthPassword": self.seal(password)} if password else {}
        self._config = declarations({"InternalCtrlr.NetworkConnectionProfiles": json.dumps([profile]), **secret, **(settings or {})})
        ports = (self.port, Hardware(self.journal))
        recorder = Recorder(clock=self.clock, entropy=lambda: 7)
        self.daemon = Daemon(STATION, self.journal, recorder, Folded(STATION.genesis()), ports, observers=[self._observe], clock=CommitClock())
        self.port.attach(self.daemon.put, self.daemon.drain)

    @property
    def station(self) -> Station:
        """The station as it stands."""
        return self.daemon.station

    def seal(self, text: str) -> str:
        """A secret as it stands in an input."""
        return self.vault.keep(text, SECRET)

    def _observe(self, turn: Turn, _: Station) -> None:
        self.turns.append(turn)
        self._changed.set()

    async def __aenter__(self) -> Self:
        # The server's side of handshakes that fail.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        started = Started(journal=JOURNAL, build="t", boot_id="b", boottime_us=0, wall_us=1_800_000_000_000_000)
        self.daemon.start(started, [self._config, *self._inputs])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.daemon.close()
        assert fold(STATION, Folded(STATION.genesis()), self.journal.rows()).station == self.daemon.station

    def facts(self, kind: type[F]) -> list[F]:
        """The durable facts of one kind."""
        return [fact for turn in self.turns for fact in turn.facts if isinstance(fact, kind)]

    async def until(self, reached: Callable[[], object]) -> None:
        """Return when *reached* is so; looked at after every turn with facts."""
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                self._changed.clear()
                await self._changed.wait()

    async def happened(self, kind: type[Fact], times: int = 1) -> None:
        """Return when a fact was concluded that often."""
        await self.until(lambda: len(self.facts(kind)) >= times)

    async def tell(self, input: Input) -> None:
        """Something happens."""
        self.daemon.tell(input)
        await self.daemon.journalled()

    def later(self, seconds: float) -> None:
        """Time passes at once; what is due then is done."""
        self.clock.us += round(seconds * 1e6)
        self.daemon._wake()


class Front:
    """The port that a station dials: passed on to whichever server stands behind it at the moment, so that a CSMS can be replaced under its URL."""

    def __init__(self, target: int = 0) -> None:
        self.target = target
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            there, onward = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        try:
            await asyncio.gather(_pipe(reader, onward), _pipe(there, writer))
        finally:
            onward.transport.abort()
            writer.transport.abort()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


class PlainServer:
    """A server in a thread, for what asyncio's TLS does not do: it sends the alert of a handshake that fails, or any bytes at all.

    *context*: the TLS that it offers; *answer*: the bytes that it answers the first ones with instead.
    """

    def __init__(self, context: ssl.SSLContext | None = None, answer: bytes = b"") -> None:
        self._context = context
        self._answer = answer
        self.shook_hands = 0
        self.received = b""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE_S)
            with sock, suppress(OSError):
                if self._context is None:
                    sock.recv(1 << 16)
                    sock.sendall(self._answer)
                    sock.recv(1)
                    continue
                with self._context.wrap_socket(sock, server_side=True) as tls:
                    self.shook_hands += 1
                    self.received += tls.recv(1 << 16)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake a thread that accepts.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(PATIENCE_S)
