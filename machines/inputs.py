"""Everything that a port can tell the station.

Law: an input says what was perceived, secrets and persons already sealed; it never says what to do about it.
"""

from __future__ import annotations

from typing import ClassVar

from engine.event import Input
from engine.records import record
from machines.certificates.facts import Certificate

# The daemon


@record(32)
class Started(Input):
    """The daemon runs.  *boot_id* changes with every boot of the machine below; *boottime_us* and *wall_us* are what its clocks showed.

    *journal* is the journal's own number, part of every identifier that the station gives out.
    """

    journal: int
    build: str
    boot_id: str
    boottime_us: int
    wall_us: int


@record(33)
class ConfigLoaded(Input):
    """The component files say something new: all declarations, as JSON text of a list of ``Declared`` fields, and their digest."""

    digest: str
    body: bytes


@record(34)
class Stopping(Input):
    """The daemon was asked for an orderly stop: *reason* is ``SIGTERM``, ``SIGINT``, ``shutdown``."""

    reason: str


@record(35)
class HoldAsked(Input):
    """Somebody at the control socket wants the CSMS link closed (*hold*), or open again."""

    hold: bool


@record(57)
class OperatorSet(Input):
    """A person at the station wants a variable attribute to have *value*; secrets are sealed.  *hold*: the CSMS may not change it."""

    component: str
    variable: str
    value: str
    component_instance: str = ""
    variable_instance: str = ""
    evse_id: int = 0
    connector_id: int = 0
    attribute: str = "Actual"
    hold: bool = False


@record(58)
class OperatorReset(Input):
    """A person at the station wants a variable attribute to be what its component file says."""

    component: str
    variable: str
    component_instance: str = ""
    variable_instance: str = ""
    evse_id: int = 0
    connector_id: int = 0
    attribute: str = "Actual"


@record(425)
class ClockRead(Input):
    """A command that changes a station which does not run looked at the clocks, as a process that starts does (:class:`Started`)."""

    boot_id: str
    boottime_us: int
    wall_us: int


@record(431)
class RootsGiven(Input):
    """A person at the station wants these roots trusted; they were read and judged when they were given."""

    certificates: tuple[Certificate, ...]


@record(432)
class RootsDropped(Input):
    """A person at the station wants a root trusted no longer."""

    fingerprint: str


# The link to the CSMS


@record(40)
class LinkUp(Input):
    """The WebSocket of *link* is open; *subprotocol* is what the server chose, empty for none."""

    link: int
    subprotocol: str


@record(41)
class LinkDown(Input):
    """The WebSocket of *link* is closed or never opened; *reason* is a word of ``machines.connection.reasons``, *detail* for people."""

    link: int
    reason: str
    detail: str = ""


@record(42)
class Called(Input):
    """The CSMS sent a valid CALL."""

    TOPIC: ClassVar[str] = "action"

    link: int
    message_id: str
    action: str
    payload: bytes


@record(43)
class CalledBadly(Input):
    """The CSMS sent a CALL whose payload breaks its schema; *code* is the OCPP error code, *description* holds no value of it."""

    link: int
    message_id: str
    action: str
    payload: bytes
    code: str
    description: str


@record(44)
class Answered(Input):
    """The CSMS answered one of our CALLs.  *entry* and *attempt* are read from our own message id."""

    link: int
    entry: int
    attempt: int
    payload: bytes
    problem: str = ""
    """Why the payload breaks its schema; empty for a valid one."""


@record(45)
class Refused(Input):
    """The CSMS answered one of our CALLs with a CALLERROR.  *details* is JSON text; in both texts secrets and persons are sealed."""

    link: int
    entry: int
    attempt: int
    code: str
    description: str
    details: bytes = b"{}"


@record(46)
class Garbled(Input):
    """A frame that is no OCPP-J message for us; *answer* is what the protocol says to send back, empty where it says nothing."""

    link: int
    reason: str
    length: int
    digest: str
    answer: bytes
    frame: str = ""
    """The sealed text of the frame."""


@record(47)
class StraySend(Input):
    """The CSMS sent an unconfirmed message (SEND, 2.1) that this station does nothing with."""

    link: int
    message_id: str
    action: str


# The hardware of an EVSE


@record(50)
class EvseSeen(Input):
    """What an EVSE looks like, told once after every start: levels, because an edge may have died with the last process."""

    evse_id: int
    connector_id: int
    plugged: bool
    pilot: str
    contactor_closed: bool
    energy_wh: int


@record(51)
class CableConnected(Input):
    """A vehicle is connected to a connector."""

    evse_id: int
    connector_id: int


@record(52)
class CableDisconnected(Input):
    """The vehicle is gone from a connector."""

    evse_id: int
    connector_id: int


@record(53)
class PilotChanged(Input):
    """The control pilot's state by IEC 61851-1: ``A`` no vehicle, ``B`` connected, ``C`` or ``D`` wants energy, ``E`` or ``F`` error."""

    evse_id: int
    state: str


@record(54)
class ContactorMoved(Input):
    """The contactor of an EVSE closed or opened."""

    evse_id: int
    closed: bool


@record(55)
class MeterTold(Input):
    """The meter of an EVSE: the import register, power, current and voltage by phase (L1, L2, L3; only those in use).

    *wall_us* is the meter's own time in microseconds since 1970 where it gave one, else 0.  A power of -1 is not reported.
    """

    evse_id: int
    energy_wh: int
    power_w: int
    current_ma: tuple[int, ...] = ()
    voltage_mv: tuple[int, ...] = ()
    wall_us: int = 0


@record(56)
class ServicesSelected(Input):
    """The vehicle chose value-added services (ISO 15118-2 ServiceSelectionReq): (service id, parameter set id) pairs."""

    evse_id: int
    services: tuple[tuple[int, int], ...]


# People


@record(60)
class CardPresented(Input):
    """A card is held to the reader.  *token* is sealed; *evse_ids* limits where it may be used (empty: anywhere)."""

    MOMENTARY: ClassVar[bool] = True

    token: str
    token_type: str
    evse_ids: tuple[int, ...] = ()


@record(350)
class ForgetAsked(Input):
    """Somebody wants a person forgotten: the *handles* under which a text of theirs was sealed, in each case that it was written in."""

    handles: tuple[str, ...]
