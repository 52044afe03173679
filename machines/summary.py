"""The station as a person or a program outside wants to see it.

Law: read-only, made afresh from the station; no secret, and of a person no more than a pseudonym.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.kernel import ENGINE, Faulted, Turn
from engine.machine import Station
from machines.boot.state import BOOT
from machines.clock.views import timestamp
from machines.connection.facts import Lost, Opened
from machines.connection.machine import IDENTITY, public_url, slot_url
from machines.connection.state import CONNECTION, Phase
from machines.connection.views import security_profile
from machines.device_model.views import connectors, evses
from machines.meter.state import METERS
from machines.monitoring.state import MONITORING
from machines.network.machine import NETWORK
from machines.outbound.state import OUTBOUND
from machines.session.facts import (
    AuthorizationBound,
    AuthorizationEnded,
    CablePlugged,
    CableUnplugged,
    CardRefused,
    EnergyBlocked,
    EnergyStarted,
    EnergySuspended,
    Granted,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from machines.session.state import SESSIONS
from machines.session.tell import charging_state
from machines.status.machine import connector_status
from machines.vas.facts import InternetClosed, InternetFailed, InternetOpened, InternetReleased, InternetRequested
from machines.vas.state import VAS
from machines.version.state import VERSION

SESSION_FACTS = (CablePlugged, CableUnplugged, Granted, AuthorizationBound, AuthorizationEnded, EnergyStarted, EnergySuspended, EnergyBlocked)
VAS_FACTS = (InternetRequested, InternetOpened, InternetFailed, InternetReleased, InternetClosed)


def pseudonym(token: str) -> str:
    """A sealed text's short name: the first digits of its handle."""
    return token[8:14] if token.startswith("<sealed:") else token


def link(station: Station) -> dict[str, Any]:
    """The link, in the words of the control interface."""
    here = station[CONNECTION]
    _, url = slot_url(station)
    found: dict[str, Any] = {
        "connected": here.phase.value == "up",
        "csms_url": public_url(url),
        "security_profile": security_profile(station),
        "slot": here.slot,
        "interface": "Wired0",
        "transport": "JSON",
        "identity": IDENTITY.text(station),
    }
    version = station[VERSION].of.get(here.link)
    if version:
        found["version"] = version
    return found


def describe_link(station: Station) -> dict[str, Any]:
    """The link and what an operator wants to know of it besides: why there is none, and when the station dials again; times are OCPP's dateTime."""
    here = station[CONNECTION]
    failure = here.failure
    return {
        **link(station),
        "phase": here.phase.value,
        "held": here.held,
        "open_since": timestamp(station, here.opened_at_us) if here.phase in (Phase.UP, Phase.LEAVING) else None,
        "failed_attempts": here.failures,
        "last_failure": None
        if failure is None
        else {"link": failure.link, "at": timestamp(station, failure.at_us), "reason": failure.reason, "detail": failure.detail},
        "next_dial": timestamp(station, here.due_us) if here.phase is Phase.DOWN and here.due_us is not None else None,
    }


def summary(station: Station, at_us: int) -> dict[str, Any]:
    """The station as it stands, as JSON values."""
    boot, out, monitoring = station[BOOT], station[OUTBOUND], station[MONITORING]
    lost = out.last_given_up
    return {
        "time": timestamp(station, at_us),
        "link": describe_link(station),
        "boot": {
            "phase": boot.phase.value,
            "standing": boot.standing,
            "asks_again": timestamp(station, boot.retry_at_us) if boot.retry_at_us is not None else None,
            "boots": boot.boots,
            "build": boot.build,
        },
        "queue": {
            "waiting": len(out.queue),
            "in_flight": bool(out.flying),
            "thinned": out.thinned,
            "given_up": out.given_up,
            "last_given_up": None if lost is None else {"action": lost.action, "reason": lost.reason},
        },
        "monitoring": {
            "base": monitoring.base,
            "level": monitoring.level,
            "monitors": len(monitoring.monitors),
            "exceeded": sorted(monitoring.exceeded),
        },
        "faulted_evses": list(station[ENGINE].faulted_evses),
        "network": {
            "in_flight": station[NETWORK].in_flight,
            "forwards": [{"evse": f.evse_id, "ports": list(f.tcp_ports)} for f in station[NETWORK].has.forwards],
        },
        "evses": [evse(station, evse_id) for evse_id in evses(station)],
        "waiting": [waiting(station, number) for number, _ in station[SESSIONS].waiting()],
    }


