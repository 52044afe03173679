"""The friendly CSMS, asked by a station that is a bare WebSocket.

Law: its answers are judged by the ``ocpp`` package, which it does not use itself; every wait is for something that happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ocpp.messages import Call, CallResult, _validate_payload
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from engine.errors import SetupFault
from stationd.csms import Entry, FriendlyCsms, Hooked, Instead, NoAnswer, NotConnected, Refusal
from stationd.csms_answers import Settings, draft, minimal, schema
from stationd.csms_command import read_passwords
from stationd.csms_prompt import Prompt, summary, variable
from tests.waiting import PATIENCE_S
from wire import names

NOON = datetime(2026, 1, 2, 13, 0, 0, 123999, tzinfo=timezone(timedelta(hours=1)))
NOW = "2026-01-02T12:00:00.123Z"
CARD = "04AABBCCDDEE80"

ALL_ACTIONS = [(version, action) for version in ("2.0.1", "2.1") for action in sorted(names.FROM_STATION) if names.is_known(version, action)]


def run(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story on a loop of its own, with a limit that only a failing one reaches."""

    async def limited() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await story()

    asyncio.run(limited())


def friendly(**options: Any) -> FriendlyCsms:
    """A CSMS on a free port whose clock stands still."""
    return FriendlyCsms(port=0, **{"clock": lambda: NOON, **options})


@contextlib.asynccontextmanager
async def station(
    csms: FriendlyCsms, identity: str = "CP1", version: str = "2.1", offered: list[str] | None = None, credentials: bytes | None = None
) -> AsyncIterator[ClientConnection]:
    """A link to the CSMS."""
    headers = {} if credentials is None else {"Authorization": f"Basic {b64encode(credentials).decode()}"}
    protocols: Any = [f"ocpp{version}"] if offered is None else offered
    limits: dict[str, Any] = {"open_timeout": PATIENCE_S, "ping_interval": None, "close_timeout": PATIENCE_S}
    async with connect(f"{csms.url}/{identity}", subprotocols=protocols, additional_headers=headers, proxy=None, **limits) as socket:
        yield socket


async def ask(socket: ClientConnection, action: str, request: Any, message_id: str = "m1") -> Any:
    """A CALL and the frame that comes back."""
    await socket.send(json.dumps([2, message_id, action, request]))
    return json.loads(await socket.recv())


def judge(version: str, action: str, response: Any) -> None:
    """Let the ``ocpp`` package say whether a response keeps its schema."""
    _validate_payload(CallResult("m1", response, action), version)


def request_of(version: str, action: str) -> Any:
    """The smallest valid request."""
    found = schema(version, f"{action}Request")
    assert found is not None
    made = minimal(found, NOW)
    _validate_payload(Call("m1", action, made), version)
    return made


# Answers


@pytest.mark.parametrize(("version", "action"), ALL_ACTIONS)
def test_every_action_of_a_station_is_answered_as_its_schema_wants(version: str, action: str) -> None:
    """Broken: a station that does something new would wait for ever, or complain about the CSMS and not about itself."""

    async def story() -> None:
        async with friendly() as csms, station(csms, version=version) as socket:
            got = await ask(socket, action, request_of(version, action))
            assert got[:2] == [3, "m1"], got
            judge(version, action, got[2])
            assert csms.problems() == []

    run(story)


@pytest.mark.parametrize(("version", "action"), ALL_ACTIONS)
def test_an_answer_can_be_made_from_every_schema(version: str, action: str) -> None:
    """Broken: an action without a friendly answer would get an invalid one."""
    found = schema(version, f"{action}Response")
    assert found is not None
    judge(version, action, minimal(found, NOW))


