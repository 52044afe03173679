"""The test cases of OCPP 2.0.1 Part 6 for charging stations, with the profile and the condition that Part 5 gives each.

Law: every case stands here, built or not, so that no report can leave one out.  A case does not apply only where its condition is not met by what the
station says that it has; what it has yet to get decides nothing.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import NamedTuple

from engine.errors import SetupFault

HERE = Path(__file__).parent


class Listed(NamedTuple):
    """A test case.  *condition* is empty where it applies to every station: ``C-49 and (C-30 or C-31)``, features of Part 5."""

    case_id: str
    name: str
    profiles: tuple[str, ...]
    conformance: str
    condition: str
    use_cases: tuple[str, ...]
    requirements: tuple[str, ...]

    @property
    def block(self) -> str:
        """The functional block: ``B``."""
        return self.case_id[3]


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split(";") if part)


def _listed() -> dict[str, Listed]:
    with (HERE / "catalogue.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["id"]: Listed(
                row["id"],
                row["name"],
                _parts(row["profiles"]),
                row["conformance"],
                row["condition"],
                _parts(row["use_cases"]),
                _parts(row["requirements"]),
            )
            for row in csv.DictReader(file)
        }


CATALOGUE = _listed()

YES, NO, LATER = "yes", "no", "later"
"""Whether a station has a feature; *later*: not yet, so cases about it count as open, and those for stations without it are tried meanwhile."""

Truth = bool | None
"""Whether something is so; None where a feature that is to come decides it."""


def features_of(path: Path | None) -> dict[str, str]:
    """Feature of Part 5 -> yes, no, later or a number, of the station that *path* describes as a JSON object; of stationd where it is None."""
    if path is None:
        with (HERE / "features.csv").open(encoding="utf-8", newline="") as file:
            return {row["feature"]: row["value"] for row in csv.DictReader(file)}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupFault(f'{path}: cannot be read as JSON ({error}); right would be an object such as {{"C-49": "no", "HFS-8": 2}}') from error
    if not isinstance(found, dict):
        raise SetupFault(f'{path}: is no object; right would be one such as {{"C-49": "no", "HFS-8": 2}}')
    wrong = [name for name, value in found.items() if not (value in (YES, NO, LATER) or (type(value) is int and value >= 0))]
    if wrong:
        raise SetupFault(f"{path}: {wrong[0]}: right would be {YES}, {NO}, {LATER} or a number")
    ours = features_of(None)
    unknown = sorted(found.keys() - ours.keys() - {word for listed in CATALOGUE.values() for word in _WORD.findall(listed.condition)})
    if unknown:
        raise SetupFault(f"{path}: {unknown[0]}: is no feature of Part 5 that a condition asks for; conformance/features.csv lists them")
    return {**ours, **{name: str(value) for name, value in found.items()}}


_WORD = re.compile(r"\s*(\(|\)|>|[A-Za-z0-9][A-Za-z0-9/.\-]*)")


class _Reader:
    """``a and (not b or c > 1)``, by recursive descent; ``and`` binds tighter than ``or``."""

    def __init__(self, text: str, features: dict[str, str]) -> None:
        self.words = _WORD.findall(text)
        self.features = features

    def next(self) -> str:
        return self.words[0] if self.words else ""

    def take(self) -> str:
        return self.words.pop(0) if self.words else ""

    def either(self) -> Truth:
        found = self.both()
        while self.next() == "or":
            self.take()
            found = _negated(_both(_negated(found), _negated(self.both())))
        return found

    def both(self) -> Truth:
        found = self.one()
        while self.next() == "and":
            self.take()
            found = _both(found, self.one())
        return found

    def one(self) -> Truth:
        word = self.take()
        if word == "not":
            return _negated(self.one())
        if word == "(":
            found = self.either()
            if self.take() != ")":
                raise ValueError("a bracket is not closed")
            return found
        value = self.features.get(word)
        if value is None:
            # C-40 stands for whatever begins with C-40.
            parts = {self.features[name] for name in self.features if name.startswith(f"{word}.")}
            value = YES if YES in parts else LATER if LATER in parts else NO
        if self.next() == ">":
            self.take()
            least = int(self.take())
            return None if value == LATER else int(value if value.isdigit() else 0) > least
        if value == LATER:
            return None
        return value == YES or (value.isdigit() and int(value) > 0)


def _both(one: Truth, other: Truth) -> Truth:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _negated(one: Truth) -> Truth:
    return None if one is None else not one


def holds(condition: str, features: dict[str, str]) -> Truth:
    """Whether *condition* is met by a station with *features*; None where what it is to have decides.  Raises ValueError where it cannot be read."""
    reader = _Reader(condition, features)
    found = reader.either()
    if reader.words:
        raise ValueError(f"{condition!r} cannot be read from {reader.words[0]!r} on")
    return found


def unmet(listed: Listed, features: dict[str, str]) -> str:
    """The condition that a station does not meet, whatever comes of what it is to have; empty where the case applies to it, or may yet."""
    return listed.condition if listed.condition and holds(listed.condition, features) is False else ""


def promised(listed: Listed, features: dict[str, str]) -> bool:
    """Whether a case is only about what a station is to have: without it, the condition is not met."""
    without = {name: NO if value == LATER else value for name, value in features.items()}
    return bool(listed.condition) and holds(listed.condition, without) is False


def undecided(condition: str, features: dict[str, str]) -> list[str]:
    """The features of a condition that a station is to have."""
    return sorted({word for word in _WORD.findall(condition) if features.get(word) == LATER})
