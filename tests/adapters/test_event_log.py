"""The daemon's log: which facts have a line, what stands in it, and that the operator's document says the same.

Invariant: no line holds a secret or a person, whatever a CSMS, a card or a component file says.
"""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.event_log import EVENTS, LINES, SILENT, lines_of_turn, log_turn
from engine.event import Fact, Input
from engine.kernel import FaultCleared, Turn, Woke
from engine.machine import Station
from engine.records import BY_CLASS
from machines.boot.facts import BootAccepted, BootFailed, BootPending, BootRejected, Rebooted
from machines.certificates.facts import Certificate, CertificateDeleted, CertificateInstalled
from machines.clock.facts import ClockSet
from machines.clock.machine import CLOCK
from machines.connection import reasons
from machines.connection.facts import Dialled, Held, Leaving, LinkConfirmed, Lost, Opened, Released
from machines.connection.machine import UNCONFIGURED, public_url
from machines.connection.state import CONNECTION
from machines.device_model.facts import DeclarationRemoved, DeclarationReturned, ModelDeclared, ModelRefused, VariableCleared, VariableSet
from machines.effects import Call
from machines.evse.machine import EvseFailed, EvseObeyed
from machines.inputs import HoldAsked, LinkDown
from machines.network.facts import NetworkRefused
from machines.network.machine import NETWORK
from machines.outbound.facts import OFFLINE, THINNED, Dropped, Failed
from machines.persons.facts import ForgettingPromised, SubjectForgotten
from machines.security.a01_replaced import OldPasswordsDropped
from machines.security.a04_events import SecurityEventLogged
from machines.session.facts import (
    AuthorizationAsked,
    AuthorizationBound,
    AuthorizationEnded,
    CablePlugged,
    CableUnplugged,
    CardRefused,
    ChargingProfileIgnored,
    EnergyBlocked,
    EnergyCapped,
    Granted,
    TransactionEnded,
    TransactionStarted,
)
from machines.storage.facts import StorageLevelled
from machines.summary import summary
from machines.vas.facts import InternetFailed
from machines.version.facts import VersionRefused
from stationd.csms import Entry, FriendlyCsms, Instead
from stationd.logs import JsonLines
from tests.adapters.live import PASSWORD, LiveStation
from tests.conftest import NewStory
from tests.machines.acts import card, charge, plug, power_off, unplug
from tests.story import CARD, OTHER_CARD, WALL_US, Story, effects, facts, only

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "logging.md"


# The table is whole


def classes_of_facts() -> set[type[Fact]]:
    """Every class of fact that a journal can hold."""
    return {kind for kind in BY_CLASS if issubclass(kind, Fact) and not kind.__module__.startswith("tests")}


def test_every_class_of_fact_has_a_line_or_a_reason_for_having_none() -> None:
    """If this failed, something new would happen to a station, and nobody who looks after it would read of it."""
    assert sorted(kind.__name__ for kind in classes_of_facts() - LINES.keys() - SILENT.keys()) == [], "give it a line in LINES, or a reason in SILENT"
    assert LINES.keys() & SILENT.keys() == set()
    assert (LINES.keys() | SILENT.keys()) - classes_of_facts() == set()
    assert all(SILENT.values())


def calls_of_loggers() -> dict[str, str]:
    """Every other line of the process and its level, as the document writes it: what is put in is an ellipsis."""
    found = {}
    paths = [*(ROOT / "adapters").glob("*.py"), *(ROOT / "eventlog").glob("*.py"), *(ROOT / "component_config").glob("*.py")]
    for path in [*paths, ROOT / "stationd" / "run.py", ROOT / "stationd" / "scan.py", ROOT / "stationd" / "vault_key.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not isinstance(node.func.value, ast.Name):
                continue
            if node.func.value.id.casefold() == "log" and node.func.attr in {"debug", "info", "warning", "error", "critical", "exception"}:
                text = re.sub(r"%[-.0-9]*[sdrfg]", "…", ast.literal_eval(node.args[0]))
                found[text] = "error" if node.func.attr == "exception" else node.func.attr
    return found


def rows_of_the_document() -> Iterator[list[str]]:
    """The cells of every row of a table whose first cell is code."""
    for row in DOCUMENT.read_text().splitlines():
        if row.startswith("| `"):
            yield [cell.strip() for cell in row.strip("|").split(" | ")]


def test_the_operators_document_lists_every_line_with_level_occasion_and_remedy() -> None:
    """If this failed, somebody would read a line at three in the morning that no document knows, or wait for one that is never written."""
    told: dict[str, tuple[str, str]] = {}
    others: dict[str, str] = {}
    words = set()
    for cells in rows_of_the_document():
        assert all(cells), cells
        if len(cells) == 5:
            told[cells[0].strip("`")] = cells[1].strip("`"), cells[2]
        elif len(cells) == 4:
            others[cells[0].strip("`")] = cells[1]
        else:
            words.add(cells[0].strip("`"))
    assert told == {name: (event.text, logging.getLevelName(event.level).lower()) for name, event in EVENTS.items()}
    assert others == calls_of_loggers()
    known = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)} - {reasons.RESTARTED}
    assert words - {"no common OCPP version: …"} == known


