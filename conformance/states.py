"""Reusable states: what many cases begin with, each looked at on its way (Part 6, reusable states, editions 3 and 4).

Law: a state knows only what the station has told and what the case has done: which start and stop points are in force is read from its device model,
and whether a transaction runs from its events.  What has to be told follows from both, never from what was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from conformance.bench import Heard
from conformance.trial import Payload, Token, Trial, connectors
from conformance.verdict import NotExercised

METERED = ("MeterValuePeriodic", "MeterValueClock")
"""Triggers of events that may come at any moment, whatever a case is about."""

FIRST = ("ChargingStateChanged", "CablePluggedIn", "Authorized", "RemoteStart")
"""Triggers that the first event may have, where several things happen at once."""

ENDING = frozenset({"Authorized", "PowerPathClosed", "EnergyTransfer"})
"""Stop points that end a transaction when its driver stops it."""

REMOTE_START_ID = 4711
RECONNECT_S = 120.0

READING_S = 0.5
"""How long a driver looks at what the station makes of a card before doing anything else: its answer is on the way meanwhile."""


async def points(t: Trial) -> tuple[frozenset[str], frozenset[str]]:
    """The start points and the stop points in force."""
    if t.points is None:
        start, stop = await t.in_force("TxCtrlr.TxStartPoint"), await t.in_force("TxCtrlr.TxStopPoint")
        t.points = frozenset(start.replace(" ", "").split(",")), frozenset(stop.replace(" ", "").split(","))
    return t.points


async def start_point(t: Trial, *wanted: str, without: Iterable[str] = ()) -> None:
    """Configuration State: transactions begin at one of *wanted*, the first that can be set.

    A station that lets none be set is tried as it is, unless it begins them at one of *without* too, which would be before.
    """
    await _point(t, "TxCtrlr.TxStartPoint", wanted, without)


async def stop_point(t: Trial, *wanted: str, without: Iterable[str] = ()) -> None:
    """Configuration State: transactions end at one of *wanted*; as with :func:`start_point`."""
    await _point(t, "TxCtrlr.TxStopPoint", wanted, without)


async def _point(t: Trial, address: str, wanted: Iterable[str], without: Iterable[str]) -> None:
    for value in wanted:
        if await t.configure_if_possible(address, value):
            return
    starts, stops = await points(t)
    fixed = starts if address.endswith("TxStartPoint") else stops
    if not fixed & set(wanted) or fixed & set(without):
        alone = f" without {', '.join(without)}" if without else ""
        raise NotExercised(f"{address} is fixed to {','.join(sorted(fixed))}; the case is about {' or '.join(wanted)}{alone}")


def running(t: Trial, evse_id: int = 0) -> str:
    """The transaction at an EVSE that was told to have started, and not yet to have ended; empty where there is none."""
    evse_id = evse_id or t.settings.evse_id
    where: dict[str, int] = {}
    over: set[str] = set()
    for event in events(t.heard):
        transaction = event["transactionInfo"]["transactionId"]
        where.setdefault(transaction, evse_id)
        if "evse" in event:
            where[transaction] = event["evse"]["id"]
        if event["eventType"] == "Ended":
            over.add(transaction)
    return next((one for one in reversed(where) if where[one] == evse_id and one not in over), "")


def occupied(t: Trial, evse_id: int = 0) -> bool:
    """Whether the connector of an EVSE was told to be Occupied, by whichever message."""
    evse_id = evse_id or t.settings.evse_id
    told = [status for one in t.heard for evse, _, status in connectors(one) if evse == evse_id]
    return told[-1:] == ["Occupied"]


async def _event(t: Trial, evse_id: int, requirement: str, transaction: str = "", since: int = 0, **fields: Any) -> Payload:
    """The next event at an EVSE that is no meter value: of *transaction*, where one runs already, else the first of another.

    *since*: so many CALLs of the station came before it.
    """

    def here(p: Payload) -> bool:
        if p["triggerReason"] in METERED or any(one.payload is p for one in t.heard[:since]):
            return False
        if transaction:
            return bool(p["transactionInfo"]["transactionId"] == transaction)
        return bool(p["eventType"] == "Started" and p.get("evse", {}).get("id", evse_id) == evse_id)

    told = "the next one" if transaction else "the first one"
    more = "".join(f", {name} {wanted}" for name, wanted in fields.items())
    return await t.event(here, requirement=requirement, what=f"TransactionEventRequest of EVSE {evse_id}, {told}{more}", **fields)


def _names(t: Trial, event: Payload, token: Token, what: str, requirement: str) -> None:
    named = t.present(event, "idToken", what, requirement)
    t.equal((named["idToken"].lower(), named["type"]), (token.text.lower(), token.type), f"idToken of {what}", requirement)


def may_name(t: Trial, event: Payload, token: Token, what: str, requirement: str) -> None:
    """The event names nobody, or the bearer of *token*."""
    if "idToken" in event:
        _names(t, event, token, what, requirement)


def _heeds_the_csms(t: Trial, event: Payload, evse_id: int) -> None:
    """The first event after a remote start says so, whatever else it tells (general rules of Part 6)."""
    wanted = t.asked_for.pop(evse_id, None)
    if wanted is not None:
        t.equal(event["triggerReason"], "RemoteStart", "triggerReason of the first event after the remote start", "F01.FR.19")
        t.equal(event["transactionInfo"].get("remoteStartId"), wanted, "remoteStartId of the first event after the remote start", "F02.FR.01")


async def ev_connected(t: Trial, *, evse_id: int = 0) -> Payload | None:
    """EVConnectedPreSession: a vehicle is connected, the connector is told Occupied; and the transaction is told of it, if there is one by now.

    Returns the event that told it.
    """
    evse_id = evse_id or t.settings.evse_id
    starts, _ = await points(t)
    before, admitted = running(t, evse_id), evse_id in t.admitted
    await t.driver.plug_in(evse_id, t.settings.connector_id)
    await t.connector_told("Occupied", evse_id=evse_id, connector_id=t.settings.connector_id)
    for where, connector_id, status in [told for one in t.inbox for told in connectors(one)]:
        if where == evse_id and connector_id != t.settings.connector_id:
            t.one_of(status, ("Available", "Unavailable"), f"connectorStatus of connector {connector_id} beside the one in use", "G01.FR.01")
    if not (before or "EVConnected" in starts or (admitted and "PowerPathClosed" in starts)):
        return None
    triggers = ("CablePluggedIn", "ChargingStateChanged", "RemoteStart")
    requirement = "E02.FR.17" if before else "E01.FR.02" if "EVConnected" in starts else "E01.FR.05"
    event = await _event(t, evse_id, requirement, before, triggerReason=triggers)
    t.equal(event["eventType"], "Updated" if before else "Started", "eventType when the cable is plugged in", requirement)
    # Edition 4: Charging presupposes being authorized; that no energy is offered does not.
    states = ("EVConnected", "SuspendedEVSE", *(("Charging",) if admitted else ()))
    t.one_of(event["transactionInfo"].get("chargingState"), states, "chargingState when the cable is plugged in", "E02.FR.13")
    here = (t.settings.connector_id, evse_id)
    t.equal((event.get("evse", {}).get("connectorId"), event.get("evse", {}).get("id")), here, "(connectorId, id) of its evse", "E01.FR.16")
    _heeds_the_csms(t, event, evse_id)
    if admitted and not before:
        _names(t, event, t.admitted[evse_id], "the first event after authorization", "E03.FR.01")
    return event


async def presented(t: Trial, token: Token, *, evse_id: int = 0) -> None:
    """A card is held to the reader of an EVSE, and the CSMS asked of it."""
    await t.driver.present(token.text, token.type, evse_id or t.settings.evse_id)
    asked = await t.expect("Authorize", requirement="C01.FR.02")
    t.equal(asked["idToken"]["idToken"].lower(), token.text.lower(), "idToken of AuthorizeRequest", "C01.FR.02")
    t.equal(asked["idToken"]["type"], token.type, "type of the idToken of AuthorizeRequest", "C01.FR.02")
    await t.wait(READING_S)


async def authorized(t: Trial, token: Token | None = None, *, evse_id: int = 0) -> Payload | None:
    """Authorized (local): a card is presented, the CSMS asked of it, and the transaction told of it, if there is one by now; returns that event.

    With start point PowerPathClosed and a vehicle connected the event may come as late as energy flows, so :func:`energy_flows` sees to it.
    """
    token, evse_id = token or t.settings.valid, evse_id or t.settings.evse_id
    starts, _ = await points(t)
    before = running(t, evse_id)
    await presented(t, token, evse_id=evse_id)
    t.admitted[evse_id] = token
    if not before and "Authorized" not in starts:
        return None
    event = await _event(t, evse_id, "E02.FR.17" if before else "E01.FR.03", before, triggerReason="Authorized")
    t.equal(event["eventType"], "Updated" if before else "Started", "eventType of the authorization", "E01.FR.03")
    _names(t, event, token, "the first event after authorization", "E03.FR.01")
    return event


async def remotely_authorized(t: Trial, token: Token | None = None, *, evse_id: int = 0, profile: Payload | None = None) -> Payload | None:
    """Authorized (remote): RequestStartTransaction is accepted, and the transaction told of it, if there is one by now; returns that event.

    *profile*: a charging profile that comes with the request.
    """
    token, evse_id = token or t.settings.valid, evse_id or t.settings.evse_id
    starts, _ = await points(t)
    asks = (await t.in_force("AuthCtrlr.AuthorizeRemoteStart")).lower() == "true"
    before, connected = running(t, evse_id), occupied(t, evse_id)
    request = {"idToken": token.payload, "remoteStartId": REMOTE_START_ID, "evseId": evse_id, **({"chargingProfile": profile} if profile else {})}
    mark = len(t.heard)
    answer = await t.call("RequestStartTransaction", request)
    t.equal(answer["status"], "Accepted", "status of RequestStartTransactionResponse", "F01.FR.01" if asks else "F01.FR.02")
    if before:
        t.equal(answer.get("transactionId"), before, "transactionId of RequestStartTransactionResponse", "F01.FR.13")
    if asks:
        asked = await t.expect("Authorize", requirement="F01.FR.01")
        t.equal((asked["idToken"]["idToken"].lower(), asked["idToken"]["type"]), (token.text.lower(), token.type), "idToken of AuthorizeRequest")
        await t.wait(READING_S)
    t.admitted[evse_id] = token
    t.asked_for[evse_id] = REMOTE_START_ID
    if not (before or "Authorized" in starts or (connected and "PowerPathClosed" in starts)):
        return None
    event = await _event(t, evse_id, "F01.FR.19", before, mark)
    t.equal(event["eventType"], "Updated" if before else "Started", "eventType after the remote start", "E01.FR.03")
    _heeds_the_csms(t, event, evse_id)
    _names(t, event, token, "the first event after the remote start", "E03.FR.01")
    return event


async def energy_flows(t: Trial, *, evse_id: int = 0, connected: Payload | None = None) -> Payload:
    """EnergyTransferStarted, its last part: the vehicle is connected and authorized, and charging is told; returns the event that told it.

    *connected*: the event that told of the cable, if one did.
    """
    evse_id = evse_id or t.settings.evse_id
    if connected is not None and connected["transactionInfo"].get("chargingState") == "Charging":
        return connected
    starts, _ = await points(t)
    if starts <= {"EnergyTransfer"}:
        event = await _event(t, evse_id, "E01.FR.06", "", chargingState="Charging")
    else:

        def here(p: Payload) -> bool:
            return bool(p.get("evse", {}).get("id", evse_id) == evse_id)

        event = await t.event(here, chargingState="Charging", requirement="E02.FR.13", what=f"TransactionEventRequest Charging of EVSE {evse_id}")
    # What led to it may have been told on the way.
    transaction = event["transactionInfo"]["transactionId"]
    for earlier in events(t.inbox, transaction):
        if earlier["seqNo"] < event["seqNo"] and earlier["triggerReason"] not in METERED:
            _heeds_the_csms(t, earlier, evse_id)
        if earlier["eventType"] == "Started" and earlier["triggerReason"] not in METERED and "EVConnected" not in starts:
            t.one_of(earlier["triggerReason"], FIRST, "triggerReason of the first event", "E01.FR.05")
            _names(t, earlier, t.admitted.get(evse_id, t.settings.valid), "the first event after authorization", "E03.FR.01")
            of_a_connector(t, [earlier], evse_id)
        elif earlier["transactionInfo"].get("chargingState") == "SuspendedEVSE" and earlier["triggerReason"] not in METERED:
            t.one_of(earlier["triggerReason"], FIRST, "triggerReason when the station does not offer energy yet", "E02.FR.15")
    t.inbox = [one for one in t.inbox if not (events([one], transaction) and one.payload["seqNo"] < event["seqNo"])]
    if event["eventType"] == "Started":
        remote = evse_id in t.asked_for
        _heeds_the_csms(t, event, evse_id)
        if not remote:
            # With start point EnergyTransfer nothing but the energy can have begun it.
            reasons = ("ChargingStateChanged",) if starts <= {"EnergyTransfer"} else FIRST
            t.one_of(event["triggerReason"], reasons, "triggerReason of a first event when energy flows", "E01.FR.15")
        _names(t, event, t.admitted.get(evse_id, t.settings.valid), "the first event after authorization", "E03.FR.01")
        of_a_connector(t, [event], evse_id)
    else:
        t.equal(event["eventType"], "Updated", "eventType when energy flows", "E02.FR.17")
        t.equal(event["triggerReason"], "ChargingStateChanged", "triggerReason when energy flows", "E02.FR.15")
    return event


async def charging(t: Trial, token: Token | None = None, *, evse_id: int = 0) -> Payload:
    """EnergyTransferStarted: connected, authorized, energy flows and is told, where that is not so already; returns the event that told it."""
    evse_id = evse_id or t.settings.evse_id
    event = None
    if not occupied(t, evse_id) and evse_id not in t.admitted:
        await ev_connected(t, evse_id=evse_id)
    if evse_id not in t.admitted:
        await authorized(t, token, evse_id=evse_id)
    if not occupied(t, evse_id):
        event = await ev_connected(t, evse_id=evse_id)
    return await energy_flows(t, evse_id=evse_id, connected=event)


async def suspended(t: Trial, *, evse_id: int = 0) -> Payload:
    """EnergyTransferSuspended: the vehicle takes no more, for now; returns the event that told it."""
    evse_id = evse_id or t.settings.evse_id
    transaction = running(t, evse_id)
    if not transaction:
        transaction = (await charging(t, evse_id=evse_id))["transactionInfo"]["transactionId"]
    _, stops = await points(t)
    await t.driver.pause(evse_id)
    event = await _event(t, evse_id, "E02.FR.13", transaction, chargingState=("SuspendedEV", "EVConnected"))
    if event["eventType"] != "Ended" or event["transactionInfo"]["chargingState"] == "SuspendedEV":
        t.equal(event["triggerReason"], "ChargingStateChanged", "triggerReason when the vehicle takes no more", "E06.FR.15")
    if "EnergyTransfer" in stops:
        t.equal(event["eventType"], "Ended", "eventType when the vehicle takes no more", "E06.FR.07")
        t.equal(event["transactionInfo"].get("stoppedReason"), "StoppedByEV", "stoppedReason", "E06.FR.08")
    else:
        # Edition 4 leaves a transaction that goes on no choice.
        t.equal(event["transactionInfo"]["chargingState"], "SuspendedEV", "chargingState when the vehicle takes no more", "E02.FR.13")
        t.equal(event["eventType"], "Updated", "eventType when the vehicle takes no more", "E02.FR.17")
    return event


async def _stops(t: Trial, transaction: str, first: Payload, evse_id: int, reasons: Iterable[str | None]) -> Payload:
    """Whether the event that told of the stop, or a second one, ends what has to end; returns the last of them."""
    _, stops = await points(t)
    if not stops & ENDING:
        t.equal(first["eventType"], "Updated", "eventType when the driver stops", "E02.FR.17")
        return first
    last = first
    if first["eventType"] != "Ended":
        last = await _event(t, evse_id, "E06.FR.03", transaction, triggerReason="ChargingStateChanged")
        t.equal(last["transactionInfo"].get("chargingState"), "EVConnected", "chargingState when the driver stops", "E02.FR.13")
        t.equal(last["eventType"], "Ended", "eventType when the driver stops", "E06.FR.03")
    t.one_of(last["transactionInfo"].get("stoppedReason"), reasons, "stoppedReason", "E06.FR.08")
    return last


async def stop_authorized(t: Trial, token: Token | None = None, *, evse_id: int = 0) -> Payload:
    """StopAuthorized (local): the card is presented again, and nobody is asked of it; returns the last event that told of it.

    Where the stop points end the transaction with it, that one says so; the reason Local may be left out.
    """
    evse_id = evse_id or t.settings.evse_id
    token = token or t.admitted.get(evse_id, t.settings.valid)
    transaction = running(t, evse_id)
    await t.driver.present(token.text, token.type, evse_id)
    return await stop_told(t, transaction, token, evse_id=evse_id)


async def stop_told(t: Trial, transaction: str, token: Token, *, evse_id: int = 0) -> Payload:
    """What has to be told of *transaction* once *token* has stopped it; returns the last event of it."""
    evse_id = evse_id or t.settings.evse_id
    event = await _event(t, evse_id, "E07.FR.02", transaction, triggerReason="StopAuthorized")
    may_name(t, event, token, "the event that told of the stop", "E07.FR.02")
    t.admitted.pop(evse_id, None)
    t.stopped_here.add(evse_id)
    return await _stops(t, transaction, event, evse_id, ("Local", None))


async def remotely_stopped(t: Trial, *, evse_id: int = 0) -> Payload:
    """StopAuthorized (remote): RequestStopTransaction is accepted and told; returns the last event that told of it."""
    evse_id = evse_id or t.settings.evse_id
    transaction = running(t, evse_id)
    answer = await t.call("RequestStopTransaction", {"transactionId": transaction})
    t.equal(answer["status"], "Accepted", "status of RequestStopTransactionResponse", "F03.FR.07")
    event = await _event(t, evse_id, "F03.FR.09", transaction, triggerReason="RemoteStop")
    t.admitted.pop(evse_id, None)
    return await _stops(t, transaction, event, evse_id, ("Remote",))


async def ev_connected_after(t: Trial, *, evse_id: int = 0) -> None:
    """EVConnectedPostSession: no energy flows any more, which a transaction that goes on tells."""
    evse_id = evse_id or t.settings.evse_id
    transaction = running(t, evse_id)
    _, stops = await points(t)
    if transaction and not stops & ENDING:
        event = await _event(t, evse_id, "E02.FR.13", transaction, triggerReason="ChargingStateChanged")
        t.equal(event["transactionInfo"].get("chargingState"), "EVConnected", "chargingState after the driver stopped", "E02.FR.13")
        t.equal(event["eventType"], "Updated", "eventType after the driver stopped", "E02.FR.17")


async def ev_disconnected(t: Trial, *, evse_id: int = 0) -> None:
    """EVDisconnected: the vehicle leaves, the connector is told Available, and a transaction that still runs is told of it."""
    evse_id = evse_id or t.settings.evse_id
    transaction = running(t, evse_id)
    await t.driver.unplug(evse_id)
    await t.connector_told("Available", evse_id=evse_id, connector_id=t.settings.connector_id)
    if transaction:
        event = await _event(t, evse_id, "E02.FR.17", transaction, triggerReason="EVCommunicationLost")
        t.equal(event["transactionInfo"].get("chargingState"), "Idle", "chargingState without a vehicle", "E02.FR.13")
        if event["eventType"] == "Ended" and evse_id in t.stopped_here:
            # General rules of Part 6: whatever ends it, its driver has stopped it.
            t.one_of(event["transactionInfo"].get("stoppedReason"), ("Local", None), "stoppedReason", "E06.FR.08")
    t.stopped_here.discard(evse_id)


async def cable_pulled(t: Trial, event_type: str, *reasons: str, requirement: str = "E02.FR.17", evse_id: int = 0) -> Payload:
    """The vehicle is disconnected at its own side in the middle of a transaction, which is told with *event_type* and one of *reasons*, if any."""
    evse_id = evse_id or t.settings.evse_id
    transaction = running(t, evse_id)
    await t.driver.unplug(evse_id)
    event = await _event(t, evse_id, "E02.FR.17", transaction, triggerReason="EVCommunicationLost")
    t.equal(event["transactionInfo"].get("chargingState"), "Idle", "chargingState without a vehicle", "E02.FR.13")
    if event_type:
        t.equal(event["eventType"], event_type, "eventType when the cable is pulled", requirement)
    if reasons:
        t.one_of(event["transactionInfo"].get("stoppedReason"), reasons, "stoppedReason", "E06.FR.08")
    return event


async def offline(t: Trial) -> None:
    """The link breaks, and nobody answers the dialling."""
    await points(t)
    await t.wait(0.5)
    await t.bench.hang_up(stay_away=True)


async def online(t: Trial) -> None:
    """The station may dial again, and has come back."""
    await t.bench.come_back()
    t.true(await t.bench.until(lambda: t.bench.linked, RECONNECT_S), "link", f"there within {RECONNECT_S:g} s", "none", "Part 4, 5.3")


async def cached(t: Trial) -> None:
    """IdTokenCached: a station that has an authorization cache knows the valid card, because it was charged with before."""
    if await t.configure_if_possible("AuthCacheCtrlr.Enabled", "true"):
        await charging(t)
        await stop_authorized(t)
        await ev_connected_after(t)
        await ev_disconnected(t)
        t.forget()


async def started_offline(t: Trial, token: Token | None = None, *, evse_id: int = 0) -> None:
    """StartOfflineTransaction: without a link a card is presented and a vehicle connected; then the link comes back."""
    token, evse_id = token or t.settings.valid, evse_id or t.settings.evse_id
    await offline(t)
    await t.driver.present(token.text, token.type, evse_id)
    await t.wait(1)
    await t.driver.plug_in(evse_id, t.settings.connector_id)
    await t.wait(3)
    t.admitted[evse_id] = token
    await online(t)


async def ended_offline(t: Trial, token: Token | None = None, *, evse_id: int = 0) -> None:
    """TransactionEventsInQueueEnded: a whole transaction without a link, which comes back when it is over."""
    token, evse_id = token or t.settings.valid, evse_id or t.settings.evse_id
    await offline(t)
    await t.driver.plug_in(evse_id, t.settings.connector_id)
    await t.wait(1)
    await t.driver.present(token.text, token.type, evse_id)
    await t.wait(3)
    await t.driver.present(token.text, token.type, evse_id)
    await t.wait(1)
    await t.driver.unplug(evse_id)
    await t.wait(1)
    await online(t)


def events(heard: Iterable[Heard], transaction: str = "") -> list[Payload]:
    """The transaction events among what was heard, in order; of *transaction* only, where one is given."""
    told = [one.payload for one in heard if one.action == "TransactionEvent"]
    return [p for p in told if not transaction or p["transactionInfo"]["transactionId"] == transaction]


def of(transaction: str, trigger: str) -> Callable[[Payload], bool]:
    """Whether an event is of *transaction*, and was triggered by *trigger*."""
    return lambda p: (p["transactionInfo"]["transactionId"], p["triggerReason"]) == (transaction, trigger)


def marked(t: Trial, event: Payload, requirement: str = "E04.FR.03") -> None:
    """The event says that it could not be told when it happened."""
    t.true(event.get("offline") is True, f"offline of the event with seqNo {event['seqNo']}", "true", event.get("offline"), requirement)


def of_a_connector(t: Trial, told: Iterable[Payload], evse_id: int = 0) -> None:
    """One of the events says at which connector the vehicle is."""
    here = {"id": evse_id or t.settings.evse_id, "connectorId": t.settings.connector_id}
    evses = [p.get("evse") for p in told]
    t.true(here in evses, "evse of the first event after the cable was plugged in", f"{here}", evses, "E01.FR.16")


def of_a_driver(t: Trial, told: Iterable[Payload], token: Token | None = None) -> None:
    """One of the events, and the first of those that name anybody, names the driver."""
    token = token or t.settings.valid
    named = [p["idToken"] for p in told if "idToken" in p]
    first = [(one["idToken"].lower(), one["type"]) for one in named[:1]]
    t.equal(first, [(token.text.lower(), token.type)], "idToken of the first event after authorization", "E01.FR.10")
