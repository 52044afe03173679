"""Block E, transactions: how they begin, how they end, what is told of them."""

from __future__ import annotations

from conformance import states
from conformance.bench import SILENCE, Answer
from conformance.case import case
from conformance.trial import Payload, Token, Trial
from conformance.verdict import NotExercised
from wire import calendar

SAMPLE_S = 2
"""SampledDataCtrlr.TxUpdatedInterval where meter values have to come while the link is away."""

AWAY_S = 5
"""How long the link is away for that: longer than an interval."""

CONNECT_S = 5
"""TxCtrlr.EVConnectionTimeOut where it has to pass."""

ATTEMPTS = 3
INTERVAL_S = 2
"""OCPPCommCtrlr.MessageAttempts and MessageAttemptInterval of TransactionEvent, where messages fail."""

OTHER_ENDS = ("EnergyTransfer", "PowerPathClosed", "DataSigned", "EVConnected")
"""Stop points that end a transaction with the cable, or before it."""

DEVIATION_S = 4.0
"""By how much times may deviate."""


async def authorization_is_needed(t: Trial) -> None:
    """Configuration State of cases with a card: it counts, and the CSMS is asked of it."""
    await t.configure_if_possible("AuthCtrlr.Enabled", "true")
    await t.configure_if_possible("AuthCtrlr.DisableRemoteAuthorization", "false")


# How a transaction begins


@case("TC_E_01_CS")
async def begins_with_the_power_path(t: Trial) -> None:
    """Start point PowerPathClosed: a card, then a vehicle; the transaction begins with the latter."""
    await states.start_point(t, "PowerPathClosed", without=("ParkingBayOccupancy", "EVConnected", "Authorized", "DataSigned"))
    await states.authorized(t)
    connected = await states.ev_connected(t)
    # Edition 4 goes on until energy flows.
    await states.energy_flows(t, connected=connected)


@case("TC_E_02_CS")
async def begins_with_energy(t: Trial) -> None:
    """Start point EnergyTransfer: nothing is told of a transaction until energy flows."""
    earlier = ("ParkingBayOccupancy", "EVConnected", "Authorized", "DataSigned", "PowerPathClosed")
    await states.start_point(t, "EnergyTransfer", without=earlier)
    await states.authorized(t)
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    await t.connector_told("Occupied", evse_id=t.settings.evse_id, connector_id=t.settings.connector_id)
    started = await t.event(requirement="E01.FR.06")
    t.equal(started["eventType"], "Started", "eventType of the first event", "E01.FR.06")
    t.one_of(started["triggerReason"], ("ChargingStateChanged", "Authorized"), "triggerReason of the first event", "E01.FR.06")
    t.equal(started["transactionInfo"].get("chargingState"), "Charging", "chargingState of the first event", "E01.FR.06")
    evse = t.present(started, "evse", "the first event", "E01.FR.16")
    t.present(evse, "connectorId", "evse of the first event", "E01.FR.16")
    named = t.present(started, "idToken", "the first event", "E03.FR.01")
    t.equal((named["idToken"].lower(), named["type"]), (t.settings.valid.text.lower(), t.settings.valid.type), "idToken of the first event")


@case("TC_E_09_CS")
async def begins_with_the_vehicle(t: Trial) -> None:
    """Start point EVConnected: the transaction begins with the cable, goes on with the card, and then with energy."""
    await states.start_point(t, "EVConnected", without=("ParkingBayOccupancy",))
    await states.ev_connected(t)
    await states.authorized(t)
    await states.charging(t)


@case("TC_E_10_CS", "E01.FR.03", "E01.FR.07", "E01.FR.10", "E01.FR.15", "E01.FR.16", "C01.FR.02")
async def begins_with_the_card(t: Trial) -> None:
    """Start point Authorized: the transaction begins with the card, goes on with the cable, and then with energy."""
    await states.start_point(t, "Authorized")
    await authorization_is_needed(t)
    await states.authorized(t)
    connected = await states.ev_connected(t)
    await states.energy_flows(t, connected=connected)


@case("TC_E_13_CS")
async def begins_from_afar(t: Trial) -> None:
    """Start point Authorized: the transaction begins with the request of the CSMS, goes on with the cable, and then with energy."""
    await states.start_point(t, "Authorized")
    await authorization_is_needed(t)
    await states.remotely_authorized(t)
    connected = await states.ev_connected(t)
    await states.energy_flows(t, connected=connected)


