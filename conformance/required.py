"""Which variables a station has to have, going by what it says that it has (Part 2, referenced components and variables, OCPP 2.0.1).

Law: what is required follows from the report that is looked at: a component of an EVSE wants what every EVSE has, a controller that is Available what
it controls.
"""

from __future__ import annotations

import json
from functools import cache

from component_config.load import shipped
from component_config.required import ALWAYS, EACH

WRITABLE = {
    "AlignedDataCtrlr": ("Interval", "Measurands", "TxEndedInterval", "TxEndedMeasurands"),
    "AuthCtrlr": ("LocalAuthorizeOffline", "LocalPreAuthorize"),
    "ClockCtrlr": ("TimeSource",),
    "OCPPCommCtrlr": (
        "MessageAttemptInterval[TransactionEvent]", "MessageAttempts[TransactionEvent]", "NetworkConfigurationPriority",
        "NetworkProfileConnectionAttempts", "OfflineThreshold", "ResetRetries",
    ),
    "SampledDataCtrlr": ("TxEndedInterval", "TxEndedMeasurands", "TxStartedMeasurands", "TxUpdatedInterval", "TxUpdatedMeasurands"),
    "SecurityCtrlr": ("OrganizationName",),
    "TxCtrlr": ("EVConnectionTimeOut", "StopTxOnInvalidId"),
}  # fmt: skip
"""Required ones of the station itself that the CSMS may always set; of others that is up to the station."""


@cache
def standardized() -> frozenset[tuple[str, str]]:
    """(component, variable) of what Part 2 describes, as far as this station's own files have it."""
    found = set()
    for path in sorted((shipped() / "standardized").glob("*.json")):
        file = json.loads(path.read_text(encoding="utf-8"))
        found |= {(file["name"], one["variable_name"]) for one in file["properties"].values()}
    return frozenset(found)


def writable() -> set[str]:
    """``Component.Variable`` of everything that every station has and lets be set."""
    return {f"{component}.{name}" for component, names in WRITABLE.items() for name in names}


def everywhere() -> set[str]:
    """``Component.Variable`` of everything that every station has."""
    return {f"{component}.{name}" for component, names in ALWAYS.items() for name in names}


def required(values: dict[str, str]) -> set[str]:
    """What has to be in a full report that tells *values*: ``Component.Variable[instance]@evse.connector`` -> value."""
    found = everywhere()
    places = {(address.partition(".")[0], address.partition("@")[2]) for address in values}
    for component, place in sorted(places):
        at = f"@{place}" if place else ""
        for need in EACH.get(component, ()):
            if need.when and values.get(f"{component}.{need.when}{at}", "").lower() != "true":
                continue
            for name in need.both:
                plain = name.removesuffix("[*]")
                # With [*] any instance will do, and none as well.
                known = plain != name and any(address.startswith((f"{component}.{plain}[", f"{component}.{plain}@")) for address in values)
                found |= set() if known else {f"{component}.{plain}{at}"}
    # An EVSE without connectors, or a station without EVSEs, charges nobody.
    return found | {f"EVSE.{name}@1" for name in EACH["EVSE"][0].both} | {f"Connector.{name}@1.1" for name in EACH["Connector"][0].both}
