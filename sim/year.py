"""A year of a busy station: three EVSEs, ten sessions a day at each, a link that breaks now and then, a restart now and then.

Law: the same seed gives the same rows where the space is told the same; whoever keeps the rows says how full they are, and the station decides
what goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Final, NamedTuple

from engine.kernel import Turn
from engine.machine import Station
from eventlog import snapshots
from eventlog.store import Store
from machines.session.facts import TransactionEnded, TransactionStarted
from machines.storage.facts import StorageSeen
from sim.checks import Ledger, Violation, check_events, check_received
from sim.evse import EvseSpec
from sim.faults import NONE, Faults
from sim.vehicle import VehicleSpec
from sim.world import ATTEMPTS_MOST, MINUTE_US, SECOND_US, World

HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US

EVSES: Final = 3
SESSIONS_A_DAY: Final = 10
"""At each EVSE."""
SLOT_US: Final = 140 * MINUTE_US
"""One session fits in it, whenever it begins in it and however long it is."""
LENGTH_MINUTES: Final = (30, 90)
LATE_MINUTES: Final = (1, 40)
CARDS: Final = tuple(f"04EA{n:04X}" for n in range(40))

LOSS_IN_DAYS: Final = 3
STOP_IN_DAYS: Final = 30
"""The link breaks on one day in so many, and is gone for five minutes; the process is stopped on one day in so many."""

LOOK_EVERY_TURNS: Final = 250

CONFIG: Final = {
    "OCPPCommCtrlr.HeartbeatInterval": "3600",
    "SampledDataCtrlr.TxUpdatedInterval": "900",
}
METER_US: Final = 5 * MINUTE_US


class Charge(NamedTuple):
    """A transaction that is over: its id, and the turns that began and ended it."""

    transaction_id: str
    first: int
    last: int


class Year(World):
    """A world whose rows are in *store*, of which *space* says how full it is.

    *version* marks its snapshots, *segment_turns* is how long its segments are.
    """

    def __init__(
        self, seed: int, store: Store, *, space: Callable[[], StorageSeen], number: int, version: bytes, segment_turns: int = 10_000
    ) -> None:
        self._seen = space
        self.snapshot_version = version
        self.charges: list[Charge] = []
        self.days = 0
        self._began: dict[str, int] = {}
        self._looked = self._snapped = 0
        super().__init__(
            seed,
            schemas=None,
            versions=("ocpp2.1",),
            config={**CONFIG, "InternalCtrlr.JournalSegmentTurns": str(segment_turns)},
            tokens=dict.fromkeys(CARDS, "Accepted"),
            specs=(EvseSpec(meter_interval_us=METER_US),) * EVSES,
            number=number,
            store=store,
        )
        self._plan = Random(seed)

    def day(self) -> None:
        """Live one more day, from midnight to midnight, and check what the CSMS was told.  Raises Violation where anything is missing."""
        plan, midnight_us = self._plan, self.days * DAY_US
        for evse_id in range(1, EVSES + 1):
            for slot in range(SESSIONS_A_DAY):
                begin_us = midnight_us + slot * SLOT_US + plan.randint(*LATE_MINUTES) * MINUTE_US - self.now
                end_us = begin_us + plan.randint(*LENGTH_MINUTES) * MINUTE_US
                card = f"04EA{(slot * EVSES + evse_id - 1 + self.days) % len(CARDS):04X}"
                self.later(begin_us, self._arrive, evse_id)
                self.later(begin_us + 20 * SECOND_US, self._show, card, evse_id)
                self.later(end_us - 20 * SECOND_US, self._show, card, evse_id)
                self.later(end_us, self._leave, evse_id)
        if not plan.randrange(LOSS_IN_DAYS):
            self.later(midnight_us + plan.randrange(20) * HOUR_US - self.now, self._lose)
        self.run(midnight_us + DAY_US - 10 * MINUTE_US - self.now)
        self.settle(5 * MINUTE_US)
        self._reckon()
        if not plan.randrange(STOP_IN_DAYS):
            self.stop()
        self.run(midnight_us + DAY_US - self.now)
        self.days += 1

    def _arrive(self, evse_id: int) -> None:
        self.at_evse(evse_id, lambda evse, now: evse.plug_in(now, VehicleSpec(amps=16, phases=3, capacity_wh=80_000, soc_ppm=200_000)))

    def _leave(self, evse_id: int) -> None:
        self.at_evse(evse_id, lambda evse, now: evse.plug_out(now))

    def _show(self, card: str, evse_id: int) -> None:
        self.card(card, evse_id=evse_id)

    def _lose(self) -> None:
        self.faults = Faults(unreachable=1.0)
        self.drop()
        self.later(5 * MINUTE_US, self._found_again)

    def _found_again(self) -> None:
        self.faults = NONE

    def _durable(self, turn: Turn, station: Station) -> None:
        super()._durable(turn, station)
        for fact in turn.facts:
            if type(fact) is TransactionStarted:
                self._began[fact.transaction_id] = turn.seq
            elif type(fact) is TransactionEnded:
                self.charges.append(Charge(fact.transaction_id, self._began.pop(fact.transaction_id), turn.seq))
        if turn.seq - self._looked >= LOOK_EVERY_TURNS:
            self._looked = turn.seq
            self.later(0, self.look_at_space)
        if turn.seq - self._snapped >= snapshots.EVERY_TURNS:
            self._snapped = turn.seq
            self.later(0, self.snapshot)

    def _space(self) -> StorageSeen:
        return self._seen()

    def _reckon(self) -> None:
        """At rest: everything of the day is told; what the witnesses remember of it may go."""
        if not self.at_rest():
            raise Violation("a day ends at rest", self.unrest())
        if self._began:
            raise Violation("a day ends with every transaction told to its end", ", ".join(self._began))
        check_received(self.csms.transactions, check_events(self.ledger, ATTEMPTS_MOST), self.ledger)
        turns, last_at = self.ledger.turns, self.ledger.last_at
        self.ledger = Ledger()
        self.ledger.turns, self.ledger.last_at = turns, last_at
        self.csms.transactions.clear()
        self.csms.said.clear()
        self._performed.clear()


def live(year: Year, days: int) -> Iterator[int]:
    """Live *days* days; gives the number of every day that is over."""
    for _ in range(days):
        year.day()
        yield year.days
