"""``stationd config``: on component files, on a data directory that is new, at rest or in use; and no secret where it does not belong."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from component_config.load import shipped
from engine.errors import SetupFault
from eventlog.journal import Journal
from eventlog.vault import SECRET as SECRET_PURPOSE
from eventlog.vault import Vault
from machines.device_model.state import DEVICE_MODEL
from replay.newfiles import OF_THE_MODEL
from replay.reading import KERNEL, turns
from replay.state import at
from stationd.__main__ import main
from stationd.csms import FriendlyCsms
from stationd.values import typed
from tests.stationd.conftest import Child, Start, run
from tests.waiting import PATIENCE_S

PASSWORD = "correct horse battery staple"
INTERVAL = "OCPPCommCtrlr.HeartbeatInterval"
IDENTITY = "SecurityCtrlr.Identity"
SECRET = "SecurityCtrlr.BasicAuthPassword"
PROFILES = "InternalCtrlr.NetworkConnectionProfiles"


def done(*words: str, data: Path, status: int = 0, input: str = "") -> str:
    """What a command says, on standard output where it says something there, else on standard error."""
    out, errors = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(errors), patch("sys.stdin", StringIO(input)):
        assert main(["config", *words, "--data", str(data)]) == status, errors.getvalue()
    assert PASSWORD not in out.getvalue() + errors.getvalue()
    return out.getvalue() or errors.getvalue()


def edited(directory: Path, file: str, variable: str, **change: Any) -> None:
    """A component file with *change* in a variable's characteristics, or in its attribute where it is a value."""
    path = directory / file
    document = json.loads(path.read_text())
    (found,) = [it for it in document["properties"].values() if it["variable_name"] == variable]
    if "value" in change:
        found["attributes"][0]["value"] = change.pop("value")
    found["characteristics"].update(change)
    path.write_text(json.dumps(document))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy of the shipped component files."""
    directory = tmp_path / "files"
    shutil.copytree(shipped(), directory, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return directory


def leaks(directory: Path, text: str = PASSWORD) -> list[str]:
    """The files in which *text* can be read."""
    spellings = (text.encode(), text.encode("utf-16-le"))
    return sorted(path.name for path in directory.rglob("*") if path.is_file() and any(spelling in path.read_bytes() for spelling in spellings))


# Component files


def test_right_files_are_counted_and_wrong_ones_complained_of(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, a mistake in a file would be found when the station does not start."""
    assert main(["config", "check", str(files)]) == 0
    said = capsys.readouterr().out
    assert "2 EVSEs; nothing is wrong" in said
    edited(files, "standardized/OCPPCommCtrlr.json", "HeartbeatInterval", value="soon")
    edited(files, "standardized/TxCtrlr.json", "EVConnectionTimeOut", value=-1)
    edited(files, "standardized/SecurityCtrlr.json", "BasicAuthPassword", value="hunter2")
    assert main(["config", "check", str(files)]) == 1
    found = capsys.readouterr()
    assert len(found.out.splitlines()) == 3
    assert "fatal: standardized/OCPPCommCtrlr.json: OCPPCommCtrlr.HeartbeatInterval: " in found.out
    assert "fatal: standardized/SecurityCtrlr.json: SecurityCtrlr.BasicAuthPassword: " in found.out
    assert "warning: standardized/TxCtrlr.json: TxCtrlr.EVConnectionTimeOut: " in found.out
    assert "right would be 1 or more" in found.out
    assert "hunter2" not in found.out + found.err
    assert "2 fatal complaints, 1 warnings; a station would not start" in found.err


