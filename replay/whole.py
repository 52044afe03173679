"""Whether a journal is whole.

Law: every row is looked at, whatever is wrong with the ones before it; nothing is folded and nothing decided.
"""

from __future__ import annotations

from attrs import define, field

from engine.errors import JournalFault
from eventlog.fold import CHAIN_BYTES
from eventlog.store import Reading, link
from replay.reading import turn_of
from replay.text import moment

DAMAGE_MOST = 20
"""More of it says nothing new; the rest is counted."""


@define(kw_only=True)
class Whole:
    """What the examination found: the rows that are there, and what is wrong with them."""

    turns: int = 0
    faults: int = 0
    damage: list[str] = field(factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults

    def add(self, text: str) -> None:
        """One more fault; the first ones are kept in words."""
        self.faults += 1
        if len(self.damage) < DAMAGE_MOST:
            self.damage.append(text)

    def __str__(self) -> str:
        """The end line."""
        return f"log: {self.turns} turns, {self.faults} faults"


def examine(store: Reading, station: int = 0) -> Whole:
    """Look at every row: does it follow the one before it in number, time and hash chain, and can this build read it."""
    found = Whole()
    last_seq, chain = store.base(station)
    last_at = -1
    for seq, row in store.rows(-1, station):
        if seq != last_seq + 1:
            found.add(f"turn {last_seq + 1} is missing: the next one is turn {seq}")
        elif link(chain, row[CHAIN_BYTES:]) != row[:CHAIN_BYTES]:
            found.add(f"turn {seq} was changed after it was written, or the one before it: its link of the hash chain does not fit")
        chain, last_seq = row[:CHAIN_BYTES], seq
        found.turns += 1
        try:
            at = turn_of(seq, row).at
        except JournalFault as error:
            found.add(str(error))
            continue
        if at <= last_at:
            found.add(f"turn {seq} at {moment(at)} is not after the turn before it, at {moment(last_at)}")
        last_at = at
    return found
