"""Power cuts of the real process, at a small fixed size."""

from __future__ import annotations

from stationd.kills import run_kills


def test_twenty_power_cuts_lose_nothing_that_was_acknowledged() -> None:
    """If this failed, a power cut could lose an accepted value, leave a gap in a transaction, or start one twice."""
    outcome = run_kills(20, 11)

    assert outcome.broken == []
    assert outcome.kills == 20
    assert outcome.events > 20