# What each line says

AT_US = 60_000_000
CERTIFICATE = Certificate(
    use="CSMSRootCertificate",
    certificate="-----BEGIN",
    hash_algorithm="SHA256",
    issuer_name_hash="",
    issuer_key_hash="",
    serial_number="1",
    fingerprint="0123456789abcdef" * 4,
)
SEALED = "<sealed:92b6a7000000000000000000000000f1:28:p>"
STARTED = TransactionStarted(
    evse_id=1, transaction_id="abcd-1", trigger="Authorized", charging_state="EVConnected", energy_wh=1000, at_us=0, entry=1, sample_at_us=0
)
ENDED = TransactionEnded(evse_id=1, transaction_id="abcd-1", seq_no=8, trigger="StopAuthorized", stopped_reason="Local", energy_wh=5521, entry=1)


def lost(reason: str, detail: str = "", *, on_purpose: bool = False) -> Lost:
    """A link that is gone."""
    return Lost(link=1, reason=reason, detail=detail, redial_at_us=AT_US + 21_340_000, failures=2, at_us=AT_US, on_purpose=on_purpose)


SAMPLES: list[tuple[str, Fact, str]] = [
    ("station.started", Rebooted(journal=1, build="0.1.0", orderly=True), "started: build 0.1.0, start 1, after an orderly stop"),
    (
        "station.started",
        Rebooted(journal=1, build="0.1.0", orderly=False),
        "started: build 0.1.0, start 1",
    ),
    ("clock.set", ClockSet(offset_us=0, source="csms"), "the clock is set to 2027-01-15T08:01:00.000Z (by the CSMS)"),
    (
        "link.dialling",
        Dialled(link=1, slot=1),
        "link 1: dialling ws://localhost:9000 as CP001; slot 1, security profile 0",
    ),
    ("link.open", Opened(link=1, at_us=0), "link 1: open, OCPP 2.1"),
    (
        "link.version",
        VersionRefused(link=1, chosen="mqtt\x1b[2J"),
        "link 1: no OCPP version in common; offered ocpp2.1, ocpp2.0.1, chosen by the CSMS mqtt\\x1b[2J",
    ),
    ("link.version", VersionRefused(link=1, chosen=""), "link 1: no OCPP version in common; offered ocpp2.1, ocpp2.0.1, chosen by the CSMS nothing"),
    (
        "link.lost",
        lost(reasons.CLOSED_BY_CSMS, "1008 who are you"),
        "link 1: lost after 60.0 s, closed by CSMS: 1008 who are you; failures in a row: 2; dials again in 21.3 s",
    ),
    ("link.closed", lost("password replaced", on_purpose=True), "link 1: closed by the station, password replaced; dials again in 21.3 s"),
    (
        "link.leaving",
        Leaving(link=1, hang_up_at_us=AT_US + 2_000_000, reason="password replaced"),
        "link 1: to be closed in 2.0 s, password replaced",
    ),
    ("link.held", Held(why="control"), "offline until further notice, asked to disconnect"),
    ("link.held", Held(why="stopping"), "offline until further notice, the station stops"),
    (
        "link.unconfigured",
        Held(why=UNCONFIGURED),
        "no CSMS is configured: no slot of OCPPCommCtrlr.NetworkConfigurationPriority has a URL; name one",
    ),
    ("boot.accepted", BootAccepted(interval_s=60), "accepted by the CSMS; a heartbeat every 60 s"),
    ("boot.accepted", BootAccepted(interval_s=0), "accepted by the CSMS; a heartbeat every 300 s"),
    (
        "boot.pending",
        BootPending(retry_at_us=AT_US + 60_000_000),
        "pending: neither accepted nor rejected by the CSMS; BootNotification again in 60.0 s",
    ),
    ("boot.rejected", BootRejected(retry_at_us=AT_US + 9_000_000), "rejected by the CSMS; BootNotification again in 9.0 s"),
    (
        "boot.failed",
        BootFailed(reason="CALLERROR SecurityError", retry_at_us=AT_US + 60_000_000),
        "BootNotification failed, CALLERROR SecurityError; again in 60.0 s",
    ),
    (
        "message.retried",
        Failed(entry=99, reason="no answer in time", retry_at_us=AT_US + 1_000_000),
        "a message was not taken, no answer in time; 1 times by now, again in 1.0 s (message 99)",
    ),
    (
        "message.unanswered",
        Dropped(entry=7, action="Heartbeat", reason="no answer in time"),
        "Heartbeat failed, no answer in time (message 7)",
    ),
    (
        "message.given_up",
        Dropped(entry=7, action="SecurityEventNotification", reason="CALLERROR InternalError"),
        "SecurityEventNotification was given up for good, CALLERROR InternalError (message 7)",
    ),
    ("queue.thinned", Dropped(entry=7, action="TransactionEvent", reason=THINNED), "1 meter values were left out: the queue of messages is full"),
    ("security.event", SecurityEventLogged(type="StartupOfTheDevice", tech_info=""), "security event StartupOfTheDevice"),
    (
        "security.alarm",
        SecurityEventLogged(type="InvalidCsmsCertificate", tech_info="slot 1: expired"),
        "security event InvalidCsmsCertificate: slot 1: expired",
    ),
    (
        "password.destroyed",
        OldPasswordsDropped(handles=("a", "b")),
        "2 replaced passwords were destroyed: the CSMS accepts the one that replaced them",
    ),
    (
        "root.installed",
        CertificateInstalled(certificate=CERTIFICATE, cause="config roots add"),
        "CSMSRootCertificate 0123456789abcdef is trusted from now on (config roots add)",
    ),
    (
        "root.deleted",
        CertificateDeleted(use="CSMSRootCertificate", fingerprint="ab" * 32, cause="config roots remove"),
        "CSMSRootCertificate abababababababab is trusted no longer (config roots remove)",
    ),
    (
        "person.promised",
        ForgettingPromised(pseudonym="304f92" + "0" * 26),
        "person 304f92 will be forgotten when nothing that is under way needs them",
    ),
    ("person.forgotten", SubjectForgotten(pseudonym="304f92" + "0" * 26), "person 304f92 is forgotten"),
    ("model.declared", ModelDeclared(digest="abcd", body=b"[]"), "the component files are in force, digest abcd"),
    (
        "model.refused",
        ModelRefused(digest="abcd", reason="a session runs"),
        "the component files are not in force, a session runs; those before them stay",
    ),
    (
        "model.removed",
        DeclarationRemoved(component="Connector", evse_id=2, connector_id=1),
        "Connector@2.1 is no longer declared; its values are set aside",
    ),
    (
        "model.removed",
        DeclarationRemoved(component="TxCtrlr", variable="X", variable_instance="i", attribute="Target"),
        "TxCtrlr.X(i):Target is no longer declared; its values are set aside",
    ),
    (
        "model.returned",
        DeclarationReturned(component="TxCtrlr", variable="X", attribute="Actual"),
        "TxCtrlr.X is declared again, and its values are in force again",
    ),
    (
        "variable.set",
        VariableSet(component="OCPPCommCtrlr", variable="HeartbeatInterval", value="60", old="300", source="csms", cause="SetVariables"),
        "OCPPCommCtrlr.HeartbeatInterval is 60, was 300; set by the CSMS with SetVariables",
    ),
    (
        "variable.set",
        VariableSet(
            component="SecurityCtrlr", variable="BasicAuthPassword", value=SEALED, old="", source="operator", cause="config set", pending=True
        ),
        "SecurityCtrlr.BasicAuthPassword is <sealed 28 chars 92b6a7> from the next start on, was nothing; set by the operator with config set",
    ),
    (
        "variable.cleared",
        VariableCleared(component="TxCtrlr", variable="X", value="1", source="csms", evse_id=1, cause="reset"),
        "TxCtrlr.X@1 is 1; what csms had set is cleared (reset)",
    ),
    ("session.plugged", CablePlugged(evse_id=1, connector_id=2, at_us=0), "EVSE 1: a vehicle is plugged in at connector 2"),
    ("session.unplugged", CableUnplugged(evse_id=1), "EVSE 1: the vehicle is gone"),
    ("session.unplugged", CableUnplugged(evse_id=1, unseen=True), "EVSE 1: the vehicle is gone; it left while the station was without power"),
    (
        "session.asked",
        AuthorizationAsked(entry=1, evse_ids=(1, 2), token=CARD, token_type="ISO14443"),
        "EVSE 1 or 2: the CSMS is asked about card c10000",
    ),
    ("session.refused", CardRefused(reason="Invalid", entry=1), "the card is refused, Invalid"),
    (
        "session.granted",
        Granted(evse_id=1, token="", token_type="NoAuthorization", trigger="CablePluggedIn", basis="AuthCtrlr.Enabled"),
        "EVSE 1: everybody may charge (CablePluggedIn; AuthCtrlr.Enabled)",
    ),
    (
        "session.granted",
        Granted(evse_id=-1, token=CARD, token_type="", trigger="Authorized", basis="Authorize", evse_ids=(2,)),
        "EVSE 2: card c10000 may charge (Authorized; Authorize)",
    ),
    (
        "session.bound",
        AuthorizationBound(evse_id=2, waiting_id=-1, trigger="CablePluggedIn", energy_wh=7),
        "EVSE 2: taken by the authorization that waited for an EVSE",
    ),
    ("session.profile", ChargingProfileIgnored(remote_start_id=7), "the charging profile of remote start 7 is ignored: there is no smart charging"),
    ("session.refused", CardRefused(reason="Invalid", entry=1, token=CARD), "card c10000 is refused, Invalid"),
    (
        "session.ended",
        AuthorizationEnded(evse_id=1, trigger="StopAuthorized", stopped_reason="Local", token=OTHER_CARD, token_type="ISO14443"),
        "EVSE 1: the authorization is over, StopAuthorized, Local, by card c20000",
    ),
    ("session.blocked", EnergyBlocked(evse_id=1), "EVSE 1: no more energy in this session, the CSMS does not accept the driver"),
    (
        "session.capped",
        EnergyCapped(evse_id=1, until_wh=5000),
        "EVSE 1: energy up to register 5000 Wh only, the CSMS does not accept the driver",
    ),
    ("transaction.started", STARTED, "EVSE 1: transaction abcd-1 began (Authorized), register 1000 Wh, no card"),
    ("transaction.ended", ENDED, "EVSE 1: transaction abcd-1 ended (Local), 5521 Wh delivered"),
    (
        "evse.failed",
        EvseFailed(evse_id=1, failures=2, retry_at_us=AT_US + 4_000_000, detail="contactor welded"),
        "EVSE 1: did not do what it was asked, contactor welded; 2 times by now, asked again in 4.0 s",
    ),
    ("evse.obeyed", EvseObeyed(evse_id=1), "EVSE 1: does what it is asked again"),
    ("internet.failed", InternetFailed(evse_id=1, reason="no route"), "EVSE 1: no internet access for the vehicle, no route"),
    ("storage.plenty", StorageLevelled(level="plenty", used_percent=10), "10 % of the room for the journal is used"),
    ("storage.tight", StorageLevelled(level="tight", used_percent=80), "80 % of the room for the journal is used; it is tight"),
    (
        "storage.full",
        StorageLevelled(level="full", used_percent=95),
        "95 % of the room for the journal is used; no new session starts until there is more",
    ),
]


