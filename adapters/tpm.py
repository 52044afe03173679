"""The vault's key from a TPM 2.0, through the programs of tpm2-tools.

Law: the key is on a pipe and never in a file or an argument; what is remembered of it opens nothing without the chip that made it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.errors import SetupFault
from eventlog.vault_keys import KEY_BYTES

TIMEOUT_S = 60.0


class TpmKey:
    """A key that a TPM keeps.

    Without *handle* a new one is sealed under the chip's owner key, and the sealed blob lies in the vault's header: another chip cannot open it.
    With *handle* (``0x81010001``) it is the object that somebody put there, which must hold 32 bytes.
    """

    source = "tpm"

    def __init__(self, handle: str, entropy: Callable[[int], bytes]) -> None:
        self._handle = handle
        self._entropy = entropy

    def __str__(self) -> str:
        return f"the key of the TPM at {self._handle}" if self._handle else "the key of the TPM"

    def present(self) -> bool:
        """See :class:`eventlog.vault_keys.VaultKey`."""
        return True

    def make(self) -> tuple[bytes, dict[str, Any]]:
        """See :class:`eventlog.vault_keys.VaultKey`."""
        if self._handle:
            return self.find({}), {}
        key = self._entropy(KEY_BYTES)
        with TemporaryDirectory(prefix="stationd-tpm-") as name:
            there = Path(name)
            _primary(there)
            _object("tpm2_create", "-C", "primary.ctx", "-u", "public", "-r", "private", "-i", "-", at=there, given=key)
            return key, {"public": (there / "public").read_bytes(), "private": (there / "private").read_bytes()}

    def find(self, remembered: dict[str, Any]) -> bytes:
        """See :class:`eventlog.vault_keys.VaultKey`."""
        with TemporaryDirectory(prefix="stationd-tpm-") as name:
            there = Path(name)
            if self._handle:
                key = _tool("tpm2_unseal", "-c", self._handle, at=there)
            elif "private" not in remembered:
                raise SetupFault("--vault-key tpm: this vault's key lies in the TPM under a handle; name it, for example --vault-key tpm:0x81010001")
            else:
                for part in ("public", "private"):
                    (there / part).write_bytes(remembered[part])
                _primary(there)
                _object("tpm2_load", "-C", "primary.ctx", "-u", "public", "-r", "private", "-c", "key.ctx", at=there)
                key = _tool("tpm2_unseal", "-c", "key.ctx", at=there)
        if len(key) != KEY_BYTES:
            raise SetupFault(f"{self}: holds {len(key)} bytes and no key of {KEY_BYTES}; seal 32 random bytes there")
        return key


def _primary(there: Path) -> None:
    _object("tpm2_createprimary", "-C", "o", "-c", "primary.ctx", at=there)


def _object(*words: str, at: Path, given: bytes = b"") -> None:
    """A program that makes an object in the chip, which has room for three; where no resource manager gives it back, this does."""
    _tool(*words, at=at, given=given)
    _tool("tpm2_flushcontext", "-t", at=at)


def _tool(*words: str, at: Path, given: bytes = b"") -> bytes:
    """One program of tpm2-tools, to its end; what it prints.  Its complaints hold no key."""
    try:
        done = subprocess.run([*words], cwd=at, input=given, capture_output=True, timeout=TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise SetupFault(f"{words[0]}: not found; install the Debian package tpm2-tools, or choose another --vault-key") from error
    except subprocess.TimeoutExpired as error:
        raise SetupFault(f"{words[0]}: the TPM did not answer within {TIMEOUT_S:.0f} s") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise SetupFault(
            f"{words[0]}: the TPM refused ({said[-1] if said else f'exit status {done.returncode}'}); is this the chip that sealed the key?"
        )
    return done.stdout
