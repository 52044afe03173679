"""One session an EVSE: who is connected, who may charge, what flows, which transaction tells of it.

A session stands under the id of its EVSE.  An authorization that is for one of several EVSEs waits as a session without an EVSE, under a number
below 0, until it is bound to one of them.

Law: the phase follows from the table; the transaction follows from TxStartPoint and TxStopPoint over what the phase says.
"""

from __future__ import annotations

from enum import Enum

import attrs

from engine.event import Value, replace
from engine.machine import Folds, Part, State, state
from engine.records import enumeration, record
from engine.table import Table
from machines.boot.facts import Rebooted
from machines.meter.facts import MeterAsked
from machines.session.facts import (
    AuthorizationAsked,
    AuthorizationBound,
    AuthorizationEnded,
    CablePlugged,
    CableUnplugged,
    CardRefused,
    ContactorSeen,
    EnergyBlocked,
    EnergyCapped,
    EnergyStarted,
    EnergySuspended,
    EvseAsked,
    Granted,
    PilotSeen,
    SamplingPaced,
    TokenInfoLearned,
    TransactionEnded,
    TransactionEnding,
    TransactionStarted,
    TransactionUpdated,
)
from wire.sealed import is_same_identifier


@enumeration(320)
class Phase(Enum):
    """Where a session stands."""

    FREE = "free"
    OCCUPIED = "occupied"  # cable, nobody authorized
    AUTHORIZED = "authorized"  # authorized, no cable
    READY = "ready"  # both; the vehicle has taken nothing yet
    CHARGING = "charging"
    SUSPENDED = "suspended"
    FINISHING = "finishing"  # over, and the cable still in


WANTING = ("C", "D")
"""The pilot's states in which a vehicle takes energy."""

CONNECTED_AND_AUTHORIZED = (Phase.READY, Phase.CHARGING, Phase.SUSPENDED)

TABLE = Table(
    Phase,
    [
        # fact               from                                        to
        (CablePlugged,        Phase.FREE,                                Phase.OCCUPIED),
        (CablePlugged,        Phase.AUTHORIZED,                          Phase.READY),
        (Granted,             Phase.FREE,                                Phase.AUTHORIZED),
        (Granted,            (Phase.OCCUPIED, Phase.FINISHING),          Phase.READY),
        (AuthorizationBound,  Phase.FREE,                                Phase.AUTHORIZED),
        (AuthorizationBound, (Phase.OCCUPIED, Phase.FINISHING),          Phase.READY),
        (EnergyStarted,      (Phase.READY, Phase.SUSPENDED),             Phase.CHARGING),
        (EnergySuspended,     Phase.CHARGING,                            Phase.SUSPENDED),
        (AuthorizationEnded,  Phase.AUTHORIZED,                          Phase.FREE),
        (AuthorizationEnded,  CONNECTED_AND_AUTHORIZED,                  Phase.FINISHING),
        (CableUnplugged,     (Phase.OCCUPIED, Phase.FINISHING),          Phase.FREE),
        (CableUnplugged,      CONNECTED_AND_AUTHORIZED,                  Phase.AUTHORIZED),
    ],
)  # fmt: skip

AUTHORIZED = (Phase.AUTHORIZED, *CONNECTED_AND_AUTHORIZED)


@record(321)
class Transaction(Value):
    """What is being told to the CSMS.  The three ``was`` say what has been true since it began: only what was true can end.

    *stop_points* are the TxStopPoint members that it ends by, whatever is set later.  *started_wh* is -1 while its EVSE is not known.
    *begin_told*: see :class:`TransactionStarted`.
    """

    transaction_id: str
    started_wh: int
    started_at_us: int
    was_connected: bool = False
    was_authorized: bool = False
    was_flowing: bool = False
    stop_points: tuple[str, ...] = ()
    begin_told: bool = True


@record(325)
class Told(Value):
    """What the CSMS was last told of a transaction, and when the next periodic sample is due (0: never).

    It changes with every event, which is why it stands beside the session and not in it; after the first event it is the fact itself.
    """

    seq_no: int
    charging_state: str
    sample_at_us: int = 0


