"""What can be true of the link to the CSMS.  Every fact names its link: late events of an old one never touch a new one."""

from __future__ import annotations

from engine.event import Fact
from engine.records import record


@record(120)
class Dialled(Fact):
    """Link *link* is being opened on configuration slot *slot*, with a ping every *ping_interval_s* seconds once it is open (0: none)."""

    link: int
    slot: int
    ping_interval_s: int = 0


@record(121)
class Opened(Fact):
    """The link is open and its version agreed."""

    link: int
    at_us: int


@record(450)
class LinkConfirmed(Fact):
    """The CSMS sent the first OCPP-J frame on the link: it lets this station in, with the password that the link was dialled with."""

    link: int


@record(122)
class Lost(Fact):
    """The link is closed, or never opened.

    *reason* is a fixed word (``machines.connection.reasons``), *detail* says more for people.  *redial_at_us* says when to try again; *failures* how
    often in a row there was no link, or only one that the other side closed at once.  *on_purpose*: the station closed it itself, or restarted, and
    *reason* says what for.
    """

    link: int
    reason: str
    redial_at_us: int
    failures: int
    at_us: int
    detail: str = ""
    on_purpose: bool = False


@record(123)
class Leaving(Fact):
    """The link will be closed at *hang_up_at_us*, so that an answer on its way can leave first."""

    link: int
    hang_up_at_us: int
    reason: str


@record(124)
class HungUp(Fact):
    """The link is being closed by us; when nothing more is heard of it by *give_up_at_us*, it counts as gone."""

    link: int
    code: int
    reason: str
    give_up_at_us: int


@record(125)
class Held(Fact):
    """The station stays offline until told otherwise; *why* is ``control`` or ``stopping``."""

    why: str


@record(126)
class Released(Fact):
    """The station may dial again, now, and its back-off begins afresh."""

    redial_at_us: int


@record(441)
class PingIntervalChanged(Fact):
    """Link *link* sends a ping every *seconds* from now on; 0: none."""

    link: int
    seconds: int
