"""Who may charge where (blocks C and F).

Law: energy is only offered after authorization (C01.FR.01), and a card that stops its own session needs nobody's leave (C01.FR.03).
"""

from __future__ import annotations

from typing import Any

from engine.kernel import ENGINE
from engine.machine import Conclusions, Context, Station
from machines.boot.state import BOOT
from machines.boot.state import Phase as Boot
from machines.connection.state import CONNECTION
from machines.connection.state import Phase as Link
from machines.device_model.views import Variable, evses
from machines.inputs import Called, CardPresented
from machines.outbound.asks import ask
from machines.outbound.facts import Delivered, Dropped
from machines.protocol.serve import reply
from machines.session.facts import AuthorizationAsked, AuthorizationEnded, CardRefused, EnergyBlocked, EnergyCapped, Granted
from machines.session.state import SESSIONS, Asking, Session
from machines.session.tell import register, tell
from machines.storage.state import full
from wire import jsontext

AUTH_ENABLED = Variable("AuthCtrlr", "Enabled", "true")
REMOTE_START_AUTHORIZES = Variable("AuthCtrlr", "AuthorizeRemoteStart", "false")
OFFLINE_UNKNOWN = Variable("AuthCtrlr", "OfflineTxForUnknownIdEnabled", "false")
MASTER_PASS = Variable("AuthCtrlr", "MasterPassGroupId", "")
BEFORE_ACCEPTED = Variable("TxCtrlr", "TxBeforeAcceptedEnabled", "false")
CONNECTION_TIMEOUT_S = Variable("TxCtrlr", "EVConnectionTimeOut", "120")
STOP_ON_INVALID = Variable("TxCtrlr", "StopTxOnInvalidId", "true")
ENERGY_ON_INVALID_WH = Variable("TxCtrlr", "MaxEnergyOnInvalidId", "0")

UNCHECKED_TYPES = ("Central", "NoAuthorization")


def choose(station: Station, wanted: tuple[int, ...], token: str = "", token_type: str = "") -> int:
    """The EVSE that a card is for: the one plugged in longest that nobody pays for, else the first free one; 0 where there is none.

    C01.FR.23, F01.FR.24: a transaction that somebody was authorized for, and that still runs, takes no other driver; with *token* it may go on.
    """
    faulted = station[ENGINE].faulted_evses
    sessions = station[SESSIONS]
    allowed = [e for e in evses(station) if (not wanted or e in wanted) and e not in faulted and not taken(sessions.at(e), token, token_type)]
    waiting = [e for e in allowed if sessions.at(e).connected and not sessions.at(e).authorized]
    if waiting:
        return min(waiting, key=lambda e: (sessions.at(e).plugged_at_us, e))
    free = [e for e in allowed if not sessions.at(e).connected and not sessions.at(e).authorized]
    return free[0] if free else 0


def taken(session: Session, token: str, token_type: str) -> bool:
    """Whether the transaction at an EVSE belongs to another driver than the one with *token*."""
    tx = session.transaction
    return tx is not None and tx.was_authorized and not (token and (session.token, session.token_type) == (token, token_type))


def may_start(station: Station) -> str:
    """Why no session may start now; empty where one may (B02.FR.03, B03.FR.01)."""
    if station[BOOT].phase is not Boot.ACCEPTED and not BEFORE_ACCEPTED.boolean(station):
        return "the station is not accepted by its CSMS yet"
    if full(station):
        return "the station has no room left for another session"
    return ""


def online(station: Station) -> bool:
    """Whether a question would be sent now."""
    return station[CONNECTION].phase is Link.UP and station[BOOT].phase is Boot.ACCEPTED


def grant(
    station: Station,
    cx: Context,
    evse_id: int,
    token: str,
    token_type: str,
    trigger: str,
    *,
    group: str = "",
    remote_start_id: int = -1,
    entry: int = 0,
) -> Conclusions:
    """Somebody may charge at an EVSE; without a cable the vehicle has EVConnectionTimeOut to come (C01.FR.26)."""
    connected = station[SESSIONS].at(evse_id).connected
    yield Granted(
        evse_id=evse_id,
        token=token,
        token_type=token_type,
        trigger=trigger,
        group=group,
        connect_by_us=0 if connected else cx.at + max(CONNECTION_TIMEOUT_S.integer(station), 1) * 1_000_000,
        remote_start_id=remote_start_id,
        entry=entry,
    )


