"""N10 Clear Customer Information, as far as the station's own memory goes: forget a person.

Law: whoever is needed still is not forgotten yet, and is forgotten without being asked again once they are not.  What is forgotten is who it was;
what happened stays, under a pseudonym.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kernel import ENGINE, Settled, Woke
from engine.machine import Conclusions, Context, Machine, Station
from machines.device_model.state import DEVICE_MODEL
from machines.effects import Shred
from machines.inputs import ForgetAsked
from machines.outbound.state import OUTBOUND
from machines.persons.facts import ForgettingPromised, ShreddingFailed, ShreddingRetried, SubjectForgotten
from machines.persons.state import FOLDS, PERSONS, Persons
from machines.session.state import SESSIONS

RETRY_US = 60_000_000


def needed_for(station: Station, pseudonym: str) -> str:
    """What a person is needed for still, in words for people; empty where for nothing."""
    sessions = station[SESSIONS]
    for evse_id, session in sorted(sessions.of.items()):
        # A token that stands in a session which is over is remembered there for nobody.
        if (session.authorized or session.transaction is not None) and (pseudonym in session.token or pseudonym in session.group):
            return f"the session at EVSE {evse_id}" if evse_id > 0 else "an authorization that waits for a vehicle"
    if any(pseudonym in asked.token for asked in sessions.asking.values()):
        return "a question to the CSMS"
    name = pseudonym.encode()
    if any(name in entry.payload for entry in station[OUTBOUND].queue.values()):
        return "a message that waits to be sent"
    if station[DEVICE_MODEL].names(pseudonym):
        return "a setting"
    return ""


def on_asked(station: Station, asked: ForgetAsked, cx: Context) -> Conclusions:  # noqa: ARG001
    """A promise; :func:`forget` keeps it, in the same turn where nothing is under way."""
    for handle in asked.handles:
        if handle not in station[PERSONS].waiting:
            yield ForgettingPromised(pseudonym=handle)


def forget(station: Station, cx: Context) -> Conclusions:  # noqa: ARG001
    """Whoever is needed no longer is forgotten."""
    gone = [one for one in station[PERSONS].waiting if not needed_for(station, one)]
    for pseudonym in gone:
        yield SubjectForgotten(pseudonym=pseudonym)
    if gone:
        yield Shred(handles=tuple(gone))


def on_shredded(station: Station, settled: Settled, cx: Context) -> Conclusions:
    """A disk that did not take it now is tried again: what was forgotten must not be there."""
    effect = station[ENGINE].outbox[settled.seq, settled.index]
    if settled.outcome != "done" and isinstance(effect, Shred):
        yield ShreddingFailed(handles=effect.handles, retry_at_us=cx.at + RETRY_US)


def on_deadline(station: Station, woke: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """Again."""
    handles = station[PERSONS].failed
    yield ShreddingRetried()
    yield Shred(handles=handles)


def deadlines(persons: Persons) -> Iterator[tuple[int, str]]:
    """The next try."""
    if persons.retry_at_us:
        yield persons.retry_at_us, "shred"


MACHINE = Machine(
    PERSONS,
    folds=FOLDS,
    hears={ForgetAsked: on_asked, (Settled, Shred): on_shredded, Woke: on_deadline},
    deadlines=deadlines,
    watches=(PERSONS, SESSIONS, OUTBOUND, DEVICE_MODEL),
    conclude=forget,
)
