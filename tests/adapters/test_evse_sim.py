"""The simulated hardware as a port: what it tells, what it keeps, what it refuses.

Law: the clock is the test's and so is the timer; nothing is waited for.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.evse_sim import SimulatedHardware
from engine.errors import SetupFault
from engine.event import Effect, EffectId, Input
from engine.kernel import Settled
from engine.ports import Port
from machines.effects import HangUp, ReadMeter, SetEvse
from machines.inputs import CableConnected, CableDisconnected, ContactorMoved, EvseSeen, MeterTold, PilotChanged
from sim.evse import EvseSpec, Topology, parse_topology
from stationd.leap import LeapingLoop

S = 1_000_000


class Timers:
    """The loop's timers, fired by hand."""

    def __init__(self) -> None:
        self.set: list[list[Any]] = []

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Timers.Handle:
        """Remember it."""
        self.set.append([round(delay_s * 1e6), callback])
        return Timers.Handle(self, self.set[-1])

    class Handle:
        """What cancels a timer."""

        def __init__(self, timers: Timers, row: list[Any]) -> None:
            self.timers = timers
            self.row = row

        def cancel(self) -> None:
            """Forget it."""
            if self.row in self.timers.set:
                self.timers.set.remove(self.row)


class Bench:
    """Hardware with a clock and timers of its own, and everything that it told."""

    def __init__(self, topology: Topology | None = None, directory: Path | None = None, **options: Any) -> None:
        self.now_us = 1_000 * S
        self.told: list[Input] = []
        self.timers = Timers()
        self.hardware = SimulatedHardware(topology if topology is not None else Topology(), directory, clock=lambda: self.now_us, **options)

    def start(self) -> Bench:
        """Power up on a real loop; its timers are replaced by ours, because the loop does not live on."""

        async def begin() -> None:
            self.hardware.start(self.told.append)
            if self.hardware._timer is not None:
                self.hardware._timer.cancel()
            self.hardware._timer = None
            self.hardware._loop = self.timers  # type: ignore[assignment]
            self.hardware._arm()

        asyncio.run(begin())
        return self

    def news(self, *, meters: bool = False) -> list[Input]:
        """What was told since last asked."""
        news, self.told[:] = list(self.told), []
        return [input for input in news if meters or not isinstance(input, MeterTold)]

    def pass_us(self, us: int) -> None:
        """Let time pass, the timers firing when they are due."""
        end_us = self.now_us + us
        while self.timers.set and self.now_us + self.timers.set[0][0] <= end_us:
            delay_us, callback = self.timers.set.pop(0)
            self.now_us += delay_us
            self.hardware._timer = None
            callback()
        self.now_us = end_us

    def set_evse(self, seq: int, *, energise: bool, evse_id: int = 1) -> None:
        """A command of turn *seq*."""
        self.hardware.perform(EffectId(0, seq, 0), SetEvse(evse_id=evse_id, energise=energise, lock=energise))


def settled(seq: int, outcome: str = "done", detail: str = "") -> Settled:
    """The answer to the command of turn *seq*."""
    return Settled(station=0, seq=seq, index=0, outcome=outcome, detail=detail)


def kept(directory: Path) -> dict[str, Any]:
    """What the file says."""
    found: dict[str, Any] = json.loads((directory / "hardware.json").read_bytes())
    return found


# A port


def test_it_is_a_port_and_states_its_levels_first() -> None:
    """Broken: a station that after a start does not know what its outlets look like."""
    bench = Bench().start()
    port: Port = bench.hardware
    assert port.performs == (SetEvse, ReadMeter)
    assert bench.news(meters=True) == [
        EvseSeen(evse_id=n, connector_id=0, plugged=False, pilot="A", contactor_closed=False, energy_wh=0) for n in (1, 2)
    ]
    assert bench.timers.set == []


