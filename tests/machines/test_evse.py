"""Hardware that does not obey.

Law: the newest command is asked for again until it is done, and a CSMS learns of an EVSE that goes on failing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from engine.kernel import ENGINE, Settled, Turn
from machines.effects import SetEvse
from machines.evse.machine import EVSES, RETRY_MOST_US, EvseFailed, EvseObeyed, EvseRetried
from tests.conftest import NewStory
from tests.machines.acts import card, offers, plug, queued, restart, unplug
from tests.story import CARD, OTHER_CARD, Story, facts


def offering(story: Story) -> Story:
    """EVSE 1 has just been asked to offer energy."""
    story.boot()
    plug(story)
    card(story)
    return story


def asked(story: Story) -> Iterator[tuple[int, int]]:
    """The commands whose outcome is awaited, the newest first."""
    outbox = story.station[ENGINE].outbox
    return iter(sorted([key for key, effect in outbox.items() if isinstance(effect, SetEvse)], reverse=True))


def settled(story: Story, outcome: str, *, which: tuple[int, int] | None = None) -> Turn:
    """The outcome of a command, the newest unless another is named."""
    seq, index = which or next(asked(story))
    return story.when(Settled(station=0, seq=seq, index=index, outcome=outcome, detail="" if outcome == "done" else "the contactor does not move"))


def retried(turns: list[Turn]) -> list[tuple[int, bool, bool]]:
    """What was asked again."""
    return [offer for turn in turns for offer in offers(turn)]


def statuses(turn: Turn | list[Turn]) -> list[str]:
    """The statuses of connectors that the station wants to tell."""
    return [payload["connectorStatus"] for action, payload in queued(turn) if action == "StatusNotification"]


def test_a_stop_that_fails_is_asked_again(new_story: NewStory) -> None:
    """Energy that must not flow is taken back, however often it takes."""
    story = offering(new_story())
    settled(story, "done")
    card(story, CARD)
    turn = settled(story, "failed")
    [failed] = facts(turn, EvseFailed)
    assert (failed.evse_id, failed.failures, failed.retry_at_us) == (1, 1, turn.at + 1_000_000)
    turns = story.wait(1)
    assert facts(turns, EvseRetried) == [EvseRetried(evse_id=1)]
    assert retried(turns) == [(1, False, False)]
    turn = settled(story, "done")
    assert facts(turn, EvseObeyed) == [EvseObeyed(evse_id=1)]
    assert not story.station[EVSES].failing
    assert retried(story.wait(600)) == []


def test_it_waits_longer_each_time_up_to_a_minute(new_story: NewStory) -> None:
    """1, 2, 4 seconds and so on."""
    story = offering(new_story())
    pauses = []
    for _ in range(9):
        turn = settled(story, "failed")
        [failed] = facts(turn, EvseFailed)
        pauses.append((failed.retry_at_us - turn.at) // 1_000_000)
        assert retried(story.wait(pauses[-1])) == [(1, True, True)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert RETRY_MOST_US == 60_000_000


def test_the_csms_is_told_of_an_evse_that_goes_on_failing(new_story: NewStory) -> None:
    """Faulted from the third failure on, and as it is when the hardware obeys again."""
    story = offering(new_story())
    assert statuses(settled(story, "failed")) == []
    assert statuses(story.wait(1)) == []
    assert statuses(settled(story, "failed")) == []
    story.wait(2)
    assert statuses(settled(story, "failed")) == ["Faulted"]
    story.wait(4)
    assert statuses(settled(story, "done")) == ["Occupied"]


def test_another_command_takes_the_place_of_one_that_failed(new_story: NewStory) -> None:
    """The session has ended meanwhile: energy is not offered again by an old retry."""
    story = offering(new_story())
    settled(story, "failed")
    card(story, CARD)
    assert retried(story.wait(5)) == [], "the outcome of the new command is awaited"
    settled(story, "failed")
    assert retried(story.wait(5)) == [(1, False, False)]


def test_the_outcome_of_a_replaced_command_says_nothing(new_story: NewStory) -> None:
    """Only the newest counts."""
    story = offering(new_story())
    first = next(asked(story))
    card(story, CARD)
    assert not facts(settled(story, "failed", which=first), EvseFailed)
    assert not story.station[EVSES].failing


def test_evses_fail_one_by_one(new_story: NewStory) -> None:
    """What one does has nothing to do with the other."""
    story = offering(new_story())
    first = next(asked(story))
    plug(story, 2)
    card(story, OTHER_CARD, evse_ids=(2,))
    settled(story, "failed", which=first)
    assert set(story.station[EVSES].failing) == {1}


def test_a_restart_begins_afresh(new_story: NewStory) -> None:
    """The outbox repeats what was left undone, and nothing is due twice."""
    story = offering(new_story())
    settled(story, "failed")
    restart(story)
    assert not story.station[EVSES].failing
    unplug(story)


def test_why_it_failed_is_on_record(new_story: NewStory) -> None:
    """In the words of the hardware."""
    story = offering(new_story())
    assert facts(settled(story, "failed"), EvseFailed)[0].detail == "the contactor does not move"
    assert json.dumps(queued(story.turns)).count("does not move") == 0
