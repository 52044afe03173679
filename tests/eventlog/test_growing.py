"""Closing snapshots of an older build, read by this one; and those of a newer build, refused by name.

Law: what was retired is left in its closing snapshot and nowhere else, so that states and the values in them are read for as long as a journal lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import attrs
import msgpack
import pytest

from engine.errors import JournalFault, SetupFault
from engine.event import Fact, Input, Value
from engine.kernel import Kernel, Settled, Turn
from engine.machine import Conclusions, Context, Machine, Part, State, Station, state
from engine.records import BY_CLASS, BY_KIND, ENUM_KINDS, ENUMS, OLD_BLOBS, UPCASTS, build, enumeration, record, upcast
from eventlog import segments
from eventlog.codec import ENUM, decode, encode, encode_turn
from eventlog.fold import fold
from eventlog.journal import FORMAT, Journal
from eventlog.memory import MemoryJournal
from eventlog.store import BUILD, digest
from replay.verify import verify

TOLD, KNOWN, SHELF, BOX, SHADE = 64_200, 64_201, 64_202, 64_203, 64_204


@pytest.fixture(autouse=True)
def numbers() -> Iterator[None]:
    """The numbers that a test gives are given back."""
    tables: tuple[dict[Any, Any], ...] = (BY_KIND, BY_CLASS, ENUMS, ENUM_KINDS, UPCASTS, OLD_BLOBS)
    before = [table.copy() for table in tables]
    yield
    for table, was in zip(tables, before, strict=True):
        table.clear()
        table.update(was)


def forget(*kinds: int) -> None:
    """An update is installed: the old classes are gone."""
    for kind in kinds:
        BY_KIND.pop(kind, None)
        ENUMS.pop(kind, None)


def stored() -> MemoryJournal:
    """A journal of the older build: three boxes, then everything retired, then one more."""

    @record(TOLD)
    class Put(Input):
        place: int

    @record(KNOWN)
    class Stored(Fact):
        place: int
        weight: int = 1

    @enumeration(SHADE)
    class Shade(Enum):
        LIGHT = 1
        DARK = 2

    @record(BOX)
    class Box(Value):
        weight: int
        shade: Shade = Shade.LIGHT

    @state(SHELF)
    class Shelf(State):
        boxes: dict[int, Box] = attrs.field(factory=dict)
        count: int = 0

    part = Part("shelf", Shelf)

    def put(shelf: Shelf, fact: Stored) -> None:
        shelf.boxes[fact.place] = Box(weight=fact.weight, shade=Shade.DARK)
        shelf.count += 1

    def decide(station: Station, told: Put, cx: Context) -> Conclusions:
        yield Stored(place=told.place)

    kernel = Kernel((Machine(part, folds={Stored: put}, hears={Put: decide}),))
    journal = MemoryJournal()
    station = kernel.genesis()
    for seq in range(4):
        turn, station = kernel.turn(station, Put(place=seq), Context(seq=seq, at=seq + 1, luck=0))
        journal.append([(seq, encode_turn(turn))])
        if seq == 2:
            segments.close(journal, fold(kernel, segments.begin(journal, kernel), journal.rows()))
            assert journal.retire(2)
    forget(TOLD, KNOWN, SHELF, BOX, SHADE)
    return journal


def test_an_older_builds_states_values_and_enumerations_are_carried_up() -> None:
    """If this failed, an update would lose what a station knew from turns that were retired long ago."""
    journal = stored()

    @record(TOLD)
    class Put(Input):
        place: int

    @record(KNOWN, version=2)  # the place has a name now
    class Stored(Fact):
        name: str
        weight: int

    @enumeration(SHADE)  # grew, in the middle
    class Shade(Enum):
        LIGHT = 1
        MIDDLE = 3
        DARK = 2

    @record(BOX, version=2)  # grams instead of kilograms
    class Box(Value):
        weight_g: int
        shade: Shade = Shade.MIDDLE

    @state(SHELF, version=3)  # a field renamed and its keys changed; then a field more
    class Shelf(State):
        by_name: dict[str, Box] = attrs.field(factory=dict)
        count: int = 0
        heaviest_g: int = 0

    @state(64_205)
    class Lamp(State):
        on: bool = True

    upcast(KNOWN, 1, count=2, defaults=(1,))(lambda fields: (f"box {fields[0]}", fields[1]))
    upcast(BOX, 1, count=2, defaults=(Shade.LIGHT,))(lambda fields: (fields[0] * 1000, fields[1]))
    upcast(SHELF, 1, count=2, defaults=(0,))(lambda fields: ({f"box {place}": box for place, box in fields[0].items()}, fields[1]))
    upcast(SHELF, 2, count=2)(lambda fields: (*fields, max((box.weight_g for box in fields[0].values()), default=0)))

    def put(shelf: Shelf, fact: Stored) -> None:
        shelf.by_name[fact.name] = Box(weight_g=fact.weight * 1000, shade=Shade.DARK)
        shelf.count += 1

    def decide(station: Station, told: Put, cx: Context) -> Conclusions:
        yield Stored(name=f"box {told.place}", weight=1)

    def light(lamp: Lamp, fact: Stored) -> None:
        lamp.on = False

    shelf, lamp = Part("shelf", Shelf), Part("lamp", Lamp)
    kernel = Kernel((Machine(shelf, folds={Stored: put}, hears={Put: decide}), Machine(lamp, folds={Stored: light}, hears={})))
    begun = segments.begin(journal, kernel)
    box = Box(weight_g=1000, shade=Shade.DARK)
    assert begun.station[shelf] == Shelf(by_name={"box 0": box, "box 1": box, "box 2": box}, count=3, heaviest_g=1000)
    assert begun.station[lamp] == Lamp(on=True), "a part that is new begins as at genesis"
    after = fold(kernel, begun, journal.rows())
    assert after.station[shelf].count == 4
    assert after.station[shelf].by_name["box 3"] == box
    assert after.station[lamp] == Lamp(on=False)
    # What this build closes is read again as its own.
    again = MemoryJournal()
    again.append([(0, b"a row")])
    after.seq, after.chain = 0, again.last()[1]
    segments.close(again, after)
    assert again.retire(0)
    assert segments.begin(again, kernel).station == after.station


def test_a_part_that_is_gone_is_left_out() -> None:
    """If this failed, a machine could never be taken away."""
    journal = stored()
    assert "shelf" not in segments.begin(journal, Kernel(())).station.parts
    assert "Put" in str(verify(Kernel(()), journal).damage) or "kind 64200" in str(verify(Kernel(()), journal).damage), "its own turns are named"


def test_the_state_of_a_machine_that_is_gone_is_not_even_read() -> None:
    """If this failed, the records of a machine that is gone would have to be kept for its closings alone."""
    journal = stored()
    assert SHELF not in BY_KIND
    segments.begin(journal, Kernel(()))


@pytest.mark.parametrize("newer", ["state", "value", "member", "enumeration"])
def test_a_newer_builds_closing_is_refused_naming_that_build(newer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, an older build would go on from a station that it half understood."""
    monkeypatch.setattr(segments, "BUILD", "7.8.9")
    journal = stored()

    @enumeration(SHADE if newer != "enumeration" else 64_206)
    class Shade(Enum):
        LIGHT = 1
        if newer != "member":
            DARK = 2

    @record(BOX)
    class Box(Value):
        weight: int
        shade: Shade = Shade.LIGHT

    @state(SHELF)
    class Shelf(State):
        boxes: dict[int, Box] = attrs.field(factory=dict)
        count: int = 0

    if newer in ("state", "value"):
        # What was written is a version ahead of what is declared here.
        kind = SHELF if newer == "state" else BOX
        body = next(body for _, body in journal.closings())
        code = msgpack.packb(kind)
        assert code in body
        grown = _raised(body, kind)
        journal._closings[0] = {2: grown}
    with pytest.raises(JournalFault, match=r"closing snapshot after turn 2: shelf: .* comes from a newer build.*stationd 7\.8\.9 wrote it"):
        segments.begin(journal, Kernel((Machine(Part("shelf", Shelf), folds={}, hears={}),)))


