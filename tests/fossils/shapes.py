"""How every record and enumeration looks: what rows and closing snapshots of this build can only be read with.

Law: one line a record: kind, version, name, then the fields in order with their types and defaults.  All of it is part of how a row is read.
"""

from __future__ import annotations

from typing import Any

import attrs

from engine.records import BY_KIND, ENUMS


def shapes() -> dict[str, str]:
    """``record KIND`` or ``enum KIND`` -> its line."""
    found = {f"record {kind}": f"v{entry.version} {entry.name}({', '.join(map(field, fields(entry.cls)))})" for kind, entry in BY_KIND.items()}
    found |= {f"enum {kind}": f"{of.__qualname__} {' '.join(of.__members__)}" for kind, of in ENUMS.items()}
    return dict(sorted(found.items(), key=lambda pair: (pair[0].split()[0], int(pair[0].split()[1]))))


def fields(cls: Any) -> tuple[attrs.Attribute[object], ...]:
    """The fields of a record's class."""
    found: tuple[attrs.Attribute[object], ...] = attrs.fields(cls)
    return found


def field(it: attrs.Attribute[object]) -> str:
    """A field, its type, and its default where it has one."""
    default = it.default
    if default is attrs.NOTHING:
        return f"{it.name}: {it.type}"
    return f"{it.name}: {it.type} = {'(made)' if isinstance(default, attrs.Factory) else repr(default)}"  # type: ignore[arg-type]


def version_of(line: str) -> int:
    """The version that a record's line says."""
    return int(line.split(maxsplit=1)[0].removeprefix("v"))


def read(text: str) -> dict[str, str]:
    """A file of shapes, one line each."""
    return dict(line.split(" | ", 1) for line in text.splitlines() if line and not line.startswith("#"))


def written(found: dict[str, str]) -> str:
    """The same as a file's text."""
    head = "# How records look that a build wrote: made by python -m tests.fossils.make, compared by tests/engine/test_shapes.py.\n"
    return head + "".join(f"{name} | {line}\n" for name, line in found.items())
