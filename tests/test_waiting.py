"""What tests wait with: it says what did not happen, and does not wait for ever."""

from __future__ import annotations

import pytest

from tests import waiting
from tests.waiting import cpu_limit, until


def test_a_state_is_waited_for_and_returned() -> None:
    """If this failed, tests would assume that something has happened."""
    states = iter([0, "", [], "ready", "too late"])
    assert until(lambda: next(states)) == "ready"


def test_what_never_comes_ends_the_wait_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, a test would hang, or fail without a word."""
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.0)
    with pytest.raises(AssertionError, match="not within 0 s: the log"):
        until(lambda: False, lambda: "the log")


def test_what_takes_too_much_of_a_processor_is_stopped() -> None:
    """If this failed, a test of how long something takes could not fail."""

    def take_much() -> None:
        with cpu_limit(0.01):
            while True:
                pass

    with pytest.raises(AssertionError, match=r"more than 0\.01 s"):
        take_much()
