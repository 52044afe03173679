"""Run the tests beside one busy loop a core: all of them once, then three times those that touch a port, a clock, a disk, a process or a thread.

The latter have the mark ``outside``, which ``tests/conftest.py`` sets.  A run that fails does not keep the others from being tried.

Usage: ``python tools/test_under_load.py [PYTEST ARGUMENT ...]``; the arguments are given to every run.

Invariant: when it ends, however it ends, no busy loop is left; its exit status is 0 only when nothing failed in any of the runs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

REPEATS = 3
TESTS_FAILED = 1
"""pytest's exit status; the greater ones say that there was no run to speak of."""

# It looks now and then whether the process that began it is there still: nobody can act on SIGKILL.
BUSY = """
import os, sys
while os.getppid() == int(sys.argv[1]):
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Keep *count* processes busy until the context ends."""
    loops: list[subprocess.Popen[bytes]] = []
    try:
        argv = [sys.executable, "-c", BUSY, str(os.getpid())]
        # A session of their own: an interrupt at the terminal is for the tests.
        loops.extend(subprocess.Popen(argv, start_new_session=True) for _ in range(count))  # noqa: S603 (ours)
        yield
    finally:
        for loop in loops:
            loop.kill()
        for loop in loops:
            loop.wait()


def run_pytest(words: Sequence[str]) -> int:
    """Run pytest; return its exit status.  Where this process is told to end meanwhile, pytest is interrupted and waited for."""
    process = subprocess.Popen([sys.executable, "-m", "pytest", "-q", *words])  # noqa: S603 (argument lists made here)
    try:
        return process.wait()
    except BaseException:
        # It takes its stations and browsers down; at a terminal it was interrupted together with this process, and a second time does no harm.
        process.send_signal(signal.SIGINT)
        process.wait()
        raise


def stop(number: int, _: FrameType | None) -> NoReturn:
    """End in an orderly way."""
    raise SystemExit(128 + number)


def run_all(words: Sequence[str], run: Callable[[Sequence[str]], int] = run_pytest) -> int:
    """Run everything beside busy loops, *run* giving the exit status of each run; return that of the whole."""
    cores = len(os.sched_getaffinity(0))
    runs: list[tuple[str, list[str]]] = [("all tests", [])]
    runs += [(f"tests that touch the machine, {n} of {REPEATS}", ["-m", "outside"]) for n in range(1, REPEATS + 1)]
    failed = []
    with busy_loops(cores):
        for title, selection in runs:
            print(f"under load ({cores} busy loops): {title}", flush=True)
            status = run([*selection, *words])
            if status > TESTS_FAILED or status < 0:
                print(f"under load: {title}: pytest ended with status {status}", file=sys.stderr)
                return abs(status)
            if status:
                failed.append(title)
    for title in failed:
        print(f"under load: failed: {title}", file=sys.stderr)
    if not failed:
        print(f"under load: {len(runs)} runs, nothing failed")
    return TESTS_FAILED if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sys.exit(run_all(sys.argv[1:]))
