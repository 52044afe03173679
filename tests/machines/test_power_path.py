"""How a transaction ends and the next one begins: with an open contactor, a meter that was read, and no energy that belongs to nobody.

Invariant: energy that flows is reported as Charging by an open transaction, and every Wh of the register belongs to one.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.kernel import Turn
from machines.clock.facts import ClockSet
from machines.effects import ReadMeter, SetEvse
from machines.inputs import CableConnected, CableDisconnected, CardPresented, ContactorMoved, PilotChanged
from machines.meter.facts import MeterAsked
from machines.session.facts import EnergyStarted, Granted, TransactionEnded, TransactionEnding
from machines.session.state import Phase
from tests.conftest import NewStory
from tests.machines.acts import (
    authorized,
    brief,
    card,
    charge,
    do,
    events,
    levels,
    meter,
    offers,
    one,
    phase,
    plug,
    power_off,
    queued,
    restart,
    session,
    unplug,
)
from tests.story import CARD, OTHER_CARD, Story, effects, facts
from wire import calendar

QUIET = {"SampledDataCtrlr.TxUpdatedInterval": "0"}
STOPS = {**QUIET, "TxCtrlr.TxStopPoint": "Authorized,EVConnected"}


def charging(new_story: NewStory, settings: dict[str, str], energy_wh: int = 1000) -> Story:
    """A vehicle that charges at EVSE 1."""
    story = new_story(settings).boot()
    plug(story)
    card(story, evse_ids=(1,))
    charge(story)
    do(story, meter(energy_wh=energy_wh, power_w=7360))
    return story


def running(story: Story) -> str:
    """The transaction that runs at EVSE 1."""
    tx = session(story).transaction
    assert tx is not None
    return tx.transaction_id


def register(event: dict[str, Any], context: str) -> int:
    """The register that an event carries, measured in *context*."""
    found = [v for m in event.get("meterValue", ()) for v in m["sampledValue"] if v["context"] == context and v["measurand"].startswith("Energy")]
    assert len(found) == 1, f"{len(found)} registers of {context}"
    value: int = found[0]["value"]
    return value


def restart_by(story: Story, how: str) -> Turn:
    """Somebody starts anew at EVSE 1, 1 ms after it was stopped."""
    if how == "card":
        return story.when(CardPresented(token=CARD, token_type="ISO14443", evse_ids=(1,)))
    return story.call("RequestStartTransaction", {"idToken": {"idToken": OTHER_CARD, "type": "Central"}, "remoteStartId": 7, "evseId": 1})


# Item by item: what comes at once after a stop


@pytest.mark.parametrize("by", ["card", "remote"])
@pytest.mark.parametrize("start_point", ["EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer"])
def test_e01_fr_06_e02_fr_13_a_start_right_after_a_stop_is_told_with_its_energy(new_story: NewStory, start_point: str, by: str) -> None:
    """E01.FR.18.  Else 7.36 kW flow in a transaction that says EVConnected, or in none at all."""
    story = charging(new_story, {**STOPS, "TxCtrlr.TxStartPoint": start_point})
    first = running(story)
    stopped = story.call("RequestStopTransaction", {"transactionId": first}, "m2")
    assert offers(stopped) == [(1, False, True)]
    again = restart_by(story, by)
    if by == "card":
        again = story.answer(again, authorized())
    else:
        assert story.replies(again) == {"status": "Accepted"}, "accepted, and not with the transaction that ends"
    assert offers(again) == [], "the next transaction waits for the end of the last"
    assert "TransactionEvent" not in [action for action, _ in queued(again)]
    told = events(power_off(story))
    ended = told[0]
    assert (brief(ended)[:2], ended["transactionInfo"]["transactionId"]) == (("Ended", "RemoteStop"), first)
    assert session(story).asked_energise
    told += events(do(story, ContactorMoved(evse_id=1, closed=True)))
    assert told[-1]["transactionInfo"]["chargingState"] == "Charging"
    assert told[1]["eventType"] == "Started"
    assert {event["transactionInfo"]["transactionId"] for event in told[1:]} == {running(story)} != {first}
    assert phase(story) is Phase.CHARGING


@pytest.mark.parametrize("late", ["contactor", "pilot"])
def test_energy_that_flows_already_is_charging_when_somebody_may_charge(new_story: NewStory, late: str) -> None:
    """Else a level that is there before somebody waits for it is waited for in vain."""
    story = new_story(STOPS).boot()
    plug(story)
    moves = [PilotChanged(evse_id=1, state="C"), ContactorMoved(evse_id=1, closed=True)]
    do(story, *(moves if late == "contactor" else reversed(moves)))
    turn = story.answer(story.when(CardPresented(token=CARD, token_type="ISO14443", evse_ids=(1,))), authorized())
    assert one(turn, EnergyStarted).evse_id == 1
    assert [e["transactionInfo"].get("chargingState") for e in events(story.settle(turn))] == ["Charging"] or phase(story) is Phase.CHARGING


def test_a_driver_whose_transaction_goes_on_may_start_again_before_the_contactor_has_opened(new_story: NewStory) -> None:
    """Else the second card is answered by a contactor that stays closed, and a state that says nothing."""
    story = charging(new_story, {**QUIET, "TxCtrlr.TxStopPoint": "EVConnected"})
    card(story, evse_ids=(1,))
    assert phase(story) is Phase.FINISHING
    told = events(card(story, evse_ids=(1,)))
    assert phase(story) is Phase.CHARGING
    assert [brief(e)[:2] for e in told] == [("Updated", "Authorized")]
    assert told[0]["transactionInfo"].get("chargingState", "Charging") == "Charging"


# The end


@pytest.mark.parametrize("by", ["card", "remote", "verdict", "vehicle"])
def test_e06_fr_11_the_end_carries_the_register_after_the_contactor_has_opened(new_story: NewStory, by: str) -> None:
    """Else the energy between the last sample and the open contactor belongs to nobody."""
    points = "EnergyTransfer" if by == "vehicle" else "Authorized,EVConnected"
    story = new_story({**QUIET, "TxCtrlr.TxStopPoint": points}).boot()
    plug(story)
    verdict = authorized("Blocked") if by == "verdict" else authorized()
    asked = story.answer(story.when(CardPresented(token=CARD, token_type="ISO14443", evse_ids=(1,))), authorized())
    charge(story)
    do(story, meter(energy_wh=1011, power_w=7360))
    match by:
        case "card":
            story.settle(asked)
            cause = story.when(CardPresented(token=CARD, token_type="ISO14443", evse_ids=(1,)))
        case "remote":
            story.settle(asked)
            cause = story.call("RequestStopTransaction", {"transactionId": running(story)}, "m2")
        case "vehicle":
            story.settle(asked)
            cause = story.when(PilotChanged(evse_id=1, state="B"))
        case _:
            cause = story.answer(asked, verdict)
    expected = {
        "card": ("StopAuthorized", "Local"), "remote": ("RemoteStop", "Remote"), "verdict": ("Deauthorized", "DeAuthorized"),
        "vehicle": ("ChargingStateChanged", "StoppedByEV"),
    }[by]  # fmt: skip
    assert (one(cause, TransactionEnding).trigger, one(cause, TransactionEnding).stopped_reason) == expected
    assert not any(energise for _, energise, _ in offers(cause))
    assert "TransactionEvent" not in [action for action, _ in queued(cause)]
    story.settle(cause)
    opened = story.when(ContactorMoved(evse_id=1, closed=False), after_us=50_000)
    assert effects(opened, ReadMeter) == [ReadMeter(evse_id=1)]
    assert facts(opened, TransactionEnded) == []
    read = story.when(meter(energy_wh=1012, power_w=0), after_us=2_000)
    (event,) = events(story.settle(read))
    assert (event["triggerReason"], event["transactionInfo"]["stoppedReason"]) == expected
    assert register(event, "Transaction.End") == 1012
    assert event["timestamp"] == event["meterValue"][-1]["timestamp"] == calendar.text(story.station.parts["clock"].offset_us + read.at)
    assert one(read, TransactionEnded).meter_read
    assert one(read, TransactionEnded).energy_wh == 12


def test_j02_fr_17_consecutive_transactions_share_the_register(new_story: NewStory) -> None:
    """Else a Wh between two transactions is nobody's."""
    story = charging(new_story, STOPS, energy_wh=1011)
    card(story, evse_ids=(1,))
    do(story, ContactorMoved(evse_id=1, closed=False))
    ended = events(do(story, meter(energy_wh=1012, power_w=0)))[0]
    unplug(story)
    started = events(plug(story))[0]
    assert started["eventType"] == "Started"
    assert register(started, "Transaction.Begin") == register(ended, "Transaction.End") == 1012


