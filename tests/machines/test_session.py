"""Charging sessions: cable and card in any order, by hand and from afar, through pauses, losses and restarts.

Law: energy is offered to nobody but an authorized driver with a vehicle, and every transaction is told from its start to its end, gapless.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.event import Input
from engine.kernel import Settled, Turn
from machines.effects import SetEvse
from machines.inputs import (
    CableConnected,
    CableDisconnected,
    CardPresented,
    ContactorMoved,
    PilotChanged,
)
from machines.session.facts import (
    AuthorizationEnded,
    CardRefused,
    EnergyBlocked,
    Granted,
    TransactionEnded,
    TransactionEnding,
    TransactionStarted,
)
from machines.session.state import SESSIONS, Phase
from tests.conftest import NewStory
from tests.machines.acts import (
    authorized,
    brief,
    card,
    charge,
    do,
    events,
    levels,
    lose,
    meter,
    offers,
    one,
    phase,
    plug,
    power_off,
    queued,
    reconnect,
    restart,
    session,
    unplug,
)
from tests.story import CARD, OTHER_CARD, Story, effects, facts

TOKEN = {"idToken": CARD, "type": "ISO14443"}
OTHER_TOKEN = {"idToken": OTHER_CARD, "type": "ISO14443"}


def info(event: dict[str, Any]) -> dict[str, Any]:
    """The ``transactionInfo`` without the identifier."""
    return {name: value for name, value in event["transactionInfo"].items() if name != "transactionId"}


def said(*parts: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str, int]]:
    """Transaction events in short."""
    return [brief(event) for part in parts for event in events(part)]


def presented(story: Story, token: str = CARD, **more: Any) -> Turn:
    """A card, not answered."""
    return story.when(CardPresented(token=token, token_type="ISO14443", **more))


def pause(story: Story, state: str = "B") -> list[tuple[str, dict[str, Any]]]:
    """The vehicle takes no more, for now."""
    return do(story, PilotChanged(evse_id=1, state=state))


def start(story: Story, **more: Any) -> Turn:
    """RequestStartTransaction with a token that needs no check."""
    asked = {"idToken": {"idToken": OTHER_CARD, "type": "Central"}, "remoteStartId": 42, **more}
    return story.call("RequestStartTransaction", asked)


def stop(story: Story, identifier: str) -> Turn:
    """RequestStopTransaction."""
    return story.call("RequestStopTransaction", {"transactionId": identifier})


def identifier(story: Story, evse_id: int = 1) -> str:
    """The transaction that runs at an EVSE."""
    tx = session(story, evse_id).transaction
    assert tx is not None
    return tx.transaction_id


# The two orders


def test_e02_cable_first(story: Story) -> None:
    """E02.FR.01, FR.05, FR.06, FR.13, FR.17, FR.20.  Else the plain session of every day is told wrongly."""
    first = plug(story)
    assert said(first) == [("Started", "CablePluggedIn", 0)]
    (event,) = events(first)
    assert info(event) == {"chargingState": "EVConnected"}
    assert event["evse"] == {"id": 1, "connectorId": 1}
    assert "idToken" not in event
    assert ("StatusNotification", "Occupied") in [(action, p.get("connectorStatus")) for action, p in first]
    (event,) = events(card(story))
    assert brief(event) == ("Updated", "Authorized", 1)
    assert event["idToken"] == TOKEN
    (event,) = events(charge(story))
    assert (brief(event), info(event)) == (("Updated", "ChargingStateChanged", 2), {"chargingState": "Charging"})
    assert card(story) == []
    assert phase(story) is Phase.FINISHING
    assert said(do(story, ContactorMoved(evse_id=1, closed=False))) == []
    (event,) = events(do(story, meter(energy_wh=1000, power_w=0)))
    assert brief(event) == ("Ended", "StopAuthorized", 3)
    assert info(event) == {"chargingState": "EVConnected", "stoppedReason": "Local"}
    assert event["idToken"] == TOKEN
    last = unplug(story)
    assert [(action, p.get("connectorStatus")) for action, p in last] == [("StatusNotification", "Available")]
    assert phase(story) is Phase.FREE


def test_e03_id_first(new_story: NewStory) -> None:
    """E03.FR.01, E01.FR.03, E01.FR.16.  Else a driver who holds the card to the reader first is told wrongly, or not at all."""
    story = new_story({"TxCtrlr.TxStartPoint": "Authorized"}).boot()
    (event,) = events(card(story, evse_ids=(1,)))
    assert brief(event) == ("Started", "Authorized", 0)
    assert info(event) == {"chargingState": "Idle"}
    assert event["evse"] == {"id": 1}
    assert event["idToken"] == TOKEN
    (event,) = events(plug(story))
    assert (brief(event), info(event)) == (("Updated", "CablePluggedIn", 1), {"chargingState": "EVConnected"})
    assert event["evse"] == {"id": 1, "connectorId": 1}
    assert "idToken" not in event, "told once (E01.FR.10)"
    assert said(charge(story)) == [("Updated", "ChargingStateChanged", 2)]


def test_c01_fr_01_nothing_is_offered_without_both_cable_and_authorization(story: Story) -> None:
    """Else energy flows for nobody, or into the air."""
    assert offers(story.when(CableConnected(evse_id=1, connector_id=1))) == []
    story.settle(story.turns[-1])
    asked = presented(story)
    assert offers(asked) == []
    granted = story.answer(asked, authorized())
    assert offers(granted) == [(1, True, True)]
    story.settle(granted)
    ended = presented(story)
    assert offers(ended) == [(1, False, False)]
    story.settle(ended)
    unplug(story)
    assert offers(story.answer(presented(story), authorized())) == [], "a card alone closes no contactor"


@pytest.mark.parametrize("status", ["Blocked", "ConcurrentTx", "Expired", "Invalid", "NoCredit", "NotAllowedTypeEVSE", "NotAtThisTime", "Unknown"])
def test_c01_fr_01_a_card_that_the_csms_does_not_accept_opens_nothing(story: Story, status: str) -> None:
    """Else a blocked card charges."""
    plug(story)
    assert said(card(story, Authorize=authorized(status))) == []
    assert phase(story) is Phase.OCCUPIED
    assert [fact.reason for fact in facts(story.turns, CardRefused)] == [f"the CSMS says {status}"]
    assert said(card(story)) == [("Updated", "Authorized", 1)], "and the reader works again"


def test_without_authorization_required_a_card_is_enough(new_story: NewStory) -> None:
    """AuthCtrlr.Enabled false.  Else a free station asks for leave that nobody gives."""
    story = new_story({"AuthCtrlr.Enabled": "false"}).boot()
    plug(story)
    assert [action for action, _ in card(story)] == ["TransactionEvent"]


def test_c01_fr_26_e03_fr_05_a_vehicle_that_does_not_come(new_story: NewStory) -> None:
    """Else an EVSE stays reserved for somebody who went home."""
    story = new_story({"TxCtrlr.TxStartPoint": "Authorized", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    card(story)
    assert story.wait(119.9) == []
    (turn,) = story.wait(0.2)
    assert one(turn, AuthorizationEnded).stopped_reason == "Timeout"
    (event,) = events(story.settle(turn))
    assert brief(event) == ("Ended", "EVConnectTimeout", 1)
    assert event["transactionInfo"]["stoppedReason"] == "Timeout"
    assert phase(story) is Phase.FREE
    assert offers(story.when(CableConnected(evse_id=1, connector_id=1))) == [], "the authorization is over"


@pytest.mark.parametrize("stop_point", ["EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer"])
def test_e03_fr_05_f02_fr_07_it_ends_whatever_the_stop_point(new_story: NewStory, stop_point: str) -> None:
    """Else a transaction whose vehicle never came runs until the next reboot."""
    story = new_story({"TxCtrlr.TxStartPoint": "Authorized", "TxCtrlr.TxStopPoint": stop_point}).boot()
    card(story)
    turns = story.wait(121)
    assert [fact.stopped_reason for fact in facts(turns, TransactionEnded)] == ["Timeout"]


def test_the_waiting_time_is_no_more_once_the_vehicle_is_there(story: Story) -> None:
    """Else every session that began with a card ends after two minutes."""
    card(story)
    story.wait(60)
    plug(story)
    charge(story)
    turns = story.wait(600)
    assert facts(turns, AuthorizationEnded) == []
    assert phase(story) is Phase.CHARGING


@pytest.mark.parametrize("timeout", ["0", "-5", "1"])
def test_a_timeout_of_nothing_is_a_second(new_story: NewStory, timeout: str) -> None:
    """Else a silly setting ends an authorization before it began, or never."""
    story = new_story({"TxCtrlr.EVConnectionTimeOut": timeout}).boot()
    card(story, evse_ids=(1,))
    assert phase(story) is Phase.AUTHORIZED
    story.wait(1.1)
    assert phase(story) is Phase.FREE


# Every start point with every stop point

POINTS = ("EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer")

CABLE_FIRST = (
    # step,        EVConnected, Authorized, PowerPathClosed, EnergyTransfer, trigger
    ("plug",       True,        False,      False,           False,          "CablePluggedIn"),
    ("card",       True,        True,       True,            False,          "Authorized"),
    ("charge",     True,        True,       True,            True,           "ChargingStateChanged"),
    ("card",       True,        False,      False,           False,          "StopAuthorized"),
    ("unplug",     False,       False,      False,           False,          "EVCommunicationLost"),
)  # fmt: skip

ID_FIRST = (
    ("card",       False,       True,       False,           False,          "Authorized"),
    ("plug",       True,        True,       True,            False,          "CablePluggedIn"),
    ("charge",     True,        True,       True,            True,           "ChargingStateChanged"),
    ("unplug",     False,       False,      False,           False,          "EVCommunicationLost"),
)  # fmt: skip

WITH_A_PAUSE = (
    ("plug",       True,        False,      False,           False,          "CablePluggedIn"),
    ("card",       True,        True,       True,            False,          "Authorized"),
    ("charge",     True,        True,       True,            True,           "ChargingStateChanged"),
    ("pause",      True,        True,       True,            False,          "ChargingStateChanged"),
    ("card",       True,        False,      False,           False,          "StopAuthorized"),
    ("unplug",     False,       False,      False,           False,          "EVCommunicationLost"),
)  # fmt: skip

REMOTE_FIRST = (
    ("remote",     False,       True,       False,           False,          "RemoteStart"),
    ("plug",       True,        True,       True,            False,          "CablePluggedIn"),
    ("charge",     True,        True,       True,            True,           "ChargingStateChanged"),
    ("stop",       True,        False,      False,           False,          "RemoteStop"),
    ("unplug",     False,       False,      False,           False,          "EVCommunicationLost"),
)  # fmt: skip

DAYS = {"cable first": CABLE_FIRST, "id first": ID_FIRST, "with a pause": WITH_A_PAUSE, "remote first": REMOTE_FIRST}

REASONS = {"card": "Local", "stop": "Remote", "pause": "StoppedByEV", "unplug": "EVDisconnected"}


def expected(day: str, starts: tuple[str, ...], stops: tuple[str, ...]) -> list[tuple[str, str, int, str]]:
    """What the tables of TxStartPoint and TxStopPoint say (Part 2, 2.6.6): the first and the last event, and why it was the last.

    A transaction ends when one of the stop points that were true is no longer, or when neither vehicle nor driver is left.
    """
    found: list[tuple[str, str, int, str]] = []
    was: set[str] = set()
    seq, why = 0, ""
    for step, *held, trigger in DAYS[day]:
        true = {point for point, value in zip(POINTS, held, strict=True) if value}
        if step in ("card", "stop") and "Authorized" not in true:
            why = REASONS[step]
        if not found:
            if true & set(starts):
                found.append(("Started", "RemoteStart" if day == "remote first" else trigger, 0, ""))
                was = true
        elif len(found) == 1:
            seq += 1
            was |= true
            if (was - true) & set(stops) or not true & {"EVConnected", "Authorized"}:
                found.append(("Ended", trigger, seq, why or REASONS[step]))
    return found


def live(story: Story, day: str) -> list[dict[str, Any]]:
    """The steps of a day; returns the transaction events."""
    found: list[dict[str, Any]] = []
    running = ""
    for step, *_ in DAYS[day]:
        match step:
            case "plug":
                part = plug(story)
            case "card":
                part = card(story, evse_ids=(1,))
            case "charge":
                part = charge(story)
            case "pause":
                part = pause(story)
            case "unplug":
                part = do(story, CableDisconnected(evse_id=1, connector_id=1), ContactorMoved(evse_id=1, closed=False))
            case "remote":
                part = story.settle(start(story, evseId=1))
            case _:
                part = story.settle(stop(story, running or "nothing runs"))
        if session(story).ending is not None:
            part = part + power_off(story)
        found += events(part)
        running = found[-1]["transactionInfo"]["transactionId"] if found and found[-1]["eventType"] != "Ended" else ""
    return found


@pytest.mark.parametrize("stops", [*[(p,) for p in POINTS], ("EVConnected", "Authorized")], ids=",".join)
@pytest.mark.parametrize("starts", [*[(p,) for p in POINTS], ("EVConnected", "Authorized")], ids=",".join)
@pytest.mark.parametrize("day", sorted(DAYS))
def test_e01_e06_every_start_point_with_every_stop_point(new_story: NewStory, day: str, starts: tuple[str, ...], stops: tuple[str, ...]) -> None:
    """E01.FR.02 to FR.06, E06.FR.02 to FR.07, E06.FR.08, F03.FR.02, F03.FR.03.  Else some operator's setting starts or ends nothing."""
    settings = {"TxCtrlr.TxStartPoint": ",".join(starts), "TxCtrlr.TxStopPoint": ",".join(stops), "SampledDataCtrlr.TxUpdatedInterval": "0"}
    story = new_story(settings).boot()
    found = live(story, day)
    ends = [(*brief(event), event["transactionInfo"].get("stoppedReason", "")) for event in found if event["eventType"] != "Updated"]
    assert ends == expected(day, starts, stops)
    assert [event["seqNo"] for event in found] == list(range(len(found)))
    assert phase(story) is Phase.FREE
    tokens = [event for event in found if "idToken" in event and event["triggerReason"] != "StopAuthorized"]
    assert len(tokens) == 1, "E01.FR.10: the token is told, once"
    assert len({event["transactionInfo"]["transactionId"] for event in found}) == 1


