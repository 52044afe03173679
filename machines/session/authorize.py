"""Who may charge (block C): cards, what the CSMS answers about them, and what counts where it cannot be asked.

Invariant: energy is only offered after an acceptance or by a rule that allows it (C01.FR.01).  An error, silence or nonsense from a CSMS whose
link is up is no acceptance, and no reason to act as if offline.  A card that stops its own session needs nobody's leave (C01.FR.03).
"""

from __future__ import annotations

from typing import Any

from engine.machine import Conclusions, Context, Station
from machines.boot.state import BOOT
from machines.boot.state import Phase as Boot
from machines.connection.state import CONNECTION
from machines.connection.state import Phase as Link
from machines.device_model.views import Variable, evses
from machines.inputs import CardPresented
from machines.outbound.asks import ask
from machines.outbound.facts import Delivered, Dropped
from machines.session.candidates import candidates, grant
from machines.session.facts import (
    AuthorizationAsked,
    AuthorizationEnded,
    CardRefused,
    EnergyBlocked,
    EnergyCapped,
    TokenInfoLearned,
)
from machines.session.state import SESSIONS, Asking, Session, is_same_token
from machines.session.tell import register
from machines.storage.state import full
from wire import jsontext
from wire.sealed import is_same_identifier

AUTH_ENABLED = Variable("AuthCtrlr", "Enabled", "true")
OFFLINE_UNKNOWN = Variable("AuthCtrlr", "OfflineTxForUnknownIdEnabled", "false")
MASTER_PASS = Variable("AuthCtrlr", "MasterPassGroupId", "")
BEFORE_ACCEPTED = Variable("TxCtrlr", "TxBeforeAcceptedEnabled", "false")
STOP_ON_INVALID = Variable("TxCtrlr", "StopTxOnInvalidId", "true")
ENERGY_ON_INVALID_WH = Variable("TxCtrlr", "MaxEnergyOnInvalidId", "0")

NO_AUTHORIZATION = "NoAuthorization"
"""The type of an idToken that stands for nobody (C02.FR.01)."""

# The rules that a decision to let somebody charge may rest on, as ``Granted.basis`` has them.
BY_CSMS = "Authorize"
BY_REMOTE_START = "RequestStartTransaction"
BY_AUTH_DISABLED = "AuthCtrlr.Enabled"
BY_OFFLINE_RULE = "AuthCtrlr.OfflineTxForUnknownIdEnabled"
BY_BEFORE_ACCEPTED_RULE = "TxCtrlr.TxBeforeAcceptedEnabled"

BUSY = "no EVSE is free for this card"


def why_not_start(station: Station) -> str:
    """Return why no session may start now; empty where one may (B02.FR.03, B03.FR.01)."""
    if station[BOOT].phase is not Boot.ACCEPTED and not BEFORE_ACCEPTED.boolean(station):
        return "the station is not accepted by its CSMS yet"
    if full(station):
        return "the station has no room left for another session"
    return ""


def is_link_up(station: Station) -> bool:
    """Whether there is a link to the CSMS, whatever the CSMS thinks of the station."""
    return station[CONNECTION].phase is Link.UP


def can_ask(station: Station) -> bool:
    """Whether a question would be sent now: nothing may be asked before the CSMS accepts the station (B02.FR.02)."""
    return is_link_up(station) and station[BOOT].phase is Boot.ACCEPTED


def on_card(station: Station, card: CardPresented, cx: Context) -> Conclusions:
    """Decide what a card that is held to the reader does: stop its session, start one, or nothing."""
    sessions = station[SESSIONS]
    token, token_type = card.token, card.token_type
    here = tuple([e for e in evses(station) if not card.evse_ids or e in card.evse_ids])
    own = stoppable(station, here, token, token_type)
    if own:
        # C01.FR.03 (a), E07.FR.01: the same card ends what it began, without asking anybody.
        yield stopped_by_card(own, token, token_type)
        return
    if any(is_same_token(asked.token, asked.token_type, token, token_type) for asked in sessions.asking.values()):
        return
    free = candidates(station, here, token, token_type)
    if not free:
        yield from on_busy(station, cx, here, card)
        return
    refusal = why_not_start(station)
    if refusal:
        yield CardRefused(reason=refusal, token=token)
    elif not AUTH_ENABLED.boolean(station):
        yield from grant(station, cx, free, token, token_type, "Authorized", BY_AUTH_DISABLED)
    elif can_ask(station):
        yield from ask_csms(station, cx, here, token, token_type)
    else:
        yield from grant_unasked(station, cx, free, token, token_type, "Authorized")


