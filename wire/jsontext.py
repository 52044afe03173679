"""JSON text of payloads, there and back.

Law: OCPP's own spelling of names and the order in which they were put; the same value gives the same bytes.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw
from msgspec.json import Decoder, Encoder

INT64 = (-(1 << 63), (1 << 63) - 1)
"""The least and the greatest integer that whatever holds a payload later can hold."""

INT64_DIGITS = 19
EXPONENT_DIGITS_MOST = 8
"""An exponent with more digits than this moves the point further than a frame has room for."""

_ENCODER = Encoder()
_DECODER = Decoder()
_RAW_FLOATS_DECODER = Decoder(float_hook=lambda text: Raw(text.encode()))

encode = _ENCODER.encode
"""A dict, list, text or number as JSON bytes."""


def decode(text: bytes) -> Any:
    """What JSON *text* says.  Raises ``msgspec.DecodeError`` for what is not JSON; payloads in inputs always are."""
    return _DECODER.decode(text)


def decode_with_raw_floats(text: bytes) -> Any:
    """Decode JSON *text*, but leave every number with a point or an exponent as the ``msgspec.Raw`` that it was written as.

    Raises ``msgspec.DecodeError`` for what is not JSON, RecursionError for what is nested too deep.
    """
    return _RAW_FLOATS_DECODER.decode(text)


def parse_whole_number(text: str) -> int | None:
    """The integer that a JSON number such as ``300.0``, ``8e0`` or ``1250e-1`` is exactly; None for one with a fraction.

    It is read from the digits and not through a float, so no digit is lost.  One that does not fit 64 bits comes back as the nearest integer that
    does not either: nothing as long as its exponent asks for is ever made.
    """
    mantissa, _, exponent = text.lower().partition("e")
    digits, _, fraction = mantissa.lstrip("-").partition(".")
    significant = (digits + fraction).rstrip("0")
    if not significant:
        return 0
    down, shift = exponent.startswith("-"), exponent.lstrip("+-").lstrip("0")
    if len(shift) > EXPONENT_DIGITS_MOST:
        trailing_zeros = -1 if down else INT64_DIGITS
    else:
        trailing_zeros = len(digits) - len(significant) + (-1 if down else 1) * int(shift or 0)
    if trailing_zeros < 0:
        # So many of the significant digits stand behind the point.
        return None
    negative = mantissa.startswith("-")
    significant = significant.lstrip("0")
    if len(significant) + trailing_zeros > INT64_DIGITS:
        return INT64[0] - 1 if negative else INT64[1] + 1
    found = int(significant + "0" * trailing_zeros)
    return max(-found, INT64[0] - 1) if negative else min(found, INT64[1] + 1)


def has_twins(text: bytes, value: Any) -> bool:
    r"""Whether an object in JSON *text* has two members of one name; *value* is what the text decodes to.

    Decoding keeps the last of two, so that a value with twins is written with fewer quotation marks than its text had.  Where the text has no
    backslash every mark in it delimits a string, so counting is exact; else the names are compared one by one, unless the text is already what we
    would write.
    """
    written = _ENCODER.encode(value)
    if b"\\" not in text:
        return text.count(b'"') != written.count(b'"')
    if written == text:
        return False
    import json  # only where a text with escapes is spelled unlike ours

    def pairs(found: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in found}) != len(found):
            raise LookupError

    try:
        json.loads(text, object_pairs_hook=pairs)
    except LookupError:
        return True
    return False
