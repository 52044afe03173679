"""The bench over a wire for a station of somebody else, which dials this CSMS.

Law: the station is left as it was found: nothing plugged in, settings put back.
"""

from __future__ import annotations

import json
from typing import Any

from conformance.bench import Login, Reply
from conformance.trial import STATION_LIMIT_S
from conformance.verdict import BenchError
from stationd.hands import Deed, Hands
from stationd.wire_bench import PASSWORD, SLICE_S, Shared, WireBench

LINK_S = 120.0
"""How long a station of somebody else may take to connect."""

START_FAILURES_MOST = 3
"""After so many cases in a row that could not begin, the others are not tried: nobody waits for a station that is not there, case by case."""


class ForeignBench(WireBench):
    """A station of somebody else: powered off and on, or only cut off, before each case."""

    remembers = True

    def __init__(self, shared: Shared, identity: str) -> None:
        super().__init__(shared.csms, identity=identity, shared=shared)
        self._state: Shared = shared
        self._before: dict[str, dict[str, Any]] = {}

    def hands(self) -> Hands:
        """The user's."""
        return self._state.hands

    def unwelcome(self, identity: str, login: Login | None) -> str:
        """Security profiles 1 and 2: who says no password, or a wrong one."""
        if not self._state.logs_in:
            return ""
        if login is None:
            return "it sends no Authorization header; right would be Basic with its identity and its password"
        if login.identity != identity:
            return f"its Authorization header is of {login.identity!r} (or not of kind Basic); its URL ends with {identity!r}"
        if login.password not in self._state.passwords:
            return "its password is not the one of --settings, nor one that a case has set"
        return ""

    async def start(self) -> None:
        """From a cold start on; without power cycle from a new link on, and the station is asked for its BootNotification."""
        if self._state.failures >= START_FAILURES_MOST:
            raise BenchError(f"not tried, because the {self._state.failures} cases before it could not begin")
        self._state.failures += 1
        self._state.old |= self._state.begun
        await self._csms.start()
        self.attach()
        if self._state.power_cycle:
            await self.driver.power_cycle()
        elif self.linked:
            await self.hang_up(stay_away=False)
        if not await self.until(lambda: self._fresh and self.linked, LINK_S):
            raise BenchError(self._nobody())
        self._state.failures = 0
        self._identity = self.identity
        if not self._state.power_cycle:
            # A station that goes on has nothing to say after a reconnect.  Where it does not do this either, the case says what is missing.
            await self._tell("TriggerMessage", {"requestedMessage": "BootNotification"})
            await self.until(lambda: any(line.name == "BootNotification" for line in self.trace), SLICE_S * 8)
            for evse_id, connectors in self._state.evses:
                for connector_id in range(1, connectors + 1):
                    evse = {"id": evse_id, "connectorId": connector_id}
                    await self._tell("TriggerMessage", {"requestedMessage": "StatusNotification", "evse": evse})

    def _nobody(self) -> str:
        """Why there is no link."""
        within = f"within {LINK_S * self.patience_s / STATION_LIMIT_S:g} s"
        reasons = [line.payload["why"] for line in self.trace if line.name == "is turned away"]
        if reasons:
            return f"{self._identity or 'a station'} dialled and got no link {within}: {reasons[-1]}"
        others = ", ".join(self._csms.stations)
        here = f"; connected instead: {others}, see --identity" if others else ""
        return f"no link {within}; have {self._identity or 'the station'} dial {self._csms.url}/{self._identity or 'IDENTITY'}{here}"

    async def _tell(self, action: str, payload: dict[str, Any]) -> dict[str, Any] | None:
        reply = await super().call(action, payload, STATION_LIMIT_S)
        return reply.payload if reply is not None else None

    async def call(self, action: str, payload: dict[str, Any], within_s: float) -> Reply | None:
        """As ever; what a variable was before is remembered."""
        if action == "SetVariables":
            for one in payload.get("setVariableData", ()):
                if (one["component"]["name"], one["variable"]["name"]) == PASSWORD:
                    # Known before it is set: a station may come back with it at once.
                    self._state.passwords.add(one["attributeValue"])
                    self._before[PASSWORD[1]] = {**one, "attributeValue": self._state.password}
                else:
                    await self._remember(one)
        return await super().call(action, payload, within_s)

    async def _remember(self, one: dict[str, Any]) -> None:
        item: dict[str, Any] = {name: one[name] for name in ("component", "variable", "attributeType") if name in one}
        key = json.dumps(item, sort_keys=True)
        if key in self._before:
            return
        told = await self._tell("GetVariables", {"getVariableData": [item]})
        for result in (told or {}).get("getVariableResult", ()):
            if result.get("attributeStatus") == "Accepted" and "attributeValue" in result:
                self._before[key] = {**item, "attributeValue": result["attributeValue"]}

    async def stop(self) -> None:
        """Nothing is plugged in, and what was set is as it was."""
        self.detach()
        self._csms.refuse_with = None
        for evse_id in sorted(self.driver.plugged):
            try:
                await self.hands().do(Deed("unplug", evse_id))
            except BenchError:
                continue
        if self._before and await self.until(lambda: self.linked, STATION_LIMIT_S):
            # Last of all what may make the station connect anew.
            before = sorted(self._before.items(), key=lambda pair: pair[0] == PASSWORD[1])
            await super().call("SetVariables", {"setVariableData": [one for _, one in before]}, STATION_LIMIT_S)
