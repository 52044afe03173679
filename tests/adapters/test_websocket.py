"""The WebSocket of a link against servers on loopback: friendly ones, rude ones, broken ones.

Law: every wait is for something that happens; the limits are there only so that a failing test ends.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import logging
import random
import socket
import ssl
from base64 import b64decode
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

import pytest

from adapters import websocket
from adapters.websocket import CLOSE_LIMIT_S, WebSocket, connection_uri
from tests.adapters.doubles import HeldTimers
from tests.waiting import PATIENCE_S

from websockets.frames import Close, Frame, Opcode  # isort: skip
from websockets.utils import accept_key

FOREVER_S = 600.0


class Heard:
    """Everything that the link told, in order, and a way to wait for the next thing."""

    def __init__(self) -> None:
        self.all: list[tuple[Any, ...]] = []
        self.reads: list[int] = []
        self._queue: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()

    def _put(self, *what: Any) -> None:
        self.all.append(what)
        self._queue.put_nowait(what)

    def opened(self, subprotocol: str | None) -> None:
        """Told."""
        self._put("opened", subprotocol)

    def text(self, data: bytes) -> None:
        """Told."""
        assert type(data) is bytes
        self._put("text", data)

    def binary(self, size_bytes: int) -> None:
        """Told."""
        self._put("binary", size_bytes)

    def closed(self, reason: str, code: int, detail: str) -> None:
        """Told."""
        self._put("closed", reason, code, detail)

    def all_heard(self) -> None:
        """Remember how much had been told by then."""
        self.reads.append(len(self.all))

    async def next(self) -> tuple[Any, ...]:
        """What is told next."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._queue.get()


class Peer:
    """The server's end of one connection, moved by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.headers: dict[str, str] = {}
        self.request = ""

    async def take_request(self) -> None:
        """Read the upgrade."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.request = head[0]
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}

    def answer(self, *, subprotocol: str | None = "ocpp2.1", more: str = "", key: str | None = None) -> bytes:
        """A good answer to the upgrade, as far as the arguments leave it good."""
        chosen = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
        accept = accept_key(key or self.headers["sec-websocket-key"])
        return (
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{chosen}{more}\r\n"
        ).encode()

    async def agree(self) -> Peer:
        """Let the link open."""
        await self.take_request()
        self.writer.write(self.answer())
        return self

    def send(self, opcode: Opcode, data: bytes, *, fin: bool = True) -> None:
        """One frame."""
        self.writer.write(Frame(opcode, data, fin).serialize(mask=False))

    async def frame(self) -> Frame:
        """The station's next frame."""
        run = Frame.parse(self._exactly, mask=True)
        want = next(run)
        while True:
            got = await self.reader.readexactly(want)  # type: ignore[arg-type]
            try:
                want = run.send(got)  # type: ignore[arg-type]
            except StopIteration as end:
                frame: Frame = end.value
                return frame

    @staticmethod
    def _exactly(size: int) -> Any:
        got = yield size
        return got

    def reset(self) -> None:
        """End TCP with a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[object]]


class Bench:
    """One link, and one server that follows a script."""

    def __init__(self, script: Script, *, max_bytes: int = 1 << 16) -> None:
        self.script = script
        self.heard = Heard()
        self.link = WebSocket(self.heard, max_bytes=max_bytes)
        self.peer: asyncio.Future[Peer] = asyncio.get_running_loop().create_future()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.server: asyncio.Server
        self.context: ssl.SSLContext | None = None

    async def __aenter__(self) -> Self:
        await self.serve()
        return self

    async def serve(self, host: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> None:
        """Listen."""
        self.server = await asyncio.start_server(self._accept, host, 0, ssl=context)

    @property
    def port(self) -> int:
        """Where the server listens."""
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self.tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        if not self.peer.done():
            self.peer.set_result(peer)
        try:
            await self.script(peer)
            # Whatever the script left open stays open until the story is over.
            await asyncio.Event().wait()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    def hold_timers(self) -> HeldTimers:
        """Let the link's limits and pings be due when the test says so."""
        timers = HeldTimers(asyncio.get_running_loop())
        self.link._loop = timers  # type: ignore[assignment]
        return timers

    def dial(self, url: str | None = None, **changed: Any) -> None:
        """Dial the server, or *url*."""
        options: dict[str, Any] = {
            "identity": "CP001",
            "subprotocols": ("ocpp2.1", "ocpp2.0.1"),
            "basic_auth": None,
            "ssl_context": self.context,
            "connect_timeout_s": PATIENCE_S,
            "ping_interval_s": 0,
            "ping_timeout_s": 0,
        }
        self.link.dial(url or f"ws://127.0.0.1:{self.port}/ocpp", **{**options, **changed})

    async def open(self, **changed: Any) -> None:
        """Dial, and wait until the link is open."""
        self.dial(**changed)
        assert await self.heard.next() == ("opened", "ocpp2.1")

    async def __aexit__(self, *_: object) -> None:
        if not any(what[0] == "closed" for what in self.heard.all):
            self.link.close()
            for task in self.tasks:
                task.cancel()
            while (await self.heard.next())[0] != "closed":
                pass
        self.server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        # The law of the file under test: one last word, and it is the last.
        assert [what[0] for what in self.heard.all].count("closed") == 1
        assert self.heard.all[-1][0] == "closed"


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story on a loop of its own, and see that it leaves nothing behind."""

    async def limited() -> None:
        async with asyncio.timeout(PATIENCE_S * 2):
            await story()

    asyncio.run(limited())
    gc.collect()


async def agree(peer: Peer) -> None:
    """The usual script."""
    await peer.agree()


def saying(answer: bytes) -> Script:
    """A server that answers the upgrade with *answer* and stays."""

    async def script(peer: Peer) -> None:
        await peer.take_request()
        peer.writer.write(answer)

    return script


# Opening


def test_the_upgrade_says_who_we_are_and_what_we_speak() -> None:
    """Broken: a CSMS that finds the identity in the path, or the password in the header, would not find it."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open(identity="RDAM|123", basic_auth="p:ä ss")
            peer = await bench.peer
            assert peer.request == "GET /ocpp/RDAM%7C123 HTTP/1.1"
            assert peer.headers["sec-websocket-protocol"] == "ocpp2.1, ocpp2.0.1"
            assert peer.headers["host"] == f"127.0.0.1:{bench.port}"
            assert "sec-websocket-extensions" not in peer.headers
            assert b64decode(peer.headers["authorization"].removeprefix("Basic ")).decode() == "RDAM|123:p:ä ss"

    run(story)


