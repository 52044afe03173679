"""The monitors, and how far each has come.

Law: a monitor outlives restarts (N07.FR.13); so does what it was triggered by, so that its clearing can be told afterwards (N07.FR.14).
"""

from __future__ import annotations

import attrs

from engine.machine import Folds, Part, State, state
from machines.boot.facts import Rebooted
from machines.monitoring.facts import (
    Monitor,
    MonitoringBaseSet,
    MonitoringLevelSet,
    MonitorsArmed,
    MonitorsDeclared,
    MonitorsDisarmed,
    MonitorsInstalled,
    MonitorsRemoved,
    MonitorsTriggered,
)
from wire.monitors import PERIODS, SEVERITY_MOST

ALL, FACTORY_DEFAULT, HARD_WIRED_ONLY = "All", "FactoryDefault", "HardWiredOnly"


@state(400)
class Monitoring(State):
    """Monitors by id: those in force, and those of the component files, in force or not.

    *exceeded*: the event that told of a bound that is still exceeded; *references*: what a Delta compares with; *dues*: when a periodic one reports.
    """

    monitors: dict[int, Monitor] = attrs.field(factory=dict)
    declared: dict[int, Monitor] = attrs.field(factory=dict)
    exceeded: dict[int, int] = attrs.field(factory=dict)
    references: dict[int, str] = attrs.field(factory=dict)
    dues: dict[int, int] = attrs.field(factory=dict)
    base: str = ALL
    level: int = SEVERITY_MOST
    last_id: int = 0
    last_event: int = 0


MONITORING = Part("monitoring", Monitoring)


def fold_declared(here: Monitoring, fact: MonitorsDeclared) -> None:
    """What the files say now."""
    here.declared = {monitor.id: monitor for monitor in fact.monitors}
    here.last_id = max(here.last_id, *here.declared, 0)


def fold_installed(here: Monitoring, fact: MonitorsInstalled) -> None:
    """In force.  N07.FR.11: where a bound only moves, whether it was exceeded is kept, so that the new one can clear it."""
    for monitor in fact.monitors:
        before = here.monitors.get(monitor.id)
        if before is None or (before.type, before.transaction) != (monitor.type, monitor.transaction):
            here.exceeded.pop(monitor.id, None)
        here.monitors[monitor.id] = monitor
        here.dues.pop(monitor.id, None)
        here.references.pop(monitor.id, None)
        if monitor.reference:
            here.references[monitor.id] = monitor.reference
        here.last_id = max(here.last_id, monitor.id)


def _at_rest(here: Monitoring, monitor_id: int) -> None:
    here.exceeded.pop(monitor_id, None)
    here.references.pop(monitor_id, None)
    here.dues.pop(monitor_id, None)


def fold_removed(here: Monitoring, fact: MonitorsRemoved) -> None:
    """Gone."""
    for monitor_id in fact.ids:
        here.monitors.pop(monitor_id, None)
        _at_rest(here, monitor_id)


def fold_base(here: Monitoring, fact: MonitoringBaseSet) -> None:
    """Chosen."""
    here.base = fact.base


def fold_level(here: Monitoring, fact: MonitoringLevelSet) -> None:
    """Chosen."""
    here.level = fact.severity


def fold_armed(here: Monitoring, fact: MonitorsArmed) -> None:
    """From here on."""
    here.references.update(fact.references)
    here.dues.update(fact.dues)


def fold_disarmed(here: Monitoring, fact: MonitorsDisarmed) -> None:
    """At rest."""
    for monitor_id in fact.ids:
        _at_rest(here, monitor_id)


def fold_triggered(here: Monitoring, fact: MonitorsTriggered) -> None:
    """What was told is what the next event is measured against."""
    for event in fact.events:
        here.last_event = max(here.last_event, event.event_id)
        type_ = here.monitors[event.monitor_id].type
        if type_ == "Delta":
            here.references[event.monitor_id] = event.value
        elif event.cleared:
            here.exceeded.pop(event.monitor_id, None)
        elif type_ not in PERIODS:
            here.exceeded[event.monitor_id] = event.event_id


def fold_rebooted(here: Monitoring, fact: Rebooted) -> None:  # noqa: ARG001
    """Part 1, 3.4: after a start, a Delta is measured from the value that is found then."""
    here.references = {}


FOLDS: Folds[Monitoring] = {
    MonitorsDeclared: fold_declared,
    MonitorsInstalled: fold_installed,
    MonitorsRemoved: fold_removed,
    MonitoringBaseSet: fold_base,
    MonitoringLevelSet: fold_level,
    MonitorsArmed: fold_armed,
    MonitorsDisarmed: fold_disarmed,
    MonitorsTriggered: fold_triggered,
    Rebooted: fold_rebooted,
}
