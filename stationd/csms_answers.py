"""What the friendly CSMS answers, and what it can say of a message's schema.

Law: every action that a station may send gets a valid answer in both versions; where a friendly answer would promise something that this CSMS cannot
do (sign a certificate, compute a schedule), it says no.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import SetupFault

Payload = dict[str, Any]

FOLDERS = {"2.0.1": "v201", "2.1": "v21"}


def read_schema(version: str, name: str) -> bytes | None:
    """The text of a JSON schema such as ``ResetRequest``, from the files of the ``ocpp`` package, which is not imported; None: no such message.

    Raises:
        SetupFault: The package is not installed.
    """
    spec = find_spec("ocpp")
    if spec is None or not spec.submodule_search_locations:
        raise SetupFault("the ocpp package is not installed: its JSON schemas are needed; install requirements.lock")
    if not name.isalnum():
        return None
    path = Path(spec.submodule_search_locations[0]) / FOLDERS[version] / "schemas" / f"{name}.json"
    try:
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except FileNotFoundError:
        return None


@lru_cache(maxsize=512)
def schema(version: str, name: str) -> Payload | None:
    """The JSON schema of a message; None: the version has no such message."""
    text = read_schema(version, name)
    return None if text is None else msgspec.json.decode(text, type=dict[str, Any])


# Answers


class Settings:
    """How friendly the CSMS is.  May be changed while it runs; the next answer follows."""

    def __init__(self, *, boot_status: str = "Accepted", interval_s: int = 300, blocked_tokens: Collection[str] = ()) -> None:
        self.boot_status = boot_status
        """Accepted, Pending or Rejected."""
        self.interval_s = interval_s
        """Of heartbeats, or until the next BootNotification."""
        self.blocked_tokens = {token.casefold() for token in blocked_tokens}
        """idTokens that are answered with Blocked; upper and lower case are one (idToken is case insensitive)."""

    def id_token_info(self, id_token: Payload) -> Payload:
        """Whether a token may charge."""
        blocked = str(id_token.get("idToken", "")).casefold() in self.blocked_tokens
        return {"status": "Blocked" if blocked else "Accepted"}


Answer = Callable[[str, Payload, Settings, str], Payload]
"""(version, request, settings, time now) -> response."""


def _boot(_: str, __: Payload, settings: Settings, now: str) -> Payload:
    return {"currentTime": now, "interval": settings.interval_s, "status": settings.boot_status}


def _authorize(_: str, request: Payload, settings: Settings, __: str) -> Payload:
    info = settings.id_token_info(request["idToken"])
    # C07: who presents a contract certificate is told what became of it.
    contract = {"certificateStatus": "Accepted"} if "iso15118CertificateHashData" in request or "certificate" in request else {}
    return {"idTokenInfo": info, **contract}


def _transaction(_: str, request: Payload, settings: Settings, __: str) -> Payload:
    # E01, E05: an idTokenInfo belongs into the answer where an idToken was asked about, and nowhere else.
    return {"idTokenInfo": settings.id_token_info(request["idToken"])} if "idToken" in request else {}


def _needs(version: str, _: Payload, __: Settings, ___: str) -> Payload:
    # Accepted would announce a SetChargingProfile (K15).
    return {"status": "NoChargingProfile" if version == "2.1" else "Rejected"}


def _chain(_: str, request: Payload, __: Settings, now: str) -> Payload:
    asked = request["certificateStatusRequests"]
    return {
        "certificateStatus": [
            {"certificateHashData": one["certificateHashData"], "source": one["source"], "status": "Failed", "nextUpdate": now} for one in asked
        ]
    }


def _vat(_: str, request: Payload, __: Settings, ___: str) -> Payload:
    return {"vatNumber": request["vatNumber"], "status": "Accepted", **({"evseId": request["evseId"]} if "evseId" in request else {})}


def _says(**members: Any) -> Answer:
    return lambda *_: dict(members)


ANSWERS: dict[str, Answer] = {
    # action                          answer
    "Authorize":                      _authorize,
    "BootNotification":               _boot,
    "DataTransfer":                   _says(status="UnknownVendorId"),
    "FirmwareStatusNotification":     _says(),
    "Get15118EVCertificate":          _says(status="Failed", exiResponse=""),
    "GetCertificateChainStatus":      _chain,
    "GetCertificateStatus":           _says(status="Failed"),
    "Heartbeat":                      lambda _, __, ___, now: {"currentTime": now},
    "MeterValues":                    _says(),
    "NotifyEVChargingNeeds":          _needs,
    "NotifyEVChargingSchedule":       _says(status="Accepted"),
    "NotifyEvent":                    _says(),
    "NotifyMonitoringReport":         _says(),
    "NotifyReport":                   _says(),
    "OpenPeriodicEventStream":        _says(status="Accepted"),
    "PullDynamicScheduleUpdate":      _says(status="Rejected"),
    "ReportChargingProfiles":         _says(),
    "SecurityEventNotification":      _says(),
    "SignCertificate":                _says(status="Rejected", statusInfo={"reasonCode": "NoCA"}),
    "StatusNotification":             _says(),
    "TransactionEvent":               _transaction,
    "VatNumberValidation":            _vat,
}  # fmt: skip
"""Answers with a thought behind them; the rest are made from their schemas."""


def answer(version: str, action: str, request: Payload, settings: Settings, now: str) -> Payload:
    """The response to *action*, which must be one that the version has; *now* is the time as OCPP writes it.

    Raises:
        KeyError, TypeError: *request* breaks its schema so that no answer can be made.
    """
    made = ANSWERS.get(action)
    if made is not None:
        return made(version, request, settings, now)
    found = schema(version, f"{action}Response")
    return {} if found is None else minimal(found, now)


# From schemas


def minimal(root: Payload, now: str) -> Payload:
    """The smallest valid object: required members only, first values of enumerations, *now* for times."""

    def make(node: Payload) -> Any:
        node = resolve(root, node)
        if "enum" in node:
            return node["enum"][0]
        match node.get("type"):
            case "object":
                return {name: make(node["properties"][name]) for name in node.get("required", ())}
            case "array":
                return [make(node["items"]) for _ in range(node.get("minItems", 0))]
            case "string":
                return now if node.get("format") == "date-time" else ""
            case "boolean":
                return False
            case "integer" | "number":
                # The schemas write bounds as 1.0, which an integer must not be.
                return int(max(node.get("minimum", 0), min(0, node.get("maximum", 0))))
            case _:
                return {}

    made: Payload = make(root)
    return made


def resolve(root: Payload, node: Payload) -> Payload:
    """What *node* means where it refers to a definition."""
    while "$ref" in node:
        node = root["definitions"][node["$ref"].rpartition("/")[2]]
    return node


COUNTED = ("requestId", "remoteStartId")
FIRST = ("evseId", "connectorId")


def draft(root: Payload, number: int, now: str) -> tuple[Payload, list[str]]:
    """A request made from its schema, and the paths of the required members that nobody but its sender can know.

    *number* is for the ids that a sender counts up; an EVSE or connector is the first.  Where paths are returned, the request is not to be sent.
    """
    missing: list[str] = []

    def make(node: Payload, path: str) -> Any:
        node = resolve(root, node)
        name = path.rpartition(".")[2]
        if "enum" in node:
            return node["enum"][0]
        match node.get("type"):
            case "object":
                return {one: make(node["properties"][one], f"{path}.{one}".lstrip(".")) for one in node.get("required", ())}
            case "array":
                return [make(node["items"], f"{path}[]")]
            case "string" if node.get("format") == "date-time":
                return now
            case "integer" if name in COUNTED:
                return number
            case "integer" if name in FIRST or path.endswith("evse.id"):
                return 1
            case kind:
                missing.append(f"{path} ({kind})")
                return None

    made: Payload = make(root, "")
    return made, missing


def members(root: Payload) -> Iterator[str]:
    """The members of a message, required ones first and marked with a star."""
    required = root.get("required", [])
    for name in [*required, *sorted(root["properties"].keys() - set(required) - {"customData"})]:
        node = resolve(root, root["properties"][name])
        kind = "|".join(node["enum"]) if "enum" in node else str(node.get("type", "any"))
        yield f"{name}{'*' if name in required else ''}: {kind}"
