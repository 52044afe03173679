"""What all tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.story import Story

NewStory = Callable[..., Story]


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
