"""Whether a value can stand where it is to stand (Part 2, VariableCharacteristicsType), and the one spelling in which it is kept.

Law: pure questions about a declaration and a text; who may ask for what is decided elsewhere.
"""

from __future__ import annotations

import math
import re

from wire import calendar
from wire.declared import Declared
from wire.sealed import Sealed
from wire.sealed import parse as parse_sealed

INTEGER_LIMIT = 2**31
"""OCPP's integer has 32 bits, one of them the sign (Part 2, primitive data types)."""

FLOAT_DIGITS = 15
"""A decimal of so many characters, without exponent, is exact enough as a float to be held against a limit."""

SHOWN_MOST = 50
"""Characters of a wrong member that are shown; a measurand has no more."""

REASONS = {
    "InvalidValue": "is no value of its data type or list",
    "ValueOutOfRange": "is outside of its limits",
}

# Patterns: compiled when the first number is judged, which a start does not wait for.
_INTEGER = r"[+-]?[0-9]{1,20}"
_DECIMAL = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?"


def misfit(declared: Declared, value: str) -> str:
    """Why *value* is no value of the variable (B05.FR.07, B05.FR.08): a reason code, empty where it fits."""
    sealed = parse_sealed(value)
    if sealed is not None:
        return secret_misfit(declared, sealed)
    match declared.data_type:
        case "integer":
            if not re.fullmatch(_INTEGER, value) or not -INTEGER_LIMIT <= int(value) < INTEGER_LIMIT:
                return "InvalidValue"
            return out_of_range(declared, value)
        case "decimal":
            if not re.fullmatch(_DECIMAL, value) or not math.isfinite(float(value)):
                return "InvalidValue"
            return out_of_range(declared, value)
        case "boolean":
            return "" if value.casefold() in ("true", "false") else "InvalidValue"
        case "dateTime":
            return "InvalidValue" if calendar.is_quirky(value) else ""
        case "OptionList":
            if declared.values_list and value not in declared.values_list:
                return "InvalidValue"
            return too_long(declared, value)
        case "MemberList" | "SequenceList":
            members = members_of(value)
            if declared.data_type == "MemberList" and len(set(members)) != len(members):
                return "InvalidValue"
            if declared.values_list and any(member not in declared.values_list for member in members):
                return "InvalidValue"
            return too_long(declared, ",".join(members))
        case _:
            return too_long(declared, value)


def explain(declared: Declared, value: str, reason: str) -> str:
    """Why *value* is a misfit and what would be none, in words; *reason* is the code that :func:`misfit` gave.  A secret is never shown."""
    wrong = "" if parse_sealed(value) is not None else _wrong_member(declared, value)
    what = f"{wrong or f'the value {REASONS[reason]}'}; right would be {declared.data_type}"
    if declared.values_list:
        what += f" of {', '.join(declared.values_list)}"
    if declared.min_limit or declared.max_limit:
        counted = "" if declared.data_type in ("integer", "decimal") else " characters"
        low = f" from {declared.min_limit}" if declared.min_limit else ""
        high = f" to {declared.max_limit}" if declared.max_limit else ""
        what += f"{low}{high}{counted}"
    return what


def _wrong_member(declared: Declared, value: str) -> str:
    """What is wrong with which member; empty where it is not a member that is wrong."""
    if declared.data_type not in ("MemberList", "OptionList", "SequenceList"):
        return ""
    members = [value] if declared.data_type == "OptionList" else members_of(value)
    for place, member in enumerate(members):
        shown = member if 0 < len(member) <= SHOWN_MOST else f"'{member[:SHOWN_MOST]}'"
        if declared.values_list and member not in declared.values_list:
            measurand = declared.variable.casefold().endswith("measurands")
            return f"{shown} is {'not a measurand that this station knows' if measurand else 'not in its list'}"
        if declared.data_type == "MemberList" and member in members[:place]:
            return f"{shown} is there twice"
    return ""


def members_of(value: str) -> list[str]:
    """The members of a list; none for an empty text."""
    return [member.strip() for member in value.split(",")] if value else []


def secret_misfit(declared: Declared, sealed: Sealed) -> str:
    """A secret can be judged by its length and its alphabet only: it is a text, or a whole number without limits."""
    if not sealed.printable:
        return "InvalidValue"
    if declared.data_type == "integer":
        return "" if sealed.digits and not declared.min_limit and not declared.max_limit else "InvalidValue"
    return out_of_range(declared, str(sealed.length)) if declared.data_type == "string" else "InvalidValue"


def out_of_range(declared: Declared, number: str) -> str:
    """Limits of a number."""
    low, high = declared.min_limit, declared.max_limit
    inside = (not low or not less(number, low)) and (not high or not less(high, number))
    return "" if inside else "ValueOutOfRange"


def less(a: str, b: str) -> bool:
    """Whether the number *a* is smaller than the number *b*, exactly."""
    if len(a) <= FLOAT_DIGITS and len(b) <= FLOAT_DIGITS and "e" not in (a + b).lower():
        return float(a) < float(b)
    from decimal import Decimal  # seldom needed, and slow to import

    return Decimal(a) < Decimal(b)


def too_long(declared: Declared, value: str) -> str:
    """Limits of a text are limits of its length."""
    return out_of_range(declared, str(len(value)))


def canonical(declared: Declared, value: str) -> str:
    """A value that fits in the one spelling in which it is kept; a secret as it is."""
    if parse_sealed(value) is not None:
        return value
    match declared.data_type:
        case "boolean":
            return value.casefold()
        case "integer":
            return str(int(value))
        case "MemberList" | "SequenceList":
            return ",".join(members_of(value))
        case _:
            return value
