"""Stories worth keeping that no simulated life tells."""

from __future__ import annotations

from typing import Any

from engine.kernel import Settled
from eventlog.memory import MemoryJournal
from machines.certificates.facts import Certificate
from machines.certificates.state import CSMS_ROOT, MANUFACTURER_ROOT
from machines.effects import Shred
from machines.inputs import ClockRead, ConfigLoaded, EvseSeen, ForgetAsked, OperatorReset, OperatorSet, RootsDropped, RootsGiven
from tests.machines.acts import authorized, card, charge, meter, plug, unplug
from tests.replay.feeder import night
from tests.story import CARD, WALL_US, Story, declarations, effects
from wire import jsontext
from wire.declared import Declared, DeclaredMonitor, written


def told() -> dict[str, tuple[str, str, MemoryJournal]]:
    """Name -> (what happens, version of OCPP, the journal)."""
    return {
        "night": ("a charge, a lost link, a power cut, a new password", "2.1", night().rows()),
        "night-201": ("a charge on a link of 2.0.1", "2.0.1", charged("ocpp2.0.1").rows()),
        "capped": ("a driver whom the CSMS takes back, and who may take a little more energy (E05.FR.03)", "2.1", capped("ocpp2.1").rows()),
        "capped-201": ("the same on a link of 2.0.1", "2.0.1", capped("ocpp2.0.1").rows()),
        "afar": ("a start from afar without an EVSE, with a charging profile that is ignored, and a group that comes late", "2.1", afar().rows()),
        "kept": ("a charge whose last event tells its course, by samples and by the clock", "2.1", kept("ocpp2.1").rows()),
        "kept-201": ("the same on a link of 2.0.1", "2.0.1", kept("ocpp2.0.1").rows()),
        "restarted": ("a power cut in a charge, and a stop point that changes under it", "2.1", restarted().rows()),
        "edited": ("component files that change under values that were set, and an operator", "2.1", edited().rows()),
        "monitored": ("monitors of the component files and of the CSMS, triggered, replaced, cleared", "2.1", monitored("ocpp2.1").rows()),
        "monitored-201": ("the same on a link of 2.0.1", "2.0.1", monitored("ocpp2.0.1").rows()),
        "trusting": ("roots given, refused and taken away, of a station that dials over TLS", "2.1", trusting().rows()),
        "forgotten": ("a driver asks to be forgotten while charging; the disk fails once", "2.1", forgotten().rows()),
    }


def charged(subprotocol: str) -> Story:
    """A charge from plug to plug."""
    story = Story().boot(subprotocol)
    plug(story)
    card(story)
    charge(story)
    for turn in story.wait(200):
        story.settle(turn)
    card(story)
    unplug(story)
    return story


def afar() -> Story:
    """RequestStartTransaction for whichever EVSE; the CSMS says with the transaction which group the token is of, and where it may be used."""
    story = Story({"TxCtrlr.TxStartPoint": "Authorized"}).boot()
    profile = {"id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative", "chargingSchedule": []}
    asked = {"idToken": {"idToken": CARD, "type": "Central"}, "remoteStartId": 7, "chargingProfile": profile}
    turn = story.call("RequestStartTransaction", asked)
    story.settle(turn, TransactionEvent=authorized(group="FLEET", evse_ids=(1, 2)))
    plug(story, 2)
    charge(story, 2)
    unplug(story, 2)
    return story


def kept(subprotocol: str) -> Story:
    """TxEndedInterval, sampled and aligned: readings are kept until the transaction ends."""
    story = Story(
        {
            "SampledDataCtrlr.TxEndedInterval": "60",
            "AlignedDataCtrlr.TxEndedInterval": "60",
            "AlignedDataCtrlr.TxEndedMeasurands": "Energy.Active.Import.Register",
        }
    ).boot(subprotocol)
    plug(story)
    card(story)
    charge(story)
    for half_minute in range(6):
        story.settle(story.when(meter(energy_wh=2000 + 10 * half_minute, power_w=1200)))
        for turn in story.wait(30):
            story.settle(turn)
    card(story)
    unplug(story)
    return story


def capped(subprotocol: str) -> Story:
    """The answer to the first event of a transaction does not accept its card; energy flows up to MaxEnergyOnInvalidId."""
    story = Story({"TxCtrlr.MaxEnergyOnInvalidId": "500", "TxCtrlr.StopTxOnInvalidId": "false"}).boot(subprotocol)
    plug(story)
    card(story, TransactionEvent={"idTokenInfo": {"status": "Blocked"}})
    charge(story)
    story.settle(story.when(meter(energy_wh=1400, power_w=3000)))
    story.settle(story.when(meter(energy_wh=1600, power_w=3000)))
    unplug(story)
    return story


