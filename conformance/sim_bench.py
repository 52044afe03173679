"""The bench in this process: the simulated world in virtual time, with the real machines, and a CSMS that does what the case says.

Law: deterministic: a case and its seed make the same journal, byte for byte, every time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from conformance.bench import Bench, Driver, Heard, Login, Ready, Reply
from conformance.verdict import NO_FRAME, BenchError, Entry
from engine.kernel import Kernel
from eventlog.fold import CHAIN_BYTES
from eventlog.vault import SECRET
from machines.effects import Call
from machines.inputs import ConfigLoaded, Stopping
from machines.station import STATION
from sim.checks import Violation
from sim.evse import Evse, EvseSpec
from sim.vehicle import VehicleSpec
from sim.world import SECOND_US, Wire, World
from wire import frame, jsontext, sealed
from wire.schemas import Schemas

STEP_US = 10_000
DARK_US = 3 * SECOND_US
VERSION = "ocpp2.0.1"

Tamper = Callable[[str, str, dict[str, Any]], list[tuple[str, str, dict[str, Any]]]]
"""What becomes of a frame of the station: (kind, action, payload) -> what leaves in its place, in order.  Kinds: call, result, error."""


def untouched(kind: str, action: str, payload: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """The station as it is."""
    return [(kind, action, payload)]


class ScriptedCsms:
    """The CSMS's end of the link, in the place of the simulator's own."""

    def __init__(self, bench: SimBench) -> None:
        self._bench = bench
        self.link = 0
        self.version = ""
        self.passwords = _Any()
        self.values: dict[tuple[str, str], set[str]] = {}
        self.open: dict[str, tuple[str, Any]] = {}
        self.away = False

    def choose(self, offered: tuple[str, ...]) -> str:
        """OCPP 2.0.1, which the cases are written for."""
        return VERSION if VERSION in offered else ""

    def asked_by(self, identity: str, password: str) -> None:
        """Somebody knocks."""
        self._bench.login = Login(identity, password) if password else None

    def opened(self, link: int, subprotocol: str) -> None:
        """A link."""
        self.link = link
        self.version = subprotocol.removeprefix("ocpp")
        self._bench.version = self.version

    def closed(self) -> None:
        """No link."""
        self.link = 0
        self.open = {}

    def hear(self, now_us: int, data: bytes) -> list[tuple[int, bytes]]:
        """One frame of the station."""
        del now_us
        return self._bench.heard(frame.read(data, self.version))


class _Any:
    """Every password is right."""

    def __contains__(self, password: str) -> bool:
        return True


class _Blind:
    """An onlooker without opinions: what may flow where is the case's to say."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Chamber(World):
    """The simulated world without its own ideas of what a CSMS does."""

    tamper: Tamper = staticmethod(untouched)

    def _tell_onlooker(self, seq: int) -> None:
        del seq

    def _check_cards(self) -> None:
        return

    def _check_flow(self, evse_id: int) -> None:
        del evse_id

    def _send_call(self, call: Call) -> None:
        wire = self.wire
        if wire is None or wire.link != call.link:
            return
        payload = jsontext.decode(self._clear(call.payload))
        wire.flying, wire.asked_at = call.message_id, self.now
        wire.asked[call.message_id] = call.action
        for kind, action, told in self.tamper("call", call.action, payload):
            if kind == "call":
                self._send(call.link, frame.call(call.message_id, action, jsontext.encode(told)))

    def power_cut(self, dark_us: int) -> None:
        """The power goes, and comes back: contactors fall open, a vehicle that is connected stays."""
        process = self.process
        if process is not None:
            process.flush_all()
        self.process = None
        if self.wire is not None:
            self._break(self.wire)
            self.wire = None
        for evse_id, evse in self.hardware.items():
            evse.advance(self.now)
            self.hardware[evse_id] = Evse.from_state(evse_id, self.specs[evse_id - 1], evse.to_state(), vehicle_stays=True, now_us=self.now)
            self._look(evse_id)
        self.boot += 1
        self.boot_began = self.now + dark_us
        self._evse_busy.clear()
        self._evse_defies.clear()
        self._restart_at = self.now + dark_us

    def _dial(self, process: Any, dial: Any) -> None:
        found = sealed.parse(dial.password)
        password = self.vault.reveal(found.handle, SECRET) if found is not None else dial.password
        self.csms.asked_by(dial.identity, password or "")  # type: ignore[attr-defined]
        if self.csms.away:  # type: ignore[attr-defined]
            wire = self.wire = Wire(dial.link, process)
            self.later(1_000, self._down, wire, "unreachable")
            return
        super()._dial(process, dial)


