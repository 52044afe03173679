"""The journal's keeper with a real LMDB file, in a daemon, with too little room.

Law: nothing that was acknowledged is lost, the file stays within its limit, and the station goes on.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adapters.daemon import THREAD_FROM_S, Daemon
from adapters.storage import JournalKeeper, no_room
from engine.errors import JournalFault
from engine.event import EffectId
from engine.kernel import Settled
from engine.recorder import Recorder
from eventlog import segments, snapshots
from eventlog.fold import Folded
from eventlog.journal import Journal
from eventlog.store import digest
from machines.device_model.state import key_of
from machines.effects import Dial, HangUp, Reply
from machines.inputs import Called, CardPresented, LinkUp, MeterTold, Started
from machines.station import STATION
from machines.storage.facts import CloseSegment, RetireThrough, StorageSeen
from machines.storage.state import STORAGE
from replay.verify import verify
from tests.adapters.doubles import CommitClock
from tests.adapters.test_daemon import Clock, Outside
from tests.story import declarations

INTERVAL = key_of("OCPPCommCtrlr", "HeartbeatInterval")
SLOW_S = 16 * THREAD_FROM_S
"""A commit that takes this long sends all that follow to the writer thread."""


class House:
    """A daemon over a journal on disk, and its keeper; a commit takes *commit_s* seconds by the daemon's clock, however fast the disk is."""

    def __init__(self, journal: Journal, settings: dict[str, str] | None = None, commit_s: float = 0.0) -> None:
        self.journal = journal
        self.clock = Clock()
        self.outside = Outside(journal)  # type: ignore[arg-type]
        self.keeper = JournalKeeper(journal)
        folded = snapshots.restore(journal, STATION, lambda: b"v")
        recorder = Recorder(clock=self.clock, entropy=lambda: 7, last_seq=folded.seq, last_at=folded.at)
        self.daemon = Daemon(
            STATION, journal, recorder, folded, (self.outside, self.keeper),
            version=lambda: b"v", keeper=self.keeper, clock=CommitClock(commit_s),
        )  # fmt: skip
        self.keeper.attach(self.daemon.durable)
        self.daemon.start(Started(journal=1, build="t", boot_id="b", boottime_us=0, wall_us=1_800_000_000_000_000), [declarations(settings)])
        link = next(effect.link for _, effect, _ in reversed(self.outside.done) if isinstance(effect, Dial))
        self.daemon.put(LinkUp(link=link, subprotocol="ocpp2.1"))
        self.daemon.drain()
        self.link = link
        self._accepted = 0
        self._seen = 0

    @property
    def accepted(self) -> int:
        """The last value that the CSMS was told is set."""
        for _, effect, _ in self.outside.done[self._seen :]:
            if isinstance(effect, Reply) and b"Accepted" in effect.payload:
                self._accepted = int(effect.message_id.removeprefix("m"))
        self._seen = len(self.outside.done)
        return self._accepted

    def set(self, value: int) -> None:
        """The CSMS sets the interval; whatever it is told is so."""
        where = b'"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"}'
        payload = b'{"setVariableData":[{"attributeValue":"%d",%s}]}' % (value, where)
        self.daemon.put(Called(link=self.link, message_id=f"m{value}", action="SetVariables", payload=payload))
        self.daemon.drain()


def live(path: Path, story: Callable[[House], Awaitable[None]], *, limit: int, settings: dict[str, str] | None = None, commit_s: float = 0.0) -> None:
    """A story with a journal of at most *limit* bytes; afterwards what was accepted is there, and replay is clean."""

    async def run() -> int:
        with closing(Journal(path, entropy=os.urandom)) as journal:
            journal.limit(limit)
            house = House(journal, settings, commit_s)
            try:
                await story(house)
                await house.daemon.journalled()
            finally:
                await house.daemon.close()
            assert (house.daemon._writer is not None) is (commit_s > THREAD_FROM_S), "where its groups were written"
        return house.accepted

    accepted = asyncio.run(run())
    assert (path / "data.mdb").stat().st_size <= limit
    with closing(Journal(path, readonly=True)) as again:
        folded = snapshots.restore(again, STATION, lambda: b"another build")
        assert folded.station.parts["device_model"].text(INTERVAL) == str(accepted)
        report = verify(STATION, again)
        assert report.ok, report.damage or report.divergences


@pytest.mark.parametrize(("values", "commit_s"), [(8_000, 0.0), (4_000, SLOW_S)], ids=["inline", "writer thread"])
def test_segments_are_closed_and_retired_while_the_station_works(tmp_path: Path, values: int, commit_s: float) -> None:
    """More is written than there is room for; the file stays where it is, and nothing stops, on a fast disk and on a slow one."""

    async def story(house: House) -> None:
        for value in range(1, values + 1):
            house.set(value)
            if commit_s:
                # The CSMS has one CALL under way, and waits for its answer.
                await house.daemon.journalled()
            elif not value % 100:
                # Slices are cut between groups.
                await asyncio.sleep(0)
        assert house.accepted == values
        assert house.journal.base()[0] > 0
        assert house.daemon.station[STORAGE].level == "plenty"

    live(tmp_path / "journal", story, limit=3 << 20, settings={"InternalCtrlr.JournalSegmentTurns": "1000"}, commit_s=commit_s)


