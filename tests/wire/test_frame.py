"""Frames: what is read as what, and what is answered to what is none.

Law: reading never raises, and every answer is itself a frame.
"""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.waiting import cpu_limit
from tests.wire.samples import Maker
from wire import frame
from wire.frame import Call, CallError, CallResult, CallResultError, Garbled, Send

VERSIONS = ("2.0.1", "2.1")
BOTH = pytest.mark.parametrize("version", VERSIONS)


def answer_of(data: bytes | str, version: str) -> list[Any] | None:
    """What is answered to *data*, which must be garbled."""
    got = frame.read(data, version)
    assert isinstance(got, Garbled), got
    assert got.reason
    return None if got.answer is None else json.loads(got.answer)


@BOTH
def test_good_frames_are_read_with_the_payload_as_it_came(version: str) -> None:
    """If this fails, a payload is written anew on its way in, and what is journaled is not what was said."""
    payload = b'{ "a":1.0,\t"b" : [1e2 , "\\u00e9\\/"] }'
    assert frame.read(b' [2 , "id" , "Reset" , ' + payload + b" ] ", version) == Call("id", "Reset", payload)
    assert frame.read(b'[3,"id",' + payload + b"]", version) == CallResult("id", payload)
    assert frame.read(b'[4,"id","GenericError","why",' + payload + b"]", version) == CallError("id", "GenericError", "why", payload)


def test_the_frames_of_2_1() -> None:
    """If this fails, a 2.1 peer's CALLRESULTERROR and SEND are lost."""
    assert frame.read('[5,"id","FormatViolation","why",{}]', "2.1") == CallResultError("id", "FormatViolation", "why", b"{}")
    assert frame.read('[6,"id","NotifyPeriodicEventStream",{"id":1}]', "2.1") == Send("id", "NotifyPeriodicEventStream", b'{"id":1}')


@BOTH
@pytest.mark.parametrize("kind", ["7", "0", "-1", "99999999999999999999"])
def test_an_unknown_message_type_is_told_under_2_0_1_and_ignored_under_2_1(kind: str, version: str) -> None:
    """If this fails, the two versions' opposite rules are mixed up (Part 4, 4.1.3 and 4.4)."""
    answer = answer_of(f'[{kind},"id",{{}}]', version)
    if version == "2.0.1":
        assert answer is not None
        assert answer[:3] == [4, "id", "MessageTypeNotSupported"]
    else:
        assert answer is None


@pytest.mark.parametrize("kind", [5, 6])
def test_the_message_types_of_2_1_are_unknown_to_2_0_1(kind: int) -> None:
    """If this fails, a 2.0.1 link speaks 2.1."""
    answer = answer_of(f'[{kind},"id","FormatViolation","",{{}}]', "2.0.1")
    assert answer is not None
    assert answer[:3] == [4, "id", "MessageTypeNotSupported"]


@BOTH
@pytest.mark.parametrize(
    "data",
    [
        "",
        " ",
        "x",
        "{}",
        "null",
        "[]",
        "[2]",
        '["id"]',
        "[",
        '"',
        "[2,",
        "]",
        '{"2":1}',
        b"\xff\xfe",
        b"\xef\xbb\xbf[]",
        "[2,'id','Reset',{}]",
        "\x00",
    ],
)
def test_what_has_no_id_is_answered_with_minus_one(data: bytes | str, version: str) -> None:
    """If this fails, a sender of rubbish never hears of it (Part 4, 4.2.3)."""
    answer = answer_of(data, version)
    assert answer is not None
    assert answer[:3] == [4, "-1", "RpcFrameworkError"]


@BOTH
@pytest.mark.parametrize("message_id", ['""', '"' + "x" * 37 + '"', "1", "null", "true", "{}", "[]", r'"\ud800"', b'"\xff"', b'"\xed\xa0\x80"'])
def test_an_id_that_is_none_is_answered_with_minus_one(message_id: str | bytes, version: str) -> None:
    """If this fails, an answer carries an id that its reader must refuse."""
    raw = message_id if isinstance(message_id, bytes) else message_id.encode()
    answer = answer_of(b"[2," + raw + b',"Reset",{}]', version)
    assert answer is not None
    assert answer[:3] == [4, "-1", "RpcFrameworkError"]


@BOTH
@pytest.mark.parametrize("message_id", ["x", "x" * 36, "漢" * 36, "🔌" * 36, '"\\\n', "-1"])
def test_any_text_of_1_to_36_characters_is_an_id_and_comes_back_in_the_answer(message_id: str, version: str) -> None:
    """If this fails, a CSMS with unusual ids never finds the answer to its CALL."""
    for spelled in (json.dumps(message_id), json.dumps(message_id, ensure_ascii=False)):
        assert frame.read(f'[2,{spelled},"Reset",{{}}]', version) == Call(message_id, "Reset", b"{}")
        assert json.loads(frame.call_result(message_id, b"{}"))[1] == message_id
        answer = answer_of(f'[2,{spelled},"Reset",{{]', version)
        assert answer is not None
        assert answer[1] == message_id