def turn_of(story: Story, *concluded: Fact, input: Input | None = None) -> Turn:
    """A turn that concluded these facts, a minute after the start."""
    return Turn(seq=len(story.turns), at=AT_US, luck=0, input=input or Woke(), facts=concluded, effects=())


def written(turn: Turn, station: Station) -> list[tuple[str, str]]:
    """The lines of a turn: event and text."""
    return [(name, EVENTS[name].text.format(**fields)) for name, fields in lines_of_turn(turn, station)]


@pytest.mark.parametrize(("name", "fact", "text"), SAMPLES, ids=[f"{name}-{n}" for n, (name, _, _) in enumerate(SAMPLES)])
def test_what_a_line_says(name: str, fact: Fact, text: str) -> None:
    """If this failed, an operator would read something else than the document says, or a unit would be missing."""
    story = Story().boot()
    here = story.station[CONNECTION]
    here.opened_at_us, here.due_us = (1_000, AT_US + 21_340_000) if isinstance(fact, Lost) else (here.opened_at_us, here.due_us)
    story.station[CLOCK].offset_us = WALL_US
    assert written(turn_of(story, fact), story.station) == [(name, text)]


def test_a_token_that_is_not_sealed_is_not_shown_either(story: Story) -> None:
    """If this failed, one path that forgets to seal would put a driver into every log."""
    (line,) = written(turn_of(story, Granted(evse_id=1, token="04C0FFEE", token_type="", trigger="Authorized", basis="Authorize")), story.station)
    assert line == ("session.granted", "EVSE 1: a card may charge (Authorized; Authorize)")


