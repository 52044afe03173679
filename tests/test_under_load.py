"""``tools/test_under_load.py``: what it runs, what its exit status says, and that it leaves no busy loop behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from runpy import run_path

import pytest

from tests.waiting import PATIENCE_S, until

TOOL = Path(__file__).parents[1] / "tools" / "test_under_load.py"
CORES = len(os.sched_getaffinity(0))

WAITS = """
import sys
import time
from pathlib import Path

def test_waits():
    try:
        Path("begun").touch()
        time.sleep(3600)
    finally:
        Path("taken-down").touch()
"""


def run_with(statuses: Iterable[int]) -> tuple[int, list[list[str]]]:
    """Run the tool's own function; what pytest's runs come to is given.  Returns its exit status, and what pytest was given."""
    left, given = iter(statuses), []

    def run(words: Sequence[str]) -> int:
        until(lambda: len(busy_loops_of(os.getpid())) == CORES)
        given.append(list(words))
        return next(left)

    status: int = run_path(os.fspath(TOOL))["run_all"](["-x", "tests/wire"], run)
    assert busy_loops_of(os.getpid()) == []
    return status, given


def busy_loops_of(pid: int) -> list[int]:
    """The processes that were told to be busy while *pid* is there."""
    return [int(one.parent.name) for one in Path("/proc").glob("[0-9]*/cmdline") if _words(one)[-1:] == [str(pid)] and b"getppid" in _read(one)]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _words(path: Path) -> list[str]:
    return _read(path).decode(errors="replace").rstrip("\0").split("\0")


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The tool, in the middle of a run, with its busy loops."""
    (tmp_path / "test_it.py").write_text(WAITS)
    argv = [sys.executable, os.fspath(TOOL), "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    with subprocess.Popen(argv, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tool:
        try:
            until((tmp_path / "begun").exists)
            until(lambda: len(busy_loops_of(tool.pid)) == CORES)
            yield tool
        finally:
            tool.send_signal(signal.SIGTERM)


def test_all_tests_run_once_and_those_outside_three_times_more(capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, a test that depends on the machine would pass because it was lucky once."""
    status, given = run_with([0, 0, 0, 0])
    assert (status, given) == (0, [["-x", "tests/wire"], *[["-m", "outside", "-x", "tests/wire"]] * 3])
    assert capsys.readouterr().out.splitlines()[-1] == "under load: 4 runs, nothing failed"


def test_one_failure_in_one_run_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, a test that fails now and then would be overlooked, or would hide those that fail in later runs."""
    status, given = run_with([0, 0, 1, 0])
    assert (status, len(given)) == (1, 4)
    assert capsys.readouterr().err == "under load: failed: tests that touch the machine, 2 of 3\n"


@pytest.mark.parametrize(("ended", "status"), [(2, 2), (5, 5), (-11, 11)])
def test_a_run_that_came_to_nothing_ends_it(ended: int, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, a misspelt argument, or a crash, would look like tests that pass."""
    assert run_with([ended]) == (status, [["-x", "tests/wire"]])
    assert f"all tests: pytest ended with status {ended}" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_it_leaves_nothing_behind(waiting: subprocess.Popen[bytes], tmp_path: Path, number: signal.Signals) -> None:
    """If this failed, the machine would stay busy, or a test's station would go on running."""
    waiting.send_signal(number)
    assert waiting.wait(PATIENCE_S) == 128 + number
    assert (tmp_path / "taken-down").exists()
    assert busy_loops_of(waiting.pid) == []


def test_busy_loops_end_with_a_tool_that_was_killed(waiting: subprocess.Popen[bytes]) -> None:
    """If this failed, two cores would be lost until somebody looks."""
    children = [int(one) for one in Path(f"/proc/{waiting.pid}/task/{waiting.pid}/children").read_text().split()]
    loops = busy_loops_of(waiting.pid)
    waiting.kill()
    until(lambda: not busy_loops_of(waiting.pid))
    # What it ran goes on, as anything does whose parent is killed.
    (orphan,) = set(children) - set(loops)
    os.kill(orphan, signal.SIGINT)
