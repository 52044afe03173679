"""What time it is: the system's clock at first, the CSMS's once it has told it.

Law: durations are measured in ``at`` and never see a step; wall time only stands in messages.  A jump of the clock is a fact in the journal.
"""

from __future__ import annotations

from typing import Any

from engine.machine import Conclusions, Context, Machine, Part, State, Station, state
from machines.clock.facts import ClockAnchored, ClockSet
from machines.device_model.views import Variable
from machines.inputs import ClockRead, Started
from machines.outbound.facts import Delivered
from wire import calendar, jsontext

TOLERANCE_US = 500_000
"""A CSMS that differs by less is right about the same second as we are; not every heartbeat is a step of the clock."""

TIME_SOURCE = Variable("ClockCtrlr", "TimeSource", "Heartbeat")

EARLIEST_US = 1_577_836_800_000_000
"""2020: a system clock before it has no battery and was never set."""


@state(104)
class Clock(State):
    """The offset of wall time, where it came from, and the anchor of ``at``."""

    offset_us: int = 0
    source: str = ""
    boot_id: str = ""
    anchor_us: int = 0


CLOCK = Part("clock", Clock)


def fold_anchored(clock: Clock, fact: ClockAnchored) -> None:
    """Remember how ``at`` follows from the machine's own clock, so that the next process in the same boot can go on with it."""
    clock.boot_id = fact.boot_id
    clock.anchor_us = fact.anchor_us


def fold_set(clock: Clock, fact: ClockSet) -> None:
    """Take the time."""
    clock.offset_us = fact.offset_us
    clock.source = fact.source


def on_start(station: Station, started: Started | ClockRead, cx: Context) -> Conclusions:
    """Anchor ``at``; without a CSMS's word in this boot, the system's clock counts, but never goes back behind what was last known."""
    clock = station[CLOCK]
    yield ClockAnchored(boot_id=started.boot_id, anchor_us=cx.at - started.boottime_us)
    if clock.source == "csms" and clock.boot_id == started.boot_id:
        return
    known = cx.at + clock.offset_us
    if started.wall_us >= max(EARLIEST_US, known):
        yield ClockSet(offset_us=started.wall_us - cx.at, source="system")
    elif clock.source:
        yield ClockSet(offset_us=clock.offset_us, source="kept")
    else:
        yield ClockSet(offset_us=started.wall_us - cx.at, source="system")


def on_answer(station: Station, answer: Delivered, cx: Context) -> Conclusions:
    """B01.FR.06, G02.FR.06: the CSMS's time, where TimeSource takes it from heartbeats."""
    if "heartbeat" not in TIME_SOURCE.text(station).casefold():
        return
    payload: dict[str, Any] = jsontext.decode(answer.payload)
    told = calendar.parse(str(payload.get("currentTime", "")))
    clock = station[CLOCK]
    if told is not None and (clock.source != "csms" or abs(cx.at + clock.offset_us - told) > TOLERANCE_US):
        yield ClockSet(offset_us=told - cx.at, source="csms")


MACHINE = Machine(
    CLOCK,
    folds={ClockAnchored: fold_anchored, ClockSet: fold_set},
    hears={
        Started: on_start,
        ClockRead: on_start,
        (Delivered, "BootNotification"): on_answer,
        (Delivered, "Heartbeat"): on_answer,
    },
)
