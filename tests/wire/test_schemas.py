"""Verdicts on payloads, against those of jsonschema on the schemas of the ``ocpp`` package.

Law: both agree on every message of both versions, valid or broken; what is said of a problem shows nothing of what was sent.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft6Validator, TypeChecker
from jsonschema.validators import extend

from tests.wire.samples import Maker, mutant, read, schema, schema_names
from wire.jsontext import INT64
from wire.names import ERROR_CODES
from wire.schemas import Problem, Schemas

SEEDS = 4
MESSAGES = [(version, name) for version in ("2.0.1", "2.1") for name in schema_names(version)]
SCHEMAS = Schemas(read)


def fits(checker: TypeChecker, value: object) -> bool:
    """Whether a value is an integer by draft 6 that 64 bits hold, which is where we are stricter."""
    return Draft6Validator.TYPE_CHECKER.is_type(value, "integer") and INT64[0] <= value <= INT64[1]  # type: ignore[operator]


VALIDATOR = extend(Draft6Validator, type_checker=Draft6Validator.TYPE_CHECKER.redefine("integer", fits))


@cache
def validator(version: str, name: str) -> Any:
    """The validator of one message."""
    return VALIDATOR(schema(version, name))


def oracle(version: str, name: str, payload: object) -> bool:
    """The verdict of jsonschema; not through the ``ocpp`` package, which reads OCPP's draft 6 schemas as draft 4, to which 1.0 is no integer."""
    return bool(validator(version, name).is_valid(payload))


@pytest.mark.parametrize(("version", "name"), MESSAGES, ids=[f"{name}-{version}" for version, name in MESSAGES])
def test_the_verdict_is_that_of_json_schema(version: str, name: str) -> None:
    """If this fails, the station refuses what others accept, or serves what others refuse."""
    for seed in range(SEEDS):
        maker = Maker(seed, full=(0.1, 0.9, 0.5)[seed % 3], keep_texts_short=seed != 1)
        payload = maker.payload(version, name)
        assert oracle(version, name, payload)
        assert SCHEMAS.verdict(version, name, json.dumps(payload).encode()) is None, payload
        for _ in range(3):
            broken = mutant(payload, maker.rng)
            problem = SCHEMAS.verdict(version, name, json.dumps(broken).encode())
            assert (problem is None) == oracle(version, name, broken), (problem, broken)
            if problem is not None:
                assert problem.code in ERROR_CODES
                assert problem.description.startswith(f"{problem.path}: ")
                assert re.fullmatch(r"\$(\.\w+|\[(\d+|\.\.\.)\])*", problem.path)


SET = "SetVariablesRequest"
ITEM = {"attributeValue": "1", "component": {"name": "C"}, "variable": {"name": "V"}}


@pytest.mark.parametrize(
    ("name", "payload", "expected"),
    [
        (SET, {}, Problem("OccurrenceConstraintViolation", "$.setVariableData: missing", "$.setVariableData")),
        (SET, {"setVariableData": []}, Problem("OccurrenceConstraintViolation", "$.setVariableData: must have >= 1 elements", "$.setVariableData")),
        (
            SET,
            {"setVariableData": [ITEM, {**ITEM, "component": {}}]},
            Problem("OccurrenceConstraintViolation", "$.setVariableData[1].component.name: missing", "$.setVariableData[1].component.name"),
        ),
        (
            SET,
            {"setVariableData": [{**ITEM, "attributeValue": 12}]},
            Problem("TypeConstraintViolation", "$.setVariableData[0].attributeValue: must be a text", "$.setVariableData[0].attributeValue"),
        ),
        (
            SET,
            {"setVariableData": [{**ITEM, "attributeValue": "x" * 3000}]},
            Problem(
                "PropertyConstraintViolation",
                "$.setVariableData[0].attributeValue: must have <= 2500 characters",
                "$.setVariableData[0].attributeValue",
            ),
        ),
        (
            SET,
            {"setVariableData": [{**ITEM, "attributeType": "Hidden"}]},
            Problem(
                "PropertyConstraintViolation",
                "$.setVariableData[0].attributeType: is none of the allowed values",
                "$.setVariableData[0].attributeType",
            ),
        ),
        (
            SET,
            {"setVariableData": [{**ITEM, "component": {"name": "C", "evseID": 1}}]},
            Problem("FormatViolation", "$.setVariableData[0].component: evseID is not known here", "$.setVariableData[0].component"),
        ),
        (SET, {"setVariableData": {}}, Problem("TypeConstraintViolation", "$.setVariableData: must be an array", "$.setVariableData")),
        (SET, [], Problem("TypeConstraintViolation", "$: must be an object", "$")),
        ("GetReportRequest", {"requestId": 1.5}, Problem("TypeConstraintViolation", "$.requestId: must be an integer", "$.requestId")),
        ("GetReportRequest", {"requestId": True}, Problem("TypeConstraintViolation", "$.requestId: must be an integer", "$.requestId")),
        ("ClearDisplayMessageRequest", {"id": -1}, Problem("PropertyConstraintViolation", "$.id: must be >= 0", "$.id")),
        (
            "GetReportRequest",
            {"requestId": 1 << 63},
            Problem("PropertyConstraintViolation", "$.requestId: must be <= 9223372036854775807", "$.requestId"),
        ),
        ("GetReportRequest", {"requestId": None}, Problem("TypeConstraintViolation", "$.requestId: must be an integer", "$.requestId")),
    ],
)
def test_each_kind_of_problem_has_its_code_and_says_where(name: str, payload: object, expected: Problem) -> None:
    """If this fails, the author of a bad message is sent to the wrong place (Part 4, 4.3)."""
    assert SCHEMAS.verdict("2.1", name, json.dumps(payload).encode()) == expected


