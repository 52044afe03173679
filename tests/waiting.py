"""What tests wait with, where they have to wait for a process, a socket or a disk; and a limit for what may not take long.

Invariant: a test waits for a state; how long it may take to come is the same for all of them, and no test that passes comes near it.
What may not take long is measured in processor time, which does not depend on who else is at work.
"""

from __future__ import annotations

import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

PATIENCE_S = 120.0
"""How long a test waits for what has to happen, on a machine that is busy with something else."""

LOOK_EVERY_S = 0.02

T = TypeVar("T")


def until(found: Callable[[], T], what: Callable[[], object] = lambda: "") -> T:
    """Call *found* until it returns something true, and return that.

    Raises AssertionError with what *what* gives where that does not happen in time; what *found* raises ends the wait.
    """
    limit_s = monotonic() + PATIENCE_S
    while not (result := found()):
        assert monotonic() < limit_s, f"not within {PATIENCE_S:g} s: {what()}"
        select.select([], [], [], LOOK_EVERY_S)
    return result


@contextmanager
def cpu_limit(limit_s: float) -> Iterator[None]:
    """Raise AssertionError where the body takes more than *limit_s* seconds of a processor."""

    def over(*_: object) -> None:
        raise AssertionError(f"took more than {limit_s:g} s of a processor")

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
