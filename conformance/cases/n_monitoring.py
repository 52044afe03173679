"""Block N, monitoring: monitors are set, cleared, reported and heard of.

Law: where a case needs a monitor it sets one itself, so that no case depends on what a station has preconfigured; what a station has by itself is
left out of what is counted.
"""

from __future__ import annotations

from typing import Any

from conformance import states
from conformance.case import case
from conformance.trial import Payload, Trial, variable

SEVERITY = 5
TOLERANCE_MS = 900
"""How far from its time a periodic event may be."""

HIGH_POWER_W, LOW_POWER_W = 100.0, 10.0
"""A vehicle that charges draws more than the first; one that does not, less than the second."""


def place(t: Trial, name: str = "AvailabilityState") -> Payload:
    """A variable of the EVSE that is tried."""
    return variable(f"EVSE.{name}@{t.settings.evse_id}")


STATION = variable("ChargingStation.AvailabilityState")


def monitor(at: Payload, kind: str, value: float, severity: int = SEVERITY, **more: Any) -> Payload:
    """One SetMonitoringData."""
    return {**at, "type": kind, "value": value, "severity": severity, **more}


async def set_all(t: Trial, *monitors: Payload) -> list[Payload]:
    """SetVariableMonitoring: a result for each, about what was asked (N04.FR.01, N04.FR.02)."""
    answer = await t.call("SetVariableMonitoring", {"setMonitoringData": list(monitors)})
    results: list[Payload] = answer["setMonitoringResult"]
    t.equal(len(results), len(monitors), "number of setMonitoringResult", "N04.FR.01")
    for asked, result in zip(monitors, results, strict=True):
        for name in ("type", "severity", "component", "variable"):
            t.equal(result.get(name), asked[name], f"{name} of setMonitoringResult", "N04.FR.02")
        if result["status"] != "Accepted":
            t.absent(result, "id", f"a setMonitoringResult {result['status']}", "N04.FR.02")
    return results


async def install(t: Trial, *monitors: Payload) -> list[int]:
    """Set what has to be there; returns the ids."""
    results = await set_all(t, *monitors)
    for result in results:
        t.equal(result["status"], "Accepted", "status of setMonitoringResult", "N04.FR.08")
        t.one_of(result.get("statusInfo", {}).get("reasonCode", "NoError"), ("NoError",), "statusInfo.reasonCode", "N04.FR.08")
    ids = [int(t.present(result, "id", "setMonitoringResult", "N04.FR.11")) for result in results]
    t.equal(len(set(ids)), len(ids), "number of different ids", "N04.FR.11")
    return ids


async def report(t: Trial, request_id: int, *at: Payload, criteria: tuple[str, ...] = ()) -> list[Payload]:
    """GetMonitoringReport and all its parts, in order; the MonitoringData of all of them, nothing where the answer is EmptyResultSet."""
    asked: Payload = {"requestId": request_id}
    if at:
        asked["componentVariable"] = list(at)
    if criteria:
        asked["monitoringCriteria"] = list(criteria)
    answer = await t.call("GetMonitoringReport", asked)
    t.one_of(answer["status"], ("Accepted", "EmptyResultSet"), "status of GetMonitoringReportResponse", "N02.FR.01")
    allowed = ("NoError",) if answer["status"] == "Accepted" else ("NoError", "NotFound")
    t.one_of(answer.get("statusInfo", {}).get("reasonCode", "NoError"), allowed, "statusInfo.reasonCode", "N02.FR.10")
    if answer["status"] == "EmptyResultSet":
        await t.forbid("NotifyMonitoringReport", 1, requirement="N02.FR.10")
        return []
    found: list[Payload] = []
    seq_no, more = 0, True
    while more:
        part = await t.expect("NotifyMonitoringReport", lambda p: p["requestId"] == request_id, requirement="N02.FR.09")
        t.equal(part["seqNo"], seq_no, "seqNo of NotifyMonitoringReportRequest", "N02.FR.09")
        t.present(part, "generatedAt", "NotifyMonitoringReportRequest", "N02.FR.09")
        found += part.get("monitor", [])
        more, seq_no = part.get("tbc", False), seq_no + 1
    return found


def kinds(found: list[Payload]) -> set[str]:
    """The types of all monitors in a report."""
    return {one["type"] for data in found for one in data["variableMonitoring"]}


def ids_of(found: list[Payload]) -> set[int]:
    """The ids of all monitors in a report."""
    return {one["id"] for data in found for one in data["variableMonitoring"]}


