"""Directories of component files without end, whole and broken; :mod:`sim.examiner` knows what must come of each.

Law: a directory is its seed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any, Final

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
    if is_secret(body):
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


def is_secret(body: Any) -> bool:
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
            hidden = is_secret(body) and body["characteristics"]["dataType"] == "string"
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
        holder[key] = chance.choice(marked) if is_secret(body) and _luck(chance, 80) else _odd(chance)


def _outside(chance: Random, documents: dict[str, Json]) -> None:
    """A value beyond a limit, or just within."""
    body = _a_property(chance, documents)
    kind = body.get("characteristics") if body is not None else None
    if body is None or not isinstance(kind, dict) or kind.get("dataType") not in ("decimal", "integer", "string") or is_secret(body):
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