def test_a_station_starts_with_files_that_are_only_warned_of(start: Start, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, a preset of an older release outside of its list would keep a station out of service, or count for nothing without a word."""
    edited(files, "standardized/DisplayMessageCtrlr.json", "Language", valuesList="en_US,de,nl")
    edited(files, "standardized/DisplayMessageCtrlr.json", "Enabled", value=True)
    assert main(["config", "check", str(files)]) == 0
    said = capsys.readouterr().out.splitlines()
    here = "standardized/DisplayMessageCtrlr.json: DisplayMessageCtrlr"
    warned = [
        f"{here}.Language: value 'en' is not in its valuesList; did you mean 'en_US'?",
        f"{here}: Enabled is true, and the station does not have display messages (block O); it reports false",
    ]
    assert said[:-1] == [f"warning: {line}" for line in warned]
    assert said[-1].endswith("2 EVSEs; 2 warnings")
    station = start("--component-config", str(files))
    station.ask("state")
    assert station.stop() == 0
    assert all(f"component files: {line}" in station.text() for line in warned)
    assert json.loads(done("get", "DisplayMessageCtrlr.Language", "--json", data=station.data))["value"] == "en"
    assert json.loads(done("get", "DisplayMessageCtrlr.Enabled", "--json", data=station.data))["value"] == "false"


def test_a_file_that_nobody_reads_is_told(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, somebody would edit a file in the wrong place and see nothing change."""
    (files / "overrides").mkdir()
    (files / "Override").mkdir()
    (files / "notes").mkdir()
    (files / "TxCtrlr.json").write_text("{}")
    (files / "standardized" / "TxCtrlr.json~").write_text("{}")
    assert main(["config", "check", str(files)]) == 0
    said = capsys.readouterr().out.splitlines()
    folders = "is not read; the folders that are read are standardized, custom, override"
    assert said[:-1] == [
        f"warning: Override: {folders}",
        "warning: TxCtrlr.json: is not read; right would be a place in standardized, custom, override",
        f"warning: overrides: {folders}",
    ]
    (files / "standardized" / "TxCtrlr.json").rename(files / "standardized" / "TxCtrlr.JSON")
    assert main(["config", "check", str(files)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "warning: standardized/TxCtrlr.JSON: is not read; right would be a name that ends with .json"
    assert said[-2].startswith("warning: standardized/TxCtrlr.json: TxCtrlr: is required and no file declares it")


@pytest.mark.parametrize("damage", [b"", b"null", b"\xef\xbb\xbf{}", b"x" * ((1 << 20) + 1), b"{} {}", b'{"a":' * 50 + b"1" + b"}" * 50])
def test_a_file_that_cannot_be_read_is_complained_of_once(files: Path, capsys: pytest.CaptureFixture[str], damage: bytes) -> None:
    """If this failed, somebody would be told that a file is missing which lies there."""
    (files / "standardized" / "TxCtrlr.json").write_bytes(damage)
    assert main(["config", "check", str(files)]) == 1
    (only,) = capsys.readouterr().out.splitlines()
    assert only.startswith("fatal: standardized/TxCtrlr.json: ")


def test_a_lack_of_one_of_two_versions_is_a_warning(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, nobody would hear of it before a CSMS that speaks 2.1 asks."""
    path = files / "standardized/NetworkConfiguration_2.json"
    path.write_text(path.read_text().replace('"OcppVersion"', '"OcppVersions"'))
    assert main(["config", "check", str(files)]) == 0
    said = capsys.readouterr().out
    assert "warning: standardized/NetworkConfiguration_2.json: NetworkConfiguration[2].OcppVersion: is required and not declared" in said
    assert "2 EVSEs; 1 warnings" in said


@pytest.mark.parametrize("command", ["check", "diff", "get", "set", "release", "reset-to-file", "history", "who-set", "as-of", "list"])
def test_every_command_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, somebody at night would have to guess."""
    with pytest.raises(SystemExit):
        main(["config", command, "--help"])
    assert f"stationd config {command} " in capsys.readouterr().out.partition("example")[2]


# Provisioning


def test_a_station_is_provisioned_before_its_first_start(start: Start, tmp_path: Path) -> None:
    """If this failed, a station's first connection would be made under the wrong name, or with a password that stands in a shell's history."""
    data = tmp_path / "new" / "cp"
    assert "= CP77 (operator)" in done("set", IDENTITY, "CP77", data=data)
    said = done("set", SECRET, "--value-file", "-", data=data, input=f"{PASSWORD}\n")
    assert f"{SECRET} = <sealed {len(PASSWORD)} chars " in said
    assert leaks(tmp_path) == []
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD)
    assert "set to <sealed" in done("set", SECRET, "--value-file", str(secret), "--hold", data=data)
    secret.unlink()

    async def go() -> None:
        async with FriendlyCsms(port=0, passwords={"CP77": PASSWORD}) as csms:
            with Child(data, "--csms", csms.url, "--log-level", "debug") as station:
                await csms.connected("CP77", timeout_s=PATIENCE_S)
                await csms.heard("CP77", "BootNotification", timeout_s=PATIENCE_S)
                told = await csms.heard("CP77", "SecurityEventNotification", timeout_s=PATIENCE_S)
                assert told["type"] == "ReconfigurationOfSecurityParameters"
                assert told["timestamp"] > "2020", "the clock was read although no station ran"
                await asyncio.to_thread(station.stop)

    asyncio.run(go())
    assert leaks(tmp_path) == []
    assert run("replay", "verify", "--data", str(data)).stdout.strip().endswith(" 0 divergences")
    for words in (("get", SECRET), ("history", SECRET), ("who-set", SECRET), ("list", "--set"), ("list", "--json"), ("as-of", "last", SECRET)):
        assert f"<sealed {len(PASSWORD)} chars " in done(*words, data=data)


def test_a_secret_is_no_argument(tmp_path: Path) -> None:
    """If this failed, everybody who lists processes would read a password."""
    data = tmp_path / "cp"
    for address, text in ((SECRET, "hunter2-hunter2-hunter2"), (SECRET.upper(), "hunter2-hunter2-hunter2"), (PROFILES, profiles("hunter2"))):
        found = run("config", "set", address, text, "--data", str(data))
        assert found.returncode == 2
        assert "is a secret or has one in it" in found.stderr
        assert "--value-file FILE (- is standard input)" in found.stderr
        assert "hunter2" not in found.stderr
    assert not data.exists(), "nothing was made for a command that was wrong"
    without = run("config", "set", SECRET, "--data", str(data), input="")
    assert without.returncode == 2
    assert "a secret is typed at a terminal" in without.stderr
    both = run("config", "set", SECRET, "x", "--value-file", "-", "--data", str(data))
    assert "give one of them" in both.stderr
    strange = run("config", "set", IDENTITY, b"\xff", "--data", str(data))
    assert "is no UTF-8" in strange.stderr
    none = run("config", "set", INTERVAL, "--data", str(data))
    assert f"stationd config set {INTERVAL} VALUE" in none.stderr
    gone = run("config", "set", SECRET, "--value-file", str(tmp_path / "gone"), "--data", str(data))
    assert "No such file or directory" in gone.stderr
    assert not data.exists()
    ctl = run("ctl", "set_variable", f"address={SECRET}", "value=hunter2", "--data", str(data))
    assert ctl.returncode == 2
    assert "use stationd config set" in ctl.stderr


def profiles(password: str) -> str:
    """A network connection profile with a password in it."""
    return json.dumps([{"configurationSlot": 1, "connectionData": {"ocppCsmsUrl": "ws://localhost:9000", "apn": {"apnPassword": password}}}])


def test_a_secret_inside_a_value_is_sealed_too(tmp_path: Path) -> None:
    """If this failed, a profile would bring a password into the journal."""
    data = tmp_path / "cp"
    done("set", PROFILES, "--value-file", "-", data=data, input=profiles(PASSWORD))
    assert leaks(data) == []
    assert "ws://localhost:9000" in done("get", PROFILES, data=data)


def test_a_secret_is_typed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, a slip of the finger would lock a station out of its CSMS."""
    answers = iter([PASSWORD, PASSWORD, PASSWORD, "correct horse battery stable"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda _: next(answers))
    assert typed(SECRET) == PASSWORD
    with pytest.raises(SetupFault, match="the two are not the same"):
        typed(SECRET)

    def ended(prompt: str) -> str:
        raise EOFError(prompt)

    monkeypatch.setattr("getpass.getpass", ended)
    with pytest.raises(SetupFault, match="the input ended before it was typed twice; nothing was set"):
        typed(SECRET)


# A station at rest


def test_what_is_set_at_rest_can_be_looked_at_and_taken_back(tmp_path: Path) -> None:
    """If this failed, nobody could say what a station was set to, by whom and when."""
    data = tmp_path / "cp"
    done("set", INTERVAL, "77", "--component-config", str(shipped()), data=data)
    assert done("get", INTERVAL, data=data) == "77\n"
    assert json.loads(done("get", INTERVAL, "--json", data=data))["layer"] == "operator"
    assert done("as-of", "1", INTERVAL, data=data) == "300\n"
    table = done("list", "heartbeat", data=data).splitlines()
    assert table[1].split() == [INTERVAL, "77", "operator", "ReadWrite", "s", "integer", "1.."]
    assert [row["address"] for row in json.loads(done("list", "--set", "--json", data=data))] == [INTERVAL]
    assert "no variable that is declared has that in its address" in done("list", "toaster", data=data, status=1)
    held = done("set", INTERVAL, "78", "--hold", data=data)
    assert "operator: set to 78 (config set), held" in held
    assert "held" in done("set", INTERVAL, "79", data=data), "what is held stays held"
    assert "held" not in done("release", INTERVAL, data=data)
    assert "nobody holds it" in done("release", INTERVAL, data=data, status=1)
    who = done("who-set", INTERVAL, data=data)
    assert who.startswith(f"{INTERVAL} = 79\n")
    assert "by config set" in who
    assert "(20" in who, "the time is known"
    assert "operator: 79 dropped (reset); 300 in force" in done("reset-to-file", INTERVAL, data=data)
    assert "nothing was set, so nothing changes" in done("reset-to-file", INTERVAL, data=data)
    told = [line.split("  ")[-1] for line in done("history", INTERVAL, data=data).splitlines()[1:]]
    assert told == [
        "declared by standardized/OCPPCommCtrlr.json, with 300",
        "set to 77 (config set)",
        "set to 78 (config set), held",
        "set to 79 (config set), held",
        "79 released (config release): the CSMS may change it",
        "79 dropped (reset); 300 in force",
    ]
    assert run("replay", "verify", "--data", str(data)).stdout.strip().endswith(" 0 divergences")
    assert run("log", "verify", "--data", str(data)).returncode == 0


@pytest.mark.parametrize(
    ("address", "text", "status", "why"),
    [
        (INTERVAL, "soon", 1, "right would be integer from 1\n"),
        (IDENTITY, "x" * 49, 1, "right would be string from 1 to 48 characters\n"),
        (IDENTITY, "CP:1", 1, "':' cannot stand in it; right would be a name without colon, slash and blank"),
        (IDENTITY, "CP 1", 1, "' ' cannot stand in it"),
        (IDENTITY, "CP/1", 1, "'/' cannot stand in it"),
        (INTERVAL, "0", 1, "is outside of its limits"),
        ("ClockCtrlr.DateTime", "2026-01-01T00:00:00Z", 1, "the station knows it by itself"),
        ("OCPPCommCtrlr.HeartBeatIntervall", "60", 2, f"did you mean {INTERVAL}"),
        ("OCPPCommCtrlr", "60", 2, "not a variable; write Component.Variable"),
        (f"{INTERVAL}:Wanted", "60", 2, "right would be one of Actual, Target, MinSet, MaxSet"),
        (f"{INTERVAL}:MaxSet", "60", 2, "the device model declares no such variable"),
    ],
)
def test_what_cannot_be_set_is_told_with_what_can(tmp_path: Path, address: str, text: str, status: int, why: str) -> None:
    """If this failed, somebody would set nothing and believe they had."""
    assert why in done("set", address, text, data=tmp_path / "cp", status=status)


def test_a_file_of_a_value_is_not_read_for_ever(tmp_path: Path) -> None:
    """If this failed, a slip of the hand would fill the memory."""
    data = tmp_path / "cp"
    assert "/dev/zero: has more than 65536 characters" in done("set", IDENTITY, "--value-file", "/dev/zero", data=data, status=2)
    assert "-: has more than 65536 characters" in done("set", IDENTITY, "--value-file", "-", data=data, status=2, input="x" * 70_000)
    long = tmp_path / "long"
    long.write_text("x" * 2501 + "\n")
    said = done("set", "SecurityCtrlr.OrganizationName", "--value-file", str(long), data=data, status=1)
    assert "it has 2501 characters; right would be at most 2500, for OCPP transports no more" in said


def test_component_files_that_are_not_used_are_told(tmp_path: Path, files: Path) -> None:
    """If this failed, somebody would believe that the station has them now."""
    data = tmp_path / "cp"
    done("set", IDENTITY, "CP1", "--component-config", str(files), data=data)
    errors = StringIO()
    with redirect_stderr(errors), redirect_stdout(StringIO()):
        assert main(["config", "set", IDENTITY, "CP2", "--component-config", str(files), "--data", str(data)]) == 0
    assert f"{files}: not read, for {data} has a station with component files" in errors.getvalue()


def test_nothing_that_fits_is_a_status_for_programs_too(tmp_path: Path) -> None:
    """If this failed, a script would go on with an empty list."""
    data = tmp_path / "cp"
    done("set", IDENTITY, "CP1", data=data)
    assert done("list", "toaster", "--json", data=data, status=1) == "[]\n"


def test_an_attribute_is_named_once(tmp_path: Path) -> None:
    """If this failed, one of two would be ignored."""
    data = tmp_path / "cp"
    done("set", INTERVAL, "60", "--attribute", "actual", data=data)
    assert "give it once" in done("get", f"{INTERVAL}:Actual", "--attribute", "Target", data=data, status=2)


def test_a_secret_of_the_files_that_is_unchanged_is_no_difference(start: Start, tmp_path: Path, files: Path, nobody: str) -> None:
    """If this failed, every diff would say that the password changes; and looking must not touch the vault."""
    data = tmp_path / "cp"
    edited(files, "standardized/SecurityCtrlr.json", "BasicAuthPassword", value=PASSWORD)
    station = start("--component-config", str(files))
    station.ask("state")
    station.stop()
    before = {path.name: path.read_bytes() for path in data.iterdir() if path.name.startswith("vault")}
    assert done("diff", str(files), "--csms", f"ws://{nobody}", data=data) == "nothing would change\n"
    edited(files, "standardized/SecurityCtrlr.json", "BasicAuthPassword", value="another password here")
    found = done("diff", str(files), "--csms", f"ws://{nobody}", data=data, status=1)
    assert f"in force: {SECRET}: <sealed 28 chars " in found
    assert "another password here" not in found
    assert {path.name: path.read_bytes() for path in data.iterdir() if path.name.startswith("vault")} == before


# Other files


def test_a_pin_of_the_site_stands_over_the_makers_file(start: Start, tmp_path: Path, files: Path, nobody: str) -> None:
    """If this failed, nobody could say which of two files a value is from, or a maker's new release would undo what a site decided."""
    data = tmp_path / "cp"
    given: dict[str, Any] = {"variable_name": "HeartbeatInterval", "attributes": [{"value": 60}]}
    override = files / "override" / "OCPPCommCtrlr.json"
    override.parent.mkdir()
    override.write_text(json.dumps({"name": "OCPPCommCtrlr", "properties": {"heartbeat": given}}))

    def boot() -> None:
        station = start("--component-config", str(files), "--csms", f"ws://{nobody}", "--identity", "CP8")
        station.ask("state")
        station.stop()

    def layers(address: str) -> list[tuple[str, str, str]]:
        found = json.loads(done("get", address, "--json", data=data))["layers"]
        return [(one["layer"], one["value"], one.get("file", "")) for one in found]

    boot()
    below = ("file", "300", "standardized/OCPPCommCtrlr.json")
    assert layers(INTERVAL) == [("pinned file", "60", "override/OCPPCommCtrlr.json"), below]
    assert layers(IDENTITY) == [("pinned file", "CP8", "--identity"), ("file", "cp001", "standardized/SecurityCtrlr.json")]
    assert [line.split()[:5] for line in done("who-set", INTERVAL, data=data).splitlines()[2:4]] == [
        ["pinned", "file", "60", "override/OCPPCommCtrlr.json,", "last"],
        ["file", "300", "standardized/OCPPCommCtrlr.json,", "last", "changed"],
    ]
    assert "60     pinned file  ReadWrite" in done("list", INTERVAL, data=data)
    assert done("as-of", "last", INTERVAL, data=data) == "60\n"
    assert "nothing was set" in done("reset-to-file", INTERVAL, data=data)
    done("set", INTERVAL, "77", data=data)
    assert [one[0] for one in layers(INTERVAL)] == ["operator", "pinned file", "file"]
    assert f"{INTERVAL} = 60 (pinned file)" in done("reset-to-file", INTERVAL, data=data)
    edited(files, "standardized/OCPPCommCtrlr.json", "HeartbeatInterval", value=400)
    told = done("diff", str(files), "--csms", f"ws://{nobody}", "--identity", "CP8", data=data, status=1)
    assert f"declaration: {INTERVAL}: file's value 300 -> 400\n" in told
    assert f"shadowed: {INTERVAL}: the pinned file's 60 of override/OCPPCommCtrlr.json stands before the file's 400 of standardized/" in told
    boot()
    assert done("get", INTERVAL, data=data) == "60\n"
    override.unlink()
    boot()
    assert layers(INTERVAL) == [("file", "400", "standardized/OCPPCommCtrlr.json")]
    rows = [line.split("  ")[-1].strip() for line in done("history", INTERVAL, data=data).splitlines()[1:]]
    assert rows == [
        "declared by standardized/OCPPCommCtrlr.json, with 300",
        "pinned at 60 by override/OCPPCommCtrlr.json",
        "set to 77 (config set)",
        "77 dropped (reset); 60 in force",
        "file's value 300 -> 400",
        "no longer pinned at 60",
    ]


def test_a_boot_does_what_diff_said(start: Start, tmp_path: Path, files: Path, nobody: str) -> None:
    """If this failed, the answer to what new files would change would be worth nothing."""
    data = tmp_path / "cp"
    for address, text in ((INTERVAL, "77"), ("TxCtrlr.EVConnectionTimeOut", "600"), (IDENTITY, "CP9"), ("SampledDataCtrlr.TxUpdatedInterval", "30")):
        done("set", address, text, data=data)
    edited(files, "standardized/OCPPCommCtrlr.json", "HeartbeatInterval", value=240)
    edited(files, "standardized/TxCtrlr.json", "EVConnectionTimeOut", maxLimit=500)
    toaster = {
        "variable_name": "Crumbs",
        "characteristics": {"dataType": "integer"},
        "attributes": [{"type": "Actual", "value": 3}],
        "type": "integer",
    }
    (files / "custom" / "Toaster.json").write_text(
        json.dumps({"name": "Toaster", "type": "object", "properties": {"Crumbs": toaster}, "required": []})
    )
    text = done("diff", str(files), "--csms", f"ws://{nobody}", data=data, status=1)
    told = json.loads(done("diff", str(files), "--csms", f"ws://{nobody}", "--json", data=data, status=1))
    assert [f"{one['what']}: {one['address']}" for one in told if one["what"] in ("component added", "dropped", "in force")] == [
        "component added: Toaster",
        "dropped: TxCtrlr.EVConnectionTimeOut",
        f"in force: {PROFILES}",
        "in force: TxCtrlr.EVConnectionTimeOut",
    ]
    assert "dropped: TxCtrlr.EVConnectionTimeOut: operator's 600 (out of range); 120 in force" in text
    assert f"shadowed: {INTERVAL}: operator's 77, set in turn " in text
    assert "stands before the file's 240" in text

    journal = Journal(data / "journal", readonly=True)
    try:
        last = journal.last()[0]
        before = at(KERNEL, journal, last).station[DEVICE_MODEL]
    finally:
        journal.close()
    station = start("--component-config", str(files), "--csms", f"ws://{nobody}")
    station.ask("state")
    again = done("diff", str(files), "--csms", f"ws://{nobody}", data=data)
    station.stop()
    assert again.splitlines()[-1] == "nothing would change; 3 values stand before those of a lower layer"

    journal = Journal(data / "journal", readonly=True)
    try:
        facts = [fact for turn in turns(journal, first=last + 1) for fact in turn.facts if isinstance(fact, OF_THE_MODEL)]
        after = at(KERNEL, journal, journal.last()[0]).station[DEVICE_MODEL]
    finally:
        journal.close()
    assert [type(fact).__name__ for fact in facts] == ["ModelDeclared", "VariableCleared"]
    changed = [key for key in after.declared if key in before.declared and before.text(key) != after.text(key)]
    assert [after.declared[key].variable for key in changed] == [one["address"].partition(".")[2] for one in told if one["what"] == "in force"]
    assert after.components.keys() - before.components.keys() == {("toaster", "", 0, 0)}


def test_wrong_files_have_no_difference(tmp_path: Path, files: Path) -> None:
    """If this failed, a diff would be made of files that no station starts with."""
    data = tmp_path / "cp"
    done("set", INTERVAL, "77", data=data)
    edited(files, "standardized/OCPPCommCtrlr.json", "HeartbeatInterval", value="soon")
    assert "OCPPCommCtrlr.HeartbeatInterval" in done("diff", str(files), data=data, status=2)
    assert "no such directory" in done("diff", str(shipped()), data=tmp_path / "nowhere", status=6)


# A station that runs


async def csms_sets(csms: FriendlyCsms, text: str) -> str:
    """What becomes of the interval that the CSMS wants."""
    item = {"attributeValue": text, "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
    answer = await csms.call("CP1", "SetVariables", {"setVariableData": [item]})
    status: str = answer["setVariableResult"][0]["attributeStatus"]
    return status


def test_a_station_that_runs_is_asked(start: Start, tmp_path: Path) -> None:
    """If this failed, a station would have to be stopped to be set, or two would write one journal."""
    data = tmp_path / "cp"

    async def go() -> None:
        async with FriendlyCsms(port=0) as csms:
            station = start("--csms", csms.url, "--identity", "CP1", "--log-level", "debug")
            await csms.connected("CP1", timeout_s=PATIENCE_S)
            await csms.heard("CP1", "StatusNotification", timeout_s=PATIENCE_S)

            async def said(*words: str, **more: Any) -> str:
                return await asyncio.to_thread(done, *words, data=data, **more)

            assert "set to 55 (config set), held" in await said("set", INTERVAL, "55", "--hold")
            assert await csms_sets(csms, "99") == "Rejected"
            assert "held: the CSMS may not change it" in await said("who-set", INTERVAL)
            await said("release", INTERVAL)
            assert await csms_sets(csms, "99") == "Accepted"
            who = await said("who-set", INTERVAL)
            assert who.startswith(f"{INTERVAL} = 99\n")
            assert "by SetVariables, message " in who
            assert "csms: 99 dropped (reset); 300 in force" in await said("reset-to-file", INTERVAL)
            assert "set to <sealed" in await said("set", SECRET, "--value-file", "-", input=PASSWORD)
            assert "is outside of its limits" in await said("set", SECRET, "--value-file", "-", input="short", status=1)
            other = await said("set", INTERVAL, "1", "--control", str(tmp_path / "other.sock"), status=3)
            assert "a station runs on this data, and does not answer here; name its socket with --control PATH" in other
            await asyncio.to_thread(station.stop)

    asyncio.run(go())
    assert leaks(tmp_path) == []
    kept = Vault(data, os.urandom).keep(PASSWORD, SECRET_PURPOSE)
    assert kept.encode() in (data / "journal" / "data.mdb").read_bytes(), "the vault has it, and the journal names it"
    assert run("replay", "verify", "--data", str(data)).stdout.strip().endswith(" 0 divergences")


@pytest.mark.parametrize(
    ("verb", "args", "why"),
    [
        ("set_variable", {"address": INTERVAL}, "value: must be a text"),
        ("set_variable", {"address": INTERVAL, "value": 60}, "value: must be a text"),
        ("set_variable", {"address": INTERVAL, "value": "60", "hold": "yes"}, "hold: must be true or false"),
        ("set_variable", {"address": INTERVAL, "value": "60", "held": True}, "held: no such argument"),
        ("set_variable", {"address": "", "value": "60"}, "address: must be a text"),
        ("set_variable", {"address": "Toaster.Crumbs", "value": "60"}, "declares no such variable"),
        ("reset_variable", {"address": INTERVAL, "value": "60"}, "value: no such argument"),
        ("release_variable", {"address": INTERVAL}, "nobody holds it"),
    ],
)
def test_a_bad_request_changes_nothing(station: Child, verb: str, args: dict[str, Any], why: str) -> None:
    """If this failed, a program's mistake would end in a value that nobody wanted."""
    answer = station.ask(verb, **args)
    assert not answer["ok"]
    assert why in answer["error"]
    good = station.ask("set_variable", address=INTERVAL, value="301")
    assert good["result"] == {"address": INTERVAL, "value": "301", "layer": "operator", "changes": ["operator: set to 301 (config set)"]}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory, nobody: str) -> Iterator[Child]:
    """One station for requests that change nothing."""
    with Child(tmp_path_factory.mktemp("config") / "cp", "--csms", f"ws://{nobody}") as child:
        yield child
