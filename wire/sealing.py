"""Take secrets and persons out of a payload before anybody writes it down.

Law: a secret is one by the name of its variable or member, whatever component it is sent to and whether or not the rest of the message is valid.
A text from outside that looks like a placeholder is itself sealed, so that nobody can smuggle a handle in.

It is for payloads as a peer sent them.  What the station sends is made of values that are sealed already, and goes to nobody through here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from msgspec import DecodeError

from wire import jsontext
from wire.declared import Declared
from wire.sealed import PATTERN, PREFIX

Keep = Callable[[str, str], str]
"""(text, purpose) -> placeholder; the purpose is ``secret`` or ``person``."""

Mask = Callable[[str], str]
"""A text with everything in it that is kept already replaced by its placeholder."""

SECRET, PERSON = "secret", "person"

SECRET_VARIABLES = frozenset({"basicauthpassword", "apnpassword", "simpin", "vpnpassword", "vpnkey"})
"""Variables (folded) whose value is secret (OCPP 2.x appendix 3, NetworkConfiguration and SecurityCtrlr)."""


class Secrets(NamedTuple):
    """What the component files make secret: the folded *names* of write-only variables, wherever they are sent.

    *plain* are the (component, variable) pairs, folded, that bear one of these names and may be read all the same.
    """

    names: frozenset[str] = SECRET_VARIABLES
    plain: frozenset[tuple[str, str]] = frozenset()


WELL_KNOWN = Secrets()


def secrets_of(declared: Iterable[Declared]) -> Secrets:
    """The secrets among what is declared, and the well-known ones."""
    places = {(one.component.casefold(), one.variable.casefold(), one.mutability == "WriteOnly") for one in declared}
    hidden = {(component, variable) for component, variable, secret in places if secret}
    names = {variable for _, variable in hidden}
    plain = {(component, variable) for component, variable, _ in places if variable in names - SECRET_VARIABLES} - hidden
    return Secrets(SECRET_VARIABLES | names, frozenset(plain))


PERSON_VARIABLES = frozenset({"masterpassgroupid", "vehicleid"})

PROFILE_VARIABLES = frozenset({"networkconnectionprofiles"})
"""Variables whose value is JSON text with secrets inside."""

VALUE_MEMBERS = frozenset({"attributevalue", "value", "actualvalue"})
"""Members that hold a variable's value."""

SECRET_MEMBERS = frozenset({"simpin", "vpnkey"})
SECRET_ENDINGS = ("password", "passphrase")
"""Members that are secret wherever they stand, and how the names of others end."""

VPN_KEY, VPN = "key", "vpn"
"""``key`` is a secret in a ``vpn`` object and anywhere in a network profile; elsewhere it may name a key of a setting."""

PERSON_MEMBERS = frozenset(
    """idtoken groupidtoken additionalidtoken idtag parentidtag emaid emaids prioritizedemaids evccid vin vehicleid customeridentifier content email
    vatnumber company vatcompany""".split()
)
"""Members that tell who somebody is, or what was shown to them: a text there is sealed, of an object every text but the plain ones."""

PLAIN_MEMBERS = frozenset({"type", "vendorid", "format", "language"})
"""Members of such objects that tell a kind."""

LOCATIONS = frozenset({"location", "remotelocation", "url", "ocppcsmsurl"})
"""Members that hold a URL, of which some are written without a scheme."""

QUIET = frozenset(
    """BootNotification CancelReservation ChangeAvailability ClearCache ClearChargingProfile ClearDisplayMessage ClearVariableMonitoring
    ClearedChargingLimit CostUpdated FirmwareStatusNotification GetBaseReport GetChargingProfiles GetCompositeSchedule GetLocalListVersion
    GetMonitoringReport GetReport GetTransactionStatus GetVariables Heartbeat LogStatusNotification MeterValues NotifyChargingLimit
    NotifyEVChargingSchedule ReportChargingProfiles RequestStopTransaction ReservationStatusUpdate Reset SecurityEventNotification
    SetMonitoringBase SetMonitoringLevel StatusNotification TriggerMessage UnlockConnector UnpublishFirmware""".split()
)
"""Actions of both versions in which a CSMS has no place for a secret or a person, which a test holds against the schemas.  A payload of
theirs that keeps its schema is looked into only where it holds what no schema rules."""

_HINTS = ("password", "passphrase", "simpin", "idtoken", "vpn", "emaid", PREFIX)
"""Signs in a text that was meant to be JSON and is not."""

# Patterns for URLs: compiled when the first one comes.
_URL = r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,31}://)(?P<rest>[^\s\"]+)"
_PORT = r"[^:]*|\[[^\]]*\](?::[0-9]*)?|[^:]*:[0-9]*"
"""What stands between scheme and path of a URL without a user part."""
_TELLING = r"(?i)sig|token|key|secret|pass|pwd|auth|cred|code"
"""Names of a query's parameters that make the URL itself a secret, as in links that are signed beforehand."""

