"""Journals of released builds, read by this one.

Law: a difference from what a release made of its own journal is either a defect of this build or noted with a sentence that says why it was meant:
in ``accepted.json`` beside the fossils, decisions by fossil and turn, states by fossil and part.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import machines.station  # noqa: F401 (so that every record is there)
from engine.records import BY_KIND, ENUMS
from eventlog import segments
from eventlog.fold import fold
from eventlog.memory import MemoryJournal
from machines.inputs import Started
from machines.station import STATION
from replay.sessions import sessions
from replay.verify import Report, verify
from replay.whole import examine
from tests.fossils import fossil, held
from tests.fossils.fossil import HOME, Fossil
from tests.fossils.make import BYTES_MOST, REASONS, release
from tests.fossils.shapes import read as read_shapes

FOSSILS = fossil.found()
NAMES = sorted(FOSSILS)
REMEDY = (
    "a defect, or meant? If meant and {release} was released: note it in tests/fossils/{release}/accepted.json with a sentence why; "
    "if {release} was not released yet: record it again (python -m tests.fossils.make)"
)


@cache
def accepted(release: str) -> Any:
    """The notes of a release."""
    return json.loads((HOME / release / "accepted.json").read_text())


def unexpected(name: str, report: Report) -> list[str]:
    """What a verified fossil shows that its notes do not have, and what they have that it does not show."""
    release, _, short = name.partition("/")
    notes = accepted(release)["divergences"].get(short, {})
    diverged = {str(divergence.seq): str(divergence) for divergence in report.divergences}
    wrong = [*report.damage]
    wrong += [f"{name} {said}\n{REMEDY.format(release=release)}" for seq, said in diverged.items() if seq not in notes]
    wrong += [f"{name} turn {seq} is noted ({why}) and no longer differs: take the note away" for seq, why in notes.items() if seq not in diverged]
    wrong += [f"{name} turn {seq}: the note says no reason" for seq, why in notes.items() if not why.strip()]
    return wrong


def differing(name: str, journal: MemoryJournal) -> list[str]:
    """Parts whose state after the fold of *journal* is not the recorded one, nor the noted one."""
    release, _, short = name.partition("/")
    notes = accepted(release)["states"].get(short, {})
    now = fossil.digests(fold(STATION, segments.begin(journal, STATION), journal.rows()).station)
    wrong = []
    for part, recorded in FOSSILS[name].states.items():
        note = notes.get(part)
        expected = note["digest"] if note else recorded
        if now.get(part, "gone") != expected:
            wrong.append(f"{name}: {part} is {now.get(part, 'gone')}, expected {expected}\n{REMEDY.format(release=release)}")
        if note and not note["why"].strip():
            wrong.append(f"{name}: the note about {part} says no reason")
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_this_build_decides_a_fossil_as_it_was_decided(name: str) -> None:
    """If this failed, an update would change what stations out there do, or could not read what they did."""
    journal = FOSSILS[name].journal()
    assert journal.last()[1] == FOSSILS[name].last, "the rows are those that were recorded"
    assert examine(journal).ok
    wrong = unexpected(name, verify(STATION, journal))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_a_fossil_is_folded_to_the_station_that_it_was(name: str) -> None:
    """If this failed, a station would start after an update as another than it was."""
    wrong = differing(name, FOSSILS[name].journal())
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", NAMES)
def test_a_fossil_is_read_from_every_closing_snapshot(name: str) -> None:
    """If this failed, an update would be the end of every journal whose beginning was retired."""
    one = FOSSILS[name]
    cuts = [seq for seq, _ in one.closings if seq > one.base[0]]
    assert cuts, "a fossil holds closing snapshots"
    for seq in cuts:
        journal = one.cut(seq)
        wrong = differing(name, journal)
        report = verify(STATION, journal)
        kept = [said for said in unexpected(name, report) if "no longer differs" not in said]
        assert not [*wrong, *kept], f"retired up to {seq}: " + "\n".join([*wrong, *kept])
        sessions(journal)


def test_every_record_kind_is_in_a_fossil_of_its_release() -> None:
    """If this failed, a record would exist of which nobody would notice when old rows of it could not be read any more.

    Records that are new since the release are recorded with the next one.
    """
    recorded = read_shapes((Path(__file__).parents[1] / "engine" / "shapes.txt").read_text())
    kinds: set[int] = set()
    for one in FOSSILS.values():
        kinds |= held.in_rows(one.rows)
        for _, body in one.closings:
            kinds |= held.in_closing(body)
    names = {f"record {kind}": entry.name for kind, entry in BY_KIND.items()} | {f"enum {kind}": of.__qualname__ for kind, of in ENUMS.items()}
    lacking = {names[name] for name in recorded if name in names and int(name.split()[1]) not in kinds}
    assert lacking == REASONS.keys(), "a kind without fossil needs a scenario (tests/fossils/scenarios.py) or a reason (tests/fossils/make.py)"


def test_fossils_are_of_both_versions_and_small() -> None:
    """If this failed, half of what the station speaks would be untried, or the repository would grow with every release."""
    assert NAMES
    for one in sorted({name.partition("/")[0] for name in NAMES}):
        mine = {name: FOSSILS[name] for name in NAMES if name.startswith(f"{one}/")}
        assert {fossil.version for fossil in mine.values()} == {"2.0.1", "2.1"}
        assert {fossil.build for fossil in mine.values()} == {one}
        assert any(fossil.base[0] >= 0 for fossil in mine.values()), "one whose first turns were retired when it was recorded"
        assert sum((HOME / f"{name}{fossil.SUFFIX}").stat().st_size for name in mine) <= BYTES_MOST
    assert release() in {fossil.build for fossil in FOSSILS.values()}, "the fossils of this release are not recorded: python -m tests.fossils.make"


def test_a_file_gives_back_what_was_written() -> None:
    """If this failed, a fossil would change when it is copied."""
    for one in FOSSILS.values():
        assert fossil.read(fossil.written(one)) == one


@pytest.fixture
def an() -> tuple[str, Fossil]:
    """One of them."""
    return NAMES[0], FOSSILS[NAMES[0]]


def test_a_changed_decision_and_a_changed_state_are_found(an: tuple[str, Fossil], monkeypatch: pytest.MonkeyPatch) -> None:
    """The witness of the tests above: without notes nothing is let through, with a note only what it names."""
    name, one = an
    short = name.partition("/")[2]
    with monkeypatch.context() as patch:
        # Another build: nobody hears that the process started.
        patch.setitem(STATION.told, Started, ())
        assert any("Rebooted" in said and "tests.fossils.make" in said for said in unexpected(name, verify(STATION, one.journal())))
    notes: dict[str, Any] = {"divergences": {short: {"0": "it was meant"}}, "states": {short: {"boot": {"digest": "gone", "why": "so"}}}}
    monkeypatch.setitem(globals(), "accepted", lambda _: notes)
    (said,) = unexpected(name, verify(STATION, one.journal()))
    assert "no longer differs: take the note away" in said
    (said,) = differing(name, one.journal())
    assert f"{name}: boot is {one.states['boot']}, expected gone" in said