def waiting(station: Station, number: int) -> dict[str, Any]:
    """An authorization that waits for one of several EVSEs, under its *number*."""
    session = station[SESSIONS].at(number)
    found: dict[str, Any] = {"evses": list(session.evse_ids)}
    if session.authorized:
        found["token"] = pseudonym(session.token)
    if session.transaction is not None:
        found["transaction"] = {"transaction_id": session.transaction.transaction_id, "seq_no": station[SESSIONS].told[number].seq_no}
    return found


def evse(station: Station, evse_id: int) -> dict[str, Any]:
    """One EVSE as it stands."""
    session = station[SESSIONS].at(evse_id)
    found: dict[str, Any] = {
        "evse": evse_id,
        "phase": session.phase.value,
        "charging_state": charging_state(session),
        "pilot": session.pilot,
        "contactor_closed": session.contactor,
        "connectors": [{"connector": c, "status": connector_status(station, e, c)} for e, c in connectors(station) if e == evse_id],
        "internet": station[VAS].at(evse_id).phase.value,
    }
    reading = station[METERS].readings.get(evse_id)
    if reading is not None:
        found["energy_wh"] = reading.energy_wh
        if reading.power_w >= 0:
            found["power_w"] = reading.power_w
    if session.authorized:
        found["token"] = pseudonym(session.token)
    tx = session.transaction
    if tx is not None:
        found["transaction"] = {
            "transaction_id": tx.transaction_id,
            "seq_no": station[SESSIONS].told[evse_id].seq_no,
            "energy_wh": (reading.energy_wh if reading is not None else tx.started_wh) - tx.started_wh,
        }
    return found


def at_evse(evse_id: int) -> dict[str, int]:
    """The EVSE of an event; nothing while it is not known."""
    return {"evse": evse_id} if evse_id > 0 else {}


def events_of(turn: Turn, station: Station) -> Iterator[dict[str, Any]]:
    """What subscribers of the control socket hear of a turn."""
    for fact in turn.facts:
        if isinstance(fact, Opened | Lost):
            event = {"event": "link", **link(station)}
            event["connected"] = isinstance(fact, Opened)
            if isinstance(fact, Lost):
                event["reason"] = fact.reason
            yield event
        elif isinstance(fact, SESSION_FACTS):
            what = {"event": "session", "what": type(fact).__name__}
            yield {**what, **(evse(station, fact.evse_id) if fact.evse_id > 0 else waiting(station, fact.evse_id))}
        elif isinstance(fact, CardRefused):
            yield {"event": "session", "what": "CardRefused", "reason": fact.reason}
        elif isinstance(fact, TransactionStarted):
            yield {
                "event": "transaction",
                "type": "Started",
                **at_evse(fact.evse_id),
                "transaction_id": fact.transaction_id,
                "seq_no": 0,
                "trigger": fact.trigger,
            }
        elif isinstance(fact, TransactionUpdated):
            tx = station[SESSIONS].at(fact.evse_id).transaction
            yield {
                "event": "transaction",
                "type": "Updated",
                **at_evse(fact.evse_id),
                **({"transaction_id": tx.transaction_id} if tx is not None else {}),
                "seq_no": fact.seq_no,
                "trigger": fact.trigger,
            }
        elif isinstance(fact, TransactionEnded):
            yield {
                "event": "transaction",
                "type": "Ended",
                **at_evse(fact.evse_id),
                "transaction_id": fact.transaction_id,
                "seq_no": fact.seq_no,
                "trigger": fact.trigger,
                "stopped_reason": fact.stopped_reason,
                "energy_wh": fact.energy_wh,
            }
        elif isinstance(fact, VAS_FACTS):
            yield {"event": "vas", "evse": fact.evse_id, "phase": station[VAS].at(fact.evse_id).phase.value}
        elif isinstance(fact, Faulted):
            yield {"event": "alarm", "machine": fact.machine, "error": fact.error}
