"""How ``--help`` is laid out.

Law: as argparse does it, but nobody who does not ask for help waits for the module that knows a terminal's width.
"""

from __future__ import annotations

import argparse
import os

MARGIN = 2


class Page(argparse.RawDescriptionHelpFormatter):
    """Descriptions and examples as they are written.  argparse makes one of these for every option that is declared."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=columns() - MARGIN)


def columns() -> int:
    """The terminal's width: what COLUMNS says, else what it says itself, else 80."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size().columns or 80
    except OSError:
        return 80
