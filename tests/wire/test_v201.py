"""2.1's payloads in 2.0.1's words, held against the schemas of both.

Law: what is valid in 2.1 is valid in 2.0.1 after narrowing, every row of the tables is needed, and what was given stays as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from ocpp.messages import get_validator

from tests.wire.samples import Maker, resolved, schema
from wire import names, v201

SEEDS = 12
MESSAGES = sorted(
    [f"{action}Request" for action in names.ACTIONS_201 if names.from_station(names.V201, action)]
    + [f"{action}Response" for action in names.ACTIONS_201 if names.from_csms(names.V201, action)]
)


@pytest.mark.parametrize("message", MESSAGES)
def test_whatever_2_1_allows_is_valid_in_2_0_1_after_narrowing(message: str) -> None:
    """If this fails, a 2.0.1 CSMS refuses what the station sends, and the fact is lost."""
    judge = get_validator(0, message, "2.0.1")
    for seed in range(SEEDS):
        payload = Maker(seed, full=(0.2, 0.6, 0.95)[seed % 3], keep_texts_short=seed % 4 != 0).payload("2.1", message)
        before = copy.deepcopy(payload)
        narrowed = v201.narrow(message, payload)
        assert payload == before
        assert not [error.message for error in judge.iter_errors(narrowed)]
        assert v201.narrow(message, narrowed) == narrowed


@pytest.mark.parametrize("message", MESSAGES)
def test_what_2_0_1_says_too_is_left_alone(message: str) -> None:
    """If this fails, a 2.0.1 link loses what it could have had."""
    for seed in range(SEEDS):
        payload = Maker(seed, full=(0.2, 0.6, 0.95)[seed % 3], keep_texts_short=True).payload("2.0.1", message)
        assert v201.narrow(message, payload) == payload


def properties(version: str, message: str) -> dict[str, dict[str, Any]]:
    """Every member of a message, by its path without indices."""
    whole = schema(version, message)

    def walk(node: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        node = resolved(whole, node)
        while node.get("type") == "array":
            node = resolved(whole, node["items"])
        if path:
            yield path, node
        for name, member in node.get("properties", {}).items():
            if name != "customData":
                yield from walk(member, f"{path}.{name}" if path else name)

    return dict(walk(whole, ""))


LEFT_OUT = [(message, path) for message, paths in v201.LEFT_OUT.items() for path in paths]


@pytest.mark.parametrize(("message", "path"), LEFT_OUT)
def test_each_member_that_is_left_out_is_one_that_2_0_1_does_not_have(message: str, path: str) -> None:
    """If this fails, a row leaves out what 2.0.1 has, or speaks of nothing."""
    assert path in properties("2.1", message)
    assert path not in properties("2.0.1", message)
    *_, last = path.split(".")
    made = built(path, "x")
    assert last not in str(v201.narrow(message, made))


RENAMED = [(message, path, old, new) for (message, path), row in v201.RENAMED.items() for old, new in row.items()]


@pytest.mark.parametrize(("message", "path", "old", "new"), RENAMED)
def test_each_renamed_value_is_2_1s_and_its_new_name_2_0_1s(message: str, path: str, old: str, new: str) -> None:
    """If this fails, a value is translated that needs no translation, or into one that 2.0.1 does not know either."""
    assert old in properties("2.1", message)[path]["enum"]
    known = properties("2.0.1", message)[path]["enum"]
    assert old not in known
    assert new in known
    assert v201.narrow(message, built(path, old)) == built(path, new)


@pytest.mark.parametrize(("message", "path"), list(v201.CLOSED))
def test_each_open_value_ends_among_those_that_2_0_1_knows(message: str, path: str) -> None:
    """If this fails, what 2.1 leaves open reaches a 2.0.1 CSMS as it is."""
    known, nearest, rest = v201.CLOSED[message, path]
    assert "enum" not in properties("2.1", message)[path]
    assert set(known) == set(properties("2.0.1", message)[path]["enum"])
    assert {*nearest.values(), rest} <= set(known)
    for value, expected in {**nearest, "Anything": rest, known[0]: known[0]}.items():
        assert v201.narrow(message, built(path, value)) == built(path, expected)


CUT = [(message, path, longest) for message, rows in v201.CUT.items() for path, longest in rows]


@pytest.mark.parametrize(("message", "path", "longest"), CUT)
def test_each_text_is_cut_to_what_2_0_1_holds(message: str, path: str, longest: int) -> None:
    """If this fails, a long text makes the whole message invalid, or a short one is cut."""
    assert properties("2.1", message)[path]["maxLength"] > longest
    assert properties("2.0.1", message)[path]["maxLength"] == longest
    for value in ("~" * (longest + 1), "~" * longest, ["~" * (longest + 9)]):
        assert str(v201.narrow(message, built(path, value))).count("~") == longest


@pytest.mark.parametrize(("message", "path"), [(message, path) for message, rows in v201.WHOLE.items() for path, _ in rows])
def test_each_number_becomes_an_integer_on_the_safe_side(message: str, path: str) -> None:
    """If this fails, a fraction makes the whole message invalid, or a vehicle seems to bear more than it said."""
    assert properties("2.1", message)[path]["type"] == "number"
    assert properties("2.0.1", message)[path]["type"] == "integer"
    assert v201.narrow(message, built(path, 31.5)) == built(path, 32 if path.endswith("evMinCurrent") else 31)
    assert v201.narrow(message, built(path, 32)) == built(path, 32)


@pytest.mark.parametrize("measurand", sorted(v201.MEASURANDS))
def test_each_measurand_of_2_1_finds_its_name_or_its_sample_goes(measurand: str) -> None:
    """If this fails, a value is reported under a wrong name, or makes the whole message invalid."""
    path = "meterValue.sampledValue.measurand"
    known = properties("2.0.1", "MeterValuesRequest")[path]["enum"]
    assert measurand in properties("2.1", "MeterValuesRequest")[path]["enum"]
    assert measurand not in known
    kept = {"value": 1, "measurand": "Voltage"}
    made = {"evseId": 1, "meterValue": [{"timestamp": "t", "sampledValue": [{"value": 7, "measurand": measurand}, kept]}]}
    name = v201.MEASURANDS[measurand]
    assert not name or name in known
    expected = [{"value": 7, "measurand": name}, kept] if name else [kept]
    assert v201.narrow("MeterValuesRequest", made)["meterValue"][0]["sampledValue"] == expected


def test_no_measurand_of_2_1_is_forgotten() -> None:
    """If this fails, OCPP has a measurand that the table does not know."""
    path = "meterValue.sampledValue.measurand"
    both = [set(properties(version, "MeterValuesRequest")[path]["enum"]) for version in ("2.1", "2.0.1")]
    assert v201.MEASURANDS.keys() == both[0] - both[1]


def test_meter_values_without_any_left_invent_no_reading() -> None:
    """If this fails, a 2.0.1 CSMS is billed a register of 0 Wh that nobody read."""
    value = {"timestamp": "t", "sampledValue": [{"value": 7, "measurand": "Voltage.Minimum"}]}
    assert v201.narrow("MeterValuesRequest", {"evseId": 1, "meterValue": [value, value]}) == {
        "evseId": 1,
        "meterValue": [{"timestamp": "t", "sampledValue": [{"value": 0, "context": "Other", "measurand": "Energy.Active.Import.Interval"}]}],
    }
    event = {"eventType": "Updated", "meterValue": [value, {"timestamp": "t", "sampledValue": [{"value": 5}]}]}
    assert v201.narrow("TransactionEventRequest", event) == {
        "eventType": "Updated",
        "meterValue": [{"timestamp": "t", "sampledValue": [{"value": 5}]}],
    }
    assert v201.narrow("TransactionEventRequest", {"eventType": "Updated", "meterValue": [value]}) == {"eventType": "Updated"}


def test_a_period_without_a_limit_gets_what_it_was_to_draw() -> None:
    """If this fails, a 2.0.1 CSMS reads that a vehicle may draw what it may not."""
    periods = [{"startPeriod": 0, "limit": 7}, {"startPeriod": 1, "setpoint": 5.5}, {"startPeriod": 2, "setpoint": -3}, {"startPeriod": 3}]
    narrowed = v201.narrow("GetCompositeScheduleResponse", {"schedule": {"chargingSchedulePeriod": periods}})
    assert [period["limit"] for period in narrowed["schedule"]["chargingSchedulePeriod"]] == [7, 5.5, 0, 0]
    assert all("setpoint" not in period for period in narrowed["schedule"]["chargingSchedulePeriod"])


def test_a_certificate_of_a_kind_that_2_0_1_does_not_know_is_not_told() -> None:
    """If this fails, a 2.0.1 CSMS reads of a V2G root certificate that is not there."""
    oem = {"certificateType": "OEMRootCertificate", "certificateHashData": {}}
    root = {"certificateType": "V2GRootCertificate", "certificateHashData": {}}
    message = "GetInstalledCertificateIdsResponse"
    assert v201.narrow(message, {"status": "Accepted", "certificateHashDataChain": [oem, root]}) == {
        "status": "Accepted",
        "certificateHashDataChain": [root],
    }
    assert v201.narrow(message, {"status": "Accepted", "certificateHashDataChain": [oem]}) == {"status": "NotFound"}


def test_a_sealed_token_that_is_too_long_becomes_nobody_elses() -> None:
    """If this fails, a placeholder is cut in two, or a cut token is somebody else's, who pays."""
    handle = "0123456789abcdef" * 2
    fits, long = f"<sealed:{handle}:36:p>", f"<sealed:{handle}:37:p>"
    for given, expected in ((fits, fits), (long, handle)):
        narrowed = v201.narrow("AuthorizeRequest", {"idToken": {"idToken": given, "type": "Local"}})
        assert narrowed == {"idToken": {"idToken": expected, "type": "Local"}}


ASKEW: tuple[Any, ...] = (None, 1, "x", [], [1], {}, [{}], [[]])


@pytest.mark.parametrize("message", MESSAGES)
def test_askew_payloads_do_not_raise(message: str) -> None:
    """If this fails, a bug elsewhere becomes a crash here."""
    for path in properties("2.1", message):
        for value in ASKEW:
            v201.narrow(message, built(path, value))


def built(path: str, value: Any) -> dict[str, Any]:
    """A payload that holds *value* at *path*; samples stand in lists, other lists do not matter."""
    head, _, rest = path.partition(".")
    inner = built(rest, value) if rest else value
    return {head: [inner] if rest and head in {"meterValue", "sampledValue"} else inner}
