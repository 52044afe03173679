"""Date-times as OCPP writes them, to and from microseconds since 1970.

Law: no clock; reading is tolerant and never raises, writing is always milliseconds and ``Z``.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
MOST_MINUTES = 24 * 60
DECIMALS_READ = 6
DECIMALS_WANTED = 3
"""OCPP 2.x Part 2, 3.1 (dateTime): peers should write at most three."""

FIRST_US = -62_135_596_800_000_000
"""The first microsecond of the year 1."""
LAST_US = 253_402_300_799_999_999
"""The last microsecond of the year 9999."""

_EPOCH_DAYS = date(1970, 1, 1).toordinal()
_PATTERN = (  # not compiled: a start does not wait for it
    r"\s*([0-9]{4})-([0-9]{2})-([0-9]{2})([Tt ])([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?(?:([Zz])|([+-])([0-9]{2}):?([0-9]{2})?)?\s*"
)


def parse(text: str) -> int | None:
    """Microseconds since 1970, or None for what is no date-time of the years 1 to 9999 (UTC).

    RFC 3339, read kindly: no offset means UTC, any number of decimals (those beyond the sixth are cut), ``t``, ``z`` and a space for ``T``, an
    offset without colon or minutes, no seconds.  A leap second is the second after it.
    """
    found = re.fullmatch(_PATTERN, text)
    if found is None:
        return None
    hour, minute, second = int(found[5]), int(found[6]), int(found[7] or 0)
    if hour > 23 or minute > 59 or second > 60:  # noqa: PLR2004 (a day's hours, an hour's minutes, a minute's seconds and the leap second)
        return None
    try:
        days = date(int(found[1]), int(found[2]), int(found[3])).toordinal() - _EPOCH_DAYS
    except ValueError:
        return None
    minutes = hour * 60 + minute
    if found[10]:
        away = int(found[11]) * 60 + int(found[12] or 0)
        if away >= MOST_MINUTES or int(found[12] or 0) > 59:  # noqa: PLR2004 (minutes)
            return None
        minutes += -away if found[10] == "+" else away
    us = days * DAY_US + (minutes * 60 + second) * SECOND_US + int((found[8] or "")[:DECIMALS_READ].ljust(DECIMALS_READ, "0"))
    return us if FIRST_US <= us <= LAST_US else None


def is_quirky(text: str) -> str:
    """What is odd about the spelling of a date-time that :func:`parse` reads, for whoever has to talk to its writer; empty where nothing is."""
    found = re.fullmatch(_PATTERN, text)
    if found is None or parse(text) is None:
        return "no date-time"
    odd = []
    if text != text.strip():
        odd.append("space around it")
    if found[4] != "T":
        odd.append("no T between date and time")
    if found[7] is None:
        odd.append("no seconds")
    elif int(found[7]) == 60:  # noqa: PLR2004 (seconds)
        odd.append("leap second")
    if found[8] is not None and len(found[8]) > DECIMALS_WANTED:
        odd.append("more than 3 decimals")
    if found[8] is not None and "," in text:
        odd.append("comma before the decimals")
    if found[9] == "z":
        odd.append("lower-case z")
    if found[9] is None and found[10] is None:
        odd.append("no offset")
    if found[10] is not None and (found[12] is None or text.strip()[-3] != ":"):
        odd.append("offset not as +hh:mm")
    return ", ".join(odd)


@lru_cache(maxsize=8)
def _day(days: int) -> str:
    return f"{date.fromordinal(days + _EPOCH_DAYS).isoformat()}T"


def text(us: int) -> str:
    """OCPP's spelling of *us*, cut to milliseconds; beyond the years 1 to 9999 it is the nearest end.

    The nearest end and no error: a CSMS that sets the clock to the last day of 9999 must not be able to make every later decision raise.
    """
    days, rest = divmod(min(max(us, FIRST_US), LAST_US) // 1000, 86_400_000)
    second, ms = divmod(rest, 1000)
    return f"{_day(days)}{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{ms:03d}Z"