class SimBench(Bench):
    """One case's world."""

    name = "sim"

    def __init__(self, config: ConfigLoaded, schemas: Schemas, *, seed: int = 1, kernel: Kernel = STATION, tamper: Tamper = untouched) -> None:
        super().__init__()
        fast = EvseSpec(meter_interval_us=SECOND_US)
        self.world = Chamber(seed, schemas=schemas, versions=(VERSION,), specs=(fast, fast), kernel=kernel)
        self.world.config = config
        self.world.tamper = tamper
        self.world.onlooker = _Blind()  # type: ignore[assignment]
        self.csms = ScriptedCsms(self)
        self.world.csms = self.csms  # type: ignore[assignment]
        self._driver = SimDriver(self)
        self._asked = 0
        self._replies: dict[str, Reply | None] = {}
        self._actions: dict[str, str] = {}

    @property
    def driver(self) -> Driver:
        """Hands at the simulated station."""
        return self._driver

    @property
    def linked(self) -> bool:
        """Whether there is a link."""
        return bool(self.csms.link)

    @property
    def now_ms(self) -> int:
        """Virtual milliseconds."""
        return self.world.now // 1000

    def turn(self) -> int:
        """The newest turn."""
        process = self.world.process
        return process.recorder.last_seq if process is not None else self.world.store.last()[0]

    async def start(self) -> None:
        """The world's first process starts by itself."""
        self.world.run(0)

    async def stop(self) -> None:
        """An orderly stop, so that the journal is whole and tells until when it looked on."""
        process = self.world.process
        if process is not None:
            with suppress(Violation):
                process.tell(Stopping(reason="shutdown"))
                process.drain()
            process.flush_all()

    async def until(self, ready: Ready, within_s: float) -> bool:
        """Virtual time, in small steps so that whoever waits sees the first moment."""
        until = self.world.now + int(within_s * SECOND_US)
        while not ready():
            if self.world.now >= until:
                return False
            self.world.run(min(STEP_US, until - self.world.now))
        return True

    def note(self, who: str, kind: str, name: str, payload: Any, message_id: str = "") -> None:
        """A line of the trace."""
        self.trace.append(Entry(self.now_ms, who, kind, name, payload, message_id, self.turn()))

    # What the station sends

    def heard(self, got: Any) -> list[tuple[int, bytes]]:
        """A frame; what is sent because of it."""
        match got:
            case frame.Call():
                payload = jsontext.decode(got.payload)
                self.note("station", "call", got.action, payload, got.message_id)
                answer = self.hear(Heard(got.action, payload, got.message_id, self.now_ms, self.turn()))
                late_us = 1_000 + answer.after_ms * 1_000
                if answer.payload is not None:
                    self.note("csms", "result", got.action, answer.payload, got.message_id)
                    return [(late_us, frame.call_result(got.message_id, jsontext.encode(answer.payload)))]
                if answer.error:
                    self.note("csms", "error", got.action, {"code": answer.error}, got.message_id)
                    return [(late_us, frame.call_error(got.message_id, answer.error))]
                return []
            case frame.CallResult() if got.message_id in self._replies:
                action = self._actions[got.message_id]
                self._replies[got.message_id] = None
                for kind, _, told in self.world.tamper("result", action, jsontext.decode(got.payload)):
                    if kind == "result":
                        self.note("station", "result", action, told, got.message_id)
                        self._replies[got.message_id] = Reply(told, turn=self.turn())
                    elif kind == "error":
                        self._replies[got.message_id] = Reply(None, told["code"], "", self.turn())
            case frame.CallError() if got.message_id in self._replies:
                action = self._actions[got.message_id]
                for kind, _, told in self.world.tamper("error", action, {"code": got.code}):
                    if kind == "error":
                        self.note("station", "error", action, told, got.message_id)
                        self._replies[got.message_id] = Reply(None, told["code"], got.description, self.turn())
                    elif kind == "result":
                        self._replies[got.message_id] = Reply(told, turn=self.turn())
            case _:
                self.note("station", "error", NO_FRAME, repr(got))
        return []

    async def call(self, action: str, payload: dict[str, Any], within_s: float) -> Reply | None:
        """Ask over the simulated wire."""
        if not self.linked:
            await self.until(lambda: self.linked, within_s)
        self._asked += 1
        message_id = f"c{self._asked}"
        self._replies[message_id] = None
        self._actions[message_id] = action
        self.csms.open[message_id] = (action, None)
        self.note("csms", "call", action, payload, message_id)
        data = frame.call(message_id, action, jsontext.encode(payload))
        if not self.world.ask(lambda _: data):
            return None
        await self.until(lambda: self._replies[message_id] is not None, within_s)
        return self._replies.pop(message_id)

    # The link

    async def hang_up(self, *, stay_away: bool) -> None:
        """The link breaks."""
        self.csms.away = stay_away
        self.note("driver", "deed", "link breaks", {"stays away": stay_away})
        self.world.drop()
        self.world.run(STEP_US)

    async def come_back(self) -> None:
        """Dialling helps again."""
        self.csms.away = False
        self.note("driver", "deed", "link can be dialled", {})

    # Afterwards

    def keep_journal(self, path: str) -> str:
        """The rows, as a journal that every tool opens."""
        from eventlog.journal import Journal

        target = Path(path)
        journal = Journal(target / "journal", entropy=bytes)
        try:
            rows = [(seq, row) for seq, row in self.world.memory.rows()]
            journal.append([(seq, row[CHAIN_BYTES:]) for seq, row in rows])
            journal.opened()
        finally:
            journal.close()
        return f"stationd replay verify --data {path}"

    def digest(self) -> str:
        """Of every row."""
        return self.world.digest()


