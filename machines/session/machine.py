"""The charging session of every EVSE: what the hardware sees, who may charge, what is offered, what is told.

Law: what the hardware shall do follows from all sessions at once (``offer``), never from a step that might be missed.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kernel import Woke
from engine.machine import Conclusions, Context, Machine, Station
from machines.boot.facts import Rebooted
from machines.device_model.facts import Changed, VariableCleared, VariableSet
from machines.device_model.views import Variable, evses
from machines.effects import SetEvse
from machines.inputs import (
    CableConnected,
    CableDisconnected,
    Called,
    CardPresented,
    ContactorMoved,
    EvseSeen,
    PilotChanged,
)
from machines.meter.facts import MeterRead
from machines.outbound.facts import Delivered, Dropped
from machines.protocol.serve import served
from machines.session.authorize import (
    CONNECTION_TIMEOUT_S,
    energy_left,
    on_answer,
    on_card,
    on_drop,
    on_event_answer,
    on_remote_start,
    on_remote_stop,
)
from machines.session.facts import (
    AuthorizationEnded,
    CablePlugged,
    CableUnplugged,
    ContactorSeen,
    EnergyBlocked,
    EnergyStarted,
    EnergySuspended,
    EvseAsked,
    Granted,
    PilotSeen,
    SamplingPaced,
)
from machines.session.inquiry import on_transaction_status
from machines.session.state import CONNECTED_AND_AUTHORIZED, FOLDS, SESSIONS, WANTING, Phase, Sessions
from machines.session.tell import SAMPLE_INTERVAL_S, sample_interval_us, tell

STOP_ON_DISCONNECT = Variable("TxCtrlr", "StopTxOnEVSideDisconnect", "true")

# What the hardware sees


def on_plug(station: Station, seen: CableConnected, cx: Context) -> Conclusions:
    """A vehicle; telling us twice changes nothing."""
    if not station[SESSIONS].at(seen.evse_id).connected:
        yield CablePlugged(evse_id=seen.evse_id, connector_id=seen.connector_id, at_us=cx.at)


def on_unplug(station: Station, seen: CableDisconnected, cx: Context) -> Conclusions:
    """No vehicle."""
    if station[SESSIONS].at(seen.evse_id).connected:
        yield unplugged(station, seen.evse_id, cx)


def unplugged(station: Station, evse_id: int, cx: Context, *, unseen: bool = False) -> CableUnplugged:
    """E10.FR.02: where the authorization outlives the cable, it waits EVConnectionTimeOut for it."""
    keeps = station[SESSIONS].at(evse_id).authorized and not STOP_ON_DISCONNECT.boolean(station)
    return CableUnplugged(
        evse_id=evse_id,
        connect_by_us=cx.at + max(CONNECTION_TIMEOUT_S.integer(station), 1) * 1_000_000 if keeps else 0,
        unseen=unseen,
    )


def on_pilot(station: Station, seen: PilotChanged, cx: Context) -> Conclusions:  # noqa: ARG001
    """The vehicle's wish."""
    if station[SESSIONS].at(seen.evse_id).pilot != seen.state:
        yield PilotSeen(evse_id=seen.evse_id, state=seen.state)


def on_contactor(station: Station, seen: ContactorMoved, cx: Context) -> Conclusions:  # noqa: ARG001
    """The power path."""
    if station[SESSIONS].at(seen.evse_id).contactor != seen.closed:
        yield ContactorSeen(evse_id=seen.evse_id, closed=seen.closed)


def on_levels(station: Station, seen: EvseSeen, cx: Context) -> Conclusions:
    """What an EVSE looks like after a start: whatever happened meanwhile is concluded now."""
    session = station[SESSIONS].at(seen.evse_id)
    if seen.plugged and not session.connected:
        yield CablePlugged(evse_id=seen.evse_id, connector_id=seen.connector_id, at_us=cx.at)
    if not seen.plugged and session.connected:
        yield unplugged(station, seen.evse_id, cx, unseen=True)
    elif seen.pilot != session.pilot:
        yield PilotSeen(evse_id=seen.evse_id, state=seen.pilot)
    yield ContactorSeen(evse_id=seen.evse_id, closed=seen.contactor_closed)


