"""A secret that we may talk about without knowing it: a text in one canonical spelling.

Law: ``<sealed:HANDLE:LENGTH:FLAG>`` tells a secret's length and whether it is printable ASCII, or nothing but digits, and nothing else of it; one
secret has one spelling.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import frozen

from wire.jsontext import encode

PREFIX = "<sealed:"
PREFIX_BYTES = PREFIX.encode()
PATTERN = r"<sealed:([0-9a-f]{32}):(0|[1-9][0-9]{0,8}):([dp-])>"
PATTERN_BYTES = rb"<sealed:([0-9a-f]{32}):(?:0|[1-9][0-9]{0,8}):[dp-]>"
"""Not compiled: a start does not wait for what it may not need, and ``re`` compiles each once."""

FAMILY_DIGITS = 20
"""The first digits of a person's handle are the same for all spellings of one text that differ in case only."""

Reveal = Callable[[str], str | None]
"""handle -> the secret, None where it is not known or not for this purpose."""


@frozen(kw_only=True)
class Sealed:
    """What a placeholder says: where the secret lies, how many characters it has, whether all of them are printable ASCII, and digits.

    A number can be judged without knowing it only by that.
    """

    handle: str
    length: int
    printable: bool
    digits: bool = False

    @property
    def text(self) -> str:
        """The placeholder."""
        return f"{PREFIX}{self.handle}:{self.length}:{'d' if self.digits else 'p' if self.printable else '-'}>"


def parse(text: str) -> Sealed | None:
    """What the placeholder *text* says; None where it is none."""
    if not text.startswith(PREFIX):
        return None
    found = re.fullmatch(PATTERN, text)
    return Sealed(handle=found[1], length=int(found[2]), printable=found[3] != "-", digits=found[3] == "d") if found is not None else None


def is_same_identifier(one: str, other: str) -> bool:
    """Whether two identifiers are equal as OCPP compares its identifierStrings: without case.  Sealed ones are, by the family of their handles."""
    if one == other:
        return True
    if one.startswith(PREFIX) and other.startswith(PREFIX):
        begin = len(PREFIX)
        return one[begin : begin + FAMILY_DIGITS] == other[begin : begin + FAMILY_DIGITS]
    return one.casefold() == other.casefold()


def find(data: bytes) -> list[str]:
    """The handles of all placeholders in *data*, in order."""
    return [found.decode() for found in re.findall(PATTERN_BYTES, data)]


def named_in(data: bytes) -> set[str]:
    """The handles of all placeholders in *data*, which may be JSON text, a row or a state: a placeholder stands in all of them as it is."""
    return set(find(data)) if PREFIX_BYTES in data else set()


def clear_length(data: bytes) -> int:
    """How long *data* was before its secrets were taken out; a character of a secret counts as a byte."""
    if PREFIX_BYTES not in data:
        return len(data)
    return len(data) + sum(int(found[2]) - len(found[0]) for found in re.finditer(PATTERN, data.decode("latin-1")))


def replace(data: bytes, reveal: Reveal) -> bytes:
    """JSON text with every placeholder replaced by what *reveal* gives for its handle, escaped; a handle that gives None stays.

    What was revealed is not looked at again: a secret that itself spells a placeholder reveals nothing more.
    """

    def shown(found: re.Match[bytes]) -> bytes:
        secret = reveal(found[1].decode())
        return found[0] if secret is None else _escaped(secret)

    return re.sub(PATTERN_BYTES, shown, data)


def replace_text(text: str, reveal: Reveal) -> str:
    """The same for plain text, such as a URL whose user part is sealed."""

    def shown(found: re.Match[str]) -> str:
        secret = reveal(found[1])
        return found[0] if secret is None else secret

    return re.sub(PATTERN, shown, text)


def _escaped(secret: str) -> bytes:
    try:
        return encode(secret)[1:-1]
    except UnicodeEncodeError:
        # Half a surrogate pair cannot be UTF-8, but it can be an escape.
        import json

        return json.dumps(secret)[1:-1].encode()
