"""What several cases look at in the same way: results that are in order, reports that are whole.

Law: a look asserts everything that the cases have in common, so that no case forgets half of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conformance.trial import Payload, Trial
from conformance.verdict import NotExercised
from wire import calendar

TOLERANCE_US = 4_000_000
"""How far a time may be off, as test laboratories have it."""

LISTS = ("OptionList", "SequenceList", "MemberList")


def explained(t: Trial, result: Payload, reasons: Iterable[str], what: str, requirement: str = "", *, name: str = "statusInfo") -> None:
    """A statusInfo may be left out; one that is there has one of *reasons*."""
    if name in result:
        t.one_of(result[name]["reasonCode"], tuple(reasons), f"{name}.reasonCode of {what}", requirement)


def accepted(t: Trial, answer: Payload, what: str, requirement: str = "") -> None:
    """The status is Accepted, and nothing says otherwise."""
    t.equal(answer["status"], "Accepted", f"status of {what}", requirement)
    explained(t, answer, ("NoError",), what, requirement)


def timely(t: Trial, text: str, what: str, requirement: str = "") -> None:
    """A moment that the station told is now, by the CSMS's clock."""
    then, now = calendar.parse(text), t.bench.csms_time_us()
    if now is None:
        raise NotExercised(f"the recording does not tell what time the CSMS had, which {what} is held against")
    t.true(then is not None and now is not None and abs(then - now) <= TOLERANCE_US, what, f"about {t.time()}", text, requirement)


def result_of(results: list[Payload], address: Payload) -> Payload:
    """The result that is about *address*, whatever its place; empty where none is."""
    return next((one for one in results if one["component"] == address["component"] and one["variable"] == address["variable"]), {})


async def report(t: Trial, action: str, payload: Payload, requirement: str = "") -> list[Payload]:
    """GetBaseReport, GetReport or GetMonitoringReport is accepted, and told to its end in numbered parts; returns what it tells."""
    accepted(t, await t.call(action, payload), f"{action}Response", requirement)
    return await told(t, action, payload["requestId"])


async def told(t: Trial, action: str, request_id: int) -> list[Payload]:
    """The parts of the report that was asked for with *action* (B07.FR.04, B07.FR.10, B08.FR.14, N02.FR.03, N02.FR.04)."""
    monitoring = action == "GetMonitoringReport"
    notify, member = ("NotifyMonitoringReport", "monitor") if monitoring else ("NotifyReport", "reportData")
    comes, counts, dated = ("N02.FR.03", "N02.FR.09", "N02.FR.03") if monitoring else ("B07.FR.01", "B07.FR.12", "B07.FR.04")
    found: list[Any] = []
    seq_no = 0
    while True:
        # Parts of a report that was asked for before may still be on their way.
        what = f"{notify}Request of request {request_id}, part {seq_no}"
        part = await t.expect(notify, lambda p: p["requestId"] == request_id, what=what, requirement=comes)
        t.equal(part["seqNo"], seq_no, f"seqNo of {notify}Request", counts)
        timely(t, part["generatedAt"], f"generatedAt of {notify}Request", dated)
        found += part.get(member, [])
        if not part.get("tbc", False):
            # A variable may have several monitors, and be told with each.
            names = [] if monitoring else [f"{named(one)} {kind}" for one in found for kind in kinds_of(one)]
            twice = sorted({name for name in names if names.count(name) > 1})
            t.true(not twice, f"attributes that are told twice by {notify}Request", "none", twice, "B07.FR.08")
            return found
        seq_no += 1


def kinds_of(one: Payload) -> list[str]:
    """The attributes that a report tells of a variable."""
    return [attribute.get("type", "Actual") for attribute in one["variableAttribute"]]


def described(t: Trial, data: Iterable[Payload], requirement: str = "") -> None:
    """Every variable of a report has its characteristics; one that is chosen from a list has the list."""
    for one in data:
        name = named(one)
        characteristics = t.present(one, "variableCharacteristics", name, requirement)
        if characteristics["dataType"] in LISTS:
            t.true(bool(characteristics.get("valuesList")), f"valuesList of {name}", "there", "nothing", requirement)


def named(one: Payload) -> str:
    """``Component[instance].Variable[instance]@evse.connector`` of whatever has a component and a variable."""
    component, variable = one["component"], one["variable"]
    text = ".".join(f"{part['name']}[{part['instance']}]" if "instance" in part else part["name"] for part in (component, variable))
    evse = component.get("evse")
    return text + (f"@{evse['id']}" + (f".{evse['connectorId']}" if "connectorId" in evse else "") if evse else "")
