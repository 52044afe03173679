"""The station as it stood at any moment."""

from __future__ import annotations

import json

import pytest
from msgspec.json import encode

from engine.errors import SetupFault
from machines.inputs import ContactorMoved, LinkDown
from machines.station import STATION
from replay.state import as_json, at, before, lines, relative_us, seq_at
from tests.replay.feeder import ALIAS, night
from tests.story import Story


@pytest.fixture(scope="module")
def story() -> Story:
    """One night for all tests here, which only read it."""
    return night()


def test_every_moment_is_the_station_that_was_there(story: Story) -> None:
    """A view of the past that differs from what the station really was misleads worse than none."""
    journal, station = story.rows(), STATION.genesis()
    for turn in story.turns:
        assert before(STATION, journal, turn.seq) == station
        station = STATION.restore(station, turn)
    assert at(STATION, journal, len(story.turns) - 1).station == story.station


def test_moments_are_named_as_people_name_them(story: Story) -> None:
    """By turn, by station time, by the clock on the wall, or simply the last."""
    journal = story.rows()
    lost = next(turn for turn in story.turns if isinstance(turn.input, LinkDown))
    assert seq_at(journal, "last") == len(story.turns) - 1
    assert seq_at(journal, f"#{lost.seq}") == seq_at(journal, str(lost.seq)) == lost.seq
    assert seq_at(journal, f"+{lost.at / 1e6:.6f}s") == lost.seq
    assert seq_at(journal, f"+{(lost.at - 1) / 1e6:.6f}") == lost.seq - 1
    assert seq_at(journal, "2027-01-15T08:00:03Z") < seq_at(journal, "2027-01-15T09:01:00.5+01:00") < seq_at(journal, "last")
    assert [relative_us(text) for text in ("+35s", "+1.5m", "+2h", "+250ms", "+7", "+1d")] == [
        35_000_000, 90_000_000, 7_200_000_000, 250_000, 7_000_000, 86_400_000_000,
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", ["yesterday", "+", "+x", "+3w", "10:00", "-5", "", "+1.2.3s", "12³"])
def test_what_is_no_moment_is_met_with_what_would_be(story: Story, wrong: str) -> None:
    """Guessing a moment would show the wrong station without a word."""
    with pytest.raises(SetupFault, match="give a turn"):
        seq_at(story.rows(), wrong)


def test_a_moment_before_the_first_turn_or_after_the_last_is_refused(story: Story) -> None:
    """There was no station then."""
    with pytest.raises(SetupFault, match="before the first turn"):
        seq_at(story.rows(), "2020-01-01T00:00:00Z")
    with pytest.raises(SetupFault, match="before the first turn"):
        seq_at(story.rows(), "+0s")
    with pytest.raises(SetupFault, match="no such turn"):
        seq_at(story.rows(), "99999")


def test_the_text_names_what_matters(story: Story) -> None:
    """Link, boot, queue, clock, and every EVSE with session, card and transaction."""
    seq = next(turn.seq for turn in story.turns if isinstance(turn.input, ContactorMoved))
    text = "\n".join(lines(STATION, at(STATION, story.rows(), seq)))
    assert text.startswith(f"after turn {seq}, 2027-01-15T08:00:0")
    for part in ("clock    from csms, boot b1", "boot     accepted", "link     up, link 1, slot 1, OCPP 2.1", "queue    ", "next     ", ALIAS):
        assert part in text, part
    assert "charging  Charging  C, closed" in text
    lost = next(turn.seq for turn in story.turns if isinstance(turn.input, LinkDown))
    assert "link     down, link 1, slot 1, 1 failures in a row, last: closed by peer" in "\n".join(lines(STATION, at(STATION, story.rows(), lost)))


def test_every_turn_can_be_shown_both_ways(story: Story) -> None:
    """Before the first configuration, in the middle of a boot, after a power cut: there is always something to say."""
    for seq in range(len(story.turns)):
        folded = at(STATION, story.rows(), seq)
        assert lines(STATION, folded)
        assert json.loads(encode(as_json(folded)))["seq"] == seq