def test_without_a_password_no_credentials_are_sent_not_even_those_of_the_url() -> None:
    """Broken: a password that somebody put into the URL would be used, which is in the journal in clear text."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open(url=f"ws://CP001:url-secret@127.0.0.1:{bench.port}/ocpp/")
            peer = await bench.peer
            assert "authorization" not in peer.headers
            assert peer.request == "GET /ocpp/CP001 HTTP/1.1"

    run(story)


@pytest.mark.parametrize(
    ("url", "identity", "expected"),
    [
        ("ws://csms.example", "CP1", (False, "csms.example", 80, "/CP1")),
        ("wss://csms.example/ocpp/", "CP1", (True, "csms.example", 443, "/ocpp/CP1")),
        ("ws://[::1]:9000/a/b", "C/P 1", (False, "::1", 9000, "/a/b/C%2FP%201")),
        ("ws://csms.example/a%20b?tenant=1", "CP1", (False, "csms.example", 80, "/a%20b/CP1?tenant=1")),
        ("ws://csms.example/a b", "CP1", (False, "csms.example", 80, "/a%20b/CP1")),
        ("ws://u:p@csms.example/", "CP1", (False, "csms.example", 80, "/CP1")),
        ("wss://exämple.org/ocpp", "CP1", (True, "xn--exmple-cua.org", 443, "/ocpp/CP1")),
    ],
)
def test_the_stations_own_url(url: str, identity: str, expected: tuple[Any, ...]) -> None:
    """Broken: the station would ask at a path that its CSMS does not serve (Part 4, 3.1.1)."""
    found = connection_uri(url, identity)
    assert (found.secure, found.host, found.port, found.resource_name) == expected
    assert found.user_info is None


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("http://csms.example", "CP1"),
        ("ws:///ocpp", "CP1"),
        ("ws://csms.example:port/", "CP1"),
        ("ws://csms.example:99999/", "CP1"),
        ("ws://[::1/ocpp", "CP1"),
        ("ws://csms.example/#top", "CP1"),
        ("ws://csms.example", ""),
        ("ws://csms.example", "C:P"),
        ("not a url", "CP1"),
        (f"ws://u:hidden@{'ä' * 70}.example", "CP1"),
    ],
)
def test_a_url_that_is_none_is_told_like_any_link_that_does_not_open(url: str, identity: str) -> None:
    """Broken: one bad SetNetworkProfile would raise in the daemon, or leave it waiting for ever."""

    async def story() -> None:
        async with Bench(agree) as bench:
            bench.dial(url, identity=identity)
            assert bench.heard.all == []  # told when the loop comes round, never from within dial
            _, reason, code, detail = await bench.heard.next()
            assert (reason, code) == ("unreachable", 0)
            assert "cannot be used" in detail
            assert "hidden" not in detail

    run(story)


def test_a_server_that_chooses_no_subprotocol_opens_the_link() -> None:
    """Broken: the version machine could not say why it hangs up (Part 4, 3.3)."""

    async def story() -> None:
        async def script(peer: Peer) -> None:
            await peer.take_request()
            peer.writer.write(peer.answer(subprotocol=None))

        async with Bench(script) as bench:
            bench.dial()
            assert await bench.heard.next() == ("opened", None)

    run(story)


def test_an_answer_in_single_bytes_with_a_frame_at_its_heels() -> None:
    """Broken: a slow network, or a fast CSMS, would lose the first message."""

    async def story() -> None:
        async def script(peer: Peer) -> None:
            await peer.take_request()
            data = peer.answer() + Frame(Opcode.TEXT, b"[2]").serialize(mask=False)
            for byte in data[:-30]:
                peer.writer.write(bytes([byte]))
                await peer.writer.drain()
                await asyncio.sleep(0)
            peer.writer.write(data[-30:])

        async with Bench(script) as bench:
            await bench.open()
            assert await bench.heard.next() == ("text", b"[2]")

    run(story)


def test_nagle_is_off_and_ipv6_works() -> None:
    """Broken: an answer would wait 40 ms for an acknowledgement; a CSMS at an IPv6 address could not be reached."""

    async def story() -> None:
        bench = Bench(agree)
        try:
            await bench.serve("::1")
        except OSError:
            pytest.skip("no IPv6 on this machine")
        async with bench_of(bench):
            await bench.open(url=f"ws://[::1]:{bench.port}/ocpp")
            assert (await bench.peer).headers["host"] == f"[::1]:{bench.port}"
            transport = bench.link._transport
            assert transport is not None
            sock = transport.get_extra_info("socket")
            assert sock.family == socket.AF_INET6
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1

    run(story)


class bench_of:  # noqa: N801 (a with statement of a bench that serves already)
    """Take down a bench that was set up by hand."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    async def __aenter__(self) -> Bench:
        return self.bench

    async def __aexit__(self, *why: object) -> None:
        await self.bench.__aexit__(*why)