@pytest.mark.parametrize(("values", "commit_s"), [(4_000, 0.0), (2_500, SLOW_S)], ids=["inline", "writer thread"])
def test_a_full_map_is_emptied_of_history_and_the_answer_is_still_true(tmp_path: Path, values: int, commit_s: float) -> None:
    """No look comes in between: the append itself hits the limit, and the turn is written all the same."""

    async def story(house: House) -> None:
        for value in range(1, values + 1):
            house.keeper._next_look = 1 << 60
            if value == 300:
                house.journal.keep_reserve()
            house.set(value)
            if commit_s:
                await house.daemon.journalled()
            assert house.accepted == value
        assert house.journal.base()[0] > 300, "the limit was never felt"

    live(tmp_path / "journal", story, limit=1 << 20, commit_s=commit_s)


def test_the_levels_follow_the_room_that_there_is(tmp_path: Path) -> None:
    """The disk fills, and is emptied."""

    async def story(house: House) -> None:
        journal = house.journal
        real = journal.bytes_room
        for parts, level in ((20, "full"), (5, "tight"), (0, "plenty")):
            journal.bytes_room = (lambda parts=parts: journal.bytes_live() // parts) if parts else real  # type: ignore[method-assign, misc]
            house.keeper._next_look = 0
            house.set(7)
            house.set(8)
            await house.daemon.journalled()
            assert house.daemon.station[STORAGE].level == level

    live(tmp_path / "journal", story, limit=64 << 20)


def test_while_nothing_can_be_written_the_mailbox_stays_small(tmp_path: Path) -> None:
    """A meter that goes on telling, a CSMS that goes on asking, cards: none of it piles up."""

    async def story(house: House) -> None:
        append = house.journal.append

        def broken(rows: object, station: int = 0) -> None:
            raise OSError(5, "Input/output error")

        house.journal.append = broken  # type: ignore[method-assign]
        house.set(1)
        house.daemon._try_again()
        for n in range(500):
            house.daemon.tell(MeterTold(evse_id=1 + n % 2, energy_wh=n, power_w=0))
            house.daemon.tell(CardPresented(token=f"<sealed:{n:032x}:8:p>", token_type="ISO14443"))
            house.set(n)
            house.daemon.drain()
            assert len(house.daemon._mailbox) <= 4
        assert house.accepted == 0
        house.journal.append = append  # type: ignore[method-assign]
        house.daemon._try_again()
        house.set(77)
        assert house.accepted == 77
        meters = house.daemon.station.parts["meters"].readings
        assert (meters[1].energy_wh, meters[2].energy_wh) == (498, 499)

    live(tmp_path / "journal", story, limit=64 << 20)


def test_only_a_lack_of_room_is_answered_by_making_room() -> None:
    """History is not thrown away because a disk fails."""
    import lmdb

    assert no_room(lmdb.MapFullError("put"))
    assert no_room(OSError(27, "File too large"))
    assert no_room(OSError(28, "No space left on device"))
    assert not no_room(OSError(5, "Input/output error"))
    assert not no_room(JournalFault("turn 3 does not follow turn 1"))
    keeper = JournalKeeper(None)  # type: ignore[arg-type]
    assert not keeper.make_room(OSError(5, "Input/output error"))
    with pytest.raises(TypeError, match="HangUp is not for this port"):
        keeper.perform(EffectId(0, 0, 0), HangUp(link=1))


def test_what_cannot_be_closed_or_retired_is_settled_as_failed(tmp_path: Path) -> None:
    """The machine asks again at the next look."""
    journal = Journal(tmp_path / "journal", entropy=os.urandom)
    keeper = JournalKeeper(journal)
    told: list[Any] = []
    keeper.attach(lambda: Folded(STATION.genesis(), seq=5))
    keeper.start(told.append)
    keeper.perform(EffectId(0, 1, 0), CloseSegment())
    keeper.perform(EffectId(0, 1, 1), RetireThrough(through=3))
    keeper.stop()
    keeper.perform(EffectId(0, 1, 2), RetireThrough(through=3))
    journal.close()
    assert [type(input) for input in told] == [StorageSeen, Settled, Settled]
    assert [input.outcome for input in told[1:]] == ["failed", "failed"]
    assert "turn 3 has no closing snapshot" in told[2].detail


def test_a_retirement_goes_on_slice_by_slice(tmp_path: Path) -> None:
    """With a turn of the loop between two slices."""
    journal = Journal(tmp_path / "journal", entropy=os.urandom)
    journal.append([(seq, b"x") for seq in range(3_500)])
    journal.put_closing(2_999, digest(b"closing") + b"closing")
    retired: list[int] = []
    keeper = JournalKeeper(journal)
    keeper.attach(lambda: Folded(STATION.genesis()), lambda: retired.append(journal.base()[0]))
    told: list[Any] = []
    looks: list[object] = []
    keeper._look = looks.append  # type: ignore[method-assign, assignment]

    async def run() -> None:
        keeper.start(told.append)
        keeper.perform(EffectId(0, 9, 0), RetireThrough(through=2_999))
        assert told == []
        for _ in range(10):
            await asyncio.sleep(0)

    asyncio.run(run())
    assert [input.outcome for input in told] == ["done"]
    assert retired == [2_999]
    assert len(looks) == 2
    assert [segment.first for segment in segments.segments(journal)] == [3_000]
    journal.close()
