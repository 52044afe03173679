"""Directories of component files without end, whole and broken, and an examiner who knows what must come of each.

Law: the examiner is independent: it imports nothing that reads or judges a component file, and knows Part 2 by other means (json, decimal, datetime,
regular expressions), simply and slowly.  A directory is its seed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any, Final, NamedTuple

Json = dict[str, Any]
Directory = dict[str, bytes]
"""Bytes by name, as in ``custom/EVSE_1.json``."""

SECRET: Final = "S3CRET"  # noqa: S105 (it protects nothing)
"""Stands in every secret that is drawn, whole and faulty; a fault may leave it in a variable that is none any more."""

TYPES: Final = ("MemberList", "OptionList", "SequenceList", "boolean", "dateTime", "decimal", "integer", "string")
LISTS: Final = ("MemberList", "OptionList", "SequenceList")
SECRET_NAMES: Final = ("apnpassword", "authorizationkey", "basicauthpassword", "simpin", "vpnkey", "vpnpassword")
COMPONENT_NAMES: Final = ("Tank", "tank", "Pump", "OCPPCommCtrlr", "Gr\u00fcner Hahn", "\u6c34", "A" * 50)
VARIABLE_NAMES: Final = ("Depth", "depth", "Flow", "Identity", "BasicAuthPassword", "SimPin", "\u00d6l", "B" * 50, "Mode")
BAD_NAMES: Final = ("", " blank", "C" * 51, "tab\tin", "line\nend", 5, None, ["Tank"])
MEMBERS: Final = ("A", "B", "C", "Long.Member", "d", "1")
NUMBERS: Final = (
    0, 1, -1, 7, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 10**30, 10**45, 0.5, -0.25, 1e22, 1e-7, 5.0, "0", "-0", "007", "12.50", "-3", "1.", ".5",
    "1e3", "\u0663", "+4", "9" * 40, "9" * 41, "12,5", "0x10",
)  # fmt: skip
TEXTS: Final = (
    "", " ", "plain", "A", "A,B", "A, B", "A,,B", "A,A", ",", "true", "False", "yes",
    "\u00fc\u00df\U0001f600", "x" * 2500, "x" * 2501, "\n", '":"', "\\", "{}", "a:b",
    "2025-01-31T12:00:00Z", "2025-02-30T12:00:00Z", "2025-01-31T12:00:00.123+05:30", "2025-01-31T12:00:00.1234Z", "2025-01-31T12:00:00.Z",
    "2025-01-31", "2025-01-31T24:00:00Z", "2025-01-31T12:00:00-23:59", "2025-01-31T12:00:00+24:00", "0000-01-31T12:00:00Z", "2025-01-31t12:00:00z",
)  # fmt: skip
ODDITIES: Final[tuple[Any, ...]] = (True, False, None, [], ["A", "B"], ["A", "A"], ["A,B"], ["B ", 1], [True], {}, {"a": 1}, 1)


# The generator


def _luck(chance: Random, percent: int) -> bool:
    return chance.randrange(100) < percent


def directory(chance: Random) -> Directory:
    """A directory of an EVSE or two and some components more, which is broken in about every second."""
    documents: dict[str, Json] = {}
    for evse_id in range(1, chance.choice((2, 2, 3))):
        documents[f"custom/EVSE_{evse_id}.json"] = {"name": "EVSE", "evse_id": evse_id, "properties": _properties(chance, 1)}
        documents[f"custom/Connector_{evse_id}_1.json"] = {"name": "Connector", "evse_id": evse_id, "connector_id": 1, "properties": {}}
    for number in range(chance.randint(1, 3)):
        # One name each, so that two components are never the same by chance.
        name = ("Tank", "Pump", "Gr\u00fcner Hahn")[number] if _luck(chance, 70) else f"{chance.choice(COMPONENT_NAMES[:6])} {number}"
        component: Json = {"name": name, "properties": _properties(chance, chance.randint(0, 4))}
        if _luck(chance, 30):
            component["instance"] = chance.choice(("1", "north", "\u5317"))
        if _luck(chance, 20):
            component["evse_id"] = 1
        keys = [label for label in component["properties"] if _luck(chance, 10)]
        if keys:
            component["required"] = keys
        documents[f"standardized/c{number}.json"] = component
    if _luck(chance, 30):
        base = documents["standardized/c0.json"]
        documents["custom/c0.json"] = {**base, "name": base["name"].swapcase(), "properties": _properties(chance, 2)}
        documents["custom/c0.json"].pop("required", None)
    if _luck(chance, 50):
        documents["override/c0.json"] = _override(chance, documents.get("custom/c0.json", documents["standardized/c0.json"]))
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
        chance.choice(FAULTS)(chance, documents)
    made = {name: _written(chance, document) for name, document in documents.items()}
    if _luck(chance, 15):
        name = chance.choice(sorted(made))
        made[name] = chance.choice(DAMAGES)(chance, made[name])
    return made


def _written(chance: Random, document: Any) -> bytes:
    text = json.dumps(document, indent=chance.choice((None, 1, 2)), ensure_ascii=_luck(chance, 50))
    return text.encode()


def _properties(chance: Random, count: int) -> Json:
    names = chance.sample([n for n in VARIABLE_NAMES if n != "depth"], count)
    return {f"p{i}": _property(chance, name) for i, name in enumerate(names)}


def _property(chance: Random, name: str) -> Json:
    """A variable without fault."""
    data_type = "string" if name in ("Identity", "BasicAuthPassword") else "integer" if name == "SimPin" else chance.choice(TYPES)
    kind: Json = {"dataType": data_type, "supportsMonitoring": _luck(chance, 50)}
    if data_type in LISTS:
        members = chance.sample(MEMBERS, chance.randint(1, 5))
        kind["valuesList"] = ",".join(members) if _luck(chance, 70) else members
    if data_type in ("decimal", "integer", "string") and _luck(chance, 40):
        kind["minLimit"] = chance.choice((0, 1, "2")) if data_type == "string" else chance.choice((-5, 0, "1", -0.5))
    if data_type in ("decimal", "integer", "string") and _luck(chance, 40):
        kind["maxLimit"] = chance.choice((30, "40")) if data_type == "string" else chance.choice((50, 99.5, "1000"))
    if _luck(chance, 20):
        kind["unit"] = chance.choice(("s", "Wh", "Percent"))
    body: Json = {"variable_name": name, "characteristics": kind, "attributes": []}
    if _luck(chance, 20):
        body["instance"] = chance.choice(("Default", "1", "\u00e4"))
    for number, attribute in enumerate(chance.choice((("Actual",), ("Actual",), ("Actual", "Target"), ("Actual", "MaxSet", "MinSet")))):
        one: Json = {} if number == 0 and _luck(chance, 10) else {"type": attribute}
        if _luck(chance, 90):
            one["mutability"] = chance.choice(("ReadOnly", "ReadWrite", "WriteOnly"))
        if _luck(chance, 60):
            one["value"] = _value(chance, kind)
        for flag in ("persistent", "constant"):
            if _luck(chance, 10):
                one[flag] = _luck(chance, 50)
        body["attributes"].append(one)
    if _luck(chance, 30):
        body["default"] = _value(chance, kind)
    for key, choices in OPTIONS:
        if _luck(chance, 10):
            body[key] = chance.choice(choices)
    if _secret(body):
        _hide(chance, body)
    return body


OPTIONS: Final[tuple[tuple[str, tuple[Any, ...]], ...]] = (
    ("policy", ("runtime-wins", "file-wins")), ("reboot", (True, False)), ("honoured", (True, False)), ("source", ("OCPP", "EVEREST")),
    ("description", ("words", "")), ("required", (True, False)),
)  # fmt: skip


def _value(chance: Random, kind: Json) -> Any:
    """A value that fits; with luck, for it is drawn without a look at the limits' more than the middle between them."""
    members = kind.get("valuesList", "A")
    members = members.split(",") if isinstance(members, str) else members
    match kind["dataType"]:
        case "integer":
            return chance.choice((2, 7, "12", 30))
        case "decimal":
            return chance.choice((2, 2.5, "7.25", 30, "1.000"))
        case "boolean":
            return chance.choice((True, False, "true", "FALSE"))
        case "dateTime":
            return chance.choice(("2025-01-31T12:00:00Z", "2024-02-29T23:59:59.999+05:30"))
        case "OptionList":
            return chance.choice(members)
        case "MemberList" | "SequenceList":
            some = chance.sample(members, chance.randint(1, len(members)))
            return chance.choice((some, ",".join(some), ", ".join(some)))
        case _:
            return chance.choice(("plain", "with \u00fc\U0001f600", 1234, "\u6c34\u6c34"))


