"""The station as it stood at a moment.

Law: folded from the first turn that is kept to the moment and no further; nothing is decided.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import Any

from engine.errors import SetupFault
from engine.kernel import ENGINE, Kernel, outbox_ids
from engine.machine import Station
from eventlog.fold import Folded, fold
from eventlog.segments import begin
from eventlog.store import Reading
from machines.boot.state import BOOT
from machines.clock.facts import ClockSet
from machines.clock.machine import CLOCK
from machines.connection.state import CONNECTION
from machines.outbound.state import OUTBOUND
from machines.session.state import SESSIONS
from machines.summary import summary
from machines.vas.state import VAS
from replay.reading import Wall, no_such, turns_at, wall_at_base
from replay.text import clean, energy, event, lasted, moment, pseudonym, table
from wire import calendar

UNITS_US = {"ms": 1_000, "us": 1, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
"""Units of a relative time; longer names first, so that ``ms`` is no ``s``."""

HOW = "give a turn (123), a station time (+35s, +90m, +2h), a wall time (2026-11-21T10:00:00Z), or last"

QUEUE_SHOWN = 20


def at(kernel: Kernel, store: Reading, seq: int, station: int = 0) -> Folded:
    """The station after turn *seq*.  Raises SetupFault where there is no such turn, JournalFault where this build cannot fold that far."""
    start = begin(store, kernel, station)
    if not max(start.seq, 0) <= seq <= store.last(station)[0]:
        raise no_such(store, seq, station)
    rows = takewhile(lambda pair: pair[0] <= seq, store.rows(start.seq, station))
    return fold(kernel, start, rows)


def before(kernel: Kernel, store: Reading, seq: int, station: int = 0) -> Station:
    """The station that turn *seq* met."""
    return at(kernel, store, seq - 1, station).station if seq > 0 else kernel.genesis()


def seq_at(store: Reading, text: str, station: int = 0) -> int:
    """The last turn at or before the moment that *text* names: a seq, ``last``, ``+35s`` in station time, or a date-time in wall time.

    Raises SetupFault for any other text, and for a moment before the first turn.  Where the wall clock was set back, a date-time may fit
    twice: the later one counts.
    """
    text = text.strip()
    newest = store.last(station)[0]
    if text == "last":
        return newest
    digits = text.removeprefix("#")
    if digits.isascii() and digits.isdigit():
        if int(digits) > newest:
            raise no_such(store, int(digits), station)
        return int(digits)
    if text.startswith("+"):
        until_us = relative_us(text)
        return _last_before(store, station, text, lambda at_us, _: at_us <= until_us)
    wanted_us = calendar.parse(text)
    if wanted_us is None:
        raise SetupFault(f"{clean(text)}: not a moment; {HOW}")
    return _last_before(store, station, text, lambda at_us, wall: (wall.us(at_us) or 0) <= wanted_us)


def relative_us(text: str) -> int:
    """Microseconds of a relative time such as ``+35s``, ``+1.5h`` or ``+35`` (seconds).  Raises SetupFault for any other text."""
    number = text.removeprefix("+")
    unit = next((unit for unit in UNITS_US if number.endswith(unit)), "")
    whole, _, part = number.removesuffix(unit).partition(".")
    if not (whole + part).isascii() or not (whole + part).isdigit():
        raise SetupFault(f"{clean(text)}: not a time; {HOW}")
    scale = UNITS_US[unit or "s"]
    return int(whole or "0") * scale + (int(part) * scale // 10 ** len(part) if part else 0)


def _last_before(store: Reading, station: int, text: str, fits: Callable[[int, Wall], bool]) -> int:
    wall = wall_at_base(store, station)
    found = -1
    for seq, at_us, clock_facts in turns_at(store, (ClockSet,), station):
        wall.hear(clock_facts)
        if fits(at_us, wall):
            found = seq
    if found < 0:
        raise SetupFault(f"{clean(text)}: before the first turn that is kept, {store.base(station)[0] + 1}; {HOW}")
    return found


def as_json(folded: Folded, number: int = 0) -> dict[str, Any]:
    """The station as JSON values: what the control socket's ``state`` says, with the seq, the clock and the queue beside it."""
    station = folded.station
    out = station[OUTBOUND]
    return {
        "seq": folded.seq,
        "at_us": folded.at,
        **summary(station, folded.at),
        "clock": {"source": station[CLOCK].source, "offset_us": station[CLOCK].offset_us},
        "outbound": [
            {
                "entry": number,
                "action": entry.action,
                "offline": entry.offline,
                "attempts": entry.attempts,
                "failures": entry.failures,
                "in_flight": number == out.flying,
            }
            for number, entry in out.queue.items()
        ],
        "outbox": [{"id": str(effect_id), "effect": type(effect).__name__} for effect_id, effect in outbox_ids(station, number)],
    }


