"""What must hold whatever happens.

Law: a check looks and never helps: nothing in here changes the world, and what it knows it has from durable turns and from the wire.
"""

from __future__ import annotations

from typing import Any, Final

from engine.event import EffectId
from engine.kernel import ENGINE, Faulted, Kernel, Turn
from engine.machine import Station
from eventlog import snapshots
from eventlog.fold import fold
from eventlog.memory import MemoryJournal
from eventlog.segments import begin
from machines.effects import Call
from machines.network.machine import NETWORK, wanted
from machines.outbound.asks import read_message_id
from machines.outbound.facts import THINNED, Delivered, Dropped, Queued
from machines.outbound.state import OUTBOUND
from machines.session.state import CONNECTED_AND_AUTHORIZED, SESSIONS
from replay.verify import verify
from wire import jsontext
from wire.schemas import Schemas

EVENT: Final = "TransactionEvent"
REGISTER: Final = "Energy.Active.Import.Register"

DROPS_OF_EVENTS: Final = ("no answer in time", "CALLERROR ", "the answer breaks its schema", THINNED)
"""How the reason begins for which a transaction event may be given up (E13, E11.FR.05); "offline" is none of them."""


class Violation(AssertionError):
    """Something that must hold did not.  *rule* names it, in the same words for every life that breaks it."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule


class Ledger:
    """What the journal says was to be said, and what became of it; fed with every durable turn, in order."""

    def __init__(self) -> None:
        self.queued: dict[int, tuple[str, bytes]] = {}
        self.gone: dict[int, str] = {}
        self.message_ids: set[str] = set()
        self.charging: set[int] = set()
        """The EVSEs of which an open transaction was last reported as Charging."""
        self._attempts: dict[int, int] = {}
        self.last_at = -1
        self.turns = 0

    def read(self, turn: Turn) -> None:
        """One more durable turn."""
        if turn.seq != self.turns:
            raise Violation("seqs follow each other", f"turn {turn.seq} after {self.turns - 1}")
        if turn.at <= self.last_at:
            raise Violation("time never goes back", f"turn {turn.seq} at {turn.at}, the one before it at {self.last_at}")
        self.turns += 1
        self.last_at = turn.at
        for fact in turn.facts:
            match fact:
                case Queued():
                    if fact.entry in self.queued:
                        raise Violation("entries are unique for ever", f"turn {turn.seq} queued entry {fact.entry} again")
                    self.queued[fact.entry] = (fact.action, fact.payload)
                    if fact.action == EVENT:
                        self._report(jsontext.decode(fact.payload))
                case Delivered() | Dropped():
                    self._leave(turn, fact)
                case Faulted():
                    raise Violation("no turn is Faulted", f"turn {turn.seq}: {fact.machine}: {fact.error}")
                case _:
                    pass
        for effect in turn.effects:
            if type(effect) is Call:
                if effect.message_id in self.message_ids:
                    raise Violation("message ids are never used twice", f"turn {turn.seq} asked for {effect.message_id} again")
                self.message_ids.add(effect.message_id)

    def _report(self, event: dict[str, Any]) -> None:
        """Note whether a transaction event leaves its EVSE reported as Charging."""
        evse_id = event.get("evse", {}).get("id", 0)
        state = event["transactionInfo"].get("chargingState", "")
        if event["eventType"] == "Ended" or state not in ("", "Charging"):
            self.charging.discard(evse_id)
        elif state == "Charging":
            self.charging.add(evse_id)

    def _leave(self, turn: Turn, fact: Delivered | Dropped) -> None:
        if fact.entry not in self.queued or fact.entry in self.gone:
            raise Violation("a message leaves the queue once", f"turn {turn.seq}: entry {fact.entry} left it again, or never was in it")
        self.gone[fact.entry] = fact.reason if type(fact) is Dropped else ""

    def attempted(self, journal: int, message_id: str) -> None:
        """A CALL leaves: count it."""
        place = read_message_id(journal, message_id)
        if place is None:
            raise Violation("message ids are ours to read", message_id)
        self._attempts[place[0]] = self._attempts.get(place[0], 0) + 1

    def attempts(self, entry: int) -> int:
        """How often an entry was sent."""
        return self._attempts.get(entry, 0)


# At the end of a life


def check_events(ledger: Ledger, attempts_most: int) -> dict[tuple[str, int], str]:
    """Transactions as the journal tells them: whole, in order, monotone.  Returns why (id, seqNo) was given up, where it was.

    E01.FR.07, E01.FR.08, E04.FR.01, E11, E13.
    """
    given_up: dict[tuple[str, int], str] = {}
    told: dict[str, list[tuple[int, str]]] = {}
    meters: dict[str, float] = {}
    registers: dict[int, float] = {}
    for entry, (action, text) in ledger.queued.items():
        if action != EVENT:
            continue
        event: dict[str, Any] = jsontext.decode(text)
        identifier, seq_no = event["transactionInfo"]["transactionId"], event["seqNo"]
        told.setdefault(identifier, []).append((seq_no, event["eventType"]))
        energy = register_of(event)
        if energy is not None:
            evse_id = event["evse"]["id"]
            if energy < meters.get(identifier, 0) or energy < registers.get(evse_id, 0):
                raise Violation("energy is monotone", f"{identifier} seqNo {seq_no}: {energy} Wh after {registers.get(evse_id)} Wh")
            meters[identifier] = registers[evse_id] = energy
        reason = ledger.gone.get(entry)
        if reason is None:
            raise Violation("no transaction event is lost", f"{identifier} seqNo {seq_no} (entry {entry}) was neither delivered nor dropped")
        if reason:
            if not reason.startswith(DROPS_OF_EVENTS):
                raise Violation("transaction events are dropped for allowed reasons only", f"{identifier} seqNo {seq_no}: {reason}")
            if reason != THINNED and ledger.attempts(entry) < attempts_most:
                raise Violation("a transaction event is tried MessageAttempts times", f"{identifier} seqNo {seq_no}: {ledger.attempts(entry)}")
            given_up[identifier, seq_no] = reason
    for identifier, events in told.items():
        if [seq_no for seq_no, _ in events] != list(range(len(events))):
            raise Violation("seqNo grows by one", f"{identifier}: {[seq_no for seq_no, _ in events]}")
        kinds = [kind for _, kind in events]
        if kinds[0] != "Started" or kinds.count("Started") != 1:
            raise Violation("one Started, first", f"{identifier}: {kinds}")
        if kinds[-1] != "Ended" or kinds.count("Ended") != 1:
            raise Violation("one Ended, last", f"{identifier}: {kinds}")
    return given_up


def check_received(received: dict[str, list[tuple[int, str, dict[str, Any]]]], given_up: dict[tuple[str, int], str], ledger: Ledger) -> None:
    """What the CSMS got of every transaction, against what the journal says was delivered."""
    told: dict[str, int] = {}
    for action, text in ledger.queued.values():
        if action == EVENT:
            event: dict[str, Any] = jsontext.decode(text)
            told[event["transactionInfo"]["transactionId"]] = event["seqNo"] + 1
    for identifier in received:
        if identifier not in told:
            raise Violation("the CSMS hears only of transactions that are in the journal", identifier)
    for identifier, count in told.items():
        first: dict[int, dict[str, Any]] = {}
        for seq_no, _, event in received.get(identifier, ()):
            before = first.get(seq_no)
            if before is None:
                if first and seq_no < max(first):
                    raise Violation("transaction events arrive in order", f"{identifier}: seqNo {seq_no} after {max(first)}")
                first[seq_no] = event
            elif before != event:
                raise Violation("one seqNo has one content", f"{identifier} seqNo {seq_no}: {before} and {event}")
        missing = [seq_no for seq_no in range(count) if seq_no not in first and (identifier, seq_no) not in given_up]
        if missing:
            raise Violation("every transaction event reaches the CSMS", f"{identifier}: seqNo {missing} of {count}")


def register_of(event: dict[str, Any]) -> float | None:
    """The import register that a transaction event tells."""
    for value in event.get("meterValue", ()):
        for sample in value["sampledValue"]:
            if sample.get("measurand") == REGISTER:
                found: float = sample["value"]
                return found
    return None


def check_healed(station: Station, os_plan: object, plugged: dict[int, bool], told: dict[tuple[int, int], str]) -> None:
    """A station whose troubles are over: nothing waits, and everybody agrees."""
    out = station[OUTBOUND]
    if out.queue or out.flying:
        raise Violation("the queue empties", f"{len(out.queue)} wait: {[entry.action for entry in out.queue.values()][:5]}")
    if station[ENGINE].outbox:
        raise Violation("the outbox empties", f"{station[ENGINE].outbox}")
    net = station[NETWORK]
    if not os_plan == wanted(station) == net.has == net.asked:
        raise Violation("the network is as wanted", f"OS {os_plan}, wanted {wanted(station)}, has {net.has}, asked {net.asked}")
    for evse_id, is_plugged in plugged.items():
        status = "Occupied" if is_plugged else "Available"
        if told.get((evse_id, 1)) != status:
            raise Violation("the CSMS knows every connector", f"EVSE {evse_id} is {status}, the CSMS was told {told.get((evse_id, 1))}")


def check_hardware(station: Station, evse_id: int, *, offered: bool, locked: bool) -> None:
    """The hardware offers and holds what the session wants."""
    session = station[SESSIONS].at(evse_id)
    ready = session.phase in CONNECTED_AND_AUTHORIZED
    if (offered, locked) != (ready and not session.blocked and session.ending is None, ready or (session.connected and session.contactor)):
        raise Violation("the hardware does what the session wants", f"EVSE {evse_id}: offers {offered}, holds {locked}, session {session.phase}")


def check_replay(kernel: Kernel, store: MemoryJournal, station: Station) -> None:
    """Decided again from where its rows begin it is the same; and the fold of the rows is the station that lived."""
    report = verify(kernel, store)
    if not report.ok:
        raise Violation("replay decides the same", "; ".join([*report.damage, *map(str, report.divergences)])[:2000])
    check_fold(kernel, store, station)


def check_fold(kernel: Kernel, store: MemoryJournal, station: Station) -> None:
    """The fold of all rows, and of a snapshot with the rows after it, is *station*."""
    base, last = store.base()[0], store.last()[0]
    whole = fold(kernel, begin(store, kernel), store.rows())
    if whole.station != station:
        raise Violation("the fold is the station that lived", differing(whole.station, station))
    middle = base + (last - base) // 2
    half = fold(kernel, begin(store, kernel), [row for row in store.rows() if row[0] <= middle])
    copy = store.without_snapshots()
    snapshots.write(copy, half, b"half")
    tail = snapshots.restore(copy, kernel, lambda: b"half")
    if tail.turns > last - middle or tail.station != station:
        raise Violation("a snapshot and its tail are the station that lived", differing(tail.station, station))


def differing(one: Station, other: Station) -> str:
    """Which parts of two stations differ, and how."""
    return "; ".join(f"{name}: {part} is not {other.parts[name]}" for name, part in sorted(one.parts.items()) if other.parts[name] != part)


# On the wire


def check_payload(schemas: Schemas | None, version: str, message: str, payload: bytes) -> None:
    """An outgoing payload keeps the schema of the link's version, and no placeholder leaves."""
    if b"<sealed:" in payload:
        raise Violation("no placeholder leaves", f"{message}: {payload!r}")
    if schemas is None:
        return
    plain, problem = schemas.check(version, message, payload)
    if problem is not None:
        raise Violation("outgoing payloads keep their schema", f"{message} on {version}: {problem.description}: {payload!r}")
    if plain is not payload:
        raise Violation("outgoing integers are written plainly", f"{message} on {version}: {payload!r}")


def check_performed(effect_id: EffectId, durable_seq: int, *, answers: bool) -> None:
    """The law of the dispatcher."""
    if effect_id.seq > durable_seq and not answers:
        raise Violation("an effect waits until its turn is durable", f"{effect_id} performed, durable up to {durable_seq}")
