"""The bench over a wire: a CSMS that does what a case says, on a real WebSocket, and whoever has hands at the station.

Law: what a case is told is what came over the wire, at the moment when it came; nothing here judges it.  A station that was started here is one
process and one fresh data directory a case; a station of somebody else is left as it was found: nothing plugged in, settings put back.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import json
import shutil
import ssl
import sys
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from typing import Any, NoReturn

from component_config.load import shipped
from conformance.bench import Answer, Bench, Driver, Heard, Login, Ready, Reply
from conformance.catalogue import Listed
from conformance.run import MakeBench, run
from conformance.station import FAULTS, network_profiles
from conformance.trial import STATION_LIMIT_S, Settings, Token
from conformance.verdict import NO_FRAME, BenchError, Failed, Failure, Result
from conformance.verdict import Entry as Line
from engine.errors import SetupFault, StationdError
from stationd.csms import Entry, FriendlyCsms, Instead, NoAnswer, NotConnected, Refusal
from stationd.hands import HANDS_LIMIT_S, CommandHands, Deed, Hands, HookHands, HouseHands, PersonHands
from stationd.house import House
from wire.schemas import Schemas

SLICE_S = 0.25
"""The longest that a case waits without looking whether the station is there still."""

LINK_S = 120.0
"""How long a station of somebody else may take to connect."""

START_FAILURES_MOST = 3
"""After so many cases in a row that could not begin, the others are not tried: nobody waits for a station that is not there, case by case."""

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

ON_THE_WIRE = {"RetryBackOffWaitMinimum": 1, "RetryBackOffRandomRange": 1}
"""OCPPCommCtrlr, of a station that is started here: its waiting costs real time."""


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


# A stationd that is started here


class HouseBench(WireBench):
    """A ``stationd run`` of its own, with a data directory that is new."""

    def __init__(self, data: Path, settings: Settings, *, versions: tuple[str, ...]) -> None:
        super().__init__(FriendlyCsms(port=0, versions=versions, check=False), identity=settings.identity)
        self._data = data
        self._evses = tuple(evse_id for evse_id, _ in settings.evses)
        self._house: House | None = None
        self._hands: Hands | None = None

    def hands(self) -> Hands:
        """Over the control socket."""
        if self._hands is None:
            raise BenchError("the station has not been started")
        return self._hands

    def alive(self) -> None:
        """Its process is there."""
        if self._house is not None and not self._house.runs:
            log = self._data / "station.log"
            last = (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else [])[-1:] or ["nothing"]
            raise Failed(Failure("the station's process", "one that runs", f"it ended with status {self._house.status}; it said last: {last[0]}"))

    async def start(self) -> None:
        """The CSMS, then the station."""
        await self._csms.start()
        self.attach()
        files = self._data / "files"
        component_files(files, self._csms.url)
        house = House(self._data, self._csms.url, identity=self.identity, component_config=files)
        self._hands = HouseHands(house, self._evses)
        try:
            await house.power_up()
        except (StationdError, TimeoutError) as error:
            raise BenchError(str(error)) from error
        finally:
            self._house = house

    async def stop(self) -> None:
        """An orderly stop, so that the journal is whole; after a while the power is cut."""
        self.detach()
        if self._house is not None:
            try:
                await self._house.stop()
            except (TimeoutError, ProcessLookupError):
                self._house.cut_power()
                await self._house.gone()
        await self._csms.stop()

    def keep_journal(self, path: str) -> str:
        """The whole data directory, with the station's log."""
        shutil.copytree(self._data, path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("control.sock", "files"))
        return f"stationd replay verify --data {path}"