async def event(t: Trial, monitor_id: int, *, within_s: float = 30, requirement: str = "N07.FR.16", **fields: Any) -> Payload:
    """The next event of a monitor whose members are as *fields* says."""

    def of(payload: Payload) -> Payload | None:
        for one in payload["eventData"]:
            if one.get("variableMonitoringId") == monitor_id and all(one.get(name, False) == wanted for name, wanted in fields.items()):
                found: Payload = one
                return found
        return None

    told = await t.expect(
        "NotifyEvent",
        lambda p: of(p) is not None,
        within_s=within_s,
        requirement=requirement,
        what=f"NotifyEventRequest of monitor {monitor_id} with {fields}",
    )
    t.present(told, "generatedAt", "NotifyEventRequest", "N07.FR.07")
    # A later event of the same message may be asked for as well.
    rest = [one for one in told["eventData"] if one is not of(told)]
    if rest:
        t.inbox.insert(0, t.heard[-1]._replace(action="NotifyEvent", payload={**told, "eventData": rest}))
    data = of(told) or {}
    t.present(data, "eventId", "eventData", "N07.FR.06")
    t.present(data, "timestamp", "eventData", "N07.FR.06")
    t.equal(data.get("eventNotificationType"), "CustomMonitor", "eventNotificationType", "N07.FR.06")
    return data


@case("TC_N_01_CS")
async def report_by_criteria(t: Trial) -> None:
    """A report of monitors of some kinds has these kinds in it and no others."""
    power = place(t, "Power")
    await install(
        t,
        monitor(power, "UpperThreshold", HIGH_POWER_W), monitor(power, "LowerThreshold", 1.0), monitor(place(t), "Delta", 1.0),
        monitor(place(t), "Periodic", 3600.0), monitor(place(t), "PeriodicClockAligned", 900.0),
    )  # fmt: skip
    thresholds, periods = {"UpperThreshold", "LowerThreshold"}, {"Periodic", "PeriodicClockAligned"}
    found = kinds(await report(t, 11, criteria=("ThresholdMonitoring",)))
    t.equal(found, thresholds, "types in a report of ThresholdMonitoring", "N02.FR.12")
    found = kinds(await report(t, 12, criteria=("ThresholdMonitoring", "DeltaMonitoring")))
    t.equal(found, thresholds | {"Delta"}, "types in a report of ThresholdMonitoring and DeltaMonitoring", "N02.FR.13")
    found = kinds(await report(t, 13, criteria=("DeltaMonitoring", "PeriodicMonitoring")))
    t.equal(found, periods | {"Delta"}, "types in a report of DeltaMonitoring and PeriodicMonitoring", "N02.FR.14")


@case("TC_N_02_CS")
async def report_by_variable(t: Trial) -> None:
    """A report of monitors of a variable, and of those of a whole component."""
    ids = await install(t, monitor(STATION, "Delta", 1.0), monitor(place(t), "Delta", 1.0))
    whole_evse = {"component": place(t)["component"]}
    found = await report(t, 21, STATION, whole_evse)
    t.true(set(ids) <= ids_of(found), "monitors in the report", f"{ids} among them", sorted(ids_of(found)), "N02.FR.08")
    for data in found:
        t.one_of(data["component"]["name"], ("ChargingStation", "EVSE"), "component.name in the report", "N02.FR.08")
        if data["component"]["name"] == "ChargingStation":
            t.equal(data["variable"]["name"], "AvailabilityState", "variable.name of ChargingStation in the report", "N02.FR.08")


@case("TC_N_03_CS")
async def report_by_both(t: Trial) -> None:
    """A report of monitors of some kinds of some variables: both have to fit."""
    ids = await install(t, monitor(STATION, "Delta", 1.0), monitor(place(t), "Delta", 1.0))
    t.equal(await report(t, 31, STATION, place(t), criteria=("ThresholdMonitoring",)), [], "a report of what is not there", "N02.FR.10")
    found = await report(t, 32, STATION, place(t), criteria=("DeltaMonitoring",))
    t.true(set(ids) <= ids_of(found), "monitors in the report", f"{ids} among them", sorted(ids_of(found)), "N02.FR.05")
    t.equal(kinds(found), {"Delta"}, "types in the report", "N02.FR.05")


