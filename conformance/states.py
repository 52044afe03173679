"""Reusable states: what many cases begin with, each looked at on its way (Part 6, reusable states).

Law: a state knows only what the station has told: which start and stop points are in force is read from its device model, not assumed.
"""

from __future__ import annotations

from conformance.trial import Payload, Token, Trial


async def points(t: Trial) -> tuple[set[str], set[str]]:
    """The start points and the stop points in force."""
    start, stop = await t.get("TxCtrlr.TxStartPoint"), await t.get("TxCtrlr.TxStopPoint")
    return set(start.split(",")), set(stop.split(","))


async def ev_connected(t: Trial, *, evse_id: int = 0) -> None:
    """EVConnectedPreSession: a vehicle is connected, the connector is told Occupied."""
    evse_id = evse_id or t.settings.evse_id
    await t.driver.plug_in(evse_id, t.settings.connector_id)
    await t.expect(
        "StatusNotification",
        lambda p: (p["evseId"], p["connectorId"], p["connectorStatus"]) == (evse_id, t.settings.connector_id, "Occupied"),
        what=f"StatusNotificationRequest Occupied of EVSE {evse_id}",
        requirement="G01.FR.01",
    )


async def authorized(t: Trial, token: Token | None = None, *, evse_id: int = 0) -> None:
    """Authorized (local): a card is presented and the CSMS asked of it."""
    token = token or t.settings.valid
    await t.driver.present(token.text, token.type, evse_id)
    asked = await t.expect("Authorize", requirement="C01.FR.02")
    t.equal(asked["idToken"]["idToken"].lower(), token.text.lower(), "idToken of AuthorizeRequest", "C01.FR.02")


async def charging(t: Trial, token: Token | None = None, *, evse_id: int = 0) -> Payload:
    """EnergyTransferStarted: connected, authorized, energy flows and is told; returns the event that told it."""
    evse_id = evse_id or t.settings.evse_id
    await ev_connected(t, evse_id=evse_id)
    await authorized(t, token, evse_id=evse_id)
    event = await t.event(lambda p: p.get("evse", {}).get("id", evse_id) == evse_id, chargingState="Charging", requirement="E02.FR.05")
    t.one_of(event["triggerReason"], ("ChargingStateChanged", "Authorized", "RemoteStart"), "triggerReason when energy flows", "E02.FR.05")
    return event


async def stop_authorized(t: Trial, token: Token | None = None, *, evse_id: int = 0) -> Payload:
    """StopAuthorized (local): the card is presented again; returns the event that told it."""
    token = token or t.settings.valid
    await t.driver.present(token.text, token.type, evse_id)
    return await t.event(triggerReason="StopAuthorized", requirement="E07.FR.02")


async def ev_disconnected(t: Trial, *, evse_id: int = 0) -> None:
    """EVDisconnected: the vehicle leaves, the connector is told Available."""
    evse_id = evse_id or t.settings.evse_id
    await t.driver.unplug(evse_id)
    await t.expect(
        "StatusNotification",
        lambda p: (p["evseId"], p["connectorStatus"]) == (evse_id, "Available"),
        what=f"StatusNotificationRequest Available of EVSE {evse_id}",
        requirement="G01.FR.01",
    )
