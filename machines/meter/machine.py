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
from machines.inputs import EvseSeen, MeterTold
from machines.meter.facts import AlignedPaced, MeterRead
from machines.meter.state import FOLDS, METERS, Meters
from machines.meter.values import ALIGNED, CLOCK, meter_value
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
    """J01.FR.14, J01.FR.22: in a transaction as a transaction event, otherwise as MeterValues."""
    yield AlignedPaced(due_us=next_aligned(station, cx))
    sessions = station[SESSIONS]
    measurands = ALIGNED.chosen(station)
    running = [evse_id for evse_id in evses(station) if sessions.at(evse_id).transaction is not None]
    for evse_id in evses(station):
        if SEND_DURING_IDLE.boolean(station):
            # J01.FR.19, J01.FR.20: idle means that nobody charges anywhere.
            if running:
                return
        elif evse_id in running:
            yield from tell(station, cx, evse_id, "MeterValueClock", context=CLOCK, measurands=measurands)
            continue
        values = meter_value(station, cx, evse_id, measurands, CLOCK)
        if values:
            yield ask(station, cx, "MeterValues", {"evseId": evse_id, "meterValue": values}, place=evse_id)


def deadlines(meters: Meters) -> Iterator[tuple[int, str]]:
    """The next clock-aligned values."""
    if meters.aligned_due_us:
        yield meters.aligned_due_us, "aligned"


MACHINE = Machine(
    METERS,
    folds=FOLDS,
    hears={
        MeterTold: on_told,
        EvseSeen: on_levels,
        Rebooted: pace,
        ClockSet: pace,
        ModelDeclared: pace,
        VariableSet: pace,
        VariableCleared: pace,
        Woke: on_deadline,
    },
    deadlines=deadlines,
)
