"""NetworkConfiguration shows what the configuration slots hold, and sets nothing.

Invariant: every value is that of the network connection profiles in force at that moment; a password of theirs is in none.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from machines.device_model.facts import SettingRefused, VariableSet
from machines.device_model.slots import connection_data, without_user
from machines.inputs import OperatorSet
from tests.machines.test_device_model import get, item, put, value
from tests.machines.test_layers import files
from tests.story import PASSWORD, Story, facts, sent
from wire.declared import Declared

VARIABLES = (
    "OcppCsmsUrl", "OcppInterface", "OcppTransport", "OcppVersion", "SecurityProfile", "Identity", "MessageTimeout", "ApnEnabled", "VpnEnabled",
    "Apn", "ApnUserName",
)  # fmt: skip
SECRETS = ("ApnPassword", "BasicAuthPassword", "SimPin", "VpnKey", "VpnPassword")

SLOTS = (
    *(Declared(component="NetworkConfiguration", component_instance=slot, variable=name, value="of the file") for slot in "12" for name in VARIABLES),
    *(Declared(component="NetworkConfiguration", component_instance="1", variable=name, mutability="WriteOnly") for name in SECRETS),
    Declared(component="OCPPCommCtrlr", variable="MessageTimeout", variable_instance="Default", data_type="integer", value="25"),
)


def profile(slot: int, url: str, **more: Any) -> dict[str, Any]:
    """A network connection profile."""
    data = {"ocppVersion": "OCPP20", "ocppTransport": "JSON", "ocppCsmsUrl": url, "messageTimeout": 30, "securityProfile": 1, "ocppInterface": "Any"}
    return {"configurationSlot": slot, "connectionData": {**data, **more}}


ONE = profile(1, "ws://localhost:9000", basicAuthPassword=PASSWORD, apn={"apn": "internet", "apnUserName": "me", "apnPassword": PASSWORD})
TWO = profile(2, "wss://csms.example/ocpp", ocppInterface="Wired0", ocppVersion="OCPP201")


def slot(story: Story, number: str = "1", names: tuple[str, ...] = VARIABLES) -> dict[str, str]:
    """What is read of a slot."""
    found = get(story, *(item(name, component="NetworkConfiguration", component_instance=number) for name in names))
    return {one["variable"]["name"]: one.get("attributeValue", one["attributeStatus"]) for one in found}


@pytest.fixture
def slotted(story: Story) -> Story:
    """A station with two slots, of which the first is used."""
    story.files = files(*SLOTS)
    story.settle(story.when(story.files))
    return story


def set_profiles(story: Story, *profiles: dict[str, Any]) -> None:
    """The CSMS sets InternalCtrlr.NetworkConnectionProfiles."""
    (result,) = put(story, item("NetworkConnectionProfiles", json.dumps(profiles), component="InternalCtrlr"))
    assert result["attributeStatus"] == "Accepted", result


def test_a_used_slot_shows_its_profile(slotted: Story) -> None:
    """If this failed, a CSMS that asks where a station connects to would read an empty text, or what a file once said."""
    set_profiles(slotted, ONE, TWO)
    assert slot(slotted) == {
        "OcppCsmsUrl": "ws://localhost:9000",
        "OcppInterface": "Any",
        "OcppTransport": "JSON",
        "OcppVersion": "OCPP20",
        "SecurityProfile": "0",
        "Identity": "CP001",
        "MessageTimeout": "25",
        "ApnEnabled": "false",
        "VpnEnabled": "false",
        "Apn": "",
        "ApnUserName": "",
    }
    second = slot(slotted, "2")
    assert (second["OcppCsmsUrl"], second["OcppInterface"], second["OcppVersion"]) == ("wss://csms.example/ocpp", "Wired0", "OCPP201")


def test_the_security_profile_is_the_one_that_is_dialled_with(slotted: Story) -> None:
    """A00.  If this failed, a slot would claim a password that the station does not have, or hide the one that it sends."""
    set_profiles(slotted, ONE, TWO)
    slotted.when(OperatorSet(component="SecurityCtrlr", variable="BasicAuthPassword", value=PASSWORD))
    assert (slot(slotted)["SecurityProfile"], slot(slotted, "2")["SecurityProfile"]) == ("1", "2")
    assert value(slotted, "SecurityProfile", component="NetworkConfiguration", component_instance="1") == "1"


def test_a_free_slot_is_empty(slotted: Story) -> None:
    """If this failed, a CSMS could not tell which slot it may fill."""
    found = slot(slotted, "2")
    assert {name for name, text in found.items() if text} == {"ApnEnabled", "VpnEnabled"}
    set_profiles(slotted, ONE, profile(2, ""))
    assert slot(slotted, "2") == found


def test_it_changes_with_the_profiles(slotted: Story) -> None:
    """If this failed, a CSMS would read the address before last."""
    assert slot(slotted)["OcppCsmsUrl"] == "ws://localhost:9000"
    set_profiles(slotted, profile(1, "ws://other:9001"))
    assert slot(slotted)["OcppCsmsUrl"] == "ws://other:9001"


def test_b05_fr_09_nothing_of_a_slot_can_be_set(slotted: Story) -> None:
    """If this failed, a new address would be Accepted, and the station would never dial it."""
    items = [item(name, "x", component="NetworkConfiguration", component_instance="1") for name in (*VARIABLES, *SECRETS)]
    for result in put(slotted, *items):
        assert result["attributeStatus"] == "Rejected", result
        assert result["attributeStatusInfo"] == {"reasonCode": "ReadOnly", "additionalInfo": "it shows InternalCtrlr.NetworkConnectionProfiles"}
    turn = slotted.when(OperatorSet(component="NetworkConfiguration", component_instance="1", variable="OcppCsmsUrl", value="ws://other"))
    assert [fact.reason for fact in facts(turn, SettingRefused)] == ["it shows InternalCtrlr.NetworkConnectionProfiles; it cannot be set"]
    assert [fact for fact in facts(slotted.turns, VariableSet) if fact.component == "NetworkConfiguration"] == []


def test_no_password_of_a_profile_is_shown(slotted: Story) -> None:
    """B06.FR.09.  If this failed, whoever may read the device model could log in as the station."""
    set_profiles(slotted, ONE, TWO)
    assert slot(slotted, "1", SECRETS) == dict.fromkeys(SECRETS, "Rejected")
    asked = {"requestId": 1, "componentVariable": [{"component": {"name": "NetworkConfiguration"}}]}
    turn = slotted.call("GetReport", asked, "report")
    reports = slotted.settle(turn) or sent(turn)
    assert [action for action, _ in reports] == ["NotifyReport"]
    assert "sealed" not in json.dumps(reports)
    mutability = {one["variable"]["name"]: one["variableAttribute"][0]["mutability"] for _, part in reports for one in part["reportData"]}
    assert {name for name, kind in mutability.items() if kind == "ReadOnly"} == set(VARIABLES)


def test_a_user_in_a_url_is_not_shown() -> None:
    """If this failed, a password in a URL, which the station does not dial with, would be read from the device model."""
    assert without_user("wss://user:secret@host:9000/path@x") == "wss://host:9000/path@x"
    assert without_user("ws://host") == "ws://host"


@pytest.mark.parametrize("text", ["", "no JSON", "{}", "[" * 600, '[{"configurationSlot": "x"}]', "[1]"])
def test_profiles_that_cannot_be_read_fill_no_slot(text: str) -> None:
    """If this failed, a report would raise for a text that dialling survives."""
    assert connection_data(text) == {}


def test_a_slot_whose_instance_is_no_number_shows_nothing(story: Story) -> None:
    """If this failed, a component of a faulty file would stop the reading of all others."""
    story.settle(story.when(files(Declared(component="NetworkConfiguration", component_instance="north", variable="OcppCsmsUrl", value="ws://x"))))
    assert slot(story, "north", ("OcppCsmsUrl",)) == {"OcppCsmsUrl": ""}
