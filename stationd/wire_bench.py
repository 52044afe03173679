"""The bench over a wire: a CSMS that does what a case says, on a real WebSocket, and whoever has hands at the station.

Law: what a case is told is what came over the wire, at the moment when it came; nothing here judges it.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable
from time import monotonic
from typing import Any

from conformance.bench import Answer, Bench, Driver, Heard, Login, Ready, Reply
from conformance.trial import STATION_LIMIT_S, Settings
from conformance.verdict import NO_FRAME, BenchError, Failed, Failure
from conformance.verdict import Entry as Line
from stationd.csms import Entry, FriendlyCsms, Instead, NoAnswer, NotConnected, Refusal
from stationd.hands import Deed, Hands

SLICE_S = 0.25
"""The longest that a case waits without looking whether the station is there still."""

CALL_MOST_S = 600.0
"""Longer than any CALL waits: it has a limit of its own."""

LAST_WORDS_S = 0.2
"""So soon it is known that a process has ended."""

PASSWORD = ("SecurityCtrlr", "BasicAuthPassword")
WITH_PASSWORD = (1, 2)
"""Security profiles in which a station says a password."""

REFUSED = 503
GARBAGE_MOST = 300
LINES = {"CALL": "call", "CALLRESULT": "result", "CALLERROR": "error", "garbage": "error"}


class Shared:
    """What outlives a case at a station that is not started here: the CSMS that it dials, and the transactions of earlier cases."""

    def __init__(self, csms: FriendlyCsms, hands: Hands, settings: Settings, *, power_cycle: bool, security_profile: int) -> None:
        self.csms = csms
        self.hands = hands
        self.evses = settings.evses
        self.power_cycle = power_cycle
        self.logs_in = security_profile in WITH_PASSWORD
        self.password = settings.password
        """What the station has at the beginning of a run, and what it is given back."""
        self.passwords = {settings.password}
        """What it may have, by now."""
        self.failures = 0
        """Cases in a row that could not begin."""
        self.begun: set[str] = set()
        """Transactions that were heard of."""
        self.old: set[str] = set()
        """Those of earlier cases."""

    def is_old(self, action: str, payload: dict[str, Any]) -> bool:
        """Whether a CALL is about a transaction of an earlier case, which is none of this one's business."""
        info = payload.get("transactionInfo")
        transaction = info.get("transactionId") if action == "TransactionEvent" and isinstance(info, dict) else None
        if not isinstance(transaction, str):
            return False
        self.begun.add(transaction)
        return transaction in self.old


