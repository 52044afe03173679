"""The latest reading of every meter, what waits for the next one, and when the clock-aligned values are due.

Law: a reading is replaced, never summed up; the register is told as it was read (J02.FR.17).
"""

from __future__ import annotations

import attrs

from engine.machine import Folds, Part, State, state
from machines.boot.facts import Rebooted
from machines.meter.facts import AlignedPaced, MeterRead, ReadingDue, ReadingReported


@state(182)
class Meters(State):
    """Readings by EVSE; *due* are the values to be reported with the next reading, by EVSE and context, and when that is given up."""

    readings: dict[int, MeterRead] = attrs.field(factory=dict)
    aligned_due_us: int = 0
    due: dict[tuple[int, str], int] = attrs.field(factory=dict)


METERS = Part("meters", Meters)


def fold_read(meters: Meters, fact: MeterRead) -> None:
    """The newest counts."""
    meters.readings[fact.evse_id] = fact


def fold_aligned(meters: Meters, fact: AlignedPaced) -> None:
    """The next time."""
    meters.aligned_due_us = fact.due_us


def fold_due(meters: Meters, fact: ReadingDue) -> None:
    """One more value waits."""
    meters.due[fact.evse_id, fact.context] = fact.give_up_at_us


def fold_reported(meters: Meters, fact: ReadingReported) -> None:
    """It waits no longer."""
    meters.due.pop((fact.evse_id, fact.context), None)


def fold_rebooted(meters: Meters, fact: Rebooted) -> None:  # noqa: ARG001
    """What was due before a restart is too late now."""
    meters.due = {}


FOLDS: Folds[Meters] = {
    MeterRead: fold_read,
    AlignedPaced: fold_aligned,
    ReadingDue: fold_due,
    ReadingReported: fold_reported,
    Rebooted: fold_rebooted,
}
