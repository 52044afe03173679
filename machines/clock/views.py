"""What time it is."""

from __future__ import annotations

from engine.machine import Station
from machines.clock.machine import CLOCK
from wire import calendar


def wall(station: Station, at_us: int) -> int:
    """Microseconds since 1970 at *at_us*."""
    return at_us + station[CLOCK].offset_us


def timestamp(station: Station, at_us: int) -> str:
    """OCPP's dateTime at *at_us*: milliseconds and ``Z``."""
    return calendar.text(at_us + station[CLOCK].offset_us)
