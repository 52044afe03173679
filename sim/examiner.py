"""Who knows what must come of a directory of component files: what it declares, and everything that is wrong with it.

Law: it is independent: it imports nothing that reads or judges a component file, and knows Part 2 by other means (json, decimal, datetime,
regular expressions), simply and slowly.
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sim.directories import LISTS, SECRET, TYPES, Directory, Json, is_secret

NAME_MOST, UNIT_MOST, LIST_MOST, TEXT_MOST, DIGITS_MOST, DEPTH_MOST = 50, 16, 1000, 2500, 40, 16
"""Characters of a name, a unit, a valuesList, a value and a number; levels of a document."""


PROPERTY = {
    "variable_name", "instance", "characteristics", "attributes", "description", "default", "required", "honoured", "source", "policy",
    "reboot", "type", "minimum", "maximum", "minLength", "maxLength",
}  # fmt: skip
KIND = {"dataType", "unit", "minLimit", "maxLimit", "valuesList", "supportsMonitoring"}
ATTRIBUTE = {"type", "mutability", "value", "persistent", "constant"}

HARMLESS = {"$schema", "description", "honoured", "persistent", "required", "source", "supportsMonitoring", "unit"}
"""Keys of which a misspelled one decides nothing; so is ``type``, but of an attribute."""

ALIKE = {("Value", "valuesList"), ("max_limit", "maximum"), ("maxLimits", "maximum")}
"""Keys that are drawn, and look like a known one although more than a letter is another."""


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
    """*faults* are (what the file has to be called, component.variable) of what keeps a station from starting, *doubts* of what is only a warning.

    *declarations* are what counts where there are no faults.  *marked*: the mark of the secrets stands in secrets only.
    """

    faults: frozenset[tuple[str, str]]
    doubts: frozenset[tuple[str, str]]
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


def _is_misspelled(key: str, known: set[str], *, of_attribute: bool = False) -> bool:
    """Whether an unknown key looks like one of the *known* ones that decide what is declared."""
    deciding = known - HARMLESS - (set() if of_attribute else {"type"})
    return any(_nearly(_plain(key), _plain(one)) or (key, one) in ALIKE for one in deciding)


def _plain(key: str) -> str:
    return key.casefold().replace("_", "")


def _nearly(one: str, two: str) -> bool:
    """Whether two texts are the same but for one letter."""
    short, long = sorted((one, two), key=len)
    same = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    rest = short[same:]
    return rest == long[same + 1 :] if len(short) < len(long) else rest[1:] == long[same + 1 :]


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
        self.doubts: set[tuple[str, str]] = set()
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
        return Verdict(frozenset(self.faults), frozenset(self.doubts), tuple(counts), self.marked)

    def keys(self, place: tuple[str, str], found: set[str], known: set[str], *, of_attribute: bool = False) -> None:
        """Keys of an object."""
        for key in found - known:
            (self.faults if _is_misspelled(key, known, of_attribute=of_attribute) else self.doubts).add(place)

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
        self.keys((name, here), set(patch), {"name", "instance", "evse_id", "connector_id", "properties", "description", "type", "$schema"})
        if not isinstance(patch.get("description", ""), str):
            self.doubts.add((name, here))
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
            for part, known in _objects(body):
                self.keys((name, f"{here}.{title}"), {key for key, value in part.items() if value is None}, known, of_attribute=known is ATTRIBUTE)
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
        self.keys((name, here), set(document), known)
        if not isinstance(document.get("description", ""), str) or document.get("type", "object") != "object":
            self.doubts.add((name, here))
        if not isinstance(required, list) or not all(isinstance(r, str) for r in required):
            self.doubts.add((name, here))
        if not isinstance(properties, dict):
            self.faults.add((name, here))
            if isinstance(required, list) and all(isinstance(r, str) for r in required) and required:
                self.doubts.add((name, here))
            return
        wanted = set()
        if isinstance(required, list) and all(isinstance(r, str) for r in required):
            for word in required:
                labels = (
                    {word} if word in properties else {key for key, b in properties.items() if isinstance(b, dict) and b.get("variable_name") == word}
                )
                if not labels:
                    self.doubts.add((name, here))
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
            self.marked = self.marked and (is_secret(body) or SECRET not in json.dumps(body))
            # Of a variable without a name nobody can say that it needs a value.
            judged = _Property(body, required=label in wanted and bool(variable))
            judged.check()
            place = (file, f"{here}.{title}" if here else title)
            if not judged.good:
                self.faults.add(place)
            if judged.doubtful:
                self.doubts.add(place)
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
    """The value cannot be used."""


class _Property:
    """One property: *check* finds out whether it is *good* and whether it is *doubtful*; *found* are its declarations where it is good."""

    def __init__(self, body: Json, *, required: bool) -> None:
        self.body = body
        self.required = required
        self.secret = is_secret(body)
        self.found: list[Declaration] = []
        self.good = True
        self.doubtful = False

    def must(self, holds: bool) -> None:  # noqa: FBT001 (it is a claim)
        self.good = self.good and holds

    def should(self, holds: bool) -> None:  # noqa: FBT001 (it is a claim)
        self.doubtful = self.doubtful or not holds

    def keys(self, found: set[str], known: set[str], *, of_attribute: bool = False) -> None:
        for key in found - known:
            misspelled = _is_misspelled(key, known | ({"monitors"} if known is PROPERTY else set()), of_attribute=of_attribute)
            (self.must if misspelled else self.should)(False)  # noqa: FBT003 (it is a claim)

    def flag(self, body: Json, name: str, *, otherwise: bool) -> bool:
        value = body.get(name, otherwise)
        self.should(type(value) is bool)
        return value if type(value) is bool else otherwise

    def choice(self, name: str, words: tuple[str, ...]) -> str:
        value = self.body.get(name, words[0])
        self.should(value in words)
        return value if value in words else words[0]

    def check(self) -> None:
        body = self.body
        self.keys(set(body), PROPERTY)
        self.should(isinstance(body.get("description", ""), str))
        source, policy = self.choice("source", ("OCPP", "EVEREST")), self.choice("policy", ("runtime-wins", "file-wins"))
        needed = self.flag(body, "required", otherwise=False)
        honoured, reboot = self.flag(body, "honoured", otherwise=True), self.flag(body, "reboot", otherwise=False)
        self.must(isinstance(body.get("characteristics"), dict))
        kind: Json = body["characteristics"] if isinstance(body.get("characteristics"), dict) else {}
        data_type, low, high, members, unit, monitored = self.kind(kind)
        attributes = body.get("attributes")
        if not isinstance(attributes, list) or not attributes:
            self.good = False
            return
        self.must(all(isinstance(a, dict) for a in attributes))
        attributes = [a for a in attributes if isinstance(a, dict)]
        types = [a.get("type", "Actual") for a in attributes]
        self.must(all(t in ("Actual", "MaxSet", "MinSet", "Target") for t in types))
        self.must(all(types.count(t) == 1 for t in types))
        self.should("default" not in body or "Actual" in types)
        named = _name_is_good(body.get("variable_name")) and bool(body["variable_name"])
        required = ((needed and named) or self.required) and source != "EVEREST"
        found = []
        for attribute, name in zip(attributes, types, strict=True):
            mutability = attribute.get("mutability", "ReadWrite")
            self.must(mutability in ("ReadOnly", "ReadWrite", "WriteOnly"))
            self.keys(set(attribute), ATTRIBUTE, of_attribute=True)
            persistent = self.flag(attribute, "persistent", otherwise=True)
            self.must(type(attribute.get("constant", False)) is bool)
            raw = [attribute["value"]] if "value" in attribute else []
            if name == "Actual" and "default" in body:
                raw.append(body["default"])
            self.should(None not in raw)
            raw = [one for one in raw if one is not None]
            text = None
            for number, one in enumerate(raw if data_type else []):
                try:
                    found_text = self.text(one, data_type, low, high, members)
                except _Bad:
                    (self.should if number else self.must)(False)  # noqa: FBT003 (it is a claim)
                    found_text = None
                text = text if number else found_text
            if name == "Actual" and mutability == "ReadWrite" and required and data_type and (not raw or raw[0] == ""):
                self.should(text is not None)
            if str(body.get("variable_name")).casefold() == "identity":
                self.must(":" not in (text or ""))
            found.append((attribute, name, mutability, text, persistent))
        if self.good:
            for attribute, name, mutability, text, persistent in found:
                others = (unit, persistent, attribute.get("constant", False), monitored, required, honoured, policy, reboot)
                nowhere = ("", "", 0, 0)
                self.found.append(
                    Declaration(nowhere, ("", ""), name, data_type, mutability, text, self.secret and bool(text), (low, high), members, others, "")
                )

    def kind(self, kind: Json) -> tuple[str, Decimal | None, Decimal | None, tuple[str, ...], str, bool]:
        self.keys(set(kind), KIND)
        data_type = kind.get("dataType")
        unit = kind.get("unit", "")
        if not _name_is_good(unit) or len(unit) > UNIT_MOST:
            self.doubtful, unit = True, ""
        monitored = self.flag(kind, "supportsMonitoring", otherwise=False)
        if not isinstance(data_type, str) or data_type not in TYPES:
            self.good = False
            self.should("valuesList" not in kind)  # whatever it holds, something of it may be said
            return "", None, None, (), unit, monitored
        limits: list[Decimal | None] = []
        for key in ("minLimit", "maxLimit"):
            number = _number(kind[key]) if key in kind else None
            self.must(key not in kind or number is not None)
            if number is not None and data_type in ("boolean", "dateTime"):
                self.doubtful, number = True, None
            if number is not None and data_type not in ("integer", "decimal") and not _counts(kind[key], number):
                self.good, number = False, None
            limits.append(number)
        low, high = limits
        if low is not None and high is not None and low > high:
            self.good, low, high = False, None, None
        members: tuple[str, ...] = ()
        if data_type not in LISTS:
            self.should("valuesList" not in kind)
        elif "valuesList" in kind:
            try:
                parts = self.parts(kind["valuesList"], once=True)
                self.must(bool(parts) or kind["valuesList"] in ("", []) or (isinstance(kind["valuesList"], str) and not kind["valuesList"].strip()))
                self.must(len(",".join(parts)) <= LIST_MOST)
                self.should(bool(parts))
                members = tuple(parts)
            except _Bad:
                self.good = False
        else:
            self.doubtful = True
        return data_type, low, high, members, unit, monitored

    def parts(self, raw: Any, *, once: bool) -> list[str]:
        """The members of a list that count: not an empty one, and of a set each once."""
        parts = _parts(raw)
        there = [part for part in parts if part]
        there = list(dict.fromkeys(there)) if once else there
        self.should(len(there) == len(parts))
        return there

    def text(self, raw: Any, data_type: str, low: Decimal | None, high: Decimal | None, members: tuple[str, ...]) -> str | None:
        """The value as OCPP writes it; None for none."""
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
                parts = self.parts(raw, once=data_type == "MemberList")
                self.should(not members or all(part in members for part in parts))
                text = ",".join(parts)
            case _:
                if type(raw) not in (str, int):
                    raise _Bad
                text = str(raw)
                self.should(data_type != "OptionList" or not members or text in members)
        size = Decimal(len(text)) if size is None else size
        outside = (low is not None and size < low) or (high is not None and size > high)
        if len(text) > TEXT_MOST or (self.secret and outside):
            raise _Bad
        self.should(not outside)
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


def _parts(raw: Any) -> list[str]:
    if type(raw) is list:
        if not all(type(one) in (str, int) for one in raw):
            raise _Bad
        parts = [str(one).strip() for one in raw]
    elif type(raw) in (str, int):
        parts = [part.strip() for part in str(raw).split(",")] if str(raw).strip() else []
    else:
        raise _Bad
    if any("," in part for part in parts):
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
