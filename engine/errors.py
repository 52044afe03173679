"""Whose fault it was.

Law: the type of an error says who has to act: an ``EngineFault`` is ours, a ``JournalFault`` stops the station, a ``PeerFault`` becomes an
answer to the peer, a ``SetupFault`` is for the person at the keyboard.
"""

from __future__ import annotations


class StationdError(Exception):
    """The root of all errors that this project raises on purpose."""


class EngineFault(StationdError):
    """A machine broke a law of the engine.  Becomes a ``Faulted`` turn and an alarm."""


class JournalFault(StationdError):
    """The journal cannot be read or written as it must be.  Stops the station; the text says what to do."""


class PeerFault(StationdError):
    """The other side of a link broke the protocol.  *code* is the OCPP error code of the CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


class SetupFault(StationdError):
    """What a person gave us cannot work.  *status* is the process's exit status."""

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.status = status
