"""A01 Update Charging Station Password for HTTP Basic Authentication.

Law: say that it changed, never what to (A01.FR.11, A01.FR.12).
"""

from __future__ import annotations

import attrs

from engine.event import Fact
from engine.machine import Conclusions, Context, Machine, Part, State, Station, state
from engine.records import record
from machines.clock.views import timestamp
from machines.device_model.facts import Changed, VariableCleared, VariableSet
from machines.outbound.asks import ask
from machines.security.views import PASSWORD


@record(140)
class SecurityEventLogged(Fact):
    """Something that matters to security happened; *type* is a name of the specification's list."""

    type: str
    tech_info: str


@state(141)
class Security(State):
    """How many security events there were, by type."""

    events: dict[str, int] = attrs.field(factory=dict)


SECURITY = Part("security", Security)


def fold_logged(security: Security, fact: SecurityEventLogged) -> None:
    """Count it."""
    security.events[fact.type] = security.events.get(fact.type, 0) + 1


def password_set(station: Station, fact: Changed, cx: Context) -> Conclusions:
    """The password was replaced."""
    if PASSWORD.is_in(fact):
        event = SecurityEventLogged(type="ReconfigurationOfSecurityParameters", tech_info="BasicAuthPassword changed")
        yield event
        payload = {"type": event.type, "timestamp": timestamp(station, cx.at), "techInfo": event.tech_info}
        yield ask(station, cx, "SecurityEventNotification", payload)


MACHINE = Machine(SECURITY, folds={SecurityEventLogged: fold_logged}, hears={VariableSet: password_set, VariableCleared: password_set})
