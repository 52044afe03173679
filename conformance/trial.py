"""A case being tried: what it can do, what it can look at, and the rules that hold in every case.

Law: the CSMS of a trial answers like an obliging one unless the case says otherwise; whatever the station sends is held against the schemas and the
rules of Part 4 and E01 whether or not the case looks at it; a case that has looked at nothing does not pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from json import dumps
from typing import Any, NamedTuple, NoReturn

from conformance.bench import SILENCE, Answer, Bench, Driver, Heard
from conformance.required import everywhere
from conformance.verdict import NO_FRAME, Failed, Failure, Missing, NotExercised, Unconfigurable
from wire import calendar, jsontext
from wire.schemas import Problem, Schemas

Payload = dict[str, Any]
Where = Callable[[Payload], bool]
Answers = Payload | Answer | Callable[[Payload], Payload | Answer]

STATION_LIMIT_S = 30.0
"""A station that takes longer than this for an answer, or for what it has to do at once, is given up."""


MOMENTS = ("timestamp", "generatedAt", "sampledTime", "currentTime")
"""Members that hold a date-time, which a schema only calls a text."""

RESULTS = {
    "GetVariables": ("getVariableData", "getVariableResult", "B06.FR.02"),
    "SetVariables": ("setVariableData", "setVariableResult", "B05.FR.02"),
    "SetVariableMonitoring": ("setMonitoringData", "setMonitoringResult", "N04.FR.02"),
}
"""Requests whose items are answered one by one: the items, the results, and what demands that both are about the same."""

CUTS = ("link breaks", "power cycle")
"""Deeds after which something can have happened offline."""


class Token(NamedTuple):
    """An idToken, as a card or a CSMS bears it."""

    text: str
    type: str = "ISO14443"

    @property
    def payload(self) -> Payload:
        """As OCPP writes it."""
        return {"idToken": self.text, "type": self.type}


class Settings(NamedTuple):
    """What a case has to know of the station and its surroundings."""

    evse_id: int = 1
    connector_id: int = 1
    evses: tuple[tuple[int, int], ...] = ((1, 1), (2, 1))
    """(evse id, connectors) of every EVSE."""
    valid: Token = Token("04A1B2C3D4E5F6")
    second: Token = Token("04A1B2C3D4E5F7")
    """Valid too, of another driver."""
    invalid: Token = Token("04DEADBEEF0001")
    master: Token = Token("04A5A5A5A50001")
    """A card that the CSMS says is in *master_group*."""
    group: str = "GROUP-1"
    master_group: str = "MASTER-1"
    identity: str = "CP001"
    """At the end of the URL that the station dials."""
    password: str = "first.Password-0123456789"  # noqa: S105 (nobody's)
    """For HTTP Basic authentication; a case sets it before it needs it."""
    second_password: str = "other.Password-9876543210"  # noqa: S105 (nobody's)
    attached_cable: bool = True
    """Whether the cable stays at the station, so that a connector is free as soon as the vehicle is gone; feature HFS-2 tells."""
    connect_within_s: int = 5
    """EVConnectionTimeOut for cases that let it pass."""
    meter_interval_s: int = 5
    """Between meter values, in cases that wait for some."""


class Trial:
    """One case at one bench."""

    def __init__(self, bench: Bench, settings: Settings, schemas: Schemas) -> None:
        self.bench = bench
        self.settings = settings
        self.schemas = schemas
        self.inbox: list[Heard] = []
        """CALLs of the station that nobody has asked for yet, in order."""
        self.heard: list[Heard] = []
        """All of them."""
        self.looked = 0
        """How often the case held something against what it has to be."""
        self.groups: dict[str, str] = {}
        """Token -> the group that the CSMS says it is in."""
        self.admitted: dict[int, Token] = {}
        """EVSE -> the token that the case had authorized there, while it counts."""
        self.asked_for: dict[int, int] = {}
        """EVSE -> the remoteStartId of a remote start there that no event has named yet."""
        self.stopped_here: set[int] = set()
        """EVSEs whose transaction its driver has stopped there, while it is not known to have ended."""
        self.points: tuple[frozenset[str], frozenset[str]] | None = None
        """TxStartPoint and TxStopPoint, once they were read."""
        self.statuses: dict[str, str] = {settings.invalid.text: "Invalid"}
        """Token -> what the CSMS says of it; Accepted where nothing stands."""
        self.interval_s = 300
        self._answers: dict[str, list[tuple[int, Answers]]] = {}
        self._ids: set[str] = set()
        self._accepted = False
        self._pending = False
        self._booted = -1
        self._monitors: set[int] = set()
        """Monitors that the case has set."""
        self._events: dict[str, dict[int, Heard]] = {}
        """Transaction -> seqNo -> the event that came with it first."""
        self._broken: Failed | None = None
        bench.hear = self._hear

    @property
    def driver(self) -> Driver:
        """Hands at the station."""
        return self.bench.driver

    # What the CSMS says

    def answer(self, action: str, answers: Answers, times: int = -1) -> None:
        """Answer the next *times* CALLs of *action* with this (-1: all from now on): a payload, an Answer, or what a function makes of the CALL's."""
        self._answers.setdefault(action, []).insert(0, (times, answers))

    def refuse(self, action: str, code: str = "InternalError", times: int = -1) -> None:
        """Answer with a CALLERROR."""
        self.answer(action, Answer(error=code), times)

    def silence(self, action: str, times: int = -1) -> None:
        """Answer nothing."""
        self.answer(action, SILENCE, times)

    def _hear(self, heard: Heard) -> Answer:
        try:
            self._rules(heard)
        except Failed as failed:
            self._broken = self._broken or failed
            if self._misshapen(heard) is not None:
                # Nobody may look into it: what the case counts on need not be there.
                return Answer(error="FormatViolation")
        self.heard.append(heard)
        self.inbox.append(heard)
        answer = self._answer(heard)
        if heard.action == "BootNotification" and answer.payload is not None:
            self._accepted = answer.payload.get("status") == "Accepted"
            self._pending = answer.payload.get("status") == "Pending"
        return answer

    def _answer(self, heard: Heard) -> Answer:
        chosen = self._answers.get(heard.action, [])
        for place, (times, answers) in enumerate(chosen):
            if times == 0:
                continue
            if times > 0:
                chosen[place] = (times - 1, answers)
            given = answers(heard.payload) if callable(answers) else answers
            return given if isinstance(given, Answer) else Answer(given)
        return Answer(self.obliging(heard.action, heard.payload))

    def obliging(self, action: str, payload: Payload) -> Payload:
        """What an obliging CSMS answers: everything is fine, and a token is what :meth:`info` says."""
        match action:
            case "BootNotification":
                return {"status": "Accepted", "interval": self.interval_s, "currentTime": self.time()}
            case "Heartbeat":
                return {"currentTime": self.time()}
            case "Authorize":
                return {"idTokenInfo": self.info(payload["idToken"]["idToken"])}
            case "TransactionEvent":
                return {"idTokenInfo": self.info(payload["idToken"]["idToken"])} if "idToken" in payload else {}
            case "DataTransfer" | "NotifyReport" | "NotifyEvent":
                return {"status": "Accepted"} if action == "DataTransfer" else {}
        return {}

    def info(self, token: str) -> Payload:
        """What the CSMS knows of a token."""
        group = self.groups.get(token)
        return {"status": self.statuses.get(token, "Accepted"), **({"groupIdToken": {"idToken": group, "type": "Central"}} if group else {})}

    def time(self) -> str:
        """The CSMS's time: real, or the bench's."""
        now_us = self.bench.csms_time_us()
        return calendar.text(now_us if now_us is not None else 0)

    # The rules that hold in every case

    def _rules(self, heard: Heard) -> None:
        """Part 4: unique message ids, valid payloads; B02, B03: silence before Accepted; E01: sequence numbers without gap."""
        action = heard.action
        problem = self._misshapen(heard)
        if problem is not None:
            self.fail(f"{action}Request", "a payload that keeps its schema", problem.description, "Part 3", (heard.turn,))
        self._once(heard)
        # A report is told to a CSMS that asks for it before it accepts.
        asked_for = self._pending and action == "NotifyReport"
        if not self._accepted and not asked_for and action not in ("BootNotification", *self.may_speak):
            self.fail("before it is accepted", "nothing but BootNotification", action, "B02.FR.02", (heard.turn,))
        for name, text in _moments(heard.payload):
            if calendar.is_quirky(text):
                self.fail(f"{name} of {action}Request", "a date-time as RFC 3339 has it", text, "Part 2, 3.1", (heard.turn,))
        if action == "TransactionEvent":
            self._in_sequence(heard)

    def _once(self, heard: Heard) -> None:
        if heard.message_id in self._ids:
            self.fail(f"{heard.action}Request", "a message id of its own", heard.message_id, "Part 4, 4.1.4", (heard.turn,))
        self._ids.add(heard.message_id)

    def _misshapen(self, heard: Heard) -> Problem | None:
        return self.schemas.verdict(self.bench.version, f"{heard.action}Request", jsontext.encode(heard.payload))

    may_speak: tuple[str, ...] = ()
    """Actions that the case allows a station that is not accepted yet."""

    def _in_sequence(self, heard: Heard) -> None:
        """Numbers are in the order in which things happened; events may arrive in any other, and the first number may be any (E01.FR.07)."""
        payload = heard.payload
        told = self._events.setdefault(payload["transactionInfo"]["transactionId"], {})
        seq_no, kind, moment = payload["seqNo"], payload["eventType"], calendar.parse(payload["timestamp"]) or 0
        if seq_no in told:
            if payload != told[seq_no].payload:
                # The same event may come again, and no other one with its number.
                self.fail("seqNo", str(seq_no + 1), str(seq_no), "E01.FR.07", (heard.turn,))
            return
        for number, other in told.items():
            starts = kind if seq_no > number else other.payload["eventType"]
            if starts == "Started":
                self.fail("eventType of a later event", "Updated or Ended", starts, "E01.FR.07", (heard.turn,))
            ends = other.payload["eventType"] if seq_no > number else kind
            if ends == "Ended":
                later = f"seqNo {max(seq_no, number)} after {min(seq_no, number)}"
                self.fail("what follows the end of a transaction", "nothing", later, "E06.FR.02", (heard.turn,))
            if (moment - (calendar.parse(other.payload["timestamp"]) or 0)) * (seq_no - number) < 0:
                expected = f"in the order of the numbers, as of {other.payload['timestamp']} with seqNo {number}"
                self.fail("timestamp of an event", expected, f"{payload['timestamp']} with seqNo {seq_no}", "E01.FR.07", (heard.turn,))
        if payload.get("offline") and not any(entry.who == "driver" and entry.name in CUTS for entry in self.bench.trace):
            self.fail("offline of an event", "absent or false while the link is there", "true", "E12.FR.02", (heard.turn,))
        told[seq_no] = heard

    def _gap(self) -> Failure | None:
        """What is missing of the transactions that were told of: a number in between, or the beginning."""
        for told in self._events.values():
            first = min(told)
            for number in range(first, max(told)):
                if number not in told:
                    after = min(other for other in told if other > number)
                    return Failure("seqNo", str(number), str(after), "E01.FR.07", (told[after].turn,))
            kind = told[first].payload["eventType"]
            if kind != "Started" and not self.strange_transactions:
                return Failure("the first event of a transaction", "Started", kind, "E01.FR.07", (told[first].turn,))
        return None

    strange_transactions = False
    """Whether transactions may go on that began before the case."""

    # What the case asks and waits for

    async def call(self, action: str, payload: Payload) -> Payload:
        """A CALL of the CSMS; returns the payload of the CALLRESULT, which keeps its schema."""
        reply = await self.bench.call(action, payload, STATION_LIMIT_S)
        self._unbroken()
        if reply is None:
            self.fail(f"{action}Response", f"an answer within {STATION_LIMIT_S:.0f} s", f"none{self.bench.remark()}", "Part 4, 4.1.3")
        if reply.payload is None:
            self.fail(f"{action}Response", "a CALLRESULT", f"a CALLERROR {reply.error}: {reply.description}", turns=(reply.turn,))
        problem = self.schemas.verdict(self.bench.version, f"{action}Response", jsontext.encode(reply.payload))
        if problem is not None:
            self.fail(f"{action}Response", "a payload that keeps its schema", problem.description, "Part 3", (reply.turn,))
        if action in RESULTS:
            items, results, requirement = RESULTS[action]
            asked, told = (sorted(_addresses(of[name])) for of, name in ((payload, items), (reply.payload, results)))
            if asked != told:
                self.fail(f"component and variable in {action}Response", " ".join(asked), " ".join(told), requirement, (reply.turn,))
        if action == "SetVariableMonitoring":
            self._monitors |= {one["id"] for one in reply.payload["setMonitoringResult"] if "id" in one and one["status"] == "Accepted"}
        self.looked += 1
        return reply.payload

    async def tidy(self) -> None:
        """Custom monitors outlive a restart (N07.FR.13), and no case is to begin with another's (general preconditions of Part 6)."""
        if self._monitors and self.bench.linked:
            await self.bench.call("ClearVariableMonitoring", {"id": sorted(self._monitors)}, STATION_LIMIT_S)

    async def call_error(self, action: str, payload: Payload, *codes: str, requirement: str = "") -> str:
        """A CALL that the station has to answer with a CALLERROR, of one of *codes* where some are given; returns its code."""
        reply = await self.bench.call(action, payload, STATION_LIMIT_S)
        self._unbroken()
        if reply is None or reply.payload is not None:
            self.fail(f"{action}Response", f"a CALLERROR {' or '.join(codes)}", "nothing" if reply is None else f"{reply.payload}", requirement)
        if codes:
            self.one_of(reply.error, codes, f"CALLERROR to {action}", requirement)
        self.looked += 1
        return reply.error

    async def expect(
        self, action: str, where: Where | None = None, *, within_s: float = STATION_LIMIT_S, requirement: str = "", what: str = ""
    ) -> Payload:
        """The next CALL of *action* that nobody has asked for yet, and that is as *where* says; what came before it stays for others to ask for."""
        return (await self.expect_heard(action, where, within_s=within_s, requirement=requirement, what=what)).payload

    async def expect_heard(
        self, action: str, where: Where | None = None, *, within_s: float = STATION_LIMIT_S, requirement: str = "", what: str = ""
    ) -> Heard:
        """Like :meth:`expect`, with its message id, moment and turn."""

        def found() -> Heard | None:
            return next((one for one in self.inbox if one.action == action and (where is None or where(one.payload))), None)

        await self.bench.until(lambda: found() is not None or self._broken is not None, within_s)
        self._unbroken()
        heard = found()
        if heard is None:
            others = [one for one in self.inbox if one.action == action]
            got = f"{others[-1].payload}" if others else f"none{self.bench.remark()}"
            self.fail(what or f"{action}Request", f"one within {within_s:g} s", got, requirement, tuple(one.turn for one in others[-1:]))
        self.inbox.remove(heard)
        self.looked += 1
        return heard

    async def event(
        self, where: Where | None = None, *, within_s: float = STATION_LIMIT_S, requirement: str = "", what: str = "", **fields: Any
    ) -> Payload:
        """The next TransactionEvent whose members are as *fields* says, also those of transactionInfo; a tuple gives a choice."""

        def fits(payload: Payload) -> bool:
            for name, wanted in fields.items():
                got = payload["transactionInfo"].get(name, payload.get(name))
                if got not in (wanted if isinstance(wanted, tuple) else (wanted,)):
                    return False
            return where is None or where(payload)

        told = ", ".join(f"{name} {wanted}" for name, wanted in fields.items())
        return await self.expect(
            "TransactionEvent", fits, within_s=within_s, requirement=requirement, what=what or f"TransactionEventRequest with {told}"
        )

    async def connector_told(self, status: str, *, evse_id: int, connector_id: int, requirement: str = "G01.FR.01") -> Payload:
        """The station tells that a connector is *status* now: by StatusNotification, or by NotifyEvent of its AvailabilityState."""

        def says(one: Heard) -> bool:
            return (evse_id, connector_id, status) in connectors(one)

        def found() -> Heard | None:
            return next((one for one in self.inbox if says(one)), None)

        await self.bench.until(lambda: found() is not None or self._broken is not None, STATION_LIMIT_S)
        self._unbroken()
        heard = found()
        if heard is None:
            others = [one.payload for one in self.inbox if one.action == "StatusNotification"]
            what = f"StatusNotificationRequest of EVSE {evse_id}, connector {connector_id}"
            self.fail(what, f"{status} within {STATION_LIMIT_S:g} s", f"{others[-1]}" if others else f"none{self.bench.remark()}", requirement)
        self.inbox.remove(heard)
        self.looked += 1
        return heard.payload

    @property
    def quiet_s(self) -> float:
        """How long a case listens for what must not come: the message timeout, and less where it costs real time."""
        return 5.0 if self.bench.real_time else STATION_LIMIT_S

    async def forbid(self, action: str, for_s: float, where: Where | None = None, *, requirement: str = "", what: str = "") -> None:
        """No such CALL for a while, nor one that nobody has asked for yet."""

        def found() -> Heard | None:
            return next((one for one in self.inbox if one.action == action and (where is None or where(one.payload))), None)

        await self.bench.until(lambda: found() is not None or self._broken is not None, for_s)
        self._unbroken()
        heard = found()
        if heard is not None:
            self.fail(what or f"{action}Request", "none", f"{heard.payload}", requirement, (heard.turn,))
        self.looked += 1

    async def wait(self, seconds: float) -> None:
        """Let time pass."""
        await self.bench.until(lambda: self._broken is not None, seconds)
        self._unbroken()

    def forget(self, *actions: str) -> None:
        """Nobody will ask for what has come until now, of these actions or of all."""
        self.inbox = [one for one in self.inbox if actions and one.action not in actions]

    # What the case looks at

    def fail(self, what: str, expected: str, got: str, requirement: str = "", turns: Iterable[int] = ()) -> NoReturn:
        """The station did what it may not."""
        known = tuple(sorted({turn for turn in turns if turn >= 0})) or ((self.bench.turn(),) if self.bench.turn() >= 0 else ())
        raise Failed(Failure(what, expected, got, requirement, known))

    def equal(self, got: Any, expected: Any, what: str, requirement: str = "") -> None:
        """*got* is *expected*."""
        self.looked += 1
        if got != expected:
            self.fail(what, repr(expected), repr(got), requirement)

    def one_of(self, got: Any, allowed: Iterable[Any], what: str, requirement: str = "") -> None:
        """*got* is one of *allowed*."""
        self.looked += 1
        choices = tuple(allowed)
        if got not in choices:
            self.fail(what, f"one of {', '.join(map(repr, choices))}", repr(got), requirement)

    def true(self, holds: bool, what: str, expected: str, got: Any, requirement: str = "") -> None:  # noqa: FBT001 (it is what is looked at)
        """*holds*; otherwise *expected* was not what was got."""
        self.looked += 1
        if not holds:
            self.fail(what, expected, repr(got), requirement)

    def absent(self, payload: Payload, name: str, what: str, requirement: str = "") -> None:
        """*payload* has no member *name*."""
        self.looked += 1
        if name in payload:
            self.fail(f"{name} of {what}", "absent", repr(payload[name]), requirement)

    def present(self, payload: Payload, name: str, what: str, requirement: str = "") -> Any:
        """*payload* has a member *name*, which is returned."""
        self.looked += 1
        if name not in payload:
            self.fail(f"{name} of {what}", "there", "absent", requirement)
        return payload[name]

    def _unbroken(self) -> None:
        if self._broken is not None:
            raise self._broken

    async def finish(self) -> None:
        """The case is over: what was broken meanwhile counts, frames that are none, events that are missing, and having looked at nothing."""
        if self._gap() is not None:
            # What was overtaken may still be on its way; where a recording ends, it is not.
            with suppress(NotExercised):
                await self.bench.until(lambda: self._gap() is None or self._broken is not None, self.quiet_s)
        self._unbroken()
        gap = self._gap()
        if gap is not None:
            self.fail(*gap)
        for line in self.bench.trace:
            if (line.who, line.name) == ("station", NO_FRAME):
                self.fail("frame", "a CALL, or an answer to what was asked", f"{line.payload}", "Part 4, 4.2", (line.turn,))
        if not self.looked:
            raise RuntimeError("the case looked at nothing, so it cannot fail")

    # The device model

    async def get(self, address: str, attribute: str = "Actual") -> str:
        """The value of ``Component.Variable`` (an instance in brackets, an EVSE behind @), as GetVariables tells it."""
        item = {**variable(address), **({"attributeType": attribute} if attribute != "Actual" else {})}
        answer = await self.call("GetVariables", {"getVariableData": [item]})
        result = answer["getVariableResult"][0]
        self.equal(result["attributeStatus"], "Accepted", f"attributeStatus of {address}", "B06.FR.10")
        found: str = result.get("attributeValue", "")
        return found

    async def in_force(self, address: str) -> str:
        """The value of a variable that the case is not about: asked for where the bench does not know it."""
        known = self.bench.known(variable(address))
        return await self.get(address) if known is None else known

    def was_up(self) -> None:
        """State Booted, which the station was in before the case began."""
        self._accepted = True

    async def set(self, address: str, value: str) -> str:
        """SetVariables of one variable; returns the attributeStatus."""
        answer = await self.call("SetVariables", {"setVariableData": [{**variable(address), "attributeValue": value}]})
        found: str = answer["setVariableResult"][0]["attributeStatus"]
        self.points = None
        return found

    async def configure(self, address: str, value: str) -> None:
        """Configuration State: the variable is *value*.  Where a station has it otherwise and does not let it be set, the case cannot be tried.

        Nor can it where there is no such variable; but one that every station has to have is missing then.
        """
        try:
            await self._configure(address, value)
        except Missing as missing:
            if address in everywhere():
                self.fail(address, "there, as at every station", f"{missing}", "Part 2, referenced components and variables")
            raise

    async def _configure(self, address: str, value: str) -> None:
        known = self.bench.known(variable(address))
        if known is not None and (known.lower() == value.lower() or (not known and value.lower() == "false")):
            return
        try:
            answer = await self.call("GetVariables", {"getVariableData": [variable(address)]})
        except NotExercised as missing:
            if known is None:
                raise
            raise NotExercised(f"the case needs {address} to be {value}, here it is {known}") from missing
        result = answer["getVariableResult"][0]
        if result["attributeStatus"] == "Accepted" and result.get("attributeValue", "").lower() == value.lower():
            return
        if result["attributeStatus"] not in ("Accepted", "Rejected"):
            if value.lower() == "false":
                return
            raise Missing(f"{address} is not implemented ({result['attributeStatus']})")
        status = await self.set(address, value)
        if status == "RebootRequired":
            await self.driver.power_cycle()
            await self.booted()
        elif status != "Accepted":
            raise Unconfigurable(f"{address} cannot be set to {value} ({status})")

    async def configure_if_possible(self, address: str, value: str) -> bool:
        """Configuration State of what a station need not have: where it is there and can be set, it is *value*; returns whether it is."""
        try:
            await self._configure(address, value)
        except Unconfigurable:
            return False
        return True

    # States in which a case may begin: see conformance/states.py for the others

    async def booted(self) -> None:
        """State Booted: accepted since it was last seen to be, every connector told, and quiet."""
        wanted = {(evse_id, n) for evse_id, count in self.settings.evses for n in range(1, count + 1)}

        def started() -> int:
            boots = [place for place, one in enumerate(self.heard) if one.action == "BootNotification"]
            return boots[-1] if boots and boots[-1] > self._booted else -1

        def told() -> dict[tuple[int, int], str]:
            since = self.heard[max(started(), 0) :]
            return {(evse_id, connector_id): status for one in since for evse_id, connector_id, status in connectors(one)}

        def ready() -> bool:
            return self._accepted and started() >= 0 and wanted <= set(told())

        await self.bench.until(lambda: ready() or self._broken is not None, 2 * STATION_LIMIT_S)
        self._unbroken()
        if not self._accepted or started() < 0:
            self.fail("BootNotificationRequest", f"one within {2 * STATION_LIMIT_S:.0f} s", "none", "B01.FR.01")
        what = "StatusNotificationRequest after a start, or NotifyEventRequest of AvailabilityState"
        missing = sorted(wanted - set(told()))
        if missing:
            self.fail(what, "one for every connector", f"none for {missing}", "B01.FR.05")
        for (evse_id, connector_id), status in told().items():
            self.true(evse_id > 0 and connector_id > 0, what, "an EVSE and a connector that are not 0", (evse_id, connector_id), "B01.FR.05")
            if status != "Available" and evse_id in self._connected():
                # The vehicle stays where it is when the power goes.
                continue
            if status != "Available" and self.bench.up:
                raise NotExercised(f"connector {connector_id} of EVSE {evse_id} is {status} after the start, and nobody knows why")
            self.equal(status, "Available", f"status of connector {connector_id} of EVSE {evse_id} after a start", "B01.FR.05")
        if self.heard[started()].payload["reason"] != "Triggered":
            # Part 6, Booted, step 7.
            startups = ("StartupOfTheDevice", "ResetOrReboot")
            await self.expect(
                "SecurityEventNotification",
                lambda p: p["type"] in startups,
                requirement="A04.FR.01",
                what=f"SecurityEventNotificationRequest {' or '.join(startups)}",
            )
        self._booted = started()
        await self.wait(0.3)
        self.forget()

    def _connected(self) -> frozenset[int]:
        """EVSEs where the case has connected a vehicle."""
        deeds = [line for line in self.bench.trace if line.who == "driver" and line.name in ("plug in", "unplug")]
        newest = {line.payload["evse"]: line.name for line in deeds if isinstance(line.payload, dict) and "evse" in line.payload}
        return frozenset(evse_id for evse_id, name in newest.items() if name == "plug in")


