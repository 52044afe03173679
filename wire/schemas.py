"""Whether a payload keeps its schema.

Law: the verdict is that of OCPP's JSON schemas, made by types that are built from them on first use; a problem is told by path and rule, and never
shows a value.

An integer is one by its value, as in JSON schema (draft 6): ``300.0`` and ``3e2`` are the integer 300, and leave here as ``300``, so that neither a
state nor an answer carries a float where OCPP has an integer.

One verdict is stricter than the schemas': numbers must fit 64 bits, because whatever holds them later does so too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from keyword import iskeyword
from typing import Annotated, Any, Literal, Union

from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType, ValidationError, defstruct
from msgspec.json import Decoder

from wire.jsontext import INT64, decode_with_raw_floats, encode, parse_whole_number

BOM = b"\xef\xbb\xbf"
NAME_MOST = 64

Read = Callable[[str, str], bytes | None]
"""(version, schema name such as ``SetVariablesRequest``) -> the schema's text, None where the version has no such message."""


class Problem(Struct, frozen=True, gc=False):
    """A broken rule: OCPP's error code (Part 4, 4.3), a text without values, and where (``$.setVariableData[0].component.name``)."""

    code: str
    description: str
    path: str


Checked = tuple[bytes, Problem | None]
"""What came of a payload: its JSON text with every integer written plainly, and what is wrong with it (then the text is as it came)."""


