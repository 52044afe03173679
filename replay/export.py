"""A journal as JSON lines, for other programs.

Law: what is sealed stays sealed, and the vault is never opened: an export may be mailed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Self

from engine.event import EffectId, Value
from engine.kernel import Turn
from eventlog.segments import begin
from eventlog.store import Reading
from machines.boot.state import BOOT
from machines.clock.facts import ClockSet
from machines.effects import Call, Reply, ReplyError, Say
from machines.inputs import Answered, Called, CalledBadly, Garbled, Refused, Started, StraySend
from machines.outbound.asks import message_id
from machines.outbound.facts import Delivered, Dropped, Queued, Sent
from machines.outbound.state import OUTBOUND, Waiting
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


FRAME_EVENTS = (Started, Queued, Sent, Delivered, Dropped, Called, CalledBadly, Answered, Refused, Garbled, StraySend, Call, Reply, ReplyError, Say)


def frame_lines(store: Reading, station: int = 0) -> Iterator[str]:
    """One JSON object an OCPP message, in the order in which the station received or decided to send them.

    Members: ``timestamp``, ``direction`` (``received`` or ``sent``, as the station sees it), ``messageType``, ``messageId``, ``action`` (of the CALL
    that it answers, too), ``payload``.  A message that was decided and never left, because the link broke at that moment, is among the sent ones.
    Where the station gave a message up, a line with direction ``discarded`` has it once more, with a ``reason`` (E13.FR.04); its ``messageId`` is
    that of the last attempt, and empty where there was none.
    """
    wall = wall_at_base(store, station)
    conversation = Conversation.before(store, station)
    for _, at, events in scan(store, (*FRAME_EVENTS, ClockSet), station):
        wall.hear(events)
        for event in events:
            frame = conversation.follow(event)
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
                if isinstance(event, Dropped):
                    line["reason"] = event.reason
                yield jsontext.encode(line).decode()


Frame = tuple[str, str, str, str, Any]
"""Direction, message type, message id, action, payload."""


class Conversation:
    """What was asked so far: an answer tells neither its action nor, in the journal, its message id."""

    def __init__(self, journal: int = 0, waiting: Mapping[int, Waiting] | None = None) -> None:
        self._journal = journal
        self._actions: dict[int, str] = {}
        self._payloads: dict[int, bytes] = {}
        self._attempts: dict[int, int] = {}
        self._called: dict[str, str] = {}
        for entry, message in (waiting or {}).items():
            self._actions[entry] = message.action
            self._payloads[entry] = message.payload
            self._attempts[entry] = message.attempts

    @classmethod
    def before(cls, store: Reading, station: int = 0) -> Self:
        """What waits as the rows that are there begin."""
        if store.base(station)[0] < 0:
            return cls()
        begun = begin(store, STATION, station).station
        return cls(begun[BOOT].journal, begun[OUTBOUND].queue)

    def follow(self, event: Any) -> Frame | None:
        """The frame that *event* is, if it is one.  Every one of FRAME_EVENTS has to come by, in its order."""
        match event:
            case Called() | CalledBadly():
                self._called[event.message_id] = event.action
                return "received", "CALL", event.message_id, event.action, parsed(event.payload)
            case Answered():
                return "received", "CALLRESULT", *self._asked(event), parsed(event.payload)
            case Refused():
                return "received", "CALLERROR", *self._asked(event), _error(event)
            case StraySend():
                # Its payload is not in the journal: the station does nothing with such a message.
                return "received", "SEND", event.message_id, event.action, None
            case Garbled():
                return "received", "", "", "", {"reason": event.reason, "length": event.length, "frame": event.frame}
            case Call():
                return "sent", "CALL", event.message_id, event.action, parsed(event.payload)
            case Reply():
                return "sent", "CALLRESULT", event.message_id, self._called.pop(event.message_id, ""), parsed(event.payload)
            case ReplyError():
                return "sent", "CALLERROR", event.message_id, self._called.pop(event.message_id, ""), _error(event)
            case Say():
                return _said(event.frame)
            case Dropped():
                payload, attempt = self._forget(event.entry)
                identifier = message_id(self._journal, event.entry, attempt) if attempt else ""
                return "discarded", "CALL", identifier, event.action, parsed(payload)
        self._note(event)
        return None

    def _note(self, event: Any) -> None:
        match event:
            case Started():
                self._journal = event.journal
            case Queued():
                self._actions[event.entry] = event.action
                self._payloads[event.entry] = event.payload
            case Sent():
                self._attempts[event.entry] = event.attempt
            case Delivered():
                self._forget(event.entry)

    def _asked(self, answer: Answered | Refused) -> tuple[str, str]:
        """Message id and action of what is answered."""
        return message_id(self._journal, answer.entry, answer.attempt), self._actions.get(answer.entry, "")

    def _forget(self, entry: int) -> tuple[bytes, int]:
        return self._payloads.pop(entry, b""), self._attempts.pop(entry, 0)


def _error(event: Refused | ReplyError) -> dict[str, Any]:
    details = parsed(event.details) if isinstance(event, Refused) else {}
    return {"errorCode": event.code, "errorDescription": event.description, "errorDetails": details}


TYPES = {3: "CALLRESULT", 4: "CALLERROR", 5: "CALLRESULTERROR"}


def _said(frame: bytes) -> Frame:
    """A frame that was sent as it stands: an error, by its shape in OCPP-J."""
    match parsed(frame):
        case [int(kind), str(identifier), str(code), str(description), *details]:
            told = {"errorCode": code, "errorDescription": description, "errorDetails": details[0] if details else {}}
            return "sent", TYPES.get(kind, str(kind)), identifier, "", told
        case other:
            return "sent", "", "", "", other
