"""The roots that an operator provisions: installed, deleted, and what a link is dialled with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from machines.certificates.facts import Certificate, CertificateDeleted, CertificateInstalled, CertificateRefused
from machines.certificates.state import CSMS_ROOT, MANUFACTURER_ROOT
from machines.connection.facts import Released
from machines.connection.state import CONNECTION, Phase
from machines.connection.views import security_profile
from machines.effects import Dial
from machines.inputs import HoldAsked, LinkDown, LinkUp, OperatorSet, RootsDropped, RootsGiven
from tests.conftest import NewStory
from tests.story import Story, effects, facts


def root(name: str, use: str = CSMS_ROOT) -> Certificate:
    """A root that somebody has judged."""
    return Certificate(
        use=use,
        certificate=f"-----{name}-----",
        hash_algorithm="SHA256",
        issuer_name_hash="aa",
        issuer_key_hash="bb",
        serial_number="1",
        fingerprint=name * 4,
    )


def provided(url: str) -> dict[str, Any]:
    """Component files with a CSMS at *url*."""
    profile = {"configurationSlot": 1, "connectionData": {"ocppCsmsUrl": url, "securityProfile": 2, "messageTimeout": 30}}
    return {"InternalCtrlr.NetworkConnectionProfiles": json.dumps([profile])}


@pytest.fixture
def over_tls(new_story: NewStory) -> Story:
    """A station that dials a CSMS at a wss:// address."""
    story = new_story(provided("WSS://csms.example"))
    story.start()
    story.wait(1)
    return story


def dialled(story: Story) -> Dial:
    """The newest dial."""
    found: Dial = effects(story.turns, Dial)[-1]
    return found


def test_a_link_over_tls_is_dialled_with_the_csms_roots(over_tls: Story) -> None:
    """If this failed, a root could be installed and mean nothing, or one for firmware could stand for the CSMS."""
    assert dialled(over_tls).roots == ()
    over_tls.when(LinkDown(link=1, reason="tls"))
    over_tls.when(RootsGiven(certificates=(root("one"), root("two"))))
    over_tls.when(RootsGiven(certificates=(root("maker", MANUFACTURER_ROOT),)))
    over_tls.wait(1)
    assert dialled(over_tls).roots == ("-----one-----", "-----two-----")
    over_tls.when(LinkDown(link=2, reason="tls"))
    over_tls.when(RootsDropped(fingerprint="one" * 4))
    over_tls.wait(1)
    assert dialled(over_tls).roots == ("-----two-----",)


def test_a_link_without_tls_carries_none(story: Story) -> None:
    """They would stand in every turn that dials, for nothing."""
    story.when(RootsGiven(certificates=(root("one"),)))
    story.start()
    story.wait(20)
    assert (dialled(story).link, dialled(story).roots) == (2, ())


def test_a_new_root_need_not_wait_for_the_back_off(over_tls: Story) -> None:
    """If this failed, whoever stands at the station would wait for minutes to see whether it was the right one."""
    for link in range(1, 5):
        over_tls.when(LinkDown(link=link, reason="tls"))
        if link < 4:
            over_tls.wait(600)
    turn = over_tls.when(RootsGiven(certificates=(root("one"),)))
    (released,) = facts([turn], Released)
    assert released.redial_at_us == over_tls.station[CONNECTION].lost_at_us + 1_000_000, "a second after the link was lost, and not sooner"
    over_tls.wait(2)
    assert over_tls.station[CONNECTION].phase is Phase.DIALLING


def test_what_waits_for_nothing_is_not_woken(over_tls: Story) -> None:
    """A station that is held stays so, and a root for firmware is no reason to dial."""
    over_tls.when(LinkDown(link=1, reason="tls"))
    assert facts([over_tls.when(RootsGiven(certificates=(root("maker", MANUFACTURER_ROOT),)))], Released) == []
    over_tls.when(HoldAsked(hold=True))
    assert facts([over_tls.when(RootsGiven(certificates=(root("one"),)))], Released) == []


