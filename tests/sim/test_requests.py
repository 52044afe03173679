"""Generated GetVariables and SetVariables against an examiner who shares nothing with the station.

Law: nothing that may not stand is accepted, nothing that may is refused, and no machine ever raises.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from component_config.schemas import installed_schemas
from machines.device_model import fit
from sim.requests import Batch, misfit, run_batch, run_batches
from wire.declared import Declared

SEEDS = 60
SCHEMAS = installed_schemas()


def test_batches_are_answered_as_they_must() -> None:
    """The campaign of this is `stationd campaign requests`."""
    found = run_batches(list(range(SEEDS)), installed_schemas)
    assert found.wrong == ()
    assert found.accepted > found.requests
    assert found.refused > found.requests // 20


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_whatever_chance_draws(random: Random) -> None:
    """If this failed, what is shown is the smallest batch that is answered wrongly."""
    Batch(0, SCHEMAS, random).live(5)


KINDS = st.sampled_from(("string", "decimal", "integer", "dateTime", "boolean", "OptionList", "SequenceList", "MemberList"))
LIMITS = st.sampled_from(("", "", "-1.5", "0", "3", "10", "2147483647"))


@settings(max_examples=300)
@given(KINDS, LIMITS, LIMITS, st.text(max_size=12) | st.from_regex(r"[+-]?[0-9]{0,12}[.,]?[0-9]{0,22}([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_a_value_fits_for_both_or_for_none(data_type: str, low: str, high: str, text: str) -> None:
    """If this failed, the station and Part 2 would not agree on what a value is."""
    listed = data_type.endswith("List")
    declared = Declared(
        component="C", variable="V", data_type=data_type, min_limit=low, max_limit=high, values_list=("a", "b", "0") if listed else ()
    )
    if data_type == "dateTime":
        declared = Declared(component="C", variable="V", data_type=data_type)
    if not text.startswith("<sealed:"):
        assert bool(fit.misfit(declared, text)) == misfit(declared, text)


def in_range(declared: Declared, number: str) -> str:
    """No limit is ever passed."""
    return ""


def as_it_is(declared: Declared, value: str) -> str:
    """No value is brought into shape."""
    return value


@pytest.mark.parametrize(
    ("where", "instead"),
    [
        ("machines.device_model.fit.out_of_range", in_range),
        ("machines.device_model.machine.canonical", as_it_is),
        ("machines.device_model.rules.misfit", in_range),
    ],
)
def test_the_examiner_notices_a_station_that_judges_wrongly(where: str, instead: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """An examiner who notices nothing proves nothing."""
    monkeypatch.setattr(where, instead)
    assert any(run_batch(seed, SCHEMAS).wrong for seed in range(20))