class Schemas:
    """Verdicts, by version and message."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._json: Decoder[Any] = Decoder()
        self._decoders: dict[tuple[str, str], Decoder[Any]] = {}
        self._integers: dict[tuple[str, str], Any] = {}
        """Where integers stand in messages that came with one that was not written plainly: few peers ever send one."""

    def knows(self, version: str, name: str) -> bool:
        """Whether the version has a message of that name."""
        return self._decoder(version, name) is not None

    def verdict(self, version: str, name: str, payload: bytes) -> Problem | None:
        """What is wrong with *payload*; None where nothing is, or where the version has no such message."""
        return self.check(version, name, payload)[1]

    def check(self, version: str, name: str, payload: bytes) -> Checked:
        """Check *payload* and write its integers plainly; the same object where they are already, or where the version has no such message."""
        decoder = self._decoders.get((version, name)) or self._decoder(version, name)
        if decoder is None:
            return payload, None
        try:
            decoder.decode(payload)
        except ValidationError as error:
            wrong = error
        except (DecodeError, RecursionError, ValueError):
            return payload, Problem("FormatViolation", "$: not valid JSON", "$")
        else:
            return payload, None
        plain = self._write_integers_plainly(version, name, payload)
        if plain is not payload:
            try:
                decoder.decode(plain)
            except ValidationError as error:
                wrong = error
            else:
                return plain, None
        return payload, explain(str(wrong), self._members(version, name))

    def _write_integers_plainly(self, version: str, name: str, payload: bytes) -> bytes:
        """*payload* with whole numbers such as ``7.0`` written as ``7`` where the schema has an integer; the same object where there is none."""
        if re.search(_POINT_OR_EXPONENT, payload) is None:
            return payload
        key = (version, name)
        if key not in self._integers:
            schema = self._schema(version, name)
            self._integers[key] = find_integers(schema) if schema is not None else None
        try:
            value = decode_with_raw_floats(payload)
            plain = _replace_whole_numbers(value, self._integers[key])
        except (DecodeError, RecursionError, ValueError):
            return payload
        return payload if plain is value else encode(plain)

    def _decoder(self, version: str, name: str) -> Decoder[Any] | None:
        key = (version, name)
        if key not in self._decoders:
            schema = self._schema(version, name)
            if schema is None:
                # Not remembered: names come from outside, and a peer must not be able to fill the memory with them.
                return None
            self._decoders[key] = Decoder(compiled(schema, name))
        return self._decoders[key]

    def _schema(self, version: str, name: str) -> dict[str, Any] | None:
        # Names may become file names further down.
        text = self._read(version, name) if name.isascii() and name.isalnum() and len(name) <= NAME_MOST else None
        return None if text is None else self._json.decode(text.removeprefix(BOM))

    def _members(self, version: str, name: str) -> frozenset[str]:
        """Every member that the schema names; read again, as problems are rare and memory is not."""
        found: set[str] = set()
        left: list[Any] = [self._schema(version, name)]
        while left:
            node = left.pop()
            if isinstance(node, dict):
                properties = node.get("properties")
                if isinstance(properties, dict):
                    found.update(properties)
                left.extend(node.values())
        return frozenset(found)


def compiled(schema: dict[str, Any], name: str) -> Any:
    """The type that keeps *schema*: the subset of JSON schema that OCPP uses."""
    definitions: dict[str, Any] = schema.get("definitions", {})
    made: dict[str, Any] = {}

    def kind(node: dict[str, Any], called: str) -> Any:
        reference = node.get("$ref")
        if reference is not None:
            target = reference.rsplit("/", 1)[1]
            if target not in made:
                made[target] = kind(definitions[target], target)
            return made[target]
        if "enum" in node:
            return Literal[tuple(node["enum"])]
        match node.get("type"):
            case "string":
                return _limited(str, max_length=node.get("maxLength"), min_length=node.get("minLength"))
            case "integer":
                return _limited(int, ge=_whole(node.get("minimum"), INT64[0]), le=_whole(node.get("maximum"), INT64[1]))
            case "number":
                return _limited(float, ge=node.get("minimum"), le=node.get("maximum"))
            case "boolean":
                return bool
            case "array":
                items = kind(node["items"], called + "_") if "items" in node else Any
                return _limited(list[items], min_length=node.get("minItems"), max_length=node.get("maxItems"))  # type: ignore[valid-type]
            case "object":
                return _struct(node, called, kind)
            case _:
                return Any

    return kind(schema, name)


def find_integers(schema: dict[str, Any]) -> Any:
    """Where *schema* has integers: True for one, a dict for an object with some in its members, a list of one for an array of them, None for none."""
    definitions: dict[str, Any] = schema.get("definitions", {})
    found: dict[str, Any] = {}

    def places(node: dict[str, Any]) -> Any:
        reference = node.get("$ref")
        if reference is not None:
            target = reference.rsplit("/", 1)[1]
            if target not in found:
                found[target] = places(definitions[target])
            return found[target]
        match node.get("type"):
            case "integer":
                return True
            case "array":
                items = places(node.get("items", {}))
                return None if items is None else [items]
            case _:
                members = {name: places(member) for name, member in node.get("properties", {}).items()}
                return {name: place for name, place in members.items() if place is not None} or None

    return places(schema)


def _replace_whole_numbers(value: Any, places: Any) -> Any:
    """*value* with what stands where *places* has an integer as an int, if it is whole; the same object where nothing changes."""
    if places is True and isinstance(value, Raw):
        integer = parse_whole_number(bytes(value).decode())
        return value if integer is None else integer
    if isinstance(places, list) and isinstance(value, list):
        made = [_replace_whole_numbers(one, places[0]) for one in value]
        return made if any(new is not old for new, old in zip(made, value, strict=True)) else value
    if isinstance(places, dict) and isinstance(value, dict):
        changed = {}
        for name, place in places.items():
            if name in value:
                new = _replace_whole_numbers(value[name], place)
                if new is not value[name]:
                    changed[name] = new
        return {**value, **changed} if changed else value
    return value


def _whole(value: float | None, default: int) -> int:
    return default if value is None else int(value)


def _limited(base: Any, **limits: Any) -> Any:
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return Annotated[base, Meta(**given)] if given else base


def _struct(node: dict[str, Any], called: str, kind: Callable[[dict[str, Any], str], Any]) -> Any:
    required = set(node.get("required", ()))
    fields: list[Any] = []
    renamed: dict[str, str] = {}
    for name, member in node.get("properties", {}).items():
        field = re.sub(r"\W", "_", name)
        field = f"{field}_" if iskeyword(field) else field
        if field != name:
            renamed[field] = name
        of = kind(member, f"{called}_{field}")
        fields.append((field, of) if name in required else (field, Union[of, UnsetType], UNSET))  # noqa: UP007 (made at run time)
    closed = node.get("additionalProperties", True) is False
    if not fields and not closed:
        return dict[str, Any]
    return defstruct(
        called,
        sorted(fields, key=len),
        forbid_unknown_fields=closed,
        rename=renamed or None,
        kw_only=True,
        gc=False,
    )


# Patterns for problems only: compiled on first use.
_POINT_OR_EXPONENT = rb"[0-9][.eE]"
_QUOTED = r"`([^`]*)`"
_WHERE = r"(?a) - at `(?:key in )?(\$(?:\.\w+|\[[0-9]+\]|\[\.\.\.\])*)`$"
_STEP = r"(?a)\.(\w+)"
_CAMEL = r"[a-z][A-Za-z_]{0,39}"

TYPES = {
    "str": "a text",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "an object",
}


def explain(text: str, members: frozenset[str]) -> Problem:
    """The OCPP error code for what the validator said, in a text of our own.

    *members* are the names that the schema knows.  The validator quotes the name of an unknown member and an unknown enum value as the peer wrote
    them, so nothing of its text is taken over but what is known to come from the schema.
    """
    found = re.search(_WHERE, text)
    path = found[1] if found is not None and members.issuperset(re.findall(_STEP, found[1])) else "$"
    if text.startswith("Object contains unknown field"):
        # A path behind a name that holds a backtick may be the peer's invention: then only the message is named.
        plain = text.count("`") == (4 if found is not None else 2)
        name = re.findall(_QUOTED, text)[0] if plain else ""
        path = path if plain else "$"
        # The likeliest cause is a slip of spelling, which its author finds sooner by name; what does not look like a name might be a value.
        member = f"{name} is not known here" if re.fullmatch(_CAMEL, name) else "has a member that is not known here"
        return Problem("FormatViolation", f"{path}: {member}", path)
    if text.startswith("Invalid enum value"):
        return Problem("PropertyConstraintViolation", f"{path}: is none of the allowed values", path)
    said = text[: found.start()] if found is not None else text
    quoted = re.findall(_QUOTED, said)
    if text.startswith("Object missing required field"):
        return Problem("OccurrenceConstraintViolation", f"{path}.{quoted[0]}: missing", f"{path}.{quoted[0]}")
    if "of length" in said:
        rule = _rule(said)
        if quoted and quoted[0] == "array":
            return Problem("OccurrenceConstraintViolation", f"{path}: must have {rule} elements", path)
        return Problem("PropertyConstraintViolation", f"{path}: must have {rule} characters", path)
    if ">=" in said or "<=" in said:
        return Problem("PropertyConstraintViolation", f"{path}: must be {_rule(said)}", path)
    if text.startswith("Number out of range"):
        return Problem("PropertyConstraintViolation", f"{path}: must fit 64 bits", path)
    if said.startswith("Expected") and quoted:
        expected = quoted[0].split(" | ")[0]
        return Problem("TypeConstraintViolation", f"{path}: must be {TYPES.get(expected, 'of another type')}", path)
    return Problem("FormatViolation", f"{path}: breaks its schema", path)


def _rule(said: str) -> str:
    """``>= 1`` of "Expected `array` of length >= 1"."""
    found = re.search(r"[<>]= -?[0-9.]+", said)
    return found[0] if found is not None else "another number of"
