"""What is measured in the course of a transaction to be told in its last event (J01, J02: the TxEndedIntervals).

Law: what is kept was read in the transaction, and is as it was read; where there is too much of it, the first and the last stay (J02.FR.20).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from engine.event import Value, replace
from engine.kernel import Woke
from engine.machine import Conclusions, Context, Folds, Machine, Part, State, Station, state
from engine.records import record
from machines.clock.facts import ClockSet
from machines.clock.views import aligned, wall
from machines.device_model.facts import Changed, VariableCleared, VariableSet
from machines.device_model.views import Variable
from machines.meter.facts import KeepingPaced, ValueKept
from machines.meter.values import CLOCK, ENDED, PERIODIC, SAMPLED_ENABLED, element, reading_of_now
from machines.session.facts import AuthorizationBound, TransactionEnded, TransactionStarted
from machines.session.state import SESSIONS

INTERVAL_S = Variable("SampledDataCtrlr", "TxEndedInterval", "0")
ALIGNED_ENABLED = Variable("AlignedDataCtrlr", "Enabled", "true")
ALIGNED_INTERVAL_S = Variable("AlignedDataCtrlr", "TxEndedInterval", "0")
ALIGNED_ENDED = Variable("AlignedDataCtrlr", "TxEndedMeasurands", "")
SEND_DURING_IDLE = Variable("AlignedDataCtrlr", "SendDuringIdle", "false")

MOST = 100
"""So many readings of each kind are kept; with one more every second one between the first and the last goes."""


@record(185)
class Keeping(Value):
    """Of one transaction: what is kept, and when the next readings are due (0: never)."""

    sampled_at_us: int = 0
    aligned_at_us: int = 0
    sampled: tuple[ValueKept, ...] = ()
    by_clock: tuple[ValueKept, ...] = ()


@state(186)
class Kept(State):
    """Transactions of which readings are kept, by EVSE."""

    of: dict[int, Keeping] = attrs.field(factory=dict)


KEPT = Part("kept", Kept)


def thinned(values: tuple[ValueKept, ...]) -> tuple[ValueKept, ...]:
    """*values*, without every second one between the first and the last where there are too many."""
    return values if len(values) <= MOST else (values[0], *values[2:-1:2], values[-1])


def fold_kept(kept: Kept, fact: ValueKept) -> None:
    """One more."""
    here = kept.of.get(fact.evse_id, Keeping())
    if fact.context == CLOCK:
        kept.of[fact.evse_id] = replace(here, by_clock=thinned((*here.by_clock, fact)))
    else:
        kept.of[fact.evse_id] = replace(here, sampled=thinned((*here.sampled, fact)))


def fold_paced(kept: Kept, fact: KeepingPaced) -> None:
    """The next ones."""
    here = kept.of.get(fact.evse_id, Keeping())
    kept.of[fact.evse_id] = replace(here, sampled_at_us=fact.sampled_at_us, aligned_at_us=fact.aligned_at_us)


def fold_over(kept: Kept, fact: TransactionEnded) -> None:
    """All was told."""
    kept.of.pop(fact.evse_id, None)


def fold_bound(kept: Kept, fact: AuthorizationBound) -> None:
    """The transaction moves to its EVSE."""
    here = kept.of.pop(fact.waiting_id, None)
    if here is not None:
        kept.of[fact.evse_id] = here


def kept_values(station: Station, evse_id: int) -> list[dict[str, Any]]:
    """What the last event of the transaction at an EVSE tells of its course, in the order of time."""
    here = station[KEPT].of.get(evse_id, Keeping())
    wanted = {PERIODIC: ENDED.chosen(station), CLOCK: ALIGNED_ENDED.chosen(station)}
    told = sorted((*here.sampled, *here.by_clock), key=lambda one: one.when_us)
    return [value for one in told for value in element(one.reading, wanted[one.context], one.context, one.when_us)]


def interval_us(station: Station) -> int:
    """How often a reading is kept from the start of a transaction on; 0: never."""
    if not SAMPLED_ENABLED.boolean(station) or not ENDED.chosen(station):
        return 0
    return max(INTERVAL_S.integer(station), 0) * 1_000_000


def next_aligned(station: Station, at_us: int) -> int:
    """When the clock has the next reading kept; 0: never.  Values that are for idle stations only have no place in a transaction (J01.FR.19)."""
    every_us = max(ALIGNED_INTERVAL_S.integer(station), 0) * 1_000_000
    if not every_us or not ALIGNED_ENABLED.boolean(station) or SEND_DURING_IDLE.boolean(station) or not ALIGNED_ENDED.chosen(station):
        return 0
    return aligned(station, at_us, every_us)


def paced(station: Station, evse_id: int, sampled_at_us: int, aligned_at_us: int) -> Iterator[KeepingPaced]:
    """The next moments, where they are others than they were."""
    here = station[KEPT].of.get(evse_id, Keeping())
    if (sampled_at_us, aligned_at_us) != (here.sampled_at_us, here.aligned_at_us):
        yield KeepingPaced(evse_id=evse_id, sampled_at_us=sampled_at_us, aligned_at_us=aligned_at_us)


def on_started(station: Station, fact: TransactionStarted, cx: Context) -> Conclusions:
    """The intervals count from here."""
    every_us = interval_us(station)
    yield from paced(station, fact.evse_id, cx.at + every_us if every_us else 0, next_aligned(station, cx.at))


def on_changed(station: Station, fact: Changed | ClockSet, cx: Context) -> Conclusions:
    """Another interval counts from now on, in running transactions too; so does another time."""
    sampled = not isinstance(fact, ClockSet) and any(one.is_in(fact) for one in (INTERVAL_S, SAMPLED_ENABLED, ENDED))
    by_clock = isinstance(fact, ClockSet) or any(one.is_in(fact) for one in (ALIGNED_INTERVAL_S, ALIGNED_ENABLED, ALIGNED_ENDED, SEND_DURING_IDLE))
    if not sampled and not by_clock:
        return
    every_us = interval_us(station)
    for evse_id, session in sorted(station[SESSIONS].of.items()):
        if session.transaction is not None:
            here = station[KEPT].of.get(evse_id, Keeping())
            anew = cx.at + every_us if every_us else 0
            yield from paced(station, evse_id, anew if sampled else here.sampled_at_us, next_aligned(station, cx.at))


def on_deadline(station: Station, event: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """Readings are due; what was missed in the meantime is not made up."""
    every_us = interval_us(station)
    for evse_id, here in sorted(station[KEPT].of.items()):
        sampled_at_us, aligned_at_us = here.sampled_at_us, here.aligned_at_us
        if 0 < sampled_at_us <= cx.at:
            yield from keep(station, cx, evse_id, PERIODIC)
            missed = (cx.at - sampled_at_us) // every_us if every_us else 0
            sampled_at_us = sampled_at_us + (missed + 1) * every_us if every_us else 0
        if 0 < aligned_at_us <= cx.at:
            yield from keep(station, cx, evse_id, CLOCK)
            aligned_at_us = next_aligned(station, cx.at)
        yield from paced(station, evse_id, sampled_at_us, aligned_at_us)


def keep(station: Station, cx: Context, evse_id: int, context: str) -> Conclusions:
    """Keep the reading that counts now, unless there is none, or none of this transaction."""
    found, transaction = reading_of_now(station, cx, evse_id), station[SESSIONS].at(evse_id).transaction
    if found is not None and transaction is not None and found[1] >= wall(station, transaction.started_at_us):
        yield ValueKept(evse_id=evse_id, context=context, reading=found[0], when_us=found[1])


def deadlines(kept: Kept) -> Iterator[tuple[int, str]]:
    """The next readings, by EVSE."""
    for evse_id, here in kept.of.items():
        if here.sampled_at_us:
            yield here.sampled_at_us, f"sampled {evse_id}"
        if here.aligned_at_us:
            yield here.aligned_at_us, f"aligned {evse_id}"


FOLDS: Folds[Kept] = {ValueKept: fold_kept, KeepingPaced: fold_paced, TransactionEnded: fold_over, AuthorizationBound: fold_bound}

MACHINE = Machine(
    KEPT,
    folds=FOLDS,
    hears={
        TransactionStarted: on_started,
        VariableSet: on_changed,
        VariableCleared: on_changed,
        ClockSet: on_changed,
        Woke: on_deadline,
    },
    deadlines=deadlines,
)
