"""Two runs of the same cases, one beside the other: at two benches, or of two builds.

Law: a case has one verdict, wherever it is tried; where it has two, both are shown, and neither is thought to be the right one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from conformance.verdict import Result, Verdict


class Difference(NamedTuple):
    """A case with two verdicts; None where a run does not have it."""

    case_id: str
    here: Result | None
    there: Result | None

    def __str__(self) -> str:
        return f"{self.case_id}: {_told(self.here)}; {_told(self.there)}"


def _told(result: Result | None) -> str:
    if result is None:
        return "not tried"
    return result.verdict.value + (f" ({result.note})" if result.note and result.verdict is not Verdict.PASS else "")


def compare(here: Iterable[Result], there: Iterable[Result]) -> list[Difference]:
    """The cases that came out differently, in the order of *here*; then those that only *there* has."""
    first, second = {one.case_id: one for one in here}, {one.case_id: one for one in there}
    found = []
    for case_id in [*first, *(other for other in second if other not in first)]:
        a, b = first.get(case_id), second.get(case_id)
        if a is None or b is None or a.verdict is not b.verdict:
            found.append(Difference(case_id, a, b))
    return found
