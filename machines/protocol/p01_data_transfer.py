"""P01 Data Transfer to the Charging Station: messages of a vendor's own.

Law: a station that has no vendor's extension says so in the specified way, and keeps nothing of what it was told.
"""

from __future__ import annotations

from typing import Any

from engine.machine import Conclusions, Context, Station
from machines.inputs import Called
from machines.protocol.serve import reply


def on_transfer(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:  # noqa: ARG001
    """P01.FR.05: there is no vendor whose messages this station knows."""
    yield reply(station, call, {"status": "UnknownVendorId"})