def test_the_answers_that_matter() -> None:
    """Broken: the station would take a wrong time, interval or card from the CSMS that it is tried with."""

    async def story() -> None:
        settings = Settings(interval_s=42, blocked_tokens=["04dead"])
        async with friendly(settings=settings) as csms, station(csms) as socket:
            boot = request_of("2.1", "BootNotification")
            assert (await ask(socket, "BootNotification", boot))[2] == {"currentTime": NOW, "interval": 42, "status": "Accepted"}
            assert (await ask(socket, "Heartbeat", {}))[2] == {"currentTime": NOW}
            card, dead = {"idToken": CARD, "type": "ISO14443"}, {"idToken": "04DEAD", "type": "ISO14443"}
            assert (await ask(socket, "Authorize", {"idToken": card}))[2] == {"idTokenInfo": {"status": "Accepted"}}
            assert (await ask(socket, "Authorize", {"idToken": dead}))[2] == {"idTokenInfo": {"status": "Blocked"}}
            contract = (await ask(socket, "Authorize", {"idToken": card, "certificate": "PEM"}))[2]
            assert contract == {"idTokenInfo": {"status": "Accepted"}, "certificateStatus": "Accepted"}
            started = request_of("2.1", "TransactionEvent")
            assert (await ask(socket, "TransactionEvent", started))[2] == {}
            assert (await ask(socket, "TransactionEvent", {**started, "idToken": dead}))[2] == {"idTokenInfo": {"status": "Blocked"}}
            assert (await ask(socket, "SignCertificate", {"csr": "PEM"}))[2]["status"] == "Rejected"
            assert (await ask(socket, "VatNumberValidation", {"vatNumber": "NL1", "evseId": 2}))[2] == {
                "vatNumber": "NL1",
                "status": "Accepted",
                "evseId": 2,
            }
            csms.settings.boot_status = "Pending"
            assert (await ask(socket, "BootNotification", boot))[2]["status"] == "Pending"

    run(story)


@pytest.mark.parametrize(
    ("version", "action", "request_payload", "code"),
    [
        ("2.1", "Teleport", {}, "NotImplemented"),
        ("2.1", "SetVariables", {"setVariableData": []}, "NotSupported"),
        ("2.0.1", "BatterySwap", {}, "NotImplemented"),
        ("2.1", "BootNotification", {"reason": "PowerUp"}, "OccurrenceConstraintViolation"),
        ("2.1", "Authorize", {"idToken": {"idToken": 5, "type": "ISO14443"}}, "TypeConstraintViolation"),
    ],
)
def test_a_call_that_is_wrong_is_refused_and_remembered(version: str, action: str, request_payload: Any, code: str) -> None:
    """Broken: a station's invalid message would look fine at the desk and fail in the field."""

    async def story() -> None:
        async with friendly() as csms, station(csms, version=version) as socket:
            got = await ask(socket, action, request_payload)
            assert got[:3] == [4, "m1", code]
            assert [entry.action for entry in csms.problems()] == [action]

    run(story)


def test_a_csms_that_does_not_check_answers_what_it_can() -> None:
    """Broken: the option would do nothing."""

    async def story() -> None:
        async with friendly(check=False) as csms, station(csms) as socket:
            assert (await ask(socket, "BootNotification", {}))[0] == 3
            assert (await ask(socket, "Authorize", {}))[:3] == [4, "m1", "FormatViolation"]
            assert (await ask(socket, "Teleport", {}))[:3] == [4, "m1", "NotImplemented"]

    run(story)


# Frames


@pytest.mark.parametrize(
    "garbage", ["", "no json", "[]", "{}", "[[2]]", "[true,1]", '[2,"m1","Heartbeat"]', '[2,5,"Heartbeat",{}]', '[3,"m",[]]', b"\x00"]
)
def test_what_is_no_frame_is_remembered_and_the_link_lives_on(garbage: str | bytes) -> None:
    """Broken: the CSMS would die of the very faults that it is there to find."""

    async def story() -> None:
        async with friendly() as csms, station(csms) as socket:
            await socket.send(garbage)
            assert (await ask(socket, "Heartbeat", {}))[0] == 3
            assert [entry.kind for entry in csms.problems()] == ["garbage"]

    run(story)


