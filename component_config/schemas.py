"""OCPP's JSON schemas, which come with the ``ocpp`` package.

Law: read as files; the package itself is never imported here.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from engine.errors import SetupFault
from wire.schemas import Schemas


def installed_schemas() -> Schemas:
    """The schemas of both versions.  Raises SetupFault where the package is not installed."""
    spec = find_spec("ocpp")
    if spec is None or not spec.submodule_search_locations:
        raise SetupFault("the ocpp package is not installed: its JSON schemas are needed; install requirements.lock")
    root = Path(spec.submodule_search_locations[0])
    folders = {"2.0.1": root / "v201" / "schemas", "2.1": root / "v21" / "schemas"}

    def read(version: str, name: str) -> bytes | None:
        path = folders[version] / f"{name}.json"
        return path.read_bytes() if path.is_file() else None

    return Schemas(read)
