"""The lifecycle of internet access: opened when the vehicle selects it, closed when it leaves.

Law: the service follows the vehicle.  Without a cable there is no way out, whatever else is true.
"""

from __future__ import annotations

from engine.machine import Conclusions, Context, Machine, Station
from machines.inputs import ServicesSelected
from machines.network.facts import NetworkApplied, NetworkRefused
from machines.network.machine import NETWORK
from machines.session.facts import CableUnplugged
from machines.session.state import SESSIONS
from machines.vas.facts import InternetClosed, InternetFailed, InternetOpened, InternetReleased, InternetRequested
from machines.vas.state import FOLDS, VAS, Phase

INTERNET = 3
"""The service id of internet access (ISO 15118-2, table 105)."""

PORTS = {3: 80, 4: 443}
"""Parameter set id -> TCP port: http and https."""

ACTIVE = (Phase.OPENING, Phase.OPEN, Phase.FAILED)


def on_selection(station: Station, selected: ServicesSelected, cx: Context) -> Conclusions:  # noqa: ARG001
    """The vehicle chose its services; choosing others later replaces the first choice."""
    evse_id = selected.evse_id
    here = station[VAS].at(evse_id)
    ports = tuple(sorted({PORTS[p] for service, p in selected.services if service == INTERNET and p in PORTS}))
    if not station[SESSIONS].at(evse_id).connected:
        return
    if here.phase in ACTIVE and ports != here.ports:
        yield InternetReleased(evse_id=evse_id)
    if ports and (here.phase not in ACTIVE or ports != here.ports):
        yield InternetRequested(evse_id=evse_id, ports=ports)


def on_unplug(station: Station, fact: CableUnplugged, cx: Context) -> Conclusions:  # noqa: ARG001
    """The vehicle is gone."""
    if station[VAS].at(fact.evse_id).phase in ACTIVE:
        yield InternetReleased(evse_id=fact.evse_id)


def on_applied(station: Station, fact: NetworkApplied, cx: Context) -> Conclusions:  # noqa: ARG001
    """The network is as one plan wanted it: see whom that serves."""
    for evse_id, internet in sorted(station[VAS].internet.items()):
        if internet.phase in (Phase.OPENING, Phase.FAILED) and fact.plan.serves(evse_id, internet.ports):
            yield InternetOpened(evse_id=evse_id)
        if internet.phase is Phase.CLOSING and not fact.plan.serves(evse_id):
            yield InternetClosed(evse_id=evse_id)


def on_refused(station: Station, fact: NetworkRefused, cx: Context) -> Conclusions:  # noqa: ARG001
    """The network is not as the plan wanted it; whom the last plan serves is served still, unless a restart forgot it."""
    has = station[NETWORK].has
    for evse_id, internet in sorted(station[VAS].internet.items()):
        missing = internet.phase is Phase.OPENING or (internet.phase is Phase.OPEN and not has.serves(evse_id, internet.ports))
        if missing and fact.plan.serves(evse_id, internet.ports):
            yield InternetFailed(evse_id=evse_id, reason=fact.detail)


MACHINE = Machine(
    VAS,
    folds=FOLDS,
    hears={
        ServicesSelected: on_selection,
        CableUnplugged: on_unplug,
        NetworkApplied: on_applied,
        NetworkRefused: on_refused,
    },
)
