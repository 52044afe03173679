"""Everything that is wrong with a set of component files, said at once, and which of it keeps a station from starting.

Invariant: a complaint names the file and the variable, says what is wrong and what would be right, and never quotes a secret.  Only what makes the
model ambiguous or unsafe is fatal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from engine.errors import SetupFault

SHOWN_CHARACTERS = 60
"""How much of a value a complaint quotes."""

NEAR = 0.6
"""From which likeness on (0 to 1) a known word counts as what was meant."""


STOPS = "does not start"


class Kind(NamedTuple):
    """A kind of complaint: what is wrong, and what the station does *then* (docs/component_files.md)."""

    what: str
    then: str

    @property
    def fatal(self) -> bool:
        """Whether the station does not start."""
        return self.then == STOPS


# Nobody can tell what is declared, or it would be unsafe to go on.
DIRECTORY = Kind("a directory that holds no component files, or cannot be read", STOPS)
FILE = Kind("a file that cannot be read, is no JSON, or has a key twice in one object", STOPS)
STRUCTURE = Kind("something else where an object or a list has to be", STOPS)
ADDRESS = Kind("a name, an instance, an evse_id or a connector_id that is missing or cannot be one", STOPS)
MISSPELLED = Kind("an unknown key that looks like a misspelled one that decides what is declared, such as mutability", STOPS)
TYPE = Kind("a dataType that is missing or unknown", STOPS)
ATTRIBUTE = Kind("an attribute whose type, mutability or constant is unknown", STOPS)
LIMIT = Kind("a limit or a valuesList that cannot be read, or a minLimit above the maxLimit", STOPS)
VALUE = Kind("a value that is not of its dataType, or longer than OCPP transports", STOPS)
SECRET = Kind("a secret outside its limits, or outside of printable ASCII", STOPS)
PROFILE = Kind("a network connection profile that cannot be used", STOPS)
IDENTITY = Kind("an identity with a colon in it", STOPS)
TWICE = Kind("the same component, variable, attribute or monitor twice in one folder", STOPS)
TOPOLOGY = Kind("EVSEs and connectors that are not numbered from 1, or lack one another", STOPS)
BASE = Kind("an override of what no file declares, or under another variable's key", STOPS)

# It is clear what is meant, or nothing depends on it.
OUT_OF_LIST = Kind("a value outside its valuesList", "uses the value as declared; SetVariables goes on rejecting values outside the list")
OUT_OF_LIMITS = Kind("a value outside its limits", "uses the value as declared; SetVariables goes on rejecting values outside the limits")
MEMBER = Kind("a list with a member twice, or with an empty member", "counts each member once, and drops the empty ones")
NULL = Kind("a value that is null", "declares the variable without it")
UNUSED_DEFAULT = Kind("a default that could not be used, where a value counts", "does not read the default")
NO_ACTUAL = Kind("a default without an attribute of type Actual", "does not read the default")
NO_LIST = Kind("a MemberList, SequenceList or OptionList without valuesList", "takes any members")
MEANINGLESS = Kind("a limit or a valuesList that means nothing for the dataType", "does not read it")
UNKNOWN_KEY = Kind("any other unknown key", "does not read it")
FLAG = Kind("a flag that is neither true nor false", "uses the default of the key")
CHOICE = Kind("an unknown source or policy", "uses the default of the key")
UNIT = Kind("a unit that is no text of up to 16 characters", "reports no unit")
NOTE = Kind("a description, a $schema or a JSON type that cannot be one", "does not read it")
REQUIRED_NAME = Kind("a list of required variables that names none of the component", "does not read the name")
NO_VALUE = Kind("a required variable without a value", "reports it empty, and uses its own default")
NOT_DECLARED = Kind("a component or a variable that OCPP requires, and that is not declared", "answers that it is unknown")
MONITOR = Kind("a monitor that could never do what it says", "leaves the monitor out")
DOUBT = Kind("a network connection profile that will not be used as it says", "connects as the warning says")
SLOT = Kind("a value of NetworkConfiguration, or an instance of it that is no slot", "shows what the network connection profiles say")
NOT_BUILT = Kind("a controller that is Available or Enabled, and is not built", "reports false")
NOT_READ = Kind("a file with a name, or in a place, that is not read", "does not read it")

KINDS = (
    DIRECTORY, FILE, STRUCTURE, ADDRESS, MISSPELLED, TYPE, ATTRIBUTE, LIMIT, VALUE, SECRET, PROFILE, IDENTITY, TWICE, TOPOLOGY, BASE,
    OUT_OF_LIST, OUT_OF_LIMITS, MEMBER, NULL, UNUSED_DEFAULT, NO_ACTUAL, NO_LIST, MEANINGLESS, UNKNOWN_KEY, FLAG, CHOICE, UNIT, NOTE,
    REQUIRED_NAME, NO_VALUE, NOT_DECLARED, MONITOR, DOUBT, SLOT, NOT_BUILT, NOT_READ,
)  # fmt: skip
"""Every kind of complaint: the fatal ones first."""


class Complaint(str):
    """One thing that is wrong: a line for people, and its *kind*."""

    __slots__ = ("kind",)

    kind: Kind

    def __new__(cls, kind: Kind, line: str) -> Self:
        """A line of a kind."""
        made = super().__new__(cls, line)
        made.kind = kind
        return made


class ConfigFault(SetupFault):
    """The component files cannot be used.  *complaints* has one line for each fatal thing, in the order of the files, *warnings* for the others."""

    def __init__(self, complaints: Sequence[Complaint], warnings: Sequence[Complaint] = ()) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)
        self.warnings = tuple(warnings)


class Wrong(ValueError):  # it is an answer, not an accident: the loader turns it into a complaint
    """A value is not what it has to be; the text goes on after the value: ``is not ...; right would be ...``.

    The text quotes nothing; *part* is the piece of the value that is wrong, for complaints about values that are no secret.  *usable* is the value
    that counts all the same, where its *kind* is a warning.
    """

    def __init__(self, text: str, part: str = "", *, kind: Kind = VALUE, usable: str | None = None) -> None:
        super().__init__(text)
        self.part = part
        self.kind = kind
        self.usable = usable


class Complaints:
    """The complaints about one file after another."""

    def __init__(self) -> None:
        self.fatal: list[Complaint] = []
        self.warnings: list[Complaint] = []
        self.unread: set[str] = set()
        """The files of which nobody knows what they declare."""

    def unreadable(self, file: str, text: str) -> None:
        """Nothing can be read of *file*, and why."""
        self.unread.add(file)
        self.add(FILE, file, "", text)

    def add(self, kind: Kind, file: str, where: str, text: str) -> None:
        """One thing that is wrong in *file*; *where* is ``component.variable``, or empty when it concerns the whole file."""
        where = where if where.isprintable() else ascii(where)
        found = self.fatal if kind.fatal else self.warnings
        found.append(Complaint(kind, f"{file}: {where}: {text}" if where else f"{file}: {text}"))


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
