"""How a machine has something said to the CSMS."""

from __future__ import annotations

from typing import Any

from engine.machine import Context, Station
from machines.connection.state import CONNECTION
from machines.connection.state import Phase as Link
from machines.outbound.facts import Queued
from machines.outbound.state import OUTBOUND
from wire import jsontext

PLACES = 256
"""Entry numbers are turn times this plus a place in the turn; a turn holds no more facts than that."""


def ask(station: Station, cx: Context, action: str, payload: dict[str, Any], *, place: int = 0) -> Queued:
    """The fact that *action* waits to be sent.

    *place* tells several messages of one decision apart, because a decision that is running keeps the station that it was given.
    """
    entry = max(station[OUTBOUND].last_entry + 1, cx.seq * PLACES) + place
    return Queued(entry=entry, action=action, payload=jsontext.encode(payload), offline=station[CONNECTION].phase is not Link.UP)


def message_id(journal: int, entry: int, attempt: int) -> str:
    """The messageId of a CALL, never used before under this identity (OCPP-J 4.1.4): journal, turn, place in the turn, attempt."""
    return f"{journal & 0xFFFFFFFF:08x}-{entry // PLACES:010x}-{entry % PLACES:02x}{attempt:02x}"


def read_message_id(journal: int, text: str) -> tuple[int, int] | None:
    """The entry and attempt of one of our own message ids; None for any other text."""
    parts = text.split("-")
    if len(parts) != 3 or parts[0] != f"{journal & 0xFFFFFFFF:08x}" or len(parts[2]) < 4:  # noqa: PLR2004 (the form above)
        return None
    try:
        seq, place, attempt = (int(text, 16) for text in (parts[1], parts[2][:2], parts[2][2:]))
    except ValueError:
        return None
    return seq * PLACES + place, attempt
