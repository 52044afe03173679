"""Stand-ins for what depends on the machine: how long a commit takes, when the writer thread is done, when a timer is due.

Invariant: the test says it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class CommitClock:
    """A clock in seconds that goes on by *commit_s* each time it is read: a commit, which reads it twice, takes that long."""

    def __init__(self, commit_s: float = 0.0) -> None:
        self.commit_s = commit_s
        self._now_s = 0.0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        self._now_s += self.commit_s
        return self._now_s


class HeldWriter(Executor):
    """An executor that holds back what it is given until a test lets it be done, in the order in which it was given."""

    def __init__(self) -> None:
        self._held: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self.is_shut_down = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Remember the call."""
        assert not self.is_shut_down
        future: Future[T] = Future()
        self._held.append((future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 (as the base class has it)
        """See that nothing was left undone."""
        assert not self._held, "a group was given to the writer, and its outcome was never awaited"
        self.is_shut_down = True

    @property
    def held(self) -> int:
        """The number of calls that wait."""
        return len(self._held)

    def finish_next(self) -> None:
        """Make the first call that waits, and give its future the outcome.  The event loop is told when it comes round."""
        future, call = self._held.popleft()
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 (whatever the journal raises is the outcome)
            future.set_exception(error)
        else:
            future.set_result(result)


class HeldTimers:
    """An event loop whose ``call_later`` waits for the test, and that is *loop* in everything else."""

    class Handle:
        """What cancels a timer."""

        def __init__(self, call: Callable[[], object]) -> None:
            self.call = call
            self.is_armed = True

        def cancel(self) -> None:
            """Take it back."""
            self.is_armed = False

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._real = loop
        self._timers: list[tuple[float, HeldTimers.Handle]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def call_later(self, delay_s: float, callback: Callable[..., object], *args: Any) -> Handle:
        """Remember the call."""
        handle = HeldTimers.Handle(partial(callback, *args))
        self._timers.append((delay_s, handle))
        return handle

    @property
    def armed_s(self) -> list[float]:
        """The delays of the timers that were neither fired nor cancelled, in seconds."""
        return [delay_s for delay_s, handle in self._timers if handle.is_armed]

    def fire(self, delay_s: float) -> None:
        """Let the one timer of that delay be due."""
        (handle,) = [handle for delay, handle in self._timers if handle.is_armed and delay == delay_s]
        handle.cancel()
        handle.call()
