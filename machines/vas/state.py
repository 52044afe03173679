"""Where each vehicle's internet access stands.

Law: this machine never mentions a network; what the network should look like follows from where all EVSEs stand.
"""

from __future__ import annotations

from enum import Enum

import attrs

from engine.event import Value, replace
from engine.machine import Folds, Part, State, state
from engine.records import enumeration, record
from engine.table import Table
from machines.vas.facts import InternetClosed, InternetFailed, InternetOpened, InternetReleased, InternetRequested


@enumeration(215)
class Phase(Enum):
    """Where a vehicle's internet access stands."""

    IDLE = "idle"
    OPENING = "opening"
    OPEN = "open"
    FAILED = "failed"
    CLOSING = "closing"


TABLE = Table(
    Phase,
    [
        # fact               from                                        to
        (InternetRequested, (Phase.IDLE, Phase.CLOSING),                 Phase.OPENING),
        (InternetOpened,    (Phase.OPENING, Phase.FAILED),               Phase.OPEN),
        (InternetFailed,    (Phase.OPENING, Phase.OPEN),                 Phase.FAILED),
        (InternetReleased,  (Phase.OPENING, Phase.OPEN, Phase.FAILED),   Phase.CLOSING),
        (InternetClosed,     Phase.CLOSING,                              Phase.IDLE),
    ],
)  # fmt: skip


@record(216)
class Internet(Value):
    """One EVSE."""

    phase: Phase = Phase.IDLE
    ports: tuple[int, ...] = ()


@state(217)
class Vas(State):
    """Internet access by EVSE; an idle one is left out."""

    internet: dict[int, Internet] = attrs.field(factory=dict)

    def at(self, evse_id: int) -> Internet:
        """Where an EVSE stands."""
        return self.internet.get(evse_id) or Internet()


VAS = Part("vas", Vas)

LifecycleFact = InternetRequested | InternetOpened | InternetFailed | InternetReleased | InternetClosed


def fold(vas: Vas, fact: LifecycleFact) -> None:
    """The next phase."""
    here = vas.at(fact.evse_id)
    here = replace(here, phase=TABLE.next(here.phase, type(fact)))
    if type(fact) is InternetRequested:
        here = replace(here, ports=fact.ports)
    if here.phase is Phase.IDLE:
        del vas.internet[fact.evse_id]
    else:
        vas.internet[fact.evse_id] = here


FOLDS: Folds[Vas] = dict.fromkeys((InternetRequested, InternetOpened, InternetFailed, InternetReleased, InternetClosed), fold)
