"""Secrets and persons are gone from whatever is written down, however the message was shaped.

Law: every secret used here is searched for in every byte that came out.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.samples import Maker, mutant, read, resolved, schema, schema_names
from wire import names, sealed, sealing
from wire.declared import Declared
from wire.schemas import Schemas

SECRET = "Geheim-4711"


WIFI = sealing.secrets_of([Declared(component="Net", variable="WifiCode", mutability="WriteOnly")])
"""Component files with a secret of their own."""


class Vault:
    """Keeps what it is given, under handles that count up."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, str]] = {}

    def keep(self, text: str, purpose: str) -> str:
        """A placeholder; equal texts of one purpose get the same."""
        known = [handle for handle, kept in self.kept.items() if kept == (purpose, text)]
        handle = known[0] if known else f"{len(self.kept):032x}"
        self.kept[handle] = (purpose, text)
        return sealed.Sealed(handle=handle, length=len(text), printable=text.isascii() and text.isprintable()).text

    def reveal(self, handle: str) -> str | None:
        """The text again."""
        return self.kept[handle][1] if handle in self.kept else None

    def purposes(self, text: str) -> set[str]:
        """For what *text* was kept."""
        return {purpose for purpose, known in self.kept.values() if known == text}


def sealed_by(vault: Vault, action: str, payload: Any, **more: Any) -> Any:
    """What becomes of a payload."""
    return json.loads(sealing.seal(action, json.dumps(payload).encode(), vault.keep, **more))


def shown(vault: Vault, payload: Any) -> Any:
    """A sealed payload with everything revealed."""
    return json.loads(sealed.replace(json.dumps(payload).encode(), vault.reveal))


def set_variable(name: str, value: Any, component: str = "SecurityCtrlr") -> dict[str, Any]:
    """A SetVariables payload."""
    return {"setVariableData": [{"component": {"name": component}, "variable": {"name": name}, "attributeValue": value}]}


@pytest.mark.parametrize("name", ["BasicAuthPassword", "basicauthpassword", " BASICAUTHPASSWORD ", "ApnPassword", "SimPin", "VpnPassword", "VpnKey"])
@pytest.mark.parametrize("component", ["SecurityCtrlr", "NetworkConfiguration", "Toaster"])
def test_a_secret_variable_is_sealed_whatever_its_component(name: str, component: str) -> None:
    """If this fails, a password is in the journal because somebody named the wrong component (A01)."""
    vault = Vault()
    made = sealed_by(vault, "SetVariables", set_variable(name, SECRET, component))
    assert sealed.parse(made["setVariableData"][0]["attributeValue"]) is not None
    assert made["setVariableData"][0]["variable"] == {"name": name}
    assert vault.purposes(SECRET) == {"secret"}


def test_write_only_variables_of_the_component_files_are_secret_too() -> None:
    """If this fails, a vendor's own password is in the journal."""
    vault = Vault()
    payload = set_variable("WifiCode", SECRET)
    assert sealed_by(vault, "SetVariables", payload) == payload
    assert SECRET not in str(sealed_by(vault, "SetVariables", payload, secrets=WIFI))
    assert SECRET not in str(sealed_by(vault, "SetVariables", set_variable("SimPin", SECRET), secrets=WIFI))