DESCRIPTION_MOST_CHARS = 1_000
"""So much is kept of an error's description, which OCPP-J lets have 255 characters."""

DETAILS_MOST_BYTES = 4_096
"""So much is kept of an error's details, which may be of any size."""

_NESTED_MOST = 4
"""JSON text in a JSON text in a JSON text: deeper than this it is sealed whole, unread."""


def seal(action: str, payload: bytes, keep: Keep, secrets: Secrets = WELL_KNOWN, *, valid: bool = False) -> bytes:
    """*payload* with every secret and every person replaced by what *keep* gives; the same object where there is none.

    *action* is that of the request, also for the payload of its response.  *secrets*: what the component files make secret besides the
    well-known.  *valid*: the payload keeps its schema, which lets most be passed
    unread; one that does not is read through whatever its action.

    A URL keeps its place and loses its user part and, where that is telling, its query: :func:`wire.sealed.replace_text` puts them back.
    """
    if valid and action in QUIET:
        # As text, because looking for one character in bytes takes eight times as long.  An escape may hide a sign, an @ or ? belongs to a URL.
        text = payload.decode("latin-1")
        if not ("<" in text or "\\" in text or "@" in text or "?" in text or "customData" in text):
            return payload
    try:
        value = jsontext.decode(payload)
    except (DecodeError, ValueError, RecursionError):
        return jsontext.encode(seal_text(payload.decode("utf-8", "replace"), keep))
    walk = _Walk(keep, secrets, bounds=action == "SetVariableMonitoring")
    try:
        sealed = walk.value(value, "", profile=action == "SetNetworkProfile", person=False)
        return payload if sealed is value else jsontext.encode(sealed)
    except RecursionError:
        # Only for what frame.read did not let through; better sealed whole than written down.
        return jsontext.encode(seal_text(payload.decode("utf-8", "replace"), keep))


def seal_error(description: str, details: bytes, keep: Keep, mask: Mask, secrets: Secrets = WELL_KNOWN) -> tuple[str, bytes]:
    """The description and the details of an error of the other side, so that they can be written down.

    It may say back, in words of its own, what it was sent: *mask* finds that.  What is too long is cut, *details* to a JSON text.
    """
    said = _Walk(keep, secrets, bounds=False).value(description[:DESCRIPTION_MOST_CHARS], "", profile=False, person=False)
    told = jsontext.encode(_masked(jsontext.decode(seal("", details, keep, secrets)), mask))
    if len(told) > DETAILS_MOST_BYTES:
        told = jsontext.encode(told[:DETAILS_MOST_BYTES].decode("utf-8", "ignore"))
    return _masked(said, mask), told


def _masked(value: Any, mask: Mask) -> Any:
    """*value* with every text and every member's name masked, placeholders left as they are."""
    if isinstance(value, dict):
        return {_masked(name, mask): _masked(one, mask) for name, one in value.items()}
    if isinstance(value, list):
        return [_masked(one, mask) for one in value]
    if not isinstance(value, str):
        return value
    found, end = [], 0
    for sealed in re.finditer(PATTERN, value):
        found += [mask(value[end : sealed.start()]), sealed[0]]
        end = sealed.end()
    return "".join([*found, mask(value[end:])])


def seal_text(text: str, keep: Keep) -> str:
    """A frame that nobody could read is sealed whole."""
    return keep(text, SECRET)