# Not opening


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "password"),
        (403, "identity"),
        (404, "identity"),
        (500, "HTTP status"),
        (503, "not available"),
        (302, "not followed"),
        (200, "HTTP status"),
    ],
)
def test_a_refusal_is_told_with_its_status_without_waiting_for_a_body(status: int, says: str) -> None:
    """Broken: a wrong password would look like a CSMS that is down; a refusal without a length would cost the whole time limit."""

    async def story() -> None:
        answer = f"HTTP/1.1 {status} Whatever\r\nLocation: ws://elsewhere.example/\r\n\r\n"
        async with Bench(saying(answer.encode())) as bench:
            bench.dial(connect_timeout_s=FOREVER_S)
            _, reason, code, detail = await bench.heard.next()
            assert (reason, code) == ("unauthorized" if status == 401 else "refused", status)
            assert says in detail

    run(story)


def test_a_proxy_that_refuses_in_http_1_0_is_understood() -> None:
    """Broken: a load balancer without a backend would be taken for a server that speaks something else."""

    async def story() -> None:
        async with Bench(saying(b"HTTP/1.0 503 Service Unavailable\r\n\r\n")) as bench:
            bench.dial()
            assert (await bench.heard.next())[1:3] == ("refused", 503)

    run(story)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc nonsense\r\n\r\n",
        b"HTTP/1.1\r\n",
        b"HTTP/1.1 " + b"9" * 5000,
        b"HTTP/1.1 101 Switching Protocols\r\nno colon here\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.0 101 Switching Protocols\r\n\r\n",
    ],
)
def test_what_is_no_upgrade_is_told_as_handshake(garbage: bytes) -> None:
    """Broken: a wrong port, or TLS where none was meant, would leave the station waiting or raise in its loop."""

    async def story() -> None:
        async with Bench(saying(garbage)) as bench:
            bench.dial(connect_timeout_s=FOREVER_S)
            assert (await bench.heard.next())[:3] == ("closed", "handshake", 0)

    run(story)