def on_flow(station: Station, fact: PilotSeen | ContactorSeen, cx: Context) -> Conclusions:
    """Energy flows while the contactor is closed for a vehicle that wants it."""
    session, told = station[SESSIONS].at(fact.evse_id), station[SESSIONS].told.get(fact.evse_id)
    flows = session.contactor and session.pilot in WANTING
    if flows and session.phase in (Phase.READY, Phase.SUSPENDED) and not session.blocked:
        yield EnergyStarted(evse_id=fact.evse_id)
    elif not flows and session.phase is Phase.CHARGING:
        yield EnergySuspended(evse_id=fact.evse_id, by="EVSE" if session.pilot in WANTING else "EV")
    elif not flows and session.phase is Phase.FINISHING and told is not None and told.charging_state == "Charging":
        # E07: somebody has stopped it, and now the power path is open.
        yield from tell(station, cx, fact.evse_id, "ChargingStateChanged")


def on_restart(station: Station, fact: Rebooted, cx: Context) -> Conclusions:  # noqa: ARG001
    """The contactor fell open with the process: what flowed was suspended by the station, not by the vehicle."""
    for evse_id, session in sorted(station[SESSIONS].of.items()):
        if session.phase is Phase.CHARGING:
            yield EnergySuspended(evse_id=evse_id, by="EVSE")


# What is told of it


def plugged(station: Station, fact: CablePlugged, cx: Context) -> Conclusions:
    """E02.FR.17."""
    yield from tell(station, cx, fact.evse_id, "CablePluggedIn")


def gone(station: Station, fact: CableUnplugged, cx: Context) -> Conclusions:
    """E09, E10: with StopTxOnEVSideDisconnect the authorization goes with the cable."""
    reason = "PowerLoss" if fact.unseen else "EVDisconnected"
    if station[SESSIONS].at(fact.evse_id).authorized and not fact.connect_by_us:
        yield AuthorizationEnded(evse_id=fact.evse_id, trigger="EVCommunicationLost", stopped_reason=reason)
    else:
        yield from tell(station, cx, fact.evse_id, "EVCommunicationLost", stopped_reason=reason)


def granted(station: Station, fact: Granted, cx: Context) -> Conclusions:
    """E02.FR.01, F01.FR.04."""
    yield from tell(station, cx, fact.evse_id, fact.trigger)


def ended(station: Station, fact: AuthorizationEnded, cx: Context) -> Conclusions:
    """E05.FR.09, E05.FR.10, E07.FR.02, F03.FR.02, F03.FR.03."""
    yield from tell(
        station,
        cx,
        fact.evse_id,
        fact.trigger,
        stopped_reason=fact.stopped_reason,
        token=fact.token,
        token_type=fact.token_type,
    )


def started(station: Station, fact: EnergyStarted, cx: Context) -> Conclusions:
    """E02.FR.13."""
    yield from tell(station, cx, fact.evse_id, "ChargingStateChanged")


def suspended(station: Station, fact: EnergySuspended, cx: Context) -> Conclusions:
    """E02.FR.13; where this ends the transaction (E06.FR.07), it was not the driver at the station who ended it (E06.FR.08)."""
    blocked = station[SESSIONS].at(fact.evse_id).blocked
    reason = "StoppedByEV" if fact.by == "EV" else "DeAuthorized" if blocked else "Other"
    yield from tell(station, cx, fact.evse_id, "ChargingStateChanged", stopped_reason=reason)


def blocked(station: Station, fact: EnergyBlocked, cx: Context) -> Conclusions:
    """E05.FR.02: told at once where nothing flows; what flows is told of when the contactor has opened."""
    if not station[SESSIONS].at(fact.evse_id).flowing:
        yield from tell(station, cx, fact.evse_id, "ChargingStateChanged")


