"""How good the cases are: the station is made worse in ways that are listed, one at a time, and somebody has to notice.

Law: the list is fixed; a mutant is judged by the cases as they are, and one that nobody notices is told with the others.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from conformance.case import CASES
from conformance.catalogue import CATALOGUE
from conformance.run import MakeBench, finished, run
from conformance.sim_bench import SimBench, Tamper, untouched
from conformance.station import shipped_config
from conformance.trial import Settings
from conformance.verdict import Result, Verdict
from wire.schemas import Schemas

Payload = dict[str, Any]
OPERATIONS = ("add", "drop", "keep", "lose", "refuse", "set", "twice")


class Mutant(NamedTuple):
    """One way to be worse: what leaves the station is not what it meant to say.

    *kind* of a frame and its *action*; *operation*: ``lose`` the frame, send it ``twice``, ``refuse`` with the code *value*, ``drop`` the member at
    *path*, ``set`` it to the JSON *value*, ``add`` *value* to it, ``keep`` so many elements of the list.  A path goes by dots, ``[]`` is every
    element.  *where* are ``path=value`` pairs that have to hold.
    """

    mutant_id: str
    kind: str
    action: str
    operation: str
    path: str
    value: str
    where: str
    what: str


def listed() -> tuple[Mutant, ...]:
    """The list, in its order."""
    with (Path(__file__).parent / "mutants.csv").open(encoding="utf-8", newline="") as file:
        return tuple(Mutant(*row) for row in list(csv.reader(file))[1:])


def _conditions(text: str) -> list[tuple[list[str], str]]:
    return [(path.split("."), value) for path, _, value in (one.partition("=") for one in text.split(",") if one)]


def _at(node: Any, path: Sequence[str]) -> Any:
    for part in path:
        node = node.get(part) if isinstance(node, dict) else None
    return node


def changed(payload: Payload, mutant: Mutant) -> bool:
    """Do to *payload* what the mutant does to a member; whether there was such a member, and *where* held."""
    return _changed(payload, mutant.path.split("."), _conditions(mutant.where), mutant)


def _changed(node: Any, path: list[str], conditions: list[tuple[list[str], str]], mutant: Mutant) -> bool:
    inner = [(where, value) for where, value in conditions if where[0].endswith("[]")]
    here = [(where, value) for where, value in conditions if not where[0].endswith("[]")]
    if not isinstance(node, dict) or any(str(_at(node, where)) != value for where, value in here):
        return False
    first, rest = path[0], path[1:]
    if first.endswith("[]"):
        name = first.removesuffix("[]")
        below = [(where[1:], value) for where, value in inner if where[0] == first]
        return any([_changed(one, rest, below, mutant) for one in node.get(name, ())])  # noqa: C419 (every element, not the first)
    if rest:
        below = [(where[1:], value) for where, value in inner if where[0] == first]
        return _changed(node.get(first), rest, below, mutant)
    return _member(node, first, mutant)


def _member(node: Payload, name: str, mutant: Mutant) -> bool:
    before = node.get(name)
    match mutant.operation:
        case "drop" if name in node:
            del node[name]
        case "set":
            node[name] = json.loads(mutant.value)
        case "add" if isinstance(before, int | float):
            node[name] = before + int(mutant.value)
        case "keep" if isinstance(before, list):
            node[name] = before[: int(mutant.value)]
        case _:
            return False
    return node.get(name) != before


def holds(payload: Payload, where: str) -> bool:
    """Whether the conditions of a mutant about a whole frame hold."""
    return all(str(_at(payload, path)) == value for path, value in _conditions(where))


def tamper(mutant: Mutant) -> Tamper:
    """The station, but for one thing."""

    def worse(kind: str, action: str, payload: Payload) -> list[tuple[str, str, Payload]]:
        if (kind, action) != (mutant.kind, mutant.action):
            return untouched(kind, action, payload)
        match mutant.operation:
            case "lose":
                return [] if holds(payload, mutant.where) else untouched(kind, action, payload)
            case "twice":
                return [(kind, action, payload), (kind, action, payload)]
            case "refuse":
                return [("error", action, {"code": mutant.value})]
            case _:
                changed(payload, mutant)
                return [(kind, action, payload)]

    return worse


class Judged(NamedTuple):
    """A mutant, the cases that noticed it, and how many of those that could have were asked until one did."""

    mutant: Mutant
    noticed_by: tuple[str, ...]
    asked: int


class Mutated(NamedTuple):
    """What came of all mutants.  *idle* are the cases that noticed none."""

    judged: tuple[Judged, ...]
    idle: tuple[str, ...]

    @property
    def killed(self) -> int:
        """How many were noticed."""
        return sum(bool(one.noticed_by) for one in self.judged)

    def lines(self) -> Iterator[str]:
        """For people."""
        for one in self.judged:
            if not one.noticed_by:
                yield f"{one.mutant.mutant_id} {one.mutant.action}: {one.mutant.what}: noticed by nobody ({one.asked} cases asked)"
        if self.idle:
            yield f"cases that noticed no mutant: {', '.join(self.idle)}"
        yield f"{self.killed} of {len(self.judged)} mutants noticed ({100 * self.killed / max(len(self.judged), 1):.1f} %)"


def reached(result: Result, mutant: Mutant) -> bool:
    """Whether the mutant would have changed something in what passed."""
    for entry in result.trace:
        if entry.who == "station" and (entry.kind, entry.name) == (mutant.kind, mutant.action):
            if mutant.operation in ("lose", "twice", "refuse"):
                if holds(entry.payload, mutant.where):
                    return True
            elif changed(json.loads(json.dumps(entry.payload)), mutant):
                return True
    return False


def mutate(
    mutants: Iterable[Mutant], settings: Settings, schemas: Schemas, *, every: bool = True, progress: Callable[[Judged], None] | None = None
) -> Mutated:
    """Try *mutants*, each with the cases whose frames it changes; *every*: with all of these, otherwise until one notices."""

    def tried(case_ids: Iterable[str], worse: Tamper) -> list[Result]:
        make: MakeBench = lambda _: SimBench(shipped_config(), schemas, tamper=worse)  # noqa: E731 (a bench a case)
        return finished(run([CATALOGUE[case_id] for case_id in case_ids], make, settings, schemas))

    baseline = [result for result in tried(sorted(CASES), untouched) if result.verdict is Verdict.PASS]
    judged: list[Judged] = []
    noticed: set[str] = set()
    for mutant in mutants:
        could = [result.case_id for result in baseline if reached(result, mutant)]
        found: list[str] = []
        asked = 0
        for case_id in could:
            (result,) = tried([case_id], tamper(mutant))
            asked += 1
            if result.verdict is not Verdict.PASS:
                found.append(case_id)
                if not every:
                    break
        noticed.update(found)
        judged.append(Judged(mutant, tuple(found), asked))
        if progress is not None:
            progress(judged[-1])
    return Mutated(tuple(judged), tuple(result.case_id for result in baseline if result.case_id not in noticed))