SECRET_PLACES: list[tuple[str, Callable[[Any], Any]]] = [
    ("SetVariables", lambda s: set_variable("BasicAuthPassword", s)),
    ("SetVariables", lambda s: set_variable("BasicAuthPassword", s)["setVariableData"]),
    ("SetVariables", lambda s: {"setVariableData": set_variable("BasicAuthPassword", s)["setVariableData"][0]}),
    ("SetVariables", lambda s: {"setVariableData": [{"variable": "BasicAuthPassword", "attributeValue": s}]}),
    ("SetVariables", lambda s: {"setVariableData": [{"variable": {"name": "BasicAuthPassword", "attributeValue": s}}]}),
    ("SetVariables", lambda s: {"setVariableData": [{"variable": {"name": "BasicAuthPassword"}, "AttributeValue": {"value": [s]}}]}),
    ("SetVariables", lambda s: {"setVariableData": [{"Variable": {"Name": "BasicAuthPassword"}, "value": [s, s]}]}),
    ("SetVariables", lambda s: {"setVariableData": [{"variable": {"name": "SecurityCtrlr.BasicAuthPassword"}, "attributeValue": s}]}),
    ("SetVariables", lambda s: {"BasicAuthPassword": s}),
    ("Heartbeat", lambda s: {"basicAuthPassword": s}),
    ("NoSuchAction", lambda s: [{"key": "BasicAuthPassword", "value": s}]),
    ("SetNetworkProfile", lambda s: {"connectionData": {"basicAuthPassword": s}}),
    ("SetNetworkProfile", lambda s: {"connectionData": {"apn": {"apnPassword": s, "simPin": s}}}),
    ("SetNetworkProfile", lambda s: {"connectionData": {"vpn": {"password": s, "key": s}}}),
    ("SetNetworkProfile", lambda s: {"key": s}),
    ("SetNetworkProfile", lambda s: [[{"apn": [{"apnPassword": {"x": s}}]}]]),
    ("DataTransfer", lambda s: {"data": {"vpn": {"key": s}, "ftpPassword": s}}),
    ("DataTransfer", lambda s: {"data": json.dumps({"password": s})}),
    ("DataTransfer", lambda s: {"data": " " + json.dumps([json.dumps({"password": s})])}),
    ("SetVariables", lambda s: set_variable("NetworkConnectionProfiles", json.dumps([{"connectionData": {"basicAuthPassword": s}}]))),
    ("SetVariables", lambda s: set_variable("NetworkConnectionProfiles", json.dumps([{"connectionData": {"apn": {"simPin": s, "apnPassword": s}}}]))),
    ("SetVariables", lambda s: set_variable("NetworkConnectionProfiles", json.dumps({"vpn": {"password": s, "key": s}}))),
    ("SetVariables", lambda s: set_variable("NetworkConnectionProfiles", json.dumps({"vpn": {"key": s}})[:-1])),
    ("SetVariables", lambda s: set_variable("NetworkConnectionProfiles", f"basicAuthPassword={s}")),
    ("SetVariables", lambda s: set_variable("NetworkConnectionProfiles", '{"password":' + json.dumps(s) + ',"password":""}')),
    ("SetVariables", lambda s: set_variable("Other", '{"password":' + json.dumps(s) + ',"password":""}')),
    ("SetVariables", lambda s: set_variable("Other", '{"basicAuthPassword":' + json.dumps(s))),
]


@pytest.mark.parametrize("number", range(len(SECRET_PLACES)))
@pytest.mark.parametrize("secret", [SECRET, f'{SECRET}"\\\n', f"é{SECRET}漢"])
def test_secrets_are_sealed_in_any_shape(number: int, secret: str) -> None:
    """If this fails, a secret in a message that is wrong in some other way is in the journal."""
    action, make = SECRET_PLACES[number]
    vault = Vault()
    out = sealing.seal(action, json.dumps(make(secret)).encode(), vault.keep)
    assert b"4711" not in out
    assert b"<sealed:" in out
    assert {purpose for purpose, _ in vault.kept.values()} == {"secret"}
    json.loads(out)


@pytest.mark.parametrize("secret", [471147114711, -4711.4711])
def test_secrets_that_are_numbers_are_sealed(secret: float) -> None:
    """If this fails, the PIN of a SIM card is in the journal because it is a number, which for simPin is its type."""
    for action, payload in (
        ("SetNetworkProfile", {"connectionData": {"apn": {"simPin": secret}}}),
        ("SetVariables", set_variable("SimPin", secret)),
        ("SetVariables", set_variable("NetworkConnectionProfiles", json.dumps([{"connectionData": {"apn": {"simPin": secret}}}]))),
        ("Authorize", {"idToken": {"idToken": secret, "type": "ISO14443"}}),
    ):
        out = json.dumps(sealed_by(Vault(), action, payload))
        assert "4711" not in out
        assert "<sealed:" in out


PERSON_PLACES: list[tuple[str, Any]] = [
    ("Authorize", {"idToken": {"idToken": SECRET, "type": "ISO14443"}}),
    ("Authorize", {"idTokenInfo": {"status": "Accepted", "groupIdToken": {"idToken": SECRET, "type": "Central"}}}),
    ("Authorize", {"idTokenInfo": {"personalMessage": {"format": "UTF8", "content": SECRET}}}),
    ("Authorize", {"idToken": SECRET}),
    ("Authorize", {"groupIdToken": [SECRET]}),
    ("Authorize", {"idToken": {"value": SECRET}}),
    ("Heartbeat", {"idToken": {"idToken": SECRET, "type": "ISO14443"}}),
    ("RequestStartTransaction", {"idToken": {"idToken": "", "type": "x", "additionalInfo": [{"additionalIdToken": SECRET, "type": "eMAID"}]}}),
    ("SendLocalList", {"localAuthorizationList": [{"idToken": {"idToken": SECRET, "type": "Local"}, "idTokenInfo": {"status": "Accepted"}}]}),
    ("ReserveNow", {"id": 1, "idToken": {"idToken": "x", "type": "Local"}, "groupIdToken": {"idToken": SECRET, "type": "Local"}}),
    ("CustomerInformation", {"requestId": 1, "report": True, "clear": False, "customerIdentifier": SECRET}),
    ("CustomerInformation", {"idToken": {"idToken": SECRET, "type": "Local"}}),
    ("SetDisplayMessage", {"message": {"message": {"format": "UTF8", "content": SECRET}}}),
    ("Get15118EVCertificate", {"prioritizedEMAIDs": {"emaids": [SECRET]}}),
    ("VatNumberValidation", {"vatNumber": SECRET, "company": {"name": SECRET, "address1": SECRET, "city": SECRET, "country": SECRET}}),
    ("RequestBatterySwap", {"idToken": {"idToken": SECRET, "type": "Local"}}),
    ("DataTransfer", {"data": {"EVCCID": SECRET, "vin": SECRET, "eMAID": SECRET, "email": SECRET}}),
    ("SetVariables", set_variable("MasterPassGroupId", SECRET, "AuthCtrlr")),
]  # fmt: skip


