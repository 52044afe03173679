"""The daemon's log of what happens to the station: durable facts as lines for an operator.

Invariant: every fact that changes what an operator would do has one line, and every other class of fact says in SILENT why it has none.  A line
holds no secret and no person: a card stands in it by its pseudonym, a URL without credentials, a sealed text by its length.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.event import Fact
from engine.kernel import FaultCleared, Faulted, Turn
from engine.machine import Station
from machines.boot.facts import BootAccepted, BootAsked, BootFailed, BootPending, BootRejected, OrderlyStop, Rebooted
from machines.boot.machine import HEARTBEAT_INTERVAL_S
from machines.boot.state import BOOT
from machines.certificates.facts import CertificateDeleted, CertificateInstalled, CertificateRefused
from machines.clock.facts import ClockAnchored, ClockSet
from machines.clock.views import timestamp
from machines.connection.facts import Dialled, Held, HungUp, Leaving, LinkConfirmed, Lost, Opened, PingIntervalChanged, Released
from machines.connection.machine import IDENTITY, UNCONFIGURED, public_url, slots
from machines.connection.state import CONNECTION
from machines.connection.views import security_profile
from machines.device_model.facts import (
    DeclarationRemoved,
    DeclarationReturned,
    ModelDeclared,
    ModelRefused,
    SettingRefused,
    VariableCleared,
    VariableSet,
)
from machines.evse.machine import EvseFailed, EvseObeyed, EvseRetried
from machines.heartbeat.machine import HeartbeatAsked, HeartbeatPaced
from machines.inputs import HoldAsked
from machines.meter.facts import AlignedPaced, KeepingPaced, MeterAsked, MeterRead, ReadingDue, ReadingReported, ValueKept
from machines.monitoring.facts import (
    MonitoringBaseSet,
    MonitoringLevelSet,
    MonitorsArmed,
    MonitorsDeclared,
    MonitorsDisarmed,
    MonitorsInstalled,
    MonitorsRemoved,
    MonitorsTriggered,
)
from machines.network.facts import NetworkApplied, NetworkPlanned, NetworkRefused
from machines.outbound.facts import (
    LINK_LOST,
    OFFLINE,
    THINNED,
    Delivered,
    Dropped,
    Failed,
    Lapsed,
    Queued,
    QueueWentOffline,
    Returned,
    Ripened,
    Sent,
    is_given_up,
)
from machines.outbound.state import OUTBOUND
from machines.persons.facts import ForgettingPromised, ShreddingFailed, ShreddingRetried, SubjectForgotten
from machines.security.a01_replaced import OldPasswordsDropped, PasswordsHeld
from machines.security.a04_events import RECONFIGURED, STARTUP, SecurityEventLogged
from machines.session.facts import (
    AuthorizationAsked,
    AuthorizationBound,
    AuthorizationEnded,
    CablePlugged,
    CableUnplugged,
    CardRefused,
    ChargingProfileIgnored,
    ContactorSeen,
    EnergyBlocked,
    EnergyCapped,
    EnergyStarted,
    EnergySuspended,
    EvseAsked,
    Granted,
    PilotSeen,
    SamplingPaced,
    TokenInfoLearned,
    TransactionEnded,
    TransactionEnding,
    TransactionStarted,
    TransactionUpdated,
)
from machines.session.state import SESSIONS
from machines.status.machine import StatusRefused, StatusTold, StatusUntold
from machines.storage.facts import RetirementBegun, RetirementEnded, SegmentClosed, SegmentEnded, StorageLevelled
from machines.storage.state import FULL, TIGHT
from machines.vas.facts import InternetClosed, InternetFailed, InternetOpened, InternetReleased, InternetRequested
from machines.version.facts import VersionAgreed, VersionRefused, VersionsOffered
from machines.version.state import VERSION
from replay.address import component_spelled, spelled
from replay.text import PSEUDONYM_CHARS, clean, unsealed
from wire.declared import Declared
from wire.sealed import parse

log = logging.getLogger("stationd.station")

INFO, WARNING, ERROR = logging.INFO, logging.WARNING, logging.ERROR

TEXT_MOST_CHARS = 200
"""How much of a text from outside, or of a variable's value, a line shows."""


