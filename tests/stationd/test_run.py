"""The daemon as its user meets it: what it refuses and how it says so, and what it answers to frames that are none."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from component_config.load import load, shipped
from eventlog.codec import decode, encode
from eventlog.journal import Journal
from sim.evse import parse_topology
from stationd.__main__ import COMMANDS
from stationd.csms import FriendlyCsms
from stationd.run import mismatch
from tests.stationd.conftest import Child, Start, run
from tests.waiting import PATIENCE_S


def test_a_second_daemon_on_the_same_data_directory_is_refused(start: Start, tmp_path: Path, nobody: str) -> None:
    """If this failed, two daemons would write one journal."""
    first = start()
    first.ask("state")

    second = run("run", "--csms", f"ws://{nobody}", "--data", str(tmp_path / "cp"))

    assert second.returncode == 3
    assert "another stationd has this data directory open" in second.stderr
    assert str(first.process.pid) in second.stderr


def test_a_journal_of_a_newer_build_is_refused(tmp_path: Path, nobody: str) -> None:
    """If this failed, an older build would misread what a newer one wrote."""
    journal = Journal(tmp_path / "journal", entropy=lambda n: b"\1" * n)
    about = decode(journal.meta("about") or b"")
    journal.put_meta("about", encode({**about, "build": "9.9.9", "records": [*about["records"], [60_000, "Unheard", 1, []]]}))
    journal.close()

    found = run("run", "--csms", f"ws://{nobody}", "--data", str(tmp_path))

    assert found.returncode == 4
    assert "9.9.9" in found.stderr


def test_a_directory_that_cannot_be_written_is_refused(tmp_path: Path, nobody: str) -> None:
    """If this failed, a station would run without a journal."""
    (tmp_path / "file").write_text("in the way")

    found = run("run", "--csms", f"ws://{nobody}", "--data", str(tmp_path / "file"))

    assert found.returncode == 5
    assert "--data DIR" in found.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--csms", "http://localhost"), "--csms http://localhost"),
        (("--csms", "wss://CP1:secret@localhost"), "--csms: must not carry a user or password"),
        (("--identity", "a/b"), "--identity"),
        (("--topology", "/nowhere.json"), "/nowhere.json"),
        (("--component-config", "/nowhere"), "/nowhere"),
    ],
)
def test_a_wrong_option_is_named(words: tuple[str, ...], named: str, tmp_path: Path) -> None:
    """If this failed, a typing error would look like a broken station."""
    found = run("run", "--data", str(tmp_path), *words)

    assert found.returncode == 2
    assert named in found.stderr
    assert "Traceback" not in found.stderr
    assert "secret" not in found.stderr


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_help_has_an_example(command: str) -> None:
    """If this failed, a user would have to guess."""
    found = run(command, "--help")

    assert found.returncode == 0
    assert "example" in found.stdout


def test_help_knows_every_command() -> None:
    """If this failed, a command could not be found."""
    found = run("--help")

    assert all(command in found.stdout for command in COMMANDS)


def test_help_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, help would be cut, or waste the width there is."""
    widest = []
    for columns in ("60", "200", "none"):
        monkeypatch.setenv("COLUMNS", columns)
        options = run("run", "--help").stdout.partition("options:")[2].partition("example:")[0]
        widest.append(max(map(len, options.splitlines())))

    assert widest[0] <= 58
    assert widest[1] > 78
    assert widest[2] <= 78


def test_bad_requests_are_told_what_is_wrong(start: Start) -> None:
    """If this failed, a test that drives the station would not know why nothing happens."""
    station = start()

    assert "not JSON" in station.say(b"{")["error"]
    assert '"verb"' in station.say(b"[]")["error"]
    assert "known are" in station.ask("dance")["error"]
    assert "evse" in station.ask("plug_in", evse=9)["error"]
    assert "token" in station.ask("swipe")["error"]
    assert "colour" in station.ask("plug_in", evse=1, colour="red")["error"]
    assert "services" in station.ask("select_services", evse=1, services="all")["error"]
    assert station.ask("state")["ok"]


def test_a_card_that_cannot_exist_is_told_to_whoever_presents_it(start: Start) -> None:
    """If this failed, a CSMS that refuses the card would look like a station that does not work."""
    station = start()

    assert "4 or 7 or 10 bytes" in station.ask("swipe", token="04AABBCCDD")["result"]["warning"]
    assert station.ask("swipe", token="04AABBCCDDEE80")["result"] is None
    told = run("ctl", "--data", str(station.data), "swipe", "token=04AABBCCDD")
    assert (told.returncode, told.stdout) == (0, "")
    assert told.stderr.startswith("stationd: warning: token: the UID of an ISO14443 card has")
    assert "04AABBCCDD" not in told.stderr