def on_card(station: Station, card: CardPresented, cx: Context) -> Conclusions:
    """A card is held to the reader."""
    sessions = station[SESSIONS]
    here = [e for e in evses(station) if not card.evse_ids or e in card.evse_ids]
    for evse_id in here:
        session = sessions.at(evse_id)
        if session.authorized and session.token == card.token and session.token_type == card.token_type:
            # C01.FR.03 (a), E07.FR.01: the same card ends what it began, without asking anybody.
            yield stopped_by_card(evse_id, card.token, card.token_type)
            return
    if any(asked.token == card.token and asked.token_type == card.token_type for asked in sessions.asking.values()):
        return
    evse_id = choose(station, card.evse_ids, card.token, card.token_type)
    if not evse_id:
        running = [e for e in here if sessions.at(e).authorized]
        if len(card.evse_ids) == 1 and running and online(station):
            # Another card at a busy EVSE: it may share the group of the session, or be a master pass. Only the CSMS knows.
            yield from ask_csms(station, cx, running[0], card.token, card.token_type, purpose="stop")
        elif running and online(station) and MASTER_PASS.text(station):
            # C16.FR.02: a master pass ends the sessions of a full station too, at whichever reader.
            yield from ask_csms(station, cx, running[0], card.token, card.token_type, purpose="master")
        else:
            yield CardRefused(reason="no EVSE is free for this card")
        return
    refused = may_start(station)
    if refused:
        yield CardRefused(reason=refused)
    elif not AUTH_ENABLED.boolean(station):
        yield from grant(station, cx, evse_id, card.token, card.token_type, "Authorized")
    elif online(station):
        yield from ask_csms(station, cx, evse_id, card.token, card.token_type)
    else:
        yield from grant_offline(station, cx, evse_id, card.token, card.token_type, "Authorized")


def stopped_by_card(evse_id: int, token: str, token_type: str, entry: int = 0, reason: str = "Local") -> AuthorizationEnded:
    """E07.FR.02, E07.FR.05; *reason* is ``MasterPass`` for a card that ends the sessions of others (C16.FR.08)."""
    return AuthorizationEnded(evse_id=evse_id, trigger="StopAuthorized", stopped_reason=reason, token=token, token_type=token_type, entry=entry)


def ask_csms(
    station: Station,
    cx: Context,
    evse_id: int,
    token: str,
    token_type: str,
    *,
    purpose: str = "start",
    remote_start_id: int = -1,
) -> Conclusions:
    """C01.FR.02: ask the CSMS."""
    queued = ask(station, cx, "Authorize", {"idToken": {"idToken": token, "type": token_type}})
    yield AuthorizationAsked(
        entry=queued.entry,
        evse_id=evse_id,
        token=token,
        token_type=token_type,
        purpose=purpose,
        remote_start_id=remote_start_id,
    )
    yield queued


def grant_offline(
    station: Station,
    cx: Context,
    evse_id: int,
    token: str,
    token_type: str,
    trigger: str,
    *,
    remote_start_id: int = -1,
    entry: int = 0,
) -> Conclusions:
    """Nobody can be asked: OfflineTxForUnknownIdEnabled decides."""
    if OFFLINE_UNKNOWN.boolean(station):
        yield from grant(station, cx, evse_id, token, token_type, trigger, remote_start_id=remote_start_id, entry=entry)
    else:
        yield CardRefused(reason="offline, and unknown cards are not accepted offline", entry=entry)


def trigger_of(asked: Asking) -> str:
    """OCPP's trigger for what a granted question leads to."""
    return "Authorized" if asked.remote_start_id < 0 else "RemoteStart"


def on_answer(station: Station, answer: Delivered, cx: Context) -> Conclusions:
    """The CSMS said who it is."""
    asked = station[SESSIONS].asking.get(answer.entry)
    if asked is None:
        return
    info: dict[str, Any] = jsontext.decode(answer.payload)["idTokenInfo"]
    status = info["status"]
    group = str((info.get("groupIdToken") or {}).get("idToken", ""))
    allowed: list[int] = info.get("evseId") or []
    if status != "Accepted":
        yield CardRefused(reason=f"the CSMS says {status}", entry=answer.entry)
    elif group and group == MASTER_PASS.text(station):
        yield from stop_by_master_pass(station, answer.entry, asked)
    elif asked.purpose == "stop":
        yield from stop_by_group(station, answer.entry, asked, group)
    elif asked.purpose == "master":
        yield CardRefused(reason="no EVSE is free for this card", entry=answer.entry)
    else:
        session = station[SESSIONS].at(asked.evse_id)
        evse_id = asked.evse_id
        if session.authorized or (allowed and evse_id not in allowed):
            # C01.FR.21: only where the CSMS allows it; and somebody else may have been faster.
            evse_id = choose(station, tuple(allowed), asked.token, asked.token_type)
        if not evse_id:
            yield CardRefused(reason="no EVSE is free where this card may be used", entry=answer.entry)
        else:
            yield from grant(
                station,
                cx,
                evse_id,
                asked.token,
                asked.token_type,
                trigger_of(asked),
                group=group,
                remote_start_id=asked.remote_start_id,
                entry=answer.entry,
            )


def stop_by_group(station: Station, entry: int, asked: Asking, group: str) -> Conclusions:
    """C09.FR.03: the same group ends the session at its EVSE."""
    session = station[SESSIONS].at(asked.evse_id)
    if group and session.authorized and group == session.group:
        yield stopped_by_card(asked.evse_id, asked.token, asked.token_type, entry)
    else:
        yield CardRefused(reason="the EVSE is in use by somebody else", entry=entry)


