"""The port of the vault: what is to be forgotten is destroyed.

Law: done is told only after the vault's file is durable without it.
"""

from __future__ import annotations

import logging

from engine.errors import StationdError
from engine.event import Effect, EffectId
from engine.kernel import Settled
from engine.ports import DONE, FAILED, Tell
from eventlog.vault import Keeper
from machines.effects import Shred

log = logging.getLogger("stationd.vault")


class Shredder:
    """Destroys texts in one station's vault."""

    performs: tuple[type[Effect], ...] = (Shred,)

    def __init__(self, vault: Keeper) -> None:
        self._vault = vault
        self._tell: Tell = lambda _: None

    def start(self, tell: Tell) -> None:
        """There is nothing to state: what the vault holds is no level."""
        self._tell = tell

    def stop(self) -> None:
        """Nothing is under way."""

    def perform(self, effect_id: EffectId, effect: Effect) -> None:
        """Destroy what *effect* names; what is gone already is gone."""
        if not isinstance(effect, Shred):
            raise TypeError(f"{type(effect).__name__} is not for this port")
        outcome, detail = DONE, ""
        try:
            self._vault.forget(effect.handles)
        except (OSError, StationdError) as error:
            outcome, detail = FAILED, str(error)
            log.error("the vault could not be written without what is to be forgotten, and it is tried again: %s", error)  # noqa: TRY400
        self._tell(Settled(station=effect_id.station, seq=effect_id.seq, index=effect_id.index, outcome=outcome, detail=detail))