# Stopping


def test_c01_fr_03_e07_fr_01_the_same_card_stops_without_asking(story: Story) -> None:
    """Else a driver cannot leave while the CSMS is slow."""
    plug(story)
    card(story)
    charge(story)
    turn = presented(story)
    assert queued(turn) == []
    assert one(turn, TransactionEnding).stopped_reason == "Local"
    assert said(power_off(story)) == [("Ended", "StopAuthorized", 3)]


OUTLIVES = {"TxCtrlr.TxStopPoint": "EVConnected", "SampledDataCtrlr.TxUpdatedInterval": "0"}
"""The transaction outlives its authorization."""


@pytest.mark.parametrize("by", ["card", "csms", "verdict"])
@pytest.mark.parametrize("opens", [ContactorMoved(evse_id=1, closed=False), PilotChanged(evse_id=1, state="B")], ids=["contactor", "vehicle"])
def test_e07_a_transaction_that_outlives_its_stop_tells_when_energy_has_ceased(new_story: NewStory, by: str, opens: Input) -> None:
    """E01.FR.18.  Else the CSMS is told that energy has ceased while it flows, and nothing when it has; once is enough."""
    story = new_story(OUTLIVES).boot()
    plug(story)
    if by == "verdict":
        turn = presented(story)
        turn = story.answer(turn, authorized())
        charge(story)
        told = story.settle(turn, TransactionEvent=authorized("Blocked"))[-1:]
    else:
        card(story)
        charge(story)
        told = card(story) if by == "card" else story.settle(stop(story, identifier(story)))
    trigger = {"card": "StopAuthorized", "csms": "RemoteStop", "verdict": "Deauthorized"}[by]
    assert [(e["eventType"], e["triggerReason"], info(e)) for e in events(told)] == [("Updated", trigger, {})], "it charges, as before"
    told = do(story, opens, ContactorMoved(evse_id=1, closed=False))
    assert [(e["eventType"], e["triggerReason"], info(e)) for e in events(told)] == [
        ("Updated", "ChargingStateChanged", {"chargingState": "EVConnected"})
    ]
    assert [brief(e)[:2] for e in events(unplug(story))] == [("Ended", "EVCommunicationLost")]


