"""Block J, meter values: by the clock, at the start of a transaction, and meanwhile."""

from __future__ import annotations

from itertools import pairwise

from conformance import states
from conformance.case import case
from conformance.trial import Payload, Trial, Where
from wire import calendar

REGISTER = "Energy.Active.Import.Register"
"""What a sampled value without a measurand is of."""

SLACK_US = 1_500_000
"""How far a moment may be from where it has to be: many meters are read once a second."""

MOMENTS = 3
"""So many are looked at."""

DAY_US = 86_400_000_000

CLOCK, PERIODIC, BEGIN, END = "Sample.Clock", "Sample.Periodic", "Transaction.Begin", "Transaction.End"


async def measurands(t: Trial, address: str) -> set[str]:
    """What is configured to be measured."""
    return {member.strip() for member in (await t.get(address)).split(",") if member.strip()}


async def every(t: Trial, address: str) -> None:
    """An interval is as long as the cases have it."""
    await t.configure(address, str(t.settings.meter_interval_s))


class Readings:
    """What one meter told: moment by moment, each of which may take several messages (J01.FR.15, J02.FR.04)."""

    def __init__(self, t: Trial, wanted: set[str], context: str, what: str, requirement: str) -> None:
        self._t = t
        self._wanted = wanted
        self._context = context
        self._what = what
        self._requirement = requirement
        self.lacks: dict[str, set[str]] = {}
        """Moment -> the measurands that were not told of it."""

    def add(self, meter_values: list[Payload]) -> None:
        """A message: it has values, of one moment and the right context, none from the vehicle but its state of charge."""
        t, what, requirement = self._t, self._what, self._requirement
        t.true(bool(meter_values), f"meterValue of {what}", "there", "absent", requirement)
        moments = sorted({one["timestamp"] for one in meter_values})
        t.equal(len(moments), 1, f"number of timestamps in {what}", requirement)
        lacking = self.lacks.setdefault(moments[0], set(self._wanted))
        for sample in [sample for one in meter_values for sample in one["sampledValue"]]:
            t.equal(sample.get("context", PERIODIC), self._context, f"context of {what}", requirement)
            if sample.get("measurand", REGISTER) != "SoC":
                t.true(sample.get("location", "Outlet") != "EV", f"location of {what}", "anything but EV", "EV", requirement)
            lacking.discard(sample.get("measurand", REGISTER))
        for moment in list(self.lacks)[:-1]:
            # What is told of a moment comes before what is told of the next one.
            self._is_whole(moment)

    @property
    def whole(self) -> int:
        """Moments of which everything was told."""
        return sum(not lacking for lacking in self.lacks.values())

    def _is_whole(self, moment: str) -> None:
        self._t.equal(sorted(self.lacks[moment]), [], f"measurands that {self._what} lacks", self._requirement)

    def are_whole(self) -> None:
        """Nothing is lacking."""
        for moment in self.lacks:
            self._is_whole(moment)

    def come_evenly(self, requirement: str) -> None:
        """The moments are as far from each other as configured; those of the clock are multiples of that since midnight."""
        interval_us = self._t.settings.meter_interval_s * 1_000_000
        times = sorted(found for found in map(calendar.parse, self.lacks) if found is not None)
        told = f"{interval_us / 1e6:g} s"
        self._t.true(len(times) > 1, f"timestamps of {self._what}", f"another one every {told}", sorted(self.lacks), requirement)
        for one, two in pairwise(times):
            apart = f"{(two - one) / 1e6:.3f} s"
            self._t.true(abs(two - one - interval_us) <= SLACK_US, f"time between {self._what}", told, apart, requirement)
        for time in times if self._context == CLOCK else ():
            off = (time % DAY_US) % interval_us
            self._t.true(
                min(off, interval_us - off) <= SLACK_US,
                f"timestamp of {self._what}",
                f"a multiple of {told} since midnight",
                calendar.text(time),
                requirement,
            )


