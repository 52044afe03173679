"""A00 and A04: what a link that fails for its security leaves in the security log, and what the CSMS is sent of it.

Invariant: a series of links that fail for one reason makes one event; an open link ends the series.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.kernel import Turn
from machines.connection import reasons
from machines.connection.facts import Released
from machines.connection.state import CONNECTION, Phase
from machines.effects import Dial
from machines.inputs import LinkDown, OperatorReset, OperatorSet
from machines.security.a04_events import FAILURES, SECURITY, SecurityEventLogged
from tests.conftest import NewStory
from tests.machines.acts import restart
from tests.story import Story, effects, facts

PROFILES = '[{"configurationSlot":1,"connectionData":{"ocppCsmsUrl":"wss://csms.example","securityProfile":2}}]'
DETAIL = "the server's certificate is not trusted: certificate has expired"
CRITICAL = [(reason, type) for reason, (type, critical) in FAILURES.items() if critical]


@pytest.fixture
def over_tls(new_story: NewStory) -> Story:
    """A station that has started and has a CSMS at a wss:// address."""
    story = new_story({"InternalCtrlr.NetworkConnectionProfiles": PROFILES})
    story.start()
    return story


def fail(story: Story, reason: str, detail: str = "") -> Turn:
    """The next dial fails."""
    for _ in range(600):
        if story.station[CONNECTION].phase is Phase.DIALLING:
            break
        story.wait(1)
    return story.when(LinkDown(link=story.station[CONNECTION].link, reason=reason, detail=detail))


def connect(story: Story) -> list[dict[str, Any]]:
    """The next dial succeeds and everything that waits is sent; returns the security events that the CSMS hears of, but the one of the start."""
    sent = story.settle(story.connect())
    return [payload for action, payload in sent if action == "SecurityEventNotification" and payload["type"] != "StartupOfTheDevice"]


@pytest.mark.parametrize(("reason", "type"), CRITICAL)
def test_a00_fr_316_a_series_of_failed_links_is_one_event_on_the_next_link(over_tls: Story, reason: str, type: str) -> None:
    """Else an attack on the link stays unknown, or a CSMS whose certificate ran out is sent ten thousand messages when it is back."""
    for _ in range(5):
        fail(over_tls, reason, DETAIL)
    assert over_tls.station[SECURITY].events[type] == 1
    (event,) = connect(over_tls)
    assert (event["type"], event["techInfo"]) == (type, f"slot 1: {DETAIL}")
    assert event["timestamp"].startswith("2027-01-15T08:00:01"), "of the first failure, not of the delivery"


@pytest.mark.parametrize(("reason", "type"), CRITICAL)
def test_a_link_that_opens_ends_the_series(over_tls: Story, reason: str, type: str) -> None:
    """Else the second attack in the life of a station is not reported."""
    fail(over_tls, reason)
    assert [event["type"] for event in connect(over_tls)] == [type]
    over_tls.when(LinkDown(link=over_tls.link, reason=reasons.LOST))
    assert connect(over_tls) == []
    over_tls.when(LinkDown(link=over_tls.link, reason=reasons.LOST))
    fail(over_tls, reason)
    fail(over_tls, reason)
    assert [event["type"] for event in connect(over_tls)] == [type]


def test_each_type_has_a_series_of_its_own(over_tls: Story) -> None:
    """Else a server that changes its ways hides the second of them behind the first."""
    for reason in (reasons.TLS_CERTIFICATE, reasons.TLS_VERSION, reasons.TLS_CERTIFICATE, reasons.TIMEOUT, reasons.TLS_CIPHER, reasons.TLS_VERSION):
        fail(over_tls, reason)
    assert [event["type"] for event in connect(over_tls)] == ["InvalidCsmsCertificate", "InvalidTLSVersion", "InvalidTLSCipherSuite"]


def test_a04_fr_02_the_event_and_its_series_outlive_a_restart(over_tls: Story) -> None:
    """Else a power cut loses the event, or a station that restarts every minute queues one each time."""
    fail(over_tls, reasons.TLS_CERTIFICATE)
    for _ in range(3):
        restart(over_tls)
        fail(over_tls, reasons.TLS_CERTIFICATE)
    assert [event["type"] for event in connect(over_tls)] == ["InvalidCsmsCertificate"]


