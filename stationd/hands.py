"""Hands at a station that is tried over a wire: a process that we start, a person, a command of the user's, or an HTTP hook.

Law: a deed that was not done is the bench's fault and never the station's: it is a BenchError that says which deed, and why.
"""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from http.client import HTTPException
from tempfile import TemporaryFile
from threading import Thread
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from conformance.verdict import BenchError
from engine.errors import SetupFault, StationdError
from stationd.csms_prompt import read_lines
from stationd.house import House

HANDS_LIMIT_S = 60.0
"""How long a command or a hook may take for a deed."""

DARK_S = 1.0
"""How long a station that we started is without power."""


class Deed(NamedTuple):
    """Something that is done at the station.  *name*: plug_in, unplug, present, pause, resume, power_cycle; what it does not need is 0 or empty."""

    name: str
    evse_id: int = 0
    connector_id: int = 0
    token: str = ""
    token_type: str = ""

    @property
    def words(self) -> dict[str, str]:
        """What a command or a hook is told, by name."""
        return {
            "deed": self.name, "evse": str(self.evse_id), "connector": str(self.connector_id), "token": self.token, "type": self.token_type,
        }  # fmt: skip


class Hands(ABC):
    """Whoever does the deeds."""

    @abstractmethod
    async def do(self, deed: Deed) -> None:
        """Do it, and return when it is done.  Raises BenchError where it could not be done."""


class HouseHands(Hands):
    """Deeds at a stationd that we started: over its control socket; its power is cut with SIGKILL."""

    def __init__(self, house: House, evses: tuple[int, ...]) -> None:
        self._house = house
        self._evses = evses

    async def do(self, deed: Deed) -> None:
        """A verb each."""
        try:
            match deed.name:
                case "plug_in":
                    await self._house.verb("plug_in", evse=deed.evse_id, amps=16, phases=3)
                case "unplug":
                    await self._house.verb("plug_out", evse=deed.evse_id)
                case "present":
                    evses = [deed.evse_id] if deed.evse_id else list(self._evses)
                    await self._house.verb("swipe", token=deed.token, type=deed.token_type, evses=evses)
                case "pause" | "resume":
                    await self._house.verb(f"ev_{deed.name}", evse=deed.evse_id)
                case "power_cycle":
                    self._house.cut_power()
                    await self._house.gone()
                    await asyncio.sleep(DARK_S)
                    await self._house.power_up()
                case _:
                    raise BenchError(f"{deed.name}: nobody knows how to do that at a station that was started here")
        except (StationdError, TimeoutError, OSError) as error:
            raise BenchError(f"{deed.name} at EVSE {deed.evse_id} could not be done: {error}") from error


ASKED = {
    "plug_in": "plug a vehicle that wants to charge into connector {connector} of EVSE {evse}",
    "unplug": "unplug the vehicle at EVSE {evse}, at its own side",
    "present": "hold the card {token} ({type}) to the reader{at}",
    "pause": "have the vehicle at EVSE {evse} stop drawing energy",
    "resume": "have the vehicle at EVSE {evse} draw energy again",
    "power_cycle": "take the station's power away, wait a few seconds, and give it back; leave the vehicles connected",
}


class Terminal:
    """Somebody at a terminal: questions go to standard error, so that a report can be written to a file meanwhile.

    Lines are read by a thread that nobody waits for, so that an interrupted run ends at once.
    """

    def __init__(self, fd: int | None = None) -> None:
        self._fd = fd
        self._lines: asyncio.Queue[str | None] | None = None

    async def ask(self, text: str) -> str | None:
        """The line that was typed; None where there is nobody."""
        if self._lines is None:
            self._lines = asyncio.Queue()
            fd = sys.stdin.fileno() if self._fd is None else self._fd
            Thread(target=read_lines, args=(fd, asyncio.get_running_loop(), self._lines), daemon=True).start()
        print(text, end="", file=sys.stderr, flush=True)
        line = await self._lines.get()
        if line is None:
            self._lines.put_nowait(None)
        return line


