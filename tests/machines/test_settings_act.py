"""Every variable that SetVariables accepts: when its new value acts, and a proof that it does (B05.FR.10).

Invariant: ``ACTS`` and ``OPEN`` together are exactly the writable variables of the shipped component files.  A row of ``ACTS`` sets two values in two
stories that are alike up to there, and what is observed afterwards is what each of the two values says.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

import pytest

from component_config.load import load, shipped
from machines.clock.facts import ClockSet
from machines.device_model.derived import derived
from machines.device_model.state import key_in
from machines.effects import Call, Dial, SetPingInterval
from machines.inputs import ConfigLoaded, ContactorMoved
from machines.outbound.facts import Dropped, Failed
from machines.session.facts import AuthorizationEnded, CardRefused, EnergyBlocked, EnergyCapped, Granted
from machines.storage.facts import RetirementBegun, SegmentEnded, StorageSeen
from machines.storage.machine import DAY_US
from stationd.run import configured
from tests.conftest import NewStory
from tests.machines.acts import Said, authorized, card, charge, do, events, levels, lose, meter, one, plug, queued, reconnect, session, unplug
from tests.machines.test_connection import fail
from tests.machines.test_device_model import item, put
from tests.story import OTHER_CARD, PASSWORD, Story, effects, facts, sent
from wire.declared import Declared

OTHER_PASSWORD = "<sealed:000000000000000000000000000000f2:24:p>"
DAY_S = 86_400


class When(Enum):
    """From when on a new value counts."""

    AT_ONCE = "at once, for what is running too"
    NEXT_CARD = "for the next card or remote start"
    NEXT_ANSWER = "for the next answer of the CSMS"
    NEXT_EVENT = "for the next thing that happens at the EVSE"
    NEXT_TRANSACTION = "for the next transaction"
    NEXT_MESSAGE = "for the next message, or the next attempt of one"
    NEXT_LOSS = "for the next loss of the link"
    NEXT_CONNECT = "for the next connection"
    NEXT_LOOK = "for the next look at the journal"


Observe = Callable[[Story], Any]
Prepare = Callable[[Story], object]


class Row(NamedTuple):
    """A variable acts: after *prepare*, setting a value leads to what *observe* sees, by value in *cases*.

    *beside*: other variables, which are set first.
    """

    when: When
    cases: dict[str, Any]
    observe: Observe
    prepare: Prepare = lambda _: None
    beside: dict[str, str] = {}  # noqa: RUF012 (never changed)


def set_to(story: Story, address: str, text: str) -> None:
    """SetVariables, accepted.  *address*: Component.Variable, or Component.Variable[instance]."""
    component, _, rest = address.partition(".")
    variable, _, instance = rest.rstrip("]").partition("[")
    (result,) = put(story, item(variable, text, component=component, **({"instance": instance} if instance else {})))
    assert result["attributeStatus"] == "Accepted", (address, text, result)


# What is there before


def charging(story: Story) -> None:
    """A transaction runs at EVSE 1, and its meter is read."""
    plug(story)
    card(story)
    charge(story)
    read(story)


def read(story: Story, energy_wh: int = 2000, power_w: int = 1000) -> Said:
    """The meter of EVSE 1 is read."""
    return do(story, meter(energy_wh=energy_wh, power_w=power_w, voltage_mv=(230_000,)))


def stopped(story: Story) -> Said:
    """The driver stops the transaction at EVSE 1, its contactor opens, and its meter is read."""
    return [*card(story), *do(story, ContactorMoved(evse_id=1, closed=False)), *read(story, 3000, 0)]


def monitored(story: Story) -> None:
    """A monitor watches the power of EVSE 1."""
    where = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "Power"}}
    asked = {"setMonitoringData": [{**where, "type": "UpperThreshold", "value": 500, "severity": 5}]}
    answer = story.replies(story.call("SetVariableMonitoring", asked, "monitor"))
    assert answer["setMonitoringResult"][0]["status"] == "Accepted", answer


# What is seen


def passing(story: Story, seconds: float) -> Said:
    """Time passes, and everything that is sent is answered; returns what was."""
    said: Said = []
    until = story.at + round(seconds * 1e6)
    while (deadline := story.kernel.next_deadline(story.station)) is not None and deadline[0] <= until:
        for turn in story.wait(max(deadline[0] - story.at, 1) / 1e6):
            said += story.settle(turn)
    story.at = max(story.at, until)
    return said


def contexts(payload: dict[str, Any]) -> set[tuple[str, str]]:
    """(context, measurand) of every sampled value of a message."""
    return {(one["context"], one["measurand"]) for value in payload.get("meterValue", []) for one in value["sampledValue"]}


def clock_values(story: Story) -> Any:
    """How many clock-aligned messages are sent in ten minutes, and with what."""
    read(story)
    said = [payload for action, payload in passing(story, 600) if action == "MeterValues" and payload["evseId"] == 1]
    return len(said), {measurand for payload in said for _, measurand in contexts(payload)}


def clock_events(story: Story) -> int:
    """How many clock-aligned events a running transaction has in ten minutes."""
    return sum(payload["triggerReason"] == "MeterValueClock" for payload in events(passing(story, 600)))


def samples(story: Story) -> Any:
    """How many periodic events a running transaction has in ten minutes, and with what."""
    said = [payload for payload in events(passing(story, 600)) if payload["triggerReason"] == "MeterValuePeriodic"]
    return len(said), {measurand for payload in said for _, measurand in contexts(payload)}


def ended(story: Story) -> Any:
    """What the last event of the running transaction tells, after three more minutes."""
    for minute in range(3):
        read(story, 2100 + minute)
        passing(story, 60)
    (last,) = [payload for payload in events(stopped(story)) if payload["eventType"] == "Ended"]
    return contexts(last)


def begun(story: Story) -> Any:
    """What the first event of a transaction tells."""
    read(story)
    plug(story)
    (first,) = [payload for payload in events(card(story)) if payload["eventType"] == "Started"]
    return contexts(first)


def asked(story: Story) -> bool:
    """Whether the CSMS is asked about a card."""
    plug(story)
    return "Authorize" in [action for action, _ in card(story)]


def asked_of_remote_start(story: Story) -> bool:
    """Whether the CSMS is asked about the token of its own remote start."""
    plug(story)
    token = {"idToken": "04AABBCCDD", "type": "ISO14443"}
    return "Authorize" in [action for action, _ in sent(story.call("RequestStartTransaction", {"remoteStartId": 7, "idToken": token}, "start"))]


def without_link(observe: Observe) -> Observe:
    """What is seen once the link is lost."""

    def see(story: Story) -> Any:
        lose(story)
        return observe(story)

    return see


def granted(story: Story) -> bool:
    """Whether a card is let in."""
    card(story)
    turns = story.turns[-2:]
    assert len(facts(turns, Granted)) + len(facts(turns, CardRefused)) == 1
    return facts(turns, Granted) != []


def ended_by_group(story: Story) -> list[str]:
    """How the running transaction is ended by a card of group MASTER."""
    card(story, OTHER_CARD, evse_ids=(1,), Authorize=authorized(group="MASTER"))
    return [fact.stopped_reason for fact in facts(story.turns, AuthorizationEnded)]


def blocked_by_csms(story: Story) -> list[str]:
    """What becomes of a driver whom the CSMS does not accept after all."""
    plug(story)
    card(story, TransactionEvent=authorized("Blocked"))
    return [type(fact).__name__ for fact in facts(story.turns, AuthorizationEnded | EnergyCapped | EnergyBlocked)]  # type: ignore[arg-type]


def clock_follows(story: Story) -> bool:
    """Whether a heartbeat's answer sets the clock."""
    until = story.at + 400 * 1_000_000
    while story.at < until:
        for turn in story.wait(1):
            if [action for action, _ in sent(turn)] == ["Heartbeat"]:
                return facts(story.answer(turn, {"currentTime": "2027-06-01T00:00:00Z"}), ClockSet) != []
            story.settle(turn)
    raise AssertionError("no heartbeat")


