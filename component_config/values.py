"""Values in OCPP's text form, and whether they may stand where they stand (OCPP 2.x Part 2, VariableCharacteristicsType).

Invariant: what is not exactly of its data type, within its limits and in its list is told with a reason; the reason's kind says whether it counts all
the same.
"""

from __future__ import annotations

from collections.abc import Sequence

from component_config.complaints import MEMBER, OUT_OF_LIMITS, OUT_OF_LIST, VALUE, Wrong, meant

NUMBERS = ("decimal", "integer")
LISTS = ("MemberList", "OptionList", "SequenceList")
DATA_TYPES = ("MemberList", "OptionList", "SequenceList", "boolean", "dateTime", "decimal", "integer", "string")

INTEGER_LIMIT = 2**31
"""OCPP's integer has 32 bits, one of them the sign (Part 2, primitive data types)."""

DIGITS_MAX = 40
"""A number with more characters than this is a mistake."""

TEXT_MAX = 2500
"""Characters of an attribute's value (Part 2, VariableAttributeType.value)."""

EXAMPLES = {
    "MemberList": "'a,b'",
    "OptionList": "one value of its valuesList",
    "SequenceList": "'a,b'",
    "boolean": "true or false",
    "dateTime": "'2025-01-31T12:00:00Z'",
    "decimal": "12.5",
    "integer": "60",
    "string": "a text in quotes",
}


def text_of(raw: object, data_type: str) -> str | None:
    """*raw*, a JSON value, as OCPP writes a value of *data_type*; None for an empty text where the type knows no empty value.

    Raises:
        Wrong: It is not of that type.
    """
    if raw == "" and data_type not in ("string", "MemberList", "SequenceList"):
        return None
    match data_type:
        case "boolean":
            text = _boolean(raw)
        case "integer":
            text = _integer(raw)
        case "decimal":
            text = _decimal(raw)
        case "dateTime":
            text = _date_time(raw)
        case "MemberList" | "SequenceList":
            text = _members(raw, once=data_type == "MemberList")
        case _:
            text = _text(raw, data_type)
    if len(text) > TEXT_MAX:
        raise Wrong(f"has {len(text)} characters; right would be at most {TEXT_MAX}, for OCPP transports no more")
    return text


def _refused(data_type: str) -> Wrong:
    return Wrong(f"is not of type {data_type}; right would be {EXAMPLES[data_type]}")


def _text(raw: object, data_type: str) -> str:
    if type(raw) is str:
        return raw
    if type(raw) is int:
        # A fraction is refused: the text 1.10 and the number 1.1 would be the same.
        return str(raw)
    raise _refused(data_type)


def _boolean(raw: object) -> str:
    if type(raw) is bool:
        return "true" if raw else "false"
    if type(raw) is str and raw.lower() in ("true", "false"):
        return raw.lower()
    raise _refused("boolean")


def _integer(raw: object) -> str:
    if type(raw) not in (int, str):
        raise _refused("integer")
    text = str(raw)
    number = parse(text)
    if number is None or "." in text:
        raise _refused("integer")
    if not -INTEGER_LIMIT <= number[0] < INTEGER_LIMIT:
        raise Wrong(f"does not fit into OCPP's integer; right would be {-INTEGER_LIMIT} to {INTEGER_LIMIT - 1}")
    return str(number[0])


def _decimal(raw: object) -> str:
    if type(raw) not in (int, float, str):
        raise _refused("decimal")
    text = _without_exponent(repr(raw)) if type(raw) is float else str(raw)
    if type(raw) is int and len(text) <= DIGITS_MAX:
        return text
    if parse(text) is None:
        raise _refused("decimal")
    whole, dot, fraction = text.removeprefix("-").partition(".")
    sign = "-" if text.startswith("-") and (whole + fraction).strip("0") else ""
    return f"{sign}{whole.lstrip('0') or '0'}{dot}{fraction}"


def _without_exponent(text: str) -> str:
    """A float's repr as plain digits: 1e-05 is 0.00001."""
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return mantissa.removesuffix(".0")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.removeprefix("-").partition(".")
    place = len(whole) + int(exponent)
    digits = whole + fraction
    if place <= 0:
        return f"{sign}0.{'0' * -place}{digits}"
    digits = digits.ljust(place, "0")
    return f"{sign}{digits[:place]}.{digits[place:]}".removesuffix(".")


