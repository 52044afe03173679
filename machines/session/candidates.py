"""Which EVSE a driver may use, where more than one would do (C01.FR.21, E01.FR.16, F01.FR.20).

Invariant: an authorization is bound to an EVSE only where nothing else could be meant: it is the only one left, or the only one that holds a cable,
or a cable was plugged in there since.  Otherwise it waits without an EVSE.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from engine.kernel import ENGINE
from engine.machine import Conclusions, Context, Station
from machines.device_model.views import Variable, evses
from machines.meter.state import METERS
from machines.session.facts import AuthorizationBound, Granted
from machines.session.state import SESSIONS, Session, is_same_token

CONNECTION_TIMEOUT_S = Variable("TxCtrlr", "EVConnectionTimeOut", "120")


def connection_timeout_us(station: Station) -> int:
    """Return how long an authorization waits for a vehicle, in microseconds (C01.FR.26); a timeout of nothing is a second."""
    return max(CONNECTION_TIMEOUT_S.integer(station), 1) * 1_000_000


def can_take(station: Station, evse_id: int, token: str = "", token_type: str = "") -> bool:
    """Whether an EVSE may be given to a driver: it is not faulted, nobody may charge there, and no transaction of another driver still runs.

    C01.FR.23, F01.FR.24: a transaction that somebody was authorized for takes no other driver; with *token* it may go on.  One that is ending is as
    good as over: its successor waits for its last event.
    """
    session = station[SESSIONS].at(evse_id)
    if evse_id in station[ENGINE].faulted_evses or session.authorized:
        return False
    tx = session.transaction
    if tx is None or not tx.was_authorized or session.ending is not None:
        return True
    return bool(token) and is_same_token(session.token, session.token_type, token, token_type)


def candidates(station: Station, wanted: Collection[int], token: str = "", token_type: str = "") -> tuple[int, ...]:
    """Return the EVSEs among *wanted* (empty: all) that a driver may be given; none where every one of them is awaited by somebody already."""
    found = tuple([e for e in evses(station) if (not wanted or e in wanted) and can_take(station, e, token, token_type)])
    awaited = sum(1 for _, waiting in station[SESSIONS].waiting() if not set(found).isdisjoint(waiting.evse_ids))
    return found if awaited < len(found) else ()


def choose(station: Station, evse_ids: tuple[int, ...], since_us: int) -> int:
    """Return the EVSE among *evse_ids* that must be meant; 0 where more than one could be.

    *since_us* is since when the driver may charge: whoever plugs in after that is taken for the driver.
    """
    if len(evse_ids) == 1:
        return evse_ids[0]
    sessions = station[SESSIONS]
    holders = [evse_id for evse_id in evse_ids if sessions.at(evse_id).connected]
    later = [evse_id for evse_id in holders if sessions.at(evse_id).plugged_at_us > since_us]
    if later:
        return min(later, key=lambda evse_id: (sessions.at(evse_id).plugged_at_us, evse_id))
    return holders[0] if len(holders) == 1 else 0


def grant(
    station: Station,
    cx: Context,
    evse_ids: tuple[int, ...],
    token: str,
    token_type: str,
    trigger: str,
    basis: str,
    *,
    group: str = "",
    remote_start_id: int = -1,
    entry: int = 0,
) -> Conclusions:
    """Allow a driver to charge at one of *evse_ids*: bound to it where it is known and its last transaction is over, else waiting.

    Without a cable the vehicle has EVConnectionTimeOut to come (C01.FR.26).
    """
    sessions = station[SESSIONS]
    chosen = choose(station, evse_ids, cx.at)
    bound = chosen and sessions.at(chosen).ending is None
    connected = bound and sessions.at(chosen).connected
    yield Granted(
        evse_id=chosen if bound else -(sessions.waited + 1),
        token=token,
        token_type=token_type,
        trigger=trigger,
        basis=basis,
        group=group,
        connect_by_us=0 if connected else cx.at + connection_timeout_us(station),
        remote_start_id=remote_start_id,
        entry=entry,
        evse_ids=() if bound else evse_ids,
        at_us=cx.at,
    )


def still_candidates(station: Station, waiting: Session) -> tuple[int, ...]:
    """Return the EVSEs that an authorization that waits may still be given."""
    sessions = station[SESSIONS]
    return tuple(
        [
            evse_id
            for evse_id in waiting.evse_ids
            if can_take(station, evse_id, waiting.token, waiting.token_type)
            # Two transactions cannot become one.
            and (waiting.transaction is None or sessions.at(evse_id).transaction is None)
        ]
    )


def is_pending(station: Station, waiting: Session) -> bool:
    """Whether an authorization that waits may not begin a transaction of its own yet.

    Its transaction follows the last event of one that is ending at an EVSE of its, and it joins one that runs there for nobody.
    """
    sessions = station[SESSIONS]
    return any(
        sessions.at(evse_id).transaction is not None and can_take(station, evse_id, waiting.token, waiting.token_type) for evse_id in waiting.evse_ids
    )


def bind(station: Station, number: int, waiting: Session, evse_id: int, trigger: str) -> AuthorizationBound:
    """Return the fact that the authorization which waits as *number* is for *evse_id* from now on."""
    reading = station[METERS].readings.get(evse_id)
    return AuthorizationBound(
        evse_id=evse_id,
        waiting_id=number,
        trigger=trigger,
        energy_wh=reading.energy_wh if reading is not None else 0,
        connect_by_us=0 if station[SESSIONS].at(evse_id).connected else waiting.connect_by_us,
    )


def bind_waiting(station: Station) -> Iterator[AuthorizationBound]:
    """Bind every authorization that waits to the EVSE that must be meant, the oldest first, once the last transaction there is over."""
    sessions = station[SESSIONS]
    taken: set[int] = set()
    for number, waiting in sessions.waiting():
        free = tuple([evse_id for evse_id in still_candidates(station, waiting) if evse_id not in taken])
        chosen = choose(station, free, waiting.granted_at_us)
        if chosen and sessions.at(chosen).ending is None:
            taken.add(chosen)
            yield bind(station, number, waiting, chosen, waiting.trigger)


def waiting_for(station: Station, evse_id: int) -> tuple[int, Session] | None:
    """Return the oldest authorization that waits for a vehicle and may be given *evse_id*; None where there is none."""
    found = station[SESSIONS].waiting()
    return next(((number, waiting) for number, waiting in found if evse_id in still_candidates(station, waiting)), None)