@BOTH
@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("", "RpcFrameworkError"),
        (',"Reset"', "RpcFrameworkError"),
        (',"Reset",{},{}', "RpcFrameworkError"),
        (",1,{}", "RpcFrameworkError"),
        (",null,{}", "RpcFrameworkError"),
        (',"",{}', "NotImplemented"),
        (',"No name",{}', "NotImplemented"),
        (',"<sealed:0123456789abcdef0123456789abcdef:8:p>",{}', "NotImplemented"),
        (',"' + "A" * 65 + '",{}', "NotImplemented"),
        (',"Reset",[]', "FormatViolation"),
        (',"Reset",""', "FormatViolation"),
        (',"Reset",0', "FormatViolation"),
        (',"Reset",{"a":1,"a":1}', "FormatViolation"),
        (',"Reset",{"a":1,}', "FormatViolation"),
        (',"Reset",{"a":NaN}', "FormatViolation"),
        (',"Reset",{"a":Infinity}', "FormatViolation"),
        (',"Reset",{"a":-Infinity}', "FormatViolation"),
        (',"Reset",{"a":1e400}', "FormatViolation"),
        (',"Reset",{"a":18446744073709551616}', "FormatViolation"),
        (',"Reset",{"a":-9223372036854775809}', "FormatViolation"),
        (',"Reset",{"a":' + "9" * 5000 + "}", "FormatViolation"),
        (',"Reset",{"a":01}', "FormatViolation"),
        (',"Reset",{"a":"\\ud800"}', "FormatViolation"),
        (',"Reset",{"a":"\\udc00\\ud800"}', "FormatViolation"),
        (',"Reset",{"\\ud800":1}', "FormatViolation"),
        (',"Reset",{"a":"\x01"}', "FormatViolation"),
        (',"Reset",{"a":' + "[" * 70 + "]" * 70 + "}", "FormatViolation"),
        (',"Reset",{"a":' + "[" * 100_000 + "]" * 100_000 + "}", "FormatViolation"),
        (',"Reset",{"a":' + '{"a":' * 100_000, "FormatViolation"),
        (',"Reset",{"a":"' + "x" * (1 << 20) + '"}', "FormatViolation"),
    ],
)
def test_a_bad_call_is_answered_under_its_own_id(rest: str, code: str, version: str) -> None:
    """If this fails, the CSMS waits for its timeout instead of hearing what is wrong (Part 4, 4.2.3 and 4.3)."""
    answer = answer_of(f'[2,"my id"{rest}]', version)
    assert answer is not None
    assert answer[:3] == [4, "my id", code]


@BOTH
@pytest.mark.parametrize("payload", [b'{"a":"\xff"}', b'{"\xff":1}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\x80"}'])
def test_what_is_no_utf_8_is_refused(payload: bytes, version: str) -> None:
    """If this fails, a text that no later reader can decode gets into the journal."""
    answer = answer_of(b'[2,"id","Reset",' + payload + b"]", version)
    assert answer is not None
    assert answer[:3] == [4, "id", "FormatViolation"]


@BOTH
@pytest.mark.parametrize("kind", ['"2"', '"2.0"', "2.5", "true", "null", "[]", "15e-1", "-2.5e0"])
def test_a_message_type_that_is_no_integer(kind: str, version: str) -> None:
    """If this fails, something that only looks like a CALL is served."""
    answer = answer_of(f'[{kind},"id","Reset",{{}}]', version)
    assert answer is not None
    assert answer[:3] == [4, "id", "RpcFrameworkError"]


@BOTH
@pytest.mark.parametrize(
    "data",
    [
        '[4,"id"]',
        '[4,"id","GenericError","",[]]',
        '[4,"id",1,"",{}]',
        '[4,"id","GenericError",null,{}]',
        '[4,"id","GenericError","",{"a":1,"a":2}]',
        '[4,"","GenericError","",{}]',
        '[4,null,"GenericError","",{}]',
        '[4,"id","GenericError","",{]',
        '[4,"' + "x" * 40 + '","GenericError","",{',
        '[3,"",{}]',
        "[3,1,{}]",
    ],
)
def test_a_bad_answer_is_never_answered_with_a_callerror(data: str, version: str) -> None:
    """If this fails, two stations of this kind could answer each other's errors for ever."""
    assert answer_of(data, version) is None