@pytest.mark.parametrize(
    "wrong",
    [
        {"subprotocol": "ocpp1.6"},
        {"subprotocol": "ocpp2.1, ocpp2.0.1"},
        {"key": "another key"},
        {"more": "Sec-WebSocket-Extensions: permessage-deflate\r\n"},
    ],
)
def test_an_upgrade_that_breaks_its_rules_does_not_open(wrong: dict[str, Any]) -> None:
    """Broken: the station would speak on a link that the server means differently (RFC 6455, 4.1)."""

    async def story() -> None:
        async def script(peer: Peer) -> None:
            await peer.take_request()
            peer.writer.write(peer.answer(**wrong))

        async with Bench(script) as bench:
            bench.dial()
            assert (await bench.heard.next())[:3] == ("closed", "handshake", 0)

    run(story)


def test_a_server_that_hangs_up_on_the_upgrade() -> None:
    """Broken: the last word would never come."""

    async def story() -> None:
        async def script(peer: Peer) -> None:
            await peer.take_request()
            peer.writer.write(b"HTTP/1.1 1")
            await peer.writer.drain()
            peer.reset()

        async with Bench(script) as bench:
            bench.dial()
            assert (await bench.heard.next())[:3] == ("closed", "handshake", 0)

    run(story)


def test_a_server_that_accepts_and_says_nothing_times_out() -> None:
    """Broken: one hung CSMS would keep the station from ever trying another slot."""

    async def story() -> None:
        async def script(_: Peer) -> None:
            return

        async with Bench(script) as bench:
            timers = bench.hold_timers()
            bench.dial(connect_timeout_s=30)
            await (await bench.peer).take_request()
            timers.fire(30)
            assert await bench.heard.next() == ("closed", "timeout", 0, "the server did not answer the upgrade within 30 s")

    run(story)


def test_nobody_listens() -> None:
    """Broken: the commonest failure of all would not be told."""

    async def story() -> None:
        async with Bench(agree) as bench:
            with socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))
                bench.dial(f"ws://127.0.0.1:{taken.getsockname()[1]}")
                assert (await bench.heard.next())[:3] == ("closed", "unreachable", 0)

    run(story)


def test_a_name_that_stands_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken: a typing error in the URL would not be told as one."""

    async def story() -> None:
        async def lookup(*_: Any, **__: Any) -> Any:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
        async with bench_of(Bench(agree)) as bench:
            bench.server = await asyncio.start_server(bench._accept, sock=_listening())
            bench.dial("ws://csms.example/")
            assert await bench.heard.next() == ("closed", "unreachable", 0, "Name or service not known")

    run(story)


def _listening() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


def test_a_connect_that_hangs_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken: a firewall that swallows our SYN would hold the station for minutes."""

    async def story() -> None:
        begun = asyncio.Event()

        async def hang(*_: Any, **__: Any) -> Any:
            begun.set()
            await asyncio.Event().wait()

        async with Bench(agree) as bench:
            timers = bench.hold_timers()
            monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", hang)
            bench.dial(connect_timeout_s=30)
            await begun.wait()
            timers.fire(30)
            assert await bench.heard.next() == ("closed", "timeout", 0, "no connection within 30 s")

    run(story)


def test_closing_before_the_link_is_open() -> None:
    """Broken: an orderly stop while dialling would hang, or leave a socket that opens later."""

    async def story() -> None:
        silence: Script = saying(b"")
        async with Bench(silence) as at_once:
            at_once.dial()
            at_once.link.close(1001, "going down")
            assert at_once.heard.all == []
            assert await at_once.heard.next() == ("closed", "closed by us", 0, "going down")
        async with Bench(silence) as waiting:
            waiting.dial()
            await waiting.peer
            waiting.link.close()
            assert (await waiting.heard.next())[:3] == ("closed", "closed by us", 0)
        async with Bench(silence) as never:
            never.link.close()
            with pytest.raises(RuntimeError, match="dialled or closed"):
                never.dial()
            assert (await never.heard.next())[:3] == ("closed", "closed by us", 0)

    run(story)