class Event(NamedTuple):
    """A kind of line: its level, and its text with the names of its fields."""

    level: int
    text: str


EVENTS: dict[str, Event] = {
    # The process
    "station.started":        Event(INFO,    "started: build {build}, start {start}{before}"),
    "clock.set":              Event(INFO,    "the clock is set to {time} ({source})"),
    # The link to the CSMS
    "link.dialling":          Event(INFO,    "link {link}: dialling {url} as {identity}; slot {slot}, security profile {security_profile}"),
    "link.open":              Event(INFO,    "link {link}: open, OCPP {version}"),
    "link.version":           Event(WARNING, "link {link}: no OCPP version in common; offered {offered}, chosen by the CSMS {chosen}"),
    "link.failed":            Event(WARNING, "link {link}: failed, {why}; failures in a row: {failures}; {next}"),
    "link.lost":              Event(WARNING, "link {link}: lost after {open_s} s, {why}; failures in a row: {failures}; {next}"),
    "link.leaving":           Event(INFO,    "link {link}: to be closed in {in_s} s, {why}"),
    "link.closed":            Event(INFO,    "link {link}: closed by the station, {why}; {next}"),
    "link.held":              Event(INFO,    "offline until further notice, {why}"),
    "link.released":          Event(INFO,    "no longer offline by request"),
    "link.unconfigured":      Event(WARNING, "no CSMS is configured: no slot of OCPPCommCtrlr.NetworkConfigurationPriority has a URL; name one"),
    # Standing with the CSMS
    "boot.accepted":          Event(INFO,    "accepted by the CSMS; a heartbeat every {heartbeat_s} s"),
    "boot.pending":           Event(WARNING, "pending: neither accepted nor rejected by the CSMS; BootNotification again in {retry_s} s"),
    "boot.rejected":          Event(WARNING, "rejected by the CSMS; BootNotification again in {retry_s} s"),
    "boot.failed":            Event(WARNING, "BootNotification failed, {why}; again in {retry_s} s"),
    # Messages to the CSMS
    "message.retried":        Event(WARNING, "{action} was not taken, {why}; {failures} times by now, again in {retry_s} s (message {entry})"),
    "message.unanswered":     Event(WARNING, "{action} failed, {why} (message {entry})"),
    "message.given_up":       Event(ERROR,   "{action} was given up for good, {why} (message {entry})"),
    "queue.thinned":          Event(WARNING, "{count} meter values were left out: the queue of messages is full"),
    # Security
    "security.event":         Event(INFO,    "security event {type}{info}"),
    "security.alarm":         Event(WARNING, "security event {type}{info}"),
    "password.destroyed":     Event(INFO,    "{count} replaced passwords were destroyed: the CSMS accepts the one that replaced them"),
    "root.installed":         Event(INFO,    "{use} {fingerprint} is trusted from now on ({cause})"),
    "root.deleted":           Event(INFO,    "{use} {fingerprint} is trusted no longer ({cause})"),
    "person.promised":        Event(INFO,    "person {person} will be forgotten when nothing that is under way needs them"),
    "person.forgotten":       Event(INFO,    "person {person} is forgotten"),
    # Settings
    "model.declared":         Event(INFO,    "the component files are in force, digest {digest}"),
    "model.refused":          Event(ERROR,   "the component files are not in force, {why}; those before them stay"),
    "model.removed":          Event(INFO,    "{name} is no longer declared; its values are set aside"),
    "model.returned":         Event(INFO,    "{name} is declared again, and its values are in force again"),
    "variable.set":           Event(INFO,    "{variable} is {value}, was {old}; set by {source} with {cause}"),
    "variable.cleared":       Event(INFO,    "{variable} is {value}; what {source} had set is cleared ({cause})"),
    # Sessions
    "session.plugged":        Event(INFO,    "EVSE {evse}: a vehicle is plugged in at connector {connector}"),
    "session.unplugged":      Event(INFO,    "EVSE {evse}: the vehicle is gone{unseen}"),
    "session.asked":          Event(INFO,    "{place}: the CSMS is asked about {card}"),
    "session.refused":        Event(INFO,    "{card} is refused, {why}"),
    "session.granted":        Event(INFO,    "{place}: {card} may charge ({trigger}; {basis})"),
    "session.bound":          Event(INFO,    "{place}: taken by the authorization that waited for an EVSE"),
    "session.ended":          Event(INFO,    "{place}: the authorization is over, {why}, by {card}"),
    "session.profile":        Event(WARNING, "the charging profile of remote start {remote_start} is ignored: there is no smart charging"),
    "session.blocked":        Event(WARNING, "EVSE {evse}: no more energy in this session, the CSMS does not accept the driver"),
    "session.capped":         Event(WARNING, "EVSE {evse}: energy up to register {until_wh} Wh only, the CSMS does not accept the driver"),
    "transaction.started":    Event(INFO,    "{place}: transaction {transaction} began ({trigger}), {register}, {card}"),
    "transaction.ended":      Event(INFO,    "{place}: transaction {transaction} ended ({why}), {energy_wh} Wh delivered{unread}"),
    # Hardware
    "evse.failed":            Event(ERROR,   "EVSE {evse}: did not do what it was asked, {why}; {failures} times by now, asked again in {retry_s} s"),
    "evse.obeyed":            Event(INFO,    "EVSE {evse}: does what it is asked again"),
    "network.refused":        Event(ERROR,   "the network could not be set up, {why}; tried again in {retry_s} s"),
    "internet.failed":        Event(WARNING, "EVSE {evse}: no internet access for the vehicle, {why}"),
    "storage.plenty":         Event(INFO,    "{used_percent} % of the room for the journal is used"),
    "storage.tight":          Event(WARNING, "{used_percent} % of the room for the journal is used; it is tight"),
    "storage.full":           Event(ERROR,   "{used_percent} % of the room for the journal is used; no new session starts until there is more"),
}  # fmt: skip
"""Every kind of line by name.  docs/logging.md says of each when it is written and what to do."""

