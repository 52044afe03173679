"""What a station does with an input while its journal cannot be written.

Law: nothing is concluded.  What changes nothing is answered, what asks for a change is refused, what takes energy away is done at once because that
is the safe side, and what happened in the world waits.  Whatever was kept is decided again, in its order, when the journal can be written.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.event import Effect, Input
from engine.kernel import Kernel
from engine.machine import Context, Station


def source(input: Input) -> tuple[type, object]:
    """What tells the readings of one meter from those of another."""
    return type(input), getattr(input, "evse_id", None)


class Standing(NamedTuple):
    """What becomes of one input: whether it is kept, what is performed now, and whether the next one of its source replaces it."""

    keep: bool
    effects: tuple[Effect, ...]
    replaced: bool = False


def stand_by(kernel: Kernel, station: Station, input: Input, cx: Context) -> Standing:
    """Look what *input* would lead to at the last durable *station*, and do no more of it than is safe."""
    turn, _ = kernel.turn(station, input, cx)
    if not turn.facts and turn.quiet:
        return Standing(keep=False, effects=turn.effects)
    refusal = tuple(kernel.on_fault(input, cx))
    if refusal:
        return Standing(keep=False, effects=refusal)
    withdrawn = tuple(effect for effect in turn.effects if effect.withdraws)
    if input.MOMENTARY and not withdrawn:
        return Standing(keep=False, effects=())
    return Standing(keep=True, effects=withdrawn, replaced=bool(turn.facts) and all(fact.TELEMETRY for fact in turn.facts))
