"""Block E, transactions: how they begin, how they end, what is told of them."""

from __future__ import annotations

from conformance import states
from conformance.case import case
from conformance.trial import Trial


@case("TC_E_04_CS", "E03.FR.01", "E03.FR.06", "E03.FR.12", "E01.FR.16", "C01.FR.02", TxCtrlr__TxStartPoint="PowerPathClosed")
async def card_first(t: Trial) -> None:
    """A driver presents a card and then connects the vehicle: it charges."""
    await states.authorized(t, evse_id=t.settings.evse_id)
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    await t.expect("StatusNotification", lambda p: p["connectorStatus"] == "Occupied", requirement="G01.FR.01")
    started = await t.event(eventType="Started", requirement="E01.FR.16")
    t.equal(started.get("evse", {}).get("id"), t.settings.evse_id, "evse.id of the first event", "E01.FR.16")
    t.equal(started.get("idToken", {}).get("idToken", "").lower(), t.settings.valid.text.lower(), "idToken of the first event", "E03.FR.01")
    if started["transactionInfo"].get("chargingState") != "Charging":
        event = await t.event(chargingState="Charging", requirement="E03.FR.06")
        t.equal(event["triggerReason"], "ChargingStateChanged", "triggerReason when energy flows", "E03.FR.06")
