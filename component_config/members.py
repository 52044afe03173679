"""The members of an object in a component file, one by one: of the right type, or complained about.

Invariant: what is wrong is said with what would be right, and nothing that may be a secret is quoted; what is returned in spite of a warning is what
the warning's kind says.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from component_config.complaints import (
    ADDRESS,
    FLAG,
    MISSPELLED,
    NOTE,
    UNKNOWN_KEY,
    Complaints,
    Kind,
    meant,
    one_of,
    shown,
)

MISSING = object()
NOTHING: Mapping[str, str] = {}

HARMLESS = frozenset({"$schema", "description", "honoured", "persistent", "required", "source", "supportsMonitoring", "type", "unit"})
"""Known keys of which a misspelled one changes neither what is declared, nor who may set or read it."""


@cache
def as_set(words: tuple[str, ...]) -> frozenset[str]:
    """The same words without their order; there are few of these tuples, and each is asked for hundreds of times."""
    return frozenset(words)


class Characteristics(NamedTuple):
    """What a variable may hold."""

    data_type: str
    unit: str
    low: str
    high: str
    allowed: tuple[str, ...]
    monitored: bool


class Members:
    """Reads members of what is in one file, and knows which component they are of."""

    def __init__(self, file: str, complaints: Complaints, touched: Mapping[str, str] = NOTHING) -> None:
        self.file = file
        self.complaints = complaints
        self.touched = touched  # variables, as complaints write them, that another file has a part in: what to call the two
        self.component = ""

    def wrong(self, kind: Kind, where: str, text: str) -> None:
        """Complain about a variable of this component, or with an empty *where* about the component."""
        file = (self.touched.get(where) or self.touched.get(where.partition(" (")[0])) if self.touched else None
        self.complaints.add(kind, file or self.file, f"{self.component}.{where}" if where and self.component else where or self.component, text)

    def keys(
        self, where: str, body: dict[str, Any], known: tuple[str, ...], what: str, harmless: frozenset[str] = HARMLESS, kind: Kind = UNKNOWN_KEY
    ) -> None:
        """Complain about keys that nobody reads: of a *kind*, or as misspelled where one is like a known key that is not *harmless*."""
        if body.keys() <= as_set(known):
            return
        for key in body:
            if key in known:
                continue
            near = meant(key, known)
            right = f"right would be '{near}'" if near else f"the keys of {what} are: {', '.join(known)}"
            self.wrong(MISSPELLED if near and near not in harmless else kind, where, f"key {shown(key)} is not known; {right}")

    def text(self, where: str, body: dict[str, Any], key: str, longest: int, *, needed: bool = False, kind: Kind = ADDRESS) -> str:
        """A text member; empty where it is missing or wrong."""
        value = body.get(key, MISSING)
        if value is MISSING:
            if needed:
                self.wrong(kind, where, f"'{key}' is missing; right would be a text")
            return ""
        if type(value) is not str:
            self.wrong(kind, where, f"'{key}' is {shown(value)}; right would be a text in quotes")
        elif len(value) > longest:
            self.wrong(kind, where, f"'{key}' has {len(value)} characters; right would be at most {longest}")
        elif value != value.strip() or not value.isprintable():
            self.wrong(kind, where, f"'{key}' has blanks around it or control characters; right would be a plain name")
        elif needed and not value:
            self.wrong(kind, where, f"'{key}' is empty; right would be a name")
        else:
            return value
        return ""

    def flag(self, where: str, body: dict[str, Any], key: str, default: bool, kind: Kind = FLAG) -> bool:  # noqa: FBT001 (a member's default)
        """A member that is true or false; *default* where it is missing or neither."""
        value = body.get(key, default)
        if type(value) is bool:
            return value
        self.wrong(kind, where, f"'{key}' is {shown(value)}; right would be true or false")
        return default

    def choice(self, where: str, body: dict[str, Any], key: str, known: tuple[str, ...], default: str = "", *, kind: Kind) -> str:
        """A member that is one of the *known* words; *default* where it is missing, and where it is wrong and no more than a warning, else empty."""
        value = body.get(key, default or MISSING)
        if value is MISSING:
            self.wrong(kind, where, f"'{key}' is missing; right would be one of: {', '.join(known)}")
        elif type(value) is str and value in known:
            return value
        else:
            self.wrong(kind, where, f"'{key}' {shown(value)} is not known; {one_of(str(value), known)}")
        return "" if kind.fatal else default

    def note(self, where: str, body: dict[str, Any], key: str) -> None:
        """A member for people."""
        if key in body and type(body[key]) is not str:
            self.wrong(NOTE, where, f"'{key}' is {shown(body[key])}; right would be a text in quotes")
