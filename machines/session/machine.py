"""The charging session of every EVSE: what the hardware sees, who may charge, what is offered, what is told.

Law: what flows, what the hardware shall do, and which EVSE an authorization is for follow from all sessions at once (``follow``), never from a step
that might have come before anybody waited for it.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kernel import ENGINE, Woke
from engine.machine import Conclusions, Context, Machine, Station
from machines.boot.facts import Rebooted
from machines.boot.state import BOOT
from machines.device_model.facts import Changed, VariableCleared, VariableSet
from machines.device_model.views import Variable, evses
from machines.effects import ReadMeter, SetEvse
from machines.inputs import (
    CableConnected,
    CableDisconnected,
    Called,
    CardPresented,
    ContactorMoved,
    EvseSeen,
    PilotChanged,
)
from machines.meter.facts import MeterAsked, MeterRead
from machines.meter.state import METERS
from machines.meter.values import PERIODIC, SAMPLED_ENABLED, UPDATED, is_fresh, meter_value, reading_due
from machines.outbound.facts import Delivered, Dropped
from machines.protocol.serve import served
from machines.session.authorize import (
    AUTH_ENABLED,
    BY_AUTH_DISABLED,
    NO_AUTHORIZATION,
    energy_left,
    on_answer,
    on_card,
    on_drop,
    on_event_answer,
    why_not_start,
)
from machines.session.candidates import bind, bind_waiting, can_take, connection_timeout_us, grant, is_pending, waiting_for
from machines.session.facts import (
    AuthorizationBound,
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
from machines.session.remote import on_remote_start, on_remote_stop
from machines.session.state import FOLDS, SESSIONS, WANTING, Phase, Session, Sessions
from machines.session.tell import SAMPLE_INTERVAL_S, START_POINT, end, next_sample_us, sample_interval_us, should_start, tell
from machines.storage.state import STORAGE

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
        connect_by_us=cx.at + connection_timeout_us(station) if keeps else 0,
        unseen=unseen,
    )


def on_pilot(station: Station, seen: PilotChanged, cx: Context) -> Conclusions:  # noqa: ARG001
    """The vehicle's wish."""
    if station[SESSIONS].at(seen.evse_id).pilot != seen.state:
        yield PilotSeen(evse_id=seen.evse_id, state=seen.state)


def on_contactor(station: Station, seen: ContactorMoved, cx: Context) -> Conclusions:
    """The power path."""
    if station[SESSIONS].at(seen.evse_id).contactor != seen.closed:
        yield ContactorSeen(evse_id=seen.evse_id, closed=seen.closed, at_us=cx.at)


def on_levels(station: Station, seen: EvseSeen, cx: Context) -> Conclusions:
    """What an EVSE looks like after a start: whatever happened meanwhile is concluded now."""
    session = station[SESSIONS].at(seen.evse_id)
    if seen.plugged and not session.connected:
        yield CablePlugged(evse_id=seen.evse_id, connector_id=seen.connector_id, at_us=cx.at)
    if not seen.plugged and session.connected:
        yield unplugged(station, seen.evse_id, cx, unseen=True)
    elif seen.pilot != session.pilot:
        yield PilotSeen(evse_id=seen.evse_id, state=seen.pilot)
    yield ContactorSeen(evse_id=seen.evse_id, closed=seen.contactor_closed, at_us=cx.at)


def on_restart(station: Station, fact: Rebooted, cx: Context) -> Conclusions:  # noqa: ARG001
    """Conclude what a restart means: the contactor fell open with the process, so energy was suspended by the station, not by the vehicle.

    A transaction that waited for that to end has waited long enough: after a power cut the last reading that was stored counts.  A command whose
    outcome nobody knows is given again with the start, and is what the hardware was last asked for.
    """
    repeated = {effect.evse_id: effect for _, effect in sorted(station[ENGINE].outbox.items()) if isinstance(effect, SetEvse)}
    for evse_id, effect in sorted(repeated.items()):
        yield EvseAsked(evse_id=evse_id, energise=effect.energise, lock=effect.lock)
    for evse_id, session in sorted(station[SESSIONS].of.items()):
        if session.ending is not None and session.transaction is not None:
            yield from end(station, cx, evse_id, session, session.transaction, session.ending, meter_read=False)
        elif session.phase is Phase.CHARGING:
            yield EnergySuspended(evse_id=evse_id, by="EVSE")


# What is told of it


