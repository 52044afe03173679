"""Forgetting: who may be forgotten when, and that a disk which fails is asked again.

Law: whoever is needed still is not forgotten yet, and is forgotten without being asked again once they are not.
"""

from __future__ import annotations

import pytest

from engine.kernel import Settled, Turn
from machines.effects import Call, Shred
from machines.inputs import CardPresented, ForgetAsked
from machines.persons.facts import ForgettingPromised, ShreddingFailed, ShreddingRetried, SubjectForgotten
from machines.persons.machine import needed_for
from machines.persons.state import PERSONS
from tests.conftest import NewStory
from tests.machines.acts import card, charge, lose, plug, reconnect, unplug
from tests.story import CARD, OTHER_CARD, Story, effects, facts

WHO = CARD[8:40]
OTHER = OTHER_CARD[8:40]


def ask(story: Story, *handles: str) -> Turn:
    """Somebody wants them forgotten."""
    return story.when(ForgetAsked(handles=handles or (WHO,)))


def settled(story: Story, turn: Turn, outcome: str = "done") -> Turn:
    """What the Shred of *turn* came to."""
    (index,) = [index for index, effect in enumerate(turn.effects) if isinstance(effect, Shred)]
    return story.when(Settled(station=0, seq=turn.seq, index=index, outcome=outcome))


def test_somebody_whom_nothing_needs_is_forgotten_at_once(story: Story) -> None:
    """If this failed, a request to be forgotten would lie about."""
    turn = ask(story, WHO, OTHER)
    assert facts(turn, ForgettingPromised) == [ForgettingPromised(pseudonym=WHO), ForgettingPromised(pseudonym=OTHER)]
    assert facts(turn, SubjectForgotten) == [SubjectForgotten(pseudonym=WHO), SubjectForgotten(pseudonym=OTHER)]
    assert effects(turn, Shred) == [Shred(handles=(WHO, OTHER))]
    assert not settled(story, turn).facts
    assert story.station[PERSONS].waiting == ()
    assert story.station[PERSONS].forgotten == 2


def test_a_driver_in_a_session_is_forgotten_after_their_last_message(story: Story) -> None:
    """If this failed, the CSMS would be told of a transaction without the driver who has to pay for it."""
    plug(story)
    card(story)
    charge(story)
    turn = ask(story)
    assert facts(turn, ForgettingPromised)
    assert not effects(turn, Shred)
    assert needed_for(story.station, WHO) == "the session at EVSE 1"
    assert not ask(story).facts, "asked twice is promised once"
    # The same card ends the session; its token is in the message that says so, until that was answered.
    ended = story.when(CardPresented(token=CARD, token_type="ISO14443"))
    assert not effects(ended, Shred)
    unplug(story)
    story.settle(ended)
    turns = [turn for turn in story.turns if effects(turn, Shred)]
    assert len(turns) == 1
    assert turns[0].seq > ended.seq
    assert facts(turns[0], SubjectForgotten) == [SubjectForgotten(pseudonym=WHO)]


def test_a_message_that_waits_keeps_its_driver(new_story: NewStory) -> None:
    """If this failed, what was charged while offline would be told under no name."""
    story = new_story({"AuthCtrlr.OfflineTxForUnknownIdEnabled": "true"}).boot()
    lose(story)
    plug(story)
    card(story)
    charge(story)
    card(story)
    unplug(story)
    turn = ask(story)
    assert not effects(turn, Shred)
    assert needed_for(story.station, WHO) == "a message that waits to be sent"
    said = story.settle(reconnect(story))
    assert any(action == "TransactionEvent" for action, _ in said)
    assert [turn for turn in story.turns if effects(turn, Shred)]
    assert needed_for(story.station, WHO) == ""


def test_a_card_that_the_csms_is_asked_about_is_needed(story: Story) -> None:
    """If this failed, the answer would find nobody."""
    plug(story)
    asking = story.when(CardPresented(token=CARD, token_type="ISO14443"))
    assert effects(asking, Call)
    assert not effects(ask(story), Shred)
    assert needed_for(story.station, WHO) == "a question to the CSMS"
    story.settle(asking, Authorize={"idTokenInfo": {"status": "Blocked"}})
    assert [turn for turn in story.turns if effects(turn, Shred)]


def test_a_group_in_a_setting_is_needed_until_the_setting_is_another(new_story: NewStory) -> None:
    """If this failed, a master pass would stop working."""
    story = new_story({"AuthCtrlr.MasterPassGroupId": CARD}).boot()
    assert not effects(ask(story), Shred)
    assert needed_for(story.station, WHO) == "a setting"


def test_somebody_else_is_not_waited_for(story: Story) -> None:
    """If this failed, a busy station would forget nobody."""
    plug(story)
    card(story)
    charge(story)
    assert effects(ask(story, OTHER), Shred) == [Shred(handles=(OTHER,))]


@pytest.mark.parametrize("outcome", ["failed", "lost"])
def test_a_disk_that_fails_is_asked_again(story: Story, outcome: str) -> None:
    """If this failed, somebody would count as forgotten and be read from the disk."""
    failed = settled(story, ask(story), outcome)
    assert [fact.handles for fact in facts(failed, ShreddingFailed)] == [(WHO,)]
    other = settled(story, ask(story, OTHER), outcome)
    assert facts(other, ShreddingFailed)
    again = [turn for turn in story.wait(120) if effects(turn, Shred)]
    assert [effects(turn, Shred) for turn in again] == [[Shred(handles=(WHO, OTHER))]]
    assert facts(again, ShreddingRetried)
    settled(story, again[0])
    assert not [turn for turn in story.wait(600) if effects(turn, Shred)]


def test_the_card_comes_back_as_somebody_else(story: Story) -> None:
    """If this failed, being forgotten would mean being refused."""
    ask(story)
    plug(story)
    said = card(story, OTHER_CARD)
    assert ("Authorize", {"idToken": {"idToken": OTHER_CARD, "type": "ISO14443"}}) in said
