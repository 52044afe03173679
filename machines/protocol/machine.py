"""What no other machine hears: frames that are no messages, calls that break their schema, actions that nobody serves, messages of vendors.

Law: the specified error where one is specified, and never silence where an answer is due.
"""

from __future__ import annotations

import attrs

from engine.machine import Conclusions, Context, Machine, Part, State, Station, state
from machines.boot.state import BOOT
from machines.effects import ReplyError, Say
from machines.inputs import Called, CalledBadly, Garbled
from machines.protocol.p01_data_transfer import on_transfer
from machines.protocol.serve import served
from machines.version.state import VERSION
from wire import names


@state(100)
class Protocol(State):
    """The RPC layer remembers nothing; every frame stands for itself."""

    reserved: dict[str, str] = attrs.field(factory=dict)


PROTOCOL = Part("protocol", Protocol)


def refuse(station: Station, call: Called, cx: Context) -> Conclusions:  # noqa: ARG001
    """A valid CALL that no machine serves: known to the version but not built, or not known at all."""
    if station[BOOT].standing == "Rejected":
        code, why = "SecurityError", "not accepted by the CSMS"
    elif names.is_known(station[VERSION].of.get(call.link, "2.1"), call.action):
        code, why = "NotSupported", "this station does not support the action"
    else:
        code, why = "NotImplemented", "no such action in this version of OCPP"
    yield ReplyError(link=call.link, message_id=call.message_id, action=call.action, code=code, description=why)


def refuse_badly(station: Station, call: CalledBadly, cx: Context) -> Conclusions:  # noqa: ARG001
    """A CALL whose payload breaks its schema."""
    if station[BOOT].standing == "Rejected":
        # B03.FR.08 comes before any other fault of the message.
        yield ReplyError(link=call.link, message_id=call.message_id, action=call.action, code="SecurityError", description="not accepted by the CSMS")
    else:
        yield ReplyError(link=call.link, message_id=call.message_id, action=call.action, code=call.code, description=call.description)


def answer_garbled(station: Station, frame: Garbled, cx: Context) -> Conclusions:  # noqa: ARG001
    """A frame that is no message."""
    if frame.answer:
        yield Say(link=frame.link, frame=frame.answer)


MACHINE = Machine(
    PROTOCOL,
    folds={},
    hears={Called: refuse, CalledBadly: refuse_badly, Garbled: answer_garbled, (Called, "DataTransfer"): served(on_transfer)},
)
