"""What a directory of component files declares."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from component_config.complaints import NO_VALUE
from component_config.load import ConfigFault, load
from tests.component_config.files import CONNECTOR, Files, component, variable
from wire.declared import Declared

DIALECT = Path(__file__).parent / "dialect"
PASSWORD = "correct horse battery"

VALUES: list[tuple[str, Any, str | None]] = [
    ("boolean",      True,                      "true"),
    ("boolean",      "False",                   "false"),
    ("boolean",      "",                        None),
    ("integer",      60,                        "60"),
    ("integer",      "-007",                    "-7"),
    ("integer",      "",                        None),
    ("decimal",      12,                        "12"),
    ("decimal",      0.1,                       "0.1"),
    ("decimal",      5e-7,                      "0.0000005"),
    ("decimal",      1e22,                      "10000000000000000000000"),
    ("decimal",      -1.5e16,                   "-15000000000000000"),
    ("decimal",      "007.50",                  "7.50"),
    ("decimal",      "-0.0",                    "0.0"),
    ("dateTime",     "2024-02-29T23:59:59.999+05:30", "2024-02-29T23:59:59.999+05:30"),
    ("dateTime",     "",                        None),
    ("string",       " as it is ",              " as it is "),
    ("string",       "",                        ""),
    ("string",       5,                         "5"),
    ("OptionList",   "b",                       "b"),
    ("OptionList",   "",                        None),
    ("MemberList",   "c, a",                    "c,a"),
    ("MemberList",   ["c", "a"],                "c,a"),
    ("MemberList",   "",                        ""),
    ("SequenceList", 1,                         "1"),
    ("SequenceList", "a,b,a",                   "a,b,a"),
]  # fmt: skip


@pytest.mark.parametrize(("data_type", "value", "text"), VALUES)
def test_values_are_written_as_ocpp_writes_them(files: Files, data_type: str, value: Any, text: str | None) -> None:
    """If this failed, GetVariables would show a value as Python spells it, and two spellings of one value would differ."""
    more = {"valuesList": "a,b,c,1"} if data_type.endswith("List") else {}
    files.tank(variable("V", data_type, value=value, **more), variable("D", data_type, default=value, **more))
    assert files.values() == {"V": text, "D": text}


def test_a_declaration_says_all_that_its_file_says(files: Files) -> None:
    """If this failed, a key of a file would be read and forgotten."""
    body = variable(
        "Depth", "integer", instance="north", unit="m", minLimit="-1.50", maxLimit=9, supportsMonitoring=True, mutability="ReadOnly",
        value="7", persistent=False, constant=True, honoured=False, required=True, policy="file-wins", reboot=True,
    )  # fmt: skip
    files.put("standardized/Tank.json", component("Tank", body, instance="i", evse_id=1, connector_id=1))
    assert files.load().declarations[0] == Declared(
        component="Tank",
        variable="Depth",
        component_instance="i",
        variable_instance="north",
        evse_id=1,
        connector_id=1,
        attribute="Actual",
        data_type="integer",
        mutability="ReadOnly",
        unit="m",
        min_limit="-1.50",
        max_limit="9",
        values_list=(),
        value="7",
        persistent=False,
        constant=True,
        supports_monitoring=True,
        required=True,
        honoured=False,
        source="standardized/Tank.json",
        policy="file-wins",
        reboot=True,
    )


def test_what_a_file_leaves_out_is_what_ocpp_says(files: Files) -> None:
    """An attribute without type is Actual, without mutability ReadWrite: if this failed, short files would mean something else."""
    files.tank(variable(data_type="MemberList", valuesList=["a", "b"], attributes=[{}, {"type": "MaxSet", "value": "b"}], default="a"))
    actual, most = files.load().declarations[:2]
    assert (actual.attribute, actual.mutability, actual.value, actual.values_list) == ("Actual", "ReadWrite", "a", ("a", "b"))
    assert (most.attribute, most.value) == ("MaxSet", "b")


def test_a_value_counts_before_a_default(files: Files) -> None:
    """And the default is for the actual value only: if this failed, a limit of 0 would be set where none was meant."""
    files.tank(variable("A", value=1, default=2), variable("B", default=2), variable("C", attributes=[{}, {"type": "MaxSet"}], default=0))
    found = [(d.variable, d.attribute, d.value) for d in files.load().declarations if d.component == "Tank"]
    assert found == [("A", "Actual", "1"), ("B", "Actual", "2"), ("C", "Actual", "0"), ("C", "MaxSet", None)]


def test_required_by_key_by_name_and_by_property(files: Files) -> None:
    """If this failed, a required variable could be missing from the station without anybody noticing."""
    files.tank(variable("A", value=1), variable("B", value=1), variable("C", value=1, required=True), variable("D"), required=["p0", "B"])
    assert [d.required for d in files.load().declarations if d.component == "Tank"] == [True, True, True, False]


def test_a_required_variable_may_get_its_value_at_run_time(files: Files) -> None:
    """If this failed, a station could not declare its clock, nor start without a password."""
    files.tank(
        variable("Clock", "dateTime", mutability="ReadOnly", required=True),
        variable("Pin", "integer", mutability="WriteOnly", required=True),
        variable("Sensor", required=True, source="EVEREST"),
    )
    assert files.values() == {"Clock": None, "Pin": None, "Sensor": None}


def slot(url: str, **more: Any) -> dict[str, Any]:
    """A component for configuration slot 1."""
    return component(
        "NetworkConfiguration",
        variable("OcppCsmsUrl", "string", value=url),
        variable("SecurityProfile", **more),
        instance="1",
        required=["OcppCsmsUrl", "SecurityProfile"],
    )


def test_a_slot_needs_no_values_and_uses_none(files: Files) -> None:
    """If this failed, somebody would write an address where nothing reads it, or an unused slot would stop the station."""
    files.put("standardized/N.json", slot(""))
    assert files.complaints() == ()
    for url, more in (("ws://localhost:9000", {}), ("ws://localhost:9000", {"value": 2}), ("no URL", {"value": 2})):
        files.put("standardized/N.json", slot(url, **more))
        assert files.complaint() == (
            "standardized/N.json: NetworkConfiguration[1].OcppCsmsUrl: is not read; right would be a profile for this slot in "
            "InternalCtrlr.NetworkConnectionProfiles"
        )


def test_what_the_station_knows_by_itself_needs_neither_mutability_nor_value(files: Files) -> None:
    """If this failed, Connector.AvailabilityState without mutability and value, as libocpp ships it, would be complained of."""
    state = variable("AvailabilityState", "OptionList", valuesList="Available,Occupied", required=True, attributes=[{"type": "Actual"}])
    files.put("custom/Connector_1_1.json", {**CONNECTOR, "properties": {**CONNECTOR["properties"], "state": state}})
    assert files.complaints() == ()
    files.tank(variable("AvailabilityState", "OptionList", valuesList="a", required=True, attributes=[{}]))
    assert files.complaint().kind is NO_VALUE


def test_the_order_is_the_files_names(files: Files) -> None:
    """If this failed, the same files could give another journal on another disk."""
    files.put("standardized/b.json", component("B", variable()))
    files.put("standardized/a.json", component("Z", variable("Y"), variable("X")))
    found = files.load()
    names = [name for name, _ in found.files]
    assert names == ["standardized/a.json", "standardized/b.json", "custom/Connector_1_1.json", "custom/EVSE_1.json"]
    assert [(d.component, d.variable) for d in found.declarations[:3]] == [("Z", "Y"), ("Z", "X"), ("B", "Depth")]
    assert files.load() == found


def test_a_digest_is_that_of_the_bytes(files: Files) -> None:
    """If this failed, nobody could hold a journal against the files on the disk with sha256sum."""
    files.tank(variable(value=1))
    raw = (files.root / "standardized/Tank.json").read_bytes()
    assert files.load().files[0] == ("standardized/Tank.json", sha256(raw).hexdigest())


def whole(**more: Any) -> dict[str, Any]:
    """A variable that nobody may read."""
    return variable("Password", "string", mutability="WriteOnly", minLimit=8, maxLimit=64, **more)


def test_a_secret_goes_to_its_keeper_and_nowhere_else(files: Files) -> None:
    """If this failed, a password would stand in the journal, or its digest would give it away to a list of guesses."""
    files.tank(whole(value=PASSWORD, default="another password"))
    found = files.load()
    assert files.kept == [PASSWORD], "a default that is not in force has no place in the vault"
    assert found.declarations[0].value == "<21>"
    document = json.loads((files.root / "standardized/Tank.json").read_text())
    document["properties"]["p0"]["attributes"][0]["value"] = "<21>"
    document["properties"]["p0"]["default"] = None
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    assert found.files[0][1] == sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("name", ["BasicAuthPassword", "apnPassword", "SimPin", "VpnKey", "VpnPassword", "AuthorizationKey"])
def test_a_known_secret_is_one_though_a_file_calls_it_readable(files: Files, name: str) -> None:
    """If this failed, a slip in a mutability would write a password into the journal."""
    files.tank(variable(name, "string", default=PASSWORD))
    assert files.values() == {name: "<21>"}
    assert files.kept == [PASSWORD]


@pytest.mark.parametrize("name", ["MasterPassGroupId", "masterpassgroupid", "VehicleId"])
def test_who_somebody_is_goes_to_the_keeper_as_a_person(files: Files, name: str) -> None:
    """If this failed, a group that a file names would never be equal to one that the CSMS names, and would stand in the journal in clear."""
    files.tank(variable(name, "string", value="POLICE"))
    assert files.values() == {name: "<6>"}
    assert (files.kept, files.kinds) == (["POLICE"], {"person"})
    files.tank(variable("Password", "string", value="hunter2-hunter2", mutability="WriteOnly"))
    files.values()
    assert "secret" in files.kinds


def test_no_secret_no_keeper(files: Files) -> None:
    """If this failed, an empty password would look like a set one."""
    files.tank(variable("A", "string", mutability="WriteOnly", value=""), whole())
    assert files.values() == {"A": "", "Password": None}
    assert files.kept == []


LIST = {"data_type": "MemberList", "valuesList": "a,b"}
BAD_SECRETS: list[dict[str, Any]] = [
    whole(value="hunter2"),
    whole(default="hunter2" * 20),
    whole(value=["hunter2"]),
    whole(value="hunter2 hunter2\u00e9"),
    variable("Password", mutability="WriteOnly", value="hunter2"),
    variable("Password", mutability="writeonly", value="hunter2"),
    variable("Password", mutability="WriteOnly", value="hunter2,hunter2", **LIST),
    variable("Password", mutability="WriteOnly", value="hunter2", **LIST),
    variable("Password", attributes=[{"value": "hunter2"}, {"type": "Target", "mutability": "WriteOnly"}]),
    variable("SimPin", value="hunter2"),
]


@pytest.mark.parametrize("body", BAD_SECRETS)
def test_a_complaint_never_quotes_a_secret(files: Files, body: dict[str, Any]) -> None:
    """If this failed, a password that is too short would be shown on every screen and in every log."""
    files.tank(body)
    assert all("hunter2" not in line for line in files.complaints())
    assert any(f".{body['variable_name']}" in line for line in files.complaints())


def profile(number: int = 1, **more: Any) -> dict[str, Any]:
    """A connection without fault."""
    data = {
        "messageTimeout": 30, "ocppCsmsUrl": "ws://localhost:9000", "ocppInterface": "Wired0", "ocppTransport": "JSON",
        "securityProfile": 1, **more,
    }  # fmt: skip
    return {"configurationSlot": number, "connectionData": {k: v for k, v in data.items() if v is not None}}


def profiles(files: Files, value: Any, **more: Any) -> None:
    """Write the list of connections."""
    text = value if isinstance(value, str) else json.dumps(value)
    files.put("standardized/I.json", component("InternalCtrlr", variable("NetworkConnectionProfiles", "string", value=text, **more)))


APN = {"apn": "internet", "apnAuthentication": "AUTO", "apnPassword": "apn password", "simPin": 1234}
VPN = {"server": "vpn", "user": "u", "password": "vpn password", "key": "vpn key", "type": "IKEv2"}


def test_secrets_inside_of_profiles_are_kept(files: Files) -> None:
    """If this failed, the passwords of CSMS, access point and private network would stand in the journal."""
    profiles(files, [profile(basicAuthPassword=PASSWORD, apn=APN, vpn=VPN), profile(2)])
    found = files.load().declarations[0].value
    assert found is not None
    first, second = json.loads(found)
    assert first["connectionData"]["basicAuthPassword"] == "<21>"
    assert first["connectionData"]["apn"] == {**APN, "apnPassword": "<12>", "simPin": "<4>"}
    assert first["connectionData"]["vpn"] == {**VPN, "password": "<12>", "key": "<7>"}
    assert second == profile(2)
    assert sorted(files.kept) == ["1234", "apn password", PASSWORD, "vpn key", "vpn password"]


def test_profiles_without_secrets_stay_as_they_are(files: Files) -> None:
    """If this failed, a file without secrets would have another digest than its bytes."""
    profiles(files, [profile()])
    raw = (files.root / "standardized/I.json").read_bytes()
    found = files.load()
    assert found.declarations[0].value == json.dumps([profile()])
    assert found.files[0][1] == sha256(raw).hexdigest()


@pytest.mark.parametrize("default", ["no JSON: hunter2hunter2", json.dumps([profile(basicAuthPassword="hunter2hunter2hunter2")])])
def test_profiles_that_are_not_in_force_leave_no_trace(files: Files, default: str) -> None:
    """If this failed, a password in a shadowed default would be part of a digest in the journal."""
    profiles(files, [profile()], default=default)
    first = files.load()
    profiles(files, [profile()], default=default.replace("hunter2", "hunter3"))
    assert files.load() == first
    assert files.kept == []


BAD_PROFILES: list[tuple[Any, str]] = [
    ("hunter2",                                         "value: is not JSON"),
    ("[" * 30 + "]" * 30,                               "value: is nested too deep"),
    ({},                                                "value: is not a list"),
    ([5],                                               "profile 1: is not an object"),
    ([profile(0)],                                      "profile 1: configurationSlot has to be a whole number from 1"),
    ([{"configurationSlot": 1}],                        "profile 1: connectionData has to be an object"),
    ([{**profile(), "slot": 1}],                        "profile 1: key 'slot' is not known"),
    ([profile(ocppCSMSUrl="ws://x")],                   "profile 1: key 'ocppCSMSUrl' is not known; did you mean 'ocppCsmsUrl'?"),
    ([profile(1), profile(1)],                          "configurationSlot 1 stands in two profiles"),
    ([profile(1), profile(2, ocppCsmsUrl=None)],        "profile 2: ocppCsmsUrl is missing in connectionData"),
    ([profile(securityProfile=4)],                      "profile 1: securityProfile has to be 0, 1, 2 or 3"),
    ([profile(securityProfile="1")],                    "profile 1: securityProfile has to be 0, 1, 2 or 3"),
    ([profile(securityProfile=3)],                      "profile 1: ocppCsmsUrl has to begin with wss://"),
    ([profile(ocppCsmsUrl="localhost:9000")],           "profile 1: ocppCsmsUrl has to begin with ws:// or wss://"),
    ([profile(ocppCsmsUrl="ws:///x")],                  "profile 1: ocppCsmsUrl has to begin with ws:// or wss:// and a host"),
    ([profile(ocppCsmsUrl="ws://a b")],                 "profile 1: ocppCsmsUrl has to be a text"),
    ([profile(ocppCsmsUrl="ws://cp001:hunter2@csms")],  "profile 1: ocppCsmsUrl must not carry a user or password"),
    ([profile(messageTimeout=0)],                       "profile 1: messageTimeout has to be a whole number of seconds from 1"),
    ([profile(ocppInterface="Wired")],                  "profile 1: ocppInterface: did you mean"),
    ([profile(ocppVersion="2.0.1")],                    "profile 1: ocppVersion: right would be one of: OCPP12"),
    ([profile(ocppTransport="SOAP")],                   "profile 1: ocppTransport has to be JSON"),
    ([profile(identity="a:b")],                         "profile 1: identity has to be a text"),
    ([profile(basicAuthPassword="hunter2")],            "profile 1: basicAuthPassword has to be a text of 16 to 64 characters"),
    ([profile(apn="hunter2")],                          "profile 1: apn has to be an object"),
    ([profile(apn={**APN, "pin": 1})],                  "profile 1: apn: key 'pin' is not known"),
    ([profile(apn={**APN, "apnAuthentication": "auto"})], "profile 1: apn: apnAuthentication: did you mean 'AUTO'?"),
    ([profile(apn={**APN, "simPin": "hunter2"})],       "profile 1: apn: simPin has to be a whole number"),
    ([profile(apn={**APN, "useOnlyPreferredNetwork": 1})], "profile 1: apn: useOnlyPreferredNetwork has to be true or false"),
    ([profile(vpn={k: v for k, v in VPN.items() if k != "key"})], "profile 1: vpn: key is missing"),
    ([profile(vpn={**VPN, "password": "hunter2" * 20})], "profile 1: vpn: password has to be a text of at most 64 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), BAD_PROFILES, ids=[text for _, text in BAD_PROFILES])
def test_profiles_that_cannot_be_dialled(files: Files, value: Any, text: str) -> None:
    """If this failed, a slip in the list of connections would show as a station that never comes online."""
    profiles(files, value)
    said = files.complaints()
    assert any(text in line for line in said), said
    assert all(line.startswith("standardized/I.json: InternalCtrlr.NetworkConnectionProfiles: ") for line in said)
    assert all("hunter2" not in line for line in said)


def test_a_refused_directory_gives_no_secret_away(files: Files) -> None:
    """If this failed, a vault would fill with the passwords of files that were never in force."""
    files.tank(whole(value=PASSWORD), variable("Depth", value="deep"))
    with pytest.raises(ConfigFault):
        files.load()
    assert files.kept == []


def test_the_dialect_of_libocpp_is_read_as_it_is() -> None:
    """If this failed, a person who comes with the files of another station would have to change them."""
    kept: list[str] = []

    def keep(text: str, kind: str) -> str:
        kept.append(text)
        return kind

    found = load([DIALECT], keep, ())
    values = {(d.component, d.component_instance, d.variable, d.attribute): d.value for d in found.declarations}
    assert values["OCPPCommCtrlr", "", "HeartbeatInterval", "Actual"] == "1800"
    assert values["OCPPCommCtrlr", "", "NetworkConfigurationPriority", "Actual"] == "1"
    assert values["OCPPCommCtrlr", "", "QueueAllMessages", "Actual"] is None
    assert values["ClockCtrlr", "", "DateTime", "Actual"] is None
    assert values["CustomizationCtrlr", "", "Persistence", "Actual"] == "true"
    assert values["NetworkConfiguration", "2", "SecurityProfile", "Actual"] is None
    assert values["SecurityCtrlr", "", "BasicAuthPassword", "Actual"] == "secret"
    assert values["EVSE", "", "Power", "Actual"] == "0"
    assert values["EVSE", "", "Power", "MaxSet"] is None
    assert kept == ["0123456789ABCDEF"]
    limits = {d.variable: (d.min_limit, d.max_limit) for d in found.declarations}
    assert limits["ChargeBoxSerialNumber"] == ("1", "25"), "a JSON schema's lengths count where the characteristics name none"
    mutable = {(d.component, d.variable): d.mutability for d in found.declarations}
    assert mutable["Connector", "AvailabilityState"] == "ReadWrite"


def test_the_loader_stays_light() -> None:
    """The daemon's start is measured: if this failed, loading would pull in modules that it does not need."""
    heavy = ["json", "difflib", "pydantic", "jsonschema", "asyncio", "websockets"]
    code = (
        "import sys; from component_config.load import load, shipped; load([shipped()], lambda text, kind: text)\n"
        f"print(sorted(set({heavy!r}) & set(sys.modules)))"
    )
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "[]\n"


def test_a_security_profile_that_is_not_what_it_says_is_a_warning(files: Files) -> None:
    """A00: if this failed, somebody would believe in a link that a certificate of the station, or no password in the clear, protects."""
    url = "wss://csms.example"
    profiles(files, [profile(1, ocppCsmsUrl=url, securityProfile=2), profile(2), profile(3, securityProfile=0)])
    assert files.load().warnings == ()
    profiles(files, [profile(1, ocppCsmsUrl=url), profile(2, ocppCsmsUrl="WSS://csms.example", securityProfile=3)])
    where = "standardized/I.json: InternalCtrlr.NetworkConnectionProfiles: value"
    assert files.load().warnings == (
        f"{where}: profile 1: ocppCsmsUrl begins with wss://, and securityProfile is 1; right would be 2, a password over TLS",
        f"{where}: profile 2: securityProfile 3 is not built yet: the link is made without a certificate of the station",
    )
