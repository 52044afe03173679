"""Orphans: what was kept and never reached the journal goes at the next start, and nothing else does.

Law: nothing goes that a row, a closing snapshot or the station still names, and a start looks only at the rows since it last looked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.machine import Station
from eventlog import segments
from eventlog.codec import encode_turn
from eventlog.fold import Folded
from eventlog.memory import MemoryJournal
from eventlog.sweeping import referenced, referenced_by, sweep, sweep_orphans
from eventlog.vault import PERSON, SECRET, Vault
from machines.inputs import CardPresented
from machines.station import STATION
from tests.eventlog.test_vault import chance, put
from tests.story import Story


class Counted(MemoryJournal):
    """A journal that tells from where its rows were read."""

    def __init__(self) -> None:
        super().__init__()
        self.read_from: list[int] = []

    def rows(self, after: int = -1, station: int = 0) -> Iterator[tuple[int, bytes]]:
        self.read_from.append(after)
        return super().rows(after, station)


class House:
    """A station whose power can go between the vault and the journal."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = Counted()
        self.seed = 0
        self.story = Story()
        self.story.boot()
        self.store.append([(turn.seq, encode_turn(turn)) for turn in self.story.turns])
        self.vault = Vault(directory, chance(self.seed))

    @property
    def folded(self) -> Folded:
        """The station after its last durable turn."""
        return Folded(self.story.station, seq=self.store.last()[0], at=self.story.at, chain=self.store.last()[1])

    def swipe(self, card: str, *, cut_off: bool = False) -> str:
        """A card is held to the reader; *cut_off*: the power goes after the vault is durable, and before the journal is."""
        placeholder = self.vault.keep(card, PERSON)
        self.vault.flush(self.store.last()[0] + 1)
        if not cut_off:
            # A card that no EVSE is free for leaves no trace in the station, but for the row.
            turn = self.story.when(CardPresented(token=placeholder, token_type="ISO14443", evse_ids=(9,)))
            self.store.append([(turn.seq, encode_turn(turn))])
        return placeholder[8:40]

    def restart(self) -> int:
        """Another process; how many orphans went."""
        self.seed += 1
        self.store.read_from.clear()
        self.vault = Vault(self.directory, chance(self.seed))
        return sweep_orphans(self.vault, self.store, self.folded)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A station that is accepted and idle."""
    return House(tmp_path)


def test_a_text_whose_turn_never_was_is_swept_at_the_next_start(house: House) -> None:
    """If this failed, a card that the station never reacted to would lie in the vault for ever."""
    seen, orphan = house.swipe("04AABB"), house.swipe("04CCDD", cut_off=True)
    assert house.restart() == 1
    assert (house.vault.holds(seen), house.vault.holds(orphan)) == (True, False)
    assert house.restart() == 0
    assert house.vault.holds(seen)


def test_a_start_looks_only_at_what_is_new(house: House) -> None:
    """If this failed, every start would read the whole journal."""
    house.swipe("04AABB")
    house.restart()
    last = house.store.last()[0]
    assert house.store.read_from == [last - 1]
    house.restart()
    assert house.store.read_from == [], "nothing was kept since"
    for n in range(20):
        house.swipe("04AABB" if n % 2 else f"04{n:04}")
    house.restart()
    assert house.store.read_from == [last], "from the first turn that may name a new one"


def test_a_text_that_only_the_station_names_stays(house: House) -> None:
    """If this failed, a password whose turn was retired would be destroyed: the station's state holds it."""
    handle = put(house.vault, "04EEFF", PERSON, house.store.last()[0] + 1)
    parts = dict(house.story.station.parts)
    persons = parts["persons"].copy()
    persons.waiting = (f"<sealed:{handle}:6:p>",)
    parts["persons"] = persons
    house.story.station = Station(parts)
    assert referenced_by(house.story.station) == {handle}
    assert house.restart() == 0
    assert house.vault.holds(handle)


def test_a_text_that_a_closing_snapshot_names_stays(house: House) -> None:
    """If this failed, the base of what is replayed would name nobody."""
    handle = put(house.vault, "04EEFF", PERSON, house.store.last()[0] + 1)
    parts = dict(STATION.genesis().parts)
    persons = parts["persons"].copy()
    persons.waiting = (f"<sealed:{handle}:6:p>",)
    parts["persons"] = persons
    segments.close(house.store, Folded(Station(parts), seq=house.folded.seq, at=house.folded.at, chain=house.folded.chain))
    assert house.restart() == 0
    assert house.vault.holds(handle)


def test_whoever_retires_turns_can_sweep_what_only_they_named(house: House) -> None:
    """If this failed, cards would be kept longer than the history that they are in."""
    old, new = house.swipe("04AABB"), house.swipe("04CCDD")
    house.restart()
    live = referenced([row for row in house.store.rows() if row[0] == house.store.last()[0]])
    assert live == {new}
    assert sweep(house.vault, live) == 1
    assert (house.vault.holds(old), house.vault.holds(new)) == (False, True)


def test_what_an_input_on_its_way_may_name_is_not_swept(house: House) -> None:
    """If this failed, a card would be held to the reader while history is retired, and name nobody a moment later."""
    house.swipe("04AABB")
    house.restart()
    one = house.vault.keep("04AABB", PERSON)[8:40]
    fresh = house.vault.keep("04CCDD", PERSON)[8:40]
    assert sweep(house.vault, set()) == 0
    house.vault.flush(99)
    assert sweep(house.vault, set()) == 0, "it may still be on its way"
    assert sweep(house.vault, set()) == 2
    assert not house.vault.holds(one)
    assert not house.vault.holds(fresh)


def test_no_vault_costs_nothing(house: House) -> None:
    """If this failed, an idle station without secrets would load a cipher at every start."""
    assert house.restart() == 0
    assert list(house.directory.iterdir()) == []


def test_a_wrong_key_sweeps_nothing(house: House) -> None:
    """If this failed, a wrong backup of the key would take texts with it."""
    from engine.errors import SetupFault

    put(house.vault, "password", SECRET, house.store.last()[0] + 1)
    (house.directory / "vault.key").write_bytes(b"w" * 32)
    whole = (house.directory / "vault").read_bytes()
    with pytest.raises(SetupFault, match="is not its key"):
        house.restart()
    assert (house.directory / "vault").read_bytes() == whole
