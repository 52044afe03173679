"""The clocks of the machine that the station runs on, and the name of its boot.

Law: read here and put into inputs; nothing that decides looks at a clock.
"""

from __future__ import annotations

import os
import time
from pathlib import Path


def now_us() -> int:
    """The machine's clock that also passes while it sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def wall_us() -> int:
    """Microseconds since 1970, as the system has it."""
    return time.time_ns() // 1000


def boot_id() -> str:
    """What tells one boot of the machine from another; random where the system does not say, which counts as another each time."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return os.urandom(8).hex()