def _secret(body: Any) -> bool:
    """Whether nobody may read the variable's value."""
    attributes = body.get("attributes", []) if isinstance(body, dict) else []
    return isinstance(body, dict) and (
        (isinstance(body.get("variable_name"), str) and body["variable_name"].casefold() in SECRET_NAMES)
        or any(
            isinstance(a, dict) and a.get("mutability", "ReadWrite") not in ("ReadOnly", "ReadWrite")
            for a in (attributes if isinstance(attributes, list) else [])
        )
    )


def _hide(chance: Random, body: Json) -> None:
    """Put a mark into the variable's values where they are texts."""
    for holder, key in (*((a, "value") for a in body["attributes"]), (body, "default")):
        if key in holder and body["characteristics"]["dataType"] == "string":
            holder[key] = f"{SECRET}-{chance.randrange(10**6)}"


def _override(chance: Random, base: Json) -> Json:
    """An override that fits its base, with luck."""
    changes: Json = {}
    for number, body in enumerate(base["properties"].values()):
        if _luck(chance, 60):
            change: Json = {"variable_name": chance.choice((body["variable_name"], body["variable_name"].swapcase()))}
            if "instance" in body:
                change["instance"] = body["instance"]
            what = chance.choice(("attributes", "attributes", "characteristics", "policy", "default"))
            hidden = _secret(body) and body["characteristics"]["dataType"] == "string"
            value = f"{SECRET}-{chance.randrange(10**6)}" if hidden else _value(chance, body["characteristics"])
            if what == "attributes":
                change["attributes"] = [{"type": chance.choice(("Actual", "Actual", "Target")), "value": value}]
            elif what == "characteristics":
                change["characteristics"] = chance.choice(({"unit": "A"}, {"supportsMonitoring": True}, {"maxLimit": None}, {"maxLimits": None}))
            elif what == "policy":
                change["policy"] = "file-wins"
            else:
                change["default"] = value
            changes[f"o{number}"] = change
    if _luck(chance, 30):
        changes["new"] = _property(chance, "Extra")
    return {**{k: base[k] for k in ("name", "instance", "evse_id") if k in base}, "properties": changes}


