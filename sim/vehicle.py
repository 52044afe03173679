"""A vehicle and its battery.

Law: integers only, and the battery moves only by the energy that it is given: what a vehicle draws follows from how
full it is, never from when it is asked.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

NJ_PER_MWH: Final = 3_600_000_000
NJ_PER_WH: Final = 1_000 * NJ_PER_MWH
"""Energy is counted in nanojoules: a milliwatt for a microsecond, so that power times time needs no rounding."""

KINDS: Final = ("iec", "iso_ac", "iso_dc")
PAYMENTS: Final = ("", "contract", "eim")

TAPER_END_MA: Final = 6_000
TAPER_STEPS: Final = 100
"""From 80 % to 100 % the current falls to 6 A in this many equal steps of charge.

Steps rather than a curve: between two of them power is constant, so energy is exact however often anybody looks.
"""

AMPS_MOST: Final = 1_000
CAPACITY_WH_MOST: Final = 10_000_000
FULL_PPM: Final = 1_000_000


class VehicleSpec(NamedTuple):
    """What arrives: *kind* ``iec`` (basic signalling), ``iso_ac`` or ``iso_dc``; *amps* a phase on *phases* phases.

    *soc_ppm* is the state of charge at plug-in in parts per million.  *payment* is what the driver wants, ``contract``
    or ``eim``; empty: a contract where vehicle and EVSE can.
    """

    kind: str = "iec"
    amps: int = 32
    phases: int = 1
    capacity_wh: int = 60_000
    soc_ppm: int = 400_000
    payment: str = ""


def whole(name: str, value: object, least: int, most: int) -> int:
    """*value* where it is a whole number from *least* to *most*; raises ValueError that names both otherwise."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name}: {shown(value)} will not do; give a whole number from {least} to {most}")
    return value


def one_of(name: str, value: object, words: tuple[str, ...]) -> str:
    """*value* where it is one of *words*; raises ValueError that names *name* and the words otherwise."""
    if not isinstance(value, str) or value not in words:
        said = ", ".join([word or '""' for word in words])
        raise ValueError(f"{name}: {shown(value)} will not do; give one of {said}")
    return value


def shown(value: object) -> str:
    """*value* for an error message, cut short."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."  # noqa: PLR2004 (long enough to recognise it)


def checked(spec: VehicleSpec) -> VehicleSpec:
    """*spec* where such a vehicle can exist; raises ValueError that names the field otherwise."""
    spec = VehicleSpec(
        kind=one_of("ev", spec.kind, KINDS),
        amps=whole("amps", spec.amps, 1, AMPS_MOST),
        phases=whole("phases", spec.phases, 1, 3),
        capacity_wh=whole("capacity_wh", spec.capacity_wh, 1, CAPACITY_WH_MOST),
        soc_ppm=whole("soc_ppm", spec.soc_ppm, 0, FULL_PPM),
        payment=one_of("payment", spec.payment, PAYMENTS),
    )
    if spec.kind == "iec" and spec.payment == "contract":
        raise ValueError("payment: a vehicle of kind iec has no contract; give eim, or ev = iso_ac or iso_dc")
    return spec


class Vehicle:
    """A vehicle at a connector: how full it is, and whether it rests."""

    __slots__ = ("capacity_nj", "charge_nj", "paused", "spec")

    def __init__(self, spec: VehicleSpec) -> None:
        self.spec = checked(spec)
        self.capacity_nj = self.spec.capacity_wh * NJ_PER_WH
        self.charge_nj = self.capacity_nj * self.spec.soc_ppm // FULL_PPM
        self.paused = False

    @property
    def full(self) -> bool:
        """Nothing more goes in."""
        return self.charge_nj >= self.capacity_nj

    @property
    def soc_ppm(self) -> int:
        """State of charge in parts per million, rounded down."""
        return self.charge_nj * FULL_PPM // self.capacity_nj

    @property
    def limit_ma(self) -> int:
        """What it takes at most by phase, in mA: all it can below 80 %, then less and less, nothing when full."""
        if self.full:
            return 0
        most_ma = self.spec.amps * 1_000
        step = self._taper_step()
        return most_ma if step < 0 else most_ma - max(most_ma - TAPER_END_MA, 0) * step // TAPER_STEPS

    @property
    def to_next_step_nj(self) -> int:
        """The energy until its limit changes, or until it is full; 0 when full."""
        if self.full:
            return 0
        start_nj = self.capacity_nj * 4 // 5
        # Exact: a whole number of Wh has 3 600 000 000 000 nJ, which 500 divides.
        return start_nj + (self.capacity_nj - start_nj) * (self._taper_step() + 1) // TAPER_STEPS - self.charge_nj

    def charge(self, energy_nj: int) -> None:
        """Take *energy_nj*; what does not fit in is lost, which is less than a microsecond's worth."""
        self.charge_nj = min(self.charge_nj + energy_nj, self.capacity_nj)

    def to_state(self) -> dict[str, Any]:
        """What survives a power cut, as JSON values; energy in whole mWh, rounded down."""
        return {**self.spec._asdict(), "charge_mwh": self.charge_nj // NJ_PER_MWH, "paused": self.paused}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Vehicle:
        """The vehicle that :meth:`to_state` wrote down.  Raises ValueError for anything else."""
        known = (*VehicleSpec._fields, "charge_mwh", "paused")
        if sorted(state) != sorted(known):
            raise ValueError(f"vehicle: has {sorted(state)}, not {sorted(known)}")
        vehicle = cls(VehicleSpec(*[state[name] for name in VehicleSpec._fields]))
        vehicle.charge_nj = whole("charge_mwh", state["charge_mwh"], 0, vehicle.spec.capacity_wh * 1_000) * NJ_PER_MWH
        if not isinstance(state["paused"], bool):
            raise ValueError(f"paused: {shown(state['paused'])} will not do; give true or false")
        vehicle.paused = state["paused"]
        return vehicle

    def _taper_step(self) -> int:
        start_nj = self.capacity_nj * 4 // 5
        if self.charge_nj < start_nj:
            return -1
        return (self.charge_nj - start_nj) * TAPER_STEPS // (self.capacity_nj - start_nj)
