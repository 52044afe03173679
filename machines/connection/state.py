"""Where the link stands.

Law: at most one link; the old one is closed before another is dialled (B10.FR.06).
"""

from __future__ import annotations

from enum import Enum

from engine.machine import Folds, Part, State, state
from engine.records import enumeration
from engine.table import Table
from machines.connection.facts import Dialled, Held, HungUp, Leaving, LinkConfirmed, Lost, Opened, PingIntervalChanged, Released


@enumeration(127)
class Phase(Enum):
    """Where the link stands."""

    DOWN = "down"
    DIALLING = "dialling"
    UP = "up"
    LEAVING = "leaving"
    CLOSING = "closing"


ALIVE = (Phase.DIALLING, Phase.UP, Phase.LEAVING, Phase.CLOSING)
PINGING = (Phase.DIALLING, Phase.UP, Phase.LEAVING)
"""Phases in which the socket sends pings, now or as soon as it is open."""

TABLE = Table(
    Phase,
    [
        # fact    from                                         to
        (Dialled,  Phase.DOWN,                                 Phase.DIALLING),
        (Opened,   Phase.DIALLING,                             Phase.UP),
        (Leaving,  Phase.UP,                                   Phase.LEAVING),
        (HungUp,  (Phase.DIALLING, Phase.UP, Phase.LEAVING),   Phase.CLOSING),
        (Lost,     ALIVE,                                      Phase.DOWN),
    ],
)  # fmt: skip


@state(128)
class Connection(State):
    """The link.  *due_us* is when the phase has to end by itself; None: whenever the world says so.

    *opened_at_us* is when the newest link opened, 0 while it has not; *confirmed*: the CSMS has sent a frame on it; *worked_before*: the newest link
    that is gone had worked.  *down_since_us* is when the last link that had worked was lost, for OfflineThreshold (B04).  *failure* is the newest
    link that was lost or never opened without the station's will.
    *ping_interval_s* is what the socket was told last.
    """

    phase: Phase = Phase.DOWN
    link: int = 0
    slot: int = 0
    due_us: int | None = None
    failures: int = 0
    held: str = ""
    opened_at_us: int = 0
    confirmed: bool = False
    worked_before: bool = False
    down_since_us: int = 0
    lost_at_us: int = 0
    reason: str = ""
    failure: Lost | None = None
    ping_interval_s: int = 0


CONNECTION = Part("connection", Connection)

PROBATION_US = 30_000_000
"""A link that the CSMS closes sooner than this, and without a single frame, counts as one that never opened."""


def has_worked(here: Connection, at_us: int) -> bool:
    """Whether the newest link carried a frame of the CSMS, or was open for longer than PROBATION_US, by *at_us*."""
    return here.opened_at_us > 0 and (here.confirmed or at_us - here.opened_at_us > PROBATION_US)


def fold_dialled(here: Connection, fact: Dialled) -> None:
    """A new link."""
    here.phase = TABLE.next(here.phase, Dialled)
    here.link = fact.link
    here.slot = fact.slot
    here.ping_interval_s = fact.ping_interval_s
    here.due_us = None
    here.opened_at_us = 0
    here.confirmed = False


def fold_opened(here: Connection, fact: Opened) -> None:
    """Mark the link open; whether it works is still to be seen."""
    here.phase = TABLE.next(here.phase, Opened)
    here.due_us = None
    here.opened_at_us = fact.at_us


def fold_confirmed(here: Connection, fact: LinkConfirmed) -> None:  # noqa: ARG001
    """It works: the next back-off starts from the beginning."""
    here.confirmed = True
    here.failures = 0


def fold_leaving(here: Connection, fact: Leaving) -> None:
    """Let the answers leave first."""
    here.phase = TABLE.next(here.phase, Leaving)
    here.due_us = fact.hang_up_at_us
    here.reason = fact.reason


def fold_hung_up(here: Connection, fact: HungUp) -> None:
    """Closing, with a limit."""
    here.phase = TABLE.next(here.phase, HungUp)
    here.due_us = fact.give_up_at_us
    here.reason = fact.reason


def fold_lost(here: Connection, fact: Lost) -> None:
    """Down; how long since is counted from the first loss after a link that worked."""
    here.worked_before = has_worked(here, fact.at_us)
    if here.worked_before:
        here.down_since_us = fact.at_us
    here.lost_at_us = fact.at_us
    here.phase = TABLE.next(here.phase, Lost)
    here.due_us = fact.redial_at_us
    here.failures = fact.failures
    here.reason = fact.reason
    if not fact.on_purpose:
        here.failure = fact


def fold_held(here: Connection, fact: Held) -> None:
    """Stay offline."""
    here.held = fact.why
    if here.phase is Phase.DOWN:
        here.due_us = None


def fold_released(here: Connection, fact: Released) -> None:
    """Go online, as if no attempt had failed before: a start, an operator or another setting is a new beginning."""
    here.held = ""
    here.failures = 0
    if here.phase is Phase.DOWN:
        here.due_us = fact.redial_at_us


def fold_ping_interval_changed(here: Connection, fact: PingIntervalChanged) -> None:
    """Record the interval that the open link keeps."""
    here.ping_interval_s = fact.seconds


FOLDS: Folds[Connection] = {
    Dialled: fold_dialled,
    Opened: fold_opened,
    LinkConfirmed: fold_confirmed,
    Leaving: fold_leaving,
    HungUp: fold_hung_up,
    Lost: fold_lost,
    Held: fold_held,
    Released: fold_released,
    PingIntervalChanged: fold_ping_interval_changed,
}
