"""The simulator is only worth its time if it finds bugs: here are some that were put in on purpose.

Law: every mutation is one small change that a tired person could make, and a few hundred lives find it, by the rule that was meant to.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.event import Effect, EffectId, replace
from engine.kernel import Kernel, Settled
from engine.machine import Conclusions, Context, Machine, Station
from machines.boot.facts import Rebooted
from machines.connection.facts import Lost
from machines.connection.state import CONNECTION
from machines.device_model.views import evses
from machines.effects import SetEvse
from machines.inputs import CardPresented, LinkDown, Refused
from machines.monitoring.state import Monitoring
from machines.monitoring.state import fold_rebooted as real_fold_monitoring_rebooted
from machines.network.machine import ApplyPlan
from machines.outbound.facts import Delivered, Dropped, Queued
from machines.outbound.machine import not_taken
from machines.outbound.state import OUTBOUND, Outbound
from machines.outbound.state import fold_gone as real_fold_gone
from machines.session.facts import CableUnplugged, ContactorSeen, EnergyStarted, EvseAsked, PilotSeen
from machines.session.state import SESSIONS, WANTING, Phase, Session, Sessions
from machines.session.state import fold_rebooted as real_fold_rebooted
from machines.station import STATION, answer_fault
from machines.status.machine import Status
from machines.vas.facts import InternetReleased
from machines.vas.state import VAS
from machines.vas.state import Phase as Internet
from sim.lives import live
from sim.process import Process, Waiting
from wire.schemas import Schemas

LIVES = 1_500
HASTY = "the next session does not wait"
SEEDS = Path(__file__).parents[1] / "seeds.txt"


def seeds() -> list[tuple[int, str, str]]:
    """(seed, mutation, what it found) of the seeds that once failed."""
    rows = [line.split("|") for line in SEEDS.read_text().splitlines() if line and not line.startswith("#")]
    return [(int(seed), mutation.strip(), what.strip()) for seed, mutation, what in rows]


def mutated(name: str, **changes: Any) -> Kernel:
    """The station with one machine changed: *hears* and *folds* in place of the machine's own (None takes one away), or *conclude*."""

    def change(machine: Machine) -> Machine:
        if machine.name != name:
            return machine
        hears = {key: decide for key, decide in {**machine.hears, **changes.get("hears", {})}.items() if decide is not None}
        return Machine(
            machine.part,
            folds={**machine.folds, **changes.get("folds", {})},
            hears=hears,
            deadlines=machine.deadlines,
            watches=machine.watches,
            conclude=changes.get("conclude", machine.conclude),
        )

    return Kernel(tuple([change(machine) for machine in STATION.machines]), on_fault=answer_fault)


def part(name: str) -> Machine:
    """A machine of the station."""
    return next(machine for machine in STATION.machines if machine.name == name)


class Eager(Process):
    """Performs first and writes afterwards."""

    def flush(self) -> None:
        """As it must not be."""
        for one in self.waiting:
            if not one.acted:
                one.acted = True
                self._act(one.turn)
        super().flush()


class Forgetful(Process):
    """Does not look at what the last process left undone."""

    def resume(self, left: list[tuple[EffectId, Effect]]) -> None:
        """Nothing is resumed."""


class Losing(Process):
    """Throws away what the outside has settled when its group cannot be written."""

    def _undo(self, group: list[Waiting]) -> None:
        super()._undo([one for one in group if not isinstance(one.turn.input, Settled)])


def redial_by_chance(station: Station, down: LinkDown, cx: Context) -> Conclusions:
    """The back-off is drawn from the process's own chance and not from the recorded luck."""
    here = station[CONNECTION]
    for fact in part("connection").hears[LinkDown](station, down, cx):
        yield replace(fact, redial_at_us=fact.redial_at_us + random.randrange(1_000)) if isinstance(fact, Lost) and here.link else fact


def release_only_when_open(station: Station, fact: CableUnplugged, cx: Context) -> Conclusions:
    """A vehicle that leaves while its way out is still being opened is not noticed."""
    if station[VAS].at(fact.evse_id).phase in (Internet.OPEN, Internet.FAILED):
        yield InternetReleased(evse_id=fact.evse_id)


def seq_no_from_the_start(sessions: Sessions, fact: Rebooted) -> None:
    """The numbers start again after a restart."""
    real_fold_rebooted(sessions, fact)
    sessions.told = {evse_id: replace(told, seq_no=0) for evse_id, told in sessions.told.items()}


def queue_lost(out: Outbound, fact: Rebooted) -> None:
    """The queue does not outlive the process."""
    out.queue = {}
    out.flying = 0


