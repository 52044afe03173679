"""The daemon's loop with a journal that can fail and ports that only remember: what is performed, when, and what a failed write undoes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest

from adapters.daemon import RETRY_FIRST_S, RIDE_MOST_ROWS, RIDE_MOST_S, THREAD_FROM_S, THREAD_FROM_TURNS, Daemon
from engine.event import Effect, EffectId
from engine.kernel import Settled
from engine.ports import Tell
from engine.recorder import Recorder
from eventlog import snapshots
from eventlog.fold import Folded, fold
from eventlog.memory import MemoryJournal
from machines.effects import Call, Dial, HangUp, Reply, ReplyError, Say, SetEvse, SetPingInterval
from machines.inputs import CableConnected, CableDisconnected, Called, CardPresented, EvseSeen, LinkUp, MeterTold, Started
from machines.network.machine import ApplyPlan
from machines.station import STATION
from stationd.leap import LeapingLoop
from tests.adapters.doubles import CommitClock, HeldWriter
from tests.story import JOURNAL, declarations

GET = b'{"getVariableData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"}}]}'
SET = b'{"setVariableData":[{"attributeValue":"77","component":{"name":"OCPPCommCtrlr"},"variable":{"name":"OfflineThreshold"}}]}'


class Clock:
    """Station time that a test moves."""

    def __init__(self) -> None:
        self.us = 0

    def __call__(self) -> int:
        self.us += 10
        return self.us


class Outside:
    """A port that performs nothing and remembers everything, with what was durable at that moment."""

    performs: tuple[type[Effect], ...] = (Reply, ReplyError, Say, Call, Dial, HangUp, SetPingInterval, SetEvse, ApplyPlan)

    def __init__(self, journal: FailingJournal) -> None:
        self.journal = journal
        self.done: list[tuple[EffectId, Effect, int]] = []

    def start(self, tell: Tell) -> None:
        self.tell = tell

    def stop(self) -> None:
        pass

    def perform(self, effect_id: EffectId, effect: Effect) -> None:
        self.done.append((effect_id, effect, self.journal.last()[0]))

    def replies(self) -> list[str]:
        return [effect.message_id for _, effect, _ in self.done if isinstance(effect, Reply)]


class FailingJournal(MemoryJournal):
    """A journal whose next appends fail when it is told so, and that counts groups."""

    def __init__(self) -> None:
        super().__init__()
        self.failing = 0
        self.groups: list[int] = []

    def append(self, rows: Sequence[tuple[int, bytes]], station: int = 0) -> None:
        if self.failing:
            self.failing -= 1
            raise OSError(28, "No space left on device")
        super().append(rows, station)
        if rows:
            self.groups.append(len(rows))


class House:
    """A daemon and what is around it; a commit takes no time, and a group in the writer thread is durable when the test calls :meth:`land`."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.commit_clock = CommitClock()
        self.writer = HeldWriter()
        self.journal = FailingJournal()
        self.outside = Outside(self.journal)
        recorder = Recorder(clock=self.clock, entropy=lambda: 7)
        self.daemon = Daemon(
            STATION, self.journal, recorder, Folded(STATION.genesis()), (self.outside,),
            version=lambda: b"v", clock=self.commit_clock, make_writer=lambda: self.writer,
        )  # fmt: skip
        self.daemon.start(Started(journal=JOURNAL, build="t", boot_id="b", boottime_us=0, wall_us=1_800_000_000_000_000), [declarations()])
        assert any(isinstance(effect, Dial) for _, effect, _ in self.outside.done)
        self.daemon.put(LinkUp(link=1, subprotocol="ocpp2.1"))
        self.daemon.drain()

    def call(self, message_id: str, action: str, payload: bytes) -> None:
        """The CSMS calls, in a piece of its own."""
        self.daemon.put(Called(link=1, message_id=message_id, action=action, payload=payload))
        self.daemon.drain()

    async def land(self) -> None:
        """Let the writer thread commit the group that it has; return when the loop has acted on the outcome."""
        flight = self.daemon._flight
        assert flight is not None
        self.writer.finish_next()
        while self.daemon._flight is flight:  # noqa: ASYNC110 (the outcome comes in some turns of the loop)
            await asyncio.sleep(0)

    async def journalled(self) -> None:
        """As the daemon's, with the writer thread at work."""
        done = asyncio.ensure_future(self.daemon.journalled())
        while not done.done():
            if self.writer.held:
                await self.land()
            await asyncio.sleep(0)
        await done

    def refold(self) -> bool:
        """Whether the journal gives the very station that lives."""
        return fold(STATION, Folded(STATION.genesis()), self.journal.rows()).station == self.daemon.station


