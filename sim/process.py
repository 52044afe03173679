"""One run of the station's process: the daemon's loop in virtual time, with places to die.

Law: the same law as the daemon's: an effect is performed only after its own turn is durable, and what could not be made durable never happened.
It dies only where it is told to, by an exception that takes everything with it that was not written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from engine.event import AfterCrash, Effect, EffectId, Input
from engine.kernel import Kernel, Settled, Turn, Woke, outbox_ids
from engine.machine import Station
from engine.ports import LOST
from engine.recorder import Recorder
from engine.standby import source, stand_by
from eventlog import snapshots
from eventlog.codec import encode_turn
from eventlog.fold import Folded
from eventlog.store import Store

GROUP_MOST: Final = 64
RIDE_MOST_US: Final = 1_000_000
RIDE_MOST_ROWS: Final = 64
RETRY_US: Final = 1_000_000
EARLY: Final = 1 << 16

DECIDED, WRITTEN, PERFORMED = "decided, not written", "written, not performed", "performed, not reported"


class Crash(Exception):
    """The process died here."""


class Waiting:
    """A turn that is decided and not durable; *acted* where its answer has left already."""

    __slots__ = ("acted", "station", "turn")

    def __init__(self, turn: Turn, station: Station) -> None:
        self.turn = turn
        self.station = station
        self.acted = False


class Process:
    """Holds what dies with it: the station in memory, the mailbox, rows that ride.

    *perform* does an effect, *durable* is told of every turn that cannot be lost any more, before anything of it is performed.  *die* may raise
    Crash at a place; *disk_full* says that a group cannot be written now.
    """

    def __init__(
        self,
        kernel: Kernel,
        store: Store,
        recorder: Recorder,
        folded: Folded,
        *,
        perform: Callable[[EffectId, Effect], None],
        durable: Callable[[Turn, Station], None],
        die: Callable[[str], None],
        disk_full: Callable[[], bool],
    ) -> None:
        self.kernel = kernel
        self.store = store
        self.recorder = recorder
        self.station = folded.station
        self.perform = perform
        self.told_durable = durable
        self.die = die
        self.disk_full = disk_full
        self.mailbox: deque[Input] = deque()
        self.waiting: list[Waiting] = []
        self.durable_seq = folded.seq
        self.durable_at = folded.at
        self.durable_station = folded.station
        self.ride_until: int | None = None
        self.retry_at: int | None = None
        self.stood_by = 0
        self.failures = 0
        self.draining = False
        self.resuming: tuple[EffectId, list[tuple[EffectId, Effect]]] | None = None
        """The effect of the last process that is being repeated, and all that are."""
        self.due: int | None = None
        """When this process has something to do by itself, in station time."""

    def start(self, started: Input, more: Iterable[Input], levels: Iterable[Input]) -> None:
        """Decide *started* and what the ports see in one group, after the last process's undone effects are under way again.

        In this order, because the last word on the hardware must be what this process decides, and not what the last one did.
        """
        left = outbox_ids(self.station, self.recorder.station)
        self.mailbox.append(started)
        self.mailbox.extend(more)
        self.mailbox.extend(levels)
        self.draining = True
        try:
            self.resume(left)
        finally:
            self.draining = False
        self.drain()

    def resume(self, left: list[tuple[EffectId, Effect]]) -> None:
        """What was asked for and never settled: again, or lost."""
        for effect_id, effect in left:
            if effect.AFTER_CRASH is AfterCrash.REPEAT:
                self.resuming = effect_id, left
                self.perform(effect_id, effect)
            else:
                self.tell(Settled(station=effect_id.station, seq=effect_id.seq, index=effect_id.index, outcome=LOST))
        self.resuming = None

    def tell(self, input: Input) -> None:
        """Put an input into the mailbox; it is decided by :meth:`drain`."""
        self.mailbox.append(input)

    def drain(self) -> None:
        """Decide what lies in the mailbox, make it durable, perform it; again until nothing is left."""
        if self.draining:
            return
        if self.retry_at is not None and self.failures > 1:
            self._stand_by()
        self.draining = True
        try:
            while self.mailbox and self.retry_at is None:
                self._decide_group()
                self._act_early()
                self._flush_if_due()
        finally:
            self.draining = False
        if self.waiting and self.ride_until is None:
            self.ride_until = self.recorder.now() + RIDE_MOST_US
        self._arm()

    def _decide_group(self) -> None:
        for _ in range(min(len(self.mailbox), GROUP_MOST)):
            turn, self.station = self.kernel.turn(self.station, self.mailbox.popleft(), self.recorder.stamp())
            self.waiting.append(Waiting(turn, self.station))
            self.die(DECIDED)

    def _act_early(self) -> None:
        """Answers that rest on no fact that is not durable may leave; their rows ride along later."""
        for one in self.waiting:
            if one.turn.facts or not one.turn.quiet:
                return
            if not one.acted:
                one.acted = True
                self._act(one.turn)

    def _flush_if_due(self) -> None:
        waiting = self.waiting
        # An answer that stands behind a reading is not made to wait for company.
        if len(waiting) >= RIDE_MOST_ROWS or any(not one.turn.quiet or (one.turn.effects and not one.acted) for one in waiting):
            self.flush()

    def flush(self) -> None:
        """Write what waits in one group, then perform it."""
        self.ride_until = None
        group = self.waiting
        if self.disk_full():
            self._undo(group)
            return
        self.store.append([(one.turn.seq, encode_turn(one.turn)) for one in group])
        self.waiting = []
        self.failures = 0
        last = group[-1]
        self.durable_station = last.station
        self.durable_seq, self.durable_at = last.turn.seq, last.turn.at
        for one in group:
            self.told_durable(one.turn, one.station)
        self.die(WRITTEN)
        for one in group:
            if not one.acted:
                self._act(one.turn)

    def _undo(self, group: list[Waiting]) -> None:
        """The group never happened: its inputs wait and are decided again, but for those whose answer has left already."""
        self.waiting = []
        self.mailbox.extendleft(one.turn.input for one in reversed(group) if not (one.acted and one.turn.effects))
        self.station = self.durable_station
        self.recorder.rewind(self.durable_seq, self.durable_at)
        self.retry_at = self.recorder.now() + RETRY_US
        self.stood_by = 0
        self.failures += 1

    def _stand_by(self) -> None:
        """As the daemon does: no more than is safe."""
        mailbox = self.mailbox
        kept = [mailbox.popleft() for _ in range(self.stood_by)]
        self.draining = True
        try:
            while mailbox:
                input = mailbox.popleft()
                standing = stand_by(self.kernel, self.station, input, self.recorder.stamp())
                self.recorder.rewind(self.durable_seq, self.durable_at)
                for effect in standing.effects:
                    self.perform(EffectId(self.recorder.station, self.durable_seq, EARLY), effect)
                if standing.replaced:
                    kept = [one for one in kept if source(one) != source(input)]
                if standing.keep:
                    kept.append(input)
        finally:
            self.draining = False
            mailbox.extend(kept)
            self.stood_by = len(mailbox)

    def _act(self, turn: Turn) -> None:
        for index, effect in enumerate(turn.effects):
            self.perform(EffectId(self.recorder.station, turn.seq, index), effect)
            self.die(PERFORMED)

    def durable(self) -> Folded:
        """The station after the last durable turn."""
        _, chain = self.store.last()
        return Folded(self.durable_station, seq=self.durable_seq, at=self.durable_at, chain=chain)

    def snapshot(self, version: bytes) -> None:
        """Keep the durable station."""
        snapshots.write(self.store, self.durable(), version)

    # Time

    def _arm(self) -> None:
        if self.retry_at is not None:
            self.due = self.retry_at
            return
        deadline = self.kernel.next_deadline(self.station)
        times = [time for time in (deadline[0] if deadline is not None else None, self.ride_until) if time is not None]
        self.due = min(times, default=None)

    def wake(self) -> None:
        """The time in ``due`` has come."""
        now = self.recorder.now()
        if self.retry_at is not None and self.retry_at <= now:
            self.retry_at = None
            self.drain()
        if self.retry_at is not None:
            return
        if self.ride_until is not None and self.ride_until <= now:
            self.flush()
        deadline = self.kernel.next_deadline(self.station)
        if deadline is not None and deadline[0] <= now and self.retry_at is None:
            self.mailbox.append(Woke())
        self.drain()

    def flush_all(self) -> None:
        """Write what still rides: the orderly end, or a look at all of it."""
        if self.waiting and self.retry_at is None:
            self.store.append([(one.turn.seq, encode_turn(one.turn)) for one in self.waiting])
            for one in self.waiting:
                self.told_durable(one.turn, one.station)
            last = self.waiting[-1]
            self.durable_station, self.durable_seq, self.durable_at = last.station, last.turn.seq, last.turn.at
            self.waiting = []