def test_unconfirmed_messages_are_heard_and_not_answered() -> None:
    """Broken: a periodic event stream (2.1) would be answered, which its sender does not expect."""

    async def story() -> None:
        async with friendly() as csms, station(csms) as socket:
            await socket.send(
                json.dumps([6, "s1", "NotifyPeriodicEventStream", {"id": 1, "pending": 0, "basetime": NOW, "data": [{"t": 0, "v": "1"}]}])
            )
            await socket.send(json.dumps([5, "x", "InternalError", "", {}]))
            assert (await ask(socket, "Heartbeat", {}))[0] == 3
            assert (await csms.heard("CP1", "NotifyPeriodicEventStream"))["id"] == 1
            assert csms.problems() == []

    run(story)


def test_the_log_is_bounded_and_kept_over_links() -> None:
    """Broken: a soak test would fill the memory, or what came before a reconnection would be gone."""

    async def story() -> None:
        closed = asyncio.Event()

        def watch(entry: Entry) -> None:
            if entry.kind == "closed":
                closed.set()

        async with friendly(log_most=6, observer=watch) as csms:
            for _ in range(2):
                closed.clear()
                async with station(csms) as socket:
                    await ask(socket, "Heartbeat", {})
                await closed.wait()
            kinds = [entry.kind for entry in csms.log["CP1"]]
            assert kinds == ["CALLRESULT", "closed", "open", "CALL", "CALLRESULT", "closed"][-6:]

    run(story)


# Calling a station


def test_calls_to_a_station_wait_for_each_other() -> None:
    """Broken: two CALLs would be outstanding in one direction (Part 4, 4.1.1)."""

    async def story() -> None:
        async with friendly() as csms, station(csms) as socket:
            await csms.connected("CP1")
            first = asyncio.ensure_future(csms.call("CP1", "GetLocalListVersion", {}))
            second = asyncio.ensure_future(csms.call("CP1", "ClearCache"))
            got = json.loads(await socket.recv())
            assert (got[0], got[2], got[3]) == (2, "GetLocalListVersion", {})
            # The station's own CALL goes past.
            await socket.send(json.dumps([2, "m9", "Heartbeat", {}]))
            assert json.loads(await socket.recv())[:2] == [3, "m9"]
            assert not second.done()
            await socket.send(json.dumps([3, got[1], {"versionNumber": 7}]))
            assert await first == {"versionNumber": 7}
            later = json.loads(await socket.recv())
            assert later[2] == "ClearCache"
            assert later[1] != got[1]
            await socket.send(json.dumps([4, later[1], "NotSupported", "no cache", {"a": 1}]))
            with pytest.raises(Refusal, match="NotSupported: no cache") as refused:
                await second
            assert refused.value.details == {"a": 1}

    run(story)


def test_a_station_that_does_not_answer() -> None:
    """Broken: a test of the station would hang, or take a late answer for the next one."""

    async def story() -> None:
        async with friendly() as csms:
            with pytest.raises(NotConnected, match="CP1"):
                await csms.call("CP1", "ClearCache")
            async with station(csms) as socket:
                await csms.connected("CP1")
                with pytest.raises(NoAnswer, match="ClearCache was not answered within"):
                    await csms.call("CP1", "ClearCache", timeout_s=0.01)
                late = json.loads(await socket.recv())[1]
                await socket.send(json.dumps([3, late, {"status": "Accepted"}]))
                await csms.seen(lambda entry: entry.problem == "an answer to nothing that was asked")
                hanging = asyncio.ensure_future(csms.call("CP1", "ClearCache"))
                queued = asyncio.ensure_future(csms.call("CP1", "ClearCache"))
                await socket.recv()
            for waiting in (hanging, queued):
                with pytest.raises(NoAnswer, match="the link ended"):
                    await waiting

    run(story)


def test_an_answer_that_breaks_its_schema_is_remembered() -> None:
    """Broken: a station's invalid answers would pass."""

    async def story() -> None:
        async with friendly() as csms, station(csms) as socket:
            await csms.connected("CP1")
            asked = asyncio.ensure_future(csms.call("CP1", "ClearCache", {}))
            await socket.send(json.dumps([3, json.loads(await socket.recv())[1], {"status": "Perhaps"}]))
            assert await asked == {"status": "Perhaps"}
            assert [entry.problem for entry in csms.problems()] == ["$.status: is none of the allowed values"]

    run(story)


