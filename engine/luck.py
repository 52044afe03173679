"""Chance, after the fact.

Law: every random choice is a function of the 64 bits that the recorder drew for the input, so replay makes the same one.
"""

from __future__ import annotations

from hashlib import blake2b


def draw(luck: int, purpose: str, below: int) -> int:
    """A number in ``range(below)`` that *luck* fixes for *purpose*; 0 where *below* is 0 or 1."""
    if below <= 1:
        return 0
    digest = blake2b(purpose.encode(), key=luck.to_bytes(8, "big"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % below