@pytest.mark.parametrize("still", ["never charged", "suspended by the station", "suspended by the vehicle"])
def test_where_the_contactor_is_open_already_the_end_comes_at_once(new_story: NewStory, still: str) -> None:
    """Else a driver whose car is full waits for nothing."""
    story = new_story(STOPS).boot()
    plug(story)
    card(story, evse_ids=(1,))
    if still != "never charged":
        charge(story)
        if still == "suspended by the vehicle":
            do(story, PilotChanged(evse_id=1, state="B"))
        power_off(story)
    turn = story.when(CardPresented(token=CARD, token_type="ISO14443", evse_ids=(1,)))
    assert one(turn, TransactionEnded).stopped_reason == "Local"


def test_a_vehicle_that_is_gone_is_not_waited_for(new_story: NewStory) -> None:
    """Else a transaction whose cable was pulled waits for a contactor that carries nothing."""
    story = charging(new_story, STOPS)
    turn = story.when(CableDisconnected(evse_id=1, connector_id=1))
    assert one(turn, TransactionEnded).stopped_reason == "EVDisconnected"


def test_a_vehicle_that_goes_while_the_end_waits_ends_it_for_the_first_cause(new_story: NewStory) -> None:
    """Else a stop that was followed by a pulled cable is told twice, or for the wrong reason."""
    story = charging(new_story, STOPS)
    card(story, evse_ids=(1,))
    (event,) = events(do(story, CableDisconnected(evse_id=1, connector_id=1), ContactorMoved(evse_id=1, closed=False)))
    assert (brief(event)[:2], event["transactionInfo"]["stoppedReason"]) == (("Ended", "StopAuthorized"), "Local")
    assert event["idToken"]["idToken"] == CARD


