"""What can be true of a charging session.

Every fact names its place: the EVSE's id, or below 0 the number of an authorization that waits for an EVSE.
"""

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
    """The contactor is closed or open since *at_us*."""

    evse_id: int
    closed: bool
    at_us: int = 0


@record(304)
class AuthorizationAsked(Fact):
    """The CSMS is asked about a card; message *entry* carries the question.

    *evse_ids* are the EVSEs at which the card may be used, *purpose* is ``start``, ``stop`` for a card that may share the group of the session that
    runs at the only one of them, or ``master`` for one that can only be a master pass.
    """

    entry: int
    evse_ids: tuple[int, ...]
    token: str
    token_type: str
    purpose: str = "start"
    remote_start_id: int = -1


@record(305)
class Granted(Fact):
    """A driver may charge at an EVSE, or at one of *evse_ids* that is still to be found (*evse_id* below 0).

    *connect_by_us* is when the vehicle must be connected (0: it is).  *trigger* is OCPP's.  *basis* is the rule that the decision rests on: the
    name of the message (``Authorize``, ``RequestStartTransaction``) or of the variable that allows it.
    """

    evse_id: int
    token: str
    token_type: str
    trigger: str
    basis: str
    group: str = ""
    connect_by_us: int = 0
    remote_start_id: int = -1
    entry: int = 0
    evse_ids: tuple[int, ...] = ()
    at_us: int = 0


@record(306)
class CardRefused(Fact):
    """A card opens nothing; *reason* is for the display."""

    reason: str
    entry: int = 0
    token: str = ""


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

    *energy_wh* is -1 where the EVSE is not known yet.  *begin_told*: the first event carries the measurands of TxStartedMeasurands, or there are none
    to carry (E01.FR.09); else they follow when charging starts (E01.FR.17).

    *stop_points* are the TxStopPoint members that it ends by, whatever is set later.
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
    begin_told: bool = True


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
    begin_told: bool = False


@record(315)
class TransactionEnded(Fact):
    """The transaction is over; message *entry* is its last.

    *meter_read* is False where the meter was not read after the power path had opened: the last reading before counts.
    """

    evse_id: int
    transaction_id: str
    seq_no: int
    trigger: str
    stopped_reason: str
    energy_wh: int
    entry: int
    meter_read: bool = True


@record(316)
class SamplingPaced(Fact):
    """The next periodic sample of a running transaction is due at *sample_at_us* (0: never)."""

    evse_id: int
    sample_at_us: int


@record(317)
class TransactionEnding(Fact):
    """The transaction is to end, once its power path has opened and the meter was read; at *give_up_at_us* at the latest.

    *trigger*, *stopped_reason* and the card (*token*, empty for none) are those of the cause, and stand in the last event.
    """

    evse_id: int
    trigger: str
    stopped_reason: str
    token: str
    token_type: str
    at_us: int
    give_up_at_us: int


@record(318)
class AuthorizationBound(Fact):
    """An authorization that waited under the number *waiting_id* is now for an EVSE, of which the import register is at *energy_wh*.

    *connect_by_us* is when the vehicle must be connected (0: it is).  *trigger* is OCPP's, for the next event.
    """

    evse_id: int
    waiting_id: int
    trigger: str
    energy_wh: int
    connect_by_us: int = 0


@record(319)
class TokenInfoLearned(Fact):
    """The CSMS says of the driver of a session which *group* the token belongs to (empty: none), and which EVSEs it is for (empty: all)."""

    evse_id: int
    group: str
    evse_ids: tuple[int, ...] = ()


@record(326)
class ChargingProfileIgnored(Fact):
    """A RequestStartTransaction brought a charging profile, which this station does not support (F01.FR.12, F02.FR.20)."""

    remote_start_id: int