@pytest.mark.parametrize(
    "data",
    ['[6,"id"]', '[6,"id",1,{}]', '[6,"id","A b",{}]', '[6,"id","A",[]]', '[6,"","A",{}]', '[6,"id","A",{', '[5,"id","x"]', '[5,"id","a","",{'],
)
def test_a_bad_send_and_a_bad_callresulterror_are_not_answered(data: str) -> None:
    """If this fails, a SEND is answered, which 2.1 forbids (Part 4, 4.2.4)."""
    assert answer_of(data, "2.1") is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ('[3,"id"]', "RpcFrameworkError"),
        ('[3,"id",[]]', "FormatViolation"),
        ('[3,"id",{"a":1,}]', "FormatViolation"),
        ('[3,"id",{}', "FormatViolation"),
    ],
)
def test_a_bad_result_is_told_under_2_1_only(data: str, code: str) -> None:
    """If this fails, CALLRESULTERROR is missing in 2.1, or sent to a 2.0.1 peer that does not know it."""
    answer = answer_of(data, "2.1")
    assert answer is not None
    assert answer[:3] == [5, "id", code]
    assert answer_of(data, "2.0.1") is None


@BOTH
def test_null_stands_for_an_empty_payload(version: str) -> None:
    """If this fails, a CSMS that writes no payload as null is refused, which Part 4, 4.1.5 allows it."""
    assert frame.read('[2,"id","ClearCache",null]', version) == Call("id", "ClearCache", b"{}")
    assert frame.read('[3,"id",null]', version) == CallResult("id", b"{}")
    assert frame.read('[4,"id","GenericError","",null]', version) == CallError("id", "GenericError", "", b"{}")


@pytest.mark.parametrize(
    "payload",
    [
        '{"a":{"b":1,"b":2}}',
        '{"a":[{"b":1 , "b" :2}]}',
        r'{"a":1,"\u0061":2}',
        r'{"a\n":1,"a\u000a":2}',
        r'{"x":"\"\"","b":1,"b":2}',
        r'{"x":"\u0022\u0022","b":1,"b":2}',
        r'{"x":"\u0022","b":"","b":""}',
    ],
)
def test_twins_are_found_however_they_are_spelled(payload: str) -> None:
    """If this fails, two readers of one message may see two different values, and the guard sees the wrong one."""
    answer = answer_of(f'[2,"id","Reset",{payload}]', "2.1")
    assert answer is not None
    assert answer[2] == "FormatViolation"


@pytest.mark.parametrize(
    "payload",
    [r'{"a":"\"b\":\"c\"","b":"\u0022"}', r'{"a":{"b":1},"b":{"a":1},"c":[{"a":1},{"a":2}]}', r'{"a":"\/","A":"\\\""}', '{"a":"x\u007f","":{"":1}}'],
)
def test_what_only_looks_like_twins_is_no_twin(payload: str) -> None:
    """If this fails, honest messages are refused."""
    assert frame.read(f'[2,"id","Reset",{payload}]', "2.1") == Call("id", "Reset", payload.encode())


def test_depth_counts_brackets_outside_texts_only() -> None:
    """If this fails, a long list or a text full of brackets is taken for an attack, or an attack hides behind one."""
    wide = json.dumps({"a": [{"b": ["[[[", "]]", '\\"[{']}] * 500})
    assert isinstance(frame.read(f'[2,"id","Reset",{wide}]', "2.1"), Call)
    allowed = frame.DEPTH_MOST - 2  # the array of the frame and the object of the payload
    assert isinstance(frame.read('[2,"id","Reset",{"a":' + "[" * allowed + "]" * allowed + "}]", "2.1"), Call)
    assert isinstance(frame.read('[2,"id","Reset",{"a":' + "[" * (allowed + 1) + "]" * (allowed + 1) + "}]", "2.1"), Garbled)
    hidden = '["]",' * 200 + "1" + "]" * 200
    assert isinstance(frame.read('[2,"id","Reset",{"a":' + hidden + "}]", "2.1"), Garbled)


