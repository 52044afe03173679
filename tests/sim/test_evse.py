"""The simulated EVSE and vehicle: what a charge looks like from the hardware's side.

Law: a test gives times, never waits for them.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SetupFault
from engine.event import Input
from machines.effects import SetEvse
from machines.inputs import CableConnected, CableDisconnected, ContactorMoved, EvseSeen, MeterTold, PilotChanged
from sim.evse import Evse, EvseSpec, SimulatorOptions, Topology, parse_topology
from sim.vehicle import NJ_PER_MWH, NJ_PER_WH, Vehicle, VehicleSpec

MS = 1_000
S = 1_000_000
HOUR = 3_600 * S

OFFER = SetEvse(evse_id=1, energise=True, lock=True)
WITHDRAW = SetEvse(evse_id=1, energise=False, lock=False)


def edges(told: list[Input]) -> list[Input]:
    """What was told but by the meter."""
    return [input for input in told if not isinstance(input, MeterTold)]


def readings(told: list[Input]) -> list[MeterTold]:
    """What the meter told."""
    return [input for input in told if isinstance(input, MeterTold)]


def charging(spec: EvseSpec | None = None, vehicle: VehicleSpec | None = None) -> Evse:
    """An EVSE whose contactor closed at 2.05 s."""
    evse = Evse(1, spec or EvseSpec())
    evse.plug_in(0, vehicle or VehicleSpec())
    evse.command(1 * S, OFFER)
    evse.advance(2 * S + 50 * MS)
    assert evse.seen().contactor_closed
    return evse


# A charge


def test_a_charge_from_plug_to_unplug() -> None:
    """Broken: the order or the delays of plug, pilot, contactor, or their undoing."""
    evse = Evse(1, EvseSpec())
    assert edges(evse.plug_in(0, VehicleSpec())) == [CableConnected(evse_id=1, connector_id=1)]
    assert evse.advance(1 * S - 1) == []
    assert edges(evse.advance(1 * S)) == [PilotChanged(evse_id=1, state="B")]
    assert evse.command(9 * S, OFFER) == []
    assert (evse.locked, evse.pwm_ma) == (True, 32_000)
    assert edges(evse.advance(10 * S - 1)) == []
    assert edges(evse.advance(10 * S)) == [PilotChanged(evse_id=1, state="C")]
    assert edges(evse.advance(10 * S + 50 * MS)) == [ContactorMoved(evse_id=1, closed=True)]
    assert evse.power_mw == 7_360_000
    evse.command(20 * S, WITHDRAW)
    assert edges(evse.advance(25 * S)) == [
        ContactorMoved(evse_id=1, closed=False),
        PilotChanged(evse_id=1, state="B"),
    ]
    assert edges(evse.plug_out(30 * S)) == [
        CableDisconnected(evse_id=1, connector_id=1),
        PilotChanged(evse_id=1, state="A"),
    ]
    assert evse.seen() == EvseSeen(evse_id=1, connector_id=0, plugged=False, pilot="A", contactor_closed=False, energy_wh=20)
    assert evse.next_due() is None


def test_an_hour_at_32_a_is_7360_wh() -> None:
    """Broken: the arithmetic of energy, which must be exact."""
    evse = charging()
    before_mwh = evse.energy_mwh
    evse.advance(2 * S + 50 * MS + HOUR)
    assert evse.energy_mwh - before_mwh == 7_360_000
    vehicle = evse.vehicle
    assert vehicle is not None
    assert vehicle.charge_nj == 24_000 * NJ_PER_WH + 7_360 * NJ_PER_WH


def test_an_offer_before_the_pilot_is_not_answered_before_it() -> None:
    """Broken: a vehicle that wants energy before it was seen."""
    evse = Evse(1, EvseSpec())
    evse.plug_in(0, VehicleSpec())
    evse.command(10 * MS, OFFER)
    assert edges(evse.advance(2 * S - 1)) == [PilotChanged(evse_id=1, state="B")]
    assert edges(evse.advance(2 * S)) == [PilotChanged(evse_id=1, state="C")]


def test_a_command_twice_changes_nothing() -> None:
    """Broken: SetEvse is repeated after a power cut, so it must be a level and no edge."""
    evse = Evse(1, EvseSpec())
    evse.plug_in(0, VehicleSpec())
    evse.command(1 * S, OFFER)
    due = evse.next_due()
    assert evse.command(1 * S + 500 * MS, OFFER) == []
    assert evse.next_due() == due
    evse.advance(5 * S)
    before = evse.picture()
    assert evse.command(5 * S, OFFER) == []
    assert evse.picture() == before


def test_an_offer_that_comes_back_in_time_keeps_the_vehicle_in_c() -> None:
    """Broken: a vehicle that falls to B although power was offered again before it noticed."""
    evse = charging()
    evse.command(10 * S, WITHDRAW)
    told = edges(evse.command(10 * S + 500 * MS, OFFER)) + edges(evse.advance(20 * S))
    assert told == [ContactorMoved(evse_id=1, closed=False), ContactorMoved(evse_id=1, closed=True)]


def test_a_pause_and_a_resume() -> None:
    """Broken: ev_pause and ev_resume, or a paused vehicle that answers an offer."""
    evse = charging()
    told = evse.ev_pause(10 * S)
    assert edges(told) == [PilotChanged(evse_id=1, state="B")]
    assert evse.power_mw == 0
    assert edges(evse.advance(20 * S)) == [ContactorMoved(evse_id=1, closed=False)]
    assert edges(evse.ev_resume(20 * S)) == []
    assert edges(evse.advance(30 * S)) == [
        PilotChanged(evse_id=1, state="C"),
        ContactorMoved(evse_id=1, closed=True),
    ]


def test_pause_and_resume_need_a_vehicle() -> None:
    """Broken: a verb that is accepted and does nothing."""
    evse = Evse(1, EvseSpec())
    with pytest.raises(ValueError, match="no vehicle is plugged in at 1"):
        evse.ev_pause(0)
    with pytest.raises(ValueError, match="no vehicle is plugged in at 1"):
        evse.ev_resume(0)


def test_unplugging_under_load_opens_everything_at_once() -> None:
    """Broken: a contactor that stays closed without a vehicle, or an offer that the next vehicle would inherit."""
    evse = charging()
    told = evse.plug_out(10 * S)
    assert edges(told) == [
        CableDisconnected(evse_id=1, connector_id=1),
        PilotChanged(evse_id=1, state="A"),
        ContactorMoved(evse_id=1, closed=False),
    ]
    assert readings(told)[-1].power_w == 0
    evse.plug_in(11 * S, VehicleSpec())
    assert edges(evse.advance(60 * S)) == [PilotChanged(evse_id=1, state="B")]


def test_an_iso_vehicle_ends_its_charge_before_it_leaves() -> None:
    """Broken: plug_out with iso must stop charging first."""
    evse = charging(vehicle=VehicleSpec(kind="iso_ac"))
    assert edges(evse.plug_out(10 * S, iso=True)) == [PilotChanged(evse_id=1, state="B")]
    assert edges(evse.plug_out(10 * S + 10 * MS, iso=True)) == []
    with pytest.raises(ValueError, match="occupied"):
        evse.plug_in(10 * S + 20 * MS, VehicleSpec())
    assert edges(evse.advance(20 * S)) == [
        ContactorMoved(evse_id=1, closed=False),
        CableDisconnected(evse_id=1, connector_id=1),
        PilotChanged(evse_id=1, state="A"),
    ]


@pytest.mark.parametrize("at_ms", [0, 500, 1_000, 1_500, 2_000, 2_020, 2_050, 9_000])
def test_a_vehicle_can_leave_in_any_phase(at_ms: int) -> None:
    """Broken: something still due for a vehicle that has gone."""
    evse = Evse(1, EvseSpec())
    evse.plug_in(0, VehicleSpec())
    evse.command(0, OFFER)
    evse.plug_out(at_ms * MS)
    assert evse.next_due() is None
    assert (evse.seen().plugged, evse.seen().pilot, evse.seen().contactor_closed) == (False, "A", False)
    assert evse.advance(HOUR) == []


def test_unplugging_nothing_has_no_effect() -> None:
    """Broken: plug_out without a vehicle must not be told."""
    assert Evse(1, EvseSpec()).plug_out(5 * S) == []


# Who may plug in where


def test_what_does_not_fit_is_refused_and_changes_nothing() -> None:
    """Broken: an impossible vehicle, or an error that does not say what would be right."""
    evse = Evse(1, EvseSpec())
    for vehicle, connector_id, says in [
        (VehicleSpec(), 2, "connector: 2 will not do; give a whole number from 1 to 1"),
        (VehicleSpec(kind="iso_dc"), 1, "iso_dc does not fit EVSE 1, which is AC; give iec or iso_ac"),
        (VehicleSpec(kind="ISO"), 1, "ev: 'ISO' will not do; give one of iec, iso_ac, iso_dc"),
        (VehicleSpec(amps=0), 1, "amps: 0"),
        (VehicleSpec(phases=4), 1, "phases: 4"),
        (VehicleSpec(payment="cash"), 1, "payment: 'cash' will not do"),
        (VehicleSpec(payment="contract"), 1, "a vehicle of kind iec has no contract"),
        (VehicleSpec(soc_ppm=1_000_001), 1, "soc_ppm"),
    ]:
        with pytest.raises(ValueError, match=says):
            evse.plug_in(0, vehicle, connector_id)
        assert (evse.seen().plugged, evse.next_due()) == (False, None)
    with pytest.raises(ValueError, match="does not fit EVSE 1, which is DC; give iso_dc"):
        Evse(1, EvseSpec(current_type="DC")).plug_in(0, VehicleSpec())


def test_one_vehicle_at_a_time() -> None:
    """Broken: a second vehicle at the other connector of an EVSE; an EVSE serves one."""
    evse = Evse(1, EvseSpec(connectors=2))
    evse.plug_in(0, VehicleSpec(), 2)
    assert evse.seen().connector_id == 2
    with pytest.raises(ValueError, match="evse: 1 is occupied at connector 2; plug that vehicle out first"):
        evse.plug_in(0, VehicleSpec(), 1)


def test_time_does_not_go_back() -> None:
    """Broken: energy counted backwards."""
    evse = charging()
    with pytest.raises(ValueError, match="never goes back"):
        evse.advance(0)


def test_a_command_for_another_evse_is_refused() -> None:
    """Broken: energy offered at the wrong outlet."""
    with pytest.raises(ValueError, match="this is 2, the command is for 1"):
        Evse(2, EvseSpec()).command(0, OFFER)


@pytest.mark.parametrize(
    ("spec", "vehicle", "payment"),
    [
        (EvseSpec(hlc=True, plug_and_charge=True), VehicleSpec(kind="iso_ac"), "contract"),
        (EvseSpec(hlc=True, plug_and_charge=True), VehicleSpec(kind="iso_ac", payment="eim"), "eim"),
        (EvseSpec(hlc=True, plug_and_charge=True), VehicleSpec(kind="iec"), "eim"),
        (EvseSpec(hlc=True), VehicleSpec(kind="iso_ac", payment="contract"), "eim"),
        (EvseSpec(plug_and_charge=True), VehicleSpec(kind="iso_ac"), "eim"),
    ],
)
def test_a_contract_where_vehicle_and_evse_can(spec: EvseSpec, vehicle: VehicleSpec, payment: str) -> None:
    """Broken: the default of payment, or a contract that one side cannot do."""
    evse = Evse(1, spec)
    assert evse.payment == ""
    evse.plug_in(0, vehicle)
    assert evse.payment == payment


# What flows


@pytest.mark.parametrize(
    ("spec", "vehicle", "current_ma", "power_w"),
    [
        (EvseSpec(), VehicleSpec(amps=16), (16_000, 0, 0), 3_680),
        (EvseSpec(), VehicleSpec(amps=16, phases=3), (16_000, 16_000, 16_000), 11_040),
        (EvseSpec(max_current_a=10), VehicleSpec(phases=3), (10_000, 10_000, 10_000), 6_900),
        (EvseSpec(phases=1), VehicleSpec(phases=3), (32_000,), 7_360),
        (EvseSpec(current_type="DC", max_current_a=72), VehicleSpec(kind="iso_dc", amps=72), (72_000,) * 3, 49_680),
    ],
)
def test_current_is_the_least_of_vehicle_and_evse(spec: EvseSpec, vehicle: VehicleSpec, current_ma: tuple[int, ...], power_w: int) -> None:
    """Broken: current, power or the phases that are told."""
    evse = charging(spec, vehicle)
    reading = readings(evse.advance(4 * S))[-1]
    assert (reading.current_ma, reading.power_w) == (current_ma, power_w)
    assert reading.voltage_mv == (230_000,) * spec.phases


def test_the_current_falls_above_80_percent_and_ends_at_100() -> None:
    """Broken: the taper, or a vehicle that never has enough."""
    evse = charging(vehicle=VehicleSpec(capacity_wh=10_000, soc_ppm=799_000))
    told: list[Input] = []
    currents: list[int] = []
    while evse.seen().contactor_closed:
        due = evse.next_due()
        assert due is not None
        told += evse.advance(due)
        currents.append(evse.current_ma)
    drawn = [current for current in currents if current]
    assert (drawn[0], drawn[-1]) == (32_000, 6_260)
    assert drawn == sorted(drawn, reverse=True)
    assert edges(told) == [PilotChanged(evse_id=1, state="B"), ContactorMoved(evse_id=1, closed=False)]
    assert evse.vehicle is not None
    assert (evse.vehicle.full, evse.vehicle.soc_ppm) == (True, 1_000_000)
    assert evse.energy_wh == 2_010
    assert edges(evse.advance(evse.next_due() or 0)) == []
    evse.ev_resume(HOUR * 10)
    assert edges(evse.advance(HOUR * 11)) == []


def test_a_vehicle_of_less_than_6_a_does_not_speed_up() -> None:
    """Broken: a taper that ends above where it began."""
    vehicle = Vehicle(VehicleSpec(amps=5, soc_ppm=990_000))
    assert vehicle.limit_ma == 5_000


# The meter


def test_the_meter_tells_every_second_of_a_charge_and_seldom_otherwise() -> None:
    """Broken: readings too old for a transaction, or a journal full of nothing."""
    evse = charging()
    assert len(readings(evse.advance(12 * S + 50 * MS))) == 10
    evse.ev_pause(12 * S + 50 * MS)
    evse.advance(12 * S + 100 * MS)
    assert len(readings(evse.advance(112 * S + 100 * MS))) == 10
    evse.plug_out(113 * S)
    assert evse.advance(HOUR) == []


def test_the_register_is_told_before_what_begins_or_ends_a_transaction() -> None:
    """Broken: a transaction that begins or ends with a register of some time before."""
    evse = Evse(1, EvseSpec())
    assert [type(input) for input in evse.plug_in(0, VehicleSpec())] == [MeterTold, CableConnected]
    evse.command(1 * S, OFFER)
    evse.advance(2 * S)
    told = evse.advance(2 * S + 50 * MS)
    assert [type(input) for input in told] == [MeterTold, ContactorMoved, MeterTold]
    assert [reading.power_w for reading in readings(told)] == [0, 7_360]
    told = evse.plug_out(100 * S + 1)
    assert isinstance(told[-4], MeterTold)
    assert told[-4].energy_wh == evse.energy_wh == 7_360 * 97_950_001 // HOUR


def test_a_meter_set_by_hand_tells_exactly_that_and_stands_still() -> None:
    """Broken: set_meter, on which tests of prices and limits rest."""
    evse = charging()
    wall_us = 1_900_000_000 * S
    told = evse.set_meter(10 * S, energy_wh=5_000, power_w=None, wall_us=wall_us)
    assert told[-1] == MeterTold(evse_id=1, energy_wh=5_000, power_w=-1, wall_us=wall_us)
    assert readings(evse.advance(HOUR)) == []
    assert evse.seen().energy_wh == 5_000
    told = evse.set_meter(HOUR, energy_wh=4_000, power_w=11_000, wall_us=wall_us + 1)
    assert told == [MeterTold(evse_id=1, energy_wh=4_000, power_w=11_000, wall_us=wall_us + 1)]
    assert readings(evse.plug_out(HOUR)) == []
    for energy_wh, power_w in [(-1, 0), (1.5, 0), (0, -1), (True, 0)]:
        with pytest.raises(ValueError, match="give a whole number"):
            evse.set_meter(HOUR, energy_wh=energy_wh, power_w=power_w, wall_us=wall_us)  # type: ignore[arg-type]
    assert evse.energy_wh == 4_000
    assert evse.to_state() == {
        "energy_mwh": 4_000_000,
        "fixed": {"energy_wh": 4_000, "power_w": 11_000, "wall_us": wall_us + 1},
    }


def test_nobody_is_woken_for_a_meter_that_stands_still() -> None:
    """Broken: a timer that goes on for a meter with nothing to tell."""
    evse = Evse(1, EvseSpec())
    evse.plug_in(0, VehicleSpec())
    evse.set_meter(5 * S, energy_wh=1, power_w=None, wall_us=0)
    assert evse.next_due() is None


def test_the_register_is_rebased_only_where_the_topology_asks() -> None:
    """Broken: energy_at_plug_in_wh, or a register that starts again with every vehicle."""
    evse = charging()
    evse.plug_out(HOUR)
    before_wh = evse.energy_wh
    evse.plug_in(HOUR, VehicleSpec())
    assert evse.energy_wh == before_wh > 0
    evse = Evse(1, EvseSpec(energy_at_plug_in_wh=123_000))
    assert evse.energy_wh == 0
    assert readings(evse.plug_in(0, VehicleSpec()))[0].energy_wh == 123_000


# Laws


ACTIONS = st.lists(
    st.tuples(
        st.integers(0, 4 * HOUR),
        st.sampled_from(["plug", "out", "iso", "pause", "resume", "offer", "offer", "withdraw", "set"]),
        st.integers(1, 40),
        st.integers(0, 1_000_000),
    ),
    max_size=12,
)


def act(evse: Evse, at_us: int, what: str, amps: int, soc_ppm: int) -> list[Input]:
    """One action of the story; one that cannot be is none, and time passes all the same."""
    try:
        match what:
            case "plug":
                return evse.plug_in(at_us, VehicleSpec(amps=amps, phases=3, capacity_wh=3_000, soc_ppm=soc_ppm))
            case "out" | "iso":
                return evse.plug_out(at_us, iso=what == "iso")
            case "pause":
                return evse.ev_pause(at_us)
            case "resume":
                return evse.ev_resume(at_us)
            case "set":
                return evse.set_meter(at_us, energy_wh=amps, power_w=amps, wall_us=0) if amps > 38 else []
            case _:
                return evse.command(at_us, OFFER if what == "offer" else WITHDRAW)
    except ValueError:
        return []


@settings(max_examples=60, deadline=None)
@given(ACTIONS, st.lists(st.integers(0, 5 * HOUR), max_size=30))
def test_how_often_one_looks_changes_nothing(actions: list[tuple[int, str, int, int]], looks: list[int]) -> None:
    """Broken: energy or inputs that depend on when the daemon found time to ask."""
    spec = EvseSpec(meter_interval_us=97 * S)
    story = sorted([(0, "plug", 16, 500_000), (5 * S, "offer", 0, 0), *actions])
    seldom, often = Evse(1, spec), Evse(1, spec)
    told: list[Input] = []
    told_often: list[Input] = []
    moments = sorted(looks)
    for action in story:
        told += act(seldom, *action)
        while moments and moments[0] <= action[0]:
            told_often += often.advance(moments.pop(0))
        told_often += act(often, *action)
    told += seldom.advance(6 * HOUR)
    for moment in moments:
        told_often += often.advance(moment)
    told_often += often.advance(6 * HOUR)
    assert told_often == told
    assert often.to_state() == seldom.to_state()
    assert often.next_due() == seldom.next_due()


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_the_laws_of_an_outlet(actions: list[tuple[int, str, int, int]]) -> None:
    """Broken: a register that falls, power through an open contactor, a contactor closed for nobody."""
    evse = Evse(1, EvseSpec(meter_interval_us=97 * S))
    closed, plugged, energy_wh = False, False, 0
    for action in sorted([(0, "plug", 16, 500_000), (5 * S, "offer", 0, 0), *actions]):
        if action[1] == "set":
            continue
        for input in [*act(evse, *action), *evse.advance(action[0])]:
            match input:
                case MeterTold():
                    assert input.energy_wh >= energy_wh
                    assert not input.power_w or (closed and plugged)
                    energy_wh = input.energy_wh
                case ContactorMoved():
                    assert input.closed is not closed
                    assert plugged or not input.closed
                    closed = input.closed
                case CableConnected() | CableDisconnected():
                    assert isinstance(input, CableConnected) is not plugged
                    plugged = not plugged
                case _:
                    pass
        seen = evse.seen()
        assert (seen.contactor_closed, seen.plugged) == (closed, plugged)
        assert seen.energy_wh >= energy_wh


# Power cuts


@settings(max_examples=40, deadline=None)
@given(ACTIONS, st.booleans())
def test_what_survives_a_power_cut(actions: list[tuple[int, str, int, int]], stays: bool) -> None:  # noqa: FBT001
    """Broken: a register or battery that a power cut moves, a contactor that powers up closed."""
    evse = Evse(1, EvseSpec(meter_interval_us=97 * S))
    for action in sorted([(0, "plug", 16, 500_000), (5 * S, "offer", 0, 0), *actions]):
        act(evse, *action)
    state = evse.to_state()
    back = Evse.from_state(1, evse.spec, state, vehicle_stays=stays, now_us=7)
    assert (back.energy_wh, back.energy_mwh) == (evse.energy_wh, evse.energy_mwh)
    seen = back.seen()
    assert (seen.plugged, seen.contactor_closed) == (evse.seen().plugged and stays, False)
    assert seen.pilot == ("B" if seen.plugged else "A")
    assert not back.locked
    if seen.plugged:
        assert back.to_state() == state
        assert evse.vehicle is not None
        assert back.vehicle is not None
        assert 0 <= evse.vehicle.charge_nj - back.vehicle.charge_nj < NJ_PER_MWH


def test_a_vehicle_that_stayed_charges_again_when_asked() -> None:
    """Broken: a vehicle that survives a power cut and is dead."""
    evse = charging()
    evse.advance(HOUR)
    back = Evse.from_state(1, evse.spec, evse.to_state(), vehicle_stays=True)
    assert back.levels() == [back.seen()]
    assert edges(back.command(0, OFFER) + back.advance(2 * S)) == [
        PilotChanged(evse_id=1, state="C"),
        ContactorMoved(evse_id=1, closed=True),
    ]
    assert readings(back.advance(10 * S))[-1].energy_wh > evse.energy_wh


def test_a_meter_set_by_hand_is_told_again_after_a_start() -> None:
    """Broken: a test's reading that a restart turns into one without power."""
    evse = Evse(1, EvseSpec())
    told = evse.set_meter(0, energy_wh=7, power_w=8, wall_us=9)
    back = Evse.from_state(1, evse.spec, evse.to_state(), vehicle_stays=True)
    assert back.levels() == [back.seen(), *told]


