"""A world with one clock and one source of chance: station, CSMS, vehicles and operating system.

Law: the same seed gives the same rows, byte for byte.  Time jumps from one thing that is due to the next, so waiting costs nothing; and the
station in it is the real one, its rows really written and really read at every restart.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from random import Random
from typing import Any, Final

from engine.event import Effect, EffectId, Input
from engine.kernel import ENGINE, Kernel, Settled, Turn
from engine.machine import Station
from engine.ports import DONE, FAILED
from engine.recorder import Recorder
from eventlog import segments, snapshots
from eventlog.memory import MemoryJournal
from eventlog.store import Store
from eventlog.vault import FRAME, PERSON, SECRET, MemoryVault, shown_to_csms
from machines.boot.state import BOOT
from machines.boot.state import Phase as Boot
from machines.clock.machine import CLOCK
from machines.connection.state import CONNECTION
from machines.connection.state import Phase as LinkPhase
from machines.device_model.state import DEVICE_MODEL
from machines.effects import Call, Dial, HangUp, ReadMeter, Reply, ReplyError, Say, SetEvse, SetPingInterval, Shred
from machines.inputs import (
    Answered,
    CableConnected,
    CableDisconnected,
    Called,
    CalledBadly,
    CardPresented,
    ConfigLoaded,
    ContactorMoved,
    EvseSeen,
    Garbled,
    LinkDown,
    LinkUp,
    Refused,
    ServicesSelected,
    Started,
    Stopping,
    StraySend,
)
from machines.network.facts import Plan
from machines.network.machine import NETWORK, ApplyPlan
from machines.outbound.asks import read_message_id
from machines.outbound.state import OUTBOUND
from machines.session.state import SESSIONS
from machines.station import STATION
from machines.storage.facts import CloseSegment, RetireThrough, StorageSeen
from machines.vas.machine import INTERNET, PORTS
from machines.version.machine import VERSIONS
from sim.checks import Ledger, Violation, check_hardware, check_payload, check_performed
from sim.csms import EPOCH_US, Csms
from sim.evse import Evse, EvseSpec
from sim.faults import NONE, Faults
from sim.process import Crash, Process
from sim.reference import Onlooker, Wrong
from wire import frame, jsontext, sealed, sealing
from wire.declared import Declared, written
from wire.schemas import Checked, Schemas

JOURNAL: Final = 0x51A7
"""The number of a simulated journal; lives do not meet, so one number serves them all."""

SNAPSHOT_VERSION: Final = b"sim"
SPINS_MOST: Final = 20_000
"""More steps than this at one instant is a world that turns on the spot."""

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US

PROFILE: Final = '[{"configurationSlot":1,"connectionData":{"ocppCsmsUrl":"ws://csms.invalid:9000","securityProfile":0}}]'

IDENTITY: Final = "SIM001"

CONFIG: Final[dict[str, tuple[str, str]]] = {
    # component.variable[instance]: (data type, value); what a life draws is put in place of the value
    "AlignedDataCtrlr.Enabled": ("boolean", "true"),
    "AlignedDataCtrlr.Interval": ("integer", "0"),
    "AlignedDataCtrlr.Measurands": ("MemberList", "Energy.Active.Import.Register"),
    "AlignedDataCtrlr.SendDuringIdle": ("boolean", "false"),
    "AuthCtrlr.AuthorizeRemoteStart": ("boolean", "false"),
    "AuthCtrlr.Enabled": ("boolean", "true"),
    "AuthCtrlr.MasterPassGroupId": ("string", ""),
    "AuthCtrlr.OfflineTxForUnknownIdEnabled": ("boolean", "false"),
    "ChargingStation.Model": ("string", "Simulated"),
    "ChargingStation.VendorName": ("string", "stationd"),
    "ClockCtrlr.TimeSource": ("SequenceList", "Heartbeat"),
    "InternalCtrlr.JournalSegmentTurns": ("integer", "10000"),
    "InternalCtrlr.NetworkConnectionProfiles": ("string", PROFILE),
    "InternalCtrlr.SupportedOcppVersions": ("SequenceList", "ocpp2.1,ocpp2.0.1"),
    "OCPPCommCtrlr.HeartbeatInterval": ("integer", "300"),
    "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]": ("integer", "10"),
    "OCPPCommCtrlr.MessageAttempts[TransactionEvent]": ("integer", "3"),
    "OCPPCommCtrlr.NetworkConfigurationPriority": ("SequenceList", "1"),
    "OCPPCommCtrlr.OfflineThreshold": ("integer", "60"),
    "OCPPCommCtrlr.QueueAllMessages": ("boolean", "false"),
    "OCPPCommCtrlr.RetryBackOffRandomRange": ("integer", "5"),
    "OCPPCommCtrlr.RetryBackOffRepeatTimes": ("integer", "3"),
    "OCPPCommCtrlr.RetryBackOffWaitMinimum": ("integer", "10"),
    "SampledDataCtrlr.Enabled": ("boolean", "true"),
    "SampledDataCtrlr.TxEndedMeasurands": ("MemberList", "Energy.Active.Import.Register"),
    "SampledDataCtrlr.TxStartedMeasurands": ("MemberList", "Energy.Active.Import.Register"),
    "SampledDataCtrlr.TxUpdatedInterval": ("integer", "60"),
    "SampledDataCtrlr.TxUpdatedMeasurands": ("MemberList", "Energy.Active.Import.Register,Power.Active.Import"),
    "SecurityCtrlr.Identity": ("string", IDENTITY),
    "TxCtrlr.EVConnectionTimeOut": ("integer", "120"),
    "TxCtrlr.MaxEnergyOnInvalidId": ("integer", "0"),
    "TxCtrlr.StopTxOnEVSideDisconnect": ("boolean", "true"),
    "TxCtrlr.StopTxOnInvalidId": ("boolean", "true"),
    "TxCtrlr.TxBeforeAcceptedEnabled": ("boolean", "false"),
    "TxCtrlr.TxStartPoint": ("MemberList", "PowerPathClosed"),
    "TxCtrlr.TxStopPoint": ("MemberList", "PowerPathClosed"),
}

MEASURANDS: Final = ("Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage")
POINTS: Final = ("EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer")
LISTED: Final[dict[str, tuple[str, ...]]] = {
    # what a list may hold
    **dict.fromkeys(("Measurands", "TxStartedMeasurands", "TxUpdatedMeasurands", "TxEndedMeasurands"), MEASURANDS),
    **dict.fromkeys(("TxStartPoint", "TxStopPoint"), POINTS),
    "TimeSource": ("Heartbeat",),
    "NetworkConfigurationPriority": ("1",),
    "SupportedOcppVersions": ("ocpp2.1", "ocpp2.0.1"),
}

ATTEMPTS_MOST: Final = int(CONFIG["OCPPCommCtrlr.MessageAttempts[TransactionEvent]"][1])
"""So few that the lives see messages given up; the station's own default waits half an hour."""
CALL_TIMEOUT_US: Final = 30 * SECOND_US
AHEAD_US: Final = 1_000
"""How far the station's time may be ahead: every turn has a microsecond of its own, also where many happen at once."""
DIAL_GAP_US: Final = SECOND_US