class _Walk:
    """One walk through a payload; whatever has nothing to seal comes back as the same object."""

    __slots__ = ("_bounds", "_keep", "_nested", "_plain", "_secrets")

    def __init__(self, keep: Keep, secrets: Secrets, *, bounds: bool) -> None:
        self._keep = keep
        self._bounds = bounds
        self._secrets, self._plain = secrets
        self._nested = 0

    def value(self, value: Any, member: str, *, profile: bool, person: bool) -> Any:
        """*value* of a folded *member*; *profile*: in a network profile; *person*: in an object that tells who somebody is."""
        if isinstance(value, str):
            if person and value and member not in PLAIN_MEMBERS:
                return self._keep(value, PERSON)
            return self._text(value, member, profile=profile)
        if isinstance(value, dict):
            return self._object(value, member, profile=profile, person=person)
        if isinstance(value, list):
            made = [self.value(one, member, profile=profile, person=person) for one in value]
            return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
        if person and member not in PLAIN_MEMBERS:
            return self._whole(value, PERSON)
        return value

    def _object(self, value: dict[str, Any], within: str, *, profile: bool, person: bool) -> dict[str, Any]:
        variables = _variables_of(value)
        if self._plain and _address_of(value) in self._plain:
            variables.clear()
        made: dict[str, Any] = {}
        changed = False
        for name, one in value.items():
            member = name.casefold()
            if (
                member in SECRET_MEMBERS
                or member in self._secrets
                or member.endswith(SECRET_ENDINGS)
                or (member == VPN_KEY and (profile or within == VPN))
            ):
                new = self._whole(one, SECRET)
            elif member in PERSON_MEMBERS:
                new = self.value(one, member, profile=profile, person=True)
            elif variables and member in VALUE_MEMBERS:
                new = self._value_of(variables, one, member, profile=profile, person=person)
            else:
                new = self.value(one, member, profile=profile, person=person)
            called = self._keep(name, PERSON) if PREFIX in name else name
            changed = changed or new is not one or called is not name
            made[called] = new
        return made if changed else value

    def _value_of(self, variables: set[str], value: Any, member: str, *, profile: bool, person: bool) -> Any:
        if self._bounds and member == "value" and isinstance(value, int | float):
            # The bound of a monitor, and no value of the variable that it watches.
            return value
        if not variables.isdisjoint(self._secrets):
            return self._whole(value, SECRET)
        if not variables.isdisjoint(PERSON_VARIABLES):
            return self._whole(value, PERSON)
        if not variables.isdisjoint(PROFILE_VARIABLES) and isinstance(value, str):
            return self._json_text(value, profile=True, must=True)
        return self.value(value, member, profile=profile, person=person)

    def _whole(self, value: Any, purpose: str) -> Any:
        """Anything as one placeholder; what says nothing (empty, null, true, false) stays."""
        if value is None or isinstance(value, bool) or value in ("", [], {}):
            return value
        return self._keep(value if isinstance(value, str) else jsontext.encode(value).decode(), purpose)

    def _text(self, text: str, member: str, *, profile: bool) -> str:
        if PREFIX in text:
            # For the other side's own eyes: what it wrote comes back to it as it was, and opens nothing.
            return self._keep(text, PERSON)
        if text.lstrip()[:1] in {"{", "["}:
            return self._json_text(text, profile=profile, must=False)
        if member in LOCATIONS:
            scheme, there, rest = text.partition("://")
            return scheme + there + self._url(rest) if there else self._url(scheme)
        if "://" in text:
            return re.sub(_URL, lambda found: found["scheme"] + self._url(found["rest"]), text)
        return text

    def _url(self, rest: str) -> str:
        """What follows the scheme of a URL, without user part and without a telling query."""
        host = re.split("[/?#]", rest, maxsplit=1)[0]
        # A password may hold what ought to be escaped in it: then what looks like the host has no number for a port.
        if "@" in rest and ("@" in host or re.fullmatch(_PORT, host) is None):
            user, _, rest = rest.rpartition("@")
            return f"{self._keep(user, SECRET)}@{self._query(rest)}" if user else f"@{self._query(rest)}"
        return self._query(rest)

    def _query(self, rest: str) -> str:
        place, mark, query = rest.partition("?")
        names = [part.partition("=")[0] for part in re.split("[&;#]", query)]
        telling = "=" in query and any(re.search(_TELLING, name) for name in names)
        return place + mark + self._keep(query, SECRET) if telling else rest

    def _json_text(self, text: str, *, profile: bool, must: bool) -> str:
        """JSON in a text; *must*: it is known to hold secrets, so what cannot be read is sealed whole."""
        if not text:
            return text
        raw = text.encode()
        try:
            value = jsontext.decode(raw) if self._nested < _NESTED_MOST else None
            readable = value is not None and not jsontext.has_twins(raw, value)
        except (DecodeError, ValueError, RecursionError):
            value, readable = None, False
        if not readable:
            folded = text.casefold()
            hinted = any(hint in folded for hint in _HINTS) or self._nested >= _NESTED_MOST or value is not None
            return self._keep(text, SECRET) if must or hinted else text
        self._nested += 1
        try:
            sealed = self.value(value, "", profile=profile, person=False)
            return text if sealed is value else jsontext.encode(sealed).decode()
        except RecursionError:
            # Deep enough to be meant as an attack.
            return self._keep(text, SECRET)
        finally:
            self._nested -= 1


def _address_of(value: dict[str, Any]) -> tuple[str, str] | None:
    """The folded component and variable that an item of GetVariables or SetVariables names as it should; None for anything else."""
    component, variable = value.get("component"), value.get("variable")
    if not isinstance(component, dict) or not isinstance(variable, dict):
        return None
    of, name = component.get("name"), variable.get("name")
    return (of.casefold(), name.casefold()) if isinstance(of, str) and isinstance(name, str) else None


def _variables_of(value: dict[str, Any]) -> set[str]:
    """The folded names of the variables that an object may be about: ``variable.name``, also where it is put askew."""
    found = set()
    for name, one in value.items():
        member = name.casefold()
        if member in {"variable", "name", "key"} and isinstance(one, str):
            found.add(one.strip().casefold().rpartition(".")[2])
        elif member == "variable" and isinstance(one, dict):
            for inner, text in one.items():
                if inner.casefold() == "name" and isinstance(text, str):
                    found.add(text.strip().casefold().rpartition(".")[2])
    return found
