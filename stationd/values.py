"""The value that a person gives to ``stationd config set``: an argument, a file, standard input or the keyboard.

Law: a secret is never an argument, and is kept nowhere before the vault has it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import SetupFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from component_config.load import Loaded
    from wire.declared import Declared
    from wire.sealing import Secrets


VALUE_MOST_CHARS = 1 << 16
"""More than any value may have."""


def load_files(directory: Path | None, keep: Callable[[str, str], str]) -> Loaded:
    """The component files in *directory* (None: the shipped ones).  Raises ConfigFault with everything that is wrong with them."""
    from component_config.load import load, shipped

    return load([directory or shipped()], keep)


def kept_nowhere(text: str, purpose: str) -> str:
    """A placeholder that leads to nothing, for looking at files and values only."""
    from eventlog.vault import HANDLE_BYTES, placeholder

    return placeholder("0" * HANDLE_BYTES * 2, text, purpose)


def given(value: str | None, file: str | None, text: str, data: Path, directory: Path | None) -> str:
    """The value for the variable that *text* names: an argument where that is no secret, of a *file*, of standard input, or typed.

    *directory* has the component files of a station that has none in *data* yet.  Raises SetupFault where nothing is declared there.
    """
    if value is not None and file is not None:
        raise SetupFault("VALUE, --value-file: give one of them")
    declared, secrets = _declaration(text, data, directory)
    if file is not None:
        return _from_file(file)
    if value is None:
        if not _would_seal(declared, "a", secrets):
            raise SetupFault(f"{text}: no value; give one: stationd config set {text} VALUE, or --value-file FILE")
        return typed(text)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise SetupFault(f"{text}: the value is no UTF-8; give --value-file FILE with it as text") from None
    if _would_seal(declared, value, secrets):
        raise SetupFault(
            f"{text}: this value is a secret or has one in it, and everybody on this machine can read arguments; leave it out to be asked for it, or "
            "give --value-file FILE (- is standard input)"
        )
    return value


def _would_seal(declared: Declared, value: str, secrets: Secrets) -> bool:
    """Whether *value* would be kept in the vault as a secret, all of it or a part."""
    from adapters.operator import sealed
    from eventlog.vault import SECRET

    purposes = []

    def keep(text: str, purpose: str) -> str:
        purposes.append(purpose)
        return kept_nowhere(text, purpose)

    sealed(declared, value, keep, secrets)
    return SECRET in purposes


def _declaration(text: str, data: Path, directory: Path | None) -> tuple[Declared, Secrets]:
    """What is declared at an address, and what the files make secret."""
    from machines.device_model.state import DeviceModel, key_in
    from replay.address import address
    from replay.settings import undeclared
    from wire.sealing import secrets_of

    key = address(text)
    declarations = _of_journal(data)
    if declarations and directory is not None:
        print(
            f"{directory}: not read, for {data} has a station with component files; stationd run --component-config gives it others", file=sys.stderr
        )
    declarations = declarations or load_files(directory, kept_nowhere).declarations
    model = DeviceModel(declared={key_in(declared): declared for declared in declarations})
    if key not in model.declared:
        raise SetupFault(undeclared(model, key, text))
    return model.declared[key], secrets_of(declarations)


def _of_journal(data: Path) -> Sequence[Declared]:
    """What the station of *data* declares; nothing where it has never run."""
    from eventlog import snapshots
    from eventlog.journal import Journal
    from machines.device_model.state import DEVICE_MODEL
    from replay.reading import KERNEL

    if not (data / "journal" / "data.mdb").exists():
        return ()
    journal = Journal(data / "journal", readonly=True)
    try:
        return tuple(snapshots.restore(journal, KERNEL, snapshots.fold_version).station[DEVICE_MODEL].declared.values())
    finally:
        journal.close()


def _from_file(name: str) -> str:
    try:
        if name == "-":
            text = sys.stdin.read(VALUE_MOST_CHARS + 1)
        else:
            with Path(name).open(encoding="utf-8", newline="") as file:
                text = file.read(VALUE_MOST_CHARS + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise SetupFault(f"{name}: cannot be read ({why}); name a file with the value in it") from error
    if len(text) > VALUE_MOST_CHARS:
        raise SetupFault(f"{name}: has more than {VALUE_MOST_CHARS} characters; right would be a file with one value in it")
    # An editor ends the last line; a value does not end with one.
    return text.removesuffix("\n").removesuffix("\r")


def typed(text: str) -> str:
    """A secret, typed twice without being shown."""
    if not sys.stdin.isatty():
        raise SetupFault(f"{text}: a secret is typed at a terminal, or read from a file: give --value-file FILE (- is standard input)")
    from getpass import getpass

    try:
        first = getpass(f"{text}: ")
        again = getpass("once more: ")
    except EOFError:
        raise SetupFault(f"{text}: the input ended before it was typed twice; nothing was set", 1) from None
    if again != first:
        raise SetupFault(f"{text}: the two are not the same; nothing was set", 1)
    return first
