"""Block B, provisioning: boot, variables, reports, what is told after a time without a link."""

from __future__ import annotations

from collections.abc import Iterable

from conformance import states
from conformance.case import case
from conformance.looks import LISTS, described, explained, named, report, result_of
from conformance.required import required, standardized, writable
from conformance.trial import STATION_LIMIT_S, Payload, Trial, variable
from conformance.verdict import NotExercised

OFFLINE = "OCPPCommCtrlr.OfflineThreshold"
REMOTE = "AuthCtrlr.AuthorizeRemoteStart"
SIGNIFICANCE = "SmartChargingCtrlr.LimitChangeSignificance"
PLACES = ("Available", "Occupied", "Reserved", "Unavailable", "Faulted")
ASKED_FOR = ("FirmwareUpdate", "RemoteReset", "ScheduledReset", "Triggered")
"""Reasons of starts that a CSMS knows of before."""


# Boot


@case("TC_B_01_CS")
async def cold_boot(t: Trial) -> None:
    """The station is switched off and on: it announces itself, is accepted, and tells of every connector."""
    await t.driver.power_cycle()
    await t.booted()
    reason = [one.payload["reason"] for one in t.heard if one.action == "BootNotification"][-1]
    t.true(reason not in ASKED_FOR, "reason of a start that nobody asked for", "PowerUp, or what the station knows of it", reason, "B01.FR.09")


async def every_connector(t: Trial, requirement: str = "B01.FR.05") -> None:
    """Every connector is told to be Available."""
    for evse_id, count in t.settings.evses:
        for connector_id in range(1, count + 1):
            await t.connector_told("Available", evse_id=evse_id, connector_id=connector_id, requirement=requirement)


@case("TC_B_03_CS")
async def rejected_boot(t: Trial) -> None:
    """A station that is rejected says nothing until the interval is over, and then announces itself again."""
    interval_s = 5
    t.answer("BootNotification", lambda _: {"status": "Rejected", "interval": interval_s, "currentTime": t.time()}, times=1)
    await t.driver.power_cycle()
    first = await t.expect_heard("BootNotification", within_s=2 * STATION_LIMIT_S, requirement="B01.FR.01")
    # What else it says before it is accepted breaks the rules of every case.
    second = await t.expect_heard("BootNotification", within_s=interval_s + STATION_LIMIT_S, requirement="B03.FR.06")
    waited_ms = second.at_ms - first.at_ms
    t.true(waited_ms >= interval_s * 1000, "time until the next BootNotificationRequest", f"{interval_s} s or more", f"{waited_ms} ms", "B03.FR.06")
    await every_connector(t)


