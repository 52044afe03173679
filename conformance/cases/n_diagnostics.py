"""Block N, diagnostics: monitors are set, cleared, reported, and heard."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from conformance import states
from conformance.bench import Heard
from conformance.case import case
from conformance.cases.a_security import PASSWORD, with_password
from conformance.looks import accepted, explained, named, report, timely, told
from conformance.trial import Payload, Trial, connectors, variable
from conformance.verdict import NotExercised

STATION_STATE = "ChargingStation.AvailabilityState"
PERIOD_S = 5
SEVERITY = 8
"""Of monitors whose severity is nobody's business in a case."""
SEVERITY_MOST = 9
UNKNOWN_ID = 123_456
UNSUPPORTED = "UnsupportedParam", "InvalidValue"
"""Reasons for not doing what is not supported."""
SLACK_MS = 2_000
"""How far two messages may be from the interval that is configured: a station may look once a second, and a link takes its time."""


def evse_state(t: Trial) -> str:
    """What changes when a vehicle is connected: a variable that is no number."""
    return f"EVSE.AvailabilityState@{t.settings.evse_id}"


def connector_state(t: Trial) -> str:
    """The same of the connector."""
    return f"Connector.AvailabilityState@{t.settings.evse_id}.{t.settings.connector_id}"


def power(t: Trial) -> str:
    """What changes when energy flows: a number, with a maxLimit that every EVSE has to have."""
    return f"EVSE.Power@{t.settings.evse_id}"


async def most(t: Trial) -> float:
    """The maxLimit of the power."""
    data = await report(t, "GetReport", {"requestId": 40, "componentVariable": [variable(power(t))]})
    limit = data[0]["variableCharacteristics"].get("maxLimit")
    t.true(isinstance(limit, int | float), "maxLimit of EVSE.Power", "a number", limit, "Part 2, EVSE.Power")
    return float(limit)


# Monitors are set


def monitor(address: str, type_: str, value: float, severity: int = SEVERITY, **more: Any) -> Payload:
    """One setMonitoringData."""
    return {**variable(address), "type": type_, "value": value, "severity": severity, **more}


async def wanted(t: Trial, *items: Payload) -> list[Payload]:
    """SetVariableMonitoring is answered with a result for each item, of its type and severity; returns them in the order of the items.

    The results may come in any order.
    """
    answer = await t.call("SetVariableMonitoring", {"setMonitoringData": list(items)})
    results = list(answer["setMonitoringResult"])
    t.equal(len(results), len(items), "number of results of SetVariableMonitoringResponse", "N04.FR.01")
    found = []
    for item in items:
        key = (item["component"], item["variable"], item["type"], item["severity"])
        result = next((one for one in results if (one["component"], one["variable"], one["type"], one["severity"]) == key), None)
        if result is None:
            t.fail(f"result for {item['type']} of {named(item)}", f"one of severity {item['severity']}", f"{results}", "N04.FR.02")
        results.remove(result)
        t.looked += 1
        found.append(result)
    return found


def taken(t: Trial, result: Payload) -> int:
    """The monitor was accepted; returns its id."""
    accepted(t, result, f"{result['type']} of {named(result)}", "N04.FR.08")
    number: int = t.present(result, "id", f"{result['type']} of {named(result)}", "N04.FR.11")
    return number


def declined(t: Trial, result: Payload, statuses: tuple[str, ...], reasons: tuple[str, ...], requirement: str) -> None:
    """The monitor was not accepted, and has no id.  *reasons*: that may be given for it; any, where none stands here."""
    what = f"{result['type']} of {named(result)}"
    t.one_of(result["status"], statuses, f"status of {what}", requirement)
    if reasons:
        explained(t, result, reasons, what, requirement)
    t.absent(result, "id", what, requirement)


async def watched(t: Trial, *items: Payload) -> list[int]:
    """Monitors are set and accepted; returns their ids."""
    return [taken(t, result) for result in await wanted(t, *items)]


async def level(t: Trial, severity: int = 8) -> None:
    """Monitors up to this severity are heard."""
    accepted(t, await t.call("SetMonitoringLevel", {"severity": severity}), "SetMonitoringLevelResponse", "N05.FR.01")


async def base(t: Trial, name: str) -> None:
    """The monitors of a base are in force."""
    accepted(t, await t.call("SetMonitoringBase", {"monitoringBase": name}), "SetMonitoringBaseResponse", "N03.FR.01")


# Monitors are reported


async def monitors(t: Trial, request_id: int = 50, **asked: Any) -> dict[int, Payload]:
    """A whole monitoring report: id -> the monitor, with its component and variable."""
    return by_id(t, await report(t, "GetMonitoringReport", {"requestId": request_id, **asked}, "N02.FR.01"))