def plugged(station: Station, fact: CablePlugged, cx: Context) -> Conclusions:
    """Tell that a cable was plugged in (E02.FR.17): by the driver who waits for a vehicle, where there is one (E01.FR.16, F01.FR.20)."""
    waiting = waiting_for(station, fact.evse_id) if not station[SESSIONS].at(fact.evse_id).authorized else None
    if waiting is not None:
        yield bind(station, *waiting, fact.evse_id, "CablePluggedIn")
    else:
        yield from tell(station, cx, fact.evse_id, "CablePluggedIn")


def bound(station: Station, fact: AuthorizationBound, cx: Context) -> Conclusions:
    """Tell what an authorization that has found its EVSE leads to there."""
    yield from tell(station, cx, fact.evse_id, fact.trigger)


def gone(station: Station, fact: CableUnplugged, cx: Context) -> Conclusions:
    """E09, E10: with StopTxOnEVSideDisconnect the authorization goes with the cable."""
    reason = "PowerLoss" if fact.unseen else "EVDisconnected"
    if station[SESSIONS].at(fact.evse_id).authorized and not fact.connect_by_us:
        yield AuthorizationEnded(evse_id=fact.evse_id, trigger="EVCommunicationLost", stopped_reason=reason)
    else:
        yield from tell(station, cx, fact.evse_id, "EVCommunicationLost", stopped_reason=reason)


def granted(station: Station, fact: Granted, cx: Context) -> Conclusions:
    """E02.FR.01, F01.FR.04; what waits for an EVSE is seen to by :func:`follow_waiting`."""
    if fact.evse_id > 0:
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


def on_reading(station: Station, fact: MeterRead, cx: Context) -> Conclusions:
    """End the offer of a capped session at its cap (E05.FR.03), and a transaction that waited for this reading."""
    session = station[SESSIONS].of.get(fact.evse_id)
    if session is None:
        return
    if session.until_wh and not session.blocked and not energy_left(station, fact.evse_id, session):
        yield EnergyBlocked(evse_id=fact.evse_id)
    yield from end_if_read(station, cx, fact.evse_id, session)


def is_read_after_opening(station: Station, evse_id: int, session: Session) -> bool:
    """Whether the contactor is open and the meter was read since, so that the register stands still at what is known."""
    reading = station[METERS].readings.get(evse_id)
    return not session.contactor and reading is not None and reading.at_us >= session.contactor_at_us


def end_if_read(station: Station, cx: Context, evse_id: int, session: Session) -> Conclusions:
    """End a transaction that is to end, once its power path has opened and its meter was read: what flowed until then is its."""
    if session.ending is not None and session.transaction is not None and is_read_after_opening(station, evse_id, session):
        yield from end(station, cx, evse_id, session, session.transaction, session.ending)


def on_setting(station: Station, fact: Changed, cx: Context) -> Conclusions:
    """Take up a setting that sessions under way follow."""
    if AUTH_ENABLED.is_in(fact):
        yield from follow(station, cx)
    yield from repaced(station, fact, cx)


def repaced(station: Station, fact: Changed, cx: Context) -> Conclusions:
    """Pace the samples of running transactions anew: by another interval, with measurands where there were none, switched on or off."""
    if any(one.is_in(fact) for one in (SAMPLE_INTERVAL_S, SAMPLED_ENABLED, UPDATED)):
        interval_us = sample_interval_us(station)
        for evse_id, session in sorted(station[SESSIONS].of.items()):
            if session.transaction is not None:
                yield SamplingPaced(evse_id=evse_id, sample_at_us=cx.at + interval_us if interval_us else 0)


# What time brings


