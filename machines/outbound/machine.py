"""Send what waits, one at a time; take the answers; give up with a reason.

Law: a message leaves the queue only as ``Delivered`` or as ``Dropped`` with a reason; transaction events are never dropped while trying can help.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kernel import Woke
from engine.machine import Conclusions, Context, Machine, Station
from machines.boot.facts import Rebooted
from machines.boot.state import BOOT
from machines.boot.state import Phase as Boot
from machines.connection.facts import Lost
from machines.connection.state import CONNECTION
from machines.connection.state import Phase as Link
from machines.device_model.views import Variable
from machines.effects import Call, Say
from machines.inputs import Answered, Refused
from machines.outbound.asks import message_id
from machines.outbound.facts import (
    LINK_LOST,
    OF_THE_MOMENT,
    OFFLINE,
    THINNED,
    Delivered,
    Dropped,
    Failed,
    Lapsed,
    Queued,
    QueueWentOffline,
    Returned,
    Ripened,
    Sent,
)
from machines.outbound.state import FOLDS, OUTBOUND, Outbound, Waiting
from machines.storage.state import FULL, PLENTY, STORAGE, TIGHT
from machines.version.state import VERSION
from wire import frame, jsontext, v201

MESSAGE_TIMEOUT_S = Variable("OCPPCommCtrlr", "MessageTimeout", "30", "Default")
# Where nobody says otherwise: 20 attempts, 10 s, 20 s, ... 190 s apart, reach over half an hour in which a CSMS is being mended.
ATTEMPTS = Variable("OCPPCommCtrlr", "MessageAttempts", "20", "TransactionEvent")
ATTEMPT_INTERVAL_S = Variable("OCPPCommCtrlr", "MessageAttemptInterval", "10", "TransactionEvent")
QUEUE_ALL = Variable("OCPPCommCtrlr", "QueueAllMessages", "false")

TRANSACTIONAL = "TransactionEvent"

KEPT = (TRANSACTIONAL, "SecurityEventNotification", "NotifyEvent", "NotifyMonitoringReport", "NotifyReport")
"""Messages that wait for the next link, however long it takes (E04.FR.01, A04.FR.02, N07.FR.04; a report that was accepted is told to its end)."""

ASKED_FOR = "NotifyReport"
"""What GetBaseReport and GetReport have a station say, even one that is Pending (B02.FR.02)."""

QUEUE_MOST = {PLENTY: 4_000, TIGHT: 1_000, FULL: 250}
"""So many messages may wait before intermediate ones are thinned out, by the level of the space."""

THIN_AT_ONCE = 64
PERIODIC = b'"triggerReason":"MeterValuePeriodic"'


def survives(station: Station, action: str) -> bool:
    """Whether a message waits for the next link."""
    return action in KEPT or (action not in OF_THE_MOMENT and QUEUE_ALL.boolean(station))


def on_queued(station: Station, queued: Queued, cx: Context) -> Conclusions:  # noqa: ARG001
    """A message that means nothing without a link does not wait for one; a queue that is too long is thinned (E11.FR.04, J02.FR.12)."""
    if station[CONNECTION].phase is not Link.UP and queued.action != "BootNotification" and not survives(station, queued.action):
        yield Dropped(entry=queued.entry, action=queued.action, reason=OFFLINE)
    out = station[OUTBOUND]
    if len(out.queue) > QUEUE_MOST[station[STORAGE].level]:
        # E11.FR.05: the 2nd, 4th, 6th of the intermediate ones, never a start or an end.
        periodic = [number for number, entry in out.queue.items() if number != out.flying and PERIODIC in entry.payload]
        for number in periodic[1::2][:THIN_AT_ONCE]:
            yield Dropped(entry=number, action=out.queue[number].action, reason=THINNED)


def pump(station: Station, cx: Context) -> Conclusions:
    """Send the next message that may be sent, if none is in flight."""
    out = station[OUTBOUND]
    here = station[CONNECTION]
    if out.flying or here.phase is not Link.UP or not out.queue:
        return
    number = following(station)
    if number:
        entry = out.queue[number]
        attempt = entry.attempts + 1
        yield Sent(
            entry=number,
            link=here.link,
            attempt=attempt,
            give_up_at_us=cx.at + max(MESSAGE_TIMEOUT_S.integer(station), 1) * 1_000_000,
            at_us=cx.at,
        )
        yield Call(
            link=here.link,
            message_id=message_id(station[BOOT].journal, number, attempt),
            action=entry.action,
            payload=spoken(entry, station[VERSION].of.get(here.link, "2.1")),
        )


def following(station: Station) -> int:
    """The entry to send next; 0 for none.

    B01.FR.08, B02.FR.02: nothing but BootNotification until the CSMS accepts, and the reports that it asks for while it makes up its mind.  An
    authorization overtakes, because somebody waits for it; a transaction event that has to be tried again holds back the later ones, because
    their order is their meaning.
    """
    out = station[OUTBOUND]
    boot = station[BOOT]
    if boot.phase is not Boot.ACCEPTED:
        if boot.phase is Boot.ASKING and boot.entry in out.queue:
            return boot.entry
        return next((number for number, entry in out.queue.items() if entry.action == ASKED_FOR), 0) if boot.standing == "Pending" else 0
    first = 0
    held_back = False
    for number, entry in out.queue.items():
        if entry.action == "Authorize":
            return number
        transactional = entry.action == TRANSACTIONAL
        if first or (transactional and held_back):
            continue
        if entry.not_before_us:
            held_back = held_back or transactional
            continue
        first = number
    return first


def spoken(entry: Waiting, version: str) -> bytes:
    """The payload as it leaves: delayed transaction events say so (E04.FR.03), and 2.0.1 hears its own words."""
    text = entry.payload
    if entry.offline and entry.action == TRANSACTIONAL:
        text = b'{"offline":true,' + text[1:]
    if version == "2.0.1":
        return jsontext.encode(v201.narrow(entry.action + "Request", jsontext.decode(text)))
    return text


def on_answer(station: Station, answer: Answered, cx: Context) -> Conclusions:
    """The CSMS answered.  A late answer counts as long as the message still waits: the CSMS has it."""
    out = station[OUTBOUND]
    entry = out.queue.get(answer.entry)
    if answer.link != station[CONNECTION].link:
        return
    newest = out.flying == answer.entry and answer.attempt == out.attempt
    if entry is None:
        if newest:
            yield Lapsed(entry=answer.entry)
        return
    if not 0 < answer.attempt <= out.attempts_of(answer.entry):
        return
    if not answer.problem:
        yield Delivered(entry=answer.entry, action=entry.action, payload=answer.payload, late=out.flying == answer.entry and not newest)
        return
    if station[VERSION].of.get(answer.link) == "2.1":
        # 2.1 lets us tell the CSMS that its answer was no good (Part 4, CALLRESULTERROR).
        text = message_id(station[BOOT].journal, answer.entry, answer.attempt)
        yield Say(link=answer.link, frame=frame.call_result_error(text, "FormatViolation", answer.problem))
    if newest:
        # An attempt that was given up already has failed once, and fails no second time.
        yield from not_taken(station, answer.entry, entry, f"the answer breaks its schema: {answer.problem}", cx)


def on_refusal(station: Station, refusal: Refused, cx: Context) -> Conclusions:
    """The CSMS answered with an error; about an attempt that is over it changes nothing."""
    out = station[OUTBOUND]
    if refusal.link != station[CONNECTION].link or refusal.entry != out.flying or refusal.attempt != out.attempt:
        return
    entry = out.queue.get(refusal.entry)
    if entry is None:
        yield Lapsed(entry=refusal.entry)
    else:
        said = f": {refusal.description}" if refusal.description else ""
        yield from not_taken(station, refusal.entry, entry, f"CALLERROR {refusal.code}{said}", cx)


def on_deadline(station: Station, event: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """No answer in time; or a wait is over, and ``pump`` sees to the rest."""
    out = station[OUTBOUND]
    if out.flying and cx.at >= out.give_up_at_us:
        entry = out.queue.get(out.flying)
        if entry is None:
            yield Lapsed(entry=out.flying)
        else:
            yield from not_taken(station, out.flying, entry, "no answer in time", cx)
    for number, waiting in out.queue.items():
        if 0 < waiting.not_before_us <= cx.at:
            yield Ripened(entry=number)


def not_taken(station: Station, number: int, entry: Waiting, reason: str, cx: Context) -> Conclusions:
    """E13: a transaction event is tried again, each time after a longer wait, up to MessageAttempts; anything else is given up."""
    if entry.action == TRANSACTIONAL and entry.failures + 1 < max(ATTEMPTS.integer(station), 1):
        wait_s = max(ATTEMPT_INTERVAL_S.integer(station), 0) * (entry.failures + 1)
        yield Failed(entry=number, reason=reason, retry_at_us=cx.at + max(wait_s * 1_000_000, 1))
    else:
        yield Dropped(entry=number, action=entry.action, reason=reason)


def on_loss(station: Station, event: Lost | Rebooted, cx: Context) -> Conclusions:  # noqa: ARG001
    """The link is gone: what was in flight waits again or is given up, and what waits is late from now on (E11.FR.07)."""
    out = station[OUTBOUND]
    late = False
    if out.flying and out.flying not in out.queue:
        yield Lapsed(entry=out.flying)
    for number, entry in out.queue.items():
        if not survives(station, entry.action):
            yield Dropped(entry=number, action=entry.action, reason=LINK_LOST)
        elif number == out.flying:
            yield Returned(entry=number)
        else:
            late = late or not entry.offline
    if late:
        yield QueueWentOffline()


def deadlines(out: Outbound) -> Iterator[tuple[int, str]]:
    """The end of the wait for an answer, or the next attempt."""
    if out.flying:
        yield out.give_up_at_us, "answer"
    waiting = [entry.not_before_us for entry in out.queue.values() if entry.not_before_us]
    if waiting:
        yield min(waiting), "attempt"


MACHINE = Machine(
    OUTBOUND,
    folds=FOLDS,
    hears={
        Queued: on_queued,
        Answered: on_answer,
        Refused: on_refusal,
        Woke: on_deadline,
        Lost: on_loss,
        Rebooted: on_loss,
    },
    deadlines=deadlines,
    watches=(OUTBOUND, CONNECTION, BOOT),
    conclude=pump,
)