def by_id(t: Trial, data: list[Payload]) -> dict[int, Payload]:
    """The monitors of a report: id -> the monitor, with its component and variable.  Each has an id of its own."""
    found: dict[int, Payload] = {}
    for one in data:
        for each in one["variableMonitoring"]:
            t.true(each["id"] not in found, "id of a monitor in a report", "one of its own", each["id"], "N02.FR.11")
            found[each["id"]] = {**each, "component": one["component"], "variable": one["variable"]}
    return found


async def no_monitors(t: Trial, requirement: str, request_id: int = 51, *, reasons: tuple[str, ...] = ("NotFound",), **asked: Any) -> None:
    """There is nothing to report, and nothing is.  *reasons*: that may be given for it, where not any may."""
    answer = await t.call("GetMonitoringReport", {"requestId": request_id, **asked})
    t.equal(answer["status"], "EmptyResultSet", "status of GetMonitoringReportResponse", requirement)
    if reasons:
        explained(t, answer, reasons, "GetMonitoringReportResponse", requirement)
    await t.forbid("NotifyMonitoringReport", 1, requirement=requirement)


def reported(t: Trial, found: dict[int, Payload], number: int, item: Payload, requirement: str = "N02.FR.05") -> None:
    """A monitor is in a report as it was set."""
    t.true(number in found, f"monitor {number}", "reported", sorted(found), requirement)
    for name in ("type", "value", "severity"):
        t.equal(found[number][name], item[name], f"{name} of monitor {number}", requirement)
    t.equal(found[number]["transaction"], item.get("transaction", False), f"transaction of monitor {number}", requirement)
    t.equal(named(found[number]), named(item), f"component and variable of monitor {number}", requirement)


def only(t: Trial, found: dict[int, Payload], types: tuple[str, ...], requirement: str) -> None:
    """Nothing else is reported than monitors of these types, and there are some."""
    t.true(bool(found), "monitors reported", "some", "none", requirement)
    for number, one in found.items():
        t.one_of(one["type"], types, f"type of monitor {number}", requirement)


# Monitors are heard


def part(t: Trial, heard: Heard) -> int:
    """Which part of what is told together a NotifyEvent is: the first, unless the one before it announced another."""
    parts = [one for one in t.heard if one.action == "NotifyEvent"]
    place = [one.message_id for one in parts].index(heard.message_id)
    before = parts[place - 1].payload if place else {}
    return int(before["seqNo"]) + 1 if before.get("tbc", False) else 0


async def event(t: Trial, number: int, *, requirement: str, within_s: float = 30.0, **fields: Any) -> Payload:
    """The next event of a monitor whose members are as *fields* says; ``cleared`` is False where it is left out."""

    def fits(one: Payload) -> bool:
        return one.get("variableMonitoringId") == number and all(one.get(name, False) == value for name, value in fields.items())

    def has(payload: Payload) -> bool:
        return any(fits(one) for one in payload["eventData"])

    told = "".join(f", {name} {value}" for name, value in fields.items())
    found = await t.expect_heard("NotifyEvent", has, within_s=within_s, requirement=requirement, what=f"NotifyEventRequest of monitor {number}{told}")
    t.equal(found.payload["seqNo"], part(t, found), "seqNo of NotifyEventRequest", "N07.FR.07")
    one: Payload = next(one for one in found.payload["eventData"] if fits(one))
    # Other events may have come in the same message.
    rest = [other for other in found.payload["eventData"] if other is not one]
    if rest:
        t.inbox.insert(0, found._replace(payload={**found.payload, "eventData": rest}))
    return one


def about(t: Trial, one: Payload, address: str, trigger: str, requirement: str) -> None:
    """An event tells of the variable that is watched, and of what kind it is."""
    t.equal(named(one), address, "component and variable of the event", requirement)
    t.equal(one["trigger"], trigger, "trigger of the event", requirement)


def number_in(t: Trial, one: Payload) -> float:
    """The value of an event, which is a number."""
    try:
        return float(one["actualValue"])
    except ValueError:
        t.fail(f"actualValue of {named(one)}", "a number", one["actualValue"], "N07.FR.06")


async def quiet(t: Trial, *numbers: int, for_s: float, requirement: str) -> None:
    """None of these monitors is heard."""
    await t.forbid(
        "NotifyEvent", for_s, lambda p: any(one.get("variableMonitoringId") in numbers for one in p["eventData"]), requirement=requirement
    )  # fmt: skip


THRESHOLDS = ("UpperThreshold", "LowerThreshold")
PERIODS = ("Periodic", "PeriodicClockAligned")


