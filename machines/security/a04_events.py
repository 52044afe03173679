"""A04 Security Event Notification: that the station started, and that its password (A01) or the roots that it trusts were changed.

Law: say that a secret changed, never what to (A01.FR.11, A01.FR.12).
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
from machines.device_model.facts import Changed, VariableCleared, VariableSet
from machines.device_model.views import connectors
from machines.outbound.asks import ask
from machines.security.views import PASSWORD
from machines.status.machine import STATUS

STARTUP = "StartupOfTheDevice"
RECONFIGURED = "ReconfigurationOfSecurityParameters"


@record(140)
class SecurityEventLogged(Fact):
    """Something that matters to security happened; *type* is a name of the specification's list."""

    type: str
    tech_info: str


@state(141)
class Security(State):
    """How many security events there were, by type; *started*: the CSMS has still to be told that the station started."""

    events: dict[str, int] = attrs.field(factory=dict)
    started: bool = False


SECURITY = Part("security", Security)


def fold_logged(security: Security, fact: SecurityEventLogged) -> None:
    """Count it."""
    security.events[fact.type] = security.events.get(fact.type, 0) + 1
    if fact.type == STARTUP:
        security.started = False


def fold_rebooted(security: Security, fact: Rebooted) -> None:  # noqa: ARG001
    """To be told, once somebody listens."""
    security.started = True


def password_set(station: Station, fact: Changed, cx: Context) -> Conclusions:
    """The password was replaced."""
    if PASSWORD.is_in(fact):
        event = SecurityEventLogged(type=RECONFIGURED, tech_info="BasicAuthPassword changed")
        yield event
        payload = {"type": event.type, "timestamp": timestamp(station, cx.at), "techInfo": event.tech_info}
        yield ask(station, cx, "SecurityEventNotification", payload)


def roots_changed(station: Station, fact: CertificateInstalled | CertificateDeleted, cx: Context) -> Conclusions:
    """Whom the station trusts was changed."""
    done = f"{fact.certificate.use} installed" if isinstance(fact, CertificateInstalled) else f"{fact.use} deleted"
    event = SecurityEventLogged(type=RECONFIGURED, tech_info=done)
    yield event
    yield ask(station, cx, "SecurityEventNotification", {"type": event.type, "timestamp": timestamp(station, cx.at), "techInfo": event.tech_info})


def startup(station: Station, cx: Context) -> Conclusions:
    """A04.FR.01: the start is told, once the CSMS has accepted the station and been told of its connectors."""
    told = station[STATUS].told
    if station[SECURITY].started and station[BOOT].phase is Boot.ACCEPTED and all(place in told for place in connectors(station)):
        yield SecurityEventLogged(type=STARTUP, tech_info="")
        yield ask(station, cx, "SecurityEventNotification", {"type": STARTUP, "timestamp": timestamp(station, cx.at)})


MACHINE = Machine(
    SECURITY,
    folds={SecurityEventLogged: fold_logged, Rebooted: fold_rebooted},
    hears={VariableSet: password_set, VariableCleared: password_set, CertificateInstalled: roots_changed, CertificateDeleted: roots_changed},
    watches=(BOOT, STATUS),
    conclude=startup,
)
