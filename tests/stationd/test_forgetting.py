"""A person is forgotten, on a station that runs and on one that does not; and where the vault's key comes from."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from eventlog.journal import Journal
from eventlog.vault import PERSON, Vault
from replay.reading import turns
from stationd.csms import FriendlyCsms
from tests.stationd.conftest import Child, Start, run
from tests.waiting import PATIENCE_S, until

CARD = "04C0FFEE77"
LISTENING = "00010000"
"""The flags of such a socket in ``/proc/net/unix``."""


def leaks(directory: Path, text: str = CARD) -> list[str]:
    """The files in which *text* can be read."""
    spellings = (text.encode(), text.casefold().encode(), text.encode("utf-16-le"))
    return sorted(path.name for path in directory.rglob("*") if path.is_file() and any(spelling in path.read_bytes() for spelling in spellings))


def known(data: Path, text: str = CARD) -> list[str]:
    """The handles of *text* that the vault still has, with the key in hand."""
    return Vault(data, os.urandom).find(text)


def facts(data: Path) -> list[str]:
    """The names of all facts in the journal, in order."""
    journal = Journal(data / "journal", readonly=True)
    try:
        return [type(fact).__name__ for turn in turns(journal) for fact in turn.facts]
    finally:
        journal.close()


async def charged(csms: FriendlyCsms, station: Child) -> None:
    """One session, from the card to the card."""

    async def ask(verb: str, **args: Any) -> None:
        answer = await asyncio.to_thread(station.ask, verb, **args)
        assert answer["ok"], answer

    await csms.connected("CP1", timeout_s=PATIENCE_S)
    await csms.heard("CP1", "StatusNotification", timeout_s=PATIENCE_S)
    await ask("plug_in", evse=1)
    await ask("swipe", token=CARD)
    await csms.seen(lambda entry: entry.action == "TransactionEvent" and CARD in json.dumps(entry.payload), timeout_s=PATIENCE_S)


async def ended(csms: FriendlyCsms, station: Child) -> None:
    """The card ends it, and the CSMS has heard everything."""
    await asyncio.to_thread(station.ask, "swipe", token=CARD)
    await csms.seen(lambda entry: entry.action == "TransactionEvent" and entry.payload.get("eventType") == "Ended", timeout_s=PATIENCE_S)
    await asyncio.to_thread(station.ask, "plug_out", evse=1)
    await asyncio.to_thread(station.until, lambda state: not state["queue"]["waiting"])


def options(csms: FriendlyCsms) -> tuple[str, ...]:
    """How the station is started."""
    return "--csms", csms.url, "--identity", "CP1", "--time-factor", "300", "--log-level", "debug"


def test_a_station_that_runs_forgets_a_driver(start: Start, tmp_path: Path) -> None:
    """If this failed, somebody who asks to be forgotten would still be read from the disk, or history would break where they were."""
    data = tmp_path / "cp"

    async def go() -> None:
        async with FriendlyCsms(port=0) as csms:
            station = start(*options(csms))
            await charged(csms, station)
            await csms.send_raw("CP1", f'[2,"x","Authorize",{{"idToken":"{CARD}"')
            waits = await asyncio.to_thread(run, "log", "forget", "--token-file", "-", "--data", str(data), input=f"{CARD.casefold()}\n")
            assert waits.returncode == 0, waits.stderr
            assert re.fullmatch(r"[0-9a-f]{6} is needed for the session at EVSE 1 still, and will be forgotten when that is over\n", waits.stdout)
            assert known(data)
            await ended(csms, station)
            await asyncio.to_thread(station.until, lambda _: not known(data))
            gone = await asyncio.to_thread(run, "log", "forget", "--token-file", "-", "--data", str(data), input=f"{CARD}\n")
            assert gone.returncode == 1
            assert "forgotten already" in gone.stderr
            before = run("log", "sessions", "--data", str(data)).stdout
            # Somebody else from now on, to whom the CSMS opens just as well.
            await charged(csms, station)
            (again,) = await asyncio.to_thread(known, data)
            assert again[:6] not in before
            assert waits.stdout[:6] in before
            await ended(csms, station)
            once_more = await asyncio.to_thread(station.ask, "forget", pseudonym=again[:8])
            assert once_more["result"] == {"subjects": {again[:6]: ""}}
            await asyncio.to_thread(station.stop)

    asyncio.run(go())
    assert leaks(tmp_path) == []
    assert not known(data)
    vault = Vault(data, os.urandom)
    assert vault.begin("") == [], "nobody else was there"
    assert run("replay", "verify", "--data", str(data)).stdout.strip().endswith(" 0 divergences")
    for words in (("log", "sessions"), ("log", "sessions", "last"), ("log", "export"), ("replay", "state"), ("log", "show", "--full")):
        found = run(*words, "--data", str(data))
        assert found.returncode == 0, found.stderr
        assert CARD not in found.stdout
    names = facts(data)
    assert names.count("ForgettingPromised") == names.count("SubjectForgotten") == 2


def test_a_station_that_does_not_run_forgets_a_driver(start: Start, tmp_path: Path) -> None:
    """If this failed, a station out of service could not be handed on; or its journal would say something else than what was done."""
    data = tmp_path / "cp"

    async def go() -> None:
        async with FriendlyCsms(port=0) as csms:
            station = start(*options(csms))
            await charged(csms, station)
            await ended(csms, station)
            await asyncio.to_thread(station.stop, 9)

    asyncio.run(go())
    (handle,) = known(data)
    nobody = run("log", "forget", "--pseudonym", "000000", "--data", str(data))
    assert nobody.returncode == 1
    assert "nobody is known as 000000" in nobody.stderr
    short = run("log", "forget", "--pseudonym", "00", "--data", str(data))
    assert "must be 6 hexadecimal digits" in short.stderr
    before = len(facts(data))
    found = run("log", "forget", "--pseudonym", handle[:6], "--data", str(data))
    assert (found.returncode, found.stdout) == (0, f"{handle[:6]} is forgotten\n"), found.stderr
    assert not known(data)
    assert leaks(tmp_path) == []
    assert facts(data)[before:] == ["ForgettingPromised", "SubjectForgotten"]
    assert run("replay", "verify", "--data", str(data)).stdout.strip().endswith(" 0 divergences")
    assert run("log", "verify", "--data", str(data)).returncode == 0
    # The station starts on it as on any other.
    station = start("--identity", "CP1")
    station.ask("state")
    assert station.stop() == 0


def test_a_text_that_never_reached_the_journal_is_gone_after_the_next_start(start: Start, tmp_path: Path) -> None:
    """If this failed, a power cut between vault and journal would leave somebody in the vault whom no row names and nobody finds."""
    data = tmp_path / "cp"
    station = start()
    assert station.ask("swipe", token="04AA")["ok"]
    station.stop(9)
    vault = Vault(data, os.urandom)
    vault.keep(CARD, PERSON)
    vault.flush(1_000_000)
    station = start()
    station.ask("state")
    assert not known(data)
    assert known(data, "04AA")
    station.stop()


# Where the key comes from


def test_a_passphrase_locks_the_vault_and_can_be_changed(start: Start, tmp_path: Path) -> None:
    """If this failed, a stolen disk would be open, or a change of the passphrase would lose the texts."""
    data, first = tmp_path / "cp", tmp_path / "first"
    first.write_text("correct horse battery staple\n")
    station = start("--vault-key", f"passphrase:{first}")
    assert station.ask("swipe", token=CARD)["ok"]
    station.stop()
    assert not (data / "vault.key").exists()
    without = run("run", "--data", str(data))
    assert without.returncode == 2
    assert "the key of the vault is gone" in without.stderr or "comes from a passphrase" in without.stderr
    wrong = run("run", "--data", str(data), "--vault-key", "passphrase:-", input="wrong\n")
    assert wrong.returncode == 2
    assert "the passphrase is not its key" in wrong.stderr
    changed = run("log", "rekey", "--data", str(data), "--vault-key", "passphrase:-", "--to", f"file:{tmp_path / 'key'}", input=first.read_text())
    assert changed.returncode == 0, changed.stderr
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    station = start("--vault-key", f"file:{tmp_path / 'key'}")
    assert station.ask("forget", token=CARD)["ok"]
    station.stop()
    assert leaks(data) == []


@pytest.mark.parametrize("option", ["", "passphrase", "hunter2", "file:", "tmp:x"])
def test_a_source_that_is_none_is_told_without_quoting_it(tmp_path: Path, option: str) -> None:
    """If this failed, a passphrase that was written where its file belongs would stand in a log."""
    found = run("run", "--data", str(tmp_path), "--vault-key", option or "nonsense")
    assert found.returncode == 2
    assert "must be one of file:PATH" in found.stderr
    assert "hunter2" not in found.stderr


@contextmanager
def software_tpm(state: Path) -> Iterator[None]:
    """A TPM in software, from when it answers to the end of the context."""
    state.mkdir()
    paths = [state / "chip", state / "chip.ctrl"]
    chip = subprocess.Popen(
        ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--flags", "not-need-init,startup-clear",
         "--server", f"type=unixio,path={paths[0]}", "--ctrl", f"type=unixio,path={paths[1]}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with chip:
        try:
            until(lambda: chip.poll() is not None or all(map(is_listened_on, paths)))
            assert chip.returncode is None
            yield
        finally:
            chip.kill()


def is_listened_on(path: Path) -> bool:
    """Return whether a process listens on a Unix socket; a socket is there a moment before."""
    return any(line.endswith(f" {path}") and line.split()[3] == LISTENING for line in Path("/proc/net/unix").read_text().splitlines())


def stand_in(tools: Path, chip: int) -> None:
    """Programs that do as tpm2-tools do, as far as it matters here: what was sealed opens with the same *chip* only."""
    tools.mkdir()
    sealed = f"bytes(b ^ {chip} for b in sys.stdin.buffer.read())"
    opened = f"bytes(b ^ {chip} for b in at('-c').read_bytes())"
    bodies = {
        "tpm2_createprimary": "at('-c').write_bytes(b'primary')",
        "tpm2_create": f"at('-u').write_bytes(b'public'); at('-r').write_bytes({sealed})",
        "tpm2_load": "at('-c').write_bytes(at('-r').read_bytes())",
        "tpm2_unseal": f"sys.stdout.buffer.write({opened})",
        "tpm2_flushcontext": "",
    }
    for name, body in bodies.items():
        tool = tools / name
        tool.write_text(
            f"#!{sys.executable}\nimport sys, pathlib\nargs = sys.argv[1:]\nat = lambda f: pathlib.Path(args[args.index(f) + 1])\n{body}\n"
        )
        tool.chmod(0o700)


@pytest.fixture
def chips(tmp_path: Path) -> Iterator[list[dict[str, str]]]:
    """Two machines, each with a TPM of its own, as environments: in software, or where that is not installed as programs that stand in."""
    if shutil.which("swtpm") is None or shutil.which("tpm2_unseal") is None:
        for n in (1, 2):
            stand_in(tmp_path / f"tools{n}", n)
        yield [{**os.environ, "PATH": f"{tmp_path / f'tools{n}'}:{os.environ['PATH']}"} for n in (1, 2)]
        return
    states = [tmp_path / f"tpm{n}" for n in (1, 2)]
    with ExitStack() as running:
        for state in states:
            running.enter_context(software_tpm(state))
        yield [{**os.environ, "TPM2TOOLS_TCTI": f"swtpm:path={state / 'chip'}"} for state in states]


def test_a_tpm_locks_the_vault(start: Start, tmp_path: Path, chips: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, a disk that was taken out of the station would be open to whoever has it."""
    data = tmp_path / "cp"
    ours, theirs = chips
    station = start()
    assert station.ask("swipe", token=CARD)["ok"]
    station.stop()
    changed = run("log", "rekey", "--data", str(data), "--to", "tpm", env=ours)
    assert changed.returncode == 0, changed.stderr
    assert not (data / "vault.key").exists(), "what opened it before is gone"
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    station = start("--vault-key", "tpm")
    assert station.ask("forget", token=CARD)["ok"]
    assert station.ask("swipe", token="04DDEE")["ok"]
    station.stop()
    station = start("--vault-key", "tpm")
    assert station.ask("forget", token="04DDEE")["ok"], "a start later it is still known"
    station.stop()
    whole = (data / "vault").read_bytes()
    stolen = run("run", "--data", str(data), "--vault-key", "tpm", env=theirs)
    assert stolen.returncode == 2
    assert "is this the chip that sealed the key?" in stolen.stderr or "is not its key" in stolen.stderr
    unnamed = run("run", "--data", str(data), "--vault-key", "tpm:0x81010001", env=ours)
    assert unnamed.returncode == 2
    assert (data / "vault").read_bytes() == whole


def test_a_machine_without_the_tools_says_which_package_is_missing(tmp_path: Path) -> None:
    """If this failed, whoever sets up a station would read a traceback."""
    (tmp_path / "bin").mkdir()
    found = run("run", "--data", str(tmp_path / "cp"), "--vault-key", "tpm", env={"PATH": str(tmp_path / "bin")})
    assert found.returncode == 2
    assert "install the Debian package tpm2-tools" in found.stderr
