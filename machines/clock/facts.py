"""What can be true of the station's clock."""

from __future__ import annotations

from engine.event import Fact
from engine.records import record


@record(102)
class ClockAnchored(Fact):
    """A process runs in boot *boot_id*: ``at`` is the machine's boot-time clock plus *anchor_us*."""

    boot_id: str
    anchor_us: int


@record(103)
class ClockSet(Fact):
    """Wall time is ``at`` plus *offset_us*, in microseconds since 1970; *source* is ``system``, ``csms`` or ``kept``."""

    offset_us: int
    source: str
