"""Look at all of a journal in a process of its own, which may die of what it finds.

Law: the daemon opens no journal that the last start may have died of, before another process has read all of it and lived.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from pathlib import Path

from eventlog.opening import MARKER, refuse

log = logging.getLogger("stationd.scan")


def scan_if_marked(path: Path) -> None:
    """Look at the journal *path* where its last start did not come to an end.  Raises SetupFault where it is damaged."""
    if not (path / MARKER).exists():
        return
    log.warning("the last start did not come to an end: looking at all of the journal first")
    done = subprocess.run([sys.executable, "-m", "eventlog.damage", str(path)], capture_output=True, text=True, check=False)
    if done.returncode < 0:
        refuse(path, f"reading it ends with {signal.Signals(-done.returncode).name}")
    if done.returncode:
        refuse(path, (done.stdout.strip() or done.stderr.strip()).rpartition("\n")[2] or "it cannot be read")