def connectors(one: Heard) -> Iterator[tuple[int, int, str]]:
    """What a message tells of connectors, by either way that there is: (EVSE, connector, status)."""
    if one.action == "StatusNotification":
        yield one.payload["evseId"], one.payload["connectorId"], one.payload["connectorStatus"]
    elif one.action == "NotifyEvent":
        for event in one.payload["eventData"]:
            evse = event["component"].get("evse", {})
            named = event["component"]["name"], event["variable"]["name"]
            if named == ("Connector", "AvailabilityState") and event["trigger"] == "Delta" and "connectorId" in evse:
                yield evse["id"], evse["connectorId"], event["actualValue"]


def _moments(payload: Any) -> Iterator[tuple[str, str]]:
    """(member, text) of every date-time in a payload."""
    if isinstance(payload, list):
        for one in payload:
            yield from _moments(one)
    elif isinstance(payload, dict):
        for name, value in payload.items():
            if name in MOMENTS and isinstance(value, str):
                yield name, value
            else:
                yield from _moments(value)


def _addresses(items: Iterable[Payload]) -> Iterator[str]:
    """What items are about, as text that can be compared: OCPP compares names without case, and custom data is nobody's business."""
    for item in items:
        yield dumps({name: _plain(item[name]) for name in ("component", "variable")}, sort_keys=True).casefold()


def _plain(part: Payload) -> Payload:
    return {name: _plain(value) if isinstance(value, dict) else value for name, value in part.items() if name != "customData"}


def variable(address: str) -> Payload:
    """``Component[instance].Variable[instance]@evse.connector`` as OCPP writes a component and a variable."""
    path, _, place = address.partition("@")
    component, _, name = path.partition(".")
    found: Payload = {"component": _named(component), "variable": _named(name)}
    if place:
        evse_id, _, connector_id = place.partition(".")
        found["component"]["evse"] = {"id": int(evse_id), **({"connectorId": int(connector_id)} if connector_id else {})}
    return found


def _named(text: str) -> Payload:
    name, _, instance = text.removesuffix("]").partition("[")
    return {"name": name, **({"instance": instance} if instance else {})}
