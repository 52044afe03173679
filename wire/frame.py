"""OCPP-J frames: CALL, CALLRESULT, CALLERROR, and for 2.1 CALLRESULTERROR and SEND (Part 4, chapter 4).

Law: reading never raises.  What is no frame becomes ``Garbled``, with the answer that the specification names, if it names one; a payload is
the JSON text as it came, never written anew, and whoever decodes it later finds valid JSON of bounded depth, without twins, in 64-bit integers.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import DecodeError, Raw, Struct, msgpack
from msgspec.json import Decoder

from wire import names
from wire.jsontext import encode, has_twins, parse_whole_number

CALL, CALLRESULT, CALLERROR, CALLRESULTERROR, SEND = 2, 3, 4, 5, 6

ID_MOST = 36
"""Characters of a message id (Part 4, 4.1.4)."""
DESCRIPTION_MOST = 255
"""Characters of an error's description (Part 4, 4.2.3)."""
DEPTH_MOST = 64
"""Deeper nesting than this is no OCPP message; the deepest of the schemas has eight levels, and vendors nest in customData."""
BYTES_MOST = 1 << 20
"""Longer frames are refused unread, unless the caller allows more."""

NO_ID = "-1"
"""The message id of an error about a message whose id could not be read (Part 4, 4.2.3)."""

_ARRAY = Decoder(list[Raw])
_TEXT = Decoder(str)
_ANY = Decoder()
_NULL = b"null"
_EMPTY = b"{}"

# Patterns for what is no frame: compiled on first use, which most stations never see.
_HEAD = rb'(?s)\s*\[\s*(-?[0-9]{1,9})\s*,\s*("(?:[^"\\]|\\.){1,432}")\s*(?:,\s*("(?:[^"\\]|\\.){1,64}")\s*,)?'
"""Type, id and action of what is otherwise no frame; an id of 36 characters has up to 432 bytes when all are escaped pairs."""
_HEAD_BYTES = 1024
_STRING = rb'(?s)"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
"""A string, or the rest of the text where its end is missing: linear, whatever is thrown at it."""
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_BRACES = bytes.maketrans(b"{}", b"[]")
ACTION_MOST = 64
"""Characters of an action; the longest of OCPP has 33."""


class Call(Struct, frozen=True, gc=False):
    """Somebody asks."""

    message_id: str
    action: str
    payload: bytes


class CallResult(Struct, frozen=True, gc=False):
    """An answer."""

    message_id: str
    payload: bytes


class CallError(Struct, frozen=True, gc=False):
    """An answer that says no.  *code* is in the spelling of :data:`wire.names.ERROR_CODES`; the description is the peer's own text, unsealed."""

    message_id: str
    code: str
    description: str
    details: bytes


class CallResultError(Struct, frozen=True, gc=False):
    """Our answer was no good (2.1)."""

    message_id: str
    code: str
    description: str
    details: bytes


class Send(Struct, frozen=True, gc=False):
    """Somebody says something and wants no answer (2.1)."""

    message_id: str
    action: str
    payload: bytes


class Garbled(Struct, frozen=True, gc=False):
    """No frame for us: why, what to answer (None: nothing), and the message id as far as it could be read (else empty).

    The reason tells nothing of what the frame held.
    """

    reason: str
    answer: bytes | None = None
    message_id: str = ""


Frame = Call | CallResult | CallError | CallResultError | Send


def read(data: bytes | str, version: str, *, max_bytes: int = BYTES_MOST) -> Frame | Garbled:
    """The frame that *data* is on a link of *version* (``2.0.1`` or ``2.1``).  Returns, whatever *data* is; if it raises, that is a bug.

    A payload that is ``null`` stands for an empty one (Part 4, 4.1.5).
    """
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    if len(data) > max_bytes:
        return _corrupt(data, version, f"a message of {len(data)} bytes; the most is {max_bytes}")
    # A text with few brackets cannot be deep; only others are looked at closely, before any decoder recurses into them.
    if data.count(b"[") + data.count(b"{") > DEPTH_MOST and _is_deep(data):
        return _corrupt(data, version, f"nested deeper than {DEPTH_MOST} levels, or brackets that do not match")
    try:
        elements = _ARRAY.decode(data)
    except (DecodeError, ValueError, RecursionError):
        return _corrupt(data, version, "not a JSON array")
    size = len(elements)
    if size < 2:  # noqa: PLR2004 (type and id)
        return _framework_error("a message opens with a type and an id")
    kind = bytes(elements[0])
    message_id = _text(elements[1])
    if message_id is None or not 0 < len(message_id) <= ID_MOST:
        return _without_id(kind, version)
    match kind:
        case b"2":
            return _call(message_id, elements)
        case b"3":
            return _call_result(message_id, elements, version)
        case b"4":
            return _error(CallError, message_id, elements)
        case b"5" if version != names.V201:
            return _error(CallResultError, message_id, elements)
        case b"6" if version != names.V201:
            return _send(message_id, elements)
        case _ if (plain := _normalize_kind(kind)) != kind:
            # The type is the first element, so the first place where its text stands.
            return read(data.replace(kind, plain, 1), version, max_bytes=max_bytes)
        case _:
            return _unknown_kind(kind, message_id, version)