@case("TC_E_03_CS", "E02.FR.01", "E02.FR.05", "E02.FR.06", "E02.FR.07", "E02.FR.13", "E02.FR.15", "E02.FR.16", "E02.FR.17", "E01.FR.16", "C01.FR.02")
async def cable_first(t: Trial) -> None:
    """A driver connects the vehicle and then presents a card: it charges."""
    await authorization_is_needed(t)
    await states.ev_connected(t)
    await states.authorized(t)
    await states.charging(t)


@case("TC_E_04_CS", "E03.FR.01", "E03.FR.06", "E03.FR.12", "E01.FR.16", "C01.FR.02")
async def card_first(t: Trial) -> None:
    """A driver presents a card and then connects the vehicle: it charges."""
    await authorization_is_needed(t)
    await states.authorized(t)
    await states.charging(t)


@case("TC_E_05_CS", "E03.FR.01", "E03.FR.05", "E03.FR.06", "E03.FR.12", "C01.FR.02", TxCtrlr__EVConnectionTimeOut=str(CONNECT_S))
async def no_vehicle_comes(t: Trial) -> None:
    """A card is presented and no vehicle comes in time: the authorization is over, and the next driver charges."""
    await authorization_is_needed(t)
    await t.configure_if_possible("AuthCacheCtrlr.Enabled", "false")
    await t.configure_if_possible("AuthCtrlr.LocalPreAuthorize", "false")
    # Any start point would do; with this one there is something to be told of the timeout.
    await t.configure_if_possible("TxCtrlr.TxStartPoint", "Authorized")
    await states.authorized(t)
    await timed_out(t, must_end=False)
    await states.authorized(t)
    await states.charging(t)


async def timed_out(t: Trial, *, must_end: bool) -> None:
    """EVConnectionTimeOut passes: a transaction that runs is told of it, and ends where the stop point says so."""
    transaction = states.running(t)
    _, stops = await states.points(t)
    if transaction:
        what = "TransactionEventRequest EVConnectTimeout"
        timeout = "TransactionEventRequest EVConnectTimeout before EVConnectionTimeOut has passed"
        await t.forbid("TransactionEvent", CONNECT_S - DEVIATION_S, states.of(transaction, "EVConnectTimeout"), requirement="E03.FR.05", what=timeout)
        within_s = 2 * DEVIATION_S
        event = await t.event(transactionId=transaction, triggerReason="EVConnectTimeout", within_s=within_s, requirement="E03.FR.05", what=what)
        if must_end or "Authorized" in stops:
            t.equal(event["eventType"], "Ended", "eventType of the timeout", "E03.FR.05")
            t.equal(event["transactionInfo"].get("stoppedReason"), "Timeout", "stoppedReason of the timeout", "E06.FR.04")
        else:
            # The case has it go on; E03.FR.05 has it end whatever the stop point, so that it does not run for ever.
            t.one_of(event["eventType"], ("Updated", "Ended"), "eventType of the timeout", "E03.FR.05")
    else:
        await t.wait(CONNECT_S + 1)
    t.admitted.pop(t.settings.evse_id, None)


# How a transaction ends


@case("TC_E_16_CS", TxCtrlr__StopTxOnInvalidId="true")
async def ends_with_the_verdict_of_the_csms(t: Trial) -> None:
    """A transaction that began without a link, by a card that the CSMS then does not accept: it ends."""
    await states.stop_point(t, "Authorized", "PowerPathClosed", without=("EnergyTransfer", "DataSigned"))
    await authorization_is_needed(t)
    await t.configure_if_possible("AuthCtrlr.OfflineTxForUnknownIdEnabled", "true")
    await states.cached(t)
    t.statuses[t.settings.valid.text] = "Invalid"
    await states.started_offline(t)
    ended = await t.event(eventType="Ended", requirement="C15.FR.04")
    t.equal(ended["triggerReason"], "Deauthorized", "triggerReason of the last event", "E06.FR.04")
    t.equal(ended["transactionInfo"].get("stoppedReason"), "DeAuthorized", "stoppedReason", "E06.FR.04")
    told = [p for p in states.events(t.heard, ended["transactionInfo"]["transactionId"]) if p["seqNo"] < ended["seqNo"]]
    t.true(bool(told), "TransactionEventRequest after the link came back", "those that were queued", told, "E04.FR.01")
    for event in told:
        states.marked(t, event, "E04.FR.03")
    states.of_a_connector(t, told)
    states.of_a_driver(t, told)