@pytest.mark.parametrize(
    "facts",
    [
        (Released(redial_at_us=1),),
        (BootFailed(reason="link lost", retry_at_us=1),),
        (BootFailed(reason=OFFLINE, retry_at_us=1),),
        (Dropped(entry=1, action="StatusNotification", reason=OFFLINE),),
        (Dropped(entry=1, action="Authorize", reason="link lost"),),
        (Dropped(entry=1, action="BootNotification", reason="no answer in time"),),
        (VariableSet(component="A", variable="B", value="1", old="1", source="csms", cause="BootNotification"),),
        (LinkConfirmed(link=1), FaultCleared()),
    ],
)
def test_what_somebody_knows_already_or_need_not_know_has_no_line(story: Story, facts: tuple[Fact, ...]) -> None:
    """If this failed, the log would say things twice, and nobody would read it any more."""
    assert written(turn_of(story, *facts), story.station) == []


def test_many_messages_that_are_thinned_out_are_one_line(story: Story) -> None:
    """If this failed, a full queue would write sixty lines a minute onto a disk that is full as well."""
    thinned = [Dropped(entry=n, action="TransactionEvent", reason=THINNED) for n in range(3)]
    assert written(turn_of(story, *thinned), story.station) == [("queue.thinned", "3 meter values were left out: the queue of messages is full")]