def test_a_link_that_is_open_stays_open(over_tls: Story) -> None:
    """What was changed counts for the next one."""
    over_tls.when(LinkUp(link=1, subprotocol="ocpp2.1"))
    before = len(over_tls.turns)
    over_tls.when(RootsGiven(certificates=(root("one"),)))
    over_tls.when(RootsDropped(fingerprint="one" * 4))
    assert over_tls.station[CONNECTION].phase is Phase.UP
    assert facts(over_tls.turns[before:], Released) == []


def test_what_is_installed_already_is_refused_unless_something_is_new(story: Story) -> None:
    """A bundle with one new root in it is a bundle worth giving."""
    story.when(RootsGiven(certificates=(root("one"),)))
    (refused,) = facts([story.when(RootsGiven(certificates=(root("one"),)))], CertificateRefused)
    assert (refused.fingerprint, refused.reason) == ("one" * 4, "it is installed already")
    turn = story.when(RootsGiven(certificates=(root("one"), root("two"))))
    assert [fact.certificate.fingerprint for fact in facts([turn], CertificateInstalled)] == ["two" * 4]
    turn = story.when(RootsGiven(certificates=(root("one", MANUFACTURER_ROOT),)))
    assert [fact.certificate.use for fact in facts([turn], CertificateInstalled)] == [MANUFACTURER_ROOT], "another use is another thing"


def test_a_root_is_deleted_for_every_use(story: Story) -> None:
    """If this failed, somebody would believe that it is trusted no longer."""
    story.when(RootsGiven(certificates=(root("one"),)))
    story.when(RootsGiven(certificates=(root("one", MANUFACTURER_ROOT),)))
    turn = story.when(RootsDropped(fingerprint="one" * 4))
    assert [fact.use for fact in facts([turn], CertificateDeleted)] == [CSMS_ROOT, MANUFACTURER_ROOT]
    (refused,) = facts([story.when(RootsDropped(fingerprint="one" * 4))], CertificateRefused)
    assert refused.reason == "it is not installed"


def test_there_is_room_for_so_many(story: Story) -> None:
    """SecurityCtrlr.CertificateEntries: its maxLimit is how many, and all of a file or none of it."""
    story.when(RootsGiven(certificates=tuple(root(f"{n:03d}") for n in range(99))))
    turn = story.when(RootsGiven(certificates=(root("one"), root("two"))))
    (refused,) = facts([turn], CertificateRefused)
    assert refused.reason.startswith("99 certificates are installed, and there is room for 100 (SecurityCtrlr.CertificateEntries)")
    assert facts([turn], CertificateInstalled) == []


def test_the_csms_is_told_that_they_were_changed(story: Story) -> None:
    """A04: whom a station trusts matters to its security."""
    story.boot()
    sent = story.settle(story.when(RootsGiven(certificates=(root("one"),))))
    sent += story.settle(story.when(RootsDropped(fingerprint="one" * 4)))
    told = [payload for action, payload in sent if action == "SecurityEventNotification"]
    assert [(one["type"], one["techInfo"]) for one in told] == [
        ("ReconfigurationOfSecurityParameters", "CSMSRootCertificate installed"),
        ("ReconfigurationOfSecurityParameters", "CSMSRootCertificate deleted"),
    ]


def test_the_security_profile_is_what_the_link_is(over_tls: Story, story: Story) -> None:
    """A00: 2 is a password over TLS, 1 a password alone; without a password it is none of them."""
    assert security_profile(over_tls.station) == 0
    sealed = f"<sealed:{'ab' * 16}:20:p>"
    over_tls.when(OperatorSet(component="SecurityCtrlr", variable="BasicAuthPassword", value=sealed))
    assert security_profile(over_tls.station) == 2
    story.when(OperatorSet(component="SecurityCtrlr", variable="BasicAuthPassword", value=sealed))
    assert security_profile(story.station) == 1
