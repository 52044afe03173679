"""Integers that are written with a point or an exponent: JSON schema (draft 6) takes 300.0 and 3e2 for the integer 300.

Invariant: n, n.0 and ne0 get the same verdict and the same decoded int, at every integer member of every message of both versions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft6Validator

from component_config.schemas import installed_schemas
from sim.checks import Violation, check_payload
from tests.wire.samples import Maker, read, resolved, schema, schema_names
from wire import frame, jsontext
from wire.jsontext import INT64, parse_whole_number
from wire.schemas import Schemas

SCHEMAS = Schemas(read)
MESSAGES = [(version, name) for version in ("2.0.1", "2.1") for name in schema_names(version)]
MARK = "@number@"

Step = str | int


def integer_members(whole: dict[str, Any], node: dict[str, Any], at: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], dict[str, Any]]]:
    """Every place of an integer in a message, and its rules."""
    node = resolved(whole, node)
    if node.get("type") == "integer":
        yield at, node
    elif node.get("type") == "array":
        yield from integer_members(whole, node["items"], (*at, 0))
    for name, member in node.get("properties", {}).items():
        yield from integer_members(whole, member, (*at, name))


def smallest(whole: dict[str, Any], node: dict[str, Any], at: tuple[Step, ...]) -> Any:
    """The smallest valid value of *node* that has a member at *at*, where MARK stands."""
    node = resolved(whole, node)
    if not at:
        return MARK
    if node.get("type") == "array":
        made = [Maker(1, full=0.0)._value(whole, node["items"], 0) for _ in range(max(int(node.get("minItems", 1)), 1))]
        return [smallest(whole, node["items"], at[1:]), *made[1:]]
    needed = {name: Maker(1, full=0.0)._value(whole, node["properties"][name], 0) for name in node.get("required", ())}
    return {**needed, at[0]: smallest(whole, node["properties"][str(at[0])], at[1:])}


def decoded(payload: bytes, at: tuple[Step, ...]) -> Any:
    """What stands at a place of a payload."""
    value = jsontext.decode(payload)
    for step in at:
        value = value[step]
    return value


@pytest.mark.parametrize(("version", "name"), MESSAGES, ids=[f"{name}-{version}" for version, name in MESSAGES])
def test_every_integer_of_every_message_may_be_written_with_a_point_or_an_exponent(version: str, name: str) -> None:
    """Else a BootNotificationResponse with an interval of 300.0 is refused, and the station never gets accepted by such a CSMS."""
    whole = schema(version, name)
    oracle = Draft6Validator(whole)
    for at, rules in integer_members(whole, whole):
        text = json.dumps(smallest(whole, whole, at))
        low, high = int(rules.get("minimum", -7)), int(rules.get("maximum", 300))
        for number in {low, high, (low + high) // 2, low - 1}:
            plain = text.replace(f'"{MARK}"', str(number)).encode()
            same, expected = SCHEMAS.check(version, name, plain)
            assert same is plain
            for spelled in (f"{number}.0", f"{number}e0"):
                payload = text.replace(f'"{MARK}"', spelled).encode()
                checked, problem = SCHEMAS.check(version, name, payload)
                assert problem == expected == SCHEMAS.verdict(version, name, payload), (at, spelled)
                assert (problem is None) == oracle.is_valid(json.loads(payload)), (at, spelled)
                if problem is None:
                    found = decoded(checked, at)
                    assert (type(found), found) == (int, number)
        broken = text.replace(f'"{MARK}"', "7.5").encode()
        checked, problem = SCHEMAS.check(version, name, broken)
        assert checked is broken
        assert problem is not None
        assert problem.code == "TypeConstraintViolation"


def spellings(number: int) -> list[str]:
    """Ways to write an integer in JSON."""
    digits = str(number)
    zeros = len(digits) - len(digits.rstrip("0")) if number else 0
    found = [f"{digits}.0", f"{digits}.00000", f"{digits}e0", f"{digits}E+0", f"{digits}e-0", f"{digits}.0e0"]
    if number:
        found += [f"{digits}0e-1", f"{digits}000E-003"]
    if zeros:
        found.append(f"{digits[:-zeros]}e{zeros}")
    sign, body = ("-", digits[1:]) if number < 0 else ("", digits)
    found.append(f"{sign}{body[0]}.{body[1:] or '0'}e{len(body) - 1}")
    found.append(f"{sign}0.000{body}e{len(body) + 3}")
    return found


@given(st.integers(*INT64) | st.integers(-10, 10) | st.integers(0, 9).map(lambda zeros: 12 * 10**zeros))
@settings(max_examples=300, deadline=None)
def test_no_digit_of_an_integer_is_lost(number: int) -> None:
    """Else an id above 2^53 that went through a float would name another transaction."""
    for spelled in spellings(number):
        assert parse_whole_number(spelled) == number, spelled
        checked = SCHEMAS.check("2.1", "GetReportRequest", b'{"requestId":%s}' % spelled.encode())
        assert checked == (b'{"requestId":%d}' % number, None)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20), max_value=10**20), st.integers(-40, 40))
@settings(max_examples=300, deadline=None)
def test_a_number_is_whole_where_exact_arithmetic_says_so(mantissa: Decimal, exponent: int) -> None:
    """Else a number with a fraction passes for an integer, or an integer for one with a fraction."""
    spelled = f"{mantissa:f}e{exponent}"
    value = Decimal(spelled)
    exact = None if value != value.to_integral_value() else max(min(int(value), INT64[1] + 1), INT64[0] - 1)
    assert parse_whole_number(spelled) == exact


@pytest.mark.parametrize(
    ("spelled", "expected"),
    [
        ("1e18", 10**18),
        ("-9223372036854775808.0", -(1 << 63)),
        ("9223372036854775807e0", (1 << 63) - 1),
        ("0e999999999999999999999", 0),
        ("-0.0", 0),
        ("1e000000000000000000001", 10),
        ("0." + "0" * 5000 + "1e5001", 1),
    ],
)
def test_odd_ways_to_write_an_integer_that_fits(spelled: str, expected: int) -> None:
    """Else a valid number is refused for how it looks."""
    checked = SCHEMAS.check("2.1", "GetReportRequest", b'{"requestId":%s}' % spelled.encode())
    assert checked == (b'{"requestId":%d}' % expected, None)


@pytest.mark.parametrize("spelled", ["1e19", "1e30", "-1e30", "9223372036854775808.0", "123e+300", "1" + "0" * 300 + ".0"])
def test_an_integer_that_64_bits_do_not_hold_is_refused_like_one_in_digits(spelled: str) -> None:
    """Else a huge exponent gets into the journal, or asks for memory that no station has."""
    problem = SCHEMAS.verdict("2.1", "GetReportRequest", b'{"requestId":%s}' % spelled.encode())
    assert problem is not None
    assert (problem.code, problem.path) == ("PropertyConstraintViolation", "$.requestId")
    assert "9223372036854775808" in problem.description or "9223372036854775807" in problem.description


@pytest.mark.parametrize("spelled", ["1e400", "-1e400", "1e99999999999999999999", "7.5", "1e-400", "1e-99999999999999999999", "75e-1", "1.5e0"])
def test_what_is_no_integer_or_no_number_at_all_is_refused(spelled: str) -> None:
    """Else a number that cannot be held stands in a state, or a fraction is cut off."""
    payload = b'{"requestId":%s,"reportBase":"FullInventory"}' % spelled.encode()
    got = frame.read(b'[2,"id","GetBaseReport",' + payload + b"]", "2.1")
    if isinstance(got, frame.Call):
        assert SCHEMAS.verdict("2.1", "GetBaseReportRequest", got.payload) is not None
    else:
        assert isinstance(got, frame.Garbled)
        assert b"FormatViolation" in (got.answer or b"")


@pytest.mark.parametrize("number", ["1e400", "1e-400", "1e30", "0e999999999", "1." + "0" * 60, "1" * 60 + ".0", "9e999999999999999"])
def test_a_message_full_of_huge_numbers_is_read_without_writing_them_out(number: str) -> None:
    """Else one frame of a hostile CSMS stops the station: written out in full, these would need more memory than there is."""
    frame_bytes = 200_000
    count = frame_bytes // (len(number) + 1)
    payload = b'{"requestId":1.5,"customData":{"vendorId":"v","x":[' + b",".join([number.encode()] * count) + b"]}}"
    assert SCHEMAS.verdict("2.1", "GetReportRequest", payload) is not None
    integer = parse_whole_number(number)
    assert integer is None or integer.bit_length() <= 64


def test_only_integers_are_written_anew() -> None:
    """Else a decimal, or what a vendor put into customData, comes back changed."""
    payload = b'{ "requestId":7.0, "customData":{"vendorId":"v","n":1.0,"m":[2e0,0.10]},"monitoringCriteria":["DeltaMonitoring"]}'
    checked = SCHEMAS.check("2.1", "GetMonitoringReportRequest", payload)
    assert checked == (b'{"requestId":7,"customData":{"vendorId":"v","n":1.0,"m":[2e0,0.10]},"monitoringCriteria":["DeltaMonitoring"]}', None)
    limits = b'{"limit":16.0,"stackLevel":1.0}'
    assert SCHEMAS.verdict("2.1", "SetChargingProfileRequest", limits) is not None
    cost = b'{"totalCost":8.0,"transactionId":"1"}'
    assert SCHEMAS.check("2.1", "CostUpdatedRequest", cost)[0] is cost


def test_a_payload_with_plain_integers_is_passed_on_as_the_same_object() -> None:
    """Else every message pays for the few that are written otherwise."""
    for payload in (
        b'{"requestId":7}',
        b'{"requestId":7,"customData":{"vendorId":"1.0e5"}}',
        b'{"requestId":7,"customData":{"vendorId":"v","n":1.0}}',
    ):
        checked, problem = SCHEMAS.check("2.1", "GetReportRequest", payload)
        assert (checked is payload, problem) == (True, None)


@pytest.mark.parametrize("spelled", ["2.0", "2e0", "20e-1", "2.00E+0"])
def test_the_type_of_a_frame_is_an_integer_by_its_value_too(spelled: str) -> None:
    """Else a CSMS whose numbers all have a point is never understood (Part 4, 4.2.1: MessageTypeId is an integer)."""
    assert frame.read(f' [ {spelled} ,"2.0","Reset",{{"a":2.0}}]', "2.1") == frame.Call("2.0", "Reset", b'{"a":2.0}')
    result = spelled.replace("2", "3", 1) if spelled != "20e-1" else "30e-1"
    assert frame.read(f'[{result},"id",{{}}]', "2.0.1") == frame.CallResult("id", b"{}")


def test_what_the_station_sends_has_plain_integers() -> None:
    """Else a CSMS that is stricter than JSON schema refuses our messages."""
    schemas = installed_schemas()
    check_payload(schemas, "2.1", "GetReportRequest", b'{"requestId":7}')
    with pytest.raises(Violation, match="written plainly"):
        check_payload(schemas, "2.1", "GetReportRequest", b'{"requestId":7.0}')
