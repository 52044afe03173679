"""B01 to B03: the station introduces itself and is silent until it may speak.

Law: until Accepted nothing but BootNotification leaves, and that not too often.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.kernel import Turn
from machines.boot.facts import BootAsked, BootFailed, Rebooted
from machines.boot.state import BOOT, Phase
from machines.effects import Call, Reply
from machines.inputs import CableConnected, CalledBadly, CardPresented, LinkDown, Stopping
from tests.conftest import NewStory
from tests.machines.acts import do, events, one, queued
from tests.story import CARD, Story, effects, facts, sent

TIME = "2027-01-15T08:00:00Z"


def asked(new_story: NewStory, status: str, interval: int = 300, **settings: str) -> tuple[Story, Turn]:
    """A station that has just been told *status*."""
    story = new_story({name.replace("__", "."): value for name, value in settings.items()} or None)
    story.start()
    turn = story.answer(story.connect(), {"status": status, "interval": interval, "currentTime": TIME})
    return story, turn


def calls(turns: list[Turn]) -> list[str]:
    """The actions of the CALLs."""
    return [call.action for call in effects(turns, Call)]


def remote_start(story: Story, **more: Any) -> Turn:
    """RequestStartTransaction."""
    return story.call("RequestStartTransaction", {"idToken": {"idToken": CARD, "type": "Central"}, "remoteStartId": 7, **more})


def test_b01_fr_01_b01_fr_09_the_first_word_says_who_and_why(new_story: NewStory) -> None:
    """Else the CSMS does not know what called, or why."""
    story = new_story({"ChargingStation.SerialNumber": "S" * 60, "ChargingStation.FirmwareVersion": "1.2"})
    story.start()
    assert sent(story.connect()) == [
        (
            "BootNotification",
            {
                "chargingStation": {"model": "Testing", "vendorName": "stationd", "serialNumber": "S" * 25, "firmwareVersion": "1.2"},
                "reason": "PowerUp",
            },
        )
    ]


def test_b01_fr_03_every_start_introduces_again_and_a_reconnect_does_not(story: Story) -> None:
    """Else a reboot goes unnoticed, or every lost link counts as one (Part 4, 5.4)."""
    story.when(LinkDown(link=story.link, reason="closed"))
    assert "BootNotification" not in [action for action, _ in story.settle(story.connect())]
    story.start()
    assert sent(story.connect())[0][0] == "BootNotification"


def test_b01_fr_04_the_interval_of_the_answer_becomes_the_heartbeat_interval(new_story: NewStory) -> None:
    """Else the CSMS thinks that the station is dead, or is told more than it asked for."""
    story, turn = asked(new_story, "Accepted", 77)
    story.settle(turn)
    reply = story.replies(
        story.call("GetVariables", {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]})
    )
    assert reply["getVariableResult"][0]["attributeValue"] == "77"
    assert calls(story.wait(76)) == []
    assert calls(story.wait(2)) == ["Heartbeat"]


def test_b01_fr_04_an_interval_of_zero_leaves_ours(new_story: NewStory) -> None:
    """Else an interval of 0 switches heartbeats off, or makes them never stop."""
    story, turn = asked(new_story, "Accepted", 0)
    story.settle(turn)
    assert calls(story.wait(299)) == []
    assert calls(story.wait(2)) == ["Heartbeat"]


def test_b01_fr_05_every_connector_is_told_after_accepted(new_story: NewStory) -> None:
    """Else the CSMS shows connectors as they were before the power cut."""
    story = new_story(evses=3)
    story.start()
    do(story, CableConnected(evse_id=2, connector_id=1))
    turn = story.answer(story.connect(), {"status": "Accepted", "interval": 300, "currentTime": TIME})
    told = [(p["evseId"], p["connectorId"], p["connectorStatus"]) for action, p in story.settle(turn) if action == "StatusNotification"]
    assert told == [(1, 1, "Available"), (2, 1, "Occupied"), (3, 1, "Available")]
    story.start()
    turn = story.answer(story.connect(), {"status": "Accepted", "interval": 300, "currentTime": TIME})
    assert len([action for action, _ in story.settle(turn) if action == "StatusNotification"]) == 3


def test_b01_fr_06_the_answers_time_is_taken(new_story: NewStory) -> None:
    """Else every message of a station without a clock battery is stamped wrongly."""
    _, turn = asked(new_story, "Pending")
    assert [type(fact).__name__ for fact in turn.facts].count("ClockSet") == 1


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_b01_fr_08_b02_fr_02_b03_fr_02_nothing_else_leaves_before_accepted(new_story: NewStory, status: str) -> None:
    """Else the CSMS answers everything with SecurityError, and what was queued is lost."""
    story, turn = asked(new_story, status, 600, TxCtrlr__TxBeforeAcceptedEnabled="true", AuthCtrlr__OfflineTxForUnknownIdEnabled="true")
    assert sent(turn) == []
    turns = [
        story.when(CableConnected(evse_id=1, connector_id=1)),
        story.when(CardPresented(token=CARD, token_type="ISO14443")),
        *story.wait(599),
    ]
    assert calls(turns) == []
    assert "TransactionEvent" in [action for action, _ in queued(turns)]


def test_b01_fr_08_what_an_earlier_life_queued_waits_too(story: Story) -> None:
    """Else the first thing that a CSMS hears of a rebooted station is a transaction event."""
    story.when(LinkDown(link=story.link, reason="closed"))
    story.when(CableConnected(evse_id=1, connector_id=1))
    story.start()
    turn = story.connect()
    assert [action for action, _ in sent(turn)] == ["BootNotification"]
    turn = story.answer(turn, {"status": "Pending", "interval": 60, "currentTime": TIME})
    assert sent(turn) == []
    (again,) = [t for t in story.wait(61) if effects(t, Call)]
    turn = story.answer(again, {"status": "Accepted", "interval": 300, "currentTime": TIME})
    assert "TransactionEvent" in [action for action, _ in story.settle(turn)]


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_b02_fr_04_b02_fr_08_b03_fr_06_asks_again_after_the_interval_and_not_before(new_story: NewStory, status: str) -> None:
    """Else the CSMS is bothered early, or the station is never accepted."""
    story, _ = asked(new_story, status, 100)
    assert calls(story.wait(99.9)) == []
    again = story.wait(0.2)
    assert calls(again) == ["BootNotification"]
    turn = story.answer(again[0], {"status": "Accepted", "interval": 300, "currentTime": TIME})
    assert story.station[BOOT].phase is Phase.ACCEPTED
    assert [action for action, _ in sent(turn)] == ["StatusNotification"]


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_b02_fr_07_b03_fr_05_without_an_interval_the_station_takes_its_time(new_story: NewStory, status: str) -> None:
    """Else an answer with interval 0 makes the station ask as fast as the network goes."""
    story, _ = asked(new_story, status, 0)
    assert calls(story.wait(59)) == []
    assert calls(story.wait(61)) == ["BootNotification"]


def test_b02_fr_04_the_interval_outlives_the_link(new_story: NewStory) -> None:
    """Else a station that is Pending asks again with every reconnect."""
    story, _ = asked(new_story, "Pending", 500)
    story.when(LinkDown(link=1, reason="closed"))
    assert sent(story.connect()) == []
    assert calls(story.wait(450)) == []
    assert calls(story.wait(50)) == ["BootNotification"]


def test_b02_fr_08_an_interval_that_ends_without_a_link_is_made_up_for(new_story: NewStory) -> None:
    """Else a station whose wait ends offline never asks again."""
    story, _ = asked(new_story, "Pending", 5)
    story.when(LinkDown(link=1, reason="closed"))
    assert sorted(calls([story.connect(), *story.wait(1)])) == ["BootNotification"]


def test_a_link_lost_while_asking_is_made_up_for_on_the_next(new_story: NewStory) -> None:
    """Else a link that breaks at the wrong moment leaves the station silent for ever."""
    story = new_story()
    story.start()
    assert sent(story.connect())[0][0] == "BootNotification"
    lost = story.when(LinkDown(link=1, reason="closed"))
    assert one(lost, BootFailed).reason == "link lost"
    turn = story.connect()
    assert sent(turn)[0][0] == "BootNotification"
    story.settle(turn)
    assert story.station[BOOT].phase is Phase.ACCEPTED


@pytest.mark.parametrize("how", ["silence", "callerror", "broken answer"])
def test_a_csms_that_does_not_answer_well_is_asked_again_but_not_at_once(new_story: NewStory, how: str) -> None:
    """Else one bad answer keeps the station silent for ever, or floods the CSMS."""
    story = new_story()
    story.start()
    turn = story.connect()
    if how == "callerror":
        turn = story.refuse(turn)
    elif how == "broken answer":
        turn = story.answer(turn, {}, problem="status is missing")
    else:
        (turn,) = [t for t in story.wait(31) if facts(t, BootFailed)]
    assert len(facts(turn, BootFailed)) == 1
    assert calls(story.wait(28)) == []
    again = [t for t in story.wait(92) if effects(t, Call)]
    assert calls(again) == ["BootNotification"]
    story.settle(again[0])
    assert story.station[BOOT].phase is Phase.ACCEPTED


def test_b03_fr_08_while_rejected_every_call_is_a_security_error(new_story: NewStory) -> None:
    """Else a CSMS that does not want the station can still run it."""
    story, _ = asked(new_story, "Rejected")
    for action in ("GetVariables", "SetVariables", "RequestStartTransaction", "RequestStopTransaction", "Reset", "NoSuchThing"):
        turn = story.call(action, {})
        assert story.error(turn) == "SecurityError"
        assert turn.facts == ()
    bad = CalledBadly(link=1, message_id="m", action="Reset", payload=b"{}", code="OccurrenceConstraintViolation", description="type is missing")
    assert story.error(story.when(bad)) == "SecurityError"


def test_b03_fr_08_it_stays_so_while_the_station_asks_again(new_story: NewStory) -> None:
    """Else there is a gap in the refusal that a CSMS can slip through."""
    story, _ = asked(new_story, "Rejected", 10)
    story.wait(11)
    assert story.station[BOOT].phase is Phase.ASKING
    assert story.error(story.call("GetVariables", {"getVariableData": []})) == "SecurityError"


def test_b02_fr_01_while_pending_the_csms_may_look_and_change(new_story: NewStory) -> None:
    """Else a CSMS cannot set a station up before it accepts it."""
    story, _ = asked(new_story, "Pending")
    address = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}
    turn = story.call("SetVariables", {"setVariableData": [{**address, "attributeValue": "5"}]})
    assert story.replies(turn)["setVariableResult"][0]["attributeStatus"] == "Accepted"
    turn = story.call("GetVariables", {"getVariableData": [address]})
    assert story.replies(turn)["getVariableResult"][0]["attributeValue"] == "5"


def test_b02_fr_02_reports_that_were_asked_for_leave_while_pending(new_story: NewStory) -> None:
    """TC_B_02.  Else a CSMS that wants to read the device model before it accepts the station waits for ever; nothing else leaves with them."""
    story, _ = asked(new_story, "Pending", 600)
    story.when(CableConnected(evse_id=1, connector_id=1))
    turn = story.call("GetBaseReport", {"requestId": 4, "reportBase": "FullInventory"})
    assert story.replies(turn) == {"status": "Accepted"}
    told = story.settle(turn)
    assert told
    assert {(action, payload["requestId"]) for action, payload in told} == {("NotifyReport", 4)}
    assert told[-1][1]["tbc"] is False
    told = story.settle(story.call("GetReport", {"requestId": 5, "componentVariable": [{"component": {"name": "EVSE"}}]}, "m2"))
    assert [(action, payload["requestId"]) for action, payload in told] == [("NotifyReport", 5)]
    (again,) = [t for t in story.wait(600) if effects(t, Call)]
    assert calls([again]) == ["BootNotification"]


def test_b02_fr_02_a_report_does_not_hold_back_the_next_boot_notification(new_story: NewStory) -> None:
    """Else a station with a long report to tell is never accepted; and one that has not been heard yet tells none."""
    story, _ = asked(new_story, "Pending", 5)
    first = story.call("GetBaseReport", {"requestId": 4, "reportBase": "FullInventory"})
    assert [action for action, _ in sent(first)] == ["NotifyReport"]
    story.when(LinkDown(link=1, reason="closed"))
    story.start()
    turn = story.connect()
    assert [action for action, _ in sent(turn)] == ["BootNotification"]
    turn = story.answer(turn, {"status": "Rejected", "interval": 60, "currentTime": TIME})
    assert sent(turn) == []


@pytest.mark.parametrize("before", ["false", "true"])
def test_b02_fr_05_while_pending_remote_start_and_stop_are_rejected(new_story: NewStory, before: str) -> None:
    """Else a CSMS starts transactions on a station that it has not accepted, whatever is configured for local ones."""
    story, _ = asked(new_story, "Pending", TxCtrlr__TxBeforeAcceptedEnabled=before, AuthCtrlr__OfflineTxForUnknownIdEnabled="true")
    assert story.replies(remote_start(story, evseId=1))["status"] == "Rejected"
    assert story.replies(remote_start(story))["status"] == "Rejected"
    turn = story.when(CableConnected(evse_id=1, connector_id=1))
    identifier = queued(turn)[0][1]["transactionInfo"]["transactionId"]
    assert story.replies(story.call("RequestStopTransaction", {"transactionId": identifier}))["status"] == "Rejected"
    assert story.replies(remote_start(story, evseId=1))["status"] == "Rejected"


@pytest.mark.parametrize(("before", "starts"), [("false", False), ("true", True)])
def test_b02_fr_03_b03_fr_01_local_sessions_before_accepted_are_the_operators_choice(new_story: NewStory, before: str, *, starts: bool) -> None:
    """Else energy is given away, or refused, against the operator's word."""
    story, _ = asked(new_story, "Pending", TxCtrlr__TxBeforeAcceptedEnabled=before, AuthCtrlr__OfflineTxForUnknownIdEnabled="true")
    turn = story.when(CardPresented(token=CARD, token_type="ISO14443"))
    assert [type(fact).__name__ for fact in turn.facts] == (["Granted"] if starts else ["CardRefused"])
    assert sent(turn) == []


