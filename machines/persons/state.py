"""Who waits to be forgotten, and what could not be destroyed yet."""

from __future__ import annotations

from engine.machine import Folds, Part, State, state
from machines.persons.facts import ForgettingPromised, ShreddingFailed, ShreddingRetried, SubjectForgotten


@state(356)
class Persons(State):
    """*waiting* are the pseudonyms of persons who are needed still, *failed* what is tried again at *retry_at_us* (0: nothing)."""

    waiting: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    retry_at_us: int = 0
    forgotten: int = 0


PERSONS = Part("persons", Persons)


def fold_promised(persons: Persons, fact: ForgettingPromised) -> None:
    """One more waits."""
    if fact.pseudonym not in persons.waiting:
        persons.waiting = (*persons.waiting, fact.pseudonym)


def fold_forgotten(persons: Persons, fact: SubjectForgotten) -> None:
    """One fewer."""
    persons.waiting = tuple([one for one in persons.waiting if one != fact.pseudonym])
    persons.forgotten += 1


def fold_failed(persons: Persons, fact: ShreddingFailed) -> None:
    """Later again, with whatever else failed."""
    persons.failed = tuple(dict.fromkeys((*persons.failed, *fact.handles)))
    persons.retry_at_us = fact.retry_at_us


def fold_retried(persons: Persons, fact: ShreddingRetried) -> None:  # noqa: ARG001
    """Under way."""
    persons.failed = ()
    persons.retry_at_us = 0


FOLDS: Folds[Persons] = {
    ForgettingPromised: fold_promised,
    SubjectForgotten: fold_forgotten,
    ShreddingFailed: fold_failed,
    ShreddingRetried: fold_retried,
}
