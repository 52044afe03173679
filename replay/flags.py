"""The flags: what this build knows of them, and which ones every process of a journal was started with.

Law: what a process decided with stands in its ``Started``, and nowhere else is it looked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from eventlog.segments import begin
from eventlog.store import Reading
from machines.boot.state import BOOT
from machines.flags import REGISTER
from machines.inputs import Started
from replay.reading import KERNEL, scan, wall_before
from replay.text import clean, table


def lines(store: Reading, station: int = 0) -> Iterator[str]:
    """The register, then every start that is kept with its build and flags; a name that this build does not know is said to be none of its own."""
    for flag in REGISTER:
        yield f"{flag.name}, since {flag.since}"
        yield f"  {flag.switches}"
        yield f"  may be retired {flag.retired}"
    yield ""
    rows = []
    base = store.base(station)[0]
    if base >= 0:
        here = begin(store, KERNEL, station).station[BOOT]
        rows.append((f"to #{base}", "retired", clean(here.build), shown(here.flags)))
    for seq, at_us, events in scan(store, (Started,), station):
        rows += [(f"#{seq}", wall_before(store, seq, station).text(at_us), clean(event.build), shown(event.flags)) for event in events]
    yield from table(("TURN", "STARTED", "BUILD", "FLAGS"), rows)


def shown(flags: tuple[str, ...]) -> str:
    """Flags by name."""
    known = {flag.name for flag in REGISTER}
    return ", ".join([clean(flag) + ("" if flag in known else " (unknown here)") for flag in flags]) or "none"