def trusting() -> Story:
    """An operator provisions roots before and after the first link, and deletes one."""
    profile = {"configurationSlot": 1, "connectionData": {"ocppCsmsUrl": "wss://csms.example", "securityProfile": 2, "messageTimeout": 30}}
    story = Story({"InternalCtrlr.NetworkConnectionProfiles": jsontext.encode([profile]).decode()})
    roots = [
        Certificate(
            use=use,
            certificate=f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n",
            hash_algorithm="SHA256",
            issuer_name_hash="aa" * 32,
            issuer_key_hash="bb" * 32,
            serial_number="1f",
            fingerprint=name * 16,
        )
        for name, use in (("abcd", CSMS_ROOT), ("beef", CSMS_ROOT), ("cafe", MANUFACTURER_ROOT))
    ]
    story.when(RootsGiven(certificates=(roots[0],)))
    story.boot()
    story.settle(story.when(RootsGiven(certificates=(roots[1], roots[2]))))
    story.when(RootsGiven(certificates=(roots[1],)))
    story.settle(story.when(RootsDropped(fingerprint=roots[0].fingerprint)))
    return story


def forgotten() -> Story:
    """A driver is forgotten after their last message was answered; the first attempt to destroy their texts fails."""
    story = Story().boot()
    plug(story)
    card(story)
    charge(story)
    story.when(ForgetAsked(handles=(CARD[8:40],)))
    card(story)
    unplug(story)
    for outcome in ("failed", "done"):
        turn = next(turn for turn in reversed(story.turns) if effects(turn, Shred))
        index = next(index for index, effect in enumerate(turn.effects) if isinstance(effect, Shred))
        story.when(Settled(station=0, seq=turn.seq, index=index, outcome=outcome))
        story.wait(600)
    return story


def edited() -> Story:
    """Values are set by everybody; an EVSE leaves the files while it charges and is not let go, then while it does not; it comes back."""
    story = Story({"Shop.Name": "shop", "OCPPCommCtrlr.WebSocketPingInterval": "60"}).boot()
    story.when(OperatorSet(component="OCPPCommCtrlr", variable="WebSocketPingInterval", value="30"))
    story.call("SetVariables", {"setVariableData": [{"component": {"name": "Shop"}, "variable": {"name": "Name"}, "attributeValue": "csms"}]})
    story.when(OperatorSet(component="Shop", variable="Name", value="operator", hold=True))
    story.when(OperatorSet(component="Shop", variable="Street", value="nobody has one"))
    plug(story, 2)
    story.files = declarations(evses=1)
    story.start()
    unplug(story, 2)
    story.start()
    story.files = declarations({"Shop.Name": "new"})
    story.start()
    story.when(OperatorReset(component="Shop", variable="Name"))
    story.when(ClockRead(boot_id=f"b{story.boots}", boottime_us=story.at, wall_us=WALL_US + story.at))
    return story


def monitored(subprotocol: str) -> Story:
    """A tank with monitors of every kind: their bounds are passed, they are replaced, cleared, restored; a transaction comes and goes."""
    story = Story().boot(subprotocol)
    files = (
        DeclaredMonitor(type="UpperThreshold", value="50", severity=1, kind="HardWiredMonitor"),
        DeclaredMonitor(type="Delta", value="5", severity=4, kind="PreconfiguredMonitor", reference="10"),
    )
    depth = Declared(component="Tank", variable="Depth", data_type="integer", value="10", supports_monitoring=True, monitors=files)
    body = jsontext.encode([*jsontext.decode(declarations().body), written(depth)])
    story.settle(story.when(ConfigLoaded(digest="tank", body=body)))
    place: dict[str, Any] = {"component": {"name": "Tank"}, "variable": {"name": "Depth"}}
    items = [
        {**place, "type": "LowerThreshold", "value": 5, "severity": 3, "transaction": True},
        {**place, "type": "Periodic", "value": 30, "severity": 7},
        {**place, "type": "Delta", "value": 8, "severity": 4, "id": 2},
    ]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("SetVariableMonitoring", {"setMonitoringData": items}),
        ("SetVariables", {"setVariableData": [{**place, "attributeValue": "60"}]}),
        ("SetVariables", {"setVariableData": [{**place, "attributeValue": "4"}]}),
        ("SetMonitoringLevel", {"severity": 5}),
        ("ClearVariableMonitoring", {"id": [4]}),
        ("GetMonitoringReport", {"requestId": 1}),
        ("SetMonitoringBase", {"monitoringBase": "FactoryDefault"}),
    ]
    for action, payload in calls[:2]:
        story.settle(story.call(action, payload))
    plug(story)
    for turn in story.wait(40):
        story.settle(turn)
    story.settle(story.call(*calls[2]))
    unplug(story)
    for action, payload in calls[3:]:
        story.settle(story.call(action, payload))
    return story


def restarted() -> Story:
    """A power cut in the middle of a charge; its stop point is changed before it ends, and the next one begins under the new one."""
    story = Story({"TxCtrlr.TxStartPoint": "PowerPathClosed", "TxCtrlr.TxStopPoint": "EVConnected"}).boot()
    plug(story)
    card(story)
    charge(story)
    story.start()
    story.settle(story.connect())
    story.settle(story.when(EvseSeen(evse_id=1, connector_id=1, plugged=True, pilot="C", contactor_closed=True, energy_wh=1500)))
    item = {"attributeValue": "Authorized", "component": {"name": "TxCtrlr"}, "variable": {"name": "TxStopPoint"}}
    story.call("SetVariables", {"setVariableData": [item]})
    card(story)
    card(story)
    charge(story)
    unplug(story)
    return story