def at_reader(station: Station, here: tuple[int, ...]) -> list[tuple[int, Session]]:
    """Return (place, session) of the sessions at the EVSEs of a reader, and of the authorizations that wait for one of them."""
    sessions = station[SESSIONS]
    bound = [(evse_id, sessions.of[evse_id]) for evse_id in here if evse_id in sessions.of]
    return bound + [(number, waiting) for number, waiting in sessions.waiting() if not set(here).isdisjoint(waiting.evse_ids)]


def stoppable(station: Station, here: tuple[int, ...], token: str, token_type: str) -> int:
    """Return the place of the session that a card ends without a question; 0 for none.

    It began it; or nobody in particular did, at a station that asks nobody for leave.
    """
    found = at_reader(station, here)
    own = next((place for place, session in found if session.is_for(token, token_type)), 0)
    if own or AUTH_ENABLED.boolean(station):
        return own
    return next((place for place, session in found if session.authorized and session.token_type == NO_AUTHORIZATION), 0)


def on_busy(station: Station, cx: Context, here: tuple[int, ...], card: CardPresented) -> Conclusions:
    """Decide what a card does at a reader whose EVSEs are all taken."""
    sessions = station[SESSIONS]
    running = [e for e in here if sessions.at(e).authorized]
    if running and can_ask(station) and AUTH_ENABLED.boolean(station):
        if len(card.evse_ids) == 1:
            # Another card at a busy EVSE: it may share the group of the session, or be a master pass. Only the CSMS knows.
            yield from ask_csms(station, cx, (running[0],), card.token, card.token_type, purpose="stop")
            return
        if MASTER_PASS.text(station):
            # C16.FR.02: a master pass ends the sessions of a full station too, at whichever reader.
            yield from ask_csms(station, cx, (running[0],), card.token, card.token_type, purpose="master")
            return
    yield CardRefused(reason=BUSY, token=card.token)


def stopped_by_card(place: int, token: str, token_type: str, entry: int = 0, reason: str = "Local") -> AuthorizationEnded:
    """Return the fact that a card ended a session (E07.FR.02, E07.FR.05); *reason* is ``MasterPass`` for one that ends others' (C16.FR.08)."""
    return AuthorizationEnded(evse_id=place, trigger="StopAuthorized", stopped_reason=reason, token=token, token_type=token_type, entry=entry)


def ask_csms(
    station: Station,
    cx: Context,
    evse_ids: tuple[int, ...],
    token: str,
    token_type: str,
    *,
    purpose: str = "start",
    remote_start_id: int = -1,
) -> Conclusions:
    """Ask the CSMS about a card (C01.FR.02); the arguments are those of :class:`AuthorizationAsked`."""
    queued = ask(station, cx, "Authorize", {"idToken": {"idToken": token, "type": token_type}})
    yield AuthorizationAsked(
        entry=queued.entry,
        evse_ids=evse_ids,
        token=token,
        token_type=token_type,
        purpose=purpose,
        remote_start_id=remote_start_id,
    )
    yield queued


def grant_unasked(
    station: Station,
    cx: Context,
    evse_ids: tuple[int, ...],
    token: str,
    token_type: str,
    trigger: str,
    *,
    remote_start_id: int = -1,
    entry: int = 0,
) -> Conclusions:
    """Decide about an unknown card while nobody may be asked.

    Without a link OfflineTxForUnknownIdEnabled decides (C15.FR.08).  On a link whose CSMS has not accepted the station TxBeforeAcceptedEnabled does,
    which the caller has looked at: the station is not offline then (B02.FR.03, B03.FR.01).
    """
    if is_link_up(station):
        basis = BY_BEFORE_ACCEPTED_RULE
    elif OFFLINE_UNKNOWN.boolean(station):
        basis = BY_OFFLINE_RULE
    else:
        yield CardRefused(reason="offline, and unknown cards are not accepted offline", entry=entry, token=token)
        return
    yield from grant(station, cx, evse_ids, token, token_type, trigger, basis, remote_start_id=remote_start_id, entry=entry)


def trigger_of(asked: Asking) -> str:
    """Return OCPP's trigger for what a granted question leads to."""
    return "Authorized" if asked.remote_start_id < 0 else "RemoteStart"


def group_in(info: dict[str, Any]) -> str:
    """Return the group that an idTokenInfo names; empty for none."""
    return str((info.get("groupIdToken") or {}).get("idToken", ""))


