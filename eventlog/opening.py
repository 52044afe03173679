"""Opening a journal: one writer, a mark while it lasts, and what is said where its file is damaged.

Law: whoever finds the mark knows that the last start died while it opened the journal.
"""

from __future__ import annotations

import fcntl
import os
from io import BufferedRandom
from pathlib import Path
from typing import NoReturn

from engine.errors import SetupFault
from eventlog import damage
from eventlog.store import STATUS_IN_USE, STATUS_UNREADABLE, STATUS_UNWRITABLE

MARKER = "opening"


def claim(path: Path) -> BufferedRandom:
    """The one writer's lock on the journal directory *path*; closing it gives it back.  Raises SetupFault where another process has it."""
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.fdopen(os.open(path / "daemon.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")
    except OSError as error:
        raise SetupFault(
            f"{path}: cannot write here ({error.strerror}); choose a directory that this user may write with --data DIR",
            STATUS_UNWRITABLE,
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock.fileno(), 20, 0).decode("ascii", "replace").strip()
        lock.close()
        raise SetupFault(
            f"{path}: another stationd has this data directory open (process {holder or 'unknown'}); "
            "stop it first, or give this one a directory of its own with --data DIR",
            STATUS_IN_USE,
        ) from error
    os.ftruncate(lock.fileno(), 0)
    os.pwrite(lock.fileno(), str(os.getpid()).encode(), 0)
    return lock


def in_use(path: Path) -> bool:
    """Whether a daemon has the journal open now."""
    try:
        with (path / "daemon.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def mark(path: Path) -> None:
    """Say, durably, that the journal is being opened: whoever finds this has died of it, and the next start looks at all of the file first."""
    try:
        handle = os.open(path / MARKER, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fsync(handle)
        os.close(handle)
    except OSError:
        # Without room even for this, opening is what matters.
        return


def refuse(path: Path, what: str) -> NoReturn:
    """The fault of a journal directory *path* whose file is damaged: what it is, up to where all is well, and the two ways on."""
    good = last_good(path)
    until = f"turn {good} is the last one before the damage" if good >= 0 else "no turn before the damage can be made out"
    raise SetupFault(f"{path / 'data.mdb'}: the journal is damaged: {what}; {until}; {damage.WAYS_ON.format(data=path.parent)}", STATUS_UNREADABLE)


def last_good(path: Path) -> int:
    """The last turn before whatever is damaged, by the hash chain; -1 for none.  Reads all of the file."""
    from eventlog.recovery import candidates, recover  # needed where something is wrong, and a start waits for every module

    try:
        return max([one.last for one in recover(candidates(path / "data.mdb"))], default=-1)
    except OSError:
        return -1
