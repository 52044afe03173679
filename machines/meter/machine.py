"""Readings come in, clock-aligned values go out (J01).

Law: aligned values are due at multiples of the interval since midnight UTC, whatever the clock does in between.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kernel import Woke
from engine.machine import Conclusions, Context, Machine, Station
from machines.boot.facts import Rebooted
from machines.clock.facts import ClockSet
from machines.clock.views import aligned
from machines.device_model.facts import Changed, ModelDeclared, VariableCleared, VariableSet
from machines.device_model.views import Variable, evses
from machines.effects import ReadMeter
from machines.inputs import EvseSeen, MeterTold
from machines.meter.facts import AlignedPaced, MeterAsked, MeterRead, ReadingDue, ReadingReported
from machines.meter.state import FOLDS, METERS, Meters
from machines.meter.values import ALIGNED, CLOCK, ON_TIME_US, UPDATED, is_fresh, meter_value, reading_due
from machines.outbound.asks import ask
from machines.session.state import SESSIONS
from machines.session.tell import tell

ALIGNED_ENABLED = Variable("AlignedDataCtrlr", "Enabled", "true")
ALIGNED_INTERVAL_S = Variable("AlignedDataCtrlr", "Interval", "0")
SEND_DURING_IDLE = Variable("AlignedDataCtrlr", "SendDuringIdle", "false")


def on_told(station: Station, told: MeterTold, cx: Context) -> Conclusions:  # noqa: ARG001
    """The meter's word."""
    yield MeterRead(
        evse_id=told.evse_id,
        energy_wh=told.energy_wh,
        power_w=told.power_w,
        at_us=cx.at,
        current_ma=told.current_ma,
        voltage_mv=told.voltage_mv,
        wall_us=told.wall_us,
    )


def on_levels(station: Station, seen: EvseSeen, cx: Context) -> Conclusions:  # noqa: ARG001
    """After a start the register is known before the first telling; the power is not."""
    yield MeterRead(evse_id=seen.evse_id, energy_wh=seen.energy_wh, power_w=-1, at_us=cx.at)


def next_aligned(station: Station, cx: Context) -> int:
    """The next due time in station time; 0 where aligned values are off."""
    interval_us = max(ALIGNED_INTERVAL_S.integer(station), 0) * 1_000_000
    if not interval_us or not ALIGNED_ENABLED.boolean(station):
        return 0
    return aligned(station, cx.at, interval_us)


def pace(station: Station, fact: Rebooted | ClockSet | ModelDeclared | Changed, cx: Context) -> Conclusions:
    """The clock, the files or the interval changed."""
    if isinstance(fact, VariableSet | VariableCleared) and not (ALIGNED_INTERVAL_S.is_in(fact) or ALIGNED_ENABLED.is_in(fact)):
        return
    due = next_aligned(station, cx)
    if due != station[METERS].aligned_due_us:
        yield AlignedPaced(due_us=due)


def on_deadline(station: Station, event: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """Report the clock-aligned values of every EVSE, each as soon as its meter was read; and those whose meter has been silent for too long."""
    meters = station[METERS]
    for evse_id in sorted({evse_id for evse_id, _ in meters.due}):
        yield from report_next(station, cx, evse_id)
    if not 0 < meters.aligned_due_us <= cx.at:
        return
    yield AlignedPaced(due_us=next_aligned(station, cx))
    if not ALIGNED.chosen(station):
        return
    sessions = station[SESSIONS]
    if SEND_DURING_IDLE.boolean(station) and any(session.transaction is not None for session in sessions.of.values()):
        # J01.FR.19, J01.FR.20: idle means that nobody charges anywhere.
        return
    for evse_id in evses(station):
        if is_fresh(station, cx, evse_id, ON_TIME_US):
            yield from report(station, cx, evse_id, CLOCK)
        else:
            yield reading_due(cx, evse_id, CLOCK)


def on_due(station: Station, fact: ReadingDue, cx: Context) -> Conclusions:  # noqa: ARG001
    """Read the meter, so that the value is one of now."""
    yield MeterAsked(evse_id=fact.evse_id)
    yield ReadMeter(evse_id=fact.evse_id)


def on_read(station: Station, fact: MeterRead | ReadingReported, cx: Context) -> Conclusions:
    """Report what waited for this reading; one value after the other, for each event of a transaction has a number of its own."""
    yield from report_next(station, cx, fact.evse_id)


def report_next(station: Station, cx: Context, evse_id: int) -> Conclusions:
    """Report the first value of an EVSE that waited for a reading and has one, or has waited long enough."""
    due = sorted((context, give_up_at_us) for (place, context), give_up_at_us in station[METERS].due.items() if place == evse_id)
    fresh = is_fresh(station, cx, evse_id, ON_TIME_US)
    context = next((context for context, give_up_at_us in due if fresh or give_up_at_us <= cx.at), "")
    if context:
        yield from report(station, cx, evse_id, context)


def report(station: Station, cx: Context, evse_id: int, context: str) -> Conclusions:
    """Report the value of an EVSE that is due: in a transaction as a transaction event, otherwise as MeterValues (J01.FR.14, J01.FR.22, J02.FR.11).

    Nothing is sent where the meter measures nothing of what is wanted, and for a transaction that is about to end.
    """
    if (evse_id, context) in station[METERS].due:
        yield ReadingReported(evse_id=evse_id, context=context)
    values = meter_value(station, cx, evse_id, (ALIGNED if context == CLOCK else UPDATED).chosen(station), context)
    session = station[SESSIONS].at(evse_id)
    if not values or session.ending is not None:
        return
    if session.transaction is not None:
        yield from tell(station, cx, evse_id, "MeterValueClock" if context == CLOCK else "MeterValuePeriodic", values=values)
    elif context == CLOCK:
        yield ask(station, cx, "MeterValues", {"evseId": evse_id, "meterValue": values}, place=evse_id)


def deadlines(meters: Meters) -> Iterator[tuple[int, str]]:
    """The next clock-aligned values, and the end of the wait for a reading."""
    if meters.aligned_due_us:
        yield meters.aligned_due_us, "aligned"
    for (evse_id, context), give_up_at_us in meters.due.items():
        yield give_up_at_us, f"{context} {evse_id}"


MACHINE = Machine(
    METERS,
    folds=FOLDS,
    hears={
        MeterTold: on_told,
        EvseSeen: on_levels,
        MeterRead: on_read,
        ReadingReported: on_read,
        ReadingDue: on_due,
        Rebooted: pace,
        ClockSet: pace,
        ModelDeclared: pace,
        VariableSet: pace,
        VariableCleared: pace,
        Woke: on_deadline,
    },
    deadlines=deadlines,
)
