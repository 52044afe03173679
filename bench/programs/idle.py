"""An asyncio process that does nothing.  One law: nothing.

Usage: python idle.py
"""

from __future__ import annotations

import asyncio

LONG_S = 86_400

if __name__ == "__main__":
    asyncio.run(asyncio.sleep(LONG_S))