def offer_to_everybody(station: Station, cx: Context) -> Conclusions:
    """Who is plugged in gets energy."""
    for evse_id in evses(station):
        session = station[SESSIONS].at(evse_id)
        if (session.connected, session.connected) != (session.asked_energise, session.asked_lock):
            yield EvseAsked(evse_id=evse_id, energise=session.connected, lock=session.connected)
            yield SetEvse(evse_id=evse_id, energise=session.connected, lock=session.connected)


def offer_once(station: Station, cx: Context) -> Conclusions:
    """What was offered is never taken back while the cable is in."""
    for conclusion in part("sessions").conclude(station, cx):  # type: ignore[misc]
        if isinstance(conclusion, SetEvse) and not conclusion.energise and station[SESSIONS].at(conclusion.evse_id).connected:
            continue
        yield conclusion


def no_patience(station: Station, cx: Context) -> Conclusions:
    """The next CALL leaves as soon as something happens, although the one before it waits for its answer."""
    out = station[OUTBOUND].copy()
    if out.flying and out.last_sent_us < cx.at:
        out.queue.pop(out.flying, None)
        out.flying = 0
    yield from part("outbound").conclude(Station({**station.parts, "outbound": out}), cx)  # type: ignore[misc]


def no_queue_offline(station: Station, queued: Queued, cx: Context) -> Conclusions:
    """Offline, transaction events are dropped like anything else."""
    if station[CONNECTION].phase.value != "up" and queued.action == "TransactionEvent":
        yield Dropped(entry=queued.entry, action=queued.action, reason="offline")
        return
    yield from part("outbound").hears[Queued](station, queued, cx)


def cards_only_begin(station: Station, card: CardPresented, cx: Context) -> Conclusions:
    """A card that is charging is not known again."""
    if not any(session.token == card.token and session.authorized for session in station[SESSIONS].of.values()):
        yield from part("sessions").hears[CardPresented](station, card, cx)


def refused_twice(station: Station, refusal: Refused, cx: Context) -> Conclusions:
    """A CALLERROR counts as a failure although the attempt was given up before."""
    out = station[OUTBOUND]
    entry = out.queue.get(refusal.entry)
    if refusal.entry != out.flying and entry is not None and refusal.link == station[CONNECTION].link and refusal.attempt == entry.attempts:
        yield from not_taken(station, refusal.entry, entry, f"CALLERROR {refusal.code}", cx)
    else:
        yield from part("outbound").hears[Refused](station, refusal, cx)


def late_frees(out: Outbound, fact: Delivered) -> None:
    """An answer to an earlier attempt ends the newest one too."""
    real_fold_gone(out, fact)
    if fact.late:
        out.flying = out.give_up_at_us = 0


def flows_on_an_edge(station: Station, fact: ContactorSeen | PilotSeen, cx: Context) -> Conclusions:
    """Energy counts as flowing when something moves, and not because it does."""
    session = station[SESSIONS].at(fact.evse_id)
    if session.contactor and session.pilot in WANTING and session.phase in (Phase.READY, Phase.SUSPENDED) and not session.blocked:
        yield EnergyStarted(evse_id=fact.evse_id)


def flows_not_by_level(station: Station, cx: Context) -> Conclusions:
    """The levels tell nothing of energy."""
    return (one for one in part("sessions").conclude(station, cx) if not isinstance(one, EnergyStarted))  # type: ignore[misc]