@case("TC_N_01_CS")
async def report_by_criteria(t: Trial) -> None:
    """Monitors are reported by their kind, alone and together."""
    # Edition 4 has the periods too; their reports are not what is looked at, so they are long.
    items = (
        monitor(power(t), "LowerThreshold", 1),
        monitor(power(t), "UpperThreshold", 1000),
        monitor(power(t), "Periodic", 3600),
        monitor(power(t), "Delta", 100),
        monitor(power(t), "PeriodicClockAligned", 3600),
    )
    lower, upper, periodic, delta, clock = await watched(t, *items)
    for request_id, criteria, types, numbers in (
        (1, ("ThresholdMonitoring",), THRESHOLDS, {lower, upper}),
        (2, ("ThresholdMonitoring", "DeltaMonitoring"), (*THRESHOLDS, "Delta"), {lower, upper, delta}),
        (3, ("DeltaMonitoring", "PeriodicMonitoring"), ("Delta", *PERIODS), {delta, periodic, clock}),
    ):
        found = await monitors(t, request_id, monitoringCriteria=list(criteria))
        only(t, found, types, "N02.FR.06")
        t.equal(sorted(numbers - set(found)), [], f"monitors that a report of {' and '.join(criteria)} lacks", "N02.FR.06")


@case("TC_N_02_CS")
async def report_of_components(t: Trial) -> None:
    """Monitors are reported by what they watch: of one variable, and of everything of an EVSE."""
    items = monitor(STATION_STATE, "Delta", 1), monitor(evse_state(t), "Delta", 1)
    numbers = await watched(t, *items)
    found = await monitors(t, componentVariable=[variable(STATION_STATE), {"component": variable(evse_state(t))["component"]}])
    for number, item in zip(numbers, items, strict=True):
        reported(t, found, number, item, "N02.FR.08")
    for one in found.values():
        t.one_of(one["component"]["name"], ("ChargingStation", "EVSE"), "component of a monitor", "N02.FR.08")
        if one["component"]["name"] == "EVSE":
            t.equal(one["component"].get("evse"), {"id": t.settings.evse_id}, f"evse of the monitor of {named(one)}", "N02.FR.08")
        else:
            t.equal(named(one), STATION_STATE, "component and variable of a monitor", "N02.FR.08")
        if one["variable"]["name"] == "AvailabilityState":
            t.equal(one["type"], "Delta", f"type of the monitor of {named(one)}", "N02.FR.08")


@case("TC_N_03_CS")
async def report_of_components_by_criteria(t: Trial) -> None:
    """Monitors are reported where both their kind and what they watch are asked for, and nothing where none is so."""
    items = monitor(STATION_STATE, "Delta", 1), monitor(evse_state(t), "Delta", 1)
    numbers = await watched(t, *items)
    both = [variable(STATION_STATE), variable(evse_state(t))]
    await no_monitors(t, "N02.FR.10", 1, monitoringCriteria=["ThresholdMonitoring"], componentVariable=both)
    found = await monitors(t, 2, monitoringCriteria=["DeltaMonitoring"], componentVariable=both)
    only(t, found, ("Delta",), "N02.FR.13")
    for number, item in zip(numbers, items, strict=True):
        reported(t, found, number, item)


@case("TC_N_04_CS")
async def report_by_unsupported_criteria(t: Trial) -> None:
    """A kind of monitors that the station does not report is not reported together with others either."""
    unknown = []
    for request_id, criterion in enumerate(("ThresholdMonitoring", "DeltaMonitoring", "PeriodicMonitoring"), 1):
        answer = await t.call("GetMonitoringReport", {"requestId": request_id, "monitoringCriteria": [criterion]})
        if answer["status"] not in ("Accepted", "EmptyResultSet"):
            unknown.append(criterion)
    if not unknown:
        raise NotExercised("the station supports every monitoringCriteria, so there is none to refuse")
    for request_id, criterion in enumerate(unknown, 4):
        answer = await t.call("GetMonitoringReport", {"requestId": request_id, "monitoringCriteria": sorted({"DeltaMonitoring", criterion})})
        t.equal(answer["status"], "NotSupported", f"status of GetMonitoringReportResponse for {criterion}", "N02.FR.02")
        explained(t, answer, UNSUPPORTED, f"GetMonitoringReportResponse for {criterion}", "N02.FR.02")


@case("TC_N_07_CS")
async def unsupported_base(t: Trial) -> None:
    """A base that the station does not support is refused as such."""
    answers = {name: await t.call("SetMonitoringBase", {"monitoringBase": name}) for name in ("All", "FactoryDefault", "HardWiredOnly")}
    refused = {name: answer for name, answer in answers.items() if answer["status"] != "Accepted"}
    if not refused:
        raise NotExercised("the station supports every monitoringBase, so there is none to refuse")
    for name, answer in refused.items():
        t.equal(answer["status"], "NotSupported", f"status of SetMonitoringBaseResponse for {name}", "N03.FR.02")
        explained(t, answer, UNSUPPORTED, f"SetMonitoringBaseResponse for {name}", "N03.FR.02")


