"""G02 Heartbeat, and B04/G01: what the CSMS believes of the station.

Law: silence is broken in time, and what the CSMS was told of a connector is what is.
"""

from __future__ import annotations

import itertools

import pytest

from engine.kernel import Turn
from machines.connection.state import CONNECTION, Phase
from machines.effects import Call
from machines.inputs import CableConnected, CableDisconnected, HoldAsked
from machines.status.machine import STATUS
from tests.conftest import NewStory
from tests.machines.acts import Said, do, lose, plug, reconnect, unplug
from tests.story import Story, effects, sent

Told = list[tuple[int, str]]


def beats(turns: list[Turn]) -> list[float]:
    """When heartbeats left, in seconds."""
    return [turn.at / 1e6 for turn in turns if ("Heartbeat", {}) in sent(turn)]


def through(story: Story, seconds: float) -> list[Turn]:
    """Time passes, and every CALL is answered."""
    end = story.at + round(seconds * 1e6)
    found: list[Turn] = []
    while story.at < end:
        deadline = story.kernel.next_deadline(story.station)
        step = (min(deadline[0], end) if deadline else end) - story.at
        for turn in story.wait(max(step, 1) / 1e6):
            found.append(turn)
            story.settle(turn)
    return found


def statuses(said: Said) -> Told:
    """(EVSE, status) of what was told of connectors."""
    return [(p["evseId"], p["connectorStatus"]) for action, p in said if action == "StatusNotification"]


def put(story: Story, value: str) -> None:
    """The CSMS sets HeartbeatInterval."""
    item = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}, "attributeValue": value}
    story.settle(story.call("SetVariables", {"setVariableData": [item]}))


def test_g02_fr_02_a_heartbeat_after_every_interval_of_silence(story: Story) -> None:
    """Else the CSMS takes the station for dead."""
    found = beats(through(story, 1505))
    assert len(found) == 5
    assert all(300 <= round(b - a, 6) < 300.1 for a, b in itertools.pairwise(found))


def test_g02_fr_05_any_other_message_resets_the_interval(story: Story) -> None:
    """Else a busy station pays for heartbeats that say nothing."""
    story.wait(200)
    plug(story, 1)
    unplug(story, 1)
    assert beats(through(story, 299)) == []
    assert len(beats(through(story, 2))) == 1


def test_g02_fr_07_one_heartbeat_a_day_whatever_else_is_said(new_story: NewStory) -> None:
    """Else the clock of a busy station is never set again."""
    story = new_story({"SampledDataCtrlr.TxUpdatedInterval": "200"}).boot()
    plug(story)
    found = beats(through(story, 86_600))
    assert len(found) == 1
    assert 86_399 < found[0] < 86_402


def test_the_csms_sets_the_interval(story: Story) -> None:
    """Else SetVariables of HeartbeatInterval counts after the next reboot only."""
    put(story, "10")
    assert len(beats(through(story, 101))) == 10
    put(story, "0")
    assert beats(through(story, 3600)) == []
    put(story, "60")
    assert len(beats(through(story, 61))) == 1


def test_nobody_is_told_while_nobody_listens(story: Story) -> None:
    """Else the queue fills with heartbeats."""
    lose(story)
    assert beats(story.wait(3600)) == []
    story.settle(reconnect(story))
    assert beats(story.wait(299)) == []
    assert len(beats(story.wait(2))) == 1


def test_a_csms_that_does_not_answer_gets_no_flood(story: Story) -> None:
    """Else unanswered heartbeats pile up behind each other."""
    turns = story.wait(3600)
    assert 1 <= len(beats(turns)) <= 12
    assert len(story.station.parts["outbound"].queue) <= 1


# B04, G01


def test_e02_fr_05_g01_fr_03_g01_fr_04_plugging_in_and_out_is_told_once(story: Story) -> None:
    """Else a driver's app shows a taken EVSE as free."""
    assert statuses(plug(story, 2)) == [(2, "Occupied")]
    assert statuses(do(story, CableConnected(evse_id=2, connector_id=1))) == []
    assert statuses(unplug(story, 2)) == [(2, "Available")]


