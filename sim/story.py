"""A life as a person reads it: its turns, and between them what happened outside.

Law: everything printed comes from the rows and from the world's own notes; printing a life changes nothing of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from replay.reading import Wall, turns
from replay.show import lines
from sim.lives import Life
from sim.world import World


def head(life: Life) -> Iterator[str]:
    """What was drawn for it."""
    going_wrong = ", ".join([f"{name} {chance}" for name, chance in life.faults._asdict().items() if chance]) or "nothing"
    yield f"seed {life.seed}: the CSMS speaks {', '.join(life.versions)}"
    yield f"  may go wrong: {going_wrong}"
    yield f"  configured: {', '.join([f'{name}={value}' for name, value in sorted(life.config.items())])}"


def told(world: World, *, first: int = 0) -> Iterator[str]:
    """The turns from *first* on, and the notes between them."""
    notes = list(world.notes or ())
    place = 0
    wall = Wall()
    for turn in turns(world.store):
        wall.hear(turn.facts)
        while place < len(notes) and notes[place][0] <= turn.seq:
            if turn.seq >= first:
                yield f"   ~~~  {notes[place][1]}"
            place += 1
        if turn.seq >= first:
            yield from lines(turn, wall)
    for _, note in notes[place:]:
        yield f"   ~~~  {note}"
