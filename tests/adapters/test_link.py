"""The life of a link, with real sockets: what opens, what only seems to, and when the station comes back."""

from __future__ import annotations

import asyncio

from machines.connection.facts import LinkConfirmed, Lost, Opened
from machines.connection.machine import LINGER_US
from machines.connection.state import CONNECTION
from machines.inputs import OperatorSet
from machines.security.a01_replaced import OldPasswordsDropped, PasswordsHeld
from stationd.csms import Entry, FriendlyCsms, Instead
from tests.adapters.live import PASSWORD, LiveStation

SOME = {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]}
OTHER_PASSWORD = "another password, longer than 16"


def test_a_csms_that_accepts_the_upgrade_and_closes_with_1008_does_not_cost_the_old_password() -> None:
    """A01: else a typing error in a CSMS's own list of passwords locks the station out, and it knocks every ten seconds for ever (Part 4, 5.3)."""

    async def story() -> None:
        async with FriendlyCsms(port=0) as csms, LiveStation(csms.url) as station:
            await station.happened(LinkConfirmed)
            await station.tell(OperatorSet(component="SecurityCtrlr", variable="BasicAuthPassword", value=station.seal(PASSWORD)))
            station.later(LINGER_US / 1e6)
            await station.happened(Lost)
            station.later(20)
            await station.happened(Opened, 2)
            await csms.call("CP001", "GetVariables", SOME)
            await station.happened(LinkConfirmed, 2)
            # From here on the CSMS looks at passwords behind the upgrade, and has another one in its list.
            closing: list[asyncio.Task[None]] = []

            def close_at_once(entry: Entry) -> None:
                if entry.kind == "open":
                    closing.append(asyncio.get_running_loop().create_task(csms.close(entry.identity, 1008, "who are you")))

            csms.observer = close_at_once
            csms.on_call = lambda *_: Instead.WITHHOLD
            await station.tell(OperatorSet(component="SecurityCtrlr", variable="BasicAuthPassword", value=station.seal(OTHER_PASSWORD)))
            await station.happened(PasswordsHeld, 2)
            station.later(LINGER_US / 1e6)
            for times in range(3, 7):
                await station.happened(Lost, times - 1)
                station.later(200)
                await station.happened(Opened, times)
            await station.happened(Lost, 6)
            assert [(lost.failures, lost.detail) for lost in station.facts(Lost)[2:]] == [(n, "1008 who are you") for n in (1, 2, 3, 4)]
            assert station.facts(OldPasswordsDropped) == []
            csms.observer = csms.on_call = None
            station.later(200)
            await station.happened(Opened, 7)
            assert station.facts(OldPasswordsDropped) == []
            await csms.call("CP001", "GetVariables", SOME)
            await station.happened(OldPasswordsDropped)
            assert station.station[CONNECTION].failures == 0
            await asyncio.gather(*closing)

    asyncio.run(story())