@pytest.mark.parametrize(("action", "payload"), PERSON_PLACES)
def test_persons_are_sealed_and_can_be_revealed(action: str, payload: Any) -> None:
    """If this fails, who charged where is in the journal, or the CSMS never sees its own token again."""
    vault = Vault()
    made = sealed_by(vault, action, payload)
    assert SECRET not in json.dumps(made)
    assert vault.purposes(SECRET) == {"person"}
    assert shown(vault, made) == payload


def test_a_tokens_type_stays_readable() -> None:
    """If this fails, no machine can tell an RFID card from a contract."""
    made = sealed_by(Vault(), "Authorize", {"idToken": {"idToken": SECRET, "type": "eMAID", "customData": {"vendorId": "V", "name": SECRET}}})
    assert made["idToken"]["type"] == "eMAID"
    assert made["idToken"]["customData"]["vendorId"] == "V"
    assert SECRET not in str(made)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ftp://user:Geheim@host/a?b=c", "ftp://*@host/a?b=c"),
        ("ftp://user@host", "ftp://*@host"),
        ("https://user:Ge/heim@host/a", "https://*@host/a"),
        ("https://user:Ge@heim@host/a", "https://*@host/a"),
        ("https://user:Ge heim@host/a", "https://*@host/a"),
        ("user:Geheim@host/a", "*@host/a"),
        ("https://host/a?X-Amz-Signature=Geheim", "https://host/a?*"),
        ("https://host/a?b=1&sig=Geheim#x", "https://host/a?*"),
        ("wss://u:Geheim@host/ocpp?token=Geheim", "wss://*@host/ocpp?*"),
        ("https://host/path@v2", "https://host/path@v2"),
        ("https://host:443/path@v2", "https://host:443/path@v2"),
        ("https://[::1]:443/path@v2", "https://[::1]:443/path@v2"),
        ("https://host/a?page=2", "https://host/a?page=2"),
        ("https://host/a?b", "https://host/a?b"),
        ("Body", "Body"),
    ],
)
@pytest.mark.parametrize(
    ("action", "member"),
    [("GetLog", "remoteLocation"), ("UpdateFirmware", "location"), ("SetNetworkProfile", "ocppCsmsUrl"), ("NoSuchAction", "url")],
)
def test_a_url_loses_its_user_and_its_signature_and_keeps_its_place(action: str, member: str, text: str, expected: str) -> None:
    """If this fails, whoever reads the journal can upload and download with the operator's account, or nobody can see where a log went."""
    vault = Vault()
    made = sealed_by(vault, action, {"log": {member: text}})["log"][member]
    assert re.sub(sealed.PATTERN, "*", made) == expected
    assert sealed.replace_text(made, vault.reveal) == text
    assert {purpose for purpose, _ in vault.kept.values()} <= {"secret"}


def test_a_url_within_another_text_is_found() -> None:
    """If this fails, a password is in the journal because there are words around its URL."""
    made = sealed_by(Vault(), "DataTransfer", {"data": "load ftp://user:Geheim@host/a and ftp://host/b"})
    assert "Geheim" not in made["data"]
    assert made["data"].endswith("@host/a and ftp://host/b")


FORGED = f"<sealed:{'0' * 32}:8:p>"


