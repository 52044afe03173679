"""A04 Security Event Notification: the station started, what secures its link (A00, A01, M05) was changed, or the link failed for its security.

Law: say that a secret changed, never what to (A01.FR.11, A01.FR.12).
Invariant: of links that fail one after the other, each type of event is logged and sent once (A00.FR.316); an open link ends that series.
"""

from __future__ import annotations

import attrs

from engine.event import Fact
from engine.machine import Conclusions, Context, Machine, Part, State, Station, state
from engine.records import record
from machines.boot.facts import Rebooted
from machines.boot.state import BOOT
from machines.boot.state import Phase as Boot
from machines.certificates.facts import CertificateDeleted, CertificateInstalled
from machines.clock.views import timestamp
from machines.connection import reasons
from machines.connection.facts import Lost, Opened
from machines.connection.state import CONNECTION
from machines.device_model.facts import RELEASE, Changed, VariableCleared, VariableSet
from machines.device_model.views import connectors
from machines.outbound.asks import ask
from machines.security.views import PASSWORD, WILDCARDS
from machines.status.machine import STATUS

STARTUP = "StartupOfTheDevice"
RECONFIGURED = "ReconfigurationOfSecurityParameters"

FAILURES = {
    # why a link failed          type of the event               critical: the CSMS is sent it
    reasons.TLS_CERTIFICATE: ("InvalidCsmsCertificate",          True),   # A00.FR.310, A00.FR.413
    reasons.TLS_VERSION:     ("InvalidTLSVersion",               True),   # A00.FR.316, A00.FR.419
    reasons.TLS_CIPHER:      ("InvalidTLSCipherSuite",           True),   # A00.FR.323, A00.FR.426
    reasons.UNAUTHORIZED:    ("FailedToAuthenticateAtCsms",      False),
}  # fmt: skip
"""The security events of links that fail, by reason (Part 2, appendix 1)."""

FAILURE_TYPES = tuple([type for type, _ in FAILURES.values()])

TECH_INFO_MOST = 255
"""Characters of techInfo."""


@record(140)
class SecurityEventLogged(Fact):
    """Something that matters to security happened; *type* is a name of the specification's list."""

    type: str
    tech_info: str


@state(141)
class Security(State):
    """How many security events there were, by type; *started*: the CSMS has still to be told that the station started.

    *failing* are the types of event that were logged since the last link that opened.
    """

    events: dict[str, int] = attrs.field(factory=dict)
    started: bool = False
    failing: tuple[str, ...] = ()


SECURITY = Part("security", Security)


def fold_logged(security: Security, fact: SecurityEventLogged) -> None:
    """Count it."""
    security.events[fact.type] = security.events.get(fact.type, 0) + 1
    if fact.type == STARTUP:
        security.started = False
    elif fact.type in FAILURE_TYPES:
        security.failing = (*security.failing, fact.type)


def fold_rebooted(security: Security, fact: Rebooted) -> None:  # noqa: ARG001
    """To be told, once somebody listens."""
    security.started = True


def fold_opened(security: Security, fact: Opened) -> None:  # noqa: ARG001
    """End the series of links that failed."""
    security.failing = ()


def notify(station: Station, cx: Context, type: str, tech_info: str) -> Conclusions:
    """Log a security event and queue its notification (A04.FR.01, A04.FR.02, A04.FR.04)."""
    yield SecurityEventLogged(type=type, tech_info=tech_info)
    yield ask(station, cx, "SecurityEventNotification", {"type": type, "timestamp": timestamp(station, cx.at), "techInfo": tech_info})


def on_setting(station: Station, fact: Changed, cx: Context) -> Conclusions:
    """Report that the password, or whether wildcard names are accepted, was changed."""
    if PASSWORD.is_in(fact) and fact.cause != RELEASE:
        yield from notify(station, cx, RECONFIGURED, "BasicAuthPassword changed")
    elif WILDCARDS.is_in(fact) and (fact.old or WILDCARDS.default) != WILDCARDS.text(station):
        yield from notify(station, cx, RECONFIGURED, f"AllowCSMSTLSWildcards is {WILDCARDS.text(station)}")


def roots_changed(station: Station, fact: CertificateInstalled | CertificateDeleted, cx: Context) -> Conclusions:
    """Whom the station trusts was changed."""
    done = f"{fact.certificate.use} installed" if isinstance(fact, CertificateInstalled) else f"{fact.use} deleted"
    yield from notify(station, cx, RECONFIGURED, done)


def on_lost(station: Station, fact: Lost, cx: Context) -> Conclusions:
    """Report a link that failed for its security: once in a row of failures, so that a CSMS that stays so does not fill the queue."""
    type, critical = FAILURES.get(fact.reason, ("", False))
    if not type or type in station[SECURITY].failing:
        return
    tech_info = f"slot {station[CONNECTION].slot}: {fact.detail or fact.reason}"[:TECH_INFO_MOST]
    if critical:
        yield from notify(station, cx, type, tech_info)
    else:
        yield SecurityEventLogged(type=type, tech_info=tech_info)


def startup(station: Station, cx: Context) -> Conclusions:
    """A04.FR.01: the start is told, once the CSMS has accepted the station and been told of its connectors."""
    told = station[STATUS].told
    if station[SECURITY].started and station[BOOT].phase is Boot.ACCEPTED and all(place in told for place in connectors(station)):
        yield SecurityEventLogged(type=STARTUP, tech_info="")
        yield ask(station, cx, "SecurityEventNotification", {"type": STARTUP, "timestamp": timestamp(station, cx.at)})


MACHINE = Machine(
    SECURITY,
    folds={SecurityEventLogged: fold_logged, Rebooted: fold_rebooted, Opened: fold_opened},
    hears={
        VariableSet: on_setting,
        VariableCleared: on_setting,
        CertificateInstalled: roots_changed,
        CertificateDeleted: roots_changed,
        Lost: on_lost,
    },
    watches=(BOOT, STATUS),
    conclude=startup,
)