def _some(chance: Random, documents: dict[str, Json]) -> tuple[str, Json]:
    name = chance.choice(sorted(documents))
    return name, documents[name]


def _a_property(chance: Random, documents: dict[str, Json]) -> Json | None:
    """Any property of any file."""
    found = [
        body
        for name in sorted(documents)
        if isinstance(documents[name], dict) and isinstance(documents[name].get("properties"), dict)
        for body in documents[name]["properties"].values()
        if isinstance(body, dict)
    ]
    return chance.choice(found) if found else None


def _odd(chance: Random) -> Any:
    return deepcopy(chance.choice((chance.choice(NUMBERS), chance.choice(TEXTS), chance.choice(ODDITIES))))


def _odd_value(chance: Random, documents: dict[str, Json]) -> None:
    body = _a_property(chance, documents)
    if body is None:
        return
    attributes = body.get("attributes")
    holder, key = (body, "default")
    if isinstance(attributes, list) and attributes and isinstance(attributes[-1], dict) and _luck(chance, 70):
        holder, key = attributes[chance.randrange(len(attributes))], "value"
    if isinstance(holder, dict):
        marked = (f"{SECRET}\u00e9", SECRET * 500, [SECRET], f"{SECRET},{SECRET}")
        holder[key] = chance.choice(marked) if _secret(body) and _luck(chance, 80) else _odd(chance)


def _outside(chance: Random, documents: dict[str, Json]) -> None:
    """A value beyond a limit, or just within."""
    body = _a_property(chance, documents)
    kind = body.get("characteristics") if body is not None else None
    if body is None or not isinstance(kind, dict) or kind.get("dataType") not in ("decimal", "integer", "string") or _secret(body):
        return
    edge, key = chance.choice(((0, "minLimit"), (1, "minLimit"), (30, "maxLimit"), (31, "maxLimit")))
    kind.pop("maxLimit" if key == "minLimit" else "minLimit", None)
    kind[key] = chance.choice((1, 30)) if key == "maxLimit" else 1
    body["default"] = "x" * edge if kind["dataType"] == "string" else edge
    body["attributes"] = [{"type": "Actual"}]


def _odd_limit(chance: Random, documents: dict[str, Json]) -> None:
    body = _a_property(chance, documents)
    if body is not None and isinstance(body.get("characteristics"), dict):
        body["characteristics"][chance.choice(("minLimit", "maxLimit", "valuesList", "unit", "supportsMonitoring", "dataType"))] = _odd(chance)


def _odd_member(chance: Random, documents: dict[str, Json]) -> None:
    body = _a_property(chance, documents)
    if body is not None:
        key = chance.choice(("characteristics", "attributes", "policy", "reboot", "honoured", "source", "required", "description", "instance"))
        body[key] = _odd(chance)


def _odd_attribute(chance: Random, documents: dict[str, Json]) -> None:
    body = _a_property(chance, documents)
    if body is None or not isinstance(body.get("attributes"), list):
        return
    if _luck(chance, 30):
        body["attributes"].append({"type": "Actual"})
    elif body["attributes"] and isinstance(body["attributes"][0], dict):
        body["attributes"][0][chance.choice(("type", "mutability", "persistent", "constant"))] = chance.choice(
            ("actual", "Readonly", 1, None, "MinSet")
        )


def _missing_key(chance: Random, documents: dict[str, Json]) -> None:
    body = _a_property(chance, documents)
    if body is not None:
        body.pop(chance.choice(sorted(body)), None)


def _unknown_key(chance: Random, documents: dict[str, Json]) -> None:
    _, document = _some(chance, documents)
    body = _a_property(chance, documents)
    places = [document] + ([body] if body is not None else [])
    if body is not None and isinstance(body.get("characteristics"), dict):
        places.append(body["characteristics"])
    place = chance.choice(places)
    if isinstance(place, dict):
        place[chance.choice(("Value", "variableName", "max_limit", "monitor", "evseId", "\u00fc", ""))] = _odd(chance)


def _odd_component(chance: Random, documents: dict[str, Json]) -> None:
    name, document = _some(chance, documents)
    if _luck(chance, 10):
        documents[name] = _odd(chance)
    elif isinstance(document, dict):
        key = chance.choice(("name", "instance", "evse_id", "connector_id", "properties", "required", "type", "description"))
        document[key] = chance.choice(BAD_NAMES) if key in ("name", "instance") and _luck(chance, 80) else _odd(chance)


def _odd_name(chance: Random, documents: dict[str, Json]) -> None:
    body = _a_property(chance, documents)
    if body is not None:
        body[chance.choice(("variable_name", "variable_name", "instance"))] = chance.choice(BAD_NAMES)


def _twice(chance: Random, documents: dict[str, Json]) -> None:
    name, document = _some(chance, documents)
    if isinstance(document, dict) and isinstance(document.get("properties"), dict) and document["properties"]:
        if _luck(chance, 50):
            documents[name.replace(".json", "_again.json")] = deepcopy(document)
        else:
            body = deepcopy(chance.choice(list(document["properties"].values())))
            if isinstance(body, dict) and isinstance(body.get("variable_name"), str):
                body["variable_name"] = body["variable_name"].swapcase()
            document["properties"]["again"] = body