def test_requests_are_drafted_where_they_can_be() -> None:
    """Broken: trying an action would mean writing its JSON, or rubbish would be sent."""

    async def story() -> None:
        async with friendly() as csms, station(csms):
            await csms.connected("CP1")
            for action in ("GetBaseReport", "Reset", "TriggerMessage", "UnlockConnector", "ClearCache", "GetReport", "SetMonitoringBase"):
                _validate_payload(Call("m", action, csms.draft("CP1", action)), "2.1")
            assert csms.draft("CP1", "GetBaseReport")["requestId"] != csms.draft("CP1", "GetBaseReport")["requestId"]
            with pytest.raises(ValueError, match=r"SetVariables needs setVariableData\[\]\.attributeValue \(string\)"):
                csms.draft("CP1", "SetVariables")
            with pytest.raises(ValueError, match=r"2\.1 has no such action"):
                csms.draft("CP1", "Teleport")

    run(story)


def test_what_a_draft_does_not_complain_about_is_valid() -> None:
    """Broken: the prompt would send invalid requests of its own making."""
    for version in ("2.0.1", "2.1"):
        for action in sorted(action for action in names.actions(version) if names.from_csms(version, action)):
            found = schema(version, f"{action}Request")
            assert found is not None
            made, missing = draft(found, 7, NOW)
            if not missing:
                _validate_payload(Call("m", action, made), version)


# Hooks


def test_a_hook_answers_otherwise_late_or_not_at_all() -> None:
    """Broken: tests of the station could not make the CSMS misbehave."""

    async def story() -> None:
        held = asyncio.Event()

        async def late() -> Hooked:
            await held.wait()
            return {"currentTime": "late"}

        def on_call(identity: str, action: str, request: Any) -> Any:
            assert identity == "CP1"
            match action, request.get("vendorId"):
                case "Heartbeat", _:
                    return late()
                case "DataTransfer", "mine":
                    return {"status": "Accepted", "data": "x"}
                case "DataTransfer", "nothing":
                    return Instead.WITHHOLD
                case "DataTransfer", "refuse":
                    return Refusal("InternalError", "no")
                case "DataTransfer", "raise":
                    raise Refusal("SecurityError")
                case "DataTransfer", "drop":
                    return Instead.DROP
            return None

        async with friendly(on_call=on_call) as csms, station(csms) as socket:
            await socket.send(json.dumps([2, "slow", "Heartbeat", {}]))
            await socket.send(json.dumps([2, "never", "DataTransfer", {"vendorId": "nothing"}]))
            assert (await ask(socket, "DataTransfer", {"vendorId": "mine"}))[2] == {"status": "Accepted", "data": "x"}
            assert (await ask(socket, "DataTransfer", {"vendorId": "other"}))[2] == {"status": "UnknownVendorId"}
            assert await ask(socket, "DataTransfer", {"vendorId": "refuse"}) == [4, "m1", "InternalError", "no", {}]
            assert await ask(socket, "DataTransfer", {"vendorId": "raise"}) == [4, "m1", "SecurityError", "", {}]
            held.set()
            assert json.loads(await socket.recv()) == [3, "slow", {"currentTime": "late"}]
            with pytest.raises(ConnectionClosed):
                await ask(socket, "DataTransfer", {"vendorId": "drop"})

    run(story)


def test_a_hook_that_fails_fails_its_test() -> None:
    """Broken: an assertion within a hook would be swallowed, and the test would pass."""

    async def story() -> None:
        async def later() -> Hooked:
            raise AssertionError("in a hook, later")

        for hook, error in (
            (lambda *_: 1 / 0, ZeroDivisionError),
            (lambda *_: later(), AssertionError),
            (lambda *_: "rubbish", TypeError),
        ):
            csms = friendly(on_call=hook)
            await csms.start()
            async with station(csms) as socket:
                await socket.send(json.dumps([2, "m1", "Heartbeat", {}]))
                await csms.heard("CP1", "Heartbeat")
                await socket.send(json.dumps([3, "marker", {}]))
                await csms.seen(lambda entry: entry.message_id == "marker")
            with pytest.raises(error):
                await csms.stop()

    run(story)


