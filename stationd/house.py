"""A station as a process of its own, worked over its control socket: for the demo and for the campaign of kills.

Law: nothing is done to it that somebody outside could not do: start, verbs, SIGTERM, SIGKILL.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.errors import StationdError

PATIENCE_S = 30.0


class House:
    """The station as a process of its own, worked over its control socket."""

    def __init__(self, data: Path, url: str, *, identity: str, time_factor: int = 1, component_config: Path | None = None) -> None:
        """*url*: the CSMS; with *component_config* these files say which one it is, and *url* is not told."""
        self._data = data
        self._files = component_config
        self._url = url
        self._identity = identity
        self._factor = time_factor
        self._process: asyncio.subprocess.Process | None = None
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._listener: asyncio.Task[None] | None = None

    async def power_up(self) -> None:
        """Start the process, and listen to its events."""
        where = ["--csms", self._url] if self._files is None else ["--component-config", str(self._files)]
        with (self._data / "station.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "stationd", "run", *where, "--identity", self._identity, "--data", str(self._data), "--vehicle-stays",
                "--time-factor", str(self._factor),
                stderr=log, stdin=asyncio.subprocess.DEVNULL, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        reader, writer = await self._socket()
        writer.write(b'{"id":0,"verb":"subscribe","args":{}}\n')
        self._events = asyncio.Queue()
        self._listener = asyncio.get_running_loop().create_task(self._listen(reader, writer))

    async def _socket(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await asyncio.open_unix_connection(str(self._data / "control.sock"))
                except OSError:
                    if self._process is not None and self._process.returncode is not None:
                        raise StationdError(f"the station did not start; its log is {self._data / 'station.log'}") from None
                    await asyncio.sleep(0.02)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                message = json.loads(line)
                if "event" in message:
                    self._events.put_nowait(message)
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next event of that kind."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await self._events.get()
                if wanted(event):
                    return event

    async def until_some(self, most: int, wanted: Callable[[dict[str, Any]], bool], least: int) -> None:
        """A few events of that kind."""
        for _ in range(min(most, least)):
            await self.until(wanted)

    async def until_state(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """Until the station stands as wanted.  A state may have been reached before anybody subscribed, so it is asked for."""
        async with asyncio.timeout(PATIENCE_S):
            while not wanted(await self.verb("state")):  # noqa: ASYNC110 (a state over a socket has no event)
                await asyncio.sleep(0.02)

    async def link(self) -> None:
        """Until the CSMS has accepted the station."""
        await self.until_state(lambda state: state["boot"]["phase"] == "accepted")

    async def charging(self) -> None:
        """Until energy flows at EVSE 1."""
        await self.until_state(lambda state: state["evses"][0]["charging_state"] == "Charging")

    async def drained(self) -> None:
        """Until everything is told."""
        await self.until_state(lambda state: not state["queue"]["waiting"])

    async def verb(self, verb: str, **args: Any) -> Any:
        """One verb, one answer."""
        reader, writer = await self._socket()
        try:
            writer.write(json.dumps({"id": 1, "verb": verb, "args": args}).encode() + b"\n")
            answer = json.loads(await reader.readline())
        finally:
            writer.close()
        if not answer["ok"]:
            raise StationdError(f"{verb}: {answer['error']}")
        return answer["result"]

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def status(self) -> int | None:
        """The exit status of the process that ran last, or None: it runs, or never did; a signal is negative."""
        return None if self._process is None else self._process.returncode

    def cut_power(self) -> None:
        """SIGKILL."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)

    async def gone(self) -> None:
        """Until the process is gone."""
        if self._process is not None:
            await self._process.wait()
        if self._listener is not None:
            await self._listener

    async def stop(self) -> None:
        """SIGTERM."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE_S):
                await self.gone()
