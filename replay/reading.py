"""Rows of a journal as turns, as far as somebody asks for them.

Law: reads and never writes; what cannot be read is a JournalFault that names its turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import JournalFault, SetupFault
from engine.kernel import Turn
from engine.records import BY_CLASS, build
from eventlog import segments
from eventlog.codec import decode, decode_turn
from eventlog.fold import CHAIN_BYTES
from eventlog.store import STATUS_UNREADABLE, Reading
from machines.clock.facts import ClockSet
from machines.clock.machine import CLOCK
from machines.station import STATION
from wire import calendar

if TYPE_CHECKING:
    from eventlog.journal import Journal

Progress = Callable[[int, int], None]
"""Told now and then how many turns of how many are done."""

PROGRESS_TURNS = 2_048
"""How often *now and then* is."""

LOOK_BACK_TURNS = 256

# Every command reads what any machine may have written, so the records of all of them must be known before the first row is decoded.
KERNEL = STATION


def open_journal(data: Path, station: int = 0) -> Journal:
    """The journal of the data directory *data*, read-only: a daemon may be writing to it meanwhile.

    Raises SetupFault where there is none, where it cannot be read, or where *station* has no turns in it.
    """
    from eventlog.journal import Journal

    if not data.is_dir():
        raise SetupFault(f"{data}: no such directory; give the data directory of a station that has run (--data DIR)", STATUS_UNREADABLE)
    journal = Journal(data / "journal", readonly=True)
    if journal.last(station)[0] < 0:
        numbers = journal.stations()
        journal.close()
        there = f"there are turns of station {', '.join(map(str, numbers))} (--station N)" if numbers else "its daemon has written nothing yet"
        raise SetupFault(f"{data}: the journal holds no turn of station {station}; {there}", STATUS_UNREADABLE)
    return journal


def turn_of(seq: int, row: bytes) -> Turn:
    """The turn of a stored row.  Raises JournalFault where this build cannot read it."""
    try:
        return decode_turn(seq, row[CHAIN_BYTES:])
    except JournalFault as error:
        raise JournalFault(f"turn {seq}: {error}") from error
    except Exception as error:
        raise unreadable(seq, error) from error


def unreadable(seq: int, error: BaseException) -> JournalFault:
    """The fault of a row that is damaged."""
    return JournalFault(f"turn {seq} cannot be read ({type(error).__name__}); the row is damaged, or a newer build wrote it")


def turns(store: Reading, station: int = 0, *, first: int = 0, last: int | None = None) -> Iterator[Turn]:
    """The turns from seq *first* to *last* (None: to the end), in order."""
    for seq, row in store.rows(first - 1, station):
        if last is not None and seq > last:
            return
        yield turn_of(seq, row)


def one(store: Reading, seq: int, station: int = 0) -> Turn:
    """The turn *seq*.  Raises SetupFault where the journal has none of that number."""
    for turn in turns(store, station, first=seq, last=seq):
        return turn
    raise no_such(store, seq, station)


def no_such(store: Reading, seq: int, station: int) -> SetupFault:
    """The fault of a seq that the journal does not have."""
    newest = store.last(station)[0]
    return SetupFault(f"#{seq}: no such turn; the journal holds turns {store.base(station)[0] + 1} to {newest}")


def turns_at(
    store: Reading, kinds: Iterable[type], station: int = 0, *, first: int = 0, last: int | None = None
) -> Iterator[tuple[int, int, list[Any]]]:
    """(seq, at in microseconds, events of *kinds*) of every turn: the input first, then facts, then effects, each in their order.

    Events of other kinds are not built, which is most of what reading costs.
    """
    wanted = {BY_CLASS[kind].kind for kind in kinds}
    for seq, row in store.rows(first - 1, station):
        if last is not None and seq > last:
            return
        try:
            fields = decode(row[CHAIN_BYTES:])
            found = [build(event, fields[5:]) for event in (fields[2], *fields[3], *fields[4]) if event[0] & 0xFFFF in wanted]
        except JournalFault as error:
            raise JournalFault(f"turn {seq}: {error}") from error
        except Exception as error:
            raise unreadable(seq, error) from error
        yield seq, fields[0], found


def scan(store: Reading, kinds: Iterable[type], station: int = 0, *, first: int = 0, last: int | None = None) -> Iterator[tuple[int, int, list[Any]]]:
    """As :func:`turns_at`, but only the turns that have such an event."""
    return (found for found in turns_at(store, kinds, station, first=first, last=last) if found[2])


class Wall:
    """Wall time beside station time: the fold of ``ClockSet`` facts."""

    __slots__ = ("offset_us",)

    def __init__(self, offset_us: int | None = None) -> None:
        self.offset_us = offset_us
        """What to add to station time; None before any clock was ever set."""

    def hear(self, events: Iterable[Any]) -> None:
        """Take the time from the clock facts among *events*."""
        for event in events:
            if type(event) is ClockSet:
                self.offset_us = event.offset_us

    def us(self, at_us: int) -> int | None:
        """Microseconds since 1970 at station time *at_us*."""
        return None if self.offset_us is None else at_us + self.offset_us

    def text(self, at_us: int) -> str:
        """The date-time at station time *at_us*, always 24 characters wide."""
        return f"{'-':24}" if self.offset_us is None else calendar.text(at_us + self.offset_us)


def wall_before(store: Reading, seq: int, station: int = 0) -> Wall:
    """The wall clock as it was before turn *seq*, found by looking back in ever larger steps."""
    end, step, oldest = seq, LOOK_BACK_TURNS, store.base(station)[0] + 1
    while end > oldest:
        begin = max(end - step, oldest)
        wall = Wall()
        for _, _, events in scan(store, (ClockSet,), station, first=begin, last=end - 1):
            wall.hear(events)
        if wall.offset_us is not None:
            return wall
        end, step = begin, step * 4
    return wall_at_base(store, station)


def wall_at_base(store: Reading, station: int = 0) -> Wall:
    """The wall clock as the rows that are there begin: unset in a whole journal, as the closing snapshot has it where turns were retired."""
    if store.base(station)[0] < 0:
        return Wall()
    clock = segments.begin(store, KERNEL, station).station[CLOCK]
    return Wall(clock.offset_us if clock.source else None)
