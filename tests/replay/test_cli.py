"""The commands as a person types them."""

from __future__ import annotations

import argparse
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import SetupFault
from eventlog.codec import encode_turn
from eventlog.memory import MemoryJournal
from machines.effects import Call
from machines.inputs import CableConnected, Called, Refused
from replay import cli, output
from replay.export import frame_lines
from replay.paths import default_data
from tests.conftest import NewStory
from tests.replay.feeder import CARD_NUMBER, PASSWORD, night, written
from tests.story import Story, effects
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]

STANDALONE = """
import argparse, sys
from replay import cli
top = argparse.ArgumentParser(prog="stationd")
cli.add_arguments(top.add_subparsers(required=True))
args = top.parse_args()
sys.exit(args.func(args))
"""

WRITER = """
import sys
from pathlib import Path
from eventlog.codec import encode_turn
from eventlog.journal import Journal
from tests.conftest import NewStory
from tests.replay.feeder import night
turns = night().turns
journal = Journal(Path(sys.argv[1]) / "journal")
for place in range(0, len(turns), 10):
    journal.append([(turn.seq, encode_turn(turn)) for turn in turns[place:place + 10]])
    print(journal.last()[0], flush=True)
    sys.stdin.readline()
"""


def parser() -> argparse.ArgumentParser:
    """The two commands, mounted as the composition root mounts them."""
    top = argparse.ArgumentParser(prog="stationd")
    cli.add_arguments(top.add_subparsers(required=True))
    return top


def run(*words: str) -> int:
    """One command; its exit status."""
    args = parser().parse_args(words)
    status: int = args.func(args)
    return status


@pytest.fixture(scope="module")
def story() -> Story:
    """One night for all tests here, which only read it."""
    return night()


@pytest.fixture
def data(story: Story, tmp_path: Path) -> str:
    """Its data directory."""
    return str(written(story, tmp_path))


def test_verify_says_the_one_line_that_scripts_look_for(story: Story, data: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Continuous integration greps for it."""
    assert run("replay", "verify", "--data", data) == 0
    assert capsys.readouterr().out == f"replay: {len(story.turns)} turns, 0 divergences\n"
    assert run("log", "verify", "--data", data) == 0
    assert capsys.readouterr().out == f"log: {len(story.turns)} turns, 0 faults\n"


def test_verify_fails_where_a_journal_says_otherwise(story: Story, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An exit status of 0 beside a diff would let a release through."""
    other = Story()
    other.turns = [*story.turns]
    seq = next(turn.seq for turn in story.turns if isinstance(turn.input, Called))
    turn = story.turns[seq]
    other.turns[seq] = type(turn)(seq=seq, at=turn.at, luck=turn.luck, input=turn.input, facts=turn.facts, effects=())
    assert run("replay", "verify", "--data", str(written(other, tmp_path))) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"turn {seq} at +")
    assert [line[:12] for line in lines if line.startswith(("+", "-"))] == ["+ Reply(link"]
    assert lines[-1] == f"replay: {len(story.turns)} turns, 1 divergences"


