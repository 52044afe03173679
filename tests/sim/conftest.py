"""What the tests of the simulator share."""

from __future__ import annotations

import pytest

from component_config.schemas import installed_schemas
from wire.schemas import Schemas


@pytest.fixture(scope="session")
def schemas() -> Schemas:
    """OCPP's schemas, compiled once for all lives."""
    return installed_schemas()
