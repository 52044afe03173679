"""The queue of what the station has to say.

Law: one CALL in flight; nothing leaves the queue without an answer or a reason; transaction events keep their order.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from engine.kernel import Turn
from machines.boot.state import BOOT
from machines.effects import Call, Say
from machines.inputs import Answered, CableConnected, CableDisconnected, CardPresented, LinkDown, PilotChanged, Refused
from machines.outbound import machine as queue
from machines.outbound.asks import message_id, read_message_id
from machines.outbound.facts import THINNED, Delivered, Dropped, Failed, Lapsed, Returned, Sent
from machines.outbound.state import OUTBOUND
from machines.session.facts import CardRefused
from tests.conftest import NewStory
from tests.machines.acts import brief, card, charge, do, events, lose, meter, one, plug, reconnect
from tests.story import CARD, JOURNAL, Story, effects, facts, sent

QUICK = {"OCPPCommCtrlr.HeartbeatInterval": "0", "SampledDataCtrlr.TxUpdatedInterval": "0"}
"""Nothing is said that no story asks for."""

ATTEMPTS = "OCPPCommCtrlr.MessageAttempts[TransactionEvent]"
INTERVAL_S = "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]"
THRICE = {**QUICK, ATTEMPTS: "3", INTERVAL_S: "10"}


def place(turn: Turn) -> tuple[int, int]:
    """Entry and attempt of the CALL of *turn*."""
    found = read_message_id(JOURNAL, one(turn, Call).message_id)
    assert found is not None
    return found


def plugged(story: Story) -> Turn:
    """A cable, the status that is told first, and then the transaction event."""
    turn = story.when(CableConnected(evse_id=1, connector_id=1))
    assert [action for action, _ in sent(turn)] == ["StatusNotification"]
    turn = story.answer(turn, {})
    assert [action for action, _ in sent(turn)] == ["TransactionEvent"]
    return turn


def next_call(story: Story, seconds: float) -> Turn:
    """The turn of the next CALL within *seconds*."""
    return next(turn for turn in story.wait(seconds) if effects(turn, Call))


# One in flight


def test_ocppj_4_1_1_one_call_at_a_time(story: Story) -> None:
    """Else the CSMS sees two CALLs at once, and may answer neither."""
    first = plugged(story)
    for input in (CableConnected(evse_id=2, connector_id=1), PilotChanged(evse_id=1, state="B"), CardPresented(token=CARD, token_type="ISO14443")):
        assert effects(story.when(input), Call) == []
    assert len(effects(story.answer(first, {}), Call)) == 1


def test_ocppj_4_1_4_no_message_id_is_used_twice(story: Story) -> None:
    """Else an answer is taken for that of another message."""
    for _ in range(3):
        do(story, CableConnected(evse_id=1, connector_id=1), CableDisconnected(evse_id=1, connector_id=1))
        story.start()
        story.settle(story.connect())
    ids = [call.message_id for call in effects(story.turns, Call)]
    assert len(set(ids)) == len(ids)
    assert all(len(one_id) <= 36 for one_id in ids)


@pytest.mark.parametrize("text", ["", "-", "a-b-c", "0000abcd-0000000001-00", "0000abce-0000000001-0001", "0000abcd-x-0001", "0000abcd-1-0001-2"])
def test_other_peoples_message_ids_are_nobodys(text: str) -> None:
    """Else a CSMS that answers what nobody asked settles one of our messages."""
    assert read_message_id(JOURNAL, text) is None


@pytest.mark.parametrize(("entry", "attempt"), [(0, 1), (255, 1), (256, 2), (2**40, 255), (12345, 300)])
def test_message_ids_are_read_as_they_were_written(entry: int, attempt: int) -> None:
    """Else the answer to an old or much repeated message finds nobody."""
    assert read_message_id(JOURNAL, message_id(JOURNAL, entry, attempt)) == (entry, attempt)


# Silence, errors, broken answers


def test_a_message_without_an_answer_is_given_up_after_message_timeout(new_story: NewStory) -> None:
    """Else one lost answer stops the station for ever."""
    story = new_story({"OCPPCommCtrlr.QueueAllMessages": "false"}).boot()
    turn = story.when(CardPresented(token=CARD, token_type="ISO14443"))
    assert sent(turn)[0][0] == "Authorize"
    assert facts(story.wait(29.9), Dropped) == []
    assert [(fact.action, fact.reason) for fact in facts(story.wait(0.2), Dropped)] == [("Authorize", "no answer in time")]
    assert story.station[OUTBOUND].flying == 0


@pytest.mark.parametrize("how", ["silence", "callerror", "broken"])
def test_e13_a_transaction_event_is_tried_again_with_growing_waits_and_then_dropped(new_story: NewStory, how: str) -> None:
    """E13.FR.02 to FR.04.  Else a CSMS with a hiccup loses a bill, or one with a grudge blocks all later ones."""
    story = new_story(THRICE).boot()

    def not_taken(turn: Turn) -> Turn:
        if how == "silence":
            return next(t for t in story.wait(31) if any(isinstance(fact, Failed | Dropped) for fact in t.facts))
        if how == "callerror":
            return story.refuse(turn)
        return story.answer(turn, {}, problem="something is missing")

    turn = plugged(story)
    entry, attempt = place(turn)
    waits = []
    while True:
        over = not_taken(turn)
        if any(isinstance(fact, Dropped) for fact in over.facts):
            break
        failed = one(over, Failed)
        waits.append((failed.retry_at_us - over.at) / 1e6)
        if effects(over, Call):
            story.answer(over, {})  # the status overtakes
        turn = next_call(story, waits[-1] + 0.1)
        assert place(turn) == (entry, attempt + 1)
        attempt += 1
    assert waits == [10, 20]
    assert attempt == 3
    assert one(over, Dropped).entry == entry


def test_what_the_csms_says_of_an_error_is_in_the_reason(story: Story) -> None:
    """Else whoever looks into a journal, or the log, sees that a message was refused and not why."""
    turn = story.when(CardPresented(token=CARD, token_type="ISO14443"))
    entry, attempt = place(turn)
    refused = story.when(Refused(link=story.link, entry=entry, attempt=attempt, code="SecurityError", description="not today"))
    assert one(refused, Dropped).reason == "CALLERROR SecurityError: not today"
    assert "CALLERROR SecurityError: not today" in one(refused, CardRefused).reason


def test_e13_fr_04_the_next_transaction_event_follows_the_one_that_was_given_up(new_story: NewStory) -> None:
    """Else one event that the CSMS cannot digest holds back every later one."""
    story = new_story(THRICE).boot()
    turn = plugged(story)
    story.when(CableDisconnected(evse_id=1, connector_id=1))
    said: list[str] = []
    for wait in (10, 20, 0):
        turn = story.refuse(turn)
        while effects(turn, Call) and not events(sent(turn)):
            turn = story.answer(turn, {})
        if wait:
            turn = next_call(story, wait + 1)
            said += [action for action, _ in sent(turn)]
    assert said == ["TransactionEvent", "TransactionEvent"]
    assert [brief(event) for event in events(sent(turn))] == [("Ended", "EVCommunicationLost", 1)]


def test_e13_an_event_waits_for_half_an_hour_where_nobody_says_otherwise(new_story: NewStory) -> None:
    """Else a CSMS that is down for a quarter of an hour, and answers with errors meanwhile, loses the bills of that time."""
    story = new_story(QUICK).boot()
    begun = story.at
    turn = plugged(story)
    while True:
        turn = story.refuse(turn)
        while effects(turn, Call) and not events(sent(turn)):
            turn = story.answer(turn, {})
        if facts(story.turns, Dropped):
            break
        turn = next_call(story, 400)
    assert story.at - begun > 30 * 60 * 1_000_000


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_e13_fr_02_a_configured_count_is_kept_exactly_for_ended_too(new_story: NewStory, attempts: int) -> None:
    """Else an operator who wants five attempts gets another number of them."""
    story = new_story({**QUICK, ATTEMPTS: str(attempts), INTERVAL_S: "1"}).boot()
    told = story.settle(story.when(CableConnected(evse_id=1, connector_id=1)))
    assert [event["eventType"] for event in events(told)] == ["Started"]
    turn = story.when(CableDisconnected(evse_id=1, connector_id=1))
    for number in range(attempts):
        [ended] = events(sent(turn))
        assert ended["eventType"] == "Ended"
        turn = story.refuse(turn)
        assert bool(facts(turn, Dropped)) is (number == attempts - 1)
        while effects(turn, Call) and not events(sent(turn)):
            turn = story.answer(turn, {})
        if number < attempts - 1:
            turn = next_call(story, attempts + 1)
    assert "TransactionEvent" not in {call.action for call in effects(story.wait(600), Call)}


def test_order_of_transaction_events_is_kept_while_one_is_tried_again(new_story: NewStory) -> None:
    """Else an Ended arrives before its Started, and the CSMS makes up a bill."""
    story = new_story(QUICK).boot()
    story.refuse(plugged(story))
    told = do(story, CableDisconnected(evse_id=1, connector_id=1), CableConnected(evse_id=2, connector_id=1))
    assert {action for action, _ in told} == {"StatusNotification"}, "which is no transaction event"
    said = events(story.settle(next_call(story, 11)))
    assert [(event["evse"]["id"], *brief(event)) for event in said] == [
        (1, "Started", "CablePluggedIn", 0),
        (1, "Ended", "EVCommunicationLost", 1),
        (2, "Started", "CablePluggedIn", 0),
    ]


@pytest.mark.parametrize(("version", "told"), [("ocpp2.1", True), ("ocpp2.0.1", False)])
def test_a_broken_answer_is_told_the_csms_under_2_1_only(new_story: NewStory, version: str, *, told: bool) -> None:
    """Else a 2.1 CSMS never learns of its bug, or a 2.0.1 one gets a message type that it does not know (CALLRESULTERROR)."""
    story = new_story(QUICK).boot(version)
    turn = story.when(CardPresented(token=CARD, token_type="ISO14443"))
    mine = one(turn, Call).message_id
    turn = story.answer(turn, {}, problem="idTokenInfo is missing")
    frames = [json.loads(say.frame) for say in effects(turn, Say)]
    assert [frame[:3] for frame in frames] == ([[5, mine, "FormatViolation"]] if told else [])
    assert one(turn, Dropped).reason.startswith("the answer breaks its schema")


def test_a_late_answer_counts_and_the_attempt_under_way_is_waited_for(new_story: NewStory) -> None:
    """Else the CSMS gets the event a third time although it has it, or two CALLs are in flight."""
    story = new_story(QUICK).boot()
    first = plugged(story)
    entry, _ = place(first)
    story.settle(next(t for t in story.wait(31) if facts(t, Failed)))
    second = next_call(story, 11)
    late = story.when(Answered(link=story.link, entry=entry, attempt=1, payload=b"{}"))
    assert one(late, Delivered).late
    assert effects(story.when(CableConnected(evse_id=2, connector_id=1)), Call) == []
    freed = story.answer(second, {})
    assert names_of(freed) == ["Lapsed", "Sent"]
    assert [(action, payload["evseId"]) for action, payload in sent(freed)] == [("StatusNotification", 2)]


def names_of(turn: Turn) -> list[str]:
    """The facts of the queue in a turn."""
    return [type(fact).__name__ for fact in turn.facts if type(fact) in (Sent, Delivered, Dropped, Failed, Lapsed, Returned)]


def test_a_late_answer_while_waiting_to_try_again_settles_the_message(new_story: NewStory) -> None:
    """Else a CSMS that is slow and not broken gets everything twice."""
    story = new_story(QUICK).boot()
    entry, _ = place(plugged(story))
    story.settle(next(t for t in story.wait(31) if facts(t, Failed)))
    late = story.when(Answered(link=story.link, entry=entry, attempt=1, payload=b"{}"))
    assert not one(late, Delivered).late
    assert effects(story.wait(60), Call) == []


def test_the_second_answer_to_one_attempt_and_answers_to_nothing_change_nothing(story: Story) -> None:
    """Else a CSMS that repeats itself settles what it never saw."""
    turn = plugged(story)
    entry, attempt = place(turn)
    story.settle(turn)
    for input in (
        Answered(link=story.link, entry=entry, attempt=attempt, payload=b"{}"),
        Answered(link=story.link, entry=entry + 999, attempt=1, payload=b"{}"),
        Refused(link=story.link, entry=entry, attempt=attempt, code="InternalError", description=""),
        Answered(link=story.link, entry=0, attempt=0, payload=b"{}"),
    ):
        assert story.when(input).facts == ()


@pytest.mark.parametrize("attempt", [0, 2, 99, -1])
def test_an_answer_to_an_attempt_that_was_never_made_is_none(story: Story, attempt: int) -> None:
    """Else a guessed message id delivers a message that nobody took."""
    entry, _ = place(plugged(story))
    assert story.when(Answered(link=story.link, entry=entry, attempt=attempt, payload=b"{}")).facts == ()


def test_answers_on_an_old_link_are_not_heard(story: Story) -> None:
    """Else an answer that was stuck in a dead socket settles the attempt of today."""
    old = story.link
    entry, _ = place(plugged(story))
    lose(story)
    story.connect()
    assert story.when(Answered(link=old, entry=entry, attempt=1, payload=b"{}")).facts == ()
    assert story.when(Refused(link=old, entry=entry, attempt=1, code="InternalError", description="")).facts == ()


def test_an_error_about_an_attempt_that_is_over_is_no_second_failure(new_story: NewStory) -> None:
    """Else a slow CALLERROR uses up the attempts of a message."""
    story = new_story(QUICK).boot()
    entry, _ = place(plugged(story))
    story.settle(next(t for t in story.wait(31) if facts(t, Failed)))
    assert story.when(Refused(link=story.link, entry=entry, attempt=1, code="InternalError", description="")).facts == ()
    assert story.when(Answered(link=story.link, entry=entry, attempt=1, payload=b"", problem="broken")).facts == ()
    assert story.station[OUTBOUND].queue[entry].failures == 1


# Offline


def test_e04_fr_01_e04_fr_03_what_happens_offline_is_told_later_and_marked(story: Story) -> None:
    """Else a session without a link is never billed, or billed as if it had happened at the reconnect."""
    lose(story)
    story.when(CableConnected(evse_id=1, connector_id=1))
    story.when(CableDisconnected(evse_id=1, connector_id=1))
    said = events(story.settle(story.connect()))
    assert [(*brief(event), event.get("offline")) for event in said] == [
        ("Started", "CablePluggedIn", 0, True),
        ("Ended", "EVCommunicationLost", 1, True),
    ]
    plug(story)
    assert "offline" not in events(do(story, CableDisconnected(evse_id=1, connector_id=1)))[0]


def test_e11_fr_07_what_waits_when_the_link_goes_is_marked_too_and_keeps_its_place(story: Story) -> None:
    """Else events that crossed the loss look as if they had been told in time, or overtake each other."""
    turn = plugged(story)
    story.when(CableDisconnected(evse_id=1, connector_id=1))
    gone = lose(story)
    assert one(gone, Returned).entry == place(turn)[0]
    said = events(story.settle(story.connect()))
    assert [(*brief(event), event.get("offline")) for event in said] == [
        ("Started", "CablePluggedIn", 0, True),
        ("Ended", "EVCommunicationLost", 1, True),
    ]


def test_a_link_that_breaks_is_no_failure_of_the_message(new_story: NewStory) -> None:
    """Else three lost links throw away a bill (E13 counts refusals)."""
    story = new_story(QUICK).boot()
    turn = plugged(story)
    for attempt in range(1, 7):
        assert place(turn)[1] == attempt
        lose(story)
        turn = story.connect()
    assert events(story.settle(turn))[0]["eventType"] == "Started"
    assert [fact.action for fact in facts(story.turns, Dropped)].count("TransactionEvent") == 0


def test_a_process_that_dies_under_a_call_says_it_again(story: Story) -> None:
    """Else the event in flight when the power went is lost."""
    first = plugged(story)
    story.start()
    turn = story.connect()
    turn = story.answer(turn, {"status": "Accepted", "interval": 300, "currentTime": "2027-01-15T08:00:00Z"})
    said = events(story.settle(turn))
    assert (*brief(said[0]), said[0]["offline"]) == ("Started", "CablePluggedIn", 0, True)
    assert said[0]["timestamp"] == events(sent(first))[0]["timestamp"]


@pytest.mark.parametrize(("version", "word"), [("ocpp2.1", True), ("ocpp2.0.1", True)])
def test_the_offline_flag_is_said_in_both_versions(new_story: NewStory, version: str, *, word: bool) -> None:
    """Else narrowing to 2.0.1 hides that an event is late."""
    story = new_story().boot(version)
    lose(story)
    story.when(CableConnected(evse_id=1, connector_id=1))
    assert events(story.settle(story.connect(version)))[0]["offline"] is word


@pytest.mark.parametrize("keep", ["false", "true"])
def test_queue_all_messages_keeps_what_would_be_dropped_offline(new_story: NewStory, keep: str) -> None:
    """Else QueueAllMessages is decoration; without it only transaction events and security events wait for the next link."""
    settings = {**QUICK, "OCPPCommCtrlr.QueueAllMessages": keep, "AlignedDataCtrlr.Interval": "900"}
    story = new_story(settings).boot()
    for evse_id in (1, 2):
        story.settle(story.when(meter(evse_id=evse_id, energy_wh=evse_id)))
    assert [action for action, _ in sent(story.when(CableConnected(evse_id=1, connector_id=1)))] == ["StatusNotification"]
    dropped = [fact.action for turn in [lose(story), *story.wait(903)] for fact in facts(turn, Dropped)]
    assert dropped == ([] if keep == "true" else ["StatusNotification", "MeterValues"])
    told = [(action, p.get("evseId")) for action, p in story.settle(reconnect(story))]
    kept = [("StatusNotification", 1), ("TransactionEvent", None), ("TransactionEvent", None), ("MeterValues", 2)]
    again = [("StatusNotification", 1), ("StatusNotification", 2)]  # B04.FR.01
    assert told == ([*kept, *again] if keep == "true" else [*kept[1:3], *again])


@pytest.mark.parametrize("keep", ["false", "true"])
def test_messages_of_the_moment_never_wait_for_another_link(new_story: NewStory, keep: str) -> None:
    """Else a card that was held to the reader yesterday opens the contactor today."""
    story = new_story({"OCPPCommCtrlr.QueueAllMessages": keep}).boot()
    turn = story.when(CardPresented(token=CARD, token_type="ISO14443"))
    assert sent(turn)[0][0] == "Authorize"
    assert [(fact.action, fact.reason) for fact in facts(lose(story), Dropped)] == [("Authorize", "link lost")]
    assert "Authorize" not in [action for action, _ in story.settle(story.connect())]


# Who goes first


def test_a_driver_who_waits_overtakes_the_queue(story: Story) -> None:
    """Else somebody stands at the station while a day of meter values is sent."""
    turn = plugged(story)
    story.when(CableConnected(evse_id=2, connector_id=1))
    story.when(CardPresented(token=CARD, token_type="ISO14443", evse_ids=(1,)))
    assert sent(story.answer(turn, {}))[0][0] == "Authorize"


def test_what_is_no_transaction_event_passes_one_that_waits_to_be_tried_again(new_story: NewStory) -> None:
    """Else a failed event stops status and heartbeat too, and the station looks dead."""
    story = new_story(QUICK).boot()
    turn = plugged(story)
    story.when(CableConnected(evse_id=2, connector_id=1))
    assert [action for action, _ in sent(story.refuse(turn))] == ["StatusNotification"]


# A queue that is too long


def full(story: Story) -> Turn:
    """A session offline, until its queue is thinned; returns that turn."""
    plug(story)
    card(story)
    charge(story)
    lose(story)
    reading = 1000
    while True:
        reading += 1
        for turn in [story.when(meter(energy_wh=reading)), *story.wait(30)]:
            if facts(turn, Dropped):
                return turn


def test_e11_fr_04_e11_fr_05_a_full_queue_loses_every_second_reading_and_never_a_start_or_an_end(
    monkeypatch: pytest.MonkeyPatch,
    new_story: NewStory,
) -> None:
    """J02.FR.12, J02.FR.13.  Else a week offline eats the disk, or the bill."""
    # Asked for before new_story, so that its replay still sees the shorter queue.
    monkeypatch.setitem(queue.QUEUE_MOST, "plenty", 200)
    story = new_story({"SampledDataCtrlr.TxUpdatedInterval": "30", "OCPPCommCtrlr.HeartbeatInterval": "0"}).boot()
    turn = full(story)
    dropped = facts(turn, Dropped)
    assert len(dropped) == 64
    assert {fact.reason for fact in dropped} == {THINNED}
    out = story.station[OUTBOUND]
    assert len(out.queue) == 200 + 1 - 64
    assert out.thinned == 64
    story.when(CableDisconnected(evse_id=1, connector_id=1))
    told: list[dict[str, Any]] = [json.loads(entry.payload) for entry in out.queue.values() if entry.action == "TransactionEvent"]
    gaps = [b["seqNo"] - a["seqNo"] for a, b in itertools.pairwise(told)]
    assert max(gaps) == 2, "two neighbours never go at once"
    assert told[0]["seqNo"] + sum(gaps) == told[-1]["seqNo"]
    last = list(story.station[OUTBOUND].queue.values())[-1]
    assert json.loads(last.payload)["eventType"] == "Ended"


def test_the_queue_is_the_same_after_a_restart(story: Story) -> None:
    """Else what waits depends on how often the station was started."""
    lose(story)
    story.when(CableConnected(evse_id=1, connector_id=1))
    before = dict(story.station[OUTBOUND].queue)
    story.start()
    assert story.station[OUTBOUND].queue == before
    assert story.station[BOOT].boots == 2


def test_a_refused_link_says_nothing(story: Story) -> None:
    """Else messages are given to a socket that is closing."""
    story.when(LinkDown(link=story.link, reason="closed"))
    story.when(CableConnected(evse_id=1, connector_id=1))
    assert effects(story.connect("ocpp1.6"), Call) == []
