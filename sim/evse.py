"""A simulated EVSE: connectors, control pilot, contactor, plug lock and meter; and the topology that says how many.

Law: everything that happens has one time of its own, worked out from what was before; how often somebody looks changes
nothing.  Time comes in with every call, in microseconds of any clock that never goes back, and there is no chance.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeVar

from engine.errors import SetupFault
from engine.event import Input
from machines.effects import SetEvse
from machines.inputs import CableConnected, CableDisconnected, ContactorMoved, EvseSeen, MeterTold, PilotChanged
from sim.vehicle import NJ_PER_MWH, NJ_PER_WH, Vehicle, VehicleSpec, checked, one_of, shown, whole

VOLTAGE_MV: Final = 230_000

PILOT_US: Final = 1_000_000
"""From the plug to control pilot state B."""
WISH_US: Final = 1_000_000
"""How long a vehicle takes to follow the offer: from the offer to state C, and back to B when the offer is gone."""
CONTACTOR_US: Final = 50_000
LEAVE_US: Final = 1_000_000
"""From the end of the charge to the unplugging of a vehicle that ends its session first."""
METER_INTERVAL_US: Final = 1_000_000
STILL_FACTOR: Final = 10
"""A meter in which nothing flows tells this many times more seldom."""

ENERGY_WH_MOST: Final = 1_000_000_000_000
POWER_W_MOST: Final = 100_000_000

# What may be due, in the order in which it happens where it is due at once.
PILOT, WISH, DROP, CLOSE, OPEN, LEAVE, STEP, TELL = range(8)


class EvseSpec(NamedTuple):
    """What an EVSE is made of.  The meter stands on the grid's side and measures *phases* phases, of a DC EVSE too.

    *energy_at_plug_in_wh* starts the register at a value with every plug-in; None leaves it alone, as real meters do.
    *meter_interval_us* is how often the meter tells while energy flows.
    """

    current_type: str = "AC"
    connectors: int = 1
    max_current_a: int = 32
    phases: int = 3
    hlc: bool = False
    iso15118: tuple[str, ...] = ("2", "20")
    plug_and_charge: bool = False
    bidirectional: bool = False
    energy_at_plug_in_wh: int | None = None
    meter_interval_us: int = METER_INTERVAL_US


class Reading(NamedTuple):
    """What a meter that was set by hand tells; a power of -1 is not told."""

    energy_wh: int
    power_w: int
    wall_us: int


class Evse:
    """One EVSE and the vehicle at it.

    Every method that is given a time first lets happen what was due by then, and returns the inputs of both.  A time
    before the last one is a ValueError, and so is a wish that cannot be; then nothing has changed.
    """

    __slots__ = (
        "_at_us", "_connector_id", "_contactor", "_due", "_energy_nj", "_fixed", "_leaving", "_lock", "_offered",
        "_pilot", "_vehicle", "evse_id", "spec",
    )  # fmt: skip

    def __init__(self, evse_id: int, spec: EvseSpec, *, energy_mwh: int = 0) -> None:
        self.evse_id = evse_id
        self.spec = spec
        self._at_us = 0
        self._energy_nj = energy_mwh * NJ_PER_MWH
        self._fixed: Reading | None = None
        self._vehicle: Vehicle | None = None
        self._connector_id = 0
        self._pilot = "A"
        self._offered = False
        self._lock = False
        self._contactor = False
        self._leaving = False
        self._due: dict[int, int] = {}

    # What can be seen

    def seen(self) -> EvseSeen:
        """The levels; a connector of 0 where nothing is plugged in."""
        return EvseSeen(
            evse_id=self.evse_id,
            connector_id=self._connector_id,
            plugged=self._vehicle is not None,
            pilot=self._pilot,
            contactor_closed=self._contactor,
            energy_wh=self.energy_wh,
        )

    @property
    def energy_wh(self) -> int:
        """The import register in whole Wh, as it is told."""
        return self._energy_nj // NJ_PER_WH

    @property
    def energy_mwh(self) -> int:
        """The import register in whole mWh."""
        return self._energy_nj // NJ_PER_MWH

    @property
    def vehicle(self) -> Vehicle | None:
        """Who is here.  To look at, not to change."""
        return self._vehicle

    @property
    def locked(self) -> bool:
        """Whether the plug is held."""
        return self._lock and self._vehicle is not None

    @property
    def pwm_ma(self) -> int:
        """The current that the control pilot offers a vehicle by phase, in mA; 0 while nothing is offered."""
        return self.spec.max_current_a * 1_000 if self._offered and self._pilot in ("B", "C") else 0

    @property
    def payment(self) -> str:
        """How the vehicle here pays: ``contract`` where it and the EVSE can, ``eim``; empty without a vehicle."""
        if self._vehicle is None:
            return ""
        can = self._vehicle.spec.kind != "iec" and self.spec.hlc and self.spec.plug_and_charge
        return "contract" if can and self._vehicle.spec.payment != "eim" else "eim"

    @property
    def current_ma(self) -> int:
        """What flows in each phase that the vehicle uses, in mA: the least of what it takes and what the EVSE gives."""
        if self._vehicle is None or not self._contactor or self._pilot != "C":
            return 0
        return min(self._vehicle.limit_ma, self.spec.max_current_a * 1_000)

    @property
    def power_mw(self) -> int:
        """The power that flows, in mW."""
        return VOLTAGE_MV * self.current_ma // 1_000 * self._phases_used

    def picture(self) -> dict[str, object]:
        """Everything, for people to look at."""
        seen: dict[str, object] = {
            "evse": self.evse_id,
            "current_type": self.spec.current_type,
            "plugged": self._vehicle is not None,
            "pilot": self._pilot,
            "offered": self._offered,
            "pwm_ma": self.pwm_ma,
            "locked": self.locked,
            "contactor_closed": self._contactor,
            "energy_wh": self.energy_wh,
            "power_w": self.power_mw // 1_000 if self._fixed is None else max(self._fixed.power_w, 0),
        }
        if self._vehicle is not None:
            seen["connector"] = self._connector_id
            seen["vehicle"] = {
                "ev": self._vehicle.spec.kind,
                "amps": self._vehicle.spec.amps,
                "phases": self._vehicle.spec.phases,
                "payment": self.payment,
                "soc_ppm": self._vehicle.soc_ppm,
                "paused": self._vehicle.paused,
            }
        return seen

    # What people do

    def plug_in(self, now_us: int, vehicle: VehicleSpec, connector_id: int = 1) -> list[Input]:
        """A vehicle plugs in: the cable is seen at once, control pilot B after a second.

        Raises ValueError where the EVSE is occupied, has no such connector, or does not fit the vehicle.
        """
        self._check(now_us)
        whole("connector", connector_id, 1, self.spec.connectors)
        self._fits(vehicle)
        arrived = Vehicle(vehicle)
        if self._occupied(now_us):
            raise ValueError(f"evse: {self.evse_id} is occupied at connector {self._connector_id}; plug that vehicle out first")
        told = self.advance(now_us)
        self._vehicle = arrived
        self._connector_id = connector_id
        self._due[PILOT] = now_us + PILOT_US
        if self.spec.energy_at_plug_in_wh is not None and self._fixed is None:
            self._energy_nj = self.spec.energy_at_plug_in_wh * NJ_PER_WH
        # The meter speaks before whatever may begin or end a transaction: the transaction is told a fresh reading.
        told += self._read()
        told.append(CableConnected(evse_id=self.evse_id, connector_id=connector_id))
        return told

    def plug_out(self, now_us: int, iso: bool = False) -> list[Input]:  # noqa: FBT001, FBT002 (the verb's own argument)
        """The vehicle unplugs, locked or not; with *iso* it stops charging first and leaves a second later.

        With nothing plugged in, nothing happens.
        """
        told = self.advance(now_us)
        if self._vehicle is None:
            return told
        if iso and self._contactor:
            self._leaving = True
            self._due.setdefault(LEAVE, now_us + LEAVE_US)
            told += self._rest()
            self._consider()
        else:
            told += self._gone()
        return told

    def ev_pause(self, now_us: int) -> list[Input]:
        """The vehicle stops drawing power: control pilot B at once.  Raises ValueError without a vehicle."""
        self._here(now_us)
        told = self.advance(now_us)
        if self._vehicle is not None:
            self._vehicle.paused = True
            told += self._rest()
            self._consider()
        return told

    def ev_resume(self, now_us: int) -> list[Input]:
        """The vehicle wants power again, unless it is full: control pilot C after a second.

        Raises ValueError without a vehicle.
        """
        self._here(now_us)
        told = self.advance(now_us)
        if self._vehicle is not None:
            self._vehicle.paused = False
            self._consider()
        return told

    def set_meter(self, now_us: int, *, energy_wh: int, power_w: int | None, wall_us: int) -> list[Input]:
        """The meter tells exactly this, and no longer moves by itself.

        *wall_us* is the meter's own time in microseconds since 1970, 0 for none; a *power_w* of None is not told.
        """
        self._check(now_us)
        fixed = Reading(
            energy_wh=whole("energy_wh", energy_wh, 0, ENERGY_WH_MOST),
            power_w=-1 if power_w is None else whole("power_w", power_w, 0, POWER_W_MOST),
            wall_us=whole("wall_us", wall_us, 0, 1 << 62),
        )
        told = self.advance(now_us)
        self._fixed = fixed
        self._energy_nj = fixed.energy_wh * NJ_PER_WH
        self._due.pop(TELL, None)
        told.append(self._fixed_told(fixed))
        return told

    # What the station asks

    def command(self, now_us: int, effect: SetEvse) -> list[Input]:
        """Offer energy or not, hold the plug or not.

        Both are levels: the same command again changes nothing.  Unplugging ends both.
        """
        if effect.evse_id != self.evse_id:
            raise ValueError(f"evse: this is {self.evse_id}, the command is for {effect.evse_id}")
        told = self.advance(now_us)
        self._offered = effect.energise
        self._lock = effect.lock
        self._consider()
        return told

    def read_meter(self, now_us: int) -> list[Input]:
        """The meter is read now; one that was set by hand tells what it was set to."""
        told = self.advance(now_us)
        return told + (self._read() if self._fixed is None else [self._fixed_told(self._fixed)])

    # What time brings

    def advance(self, now_us: int) -> list[Input]:
        """Everything that is due by *now_us*, in its order.  In one step or in many, the same."""
        self._check(now_us)
        told: list[Input] = []
        while True:
            due = self._next()
            if due is None or due[0] > now_us:
                break
            at_us, what = due
            self._flow(at_us)
            self._due.pop(what, None)
            told += self._happen(what)
        self._flow(now_us)
        return told

    def next_due(self) -> int | None:
        """When something will happen, in the time of the calls; None while all waits for people or the station."""
        due = self._next()
        return None if due is None else due[0]

    def _happen(self, what: int) -> list[Input]:
        told: list[Input] = []
        if what in (PILOT, WISH, DROP):
            self._pilot = "C" if what == WISH else "B"
            told.append(PilotChanged(evse_id=self.evse_id, state=self._pilot))
        elif what == CLOSE:
            # Twice: the register as the transaction begins, with no power yet; and the power, once it may flow.
            told += self._read()
            self._contactor = True
            told.append(ContactorMoved(evse_id=self.evse_id, closed=True))
            told += self._read()
        elif what == OPEN:
            # The station asks the meter once the contactor is open, and the register stands still from then on.
            self._contactor = False
            told.append(ContactorMoved(evse_id=self.evse_id, closed=False))
        elif what == LEAVE:
            told += self._gone()
        elif what == TELL:
            told += self._read()
        elif self._vehicle is not None and self._vehicle.full:
            # STEP: the taper needs nothing done; a full vehicle stops.
            told += self._rest()
        self._consider()
        return told

    # The rules

    def _consider(self) -> None:
        """Let the levels say what will happen next; what is under way already keeps its time."""
        vehicle = self._vehicle
        wants = vehicle is not None and not vehicle.paused and not vehicle.full and not self._leaving
        wanted, power = self._pilot == "C", self._pilot == "C" and self._offered
        self._plan(WISH, self._pilot == "B" and self._offered and wants, WISH_US)
        self._plan(DROP, wanted and not self._offered, WISH_US)
        self._plan(CLOSE, power and not self._contactor, CONTACTOR_US)
        self._plan(OPEN, self._contactor and not power, CONTACTOR_US)

    def _plan(self, what: int, holds: bool, delay_us: int) -> None:  # noqa: FBT001 (a condition)
        if not holds:
            self._due.pop(what, None)
        elif what not in self._due:
            self._due[what] = self._at_us + delay_us

    def _rest(self) -> list[Input]:
        """The vehicle stops drawing of its own will."""
        if self._pilot != "C":
            return []
        self._pilot = "B"
        return [*self._read(), PilotChanged(evse_id=self.evse_id, state="B")]

    def _gone(self) -> list[Input]:
        """The plug is out: nothing can flow, and what was offered was offered to this vehicle."""
        connector_id, pilot, contactor = self._connector_id, self._pilot, self._contactor
        self._pilot, self._contactor = "A", False
        told = self._read()
        self._vehicle = None
        self._connector_id = 0
        self._offered = self._lock = self._leaving = False
        self._due.clear()
        told.append(CableDisconnected(evse_id=self.evse_id, connector_id=connector_id))
        if pilot != "A":
            told.append(PilotChanged(evse_id=self.evse_id, state="A"))
        if contactor:
            told.append(ContactorMoved(evse_id=self.evse_id, closed=False))
        return told

    def _read(self) -> list[Input]:
        """What the meter tells now; nothing from one that was set by hand, because it has told that."""
        if self._fixed is not None:
            return []
        flows_ma = self.current_ma
        interval_us = self.spec.meter_interval_us * (1 if flows_ma else STILL_FACTOR)
        if self._vehicle is not None:
            self._due[TELL] = self._at_us + interval_us
        used = self._phases_used
        return [
            MeterTold(
                evse_id=self.evse_id,
                energy_wh=self.energy_wh,
                power_w=self.power_mw // 1_000,
                current_ma=tuple([flows_ma if phase < used else 0 for phase in range(self.spec.phases)]),
                voltage_mv=(VOLTAGE_MV,) * self.spec.phases,
            )
        ]

    def _fixed_told(self, fixed: Reading) -> MeterTold:
        return MeterTold(evse_id=self.evse_id, energy_wh=fixed.energy_wh, power_w=fixed.power_w, wall_us=fixed.wall_us)

    def levels(self) -> list[Input]:
        """What is told after a start: what is seen, and the reading of a meter that was set by hand."""
        return [self.seen()] if self._fixed is None else [self.seen(), self._fixed_told(self._fixed)]

    # Physics

    @property
    def _phases_used(self) -> int:
        # A rectifier loads all phases alike, whatever the vehicle has.
        if self._vehicle is None:
            return 0
        return self.spec.phases if self.spec.current_type == "DC" else min(self.spec.phases, self._vehicle.spec.phases)

    def _flow(self, to_us: int) -> None:
        """Move energy up to *to_us*.  Power is constant until then: every change of it is an event."""
        energy_nj = self.power_mw * (to_us - self._at_us)
        if energy_nj and self._vehicle is not None:
            self._vehicle.charge(energy_nj)
            if self._fixed is None:
                self._energy_nj += energy_nj
        self._at_us = to_us

    def _next(self) -> tuple[int, int] | None:
        """The earliest (time, what)."""
        due = min([(at_us, what) for what, at_us in self._due.items()], default=None)
        power_mw = self.power_mw
        if power_mw and self._vehicle is not None:
            # Rounded up: at that microsecond the step has been reached.
            step = (self._at_us - -self._vehicle.to_next_step_nj // power_mw, STEP)
            return step if due is None else min(due, step)
        return due

    # What may not be

    def _check(self, now_us: int) -> None:
        if now_us < self._at_us:
            raise ValueError(f"now_us: {now_us} is before {self._at_us}; give times of a clock that never goes back")

    def _occupied(self, now_us: int) -> bool:
        return self._vehicle is not None and self._due.get(LEAVE, now_us + 1) > now_us

    def _here(self, now_us: int) -> None:
        self._check(now_us)
        if not self._occupied(now_us):
            raise ValueError(f"evse: no vehicle is plugged in at {self.evse_id}; plug one in first")

    def _fits(self, vehicle: VehicleSpec) -> None:
        checked(vehicle)
        if (vehicle.kind == "iso_dc") != (self.spec.current_type == "DC"):
            fitting = "iso_dc" if self.spec.current_type == "DC" else "iec or iso_ac"
            raise ValueError(f"ev: {vehicle.kind} does not fit EVSE {self.evse_id}, which is {self.spec.current_type}; give {fitting}")

    # Power cuts

    def to_state(self) -> dict[str, Any]:
        """What survives a power cut, as JSON values: the register, a reading set by hand, the vehicle.

        Energy in whole mWh, rounded down.
        """
        state: dict[str, Any] = {"energy_mwh": self._energy_nj // NJ_PER_MWH}
        if self._fixed is not None:
            state["fixed"] = self._fixed._asdict()
        if self._vehicle is not None:
            state["connector"] = self._connector_id
            state["vehicle"] = self._vehicle.to_state()
        return state

    @classmethod
    def from_state(cls, evse_id: int, spec: EvseSpec, state: object, *, vehicle_stays: bool, now_us: int = 0) -> Evse:
        """The EVSE as it powers up at *now_us*: contactor open, nothing offered, plug free.

        A vehicle that stays is seen in pilot state B.  It goes where *vehicle_stays* is false, or where the EVSE was
        changed and has no place for it any more.  Raises ValueError for what :meth:`to_state` does not write.
        """
        if not isinstance(state, dict):
            raise ValueError(f"evse {evse_id}: {shown(state)} will not do; give an object")
        unknown = sorted(set(state) - {"connector", "energy_mwh", "fixed", "vehicle"})
        if unknown or "energy_mwh" not in state or ("vehicle" in state) != ("connector" in state):
            raise ValueError(
                f"evse {evse_id}: has {sorted(state)}; give energy_mwh, fixed where the meter was set, vehicle and connector where plugged in"
            )
        energy_mwh = whole("energy_mwh", state["energy_mwh"], 0, ENERGY_WH_MOST * 1_000)
        evse = cls(evse_id, spec, energy_mwh=energy_mwh)
        evse._at_us = now_us
        if "fixed" in state:
            evse._fixed = _reading(state["fixed"])
            evse._energy_nj = evse._fixed.energy_wh * NJ_PER_WH
        if "vehicle" in state:
            if not isinstance(state["vehicle"], dict):
                raise ValueError(f"vehicle: {shown(state['vehicle'])} will not do; give an object")
            vehicle = Vehicle.from_state(state["vehicle"])
            connector_id = whole("connector", state["connector"], 1, CONNECTORS_MOST)
            fits = (vehicle.spec.kind == "iso_dc") == (spec.current_type == "DC")
            if vehicle_stays and fits and connector_id <= spec.connectors:
                evse._vehicle = vehicle
                evse._connector_id = connector_id
                evse._pilot = "B"
                if evse._fixed is None:
                    evse._due[TELL] = now_us
        return evse


def _reading(state: object) -> Reading:
    if not isinstance(state, dict) or sorted(state) != sorted(Reading._fields):
        raise ValueError(f"fixed: {shown(state)} will not do; give {', '.join(Reading._fields)}")
    return Reading(
        energy_wh=whole("energy_wh", state["energy_wh"], 0, ENERGY_WH_MOST),
        power_w=whole("power_w", state["power_w"], -1, POWER_W_MOST),
        wall_us=whole("wall_us", state["wall_us"], 0, 1 << 62),
    )


# Topology

CONNECTORS_MOST: Final = 7
EVSES_MOST: Final = 100
CURRENT_A_LEAST: Final = 6
CURRENT_A_MOST: Final = {"AC": 80, "DC": 1_000}
"""6 A and 80 A are the ends of what a control pilot can offer (IEC 61851-1)."""
SECONDS_MOST: Final = 1_000_000

T = TypeVar("T")

EVSE_KEYS: Final = (
    "bidirectional", "connectors", "current_type", "hlc", "iso15118", "max_current_a", "phases", "plug_and_charge",
)  # fmt: skip
SIMULATOR_KEYS: Final = (
    "der_push_interval_s", "energy_at_plug_in_wh", "first_connect_delay_s", "meter_public_key", "reset_after_update",
    "send_signed_start", "signed_meter_end", "signed_meter_start", "vehicle_stays",
)  # fmt: skip


class SimulatorOptions(NamedTuple):
    """How the simulated hardware behaves.

    *signed_meter_start* and *signed_meter_end* are the signed readings of a transaction, empty for none;
    *send_signed_start* false withholds the first.  *meter_public_key* is a prefix that the EVSE's number follows.
    *der_push_interval_us* 0: only on change.
    """

    signed_meter_start: str = ""
    signed_meter_end: str = ""
    send_signed_start: bool = True
    meter_public_key: str = ""
    energy_at_plug_in_wh: int | None = None
    reset_after_update: bool = True
    first_connect_delay_us: int = 0
    der_push_interval_us: int = 0
    vehicle_stays: bool = False


class Topology(NamedTuple):
    """The EVSEs in order, the first is EVSE 1, and the options of the simulation."""

    evses: tuple[EvseSpec, ...] = (EvseSpec(), EvseSpec())
    simulator: SimulatorOptions = SimulatorOptions()


def parse_topology(data: object) -> Topology:
    """The topology that *data*, read from JSON or TOML, describes; what it leaves out has its default.

    Raises SetupFault that lists everything wrong: what, where, and what would be right.
    """
    wrong: list[str] = []
    top = _table(wrong, "the topology", data, ("evses", "simulator"))
    simulator = _simulator(wrong, top.get("simulator", {}))
    listed = top.get("evses")
    evses: tuple[EvseSpec, ...] = Topology().evses
    if "evses" in top:
        if isinstance(listed, list | tuple) and 1 <= len(listed) <= EVSES_MOST:
            evses = tuple([_evse(wrong, f"evses[{place}]", row) for place, row in enumerate(listed)])
        else:
            wrong.append(f"evses: give a list of 1 to {EVSES_MOST} EVSEs, or leave it out for two AC EVSEs")
    if wrong:
        raise SetupFault("the topology cannot be used:\n" + "\n".join([f"  {line}" for line in wrong]))
    if simulator.energy_at_plug_in_wh is not None:
        evses = tuple([spec._replace(energy_at_plug_in_wh=simulator.energy_at_plug_in_wh) for spec in evses])
    return Topology(evses, simulator)


def _evse(wrong: list[str], where: str, data: object) -> EvseSpec:
    row = _Row(wrong, where, _table(wrong, where, data, EVSE_KEYS))
    known = EvseSpec()
    current_type = row.word("current_type", ("AC", "DC"), known.current_type)
    return EvseSpec(
        current_type=current_type,
        connectors=row.number("connectors", 1, CONNECTORS_MOST, known.connectors),
        max_current_a=row.number("max_current_a", CURRENT_A_LEAST, CURRENT_A_MOST[current_type], known.max_current_a),
        phases=row.number("phases", 1, 3, known.phases),
        hlc=row.flag("hlc", known.hlc),
        iso15118=row.words("iso15118", ("2", "20"), known.iso15118),
        plug_and_charge=row.flag("plug_and_charge", known.plug_and_charge),
        bidirectional=row.flag("bidirectional", known.bidirectional),
    )


def _simulator(wrong: list[str], data: object) -> SimulatorOptions:
    row = _Row(wrong, "simulator", _table(wrong, "simulator", data, SIMULATOR_KEYS))
    known = SimulatorOptions()
    return SimulatorOptions(
        signed_meter_start=row.text("signed_meter_start", known.signed_meter_start),
        signed_meter_end=row.text("signed_meter_end", known.signed_meter_end),
        send_signed_start=row.flag("send_signed_start", known.send_signed_start),
        meter_public_key=row.text("meter_public_key", known.meter_public_key),
        energy_at_plug_in_wh=(row.number("energy_at_plug_in_wh", 0, ENERGY_WH_MOST, 0) if "energy_at_plug_in_wh" in row.data else None),
        reset_after_update=row.flag("reset_after_update", known.reset_after_update),
        first_connect_delay_us=row.seconds("first_connect_delay_s", known.first_connect_delay_us),
        der_push_interval_us=row.seconds("der_push_interval_s", known.der_push_interval_us),
        vehicle_stays=row.flag("vehicle_stays", known.vehicle_stays),
    )


def _table(wrong: list[str], where: str, data: object, keys: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(data, dict):
        wrong.append(f"{where}: {shown(data)} will not do; give an object with any of {', '.join(keys)}")
        return {}
    unknown = [key for key in sorted(data, key=str) if key not in keys]
    wrong += [f"{where}: {shown(key)} is not known; the keys are {', '.join(keys)}" for key in unknown]
    return data


class _Row:
    """Reads members of an object, collecting what is wrong with them."""

    __slots__ = ("data", "where", "wrong")

    def __init__(self, wrong: list[str], where: str, data: dict[str, object]) -> None:
        self.wrong = wrong
        self.where = where
        self.data = data

    def number(self, key: str, least: int, most: int, default: int) -> int:
        """A whole number within its bounds."""
        try:
            return whole(f"{self.where}.{key}", self.data.get(key, default), least, most)
        except ValueError as error:
            self.wrong.append(str(error))
            return default

    def word(self, key: str, words: tuple[str, ...], default: str) -> str:
        """One of *words*."""
        try:
            return one_of(f"{self.where}.{key}", self.data.get(key, default), words)
        except ValueError as error:
            self.wrong.append(str(error))
            return default

    def words(self, key: str, words: tuple[str, ...], default: tuple[str, ...]) -> tuple[str, ...]:
        """Any of *words*, each once; told in their own order."""
        value = self.data.get(key, default)
        if isinstance(value, list | tuple) and all(isinstance(one, str) and one in words for one in value):
            return tuple([word for word in words if word in value])
        return self._complain(key, value, f"a list of any of {', '.join(words)}, as text", default)

    def flag(self, key: str, default: bool) -> bool:  # noqa: FBT001 (it is the value)
        """True or false."""
        value = self.data.get(key, default)
        return value if isinstance(value, bool) else self._complain(key, value, "true or false", default)

    def text(self, key: str, default: str) -> str:
        """Text."""
        value = self.data.get(key, default)
        return value if isinstance(value, str) else self._complain(key, value, "text", default)

    def seconds(self, key: str, default_us: int) -> int:
        """Seconds, as microseconds; the file may say parts of a second."""
        value = self.data.get(key, default_us // 1_000_000)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= SECONDS_MOST:
            return round(value * 1_000_000)
        return self._complain(key, value, f"seconds from 0 to {SECONDS_MOST}", default_us)

    def _complain(self, key: str, value: object, right: str, default: T) -> T:
        self.wrong.append(f"{self.where}.{key}: {shown(value)} will not do; give {right}")
        return default
