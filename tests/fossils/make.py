"""``python -m tests.fossils.make``: record the fossils and the shapes of this release.

Law: for a release that is about to be made, and never for one that was: what was released is out there and cannot be recorded again.  As long as
its version was not released, recording it anew is the answer to every change of shape and of decision.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import machines.station  # noqa: F401 (so that every record is there)
from component_config.schemas import installed_schemas
from engine.machine import Station
from engine.records import BY_KIND, ENUMS
from eventlog import segments
from eventlog.codec import decode_turn
from eventlog.fold import CHAIN_BYTES, Folded
from eventlog.memory import MemoryJournal
from machines.station import STATION
from replay.verify import verify
from sim.lives import Life
from tests.fossils import fossil, held, scenarios, shapes

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 400
BYTES_MOST = 400_000
TURNS_MOST = 700
"""A longer life is not worth its room."""

REASONS = {
    "Faulted": "only a defect of a machine writes it; no scenario of a release has one",
}
"""Record kinds that no fossil holds, and why that cannot be otherwise."""

VERSIONS = {"ocpp2.0.1": "2.0.1", "ocpp2.1": "2.1"}


class Candidate(NamedTuple):
    """A journal that might be kept, what it holds, and what it is."""

    name: str
    story: str
    version: str
    journal: MemoryJournal
    station: Station
    holds: frozenset[tuple[str, int]]


def release() -> str:
    """The version that is recorded."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return version


def closed(journal: MemoryJournal) -> tuple[MemoryJournal, Station]:
    """*journal* with a closing snapshot wherever a state or a value appears that no earlier one has, and after its last turn."""
    copy = journal.without_snapshots()
    begun = segments.begin(copy, STATION)
    station, seen = begun.station, set[int]()
    last = copy.last()[0]
    for seq, row in copy.rows():
        station = STATION.restore(station, decode_turn(seq, row[CHAIN_BYTES:]))
        if seq == last or new_values(station, seen):
            folded = Folded(station, seq=seq, at=decode_turn(seq, row[CHAIN_BYTES:]).at, chain=row[:CHAIN_BYTES])
            segments.close(copy, folded)
    return copy, station


def new_values(station: Station, seen: set[int]) -> bool:
    """Whether *station* holds a kind of value that is not among *seen*; adds it."""
    now = {type(value) for part in station.parts.values() for field in part.FIELDS for value in values(getattr(part, field))}
    kinds = {kind for kind, entry in BY_KIND.items() if entry.cls in now}
    grown = bool(kinds - seen)
    seen |= kinds
    return grown


def values(it: object) -> list[object]:
    """*it* and everything in it."""
    inside = list(it.values()) if isinstance(it, dict) else list(it) if isinstance(it, list | tuple) else []
    inside += [getattr(it, name) for name in getattr(it, "FIELDS", ())]
    return [it, *[one for value in inside for one in values(value)]]


def holds(journal: MemoryJournal, version: str) -> frozenset[tuple[str, int]]:
    """(version of OCPP, kind) of every record of *journal*."""
    kinds = held.in_rows(row[CHAIN_BYTES:] for _, row in journal.rows())
    for _, body in journal.closings():
        kinds |= held.in_closing(body)
    return frozenset((version, kind) for kind in kinds)


def candidates() -> list[Candidate]:
    """Lives, and the stories that no life tells."""
    found = []
    for name, (story, version, turns) in scenarios.told().items():
        journal, station = closed(turns)
        found.append(Candidate(name, story, version, journal, station, holds(journal, version)))
    schemas = installed_schemas()
    for seed in range(SEEDS):
        life = Life(seed, schemas)
        life.live()
        if life.world.ledger.turns <= TURNS_MOST and len(life.versions) == 1:
            version = VERSIONS[life.versions[0]]
            journal, station = closed(life.world.memory)
            found.append(Candidate(f"life-{seed}", f"simulated life {seed}", version, journal, station, holds(journal, version)))
        if not (seed + 1) % (SEEDS // 10):
            sys.stderr.write(f"{seed + 1} of {SEEDS} lives\n")
    return found


def choose(found: list[Candidate]) -> list[Candidate]:
    """The stories, one life whose first turns are retired, then always the life that holds most of what is missing, a turn."""
    chosen = [one for one in found if not one.name.startswith("life-")]
    lives = [one for one in found if one.name.startswith("life-")]
    chosen += [one for one in lives if one.journal.base()[0] >= 0][:1]
    missing = set().union(*[one.holds for one in found]) - set().union(*[one.holds for one in chosen])
    while missing:
        best = max(lives, key=lambda one: (len(one.holds & missing) / (one.journal.last()[0] - one.journal.base()[0] + 40), one.name))
        chosen.append(best)
        missing -= best.holds
    return chosen


def say(line: str) -> None:
    """One line."""
    sys.stdout.write(line + "\n")


def main() -> int:
    """Record; 1 where a record kind is held by no fossil and nobody said why, or where a fossil is not decided again as it was."""
    build = release()
    home = fossil.HOME / build
    home.mkdir(exist_ok=True)
    for old in home.glob(f"*{fossil.SUFFIX}"):
        old.unlink()
    total, kinds = 0, set[int]()
    for one in choose(candidates()):
        report = verify(STATION, one.journal)
        if not report.ok:
            say(f"{one.name} is not decided again as it was: {report}")
            return 1
        data = fossil.written(fossil.of(one.journal, one.station, build=build, version=one.version, story=one.story))
        (home / f"{one.name}{fossil.SUFFIX}").write_bytes(data)
        total += len(data)
        kinds |= {kind for _, kind in one.holds}
        say(f"{one.name:24} OCPP {one.version:6} {len(one.journal._rows[0]):5} turns {len(data):7} bytes  {one.story}")
    accepted = home / "accepted.json"
    if not accepted.exists():
        accepted.write_text('{"divergences": {}, "states": {}}\n')
    (ROOT / "tests" / "engine" / "shapes.txt").write_text(shapes.written(shapes.shapes()))
    lacking = sorted(BY_KIND[kind].name for kind in BY_KIND.keys() - kinds if BY_KIND[kind].name not in REASONS)
    lacking += sorted(of.__qualname__ for kind, of in ENUMS.items() if kind not in kinds)
    say(f"{total} bytes of {BYTES_MOST}; record kinds that no fossil holds, and nobody says why: {', '.join(lacking) or 'none'}")
    return 1 if lacking or total > BYTES_MOST else 0


if __name__ == "__main__":
    raise SystemExit(main())
