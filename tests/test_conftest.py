"""What holds for every test: which of them are run under load, what a failed one leaves behind, and that no library sets a limit of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).with_name("conftest.py")

LEAVES_A_FILE_OPEN = """
import gc

def test_fails():
    itself = [open(__file__)]
    itself.append(itself)
    assert not itself

def test_is_not_to_blame():
    gc.collect()
"""

OUTSIDE = """
import socket

def test_has_a_socket():
    pass
"""

FIXTURE = """
def test_has_a_disk(tmp_path):
    pass

def test_has_nothing():
    pass
"""


def test_no_example_has_a_time_limit() -> None:
    """If this failed, an example that takes 0.2 s would fail its test on a machine that is busy."""
    assert settings().deadline is None
    assert HealthCheck.too_slow in settings().suppress_health_check


def test_what_a_failed_test_left_open_fails_no_other(pytester: pytest.Pytester) -> None:
    """If this failed, one failure would be told as several, each under another test's name."""
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(LEAVES_A_FILE_OPEN)
    ran = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", "--import-mode=importlib")
    ran.assert_outcomes(failed=1, passed=1)
    assert "ResourceWarning" not in ran.stdout.str()


def test_tests_that_touch_something_outside_are_marked(pytester: pytest.Pytester) -> None:
    """If this failed, a test whose result depends on how busy the machine is would not be tried on a busy one."""
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile(test_one=OUTSIDE, test_two=FIXTURE)
    ran = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers", "--import-mode=importlib", "-m", "outside", "--co", "-q")
    assert [line.partition("::")[2] for line in ran.outlines if "::" in line] == ["test_has_a_socket", "test_has_a_disk"]