def _call(message_id: str, elements: list[Raw]) -> Call | Garbled:
    if len(elements) != 4:  # noqa: PLR2004
        return _no_call(message_id, "RpcFrameworkError", "a CALL is [2, id, action, payload]")
    action = _text(elements[2])
    if action is None:
        return _no_call(message_id, "RpcFrameworkError", "the action of a CALL must be a text")
    if not _is_name(action):
        # It goes into logs and journals as it came, so it must look like a name; as no name is an action of OCPP, nothing is lost.
        return _no_call(message_id, "NotImplemented", "the action is no name of a message")
    payload, problem = _payload(elements[3])
    if problem:
        return _no_call(message_id, "FormatViolation", problem)
    return Call(message_id, action, payload)


def _call_result(message_id: str, elements: list[Raw], version: str) -> CallResult | Garbled:
    if len(elements) != 3:  # noqa: PLR2004
        return _no_result(message_id, "RpcFrameworkError", "a CALLRESULT is [3, id, payload]", version)
    payload, problem = _payload(elements[2])
    if problem:
        return _no_result(message_id, "FormatViolation", problem, version)
    return CallResult(message_id, payload)


def _error(made: type[CallError | CallResultError], message_id: str, elements: list[Raw]) -> CallError | CallResultError | Garbled:
    # Nobody answers an error, so there is nothing to say about a bad one (Part 4, 4.2.3).
    if len(elements) != 5:  # noqa: PLR2004
        return Garbled("an error is [type, id, code, description, details]", None, message_id)
    code, description = _text(elements[2]), _text(elements[3])
    if code is None or description is None:
        return Garbled("code and description of an error must be texts", None, message_id)
    details, problem = _payload(elements[4])
    if problem:
        return Garbled(f"the details of an error: {problem}", None, message_id)
    return made(message_id, names.error_code(code), description, details)


def _send(message_id: str, elements: list[Raw]) -> Send | Garbled:
    # A SEND is never answered (Part 4 of 2.1, 4.2.4).
    if len(elements) != 4:  # noqa: PLR2004
        return Garbled("a SEND is [6, id, action, payload]", None, message_id)
    action = _text(elements[2])
    if action is None or not _is_name(action):
        return Garbled("the action of a SEND must be the name of a message", None, message_id)
    payload, problem = _payload(elements[3])
    if problem:
        return Garbled(problem, None, message_id)
    return Send(message_id, action, payload)


def _payload(raw: Raw) -> tuple[bytes, str]:
    """The text of a payload, and why it is none (empty: it is one)."""
    text = bytes(raw)
    if text == _NULL:
        return _EMPTY, ""
    try:
        value: Any = _ANY.decode(text)
    except UnicodeDecodeError:
        return text, "a text in the payload is not UTF-8"
    except (DecodeError, ValueError, RecursionError):
        # A slice of valid JSON: only a number can be wrong with it.
        return text, "a number in the payload is out of range"
    if type(value) is not dict:
        return text, "the payload must be an object"
    try:
        # Cheaper than looking at every number, and it is the very thing that the journal could not do later.
        msgpack.encode(value)
    except OverflowError:
        return text, "an integer in the payload needs more than 64 bits"
    if has_twins(text, value):
        # Which of two members is meant nobody can know: parsers differ, and a guard that read the other one would be fooled.
        return text, "a member stands twice in one object"
    return text, ""


def _text(raw: Raw) -> str | None:
    """The text that a JSON value is, or None."""
    try:
        return _TEXT.decode(raw)
    except (DecodeError, ValueError):
        return None


def _normalize_kind(kind: bytes) -> bytes:
    """A message type that is whole and written with a point or an exponent, such as ``2.0``, in digits; anything else as it is."""
    if kind.translate(None, b"0123456789+-.eE"):
        return kind
    integer = parse_whole_number(kind.decode())
    return kind if integer is None else b"%d" % integer