@record(322)
class Session(Value):
    """One EVSE, or an authorization that waits for one of *evse_ids*.

    *spent*: a transaction ended here and nothing has happened since that would begin another.  *token_entry* is the message that told the CSMS of
    the token: its answer says whether the CSMS accepts it.  *granted_at_us* is since when somebody may charge, *basis* the rule that allowed it.
    *contactor_at_us* is since when the contactor is as it is; *meter_asked*: the meter was asked since then.  *ending* is why the transaction is to
    end, where that waits for the power path to open.
    """

    phase: Phase = Phase.FREE
    connector_id: int = 0
    plugged_at_us: int = 0
    pilot: str = "A"
    contactor: bool = False
    token: str = ""
    token_type: str = ""
    group: str = ""
    remote_start_id: int = -1
    connect_by_us: int = 0
    trigger: str = ""
    stopped_reason: str = ""
    told_token: bool = False
    token_entry: int = 0
    blocked: bool = False
    suspended_by: str = ""
    until_wh: int = 0
    spent: bool = False
    asked_energise: bool = False
    asked_lock: bool = False
    transaction: Transaction | None = None
    basis: str = ""
    evse_ids: tuple[int, ...] = ()
    granted_at_us: int = 0
    contactor_at_us: int = 0
    meter_asked: bool = False
    ending: TransactionEnding | None = None

    @property
    def connected(self) -> bool:
        """A cable is in."""
        return self.connector_id > 0

    @property
    def authorized(self) -> bool:
        """Somebody may charge."""
        return self.phase in AUTHORIZED

    @property
    def flowing(self) -> bool:
        """Energy flows."""
        return self.phase is Phase.CHARGING

    @property
    def lingering(self) -> bool:
        """Energy flows on after a stop, until the power path has opened."""
        return self.phase is Phase.FINISHING and self.contactor and self.pilot in WANTING and self.transaction is not None

    @property
    def about_to_flow(self) -> bool:
        """Energy flows already, through a contactor that had not opened yet when somebody was authorized again."""
        return self.phase is Phase.READY and not self.blocked and self.powered and self.pilot in WANTING

    @property
    def powered(self) -> bool:
        """A vehicle is connected through a closed contactor."""
        return self.connected and self.contactor

    @property
    def wants_energy(self) -> bool:
        """Whether the EVSE shall offer energy; never while a transaction waits for its power path to open."""
        return self.phase in CONNECTED_AND_AUTHORIZED and not self.blocked and self.ending is None

    @property
    def wants_lock(self) -> bool:
        """Whether the EVSE shall hold the plug: for an authorized driver, and as long as the plug is under power."""
        return self.phase in CONNECTED_AND_AUTHORIZED or self.powered

    def is_for(self, token: str, token_type: str) -> bool:
        """Whether the driver who may charge has this token."""
        return self.authorized and is_same_token(self.token, self.token_type, token, token_type)


def is_same_token(one: str, one_type: str, other: str, other_type: str) -> bool:
    """Whether two idTokens are equal: in text, which is compared without case, and in type (C01.FR.25)."""
    return one_type == other_type and is_same_identifier(one, other)


@record(323)
class Asking(Value):
    """A card that the CSMS is asked about (:class:`AuthorizationAsked`)."""

    evse_ids: tuple[int, ...]
    token: str
    token_type: str
    purpose: str
    remote_start_id: int


@state(324)
class Sessions(State):
    """Sessions by EVSE, or by the number of an authorization that waits for one (below 0); what the CSMS was told of their transactions.

    *asking* are the cards in question by message; *waited* counts the authorizations that ever waited.
    """

    of: dict[int, Session] = attrs.field(factory=dict)
    told: dict[int, Told | TransactionUpdated] = attrs.field(factory=dict)
    asking: dict[int, Asking] = attrs.field(factory=dict)
    waited: int = 0

    def at(self, evse_id: int) -> Session:
        """The session of an EVSE; a free one where nothing has happened yet."""
        return self.of.get(evse_id) or Session()

    def waiting(self) -> list[tuple[int, Session]]:
        """(number, session) of every authorization that waits for an EVSE, the oldest first."""
        return sorted(((number, session) for number, session in self.of.items() if number < 0), reverse=True)


SESSIONS = Part("sessions", Sessions)


def _latched(session: Session) -> Session:
    """Remember what has been true during the transaction."""
    tx = session.transaction
    if tx is None:
        return session
    return replace(
        session,
        transaction=replace(
            tx,
            was_connected=tx.was_connected or session.connected,
            was_authorized=tx.was_authorized or session.authorized,
            was_flowing=tx.was_flowing or session.flowing,
        ),
    )


def fold_plugged(sessions: Sessions, fact: CablePlugged) -> None:
    """A cable is in."""
    here = sessions.at(fact.evse_id)
    sessions.of[fact.evse_id] = _latched(
        replace(
            here,
            phase=TABLE.next(here.phase, CablePlugged),
            connector_id=fact.connector_id,
            plugged_at_us=fact.at_us,
            connect_by_us=0,
            spent=False,
        )
    )


def fold_unplugged(sessions: Sessions, fact: CableUnplugged) -> None:
    """The cable is out."""
    here = sessions.at(fact.evse_id)
    phase = TABLE.next(here.phase, CableUnplugged)
    sessions.of[fact.evse_id] = replace(
        here,
        phase=phase,
        connector_id=0,
        pilot="A",
        suspended_by="",
        connect_by_us=fact.connect_by_us if phase is Phase.AUTHORIZED else 0,
        spent=False,
    )


