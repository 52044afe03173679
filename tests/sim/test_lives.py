"""Many small lives, every one of them in trouble."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from component_config.schemas import installed_schemas
from sim.lives import Lived, live, run_lives
from wire.schemas import Schemas

ROOT = Path(__file__).resolve().parents[2]
COUNT = 500

DIGEST = """
from component_config.schemas import installed_schemas
from sim.lives import run_lives
print(run_lives(0, 30, schemas=installed_schemas).digest)
"""


def test_lives_keep_all_rules() -> None:
    """If this fails, a station somewhere loses an event, charges for nobody, or does not come back: the line says which seed tells the story."""
    outcome = run_lives(0, COUNT, schemas=installed_schemas, processes=2)
    assert outcome.lives == COUNT
    assert not outcome.broken, "\n".join(outcome.lines())
    assert outcome.restarts > COUNT, "hardly anything crashed: the lives have become too quiet to show anything"
    assert outcome.transactions > COUNT, "hardly anybody charged: the lives have become too quiet to show anything"


def test_a_life_is_its_seed() -> None:
    """If this fails, a failing seed could not be lived again: something reads a clock, chance, or the order of a set."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST], cwd=ROOT, env={"PYTHONHASHSEED": hash_seed, "PATH": ""}, capture_output=True, text=True, check=True
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1
    assert digests == {run_lives(0, 30, schemas=installed_schemas).digest + "\n"}


def test_the_outcome_does_not_depend_on_who_lives() -> None:
    """If this fails, a campaign on many cores tells another story than the command that repeats it."""
    one = run_lives(40, 60, schemas=installed_schemas)
    told: list[tuple[int, int, int]] = []
    two = run_lives(40, 60, schemas=installed_schemas, processes=2, progress=lambda *so_far: told.append(so_far))
    assert one == two
    assert told == [(25, 60, 0), (50, 60, 0), (60, 60, 0)]


def test_a_failure_names_the_command_that_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, whoever sees a broken seed has to guess how to look at it."""
    lived = Lived(seed=7, turns=3, virtual_s=9, restarts=1, transactions=0, digest="00", broken="one CALL in flight: two")
    monkeypatch.setattr("sim.lives.live", lambda seed, schemas: lived)  # noqa: ARG005
    lines = list(run_lives(7, 1, schemas=installed_schemas).lines())
    assert lines[0] == "seed 7: one CALL in flight: two"
    assert lines[1] == "  again with: stationd sim life --seed 7"
    assert "1 broken" in lines[2]


def test_an_error_in_a_life_is_a_finding(monkeypatch: pytest.MonkeyPatch, schemas: Schemas) -> None:
    """If this fails, one seed that raises stops a whole campaign, and nobody learns of the others."""

    def raises(*_: object) -> None:
        raise KeyError(3)

    monkeypatch.setattr("sim.lives.Life.exam", raises)
    assert live(3, schemas).broken.startswith("the world broke: KeyError: 3")
