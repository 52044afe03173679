"""Flags: what was begun under older rules goes on under them, and what was decided under them is decided so again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventlog import segments
from eventlog.fold import fold
from machines import flags
from machines.boot.state import BOOT
from machines.flags import FLAGS, REGISTER, STOP_POINTS_STAY
from machines.inputs import ContactorMoved, EvseSeen
from machines.session.facts import TransactionEnded, TransactionStarted
from machines.station import STATION
from replay.flags import lines
from replay.state import lines as state_lines
from replay.verify import verify
from tests.machines.acts import card, charge, do, events, one, plug, session, unplug
from tests.story import Story, facts

NewStory = Callable[..., Story]

STOPS = {"TxCtrlr.TxStartPoint": "PowerPathClosed", "TxCtrlr.TxStopPoint": "EVConnected"}


def set_stop_point(story: Story, points: str) -> None:
    """The CSMS changes its mind about when transactions end."""
    item = {"attributeValue": points, "component": {"name": "TxCtrlr"}, "variable": {"name": "TxStopPoint"}}
    turn = story.call("SetVariables", {"setVariableData": [item]})
    assert story.replies(turn)["setVariableResult"][0]["attributeStatus"] == "Accepted"


def charging(story: Story) -> Story:
    """A transaction that began with TxStopPoint EVConnected, and an Authorized set behind its back."""
    plug(story)
    card(story)
    charge(story)
    set_stop_point(story, "Authorized")
    return story


def test_a_transaction_ends_by_the_points_that_it_began_with(new_story: NewStory) -> None:
    """If this failed, a setting for the transactions to come would end one that runs."""
    story = charging(new_story(STOPS).boot())
    assert one(story.turns, TransactionStarted).stop_points == ("EVConnected",)
    said = card(story)
    assert [event["eventType"] for event in events(said)] == ["Updated"], "the card ends the energy, the plug the transaction"
    assert [event["eventType"] for event in events(unplug(story))] == ["Ended"]
    assert session(story).transaction is None
    plug(story)
    card(story)
    assert facts(story.turns, TransactionStarted)[-1].stop_points == ("Authorized",), "the next one is under the new rule"


def test_without_the_flag_it_is_decided_as_the_old_build_did(new_story: NewStory) -> None:
    """If this failed, a journal of an older build would not be decided again as it was."""
    story = charging(new_story(STOPS, flags=()).boot())
    assert one(story.turns, TransactionStarted).stop_points == ()
    said = card(story)
    assert [event["eventType"] for event in events(said)] == ["Ended"]
    report = verify(STATION, story.rows())
    assert report.ok, report.divergences


def test_this_build_and_the_older_one_differ(new_story: NewStory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The witness of the test above: were the flag not asked, the old journal would be decided differently."""
    story = charging(new_story(STOPS, flags=()).boot())
    card(story)
    with monkeypatch.context() as patch:
        patch.setattr(flags.Flag, "is_set", lambda *_: True)
        assert verify(STATION, story.rows()).divergences


@pytest.mark.parametrize(("given", "states"), [((), ["EVConnected"]), (FLAGS, [None, "EVConnected"])])
def test_power_is_told_by_what_the_transaction_began_with(new_story: NewStory, given: tuple[str, ...], states: list[str | None]) -> None:
    """If this failed, a transaction that an older build began would tell twice, or never, that its energy has ceased."""
    story = new_story(STOPS, flags=given).boot()
    plug(story)
    card(story)
    charge(story)
    story.flags = FLAGS
    said = card(story) + do(story, ContactorMoved(evse_id=1, closed=False))
    assert [event["transactionInfo"].get("chargingState") for event in events(said)] == states


def test_a_session_keeps_the_rule_that_it_began_with_through_an_update(new_story: NewStory) -> None:
    """If this failed, a restart into a newer build would change what a driver was promised."""
    story = charging(new_story(STOPS, flags=()).boot())
    story.flags_next = FLAGS
    story.start()
    story.settle(story.connect())
    story.settle(story.when(EvseSeen(evse_id=1, connector_id=1, plugged=True, pilot="C", contactor_closed=True, energy_wh=1500)))
    assert story.station[BOOT].flags == FLAGS
    said = card(story)
    assert [event["eventType"] for event in events(said)] == ["Ended"], "as the old build would have"
    # And what begins now begins under the new rule.
    card(story)
    charge(story)
    begun = facts(story.turns, TransactionStarted)
    assert [fact.stop_points for fact in begun] == [(), ("Authorized",)]
    set_stop_point(story, "EVConnected")
    assert [event["eventType"] for event in events(card(story))] == ["Ended"], "by Authorized, which it began with"
    assert len(facts(story.turns, TransactionEnded)) == 2


@pytest.mark.parametrize("given", [(), FLAGS])
def test_the_flags_outlive_the_turn_that_recorded_them(new_story: NewStory, given: tuple[str, ...]) -> None:
    """If this failed, a journal whose start was retired would be decided again without the flags that it was decided with."""
    story = new_story(STOPS, flags=given).boot()
    journal = story.rows()
    base = len(story.turns) - 1
    charging(story)
    card(story)
    whole = story.rows()
    segments.close(whole, fold(STATION, segments.begin(journal, STATION), journal.rows()))
    assert whole.retire(base)
    report = verify(STATION, whole)
    assert report.ok, report.divergences


def test_the_register_is_in_order_and_says_what_it_must() -> None:
    """If this failed, two builds could record the same flags in different bytes."""
    assert tuple(sorted({flag.name for flag in REGISTER})) == FLAGS
    assert all(flag.since and flag.switches and flag.retired for flag in REGISTER)


def test_flags_are_shown(new_story: NewStory) -> None:
    """If this failed, nobody could tell by which rules a journal was decided."""
    story = new_story(flags=()).boot()
    story.flags_next = (STOP_POINTS_STAY.name, "zebra")
    story.start()
    told = "\n".join(lines(story.rows()))
    assert f"{STOP_POINTS_STAY.name}, since 0.1.0" in told
    first, second = told.splitlines()[-2:]
    assert first.split()[0] == "#0"
    assert first.endswith("none")
    assert second.endswith(f"{STOP_POINTS_STAY.name}, zebra (unknown here)")
    here = fold(STATION, segments.begin(story.rows(), STATION), story.rows().rows())
    assert any(line.startswith("flags") and "zebra" in line for line in state_lines(STATION, here))
