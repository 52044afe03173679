"""Turns read well at 2 am, and nothing in them can harm the terminal or a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SetupFault
from machines.inputs import LinkDown, MeterTold
from replay import text
from replay.reading import wall_before
from replay.show import shown
from tests.replay.feeder import ALIAS, CARD, night
from tests.story import Story


@pytest.fixture(scope="module")
def story() -> Story:
    """One night for all tests here, which only read it."""
    return night()


def all_lines(story: Story, **how: object) -> list[str]:
    """Everything that ``shown`` yields, flat."""
    return [line for lines in shown(story.rows(), **how) for line in lines]  # type: ignore[arg-type]


def test_a_turn_shows_input_facts_and_effects_with_ids(story: Story) -> None:
    """The three kinds must be told apart at a glance."""
    seq = next(turn.seq for turn in story.turns if type(turn.input).__name__ == "CableConnected")
    (lines,) = shown(story.rows(), first=seq, last=seq)
    assert lines[0].startswith(f"{seq:7}  2027-01-15T08:00:03")
    assert lines[0].endswith(" CableConnected(evse_id=1, connector_id=1)")
    assert lines[1].strip().startswith("CablePlugged(evse_id=1, connector_id=1, at_us=+3.0")
    assert lines[-1].strip().startswith("-> Call(link=1, message_id=0000abcd-")
    assert lines[-1].endswith(f"   [0.{seq}.0]")
    assert lines[0].index("CableConnected") == lines[1].index("CablePlugged") == lines[-1].index("Call(")


def test_a_sealed_text_is_a_length_and_a_pseudonym(story: Story) -> None:
    """The whole handle is noise, and the text itself is nobody's business."""
    lines = all_lines(story)
    assert any(f"CardPresented(token=<sealed 14 chars {ALIAS}>, token_type=ISO14443" in line for line in lines)
    assert any(f'"idToken":"<sealed 14 chars {ALIAS}>"' in line for line in lines)
    assert not any(CARD in line for line in lines)


def test_payloads_are_cut_unless_asked_for(story: Story) -> None:
    """A configuration of many kilobytes must not bury the turn after it; with --full all of it is there."""
    short, full = all_lines(story, first=1, last=1), all_lines(story, first=1, last=1, full=True)
    assert "… (" in short[0]
    assert short[0].endswith(" bytes))")
    assert len(short[0]) < 300
    assert "… (" not in full[0]
    assert "BasicAuthPassword" in full[0]


def test_filters_find_what_they_say(story: Story) -> None:
    """A filter that loses a turn costs somebody the night."""
    rows = list(shown(story.rows(), grep="contactormoved"))
    assert len(rows) == 2
    assert all("ContactorMoved" in lines[0] for lines in rows)
    here = [lines[0] for lines in shown(story.rows(), evse_id=2)]
    assert any("EvseSeen(evse_id=2" in line for line in here)
    assert not any("evse_id=1," in line for line in here if "EvseSeen" in line)
    # The answer to a StatusNotification does not say which EVSE it was about; the turn that sends one does, in its payload.
    assert any("Answered(" in line for line in here)


def test_wall_time_is_the_clock_of_that_turn(story: Story) -> None:
    """A range that begins in the middle must show the same times as a listing from the start."""
    whole = {lines[0][:7]: lines[0] for lines in shown(story.rows())}
    for first in (7, 20, len(story.turns) - 1):
        (lines,) = shown(story.rows(), first=first, last=first)
        assert lines[0] == whole[f"{first:7}"]
    assert wall_before(story.rows(), 0).offset_us is None


def test_a_turn_that_is_not_there_is_said_so(story: Story) -> None:
    """An empty listing would look like a station that did nothing."""
    with pytest.raises(SetupFault, match="the journal holds turns 0 to"):
        list(shown(story.rows(), first=100_000))
    with pytest.raises(SetupFault, match="the range is empty"):
        list(shown(story.rows(), first=5, last=4))


@given(st.text())
def test_no_text_reaches_the_terminal_as_a_command(sent: str) -> None:
    """A peer that names its reason with escape sequences would otherwise write into the operator's terminal."""
    line = text.event(LinkDown(link=1, reason=sent, detail=sent))
    assert line.isprintable()


@given(st.binary(max_size=200))
def test_payloads_of_any_bytes_are_shown(sent: bytes) -> None:
    """What is shown is what was sent, also where it is no JSON at all."""
    assert text.payload(sent, full=True).isprintable()
    assert text.payload(sent).isprintable()


def test_defaults_are_left_out_unless_asked_for() -> None:
    """Fields that say nothing hide the one that does."""
    told = MeterTold(evse_id=1, energy_wh=5, power_w=7)
    assert text.event(told) == "MeterTold(evse_id=1, energy_wh=5, power_w=7)"
    assert text.event(told, full=True) == "MeterTold(evse_id=1, energy_wh=5, power_w=7, current_ma=(), voltage_mv=(), wall_us=0)"


def test_durations_and_energy_read_as_people_say_them() -> None:
    """A wrong unit is a wrong bill."""
    assert [text.lasted(us) for us in (1_500_000, 35_000_000, 200_000_000, 9_000_000_000)] == ["1.5 s", "35 s", "3 min 20 s", "2 h 30 min"]
    assert [text.energy(wh) for wh in (0, 7, 12_345, -1_005)] == ["0.000 kWh", "0.007 kWh", "12.345 kWh", "-1.005 kWh"]
    assert text.moment(61_002_999) == "+61.002s"
