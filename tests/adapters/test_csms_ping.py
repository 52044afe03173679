"""The port to the CSMS changes the ping interval of the link that is open, over a real socket.

Invariant: every wait is for a frame that comes; a ping timer of the tested interval fires at once, so no test waits for a clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from adapters import websocket  # noqa: F401 (before the first import of websockets)
from adapters.csms import CsmsPort
from component_config.schemas import installed_schemas
from engine.event import EffectId, Input
from eventlog.vault import MemoryVault
from machines.effects import Dial, HangUp, SetPingInterval
from machines.inputs import LinkDown, LinkUp
from tests.adapters.test_websocket import Bench, agree, run

from websockets.frames import Opcode  # isort: skip

FAST_S = 7
"""The interval whose pings are sent at once in these tests."""

OUR_EFFECT = EffectId(0, 0, 0)


class QuickPings:
    """Lets the loop fire a ping after ``FAST_S`` at once, and records how long the pongs are waited for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.call_later = loop.call_later
        self.pong_limits_s: list[float] = []
        loop.call_later = self.later  # type: ignore[method-assign,assignment]

    def later(self, delay_s: float, callback: Callable[..., object], *args: Any) -> asyncio.TimerHandle:
        """Schedule *callback*."""
        name = getattr(callback, "__name__", "")
        if name == "_no_pong":
            self.pong_limits_s.append(delay_s)
        return self.call_later(0 if name == "_ping" and delay_s == FAST_S else delay_s, callback, *args)


class Port:
    """The port, and what it told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[Input] = asyncio.Queue()
        self.port = CsmsPort(installed_schemas(), MemoryVault(b"key"), 1)
        self.port.start(self.told.put_nowait)
        self.port.attach(self.told.put_nowait, lambda: None)

    async def open(self, url: str, *, ping_interval_s: int) -> None:
        """Dial as link 1, and wait until the link is open."""
        dial = Dial(link=1, slot=1, url=url, identity="CP001", subprotocols=("ocpp2.1",), password="", ping_interval_s=ping_interval_s)
        self.port.perform(OUR_EFFECT, dial)
        assert await self.told.get() == LinkUp(link=1, subprotocol="ocpp2.1")

    def set_ping_interval(self, seconds: int, *, link: int = 1) -> None:
        """Perform the effect."""
        self.port.perform(OUR_EFFECT, SetPingInterval(link=link, seconds=seconds))


def test_b05_fr_10_pings_begin_change_and_end_on_the_open_link() -> None:
    """If this failed, WebSocketPingInterval would be Accepted and the open link would go on as it was dialled."""

    async def story() -> None:
        pings = QuickPings(asyncio.get_running_loop())
        async with Bench(agree) as bench:
            port = Port()
            await port.open(f"ws://127.0.0.1:{bench.port}", ping_interval_s=0)
            peer = await bench.peer
            port.set_ping_interval(FAST_S)
            for _ in range(2):
                ping = await peer.frame()
                assert ping.opcode is Opcode.PING
                peer.send(Opcode.PONG, bytes(ping.data))
            await peer.frame()
            port.set_ping_interval(0)
            # The pong may stay away now: the next frame is our close, and nobody else ended the link.
            port.port.perform(OUR_EFFECT, HangUp(link=1))
            assert (await peer.frame()).opcode is Opcode.CLOSE
            peer.reset()
            assert isinstance(await port.told.get(), LinkDown)
        assert pings.pong_limits_s == [FAST_S] * 3

    run(story)


def test_the_pong_is_waited_for_as_long_as_the_new_interval() -> None:
    """If this failed, a link pinged every 7 seconds would be noticed as dead only after the interval that it was dialled with."""

    async def story() -> None:
        pings = QuickPings(asyncio.get_running_loop())
        async with Bench(agree) as bench:
            port = Port()
            await port.open(f"ws://127.0.0.1:{bench.port}", ping_interval_s=600)
            peer = await bench.peer
            port.set_ping_interval(FAST_S)
            assert (await peer.frame()).opcode is Opcode.PING
            assert pings.pong_limits_s == [FAST_S]
            peer.reset()
            assert isinstance(await port.told.get(), LinkDown)

    run(story)


def test_an_interval_for_another_link_changes_nothing() -> None:
    """If this failed, an effect that was asked for before a reconnect would set the pings of the link after it."""

    async def story() -> None:
        async with Bench(agree) as bench:
            port = Port()
            port.set_ping_interval(FAST_S)
            await port.open(f"ws://127.0.0.1:{bench.port}", ping_interval_s=600)
            port.set_ping_interval(FAST_S, link=2)
            socket = port.port._socket
            assert socket is not None
            assert socket._ping_s == 600
            port.set_ping_interval(FAST_S)
            assert socket._ping_s == FAST_S
            (await bench.peer).reset()
            assert isinstance(await port.told.get(), LinkDown)

    run(story)
