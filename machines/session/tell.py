"""What the CSMS is told of a transaction: when it starts and ends, and the events between (blocks E and J).

Law: ``seqNo`` starts at 0 and grows by one with every event of a transaction, through offline time and power cuts (E01.FR.07).
"""

from __future__ import annotations

from typing import Any

from engine.machine import Conclusions, Context, Station
from machines.boot.state import BOOT
from machines.clock.views import timestamp
from machines.device_model.views import Variable
from machines.flags import POWER_IS_TOLD, STOP_POINTS_STAY
from machines.meter.kept import kept_values
from machines.meter.state import METERS
from machines.meter.values import BEGIN, END, ENDED, PERIODIC, SAMPLED_ENABLED, STARTED, UPDATED, meter_value
from machines.outbound.asks import PLACES, ask
from machines.session.facts import TransactionEnded, TransactionStarted, TransactionUpdated
from machines.session.state import SESSIONS, Session, Told, Transaction

START_POINT = Variable("TxCtrlr", "TxStartPoint", "PowerPathClosed")
STOP_POINT = Variable("TxCtrlr", "TxStopPoint", "PowerPathClosed")
SAMPLE_INTERVAL_S = Variable("SampledDataCtrlr", "TxUpdatedInterval", "0")


def charging_state(session: Session) -> str:
    """OCPP's ChargingStateEnumType for a session."""
    if not session.connected:
        return "Idle"
    if session.flowing or session.lingering:
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


def should_end(session: Session, tx: Transaction, points: tuple[str, ...]) -> bool:
    """Whether one of the TxStopPoint members has stopped being true (E06); or nothing is left that could end it (E03.FR.05)."""
    if not session.connected and not session.authorized:
        return True
    return (
        ("EVConnected" in points and tx.was_connected and not session.connected)
        or ("Authorized" in points and tx.was_authorized and not session.authorized)
        or ("PowerPathClosed" in points and tx.was_connected and tx.was_authorized and not (session.connected and session.authorized))
        or ("EnergyTransfer" in points and tx.was_flowing and not session.flowing)
    )


def sample_interval_us(station: Station) -> int:
    """How often a running transaction tells its meter (J02.FR.11); 0: never."""
    if not SAMPLED_ENABLED.boolean(station):
        return 0
    return max(SAMPLE_INTERVAL_S.integer(station), 0) * 1_000_000


def transaction_id(journal: int, seq: int, evse_id: int) -> str:
    """Unique for ever (E01.FR.08): the journal, the turn that started it, the EVSE."""
    return f"{journal & 0xFFFFFFFF:08x}-{seq:010x}-{evse_id}"


