"""Makes directories of component files.  One law: what it makes is without fault until a test breaks it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from component_config.complaints import Complaint
from component_config.load import ConfigFault, Loaded, load

Json = dict[str, Any]


def variable(name: str = "Depth", data_type: str = "integer", **more: Any) -> Json:
    """A property.  Keys of characteristics and of the one attribute go where they belong; *drop* names keys to leave out."""
    found: Json = {
        "variable_name": name,
        "characteristics": {"dataType": data_type, "supportsMonitoring": False},
        "attributes": [{"type": "Actual", "mutability": "ReadWrite"}],
    }
    for key, value in more.items():
        if key in ("minLimit", "maxLimit", "valuesList", "unit", "dataType", "supportsMonitoring"):
            found["characteristics"][key] = value
        elif key in ("mutability", "value", "persistent", "constant"):
            found["attributes"][0][key] = value
        else:
            found[key] = value
    return found


def component(name: str, *variables: Json, **more: Any) -> Json:
    """A component; each property's key is its place."""
    return {"name": name, "properties": {f"p{i}": v for i, v in enumerate(variables)}, **more}


EVSE = component("EVSE", variable("Available", "boolean", value=True), evse_id=1)
CONNECTOR = component("Connector", variable("Available", "boolean", value=True), evse_id=1, connector_id=1)


class Files:
    """A directory with one EVSE that a test adds to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kept: list[str] = []
        self.kinds: set[str] = set()
        self.put("custom/EVSE_1.json", EVSE)
        self.put("custom/Connector_1_1.json", CONNECTOR)

    def put(self, name: str, content: Any) -> None:
        """Write a file: bytes as they are, all else as JSON."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, indent=2).encode())

    def tank(self, *variables: Json, **more: Any) -> None:
        """Write the component under test."""
        self.put("standardized/Tank.json", component("Tank", *variables, **more))

    def keep(self, text: str, kind: str) -> str:
        """Put a secret, or who somebody is, away."""
        self.kept.append(text)
        self.kinds.add(kind)
        return f"<{len(text)}>"

    def load(self) -> Loaded:
        """Load the directory."""
        return load([self.root], self.keep, ())

    def values(self) -> dict[str, str | None]:
        """The values of the component under test."""
        return {d.variable: d.value for d in self.load().declarations if d.component == "Tank"}

    def complaints(self) -> tuple[Complaint, ...]:
        """What is wrong with the directory, the fatal things first."""
        refused = ""
        fatal: tuple[Complaint, ...] = ()
        try:
            found = self.load().warnings
        except ConfigFault as fault:
            refused, fatal, found = str(fault), fault.complaints, fault.warnings
        if fatal:
            assert refused == "\n".join(fatal)
            assert self.kept == [], "a secret of a refused directory was put away"
        assert all(line.kind.fatal for line in fatal)
        assert not any(line.kind.fatal for line in found)
        return (*fatal, *found)

    def complaint(self) -> Complaint:
        """The one thing that is wrong with the directory."""
        (only,) = self.complaints()
        assert "right would be" in only or "did you mean" in only or "has to" in only or "is missing" in only, only
        return only
