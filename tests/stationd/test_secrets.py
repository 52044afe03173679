"""No secret and no person in clear, in any byte that a whole run leaves behind."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

from component_config.load import shipped
from stationd.csms import FriendlyCsms, Refusal
from tests.stationd.conftest import Start, run
from tests.waiting import PATIENCE_S

FIRST_PASSWORD = "in-the-component-file-1"
SECOND_PASSWORD = "set-by-the-csms-0002"
CARD, REMOTE, GROUP, GARBLED = "04C0FFEE77", "REMOTEDRIVER9", "GROUPOFDRIVERS", "said-in-a-broken-frame"
SECRETS = (FIRST_PASSWORD, SECOND_PASSWORD, CARD, REMOTE, GROUP, GARBLED)


def test_a_whole_run_leaves_no_secret_in_clear(start: Start, tmp_path: Path) -> None:
    """If this failed, whoever gets the data directory, a log or an export gets a password or a driver."""
    config = tmp_path / "config"
    shutil.copytree(shipped(), config, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    path = config / "standardized" / "SecurityCtrlr.json"
    document = json.loads(path.read_text())
    for variable in document["properties"].values():
        if variable["variable_name"] == "BasicAuthPassword":
            variable["attributes"][0]["value"] = FIRST_PASSWORD
    path.write_text(json.dumps(document))

    async def go() -> str:
        def tell_tales(identity: str, action: str, request: dict[str, Any]) -> Refusal | None:
            """Refuse the first event that names the card, and say everything back that was ever heard."""
            if action != "TransactionEvent" or CARD not in json.dumps(request) or told:
                return None
            told.append(action)
            return Refusal("SecurityError", f"no {CARD.lower()} of {GROUP}, {FIRST_PASSWORD}", {"idTag": CARD, "why": f"{REMOTE} was first", CARD: 1})

        told: list[str] = []
        async with FriendlyCsms(port=0, passwords={"CP1": FIRST_PASSWORD}, on_call=tell_tales) as csms:
            station = start("--csms", csms.url, "--identity", "CP1", "--component-config", str(config), "--log-level", "debug")
            await csms.connected("CP1", timeout_s=PATIENCE_S)
            await csms.heard("CP1", "StatusNotification", timeout_s=PATIENCE_S)
            await csms.send_raw("CP1", f'[2,"x","SetVariables",{{"secret":"{GARBLED}"')
            token = {"idToken": REMOTE, "type": "Central"}
            group = {"idToken": GROUP, "type": "Central"}
            await csms.call("CP1", "RequestStartTransaction", {"remoteStartId": 1, "evseId": 2, "idToken": token, "groupIdToken": group})
            shown = json.dumps([await asyncio.to_thread(station.ask, "plug_in", evse=1), await asyncio.to_thread(station.ask, "swipe", token=CARD)])
            await csms.seen(lambda entry: entry.action == "TransactionEvent" and CARD in json.dumps(entry.payload), timeout_s=PATIENCE_S)
            item = {"attributeValue": SECOND_PASSWORD, "component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
            answer = await csms.call("CP1", "SetVariables", {"setVariableData": [item]})
            assert answer["setVariableResult"][0]["attributeStatus"] == "Accepted"
            read = {"component": item["component"], "variable": item["variable"]}
            hidden = await csms.call("CP1", "GetVariables", {"getVariableData": [read]})
            assert hidden["getVariableResult"][0]["attributeStatus"] == "Rejected"
            # A01: the new password carries the next link.
            csms._passwords = {"CP1": SECOND_PASSWORD.encode()}
            await csms.seen(lambda entry: entry.kind == "closed", timeout_s=PATIENCE_S)
            await asyncio.to_thread(station.until, lambda state: state["link"]["phase"] not in ("leaving", "closing"))
            await asyncio.to_thread(station.ask, "connect")
            await csms.connected("CP1", timeout_s=PATIENCE_S)
            shown += json.dumps(await asyncio.to_thread(station.ask, "state"))
            await asyncio.to_thread(station.stop)
            return shown

    shown = asyncio.run(go())
    for words in (
        ("log", "show", "--full"),
        ("log", "export"),
        ("log", "export", "--format", "ocpp"),
        ("log", "sessions"),
        ("log", "sessions", "last"),
    ):
        found = run(*words, "--data", str(tmp_path / "cp"))
        assert found.returncode == 0, found.stderr
        shown += found.stdout + found.stderr
    shutil.rmtree(config)
    (tmp_path / "shown").write_text(shown)
    assert "CALLERROR SecurityError: no <sealed 10 chars" in shown, "what the CSMS said is kept all the same"
    assert "was first" in shown

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"data.mdb", "vault", "vault.key", "cp.log", "shown"}
    for path in files:
        data = path.read_bytes()
        for secret in (*SECRETS, CARD.lower()):
            assert secret.encode() not in data, f"{secret} stands in {path.name}"
            assert secret.encode("utf-16-le") not in data
    assert run("replay", "verify", "--data", str(tmp_path / "cp")).stdout.strip().endswith(" 0 divergences")
