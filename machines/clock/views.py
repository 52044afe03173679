"""What time it is."""

from __future__ import annotations

from engine.machine import Station
from machines.clock.machine import CLOCK
from wire import calendar


def wall(station: Station, at_us: int) -> int:
    """Microseconds since 1970 at *at_us*."""
    return at_us + station[CLOCK].offset_us


def aligned(station: Station, at_us: int, interval_us: int) -> int:
    """The station time after *at_us* at which the next multiple of the interval since midnight UTC has passed; every day begins anew."""
    now = wall(station, at_us)
    day = now - now % calendar.DAY_US
    passed = (now - day) // interval_us
    return at_us + min(day + (passed + 1) * interval_us, day + calendar.DAY_US) - now


def timestamp(station: Station, at_us: int) -> str:
    """OCPP's dateTime at *at_us*: milliseconds and ``Z``."""
    return calendar.text(at_us + station[CLOCK].offset_us)
