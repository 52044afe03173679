"""Names against the schema files of the ``ocpp`` package, and who initiates what against what each side is for.

Law: a name that is not OCPP's, or is missing here, is found.
"""

from __future__ import annotations

import pytest

from tests.wire.samples import schema_names
from wire import names


@pytest.mark.parametrize("version", [names.V201, names.V21])
def test_the_actions_are_those_of_the_schemas(version: str) -> None:
    """If this fails, an action is refused as unknown though OCPP has it, or the other way round."""
    found = schema_names(version)
    assert names.actions(version) == {name.removesuffix("Request") for name in found if name.endswith("Request")}
    assert names.actions(version) == {name.removesuffix("Response") for name in found if name.endswith("Response")}
    assert names.sends(version) == {name for name in found if not name.endswith(("Request", "Response"))}


def test_who_initiates_what() -> None:
    """If this fails, the station serves a request that only it may make, or refuses one of the CSMS's."""
    assert names.FROM_STATION <= names.ACTIONS_21
    for version in (names.V201, names.V21):
        for action in names.actions(version):
            assert names.from_station(version, action) or names.from_csms(version, action)
            assert (names.from_station(version, action) and names.from_csms(version, action)) == (action == "DataTransfer")
    assert not names.from_csms(names.V201, "UsePriorityCharging")
    assert names.from_csms(names.V21, "UsePriorityCharging")
    assert not names.from_station(names.V201, "BatterySwap")
    assert not names.from_csms(names.V21, "NoSuchThing")


def test_requests_of_a_station_are_named_as_such() -> None:
    """If this fails, somebody added an action without saying who initiates it: stations notify, report and ask; the CSMS sets, gets and requests."""
    csms_verbs = ("Set", "Clear", "Change", "Use", "Update", "Adjust", "Request", "Cancel", "Unlock", "Trigger", "Unpublish")
    csms_others = {
        "AFRRSignal", "CertificateSigned", "CostUpdated", "CustomerInformation", "DataTransfer", "DeleteCertificate", "InstallCertificate",
        "NotifyAllowedEnergyTransfer", "NotifyWebPaymentStarted", "PublishFirmware", "ReserveNow", "Reset", "SendLocalList",
    }  # fmt: skip
    station_gets = {"Get15118EVCertificate", "GetCertificateStatus", "GetCertificateChainStatus"}
    for action in names.ACTIONS_21:
        expected = (
            action.startswith((*csms_verbs, "Get")) and action not in station_gets and action != "ClearedChargingLimit"
        ) or action in csms_others
        assert names.from_csms(names.V21, action) == expected, action


def test_error_codes() -> None:
    """If this fails, an error is sent or read under a code that no peer knows."""
    assert len(names.ERROR_CODES) == 12
    assert not names.ERROR_CODES & names.OLDER_ERROR_CODES.keys()
    assert set(names.OLDER_ERROR_CODES.values()) <= names.ERROR_CODES
    assert all(names.error_code(code) == code for code in names.ERROR_CODES)


def test_subprotocols() -> None:
    """If this fails, the older version is offered first, or one under a name that no server knows."""
    assert list(names.SUBPROTOCOLS.items()) == [("ocpp2.1", "2.1"), ("ocpp2.0.1", "2.0.1")]