async def available_again(t: Trial) -> None:
    """The connector is told Available; where the cable is not attached, not before somebody takes it out of the station too."""
    if t.settings.attached_cable:
        await t.connector_told("Available", evse_id=t.settings.evse_id, connector_id=t.settings.connector_id)


@case("TC_E_17_CS", TxCtrlr__StopTxOnEVSideDisconnect="true")
async def ends_with_the_cable_and_its_authorization(t: Trial) -> None:
    """Stop point Authorized: where the authorization goes with the cable, so does the transaction."""
    # Edition 4 leaves no other stop point beside it.
    await states.stop_point(t, "Authorized", without=("EVConnected", "PowerPathClosed", "EnergyTransfer"))
    await t.configure_if_possible("OCPPCommCtrlr.UnlockOnEVSideDisconnect", "false")
    await authorization_is_needed(t)
    await states.suspended(t)
    await states.cable_pulled(t, "Ended", "EVDisconnected", requirement="E06.FR.03")
    await available_again(t)


@case("TC_E_39_CS", TxCtrlr__EVConnectionTimeOut=str(CONNECT_S))
async def ends_where_no_vehicle_comes(t: Trial) -> None:
    """A card is presented and the vehicle comes too late: the transaction has ended, and the vehicle gets nothing."""
    await states.stop_point(t, "Authorized")
    await authorization_is_needed(t)
    # Any start point would do; with this one there is a transaction that can end.
    await t.configure_if_possible("TxCtrlr.TxStartPoint", "Authorized")
    await states.authorized(t)
    await timed_out(t, must_end=True)
    t.forget()
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    await t.connector_told("Occupied", evse_id=t.settings.evse_id, connector_id=t.settings.connector_id)

    def goes_on(event: Payload) -> bool:
        return bool(event["triggerReason"] != "CablePluggedIn" or event["transactionInfo"].get("chargingState") == "Charging")

    what = "TransactionEventRequest of anything but a cable that was plugged in"
    await t.forbid("TransactionEvent", t.quiet_s, goes_on, requirement="E03.FR.05", what=what)


@case("TC_E_06_CS")
async def ends_with_the_card(t: Trial) -> None:
    """The driver presents the card again and leaves, whatever the stop point."""
    await authorization_is_needed(t)
    await states.charging(t)
    await states.stop_authorized(t)
    await states.ev_connected_after(t)
    await states.ev_disconnected(t)


@case("TC_E_07_CS")
async def power_path_opened_by_the_card(t: Trial) -> None:
    """Stop point PowerPathClosed: the driver's card ends the transaction."""
    await states.stop_point(t, "PowerPathClosed", without=("Authorized",))
    await states.charging(t)
    await states.stop_authorized(t)


@case("TC_E_35_CS")
async def power_path_opened_from_afar(t: Trial) -> None:
    """Stop point PowerPathClosed: a request of the CSMS ends the transaction."""
    await states.stop_point(t, "PowerPathClosed", without=("Authorized",))
    await states.charging(t)
    await states.remotely_stopped(t)


@case("TC_E_37_CS")
async def power_path_opened_by_the_vehicle(t: Trial) -> None:
    """Stop point PowerPathClosed: the transaction ends with the cable, though the authorization would outlive it."""
    await states.stop_point(t, "PowerPathClosed", without=("EnergyTransfer", "EVConnected", "DataSigned"))
    await t.configure_if_possible("TxCtrlr.StopTxOnEVSideDisconnect", "false")
    await states.suspended(t)
    # Edition 4 prefers StoppedByEV, and allows both.
    await states.cable_pulled(t, "Ended", "EVDisconnected", "StoppedByEV", requirement="E06.FR.06")


@case("TC_E_08_CS")
async def energy_stopped_by_the_card(t: Trial) -> None:
    """Stop point EnergyTransfer: the driver's card ends the transaction."""
    await states.stop_point(t, "EnergyTransfer", without=("Authorized", "PowerPathClosed"))
    await states.charging(t)
    await states.stop_authorized(t)


@case("TC_E_22_CS")
async def energy_stopped_by_the_vehicle(t: Trial) -> None:
    """Stop point EnergyTransfer: a vehicle that takes no more ends the transaction."""
    await states.stop_point(t, "EnergyTransfer")
    await states.charging(t)
    ended = await states.suspended(t)
    t.equal(ended["triggerReason"], "ChargingStateChanged", "triggerReason of the last event", "E06.FR.15")
    t.equal(ended["transactionInfo"]["chargingState"], "EVConnected", "chargingState of the last event", "E06.FR.07")


