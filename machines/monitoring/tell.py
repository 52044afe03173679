"""N07 Alert Event and N08 Periodic Event: a monitor was triggered, and the CSMS is told.

Law: nothing is polled.  Bounds and differences are looked at when a part of the station changed that a variable can show; periods have deadlines.
One notification tells of everything that was triggered at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from engine.kernel import ENGINE, Woke
from engine.machine import Conclusions, Context, Station
from machines.clock.facts import ClockSet
from machines.clock.views import timestamp
from machines.device_model.state import DEVICE_MODEL, Key
from machines.device_model.views import REPORTING_SIZE, cut
from machines.evse.machine import EVSES, out_of_order
from machines.monitoring.facts import Monitor, MonitorEvent, MonitorsArmed, MonitorsDisarmed, MonitorsTriggered
from machines.monitoring.state import MONITORING, Monitoring
from machines.monitoring.watch import exceeds, heard, moved, next_due, reading, resting, transactions
from machines.outbound.asks import ask
from machines.report.inventory import place
from machines.report.machine import split
from wire.monitors import DELTAS, PERIODS

FAULTY = (("availabilitystate", "Faulted"), ("problem", "true"))
"""Variables and values that tell of a fault."""


def look(station: Station, cx: Context) -> Conclusions:
    """What changed is held against every monitor."""
    here = station[MONITORING]
    if not here.monitors:
        return
    most = heard(station)
    references: list[tuple[int, str]] = []
    dues: list[tuple[int, int]] = []
    rest: list[int] = []
    found: list[tuple[Monitor, str, bool]] = []
    texts: dict[Key, str] = {}

    def seen(key: Key) -> str:
        # Several monitors may watch one variable, and a view may have to look at every EVSE.
        text = texts.get(key)
        if text is None:
            text = texts[key] = reading(station, cx, key)
        return text

    for number, monitor in sorted(here.monitors.items()):
        audible = monitor.severity <= most
        if resting(station, monitor) or (monitor.type in PERIODS and not audible):
            if number in here.dues or number in here.references or number in here.exceeded:
                rest.append(number)
        elif monitor.type in PERIODS:
            if number not in here.dues:
                dues.append((number, next_due(station, monitor, cx.at, cx.at)))
        elif monitor.type == "Delta":
            text, before = seen(monitor.key), here.references.get(number)
            if before is None:
                references.append((number, text))
            elif audible and moved(station, monitor, before, text):
                found.append((monitor, text, False))
        elif audible:
            text = seen(monitor.key)
            beyond = exceeds(station, cx, monitor, text)
            # N07.FR.02: once when it is exceeded, once when it no longer is.
            if beyond is not None and beyond is not (number in here.exceeded):
                found.append((monitor, text, not beyond))
    if rest:
        yield MonitorsDisarmed(ids=tuple(rest))
    if references or dues:
        yield MonitorsArmed(references=tuple(references), dues=tuple(dues))
    yield from told(station, cx, found)


def on_deadline(station: Station, woke: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """N08: whatever is due by now reports, and waits for its next time."""
    here = station[MONITORING]
    due = [(here.monitors[number], due_us) for number, due_us in sorted(here.dues.items()) if due_us <= cx.at]
    yield MonitorsArmed(dues=tuple([(monitor.id, next_due(station, monitor, cx.at, due_us)) for monitor, due_us in due]))
    # What may not be heard is at rest and has no deadline.
    yield from told(station, cx, [(monitor, reading(station, cx, monitor.key), False) for monitor, _ in due])


def on_clock(station: Station, fact: ClockSet, cx: Context) -> Conclusions:  # noqa: ARG001
    """N08.FR.07: what goes by the clock goes with it."""
    here = station[MONITORING]
    dues = {n: next_due(station, here.monitors[n], cx.at, cx.at) for n in sorted(here.dues) if here.monitors[n].type == "PeriodicClockAligned"}
    changed = tuple([(number, due_us) for number, due_us in dues.items() if due_us != here.dues[number]])
    if changed:
        yield MonitorsArmed(dues=changed)


def deadlines(here: Monitoring) -> Iterator[tuple[int, str]]:
    """The next report of a periodic monitor."""
    if here.dues:
        yield min(here.dues.values()), "periodic"


def told(station: Station, cx: Context, found: Iterable[tuple[Monitor, str, bool]]) -> Conclusions:
    """The events of (monitor, value, whether it is back within bounds), in as many messages as they need (N07.FR.07, N08.FR.04)."""
    first = station[MONITORING].last_event + 1
    events = [
        (MonitorEvent(event_id=number, monitor_id=monitor.id, value=text, cleared=cleared), monitor)
        for number, (monitor, text, cleared) in enumerate(found, first)
    ]
    if not events:
        return
    yield MonitorsTriggered(events=tuple([event for event, _ in events]))
    when = timestamp(station, cx.at)
    parts = list(split([event_data(station, event, monitor, when, cause(monitor, events)) for event, monitor in events]))
    for seq_no, part in enumerate(parts):
        payload = {"generatedAt": when, "tbc": seq_no + 1 < len(parts), "seqNo": seq_no, "eventData": part}
        yield ask(station, cx, "NotifyEvent", payload, place=seq_no)


def cause(monitor: Monitor, events: Iterable[tuple[MonitorEvent, Monitor]]) -> int:
    """N07.FR.05: the event of the same variable of an innermost component inside of this one, at the same moment: it caused this one.  0: none."""
    _, _, evse_id, connector_id, variable, _, _ = monitor.key
    if connector_id or monitor.type in PERIODS:
        return 0
    inner = [
        (-other.key[2], -other.key[3], event.event_id)
        for event, other in events
        if other.key[4] == variable and (other.key[2] == evse_id and other.key[3] if evse_id else other.key[2])
    ]
    # A connector before the EVSE that it belongs to.
    return min(inner, key=lambda row: (row[1] == 0, -row[0], -row[1], row[2]))[2] if inner else 0


def event_data(station: Station, event: MonitorEvent, monitor: Monitor, when: str, caused_by: int) -> dict[str, Any]:
    """One EventDataType (N07.FR.06)."""
    declared = station[DEVICE_MODEL].declared[monitor.key]
    component, variable = place(declared)
    trigger = "Periodic" if monitor.type in PERIODS else "Delta" if monitor.type in DELTAS else "Alerting"
    data: dict[str, Any] = {"eventId": event.event_id, "timestamp": when, "trigger": trigger}
    if caused_by:
        data["cause"] = caused_by
    # N07.FR.10
    data["actualValue"] = "" if declared.mutability == "WriteOnly" else cut(event.value, REPORTING_SIZE.integer(station))
    data.update(technical(station, monitor, event.value))
    if event.cleared:
        data["cleared"] = True
    # Beside monitors for transactions: what happens at an EVSE while somebody charges there belongs to the transaction.
    running = transactions(station, monitor) if monitor.transaction or monitor.key[2] else []
    if len(running) == 1:
        data["transactionId"] = running[0]
    data["component"] = component
    data["variableMonitoringId"] = monitor.id
    data["eventNotificationType"] = monitor.kind
    data["variable"] = variable
    data["severity"] = monitor.severity
    return data


def technical(station: Station, monitor: Monitor, value: str) -> dict[str, str]:
    """What a technician wants to know of an EVSE that is Faulted."""
    evse_id = monitor.key[2]
    if (monitor.key[4], value) not in FAULTY or not evse_id:
        return {}
    if out_of_order(station, evse_id):
        failures = station[EVSES].failing[evse_id].failures
        return {"techCode": "HardwareDisobeys", "techInfo": f"the hardware of EVSE {evse_id} failed {failures} times to do what it was asked"}
    if evse_id in station[ENGINE].faulted_evses:
        return {"techCode": "SoftwareFault", "techInfo": f"a decision about EVSE {evse_id} failed; see the station's log"}
    return {}