def test_a_password_that_is_not_accepted_is_logged_and_not_sent(over_tls: Story) -> None:
    """Else the security log says nothing of it; it is not critical (appendix 1), so the CSMS that knows it already is not told."""
    for _ in range(3):
        fail(over_tls, reasons.UNAUTHORIZED, "401 the CSMS does not accept the password of this identity")
    logged = facts(over_tls.turns, SecurityEventLogged)
    assert logged == [
        SecurityEventLogged(type="FailedToAuthenticateAtCsms", tech_info="slot 1: 401 the CSMS does not accept the password of this identity")
    ]
    assert connect(over_tls) == []


@pytest.mark.parametrize(
    "reason", [reasons.TLS, reasons.UNREACHABLE, reasons.TIMEOUT, reasons.REFUSED, reasons.HANDSHAKE, reasons.CLOSED_BY_CSMS, reasons.LOST]
)
def test_a_link_that_fails_for_something_else_is_no_security_event(over_tls: Story, reason: str) -> None:
    """Else every network failure looks like an attack."""
    fail(over_tls, reason, "whatever")
    assert facts(over_tls.turns, SecurityEventLogged) == []
    assert connect(over_tls) == []


def test_a_link_that_the_station_gave_up_itself_is_none(over_tls: Story) -> None:
    """Else an orderly stop in the middle of a handshake is one: the word is that of the station, whatever the socket says at the end."""
    over_tls.wait(1)
    over_tls.when(LinkDown(link=99, reason=reasons.TLS_CERTIFICATE))
    assert facts(over_tls.turns, SecurityEventLogged) == []


def test_tech_info_is_cut_to_what_ocpp_has_room_for(over_tls: Story) -> None:
    """Else the message breaks its schema and is lost."""
    fail(over_tls, reasons.TLS_CERTIFICATE, "x" * 400)
    (event,) = connect(over_tls)
    assert len(event["techInfo"]) == 255


def wildcards(value: str) -> OperatorSet:
    """The operator changes the setting."""
    return OperatorSet(component="SecurityCtrlr", variable="AllowCSMSTLSWildcards", value=value)


def test_whether_wildcard_names_are_accepted_goes_into_the_dial(new_story: NewStory) -> None:
    """Else the setting is without effect; without TLS there is no certificate to which it could apply."""
    for url, value, expected in (("wss://h", "false", False), ("wss://h", "true", True), ("ws://h", "true", False)):
        story = new_story({"InternalCtrlr.NetworkConnectionProfiles": PROFILES.replace("wss://csms.example", url)})
        story.settings = {**(story.settings or {}), "SecurityCtrlr.AllowCSMSTLSWildcards": value}
        story.start()
        story.wait(1)
        assert [dial.wildcards for dial in effects(story.turns, Dial)] == [expected]


def test_that_wildcard_names_are_accepted_from_now_on_is_a_security_event_and_need_not_wait_for_the_back_off(new_story: NewStory) -> None:
    """Else a weaker check goes unnoticed, or whoever stands at the station waits for minutes to see whether that was it."""
    story = new_story({"InternalCtrlr.NetworkConnectionProfiles": PROFILES, "SecurityCtrlr.AllowCSMSTLSWildcards": "false"})
    story.start()
    for _ in range(4):
        fail(story, reasons.TLS_CERTIFICATE, "made out to the wildcard name *.example")
    turn = story.when(wildcards("true"))
    (released,) = facts(turn, Released)
    assert released.redial_at_us == max(story.at + 1, story.station[CONNECTION].lost_at_us + 1_000_000)
    assert facts(turn, SecurityEventLogged) == [
        SecurityEventLogged(type="ReconfigurationOfSecurityParameters", tech_info="AllowCSMSTLSWildcards is true")
    ]
    assert facts(story.when(wildcards("true")), SecurityEventLogged) == [], "it was true already"
    story.wait(2)
    assert effects(story.turns, Dial)[-1].wildcards
    reset = story.when(OperatorReset(component="SecurityCtrlr", variable="AllowCSMSTLSWildcards"))
    assert [fact.tech_info for fact in facts(reset, SecurityEventLogged)] == ["AllowCSMSTLSWildcards is false"]
