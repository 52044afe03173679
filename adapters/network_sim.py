"""A simulated operating system's network: it takes every plan, and shows what it has.

Law: applying a plan twice changes nothing; the plan in force is what ``has`` says.
"""

from __future__ import annotations

import logging

from engine.event import Effect, EffectId
from engine.kernel import Settled
from engine.ports import DONE, Tell
from machines.network.facts import Plan
from machines.network.machine import ApplyPlan

log = logging.getLogger("stationd.network")


class SimulatedNetwork:
    """The port for ``ApplyPlan`` where no real interface may be touched."""

    performs = (ApplyPlan,)

    def __init__(self) -> None:
        self.has = Plan()
        self._tell: Tell = lambda _: None

    def start(self, tell: Tell) -> None:
        """A fresh network has nothing."""
        self._tell = tell

    def stop(self) -> None:
        """Nothing to let go of."""

    def perform(self, effect_id: EffectId, effect: Effect) -> None:
        """Take the plan."""
        if not isinstance(effect, ApplyPlan):
            raise TypeError(f"{type(effect).__name__} is not for this port")
        self.has = effect.plan
        log.info("simulated network: %d ways out", len(effect.plan.forwards))
        self._tell(Settled(station=effect_id.station, seq=effect_id.seq, index=effect_id.index, outcome=DONE))
