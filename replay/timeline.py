"""One charging session in the words of a driver's hotline.

Law: what happened when, in the order of the journal; nothing is concluded that no fact says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.errors import SetupFault
from engine.event import Fact
from engine.kernel import FaultCleared, Faulted, Settled
from eventlog.store import Reading
from machines.boot.facts import BootAccepted, BootPending, BootRejected, Rebooted
from machines.clock.facts import ClockSet
from machines.connection.facts import Dialled, Held, Lost, Opened
from machines.connection.reasons import RESTARTED
from machines.evse.machine import EvseFailed, EvseObeyed
from machines.inputs import CardPresented, Started
from machines.session.authorize import (
    BY_AUTH_DISABLED,
    BY_BEFORE_ACCEPTED_RULE,
    BY_CSMS,
    BY_OFFLINE_RULE,
    BY_REMOTE_START,
)
from machines.session.facts import (
    AuthorizationAsked,
    AuthorizationBound,
    AuthorizationEnded,
    CablePlugged,
    CableUnplugged,
    CardRefused,
    ContactorSeen,
    EnergyBlocked,
    EnergyCapped,
    EnergyStarted,
    EnergySuspended,
    EvseAsked,
    Granted,
    TokenInfoLearned,
    TransactionEnded,
    TransactionEnding,
    TransactionStarted,
    TransactionUpdated,
)
from machines.vas.facts import InternetClosed, InternetFailed, InternetOpened, InternetReleased, InternetRequested
from replay.reading import turns_at, wall_at_base
from replay.sessions import DELIVERED, DROPPED, IN_FLIGHT, Charging, Message, sessions
from replay.text import clean, energy, lasted, pseudonym, seconds, table
from wire.sealed import is_same_identifier

KINDS = (
    ClockSet, Started, CardPresented, Settled, Faulted, FaultCleared,
    Rebooted, BootAccepted, BootPending, BootRejected,
    Dialled, Opened, Lost, Held,
    CablePlugged, CableUnplugged, ContactorSeen, EvseAsked, EvseFailed, EvseObeyed, AuthorizationAsked, CardRefused,
    Granted, AuthorizationBound, TokenInfoLearned, AuthorizationEnded, TransactionEnding, EnergyStarted, EnergySuspended, EnergyBlocked, EnergyCapped,
    TransactionStarted, TransactionUpdated, TransactionEnded,
    InternetRequested, InternetOpened, InternetFailed, InternetReleased, InternetClosed,
)  # fmt: skip

ENDINGS = {
    "StopAuthorized": "ended by card",
    "RemoteStop": "ended by the CSMS",
    "EVCommunicationLost": "ended: the vehicle was unplugged",
    "Deauthorized": "ended: the CSMS no longer accepts the driver",
    "EVConnectTimeout": "over: no vehicle came in time",
}

GRANTED = {
    BY_CSMS: "accepted by the CSMS",
    BY_REMOTE_START: "started by the CSMS from afar",
    BY_AUTH_DISABLED: "accepted by the station itself: AuthCtrlr.Enabled is false, nobody is asked for leave",
    BY_OFFLINE_RULE: "accepted by the station itself: it is offline, and AuthCtrlr.OfflineTxForUnknownIdEnabled is true",
    BY_BEFORE_ACCEPTED_RULE: "accepted by the station itself: the CSMS has not accepted it yet, and TxCtrlr.TxBeforeAcceptedEnabled is true",
}
"""On what it rests that somebody may charge."""

STEP_TOLD_US = 1_000_000
"""A step of the clock that people would notice."""

"""The reason of a link that is only known to be gone because the process is new."""

Said = tuple[str, str]
"""Who it is about, and what happened."""


def find(store: Reading, text: str, station: int = 0) -> Charging:
    """The session whose transaction id begins with *text*, or the latest one for ``last``.  Raises SetupFault where none or several fit."""
    rows = sessions(store, station)
    if text == "last":
        if not rows:
            raise SetupFault("there is no charging session in the journal yet")
        return rows[-1]
    found = [row for row in rows if row.transaction_id == text] or [row for row in rows if text and row.transaction_id.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SetupFault(f"{clean(text)}: {len(found)} transactions begin like this; give more of the id")
    raise SetupFault(f"{clean(text)}: no such transaction in the journal; stationd log sessions lists them")


def timeline(store: Reading, transaction_id: str, station: int = 0) -> list[str]:
    """The story of a transaction (or of the ``last`` session) as aligned columns: wall time, seconds since it began, turn, who, what.

    Raises SetupFault where there is no such transaction.
    """
    row = find(store, transaction_id, station)
    told = [(wall, seconds(at_us - row.began_at_us, 1), f"#{seq}", who, what) for seq, at_us, wall, (who, what) in _told(store, row, station)]
    ended = f"ended {row.ended.strip()}, {clean(row.reason) or 'no reason'}" if row.ended else "still running"
    head = [
        f"transaction {row.transaction_id}" if row.transaction_id else "no transaction",
        f"{f'EVSE {row.evse_id}' if row.evse_id > 0 else 'no EVSE yet'}, began {row.began.strip()}, {ended}",
        *([f"what was before turn {row.first_seq} was retired from the journal"] if 0 <= store.base(station)[0] == row.first_seq - 1 else []),
        f"{energy(row.energy_wh)}, card {pseudonym(row.token) if row.token else 'none'}",
        f"{row.delivered} messages delivered, {row.pending} pending, {row.dropped} dropped",
        "",
    ]
    return [*head, *table(("TIME", "SINCE", "TURN", "WHO", "WHAT"), told)]


def _told(store: Reading, row: Charging, station: int) -> Iterator[tuple[int, int, str, Said]]:
    """(seq, at, wall time, what happened) within the session's turns; what led up to them is read for the clock and the link only."""
    wall = wall_at_base(store, station)
    teller = _Teller(row)
    last = row.last_seq if row.last_seq >= 0 else None
    for seq, at_us, events in turns_at(store, KINDS, station, last=last):
        wall_before_us = wall.us(teller.last_at_us)
        wall.hear(events)
        for said in teller.hear(seq, at_us, events, wall_before_us):
            if seq >= row.first_seq:
                yield seq, at_us, wall.text(at_us), said


