"""NetworkConfiguration: what the configuration slots hold, shown from the network connection profiles that are in force.

Invariant: a view; a password of a profile is not among what it shows.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from engine.machine import Station
from machines.connection.machine import IDENTITY, PROFILES, slots_in
from machines.connection.views import security_profile_of
from machines.device_model.state import Key
from machines.outbound.machine import MESSAGE_TIMEOUT_S
from wire import jsontext

COMPONENT = "networkconfiguration"
"""The folded name of the component that there is one of for each slot."""

MEMBERS = {"ocppcsmsurl": "ocppCsmsUrl", "ocppinterface": "ocppInterface", "ocpptransport": "ocppTransport", "ocppversion": "ocppVersion"}
"""Variables, folded, that show a member of a profile as it is."""

UNUSED = ("apnenabled", "useonlypreferrednetwork", "vpnenabled")
"""Variables that report false, for the station configures neither access points nor private networks; of these it shows no other variable."""

REASON = "it shows InternalCtrlr.NetworkConnectionProfiles"
"""Why nobody can set a variable of a slot."""


@lru_cache(maxsize=1)
def connection_data(text: str) -> dict[int, dict[str, Any]]:
    """The connectionData of every slot that the profiles *text* fill; nothing where they cannot be read."""
    if slots_in(text) is None:
        return {}
    return {int(profile["configurationSlot"]): profile.get("connectionData", {}) for profile in jsontext.decode(text.encode())}


def shown(station: Station, key: Key) -> str | None:
    """What a variable of ``NetworkConfiguration[slot]`` reports; None for nothing."""
    instance, variable = key[1], key[4]
    if variable in UNUSED:
        return "false"
    data = connection_data(PROFILES.text(station)).get(int(instance)) if instance.isascii() and instance.isdigit() else None
    if not data or not data.get("ocppCsmsUrl"):
        return None
    if variable == "securityprofile":
        return str(security_profile_of(station, str(data["ocppCsmsUrl"])))
    if variable == "identity":
        return IDENTITY.text(station)
    if variable == "messagetimeout":
        return MESSAGE_TIMEOUT_S.text(station)
    value = data.get(MEMBERS.get(variable, ""))
    if not isinstance(value, str):
        return None
    return without_user(value) if variable == "ocppcsmsurl" else value


def without_user(url: str) -> str:
    """*url* without the user information before its host, which the station does not dial with either."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}"
