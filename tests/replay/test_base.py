"""A journal whose first turns were retired.

Law: whatever is asked about turns that are kept has the same answer as before, and whatever is asked about the others says that they are gone.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import JournalFault, SetupFault
from engine.kernel import Kernel
from engine.machine import Machine, Part, State, Station, state
from engine.records import BY_CLASS, BY_KIND
from eventlog import segments, snapshots
from eventlog.codec import encode, encode_turn
from eventlog.fold import Folded, fold
from eventlog.journal import Journal
from eventlog.memory import MemoryJournal
from eventlog.segments import Segment
from eventlog.store import digest
from machines.effects import Call
from machines.session.facts import TransactionStarted
from machines.station import STATION
from replay.export import turn_lines
from replay.reading import wall_before
from replay.sessions import sessions
from replay.show import shown
from replay.state import at, lines
from replay.timeline import timeline
from replay.verify import verify
from replay.whole import examine
from replay.why import why
from stationd.__main__ import main
from tests.replay.feeder import night
from tests.story import Story, effects, facts


@pytest.fixture(scope="module")
def story() -> Story:
    """The night: a charge, a lost link, a power cut, an unplugging, settings."""
    return night()


def cut(story: Story, seq: int) -> MemoryJournal:
    """The story's journal with everything up to turn *seq* retired."""
    journal = story.rows()
    segments.close(journal, at(STATION, journal, seq))
    assert journal.retire(seq)
    return journal


def seq_of(story: Story, kind: type) -> int:
    """The first turn with a fact of this kind."""
    return next(turn.seq for turn in story.turns if any(isinstance(fact, kind) for fact in turn.facts))


def test_replay_from_every_base_is_clean(story: Story) -> None:
    """Wherever the cut is: decided again, folded, examined, the journal is what it was."""
    for seq in range(len(story.turns)):
        journal = cut(story, seq)
        report = verify(STATION, journal)
        assert report.ok, f"retired up to {seq}: {report.damage or report.divergences}"
        assert report.turns == len(story.turns) - seq - 1
        whole = examine(journal)
        assert whole.ok, whole.damage
        assert snapshots.restore(journal, STATION, lambda: b"").station == story.station


def test_the_station_at_any_kept_moment_is_the_same(story: Story) -> None:
    """At the base, too: it is the closing snapshot itself."""
    half = len(story.turns) // 2
    journal = cut(story, half)
    for seq in range(half, len(story.turns)):
        assert at(STATION, journal, seq).station == at(STATION, story.rows(), seq).station
        assert lines(STATION, at(STATION, journal, seq)) == lines(STATION, at(STATION, story.rows(), seq))
    with pytest.raises(SetupFault, match=f"#3: no such turn; the journal holds turns {half + 1} to"):
        at(STATION, journal, 3)
    assert wall_before(journal, half + 1).text(10**9) == wall_before(story.rows(), half + 1).text(10**9)
    assert list(shown(journal)) == list(shown(story.rows(), first=half + 1))
    assert len(list(turn_lines(journal))) == len(story.turns) - half - 1
    with pytest.raises(SetupFault, match="#2: no such turn"):
        list(shown(journal, first=2, last=2))


def test_a_session_that_began_before_the_base_is_told_from_there(story: Story) -> None:
    """Who charged, since when and how much is not lost with the turns."""
    [whole] = sessions(story.rows())
    began = seq_of(story, TransactionStarted)
    [row] = sessions(cut(story, began + 2))
    same = ("evse_id", "transaction_id", "began", "ended", "ended_seq", "energy_wh", "started_wh", "reason", "token")
    assert {name: getattr(row, name) for name in same} == {name: getattr(whole, name) for name in same}
    told = "\n".join(timeline(cut(story, began + 2), "last"))
    assert f"what was before turn {began + 3} was retired from the journal" in told
    assert "unplugged" in told
    assert sessions(cut(story, len(story.turns) - 1)) == []


