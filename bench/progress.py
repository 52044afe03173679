"""How far it is.  One law: a bar for a person, whole lines for a file, and nothing of either in the result."""

from __future__ import annotations

import sys
from collections.abc import Iterator

WIDTH = 30


class Progress:
    """Counts rounds on standard error."""

    def __init__(self) -> None:
        self._tty = sys.stderr.isatty()

    def rounds(self, label: str, count: int) -> Iterator[int]:
        """The numbers 0 to *count* - 1, shown as they are taken."""
        if not self._tty:
            self._write(f"{label}: {count} rounds\n")
        for done in range(count):
            if self._tty:
                self._bar(label, done, count)
            yield done
        if self._tty:
            self._write("\r\x1b[K")

    def step(self, label: str) -> None:
        """Say what takes its time now."""
        self._write(f"\r\x1b[K{label} ..." if self._tty else f"{label}\n")

    def done(self) -> None:
        """Take the last step off the screen."""
        if self._tty:
            self._write("\r\x1b[K")

    def _bar(self, label: str, done: int, count: int) -> None:
        full = done * WIDTH // count
        self._write(f"\r\x1b[K{label:14} [{'#' * full}{' ' * (WIDTH - full)}] {done}/{count}")

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
