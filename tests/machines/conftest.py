"""Stations that more than one of these files needs."""

from __future__ import annotations

import pytest

from component_config.load import load, shipped
from stationd.run import configured
from tests.conftest import NewStory
from tests.story import Story


@pytest.fixture
def shipped_story(new_story: NewStory) -> Story:
    """A station with the component files that it is shipped with."""
    story = new_story().boot()
    declarations = load([shipped()], lambda text, purpose: f"<sealed:{text.encode().hex():0>32}:{len(text)}:{purpose[0]}>").declarations
    story.when(configured(declarations, None, None))
    return story
