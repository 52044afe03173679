"""A case: a function that tells what happens, who does it, and what must come of it.

Law: a case names its id and every requirement that it looks at, and cannot pass without having looked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from conformance.catalogue import CATALOGUE
from conformance.trial import Trial

Story = Callable[[Trial], Awaitable[None]]


class Case(NamedTuple):
    """A case that is built."""

    case_id: str
    requirements: tuple[str, ...]
    story: Story
    configuration: dict[str, str]
    """Component.Variable -> what it has to be set to before the case begins (Configuration State)."""

    @property
    def summary(self) -> str:
        """What it is about, in a line."""
        return (self.story.__doc__ or "").strip().splitlines()[0]


CASES: dict[str, Case] = {}
"""Every case that is built, by its id."""


def requirements_of(case_id: str) -> tuple[str, ...]:
    """The requirements that a case is about: those that the catalogue names, and those that the built case looks at beside them."""
    built = CASES.get(case_id)
    return tuple(dict.fromkeys((*CATALOGUE[case_id].requirements, *(built.requirements if built else ()))))


def case(case_id: str, *requirements: str, **configuration: str) -> Callable[[Story], Story]:
    """Register a case.

    *requirements*: what it looks at, where that is not what Part 6 names.  *configuration*: ``TxCtrlr__TxStartPoint="PowerPathClosed"`` has the
    variable set before it begins.
    """

    def register(story: Story) -> Story:
        if case_id in CASES:
            raise ValueError(f"{case_id} is there twice")
        if not story.__doc__:
            raise ValueError(f"{case_id} does not say what it is about")
        if case_id not in CATALOGUE:
            raise ValueError(f"{case_id} is no test case of Part 6")
        wanted = {name.replace("__", "."): value for name, value in configuration.items()}
        CASES[case_id] = Case(case_id, requirements or CATALOGUE[case_id].requirements, story, wanted)
        return story

    return register
