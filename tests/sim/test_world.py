"""The world itself: time jumps, crashes lose what they must, witnesses see what they should."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from engine.errors import SetupFault
from engine.event import Effect, EffectId, Input
from engine.kernel import ENGINE, outbox_ids
from eventlog.memory import MemoryJournal
from eventlog.store import broken_link
from machines.connection.state import CONNECTION
from machines.inputs import CableConnected
from machines.session.state import SESSIONS
from replay.reading import turns
from sim import faults
from sim.checks import Violation, check_events, check_performed, check_received, check_replay
from sim.cli import add_arguments
from sim.csms import Csms
from sim.day import reference_day
from sim.faults import NONE, Faults
from sim.process import DECIDED, PERFORMED, WRITTEN, Crash, Process
from sim.reference import Onlooker, Wrong
from sim.vehicle import VehicleSpec
from sim.world import MINUTE_US, SECOND_US, World
from wire.schemas import Schemas

CARD = "04AABBCC"


def world(schemas: Schemas, **more: Any) -> World:
    """A world in which nothing goes wrong, unless *more* says so."""
    return World(more.pop("seed", 1), schemas=schemas, tokens={CARD: "Accepted", "04BAD": "Blocked"}, **more)


def plug_in(there: World, evse_id: int = 1) -> None:
    """A vehicle that is nearly empty."""
    assert there.at_evse(evse_id, lambda evse, now: evse.plug_in(now, VehicleSpec(soc_ppm=100_000)))


def plug_out(there: World, evse_id: int = 1) -> None:
    """And away."""
    assert there.at_evse(evse_id, lambda evse, now: evse.plug_out(now))


def station(there: World) -> Any:
    """The station, which must be running."""
    assert there.station is not None
    return there.station


def flows(there: World) -> bool:
    """Whether the contactor of EVSE 1 is closed."""
    return there.onlooker.contactor[1]


def die_once_at(there: World, place: str) -> None:
    """The next time the process comes by *place* it dies, and never again."""
    left = [place]

    def die(here: str) -> None:
        if left and here == left[0]:
            left.pop()
            raise Crash(here)

    assert there.process is not None
    there.process.die = die


def whole(there: World) -> None:
    """All that was said arrived, and the rows decide again to the same."""
    there.settle()
    assert there.at_rest(), there.unrest()
    check_received(there.csms.transactions, check_events(there.ledger, 3), there.ledger)
    assert there.process is not None
    there.process.flush_all()
    check_replay(there.kernel, there.memory, there.process.durable_station)


@pytest.mark.parametrize("versions", [("ocpp2.1", "ocpp2.0.1"), ("ocpp2.0.1",)])
def test_a_session_from_plug_to_plug(schemas: Schemas, versions: tuple[str, ...]) -> None:
    """If this fails, the simplest of all days goes wrong, or the world does not notice that a vehicle charged."""
    there = world(schemas, versions=versions)
    there.run(MINUTE_US)
    assert there.csms.boots == ["PowerUp"]
    assert there.csms.statuses == {(1, 1): "Available", (2, 1): "Available"}
    plug_in(there)
    there.card(CARD)
    there.run(60 * MINUTE_US)
    assert flows(there)
    assert there.hardware[1].energy_wh > 7_000
    there.card(CARD)
    there.run(SECOND_US)
    assert not flows(there)
    plug_out(there)
    there.run(MINUTE_US)
    ((_, events),) = there.csms.transactions.items()
    assert [kind for _, kind, _ in events] == ["Started", *["Updated"] * (len(events) - 2), "Ended"]
    assert events[0][2]["idToken"]["idToken"] == CARD
    whole(there)


def test_a_blocked_card_opens_nothing(schemas: Schemas) -> None:
    """If this fails, energy is offered to people whom the CSMS does not know."""
    there = world(schemas)
    there.run(MINUTE_US)
    plug_in(there)
    there.card("04BAD")
    there.run(10 * MINUTE_US)
    assert not flows(there)
    assert not there.csms.transactions


@pytest.mark.parametrize("place", [DECIDED, WRITTEN, PERFORMED])
@pytest.mark.parametrize("stays", [True, False])
def test_power_cut_while_charging(schemas: Schemas, place: str, *, stays: bool) -> None:
    """If this fails, a power cut costs an event, tears a transaction, or leaves a contactor closed."""
    there = world(schemas, faults=Faults(vehicle_leaves=0.0 if stays else 1.0, machine_reboots=1.0))
    there.run(MINUTE_US)
    plug_in(there)
    there.card(CARD)
    there.run(10 * MINUTE_US)
    die_once_at(there, place)
    there.run(10 * MINUTE_US)
    assert sum(there.crashes.values()) == 1
    assert there.boot == 2
    there.run(20 * MINUTE_US)
    assert flows(there) is stays
    assert (len(there.csms.running) == 1) is stays
    if stays:
        plug_out(there)
    whole(there)
    assert len(there.csms.transactions) == 1


class Stubborn(Process):
    """Repeats what the last process left undone only after it has decided what it wants itself."""

    def start(self, started: Input, more: Iterable[Input], levels: Iterable[Input]) -> None:
        """The old word is the last."""
        left = outbox_ids(self.station, self.recorder.station)
        self.mailbox.extend((started, *more, *levels))
        self.drain()
        self.resume(left)
        self.drain()


@pytest.mark.parametrize("process", [Process, Stubborn])
def test_the_last_word_on_the_hardware(schemas: Schemas, process: type[Process]) -> None:
    """If this fails, an offer for a vehicle that left in a power cut is repeated after it was taken back: the next vehicle charges for nobody."""
    there = world(schemas, faults=Faults(vehicle_leaves=1.0, evse_dawdles=1.0), process=process)
    there.run(MINUTE_US)
    plug_in(there)
    there.card(CARD)
    while not station(there)[ENGINE].outbox:
        there.run(100)
    there.died("by hand, before the offer was settled")
    there.faults = NONE

    def the_next_vehicle() -> None:
        there.run(11 * MINUTE_US)
        plug_in(there)
        there.run(MINUTE_US)
        there.check_hardware()
        assert not flows(there)

    if process is Process:
        the_next_vehicle()
    else:
        with pytest.raises(Violation, match="EVSE 1"):
            the_next_vehicle()


def test_rows_that_ride_are_lost_with_the_process(schemas: Schemas) -> None:
    """If this fails, the world is kinder than a power cut: readings survive that were never written."""
    there = world(schemas)
    there.run(MINUTE_US)
    there.at_evse(1, lambda evse, now: evse.set_meter(now, energy_wh=5, power_w=0, wall_us=0))
    assert there.process is not None
    assert len(there.process.waiting) == 1
    before, _ = there.store.last()
    there.died("by hand")
    there.run(11 * MINUTE_US)
    told = next(turn for turn in turns(there.store, first=before + 1))
    assert type(told.input).__name__ == "Started"


def test_an_input_that_was_decided_and_not_written_never_happened(schemas: Schemas) -> None:
    """If this fails, the world remembers what the station cannot know."""
    there = world(schemas)
    there.run(MINUTE_US)
    die_once_at(there, DECIDED)
    there.tell(CableConnected(evse_id=2, connector_id=1))
    assert there.process is None
    assert not there.onlooker.plugged[2]
    there.run(20 * MINUTE_US)
    assert not station(there)[SESSIONS].at(2).connected


def test_a_link_that_breaks_in_the_middle_of_a_call(schemas: Schemas) -> None:
    """If this fails, what was said into a broken link is lost, or said twice with two contents."""
    there = world(schemas)
    there.run(MINUTE_US)
    plug_in(there)
    there.card(CARD)
    there.run(1)
    there.drop()
    there.run(5 * MINUTE_US)
    there.card(CARD)
    there.run(10 * MINUTE_US)
    assert flows(there)
    assert station(there)[CONNECTION].link == 2
    plug_out(there)
    whole(there)


def test_a_disk_that_is_full_for_a_while(schemas: Schemas) -> None:
    """If this fails, something is done that no journal knows of, or an input is lost that could have waited."""
    there = world(schemas)
    there.run(MINUTE_US)
    there.faults = Faults(disk=1.0)
    plug_in(there)
    there.card(CARD)
    there.run(20 * SECOND_US)
    assert not there.onlooker.offered
    there.faults = NONE
    there.run(5 * MINUTE_US)
    assert flows(there)
    plug_out(there)
    whole(there)


def test_the_dispatcher_refuses_what_is_not_durable() -> None:
    """If this fails, perform-before-write goes unnoticed."""
    check_performed(EffectId(0, 5, 0), 5, answers=False)
    check_performed(EffectId(0, 6, 0), 5, answers=True)
    with pytest.raises(Violation, match="waits until its turn is durable"):
        check_performed(EffectId(0, 6, 0), 5, answers=False)


def test_an_effect_that_nobody_performs_is_a_violation(schemas: Schemas) -> None:
    """If this fails, a new effect without an adapter is ignored in silence."""
    there = world(schemas)
    there.run(SECOND_US)
    with pytest.raises(Violation, match="somebody performs every effect"):
        there.perform(EffectId(0, 0, 0), Effect())


def test_the_onlooker_knows_who_may_charge() -> None:
    """If this fails, the witness would let a station offer energy to anybody."""
    seen = Onlooker((1, 2), connect_s=120, stays_authorized=False, unasked_ok=False, free=False)
    with pytest.raises(Wrong, match="no cable"):
        seen.offer(0, 1, energise=True)
    seen.plug(0, 1, is_in=True)
    seen.card(0, "a", ())
    with pytest.raises(Wrong, match="nobody may charge"):
        seen.offer(0, 1, energise=True)
    seen.may(0, "a")
    seen.offer(0, 1, energise=True)
    assert seen.ends_with("a", ()) == 1
    seen.offer(1, 1, energise=False)
    with pytest.raises(Wrong, match="nobody may charge"):
        seen.offer(2, 1, energise=True)  # the leave was used
    seen.may(3, "b", (2,))
    with pytest.raises(Wrong, match="nobody may charge"):
        seen.offer(4, 1, energise=True)  # it is for the other EVSE
    seen.may(5, "c")
    with pytest.raises(Wrong, match="nobody may charge"):
        seen.offer(20 * MINUTE_US, 1, energise=True)  # too late


def test_the_csms_is_a_strict_witness(schemas: Schemas) -> None:
    """If this fails, a station that uses a message id twice, or invents a card, is not noticed."""
    there = world(schemas)
    there.run(MINUTE_US)
    csms = Csms(there.random, {CARD: "Accepted"}, versions=("ocpp2.1",))
    csms.opened(1, "ocpp2.1")
    assert csms.hear(0, b'[2,"1","Heartbeat",{}]')
    with pytest.raises(Violation, match="never used twice"):
        csms.hear(0, b'[2,"1","Heartbeat",{}]')
    with pytest.raises(Violation, match="arrive as they were shown"):
        csms.hear(0, b'[2,"2","Authorize",{"idToken":{"idToken":"nobody","type":"ISO14443"}}]')
    csms.ask("Reset", {})
    csms.hear(0, b'[3,"c1",{}]')
    with pytest.raises(Violation, match="one answer to a CALL"):
        csms.hear(0, b'[4,"c1","InternalError","",{}]')
    with pytest.raises(Violation, match="sends frames"):
        csms.hear(0, b"hello")


def test_a_faulted_turn_is_a_violation(schemas: Schemas) -> None:
    """If this fails, a machine that raises is taken for normal."""
    there = world(schemas)
    there.run(MINUTE_US)
    with pytest.raises(Violation, match="no turn is Faulted"):
        there.tell(CableConnected(evse_id="one", connector_id=None))  # type: ignore[arg-type]


def test_faults_are_drawn_and_half_of_them_are_off() -> None:
    """If this fails, every life is in the same trouble."""
    from random import Random

    drawn = [faults.drawn(Random(seed)) for seed in range(200)]
    assert len(set(drawn)) > 190
    for name in Faults._fields:
        on = sum(1 for one in drawn if getattr(one, name))
        assert 10 < on < 150, name
    assert not any(NONE)


def test_configuration_names_are_checked(schemas: Schemas) -> None:
    """If this fails, a misspelt name makes a world that tests nothing."""
    with pytest.raises(ValueError, match=r"TxCtrlr\.Nonsense is not known"):
        world(schemas, config={"TxCtrlr.Nonsense": "1"})


def test_the_reference_day(schemas: Schemas) -> None:
    """If this fails, what the measurements are made of has changed, or a message of the day was lost."""
    journal = MemoryJournal()
    day = reference_day(journal, schemas=schemas)
    assert (day.days, day.transactions) == (1, 6)
    assert day.turns == journal.last()[0] + 1 > 5_000
    assert broken_link(journal.rows()) is None
    assert day == reference_day(MemoryJournal())
    with pytest.raises(SetupFault, match="needs an empty one"):
        reference_day(journal)


def test_more_of_the_same_day() -> None:
    """If this fails, a journal of a wanted size cannot be made."""
    day = reference_day(MemoryJournal(), turns=10_000)
    assert day.turns >= 10_000
    assert day.transactions == 6 * day.days == 12


def test_a_life_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """If this fails, the command that a failing seed prints does not tell its story."""
    import argparse

    parser = argparse.ArgumentParser()
    add_arguments(parser.add_subparsers())
    args = parser.parse_args(["sim", "life", "--seed", "3"])
    assert args.func(args) == 0
    out = capsys.readouterr().out
    assert "seed 3: the CSMS speaks" in out
    assert "the process starts (boot 1)" in out
    assert "BootNotification" in out
    assert "all rules held" in out
    args = parser.parse_args(["sim", "day"])
    assert args.func(args) == 0
    assert "6 transactions" in capsys.readouterr().out
