"""The daemon's loop: mailbox, recorder, kernel, journal, dispatcher.

Law: an effect is performed only after its own turn is durable; an answer that rests on no new fact may leave once every fact before it is.
What could not be made durable never happened: its inputs wait and are decided again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Executor
from time import monotonic
from typing import Protocol

from engine.errors import JournalFault
from engine.event import AfterCrash, Effect, EffectId, Input
from engine.kernel import Faulted, Kernel, Settled, Turn, Woke, outbox_ids
from engine.machine import Station
from engine.ports import LOST, Port
from engine.recorder import Recorder
from engine.records import fields_of
from engine.standby import source, stand_by
from eventlog import snapshots
from eventlog.codec import encode, encode_turn
from eventlog.fold import Folded
from eventlog.store import Store
from wire.sealed import named_in

log = logging.getLogger("stationd.daemon")

GROUP_MOST = 64
"""Turns in one transaction at most."""

THREAD_FROM_TURNS = 8
THREAD_FROM_S = 0.02
"""A group this large, or a disk this slow, is committed in the writer thread, so that the loop stays alive meanwhile."""

RIDE_MOST_S = 1.0
RIDE_MOST_ROWS = 64
"""How long, and how many, quiet rows wait for a group to ride with."""

RETRY_FIRST_S = 1.0
RETRY_MOST_S = 30.0

ROOM_TRIES = 2
"""So often in a row room is made for a group; if it still cannot be written, room is not what is missing."""

EARLY = 1 << 16
"""The index, in effect ids, of what is done before its turn is written."""


class Waiting:
    """A turn that is decided and not durable; *acted* where its answer has left already."""

    __slots__ = ("acted", "station", "turn")

    def __init__(self, turn: Turn, station: Station) -> None:
        self.turn = turn
        self.station = station
        self.acted = False


Observer = Callable[[Turn, Station], None]


class Keeper(Protocol):
    """Whoever looks after the journal's space."""

    def turned(self, seq: int) -> None:
        """Turns up to *seq* are durable."""

    def make_room(self, error: BaseException) -> bool:
        """A group could not be written for *error*; returns whether trying again at once is worth while."""


class Texts(Protocol):
    """What lies beside the journal, and must be durable before a row names it."""

    def flush(self, seq: int) -> None:
        """Make durable what was kept, before turn *seq* and those after it are written.  Raises OSError."""

    def abandon(self, named: Collection[str]) -> None:
        """Drop what is not durable, and not among the handles *named*: its input was refused, so no row will name it."""


