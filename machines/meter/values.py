"""A reading in OCPP's words.

Law: values are as the meter gave them: whole Wh, W, mA and mV turned into Wh, W, A and V without rounding.
"""

from __future__ import annotations

from typing import Any

from engine.machine import Context, Station
from machines.clock.views import wall
from machines.device_model.views import Variable
from machines.flags import TOLD_AS_CERTIFIED
from machines.meter.facts import MeterRead
from machines.meter.state import METERS
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


def meter_value(station: Station, cx: Context, evse_id: int, measurands: tuple[str, ...], context: str) -> list[dict[str, Any]]:
    """The ``meterValue`` of a message: one element, or none where the meter has nothing that was asked for.

    By the clock: while nothing flows a register stands still, and meters may be silent: what was read last holds now, and has now's timestamp
    (J01.FR.14).  A voltage is only known of when it was read.
    """
    reading = station[METERS].readings.get(evse_id)
    if reading is None:
        return []
    return element(reading, measurands, context, moment(station, cx, reading, measurands, context))


def moment(station: Station, cx: Context, reading: MeterRead, measurands: tuple[str, ...], context: str) -> int:
    """Of when a reading tells, in microseconds since 1970: by the clock of now, where it still holds; else of when it was read."""
    holds = context == CLOCK and reading.power_w <= 0 and TOLD_AS_CERTIFIED.is_set(cx) and "Voltage" not in measurands
    return wall(station, cx.at) if holds else reading.wall_us or wall(station, reading.at_us)


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
