"""One turn as people read it.

Law: everything that the row says is there, in the order in which it happened: the input, the facts, then what was asked of the outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.errors import SetupFault
from engine.event import EffectId, Value
from engine.kernel import Turn
from eventlog.store import Reading
from replay.reading import Wall, no_such, turns, wall_before
from replay.text import event, moment
from wire import jsontext

MARGIN = 49
"""Where facts begin: below the input."""


def lines(turn: Turn, wall: Wall, *, station: int = 0, full: bool = False) -> list[str]:
    """The turn: seq, wall time, station time and the input; facts below it; effects behind arrows, with their ids."""
    found = [f"{turn.seq:7}  {wall.text(turn.at)}  {moment(turn.at):>13} {event(turn.input, full=full)}"]
    found += [f"{'':{MARGIN}}{event(fact, full=full)}" for fact in turn.facts]
    for index, effect in enumerate(turn.effects):
        found.append(f"{'->':>{MARGIN - 1}} {event(effect, full=full)}   [{EffectId(station, turn.seq, index)}]")
    return found


def shown(
    store: Reading,
    station: int = 0,
    *,
    first: int = 0,
    last: int | None = None,
    grep: str = "",
    evse_id: int | None = None,
    full: bool = False,
) -> Iterator[list[str]]:
    """The lines of each turn from *first* to *last*: of those that mention *grep* (whatever the case) and concern *evse_id*, where given.

    Raises SetupFault where the journal has no turn *first*.
    """
    if first > store.last(station)[0] or first < 0:
        raise no_such(store, first, station)
    if last is not None and first <= last <= store.base(station)[0]:
        raise no_such(store, last, station)
    if last is not None and last < first:
        raise SetupFault(f"--from {first} --to {last}: the range is empty; --to must not be less than --from")
    wall = wall_before(store, first, station)
    needle = grep.casefold()
    for turn in turns(store, station, first=first, last=last):
        wall.hear(turn.facts)
        if evse_id is not None and not concerns(turn, evse_id):
            continue
        if needle and not any(needle in line.casefold() for line in lines(turn, wall, station=station, full=True)):
            continue
        yield lines(turn, wall, station=station, full=full)


def concerns(turn: Turn, evse_id: int) -> bool:
    """Whether a turn has to do with an EVSE: one of its events names it, or a payload does."""
    return any(_names(one, evse_id) for one in (turn.input, *turn.facts, *turn.effects))


def _names(it: Any, evse_id: int) -> bool:
    if isinstance(it, Value):
        for name in it.FIELDS:
            held = getattr(it, name)
            if name == "evse_id":
                if held == evse_id:
                    return True
            elif name == "evse_ids":
                if evse_id in held:
                    return True
            elif _names(held, evse_id):
                return True
        return False
    if isinstance(it, tuple | list):
        return any(_names(one, evse_id) for one in it)
    if isinstance(it, bytes) and b'"evse' in it:
        try:
            return _mentions(jsontext.decode(it), evse_id)
        except (ValueError, RecursionError):
            return False
    return False


def _mentions(it: Any, evse_id: int) -> bool:
    """Whether JSON names the EVSE as OCPP does: ``evseId``, or ``evse`` with an ``id``."""
    if isinstance(it, dict):
        evse = it.get("evse")
        if it.get("evseId") == evse_id or (isinstance(evse, dict) and evse.get("id") == evse_id):
            return True
        return any(_mentions(one, evse_id) for one in it.values())
    return isinstance(it, list) and any(_mentions(one, evse_id) for one in it)