@pytest.mark.parametrize(("away_s", "all_told"), [(5, False), (59, False), (61, True), (86_400, True)])
def test_b04_fr_01_b04_fr_02_what_is_told_after_a_time_offline(story: Story, away_s: float, *, all_told: bool) -> None:
    """Else the CSMS trusts what it knew a day ago; or every short loss is told of every connector."""
    lose(story)
    story.wait(away_s / 2)
    story.when(CableConnected(evse_id=2, connector_id=1))
    story.wait(away_s / 2 - 0.01)
    # The moment at which the link opens is what counts, not when the station began to dial.
    turn = at_once(story)
    assert statuses(story.settle(turn)) == ([(1, "Available")] if all_told else []) + [(2, "Occupied")]


def at_once(story: Story) -> Turn:
    """The link opens now, whatever the back-off says: the operator releases it."""
    if story.station[CONNECTION].phase is Phase.DOWN:
        story.when(HoldAsked(hold=False))
    return reconnect(story)


def test_b04_fr_02_a_change_and_back_again_is_no_change(story: Story) -> None:
    """Else the CSMS is told of a vehicle that came and went while nobody listened, as if it were there."""
    lose(story)
    story.when(CableConnected(evse_id=2, connector_id=1))
    story.when(CableDisconnected(evse_id=2, connector_id=1))
    assert statuses(story.settle(at_once(story))) == []


def test_b04_offline_counts_from_the_loss_of_a_link_that_worked(story: Story) -> None:
    """Else failed dials make a long time offline look short."""
    lose(story)
    for _ in range(4):
        story.connect("ocpp1.6")
        lose(story)
    assert statuses(story.settle(reconnect(story))) == [(1, "Available"), (2, "Available")]


@pytest.mark.parametrize("how", ["link", "callerror", "silence", "callerror and link"])
def test_a_status_that_did_not_arrive_is_told_again(new_story: NewStory, how: str) -> None:
    """Else one lost message leaves the CSMS wrong until the next vehicle."""
    story = new_story({"TxCtrlr.TxStartPoint": "EnergyTransfer", "OCPPCommCtrlr.HeartbeatInterval": "0"}).boot()
    turn = story.when(CableConnected(evse_id=1, connector_id=1))
    assert statuses(sent(turn)) == [(1, "Occupied")]
    if how.startswith("callerror"):
        assert sent(story.refuse(turn)) == []
    if how.endswith("link"):
        lose(story)
        again = at_once(story)
    else:
        again = next(t for _ in range(151) for t in story.wait(1) if effects(t, Call))
    assert statuses(story.settle(again)) == [(1, "Occupied")]
    assert story.station[STATUS].told[1, 1][0] == "Occupied"
    assert [one for t in story.wait(600) for one in statuses(sent(t))] == []


def test_a_csms_that_refuses_statuses_is_not_flooded_with_them(new_story: NewStory) -> None:
    """Else a CSMS with a fault gets the same message as fast as it can refuse it, and the station's flash wears."""
    story = new_story({"TxCtrlr.TxStartPoint": "EnergyTransfer", "OCPPCommCtrlr.HeartbeatInterval": "0"}).boot()
    told = 0
    turn = story.when(CableConnected(evse_id=1, connector_id=1))
    for _ in range(360):
        while effects(turn, Call):
            told += len(statuses(sent(turn)))
            turn = story.refuse(turn)
        turn = next((t for t in story.wait(10) if effects(t, Call)), turn)
    assert 25 <= told <= 62


def test_a_change_is_told_at_once_even_where_the_last_one_was_refused(new_story: NewStory) -> None:
    """Else a fault of the CSMS hides the next vehicle; and what was refused is not told once it is over."""
    story = new_story({"TxCtrlr.TxStartPoint": "EnergyTransfer", "OCPPCommCtrlr.HeartbeatInterval": "0"}).boot()
    story.refuse(story.when(CableConnected(evse_id=1, connector_id=1)))
    assert statuses(story.settle(story.when(CableDisconnected(evse_id=1, connector_id=1)))) == [(1, "Available")]
    assert [one for t in story.wait(600) for one in statuses(sent(t))] == []


def test_a_status_that_is_over_before_it_leaves_is_followed_by_what_is(story: Story) -> None:
    """Else the last word that the CSMS hears is not the last that was true."""
    first = story.when(CableConnected(evse_id=1, connector_id=1))
    story.when(CableDisconnected(evse_id=1, connector_id=1))
    assert statuses(story.settle(first))[-1] == (1, "Available")