def test_a_stale_control_socket_is_replaced(start: Start, tmp_path: Path) -> None:
    """If this failed, a station could not be worked after a power cut."""
    (tmp_path / "cp").mkdir()
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(tmp_path / "cp" / "control.sock"))
    stale.close()

    assert start().ask("state")["ok"]


def with_csms(start: Start, story: Any, **settings: Any) -> None:
    """Run *story(station, csms)* beside a friendly CSMS."""

    async def go() -> None:
        async with FriendlyCsms(port=0, **settings) as csms:
            station = start("--csms", csms.url, "--identity", "CP1")
            await csms.connected("CP1", timeout_s=PATIENCE_S)
            await csms.heard("CP1", "StatusNotification", timeout_s=PATIENCE_S)
            await story(station, csms)

    asyncio.run(go())


def test_sigterm_says_goodbye_and_the_next_start_folds_nothing(start: Start) -> None:
    """If this failed, an orderly stop would look like a power cut to the CSMS, and the next start would be long."""

    async def story(station: Child, csms: FriendlyCsms) -> None:
        status = await asyncio.to_thread(station.stop, signal.SIGTERM)
        gone = await csms.seen(lambda entry: entry.kind == "closed", timeout_s=PATIENCE_S)

        assert status == 0
        assert "1001" in str(gone.payload)
        # Some message may wait still, and is this station's to tell.
        again = start("--identity", "CP1")
        await asyncio.to_thread(again.ask, "state")
        assert ", 0 folded since the last snapshot" in again.text()

    with_csms(start, story)


@pytest.mark.parametrize(
    ("version", "frame", "answer"),
    [
        ("2.1", "nonsense", ["-1", "RpcFrameworkError"]),
        ("2.1", '{"a":1}', ["-1", "RpcFrameworkError"]),
        ("2.1", b"\x00\x01", ["-1", "RpcFrameworkError"]),
        ("2.1", "[" * 5000 + "]" * 5000, ["-1", "RpcFrameworkError"]),
        ("2.1", '[2,"","GetVariables",{}]', ["-1", "RpcFrameworkError"]),
        ("2.1", '[2,"m","GetVariables",{"a":NaN}]', ["m", "FormatViolation"]),
        ("2.1", '[2,"m","GetVariables",{"a":"\\ud800"}]', ["m", "FormatViolation"]),
        ("2.1", '[2,"m","GetVariables",{"getVariableData":[],"getVariableData":[]}]', ["m", "FormatViolation"]),
        ("2.1", '[2,"m","GetVariables",{}]', ["m", "OccurrenceConstraintViolation"]),
        ("2.1", '[2,"m","GetVariables",{"getVariableData":7}]', ["m", "TypeConstraintViolation"]),
        ("2.1", '[2,"m","Dance",{}]', ["m", "NotImplemented"]),
        ("2.1", '[2,"m","Reset",{"type":"Immediate"}]', ["m", "NotSupported"]),
        ("2.0.1", '[2,"m","GetTariffs",{"evseId":1}]', ["m", "NotImplemented"]),
        ("2.0.1", '[9,"m","what"]', ["m", "MessageTypeNotSupported"]),
    ],
)
def test_a_frame_that_is_none_gets_the_specified_error(start: Start, version: str, frame: str | bytes, answer: list[str]) -> None:
    """If this failed, a CSMS's mistake would be met with silence, another error, or the end of the link."""

    async def story(station: Child, csms: FriendlyCsms) -> None:
        await csms.send_raw("CP1", frame)
        heard = await csms.seen(lambda entry: not entry.sent and entry.kind in ("CALLERROR", "garbage"), timeout_s=PATIENCE_S)
        text = json.dumps(heard.payload) if heard.kind == "CALLERROR" else str(heard.payload)

        assert heard.message_id == answer[0] or f'"{answer[0]}"' in text
        assert answer[1] in text
        assert (await csms.call("CP1", "GetVariables", GET, timeout_s=PATIENCE_S))["getVariableResult"][0]["attributeStatus"] == "Accepted"

    with_csms(start, story, versions=(version,))


