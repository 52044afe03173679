"""The pytest plugin: the cases as tests of somebody else's test run.

Law: a failed case is a failed test that says what the case says; without the option nothing is added.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.test_command_line import Desk, station
from tests.waiting import PATIENCE_S

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


def test_it_is_there_wherever_the_package_is(tmp_path: Path) -> None:
    """If this failed, whoever has nothing but the package would have to know the name of a module."""
    words = ("--ocpp-station=sim", "--ocpp-block=P", "-k", "TC_P_01_CS", "-p", "no:cacheprovider")
    argv = [sys.executable, "-m", "pytest", *words]
    tried = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    listed = subprocess.run([*argv, "--co"], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert (tried.returncode, listed.returncode) == (0, 0), tried.stdout + tried.stderr
    assert "collected 3 items / 2 deselected / 1 selected" in tried.stdout
    assert "1 passed, 2 deselected" in tried.stdout
    assert "<CaseItem TC_P_01_CS>" in listed.stdout


def test_a_station_of_somebody_else_is_tried(tmp_path: Path) -> None:
    """If this failed, only ours could be tried in a project's own tests, or a link would not outlast a case."""
    with Desk(tmp_path) as desk, station(desk.url(), "--fault", "no-authorize") as hook:
        where = f"wire --driver http --driver-url {hook} --port {desk.port} --patience 2"
        words = ("--ocpp-station", where, "--ocpp-features", str(desk.features), "-k", "TC_B_06_CS or TC_C_02_CS")
        argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 1 passed, 422 deselected" in done.stdout, done.stdout
    assert "FAIL TC_C_02_CS" in done.stdout
    assert "  expected one within 30 s\n  got      none" in done.stdout


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("sim --jobs 2", "sim: takes no --jobs"),
        ("wire --driver http", "--driver http: needs --driver-url"),
        ("wire --drver http", "unrecognized arguments: --drver http"),
    ],
)
def test_options_behind_a_station_that_will_not_do_are_refused(pytester: pytest.Pytester, wrong: str, told: str) -> None:
    """If this failed, a person would get a traceback, or another station than the one they meant."""
    result = ran(pytester, "--ocpp-station", wrong)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{told}*"])


@pytest.mark.parametrize("station", ["none", "nowhere:make", "conformance.plugin:nothing"])
def test_a_wrong_station_says_what_would_be_right(pytester: pytest.Pytester, station: str) -> None:
    """If this failed, a person would get a traceback."""
    result = ran(pytester, f"--ocpp-station={station}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*--ocpp-station {station}: *right would be sim, wire, or module:function*"])
