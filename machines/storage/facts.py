"""What can be true of the space for the journal, and what is asked of whoever keeps it."""

from __future__ import annotations

from typing import ClassVar

from engine.event import AfterCrash, Effect, Fact, Input
from engine.records import record


@record(380)
class StorageSeen(Input):
    """How full the journal is: bytes in use, and bytes that can still be written before it, or its disk, is full.

    *open_turns* are the turns of the open segment, *oldest_last* is the last turn of the oldest closed one and *oldest_at_us* its station time
    (-1 and 0: no segment is closed).
    """

    used_bytes: int
    room_bytes: int
    open_turns: int
    oldest_last: int
    oldest_at_us: int


@record(381)
class StorageLevelled(Fact):
    """The space is ``plenty``, ``tight`` or ``full``; *used_percent* of all that there is was in use."""

    level: str
    used_percent: int


@record(382)
class SegmentEnded(Fact):
    """The open segment is to be closed with a closing snapshot."""


@record(383)
class SegmentClosed(Fact):
    """There is a closing snapshot; *done* is false where it could not be written."""

    done: bool


@record(384)
class RetirementBegun(Fact):
    """The turns up to *through* are to go; *why* is ``age`` or ``space``."""

    through: int
    why: str


@record(385)
class RetirementEnded(Fact):
    """They are gone, or (*done* false) could not be deleted."""

    through: int
    done: bool


@record(386)
class CloseSegment(Effect):
    """Keep the station as it stands after the last durable turn as a closing snapshot.  Another one does no harm."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.REPEAT


@record(387)
class RetireThrough(Effect):
    """Delete the turns up to *through*, which ends a closed segment.  Twice is once."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.REPEAT

    through: int