def on_reading(station: Station, fact: MeterRead, cx: Context) -> Conclusions:  # noqa: ARG001
    """E05.FR.03: a capped session ends its offer at the cap."""
    session = station[SESSIONS].of.get(fact.evse_id)
    if session is not None and session.until_wh and not session.blocked and not energy_left(station, fact.evse_id, session):
        yield EnergyBlocked(evse_id=fact.evse_id)


def repaced(station: Station, fact: Changed, cx: Context) -> Conclusions:
    """Another sampling interval counts from now on, in running transactions too."""
    if SAMPLE_INTERVAL_S.is_in(fact):
        interval_us = sample_interval_us(station)
        for evse_id, session in sorted(station[SESSIONS].of.items()):
            if session.transaction is not None:
                yield SamplingPaced(evse_id=evse_id, sample_at_us=cx.at + interval_us if interval_us else 0)


# What time brings


def on_deadline(station: Station, event: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """A vehicle that did not come, a sample that is due."""
    sessions = station[SESSIONS]
    for evse_id, session in sorted(sessions.of.items()):
        if session.connect_by_us and cx.at >= session.connect_by_us:
            # E03.FR.05, C01.FR.26
            yield AuthorizationEnded(evse_id=evse_id, trigger="EVConnectTimeout", stopped_reason="Timeout")
        elif evse_id in sessions.told and 0 < sessions.told[evse_id].sample_at_us <= cx.at:
            yield from tell(station, cx, evse_id, "MeterValuePeriodic")


def deadlines(sessions: Sessions) -> Iterator[tuple[int, str]]:
    """The end of the wait for a vehicle, and the next sample, by EVSE."""
    for evse_id, session in sessions.of.items():
        if session.connect_by_us:
            yield session.connect_by_us, f"connect {evse_id}"
    for evse_id, told in sessions.told.items():
        if told.sample_at_us:
            yield told.sample_at_us, f"sample {evse_id}"


# What the hardware shall do


def offer(station: Station, cx: Context) -> Conclusions:  # noqa: ARG001
    """Every EVSE as its session wants it; E06.FR.10: the plug is released when the session is over."""
    sessions = station[SESSIONS]
    for evse_id in evses(station):
        session = sessions.at(evse_id)
        ready = session.phase in CONNECTED_AND_AUTHORIZED
        energise = ready and not session.blocked
        if (energise, ready) != (session.asked_energise, session.asked_lock):
            yield EvseAsked(evse_id=evse_id, energise=energise, lock=ready)
            yield SetEvse(evse_id=evse_id, energise=energise, lock=ready)


MACHINE = Machine(
    SESSIONS,
    folds=FOLDS,
    hears={
        CableConnected: on_plug,
        CableDisconnected: on_unplug,
        PilotChanged: on_pilot,
        ContactorMoved: on_contactor,
        EvseSeen: on_levels,
        Rebooted: on_restart,
        CardPresented: on_card,
        (Called, "RequestStartTransaction"): served(on_remote_start),
        (Called, "RequestStopTransaction"): served(on_remote_stop),
        (Called, "GetTransactionStatus"): served(on_transaction_status),
        (Delivered, "Authorize"): on_answer,
        (Delivered, "TransactionEvent"): on_event_answer,
        (Dropped, "Authorize"): on_drop,
        CablePlugged: plugged,
        CableUnplugged: gone,
        PilotSeen: on_flow,
        ContactorSeen: on_flow,
        Granted: granted,
        AuthorizationEnded: ended,
        EnergyStarted: started,
        EnergySuspended: suspended,
        EnergyBlocked: blocked,
        MeterRead: on_reading,
        VariableSet: repaced,
        VariableCleared: repaced,
        Woke: on_deadline,
    },
    deadlines=deadlines,
    watches=(SESSIONS,),
    conclude=offer,
)
