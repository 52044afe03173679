"""What can be true of a charging session.  Every fact names its EVSE."""

from __future__ import annotations

from engine.event import Fact
from engine.records import record


@record(300)
class CablePlugged(Fact):
    """A vehicle is connected."""

    evse_id: int
    connector_id: int
    at_us: int


@record(301)
class CableUnplugged(Fact):
    """The vehicle is gone.  *connect_by_us*: how long an authorization waits for it to come back (0: nothing waits).

    *unseen* says that it left while the station was without power.
    """

    evse_id: int
    connect_by_us: int = 0
    unseen: bool = False


@record(302)
class PilotSeen(Fact):
    """The control pilot is in this state."""

    evse_id: int
    state: str


@record(303)
class ContactorSeen(Fact):
    """The contactor is closed or open."""

    evse_id: int
    closed: bool


@record(304)
class AuthorizationAsked(Fact):
    """The CSMS is asked about a card; message *entry* carries the question.

    *evse_id* is where energy is wanted, *purpose* is ``start``, ``stop`` for a card that may share the group of a running session, or ``master`` for
    one that can only be a master pass.
    """

    entry: int
    evse_id: int
    token: str
    token_type: str
    purpose: str = "start"
    remote_start_id: int = -1


@record(305)
class Granted(Fact):
    """A driver may charge at an EVSE.  *connect_by_us* is when the vehicle must be connected (0: it is).  *trigger* is OCPP's."""

    evse_id: int
    token: str
    token_type: str
    trigger: str
    group: str = ""
    connect_by_us: int = 0
    remote_start_id: int = -1
    entry: int = 0


@record(306)
class CardRefused(Fact):
    """A card opens nothing; *reason* is for the display."""

    reason: str
    entry: int = 0


@record(307)
class AuthorizationEnded(Fact):
    """The authorization of a session is over: by whom (*trigger*), why (*stopped_reason*), and with which card."""

    evse_id: int
    trigger: str
    stopped_reason: str
    token: str = ""
    token_type: str = ""
    entry: int = 0


@record(308)
class EnergyStarted(Fact):
    """Energy flows."""

    evse_id: int


@record(309)
class EnergySuspended(Fact):
    """No energy flows, though it might: *by* is ``EV`` or ``EVSE``."""

    evse_id: int
    by: str


@record(310)
class EnergyBlocked(Fact):
    """The station offers no more energy in this session, because the CSMS does not accept the driver (E05)."""

    evse_id: int


@record(311)
class EnergyCapped(Fact):
    """The driver is not accepted, but may take energy up to this register value (E05.FR.03, MaxEnergyOnInvalidId)."""

    evse_id: int
    until_wh: int


@record(312)
class EvseAsked(Fact):
    """The EVSE was last asked to offer energy or not, and to hold the plug or not."""

    evse_id: int
    energise: bool
    lock: bool


@record(313)
class TransactionStarted(Fact):
    """A transaction began; its first event is message *entry*.  *sample_at_us* is when the first periodic sample is due (0: never).

    *stop_points* are the TxStopPoint members that it ends by; empty: whatever is set then.  *tells_power*: it charges until the power path has
    opened, and not just until somebody stops it (see ``machines.flags``).
    """

    evse_id: int
    transaction_id: str
    trigger: str
    charging_state: str
    energy_wh: int
    at_us: int
    entry: int
    sample_at_us: int = 0
    told_token: bool = False
    remote_start_id: int = -1
    stop_points: tuple[str, ...] = ()
    tells_power: bool = False


@record(314)
class TransactionUpdated(Fact):
    """Something of the transaction was told, in message *entry*."""

    evse_id: int
    seq_no: int
    trigger: str
    charging_state: str
    entry: int
    sample_at_us: int = 0
    told_token: bool = False


@record(315)
class TransactionEnded(Fact):
    """The transaction is over; message *entry* is its last."""

    evse_id: int
    transaction_id: str
    seq_no: int
    trigger: str
    stopped_reason: str
    energy_wh: int
    entry: int


@record(316)
class SamplingPaced(Fact):
    """The next periodic sample of a running transaction is due at *sample_at_us* (0: never)."""

    evse_id: int
    sample_at_us: int
