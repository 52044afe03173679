"""How a CALL of the CSMS is answered.

Law: exactly one answer to every CALL, on the link that it came in on, in the words of the version that the link agreed on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.machine import Conclusions, Context, Decide, Station
from machines.boot.state import BOOT
from machines.effects import Reply, ReplyError
from machines.inputs import Called
from machines.version.state import VERSION
from wire import jsontext, v201

Serve = Callable[[Station, Called, dict[str, Any], Context], Conclusions]


def reply(station: Station, call: Called, payload: dict[str, Any]) -> Reply:
    """The CALLRESULT to *call*; *payload* is written in 2.1's words and narrowed for a 2.0.1 link."""
    if station[VERSION].of.get(call.link) == "2.0.1":
        payload = v201.narrow(call.action + "Response", payload)
    return Reply(link=call.link, message_id=call.message_id, payload=jsontext.encode(payload))


def served(serve: Serve, *, since: str = "2.0.1") -> Decide:
    """A decision on a CALL, behind the rules that hold for every CALL.

    B03.FR.08: while the CSMS rejects the station, nothing it asks is done.  A message that only 2.1 knows is unknown on a 2.0.1 link.
    """

    def decide(station: Station, call: Called, cx: Context) -> Conclusions:
        if station[BOOT].standing == "Rejected":
            yield ReplyError(
                link=call.link, message_id=call.message_id, action=call.action, code="SecurityError", description="not accepted by the CSMS"
            )
            return
        if since == "2.1" and station[VERSION].of.get(call.link) == "2.0.1":
            yield ReplyError(link=call.link, message_id=call.message_id, action=call.action, code="NotImplemented")
            return
        yield from serve(station, call, jsontext.decode(call.payload), cx)

    return decide