def test_an_answer_to_an_older_question_is_not_the_verdict(new_story: NewStory) -> None:
    """Else a late Accepted of the last life overrules what the CSMS says now."""
    story = new_story()
    story.start()
    turn = story.connect()
    story.start()
    late = story.answer(turn, {"status": "Accepted", "interval": 300, "currentTime": TIME})
    assert late.facts == ()
    assert story.station[BOOT].phase is Phase.SILENT


def test_each_start_counts_and_says_whether_the_last_end_was_orderly(story: Story) -> None:
    """Else nobody can tell crashes from updates in a journal."""
    assert story.station[BOOT].boots == 1
    turn = story.start()
    assert not one(turn, Rebooted).orderly
    story.when(Stopping(reason="SIGTERM"))
    assert one(story.start(), Rebooted).orderly
    assert story.station[BOOT].boots == 3
    assert len({fact.entry for fact in facts(story.turns, BootAsked)}) == len(facts(story.turns, BootAsked))


def test_the_csmss_answer_may_have_more_than_we_read(new_story: NewStory) -> None:
    """Else statusInfo or customData in an answer makes a turn Faulted."""
    story = new_story()
    story.start()
    payload = {"status": "Accepted", "interval": 300, "currentTime": "not a time", "statusInfo": {"reasonCode": "x"}, "customData": {"vendorId": "v"}}
    story.settle(story.answer(story.connect(), payload))
    assert story.station[BOOT].phase is Phase.ACCEPTED
    assert events(do(story, CableConnected(evse_id=1, connector_id=1)))[0]["eventType"] == "Started"
    assert json.loads(one(story.call("GetVariables", {"getVariableData": []}), Reply).payload) == {"getVariableResult": []}
