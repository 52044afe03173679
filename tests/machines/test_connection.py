"""The link: dialled, kept, left and dialled again.

Law: one link at a time, and never dialled faster than Part 4, 5.4 allows.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.kernel import Turn
from machines.connection.facts import Dialled, Held, HungUp, Leaving, LinkConfirmed, Lost, Opened, PingIntervalChanged, Released
from machines.connection.machine import CLOSE_LIMIT_US, GAP_US, LINGER_US
from machines.connection.state import CONNECTION, Phase
from machines.effects import Dial, HangUp, Reply, SetPingInterval
from machines.inputs import HoldAsked, LinkDown, LinkUp, OperatorReset, OperatorSet, Stopping
from tests.conftest import NewStory
from tests.machines.acts import one
from tests.story import PASSWORD, Story, effects, facts, names

OTHER_PASSWORD = "<sealed:000000000000000000000000000000f2:24:p>"


def fail(story: Story) -> Lost:
    """The next dial comes and fails."""
    turns: list[Turn] = []
    while not effects(turns, Dial):
        deadline = story.kernel.next_deadline(story.station)
        assert deadline is not None
        turns = story.wait((deadline[0] - story.at) / 1e6 + 1e-6)
    (dial,) = effects(turns, Dial)
    return one(story.when(LinkDown(link=dial.link, reason="refused")), Lost)


def pauses_s(story: Story, times: int) -> list[float]:
    """How long the station waits after each of *times* failures."""
    found = []
    for _ in range(times):
        lost = fail(story)
        found.append((lost.redial_at_us - lost.at_us) / 1e6)
    return found


def test_a_station_that_starts_dials_at_once_with_what_its_slot_says(new_story: NewStory) -> None:
    """Else the station would not find its CSMS, or make it wait after every power cut."""
    story = new_story()
    story.start()
    (turn,) = story.wait(0.01)
    assert one(turn, Dial) == Dial(
        link=1,
        slot=1,
        url="ws://localhost:9000",
        identity="CP001",
        subprotocols=("ocpp2.1", "ocpp2.0.1"),
        password="",
        ping_interval_s=60,
    )


def test_part4_5_4_back_off_doubles_and_then_stays(new_story: NewStory) -> None:
    """Else a CSMS that restarts is overrun by its own stations, or a station stays away for ever: 10, 20, 40, 80, 80 s, each and 0 to 5 s."""
    story = new_story()
    story.start()
    for pause, base in zip(pauses_s(story, 6), (10, 20, 40, 80, 80, 80), strict=True):
        assert base <= pause < base + 5


def test_part4_5_4_the_random_part_is_drawn_anew_each_time_from_recorded_luck(new_story: NewStory) -> None:
    """Else all stations of a site come back in step."""
    story = new_story({"OCPPCommCtrlr.RetryBackOffRepeatTimes": "0"})
    story.start()
    found = pauses_s(story, 8)
    assert len(set(found)) == len(found)
    assert all(10 <= pause < 15 for pause in found)


def test_part4_5_4_a_link_that_worked_resets_the_back_off(new_story: NewStory) -> None:
    """Else a station that once had bad luck stays slow for life."""
    story = new_story()
    story.start()
    pauses_s(story, 4)
    story.settle(story.connect())
    lost = one(story.when(LinkDown(link=story.link, reason="closed")), Lost)
    assert 10 <= (lost.redial_at_us - lost.at_us) / 1e6 < 15
    assert 20 <= pauses_s(story, 1)[0] < 25


def open_and_close(story: Story, seconds: float, reason: str = "closed by CSMS") -> Lost:
    """The next dial opens, and the CSMS closes the link after so long without having sent a frame."""
    story.connect()
    story.wait(seconds)
    return one(story.when(LinkDown(link=story.link, reason=reason, detail="1008 who are you")), Lost)


@pytest.mark.parametrize("reason", ["closed by CSMS", "lost", "ping timeout", "oversized"])
def test_part4_5_3_a_link_that_the_csms_closes_at_once_is_a_failed_attempt(new_story: NewStory, reason: str) -> None:
    """Else a station that the CSMS does not want comes back every ten seconds for ever: it opens the link, and looks at the station only then."""
    story = new_story()
    story.start()
    for failures, base in enumerate((10, 20, 40, 80, 80), 1):
        lost = open_and_close(story, 0.13, reason)
        assert (lost.failures, lost.reason, lost.detail) == (failures, reason, "1008 who are you")
        assert base <= (lost.redial_at_us - lost.at_us) / 1e6 < base + 5
    # With failures of other kinds it is one row of failures.
    assert fail(story).failures == 6


def test_tc_b_57_a_csms_that_closes_accepts_closes_and_refuses_meets_the_minimum_twice_and_then_the_double(new_story: NewStory) -> None:
    """Else the station fails its certification (Part 4, 5.3): a link that was accepted is no failed attempt; only if that goes on it becomes one."""
    story = new_story({"OCPPCommCtrlr.RetryBackOffRandomRange": "0"}).boot()
    waits = []
    lost = one(story.when(LinkDown(link=story.link, reason="closed by CSMS")), Lost)
    waits.append(lost.redial_at_us - lost.at_us)
    lost = open_and_close(story, 1)
    waits.append(lost.redial_at_us - lost.at_us)
    lost = fail(story)
    waits.append(lost.redial_at_us - lost.at_us)
    assert waits == [10_000_000, 10_000_000, 20_000_000]
    story.settle(story.connect())
    story.settle(story.call("TriggerMessage", {"requestedMessage": "Heartbeat"}))
    story.when(LinkDown(link=story.link, reason="closed by CSMS"))
    assert [open_and_close(story, 1).failures for _ in range(4)] == [1, 2, 3, 4]


@pytest.mark.parametrize(("seconds", "failures"), [(29.9, 5), (30.1, 1)])
def test_part4_5_3_a_link_that_was_open_for_half_a_minute_worked(new_story: NewStory, seconds: float, failures: int) -> None:
    """Else the back-off grows at a CSMS that has nothing to say until something happens."""
    story = new_story()
    story.start()
    pauses_s(story, 4)
    assert open_and_close(story, seconds).failures == failures


def test_part4_5_3_one_frame_of_the_csms_starts_the_back_off_afresh(new_story: NewStory) -> None:
    """Else a station stays slow after a CSMS has come back that restarts once more."""
    story = new_story()
    story.start()
    pauses_s(story, 4)
    turn = story.connect()
    turn = story.refuse(turn)
    assert facts(turn, LinkConfirmed) == [LinkConfirmed(link=story.link)]
    assert one(story.when(LinkDown(link=story.link, reason="closed by CSMS")), Lost).failures == 1


def test_a_link_that_the_station_closed_on_purpose_is_no_failed_attempt(new_story: NewStory) -> None:
    """Else an operator who disconnects the station a moment after it came up makes it slow."""
    story = new_story()
    story.start()
    assert fail(story).failures == 1
    story.connect()
    story.when(HoldAsked(hold=True))
    assert one(story.when(LinkDown(link=story.link, reason="closed by us")), Lost).failures == 1, "neither one more nor forgotten"


def test_b04_a_link_that_never_worked_does_not_end_the_time_offline(new_story: NewStory) -> None:
    """Else a CSMS that opens and closes for an hour is not told of all connectors when it is back (B04.FR.01)."""
    story = new_story().boot()
    story.when(LinkDown(link=story.link, reason="lost"))
    since = story.station[CONNECTION].down_since_us
    for _ in range(3):
        open_and_close(story, 0.13)
    assert story.station[CONNECTION].down_since_us == since
    sent = story.settle(story.connect())
    assert [action for action, _ in sent].count("StatusNotification") == 2


@pytest.mark.parametrize(
    ("settings", "least", "most"),
    [
        ({"OCPPCommCtrlr.RetryBackOffWaitMinimum": "0", "OCPPCommCtrlr.RetryBackOffRandomRange": "0"}, 1, 1),
        ({"OCPPCommCtrlr.RetryBackOffWaitMinimum": "-7", "OCPPCommCtrlr.RetryBackOffRandomRange": "-3"}, 1, 1),
        ({"OCPPCommCtrlr.RetryBackOffWaitMinimum": "nonsense", "OCPPCommCtrlr.RetryBackOffRandomRange": "0"}, 10, 10),
    ],
)
def test_settings_that_make_no_sense_still_leave_a_pause(new_story: NewStory, settings: dict[str, str], least: int, most: int) -> None:
    """Else one bad SetVariables turns the station into a hammer."""
    story = new_story(settings)
    story.start()
    assert least <= pauses_s(story, 1)[0] <= most


def test_an_absurd_repeat_count_does_not_overflow(new_story: NewStory) -> None:
    """Else RepeatTimes 100 waits longer than the universe lasts, and the shift raises in the fold of time."""
    story = new_story({"OCPPCommCtrlr.RetryBackOffRepeatTimes": "100000", "OCPPCommCtrlr.RetryBackOffWaitMinimum": "1"})
    story.start()
    assert pauses_s(story, 25)[-1] < 2**20 + 5


def test_late_events_of_an_old_link_touch_nothing(story: Story) -> None:
    """Else the socket that died last minute closes, or opens, the one of today."""
    old = story.link
    story.when(LinkDown(link=old, reason="closed"))
    story.settle(story.connect())
    assert story.link == old + 1
    for late in (LinkDown(link=old, reason="again"), LinkUp(link=old, subprotocol="ocpp2.1"), LinkUp(link=story.link, subprotocol="ocpp2.0.1")):
        assert story.when(late).facts == ()
    assert story.station[CONNECTION].phase is Phase.UP
    assert story.station[CONNECTION].link == old + 1


def test_two_reports_of_one_loss_count_once(story: Story) -> None:
    """Else the back-off doubles because an adapter says goodbye twice."""
    story.when(LinkDown(link=story.link, reason="closed"))
    assert story.when(LinkDown(link=story.link, reason="closed")).facts == ()


def test_without_a_csms_the_station_waits_for_one(new_story: NewStory) -> None:
    """Else an unconfigured station spins, or never wakes when a component file at last names a CSMS."""
    story = new_story({"InternalCtrlr.NetworkConnectionProfiles": "[]"})
    story.start()
    assert facts(story.wait(3600), Dialled) == []
    assert story.station[CONNECTION].held == "no CSMS configured"
    story.settings = None
    story.start()
    assert story.link == 0
    story.settle(story.connect())
    assert story.station[CONNECTION].phase is Phase.UP


@pytest.mark.parametrize(
    "profiles",
    ["nonsense", "{}", "[1]", '[{"connectionData":{}}]', '[{"configurationSlot":1}]', '[{"configurationSlot":"x","connectionData":{}}]', "null"],
)
def test_broken_network_profiles_are_no_csms_and_no_fault(new_story: NewStory, profiles: str) -> None:
    """Else one typing error in a component file makes every turn Faulted."""
    story = new_story({"InternalCtrlr.NetworkConnectionProfiles": profiles})
    story.start()
    turns = story.wait(60)
    assert [name for turn in turns for name in names(turn)] == ["Held"]


def test_the_slot_of_highest_priority_that_has_a_url_is_dialled(new_story: NewStory) -> None:
    """Else NetworkConfigurationPriority is decoration."""
    profiles = (
        '[{"configurationSlot":1,"connectionData":{"ocppCsmsUrl":"ws://one"}},{"configurationSlot":2,"connectionData":{"ocppCsmsUrl":"ws://two"}},'
        '{"configurationSlot":3,"connectionData":{"ocppCsmsUrl":""}}]'
    )
    story = new_story({"InternalCtrlr.NetworkConnectionProfiles": profiles, "OCPPCommCtrlr.NetworkConfigurationPriority": "9,3,2,1"})
    story.start()
    dial = one(story.wait(1)[0], Dial)
    assert (dial.slot, dial.url) == (2, "ws://two")


# Hold and release


def test_hold_closes_the_link_and_release_opens_it_a_second_later_at_the_earliest(story: Story) -> None:
    """Else ``ctl`` cannot take a station offline, or brings it back so fast that CSMSs of the field fall over."""
    turn = story.when(HoldAsked(hold=True))
    assert names(turn) == ["Held", "HungUp"]
    assert one(turn, HangUp) == HangUp(link=1, code=1000, reason="asked to disconnect")
    down = story.when(LinkDown(link=1, reason="closed"))
    assert names(down)[:2] == ["Lost", "Held"]
    assert facts(story.wait(86_400), Dialled) == []
    gone_at = story.at
    turn = story.when(HoldAsked(hold=False))
    assert one(turn, Released).redial_at_us <= gone_at + 2_000
    assert len(facts(story.wait(1), Dialled)) == 1


def test_release_right_after_the_loss_leaves_a_gap(story: Story) -> None:
    """Else an operator who toggles makes the station reconnect within a round trip."""
    story.when(HoldAsked(hold=True))
    lost = one(story.when(LinkDown(link=1, reason="closed")), Lost)
    assert one(story.when(HoldAsked(hold=False)), Released).redial_at_us == lost.at_us + GAP_US


def test_a_hold_outlives_a_restart_and_an_orderly_stop_does_not(story: Story) -> None:
    """Else a station taken offline by hand comes back by itself, or one that was updated never comes back."""
    turn = story.when(Stopping(reason="SIGTERM"))
    assert one(turn, HangUp) == HangUp(link=1, code=1001, reason="going down: SIGTERM")
    story.when(LinkDown(link=1, reason="closed"))
    story.start()
    assert len(facts(story.wait(1), Dialled)) == 1
    story.when(HoldAsked(hold=True))
    story.when(Stopping(reason="SIGTERM"))
    story.when(LinkDown(link=2, reason="closed"))
    story.start()
    assert story.wait(3600) == []
    assert story.station[CONNECTION].held == "control"


def test_a_hold_while_dialling_ends_the_dial(new_story: NewStory) -> None:
    """Else the link opens after all, and the station is online though it was told not to be."""
    story = new_story()
    story.start()
    story.wait(0.01)
    assert effects(story.when(HoldAsked(hold=True)), HangUp) != []
    assert story.when(LinkUp(link=1, subprotocol="ocpp2.1")).facts == ()
    story.when(LinkDown(link=1, reason="closed"))
    assert story.wait(3600) == []


def test_holding_twice_and_releasing_twice_change_nothing_more(story: Story) -> None:
    """Else an impatient operator closes a closing link, which is an illegal move."""
    story.when(HoldAsked(hold=True))
    assert names(story.when(HoldAsked(hold=True))) == ["Held"]
    story.when(LinkDown(link=1, reason="closed"))
    story.when(HoldAsked(hold=False))
    story.when(HoldAsked(hold=False))
    story.settle(story.connect())
    assert names(story.when(HoldAsked(hold=False))) == ["Released"]
    assert story.station[CONNECTION].phase is Phase.UP


def test_closing_has_a_limit(story: Story) -> None:
    """Else a peer that never answers a close frame keeps the station offline for ever."""
    turn = story.when(HoldAsked(hold=True))
    assert one(turn, HungUp).give_up_at_us == turn.at + CLOSE_LIMIT_US
    turns = story.wait(16)
    assert [fact.reason for fact in facts(turns, Lost)] == ["closing took too long"]
    assert story.when(LinkDown(link=1, reason="closed")).facts == ()
    story.when(HoldAsked(hold=False))
    assert len(facts(story.wait(1), Dialled)) == 1


# A process that dies holds no socket


@pytest.mark.parametrize("phase", ["down", "dialling", "up", "leaving", "closing"])
def test_after_a_restart_in_any_phase_the_station_dials_a_new_link_at_once(new_story: NewStory, phase: str) -> None:
    """Else a process killed in that phase waits for an event of a socket that nobody holds."""
    story = new_story()
    story.start()
    if phase == "dialling":
        story.wait(0.01)
    elif phase == "down":
        fail(story)
    elif phase != "down":
        story.settle(story.connect())
        if phase == "leaving":
            replace_password(story)
        elif phase == "closing":
            replace_password(story)
            story.wait(2.1)
    assert story.station[CONNECTION].phase.value == phase
    before = story.station[CONNECTION].link
    turn = story.start()
    assert [fact.failures for fact in facts(turn, Lost)] == ([] if phase == "down" else [0])
    (dialled,) = facts(story.wait(0.1), Dialled)
    assert dialled.link == before + 1


# A01


@pytest.mark.parametrize("how", ["orderly", "power cut", "connect"])
def test_a_restart_dials_at_once_and_begins_the_back_off_afresh(new_story: NewStory, how: str) -> None:
    """Else somebody who restarts a station to bring it back waits for the pauses that it had reached before."""
    story = new_story({"OCPPCommCtrlr.RetryBackOffRandomRange": "0"})
    story.start()
    assert pauses_s(story, 4) == [10, 20, 40, 80]
    if how == "connect":
        story.when(HoldAsked(hold=False))
    else:
        if how == "orderly":
            story.when(Stopping(reason="SIGTERM"))
        story.start()
    deadline = story.kernel.next_deadline(story.station)
    assert deadline is not None
    assert deadline[0] - story.at <= GAP_US
    assert pauses_s(story, 4) == [10, 20, 40, 80]


def replace_password(story: Story, password: str = OTHER_PASSWORD) -> Turn:
    """The CSMS gives the station another password."""
    data = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}, "attributeValue": password}
    return story.call("SetVariables", {"setVariableData": [data]})


def test_a01_a_new_password_is_answered_on_the_old_link_and_used_on_the_next(story: Story) -> None:
    """Else the CSMS never hears Accepted, or the station logs in with a password that the CSMS has just forgotten (A01.FR.03)."""
    turn = replace_password(story)
    assert one(turn, Reply).link == 1
    assert one(turn, Leaving).hang_up_at_us == turn.at + LINGER_US
    assert effects(turn, HangUp) == []
    left = story.wait(2)
    assert effects(left, HangUp) == [HangUp(link=1, code=1000, reason="password replaced")]
    lost = one(story.when(LinkDown(link=1, reason="closed")), Lost)
    assert (lost.reason, lost.failures) == ("password replaced", 0)
    assert 10 <= (lost.redial_at_us - lost.at_us) / 1e6 < 15
    dials = effects(story.wait(15), Dial)
    assert [dial.password for dial in dials] == [OTHER_PASSWORD]


def test_a01_the_second_of_two_new_passwords_counts(story: Story) -> None:
    """Else a CSMS that changes its mind locks the station out."""
    replace_password(story, PASSWORD)
    assert facts(replace_password(story, OTHER_PASSWORD), Leaving) == []
    story.wait(2)
    story.when(LinkDown(link=1, reason="closed"))
    assert [dial.password for dial in effects(story.wait(15), Dial)] == [OTHER_PASSWORD]


def test_a01_a_link_that_breaks_while_it_is_left_comes_back_with_the_new_password(story: Story) -> None:
    """Else a CSMS that closes first meets the old password again."""
    replace_password(story)
    lost = one(story.when(LinkDown(link=1, reason="closed by peer")), Lost)
    assert lost.failures == 1
    assert [dial.password for dial in effects(story.wait(15), Dial)] == [OTHER_PASSWORD]


def test_a01_fr_11_a01_fr_12_the_change_is_logged_and_the_password_is_not(story: Story) -> None:
    """Else the change goes unnoticed, or the security log is where the password leaks (the placeholder stands for it)."""
    turn = replace_password(story)
    logged = [fact for fact in turn.facts if type(fact).__name__ == "SecurityEventLogged"]
    assert len(logged) == 1
    assert OTHER_PASSWORD not in str(logged)
    assert OTHER_PASSWORD.encode() not in one(turn, Reply).payload


def test_a_password_that_is_refused_changes_no_link(story: Story) -> None:
    """Else one SetVariables with a short password costs the station its link."""
    turn = replace_password(story, "<sealed:000000000000000000000000000000f3:15:p>")
    assert facts(turn, Leaving) == []
    assert story.replies(turn)["setVariableResult"][0]["attributeStatus"] == "Rejected"


def test_every_fact_of_a_link_names_it(story: Story) -> None:
    """Else two links cannot be told apart in a journal."""
    story.when(LinkDown(link=1, reason="closed"))
    story.settle(story.connect())
    found = [fact.link for fact in facts(story.turns, Opened)]
    assert found == [1, 2]
    assert [fact.why for fact in facts(story.turns, Held)] == []


PING: dict[str, Any] = {"component": "OCPPCommCtrlr", "variable": "WebSocketPingInterval"}


def set_ping(story: Story, seconds: str) -> Turn:
    """The CSMS sets WebSocketPingInterval."""
    item = {"component": {"name": PING["component"]}, "variable": {"name": PING["variable"]}, "attributeValue": seconds}
    turn = story.call("SetVariables", {"setVariableData": [item]})
    assert story.replies(turn)["setVariableResult"][0]["attributeStatus"] == "Accepted"
    return turn


@pytest.fixture
def pinging(new_story: NewStory) -> Story:
    """An accepted station whose link is pinged every 30 seconds."""
    return new_story({"OCPPCommCtrlr.WebSocketPingInterval": "30"}).boot()


def test_b05_fr_10_a_new_ping_interval_is_kept_by_the_open_link(pinging: Story) -> None:
    """If this failed, Accepted would be answered and the link would be pinged as before until it is lost."""
    turn = set_ping(pinging, "5")
    assert facts(turn, PingIntervalChanged) == [PingIntervalChanged(link=1, seconds=5)]
    assert effects(turn, SetPingInterval) == [SetPingInterval(link=1, seconds=5)]
    assert effects(set_ping(pinging, "0"), SetPingInterval) == [SetPingInterval(link=1, seconds=0)]


def test_the_same_ping_interval_again_asks_for_nothing(pinging: Story) -> None:
    """If this failed, a CSMS that sets its configuration every night would start every ping timer anew."""
    assert effects(set_ping(pinging, "30"), SetPingInterval) == []
    set_ping(pinging, "5")
    assert effects(set_ping(pinging, "5"), SetPingInterval) == []


def test_an_operator_changes_the_ping_interval_of_the_open_link_and_gives_it_back(pinging: Story) -> None:
    """If this failed, only the CSMS's way to a value would lead to the link."""
    assert effects(pinging.when(OperatorSet(**PING, value="7")), SetPingInterval) == [SetPingInterval(link=1, seconds=7)]
    assert effects(pinging.when(OperatorReset(**PING)), SetPingInterval) == [SetPingInterval(link=1, seconds=30)]


