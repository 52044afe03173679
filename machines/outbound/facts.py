"""What can be true of a message that the station has to send."""

from __future__ import annotations

from typing import ClassVar

from engine.event import Fact
from engine.records import record


@record(150)
class Queued(Fact):
    """A message waits to be sent.  *entry* is unique for ever: the turn that queued it times 256, and its number in that turn.

    *payload* is in 2.1's words, persons sealed, without the ``offline`` flag.  The fact itself stands in the queue until something happens to the
    message; what has not happened to it yet is so of every one of them.
    """

    attempts: ClassVar[int] = 0
    failures: ClassVar[int] = 0
    not_before_us: ClassVar[int] = 0

    entry: int
    action: str
    payload: bytes
    offline: bool = False


@record(151)
class Sent(Fact):
    """The message is in flight on *link*; when no answer came by *give_up_at_us*, there is none."""

    entry: int
    link: int
    attempt: int
    give_up_at_us: int
    at_us: int


@record(152)
class Delivered(Fact):
    """The CSMS answered.  *late*: it answered an earlier attempt, and the newest one is still in flight (see ``Lapsed``)."""

    TOPIC: ClassVar[str] = "action"

    entry: int
    action: str
    payload: bytes
    late: bool = False


@record(153)
class Failed(Fact):
    """The CSMS did not take the message this time; it is sent again at *retry_at_us* (E13)."""

    entry: int
    reason: str
    retry_at_us: int


@record(154)
class Dropped(Fact):
    """The message will never be sent, or never again; *reason* says why."""

    TOPIC: ClassVar[str] = "action"

    entry: int
    action: str
    reason: str


OFFLINE, LINK_LOST = "offline", "link lost"
THINNED = "queue full: intermediate meter values were thinned out"

FORESEEN = frozenset({OFFLINE, LINK_LOST, THINNED})
"""Reasons of ``Dropped`` that OCPP or the station's settings foresee."""

OF_THE_MOMENT = ("Heartbeat", "Authorize", "BootNotification")
"""Messages that mean nothing on a later link, not even with QueueAllMessages."""


TOLD_AGAIN = ("StatusNotification",)
"""Messages of which the station says the same again in another one, until the CSMS takes it."""


def is_given_up(dropped: Dropped) -> bool:
    """Whether the CSMS was to have the message, and never will."""
    return dropped.reason not in FORESEEN and dropped.action not in (*OF_THE_MOMENT, *TOLD_AGAIN)


@record(155)
class Returned(Fact):
    """The link went down under the message: it waits in its old place."""

    entry: int


@record(156)
class QueueWentOffline(Fact):
    """Every message that waits is marked as one that was delayed (E11.FR.07)."""


@record(159)
class Ripened(Fact):
    """The wait before the next attempt is over."""

    entry: int


@record(340)
class Lapsed(Fact):
    """The last attempt of a message that was delivered by an earlier one is over: answered too, or no longer waited for."""

    entry: int
