"""The simulated hardware as a port: EVSEs in real time, and the file in which they outlive the process.

Law: the file is written before what it holds is told: a register that somebody has heard of is never lower after a
power cut.  No machine reads it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic_ns
from typing import Any, Final

import msgspec

from engine.errors import SetupFault
from engine.event import Effect, EffectId, Input
from engine.kernel import Settled
from engine.ports import DONE, FAILED, Tell
from machines.effects import ReadMeter, SetEvse
from machines.inputs import CableConnected, CableDisconnected, EvseSeen, MeterTold
from sim.evse import Evse, Topology
from sim.vehicle import VehicleSpec, shown, whole

log = logging.getLogger("stationd.hardware")

FILE: Final = "hardware.json"
DAMAGED: Final = "hardware.json.damaged"
FORMAT: Final = 1
FLUSH_US: Final = 5_000_000
"""A meter's progress is flushed to the disk at most this often; a killed process loses nothing that was written."""
TIME_FACTOR_MOST: Final = 100_000

VERBS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    # verb        arguments it needs                      those it may have
    "plug_in":   (("evse",),                              ("ev", "amps", "phases", "payment")),
    "plug_out":  (("evse",),                              ("iso",)),
    "ev_pause":  (("evse",),                              ()),
    "ev_resume": (("evse",),                              ()),
    "set_meter": (("evse", "timestamp", "energy_wh"),     ("power_w",)),
}  # fmt: skip


def boot_clock_us() -> int:
    """The time of a clock that never goes back, in microseconds."""
    return monotonic_ns() // 1_000