def test_a_ping_interval_set_while_dialling_counts_once_the_link_is_open(new_story: NewStory) -> None:
    """If this failed, a value that an operator sets in that second would wait for the link after this one."""
    story = new_story({"OCPPCommCtrlr.WebSocketPingInterval": "30"})
    story.start()
    (dialling,) = story.wait(0.01)
    assert one(dialling, Dial).ping_interval_s == 30
    assert effects(story.when(OperatorSet(**PING, value="7")), SetPingInterval) == [SetPingInterval(link=1, seconds=7)]


def test_a_ping_interval_set_without_a_link_counts_for_the_next_one(pinging: Story) -> None:
    """If this failed, a socket that is gone would be asked for pings, or the next one dialled with the old interval."""
    pinging.when(LinkDown(link=1, reason="lost"))
    assert effects(pinging.when(OperatorSet(**PING, value="7")), SetPingInterval) == []
    dial = one([turn for turn in pinging.wait(60) if effects(turn, Dial)], Dial)
    assert (dial.link, dial.ping_interval_s) == (2, 7)
    pinging.when(LinkUp(link=2, subprotocol="ocpp2.1"))
    pinging.link = 2
    assert effects(pinging.when(OperatorSet(**PING, value="7", hold=True)), SetPingInterval) == []


def test_a_link_that_is_being_closed_is_not_asked_for_pings(pinging: Story) -> None:
    """If this failed, a ping would run into the closing handshake."""
    pinging.when(HoldAsked(hold=True))
    assert effects(pinging.when(OperatorSet(**PING, value="7")), SetPingInterval) == []
