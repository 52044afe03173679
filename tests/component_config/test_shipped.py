"""The component files that come with the project."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from component_config.load import Loaded, load, shipped
from machines.device_model.controllers import NOT_BUILT
from machines.device_model.derived import BY_NAME, derived
from machines.device_model.state import key_in
from wire.declared import Declared

ROOT = shipped().parent

Name = tuple[str, str, str]
"""Component, variable, instance of the variable."""

REQUIRED = {
    "OCPPCommCtrlr": (
        "ActiveNetworkProfile", "FileTransferProtocols", "MessageTimeout[Default]", "MessageAttempts[TransactionEvent]",
        "MessageAttemptInterval[TransactionEvent]", "NetworkConfigurationPriority", "NetworkProfileConnectionAttempts",
        "OfflineThreshold", "ResetRetries", "UnlockOnEVSideDisconnect",
    ),
    "TxCtrlr": ("EVConnectionTimeOut", "StopTxOnEVSideDisconnect", "StopTxOnInvalidId", "TxStartPoint", "TxStopPoint"),
    "AuthCtrlr": ("AuthorizeRemoteStart", "LocalAuthorizeOffline", "LocalPreAuthorize"),
    "SampledDataCtrlr": ("TxEndedInterval", "TxEndedMeasurands", "TxStartedMeasurands", "TxUpdatedInterval", "TxUpdatedMeasurands"),
    "AlignedDataCtrlr": ("Interval", "Measurands", "TxEndedInterval", "TxEndedMeasurands"),
    "SecurityCtrlr": ("CertificateEntries", "OrganizationName", "SecurityProfile"),
    "ClockCtrlr": ("DateTime", "TimeSource"),
    "DeviceDataCtrlr": (
        "BytesPerMessage[GetReport]", "BytesPerMessage[GetVariables]", "BytesPerMessage[SetVariables]",
        "ItemsPerMessage[GetReport]", "ItemsPerMessage[GetVariables]", "ItemsPerMessage[SetVariables]",
    ),
    "MonitoringCtrlr": ("BytesPerMessage[SetVariableMonitoring]", "ItemsPerMessage[SetVariableMonitoring]"),
    "ChargingStation": ("AvailabilityState", "Available", "SupplyPhases"),
    "EVSE": ("AvailabilityState", "Available", "Power", "SupplyPhases"),
    "Connector": ("AvailabilityState", "Available", "ConnectorType", "SupplyPhases"),
    "NetworkConfiguration": (
        "ApnEnabled", "BasicAuthPassword", "MessageTimeout", "OcppCsmsUrl", "OcppInterface", "OcppTransport", "OcppVersion",
        "SecurityProfile", "VpnEnabled",
    ),
}  # fmt: skip
"""What Part 2's referenced components and the appendices of 2.0.1 and 2.1 mark as required."""


def refuse(text: str, kind: str) -> str:
    """There is nothing to keep."""
    raise AssertionError(f"the shipped files have a {kind} of {len(text)} characters in them")


@pytest.fixture(scope="module")
def found() -> Loaded:
    """The shipped files."""
    return load([shipped()], refuse)


def name_of(declared: Declared) -> Name:
    """The variable's name."""
    return declared.component, declared.variable, declared.variable_instance


def test_they_load_and_hold_no_secret(found: Loaded) -> None:
    """If this failed, the project would not start as it comes, or every station in the world would share a password."""
    assert len(found.files) == len(list(shipped().glob("*/*.json")))
    assert {d.evse_id for d in found.declarations if d.component == "EVSE"} == {1, 2}
    assert {(d.evse_id, d.connector_id) for d in found.declarations if d.component == "Connector"} == {(1, 1), (2, 1)}


def test_what_ocpp_requires_is_there(found: Loaded) -> None:
    """If this failed, a CSMS would be told UnknownVariable for one that every station must have."""
    required = {
        (d.component, f"{d.variable}[{d.variable_instance}]" if d.variable_instance else d.variable) for d in found.declarations if d.required
    }
    missing = {(c, v) for c, variables in REQUIRED.items() for v in variables} - required
    assert sorted(missing) == []