def writer_thread() -> Executor:
    """Make the executor of one thread in which groups are committed; imported here, because a station that is seldom busy never needs it."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1, "journal")


class Daemon:
    """One station, live.  Everything here runs on the event loop's thread but the writer's commits.

    *clock* gives seconds and never goes back; a commit is measured with it, and a slow one sends the next group to the writer thread.
    *make_writer* makes the executor of that thread when the first group goes there; :meth:`close` shuts it down.
    """

    def __init__(
        self,
        kernel: Kernel,
        store: Store,
        recorder: Recorder,
        folded: Folded,
        ports: Iterable[Port],
        *,
        version: Callable[[], bytes] | None = None,
        observers: Iterable[Observer] = (),
        keeper: Keeper | None = None,
        texts: Texts | None = None,
        clock: Callable[[], float] = monotonic,
        make_writer: Callable[[], Executor] = writer_thread,
    ) -> None:
        self.kernel = kernel
        self.store = store
        self.recorder = recorder
        self.station = folded.station
        self.ports = tuple(ports)
        self.observers = list(observers)
        self.number = recorder.station
        self._version = version
        self._keeper = keeper
        self._texts = texts
        self._clock = clock
        self._make_writer = make_writer
        self._performers = {kind: port for port in self.ports for kind in port.performs}
        self._mailbox: deque[Input] = deque()
        self._waiting: list[Waiting] = []
        self._durable_seq = folded.seq
        self._durable_at = folded.at
        self._durable_station = folded.station
        self._snapshot_seq = folded.seq - folded.turns
        self._acted_early = 0
        self._loud = False
        self._draining = False
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._ride_timer: asyncio.TimerHandle | None = None
        self._armed_us: int | None = None
        self._retry_s = 0.0
        self._stood_by = 0
        self._made_room = 0
        self._failures = 0
        self._commit_s = 0.0
        self._writer: Executor | None = None
        self._flight: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self.turns = 0

    # In

    def tell(self, input: Input) -> None:
        """Put an input into the mailbox.  It is decided when the loop comes round, or at once by :meth:`drain`."""
        self._mailbox.append(input)
        if not self._scheduled and not self._draining:
            self._scheduled = True
            self._loop.call_soon(self._drain_soon)

    def put(self, input: Input) -> None:
        """Put an input into the mailbox without asking the loop to come round: for an adapter that calls :meth:`drain` itself."""
        self._mailbox.append(input)

    def _drain_soon(self) -> None:
        self._scheduled = False
        self.drain()

    def start(self, started: Input, more: Iterable[Input] = ()) -> None:
        """Decide *started*, resume what the last process left undone, then let the ports begin."""
        left = outbox_ids(self.station, self.number)
        self._mailbox.append(started)
        self._mailbox.extend(more)
        # One group: what started, what the ports see, and the deadlines that are due by it.  What the last process left undone goes first: what
        # this group asks of the same hardware is newer, and must be the last word.
        self._draining = True
        try:
            for port in self.ports:
                port.start(self.tell)
            for effect_id, effect in left:
                if effect.AFTER_CRASH is AfterCrash.REPEAT:
                    self._perform(effect_id, effect)
                else:
                    self.tell(Settled(station=effect_id.station, seq=effect_id.seq, index=effect_id.index, outcome=LOST))
        finally:
            self._draining = False
        self.drain()

    # Deciding

    def drain(self) -> None:
        """Decide what lies in the mailbox, make it durable, perform it; again until nothing is left."""
        if self._draining or self._closed:
            return
        if self._retry_s:
            if self._failures > 1:
                self._stand_by()
            return
        self._draining = True
        try:
            while self._mailbox and not self._retry_s:
                self._decide_group()
                if self._flight is None:
                    self._flush_if_due()
        finally:
            self._draining = False
        self._arm()

    def _decide_group(self) -> None:
        for _ in range(GROUP_MOST):
            if not self._mailbox and not self._due():
                break
            input = self._mailbox.popleft() if self._mailbox else Woke()
            cx = self.recorder.stamp()
            turn, self.station = self.kernel.turn(self.station, input, cx)
            self.turns += 1
            for fact in turn.facts:
                if type(fact) is Faulted:
                    log.error("turn %d faulted in %s: %s", turn.seq, fact.machine, fact.error)
            self._waiting.append(Waiting(turn, self.station))
            self._loud = self._loud or not turn.quiet
        if self._flight is None:
            self._act_early()

    def _due(self) -> bool:
        deadline = self.kernel.next_deadline(self.station)
        return deadline is not None and deadline[0] <= self.recorder.now()

    def _act_early(self) -> None:
        """Answers that rest on no fact that is not durable may leave; their rows ride along later."""
        for one in self._waiting[self._acted_early :]:
            if one.turn.facts or not one.turn.quiet:
                return
            self._acted_early += 1
            one.acted = True
            self._act(one.turn)

    def _flush_if_due(self) -> None:
        if not self._waiting:
            return
        # An answer that stands behind a reading is not made to wait for company.
        if self._loud or len(self._waiting) >= RIDE_MOST_ROWS or any(one.turn.effects for one in self._waiting[self._acted_early :]):
            self.flush()
        elif self._ride_timer is None:
            self._ride_timer = self._loop.call_later(RIDE_MOST_S, self._ride_over)

    def _ride_over(self) -> None:
        self._ride_timer = None
        if self._flight is None and self._waiting:
            self.flush()

    # Making durable

    async def journalled(self) -> None:
        """Return when everything told so far is durable and performed.  Raises JournalFault while the journal cannot be written."""
        self.drain()
        while self._mailbox or self._waiting or self._flight is not None:
            if self._retry_s:
                raise JournalFault("the journal cannot be written now; the input waits and is tried again")
            if self._flight is not None:
                await asyncio.wait([self._flight])
            elif self._waiting:
                self.flush()
            else:
                self.drain()

    def flush(self) -> None:
        """Write what waits: inline when it is little and the disk is fast, in the writer thread otherwise."""
        if self._ride_timer is not None:
            self._ride_timer.cancel()
            self._ride_timer = None
        group = self._waiting
        try:
            if self._texts is not None:
                self._texts.flush(group[0].turn.seq)
        except Exception as error:  # noqa: BLE001 (whatever the disk says)
            self._undo(group, error)
            return
        rows = [(one.turn.seq, encode_turn(one.turn)) for one in group]
        if len(rows) >= THREAD_FROM_TURNS or self._commit_s > THREAD_FROM_S:
            self._waiting, self._acted_early, self._loud = [], 0, False
            if self._writer is None:
                self._writer = self._make_writer()
            self._flight = self._loop.run_in_executor(self._writer, self._append, rows)
            self._flight.add_done_callback(lambda done: self._landed(group, done))
            return
        try:
            self._append(rows)
        except Exception as error:  # noqa: BLE001 (whatever the disk says)
            self._undo(group, error)
            return
        self._waiting, self._acted_early, self._loud = [], 0, False
        self._performed(group)

    def _append(self, rows: list[tuple[int, bytes]]) -> None:
        begun = self._clock()
        self.store.append(rows, self.number)
        self._commit_s += (self._clock() - begun - self._commit_s) / 8

    def _landed(self, group: list[Waiting], done: asyncio.Future[None]) -> None:
        self._flight = None
        error = done.exception()
        if error is not None:
            self._undo(group, error)
            return
        self._draining = True
        try:
            self._performed(group)
            self._act_early()
            self._flush_if_due()
        finally:
            self._draining = False
        self.drain()

    def _performed(self, group: list[Waiting]) -> None:
        last = group[-1].turn
        if self._failures:
            log.warning("the journal can be written again, after %d attempts that failed", self._failures)
        self._made_room = self._failures = 0
        self._durable_station = group[-1].station
        self._durable_seq, self._durable_at = last.seq, last.at
        for one in group:
            if not one.acted:
                self._act(one.turn)
            if one.turn.facts:
                for observer in self.observers:
                    observer(one.turn, one.station)
        if last.seq - self._snapshot_seq >= snapshots.EVERY_TURNS:
            self.snapshot()
        if self._keeper is not None:
            self._keeper.turned(last.seq)

    def _undo(self, group: list[Waiting], error: BaseException) -> None:
        """The group is not durable: it never happened.  Its inputs wait at the front of the mailbox."""
        undone = group + (self._waiting if self._waiting is not group else [])
        self._waiting, self._acted_early, self._loud = [], 0, False
        self._mailbox.extendleft(one.turn.input for one in reversed(undone) if not (one.acted and one.turn.effects))
        self.station = self._durable_station
        self.recorder.rewind(self._durable_seq, self._durable_at)
        self._stood_by = 0
        if self._keeper is not None and self._made_room < ROOM_TRIES and self._keeper.make_room(error):
            self._made_room += 1
            self._loop.call_soon(self._drain_soon)
            return
        # Bounded before it is multiplied: a disk may be full for weeks.
        self._retry_s = min(RETRY_FIRST_S * 2 ** min(self._failures, 16), RETRY_MOST_S)
        log.critical(
            "the journal cannot be written (%s: %s); %d inputs wait and are tried again in %.0f s: make room, or check the disk",
            type(error).__name__, error, len(self._mailbox), self._retry_s,
        )  # fmt: skip
        self._loop.call_later(self._retry_s, self._try_again)
        self._failures += 1
        if self._failures > 1:
            # Once may be a hiccup, and whoever waits for an answer can wait a second.
            self._stand_by()

    def _stand_by(self) -> None:
        """The journal cannot be written: look at what came in meanwhile, and do no more than is safe."""
        mailbox = self._mailbox
        kept = [mailbox.popleft() for _ in range(self._stood_by)]
        self._draining = True
        try:
            while mailbox:
                input = mailbox.popleft()
                standing = stand_by(self.kernel, self.station, input, self.recorder.stamp())
                self.recorder.rewind(self._durable_seq, self._durable_at)
                for effect in standing.effects:
                    # Of no turn that is written: its id stands between the last durable turn and whatever comes next.
                    self._perform(EffectId(self.number, self._durable_seq, EARLY), effect)
                if standing.replaced:
                    kept = [one for one in kept if source(one) != source(input)]
                if standing.keep:
                    kept.append(input)
                elif input.MOMENTARY:
                    log.error("%s was not acted upon: the journal cannot be written", type(input).__name__)
        finally:
            self._draining = False
            mailbox.extend(kept)
            self._stood_by = len(mailbox)

    def _try_again(self) -> None:
        self._retry_s = 0.0
        if self._texts is not None:
            # A card whose holder has left must not be what keeps everything else from being written.
            self._texts.abandon(named_in(encode([fields_of(input) for input in self._mailbox])))
        self.drain()

    def durable(self) -> Folded:
        """The station after the last durable turn."""
        _, chain = self.store.last(self.number)
        return Folded(self._durable_station, seq=self._durable_seq, at=self._durable_at, chain=chain)

    def snapshot(self) -> None:
        """Keep the durable station, so that the next start is a short one."""
        if self._version is None:
            return
        folded = self.durable()
        self._snapshot_seq = self._durable_seq
        try:
            snapshots.write(self.store, folded, self._version(), self.number)
        except Exception as error:  # noqa: BLE001 (a snapshot is a cache)
            log.warning("no snapshot was kept (%s: %s)", type(error).__name__, error)

    # Out

    def _act(self, turn: Turn) -> None:
        for index, effect in enumerate(turn.effects):
            self._perform(EffectId(self.number, turn.seq, index), effect)

    def _perform(self, effect_id: EffectId, effect: Effect) -> None:
        if not (effect_id.seq <= self._durable_seq or effect.ANSWERS):
            raise AssertionError(f"{type(effect).__name__} {effect_id} was to be performed before it was durable")
        port = self._performers.get(type(effect))
        if port is None:
            log.error("nobody performs %s %s", type(effect).__name__, effect_id)
            if effect.AFTER_CRASH is not AfterCrash.FORGET:
                self.tell(
                    Settled(
                        station=effect_id.station,
                        seq=effect_id.seq,
                        index=effect_id.index,
                        outcome="failed",
                        detail="no adapter",
                    )
                )
            return
        try:
            port.perform(effect_id, effect)
        except Exception:
            log.exception("%s %s raised in its adapter", type(effect).__name__, effect_id)
            if effect.AFTER_CRASH is not AfterCrash.FORGET:
                self.tell(
                    Settled(
                        station=effect_id.station,
                        seq=effect_id.seq,
                        index=effect_id.index,
                        outcome="failed",
                        detail="the adapter raised",
                    )
                )

    # Time

    def _arm(self) -> None:
        deadline = None if self._closed or self._retry_s else self.kernel.next_deadline(self.station)
        due = deadline[0] if deadline is not None else None
        if due == self._armed_us:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._armed_us = due
        if due is not None:
            self._timer = self._loop.call_later(max(due - self.recorder.now(), 0) / 1e6, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._armed_us = None
        if self._due():
            self._mailbox.append(Woke())
            self.drain()
        else:
            self._arm()

    # The end

    async def close(self) -> None:
        """Stop the ports, write what still rides, keep a snapshot, let go."""
        for port in self.ports:
            port.stop()
        if self._flight is not None:
            await asyncio.wait([self._flight])
        self.drain()
        if self._flight is not None:
            await asyncio.wait([self._flight])
        if self._waiting and not self._retry_s:
            group, self._waiting = self._waiting, []
            if self._texts is not None:
                self._texts.flush(group[0].turn.seq)
            self._append([(one.turn.seq, encode_turn(one.turn)) for one in group])
            self._durable_seq, self._durable_at = group[-1].turn.seq, group[-1].turn.at
            self._durable_station = group[-1].station
        if self._durable_seq > self._snapshot_seq:
            self.snapshot()
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._writer is not None:
            self._writer.shutdown(wait=True)
