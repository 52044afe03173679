"""Everything that is wrong with a set of component files, said at once.

Law: a complaint names the file and the variable, says what is wrong and what would be right, and never quotes a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.errors import SetupFault

SHOWN_CHARACTERS = 60
"""How much of a value a complaint quotes."""

NEAR = 0.6
"""From which likeness on (0 to 1) a known word counts as what was meant."""


class ConfigFault(SetupFault):
    """The component files cannot be used.  *complaints* has one line for each thing that is wrong, in the order of the files.

    *warnings* are what may have to do with it.
    """

    def __init__(self, complaints: Sequence[str], warnings: Sequence[str] = ()) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)
        self.warnings = tuple(warnings)


class Wrong(ValueError):  # it is an answer, not an accident: the loader turns it into a complaint
    """A value is not what it has to be; the text goes on after the value: ``is not ...; right would be ...``.

    The text quotes nothing; *part* is the piece of the value that is wrong, for complaints about values that are no secret.
    """

    def __init__(self, text: str, part: str = "") -> None:
        super().__init__(text)
        self.part = part


class Complaints:
    """The complaints about one file after another."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        """What may be meant as it is, and looks as if it were not."""
        self.unread: set[str] = set()
        """The files of which nobody knows what they declare."""

    def unreadable(self, file: str, text: str) -> None:
        """Nothing can be read of *file*, and why."""
        self.unread.add(file)
        self.add(file, "", text)

    def add(self, file: str, where: str, text: str) -> None:
        """One thing that is wrong in *file*; *where* is ``component.variable``, or empty when it concerns the whole file."""
        where = where if where.isprintable() else ascii(where)
        self.lines.append(f"{file}: {where}: {text}" if where else f"{file}: {text}")


def shown(raw: object) -> str:
    """A value as it is quoted: like in the file, cut off when it is long."""
    match raw:
        case bool():
            text = "true" if raw else "false"
        case None:
            text = "null"
        case str():
            text = ascii(raw) if not raw.isprintable() else f"'{raw}'"
        case dict():
            text = "an object"
        case list():
            text = "a list"
        case _:
            text = str(raw)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def meant(word: str, known: Iterable[str]) -> str:
    """Which of the *known* words *word* was meant to be; empty where none is near.  Slow: for complaints only."""
    from difflib import get_close_matches  # only needed where something is wrong

    folded = {k.casefold().replace("_", ""): k for k in known}
    near = get_close_matches(word.casefold().replace("_", "")[:SHOWN_CHARACTERS], folded, 1, NEAR)
    return folded[near[0]] if near else ""


def one_of(word: str, known: Sequence[str]) -> str:
    """What would be right instead of *word*."""
    near = meant(word, known)
    return f"did you mean '{near}'?" if near else f"right would be one of: {', '.join(known)}"
