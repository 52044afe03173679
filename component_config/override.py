"""What a file in ``override/`` changes in a component that another file declares: one variable, one limit, one value.

Law: an override changes what it names and nothing else, and what comes of it is judged like a file that says the same.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from component_config import profiles
from component_config.check import (
    ATTRIBUTE_KEYS,
    CHARACTERISTIC_KEYS,
    HARMLESS_OF_ATTRIBUTE,
    INSIDE,
    NAME_MAX,
    OPEN,
    PROPERTY_KEYS,
    Reader,
    Variable,
    title,
)
from component_config.complaints import BASE, STRUCTURE, TWICE, Complaints, Wrong, one_of, shown
from component_config.files import CUSTOM, File
from component_config.members import HARMLESS
from component_config.values import TEXT_MAX, text_of

OVERRIDE_KEYS = ("name", "instance", "evse_id", "connector_id", "properties", "description", "type", "$schema")
ADDRESS_KEYS = ("variable_name", "instance")

HIDDEN = "(a secret)"
"""What stands for a secret that is not in force."""

Claim = tuple[str, str, object, object]
"""A component's address as a document has it, the texts folded; it may be wrong yet."""


Pins = dict[tuple[str, str], Any]
"""(variable as complaints write it, attribute type) -> what the file beneath gives where the override gives the value in force; None: nothing."""


class Overlay(NamedTuple):
    """An override that was laid over the file *base*; *variables* are those that it has a part in, as complaints write them, *added* its own."""

    patch: File
    base: File
    variables: frozenset[str]
    added: frozenset[str]
    pins: Pins

    def pin(self, variable: Variable, attribute: str) -> dict[str, Any]:
        """The fields of a declaration that say what the override has to do with it."""
        name = variable.title()
        if name not in self.variables:
            return {}
        base = "" if name in self.added else self.base.name
        if (name, attribute) not in self.pins:
            return {"base": base}
        return {"base": base, "pinned": True, "beneath": _text(self.pins[name, attribute], variable)}

    def labels(self, base: File) -> dict[str, str]:
        """What complaints about these variables call the two files."""
        return dict.fromkeys(self.variables, f"{self.patch.label} over {base.label}")


def overlays(files: list[File], patches: list[File], complaints: Complaints) -> dict[str, Overlay]:
    """Lay each of *patches* over the one of *files* that is in force for its component: their documents change.

    Returns the overlays by the label of the file beneath.
    """
    if not patches:
        return {}
    beneath: dict[Claim, File] = {}
    for file in files:
        claim = _claim(file.document)
        if claim is not None and (claim not in beneath or (file.folder == CUSTOM and beneath[claim].folder != CUSTOM)):
            beneath[claim] = file
    found: dict[str, Overlay] = {}
    for patch in patches:
        base = _base(patch, beneath, complaints)
        if base is None:
            continue
        if base.label in found:
            where = str(patch.document["name"])
            complaints.add(TWICE, patch.label, where, f"is overridden by {found[base.label].patch.label} too; right would be one of the two files")
            continue
        found[base.label] = _lay(patch, base, complaints)
    return found


def _claim(document: Any) -> Claim | None:
    """Which component a document is about; None where it does not say."""
    if type(document) is not dict or type(document.get("name")) is not str or type(document.get("instance", "")) is not str:
        return None
    return document["name"].casefold(), document.get("instance", "").casefold(), _id(document, "evse_id"), _id(document, "connector_id")


def _id(document: dict[str, Any], key: str) -> object:
    found = document.get(key, 0)
    return found if type(found) is int else None


def _base(patch: File, beneath: dict[Claim, File], complaints: Complaints) -> File | None:
    """The file that *patch* is laid over."""
    if type(patch.document) is not dict:
        complaints.add(STRUCTURE, patch.label, "", f"holds {shown(patch.document)}; right would be an object with 'name' and 'properties'")
        return None
    address = Reader(patch.label, complaints).address(patch.document)
    claim = _claim(patch.document)
    if not address.name or claim is None:
        return None
    base = beneath.get(claim)
    if base is None:
        names = tuple(sorted({f.document["name"] for f in beneath.values() if f.document["name"].isprintable()}))
        complaints.add(BASE, patch.label, str(address), f"no file in standardized/ or custom/ declares it; {one_of(address.name, names)}")
    return base


def _text(raw: object, variable: Variable) -> str | None:
    """What a file says beneath a pin.  It is not in force: so it may be what would be complained about if it were, and a secret is kept nowhere."""
    try:
        text = text_of(raw, variable.characteristics.data_type) if raw is not None else None
    except Wrong:
        text = (raw if isinstance(raw, str) else msgspec.json.encode(raw).decode())[:TEXT_MAX]
    if not text or variable.secrecy == OPEN:
        return text
    if variable.secrecy == INSIDE:
        try:
            return profiles.seal(text, lambda _text, _kind: HIDDEN)
        except Wrong:
            pass  # Nothing can be found in what is not JSON, so all of it may be secret.
    return HIDDEN


