"""Whether the cases notice a station that does wrong: a fixed list of mutants, each one small change of what the station sends.

Law: the list is fixed, and the same list over the same cases gives the same result; a mutant counts as noticed only by a case that fails, by none
that stumbles or does not apply.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

from conformance.case import CASES
from conformance.catalogue import CATALOGUE
from conformance.run import finished, run
from conformance.sim_bench import SimBench
from conformance.station import shipped_config
from conformance.trial import Settings
from conformance.verdict import Entry, Result, Verdict
from wire import calendar, jsontext
from wire.schemas import Schemas

OPERATIONS = ("drop-message", "twice", "stale", "error", "drop-member", "set", "add")
GOAL_PERCENT = 95
"""So many of the mutants the cases are to notice."""

Frames = list[tuple[str, str, dict[str, Any]]]
Payload = dict[str, Any]


class Mutant(NamedTuple):
    """A change of every message of *kind* (call, result, error) and *action* whose members are as *when* says (``eventType=Ended``; empty: all).

    *operation*: ``drop-message``; ``twice``; ``stale``: what was sent the last time is sent again in its place; ``error``: a CALLERROR with code
    *value* in place of a CALLRESULT; of the member at *path* (``*`` for every element of a list): ``drop-member``, ``set`` to the JSON *value*,
    ``add`` *value* to a number, or so many seconds to a date-time.
    """

    id: str
    kind: str
    action: str
    operation: str
    path: str
    value: str
    when: str

    def __str__(self) -> str:
        where = f" {self.path}" if self.path else ""
        only = f" where {self.when}" if self.when else ""
        return f"{self.id}: {self.operation}{where}{f' {self.value}' if self.value else ''} in {self.kind} {self.action}{only}"


def listed_mutants() -> list[Mutant]:
    """The list.  Raises ValueError where a row of it makes no sense."""
    with (Path(__file__).parent / "mutants.csv").open(encoding="utf-8", newline="") as file:
        found = [Mutant(**row) for row in csv.DictReader(file)]
    wrong = [one.id for one in found if one.operation not in OPERATIONS or one.kind not in ("call", "result", "error")]
    if wrong or len({one.id for one in found}) != len(found):
        raise ValueError(f"mutants.csv: {wrong[0] if wrong else 'an id'} makes no sense; right would be an operation of {', '.join(OPERATIONS)}")
    return found


class Tampering:
    """A mutant at work in one case: what becomes of each message of the station."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._last: Payload | None = None
        self._places = mutant.path.split(".") if mutant.path else []
        self._when = [tuple(one.split("=", 1)) for one in mutant.when.split(" and ")] if mutant.when else []

    def __call__(self, kind: str, action: str, payload: Payload) -> Frames:
        """See ``conformance.sim_bench.Tamper``."""
        as_it_is = (kind, action, payload)
        mutant = self._mutant
        if (kind, action) != (mutant.kind, mutant.action) or not all(value in _said(payload, path.split(".")) for path, value in self._when):
            return [as_it_is]
        last, self._last = self._last, payload
        match mutant.operation:
            case "drop-message":
                return []
            case "twice":
                return [as_it_is, as_it_is]
            case "stale":
                return [(kind, action, last if last is not None else payload)]
            case "error":
                return [("error", action, {"code": mutant.value})]
        changed = deepcopy(payload)
        _change(changed, self._places, self._changed)
        return [(kind, action, changed)]

    def _changed(self, holder: Any, name: Any) -> None:
        match self._mutant.operation:
            case "drop-member":
                del holder[name]
            case "set":
                holder[name] = json.loads(self._mutant.value)
            case "add":
                holder[name] = _added(holder[name], int(self._mutant.value))

    def reaches(self, trace: Iterable[Entry]) -> bool:
        """Whether it changes anything in what a station sent."""
        return any(
            self(entry.kind, entry.name, entry.payload) != [(entry.kind, entry.name, entry.payload)]
            for entry in trace
            if entry.who == "station" and isinstance(entry.payload, dict)
        )


def _added(value: Any, amount: int) -> Any:
    if not isinstance(value, str):
        return value + amount
    moment = calendar.parse(value)
    return str(int(value) + amount) if moment is None else calendar.text(moment + amount * 1_000_000)