Story = Callable[[House], Awaitable[None]]


def live(story: Story) -> House:
    """Run a story on a loop of its own, whose time passes only while nothing is to be done, and let the house down in order."""

    async def run() -> House:
        house = House()
        await story(house)
        await house.daemon.close()
        assert house.refold()
        return house

    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(run())


def test_a_start_is_one_group() -> None:
    """If this failed, a start would flush for every step, and the first frame would leave later."""

    async def story(house: House) -> None:
        assert house.journal.groups[0] >= 3  # started, configured, the first deadline: dialled

    live(story)


def test_an_effect_leaves_after_its_own_turn_is_durable() -> None:
    """If this failed, the CSMS could hear Accepted for a value that a power cut takes back."""

    async def story(house: House) -> None:
        house.call("s1", "SetVariables", SET)
        effect_id, effect, durable = house.outside.done[-1]
        assert isinstance(effect, Reply)
        assert durable >= effect_id.seq

    live(story)


def test_an_answer_without_facts_needs_no_flush_and_rides_later() -> None:
    """If this failed, every GetVariables would cost two flushes."""

    async def story(house: House) -> None:
        # The first frame of a link confirms it, and that is a fact.
        house.call("first", "GetVariables", GET)
        groups = len(house.journal.groups)
        for n in range(5):
            house.call(f"g{n}", "GetVariables", GET)
        assert house.outside.replies()[-5:] == [f"g{n}" for n in range(5)]
        assert len(house.journal.groups) == groups
        house.call("s1", "SetVariables", SET)
        assert house.journal.groups[groups:] == [6]

    live(story)


def test_an_answer_behind_a_reading_does_not_wait_for_company() -> None:
    """If this failed, a GetVariables after a meter value would be answered up to a second late."""

    async def story(house: House) -> None:
        house.daemon.put(MeterTold(evse_id=1, energy_wh=5, power_w=0))
        house.daemon.drain()
        house.call("g", "GetVariables", GET)
        assert house.outside.replies()[-1] == "g"

    live(story)


def test_readings_alone_are_written_in_one_group() -> None:
    """If this failed, a meter that speaks every second would wear the flash out."""

    async def story(house: House) -> None:
        groups = len(house.journal.groups)
        for n in range(RIDE_MOST_ROWS - 1):
            house.daemon.put(MeterTold(evse_id=1, energy_wh=n, power_w=0))
            house.daemon.drain()
        assert len(house.journal.groups) == groups
        await house.journalled()
        assert house.journal.groups[groups:] == [RIDE_MOST_ROWS - 1]

    live(story)


def test_what_came_in_one_piece_is_one_group() -> None:
    """If this failed, a burst of frames would cost two flushes each."""

    async def story(house: House) -> None:
        groups = len(house.journal.groups)
        for n in range(4):
            house.daemon.put(Called(link=1, message_id=f"s{n}", action="SetVariables", payload=SET))
        house.daemon.drain()
        assert house.journal.groups[groups:] == [4]

    live(story)


