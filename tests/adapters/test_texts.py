"""The daemon, the vault beside its journal, and the port that destroys: what is durable when, and what a full disk may hold up.

Law: a text is durable before the row that names it, and nobody's text keeps other people's rows from being written.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from adapters.daemon import RETRY_FIRST_S, Daemon
from adapters.shredder import Shredder
from engine.kernel import Settled
from engine.recorder import Recorder
from eventlog import vault_file
from eventlog.fold import Folded
from eventlog.vault import PERSON, Vault
from machines.effects import Shred
from machines.inputs import CardPresented, ForgetAsked, LinkUp, MeterTold, Started
from machines.station import STATION
from replay.reading import turns
from stationd.leap import LeapingLoop
from tests.adapters.doubles import CommitClock
from tests.adapters.test_daemon import Clock, FailingJournal, Outside
from tests.eventlog.test_vault import chance
from tests.story import JOURNAL, declarations


class House:
    """A daemon with a vault, both on disks that can be full."""

    def __init__(self, directory: Path) -> None:
        self.journal = FailingJournal()
        self.outside = Outside(self.journal)
        self.vault = Vault(directory, chance())
        self.vault.prepare()
        recorder = Recorder(clock=Clock(), entropy=lambda: 7)
        ports = (self.outside, Shredder(self.vault))
        self.daemon = Daemon(STATION, self.journal, recorder, Folded(STATION.genesis()), ports, texts=self.vault, clock=CommitClock())
        self.daemon.start(Started(journal=JOURNAL, build="t", boot_id="b", boottime_us=0, wall_us=1_800_000_000_000_000), [declarations()])
        self.daemon.put(LinkUp(link=1, subprotocol="ocpp2.1"))
        self.daemon.drain()

    def swipe(self, card: str) -> str:
        """A card is held to the reader; its handle."""
        placeholder = self.vault.keep(card, PERSON)
        self.daemon.put(CardPresented(token=placeholder, token_type="ISO14443"))
        self.daemon.drain()
        return placeholder[8:40]


def live(directory: Path, story: Callable[[House], Awaitable[None]]) -> House:
    """Run a story on a loop of its own, whose time passes only while nothing is to be done."""

    async def run() -> House:
        house = House(directory)
        await story(house)
        await house.daemon.close()
        return house

    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(run())


def test_a_text_is_durable_before_the_row_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, a power cut would leave a row that names nobody: a driver who cannot be told to the CSMS."""
    order: list[str] = []
    append = vault_file.append

    def kept(path: Path, frame: bytes, size: int) -> int:
        order.append("vault")
        return append(path, frame, size)

    monkeypatch.setattr(vault_file, "append", kept)

    async def story(house: House) -> None:
        real = house.journal.append

        def written(rows: Sequence[tuple[int, bytes]], station: int = 0) -> None:
            order.append("journal")
            real(rows, station)

        monkeypatch.setattr(house.journal, "append", written)
        handle = house.swipe("04AABB")
        assert order == ["vault", "journal"]
        assert Vault(tmp_path, chance(1)).unswept() == {handle: house.journal.last()[0]}
        house.swipe("04AABB")
        assert order.count("vault") == 1

    live(tmp_path, story)


def test_a_vault_that_cannot_be_written_holds_up_nobody_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, one new card on a full disk would keep every meter reading and every answer from being written."""
    append = vault_file.append
    full = [True]

    def kept(path: Path, frame: bytes, size: int) -> int:
        if full[0]:
            raise OSError(28, "No space left on device")
        return append(path, frame, size)

    monkeypatch.setattr(vault_file, "append", kept)

    async def story(house: House) -> None:
        before = house.journal.last()[0]
        handle = house.swipe("04AABB")
        house.daemon.tell(MeterTold(evse_id=1, energy_wh=1234, power_w=0))
        assert house.journal.last()[0] == before
        async with asyncio.timeout(RETRY_FIRST_S * 8):
            while house.journal.last()[0] == before:  # noqa: ASYNC110 (virtual time, and a row has no event)
                await asyncio.sleep(RETRY_FIRST_S / 4)
        await house.daemon.journalled()
        assert not house.vault.holds(handle), "the holder of the card has left"
        inputs = [turn.input for turn in turns(house.journal)]
        assert any(isinstance(one, MeterTold) for one in inputs)
        assert not any(isinstance(one, CardPresented) for one in inputs)
        full[0] = False
        again = house.swipe("04AABB")
        assert Vault(tmp_path, chance(1)).find("04AABB") == [again]

    live(tmp_path, story)


def test_what_is_forgotten_is_gone_when_the_effect_is_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, done would be said of what a power cut brings back; and a disk that fails would count as done."""

    async def story(house: House) -> None:
        house.vault.keep("04AABB", PERSON)
        house.vault.flush(0)
        handle = house.vault.find("04AABB")[0]
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
            house.daemon.put(ForgetAsked(handles=(handle,)))
            house.daemon.drain()
        assert house.vault.holds(handle)
        shred = [turn for turn in turns(house.journal) if any(isinstance(effect, Shred) for effect in turn.effects)]
        assert len(shred) == 1
        await house.daemon.journalled()
        (settled,) = [turn.input for turn in turns(house.journal) if isinstance(turn.input, Settled)]
        assert (settled.outcome, settled.detail) == ("failed", "[Errno 5] Input/output error")

    live(tmp_path, story)