def parse(text: str) -> tuple[int, int] | None:
    """A plain decimal number exactly: (its digits as an integer, how many of them stand behind the point); None for anything else."""
    digits = text.removeprefix("-")
    whole, dot, fraction = digits.partition(".")
    both = whole + fraction
    if len(text) > DIGITS_MAX or not (both.isascii() and both.isdigit()) or not whole or (dot and not fraction):
        return None
    number = int(both)
    return (-number if text.startswith("-") else number), len(fraction)


def less(a: str, b: str) -> bool:
    """Whether the number *a* is smaller than the number *b*; both are plain decimal text."""
    if a.isdecimal() and b.isdecimal() and a.isascii() and b.isascii():
        # What nearly all limits are, and a start waits for each of them.
        return int(a) < int(b)
    one, two = parse(a), parse(b)
    if one is None or two is None:
        raise Wrong("is not a number; right would be plain decimal digits")
    places = max(one[1], two[1])
    left: int = one[0] * 10 ** (places - one[1])
    right: int = two[0] * 10 ** (places - two[1])
    return left < right


def _date_time(raw: object) -> str:
    """RFC 3339 with an offset, at most three digits of a second (OCPP-J, Part 2 primitive data types)."""
    if type(raw) is not str or not raw.isascii():
        raise _refused("dateTime")
    date, _, clock = raw.partition("T")
    clock, offset = (clock[:-1], "+00:00") if clock.endswith("Z") else (clock[:-6], clock[-6:])
    clock, dot, fraction = clock.partition(".")
    shape = [_shape(date), _shape(clock), offset[:1], _shape(offset[1:])]
    if shape not in (["0000-00-00", "00:00:00", sign, "00:00"] for sign in "+-"):
        raise _refused("dateTime")
    if dot and not (fraction.isdigit() and len(fraction) <= 3):  # noqa: PLR2004 (milliseconds)
        raise _refused("dateTime")
    from datetime import datetime  # files seldom hold a time; the daemon's start need not pay for it

    try:
        datetime.fromisoformat(f"{date}T{clock}{offset}")
    except ValueError:
        raise _refused("dateTime") from None
    return raw


def _shape(text: str) -> str:
    return "".join(["0" if c.isdigit() else c for c in text])


def _members(raw: object, *, once: bool) -> str:
    """A comma separated list; *once* for a set, in which a member stands only once, and not for a sequence."""
    members = [_text(m, "string").strip() for m in raw] if type(raw) is list else split(_text(raw, "MemberList"))
    if any("," in m for m in members):
        raise Wrong("has a member with a comma in it; right would be one member for each")
    there = [m for m in members if m]
    usable = ",".join(dict.fromkeys(there) if once else there)
    kind = MEMBER if len(usable) <= TEXT_MAX else VALUE
    if len(there) < len(members):
        raise Wrong("has an empty member between two commas; right would be 'a,b'", kind=kind, usable=usable)
    twice = sorted({m for m in members if members.count(m) > 1}) if once else []
    if twice:
        raise Wrong("names a member twice; right would be once", twice[0], kind=kind, usable=usable)
    return usable


def split(text: str) -> list[str]:
    """The members of a comma separated list; none for an empty text."""
    return [m.strip() for m in text.split(",")] if text.strip() else []


def check(text: str, data_type: str, low: str, high: str, allowed: Sequence[str]) -> None:
    """Hold *text*, which :func:`text_of` gave, against its characteristics.

    *low* and *high* are minLimit and maxLimit, empty where there is none: bounds of a number, else of the number of characters.

    Raises:
        Wrong: It is outside.
    """
    if data_type in NUMBERS:
        if low and less(text, low):
            raise Wrong(f"is below its minLimit; right would be {low} or more", kind=OUT_OF_LIMITS)
        if high and less(high, text):
            raise Wrong(f"is above its maxLimit; right would be {high} or less", kind=OUT_OF_LIMITS)
    else:
        size = str(len(text))
        if low and less(size, low):
            raise Wrong(f"has {size} characters; right would be {low} or more", kind=OUT_OF_LIMITS)
        if high and less(high, size):
            raise Wrong(f"has {size} characters; right would be {high} or fewer", kind=OUT_OF_LIMITS)
    if allowed and data_type in LISTS:
        for member in [text] if data_type == "OptionList" else split(text):
            if member not in allowed:
                near = meant(member, allowed)
                hint = f"did you mean '{near}'?" if near else f"right would be one of: {', '.join(allowed)}"
                raise Wrong(f"is not in its valuesList; {hint}", "" if member == text else member, kind=OUT_OF_LIST)
