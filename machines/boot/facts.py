"""What can be true of the station's standing with the CSMS."""

from __future__ import annotations

from engine.event import Fact
from engine.records import record


@record(160)
class Rebooted(Fact):
    """A process started: nothing that only lived in the last one is left.  *orderly* says that the last one was stopped, not killed."""

    journal: int
    build: str
    orderly: bool


@record(161)
class BootAsked(Fact):
    """A BootNotification waits to be sent."""

    entry: int
    reason: str


@record(162)
class BootAccepted(Fact):
    """The CSMS accepts the station; *interval_s* is its heartbeat interval, 0 where it leaves that to us."""

    interval_s: int


@record(163)
class BootPending(Fact):
    """The CSMS wants to look at the station first; the next BootNotification leaves at *retry_at_us*."""

    retry_at_us: int


@record(164)
class BootRejected(Fact):
    """The CSMS does not want the station; the next BootNotification leaves at *retry_at_us*."""

    retry_at_us: int


@record(165)
class BootFailed(Fact):
    """No answer, or an error; tried again at *retry_at_us*."""

    reason: str
    retry_at_us: int


@record(166)
class OrderlyStop(Fact):
    """The process is about to end by our own decision."""

    reason: str
