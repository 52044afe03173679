"""How often a process makes the disk wait, counted by strace.

Law: what counts is every call that returns only after the medium has what it was given: fsync and its kin, and writes through a descriptor that was
opened to be synchronous.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

CALLS = (
    "open", "openat", "openat2", "creat", "close", "dup", "dup2", "dup3", "fcntl", "fsync", "fdatasync", "msync", "syncfs", "sync",
    "sync_file_range", "write", "writev", "pwrite64", "pwritev", "pwritev2", "io_uring_enter", "io_submit",
)  # fmt: skip
"""The calls to trace: those that flush, those that make a descriptor synchronous, and those that flush through such a descriptor."""

ALWAYS = frozenset(("fsync", "fdatasync", "msync", "syncfs", "sync", "sync_file_range"))
OPENS = frozenset(("open", "openat", "openat2", "creat"))
COPIES = frozenset(("dup", "dup2", "dup3"))
WRITES = frozenset(("write", "writev", "pwrite64", "pwritev", "pwritev2"))
UNSEEN = frozenset(("io_uring_enter", "io_submit"))

UNFINISHED = " <unfinished ...>"
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>")
LINE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+|\?)")


def strace(into: str) -> list[str]:
    """The words that go before a command line to have it traced, with all that it starts, into the file *into*."""
    # ?name: a call that this machine does not have is passed over.
    return ["strace", "-f", "-qq", "-s", "0", "-e", "signal=none", "-e", "trace=" + ",".join(f"?{name}" for name in CALLS), "-o", into]


def calls(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """(name, arguments, result) of every call that returned, the halves of one that was interrupted put together."""
    begun: dict[str, str] = {}
    for line in lines:
        pid, _, text = line.strip().partition(" ")
        text = text.strip()
        if text.endswith(UNFINISHED):
            begun[pid] = text.removesuffix(UNFINISHED)
            continue
        resumed = RESUMED.match(text)
        if resumed is not None:
            text = begun.pop(pid, resumed[1] + "(") + text[resumed.end() :]
        found = LINE.match(text)
        if found is not None:
            yield found[1], found[2], found[3]


def count(lines: Iterable[str], sync: set[int]) -> int:
    """Flushes in *lines*; *sync* holds the synchronous descriptors before them, and after them those that there are then.

    Raises RuntimeError for a way to write that strace does not look into.
    """
    flushes = 0
    for name, arguments, result in calls(lines):
        first = arguments.partition(",")[0].strip()
        if result.startswith("-") or result == "?":
            continue
        if name in ALWAYS:
            # msync and sync_file_range may be asked not to wait.
            flushes += "MS_ASYNC" not in arguments and (name != "sync_file_range" or "WAIT_AFTER" in arguments)
        elif name in OPENS:
            (sync.add if "O_DSYNC" in arguments or "O_SYNC" in arguments else sync.discard)(int(result))
        elif name in COPIES or (name == "fcntl" and "F_DUPFD" in arguments):
            (sync.add if int(first) in sync else sync.discard)(int(result))
        elif name == "close":
            sync.discard(int(first))
        elif name in WRITES:
            flushes += int(first) in sync or "RWF_DSYNC" in arguments or "RWF_SYNC" in arguments
        elif name in UNSEEN:
            raise RuntimeError(f"the process calls {name}, whose writes strace does not show: flushes cannot be counted so")
    return flushes