def test_e07_power_that_was_cut_under_a_stop_is_told_when_it_is_back(new_story: NewStory) -> None:
    """Else the transaction is told to charge until its vehicle leaves."""
    story = new_story(OUTLIVES).boot()
    plug(story)
    card(story)
    charge(story)
    card(story)
    told = restart(story) + do(story, levels(plugged=True, pilot="B"))
    assert [(brief(e)[:2], info(e)) for e in events(told)] == [(("Updated", "ChargingStateChanged"), {"chargingState": "EVConnected"})]


def test_e07_a_vehicle_that_leaves_before_the_power_path_has_opened_is_told_once(new_story: NewStory) -> None:
    """Else an event follows the last one."""
    story = new_story(OUTLIVES).boot()
    plug(story)
    card(story)
    charge(story)
    card(story)
    told = do(story, CableDisconnected(evse_id=1, connector_id=1), ContactorMoved(evse_id=1, closed=False))
    assert [(brief(e)[:2], info(e)["chargingState"]) for e in events(told)] == [(("Ended", "EVCommunicationLost"), "Idle")]


def test_c01_fr_25_a_card_is_its_text_and_its_type(story: Story) -> None:
    """Else a key code that reads like a card stops its session."""
    plug(story)
    card(story)
    turn = story.when(CardPresented(token=CARD, token_type="KeyCode", evse_ids=(1,)))
    assert facts(turn, AuthorizationEnded) == []


@pytest.mark.parametrize(("group", "stops"), [("G1", True), ("G2", False), ("", False)])
def test_c09_fr_03_c09_fr_05_another_card_stops_where_it_shares_the_group(story: Story, group: str, *, stops: bool) -> None:
    """Else a family cannot share a session, or any card ends any session."""
    plug(story)
    card(story, Authorize=authorized(group="G1"))
    charge(story)
    told = card(story, OTHER_CARD, evse_ids=(1,), Authorize=authorized(group=group))
    assert told[0][0] == "Authorize"
    if stops:
        told += power_off(story)
    assert said(told) == ([("Ended", "StopAuthorized", 3)] if stops else [])
    if stops:
        assert events(told)[0]["idToken"] == OTHER_TOKEN
        assert events(told)[0]["transactionInfo"]["stoppedReason"] == "Local"
    assert (phase(story) is Phase.CHARGING) is not stops


def test_c09_fr_11_a_card_of_the_group_that_is_not_accepted_stops_nothing(story: Story) -> None:
    """Else a blocked card of the family ends the session."""
    plug(story)
    card(story, Authorize=authorized(group="G1"))
    assert said(card(story, OTHER_CARD, evse_ids=(1,), Authorize=authorized("Blocked", group="G1"))) == []
    assert phase(story) is Phase.READY


def test_sessions_without_a_group_share_none(story: Story) -> None:
    """Else two cards without a group are taken for family."""
    plug(story)
    card(story)
    assert said(card(story, OTHER_CARD, evse_ids=(1,))) == []


@pytest.mark.parametrize("evse_ids", [(), (1,)], ids=["anywhere", "at the EVSE"])
def test_c16_fr_02_c16_fr_08_a_master_pass_ends_every_session(new_story: NewStory, evse_ids: tuple[int, ...]) -> None:
    """TC_C_49.  Else the police cannot release a car, or the bill says that its driver did it."""
    story = new_story({"AuthCtrlr.MasterPassGroupId": "POLICE"}).boot()
    for evse_id, token in ((1, CARD), (2, "<sealed:c3000000000000000000000000000000:8:p>")):
        plug(story, evse_id)
        card(story, token, evse_ids=(evse_id,))
        charge(story, evse_id)
    told = card(story, OTHER_CARD, evse_ids=evse_ids or (2,), Authorize=authorized(group="POLICE"))
    ended = events(told + power_off(story, 1) + power_off(story, 2))
    assert [(e["evse"]["id"], *brief(e)) for e in ended] == [(1, "Ended", "StopAuthorized", 3), (2, "Ended", "StopAuthorized", 3)]
    assert {e["transactionInfo"]["stoppedReason"] for e in ended} == {"MasterPass"}
    assert {e["idToken"]["idToken"] for e in ended} == {OTHER_CARD}


def test_c16_fr_03_a_master_pass_begins_nothing(new_story: NewStory) -> None:
    """Else whoever has a master pass charges for free."""
    story = new_story({"AuthCtrlr.MasterPassGroupId": "POLICE"}).boot()
    plug(story)
    assert said(card(story, OTHER_CARD, Authorize=authorized(group="POLICE"))) == []
    assert phase(story) is Phase.OCCUPIED


def test_c16_fr_02_a_master_pass_ends_the_others_also_where_an_evse_is_free(new_story: NewStory) -> None:
    """Else a master pass works only at a full station."""
    story = new_story({"AuthCtrlr.MasterPassGroupId": "POLICE"}).boot()
    plug(story)
    card(story)
    told = card(story, OTHER_CARD, Authorize=authorized(group="POLICE"))
    assert [(e["evse"]["id"], e["eventType"]) for e in events(told)] == [(1, "Ended")]
    assert phase(story, 2) is Phase.FREE


def full_station(new_story: NewStory, settings: dict[str, str]) -> Story:
    """Two EVSEs, a driver at each."""
    story = new_story(settings).boot()
    for evse_id, token in ((1, CARD), (2, "<sealed:c3000000000000000000000000000000:8:p>")):
        plug(story, evse_id)
        card(story, token, evse_ids=(evse_id,), Authorize=authorized(group="FAMILY"))
    return story


def test_c16_fr_02_a_master_pass_ends_the_sessions_of_a_full_station_at_its_own_reader(new_story: NewStory) -> None:
    """TC_C_49.  Else the police find every EVSE taken, and are told so."""
    story = full_station(new_story, {"AuthCtrlr.MasterPassGroupId": "POLICE"})
    told = card(story, OTHER_CARD, Authorize=authorized(group="POLICE"))
    assert [(e["evse"]["id"], e["eventType"], e["transactionInfo"]["stoppedReason"]) for e in events(told)] == [
        (1, "Ended", "MasterPass"),
        (2, "Ended", "MasterPass"),
    ]


@pytest.mark.parametrize("group", ["FAMILY", ""])
def test_a_card_that_is_no_master_pass_changes_nothing_at_a_full_station(new_story: NewStory, group: str) -> None:
    """Else whoever shares a group with one of two drivers ends the session of the first; a question without an answer ends none either."""
    story = full_station(new_story, {"AuthCtrlr.MasterPassGroupId": "POLICE", "AuthCtrlr.OfflineTxForUnknownIdEnabled": "true"})
    assert [action for action, _ in card(story, OTHER_CARD, Authorize=authorized(group=group))] == ["Authorize"]
    presented(story, OTHER_CARD)
    turn = lose(story)
    assert one(turn, CardRefused).reason == "the CSMS has not accepted it: link lost"
    assert (phase(story, 1), phase(story, 2)) == (Phase.READY, Phase.READY)


def test_without_a_master_pass_nobody_is_asked_at_a_full_station(new_story: NewStory) -> None:
    """Else every card that is held to the reader of a full station costs a question that changes nothing."""
    story = full_station(new_story, {})
    assert one(presented(story, OTHER_CARD), CardRefused).reason == "no EVSE is free for this card"


def test_without_a_master_pass_configured_no_group_is_one(story: Story) -> None:
    """Else a card without a group is everybody's master."""
    plug(story)
    card(story)
    assert said(card(story, OTHER_CARD, evse_ids=(1,), Authorize=authorized(group=""))) == []
    assert phase(story) is Phase.READY


def test_c01_fr_23_another_driver_does_not_take_over_a_transaction_that_still_runs(new_story: NewStory) -> None:
    """Else one transaction has two payers, which no CSMS can bill."""
    story = new_story({"TxCtrlr.TxStopPoint": "EVConnected"}).boot()
    plug(story)
    card(story)
    card(story)
    assert phase(story) is Phase.FINISHING
    assert identifier(story)
    assert card(story, OTHER_CARD, evse_ids=(1,)) == []
    assert said(card(story)) == [("Updated", "Authorized", 3)], "the first driver may go on"


