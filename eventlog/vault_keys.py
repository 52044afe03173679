"""Where the vault's key comes from: one small port, and the two sources that need nothing but files.

Law: a key is never an argument, never in a log, and never beside the vault unless it was asked to lie there.  The key opens the keyring only, so
another source is another wrapping of one key, and no text is touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from engine.errors import SetupFault
from eventlog.files import sync_directory
from eventlog.vault_file import write_durably

KEY_BYTES = 32
SALT_BYTES = 16

SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 15, 8, 1
"""A tenth of a second and 32 megabytes for a guess: once for every start, and once for everybody who tries passphrases."""


class VaultKey(Protocol):
    """A source of the vault's key."""

    @property
    def source(self) -> str:
        """One word for the vault's header: ``file``, ``passphrase``, ``tpm``."""

    def present(self) -> bool:
        """False where it is plain, without opening anything, that the key is gone."""

    def make(self) -> tuple[bytes, dict[str, Any]]:
        """A key, durable where it has to be, and what the vault's header has to remember to find it again: nothing secret."""

    def find(self, remembered: dict[str, Any]) -> bytes:
        """The key, by what was remembered.  Raises SetupFault where it cannot be had."""


class FileKey:
    """A file of 32 random bytes, mode 0600, made with the first secret."""

    source = "file"

    def __init__(self, path: Path, entropy: Callable[[int], bytes]) -> None:
        self.path = path
        self._entropy = entropy

    def __str__(self) -> str:
        return str(self.path)

    def present(self) -> bool:
        """See :class:`VaultKey`."""
        return self.path.exists()

    def make(self) -> tuple[bytes, dict[str, Any]]:
        """A key file that is there already is used: somebody put it there, or a power cut came between it and the vault."""
        if not self.path.exists():
            key = self._entropy(KEY_BYTES)
            beside = self.path.with_name(f"{self.path.name}.new")
            write_durably(beside, key)
            beside.replace(self.path)
            sync_directory(self.path.parent)
        return self.find({}), {}

    def find(self, remembered: dict[str, Any]) -> bytes:  # noqa: ARG002 (where it lies is said at every start)
        """See :class:`VaultKey`."""
        try:
            key = self.path.read_bytes()
        except OSError as error:
            raise SetupFault(f"{self.path}: cannot be read ({error.strerror}); this user must own it") from error
        if len(key) != KEY_BYTES:
            raise SetupFault(f"{self.path}: holds {len(key)} bytes and no key of {KEY_BYTES}; put the right file back")
        return key


class PassphraseKey:
    """A passphrase, stretched by scrypt with a salt that lies in the vault's header.  *read* gives it, and is asked once."""

    source = "passphrase"

    def __init__(self, read: Callable[[], str], entropy: Callable[[int], bytes]) -> None:
        self._read = read
        self._entropy = entropy
        self._passphrase: str | None = None

    def __str__(self) -> str:
        return "the passphrase"

    def present(self) -> bool:
        """See :class:`VaultKey`."""
        return True

    def make(self) -> tuple[bytes, dict[str, Any]]:
        """See :class:`VaultKey`."""
        remembered = {"salt": self._entropy(SALT_BYTES), "n": SCRYPT_N, "r": SCRYPT_R, "p": SCRYPT_P}
        return self.find(remembered), remembered

    def find(self, remembered: dict[str, Any]) -> bytes:
        """See :class:`VaultKey`."""
        if self._passphrase is None:
            self._passphrase = self._read()
        n, r, p = remembered["n"], remembered["r"], remembered["p"]
        return hashlib.scrypt(self._passphrase.encode(), salt=remembered["salt"], n=n, r=r, p=p, maxmem=256 * n * r, dklen=KEY_BYTES)


def first_line(text: str, where: str) -> str:
    """The passphrase in a file's *text*: its first line, without the line's end.  Raises SetupFault where there is none."""
    line = text.split("\n", 1)[0].removesuffix("\r")
    if not line:
        raise SetupFault(f"{where}: its first line is empty and no passphrase; write the passphrase there")
    return line
