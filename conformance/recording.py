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
from eventlog.segments import begin
from eventlog.store import Reading
from machines.device_model.state import DEVICE_MODEL, DeviceModel
from machines.device_model.state import FOLDS as MODEL_FOLDS
from machines.inputs import CableConnected, CableDisconnected, CardPresented, LinkDown, LinkUp, PilotChanged, Started, Stopping
from machines.station import STATION
from replay.export import FRAME_EVENTS, Conversation
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


Address = tuple[str, str, int, int, str, str]
"""Component, its instance, evse id, connector id, variable, its instance; names without case."""

Values = dict[Address, str]
"""Values in force of what the station's device model has."""


class Recording(NamedTuple):
    """All of it, in order.  *links*: whether it tells when the link breaks.

    *values*: (place, values that are known from there on), where something is known of the device model.
    """

    happened: tuple[Happened, ...]
    links: bool
    digest: str
    values: tuple[tuple[int, Values], ...] = ()


def address_of(item: dict[str, Any]) -> Address:
    """What an item with a component and a variable is about."""
    component, named = item["component"], item["variable"]
    evse = component.get("evse", {})
    return (
        component["name"].casefold(),
        component.get("instance", "").casefold(),
        evse.get("id", 0),
        evse.get("connectorId", 0),
        named["name"].casefold(),
        named.get("instance", "").casefold(),
    )


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
    conversation = Conversation.before(store)
    model = begin(store, STATION).station[DEVICE_MODEL]
    values = [(0, _in_force(model))]
    for seq, at, events in scan(store, (*FRAME_EVENTS, *DEEDS, *MODEL_FOLDS)):
        changes = [event for event in events if type(event) in MODEL_FOLDS]
        for change in changes:
            MODEL_FOLDS[type(change)](model, change)
        if changes:
            values.append((len(found), _in_force(model)))
        for event in events:
            frame = conversation.follow(event)
            one = _deed(event)
            if one is None and frame is not None and frame[0] != DISCARDED:
                one = _message(*frame)
            if one is not None:
                found.append(one._replace(at_ms=at // 1000, turn=seq))
    return Recording(tuple(found), links=True, digest=store.last()[1].hex(), values=tuple(values))


def _in_force(model: DeviceModel) -> Values:
    texts = ((key, model.text(key)) for key in model.declared if key[-1] == "Actual")
    return {key[:-1]: text for key, text in texts if text is not None}


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

    Lines as ``stationd log export --format ocpp`` writes them, or objects with ``direction``, ``message`` (the OCPP-J array, or its text) and perhaps
    ``timestamp``, or arrays ``[timestamp, direction, message]``, or ``sent [2,...]``, with a timestamp before it or without.  What people did is
    inferred from what the station tells of it.  Raises SetupFault where a line is none of these.
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
        if direction == DISCARDED:
            continue
        one = _message(direction, kind, identifier, action or asked.get(identifier, ""), payload)
        if one is not None:
            found.append(one._replace(at_ms=at_us // 1000))
    happened = list(Inferred().deeds(found))
    return Recording(tuple(happened), links=False, digest=blake2b(text.encode(), digest_size=16).hexdigest(), values=tuple(_told_values(happened)))


class Inferred:
    """What people did, from what a station told of it: each deed right before the first message that tells of it."""

    def __init__(self) -> None:
        self._plugged: dict[int, int] = {}
        self._evses: dict[str, int] = {}
        self._states: dict[str, str] = {}
        self._asked = ""
        self._before = ""

    def deeds(self, messages: Iterable[Happened]) -> Iterator[Happened]:
        """The messages, with the deeds among them."""
        for one in messages:
            if one.what is What.CALL and isinstance(one.payload, dict):
                for deed in self._told_by(one.name, one.payload):
                    yield deed._replace(at_ms=one.at_ms)
                self._before = one.name
            yield one

    def _told_by(self, action: str, told: Any) -> Iterator[Happened]:
        match action:
            case "BootNotification" if self._before != action and told.get("reason") != "Triggered":
                yield Happened(What.START, 0)
            case "Authorize":
                self._asked = _token(told)
                yield Happened(What.CARD, 0, payload={"token": self._asked, "evses": []})
            case "StatusNotification":
                yield from self._connector(told.get("evseId"), told.get("connectorId"), told.get("connectorStatus"))
            case "NotifyEvent":
                for event in told.get("eventData", ()):
                    place = event.get("component", {}).get("evse", {})
                    if event.get("variable", {}).get("name") == "AvailabilityState":
                        yield from self._connector(place.get("id"), place.get("connectorId"), event.get("actualValue"))
            case "TransactionEvent":
                yield from self._transaction(told)

    def _connector(self, evse_id: Any, connector_id: Any, status: Any) -> Iterator[Happened]:
        if not isinstance(evse_id, int) or not isinstance(connector_id, int):
            return
        if status == "Occupied" and evse_id not in self._plugged:
            yield self._plug_in(evse_id, connector_id)
        elif status == "Available" and self._plugged.get(evse_id) == connector_id:
            yield self._unplug(evse_id)

    def _plug_in(self, evse_id: int, connector_id: int) -> Happened:
        self._plugged[evse_id] = connector_id
        return Happened(What.PLUG_IN, 0, payload={"evse": evse_id, "connector": connector_id})

    def _unplug(self, evse_id: int) -> Happened:
        del self._plugged[evse_id]
        return Happened(What.UNPLUG, 0, payload={"evse": evse_id})

    def _transaction(self, told: Any) -> Iterator[Happened]:
        info, place, trigger = told.get("transactionInfo", {}), told.get("evse", {}), told.get("triggerReason")
        transaction, state = info.get("transactionId", ""), info.get("chargingState", "")
        evse_id = self._evses.setdefault(transaction, place["id"]) if "id" in place else self._evses.get(transaction, 0)
        if trigger == "CablePluggedIn" and evse_id and evse_id not in self._plugged:
            yield self._plug_in(evse_id, place.get("connectorId", 1))
        if trigger in ("EVCommunicationLost", "EVDeparted") and evse_id in self._plugged:
            yield self._unplug(evse_id)
        if trigger in ("Authorized", "StopAuthorized") and _token(told):
            # A card that the CSMS was asked of was seen then.
            if _token(told) != self._asked:
                yield Happened(What.CARD, 0, payload={"token": _token(told), "evses": []})
            self._asked = ""
        before = self._states.get(transaction, "")
        if trigger == "ChargingStateChanged" and evse_id and {before, state} == {"Charging", "SuspendedEV"}:
            yield Happened(What.PILOT, 0, "C" if state == "Charging" else "B", {"evse": evse_id})
        self._states[transaction] = state or before


def _token(told: Any) -> str:
    token = told.get("idToken", {})
    return str(token.get("idToken", "")) if isinstance(token, dict) else ""


def _told_values(happened: Iterable[Happened]) -> Iterator[tuple[int, Values]]:
    """What the messages tell of the device model: values that were got, set, or reported."""
    values: Values = {}
    setting: dict[str, list[dict[str, Any]]] = {}
    for place, one in enumerate(happened):
        told = one.payload if isinstance(one.payload, dict) else {}
        found: list[tuple[dict[str, Any], Any]] = []
        if one.what is What.ASKED and one.name == "SetVariables":
            setting[one.message_id] = told.get("setVariableData", [])
        elif one.what is What.REPLY and one.name == "SetVariables":
            asked = {address_of(item): item["attributeValue"] for item in setting.pop(one.message_id, []) if _is_actual(item)}
            done = [item for item in told.get("setVariableResult", ()) if item.get("attributeStatus") == "Accepted" and _is_actual(item)]
            found = [(item, asked.get(address_of(item))) for item in done]
        elif one.what is What.REPLY and one.name == "GetVariables":
            found = [(item, item.get("attributeValue")) for item in told.get("getVariableResult", ()) if _is_actual(item)]
        elif one.what is What.CALL and one.name == "NotifyReport":
            for item in told.get("reportData", ()):
                found += [
                    (item, attribute.get("value")) for attribute in item.get("variableAttribute", ()) if attribute.get("type", "Actual") == "Actual"
                ]
        changed = {address_of(item): str(value) for item, value in found if value is not None}
        if changed:
            values = {**values, **changed}
            yield place + 1, values


def _is_actual(item: dict[str, Any]) -> bool:
    return bool(item.get("attributeType", "Actual") == "Actual")


DISCARDED = "discarded"
DIRECTIONS = {"sent": "sent", "received": "received", "in": "sent", "out": "received", DISCARDED: DISCARDED}
"""``sent`` and ``received`` are as the station sees it, ``in`` and ``out`` as the CSMS does; what was ``discarded`` nobody saw on the wire."""


def _read(line: str) -> tuple[str, str, str, str, str, Any]:
    """Timestamp, direction, kind, message id, action and payload of a line."""
    text = line.strip()
    if text.startswith("{"):
        told = json.loads(text)
    elif text.startswith("["):
        timestamp, direction, message = json.loads(text)
        told = {"timestamp": timestamp, "direction": direction, "message": message}
    else:
        head, bracket, rest = text.partition("[")
        *before, direction = head.split()
        told = {"timestamp": " ".join(before), "direction": direction, "message": bracket + rest}
    direction = DIRECTIONS.get(str(told["direction"]).lower(), "")
    if not direction:
        raise ValueError(f"direction {told['direction']!r} is none of {', '.join(DIRECTIONS)}")
    timestamp = str(told.get("timestamp", ""))
    if "message" not in told:
        return timestamp, direction, told["messageType"], told["messageId"], told.get("action", ""), told["payload"]
    frame = json.loads(told["message"]) if isinstance(told["message"], str) else told["message"]
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
