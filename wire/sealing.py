"""Take secrets and persons out of a payload before anybody writes it down.

Law: a secret is one by the name of its variable or member, whatever component it is sent to and whether or not the rest of the message is valid.
A text from outside that looks like a placeholder is itself sealed, so that nobody can smuggle a handle in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wire import jsontext
from wire.sealed import PREFIX

Keep = Callable[[str, str], str]
"""(text, purpose) -> placeholder; the purpose is ``secret`` or ``person``."""

SECRET, PERSON = "secret", "person"

SECRET_VARIABLES = frozenset({"basicauthpassword", "apnpassword", "simpin", "vpnpassword", "vpnkey"})
PERSON_VARIABLES = frozenset({"masterpassgroupid"})
PROFILE_VARIABLES = frozenset({"networkconnectionprofiles"})
"""Variables whose value is JSON text with secrets inside."""

SECRET_MEMBERS = frozenset({"basicauthpassword", "apnpassword", "simpin", "password", "key"})
"""Members of SetNetworkProfile and of network profiles in JSON text."""

PERSON_MEMBERS = frozenset({"idtoken", "additionalidtoken", "emaid", "evccid", "customeridentifier", "content", "email", "prioritizedemaids"})
URL_MEMBERS = frozenset({"location", "remotelocation", "url", "ocppcsmsurl", "responderurl", "server", "apn"})

QUIET = frozenset({"GetVariables", "Heartbeat", "StatusNotification", "MeterValues", "GetBaseReport", "Reset", "BootNotification"})
"""Actions whose payloads can hold neither secret nor person; most of what a CSMS sends while nobody charges."""

MARK = PREFIX.encode()


def seal(action: str, payload: bytes, keep: Keep, secret_variables: frozenset[str] = SECRET_VARIABLES) -> bytes:
    """*payload* with every secret and every person replaced by what *keep* gives; the same object where there is none.

    *secret_variables* are names of variables, folded, that are secret: the well-known ones, and the write-only ones of the component files.
    """
    if action in QUIET and MARK not in payload:
        return payload
    value = jsontext.decode(payload)
    sealed = _sealed(action, value, keep, secret_variables)
    return payload if sealed is value else jsontext.encode(sealed)


def _sealed(action: str, value: Any, keep: Keep, secrets: frozenset[str]) -> Any:
    if action == "SetVariables" and isinstance(value, dict) and isinstance(value.get("setVariableData"), list):
        items = [_sealed_item(item, keep, secrets) for item in value["setVariableData"]]
        if any(new is not old for new, old in zip(items, value["setVariableData"], strict=True)):
            value = {**value, "setVariableData": items}
    return _walked(value, keep, "", profile=action == "SetNetworkProfile")


def _sealed_item(item: Any, keep: Keep, secrets: frozenset[str]) -> Any:
    if not isinstance(item, dict):
        return item
    variable, text = item.get("variable"), item.get("attributeValue")
    name = variable.get("name") if isinstance(variable, dict) else None
    if not isinstance(name, str) or not isinstance(text, str) or not text:
        return item
    value = seal_value(name, text, keep, secrets)
    return {**item, "attributeValue": keep(text, PERSON) if value is text and PREFIX in text else value}


def seal_value(variable: str, text: str, keep: Keep, secrets: frozenset[str] = SECRET_VARIABLES) -> str:
    """The value of a variable as it may be written down."""
    folded = variable.casefold()
    if folded in secrets:
        return keep(text, SECRET)
    if folded in PERSON_VARIABLES and text:
        return keep(text, PERSON)
    if folded in PROFILE_VARIABLES:
        try:
            profiles = jsontext.decode(text.encode())
        except ValueError:
            return text
        sealed = _walked(profiles, keep, "", profile=True)
        return text if sealed is profiles else jsontext.encode(sealed).decode()
    return text


def _walked(value: Any, keep: Keep, member: str, *, profile: bool) -> Any:
    if isinstance(value, str):
        return _text(value, keep, member, profile=profile)
    if isinstance(value, list):
        made = [_walked(one, keep, member, profile=profile) for one in value]
        return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
    if isinstance(value, dict):
        pairs = {name: _walked(one, keep, name.casefold(), profile=profile) for name, one in value.items()}
        return pairs if any(pairs[name] is not value[name] for name in value) else value
    return value


def _text(text: str, keep: Keep, member: str, *, profile: bool) -> str:
    if not text:
        return text
    if text.startswith(PREFIX) and member == "attributevalue":
        return text  # sealed a moment ago
    if PREFIX in text:
        return keep(text, PERSON)
    if profile and member in SECRET_MEMBERS:
        return keep(text, SECRET)
    if member in PERSON_MEMBERS:
        return keep(text, PERSON)
    if member in URL_MEMBERS and "@" in text and "://" in text:
        return keep(text, SECRET)
    return text


def seal_text(text: str, keep: Keep) -> str:
    """A frame that nobody could read is sealed whole."""
    return keep(text, SECRET)