class SimDriver(Driver):
    """Hands in the simulated world."""

    def __init__(self, bench: SimBench) -> None:
        self._bench = bench

    def _at(self, evse_id: int, name: str, do: Callable[[Any, int], Any]) -> None:
        self._bench.note("driver", "deed", name, {"evse": evse_id})
        if not self._bench.world.at_evse(evse_id, do):
            raise BenchError(f"{name} at EVSE {evse_id} could not be done")
        self._bench.world.run(STEP_US)

    async def plug_in(self, evse_id: int, connector_id: int) -> None:
        """A vehicle with a large and empty battery."""
        spec = VehicleSpec(amps=16, phases=3, capacity_wh=80_000, soc_ppm=200_000)
        self._at(evse_id, "plug in", lambda evse, now: evse.plug_in(now, spec, connector_id))

    async def unplug(self, evse_id: int) -> None:
        """At the vehicle's side."""
        self._at(evse_id, "unplug", lambda evse, now: evse.plug_out(now))

    async def present(self, token: str, token_type: str, evse_id: int) -> None:
        """A card."""
        del token_type
        self._bench.note("driver", "deed", "present card", {"evse": evse_id})
        self._bench.world.card(token, evse_id=evse_id)
        self._bench.world.run(STEP_US)

    async def pause(self, evse_id: int) -> None:
        """The vehicle stops drawing."""
        self._at(evse_id, "vehicle pauses", lambda evse, now: evse.ev_pause(now))

    async def resume(self, evse_id: int) -> None:
        """The vehicle draws again."""
        self._at(evse_id, "vehicle resumes", lambda evse, now: evse.ev_resume(now))

    async def power_cycle(self) -> None:
        """Dark for some seconds."""
        world = self._bench.world
        self._bench.note("driver", "deed", "power cycle", {})
        world.power_cut(DARK_US)
        world.run(DARK_US + STEP_US)