# Whole stories


class Logged:
    """A story whose turns are logged as they are decided."""

    def __init__(self, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
        self.all: list[tuple[str, str]] = []
        decide = story.when

        def when(input: Input, **more: Any) -> Turn:
            turn = decide(input, **more)
            self.all += written(turn, story.station)
            return turn

        monkeypatch.setattr(story, "when", when)

    def take(self) -> list[tuple[str, str]]:
        """What was logged since the last time."""
        found, self.all = self.all, []
        return found


def test_a_wrong_password_is_said_with_url_identity_reason_and_the_next_try(new_story: NewStory, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, an operator would see a station that does not connect, and nothing of why."""
    profiles = PROFILES.replace(
        "URL", "wss://<sealed:000000000000000000000000000000f5:9:p>@csms.example/ocpp?<sealed:000000000000000000000000000000f6:9:p>"
    )
    story = new_story({"InternalCtrlr.NetworkConnectionProfiles": profiles, "SecurityCtrlr.BasicAuthPassword": SEALED})
    logged = Logged(story, monkeypatch)
    story.start()
    story.wait(1)
    detail = "401 the CSMS does not accept the password of this identity"
    turn = story.when(LinkDown(link=1, reason=reasons.UNAUTHORIZED, detail=detail))
    (gone,) = facts(turn, Lost)
    redial_s = round((gone.redial_at_us - turn.at) / 1e6, 1)
    assert logged.take()[-3:] == [
        ("link.dialling", "link 1: dialling wss://csms.example/ocpp?… as CP001; slot 1, security profile 2"),
        ("link.failed", f"link 1: failed, unauthorized: {detail}; failures in a row: 1; dials again in {redial_s} s"),
        ("security.alarm", f"security event FailedToAuthenticateAtCsms: slot 1: {detail}"),
    ]
    story.when(HoldAsked(hold=True))
    story.when(HoldAsked(hold=False))
    assert logged.take() == [
        ("link.held", "offline until further notice, asked to disconnect"),
        ("link.released", "no longer offline by request"),
    ]


PROFILES = '[{"configurationSlot":1,"connectionData":{"ocppCsmsUrl":"URL","securityProfile":2}}]'


def test_a_session_is_said_from_the_plug_to_its_energy(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, nobody could tell from the log whether anybody charged here today."""
    logged = Logged(story, monkeypatch)
    plug(story)
    card(story)
    charge(story)
    card(story)
    power_off(story)
    unplug(story)
    names = [name for name, _ in logged.all]
    assert [name for name in names if name.startswith(("session", "transaction"))] == [
        "session.plugged", "transaction.started", "session.asked", "session.granted", "session.ended", "transaction.ended", "session.unplugged",
    ]  # fmt: skip
    assert any(re.fullmatch(r"EVSE 1: transaction \S+ ended \(Local\), [0-9]+ Wh delivered", text) for _, text in logged.all)
    assert not any("<sealed:" in text for _, text in logged.all)


def test_a_refused_boot_and_lost_messages_are_said(new_story: NewStory, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, a station that the CSMS does not know would look like one that works, and data would vanish without a word."""
    story = new_story()
    logged = Logged(story, monkeypatch)
    story.start()
    story.refuse(story.connect(), "SecurityError")
    assert "boot.failed" in [name for name, _ in logged.take()]
    turn = story.turns[-1]
    while not effects(turn, Call):
        turn = next(iter(story.wait(1)), turn)
    turn = story.answer(turn, {"status": "Accepted", "interval": 300, "currentTime": "2027-01-15T08:00:00Z"})
    while only(turn.effects, Call).action != "SecurityEventNotification":
        turn = story.answer(turn, {})
    story.refuse(turn)
    assert logged.take()[-1][0] == "message.given_up"
    state = summary(story.station, story.at)
    assert state["queue"]["given_up"] == 1
    assert state["queue"]["last_given_up"] == {"action": "SecurityEventNotification", "reason": "CALLERROR InternalError"}


def test_every_kind_of_line_is_written_by_one_of_these_tests(story: Story) -> None:
    """If this failed, a line would stand in the table that nothing writes."""
    elsewhere = {"link.failed", "link.released", "network.refused"}
    assert {name for name, _, _ in SAMPLES} | elsewhere == EVENTS.keys()
    refused = NetworkRefused(plan=story.station[NETWORK].has, detail="nft: permission denied", retry_at_us=AT_US + 5_000_000)
    assert written(turn_of(story, refused), story.station) == [
        ("network.refused", "the network could not be set up, nft: permission denied; tried again in 5.0 s")
    ]


# What an operator asks for


def test_state_says_why_there_is_no_link_and_when_the_station_dials_again(story: Story) -> None:
    """If this failed, ``stationd ctl state`` would only say that there is none."""
    found = summary(story.station, story.at)
    assert (found["link"]["last_failure"], found["link"]["next_dial"], found["link"]["failed_attempts"]) == (None, None, 0)
    assert found["link"]["open_since"].startswith("2027-01-15T")
    assert (found["boot"]["standing"], found["boot"]["asks_again"]) == ("Accepted", None)
    assert (found["queue"]["given_up"], found["queue"]["last_given_up"]) == (0, None)
    story.when(LinkDown(link=1, reason=reasons.CLOSED_BY_CSMS, detail="1008 who are you"))
    found = summary(story.station, story.at)["link"]
    assert (found["csms_url"], found["slot"], found["identity"], found["open_since"]) == ("ws://localhost:9000", 1, "CP001", None)
    assert (found["last_failure"]["reason"], found["last_failure"]["detail"], found["failed_attempts"]) == ("closed by CSMS", "1008 who are you", 1)
    assert "2027-01-15T08:00:10" <= found["next_dial"] < "2027-01-15T08:00:16"
    # A link that the station closes itself leaves the last failure as it is.
    story.settle(story.connect())
    story.when(HoldAsked(hold=True))
    story.when(LinkDown(link=2, reason=reasons.CLOSED_BY_US))
    found = summary(story.station, story.at)["link"]
    assert (found["last_failure"]["detail"], found["next_dial"], found["held"]) == ("1008 who are you", None, "control")


def test_state_says_when_a_pending_station_asks_again(new_story: NewStory) -> None:
    """If this failed, somebody would wait for a station that waits itself."""
    story = new_story()
    story.start()
    story.answer(story.connect(), {"status": "Pending", "interval": 60, "currentTime": "2027-01-15T08:00:00Z"})
    found = summary(story.station, story.at)["boot"]
    assert (found["standing"], found["asks_again"][:17]) == ("Pending", "2027-01-15T08:01:")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://csms.example:8443/a/b?token=d", "wss://csms.example:8443/a/b?…"),
        ("wss://user:secret@csms.example/a", "wss://csms.example/a"),
        ("wss://<sealed:000000000000000000000000000000f5:9:p>@csms.example", "wss://csms.example"),
        ("wss://csms.example/a?<sealed:000000000000000000000000000000f5:9:p>", "wss://csms.example/a?…"),
        ("wss://csms.example/a@b", "wss://csms.example/a@b"),
        ("csms.example", "csms.example"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_credentials(url: str, shown: str) -> None:
    """If this failed, the log or ``ctl state`` would hold a password that stands in a URL."""
    assert public_url(url) == shown


# The process


def test_a_line_has_its_event_and_fields_for_machines(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    """If this failed, a program that watches the log would have to read sentences."""
    caplog.set_level(logging.INFO, "stationd.station")
    log_turn(turn_of(story, BootPending(retry_at_us=AT_US + 60_000_000)), story.station)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    found = json.loads(JsonLines().format(record))
    assert (found["event"], found["fields"]) == ("boot.pending", {"retry_s": 60.0})
    assert found["message"].startswith("pending: ")


def test_a_level_that_is_not_wanted_costs_no_line(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    """If this failed, a station that logs errors only would write everything all the same."""
    caplog.set_level(logging.ERROR, "stationd.station")
    log_turn(turn_of(story, Opened(link=1, at_us=0)), story.station)
    assert caplog.records == []


def test_a_line_that_cannot_be_made_does_not_stop_the_station(story: Story, caplog: pytest.LogCaptureFixture) -> None:
    """If this failed, a bug in a text would stop what charges vehicles."""
    log_turn(turn_of(story, Failed(entry="x", reason=None, retry_at_us=None)), story.station)  # type: ignore[arg-type]
    assert "could not be logged, which is a bug" in caplog.text


def test_a_live_station_logs_its_link_and_hides_what_the_csms_says_back(caplog: pytest.LogCaptureFixture) -> None:
    """If this failed, a CSMS that quotes the password that it does not like would write it into the log and the journal of every station."""
    caplog.set_level(logging.DEBUG)

    async def story() -> None:
        closing: list[asyncio.Task[None]] = []

        def close_at_once(entry: Entry) -> None:
            if entry.kind == "open":
                closing.append(asyncio.get_running_loop().create_task(csms.close(entry.identity, 1008, f"{PASSWORD} is wrong")))

        async with FriendlyCsms(port=0, passwords={"CP001": PASSWORD}, observer=close_at_once, on_call=lambda *_: Instead.WITHHOLD) as csms:
            async with LiveStation(csms.url, password=PASSWORD) as station:
                station.daemon.observers.append(log_turn)
                await station.happened(Lost)
                rows = b"".join(row for _, row in station.journal.rows())
                assert b"1008 <secret> is wrong" in rows
                assert PASSWORD.encode() not in rows
            await asyncio.gather(*closing)

    asyncio.run(story())
    assert "link 1: lost after 0.0 s, closed by CSMS: 1008 <secret> is wrong; failures in a row: 1; dials again in 1" in caplog.text
    assert PASSWORD not in caplog.text


def test_an_action_that_is_not_built_is_said_once_and_again_for_another(caplog: pytest.LogCaptureFixture) -> None:
    """If this failed, nobody would know why a feature of the CSMS does nothing, or the log would be full of it."""
    asked: list[tuple[str, dict[str, Any]]] = [("ClearCache", {}), ("ClearCache", {}), ("GetLocalListVersion", {})]
    asked += [("SetVariables", {"setVariableData": []})] * 2

    async def story() -> None:
        async with FriendlyCsms(port=0) as csms, LiveStation(csms.url) as station:
            await station.happened(BootAccepted)
            for action, payload in asked:
                with pytest.raises(Exception, match=r"NotSupported|OccurrenceConstraintViolation"):
                    await csms.call("CP001", action, payload)

    asyncio.run(story())
    assert [record.getMessage() for record in caplog.records if record.name == "stationd.csms"] == [
        "the ClearCache of the CSMS is answered with NotSupported: this station does not support the action",
        "the GetLocalListVersion of the CSMS is answered with NotSupported: this station does not support the action",
        "the SetVariables of the CSMS is answered with OccurrenceConstraintViolation: $.setVariableData: must have >= 1 elements",
    ]
