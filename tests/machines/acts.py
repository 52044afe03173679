"""What drivers, vehicles and the hardware do in stories, in one word each.

Law: an act is one input and the CSMS's answers to whatever it led to; it returns what the station said, in order.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

from engine.event import Input, Value
from engine.kernel import Turn
from machines.connection.state import CONNECTION
from machines.connection.state import Phase as Link
from machines.effects import SetEvse
from machines.inputs import (
    CableConnected,
    CableDisconnected,
    CardPresented,
    ContactorMoved,
    EvseSeen,
    LinkDown,
    LinkUp,
    MeterTold,
    PilotChanged,
)
from machines.meter.state import METERS
from machines.outbound.facts import Queued
from machines.session.state import SESSIONS, Phase, Session
from tests.story import CARD, Story, effects, facts

V = TypeVar("V", bound=Value)

Said = list[tuple[str, dict[str, Any]]]


def do(story: Story, *inputs: Input, **answers: dict[str, Any]) -> Said:
    """The inputs, one after the other, each with everything that the station says of it answered."""
    said: Said = []
    for input in inputs:
        said += story.settle(story.when(input), **answers)
    return said


def events(said: Said) -> list[dict[str, Any]]:
    """The transaction events among what was said."""
    return [payload for action, payload in said if action == "TransactionEvent"]


def queued(turns: Turn | list[Turn]) -> Said:
    """What the station wants to say, whether or not it can."""
    return [(fact.action, json.loads(fact.payload)) for fact in facts(turns, Queued)]


def brief(payload: dict[str, Any]) -> tuple[str, str, int]:
    """A transaction event as (event type, trigger, seqNo)."""
    return payload["eventType"], payload["triggerReason"], payload["seqNo"]


def plug(story: Story, evse_id: int = 1) -> Said:
    """A vehicle is connected."""
    return do(story, CableConnected(evse_id=evse_id, connector_id=1), PilotChanged(evse_id=evse_id, state="B"))


def unplug(story: Story, evse_id: int = 1) -> Said:
    """The vehicle is gone; the contactor, if it was closed, opened with it."""
    return do(story, CableDisconnected(evse_id=evse_id, connector_id=1))


def card(story: Story, token: str = CARD, *, evse_ids: tuple[int, ...] = (), **answers: dict[str, Any]) -> Said:
    """A card is held to the reader."""
    return do(story, CardPresented(token=token, token_type="ISO14443", evse_ids=evse_ids), **answers)


def charge(story: Story, evse_id: int = 1) -> Said:
    """The vehicle wants energy and gets it."""
    return do(story, PilotChanged(evse_id=evse_id, state="C"), ContactorMoved(evse_id=evse_id, closed=True))


def power_off(story: Story, evse_id: int = 1) -> Said:
    """The contactor opens, and the meter is read as the station asks for it; the register stands where it was last told."""
    reading = story.station[METERS].readings.get(evse_id)
    return do(
        story,
        ContactorMoved(evse_id=evse_id, closed=False),
        MeterTold(evse_id=evse_id, energy_wh=reading.energy_wh if reading else 0, power_w=0),
    )


def session(story: Story, evse_id: int = 1) -> Session:
    """Where an EVSE stands."""
    return story.station[SESSIONS].at(evse_id)


def phase(story: Story, evse_id: int = 1) -> Phase:
    """The phase of an EVSE."""
    return session(story, evse_id).phase


def offers(turn: Turn) -> list[tuple[int, bool, bool]]:
    """What the hardware is asked for: (EVSE, offer energy, hold the plug)."""
    return [(e.evse_id, e.energise, e.lock) for e in effects(turn, SetEvse)]


def meter(evse_id: int = 1, energy_wh: int = 1000, power_w: int = -1, **more: Any) -> MeterTold:
    """A reading."""
    return MeterTold(evse_id=evse_id, energy_wh=energy_wh, power_w=power_w, **more)


def lose(story: Story) -> Turn:
    """The link breaks."""
    return story.when(LinkDown(link=story.link, reason="closed"))


def restart(story: Story) -> Said:
    """The process dies, starts again, and is accepted; returns what it says from then on, the hardware's levels untold."""
    story.start()
    return story.settle(story.connect())


def levels(evse_id: int = 1, *, plugged: bool = False, pilot: str = "", energy_wh: int = 1000) -> EvseSeen:
    """What an EVSE looks like after a start, its contactor open."""
    return EvseSeen(
        evse_id=evse_id,
        connector_id=1,
        plugged=plugged,
        pilot=pilot or ("B" if plugged else "A"),
        contactor_closed=False,
        energy_wh=energy_wh,
    )


def authorized(status: str = "Accepted", group: str = "", evse_ids: tuple[int, ...] = ()) -> dict[str, Any]:
    """An answer to Authorize, or to a TransactionEvent that names a token."""
    info: dict[str, Any] = {"status": status}
    if group:
        info["groupIdToken"] = {"idToken": group, "type": "Central"}
    if evse_ids:
        info["evseId"] = list(evse_ids)
    return {"idTokenInfo": info}


def one(turns: Turn | list[Turn], kind: type[V]) -> V:
    """The one fact or effect of a kind."""
    found = [value for turn in ([turns] if isinstance(turns, Turn) else turns) for value in (*turn.facts, *turn.effects) if isinstance(value, kind)]
    assert len(found) == 1, f"{len(found)} of {kind.__name__}"
    return found[0]


def reconnect(story: Story, subprotocol: str = "ocpp2.1") -> Turn:
    """The link opens again, whether or not the station dials already."""
    here = story.station[CONNECTION]
    if here.phase is not Link.DIALLING:
        return story.connect(subprotocol)
    story.link = here.link
    return story.when(LinkUp(link=here.link, subprotocol=subprotocol))
