"""The option that says where the vault's key comes from.

Law: what is secret is never an argument: an argument names a file, a chip, or the keyboard.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from engine.errors import SetupFault
from eventlog.vault import Vault
from eventlog.vault_keys import FileKey, PassphraseKey, VaultKey, first_line

HELP = (
    "where the vault's key comes from: file:PATH (32 random bytes, made where there are none), passphrase:PATH (its first line; a systemd credential "
    "is such a file), passphrase:- (asked for), tpm (sealed by this machine's TPM), tpm:0x81010001 (an object in it); default: file:DATA/vault.key"
)
WANTED = "file:PATH, passphrase:PATH, passphrase:-, tpm or tpm:HANDLE"


def add_option(it: argparse.ArgumentParser) -> None:
    """``--vault-key``."""
    it.add_argument("--vault-key", metavar="SOURCE", help=HELP)


def vault_key(option: str | None, data: Path) -> VaultKey:
    """The source that an *option* names.  Raises SetupFault where it names none."""
    kind, _, where = (option or f"file:{data / 'vault.key'}").partition(":")
    match kind:
        case "file" if where:
            return FileKey(Path(where), os.urandom)
        case "passphrase" if where:
            return PassphraseKey(lambda: _passphrase(where), os.urandom)
        case "tpm":
            from adapters.tpm import TpmKey

            return TpmKey(where, os.urandom)
        case _:
            # Not quoted: somebody may have written the passphrase itself.
            raise SetupFault(f"--vault-key: must be one of {WANTED}")


def open_vault(option: str | None, data: Path) -> Vault:
    """The vault of a data directory.  A key that has to be typed or asked of a chip is asked for now, and not in the middle of a session."""
    key = vault_key(option, data)
    vault = Vault(data, os.urandom, key)
    if not isinstance(key, FileKey):
        vault.prepare()
    return vault


def _passphrase(where: str) -> str:
    if where != "-":
        try:
            return first_line(Path(where).read_text(encoding="utf-8"), where)
        except (OSError, UnicodeDecodeError) as error:
            raise SetupFault(f"{where}: the passphrase cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})") from error
    if sys.stdin.isatty():
        from getpass import getpass

        return first_line(getpass("passphrase of the vault: "), "the passphrase")
    return first_line(sys.stdin.readline(), "standard input")