async def driven(t: Trial) -> tuple[Payload, Payload]:
    """A transaction from its first event to its last, which are returned, with time for two measurements meanwhile; the vehicle has left."""
    transaction = (await states.charging(t))["transactionInfo"]["transactionId"]
    await t.wait(3 * t.settings.meter_interval_s + 1)
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
    return {sample.get("context", PERIODIC) for one in values for sample in one["sampledValue"]}


@case("TC_J_03_CS", SampledDataCtrlr__TxEndedMeasurands="")
async def by_the_clock_in_the_end(t: Trial) -> None:
    """What the clock had measured in a transaction is told in its last event, and nothing else is."""
    await every(t, "AlignedDataCtrlr.TxEndedInterval")
    await t.configure_if_possible("AlignedDataCtrlr.SendDuringIdle", "false")
    if not await measurands(t, "AlignedDataCtrlr.TxEndedMeasurands"):
        await t.configure("AlignedDataCtrlr.TxEndedMeasurands", REGISTER)
    wanted = await measurands(t, "AlignedDataCtrlr.TxEndedMeasurands")
    first, last = await driven(t)
    readings = Readings(t, wanted, CLOCK, "the last event", "E06.FR.11")
    moments = by_moment(last)
    for values in moments.values():
        readings.add(values)
    readings.are_whole()
    readings.come_evenly("E06.FR.11")
    begin, end = (calendar.parse(event["timestamp"]) or 0 for event in (first, last))
    times = [calendar.parse(one) or 0 for one in moments]
    what = "timestamp of a meter value of the last event"
    t.true(times[0] >= begin - SLACK_US, what, f"not before {first['timestamp']}", next(iter(moments)), "E06.FR.11")
    t.true(times[-1] <= end, what, f"not after {last['timestamp']}", list(moments)[-1], "E06.FR.11")
    # As many as the clock has intervals between the two, or one more or less where the ends are near one.
    due = (end - begin) // (t.settings.meter_interval_s * 1_000_000)
    t.true(abs(len(times) - due) <= 1, "number of moments in the last event", f"about {due}", len(times), "E06.FR.11")


@case("TC_J_10_CS", AlignedDataCtrlr__TxEndedMeasurands="")
async def sampled_in_the_end(t: Trial) -> None:
    """What was sampled in a transaction is told in its last event, and so is what was measured when it ended."""
    await every(t, "SampledDataCtrlr.TxEndedInterval")
    wanted = await measurands(t, "SampledDataCtrlr.TxEndedMeasurands")
    _, last = await driven(t)
    moments = by_moment(last)
    t.equal(contexts_of(next(iter(moments.values()))), {PERIODIC}, "context of the first values of the last event", "J02.FR.04")
    found = {context: Readings(t, wanted, context, "the last event", "E06.FR.11") for context in (PERIODIC, END)}
    for values in moments.values():
        contexts = contexts_of(values)
        t.true(contexts <= found.keys(), "context of the last event", f"{PERIODIC} or {END}", contexts, "J02.FR.04")
        for context in contexts:
            found[context].add([{**one, "sampledValue": [s for s in one["sampledValue"] if s.get("context", PERIODIC) == context]} for one in values])
    for readings in found.values():
        readings.are_whole()
    t.equal(len(found[END].lacks), 1, f"number of moments with context {END} in the last event", "E06.FR.11")
    found[PERIODIC].come_evenly("J02.FR.03")


def of_evse(evse_id: int) -> Where:
    """Whether a payload is of that EVSE."""
    return lambda p: bool(p["evseId"] == evse_id)


