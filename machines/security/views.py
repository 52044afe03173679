"""Where the station keeps what it must not say."""

from __future__ import annotations

from engine.machine import Station
from machines.device_model.views import Variable

PASSWORD = Variable("SecurityCtrlr", "BasicAuthPassword", "")
"""The HTTP Basic password: a sealed text, or empty."""


def security_profile(station: Station) -> int:
    """The profile in force: 1 with a password, 0 without (TLS profiles are not built yet)."""
    return 1 if PASSWORD.text(station) else 0
