"""The port to the CSMS: what a frame becomes before a machine reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.csms import CsmsPort, _Link
from engine.event import Input
from eventlog.vault import MemoryVault
from machines.boot.facts import BootAccepted
from machines.effects import Call, Reply
from machines.inputs import Answered, Called, CalledBadly
from machines.outbound.asks import message_id
from tests.conftest import NewStory
from tests.story import JOURNAL, Story, facts, only
from tests.wire.samples import read
from wire.schemas import Schemas

SCHEMAS = Schemas(read)


class Door:
    """A port whose link is open in *version*, and the inputs that it tells."""

    def __init__(self, version: str = "2.1") -> None:
        self.told: list[Input] = []
        self.port = CsmsPort(SCHEMAS, MemoryVault(b"k"), JOURNAL)
        self.port.attach(self.told.append, lambda: None)
        self.link = _Link(self.port, 1, 0)
        self.link.opened(f"ocpp{version}")
        self.told.clear()

    def hear(self, data: str) -> Input:
        """What one frame becomes."""
        self.link.text(data.encode())
        return self.told.pop()

    def answer(self, entry: int, action: str, payload: str) -> Input:
        """What the answer to one of the station's own messages becomes."""
        unique = message_id(JOURNAL, entry, 1)
        self.link.asked[unique] = action
        return self.hear(f'[3,"{unique}",{payload}]')


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
@pytest.mark.parametrize("spelled", ["300.0", "3e2", "3000e-1"])
def test_an_integer_is_written_plainly_before_a_machine_reads_it(version: str, spelled: str) -> None:
    """Else a float gets into a state, or comes back to the CSMS in an answer."""
    door = Door(version)
    answered = door.answer(1, "BootNotification", f'{{"currentTime":"2026-01-01T00:00:00Z","interval":{spelled},"status":"Accepted"}}')
    assert isinstance(answered, Answered)
    assert (answered.problem, answered.payload) == ("", b'{"currentTime":"2026-01-01T00:00:00Z","interval":300,"status":"Accepted"}')
    called = door.hear(f'[2,"m1","GetBaseReport",{{"requestId":{spelled},"reportBase":"FullInventory"}}]')
    assert called == Called(link=1, message_id="m1", action="GetBaseReport", payload=b'{"requestId":300,"reportBase":"FullInventory"}')


def test_a_secret_in_a_message_with_such_a_number_is_sealed_all_the_same() -> None:
    """Else writing a number anew opens a way around sealing."""
    door = Door()
    profile = (
        '{"configurationSlot":2.0,"connectionData":{"messageTimeout":30.0,"ocppCsmsUrl":"ws://x","ocppInterface":"Wired0","ocppTransport":"JSON",'
    )
    called = door.hear(f'[2,"m1","SetNetworkProfile",{profile}"securityProfile":1.0,"basicAuthPassword":"hunter2-and-more-of-it"}}}}]')
    assert isinstance(called, Called)
    payload = json.loads(called.payload)
    assert payload["configurationSlot"] == 2
    assert all(type(payload["connectionData"][name]) is int for name in ("messageTimeout", "securityProfile"))
    assert payload["connectionData"]["basicAuthPassword"].startswith("<sealed:")


def test_a_number_with_a_fraction_is_refused_with_the_payload_as_it_came() -> None:
    """Else the journal shows another message than the CSMS sent."""
    bad = Door().hear('[2,"m1","GetBaseReport",{"requestId":7.5,"reportBase":"FullInventory"}]')
    assert isinstance(bad, CalledBadly)
    assert (bad.code, bad.description) == ("TypeConstraintViolation", "$.requestId: must be an integer")
    assert bad.payload == b'{"requestId":7.5,"reportBase":"FullInventory"}'


def heard(door: Door, story: Story, data: str) -> Any:
    """The turn of one frame."""
    return story.when(door.hear(data))


def test_a_station_is_accepted_with_an_interval_of_300_0_and_answers_a_report_of_7_0(new_story: NewStory) -> None:
    """Else it never gets past BootNotification at such a CSMS, or its NotifyReport has another requestId than was asked for."""
    story, door = new_story(), Door()
    story.start()
    boot = only(story.connect().effects, Call)
    door.link.asked[boot.message_id] = "BootNotification"
    turn = heard(door, story, f'[3,"{boot.message_id}",{{"currentTime":"2027-01-15T08:00:00Z","interval":77.0,"status":"Accepted"}}]')
    assert facts(turn, BootAccepted) == [BootAccepted(interval_s=77)]
    story.settle(turn)
    turn = heard(door, story, '[2,"m1","GetBaseReport",{"requestId":7.0,"reportBase":"ConfigurationInventory"}]')
    assert json.loads(only(turn.effects, Reply).payload)["status"] == "Accepted"
    reports = story.settle(turn) + [one for later in story.wait(1) for one in story.settle(later)]
    requests = [payload["requestId"] for action, payload in reports if action == "NotifyReport"]
    assert requests
    assert all(type(one) is int and one == 7 for one in requests)
