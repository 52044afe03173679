"""While the journal cannot be written: no more than is safe.

Law: nothing is concluded, and what takes energy away does not wait.
"""

from __future__ import annotations

from engine.event import Input
from engine.machine import Context
from engine.standby import Standing, stand_by
from machines.effects import Reply, ReplyError, SetEvse
from machines.inputs import CableDisconnected, Called, CardPresented, MeterTold
from machines.station import STATION
from tests.conftest import NewStory
from tests.machines.acts import card, charge, plug
from tests.story import CARD, Story


def charging(story: Story) -> Story:
    """EVSE 1 charges."""
    story.boot()
    plug(story)
    card(story)
    charge(story)
    return story


def stood(story: Story, input: Input) -> Standing:
    """What becomes of *input* now."""
    before = story.station
    found = stand_by(STATION, before, input, Context(seq=len(story.turns), at=story.at + 1, luck=1))
    assert story.station is before
    return found


def test_what_changes_nothing_is_answered(new_story: NewStory) -> None:
    """And not kept: there is nothing to remember."""
    get = b'{"getVariableData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"}}]}'
    found = stood(new_story().boot(), Called(link=1, message_id="g", action="GetVariables", payload=get))
    assert not found.keep
    assert isinstance(found.effects[0], Reply)


def test_what_asks_for_a_change_is_refused(new_story: NewStory) -> None:
    """At once, and not minutes later."""
    data = b'[{"attributeValue":"60","component":{"name":"OCPPCommCtrlr"},"variable":{"name":"HeartbeatInterval"}}]'
    found = stood(new_story().boot(), Called(link=1, message_id="s", action="SetVariables", payload=b'{"setVariableData":' + data + b"}"))
    assert not found.keep
    assert [type(effect) for effect in found.effects] == [ReplyError]


def test_energy_that_must_not_flow_is_taken_away_at_once(new_story: NewStory) -> None:
    """By the card that began it, or by the plug; both are kept, to be concluded when that can be written."""
    for input in (CardPresented(token=CARD, token_type="ISO14443"), CableDisconnected(evse_id=1, connector_id=1)):
        found = stood(charging(new_story()), input)
        assert found.keep
        # The plug is held as long as it is under power.
        assert found.effects == (SetEvse(evse_id=1, energise=False, lock=isinstance(input, CardPresented)),)


def test_a_card_that_would_begin_something_is_not_kept(new_story: NewStory) -> None:
    """Its holder has left by the time it could."""
    story = new_story({"AuthCtrlr.Enabled": "false"}).boot()
    assert stood(story, CardPresented(token=CARD, token_type="ISO14443")) == Standing(keep=False, effects=())


def test_of_readings_the_last_one_is_kept(new_story: NewStory) -> None:
    """However long it takes."""
    assert stood(new_story().boot(), MeterTold(evse_id=1, energy_wh=5, power_w=0)) == Standing(keep=True, effects=(), replaced=True)
