"""Rounds, ratios and medians.

Law: the terms of a ratio come from the same round; a figure is the median of its rounds' ratios, and says how far they lie apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

NOISY = 0.25
"""Where the middle half of the rounds spreads wider than this part of the median, somebody else was at work on the machine."""

Better = Literal["lower", "higher"]


class NotMeasured(RuntimeError):
    """Something that a figure needs is missing; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A figure by *name*, what it is a ratio of, and what it should be."""

    name: str
    what: str
    goal: float
    better: Better = "lower"

    def met_by(self, ratio: float) -> bool:
        """Whether *ratio* is as good as the goal."""
        return ratio <= self.goal if self.better == "lower" else ratio >= self.goal


@dataclass(frozen=True, kw_only=True)
class Result:
    """A goal and what came of it.  *note* holds the absolute numbers behind the ratio: for reading, never for comparing."""

    goal: Goal
    ratios: tuple[float, ...] = ()
    note: str = ""
    missing: str = ""

    @property
    def ratio(self) -> float:
        """The median."""
        return median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """The middle half of the rounds."""
        ordered = sorted(self.ratios)
        return quantile(ordered, 25), quantile(ordered, 75)

    @property
    def noisy(self) -> bool:
        """Whether the rounds lie so far apart that the median says little."""
        low, high = self.spread
        return bool(self.ratio) and (high - low) / self.ratio > NOISY

    @property
    def met(self) -> bool:
        """Whether it was measured and is as good as it should be."""
        return bool(self.ratios) and self.goal.met_by(self.ratio)


def quantile(ordered: Sequence[float], percent: int) -> float:
    """The nearest-rank quantile of *ordered*, which is sorted and not empty."""
    return ordered[min(max(-(-len(ordered) * percent // 100), 1), len(ordered)) - 1]


def p50(times_ns: Sequence[int]) -> float:
    """The median, in nanoseconds."""
    return float(median(times_ns))


def p99(times_ns: Sequence[int]) -> float:
    """What 99 of 100 stay below or at, in nanoseconds."""
    return float(quantile(sorted(times_ns), 99))


def us(times_ns: Sequence[float]) -> str:
    """A median time for a note."""
    return f"{median(times_ns) / 1000:.0f} us"
