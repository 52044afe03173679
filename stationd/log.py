"""``stationd log forget`` and ``stationd log rekey``: the two commands that change what a data directory says.

Law: one-way flow without a daemon too: what is asked for is an input, the same machines decide and the journal has it before anything is done.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import JournalFault, SetupFault
from replay import cli
from replay.paths import default_data
from stationd import mend
from stationd.vault_key import add_option, open_vault, vault_key

if TYPE_CHECKING:
    from engine.event import Effect, EffectId, Input
    from engine.kernel import Kernel
    from engine.machine import Station
    from engine.recorder import Recorder
    from eventlog.journal import Journal
    from eventlog.vault import Keeper

TIMEOUT_S = 30.0
ROUNDS_MOST = 8

FORGET_EXAMPLE = """example:
  stationd log forget --token-file - --data ./cp001 < card.txt
  stationd log forget --pseudonym 304f92 --data ./cp001

A station that runs is asked over its control socket; where none runs, this command decides and does it.  What happened stays in the journal, under
a pseudonym that leads to nobody.  Whoever is in a session, or in a message that waits, is forgotten when that is over.
"""

REKEY_EXAMPLE = """example:
  stationd log rekey --data ./cp001 --to passphrase:./passphrase.txt
  stationd log rekey --data ./cp001 --vault-key passphrase:./passphrase.txt --to tpm

The station must not run.  Texts stay as they are; only the keyring is locked anew.
"""


def add_arguments(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``log`` and ``replay``, and what is added to ``log`` here."""
    cli.add_arguments(subparsers, more=_add)


def _add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    mend.add_arguments(commands)
    it = cli.over_data(commands, "forget", "forget a person, for good", FORGET_EXAMPLE)
    who = it.add_mutually_exclusive_group(required=True)
    who.add_argument("--token-file", metavar="FILE", help="a file whose first line is the idToken, eMAID or EVCCID; - is standard input")
    who.add_argument("--pseudonym", metavar="HEX", help="what log sessions shows instead of it, or more digits of it")
    it.add_argument("--control", metavar="PATH", type=Path, help="the control socket (default: control.sock in the data directory)")
    add_option(it)
    it.set_defaults(func=forget)
    it = cli.over_data(commands, "rekey", "have the vault's key come from somewhere else", REKEY_EXAMPLE)
    it.add_argument("--to", metavar="SOURCE", required=True, help="where it comes from in future, as for --vault-key")
    add_option(it)
    it.set_defaults(func=rekey)


def _claim(data: Path) -> tuple[Journal, Kernel]:
    """The journal of a station that does not run, to be written, and its machines: their records must be known before it is opened."""
    from eventlog.journal import Journal
    from eventlog.store import STATUS_UNREADABLE
    from replay.reading import KERNEL

    if not (data / "journal" / "data.mdb").exists():
        raise SetupFault(f"{data}: no journal here; give the data directory of a station that has run (--data DIR)", STATUS_UNREADABLE)
    journal = Journal(data / "journal", entropy=os.urandom)
    journal.opened()
    return journal, KERNEL


# Forgetting


def forget(args: argparse.Namespace) -> int:
    """Forget a person; exit status 1 where there is no such person."""
    data: Path = args.data or default_data()
    who = {"pseudonym": args.pseudonym} if args.pseudonym is not None else {"token": _token(args.token_file)}
    answer = _ask_station(args.control or data / "control.sock", who)
    if answer is None:
        answer = _forget_here(data, args.vault_key, who)
    elif not answer["ok"]:
        raise SetupFault(str(answer["error"]), 1)
    else:
        answer = answer["result"]
    for pseudonym, waits_for in answer["subjects"].items():
        if waits_for:
            print(f"{pseudonym} is needed for {waits_for} still, and will be forgotten when that is over")
        else:
            print(f"{pseudonym} is forgotten")
    return 0


def _token(name: str) -> str:
    try:
        text = sys.stdin.readline() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupFault(
            f"{name}: cannot be read ({getattr(error, 'strerror', None) or 'it is no text'}); name a file with the token in it"
        ) from error
    token = text.split("\n", 1)[0].strip()
    if not token:
        raise SetupFault(f"{'standard input' if name == '-' else name}: its first line is empty; write the token there")
    return token


