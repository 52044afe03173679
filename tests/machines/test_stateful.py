"""Anything may happen, in any order, and still certain things hold.

Law: the machine below knows the world (cables, cards, the wire) and nothing of the station; what it checks follows from OCPP and from physics.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.kernel import ENGINE, Faulted, Settled, Turn, Woke
from machines.boot.state import BOOT
from machines.connection.state import CONNECTION
from machines.connection.state import Phase as Link
from machines.effects import Call, Dial, HangUp, Reply, ReplyError, SetEvse
from machines.inputs import (
    Answered,
    CableConnected,
    CableDisconnected,
    CalledBadly,
    CardPresented,
    ContactorMoved,
    Garbled,
    HoldAsked,
    LinkDown,
    LinkUp,
    MeterTold,
    PilotChanged,
    Refused,
    ServicesSelected,
    Stopping,
)
from machines.network.machine import ApplyPlan
from machines.outbound.asks import read_message_id
from machines.outbound.facts import Queued
from machines.session.state import CONNECTED_AND_AUTHORIZED, SESSIONS
from machines.vas.state import VAS
from tests.machines.acts import authorized, levels
from tests.story import CARD, JOURNAL, OTHER_CARD, Story, effects, facts

EVSES = st.integers(1, 2)
CARDS = st.sampled_from([CARD, OTHER_CARD, "<sealed:c3000000000000000000000000000000:8:p>"])
STATUSES = ("Accepted", "Accepted", "Accepted", "Blocked", "Invalid")
SETTINGS = {
    "TxCtrlr.TxStartPoint": st.sampled_from(["EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer", "EVConnected,Authorized"]),
    "TxCtrlr.TxStopPoint": st.sampled_from(["EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer", "EVConnected,Authorized"]),
    "TxCtrlr.StopTxOnEVSideDisconnect": st.sampled_from(["true", "false"]),
    "TxCtrlr.StopTxOnInvalidId": st.sampled_from(["true", "false"]),
    "TxCtrlr.MaxEnergyOnInvalidId": st.sampled_from(["0", "50"]),
    "TxCtrlr.TxBeforeAcceptedEnabled": st.sampled_from(["true", "false"]),
    "AuthCtrlr.AuthorizeRemoteStart": st.sampled_from(["true", "false"]),
    "AuthCtrlr.OfflineTxForUnknownIdEnabled": st.sampled_from(["true", "false"]),
    "AuthCtrlr.MasterPassGroupId": st.sampled_from(["", "G2"]),
    "OCPPCommCtrlr.QueueAllMessages": st.sampled_from(["true", "false"]),
    "AlignedDataCtrlr.Interval": st.sampled_from(["0", "60"]),
    "AlignedDataCtrlr.SendDuringIdle": st.sampled_from(["true", "false"]),
}


def place(event: dict[str, Any]) -> int:
    """The EVSE that a transaction event names; 0 for none."""
    found: int = event.get("evse", {}).get("id", 0)
    return found


class World(RuleBasedStateMachine):
    """A station, two EVSEs, a CSMS with moods."""

    @initialize(chosen=st.fixed_dictionaries(SETTINGS))
    def begin(self, chosen: dict[str, str]) -> None:
        """The first start."""
        self.story = Story(chosen)
        self.told: dict[str, list[dict[str, Any]]] = {}
        self.calls: set[str] = set()
        self.flying: list[Call] = []
        self.sockets: dict[int, str] = {}
        self.cables = {1: False, 2: False}
        self.read = 0
        self.story.start()
        self.look()

    # What happens

    @rule(evse_id=EVSES, plugged=st.booleans())
    def cable(self, evse_id: int, plugged: bool) -> None:  # noqa: FBT001 (hypothesis gives it)
        """In or out; also when it is so already."""
        self.cables[evse_id] = plugged
        self.happens((CableConnected if plugged else CableDisconnected)(evse_id=evse_id, connector_id=1))

    @rule(evse_id=EVSES, state=st.sampled_from("ABCDEF"))
    def pilot(self, evse_id: int, state: str) -> None:
        """Any state at any time."""
        self.happens(PilotChanged(evse_id=evse_id, state=state))

    @rule(evse_id=EVSES, closed=st.booleans())
    def contactor(self, evse_id: int, closed: bool) -> None:  # noqa: FBT001
        """Moved, whoever moved it."""
        self.happens(ContactorMoved(evse_id=evse_id, closed=closed))

    @rule(evse_id=EVSES, energy_wh=st.integers(0, 200), power_w=st.integers(-1, 5))
    def reading(self, evse_id: int, energy_wh: int, power_w: int) -> None:
        """A reading."""
        self.happens(MeterTold(evse_id=evse_id, energy_wh=1000 + energy_wh, power_w=power_w))

    @rule(token=CARDS, evse_ids=st.sampled_from([(), (1,), (2,), (1, 2), (7,)]))
    def card(self, token: str, evse_ids: tuple[int, ...]) -> None:
        """A card."""
        self.happens(CardPresented(token=token, token_type="ISO14443", evse_ids=evse_ids))

    @rule(evse_id=EVSES, services=st.sampled_from([(), ((3, 3),), ((3, 3), (3, 4)), ((1, 1),)]))
    def services(self, evse_id: int, services: tuple[tuple[int, int], ...]) -> None:
        """The vehicle chooses services."""
        self.happens(ServicesSelected(evse_id=evse_id, services=services))

    @rule(seconds=st.sampled_from([0.1, 1.0, 11.0, 31.0, 61.0, 130.0]))
    def time(self, seconds: float) -> None:
        """Time passes."""
        self.story.wait(seconds)
        self.look()

    @rule(good=st.sampled_from(["ocpp2.1", "ocpp2.1", "ocpp2.0.1", "", None]))
    def socket(self, good: str | None) -> None:
        """The dial that is under way opens with this subprotocol, or fails."""
        for link in [link for link, what in self.sockets.items() if what == "dialling"]:
            if good is None:
                self.down(link)
            else:
                self.sockets[link] = "open"
                self.happens(LinkUp(link=link, subprotocol=good))

    @precondition(lambda self: self.sockets)
    @rule()
    def breaks(self) -> None:
        """Whatever socket there is breaks."""
        for link in list(self.sockets):
            self.down(link)

    @precondition(lambda self: self.flying)
    @rule(
        how=st.sampled_from(["good", "good", "good", "good", "error", "broken"]),
        status=st.sampled_from(STATUSES),
        boot=st.sampled_from(["Accepted", "Accepted", "Pending", "Rejected"]),
        group=st.sampled_from(["", "G1", "G2"]),
        evse_ids=st.sampled_from([(), (), (1,), (2,)]),
    )
    def answer(self, how: str, status: str, boot: str, group: str, evse_ids: tuple[int, ...]) -> None:
        """The CSMS answers what is in flight."""
        call = self.flying.pop()
        place = read_message_id(JOURNAL, call.message_id)
        assert place is not None
        if how == "error":
            self.happens(Refused(link=call.link, entry=place[0], attempt=place[1], code="InternalError", description=""))
            return
        payload: dict[str, Any] = {}
        if call.action == "BootNotification":
            payload = {"status": boot, "interval": 30, "currentTime": "2027-01-15T09:00:00Z"}
        elif call.action == "Heartbeat":
            payload = {"currentTime": "2027-01-15T08:30:00Z"}
        elif call.action == "Authorize" or (call.action == "TransactionEvent" and b'"idToken"' in call.payload):
            payload = authorized(status, group, evse_ids)
        problem = "status: missing" if how == "broken" else ""
        self.happens(
            Answered(link=call.link, entry=place[0], attempt=place[1], payload=b"{}" if problem else json.dumps(payload).encode(), problem=problem)
        )

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), attempt=st.integers(0, 4))
    def late(self, data: st.DataObject, attempt: int) -> None:
        """An answer to something of long ago, or to nothing."""
        place = read_message_id(JOURNAL, data.draw(st.sampled_from(sorted(self.calls))))
        assert place is not None
        current = {read_message_id(JOURNAL, call.message_id) for call in self.flying}
        if (place[0], attempt) not in current and not self.waits(place[0]):
            self.happens(Answered(link=self.story.link, entry=place[0], attempt=attempt, payload=b"{}"))

    def waits(self, entry: int) -> bool:
        """Whether that message still waits: what an answer to it says would matter then."""
        return entry in self.story.station.parts["outbound"].queue

    @precondition(lambda self: "open" in self.sockets.values())
    @rule(evse_id=st.sampled_from([None, 1, 2, 9]), token=CARDS, token_type=st.sampled_from(["Central", "ISO14443"]))
    def remote_start(self, evse_id: int | None, token: str, token_type: str) -> None:
        """RequestStartTransaction."""
        payload: dict[str, Any] = {"idToken": {"idToken": token, "type": token_type}, "remoteStartId": 5}
        if evse_id is not None:
            payload["evseId"] = evse_id
        self.called("RequestStartTransaction", payload)

    @precondition(lambda self: "open" in self.sockets.values())
    @rule(data=st.data())
    def remote_stop(self, data: st.DataObject) -> None:
        """RequestStopTransaction of any transaction ever, or of none."""
        self.called("RequestStopTransaction", {"transactionId": data.draw(st.sampled_from(["none", *sorted(self.told)]))})

    @precondition(lambda self: "open" in self.sockets.values())
    @rule(
        name=st.sampled_from(["HeartbeatInterval", "OfflineThreshold", "RetryBackOffRandomRange", "Nothing"]),
        value=st.sampled_from(["0", "7", "x", "-+5", ""]),
    )
    def set_variable(self, name: str, value: str) -> None:
        """SetVariables."""
        item = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": name}, "attributeValue": value}
        self.called("SetVariables", {"setVariableData": [item]})

    @precondition(lambda self: "open" in self.sockets.values())
    @rule(action=st.sampled_from(["Reset", "Nonsense", "SetDERControl"]))
    def other_call(self, action: str) -> None:
        """Something that is not served."""
        self.called(action, {})

    @precondition(lambda self: "open" in self.sockets.values())
    @rule()
    def rubbish(self) -> None:
        """Frames that are none, calls that break their schema."""
        self.happens(Garbled(link=self.story.link, reason="r", length=1, digest="d", answer=b"[4]"))
        bad = CalledBadly(link=self.story.link, message_id="b", action="Reset", payload=b"{}", code="FormatViolation", description="")
        assert len(effects(self.happens(bad), ReplyError)) == 1

    @rule(hold=st.booleans())
    def hold(self, hold: bool) -> None:  # noqa: FBT001
        """An operator."""
        self.happens(HoldAsked(hold=hold))

    @rule(outcome=st.sampled_from(["done", "done", "failed", "lost"]))
    def settles(self, outcome: str) -> None:
        """The outside did, or did not, what it was asked for."""
        for seq, index in sorted(self.story.station[ENGINE].outbox):
            self.happens(Settled(station=0, seq=seq, index=index, outcome=outcome))

    @rule(orderly=st.booleans(), told=st.booleans())
    def restarts(self, orderly: bool, told: bool) -> None:  # noqa: FBT001
        """The process ends and starts again; the hardware tells its levels, or dies before it can."""
        if orderly:
            self.happens(Stopping(reason="SIGTERM"))
        self.sockets.clear()
        self.flying.clear()
        self.story.start()
        if told:
            for evse_id, plugged in self.cables.items():
                self.happens(levels(evse_id, plugged=plugged))
        else:
            self.cables = {evse_id: self.story.station[SESSIONS].at(evse_id).connected for evse_id in self.cables}
        self.look()

    @rule()
    def wakes_too_often(self) -> None:
        """Waking is harmless."""
        self.happens(Woke())

    # How

    def down(self, link: int) -> None:
        """A socket is gone."""
        del self.sockets[link]
        self.flying = [call for call in self.flying if call.link != link]
        self.happens(LinkDown(link=link, reason="closed"))

    def happens(self, input: Any) -> Turn:
        """An input, and a look at what came of it."""
        turn = self.story.when(input)
        self.look()
        return turn

    def called(self, action: str, payload: dict[str, Any]) -> None:
        """A CALL gets one answer, at once."""
        self.story.link = max(self.sockets)
        turn = self.story.call(action, payload)
        answers = [e for e in turn.effects if isinstance(e, Reply | ReplyError)]
        assert [(a.link, a.message_id) for a in answers] == [(self.story.link, "m1")]
        self.look()

    def look(self) -> None:
        """Read the turns that are new."""
        for turn in self.story.turns[self.read :]:
            self.read_turn(turn)
        self.read = len(self.story.turns)

    def read_turn(self, turn: Turn) -> None:
        """What a world notices of a turn."""
        assert facts(turn, Faulted) == [], turn
        for effect in turn.effects:
            match effect:
                case Dial():
                    # A closing socket whose peer does not answer is given up by the station after a while.
                    assert set(self.sockets.values()) <= {"closing"}, "one link at a time"
                    self.sockets.clear()
                    self.sockets[effect.link] = "dialling"
                    self.story.link = effect.link
                case HangUp():
                    assert self.sockets.get(effect.link) in ("dialling", "open"), "only what is there can be closed"
                    self.sockets[effect.link] = "closing"
                case Call():
                    assert self.sockets.get(effect.link) == "open", "nobody speaks into a closed socket"
                    assert effect.message_id not in self.calls, "message ids are never used twice"
                    self.calls.add(effect.message_id)
                    self.flying = [effect]
                case SetEvse() if effect.energise:
                    assert effect.lock, "a plug that carries energy is held"
                case _:
                    pass
        for queued in facts(turn, Queued):
            if queued.action == "TransactionEvent":
                event = json.loads(queued.payload)
                told = self.told.setdefault(event["transactionInfo"]["transactionId"], [])
                assert event["seqNo"] == len(told), "seqNo has no gap"
                assert (event["eventType"] == "Started") is (not told), "a transaction starts once, and first"
                assert not told or told[-1]["eventType"] != "Ended", "nothing follows the end"
                places = [place(one) for one in (*told, event)]
                assert places == sorted(places), "a transaction finds its EVSE, and forgets it no more"
                assert len(set(places) - {0}) <= 1, "a transaction stays where it is"
                told.append(event)

    # What holds

    @invariant()
    def energy_is_offered_to_authorized_vehicles_only(self) -> None:
        """C01.FR.01."""
        if not hasattr(self, "story"):
            return
        for evse_id in (1, 2):
            session = self.story.station[SESSIONS].at(evse_id)
            assert session.asked_energise is (session.phase in CONNECTED_AND_AUTHORIZED and not session.blocked and session.ending is None)
            assert session.connected is self.cables[evse_id]
            if session.asked_energise:
                assert session.token or session.token_type == "NoAuthorization"

    @invariant()
    def one_transaction_an_evse_and_none_for_nobody(self) -> None:
        """E01, E03.FR.05."""
        if not hasattr(self, "story"):
            return
        sessions = self.story.station[SESSIONS]
        running = [place(told[-1]) for told in self.told.values() if told[-1]["eventType"] != "Ended"]
        found = [evse_id for evse_id in running if evse_id]
        # One that has found its EVSE says so with its next event.
        unsaid = len(running) - len(found) - sum(waiting.transaction is not None for _, waiting in sessions.waiting())
        assert len(set(found)) == len(found)
        assert sum(sessions.at(evse_id).transaction is not None for evse_id in (1, 2)) == len(found) + unsaid
        for evse_id in (1, 2):
            session = sessions.at(evse_id)
            assert session.transaction is not None or evse_id not in found
            assert session.transaction is None or session.connected or session.authorized or session.ending is not None

    @invariant()
    def no_deadline_is_left_lying(self) -> None:
        """Whatever is due now is due because the world has not woken the station yet, never because waking did nothing."""
        if not hasattr(self, "story"):
            return
        here = self.story.station[CONNECTION]
        if here.phase in (Link.DIALLING, Link.UP):
            assert here.link in self.sockets
        assert self.story.station[ENGINE].mutes == {}

    @invariant()
    def the_internet_follows_the_vehicle(self) -> None:
        """No cable, no way out; at most one plan is under way."""
        if not hasattr(self, "story"):
            return
        for evse_id, internet in self.story.station[VAS].internet.items():
            assert self.cables[evse_id] or internet.phase.value == "closing"
        assert sum(isinstance(e, ApplyPlan) for e in self.story.station[ENGINE].outbox.values()) <= 1

    def teardown(self) -> None:
        """Every life is replayed."""
        if hasattr(self, "story"):
            assert self.story.station[BOOT].boots >= 1
            self.story.verify()


World.TestCase.settings = settings(
    max_examples=150,
    stateful_step_count=80,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestAnything = World.TestCase
