"""Given facts, when an input, then facts and effects: a station without a world around it.

Law: every story ends with its own replay: rows are encoded and decoded, folded two ways, and decided again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeVar

from engine.event import Effect, Fact, Input
from engine.kernel import Kernel, Turn, Woke
from engine.machine import Context, Station
from eventlog.codec import decode_turn, encode_turn
from eventlog.fold import CHAIN_BYTES, Folded, fold
from eventlog.memory import MemoryJournal
from machines.effects import Call, ReadMeter, Reply, ReplyError
from machines.inputs import Answered, Called, ConfigLoaded, EvseSeen, LinkUp, MeterTold, Refused, Started
from machines.outbound.asks import read_message_id
from machines.station import STATION
from wire.declared import Declared, written

JOURNAL = 0xABCD
WALL_US = 1_800_000_000_000_000
F = TypeVar("F", bound=Fact)
E = TypeVar("E", bound=Effect)

CARD = "<sealed:c1000000000000000000000000000000:8:p>"
OTHER_CARD = "<sealed:c2000000000000000000000000000000:8:p>"
PASSWORD = "<sealed:f1000000000000000000000000000000:20:p>"

PROFILES = '[{"configurationSlot":1,"connectionData":{"ocppCsmsUrl":"ws://localhost:9000","securityProfile":0}}]'

SETTINGS: dict[str, tuple[str, str]] = {
    # address: (data type, value)
    "ChargingStation.Model": ("string", "Testing"),
    "ChargingStation.VendorName": ("string", "stationd"),
    "InternalCtrlr.NetworkConnectionProfiles": ("string", PROFILES),
    "InternalCtrlr.SupportedOcppVersions": ("SequenceList", "ocpp2.1,ocpp2.0.1"),
    "SecurityCtrlr.Identity": ("string", "CP001"),
    "OCPPCommCtrlr.HeartbeatInterval": ("integer", "300"),
    "OCPPCommCtrlr.NetworkConfigurationPriority": ("SequenceList", "1"),
    "OCPPCommCtrlr.OfflineThreshold": ("integer", "60"),
    "OCPPCommCtrlr.RetryBackOffWaitMinimum": ("integer", "10"),
    "OCPPCommCtrlr.RetryBackOffRandomRange": ("integer", "5"),
    "OCPPCommCtrlr.RetryBackOffRepeatTimes": ("integer", "3"),
    "OCPPCommCtrlr.QueueAllMessages": ("boolean", "false"),
    "TxCtrlr.TxStartPoint": ("MemberList", "EVConnected"),
    "TxCtrlr.TxStopPoint": ("MemberList", "EVConnected,Authorized"),
    "TxCtrlr.EVConnectionTimeOut": ("integer", "120"),
    "TxCtrlr.StopTxOnInvalidId": ("boolean", "true"),
    "TxCtrlr.StopTxOnEVSideDisconnect": ("boolean", "true"),
    "TxCtrlr.TxBeforeAcceptedEnabled": ("boolean", "false"),
    "TxCtrlr.MaxEnergyOnInvalidId": ("integer", "0"),
    "AuthCtrlr.Enabled": ("boolean", "true"),
    "AuthCtrlr.AuthorizeRemoteStart": ("boolean", "false"),
    "AuthCtrlr.OfflineTxForUnknownIdEnabled": ("boolean", "false"),
    "AuthCtrlr.MasterPassGroupId": ("string", ""),
    "SampledDataCtrlr.Enabled": ("boolean", "true"),
    "SampledDataCtrlr.TxStartedMeasurands": ("MemberList", "Energy.Active.Import.Register"),
    "SampledDataCtrlr.TxUpdatedMeasurands": ("MemberList", "Energy.Active.Import.Register,Power.Active.Import"),
    "SampledDataCtrlr.TxUpdatedInterval": ("integer", "60"),
    "SampledDataCtrlr.TxEndedMeasurands": ("MemberList", "Energy.Active.Import.Register"),
    "AlignedDataCtrlr.Enabled": ("boolean", "true"),
    "AlignedDataCtrlr.Interval": ("integer", "0"),
    "AlignedDataCtrlr.Measurands": ("MemberList", "Energy.Active.Import.Register"),
    "AlignedDataCtrlr.SendDuringIdle": ("boolean", "false"),
    "ClockCtrlr.TimeSource": ("SequenceList", "Heartbeat"),
}


def declarations(settings: dict[str, str] | None = None, evses: int = 2) -> ConfigLoaded:
    """A small device model: SETTINGS with *settings* in their place, a write-only password, EVSEs with one connector each."""
    chosen = {address: (kind, (settings or {}).get(address, value)) for address, (kind, value) in SETTINGS.items()}
    passwords = {address: value for address, value in (settings or {}).items() if address.endswith(".BasicAuthPassword")}
    for address, value in (settings or {}).items():
        if address in passwords:
            continue
        chosen.setdefault(address, ("string", value))
    found = []
    for address, (kind, value) in sorted(chosen.items()):
        component, _, variable = address.partition(".")
        variable, _, instance = variable.rstrip("]").partition("[")
        found.append(Declared(component=component, variable=variable, variable_instance=instance, data_type=kind, value=value))
    for address in {"SecurityCtrlr.BasicAuthPassword": "", **passwords}:
        component, variable = address.split(".")
        given = passwords.get(address)
        found.append(Declared(component=component, variable=variable, mutability="WriteOnly", min_limit="16", max_limit="64", value=given))
    found.append(Declared(component="ClockCtrlr", variable="DateTime", data_type="dateTime", mutability="ReadOnly"))
    found.append(Declared(component="ChargingStation", variable="AvailabilityState", data_type="OptionList", mutability="ReadOnly"))
    for n in range(1, evses + 1):
        found.append(Declared(component="EVSE", variable="AvailabilityState", data_type="OptionList", mutability="ReadOnly", evse_id=n))
        found.append(
            Declared(
                component="Connector",
                variable="AvailabilityState",
                data_type="OptionList",
                mutability="ReadOnly",
                evse_id=n,
                connector_id=1,
            )
        )
    body = json.dumps([written(d) for d in found]).encode()
    return ConfigLoaded(digest=f"{len(body)}-{hash_text(body)}", body=body)


def hash_text(body: bytes) -> str:
    """A short digest that does not depend on the hash seed."""
    return f"{sum(i * b for i, b in enumerate(body)) & 0xFFFFFFFF:08x}"


class Story:
    """A station, its turns, and short words for what happens to it."""

    def __init__(self, settings: dict[str, str] | None = None, *, evses: int = 2, kernel: Kernel = STATION) -> None:
        self.kernel = kernel
        self.station: Station = kernel.genesis()
        self.turns: list[Turn] = []
        self.at = 0
        self.link = 0
        self.boots = 0
        """What the next start records; another build than this one's."""
        self.settings = settings
        self.evses = evses
        self.meters_answer = True
        """Whether a meter that is asked while time passes answers."""
        self.files: ConfigLoaded | None = None
        """Component files in the place of the small model."""

    # Feeding

    def when(self, input: Input, *, after_us: int = 1_000) -> Turn:
        """Something happens, *after_us* later."""
        self.at += after_us
        cx = Context(seq=len(self.turns), at=self.at, luck=(len(self.turns) + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
        turn, self.station = self.kernel.turn(self.station, input, cx)
        self.turns.append(turn)
        return turn

    def wait(self, seconds: float) -> list[Turn]:
        """Time passes; every deadline in it is woken for, and a meter that is asked meanwhile says what it said last."""
        until = self.at + round(seconds * 1e6)
        woken: list[Turn] = []
        while True:
            deadline = self.kernel.next_deadline(self.station)
            if deadline is None or deadline[0] > until:
                self.at = max(self.at, until)
                return woken
            woken.append(self.when(Woke(), after_us=max(deadline[0] - self.at, 1)))
            if self.meters_answer:
                woken += [self.when(self.reading(asked.evse_id), after_us=1) for asked in effects(woken[-1], ReadMeter)]

    def reading(self, evse_id: int) -> MeterTold:
        """What the meter of an EVSE said last, again."""
        last = self.station.parts["meters"].readings.get(evse_id)
        if last is None:
            return MeterTold(evse_id=evse_id, energy_wh=0, power_w=-1)
        return MeterTold(
            evse_id=evse_id,
            energy_wh=last.energy_wh,
            power_w=last.power_w,
            current_ma=last.current_ma,
            voltage_mv=last.voltage_mv,
            wall_us=last.wall_us,
        )

    def start(self) -> Turn:
        """The daemon starts."""
        self.boots += 1
        turn = self.when(Started(journal=JOURNAL, build="test", boot_id=f"b{self.boots}", boottime_us=self.at, wall_us=WALL_US + self.at))
        config = self.files or declarations(self.settings, self.evses)
        model = self.station.parts["device_model"]
        if config.digest != model.digest or model.refused:
            self.when(config)
        return turn

    def connect(self, subprotocol: str = "ocpp2.1") -> Turn:
        """The station dials, the CSMS opens."""
        dials: list[Turn] = []
        while not dials:
            deadline = self.kernel.next_deadline(self.station)
            assert deadline is not None, "the station does not dial"
            dials = [t for t in self.wait((deadline[0] - self.at) / 1e6 + 1e-6) if any(type(e).__name__ == "Dial" for e in t.effects)]
        self.link = self.station.parts["connection"].link
        return self.when(LinkUp(link=self.link, subprotocol=subprotocol))

    def boot(self, subprotocol: str = "ocpp2.1", *, status: str = "Accepted", interval: int = 300) -> Story:
        """Start, connect, be accepted, tell all connectors, see all EVSEs."""
        self.start()
        turn = self.connect(subprotocol)
        turn = self.answer(turn, {"status": status, "interval": interval, "currentTime": "2027-01-15T08:00:00Z"})
        self.settle(turn)
        for n in range(1, self.evses + 1):
            self.settle(self.when(EvseSeen(evse_id=n, connector_id=1, plugged=False, pilot="A", contactor_closed=False, energy_wh=1000)))
        return self

    def call(self, action: str, payload: dict[str, Any], message_id: str = "m1") -> Turn:
        """The CSMS calls."""
        return self.when(Called(link=self.link, message_id=message_id, action=action, payload=json.dumps(payload).encode()))

    def answer(self, turn: Turn, payload: dict[str, Any], *, problem: str = "") -> Turn:
        """The CSMS answers the CALL of *turn*."""
        call = only(turn.effects, Call)
        place = read_message_id(JOURNAL, call.message_id)
        assert place is not None
        return self.when(Answered(link=call.link, entry=place[0], attempt=place[1], payload=json.dumps(payload).encode(), problem=problem))

    def refuse(self, turn: Turn, code: str = "InternalError") -> Turn:
        """The CSMS answers the CALL of *turn* with a CALLERROR."""
        call = only(turn.effects, Call)
        place = read_message_id(JOURNAL, call.message_id)
        assert place is not None
        return self.when(Refused(link=call.link, entry=place[0], attempt=place[1], code=code, description=""))

    def settle(self, turn: Turn, **answers: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """Answer the CALL of *turn* and every CALL that follows, by action name or with ``{}``; returns what was sent, in order."""
        sent: list[tuple[str, dict[str, Any]]] = []
        while calls := [e for e in turn.effects if isinstance(e, Call)]:
            (call,) = calls
            sent.append((call.action, json.loads(call.payload)))
            default: dict[str, Any] = {"idTokenInfo": {"status": "Accepted"}} if call.action == "Authorize" else {}
            if call.action == "BootNotification":
                default = {"status": "Accepted", "interval": 300, "currentTime": "2027-01-15T08:00:00Z"}
            turn = self.answer(turn, answers.get(call.action, default))
        return sent

    # Looking

    def replies(self, turn: Turn) -> dict[str, Any]:
        """The payload of the one CALLRESULT of *turn*."""
        found: dict[str, Any] = json.loads(only(turn.effects, Reply).payload)
        return found

    def error(self, turn: Turn) -> str:
        """The code of the one CALLERROR of *turn*."""
        return only(turn.effects, ReplyError).code

    # The end

    def rows(self) -> MemoryJournal:
        """The turns as a journal."""
        journal = MemoryJournal()
        journal.append([(turn.seq, encode_turn(turn)) for turn in self.turns])
        return journal

    def verify(self) -> None:
        """The replay that ends every story."""
        journal = self.rows()
        station = self.kernel.genesis()
        for (seq, row), turn in zip(journal.rows(), self.turns, strict=True):
            read = decode_turn(seq, row[CHAIN_BYTES:])
            assert read == turn
            assert encode_turn(read) == row[CHAIN_BYTES:]
            again, decided = self.kernel.turn(station, turn.input, Context(seq=turn.seq, at=turn.at, luck=turn.luck))
            assert again.facts == turn.facts
            assert again.effects == turn.effects
            station = self.kernel.restore(station, turn)
            assert station == decided
        assert station == self.station
        assert fold(self.kernel, Folded(self.kernel.genesis()), journal.rows()).station == self.station


def facts(turn: Turn | Iterable[Turn], kind: type[F]) -> list[F]:
    """The facts of one kind."""
    turns = [turn] if isinstance(turn, Turn) else turn
    return [fact for one in turns for fact in one.facts if isinstance(fact, kind)]


def effects(turn: Turn | Iterable[Turn], kind: type[E]) -> list[E]:
    """The effects of one kind."""
    turns = [turn] if isinstance(turn, Turn) else turn
    return [effect for one in turns for effect in one.effects if isinstance(effect, kind)]


def only(values: Iterable[Any], kind: type[E]) -> E:
    """The one value of a kind."""
    found = [value for value in values if isinstance(value, kind)]
    assert len(found) == 1, f"{len(found)} of {kind.__name__}"
    return found[0]


def names(turn: Turn) -> list[str]:
    """The facts of a turn by name, in order."""
    return [type(fact).__name__ for fact in turn.facts]


def sent(turn: Turn) -> list[tuple[str, dict[str, Any]]]:
    """The CALLs of a turn."""
    return [(call.action, json.loads(call.payload)) for call in effects(turn, Call)]
