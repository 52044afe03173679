"""The pytest plugin: the cases as tests of somebody else's test run.

Law: a failed case is a failed test that says what the case says; without the option nothing is added.
"""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

STATION = """
from component_config.schemas import installed_schemas
from conformance.sim_bench import SimBench
from conformance.station import shipped_config

def worse(kind, action, payload):
    return [(kind, action, {**payload, "getVariableResult": []} if action == "GetVariables" else payload)]

def make():
    return lambda _: SimBench(shipped_config(), installed_schemas(), tamper=worse)
"""


def ran(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    """A test run of its own, in this process."""
    return pytester.runpytest_inprocess("-p", "conformance.plugin", "-p", "no:cacheprovider", "-rs", *words)


def test_cases_are_tests(pytester: pytest.Pytester) -> None:
    """If this failed, the cases could not run in a project's own tests."""
    result = ran(pytester, "--ocpp-station=sim", "--ocpp-block=B", "-k", "TC_B_06_CS or TC_B_20_CS", "-v")

    result.assert_outcomes(passed=1, skipped=1, deselected=46)
    result.stdout.fnmatch_lines(["*TC_B_06_CS*PASSED*", "*NOT BUILT: waits for B1*"])


def test_a_failed_case_says_what_was_expected_and_what_passed_last(pytester: pytest.Pytester) -> None:
    """If this failed, a failure would be a traceback through the bench."""
    pytester.makepyfile(worse=STATION)
    pytester.syspathinsert()
    result = ran(pytester, "--ocpp-station=worse:make", "-k", "TC_B_06_CS")

    result.assert_outcomes(failed=1, deselected=423)
    result.stdout.fnmatch_lines(["FAIL TC_B_06_CS *", "  expected *", "  got *", "*csms*call*GetVariables*", "*station*result*GetVariables*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_without_the_option_nothing_is_added(pytester: pytest.Pytester) -> None:
    """If this failed, whoever has the package installed would get 424 tests more."""
    pytester.makepyfile("def test_mine():\n    pass\n")

    ran(pytester).assert_outcomes(passed=1)


@pytest.mark.parametrize("station", ["none", "nowhere:make", "conformance.plugin:nothing"])
def test_a_wrong_station_says_what_would_be_right(pytester: pytest.Pytester, station: str) -> None:
    """If this failed, a person would get a traceback."""
    result = ran(pytester, f"--ocpp-station={station}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--ocpp-station {station}: *right would be sim, wire, or module:function*"])
