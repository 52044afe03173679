"""Whether a payload keeps its schema.

Law: the verdict is that of OCPP's JSON schemas, made by types that are built from them on first use; a problem is told by path and rule, and never
shows a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from keyword import iskeyword
from typing import Annotated, Any, Literal, Union

from attrs import frozen
from msgspec import UNSET, DecodeError, Meta, UnsetType, ValidationError, defstruct
from msgspec.json import Decoder

Read = Callable[[str, str], bytes | None]
"""(version, schema name such as ``SetVariablesRequest``) -> the schema's text, None where the version has no such message."""


@frozen
class Problem:
    """A broken rule: OCPP's error code, a text without values, and where."""

    code: str
    description: str
    path: str


class Schemas:
    """Verdicts, by version and message."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._json: Decoder[Any] = Decoder()
        self._decoders: dict[tuple[str, str], Decoder[Any] | None] = {}

    def knows(self, version: str, name: str) -> bool:
        """Whether the version has a message of that name."""
        return self._decoder(version, name) is not None

    def verdict(self, version: str, name: str, payload: bytes) -> Problem | None:
        """What is wrong with *payload*; None where nothing is, or where the version has no such message."""
        decoder = self._decoder(version, name)
        if decoder is None:
            return None
        try:
            decoder.decode(payload)
        except ValidationError as error:
            return explain(str(error))
        except (DecodeError, RecursionError, ValueError):
            return Problem("FormatViolation", "$: not valid JSON", "$")
        return None

    def _decoder(self, version: str, name: str) -> Decoder[Any] | None:
        key = (version, name)
        if key not in self._decoders:
            text = self._read(version, name) if name.isalnum() else None
            self._decoders[key] = None if text is None else Decoder(compiled(self._json.decode(text.removeprefix(b"\xef\xbb\xbf")), name))
        return self._decoders[key]


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
                return _limited(int, ge=_whole(node.get("minimum")), le=_whole(node.get("maximum")))
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


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


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
    if not fields:
        return dict[str, Any]
    return defstruct(
        called,
        sorted(fields, key=len),
        forbid_unknown_fields=node.get("additionalProperties", True) is False,
        rename=renamed or None,
        kw_only=True,
        gc=False,
    )


_FIELD = re.compile(r"`([^`]*)`")


def explain(text: str) -> Problem:
    """The OCPP error code for what the validator said, in a text of our own."""
    said, _, where = text.partition(" - at `")
    path = where.rstrip("`") or "$"
    names = _FIELD.findall(said)
    if said.startswith("Object missing required field"):
        return Problem("OccurrenceConstraintViolation", f"{path}.{names[0]}: missing", f"{path}.{names[0]}")
    if said.startswith("Object contains unknown field"):
        return Problem("FormatViolation", f"{path}: has a member that the schema does not know", path)
    if said.startswith("Invalid enum value"):
        return Problem("PropertyConstraintViolation", f"{path}: is none of the allowed values", path)
    if "of length" in said:
        if names and names[0] == "array":
            return Problem("OccurrenceConstraintViolation", f"{path}: holds too few or too many elements ({_rule(said)})", path)
        return Problem("PropertyConstraintViolation", f"{path}: is too long or too short ({_rule(said)})", path)
    if ">=" in said or "<=" in said:
        return Problem("PropertyConstraintViolation", f"{path}: is out of range ({_rule(said)})", path)
    if said.startswith("Expected"):
        expected = names[0].split(" | ")[0] if names else "another type"
        return Problem("TypeConstraintViolation", f"{path}: must be {TYPES.get(expected, expected)}", path)
    return Problem("FormatViolation", f"{path}: breaks its schema", path)


TYPES = {"str": "a text", "int": "an integer", "float": "a number", "bool": "true or false", "array": "an array", "object": "an object"}


def _rule(said: str) -> str:
    return said.replace("Expected ", "").replace("`", "").strip()