@case("TC_N_47_CS")
async def report_everything(t: Trial) -> None:
    """A report without criteria and variables is of every monitor."""
    ids = await install(t, monitor(STATION, "Delta", 1.0), monitor(place(t), "Delta", 1.0), monitor(place(t, "Power"), "UpperThreshold", 5.0))
    found = await report(t, 471)
    t.true(set(ids) <= ids_of(found), "monitors in the report", f"{ids} among them", sorted(ids_of(found)), "N02.FR.11")
    deltas = {data["component"]["name"] for data in found if data["variable"]["name"] == "AvailabilityState"}
    t.true(
        {"ChargingStation", "EVSE"} <= deltas,
        "components with a monitor on AvailabilityState",
        "ChargingStation and EVSE",
        sorted(deltas),
        "N02.FR.11",
    )


@case("TC_N_05_CS")
async def every_base(t: Trial) -> None:
    """Each of the three monitoring bases is taken."""
    for base in ("All", "FactoryDefault", "HardWiredOnly"):
        answer = await t.call("SetMonitoringBase", {"monitoringBase": base})
        t.equal(answer["status"], "Accepted", f"status of SetMonitoringBaseResponse to {base}", "N03.FR.01")
        t.equal(answer.get("statusInfo", {}).get("reasonCode", "NoError"), "NoError", "statusInfo.reasonCode", "N03.FR.01")


@case("TC_N_06_CS")
async def hard_wired_only(t: Trial) -> None:
    """HardWiredOnly takes every other monitor away."""
    (number,) = await install(t, monitor(STATION, "Delta", 1.0))
    t.true(number in ids_of(await report(t, 61, STATION)), "the monitor that was set", "in the report", number, "N02.FR.08")
    answer = await t.call("SetMonitoringBase", {"monitoringBase": "HardWiredOnly"})
    t.equal(answer["status"], "Accepted", "status of SetMonitoringBaseResponse", "N03.FR.01")
    t.equal(await report(t, 62, STATION), [], "the report after HardWiredOnly", "N03.FR.05")


@case("TC_N_08_CS")
async def set_one(t: Trial) -> None:
    """One monitor is set, and is reported."""
    (number,) = await install(t, monitor(place(t), "Delta", 1.0, 8))
    (data,) = [data for data in await report(t, 81, place(t)) if number in ids_of([data])]
    t.equal((data["component"], data["variable"]), (place(t)["component"], place(t)["variable"]), "component and variable in the report", "N02.FR.08")
    (one,) = [one for one in data["variableMonitoring"] if one["id"] == number]
    t.equal((one["type"], one["severity"], one["value"]), ("Delta", 8, 1.0), "type, severity and value in the report", "N04.FR.08")


@case("TC_N_09_CS")
async def set_on_two_variables(t: Trial) -> None:
    """Monitors of two variables are set by one message, and both are reported."""
    ids = await install(t, monitor(place(t), "Delta", 1.0, 8), monitor(STATION, "Delta", 1.0, 8))
    found = await report(t, 91, place(t), STATION)
    t.true(set(ids) <= ids_of(found), "monitors in the report", f"{ids} among them", sorted(ids_of(found)), "N04.FR.08")


@case("TC_N_10_CS")
async def set_two_on_one_variable(t: Trial) -> None:
    """Two monitors of one variable, of different severity."""
    await install(t, monitor(place(t), "Delta", 1.0, 8), monitor(place(t), "Delta", 1.0, 7))


@case("TC_N_11_CS")
async def unknown_component(t: Trial) -> None:
    """An EVSE that is not there, and a component that is not there."""
    first, second = await set_all(
        t, monitor(variable("EVSE.AvailabilityState@99"), "Delta", 1.0), monitor(variable("NonExistent.Power"), "UpperThreshold", 1234.0)
    )
    t.one_of(first["status"], ("UnknownComponent", "Rejected"), "status for an EVSE that is not there", "N04.FR.03")
    t.one_of(second["status"], ("UnknownComponent", "UnknownVariable"), "status for a component that is not there", "N04.FR.03")


@case("TC_N_12_CS")
async def negative_delta(t: Trial) -> None:
    """A difference cannot be negative."""
    (result,) = await set_all(t, monitor(place(t), "Delta", -1.0))
    t.equal(result["status"], "Rejected", "status of a negative Delta", "N04.FR.14")
    t.one_of(result.get("statusInfo", {}).get("reasonCode", ""), ("", "ValueOutOfRange", "ValuePositiveOnly"), "statusInfo.reasonCode", "N04.FR.14")


@case("TC_N_13_CS")
async def threshold_out_of_range(t: Trial) -> None:
    """A bound that the variable can never reach."""
    (result,) = await set_all(t, monitor(place(t, "Power"), "UpperThreshold", 1e12))
    t.equal(result["status"], "Rejected", "status of a bound out of range", "N04.FR.06")


