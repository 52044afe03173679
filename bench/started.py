"""Programs under measurement: how they are started, watched and ended.

Law: whatever was started here is ended here, by its own id; what a program says is kept, and shown when it fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import Self, TypeVar

from bench.csms import Csms, Link, Silent

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = Path(__file__).resolve().parent / "programs"
CONNECT_LIMIT_NS = 30_000_000_000
LOOK_S = 1.0
"""How often a program that has not connected yet is looked after."""
END_LIMIT_S = 10.0
TAIL_CHARS = 1500
READY = b"stationd: ready"
"""What the station logs once the control socket answers and everything of the last life is taken up."""


class Program:
    """A child process; *started_ns* is the clock of ``perf_counter_ns`` just before it was spawned."""

    def __init__(self, name: str, argv: Sequence[str], said: Path, errors: int | None) -> None:
        self.name = name
        self.said = said
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with said.open("wb") as out:
            self.started_ns = perf_counter_ns()
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out if errors is None else errors, cwd=ROOT, env=environment
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.process.pid

    def kill(self) -> None:
        """A power cut."""
        self.process.kill()
        self.process.wait()

    def tail(self) -> str:
        """The last that it said."""
        return self.said.read_text(errors="replace")[-TAIL_CHARS:]

    def rss_kib(self) -> int:
        """Resident memory, in KiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise Silent(f"{self.name} has ended: {self.tail()}")


class Programs:
    """All programs of one figure, in a directory of their own; leaving the context ends them."""

    def __init__(self, csms: Csms, folder: Path) -> None:
        self.csms = csms
        self.folder = folder
        self._running: list[Program] = []
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._running:
            program.kill()

    def start(self, name: str, argv: Sequence[str], errors: int | None = None) -> Program:
        """Spawn *argv*; its standard error goes to the descriptor *errors*, or with everything else that it says to a file."""
        self._count += 1
        program = Program(name, argv, self.folder / f"{name}-{self._count}.log", errors)
        self._running.append(program)
        return program

    def drop(self, program: Program) -> None:
        """End one of them before the others."""
        program.kill()
        self._running.remove(program)

    def kill_traced(self) -> None:
        """End the children of the programs that run here, which are tracers; these end with what they trace."""
        for program in self._running:
            children = Path(f"/proc/{program.pid}/task/{program.pid}/children")
            for child in children.read_text().split() if children.exists() else ():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
            program.process.wait(END_LIMIT_S)

    def yardstick(self, script: str, *args: str) -> list[str]:
        """The command line of a yardstick."""
        return [sys.executable, str(PROGRAMS / script), *args]

    def station_argv(self, name: str, data: Path) -> list[str]:
        """The command line of the station."""
        return [
            str(Path(sys.executable).with_name("stationd")), "run", "--csms", self.csms.url, "--identity", name, "--data", str(data),
            "--control", str(data.with_suffix(".sock")),
        ]  # fmt: skip

    async def ready(self, name: str, argv: Sequence[str]) -> int:
        """Spawn the station *argv*; nanoseconds until it says that it is ready.  It is ended then, as by a power cut."""
        reading, writing = os.pipe()
        loop = asyncio.get_running_loop()
        heard = loop.create_future()
        said = bytearray()

        def hear() -> None:
            part = os.read(reading, 65536)
            said.extend(part)
            if READY in said and not heard.done():
                heard.set_result(perf_counter_ns())
            elif not part:
                loop.remove_reader(reading)

        loop.add_reader(reading, hear)
        program = self.start(name, argv, writing)
        try:
            at: int = await self._within(program, heard)
        except Silent:
            program.said.write_bytes(said)
            raise Silent(f"{name} did not become ready:\n{program.tail()}") from None
        finally:
            loop.remove_reader(reading)
            os.close(reading)
            os.close(writing)
            self.drop(program)
        return at - program.started_ns

    async def linked(self, name: str, argv: Sequence[str]) -> tuple[Program, Link]:
        """Spawn *argv* and wait for its link."""
        expected = self.csms.expect(name)
        program = self.start(name, argv)
        return program, await self._within(program, expected)

    async def booted(self, name: str, argv: Sequence[str]) -> tuple[Program, Link, int]:
        """Spawn *argv* and wait for its BootNotification; also the nanoseconds from spawn to its arrival."""
        program, link = await self.linked(name, argv)
        at = await self._within(program, link.booted)
        return program, link, at - program.started_ns

    async def echo(self, name: str, kind: str, path: Path | None = None, row_bytes: int = 0) -> tuple[Program, Link]:
        """One of the echoing yardsticks."""
        args = [f"{self.csms.url}/{name}", kind] + ([str(path), str(row_bytes)] if path is not None else [])
        return await self.linked(name, self.yardstick("echo.py", *args))

    @staticmethod
    async def _within(program: Program, waiting: asyncio.Future[T]) -> T:
        """What *waiting* brings, unless the program ends first or takes too long."""
        limit_ns = perf_counter_ns() + CONNECT_LIMIT_NS
        while not waiting.done():
            await asyncio.wait([waiting], timeout=LOOK_S)
            if not waiting.done() and program.process.poll() is not None:
                raise Silent(f"{program.name} ended with status {program.process.returncode} instead of connecting:\n{program.tail()}")
            if not waiting.done() and perf_counter_ns() > limit_ns:
                raise Silent(f"{program.name} did not connect and boot in time:\n{program.tail()}")
        return waiting.result()
