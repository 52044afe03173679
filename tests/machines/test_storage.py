"""Space for the journal: what goes first, what is refused, who is told.

Law: history goes before anything that somebody still has to be told, and no session begins that could not be told to its end.
"""

from __future__ import annotations

import pytest

from engine.kernel import Settled, Turn
from machines.inputs import CardPresented
from machines.session.facts import CardRefused, Granted
from machines.storage.facts import (
    CloseSegment,
    RetirementBegun,
    RetirementEnded,
    RetireThrough,
    SegmentClosed,
    SegmentEnded,
    StorageLevelled,
    StorageSeen,
)
from machines.storage.machine import DAY_US, level_at
from machines.storage.state import FULL, PLENTY, STORAGE, TIGHT
from tests.conftest import NewStory
from tests.machines.acts import card, charge, plug, queued, restart, unplug
from tests.story import CARD, Story, effects, facts


def seen(percent: int = 10, *, open_turns: int = 5, oldest: int = -1, oldest_at_us: int = 0) -> StorageSeen:
    """A look at the journal."""
    return StorageSeen(
        used_bytes=percent * 1000, room_bytes=(100 - percent) * 1000, open_turns=open_turns, oldest_last=oldest, oldest_at_us=oldest_at_us
    )


def settled(story: Story, turn: Turn, outcome: str = "done") -> Turn:
    """What was asked for in *turn* is done, or is not."""
    return story.when(Settled(station=0, seq=turn.seq, index=len(turn.effects) - 1, outcome=outcome))


def actions(turn: Turn) -> list[str]:
    """What the station wants to tell."""
    return [action for action, _ in queued(turn)]


def test_levels_do_not_flicker() -> None:
    """Each begins higher than it ends."""
    assert [level_at(p, PLENTY) for p in (0, 79, 80, 91, 92, 100)] == [PLENTY, PLENTY, TIGHT, TIGHT, FULL, FULL]
    assert [level_at(p, TIGHT) for p in (91, 75, 74)] == [TIGHT, TIGHT, PLENTY]
    assert [level_at(p, FULL) for p in (88, 87, 75, 74)] == [FULL, TIGHT, TIGHT, PLENTY]


def test_a_segment_that_is_long_enough_is_closed_once(new_story: NewStory) -> None:
    """And again only when the outcome is known."""
    story = new_story().boot()
    assert not effects(story.when(seen(open_turns=9_999)), CloseSegment)
    turn = story.when(seen(open_turns=10_000))
    assert facts(turn, SegmentEnded)
    assert effects(turn, CloseSegment)
    assert not effects(story.when(seen(open_turns=10_250)), CloseSegment)
    assert facts(settled(story, turn), SegmentClosed) == [SegmentClosed(done=True)]
    assert effects(story.when(seen(open_turns=10_000)), CloseSegment)


def test_old_segments_are_retired_one_at_a_time(new_story: NewStory) -> None:
    """After JournalKeepDays; 0 keeps them while there is room."""
    story = new_story({"InternalCtrlr.JournalKeepDays": "30"}).boot()
    story.at = 31 * DAY_US
    assert not effects(story.when(seen(oldest=99, oldest_at_us=2 * DAY_US)), RetireThrough)
    turn = story.when(seen(oldest=99, oldest_at_us=DAY_US // 2))
    assert facts(turn, RetirementBegun) == [RetirementBegun(through=99, why="age")]
    assert effects(turn, RetireThrough) == [RetireThrough(through=99)]
    assert not effects(story.when(seen(oldest=99)), RetireThrough), "one at a time"
    assert facts(settled(story, turn, "failed"), RetirementEnded) == [RetirementEnded(through=99, done=False)]
    assert effects(story.when(seen(oldest=99)), RetireThrough), "asked again at the next look"

    keeping = new_story({"InternalCtrlr.JournalKeepDays": "0"}).boot()
    keeping.at = 4000 * DAY_US
    assert not effects(keeping.when(seen(oldest=99)), RetireThrough)


def test_space_counts_before_age(new_story: NewStory) -> None:
    """From 70 percent on the oldest segment goes, and the open one is closed early where it is the only one."""
    story = new_story().boot()
    assert not story.when(seen(69, oldest=99, oldest_at_us=story.at)).effects
    turn = story.when(seen(70, oldest=99, oldest_at_us=story.at))
    assert facts(turn, RetirementBegun) == [RetirementBegun(through=99, why="space")]
    settled(story, turn)
    assert not story.when(seen(70, open_turns=99)).effects
    assert effects(story.when(seen(70, open_turns=100)), CloseSegment)


def test_the_csms_is_told_when_space_gets_short(new_story: NewStory) -> None:
    """MemoryExhaustion, once on the way to each level, and never on the way back."""
    story = new_story().boot()
    turn = story.when(seen(85))
    assert facts(turn, StorageLevelled) == [StorageLevelled(level=TIGHT, used_percent=85)]
    [(_, payload)] = queued(turn)
    assert payload["type"] == "MemoryExhaustion"
    assert "85 %" in payload["techInfo"]
    assert not story.when(seen(85)).facts
    assert "SecurityEventNotification" in actions(story.when(seen(95)))
    assert "SecurityEventNotification" not in actions(story.when(seen(80)))
    assert "SecurityEventNotification" not in actions(story.when(seen(10)))
    assert story.station[STORAGE].level == PLENTY


def test_a_full_station_begins_no_session_and_ends_the_running_one_well(new_story: NewStory) -> None:
    """A card that ends its charge is taken; one that would begin another is not, and no CSMS can order one."""
    story = new_story().boot()
    plug(story, 1)
    card(story, CARD)
    charge(story)
    turn = story.when(seen(95))
    assert [payload["connectorStatus"] for action, payload in queued(turn) if action == "StatusNotification"] == ["Unavailable"]
    story.settle(turn)
    plug(story, 2)
    turn = story.when(CardPresented(token="<sealed:c9000000000000000000000000000000:8:p>", token_type="ISO14443", evse_ids=(2,)))
    assert [fact.reason for fact in facts(turn, CardRefused)] == ["the station has no room left for another session"]
    turn = story.call("RequestStartTransaction", {"evseId": 2, "remoteStartId": 1, "idToken": {"idToken": "R", "type": "Central"}})
    answer = story.replies(turn)
    assert (answer["status"], answer["statusInfo"]["reasonCode"]) == ("Rejected", "OutOfStorage")
    said = card(story, CARD) + unplug(story)
    assert [p["eventType"] for action, p in said if action == "TransactionEvent"][-1] == "Ended"
    turn = story.when(seen(10))
    assert {p["connectorStatus"] for action, p in queued(turn) if action == "StatusNotification"} == {"Available"}
    story.settle(turn)
    assert facts(story.call("RequestStartTransaction", {"evseId": 2, "remoteStartId": 2, "idToken": {"idToken": "R", "type": "Central"}}), Granted)


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_what_a_power_cut_left_undone_is_settled_after_the_start(new_story: NewStory, outcome: str) -> None:
    """The outbox repeats it; its outcome clears the way for the next."""
    story = new_story().boot()
    turn = story.when(seen(70, oldest=99))
    restart(story)
    assert not effects(story.when(seen(70, oldest=99)), RetireThrough)
    settled(story, turn, outcome)
    assert effects(story.when(seen(70, oldest=199)), RetireThrough) == [RetireThrough(through=199)]
