"""The queue.

Law: at most one CALL in flight a link (OCPP-J 4.1.1); transaction events leave in the order in which they happened.
"""

from __future__ import annotations

from typing import Any

import attrs

from engine.event import Value, replace
from engine.machine import Folds, Part, State, state
from engine.records import record
from machines.outbound.facts import THINNED, Delivered, Dropped, Failed, Lapsed, Queued, QueueWentOffline, Returned, Ripened, Sent, is_given_up


@record(157)
class Entry(Value):
    """A message that waits.

    *attempts* counts how often it was sent, the attempt that is in flight aside; *failures* how often the CSMS did not take it (E13).
    """

    action: str
    payload: bytes
    offline: bool = False
    attempts: int = 0
    failures: int = 0
    not_before_us: int = 0


Waiting = Queued | Entry
"""A message that waits: the fact that queued it, or what became of it."""


def changed(waiting: Waiting, **changes: Any) -> Entry:
    """The message with *changes*."""
    if isinstance(waiting, Queued):
        waiting = Entry(action=waiting.action, payload=waiting.payload, offline=waiting.offline)
    return replace(waiting, **changes)


@state(158)
class Outbound(State):
    """Entries by number, oldest first; *flying* is the one in flight (0: none), on *link*, until *give_up_at_us*.

    *given_up* counts the messages that the CSMS was to have and never will, *last_given_up* is the newest of them.
    """

    queue: dict[int, Waiting] = attrs.field(factory=dict)
    last_entry: int = 0
    flying: int = 0
    link: int = 0
    attempt: int = 0
    give_up_at_us: int = 0
    last_sent_us: int = 0
    thinned: int = 0
    given_up: int = 0
    last_given_up: Dropped | None = None

    def attempts_of(self, number: int) -> int:
        """How often the entry was sent, the attempt that is in flight included."""
        return self.attempt if number == self.flying else self.queue[number].attempts


OUTBOUND = Part("outbound", Outbound)


def fold_queued(out: Outbound, fact: Queued) -> None:
    """One more."""
    out.queue[fact.entry] = fact
    out.last_entry = fact.entry


def fold_sent(out: Outbound, fact: Sent) -> None:
    """In flight; it stays in the queue until something came of it."""
    out.flying = fact.entry
    out.link = fact.link
    out.attempt = fact.attempt
    out.give_up_at_us = fact.give_up_at_us
    out.last_sent_us = fact.at_us


def _landed(out: Outbound, entry: int) -> None:
    if out.flying == entry:
        out.flying = 0
        out.give_up_at_us = 0


def fold_gone(out: Outbound, fact: Delivered | Dropped) -> None:
    """Answered or given up.  A late answer does not end the attempt that is in flight: the link stays taken (OCPP-J 4.1.1)."""
    if fact.entry == out.flying and (isinstance(fact, Dropped) or not fact.late):
        out.flying = out.give_up_at_us = 0
    out.queue.pop(fact.entry, None)
    if type(fact) is Dropped:
        if fact.reason == THINNED:
            out.thinned += 1
        elif is_given_up(fact):
            out.given_up += 1
            out.last_given_up = fact


def fold_lapsed(out: Outbound, fact: Lapsed) -> None:
    """The link is free again."""
    _landed(out, fact.entry)


def fold_failed(out: Outbound, fact: Failed) -> None:
    """Later again."""
    entry = out.queue[fact.entry]
    attempts = out.attempts_of(fact.entry)
    out.queue[fact.entry] = changed(entry, attempts=attempts, failures=entry.failures + 1, not_before_us=fact.retry_at_us)
    _landed(out, fact.entry)


def fold_ripened(out: Outbound, fact: Ripened) -> None:
    """May be sent again."""
    out.queue[fact.entry] = changed(out.queue[fact.entry], not_before_us=0)


def fold_returned(out: Outbound, fact: Returned) -> None:
    """Back in its place; a link that broke is no fault of the message."""
    attempts = out.attempts_of(fact.entry)
    out.queue[fact.entry] = changed(out.queue[fact.entry], attempts=attempts, offline=True, not_before_us=0)
    _landed(out, fact.entry)


def fold_went_offline(out: Outbound, fact: QueueWentOffline) -> None:  # noqa: ARG001
    """E11.FR.07."""
    out.queue = {number: entry if entry.offline else changed(entry, offline=True) for number, entry in out.queue.items()}


FOLDS: Folds[Outbound] = {
    Queued: fold_queued,
    Sent: fold_sent,
    Delivered: fold_gone,
    Dropped: fold_gone,
    Failed: fold_failed,
    Lapsed: fold_lapsed,
    Returned: fold_returned,
    Ripened: fold_ripened,
    QueueWentOffline: fold_went_offline,
}