@case("TC_N_15_CS")
async def set_twice(t: Trial) -> None:
    """The same type and severity on the same variable is a duplicate."""
    first, second = await set_all(t, monitor(place(t), "Delta", 1.0), monitor(place(t), "Delta", 1.0))
    t.equal(first["status"], "Accepted", "status of the first", "N04.FR.08")
    t.present(first, "id", "the first setMonitoringResult", "N04.FR.11")
    t.equal(second["status"], "Duplicate", "status of the second", "N04.FR.10")


@case("TC_N_16_CS")
async def level_keeps_silent(t: Trial) -> None:
    """A monitor beyond the monitoring level is not heard of."""
    (number,) = await install(t, monitor(place(t), "Delta", 1.0, 8))
    answer = await t.call("SetMonitoringLevel", {"severity": 7})
    t.equal(answer["status"], "Accepted", "status of SetMonitoringLevelResponse", "N05.FR.01")
    await states.ev_connected(t)
    await t.forbid("NotifyEvent", 2, lambda p: any(one.get("variableMonitoringId") == number for one in p["eventData"]), requirement="N05.FR.03")


@case("TC_N_17_CS")
async def level_out_of_range(t: Trial) -> None:
    """Severities go from 0 to 9."""
    for severity, code in ((10, "ValueTooHigh"), (-1, "ValueTooLow")):
        answer = await t.call("SetMonitoringLevel", {"severity": severity})
        t.equal(answer["status"], "Rejected", f"status of SetMonitoringLevelResponse to {severity}", "N05.FR.02")
        t.one_of(answer.get("statusInfo", {}).get("reasonCode", ""), ("", "ValueOutOfRange", code), "statusInfo.reasonCode", "N05.FR.02")


@case("TC_N_18_CS")
async def clear(t: Trial) -> None:
    """Two monitors are cleared, and are reported no more."""
    ids = await install(t, monitor(STATION, "Delta", 1.0), monitor(place(t), "Delta", 1.0))
    answer = await t.call("ClearVariableMonitoring", {"id": ids})
    results = {result["id"]: result["status"] for result in answer["clearMonitoringResult"]}
    t.equal(results, dict.fromkeys(ids, "Accepted"), "clearMonitoringResult", "N06.FR.01")
    left = ids_of(await report(t, 181, STATION, place(t)))
    t.true(not left & set(ids), "monitors after they were cleared", "none of them", sorted(left), "N07.FR.12")


@case("TC_N_19_CS")
async def clear_what_is_not_there(t: Trial) -> None:
    """A monitor that nobody knows cannot be cleared."""
    number = max(ids_of(await report(t, 191)), default=123455) + 1
    answer = await t.call("ClearVariableMonitoring", {"id": [number]})
    t.equal([(one["id"], one["status"]) for one in answer["clearMonitoringResult"]], [(number, "NotFound")], "clearMonitoringResult", "N06.FR.02")


@case("TC_N_20_CS")
async def thresholds(t: Trial) -> None:
    """More than an upper bound, less again, less than a lower bound: each is told once, with the transaction that it is in."""
    await t.call("SetMonitoringBase", {"monitoringBase": "All"})
    power = place(t, "Power")
    (upper,) = await install(t, monitor(power, "UpperThreshold", HIGH_POWER_W))
    charged = await states.charging(t)
    transaction = charged["transactionInfo"]["transactionId"]
    told = await event(t, upper, trigger="Alerting", cleared=False)
    t.true(float(told["actualValue"]) > HIGH_POWER_W, "actualValue", f"more than {HIGH_POWER_W}", told["actualValue"], "N07.FR.16")
    t.equal(told.get("transactionId"), transaction, "transactionId of the event", "N07.FR.06")
    t.equal((told["component"], told["variable"]), (power["component"], power["variable"]), "component and variable of the event", "N07.FR.06")
    (lower,) = await install(t, monitor(power, "LowerThreshold", LOW_POWER_W))
    await states.stop_authorized(t)
    back = await event(t, upper, trigger="Alerting", cleared=True)
    t.true(float(back["actualValue"]) <= HIGH_POWER_W, "actualValue", f"at most {HIGH_POWER_W}", back["actualValue"], "N07.FR.02")
    below = await event(t, lower, trigger="Alerting", cleared=False)
    t.true(float(below["actualValue"]) < LOW_POWER_W, "actualValue", f"less than {LOW_POWER_W}", below["actualValue"], "N07.FR.17")


