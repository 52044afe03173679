"""What passed in a case, as an SVG picture: station, CSMS and driver as lifelines, a message or a deed a line.

Law: self-contained: no font, script or picture from elsewhere; every text that comes from a message is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from conformance.verdict import Entry
from wire import jsontext

WIDTH, ROW, TOP = 860, 34, 52
LANES = {"driver": 110, "station": 330, "csms": 690}
NAMES = {"driver": "driver", "station": "station", "csms": "CSMS"}
TEXT_MOST = 58


def picture(trace: Sequence[Entry], turns: Sequence[int] = ()) -> str:
    """The picture of *trace*; lines that belong to one of *turns* stand out."""
    marked = {turn for turn in turns if turn >= 0}
    height = TOP + ROW * len(trace) + 24
    parts = [f'<svg class="sequence" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="message sequence">']
    for who, x in LANES.items():
        parts.append(f'<line class="life" x1="{x}" y1="36" x2="{x}" y2="{height - 8}"/>')
        parts.append(f'<rect class="head" x="{x - 48}" y="8" width="96" height="28" rx="5"/>')
        parts.append(f'<text class="who" x="{x}" y="27" text-anchor="middle">{NAMES[who]}</text>')
    for place, entry in enumerate(trace):
        parts.append(_line(entry, TOP + ROW * place + 20, entry.turn in marked))
    return "".join(parts) + "</svg>"


def _line(entry: Entry, y: int, marked: bool) -> str:  # noqa: FBT001 (it is told apart by its place)
    begin, end = _lanes(entry)
    x1, x2 = LANES[begin], LANES[end]
    tip = 8 if x2 > x1 else -8
    title = escape(jsontext.encode(entry.payload).decode())
    text = escape(_shortened(told(entry)))
    head = f"{x2},{y} {x2 - tip},{y - 4} {x2 - tip},{y + 4}"
    return (
        f'<g class="{escape(entry.kind)}{" marked" if marked else ""}"><title>{title}</title>'
        f'<line class="arrow" x1="{x1}" y1="{y}" x2="{x2 - tip // 2}" y2="{y}"/><polygon points="{head}"/>'
        f'<text class="what" x="{(x1 + x2) // 2}" y="{y - 6}" text-anchor="middle">{text}</text>'
        f'<text class="at" x="{LANES["csms"] + 16}" y="{y + 4}">+{entry.at_ms / 1000:.2f} s{f" #{entry.turn}" if entry.turn >= 0 else ""}</text></g>'
    )


def _lanes(entry: Entry) -> tuple[str, str]:
    if entry.who == "driver":
        return "driver", "station"
    return ("station", "csms") if entry.who == "station" else ("csms", "station")


def told(entry: Entry) -> str:
    """An entry in a few words: the action and what mostly tells one such message from another."""
    if entry.kind == "deed":
        return entry.name
    suffix = {"call": "", "result": " answered", "error": " refused"}.get(entry.kind, "")
    payload = entry.payload if isinstance(entry.payload, dict) else {}
    inner = payload.get("transactionInfo", {})
    values = [payload.get(name, inner.get(name) if isinstance(inner, dict) else None) for name in ("eventType", "triggerReason", "chargingState")]
    values += [payload.get(name) for name in ("status", "connectorStatus", "code", "type", "requestId")]
    said = " ".join(str(value) for value in values if value is not None and not isinstance(value, dict | list))
    return f"{entry.name}{suffix}{f': {said}' if said else ''}"


def _shortened(text: str) -> str:
    return text if len(text) <= TEXT_MOST else f"{text[: TEXT_MOST - 1]}…"