def test_a_link_is_dialled_once() -> None:
    """Broken: two sockets would tell into one link."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open()
            with pytest.raises(RuntimeError, match="dialled"):
                bench.dial()

    run(story)


# Messages


def test_messages_go_both_ways_in_order() -> None:
    """Broken: nothing else matters."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open()
            peer = await bench.peer
            for n in range(50):
                bench.link.send(b"%d" % n * 300)
                peer.send(Opcode.TEXT, b"%d" % n * 300)
            assert [(await peer.frame()).data for _ in range(50)] == [b"%d" % n * 300 for n in range(50)]
            assert [await bench.heard.next() for _ in range(50)] == [("text", b"%d" % n * 300) for n in range(50)]

    run(story)


def test_an_answer_leaves_within_the_read_that_brought_its_question() -> None:
    """Broken: every round trip would pay for another turn of the loop."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open()
            peer = await bench.peer
            link = bench.link
            transport = link._transport
            assert transport is not None
            bench.heard.all_heard = lambda: link.send(b"answer")  # type: ignore[method-assign]
            link.data_received(Frame(Opcode.TEXT, b"question").serialize(mask=False))
            assert transport.get_write_buffer_size() == 0  # gone into the kernel already
            assert (await peer.frame()).data == b"answer"

    run(story)


def test_what_came_in_one_read_is_marked_as_such() -> None:
    """Broken: messages that came together would cost a flush each, or wait for a message that never comes."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open()
            assert bench.heard.reads == [1]
            three = b"".join(Frame(Opcode.TEXT, data).serialize(mask=False) for data in (b"[1]", b"[2]", b"[3]"))
            bench.link.data_received(three[:-2])
            assert bench.heard.reads == [1, 3]
            bench.link.data_received(three[-2:-1])
            assert bench.heard.reads == [1, 3]
            bench.link.data_received(three[-1:])
            assert bench.heard.reads == [1, 3, 4]

    run(story)


def test_fragments_are_put_together_and_pings_between_them_are_answered() -> None:
    """Broken: a CSMS that splits long messages could not be understood (RFC 6455, 5.4)."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open()
            peer = await bench.peer
            whole = '[3,"m1",{"é":"€"}]'.encode()
            peer.send(Opcode.TEXT, whole[:13], fin=False)  # in the middle of a character
            peer.send(Opcode.PING, b"there?")
            peer.send(Opcode.CONT, b"", fin=False)
            peer.send(Opcode.CONT, whole[13:])
            peer.send(Opcode.BINARY, b"12", fin=False)
            peer.send(Opcode.CONT, b"345")
            peer.send(Opcode.BINARY, b"")
            peer.send(Opcode.TEXT, b"")
            assert await bench.heard.next() == ("text", whole)
            assert await bench.heard.next() == ("binary", 5)
            assert await bench.heard.next() == ("binary", 0)
            assert await bench.heard.next() == ("text", b"")
            pong = await peer.frame()
            assert (pong.opcode, pong.data) == (Opcode.PONG, b"there?")

    run(story)


def test_it_does_not_matter_how_the_network_cuts_a_stream() -> None:
    """Broken: a message would be understood or not by how TCP happened to carry it."""

    async def story() -> None:
        frames = [
            Frame(Opcode.TEXT, b"a" * 5),
            Frame(Opcode.TEXT, "é€".encode()[:1], fin=False),
            Frame(Opcode.PONG, b"stray"),
            Frame(Opcode.CONT, "é€".encode()[1:]),
            Frame(Opcode.BINARY, b"b" * 130),
            Frame(Opcode.TEXT, b"c" * 70_000, fin=True),
        ]
        stream = b"".join(frame.serialize(mask=False) for frame in frames)
        expected = [("text", b"a" * 5), ("text", "é€".encode()), ("binary", 130), ("text", b"c" * 70_000)]
        async with Bench(agree, max_bytes=1 << 20) as bench:
            await bench.open()
            for seed in range(50):
                chance = random.Random(seed)
                del bench.heard.all[:]
                at = 0
                while at < len(stream):
                    size = chance.choice((1, 2, 3, 10, 200, 40_000))
                    bench.link.data_received(stream[at : at + size])
                    at += size
                assert bench.heard.all == expected, f"seed {seed}"

    run(story)


def test_no_bytes_of_a_server_make_the_link_raise() -> None:
    """Broken: a broken or hostile server could stop the daemon."""

    async def story() -> None:
        for seed in range(100):
            chance = random.Random(seed)
            async with Bench(agree, max_bytes=2000) as bench:
                await bench.open()
                for _ in range(chance.randrange(1, 30)):
                    opcode = chance.choice(list(Opcode))
                    head = bytes([chance.choice((0, 0x80)) | opcode, chance.randrange(126)])
                    bench.link.data_received(head + chance.randbytes(chance.randrange(130)))

    run(story)


@pytest.mark.parametrize("pieces", [1, 4])
def test_a_message_that_is_too_long_ends_the_link(pieces: int) -> None:
    """Broken: a CSMS gone wild could fill the station's memory."""

    async def story() -> None:
        async with Bench(agree, max_bytes=1000) as bench:
            await bench.open()
            peer = await bench.peer
            peer.send(Opcode.TEXT, b"x" * 1000)
            assert await bench.heard.next() == ("text", b"x" * 1000)
            size = 1001 // pieces + 1
            for n in range(pieces):
                peer.send(Opcode.TEXT if n == 0 else Opcode.CONT, b"x" * size, fin=n == pieces - 1)
            close = await peer.frame()
            assert Close.parse(close.data).code == 1009
            peer.writer.close()
            assert await bench.heard.next() == ("closed", "oversized", 1009, "a message was longer than 1000 bytes")

    run(story)