def test_links_are_cut_and_closed_on_request() -> None:
    """Broken: no test could show what the station does when its link goes."""

    async def story() -> None:
        async with friendly() as csms:
            async with station(csms) as socket:
                await csms.connected("CP1")
                await csms.send_raw("CP1", "rubbish")
                await csms.send_raw("CP1", b"\x01")
                assert [await socket.recv(), await socket.recv()] == ["rubbish", b"\x01"]
                csms.drop("CP1")
                with pytest.raises(ConnectionClosed) as ended:
                    await socket.recv()
                assert ended.value.rcvd is None
            async with station(csms, "CP2") as socket:
                await csms.connected("CP2")
                await asyncio.gather(csms.close("CP2", 1012, "restart"), socket.wait_closed())
                assert (socket.close_code, socket.close_reason) == (1012, "restart")

    run(story)


# Who may come in


def test_passwords_are_compared_as_bytes() -> None:
    """Broken: a wrong password would be let in, or one that is no text be refused (A00.FR.204)."""

    async def story() -> None:
        async with friendly(passwords={"CP1": b"\xff:secret", "*": "for anybody"}) as csms:
            async with station(csms, credentials=b"CP1:\xff:secret"):
                await csms.connected("CP1")
            async with station(csms, "CP2", credentials=b"CP2:for anybody"):
                await csms.connected("CP2")
            for wrong in (b"CP1:\xff:Secret", b"CP1:", b"CP2:\xff:secret", b"", None):
                with pytest.raises(InvalidStatus) as refused:
                    async with station(csms, credentials=wrong):
                        pass
                assert refused.value.response.status_code == 401
                assert "Basic" in refused.value.response.headers["WWW-Authenticate"]
        async with friendly(passwords={"CP1": "x"}) as csms:
            with pytest.raises(InvalidStatus, match="404"):
                async with station(csms, "CP2", credentials=b"CP2:x"):
                    pass

    run(story)


def test_refusals_and_bad_paths() -> None:
    """Broken: a test could not play a CSMS that is being maintained."""

    async def story() -> None:
        async with friendly() as csms:
            csms.refuse_with = 503
            with pytest.raises(InvalidStatus, match="503"):
                async with station(csms):
                    pass
            csms.refuse_with = None
            for path in ("", "x" * 49):
                with pytest.raises(InvalidStatus, match="404"):
                    async with station(csms, path):
                        pass
            async with station(csms, "a/b/RDAM%7C1"):
                await csms.connected("RDAM|1")

    run(story)


def test_the_version_is_the_stations_preference_among_ours() -> None:
    """Broken: the link would speak a version that one end did not offer (Part 4, 3.1.2)."""

    async def story() -> None:
        async with friendly() as csms, station(csms, offered=["ocpp1.6", "ocpp2.0.1", "ocpp2.1"]) as socket:
            assert socket.subprotocol == "ocpp2.0.1"
            await csms.connected("CP1")
            assert csms.stations == {"CP1": "2.0.1"}
        async with friendly(versions=()) as csms, station(csms) as socket:
            assert socket.subprotocol is None
            await socket.wait_closed()
            assert socket.close_code == 1002
            assert csms.stations == {}
        async with friendly(versions=("2.0.1",), keeps_strangers=True) as csms, station(csms) as socket:
            assert socket.subprotocol is None
            await socket.ping()
            await socket.close()
        with pytest.raises(SetupFault, match=r"1\.6"):
            friendly(versions=("1.6",))

    run(story)


def test_the_newest_link_of_an_identity_counts() -> None:
    """Broken: after a power cut, calls would go into the dead link of before."""

    async def story() -> None:
        async with friendly() as csms, station(csms) as old:
            await csms.connected("CP1")
            async with station(csms) as new:
                await old.wait_closed()
                await csms.seen(lambda entry: entry.kind == "closed")
                asked = asyncio.ensure_future(csms.call("CP1", "ClearCache"))
                await new.send(json.dumps([3, json.loads(await new.recv())[1], {"status": "Accepted"}]))
                assert (await asked)["status"] == "Accepted"

    run(story)


