"""The reference day: one fixed day of a busy station, for whoever measures journals.

Law: always the same rows, byte for byte, for the same build and the same journal number; lived in virtual time, and written down afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from engine.errors import SetupFault
from eventlog.fold import CHAIN_BYTES
from eventlog.store import Store
from sim.checks import Violation, check_events, check_received
from sim.evse import EvseSpec
from sim.faults import NONE, Faults
from sim.vehicle import VehicleSpec
from sim.world import ATTEMPTS_MOST, JOURNAL, MINUTE_US, SECOND_US, World
from wire.schemas import Schemas

SEED: Final = 2026
HOUR_US: Final = 60 * MINUTE_US
SESSION_US: Final = 2 * HOUR_US
GROUP_ROWS: Final = 512
METER_US: Final = 10 * SECOND_US

PLUGGED_AT: Final = (
    # (begin in minutes since midnight, EVSE, card): six sessions of two hours, most of them side by side
    (7 * 60, 1, "04DA0001"),
    (7 * 60 + 30, 2, "04DA0002"),
    (11 * 60, 1, "04DA0003"),
    (12 * 60, 2, "04DA0004"),
    (16 * 60 + 15, 1, "04DA0005"),
    (17 * 60, 2, "04DA0006"),
)
LOSSES_AT: Final = (8 * 60 + 10, 17 * 60 + 20)
"""When the link breaks, in minutes since midnight; nobody answers for five minutes."""
LOSS_US: Final = 5 * MINUTE_US


class Day(NamedTuple):
    """What was lived: in *days* days, and what of it stands in the journal."""

    days: int
    turns: int
    row_bytes: int
    transactions: int
    events: int
    calls: int
    virtual_s: int
    digest: str

    def lines(self) -> Iterator[str]:
        """For people."""
        yield f"{self.days} reference days: {self.turns} turns, {self.row_bytes} bytes of rows ({self.row_bytes // max(self.turns, 1)} a turn)"
        yield f"  {self.transactions} transactions, {self.events} transaction events, {self.calls} CALLs, {self.virtual_s} virtual seconds"
        yield f"  digest {self.digest}"


def reference_day(journal: Store, *, turns: int = 0, schemas: Schemas | None = None) -> Day:
    """Live the day into the empty *journal*; again and again until there are *turns* turns, where given.

    *schemas*: have every payload judged, which takes longer.  Raises SetupFault for a journal that is not empty, Violation where a message did
    not arrive.
    """
    if journal.last()[0] >= 0:
        raise SetupFault(f"the journal holds {journal.last()[0] + 1} turns already; the reference day needs an empty one")
    world = World(
        SEED,
        schemas=schemas,
        versions=("ocpp2.1",),
        config={"SampledDataCtrlr.TxUpdatedInterval": "60"},
        tokens={card: "Accepted" for _, _, card in PLUGGED_AT},
        specs=(EvseSpec(meter_interval_us=METER_US),) * 2,
        number=getattr(journal, "number", 0) or JOURNAL,
    )
    days = 0
    while days == 0 or world.ledger.turns < turns:
        _day(world, days * 24 * HOUR_US)
        days += 1
    world.run(10 * MINUTE_US)
    if world.process is None or not world.at_rest():
        raise Violation("the day ends at rest", world.unrest())
    world.process.flush_all()
    check_received(world.csms.transactions, check_events(world.ledger, ATTEMPTS_MOST), world.ledger)
    return _written(world, journal, days)


def _day(world: World, midnight_us: int) -> None:
    """One day, from one midnight to the next."""
    for minute, evse_id, card in PLUGGED_AT:
        begin = midnight_us + minute * MINUTE_US - world.now
        world.later(begin, _plug_in, world, evse_id)
        world.later(begin + 20 * SECOND_US, _show, world, card, evse_id)
        world.later(begin + SESSION_US - 20 * SECOND_US, _show, world, card, evse_id)
        world.later(begin + SESSION_US, _plug_out, world, evse_id)
    for minute in LOSSES_AT:
        world.later(midnight_us + minute * MINUTE_US - world.now, _lose, world)
    world.run(midnight_us + 24 * HOUR_US - world.now)


def _plug_in(world: World, evse_id: int) -> None:
    world.at_evse(evse_id, lambda evse, now: evse.plug_in(now, VehicleSpec(amps=16, phases=3, capacity_wh=80_000, soc_ppm=200_000)))


def _plug_out(world: World, evse_id: int) -> None:
    world.at_evse(evse_id, lambda evse, now: evse.plug_out(now))


def _show(world: World, card: str, evse_id: int) -> None:
    world.card(card, evse_id=evse_id)


def _lose(world: World) -> None:
    world.faults = Faults(unreachable=1.0)
    world.drop()
    world.later(LOSS_US, _found_again, world)


def _found_again(world: World) -> None:
    world.faults = NONE


def _written(world: World, journal: Store, days: int) -> Day:
    rows: list[tuple[int, bytes]] = []
    row_bytes = 0
    for seq, row in world.store.rows():
        rows.append((seq, row[CHAIN_BYTES:]))
        row_bytes += len(row)
        if len(rows) == GROUP_ROWS:
            journal.append(rows)
            rows = []
    journal.append(rows)
    return Day(
        days=days,
        turns=world.ledger.turns,
        row_bytes=row_bytes,
        transactions=len(world.csms.transactions),
        events=sum(len(events) for events in world.csms.transactions.values()),
        calls=world.csms.calls,
        virtual_s=world.now // SECOND_US,
        digest=world.digest(),
    )