def _is_name(action: str) -> bool:
    return action.isalnum() and action.isascii() and len(action) <= ACTION_MOST


def _is_deep(data: bytes) -> bool:
    """Whether brackets outside strings nest deeper than allowed, or do not match."""
    # Braces as brackets: that they match each other is the decoder's to see.  Each pass takes away the innermost level.
    brackets = re.sub(_STRING, b"", data).translate(_BRACES, _NOT_BRACKETS)
    for _ in range(DEPTH_MOST):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _corrupt(data: bytes, version: str, reason: str) -> Garbled:
    """No frame, yet perhaps its head can be read: then the sender is told about its own message."""
    head = re.match(_HEAD, data[:_HEAD_BYTES])
    if head is None:
        return _framework_error(reason)
    message_id = _text(Raw(head[2]))
    if message_id is None or not 0 < len(message_id) <= ID_MOST:
        return _without_id(head[1], version)
    match head[1]:
        case b"2":
            # With an action it is the payload that is broken (Part 4, 4.3: payload for action is syntactically incorrect).
            return _no_call(message_id, "FormatViolation" if head[3] else "RpcFrameworkError", reason)
        case b"3":
            return _no_result(message_id, "FormatViolation", reason, version)
        case b"4":
            return Garbled(reason, None, message_id)
        case b"5" | b"6" if version != names.V201:
            return Garbled(reason, None, message_id)
        case _:
            return _unknown_kind(head[1], message_id, version)


def _without_id(kind: bytes, version: str) -> Garbled:
    reason = f"the message id must be a text of 1 to {ID_MOST} characters"
    if kind in {b"3", b"4"} or (kind in {b"5", b"6"} and version != names.V201):
        return Garbled(reason)
    return _framework_error(reason) if kind == b"2" else _unknown_kind(kind, "", version)


def _unknown_kind(kind: bytes, message_id: str, version: str) -> Garbled:
    if not kind.removeprefix(b"-").isdigit():
        reason = "the message type must be an integer"
        return Garbled(reason, call_error(message_id or NO_ID, "RpcFrameworkError", reason), message_id)
    # 2.0.1 wants an error for a type that it does not know (Part 4 Ed. 4, 4.4; errata 2026-04 call it deprecated); 2.1 wants the message ignored
    # (Part 4, 4.1.3).
    reason = "a message type that this version of OCPP does not know"
    answer = call_error(message_id or NO_ID, "MessageTypeNotSupported", reason) if version == names.V201 else None
    return Garbled(reason, answer, message_id)


def _framework_error(reason: str) -> Garbled:
    return Garbled(reason, call_error(NO_ID, "RpcFrameworkError", reason))


def _no_call(message_id: str, code: str, reason: str) -> Garbled:
    return Garbled(reason, call_error(message_id, code, reason), message_id)


def _no_result(message_id: str, code: str, reason: str, version: str) -> Garbled:
    # 2.1 tells the sender of a bad answer (Part 4 of 2.1, 4.2.3); 2.0.1 has no word for that.
    answer = call_result_error(message_id, code, reason) if version != names.V201 else None
    return Garbled(reason, answer, message_id)


def call(message_id: str, action: str, payload: bytes) -> bytes:
    """A CALL; *payload* is JSON text, as in every writer here."""
    return b"[2,%s,%s,%s]" % (_json(message_id), _json(action), payload)


def call_result(message_id: str, payload: bytes) -> bytes:
    """A CALLRESULT to a message of the other side, whose id may hold anything."""
    return b"[3,%s,%s]" % (_json(message_id), payload)


def call_error(message_id: str, code: str, description: str = "", details: bytes = _EMPTY) -> bytes:
    """A CALLERROR; a description that is too long is cut."""
    return b"[4,%s,%s,%s,%s]" % (_json(message_id), _json(code), _json(description[:DESCRIPTION_MOST]), details)


def call_result_error(message_id: str, code: str, description: str = "", details: bytes = _EMPTY) -> bytes:
    """A CALLRESULTERROR (2.1); a description that is too long is cut."""
    return b"[5,%s,%s,%s,%s]" % (_json(message_id), _json(code), _json(description[:DESCRIPTION_MOST]), details)


def send(message_id: str, action: str, payload: bytes) -> bytes:
    """A SEND (2.1)."""
    return b"[6,%s,%s,%s]" % (_json(message_id), _json(action), payload)


def _json(text: str) -> bytes:
    try:
        return encode(text)
    except UnicodeEncodeError:
        # Half a surrogate pair has no UTF-8; a frame must, so it goes out as a question mark.
        return encode(text.encode("utf-8", "replace").decode())
