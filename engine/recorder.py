"""Sequence, time and luck, stamped once at the door.

Law: what the recorder stamped is what machines see.  ``at`` never goes back, a seq is never given twice; the clock and the
entropy are passed in, so that the simulator can own them.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.machine import Context


class Recorder:
    """Stamps inputs.

    *clock* gives microseconds that pass also while the machine sleeps; *anchor_us* is what to add to it, so that ``at`` goes on where the
    journal ended.  *entropy* gives 64 random bits.
    """

    __slots__ = ("anchor_us", "clock", "entropy", "last_at", "last_seq", "station")

    def __init__(
        self,
        *,
        clock: Callable[[], int],
        entropy: Callable[[], int],
        last_seq: int = -1,
        last_at: int = 0,
        anchor_us: int | None = None,
        station: int = 0,
    ) -> None:
        self.clock = clock
        self.entropy = entropy
        self.last_seq = last_seq
        self.last_at = last_at
        self.anchor_us = last_at + 1 - clock() if anchor_us is None else anchor_us
        self.station = station

    def now(self) -> int:
        """What ``at`` would be stamped now; never before the last one."""
        return max(self.last_at, self.anchor_us + self.clock())

    def stamp(self) -> Context:
        """The context of the next input."""
        self.last_seq += 1
        self.last_at = max(self.last_at + 1, self.anchor_us + self.clock())
        return Context(seq=self.last_seq, at=self.last_at, luck=self.entropy(), station=self.station)

    def rewind(self, seq: int, at: int) -> None:
        """Go on from the last durable turn, after the undurable ones were dropped.  ``at`` stays where it was if that is later."""
        self.last_seq = seq
        self.last_at = max(self.last_at, at)
