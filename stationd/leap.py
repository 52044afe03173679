"""An event loop whose time leaps: whenever nothing is left to do, it is at once the time of whatever is due next.

Law: time stands still while something is being done, a commit in the writer thread included, so that no timeout passes because this machine is slow.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LOOK_S = 1.0
"""How long to wait for a thread before looking again."""


class LeapingLoop(asyncio.SelectorEventLoop):
    """``time()`` is virtual: seconds since the loop was made."""

    def __init__(self) -> None:
        self._leapt_s = 0.0
        self._away = 0
        super().__init__(_Leaping(self))

    def time(self) -> float:
        """Virtual seconds."""
        return self._leapt_s

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """As any loop; time stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._away += 1
        future.add_done_callback(self._back)
        return future

    async def shutdown_default_executor(self, *args: Any, **more: Any) -> None:
        """As any loop; its limit, where Python has one, is for threads that hang, and time stands still for those that end."""
        self._away += 1
        try:
            await super().shutdown_default_executor(*args, **more)
        finally:
            self._away -= 1

    def _back(self, _: asyncio.Future[Any]) -> None:
        self._away -= 1

    def leap(self, by_s: float) -> bool:
        """Let *by_s* seconds be over; returns whether nobody was away."""
        if self._away:
            return False
        self._leapt_s += by_s
        return True


class _Leaping(selectors.DefaultSelector):
    """Leaps where another selector would wait."""

    def __init__(self, loop: LeapingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; where that is nothing, time has passed instead."""
        ready = super().select(0)
        if ready or timeout is None or timeout <= 0:
            return ready or (super().select(LOOK_S) if timeout is None else ready)
        if not self._loop.leap(timeout):
            return super().select(LOOK_S)
        return ready
