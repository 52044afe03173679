"""N02 to N06: monitors are set, cleared and reported; N03: which of them stay; and what the component files say of them.

Law: one result for every item, in the order of the request.  A monitor that was accepted is a fact before the answer leaves, outlives restarts, and
goes only when somebody removes it or its variable is gone.
"""

from __future__ import annotations

from typing import Any

from engine.kernel import ENGINE, Woke
from engine.machine import Conclusions, Context, Decide, Machine, Station
from machines.boot.state import BOOT
from machines.clock.facts import ClockSet
from machines.connection.state import CONNECTION
from machines.device_model.derived import READS
from machines.device_model.facts import ModelDeclared
from machines.device_model.machine import address, too_much, unknown
from machines.device_model.state import DEVICE_MODEL, DeviceModel, Key, key_of
from machines.device_model.views import Variable
from machines.effects import ReplyError
from machines.inputs import Called
from machines.monitoring.facts import (
    Monitor,
    MonitoringBaseSet,
    MonitoringLevelSet,
    MonitorsDeclared,
    MonitorsInstalled,
    MonitorsRemoved,
)
from machines.monitoring.state import ALL, FACTORY_DEFAULT, FOLDS, HARD_WIRED_ONLY, MONITORING
from machines.monitoring.tell import deadlines, look, on_clock, on_deadline
from machines.protocol.serve import Serve, reply, served
from machines.report.inventory import monitorable, named, place
from machines.report.machine import BYTES as REPORT_BYTES
from machines.report.machine import ITEMS as REPORT_ITEMS
from machines.report.machine import hindered, told
from machines.session.state import SESSIONS
from machines.storage.state import STORAGE
from wire.monitors import CUSTOM, DELTAS, HARD_WIRED, PERIODS, SEVERITY_MOST, THRESHOLDS, billionths, misfit, suits

AVAILABLE = Variable("MonitoringCtrlr", "Available", "true")
SET_ITEMS = Variable("MonitoringCtrlr", "ItemsPerMessage", "64", "SetVariableMonitoring")
SET_BYTES = Variable("MonitoringCtrlr", "BytesPerMessage", "65536", "SetVariableMonitoring")
CLEAR_ITEMS = Variable("MonitoringCtrlr", "ItemsPerMessage", "64", "ClearVariableMonitoring")
CLEAR_BYTES = Variable("MonitoringCtrlr", "BytesPerMessage", "65536", "ClearVariableMonitoring")

ACTIVE_BASE = key_of("MonitoringCtrlr", "ActiveMonitoringBase")
ACTIVE_MONITORS = key_of("MonitoringCtrlr", "ActiveMonitors")
MONITORS_MOST = 500
"""So many monitors can be in force where the maxLimit of ActiveMonitors says nothing else."""

CRITERIA = {"ThresholdMonitoring": THRESHOLDS, "DeltaMonitoring": DELTAS, "PeriodicMonitoring": PERIODS}
"""N02.FR.12 to FR.14."""

Verdict = tuple[str, str]
"""A status, and the reason code of a refusal; empty where there is nothing to explain."""