def test_text_that_is_no_utf_8_ends_the_link() -> None:
    """Broken: bytes that no JSON reader agrees on would reach the journal (RFC 6455, 8.1)."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open()
            peer = await bench.peer
            peer.writer.write(b"".join(Frame(Opcode.TEXT, data).serialize(mask=False) for data in (b"[\xff]", b"[\xfe]", b"[1]")))
            assert Close.parse((await peer.frame()).data).code == 1007
            peer.writer.close()
            assert await bench.heard.next() == ("closed", "closed by us", 1007, "invalid UTF-8 at byte 1")

    run(story)


def test_frames_that_break_the_protocol_end_the_link() -> None:
    """Broken: the two ends would read different messages from one stream."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open()
            peer = await bench.peer
            peer.writer.write(Frame(Opcode.TEXT, b"masked by a server").serialize(mask=True))
            assert Close.parse((await peer.frame()).data).code == 1002
            peer.writer.close()
            assert (await bench.heard.next())[:3] == ("closed", "closed by us", 1002)

    run(story)


# The end


def test_the_csms_closes() -> None:
    """Broken: the reason that a CSMS gives would be lost, and its handshake left unanswered."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open()
            peer = await bench.peer
            peer.writer.write(
                Frame(Opcode.TEXT, b"[last]").serialize(mask=False)
                + Frame(Opcode.CLOSE, Close(1012, "restart\n\x1b[31m").serialize()).serialize(mask=False)
            )
            assert await bench.heard.next() == ("text", b"[last]")
            assert Close.parse((await peer.frame()).data).code == 1012
            bench.link.send(b"too late")  # nobody to tell, nothing raised
            peer.writer.close()
            assert await bench.heard.next() == ("closed", "closed by CSMS", 1012, "restart??[31m")
            bench.link.send(b"far too late")
            bench.link.close()

    run(story)


def test_we_close_and_the_csms_agrees() -> None:
    """Broken: an orderly stop would look like a loss to the CSMS."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open()
            peer = await bench.peer
            bench.link.close(1001, "ä" * 100)
            close = Close.parse((await peer.frame()).data)
            assert (close.code, close.reason) == (1001, "ä" * 61)  # as many as a close frame holds
            bench.link.close()
            peer.send(Opcode.CLOSE, Close(1001, "bye").serialize())
            peer.writer.close()
            assert await bench.heard.next() == ("closed", "closed by us", 1001, "ä" * 61)

    run(story)