@case("TC_N_22_CS")
async def offline_and_severe_enough(t: Trial) -> None:
    """What happens while the link is gone is told afterwards, where it is severe enough to be queued."""
    await t.configure("MonitoringCtrlr.OfflineQueuingSeverity", str(SEVERITY))
    (number,) = await install(t, monitor(place(t), "Delta", 1.0, SEVERITY))
    await t.bench.hang_up(stay_away=True)
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    await t.wait(3)
    await t.bench.come_back()
    told = await event(t, number, within_s=120, trigger="Delta", requirement="N07.FR.04")
    t.equal(told["actualValue"], "Occupied", "actualValue of the queued event", "N07.FR.04")
    t.equal((told["component"], told["variable"]), (place(t)["component"], place(t)["variable"]), "component and variable of the event", "N07.FR.06")


@case("TC_N_23_CS")
async def offline_and_not_severe_enough(t: Trial) -> None:
    """What came and went while the link was gone, and is not severe enough, is not told."""
    await t.configure("MonitoringCtrlr.OfflineQueuingSeverity", str(SEVERITY))
    (number,) = await install(t, monitor(place(t), "Delta", 1.0, SEVERITY + 1))
    await states.ev_connected(t)
    await event(t, number, trigger="Delta", actualValue="Occupied")
    await t.wait(0.5)
    await t.bench.hang_up(stay_away=True)
    await t.driver.unplug(t.settings.evse_id)
    await t.wait(2)
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    await t.wait(2)
    t.forget()
    await t.bench.come_back()
    await t.bench.until(lambda: t.bench.linked, 120)
    await t.forbid("NotifyEvent", 5, lambda p: any(one.get("variableMonitoringId") == number for one in p["eventData"]), requirement="N07.FR.04")


@case("TC_N_24_CS")
async def periodic(t: Trial) -> None:
    """A periodic monitor tells the value again and again."""
    interval_s = 3
    (number,) = await install(t, monitor(place(t), "Periodic", float(interval_s)))
    last_ms = -1
    for _ in range(3):
        told = await event(t, number, within_s=interval_s + 2, trigger="Periodic", requirement="N08.FR.06")
        t.equal(told["actualValue"], "Available", "actualValue of the periodic event", "N08.FR.05")
        t.equal((told["component"], told["variable"]), (place(t)["component"], place(t)["variable"]), "component and variable", "N08.FR.05")
        now_ms = t.heard[-1].at_ms
        if last_ms >= 0:
            t.true(
                abs(now_ms - last_ms - interval_s * 1000) < TOLERANCE_MS,
                "time between two periodic events",
                f"{interval_s} s",
                (now_ms - last_ms) / 1000,
                "N08.FR.06",
            )
        last_ms = now_ms


@case("TC_N_37_CS")
async def unknown_variable(t: Trial) -> None:
    """A variable that the component does not have."""
    (result,) = await set_all(t, monitor(place(t, "unknownVariable"), "Delta", 1.0))
    t.equal(result["status"], "UnknownVariable", "status of setMonitoringResult", "N04.FR.04")


@case("TC_N_39_CS")
async def not_to_be_monitored(t: Trial) -> None:
    """A monitor that cannot be set leaves the others as they are."""
    (number,) = await install(t, monitor(place(t), "Delta", 1.0))
    (result,) = await set_all(t, monitor(variable("ChargingStation.Power"), "UpperThreshold", 1.0))
    t.one_of(result["status"], ("Rejected", "UnknownVariable", "UnsupportedMonitorType"), "status of setMonitoringResult", "N04.FR.05")
    t.true(number in ids_of(await report(t, 391)), "the monitor that was set before", "in the report", number, "N02.FR.09")


@case("TC_N_40_CS")
async def replace_one(t: Trial) -> None:
    """A monitor is replaced by its id."""
    (number,) = await install(t, monitor(place(t), "Delta", 1.0, 5))
    (result,) = await set_all(t, monitor(place(t), "Delta", 1.0, 4, id=number))
    t.equal((result["status"], result.get("id")), ("Accepted", number), "status and id of setMonitoringResult", "N04.FR.12")
    found = await report(t, 401, place(t), criteria=("DeltaMonitoring",))
    severities = [one["severity"] for data in found for one in data["variableMonitoring"] if one["id"] == number]
    t.equal(severities, [4], "severity of the monitor", "N04.FR.12")


