"""Block G, availability: what is told of a connector."""

from __future__ import annotations

from conformance import states
from conformance.case import case
from conformance.trial import Trial


@case("TC_G_01_CS")
async def connector_becomes_occupied(t: Trial) -> None:
    """A vehicle is connected: its connector is told to be Occupied."""
    await states.ev_connected(t)


@case("TC_G_02_CS")
async def connector_becomes_available(t: Trial) -> None:
    """A vehicle leaves: its connector is told to be Available."""
    await states.ev_connected(t)
    await t.driver.unplug(t.settings.evse_id)
    await t.connector_told("Available", evse_id=t.settings.evse_id, connector_id=t.settings.connector_id)