def test_a_csms_that_does_not_answer_our_close_is_left_behind() -> None:
    """Broken: the station could not stop, nor change its password, while its CSMS hangs."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open()
            timers = bench.hold_timers()
            await bench.peer
            bench.link.close(1000, "bye")
            timers.fire(CLOSE_LIMIT_S)
            assert await bench.heard.next() == ("closed", "closed by us", 1000, "bye")
        async with Bench(agree) as lingering:
            await lingering.open()
            timers = lingering.hold_timers()
            peer = await lingering.peer
            peer.send(Opcode.CLOSE, Close(1000, "").serialize())
            assert (await peer.frame()).opcode is Opcode.CLOSE
            # It never closes TCP: the same limit holds.
            timers.fire(CLOSE_LIMIT_S)
            assert await lingering.heard.next() == ("closed", "closed by CSMS", 1000, "")

    run(story)


@pytest.mark.parametrize("code", [999, 1005, 1006, 2000, 5000])
def test_a_close_code_that_must_not_be_sent_is_refused(code: int) -> None:
    """Broken: a strict CSMS would answer our close with a protocol error."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open()
            with pytest.raises(ValueError, match=f"close code {code}"):
                bench.link.close(code)

    run(story)


def test_the_connection_breaks_in_the_middle_of_a_frame() -> None:
    """Broken: half a message would be told, or none of it and no loss either."""

    async def story() -> None:
        for ending in ("reset", "eof"):
            async with Bench(agree) as bench:
                await bench.open()
                peer = await bench.peer
                peer.writer.write(Frame(Opcode.TEXT, b"x" * 500).serialize(mask=False)[:100])
                await peer.writer.drain()
                if ending == "reset":
                    peer.reset()
                else:
                    peer.writer.close()
                assert (await bench.heard.next())[:3] == ("closed", "lost", 1006)

    run(story)