@pytest.mark.parametrize(("settings", "waits_s"), [({}, 2), ({"InternalCtrlr.TransactionEndTimeout": "5"}, 5)])
@pytest.mark.parametrize("silent", ["contactor", "meter"])
def test_hardware_that_does_not_answer_is_not_waited_for_longer_than_configured(
    new_story: NewStory, silent: str, settings: dict[str, str], waits_s: int
) -> None:
    """Else a contactor that is stuck, or a meter that is dead, keeps a transaction open for ever; that it was so stands in the journal."""
    story = charging(new_story, {**STOPS, **settings}, energy_wh=1011)
    story.wait(1)
    cause = story.when(CardPresented(token=CARD, token_type="ISO14443", evse_ids=(1,)))
    if silent == "meter":
        story.when(ContactorMoved(evse_id=1, closed=False))
    assert facts(story.wait(waits_s - 0.1), TransactionEnded) == []
    turns = story.wait(0.2)
    ended = one(turns, TransactionEnded)
    assert not ended.meter_read
    assert ended.energy_wh == 11
    (event,) = events(story.settle(turns[-1]))
    assert register(event, "Transaction.End") == 1011
    assert event["timestamp"] == calendar.text(story.station.parts["clock"].offset_us + cause.at), "not before what was told before"


def test_nothing_is_told_while_the_end_waits(new_story: NewStory) -> None:
    """Exactly one event.  Else samples and states follow the stop, and the CSMS asks whose they are."""
    settings = {**STOPS, "SampledDataCtrlr.TxUpdatedInterval": "1", "AlignedDataCtrlr.Interval": "1", "InternalCtrlr.TransactionEndTimeout": "10"}
    story = charging(new_story, settings)
    card(story, evse_ids=(1,))
    turns = [story.when(PilotChanged(evse_id=1, state="B")), *story.wait(3), story.when(meter(energy_wh=1005, power_w=0)), *story.wait(3)]
    assert [p for action, p in queued(turns) if action == "TransactionEvent"] == []
    turns = [story.when(ContactorMoved(evse_id=1, closed=False)), story.when(meter(energy_wh=1006, power_w=0))]
    assert [brief(p)[:2] for action, p in queued(turns) if action == "TransactionEvent"] == [("Ended", "StopAuthorized")]