def test_a_large_group_is_written_by_the_writer_thread_and_answers_in_order() -> None:
    """If this failed, a flood would stop the loop, or answers would overtake one another."""

    async def story(house: House) -> None:
        before = house.outside.replies()
        for n in range(20):
            house.daemon.put(Called(link=1, message_id=f"s{n}", action="SetVariables", payload=SET))
            house.daemon.put(Called(link=1, message_id=f"g{n}", action="GetVariables", payload=GET))
        house.daemon.drain()
        assert house.writer.held == 1
        assert house.outside.replies() == before, "nothing is durable yet"
        await house.land()
        assert house.outside.replies()[len(before) :] == [f"{kind}{n}" for n in range(20) for kind in "sg"]
        assert house.journal.groups[-1] == 40

    live(story)


def test_a_group_of_few_turns_is_written_inline() -> None:
    """If this failed, every answer would pay for a thread's turn."""

    async def story(house: House) -> None:
        for n in range(THREAD_FROM_TURNS - 1):
            house.daemon.put(Called(link=1, message_id=f"s{n}", action="SetVariables", payload=SET))
        house.daemon.drain()
        assert house.outside.replies()[-1] == f"s{THREAD_FROM_TURNS - 2}"
        assert house.writer.held == 0

    live(story)


def test_a_slow_disk_is_left_to_the_writer_thread_until_it_is_fast_again() -> None:
    """If this failed, a disk that takes its time would stop the loop for each commit, or one hiccup would keep the thread busy for ever."""

    async def story(house: House) -> None:
        house.commit_clock.commit_s = 8 * THREAD_FROM_S + 0.01
        house.call("s0", "SetVariables", SET)
        assert house.outside.replies()[-1] == "s0", "nobody knew yet how slow it is"
        house.commit_clock.commit_s = 0.0
        house.call("s1", "SetVariables", SET)
        assert house.writer.held == 1
        assert house.outside.replies()[-1] == "s0"
        await house.land()
        assert house.outside.replies()[-1] == "s1"
        house.call("s2", "SetVariables", SET)
        assert house.writer.held == 0, "on the average of the last commits it is fast"
        assert house.outside.replies()[-1] == "s2"

    live(story)


def test_what_comes_while_a_group_is_in_the_writer_thread_is_the_next_group() -> None:
    """If this failed, two commits would be under way at once, or an answer would leave before what it rests on is durable."""

    async def story(house: House) -> None:
        for n in range(THREAD_FROM_TURNS):
            house.daemon.put(Called(link=1, message_id=f"a{n}", action="SetVariables", payload=SET))
        house.daemon.drain()
        groups = len(house.journal.groups)
        house.call("g", "GetVariables", GET)
        house.call("s", "SetVariables", SET)
        assert house.writer.held == 1
        assert not {"a0", "g", "s"} & set(house.outside.replies())
        await house.land()
        assert house.outside.replies()[-THREAD_FROM_TURNS - 2 :] == [*(f"a{n}" for n in range(THREAD_FROM_TURNS)), "g", "s"]
        assert house.journal.groups[groups:] == [THREAD_FROM_TURNS, 2]

    live(story)


def test_closing_waits_for_the_group_in_the_writer_thread() -> None:
    """If this failed, an orderly stop would lose what was being written, or leave its thread behind."""

    async def story(house: House) -> None:
        for n in range(THREAD_FROM_TURNS):
            house.daemon.put(Called(link=1, message_id=f"s{n}", action="SetVariables", payload=SET))
        house.daemon.drain()
        closing = asyncio.ensure_future(house.daemon.close())
        await asyncio.sleep(0)
        assert not closing.done()
        await house.land()
        await closing
        assert house.outside.replies()[-1] == f"s{THREAD_FROM_TURNS - 1}"
        assert house.writer.is_shut_down

    live(story)


