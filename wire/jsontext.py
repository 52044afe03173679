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
