"""Damaged journals and the real daemon, a few of each kind; the campaign has five hundred.

Law: it never dies of one, and what was whole before the damage comes back.
"""

from __future__ import annotations

from stationd.damage import KINDS, run_damage


def test_damaged_journals() -> None:
    """Every kind at least once."""
    outcome = run_damage(20, 1)
    assert outcome.files == 20 > len(KINDS)
    assert not outcome.broken, "\n".join(outcome.broken)
    assert outcome.refused > 5
