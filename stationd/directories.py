"""Generated directories of component files, loaded and held against what an examiner says of them: ``stationd campaign files``.

Law: nothing that may not stand is taken, nothing that may is refused, every complaint names its place, and no secret is in any of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from component_config.complaints import Complaint
from component_config.load import ConfigFault, Loaded, load
from sim.directories import SECRET, Directory, directory
from sim.examiner import Declaration, Verdict, examine
from wire.declared import Declared

Progress = Callable[[int, int, int], None]
"""Called with how many are done, of how many, and how many of them went wrong."""


class Outcome:
    """What came of some directories."""

    def __init__(self) -> None:
        self.directories = 0
        self.taken = 0
        self.refused = 0
        self.complaints = 0
        self.declared = 0
        self.broken: list[str] = []

    def lines(self) -> Iterator[str]:
        """For people."""
        yield (
            f"{self.directories} directories: {self.taken} taken with {self.declared} attributes, {self.refused} refused with {self.complaints} "
            f"complaints, {len(self.broken)} judged wrongly"
        )
        for what in self.broken[:20]:
            yield f"  {what}"


def run_directories(count: int, seed: int, *, progress: Progress | None = None) -> Outcome:
    """Load *count* directories, from *seed* on; each has a seed of its own."""
    outcome = Outcome()
    for number in range(seed, seed + count):
        for wrong in tried(directory(Random(number)), outcome):
            outcome.broken.append(f"seed {number}: {wrong}\n    again with: stationd campaign files --seed {number} --count 1")
        if progress is not None:
            progress(outcome.directories, count, len(outcome.broken))
    return outcome


def tried(made: Directory, outcome: Outcome) -> list[str]:
    """Load a directory, twice; returns what is wrong with what came of it."""
    verdict = examine(made)
    with tempfile.TemporaryDirectory(prefix="stationd-files-") as root:
        for name, raw in made.items():
            path = Path(root) / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(raw)
        first, kept = _loaded(Path(root))
        again, _ = _loaded(Path(root))
    outcome.directories += 1
    wrong = [] if first == again else ["the second time another result than the first"]
    if isinstance(first, Exception):
        return [*wrong, f"raised {first!r}"]
    if isinstance(first, Loaded):
        outcome.taken += 1
        outcome.declared += len(first.declarations)
        return wrong + list(_taken(first, kept, verdict))
    outcome.refused += 1
    outcome.complaints += len(first)
    return wrong + list(_refused(first, kept, verdict))


def _loaded(root: Path) -> tuple[Loaded | tuple[Complaint, ...] | Exception, list[str]]:
    """What the loader makes of it, with the secrets that it put away: declarations, all complaints, or what it never may, an exception."""
    kept: list[str] = []

    def keep(text: str, kind: str) -> str:
        kept.append(text)
        return f"<{kind} {len(kept)}>"

    try:
        return load([root], keep, ()), kept
    except ConfigFault as fault:
        return (*fault.complaints, *fault.warnings), kept
    except Exception as error:  # noqa: BLE001 (that is what is looked for)
        return error, kept


def _refused(complaints: tuple[Complaint, ...], kept: list[str], verdict: Verdict) -> Iterator[str]:
    if not verdict.faults:
        yield f"refused without a fault: {complaints[0]}"
        return
    yield from _said([line for line in complaints if line.kind.fatal], _places(verdict.faults), verdict)
    # What else is wrong with a variable that cannot be read is not always told.
    everywhere = _places(verdict.faults | verdict.doubts)
    yield from (f"said of what is well: {line}" for line in complaints if not any(_is_at(line, place) for place in everywhere))
    if kept:
        yield "a secret of what was refused put away"


def _places(found: Iterable[tuple[str, str]]) -> list[str]:
    return sorted({f"{file}: {where}" if where else file for file, where in found})


def _said(lines: Sequence[Complaint], places: list[str], verdict: Verdict) -> Iterator[str]:
    """What is wrong with the complaints about *places*, one or more for each and none for any other."""
    for place in places:
        if not any(_is_at(line, place) for line in lines):
            yield f"nothing said of {place!a}"
    for line in lines:
        if not any(_is_at(line, place) for place in places):
            yield f"said of what is well: {line}"
        if not line.isprintable():
            yield f"not one printable line: {line!a}"
        if SECRET in line and verdict.marked:
            yield "a secret in a complaint"


def _is_at(line: str, place: str) -> bool:
    """Whether a complaint is about a place; of another attribute than the actual one it says which."""
    file, _, where = place.partition(": ")
    where = where if where.isprintable() else ascii(where)
    place = f"{file}: {where}" if where else file
    return line.startswith(f"{place}: ") or (
        line.startswith(f"{place} (") and line[len(place) :].partition(")")[0][2:] in ("MaxSet", "MinSet", "Target")
    )


def _taken(loaded: Loaded, kept: list[str], verdict: Verdict) -> Iterator[str]:
    if verdict.faults:
        yield f"taken with a fault at {min(verdict.faults)}"
        return
    yield from _said(loaded.warnings, _places(verdict.doubts), verdict)
    if SECRET in repr(loaded) and verdict.marked:
        yield "a secret in what is declared"
    if sorted(kept) != sorted(d.value or "" for d in verdict.declarations if d.secret):
        yield f"put away {len(kept)} texts, not those that are secrets"
    if len(loaded.declarations) != len(verdict.declarations):
        yield f"{len(loaded.declarations)} attributes declared, not {len(verdict.declarations)}"
        return
    for declared, right in zip(loaded.declarations, verdict.declarations, strict=True):
        if not _is(declared, right):
            yield f"declared {declared}, not {right}"


def _is(declared: Declared, right: Declaration) -> bool:
    """Whether a declaration is what it has to be."""
    found: tuple[Any, ...] = (
        (declared.component, declared.component_instance, declared.evse_id, declared.connector_id), (declared.variable, declared.variable_instance),
        declared.attribute, declared.data_type, declared.mutability, _limit(declared.min_limit), _limit(declared.max_limit), declared.values_list,
        (declared.unit, declared.persistent, declared.constant, declared.supports_monitoring, declared.required, declared.honoured, declared.policy,
         declared.reboot),
        (declared.source, declared.pinned, declared.base),
    )  # fmt: skip
    expected = (
        right.component, right.variable, right.attribute, right.data_type, right.mutability, *right.limits, right.values_list, right.others,
        (right.source, right.pinned, right.base),
    )  # fmt: skip
    if found != expected:
        return False
    if right.secret:
        return (declared.value or "").startswith("<secret ")
    if right.data_type == "decimal" and right.value is not None and declared.value is not None:
        return Decimal(declared.value) == Decimal(right.value)
    return declared.value == right.value


def _limit(text: str) -> Decimal | None:
    return Decimal(text) if text else None
