"""Identifiers are compared without case, and sent in the spelling that came first (C01.FR.25, identifierString).

Invariant: what the machines compare are placeholders of the real vault, so that the rule holds from the reader to the socket.
"""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from eventlog.vault import PERSON, MemoryVault, Vault
from machines.inputs import Called, CardPresented
from machines.session.facts import AuthorizationEnded, CardRefused
from machines.session.state import Phase
from tests.conftest import NewStory
from tests.machines.acts import authorized, brief, card, do, events, phase, plug, session
from tests.story import Story, facts
from wire import sealing
from wire.sealed import is_same_identifier

VAULT = MemoryVault(b"i" * 32)
QUIET = {"SampledDataCtrlr.TxUpdatedInterval": "0", "TxCtrlr.TxStopPoint": "Authorized,EVConnected"}


def sealed(text: str) -> str:
    """A person's text as an adapter seals it."""
    return VAULT.keep(text, PERSON)


def called(story: Story, action: str, payload: dict[str, Any]) -> Called:
    """A CALL of the CSMS as the port makes it."""
    text = sealing.seal(action, json.dumps(payload).encode(), VAULT.keep, valid=True)
    return Called(link=story.link, message_id="m1", action=action, payload=text)


def answered(info: dict[str, Any]) -> dict[str, Any]:
    """An answer of the CSMS as the port makes it."""
    found: dict[str, Any] = json.loads(sealing.seal("Authorize", json.dumps(info).encode(), VAULT.keep, valid=True))
    return found


@pytest.mark.parametrize(("first", "second"), [("04aabbcc", "04AABBCC"), ("DE-AAA-C1234-5", "de-aaa-c1234-5"), ("Straße", "STRASSE")])
def test_a_card_stops_its_session_however_it_is_written(new_story: NewStory, first: str, second: str) -> None:
    """C01.FR.25.  Else a reader that writes small letters begins what one that writes capitals cannot end."""
    story = new_story(QUIET).boot()
    plug(story)
    card(story, sealed(first), evse_ids=(1,))
    (event,) = events(card(story, sealed(second), evse_ids=(1,)))
    assert brief(event)[:2] == ("Ended", "StopAuthorized")
    assert VAULT.reveal(session(story).token[8:40], PERSON) == first, "the spelling that came first is the session's"


def test_the_type_counts_too(new_story: NewStory) -> None:
    """C01.FR.25.  Else a key code that reads like a card is one."""
    story = new_story(QUIET).boot()
    plug(story)
    card(story, sealed("04aabbcc"), evse_ids=(1,))
    turn = story.when(CardPresented(token=sealed("04AABBCC"), token_type="KeyCode", evse_ids=(1,)))
    assert facts(turn, AuthorizationEnded) == []


def test_an_impatient_driver_with_two_spellings_is_asked_about_once(story: Story) -> None:
    """Else the second answer stops what the first one has started."""
    plug(story)
    story.when(CardPresented(token=sealed("04aabbcc"), token_type="ISO14443", evse_ids=(1,)))
    assert story.when(CardPresented(token=sealed("04AABBCC"), token_type="ISO14443", evse_ids=(1,))).facts == ()


def test_a_group_is_a_group_however_it_is_written(new_story: NewStory) -> None:
    """C09.FR.03.  Else a fleet whose CSMS is not consistent cannot share its sessions."""
    story = new_story(QUIET).boot()
    plug(story)
    card(story, sealed("04AA0001"), evse_ids=(1,), Authorize=answered(authorized(group="Fleet")))
    told = card(story, sealed("04AA0002"), evse_ids=(1,), Authorize=answered(authorized(group="FLEET")))
    assert [brief(event)[:2] for event in events(told)] == [("Ended", "StopAuthorized")]


@pytest.mark.parametrize("set_by", ["the files", "the CSMS"])
def test_the_master_pass_group_is_compared_without_case(new_story: NewStory, set_by: str) -> None:
    """C16.FR.02.  Else the police's card opens nothing; a group that a component file names is sealed as one that the CSMS sets."""
    settings = {**QUIET, "AuthCtrlr.MasterPassGroupId": sealed("Police") if set_by == "the files" else ""}
    story = new_story(settings).boot()
    if set_by == "the CSMS":
        item = {"attributeValue": "Police", "component": {"name": "AuthCtrlr"}, "variable": {"name": "MasterPassGroupId"}}
        story.settle(story.when(called(story, "SetVariables", {"setVariableData": [item]})))
    plug(story)
    card(story, sealed("04AA0003"), evse_ids=(1,))
    told = card(story, sealed("04AA0004"), evse_ids=(1,), Authorize=answered(authorized(group="POLICE")))
    assert [event["transactionInfo"]["stoppedReason"] for event in events(told)] == ["MasterPass"]


