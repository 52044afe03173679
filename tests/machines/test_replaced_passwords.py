"""A01: what becomes of a password that was replaced.

Law: the old one is destroyed once the CSMS has sent a frame on a link that was dialled with the one that took its place, and never before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.event import Input
from engine.kernel import Turn
from machines.connection.facts import LinkConfirmed, Lost
from machines.connection.reasons import CLOSED_BY_CSMS
from machines.connection.state import CONNECTION
from machines.effects import Dial, Shred
from machines.inputs import Answered, Called, CalledBadly, Garbled, LinkDown, OperatorSet, Refused, StraySend
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


def frame(story: Story) -> Turn:
    """The CSMS sends something on the link, whatever it is."""
    return story.call("GetVariables", {"getVariableData": [{"component": {"name": "Toaster"}, "variable": {"name": "Heat"}}]}, f"any at {story.at}")


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
    story.connect()
    assert shredded(story) == [], "that a link opens is no proof"
    turn = frame(story)
    assert facts(turn, OldPasswordsDropped) == [OldPasswordsDropped(handles=(handle(1),))]
    assert effects(turn, Shred) == [Shred(handles=(handle(1),))]
    assert story.station[PASSWORDS].replaced == {}
    assert facts(frame(story), LinkConfirmed) == [], "once a link"


CLOSE_TEXT = "1008 unknown identity"


def test_a_csms_that_lets_everybody_in_and_closes_then_leaves_the_old_password_alone(story: Story) -> None:
    """If this failed, a CSMS that looks at the password only behind the upgrade would lock the station out: the upgrade alone proves nothing."""
    replace(story, 1)
    leave(story)
    story.settle(story.connect())
    replace(story, 2)
    leave(story)
    for failures in range(1, 6):
        story.connect()
        story.wait(0.13)
        turn = story.when(LinkDown(link=story.link, reason=CLOSED_BY_CSMS, detail=CLOSE_TEXT))
        assert [(lost.reason, lost.detail, lost.failures) for lost in facts(turn, Lost)] == [(CLOSED_BY_CSMS, CLOSE_TEXT, failures)]
    assert shredded(story) == []
    # The operator puts back what worked.
    story.when(OperatorSet(component="SecurityCtrlr", variable="BasicAuthPassword", value=password(1)))
    story.settle(story.connect())
    assert effects(story.turns, Dial)[-1].password == password(1)
    assert (story.station[CONNECTION].confirmed, shredded(story)) == (True, []), "the second still stands in the layer of the CSMS"


@pytest.mark.parametrize(
    "first",
    [
        lambda link: Called(link=link, message_id="m", action="NoSuchAction", payload=b"{}"),
        lambda link: Called(link=link, message_id="m", action="TriggerMessage", payload=b'{"requestedMessage":"Heartbeat"}'),
        lambda link: CalledBadly(link=link, message_id="m", action="Reset", payload=b"{}", code="FormatViolation", description="$: broken"),
        lambda link: Answered(link=link, entry=7, attempt=1, payload=b"{}", problem="$: broken"),
        lambda link: Refused(link=link, entry=7, attempt=1, code="InternalError", description=""),
        lambda link: StraySend(link=link, message_id="m", action="NotifyPeriodicEventStream"),
    ],
)
def test_any_frame_of_ocpp_j_confirms_the_password(story: Story, first: Callable[[int], Input]) -> None:
    """If this failed, an old password would stay for as long as a CSMS has nothing to say that we like."""
    for n in (1, 2):
        replace(story, n)
        leave(story)
        story.connect()
    assert shredded(story) == []
    turn = story.when(first(story.link))
    assert facts(turn, LinkConfirmed) == [LinkConfirmed(link=story.link)]
    assert shredded(story) == [(handle(1),)]


def test_what_is_no_frame_or_of_another_link_confirms_nothing(story: Story) -> None:
    """If this failed, the garbage of a proxy, or a late answer on the link before, would destroy the password that worked."""
    replace(story, 1)
    leave(story)
    old = story.link
    story.connect()
    late = Answered(link=old, entry=1, attempt=1, payload=b"{}")
    garbage = Garbled(link=story.link, reason="not a JSON array", length=3, digest="", answer=b"")
    assert [fact for input in (late, garbage) for fact in facts(story.when(input), LinkConfirmed)] == []


def test_a_frame_on_a_link_without_a_common_version_confirms_nothing(story: Story) -> None:
    """If this failed, a server that speaks something else would prove a password."""
    story.when(LinkDown(link=story.link, reason="lost"))
    story.connect("mqtt")
    assert facts(story.when(Called(link=story.link, message_id="m", action="Reset", payload=b"{}")), LinkConfirmed) == []


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
    frame(story)
    assert shredded(story) == [(handle(1),)]


def test_a_password_that_was_replaced_before_it_was_tried_goes_with_the_others(story: Story) -> None:
    """If this failed, passwords would pile up at a CSMS that changes them twice in one link."""
    for n in (1, 2, 3):
        replace(story, n)
    assert shredded(story) == []
    leave(story)
    story.settle(story.connect())
    frame(story)
    assert shredded(story) == [(handle(1), handle(2))]


def test_a_link_that_was_dialled_with_another_password_proves_nothing(new_story: NewStory) -> None:
    """If this failed, the password of one slot would go because another slot works."""
    story = new_story({"SecurityCtrlr.BasicAuthPassword": password(1), "NetworkConfiguration.BasicAuthPassword": password(8)}).boot()
    turn = story.when(declarations({"SecurityCtrlr.BasicAuthPassword": password(1), "NetworkConfiguration.BasicAuthPassword": password(9)}))
    assert facts(turn, PasswordsHeld)
    story.when(LinkDown(link=story.link, reason="broken"))
    story.settle(story.connect())
    frame(story)
    assert shredded(story) == []
    assert story.station[PASSWORDS].replaced == {handle(8): handle(9)}


def test_a_password_that_is_in_force_again_is_none_that_was_replaced(story: Story) -> None:
    """If this failed, going back to a password would destroy it."""
    for n in (1, 2, 1):
        replace(story, n)
    leave(story)
    story.settle(story.connect())
    frame(story)
    assert shredded(story) == [(handle(2),)]


def test_a_password_that_a_component_file_names_stays(new_story: NewStory) -> None:
    """If this failed, it would be kept again under another handle at every start, and the files would look changed."""
    story = new_story({"SecurityCtrlr.BasicAuthPassword": password(7)}).boot()
    assert story.station[PASSWORDS].held != {}
    replace(story, 1)
    leave(story)
    story.settle(story.connect())
    frame(story)
    assert shredded(story) == []
