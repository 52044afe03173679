"""What the tests of this room share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.component_config.files import Files


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A directory without fault."""
    return Files(tmp_path)