def on_deadline(station: Station, event: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """A vehicle that did not come, a power path that did not open, a sample that is due."""
    sessions = station[SESSIONS]
    for evse_id, session in sorted(sessions.of.items()):
        if session.connect_by_us and cx.at >= session.connect_by_us:
            # E03.FR.05, C01.FR.26
            yield AuthorizationEnded(evse_id=evse_id, trigger="EVConnectTimeout", stopped_reason="Timeout")
        elif session.ending is not None and session.transaction is not None and cx.at >= session.ending.give_up_at_us:
            yield from end(station, cx, evse_id, session, session.transaction, session.ending, meter_read=False)
        elif evse_id in sessions.told and 0 < sessions.told[evse_id].sample_at_us <= cx.at:
            yield from sample(station, cx, evse_id, sessions.told[evse_id].sample_at_us)


def sample(station: Station, cx: Context, evse_id: int, due_us: int) -> Conclusions:
    """Report the meter of a running transaction (J02.FR.11): at once where its reading is fresh, else as soon as the meter was read.

    A periodic sample that would hold no value is not sent.
    """
    next_us = next_sample_us(station, cx, due_us)
    if evse_id > 0 and not is_fresh(station, cx, evse_id):
        yield SamplingPaced(evse_id=evse_id, sample_at_us=next_us)
        yield reading_due(cx, evse_id, PERIODIC)
        return
    values = meter_value(station, cx, evse_id, UPDATED.chosen(station), PERIODIC)
    if values and station[SESSIONS].at(evse_id).ending is None:
        yield from tell(station, cx, evse_id, "MeterValuePeriodic", values=values, sample_at_us=next_us)
    else:
        yield SamplingPaced(evse_id=evse_id, sample_at_us=next_us)


def deadlines(sessions: Sessions) -> Iterator[tuple[int, str]]:
    """The end of the wait for a vehicle or for a power path, and the next sample, by EVSE."""
    for evse_id, session in sessions.of.items():
        if session.connect_by_us:
            yield session.connect_by_us, f"connect {evse_id}"
        if session.ending is not None:
            yield session.ending.give_up_at_us, f"end {evse_id}"
    for evse_id, told in sessions.told.items():
        if told.sample_at_us:
            yield told.sample_at_us, f"sample {evse_id}"


# What follows from how things stand


def follow(station: Station, cx: Context) -> Conclusions:
    """Conclude what follows from how things stand, whatever order they happened in: one step for each session, and again until nothing follows."""
    for evse_id in evses(station):
        yield from follow_evse(station, cx, evse_id, station[SESSIONS].at(evse_id))
    yield from follow_waiting(station, cx)


def follow_evse(station: Station, cx: Context, evse_id: int, session: Session) -> Conclusions:
    """Conclude for one EVSE: whether energy flows, whether its transaction ends, whom it is for, what its hardware shall do."""
    told = station[SESSIONS].told.get(evse_id)
    flows = session.contactor and session.pilot in WANTING
    if session.ending is not None:
        # Nothing else is concluded of a transaction that is to end: its successor begins after it.
        yield from end_if_read(station, cx, evse_id, session)
    elif flows and session.phase in (Phase.READY, Phase.SUSPENDED) and not session.blocked:
        yield EnergyStarted(evse_id=evse_id)
    elif not flows and session.phase is Phase.CHARGING:
        yield EnergySuspended(evse_id=evse_id, by="EVSE" if session.pilot in WANTING else "EV")
    elif not flows and session.phase is Phase.FINISHING and told is not None and told.charging_state == "Charging":
        # E07: somebody has stopped it, and now the power path is open.
        yield from tell(station, cx, evse_id, "ChargingStateChanged")
    elif session.phase is Phase.OCCUPIED and not AUTH_ENABLED.boolean(station) and can_take(station, evse_id) and not why_not_start(station):
        # AuthCtrlr.Enabled false: whoever plugs in may charge, and nobody in particular is named (C02.FR.01).
        yield from grant(station, cx, (evse_id,), "", NO_AUTHORIZATION, "Authorized", BY_AUTH_DISABLED)
    yield from ask_hardware(station, evse_id, session)


def ask_hardware(station: Station, evse_id: int, session: Session) -> Conclusions:
    """Ask the EVSE for what its session wants (E06.FR.10: the plug is released when the session is over); and its meter, once the contactor opened.

    From then on the register stands still, so that what was read last is what the transaction ended with, and what the next one begins with.
    """
    wanted = session.wants_energy, session.wants_lock
    if wanted != (session.asked_energise, session.asked_lock):
        yield EvseAsked(evse_id=evse_id, energise=wanted[0], lock=wanted[1])
        yield SetEvse(evse_id=evse_id, energise=wanted[0], lock=wanted[1])
    if session.contactor_at_us and not session.contactor and not session.meter_asked and not is_read_after_opening(station, evse_id, session):
        yield MeterAsked(evse_id=evse_id)
        yield ReadMeter(evse_id=evse_id)


def follow_waiting(station: Station, cx: Context) -> Conclusions:
    """Bind every authorization that waits and has found its EVSE; begin the transaction of one that need not know it for that (E01.FR.03)."""
    found = {fact.waiting_id: fact for fact in bind_waiting(station)}
    for number, waiting in station[SESSIONS].waiting():
        if number in found:
            yield found[number]
        elif waiting.transaction is None and should_start(waiting, START_POINT.members(station)) and not is_pending(station, waiting):
            yield from tell(station, cx, number, waiting.trigger)


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
        Granted: granted,
        AuthorizationBound: bound,
        AuthorizationEnded: ended,
        EnergyStarted: started,
        EnergySuspended: suspended,
        EnergyBlocked: blocked,
        MeterRead: on_reading,
        VariableSet: on_setting,
        VariableCleared: on_setting,
        Woke: on_deadline,
    },
    deadlines=deadlines,
    watches=(SESSIONS, BOOT, STORAGE, ENGINE),
    conclude=follow,
)