@case("TC_N_47_CS")
async def report_of_everything(t: Trial) -> None:
    """All monitors are reported where nothing is asked for in particular."""
    items = monitor(STATION_STATE, "Delta", 1), monitor(evse_state(t), "Delta", 1)
    numbers = await watched(t, *items)
    found = await monitors(t)
    for number, item in zip(numbers, items, strict=True):
        reported(t, found, number, item, "N02.FR.11")


@case("TC_N_05_CS")
async def bases(t: Trial) -> None:
    """Every base is accepted."""
    for name in ("All", "FactoryDefault", "HardWiredOnly"):
        await base(t, name)


@case("TC_N_06_CS")
async def base_removes(t: Trial) -> None:
    """What the CSMS set is gone once only hard-wired monitors count."""
    item = monitor(STATION_STATE, "Delta", 1)
    (number,) = await watched(t, item)
    found = await monitors(t, componentVariable=[variable(STATION_STATE)])
    reported(t, found, number, item)
    only(t, found, ("Delta",), "N02.FR.05")
    for one in found.values():
        t.equal(named(one), STATION_STATE, "component and variable of a monitor", "N02.FR.05")
    t.equal(sum(one.action == "NotifyMonitoringReport" for one in t.heard), 1, "number of parts of a report of one variable", "N02.FR.05")
    await base(t, "HardWiredOnly")
    await no_monitors(t, "N03.FR.05", componentVariable=[variable(STATION_STATE)])


@case("TC_N_08_CS")
async def set_one(t: Trial) -> None:
    """A monitor is set, and then it is there."""
    item = monitor(evse_state(t), "Delta", 1)
    (number,) = await watched(t, item)
    found = await monitors(t, componentVariable=[variable(evse_state(t))])
    reported(t, found, number, item)


@case("TC_N_09_CS")
async def set_two(t: Trial) -> None:
    """Monitors of two variables are set at once, and then both are there."""
    items = monitor(evse_state(t), "Delta", 1), monitor(STATION_STATE, "Delta", 1)
    numbers = await watched(t, *items)
    t.equal(len(set(numbers)), 2, "number of ids", "N04.FR.11")
    found = await monitors(t, componentVariable=[variable(evse_state(t)), variable(STATION_STATE)])
    for number, item in zip(numbers, items, strict=True):
        reported(t, found, number, item)


@case("TC_N_10_CS")
async def set_two_of_one_variable(t: Trial) -> None:
    """Two monitors of one variable differ in nothing but their severity: both are accepted."""
    numbers = await watched(t, monitor(evse_state(t), "Delta", 1, 8), monitor(evse_state(t), "Delta", 1, 7))
    t.equal(len(set(numbers)), 2, "number of ids", "N04.FR.11")


@case("TC_N_11_CS")
async def set_of_unknown_component(t: Trial) -> None:
    """Neither an EVSE nor a component that the station does not have can be watched."""
    strange, nothing = await wanted(t, monitor("EVSE.AvailabilityState@99", "Delta", 1), monitor("NonExistent.Power", "UpperThreshold", 1234))
    declined(t, strange, ("UnknownComponent", "Rejected"), ("UnknownEvse", "UnknownEVSE", "NotFound"), "N04.FR.03")
    declined(t, nothing, ("UnknownComponent", "UnknownVariable"), ("NotFound",), "N04.FR.03")


@case("TC_N_37_CS")
async def set_of_unknown_variable(t: Trial) -> None:
    """A variable that the component does not have cannot be watched."""
    (result,) = await wanted(t, monitor("EVSE.unknownVariable", "Delta", 1))
    declined(t, result, ("UnknownVariable",), (), "N04.FR.04")


@case("TC_N_38_CS")
async def set_of_unsupported_type(t: Trial) -> None:
    """A variable that is no number has no upper threshold."""
    (result,) = await wanted(t, monitor(evse_state(t), "UpperThreshold", 1))
    declined(t, result, ("UnsupportedMonitorType", "Rejected"), (), "N04.FR.05")


@case("TC_N_12_CS")
async def set_negative_delta(t: Trial) -> None:
    """A difference cannot be less than nothing."""
    (result,) = await wanted(t, monitor(power(t), "Delta", -1))
    declined(t, result, ("Rejected",), ("ValueOutOfRange", "ValuePositiveOnly"), "N04.FR.14")