def test_f01_fr_24_a_remote_start_does_not_either(new_story: NewStory) -> None:
    """Else the CSMS is given a transaction that belongs to somebody else."""
    story = new_story({"TxCtrlr.TxStopPoint": "EVConnected"}, evses=1).boot()
    plug(story)
    card(story)
    assert story.replies(start(story, evseId=1))["status"] == "Rejected"
    card(story)
    assert story.replies(start(story, evseId=1))["status"] == "Rejected"
    assert story.replies(start(story))["status"] == "Rejected"


# Unplugging


@pytest.mark.parametrize("stop_on", ["true", "false"])
@pytest.mark.parametrize("when", ["occupied", "ready", "charging", "suspended", "finishing"])
def test_e09_fr_01_e10_unplugged_in_every_phase(new_story: NewStory, when: str, stop_on: str) -> None:
    """Else pulling the plug at some moment leaves energy offered to an open socket, or a transaction without an end."""
    settings = {"TxCtrlr.StopTxOnEVSideDisconnect": stop_on, "TxCtrlr.TxStopPoint": "Authorized", "SampledDataCtrlr.TxUpdatedInterval": "0"}
    story = new_story(settings).boot()
    reach(story, when)
    turn = story.when(CableDisconnected(evse_id=1, connector_id=1))
    assert all(not energise for _, energise, _ in offers(turn))
    told = [event for action, event in queued(turn) if action == "TransactionEvent"]
    story.settle(turn)
    if when == "finishing":
        assert (told, phase(story)) == ([], Phase.FREE)
    elif when == "occupied":
        assert [(e["eventType"], e["transactionInfo"]["stoppedReason"]) for e in told] == [("Ended", "EVDisconnected")]
        assert phase(story) is Phase.FREE
    elif stop_on == "true":
        assert [(e["eventType"], e["triggerReason"], info(e)) for e in told] == [
            ("Ended", "EVCommunicationLost", {"chargingState": "Idle", "stoppedReason": "EVDisconnected"})
        ]
        assert phase(story) is Phase.FREE
        do(story, ContactorMoved(evse_id=1, closed=False))
        assert offers(story.when(CableConnected(evse_id=1, connector_id=1))) == [], "E09.FR.01: authorized once again, or nothing"
    else:
        assert [(e["eventType"], e["triggerReason"], info(e)) for e in told] == [("Updated", "EVCommunicationLost", {"chargingState": "Idle"})]
        assert phase(story) is Phase.AUTHORIZED
        do(story, ContactorMoved(evse_id=1, closed=False))
        back = story.when(CableConnected(evse_id=1, connector_id=1))
        assert offers(back) == [(1, True, True)]
        assert [(e["eventType"], e["triggerReason"]) for action, e in queued(back)[:2] if action == "TransactionEvent"] == [
            ("Updated", "CablePluggedIn")
        ]


def reach(story: Story, when: str) -> None:
    """A session with a transaction, in that phase."""
    if when == "authorized":
        card(story, evse_ids=(1,))
        return
    plug(story)
    if when == "occupied":
        return
    card(story)
    if when in ("charging", "suspended"):
        charge(story)
    if when == "suspended":
        pause(story)
        power_off(story)
    if when == "finishing":
        card(story)
    assert phase(story).value == when


def test_e10_fr_02_a_vehicle_that_does_not_come_back_ends_the_authorization(new_story: NewStory) -> None:
    """Else StopTxOnEVSideDisconnect false lets whoever comes next charge on another's bill."""
    settings = {"TxCtrlr.StopTxOnEVSideDisconnect": "false", "TxCtrlr.TxStopPoint": "Authorized", "SampledDataCtrlr.TxUpdatedInterval": "0"}
    story = new_story(settings).boot()
    reach(story, "charging")
    unplug(story)
    turns = story.wait(121)
    assert [(f.stopped_reason, f.trigger) for f in facts(turns, AuthorizationEnded)] == [("Timeout", "EVConnectTimeout")]
    assert [f.stopped_reason for f in facts(turns, TransactionEnded)] == ["Timeout"]
    assert phase(story) is Phase.FREE


def test_e10_where_the_stop_point_ends_it_the_driver_may_plug_in_again_for_another_transaction(new_story: NewStory) -> None:
    """Else the second half of a session is not billed, or billed under an identifier that has ended."""
    settings = {"TxCtrlr.StopTxOnEVSideDisconnect": "false", "TxCtrlr.TxStopPoint": "EVConnected", "SampledDataCtrlr.TxUpdatedInterval": "0"}
    story = new_story(settings).boot()
    reach(story, "charging")
    first = identifier(story)
    assert said(unplug(story)) == [("Ended", "EVCommunicationLost", 3)]
    (event,) = events(do(story, ContactorMoved(evse_id=1, closed=False), CableConnected(evse_id=1, connector_id=1)))
    assert brief(event) == ("Started", "CablePluggedIn", 0)
    assert event["idToken"] == TOKEN
    assert event["transactionInfo"]["transactionId"] != first


def test_hearing_of_a_plug_twice_changes_nothing(story: Story) -> None:
    """Else a bouncing switch is a second vehicle."""
    plug(story)
    assert story.when(CableConnected(evse_id=1, connector_id=1)).facts == ()
    assert story.when(PilotChanged(evse_id=1, state="B")).facts == ()
    assert story.when(ContactorMoved(evse_id=1, closed=False)).facts == ()
    unplug(story)
    assert story.when(CableDisconnected(evse_id=1, connector_id=1)).facts == ()


# Energy


def test_e01_fr_18_e01_fr_19_the_vehicle_pauses_and_goes_on(story: Story) -> None:
    """Else the CSMS shows a charging vehicle that has been full for hours."""
    reach(story, "charging")
    told = pause(story)
    assert [(brief(e), info(e)) for e in events(told)] == [(("Updated", "ChargingStateChanged", 3), {"chargingState": "SuspendedEV"})]
    told = pause(story, "C")
    assert [(brief(e), info(e)) for e in events(told)] == [(("Updated", "ChargingStateChanged", 4), {"chargingState": "Charging"})]


def test_e01_fr_18_the_station_pauses(story: Story) -> None:
    """Else a contactor that opened by itself is blamed on the vehicle."""
    reach(story, "charging")
    told = do(story, ContactorMoved(evse_id=1, closed=False))
    assert [(brief(e), info(e)) for e in events(told)] == [(("Updated", "ChargingStateChanged", 3), {"chargingState": "SuspendedEVSE"})]


@pytest.mark.parametrize("state", ["D", "E", "F", "A", "B"])
def test_energy_flows_in_c_and_d_only(story: Story, state: str) -> None:
    """Else a pilot in error counts as charging."""
    plug(story)
    card(story)
    do(story, ContactorMoved(evse_id=1, closed=True), PilotChanged(evse_id=1, state=state))
    assert (phase(story) is Phase.CHARGING) is (state == "D")


def test_a_contactor_that_closes_for_nobody_starts_nothing(story: Story) -> None:
    """C01.FR.01.  Else welded contacts become a session."""
    plug(story)
    assert said(charge(story)) == []
    assert phase(story) is Phase.OCCUPIED


def test_e06_fr_07_e01_fr_06_energy_after_a_pause_is_another_transaction(new_story: NewStory) -> None:
    """Else, with EnergyTransfer as stop point, all energy after the first pause is given away."""
    settings = {"TxCtrlr.TxStartPoint": "EnergyTransfer", "TxCtrlr.TxStopPoint": "EnergyTransfer", "SampledDataCtrlr.TxUpdatedInterval": "0"}
    story = new_story(settings).boot()
    plug(story)
    card(story)
    first = charge(story)
    ended = pause(story) + power_off(story)
    assert session(story).asked_energise, "the next transaction may begin"
    again = charge(story)
    assert said(first, ended, again) == [
        ("Started", "ChargingStateChanged", 0),
        ("Ended", "ChargingStateChanged", 1),
        ("Started", "ChargingStateChanged", 0),
    ]
    assert events(again)[0]["idToken"] == TOKEN
    assert len({e["transactionInfo"]["transactionId"] for e in (*events(first), *events(again))}) == 2