def fold_pilot(sessions: Sessions, fact: PilotSeen) -> None:
    """The pilot."""
    sessions.of[fact.evse_id] = replace(sessions.at(fact.evse_id), pilot=fact.state)


def fold_contactor(sessions: Sessions, fact: ContactorSeen) -> None:
    """The contactor."""
    here = sessions.at(fact.evse_id)
    sessions.of[fact.evse_id] = replace(here, contactor=fact.closed, contactor_at_us=fact.at_us, meter_asked=False)


def fold_meter_asked(sessions: Sessions, fact: MeterAsked) -> None:
    """The answer is a reading."""
    if fact.evse_id in sessions.of:
        sessions.of[fact.evse_id] = replace(sessions.of[fact.evse_id], meter_asked=True)


def fold_asked_csms(sessions: Sessions, fact: AuthorizationAsked) -> None:
    """A card is in question."""
    sessions.asking[fact.entry] = Asking(
        evse_ids=fact.evse_ids,
        token=fact.token,
        token_type=fact.token_type,
        purpose=fact.purpose,
        remote_start_id=fact.remote_start_id,
    )


def fold_granted(sessions: Sessions, fact: Granted) -> None:
    """Somebody may charge."""
    sessions.asking.pop(fact.entry, None)
    sessions.waited = max(sessions.waited, -fact.evse_id)
    here = sessions.at(fact.evse_id)
    sessions.of[fact.evse_id] = _latched(
        replace(
            here,
            phase=TABLE.next(here.phase, Granted),
            token=fact.token,
            token_type=fact.token_type,
            group=fact.group,
            remote_start_id=fact.remote_start_id,
            connect_by_us=fact.connect_by_us,
            trigger=fact.trigger,
            stopped_reason="",
            told_token=False,
            token_entry=0,
            blocked=False,
            suspended_by="",
            until_wh=0,
            spent=False,
            basis=fact.basis,
            evse_ids=fact.evse_ids,
            granted_at_us=fact.at_us,
        )
    )


def fold_bound(sessions: Sessions, fact: AuthorizationBound) -> None:
    """The driver and, where it has begun, the transaction move to the EVSE."""
    waiting = sessions.of.pop(fact.waiting_id)
    here = sessions.at(fact.evse_id)
    if waiting.transaction is not None:
        sessions.told[fact.evse_id] = sessions.told.pop(fact.waiting_id)
    transaction = here.transaction
    if waiting.transaction is not None:
        transaction = replace(waiting.transaction, started_wh=fact.energy_wh)
    sessions.of[fact.evse_id] = _latched(
        replace(
            here,
            phase=TABLE.next(here.phase, AuthorizationBound),
            token=waiting.token,
            token_type=waiting.token_type,
            group=waiting.group,
            remote_start_id=waiting.remote_start_id,
            connect_by_us=fact.connect_by_us,
            trigger=waiting.trigger,
            stopped_reason="",
            told_token=waiting.told_token,
            token_entry=waiting.token_entry,
            blocked=waiting.blocked,
            suspended_by="",
            until_wh=fact.energy_wh + waiting.until_wh if waiting.until_wh else 0,
            spent=False,
            transaction=transaction,
            basis=waiting.basis,
            granted_at_us=waiting.granted_at_us,
        )
    )


def fold_token_info(sessions: Sessions, fact: TokenInfoLearned) -> None:
    """What the CSMS said last counts."""
    here = sessions.of.get(fact.evse_id)
    if here is not None:
        kept = tuple([evse_id for evse_id in here.evse_ids if evse_id in fact.evse_ids]) if fact.evse_ids else here.evse_ids
        sessions.of[fact.evse_id] = replace(here, group=fact.group, evse_ids=kept)


def fold_refused(sessions: Sessions, fact: CardRefused) -> None:
    """No longer in question."""
    sessions.asking.pop(fact.entry, None)


def fold_ended(sessions: Sessions, fact: AuthorizationEnded) -> None:
    """Nobody may charge any more.  The token stays while a transaction still has to name it."""
    sessions.asking.pop(fact.entry, None)
    here = sessions.at(fact.evse_id)
    sessions.of[fact.evse_id] = replace(
        here,
        phase=TABLE.next(here.phase, AuthorizationEnded),
        stopped_reason=fact.stopped_reason,
        connect_by_us=0,
        blocked=False,
        suspended_by="",
        until_wh=0,
    )
    if fact.evse_id < 0 and here.transaction is None:
        del sessions.of[fact.evse_id]


def fold_started(sessions: Sessions, fact: EnergyStarted) -> None:
    """Energy flows; where the last transaction ended with a pause (E06.FR.07), this is what another one begins with (E01.FR.06)."""
    here = sessions.at(fact.evse_id)
    sessions.of[fact.evse_id] = _latched(replace(here, phase=TABLE.next(here.phase, EnergyStarted), suspended_by="", spent=False))