def _ask_station(control: Path, who: dict[str, str]) -> dict[str, Any] | None:
    """What the station that runs says; None where none does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT_S)
        try:
            sock.connect(os.fspath(control))
        except OSError:
            return None
        try:
            sock.sendall(json.dumps({"id": 1, "verb": "forget", "args": who}).encode() + b"\n")
            with sock.makefile("rb") as lines:
                found: dict[str, Any] = json.loads(lines.readline() or b"null") or {"ok": False, "error": "the station went away without an answer"}
        except TimeoutError:
            raise SetupFault(f"no answer within {TIMEOUT_S:.0f} s; the station is busy or its journal cannot be written", 1) from None
        return found


def _forget_here(data: Path, option: str | None, who: dict[str, str]) -> dict[str, Any]:
    """The station's house without links: the same input, the same machines, the same journal."""
    from adapters.control import awaited, subjects
    from engine.recorder import Recorder
    from eventlog import snapshots
    from machines.boot.state import BOOT
    from machines.inputs import ForgetAsked

    journal, kernel = _claim(data)
    try:
        vault = open_vault(option, data)
        handles = subjects(vault, who)
        folded = snapshots.restore(journal, kernel, snapshots.fold_version)
        # Station time stands still here: nothing that the station waits for comes due while it does not run.  No process starts, so what is decided
        # is decided with the flags of the last one.
        recorder = Recorder(
            clock=lambda: 0,
            entropy=lambda: int.from_bytes(os.urandom(8), "big"),
            last_seq=folded.seq,
            last_at=folded.at,
            anchor_us=None,
            flags=folded.station[BOOT].flags,
        )
        house = _House(kernel, journal, vault, recorder, folded.station)
        house.resume()
        house.tell(ForgetAsked(handles=handles))
        return {"subjects": {handle[:6]: awaited(vault, house.station, handle) for handle in handles}}
    finally:
        journal.close()


class _House:
    """Decide, make durable, perform, and take what comes of it for the next input: the daemon's loop with one port and no time."""

    def __init__(self, kernel: Kernel, journal: Journal, vault: Keeper, recorder: Recorder, station: Station) -> None:
        from adapters.shredder import Shredder

        self._kernel = kernel
        self._journal = journal
        self._vault = vault
        self._recorder = recorder
        self.station = station
        self._told: list[Input] = []
        self._port = Shredder(vault)
        self._port.start(self._told.append)

    def resume(self) -> None:
        """Do what the last process was to destroy and did not."""
        from engine.kernel import outbox_ids

        for effect_id, effect in outbox_ids(self.station, self._recorder.station):
            self._perform(effect_id, effect)

    def tell(self, input: Input) -> None:
        """One input, and all that comes of it.  Raises JournalFault where the vault cannot be written."""
        from engine.event import EffectId
        from engine.kernel import Settled
        from eventlog.codec import encode_turn

        self._told.append(input)
        failed = ""
        while self._told:
            heard = self._told.pop(0)
            if isinstance(heard, Settled) and heard.outcome != "done":
                failed = heard.detail
            turn, self.station = self._kernel.turn(self.station, heard, self._recorder.stamp())
            self._vault.flush(turn.seq)
            self._journal.append([(turn.seq, encode_turn(turn))])
            for index, effect in enumerate(turn.effects):
                self._perform(EffectId(self._recorder.station, turn.seq, index), effect)
        if failed:
            raise JournalFault(f"the vault could not be written ({failed}); it is tried again when the station runs, or with this command")

    def _perform(self, effect_id: EffectId, effect: Effect) -> None:
        if isinstance(effect, self._port.performs):
            self._port.perform(effect_id, effect)


# Another key


def rekey(args: argparse.Namespace) -> int:
    """Have the vault's key come from another source."""
    from eventlog.vault import Vault
    from eventlog.vault_keys import FileKey

    data: Path = args.data or default_data()
    if not (data / "vault").exists():
        raise SetupFault(f"{data}: no vault here; a station that has kept no secret yet takes any --vault-key at its first start")
    # Whoever has the journal has the vault.
    journal, _ = _claim(data)
    try:
        before, after = vault_key(args.vault_key, data), vault_key(args.to, data)
        Vault(data, os.urandom, before).rekey(after)
        if isinstance(before, FileKey) and not (isinstance(after, FileKey) and after.path.resolve() == before.path.resolve()):
            # It opens old copies of the vault still, and must not lie about.
            before.path.unlink()
    finally:
        journal.close()
    print(f"the vault's key comes from {args.to.partition(':')[0]} now; start the station with --vault-key {args.to}")
    return 0
