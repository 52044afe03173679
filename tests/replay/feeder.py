"""A journal with a night in it: a session, a lost link, a power cut, a driver who comes back.

Law: secrets and cards are sealed by the real vault, so that a test can look for them in everything that is shown.
"""

from __future__ import annotations

from pathlib import Path

from engine.kernel import Kernel
from eventlog.codec import encode_turn
from eventlog.journal import Journal
from eventlog.memory import MemoryJournal
from eventlog.vault import PERSON, SECRET, MemoryVault
from machines.inputs import (
    CableConnected,
    CableDisconnected,
    CardPresented,
    ContactorMoved,
    EvseSeen,
    LinkDown,
    MeterTold,
    PilotChanged,
)
from machines.station import STATION
from tests.story import Story

CARD_NUMBER = "04AABBCCDDEEFF"
PASSWORD = "correct-horse-battery-staple"
VAULT = MemoryVault(b"k" * 32)
CARD = VAULT.keep(CARD_NUMBER, PERSON)
SEALED_PASSWORD = VAULT.keep(PASSWORD, SECRET)
ALIAS = CARD[8:14]
"""The card's pseudonym."""

SETTINGS = {"SampledDataCtrlr.TxUpdatedInterval": "10"}


def plugged(story: Story, evse_id: int = 1) -> Story:
    """A vehicle plugs in, a card is accepted, energy flows."""
    story.settle(story.when(CableConnected(evse_id=evse_id, connector_id=1), after_us=3_000_000))
    story.settle(story.when(CardPresented(token=CARD, token_type="ISO14443", evse_ids=(evse_id,)), after_us=2_000_000))
    story.settle(story.when(PilotChanged(evse_id=evse_id, state="C")))
    story.settle(story.when(ContactorMoved(evse_id=evse_id, closed=True)))
    story.when(MeterTold(evse_id=evse_id, energy_wh=1500, power_w=7000))
    return story


def unplugged(story: Story, evse_id: int = 1) -> Story:
    """The same card ends the session, and the vehicle leaves."""
    story.settle(story.when(CardPresented(token=CARD, token_type="ISO14443")))
    story.settle(story.when(ContactorMoved(evse_id=evse_id, closed=False)))
    story.settle(story.when(story.reading(evse_id)))
    story.settle(story.when(CableDisconnected(evse_id=evse_id, connector_id=1)))
    return story


def night(kernel: Kernel = STATION) -> Story:
    """Plugged in; the link is lost with a message queued behind it; the power is cut; the link comes back; the driver leaves; a new password."""
    story = plugged(Story(SETTINGS, kernel=kernel).boot())
    for turn in story.wait(12):
        story.settle(turn)
    story.when(LinkDown(link=story.link, reason="closed by peer"))
    story.wait(9)
    story.start()
    story.when(EvseSeen(evse_id=1, connector_id=1, plugged=True, pilot="C", contactor_closed=True, energy_wh=2200))
    story.settle(story.answer(story.connect(), {"status": "Accepted", "interval": 300, "currentTime": "2027-01-15T08:02:00Z"}))
    unplugged(story)
    name = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
    story.call("SetVariables", {"setVariableData": [{"attributeValue": "77", **name}]}, "csms-1")
    name = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    story.call("SetVariables", {"setVariableData": [{"attributeValue": SEALED_PASSWORD, **name}]}, "csms-2")
    return story


def written(story: Story, data: Path, station: int = 0) -> Path:
    """The story in an LMDB journal under *data*, closed again, because a process opens it once."""
    journal = Journal(data / "journal")
    journal.append([(turn.seq, encode_turn(turn)) for turn in story.turns], station)
    journal.close()
    return data


def tampered(story: Story, seq: int, row: bytes) -> MemoryJournal:
    """The story's journal with another row in the place of turn *seq*, its chain link as it was."""
    journal = story.rows()
    rows = journal._rows[0]
    rows[seq] = rows[seq][:16] + row
    return journal