def read_by_machines() -> set[Name]:
    """The variables that the machines read: every ``Variable("component", "name", default, instance)`` in their sources."""
    names: set[Name] = set()
    for path in sorted((ROOT / "machines").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Variable":
                words = [a.value if isinstance(a, ast.Constant) and isinstance(a.value, str) else "" for a in node.args]
                named = {k.arg: k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}
                instance = words[3] if len(words) > 3 else str(named.get("instance", ""))
                names.add((words[0], words[1], instance))
    return names


def test_what_machines_read_is_declared_and_honoured(found: Loaded) -> None:
    """If this failed, a machine would follow a variable that nobody can see or set: declare it, without ``"honoured": false``."""
    honoured = {name_of(d) for d in found.declarations if d.honoured}
    assert sorted(read_by_machines() - honoured) == []


PLAIN = {
    ("*", "Available"): "says whether the thing is there, and the file is where that is decided",
    ("*", "SupplyPhases"): "says how the hardware is wired",
    ("Connector", "ConnectorType"): "says what the hardware looks like",
    ("DeviceDataCtrlr", "ValueSize"): "is the most that OCPP itself transports, beside the two sizes that machines keep",
    ("EVSE", "AllowReset"): "says no until Reset is built",
    ("InternalCtrlr", "JournalBytesMost"): "is kept by the process, before there are machines",
    ("OCPPCommCtrlr", "FileTransferProtocols"): "is empty until files are transferred",
    ("OCPPCommCtrlr", "UnlockOnEVSideDisconnect"): "is true: a plug is held for a vehicle that is connected, and for no other",
    ("SecurityCtrlr", "AdditionalRootCertificateCheck"): "says no until certificates are installed",
}
"""Variables that are true by themselves: no machine reads them, and nobody can set them.  With the reason."""


def plain(declared: Declared) -> bool:
    """Whether the file alone makes it true."""
    return declared.mutability == "ReadOnly" and bool({(declared.component, declared.variable), ("*", declared.variable)} & PLAIN.keys())


def test_what_is_declared_is_honoured_or_says_that_it_is_not(found: Loaded) -> None:
    """If this failed, a CSMS could set a variable, be told Accepted, and nothing would come of it; or would be told what nothing makes true."""
    read = read_by_machines()
    idle = [d for d in found.declarations if d.honoured and name_of(d) not in read and derived(key_in(d)) is None]
    assert sorted(name_of(d) for d in idle if not plain(d)) == []
    assert {key for key in PLAIN if key[0] != "*"} <= {(d.component, d.variable) for d in idle}, "a reason for what is read by now"


def test_what_is_derived_is_declared_and_read_only(found: Loaded) -> None:
    """If this failed, a machine would know what no CSMS can ask for, or a CSMS could set what the station itself knows better."""
    declared = {(d.component.casefold(), d.variable.casefold()): d for d in found.declarations if d.attribute == "Actual"}
    assert sorted(BY_NAME.keys() - declared.keys()) == []
    assert [key for key in BY_NAME if declared[key].mutability != "ReadOnly" or not declared[key].honoured] == []


def test_what_is_not_built_is_not_there(found: Loaded) -> None:
    """If this failed, a CSMS would send local lists, schedules or messages to a station that has no use for them."""
    offered = {d.component for d in found.declarations if d.variable == "Available" and d.value == "true"}
    controllers = {d.component for d in found.declarations if d.component.endswith("Ctrlr")}
    missing = {d.component for d in found.declarations if d.variable == "Available" and d.value == "false"}
    assert offered & missing == set()
    assert controllers - missing == {name for name in controllers if any(d.component == name and d.honoured for d in found.declarations)} - missing
    honoured = {name_of(d) for d in found.declarations if d.component in missing and d.honoured and d.variable != "Available"}
    assert honoured == set(), "a machine reads a variable of a controller that says it is not there"


def test_what_is_not_built_is_what_the_table_says(found: Loaded) -> None:
    """If this failed, a controller that is built would go on saying that it is not there, or the files would need the table to be honest."""
    missing = {d.component.casefold() for d in found.declarations if d.variable == "Available" and d.value == "false"}
    assert missing == NOT_BUILT.keys()
    assert found.warnings == ()


def test_a_full_inventory_is_as_large_as_that_of_others(found: Loaded) -> None:
    """If this failed, a controller would have been lost, or a slot: about 355 attributes are usual for two EVSEs."""
    assert len(found.declarations) > 355
    assert found.warnings == ()
    assert {d.component_instance for d in found.declarations if d.component == "NetworkConfiguration"} == {"1", "2"}


def test_names_and_descriptions_are_whole(found: Loaded) -> None:
    """If this failed, a person who reads a file would find a variable without a word of what it does."""
    for name, _ in found.files:
        text = (Path(shipped()) / name).read_text()
        assert text.count('"description"') == text.count('"variable_name"') + 1, name
        assert text.endswith("}\n"), name
