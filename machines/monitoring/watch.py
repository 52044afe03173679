"""What monitors see: which of them may be heard, what their variables hold, and whether that is worth an event (N07, N08).

Law: a monitor that may not be heard is not given up but waits: once it may, the CSMS is told how things stand then (N07, remark on offline stations).
What began and ended in between is lost, as OCPP allows.
"""

from __future__ import annotations

from engine.machine import Context, Station
from machines.boot.state import BOOT
from machines.boot.state import Phase as Boot
from machines.clock.views import aligned
from machines.connection.state import CONNECTION
from machines.connection.state import Phase as Link
from machines.device_model.state import DEVICE_MODEL, Key
from machines.device_model.views import Variable
from machines.monitoring.facts import Monitor
from machines.monitoring.state import MONITORING
from machines.outbound.state import OUTBOUND
from machines.report.inventory import text_of
from machines.session.state import SESSIONS
from machines.storage.state import full
from wire import calendar
from wire.monitors import BILLION, NUMBERS, SEVERITY_MOST, billionths

ENABLED = Variable("MonitoringCtrlr", "Enabled", "true")
OFFLINE_SEVERITY = Variable("MonitoringCtrlr", "OfflineQueuingSeverity", str(SEVERITY_MOST))

WAITING_MOST = 1_000
"""While more messages wait to be sent, no event joins them: a monitor must not push out what tells of transactions."""


def heard(station: Station) -> int:
    """The highest severity number that may be told now; -1: none.

    N07.FR.15: up to the level that the CSMS set.  N07.FR.04, N08.FR.03: while offline, up to OfflineQueuingSeverity.
    """
    if not ENABLED.boolean(station) or full(station) or len(station[OUTBOUND].queue) > WAITING_MOST:
        return -1
    level = station[MONITORING].level
    if station[CONNECTION].phase is Link.UP and station[BOOT].phase is Boot.ACCEPTED:
        return level
    return min(level, OFFLINE_SEVERITY.integer(station))


def transactions(station: Station, monitor: Monitor) -> list[str]:
    """The running transactions that a monitor could be about: its EVSE's, or all of them where it watches the whole station."""
    sessions = station[SESSIONS]
    places = [monitor.key[2]] if monitor.key[2] else sorted(sessions.of)
    running = [sessions.at(evse_id).transaction for evse_id in places]
    return [transaction.transaction_id for transaction in running if transaction is not None]


def resting(station: Station, monitor: Monitor) -> bool:
    """Whether a monitor for transactions has none to watch."""
    return monitor.transaction and not transactions(station, monitor)


def reading(station: Station, cx: Context, key: Key) -> str:
    """What the variable holds; empty for nothing."""
    return text_of(station, cx, key) or ""


def number_of(station: Station, key: Key, text: str) -> int | None:
    """*text* in billionths, a date-time in those of a second; None where the variable holds no number, or this is none."""
    declared = station[DEVICE_MODEL].declared.get(key)
    kind = declared.data_type if declared is not None else ""
    if kind in NUMBERS:
        return billionths(text)
    if kind == "dateTime":
        at_us = calendar.parse(text)
        return at_us * 1_000 if at_us is not None else None
    return None


def moved(station: Station, monitor: Monitor, before: str, now: str) -> bool:
    """N07.FR.18: by more than the value, where it is a number; N07.FR.19: at all, where it is none."""
    one, two = number_of(station, monitor.key, before), number_of(station, monitor.key, now)
    if one is None or two is None:
        return before != now
    return abs(two - one) > (billionths(monitor.value) or 0)


def exceeds(station: Station, cx: Context, monitor: Monitor, text: str) -> bool | None:
    """Whether the variable is beyond the bound: above it, below it, too far from its Target; None where nobody can tell (N07.FR.16, N07.FR.17)."""
    value = billionths(monitor.value) or 0
    number = number_of(station, monitor.key, text)
    match monitor.type:
        case "UpperThreshold":
            return None if number is None else number > value
        case "LowerThreshold":
            return None if number is None else number < value
    key = (*monitor.key[:6], "Target")
    goal = reading(station, cx, key)
    if not text or not goal:
        return None
    target = number_of(station, key, goal)
    if number is None or target is None:
        return text != goal
    if monitor.type == "TargetDelta":
        return abs(number - target) > value
    return abs(number - target) * BILLION > value * abs(target)


def next_due(station: Station, monitor: Monitor, at_us: int, before_us: int) -> int:
    """When a periodic monitor reports next: N08.FR.06 so long after *before_us*, when it was set or last reported; N08.FR.07 by the clock.

    What was missed is not made up for.
    """
    interval_us = (billionths(monitor.value) or BILLION) // 1_000
    if monitor.type == "PeriodicClockAligned":
        return aligned(station, at_us, interval_us)
    return before_us + (max(at_us - before_us, 0) // interval_us + 1) * interval_us
