"""From what the station said or holds back to what made it so.

Law: every step is a row of the journal; where the next cause is not in the journal, that is said and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define

from engine.errors import SetupFault
from engine.event import Fact
from engine.kernel import Kernel, Settled, Turn, Woke
from engine.machine import Context
from eventlog.codec import decode
from eventlog.fold import CHAIN_BYTES
from eventlog.segments import begin
from eventlog.store import Reading
from machines.boot.state import BOOT
from machines.clock.facts import ClockSet
from machines.connection.facts import Dialled
from machines.device_model.derived import View, derived
from machines.device_model.facts import ModelDeclared, VariableCleared, VariableSet
from machines.device_model.state import DEVICE_MODEL, Key, key_in, key_of
from machines.effects import Call, Reply, ReplyError
from machines.inputs import (
    Answered,
    CableConnected,
    CableDisconnected,
    Called,
    CalledBadly,
    CardPresented,
    ClockRead,
    ConfigLoaded,
    ContactorMoved,
    EvseSeen,
    Garbled,
    HoldAsked,
    LinkDown,
    LinkUp,
    MeterTold,
    OperatorReset,
    OperatorSet,
    PilotChanged,
    Refused,
    ServicesSelected,
    Started,
    Stopping,
    StraySend,
)
from machines.meter.facts import ReadingDue, ReadingReported
from machines.outbound.asks import PLACES, read_message_id
from machines.outbound.facts import Delivered, Dropped, Queued, Sent
from machines.session.facts import TransactionEnded, TransactionEnding, TransactionStarted, TransactionUpdated
from machines.session.state import SESSIONS
from replay import state
from replay.address import address, near, spelled
from replay.reading import one, scan, turns, wall_before
from replay.settings import PINNED, Given, given_by
from replay.show import MARGIN
from replay.show import lines as turn_lines
from replay.text import clean, event, moment, pseudonym, value
from wire.declared import Declared

STEPS_MOST = 24
"""A chain of causes longer than this is cut: who goes on can ask again from where it ends."""

ORIGINS: dict[type, str] = {
    Started: "the daemon started",
    ClockRead: "a command looked at the clock",
    ConfigLoaded: "the component files say something new",
    Stopping: "the daemon was asked to stop",
    HoldAsked: "somebody at the control socket asked for it",
    OperatorSet: "a person at the station set it",
    OperatorReset: "a person at the station wanted the component file's value",
    Called: "the CSMS called",
    CalledBadly: "the CSMS called, against the schema",
    Garbled: "the CSMS sent a frame that is no message",
    StraySend: "the CSMS sent an unconfirmed message",
    EvseSeen: "the hardware said what it sees after the start",
    CableConnected: "a vehicle was plugged in",
    CableDisconnected: "a vehicle was unplugged",
    PilotChanged: "the control pilot changed",
    ContactorMoved: "the contactor moved",
    MeterTold: "the meter was read",
    ServicesSelected: "the vehicle chose its services",
    CardPresented: "a card was held to the reader",
}

DATE_TIME = key_of("ClockCtrlr", "DateTime")

HOW = "give an OCPP messageId, a transaction id, Component.Variable[@evse], or a turn (#123)"


@define(frozen=True)
class Target:
    """A turn, and the fact in it that is asked about (None: the whole turn)."""

    seq: int
    fact: Any = None


def why(kernel: Kernel, store: Reading, subject: str, station: int = 0, *, full: bool = False) -> list[str]:
    """Why *subject* is as it is, as text: what it is, then turn by turn the way back to what came from outside.

    *subject*: the messageId of a message (ours or the CSMS's), a transaction id, ``Component.Variable`` (``Component(instance).Variable(instance)``,
    with ``@evse`` or ``@evse.connector`` and ``:Target`` where needed), or ``#seq``.  Raises SetupFault where it is nothing that the journal knows.
    """
    asker = _Asker(kernel, store, station, full=full)
    subject = subject.strip()
    if subject.startswith("#") or (subject.isascii() and subject.isdigit()):
        return asker.of_seq(subject)
    for look in (asker.of_message, asker.of_transaction):
        found = look(subject)
        if found is not None:
            return found
    if "." in subject:
        return asker.of_variable(subject)
    raise SetupFault(f"{clean(subject)}: the journal knows no such message or transaction; {HOW}")


class _Asker:
    """The journal and the way to ask it."""

    def __init__(self, kernel: Kernel, store: Reading, station: int, *, full: bool) -> None:
        self.kernel = kernel
        self.store = store
        self.number = station
        self.full = full
        self.base = store.base(station)[0]

    def _gone(self) -> str:
        return f"in turn {self.base} or before it; those turns were retired, and what led to it with them"

    # What can be asked about

    def of_seq(self, text: str) -> list[str]:
        """A turn and what led to it."""
        seq = state.seq_at(self.store, text.removeprefix("#"), self.number)
        return [f"turn {seq}", "", *self.chain(Target(seq))]

    def of_message(self, text: str) -> list[str] | None:
        """A message: ours by its own number, the CSMS's by looking for it."""
        if text.count("-") == 2:  # noqa: PLR2004 (the form of our ids)
            for journal in self._journals():
                place = read_message_id(journal, text)
                if place is not None:
                    found = self._ours(text, *place)
                    if found is not None:
                        return found
                    if place[0] // PLACES <= self.base:
                        raise SetupFault(f"{clean(text)}: it was queued {self._gone()}")
        return self._theirs(text)

    def _theirs(self, text: str) -> list[str] | None:
        """A message of the CSMS.  Nothing keeps a CSMS from using an id again: the latest one counts, the others are named."""
        found = [
            (seq, at_us, asked.action)
            for seq, at_us, events in scan(self.store, (Called, CalledBadly), self.number)
            for asked in events
            if asked.message_id == text
        ]
        if not found:
            return None
        seq, at_us, action = found[-1]
        effects = one(self.store, seq, self.number).effects
        answered = any(isinstance(effect, Reply | ReplyError) and effect.message_id == text for effect in effects)
        how = "answered in the same turn" if answered else "not answered"
        lines = [f"message {clean(text)}: the CSMS's {clean(action)}, received in turn {seq} at {moment(at_us)}, {how}"]
        if len(found) > 1:
            lines.append(f"the CSMS used this id before, in turns {', '.join([str(row[0]) for row in found[:-1]])}")
        return [*lines, "", *self.chain(Target(seq))]

    def _journals(self) -> list[int]:
        """The numbers that the journal ever had; one, unless it was copied."""
        found = {event.journal for _, _, events in scan(self.store, (Started,), self.number) for event in events}
        if self.base >= 0:
            found.add(begin(self.store, self.kernel, self.number).station[BOOT].journal)
        return sorted(found)

    def _ours(self, text: str, entry: int, attempt: int) -> list[str] | None:
        """How a message of ours was queued, sent and answered."""
        steps: list[tuple[str, int, int, str]] = []
        queued: tuple[int, Queued] | None = None
        told: Any = None
        # The number of an entry is never smaller than its turn's times PLACES, and the turn is rarely an earlier one.
        first = entry // PLACES if self._queues(entry // PLACES, entry) else 0
        kinds = (Queued, Sent, Delivered, Dropped, Answered, Refused, Call, TransactionStarted, TransactionUpdated, TransactionEnded)
        for seq, at_us, events in scan(self.store, kinds, self.number, first=first):
            for found in events:
                if getattr(found, "entry", None) != entry and getattr(found, "message_id", None) != text:
                    continue
                match found:
                    case Queued():
                        queued = (seq, found)
                        steps.append(("queued", seq, at_us, "while offline" if found.offline else ""))
                    case Sent():
                        mark = " (this one)" if found.attempt == attempt else ""
                        steps.append(("sent", seq, at_us, f"attempt {found.attempt} on link {found.link}{mark}"))
                    case Answered() | Refused():
                        steps.append(("answered", seq, at_us, f"attempt {found.attempt}: {event(found, full=self.full)}"))
                    case Delivered():
                        steps.append(("delivered", seq, at_us, ""))
                    case Dropped():
                        steps.append(("dropped", seq, at_us, clean(found.reason)))
                    case TransactionStarted() | TransactionUpdated() | TransactionEnded():
                        told = found
                    case _:
                        continue
            if steps and steps[-1][0] in ("delivered", "dropped"):
                break
        if queued is None:
            return None
        if not any(kind == "sent" and note.startswith(f"attempt {attempt} ") for kind, _, _, note in steps):
            raise SetupFault(f"{clean(text)}: the message was queued in turn {queued[0]}, and never sent a time number {attempt}")
        about = f", seqNo {getattr(told, 'seq_no', 0)}, {told.trigger}" if told is not None else ""
        head = f"message {clean(text)}: our {queued[1].action}{about}"
        way = [f"  {kind:9} #{seq:<8} {moment(at_us):>11}  {note}".rstrip() for kind, seq, at_us, note in steps]
        return [head, *way, "", *self.chain(Target(queued[0], queued[1]))]

    def _queues(self, seq: int, entry: int) -> bool:
        return any(event.entry == entry for _, _, events in scan(self.store, (Queued,), self.number, first=seq, last=seq) for event in events)

    def of_transaction(self, text: str) -> list[str] | None:
        """A transaction: why it began, and why it ended."""
        started: Target | None = None
        ended: Target | None = None
        for seq, _, events in scan(self.store, (TransactionStarted, TransactionEnded), self.number):
            for found in events:
                if found.transaction_id == text:
                    if isinstance(found, TransactionStarted):
                        started = Target(seq, found)
                    else:
                        ended = Target(seq, found)
            if ended is not None:
                break
        if started is None:
            running = begin(self.store, self.kernel, self.number).station[SESSIONS].of.items()
            evse_id = next((evse_id for evse_id, session in running if session.transaction and session.transaction.transaction_id == text), 0)
            if not evse_id:
                return None
            lines = [f"transaction {clean(text)} at EVSE {evse_id} began {self._gone()}"]
        else:
            lines = self._began(text, started)
        if ended is None:
            return [*lines, "", "it has not ended"]
        head = f"it ended in turn {ended.seq} ({ended.fact.trigger}, {ended.fact.stopped_reason})"
        return [*lines, "", head, "", *self.chain(ended)]

    def _began(self, text: str, started: Target) -> list[str]:
        fact = started.fact
        return [f"transaction {clean(text)} at EVSE {fact.evse_id} began in turn {started.seq} ({fact.trigger})", "", *self.chain(started)]

    def of_variable(self, text: str) -> list[str]:
        """A variable: the fact that set it, or the component file that declares it."""
        key = address(text)
        folded = state.at(self.kernel, self.store, self.store.last(self.number)[0], self.number)
        model = folded.station[DEVICE_MODEL]
        declared = model.declared.get(key)
        settings = [
            (seq, at_us, fact)
            for seq, at_us, events in scan(self.store, (VariableSet, VariableCleared), self.number)
            for fact in events
            if key_in(fact) == key
        ]
        if declared is None and not settings:
            raise SetupFault(f"{clean(text)}: the device model declares no such variable{near(model, key)}")
        view = derived(key)
        if view is not None and declared is not None:
            return self._derived(key, declared, view)
        lines = [_described(key, declared, model.text(key) if key in model.layers else None)]
        if not settings and self.base >= 0 and key in begin(self.store, self.kernel, self.number).station[DEVICE_MODEL].layers:
            return [*lines, f"set {self._gone()}"]
        if not settings:
            return [*lines, "never set since it was declared", *self._declared_in(declared)]
        seq, at_us, fact = settings[-1]
        lines.append(_changed(seq, at_us, fact))
        lines += [f"before: {value(old.value)}, {_changed(s, t, old)}" for s, t, old in reversed(settings[-6:-1])]
        if len(settings) > 6:  # noqa: PLR2004 (five before the last)
            lines.append(f"and {len(settings) - 6} times before that")
        if declared is not None:
            lines += [_gives(given) for given in given_by(declared) if given.value is not None]
        return [*lines, "", *self.chain(Target(seq, fact))]

    def _declared_in(self, declared: Declared | None) -> list[str]:
        if declared is None:
            return []
        lines = [_gives(given) for given in given_by(declared)]
        told = list(scan(self.store, (ModelDeclared,), self.number))
        if not told:
            return [*lines, f"declared {self._gone()}"]
        seq, _, events = told[-1]
        return [*lines, "", *self.chain(Target(seq, events[-1]))]

    def _derived(self, key: Key, declared: Declared, view: View) -> list[str]:
        """A variable that nobody stores: what it is now, and the turn that last made it so."""
        start = begin(self.store, self.kernel, self.number)
        station, known, changed = start.station, None, -1
        if self.base >= 0:
            known = view(station, Context(seq=start.seq, at=start.at, luck=0), key) or ""
        for turn in turns(self.store, self.number):
            station = self.kernel.restore(station, turn)
            if key == DATE_TIME:
                # It changes by itself; what can be asked is who set the clock.
                now, different = "the clock", any(isinstance(fact, ClockSet) for fact in turn.facts)
            else:
                now = view(station, Context(seq=turn.seq, at=turn.at, luck=0), key) or ""
                different = now != known
            if different:
                known, changed = now, turn.seq
        how = "derived: worked out whenever somebody asks, never stored; it last changed in this turn"
        head = f"{spelled(declared)} = {value(known or '')}"
        if changed < 0:
            return [head, f"derived: worked out whenever somebody asks, never stored; it last changed {self._gone()}"]
        return [head, how, "", *self.chain(Target(changed))]

    # The way back

    def chain(self, target: Target) -> list[str]:
        """The turn of *target* and the turns that caused it, back to what came from outside."""
        lines: list[str] = []
        seen: set[int] = set()
        step: Target | None = target
        while step is not None:
            if step.seq in seen or len(seen) >= STEPS_MOST:
                lines.append(f"... and so on: stationd replay why '#{step.seq}'")
                break
            seen.add(step.seq)
            turn = one(self.store, step.seq, self.number)
            wall = wall_before(self.store, step.seq + 1, self.number)
            lines += _cut(turn_lines(turn, wall, station=self.number, full=self.full), turn, step.fact)
            text, step = self.cause(turn)
            lines.append(f"  because {text}{':' if step is not None else ''}")
        return lines

    def cause(self, turn: Turn) -> tuple[str, Target | None]:
        """What the input of *turn* comes from, in words, and the earlier turn where there is one."""
        input = turn.input
        awaited = self._awaited(turn) if not isinstance(input, Woke) else None
        if awaited is not None:
            return awaited
        match input:
            case Woke():
                return self._deadline(turn)
            case Settled():
                return f"the outside settled {input.station}.{input.seq}.{input.index}, which was asked for here", Target(input.seq)
            case Answered() | Refused():
                target = self._last(turn.seq, Queued, lambda fact: fact.entry == input.entry)
                action = f" {target.fact.action}" if target is not None else ""
                return f"the CSMS {'answered' if isinstance(input, Answered) else 'refused'} our{action}, which was queued here", target
            case LinkUp() | LinkDown():
                target = self._last(turn.seq, Dialled, lambda fact: fact.link == input.link)
                what = "the CSMS opened the link" if isinstance(input, LinkUp) else f"the link went down ({clean(input.reason)})"
                return f"{what}{', which was dialled here' if target is not None else ''}", target
            case CardPresented():
                return f"card {pseudonym(input.token)} was held to the reader: from outside", None
            case _:
                return f"{ORIGINS.get(type(input), 'of what the input says')}: from outside", None

    def _awaited(self, turn: Turn) -> tuple[str, Target | None] | None:
        """Return what a turn that ended a wait was waited for since; None where it ended none, or one that had begun with it."""
        of = ORIGINS.get(type(turn.input), "of what the input says")
        for fact in turn.facts:
            target = None
            if isinstance(fact, TransactionEnded):
                target = self._last(turn.seq, TransactionEnding, partial(_same, ("evse_id",), fact))
            elif isinstance(fact, ReadingReported):
                target = self._last(turn.seq, ReadingDue, partial(_same, ("evse_id", "context"), fact))
            if target is not None and target.seq < turn.seq:
                return f"{of}, which was waited for since here", target
        return None

    def _deadline(self, turn: Turn) -> tuple[str, Target | None]:
        """Which deadline was due, and the fact that set it: the latest that holds this very microsecond."""
        before = state.before(self.kernel, self.store, turn.seq, self.number)
        due = self.kernel.due(before, turn.at)
        if not due:
            return "a deadline passed that was met otherwise meanwhile", None
        due_us, machine, reason = due[0]
        target = self._naming(due_us, turn.seq)
        words = f"time passed: {machine}/{reason} was due at {moment(due_us)}"
        if target is None:
            return f"{words}, a time that no single fact names", None
        return f"{words}, as set by {type(target.fact).__name__} here", target

    def _naming(self, due_us: int, before_seq: int) -> Target | None:
        """The latest fact before a turn that holds the time *due_us* while it still lay ahead."""
        place: tuple[int, int] | None = None
        for seq, row in self.store.rows(-1, self.number):
            if seq >= before_seq:
                break
            fields = decode(row[CHAIN_BYTES:])
            if fields[0] < due_us:
                for index, fact in enumerate(fields[3]):
                    if due_us in fact[1:]:
                        place = seq, index
        return Target(place[0], one(self.store, place[0], self.number).facts[place[1]]) if place is not None else None

    def _last(self, before_seq: int, kind: type[Fact], fits: Callable[[Any], bool]) -> Target | None:
        target = None
        for seq, _, events in scan(self.store, (kind,), self.number, last=before_seq):
            for found in events:
                if fits(found):
                    target = Target(seq, found)
        return target


