"""OCPP-J frames: CALL, CALLRESULT, CALLERROR, and for 2.1 CALLRESULTERROR and SEND (Part 4, chapter 4).

Law: reading never raises.  What is no frame becomes ``Garbled``, with the answer that the specification names, if it names one; a payload is
the JSON text as it came, never written anew.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen
from msgspec import DecodeError, Raw
from msgspec.json import Decoder, encode

CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND = 2, 3, 4, 5, 6

ID_MOST = 36
DESCRIPTION_MOST = 255
DEPTH_MOST = 64
"""Deeper nesting than this is no OCPP message; the deepest of the schemas has eight levels."""

NO_ID = "-1"
"""The message id of an error about a message whose id could not be read (Part 4, 4.2.3)."""

_ARRAY = Decoder(list[Raw])
_ANY = Decoder()


@frozen
class Call:
    """Somebody asks."""

    message_id: str
    action: str
    payload: bytes


@frozen
class CallResult:
    """An answer."""

    message_id: str
    payload: bytes


@frozen
class CallError:
    """An answer that says no."""

    message_id: str
    code: str
    description: str
    details: bytes


@frozen
class CallResultError:
    """Our answer was no good (2.1)."""

    message_id: str
    code: str
    description: str
    details: bytes


@frozen
class Send:
    """Somebody says something and wants no answer (2.1)."""

    message_id: str
    action: str
    payload: bytes


@frozen
class Garbled:
    """No frame for us: why, what to answer (None: nothing), and the message id as far as it could be read."""

    reason: str
    answer: bytes | None = None
    message_id: str = ""


Frame = Call | CallResult | CallError | CallResultError | Send


def read(data: bytes | str, version: str) -> Frame | Garbled:
    """The frame that *data* is on a link of *version* (``2.0.1`` or ``2.1``)."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    try:
        elements = _ARRAY.decode(data)
        whole: Any = _ANY.decode(data)
    except RecursionError:
        return _rpc_error("nested too deeply")
    except (DecodeError, ValueError) as error:
        return _rpc_error("not a JSON array" if _is_json(data) else f"not valid JSON: {str(error)[:80]}")
    if len(whole) < 2 or type(whole[0]) is not int:  # noqa: PLR2004 (type and id at least)
        return _rpc_error("a message opens with a type and an id")
    kind, message_id = whole[0], whole[1]
    if type(message_id) is not str or not 0 < len(message_id) <= ID_MOST:
        if kind in (CALLRESULT, CALLERROR, CALLRESULTERROR, SEND):
            return Garbled("an answer without a readable message id")
        return _rpc_error(f"the message id must be a text of 1 to {ID_MOST} characters")
    size = len(whole)
    match kind:
        case 2:
            if size != 4 or type(whole[2]) is not str:  # noqa: PLR2004
                return _bad_call(message_id, "RpcFrameworkError", "a CALL is [2, id, action, payload]")
            problem = payload_problem(bytes(elements[3]), whole[3])
            if problem:
                return _bad_call(message_id, "FormatViolation", problem)
            return Call(message_id, whole[2], bytes(elements[3]))
        case 3:
            if size != 3 or payload_problem(bytes(elements[2]), whole[2]):  # noqa: PLR2004
                return Garbled("a CALLRESULT is [3, id, payload]", None, message_id)
            return CallResult(message_id, bytes(elements[2]))
        case 4 | 5 if kind == CALLERROR or version != "2.0.1":
            if size != 5 or type(whole[2]) is not str or type(whole[3]) is not str or type(whole[4]) is not dict:  # noqa: PLR2004
                return Garbled(f"an error is [{kind}, id, code, description, details]", None, message_id)
            made = CallError if kind == CALLERROR else CallResultError
            return made(message_id, whole[2], whole[3], bytes(elements[4]))
        case 6 if version != "2.0.1":
            if size != 4 or type(whole[2]) is not str or payload_problem(bytes(elements[3]), whole[3]):  # noqa: PLR2004
                return Garbled("a SEND is [6, id, action, payload]", None, message_id)
            return Send(message_id, whole[2], bytes(elements[3]))
        case _:
            # 2.0.1 wants an error for a type that it does not know; 2.1 wants the message ignored (Part 4, 4.1.3).
            answer = call_error(message_id, "MessageTypeNotSupported", f"{kind} is no message type") if version == "2.0.1" else None
            return Garbled(f"message type {kind} is not known", answer, message_id)


def payload_problem(text: bytes, value: Any) -> str:
    """Why a payload is none; empty for a good one.

    Two members of one name have no meaning that both sides must share, so they are refused.  They are looked for only where the text holds more
    of what looks like a name than the value has names, which no compact and honest text does.
    """
    if type(value) is not dict:
        return "the payload must be an object"
    try:
        counted = _members(value, DEPTH_MOST)
    except RecursionError:
        return f"nested deeper than {DEPTH_MOST} levels"
    spaced = b'" :' in text or b'"\n' in text or b'"\t' in text or b'"\r' in text
    if (spaced or text.count(b'":') != counted) and _has_twins(text):
        return "a member stands twice in one object"
    return ""


def _members(value: Any, depth: int) -> int:
    """How many members the objects in *value* have together."""
    if not depth:
        raise RecursionError
    if type(value) is dict:
        count = len(value)
        for member in value.values():
            if type(member) is dict or type(member) is list:
                count += _members(member, depth - 1)
        return count
    return sum(_members(member, depth - 1) for member in value if type(member) is dict or type(member) is list)


def _has_twins(text: bytes) -> bool:
    import json

    def pairs(found: list[tuple[str, Any]]) -> None:
        if len({name for name, _ in found}) != len(found):
            raise LookupError

    try:
        json.loads(text, object_pairs_hook=pairs)
    except LookupError:
        return True
    return False


def _is_json(data: bytes) -> bool:
    try:
        _ANY.decode(data)
    except (DecodeError, ValueError, RecursionError):
        return False
    return True


def _rpc_error(reason: str) -> Garbled:
    return Garbled(reason, call_error(NO_ID, "RpcFrameworkError", reason))


def _bad_call(message_id: str, code: str, reason: str) -> Garbled:
    return Garbled(reason, call_error(message_id, code, reason), message_id)


def call(message_id: str, action: str, payload: bytes) -> bytes:
    """A CALL."""
    return b'[2,"%s","%s",%s]' % (message_id.encode(), action.encode(), payload)


def call_result(message_id: str, payload: bytes) -> bytes:
    """A CALLRESULT to a message of the other side, whose id may hold anything."""
    return b"[3,%s,%s]" % (encode(message_id), payload)


def call_error(message_id: str, code: str, description: str = "", details: bytes = b"{}") -> bytes:
    """A CALLERROR; a description that is too long is cut."""
    return b"[4,%s,%s,%s,%s]" % (encode(message_id), encode(code), encode(description[:DESCRIPTION_MOST]), details)


def call_result_error(message_id: str, code: str, description: str = "", details: bytes = b"{}") -> bytes:
    """A CALLRESULTERROR (2.1)."""
    return b"[5,%s,%s,%s,%s]" % (encode(message_id), encode(code), encode(description[:DESCRIPTION_MOST]), details)


def send(message_id: str, action: str, payload: bytes) -> bytes:
    """A SEND (2.1)."""
    return b'[6,"%s","%s",%s]' % (message_id.encode(), action.encode(), payload)