def test_a_vehicle_goes_where_its_outlet_went() -> None:
    """Broken: a vehicle at a connector that the topology no longer has."""
    evse = Evse(1, EvseSpec(connectors=2), energy_mwh=5_000)
    evse.plug_in(0, VehicleSpec(), 2)
    for spec in (EvseSpec(connectors=1), EvseSpec(current_type="DC", connectors=2)):
        back = Evse.from_state(1, spec, evse.to_state(), vehicle_stays=True)
        assert (back.seen().plugged, back.energy_wh) == (False, 5)


@pytest.mark.parametrize(
    "change",
    [
        {"energy_mwh": -1},
        {"energy_mwh": "1"},
        {"more": 1},
        {"vehicle": None},
        {"connector": 0},
        {"vehicle": {}},
        {"fixed": {}},
        {"fixed": {"energy_wh": 1, "power_w": -2, "wall_us": 0}},
    ],
)
def test_a_damaged_state_is_refused(change: dict[str, Any]) -> None:
    """Broken: half a state taken for a whole one."""
    evse = Evse(1, EvseSpec())
    evse.plug_in(0, VehicleSpec())
    with pytest.raises(ValueError, match=r"give|not \["):
        Evse.from_state(1, evse.spec, {**evse.to_state(), **change}, vehicle_stays=True)
    for name, value in [("charge_mwh", 60_000_001), ("paused", 1), ("kind", 3), ("capacity_wh", 0)]:
        state = evse.to_state()
        state["vehicle"] = {**state["vehicle"], name: value}
        with pytest.raises(ValueError, match="will not do; give"):
            Evse.from_state(1, evse.spec, state, vehicle_stays=True)
    with pytest.raises(ValueError, match="give an object"):
        Evse.from_state(1, evse.spec, [], vehicle_stays=True)


