"""What a case needs of the world: a CSMS's end of the link, hands at the station, and time.

Law: a case is written against this and nothing else, so the same case runs in this process, over a wire and over a recording.  Everything is awaited;
a bench in virtual time never suspends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from conformance.verdict import Entry


class Answer(NamedTuple):
    """What the CSMS answers to a CALL of the station: a payload, or the code of a CALLERROR, or with neither nothing at all.

    *after_ms*: a CSMS that takes its time.
    """

    payload: dict[str, Any] | None = None
    error: str = ""
    after_ms: int = 0


SILENCE = Answer()


class Login(NamedTuple):
    """The Authorization header of an HTTP upgrade request, decoded."""

    identity: str
    password: str


class Heard(NamedTuple):
    """A CALL of the station, as it came."""

    action: str
    payload: dict[str, Any]
    message_id: str
    at_ms: int
    turn: int = -1


class Reply(NamedTuple):
    """What the station answered to a CALL of ours: a payload, or the code and description of its CALLERROR."""

    payload: dict[str, Any] | None
    error: str = ""
    description: str = ""
    turn: int = -1


Hear = Callable[[Heard], Answer]
Ready = Callable[[], bool]


def obliged(heard: Heard) -> Answer:  # noqa: ARG001 (a CSMS that does not care)
    """The empty answer."""
    return Answer({})


class Driver(ABC):
    """Hands at the station.  Every deed returns when it is done, not when the station has reacted."""

    @abstractmethod
    async def plug_in(self, evse_id: int, connector_id: int) -> None:
        """Connect a vehicle that wants to charge."""

    @abstractmethod
    async def unplug(self, evse_id: int) -> None:
        """Disconnect the vehicle, at its own side."""

    @abstractmethod
    async def present(self, token: str, token_type: str, evse_id: int) -> None:
        """Hold a card to the reader, at *evse_id* where the station has a reader for each (0: the station's own)."""

    @abstractmethod
    async def pause(self, evse_id: int) -> None:
        """Have the vehicle stop drawing energy."""

    @abstractmethod
    async def resume(self, evse_id: int) -> None:
        """Have the vehicle draw energy again."""

    @abstractmethod
    async def power_cycle(self) -> None:
        """Take the power away, and give it back after a few seconds; a vehicle that is connected stays connected."""


class Bench(ABC):
    """One station, one CSMS, from a cold start on."""

    name = ""
    real_time = False
    """Whether waiting costs the time that passes."""
    remembers = False
    """Whether the next case finds the station as this one leaves it."""
    up = False
    """Whether the station has started and was accepted before the case begins."""

    def __init__(self) -> None:
        self.trace: list[Entry] = []
        self.hear: Hear = obliged
        """What the CSMS answers; told of every CALL, at the moment that it arrives."""
        self.version = "2.0.1"
        """What the link speaks."""
        self.login: Login | None = None
        """What the station's newest attempt to connect carried; None where it carried no Authorization header."""

    def csms_time_us(self) -> int | None:
        """Return the time that the CSMS has told the station, in microseconds since 1970; None where nobody knows it."""
        if self.real_time:
            return int(datetime.now(UTC).timestamp() * 1e6)
        return 1_800_000_000_000_000 + self.now_ms * 1_000

    @property
    @abstractmethod
    def driver(self) -> Driver:
        """Hands at the station."""

    @abstractmethod
    async def start(self) -> None:
        """Power up a station that has never run, with the component files that it is shipped with."""

    @abstractmethod
    async def stop(self) -> None:
        """Take everything away."""

    @abstractmethod
    async def until(self, ready: Ready, within_s: float) -> bool:
        """Let time pass until *ready* says true, at most *within_s*; returns whether it did."""

    @abstractmethod
    async def call(self, action: str, payload: dict[str, Any], within_s: float) -> Reply | None:
        """The CSMS asks; None where no answer came in time, or there is no link."""

    @abstractmethod
    async def hang_up(self, *, stay_away: bool) -> None:
        """Break the link; *stay_away*: nobody can dial until :meth:`come_back`."""

    @abstractmethod
    async def come_back(self) -> None:
        """Let the station dial again."""

    @property
    @abstractmethod
    def linked(self) -> bool:
        """Whether there is a link."""

    @property
    @abstractmethod
    def now_ms(self) -> int:
        """Milliseconds since the bench was started."""

    def known(self, address: dict[str, Any]) -> str | None:
        """The value of a variable (component and variable, as OCPP writes them) where the bench knows it without asking; else None.

        Empty where the station is known not to have it.
        """
        del address
        return None

    @property
    def identity(self) -> str:
        """The identity of the station that is tried, where the bench knows it better than the settings; else empty."""
        return ""

    def remark(self) -> str:
        """What is known of why something did not come, to be added to what was got; empty where nothing is."""
        return ""

    def turn(self) -> int:
        """The newest turn of the station's journal; -1 where nobody knows."""
        return -1

    def keep_journal(self, path: str) -> str:
        """Leave the station's journal at *path* for ``stationd replay``; returns how to open it, empty where there is none to leave."""
        del path
        return ""

    def digest(self) -> str:
        """What tells this station's journal from another's; empty where nobody knows it."""
        return ""
