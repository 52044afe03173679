"""An EVSE that does not do what it was asked is asked again.

Law: the newest command is the one that counts; it is repeated until the hardware says that it was done, or another one takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from engine.event import Fact, Value
from engine.kernel import ENGINE, Settled, Woke
from engine.machine import Conclusions, Context, Machine, Part, State, Station, state
from engine.records import record
from machines.boot.facts import Rebooted
from machines.effects import SetEvse
from machines.session.facts import EvseAsked
from machines.session.state import SESSIONS

RETRY_FIRST_US = 1_000_000
RETRY_MOST_US = 60_000_000

FAULTED_AFTER = 3
"""So many failures of one command make the connectors of the EVSE Faulted in the eyes of the CSMS: a hiccup is not worth a service call."""


@record(330)
class EvseFailed(Fact):
    """The hardware did not do what it was last asked, for the *failures*-th time; it is asked again at *retry_at_us*."""

    evse_id: int
    failures: int
    retry_at_us: int
    detail: str = ""


@record(331)
class EvseRetried(Fact):
    """The last command was given again."""

    evse_id: int


@record(332)
class EvseObeyed(Fact):
    """The hardware does what it was asked again."""

    evse_id: int


@record(333)
class Failing(Value):
    """How often the last command failed, and when it is given again (0: its outcome is awaited)."""

    failures: int
    retry_at_us: int


@state(334)
class Evses(State):
    """The EVSEs that fail."""

    failing: dict[int, Failing] = attrs.field(factory=dict)


EVSES = Part("evses", Evses)


def fold_failed(here: Evses, fact: EvseFailed) -> None:
    """Once more."""
    here.failing[fact.evse_id] = Failing(failures=fact.failures, retry_at_us=fact.retry_at_us)


def fold_asked(here: Evses, fact: EvseAsked | EvseRetried) -> None:
    """A command is on its way: its outcome decides; what failed before it is not forgotten until one succeeds."""
    before = here.failing.get(fact.evse_id)
    if before is not None:
        here.failing[fact.evse_id] = Failing(failures=before.failures, retry_at_us=0)


def fold_obeyed(here: Evses, fact: EvseObeyed) -> None:
    """All is well."""
    here.failing.pop(fact.evse_id, None)


def fold_rebooted(here: Evses, fact: Rebooted) -> None:  # noqa: ARG001
    """Another process, another start: what is still wanted is asked for anew, and contactors fell open."""
    here.failing = {}


def out_of_order(station: Station, evse_id: int) -> bool:
    """Whether an EVSE has failed so often that it counts as faulted."""
    failing = station[EVSES].failing.get(evse_id)
    return failing is not None and failing.failures >= FAULTED_AFTER


def on_settled(station: Station, settled: Settled, cx: Context) -> Conclusions:
    """The hardware did, or did not; what it did about a command that another one has replaced says nothing."""
    outbox = station[ENGINE].outbox
    mine = (settled.seq, settled.index)
    effect = outbox.get(mine)
    if not isinstance(effect, SetEvse):
        return
    evse_id = effect.evse_id
    if any(isinstance(other, SetEvse) and other.evse_id == evse_id and mine < key for key, other in outbox.items()):
        return
    failing = station[EVSES].failing.get(evse_id)
    if settled.outcome == "done":
        if failing is not None:
            yield EvseObeyed(evse_id=evse_id)
        return
    failures = failing.failures + 1 if failing is not None else 1
    pause_us = min(RETRY_FIRST_US << min(failures - 1, 30), RETRY_MOST_US)
    yield EvseFailed(evse_id=evse_id, failures=failures, retry_at_us=cx.at + pause_us, detail=settled.detail)


def on_deadline(station: Station, event: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """Ask again, for what the session was last given."""
    for evse_id, failing in sorted(station[EVSES].failing.items()):
        if 0 < failing.retry_at_us <= cx.at:
            session = station[SESSIONS].at(evse_id)
            yield EvseRetried(evse_id=evse_id)
            yield SetEvse(evse_id=evse_id, energise=session.asked_energise, lock=session.asked_lock)


def deadlines(here: Evses) -> Iterator[tuple[int, str]]:
    """The next time that each is asked again."""
    for evse_id, failing in here.failing.items():
        if failing.retry_at_us:
            yield failing.retry_at_us, f"retry {evse_id}"


MACHINE = Machine(
    EVSES,
    folds={EvseFailed: fold_failed, EvseAsked: fold_asked, EvseRetried: fold_asked, EvseObeyed: fold_obeyed, Rebooted: fold_rebooted},
    hears={(Settled, SetEvse): on_settled, Woke: on_deadline},
    deadlines=deadlines,
)
