"""What the CSMS asks about transactions (E14).

Law: an inquiry changes nothing; what is in flight still has to be delivered.
"""

from __future__ import annotations

from typing import Any

from engine.machine import Conclusions, Context, Station
from machines.inputs import Called
from machines.outbound.state import OUTBOUND
from machines.protocol.serve import reply
from machines.session.state import SESSIONS
from wire import jsontext


def undelivered(station: Station, transaction_id: str | None) -> bool:
    """Whether the CSMS has still to be told something of a transaction (E14.FR.04), or of any (E14.FR.07)."""
    # Queued payloads are jsontext's: without spaces, so that the member can be found without reading every one of thousands.
    wanted = b"" if transaction_id is None else b'"transactionId":' + jsontext.encode(transaction_id)
    return any(entry.action == "TransactionEvent" and wanted in entry.payload for entry in station[OUTBOUND].queue.values())


def on_transaction_status(station: Station, call: Called, asked: dict[str, Any], cx: Context) -> Conclusions:  # noqa: ARG001
    """GetTransactionStatus: E14.FR.01 to E14.FR.08."""
    identifier: str | None = asked.get("transactionId")
    if identifier is not None:
        # An identifierString is compared without case, and those that this station gives out have no capitals.
        identifier = identifier.casefold()
    answer = {"messagesInQueue": undelivered(station, identifier)}
    if identifier is not None:
        running = (session.transaction for session in station[SESSIONS].of.values())
        answer["ongoingIndicator"] = any(tx is not None and tx.transaction_id == identifier for tx in running)
    yield reply(station, call, answer)