def test_a_csms_that_reads_nothing_is_lost_before_memory_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken: a station behind a dead CSMS would grow until it is killed."""

    async def story() -> None:
        monkeypatch.setattr(websocket, "BACKLOG_MOST_BYTES", 1 << 20)
        stuck = asyncio.Event()

        async def script(peer: Peer) -> None:
            await peer.agree()
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await stuck.wait()

        async with Bench(script) as bench:
            await bench.open()
            most = 0
            for _ in range(200):
                bench.link.send(b"x" * 200_000)
                transport = bench.link._transport
                if transport is None or transport.is_closing():
                    break
                most = max(most, transport.get_write_buffer_size())
                await asyncio.sleep(0)  # one turn of the loop, so that the kernel takes what it can
            assert most <= 1_200_100
            _, reason, code, detail = await bench.heard.next()
            assert (reason, code) == ("lost", 1006)
            assert "reads nothing" in detail

    run(story)


# Keeping alive


def test_pings_that_are_answered_keep_the_link() -> None:
    """Broken: a healthy link would be dropped, or the network between would forget it."""

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open(ping_interval_s=0.005, ping_timeout_s=PATIENCE_S)
            peer = await bench.peer
            seen = set()
            for _ in range(3):
                ping = await peer.frame()
                assert ping.opcode is Opcode.PING
                seen.add(bytes(ping.data))
                peer.send(Opcode.PONG, b"not this one")
                peer.send(Opcode.PONG, ping.data)  # type: ignore[arg-type]
            assert len(seen) == 3
            assert [what[0] for what in bench.heard.all] == ["opened"]

    run(story)


def test_a_ping_without_a_pong_ends_the_link() -> None:
    """Broken: a cable that was pulled would go unnoticed until TCP gives up, a quarter of an hour later."""

    async def story() -> None:
        async with Bench(agree) as bench:
            timers = bench.hold_timers()
            await bench.open(ping_interval_s=10, ping_timeout_s=20)
            peer = await bench.peer
            timers.fire(10)
            assert (await peer.frame()).opcode is Opcode.PING
            peer.send(Opcode.PONG, b"wrong")
            peer.send(Opcode.TEXT, b"[behind it]")
            assert await bench.heard.next() == ("text", b"[behind it]")
            assert timers.armed_s == [20], "no ping follows one that was not answered"
            timers.fire(20)
            assert await bench.heard.next() == ("closed", "ping timeout", 1006, "no pong within 20 s")

    run(story)


def test_the_ping_interval_can_be_changed_and_switched_off() -> None:
    """Broken: SetVariables of WebSocketPingInterval would do nothing until the next link."""

    async def story() -> None:
        async with Bench(agree) as bench:
            timers = bench.hold_timers()
            await bench.open(ping_interval_s=0, ping_timeout_s=0)
            peer = await bench.peer
            assert timers.armed_s == []
            bench.link.set_ping_interval(10)
            timers.fire(10)
            assert (await peer.frame()).opcode is Opcode.PING
            assert timers.armed_s == [10], "without a limit of its own a pong has as long as the interval"
            # A pong that is still due may come for ever now, and no ping follows.
            bench.link.set_ping_interval(0)
            assert timers.armed_s == []
            bench.link.set_ping_interval(FOREVER_S)
            assert timers.armed_s == [FOREVER_S]
        bench.link.set_ping_interval(1)
        assert timers.armed_s == []

    run(story)


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "csms")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2999, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return folder / "cert.pem", folder / "key.pem"


def _server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


def test_tls_with_a_trusted_certificate(certificate: tuple[Path, Path]) -> None:
    """Broken: security profiles 2 and 3 could not connect."""

    async def story() -> None:
        bench = Bench(agree)
        await bench.serve(context=_server_context(certificate))
        async with bench_of(bench):
            bench.context = ssl.create_default_context(cafile=certificate[0])
            await bench.open(url=f"wss://127.0.0.1:{bench.port}/ocpp")
            peer = await bench.peer
            bench.link.send(b"[2]")
            assert (await peer.frame()).data == b"[2]"
            peer.send(Opcode.TEXT, b"[3]")
            assert await bench.heard.next() == ("text", b"[3]")
            peer.send(Opcode.CLOSE, Close(1000, "").serialize())
            await peer.frame()
            peer.writer.close()
            assert await bench.heard.next() == ("closed", "closed by CSMS", 1000, "")

    run(story)


def test_a_certificate_that_nobody_vouches_for_is_told_as_tls(certificate: tuple[Path, Path]) -> None:
    """Broken: the station would talk to whoever sits on the line, or could not say why it does not (A00.FR.309)."""

    async def story() -> None:
        bench = Bench(agree)
        await bench.serve(context=_server_context(certificate))
        async with bench_of(bench):
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's side of the failed handshake
            bench.dial(f"wss://127.0.0.1:{bench.port}/ocpp")
            _, reason, code, detail = await bench.heard.next()
            assert (reason, code) == ("tls certificate", 0)
            assert "not trusted" in detail

    run(story)


def test_tls_towards_a_server_that_speaks_none_is_told_as_tls() -> None:
    """Broken: a wrong scheme in the URL would look like a network failure."""

    async def story() -> None:
        async def script(peer: Peer) -> None:
            await peer.reader.read(1)
            peer.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        async with Bench(script) as bench:
            bench.dial(f"wss://127.0.0.1:{bench.port}/ocpp")
            assert (await bench.heard.next())[:3] == ("closed", "tls", 0)

    run(story)


# Secrets


def test_no_log_holds_what_was_sent_or_who_we_are(caplog: pytest.LogCaptureFixture) -> None:
    """Broken: a debug log that is mailed to a vendor would hold a password or a card."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("websockets").setLevel(logging.DEBUG)

    async def story() -> None:
        async with Bench(agree) as bench:
            await bench.open(url=f"ws://CP001:url-secret@127.0.0.1:{bench.port}/ocpp", basic_auth="header-secret")
            peer = await bench.peer
            bench.link.send(b"card-04AABBCC")
            peer.send(Opcode.TEXT, b"card-04DDEEFF")
            await bench.heard.next()
            peer.send(Opcode.CLOSE, Close(1000, "reason-secret").serialize())
            peer.writer.close()
            await bench.heard.next()
        async with Bench(saying(b"HTTP/1.1 401 Unauthorized\r\n\r\n")) as bench:
            bench.dial(basic_auth="header-secret")
            await bench.heard.next()

    run(story)
    assert "connecting to 127.0.0.1 port" in caplog.text
    for secret in ("secret", "card-", "Authorization", "Basic", "CP001"):
        assert secret not in caplog.text
