"""What was recorded of a station: a journal, or a log of its OCPP messages, as one list of what happened.

Law: reads only; what is sealed stays sealed, each placeholder becoming a text of the length that it tells, so that schemas still hold.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from enum import Enum
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from engine.errors import SetupFault
from eventlog.store import Reading
from machines.inputs import CableConnected, CableDisconnected, CardPresented, LinkDown, LinkUp, PilotChanged, Started, Stopping
from machines.outbound.facts import Queued
from replay.export import FRAME_EVENTS, frame_of
from replay.reading import open_journal, scan
from wire import calendar

DEEDS = (CableConnected, CableDisconnected, CardPresented, PilotChanged, LinkUp, LinkDown, Stopping)
SEALED = re.compile(r"<sealed:([0-9a-f]{32}):(\d+):[a-z]>")
KINDS = {2: "CALL", 3: "CALLRESULT", 4: "CALLERROR"}


class Sealed(str):
    """A text that stands for one that was sealed."""

    __slots__ = ()


class What(Enum):
    """Kinds of what can happen."""

    CALL = "call of the station"
    ANSWER = "answer of the CSMS"
    ASKED = "call of the CSMS"
    REPLY = "answer of the station"
    PLUG_IN = "plug in"
    UNPLUG = "unplug"
    CARD = "card"
    PILOT = "control pilot"
    START = "start"
    LINK_UP = "link up"
    LINK_DOWN = "link down"
    END = "end"


class Happened(NamedTuple):
    """One thing that happened: *payload* of a message, or what is known of a deed; *error* of an answer that is a CALLERROR."""

    what: What
    at_ms: int
    name: str = ""
    payload: Any = None
    message_id: str = ""
    error: str = ""
    turn: int = -1

    def __str__(self) -> str:
        where = f" in turn {self.turn}" if self.turn >= 0 else f" at +{self.at_ms / 1000:.1f} s"
        return f"{self.what.value}{f' {self.name}' if self.name else ''}{where}"


class Recording(NamedTuple):
    """All of it, in order.  *deeds*: whether it tells what people did at the station, and of the link."""

    happened: tuple[Happened, ...]
    deeds: bool
    digest: str


def recorded(path: Path) -> Recording:
    """The recording at *path*: a station's data directory, or a file of OCPP messages as JSON lines.  Raises SetupFault where it is neither."""
    if path.is_dir():
        journal = open_journal(path)
        try:
            return of_journal(journal)
        finally:
            journal.close()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise SetupFault(f"{path}: cannot be read ({error}); right would be a data directory, or JSON lines of OCPP messages") from error
    return of_lines(lines, str(path))