@pytest.mark.parametrize("action", ["Heartbeat", "GetVariables", "DataTransfer", "SetVariables", "NoSuchAction"])
@pytest.mark.parametrize("valid", [True, False])
def test_a_smuggled_placeholder_opens_nothing(action: str, valid: bool) -> None:  # noqa: FBT001 (parametrized)
    """If this fails, a peer names a handle and the station reveals what lies there."""
    for text in (FORGED, f"x{FORGED}y", "<sealed:", f"https://host/{FORGED}", json.dumps({"a": FORGED})):
        for payload in ({"a": text}, {"a": [{"b": [text]}]}, {text: 1}, text, set_variable("X", text)):
            for data in (
                json.dumps(payload).encode(),
                json.dumps(payload).replace("<", "\\u003C").encode(),
                json.dumps(payload).replace("e", "\\u0065").encode(),
            ):
                vault = Vault()
                vault.keep("the password", "secret")  # it lies under the forged handle
                out = sealing.seal(action, data, vault.keep, valid=valid)
                assert FORGED not in json.dumps(json.loads(out))
                assert set(sealed.find(out)) <= vault.kept.keys() - {"0" * 32}
                assert json.loads(sealed.replace(out, vault.reveal)) == payload


@pytest.mark.parametrize("action", ["SetVariables", "DataTransfer", "Heartbeat", "TransactionEvent", "NoSuchAction"])
def test_a_payload_without_any_comes_back_as_the_same_object(action: str) -> None:
    """If this fails, payloads are written anew for nothing, and what is journaled is not what was said."""
    for data in (
        b"{}",
        b'{ "a" : 1.0, "b":[1e2, "x\\u00e9"], "c":{"idToken":{"type":"NoAuthorization","idToken":""}}, "password":"" }',
        b"[]",
        b"null",
    ):
        assert sealing.seal(action, data, Vault().keep) is data
        assert sealing.seal(action, data, Vault().keep, valid=True) is data


def members(version: str, name: str) -> Iterator[str]:
    """The folded names of all members of a message that hold something else than an enum."""
    whole = schema(version, name)
    left: list[Any] = [whole, *whole.get("definitions", {}).values()]
    while left:
        node = left.pop()
        for member, kind in node.get("properties", {}).items():
            if "enum" not in resolved(whole, kind):
                yield member.casefold()
            left.append(kind)
        if "items" in node:
            left.append(node["items"])


def test_a_quiet_action_has_no_place_for_a_secret_or_a_person() -> None:
    """If this fails, OCPP has put a token into a message that is passed unread."""
    telling = {*sealing.SECRET_MEMBERS, *sealing.PERSON_MEMBERS, *sealing.LOCATIONS, *sealing.VALUE_MEMBERS, "vpn", "key", "data"}
    for version in ("2.0.1", "2.1"):
        for action in sealing.QUIET:
            heard = [f"{action}Request"] if names.from_csms(version, action) else [f"{action}Response"]
            for name in heard:
                found = {member for member in members(version, name) if member in telling or member.endswith(sealing.SECRET_ENDINGS)}
                assert not found, (action, found)


def test_quiet_actions_are_passed_unread_only_where_the_schema_rules() -> None:
    """If this fails, a token in customData, or in a message that breaks its schema, is passed unread."""
    token = {"idToken": {"idToken": SECRET, "type": "Local"}}
    for payload in (token, {"customData": {"vendorId": "x", **token}}):
        assert SECRET not in str(sealed_by(Vault(), "Heartbeat", payload))
    assert SECRET not in str(sealed_by(Vault(), "Heartbeat", {"customData": {"vendorId": "x", **token}}, valid=True))


def test_no_secret_survives_in_any_message() -> None:
    """If this fails, there is a message, valid or broken, with a place for a secret or a person that nobody thought of."""
    schemas = Schemas(read)
    telling = sealing.SECRET_MEMBERS | sealing.PERSON_MEMBERS | {"basicauthpassword", "apnpassword", "password"}

    def planted(value: Any, member: str = "") -> Any:
        if isinstance(value, dict):
            return {name: planted(one, name.casefold()) for name, one in value.items()}
        if isinstance(value, list):
            return [planted(one, member) for one in value]
        return f"{SECRET} {rng.random()}" if member in telling and isinstance(value, str) else value

    rng = random.Random(7)
    hit = 0
    for version in ("2.0.1", "2.1"):
        for name in schema_names(version):
            action = name.removesuffix("Request").removesuffix("Response")
            for seed in range(3):
                maker = Maker(seed, full=0.95, keep_texts_short=True)
                payload = maker.payload(version, name)
                for one in (planted(payload), planted(mutant(payload, rng))):
                    data = json.dumps(one).encode()
                    valid = schemas.verdict(version, name, data) is None
                    vault = Vault()
                    out = sealing.seal(action, data, vault.keep, valid=valid)
                    assert b"4711" not in out, (name, out)
                    assert (out is data) == (not vault.kept)
                    hit += b"4711" in data
    assert hit > 100


