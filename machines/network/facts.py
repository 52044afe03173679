"""What the station wants of the network, and what it got."""

from __future__ import annotations

from engine.event import Fact, Value
from engine.records import record


@record(220)
class Forward(Value):
    """One vehicle's way out: TCP to *tcp_ports* from interface *lan* through *wan*."""

    evse_id: int
    lan: str
    wan: str
    tcp_ports: tuple[int, ...]


@record(221)
class Plan(Value):
    """Everything that the station wants of the operating system's network, sorted by EVSE."""

    forwards: tuple[Forward, ...] = ()

    def serves(self, evse_id: int, ports: tuple[int, ...] | None = None) -> bool:
        """Whether the plan has a way out for an EVSE; with *ports*: for exactly those."""
        return any(f.evse_id == evse_id and ports in (None, f.tcp_ports) for f in self.forwards)


@record(222)
class NetworkPlanned(Fact):
    """The network shall look like *plan*; asked for, not there yet."""

    plan: Plan


@record(223)
class NetworkApplied(Fact):
    """The network looks like *plan*."""

    plan: Plan


@record(224)
class NetworkRefused(Fact):
    """The network could not be made to look like *plan*; tried again at *retry_at_us*."""

    plan: Plan
    detail: str
    retry_at_us: int