def _raised(body: bytes, kind: int) -> bytes:
    """The closing *body* with every record of *kind* a version newer."""

    def again(value: Any) -> Any:
        if isinstance(value, msgpack.ExtType) and value.code == ENUM:
            return value
        if isinstance(value, msgpack.ExtType):
            fields = msgpack.unpackb(value.data, strict_map_key=False)
            fields = [fields[0] + (1 << 16) if fields[0] == kind else fields[0], *map(again, fields[1:])]
            return msgpack.ExtType(value.code, msgpack.packb(fields))
        if isinstance(value, list):
            return [again(one) for one in value]
        if isinstance(value, dict):
            return {key: again(one) for key, one in value.items()}
        return value

    build_, at, chain, parts = segments.opened(body)
    states = [[name, msgpack.packb(again(msgpack.unpackb(packed, strict_map_key=False)))] for name, packed in parts]
    raised: bytes = msgpack.packb([build_, at, chain, states])
    return digest(raised) + raised


def test_a_journal_with_states_of_a_newer_build_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    """If this failed, the older build would write behind a closing that it cannot read, and find out at its next start."""
    journal = Journal(tmp_path)
    known = decode(journal.meta("about") or b"")["records"]
    newer = [(kind, name, version + (name == "Sessions"), fields) for kind, name, version, fields in known]
    journal.put_meta("about", encode({"format": FORMAT, "build": "7.8.9", "records": newer}))
    journal.close()
    with pytest.raises(SetupFault, match=rf"written by stationd 7\.8\.9, which is newer than this one \({BUILD}\): Sessions version 2 is unknown"):
        Journal(tmp_path)


