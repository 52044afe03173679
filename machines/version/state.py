"""OFFERING, then AGREED or REFUSED, for the link that is open.

Law: no message is read or written in a version that was not agreed.
"""

from __future__ import annotations

from enum import Enum

import attrs

from engine.machine import Folds, Part, State, state
from engine.records import enumeration
from engine.table import Table
from machines.version.facts import VersionAgreed, VersionRefused, VersionsOffered


@enumeration(133)
class Phase(Enum):
    """Where the negotiation stands."""

    IDLE = "idle"
    OFFERING = "offering"
    AGREED = "agreed"
    REFUSED = "refused"


TABLE = Table(
    Phase,
    [
        # fact             from                                                           to
        (VersionsOffered, (Phase.IDLE, Phase.OFFERING, Phase.AGREED, Phase.REFUSED), Phase.OFFERING),
        (VersionAgreed,    Phase.OFFERING,                                                Phase.AGREED),
        (VersionRefused,   Phase.OFFERING,                                                Phase.REFUSED),
    ],
)  # fmt: skip


@state(134)
class Version(State):
    """The negotiation of the newest link; *of* holds the version of each link that agreed, the last two of them."""

    phase: Phase = Phase.IDLE
    offered: tuple[str, ...] = ()
    of: dict[int, str] = attrs.field(factory=dict)


VERSION = Part("version", Version)


def fold_offered(version: Version, fact: VersionsOffered) -> None:
    """A new negotiation."""
    version.phase = TABLE.next(version.phase, VersionsOffered)
    version.offered = fact.subprotocols


def fold_agreed(version: Version, fact: VersionAgreed) -> None:
    """The link speaks this version; a late answer on the link before it can still be told apart."""
    version.phase = TABLE.next(version.phase, VersionAgreed)
    version.of = {link: name for link, name in version.of.items() if link == fact.link - 1}
    version.of[fact.link] = fact.version


def fold_refused(version: Version, fact: VersionRefused) -> None:  # noqa: ARG001
    """Nothing can be said on this link."""
    version.phase = TABLE.next(version.phase, VersionRefused)


FOLDS: Folds[Version] = {VersionsOffered: fold_offered, VersionAgreed: fold_agreed, VersionRefused: fold_refused}
