"""The command that ``make venv`` puts beside the interpreter.

Law: what a person types is what is tested.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.waiting import PATIENCE_S


def test_the_command_can_start_processes() -> None:
    """Each of them looks into the command that started the first one.  Else a campaign starts campaigns, and none of them comes to its end."""
    command = [str(Path(sys.executable).with_name("stationd")), "campaign", "requests", "--count", "100", "--no-record"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout.count("0 stations answered wrongly")) == (0, 1), done.stderr[-500:]
