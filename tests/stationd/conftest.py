"""The station as a process, for tests of the command line."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from tests.waiting import PATIENCE_S, until


class Child:
    """``stationd run`` as a child process, with its log in a file; ``with`` ends it."""

    def __init__(self, data: Path, *words: str) -> None:
        assert "--csms" in words, "the default is a well-known port, and who answers there is not known: nobody() is one that refuses"
        self.data = data
        data.mkdir(parents=True, exist_ok=True)
        self.log = data.parent / f"{data.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stationd", "run", "--data", os.fspath(data), *words], stderr=log, stdin=subprocess.DEVNULL
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def connect(self) -> socket.socket:
        """Its control socket, as soon as it answers."""
        found = until(self._connected, self.text)
        assert found is not None
        return found

    def _connected(self) -> socket.socket | None:
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            found.connect(os.fspath(self.data / "control.sock"))
        except OSError:
            found.close()
            assert self.process.poll() is None, self.text()
            return None
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
        seen: list[dict[str, Any]] = []

        def reached() -> bool:
            seen[:] = [self.ask("state")["result"]]
            return wanted(seen[0])

        until(reached, lambda: f"{seen}\n{self.text()}")
        return seen[0]

    def text(self) -> str:
        """Its log."""
        return self.log.read_text(errors="replace")

    def stop(self, sign: int = signal.SIGTERM) -> int:
        """End it; returns its exit status."""
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE_S)


Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path, nobody: str) -> Iterator[Start]:
    """A starter of stations, whose CSMS refuses every link where none is named; none outlives the test."""
    with ExitStack() as made:

        def begin(*words: str, data: str = "cp") -> Child:
            named = words if "--csms" in words else ("--csms", f"ws://{nobody}", *words)
            return made.enter_context(Child(tmp_path / data, *named))

        yield begin


def run(*words: str | bytes, **more: Any) -> subprocess.CompletedProcess[str]:
    """One command of stationd, to its end."""
    return subprocess.run([sys.executable, "-m", "stationd", *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False, **more)
