"""Records: numbers that are given once, values that come back as they were, old rows that are still read.

Law: every class that can stand in a journal is tried here, with values that Hypothesis makes from its annotations.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

import attrs
import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import machines.station  # noqa: F401 (so that every record is there)
from engine.event import AfterCrash, Effect, Fact, Input, Value
from engine.kernel import Turn
from engine.machine import State
from engine.records import BY_CLASS, BY_KIND, ENUM_KINDS, ENUMS, UPCASTS, UnknownRecord, build, catalogue, enumeration, fields_of, record, upcast
from eventlog.codec import decode, decode_turn, encode, encode_turn, followed_codes

INT64 = st.integers(-(2**63), 2**63 - 1)
OURS = sorted((entry.cls for entry in BY_KIND.values()), key=lambda cls: BY_CLASS[cls].kind)
STATES = [cls for cls in OURS if issubclass(cls, State)]
EVENTS = [cls for cls in OURS if issubclass(cls, Input | Fact | Effect)]


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of an annotation that may stand in a record."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is int:
        return INT64
    if annotation is str:
        return st.text(max_size=12)
    if annotation is bytes:
        return st.binary(max_size=12)
    if annotation is bool:
        return st.booleans()
    if annotation is type(None):
        return st.none()
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*[values(argument) for argument in arguments])
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return st.lists(values(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*[values(argument) for argument in arguments])
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    if annotation is Effect:
        return made(next(cls for cls in EVENTS if issubclass(cls, Effect)))
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return made(annotation)
    raise AssertionError(f"{annotation} may not stand in a record")


def made(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Records of a class."""
    hints = typing.get_type_hints(cls)
    return st.builds(cls, **{field.name: values(hints[field.name]) for field in attrs.fields(cls)})


class Other(Enum):
    """An enum without a number."""

    A = 1


@pytest.fixture
def spare_kinds() -> Iterator[tuple[int, int]]:
    """Two numbers that nobody has; given back."""
    before, casts = dict(BY_KIND), dict(UPCASTS)
    yield 64_100, 64_101
    BY_KIND.clear()
    BY_KIND.update(before)
    UPCASTS.clear()
    UPCASTS.update(casts)


@pytest.mark.parametrize("cls", OURS, ids=lambda cls: cls.__name__)
def test_a_value_comes_back_as_it_was_written(cls: type[Any]) -> None:
    """If this failed, a restart would read something else than what happened."""

    @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(made(cls))
    def tried(value: Any) -> None:
        data = encode(value)
        read = decode(data)
        assert read == value
        assert type(read) is cls
        assert encode(read) == data, "the same bytes every time"
        blobs: list[bytes] = []
        row = fields_of(value, blobs)
        assert build(row, blobs) == value
        assert len(set(blobs)) == len(blobs), "each text once"

    tried()


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_turn_of_anything_comes_back(data: st.DataObject) -> None:
    """If this failed, two records in one row could be mixed up, or share a text that is not theirs."""

    def some(kind: type[Any]) -> Any:
        return data.draw(made(data.draw(st.sampled_from([cls for cls in EVENTS if issubclass(cls, kind)]))))

    turn = Turn(
        seq=data.draw(st.integers(0, 2**40)),
        at=data.draw(st.integers(0, 2**60)),
        luck=data.draw(st.integers(0, 2**64 - 1)),
        input=some(Input),
        facts=tuple(some(Fact) for _ in range(data.draw(st.integers(0, 3)))),
        effects=tuple(some(Effect) for _ in range(data.draw(st.integers(0, 3)))),
    )
    row = encode_turn(turn)
    assert decode_turn(turn.seq, row) == turn
    assert encode_turn(decode_turn(turn.seq, row)) == row


def test_numbers_are_given_once_and_stay_within_their_range() -> None:
    """If this failed, a row would have two readings."""
    told = catalogue()
    assert len({kind for kind, *_ in told}) == len(told) == len({name for _, name, *_ in told}) == len(BY_KIND)
    assert [kind for kind, *_ in told] == sorted(BY_KIND)
    assert all(0 < kind < 1 << 16 for kind in BY_KIND)
    assert not set(ENUMS) & set(BY_KIND), "an enum's number is no record's"
    assert all(ENUM_KINDS[cls] == kind for kind, cls in ENUMS.items())