def test_a_charge_with_nobody_asking() -> None:
    """Broken: the timer: the hardware must tell what happens by itself."""
    bench = Bench().start()
    bench.news()
    assert bench.hardware.verb("plug_in", {"evse": 1, "ev": "iec"}) == {}
    assert bench.news() == [CableConnected(evse_id=1, connector_id=1)]
    bench.pass_us(3 * S)
    assert bench.news() == [PilotChanged(evse_id=1, state="B")]
    bench.set_evse(7, energise=True)
    assert bench.news() == [settled(7)]
    bench.pass_us(2 * S)
    assert bench.news() == [PilotChanged(evse_id=1, state="C"), ContactorMoved(evse_id=1, closed=True)]
    bench.pass_us(3_600 * S)
    meters = [input for input in bench.news(meters=True) if isinstance(input, MeterTold)]
    assert len(meters) == 3_600
    assert (meters[-1].evse_id, meters[-1].power_w, meters[-1].energy_wh // 10) == (1, 7_360, 736)
    bench.hardware.verb("ev_pause", {"evse": 1})
    bench.hardware.verb("ev_resume", {"evse": 1})
    bench.pass_us(2 * S)
    assert [type(input) for input in bench.news()] == [PilotChanged, ContactorMoved, PilotChanged, ContactorMoved]
    bench.hardware.verb("plug_out", {"evse": 1})
    assert CableDisconnected(evse_id=1, connector_id=1) in bench.news()
    assert bench.timers.set == []


def test_every_command_is_answered_once_and_the_later_one_counts() -> None:
    """Broken: after a power cut a command of the last process that switches off, or on, what the new one asked."""
    bench = Bench().start()
    bench.hardware.verb("plug_in", {"evse": 1})
    bench.pass_us(2 * S)
    bench.news()
    bench.set_evse(9, energise=True)
    bench.set_evse(5, energise=False)
    bench.set_evse(9, energise=True)
    assert bench.news() == [settled(9), settled(5, detail="a later command stands"), settled(9)]
    assert bench.hardware.picture()[0]["offered"] is True


def test_commands_before_the_start_wait_for_the_levels() -> None:
    """Broken: what a power cut left undone, and is performed before the ports start, is lost or precedes the levels."""
    bench = Bench()
    bench.set_evse(3, energise=True)
    bench.set_evse(2, energise=False, evse_id=2)
    assert bench.told == []
    bench.start()
    news = bench.news()
    assert [type(input) for input in news[:2]] == [EvseSeen, EvseSeen]
    assert news[2:] == [settled(3), settled(2)]
    assert [picture["offered"] for picture in bench.hardware.picture()] == [True, False]


def test_a_command_for_an_evse_that_is_not_there_fails() -> None:
    """Broken: an effect that nobody answers."""
    bench = Bench(Topology((EvseSpec(),))).start()
    bench.news()
    bench.set_evse(1, energise=True, evse_id=2)
    assert bench.news() == [settled(1, "failed", "no EVSE 2; the topology has 1")]
    wrong: Effect = HangUp(link=1)
    with pytest.raises(TypeError, match="SetEvse and ReadMeter, not HangUp"):
        bench.hardware.perform(EffectId(0, 1, 0), wrong)


def test_nothing_is_told_after_stop() -> None:
    """Broken: an input for a daemon that has closed its journal."""
    bench = Bench().start()
    bench.hardware.verb("plug_in", {"evse": 1})
    bench.hardware.stop()
    bench.news()
    assert bench.timers.set == []
    bench.hardware.catch_up()
    bench.set_evse(1, energise=True)
    bench.hardware.stop()
    assert bench.told == []
    with pytest.raises(ValueError, match="not running"):
        bench.hardware.verb("plug_out", {"evse": 1})


def test_a_long_sleep_is_not_told_second_by_second() -> None:
    """Broken: a flood of readings into the journal after the process stood still."""
    bench = Bench().start()
    bench.hardware.verb("plug_in", {"evse": 1})
    bench.pass_us(2 * S)
    bench.set_evse(1, energise=True)
    bench.pass_us(2 * S)
    bench.news()
    bench.now_us += 3_600 * S
    bench.hardware.catch_up()
    (reading,) = bench.news(meters=True)
    assert isinstance(reading, MeterTold)
    assert reading.energy_wh >= 7_358


def test_a_two_hour_charge_in_seconds() -> None:
    """Broken: the time factor, or a meter that floods because time flies."""
    bench = Bench(time_factor=3_600).start()
    bench.hardware.verb("plug_in", {"evse": 1})
    bench.set_evse(1, energise=True)
    bench.pass_us(2 * S)
    readings = [input for input in bench.news(meters=True) if isinstance(input, MeterTold)]
    assert readings[-1].energy_wh > 7_000
    assert len(readings) < 10
    for factor in (0, 1.5, True):
        with pytest.raises(SetupFault, match=r"time factor: .* give a whole number from 1"):
            SimulatedHardware(Topology(), None, time_factor=factor)  # type: ignore[arg-type]


# The control interface


@pytest.mark.parametrize(
    ("verb", "args", "says"),
    [
        ("plug", {}, "verb: 'plug' is not one of the hardware; give one of plug_in, plug_out, ev_pause, ev_resume"),
        ("plug_in", {}, "evse: is missing; plug_in needs evse"),
        ("plug_in", {"evse": 3}, "evse: 3 will not do; give a whole number from 1 to 2"),
        ("plug_in", {"evse": True}, "evse: True will not do"),
        ("plug_in", {"evse": 1, "connector": 1}, "connector: plug_in has no such argument; give evse, ev, amps"),
        ("plug_in", {"evse": 1, "ev": "bus"}, "ev: 'bus' will not do; give one of iec, iso_ac, iso_dc"),
        ("plug_in", {"evse": 1, "amps": "32"}, "amps: '32' will not do; give a whole number"),
        ("plug_in", {"evse": 1, "payment": "cash"}, "payment: 'cash' will not do"),
        ("plug_out", {"evse": 1, "iso": 1}, "iso: 1 will not do; give true or false"),
        ("ev_pause", {"evse": 1}, "evse: no vehicle is plugged in at 1; plug one in first"),
        ("ev_resume", {"evse": 1}, "evse: no vehicle is plugged in at 1; plug one in first"),
        ("set_meter", {"evse": 1, "energy_wh": 1}, "timestamp: is missing; set_meter needs evse, timestamp, energy_wh"),
        ("set_meter", {"evse": 1, "energy_wh": 1, "timestamp": "noon"}, "timestamp: 'noon' will not do; give a time"),
        ("set_meter", {"evse": 1, "energy_wh": 1, "timestamp": "1960-01-01T00:00:00Z"}, "timestamp: "),
        ("set_meter", {"evse": 1, "energy_wh": 1, "timestamp": 12}, "timestamp: 12 will not do"),
        ("set_meter", {"evse": 1, "energy_wh": 0.5, "timestamp": "2030-01-01T00:00:00Z"}, "energy_wh: 0.5 will not do"),
    ],
)
def test_a_wrong_argument_is_named_and_changes_nothing(tmp_path: Path, verb: str, args: dict[str, Any], says: str) -> None:
    """Broken: an error that leaves a person guessing, or half a verb."""
    bench = Bench(directory=tmp_path).start()
    before, file = bench.hardware.picture(), kept(tmp_path)
    bench.news()
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the text is compared below)
        bench.hardware.verb(verb, args)
    assert says in str(error.value)
    assert (bench.hardware.picture(), kept(tmp_path), bench.told) == (before, file, [])