# Topology


def test_without_a_topology_there_are_two_ac_evses() -> None:
    """Broken: the defaults that everybody starts with."""
    assert parse_topology({}) == Topology((EvseSpec(), EvseSpec()), SimulatorOptions())
    assert EvseSpec() == EvseSpec("AC", 1, 32, 3, False, ("2", "20"), False, False)  # noqa: FBT003


def test_every_key_of_a_topology_arrives() -> None:
    """Broken: a key that is accepted and does nothing."""
    topology = parse_topology(
        {
            "evses": [
                {"connectors": 2, "phases": 1, "max_current_a": 16},
                {
                    "current_type": "DC",
                    "max_current_a": 200,
                    "hlc": True,
                    "iso15118": ["20"],
                    "plug_and_charge": True,
                    "bidirectional": True,
                },
            ],
            "simulator": {
                "signed_meter_start": "s",
                "signed_meter_end": "e",
                "send_signed_start": False,
                "meter_public_key": "key-",
                "energy_at_plug_in_wh": 1000,
                "reset_after_update": False,
                "first_connect_delay_s": 1.5,
                "der_push_interval_s": 30,
                "vehicle_stays": True,
            },
        }
    )
    assert topology.evses == (
        EvseSpec(connectors=2, phases=1, max_current_a=16, energy_at_plug_in_wh=1000),
        EvseSpec("DC", 1, 200, 3, True, ("20",), True, True, 1000),  # noqa: FBT003
    )
    assert topology.simulator == SimulatorOptions(
        signed_meter_start="s",
        signed_meter_end="e",
        send_signed_start=False,
        meter_public_key="key-",
        energy_at_plug_in_wh=1000,
        reset_after_update=False,
        first_connect_delay_us=1_500_000,
        der_push_interval_us=30_000_000,
        vehicle_stays=True,
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "the topology: [] will not do; give an object with any of evses, simulator"),
        ({"evse": []}, "the topology: 'evse' is not known; the keys are evses, simulator"),
        ({"evses": []}, "evses: give a list of 1 to 100 EVSEs"),
        ({"evses": [3]}, "evses[0]: 3 will not do; give an object"),
        ({"evses": [{}, {"amps": 3}]}, "evses[1]: 'amps' is not known; the keys are bidirectional, connectors,"),
        ({"evses": [{"current_type": "ac"}]}, "evses[0].current_type: 'ac' will not do; give one of AC, DC"),
        ({"evses": [{"phases": 4}]}, "evses[0].phases: 4 will not do; give a whole number from 1 to 3"),
        ({"evses": [{"max_current_a": 81}]}, "evses[0].max_current_a: 81 will not do; give a whole number from 6 to"),
        ({"evses": [{"hlc": 1}]}, "evses[0].hlc: 1 will not do; give true or false"),
        ({"evses": [{"iso15118": ["3"]}]}, "evses[0].iso15118: ['3'] will not do; give a list of any of 2, 20, as"),
        ({"simulator": {"vehicle_stay": True}}, "simulator: 'vehicle_stay' is not known"),
        ({"simulator": {"signed_meter_start": 3}}, "simulator.signed_meter_start: 3 will not do; give text"),
        ({"simulator": {"first_connect_delay_s": -1}}, "simulator.first_connect_delay_s: -1 will not do; give seconds"),
        ({"simulator": {"energy_at_plug_in_wh": None}}, "simulator.energy_at_plug_in_wh: None will not do"),
    ],
)
def test_a_wrong_topology_says_what_where_and_what_would_be_right(data: object, says: str) -> None:
    """Broken: a person at the keyboard who has to guess."""
    with pytest.raises(SetupFault) as fault:
        parse_topology(data)
    assert says in str(fault.value)


def test_everything_wrong_is_told_at_once() -> None:
    """Broken: one error a start."""
    with pytest.raises(SetupFault) as fault:
        parse_topology({"x": 1, "evses": [{"phases": 0, "connectors": 9}]})
    assert len(str(fault.value).splitlines()) == 4