class SimulatedHardware:
    """All EVSEs of a topology, alive on the running event loop.

    *directory* is where ``hardware.json`` lies; None keeps nothing.  *clock* gives microseconds and never goes back;
    the hardware's own time passes *time_factor* times as fast, while its meters tell as often as ever.  *vehicle_stays*
    says whether a vehicle is still there after a power cut; None leaves that to the topology.  After an orderly stop
    it is.

    Raises SetupFault for a *time_factor* that cannot be.
    """

    performs: tuple[type[Effect], ...] = (SetEvse, ReadMeter)

    def __init__(
        self,
        topology: Topology,
        directory: Path | None,
        *,
        clock: Callable[[], int] = boot_clock_us,
        time_factor: int = 1,
        vehicle_stays: bool | None = None,
    ) -> None:
        try:
            self._factor = whole("time factor", time_factor, 1, TIME_FACTOR_MOST)
        except ValueError as error:
            raise SetupFault(str(error)) from error
        self._specs = {
            evse_id: spec._replace(meter_interval_us=spec.meter_interval_us * self._factor) for evse_id, spec in enumerate(topology.evses, 1)
        }
        self._directory = directory
        self._clock = clock
        self._stays = topology.simulator.vehicle_stays if vehicle_stays is None else vehicle_stays
        self._evses: dict[int, Evse] = {}
        self._others: dict[str, Any] = {}
        self._tell: Tell | None = None
        self._early: list[tuple[EffectId, SetEvse]] = []
        self._obeyed: dict[int, EffectId] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._origin_us = 0
        self._now_us = 0
        self._kept_wh: tuple[int, ...] = ()
        self._flushed_us = 0
        self._unkept = False

    # The port

    def start(self, tell: Tell) -> None:
        """Power up: read the file, tell the levels, then do what was asked meanwhile.

        Raises SetupFault where the file is there and cannot be read.
        """
        self._loop = asyncio.get_running_loop()
        self._origin_us, self._now_us = self._clock(), 0
        self._power_up()
        self._tell = tell
        self._keep(flush=any(evse.vehicle is not None for evse in self._evses.values()))
        for level in _levels_first([level for evse in self._evses.values() for level in evse.levels()]):
            tell(level)
        early, self._early = self._early, []
        for effect_id, effect in early:
            self.perform(effect_id, effect)
        self.catch_up()

    def perform(self, effect_id: EffectId, effect: Effect) -> None:
        """Command an EVSE, and answer with one ``Settled``; or read its meter, and answer with its reading.

        Of two commands the one asked later counts, in whatever order they come: after a power cut what was left undone
        is repeated behind what the new start asked.
        """
        if isinstance(effect, ReadMeter):
            self._read_meter(effect.evse_id)
            return
        if not isinstance(effect, SetEvse):
            raise TypeError(f"the hardware performs SetEvse and ReadMeter, not {type(effect).__name__}")
        if self._tell is None:
            # What a power cut left undone is asked for again before the ports start, and levels are told first.
            self._early.append((effect_id, effect))
            return
        evse = self._evses.get(effect.evse_id)
        if evse is None:
            ids = ", ".join([str(evse_id) for evse_id in self._evses])
            log.error("SetEvse for EVSE %d: the topology has %s", effect.evse_id, ids)
            self._settle(effect_id, FAILED, f"no EVSE {effect.evse_id}; the topology has {ids}")
            return
        obeyed = self._obeyed.get(effect.evse_id)
        if obeyed is not None and effect_id <= obeyed:
            self._settle(effect_id, DONE, "" if effect_id == obeyed else "a later command stands")
            return
        self._obeyed[effect.evse_id] = effect_id
        self._deliver(evse.command(self._now(), effect))
        self._settle(effect_id, DONE)
        self._arm()

    def _read_meter(self, evse_id: int) -> None:
        """Tell what the meter of an EVSE says now; nothing before the levels were told, which tell it, and of an EVSE that is not there."""
        evse = self._evses.get(evse_id)
        if self._tell is not None and evse is not None:
            self._deliver(evse.read_meter(self._now()))
            self._arm()

    def stop(self) -> None:
        """Keep everything, as an orderly stop; tell nothing more."""
        if self._tell is None:
            return
        self._tell = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now_us = self._now()
        for evse in self._evses.values():
            evse.advance(now_us)
        self._keep(flush=True, orderly=True)
        self._obeyed = {}

    # The control interface

    def verb(self, name: str, args: dict[str, Any]) -> dict[str, Any]:
        """Do what a person at the control socket wants of the hardware: one of ``VERBS``.

        Raises ValueError that names the argument and what would be right; nothing has changed then.
        """
        if self._tell is None:
            raise ValueError("the hardware is not running; start the station first")
        if name not in VERBS:
            raise ValueError(f"verb: {shown(name)} is not one of the hardware; give one of {', '.join(VERBS)}")
        needed, possible = VERBS[name]
        for argument in sorted(args):
            if argument not in needed and argument not in possible:
                raise ValueError(f"{argument}: {name} has no such argument; give {', '.join((*needed, *possible))}")
        for argument in needed:
            if argument not in args:
                raise ValueError(f"{argument}: is missing; {name} needs {', '.join(needed)}")
        self.catch_up()
        evse = self._evses[whole("evse", args["evse"], 1, len(self._evses))]
        now_us = self._now()
        match name:
            case "plug_in":
                told = evse.plug_in(now_us, _vehicle(evse, args))
            case "plug_out":
                told = evse.plug_out(now_us, iso=_flag("iso", args.get("iso", False)))
            case "ev_pause":
                told = evse.ev_pause(now_us)
            case "ev_resume":
                told = evse.ev_resume(now_us)
            case _:
                told = evse.set_meter(
                    now_us,
                    energy_wh=args["energy_wh"],
                    power_w=args.get("power_w"),
                    wall_us=_wall_us(args["timestamp"]),
                )
        self._deliver(told, changed=True)
        self._arm()
        return {}

    def picture(self) -> list[dict[str, object]]:
        """Every EVSE as it stands, for people to look at."""
        self.catch_up()
        self._keep_registers()
        return [evse.picture() for evse in self._evses.values()]

    # Time

    def catch_up(self) -> None:
        """Tell everything that is due by now, and set the timer for what comes next."""
        if self._tell is None:
            return
        now_us = self._now()
        try:
            for evse in self._evses.values():
                self._deliver(evse.advance(now_us))
        finally:
            self._arm()

    def _now(self) -> int:
        self._now_us = max(self._now_us, (self._clock() - self._origin_us) * self._factor)
        return self._now_us

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_us = min([due for evse in self._evses.values() if (due := evse.next_due()) is not None], default=None)
        if due_us is not None and self._loop is not None and self._tell is not None:
            wait_us = -(-(due_us - self._now()) // self._factor)
            self._timer = self._loop.call_later(max(wait_us, 0) / 1e6, self.catch_up)

    # Telling

    def _deliver(self, told: list[Input], *, changed: bool = False) -> None:
        if changed or any(isinstance(input, CableConnected | CableDisconnected) for input in told):
            self._keep(flush=True)
        elif told:
            self._keep_registers()
        if self._tell is not None:
            for input in _thinned(told):
                self._tell(input)

    def _settle(self, effect_id: EffectId, outcome: str, detail: str = "") -> None:
        if self._tell is not None:
            self._tell(
                Settled(
                    station=effect_id.station,
                    seq=effect_id.seq,
                    index=effect_id.index,
                    outcome=outcome,
                    detail=detail,
                )
            )

    # The file

    def _registers(self) -> tuple[int, ...]:
        return tuple([evse.energy_wh for evse in self._evses.values()])

    def _power_up(self) -> None:
        """The EVSEs as the file has them; new ones where it has none, all of them where it is damaged."""
        kept, orderly = self._read()
        stays = orderly or self._stays
        try:
            self._evses = {
                evse_id: Evse.from_state(evse_id, spec, kept[str(evse_id)], vehicle_stays=stays) if str(evse_id) in kept else Evse(evse_id, spec)
                for evse_id, spec in self._specs.items()
            }
        except ValueError as error:
            self._set_aside(str(error))
            kept = {}
            self._evses = {evse_id: Evse(evse_id, spec) for evse_id, spec in self._specs.items()}
        # An EVSE that the topology leaves out today may come back with its register.
        self._others = {key: state for key, state in sorted(kept.items()) if key not in map(str, self._specs)}
        for evse_id, evse in self._evses.items():
            if "vehicle" in kept.get(str(evse_id), {}) and evse.vehicle is None:
                log.info("EVSE %d: the vehicle left while the station was off", evse_id)

    def _read(self) -> tuple[dict[str, Any], bool]:
        """(state by EVSE number, whether the last stop was an orderly one)."""
        if self._directory is None:
            return {}, False
        path = self._directory / FILE
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return {}, False
        except OSError as error:
            raise SetupFault(f"{path}: cannot be read ({error.strerror}); give the daemon access to its data directory") from error
        try:
            found = msgspec.json.decode(text)
            if not isinstance(found, dict) or found.get("format") != FORMAT:
                raise ValueError(f"format {FORMAT} is not in it")
            kept, orderly = found.get("evses"), found.get("orderly")
            if not isinstance(kept, dict) or not isinstance(orderly, bool):
                raise ValueError("evses or orderly is missing")
        except ValueError as error:
            # msgspec's DecodeError is one.
            self._set_aside(str(error))
            return {}, False
        return kept, orderly

    def _set_aside(self, why: str) -> None:
        if self._directory is None:
            return
        path, aside = self._directory / FILE, self._directory / DAMAGED
        try:
            path.replace(aside)
        except OSError as error:
            raise SetupFault(f"{path}: damaged ({why}) and cannot be set aside ({error.strerror}); move it away") from error
        log.warning(
            "%s is damaged (%s): kept as %s, and the hardware starts empty, meters at 0 and nothing plugged in",
            path, why, aside,
        )  # fmt: skip

    def _keep_registers(self) -> None:
        """Write the file where a register has moved by a Wh that nobody has heard of yet."""
        if self._registers() != self._kept_wh:
            self._keep(flush=self._clock() - self._flushed_us >= FLUSH_US)

    def _keep(self, *, flush: bool, orderly: bool = False) -> None:
        """Replace the file.

        A disk that fails is reported once and tried again with the next change; the hardware goes on.
        """
        if self._directory is None:
            return
        states = {**self._others, **{str(evse_id): evse.to_state() for evse_id, evse in self._evses.items()}}
        body = msgspec.json.encode({"format": FORMAT, "orderly": orderly, "evses": states})
        try:
            _replace(self._directory, msgspec.json.format(body, indent=2) + b"\n", flush=flush)
        except OSError as error:
            if not self._unkept:
                log.warning(
                    "%s cannot be written (%s): a power cut would forget plugs and meters; make room or check the disk",
                    self._directory / FILE, error.strerror,
                )  # fmt: skip
            self._unkept = True
            return
        if self._unkept:
            log.info("%s is written again", self._directory / FILE)
        self._unkept = False
        self._kept_wh = self._registers()
        if flush:
            self._flushed_us = self._clock()


def _replace(directory: Path, body: bytes, *, flush: bool) -> None:
    """Put *body* where the file is, whole or not at all."""
    directory.mkdir(parents=True, exist_ok=True)
    new = directory / f"{FILE}.new"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        if flush:
            file.flush()
            os.fsync(file.fileno())
    new.replace(directory / FILE)
    if flush:
        place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(place)
        finally:
            os.close(place)


def _levels_first(levels: Iterable[Input]) -> list[Input]:
    """What every EVSE looks like, before what any meter says."""
    return sorted(levels, key=lambda level: not isinstance(level, EvseSeen))


def _thinned(told: list[Input]) -> list[Input]:
    """*told* without readings that the very next input replaces: after an hour's sleep nobody wants 3600 of them."""
    return [
        input for input, after in zip(told, [*told[1:], None], strict=False) if not (isinstance(input, MeterTold) and isinstance(after, MeterTold))
    ]


def _vehicle(evse: Evse, args: dict[str, Any]) -> VehicleSpec:
    """The vehicle of a ``plug_in``.  Where *ev* is not said, the simplest kind that fits."""
    return VehicleSpec(
        kind=args.get("ev", "iso_dc" if evse.spec.current_type == "DC" else "iec"),
        amps=args.get("amps", 32),
        phases=args.get("phases", 1),
        payment=args.get("payment", ""),
    )


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name}: {shown(value)} will not do; give true or false")
    return value


def _wall_us(text: object) -> int:
    """A *timestamp* in microseconds since 1970; one without an offset is UTC."""
    from datetime import UTC, datetime, timedelta

    try:
        when = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        when = None
    if when is not None:
        wall_us = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.fromtimestamp(0, UTC)
        if wall_us > timedelta(0):
            return wall_us // timedelta(microseconds=1)
    raise ValueError(f"timestamp: {shown(text)} will not do; give a time after 1970 such as 2030-01-31T12:00:00Z")