def lines(kernel: Kernel, folded: Folded, number: int = 0) -> list[str]:
    """The station as people read it."""
    station, at_us = folded.station, folded.at
    clock, here, boot, out = station[CLOCK], station[CONNECTION], station[BOOT], station[OUTBOUND]
    told = summary(station, at_us)
    link = told["link"]
    found = [f"after turn {folded.seq}, {Wall(clock.offset_us if clock.source else None).text(at_us).strip()}, station time {moment(at_us)}", ""]
    facts = [
        ("clock", f"from {clock.source}, boot {clean(clock.boot_id) or 'unknown'}" if clock.source else "never set"),
        ("boot", f"{boot.phase.value}, CSMS said {boot.standing or 'nothing'}; process {boot.boots}, build {clean(boot.build) or 'unknown'}"),
        ("link", _link(here, link, at_us)),
        ("csms", f"{clean(link['csms_url']) or 'none configured'} as {clean(link['identity'])}, security profile {link['security_profile']}"),
        ("queue", f"{len(out.queue)} waiting, {'one' if out.flying else 'none'} in flight, {out.thinned} thinned out"),
    ]
    network = told["network"]
    forwards = ", ".join([f"EVSE {f['evse']} ports {' '.join(map(str, f['ports']))}" for f in network["forwards"]]) or "no forwards"
    facts.append(("network", f"{forwards}{', a plan is being applied' if network['in_flight'] else ''}"))
    engine = station[ENGINE]
    if engine.faults:
        faulted = ", ".join(map(str, engine.faulted_evses)) or "none"
        muted = ", ".join(sorted(engine.mutes)) or "nothing"
        facts.append(("faults", f"{engine.faults} so far; EVSEs that start no session: {faulted}; muted: {muted}"))
    deadline = kernel.next_deadline(station)
    if deadline is not None:
        facts.append(("next", f"{deadline[1]}/{deadline[2]} at {moment(deadline[0])}, in {lasted(max(deadline[0] - at_us, 0))}"))
    found += [f"{name:8} {text}" for name, text in facts]
    found += ["", *_evses(station, told), *_queue(station), *_outbox(station, number)]
    return found


def _link(here: Any, link: dict[str, Any], at_us: int) -> str:
    text = f"{here.phase.value}, link {here.link}, slot {here.slot}"
    if here.phase.value == "up":
        text += f", OCPP {link['version']}" if link.get("version") else ""
        text += f", open for {lasted(at_us - here.opened_at_us)}"
    elif here.link:
        text += f", {here.failures} failures in a row, last: {clean(here.reason) or 'unknown'}"
        if here.failure is not None and here.failure.reason == here.reason and here.failure.detail:
            text += f" ({clean(here.failure.detail)})"
    if here.held:
        text += f"; held: {clean(here.held)}"
    return text


def _evses(station: Station, told: dict[str, Any]) -> list[str]:
    rows = []
    for row in told["evses"]:
        session = station[SESSIONS].at(row["evse"])
        tx = row.get("transaction")
        power = f", {row['power_w']} W" if "power_w" in row else ""
        ports = " ".join(map(str, station[VAS].at(row["evse"]).ports))
        rows.append(
            (
                str(row["evse"]),
                row["phase"],
                row["charging_state"],
                f"{row['pilot']}, {'closed' if row['contactor_closed'] else 'open'}",
                f"{energy(row['energy_wh'])}{power}" if "energy_wh" in row else "-",
                pseudonym(session.token) if session.authorized and session.token else "-",
                f"{tx['transaction_id']} seqNo {tx['seq_no']}, {energy(tx['energy_wh'])}" if tx else "-",
                f"{row['internet']}{' ' + ports if ports else ''}",
                ", ".join([f"{c['connector']} {c['status']}" for c in row["connectors"]]),
            )
        )
    head = ("EVSE", "SESSION", "CHARGING", "PILOT, CONTACTOR", "METER", "CARD", "TRANSACTION", "INTERNET", "CONNECTORS")
    return table(head, rows) if rows else ["no EVSE is declared"]


def _queue(station: Station) -> list[str]:
    out = station[OUTBOUND]
    if not out.queue:
        return []
    rows = []
    for number, entry in list(out.queue.items())[:QUEUE_SHOWN]:
        wait = "in flight" if number == out.flying else f"not before {moment(entry.not_before_us)}" if entry.not_before_us else "waits"
        rows.append((str(number), entry.action, f"{wait}, sent {entry.attempts} times{', delayed' if entry.offline else ''}"))
    more = len(out.queue) - QUEUE_SHOWN
    return ["", *table(("MESSAGE", "ACTION", "STANDS"), rows), *([f"and {more} more"] if more > 0 else [])]


def _outbox(station: Station, number: int) -> list[str]:
    waiting = outbox_ids(station, number)
    if not waiting:
        return []
    shown = [f"  {effect_id}  {event(effect)}" for effect_id, effect in waiting[-QUEUE_SHOWN:]]
    more = len(waiting) - QUEUE_SHOWN
    return ["", "asked of the outside, no outcome yet:", *([f"  and {more} earlier ones"] if more > 0 else []), *shown]