def test_an_occupied_outlet_refuses_another_vehicle() -> None:
    """Broken: a vehicle that vanishes because another one came."""
    bench = Bench().start()
    bench.hardware.verb("plug_in", {"evse": 2, "ev": "iso_ac", "amps": 16, "phases": 3, "payment": "eim"})
    with pytest.raises(ValueError, match="evse: 2 is occupied at connector 1; plug that vehicle out first"):
        bench.hardware.verb("plug_in", {"evse": 2, "ev": "iec"})
    assert bench.hardware.picture()[1]["vehicle"] == {
        "ev": "iso_ac", "amps": 16, "phases": 3, "payment": "eim", "soc_ppm": 400_000, "paused": False
    }  # fmt: skip


def test_a_vehicle_that_is_not_described_fits() -> None:
    """Broken: the default kind at a DC outlet."""
    bench = Bench(Topology((EvseSpec(), EvseSpec(current_type="DC")))).start()
    for evse_id, kind in ((1, "iec"), (2, "iso_dc")):
        bench.hardware.verb("plug_in", {"evse": evse_id})
        vehicle = bench.hardware.picture()[evse_id - 1]["vehicle"]
        assert isinstance(vehicle, dict)
        assert vehicle["ev"] == kind


@pytest.mark.parametrize("timestamp", ["2030-01-31T12:00:00Z", "2030-01-31T12:00:00.000", "2030-01-31T14:00:00.000000+02:00"])
def test_a_meter_set_by_hand(timestamp: str) -> None:
    """Broken: set_meter's time, which is the meter's own."""
    bench = Bench().start()
    bench.news()
    bench.hardware.verb("set_meter", {"evse": 2, "timestamp": timestamp, "energy_wh": 1234.0, "power_w": 5_000})
    assert bench.news(meters=True) == [MeterTold(evse_id=2, energy_wh=1_234, power_w=5_000, wall_us=1_896_091_200 * S)]
    bench.hardware.verb("set_meter", {"evse": 2, "timestamp": timestamp, "energy_wh": 1_235})
    assert bench.news(meters=True) == [MeterTold(evse_id=2, energy_wh=1_235, power_w=-1, wall_us=1_896_091_200 * S)]


