"""What can come of a case, and what is said of it.

Law: a failure says what was expected, what was got instead, by which requirement, and in which turns; nothing else is a failure.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple


class Verdict(Enum):
    """What came of a case."""

    PASS = "PASS"  # noqa: S105 (a verdict)
    FAIL = "FAIL"
    NOT_APPLICABLE = "NOT APPLICABLE"
    NOT_BUILT = "NOT BUILT"
    NOT_EXERCISED = "NOT EXERCISED"
    ERROR = "ERROR"


class Failure(NamedTuple):
    """What a station did wrong.  *turns* are those of its journal, where the bench knows them."""

    what: str
    expected: str
    got: str
    requirement: str = ""
    turns: tuple[int, ...] = ()

    def __str__(self) -> str:
        by = f" ({self.requirement})" if self.requirement else ""
        where = f", turn{'s' if len(self.turns) > 1 else ''} {', '.join(map(str, self.turns))}" if self.turns else ""
        return f"{self.what}: expected {self.expected}, got {self.got}{by}{where}"


class Failed(AssertionError):
    """The station failed the case."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class NotExercised(Exception):
    """What the case needs did not happen in this recording, or cannot be had of this station; the text says what.

    Whether a case applies is up to its condition of Part 5 alone.
    """


class Unconfigurable(NotExercised):
    """A variable that cannot be brought to a value."""


class Missing(Unconfigurable):
    """A variable that the station does not have."""


class BenchError(RuntimeError):
    """The bench, not the station, is at fault: nobody pressed the button, the other process went away."""


NO_FRAME = "no frame"
"""The name of a line that tells of what can be no part of a conversation: no OCPP-J, or an answer to nothing that was asked."""


class Entry(NamedTuple):
    """One line of what passed between station, CSMS and driver.

    *who*: ``station``, ``csms`` or ``driver``; *kind*: ``call``, ``result``, ``error`` or ``deed``; *name*: the action, or the deed; *at_ms* since
    the case began; *turn* of the station's journal, -1 where nobody knows.
    """

    at_ms: int
    who: str
    kind: str
    name: str
    payload: Any
    message_id: str = ""
    turn: int = -1


class Result(NamedTuple):
    """A case and what came of it."""

    case_id: str
    verdict: Verdict
    note: str = ""
    failure: Failure | None = None
    trace: tuple[Entry, ...] = ()
    journal: str = ""
    """Where a failed case left its journal."""
    digest: str = ""
    """Of the journal, where the bench has one."""
    seconds: float = 0.0
