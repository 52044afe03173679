"""Block C, authorization: who may charge, who may stop, and what nobody may."""

from __future__ import annotations

from conformance import states
from conformance.case import case
from conformance.trial import STATION_LIMIT_S, Payload, Token, Trial


def of_a_driver(event: Payload) -> bool:
    """Whether an event tells of more than the meter."""
    return event["triggerReason"] not in states.METERED


async def refused(t: Trial, status: str) -> None:
    """A vehicle is connected, and a card presented that the CSMS does not accept: nothing comes of it."""
    t.statuses[t.settings.invalid.text] = status
    await t.configure_if_possible("AuthCtrlr.Enabled", "true")
    await t.configure_if_possible("AuthCtrlr.DisableRemoteAuthorization", "false")
    await states.ev_connected(t)
    t.forget("TransactionEvent")
    await states.presented(t, t.settings.invalid)
    what = f"TransactionEventRequest after a card that is {status}"
    await t.forbid("TransactionEvent", t.quiet_s, of_a_driver, requirement="C01.FR.02", what=what)


@case("TC_C_02_CS", "C01.FR.02")
async def invalid_card(t: Trial) -> None:
    """A card that the CSMS calls Invalid starts nothing."""
    await refused(t, "Invalid")


@case("TC_C_06_CS")
async def blocked_card(t: Trial) -> None:
    """A card that the CSMS calls Blocked starts nothing."""
    await refused(t, "Blocked")


@case("TC_C_07_CS")
async def expired_card(t: Trial) -> None:
    """A card that the CSMS calls Expired starts nothing."""
    await refused(t, "Expired")


@case("TC_C_56_CS")
async def unknown_card(t: Trial) -> None:
    """A card that the CSMS calls Unknown starts nothing."""
    await refused(t, "Unknown")


@case("TC_C_04_CS")
async def stop_with_a_strange_card(t: Trial) -> None:
    """A card that shares no group with the driver's is accepted by the CSMS, and stops nothing all the same."""
    await t.configure_if_possible("AuthCtrlr.Enabled", "true")
    await t.configure_if_possible("AuthCtrlr.DisableRemoteAuthorization", "false")
    await states.charging(t)
    t.forget("TransactionEvent")
    await states.presented(t, t.settings.second)
    await t.forbid(
        "TransactionEvent",
        t.quiet_s,
        lambda p: "idToken" in p or p["eventType"] == "Ended",
        requirement="C01.FR.03",
        what="TransactionEventRequest that names a token, or ends the transaction",
    )


@case(
    "TC_C_26_CS",
    AuthCtrlr__OfflineTxForUnknownIdEnabled="true",
    AuthCtrlr__LocalAuthorizeOffline="true",
    TxCtrlr__StopTxOnInvalidId="false",
)
async def unknown_card_without_a_link(t: Trial) -> None:
    """A transaction that began without a link, by a card that the CSMS then does not accept: it goes on without energy."""
    await t.configure_if_possible("LocalAuthListCtrlr.Enabled", "true")
    await t.configure_if_possible("AuthCtrlr.LocalPreAuthorize", "true")
    await t.configure_if_possible("TxCtrlr.MaxEnergyOnInvalidId", "0")
    t.statuses[t.settings.valid.text] = "Invalid"
    await states.started_offline(t)
    await t.connector_told("Occupied", evse_id=t.settings.evse_id, connector_id=t.settings.connector_id)
    blocked = await t.event(chargingState="SuspendedEVSE", requirement="C15.FR.06")
    transaction = blocked["transactionInfo"]["transactionId"]
    told = [p for p in states.events(t.heard, transaction) if p["seqNo"] < blocked["seqNo"]]
    t.true(bool(told), "TransactionEventRequest after the link came back", "those that were queued", told, "C15.FR.08")
    for event in told:
        states.marked(t, event, "E04.FR.03")
    states.of_a_connector(t, told)
    states.of_a_driver(t, told)
    t.forget("TransactionEvent")
    # The card may still stop what it began, and the CSMS takes that well.
    t.statuses.pop(t.settings.valid.text)
    await states.stop_authorized(t)
    await states.ev_connected_after(t)
    await states.ev_disconnected(t)


def in_one_group(t: Trial) -> None:
    """Both drivers are in one group."""
    t.groups = {t.settings.valid.text: t.settings.group, t.settings.second.text: t.settings.group}


