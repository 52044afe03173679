"""Whether a value can stand where it is to stand (Part 2, VariableCharacteristicsType), and the one spelling in which it is kept.

Law: pure questions about a declaration and a text; who may ask for what is decided elsewhere.
"""

from __future__ import annotations

import math

from wire import calendar
from wire.declared import Declared
from wire.sealed import Sealed
from wire.sealed import parse as parse_sealed

LISTS = ("OptionList", "MemberList", "SequenceList")


def misfit(declared: Declared, value: str) -> str:
    """Why *value* is no value of the variable (B05.FR.07, B05.FR.08): a reason code, empty where it fits."""
    sealed = parse_sealed(value)
    if sealed is not None:
        return secret_misfit(declared, sealed)
    match declared.data_type:
        case "integer":
            digits = value[1:] if value[:1] in ("+", "-") else value
            if not (digits.isascii() and digits.isdigit() and len(value) <= 20):  # noqa: PLR2004 (an int64 and its sign)
                return "InvalidValue"
            return out_of_range(declared, float(int(value)))
        case "decimal":
            # float() also takes blanks, underscores and digits of other scripts.
            if not value or value.strip("0123456789+-.eE"):
                return "InvalidValue"
            try:
                number = float(value)
            except ValueError:
                return "InvalidValue"
            return out_of_range(declared, number) if math.isfinite(number) else "InvalidValue"
        case "boolean":
            return "" if value.casefold() in ("true", "false") else "InvalidValue"
        case "dateTime":
            return "" if calendar.parse(value) is not None else "InvalidValue"
        case "OptionList":
            return "" if not declared.values_list or value in declared.values_list else "InvalidValue"
        case "MemberList" | "SequenceList":
            members = [member.strip() for member in value.split(",")] if value else []
            if declared.data_type == "MemberList" and len(set(members)) != len(members):
                return "InvalidValue"
            if declared.values_list and any(member not in declared.values_list for member in members):
                return "InvalidValue"
            return too_long(declared, value)
        case _:
            return too_long(declared, value)


def secret_misfit(declared: Declared, sealed: Sealed) -> str:
    """A secret can be judged by its length and its alphabet only."""
    if not sealed.printable:
        return "InvalidValue"
    return out_of_range(declared, float(sealed.length))


def out_of_range(declared: Declared, number: float) -> str:
    """Limits of a number."""
    low, high = declared.min_limit, declared.max_limit
    inside = (not low or number >= float(low)) and (not high or number <= float(high))
    return "" if inside else "ValueOutOfRange"


def too_long(declared: Declared, value: str) -> str:
    """Limits of a text are limits of its length."""
    return out_of_range(declared, float(len(value)))


def canonical(declared: Declared, value: str) -> str:
    """A value in the one spelling in which it is kept."""
    match declared.data_type:
        case "boolean":
            return value.casefold()
        case "integer":
            return str(int(value))
        case kind if kind in LISTS and parse_sealed(value) is None:
            return ",".join(member.strip() for member in value.split(",")) if value else ""
        case _:
            return value
