"""What a monitor may be: its types, which of them suit which data type, and its value (OCPP 2.x Part 1, 3.4, and N04).

Law: one judgement for the monitors of component files and for those that the CSMS sets.  Numbers are compared exactly: as billionths, not as floats.
"""

from __future__ import annotations

from functools import lru_cache

HARD_WIRED, PRECONFIGURED, CUSTOM = "HardWiredMonitor", "PreconfiguredMonitor", "CustomMonitor"
"""Who made a monitor, as EventNotificationEnumType says it."""

THRESHOLDS = ("UpperThreshold", "LowerThreshold")
DELTAS = ("Delta", "TargetDelta", "TargetDeltaRelative")
PERIODS = ("Periodic", "PeriodicClockAligned")
TYPES = (*THRESHOLDS, *DELTAS, *PERIODS)

NUMBERS = ("decimal", "integer")

SEVERITY_MOST = 9

BILLION = 10**9
CHARACTERS_MOST, EXPONENT_MOST = 60, 40
"""A number that is longer, or has a larger exponent, up or down, is no value that a station measures."""

PERIOD_LEAST = BILLION
"""A second: a monitor that reports more often would be a flood."""

PERIOD_MOST = BILLION << 31


def suits(type: str, data_type: str) -> bool:
    """Whether a variable of *data_type* can have a monitor of *type*; one that needs a Target needs that attribute besides."""
    if type in THRESHOLDS:
        return data_type in NUMBERS
    return type == "Delta" or data_type != "dateTime"


def misfit(type: str, data_type: str, low: str, high: str, value: int) -> str:
    """Why *value*, in billionths, is no value of a monitor: a reason code, empty where it fits.

    *low* and *high* are the variable's limits, empty where there is none.  N04.FR.06: a threshold lies within them.  N04.FR.14, FR.20: a Delta is
    positive; but where any change counts the value says nothing, and a zero is let pass.
    """
    if type in THRESHOLDS:
        inside = (not low or value >= (billionths(low) or 0)) and (not high or value <= (billionths(high) or 0))
        return "" if inside else "ValueOutOfRange"
    if type in PERIODS:
        return "" if PERIOD_LEAST <= value <= PERIOD_MOST else "ValueOutOfRange"
    if value < 0:
        return "ValuePositiveOnly"
    if not value and type == "Delta" and (data_type in NUMBERS or data_type == "dateTime"):
        return "ValueZeroNotAllowed"
    return ""


@lru_cache(maxsize=1024)
def billionths(text: str) -> int | None:
    """The number that *text* writes, in billionths; what is finer is cut off.  None for what is no number.

    An exponent is read: that is how large and small numbers of a JSON text come to be written.
    """
    mantissa, mark, exponent = text.lower().partition("e")
    whole, _, fraction = mantissa.removeprefix("+").removeprefix("-").partition(".")
    digits, size = whole + fraction, exponent.removeprefix("+").removeprefix("-") or ("" if mark else "0")
    if not (digits.isascii() and digits.isdigit() and size.isascii() and size.isdigit()) or len(text) > CHARACTERS_MOST or int(size) > EXPONENT_MOST:
        return None
    place = 9 - len(fraction) + (-int(size) if exponent.startswith("-") else int(size))
    number: int = int(digits) * 10**place if place >= 0 else int(digits) // 10**-place
    return -number if mantissa.startswith("-") else number