def tell(
    station: Station,
    cx: Context,
    evse_id: int,
    trigger: str,
    *,
    stopped_reason: str = "",
    token: str = "",
    token_type: str = "",
    context: str = PERIODIC,
    measurands: tuple[str, ...] | None = None,
) -> Conclusions:
    """Tell the CSMS that *trigger* happened at an EVSE: starts, updates or ends its transaction, or does nothing where there is none.

    *token* is a card that the event has to name although it did not start the session: the one that stopped it (E07.FR.02).
    """
    session = station[SESSIONS].at(evse_id)
    tx = session.transaction
    if tx is None:
        if should_start(session, START_POINT.members(station)):
            yield from _started(station, cx, evse_id, session, trigger)
        return
    ends = should_end(session, tx, tx.stop_points or STOP_POINT.members(station))
    reason = (session.stopped_reason or stopped_reason or "Local") if ends else ""
    names_token = session.authorized and not session.told_token
    told = station[SESSIONS].told[evse_id]
    seq_no = told.seq_no + 1
    info: dict[str, Any] = {"transactionId": tx.transaction_id}
    # TC_E_22: a transaction that is over is suspended by nobody, whatever stopped the energy that it ended with (E06.FR.07).
    state = "EVConnected" if ends and session.connected else charging_state(session)
    if state != told.charging_state or trigger in ("ChargingStateChanged", "CablePluggedIn", "EVCommunicationLost") or ends:
        info["chargingState"] = state
    if ends:
        info["stoppedReason"] = reason
    if names_token and session.remote_start_id >= 0:
        info["remoteStartId"] = session.remote_start_id
    payload = _event(station, cx, evse_id, session, "Ended" if ends else "Updated", trigger, seq_no, info)
    if names_token:
        payload["idToken"] = {"idToken": session.token, "type": session.token_type}
    elif token:
        payload["idToken"] = {"idToken": token, "type": token_type}
    wanted = measurands if measurands is not None else UPDATED.chosen(station) if SAMPLED_ENABLED.boolean(station) else ()
    if ends:
        wanted, context = ENDED.chosen(station), END
    values = meter_value(station, cx, evse_id, wanted, context)
    if ends:
        values = kept_values(station, evse_id) + values
    if values and (ends or trigger in ("MeterValuePeriodic", "MeterValueClock")):
        payload["meterValue"] = values
    queued = ask(station, cx, "TransactionEvent", payload, place=evse_id % PLACES)
    if ends:
        yield TransactionEnded(
            evse_id=evse_id,
            transaction_id=tx.transaction_id,
            seq_no=seq_no,
            trigger=trigger,
            stopped_reason=reason,
            energy_wh=register(station, evse_id) - tx.started_wh,
            entry=queued.entry,
        )
    else:
        yield TransactionUpdated(
            evse_id=evse_id,
            seq_no=seq_no,
            trigger=trigger,
            charging_state=state,
            entry=queued.entry,
            sample_at_us=_next_sample(station, cx, told, trigger),
            told_token=names_token,
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
    payload = _event(station, cx, evse_id, session, "Started", trigger, 0, info)
    if session.authorized:
        payload["idToken"] = {"idToken": session.token, "type": session.token_type}
    values = meter_value(station, cx, evse_id, STARTED.chosen(station), BEGIN)
    if values:
        payload["meterValue"] = values
    queued = ask(station, cx, "TransactionEvent", payload, place=evse_id % PLACES)
    interval_us = sample_interval_us(station)
    yield TransactionStarted(
        evse_id=evse_id,
        transaction_id=identifier,
        trigger=trigger,
        charging_state=state,
        energy_wh=register(station, evse_id),
        at_us=cx.at,
        entry=queued.entry,
        sample_at_us=cx.at + interval_us if interval_us else 0,
        told_token=session.authorized,
        remote_start_id=session.remote_start_id,
        stop_points=STOP_POINT.members(station) if STOP_POINTS_STAY.is_set(cx) else (),
        tells_power=POWER_IS_TOLD.is_set(cx),
    )
    yield queued


def _event(
    station: Station,
    cx: Context,
    evse_id: int,
    session: Session,
    event_type: str,
    trigger: str,
    seq_no: int,
    info: dict[str, Any],
) -> dict[str, Any]:
    evse = {"id": evse_id}
    if session.connector_id:
        evse["connectorId"] = session.connector_id
    return {
        "eventType": event_type,
        "timestamp": timestamp(station, cx.at),
        "triggerReason": trigger,
        "seqNo": seq_no,
        "transactionInfo": info,
        "evse": evse,
    }


def _next_sample(station: Station, cx: Context, told: Told | TransactionUpdated, trigger: str) -> int:
    if trigger != "MeterValuePeriodic" or not told.sample_at_us:
        return told.sample_at_us
    interval_us = sample_interval_us(station)
    if not interval_us:
        return 0
    missed = max(cx.at - told.sample_at_us, 0) // interval_us
    return told.sample_at_us + (missed + 1) * interval_us


def register(station: Station, evse_id: int) -> int:
    """The import register of an EVSE in Wh; 0 before its meter was read."""
    reading = station[METERS].readings.get(evse_id)
    return reading.energy_wh if reading is not None else 0