Line = tuple[str, dict[str, Any]]
"""The name of an event, and its fields."""


# What a field shows


def clean_text(text: str, otherwise: str = "nothing") -> str:
    """Return a text from outside, or a variable's value, printable and cut; what is sealed is shown by its length."""
    found = clean(unsealed(text))
    return (found if len(found) <= TEXT_MOST_CHARS else f"{found[:TEXT_MOST_CHARS]}…") or otherwise


def card_name(token: str) -> str:
    """Return a card's pseudonym; never its token, not even one that is not sealed."""
    found = parse(token)
    return f"card {found.handle[:PSEUDONYM_CHARS]}" if found is not None else "a card" if token else "no card"


def place_name(evse_id: int, evse_ids: Sequence[int] = ()) -> str:
    """Return where something happens: at an EVSE, or where the EVSE is not known yet (*evse_id* below 1) at one of *evse_ids*, if they are known."""
    found = [evse_id] if evse_id > 0 else evse_ids
    return f"EVSE {' or '.join(map(str, found))}" if found else "an EVSE that is still to be found"


def seconds_between(from_us: int, until_us: int) -> float:
    """Return the time between two moments of station time, in seconds with one decimal."""
    return round(max(until_us - from_us, 0) / 1e6, 1)


# The link


def describe_dialling(fact: Dialled, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield where the station dials to, as whom, and with which security profile."""
    url = public_url(slots(station).get(fact.slot, "")).rstrip("/")
    identity = clean_text(IDENTITY.text(station))
    yield (
        "link.dialling",
        {
            "link": fact.link,
            "url": clean_text(url),
            "identity": identity,
            "slot": fact.slot,
            "security_profile": security_profile(station),
        },
    )


def describe_opening(fact: Opened, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield the version that was agreed on a link that opened."""
    yield "link.open", {"link": fact.link, "version": station[VERSION].of.get(fact.link, "")}


def describe_version_refusal(fact: VersionRefused, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield the versions that were offered, and what the CSMS chose."""
    yield "link.version", {"link": fact.link, "offered": ", ".join(station[VERSION].offered), "chosen": clean_text(fact.chosen)}


def describe_loss(fact: Lost, turn: Turn, station: Station) -> Iterator[Line]:
    """Yield why a link ended or never opened, and when the station dials again."""
    here = station[CONNECTION]
    why = clean_text(f"{fact.reason}: {fact.detail}" if fact.detail else fact.reason)
    redial_s = None if here.held or here.due_us is None else seconds_between(turn.at, here.due_us)
    fields = {
        "link": fact.link,
        "why": why,
        "redial_s": redial_s,
        "next": f"stays offline ({here.held})" if here.held else f"dials again in {redial_s} s",
    }
    if fact.on_purpose:
        yield "link.closed", fields
    elif here.opened_at_us:
        yield "link.lost", {**fields, "failures": fact.failures, "open_s": seconds_between(here.opened_at_us, fact.at_us)}
    else:
        yield "link.failed", {**fields, "failures": fact.failures}


def describe_leaving(fact: Leaving, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield why the station will close a link, and when."""
    yield "link.leaving", {"link": fact.link, "in_s": seconds_between(turn.at, fact.hang_up_at_us), "why": clean_text(fact.reason)}


def describe_hold(fact: Held, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield why the station stays offline; nothing where it is concluded once more because a link is lost meanwhile."""
    if any(isinstance(one, Lost) for one in turn.facts):
        return
    if fact.why == UNCONFIGURED:
        yield "link.unconfigured", {}
    else:
        yield "link.held", {"why": {"control": "asked to disconnect", "stopping": "the station stops"}.get(fact.why, clean_text(fact.why))}


def describe_release(fact: Released, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield that the station may dial again, only where this was requested: every start and every new setting allow it, too."""
    if isinstance(turn.input, HoldAsked):
        yield "link.released", {}


# Standing with the CSMS


def describe_start(fact: Rebooted, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield which build started, and how the last process ended."""
    boots = station[BOOT].boots
    before = ", after an orderly stop" if fact.orderly else ", after a power cut or a crash" if boots > 1 else ""
    yield "station.started", {"build": clean_text(fact.build), "start": boots, "before": before}


def describe_acceptance(fact: BootAccepted, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield how often heartbeats are sent to the CSMS that accepted the station."""
    yield "boot.accepted", {"heartbeat_s": fact.interval_s or HEARTBEAT_INTERVAL_S.integer(station)}


def describe_boot_wait(fact: BootPending | BootRejected, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield when BootNotification is sent again to a CSMS that answered Pending or Rejected."""
    yield "boot.pending" if isinstance(fact, BootPending) else "boot.rejected", {"retry_s": seconds_between(turn.at, fact.retry_at_us)}


def describe_boot_failure(fact: BootFailed, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield why BootNotification failed; nothing where the link is gone, which has a line of its own."""
    if fact.reason not in (OFFLINE, LINK_LOST):
        yield "boot.failed", {"why": clean_text(fact.reason), "retry_s": seconds_between(turn.at, fact.retry_at_us)}


# Messages


def describe_drop(fact: Dropped, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield a message that is lost; nothing for one that needed a link and had none, nor for BootNotification (boot.failed)."""
    fields = {"action": fact.action, "why": clean_text(fact.reason), "entry": fact.entry}
    if is_given_up(fact):
        yield "message.given_up", fields
    elif fact.reason == THINNED:
        thinned = [one.entry for one in turn.facts if isinstance(one, Dropped) and one.reason == THINNED]
        if fact.entry == thinned[0]:
            yield "queue.thinned", {"count": len(thinned)}
    elif fact.reason not in (OFFLINE, LINK_LOST) and fact.action != "BootNotification":
        yield "message.unanswered", fields


def describe_retry(fact: Failed, turn: Turn, station: Station) -> Iterator[Line]:
    """Yield why a message was not taken, how often, and when it is sent again."""
    entry = station[OUTBOUND].queue.get(fact.entry)
    action, failures = (entry.action, entry.failures) if entry is not None else ("a message", 1)
    yield (
        "message.retried",
        {
            "action": action,
            "why": clean_text(fact.reason),
            "failures": failures,
            "retry_s": seconds_between(turn.at, fact.retry_at_us),
            "entry": fact.entry,
        },
    )


# Security


def describe_security_event(fact: SecurityEventLogged, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield an entry of the security log."""
    fields = {"type": fact.type, "info": f": {clean_text(fact.tech_info)}" if fact.tech_info else ""}
    yield "security.event" if fact.type in (STARTUP, RECONFIGURED) else "security.alarm", fields


def describe_destroyed_passwords(fact: OldPasswordsDropped, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield how many passwords were destroyed."""
    yield "password.destroyed", {"count": len(fact.handles)}


def describe_installed_root(fact: CertificateInstalled, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield which root is trusted, by the first digits of its fingerprint."""
    yield "root.installed", {"use": fact.certificate.use, "fingerprint": fact.certificate.fingerprint[:16], "cause": clean_text(fact.cause)}


def describe_deleted_root(fact: CertificateDeleted, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield which root is trusted no longer, by the first digits of its fingerprint."""
    yield "root.deleted", {"use": fact.use, "fingerprint": fact.fingerprint[:16], "cause": clean_text(fact.cause)}


def describe_erasure(fact: ForgettingPromised | SubjectForgotten, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield who is forgotten, or will be, by the pseudonym."""
    yield "person.forgotten" if isinstance(fact, SubjectForgotten) else "person.promised", {"person": fact.pseudonym[:PSEUDONYM_CHARS]}


# Settings


def describe_model(fact: ModelDeclared, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield the digest of the component files that are in force."""
    yield "model.declared", {"digest": clean_text(fact.digest)}


def describe_refused_model(fact: ModelRefused, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield why the component files are not in force."""
    yield "model.refused", {"why": clean_text(fact.reason)}


def describe_declaration(fact: DeclarationRemoved | DeclarationReturned, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield what is no longer declared, or declared again, as it is written on the command line."""
    declared = _declared(fact)
    name = spelled(declared) if fact.variable else "".join(component_spelled(declared))
    yield "model.removed" if isinstance(fact, DeclarationRemoved) else "model.returned", {"name": clean_text(name)}


def describe_set_variable(fact: VariableSet, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield what a variable was and is; nothing where it has the same value."""
    if fact.value == fact.old and not fact.hold:
        return
    source = {"csms": "the CSMS", "operator": "the operator", "station": "the station"}.get(fact.source, fact.source)
    value = f"{clean_text(fact.value)}{' from the next start on' if fact.pending else ''}"
    yield (
        "variable.set",
        {
            "variable": clean_text(spelled(_declared(fact))),
            "value": value,
            "old": clean_text(fact.old),
            "source": source,
            "cause": clean_text(fact.cause),
        },
    )


def describe_cleared_variable(fact: VariableCleared, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield the value of a variable after a layer was cleared."""
    yield (
        "variable.cleared",
        {
            "variable": clean_text(spelled(_declared(fact))),
            "value": clean_text(fact.value),
            "source": clean_text(fact.source),
            "cause": clean_text(fact.cause),
        },
    )


def _declared(fact: VariableSet | VariableCleared | DeclarationRemoved | DeclarationReturned) -> Declared:
    """What a fact names, for the functions that spell an address."""
    return Declared(
        component=fact.component,
        variable=fact.variable,
        component_instance=fact.component_instance,
        variable_instance=fact.variable_instance,
        evse_id=fact.evse_id,
        connector_id=fact.connector_id,
        attribute=fact.attribute or "Actual",
    )


def describe_clock(fact: ClockSet, turn: Turn, station: Station) -> Iterator[Line]:
    """Yield the time that the clock was set to, and its source."""
    source = {"csms": "by the CSMS", "system": "by the operating system", "kept": "as it was last known"}.get(fact.source, fact.source)
    yield "clock.set", {"time": timestamp(station, turn.at), "source": source}


# Sessions


def describe_plug_in(fact: CablePlugged, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield where a vehicle was connected."""
    yield "session.plugged", {"evse": fact.evse_id, "connector": fact.connector_id}


def describe_plug_out(fact: CableUnplugged, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield where a vehicle was disconnected, and whether the station was without power."""
    yield "session.unplugged", {"evse": fact.evse_id, "unseen": "; it left while the station was without power" if fact.unseen else ""}


def describe_authorization_request(fact: AuthorizationAsked, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield which card the CSMS is asked about."""
    yield "session.asked", {"place": place_name(0, fact.evse_ids), "evses": list(fact.evse_ids), "card": card_name(fact.token)}


def describe_refused_card(fact: CardRefused, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield why a card is refused, and which."""
    yield "session.refused", {"card": card_name(fact.token) if fact.token else "the card", "why": clean_text(fact.reason)}


def describe_grant(fact: Granted, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield who may charge, the trigger, and the rule that allows it."""
    fields = {"card": card_name(fact.token) if fact.token else "everybody", "trigger": fact.trigger, "basis": fact.basis}
    yield "session.granted", {"place": place_name(fact.evse_id, fact.evse_ids), "evse": fact.evse_id, **fields}


def describe_binding(fact: AuthorizationBound, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield the EVSE that was found for an authorization."""
    yield "session.bound", {"place": place_name(fact.evse_id), "evse": fact.evse_id}


def describe_ended_authorization(fact: AuthorizationEnded, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield why an authorization ended, and by which card."""
    fields = {"why": f"{fact.trigger}, {fact.stopped_reason}", "card": card_name(fact.token)}
    yield "session.ended", {"place": place_name(fact.evse_id), "evse": fact.evse_id, **fields}


def describe_ignored_profile(fact: ChargingProfileIgnored, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield which remote start brought a charging profile."""
    yield "session.profile", {"remote_start": fact.remote_start_id}


def describe_blocked_energy(fact: EnergyBlocked, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield where energy is withdrawn from a driver that the CSMS does not accept."""
    yield "session.blocked", {"evse": fact.evse_id}


def describe_capped_energy(fact: EnergyCapped, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield up to which register value a driver that the CSMS does not accept is given energy."""
    yield "session.capped", {"evse": fact.evse_id, "until_wh": fact.until_wh}


def describe_started_transaction(fact: TransactionStarted, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield which transaction began, with which card, and from which register value."""
    session = station[SESSIONS].at(fact.evse_id)
    yield (
        "transaction.started",
        {
            "place": place_name(fact.evse_id),
            "evse": fact.evse_id,
            "transaction": fact.transaction_id,
            "trigger": fact.trigger,
            "register": f"register {fact.energy_wh} Wh" if fact.energy_wh >= 0 else "register not known yet",
            "register_wh": fact.energy_wh,
            "card": card_name(session.token if session.authorized else ""),
        },
    )


def describe_ended_transaction(fact: TransactionEnded, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield why a transaction ended, and how much energy was delivered in it."""
    yield (
        "transaction.ended",
        {
            "place": place_name(fact.evse_id),
            "evse": fact.evse_id,
            "transaction": fact.transaction_id,
            "why": fact.stopped_reason,
            "energy_wh": fact.energy_wh,
            "unread": "" if fact.meter_read else "; the meter did not answer in time, so its last reading counts",
        },
    )


# Hardware


def describe_failed_evse(fact: EvseFailed, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield what the hardware of an EVSE did not do, and when it is asked again."""
    yield (
        "evse.failed",
        {
            "evse": fact.evse_id,
            "why": clean_text(fact.detail, "no reason given"),
            "failures": fact.failures,
            "retry_s": seconds_between(turn.at, fact.retry_at_us),
        },
    )


def describe_recovered_evse(fact: EvseObeyed, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield which EVSE works again."""
    yield "evse.obeyed", {"evse": fact.evse_id}


def describe_refused_network(fact: NetworkRefused, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield why the network was not set up, and when that is tried again."""
    yield "network.refused", {"why": clean_text(fact.detail, "no reason given"), "retry_s": seconds_between(turn.at, fact.retry_at_us)}


def describe_failed_internet(fact: InternetFailed, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield why a vehicle has no internet access."""
    yield "internet.failed", {"evse": fact.evse_id, "why": clean_text(fact.reason, "no reason given")}


def describe_storage(fact: StorageLevelled, turn: Turn, station: Station) -> Iterator[Line]:  # noqa: ARG001
    """Yield how full the journal is."""
    name = {FULL: "storage.full", TIGHT: "storage.tight"}.get(fact.level, "storage.plenty")
    yield name, {"used_percent": fact.used_percent}


# The table

Describe = Callable[[Any, Turn, Station], Iterator[Line]]

LINES: Mapping[type[Fact], Describe] = {
    AuthorizationAsked: describe_authorization_request,
    AuthorizationBound: describe_binding,
    AuthorizationEnded: describe_ended_authorization,
    BootAccepted: describe_acceptance,
    BootFailed: describe_boot_failure,
    BootPending: describe_boot_wait,
    BootRejected: describe_boot_wait,
    CablePlugged: describe_plug_in,
    CableUnplugged: describe_plug_out,
    CardRefused: describe_refused_card,
    CertificateDeleted: describe_deleted_root,
    CertificateInstalled: describe_installed_root,
    ChargingProfileIgnored: describe_ignored_profile,
    ClockSet: describe_clock,
    DeclarationRemoved: describe_declaration,
    DeclarationReturned: describe_declaration,
    Dialled: describe_dialling,
    Dropped: describe_drop,
    EnergyBlocked: describe_blocked_energy,
    EnergyCapped: describe_capped_energy,
    EvseFailed: describe_failed_evse,
    EvseObeyed: describe_recovered_evse,
    Failed: describe_retry,
    ForgettingPromised: describe_erasure,
    Granted: describe_grant,
    Held: describe_hold,
    InternetFailed: describe_failed_internet,
    Leaving: describe_leaving,
    Lost: describe_loss,
    ModelDeclared: describe_model,
    ModelRefused: describe_refused_model,
    NetworkRefused: describe_refused_network,
    OldPasswordsDropped: describe_destroyed_passwords,
    Opened: describe_opening,
    Rebooted: describe_start,
    Released: describe_release,
    SecurityEventLogged: describe_security_event,
    StorageLevelled: describe_storage,
    SubjectForgotten: describe_erasure,
    TransactionEnded: describe_ended_transaction,
    TransactionStarted: describe_started_transaction,
    VariableCleared: describe_cleared_variable,
    VariableSet: describe_set_variable,
    VersionRefused: describe_version_refusal,
}
"""Classes of facts that have lines."""

_CSMS_KNOWS = "the CSMS asked for it, or is sent it"
_HAS_ANOTHER = "something that is concluded with it has a line: "
_ROUTINE = "happens all the time, and nobody has to do anything"
_LOGGED = "logged where it happens: "

SILENT: Mapping[type[Fact], str] = {
    AlignedPaced: _ROUTINE,
    BootAsked: f"{_HAS_ANOTHER}what the CSMS answers",
    CertificateRefused: "answered to whoever wanted to install it",
    ClockAnchored: _ROUTINE,
    ContactorSeen: _ROUTINE,
    Delivered: _ROUTINE,
    EnergyStarted: _ROUTINE,
    EnergySuspended: _ROUTINE,
    EvseAsked: _ROUTINE,
    EvseRetried: f"{_HAS_ANOTHER}evse.failed says when it is asked again",
    FaultCleared: f"{_HAS_ANOTHER}every start clears faults",
    Faulted: f"{_LOGGED}the daemon logs it before it is durable, because it may be why nothing is",
    HeartbeatAsked: _ROUTINE,
    HeartbeatPaced: f"{_HAS_ANOTHER}boot.accepted, variable.set",
    HungUp: f"{_HAS_ANOTHER}link.closed, once the link is gone",
    InternetClosed: _ROUTINE,
    InternetOpened: _ROUTINE,
    InternetReleased: _ROUTINE,
    InternetRequested: _ROUTINE,
    KeepingPaced: _ROUTINE,
    Lapsed: _ROUTINE,
    LinkConfirmed: f"{_HAS_ANOTHER}link.open; what it means for passwords is password.destroyed",
    MeterAsked: _ROUTINE,
    MeterRead: _ROUTINE,
    MonitoringBaseSet: _CSMS_KNOWS,
    MonitoringLevelSet: _CSMS_KNOWS,
    MonitorsArmed: _ROUTINE,
    MonitorsDeclared: f"{_HAS_ANOTHER}model.declared",
    MonitorsDisarmed: _ROUTINE,
    MonitorsInstalled: _CSMS_KNOWS,
    MonitorsRemoved: _CSMS_KNOWS,
    MonitorsTriggered: _CSMS_KNOWS,
    NetworkApplied: _ROUTINE,
    NetworkPlanned: _ROUTINE,
    OrderlyStop: f"{_LOGGED}by stationd run",
    PasswordsHeld: f"{_HAS_ANOTHER}variable.set, security.event",
    PilotSeen: _ROUTINE,
    PingIntervalChanged: f"{_HAS_ANOTHER}variable.set",
    QueueWentOffline: _ROUTINE,
    Queued: _ROUTINE,
    ReadingDue: _ROUTINE,
    ReadingReported: _CSMS_KNOWS,
    RetirementBegun: f"{_LOGGED}by the keeper of the journal, once it is done",
    RetirementEnded: f"{_LOGGED}by the keeper of the journal",
    Returned: f"{_HAS_ANOTHER}link.lost",
    Ripened: f"{_HAS_ANOTHER}message.retried says when it is sent again",
    SamplingPaced: _ROUTINE,
    SegmentClosed: f"{_LOGGED}by the keeper of the journal, where it failed",
    SegmentEnded: _ROUTINE,
    Sent: _ROUTINE,
    SettingRefused: "answered to whoever wanted to set it",
    ShreddingFailed: f"{_LOGGED}by the port that destroys",
    ShreddingRetried: _ROUTINE,
    StatusRefused: f"{_HAS_ANOTHER}message.unanswered",
    StatusTold: _CSMS_KNOWS,
    StatusUntold: _ROUTINE,
    TokenInfoLearned: _ROUTINE,
    TransactionEnding: f"{_HAS_ANOTHER}transaction.ended, a moment later",
    TransactionUpdated: _CSMS_KNOWS,
    ValueKept: _ROUTINE,
    VersionAgreed: f"{_HAS_ANOTHER}link.open",
    VersionsOffered: f"{_HAS_ANOTHER}link.dialling",
}
"""Classes of facts that have none, and why."""


def lines_of_turn(turn: Turn, station: Station) -> Iterator[Line]:
    """Yield the lines of a turn in the order of its facts; *station* is the state after the turn."""
    for fact in turn.facts:
        describe = LINES.get(type(fact))
        if describe is not None:
            yield from describe(fact, turn, station)


def log_turn(turn: Turn, station: Station) -> None:
    """Log a durable turn: an observer for the daemon."""
    try:
        for name, fields in lines_of_turn(turn, station):
            event = EVENTS[name]
            if log.isEnabledFor(event.level):
                log.log(event.level, "%s", event.text.format(**fields), extra={"event": name, "fields": fields})
    except Exception:
        # What is only told must not stop what is done.
        log.exception("turn %d could not be logged, which is a bug", turn.seq)
