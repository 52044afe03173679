"""A journal as JSON lines, for other programs.

Law: what is sealed stays sealed, and the vault is never opened: an export may be mailed.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

from engine.event import EffectId, Value
from engine.kernel import Turn
from eventlog.segments import begin
from eventlog.store import Reading
from machines.boot.state import BOOT
from machines.clock.facts import ClockSet
from machines.effects import Call, Reply, ReplyError, Say
from machines.inputs import Answered, Called, CalledBadly, Garbled, Refused, Started, StraySend
from machines.outbound.asks import message_id
from machines.outbound.facts import Queued
from machines.outbound.state import OUTBOUND
from machines.station import STATION
from replay.reading import Wall, scan, turns, wall_at_base
from wire import jsontext


def turn_lines(store: Reading, station: int = 0) -> Iterator[str]:
    """One JSON object a turn: all that the row says, records by field name, payloads as the JSON that they are."""
    wall = wall_at_base(store, station)
    for turn in turns(store, station):
        wall.hear(turn.facts)
        yield jsontext.encode(as_json(turn, wall, station)).decode()


def as_json(turn: Turn, wall: Wall, station: int = 0) -> dict[str, Any]:
    """A turn as JSON values; *luck* as 16 hex digits, because many JSON readers lose bits of a number that large."""
    return {
        "seq": turn.seq,
        "at_us": turn.at,
        "timestamp": wall.text(turn.at).strip(),
        "luck": f"{turn.luck:016x}",
        "input": plain(turn.input),
        "facts": [plain(fact) for fact in turn.facts],
        "effects": [{"id": str(EffectId(station, turn.seq, i)), **plain(effect)} for i, effect in enumerate(turn.effects)],
    }


def plain(it: Any) -> Any:
    """Any value of an event as JSON values; a record is an object with its name under ``type``."""
    if isinstance(it, Value):
        return {"type": type(it).__name__, **{name: plain(getattr(it, name)) for name in it.FIELDS}}
    if isinstance(it, bytes):
        return parsed(it)
    if isinstance(it, Enum):
        return it.value
    if isinstance(it, tuple | list):
        return [plain(one) for one in it]
    return it


def parsed(text: bytes) -> Any:
    """What JSON *text* says; what is none stays a text."""
    try:
        return jsontext.decode(text)
    except (ValueError, RecursionError):
        return text.decode("utf-8", "replace")


FRAME_EVENTS = (Started, Queued, Called, CalledBadly, Answered, Refused, Garbled, StraySend, Call, Reply, ReplyError, Say)


def frame_lines(store: Reading, station: int = 0) -> Iterator[str]:
    """One JSON object an OCPP message, in the order in which the station received or decided to send them.

    Members: ``timestamp``, ``direction`` (``received`` or ``sent``, as the station sees it), ``messageType``, ``messageId``, ``action`` (of the CALL
    that it answers, too), ``payload``.  A message that was decided and never left, because the link broke at that moment, is among the sent ones.
    """
    wall = wall_at_base(store, station)
    journal, actions = asked_before(store, station)
    for _, at, events in scan(store, (*FRAME_EVENTS, ClockSet), station):
        wall.hear(events)
        asked = ""
        for event in events:
            if isinstance(event, Started):
                journal = event.journal
            elif isinstance(event, Queued):
                actions[event.entry] = event.action
            elif isinstance(event, Called | CalledBadly):
                asked = event.action
            frame = frame_of(event, journal, actions, asked)
            if frame is not None:
                direction, kind, identifier, action, payload = frame
                line = {
                    "timestamp": wall.text(at).strip(),
                    "direction": direction,
                    "messageType": kind,
                    "messageId": identifier,
                    "action": action,
                    "payload": payload,
                }
                yield jsontext.encode(line).decode()


def asked_before(store: Reading, station: int = 0) -> tuple[int, dict[int, str]]:
    """The journal's number, and the action of every message that waits, as the rows that are there begin: they tell what an answer is to."""
    if store.base(station)[0] < 0:
        return 0, {}
    begun = begin(store, STATION, station).station
    return begun[BOOT].journal, {entry: waiting.action for entry, waiting in begun[OUTBOUND].queue.items()}


def frame_of(event: Any, journal: int, actions: dict[int, str], asked: str) -> tuple[str, str, str, str, Any] | None:
    """Direction, message type, message id, action and payload of an event that is a frame; *asked* is the action of the turn's own CALL."""
    match event:
        case Called() | CalledBadly():
            return "received", "CALL", event.message_id, event.action, parsed(event.payload)
        case Answered():
            identifier = message_id(journal, event.entry, event.attempt)
            return "received", "CALLRESULT", identifier, actions.get(event.entry, ""), parsed(event.payload)
        case Refused():
            identifier = message_id(journal, event.entry, event.attempt)
            return "received", "CALLERROR", identifier, actions.get(event.entry, ""), _error(event)
        case StraySend():
            # Its payload is not in the journal: the station does nothing with such a message.
            return "received", "SEND", event.message_id, event.action, None
        case Garbled():
            return "received", "", "", "", {"reason": event.reason, "length": event.length, "frame": event.frame}
        case Call():
            return "sent", "CALL", event.message_id, event.action, parsed(event.payload)
        case Reply():
            return "sent", "CALLRESULT", event.message_id, asked, parsed(event.payload)
        case ReplyError():
            return "sent", "CALLERROR", event.message_id, asked, _error(event)
        case Say():
            return _said(event.frame)
        case _:
            return None


def _error(event: Refused | ReplyError) -> dict[str, str]:
    return {"errorCode": event.code, "errorDescription": event.description}


TYPES = {3: "CALLRESULT", 4: "CALLERROR", 5: "CALLRESULTERROR"}


def _said(frame: bytes) -> tuple[str, str, str, str, Any]:
    """A frame that was sent as it stands: an error, by its shape in OCPP-J."""
    match parsed(frame):
        case [int(kind), str(identifier), str(code), str(description), *_]:
            return "sent", TYPES.get(kind, str(kind)), identifier, "", {"errorCode": code, "errorDescription": description}
        case other:
            return "sent", "", "", "", other