@case("TC_C_39_CS")
async def stop_with_a_card_of_the_group(t: Trial) -> None:
    """Another card of the driver's group stops the transaction, once the CSMS was asked of it."""
    in_one_group(t)
    await states.ev_connected(t)
    await states.authorized(t)
    await states.charging(t)
    transaction = states.running(t)
    await states.presented(t, t.settings.second)
    await states.stop_told(t, transaction, t.settings.second)
    stopped = next(p for p in states.events(t.heard, transaction) if p["triggerReason"] == "StopAuthorized")
    t.true("idToken" in stopped, "idToken of the event that told of the stop", "the card that was presented", None, "C09.FR.03")
    await states.ev_connected_after(t)
    await states.ev_disconnected(t)


@case("TC_C_42_CS")
async def refused_card_of_the_group(t: Trial) -> None:
    """A card of the driver's group that the CSMS does not accept stops nothing."""
    in_one_group(t)
    t.statuses[t.settings.second.text] = "Invalid"
    await states.ev_connected(t)
    await states.authorized(t)
    await states.charging(t)
    t.forget("TransactionEvent")
    await states.presented(t, t.settings.second)
    await t.forbid("TransactionEvent", t.quiet_s, of_a_driver, requirement="C09.FR.11", what="TransactionEventRequest after the refused card")
    t.true(bool(states.running(t)), "the transaction of the driver", "still running", "ended", "C09.FR.11")


async def with_master_pass(t: Trial) -> Token:
    """There is a group of master passes, and a card in it, which is returned."""
    await t.configure("AuthCtrlr.MasterPassGroupId", t.settings.master_group)
    t.groups[t.settings.master.text] = t.settings.master_group
    return t.settings.master


@case("TC_C_45_CS")
async def master_pass_starts_nothing(t: Trial) -> None:
    """A master pass is no card to charge with: neither it nor the vehicle that is connected then starts anything."""
    await states.start_point(t, "Authorized", "PowerPathClosed", without=("ParkingBayOccupancy", "EVConnected"))
    master = await with_master_pass(t)
    await states.presented(t, master)
    await t.forbid("TransactionEvent", 2, requirement="C16.FR.03", what="TransactionEventRequest after a master pass")
    await states.ev_connected(t)
    await t.forbid("TransactionEvent", t.quiet_s, requirement="C16.FR.03", what="TransactionEventRequest after a master pass and a vehicle")


@case("TC_C_49_CS", "C16.FR.02", "C16.FR.08")
async def master_pass_stops_everything(t: Trial) -> None:
    """Two drivers charge; without a display to choose on, a master pass stops both."""
    master = await with_master_pass(t)
    drivers = dict(zip([evse_id for evse_id, _ in t.settings.evses[:2]], (t.settings.valid, t.settings.second), strict=False))
    for evse_id, token in drivers.items():
        await states.charging(t, token, evse_id=evse_id)
    transactions = {evse_id: states.running(t, evse_id) for evse_id in drivers}
    # At the reader of the station, where it has one besides those of its EVSEs.
    await t.driver.present(master.text, master.type, 0)
    asked = await t.expect("Authorize", requirement="C16.FR.02")
    t.equal((asked["idToken"]["idToken"].lower(), asked["idToken"]["type"]), (master.text.lower(), master.type), "idToken of AuthorizeRequest")
    _, stops = await states.points(t)
    ends = bool(stops & states.ENDING)
    for evse_id, transaction in transactions.items():
        t.admitted.pop(evse_id)
        event = await t.event(transactionId=transaction, triggerReason="StopAuthorized", requirement="C16.FR.02")
        if "idToken" in event:
            t.equal(event["idToken"]["idToken"].lower(), master.text.lower(), f"idToken of the event that stops {transaction}", "C16.FR.02")
            t.equal(event["idToken"]["type"], master.type, f"type of the idToken of the event that stops {transaction}", "C16.FR.02")
        if ends:
            await by_master_pass(t, transaction)
    for evse_id in drivers:
        await states.ev_connected_after(t, evse_id=evse_id)
    for evse_id, transaction in transactions.items():
        await states.ev_disconnected(t, evse_id=evse_id)
        if not ends:
            # The stop points have it go on until the vehicle leaves.
            await by_master_pass(t, transaction)


async def by_master_pass(t: Trial, transaction: str) -> None:
    """*transaction* has ended, or does so now, and says that a master pass did it."""

    def ended() -> list[Payload]:
        return [p for p in states.events(t.heard, transaction) if p["eventType"] == "Ended"]

    await t.bench.until(lambda: bool(ended()), STATION_LIMIT_S)
    reasons = [p["transactionInfo"].get("stoppedReason") for p in ended()]
    t.equal(reasons, ["MasterPass"], f"stoppedReason of {transaction}", "C16.FR.08")
