"""Power cuts at random instants: the real process, a real journal, a real WebSocket, and a CSMS that remembers everything it was told.

Law: what the CSMS was told is true after every power cut: no accepted value is forgotten, no event of a transaction is missing, told twice
with another content, or told for a second beginning.  After how much work the power goes follows from the seed, on a fast machine and on a slow one;
what the operating system does in between does not.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator
from itertools import count as count_from
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field

from engine.errors import StationdError
from eventlog.journal import Journal
from machines.station import STATION
from replay.verify import verify
from stationd.csms import Entry, FriendlyCsms, NoAnswer, NotConnected, Refusal
from stationd.house import House

IDENTITY = "kills"
TIME_FACTOR = 600
PER_HOUSE = 20
"""Kills in one data directory, before a fresh one is taken."""

DEEDS_MOST = 12
"""So many things are done at a station before a kill, at most; most instants fall into the work of a start or of a charge."""

WAIT_MOST_S = 0.1
"""The longest wait after them, or after the beginning of a start."""

CARDS = ("04AA0001", "04AA0002", "04AA0003")
THRESHOLDS = range(30, 10_000)

Progress = Callable[[int, int, int], None]
"""Told after every kill: how many, of how many, and how many rules were broken so far."""


@define
class Outcome:
    """What came of the kills: how many, in how many transactions, and what was broken, with the seed that did it."""

    kills: int = 0
    turns: int = 0
    transactions: int = 0
    events: int = 0
    broken: list[str] = field(factory=list)

    def lines(self) -> Iterator[str]:
        """For people: everything that was broken, then the sum."""
        yield from self.broken
        yield (
            f"{self.kills} kills, {self.turns} turns verified, {self.transactions} transactions, {self.events} transaction events, "
            f"{len(self.broken)} broken"
        )


def run_kills(count: int, seed: int, *, progress: Progress | None = None) -> Outcome:
    """*count* kills, from *seed* on; a house of PER_HOUSE kills has a seed of its own, so that one can be repeated alone."""
    outcome = Outcome()
    number = 0
    while outcome.kills < count:
        asyncio.run(_house(seed + number, min(PER_HOUSE, count - outcome.kills), count, outcome, progress))
        number += 1
    return outcome


class Witness:
    """What the CSMS knows: the last value that it was told is set, and the events of every transaction."""

    def __init__(self) -> None:
        self.threshold = 0
        self.asked: set[int] = set()
        self.events: dict[str, dict[int, str]] = {}
        self.wrong: list[str] = []

    def observe(self, entry: Entry) -> None:
        """One thing that happened on the link."""
        if entry.kind == "CALL" and not entry.sent and entry.action == "TransactionEvent":
            self._event(entry.payload)
        if entry.problem and not entry.sent:
            self.wrong.append(f"the station sent a {entry.kind} {entry.action} that is not valid: {entry.problem}")

    def _event(self, payload: dict[str, Any]) -> None:
        transaction = payload["transactionInfo"]["transactionId"]
        told = self.events.setdefault(transaction, {})
        seq_no = payload["seqNo"]
        # A message that was under way when the power went is sent again, and says that it is late.
        content = json.dumps({name: value for name, value in payload.items() if name != "offline"}, sort_keys=True)
        if told.setdefault(seq_no, content) != content:
            self.wrong.append(f"{transaction}: seqNo {seq_no} was told twice with different contents")
        if (payload["eventType"] == "Started") is not (seq_no == 0):
            self.wrong.append(f"{transaction}: {payload['eventType']} has seqNo {seq_no}")
        missing = sorted(set(range(seq_no)) - told.keys())
        if missing:
            self.wrong.append(f"{transaction}: seqNo {seq_no} came before {missing[0]}")


async def _house(seed: int, kills: int, count: int, outcome: Outcome, progress: Progress | None) -> None:
    chance = Random(seed)
    witness = Witness()
    with tempfile.TemporaryDirectory(prefix="stationd-kills-") as directory:
        data = Path(directory)
        async with FriendlyCsms(port=0, versions=(chance.choice(("2.1", "2.0.1")),), observer=witness.observe) as csms:
            house = House(data, csms.url, identity=IDENTITY, time_factor=TIME_FACTOR)
            broken = len(outcome.broken)
            for kill in range(kills):
                try:
                    await _one(house, csms, chance, witness)
                    await _look(house, csms, witness, data, outcome)
                except (TimeoutError, StationdError) as error:
                    witness.wrong.append(f"the station did not come back: {type(error).__name__} {error}")
                for wrong in witness.wrong:
                    outcome.broken.append(f"seed {seed}, kill {kill}: {wrong}\n  again with: stationd campaign kills --seed {seed} --count {kills}")
                witness.wrong.clear()
                outcome.kills += 1
                if progress is not None:
                    progress(outcome.kills, count, len(outcome.broken))
            house.cut_power()
            await house.gone()
            if len(outcome.broken) > broken:
                outcome.broken.append((data / "station.log").read_text(errors="replace")[-2000:])
        outcome.turns += _verified(data, outcome, seed)
    outcome.transactions += len(witness.events)
    outcome.events += sum(len(told) for told in witness.events.values())


async def _one(house: House, csms: FriendlyCsms, chance: Random, witness: Witness) -> None:
    """Start, work, and kill at a random instant of it."""
    await house.power_up()
    if chance.random() < 0.25:  # noqa: PLR2004 (one in four dies while it starts)
        await asyncio.sleep(chance.random() * WAIT_MOST_S)
    else:
        await house.link()
        deeds, wait_s = 1 + chance.randrange(DEEDS_MOST), chance.random() * WAIT_MOST_S
        enough = asyncio.Event()
        work = asyncio.create_task(_work(house, csms, chance, witness, deeds, enough))
        waiting = asyncio.create_task(enough.wait())
        # Work that cannot go on ends before.
        await asyncio.wait([work, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        await asyncio.sleep(wait_s)
        house.cut_power()
        await house.gone()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    house.cut_power()
    await house.gone()


async def _work(house: House, csms: FriendlyCsms, chance: Random, witness: Witness, deeds: int, enough: asyncio.Event) -> None:
    """What happens at a station, until the power goes; *enough* is set after so many *deeds*."""
    try:
        for deed in count_from(1):
            match chance.randrange(6):
                case 0:
                    await house.verb("plug_in", evse=chance.choice((1, 2)), amps=16, phases=3)
                case 1:
                    await house.verb("plug_out", evse=chance.choice((1, 2)))
                case 2 | 3:
                    await house.verb("swipe", token=chance.choice(CARDS), evses=[chance.choice((1, 2))])
                case 4:
                    value = chance.choice(THRESHOLDS)
                    witness.asked.add(value)
                    answer = await csms.call(IDENTITY, "SetVariables", _set(value))
                    if answer["setVariableResult"][0]["attributeStatus"] == "Accepted":
                        witness.threshold = value
                        witness.asked = {value}
                case _:
                    await asyncio.sleep(chance.random() * 0.02)
            if deed >= deeds:
                enough.set()
    except (StationdError, ConnectionError, json.JSONDecodeError, NoAnswer, NotConnected, Refusal, TimeoutError):
        return  # the power went, or the verb did not fit the moment: an occupied connector, say


async def _look(house: House, csms: FriendlyCsms, witness: Witness, data: Path, outcome: Outcome) -> None:
    """Start again and compare: what the CSMS was told must be so."""
    await house.power_up()
    await house.link()
    await house.drained()
    answer = await csms.call(IDENTITY, "GetVariables", GET)
    value = int(answer["getVariableResult"][0]["attributeValue"])
    # A value that was asked for and not answered may have been set or not; one that was accepted must be.
    if witness.threshold and value != witness.threshold and value not in witness.asked:
        witness.wrong.append(f"OfflineThreshold is {value}, though {witness.threshold} was accepted last")
    witness.threshold, witness.asked = value, {value}
    state = await house.verb("state")
    for evse in state["evses"]:
        running = evse.get("transaction")
        if running is not None:
            told = witness.events.get(running["transaction_id"], {})
            if sorted(told) != list(range(running["seq_no"] + 1)):
                witness.wrong.append(f"{running['transaction_id']}: the station has told {running['seq_no'] + 1} events, the CSMS knows {len(told)}")
    house.cut_power()
    await house.gone()
    _verified(data, outcome, -1, witness)


def _verified(data: Path, outcome: Outcome, seed: int, witness: Witness | None = None) -> int:
    journal = Journal(data / "journal", readonly=True)
    try:
        report = verify(STATION, journal)
    finally:
        journal.close()
    wrong = [*report.damage, *[str(divergence) for divergence in report.divergences]]
    if witness is not None:
        witness.wrong += wrong
    else:
        outcome.broken += [f"seed {seed}: {one}" for one in wrong]
    return report.turns


def _set(value: int) -> dict[str, Any]:
    return {"setVariableData": [{"attributeValue": str(value), "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}]}


GET = {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}]}
