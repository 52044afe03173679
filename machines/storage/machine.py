"""Keep the journal within its space.

Law: what is given up first is history that nobody needs to charge or to be billed: whole segments, oldest first, each behind its closing snapshot.
Nothing that the CSMS has not heard of is ever in a retired segment only, because the station's state holds the queue.  When even that leaves no
room, no session begins that could not be told to its end.
"""

from __future__ import annotations

from engine.kernel import Settled
from engine.machine import Conclusions, Context, Machine, Station
from machines.clock.views import timestamp
from machines.device_model.views import Variable
from machines.outbound.asks import ask
from machines.security.a04_events import SecurityEventLogged
from machines.storage.facts import (
    CloseSegment,
    RetirementBegun,
    RetirementEnded,
    RetireThrough,
    SegmentClosed,
    SegmentEnded,
    StorageLevelled,
    StorageSeen,
)
from machines.storage.state import FOLDS, FULL, PLENTY, STORAGE, TIGHT

KEEP_DAYS = Variable("InternalCtrlr", "JournalKeepDays", "365")
SEGMENT_TURNS = Variable("InternalCtrlr", "JournalSegmentTurns", "10000")

RETIRE_FROM_PERCENT = 70
"""History goes from here on."""

TIGHT_FROM_PERCENT, TIGHT_TO_PERCENT = 80, 75
FULL_FROM_PERCENT, FULL_TO_PERCENT = 92, 88
"""A level begins at the first and ends below the second, so that it does not flicker."""

CLOSE_EARLY_TURNS = 100
"""When space is short, an open segment of so many turns is closed early, because only closed ones can be retired."""

DAY_US = 86_400_000_000


def level_at(percent: int, before: str) -> str:
    """The level at *percent* of the space in use, coming from level *before*."""
    if percent >= FULL_FROM_PERCENT or (before == FULL and percent >= FULL_TO_PERCENT):
        return FULL
    if percent >= TIGHT_FROM_PERCENT or (before != PLENTY and percent >= TIGHT_TO_PERCENT):
        return TIGHT
    return PLENTY


def on_seen(station: Station, seen: StorageSeen, cx: Context) -> Conclusions:
    """Somebody looked."""
    storage = station[STORAGE]
    percent = seen.used_bytes * 100 // max(seen.used_bytes + seen.room_bytes, 1)
    level = level_at(percent, storage.level)
    if level != storage.level:
        yield StorageLevelled(level=level, used_percent=percent)
        if storage.level == PLENTY or level == FULL:
            event = SecurityEventLogged(type="MemoryExhaustion", tech_info=f"{percent} % of the space for the journal is in use")
            yield event
            yield ask(
                station, cx, "SecurityEventNotification", {"type": event.type, "timestamp": timestamp(station, cx.at), "techInfo": event.tech_info}
            )
    short = percent >= RETIRE_FROM_PERCENT
    if not storage.closing:
        turns_most = max(SEGMENT_TURNS.integer(station), CLOSE_EARLY_TURNS)
        early = short and seen.oldest_last < 0 and seen.open_turns >= CLOSE_EARLY_TURNS
        if seen.open_turns >= turns_most or early:
            yield SegmentEnded()
            yield CloseSegment()
    if storage.retiring < 0 and seen.oldest_last >= 0:
        keep_days = KEEP_DAYS.integer(station)
        old = keep_days > 0 and cx.at - seen.oldest_at_us > keep_days * DAY_US
        if short or old:
            yield RetirementBegun(through=seen.oldest_last, why="space" if short else "age")
            yield RetireThrough(through=seen.oldest_last)


def on_closed(station: Station, settled: Settled, cx: Context) -> Conclusions:  # noqa: ARG001
    """The next look sees the closed segment, or asks again."""
    if station[STORAGE].closing:
        yield SegmentClosed(done=settled.outcome == "done")


def on_retired(station: Station, settled: Settled, cx: Context) -> Conclusions:  # noqa: ARG001
    """The next look sees the room, or asks again."""
    through = station[STORAGE].retiring
    if through >= 0:
        yield RetirementEnded(through=through, done=settled.outcome == "done")


MACHINE = Machine(
    STORAGE,
    folds=FOLDS,
    hears={StorageSeen: on_seen, (Settled, CloseSegment): on_closed, (Settled, RetireThrough): on_retired},
)
