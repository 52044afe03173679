"""JSON text of payloads, there and back.

Law: OCPP's own spelling of names and the order in which they were put; the same value gives the same bytes.
"""

from __future__ import annotations

from typing import Any

from msgspec.json import Decoder, Encoder

_ENCODER = Encoder()
_DECODER = Decoder()

encode = _ENCODER.encode
"""A dict, list, text or number as JSON bytes."""


def decode(text: bytes) -> Any:
    """What JSON *text* says.  Raises ``msgspec.DecodeError`` for what is not JSON; payloads in inputs always are."""
    return _DECODER.decode(text)


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