class PersonHands(Hands):
    """A person.  *ask* shows a text and returns the line that was typed, or None where nobody is there; None: at the terminal."""

    def __init__(self, ask: Callable[[str], Awaitable[str | None]] | None = None) -> None:
        self._ask = ask or Terminal().ask

    async def do(self, deed: Deed) -> None:
        """Ask, and wait for Enter."""
        at = f" of EVSE {deed.evse_id}" if deed.evse_id else ""
        text = ASKED[deed.name].format(**deed.words, at=at)
        said = await self._ask(f"\nPlease {text}.  Enter: done, s: it cannot be done > ")
        if said is None:
            raise BenchError(f"{deed.name} could not be done: nobody is at the terminal (standard input has ended)")
        if said.strip().casefold() == "s":
            raise BenchError(f"{deed.name} could not be done: the person at the terminal said so")


class CommandHands(Hands):
    """A command of the user's: ``./hands {deed} {evse} {connector} {token} {type}``.  Exit status 0: done.

    Raises SetupFault for a template that names something else.
    """

    def __init__(self, template: str, limit_s: float = HANDS_LIMIT_S) -> None:
        self._words = shlex.split(template)
        self._limit_s = limit_s
        try:
            known = [word.format(**Deed("").words) for word in self._words]
        except (KeyError, IndexError, ValueError) as error:
            raise SetupFault(f"--driver-command {template}: {error} will not do; it may name {{{'}, {'.join(Deed('').words)}}}") from error
        if not known:
            raise SetupFault("--driver-command: is empty; right would be './hands {deed} {evse} {connector} {token}'")

    async def do(self, deed: Deed) -> None:
        """Run it; no shell is between, so what a token is made of does not matter."""
        words = [word.format(**deed.words) for word in self._words]
        # A file, not a pipe: what the command leaves running may hold it open for ever.
        with TemporaryFile() as told:
            try:
                process = await asyncio.create_subprocess_exec(
                    *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=told, start_new_session=True
                )
            except (OSError, ValueError) as error:
                raise BenchError(f"{deed.name} could not be done: {words[0]} cannot be run ({error})") from error
            try:
                async with asyncio.timeout(self._limit_s):
                    await process.wait()
            except TimeoutError:
                raise BenchError(f"{deed.name} could not be done: {words[0]} took longer than {self._limit_s:g} s") from None
            finally:
                if process.returncode is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
            if process.returncode:
                told.seek(0)
                last = told.read().decode(errors="replace").strip().splitlines()[-1:] or ["without a word"]
                raise BenchError(f"{deed.name} could not be done: {words[0]} ended with status {process.returncode}: {last[0]}")


class HookHands(Hands):
    """An HTTP hook: POST of ``{"deed": "plug_in", "evse": 1, "connector": 1, "token": "", "type": ""}``.  A 2xx answer: done.

    Raises SetupFault for a URL that is none of http.
    """

    def __init__(self, url: str, limit_s: float = HANDS_LIMIT_S) -> None:
        if not url.startswith(("http://", "https://")):
            raise SetupFault(f"--driver-url {url}: must be http://host:port/path, or https")
        self._url = url
        self._limit_s = limit_s

    async def do(self, deed: Deed) -> None:
        """Post it."""
        body = json.dumps({**deed.words, "evse": deed.evse_id, "connector": deed.connector_id}).encode()
        await asyncio.to_thread(self._post, deed.name, body)

    def _post(self, name: str, body: bytes) -> None:
        request = Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310 (the scheme was looked at)
        try:
            with urlopen(request, timeout=self._limit_s):  # noqa: S310 (as above)
                return
        except HTTPError as error:
            with error:
                told = error.read(200).decode(errors="replace").strip()
            raise BenchError(f"{name} could not be done: the hook answered {error.code}: {told}") from error
        except (URLError, HTTPException, OSError, ValueError) as error:
            raise BenchError(f"{name} could not be done: {self._url} does not answer ({error})") from error