def test_a_port_that_is_taken_is_told_with_a_remedy() -> None:
    """Broken: a second CSMS on the desk would end in a traceback."""

    async def story() -> None:
        async with friendly() as csms:
            with pytest.raises(SetupFault, match="--port"):
                await FriendlyCsms(port=csms.port).start()

    run(story)


def test_a_file_of_passwords(tmp_path: Path) -> None:
    """Broken: a password would have to be on the command line, or a bad line would be shown with what is in it."""
    path = tmp_path / "passwords"
    path.write_bytes(b"CP1:a:b\n\n*:\xff\r\n")
    assert read_passwords(path) == {"CP1": b"a:b", "*": b"\xff"}
    path.write_bytes(b"CP1:x\nsecret without a colon\n")
    with pytest.raises(SetupFault, match="line 2: must be IDENTITY:PASSWORD") as fault:
        read_passwords(path)
    assert "secret" not in str(fault.value)
    with pytest.raises(SetupFault, match="cannot be read"):
        read_passwords(tmp_path / "none")


# The prompt


async def answering(socket: ClientConnection, *payloads: Any) -> list[Any]:
    """Answer as many CALLs as there are *payloads*; what was asked."""
    asked = []
    for payload in payloads:
        got = json.loads(await socket.recv())
        asked.append(got[2:])
        _validate_payload(Call("m", got[2], got[3]), "2.1")
        await socket.send(json.dumps([3, got[1], payload]))
    return asked


def test_the_short_forms_of_the_prompt() -> None:
    """Broken: what is typed would not be what is sent."""

    async def story() -> None:
        shown: list[str] = []
        async with friendly() as csms, station(csms) as socket:
            await csms.connected("CP1")
            prompt = Prompt(csms, shown.append)

            async def says(line: str, answer: Any) -> Any:
                asked = asyncio.ensure_future(answering(socket, answer))
                assert await prompt.line(line), shown
                return (await asked)[0]

            target = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
            got = {"getVariableResult": [{**target, "attributeStatus": "Accepted", "attributeValue": "300"}]}
            assert await says("get OCPPCommCtrlr/HeartbeatInterval", got) == ["GetVariables", {"getVariableData": [target]}]
            assert shown[-1] == "OCPPCommCtrlr/HeartbeatInterval = 300"
            done = {"setVariableResult": [{**target, "attributeStatus": "Accepted"}]}
            assert await says("set OCPPCommCtrlr/HeartbeatInterval=a=b c", done) == [
                "SetVariables",
                {"setVariableData": [{**target, "attributeValue": "a=b c"}]},
            ]
            action, request = await says(f"start 1 {CARD}", {"status": "Accepted", "transactionId": "T1"})
            assert (action, request["evseId"], request["idToken"]) == ("RequestStartTransaction", 1, {"idToken": CARD, "type": "ISO14443"})
            assert await says("stop T1", {"status": "Accepted"}) == ["RequestStopTransaction", {"transactionId": "T1"}]
            assert await says("reset", {"status": "Accepted"}) == ["Reset", {"type": "OnIdle"}]
            assert await says("reset Immediate 2", {"status": "Accepted"}) == ["Reset", {"type": "Immediate", "evseId": 2}]
            assert await says("trigger StatusNotification 1 2", {"status": "Accepted"}) == [
                "TriggerMessage",
                {"requestedMessage": "StatusNotification", "evse": {"id": 1, "connectorId": 2}},
            ]
            assert await says("unlock 2", {"status": "Unlocked"}) == ["UnlockConnector", {"evseId": 2, "connectorId": 1}]
            assert await says('call GetReport {"requestId":5}', {"status": "Accepted"}) == ["GetReport", {"requestId": 5}]
            assert (await says("call ClearCache", {"status": "Accepted"})) == ["ClearCache", {}]

            event = request_of("2.1", "TransactionEvent")
            for kind, transaction in (("Started", "T2"), ("Started", "T3"), ("Ended", "T3")):
                await ask(socket, "TransactionEvent", {**event, "eventType": kind, "transactionInfo": {"transactionId": transaction}})
            assert await says("stop", {"status": "Accepted"}) == ["RequestStopTransaction", {"transactionId": "T2"}]

            assert await prompt.line("block 04Dead")
            assert csms.settings.blocked_tokens == {"04dead"}
            assert await prompt.line("unblock 04DEAD")
            assert csms.settings.blocked_tokens == set()
            assert await prompt.line("stations")
            assert shown[-1] == "* CP1  OCPP 2.1"
            assert await prompt.line("describe Reset")
            assert any(line.strip().startswith("type*: Immediate|OnIdle") for line in shown)
            assert await prompt.line("")
            assert await prompt.line("help")
            with pytest.raises(EOFError):
                await prompt.line("quit")

    run(story)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("frobnicate", "help shows them"),
        ("get HeartbeatInterval", "COMPONENT/VARIABLE"),
        ("set A/B", "COMPONENT/VARIABLE=VALUE"),
        ("start 1", "EVSE TOKEN"),
        ("start one 04AA", "must be a number"),
        ("stop", "no transaction"),
        ("trigger", "needs a MESSAGE"),
        ("unlock", "needs EVSE"),
        ("use CP9", "CP1"),
        ("call", "needs an ACTION"),
        ("call Reset {", "no JSON"),
        ("call Reset [1]", "JSON object"),
        ("call Teleport", "no such action"),
        ("call SetVariables", "setVariableData*: array"),
        ("describe Teleport", "no such action"),
        ("block", "needs a TOKEN"),
    ],
)
def test_a_line_that_cannot_be_understood_says_what_would_be(line: str, says: str) -> None:
    """Broken: a typing error would end the CSMS, or be met with silence."""

    async def story() -> None:
        shown: list[str] = []
        async with friendly() as csms, station(csms):
            await csms.connected("CP1")
            assert not await Prompt(csms, shown.append).line(line)
            assert says in shown[-1]

    run(story)