def _lost(chance: Random, documents: dict[str, Json]) -> None:
    del documents[chance.choice(sorted(documents))]
    documents.setdefault("standardized/left.json", {"name": "Left", "properties": {}})


def _stray(chance: Random, documents: dict[str, Json]) -> None:
    documents["override/stray.json"] = {"name": chance.choice(("Tonk", "EVSE", "Stray")), "properties": {}}


def _clash(chance: Random, documents: dict[str, Json]) -> None:
    """An override that adds a variable under another one's key."""
    if isinstance(documents.get("override/c0.json"), dict):
        documents["override/c0.json"]["properties"] = {"p0": _property(chance, "Extra")}


FAULTS: Final[tuple[Callable[[Random, dict[str, Json]], None], ...]] = (
    _odd_value, _odd_value, _odd_value, _outside, _odd_limit, _odd_limit, _odd_member, _odd_attribute, _missing_key, _unknown_key, _odd_component,
    _odd_name, _twice, _lost, _stray, _clash,
)  # fmt: skip


def _truncated(chance: Random, raw: bytes) -> bytes:
    return raw[: chance.randrange(len(raw))]


def _overwritten(chance: Random, raw: bytes) -> bytes:
    place = chance.randrange(len(raw))
    return raw[:place] + bytes([chance.choice(b'"{}[],:0 x\xff\xc3')]) + raw[place + 1 :]


def _marked(chance: Random, raw: bytes) -> bytes:  # noqa: ARG001
    return b"\xef\xbb\xbf" + raw


def _key_twice(chance: Random, raw: bytes) -> bytes:  # noqa: ARG001
    return raw.replace(b"{", b'{"name": "Tank", ', 1)


def _deep(chance: Random, raw: bytes) -> bytes:  # noqa: ARG001
    return b'{"name": "Deep", "properties": ' + b'{"a":' * 30 + b"1" + b"}" * 30 + b"}"


def _not_a_number(chance: Random, raw: bytes) -> bytes:
    return raw.replace(b"{", b'{"description": ' + chance.choice((b"NaN", b"Infinity", b"1e999", b"-1e999", b"01", b"1" * 5000)) + b", ", 1)


DAMAGES: Final[tuple[Callable[[Random, bytes], bytes], ...]] = (_truncated, _overwritten, _overwritten, _marked, _key_twice, _deep, _not_a_number)


# The examiner

NAME_MOST, UNIT_MOST, LIST_MOST, TEXT_MOST, DIGITS_MOST, DEPTH_MOST = 50, 16, 1000, 2500, 40, 16
"""Characters of a name, a unit, a valuesList, a value and a number; levels of a document."""


PROPERTY = {
    "variable_name", "instance", "characteristics", "attributes", "description", "default", "required", "honoured", "source", "policy",
    "reboot", "type", "minimum", "maximum", "minLength", "maxLength",
}  # fmt: skip
KIND = {"dataType", "unit", "minLimit", "maxLimit", "valuesList", "supportsMonitoring"}
ATTRIBUTE = {"type", "mutability", "value", "persistent", "constant"}


class Declaration(NamedTuple):
    """What an attribute has to be declared as; a secret's *value* is the text that has to be put away."""

    component: tuple[str, str, int, int]
    variable: tuple[str, str]
    attribute: str
    data_type: str
    mutability: str
    value: str | None
    secret: bool
    limits: tuple[Decimal | None, Decimal | None]
    values_list: tuple[str, ...]
    others: tuple[object, ...]
    """unit, persistent, constant, supports_monitoring, required, honoured, policy, reboot."""

    source: str
    pinned: bool = False
    base: str = ""
    """Whether an override gives the value, and the file that it changes the variable of."""


class Verdict(NamedTuple):
    """*faults* are (what the file has to be called, component.variable); *declarations* are what counts where there are none.

    *marked*: the mark of the secrets stands in secrets only.
    """

    faults: frozenset[tuple[str, str]]
    declarations: tuple[Declaration, ...]
    marked: bool


def examine(made: Directory) -> Verdict:
    """What must come of a directory."""
    return _Examiner(made).verdict()


def _order(name: str) -> tuple[int, str]:
    return ("standardized", "custom", "override").index(name.partition("/")[0]), name


def _no_twins(members: list[tuple[str, Any]]) -> Json:
    if len({key for key, _ in members}) != len(members):
        raise ValueError("a key twice")
    return dict(members)


def _no_constant(text: str) -> None:
    raise ValueError(text)