def test_readings_that_nothing_follows_are_written_in_time() -> None:
    """If this failed, the last readings before a power cut would be gone, however long ago they were."""

    async def story(house: House) -> None:
        groups = len(house.journal.groups)
        house.daemon.put(MeterTold(evse_id=1, energy_wh=5, power_w=0))
        house.daemon.drain()
        await asyncio.sleep(RIDE_MOST_S * 0.9)
        assert len(house.journal.groups) == groups
        await asyncio.sleep(RIDE_MOST_S * 0.2)
        assert house.journal.groups[groups:] == [1]

    live(story)


def test_a_failed_write_undoes_the_turns_and_decides_the_inputs_again() -> None:
    """If this failed, a full disk would lose a card, answer for what was not kept, or give one seq to two turns."""

    async def story(house: House) -> None:
        before = house.journal.last()[0]
        done = len(house.outside.done)
        house.journal.failing = 1
        house.call("s1", "SetVariables", SET)
        assert len(house.outside.done) == done
        assert house.journal.last()[0] == before
        house.daemon._try_again()
        assert house.outside.replies()[-1] == "s1"
        assert house.journal.last()[0] == before + 1

    live(story)


def test_a_journal_that_can_be_written_again_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """If this failed, an operator who made room would wait for a sign that it was enough."""

    async def story(house: House) -> None:
        for _ in range(2):
            house.journal.failing = 2
            house.call("s1", "SetVariables", SET)
            house.daemon._try_again()
            house.daemon._try_again()
            house.call("s2", "SetVariables", SET)

    live(story)
    said = [(record.levelname, record.getMessage()) for record in caplog.records if "written again" in record.getMessage()]
    assert said == [("WARNING", "the journal can be written again, after 2 attempts that failed")] * 2


def test_a_write_that_failed_is_tried_again_later_and_later() -> None:
    """If this failed, a disk that is full for a week would be tried, and complained of, every second."""

    async def story(house: House) -> None:
        loop = asyncio.get_running_loop()
        append, tried_s = house.journal.append, []

        def noted(rows: Sequence[tuple[int, bytes]], station: int = 0) -> None:
            tried_s.append(loop.time())
            append(rows, station)

        house.journal.append = noted  # type: ignore[method-assign]
        house.journal.failing = 7
        house.daemon.put(CableConnected(evse_id=1, connector_id=1))
        house.daemon.drain()
        await asyncio.sleep(200)
        waits_s = [later - earlier for earlier, later in pairwise(tried_s)]
        assert waits_s == pytest.approx([1, 2, 4, 8, 16, 30, 30])
        house.journal.failing = 1
        house.daemon.put(CableDisconnected(evse_id=1, connector_id=1))
        house.daemon.drain()
        begun_s = loop.time()
        await asyncio.sleep(200)
        assert tried_s[-1] - begun_s == pytest.approx(RETRY_FIRST_S), "what worked since begins anew"

    live(story)


def test_an_answer_that_left_early_is_not_given_twice_after_a_failed_write() -> None:
    """If this failed, the CSMS would get two answers to one CALL."""

    async def story(house: House) -> None:
        house.call("g1", "GetVariables", GET)
        house.journal.failing = 1
        house.call("s1", "SetVariables", SET)
        house.daemon._try_again()
        assert house.outside.replies()[-2:] == ["g1", "s1"]

    live(story)


def test_a_settled_effect_is_not_forgotten_by_a_failed_write() -> None:
    """If this failed, an effect that was done would stay in the outbox until the next start."""

    async def story(house: House) -> None:
        house.daemon.put(CardPresented(token="<sealed:c1000000000000000000000000000000:8:p>", token_type="ISO14443"))
        house.daemon.put(Settled(station=0, seq=0, index=0, outcome="done"))
        house.journal.failing = 1
        house.daemon.drain()
        house.daemon._try_again()
        await house.journalled()
        assert len([i for i in _inputs(house) if isinstance(i, Settled)]) == 1

    live(story)