def test_a_transaction_is_known_by_its_id_in_capitals_too(new_story: NewStory) -> None:
    """F03.FR.07, E14.  Else a CSMS that keeps its ids in capitals can stop nothing."""
    story = new_story(QUIET).boot()
    plug(story)
    tx = session(story).transaction
    assert tx is not None
    loud = tx.transaction_id.upper()
    assert loud != tx.transaction_id
    assert story.replies(story.call("GetTransactionStatus", {"transactionId": loud}))["ongoingIndicator"] is True
    assert story.replies(story.call("RequestStopTransaction", {"transactionId": loud})) == {"status": "Accepted"}


def test_a_remote_start_with_another_spelling_is_the_same_driver(new_story: NewStory) -> None:
    """F01.FR.24.  Else the driver whose transaction goes on is taken for another one."""
    story = new_story({"SampledDataCtrlr.TxUpdatedInterval": "0", "TxCtrlr.TxStopPoint": "EVConnected"}).boot()
    plug(story)
    card(story, sealed("04aabbdd"), evse_ids=(1,))
    card(story, sealed("04aabbdd"), evse_ids=(1,))
    assert phase(story) is Phase.FINISHING
    do(story, CardPresented(token=sealed("04AABBDD"), token_type="ISO14443", evse_ids=(1,)))
    assert phase(story) is Phase.READY
    other = story.when(CardPresented(token=sealed("04AABBEE"), token_type="ISO14443", evse_ids=(2,)))
    assert facts(other, CardRefused) == []


def test_message_ids_and_passwords_keep_their_case() -> None:
    """Else an answer settles another message, or a password that is wrong is taken for the one that is known."""
    vault = MemoryVault(b"s" * 32)
    one_secret, other = vault.keep("correct-horse", "secret"), vault.keep("CORRECT-horse", "secret")
    assert not is_same_identifier(one_secret, other)


# The vault


def vaults(tmp_path: Any) -> list[MemoryVault | Vault]:
    """Both of them."""
    return [MemoryVault(b"v" * 32), Vault(tmp_path, os.urandom)]


@pytest.mark.parametrize("which", [0, 1])
def test_every_spelling_is_revealed_as_it_was_written(tmp_path: Any, which: int) -> None:
    """Else a CSMS reads another value than it has set."""
    vault = vaults(tmp_path)[which]
    small, large, other = (vault.keep(text, PERSON) for text in ("police", "POLICE", "fire"))
    assert small != large
    assert is_same_identifier(small, large)
    assert not is_same_identifier(small, other)
    assert [vault.reveal(text[8:40], PERSON) for text in (small, large)] == ["police", "POLICE"]
    assert vault.find("Police") == sorted([small[8:40], large[8:40]])


@pytest.mark.parametrize("which", [0, 1])
def test_who_was_forgotten_is_a_stranger_afterwards(tmp_path: Any, which: int) -> None:
    """Else a journal tells that somebody who was forgotten has come back."""
    vault = vaults(tmp_path)[which]
    before = [vault.keep(text, PERSON) for text in ("police", "POLICE")]
    vault.forget([text[8:40] for text in before])
    after = vault.keep("Police", PERSON)
    assert not any(is_same_identifier(text, after) for text in before)
    assert vault.find("police") == [after[8:40]]


def test_a_vault_that_is_opened_again_knows_its_families(tmp_path: Any) -> None:
    """Else a restart makes two drivers of one."""
    first = Vault(tmp_path, os.urandom)
    small = first.keep("police", PERSON)
    first.flush(1)
    again = Vault(tmp_path, os.urandom)
    assert is_same_identifier(small, again.keep("POLICE", PERSON))


def test_nothing_of_a_text_is_told_by_its_family() -> None:
    """Else a handle would be a keyed digest again, that whoever has the key can try card numbers on."""
    assert is_same_identifier("POLICE", "police"), "what is not sealed is compared as text"
    assert not is_same_identifier("", "x")
    one_life = MemoryVault(b"1" * 32).keep("04aabbcc", PERSON)
    assert not is_same_identifier(one_life, MemoryVault(b"2" * 32).keep("04aabbcc", PERSON))
