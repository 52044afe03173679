"""The latest reading of every meter, and when the clock-aligned values are due.

Law: a reading is replaced, never summed up; the register is told as it was read (J02.FR.17).
"""

from __future__ import annotations

import attrs

from engine.machine import Folds, Part, State, state
from machines.meter.facts import AlignedPaced, MeterRead


@state(182)
class Meters(State):
    """Readings by EVSE."""

    readings: dict[int, MeterRead] = attrs.field(factory=dict)
    aligned_due_us: int = 0


METERS = Part("meters", Meters)


def fold_read(meters: Meters, fact: MeterRead) -> None:
    """The newest counts."""
    meters.readings[fact.evse_id] = fact


def fold_aligned(meters: Meters, fact: AlignedPaced) -> None:
    """The next time."""
    meters.aligned_due_us = fact.due_us


FOLDS: Folds[Meters] = {MeterRead: fold_read, AlignedPaced: fold_aligned}
