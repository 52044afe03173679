"""What adapters and the simulator implement.

Law: a port tells inputs and performs effects; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.event import Effect, EffectId, Input

Tell = Callable[[Input], None]
"""Hand an input to the daemon's mailbox.  Returns at once; what comes of it arrives as effects."""

DONE, FAILED, LOST = "done", "failed", "lost"


class Port(Protocol):
    """One way to the outside."""

    @property
    def performs(self) -> tuple[type[Effect], ...]:
        """The effects that this port does."""

    def start(self, tell: Tell) -> None:
        """Begin telling.  First of all the port states the levels that it sees, because an edge may have died with the last process."""

    def perform(self, effect_id: EffectId, effect: Effect) -> None:
        """Do *effect*.  One that is followed is answered by one ``Settled``, whatever happens; a repeated id must change nothing."""

    def stop(self) -> None:
        """Let go of the outside.  Nothing is told after this."""