# The file


def charged(directory: Path, **options: Any) -> Bench:
    """Hardware that has charged a vehicle at EVSE 1 for a while."""
    bench = Bench(directory=directory, **options).start()
    bench.hardware.verb("plug_in", {"evse": 1, "ev": "iso_ac", "amps": 16})
    bench.set_evse(1, energise=True)
    bench.pass_us(1_000 * S)
    return bench


def test_a_power_cut_loses_nothing_that_was_told(tmp_path: Path) -> None:
    """Broken: a register that is lower after a power cut than what the CSMS was told before it."""
    bench = charged(tmp_path)
    for _ in range(50):
        bench.pass_us(300_001)
        told_wh = max(input.energy_wh for input in bench.told if isinstance(input, MeterTold))
        after = Bench(directory=None)
        after.hardware._directory = tmp_path
        before = (tmp_path / "hardware.json").read_bytes()
        level = after.start().told[0]
        (tmp_path / "hardware.json").write_bytes(before)
        assert isinstance(level, EvseSeen)
        assert level.energy_wh == told_wh


def test_after_a_power_cut_the_vehicle_is_gone_unless_it_stays(tmp_path: Path) -> None:
    """Broken: the topology's vehicle_stays, the flag over it, or the power path after a start."""
    stays = parse_topology({"simulator": {"vehicle_stays": True}})
    for topology, flag, plugged in [
        (Topology(), None, False),
        (Topology(), True, True),
        (stays, None, True),
        (stays, False, False),
    ]:
        charged(tmp_path, topology=topology)
        level = Bench(topology, tmp_path, vehicle_stays=flag).start().told[0]
        assert isinstance(level, EvseSeen)
        assert (level.plugged, level.contactor_closed, level.pilot) == (plugged, False, "B" if plugged else "A")
        assert level.energy_wh > 0
        (tmp_path / "hardware.json").unlink()


