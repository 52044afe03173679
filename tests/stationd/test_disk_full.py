"""The real daemon on a file that may not grow any more.

Law: what the CSMS was told is true, before, while and after there is no room; and nobody has to come by.
"""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

from engine.kernel import Turn
from eventlog.journal import Journal
from machines.station import STATION
from replay.reading import turns
from replay.verify import verify
from stationd.csms import FriendlyCsms
from stationd.house import House
from tests.waiting import PATIENCE_S

IDENTITY = "full"


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    """RLIMIT_FSIZE is set to the size that the journal has, in the middle of the work; later it is lifted."""
    asyncio.run(_story(tmp_path))
    journal = Journal(tmp_path / "journal", readonly=True)
    report = verify(STATION, journal)
    assert report.ok, report.damage or report.divergences
    assert journal.base()[0] > 0, "the limit was never felt"
    newest: Turn = list(turns(journal))[-1]
    assert newest.seq == journal.last()[0]
    journal.close()


async def _story(data: Path) -> None:
    async with FriendlyCsms(port=0) as csms:
        house = House(data, csms.url, identity=IDENTITY, time_factor=600)
        await house.power_up()
        await house.link()
        try:
            accepted = await _set_many(csms, range(1, 600))
            process = house._process
            assert process is not None
            size = (data / "journal" / "data.mdb").stat().st_size
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            accepted = await _set_many(csms, range(1_000, 2_000))
            assert accepted == 1_999, "there is history to give up, so there is room"
            assert (data / "journal" / "data.mdb").stat().st_size <= size
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            accepted = await _set_many(csms, range(3_000, 3_050))
            house.cut_power()
            await house.gone()
            await house.power_up()
            await house.link()
            assert await _get(csms) == accepted == 3_049
        finally:
            house.cut_power()
            await house.gone()
            log = (data / "station.log").read_text(errors="replace")
            assert "Traceback" not in log, log[-3000:]
        assert (data / "journal" / "data.mdb").stat().st_size >= size


async def _set_many(csms: FriendlyCsms, values: range) -> int:
    """Set one value after the other; returns the last one that was accepted."""
    accepted = 0
    for value in values:
        item = {"attributeValue": str(value), "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}
        answer = await csms.call(IDENTITY, "SetVariables", {"setVariableData": [item]}, timeout_s=PATIENCE_S)
        if answer["setVariableResult"][0]["attributeStatus"] == "Accepted":
            accepted = value
    return accepted


async def _get(csms: FriendlyCsms) -> int:
    """The value that the station has."""
    item = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}
    answer = await csms.call(IDENTITY, "GetVariables", {"getVariableData": [item]}, timeout_s=PATIENCE_S)
    return int(answer["getVariableResult"][0]["attributeValue"])