PERCEIVED: Final = (CableConnected, CableDisconnected, EvseSeen, ServicesSelected, CardPresented)
"""Inputs that an onlooker could have seen too."""
CARD_TYPE: Final = "ISO14443"
LAST: Final = 1 << 62
"""A seq behind all others."""


def declared(config: Mapping[str, str], evses: int) -> ConfigLoaded:
    """CONFIG with *config* in its place, a write-only password, and *evses* EVSEs of one connector, as the component files would say it."""
    strangers = sorted(set(config) - set(CONFIG))
    if strangers:
        raise ValueError(f"config: {', '.join(strangers)} is not known; the names are those of sim.world.CONFIG")
    rows = []
    for name, (kind, value) in sorted(CONFIG.items()):
        component, _, rest = name.partition(".")
        variable, _, instance = rest.rstrip("]").partition("[")
        rows.append(
            Declared(
                component=component,
                variable=variable,
                variable_instance=instance,
                data_type=kind,
                values_list=LISTED.get(variable, ()),
                value=config.get(name, value),
                supports_monitoring=True,
            )
        )
    rows.append(Declared(component="SecurityCtrlr", variable="BasicAuthPassword", mutability="WriteOnly", min_limit="16", max_limit="64"))
    for evse_id in range(1, evses + 1):
        for component, connector_id in (("EVSE", 0), ("Connector", 1)):
            rows.append(
                Declared(
                    component=component,
                    variable="AvailabilityState",
                    evse_id=evse_id,
                    connector_id=connector_id,
                    data_type="OptionList",
                    values_list=("Available", "Occupied", "Reserved", "Unavailable", "Faulted"),
                    mutability="ReadOnly",
                    supports_monitoring=True,
                )
            )
    body = jsontext.encode([written(row) for row in rows])
    return ConfigLoaded(digest=blake2b(body, digest_size=16).hexdigest(), body=body)


class Wire:
    """One WebSocket between station and CSMS: in order in both directions, until it breaks."""

    __slots__ = ("alive", "asked", "asked_at", "by", "down_told", "flying", "link", "tail", "to_csms_at", "to_station_at", "up", "version")

    def __init__(self, link: int, by: Process) -> None:
        self.link = link
        self.by = by
        self.version = "2.1"
        self.up = False
        """The handshake is over."""
        self.alive = True
        """Frames that are sent now arrive."""
        self.tail = False
        """Whether frames that were on their way when it broke still arrive."""
        self.down_told = False
        self.to_csms_at = 0
        self.to_station_at = 0
        self.asked: dict[str, str] = {}
        self.flying = ""
        """The message id of the CALL in flight; empty for none."""
        self.asked_at = 0


