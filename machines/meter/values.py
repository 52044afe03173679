"""A reading in OCPP's words.

Law: values are as the meter gave them: whole Wh, W, mA and mV turned into Wh, W, A and V without rounding.
"""

from __future__ import annotations

from typing import Any

from engine.event import replace
from engine.machine import Context, Station
from machines.clock.views import wall
from machines.device_model.views import Variable
from machines.meter.facts import MeterRead, ReadingDue
from machines.meter.state import METERS
from machines.session.state import SESSIONS
from wire import calendar

STARTED = Variable("SampledDataCtrlr", "TxStartedMeasurands", "Energy.Active.Import.Register")
UPDATED = Variable("SampledDataCtrlr", "TxUpdatedMeasurands", "Energy.Active.Import.Register")
ENDED = Variable("SampledDataCtrlr", "TxEndedMeasurands", "Energy.Active.Import.Register")
ALIGNED = Variable("AlignedDataCtrlr", "Measurands", "Energy.Active.Import.Register")
SAMPLED_ENABLED = Variable("SampledDataCtrlr", "Enabled", "true")

BEGIN, END, PERIODIC, CLOCK = "Transaction.Begin", "Transaction.End", "Sample.Periodic", "Sample.Clock"


def exact(milli: int) -> int | float:
    """Thousandths as a JSON number: whole where it is whole."""
    return milli // 1000 if milli % 1000 == 0 else milli / 1000


FRESH_US = 1_100_000
"""A reading that is not older than this is one of now: meters tell once a second while energy flows."""

ON_TIME_US = 100_000
"""A clock-aligned value is of the time that the clock asks for, and not of a second before it."""


def is_fresh(station: Station, cx: Context, evse_id: int, age_us: int = FRESH_US) -> bool:
    """Whether the meter of an EVSE was read just now, at most *age_us* ago."""
    reading = station[METERS].readings.get(evse_id)
    return reading is not None and cx.at - reading.at_us <= age_us


READ_LIMIT_US = 2_000_000
"""How long a value that is due waits for its meter to be read."""


def reading_due(cx: Context, evse_id: int, context: str) -> ReadingDue:
    """Return the fact that a value is to be reported as soon as the meter of an EVSE was read."""
    return ReadingDue(evse_id=evse_id, context=context, give_up_at_us=cx.at + READ_LIMIT_US)


def reading_of_now(station: Station, cx: Context, evse_id: int) -> tuple[MeterRead, int] | None:
    """Return the reading that counts now, and of when it is in microseconds since 1970; None before the meter was read.

    While the contactor is open the register stands still and nothing flows, so that an old reading says what holds now (J01.FR.14); the voltage is
    only known of when it was read.  A meter that gives its own time is reported with it.
    """
    reading = station[METERS].readings.get(evse_id)
    if reading is None:
        return None
    if reading.wall_us:
        return reading, reading.wall_us
    if is_fresh(station, cx, evse_id) or station[SESSIONS].at(evse_id).contactor:
        return reading, wall(station, reading.at_us)
    at_rest = replace(reading, power_w=min(reading.power_w, 0), current_ma=(0,) * len(reading.current_ma), voltage_mv=())
    return at_rest, wall(station, cx.at)


def meter_value(station: Station, cx: Context, evse_id: int, measurands: tuple[str, ...], context: str) -> list[dict[str, Any]]:
    """Return the ``meterValue`` of a message: one element, or none where the meter has nothing that was asked for."""
    found = reading_of_now(station, cx, evse_id)
    return element(found[0], measurands, context, found[1]) if found is not None else []


def element(reading: MeterRead, measurands: tuple[str, ...], context: str, when_us: int) -> list[dict[str, Any]]:
    """A reading as one element of a ``meterValue``; none where nothing of what is wanted was measured."""
    values = [value for measurand in measurands for value in sampled(reading, measurand, context)]
    return [{"timestamp": calendar.text(when_us), "sampledValue": values}] if values else []


def sampled(reading: MeterRead, measurand: str, context: str) -> list[dict[str, Any]]:
    """One measurand of a reading; empty where this meter does not measure it."""
    match measurand:
        case "Energy.Active.Import.Register":
            return [_value(reading.energy_wh, measurand, context, "Wh", location="Outlet")]
        case "Power.Active.Import" if reading.power_w >= 0:
            return [_value(reading.power_w, measurand, context, "W", location="Outlet")]
        case "Current.Import":
            return [_value(exact(ma), measurand, context, "A", phase=f"L{n}", location="Outlet") for n, ma in enumerate(reading.current_ma, 1)]
        case "Voltage":
            return [_value(exact(mv), measurand, context, "V", phase=f"L{n}-N", location="Outlet") for n, mv in enumerate(reading.voltage_mv, 1)]
        case _:
            return []


def _value(value: float, measurand: str, context: str, unit: str, *, location: str, phase: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"value": value, "context": context, "measurand": measurand}
    if phase:
        found["phase"] = phase
    found["location"] = location
    found["unitOfMeasure"] = {"unit": unit}
    return found