def test_a_number_cannot_be_given_twice(spare_kinds: tuple[int, int]) -> None:
    """If this failed, whoever came last would read the other's rows."""
    kind, _ = spare_kinds
    record(kind)(type("First", (Fact,), {"__slots__": ()}))
    with pytest.raises(AssertionError, match=f"kind {kind} of Second is already First"):
        record(kind)(type("Second", (Fact,), {"__slots__": ()}))
    with pytest.raises(AssertionError, match="is already"):
        enumeration(next(iter(ENUMS)))(Other)


def test_an_older_row_is_carried_up_step_by_step(spare_kinds: tuple[int, int]) -> None:
    """If this failed, an update would make old journals unreadable."""
    kind, _ = spare_kinds

    @record(kind, version=3)
    class Grown(Fact):
        first: int
        second: int
        third: str = "new"

    upcast(kind, 1, count=1)(lambda fields: (*fields, 20))
    upcast(kind, 2, count=2)(lambda fields: (fields[0] * 100, fields[1]))
    assert build([kind, 1]) == Grown(first=100, second=20)
    assert build([kind | 1 << 16, 1, 2]) == Grown(first=100, second=2)
    assert build([kind | 2 << 16, 1, 2, "x"]) == Grown(first=1, second=2, third="x")
    assert fields_of(Grown(first=1, second=2)) == [kind | 2 << 16, 1, 2]
    with pytest.raises(AssertionError, match="two ways up"):
        upcast(kind, 1, count=1)(lambda fields: fields)


def test_what_a_newer_build_wrote_is_refused_by_name(spare_kinds: tuple[int, int]) -> None:
    """If this failed, an older build would read the fields of a newer one as its own."""
    kind, unknown = spare_kinds

    @record(kind)
    class Known(Fact):
        n: int = 0

    with pytest.raises(UnknownRecord, match=r"Known version 2 comes from a newer build"):
        build([kind | 1 << 16, 1])
    with pytest.raises(UnknownRecord, match=f"kind {unknown} version 1 comes from a newer build"):
        build([unknown, 1])
    with pytest.raises(UnknownRecord, match="extension 9"):
        decode(msgpack.packb(msgpack.ExtType(9, b"")))
    assert Known().n == 0


def test_a_tail_of_defaults_is_left_out_and_only_a_tail(spare_kinds: tuple[int, int]) -> None:
    """If this failed, rows would be longer than they need be, or True would come back as 1."""
    kind, _ = spare_kinds

    @record(kind)
    class Padded(Fact):
        n: int
        flag: bool = False
        text: str = ""
        count: int = 0

    assert fields_of(Padded(n=1)) == [kind, 1]
    assert fields_of(Padded(n=1, text="x")) == [kind, 1, False, "x"]
    assert fields_of(Padded(n=1, count=False)) == [kind, 1, False, "", False]
    assert build(fields_of(Padded(n=1, text="x"))) == Padded(n=1, text="x")


@pytest.mark.parametrize("value", [{1, 2}, object(), frozenset(), AfterCrash.REPEAT, type])
def test_what_has_no_order_or_no_number_is_refused(value: object) -> None:
    """If this failed, the order of a set would be part of a journal."""
    with pytest.raises(TypeError):
        encode(value)


@pytest.mark.parametrize("cls", STATES, ids=lambda cls: cls.__name__)
def test_a_copy_of_a_state_shares_nothing_that_a_fold_changes(cls: type[Any]) -> None:
    """If this failed, a fold would change the station of a decision that is still running."""

    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(made(cls))
    def tried(value: Any) -> None:
        copied = value.copy()
        assert copied == value
        for name in cls.FIELDS:
            one, two = getattr(value, name), getattr(copied, name)
            assert one is not two or not isinstance(one, dict | list | set)

    tried()


def test_every_version_of_a_followed_effect_enters_the_outbox() -> None:
    """If this failed, an effect that an older build asked for would be forgotten after an update."""
    codes = followed_codes()
    for kind, entry in BY_KIND.items():
        follows = getattr(entry.cls, "AFTER_CRASH", AfterCrash.FORGET) is not AfterCrash.FORGET
        assert all((kind | version << 16 in codes) is follows for version in range(entry.version))