@case("TC_N_43_CS")
async def good_ones_among_bad(t: Trial) -> None:
    """Of three monitors the second is wrong; the first and the third are set."""
    power = place(t, "Power")
    results = await set_all(
        t, monitor(power, "UpperThreshold", HIGH_POWER_W), monitor(power, "Delta", -1.0), monitor(power, "LowerThreshold", LOW_POWER_W)
    )
    t.equal([result["status"] for result in results], ["Accepted", "Rejected", "Accepted"], "statuses", "N04.FR.14")


@case("TC_N_45_CS")
async def delta(t: Trial) -> None:
    """A number that has changed by more than a difference is told."""
    (number,) = await install(t, monitor(place(t, "Power"), "Delta", HIGH_POWER_W))
    await states.charging(t)
    told = await event(t, number, trigger="Delta", requirement="N07.FR.18")
    t.equal((told["component"]["name"], told["variable"]["name"]), ("EVSE", "Power"), "component and variable of the event", "N07.FR.06")


@case("TC_N_48_CS")
async def write_only(t: Trial) -> None:
    """That a password changed is told; what it is, is not."""
    answer = await set_all(t, monitor(variable("SecurityCtrlr.BasicAuthPassword"), "Delta", 1.0))
    t.equal(answer[0]["status"], "Accepted", "status of setMonitoringResult", "N04.FR.08")
    t.one_of(await t.set("SecurityCtrlr.BasicAuthPassword", "new-password-0001"), ("Accepted", "RebootRequired"), "attributeStatus", "A01.FR.01")
    told = await event(t, int(answer[0]["id"]), within_s=60, trigger="Delta")
    t.equal(told["actualValue"], "", "actualValue of a variable that may not be read", "N07.FR.10")


@case("TC_N_51_CS")
async def replaced_while_it_counts(t: Trial) -> None:
    """A bound is moved below a value that is there already: it is exceeded at once."""
    power = place(t, "Power")
    (number,) = await install(t, monitor(power, "UpperThreshold", 21_000.0))
    await states.charging(t)
    (result,) = await set_all(t, monitor(power, "UpperThreshold", 0.0, id=number))
    t.equal(result["status"], "Accepted", "status of setMonitoringResult", "N04.FR.12")
    told = await event(t, number, trigger="Alerting", requirement="N07.FR.11")
    t.true(float(told["actualValue"]) > 0, "actualValue", "more than 0", told["actualValue"], "N07.FR.11")


@case("TC_N_52_CS")
async def cleared_while_it_counts(t: Trial) -> None:
    """A monitor that is cleared while its bound is exceeded is heard of no more."""
    power = place(t, "Power")
    (number,) = await install(t, monitor(power, "UpperThreshold", 0.0))
    await states.charging(t)
    await event(t, number, trigger="Alerting")
    answer = await t.call("ClearVariableMonitoring", {"id": [number]})
    t.equal([(one["id"], one["status"]) for one in answer["clearMonitoringResult"]], [(number, "Accepted")], "clearMonitoringResult", "N06.FR.01")
    t.equal(await report(t, 521, power, criteria=("ThresholdMonitoring",)), [], "the report after it was cleared", "N07.FR.12")
    await states.stop_authorized(t)
    await t.forbid("NotifyEvent", 3, lambda p: any(one.get("variableMonitoringId") == number for one in p["eventData"]), requirement="N07.FR.12")


@case("TC_N_53_CS")
async def outlives_a_reboot(t: Trial) -> None:
    """A monitor that the CSMS has set is there after a power cut."""
    (number,) = await install(t, monitor(place(t, "Power"), "UpperThreshold", HIGH_POWER_W))
    await t.driver.power_cycle()
    await t.booted()
    found = await report(t, 531, criteria=("ThresholdMonitoring",))
    t.true(number in ids_of(found), "monitors after the reboot", f"{number} among them", sorted(ids_of(found)), "N07.FR.13")
    t.true("UpperThreshold" in kinds(found), "types after the reboot", "UpperThreshold among them", sorted(kinds(found)), "N07.FR.13")


@case("TC_N_56_CS")
async def delta_of_a_word(t: Trial) -> None:
    """Any change of what is no number is told."""
    (number,) = await install(t, monitor(place(t), "Delta", 1.0))
    await states.ev_connected(t)
    told = await event(t, number, trigger="Delta", requirement="N07.FR.18")
    t.equal((told["component"], told["variable"]), (place(t)["component"], place(t)["variable"]), "component and variable of the event", "N07.FR.06")
    t.equal(told["actualValue"], "Occupied", "actualValue", "N07.FR.18")