async def aligned(t: Trial, wanted: set[str], count: int, *evse_ids: int) -> None:
    """MeterValues of each EVSE, or of *evse_ids*, at *count* moments of the clock; and of the main meter, where the station has one."""
    for evse_id in evse_ids or tuple(n for n, _ in t.settings.evses):
        what = f"MeterValuesRequest of EVSE {evse_id}"
        readings = Readings(t, wanted, CLOCK, what, "J01.FR.14")
        end_ms = t.bench.now_ms + (count + 2) * t.settings.meter_interval_s * 1000
        while readings.whole < count:
            t.true(t.bench.now_ms <= end_ms, f"timestamps of {what}", "another one at each interval", sorted(readings.lacks), "J01.FR.14")
            told = await t.expect("MeterValues", of_evse(evse_id), within_s=2 * t.settings.meter_interval_s + 5, requirement="J01.FR.14")
            readings.add(told["meterValue"])
            if len(readings.lacks) > 1:
                readings.come_evenly("J01.FR.14")
    # The main meter need not measure all that the others do (J01.FR.03).
    main = Readings(t, set(), CLOCK, "MeterValuesRequest of the main meter", "J01.FR.03")
    for one in [one for one in t.inbox if one.action == "MeterValues" and one.payload["evseId"] == 0]:
        main.add(one.payload["meterValue"])
        t.inbox.remove(one)
    if len(main.lacks) > 1:
        main.come_evenly("J01.FR.03")


@case("TC_J_01_CS")
async def by_the_clock(t: Trial) -> None:
    """Nobody charges: every EVSE is measured at each interval of the clock."""
    await every(t, "AlignedDataCtrlr.Interval")
    wanted = await measurands(t, "AlignedDataCtrlr.Measurands")
    await aligned(t, wanted, MOMENTS)


@case("TC_J_02_CS")
async def by_the_clock_while_charging(t: Trial) -> None:
    """Somebody charges: the EVSE in use is measured in events of its transaction, every other one in MeterValues."""
    await every(t, "AlignedDataCtrlr.Interval")
    await t.configure_if_possible("AlignedDataCtrlr.SendDuringIdle", "false")
    await t.configure_if_possible("SampledDataCtrlr.RegisterValuesWithoutPhases", "false")
    wanted = await measurands(t, "AlignedDataCtrlr.Measurands")
    transaction = (await states.charging(t))["transactionInfo"]["transactionId"]
    mark = len(t.heard)
    await t.wait(3 * t.settings.meter_interval_s + 2)
    here, told = of_evse(t.settings.evse_id), t.heard[mark:]
    clocked = [p for p in states.events(told, transaction) if p["triggerReason"] == "MeterValueClock"]
    metered = [one.payload for one in told if one.action == "MeterValues" and here(one.payload)]
    # A station may use either message for the EVSE in use (J01.FR.22).
    t.true(bool(clocked or metered), f"meter values of EVSE {t.settings.evse_id}", "some at each interval", "none", "J01.FR.22")
    for payloads, what in ((clocked, "TransactionEventRequest MeterValueClock"), (metered, "MeterValuesRequest of the EVSE in use")):
        readings = Readings(t, wanted, CLOCK, what, "J01.FR.22")
        for payload in payloads:
            readings.add(payload.get("meterValue", []))
        if payloads:
            readings.come_evenly("J01.FR.22")
    for other in [evse_id for evse_id, _ in t.settings.evses if evse_id != t.settings.evse_id]:
        await aligned(t, wanted, 2, other)


@case("TC_J_06_CS", "J01.FR.19", "J01.FR.20", AlignedDataCtrlr__SendDuringIdle="true")
async def by_the_clock_while_idle(t: Trial) -> None:
    """A station that measures by the clock while it is idle stops when somebody charges, and goes on afterwards."""
    await every(t, "AlignedDataCtrlr.Interval")
    # What is sampled in transactions for other reasons has no place in this case.
    await t.configure_if_possible("SampledDataCtrlr.TxUpdatedInterval", "0")
    wanted = await measurands(t, "AlignedDataCtrlr.Measurands")
    await aligned(t, wanted, 2)
    transaction = (await states.charging(t))["transactionInfo"]["transactionId"]
    # What was measured just before is on its way.
    await t.wait(1)
    mark = len(t.heard)
    await t.wait(t.settings.meter_interval_s + 5)
    metered = [one.payload for one in t.heard[mark:] if one.action == "MeterValues"]
    metered += [p for p in states.events(t.heard[mark:], transaction) if p.get("meterValue")]
    t.equal(metered, [], "meter values while somebody charges", "J01.FR.20")
    await states.stop_authorized(t)
    await states.ev_connected_after(t)
    await states.ev_disconnected(t)
    t.forget("MeterValues")
    await aligned(t, wanted, 2)