def _depth(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


def _finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or abs(value) != float("inf")


def _name_is_good(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= NAME_MOST and value == value.strip() and value.isprintable()


def _over(old: Json, new: Json) -> None:
    """What is new takes its place, and a null takes away."""
    for key, value in new.items():
        if value is None:
            old.pop(key, None)
        else:
            old[key] = value


def _objects(body: Json) -> list[tuple[Json, set[str]]]:
    """The objects of a property, and which members each may have."""
    attributes = body.get("attributes")
    found = [(one, ATTRIBUTE) for one in (attributes if isinstance(attributes, list) else ()) if isinstance(one, dict)]
    found = [(one, known) for one, known in found if isinstance(one.get("type", "Actual"), str)]
    return [(body, PROPERTY), *([(body["characteristics"], KIND)] if isinstance(body.get("characteristics"), dict) else []), *found]


def _pinned(merged: Json, change: Json) -> set[str]:
    """Which attributes of *merged* have a value that *change* gave."""
    mine = {one.get("type", "Actual") for one, known in _objects(change) if known is ATTRIBUTE and one.get("value") is not None}
    valued = {one.get("type", "Actual") for one, known in _objects(merged) if known is ATTRIBUTE and "value" in one}
    return mine | ({"Actual"} if change.get("default") is not None and "Actual" not in valued else set())


class _Examiner:
    def __init__(self, made: Directory) -> None:
        self.made = made
        self.faults: set[tuple[str, str]] = set()
        self.marked = True
        self.pinned: set[tuple[str, str, str, str]] = set()
        self.added: set[tuple[str, str, str]] = set()
        self.declarations: list[tuple[tuple[str, str, int, int], str, Declaration]] = []

    def verdict(self) -> Verdict:
        documents: dict[str, Any] = {}
        for name in sorted(self.made, key=_order):
            try:
                text = self.made[name].decode()
                if text.startswith("\ufeff"):
                    raise ValueError("a mark")
                document = json.loads(text, object_pairs_hook=_no_twins, parse_constant=_no_constant)
                if _depth(document) >= DEPTH_MOST or not _finite(document):
                    raise ValueError("too deep or too much")
                json.dumps(document, ensure_ascii=False).encode()
            except (ValueError, RecursionError):
                self.faults.add((name, ""))
            else:
                documents[name] = document
        touched = self.overlay(documents)
        addresses: dict[str, tuple[str, str, int, int]] = {}
        for name, document in documents.items():
            if name.startswith("override/"):
                continue
            if not isinstance(document, dict):
                self.faults.add((name, ""))
                continue
            address = self.address(name, document)
            if address[0]:
                addresses[name] = address
            self.component(name, address, document, touched.get(name, {}))
        self.station(addresses)
        counts = [d for address, name, d in self.declarations if addresses.get(name) and not self.replaced(name, addresses)]
        return Verdict(frozenset(self.faults), tuple(counts), self.marked)

    # Files over files

    def replaced(self, name: str, addresses: dict[str, tuple[str, str, int, int]]) -> bool:
        return name.startswith("standardized/") and any(
            other.startswith("custom/") and _same(addresses[name], address) for other, address in addresses.items()
        )

    def overlay(self, documents: dict[str, Any]) -> dict[str, dict[tuple[str, str], str]]:
        """Lay the overrides over their files; returns the override's name by file and variable."""
        touched: dict[str, dict[tuple[str, str], str]] = {}
        for name in [n for n in documents if n.startswith("override/")]:
            patch = documents[name]
            if not isinstance(patch, dict):
                self.faults.add((name, ""))
                continue
            address = self.address(name, patch)
            if not _claims(patch) or not address[0]:
                continue
            under = [n for n in documents if not n.startswith("override/") and _claims(documents[n]) and _claims(documents[n]) == _claims(patch)]
            under = [n for n in under if n.startswith("custom/")] or under
            if not under:
                self.faults.add((name, _told(address)))
            elif under[0] in touched:
                self.faults.add((name, str(patch["name"])))
            else:
                touched[under[0]] = self.lay(name, address, patch, under[0], documents)
        return touched

    def lay(
        self, name: str, address: tuple[str, str, int, int], patch: Json, base_name: str, documents: dict[str, Any]
    ) -> dict[tuple[str, str], str]:
        here = _told(address)
        if set(patch) - {"name", "instance", "evse_id", "connector_id", "properties", "description", "type", "$schema"}:
            self.faults.add((name, here))
        if not isinstance(patch.get("description", ""), str):
            self.faults.add((name, here))
        if not isinstance(patch.get("properties"), dict):
            self.faults.add((name, here))
            return {}
        base = documents[base_name] = deepcopy(documents[base_name])
        properties = base.get("properties")
        if not isinstance(properties, dict):
            return {}
        by_name: dict[Any, str] = {}
        for label, body in properties.items():
            if isinstance(body, dict) and isinstance(body.get("variable_name"), str) and isinstance(body.get("instance", ""), str):
                by_name[body["variable_name"].casefold(), body.get("instance", "").casefold()] = label
        seen = set()
        touched = {}
        for label, body in patch["properties"].items():
            if not isinstance(body, dict):
                self.faults.add((name, f"{here}.{label}"))
                continue
            if not (_name_is_good(body.get("variable_name")) and body["variable_name"] and _name_is_good(body.get("instance", ""))):
                self.faults.add((name, f"{here}.{label}"))
                if not _name_is_good(body.get("variable_name")) or not body["variable_name"]:
                    continue
            instance = body.get("instance", "") if _name_is_good(body.get("instance", "")) else ""
            key = (body["variable_name"].casefold(), instance.casefold())
            title = _titled(body["variable_name"], instance)
            if key in seen or (key not in by_name and label in properties):
                self.faults.add((name, f"{here}.{title}"))
                seen.add(key)
                continue
            seen.add(key)
            if key not in by_name:
                properties[label] = deepcopy(body)
                touched[body["variable_name"], instance] = name
                self.added.add((base_name, body["variable_name"], instance))
                self.pinned |= {(base_name, body["variable_name"], instance, kind) for kind in _pinned(body, body)}
                continue
            old = properties[by_name[key]]
            touched[old["variable_name"], old.get("instance", "")] = name
            for member, value in body.items():
                if member in ("variable_name", "instance"):
                    continue
                if member == "characteristics" and isinstance(value, dict) and isinstance(old.get(member), dict):
                    _over(old[member], deepcopy(value))
                elif member == "attributes" and isinstance(value, list) and isinstance(old.get(member), list):
                    places: dict[str, int] = {}
                    for place, one in enumerate(old[member]):
                        if isinstance(one, dict) and isinstance(one.get("type", "Actual"), str):
                            places.setdefault(one.get("type", "Actual"), place)
                    for one in deepcopy(value):
                        kind = one.get("type", "Actual") if isinstance(one, dict) else None
                        if isinstance(kind, str) and kind in places:
                            _over(old[member][places.pop(kind)], one)
                        else:
                            old[member].append(one)
                else:
                    _over(old, {member: deepcopy(value)})
            if any(value is None and key not in known for part, known in _objects(body) for key, value in part.items()):
                self.faults.add((name, f"{here}.{title}"))
            self.pinned |= {(base_name, old["variable_name"], old.get("instance", ""), kind) for kind in _pinned(old, body)}
        return touched

    # One file

    def address(self, name: str, document: Json) -> tuple[str, str, int, int]:
        found: list[Any] = []
        for key in ("name", "instance"):
            value = document.get(key, "" if key == "instance" else None)
            good = _name_is_good(value) and (value or key == "instance")
            if not good:
                self.faults.add((name, ""))
            found.append(value if good else "")
        for key in ("evse_id", "connector_id"):
            value = document.get(key, 0)
            if key in document and (type(value) is not int or value < 1 or value >= 2**31):
                self.faults.add((name, ""))
                value = 0
            found.append(value)
        folded = found[0].casefold()
        if (folded in ("evse", "connector") or "connector_id" in document) and "evse_id" not in document:
            self.faults.add((name, ""))
        if (folded == "connector") != ("connector_id" in document) and folded in ("connector", "evse"):
            self.faults.add((name, ""))
        return found[0], found[1], found[2], found[3]

    def component(self, name: str, address: tuple[str, str, int, int], document: Json, touched: dict[tuple[str, str], str]) -> None:
        here = _told(address)
        known = {"name", "instance", "evse_id", "connector_id", "properties", "required", "description", "type", "$schema"}
        properties = document.get("properties")
        required = document.get("required", [])
        wrong = set(document) - known or not isinstance(document.get("description", ""), str) or document.get("type", "object") != "object"
        if wrong or not isinstance(properties, dict) or not isinstance(required, list) or not all(isinstance(r, str) for r in required):
            self.faults.add((name, here))
        if not isinstance(properties, dict):
            if isinstance(required, list) and all(isinstance(r, str) for r in required) and required:
                self.faults.add((name, here))
            return
        wanted = set()
        if isinstance(required, list) and all(isinstance(r, str) for r in required):
            for word in required:
                labels = (
                    {word} if word in properties else {key for key, b in properties.items() if isinstance(b, dict) and b.get("variable_name") == word}
                )
                if not labels:
                    self.faults.add((name, here))
                wanted |= labels
        seen = set()
        for label, body in properties.items():
            if not isinstance(body, dict):
                self.faults.add((name, f"{here}.{label}" if here else label))
                continue
            variable = str(body["variable_name"]) if _name_is_good(body.get("variable_name")) else ""
            instance = str(body.get("instance", "")) if _name_is_good(body.get("instance", "")) else ""
            title = _titled(variable, instance) or label
            file = f"{touched[variable, instance]} over {name}" if (variable, instance) in touched else name
            if not variable or not _name_is_good(body.get("instance", "")):
                self.faults.add((f"{touched[label, '']} over {name}" if (label, "") in touched else name, f"{here}.{label}" if here else label))
            self.marked = self.marked and (_secret(body) or SECRET not in json.dumps(body))
            # Of a variable without a name nobody can say that it needs a value.
            judged = _Property(body, required=label in wanted and bool(variable))
            if not judged.check():
                self.faults.add((file, f"{here}.{title}" if here else title))
            for declared in judged.found:
                whole = declared._replace(
                    component=address,
                    variable=(variable, instance),
                    source=file.partition(" over ")[0],
                    pinned=(name, variable, instance, declared.attribute) in self.pinned,
                    base=name if (variable, instance) in touched and (name, variable, instance) not in self.added else "",
                )
                self.declarations.append((address, name, whole))
            if variable:
                key = (variable.casefold(), instance.casefold())
                if key in seen:
                    self.faults.add((file, f"{here}.{title}" if here else title))
                seen.add(key)

    # All files

    def station(self, addresses: dict[str, tuple[str, str, int, int]]) -> None:
        for name, address in addresses.items():
            folder = name.partition("/")[0]
            first = next(n for n, a in addresses.items() if n.startswith(folder) and _same(a, address))
            if first != name:
                self.faults.add((name, _told(address)))
        force = {n: a for n, a in addresses.items() if not self.replaced(n, addresses)}
        evses = {a[2]: n for n, a in reversed(force.items()) if a[0].casefold() == "evse" and a[2]}
        plugs = {(a[2], a[3]): n for n, a in reversed(force.items()) if a[0].casefold() == "connector" and a[2] and a[3]}
        if not evses:
            self.faults.add(("custom", "EVSE"))
        self.numbered({e: evses[e] for e in evses}, "EVSE")
        for evse_id, name in evses.items():
            if not any(e == evse_id for e, _ in plugs):
                self.faults.add((name, f"EVSE({evse_id})"))
        for evse_id in {e for e, _ in plugs}:
            self.numbered({c: n for (e, c), n in plugs.items() if e == evse_id}, f"Connector of EVSE {evse_id}")
        for name, address in force.items():
            if (address[2] and address[2] not in evses) or (address[3] and (address[2], address[3]) not in plugs):
                self.faults.add((name, _told(address)))

    def numbered(self, found: dict[int, str], what: str) -> None:
        for right, number in enumerate(sorted(found), 1):
            if right != number:
                self.faults.add((found[number], what))
                return


def _same(one: tuple[str, str, int, int], two: tuple[str, str, int, int]) -> bool:
    return (one[0].casefold(), one[1].casefold(), *one[2:]) == (two[0].casefold(), two[1].casefold(), *two[2:])


def _claims(document: Any) -> tuple[object, ...] | None:
    """What component a document means, judged or not."""
    if not isinstance(document, dict) or not isinstance(document.get("name"), str) or not isinstance(document.get("instance", ""), str):
        return None
    ids = [document.get(key, 0) if type(document.get(key, 0)) is int else None for key in ("evse_id", "connector_id")]
    return document["name"].casefold(), document.get("instance", "").casefold(), *ids


def _titled(name: str, instance: str) -> str:
    return f"{name}[{instance}]" if instance else name


def _told(address: tuple[str, str, int, int]) -> str:
    place = f"({address[2]},{address[3]})" if address[3] else f"({address[2]})" if address[2] else ""
    return _titled(address[0], address[1]) + place


# One variable, by Part 2

_PLAIN: Final = re.compile(r"-?[0-9]+([.][0-9]+)?")
_MOMENT: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})([.][0-9]{1,3})?(Z|([+-])([0-9]{2}):([0-9]{2}))")
MINUTES: Final = 60


