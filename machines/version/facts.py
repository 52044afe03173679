"""What can be true of the version of a link."""

from __future__ import annotations

from engine.event import Fact
from engine.records import record


@record(130)
class VersionsOffered(Fact):
    """A link is dialled with these WebSocket subprotocols, best first."""

    link: int
    subprotocols: tuple[str, ...]


@record(131)
class VersionAgreed(Fact):
    """The CSMS chose one of them; *version* is ``2.0.1`` or ``2.1``."""

    link: int
    version: str


@record(132)
class VersionRefused(Fact):
    """The CSMS opened the link and chose none of them: *chosen* is what it said, empty for nothing (Part 4, 3.1.2)."""

    link: int
    chosen: str