async def pulled_at_the_vehicle(t: Trial, *reasons: str) -> None:
    """Stop point EVConnected: the transaction ends with the cable, for one of *reasons*."""
    await states.stop_point(t, "EVConnected", without=("EnergyTransfer", "PowerPathClosed"))
    outlives = await t.configure_if_possible("TxCtrlr.StopTxOnEVSideDisconnect", "false")
    _, stops = await states.points(t)
    if not outlives and "Authorized" in stops:
        raise NotExercised("StopTxOnEVSideDisconnect is fixed to true and TxStopPoint to Authorized; one of them would have to be otherwise")
    await states.suspended(t)
    await states.cable_pulled(t, "Ended", *reasons, requirement="E06.FR.02")


@case("TC_E_20_CS")
async def ends_with_the_vehicle(t: Trial) -> None:
    """Stop point EVConnected: the transaction ends with the cable, though the authorization would outlive it."""
    await pulled_at_the_vehicle(t, "EVDisconnected")


@case("TC_E_54_CS")
async def ends_with_a_vehicle_that_speaks(t: Trial) -> None:
    """Stop point EVConnected: the same with a vehicle that communicates by ISO 15118, which may have said before that it stops."""
    await pulled_at_the_vehicle(t, "StoppedByEV", "EVDisconnected")


@case("TC_E_15_CS")
async def authorization_ended_by_the_card(t: Trial) -> None:
    """Stop point Authorized: the driver's card ends the transaction, in one event."""
    await states.stop_point(t, "Authorized", without=("PowerPathClosed",))
    await states.charging(t)
    transaction = states.running(t)
    await t.driver.present(t.settings.valid.text, t.settings.valid.type, t.settings.evse_id)
    event = await t.event(transactionId=transaction, triggerReason="StopAuthorized", requirement="E06.FR.03")
    t.equal(event["eventType"], "Ended", "eventType when the driver stops", "E06.FR.03")
    t.equal(event["transactionInfo"].get("stoppedReason"), "Local", "stoppedReason", "E06.FR.03")


@case("TC_E_21_CS")
async def authorization_ended_from_afar(t: Trial) -> None:
    """Stop point Authorized: a request of the CSMS ends the transaction, in one event."""
    await states.stop_point(t, "Authorized", without=("PowerPathClosed",))
    await states.charging(t)
    event = await states.remotely_stopped(t)
    t.equal(event["triggerReason"], "RemoteStop", "triggerReason of the last event", "F03.FR.09")


# A cable that is pulled at the vehicle


@case("TC_E_25_CS", TxCtrlr__StopTxOnEVSideDisconnect="true")
async def authorization_goes_with_the_cable(t: Trial) -> None:
    """The cable is pulled at the vehicle: it is told, and the connector is free."""
    await t.configure_if_possible("OCPPCommCtrlr.UnlockOnEVSideDisconnect", "false")
    await states.suspended(t)
    await states.cable_pulled(t, "")
    await available_again(t)


@case("TC_E_26_CS", TxCtrlr__StopTxOnEVSideDisconnect="false")
async def the_vehicle_comes_back(t: Trial) -> None:
    """The authorization outlives the cable: the transaction goes on when the vehicle is connected again."""
    await states.stop_point(t, "Authorized", without=OTHER_ENDS)
    await t.configure_if_possible("OCPPCommCtrlr.UnlockOnEVSideDisconnect", "false")
    await states.suspended(t)
    transaction = states.running(t)
    await states.cable_pulled(t, "Updated")
    await available_again(t)
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    await t.connector_told("Occupied", evse_id=t.settings.evse_id, connector_id=t.settings.connector_id)
    plugged = await t.event(transactionId=transaction, triggerReason="CablePluggedIn", requirement="E02.FR.17")
    t.equal(plugged["transactionInfo"].get("chargingState"), "EVConnected", "chargingState when the cable is plugged in again", "E02.FR.13")
    t.equal(plugged["eventType"], "Updated", "eventType when the cable is plugged in again", "E02.FR.17")
    flows = await t.event(transactionId=transaction, triggerReason="ChargingStateChanged", chargingState="Charging", requirement="E02.FR.13")
    t.equal(flows["eventType"], "Updated", "eventType when energy flows again", "E02.FR.17")


