"""The level of the space, and what is being done about it."""

from __future__ import annotations

from engine.machine import Folds, Part, State, Station, state
from machines.storage.facts import RetirementBegun, RetirementEnded, SegmentClosed, SegmentEnded, StorageLevelled

PLENTY, TIGHT, FULL = "plenty", "tight", "full"


@state(388)
class Storage(State):
    """*closing* while a closing snapshot is asked for, *retiring* while turns up to that one are being deleted (-1: none)."""

    level: str = PLENTY
    closing: bool = False
    retiring: int = -1


STORAGE = Part("storage", Storage)


def fold_level(storage: Storage, fact: StorageLevelled) -> None:
    """Another level."""
    storage.level = fact.level


def fold_ended(storage: Storage, fact: SegmentEnded) -> None:  # noqa: ARG001
    """Asked for."""
    storage.closing = True


def fold_closed(storage: Storage, fact: SegmentClosed) -> None:  # noqa: ARG001
    """There, or not: the next look decides."""
    storage.closing = False


def fold_begun(storage: Storage, fact: RetirementBegun) -> None:
    """Going."""
    storage.retiring = fact.through


def fold_gone(storage: Storage, fact: RetirementEnded) -> None:  # noqa: ARG001
    """Gone."""
    storage.retiring = -1


FOLDS: Folds[Storage] = {
    StorageLevelled: fold_level,
    SegmentEnded: fold_ended,
    SegmentClosed: fold_closed,
    RetirementBegun: fold_begun,
    RetirementEnded: fold_gone,
}


def full(station: Station) -> bool:
    """Whether there is no room for another session."""
    return station[STORAGE].level == FULL
