"""The station as a process, for tests of the command line."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 30.0


class Child:
    """``stationd run`` as a child process, with its log in a file."""

    def __init__(self, data: Path, *words: str) -> None:
        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        self.log = data.parent / f"{data.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stationd", "run", "--data", os.fspath(data), *words], stderr=log, stdin=subprocess.DEVNULL
            )

    def connect(self) -> socket.socket:
        """Its control socket, as soon as it answers."""
        limit = time.monotonic() + PATIENCE_S
        while True:
            found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                found.connect(os.fspath(self.data / "control.sock"))
            except OSError:
                found.close()
                assert self.process.poll() is None, self.text()
                assert time.monotonic() < limit, self.text()
                selectors.DefaultSelector().select(0.02)
            else:
                found.settimeout(PATIENCE_S)
                return found

    def ask(self, verb: str, **args: Any) -> dict[str, Any]:
        """One verb, its whole answer."""
        return self.say(json.dumps({"id": 1, "verb": verb, "args": args}).encode())

    def say(self, line: bytes) -> dict[str, Any]:
        """One line, its answer."""
        with self.connect() as sock, sock.makefile("rb") as lines:
            sock.sendall(line + b"\n")
            found: dict[str, Any] = json.loads(lines.readline())
        return found

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The state, once it is as wanted."""
        limit = time.monotonic() + PATIENCE_S
        state: dict[str, Any]
        while not wanted(state := self.ask("state")["result"]):
            assert time.monotonic() < limit, f"{state}\n{self.text()}"
            selectors.DefaultSelector().select(0.02)
        return state

    def text(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace")

    def stop(self, sign: int = signal.SIGTERM) -> int:
        """End it; returns its exit status."""
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE_S)


Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A starter of stations; none outlives the test."""
    made: list[Child] = []

    def begin(*words: str, data: str = "cp") -> Child:
        made.append(Child(tmp_path / data, *words))
        return made[-1]

    yield begin
    for child in made:
        child.process.kill()
        child.process.wait()


def run(*words: str | bytes, **more: Any) -> subprocess.CompletedProcess[str]:
    """One command of stationd, to its end."""
    return subprocess.run([sys.executable, "-m", "stationd", *words], capture_output=True, text=True, timeout=60, check=False, **more)
