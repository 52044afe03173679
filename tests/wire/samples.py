"""Payloads made from OCPP's JSON schemas: valid ones, and ones with something broken.

Law: the same seed gives the same payloads; the schemas are those of the ``ocpp`` package, read as files.
"""

from __future__ import annotations

import copy
import json
import random
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDERS = {"2.0.1": "v201", "2.1": "v21"}
DATE_TIME = "2026-01-02T03:04:05.678Z"
LETTERS = 'abcXYZ019 -_.:éß漢🔌"\\/\n'


@cache
def root() -> Path:
    """Where the ``ocpp`` package lies."""
    spec = find_spec("ocpp")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0])


def read(version: str, name: str) -> bytes | None:
    """What the composition root gives to ``Schemas``."""
    path = root() / FOLDERS[version] / "schemas" / f"{name}.json"
    return path.read_bytes() if path.is_file() else None


@cache
def schema(version: str, name: str) -> dict[str, Any]:
    """One schema."""
    text = read(version, name)
    assert text is not None, (version, name)
    found: dict[str, Any] = json.loads(text.decode("utf-8-sig"))
    return found


@cache
def schema_names(version: str) -> tuple[str, ...]:
    """Every message of a version, such as ``ResetRequest``."""
    return tuple(sorted(path.stem for path in (root() / FOLDERS[version] / "schemas").glob("*.json")))


def resolved(whole: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """*node*, or what it refers to."""
    while "$ref" in node:
        node = whole["definitions"][node["$ref"].rsplit("/", 1)[1]]
    return node


class Maker:
    """Valid payloads by chance: *full* is how likely an optional member is there."""

    def __init__(self, seed: int, *, full: float = 0.5, keep_texts_short: bool = False) -> None:
        self.rng = random.Random(seed)
        self.full = full
        self.short = keep_texts_short

    def payload(self, version: str, name: str) -> dict[str, Any]:
        """One valid payload."""
        whole = schema(version, name)
        made: dict[str, Any] = self._value(whole, whole, 0)
        return made

    def _value(self, whole: dict[str, Any], node: dict[str, Any], depth: int) -> Any:
        node = resolved(whole, node)
        if "enum" in node:
            return self.rng.choice(node["enum"])
        match node.get("type"):
            case "string":
                return DATE_TIME if node.get("format") == "date-time" else self._string(node)
            case "integer":
                low, high = int(node.get("minimum", -5)), int(node.get("maximum", 1000))
                return self.rng.choice((low, high, self.rng.randint(low, high)))
            case "number":
                low, high = node.get("minimum", -5.0), node.get("maximum", 1000.0)
                return self.rng.choice((low, int(low), high, round(self.rng.uniform(low, high), 3)))
            case "boolean":
                return self.rng.random() < 0.5
            case "array":
                least = int(node.get("minItems", 0))
                most = min(int(node.get("maxItems", least + 2)), least + 2)
                return [self._value(whole, node["items"], depth + 1) for _ in range(self.rng.randint(least, most))]
            case _:
                return self._object(whole, node, depth)

    def _object(self, whole: dict[str, Any], node: dict[str, Any], depth: int) -> dict[str, Any]:
        made = {}
        required = set(node.get("required", ()))
        for name, member in node.get("properties", {}).items():
            if name in required or self.rng.random() < self.full * 0.85**depth:
                made[name] = self._value(whole, member, depth + 1)
        if not node.get("properties") or (node.get("additionalProperties", True) is True and self.rng.random() < self.full):
            made["anything"] = self.rng.choice((None, 1, "x", [1, {"y": 2.5}], {"z": []}))
        return made

    def _string(self, node: dict[str, Any]) -> str:
        most = int(node.get("maxLength", 40))
        size = self.rng.choice((0, 1, min(most, 8), min(most, 8)) + (() if self.short else (most,)))
        return "".join(self.rng.choice(LETTERS) for _ in range(size))


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [at]
    if isinstance(value, dict):
        for name, member in value.items():
            found += places(member, (*at, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            found += places(member, (*at, index))
    return found


WRONG: tuple[Any, ...] = (
    None, True, False, 0, -1, 7, 1.5, 1.0, -0.0, 1e30, 10**12, "", "x", "x" * 60, "x" * 12000, "Accepted", [], [1], {}, {"a": 1}, [[]], [None] * 5
)  # fmt: skip


def mutant(payload: dict[str, Any], rng: random.Random) -> Any:
    """*payload* with one thing changed: a member gone, added, renamed, of another type or value; an array shorter or longer."""
    made = copy.deepcopy(payload)
    at = rng.choice(places(made))
    if not at:
        if rng.random() < 0.1:
            return rng.choice(WRONG)
        made[rng.choice(("unknown", "customdata", "évse"))] = rng.choice(WRONG)
        return made
    holder: Any = made
    for step in at[:-1]:
        holder = holder[step]
    last = at[-1]
    match rng.randrange(5):
        case 0:
            del holder[last]
        case 1 if isinstance(holder, dict):
            holder[str(last) + rng.choice(("_", "s"))] = holder.pop(last)
        case 2 if isinstance(holder[last], list):
            holder[last] = holder[last] * rng.choice((0, 2, 1025))
        case 3 if isinstance(holder[last], dict):
            holder[last]["unknown"] = rng.choice(WRONG)
        case _:
            holder[last] = copy.deepcopy(rng.choice(WRONG))
    return made