@case(
    "TC_E_27_CS",
    TxCtrlr__StopTxOnEVSideDisconnect="false",
    TxCtrlr__EVConnectionTimeOut=str(CONNECT_S),
)
async def the_vehicle_does_not_come_back(t: Trial) -> None:
    """The authorization outlives the cable, but not for longer than EVConnectionTimeOut."""
    await states.stop_point(t, "Authorized", without=OTHER_ENDS)
    await t.configure_if_possible("OCPPCommCtrlr.UnlockOnEVSideDisconnect", "false")
    await states.suspended(t)
    await states.cable_pulled(t, "Updated")
    await available_again(t)
    await timed_out(t, must_end=True)


# What the CSMS asks about


async def status(t: Trial, transaction: str | None, *, ongoing: bool | None, queued: bool, requirement: str) -> None:
    """GetTransactionStatus of *transaction*, or of none, is answered so."""
    answer = await t.call("GetTransactionStatus", {} if transaction is None else {"transactionId": transaction})
    t.equal(answer.get("ongoingIndicator"), ongoing, "ongoingIndicator", requirement)
    t.equal(answer["messagesInQueue"], queued, "messagesInQueue", requirement)


@case("TC_E_28_CS")
async def status_of_nothing(t: Trial) -> None:
    """A transaction that nobody knows does not run, and nothing is to be told of it."""
    await status(t, "7d1c5a2e-0000-4000-8000-c0ffee123456", ongoing=False, queued=False, requirement="E14.FR.01")


async def sampled(t: Trial) -> None:
    """Meter values come more often than the link is away, and the station dials as often as that."""
    await t.configure("SampledDataCtrlr.TxUpdatedMeasurands", "Energy.Active.Import.Register")
    await t.configure("SampledDataCtrlr.TxUpdatedInterval", str(SAMPLE_S))
    await dials_steadily(t)


async def dials_steadily(t: Trial) -> None:
    """The back-off is short and without chance, so that a link that is lost is back soon; and being away for as long is not being offline (B04)."""
    await t.configure_if_possible("OCPPCommCtrlr.OfflineThreshold", str(AWAY_S + 60))
    await t.configure_if_possible("OCPPCommCtrlr.RetryBackOffWaitMinimum", str(AWAY_S))
    await t.configure_if_possible("OCPPCommCtrlr.RetryBackOffRandomRange", "0")


def slow_first(t: Trial) -> None:
    """The CSMS takes a second for the first event that it hears, so that there is time to ask while others wait."""
    t.answer("TransactionEvent", lambda p: Answer(t.obliging("TransactionEvent", p), after_ms=1_000), times=1)


async def away(t: Trial) -> int:
    """The link is away for AWAY_S; returns the CSMS's time when it let the station dial again, in microseconds."""
    await states.offline(t)
    await t.wait(AWAY_S)
    t.forget()
    slow_first(t)
    back_us = calendar.parse(t.time())
    await states.online(t)
    return back_us or 0


async def queued_samples(t: Trial, back_us: int) -> None:
    """What was measured without a link is told: meter values of a transaction that goes on, every one marked."""
    first = await t.event(requirement="E11.FR.01")
    await t.wait(2 * SAMPLE_S)
    rest = [one.payload for one in t.inbox if one.action == "TransactionEvent"]
    told = [p for p in (first, *rest) if (calendar.parse(p["timestamp"]) or 0) < back_us]
    t.true(bool(told), "TransactionEventRequest with meter values of when the link was away", "one or more", [], "E11.FR.01")
    for event in told:
        t.equal(event["eventType"], "Updated", f"eventType of the event with seqNo {event['seqNo']}", "E11.FR.01")
        t.present(event, "meterValue", f"the event with seqNo {event['seqNo']}", "E11.FR.06")
        states.marked(t, event, "E04.FR.03")


@case("TC_E_29_CS")
async def status_of_what_runs_and_waits(t: Trial) -> None:
    """A transaction that runs, with events that wait because the link was away."""
    await sampled(t)
    await states.charging(t)
    transaction = states.running(t)
    back_us = await away(t)
    await status(t, transaction, ongoing=True, queued=True, requirement="E14.FR.04")
    await queued_samples(t, back_us)


