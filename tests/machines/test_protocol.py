"""The rules of the RPC layer: every CALL gets one answer, whatever it is and whatever becomes of it.

Law: the code that Part 4 names where it names one, and a machine that breaks takes nobody with it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.kernel import ENGINE, Faulted, Kernel
from engine.machine import Conclusions, Context, Machine, Part, State, Station, state
from engine.records import BY_KIND
from machines.effects import Call, Reply, ReplyError, Say
from machines.inputs import CableConnected, CableDisconnected, Called, CalledBadly, CardPresented, Garbled, PilotChanged, ServicesSelected, StraySend
from machines.session.facts import CardRefused
from machines.session.state import SESSIONS, Phase
from machines.station import STATION, answer_fault
from machines.status.machine import connector_status
from tests.conftest import NewStory
from tests.machines.acts import card, do, one, phase, plug, restart, unplug
from tests.story import CARD, Story, effects
from tests.story import names as names_of
from wire import names

SERVED = {
    "ClearVariableMonitoring",
    "DataTransfer",
    "GetBaseReport",
    "GetMonitoringReport",
    "GetReport",
    "GetTransactionStatus",
    "GetVariables",
    "RequestStartTransaction",
    "RequestStopTransaction",
    "SetMonitoringBase",
    "SetMonitoringLevel",
    "SetVariableMonitoring",
    "SetVariables",
}
LINKS = [("ocpp2.1", "2.1"), ("ocpp2.0.1", "2.0.1")]


@pytest.mark.parametrize(("subprotocol", "version"), LINKS)
def test_ocppj_4_3_what_is_known_and_not_built_is_not_supported(new_story: NewStory, subprotocol: str, version: str) -> None:
    """Else a CSMS waits for the answer to a message that the station knows and cannot do."""
    story = new_story().boot(subprotocol)
    for action in sorted(names.actions(version) - SERVED):
        turn = story.call(action, {})
        assert (action, story.error(turn), turn.facts) == (action, "NotSupported", ())


@pytest.mark.parametrize(("subprotocol", "version"), LINKS)
def test_p01_nobody_s_extensions_are_known(new_story: NewStory, subprotocol: str, version: str) -> None:
    """P01.FR.05, in both versions: else a CSMS that tries a vendor's message hears of an error instead of the station's answer."""
    story = new_story().boot(subprotocol)
    turn = story.call("DataTransfer", {"vendorId": "com.example", "messageId": "hello", "data": [1, {"a": None}]})
    assert [json.loads(effect.payload) for effect in effects(turn, Reply)] == [{"status": "UnknownVendorId"}]
    assert turn.facts == ()


@pytest.mark.parametrize(("subprotocol", "version"), LINKS)
def test_ocppj_4_3_what_nobody_knows_is_not_implemented(new_story: NewStory, subprotocol: str, version: str) -> None:
    """Else the CSMS cannot tell a typing error from a missing feature; what only 2.1 knows is unknown to a 2.0.1 link."""
    story = new_story().boot(subprotocol)
    unknown = {"", "getVariables", "Nonsense"} | (names.ACTIONS_21 - names.ACTIONS_201 if version == "2.0.1" else set())
    for action in sorted(unknown):
        assert (action, story.error(story.call(action, {}))) == (action, "NotImplemented")


def test_every_call_gets_one_answer_on_its_own_link(story: Story) -> None:
    """Else a CSMS hangs, or reads an answer that was meant for another link."""
    payloads: dict[str, dict[str, Any]] = {
        "GetVariables": {"getVariableData": []},
        "SetVariables": {"setVariableData": []},
        "RequestStartTransaction": {"idToken": {"idToken": CARD, "type": "Central"}, "remoteStartId": 1},
        "RequestStopTransaction": {"transactionId": "none"},
        "SetMonitoringBase": {"monitoringBase": "All"},
        "SetMonitoringLevel": {"severity": 5},
        "SetVariableMonitoring": {"setMonitoringData": []},
        "ClearVariableMonitoring": {"id": []},
        "GetMonitoringReport": {"requestId": 1},
    }
    for action in sorted(SERVED | {"Reset", "Nonsense"}):
        payload = payloads.get(action, {})
        turn = story.when(Called(link=story.link, message_id=f"id of {action}", action=action, payload=json.dumps(payload).encode()))
        answers = [effect for effect in turn.effects if isinstance(effect, Reply | ReplyError)]
        assert [(a.link, a.message_id) for a in answers] == [(story.link, f"id of {action}")]
        story.settle(turn)


@pytest.mark.parametrize("code", ["FormatViolation", "OccurrenceConstraintViolation", "PropertyConstraintViolation", "TypeConstraintViolation"])
def test_a_call_that_breaks_its_schema_is_answered_with_the_door_keepers_verdict(story: Story, code: str) -> None:
    """Else the verdict of the schema is lost on the way, or a machine reads what it must not."""
    bad = CalledBadly(link=1, message_id="m", action="SetVariables", payload=b"{}", code=code, description="setVariableData: missing")
    turn = story.when(bad)
    assert turn.facts == ()
    assert one(turn, ReplyError) == ReplyError(link=1, message_id="m", action="SetVariables", code=code, description="setVariableData: missing")


def test_a_frame_that_is_no_message_is_answered_where_part_4_says_so(story: Story) -> None:
    """Else a peer that sends rubbish hears nothing, or hears something that it must not."""
    answer = b'[4,"-1","RpcFrameworkError","",{}]'
    turn = story.when(Garbled(link=1, reason="no array", length=3, digest="d", answer=answer))
    assert one(turn, Say) == Say(link=1, frame=answer)
    assert story.when(Garbled(link=1, reason="no array", length=3, digest="d", answer=b"")).effects == ()
    assert story.when(StraySend(link=1, message_id="m", action="NotifyPeriodicEventStream")).effects == ()


# A machine that raises


@state(65_001)
class Fragile(State):
    """Remembers nothing."""


del BY_KIND[65_001]  # never written: a journal that another test makes must not name it


FRAGILE = Part("fragile", Fragile)


def fall_over(station: Station, event: Any, cx: Context) -> Conclusions:
    """Raises for what the stories use as poison."""
    if getattr(event, "state", "") == "F" or getattr(event, "services", ()) == ((66, 6),) or getattr(event, "action", "") == "ClearCache":
        yield Faulted(machine="never kept", error="")
        raise ZeroDivisionError(f"a secret: {event}")


BROKEN = Kernel(
    (
        *STATION.machines,
        Machine(FRAGILE, folds={}, hears={PilotChanged: fall_over, ServicesSelected: fall_over, (Called, "ClearCache"): fall_over}),
    ),
    on_fault=answer_fault,
)


@pytest.fixture
def fragile(new_story: NewStory) -> Story:
    """A station with a machine that falls over."""
    return new_story(kernel=BROKEN).boot()


def test_a_call_that_makes_a_machine_raise_is_answered_with_internal_error(fragile: Story) -> None:
    """Else one poisoned message hangs the CSMS, and the next one after it too."""
    before = fragile.station
    turn = fragile.call("ClearCache", {})
    assert fragile.error(turn) == "InternalError"
    assert len(effects(turn, ReplyError)) == 1
    fault = one(turn, Faulted)
    assert (fault.machine, fault.evse_id, fault.due) == ("fragile", 0, ())
    assert fragile.station[SESSIONS] == before[SESSIONS]
    assert fragile.replies(fragile.call("GetVariables", {"getVariableData": []})) == {"getVariableResult": []}


def test_a_fault_says_where_and_never_what(fragile: Story) -> None:
    """Else the journal, or an alarm, shows what a message held; or the same fault looks different on every machine."""
    error = one(fragile.call("ClearCache", {"x": "a secret"}), Faulted).error
    assert error.startswith("builtins.ZeroDivisionError in ")
    assert error.endswith("fall_over")
    assert "secret" not in error
    assert "/" not in error


def test_a_faulted_turn_changes_nothing_but_the_fault(fragile: Story) -> None:
    """Else a half of a turn is kept."""
    plug(fragile)
    before = fragile.station.parts
    turn = fragile.when(PilotChanged(evse_id=1, state="F"))
    assert [type(fact) for fact in turn.facts] == [Faulted]
    assert turn.effects == ()
    after = fragile.station.parts
    assert [name for name in after if after[name] != before[name]] == [ENGINE.name]


def test_an_evse_of_a_fault_gets_no_new_session_until_a_reboot(fragile: Story) -> None:
    """Else an EVSE whose machine does not know any more what is plugged in is offered to the next driver."""
    fragile.when(PilotChanged(evse_id=1, state="F"))
    assert fragile.station[ENGINE].faulted_evses == (1,)
    plug(fragile)
    assert one(fragile.when(CardPresented(token=CARD, token_type="ISO14443", evse_ids=(1,))), CardRefused).reason == "no EVSE is free for this card"
    start = {"idToken": {"idToken": CARD, "type": "Central"}, "remoteStartId": 1}
    assert fragile.replies(fragile.call("RequestStartTransaction", {**start, "evseId": 1}))["status"] == "Rejected"
    card(fragile)
    assert (phase(fragile, 1), phase(fragile, 2)) == (Phase.OCCUPIED, Phase.AUTHORIZED)
    restart(fragile)
    assert fragile.station[ENGINE].faulted_evses == ()
    card(fragile, evse_ids=(2,))
    card(fragile, evse_ids=(1,))
    assert phase(fragile, 1) is Phase.READY


def test_a_fault_stops_no_energy(fragile: Story) -> None:
    """Else a bug in one machine leaves drivers stranded: protective devices switch off, software faults do not."""
    plug(fragile)
    card(fragile)
    turn = fragile.when(PilotChanged(evse_id=1, state="F"))
    assert turn.effects == ()
    assert phase(fragile) is Phase.READY
    assert names_of(fragile.when(CardPresented(token=CARD, token_type="ISO14443")))[0] == "AuthorizationEnded"


def test_the_csms_sees_a_faulted_connector(fragile: Story) -> None:
    """Else a driver is sent to an EVSE that will refuse him.  While a cable is in it stays Occupied."""
    turn = fragile.when(PilotChanged(evse_id=2, state="F"))
    assert connector_status(fragile.station, 2, 1) == "Faulted"
    assert effects(turn, Call) == []
    told = do(fragile, CableConnected(evse_id=1, connector_id=1))
    assert ("StatusNotification", 2, "Faulted") in [(action, p.get("evseId"), p.get("connectorStatus")) for action, p in told]
    do(fragile, CableConnected(evse_id=2, connector_id=1))
    assert connector_status(fragile.station, 2, 1) == "Occupied"
    do(fragile, CableDisconnected(evse_id=2, connector_id=1))
    assert connector_status(fragile.station, 2, 1) == "Faulted"
    unplug(fragile, 1)


def test_fault_after_fault_is_counted_and_survived(fragile: Story) -> None:
    """Else poison that comes again and again wears the station out."""
    for _ in range(50):
        fragile.call("ClearCache", {})
        fragile.when(ServicesSelected(evse_id=2, services=((66, 6),)))
    assert fragile.station[ENGINE].faults == 100
    assert fragile.station[ENGINE].faulted_evses == (2,)
