"""What time it is, and what a step of the clock must not do.

Law: durations never see wall time; messages never see anything else.
"""

from __future__ import annotations

import pytest

from engine.kernel import Turn
from machines.clock.facts import ClockAnchored, ClockSet
from machines.clock.machine import CLOCK
from machines.clock.views import timestamp, wall
from machines.effects import Call
from machines.inputs import Started
from machines.session.facts import AuthorizationEnded
from tests.conftest import NewStory
from tests.machines.acts import card, events, one, plug
from tests.story import JOURNAL, WALL_US, Story, effects, facts, sent

BEFORE_2020 = 1_000_000_000_000_000


def told(new_story: NewStory, current_time: str, **settings: str) -> tuple[Story, Turn]:
    """A station whose CSMS has just told the time."""
    story = new_story({name.replace("__", "."): value for name, value in settings.items()} or None)
    story.start()
    return story, story.answer(story.connect(), {"status": "Accepted", "interval": 300, "currentTime": current_time})


def started(story: Story, wall_us: int, boot_id: str = "b1") -> Turn:
    """The daemon starts, with that on the system's clock."""
    return story.when(Started(journal=JOURNAL, build="test", boot_id=boot_id, boottime_us=story.at, wall_us=wall_us))


@pytest.mark.parametrize(
    ("current_time", "shown"),
    [
        ("2030-05-06T07:08:09Z", "2030-05-06T07:08:09.000Z"),
        ("2030-05-06T07:08:09.123456789Z", "2030-05-06T07:08:09.123Z"),
        ("2030-05-06T09:08:09+02:00", "2030-05-06T07:08:09.000Z"),
        ("2030-05-06T07:08:09", "2030-05-06T07:08:09.000Z"),
    ],
)
def test_b01_fr_06_the_csmss_time_counts_however_it_writes_it(new_story: NewStory, current_time: str, shown: str) -> None:
    """Else a CSMS that writes offsets or fractions sets no clock."""
    story, turn = told(new_story, current_time)
    assert one(turn, ClockSet).source == "csms"
    assert timestamp(story.station, turn.at) == shown
    assert sent(turn)[0][1]["timestamp"] == shown, "the answer's own turn already uses it"


@pytest.mark.parametrize("current_time", ["", "now", "2030-99-99T00:00:00Z", "1234567890"])
def test_a_time_that_is_none_changes_nothing(new_story: NewStory, current_time: str) -> None:
    """Else a broken CSMS stops the station, or sets it to 1970."""
    _, turn = told(new_story, current_time)
    assert facts(turn, ClockSet) == []


@pytest.mark.parametrize(("source", "follows"), [("Heartbeat", True), ("heartbeat,NTP", True), ("NTP", False), ("RealTimeClock", False)])
def test_b01_fr_06_time_source_decides(new_story: NewStory, source: str, *, follows: bool) -> None:
    """Else a station with NTP is dragged along by a CSMS whose clock is wrong."""
    _, turn = told(new_story, "2030-05-06T07:08:09Z", ClockCtrlr__TimeSource=source)
    assert (facts(turn, ClockSet) != []) is follows


def test_g02_fr_06_a_heartbeat_corrects_what_matters_and_no_more(story: Story) -> None:
    """Else every heartbeat is a step of the clock in the journal, or drift is never corrected."""
    for offset_us, steps in ((0, 0), (400_000, 0), (-400_000, 0), (600_000, 1), (-600_000, 1)):
        (turn,) = [t for t in story.wait(301) if effects(t, Call)]
        now = wall(story.station, story.at + 1_000)
        text = timestamp(story.station, story.at + 1_000 + offset_us)
        answer = story.answer(turn, {"currentTime": text})
        assert (offset_us, len(facts(answer, ClockSet))) == (offset_us, steps)
        assert abs(wall(story.station, answer.at) - now) <= 601_000


@pytest.mark.parametrize("year", ["2001", "2099"])
def test_a_step_of_the_clock_fires_no_timeout_and_delays_none(story: Story, year: str) -> None:
    """Else a CSMS that sets the clock ends authorizations, or keeps them for a year."""

    def due() -> list[tuple[int, str, str]]:
        return [row for row in story.kernel.due(story.station, 10**18) if row[2] == "connect 1"]

    card(story)
    before = due()
    story.start()
    turn = story.answer(story.connect(), {"status": "Accepted", "interval": 300, "currentTime": f"{year}-01-01T00:00:00Z"})
    assert one(turn, ClockSet).source == "csms"
    assert timestamp(story.station, turn.at).startswith(year)
    story.settle(turn)
    assert due() == before
    assert facts(story.wait(119), AuthorizationEnded) == []
    assert len(facts(story.wait(1.1), AuthorizationEnded)) == 1


def test_sampling_goes_on_at_its_pace_through_a_step(new_story: NewStory) -> None:
    """Else meter values stop for as long as the clock went back."""
    story = new_story({"OCPPCommCtrlr.HeartbeatInterval": "30"})
    story.start()
    turn = story.answer(story.connect(), {"status": "Accepted", "interval": 30, "currentTime": "2027-01-15T08:00:00Z"})
    story.settle(turn)
    plug(story)
    card(story)
    (beat,) = [t for t in story.wait(31) if sent(t)[:1] == [("Heartbeat", {})]]
    story.settle(story.answer(beat, {"currentTime": "2026-01-15T08:00:00Z"}))
    due = [row for row in story.kernel.due(story.station, 10**18) if row[2] == "sample 1"]
    assert 0 < due[0][0] - story.at <= 60_000_000
    samples = [t for t in story.wait(31) if events(sent(t))]
    assert events(sent(samples[0]))[0]["triggerReason"] == "MeterValuePeriodic"


def test_a_restart_in_the_same_boot_keeps_the_csmss_time(story: Story) -> None:
    """Else every restart of the daemon jumps to a system clock that nobody set."""
    offset = story.station[CLOCK].offset_us
    turn = started(story, WALL_US + 10**12)
    assert facts(turn, ClockSet) == []
    assert story.station[CLOCK].offset_us == offset
    assert one(turn, ClockAnchored).boot_id == "b1"


def test_a_restart_in_another_boot_takes_a_system_clock_that_is_later(story: Story) -> None:
    """Else the hours that the power was out are missing from every time stamp."""
    turn = started(story, wall(story.station, story.at) + 3_600_000_000, "b2")
    assert one(turn, ClockSet).source == "system"
    assert wall(story.station, turn.at) >= WALL_US + 3_600_000_000


@pytest.mark.parametrize("shown", [0, BEFORE_2020, WALL_US - 10**12])
def test_a_system_clock_that_went_back_is_not_believed(story: Story, shown: int) -> None:
    """Else a station without a clock battery stamps its first hours in 1970, before its own transactions."""
    known = wall(story.station, story.at)
    turn = started(story, shown, "b2")
    assert one(turn, ClockSet).source == "kept"
    assert wall(story.station, turn.at) >= known


def test_the_very_first_start_takes_what_there_is(new_story: NewStory) -> None:
    """Else a factory-new station without a battery has no time at all."""
    story = new_story()
    assert one(started(story, BEFORE_2020), ClockSet).source == "system"
    assert wall(story.station, story.at) == BEFORE_2020
