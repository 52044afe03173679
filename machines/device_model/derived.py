"""Derived variables: what another machine already knows, under its OCPP address.

Law: a view, never stored; so it can't drift from what it shows.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.machine import Context, Station
from machines.clock.views import timestamp
from machines.connection.state import CONNECTION
from machines.device_model.state import Key
from machines.device_model.views import connectors, evses
from machines.security.views import security_profile
from machines.status.machine import connector_status

View = Callable[[Station, Context, Key], str | None]

PRECEDENCE = ("Faulted", "Unavailable", "Occupied", "Reserved", "Available")


def _date_time(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return timestamp(station, cx.at)


def _active_slot(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return str(station[CONNECTION].slot)


def _profile(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return str(security_profile(station))


def _connector(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return connector_status(station, key[2], key[3])


def evse_status(station: Station, evse_id: int) -> str:
    """An EVSE's availability: the gravest among its connectors'."""
    found = {connector_status(station, e, c) for e, c in connectors(station) if e == evse_id}
    return next((status for status in PRECEDENCE if status in found), "Available")


def _evse(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return evse_status(station, key[2])


def _station(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    free = [e for e in evses(station) if evse_status(station, e) == "Available"]
    return "Available" if free or not evses(station) else evse_status(station, evses(station)[0])


BY_NAME: dict[tuple[str, str], View] = {
    ("clockctrlr", "datetime"): _date_time,
    ("ocppcommctrlr", "activenetworkprofile"): _active_slot,
    ("securityctrlr", "securityprofile"): _profile,
    ("connector", "availabilitystate"): _connector,
    ("evse", "availabilitystate"): _evse,
    ("chargingstation", "availabilitystate"): _station,
}


def derived(key: Key) -> View | None:
    """The view behind an address, if there is one."""
    return BY_NAME.get((key[0], key[4])) if key[6] == "Actual" else None