def test_several_stations_at_one_prompt() -> None:
    """Broken: a command would go to some station or other."""

    async def story() -> None:
        shown: list[str] = []
        async with friendly() as csms:
            prompt = Prompt(csms, shown.append)
            assert not await prompt.line("reset")
            assert "wait waits for one" in shown[-1]
            waiting = asyncio.ensure_future(prompt.line("wait"))
            await asyncio.sleep(0)
            async with station(csms, "CP1"), station(csms, "CP2") as second:
                assert await waiting
                assert await prompt.line("wait CP2")
                await csms.connected("CP1")
                assert not await prompt.line("reset")
                assert "use ID: CP1, CP2" in shown[-1]
                assert await prompt.line("use CP2")
                asked = asyncio.ensure_future(answering(second, {"status": "Rejected"}))
                assert await prompt.line("reset")
                assert await asked == [["Reset", {"type": "OnIdle"}]]
                refused = asyncio.ensure_future(prompt.line("call ClearCache"))
                await second.send(json.dumps([4, json.loads(await second.recv())[1], "InternalError", "no", {}]))
                assert not await refused
                assert shown[-1] == "refused: InternalError: no"
                assert await prompt.line("drop")
                await second.wait_closed()
                await csms.seen(lambda entry: entry.kind == "closed")
                assert await prompt.line("stations")
                assert shown[-1] == "* CP1  OCPP 2.1"

    run(story)