class World:
    """Everything that there is, under one seed.

    *versions*: the WebSocket subprotocols that the CSMS agrees to, best first.  *config*: values for some of CONFIG.  *schemas* None: payloads
    are not judged.  *tokens*: what the CSMS says of the cards that there are.  *process* is what runs the station, *number* the journal's own.
    *store* is where its rows are kept (default: in memory only).
    """

    def __init__(
        self,
        seed: int,
        *,
        schemas: Schemas | None,
        faults: Faults = NONE,
        versions: tuple[str, ...] = ("ocpp2.1", "ocpp2.0.1"),
        config: Mapping[str, str] | None = None,
        tokens: Mapping[str, str] | None = None,
        specs: tuple[EvseSpec, ...] = (EvseSpec(meter_interval_us=MINUTE_US), EvseSpec(meter_interval_us=MINUTE_US)),
        kernel: Kernel = STATION,
        process: type[Process] = Process,
        number: int = JOURNAL,
        store: Store | None = None,
    ) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.schemas = schemas
        self.faults = faults
        self.kernel = kernel
        self._process = process
        self.now = 0
        self.number = number
        self.memory = MemoryJournal()
        self.store: Store = store if store is not None else self.memory
        self.vault = MemoryVault(seed.to_bytes(16, "big"))
        self.specs = specs
        self.hardware = {n: Evse(n, spec) for n, spec in enumerate(specs, 1)}
        self._hardware_due: dict[int, int | None] = dict.fromkeys(self.hardware)
        chosen = dict(config or {})
        self.config = declared(chosen, len(specs))
        self.os_plan = Plan()
        self.csms = Csms(
            self.random, dict(tokens or {}), versions=versions, faults=faults, on_leave=lambda token: self.onlooker.may(self.now, self.sealed(token))
        )
        heartbeat = chosen.get("OCPPCommCtrlr.HeartbeatInterval", CONFIG["OCPPCommCtrlr.HeartbeatInterval"][1])
        self.csms.values["OCPPCommCtrlr", "HeartbeatInterval"] = {heartbeat}

        def says(name: str) -> str:
            return chosen.get(name, CONFIG[name][1])

        self.onlooker = Onlooker(
            tuple(self.hardware),
            connect_s=int(says("TxCtrlr.EVConnectionTimeOut")),
            stays_authorized=says("TxCtrlr.StopTxOnEVSideDisconnect") != "true",
            # An onlooker cannot see whether the station is offline, nor whether it was accepted.
            unasked_ok=says("AuthCtrlr.OfflineTxForUnknownIdEnabled") == "true" or says("TxCtrlr.TxBeforeAcceptedEnabled") == "true",
            free=says("AuthCtrlr.Enabled") != "true",
            breaks="EnergyTransfer" in says("TxCtrlr.TxStopPoint"),
        )
        self.ledger = Ledger()
        self.process: Process | None = None
        self.wire: Wire | None = None
        self.accepted = self.pending = False
        """Whether this process was told that the CSMS accepts it."""
        self.boot = 1
        self.boot_began = 0
        self.wall_error_us = 0
        """How wrong the system's own clock is when a process starts."""
        self.crashes: dict[str, int] = {}
        self.restarts = 0
        self.notes: list[tuple[int, str]] | None = None
        """(turns so far, what happened outside), where somebody wants the story."""
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = 0
        self._performed: set[EffectId] = set()
        self._evse_busy: dict[int, int] = {}
        self._evse_defies: set[int] = set()
        self._down_at: int | None = None
        self._restart_at: int | None = 0
        self._ended_by_card: dict[int, str] = {}
        self._news: deque[tuple[int, Input]] = deque()
        self._unreported: dict[int, int] = {}
        """EVSE -> since when energy flows there that no open transaction reports as Charging."""

    snapshot_version = SNAPSHOT_VERSION

    # Time

    def later(self, delay_us: int, do: Callable[..., None], *args: Any) -> None:
        """Have something happen, in order with whatever else is due then."""
        self._order += 1
        heapq.heappush(self._heap, (self.now + max(delay_us, 0), self._order, do, args))

    def run(self, for_us: int) -> None:
        """Let time pass."""
        until = self.now + for_us
        spins, last = 0, -1
        while True:
            due = until + 1
            what = ""
            if self._heap and self._heap[0][0] < due:
                due, what = self._heap[0][0], "heap"
            evse = 0
            for evse_id, evse_due in self._hardware_due.items():
                if evse_due is not None and evse_due < due:
                    due, what, evse = evse_due, "evse", evse_id
            if self._restart_at is not None and self._restart_at < due:
                due, what = self._restart_at, "start"
            process = self.process
            if process is not None and process.due is not None:
                mine = process.due - process.recorder.anchor_us + self.boot_began
                if mine < due:
                    due, what = mine, "wake"
            self._watch_energy(min(due, until))
            if due > until:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, due)
            spins = spins + 1 if self.now == last else 0
            last = self.now
            if spins > SPINS_MOST:
                raise Violation("time moves on", f"{spins} steps at {self.now}, the last one {what}")
            self._step(what, evse)

    def _step(self, what: str, evse_id: int) -> None:
        try:
            if what == "heap":
                _, _, do, args = heapq.heappop(self._heap)
                do(*args)
            elif what == "evse":
                self._tell(self.hardware[evse_id].advance(self.now))
                self._look(evse_id)
            elif what == "start":
                self.start()
            elif self.process is not None:
                self.process.wake()
        except Crash as crash:
            self.died(str(crash))
        except Wrong as wrong:
            raise Violation("an onlooker sees nothing wrong", str(wrong)) from wrong
        self._check_cards()

    def _watch_energy(self, until_us: int) -> None:
        """Raise Violation where energy flows from now until *until_us* and no open transaction has reported it as Charging within a second.

        E01.FR.06, E01.FR.18, E02.FR.13.  Not counted are the times in which the journal cannot be written, and in which the hardware does not do
        what it was last asked: then nobody can report, or the station is not the one to blame.
        """
        process = self.process
        for evse_id, evse in self.hardware.items():
            excused = process is None or process.retry_at is not None or evse_id in self._evse_busy or evse_id in self._evse_defies
            if excused or not evse.power_mw or evse_id in self.ledger.charging:
                self._unreported.pop(evse_id, None)
            elif until_us - self._unreported.setdefault(evse_id, self.now) > SECOND_US:
                raise Violation("energy that flows is reported as Charging within a second", f"EVSE {evse_id}: {evse.power_mw // 1_000} W unreported")

    def clock(self) -> int:
        """What the machine's clock shows: microseconds since it booted."""
        return self.now - self.boot_began

    def note(self, text: str) -> None:
        """Something happened outside."""
        if self.notes is not None:
            process = self.process
            turns = process.recorder.last_seq + 1 if process is not None else self.store.last()[0] + 1
            self.notes.append((turns, f"{self.now / 1e6:.6f}s {text}"))

    # The process

    def start(self) -> None:
        """The process starts: from the rows, and what a snapshot spares of them."""
        self._restart_at = None
        self.restarts += 1
        if self._down_at is not None:
            self.onlooker.asleep(self.now - self._down_at)
            self._down_at = None
        folded = snapshots.restore(self.store, self.kernel, lambda: self.snapshot_version)
        anchor = folded.station[CLOCK]
        recorder = Recorder(
            clock=self.clock,
            entropy=lambda: self.random.getrandbits(64),
            last_seq=folded.seq,
            last_at=folded.at,
            anchor_us=anchor.anchor_us if anchor.boot_id == f"boot-{self.boot}" and folded.seq >= 0 else None,
        )
        self.accepted = self.pending = False
        self.process = self._process(
            self.kernel, self.store, recorder, folded, perform=self.perform, durable=self._durable, die=self._die, disk_full=self._disk_full
        )
        self.note(f"the process starts (boot {self.boot})")
        started = Started(
            journal=self.number,
            build="sim",
            boot_id=f"boot-{self.boot}",
            boottime_us=self.clock(),
            wall_us=max(EPOCH_US + self.now + self.wall_error_us, 0),
        )
        model = folded.station[DEVICE_MODEL]
        changed = self.config.digest != model.digest or bool(model.refused)
        recovering, self._recovering = self._recovering, True
        levels: list[Input] = []
        for evse_id, evse in self.hardware.items():
            evse.advance(self.now)
            levels += evse.levels()
            self._look(evse_id)
        self.process.start(started, [self.config] if changed else [], [*levels, self._space()])
        self._recovering = recovering

    _recovering = False

    def _die(self, place: str) -> None:
        rate = self.faults.crash_in_recovery if self._recovering else self.faults.crash
        if rate and self.random.random() < rate:
            raise Crash(f"{place}{', while recovering' if self._recovering else ''}")

    def _disk_full(self) -> bool:
        return bool(self.faults.disk) and self.random.random() < self.faults.disk

    def died(self, how: str) -> None:
        """SIGKILL or a power cut: what was not written is gone, contactors fall open, frames on their way arrive or not."""
        self._recovering = False
        process, random = self.process, self.random
        self.crashes[how] = self.crashes.get(how, 0) + 1
        self.note(f"it dies: {how}")
        self._tell_onlooker(LAST)
        if process is not None:
            self._remember(process)
        self.process = None
        if self.wire is not None:
            self._break(self.wire)
            self.wire = None
        down_us = random.choice((1_000, 3 * SECOND_US, 40 * SECOND_US, 10 * MINUTE_US))
        for evse_id, evse in self.hardware.items():
            evse.advance(self.now)
            stays = random.random() >= self.faults.vehicle_leaves
            self.hardware[evse_id] = Evse.from_state(evse_id, self.specs[evse_id - 1], evse.to_state(), vehicle_stays=stays, now_us=self.now)
            self.onlooker.moved(evse_id, closed=False)
            self._look(evse_id)
        if random.random() < self.faults.machine_reboots:
            self.boot += 1
            self.boot_began = self.now + down_us - random.randrange(5 * SECOND_US)
            self.os_plan = Plan()
            self.wall_error_us = random.choice((0, 0, -2_000_000_000_000_000, -EPOCH_US, 400_000_000, 31_536_000_000_000))
        self._evse_busy.clear()
        self._evse_defies.clear()
        self._down_at = self.now
        self._restart_at = self.now + down_us

    def _remember(self, process: Process) -> None:
        """What is durable must be what a fold makes of the rows, wherever the process ended."""
        again = snapshots.restore(self.store, self.kernel, lambda: self.snapshot_version)
        if again.station != process.durable_station:
            raise Violation("the fold is the station that lived", f"after turn {again.seq}, at a crash")

    def stop(self) -> None:
        """SIGTERM: say goodbye, write what rides, keep a snapshot, come back after a while."""
        process = self.process
        if process is None:
            return
        self.note("SIGTERM")
        try:
            process.tell(Stopping(reason="SIGTERM"))
            process.drain()
        except Crash as crash:
            self.died(str(crash))
            return
        self.later(5 * SECOND_US, self._stopped, process)

    def _stopped(self, process: Process) -> None:
        if process is not self.process:
            return
        process.flush_all()
        process.snapshot(self.snapshot_version)
        self.died("stopped")

    def snapshot(self) -> None:
        """Keep a snapshot, as the daemon does now and then."""
        if self.process is not None:
            self.process.snapshot(self.snapshot_version)

    def _tell(self, inputs: Iterable[Input]) -> None:
        """Inputs of the hardware, at once; nobody hears them while the process is down."""
        for input in inputs:
            if type(input) is ContactorMoved:
                self.onlooker.moved(input.evse_id, closed=input.closed)
                if input.closed:
                    self._check_flow(input.evse_id)
            if self.process is not None:
                self.process.tell(input)
        if self.process is not None:
            self.process.drain()

    def tell(self, *inputs: Input) -> None:
        """Inputs from anywhere else."""
        self._guarded(self._tell, inputs)

    def _guarded(self, do: Callable[..., None], *args: Any) -> None:
        try:
            do(*args)
        except Crash as crash:
            self.died(str(crash))
        except Wrong as wrong:
            raise Violation("an onlooker sees nothing wrong", str(wrong)) from wrong
        self._check_cards()

    def _look(self, evse_id: int) -> None:
        self._hardware_due[evse_id] = self.hardware[evse_id].next_due()

    # What people do

    def at_evse(self, evse_id: int, do: Callable[[Evse, int], list[Input]]) -> bool:
        """Do something at an EVSE, with the time; returns whether it could be done."""
        try:
            told = do(self.hardware[evse_id], self.now)
        except ValueError:
            return False
        self._look(evse_id)
        self.tell(*told)
        self._look(evse_id)
        return True

    def sealed(self, token: str) -> str:
        """How a card stands in inputs."""
        return self.vault.keep(token, PERSON)

    def card(self, token: str, *, evse_id: int = 0) -> None:
        """A card is held to the reader."""
        self.note(f"card {token} at {evse_id or 'the station'}")
        self.tell(CardPresented(token=self.sealed(token), token_type=CARD_TYPE, evse_ids=(evse_id,) if evse_id else ()))

    def select(self, evse_id: int, *, parameter_sets: tuple[int, ...]) -> None:
        """The vehicle selects internet access, or with no parameter set none."""
        if self.hardware[evse_id].vehicle is not None:
            self.note(f"services {parameter_sets} at {evse_id}")
            self.tell(ServicesSelected(evse_id=evse_id, services=tuple([(INTERNET, p) for p in parameter_sets])))

    def ask(self, make: Callable[[Csms], bytes]) -> bool:
        """The CSMS sends something, if it has a link."""
        wire = self.wire
        if wire is None or not wire.alive or not wire.up or self.csms.link != wire.link:
            return False
        self._to_station(wire, 0, make(self.csms))
        return True

    # What becomes durable

    def _durable(self, turn: Turn, station: Station) -> None:  # noqa: ARG002
        """Nothing can undo this any more: the witnesses are told."""
        self.ledger.read(turn)
        if type(turn.input) in PERCEIVED:
            self._news.append((turn.seq, turn.input))

    def _tell_onlooker(self, seq: int) -> None:
        """What became durable up to *seq*.  In a group, what is asked for by one turn is asked for before what the next one saw."""
        while self._news and self._news[0][0] <= seq:
            self._perceive(*self._news.popleft())

    def _perceive(self, seq: int, input: Input) -> None:
        onlooker = self.onlooker
        match input:
            case CableConnected():
                onlooker.plug(self.now, input.evse_id, is_in=True)
            case CableDisconnected():
                onlooker.plug(self.now, input.evse_id, is_in=False)
            case EvseSeen():
                onlooker.plug(self.now, input.evse_id, is_in=input.plugged)
            case ServicesSelected():
                onlooker.services(input.evse_id, tuple(sorted({PORTS[p] for service, p in input.services if service == INTERNET and p in PORTS})))
            case CardPresented():
                evse_id = onlooker.ends_with(input.token, input.evse_ids)
                if evse_id:
                    self._ended_by_card[evse_id] = f"turn {seq}"
                onlooker.card(self.now, input.token, input.evse_ids)
            case _:
                pass

    def _check_cards(self) -> None:
        """After the dust has settled: what a card had to end has been ended (the offer was taken back, or a restart did it)."""
        self._tell_onlooker(LAST)
        if self._ended_by_card and self.process is not None and self.process.retry_at is None:
            evse_id, where = self._ended_by_card.popitem()
            raise Violation("the card that began a charge ends it", f"EVSE {evse_id} is still to offer energy after {where}")

    def _check_flow(self, evse_id: int) -> None:
        if evse_id not in self.onlooker.offered and not self._evse_busy.get(evse_id) and evse_id not in self._evse_defies:
            raise Violation("energy flows only where it is offered", f"the contactor of EVSE {evse_id} closed")

    # What the station asks

    def perform(self, effect_id: EffectId, effect: Effect) -> None:
        """Do *effect*; what comes of it is told later."""
        process = self.process
        if process is None:
            return
        self._tell_onlooker(effect_id.seq)
        check_performed(effect_id, process.durable_seq, answers=effect.ANSWERS)
        match effect:
            case Call():
                self._send_call(effect)
            case Reply():
                self._send(effect.link, frame.call_result(effect.message_id, self._clear(effect.payload)), reply=effect)
            case ReplyError():
                self._send(effect.link, frame.call_error(effect.message_id, effect.code, effect.description))
            case Say():
                self._send(effect.link, effect.frame)
            case Dial():
                self._dial(process, effect)
            case HangUp():
                self._hang_up(process, effect)
            case SetPingInterval():
                pass  # pings and pongs stay within the adapter: this world has frames of OCPP only
            case SetEvse():
                self._set_evse(process, effect_id, effect)
            case ReadMeter():
                self._read_meter(process, effect.evse_id)
            case ApplyPlan():
                self._apply(process, effect_id, effect)
            case CloseSegment():
                segments.close(self.store, process.durable())
                self._kept(process, effect_id)
            case RetireThrough():
                while not self.store.retire(effect.through):
                    pass
                self._kept(process, effect_id)
            case Shred():
                self.vault.forget(effect.handles)
                process.die("performed, not reported")
                self._settle(process, effect_id, DONE)
            case _:
                raise Violation("somebody performs every effect", type(effect).__name__)
        if not effect.ANSWERS:
            # An answer may leave before its row is durable: a crash gives its id to another turn.
            self._performed.add(effect_id)

    def _settle(self, process: Process, effect_id: EffectId, outcome: str, detail: str = "") -> None:
        if process is not self.process:
            return
        settled = Settled(station=effect_id.station, seq=effect_id.seq, index=effect_id.index, outcome=outcome, detail=detail)
        process.tell(settled)
        if self.random.random() < self.faults.settles_twice:
            process.tell(settled)
        process.drain()

    def _set_evse(self, process: Process, effect_id: EffectId, effect: SetEvse) -> None:
        if not self._superseded(process, effect_id, effect) and not (effect.energise and effect_id in self._performed):
            self.onlooker.offer(self.now, effect.evse_id, energise=effect.energise)
        if not effect.energise:
            self._ended_by_card.pop(effect.evse_id, None)
        busy_until = self._evse_busy.get(effect.evse_id, 0)
        delay_us = max(busy_until - self.now, 0)
        if self.random.random() < self.faults.evse_dawdles:
            delay_us += self.random.choice((1_000, SECOND_US, 10 * SECOND_US))
        if delay_us:
            # Commands to one EVSE are done in the order in which they were given.
            self._evse_busy[effect.evse_id] = self.now + delay_us
            self.later(delay_us, self._evse_set, process, effect_id, effect)
        else:
            self._evse_set(process, effect_id, effect)

    @staticmethod
    def _superseded(process: Process, effect_id: EffectId, effect: SetEvse) -> bool:
        """Whether a command is repeated after a restart only to be followed at once by a newer one to the same EVSE."""
        if process.resuming is None or process.resuming[0] != effect_id:
            return False
        return any(isinstance(other, SetEvse) and other.evse_id == effect.evse_id and effect_id < other_id for other_id, other in process.resuming[1])

    def _evse_set(self, process: Process, effect_id: EffectId, effect: SetEvse) -> None:
        if process is not self.process:
            return
        if self._evse_busy.get(effect.evse_id, 0) <= self.now:
            self._evse_busy.pop(effect.evse_id, None)
        if self.random.random() < self.faults.evse_fails:
            self._evse_defies.add(effect.evse_id)
            self._settle(process, effect_id, FAILED, "the contactor does not move")
            return
        self._evse_defies.discard(effect.evse_id)
        evse = self.hardware[effect.evse_id]
        for input in evse.command(self.now, effect):
            process.tell(input)
        self._look(effect.evse_id)
        self._settle(process, effect_id, DONE)

    def _read_meter(self, process: Process, evse_id: int) -> None:
        """The meter answers at once, late, or not at all."""
        random, faults = self.random, self.faults
        if random.random() < faults.meter_silent:
            return
        delay_us = random.choice((1_000, SECOND_US, 5 * SECOND_US)) if random.random() < faults.meter_dawdles else 0
        self.later(delay_us, self._meter_read, process, evse_id)

    def _meter_read(self, process: Process, evse_id: int) -> None:
        if process is self.process:
            for input in self.hardware[evse_id].read_meter(self.now):
                process.tell(input)
            self._look(evse_id)
            process.drain()

    def _apply(self, process: Process, effect_id: EffectId, effect: ApplyPlan) -> None:
        delay_us = self.random.randrange(1_000, 400_000)
        if self.random.random() < self.faults.network_dawdles:
            delay_us = self.random.randrange(60 * SECOND_US)
        self.later(delay_us, self._applied, process, effect_id, effect.plan, self.random.random() < self.faults.network_fails)

    def _applied(self, process: Process, effect_id: EffectId, plan: Plan, fails: bool) -> None:  # noqa: FBT001 (how it went)
        if process is not self.process:
            return
        if fails:
            self._settle(process, effect_id, FAILED, "no such interface")
            return
        self.os_plan = plan
        process.die("performed, not reported")
        self._settle(process, effect_id, DONE)

    def _kept(self, process: Process, effect_id: EffectId) -> None:
        process.die("performed, not reported")
        self._settle(process, effect_id, DONE)
        self.look_at_space()

    def look_at_space(self) -> None:
        """The journal's keeper looks how full it is; how full that is, is chance."""
        self.tell(self._space())

    def _space(self) -> StorageSeen:
        percent = 50
        if self.random.random() < self.faults.space:
            percent = self.random.choice((72, 85, 99))
        closed = [segment for segment in segments.segments(self.store) if segment.closed]
        return StorageSeen(
            used_bytes=percent << 20,
            room_bytes=(100 - percent) << 20,
            open_turns=self.store.last()[0] - (closed[-1].last if closed else self.store.base()[0]),
            oldest_last=closed[0].last if closed else -1,
            oldest_at_us=segments.closed_at(self.store, closed[0].last) if closed else 0,
        )

    # The wire

    def _dial(self, process: Process, dial: Dial) -> None:
        if self.wire is not None and self.wire.alive:
            raise Violation("links do not overlap", f"link {dial.link} is dialled, and {self.wire.link} was not lost")
        if self.now - self._lost_at < DIAL_GAP_US and self._lost_by is process:
            raise Violation("nobody comes back faster than a second", f"link {dial.link} {self.now - self._lost_at} us after the last was lost")
        found = sealed.parse(dial.password)
        password = (self.vault.reveal(found.handle, SECRET) or "?") if found is not None else dial.password
        if password not in self.csms.passwords:
            raise Violation("the password that was set is used", f"link {dial.link} was dialled with another one")
        wire = self.wire = Wire(dial.link, process)
        if self.random.random() < self.faults.unreachable:
            self.later(self.random.choice((1_000, 20 * SECOND_US)), self._down, wire, "unreachable")
            return
        self.later(self.random.randrange(1_000, 300_000), self._opened, wire, dial.subprotocols)

    _lost_at = -(1 << 62)
    _lost_by: Process | None = None

    def _opened(self, wire: Wire, offered: tuple[str, ...]) -> None:
        if wire is not self.wire or not wire.alive:
            return
        chosen = self.csms.choose(offered)
        wire.up = True
        wire.version = VERSIONS.get(chosen, "2.1")
        if chosen in VERSIONS:
            self.csms.opened(wire.link, chosen)
        self.note(f"link {wire.link} opens: {chosen or 'no subprotocol'}")
        wire.by.tell(LinkUp(link=wire.link, subprotocol=chosen))
        wire.by.drain()

    def _hang_up(self, process: Process, effect: HangUp) -> None:
        wire = self.wire
        if wire is None or wire.link != effect.link or wire.down_told:
            self.later(0, self._gone_already, process, effect.link)
            return
        self._break(wire)
        # A deaf CSMS lets the station wait for longer than it wants to.
        delay_us = 30 * SECOND_US if self.random.random() < self.faults.deaf else self.random.randrange(1_000, 300_000)
        self.later(delay_us, self._down, wire, "closed by us")

    def _gone_already(self, process: Process, link: int) -> None:
        if process is self.process:
            process.tell(LinkDown(link=link, reason="closed by us", detail="the link was gone already"))
            process.drain()

    def drop(self) -> None:
        """The link breaks, in the middle of whatever is being said; the station learns of it at once, or late."""
        wire = self.wire
        if wire is None or not wire.alive:
            return
        self.note(f"link {wire.link} breaks")
        self._break(wire)
        late = self.random.random() < self.faults.half_open
        self.later(self.random.randrange(60 * SECOND_US) if late else self.random.randrange(1_000), self._down, wire, "broken")

    def _break(self, wire: Wire) -> None:
        wire.alive = False
        wire.tail = self.random.random() < self.faults.tail
        if self.csms.link == wire.link:
            self.csms.closed()

    def _down(self, wire: Wire, reason: str) -> None:
        if wire.alive:
            self._break(wire)
        if wire.down_told or wire.by is not self.process:
            return
        wire.down_told = True
        wire.flying = ""
        if wire.by.station[CONNECTION].phase is not LinkPhase.DOWN:
            # Where it has given up waiting for this, it was lost then.
            self._lost_at, self._lost_by = self.now, wire.by
        self.note(f"link {wire.link} is down: {reason}")
        wire.by.tell(LinkDown(link=wire.link, reason=reason))
        wire.by.drain()

    def _clear(self, payload: bytes) -> bytes:
        return sealed.replace(payload, lambda handle: shown_to_csms(self.vault, handle)) if b"<sealed:" in payload else payload

    def _send_call(self, call: Call) -> None:
        wire = self.wire
        if wire is None or wire.link != call.link:
            return
        # B02.FR.02: a CSMS that keeps the station Pending may ask it for reports.
        if not self.accepted and call.action != "BootNotification" and not (self.pending and call.action == "NotifyReport"):
            raise Violation("nothing but BootNotification before Accepted", f"{call.action} {call.message_id}")
        if wire.flying and self.now - wire.asked_at < CALL_TIMEOUT_US - AHEAD_US:
            raise Violation("one CALL in flight", f"{call.message_id} while {wire.flying} is")
        wire.flying, wire.asked_at = call.message_id, self.now
        self.ledger.attempted(self.number, call.message_id)
        clear = self._clear(call.payload)
        check_payload(self.schemas, wire.version, f"{call.action}Request", clear)
        wire.asked[call.message_id] = call.action
        self._send(call.link, frame.call(call.message_id, call.action, clear))

    def _send(self, link: int, data: bytes, reply: Reply | None = None) -> None:
        wire = self.wire
        if wire is None or wire.link != link or not wire.up:
            return
        if reply is not None:
            asked = self.csms.open.get(reply.message_id)
            if asked is not None:
                check_payload(self.schemas, wire.version, f"{asked[0]}Response", self._clear(reply.payload))
        if not wire.alive:
            return
        wire.to_csms_at = max(wire.to_csms_at + 1, self.now + self.random.randrange(500, 50_000))
        self.later(wire.to_csms_at - self.now, self._csms_hears, wire, data)

    def _csms_hears(self, wire: Wire, data: bytes) -> None:
        if not wire.alive and not wire.tail:
            return
        for delay_us, answer in self.csms.hear(self.now, data):
            self.later(delay_us, self._to_station, wire, 0, answer)

    def _to_station(self, wire: Wire, delay_us: int, data: bytes) -> None:
        if not wire.alive:
            return
        wire.to_station_at = max(wire.to_station_at + 1, self.now + delay_us + self.random.randrange(500, 50_000))
        self.later(wire.to_station_at - self.now, self._station_hears, wire, data)

    def _station_hears(self, wire: Wire, data: bytes) -> None:
        if wire.by is not self.process or wire.down_told or not (wire.alive or wire.tail):
            return
        wire.by.tell(self._read(wire, data))
        wire.by.drain()

    def _read(self, wire: Wire, data: bytes) -> Input:
        """What the port to the CSMS makes of a frame: judged, sealed, told."""
        got = frame.read(data, wire.version)
        keep = self.vault.keep
        match got:
            case frame.Call():
                plain, problem = self._check(wire, f"{got.action}Request", got.payload)
                payload = sealing.seal(got.action, plain, keep)
                if problem is None:
                    return Called(link=wire.link, message_id=got.message_id, action=got.action, payload=payload)
                return CalledBadly(
                    link=wire.link, message_id=got.message_id, action=got.action, payload=payload, code=problem.code, description=problem.description
                )
            case frame.CallResult():
                place = read_message_id(self.number, got.message_id)
                action = wire.asked.pop(got.message_id, None)
                if place is None or action is None:
                    return self._garbled(wire, got.payload, "an answer to a message that this station did not send on this link", b"")
                self._landed(wire, got.message_id)
                plain, problem = self._check(wire, f"{action}Response", got.payload)
                if problem is None and action == "BootNotification":
                    status = jsontext.decode(plain)["status"]
                    self.accepted = self.accepted or status == "Accepted"
                    self.pending = status == "Pending"
                payload = sealing.seal(action, plain, keep)
                return Answered(link=wire.link, entry=place[0], attempt=place[1], payload=payload, problem=problem.description if problem else "")
            case frame.CallError():
                place = read_message_id(self.number, got.message_id)
                wire.asked.pop(got.message_id, None)
                if place is None:
                    return self._garbled(wire, data, "an error for a message that this station never sent", b"")
                self._landed(wire, got.message_id)
                description, details = sealing.seal_error(got.description, got.details, keep, self.vault.mask)
                return Refused(link=wire.link, entry=place[0], attempt=place[1], code=got.code, description=description, details=details)
            case frame.Send():
                return StraySend(link=wire.link, message_id=got.message_id, action=got.action)
            case frame.CallResultError():
                return self._garbled(wire, data, f"the CSMS could not use our answer: {got.code}", b"")
            case frame.Garbled():
                return self._garbled(wire, data, got.reason, got.answer or b"")

    def _landed(self, wire: Wire, message_id: str) -> None:
        if wire.flying == message_id:
            wire.flying = ""

    def _check(self, wire: Wire, message: str, payload: bytes) -> Checked:
        return self.schemas.check(wire.version, message, payload) if self.schemas is not None else (payload, None)

    def _garbled(self, wire: Wire, data: bytes, reason: str, answer: bytes) -> Garbled:
        return Garbled(
            link=wire.link,
            reason=reason,
            length=len(data),
            digest=blake2b(data, digest_size=16).hexdigest(),
            answer=answer,
            frame=self.vault.keep(data[:4096].decode("utf-8", "replace"), FRAME),
        )

    # The end of all trouble

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.note("everything heals")
        self.faults = self.csms.faults = NONE

    @property
    def station(self) -> Station | None:
        """The station as it stands in memory; None while no process runs."""
        return self.process.station if self.process is not None else None

    def at_rest(self) -> bool:
        """Whether nothing is left to be said or done."""
        process = self.process
        if process is None or process.mailbox or process.retry_at is not None or self._evse_busy:
            return False
        station = process.station
        out = station[OUTBOUND]
        return (
            station[CONNECTION].phase is LinkPhase.UP
            and station[BOOT].phase is Boot.ACCEPTED
            and not out.queue
            and not station[ENGINE].outbox
            and not station[SESSIONS].asking
            and not station[NETWORK].retry_at_us
            and not self.csms.open
        )

    def unrest(self) -> str:
        """Why the world is not at rest."""
        if self.process is None:
            return "no process runs"
        station = self.process.station
        out = station[OUTBOUND]
        return (
            f"link {station[CONNECTION].phase.value}, boot {station[BOOT].phase.value}, {len(out.queue)} messages wait "
            f"({', '.join(sorted({entry.action for entry in out.queue.values()}))}), outbox {sorted(station[ENGINE].outbox)}, "
            f"{len(station[SESSIONS].asking)} cards in question, CALLs of the CSMS not answered {sorted(self.csms.open)}"
        )

    def settle(self, most_us: int = 60 * MINUTE_US) -> None:
        """Run until everything is at rest, or has had long enough for it."""
        until = self.now + most_us
        while self.now < until:
            # An odd step: whoever says something every five seconds is not always met while saying it.
            self.run(3_713_297)
            if self.at_rest():
                return

    def digest(self) -> str:
        """The whole journal in a line: equal for equal lives."""
        return self.store.last()[1].hex()

    def check_hardware(self) -> None:
        """Every EVSE offers and holds what its session wants."""
        if self.process is None:
            return
        for evse_id, evse in self.hardware.items():
            session = self.process.station[SESSIONS].at(evse_id)
            if session.connected == (evse.vehicle is not None):
                check_hardware(self.process.station, evse_id, offered=bool(evse.picture()["offered"]), locked=evse.locked)