@case("TC_B_30_CS")
async def rejected_and_asked(t: Trial) -> None:
    """A station that is rejected and keeps its link answers nothing but SecurityError."""
    t.answer("BootNotification", lambda _: {"status": "Rejected", "interval": 300, "currentTime": t.time()})
    await t.driver.power_cycle()
    await t.expect("BootNotification", within_s=2 * STATION_LIMIT_S, requirement="B01.FR.01")
    await t.wait(1)
    if t.bench.linked:
        await t.call_error("GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}, "SecurityError", requirement="B03.FR.08")


# Variables are read


def read(t: Trial, results: list[Payload], address: str, value: str) -> None:
    """One of the results is about *address*: Accepted, and it holds *value*."""
    result = result_of(results, variable(address))
    t.equal(result.get("attributeStatus"), "Accepted", f"attributeStatus of {address}", "B06.FR.10")
    t.equal(result.get("attributeType"), "Actual", f"attributeType of {address}", "B06.FR.03")
    t.equal(result.get("attributeValue"), value, f"attributeValue of {address}", "B06.FR.04")
    explained(t, result, ("NoError",), address, "B06.FR.10", name="attributeStatusInfo")


def actual(address: str) -> Payload:
    """A variable, with the attribute that is meant."""
    return {**variable(address), "attributeType": "Actual"}


@case("TC_B_06_CS", OCPPCommCtrlr__OfflineThreshold="300")
async def get_one_variable(t: Trial) -> None:
    """One variable that every station has is told, with its value."""
    answer = await t.call("GetVariables", {"getVariableData": [actual(OFFLINE)]})
    t.equal(len(answer["getVariableResult"]), 1, "number of results", "B06.FR.01")
    read(t, answer["getVariableResult"], OFFLINE, "300")


@case(
    "TC_B_07_CS",
    OCPPCommCtrlr__OfflineThreshold="300",
    AuthCtrlr__LocalAuthorizeOffline="true",
)
async def get_two_variables(t: Trial) -> None:
    """Two variables of different components are told at once, in any order."""
    answer = await t.call("GetVariables", {"getVariableData": [actual(OFFLINE), actual("AuthCtrlr.LocalAuthorizeOffline")]})
    t.equal(len(answer["getVariableResult"]), 2, "number of results", "B06.FR.01")
    read(t, answer["getVariableResult"], OFFLINE, "300")
    read(t, answer["getVariableResult"], "AuthCtrlr.LocalAuthorizeOffline", "true")


async def not_read(t: Trial, address: str, status: str, requirement: str, attribute: str = "") -> None:
    """GetVariables of what is not there says what is missing, and names what was asked for."""
    item = {**variable(address), **({"attributeType": attribute} if attribute else {})}
    answer = await t.call("GetVariables", {"getVariableData": [item]})
    refused(t, answer["getVariableResult"][0], item, status, requirement)


def refused(t: Trial, result: Payload, item: Payload, status: str, requirement: str) -> None:
    """A result with the status that a refusal has to have; everything else is as it was asked for."""
    t.equal(result["attributeStatus"], status, "attributeStatus", requirement)
    t.equal(result["component"]["name"], item["component"]["name"], "component.name", requirement)
    t.equal(result["variable"]["name"], item["variable"]["name"], "variable.name", requirement)
    t.equal(result["variable"].get("instance"), item["variable"].get("instance"), "variable.instance", requirement)
    if "attributeType" in item:
        t.equal(result.get("attributeType"), item["attributeType"], "attributeType", requirement)


@case("TC_B_32_CS")
async def get_of_unknown_component(t: Trial) -> None:
    """A component that the station does not have is said to be unknown."""
    await not_read(t, "UnknownComponent.OfflineThreshold", "UnknownComponent", "B06.FR.06")


@case("TC_B_33_CS")
async def get_of_unknown_variable(t: Trial) -> None:
    """A variable that a component does not have is said to be unknown."""
    await not_read(t, "OCPPCommCtrlr.UnknownVariable", "UnknownVariable", "B06.FR.07")


@case("TC_B_34_CS")
async def get_of_unsupported_attribute(t: Trial) -> None:
    """An attribute that a variable does not have is said not to be supported."""
    await not_read(t, OFFLINE, "NotSupportedAttributeType", "B06.FR.08", "Target")


# Variables are set


def was_set(t: Trial, results: list[Payload], address: str) -> None:
    """One of the results is about *address*: Accepted."""
    result = result_of(results, variable(address))
    t.equal(result.get("attributeStatus"), "Accepted", f"attributeStatus of {address}", "B05.FR.10")
    t.equal(result.get("attributeType"), "Actual", f"attributeType of {address}", "B05.FR.03")
    explained(t, result, ("NoError",), address, "B05.FR.10", name="attributeStatusInfo")


@case("TC_B_09_CS")
async def set_one_variable(t: Trial) -> None:
    """A variable that every station has is set."""
    answer = await t.call("SetVariables", {"setVariableData": [{**actual(OFFLINE), "attributeValue": "300"}]})
    t.equal(len(answer["setVariableResult"]), 1, "number of results", "B05.FR.01")
    was_set(t, answer["setVariableResult"], OFFLINE)


@case("TC_B_10_CS")
async def set_two_variables(t: Trial) -> None:
    """Two variables of different components are set at once."""
    both = ((OFFLINE, "300"), ("AuthCtrlr.LocalAuthorizeOffline", "true"))
    answer = await t.call("SetVariables", {"setVariableData": [{**actual(address), "attributeValue": value} for address, value in both]})
    t.equal(len(answer["setVariableResult"]), 2, "number of results", "B05.FR.01")
    for address, _ in both:
        was_set(t, answer["setVariableResult"], address)


async def not_set(t: Trial, address: str, status: str, requirement: str, attribute: str = "") -> None:
    """SetVariables of what cannot be set says why, and names what was asked for."""
    item = {**variable(address), **({"attributeType": attribute} if attribute else {})}
    answer = await t.call("SetVariables", {"setVariableData": [{**item, "attributeValue": "300"}]})
    refused(t, answer["setVariableResult"][0], item, status, requirement)


@case("TC_B_35_CS")
async def set_of_unknown_component(t: Trial) -> None:
    """A component that the station does not have is said to be unknown."""
    await not_set(t, "UnknownComponent.OfflineThreshold", "UnknownComponent", "B05.FR.04")


@case("TC_B_36_CS")
async def set_of_unknown_variable(t: Trial) -> None:
    """A variable that a component does not have is said to be unknown."""
    await not_set(t, "OCPPCommCtrlr.UnknownVariable", "UnknownVariable", "B05.FR.05")


@case("TC_B_37_CS")
async def set_of_unsupported_attribute(t: Trial) -> None:
    """An attribute that a variable does not have is said not to be supported."""
    await not_set(t, OFFLINE, "NotSupportedAttributeType", "B05.FR.06", "Target")


@case("TC_B_39_CS")
async def set_of_read_only_variable(t: Trial) -> None:
    """A variable that may only be read stays as it is."""
    before = await t.get("OCPPCommCtrlr.MessageTimeout[Default]")
    await not_set(t, "OCPPCommCtrlr.MessageTimeout[Default]", "Rejected", "B05.FR.09")
    t.equal(await t.get("OCPPCommCtrlr.MessageTimeout[Default]"), before, "value of a variable that may only be read", "B05.FR.09")


@case("TC_B_11_CS")
async def set_of_other_types(t: Trial) -> None:
    """Values of one data type are offered to variables of another: each variable takes what is its own, and nothing else."""
    threshold = await t.get(OFFLINE)
    values = {"integer": threshold, "decimal": f"{threshold}.1", "boolean": "true", "dateTime": t.time(), "string": "abc"}
    # An integer is a decimal too; a percentage that is larger than 100 need not be taken.
    takes = {
        OFFLINE: ("integer",),
        SIGNIFICANCE: ("integer", "decimal"),
        REMOTE: ("boolean",),
        "ClockCtrlr.NextTimeOffsetTransitionDateTime": ("dateTime",),
    }
    known = {named(one): one["variableAttribute"][0].get("mutability", "ReadWrite") for one in await base_report(t, "FullInventory")}
    for address, kinds in takes.items():
        # AuthorizeRemoteStart may be ReadOnly, and the others but the first need not be there.
        if address != OFFLINE and (address not in known or (address == REMOTE and known[address] != "ReadWrite")):
            continue
        for kind, value in values.items():
            answer = await t.call("SetVariables", {"setVariableData": [{**actual(address), "attributeValue": value}]})
            result = answer["setVariableResult"][0]
            what = f"attributeStatus of {address} = {value}"
            if kind not in kinds:
                t.equal(result["attributeStatus"], "Rejected", what, "B05.FR.07")
            elif address != SIGNIFICANCE:
                t.equal(result["attributeStatus"], "Accepted", what, "B05.FR.10")
            else:
                # A percentage may have bounds.
                t.one_of(result["attributeStatus"], ("Accepted", "Rejected"), what, "B05.FR.10")
            t.equal(result.get("attributeType"), "Actual", f"attributeType of {address}", "B05.FR.03")
            t.equal(named(result), address, "component and variable", "B05.FR.02")
            if result["attributeStatus"] == "Rejected":
                explained(t, result, ("InvalidValue", "ValueOutOfRange"), what, name="attributeStatusInfo")


# Reports


async def base_report(t: Trial, kind: str) -> list[Payload]:
    """A base report, whole, with everything that it has to say of every variable."""
    data = await report(t, "GetBaseReport", {"requestId": 12, "reportBase": kind}, "B07.FR.01")
    described(t, data, "B07.FR.10")
    return data


def has_all(t: Trial, data: Iterable[Payload], addresses: Iterable[str], what: str, requirement: str) -> None:
    """Every one of *addresses* is in a report."""
    missing = sorted(set(addresses) - {named(one) for one in data})
    t.equal(missing, [], f"{what} that are not reported", requirement)


@case("TC_B_12_CS")
async def configuration_inventory(t: Trial) -> None:
    """The report of what can be configured tells of variables that can be set, and of all that have to be."""
    data = await base_report(t, "ConfigurationInventory")
    for one in data:
        mutabilities = {attribute.get("mutability", "ReadWrite") for attribute in one["variableAttribute"]}
        t.true(mutabilities & {"ReadWrite", "WriteOnly"} != set(), f"mutability of {named(one)}", "ReadWrite or WriteOnly", mutabilities, "B07.FR.07")
    has_all(t, data, writable(), "required variables that can be set", "B07.FR.07")


def has_of(data: Iterable[Payload]) -> dict[str, str]:
    """``Component.Variable`` -> value, of what a report tells."""
    return {named(one): one["variableAttribute"][0].get("value", "") for one in data}


@case("TC_B_13_CS")
async def full_inventory(t: Trial) -> None:
    """The full report tells of every variable that a station has to have."""
    data = await base_report(t, "FullInventory")
    has_all(t, data, required(has_of(data)), "required variables", "B07.FR.08")


@case("TC_B_53_CS", "B07.FR.08", "B07.FR.11")
async def mandatory_variables(t: Trial) -> None:
    """What is required is there, and every value keeps to what the report says of its variable."""
    data = await base_report(t, "FullInventory")
    has_all(t, data, required(has_of(data)), "required variables", "B07.FR.08")
    for one in data:
        name, characteristics = named(one), one["variableCharacteristics"]
        for attribute in one["variableAttribute"]:
            if attribute.get("mutability") == "WriteOnly":
                t.absent(attribute, "value", name, "B07.FR.03")
            elif attribute.get("value") and characteristics["dataType"] in LISTS:
                members = {member.strip() for member in characteristics["valuesList"].split(",")}
                chosen = [attribute["value"]] if characteristics["dataType"] == "OptionList" else attribute["value"].split(",")
                strange = sorted({member.strip() for member in chosen} - members)
                t.equal(strange, [], f"members of the value of {name} that are not in its list", "B07.FR.10")
            elif (one["component"]["name"], one["variable"]["name"]) in standardized() - {("EVSE", "Power")}:
                # Edition 4: what is unset is empty, and not left out; but for a maker's own variables, and EVSE.Power, which has a maxLimit only.
                t.present(attribute, "value", f"{attribute.get('type', 'Actual')} of {name}", "B07.FR.11")


@case("TC_B_14_CS")
async def summary_inventory(t: Trial) -> None:
    """The short report tells whether the station and every EVSE of it are available."""
    data = await base_report(t, "SummaryInventory")
    wanted = ["ChargingStation.AvailabilityState", *(f"EVSE.AvailabilityState@{evse_id}" for evse_id, _ in t.settings.evses)]
    has_all(t, data, wanted, "variables that tell of availability", "B07.FR.09")


async def custom_report(t: Trial, **asked: object) -> list[Payload]:
    """A report of what is asked for, whole."""
    return await report(t, "GetReport", {"requestId": 16, **asked}, "B08.FR.01")


@case("TC_B_16_CS", "B08.FR.01", "B08.FR.03", "B08.FR.04", "B08.FR.07", "B08.FR.09", "B08.FR.10", "B08.FR.12", "B08.FR.13", "B08.FR.14", "B06.FR.09")
async def report_by_criterion(t: Trial) -> None:
    """A report of what is enabled: what it says of Enabled is what GetVariables and the full report say."""
    data = await custom_report(t, componentCriteria=["Enabled"])
    described(t, data, "B08.FR.03")
    shown: dict[str, set[str]] = {}
    names = set()
    for one in data:
        if one["variable"]["name"] != "Enabled":
            # B08.FR.09 has whole components reported, and those too that have no such variable.
            continue
        attribute, name = one["variableAttribute"][0], named(one)
        answer = await t.call("GetVariables", {"getVariableData": [{"component": one["component"], "variable": one["variable"]}]})
        result = answer["getVariableResult"][0]
        if attribute.get("mutability") == "WriteOnly":
            t.equal(result["attributeStatus"], "Rejected", f"attributeStatus of {name}", "B06.FR.09")
            t.absent(result, "attributeValue", name, "B06.FR.09")
            continue
        t.equal(result["attributeStatus"], "Accepted", f"attributeStatus of {name}", "B06.FR.10")
        t.equal(result.get("attributeValue"), attribute.get("value"), f"attributeValue of {name}", "B06.FR.04")
        shown.setdefault(named({**one, "variable": {"name": "Enabled"}}), set()).add(attribute.get("value", ""))
        names.add(name)
    for name, values in shown.items():
        t.true("true" in values, f"value of {name}", "true", values, "B08.FR.09")
    everything = await base_report(t, "FullInventory")
    wanted = [named(one) for one in everything if one["variable"]["name"] == "Enabled" and one["variableAttribute"][0].get("value") == "true"]
    t.true(bool(wanted), "variables named Enabled that are true", "some", wanted, "B08.FR.09")
    t.equal(sorted(set(wanted) - names), [], "enabled components that are not reported", "B08.FR.09")


def availability(t: Trial, data: list[Payload], evse_id: int) -> None:
    """A report tells of the AvailabilityState of one EVSE, and of nothing else."""
    t.equal([named(one) for one in data], [f"EVSE.AvailabilityState@{evse_id}"], "variables reported", "B08.FR.11")
    characteristics, attribute = data[0]["variableCharacteristics"], data[0]["variableAttribute"][0]
    t.equal(characteristics["dataType"], "OptionList", "dataType of AvailabilityState", "B08.FR.03")
    members = sorted(member.strip() for member in characteristics.get("valuesList", "").split(","))
    t.equal(members, sorted(PLACES), "valuesList of AvailabilityState", "B08.FR.03")
    t.equal(attribute.get("mutability"), "ReadOnly", "mutability of AvailabilityState", "B08.FR.03")
    t.equal([one.get("type", "Actual") for one in data[0]["variableAttribute"]], ["Actual"], "attributes of AvailabilityState", "B08.FR.03")


@case("TC_B_17_CS")
async def report_of_a_variable(t: Trial) -> None:
    """A report of one variable of the first EVSE."""
    availability(t, await custom_report(t, componentVariable=[variable("EVSE.AvailabilityState@1")]), 1)


@case("TC_B_18_CS")
async def report_of_a_variable_by_criterion(t: Trial) -> None:
    """The same variable is reported where its EVSE meets the criterion, and nothing where it does not."""
    wanted = [variable("EVSE.AvailabilityState@1")]
    availability(t, await custom_report(t, componentCriteria=["Available"], componentVariable=wanted), 1)
    answer = await t.call("GetReport", {"requestId": 18, "componentCriteria": ["Problem"], "componentVariable": wanted})
    t.equal(answer["status"], "EmptyResultSet", "status of GetReportResponse", "B08.FR.15")
    explained(t, answer, ("NotFound",), "GetReportResponse", "B08.FR.15")
    await t.forbid("NotifyReport", 1, requirement="B08.FR.15")


@case("TC_B_19_CS")
async def report_by_unsupported_criterion(t: Trial) -> None:
    """A report by a criterion that the station does not support is refused, for that reason."""
    for request_id, criterion in enumerate(("Active", "Enabled", "Problem"), 190):
        answer = await t.call("GetReport", {"requestId": request_id, "componentCriteria": ["Available", criterion]})
        what = f"GetReportResponse for Available and {criterion}"
        t.one_of(answer["status"], ("NotSupported", "Accepted", "EmptyResultSet"), f"status of {what}", "B08.FR.02")
        if answer["status"] == "NotSupported":
            explained(t, answer, ("UnsupportedParam", "InvalidValue"), what, "B08.FR.02")
            return
    raise NotExercised("the station supports every componentCriteria, so there is none to refuse")


ITEMS = "DeviceDataCtrlr.ItemsPerMessage"


@case("TC_B_54_CS")
async def report_of_all_instances(t: Trial) -> None:
    """A variable that is asked for without an instance is reported with all of them."""
    data = await custom_report(t, componentVariable=[variable(ITEMS)])
    # The name of the second instance is GetVariables in Part 2; the case's text leaves out its last letter.
    has_all(t, data, (f"{ITEMS}[GetReport]", f"{ITEMS}[GetVariables]"), "instances of ItemsPerMessage", "B08.FR.11")
    t.equal({(one["component"]["name"], one["variable"]["name"]) for one in data}, {tuple(ITEMS.split("."))}, "what is reported", "B08.FR.11")


@case("TC_B_55_CS")
async def report_of_one_instance(t: Trial) -> None:
    """A variable that is asked for with an instance is reported with that one."""
    data = await custom_report(t, componentVariable=[variable(f"{ITEMS}[GetReport]")])
    t.equal([named(one) for one in data], [f"{ITEMS}[GetReport]"], "variables reported", "B08.FR.11")


@case("TC_B_56_CS")
async def report_of_all_evses(t: Trial) -> None:
    """A variable of an EVSE that is asked for without saying which is reported of all of them."""
    data = await custom_report(t, componentVariable=[variable("EVSE.AvailabilityState")])
    wanted = sorted(f"EVSE.AvailabilityState@{evse_id}" for evse_id, _ in t.settings.evses)
    t.equal(sorted(named(one) for one in data), wanted, "variables reported", "B08.FR.11")


# Without a link


async def plugged_in_offline(t: Trial, away_s: float) -> None:
    """The link is gone for *away_s*, and meanwhile a vehicle is connected."""
    await states.offline(t)
    await t.driver.plug_in(t.settings.evse_id, t.settings.connector_id)
    await t.wait(away_s)
    await states.online(t)
    await t.connector_told("Occupied", evse_id=t.settings.evse_id, connector_id=t.settings.connector_id, requirement="B04.FR.01")


def others(t: Trial) -> list[tuple[int, int]]:
    """The connectors of the EVSEs at which nothing happens."""
    return [(evse_id, n) for evse_id, count in t.settings.evses if evse_id != t.settings.evse_id for n in range(1, count + 1)]


@case(
    "TC_B_51_CS",
    OCPPCommCtrlr__OfflineThreshold="2",
    OCPPCommCtrlr__RetryBackOffWaitMinimum="4",
    OCPPCommCtrlr__RetryBackOffRandomRange="0",
)
async def long_offline(t: Trial) -> None:
    """Longer without a link than the threshold: every connector is told, changed or not."""
    await plugged_in_offline(t, 3)
    for evse_id, connector_id in others(t):
        await t.connector_told("Available", evse_id=evse_id, connector_id=connector_id, requirement="B04.FR.01")


@case(
    "TC_B_52_CS",
    OCPPCommCtrlr__OfflineThreshold="12",
    OCPPCommCtrlr__RetryBackOffWaitMinimum="6",
    OCPPCommCtrlr__RetryBackOffRandomRange="0",
)
async def short_offline(t: Trial) -> None:
    """Shorter without a link than the threshold: the connector that changed is told, and no other."""
    await plugged_in_offline(t, 1)
    elsewhere = others(t)
    await t.forbid("StatusNotification", 2, lambda p: (p["evseId"], p["connectorId"]) in elsewhere, requirement="B04.FR.02")


@case(
    "TC_B_57_CS",
    "OCPP-J 5.3",
    OCPPCommCtrlr__NetworkProfileConnectionAttempts="3",
    OCPPCommCtrlr__RetryBackOffRepeatTimes="2",
    OCPPCommCtrlr__RetryBackOffRandomRange="0",
    OCPPCommCtrlr__RetryBackOffWaitMinimum="3",
)
async def reconnecting(t: Trial) -> None:
    """A lost link is dialled again after the wait that is configured, and after twice as long where that did not help."""
    wait_ms = 3_000
    lost_ms = t.bench.now_ms
    await t.bench.hang_up(stay_away=False)
    t.true(await t.bench.until(lambda: t.bench.linked, STATION_LIMIT_S), "link", f"back within {STATION_LIMIT_S:g} s", "none", "Part 4, 5.3")
    first_ms = t.bench.now_ms - lost_ms
    t.true(first_ms >= wait_ms, "time until the station dials again", f"{wait_ms} ms or more", f"{first_ms} ms", "Part 4, 5.3")
    await t.wait(1)
    lost_ms = t.bench.now_ms
    await t.bench.hang_up(stay_away=True)
    # The attempt that is not accepted falls into this time, as the one before did.
    await t.wait(max(first_ms, wait_ms) / 1000 + 1.5)
    await t.bench.come_back()
    t.true(await t.bench.until(lambda: t.bench.linked, STATION_LIMIT_S), "link", f"back within {STATION_LIMIT_S:g} s", "none", "Part 4, 5.3")
    second_ms = t.bench.now_ms - lost_ms
    # Once the wait that the first attempt took, then twice as long.
    t.true(second_ms >= 3 * wait_ms, "time until the second attempt", f"{3 * wait_ms} ms or more", f"{second_ms} ms", "Part 4, 5.3")
