"""Block J, meter values: by the clock, at the start of a transaction, and meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from conformance import states
from conformance.case import case
from conformance.trial import Payload, Trial, Where
from wire import calendar

REGISTER = "Energy.Active.Import.Register"
"""What a sampled value without a measurand is of."""

INTERVAL_S = 5
SLACK_US = 1_000_000
"""How far two moments may be from the interval that is configured."""


async def measurands(t: Trial, address: str) -> set[str]:
    """What is configured to be measured."""
    return {member.strip() for member in (await t.get(address)).split(",") if member.strip()}


def values_in(t: Trial, meter_values: list[Payload], wanted: set[str], context: str, what: str, requirement: str) -> str:
    """The values are of *context*, at least one for every measurand, none from the vehicle but its state of charge; returns their timestamp."""
    t.true(bool(meter_values), f"meterValue of {what}", "there", "absent", requirement)
    times = sorted({one["timestamp"] for one in meter_values})
    t.equal(len(times), 1, f"number of timestamps in {what}", requirement)
    samples = [sample for one in meter_values for sample in one["sampledValue"]]
    for sample in samples:
        t.equal(sample.get("context", "Sample.Periodic"), context, f"context of {what}", requirement)
        if sample.get("measurand", REGISTER) != "SoC":
            t.true(sample.get("location", "Outlet") != "EV", f"location of {what}", "anything but EV", "EV", requirement)
    missing = sorted(wanted - {sample.get("measurand", REGISTER) for sample in samples})
    t.equal(missing, [], f"measurands that {what} lacks", requirement)
    return str(times[0])


def evenly(t: Trial, moments: Iterable[str], what: str, requirement: str) -> None:
    """Moments that differ are as far from each other as configured."""
    times = sorted({found for found in map(calendar.parse, moments) if found is not None})
    t.true(len(times) > 1, f"timestamps of {what}", f"another one every {INTERVAL_S} s", sorted(set(moments)), requirement)
    for one, two in pairwise(times):
        t.true(
            abs(two - one - INTERVAL_S * 1_000_000) <= SLACK_US, f"time between {what}", f"{INTERVAL_S} s", f"{(two - one) / 1e6:.3f} s", requirement
        )


async def driven(t: Trial) -> tuple[Payload, Payload]:
    """A transaction from its first event to its last, which are returned, with time for two measurements meanwhile; the vehicle has left."""
    transaction = (await states.charging(t))["transactionInfo"]["transactionId"]
    await t.wait(3 * INTERVAL_S + 1)
    await states.stop_authorized(t)
    await states.ev_connected_after(t)
    await states.ev_disconnected(t)
    told = states.events(t.heard, transaction)
    first = next((p for p in told if p["eventType"] == "Started"), None)
    last = next((p for p in told if p["eventType"] == "Ended"), None)
    if first is None or last is None:
        t.fail("TransactionEventRequests of a whole transaction", "Started and Ended", str([p["eventType"] for p in told]), "E06.FR.11")
    t.present(last, "meterValue", "the last event", "E06.FR.11")
    return first, last


def by_moment(event: Payload) -> dict[str, list[Payload]]:
    """Timestamp -> what an event says was measured then, in the order of time; what was measured at one moment may stand in several elements."""
    found: dict[str, list[Payload]] = {}
    for one in sorted(event["meterValue"], key=lambda one: calendar.parse(one["timestamp"]) or 0):
        found.setdefault(one["timestamp"], []).append(one)
    return found


def contexts_of(values: list[Payload]) -> set[str]:
    """The contexts of meter values."""
    return {sample.get("context", "Sample.Periodic") for one in values for sample in one["sampledValue"]}


@case("TC_J_03_CS", AlignedDataCtrlr__TxEndedInterval=str(INTERVAL_S), SampledDataCtrlr__TxEndedMeasurands="")
async def by_the_clock_in_the_end(t: Trial) -> None:
    """What the clock had measured in a transaction is told in its last event, and nothing else is."""
    await t.configure_if_possible("AlignedDataCtrlr.SendDuringIdle", "false")
    if not await measurands(t, "AlignedDataCtrlr.TxEndedMeasurands"):
        await t.configure("AlignedDataCtrlr.TxEndedMeasurands", REGISTER)
    wanted = await measurands(t, "AlignedDataCtrlr.TxEndedMeasurands")
    first, last = await driven(t)
    moments = by_moment(last)
    for values in moments.values():
        values_in(t, values, wanted, "Sample.Clock", "the last event", "J01.FR.06")
    evenly(t, moments, "meter values of the last event", "E06.FR.11")
    begin, end = (calendar.parse(event["timestamp"]) or 0 for event in (first, last))
    times = [calendar.parse(one) or 0 for one in moments]
    what = "timestamp of a meter value of the last event"
    t.true(times[0] >= begin - SLACK_US, what, f"not before {first['timestamp']}", next(iter(moments)), "E06.FR.11")
    t.true(times[-1] <= end, what, f"not after {last['timestamp']}", list(moments)[-1], "E06.FR.11")
    # As many as the clock has intervals between the two, or one more or less where the ends are near one.
    due = (end - begin) // (INTERVAL_S * 1_000_000)
    t.true(abs(len(times) - due) <= 1, "number of moments in the last event", f"about {due}", len(times), "E06.FR.11")


@case("TC_J_10_CS", SampledDataCtrlr__TxEndedInterval=str(INTERVAL_S), AlignedDataCtrlr__TxEndedMeasurands="")
async def sampled_in_the_end(t: Trial) -> None:
    """What was sampled in a transaction is told in its last event, and so is what was measured when it ended."""
    wanted = await measurands(t, "SampledDataCtrlr.TxEndedMeasurands")
    _, last = await driven(t)
    moments = by_moment(last)
    t.equal(contexts_of(next(iter(moments.values()))), {"Sample.Periodic"}, "context of the first values of the last event", "J02.FR.04")
    periodic: list[str] = []
    ends = 0
    for timestamp, values in moments.items():
        contexts = contexts_of(values)
        t.true(
            contexts <= {"Sample.Periodic", "Transaction.End"},
            "context of the last event",
            "Sample.Periodic or Transaction.End",
            contexts,
            "J02.FR.04",
        )
        for context in sorted(contexts):
            of_it = [{**one, "sampledValue": [s for s in one["sampledValue"] if s.get("context", "Sample.Periodic") == context]} for one in values]
            values_in(t, of_it, wanted, context, "the last event", "E06.FR.11")
        ends += "Transaction.End" in contexts
        periodic += [timestamp] if "Sample.Periodic" in contexts else []
    t.equal(ends, 1, "number of moments with context Transaction.End in the last event", "E06.FR.11")
    evenly(t, periodic, "samples of the last event", "J02.FR.03")


def of_evse(evse_id: int) -> Where:
    """Whether a payload is of that EVSE."""
    return lambda p: bool(p["evseId"] == evse_id)


async def aligned(t: Trial, wanted: set[str], count: int, *evse_ids: int) -> None:
    """MeterValues of each EVSE, or of *evse_ids*, at *count* moments, which are as far from each other as configured.

    What is measured at one moment may come in several messages.
    """
    for evse_id in evse_ids or tuple(n for n, _ in t.settings.evses):
        what = f"MeterValuesRequest of EVSE {evse_id}"
        here = of_evse(evse_id)
        moments: set[str] = set()
        end_ms = t.bench.now_ms + (count + 2) * INTERVAL_S * 1000
        while len(moments) < count:
            t.true(t.bench.now_ms <= end_ms, f"timestamps of {what}", f"another one every {INTERVAL_S} s", sorted(moments), "J01.FR.14")
            told = await t.expect("MeterValues", here, within_s=2 * INTERVAL_S + 5, requirement="J01.FR.14")
            moment = values_in(t, told["meterValue"], wanted, "Sample.Clock", what, "J01.FR.06")
            moments.add(moment)
        evenly(t, moments, what, "J01.FR.14")


@case(
    "TC_J_01_CS",
    "J01.FR.01",
    "J01.FR.02",
    "J01.FR.03",
    "J01.FR.06",
    "J01.FR.07",
    "J01.FR.08",
    "J01.FR.14",
    "J01.FR.15",
    AlignedDataCtrlr__Interval=str(INTERVAL_S),
)
async def by_the_clock(t: Trial) -> None:
    """Nobody charges: every EVSE is measured at each interval of the clock."""
    wanted = await measurands(t, "AlignedDataCtrlr.Measurands")
    await aligned(t, wanted, 3)


@case(
    "TC_J_02_CS",
    "J01.FR.01",
    "J01.FR.02",
    "J01.FR.03",
    "J01.FR.06",
    "J01.FR.07",
    "J01.FR.08",
    "J01.FR.14",
    "J01.FR.15",
    AlignedDataCtrlr__Interval=str(INTERVAL_S),
)
async def by_the_clock_while_charging(t: Trial) -> None:
    """Somebody charges: the EVSE in use is measured in events of its transaction, every other one in MeterValues."""
    await t.configure_if_possible("AlignedDataCtrlr.SendDuringIdle", "false")
    await t.configure_if_possible("SampledDataCtrlr.RegisterValuesWithoutPhases", "false")
    wanted = await measurands(t, "AlignedDataCtrlr.Measurands")
    transaction = (await states.charging(t))["transactionInfo"]["transactionId"]
    mark = len(t.heard)
    await t.wait(3 * INTERVAL_S + 2)
    here, told = of_evse(t.settings.evse_id), t.heard[mark:]
    clocked = [p for p in states.events(told, transaction) if p["triggerReason"] == "MeterValueClock"]
    metered = [one.payload for one in told if one.action == "MeterValues" and here(one.payload)]
    # A station may use either message for the EVSE in use (J01.FR.22).
    t.true(bool(clocked or metered), f"meter values of EVSE {t.settings.evse_id}", f"some every {INTERVAL_S} s", "none", "J01.FR.22")
    for payloads, what in ((clocked, "TransactionEventRequest MeterValueClock"), (metered, "MeterValuesRequest of the EVSE in use")):
        moments = [values_in(t, payload.get("meterValue", []), wanted, "Sample.Clock", what, "J01.FR.06") for payload in payloads]
        if moments:
            evenly(t, moments, what, "J01.FR.22")
    for other in [evse_id for evse_id, _ in t.settings.evses if evse_id != t.settings.evse_id]:
        await aligned(t, wanted, 2, other)


@case("TC_J_06_CS", "J01.FR.19", "J01.FR.20", AlignedDataCtrlr__Interval=str(INTERVAL_S), AlignedDataCtrlr__SendDuringIdle="true")
async def by_the_clock_while_idle(t: Trial) -> None:
    """A station that measures by the clock while it is idle stops when somebody charges, and goes on afterwards."""
    # What is sampled in transactions for other reasons has no place in this case.
    await t.configure_if_possible("SampledDataCtrlr.TxUpdatedInterval", "0")
    wanted = await measurands(t, "AlignedDataCtrlr.Measurands")
    await aligned(t, wanted, 2)
    transaction = (await states.charging(t))["transactionInfo"]["transactionId"]
    # What was measured just before is on its way.
    await t.wait(1)
    t.forget("MeterValues")
    mark = len(t.heard)
    await t.wait(INTERVAL_S + 5)
    metered = [one.payload for one in t.heard[mark:] if one.action == "MeterValues"]
    metered += [p for p in states.events(t.heard[mark:], transaction) if p.get("meterValue")]
    t.equal(metered, [], "meter values while somebody charges", "J01.FR.20")
    await states.stop_authorized(t)
    await states.ev_disconnected(t)
    t.forget("MeterValues")
    await aligned(t, wanted, 2)


async def begun(t: Trial, event: Payload) -> None:
    """The event has what is to be measured when a transaction begins."""
    wanted = await measurands(t, "SampledDataCtrlr.TxStartedMeasurands")
    values_in(t, event.get("meterValue", []), wanted, "Transaction.Begin", "the first event with an EVSE", "J02.FR.02")


@case(
    "TC_J_07_CS",
    "J02.FR.01",
    "J02.FR.02",
    "J02.FR.03",
    "J02.FR.04",
    "J02.FR.10",
    "E01.FR.09",
    "E02.FR.09",
    TxCtrlr__TxStartPoint="EVConnected",
)
async def sampled_at_the_start(t: Trial) -> None:
    """A transaction that begins at a known EVSE begins with what is configured to be measured then."""
    await states.ev_connected(t)
    await states.charging(t)
    started = [p for p in states.events(t.heard) if p["eventType"] == "Started"]
    t.equal(len(started), 1, "number of transactions", "E01.FR.09")
    await begun(t, started[0])


@case(
    "TC_J_08_CS",
    "J02.FR.01",
    "J02.FR.02",
    "J02.FR.03",
    "J02.FR.04",
    "J02.FR.10",
    "E01.FR.16",
    "E01.FR.17",
    "E03.FR.11",
    TxCtrlr__TxStartPoint="Authorized",
)
async def sampled_once_the_evse_is_known(t: Trial) -> None:
    """A transaction that begins without an EVSE has what is measured at the start in the first event that names one."""
    await states.authorized(t)
    await states.charging(t)
    named = [p for p in states.events(t.heard) if "evse" in p]
    t.true(bool(named), "TransactionEventRequest with an EVSE", "one", "none", "E01.FR.16")
    await begun(t, named[0])


@case(
    "TC_J_09_CS",
    "J02.FR.01",
    "J02.FR.02",
    "J02.FR.03",
    "J02.FR.04",
    "J02.FR.10",
    "J02.FR.11",
    "J02.FR.14",
    "E02.FR.10",
    "E02.FR.11",
    SampledDataCtrlr__TxUpdatedInterval=str(INTERVAL_S),
)
async def sampled_meanwhile(t: Trial) -> None:
    """A transaction is measured at the interval that is configured."""
    wanted = await measurands(t, "SampledDataCtrlr.TxUpdatedMeasurands")
    transaction = (await states.charging(t))["transactionInfo"]["transactionId"]
    moments = []
    for _ in range(3):
        event = await t.event(
            transactionId=transaction, triggerReason="MeterValuePeriodic", within_s=2 * INTERVAL_S + 5, requirement="J02.FR.11"
        )  # fmt: skip
        t.equal(event["eventType"], "Updated", "eventType of MeterValuePeriodic", "E02.FR.10")
        moments.append(
            values_in(t, event.get("meterValue", []), wanted, "Sample.Periodic", "TransactionEventRequest MeterValuePeriodic", "J02.FR.03")
        )
    evenly(t, moments, "TransactionEventRequests MeterValuePeriodic", "J02.FR.11")