def test_why_says_what_is_gone(story: Story) -> None:
    """No answer is better than one that pretends."""
    last = len(story.turns) - 1
    journal = cut(story, last)
    gone = f"in turn {last} or before it; those turns were retired"
    assert gone in "\n".join(why(STATION, journal, "OCPPCommCtrlr.HeartbeatInterval"))
    assert gone in "\n".join(why(STATION, journal, "OCPPCommCtrlr.QueueAllMessages"))
    assert gone in "\n".join(why(STATION, journal, "EVSE.AvailabilityState@1"))
    began = seq_of(story, TransactionStarted)
    [started] = facts(story.turns, TransactionStarted)
    middle = cut(story, began + 2)
    told = "\n".join(why(STATION, middle, started.transaction_id))
    assert f"began in turn {began + 2} or before it" in told
    assert "it ended in turn" in told
    with pytest.raises(SetupFault, match="those turns were retired"):
        why(STATION, journal, effects(story.turns, Call)[0].message_id)


def test_a_base_without_its_closing_snapshot_is_not_folded(story: Story) -> None:
    """The station before the first row is not known then; an empty one would be a lie."""
    journal = cut(story, 5)
    journal._closings[0].clear()
    with pytest.raises(JournalFault, match="closing snapshot after turn 5 is gone"):
        at(STATION, journal, 7)
    assert verify(STATION, journal).damage
    journal = cut(story, 5)
    body = encode(["0.1.0", 1, b"another chain!!!", []])
    journal._closings[0][5] = digest(body) + body
    with pytest.raises(JournalFault, match="not of this journal"):
        at(STATION, journal, 7)
    journal._closings[0][5] = b"\xc1"
    with pytest.raises(JournalFault, match="cannot be read"):
        at(STATION, journal, 7)


def test_machines_may_come_and_go(story: Story) -> None:
    """A closing snapshot is read by builds that have other machines."""

    @state(0x7001)
    class Novelty(State):
        """New."""

        seen: int = 3

    try:
        part = Part("novelty", Novelty)
        left_out = STATION.machines[-1].name
        newer = Kernel((*STATION.machines[:-1], Machine(part, folds={}, hears={})), on_fault=STATION.on_fault)
        found = segments.begin(cut(story, 20), newer).station
        assert found[part] == Novelty()
        assert left_out not in found.parts
        assert found.parts["sessions"] == at(STATION, story.rows(), 20).station.parts["sessions"]

        journal = story.rows()
        parts = {**at(STATION, journal, 20).station.parts}
        folded = Folded(Station(parts), seq=20, at=story.turns[20].at, chain=list(journal.rows())[20][1][:16])
        folded.station.parts["status"] = Novelty()
        segments.close(journal, folded)
        journal.retire(20)
        BY_KIND.pop(0x7001)
        with pytest.raises(JournalFault, match=r"closing snapshot after turn 20: status: .*run that build or later"):
            segments.begin(journal, STATION)
    finally:
        BY_KIND.pop(0x7001, None)
        BY_CLASS.pop(Novelty, None)


def test_segments_are_listed(story: Story) -> None:
    """Closed ones, then the open one."""
    journal = story.rows()
    for seq in (9, 19):
        segments.close(journal, at(STATION, journal, seq))
    last = len(story.turns) - 1
    wanted = [Segment(first=0, last=9, closed=True), Segment(first=10, last=19, closed=True), Segment(first=20, last=last, closed=False)]
    assert list(segments.segments(journal)) == wanted
    journal.retire(9)
    assert list(segments.segments(journal)) == wanted[1:]
    build, at_us, chain, parts = segments.opened(next(body for _, body in journal.closings()))
    assert (at_us, len(chain), len(parts)) == (story.turns[9].at, 16, len(STATION.genesis().parts))
    assert build
    assert fold(STATION, segments.begin(journal, STATION), journal.rows()).station == story.station


def test_how_full_it_is_and_what_it_holds(story: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For whoever wonders where the space has gone."""
    memory = story.rows()
    journal = Journal(tmp_path / "journal", entropy=bytes)
    journal.append([(turn.seq, encode_turn(turn)) for turn in story.turns])
    for seq in (9, 19):
        segments.close(journal, at(STATION, memory, seq))
    journal.retire(9)
    journal.close()
    assert main(["log", "space", "--data", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "turns up to 9 were retired" in said
    last = len(story.turns) - 1
    assert [line.split()[:3] for line in said.splitlines()[-2:]] == [["10", "19", "10"], ["20", str(last), str(last - 19)]]
    assert said.splitlines()[-1].endswith("open")