def _lay(patch: File, base: File, complaints: Complaints) -> Overlay:
    """Change *base*'s document as *patch*'s says."""
    nothing = Overlay(patch, base, frozenset(), frozenset(), {})
    silent = Reader(patch.label, Complaints())
    reader = Reader(patch.label, complaints)
    reader.component = str(silent.address(patch.document))
    reader.keys("", patch.document, OVERRIDE_KEYS, "an override")
    reader.note("", patch.document, "description")
    changes = patch.document.get("properties")
    properties = base.document.get("properties")
    if type(changes) is not dict:
        reader.wrong(STRUCTURE, "", f"'properties' is {shown(changes)}; right would be an object with one member a variable that it changes")
        return nothing
    if type(properties) is not dict:
        return nothing  # The file beneath is complained about when it is read.
    known = {_name(body): label for label, body in properties.items() if type(body) is dict}
    done: set[tuple[str, str]] = set()
    touched: set[str] = set()
    added: set[str] = set()
    pins: Pins = {}
    for label, body in changes.items():
        if type(body) is not dict:
            text = "a text" if type(body) is str else shown(body)
            reader.wrong(STRUCTURE, label, f"is {text}; right would be an object with variable_name and what it changes")
            continue
        variable, instance = reader.text(label, body, "variable_name", NAME_MAX, needed=True), reader.text(label, body, "instance", NAME_MAX)
        if not variable:
            continue
        name = (variable.casefold(), instance.casefold())
        if name in done:
            reader.wrong(TWICE, title(variable, instance), "stands in two properties; right would be one property, or another instance")
            continue
        done.add(name)
        if name in known:
            old = properties[known[name]]
            where = title(old["variable_name"], old.get("instance", ""))
            _nulls(reader, title(variable, instance), body)
            beneath = _values(old)
            _replace(old, body)
            pins |= {(where, kind): beneath.get(kind) for kind in _given(old, body)}
            touched.add(where)
        elif label in properties:
            reader.wrong(
                BASE, title(variable, instance), f"its key {shown(label)} stands for another variable in {base.label}; right would be another key"
            )
        else:
            properties[label] = body
            where = title(variable, instance)
            pins |= {(where, kind): None for kind in _given(body, body)}
            touched.add(where)
            added.add(where)
    return Overlay(patch, base, frozenset(touched), frozenset(added), pins)


def _values(body: dict[str, Any]) -> dict[str, Any]:
    """What a property gives, by attribute type; its default is the Actual attribute's where that has no value."""
    found = {"Actual": body["default"]} if "default" in body else {}
    return found | {kind: one["value"] for kind, one in _by_type(body) if "value" in one}


def _given(merged: dict[str, Any], body: dict[str, Any]) -> list[str]:
    """The attributes, by type, whose value in *merged* is what *body* says."""
    found = [kind for kind, one in _by_type(body) if one.get("value") is not None]
    if body.get("default") is not None and "Actual" not in found and not any(k == "Actual" and "value" in one for k, one in _by_type(merged)):
        found.append("Actual")
    return found


def _by_type(body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The attributes of a property with their types; what is none is complained about when it is read."""
    attributes = body.get("attributes")
    there = [one for one in attributes if type(one) is dict] if type(attributes) is list else []
    return [(kind, one) for one in there if type(kind := one.get("type", "Actual")) is str]


def _nulls(reader: Reader, where: str, body: dict[str, Any]) -> None:
    """Complain about keys that are to be removed and that nobody reads: they would be gone before the file is read."""
    named: list[tuple[dict[str, Any], tuple[str, ...], str, frozenset[str]]] = [(body, PROPERTY_KEYS, "a property", HARMLESS)]
    if type(body.get("characteristics")) is dict:
        named.append((body["characteristics"], CHARACTERISTIC_KEYS, "characteristics", HARMLESS))
    named += [(one, ATTRIBUTE_KEYS, "an attribute", HARMLESS_OF_ATTRIBUTE) for _, one in _by_type(body)]
    for found, known, what, harmless in named:
        reader.keys(where, {key: None for key, value in found.items() if value is None}, known, what, harmless)


def _name(body: dict[str, Any]) -> tuple[str, str]:
    """The variable of a property, folded; what is no text is never meant."""
    name, instance = body.get("variable_name"), body.get("instance", "")
    return (name.casefold(), instance.casefold()) if type(name) is str and type(instance) is str else ("", "")


def _replace(old: dict[str, Any], new: dict[str, Any]) -> None:
    """What *new* says takes the place of what *old* says: characteristics member by member, attributes by their type.  A null removes."""
    for key, value in new.items():
        if key in ADDRESS_KEYS:
            continue
        before = old.get(key)
        if key == "characteristics" and type(before) is dict and type(value) is dict:
            old[key] = _laid(before, value)
        elif key == "attributes" and type(before) is list and type(value) is list:
            old[key] = _attributes(before, value)
        elif value is None:
            old.pop(key, None)
        else:
            old[key] = value


def _laid(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """*old* with what *new* says, and without what *new* says null of."""
    return {key: value for key, value in {**old, **new}.items() if value is not None or key not in new}


def _attributes(old: list[Any], new: list[Any]) -> list[Any]:
    """*old* with each of *new* laid over the one of its type, or added."""
    found = list(old)
    free = [one.get("type", "Actual") if type(one) is dict else None for one in old]
    for one in new:
        kind = one.get("type", "Actual") if type(one) is dict else None
        if type(kind) is str and kind in free:
            place = free.index(kind)
            found[place] = _laid(old[place], one)
            free[place] = None  # A second one of its type is added, and complained about.
        else:
            found.append(one)
    return found
