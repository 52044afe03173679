"""Records keep the shape that they were released with, or say by a version how to get from the old one to the new.

Law: tests/engine/shapes.txt is what rows out there look like; it is written when a release is recorded, and never to make a test pass.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import machines.station  # noqa: F401 (so that every record is there)
from engine.records import UPCASTS
from tests.fossils.shapes import read, shapes, version_of

GOLDEN = Path(__file__).parent / "shapes.txt"
REMEDY = (
    "if that version was released: raise version= in @record or @state, and carry the old fields up with @upcast(kind, version, count=...); "
    "if it never was: record the release again (python -m tests.fossils.make)"
)


def complaints(recorded: dict[str, str], now: dict[str, str]) -> list[str]:
    """What no row of the recorded shapes could be read with any more; empty where all can."""
    found = []
    for name, line in recorded.items():
        what, kind = name.split()
        here = now.get(name)
        if here is None:
            found.append(f"{name} ({line}) is gone, and journals hold it: keep the class and its folds; a number is never given up")
        elif what == "enum":
            lost = sorted(set(line.split()[1:]) - set(here.split()[1:]))
            if lost:
                found.append(
                    f"{name}: {here.split()[0]} has lost {', '.join(lost)}, which closing snapshots hold: keep the old name as an alias of the new"
                )
        elif version_of(here) < version_of(line) or (version_of(here) == version_of(line) and here != line):
            found.append(f"{name} has changed:\n  it was {line}\n  it is  {here}\n  {REMEDY}")
        else:
            missing = [version for version in range(version_of(line), version_of(here)) if (int(kind), version) not in UPCASTS]
            found += [f"{name} has no way up from version {version}: declare @upcast({kind}, {version}, count=...)" for version in missing]
    return found


def test_what_was_released_can_be_read() -> None:
    """If this failed, journals that are out there would be read wrongly, or not at all, by this build."""
    found = complaints(read(GOLDEN.read_text()), shapes())
    assert not found, "\n".join(found)


BEFORE = {"record 64000": "v1 Old(n: int, text: str = '')", "enum 64001": "Phase IDLE BUSY"}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"record 64000": "v1 Old(n: int, text: str = '', more: int = 0)"}, "raise version="),
        ({"record 64000": "v1 Old(text: str = '', n: int)"}, "raise version="),
        ({"record 64000": "v1 Old(n: int, text: str = 'x')"}, "raise version="),
        ({"record 64000": "v1 Renamed(n: int, text: str = '')"}, "raise version="),
        ({"record 64000": "v2 Old(n: int)"}, "no way up from version 1"),
        ({"enum 64001": "Phase IDLE DONE"}, "has lost BUSY"),
        ({"record 64000": ""}, "is gone"),
    ],
)
def test_a_changed_shape_is_found_and_the_remedy_told(now: dict[str, str], said: str) -> None:
    """If this failed, the guard would let the change through that it is there for."""
    after = {name: line for name, line in {**BEFORE, **now}.items() if line}
    (found,) = complaints(BEFORE, after)
    assert said in found


def test_what_grows_by_the_rules_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, nobody could add a record, a member or a version."""
    monkeypatch.setitem(UPCASTS, (64_000, 1), lambda fields: fields)
    after = {"record 64000": "v2 Old(n: int, text: str = '', more: int = 0)", "enum 64001": "Phase IDLE WAITING BUSY", "record 64002": "v1 New()"}
    assert complaints(BEFORE, after) == []


def test_a_line_says_all_that_a_row_is_read_with() -> None:
    """If this failed, a changed default, type or member would change the meaning of rows without anybody's notice."""
    here = shapes()
    assert here["record 34"] == "v1 Stopping(reason: str)"
    assert here["record 41"] == "v1 LinkDown(link: int, reason: str, detail: str = '')"
    assert here["record 324"].endswith("asking: dict[int, Asking] = (made), waited: int = 0)")
    assert here["enum 167"] == "Phase SILENT ASKING PENDING REJECTED ACCEPTED"
