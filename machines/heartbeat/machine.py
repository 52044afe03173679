"""G02 Heartbeat: when nothing else was said for the heartbeat interval.

Law: any other message resets the interval (G02.FR.05), but one heartbeat a day is sent all the same, for the clock (G02.FR.07).
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.event import Fact
from engine.kernel import Woke
from engine.machine import Conclusions, Context, Machine, Part, State, Station, state
from engine.records import record
from machines.boot.facts import BootAccepted, Rebooted
from machines.boot.state import BOOT
from machines.boot.state import Phase as Boot
from machines.connection.facts import Lost, Opened
from machines.device_model.facts import Changed, VariableCleared, VariableSet
from machines.device_model.views import Variable
from machines.outbound.asks import ask
from machines.outbound.facts import Sent

INTERVAL_S = Variable("OCPPCommCtrlr", "HeartbeatInterval", "300")
DAY_US = 86_400_000_000


@record(200)
class HeartbeatPaced(Fact):
    """Heartbeats leave every *interval_us*, counted from *from_us*; 0: none."""

    interval_us: int
    from_us: int


@record(201)
class HeartbeatAsked(Fact):
    """A heartbeat waits to be sent."""

    at_us: int


@state(202)
class Heartbeat(State):
    """*said_us* is when the station last said anything, *beat_us* when it last sent a heartbeat."""

    interval_us: int = 0
    said_us: int = 0
    beat_us: int = 0
    online: bool = False


HEARTBEAT = Part("heartbeat", Heartbeat)


def fold_paced(beat: Heartbeat, fact: HeartbeatPaced) -> None:
    """A new interval."""
    beat.interval_us = fact.interval_us
    beat.said_us = beat.beat_us = fact.from_us
    beat.online = True


def fold_asked(beat: Heartbeat, fact: HeartbeatAsked) -> None:
    """Counts as said, so that a queue that does not move is not filled with heartbeats."""
    beat.said_us = beat.beat_us = fact.at_us


def fold_sent(beat: Heartbeat, fact: Sent) -> None:
    """G02.FR.05."""
    beat.said_us = fact.at_us


def fold_offline(beat: Heartbeat, fact: Lost | Rebooted) -> None:  # noqa: ARG001
    """Nobody listens."""
    beat.online = False


def pace(station: Station, fact: BootAccepted, cx: Context) -> Conclusions:
    """G02.FR.01: the interval that came with the acceptance, else the one that is configured."""
    yield HeartbeatPaced(interval_us=(fact.interval_s or max(INTERVAL_S.integer(station), 0)) * 1_000_000, from_us=cx.at)


def resume(station: Station, fact: Opened, cx: Context) -> Conclusions:  # noqa: ARG001
    """A link that comes back to an accepted station."""
    if station[BOOT].phase is Boot.ACCEPTED:
        yield HeartbeatPaced(interval_us=max(INTERVAL_S.integer(station), 0) * 1_000_000, from_us=cx.at)


def changed(station: Station, fact: Changed, cx: Context) -> Conclusions:
    """Somebody set the interval."""
    beat = station[HEARTBEAT]
    if INTERVAL_S.is_in(fact) and beat.online:
        interval_us = max(INTERVAL_S.integer(station), 0) * 1_000_000
        if interval_us != beat.interval_us:
            yield HeartbeatPaced(interval_us=interval_us, from_us=cx.at)


def on_deadline(station: Station, event: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """Say that we are alive."""
    yield HeartbeatAsked(at_us=cx.at)
    yield ask(station, cx, "Heartbeat", {})


def deadlines(beat: Heartbeat) -> Iterator[tuple[int, str]]:
    """The end of the silence, or of the day."""
    if beat.online and beat.interval_us:
        yield min(beat.said_us + beat.interval_us, beat.beat_us + max(DAY_US, beat.interval_us)), "heartbeat"


MACHINE = Machine(
    HEARTBEAT,
    folds={
        HeartbeatPaced: fold_paced,
        HeartbeatAsked: fold_asked,
        Sent: fold_sent,
        Lost: fold_offline,
        Rebooted: fold_offline,
    },
    hears={BootAccepted: pace, Opened: resume, VariableSet: changed, VariableCleared: changed, Woke: on_deadline},
    deadlines=deadlines,
)