def test_after_an_orderly_stop_the_vehicle_is_still_there(tmp_path: Path) -> None:
    """Broken: a restart that makes a parked vehicle vanish, or a later power cut that passes for an orderly stop."""
    charged(tmp_path).hardware.stop()
    assert kept(tmp_path)["orderly"] is True
    second = Bench(directory=tmp_path).start()
    assert kept(tmp_path)["orderly"] is False
    level = second.told[0]
    assert isinstance(level, EvseSeen)
    assert (level.plugged, level.connector_id, level.pilot) == (True, 1, "B")
    third = Bench(directory=tmp_path).start()
    assert [input.plugged for input in third.told if isinstance(input, EvseSeen)] == [False, False]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"format": 2, "orderly": false, "evses": {}}',
        b'{"format": 1, "evses": {}}',
        b'{"format": 1, "orderly": false, "evses": []}',
        b'{"format": 1, "orderly": false, "evses": {"2": {"energy_mwh": -5}}}',
        b'{"format": 1, "orderly": false, "evses": {"1": 7}}',
    ],
)
def test_a_damaged_file_is_kept_aside_and_said(tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Broken: a station that does not start because its simulated hardware forgot, or that forgets silently."""
    (tmp_path / "hardware.json").write_bytes(damage)
    with caplog.at_level(logging.WARNING, "stationd.hardware"):
        bench = Bench(directory=tmp_path).start()
    assert "hardware.json is damaged" in caplog.text
    assert (tmp_path / "hardware.json.damaged").read_bytes() == damage
    assert [input.energy_wh for input in bench.told if isinstance(input, EvseSeen)] == [0, 0]
    assert kept(tmp_path)["format"] == 1


def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    """Broken: registers that begin at 0 again because of a wrong permission."""
    (tmp_path / "hardware.json").mkdir()
    with pytest.raises(SetupFault, match="cannot be read"):
        Bench(directory=tmp_path).start()


def test_a_disk_that_fails_is_said_once_and_the_charge_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken: a full disk that stops a charge, or fills the log."""
    bench = charged(tmp_path)
    bench.news()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken, caplog.at_level(logging.INFO, "stationd.hardware"):
        broken.setattr("adapters.evse_sim._replace", full)
        bench.pass_us(20 * S)
        assert len(bench.news(meters=True)) == 20
        assert caplog.text.count("cannot be written (No space left on device)") == 1
    with caplog.at_level(logging.INFO, "stationd.hardware"):
        bench.pass_us(2 * S)
    assert caplog.text.count("is written again") == 1
    energy_wh = bench.hardware.picture()[0]["energy_wh"]
    assert kept(tmp_path)["evses"]["1"]["energy_mwh"] // 1_000 == energy_wh


def test_an_evse_that_is_left_out_for_a_while_keeps_its_register(tmp_path: Path) -> None:
    """Broken: a register that a change of the topology sets back."""
    first = Bench(directory=tmp_path).start()
    first.hardware.verb("set_meter", {"evse": 2, "timestamp": "2030-01-31T12:00:00Z", "energy_wh": 77, "power_w": 1})
    first.hardware.stop()
    Bench(Topology((EvseSpec(),)), tmp_path).start().hardware.stop()
    third = Bench(directory=tmp_path).start()
    assert [input.energy_wh for input in third.told if isinstance(input, EvseSeen)] == [0, 77]
    assert third.told[2] == MeterTold(evse_id=2, energy_wh=77, power_w=1, wall_us=1_896_091_200 * S)


def test_the_disk_is_flushed_for_plugs_and_seldom_for_meters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Broken: a flash disk worn out by a meter, or a plug that a power cut forgets."""
    flushes: list[int] = []
    bench = charged(tmp_path)
    monkeypatch.setattr("os.fsync", lambda _: flushes.append(bench.now_us))
    bench.pass_us(60 * S)
    assert 10 <= len(set(flushes)) <= 12
    flushes.clear()
    bench.hardware.verb("plug_out", {"evse": 1})
    assert flushes
    assert "vehicle" not in kept(tmp_path)["evses"]["1"]
    assert (tmp_path / "hardware.json").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hardware.json"]


def test_the_loop_itself_drives_it() -> None:
    """Broken: a timer that is not set on the running loop."""

    async def run() -> list[Input]:
        loop = asyncio.get_running_loop()
        told: list[Input] = []
        closed = asyncio.Event()

        def tell(input: Input) -> None:
            told.append(input)
            if isinstance(input, ContactorMoved):
                closed.set()

        hardware = SimulatedHardware(Topology(), None, clock=lambda: int(loop.time() * S))
        hardware.start(tell)
        hardware.verb("plug_in", {"evse": 1})
        hardware.perform(EffectId(0, 1, 0), SetEvse(evse_id=1, energise=True, lock=True))
        await asyncio.wait_for(closed.wait(), 600)
        hardware.stop()
        return told

    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        told = runner.run(run())
    assert [type(input) for input in told if not isinstance(input, EvseSeen | MeterTold)] == [
        CableConnected,
        Settled,
        PilotChanged,
        PilotChanged,
        ContactorMoved,
    ]
