"""Which version a link speaks.

Law: what the server chose among what was offered, or nothing at all (Part 4, chapter 3).
"""

from __future__ import annotations

import json

import pytest

from machines.connection.facts import Lost, Opened
from machines.effects import Call, Dial, HangUp
from machines.inputs import LinkDown, LinkUp
from machines.version.facts import VersionAgreed, VersionRefused
from machines.version.state import VERSION
from tests.conftest import NewStory
from tests.machines.acts import one
from tests.story import effects, facts, names


@pytest.mark.parametrize(("subprotocol", "version"), [("ocpp2.1", "2.1"), ("ocpp2.0.1", "2.0.1")])
def test_the_version_that_the_server_chose_is_spoken(new_story: NewStory, subprotocol: str, version: str) -> None:
    """Else the station speaks a version that the CSMS does not."""
    story = new_story()
    story.start()
    turn = story.connect(subprotocol)
    assert one(turn, VersionAgreed) == VersionAgreed(link=1, version=version)
    assert one(turn, Opened).link == 1
    assert one(turn, Call).action == "BootNotification"


@pytest.mark.parametrize("chosen", ["", "ocpp1.6", "ocpp2.0", "OCPP2.1", "ocpp2.1,ocpp2.0.1"])
def test_a_server_that_chose_nothing_of_ours_is_told_so_with_1002(new_story: NewStory, chosen: str) -> None:
    """Else the station guesses a version, and both sides misread each other."""
    story = new_story()
    story.start()
    turn = story.connect(chosen)
    assert one(turn, VersionRefused) == VersionRefused(link=1, chosen=chosen)
    hang_up = one(turn, HangUp)
    assert hang_up.code == 1002
    assert "ocpp2.1" in hang_up.reason
    assert "ocpp2.0.1" in hang_up.reason
    assert len(hang_up.reason.encode()) <= 123, "a close frame holds no more"
    assert effects(turn, Call) == []


def test_a_server_without_our_versions_is_a_failure_and_is_backed_off_from(new_story: NewStory) -> None:
    """Else a CSMS that was downgraded is dialled every ten seconds by every station it has."""
    story = new_story()
    story.start()
    for base in (10, 20, 40, 80, 80):
        story.connect("ocpp1.6")
        lost = one(story.when(LinkDown(link=story.link, reason="closed")), Lost)
        assert lost.reason == "no common OCPP version: ocpp2.1 or ocpp2.0.1"
        assert base <= (lost.redial_at_us - lost.at_us) / 1e6 < base + 5


def test_a_version_that_was_not_offered_is_not_agreed_on(new_story: NewStory) -> None:
    """Else a server can talk a station into the version that its operator ruled out."""
    story = new_story({"InternalCtrlr.SupportedOcppVersions": "ocpp2.0.1"})
    story.start()
    assert "VersionRefused" in names(story.connect("ocpp2.1"))


@pytest.mark.parametrize(
    ("setting", "offered"),
    [
        ("ocpp2.0.1,ocpp2.1", ("ocpp2.1", "ocpp2.0.1")),
        ("ocpp2.1", ("ocpp2.1",)),
        ("ocpp2.0.1, ocpp1.6", ("ocpp2.0.1",)),
        ("ocpp1.6", ("ocpp2.1", "ocpp2.0.1")),
        ("", ("ocpp2.1", "ocpp2.0.1")),
    ],
)
def test_offers_are_what_is_set_and_ours_newest_first(new_story: NewStory, setting: str, offered: tuple[str, ...]) -> None:
    """Else 2.1 is never spoken, or the station offers what it cannot do."""
    story = new_story({"InternalCtrlr.SupportedOcppVersions": setting})
    story.start()
    assert one(story.wait(1)[0], Dial).subprotocols == offered


def test_each_link_speaks_its_own_version(new_story: NewStory) -> None:
    """Else a CALL that is answered late is answered in the words of the next link."""
    story = new_story().boot("ocpp2.0.1")
    story.when(LinkDown(link=1, reason="closed"))
    story.connect("ocpp2.1")
    assert story.station[VERSION].of == {1: "2.0.1", 2: "2.1"}
    story.when(LinkDown(link=2, reason="closed"))
    story.connect("ocpp2.0.1")
    assert story.station[VERSION].of == {2: "2.1", 3: "2.0.1"}


def test_only_one_answer_a_link(new_story: NewStory) -> None:
    """Else an adapter that reports twice changes the version under way."""
    story = new_story()
    story.start()
    story.connect("ocpp2.0.1")
    assert story.when(LinkUp(link=1, subprotocol="ocpp2.1")).facts == ()
    assert [fact.version for fact in facts(story.turns, VersionAgreed)] == ["2.0.1"]


def test_a_2_0_1_link_hears_2_0_1(new_story: NewStory) -> None:
    """Else a strict 2.0.1 CSMS refuses the station's first word."""
    story = new_story()
    story.start()
    call = one(story.connect("ocpp2.0.1"), Call)
    assert json.loads(call.payload) == {"chargingStation": {"model": "Testing", "vendorName": "stationd"}, "reason": "PowerUp"}
