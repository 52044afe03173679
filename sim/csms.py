"""A CSMS that does everything a CSMS may do, and some of what it may not.

Law: it knows nothing of the station but what arrives as frames, and remembers all of it: it is the witness of what was said.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from sim.checks import Violation
from sim.faults import NONE, Faults
from wire import calendar, frame, jsontext

EPOCH_US: Final = 1_800_000_000_000_000
"""What time it is when a world begins, in microseconds since 1970."""

SLOW_US: Final = 45_000_000
"""Longer than a station waits for an answer."""

PASSWORD: Final = ("SecurityCtrlr", "BasicAuthPassword")

Frames = list[tuple[int, bytes]]
"""(delay in microseconds, frame) to send."""

ANSWER_MEMBERS: Final = {"GetVariables": "getVariableResult", "SetVariables": "setVariableResult"}


class Csms:
    """The central system.

    *tokens*: what it says of each idToken (Accepted, Blocked, ...); an unknown one is Invalid.  *on_leave* is told of every token that it
    accepts for charging, the moment it says so.  *versions*: the subprotocols that it agrees to, best first.
    """

    def __init__(
        self,
        random: Random,
        tokens: dict[str, str],
        *,
        versions: tuple[str, ...],
        faults: Faults = NONE,
        on_leave: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._random = random
        self.tokens = tokens
        self.versions = versions
        self.faults = faults
        self._on_leave = on_leave
        self.link = 0
        """The link that is open, as this side sees it; 0: none."""
        self.version = ""
        self.clock_offset_us = 0
        self.refuses_boots = 0
        self.interval_s = 300
        # What it was told.
        self.calls = 0
        self.said: dict[str, tuple[str, bytes]] = {}
        self.transactions: dict[str, list[tuple[int, str, dict[str, Any]]]] = {}
        self.events: dict[int, dict[str, Any]] = {}
        """Events of monitors by their id, in the words of 2.0.1."""
        self.running: dict[str, int] = {}  # transaction id -> EVSE
        self.statuses: dict[tuple[int, int], str] = {}  # since it last accepted the station
        self.boots: list[str] = []
        self.heartbeats = 0
        # What it asked.
        self._asked = 0
        self.open: dict[str, tuple[str, Any]] = {}  # message id -> action, what is expected
        self.answers: dict[str, int] = {}
        self.values: dict[tuple[str, str], set[str]] = {PASSWORD: {""}}
        self._maybe: dict[tuple[str, str], list[tuple[str, str]]] = {}  # (message id, value) of sets that nobody has answered

    # The link

    def choose(self, offered: tuple[str, ...]) -> str:
        """The subprotocol for a new link; empty where there is none in common, or where it is in that mood."""
        if self._random.random() < self.faults.no_version:
            return self._random.choice(("", "ocpp1.6"))
        return next((name for name in self.versions if name in offered), "")

    def opened(self, link: int, subprotocol: str) -> None:
        """A link: whatever was before it is gone."""
        self.closed()
        self.link = link
        self.version = subprotocol.removeprefix("ocpp")

    def closed(self) -> None:
        """The link is gone, and with it the answers to what was asked: a value may or may not have been taken."""
        self.link = 0
        self.open = {}

    # What the station says

    def hear(self, now_us: int, data: bytes) -> Frames:
        """One frame; what is sent because of it."""
        got = frame.read(data, self.version)
        match got:
            case frame.Call():
                return self._called(now_us, got)
            case frame.CallResult():
                self._answered(got.message_id, got.payload)
            case frame.CallError() if got.message_id in self.open:
                self._refused(got)
            case frame.CallError() if got.message_id in self.answers:
                raise Violation("one answer to a CALL", f"{got.code} for {got.message_id}, which was answered already")
            case frame.CallError() | frame.CallResultError():
                pass  # about a frame of ours that was no good
            case _:
                raise Violation("the station sends frames", repr(got))
        return []

    def _called(self, now_us: int, call: frame.Call) -> Frames:
        self.calls += 1
        before = self.said.get(call.message_id)
        if before is not None:
            raise Violation("message ids are never used twice", f"{call.message_id}: {before} and {call}")
        self.said[call.message_id] = (call.action, call.payload)
        payload: dict[str, Any] = jsontext.decode(call.payload)
        self._witness(call.action, payload)
        faults, random = self.faults, self._random
        delay_us = random.randrange(1_000, 300_000)
        if faults is not NONE:
            if random.random() < faults.silent:
                return []
            if random.random() < faults.slow:
                delay_us += SLOW_US
            elif random.random() < faults.late:
                delay_us += random.randrange(20_000_000)
            if random.random() < faults.garbled:
                return [(delay_us, random.choice((b"", b"{", b"[3]", b"[3,null,{}]", b'[9,"x",{}]', b"\xff\xfe", b'"3"', b"[" * 200)))]
            if random.random() < faults.stranger:
                return [(delay_us, frame.call_result(f"not-{call.message_id[:20]}", b"{}"))]
            if random.random() < faults.error:
                return [(delay_us, frame.call_error(call.message_id, random.choice(("InternalError", "GenericError", "NoSuchCode")), "so"))]
            if random.random() < faults.broken:
                return [(delay_us, frame.call_result(call.message_id, self._broken(call.action)))]
        return [(delay_us, frame.call_result(call.message_id, jsontext.encode(self._answer(now_us, call.action, payload))))]

    def _witness(self, action: str, payload: dict[str, Any]) -> None:
        match action:
            case "TransactionEvent":
                identifier = payload["transactionInfo"]["transactionId"]
                # "offline" says how the message travelled, not what happened.
                event = {name: value for name, value in payload.items() if name != "offline"}
                self.transactions.setdefault(identifier, []).append((payload["seqNo"], payload["eventType"], event))
                if payload["eventType"] == "Ended":
                    self.running.pop(identifier, None)
                else:
                    self.running[identifier] = payload.get("evse", {}).get("id", 0)
            case "StatusNotification":
                self.statuses[payload["evseId"], payload["connectorId"]] = payload["connectorStatus"]
            case "NotifyEvent":
                for data in payload["eventData"]:
                    event = {name: value for name, value in data.items() if name != "severity"}
                    if self.events.setdefault(event["eventId"], event) != event:
                        raise Violation("an event id stands for one event", f"{self.events[event['eventId']]} and {event}")
            case "BootNotification":
                self.boots.append(payload["reason"])
            case "Heartbeat":
                self.heartbeats += 1
            case _:
                pass
        token = (payload.get("idToken") or {}).get("idToken")
        # C02.FR.01: an empty one stands for nobody.
        if token and token not in self.tokens:
            raise Violation("idTokens arrive as they were shown", f"{action} names {token!r}")

    def _answer(self, now_us: int, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        match action:
            case "BootNotification":
                return self._boot(now_us)
            case "Heartbeat":
                return {"currentTime": self.time(now_us)}
            case "Authorize":
                token = payload["idToken"]["idToken"]
                status = self.tokens[token]
                if status == "Accepted":
                    self._on_leave(token)
                info: dict[str, Any] = {"status": status}
                if token.endswith("G"):
                    info["groupIdToken"] = {"idToken": "GROUP", "type": "Central"}
                return {"idTokenInfo": info}
            case "TransactionEvent" if "idToken" in payload:
                blocked = self._random.random() < self.faults.blocks
                token = payload["idToken"]["idToken"]
                return {"idTokenInfo": {"status": "Blocked" if blocked else self.tokens[token] if token else "Accepted"}}
            case _:
                return {}

    def _boot(self, now_us: int) -> dict[str, Any]:
        status = "Accepted"
        if self._random.random() < self.faults.boots_badly:
            status = self._random.choice(("Pending", "Rejected"))
        interval_s = self._random.choice((0, 5, 60)) if status != "Accepted" else self.interval_s
        if status == "Accepted":
            # B01.FR.05: now it wants to hear of all connectors.
            self.statuses = {}
        if status == "Accepted" and interval_s:
            # B01.FR.04: the station sets it, if it hears this.
            self.values.setdefault(("OCPPCommCtrlr", "HeartbeatInterval"), set()).add(str(interval_s))
        return {"status": status, "interval": interval_s, "currentTime": self.time(now_us)}

    def time(self, now_us: int) -> str:
        """What time it is, or what it believes."""
        if self._random.random() < self.faults.clock_jumps:
            self.clock_offset_us += self._random.choice((-86_400_000_000, -3_600_000_000, 61_000_000, 3_600_000_000, 400_000_000_000))
        return calendar.text(EPOCH_US + now_us + self.clock_offset_us)

    def _broken(self, action: str) -> bytes:
        """An answer that no schema lets pass, or that says nothing."""
        match action:
            case "BootNotification":
                return b'{"status":"Perhaps","interval":-1}'
            case "Authorize":
                return self._random.choice((b"{}", b'{"idTokenInfo":{"status":1}}', b'{"idTokenInfo":{"status":"Accepted","evseId":[]}}'))
            case "Heartbeat":
                return b'{"currentTime":5}'
            case _:
                return b'{"idTokenInfo":{"status":"Ok"},"unknown":[]}'

    # What the CSMS asks

    @property
    def passwords(self) -> set[str]:
        """With which of these the station may log in."""
        return self.values[PASSWORD]

    def ask(self, action: str, payload: dict[str, Any], expected: Any = None) -> bytes:
        """A CALL."""
        self._asked += 1
        message_id = f"c{self._asked}"
        self.open[message_id] = (action, expected)
        return frame.call(message_id, action, jsontext.encode(payload))

    def set_variable(self, component: str, variable: str, value: str) -> bytes:
        """B05 SetVariables with one item."""
        expected = (component, variable, value)
        # Until the answer is here it may be either; and where none ever comes, for good.
        key = component, variable
        self._maybe.setdefault(key, []).append((f"c{self._asked + 1}", value))
        if key in self.values:
            self.values[key].add(value)
        item = {"attributeValue": value, "component": {"name": component}, "variable": {"name": variable}}
        return self.ask("SetVariables", {"setVariableData": [item]}, expected)

    def get_variable(self, component: str, variable: str) -> bytes:
        """B06 GetVariables with one item."""
        item = {"component": {"name": component}, "variable": {"name": variable}}
        return self.ask("GetVariables", {"getVariableData": [item]}, (component, variable))

    def _answered(self, message_id: str, text: bytes) -> None:
        asked = self._taken(message_id, "an answer")
        if asked is None:
            return
        payload: dict[str, Any] = jsontext.decode(text)
        action, expected = asked
        if action == "SetVariables" and expected is not None:
            component, variable, value = expected
            (result,) = payload["setVariableResult"]
            if result["attributeStatus"] == "Accepted":
                self._took((component, variable), message_id, value)
        elif action == "GetVariables" and expected is not None:
            (result,) = payload["getVariableResult"]
            known = self.values.get(expected)
            if known is not None and result.get("attributeValue") not in known and result["attributeStatus"] == "Accepted":
                raise Violation("what SetVariables accepted can be read", f"{expected} is {result.get('attributeValue')!r}, set were {sorted(known)}")

    def _took(self, key: tuple[str, str], message_id: str, value: str) -> None:
        """The station said that it took *value*: it has that, or what it was sent after it."""
        maybe = self._maybe[key]
        place = [asked for asked, _ in maybe].index(message_id)
        self._maybe[key] = maybe[place + 1 :]
        self.values[key] = {value, *[later for _, later in self._maybe[key]]}
        if key[1] == "HeartbeatInterval" and self.interval_s:
            # An answer to a BootNotification may still be on its way, and sets it too (B01.FR.04).
            self.values[key].add(str(self.interval_s))

    def _refused(self, error: frame.CallError) -> None:
        self._taken(error.message_id, error.code)

    def _taken(self, message_id: str, what: str) -> tuple[str, Any] | None:
        asked = self.open.pop(message_id, None)
        if message_id in self.answers:
            raise Violation("one answer to a CALL", f"{what} for {message_id}, which was answered already")
        self.answers[message_id] = 1
        return asked
