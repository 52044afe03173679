"""What can be true of a meter."""

from __future__ import annotations

from typing import ClassVar

from engine.event import Fact
from engine.records import record


@record(180)
class MeterRead(Fact):
    """The latest reading of an EVSE's meter; *at_us* in station time.  A power of -1 is not reported."""

    TELEMETRY: ClassVar[bool] = True

    evse_id: int
    energy_wh: int
    power_w: int
    at_us: int
    current_ma: tuple[int, ...] = ()
    voltage_mv: tuple[int, ...] = ()
    wall_us: int = 0


@record(183)
class ValueKept(Fact):
    """A reading is kept for the last event of a transaction, with *context* Sample.Periodic or Sample.Clock; it tells of *when_us* by the wall."""

    evse_id: int
    context: str
    reading: MeterRead
    when_us: int


@record(184)
class KeepingPaced(Fact):
    """The next readings to be kept of a transaction are due at *sampled_at_us* and, by the clock, at *aligned_at_us* (0: never)."""

    evse_id: int
    sampled_at_us: int
    aligned_at_us: int


@record(181)
class AlignedPaced(Fact):
    """The next clock-aligned values are due at *due_us*; 0: none."""

    due_us: int


@record(187)
class MeterAsked(Fact):
    """The meter of an EVSE is to be read now; the answer is the next :class:`MeterRead`."""

    evse_id: int


@record(188)
class ReadingDue(Fact):
    """A value of an EVSE is to be reported as soon as its meter was read, and at *give_up_at_us* with what is known.

    *context* is OCPP's ReadingContextEnumType: ``Sample.Periodic`` or ``Sample.Clock``.
    """

    evse_id: int
    context: str
    give_up_at_us: int


@record(189)
class ReadingReported(Fact):
    """The value that was due is reported, or there is nobody to report it for any more."""

    evse_id: int
    context: str