def stop_by_master_pass(station: Station, entry: int, asked: Asking) -> Conclusions:
    """C16.FR.02, C16.FR.03: without a display a master pass ends all sessions, and it never begins one."""
    sessions = station[SESSIONS]
    ending = [e for e in evses(station) if sessions.at(e).authorized]
    for evse_id in ending:
        yield stopped_by_card(evse_id, asked.token, asked.token_type, entry, "MasterPass")
    if not ending:
        yield CardRefused(reason="a master pass ends sessions and begins none", entry=entry)


def on_drop(station: Station, dropped: Dropped, cx: Context) -> Conclusions:
    """The question was not answered: as offline."""
    asked = station[SESSIONS].asking.get(dropped.entry)
    if asked is None:
        return
    if asked.purpose != "start" or station[SESSIONS].at(asked.evse_id).authorized:
        yield CardRefused(reason=f"no answer from the CSMS ({dropped.reason})", entry=dropped.entry)
    else:
        yield from grant_offline(
            station,
            cx,
            asked.evse_id,
            asked.token,
            asked.token_type,
            trigger_of(asked),
            remote_start_id=asked.remote_start_id,
            entry=dropped.entry,
        )


def on_event_answer(station: Station, answer: Delivered, cx: Context) -> Conclusions:  # noqa: ARG001
    """E05: the CSMS does not accept the driver of a running transaction after all."""
    info: dict[str, Any] = jsontext.decode(answer.payload).get("idTokenInfo") or {}
    if not info or info["status"] == "Accepted":
        return
    for evse_id, session in sorted(station[SESSIONS].of.items()):
        if session.token_entry != answer.entry or not session.authorized or session.transaction is None:
            continue
        if STOP_ON_INVALID.boolean(station):
            yield AuthorizationEnded(evse_id=evse_id, trigger="Deauthorized", stopped_reason="DeAuthorized")
        elif ENERGY_ON_INVALID_WH.integer(station) > 0:
            yield EnergyCapped(evse_id=evse_id, until_wh=session.transaction.started_wh + ENERGY_ON_INVALID_WH.integer(station))
        else:
            yield EnergyBlocked(evse_id=evse_id)


def rejected(reason_code: str, info: str) -> dict[str, Any]:
    """An answer that says no, and why; *reason_code* is one of the specification's list."""
    return {"status": "Rejected", "statusInfo": {"reasonCode": reason_code, "additionalInfo": info}}


def on_remote_start(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:
    """F01, F02 RequestStartTransaction."""
    wanted = int(asked.get("evseId") or 0)
    evse_id = choose(station, (wanted,) if wanted else ())
    if station[BOOT].phase is not Boot.ACCEPTED:
        # B02.FR.05: whatever is configured for local starts.
        yield reply(station, call, rejected("CSNotAccepted", "the CSMS has not accepted this station yet"))
        return
    if wanted and wanted not in evses(station):
        yield reply(station, call, rejected("UnknownEvse", f"there is no EVSE {wanted}"))
        return
    if not evse_id:
        yield reply(station, call, rejected("TxInProgress", "no EVSE is free"))
        return
    if full(station):
        yield reply(station, call, rejected("OutOfStorage", "the journal is full"))
        return
    session = station[SESSIONS].at(evse_id)
    answer: dict[str, Any] = {"status": "Accepted"}
    if session.transaction is not None:
        # F02.FR.01: the transaction that plugging in began.
        answer["transactionId"] = session.transaction.transaction_id
    yield reply(station, call, answer)
    token, token_type = asked["idToken"]["idToken"], asked["idToken"]["type"]
    remote_start_id = int(asked["remoteStartId"])
    group = str((asked.get("groupIdToken") or {}).get("idToken", ""))
    if REMOTE_START_AUTHORIZES.boolean(station) and token_type not in UNCHECKED_TYPES:
        # F01.FR.01: as if the card had been held to the reader.
        yield from ask_csms(station, cx, evse_id, token, token_type, remote_start_id=remote_start_id)
    else:
        yield from grant(station, cx, evse_id, token, token_type, "RemoteStart", group=group, remote_start_id=remote_start_id)


def on_remote_stop(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:
    """F03 RequestStopTransaction."""
    for evse_id, session in sorted(station[SESSIONS].of.items()):
        tx = session.transaction
        if tx is None or tx.transaction_id != asked["transactionId"]:
            continue
        if station[BOOT].phase is not Boot.ACCEPTED:
            break
        yield reply(station, call, {"status": "Accepted"})
        if session.authorized:
            yield AuthorizationEnded(evse_id=evse_id, trigger="RemoteStop", stopped_reason="Remote")
        else:
            # F03.FR.02: nothing is offered any more; the transaction ends where TxStopPoint says.
            yield from tell(station, cx, evse_id, "RemoteStop")
        return
    yield reply(station, call, rejected("TxNotFound", "no such transaction is running"))


def energy_left(station: Station, evse_id: int, session: Session) -> bool:
    """Whether a session that is capped may take more energy (E05.FR.03)."""
    return not session.until_wh or register(station, evse_id) < session.until_wh
