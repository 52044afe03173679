"""What can be true of a vehicle's internet access."""

from __future__ import annotations

from engine.event import Fact
from engine.records import record


@record(210)
class InternetRequested(Fact):
    """The vehicle selected internet access to these TCP ports."""

    evse_id: int
    ports: tuple[int, ...]


@record(211)
class InternetOpened(Fact):
    """The way out is there."""

    evse_id: int


@record(212)
class InternetFailed(Fact):
    """The operating system did not open it; it is tried again while the vehicle stays."""

    evse_id: int
    reason: str


@record(213)
class InternetReleased(Fact):
    """The vehicle is gone, or selected other services."""

    evse_id: int


@record(214)
class InternetClosed(Fact):
    """The way out is gone."""

    evse_id: int