class _Teller:
    """Facts in words, for one session; remembers the link and the questions asked."""

    def __init__(self, row: Charging) -> None:
        self.row = row
        self.messages = {message.entry: message for message in row.messages}
        self.last_at_us = 0
        self._up = False
        self._tries = 0
        self._asked: dict[int, AuthorizationAsked] = {}
        self._contactor: bool | None = None
        self._faulted = False
        self._offset_us: int | None = None

    def hear(self, seq: int, at_us: int, events: list[Any], wall_before_us: int | None) -> Iterator[Said]:
        """What the events of turn *seq* mean for the session."""
        # Before its EVSE was found it stood under a number of its own, and what happened at the EVSE was others' business.
        mine = {self.row.evse_id, self.row.waiting_id} if seq >= self.row.bound_seq else {self.row.waiting_id}
        names_us = any(getattr(event, "evse_id", None) in mine or self._asks(event) for event in events if isinstance(event, Fact))
        refused = any(isinstance(event, CardRefused) for event in events)
        for event in events:
            if isinstance(event, CardPresented):
                # A card that led to nothing here, and was not refused either, is another EVSE's business.
                if names_us or (refused and event.evse_ids in ((), (self.row.evse_id,))):
                    yield "driver", f"card {pseudonym(event.token)} ({clean(event.token_type)}) held to the reader"
            elif isinstance(event, Started):
                dark_us = event.wall_us - wall_before_us if wall_before_us is not None else -1
                yield from self._restarted(events, dark_us)
            elif isinstance(event, ClockSet):
                yield from self._clock(event)
            elif hasattr(event, "evse_id"):
                if event.evse_id in mine or (isinstance(event, Faulted | FaultCleared) and not event.evse_id):
                    yield from self._here(event)
            else:
                yield from self._everywhere(event)
        self.last_at_us = at_us

    def _asks(self, event: Any) -> bool:
        """Whether a question to the CSMS is about this session: about its EVSE and no other, or about its card."""
        if not isinstance(event, AuthorizationAsked):
            return False
        return event.evse_ids == (self.row.evse_id,) or (
            (self.row.evse_id < 0 or self.row.evse_id in event.evse_ids) and is_same_identifier(event.token, self.row.token)
        )

    def _restarted(self, events: list[Any], dark_us: int) -> Iterator[Said]:
        for event in events:
            if isinstance(event, Rebooted):
                why = "after an orderly stop" if event.orderly else "after a power cut or a crash"
                dark = f"; nothing ran for {lasted(dark_us)} by the wall clock" if dark_us >= 0 else ""
                yield "station", f"restarts {why}{dark}"

    def _clock(self, event: ClockSet) -> Iterator[Said]:
        """A step of the wall clock, which would otherwise look like a gap in the story."""
        step_us = event.offset_us - self._offset_us if self._offset_us is not None else 0
        self._offset_us = event.offset_us
        if abs(step_us) >= STEP_TOLD_US:
            yield "station", f"its clock is set {'forward' if step_us > 0 else 'back'} by {lasted(abs(step_us))} (source: {clean(event.source)})"

    def _everywhere(self, event: Any) -> Iterator[Said]:
        """What concerns every session of the station."""
        match event:
            case Dialled():
                self._tries += 1
            case Opened():
                tries = f" (try {self._tries})" if self._tries > 1 else ""
                self._up, self._tries = True, 0
                yield "link", f"connected to the CSMS{tries}"
            case Lost():
                if self._up:
                    yield "link", f"lost: {clean(event.reason)}"
                elif self._tries == 1 and event.reason != RESTARTED:
                    yield "link", f"CSMS not reached: {clean(event.reason)}; further tries are not listed"
                self._up = False
            case Held():
                if self._up:
                    yield "link", f"to be closed: {clean(event.why)}"
            case BootAccepted():
                yield "CSMS", "accepts the station"
            case BootPending():
                yield "CSMS", "says Pending to the station"
            case BootRejected():
                yield "CSMS", "rejects the station"
            case AuthorizationAsked():
                # A card that is for other EVSEs, or for none in particular, is told where it led to something here.
                self._asked[event.entry] = event
                by = " for a remote start" if event.remote_start_id >= 0 else " that may end the session" if event.purpose != "start" else ""
                if self._asks(event):
                    yield "driver", f"the CSMS is asked about card {pseudonym(event.token)}{by}"
            case CardRefused():
                asked = self._asked.pop(event.entry, None)
                if asked is not None:
                    yield "driver", f"card {pseudonym(asked.token)} refused: {clean(event.reason)}"
                elif not event.entry:
                    yield "driver", f"card refused: {clean(event.reason)}"
            case Settled():
                if event.outcome != "done" and event.detail:
                    yield "hardware", f"{event.station}.{event.seq}.{event.index} {event.outcome}: {clean(event.detail)}"
            case _:
                return

    def _here(self, event: Any) -> Iterator[Said]:
        """What concerns this EVSE."""
        match event:
            case CablePlugged():
                yield "vehicle", f"plugged in at EVSE {event.evse_id}, connector {event.connector_id}"
            case CableUnplugged():
                unseen = " while the station was without power" if event.unseen else ""
                waits = "; the driver may plug in again" if event.connect_by_us else ""
                yield "vehicle", f"unplugged{unseen}{waits}"
            case Granted():
                yield "driver", self._granted(event)
            case AuthorizationBound():
                yield "driver", f"EVSE {event.evse_id} is the one that is meant"
            case TokenInfoLearned():
                yield "driver", "the CSMS says of the card which group or which EVSEs it is for"
            case AuthorizationEnded():
                yield "driver", self._over(event)
            case TransactionEnding():
                yield "station", "waits for the contactor to open and the meter to be read before it ends the transaction"
            case EnergyStarted():
                yield "energy", "flows"
            case EnergySuspended():
                yield "energy", "stops: the vehicle takes none" if event.by == "EV" else "stops: the station offers none"
            case EnergyBlocked():
                yield "energy", "no longer offered: the CSMS does not accept the driver"
            case EnergyCapped():
                yield "energy", f"offered up to register {energy(event.until_wh)} only: the CSMS does not accept the driver"
            case ContactorSeen():
                if event.closed != self._contactor:
                    yield "hardware", f"contactor {'closed' if event.closed else 'open'}"
                self._contactor = event.closed
            case EvseFailed():
                often = f", {event.failures} times by now" if event.failures > 1 else ""
                yield "hardware", f"did not do it{often}: {clean(event.detail) or 'no reason given'}; asked again"
            case EvseObeyed():
                yield "hardware", "does what it is asked again"
            case EvseAsked():
                yield "station", f"{'offers' if event.energise else 'offers no'} energy, {'holds' if event.lock else 'releases'} the plug"
            case TransactionStarted() | TransactionUpdated() | TransactionEnded():
                message = self.messages.get(event.entry)
                if isinstance(event, TransactionEnded) and not event.meter_read:
                    yield "hardware", "the meter was not read after the contactor had opened: the last reading before counts"
                if message is not None:
                    yield "message", told(message)
            case Faulted():
                self._faulted = True
                yield "station", f"FAULT in {event.machine}: {clean(event.error)}"
            case FaultCleared():
                # Every start clears faults, also where there are none.
                if self._faulted:
                    yield "station", "fault cleared"
                self._faulted = False
            case InternetRequested():
                yield "internet", f"wanted by the vehicle, TCP ports {', '.join(map(str, event.ports))}"
            case InternetOpened():
                yield "internet", "open"
            case InternetFailed():
                yield "internet", f"not available: {clean(event.reason)}"
            case InternetReleased():
                yield "internet", "no longer wanted"
            case InternetClosed():
                yield "internet", "closed"
            case _:
                return

    def _granted(self, event: Granted) -> str:
        self._asked.pop(event.entry, None)
        card = f"card {pseudonym(event.token)}" if event.token else "no card"
        waits = "; waits for a vehicle" if event.connect_by_us else ""
        where = f" at EVSE {', '.join(map(str, event.evse_ids))}" if event.evse_ids else ""
        return f"{card} {GRANTED.get(event.basis, f'accepted by rule {clean(event.basis)}')}{waits}{where}"

    def _over(self, event: AuthorizationEnded) -> str:
        self._asked.pop(event.entry, None)
        by = f" {pseudonym(event.token)}" if event.token else ""
        words = ENDINGS.get(event.trigger, f"over ({clean(event.trigger)})")
        return f"session {words}{by} ({clean(event.stopped_reason)})"


def told(message: Message) -> str:
    """A TransactionEvent and how far it came, in columns."""
    head = f"TransactionEvent seqNo {message.seq_no:<3} {message.event:7} {message.trigger:20} "
    way = [f"queued{' while offline' if message.offline else ''}"]
    if message.sent_at_us:
        times = f" ({message.attempts} times)" if message.attempts > 1 else ""
        way.append(f"sent {seconds(message.sent_at_us - message.queued_at_us)}{times}")
    if message.stands == DELIVERED:
        way.append(f"delivered {seconds(message.settled_at_us - message.queued_at_us)}")
    elif message.stands == DROPPED:
        way.append(f"given up {seconds(message.settled_at_us - message.queued_at_us)}: {clean(message.reason)}")
    else:
        way.append("in flight" if message.stands == IN_FLIGHT else f"waits{': ' + clean(message.reason) if message.reason else ''}")
    return head + ", ".join(way)