@case("TC_N_13_CS", "N04.FR.06")
async def set_too_high_threshold(t: Trial) -> None:
    """A threshold cannot be more than the variable can be."""
    (result,) = await wanted(t, monitor(power(t), "UpperThreshold", await most(t) + 1))
    declined(t, result, ("Rejected",), ("ValueOutOfRange",), "N04.FR.06")


@case("TC_N_15_CS")
async def set_twice(t: Trial) -> None:
    """Of two monitors that are alike in everything the second one is a duplicate."""
    item = monitor(evse_state(t), "Delta", 1)
    results = sorted(await wanted(t, item, item), key=lambda result: result["status"])
    t.equal([result["status"] for result in results], ["Accepted", "Duplicate"], "statuses of SetVariableMonitoringResponse", "N04.FR.10")
    taken(t, results[0])
    explained(t, results[1], ("InvalidValue",), "the duplicate", "N04.FR.10")


@case("TC_N_39_CS")
async def set_with_the_id_of_another(t: Trial) -> None:
    """A monitor cannot be turned into one of another variable; it stays as it was."""
    item = monitor(evse_state(t), "Delta", 1)
    (number,) = await watched(t, item)
    (result,) = await wanted(t, monitor(power(t), "Delta", 1, id=number))
    t.equal(result["status"], "Rejected", f"status of a Delta of {named(result)}", "N04.FR.16")
    reported(t, await monitors(t), number, item, "N04.FR.16")


@case("TC_N_40_CS")
async def replaced(t: Trial) -> None:
    """A monitor is replaced by one of another severity, under its id."""
    item = monitor(evse_state(t), "Delta", 1, 5)
    (number,) = await watched(t, item)
    other = {**item, "severity": 4}
    place = {"monitoringCriteria": ["DeltaMonitoring"], "componentVariable": [variable(evse_state(t))]}
    before = await monitors(t, 1, **place)
    (result,) = await wanted(t, {**other, "id": number})
    t.equal(taken(t, result), number, "id of the monitor that was replaced", "N04.FR.12")
    found = await monitors(t, 2, **place)
    reported(t, found, number, other, "N04.FR.12")
    t.equal(sorted(found), sorted(before), "monitors of the variable", "N04.FR.12")


@case("TC_N_41_CS")
async def factory_default(t: Trial) -> None:
    """A preconfigured monitor is replaced, and is what it was once the factory's monitors count again."""
    await base(t, "FactoryDefault")
    answer = await t.call("GetMonitoringReport", {"requestId": 1})
    known = {} if answer["status"] == "EmptyResultSet" else by_id(t, await told(t, "GetMonitoringReport", 1))
    # 2.0.1 has no word for it in the report: what is there after a return to the factory's monitors, and is not hard-wired, is preconfigured.
    replaceable = [one for _, one in sorted(known.items()) if one.get("eventNotificationType") != "HardWiredMonitor"]
    old = next((one for one in replaceable if one["type"] == "Delta"), None)
    if old is None:
        raise NotExercised("the station has no preconfigured monitor of type Delta")
    place = {"component": old["component"], "variable": old["variable"]}
    item = {**place, **{name: old[name] for name in ("id", "transaction", "value", "type")}}
    item["severity"] = old["severity"] + 1 if old["severity"] < SEVERITY_MOST else 5
    (result,) = await wanted(t, item)
    taken(t, result)
    reported(t, await monitors(t, 2, componentVariable=[place]), old["id"], item, "N04.FR.15")
    await base(t, "FactoryDefault")
    reported(t, await monitors(t, 3, componentVariable=[place]), old["id"], old, "N03.FR.04")


@case("TC_N_43_CS", "N04.FR.01", "N04.FR.08", "N04.FR.14")
async def set_one_of_three_wrongly(t: Trial) -> None:
    """One of three items is out of range: the others are accepted all the same."""
    first, second, third = await wanted(
        t, monitor(power(t), "UpperThreshold", 1000), monitor(power(t), "Delta", -1), monitor(power(t), "LowerThreshold", 1)
    )  # fmt: skip
    taken(t, first)
    t.equal(second["status"], "Rejected", "status of a Delta below nothing", "N04.FR.14")
    taken(t, third)


@case("TC_N_16_CS")
async def level_silences(t: Trial) -> None:
    """What is less severe than the level is not told."""
    (number,) = await watched(t, monitor(evse_state(t), "Delta", 1, 8))
    await level(t, 7)
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    await t.forbid(
        "NotifyEvent",
        t.quiet_s,
        lambda p: any(one.get("variableMonitoringId") == number or named(one) == evse_state(t) for one in p["eventData"]),
        requirement="N05.FR.03",
        what="NotifyEventRequest of the EVSE",
    )