class WireBench(Bench):
    """One case over a real link.  *csms* serves this case alone, or, *shared*, one after the other."""

    name = "wire"
    real_time = True

    def __init__(self, csms: FriendlyCsms, *, identity: str = "", shared: Shared | None = None) -> None:
        super().__init__()
        self._csms = csms
        self._identity = identity
        self._shared = shared
        self._stirred = asyncio.Event()
        self._began = monotonic()
        self._called = ""
        self._fresh = False
        self._broken: Exception | None = None
        self._driver = WireDriver(self)
        self.patience_s = STATION_LIMIT_S
        """How long a station has for what has to come at once: less finds out sooner what never comes."""

    # What a kind of station does

    @abstractmethod
    def hands(self) -> Hands:
        """Whoever does the deeds."""

    def alive(self) -> None:
        """Raises Failed where the station cannot be tried any more."""

    def unwelcome(self, identity: str, login: Login | None) -> str:
        """Why this one may not connect; empty where it may."""
        del identity, login
        return ""

    # The contract

    @property
    def driver(self) -> WireDriver:
        """Hands at the station."""
        return self._driver

    @property
    def linked(self) -> bool:
        """Whether there is a link."""
        return self.identity in self._csms.stations

    @property
    def identity(self) -> str:
        """Of the station that is tried; where nobody said which, the one that is here."""
        return self._identity or next(iter(self._csms.stations), "")

    @property
    def now_ms(self) -> int:
        """Real milliseconds since the bench was made."""
        return int((monotonic() - self._began) * 1000)

    def attach(self) -> None:
        """From now on the CSMS is the case's."""
        self._began = monotonic()
        self._csms.observer = self._observe
        self._csms.on_call = self._asked
        self._csms.on_knock = self._knocked
        self._csms.on_turned_away = self._turned_away

    def detach(self) -> None:
        """From now on the CSMS is a friendly one."""
        self._csms.observer = self._csms.on_call = self._csms.on_knock = self._csms.on_turned_away = None
        self._broken = None

    async def until(self, ready: Ready, within_s: float) -> bool:
        """Real time; whoever waits is woken by whatever happens on the link."""
        if within_s >= STATION_LIMIT_S:
            within_s *= self.patience_s / STATION_LIMIT_S
        limit = monotonic() + within_s
        while not ready():
            if self._broken is not None:
                raise self._broken
            self.alive()
            left = limit - monotonic()
            if left <= 0:
                return False
            self._stirred.clear()
            try:
                async with asyncio.timeout(min(left, SLICE_S)):
                    await self._stirred.wait()
            except TimeoutError:
                continue
        return True

    async def call(self, action: str, payload: dict[str, Any], within_s: float) -> Reply | None:
        """Ask over the link; a station without one has until *within_s* to get it."""
        if not await self.until(lambda: self.linked, within_s):
            return None
        asking = asyncio.ensure_future(self._csms.call(self.identity, action, payload, timeout_s=min(within_s, self.patience_s)))
        asking.add_done_callback(lambda _: self._stirred.set())
        try:
            # What breaks the case meanwhile is not waited for.
            await self.until(asking.done, CALL_MOST_S)
            return Reply(await asking)
        except Refusal as refusal:
            return Reply(None, refusal.code, refusal.description)
        except (NoAnswer, NotConnected):
            # A process that ended is more to say than an answer that did not come.
            await self.until(lambda: False, LAST_WORDS_S)
            return None
        finally:
            asking.cancel()

    def remark(self) -> str:
        """That the station is not there."""
        return "" if self.linked else "; the station has no link"

    async def hang_up(self, *, stay_away: bool) -> None:
        """TCP ends without a word; while nobody is to dial, every upgrade is refused with 503."""
        self.note("link breaks", {"stays away": stay_away})
        self._csms.refuse_with = REFUSED if stay_away else None
        if self.linked:
            identity = self.identity
            self._identity = identity
            self._csms.drop(identity)
            closed = len(self._csms.log[identity])
            await self.until(lambda: any(one.kind == "closed" for one in list(self._csms.log[identity])[closed:]), SLICE_S)

    async def come_back(self) -> None:
        """Upgrades are let in again."""
        self._csms.refuse_with = None
        self.note("link can be dialled", {})

    # What passes on the link

    def note(self, deed: str, payload: Any) -> None:
        """A line of the trace: something was done."""
        self.trace.append(Line(self.now_ms, "driver", "deed", deed, payload))

    def _observe(self, entry: Entry) -> None:
        kind = LINES.get(entry.kind)
        if self._identity and entry.identity != self._identity:
            return
        if kind is not None:
            name = entry.action or NO_FRAME
            payload = _without_passwords(entry.payload) if name == "SetVariables" else entry.payload
            self.trace.append(Line(self.now_ms, "csms" if entry.sent else "station", kind, name, payload, entry.message_id))
            if kind == "call" and not entry.sent:
                self._called = entry.message_id
        if entry.kind == "open" and not entry.problem:
            self._fresh = True
        if self._fresh and not entry.sent and (entry.kind == "garbage" or (entry.kind == "closed" and entry.problem)):
            self._garbled(entry)
        self._stirred.set()

    def _garbled(self, entry: Entry) -> None:
        """What is no message ends the case: what was to come in its place will not come."""
        said = f"{entry.problem}: {entry.payload}"
        if entry.kind == "closed":
            self.trace.append(Line(self.now_ms, "station", "error", NO_FRAME, entry.problem))
        got = said if len(said) <= GARBAGE_MOST else f"{said[:GARBAGE_MOST]}…"
        self._broken = self._broken or Failed(Failure("frame", "a CALL, or an answer to what was asked", got, "Part 4, 4.2"))

    def _knocked(self, identity: str, credentials: tuple[bytes, bytes] | None) -> str:
        if self._identity and identity != self._identity:
            return ""
        self.login = None if credentials is None else Login(*(word.decode(errors="replace") for word in credentials))
        return self.unwelcome(identity, self.login)

    def _turned_away(self, identity: str, reason: str) -> None:
        if self._identity and identity and identity != self._identity:
            return
        line = Line(self.now_ms, "station", "deed", "is turned away", {"why": reason})
        # A station that tries again and again says nothing new.
        if not self.trace or (self.trace[-1].name, self.trace[-1].payload) != (line.name, line.payload):
            self.trace.append(line)

    def _asked(self, identity: str, action: str, payload: dict[str, Any]) -> dict[str, Any] | Instead | Refusal | Awaitable[Any] | None:
        if not self._fresh or (self._identity and identity != self._identity):
            # What was said on a link that was there before the case.
            return None
        if self._shared is not None and self._shared.is_old(action, payload):
            return None
        self.version = self._csms.stations.get(identity, self.version)
        try:
            answer = self.hear(Heard(action, payload, self._called, self.now_ms))
        except Exception as error:  # noqa: BLE001 (what is wrong with the case is told by the case, and not by the link)
            self._broken = error
            return Refusal("InternalError")
        return _late(answer) if answer.after_ms else _said(answer)


