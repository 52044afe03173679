"""What all tests share, and what holds for each of them."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

from stationd.refused import refused_address
from tests.story import Story

NewStory = Callable[..., Story]

# How long an example takes says something about the machine, and nothing about what is tested.
settings.register_profile("stationd", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("stationd")


# Which tests touch something outside of the interpreter

OUTSIDE = "outside"
"""The mark of a test that has a port, a clock, a disk, a process or a thread: ``make test-under-load`` runs it four times."""

OUTSIDE_ROOMS = ("adapters", "eventlog", "stationd")
"""Folders of tests that have one each, if only in what they call."""

OUTSIDE_MODULES = frozenset(
    {"asyncio", "concurrent", "lmdb", "multiprocessing", "select", "selectors", "signal", "socket", "subprocess", "threading", "time"}
)
"""A test module that has one of these, or something from it, has one of them."""

OUTSIDE_FIXTURES = frozenset({"tmp_path", "tmp_path_factory", "pytester"})


def touches_outside(item: pytest.Item) -> bool:
    """Return whether a test has a port, a clock, a disk, a process or a thread, as far as its folder, its fixtures and its imports show."""
    if any(item.path.is_relative_to(Path(__file__).with_name(room)) for room in OUTSIDE_ROOMS):
        return True
    if OUTSIDE_FIXTURES & set(getattr(item, "fixturenames", ())):
        return True
    module = getattr(item, "module", None)
    owners = (value.__name__ if isinstance(value, ModuleType) else str(getattr(value, "__module__", "")) for value in vars(module).values())
    return any(owner.partition(".")[0] in OUTSIDE_MODULES for owner in owners)


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", f"{OUTSIDE}: has a port, a clock, a disk, a process or a thread (set by tests/conftest.py)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them."""
    for item in items:
        if touches_outside(item):
            item.add_marker(OUTSIDE)


# What a failed test leaves behind


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let go of what a failed test had open, before the next one begins.

    Its frames are kept for a debugger, and with them what it did not come to close.  The complaint about that would come whenever they are let go
    of, and fail a test that has nothing to do with it.
    """
    failed = item.session.testsfailed
    result = yield
    if item.session.testsfailed > failed:
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            if hasattr(sys, name):
                delattr(sys, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            gc.collect()
    return result


# Fixtures


@pytest.fixture(scope="session")
def nobody() -> Iterator[str]:
    """A ``host:port`` at which every connection is refused."""
    with refused_address() as address:
        yield address


@pytest.fixture
def new_story() -> Iterator[NewStory]:
    """A maker of stories; each of them is replayed when the test is over."""
    made: list[Story] = []

    def make(settings: dict[str, str] | None = None, **more: int) -> Story:
        made.append(Story(settings, **more))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for story in made:
        story.verify()


@pytest.fixture
def story(new_story: NewStory) -> Story:
    """A station that is accepted and idle, on a 2.1 link."""
    return new_story().boot()