COMMANDS = [
    ("log", "show", "--full"),
    ("log", "show", "--evse", "1"),
    ("log", "sessions"),
    ("log", "sessions", "last"),
    ("log", "tail", "-n", "3"),
    ("log", "export"),
    ("log", "export", "--format", "ocpp"),
    ("log", "verify"),
    ("replay", "verify"),
    ("replay", "show", "3", "#4"),
    ("replay", "state"),
    ("replay", "state", "--at", "+20s", "--json"),
    ("replay", "why", "SecurityCtrlr.BasicAuthPassword", "--full"),
    ("replay", "why", "#12"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_shows_a_secret_or_a_card(words: tuple[str, ...], data: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Their output is pasted into tickets."""
    assert run(*words, "--data", data) == 0
    out = capsys.readouterr().out
    assert out
    assert PASSWORD not in out
    assert CARD_NUMBER not in out


def test_every_command_helps_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """At 2 am nobody reads a manual."""
    for words in sorted({words[:2] for words in COMMANDS} | {("log",), ("replay",)}):
        with pytest.raises(SystemExit):
            run(*words, "--help")
        assert f"example:\n  stationd {' '.join(words)}" in capsys.readouterr().out


def test_export_of_turns_holds_every_turn(story: Story, data: str, tmp_path: Path) -> None:
    """What is left out of an export cannot be asked about later."""
    out = tmp_path / "turns.jsonl"
    assert run("log", "export", "--data", data, "--out", str(out)) == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    turns = [json.loads(line) for line in out.read_text().splitlines()]
    assert [turn["seq"] for turn in turns] == list(range(len(story.turns)))
    assert turns[3]["luck"] == f"{story.turns[3].luck:016x}"
    assert [len(turn["facts"]) for turn in turns] == [len(turn.facts) for turn in story.turns]
    called = next(turn for turn in turns if turn["input"]["type"] == "Called")
    assert called["input"]["payload"]["setVariableData"][0]["attributeValue"] == "77"
    assert called["effects"][0]["id"] == f"0.{called['seq']}.0"


def test_export_of_frames_is_the_conversation(story: Story, data: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Both sides compare it with the CSMS's log: every CALL and its answer under one messageId and one action."""
    run("log", "export", "--format", "ocpp", "--data", data)
    frames = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert list(frames[0]) == ["timestamp", "direction", "messageType", "messageId", "action", "payload"]
    assert (frames[0]["action"], frames[0]["direction"]) == ("BootNotification", "sent")
    sent = [frame for frame in frames if (frame["direction"], frame["messageType"]) == ("sent", "CALL")]
    assert [frame["messageId"] for frame in sent] == [call.message_id for call in effects(story.turns, Call)]
    answers = {frame["messageId"]: frame for frame in frames if frame["messageType"] == "CALLRESULT"}
    calls = [frame for frame in frames if frame["messageType"] == "CALL"]
    for frame in calls:
        answer = answers[frame["messageId"]]
        assert answer["action"] == frame["action"]
        assert answer["direction"] != frame["direction"]
        assert answer["timestamp"] >= frame["timestamp"] or frame["action"] == "BootNotification"
    assert all(frame["timestamp"].endswith("Z") for frame in frames)


def test_errors_are_frames_too() -> None:
    """The message that failed is the one that is looked for."""
    story = Story().boot()
    story.call("Nonsense", {}, "bad-1")
    call = effects(story.turns, Call)[-1]
    story.when(
        Refused(link=story.link, entry=int(call.message_id[9:19], 16) * 256, attempt=1, code="InternalError", description="x", details=b'{"why":[1]}')
    )
    frames = [json.loads(line) for line in frame_lines(story.rows())]
    assert frames[-2]["payload"]["errorCode"] == "NotImplemented"
    assert (frames[-2]["messageType"], frames[-2]["messageId"], frames[-2]["action"]) == ("CALLERROR", "bad-1", "Nonsense")
    assert frames[-1]["payload"] == {"errorCode": "InternalError", "errorDescription": "x", "errorDetails": {"why": [1]}}


def test_what_was_discarded_is_in_the_export(new_story: NewStory) -> None:
    """E13.FR.04.  Else a bill that the CSMS never took is in no file that anybody can send it."""
    story = new_story({"OCPPCommCtrlr.MessageAttempts[TransactionEvent]": "2", "SampledDataCtrlr.Enabled": "false"}).boot()
    story.answer(story.when(CableConnected(evse_id=1, connector_id=1)), {})
    story.wait(120)
    frames = [json.loads(line) for line in frame_lines(story.rows())]
    [discarded] = [frame for frame in frames if frame["direction"] == "discarded"]
    attempts = [frame for frame in frames if frame["action"] == "TransactionEvent" and frame["direction"] == "sent"]
    assert len(attempts) == 2
    assert discarded == {**attempts[-1], "timestamp": discarded["timestamp"], "direction": "discarded", "reason": "no answer in time"}


def test_an_export_that_cannot_be_written_says_where(data: str, tmp_path: Path) -> None:
    """A traceback is no answer."""
    with pytest.raises(SetupFault, match=r"cannot be written .*--out FILE"):
        run("log", "export", "--data", data, "--out", str(tmp_path / "no" / "file"))


def test_tail_shows_the_newest(story: Story, data: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The last turns, not the first, and all of each."""
    run("log", "tail", "-n", "2", "--data", data)
    lines = capsys.readouterr().out.splitlines()
    heads = [line for line in lines if line[:7].strip()]
    assert [int(line[:7]) for line in heads] == [len(story.turns) - 2, len(story.turns) - 1]


def test_tail_follows_a_journal_that_grows(story: Story) -> None:
    """A turn shown twice, or left out, would make a wrong story of a live station."""
    journal = MemoryJournal()
    rows = [(turn.seq, encode_turn(turn)) for turn in story.turns]
    journal.append(rows[:5])
    waits: Iterator[slice] = iter([slice(5, 6), slice(6, 6), slice(6, 9)])

    def wait(seconds: float) -> bool:
        assert 0 < seconds < 5
        new = next(waits, None)
        if new is None:
            return True
        journal.append(rows[new])
        return False

    stream = io.StringIO()
    out = output.Output(stream, io.StringIO())
    args = argparse.Namespace(station=0, count=2, follow=True, full=False)
    cli._tail(args, out, output.Watched(journal, out), wait)
    assert [int(line[:7]) for line in stream.getvalue().splitlines() if line[:7].strip()] == [3, 4, 5, 6, 7, 8]


def python(code: str, *words: str) -> subprocess.Popen[str]:
    """A Python process in the project, talked to over pipes."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], cwd=ROOT, env=env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("words", [("log", "export"), ("log", "tail", "--follow")], ids=" ".join)
def test_a_reader_that_leaves_early_is_no_error(words: tuple[str, ...], tmp_path: Path) -> None:
    """``| head`` is how people read: no traceback, no error status, and a follower must not live on for nobody."""
    story = night()
    first, last = story.turns[0], story.turns[-1]
    # Much more than a pipe holds, so that the writer is still writing when its reader leaves.
    story.turns += [type(first)(seq=last.seq + n, at=last.at + n, luck=n, input=last.input, facts=(), effects=()) for n in range(1, 2_000)]
    process = python(STANDALONE, *words, "--data", str(written(story, tmp_path)))
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    assert (process.wait(PATIENCE_S), errors) == (0, "")
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()


def test_a_journal_is_read_while_another_process_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The daemon need not be stopped to be understood; what it has made durable is seen, and nothing of it is disturbed."""
    with python(WRITER, str(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        for _ in range(3):
            newest = int(process.stdout.readline())
            assert run("replay", "verify", "--data", str(tmp_path)) == 0
            assert capsys.readouterr().out == f"replay: {newest + 1} turns, 0 divergences\n"
            process.stdin.write("\n")
            process.stdin.flush()
        process.kill()


def test_where_no_journal_is_a_person_is_told_what_to_do(data: str, tmp_path: Path) -> None:
    """The first thing everybody gets wrong is the directory."""
    with pytest.raises(SetupFault, match=r"--data DIR") as no_directory:
        run("log", "show", "--data", str(tmp_path / "nowhere"))
    assert no_directory.value.status == 6
    (tmp_path / "empty").mkdir()
    with pytest.raises(SetupFault, match=r"no journal here"):
        run("log", "show", "--data", str(tmp_path / "empty"))
    with pytest.raises(SetupFault, match=r"no turn of station 4; there are turns of station 0"):
        run("log", "show", "--data", data, "--station", "4")


def test_the_data_directory_is_found_by_one_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Daemon and tools must look in the same place, or the tools show somebody else's station."""
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/x")
    assert default_data() == Path("/home/x/.local/state/stationd")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert default_data() == Path("/home/x/.local/state/stationd")
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    assert default_data() == Path("/xdg/stationd")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/stationd:/var/lib/other")
    assert default_data() == Path("/var/lib/stationd")


def test_progress_is_for_terminals_and_leaves_no_trace(story: Story) -> None:
    """A log file full of percentages is no log file."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for errors, shows in ((Terminal(), True), (io.StringIO(), False)):
        out = output.Output(io.StringIO(), errors)
        out.progress(50, 200)
        out.say(["done"])
        assert ("50 of 200 turns, 25 %" in errors.getvalue()) is shows
        assert not shows or errors.getvalue().endswith(output.CLEAR_LINE)
        assert isinstance(out.stream, io.StringIO)
        assert out.stream.getvalue() == "done\n"


def test_reading_commands_cannot_write(story: Story) -> None:
    """Time travel that changes the past is none."""
    store = output.Watched(story.rows(), output.Output(io.StringIO(), io.StringIO()))
    assert not any(hasattr(store, name) for name in ("append", "put_snapshot", "put_closing", "put_meta", "retire"))
    assert store.last() == story.rows().last()
    assert list(store.snapshots()) == []


def test_mounting_the_commands_loads_nothing_heavy() -> None:
    """``stationd --help`` and completion must be quick; the store and the machines are loaded when a command runs."""
    code = f"{STANDALONE.replace('args = top', 'print(sorted(m for m in sys.modules if m in HEAVY)); sys.exit(); args = top')}"
    process = python(f"HEAVY = ('lmdb', 'machines.station', 'msgpack', 'attrs', 'transitions')\n{code}", "log")
    out, errors = process.communicate(timeout=PATIENCE_S)
    assert (out, errors) == ("[]\n", "")
