"""B07 Get Base Report, B08 Get Custom Report.

Law: a report is made in one turn, of the station as it was then, and queued whole: its parts wait for the link like transaction events do, so a
report that was accepted is told to its end, in order, whatever happens to the link.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.machine import Conclusions, Context, Machine, Part, State, Station, state
from machines.clock.views import timestamp
from machines.device_model.machine import too_much
from machines.device_model.views import Variable
from machines.inputs import Called
from machines.outbound.asks import ask
from machines.outbound.state import OUTBOUND
from machines.protocol.serve import reply, served
from machines.report.inventory import Wanted, base, chosen, entries
from machines.storage.state import full
from wire import jsontext

ITEMS = Variable("DeviceDataCtrlr", "ItemsPerMessage", "64", "GetReport")
BYTES = Variable("DeviceDataCtrlr", "BytesPerMessage", "65536", "GetReport")

PART_ITEMS, PART_BYTES = 100, 48_000
"""A part of a report holds no more, unless one entry alone is larger."""

WAITING_MOST = 200
"""Parts that wait to be sent; beyond them no other report is begun (B07.FR.13, B08.FR.16)."""


@state(390)
class Reports(State):
    """Nothing: a report is in the queue as soon as it is accepted."""


REPORTS = Part("reports", Reports)


def on_base(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:
    """B07 GetBaseReport."""
    hindrance = hindered(station, asked["requestId"])
    if hindrance is not None:
        yield reply(station, call, hindrance)
        return
    found = list(entries(station, cx, base(station, cx, asked["reportBase"])))
    yield reply(station, call, {"status": "Accepted" if found else "EmptyResultSet"})
    yield from told(station, cx, asked["requestId"], found)


def on_custom(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:
    """B08 GetReport."""
    filters = asked.get("componentVariable") or []
    refusal = too_much(station, call, len(filters), ITEMS, BYTES)
    if refusal is not None:
        # B08.FR.17, B08.FR.18.
        yield refusal
        return
    hindrance = hindered(station, asked["requestId"])
    if hindrance is not None:
        yield reply(station, call, hindrance)
        return
    wanted: Wanted = chosen(station, cx, asked.get("componentCriteria") or (), filters)
    found = list(entries(station, cx, wanted))
    # B08.FR.15
    yield reply(station, call, {"status": "Accepted" if found else "EmptyResultSet"})
    yield from told(station, cx, asked["requestId"], found)


def hindered(station: Station, request_id: int, action: str = "NotifyReport") -> dict[str, Any] | None:
    """B07.FR.13, B08.FR.16: the answer where no report whose parts are *action* can be made now; None where one can.

    While parts of a report are still to be sent, no other gets its id: a CSMS could not tell their parts apart.
    """
    out = station[OUTBOUND]
    waiting = {number: entry.payload for number, entry in out.queue.items() if entry.action == action}
    if full(station) or len(waiting) >= WAITING_MOST:
        why = {"reasonCode": "InternalError", "additionalInfo": "other reports wait to be sent, or there is no room for one"}
    elif any(payload.startswith(b'{"requestId":%d,' % request_id) and number != out.flying for number, payload in waiting.items()):
        why = {"reasonCode": "DuplicateRequestId", "additionalInfo": f"report {request_id} is still being told"}
    else:
        return None
    return {"status": "Rejected", "statusInfo": why}


def told(
    station: Station, cx: Context, request_id: int, found: list[dict[str, Any]], *, action: str = "NotifyReport", member: str = "reportData"
) -> Conclusions:
    """B07.FR.04, B07.FR.10, B08.FR.14, N02.FR.03, N02.FR.04, N02.FR.09: every part says whose it is, its place, and whether another one follows.

    The entries are the *member* of each *action*.
    """
    parts = list(split(found))
    for seq_no, part in enumerate(parts):
        payload = {
            "requestId": request_id,
            "generatedAt": timestamp(station, cx.at),
            "seqNo": seq_no,
            "tbc": seq_no + 1 < len(parts),
            member: part,
        }
        yield ask(station, cx, action, payload, place=seq_no)


def split(found: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """The entries in parts of at most PART_ITEMS and PART_BYTES."""
    part: list[dict[str, Any]] = []
    size = 0
    for entry in found:
        length = len(jsontext.encode(entry)) + 1
        if part and (len(part) == PART_ITEMS or size + length > PART_BYTES):
            yield part
            part, size = [], 0
        part.append(entry)
        size += length
    if part:
        yield part


MACHINE = Machine(REPORTS, folds={}, hears={(Called, "GetBaseReport"): served(on_base), (Called, "GetReport"): served(on_custom)})