def _without_passwords(payload: Any) -> Any:
    """A SetVariables as it may stand in a report: what a station's password is set to is nobody's business there."""
    items = payload.get("setVariableData") if isinstance(payload, dict) else None
    if not items:
        return payload
    masked = [{**one, "attributeValue": "****"} if one["variable"]["name"] == PASSWORD[1] else one for one in items]
    return {**payload, "setVariableData": masked}


def _said(answer: Answer) -> dict[str, Any] | Instead | Refusal:
    if answer.payload is not None:
        return answer.payload
    return Refusal(answer.error) if answer.error else Instead.WITHHOLD


async def _late(answer: Answer) -> dict[str, Any] | Instead | Refusal:
    await asyncio.sleep(answer.after_ms / 1000)
    return _said(answer)


class WireDriver(Driver):
    """The deeds of a case, noted and passed on; it knows what is plugged in."""

    def __init__(self, bench: WireBench) -> None:
        self._bench = bench
        self.plugged: set[int] = set()

    async def _do(self, told: str, deed: Deed) -> None:
        self._bench.note(told, {"evse": deed.evse_id})
        try:
            await self._bench.hands().do(deed)
        except BenchError:
            # Nobody can do anything at a station whose process has ended.
            await self._bench.until(lambda: False, LAST_WORDS_S)
            raise

    async def plug_in(self, evse_id: int, connector_id: int) -> None:
        """A vehicle."""
        await self._do("plug in", Deed("plug_in", evse_id, connector_id))
        self.plugged.add(evse_id)

    async def unplug(self, evse_id: int) -> None:
        """It leaves."""
        await self._do("unplug", Deed("unplug", evse_id))
        self.plugged.discard(evse_id)

    async def present(self, token: str, token_type: str, evse_id: int) -> None:
        """A card."""
        await self._do("present card", Deed("present", evse_id, token=token, token_type=token_type))

    async def pause(self, evse_id: int) -> None:
        """The vehicle stops drawing."""
        await self._do("vehicle pauses", Deed("pause", evse_id))

    async def resume(self, evse_id: int) -> None:
        """The vehicle draws again."""
        await self._do("vehicle resumes", Deed("resume", evse_id))

    async def power_cycle(self) -> None:
        """Dark for a while."""
        await self._do("power cycle", Deed("power_cycle"))
