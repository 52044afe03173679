"""Date-times, there and back.

Law: what is written is read again; what is odd is read and named; what is none is None.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import calendar

NOON = 1_767_355_200_000_000  # 2026-01-02T12:00:00Z


@pytest.mark.parametrize(
    ("text", "us", "quirk"),
    [
        ("2026-01-02T12:00:00Z", NOON, ""),
        ("2026-01-02T12:00:00.5Z", NOON + 500_000, ""),
        ("2026-01-02T12:00:00.123Z", NOON + 123_000, ""),
        ("2026-01-02T14:30:00+02:30", NOON, ""),
        ("2026-01-02T10:00:00-02:00", NOON, ""),
        ("2026-01-02T12:00:00-00:00", NOON, ""),
        ("2026-01-02T12:00:00.1234Z", NOON + 123_400, "more than 3 decimals"),
        ("2026-01-02T12:00:00.1234567899999Z", NOON + 123_456, "more than 3 decimals"),
        ("2026-01-02T12:00:00", NOON, "no offset"),
        ("2026-01-02T12:00:00.25", NOON + 250_000, "no offset"),
        ("2026-01-02t12:00:00z", NOON, "no T between date and time, lower-case z"),
        ("2026-01-02 12:00:00Z", NOON, "no T between date and time"),
        (" 2026-01-02T12:00:00Z\n", NOON, "space around it"),
        ("2026-01-02T12:00Z", NOON, "no seconds"),
        ("2026-01-02T12:00:00,5Z", NOON + 500_000, "comma before the decimals"),
        ("2026-01-02T13:00:00+0100", NOON, "offset not as +hh:mm"),
        ("2026-01-02T13:00:00+01", NOON, "offset not as +hh:mm"),
        ("2026-01-02T11:59:60Z", NOON, "leap second"),
        ("1970-01-01T00:00:00Z", 0, ""),
        ("1969-12-31T23:59:59.999Z", -1000, ""),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000, ""),
        ("0001-01-01T00:00:00Z", calendar.FIRST_US, ""),
        ("9999-12-31T23:59:59.999Z", calendar.LAST_US - 999, ""),
    ],
)
def test_what_csmss_write_is_read(text: str, us: int, quirk: str) -> None:
    """If this fails, the clock is set wrong, or a sloppy CSMS is not understood at all (RFC 3339; at most 3 decimals: Part 2, 2.1)."""
    assert calendar.parse(text) == us
    assert calendar.is_quirky(text) == quirk


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-01-02", "12:00:00Z", "2026-13-02T12:00:00Z", "2026-02-30T12:00:00Z", "2023-02-29T00:00:00Z", "2026-01-02T24:00:00Z",
        "2026-01-02T12:60:00Z", "2026-01-02T12:00:61Z", "2026-01-02T12:00:00.Z", "2026-01-02T12:00:00+24:00", "2026-01-02T12:00:00+01:60",
        "2026-01-02T12:00:00ZZ", "2026-01-02T12:00:00Z extra", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-01-02T12:00:00Z", "2026-W01-1T12:00:00Z", "20260102T120000Z", "1767355200", "2026-01-02T12:00:00Z\x00", "\ud800",
        "-026-01-02T12:00:00Z",
    ],
)  # fmt: skip
def test_what_is_no_date_time_is_none(text: str) -> None:
    """If this fails, nonsense sets the clock, or reading raises."""
    assert calendar.parse(text) is None
    assert calendar.is_quirky(text) == "no date-time"


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_is_the_standard_librarys_and_read_again(moment: datetime) -> None:
    """If this fails, some day of some year is off."""
    us = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    written = calendar.text(us)
    assert written == moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert calendar.parse(written) == us // 1000 * 1000
    assert calendar.is_quirky(written) == ""
    assert calendar.parse(moment.isoformat()) == us


def test_beyond_the_calendar_is_its_end() -> None:
    """If this fails, a CSMS that sets the clock to the end of time makes every later decision raise."""
    assert calendar.text(calendar.LAST_US) == calendar.text(calendar.LAST_US + 1) == calendar.text(1 << 80) == "9999-12-31T23:59:59.999Z"
    assert calendar.text(calendar.FIRST_US) == calendar.text(-(1 << 80)) == "0001-01-01T00:00:00.000Z"


@given(st.text(max_size=40) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.,+Zz-]{0,24}", fullmatch=True))
def test_reading_never_raises(text: str) -> None:
    """If this fails, a text takes the station down."""
    us = calendar.parse(text)
    assert us is None or calendar.FIRST_US <= us <= calendar.LAST_US
    assert (calendar.is_quirky(text) == "no date-time") == (us is None)