def fold_suspended(sessions: Sessions, fact: EnergySuspended) -> None:
    """It does not."""
    here = sessions.at(fact.evse_id)
    sessions.of[fact.evse_id] = replace(here, phase=TABLE.next(here.phase, EnergySuspended), suspended_by=fact.by)


def fold_blocked(sessions: Sessions, fact: EnergyBlocked) -> None:
    """None is offered."""
    sessions.of[fact.evse_id] = replace(sessions.at(fact.evse_id), blocked=True, until_wh=0)


def fold_capped(sessions: Sessions, fact: EnergyCapped) -> None:
    """Only so much is."""
    sessions.of[fact.evse_id] = replace(sessions.at(fact.evse_id), until_wh=fact.until_wh)


def fold_evse_asked(sessions: Sessions, fact: EvseAsked) -> None:
    """What the hardware was last told."""
    sessions.of[fact.evse_id] = replace(sessions.at(fact.evse_id), asked_energise=fact.energise, asked_lock=fact.lock)


def fold_tx_started(sessions: Sessions, fact: TransactionStarted) -> None:
    """A transaction, with its first event told."""
    sessions.told[fact.evse_id] = Told(seq_no=0, charging_state=fact.charging_state, sample_at_us=fact.sample_at_us)
    here = sessions.at(fact.evse_id)
    sessions.of[fact.evse_id] = _latched(
        replace(
            here,
            told_token=here.told_token or fact.told_token,
            token_entry=fact.entry if fact.told_token else here.token_entry,
            remote_start_id=-1 if fact.told_token else here.remote_start_id,
            transaction=Transaction(
                transaction_id=fact.transaction_id,
                started_wh=fact.energy_wh,
                started_at_us=fact.at_us,
                stop_points=fact.stop_points,
                begin_told=fact.begin_told,
            ),
        )
    )


def fold_tx_updated(sessions: Sessions, fact: TransactionUpdated) -> None:
    """One more event told."""
    if fact.evse_id not in sessions.told:
        return
    sessions.told[fact.evse_id] = fact
    here = sessions.at(fact.evse_id)
    if fact.told_token:
        here = sessions.of[fact.evse_id] = replace(here, told_token=True, token_entry=fact.entry, remote_start_id=-1)
    if fact.begin_told and here.transaction is not None:
        sessions.of[fact.evse_id] = replace(here, transaction=replace(here.transaction, begin_told=True))


def fold_tx_ending(sessions: Sessions, fact: TransactionEnding) -> None:
    """To be ended."""
    sessions.of[fact.evse_id] = replace(sessions.at(fact.evse_id), ending=fact)


def fold_tx_ended(sessions: Sessions, fact: TransactionEnded) -> None:
    """Told to the end."""
    here = sessions.at(fact.evse_id)
    sessions.of[fact.evse_id] = replace(here, transaction=None, ending=None, spent=True, token_entry=0)
    sessions.told.pop(fact.evse_id, None)
    if fact.evse_id < 0 and not here.authorized:
        del sessions.of[fact.evse_id]


def fold_paced(sessions: Sessions, fact: SamplingPaced) -> None:
    """Another interval."""
    if fact.evse_id in sessions.told:
        sessions.told[fact.evse_id] = replace(sessions.told[fact.evse_id], sample_at_us=fact.sample_at_us)


def fold_rebooted(sessions: Sessions, fact: Rebooted) -> None:  # noqa: ARG001
    """A fresh process: the hardware was told nothing yet, contactors fell open, questions are forgotten."""
    sessions.asking = {}
    sessions.of = {
        evse_id: replace(here, contactor=False, asked_energise=False, asked_lock=False, meter_asked=False) for evse_id, here in sessions.of.items()
    }


FOLDS: Folds[Sessions] = {
    CablePlugged: fold_plugged,
    CableUnplugged: fold_unplugged,
    PilotSeen: fold_pilot,
    ContactorSeen: fold_contactor,
    MeterAsked: fold_meter_asked,
    AuthorizationAsked: fold_asked_csms,
    Granted: fold_granted,
    AuthorizationBound: fold_bound,
    TokenInfoLearned: fold_token_info,
    CardRefused: fold_refused,
    AuthorizationEnded: fold_ended,
    EnergyStarted: fold_started,
    EnergySuspended: fold_suspended,
    EnergyBlocked: fold_blocked,
    EnergyCapped: fold_capped,
    EvseAsked: fold_evse_asked,
    TransactionStarted: fold_tx_started,
    TransactionUpdated: fold_tx_updated,
    TransactionEnding: fold_tx_ending,
    TransactionEnded: fold_tx_ended,
    SamplingPaced: fold_paced,
    Rebooted: fold_rebooted,
}