def _same(names: tuple[str, ...], one: Fact, other: Fact) -> bool:
    """Whether two facts have the same values in the fields *names*."""
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _cut(lines: list[str], turn: Turn, fact: Any) -> list[str]:
    """The lines of a turn up to *fact*, which is marked; what came after it is counted."""
    if fact is None or fact not in turn.facts:
        return lines
    place = turn.facts.index(fact)
    kept = lines[: place + 2]
    kept[-1] = kept[-1].replace("  ", "=>", 1) if kept[-1].startswith("  ") else kept[-1]
    facts, effects = len(turn.facts) - place - 1, len(turn.effects)
    if facts or effects:
        kept.append(f"{'':{MARGIN}}... {facts} more facts and {effects} effects: stationd replay show {turn.seq}")
    return kept


def _changed(seq: int, at_us: int, fact: VariableSet | VariableCleared) -> str:
    if isinstance(fact, VariableCleared):
        return f"dropped in turn {seq} at {moment(at_us)} ({fact.cause}): what {_by(fact.source)} had set"
    return f"set in turn {seq} at {moment(at_us)} by {_by(fact.source)}{', to count from the next boot on' if fact.pending else ''}"


def _by(source: str) -> str:
    return {"csms": "the CSMS", "station": "the station itself", "operator": "an operator"}.get(source, clean(source))


def _gives(given: Given) -> str:
    file = f"component file {clean(given.file)}" if given.file else "a component file"
    if given.layer == PINNED:
        return f"pinned at {value(given.value or '')} by {file}"
    return f"declared as {value(given.value)} by {file}" if given.value is not None else f"declared by {file}, which gives no value"


def _described(key: Key, declared: Declared | None, held: str | None) -> str:
    if declared is None:
        return f"{key[0]}.{key[4]} is no longer declared; it was set to {value(held or '')}"
    known = held if held is not None else declared.value
    return f"{spelled(declared)} = {value(known) if known is not None else 'no value'}"