def _change(value: Any, places: Sequence[str], change: Callable[[Any, Any], None]) -> None:
    """Have *change* done at every place that the path leads to."""
    place, rest = places[0], places[1:]
    if isinstance(value, list):
        for index, one in enumerate(value):
            if rest:
                _change(one, rest, change)
            else:
                change(value, index)
    elif isinstance(value, dict) and place in value:
        if rest:
            _change(value[place], rest, change)
        else:
            change(value, place)


def _said(value: Any, places: Sequence[str]) -> Iterator[str]:
    """The values at a path, as texts."""
    if not places:
        yield value if isinstance(value, str) else jsontext.encode(value).decode()
    elif isinstance(value, list):
        for one in value:
            yield from _said(one, places[1:])
    elif isinstance(value, dict) and places[0] in value:
        yield from _said(value[places[0]], places[1:])


class Came(NamedTuple):
    """What came of a run."""

    noticed: dict[str, str]
    """Mutant -> the case that failed first."""
    unnoticed: list[Mutant]
    """No case failed, though they got to see it."""
    unreached: list[Mutant]
    """What they change is sent in no case."""
    silent: list[str]
    """Cases that noticed none of the mutants that they get to see."""
    tries: int

    @property
    def percent(self) -> float:
        """Of the mutants, how many were noticed."""
        total = len(self.noticed) + len(self.unnoticed) + len(self.unreached)
        return 100 * len(self.noticed) / total if total else 0.0

    def lines(self) -> Iterator[str]:
        """For people."""
        for mutant in self.unnoticed:
            yield f"unnoticed {mutant}"
        for mutant in self.unreached:
            yield f"unreached {mutant}"
        if self.silent:
            yield f"cases that noticed nothing: {', '.join(self.silent)}"
        total = len(self.noticed) + len(self.unnoticed) + len(self.unreached)
        yield f"{len(self.noticed)} of {total} mutants noticed ({self.percent:.1f} %), {self.tries} cases tried"

    def as_json(self) -> str:
        """For programs."""
        told = {
            "noticed": self.noticed, "unnoticed": [one.id for one in self.unnoticed], "unreached": [one.id for one in self.unreached],
            "silent": self.silent, "tries": self.tries,
        }  # fmt: skip
        return jsontext.encode(told).decode() + "\n"


class Mutating:
    """The cases against mutants."""

    def __init__(self, schemas: Schemas, case_ids: Iterable[str] = ()) -> None:
        self._schemas = schemas
        self._config = shipped_config()
        self.tries = 0
        wanted = list(case_ids) or list(CASES)
        self.baseline = {one.case_id: one for one in (self._tried(case_id, None) for case_id in wanted) if one.verdict is Verdict.PASS}
        """What passes at a station without fault."""

    def _tried(self, case_id: str, mutant: Mutant | None) -> Result:
        def make(_: object) -> SimBench:
            return SimBench(self._config, self._schemas, tamper=Tampering(mutant)) if mutant else SimBench(self._config, self._schemas)

        self.tries += 1
        return finished(run([CATALOGUE[case_id]], make, Settings(), self._schemas))[0]

    def notices(self, case_id: str, mutant: Mutant) -> bool:
        """Whether a case fails because of a mutant."""
        return self._tried(case_id, mutant).verdict is Verdict.FAIL

    def sees(self, case_id: str, mutant: Mutant) -> bool:
        """Whether a mutant changes anything in a case."""
        return Tampering(mutant).reaches(self.baseline[case_id].trace)

    def run(self, mutants: Sequence[Mutant], progress: Callable[[int, int], None] | None = None) -> Came:
        """Every mutant until a case notices it, those first that have noticed nothing yet; then what those are that never did."""
        noticed: dict[str, str] = {}
        unnoticed: list[Mutant] = []
        unreached: list[Mutant] = []
        silent = dict.fromkeys(self.baseline)
        blind: set[tuple[str, str]] = set()
        for done, mutant in enumerate(mutants, 1):
            seen = [case_id for case_id in self.baseline if self.sees(case_id, mutant)]
            for case_id in sorted(seen, key=lambda one: one not in silent):
                if self.notices(case_id, mutant):
                    noticed[mutant.id] = case_id
                    silent.pop(case_id, None)
                    break
                blind.add((case_id, mutant.id))
            else:
                (unnoticed if seen else unreached).append(mutant)
            if progress is not None:
                progress(done, len(mutants))
        for case_id in list(silent):
            if any(self.notices(case_id, one) for one in mutants if (case_id, one.id) not in blind and self.sees(case_id, one)):
                del silent[case_id]
        return Came(noticed, unnoticed, unreached, list(silent), self.tries)