@case("TC_N_17_CS")
async def level_out_of_range(t: Trial) -> None:
    """There is no severity above 9, and none below 0."""
    for severity, reason in ((10, "ValueTooHigh"), (-1, "ValueTooLow")):
        answer = await t.call("SetMonitoringLevel", {"severity": severity})
        t.equal(answer["status"], "Rejected", f"status of SetMonitoringLevelResponse for {severity}", "N05.FR.02")
        explained(t, answer, ("ValueOutOfRange", reason), f"SetMonitoringLevelResponse for {severity}", "N05.FR.02")


@case("TC_N_18_CS")
async def cleared(t: Trial) -> None:
    """Two monitors are cleared by their ids, and then nothing is left of them."""
    places = STATION_STATE, f"EVSE.AvailabilityState@{t.settings.evse_id}"
    numbers = await watched(t, *[monitor(place, "Delta", 1) for place in places])
    answer = await t.call("ClearVariableMonitoring", {"id": numbers})
    results = answer["clearMonitoringResult"]
    t.equal(sorted(one["id"] for one in results), sorted(numbers), "ids of ClearVariableMonitoringResponse", "N06.FR.01")
    for one in results:
        accepted(t, one, f"ClearVariableMonitoringResponse for {one['id']}", "N06.FR.01")
    await no_monitors(t, "N06.FR.05", componentVariable=[variable(place) for place in places])


@case("TC_N_19_CS")
async def clear_of_nothing(t: Trial) -> None:
    """A monitor that is not there is not found."""
    answer = await t.call("GetMonitoringReport", {"requestId": 19})
    known = {} if answer["status"] == "EmptyResultSet" else by_id(t, await told(t, "GetMonitoringReport", 19))
    number = max(known, default=UNKNOWN_ID - 1) + 1
    answer = await t.call("ClearVariableMonitoring", {"id": [number]})
    t.equal([one["id"] for one in answer["clearMonitoringResult"]], [number], "ids of ClearVariableMonitoringResponse", "N06.FR.02")
    t.equal(answer["clearMonitoringResult"][0]["status"], "NotFound", "status of ClearVariableMonitoringResponse", "N06.FR.02")
    explained(t, answer["clearMonitoringResult"][0], ("NotFound",), "ClearVariableMonitoringResponse", "N06.FR.02")


def just_now(t: Trial, one: Payload) -> None:
    """The event happened, and was told, at about the time that it is by the CSMS's clock."""
    timely(t, one["timestamp"], "timestamp of an event", "N07.FR.06")
    heard = next(each for each in reversed(t.heard) if any(other["eventId"] == one["eventId"] for other in each.payload.get("eventData", [])))
    timely(t, heard.payload["generatedAt"], "generatedAt of NotifyEventRequest", "N07.FR.06")


@case("TC_N_20_CS")
async def thresholds(t: Trial) -> None:
    """A threshold that is passed is told, and so is that it no longer is."""
    await base(t, "All")
    upper_w, lower_w = 100, 50
    (upper,) = await watched(t, monitor(power(t), "UpperThreshold", upper_w, 5))
    await level(t)
    transaction = (await states.charging(t))["transactionInfo"]["transactionId"]
    above = await event(t, upper, requirement="N07.FR.16")
    about(t, above, power(t), "Alerting", "N07.FR.16")
    t.true(number_in(t, above) > upper_w, "actualValue above the upper threshold", f"more than {upper_w}", above["actualValue"], "N07.FR.16")
    t.true(not above.get("cleared", False), "cleared", "absent or false", above.get("cleared"), "N07.FR.06")
    t.equal(above.get("transactionId"), transaction, "transactionId of an event while energy flows", "N07.FR.06")
    just_now(t, above)
    (lower,) = await watched(t, monitor(power(t), "LowerThreshold", lower_w, 5))
    await states.stop_authorized(t)
    back = await event(t, upper, requirement="N07.FR.16", cleared=True)
    about(t, back, power(t), "Alerting", "N07.FR.16")
    t.true(
        number_in(t, back) <= upper_w, "actualValue when the upper threshold counts no more", f"{upper_w} or less", back["actualValue"], "N07.FR.16"
    )
    below = await event(t, lower, requirement="N07.FR.17")
    about(t, below, power(t), "Alerting", "N07.FR.17")
    t.true(number_in(t, below) < lower_w, "actualValue below the lower threshold", f"less than {lower_w}", below["actualValue"], "N07.FR.17")
    t.true(not below.get("cleared", False), "cleared", "absent or false", below.get("cleared"), "N07.FR.06")
    t.equal(len({one["eventId"] for one in (above, back, below)}), 3, "number of ids of three events", "N07.FR.06")
    for one in (back, below):
        just_now(t, one)
        t.equal(one["eventNotificationType"], "CustomMonitor", "eventNotificationType", "N07.FR.06")
        # The transaction may be over before the power is gone, where TxStopPoint says so.
        if states.running(t) or "transactionId" in one:
            t.equal(one.get("transactionId"), transaction, "transactionId of an event in a transaction", "N07.FR.06")