@case("TC_E_30_CS")
async def status_of_what_runs(t: Trial) -> None:
    """A transaction that runs, with nothing to be told of it."""
    await states.charging(t)
    await t.wait(1)
    await status(t, states.running(t), ongoing=True, queued=False, requirement="E14.FR.05")


@case("TC_E_31_CS")
async def status_of_what_ended_and_waits(t: Trial) -> None:
    """A transaction that ended without a link, with events that wait; they tell all of its end."""
    await dials_steadily(t)
    await t.configure_if_possible("OCPPCommCtrlr.UnlockOnEVSideDisconnect", "true")
    await states.charging(t)
    transaction = states.running(t)
    await stopped_offline(t)
    slow_first(t)
    await states.online(t)
    await status(t, transaction, ongoing=False, queued=True, requirement="E14.FR.04")
    await ended_with_the_driver(t, transaction)


async def stopped_offline(t: Trial) -> None:
    """Without a link the driver presents the card again and leaves."""
    token: Token = t.admitted[t.settings.evse_id]
    await states.offline(t)
    t.forget()
    await t.driver.present(token.text, token.type, t.settings.evse_id)
    await t.wait(1)
    await t.driver.unplug(t.settings.evse_id)
    await t.wait(1)


async def ended_with_the_driver(t: Trial, transaction: str) -> list[Payload]:
    """Everything that was told of *transaction* since, its stop and its end among it; the connector is free."""
    told: list[Payload] = []
    while not told or told[-1]["eventType"] != "Ended":
        told.append(await t.event(transactionId=transaction, requirement="E08.FR.04"))
    stopped = [p for p in told if p["triggerReason"] == "StopAuthorized"]
    t.equal(len(stopped), 1, "number of events with triggerReason StopAuthorized", "E07.FR.02")
    states.may_name(t, stopped[0], t.admitted[t.settings.evse_id], "the event that told of the stop", "E07.FR.02")
    _, stops = await states.points(t)
    if stops & states.ENDING:
        t.one_of(told[-1]["transactionInfo"].get("stoppedReason"), ("Local", None), "stoppedReason", "E07.FR.04")
    else:
        t.equal(told[-1]["triggerReason"], "EVCommunicationLost", "triggerReason of the last event", "E06.FR.02")
        t.equal(told[-1]["transactionInfo"].get("chargingState"), "Idle", "chargingState of the last event", "E02.FR.13")
        changed = [p["transactionInfo"].get("chargingState") for p in told if p["triggerReason"] == "ChargingStateChanged"]
        t.true("EVConnected" in changed, "chargingState after the driver stopped", "EVConnected", changed, "E02.FR.13")
    await available_again(t)
    return told


@case("TC_E_32_CS")
async def status_of_what_ended(t: Trial) -> None:
    """A transaction that ended, with nothing to be told of it."""
    await states.charging(t)
    transaction = states.running(t)
    await states.stop_authorized(t)
    await states.ev_connected_after(t)
    await states.ev_disconnected(t)
    await t.wait(1)
    await status(t, transaction, ongoing=False, queued=False, requirement="E14.FR.05")


@case("TC_E_33_CS")
async def status_of_the_queue_that_waits(t: Trial) -> None:
    """No transaction is asked about, and there are events that wait because the link was away."""
    await sampled(t)
    await states.charging(t)
    back_us = await away(t)
    await status(t, None, ongoing=None, queued=True, requirement="E14.FR.07")
    await queued_samples(t, back_us)


@case("TC_E_34_CS")
async def status_of_the_queue(t: Trial) -> None:
    """No transaction is asked about, and nothing waits."""
    await status(t, None, ongoing=None, queued=False, requirement="E14.FR.08")


# Without a link


@case("TC_E_40_CS", SampledDataCtrlr__Enabled="true")
async def charging_without_a_link(t: Trial) -> None:
    """The link is lost in the middle of a transaction: what was measured meanwhile is told afterwards."""
    await sampled(t)
    await states.charging(t)
    back_us = await away(t)
    await queued_samples(t, back_us)


@case("TC_E_43_CS")
async def a_transaction_without_a_link(t: Trial) -> None:
    """A whole transaction without a link: all of it is told afterwards, and marked."""
    await t.configure_if_possible("AuthCtrlr.OfflineTxForUnknownIdEnabled", "true")
    await states.cached(t)
    await states.ended_offline(t)
    first = await t.event(eventType="Started", requirement="E12.FR.01")
    transaction = first["transactionInfo"]["transactionId"]
    await t.event(transactionId=transaction, eventType="Ended", requirement="E12.FR.01")
    told = states.events(t.heard, transaction)
    for event in told:
        states.marked(t, event, "E12.FR.02")
    states.of_a_connector(t, told)
    states.of_a_driver(t, told)


