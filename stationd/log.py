"""``stationd log forget`` and ``stationd log rekey``: the two commands that change what a data directory says.

Law: one-way flow without a daemon too: what is asked for is an input, the same machines decide and the journal has it before anything is done.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from engine.errors import SetupFault
from replay import cli
from replay.paths import default_data
from stationd import mend, offline
from stationd.vault_key import add_option, vault_key

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


# Forgetting


def forget(args: argparse.Namespace) -> int:
    """Forget a person; exit status 1 where there is no such person."""
    data: Path = args.data or default_data()
    who = {"pseudonym": args.pseudonym} if args.pseudonym is not None else {"token": _token(args.token_file)}
    answer = offline.ask_station(args.control or data / "control.sock", "forget", who)
    if answer is None:
        answer = _forget_here(data, args.vault_key, who)
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


def _forget_here(data: Path, option: str | None, who: dict[str, str]) -> dict[str, Any]:
    """The same without a daemon."""
    from adapters.control import awaited, subjects
    from machines.inputs import ForgetAsked

    with offline.station(data, option) as house:
        handles = subjects(house.vault, who)
        house.tell(ForgetAsked(handles=handles))
        return {"subjects": {handle[:6]: awaited(house.vault, house.station, handle) for handle in handles}}


# Another key


def rekey(args: argparse.Namespace) -> int:
    """Have the vault's key come from another source."""
    from eventlog.vault import Vault
    from eventlog.vault_keys import FileKey

    data: Path = args.data or default_data()
    if not (data / "vault").exists():
        raise SetupFault(f"{data}: no vault here; a station that has kept no secret yet takes any --vault-key at its first start")
    # Whoever has the journal has the vault.
    journal = offline.claim(data)
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