@case("TC_N_45_CS", "N07.FR.06", "N07.FR.07", "N07.FR.18")
async def numeric_delta(t: Trial) -> None:
    """A number that changes by more than the difference is told."""
    (number,) = await watched(t, monitor(power(t), "Delta", 100, 5))
    await level(t)
    await states.charging(t)
    about(t, await event(t, number, requirement="N07.FR.18"), power(t), "Delta", "N07.FR.18")


@case("TC_N_56_CS", "N07.FR.06", "N07.FR.07", "N07.FR.19")
async def other_delta(t: Trial) -> None:
    """A variable that is no number and changes is told."""
    (number,) = await watched(t, monitor(evse_state(t), "Delta", 1, 5))
    await level(t)
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    about(t, await event(t, number, requirement="N07.FR.19"), evse_state(t), "Delta", "N07.FR.19")


@case("TC_N_22_CS", MonitoringCtrlr__OfflineQueuingSeverity="5")
async def queued_offline(t: Trial) -> None:
    """What is severe enough is told once the link is back."""
    (number,) = await watched(t, monitor(evse_state(t), "Delta", 1, 5))
    await states.offline(t)
    mark = len(t.heard)
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    await t.wait(3)
    t.equal([one.action for one in t.heard[mark:]], [], "messages without a link", "N07.FR.04")
    await states.online(t)
    one = await event(t, number, requirement="N07.FR.04")
    about(t, one, evse_state(t), "Delta", "N07.FR.04")
    t.equal(one["actualValue"], "Occupied", "actualValue of the event", "N07.FR.04")


@case("TC_N_23_CS", MonitoringCtrlr__OfflineQueuingSeverity="5")
async def not_queued_offline(t: Trial) -> None:
    """What is not severe enough is never told when it happened without a link."""
    starts, _ = await states.points(t)
    connector, evse = await watched(t, monitor(connector_state(t), "Delta", 1, 6), monitor(evse_state(t), "Delta", 1, 6))
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    for number, place in ((connector, connector_state(t)), (evse, evse_state(t))):
        one = await event(t, number, requirement="N07.FR.19")
        about(t, one, place, "Delta", "N07.FR.19")
        t.equal(one["actualValue"], "Occupied", f"actualValue of {place}", "N07.FR.19")
    # A StatusNotification may be left out, as the event tells it.
    for evse_id, connector_id, status in [one for each in t.inbox if each.action == "StatusNotification" for one in connectors(each)]:
        if (evse_id, connector_id) == (t.settings.evse_id, t.settings.connector_id):
            t.equal(status, "Occupied", "connectorStatus beside the event that tells the same", "G01.FR.01")
    in_transaction = "EVConnected" in starts
    if in_transaction:
        await t.event(triggerReason="CablePluggedIn", chargingState="EVConnected", requirement="E02.FR.17")
    await states.offline(t)
    await t.driver.unplug(t.settings.evse_id)
    await t.wait(1)
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    await t.wait(3)
    await states.online(t)
    if in_transaction:
        await t.event(triggerReason="EVCommunicationLost", chargingState="Idle", requirement="E06.FR.02")
        await t.event(triggerReason="CablePluggedIn", chargingState="EVConnected", requirement="E02.FR.17")
    await quiet(t, connector, evse, for_s=t.quiet_s, requirement="N07.FR.04")


@case("TC_N_24_CS", "N04.FR.01", "N04.FR.08", "N07.FR.20", "N08.FR.01", "N08.FR.05", "N08.FR.06")
async def periodic(t: Trial) -> None:
    """A periodic monitor tells of its variable at each interval."""
    await level(t)
    (number,) = await watched(t, monitor(power(t), "Periodic", PERIOD_S, 5))
    moments = []
    for _ in range(3):
        heard = await t.expect_heard(
            "NotifyEvent",
            lambda p: any(one.get("variableMonitoringId") == number for one in p["eventData"]),
            within_s=2 * PERIOD_S + 5,
            requirement="N08.FR.06",
            what=f"NotifyEventRequest of monitor {number}",
        )
        about(t, next(one for one in heard.payload["eventData"] if one["variableMonitoringId"] == number), power(t), "Periodic", "N08.FR.05")
        moments.append(heard.at_ms)
    for one, two in pairwise(moments):
        t.true(abs(two - one - PERIOD_S * 1000) <= SLACK_MS, "time between NotifyEventRequests", f"{PERIOD_S} s", f"{two - one} ms", "N08.FR.06")