class _Bad(Exception):
    """The value cannot stand."""


class _Property:
    """One property; *check* says whether it is without fault, and *found* are its declarations then."""

    def __init__(self, body: Json, *, required: bool) -> None:
        self.body = body
        self.required = required
        self.secret = _secret(body)
        self.found: list[Declaration] = []
        self.good = True

    def must(self, holds: bool) -> None:  # noqa: FBT001 (it is a claim)
        self.good = self.good and holds

    def check(self) -> bool:
        body = self.body
        self.must(not set(body) - PROPERTY)
        self.must(isinstance(body.get("description", ""), str))
        self.must(body.get("source", "OCPP") in ("OCPP", "EVEREST"))
        self.must(body.get("policy", "runtime-wins") in ("runtime-wins", "file-wins"))
        for flag in ("required", "honoured", "reboot"):
            self.must(type(body.get(flag, True)) is bool)
        kind: Json = body["characteristics"] if isinstance(body.get("characteristics"), dict) else {}
        data_type, low, high, members = self.kind(kind)
        attributes = body.get("attributes")
        if not isinstance(attributes, list) or not attributes:
            self.good = False
            return self.good
        self.must(all(isinstance(a, dict) for a in attributes))
        attributes = [a for a in attributes if isinstance(a, dict)]
        types = [a.get("type", "Actual") for a in attributes]
        self.must(all(t in ("Actual", "MaxSet", "MinSet", "Target") for t in types))
        self.must(all(types.count(t) == 1 for t in types))
        self.must("default" not in body or "Actual" in types)
        source_is_ours = body.get("source", "OCPP") != "EVEREST"
        named = _name_is_good(body.get("variable_name")) and bool(body["variable_name"])
        required = ((body.get("required", False) is True and named) or self.required) and source_is_ours
        found = []
        for attribute, name in zip(attributes, types, strict=True):
            mutability = attribute.get("mutability", "ReadWrite")
            self.must(mutability in ("ReadOnly", "ReadWrite", "WriteOnly"))
            self.must(not set(attribute) - ATTRIBUTE)
            self.must(all(type(attribute.get(flag, True)) is bool for flag in ("persistent", "constant")))
            raw = [attribute["value"]] if "value" in attribute else []
            if name == "Actual" and "default" in body:
                raw.append(body["default"])
            texts = []
            for one in raw if data_type else []:
                try:
                    texts.append(self.text(one, data_type, low, high, members))
                except _Bad:
                    self.good = False
                    texts.append(None)
            text = texts[0] if texts else None
            if name == "Actual" and mutability == "ReadWrite" and required and data_type and (not raw or raw[0] == ""):
                self.must(text is not None)
            if str(body.get("variable_name")).casefold() == "identity":
                self.must(":" not in (text or ""))
            found.append((attribute, name, mutability, text))
        if self.good:
            for attribute, name, mutability, text in found:
                others = (
                    kind.get("unit", ""), attribute.get("persistent", True), attribute.get("constant", False), kind.get("supportsMonitoring", False),
                    required, body.get("honoured", True), body.get("policy", "runtime-wins"), body.get("reboot", False),
                )  # fmt: skip
                nowhere = ("", "", 0, 0)
                self.found.append(
                    Declaration(nowhere, ("", ""), name, data_type, mutability, text, self.secret and bool(text), (low, high), members, others, "")
                )
        return self.good

    def kind(self, kind: Json) -> tuple[str, Decimal | None, Decimal | None, tuple[str, ...]]:
        self.must(not set(kind) - KIND)
        data_type = kind.get("dataType")
        if not isinstance(data_type, str) or data_type not in TYPES:
            self.good = False
            return "", None, None, ()
        unit = kind.get("unit", "")
        self.must(_name_is_good(unit) and len(unit) <= UNIT_MOST)
        self.must(type(kind.get("supportsMonitoring", False)) is bool)
        limits: list[Decimal | None] = []
        for key in ("minLimit", "maxLimit"):
            number = _number(kind[key]) if key in kind else None
            self.must(key not in kind or number is not None)
            if number is not None and data_type in ("boolean", "dateTime"):
                self.good, number = False, None
            if number is not None and data_type not in ("integer", "decimal") and not _counts(kind[key], number):
                self.good, number = False, None
            limits.append(number)
        low, high = limits
        if low is not None and high is not None and low > high:
            self.good, low, high = False, None, None
        members: tuple[str, ...] = ()
        if "valuesList" in kind:
            try:
                text = ",".join(_parts(kind["valuesList"], once=True))
            except _Bad:
                self.good = False
            else:
                self.must(data_type in LISTS and 1 <= len(text) <= LIST_MOST)
                members = tuple(text.split(",")) if text and data_type in LISTS else ()
        else:
            self.must(data_type not in LISTS)
        return data_type, low, high, members

    def text(self, raw: Any, data_type: str, low: Decimal | None, high: Decimal | None, members: tuple[str, ...]) -> str | None:
        """The value as OCPP writes it; None for none."""
        if raw is None:
            raise _Bad
        if raw == "" and data_type not in ("string", "MemberList", "SequenceList"):
            return None
        size: Decimal | None = None
        match data_type:
            case "boolean":
                text = str(raw).lower()
                if type(raw) not in (bool, str) or text not in ("true", "false"):
                    raise _Bad
            case "integer":
                number = _number(raw) if type(raw) in (int, str) else None
                if number is None or "." in str(raw) or not -(2**31) <= number < 2**31:
                    raise _Bad
                text, size = str(int(number)), number
            case "decimal":
                number = _number(raw)
                if number is None:
                    raise _Bad
                text, size = format(number, "f"), number
            case "dateTime":
                text = raw if isinstance(raw, str) else ""
                if not _is_moment(text):
                    raise _Bad
            case "MemberList" | "SequenceList":
                parts = _parts(raw, once=data_type == "MemberList")
                if members and any(part not in members for part in parts):
                    raise _Bad
                text = ",".join(parts)
            case _:
                if type(raw) not in (str, int):
                    raise _Bad
                text = str(raw)
                if data_type == "OptionList" and members and text not in members:
                    raise _Bad
        size = Decimal(len(text)) if size is None else size
        if len(text) > TEXT_MOST or (low is not None and size < low) or (high is not None and size > high):
            raise _Bad
        if self.secret and text and not (text.isascii() and text.isprintable()):
            raise _Bad
        return text


