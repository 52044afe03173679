"""The network connection profiles: a list as JSON text in ``InternalCtrlr.NetworkConnectionProfiles``.

Each is OCPP's NetworkConnectionProfileType (Part 2) with the number of its slot.

Law: passwords and keys are found wherever they stand in a profile, whatever else is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec

from component_config.complaints import Wrong, one_of, shown

SECRETS = frozenset({"apnpassword", "basicauthpassword", "key", "password", "simpin"})
"""Members of a profile, folded, that are secrets: of the profile, of its APN and of its VPN."""

DEPTH_MAX = 16
"""A JSON text that is nested deeper is not looked at."""

PROFILE_KEYS = ("configurationSlot", "connectionData", "customData")
DATA_KEYS = (
    "apn", "basicAuthPassword", "customData", "identity", "messageTimeout", "ocppCsmsUrl", "ocppInterface", "ocppTransport",
    "ocppVersion", "securityProfile", "vpn",
)  # fmt: skip
NEEDED = ("messageTimeout", "ocppCsmsUrl", "ocppInterface", "ocppTransport", "securityProfile")
INTERFACES = ("Any", "Wired0", "Wired1", "Wired2", "Wired3", "Wireless0", "Wireless1", "Wireless2", "Wireless3")
VERSIONS = ("OCPP12", "OCPP15", "OCPP16", "OCPP20", "OCPP201", "OCPP21")


class Rules(NamedTuple):
    """What a member of a profile may hold: texts with their greatest length, choices, other members, and what may not be missing."""

    texts: dict[str, int]
    choices: dict[str, tuple[str, ...]]
    others: tuple[str, ...]
    needed: tuple[str, ...]


APN = Rules(
    {"apn": 2000, "apnUserName": 50, "apnPassword": 64, "preferredNetwork": 6},
    {"apnAuthentication": ("AUTO", "CHAP", "NONE", "PAP")},
    ("simPin", "useOnlyPreferredNetwork", "customData"),
    ("apn", "apnAuthentication"),
)
VPN = Rules(
    {"server": 2000, "user": 50, "group": 50, "password": 64, "key": 255},
    {"type": ("IKEv2", "IPSec", "L2TP", "PPTP")},
    ("customData",),
    ("server", "user", "password", "key", "type"),
)

URL_MAX, IDENTITY_MAX, PASSWORD_MIN, PASSWORD_MAX, PROFILE_MAX, TLS_FROM = 2000, 48, 16, 64, 3, 2

Keep = Callable[[str, str], str]


def depth(value: object) -> int:
    """How deep *value*, decoded JSON, is nested; stops counting behind ``DEPTH_MAX``."""
    level, here = 0, [value]
    while here and level <= DEPTH_MAX:
        level += 1
        deeper: list[Any] = []
        for one in here:
            if type(one) is dict:
                deeper += one.values()
            elif type(one) is list:
                deeper += one
        here = deeper
    return level


def decode(text: str) -> Any:
    """The list that *text* says.

    Raises:
        Wrong: It is not JSON, or nested too deep.
    """
    try:
        value = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        raise Wrong("is not JSON; right would be a list of profiles as JSON text") from None
    if depth(value) > DEPTH_MAX:
        raise Wrong("is nested too deep; right would be a list of profiles as JSON text")
    return value


def faults(text: str) -> list[str]:
    """What is wrong with the profiles in *text*; never quotes a secret or an address."""
    try:
        profiles = decode(text)
    except Wrong as wrong:
        return [str(wrong)]
    if type(profiles) is not list:
        return ['is not a list; right would be [{"configurationSlot": 1, "connectionData": {...}}]']
    found: list[str] = []
    slots: list[int] = []
    for number, profile in enumerate(profiles, 1):
        found += [f"profile {number}: {fault}" for fault in _profile(profile)]
        if type(profile) is dict and type(profile.get("configurationSlot")) is int:
            slots.append(profile["configurationSlot"])
    found += [f"configurationSlot {slot} stands in two profiles; right would be a slot of its own for each"
              for slot in sorted({s for s in slots if slots.count(s) > 1})]  # fmt: skip
    return found


def doubts(text: str) -> Iterator[str]:
    """What of profiles without fault will not be as they seem to say."""
    for number, profile in enumerate(decode(text), 1):
        data = profile["connectionData"]
        level, secure = data["securityProfile"], data["ocppCsmsUrl"].lower().startswith("wss:")
        if level == PROFILE_MAX:
            yield f"profile {number}: securityProfile 3 is not built yet: the link is made without a certificate of the station"
        elif secure and level < TLS_FROM:
            yield f"profile {number}: ocppCsmsUrl begins with wss://, and securityProfile is {level}; right would be {TLS_FROM}, a password over TLS"


def _profile(profile: object) -> Iterator[str]:
    if type(profile) is not dict:
        yield "is not an object; right would be one with configurationSlot and connectionData"
        return
    yield from unknown(profile, PROFILE_KEYS)
    slot = profile.get("configurationSlot")
    if type(slot) is not int or slot < 1:
        yield "configurationSlot has to be a whole number from 1"
    data = profile.get("connectionData")
    if type(data) is not dict:
        yield "connectionData has to be an object with ocppCsmsUrl and securityProfile"
        return
    yield from unknown(data, DATA_KEYS)
    for name in NEEDED:
        if name not in data:
            yield f"{name} is missing in connectionData"
    yield from _connection(data)
    for name, rules in (("apn", APN), ("vpn", VPN)):
        if name in data:
            yield from _member(name, data[name], rules)


def _connection(data: dict[str, Any]) -> Iterator[str]:
    level = data.get("securityProfile", 0)
    if type(level) is not int or not 0 <= level <= PROFILE_MAX:
        yield "securityProfile has to be 0, 1, 2 or 3"
        level = 0
    if "ocppCsmsUrl" in data:
        yield from (f"ocppCsmsUrl {fault}" for fault in url_faults(data["ocppCsmsUrl"], level))
    timeout = data.get("messageTimeout", 1)
    if type(timeout) is not int or timeout < 1:
        yield "messageTimeout has to be a whole number of seconds from 1"
    for name, allowed in (("ocppInterface", INTERFACES), ("ocppVersion", VERSIONS)):
        if name in data and data[name] not in allowed:
            yield f"{name}: {one_of(str(data[name]), allowed)}"
    if data.get("ocppTransport", "JSON") != "JSON":
        yield "ocppTransport has to be JSON; SOAP is not spoken in OCPP 2"
    identity = data.get("identity", "")
    if type(identity) is not str or len(identity) > IDENTITY_MAX or ":" in identity:
        yield f"identity has to be a text of at most {IDENTITY_MAX} characters without a colon"
    password = data.get("basicAuthPassword", "")
    if type(password) is not str or (password and not PASSWORD_MIN <= len(password) <= PASSWORD_MAX):
        yield f"basicAuthPassword has to be a text of {PASSWORD_MIN} to {PASSWORD_MAX} characters"


def url_faults(url: object, security_profile: int) -> Iterator[str]:
    """What is wrong with the address of a CSMS that is dialled with *security_profile*."""
    if type(url) is not str or len(url) > URL_MAX or not url.isprintable() or " " in url:
        yield f"has to be a text of at most {URL_MAX} characters without blanks"
        return
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    if scheme.lower() not in ("ws", "wss") or not host:
        yield "has to begin with ws:// or wss:// and a host, as in ws://localhost:9000"
    elif scheme.lower() == "ws" and security_profile >= TLS_FROM:
        yield f"has to begin with wss://, for security profile {security_profile} is TLS (A00.FR.312)"
    if "@" in host:
        yield "must not carry a user or password; they belong into identity and basicAuthPassword"


def _member(name: str, value: object, rules: Rules) -> Iterator[str]:
    """What is wrong with a profile's APN or VPN."""
    if type(value) is not dict:
        yield f"{name} has to be an object"
        return
    yield from (f"{name}: {fault}" for fault in unknown(value, (*rules.texts, *rules.choices, *rules.others)))
    for key in rules.needed:
        if key not in value:
            yield f"{name}: {key} is missing"
    for key, longest in rules.texts.items():
        text = value.get(key, "")
        if type(text) is not str or len(text) > longest:
            yield f"{name}: {key} has to be a text of at most {longest} characters"
    for key, allowed in rules.choices.items():
        if key in value and value[key] not in allowed:
            yield f"{name}: {key}: {one_of(str(value[key]), allowed)}"
    if type(value.get("simPin", 0)) is not int:
        yield f"{name}: simPin has to be a whole number"
    if type(value.get("useOnlyPreferredNetwork", False)) is not bool:
        yield f"{name}: useOnlyPreferredNetwork has to be true or false"


def unknown(value: dict[str, Any], known: tuple[str, ...]) -> Iterator[str]:
    """Keys of *value* that nobody reads."""
    for key in value:
        if key not in known:
            yield f"key {shown(key)} is not known; {one_of(key, known)}"


def seal(text: str, keep: Keep) -> str:
    """*text* with every secret in it given to *keep* and its placeholder in its place; the same text where there is none."""
    value = decode(text)
    found = False
    here = [value]
    while here:
        one = here.pop()
        if type(one) is list:
            here += one
        elif type(one) is dict:
            for key, member in one.items():
                if key.casefold() in SECRETS and type(member) in (str, int) and member != "":
                    one[key] = keep(str(member), "secret")
                    found = True
                else:
                    here.append(member)
    return msgspec.json.encode(value).decode() if found else text