def test_a_power_cut_while_the_end_waits_ends_it_with_the_last_reading(new_story: NewStory) -> None:
    """Else a stop is forgotten with the power, or told with a register of tomorrow."""
    story = charging(new_story, STOPS, energy_wh=1011)
    turn = story.when(CardPresented(token=CARD, token_type="ISO14443", evse_ids=(1,)))
    (event, *_) = events(restart(story))
    assert (event["eventType"], event["triggerReason"], event["offline"]) == ("Ended", "StopAuthorized", True)
    assert register(event, "Transaction.End") == 1011
    started = story.turns[turn.seq + 1]
    assert event["timestamp"] == calendar.text(one(started, ClockSet).offset_us + turn.at)
    assert events(do(story, levels(plugged=True, pilot="B", energy_wh=1013))) == []
    assert phase(story) is Phase.FINISHING


def test_energy_is_withheld_between_two_transactions_of_one_driver(new_story: NewStory) -> None:
    """E06.FR.07.  Else a vehicle that pauses for a moment charges on in a transaction that has ended."""
    story = charging(new_story, {**QUIET, "TxCtrlr.TxStartPoint": "EnergyTransfer", "TxCtrlr.TxStopPoint": "EnergyTransfer"})
    paused = story.when(PilotChanged(evse_id=1, state="B"))
    assert offers(paused) == [(1, False, True)]
    resumed = story.when(PilotChanged(evse_id=1, state="C"))
    assert facts(resumed, EnergyStarted) == [], "the contactor has still to open"
    told = events(power_off(story))
    assert [brief(e)[:2] for e in told] == [("Ended", "ChargingStateChanged")]
    assert session(story).asked_energise
    told = events(do(story, ContactorMoved(evse_id=1, closed=True)))
    assert [brief(e)[:2] for e in told] == [("Started", "ChargingStateChanged")]


# Locks and readings


def test_the_plug_is_held_while_it_is_under_power(new_story: NewStory) -> None:
    """E06.FR.10.  Else the plug is free before the contactor has opened."""
    story = charging(new_story, STOPS)
    stop = story.when(CardPresented(token=CARD, token_type="ISO14443", evse_ids=(1,)))
    assert offers(stop) == [(1, False, True)]
    assert offers(story.when(ContactorMoved(evse_id=1, closed=False))) == [(1, False, False)]


def test_the_meter_is_asked_once_when_the_contactor_has_opened(new_story: NewStory) -> None:
    """Else an idle station asks its meters for ever, or begins a transaction with a register that has moved since."""
    story = charging(new_story, STOPS)
    opened = story.when(ContactorMoved(evse_id=1, closed=False))
    assert one(opened, MeterAsked).evse_id == 1
    later = [story.when(PilotChanged(evse_id=1, state="B")), *story.wait(1)]
    assert facts(later, MeterAsked) == []
    story.when(meter(energy_wh=1010, power_w=0))
    again = [story.when(PilotChanged(evse_id=1, state="C")), *story.wait(1)]
    assert facts(again, MeterAsked) == []


# AuthCtrlr.Enabled false


FREE = {**QUIET, "AuthCtrlr.Enabled": "false"}


@pytest.mark.parametrize("start_point", ["EVConnected", "Authorized", "PowerPathClosed"])
def test_without_authorization_required_the_cable_is_enough(new_story: NewStory, start_point: str) -> None:
    """AuthCtrlr.Enabled, C-35.  Else a free station waits for a card that nobody has to have."""
    story = new_story({**FREE, "TxCtrlr.TxStartPoint": start_point}).boot()
    told = plug(story)
    assert "Authorize" not in [action for action, _ in told]
    assert [e["idToken"] for e in events(told) if "idToken" in e] == [{"idToken": "", "type": "NoAuthorization"}]
    assert session(story).asked_energise
    assert events(charge(story))[-1]["transactionInfo"]["chargingState"] == "Charging"


def test_a_card_at_a_free_station_ends_what_nobody_in_particular_began(new_story: NewStory) -> None:
    """Else the plug is held, and nobody can end it but by force."""
    story = new_story({**FREE, "TxCtrlr.TxStopPoint": "Authorized,EVConnected"}).boot()
    plug(story)
    told = card(story, OTHER_CARD, evse_ids=(1,))
    assert [brief(e)[:2] for e in events(told)] == [("Ended", "StopAuthorized")]
    assert phase(story) is Phase.FINISHING
    assert facts(story.wait(600), Granted) == [], "the next one begins with the next cable"
    unplug(story)
    plug(story)
    assert phase(story) is Phase.READY