@pytest.mark.parametrize(("by", "reason"), [("EV", "StoppedByEV"), ("EVSE", "Other")])
def test_e06_fr_07_a_transaction_that_energy_ended_is_not_suspended(new_story: NewStory, by: str, reason: str) -> None:
    """TC_E_22.  Else the CSMS waits for energy in a transaction that is over."""
    story = new_story({"TxCtrlr.TxStopPoint": "EnergyTransfer", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    plug(story)
    card(story)
    charge(story)
    ended = (pause(story) if by == "EV" else []) + power_off(story)
    assert [(e["eventType"], info(e)) for e in events(ended)] == [("Ended", {"chargingState": "EVConnected", "stoppedReason": reason})]


# E05


BLOCKED = authorized("Blocked")


def test_e05_fr_10_stops_on_invalid_id(story: Story) -> None:
    """Else a card that was blocked yesterday charges today."""
    plug(story)
    told = card(story, TransactionEvent=authorized("Invalid"))
    assert said(told) == [("Updated", "Authorized", 1), ("Ended", "Deauthorized", 2)]
    assert events(told)[-1]["transactionInfo"]["stoppedReason"] == "DeAuthorized"
    assert phase(story) is Phase.FINISHING
    assert offers(story.turns[-1]) == []
    assert not session(story).asked_energise


def test_e05_fr_09_where_the_stop_point_does_not_end_it_the_transaction_goes_on_without_energy(new_story: NewStory) -> None:
    """Else a transaction ends that the operator wanted to run until the cable is out."""
    story = new_story({"TxCtrlr.TxStopPoint": "EVConnected"}).boot()
    plug(story)
    told = card(story, TransactionEvent=authorized("Invalid"))
    assert said(told) == [("Updated", "Authorized", 1), ("Updated", "Deauthorized", 2)]
    assert not session(story).asked_energise
    (event,) = events(unplug(story))
    assert (brief(event), event["transactionInfo"]["stoppedReason"]) == (("Ended", "EVCommunicationLost", 3), "DeAuthorized")


def test_e05_fr_02_blocked_before_energy_flows(new_story: NewStory) -> None:
    """Else StopTxOnInvalidId false means free energy."""
    story = new_story({"TxCtrlr.StopTxOnInvalidId": "false"}).boot()
    plug(story)
    told = card(story, TransactionEvent=BLOCKED)
    assert [(brief(e), info(e)) for e in events(told)][1:] == [(("Updated", "ChargingStateChanged", 2), {"chargingState": "SuspendedEVSE"})]
    assert not session(story).asked_energise
    assert session(story).asked_lock
    charge(story)
    assert phase(story) is Phase.READY, "a contactor that closes all the same is not called charging"
    assert said(card(story), power_off(story)) == [("Ended", "StopAuthorized", 3)]


def test_e05_fr_02_blocked_while_energy_flows_is_told_when_it_stopped(new_story: NewStory) -> None:
    """Else the CSMS hears that the state changed, to what it was."""
    story = new_story({"TxCtrlr.StopTxOnInvalidId": "false", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    plug(story)
    asked = story.answer(presented(story), authorized())
    story.when(PilotChanged(evse_id=1, state="C"))
    story.when(ContactorMoved(evse_id=1, closed=True))
    turn = story.answer(asked, authorized("Blocked"))
    assert one(turn, EnergyBlocked).evse_id == 1
    assert offers(turn) == [(1, False, True)]
    told = events(story.settle(turn))
    assert [info(e)["chargingState"] for e in told] == ["Charging"], "the event of the start, which was on its way"
    (event,) = events(do(story, ContactorMoved(evse_id=1, closed=False)))
    assert (brief(event), info(event)) == (("Updated", "ChargingStateChanged", 3), {"chargingState": "SuspendedEVSE"})


def test_e05_fr_03_max_energy_on_invalid_id(new_story: NewStory) -> None:
    """Else the driver gets nothing, or everything."""
    story = new_story({"TxCtrlr.StopTxOnInvalidId": "false", "TxCtrlr.MaxEnergyOnInvalidId": "500", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    plug(story)
    assert said(card(story, TransactionEvent=BLOCKED)) == [("Updated", "Authorized", 1)]
    charge(story)
    assert session(story).asked_energise
    do(story, meter(energy_wh=1499))
    assert session(story).asked_energise
    turn = story.when(meter(energy_wh=1500))
    assert offers(turn) == [(1, False, True)]
    assert story.when(meter(energy_wh=1501)).effects == ()
    (event,) = events(do(story, ContactorMoved(evse_id=1, closed=False)))
    assert info(event) == {"chargingState": "SuspendedEVSE"}


def test_e05_the_verdict_counts_only_for_the_token_it_is_about(story: Story) -> None:
    """Else an answer without an opinion, or about the last driver, ends a session."""
    plug(story)
    card(story)
    told = do(story, PilotChanged(evse_id=1, state="C"), ContactorMoved(evse_id=1, closed=True), TransactionEvent=authorized("Blocked"))
    assert said(told) == [("Updated", "ChargingStateChanged", 2)], "an event that named no token gets no verdict"
    assert phase(story) is Phase.CHARGING


def test_e05_a_verdict_that_comes_after_the_end_changes_nothing(story: Story) -> None:
    """Else a slow CSMS deauthorizes the next driver."""
    plug(story)
    turn = story.answer(presented(story), authorized())
    story.when(CardPresented(token=CARD, token_type="ISO14443"))
    assert facts(story.answer(turn, authorized("Blocked")), AuthorizationEnded) == []


# From afar


def test_f01_cable_first_remote_start(story: Story) -> None:
    """F01.FR.02, FR.04, FR.13, FR.19, F02.FR.01.  Else an app user in front of the station gets nothing."""
    plug(story)
    turn = start(story, evseId=1)
    assert story.replies(turn) == {"status": "Accepted", "transactionId": identifier(story)}
    (event,) = events(story.settle(turn))
    assert brief(event) == ("Updated", "RemoteStart", 1)
    assert event["transactionInfo"]["remoteStartId"] == 42
    assert event["idToken"] == {"idToken": OTHER_CARD, "type": "Central"}
    assert offers(turn) == [(1, True, True)]
    (event,) = events(charge(story))
    assert "remoteStartId" not in event["transactionInfo"]


@pytest.mark.parametrize("point", POINTS)
def test_f02_fr_21_the_first_event_after_a_remote_start_says_so(new_story: NewStory, point: str) -> None:
    """Else the CSMS cannot match the transaction with its request, whatever event the transaction begins with."""
    story = new_story({"TxCtrlr.TxStartPoint": point}).boot()
    turn = start(story, evseId=2)
    assert story.replies(turn) == {"status": "Accepted"}
    told = events([*story.settle(turn), *plug(story, 2), *charge(story, 2)])
    assert brief(told[0]) == ("Started", "RemoteStart", 0)
    assert told[0]["transactionInfo"]["remoteStartId"] == 42
    assert [e for e in told[1:] if "remoteStartId" in e["transactionInfo"] or e["triggerReason"] == "RemoteStart"] == []


def test_f02_fr_07_a_remote_start_waits_for_the_vehicle_only_so_long(story: Story) -> None:
    """Else an EVSE is kept for an app user who never came."""
    story.settle(start(story, evseId=1))
    assert phase(story) is Phase.AUTHORIZED
    story.wait(121)
    assert phase(story) is Phase.FREE


def test_f01_fr_07_without_an_evse_the_one_that_waits_is_taken(story: Story) -> None:
    """Else the CSMS starts the empty EVSE, and the driver waits at the other."""
    plug(story, 2)
    story.settle(start(story))
    assert phase(story, 2) is Phase.READY


@pytest.mark.parametrize("token_type", ["ISO14443", "KeyCode", "Local", "eMAID"])
def test_f01_fr_01_f02_fr_09_with_authorize_remote_start_the_csms_is_asked(new_story: NewStory, token_type: str) -> None:
    """Else AuthorizeRemoteStart is decoration."""
    story = new_story({"AuthCtrlr.AuthorizeRemoteStart": "true"}).boot()
    plug(story)
    turn = start(story, evseId=1, idToken={"idToken": OTHER_CARD, "type": token_type})
    assert story.replies(turn)["status"] == "Accepted"
    assert offers(turn) == []
    told = story.settle(turn)
    assert told[0] == ("Authorize", {"idToken": {"idToken": OTHER_CARD, "type": token_type}})
    assert said(told) == [("Updated", "RemoteStart", 1)]


@pytest.mark.parametrize("token_type", ["Central", "NoAuthorization"])
def test_f01_fr_02_what_needs_no_check_is_not_checked(new_story: NewStory, token_type: str) -> None:
    """Else the CSMS is asked about tokens that it made up itself."""
    story = new_story({"AuthCtrlr.AuthorizeRemoteStart": "true"}).boot()
    plug(story)
    told = story.settle(start(story, evseId=1, idToken={"idToken": "" if token_type == "NoAuthorization" else OTHER_CARD, "type": token_type}))
    assert [action for action, _ in told] == ["TransactionEvent"]


def test_f01_fr_01_a_remote_start_that_is_not_authorized_starts_nothing(new_story: NewStory) -> None:
    """Else the answer Accepted is taken for leave to charge."""
    story = new_story({"AuthCtrlr.AuthorizeRemoteStart": "true"}).boot()
    plug(story)
    turn = start(story, evseId=1, idToken={"idToken": OTHER_CARD, "type": "ISO14443"})
    assert said(story.settle(turn, Authorize=authorized("Invalid"))) == []
    assert phase(story) is Phase.OCCUPIED


@pytest.mark.parametrize("evse_id", [3, 99])
def test_a_remote_start_at_an_evse_that_does_not_exist(story: Story, evse_id: int) -> None:
    """Else the station invents an EVSE."""
    reply = story.replies(start(story, evseId=evse_id))
    assert (reply["status"], reply["statusInfo"]["reasonCode"]) == ("Rejected", "UnknownEvse")
    assert evse_id not in story.station[SESSIONS].of


def test_f01_fr_10_a_charging_profile_in_the_request_does_not_break_it(story: Story) -> None:
    """F01.FR.12: a station without smart charging ignores it."""
    profile = {"id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative", "chargingSchedule": []}
    assert story.replies(start(story, evseId=1, chargingProfile=profile))["status"] == "Accepted"


def test_f03_fr_03_f03_fr_07_remote_stop_ends_it(story: Story) -> None:
    """Else an app user cannot stop."""
    reach(story, "charging")
    turn = stop(story, identifier(story))
    assert story.replies(turn) == {"status": "Accepted"}
    assert offers(turn) == [(1, False, True)]
    (event,) = events(story.settle(turn) + power_off(story))
    assert offers(story.turns[-3]) == [(1, False, False)], "the plug is released once it is not under power"
    assert brief(event) == ("Ended", "RemoteStop", 3)
    assert event["transactionInfo"]["stoppedReason"] == "Remote"


def test_f03_fr_02_f04_fr_03_with_evconnected_it_ends_with_the_cable_and_still_says_remote(new_story: NewStory) -> None:
    """Else the CSMS never learns why the transaction ended."""
    story = new_story({"TxCtrlr.TxStopPoint": "EVConnected", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    reach(story, "charging")
    turn = stop(story, identifier(story))
    assert said(story.settle(turn)) == [("Updated", "RemoteStop", 3)]
    (event,) = events(unplug(story))
    assert (brief(event), event["transactionInfo"]["stoppedReason"]) == (("Ended", "EVCommunicationLost", 4), "Remote")


def test_f03_a_transaction_that_nobody_was_authorized_for(story: Story) -> None:
    """Else stopping a transaction that began with the cable breaks the station."""
    plug(story)
    turn = stop(story, identifier(story))
    assert story.replies(turn) == {"status": "Accepted"}
    assert said(story.settle(turn)) == [("Updated", "RemoteStop", 1)]


def test_f03_fr_08_an_unknown_transaction(story: Story) -> None:
    """Else the CSMS believes that something stopped; or the transaction that ended a minute ago stops again."""
    plug(story)
    card(story)
    ended = identifier(story)
    card(story)
    for name in ("nonsense", "", ended):
        assert story.replies(stop(story, name))["status"] == "Rejected"


# What the CSMS asks about


def status(story: Story, transaction: str | None = None) -> dict[str, Any]:
    """GetTransactionStatus."""
    found: dict[str, Any] = story.replies(story.call("GetTransactionStatus", {} if transaction is None else {"transactionId": transaction}))
    return found


def test_e14_a_transaction_that_runs_and_one_that_has_ended(story: Story) -> None:
    """Else a CSMS that lost its records bills a session that goes on, or waits for one that is over."""
    assert status(story) == {"messagesInQueue": False}
    plug(story)
    card(story)
    here = identifier(story)
    assert status(story, here) == {"messagesInQueue": False, "ongoingIndicator": True}
    assert status(story) == {"messagesInQueue": False}
    for unknown in ("nonsense", "Started", "", here[:-1]):
        assert status(story, unknown) == {"messagesInQueue": False, "ongoingIndicator": False}
    card(story)
    assert status(story, here) == {"messagesInQueue": False, "ongoingIndicator": False}


def test_e14_what_waits_to_be_told_is_told_of_with_its_transaction(new_story: NewStory) -> None:
    """E14.FR.04, E14.FR.07.  Else the CSMS closes its books while events are still under way; one in flight is such an event too."""
    story = new_story({"AuthCtrlr.OfflineTxForUnknownIdEnabled": "true", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    plug(story, 2)
    other = identifier(story, 2)
    lose(story)
    story.when(CableConnected(evse_id=1, connector_id=1))
    here = identifier(story)
    story.when(CableDisconnected(evse_id=1, connector_id=1))
    turn = reconnect(story)
    assert status(story, here) == {"messagesInQueue": True, "ongoingIndicator": False}
    assert status(story, other) == {"messagesInQueue": False, "ongoingIndicator": True}
    assert status(story) == {"messagesInQueue": True}
    story.settle(turn)
    assert status(story, here) == {"messagesInQueue": False, "ongoingIndicator": False}
    assert status(story) == {"messagesInQueue": False}
    turn = presented(story, evse_ids=(2,))
    turn = story.answer(turn, authorized())
    assert status(story, other) == {"messagesInQueue": True, "ongoingIndicator": True}
    story.settle(turn)
    assert status(story, other) == {"messagesInQueue": False, "ongoingIndicator": True}


# Offline


def test_c15_e04_offline_start_and_stop_of_an_unknown_card(new_story: NewStory) -> None:
    """OfflineTxForUnknownIdEnabled, E04, E08.  Else a station without a link is no station."""
    story = new_story({"AuthCtrlr.OfflineTxForUnknownIdEnabled": "true", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    lose(story)
    story.when(CableConnected(evse_id=1, connector_id=1))
    assert one(presented(story), Granted).token == CARD
    story.when(PilotChanged(evse_id=1, state="C"))
    story.when(ContactorMoved(evse_id=1, closed=True))
    presented(story)
    story.when(CableDisconnected(evse_id=1, connector_id=1))
    told = events(story.settle(reconnect(story)))
    assert [(*brief(e), e["offline"]) for e in told] == [
        ("Started", "CablePluggedIn", 0, True),
        ("Updated", "Authorized", 1, True),
        ("Updated", "ChargingStateChanged", 2, True),
        ("Ended", "StopAuthorized", 3, True),
    ]


def test_offline_an_unknown_card_is_refused_where_the_operator_wants_so(story: Story) -> None:
    """Else every card is good as soon as somebody cuts the cable."""
    lose(story)
    story.when(CableConnected(evse_id=1, connector_id=1))
    assert "offline" in one(presented(story), CardRefused).reason
    assert phase(story) is Phase.OCCUPIED


def test_the_verdict_on_an_offline_start_comes_with_the_link(new_story: NewStory) -> None:
    """E05 after E04.  Else an offline start is good for ever."""
    story = new_story({"AuthCtrlr.OfflineTxForUnknownIdEnabled": "true", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    lose(story)
    story.when(CableConnected(evse_id=1, connector_id=1))
    presented(story)
    told = story.settle(reconnect(story), TransactionEvent=authorized("Blocked"))
    assert said(told)[-1] == ("Ended", "Deauthorized", 2)
    assert phase(story) is Phase.FINISHING


@pytest.mark.parametrize("how", ["silence", "callerror", "nonsense"])
@pytest.mark.parametrize("remote", [False, True])
def test_c15_a_csms_that_does_not_accept_while_the_link_is_up_has_not_accepted(new_story: NewStory, how: str, *, remote: bool) -> None:
    """C15 is about a station that is offline.  Else whoever makes the CSMS stumble charges for free."""
    story = new_story({"AuthCtrlr.OfflineTxForUnknownIdEnabled": "true", "AuthCtrlr.AuthorizeRemoteStart": "true"}).boot()
    plug(story)
    asked = start(story, evseId=1, idToken=OTHER_TOKEN) if remote else presented(story)
    turns = story.wait(31) if how == "silence" else [story.refuse(asked) if how == "callerror" else story.answer(asked, {}, problem="no idTokenInfo")]
    assert facts(turns, Granted) == []
    why = {"silence": "no answer in time", "callerror": "CALLERROR InternalError", "nonsense": "the answer breaks its schema: no idTokenInfo"}[how]
    assert one(turns, CardRefused).reason == f"the CSMS has not accepted it: {why}"
    assert story.station[SESSIONS].asking == {}
    assert phase(story) is Phase.OCCUPIED


@pytest.mark.parametrize("allowed", ["true", "false"])
def test_b02_fr_03_before_the_csms_accepts_the_station_its_own_rule_decides_and_not_that_for_offline(new_story: NewStory, allowed: str) -> None:
    """B02.FR.02, B02.FR.03, B03.FR.01.  Else a pending station gives energy by a rule that is for stations without a link, or none by its own."""
    settings = {"TxCtrlr.TxBeforeAcceptedEnabled": allowed, "AuthCtrlr.OfflineTxForUnknownIdEnabled": "false" if allowed == "true" else "true"}
    story = new_story(settings)
    story.start()
    story.settle(story.answer(story.connect(), {"status": "Pending", "interval": 300, "currentTime": "2027-01-15T08:00:00Z"}))
    story.when(CableConnected(evse_id=1, connector_id=1))
    turn = presented(story, evse_ids=(1,))
    assert "Authorize" not in [action for action, _ in queued(turn)], "nothing may be asked"
    if allowed == "true":
        assert one(turn, Granted).basis == "TxCtrlr.TxBeforeAcceptedEnabled"
    else:
        assert one(turn, CardRefused).reason == "the station is not accepted by its CSMS yet"


def test_a_link_lost_under_the_question_answers_it_too(new_story: NewStory) -> None:
    """Else the driver stands before a reader that is still asking."""
    story = new_story({"AuthCtrlr.OfflineTxForUnknownIdEnabled": "true"}).boot()
    plug(story)
    presented(story)
    assert one(lose(story), Granted).evse_id == 1


def test_a_card_is_asked_about_once(story: Story) -> None:
    """Else an impatient driver is three questions, and the second answer stops what the first one started."""
    plug(story)
    turn = presented(story)
    assert presented(story).facts == ()
    assert presented(story).facts == ()
    assert said(story.settle(turn)) == [("Updated", "Authorized", 1)]


# Which EVSE


def test_e01_fr_16_a_card_for_several_evses_is_for_the_only_one_with_a_cable(story: Story) -> None:
    """Else the driver who has plugged in waits, and an empty EVSE is held for nobody."""
    plug(story, 2)
    card(story)
    assert (phase(story, 1), phase(story, 2)) == (Phase.FREE, Phase.READY)
    plug(story, 1)
    card(story, OTHER_CARD)
    assert phase(story, 1) is Phase.READY


def waiting(story: Story) -> list[tuple[int, tuple[int, ...]]]:
    """The authorizations that wait for an EVSE, each with those that it is for."""
    return [(number, one.evse_ids) for number, one in story.station[SESSIONS].waiting()]


@pytest.mark.parametrize("start_point", ["Authorized", "PowerPathClosed", "EVConnected", "EnergyTransfer"])
@pytest.mark.parametrize("remote", [False, True])
def test_e01_fr_16_f01_fr_20_it_charges_where_the_vehicle_plugs_in(new_story: NewStory, start_point: str, *, remote: bool) -> None:
    """E03.FR.11, E01.FR.17, C01.FR.21.  Else a card that is good for two EVSEs charges at the one that the station thought of, and at no other."""
    story = new_story({"TxCtrlr.TxStartPoint": start_point, "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    told = story.settle(start(story)) if remote else card(story)
    early = start_point == "Authorized"
    trigger = "RemoteStart" if remote else "Authorized"
    assert said(told) == ([("Started", trigger, 0)] if early else [])
    for event in events(told):
        assert "evse" not in event, "nobody knows yet where"
        assert "meterValue" not in event
        assert info(event)["chargingState"] == "Idle"
    assert waiting(story) == [(-1, (1, 2))]
    assert (phase(story, 1), phase(story, 2)) == (Phase.FREE, Phase.FREE)
    plugged_in = events(plug(story, 2))
    assert waiting(story) == []
    assert (phase(story, 1), phase(story, 2)) == (Phase.FREE, Phase.READY)
    charging = events(charge(story, 2))
    found = [*events(told), *plugged_in, *charging]
    assert {event["evse"]["id"] for event in [*plugged_in, *charging]} == {2}
    assert {event["evse"]["connectorId"] for event in [*plugged_in, *charging]} == {1}
    assert [event["seqNo"] for event in found] == list(range(len(found)))
    begun = [event for event in found if any(v["sampledValue"][0]["context"] == "Transaction.Begin" for v in event.get("meterValue", ()))]
    assert begun == ([charging[-1]] if early else [found[0]]), "told when charging starts, where the EVSE was unknown before"
    assert len([event for event in found if "idToken" in event]) == 1
    assert len({event["transactionInfo"]["transactionId"] for event in found}) == 1


def test_c01_fr_26_an_authorization_without_an_evse_runs_out_too(new_story: NewStory) -> None:
    """E03.FR.05, F02.FR.07.  Else a transaction without an EVSE runs for ever."""
    story = new_story({"TxCtrlr.TxStartPoint": "Authorized", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    card(story)
    assert story.wait(119.9) == []
    (turn,) = story.wait(0.2)
    (event,) = events(story.settle(turn))
    assert (brief(event), event["transactionInfo"]["stoppedReason"]) == (("Ended", "EVConnectTimeout", 1), "Timeout")
    assert "evse" not in event
    assert story.station[SESSIONS].of.keys() <= {1, 2}
    assert story.station[SESSIONS].told == {}
    plug(story)
    assert phase(story) is Phase.OCCUPIED, "the authorization is over"


def test_the_same_card_takes_back_an_authorization_that_waits(new_story: NewStory) -> None:
    """C01.FR.03.  Else a driver who changes his mind leaves his card's leave to whoever plugs in next."""
    story = new_story({"TxCtrlr.TxStartPoint": "Authorized", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    card(story)
    assert said(card(story)) == [("Ended", "StopAuthorized", 1)]
    assert waiting(story) == []
    plug(story)
    assert phase(story) is Phase.OCCUPIED


def test_two_cables_and_one_card_leave_open_who_is_meant(story: Story) -> None:
    """Else one of two vehicles charges on a card that was shown for the other."""
    plug(story, 1)
    plug(story, 2)
    card(story)
    assert (phase(story, 1), phase(story, 2)) == (Phase.OCCUPIED, Phase.OCCUPIED)
    assert waiting(story) == [(-1, (1, 2))]
    told = unplug(story, 1)
    assert (phase(story, 1), phase(story, 2)) == (Phase.FREE, Phase.READY), "only one is left that could be meant"
    assert [(e["evse"]["id"], *brief(e)[:2]) for e in events(told)][-1] == (2, "Updated", "Authorized")


def test_no_more_cards_wait_than_there_are_evses(story: Story) -> None:
    """Else the third driver is told yes, and waits in vain."""
    cards = [f"<sealed:{number:02x}{0:030x}:8:p>" for number in (7, 8, 9)]
    for token in cards[:2]:
        card(story, token)
    assert len(waiting(story)) == 2
    assert one(presented(story, cards[2]), CardRefused).reason == "no EVSE is free for this card"
    plug(story, 2)
    plug(story, 1)
    assert [session(story, evse_id).token for evse_id in (1, 2)] == [cards[1], cards[0]], "who waits longest is first"


def test_the_csms_may_say_with_the_transaction_where_a_card_is_good(new_story: NewStory) -> None:
    """C01.FR.21.  Else a card for EVSE 2 charges at EVSE 1, because the answer to Authorize did not say so."""
    story = new_story({"TxCtrlr.TxStartPoint": "Authorized", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    card(story, TransactionEvent=authorized(evse_ids=(2,)))
    assert phase(story, 2) is Phase.AUTHORIZED
    assert phase(story, 1) is Phase.FREE


def test_a_card_that_is_good_elsewhere_only_is_not_accepted_here(story: Story) -> None:
    """C01.FR.21, E05.FR.10.  Else "Accepted, at EVSE 2" is read as "Accepted" at EVSE 1."""
    plug(story)
    told = card(story, TransactionEvent=authorized(evse_ids=(2,)))
    assert said(told)[-1] == ("Ended", "Deauthorized", 2)


def test_who_waits_for_an_evse_outlives_a_restart(new_story: NewStory) -> None:
    """Else a power cut between the card and the plug costs the driver his transaction, and the CSMS its end."""
    story = new_story({"TxCtrlr.TxStartPoint": "Authorized", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    card(story)
    restart(story)
    for evse_id in (1, 2):
        do(story, levels(evse_id))
    assert waiting(story) == [(-1, (1, 2))]
    assert said(plug(story, 2)) == [("Updated", "CablePluggedIn", 1)]
    assert phase(story, 2) is Phase.READY


def test_a_reader_of_one_evse_starts_that_one(story: Story) -> None:
    """Else a card at the left reader opens the right contactor."""
    plug(story, 1)
    card(story, evse_ids=(2,))
    assert (phase(story, 1), phase(story, 2)) == (Phase.OCCUPIED, Phase.AUTHORIZED)


def test_c01_fr_21_only_where_the_csms_allows_it(story: Story) -> None:
    """Else a card that is good for EVSE 2 charges at EVSE 1."""
    plug(story, 1)
    card(story, Authorize=authorized(evse_ids=(2,)))
    assert (phase(story, 1), phase(story, 2)) == (Phase.OCCUPIED, Phase.AUTHORIZED)
    card(story, OTHER_CARD, Authorize=authorized(evse_ids=(7,)))
    assert phase(story, 1) is Phase.OCCUPIED
    assert facts(story.turns, CardRefused)[-1].reason == "no EVSE is free where this card may be used"


def test_somebody_faster_does_not_lose_the_evse(story: Story) -> None:
    """Else the answer to a slow question throws out the driver who was granted meanwhile."""
    plug(story)
    asked = presented(story)
    story.when(CardPresented(token=OTHER_CARD, token_type="ISO14443"))
    told = story.settle(asked)
    assert session(story, 1).token == CARD
    assert session(story, 2).token == OTHER_CARD
    assert [action for action, _ in told].count("Authorize") == 2


def test_a_full_station_refuses(story: Story) -> None:
    """Else a third driver is told yes, and waits."""
    for evse_id, token in ((1, CARD), (2, OTHER_CARD)):
        plug(story, evse_id)
        card(story, token, evse_ids=(evse_id,))
    turn = presented(story, "<sealed:c4000000000000000000000000000000:8:p>")
    assert one(turn, CardRefused).reason == "no EVSE is free for this card"
    assert story.replies(start(story))["status"] == "Rejected"


def test_two_evses_know_nothing_of_each_other(story: Story) -> None:
    """Else what happens left is told right."""
    plug(story, 1)
    plug(story, 2)
    card(story, evse_ids=(1,))
    charge(story, 1)
    before = session(story, 1)
    told = events(unplug(story, 2))
    assert [(e["evse"]["id"], *brief(e)) for e in told] == [(2, "Ended", "EVCommunicationLost", 1)]
    assert session(story, 1) == before
    told = events(card(story, evse_ids=(1,)) + power_off(story))
    assert [(e["evse"]["id"], *brief(e)) for e in told] == [(1, "Ended", "StopAuthorized", 3)]


# Restarts


def test_e01_fr_07_seq_no_goes_on_after_a_restart(story: Story) -> None:
    """Else the CSMS sees a gap, or one number twice, and cannot tell what is missing."""
    reach(story, "charging")
    told = restart(story)
    assert [(brief(e), info(e), e["offline"]) for e in events(told)] == [
        (("Updated", "ChargingStateChanged", 3), {"chargingState": "SuspendedEVSE"}, True)
    ]
    seen = story.when(levels(plugged=True, pilot="C", energy_wh=1100))
    assert offers(seen) == []
    assert session(story).asked_energise, "the contactor was asked for again with the start"
    assert said(do(story, ContactorMoved(evse_id=1, closed=True))) == [("Updated", "ChargingStateChanged", 4)]


@pytest.mark.parametrize("when", ["occupied", "ready", "charging", "suspended"])
def test_a_vehicle_that_left_while_the_power_was_out(new_story: NewStory, when: str) -> None:
    """PowerLoss (E06.FR.08).  Else a transaction runs on without its vehicle, for weeks."""
    story = new_story({"SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    reach(story, when)
    ran = identifier(story)
    restart(story)
    before = [event for action, event in queued(story.turns) if action == "TransactionEvent"]
    (event,) = events(do(story, levels(energy_wh=1700)))
    assert brief(event) == ("Ended", "EVCommunicationLost", len(before))
    assert event["transactionInfo"]["stoppedReason"] == "PowerLoss"
    assert event["transactionInfo"]["chargingState"] == "Idle"
    assert event["transactionInfo"]["transactionId"] == ran
    assert event["meterValue"][0]["sampledValue"][0]["value"] == 1700
    assert phase(story) is Phase.FREE


def test_a_vehicle_that_left_after_its_session_was_stopped_did_not_lose_its_power(new_story: NewStory) -> None:
    """Else the reason that the driver gave is overwritten by the power cut."""
    story = new_story({"TxCtrlr.TxStopPoint": "EVConnected", "SampledDataCtrlr.TxUpdatedInterval": "0"}).boot()
    reach(story, "finishing")
    restart(story)
    (event,) = events(do(story, levels()))
    assert event["transactionInfo"]["stoppedReason"] == "Local"


def test_an_authorization_without_a_vehicle_outlives_a_restart_and_still_runs_out(story: Story) -> None:
    """Else a card has to be held twice, or holds the EVSE for ever."""
    reach(story, "authorized")
    restart(story)
    assert phase(story) is Phase.AUTHORIZED
    story.wait(121)
    assert phase(story) is Phase.FREE


def test_a_vehicle_that_came_while_the_power_was_out(story: Story) -> None:
    """Else whoever plugs into a dark station is not seen until the plug is pulled."""
    restart(story)
    told = do(story, levels(plugged=True, pilot="C"))
    assert said(told) == [("Started", "CablePluggedIn", 0)]
    assert session(story).pilot == "C"


def test_questions_of_an_earlier_life_are_forgotten(story: Story) -> None:
    """Else the answer to a card of yesterday starts a session for nobody."""
    plug(story)
    presented(story)
    story.start()
    assert story.station[SESSIONS].asking == {}
    told = story.settle(story.connect())
    assert "Authorize" not in [action for action, _ in told]


def test_e01_fr_08_no_transaction_id_is_given_twice(story: Story) -> None:
    """Else two customers share a bill."""
    for _ in range(4):
        for evse_id in (1, 2):
            plug(story, evse_id)
            unplug(story, evse_id)
        restart(story)
    ids = [fact.transaction_id for fact in facts(story.turns, TransactionStarted)]
    assert len(ids) == 8
    assert len(set(ids)) == 8
    assert all(len(one_id) <= 36 for one_id in ids)


def test_the_hardware_is_asked_again_after_a_restart_and_only_for_what_is_wanted(story: Story) -> None:
    """Else a contactor stays open under a paid session, or the station asks for what is so anyway."""
    reach(story, "ready")
    assert offers(story.start()) == [], "the command that was not done yet is given again with the start"
    asked = next(turn for turn in reversed(story.turns) if effects(turn, SetEvse))
    index = next(index for index, effect in enumerate(asked.effects) if isinstance(effect, SetEvse))
    story.when(Settled(station=0, seq=asked.seq, index=index, outcome="done"))
    assert offers(story.start()) == [(1, True, True)]
    assert offers(story.when(levels(1, plugged=True))) == []
    assert offers(story.when(levels(2))) == []
