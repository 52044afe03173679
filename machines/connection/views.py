"""What others want to know of the link."""

from __future__ import annotations

from engine.machine import Station
from machines.connection.machine import over_tls, slot_url, slots
from machines.connection.state import CONNECTION
from machines.security.views import PASSWORD

WITHOUT, BASIC, BASIC_WITH_TLS = 0, 1, 2


def security_profile(station: Station) -> int:
    """The security profile of the slot that is dialled (A00): 2 with a password over TLS, 1 with a password alone, 0 without (3 is not built yet)."""
    return security_profile_of(station, slots(station).get(station[CONNECTION].slot) or slot_url(station)[1])


def security_profile_of(station: Station, url: str) -> int:
    """The security profile with which a CSMS at *url* is dialled."""
    if not PASSWORD.text(station):
        return WITHOUT
    return BASIC_WITH_TLS if over_tls(url) else BASIC
