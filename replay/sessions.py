"""Every charging session and transaction that the journal knows, as rows.

Law: one pass over the facts; what is shown of a driver is a pseudonym.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import define, field

from eventlog.fold import Folded
from eventlog.segments import begin
from eventlog.store import Reading
from machines.boot.facts import Rebooted
from machines.clock.facts import ClockSet
from machines.clock.machine import CLOCK
from machines.meter.facts import MeterRead
from machines.meter.state import METERS
from machines.outbound.facts import Delivered, Dropped, Failed, Queued, Returned, Sent
from machines.session.facts import (
    AuthorizationAsked,
    AuthorizationBound,
    AuthorizationEnded,
    CablePlugged,
    CableUnplugged,
    CardRefused,
    Granted,
    TransactionEnded,
    TransactionStarted,
    TransactionUpdated,
)
from machines.session.state import SESSIONS, Session
from replay.reading import KERNEL, Wall, scan
from replay.text import clean, energy, pseudonym, table

WAITING, IN_FLIGHT, DELIVERED, DROPPED = "waiting", "in flight", "delivered", "dropped"


@define(kw_only=True)
class Message:
    """A TransactionEvent: what it says, and how far it came.  Times in microseconds of station time; 0: not yet."""

    entry: int
    event: str
    seq_no: int
    trigger: str
    queued_seq: int
    queued_at_us: int
    offline: bool = False  # when it was queued
    attempts: int = 0
    sent_seq: int = 0
    sent_at_us: int = 0
    settled_seq: int = 0
    settled_at_us: int = 0
    stands: str = WAITING
    reason: str = ""

    @property
    def pending(self) -> bool:
        """Whether it still has to reach the CSMS."""
        return self.stands in (WAITING, IN_FLIGHT)


@define(kw_only=True)
class Charging:
    """A transaction; or a driver's authorization that led to none, with an empty *transaction_id*.

    *evse_id* is below 0 while no EVSE is known; one that was found in turn *bound_seq* leaves the number of before in *waiting_id*.

    *first_seq* and *last_seq* are the turns between which its story lies, from plugging in (or the card) until the EVSE was free and the last
    message was answered; *last_seq* is -1 while that lasts.  Energy in Wh.  *began* and *ended* are date-times; *ended* is empty while it runs.
    """

    evse_id: int
    first_seq: int
    began: str
    began_at_us: int
    transaction_id: str = ""
    started_seq: int = -1
    ended: str = ""
    ended_seq: int = -1
    last_seq: int = -1
    started_wh: int = 0
    energy_wh: int = 0
    reason: str = ""
    token: str = ""
    remote: bool = False
    waiting_id: int = 0
    bound_seq: int = 0
    messages: list[Message] = field(factory=list)

    @property
    def delivered(self) -> int:
        """How many of its messages the CSMS answered."""
        return sum(message.stands == DELIVERED for message in self.messages)

    @property
    def pending(self) -> int:
        """How many still have to reach the CSMS."""
        return sum(message.pending for message in self.messages)

    @property
    def dropped(self) -> int:
        """How many were given up."""
        return sum(message.stands == DROPPED for message in self.messages)


@define(kw_only=True)
class Visit:
    """An EVSE in use: from the cable or the authorization until there is neither."""

    first_seq: int
    began: str
    began_at_us: int
    connected: bool = False
    granted: bool = False
    token: str = ""
    remote: bool = False
    reason: str = ""
    open: Charging | None = None
    rows: list[Charging] = field(factory=list)
    told: bool = False
    """Whether somebody was granted energy, or a transaction began."""


KINDS = (
    ClockSet, Rebooted, MeterRead,
    CablePlugged, CableUnplugged, AuthorizationAsked, CardRefused, Granted, AuthorizationBound, AuthorizationEnded,
    TransactionStarted, TransactionUpdated, TransactionEnded,
    Queued, Sent, Delivered, Failed, Dropped, Returned,
)  # fmt: skip


class Sessions:
    """The fold of session and message facts into rows, in the order in which they began."""

    def __init__(self, start: Folded) -> None:
        self.rows: list[Charging] = []
        clock = start.station[CLOCK]
        self._wall = Wall(clock.offset_us if clock.source else None)
        self._visits: dict[int, Visit] = {}
        self._asked: dict[int, tuple[int, int, str]] = {}
        self._messages: dict[int, tuple[Charging, Message]] = {}
        for evse_id, session in sorted(start.station[SESSIONS].of.items()):
            if session.connected or session.authorized or session.transaction is not None:
                self._resume(evse_id, session, start)

    def _resume(self, evse_id: int, session: Session, start: Folded) -> None:
        """What was under way when the rows that are there begin: its beginning was retired, its sum was not."""
        tx = session.transaction
        began_at_us = tx.started_at_us if tx is not None else session.plugged_at_us if session.connected else start.at
        visit = self._visits[evse_id] = Visit(
            first_seq=start.seq + 1, began=self._wall.text(began_at_us), began_at_us=began_at_us, connected=session.connected,
            granted=session.authorized, token=session.token if session.authorized else "",
        )  # fmt: skip
        reading = start.station[METERS].readings.get(evse_id)
        if session.authorized or tx is not None:
            row = self._begin(evse_id, visit)
            if tx is not None:
                row.transaction_id, row.started_wh, visit.open = tx.transaction_id, tx.started_wh, row
                row.energy_wh = reading.energy_wh - tx.started_wh if reading is not None else 0

    def hear(self, seq: int, at_us: int, events: Iterable[Any]) -> None:
        """Take the events of one turn."""
        events = list(events)
        self._wall.hear(events)
        for event in events:
            match event:
                case MeterRead():
                    visit = self._visits.get(event.evse_id)
                    if visit is not None and visit.open is not None:
                        visit.open.energy_wh = event.energy_wh - visit.open.started_wh
                case AuthorizationAsked():
                    self._asked[event.entry] = (seq, at_us, self._wall.text(at_us))
                case CardRefused():
                    self._asked.pop(event.entry, None)
                case CablePlugged():
                    self._visit(event.evse_id, seq, at_us).connected = True
                case CableUnplugged():
                    self._visit(event.evse_id, seq, at_us).connected = False
                case Granted():
                    self._granted(event, seq, at_us)
                case AuthorizationBound():
                    self._bound(event, seq, at_us)
                case AuthorizationEnded():
                    visit = self._visit(event.evse_id, seq, at_us)
                    visit.granted = False
                    visit.reason = event.stopped_reason
                case TransactionStarted() | TransactionUpdated() | TransactionEnded():
                    self._transaction(event, seq, at_us)
                case Rebooted():
                    self._asked = {}
                case _:
                    self._message(event, seq, at_us)
        for evse_id, visit in list(self._visits.items()):
            if not visit.connected and not visit.granted and visit.open is None:
                self._close(evse_id, visit, seq, at_us)

    def _visit(self, evse_id: int, seq: int, at_us: int) -> Visit:
        visit = self._visits.get(evse_id)
        if visit is None:
            visit = self._visits[evse_id] = Visit(first_seq=seq, began=self._wall.text(at_us), began_at_us=at_us)
        return visit

    def _granted(self, event: Granted, seq: int, at_us: int) -> None:
        # Where no cable was in, the story begins when the card was held to the reader.
        asked = self._asked.pop(event.entry, None)
        if asked is not None and event.evse_id not in self._visits:
            self._visits[event.evse_id] = Visit(first_seq=asked[0], began=asked[2], began_at_us=asked[1])
        visit = self._visit(event.evse_id, seq, at_us)
        visit.granted = True
        visit.token = event.token
        visit.remote = event.remote_start_id >= 0
        if visit.open is not None:
            visit.open.token, visit.open.remote = visit.token, visit.remote
        elif not visit.told:
            self._begin(event.evse_id, visit)

    def _bound(self, event: AuthorizationBound, seq: int, at_us: int) -> None:
        """Move what waited without an EVSE to the one that it is for."""
        waited, here = self._visits.pop(event.waiting_id, None), self._visit(event.evse_id, seq, at_us)
        here.granted = True
        if waited is None:
            return
        here.token, here.remote = waited.token, waited.remote
        for row in waited.rows:
            if here.open is not None and not row.transaction_id:
                # It has become the authorization of the transaction that plugging in began.
                here.open.token, here.open.remote = here.token, here.remote
                self.rows.remove(row)
                continue
            row.evse_id, row.waiting_id, row.bound_seq = event.evse_id, event.waiting_id, seq
            row.started_wh = event.energy_wh
            here.first_seq, here.began, here.began_at_us = waited.first_seq, waited.began, waited.began_at_us
            here.rows.append(row)
        here.open = waited.open or here.open
        here.told = here.told or waited.told

    def _begin(self, evse_id: int, visit: Visit) -> Charging:
        """A new row; the first one of a visit tells of its beginning too."""
        row = Charging(
            evse_id=evse_id, first_seq=visit.first_seq, began=visit.began, began_at_us=visit.began_at_us, token=visit.token, remote=visit.remote
        )
        visit.told = True
        visit.rows.append(row)
        self.rows.append(row)
        return row

    def _transaction(self, event: TransactionStarted | TransactionUpdated | TransactionEnded, seq: int, at_us: int) -> None:
        visit = self._visit(event.evse_id, seq, at_us)
        if isinstance(event, TransactionStarted):
            # The row that the authorization began is this transaction's, unless it already has one.
            if visit.rows and not visit.rows[-1].transaction_id:
                row = visit.rows[-1]
            else:
                if visit.rows:
                    visit.first_seq, visit.began, visit.began_at_us = seq, self._wall.text(at_us), at_us
                row = self._begin(event.evse_id, visit)
            row.token = visit.token if visit.granted else ""
            row.transaction_id = event.transaction_id
            row.started_seq = seq
            row.started_wh = event.energy_wh
            visit.open = row
            kind, seq_no = "Started", 0
        else:
            if visit.open is None:
                return
            row = visit.open
            kind, seq_no = "Updated", event.seq_no
            if isinstance(event, TransactionEnded):
                kind = "Ended"
                row.ended, row.ended_seq = self._wall.text(at_us), seq
                row.energy_wh = event.energy_wh
                row.reason = event.stopped_reason
                visit.open = None
        message = Message(entry=event.entry, event=kind, seq_no=seq_no, trigger=event.trigger, queued_seq=seq, queued_at_us=at_us)
        row.messages.append(message)
        self._messages[event.entry] = (row, message)

    def _message(self, event: Any, seq: int, at_us: int) -> None:
        found = self._messages.get(event.entry) if hasattr(event, "entry") else None
        if found is None:
            return
        row, message = found
        match event:
            case Queued():
                message.offline = event.offline
            case Sent():
                message.attempts = event.attempt
                message.stands = IN_FLIGHT
                message.sent_at_us = message.sent_at_us or at_us
                message.sent_seq = message.sent_seq or seq
            case Failed():
                message.stands, message.reason = WAITING, event.reason
            case Returned():
                message.stands, message.reason = WAITING, "link lost"
            case Delivered() | Dropped():
                message.stands = DELIVERED if isinstance(event, Delivered) else DROPPED
                message.reason = event.reason if isinstance(event, Dropped) else ""
                message.settled_seq, message.settled_at_us = seq, at_us
                del self._messages[event.entry]
                if row.last_seq >= 0:
                    row.last_seq = max(row.last_seq, seq)
            case _:
                return

    def _close(self, evse_id: int, visit: Visit, seq: int, at_us: int) -> None:
        for row in visit.rows:
            row.last_seq = max([seq, *[message.settled_seq for message in row.messages]])
            if not row.transaction_id:
                row.ended, row.ended_seq, row.reason = self._wall.text(at_us), seq, visit.reason
        del self._visits[evse_id]


def sessions(store: Reading, station: int = 0) -> list[Charging]:
    """Every charging session of the journal, oldest first."""
    collected = Sessions(begin(store, KERNEL, station))
    for seq, at_us, events in scan(store, KINDS, station):
        collected.hear(seq, at_us, events)
    return collected.rows


def lines(rows: Iterable[Charging]) -> list[str]:
    """The sessions as a table."""
    head = ("EVSE", "TRANSACTION", "BEGAN", "ENDED", "ENERGY", "REASON", "CARD", "MESSAGES")
    body = [
        (
            str(row.evse_id) if row.evse_id > 0 else "-",
            row.transaction_id or "none",
            row.began.strip(),
            row.ended.strip() or "runs",
            energy(row.energy_wh) if row.transaction_id else "-",
            clean(row.reason) or "-",
            pseudonym(row.token) if row.token else "-",
            _messages(row),
        )
        for row in rows
    ]
    return table(head, body)


def _messages(row: Charging) -> str:
    parts = [f"{row.delivered} delivered"] if row.delivered or not row.messages else []
    if row.pending:
        parts.append(f"{row.pending} pending")
    if row.dropped:
        parts.append(f"{row.dropped} dropped")
    return ", ".join(parts)