def test_an_older_row_gets_its_left_out_tail_and_its_texts_back() -> None:
    """If this failed, a step up would be given fewer fields than the version had, or a number in place of a text."""

    @record(TOLD, version=2)
    class Note(Fact):
        title: str
        body: bytes
        times: int

    upcast(TOLD, 1, count=3, defaults=("untitled", 7), blobs=(0,))(lambda fields: (fields[1], fields[0], fields[2]))
    texts = [b"first", b"second"]
    assert build([TOLD, 1], texts) == Note(title="untitled", body=b"second", times=7)
    assert build([TOLD, 0, "mine"], texts) == Note(title="mine", body=b"first", times=7)
    assert build([TOLD | 1 << 16, "now", 1, 9], texts) == Note(title="now", body=b"second", times=9)
    with pytest.raises(JournalFault, match=r"kind 64200 version 1 has 3 fields, and the row has 4"):
        build([TOLD, 0, "mine", 1, 2], texts)
    with pytest.raises(JournalFault, match=r"has 3 fields, and the row has 0"):
        build([TOLD], texts)
    with pytest.raises(AssertionError, match="2 defaults for 1 fields"):
        upcast(KNOWN, 1, count=1, defaults=(1, 2))


def test_settled_of_an_older_version_still_empties_the_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, an update of Settled would leave every effect of the past unsettled."""
    from engine.kernel import ENGINE
    from eventlog.fold import Folded
    from machines.effects import SetEvse
    from machines.station import STATION

    asked = Turn(
        seq=0,
        at=1,
        luck=0,
        input=Settled(station=0, seq=9, index=9, outcome="done"),
        facts=(),
        effects=(SetEvse(evse_id=1, energise=True, lock=True),),
    )
    settled = Turn(seq=1, at=2, luck=0, input=Settled(station=0, seq=0, index=0, outcome="done"), facts=(), effects=())
    journal = MemoryJournal()
    journal.append([(turn.seq, encode_turn(turn)) for turn in (asked, settled)])
    assert fold(STATION, Folded(STATION.genesis()), list(journal.rows())[:1]).station[ENGINE].outbox
    entry = BY_CLASS[Settled]
    monkeypatch.setattr(entry, "version", 2)
    monkeypatch.setattr(entry, "code", entry.kind | 1 << 16)
    upcast(entry.kind, 1, count=5, defaults=("",))(lambda fields: fields)
    assert not fold(STATION, Folded(STATION.genesis()), journal.rows()).station[ENGINE].outbox
