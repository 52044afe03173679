"""What the machines ask of the outside, where several machines ask it.

Law: imperative, and complete: an adapter needs nothing but the effect and the vault to perform it.
"""

from __future__ import annotations

from typing import ClassVar

from engine.event import AfterCrash, Effect
from engine.records import record


@record(240)
class Reply(Effect):
    """Answer a CALL of the CSMS on the link that it came in on."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.FORGET
    ANSWERS: ClassVar[bool] = True

    link: int
    message_id: str
    payload: bytes


@record(241)
class ReplyError(Effect):
    """Answer a CALL of the CSMS with a CALLERROR; *action* is that of the CALL, for the log."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.FORGET
    ANSWERS: ClassVar[bool] = True

    link: int
    message_id: str
    code: str
    description: str = ""
    action: str = ""


@record(242)
class Say(Effect):
    """Send a frame as it stands: the answer to a frame that could not be understood."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.FORGET
    ANSWERS: ClassVar[bool] = True

    link: int
    frame: bytes


@record(243)
class Call(Effect):
    """Send a CALL.  What comes of it is told by ``Answered``, ``Refused`` or ``LinkDown``; silence is the machine's own deadline."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.FORGET

    link: int
    message_id: str
    action: str
    payload: bytes


@record(244)
class Dial(Effect):
    """Open the WebSocket of *link*.  What comes of it is told by ``LinkUp`` or ``LinkDown``.  *password* is sealed; empty: none.

    *roots* are the PEM texts of the CSMS roots, of which one has to stand behind the server's certificate; none: those of the operating system.
    *wildcards* says whether the server's certificate may be made out to a wildcard name (SecurityCtrlr.AllowCSMSTLSWildcards).
    """

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.FORGET

    link: int
    slot: int
    url: str
    identity: str
    subprotocols: tuple[str, ...]
    password: str
    ping_interval_s: int
    roots: tuple[str, ...] = ()
    wildcards: bool = False


@record(245)
class HangUp(Effect):
    """Close the WebSocket of *link* with a WebSocket close *code*."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.FORGET

    link: int
    code: int = 1000
    reason: str = ""


@record(440)
class SetPingInterval(Effect):
    """Send a ping on the WebSocket of *link* every *seconds*, and wait as long for its pong; 0: send none."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.FORGET

    link: int
    seconds: int


@record(246)
class SetEvse(Effect):
    """Make an EVSE offer energy or not, and hold or release the plug.  Doing it twice changes nothing."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.REPEAT

    evse_id: int
    energise: bool
    lock: bool

    @property
    def withdraws(self) -> bool:
        """Whether it only takes energy away."""
        return not self.energise


@record(247)
class ReadMeter(Effect):
    """Read the meter of an EVSE now.  The answer is a ``MeterTold``; silence is the machine's own deadline."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.FORGET

    evse_id: int


@record(351)
class Shred(Effect):
    """Destroy the texts behind *handles*, and their keys.  What is gone already is gone."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.REPEAT

    handles: tuple[str, ...]