def test_hostile_texts_are_read_in_linear_time() -> None:
    """If this fails, one frame of a megabyte stops the station for minutes; all of these take less than a second of a processor."""
    with cpu_limit(60):
        for unit in (b'\\"', b"\\", b'"', b'["', b'{"a":', b"[", b"[[]", b'"\\"[', b" "):
            data = b'[2,"id","Reset",{"a":' + unit * ((1 << 19) // len(unit))
            assert isinstance(frame.read(data, "2.1"), Garbled)
            assert isinstance(frame.read(unit * ((1 << 19) // len(unit)), "2.1"), Garbled)


def test_a_message_may_be_as_long_as_the_caller_says() -> None:
    """If this fails, max_bytes does nothing."""
    data = b'[2,"id","Reset",{"a":"0123456789"}]'
    assert isinstance(frame.read(data, "2.1", max_bytes=len(data)), Call)
    got = frame.read(data, "2.1", max_bytes=len(data) - 1)
    assert isinstance(got, Garbled)
    assert got.message_id == "id"


def test_error_codes_are_read_in_every_spelling() -> None:
    """If this fails, an older CSMS's refusal is not understood, or a peer writes what it likes into the journal as a code."""
    for told, read in {
        "FormationViolation": "FormatViolation",
        "OccurenceConstraintViolation": "OccurrenceConstraintViolation",
        "OccurrenceConstraintViolation": "OccurrenceConstraintViolation",
        "Custom": "Custom",
        "": "GenericError",
        "no code": "GenericError",
        "A" * 1000: "GenericError",
        "<sealed:": "GenericError",
    }.items():
        got = frame.read(json.dumps([4, "id", told, "", {}]), "2.1")
        assert isinstance(got, CallError)
        assert got.code == read


@given(st.text(min_size=1, max_size=36), st.text(max_size=400))
def test_what_is_written_is_read_again(message_id: str, text: str) -> None:
    """If this fails, the station sends what it would not itself accept.  Half a surrogate pair goes out as a question mark."""
    sane_id, sane_text = (part.encode("utf-8", "replace").decode() for part in (message_id, text))
    payload = json.dumps({"a": sane_text}).encode()
    for version in VERSIONS:
        assert frame.read(frame.call(message_id, "Reset", payload), version) == Call(sane_id, "Reset", payload)
        assert frame.read(frame.call_result(message_id, payload), version) == CallResult(sane_id, payload)
        got = frame.read(frame.call_error(message_id, "GenericError", text, payload), version)
        assert got == CallError(sane_id, "GenericError", sane_text[:255], payload)
    assert frame.read(frame.call_result_error(message_id, "GenericError", text), "2.1") == CallResultError(
        sane_id, "GenericError", sane_text[:255], b"{}"
    )
    assert frame.read(frame.send(message_id, "NotifyPeriodicEventStream", payload), "2.1") == Send(sane_id, "NotifyPeriodicEventStream", payload)


def checked(data: bytes | str, version: str) -> None:
    """Reading does not raise; an answer is a frame; a payload is what later readers count on."""
    got = frame.read(data, version)
    if isinstance(got, Garbled):
        assert len(got.message_id) <= 36
        if got.answer is not None:
            again = frame.read(got.answer, version)
            assert isinstance(again, CallError | CallResultError)
            assert again.message_id == (got.message_id or "-1")
    elif isinstance(got, Call | CallResult | Send):
        assert isinstance(json.loads(got.payload), dict)
        assert got.payload in (data.encode() if isinstance(data, str) else data) or got.payload == b"{}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300)
@given(st.binary(max_size=80) | st.text(max_size=80), st.sampled_from(VERSIONS))
def test_reading_anything_never_raises(data: bytes | str, version: str) -> None:
    """If this fails, one frame takes the station down."""
    checked(data, version)


@settings(max_examples=300)
@given(st.lists(st.sampled_from([2, 3, 4, 5, 6, 7, "id", "Reset", {}]) | JSON, max_size=6), st.booleans(), st.sampled_from(VERSIONS))
def test_reading_any_array_never_raises(elements: list[Any], escaped: bool, version: str) -> None:  # noqa: FBT001 (hypothesis gives it)
    """If this fails, one array takes the station down."""
    checked(json.dumps(elements, ensure_ascii=escaped), version)


def test_reading_a_damaged_frame_never_raises() -> None:
    """If this fails, one flipped byte takes the station down."""
    rng = random.Random(1)
    makers = [Maker(seed, keep_texts_short=True) for seed in range(4)]
    for name in ("SetVariables", "TransactionEvent", "SetChargingProfile", "GetVariables"):
        for maker in makers:
            whole = json.dumps([2, "id", name, maker.payload("2.1", f"{name}Request")], ensure_ascii=rng.random() < 0.5).encode()
            assert isinstance(frame.read(whole, "2.1"), Call)
            for _ in range(150):
                data = bytearray(whole)
                for _ in range(rng.randint(1, 3)):
                    place = rng.randrange(len(data))
                    match rng.randrange(4):
                        case 0:
                            data[place] = rng.randrange(256)
                        case 1:
                            del data[place:]
                        case 2:
                            del data[place]
                        case _:
                            data.insert(place, rng.choice(b'[]{}",:\\0e-'))
                    if not data:
                        break
                checked(bytes(data), rng.choice(VERSIONS))