def on_answer(station: Station, answer: Delivered, cx: Context) -> Conclusions:
    """Decide what the CSMS's answer to Authorize leads to."""
    asked = station[SESSIONS].asking.get(answer.entry)
    if asked is None:
        return
    info: dict[str, Any] = jsontext.decode(answer.payload)["idTokenInfo"]
    status, group = info["status"], group_in(info)
    if status != "Accepted":
        yield CardRefused(reason=f"the CSMS says {status}", entry=answer.entry, token=asked.token)
    elif group and is_same_identifier(group, MASTER_PASS.text(station)):
        yield from stop_by_master_pass(station, answer.entry, asked)
    elif asked.purpose == "stop":
        yield from stop_by_group(station, answer.entry, asked, group)
    elif asked.purpose == "master":
        yield CardRefused(reason=BUSY, entry=answer.entry, token=asked.token)
    else:
        # C01.FR.21: only where the CSMS allows it.
        allowed: list[int] = info.get("evseId") or []
        wanted = [e for e in asked.evse_ids if not allowed or e in allowed]
        free = candidates(station, wanted, asked.token, asked.token_type) if wanted else ()
        if not free:
            yield CardRefused(reason="no EVSE is free where this card may be used", entry=answer.entry, token=asked.token)
            return
        yield from grant(
            station,
            cx,
            free,
            asked.token,
            asked.token_type,
            trigger_of(asked),
            BY_CSMS,
            group=group,
            remote_start_id=asked.remote_start_id,
            entry=answer.entry,
        )


def stop_by_group(station: Station, entry: int, asked: Asking, group: str) -> Conclusions:
    """Stop the session at the EVSE of the question where the card shares its group (C09.FR.03)."""
    (evse_id,) = asked.evse_ids
    session = station[SESSIONS].at(evse_id)
    if group and session.authorized and is_same_identifier(group, session.group):
        yield stopped_by_card(evse_id, asked.token, asked.token_type, entry)
    else:
        yield CardRefused(reason="the EVSE is in use by somebody else", entry=entry, token=asked.token)


def stop_by_master_pass(station: Station, entry: int, asked: Asking) -> Conclusions:
    """Stop all sessions: without a display a master pass ends every one, and it never begins one (C16.FR.02, C16.FR.03)."""
    ending = [place for place, session in at_reader(station, evses(station)) if session.authorized]
    for place in ending:
        yield stopped_by_card(place, asked.token, asked.token_type, entry, "MasterPass")
    if not ending:
        yield CardRefused(reason="a master pass ends sessions and begins none", entry=entry, token=asked.token)


def on_drop(station: Station, dropped: Dropped, cx: Context) -> Conclusions:
    """Decide about a card whose question was not answered.

    Where the link is gone, the card is an offline one (C15).  A CSMS that answers with an error, nonsense or not in time while the link is up has
    not accepted the card.
    """
    asked = station[SESSIONS].asking.get(dropped.entry)
    if asked is None:
        return
    free = candidates(station, asked.evse_ids, asked.token, asked.token_type)
    if asked.purpose != "start" or is_link_up(station):
        yield CardRefused(reason=f"the CSMS has not accepted it: {dropped.reason}", entry=dropped.entry, token=asked.token)
    elif not free:
        yield CardRefused(reason=BUSY, entry=dropped.entry, token=asked.token)
    else:
        yield from grant_unasked(
            station,
            cx,
            free,
            asked.token,
            asked.token_type,
            trigger_of(asked),
            remote_start_id=asked.remote_start_id,
            entry=dropped.entry,
        )


def on_event_answer(station: Station, answer: Delivered, cx: Context) -> Conclusions:  # noqa: ARG001
    """Decide what the CSMS's verdict on the driver of a running transaction leads to (E05, C15.FR.03 to FR.07, C09.FR.12)."""
    info: dict[str, Any] = jsontext.decode(answer.payload).get("idTokenInfo") or {}
    if not info:
        return
    group, allowed = group_in(info), tuple(info.get("evseId") or ())
    for place, session in sorted(station[SESSIONS].of.items()):
        if session.token_entry != answer.entry or not session.authorized or session.transaction is None:
            continue
        # C01.FR.21: a token that is not for this EVSE is not accepted here.
        elsewhere = bool(allowed) and (place not in allowed if place > 0 else set(allowed).isdisjoint(session.evse_ids))
        if info["status"] == "Accepted" and not elsewhere:
            narrows = bool(allowed) and not set(session.evse_ids) <= set(allowed)
            if narrows or (group and not is_same_identifier(group, session.group)):
                yield TokenInfoLearned(evse_id=place, group=group or session.group, evse_ids=allowed)
        elif STOP_ON_INVALID.boolean(station):
            yield AuthorizationEnded(evse_id=place, trigger="Deauthorized", stopped_reason="DeAuthorized")
        elif ENERGY_ON_INVALID_WH.integer(station) > 0:
            # Where the EVSE is not known yet, the register to begin with is added when it is.
            begun_wh = max(session.transaction.started_wh, 0)
            yield EnergyCapped(evse_id=place, until_wh=begun_wh + ENERGY_ON_INVALID_WH.integer(station))
        else:
            yield EnergyBlocked(evse_id=place)


def energy_left(station: Station, evse_id: int, session: Session) -> bool:
    """Whether a session that is capped may take more energy (E05.FR.03)."""
    return not session.until_wh or register(station, evse_id) < session.until_wh
