"""``websockets`` without what its version costs.

Law: loading this changes nothing but the time and memory that loading ``websockets`` takes.

A released package knows its version as a text, but loads ``importlib.metadata`` to be able to look one up, and with it the e-mail, zip and CSV
packages: 10 ms and 2 MB of a start that is measured.  An empty module stands in its place while the version is loaded, and is gone afterwards.
"""

from __future__ import annotations

import sys
from types import ModuleType

if "websockets" not in sys.modules and "importlib.metadata" not in sys.modules:
    sys.modules["importlib.metadata"] = ModuleType("importlib.metadata")
    try:
        import websockets.version  # noqa: F401
    finally:
        del sys.modules["importlib.metadata"]