def test_what_is_shown_hides_cards_and_passwords() -> None:
    """Broken: a screen that is shared, or a terminal's log, would hold cards and passwords."""

    async def story() -> None:
        shown: list[str] = []
        async with friendly() as csms, station(csms) as socket:
            prompt = Prompt(csms, shown.append)
            csms.observer = prompt.show
            await ask(socket, "Authorize", {"idToken": {"idToken": CARD, "type": "ISO14443"}})
            await ask(socket, "Authorize", {"idToken": CARD})
            await socket.send(f"rubbish {CARD}")
            setting = asyncio.ensure_future(prompt.line("set SecurityCtrlr/BasicAuthPassword=hunter2hunter2hunter2"))
            password = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
            await answering(socket, {"setVariableResult": [{**password, "attributeStatus": "Accepted"}]})
            assert await setting
            listing = asyncio.ensure_future(
                prompt.line(
                    'call SendLocalList {"versionNumber":1,"updateType":"Full","localAuthorizationList":[{"idToken":{"idToken":"CARD",'
                    '"type":"ISO14443","additionalInfo":[{"additionalIdToken":"CARD","type":"x"}]}}]}'.replace("CARD", CARD)
                )
            )
            await answering(socket, {"status": "Accepted"})
            assert await listing
        text = "\n".join(shown)
        assert CARD not in text
        assert "hunter2" not in text
        assert "…EE80" in text
        assert "SecurityCtrlr/BasicAuthPassword=****" in text
        assert shown[0] == "13:00:00.123  CP1  -> Authorize  idToken.idToken=…EE80 idToken.type=ISO14443"
        assert shown[1] == "13:00:00.123  CP1  <- Authorize answered  idTokenInfo.status=Accepted"
        assert all("\n" not in line for line in shown)

    run(story)


@pytest.mark.parametrize("version", ["2.0.1", "2.1"])
def test_every_message_can_be_shown(version: str) -> None:
    """Broken: a message that nobody thought of would end the link that it came in on."""
    for action in sorted(names.actions(version)):
        for name in (f"{action}Request", f"{action}Response"):
            found = schema(version, name)
            assert found is not None
            assert isinstance(summary(minimal(found, NOW)), str)
    odds: list[Any] = [None, 5, "x" * 500, [[]], {"component": 5, "variable": {}}, {"component": {}, "variable": {}}, {"value": "x"}, {"idToken": 5}]
    for odd in odds:
        assert isinstance(summary(odd), str)


def test_how_a_variable_is_written() -> None:
    """Broken: variables of an EVSE, an instance or another attribute could not be asked for."""
    assert variable("Connector[a]@1.2/Available[b]#Target") == {
        "component": {"name": "Connector", "instance": "a", "evse": {"id": 1, "connectorId": 2}},
        "variable": {"name": "Available", "instance": "b"},
        "attributeType": "Target",
    }
    assert variable("EVSE@1/Power")["component"] == {"name": "EVSE", "evse": {"id": 1}}
    for wrong in ("", "A", "/B", "A/", "A@x/B"):
        with pytest.raises(ValueError, match="must be"):
            variable(wrong)


# The process


def _spawn(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "stationd", "csms", "--port", "0", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def test_the_command_reads_a_pipe_to_its_end() -> None:
    """Broken: the CSMS could not be scripted."""
    with _spawn("--exit-on-eof") as process:
        out, err = process.communicate("stations\nnonsense", timeout=PATIENCE_S)
    assert process.returncode == 1  # a line failed, and nobody sat there to see it
    assert err == ""
    first, *rest = io.StringIO(out).read().splitlines()
    assert first.startswith("listening on ws://127.0.0.1:")
    assert rest == ["no station is connected", "nonsense: no such command; help shows them"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_on_until_it_is_told_to_stop(number: signal.Signals) -> None:
    """Broken: a CSMS in the background would end with its input, or not at all."""
    with _spawn() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().split()[2].rstrip(";")
        process.stdin.close()

        async def story() -> None:
            async with connect(f"{url}/CP1", subprotocols=["ocpp2.1"], proxy=None) as socket:  # type: ignore[list-item]
                assert (await ask(socket, "Heartbeat", {}))[0] == 3
                process.send_signal(number)
                await socket.wait_closed()
                assert socket.close_code == 1001

        run(story)
        assert process.wait(PATIENCE_S) == 0
        process.stdin = None
        shown = process.stdout.read()
    assert "CP1  connected, OCPP 2.1" in shown
    assert "CP1  -> Heartbeat" in shown