TEXTS = st.text(max_size=30) | st.sampled_from([FORGED, "{", '["x"]', "a://b@c", "@"])
NAMES = st.sampled_from(["variable", "name", "attributeValue", "idToken", "vpn", "key", "url", "x", "password"]) | st.text(max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=300)
@given(JSON, st.sampled_from(["SetVariables", "SetNetworkProfile", "DataTransfer", "Heartbeat"]), st.booleans())
def test_anything_is_sealed_without_raising(value: Any, action: str, valid: bool) -> None:  # noqa: FBT001 (hypothesis gives it)
    """If this fails, one payload takes the station down."""
    vault = Vault()
    out = sealing.seal(action, json.dumps(value).encode(), vault.keep, valid=valid)
    assert set(sealed.find(out)) <= vault.kept.keys()
    json.loads(out)


def error_sealed_by(vault: Vault, description: str, details: Any = None) -> tuple[str, Any]:
    """What becomes of an error; the mask finds what the vault has, as it is written."""

    def mask(text: str) -> str:
        for purpose, kept in list(vault.kept.values()):
            text = text.replace(kept, vault.keep(kept, purpose))
        return text

    said, told = sealing.seal_error(description, json.dumps(details or {}).encode(), vault.keep, mask)
    return said, json.loads(told)


def test_an_error_says_back_nothing_in_clear() -> None:
    """If this failed, a CSMS that says which card it does not know would write the card into the journal."""
    vault = Vault()
    card = vault.keep("04AABBCC", "person")
    details = {"idToken": "NEW1", "04AABBCC": ["is 04AABBCC?", 7], "at": "ws://me:word@host/", "password": "hush"}
    said, told = error_sealed_by(vault, "no 04AABBCC here", details)
    assert said == f"no {card} here"
    assert told[card] == [f"is {card}?", 7]
    shown_again = shown(vault, told)
    assert shown_again == details
    assert not any(secret in json.dumps(told) for secret in ("04AABBCC", "NEW1", "me:word", "hush"))


@pytest.mark.parametrize("description", ["<sealed:000000000000000000000000000000c1:8:p>", '{"idToken": "04AABBCC"}', "see ws://me:word@host/x"])
def test_an_errors_description_is_read_as_any_text_of_a_payload(description: str) -> None:
    """If this failed, a handle could be smuggled in, or a secret would pass in another dress."""
    vault = Vault()
    said, _ = error_sealed_by(vault, description)
    assert "04AABBCC" not in said
    assert "me:word" not in said
    assert sealed.replace_text(said, vault.reveal).replace(" ", "") == description.replace(" ", "")


def test_an_error_that_is_too_long_is_cut() -> None:
    """If this failed, a CSMS could fill the journal with its errors."""
    said, told = error_sealed_by(Vault(), "x" * 5000, {"trace": "y" * 100_000})
    assert len(said) == sealing.DESCRIPTION_MOST_CHARS
    assert isinstance(told, str)
    assert len(told) == sealing.DETAILS_MOST_BYTES


def test_what_no_reader_reads_is_sealed_whole() -> None:
    """If this fails, sealing raises, or what could not be understood is written down as it came."""
    deep = "[" * 400 + json.dumps({"password": SECRET}) + "]" * 400
    nested: Any = {"password": SECRET}
    for _ in range(8):
        nested = [json.dumps(nested)]
    for action in ("SetVariables", "Heartbeat"):
        for data in (
            SECRET.encode(),
            b"{" + SECRET.encode(),
            b"\xff" + SECRET.encode(),
            b"[" * 5000 + SECRET.encode(),
            deep.encode(),
            json.dumps([deep]).encode(),
            json.dumps(nested).encode(),
        ):
            vault = Vault()
            out = sealing.seal(action, data, vault.keep)
            assert SECRET.encode() not in out
            json.loads(out)
    vault = Vault()
    assert sealed.replace_text(sealing.seal_text(SECRET, vault.keep), vault.reveal) == SECRET
    assert vault.purposes(SECRET) == {"secret"}


def test_the_bound_of_a_monitor_on_a_password_is_no_password() -> None:
    """If this failed, that a password changed could not be monitored; a text in the same place is sealed all the same."""
    vault = Vault()
    item = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}, "type": "Delta", "severity": 5}
    payload = {"setMonitoringData": [{**item, "value": 1.0}]}
    assert sealed_by(vault, "SetVariableMonitoring", payload) == payload
    assert SECRET not in str(sealed_by(vault, "SetVariableMonitoring", {"setMonitoringData": [{**item, "value": SECRET}]}))
