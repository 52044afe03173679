"""Where a station's data lies when nobody says.

Law: one rule for all commands; it reads the environment and touches no file.
"""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import SetupFault


def default_data() -> Path:
    """The data directory: the first of ``$STATE_DIRECTORY`` (systemd), else ``stationd`` in the XDG state home, else ``~/.local/state/stationd``.

    Raises SetupFault where the user has no home directory either.
    """
    # systemd separates several directories by colons; the first is the one that the unit names first.
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    # The XDG rules say that a relative path is to be ignored.
    state_home = os.environ.get("XDG_STATE_HOME", "")
    if state_home.startswith("/"):
        return Path(state_home) / "stationd"
    try:
        return Path.home() / ".local" / "state" / "stationd"
    except RuntimeError as error:
        raise SetupFault("this user has no home directory; say where the data lies with --data DIR") from error