def _number(raw: Any) -> Decimal | None:
    """A number in plain digits, exactly."""
    if type(raw) not in (int, float, str):
        return None
    text = format(Decimal(repr(raw)), "f") if type(raw) is float else str(raw)
    if type(raw) is float and "." in text and not text.partition(".")[2].strip("0"):
        text = text.partition(".")[0]
    return Decimal(text) if len(text) <= DIGITS_MOST and _PLAIN.fullmatch(text) else None


def _counts(raw: Any, number: Decimal) -> bool:
    """Whether a limit is a number of characters: whole and not negative, and written so."""
    return number >= 0 and number == number.to_integral_value() and not (isinstance(raw, str) and "." in raw)


def _parts(raw: Any, *, once: bool) -> list[str]:
    if type(raw) is list:
        if not all(type(one) in (str, int) for one in raw):
            raise _Bad
        parts = [str(one).strip() for one in raw]
    elif type(raw) in (str, int):
        parts = [part.strip() for part in str(raw).split(",")] if str(raw).strip() else []
    else:
        raise _Bad
    if any(not part or "," in part for part in parts) or (once and len(set(parts)) != len(parts)):
        raise _Bad
    return parts


def _is_moment(text: str) -> bool:
    found = _MOMENT.fullmatch(text)
    if not found:
        return False
    numbers = [int(found[i]) for i in range(1, 7)]
    try:
        zone = UTC if found[8] == "Z" else timezone(timedelta(hours=int(found[10]), minutes=int(found[11])))
        datetime(*numbers, tzinfo=zone)  # type: ignore[misc,arg-type]
    except ValueError:
        return False
    return found[8] == "Z" or int(found[11]) < MINUTES
