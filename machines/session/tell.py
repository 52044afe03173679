"""What the CSMS is told of a transaction: when it starts and ends, and the events between (blocks E and J).

Law: ``seqNo`` starts at 0 and grows by one with every event of a transaction, through offline time and power cuts (E01.FR.07).
"""

from __future__ import annotations

from typing import Any

from engine.machine import Conclusions, Context, Station
from machines.boot.state import BOOT
from machines.clock.views import timestamp
from machines.device_model.views import Variable
from machines.meter.kept import kept_values
from machines.meter.state import METERS
from machines.meter.values import BEGIN, END, ENDED, SAMPLED_ENABLED, STARTED, UPDATED, meter_value
from machines.outbound.asks import PLACES, ask
from machines.session.facts import TransactionEnded, TransactionEnding, TransactionStarted, TransactionUpdated
from machines.session.state import SESSIONS, Session, Transaction

START_POINT = Variable("TxCtrlr", "TxStartPoint", "PowerPathClosed")
STOP_POINT = Variable("TxCtrlr", "TxStopPoint", "PowerPathClosed")
SAMPLE_INTERVAL_S = Variable("SampledDataCtrlr", "TxUpdatedInterval", "0")
END_TIMEOUT_S = Variable("InternalCtrlr", "TransactionEndTimeout", "2")

STATE_TELLING = ("ChargingStateChanged", "CablePluggedIn", "EVCommunicationLost")
"""Triggers whose events always tell the charging state."""


def end_timeout_us(station: Station) -> int:
    """How long the last event of a transaction waits for its power path to open and its meter to be read, in microseconds."""
    return max(END_TIMEOUT_S.integer(station), 0) * 1_000_000


def charging_state(session: Session) -> str:
    """OCPP's ChargingStateEnumType for a session."""
    if not session.connected:
        return "Idle"
    if session.flowing or session.lingering or session.about_to_flow:
        return "Charging"
    if session.authorized and session.blocked:
        return "SuspendedEVSE"
    if session.authorized and session.suspended_by:
        return f"Suspended{session.suspended_by}"
    return "EVConnected"


def should_start(session: Session, points: tuple[str, ...]) -> bool:
    """Whether one of the TxStartPoint members is true, and has become true since the last transaction (E01)."""
    if session.spent:
        return False
    return (
        ("EVConnected" in points and session.connected)
        or ("Authorized" in points and session.authorized)
        or ("PowerPathClosed" in points and session.connected and session.authorized)
        or ("EnergyTransfer" in points and session.flowing)
    )


DEAUTHORIZATION_ENDS = ("Authorized", "PowerPathClosed", "EnergyTransfer")
"""Members of TxStopPoint with which a transaction does not outlive a driver whom the CSMS does not accept (E05.FR.10)."""


def should_end(session: Session, tx: Transaction, points: tuple[str, ...], trigger: str) -> bool:
    """Whether one of the TxStopPoint members has stopped being true (E06); or nothing is left that could end it (E03.FR.05)."""
    if not session.connected and not session.authorized:
        return True
    return (
        ("EVConnected" in points and tx.was_connected and not session.connected)
        or ("Authorized" in points and tx.was_authorized and not session.authorized)
        or ("PowerPathClosed" in points and tx.was_connected and tx.was_authorized and not (session.connected and session.authorized))
        or ("EnergyTransfer" in points and tx.was_flowing and not session.flowing)
        or (trigger == "Deauthorized" and not set(points).isdisjoint(DEAUTHORIZATION_ENDS))
    )


def sample_interval_us(station: Station) -> int:
    """How often a running transaction tells its meter (J02.FR.11); 0: never, also where there is nothing to tell."""
    if not SAMPLED_ENABLED.boolean(station) or not UPDATED.chosen(station):
        return 0
    return max(SAMPLE_INTERVAL_S.integer(station), 0) * 1_000_000


def next_sample_us(station: Station, cx: Context, due_us: int) -> int:
    """When the sample after the one that was due at *due_us* is due; those that were missed meanwhile are not made up.  0: never."""
    interval_us = sample_interval_us(station)
    if not interval_us:
        return 0
    missed = max(cx.at - due_us, 0) // interval_us
    return due_us + (missed + 1) * interval_us


