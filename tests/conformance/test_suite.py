"""The whole suite in virtual time, and what the catalogue says of it.

Law: every case that is built passes at this station, and a second run is the same to the last byte.
"""

from __future__ import annotations

import re

import pytest

import conformance.cases  # noqa: F401 (they register themselves)
from component_config.schemas import installed_schemas
from conformance.case import CASES
from conformance.catalogue import CATALOGUE, LATER, features_of, holds, unmet
from conformance.report import BLOCKS, by_block, by_profile, counts
from conformance.run import awaited, finished, run
from conformance.sim_bench import SimBench
from conformance.station import shipped_config
from conformance.trial import Settings
from conformance.verdict import Result, Verdict

SCHEMAS = installed_schemas()


def whole_suite() -> list[Result]:
    """All 424."""
    return finished(run(CATALOGUE.values(), lambda _: SimBench(shipped_config(), SCHEMAS), Settings(), SCHEMAS))


@pytest.fixture(scope="module")
def results() -> list[Result]:
    """Of a first run."""
    return whole_suite()


def test_every_case_that_is_built_passes(results: list[Result]) -> None:
    """If this failed, the station would break a requirement that a certification looks at."""
    tried = [one for one in results if one.verdict not in (Verdict.NOT_BUILT, Verdict.NOT_APPLICABLE)]
    others = {one.case_id: one.note for one in tried if one.verdict is not Verdict.PASS}

    # Nothing of what these ask for is unsupported here.
    assert others.pop("TC_B_19_CS") == "the station supports every componentCriteria, so there is none to refuse"
    assert others.pop("TC_N_04_CS") == "the station supports every monitoringCriteria, so there is none to refuse"
    assert others.pop("TC_N_07_CS") == "the station supports every monitoringBase, so there is none to refuse"
    assert others == {}
    assert len(tried) >= 120


def test_a_second_run_is_the_same(results: list[Result]) -> None:
    """If this failed, a verdict could be luck, and a journal could not be looked into again."""
    again = whole_suite()

    assert [(one.case_id, one.verdict, one.digest) for one in again] == [(one.case_id, one.verdict, one.digest) for one in results]
    assert len({one.digest for one in again if one.verdict is Verdict.PASS}) > 1


def test_no_case_is_left_out_of_a_report(results: list[Result]) -> None:
    """If this failed, a figure could look better than it is."""
    assert [one.case_id for one in results] == list(CATALOGUE)
    assert sum(counts(results).values()) == sum(sum(row.values()) for row in by_block(results).values()) == 424
    assert set(by_profile(results)) >= {"Core", "Smart Charging", "in no profile"}


def test_every_condition_can_be_read() -> None:
    """If this failed, whether a case applies would be a guess."""
    features = features_of(None)

    for listed in CATALOGUE.values():
        if listed.condition:
            assert holds(listed.condition, features) in (True, False, None)
        assert listed.block in BLOCKS


def test_what_is_to_come_hides_no_case() -> None:
    """If this failed, a case for stations without smart charging would be passed over by one that only means to have it."""
    features = {"X": "yes", "N": "no", "L": LATER, "P.1": LATER, "P.2": "no", "E": "2"}

    for condition, found in (
        ("L", None), ("not L", None), ("L and X", None), ("L and N", False), ("not L and not N", None), ("X or L", True), ("N or L", None),
        ("not (L and N)", True), ("not (X or L)", False), ("P", None), ("P and N", False), ("E > 1 and L", None), ("E > 2 and L", False),
        ("L > 1", None),
    ):  # fmt: skip
        assert holds(condition, features) is found, condition

    known = features_of(None)
    meant = {name: ("yes", "no") if value == LATER else (value,) for name, value in known.items()}
    for listed in CATALOGUE.values():
        if unmet(listed, known):
            for choice in (0, -1):
                assert unmet(listed, {name: values[choice] for name, values in meant.items()}), listed.case_id
    assert not unmet(CATALOGUE["TC_K_38_CS"], known)


def test_what_a_case_waits_for_is_not_there(results: list[Result]) -> None:
    """If this failed, a reader would wait for what has been there for long, or not know for what."""
    known = features_of(None)
    about = {name for case_id in CASES for name in CATALOGUE[case_id].use_cases}

    for one in results:
        if one.verdict is Verdict.NOT_BUILT:
            found = awaited(CATALOGUE[one.case_id], known)
            assert one.note == f"waits for {', '.join(found)}"
            assert CATALOGUE[one.case_id].name not in found, one.case_id
            assert not about & set(found), one.case_id


def test_cases_are_listed_and_name_requirements() -> None:
    """If this failed, what a case looks at could not be found in the specification."""
    assert set(CASES) <= set(CATALOGUE)
    for case in CASES.values():
        # A case for which the catalogue names none need not name one either.
        assert case.requirements or not CATALOGUE[case.case_id].requirements, case.case_id
        for requirement in case.requirements:
            assert re.fullmatch(r"[A-P]\d\d\.FR\.\d{1,3}|(Part [34]|OCPP-J).*", requirement), f"{case.case_id}: {requirement}"
