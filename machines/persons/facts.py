"""What can be true of somebody who wants to be forgotten, and of a text that was to be destroyed.

A handle is a person's pseudonym: it stands in the journal wherever their text would, and says nothing once the text is gone.
"""

from __future__ import annotations

from engine.event import Fact
from engine.records import record


@record(352)
class ForgettingPromised(Fact):
    """The person behind *pseudonym* will be forgotten as soon as nothing that is under way needs them."""

    pseudonym: str


@record(353)
class SubjectForgotten(Fact):
    """The person behind *pseudonym* is forgotten: from now on nobody can tell who that was (N10)."""

    pseudonym: str


@record(354)
class ShreddingFailed(Fact):
    """Texts could not be destroyed; it is tried again at *retry_at_us*."""

    handles: tuple[str, ...]
    retry_at_us: int


@record(355)
class ShreddingRetried(Fact):
    """What failed is being tried again."""