def test_an_unknown_message_type_is_ignored_under_2_1(start: Start) -> None:
    """If this failed, a station would answer what 2.1 says to ignore."""

    async def story(station: Child, csms: FriendlyCsms) -> None:
        await csms.send_raw("CP1", '[9,"m","what"]')
        await csms.call("CP1", "GetVariables", GET, timeout_s=PATIENCE_S)
        assert not [entry for entry in csms.log["CP1"] if not entry.sent and entry.kind in ("CALLERROR", "garbage")]

    with_csms(start, story, versions=("2.1",))


def test_an_oversized_message_ends_the_link_and_the_station_comes_back(start: Start) -> None:
    """If this failed, one message could fill the memory, or keep the station offline."""

    async def story(station: Child, csms: FriendlyCsms) -> None:
        await csms.send_raw("CP1", '[2,"m","GetVariables",{"a":"' + "x" * (2 << 20) + '"}]')
        gone = await csms.seen(lambda entry: entry.kind == "closed", timeout_s=PATIENCE_S)
        assert "1009" in str(gone.payload)
        assert (await asyncio.to_thread(station.ask, "connect"))["ok"]
        await csms.connected("CP1", timeout_s=PATIENCE_S)

    with_csms(start, story)


def test_a_csms_without_a_common_version_is_left_and_told_why(start: Start) -> None:
    """If this failed, a station would talk to a CSMS that understands nothing."""

    async def go() -> None:
        async with FriendlyCsms(port=0, versions=(), keeps_strangers=True) as csms:
            station = start("--csms", csms.url, "--identity", "CP1")
            gone = await csms.seen(lambda entry: entry.kind == "closed", timeout_s=PATIENCE_S)
            assert "no common OCPP version" in str(gone.payload)
            assert not [entry for entry in csms.log["CP1"] if entry.kind == "CALL"]
            await asyncio.to_thread(station.until, lambda state: state["link"]["phase"] == "down")

    asyncio.run(go())


def test_the_log_says_what_becomes_of_the_link_and_of_a_session(start: Start) -> None:
    """If this failed, the log would be silent about all that an operator needs: URL, refusal, acceptance, the session and its energy."""

    async def story(station: Child, csms: FriendlyCsms) -> None:
        assert (await asyncio.to_thread(station.ask, "plug_in", evse=1))["ok"]
        assert (await asyncio.to_thread(station.ask, "swipe", token="04C0FFEE77"))["ok"]
        await asyncio.to_thread(station.until, lambda state: "token" in state["evses"][0])
        assert (await asyncio.to_thread(station.ask, "swipe", token="04C0FFEE77"))["ok"]
        assert (await asyncio.to_thread(station.ask, "plug_out", evse=1))["ok"]
        await asyncio.to_thread(station.until, lambda _: "Wh delivered" in station.text())
        csms.refuse_with = 404
        csms.drop("CP1")
        await asyncio.to_thread(station.until, lambda state: state["link"]["last_failure"] is not None)
        assert (await asyncio.to_thread(station.ask, "connect"))["ok"]
        state = await asyncio.to_thread(station.until, lambda state: state["link"]["last_failure"]["reason"] == "refused")
        assert state["link"]["last_failure"]["detail"] == "404 the CSMS does not know this identity or this path"
        assert state["link"]["next_dial"]
        await asyncio.to_thread(station.stop)
        text = station.text()
        for line in (
            f"link 1: dialling {csms.url} as CP1; slot 1, security profile 0",
            "link 1: open, OCPP 2.1",
            "accepted by the CSMS; a heartbeat every",
            "EVSE 1: a vehicle is plugged in at connector 1",
            "link 1: lost after",
            "link 2: failed, refused: 404 the CSMS does not know this identity or this path; failures in a row: 1; dials again in",
            "offline until further notice, the station stops",
        ):
            assert line in text, f"{line}\n{text}"
        assert re.search(r"EVSE 1: transaction \S+ ended \(Local\), [0-9]+ Wh delivered", text), text
        assert re.search(r"EVSE 1: card [0-9a-f]{6} may charge", text), text
        assert "04C0FFEE77" not in text

    with_csms(start, story)


GET = {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]}


def test_hardware_that_the_files_do_not_declare_is_told() -> None:
    """Nobody can charge at a connector that the device model does not know, and the reason must not be a riddle."""
    declared = load([shipped()], lambda text, purpose: f"{purpose} of {len(text)}").declarations
    assert mismatch(declared, parse_topology({})) == ""
    assert mismatch(declared, parse_topology({"evses": [{}, {"connectors": 2}]})) == (
        "connector 2 of EVSE 2 is there and no component file declares it: nobody can charge at it"
    )
    assert mismatch(declared, parse_topology({"evses": [{}]})) == "connector 1 of EVSE 2 is declared and not there: it stays silent"