def component_files(target: Path, url: str) -> None:
    """The shipped component files in *target*, with a CSMS at *url* in the first slot and short waits."""
    shutil.copytree(shipped(), target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    override(target, "InternalCtrlr", {"NetworkConnectionProfiles": network_profiles(url)})
    override(target, "OCPPCommCtrlr", {"NetworkConfigurationPriority": "1", **ON_THE_WIRE})
    # TC_N_41 replaces a monitor of the files.
    watched = {"type": FAULTS.type, "value": int(FAULTS.value), "severity": FAULTS.severity, "config_type": FAULTS.kind}
    override(target, "ChargingStation", {}, Problem={"monitors": [watched]})


def override(target: Path, component: str, values: dict[str, Any], **more: dict[str, Any]) -> None:
    """A file in ``override/`` that gives variables of a component these values; *more*: what else a variable's property says."""
    (target / "override").mkdir(exist_ok=True)
    properties = {name: {"variable_name": name, "attributes": [{"value": value}]} for name, value in values.items()}
    properties |= {name: {"variable_name": name, **said} for name, said in more.items()}
    text = json.dumps({"name": component, "properties": properties}, indent=2)
    (target / "override" / f"{component}.json").write_text(text, encoding="utf-8")


# A station of somebody else


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


class ForeignBench(WireBench):
    """A station of somebody else: powered off and on, or only cut off, before each case."""

    remembers = True

    def __init__(self, shared: Shared, identity: str) -> None:
        super().__init__(shared.csms, identity=identity, shared=shared)
        self._state: Shared = shared
        self._before: dict[str, dict[str, Any]] = {}

    def hands(self) -> Hands:
        """The user's."""
        return self._state.hands

    def unwelcome(self, identity: str, login: Login | None) -> str:
        """Security profiles 1 and 2: who says no password, or a wrong one."""
        if not self._state.logs_in:
            return ""
        if login is None:
            return "it sends no Authorization header; right would be Basic with its identity and its password"
        if login.identity != identity:
            return f"its Authorization header is of {login.identity!r} (or not of kind Basic); its URL ends with {identity!r}"
        if login.password not in self._state.passwords:
            return "its password is not the one of --settings, nor one that a case has set"
        return ""

    async def start(self) -> None:
        """From a cold start on; without power cycle from a new link on, and the station is asked for its BootNotification."""
        if self._state.failures >= START_FAILURES_MOST:
            raise BenchError(f"not tried, because the {self._state.failures} cases before it could not begin")
        self._state.failures += 1
        self._state.old |= self._state.begun
        await self._csms.start()
        self.attach()
        if self._state.power_cycle:
            await self.driver.power_cycle()
        elif self.linked:
            await self.hang_up(stay_away=False)
        if not await self.until(lambda: self._fresh and self.linked, LINK_S):
            raise BenchError(self._nobody())
        self._state.failures = 0
        self._identity = self.identity
        if not self._state.power_cycle:
            # A station that goes on has nothing to say after a reconnect.  Where it does not do this either, the case says what is missing.
            await self._tell("TriggerMessage", {"requestedMessage": "BootNotification"})
            await self.until(lambda: any(line.name == "BootNotification" for line in self.trace), SLICE_S * 8)
            for evse_id, connectors in self._state.evses:
                for connector_id in range(1, connectors + 1):
                    evse = {"id": evse_id, "connectorId": connector_id}
                    await self._tell("TriggerMessage", {"requestedMessage": "StatusNotification", "evse": evse})

    def _nobody(self) -> str:
        """Why there is no link."""
        within = f"within {LINK_S * self.patience_s / STATION_LIMIT_S:g} s"
        reasons = [line.payload["why"] for line in self.trace if line.name == "is turned away"]
        if reasons:
            return f"{self._identity or 'a station'} dialled and got no link {within}: {reasons[-1]}"
        others = ", ".join(self._csms.stations)
        here = f"; connected instead: {others}, see --identity" if others else ""
        return f"no link {within}; have {self._identity or 'the station'} dial {self._csms.url}/{self._identity or 'IDENTITY'}{here}"

    async def _tell(self, action: str, payload: dict[str, Any]) -> dict[str, Any] | None:
        reply = await super().call(action, payload, STATION_LIMIT_S)
        return reply.payload if reply is not None else None

    async def call(self, action: str, payload: dict[str, Any], within_s: float) -> Reply | None:
        """As ever; what a variable was before is remembered."""
        if action == "SetVariables":
            for one in payload.get("setVariableData", ()):
                if (one["component"]["name"], one["variable"]["name"]) == PASSWORD:
                    # Known before it is set: a station may come back with it at once.
                    self._state.passwords.add(one["attributeValue"])
                    self._before[PASSWORD[1]] = {**one, "attributeValue": self._state.password}
                else:
                    await self._remember(one)
        return await super().call(action, payload, within_s)

    async def _remember(self, one: dict[str, Any]) -> None:
        item: dict[str, Any] = {name: one[name] for name in ("component", "variable", "attributeType") if name in one}
        key = json.dumps(item, sort_keys=True)
        if key in self._before:
            return
        told = await self._tell("GetVariables", {"getVariableData": [item]})
        for result in (told or {}).get("getVariableResult", ()):
            if result.get("attributeStatus") == "Accepted" and "attributeValue" in result:
                self._before[key] = {**item, "attributeValue": result["attributeValue"]}

    async def stop(self) -> None:
        """Nothing is plugged in, and what was set is as it was."""
        self.detach()
        self._csms.refuse_with = None
        for evse_id in sorted(self.driver.plugged):
            try:
                await self.hands().do(Deed("unplug", evse_id))
            except BenchError:
                continue
        if self._before and await self.until(lambda: self.linked, STATION_LIMIT_S):
            # Last of all what may make the station connect anew.
            before = sorted(self._before.items(), key=lambda pair: pair[0] == PASSWORD[1])
            await super().call("SetVariables", {"setVariableData": [one for _, one in before]}, STATION_LIMIT_S)


# What the command line asks for


class Maker:
    """Makes the benches of a run over a wire, and takes away what they leave.  ``await close()`` at the end."""

    def __init__(
        self,
        make: Callable[[Listed], WireBench],
        settings: Settings,
        close: Callable[[], Awaitable[None]],
        *,
        jobs_most: int,
        csms: FriendlyCsms | None = None,
    ) -> None:
        self._make = make
        self.csms = csms
        """What one station dials for all the cases."""
        self.settings = settings
        """What the cases have to know of the station."""
        self.patience_s = STATION_LIMIT_S
        self.close = close
        self.jobs_most = jobs_most
        """How many cases may be tried at once."""

    def __call__(self, listed: Listed) -> Bench:
        """A bench for one case."""
        bench = self._make(listed)
        bench.patience_s = self.patience_s
        return bench


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a bench over a wire."""
    it = parser.add_argument_group("over a wire", "the station is started here, or somebody else's dials this CSMS and somebody has hands at it")
    it.add_argument(
        "--driver", choices=("stationd", "person", "command", "http"), default="stationd",
        help="who plugs in and presents cards: stationd starts one for each case; the others try the station that dials --port (default: stationd)",
    )  # fmt: skip
    it.add_argument(
        "--driver-command", metavar="COMMAND",
        help="for --driver command: './hands {deed} {evse} {connector} {token} {type}'; exit status 0 says that it is done",
    )  # fmt: skip
    it.add_argument("--driver-url", metavar="URL", help='for --driver http: is sent {"deed": "plug_in", "evse": 1, "connector": 1, ...}')
    it.add_argument(
        "--deed-limit", metavar="S", type=float, default=HANDS_LIMIT_S,
        help=f"how long a command or a hook may take for a deed, in seconds (default: {HANDS_LIMIT_S:g})",
    )  # fmt: skip
    it.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="where somebody else's station dials (default: 127.0.0.1)")
    it.add_argument("--port", metavar="N", type=int, default=9000, help="the port that it dials (default: 9000)")
    it.add_argument("--identity", metavar="ID", default="", help="the identity of somebody else's station (default: the first that comes)")
    it.add_argument(
        "--settings", metavar="FILE", type=Path,
        help='what the cases have to know of the station, a JSON object such as {"evses": [[1, 2]], "valid": ["04AABBCC", "ISO14443"]}',
    )  # fmt: skip
    it.add_argument("--no-power-cycle", action="store_true", help="begin a case with a new link and TriggerMessage instead of a power cycle")
    it.add_argument("--ocpp", choices=("2.0.1", "2.1"), default="2.0.1", help="the version that the link speaks (default: 2.0.1)")
    it.add_argument(
        "--security-profile", metavar="N", type=int, choices=(0, 1, 2, 3), default=None,
        help="how the station has to connect: 1 and 2 with its identity and the password of --settings, 2 and 3 over TLS, 3 with a certificate "
        "(default: 3 with --ca, 2 with --cert, otherwise 0: nothing is asked for)",
    )  # fmt: skip
    it.add_argument("--cert", metavar="FILE", type=Path, help="security profiles 2 and 3: the CSMS's certificate chain, PEM")
    it.add_argument("--key", metavar="FILE", type=Path, help="its private key, PEM")
    it.add_argument("--ca", metavar="FILE", type=Path, help="security profile 3: whose certificates stations have to show, PEM")
    it.add_argument(
        "--patience", metavar="S", type=float, default=STATION_LIMIT_S,
        help=f"how long a station has for what it has to do at once, in seconds; failures say {STATION_LIMIT_S:g} all the same (default: that)",
    )  # fmt: skip
    it.add_argument("--jobs", metavar="N", type=int, default=2, help="stations that are tried at once, where they are started here (default: 2)")


def settings_of(path: Path | None) -> Settings:
    """What a JSON object in *path* says of a station, for what it leaves out the default; ``{"evses": [[1, 2]], "valid": ["04AABBCC", "ISO14443"]}``.

    Raises SetupFault where it cannot be read, or says what a case cannot use.
    """
    if path is None:
        return Settings()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupFault(f"{path}: cannot be read as JSON ({error})") from error
    known = Settings._field_defaults
    if not isinstance(found, dict) or not found.keys() <= known.keys():
        raise SetupFault(f"{path}: right would be an object with some of {', '.join(known)}")
    return Settings(**{name: _setting(f"{path}: {name}", value, known[name]) for name, value in found.items()})


def _setting(where: str, value: Any, default: Any) -> Any:
    """*value* as what *default* is: a token, EVSEs, a number or a text."""
    if isinstance(default, Token):
        if isinstance(value, list) and 1 <= len(value) <= len(Token._fields) and all(isinstance(word, str) for word in value):
            return Token(*value)
        raise SetupFault(f"{where}: right would be a card and its type, such as {json.dumps(default)}")
    if isinstance(default, tuple):
        if isinstance(value, list) and value and all(isinstance(one, list) and len(one) == 2 and _whole(one) for one in value):  # noqa: PLR2004 (a pair)
            return tuple((evse_id, connectors) for evse_id, connectors in value)
        raise SetupFault(f"{where}: right would be a list of [EVSE, number of its connectors], such as [[1, 1], [2, 1]]")
    if type(value) is not type(default):
        raise SetupFault(f"{where}: right would be {'a number' if isinstance(default, int) else 'a text'}, such as {json.dumps(default)}")
    return value


def _whole(numbers: list[Any]) -> bool:
    return all(type(one) is int and one > 0 for one in numbers)


def make_wire(args: argparse.Namespace) -> Maker:
    """What makes the benches that *args* asks for; its ``settings`` are for the cases.  Raises SetupFault where they do not fit together."""
    if args.patience <= 0 or args.deed_limit <= 0 or args.jobs < 1:
        raise SetupFault("--patience, --deed-limit, --jobs: must be more than nothing")
    settings = settings_of(args.settings)
    if args.identity and args.driver == "stationd":
        settings = settings._replace(identity=args.identity)
    maker = _maker(args, settings)
    maker.patience_s = args.patience
    return maker


def _maker(args: argparse.Namespace, settings: Settings) -> Maker:
    if args.driver == "stationd":
        foreign_only = ("security_profile", "cert", "key", "ca")
        wrong = [f"--{name.replace('_', '-')}" for name in foreign_only if getattr(args, name) is not None]
        if wrong:
            raise SetupFault(f"{wrong[0]}: says how somebody else's station connects; right would be --driver person, command or http with it")
        return houses(settings, versions=(args.ocpp,))
    profile = _security_profile(args)
    context = tls(args.cert, args.key, args.ca)
    if args.driver == "command" and not args.driver_command:
        raise SetupFault("--driver command: needs --driver-command './hands {deed} {evse} {connector} {token}'")
    if args.driver == "http" and not args.driver_url:
        raise SetupFault("--driver http: needs --driver-url http://host:port/path")
    hands: Hands = PersonHands()
    if args.driver == "command":
        hands = CommandHands(args.driver_command, args.deed_limit)
    elif args.driver == "http":
        hands = HookHands(args.driver_url, args.deed_limit)
    csms = FriendlyCsms(args.host, args.port, versions=(args.ocpp,), check=False, ssl_context=context)
    # An identity of the settings counts where it is not the one that stands there for an example.
    identity = args.identity or (settings.identity if settings.identity != Settings().identity else "")
    return foreign(csms, hands, settings, identity, power_cycle=not args.no_power_cycle, security_profile=profile)


def _security_profile(args: argparse.Namespace) -> int:
    """The profile that is asked for, which fits the files that are given.  Raises SetupFault where it does not."""
    given = 3 if args.ca is not None else 2 if args.cert is not None else 0
    profile: int = given if args.security_profile is None else args.security_profile
    right = {0: "no --cert, --ca", 1: "no --cert, --ca", 2: "--cert and no --ca", 3: "--cert and --ca"}[profile]
    if (args.cert is not None, args.ca is not None) != ("--cert and" in right, "and --ca" in right):
        if args.cert is None and args.ca is not None:
            raise SetupFault("--ca: needs --cert FILE, the CSMS's certificate")
        raise SetupFault(f"--security-profile {profile}: goes with {right}")
    if args.cert is None and args.key is not None:
        raise SetupFault("--key: needs --cert FILE, the CSMS's certificate")
    return profile


def houses(settings: Settings, *, versions: tuple[str, ...] = ("2.0.1",)) -> Maker:
    """A stationd for each case, with data directories that are gone with the run."""
    root = Path(mkdtemp(prefix="stationd-conform-"))
    # Where nobody closes it, and where somebody interrupts it.
    atexit.register(shutil.rmtree, root, ignore_errors=True)

    def make(listed: Listed) -> WireBench:
        data = root / listed.case_id
        data.mkdir()
        return HouseBench(data, settings, versions=versions)

    async def close() -> None:
        shutil.rmtree(root, ignore_errors=True)

    return Maker(make, settings, close, jobs_most=1 << 10)


def of_words(words: list[str]) -> Maker:
    """What the options *words* ask for, as the pytest plugin has them.  Raises SetupFault where they do not fit together."""

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise SetupFault(f"--ocpp-station wire: {message}; `stationd conform run --help` tells the options")

    parser = Parser(add_help=False)
    add_options(parser)
    return make_wire(parser.parse_args(words))


def foreign(
    csms: FriendlyCsms, hands: Hands, settings: Settings, identity: str = "", *, power_cycle: bool = True, security_profile: int = 0
) -> Maker:
    """The station that dials *csms*, for one case after the other."""
    shared = Shared(csms, hands, settings, power_cycle=power_cycle, security_profile=security_profile)
    return Maker(lambda _: ForeignBench(shared, identity), settings, csms.stop, jobs_most=1, csms=csms)


def tls(cert: Path | None, key: Path | None, ca: Path | None) -> ssl.SSLContext | None:
    """The CSMS's end of TLS; None where no certificate is given.  Raises SetupFault where a file will not do."""
    if cert is None:
        if key is not None or ca is not None:
            raise SetupFault("--key, --ca: need --cert FILE, the CSMS's certificate")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
        if ca is not None:
            context.load_verify_locations(ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise SetupFault(f"--cert {cert}: will not do with --key and --ca ({error}); right would be PEM files that belong together") from error
    return context


async def run_wire(
    cases: Iterable[Listed],
    make: MakeBench,
    settings: Settings,
    schemas: Schemas,
    *,
    features: dict[str, str] | None = None,
    journals: Path | None = None,
    progress: Callable[[Result], None] | None = None,
    jobs: int = 2,
) -> list[Result]:
    """Like :func:`conformance.run.run`, *jobs* cases at once; results are in the order of *cases*, *progress* in that of their ends.

    What *make* has made is taken away at the end, where it is a :class:`Maker`.
    """
    at_once = asyncio.Semaphore(max(1, min(jobs, make.jobs_most if isinstance(make, Maker) else jobs)))

    async def one(listed: Listed) -> Result:
        async with at_once:
            (result,) = await run([listed], make, settings, schemas, features=features, journals=journals)
        if progress is not None:
            progress(result)
        return result

    try:
        if isinstance(make, Maker) and make.csms is not None:
            # Once, before any case: a port that is taken is nothing that a case can say.
            await make.csms.start()
            print(f"waiting for a station at {make.csms.url}/IDENTITY", file=sys.stderr, flush=True)
        return list(await asyncio.gather(*(one(listed) for listed in cases)))
    finally:
        if isinstance(make, Maker):
            await make.close()
