"""Derived variables: what another machine already knows, under its OCPP address.

Law: a view, never stored; so it can't drift from what it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.kernel import ENGINE
from engine.machine import Context, Part, Station
from machines.certificates.state import CERTIFICATES
from machines.clock.views import timestamp
from machines.connection.state import CONNECTION
from machines.connection.views import security_profile
from machines.device_model import slots
from machines.device_model.controllers import reported_switch
from machines.device_model.controllers import why_fixed as why_switch_is_fixed
from machines.device_model.state import DEVICE_MODEL, Key
from machines.device_model.views import connectors, evses
from machines.evse.machine import EVSES, out_of_order
from machines.meter.state import METERS
from machines.monitoring.state import MONITORING
from machines.session.state import SESSIONS
from machines.session.tell import charging_state
from machines.status.machine import connector_status
from machines.storage.state import STORAGE

View = Callable[[Station, Context, Key], str | None]

PRECEDENCE = ("Faulted", "Unavailable", "Occupied", "Reserved", "Available")
"""An EVSE is as badly off as the worst of its connectors."""

USES = ("Available", "Occupied", "Reserved", "Unavailable", "Faulted")
"""A station is as well off as the best of its EVSEs: it is Faulted where none of them works."""


def _date_time(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return timestamp(station, cx.at)


def _active_slot(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return str(station[CONNECTION].slot)


def _profile(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return str(security_profile(station))


def _certificates(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return str(len(station[CERTIFICATES].installed))


def _connector(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return connector_status(station, key[2], key[3])


def evse_status(station: Station, evse_id: int) -> str:
    """An EVSE's availability: the gravest among its connectors'."""
    found = {connector_status(station, e, c) for e, c in connectors(station) if e == evse_id}
    return next((status for status in PRECEDENCE if status in found), "Available")


def _evse(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return evse_status(station, key[2])


def _charging_state(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return charging_state(station[SESSIONS].at(key[2]))


def transaction_at(station: Station, evse_id: int) -> str:
    """The id of the transaction that runs at an EVSE; empty where none does."""
    transaction = station[SESSIONS].at(evse_id).transaction
    return transaction.transaction_id if transaction is not None else ""


def _transaction(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return transaction_at(station, key[2])


def _transactions(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    # Those that have found their EVSE first, then those that wait for one.
    places = sorted(station[SESSIONS].of, key=lambda place: (place < 0, abs(place)))
    return ",".join([found for place in places if (found := transaction_at(station, place))])


def _power(station: Station, cx: Context, key: Key) -> str | None:  # noqa: ARG001
    reading = station[METERS].readings.get(key[2])
    return str(reading.power_w) if reading is not None and reading.power_w >= 0 else None


def troubled(station: Station, evse_id: int) -> bool:
    """Whether something is wrong with an EVSE, whatever it is doing: one where a vehicle stands is Occupied, and has its Problem all the same."""
    return evse_id in station[ENGINE].faulted_evses or out_of_order(station, evse_id)


def _problem(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return "true" if any(troubled(station, evse_id) for evse_id in ([key[2]] if key[2] else evses(station))) else "false"


def _station(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    found = {evse_status(station, evse_id) for evse_id in evses(station)}
    return next((status for status in USES if status in found), "Available")


def _monitoring_base(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return station[MONITORING].base


def _monitoring_level(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return str(station[MONITORING].level)


def _monitors(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return str(len(station[MONITORING].monitors))


BY_NAME: dict[tuple[str, str], View] = {
    ("clockctrlr", "datetime"): _date_time,
    ("ocppcommctrlr", "activenetworkprofile"): _active_slot,
    ("securityctrlr", "certificateentries"): _certificates,
    ("securityctrlr", "securityprofile"): _profile,
    ("connector", "availabilitystate"): _connector,
    ("connector", "problem"): _problem,
    ("evse", "activetransactionid"): _transaction,
    ("evse", "availabilitystate"): _evse,
    ("evse", "chargingstate"): _charging_state,
    ("evse", "power"): _power,
    ("evse", "problem"): _problem,
    ("chargingstation", "activetransactionid"): _transactions,
    ("chargingstation", "availabilitystate"): _station,
    ("chargingstation", "problem"): _problem,
    ("monitoringctrlr", "activemonitoringbase"): _monitoring_base,
    ("monitoringctrlr", "activemonitoringlevel"): _monitoring_level,
    ("monitoringctrlr", "activemonitors"): _monitors,
}

READS: tuple[Part[Any], ...] = (DEVICE_MODEL, CONNECTION, SESSIONS, METERS, EVSES, STORAGE, ENGINE, MONITORING, CERTIFICATES)
"""The parts that the views read, but for the clock: whoever has to notice that a variable changed watches these."""


def counts_by_itself(key: Key) -> bool:
    """Whether a variable changes without anything that happens, as the time does: nothing tells a monitor to look at it."""
    return (key[0], key[4]) == ("clockctrlr", "datetime")


def _switch(station: Station, cx: Context, key: Key) -> str | None:  # noqa: ARG001
    return reported_switch(key[0], key[4])


def _slot(station: Station, cx: Context, key: Key) -> str:  # noqa: ARG001
    return slots.shown(station, key) or ""


def derived(key: Key) -> View | None:
    """The view behind an address, if there is one."""
    if key[6] != "Actual":
        return None
    view = BY_NAME.get((key[0], key[4]))
    if view is not None:
        return view
    if key[0] == slots.COMPONENT:
        return _slot
    return _switch if reported_switch(key[0], key[4]) is not None else None


def why_fixed(key: Key) -> str:
    """Why nobody can set a derived variable, where there is more to say than that the station knows it by itself; else empty."""
    return slots.REASON if key[0] == slots.COMPONENT else why_switch_is_fixed(key[0], key[4])
