"""Forgetting in a world in which the power goes at every place.

Law: whom the journal calls forgotten nobody finds in the vault, and whom it does not call so is there.
"""

from __future__ import annotations

import pytest

from machines.device_model.state import DEVICE_MODEL
from machines.effects import Shred
from machines.inputs import ForgetAsked
from machines.persons.facts import SubjectForgotten
from machines.persons.state import PERSONS
from machines.security.a01_replaced import PASSWORDS
from replay.reading import turns
from sim.checks import check_replay
from sim.faults import NONE, Faults
from sim.vehicle import VehicleSpec
from sim.world import MINUTE_US, SECOND_US, World
from wire.schemas import Schemas
from wire.sealed import named_in

CARDS = ("04AABBCC", "04DDEEFF", "04112233")
TROUBLE = Faults(crash=0.01, crash_in_recovery=0.01, settles_twice=0.3, drop=0.1, silent=0.05, unreachable=0.2)


def lived(seed: int, schemas: Schemas, trouble: Faults) -> World:
    """Cards come and go, and are forgotten in the middle of whatever they do; then all heals."""
    there = World(seed, schemas=schemas, faults=trouble, tokens=dict.fromkeys(CARDS, "Accepted"))
    there.run(MINUTE_US)
    for n in range(150):
        card = there.random.choice(CARDS)
        match there.random.randrange(6):
            case 0:
                there.at_evse(1, lambda evse, now: evse.plug_in(now, VehicleSpec(soc_ppm=100_000)))
            case 1 | 2:
                there.card(card, evse_id=1)
            case 3:
                there.at_evse(1, lambda evse, now: evse.plug_out(now))
            case 4:
                there.ask(lambda csms, n=n: csms.set_variable("SecurityCtrlr", "BasicAuthPassword", f"secret-number-{n:06}"))  # type: ignore[misc]
            case _:
                handles = there.vault.find(card)
                if handles:
                    there.tell(ForgetAsked(handles=tuple(handles)))
        there.run(there.random.choice((SECOND_US // 100, SECOND_US, 20 * SECOND_US, 3 * MINUTE_US)))
    there.heal()
    there.at_evse(1, lambda evse, now: evse.plug_out(now))
    there.run(15 * MINUTE_US)
    there.settle()
    return there


@pytest.mark.parametrize("seed", range(1, 13))
def test_nobody_is_half_forgotten(seed: int, schemas: Schemas) -> None:
    """If this failed, a power cut would leave somebody in the vault who counts as forgotten, or take somebody who is needed."""
    there = lived(seed, schemas, TROUBLE if seed % 4 else NONE)
    station = there.station
    assert station is not None
    check_replay(there.kernel, there.memory, station)
    rows = list(turns(there.store))
    forgotten = {fact.pseudonym for turn in rows for fact in turn.facts if isinstance(fact, SubjectForgotten)}
    destroyed = {handle for turn in rows for effect in turn.effects if isinstance(effect, Shred) for handle in effect.handles}
    assert forgotten, "nobody was forgotten: this life has become too quiet to show anything"
    assert forgotten <= destroyed
    assert station[PERSONS].waiting == ()
    assert not any(there.vault.holds(handle) for handle in destroyed)
    named = {handle for _, row in there.store.rows() for handle in named_in(row)}
    assert named - destroyed == {handle for handle in named if there.vault.holds(handle)}
    # The password in force is there; those before it are not.
    model = station[DEVICE_MODEL]
    values = [value for layers in model.layers.values() for _, value in layers.held()]
    assert {handle for value in values for handle in named_in(value.encode())} == set(station[PASSWORDS].held.values())
    assert all(there.vault.holds(handle) for handle in station[PASSWORDS].held.values())


def test_a_life_with_forgetting_is_its_seed(schemas: Schemas) -> None:
    """If this failed, a failing seed could not be lived again."""
    assert lived(3, schemas, TROUBLE).digest() == lived(3, schemas, TROUBLE).digest()
