"""Every effect has a cause in the journal, and ``why`` finds it."""

from __future__ import annotations

import re

import pytest

from engine.errors import SetupFault
from machines.effects import Call
from machines.inputs import LinkDown
from machines.station import STATION
from replay.address import address
from replay.why import why
from tests.replay.feeder import SEALED_PASSWORD, night
from tests.story import Story, effects


@pytest.fixture(scope="module")
def story() -> Story:
    """One night for all tests here, which only read it."""
    return night()


def asked(story: Story, subject: str) -> str:
    """What ``why`` says, as one text."""
    return "\n".join(why(STATION, story.rows(), subject))


def test_a_message_leads_back_to_what_queued_it_and_to_the_input_behind_that(story: Story) -> None:
    """The question that the command is for: why did the station say that."""
    call = next(c for c in effects(story.turns, Call) if b"Authorized" in c.payload)
    text = asked(story, call.message_id)
    assert text.startswith(f"message {call.message_id}: our TransactionEvent, seqNo 1, Authorized\n  queued    #")
    assert re.search(r"  sent      #\d+ +\+\S+  attempt 1 on link 1 \(this one\)", text)
    assert re.search(r"  delivered #\d+", text)
    assert re.search(r"=> +Queued\(entry=\d+, action=TransactionEvent", text)
    assert "because the CSMS answered our Authorize, which was queued here:" in text
    assert text.rstrip().endswith("was held to the reader: from outside")


def test_a_deadline_leads_back_to_the_fact_that_set_it(story: Story) -> None:
    """Half of what a station does it does because time passed; without this every chain would end in a bare Woke."""
    call = next(c for c in effects(story.turns, Call) if b"MeterValuePeriodic" in c.payload)
    text = asked(story, call.message_id)
    assert re.search(r"because time passed: sessions/sample 1 was due at \+\S+, as set by (Transaction|Sampling)\w+ here:", text)
    assert "because the meter was read, which was waited for since here:" in text
    assert text.rstrip().endswith("from outside")


def test_a_message_that_was_never_sent_that_often_is_said_so(story: Story) -> None:
    """A wrong digit must not give somebody else's cause."""
    call = effects(story.turns, Call)[0]
    with pytest.raises(SetupFault, match="never sent a time number 9"):
        asked(story, f"{call.message_id[:-2]}09")
    with pytest.raises(SetupFault, match="no such message"):
        asked(story, "0000abcd-00000fffff-0001")


def test_a_transaction_tells_its_beginning_and_its_end(story: Story) -> None:
    """Both are asked for when a bill is disputed."""
    identifier = next(f.transaction_id for t in story.turns for f in t.facts if type(f).__name__ == "TransactionStarted")  # type: ignore[attr-defined]
    text = asked(story, identifier)
    assert "began in turn" in text
    assert "because a vehicle was plugged in: from outside" in text
    assert "(StopAuthorized, Local)" in text
    assert "was held to the reader: from outside" in text


def test_a_variable_leads_to_who_set_it_and_what_it_was_before(story: Story) -> None:
    """An interval that nobody remembers changing is the classic of all tickets."""
    text = asked(story, "ocppcommctrlr.heartbeatinterval")
    assert text.startswith("OCPPCommCtrlr.HeartbeatInterval = 77\nset in turn ")
    assert "by the CSMS" in text
    assert "declared as 300 by a component file" in text
    assert "Called(link=2, message_id=csms-1, action=SetVariables" in text


def test_a_variable_never_set_leads_to_its_component_file(story: Story) -> None:
    """Then the file is where to look."""
    text = asked(story, "TxCtrlr.TxStartPoint")
    assert "never set since it was declared\ndeclared as EVConnected by a component file" in text
    assert "ConfigLoaded(" in text


def test_a_derived_variable_leads_to_the_turn_that_changed_it(story: Story) -> None:
    """Nothing ever sets it, and still somebody wants to know why it says Available."""
    text = asked(story, "Connector.AvailabilityState@1.1")
    assert text.startswith("Connector.AvailabilityState@1.1 = Available\nderived:")
    assert "because a vehicle was unplugged: from outside" in text
    assert "ClockSet(" in asked(story, "ClockCtrlr.DateTime")


def test_a_secret_is_explained_without_being_shown(story: Story) -> None:
    """Why a password changed may be asked; what it is may not."""
    text = asked(story, "SecurityCtrlr.BasicAuthPassword")
    assert re.match(r"SecurityCtrlr.BasicAuthPassword = <sealed 28 chars [0-9a-f]{6}>\n", text)
    assert SEALED_PASSWORD not in text


def test_a_variable_misspelled_is_met_with_the_right_one(story: Story) -> None:
    """Nobody knows two hundred names by heart."""
    with pytest.raises(SetupFault, match=r"declares no such variable; did you mean OCPPCommCtrlr\.HeartbeatInterval"):
        asked(story, "OCPPCommCtrlr.HeartBeatIntervall")


def test_a_message_of_the_csms_is_found_by_its_id(story: Story) -> None:
    """The CSMS's people only have their own ids; where one was used twice, the latest counts."""
    text = asked(story, "csms-1")
    assert text.startswith("message csms-1: the CSMS's SetVariables, received in turn ")
    assert "answered in the same turn" in text.splitlines()[0]
    again = Story().boot()
    first = again.call("GetVariables", {"getVariableData": []}, "same").seq
    again.call("GetVariables", {"getVariableData": []}, "same")
    assert f"the CSMS used this id before, in turns {first}" in asked(again, "same")


def test_a_turn_is_explained_by_its_number(story: Story) -> None:
    """Every listing names turns, so every turn can be asked about, every one of them."""
    seq = next(turn.seq for turn in story.turns if isinstance(turn.input, LinkDown))
    text = asked(story, f"#{seq}")
    assert "because the link went down (closed by peer), which was dialled here:" in text
    for turn in story.turns:
        assert "because" in asked(story, f"#{turn.seq}")
    with pytest.raises(SetupFault, match="no such turn"):
        asked(story, "#123456")


def test_addresses_are_read_as_they_are_written() -> None:
    """A variable of another connector, or of another instance, is another variable."""
    assert address("A.B") == ("a", "", 0, 0, "b", "", "Actual")
    assert address("Connector.AvailabilityState@1.2:Target") == ("connector", "", 1, 2, "availabilitystate", "", "Target")
    assert address("A(x.y).B(z)@3") == ("a", "x.y", 3, 0, "b", "z", "Actual")
    assert address("A[x.y].B[z]@3:minset") == ("a", "x.y", 3, 0, "b", "z", "MinSet")
    for wrong in ("A.", ".B", "A.B@x", "A.B@1.y", "A(x.B", "A.B:", "A.B.C"):
        with pytest.raises(SetupFault, match="not a variable"):
            address(wrong)
