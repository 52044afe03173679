"""RequestStartTransaction and RequestStopTransaction (F01 to F04).

Invariant: a request that is accepted leads to a transaction event that names it: RemoteStart with the remoteStartId, RemoteStop, or the end of the
wait for a vehicle.
"""

from __future__ import annotations

from typing import Any

from engine.machine import Conclusions, Context, Station
from machines.boot.state import BOOT
from machines.boot.state import Phase as Boot
from machines.device_model.views import Variable, evses
from machines.inputs import Called
from machines.protocol.serve import reply
from machines.session.authorize import BY_REMOTE_START, NO_AUTHORIZATION, ask_csms, group_in
from machines.session.candidates import candidates, choose, grant
from machines.session.facts import AuthorizationEnded, ChargingProfileIgnored
from machines.session.state import SESSIONS
from machines.session.tell import tell
from machines.storage.state import full

REMOTE_START_AUTHORIZES = Variable("AuthCtrlr", "AuthorizeRemoteStart", "false")

UNCHECKED_TYPES = ("Central", NO_AUTHORIZATION)


def rejected(reason_code: str, info: str) -> dict[str, Any]:
    """Return an answer that says no, and why; *reason_code* is one of the specification's list."""
    return {"status": "Rejected", "statusInfo": {"reasonCode": reason_code, "additionalInfo": info}}


def refusal(station: Station, wanted: int, free: tuple[int, ...]) -> dict[str, Any] | None:
    """Return why a remote start at the EVSE *wanted* (0: any) cannot be; None where it can."""
    if station[BOOT].phase is not Boot.ACCEPTED:
        # B02.FR.05: whatever is configured for local starts.
        return rejected("CSNotAccepted", "the CSMS has not accepted this station yet")
    if wanted and wanted not in evses(station):
        return rejected("UnknownEvse", f"there is no EVSE {wanted}")
    if not free:
        return rejected("TxInProgress", "no EVSE is free")
    if full(station):
        return rejected("OutOfStorage", "the journal is full")
    return None


def on_remote_start(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:
    """Answer RequestStartTransaction, and start where it is accepted (F01, F02); without an evseId where the vehicle plugs in (F01.FR.20)."""
    wanted = int(asked.get("evseId") or 0)
    free = candidates(station, (wanted,) if wanted else ())
    no = refusal(station, wanted, free)
    if no is not None:
        yield reply(station, call, no)
        return
    answer: dict[str, Any] = {"status": "Accepted"}
    session = station[SESSIONS].at(choose(station, free, cx.at))
    if session.transaction is not None and session.ending is None:
        # F02.FR.01: the transaction that plugging in began.
        answer["transactionId"] = session.transaction.transaction_id
    remote_start_id = int(asked["remoteStartId"])
    if "chargingProfile" in asked:
        # F01.FR.12, F02.FR.20
        answer["statusInfo"] = {"reasonCode": "UnsupportedParam", "additionalInfo": "chargingProfile ignored: no smart charging"}
        yield ChargingProfileIgnored(remote_start_id=remote_start_id)
    yield reply(station, call, answer)
    token, token_type = asked["idToken"]["idToken"], asked["idToken"]["type"]
    if REMOTE_START_AUTHORIZES.boolean(station) and token_type not in UNCHECKED_TYPES:
        # F01.FR.01: as if the card had been held to the reader.
        yield from ask_csms(station, cx, (wanted,) if wanted else evses(station), token, token_type, remote_start_id=remote_start_id)
    else:
        yield from grant(station, cx, free, token, token_type, "RemoteStart", BY_REMOTE_START, group=group_in(asked), remote_start_id=remote_start_id)


def on_remote_stop(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:
    """Answer RequestStopTransaction, and stop the transaction that it names (F03); ids are compared without case, as identifierStrings are."""
    identifier = asked["transactionId"].casefold()
    for place, session in sorted(station[SESSIONS].of.items()):
        tx = session.transaction
        if tx is None or tx.transaction_id.casefold() != identifier:
            continue
        if station[BOOT].phase is not Boot.ACCEPTED:
            break
        yield reply(station, call, {"status": "Accepted"})
        if session.authorized:
            yield AuthorizationEnded(evse_id=place, trigger="RemoteStop", stopped_reason="Remote")
        else:
            # F03.FR.02: nothing is offered any more; the transaction ends where TxStopPoint says.
            yield from tell(station, cx, place, "RemoteStop")
        return
    yield reply(station, call, rejected("TxNotFound", "no such transaction is running"))