def serves(serve: Serve) -> Decide:
    """A decision on a CALL of a station that has monitoring."""

    def decide(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:
        if AVAILABLE.boolean(station):
            yield from serve(station, call, asked, cx)
        else:
            yield ReplyError(
                link=call.link, message_id=call.message_id, action=call.action, code="NotSupported", description="this station has no monitoring"
            )

    return served(decide)


# N03, N05


def on_base(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:  # noqa: ARG001
    """N03 SetMonitoringBase."""
    here, base = station[MONITORING], asked["monitoringBase"]
    declared = station[DEVICE_MODEL].declared.get(ACTIVE_BASE)
    if declared is not None and declared.values_list and base.casefold() not in [name.casefold() for name in declared.values_list]:
        # N03.FR.02; Part 2 spells HardWiredOnly in two ways.
        yield reply(station, call, {"status": "NotSupported"})
        return
    if base == ALL:
        # N03.FR.03: what the CSMS set stays, in the place of what it replaced too.
        taken = {monitor.slot for monitor in here.monitors.values()}
        restored = [one for one in here.declared.values() if one.id not in here.monitors and one.slot not in taken]
        gone: list[int] = []
    elif base == FACTORY_DEFAULT:
        # N03.FR.04
        restored = [one for one in here.declared.values() if here.monitors.get(one.id) != one]
        gone = [one.id for one in here.monitors.values() if one.kind == CUSTOM and one.id not in here.declared]
    else:
        # N03.FR.05
        restored, gone = [], [one.id for one in here.monitors.values() if one.kind != HARD_WIRED]
    if gone:
        yield MonitorsRemoved(ids=tuple(sorted(gone)), reason="base")
    if restored:
        yield MonitorsInstalled(monitors=tuple(restored))
    yield MonitoringBaseSet(base=base)
    yield reply(station, call, {"status": "Accepted"})


def on_level(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:  # noqa: ARG001
    """N05 SetMonitoringLevel."""
    severity = asked["severity"]
    if 0 <= severity <= SEVERITY_MOST:
        yield MonitoringLevelSet(severity=severity)
        yield reply(station, call, {"status": "Accepted"})
    else:
        # N05.FR.02
        yield reply(station, call, {"status": "Rejected", "statusInfo": {"reasonCode": "ValueOutOfRange"}})


# N04


def on_set(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:  # noqa: ARG001
    """N04 SetVariableMonitoring."""
    items = asked["setMonitoringData"]
    refusal = too_much(station, call, len(items), SET_ITEMS, SET_BYTES)
    if refusal is not None:
        yield refusal
        return
    model, here = station[DEVICE_MODEL], station[MONITORING]
    # As they will be: an item may not collide with one before it.
    monitors, last_id, most = dict(here.monitors), here.last_id, monitors_most(model)
    installed: dict[int, Monitor] = {}
    results = []
    for item in items:
        key = address(item)
        status, reason = judge(model, monitors, key, item, most)
        result: dict[str, Any] = {"status": status, "type": item["type"], "component": item["component"], "variable": item["variable"]}
        result["severity"] = item["severity"]
        if reason:
            result["statusInfo"] = {"reasonCode": reason}
        if status == "Accepted":
            # N04.FR.11, N04.FR.12
            last_id += "id" not in item
            monitor = Monitor(
                id=item.get("id", last_id),
                key=key,
                type=item["type"],
                value=repr(item["value"]),
                severity=item["severity"],
                kind=CUSTOM,
                transaction=item.get("transaction", False),
            )
            installed[monitor.id] = monitors[monitor.id] = monitor
            result["id"] = monitor.id
        results.append(result)
    if installed:
        yield MonitorsInstalled(monitors=tuple(installed.values()))
    yield reply(station, call, {"setMonitoringResult": results})


def monitors_most(model: DeviceModel) -> int:
    """How many monitors can be in force."""
    declared = model.declared.get(ACTIVE_MONITORS)
    return int(float(declared.max_limit)) if declared is not None and declared.max_limit else MONITORS_MOST


def judge(model: DeviceModel, monitors: dict[int, Monitor], key: Key, item: dict[str, Any], most: int) -> Verdict:
    """What is to be said to one item of SetVariableMonitoring, while *monitors* are in force."""
    declared = model.declared.get(key)
    if declared is None:
        # N04.FR.03, N04.FR.04; a monitor watches the Actual value.
        status = unknown(model, key)
        named = [place for place in model.variables if place[0] == key[0]]
        if status == "UnknownComponent" and named and not any(place[4] == key[4] for place in named):
            # TC_N_37: a component that stands at every EVSE, named without one, and a variable that it has nowhere.
            status = "UnknownVariable"
        return ("UnsupportedMonitorType" if status == "NotSupportedAttributeType" else status), ""
    old = monitors.get(item["id"]) if "id" in item else None
    if "id" in item and (old is None or old.key != key or old.kind == HARD_WIRED):
        # N04.FR.13, N04.FR.16, N04.FR.18
        return "Rejected", "NotFound" if old is None else "ReadOnly" if old.key == key else "InvalidValue"
    target = (*key[:6], "Target")
    if not (monitorable(key, declared) and suits(item["type"], declared.data_type)) or (
        item["type"].startswith("Target") and target not in model.declared
    ):
        # N04.FR.05
        return "UnsupportedMonitorType", ""
    value = billionths(repr(item["value"]))
    if not 0 <= item["severity"] <= SEVERITY_MOST or value is None:
        return "Rejected", "ValueOutOfRange"
    reason = misfit(item["type"], declared.data_type, declared.min_limit, declared.max_limit, value)
    if reason:
        return "Rejected", reason
    if "periodicEventStream" in item:
        return "Rejected", "UnsupportedParam"
    if any(other.slot == (key, item["type"], item["severity"]) and other is not old for other in monitors.values()):
        # N04.FR.10
        return "Duplicate", ""
    return ("Rejected", "OutOfMemory") if old is None and len(monitors) >= most else ("Accepted", "")


# N06


def on_clear(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:  # noqa: ARG001
    """N06 ClearVariableMonitoring: a hard-wired monitor stays (N06.FR.03), and so does what is not there (N06.FR.02)."""
    ids = asked["id"]
    refusal = too_much(station, call, len(ids), CLEAR_ITEMS, CLEAR_BYTES)
    if refusal is not None:
        # N06.FR.06, N06.FR.07
        yield refusal
        return
    monitors = dict(station[MONITORING].monitors)
    cleared, results = [], []
    for number in ids:
        monitor = monitors.get(number)
        status = "NotFound" if monitor is None else "Rejected" if monitor.kind == HARD_WIRED else "Accepted"
        if status == "Accepted":
            del monitors[number]
            cleared.append(number)
        results.append({"status": status, "id": number})
    if cleared:
        yield MonitorsRemoved(ids=tuple(cleared), reason="cleared")
    yield reply(station, call, {"clearMonitoringResult": results})


# N02


def on_report(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:
    """N02 GetMonitoringReport."""
    filters = asked.get("componentVariable") or []
    refusal = too_much(station, call, len(filters), REPORT_ITEMS, REPORT_BYTES)
    if refusal is not None:
        # N02.FR.07
        yield refusal
        return
    hindrance = hindered(station, asked["requestId"], "NotifyMonitoringReport")
    if hindrance is not None:
        yield reply(station, call, hindrance)
        return
    criteria = asked.get("monitoringCriteria") or ()
    types = [type_ for criterion in criteria for type_ in CRITERIA[criterion]]
    found: dict[Key, list[Monitor]] = {}
    for _, monitor in sorted(station[MONITORING].monitors.items()):
        # N02.FR.05, FR.06, FR.08, FR.11; what a filter leaves out may be anything (N02.FR.16 to FR.21).
        if (monitor.type in types or not criteria) and (not filters or any(named(monitor.key, one) for one in filters)):
            found.setdefault(monitor.key, []).append(monitor)
    # N02.FR.10
    yield reply(station, call, {"status": "Accepted" if found else "EmptyResultSet"})
    data = [monitoring_data(station, key, monitors) for key, monitors in found.items()]
    yield from told(station, cx, asked["requestId"], data, action="NotifyMonitoringReport", member="monitor")


def monitoring_data(station: Station, key: Key, monitors: list[Monitor]) -> dict[str, Any]:
    """One MonitoringDataType."""
    component, variable = place(station[DEVICE_MODEL].declared[key])
    settings = [
        {
            "id": monitor.id,
            "transaction": monitor.transaction,
            "value": number(monitor.value),
            "type": monitor.type,
            "severity": monitor.severity,
            "eventNotificationType": monitor.kind,
        }
        for monitor in monitors
    ]
    return {"component": component, "variable": variable, "variableMonitoring": settings}


def number(text: str) -> float:
    """A monitor's value as a JSON number: whole where it was written so."""
    return int(text) if text.removeprefix("-").isdigit() else float(text)


# The component files


def on_model(station: Station, fact: ModelDeclared, cx: Context) -> Conclusions:  # noqa: ARG001
    """The files say something new.  A monitor of theirs is known again by its variable, type and severity; what the CSMS set stays.

    N04, remark: but not where its variable is gone, or can no longer be monitored.
    """
    model, here = station[DEVICE_MODEL], station[MONITORING]
    declared = of_files(model, here.declared, here.last_id)
    stays: dict[int, Monitor] = {}
    for monitor in here.monitors.values():
        watched = model.declared.get(monitor.key)
        if watched is None or not monitorable(monitor.key, watched) or not suits(monitor.type, watched.data_type):
            continue
        if monitor.kind == CUSTOM or monitor.id in declared:
            stays[monitor.id] = monitor
    installed: list[Monitor] = []
    for monitor in declared.values():
        now = stays.get(monitor.id)
        twin = next((one for one in stays.values() if one.slot == monitor.slot and one.id != monitor.id), None)
        if monitor.kind == HARD_WIRED:
            # Nothing that the CSMS set may stand in its way.
            if twin is not None:
                del stays[twin.id]
            if now != monitor:
                installed.append(monitor)
        elif now is not None:
            if now.kind != CUSTOM and now != monitor:
                installed.append(monitor)
        elif monitor.id not in here.declared and here.base != HARD_WIRED_ONLY and twin is None:
            installed.append(monitor)
    gone = sorted(here.monitors.keys() - stays.keys())
    if declared != here.declared:
        yield MonitorsDeclared(monitors=tuple(declared.values()))
    if gone:
        yield MonitorsRemoved(ids=tuple(gone), reason="files")
    if installed:
        yield MonitorsInstalled(monitors=tuple(installed))


def of_files(model: DeviceModel, before: dict[int, Monitor], last_id: int) -> dict[int, Monitor]:
    """The monitors of the component files by id: the one that each had *before*, or a new one."""
    known = {monitor.slot: monitor.id for monitor in before.values()}
    found: dict[int, Monitor] = {}
    for key, declared in model.declared.items():
        for one in declared.monitors if monitorable(key, declared) else ():
            monitor_id = known.get((key, one.type, one.severity), 0)
            if not monitor_id:
                monitor_id = last_id = last_id + 1
            found[monitor_id] = Monitor(
                id=monitor_id,
                key=key,
                type=one.type,
                value=one.value,
                severity=one.severity,
                kind=one.kind,
                transaction=one.transaction,
                reference=one.reference,
            )
    return found


MACHINE = Machine(
    MONITORING,
    folds=FOLDS,
    hears={
        ModelDeclared: on_model,
        ClockSet: on_clock,
        Woke: on_deadline,
        (Called, "SetMonitoringBase"): serves(on_base),
        (Called, "SetMonitoringLevel"): serves(on_level),
        (Called, "SetVariableMonitoring"): serves(on_set),
        (Called, "ClearVariableMonitoring"): serves(on_clear),
        (Called, "GetMonitoringReport"): serves(on_report),
    },
    deadlines=deadlines,
    # What variables show, and what says whether anybody may be told.
    watches=tuple(dict.fromkeys((MONITORING, DEVICE_MODEL, CONNECTION, BOOT, STORAGE, SESSIONS, ENGINE, *READS))),
    conclude=look,
)