SECRET = "hunter2-Geheim"


@pytest.mark.parametrize(
    ("version", "name"), [("2.1", SET), ("2.1", "AuthorizeResponse"), ("2.0.1", "SendLocalListRequest"), ("2.1", "SetNetworkProfileRequest")]
)
def test_no_problem_shows_what_was_sent(version: str, name: str) -> None:
    """If this fails, a CALLERROR, and with it every log of the CSMS, tells a secret that somebody put in the wrong place."""
    told = 0
    for seed in range(60):
        maker = Maker(seed, full=0.9, keep_texts_short=True)
        broken = mutant(maker.payload(version, name), maker.rng)
        # Every text is the secret, also where an enum or a number belongs, and as a member's name.
        text = re.sub(r'(?<=[:\[,] )"(?:[^"\\]|\\.)*"(?!:)|(?<=[:\[ ])-?\d+(?:\.\d+)?', json.dumps(SECRET), json.dumps(broken))
        for data in (text, text.replace('"customData"', json.dumps(SECRET)), '{"' + SECRET + '":1}'):
            problem = SCHEMAS.verdict(version, name, data.encode())
            if problem is not None:
                told += 1
                assert SECRET not in problem.description + problem.path + problem.code
    assert told > 60


@pytest.mark.parametrize(
    "member", ["x` - at `$.setVariableData", "x` - at `$.secret", "` - at `$", "` - at `key in $.a", "a`b", "Geheim 1", "", "é", "x" * 300]
)
def test_a_members_name_cannot_forge_a_path(member: str) -> None:
    """If this fails, a peer writes into our diagnosis what it likes."""
    for payload, path in (({member: 1}, "$"), ({"setVariableData": [{**ITEM, member: 1}]}, "$.setVariableData[0]")):
        problem = SCHEMAS.verdict("2.1", SET, json.dumps(payload).encode())
        assert problem is not None
        assert problem.path in {path, "$", "$.setVariableData"}
        assert problem.description in {f"{problem.path}: has a member that is not known here", f"{problem.path}: x is not known here"}


def test_what_is_no_json_is_a_format_violation() -> None:
    """If this fails, a verdict raises."""
    for text in (b"", b"{", b"\xff", b'{"a":"\\ud800"}', b"[" * 100_000, b'{"setVariableData":[' * 3000):
        problem = SCHEMAS.verdict("2.1", SET, text)
        assert problem is not None
        assert problem.code in {"FormatViolation", "TypeConstraintViolation"}


def test_a_number_that_no_float_holds_is_refused() -> None:
    """If this fails, a limit of infinity gets in."""
    problem = SCHEMAS.verdict("2.1", "CostUpdatedRequest", b'{"totalCost":1e400,"transactionId":"1"}')
    assert problem == Problem("PropertyConstraintViolation", "$.totalCost: must fit 64 bits", "$.totalCost")


def test_schemas_are_read_on_first_use_and_kept_only_where_there_is_one() -> None:
    """If this fails, start-up reads 300 files, every message reads one, or a peer fills the memory with names that it made up."""
    reads: list[str] = []

    def counted(version: str, name: str) -> bytes | None:
        reads.append(name)
        return read(version, name)

    schemas = Schemas(counted)
    assert reads == []
    for _ in range(3):
        assert schemas.verdict("2.1", "HeartbeatRequest", b"{}") is None
        assert schemas.knows("2.1", "HeartbeatRequest")
    assert reads == ["HeartbeatRequest"]
    for name in ("NoSuchRequest", "../../etc/passwd", "a/b", "é", "", "A" * 1000, "Heartbeat\x00"):
        assert not schemas.knows("2.1", name)
        assert schemas.verdict("2.1", name, b"{}") is None
    assert reads == ["HeartbeatRequest", "NoSuchRequest", "NoSuchRequest"]
    assert len(schemas._decoders) == 1


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_a_schema_that_begins_with_a_byte_order_mark_is_read(version: str) -> None:
    """If this fails, some of OCPP's own schema files cannot be read."""
    schemas = Schemas(lambda version, name: b"\xef\xbb\xbf" + (read(version, name) or b"").removeprefix(b"\xef\xbb\xbf"))
    assert schemas.verdict(version, "HeartbeatRequest", b"{}") is None
