"""One input in, one turn out.

The law of a turn:

1. The input is told to the machines that hear it, in the listed order.
2. A fact is folded the moment it is concluded, and told to the machines that hear it in the order in which facts were concluded.
3. A decision that is running keeps the station that it was given.
4. No clock, chance, input or output.  All that a decision reads is ``station``, ``event`` or ``cx``.
5. A decision that raises leaves the station as it was: the turn becomes one ``Faulted`` fact, told to no machine.  During restore a fold that
   raises means that this build cannot read the journal, and stops the station.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from engine.errors import EngineFault, JournalFault
from engine.event import AfterCrash, Effect, EffectId, Event, Fact, Input
from engine.machine import EVERY, Context, Decide, Machine, Part, State, Station, state
from engine.records import record

FACTS_MAX = 2048
"""More facts than this in one turn is a livelock, not a busy station, nor new component files that do away with every value."""

MUTE_FIRST_US = 1_000_000
MUTE_MOST_US = 3_600_000_000


@record(1)
class Settled(Input):
    """The outside finished, or failed to finish, an effect.  *outcome* is ``done``, ``failed`` or ``lost``."""

    station: int
    seq: int
    index: int
    outcome: str
    detail: str = ""


@record(2)
class Woke(Input):
    """A deadline passed.  Waking too often is harmless."""


@record(3)
class Faulted(Fact):
    """A machine raised.  Its deadlines that were due are muted until *mute_until*, doubling each time.

    *error* is the exception's qualified type and where it rose, by qualified names only: the same on every machine that runs this code.
    """

    machine: str
    error: str
    due: tuple[str, ...] = ()
    mute_until_us: int = 0
    evse_id: int = 0


@record(4)
class FaultCleared(Fact):
    """An operator or a reboot cleared the fault of an EVSE (0: all of them)."""

    evse_id: int = 0


@state(6)
class EngineState(State):
    """What the engine itself remembers: effects not settled, deadlines muted, EVSEs that may start no session."""

    outbox: dict[tuple[int, int], Effect]
    mutes: dict[str, tuple[int, int]]  # "machine/why" -> (until_us, times)
    faulted_evses: tuple[int, ...] = ()
    faults: int = 0


ENGINE = Part("engine", EngineState)


class Turn:
    """What one input led to: the unit of the journal."""

    __slots__ = ("at", "effects", "facts", "input", "luck", "seq")

    def __init__(self, *, seq: int, at: int, luck: int, input: Input, facts: tuple[Fact, ...], effects: tuple[Effect, ...]) -> None:
        self.seq = seq
        self.at = at
        self.luck = luck
        self.input = input
        self.facts = facts
        self.effects = effects

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Turn) and all(getattr(self, n) == getattr(other, n) for n in Turn.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Turn({self.seq} at {self.at}: {self.input} {self.facts} {self.effects})"

    @property
    def quiet(self) -> bool:
        """Whether the row may ride with the next group: nothing but an answer, or nothing but readings that the next ones replace."""
        if self.facts:
            return not self.effects and all(fact.TELEMETRY for fact in self.facts)
        return all(effect.ANSWERS for effect in self.effects)


def fold_faulted(engine: EngineState, fact: Faulted) -> None:
    """Mute what was due, remember the EVSE."""
    engine.faults += 1
    for why in fact.due:
        times = engine.mutes.get(why, (0, 0))[1]
        engine.mutes[why] = (fact.mute_until_us, times + 1)
    if fact.evse_id and fact.evse_id not in engine.faulted_evses:
        engine.faulted_evses = tuple(sorted((*engine.faulted_evses, fact.evse_id)))


def fold_fault_cleared(engine: EngineState, fact: FaultCleared) -> None:
    """Let the EVSE start sessions again."""
    engine.faulted_evses = tuple(e for e in engine.faulted_evses if e != fact.evse_id) if fact.evse_id else ()


def _no_answer(input: Input, cx: Context) -> Iterator[Effect]:  # noqa: ARG001
    return iter(())


class Kernel:
    """The machines of a station, compiled.  Holds no state of its own."""

    ENGINE_FOLDS: ClassVar[dict[type[Fact], Callable[[Any, Any], None]]] = {
        Faulted: fold_faulted,
        FaultCleared: fold_fault_cleared,
    }

    def __init__(
        self,
        machines: tuple[Machine, ...],
        on_fault: Callable[[Input, Context], Iterator[Effect]] = _no_answer,
    ) -> None:
        self.machines = machines
        self.on_fault = on_fault
        folds: dict[type[Fact], list[tuple[str, Callable[[Any, Any], None]]]] = {}
        for fact, evolve in self.ENGINE_FOLDS.items():
            folds.setdefault(fact, []).append((ENGINE.name, evolve))
        told: dict[Any, list[tuple[Machine, Decide]]] = {}
        every: dict[Any, list[tuple[Machine, Decide]]] = {}
        for machine in machines:
            for fact, evolve in machine.folds.items():
                folds.setdefault(fact, []).append((machine.name, evolve))
            for heard, decide in machine.hears.items():
                if isinstance(heard, tuple) and heard[1] == EVERY:
                    every.setdefault(heard[0], []).append((machine, decide))
                else:
                    told.setdefault(heard, []).append((machine, decide))
        for kind, rows in every.items():
            for topic in {kind, *[heard for heard in told if isinstance(heard, tuple) and heard[0] is kind]}:
                # In the listed order of the machines, like everything that is told.
                told[topic] = sorted([*told.get(topic, ()), *rows], key=lambda row: machines.index(row[0]))
        self.folds = {fact: tuple(rows) for fact, rows in folds.items()}
        self.told = {heard: tuple(rows) for heard, rows in told.items()}
        self.timed = tuple(m for m in machines if m.deadlines is not None)
        self.concluders = tuple(m for m in machines if m.conclude is not None)

    # What a station is at first

    def genesis(self) -> Station:
        """The station before anything happened to it."""
        parts: dict[str, Any] = {ENGINE.name: EngineState(outbox={}, mutes={})}
        for machine in self.machines:
            parts[machine.name] = machine.part.of()
        return Station(parts)

    # Deciding

    def turn(self, station: Station, input: Input, cx: Context) -> tuple[Turn, Station]:
        """Decide *input*: what it led to, and the station after it.  Never raises for what a machine does."""
        facts: list[Fact] = []
        effects: list[Effect] = []
        deciding = ["engine"]
        due: tuple[tuple[int, str, str], ...] = ()
        try:
            if type(input) is Woke:
                due = self.due(station, cx.at)
            now = self._decide(station, input, cx, due, facts, effects, deciding)
            if due:
                left = {(d, name, why) for d, name, why in self.due(now, cx.at)}
                for row in due:
                    if row in left:
                        deciding[0] = row[1]
                        raise EngineFault(f"woke for {row[2]} and nobody got up")
        except Exception as error:  # noqa: BLE001 (whatever a machine raises becomes a fact)
            facts, effects, now = self._faulted(station, input, cx, due, deciding[0], error)
        turn = Turn(seq=cx.seq, at=cx.at, luck=cx.luck, input=input, facts=tuple(facts), effects=tuple(effects))
        return turn, self.settle(now, turn)

    def _decide(
        self,
        station: Station,
        input: Input,
        cx: Context,
        due: tuple[tuple[int, str, str], ...],
        facts: list[Fact],
        effects: list[Effect],
        deciding: list[str],
    ) -> Station:
        now = station
        agenda: deque[Event] = deque((input,))
        seen = station.parts
        while True:
            while agenda:
                event = agenda.popleft()
                for machine, decide in self._hearers(now, event, due):
                    deciding[0] = machine.name
                    for conclusion in decide(now, event, cx):
                        if isinstance(conclusion, Fact):
                            now = self.fold(now, conclusion)
                            facts.append(conclusion)
                            agenda.append(conclusion)
                        else:
                            effects.append(conclusion)
                if len(facts) > FACTS_MAX:
                    raise EngineFault(f"livelock: {len(facts)} facts in one turn, last {type(facts[-1]).__name__}")
            before, seen = seen, now.parts
            if before is seen:
                return now
            for machine in self.concluders:
                if any(before[part.name] is not seen[part.name] for part in machine.watches):
                    deciding[0] = machine.name
                    for conclusion in machine.conclude(now, cx):  # type: ignore[misc]
                        if isinstance(conclusion, Fact):
                            now = self.fold(now, conclusion)
                            facts.append(conclusion)
                            agenda.append(conclusion)
                        else:
                            effects.append(conclusion)

    def _hearers(self, station: Station, event: Event, due: tuple[tuple[int, str, str], ...]) -> tuple[tuple[Machine, Decide], ...]:
        kind: Any = type(event)
        if kind is Woke:
            names = {name for _, name, _ in due}
            return tuple((m, d) for m, d in self.told.get(Woke, ()) if m.name in names)
        if kind is Settled:
            effect = station[ENGINE].outbox.get((event.seq, event.index))  # type: ignore[attr-defined]
            return self.told.get((Settled, type(effect)), ())
        topic = getattr(kind, "TOPIC", None)
        if topic is None:
            return self.told.get(kind, ())
        found = self.told.get((kind, getattr(event, topic)))
        return found if found is not None else self.told.get(kind, ())

    def _faulted(
        self,
        station: Station,
        input: Input,
        cx: Context,
        due: tuple[tuple[int, str, str], ...],
        machine: str,
        error: Exception,
    ) -> tuple[list[Fact], list[Effect], Station]:
        mine = tuple(f"{name}/{why}" for _, name, why in due if name == machine) or tuple(f"{name}/{why}" for _, name, why in due)
        mutes = station[ENGINE].mutes
        times = max((mutes.get(why, (0, 0))[1] for why in mine), default=0)
        fact = Faulted(
            machine=machine,
            error=describe(error),
            due=mine,
            mute_until_us=cx.at + min(MUTE_FIRST_US << min(times, 30), MUTE_MOST_US) if mine else 0,
            evse_id=getattr(input, "evse_id", 0),
        )
        return [fact], list(self.on_fault(input, cx)), self.fold(station, fact)

    # Folding

    def fold(self, station: Station, fact: Fact) -> Station:
        """The station with *fact* in it; the one given stays as it was."""
        rows = self.folds.get(type(fact))
        if rows is None:
            return station
        parts = station.parts.copy()
        for name, evolve in rows:
            part = parts[name].copy()
            evolve(part, fact)
            parts[name] = part
        return Station(parts)

    @staticmethod
    def settle(station: Station, turn: Turn) -> Station:
        """The outbox after *turn*: effects that are followed enter it, a settled one leaves it."""
        settled = turn.input if type(turn.input) is Settled else None
        followed = [(index, effect) for index, effect in enumerate(turn.effects) if effect.AFTER_CRASH is not AfterCrash.FORGET]
        if settled is None and not followed:
            return station
        engine = station[ENGINE].copy()
        if settled is not None:
            engine.outbox.pop((settled.seq, settled.index), None)
        for index, effect in followed:
            engine.outbox[turn.seq, index] = effect
        return Station({**station.parts, ENGINE.name: engine})

    def restore(self, station: Station, turn: Turn) -> Station:
        """Fold a recorded turn.  Nothing is decided, nothing is performed.  Raises JournalFault where this build cannot."""
        for fact in turn.facts:
            try:
                station = self.fold(station, fact)
            except Exception as error:
                raise JournalFault(
                    f"turn {turn.seq}: this build cannot fold {type(fact).__name__} ({error}); read this journal with the build that wrote it"
                ) from error
        return self.settle(station, turn)

    # Deadlines

    def due(self, station: Station, at: int) -> tuple[tuple[int, str, str], ...]:
        """Every (due, machine, why) that is due at *at*, earliest first."""
        return tuple(sorted(row for row in self._deadlines(station) if row[0] <= at))

    def next_deadline(self, station: Station) -> tuple[int, str, str] | None:
        """The earliest (due, machine, why), or None when the station waits for nothing but the world."""
        return min(self._deadlines(station), default=None)

    def _deadlines(self, station: Station) -> Iterable[tuple[int, str, str]]:
        mutes = station[ENGINE].mutes
        for machine in self.timed:
            part = station.parts[machine.name]
            try:
                rows = part._due  # noqa: SLF001 (a memo that the kernel keeps on the state itself)
            except AttributeError:
                rows = tuple((due, machine.name, why) for due, why in machine.deadlines(part))  # type: ignore[misc]
                part._due = rows  # noqa: SLF001
            if not mutes:
                yield from rows
            else:
                for due, name, why in rows:
                    until = mutes.get(f"{name}/{why}", (0, 0))[0]
                    yield (max(due, until), name, why)


def describe(error: BaseException) -> str:
    """The exception by type and by the qualified names it rose through: no path, no line, no value."""
    names = []
    trace = error.__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_qualname)
        trace = trace.tb_next
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__} in {' > '.join(names[-3:])}"


def outbox_ids(station: Station, number: int) -> list[tuple[EffectId, Effect]]:
    """The effects that wait for their outcome, in the order in which they were asked."""
    return [(EffectId(number, seq, index), effect) for (seq, index), effect in sorted(station[ENGINE].outbox.items())]