def of_journal(store: Reading) -> Recording:
    """What a station's journal tells."""
    found: list[Happened] = []
    journal = 0
    actions: dict[int, str] = {}
    for seq, at, events in scan(store, (*FRAME_EVENTS, *DEEDS)):
        asked = ""
        for event in events:
            if isinstance(event, Started):
                journal = event.journal
            elif isinstance(event, Queued):
                actions[event.entry] = event.action
            asked = getattr(event, "action", "") if type(event).__name__ in ("Called", "CalledBadly") else asked
            one = _deed(event)
            if one is None:
                frame = frame_of(event, journal, actions, asked)
                one = _message(*frame) if frame is not None else None
            if one is not None:
                found.append(one._replace(at_ms=at // 1000, turn=seq))
    return Recording(tuple(found), deeds=True, digest=store.last()[1].hex())


def _deed(event: Any) -> Happened | None:
    match event:
        case CableConnected():
            return Happened(What.PLUG_IN, 0, payload={"evse": event.evse_id, "connector": event.connector_id})
        case CableDisconnected():
            return Happened(What.UNPLUG, 0, payload={"evse": event.evse_id})
        case CardPresented():
            return Happened(What.CARD, 0, payload={"token": _unsealed(event.token), "evses": list(event.evse_ids)})
        case PilotChanged():
            return Happened(What.PILOT, 0, event.state, {"evse": event.evse_id})
        case LinkUp():
            return Happened(What.LINK_UP, 0, event.subprotocol)
        case LinkDown():
            return Happened(What.LINK_DOWN, 0, event.reason)
        case Started():
            return Happened(What.START, 0)
        case Stopping():
            return Happened(What.END, 0)
    return None


def _message(direction: str, kind: str, identifier: str, action: str, payload: Any) -> Happened | None:
    sent = direction == "sent"
    if kind == "CALL":
        return Happened(What.CALL if sent else What.ASKED, 0, action, _unsealed(payload), identifier)
    if kind == "CALLRESULT":
        return Happened(What.REPLY if sent else What.ANSWER, 0, action, _unsealed(payload), identifier)
    if kind == "CALLERROR":
        return Happened(What.REPLY if sent else What.ANSWER, 0, action, payload, identifier, str(payload.get("errorCode", "")) or "GenericError")
    return None


def of_lines(lines: Iterable[str], name: str) -> Recording:
    """A log of messages, one a line; *name* is where they are from.

    Lines as ``stationd log export --format ocpp`` writes them, or objects with ``direction`` (as the station sees it: ``sent``, ``received``),
    ``message`` (the OCPP-J array) and perhaps ``timestamp``, or ``sent [2,...]``.  Raises SetupFault where a line is none of these.
    """
    found: list[Happened] = []
    first_us = -1
    at_us = 0
    text = ""
    asked: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        text += line
        try:
            timestamp, direction, kind, identifier, action, payload = _read(line)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise SetupFault(
                f'{name}, line {number}: is no message ({error}); right would be {{"direction": "sent", "message": [2, "id", "Action", {{}}]}}'
            ) from error
        moment = calendar.parse(timestamp) if timestamp.strip("- ") else None
        if moment is not None:
            first_us = moment if first_us < 0 else first_us
            at_us = max(at_us, moment - first_us)
        if kind == "CALL":
            asked[identifier] = action
        one = _message(direction, kind, identifier, action or asked.get(identifier, ""), payload)
        if one is not None:
            found.append(one._replace(at_ms=at_us // 1000))
    return Recording(tuple(found), deeds=False, digest=blake2b(text.encode(), digest_size=16).hexdigest())


def _read(line: str) -> tuple[str, str, str, str, str, Any]:
    """Timestamp, direction, kind, message id, action and payload of a line."""
    if not line.lstrip().startswith("{"):
        direction, _, rest = line.strip().partition(" ")
        told: dict[str, Any] = {"direction": direction, "message": json.loads(rest)}
    else:
        told = json.loads(line)
    direction = told["direction"]
    if direction not in ("sent", "received"):
        raise ValueError(f"direction {direction!r} is neither sent nor received")
    timestamp = str(told.get("timestamp", ""))
    if "message" not in told:
        return timestamp, direction, told["messageType"], told["messageId"], told.get("action", ""), told["payload"]
    frame = told["message"]
    kind = KINDS.get(frame[0], "")
    payload = {"errorCode": frame[2], "errorDescription": frame[3]} if kind == "CALLERROR" else frame[3 if kind == "CALL" else 2]
    return timestamp, direction, kind, str(frame[1]), str(frame[2]) if kind == "CALL" else "", payload


def _unsealed(value: Any) -> Any:
    """*value* with every placeholder replaced by a text of its length that the same secret always has."""
    if isinstance(value, str):
        text = SEALED.sub(lambda found: (found[1] * (int(found[2]) // len(found[1]) + 1))[: int(found[2])], value)
        return Sealed(text) if text != value else value
    if isinstance(value, dict):
        return {name: _unsealed(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_unsealed(one) for one in value]
    return value


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """(member, value) of everything in a payload."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield name, one
            yield from walk(one)
    elif isinstance(value, list):
        for one in value:
            yield from walk(one)
