"""Date-times as OCPP writes them, to and from microseconds since 1970.

Law: no clock; reading is tolerant and never raises, writing is always milliseconds and ``Z``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MOST_US = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""


def parse(text: str) -> int | None:
    """Microseconds since 1970, or None for what is no date-time.  No offset means UTC; any number of decimals; lower-case letters."""
    stamp = text.strip().upper().replace(" ", "T", 1)
    if "T" not in stamp:
        return None
    whole, dot, rest = stamp.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        if not digits:
            return None
        stamp = f"{whole}.{rest[:digits][:6]:0<6}{rest[digits:]}"
    try:
        found = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    try:
        return (found - EPOCH) // MICROSECOND
    except OverflowError:
        return None


def text(us: int) -> str:
    """OCPP's spelling of *us*, cut to milliseconds; out of the years 1970 to 9999 it is the nearest end."""
    us = min(max(us, 0), MOST_US)
    return f"{(EPOCH + timedelta(seconds=us // 1_000_000)).strftime('%Y-%m-%dT%H:%M:%S')}.{us // 1000 % 1000:03d}Z"
