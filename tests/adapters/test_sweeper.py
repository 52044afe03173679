"""The vault after a retirement.

Law: what is still named stays, what only retired turns named goes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.sweeper import STEP_ROWS, Sweeper
from eventlog.fold import Folded
from eventlog.journal import Journal
from eventlog.store import digest
from eventlog.vault import PERSON, Vault
from machines.station import STATION


def names(text: str) -> bytes:
    """A row that names *text*, which is a placeholder."""
    return b"a turn of " + text.encode()


def swept(vault: Vault, journal: Journal, *, twice: bool = False) -> None:
    """Sweep to the end; what was used lately is spared the first two times, as it would be in a station that has just seen it."""

    async def run() -> None:
        sweeper = Sweeper(vault, journal, lambda: Folded(STATION.genesis()))
        for _ in range(3):
            sweeper.begin()
            if twice:
                sweeper.begin()
            for _ in range(8):
                await asyncio.sleep(0)

    asyncio.run(run())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[Vault, Journal, list[str]]]:
    """Four persons: named in a retired turn, in a closing snapshot, in a turn that is kept, and in the newest one."""
    vault = Vault(tmp_path, os.urandom)
    persons = [vault.keep(f"card-{n}", PERSON) for n in range(4)]
    vault.flush(0)
    journal = Journal(tmp_path / "journal", entropy=os.urandom)
    last = STEP_ROWS * 2 + 10
    rows = [(seq, b"nobody") for seq in range(last)]
    rows[3] = (3, names(persons[0]))
    rows[20] = (20, names(persons[2]))
    rows[last - 1] = (last - 1, names(persons[3]))
    journal.append(rows)
    journal.put_closing(10, digest(names(persons[1])) + names(persons[1]))
    while not journal.retire(10):
        pass
    yield vault, journal, persons
    journal.close()


@pytest.mark.parametrize("twice", [False, True])
def test_texts_go_with_the_last_turn_that_named_them(house: tuple[Vault, Journal, list[str]], twice: bool) -> None:  # noqa: FBT001 (a parameter)
    """If this failed, a vault would grow for ever, or forget who charges now."""
    vault, journal, _ = house
    swept(vault, journal, twice=twice)
    assert [bool(vault.find(f"card-{n}")) for n in range(4)] == [False, True, True, True]


def test_a_sweep_that_fails_or_is_stopped_takes_nothing(house: tuple[Vault, Journal, list[str]]) -> None:
    """The journal is closed in the middle of it, or turns are retired under its hands."""
    vault, journal, _ = house

    async def run() -> None:
        sweeper = Sweeper(vault, journal, lambda: Folded(STATION.genesis()))
        sweeper.begin()
        await asyncio.sleep(0)
        sweeper.stop()
        await asyncio.sleep(0)
        sweeper.begin()
        await asyncio.sleep(0)
        journal.close()
        for _ in range(4):
            await asyncio.sleep(0)

    asyncio.run(run())
    assert all(vault.find(f"card-{n}") for n in range(4))