def test_a_station_that_becomes_free_charges_who_has_plugged_in_already(new_story: NewStory) -> None:
    """The level counts.  Else the setting takes effect with the next cable only."""
    story = new_story(QUIET).boot()
    plug(story)
    assert phase(story) is Phase.OCCUPIED
    item = {"attributeValue": "false", "component": {"name": "AuthCtrlr"}, "variable": {"name": "Enabled"}}
    story.settle(story.call("SetVariables", {"setVariableData": [item]}))
    assert phase(story) is Phase.READY


@pytest.mark.parametrize("before", ["true", "false"])
def test_b02_fr_03_a_free_station_that_is_not_accepted_yet(new_story: NewStory, before: str) -> None:
    """Else a station that its CSMS has not accepted gives energy to whoever plugs in; or never does, once it was."""
    story = new_story({**FREE, "TxCtrlr.TxBeforeAcceptedEnabled": before})
    story.start()
    turn = story.connect()
    story.when(CableConnected(evse_id=1, connector_id=1))
    assert (phase(story) is Phase.READY) is (before == "true")
    accepted = story.answer(turn, {"status": "Accepted", "interval": 300, "currentTime": "2027-01-15T08:00:00Z"})
    story.settle(accepted)
    assert phase(story) is Phase.READY, "as soon as it may"


# What the verdict brings


def test_c09_fr_12_the_group_that_comes_with_the_transaction_counts(new_story: NewStory) -> None:
    """C09.FR.03, C09.FR.05, C10.FR.05.  Else a second card of the family cannot stop what the first one began."""
    story = new_story(STOPS).boot()
    plug(story)
    card(story, evse_ids=(1,), TransactionEvent=authorized(group="FLEET"))
    assert session(story).group == "FLEET"
    told = card(story, OTHER_CARD, evse_ids=(1,), Authorize=authorized(group="FLEET"))
    assert [brief(e)[:2] for e in events(told)] == [("Ended", "StopAuthorized")]


@pytest.mark.parametrize("stop_point", ["EVConnected", "ParkingBayOccupancy"])
@pytest.mark.parametrize("connected", [True, False])
def test_e05_fr_09_the_state_is_told_with_a_deauthorization(new_story: NewStory, stop_point: str, *, connected: bool) -> None:
    """C15.FR.03.  Else the CSMS is told that the driver is out, and not whether a vehicle stands there."""
    story = new_story({**QUIET, "TxCtrlr.TxStartPoint": "Authorized", "TxCtrlr.TxStopPoint": stop_point}).boot()
    if connected:
        plug(story)
    told = events(card(story, evse_ids=(1,), TransactionEvent=authorized("Invalid")))
    assert brief(told[-1])[1] == "Deauthorized"
    assert told[-1]["transactionInfo"]["chargingState"] == ("EVConnected" if connected else "Idle")
    assert told[-1]["eventType"] == ("Updated" if connected else "Ended"), "with neither vehicle nor driver nothing could end it"


@pytest.mark.parametrize("stop_point", ["Authorized", "PowerPathClosed", "EnergyTransfer"])
def test_e05_fr_10_c15_fr_04_with_these_stop_points_it_ends_before_energy_has_flowed_too(new_story: NewStory, stop_point: str) -> None:
    """Else a transaction whose driver is not accepted goes on because no energy had flowed yet."""
    story = new_story({**QUIET, "TxCtrlr.TxStopPoint": stop_point}).boot()
    plug(story)
    told = events(card(story, evse_ids=(1,), TransactionEvent=authorized("Invalid")))
    assert (brief(told[-1])[:2], told[-1]["transactionInfo"]["stoppedReason"]) == (("Ended", "Deauthorized"), "DeAuthorized")


def test_no_command_is_given_twice(new_story: NewStory) -> None:
    """Else every reading moves the contactor."""
    story = charging(new_story, STOPS)
    turns = [story.when(meter(energy_wh=1000 + n, power_w=7360)) for n in range(5)]
    assert effects(turns, SetEvse) == []