def transaction_id(journal: int, seq: int, place: int) -> str:
    """Unique for ever (E01.FR.08) and without capitals: the journal, the turn that started it, the EVSE or the number of who waits for one."""
    return f"{journal & 0xFFFFFFFF:08x}-{seq:010x}-{place if place > 0 else f'w{-place}'}"


def tell(
    station: Station,
    cx: Context,
    evse_id: int,
    trigger: str,
    *,
    stopped_reason: str = "",
    token: str = "",
    token_type: str = "",
    values: list[dict[str, Any]] | None = None,
    sample_at_us: int | None = None,
) -> Conclusions:
    """Tell the CSMS that *trigger* happened at an EVSE: starts, updates or ends its transaction, or does nothing where there is none.

    *token* is a card that the event has to name although it did not start the session: the one that stopped it (E07.FR.02).  *values* is the
    meterValue of an event that exists to tell it, *sample_at_us* when the next periodic sample is due (None: as before).

    Where something ends the transaction while the vehicle is under power, the end waits for the power path to open, and nothing is told until then
    (:func:`end`); a vehicle that is gone is not waited for.
    """
    session = station[SESSIONS].at(evse_id)
    tx = session.transaction
    if tx is None:
        if should_start(session, START_POINT.members(station)):
            yield from _started(station, cx, evse_id, session, trigger)
        return
    ending = session.ending
    if ending is not None:
        if not session.connected:
            yield from end(station, cx, evse_id, session, tx, ending)
        return
    if should_end(session, tx, tx.stop_points, trigger):
        ending = TransactionEnding(
            evse_id=evse_id,
            trigger=trigger,
            stopped_reason=session.stopped_reason or stopped_reason or "Local",
            token=token,
            token_type=token_type,
            at_us=cx.at,
            give_up_at_us=cx.at + end_timeout_us(station),
        )
        if session.powered:
            yield ending
        else:
            yield from end(station, cx, evse_id, session, tx, ending)
        return
    told = station[SESSIONS].told[evse_id]
    state = charging_state(session)
    if trigger == "ChargingStateChanged" and state == told.charging_state:
        return
    seq_no = told.seq_no + 1
    names_token = session.authorized and not session.told_token
    info: dict[str, Any] = {"transactionId": tx.transaction_id}
    # E05.FR.09: the state after a deauthorization is told with it, or with the next event where energy has still to cease.
    if state != told.charging_state or trigger in STATE_TELLING or (trigger == "Deauthorized" and not session.lingering):
        info["chargingState"] = state
    if names_token and session.remote_start_id >= 0:
        info["remoteStartId"] = session.remote_start_id
    payload = _event(station, cx.at, evse_id, session, "Updated", trigger, seq_no, info)
    if names_token:
        payload["idToken"] = {"idToken": session.token, "type": session.token_type}
    elif token:
        payload["idToken"] = {"idToken": token, "type": token_type}
    begins = not tx.begin_told and session.flowing
    if begins:
        # E01.FR.17, E03.FR.11
        values = meter_value(station, cx, evse_id, STARTED.chosen(station), BEGIN)
    if values:
        payload["meterValue"] = values
    queued = ask(station, cx, "TransactionEvent", payload, place=evse_id % PLACES)
    yield TransactionUpdated(
        evse_id=evse_id,
        seq_no=seq_no,
        trigger=trigger,
        charging_state=state,
        entry=queued.entry,
        sample_at_us=told.sample_at_us if sample_at_us is None else sample_at_us,
        told_token=names_token,
        begin_told=begins,
    )
    yield queued