async def begun(t: Trial, event: Payload) -> None:
    """The event has what is to be measured when a transaction begins."""
    wanted = await measurands(t, "SampledDataCtrlr.TxStartedMeasurands")
    readings = Readings(t, wanted, BEGIN, "the first event with an EVSE", "J02.FR.02")
    readings.add(event.get("meterValue", []))
    readings.are_whole()


@case("TC_J_07_CS", "J02.FR.01", "J02.FR.02", "J02.FR.03", "J02.FR.04", "J02.FR.10", "E01.FR.09", "E02.FR.09")
async def sampled_at_the_start(t: Trial) -> None:
    """A transaction that begins at a known EVSE begins with what is configured to be measured then."""
    points = "EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer", "DataSigned"
    await states.start_point(t, *points, without=("ParkingBayOccupancy",))
    await states.ev_connected(t)
    await states.charging(t)
    started = [p for p in states.events(t.heard) if p["eventType"] == "Started"]
    t.equal(len({p["transactionInfo"]["transactionId"] for p in started}), 1, "number of transactions", "E01.FR.09")
    await begun(t, started[0])


@case("TC_J_08_CS", "J02.FR.01", "J02.FR.02", "J02.FR.03", "J02.FR.04", "J02.FR.10", "E01.FR.16", "E01.FR.17", "E03.FR.11")
async def sampled_once_the_evse_is_known(t: Trial) -> None:
    """A transaction that begins without an EVSE has what is measured at the start in the first event that names one."""
    await states.start_point(t, "Authorized", "ParkingBayOccupancy")
    await states.authorized(t)
    await states.charging(t)
    named = [p for p in states.events(t.heard) if "evse" in p]
    # Where the reader is an EVSE's, or the station chooses one at once, that is the first event of all.
    t.true(bool(named), "TransactionEventRequest with an EVSE", "one", "none", "E01.FR.16")
    await begun(t, min(named, key=lambda p: int(p["seqNo"])))


@case("TC_J_09_CS", "J02.FR.01", "J02.FR.02", "J02.FR.03", "J02.FR.04", "J02.FR.10", "J02.FR.11", "J02.FR.14", "E02.FR.10", "E02.FR.11")
async def sampled_meanwhile(t: Trial) -> None:
    """A transaction is measured at the interval that is configured."""
    await every(t, "SampledDataCtrlr.TxUpdatedInterval")
    wanted = await measurands(t, "SampledDataCtrlr.TxUpdatedMeasurands")
    transaction = (await states.charging(t))["transactionInfo"]["transactionId"]
    interval_s = t.settings.meter_interval_s
    what = "TransactionEventRequest MeterValuePeriodic"
    readings = Readings(t, wanted, PERIODIC, what, "J02.FR.03")
    end_ms = t.bench.now_ms + 5 * interval_s * 1000
    while readings.whole < MOMENTS:
        t.true(t.bench.now_ms <= end_ms, f"timestamps of {what}", "another one at each interval", sorted(readings.lacks), "J02.FR.11")
        event = await t.event(transactionId=transaction, triggerReason="MeterValuePeriodic", within_s=2 * interval_s + 5, requirement="J02.FR.11")
        t.equal(event["eventType"], "Updated", "eventType of MeterValuePeriodic", "E02.FR.10")
        readings.add(event.get("meterValue", []))
        if len(readings.lacks) > 1:
            readings.come_evenly("J02.FR.11")
