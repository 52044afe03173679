"""The requests that are asked.  One law: the same seed asks the same."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

from bench.csms import Link, Silent

COMPONENT, VARIABLE = "TxCtrlr", "EVConnectionTimeOut"
"""A variable that may be written and that wakes nothing while no vehicle is there."""

BLOCK = 20
"""Requests to one program before another one has its turn."""

Make = Callable[[str, int], bytes]


def set_variables(message_id: str, number: int) -> bytes:
    """SetVariables of one variable, each time to another value."""
    item = {"attributeValue": str(60 + number % 60), "component": {"name": COMPONENT}, "variable": {"name": VARIABLE}}
    return _call(message_id, "SetVariables", {"setVariableData": [item]})


def get_variables(message_id: str, number: int) -> bytes:  # noqa: ARG001 (one shape for all)
    """GetVariables of the same variable."""
    return _call(message_id, "GetVariables", {"getVariableData": [{"component": {"name": COMPONENT}, "variable": {"name": VARIABLE}}]})


def get_base_report(message_id: str, number: int) -> bytes:
    """GetBaseReport of everything."""
    return _call(message_id, "GetBaseReport", {"reportBase": "FullInventory", "requestId": number})


def _call(message_id: str, action: str, payload: dict[str, object]) -> bytes:
    return json.dumps([2, message_id, action, payload], separators=(",", ":")).encode()


class Load:
    """Asks programs, one after the other, in an order that chance decides."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._asked = 0

    async def ask(self, link: Link, make: Make, count: int) -> list[int]:
        """The nanoseconds that each of *count* requests took; every answer is looked at."""
        times = []
        for _ in range(count):
            self._asked += 1
            frame = make(f"{self.chance.getrandbits(128):032x}", self._asked)
            took, answer = await link.ask(frame)
            if answer != frame if link.echoes else (not answer.startswith(b"[3,") or b'"Accepted"' not in answer):
                raise Silent(f"{link.name} was asked {frame.decode()} and answered {answer.decode(errors='replace')[:300]}")
            times.append(took)
        return times

    async def round(self, links: dict[str, Link], make: Make, count: int) -> dict[str, list[int]]:
        """*count* requests to each of *links*, in shuffled blocks."""
        times: dict[str, list[int]] = {name: [] for name in links}
        turns = [name for name in links for _ in range(count // BLOCK)]
        self.chance.shuffle(turns)
        for name in turns:
            times[name] += await self.ask(links[name], make, BLOCK)
        return times
