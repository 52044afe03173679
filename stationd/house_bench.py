"""The bench over a wire for a stationd that is started here.

Law: one process and one fresh data directory a case.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from component_config.load import shipped
from conformance.station import FAULTS, network_profiles
from conformance.trial import Settings
from conformance.verdict import BenchError, Failed, Failure
from engine.errors import StationdError
from stationd.csms import FriendlyCsms
from stationd.hands import Hands, HouseHands
from stationd.house import House
from stationd.wire_bench import WireBench

ON_THE_WIRE = {"RetryBackOffWaitMinimum": 1, "RetryBackOffRandomRange": 1}
"""OCPPCommCtrlr, of a station that is started here: its waiting costs real time."""


class HouseBench(WireBench):
    """A ``stationd run`` of its own, with a data directory that is new."""

    def __init__(self, data: Path, settings: Settings, *, versions: tuple[str, ...]) -> None:
        super().__init__(FriendlyCsms(port=0, versions=versions, check=False), identity=settings.identity)
        self._data = data
        self._evses = tuple(evse_id for evse_id, _ in settings.evses)
        self._house: House | None = None
        self._hands: Hands | None = None

    def hands(self) -> Hands:
        """Over the control socket."""
        if self._hands is None:
            raise BenchError("the station has not been started")
        return self._hands

    def alive(self) -> None:
        """Its process is there."""
        if self._house is not None and not self._house.runs:
            log = self._data / "station.log"
            last = (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.exists() else [])[-1:] or ["nothing"]
            raise Failed(Failure("the station's process", "one that runs", f"it ended with status {self._house.status}; it said last: {last[0]}"))

    async def start(self) -> None:
        """The CSMS, then the station."""
        await self._csms.start()
        self.attach()
        files = self._data / "files"
        component_files(files, self._csms.url)
        house = House(self._data, self._csms.url, identity=self.identity, component_config=files)
        self._hands = HouseHands(house, self._evses)
        try:
            await house.power_up()
        except (StationdError, TimeoutError) as error:
            raise BenchError(str(error)) from error
        finally:
            self._house = house

    async def stop(self) -> None:
        """An orderly stop, so that the journal is whole; after a while the power is cut."""
        self.detach()
        if self._house is not None:
            try:
                await self._house.stop()
            except (TimeoutError, ProcessLookupError):
                self._house.cut_power()
                await self._house.gone()
        await self._csms.stop()

    def keep_journal(self, path: str) -> str:
        """The whole data directory, with the station's log."""
        shutil.copytree(self._data, path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("control.sock", "files"))
        return f"stationd replay verify --data {path}"


def component_files(target: Path, url: str) -> None:
    """The shipped component files in *target*, with a CSMS at *url* in the first slot and short waits."""
    shutil.copytree(shipped(), target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    override(target, "InternalCtrlr", {"NetworkConnectionProfiles": network_profiles(url)})
    override(target, "OCPPCommCtrlr", {"NetworkConfigurationPriority": "1", **ON_THE_WIRE})
    # TC_N_41 replaces a monitor of the files.
    watched = {"type": FAULTS.type, "value": int(FAULTS.value), "severity": FAULTS.severity, "config_type": FAULTS.kind}
    override(target, "ChargingStation", {}, Problem={"monitors": [watched]})


def override(target: Path, component: str, values: dict[str, Any], **more: dict[str, Any]) -> None:
    """A file in ``override/`` that gives variables of a component these values; *more*: what else a variable's property says."""
    (target / "override").mkdir(exist_ok=True)
    properties = {name: {"variable_name": name, "attributes": [{"value": value}]} for name, value in values.items()}
    properties |= {name: {"variable_name": name, **said} for name, said in more.items()}
    text = json.dumps({"name": component, "properties": properties}, indent=2)
    (target / "override" / f"{component}.json").write_text(text, encoding="utf-8")
