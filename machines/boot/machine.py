"""BootNotification: sent when the first link after a start is open, and again as often as the CSMS wants.

Law: never earlier than the interval that the CSMS gave (B02.FR.04); where it gave none, not fast enough to flood it (B02.FR.07, B03.FR.05).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.kernel import FaultCleared, Woke
from engine.luck import draw
from engine.machine import Conclusions, Context, Machine, Station
from machines.boot.facts import BootAccepted, BootAsked, BootFailed, BootPending, BootRejected, OrderlyStop, Rebooted
from machines.boot.state import BOOT, FOLDS, Boot, Phase
from machines.connection.facts import Opened
from machines.device_model.facts import VariableSet
from machines.device_model.views import Variable
from machines.inputs import Started, Stopping
from machines.outbound.asks import ask
from machines.outbound.facts import Delivered, Dropped
from wire import jsontext

OWN_INTERVAL_US = 60_000_000
"""How long to wait where the CSMS gave no interval, and a random part as long again."""

HEARTBEAT_INTERVAL_S = Variable("OCPPCommCtrlr", "HeartbeatInterval", "300")

ABOUT = (
    # member, longest, and where it may stand: libocpp's component files have these in InternalCtrlr
    ("model", 20, (Variable("ChargingStation", "Model", ""), Variable("InternalCtrlr", "ChargePointModel", "stationd"))),
    ("vendorName", 50, (Variable("ChargingStation", "VendorName", ""), Variable("InternalCtrlr", "ChargePointVendor", "stationd"))),
    ("serialNumber", 25, (Variable("ChargingStation", "SerialNumber", ""), Variable("InternalCtrlr", "ChargeBoxSerialNumber", ""))),
    ("firmwareVersion", 50, (Variable("ChargingStation", "FirmwareVersion", ""), Variable("InternalCtrlr", "FirmwareVersion", ""))),
)


def on_start(station: Station, started: Started, cx: Context) -> Conclusions:  # noqa: ARG001
    """A process started; a reboot clears the faults of EVSEs."""
    yield Rebooted(journal=started.journal, build=started.build, orderly=station[BOOT].orderly)
    yield FaultCleared()


def on_stop(station: Station, stopping: Stopping, cx: Context) -> Conclusions:  # noqa: ARG001
    """Remember that this end was no accident."""
    yield OrderlyStop(reason=stopping.reason)


def introduce(station: Station, cx: Context, reason: str) -> Conclusions:
    """Ask to be accepted (B01.FR.01, B01.FR.09)."""
    about: dict[str, Any] = {}
    for member, longest, variables in ABOUT:
        text = next((found for found in (variable.text(station) for variable in variables) if found), "")
        if text:
            about[member] = text[:longest]
    queued = ask(station, cx, "BootNotification", {"chargingStation": about, "reason": reason})
    yield BootAsked(entry=queued.entry, reason=reason)
    yield queued


def on_link(station: Station, opened: Opened, cx: Context) -> Conclusions:  # noqa: ARG001
    """B01.FR.01: the first link after a start.  A link that comes back later needs no introduction, unless the wait is over."""
    boot = station[BOOT]
    if boot.phase is Phase.SILENT or (boot.retry_at_us is not None and cx.at >= boot.retry_at_us):
        yield from introduce(station, cx, boot.reason)


def on_deadline(station: Station, event: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """The CSMS's interval is over."""
    yield from introduce(station, cx, station[BOOT].reason)


def on_answer(station: Station, answer: Delivered, cx: Context) -> Conclusions:
    """Accepted, Pending or Rejected."""
    boot = station[BOOT]
    if answer.entry != boot.entry or boot.phase is not Phase.ASKING:
        return
    payload: dict[str, Any] = jsontext.decode(answer.payload)
    interval_s = max(int(payload["interval"]), 0)
    retry_at = cx.at + (interval_s * 1_000_000 or OWN_INTERVAL_US + draw(cx.luck, "boot", OWN_INTERVAL_US))
    match payload["status"]:
        case "Accepted":
            yield BootAccepted(interval_s=interval_s)
            if interval_s:
                # B01.FR.04: the answer's interval is the heartbeat interval from now on.
                yield VariableSet(
                    component=HEARTBEAT_INTERVAL_S.component,
                    variable=HEARTBEAT_INTERVAL_S.name,
                    value=str(interval_s),
                    source="csms",
                    old=HEARTBEAT_INTERVAL_S.text(station),
                    cause="BootNotification",
                )
        case "Pending":
            yield BootPending(retry_at_us=retry_at)
        case _:
            yield BootRejected(retry_at_us=retry_at)


def on_drop(station: Station, dropped: Dropped, cx: Context) -> Conclusions:
    """No answer, an error, or the link went: SILENT again; a link that comes back asks at once, an open one after a while."""
    boot = station[BOOT]
    if dropped.entry == boot.entry and boot.phase is Phase.ASKING:
        yield BootFailed(reason=dropped.reason, retry_at_us=cx.at + OWN_INTERVAL_US + draw(cx.luck, "boot", OWN_INTERVAL_US))


def deadlines(boot: Boot) -> Iterator[tuple[int, str]]:
    """The next BootNotification."""
    if boot.retry_at_us is not None:
        yield boot.retry_at_us, "ask again"


MACHINE = Machine(
    BOOT,
    folds=FOLDS,
    hears={
        Started: on_start,
        Stopping: on_stop,
        Opened: on_link,
        Woke: on_deadline,
        (Delivered, "BootNotification"): on_answer,
        (Dropped, "BootNotification"): on_drop,
    },
    deadlines=deadlines,
)