def hasty(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """A transaction ends, and the next one begins, without waiting for the contactor to open; energy is seen on edges only."""
    monkeypatch.setattr(Session, "powered", property(lambda _: False))
    hears = {ContactorSeen: flows_on_an_edge, PilotSeen: flows_on_an_edge}
    return mutated("sessions", hears=hears, conclude=flows_not_by_level)


def delivered_by_anybody(station: Station, settled: Settled, cx: Context) -> Conclusions:
    """A plan counts as applied whatever the operating system said."""
    yield from part("network").hears[Settled, ApplyPlan](station, replace(settled, outcome="done"), cx)


def event_ids_from_the_start(here: Monitoring, fact: Rebooted) -> None:
    """The events of monitors are counted anew after a restart."""
    real_fold_monitoring_rebooted(here, fact)
    here.last_event = 0


def told_for_ever(status: Status, fact: Rebooted) -> None:
    """What the CSMS was told before a restart still counts, so nothing is told after it (B01.FR.05)."""


MUTATIONS: dict[str, tuple[Callable[[], Kernel], type[Process], str]] = {
    # name: the station, its process, words of the rule that catches it (or of either rule: which comes first is chance)
    "performed before durable": (lambda: STATION, Eager, "waits until its turn is durable"),
    "outbox not resumed": (lambda: STATION, Forgetful, "outbox"),
    "chance in a decision": (lambda: mutated("connection", hears={LinkDown: redial_by_chance}), Process, "replay decides the same"),
    "release while opening ignored": (lambda: mutated("vas", hears={CableUnplugged: release_only_when_open}), Process, "onlooker expects"),
    "seqNo again after a restart": (lambda: mutated("sessions", folds={Rebooted: seq_no_from_the_start}), Process, "seqNo grows by one"),
    "queue lost at a restart": (lambda: mutated("outbound", folds={Rebooted: queue_lost}), Process, "no transaction event is lost"),
    "event ids again after a restart": (
        lambda: mutated("monitoring", folds={Rebooted: event_ids_from_the_start}),
        Process,
        "an event id stands for one event",
    ),
    "status not told again": (lambda: mutated("status", hears={(Dropped, "StatusNotification"): None}), Process, "knows every connector"),
    "offer without authorization": (lambda: mutated("sessions", conclude=offer_to_everybody), Process, "onlooker sees"),
    "offer never taken back": (
        lambda: mutated("sessions", conclude=offer_once),
        Process,
        "the card that began a charge|hardware does what|reported as Charging",
    ),
    "two CALLs in flight": (lambda: mutated("outbound", conclude=no_patience), Process, "one CALL in flight"),
    "events dropped offline": (lambda: mutated("outbound", hears={Queued: no_queue_offline}), Process, "allowed reasons"),
    "card does not end its charge": (lambda: mutated("sessions", hears={CardPresented: cards_only_begin}), Process, "the card that began"),
    "one refusal counted twice": (lambda: mutated("outbound", hears={Refused: refused_twice}), Process, "MessageAttempts"),
    "plan believed, not checked": (lambda: mutated("network", hears={(Settled, ApplyPlan): delivered_by_anybody}), Process, "network"),
    "plan not applied again": (lambda: mutated("network", hears={Rebooted: None}), Process, "network"),
    "verdicts on cards unheard": (lambda: mutated("sessions", hears={(Delivered, "Authorize"): None}), Process, "a healed station"),
    "a refused command given up": (lambda: mutated("evses", hears={(Settled, SetEvse): None}), Process, "hardware does what"),
    "a late answer frees the link": (lambda: mutated("outbound", folds={Delivered: late_frees}), Process, "one CALL in flight"),
    "a Settled is lost with its group": (lambda: STATION, Losing, "a healed station comes to rest"),
    "told for ever": (lambda: mutated("status", folds={Rebooted: told_for_ever}), Process, "knows every connector"),
}


@pytest.mark.parametrize("name", sorted(MUTATIONS))
def test_a_bug_is_found(name: str, schemas: Schemas) -> None:
    """If this fails, a bug of this kind could be in the station and no life would tell."""
    kernel, process, rule = MUTATIONS[name]
    found = list(caught(kernel(), process, schemas))
    assert found, f"{LIVES} lives did not notice: {name}"
    assert any(words in found[0] for words in rule.split("|")), f"{name} was noticed, but by {found[0]}"


@pytest.mark.parametrize(("seed", "mutation", "what"), seeds())
def test_what_was_found_once_is_found_again_where_the_bug_is_put_back(
    monkeypatch: pytest.MonkeyPatch, seed: int, mutation: str, what: str, schemas: Schemas
) -> None:
    """If this fails, a seed is kept that shows nothing any more: look for another one."""
    assert not live(seed, schemas).broken, f"seed {seed}: {what}"
    kernel, process, rule = (hasty(monkeypatch), Process, "reported as Charging") if mutation == HASTY else made(mutation)
    lived = live(seed, schemas, kernel=kernel, process=process)
    assert any(words in lived.broken for words in rule.split("|")), f"{what}: {lived.broken or 'nothing was found'}"


def made(mutation: str) -> tuple[Kernel, type[Process], str]:
    """A mutation by name: the station, its process, words of the rule that catches it."""
    kernel, process, rule = MUTATIONS[mutation]
    return kernel(), process, rule


def caught(kernel: Kernel, process: type[Process], schemas: Schemas) -> Iterator[str]:
    """What the first life says that breaks a rule."""
    for seed in range(LIVES):
        lived = live(seed, schemas, kernel=kernel, process=process)
        if lived.broken:
            yield lived.broken
            return