async def changed(t: Trial, address: str, value: str) -> None:
    """A variable is set, and the station started again where it wants that; events of it stay to be asked for."""
    mark = len(t.heard)
    status = await t.set(address, value)
    t.one_of(status, ("Accepted", "RebootRequired"), f"attributeStatus of {address}", "B05.FR.10")
    if status == "RebootRequired":
        await t.driver.power_cycle()
        await t.booted()
        t.inbox = [one for one in t.heard[mark:] if one.action == "NotifyEvent"]


OFFLINE_S = "OCPPCommCtrlr.OfflineThreshold"


@case("TC_N_61_CS", "N07.FR.18")
async def delta_of_a_setting(t: Trial) -> None:
    """A setting is changed by no more than the difference, which is not told; and then by more, which is."""
    (result,) = await wanted(t, monitor(OFFLINE_S, "Delta", 1, 5))
    if result["status"] in ("UnsupportedMonitorType", "Rejected"):
        raise NotExercised(f"{OFFLINE_S} cannot be watched ({result['status']})")
    number = taken(t, result)
    await level(t)
    value_s = int(await t.get(OFFLINE_S))
    await changed(t, OFFLINE_S, str(value_s + 1))
    await quiet(t, number, for_s=t.quiet_s, requirement="N07.FR.18")
    await changed(t, OFFLINE_S, str(value_s + 2))
    one = await event(t, number, requirement="N07.FR.18")
    about(t, one, OFFLINE_S, "Delta", "N07.FR.18")
    t.equal(one["actualValue"], str(value_s + 2), "actualValue of the event", "N07.FR.18")


@case("TC_N_48_CS")
async def write_only(t: Trial) -> None:
    """A change of what nobody may read is told, and what it is now is not."""
    await with_password(t)
    (result,) = await wanted(t, monitor(PASSWORD, "Delta", 1, 5))
    if result["status"] in ("UnsupportedMonitorType", "Rejected"):
        raise NotExercised(f"{PASSWORD} cannot be watched ({result['status']})")
    number = taken(t, result)
    await changed(t, PASSWORD, t.settings.second_password)
    one = await event(t, number, requirement="N07.FR.10", within_s=60)
    t.equal(one["actualValue"], "", "actualValue of what nobody may read", "N07.FR.10")


@case("TC_N_51_CS")
async def changed_threshold(t: Trial) -> None:
    """A threshold that is moved below the value that there is now is passed at once."""
    high_w = await most(t) - 1
    item = monitor(power(t), "UpperThreshold", high_w, 5)
    (number,) = await watched(t, item)
    await level(t)
    await states.charging(t)
    # Energy begins to flow, and the meter takes a moment to see it.
    await t.wait(3)
    await quiet(t, number, for_s=0.1, requirement="N07.FR.16")
    (result,) = await wanted(t, {**item, "id": number, "value": 0})
    taken(t, result)
    one = await event(t, number, requirement="N07.FR.11")
    about(t, one, power(t), "Alerting", "N07.FR.11")
    # The text compares with the old threshold; what can be passed is the new one.
    t.true(number_in(t, one) > 0, "actualValue above the new threshold", "more than 0", one["actualValue"], "N07.FR.11")


@case("TC_N_52_CS")
async def cleared_threshold(t: Trial) -> None:
    """A monitor that is cleared while its threshold is passed says nothing of it any more."""
    (number,) = await watched(t, monitor(power(t), "UpperThreshold", 0, 5))
    await level(t)
    await states.charging(t)
    about(t, await event(t, number, requirement="N07.FR.16"), power(t), "Alerting", "N07.FR.16")
    answer = await t.call("ClearVariableMonitoring", {"id": [number]})
    results = [(one["status"], one["id"]) for one in answer["clearMonitoringResult"]]
    t.equal(results, [("Accepted", number)], "results of ClearVariableMonitoringResponse", "N06.FR.01")
    await no_monitors(t, "N06.FR.05", reasons=(), componentVariable=[variable(power(t))], monitoringCriteria=["ThresholdMonitoring"])
    await states.stop_authorized(t)
    await quiet(t, number, for_s=t.quiet_s, requirement="N07.FR.12")


@case("TC_N_53_CS")
async def after_a_restart(t: Trial) -> None:
    """A monitor that the CSMS set is still there after a restart."""
    item = monitor(power(t), "UpperThreshold", 100, 5)
    (number,) = await watched(t, item)
    await t.driver.power_cycle()
    await t.booted()
    found = await monitors(t, monitoringCriteria=["ThresholdMonitoring"])
    reported(t, found, number, item, "N07.FR.13")