def end(
    station: Station,
    cx: Context,
    evse_id: int,
    session: Session,
    tx: Transaction,
    ending: TransactionEnding,
    *,
    meter_read: bool = True,
) -> Conclusions:
    """Send the last event of a transaction, for the cause that *ending* has.

    Its moment is that of the reading that it carries, where it had to wait for one (*meter_read* False: in vain, so that the last one before counts).
    """
    sessions = station[SESSIONS]
    seq_no = sessions.told[evse_id].seq_no + 1
    # TC_E_22: a transaction that is over is suspended by nobody, whatever stopped the energy that it ended with (E06.FR.07).
    info: dict[str, Any] = {
        "transactionId": tx.transaction_id,
        "chargingState": "EVConnected" if session.connected else "Idle",
        "stoppedReason": ending.stopped_reason,
    }
    names_token = session.authorized and not session.told_token
    if names_token and session.remote_start_id >= 0:
        info["remoteStartId"] = session.remote_start_id
    reading = station[METERS].readings.get(evse_id)
    moment_us = cx.at if meter_read or reading is None else max(reading.at_us, ending.at_us)
    payload = _event(station, moment_us, evse_id, session, "Ended", ending.trigger, seq_no, info)
    if names_token:
        payload["idToken"] = {"idToken": session.token, "type": session.token_type}
    elif ending.token:
        payload["idToken"] = {"idToken": ending.token, "type": ending.token_type}
    values = kept_values(station, evse_id) + meter_value(station, cx, evse_id, ENDED.chosen(station), END)
    if values:
        payload["meterValue"] = values
    queued = ask(station, cx, "TransactionEvent", payload, place=evse_id % PLACES)
    yield TransactionEnded(
        evse_id=evse_id,
        transaction_id=tx.transaction_id,
        seq_no=seq_no,
        trigger=ending.trigger,
        stopped_reason=ending.stopped_reason,
        energy_wh=register(station, evse_id) - tx.started_wh if tx.started_wh >= 0 else 0,
        entry=queued.entry,
        meter_read=meter_read,
    )
    yield queued


def _started(station: Station, cx: Context, evse_id: int, session: Session, trigger: str) -> Conclusions:
    if session.authorized and session.remote_start_id >= 0:
        # F02.FR.21: whatever happened last; the CSMS has to hear what became of its request.
        trigger = "RemoteStart"
    identifier = transaction_id(station[BOOT].journal, cx.seq, evse_id)
    state = charging_state(session)
    info: dict[str, Any] = {"transactionId": identifier, "chargingState": state}
    if session.authorized and session.remote_start_id >= 0:
        info["remoteStartId"] = session.remote_start_id
    payload = _event(station, cx.at, evse_id, session, "Started", trigger, 0, info)
    if session.authorized:
        payload["idToken"] = {"idToken": session.token, "type": session.token_type}
    known = evse_id > 0
    values = meter_value(station, cx, evse_id, STARTED.chosen(station), BEGIN) if known else []
    if values:
        payload["meterValue"] = values
    queued = ask(station, cx, "TransactionEvent", payload, place=evse_id % PLACES)
    interval_us = sample_interval_us(station)
    yield TransactionStarted(
        evse_id=evse_id,
        transaction_id=identifier,
        trigger=trigger,
        charging_state=state,
        energy_wh=register(station, evse_id) if known else -1,
        at_us=cx.at,
        entry=queued.entry,
        sample_at_us=cx.at + interval_us if interval_us else 0,
        told_token=session.authorized,
        remote_start_id=session.remote_start_id,
        stop_points=STOP_POINT.members(station),
        begin_told=known,
    )
    yield queued


def _event(
    station: Station,
    at_us: int,
    evse_id: int,
    session: Session,
    event_type: str,
    trigger: str,
    seq_no: int,
    info: dict[str, Any],
) -> dict[str, Any]:
    payload = {
        "eventType": event_type,
        "timestamp": timestamp(station, at_us),
        "triggerReason": trigger,
        "seqNo": seq_no,
        "transactionInfo": info,
    }
    if evse_id > 0:
        payload["evse"] = {"id": evse_id, "connectorId": session.connector_id} if session.connector_id else {"id": evse_id}
    return payload


def register(station: Station, evse_id: int) -> int:
    """The import register of an EVSE in Wh; 0 before its meter was read."""
    reading = station[METERS].readings.get(evse_id)
    return reading.energy_wh if reading is not None else 0
