"""A01: what becomes of a password that was replaced.

Law: the old one is destroyed once the one that took its place has carried a link, and never before.
"""

from __future__ import annotations

from typing import Any

from engine.kernel import Turn
from machines.effects import Dial, Shred
from machines.inputs import LinkDown
from machines.security.a01_replaced import PASSWORDS, OldPasswordsDropped, PasswordsHeld
from tests.conftest import NewStory
from tests.machines.acts import restart
from tests.story import Story, declarations, effects, facts


def password(n: int) -> str:
    """The n-th password, sealed."""
    return f"<sealed:{n:032x}:20:p>"


def handle(n: int) -> str:
    """Its handle."""
    return f"{n:032x}"


def item(value: str, component: str = "SecurityCtrlr", instance: str = "") -> dict[str, Any]:
    """What a CSMS sets."""
    return {
        "component": {"name": component, **({"instance": instance} if instance else {})},
        "variable": {"name": "BasicAuthPassword"},
        "attributeValue": value,
    }


def replace(story: Story, n: int) -> Turn:
    """The CSMS sets the n-th password."""
    turn = story.call("SetVariables", {"setVariableData": [item(password(n))]}, f"set {n} at {story.at}")
    story.settle(turn)
    return turn


def leave(story: Story) -> None:
    """The station closes the link, as A01 says, and it is gone."""
    story.wait(3)
    story.when(LinkDown(link=story.link, reason="closed by us"))


def shredded(story: Story) -> list[tuple[str, ...]]:
    """What was destroyed so far."""
    return [effect.handles for effect in effects(story.turns, Shred)]


def test_the_old_password_goes_when_the_new_one_has_carried_a_link(story: Story) -> None:
    """If this failed, a stolen disk would tell passwords of years, or a power cut would leave the station without any."""
    assert facts(replace(story, 1), PasswordsHeld)
    leave(story)
    story.settle(story.connect())
    assert shredded(story) == [], "there was none before the first"
    replace(story, 2)
    leave(story)
    assert shredded(story) == []
    turn = story.connect()
    assert facts(turn, OldPasswordsDropped) == [OldPasswordsDropped(handles=(handle(1),))]
    assert effects(turn, Shred) == [Shred(handles=(handle(1),))]
    story.settle(turn)
    assert story.station[PASSWORDS].replaced == {}


def test_a_csms_that_refuses_the_new_password_leaves_the_old_one_alone(story: Story) -> None:
    """If this failed, nobody could put back what worked.  A01.FR.03: the new one is used from then on, however often it is refused."""
    replace(story, 1)
    leave(story)
    story.settle(story.connect())
    replace(story, 2)
    leave(story)
    for _ in range(5):
        dials: list[Dial] = []
        while not dials:
            dials = effects(story.wait(30), Dial)
        assert {dial.password for dial in dials} == {password(2)}
        story.when(LinkDown(link=dials[-1].link, reason="refused", detail="401"))
    assert shredded(story) == []
    restart(story)
    assert shredded(story) == [(handle(1),)]


def test_a_password_that_was_replaced_before_it_was_tried_goes_with_the_others(story: Story) -> None:
    """If this failed, passwords would pile up at a CSMS that changes them twice in one link."""
    for n in (1, 2, 3):
        replace(story, n)
    assert shredded(story) == []
    leave(story)
    story.settle(story.connect())
    assert shredded(story) == [(handle(1), handle(2))]


def test_a_link_that_was_dialled_with_another_password_proves_nothing(new_story: NewStory) -> None:
    """If this failed, the password of one slot would go because another slot works."""
    story = new_story({"SecurityCtrlr.BasicAuthPassword": password(1), "NetworkConfiguration.BasicAuthPassword": password(8)}).boot()
    turn = story.when(declarations({"SecurityCtrlr.BasicAuthPassword": password(1), "NetworkConfiguration.BasicAuthPassword": password(9)}))
    assert facts(turn, PasswordsHeld)
    story.when(LinkDown(link=story.link, reason="broken"))
    story.settle(story.connect())
    assert shredded(story) == []
    assert story.station[PASSWORDS].replaced == {handle(8): handle(9)}


def test_a_password_that_is_in_force_again_is_none_that_was_replaced(story: Story) -> None:
    """If this failed, going back to a password would destroy it."""
    for n in (1, 2, 1):
        replace(story, n)
    leave(story)
    story.settle(story.connect())
    assert shredded(story) == [(handle(2),)]


def test_a_password_that_a_component_file_names_stays(new_story: NewStory) -> None:
    """If this failed, it would be kept again under another handle at every start, and the files would look changed."""
    story = new_story({"SecurityCtrlr.BasicAuthPassword": password(7)}).boot()
    assert story.station[PASSWORDS].held != {}
    replace(story, 1)
    leave(story)
    story.settle(story.connect())
    assert shredded(story) == []
