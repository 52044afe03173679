"""What becomes of every optional member of the CSMS's answers.

Law: the table of docs/response_members.md has a row for each one, and no other row.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire.samples import read

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "response_members.md").read_text()
ROW = re.compile(r"^\| (\w+) \| `([\w.]+)` \| (handled|open|no use): \S.*\|$", re.MULTILINE)
ROWS = {(action, member) for action, member, _ in ROW.findall(DOCUMENT)}
NO_USE = "customData"


def actions() -> set[str]:
    """The messages that machines have said: the third argument of ``ask``, and what they call Notify..., because reports hand that on."""
    found: set[str] = set()
    for path in (ROOT / "machines").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ask" and isinstance(node.args[2], ast.Constant):
                found.add(str(node.args[2].value))
            elif isinstance(node, ast.Constant) and re.fullmatch(r"Notify[A-Z]\w+", str(node.value)):
                found.add(str(node.value))
    assert all(read("2.1", action + "Response") for action in found)
    return found


def optional(action: str, version: str) -> Iterator[str]:
    """Paths of the optional members of an answer, those of a required object among them, and those of an optional one that the table goes into."""
    schema = json.loads((read(version, action + "Response") or b"{}").removeprefix(b"\xef\xbb\xbf"))

    def walk(it: dict[str, Any], path: str) -> Iterator[str]:
        required = it.get("required", ())
        for name, told in it.get("properties", {}).items():
            if name == NO_USE:
                continue
            member = schema["definitions"][told["$ref"].rsplit("/", 1)[1]] if "$ref" in told else told
            if name not in required:
                yield path + name
            if name in required or any(one == action and row.startswith(f"{path}{name}.") for one, row in ROWS):
                yield from walk(member, f"{path}{name}.")

    return walk(schema, "")


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_every_optional_member_has_its_row(version: str) -> None:
    """Else the CSMS says something that the station drops, and nobody knows that it does."""
    said = {(action, member) for action in actions() for member in optional(action, version)}
    assert sorted(said - ROWS) == []


def test_every_row_is_of_a_member_that_exists() -> None:
    """Else the document promises what no CSMS can say."""
    said = {(action, member) for version in ("2.0.1", "2.1") for action in actions() for member in optional(action, version)}
    assert sorted(ROWS - said) == []
    assert len(ROWS) == DOCUMENT.count("\n| ") - 1


def test_the_answers_without_optional_members_are_named() -> None:
    """Else a message that is new here is forgotten in the document."""
    bare = {action for action in actions() if not any(action == one for one, _ in ROWS)}
    [sentence] = re.findall(r"The answers to ([\w\s,]+) have no optional", DOCUMENT)
    assert set(re.findall(r"\b[A-Z]\w+", sentence)) == bare
