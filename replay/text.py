"""Events as short text for a terminal.

Law: nothing that a peer sent can reach the terminal as a control character, and of a sealed text only its length and a pseudonym are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

from engine.event import Value
from engine.records import BY_CLASS
from wire import jsontext
from wire.sealed import PATTERN

PAYLOAD_CHARS = 100
"""How much of a payload is shown where not all of it was asked for."""

RAW_BYTES = 4_096
"""A payload longer than this is cut before it is looked at, where not all of it was asked for."""

PSEUDONYM_CHARS = 6

STATION_TIMES = ("at_us", "_by_us", "until_us", "due_us")
"""Endings of the names of fields that hold station time."""


def pseudonym(token: str) -> str:
    """A sealed text's short name: the first digits of its handle; any other text in short."""
    found = re.fullmatch(PATTERN, token)
    return found[1][:PSEUDONYM_CHARS] if found else clean(token)


def unsealed(text: str) -> str:
    """*text* with every placeholder in its short form."""
    return re.sub(PATTERN, _short, text) if "<sealed:" in text else text


def _short(found: re.Match[str]) -> str:
    return f"<sealed {found[2]} chars {found[1][:PSEUDONYM_CHARS]}>"


def clean(text: str) -> str:
    """*text* without anything that a terminal would obey: what is not printable is spelled as an escape."""
    if text.isprintable():
        return text
    return "".join([c if c.isprintable() else c.encode("unicode_escape").decode() for c in text])


def payload(data: bytes, *, full: bool = False) -> str:
    """JSON text in one compact line, cut with an ellipsis unless it shall be *full*."""
    cut = not full and len(data) > RAW_BYTES
    if cut:
        text = data[:RAW_BYTES].decode("utf-8", "replace")
    else:
        try:
            text = jsontext.encode(jsontext.decode(data)).decode()
        except (ValueError, RecursionError):
            text = data.decode("utf-8", "replace")
    text = clean(unsealed(text))
    if full or (not cut and len(text) <= PAYLOAD_CHARS):
        return text
    return f"{text[:PAYLOAD_CHARS]}…" + (f" ({len(data)} bytes)" if cut else "")


def value(it: Any, *, full: bool = False, name: str = "") -> str:
    """Any value that stands in an event, the field *name* of it."""
    if type(it) is str:
        return clean(unsealed(it)) if it else "''"
    if isinstance(it, bytes):
        return payload(it, full=full)
    if isinstance(it, Value):
        return event(it, full=full)
    if isinstance(it, Enum):
        return str(it.value)
    if isinstance(it, tuple | list):
        return f"({', '.join([value(one, full=full) for one in it])})"
    if type(it) is int and it > 0 and not full and name.endswith(STATION_TIMES):
        return moment(it)
    return repr(it)


def event(it: Value, *, full: bool = False) -> str:
    """An event as ``Name(field=value, ...)``; fields that say nothing but their default are left out unless it shall be *full*."""
    names = it.FIELDS
    entry = BY_CLASS.get(type(it))
    defaults = dict(zip(reversed(names), reversed(entry.defaults), strict=False)) if entry is not None and not full else {}
    shown = []
    for name in names:
        held = getattr(it, name)
        if name in defaults and held == defaults[name]:
            continue
        shown.append(f"{name}={value(held, full=full, name=name)}")
    return f"{type(it).__name__}({', '.join(shown)})"


def seconds(us: int, digits: int = 3) -> str:
    """A duration in seconds, with a sign."""
    return f"{us / 1e6:+.{digits}f}s"


def moment(at_us: int) -> str:
    """Station time: seconds since the journal began, with a plus sign, as ``state --at`` takes it."""
    return f"+{at_us // 1_000_000}.{at_us // 1000 % 1000:03d}s"


def lasted(us: int) -> str:
    """A duration as people say it."""
    if us < 10_000_000:  # noqa: PLR2004 (below ten seconds tenths matter)
        return f"{us / 1e6:.1f} s"
    whole = us // 1_000_000
    if whole < 120:  # noqa: PLR2004 (two minutes)
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 120:  # noqa: PLR2004 (two hours)
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def energy(wh: int) -> str:
    """Energy in kWh; Wh are whole, so three decimals are exact."""
    return f"{'-' if wh < 0 else ''}{abs(wh) // 1000}.{abs(wh) % 1000:03d} kWh"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Columns aligned under their heads, two blanks apart; the last column as long as it is."""
    body = [tuple(head), *[tuple(row) for row in rows]]
    widths = [max(len(row[place]) for row in body) for place in range(len(head))]
    return ["  ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]).rstrip() for row in body]
