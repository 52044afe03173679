"""Generated directories of component files against an examiner who shares nothing with the loader.

Law: nothing that may not stand is taken, nothing that may is refused, every complaint names file and component.variable, and no secret is in any.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from component_config import check, complaints, load, override, values
from sim.directories import directory
from sim.examiner import examine
from stationd.directories import Outcome, run_directories, tried

COUNT = 300


def test_directories_are_judged_as_they_must() -> None:
    """The campaign of this is `stationd campaign files`."""
    found = run_directories(COUNT, 1)
    assert found.broken == []
    assert found.taken > COUNT // 3
    assert found.refused > COUNT // 3


@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False))
def test_whatever_chance_draws(chance: Random) -> None:
    """If this failed, what is shown is the smallest directory that is judged wrongly."""
    assert tried(directory(chance), Outcome()) == []


@pytest.mark.parametrize("seed", [3412, 9905, 9924])
def test_what_once_was_judged_wrongly_is_not(seed: int) -> None:
    """A limit of more digits than a number may have was taken where it was whole and positive."""
    assert run_directories(1, seed).broken == []


def test_a_directory_is_its_seed() -> None:
    """If this failed, what a campaign found could not be looked at."""
    assert directory(Random(7)) == directory(Random(7))
    assert examine(directory(Random(7))) == examine(directory(Random(7)))


def always(answer: Any) -> Callable[..., Any]:
    """A part of the loader that gives the same answer whatever it is asked."""

    def instead(*_: Any) -> Any:
        return answer

    return instead


BREAKS: dict[str, tuple[Any, str, Any]] = {
    "a limit is passed over": (values, "less", always(answer=False)),
    "a list is passed over": (values, "split", always([])),
    "a key is passed over": (check.Reader, "keys", always(None)),
    "a variable twice is passed over": (check.Reader, "twice", always(None)),
    "an override is passed over": (override, "_replace", always(None)),
    "a custom file does not replace": (load, "_in_force", lambda components: components),
    "two files for one component": (load, "_one_file_each", always(None)),
    "a gap in the EVSEs": (load, "_numbered", always(None)),
    "a value outside its limits is unset": (check, "text_of", lambda raw, kind: values.text_of(raw, kind) if raw not in (0, 31, "x" * 31) else None),
    "a warning is not given": (
        complaints.Complaints,
        "add",
        lambda self, kind, *place: kind.fatal and self.fatal.append(complaints.Complaint(kind, ": ".join(part for part in place if part))),
    ),
    "every complaint is fatal": (complaints.Kind, "fatal", property(always(answer=True))),
    "no complaint but those of damaged files is fatal": (complaints.Kind, "fatal", property(lambda kind: kind is complaints.FILE)),
    "a secret stays where it is": (load, "_sealed", lambda _variable, attribute, _keep: attribute.text),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_loader_is_seen(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """If this failed, the examiner would say yes to anything."""
    owner, name, instead = BREAKS[what]
    monkeypatch.setattr(owner, name, instead)
    assert any(run_directories(1, seed).broken for seed in range(1, COUNT + 1))