def heartbeats(story: Story) -> int:
    """How many heartbeats leave in ten minutes."""
    return sum(action == "Heartbeat" for action, _ in passing(story, 600))


def next_dial(story: Story) -> Dial:
    """How the station dials after its link was lost."""
    lose(story)
    return one([turn for turn in story.wait(120) if effects(turn, Dial)], Dial)


def dialled_url(story: Story) -> str:
    """Where it dials."""
    return next_dial(story).url


def next_password(story: Story) -> tuple[bool, str]:
    """Whether the link is left within five seconds, and the password of the next one."""
    turns = story.wait(5)
    left = any(type(effect).__name__ == "HangUp" for turn in turns for effect in turn.effects)
    return left, next_dial(story).password


def ping_intervals(story: Story) -> list[int]:
    """What the socket that is open was told."""
    return [effect.seconds for effect in effects(story.turns, SetPingInterval)]


def pauses(story: Story) -> list[int]:
    """How long the station waits after three dials that failed, in seconds; a random part is less than RandomRange."""
    lose(story)
    found = [fail(story) for _ in range(3)]
    return [(lost.redial_at_us - lost.at_us) // 1_000_000 for lost in found]


def random_parts(story: Story) -> bool:
    """Whether the pauses have a random part."""
    lose(story)
    found = [fail(story) for _ in range(3)]
    return any((lost.redial_at_us - lost.at_us) % 10_000_000 for lost in found)


def told_after_an_hour(story: Story) -> int:
    """How many connectors are told to the CSMS again after an hour without link."""
    lose(story)
    story.wait(3600)
    return sum(action == "StatusNotification" for action, _ in story.settle(reconnect(story)))


def kept_offline(story: Story) -> bool:
    """Whether a clock-aligned message outlives the time without link."""
    read(story)
    turns = story.wait(120)
    assert "MeterValues" in [action for action, _ in queued(turns)]
    return not [fact for fact in facts(turns, Dropped) if fact.action == "MeterValues"]


def attempts(story: Story) -> int:
    """How often a transaction event that the CSMS answers with an error is sent."""
    return len(_refused(story)[0])


def retries(story: Story) -> list[int]:
    """How long the station waits between the attempts, in seconds."""
    return _refused(story)[1]


def _refused(story: Story) -> tuple[list[Call], list[int]]:
    """The attempts to send the event with which plugging in begins a transaction, all answered with an error, and the waits between them."""
    tried: list[Call] = []
    waits: list[int] = []
    turns = [story.when(levels(plugged=True))]
    while turns:
        turn = turns.pop()
        for call in effects(turn, Call):
            if '"eventType":"Started"' in call.payload.decode():
                tried.append(call)
                turns.append(story.refuse(turn))
                waits += [round((fact.retry_at_us - story.at) / 1e6) for fact in facts(turns[-1], Failed)]
            else:
                turns.append(story.answer(turn, {}))
        if not turns and len(waits) == len(tried):
            turns = story.wait(waits[-1])
    return tried, waits


def notified(story: Story) -> bool:
    """Whether a crossed threshold is an event."""
    turn = story.when(meter(energy_wh=2000, power_w=1000))
    return "NotifyEvent" in [action for action, _ in queued(turn)]


def retired(story: Story) -> bool:
    """Whether a segment of twenty days ago goes."""
    story.wait(20 * DAY_S)
    looked = StorageSeen(used_bytes=10, room_bytes=1000, open_turns=1, oldest_last=5, oldest_at_us=story.at - 20 * DAY_US)
    return facts(story.when(looked), RetirementBegun) != []


def closed(story: Story) -> bool:
    """Whether a segment of 500 turns is closed."""
    return facts(story.when(StorageSeen(used_bytes=10, room_bytes=1000, open_turns=500, oldest_last=-1, oldest_at_us=0)), SegmentEnded) != []


def waited_for_vehicle(story: Story) -> int:
    """How long a card without a vehicle counts, in seconds."""
    card(story)
    begun_us = story.at
    while not facts(story.turns[-1], AuthorizationEnded):
        passing(story, 1)
    return (story.at - begun_us) // 1_000_000


def waited_for_meter(story: Story) -> int:
    """How long the last event of a transaction waits for a contactor that does not open, in seconds."""
    begun_us = story.at
    said = events(card(story))
    while not [payload for payload in said if payload["eventType"] == "Ended"]:
        said = events(passing(story, 1))
    return (story.at - begun_us) // 1_000_000


def authorized_without_cable(story: Story) -> bool:
    """Whether the driver is still authorized when the vehicle is unplugged."""
    unplug(story)
    return session(story).authorized


def starts_with(story: Story) -> str:
    """What begins a transaction."""
    for happens, act in (("cable", plug), ("card", card), ("energy", charge)):
        if [payload for payload in events(act(story)) if payload["eventType"] == "Started"]:
            return happens
    return ""


def stops_with(story: Story) -> list[str]:
    """What ends the transaction that runs, and the next one."""
    running = _stop(story)
    charging(story)
    return [running, _stop(story)]


def _stop(story: Story) -> str:
    said = events(stopped(story))
    if [payload for payload in said if payload["eventType"] == "Ended"]:
        unplug(story)
        return "card"
    return "cable" if [payload for payload in events(unplug(story)) if payload["eventType"] == "Ended"] else ""


def granted_unaccepted(story: Story) -> bool:
    """Whether a card is let in by a station that restarts, and that its CSMS makes wait."""
    story.start()
    turn = story.connect()
    story.answer(turn, {"status": "Rejected", "interval": 3600, "currentTime": "2027-01-15T08:00:00Z"})
    return granted(story)


REGISTER, POWER, VOLTAGE = "Energy.Active.Import.Register", "Power.Active.Import", "Voltage"


def profile(slot: int, url: str) -> dict[str, Any]:
    """A network connection profile."""
    return {"configurationSlot": slot, "connectionData": {"ocppCsmsUrl": url, "securityProfile": 0}}


ONE, BOTH = json.dumps([profile(1, "ws://other:1")]), json.dumps([profile(1, "ws://one:1"), profile(2, "ws://two:2")])
OFF = {"SampledDataCtrlr.TxUpdatedInterval": "0"}
EVERY_MINUTE = {"AlignedDataCtrlr.Interval": "60"}

ACTS: dict[str, Row] = {
    "AlignedDataCtrlr.Enabled": Row(When.AT_ONCE, {"false": (0, set()), "true": (10, {REGISTER})}, clock_values, beside=EVERY_MINUTE),
    "AlignedDataCtrlr.Interval": Row(When.AT_ONCE, {"60": (10, {REGISTER}), "300": (2, {REGISTER}), "0": (0, set())}, clock_values),
    "AlignedDataCtrlr.Measurands": Row(When.AT_ONCE, {VOLTAGE: (10, {VOLTAGE}), REGISTER: (10, {REGISTER})}, clock_values, beside=EVERY_MINUTE),
    "AlignedDataCtrlr.SendDuringIdle": Row(When.AT_ONCE, {"true": 0, "false": 10}, clock_events, charging, EVERY_MINUTE),
    "AlignedDataCtrlr.TxEndedInterval": Row(
        When.AT_ONCE, {"60": {("Sample.Clock", VOLTAGE), ("Transaction.End", REGISTER)}, "0": {("Transaction.End", REGISTER)}}, ended, charging,
        {**OFF, "AlignedDataCtrlr.TxEndedMeasurands": VOLTAGE},
    ),
    "AlignedDataCtrlr.TxEndedMeasurands": Row(
        When.AT_ONCE, {VOLTAGE: {("Sample.Clock", VOLTAGE), ("Transaction.End", REGISTER)}, "": {("Transaction.End", REGISTER)}}, ended, charging,
        {**OFF, "AlignedDataCtrlr.TxEndedInterval": "60"},
    ),
    "AuthCtrlr.AuthorizeRemoteStart": Row(When.NEXT_CARD, {"true": True, "false": False}, asked_of_remote_start),
    "AuthCtrlr.Enabled": Row(When.NEXT_CARD, {"true": True, "false": False}, asked),
    "AuthCtrlr.MasterPassGroupId": Row(When.NEXT_ANSWER, {"MASTER": ["MasterPass"], "OTHER": []}, ended_by_group, charging),
    "AuthCtrlr.OfflineTxForUnknownIdEnabled": Row(When.NEXT_CARD, {"true": True, "false": False}, without_link(granted)),
    "ClockCtrlr.TimeSource": Row(When.NEXT_ANSWER, {"Heartbeat": True, "RealTimeClock": False}, clock_follows),
    "InternalCtrlr.JournalKeepDays": Row(When.NEXT_LOOK, {"10": True, "30": False}, retired),
    "InternalCtrlr.JournalSegmentTurns": Row(When.NEXT_LOOK, {"400": True, "1000": False}, closed),
    "InternalCtrlr.TransactionEndTimeout": Row(When.NEXT_EVENT, {"2": 2, "5": 5}, waited_for_meter, charging),
    "InternalCtrlr.NetworkConnectionProfiles": Row(When.NEXT_CONNECT, {ONE: "ws://other:1", BOTH: "ws://one:1"}, dialled_url),
    "MonitoringCtrlr.Enabled": Row(When.AT_ONCE, {"true": True, "false": False}, notified, monitored),
    "MonitoringCtrlr.OfflineQueuingSeverity": Row(
        When.AT_ONCE, {"5": True, "4": False}, without_link(notified), monitored
    ),
    "OCPPCommCtrlr.HeartbeatInterval": Row(When.AT_ONCE, {"60": 10, "200": 3}, heartbeats, beside={"AlignedDataCtrlr.Interval": "0"}),
    "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]": Row(
        When.NEXT_MESSAGE, {"10": [10, 20], "30": [30, 60]}, retries,
        beside={"OCPPCommCtrlr.MessageAttempts[TransactionEvent]": "3", "TxCtrlr.TxStartPoint": "EVConnected"},
    ),
    "OCPPCommCtrlr.MessageAttempts[TransactionEvent]": Row(
        When.NEXT_MESSAGE, {"1": 1, "4": 4}, attempts, beside={"TxCtrlr.TxStartPoint": "EVConnected"}
    ),
    "OCPPCommCtrlr.NetworkConfigurationPriority": Row(
        When.NEXT_CONNECT, {"1,2": "ws://one:1", "2,1": "ws://two:2"}, dialled_url, beside={"InternalCtrlr.NetworkConnectionProfiles": BOTH}
    ),
    "OCPPCommCtrlr.OfflineThreshold": Row(When.NEXT_CONNECT, {"60": 2, "7200": 0}, told_after_an_hour),
    "OCPPCommCtrlr.QueueAllMessages": Row(
        When.NEXT_MESSAGE, {"true": True, "false": False}, without_link(kept_offline), beside=EVERY_MINUTE
    ),
    "OCPPCommCtrlr.RetryBackOffRandomRange": Row(When.NEXT_LOSS, {"0": False, "10": True}, random_parts),
    "OCPPCommCtrlr.RetryBackOffRepeatTimes": Row(
        When.NEXT_LOSS, {"0": [10, 10, 10], "9": [20, 40, 80]}, pauses, beside={"OCPPCommCtrlr.RetryBackOffRandomRange": "0"}
    ),
    "OCPPCommCtrlr.RetryBackOffWaitMinimum": Row(
        When.NEXT_LOSS, {"1": [2, 4, 8], "5": [10, 20, 40]}, pauses, beside={"OCPPCommCtrlr.RetryBackOffRandomRange": "0"}
    ),
    "OCPPCommCtrlr.WebSocketPingInterval": Row(When.AT_ONCE, {"7": [7], "0": [0]}, ping_intervals),
    "SampledDataCtrlr.Enabled": Row(
        When.AT_ONCE, {"false": (0, set()), "true": (10, {REGISTER})}, samples, charging,
        {"SampledDataCtrlr.TxUpdatedInterval": "60", "SampledDataCtrlr.TxUpdatedMeasurands": REGISTER},
    ),
    "SampledDataCtrlr.TxEndedInterval": Row(
        When.AT_ONCE, {"60": {("Sample.Periodic", REGISTER), ("Transaction.End", REGISTER)}, "0": {("Transaction.End", REGISTER)}}, ended, charging,
        OFF,
    ),
    "SampledDataCtrlr.TxEndedMeasurands": Row(
        When.AT_ONCE, {VOLTAGE: {("Transaction.End", VOLTAGE)}, REGISTER: {("Transaction.End", REGISTER)}}, ended, charging, OFF
    ),
    "SampledDataCtrlr.TxStartedMeasurands": Row(
        When.NEXT_TRANSACTION, {VOLTAGE: {("Transaction.Begin", VOLTAGE)}, REGISTER: {("Transaction.Begin", REGISTER)}}, begun
    ),
    "SampledDataCtrlr.TxUpdatedInterval": Row(
        When.AT_ONCE, {"60": (10, {REGISTER}), "300": (2, {REGISTER}), "0": (0, set())}, samples, charging,
        {"SampledDataCtrlr.TxUpdatedMeasurands": REGISTER},
    ),
    "SampledDataCtrlr.TxUpdatedMeasurands": Row(
        When.AT_ONCE, {VOLTAGE: (10, {VOLTAGE}), POWER: (10, {POWER})}, samples, charging, {"SampledDataCtrlr.TxUpdatedInterval": "60"}
    ),
    "SecurityCtrlr.BasicAuthPassword": Row(When.NEXT_CONNECT, {PASSWORD: (True, PASSWORD), OTHER_PASSWORD: (True, OTHER_PASSWORD)}, next_password),
    "TxCtrlr.EVConnectionTimeOut": Row(When.NEXT_CARD, {"30": 30, "90": 90}, waited_for_vehicle),
    "TxCtrlr.MaxEnergyOnInvalidId": Row(
        When.NEXT_ANSWER, {"500": ["EnergyCapped"], "0": ["EnergyBlocked"]}, blocked_by_csms, beside={"TxCtrlr.StopTxOnInvalidId": "false"}
    ),
    "TxCtrlr.StopTxOnEVSideDisconnect": Row(When.NEXT_EVENT, {"true": False, "false": True}, authorized_without_cable, charging),
    "TxCtrlr.StopTxOnInvalidId": Row(When.NEXT_ANSWER, {"true": ["AuthorizationEnded"], "false": ["EnergyBlocked"]}, blocked_by_csms),
    "TxCtrlr.TxBeforeAcceptedEnabled": Row(
        When.NEXT_CARD, {"true": True, "false": False}, granted_unaccepted,
        beside={"AuthCtrlr.OfflineTxForUnknownIdEnabled": "true"},
    ),
    "TxCtrlr.TxStartPoint": Row(
        When.NEXT_EVENT, {"EVConnected": "cable", "PowerPathClosed": "card", "EnergyTransfer": "energy"}, starts_with
    ),
    "TxCtrlr.TxStopPoint": Row(When.NEXT_TRANSACTION, {"EVConnected": ["card", "cable"], "Authorized": ["card", "card"]}, stops_with, charging),
}  # fmt: skip
"""Every writable variable on which something acts, by its address."""

CACHE_AND_LIST = "C10 to C14, D: authorization cache and local list"
PAYMENT, QR_CODE = "C18 to C24: payment terminals", "C25: ad hoc payment by QR code"
TARIFF, BIDIRECTIONAL = "I: tariff and cost", "Q: bidirectional power transfer"

OPEN = {
    "AuthCtrlr.LocalAuthorizeOffline": CACHE_AND_LIST,
    "AuthCtrlr.LocalPreAuthorize": CACHE_AND_LIST,
    "DisplayMessageCtrlr.Language": "O: display messages",
    "ISO15118Ctrlr.ContractValidationOffline": "C07, M: plug and charge",
    "OCPPCommCtrlr.NetworkProfileConnectionAttempts": "B10: migrate to another network profile",
    "OCPPCommCtrlr.ResetRetries": "B11, B12: reset",
    "PaymentCtrlr.AuthorizationAmount": PAYMENT,
    "PaymentCtrlr.AuthorizeDirectPayment": PAYMENT,
    "PaymentCtrlr.Merchant[Address]": PAYMENT,
    "PaymentCtrlr.Merchant[City]": PAYMENT,
    "PaymentCtrlr.Merchant[Id]": PAYMENT,
    "PaymentCtrlr.Merchant[Name]": PAYMENT,
    "PaymentCtrlr.Merchant[TaxId]": PAYMENT,
    "PaymentCtrlr.PaymentDetails": PAYMENT,
    "PaymentCtrlr.ReceiptByCSMS": PAYMENT,
    "PaymentCtrlr.ReceiptServerUrl": PAYMENT,
    "PaymentCtrlr.SettlementByCSMS": PAYMENT,
    "SecurityCtrlr.OrganizationName": "A02: update the station's certificate",
    "SmartChargingCtrlr.LimitChangeSignificance": "K: smart charging",
    "TariffCostCtrlr.Currency": TARIFF,
    "TariffCostCtrlr.HandleFailedTariff[Tariff]": TARIFF,
    "TariffCostCtrlr.Interval[Cost]": TARIFF,
    "TariffCostCtrlr.Interval[Tariff]": TARIFF,
    "TariffCostCtrlr.TariffFallbackMessage": TARIFF,
    "TariffCostCtrlr.TariffFallbackMessage[en]": TARIFF,
    "TariffCostCtrlr.TotalCostFallbackMessage": TARIFF,
    "TariffCostCtrlr.TotalCostFallbackMessage[en]": TARIFF,
    "V2XChargingCtrlr.LocalFrequencyUpdateThreshold": BIDIRECTIONAL,
    "V2XChargingCtrlr.LocalLoadBalancing[LowerOffset]": BIDIRECTIONAL,
    "V2XChargingCtrlr.LocalLoadBalancing[LowerThreshold]": BIDIRECTIONAL,
    "V2XChargingCtrlr.LocalLoadBalancing[UpperOffset]": BIDIRECTIONAL,
    "V2XChargingCtrlr.LocalLoadBalancing[UpperThreshold]": BIDIRECTIONAL,
    "WebPaymentsCtrlr.Length": QR_CODE,
    "WebPaymentsCtrlr.SharedSecret": QR_CODE,
    "WebPaymentsCtrlr.TOTPVersion": QR_CODE,
    "WebPaymentsCtrlr.URLTemplate": QR_CODE,
    "WebPaymentsCtrlr.ValidityTime": QR_CODE,
}
"""Variables that Part 2 requires to be ReadWrite, at the latest with their block, and that block.  Reviewed; lines leave as blocks come.

They are declared with ``"honoured": false``.  What is optional and without effect is ReadOnly in the shipped files, or not declared.
"""


def address(declared: Declared) -> str:
    """A variable as the tables write it; those of several EVSEs are one."""
    instance = f"[{declared.variable_instance}]" if declared.variable_instance else ""
    attribute = "" if declared.attribute == "Actual" else f":{declared.attribute}"
    return f"{declared.component}.{declared.variable}{instance}{attribute}"


def is_writable(declared: Declared) -> bool:
    """Whether SetVariables could accept a value."""
    return declared.mutability != "ReadOnly" and not declared.constant and derived(key_in(declared)) is None


@pytest.fixture(scope="module")
def declarations() -> tuple[Declared, ...]:
    """The shipped files."""
    return load([shipped()], lambda text, purpose: f"<sealed:{text.encode().hex():0>32}:{len(text)}:{purpose[0]}>").declarations


@pytest.fixture(scope="module")
def files(declarations: tuple[Declared, ...]) -> ConfigLoaded:
    """The same as an input."""
    return configured(declarations, None, None)


def test_the_table_has_every_writable_variable_and_no_other(declarations: tuple[Declared, ...]) -> None:
    """If this failed, SetVariables would accept a value of which nobody said when it acts."""
    writable = {address(one): one for one in declarations if is_writable(one)}
    assert sorted(writable.keys() - ACTS.keys() - OPEN.keys()) == [], "say when it acts, make it ReadOnly, or list its block"
    assert sorted((ACTS.keys() | OPEN.keys()) - writable.keys()) == [], "it is not writable"
    assert sorted(ACTS.keys() & OPEN.keys()) == []
    assert sorted(name for name, one in writable.items() if one.honoured != (name in ACTS)) == [], "honoured is what acts"
    assert [name for name, one in writable.items() if one.reboot] == [], "it answers RebootRequired: prove that with a restart"


def test_every_row_tells_two_values_apart() -> None:
    """If this failed, a row would prove nothing: what it observes is the same whatever is set."""
    for name, row in ACTS.items():
        found = list(row.cases.values())
        assert len(found) > 1, name
        assert all(found[i] != found[j] for i in range(len(found)) for j in range(i)), name


CASES = [(name, text) for name, row in ACTS.items() for text in row.cases]


@pytest.mark.parametrize(("name", "text"), CASES, ids=[f"{name}={text[:20]}" for name, text in CASES])
def test_b05_fr_10_a_value_that_is_accepted_acts(new_story: NewStory, files: ConfigLoaded, name: str, text: str) -> None:
    """If this failed, a CSMS would be answered Accepted, and the station would go on as before."""
    row = ACTS[name]
    story = new_story()
    story.files = files
    story.boot()
    for other, value in row.beside.items():
        set_to(story, other, value)
    row.prepare(story)
    set_to(story, name, text)
    assert row.observe(story) == row.cases[text]


def test_sampling_that_is_switched_on_begins_in_a_running_transaction(new_story: NewStory, files: ConfigLoaded) -> None:
    """If this failed, SampledDataCtrlr.Enabled=true would be Accepted, and the transaction would tell nothing of its meter to its end."""
    story = new_story()
    story.files = files
    story.boot()
    set_to(story, "SampledDataCtrlr.TxUpdatedInterval", "60")
    set_to(story, "SampledDataCtrlr.Enabled", "false")
    charging(story)
    assert samples(story)[0] == 0
    set_to(story, "SampledDataCtrlr.Enabled", "true")
    assert samples(story)[0] == 10