@case("TC_E_44_CS")
async def stopping_without_a_link(t: Trial) -> None:
    """The driver stops a transaction and leaves while there is no link: it is told afterwards, and marked."""
    await dials_steadily(t)
    await states.charging(t)
    transaction = states.running(t)
    await stopped_offline(t)
    await states.online(t)
    for event in await ended_with_the_driver(t, transaction):
        states.marked(t, event, "E08.FR.06")


# Messages that the CSMS does not take


async def retried(t: Trial, refusal: Answer, *, taken_at: int) -> None:
    """The event that energy flows is not taken until attempt *taken_at*, or never (0): how often it comes, how long after the one before.

    The wait grows with every attempt (E13.FR.03); where the CSMS is silent, the message timeout passes before it.
    """
    await t.configure("OCPPCommCtrlr.MessageAttempts[TransactionEvent]", str(ATTEMPTS))
    await t.configure("OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]", str(INTERVAL_S))
    if t.bench.real_time:
        await t.configure_if_possible("OCPPCommCtrlr.MessageTimeout[Default]", "5")
    timeout_s = int(await t.get("OCPPCommCtrlr.MessageTimeout[Default]"))
    attempts: list[int] = []

    def charging(payload: Payload) -> bool:
        """Whether it is the first event that told of energy, or that one again."""
        told = payload["transactionInfo"].get("chargingState") == "Charging"
        return bool(told and payload["seqNo"] == (attempts or [payload["seqNo"]])[0])

    def answers(payload: Payload) -> Payload | Answer:
        if not charging(payload):
            return t.obliging("TransactionEvent", payload)
        attempts.append(payload["seqNo"])
        return t.obliging("TransactionEvent", payload) if len(attempts) == taken_at else refusal

    t.answer("TransactionEvent", answers)
    await states.authorized(t)
    connected = await states.ev_connected(t)
    silent = refusal == SILENCE
    expected = taken_at or ATTEMPTS
    if connected is not None and charging(connected):
        last = next(one for one in t.heard if one.payload is connected)
    else:
        last = await t.expect_heard("TransactionEvent", charging, requirement="E13.FR.01")
    for preceding in range(1, expected):
        pause_s = INTERVAL_S * preceding + (timeout_s if silent else 0)
        what = f"attempt {preceding + 1} of a TransactionEventRequest"
        again = await t.expect_heard("TransactionEvent", charging, within_s=pause_s + DEVIATION_S, requirement="E13.FR.01", what=what)
        t.equal(again.payload["seqNo"], last.payload["seqNo"], f"seqNo of {what}", "E13.FR.01")
        passed_s = (again.at_ms - last.at_ms) / 1000
        right = abs(passed_s - pause_s) <= min(DEVIATION_S, INTERVAL_S * 0.75)
        t.true(right, f"seconds before {what}", f"about {pause_s}", passed_s, "E13.FR.03")
        last = again
    over_s = INTERVAL_S * expected + (timeout_s if silent else 0) + DEVIATION_S
    await t.forbid("TransactionEvent", over_s, charging, requirement="E13.FR.02", what=f"attempt {expected + 1}")


@case("TC_E_41_CS")
async def never_answered(t: Trial) -> None:
    """The CSMS does not answer an event: it is sent as often as MessageAttempts says, and then given up."""
    await retried(t, SILENCE, taken_at=0)


@case("TC_E_50_CS")
async def always_refused(t: Trial) -> None:
    """The CSMS refuses an event: it is sent as often as MessageAttempts says, and then given up."""
    await retried(t, Answer(error="InternalError"), taken_at=0)


@case("TC_E_42_CS")
async def answered_the_second_time(t: Trial) -> None:
    """The CSMS answers an event the second time that it comes: it does not come again."""
    await retried(t, SILENCE, taken_at=2)


@case("TC_E_51_CS")
async def taken_the_second_time(t: Trial) -> None:
    """The CSMS refuses an event and takes it the second time that it comes: it does not come again.

    Edition 4 adds the message timeout to the wait, which cannot be meant where an answer came.
    """
    await retried(t, Answer(error="InternalError"), taken_at=2)
