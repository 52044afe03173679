"""The station that is tried in this process: the component files that it is shipped with, a CSMS, and a monitor of an operator's files."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b

from component_config.load import load, shipped
from engine.event import replace
from machines.inputs import ConfigLoaded
from wire import jsontext
from wire.declared import DeclaredMonitor, written

URL = "ws://csms.invalid:9000"
FAULTS = DeclaredMonitor(type="Delta", value="1", severity=3, kind="PreconfiguredMonitor")


def network_profiles(url: str) -> str:
    """InternalCtrlr.NetworkConnectionProfiles with a CSMS at *url* in the first slot, without a password."""
    data = {
        "ocppVersion": "OCPP20", "ocppTransport": "JSON", "ocppCsmsUrl": url, "messageTimeout": 30, "securityProfile": 0, "ocppInterface": "Wired0",
    }  # fmt: skip
    return jsontext.encode([{"configurationSlot": 1, "connectionData": data}]).decode()


@cache
def shipped_config() -> ConfigLoaded:
    """The shipped component files, with a CSMS in the first slot, and a preconfigured monitor (TC_N_41): faults of the station are told."""
    values = {
        ("InternalCtrlr", "NetworkConnectionProfiles"): network_profiles(URL),
        ("OCPPCommCtrlr", "NetworkConfigurationPriority"): "1",
        ("SecurityCtrlr", "Identity"): "CP001",
    }
    declared = [
        replace(one, value=values[one.component, one.variable]) if (one.component, one.variable) in values and one.attribute == "Actual" else one
        for one in load([shipped()], lambda text, purpose: f"<sealed:{len(text):032x}:{len(text)}:{purpose[0]}>").declarations
    ]
    declared = [
        replace(one, monitors=(FAULTS,)) if (one.component, one.variable, one.attribute) == ("ChargingStation", "Problem", "Actual") else one
        for one in declared
    ]
    body = jsontext.encode([written(one) for one in declared])
    return ConfigLoaded(digest=blake2b(body, digest_size=16).hexdigest(), body=body)