def test_what_the_last_process_left_undone_is_never_the_last_word() -> None:
    """If this failed, an offer from before a power cut could be repeated after it was taken back, and the next vehicle charge for nothing."""

    async def story() -> None:
        house = House()
        house.daemon.put(CableConnected(evse_id=1, connector_id=1))
        house.daemon.put(Settled(station=0, seq=0, index=0, outcome="done"))
        house.daemon.drain()
        await house.journalled()
        station = house.daemon.station
        asked = SetEvse(evse_id=1, energise=True, lock=True)
        station.parts["engine"].outbox[2, 0] = asked
        told = EvseSeen(evse_id=1, connector_id=1, plugged=False, pilot="A", contactor_closed=False, energy_wh=0)
        outside = Outside(house.journal)
        outside.start = lambda tell: tell(told)  # type: ignore[method-assign]
        number, at = house.journal.last()[0], house.daemon.recorder.last_at
        recorder = Recorder(clock=house.clock, entropy=lambda: 7, last_seq=number, last_at=at)
        again = Daemon(STATION, house.journal, recorder, Folded(station, seq=number, at=at), (outside,))
        again.start(Started(journal=JOURNAL, build="t", boot_id="c", boottime_us=0, wall_us=1_800_000_000_000_000))
        assert next(effect for _, effect, _ in outside.done if isinstance(effect, SetEvse)) == asked
        assert isinstance(outside.done[0][1], SetEvse), "before anything that the new start asks for"

    asyncio.run(story())


def test_a_write_that_fails_in_the_thread_is_undone_as_well() -> None:
    """If this failed, a disk that fills up under load would leave the station ahead of its journal."""

    async def story(house: House) -> None:
        before = house.journal.last()[0]
        house.journal.failing = 1
        for n in range(12):
            house.daemon.put(Called(link=1, message_id=f"s{n}", action="SetVariables", payload=SET))
        house.daemon.drain()
        house.call("s12", "SetVariables", SET)  # decided on top of what is not durable, and undone with it
        assert house.daemon.recorder.last_seq > before
        await house.land()
        assert house.journal.last()[0] == before
        assert house.refold()
        house.daemon._try_again()
        await house.land()
        assert house.outside.replies()[-13:] == [f"s{n}" for n in range(13)]

    live(story)


def test_a_followed_effect_that_raises_is_settled_as_failed() -> None:
    """If this failed, an adapter's bug would leave an effect in the outbox for ever."""

    async def story(house: House) -> None:
        def fail(effect_id: EffectId, effect: Effect) -> None:
            raise RuntimeError("a bug")

        house.outside.perform = fail  # type: ignore[method-assign]
        house.daemon.put(CardPresented(token="<sealed:c1000000000000000000000000000000:8:p>", token_type="ISO14443"))
        house.daemon._perform(EffectId(0, 0, 0), SetEvse(evse_id=1, energise=False, lock=False))
        house.daemon.drain()
        settled = [i for i in _inputs(house) if isinstance(i, Settled)]
        assert settled[-1].outcome == "failed"

    live(story)


def test_nothing_is_performed_before_it_is_durable() -> None:
    """If this failed, nobody would notice a dispatcher that runs ahead of the journal."""

    async def story(house: House) -> None:
        ahead = EffectId(0, house.journal.last()[0] + 1, 0)
        with pytest.raises(AssertionError, match="before it was durable"):
            house.daemon._perform(ahead, SetEvse(evse_id=1, energise=True, lock=True))

    live(story)


def test_closing_keeps_a_snapshot_that_the_next_start_uses() -> None:
    """If this failed, an orderly stop would make the next start as long as the journal."""

    async def story(house: House) -> None:
        house.call("s1", "SetVariables", SET)

    house = live(story)
    folded = snapshots.restore(house.journal, STATION, lambda: b"v")
    assert folded.turns == 0
    assert folded.station == house.daemon.station


def _inputs(house: House) -> list[Any]:
    from eventlog.codec import decode_turn
    from eventlog.fold import CHAIN_BYTES

    return [decode_turn(seq, row[CHAIN_BYTES:]).input for seq, row in house.journal.rows()]
