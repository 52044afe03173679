"""Where secrets and persons live, so that the journal need not.

Law: durable before the journal names it.  A text is kept under a handle that only the vault's key can make, so equal texts are equal in the journal
and nobody without the key can guess one; the file itself is encrypted record by record.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import msgpack

from engine.errors import SetupFault
from wire.sealed import Sealed

log = logging.getLogger("stationd.vault")

KEY_BYTES = 32
NONCE_BYTES = 12
LENGTH_BYTES = 4

SECRET, PERSON = "secret", "person"
"""Purposes: a secret is only ever revealed to the adapter that logs in with it, a person's text also to the CSMS in a message."""


class Keeper(Protocol):
    """What sealing needs of a vault."""

    def keep(self, text: str, purpose: str) -> str:
        """The placeholder that stands for *text* from now on; durable on return."""

    def reveal(self, handle: str, purpose: str) -> str | None:
        """The text behind *handle*, where it was kept for *purpose*; else None."""


def handle_of(key: bytes, text: str, purpose: str) -> str:
    """The handle of *text*: a keyed digest of purpose and text."""
    return blake2b(f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), key=key, digest_size=16).hexdigest()


def placeholder(handle: str, text: str) -> str:
    """How a sealed text stands in values and payloads."""
    printable = text.isascii() and text.isprintable()
    return Sealed(handle=handle, length=len(text), printable=printable).text


class MemoryVault:
    """The same in memory, for the simulator: the key comes from its seed."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._kept: dict[str, tuple[str, str]] = {}

    def keep(self, text: str, purpose: str) -> str:
        """See :class:`Keeper`."""
        handle = handle_of(self._key, text, purpose)
        self._kept[handle] = (purpose, text)
        return placeholder(handle, text)

    def reveal(self, handle: str, purpose: str) -> str | None:
        """See :class:`Keeper`."""
        found = self._kept.get(handle)
        return found[1] if found is not None and found[0] == purpose else None


class Vault:
    """A file of encrypted records (ChaCha20-Poly1305), appended and flushed.

    *entropy(n)* gives n random bytes.  A torn last record is what a power cut leaves, and is cut off; a record that does not decrypt in the middle
    of the file is an error.  The key lies in a file of its own beside it (``vault.key``, mode 0600), made with the first secret.
    """

    def __init__(self, directory: Path, entropy: Callable[[int], bytes]) -> None:
        self._path = directory / "vault"
        self._entropy = entropy
        self._key_path = directory / "vault.key"
        self._handles = b""
        if self._path.exists() and not self._key_path.exists():
            raise SetupFault(
                f"{self._key_path}: the key of the vault is gone, so nothing in {self._path.name} can be read; put the key back, or move "
                "the vault away too and provision the station again"
            )
        self._kept: dict[str, tuple[str, str]] | None = None
        self._cipher: Any = None

    def _load_key(self, path: Path) -> bytes:
        try:
            key = path.read_bytes()
        except FileNotFoundError:
            key = self._entropy(KEY_BYTES)
            _write_whole(path, key)
        except OSError as error:
            raise SetupFault(f"{path}: cannot be read ({error.strerror}); this user must own it") from error
        if len(key) != KEY_BYTES:
            raise SetupFault(f"{path}: holds {len(key)} bytes and no key of {KEY_BYTES}; put the right file back")
        return key

    def keep(self, text: str, purpose: str) -> str:
        """See :class:`Keeper`."""
        kept = self._open()
        handle = handle_of(self._handles, text, purpose)
        if handle not in kept:
            nonce = self._entropy(NONCE_BYTES)
            sealed = nonce + self._cipher.encrypt(nonce, msgpack.packb([handle, purpose, text], unicode_errors="surrogatepass"), None)
            record = len(sealed).to_bytes(LENGTH_BYTES, "big") + sealed
            if kept:
                with self._path.open("ab") as file:
                    file.write(record)
                    file.flush()
                    os.fsync(file.fileno())
            else:
                # The first one is always whole: it proves whether the key is the right one.
                _write_whole(self._path, record)
            kept[handle] = (purpose, text)
        return placeholder(handle, text)

    def reveal(self, handle: str, purpose: str) -> str | None:
        """See :class:`Keeper`."""
        found = self._open().get(handle)
        return found[1] if found is not None and found[0] == purpose else None

    def _open(self) -> dict[str, tuple[str, str]]:
        """Read the file, once; the cipher's library is loaded here and not before, because an idle station needs none."""
        if self._kept is not None:
            return self._kept
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        key = self._load_key(self._key_path)
        self._handles = blake2b(b"handles", key=key, digest_size=KEY_BYTES).digest()
        self._cipher = ChaCha20Poly1305(key)
        kept: dict[str, tuple[str, str]] = {}
        data = self._path.read_bytes() if self._path.exists() else b""
        place = 0
        while place < len(data):
            size = int.from_bytes(data[place : place + LENGTH_BYTES], "big")
            record = data[place + LENGTH_BYTES : place + LENGTH_BYTES + size]
            try:
                if len(record) < size or size <= NONCE_BYTES:
                    raise InvalidTag
                clear = self._cipher.decrypt(record[:NONCE_BYTES], record[NONCE_BYTES:], None)
            except InvalidTag:
                # A record is durable before the next one is written, so what is torn is the last one, whatever its bytes say of its length.
                short = len(record) < size
                if not (short or kept) or self._record_behind(data, place):
                    raise SetupFault(
                        f"{self._path}: damaged at byte {place}, or {self._path.name}.key is not its key; put a good copy of both back, or move "
                        "both away and provision the station again"
                    ) from None
                log.warning("the vault's last record was torn by a power cut and is cut off at byte %d", place)
                with self._path.open("r+b") as file:
                    file.truncate(place)
                    os.fsync(file.fileno())
                break
            handle, purpose, text = msgpack.unpackb(clear, unicode_errors="surrogatepass")
            kept[handle] = (purpose, text)
            place += LENGTH_BYTES + size
        self._kept = kept
        return kept

    def _record_behind(self, data: bytes, place: int) -> bool:
        """Whether a whole record lies anywhere behind *place*."""
        from cryptography.exceptions import InvalidTag

        for begin in range(place + 1, len(data) - LENGTH_BYTES - NONCE_BYTES):
            size = int.from_bytes(data[begin : begin + LENGTH_BYTES], "big")
            record = data[begin + LENGTH_BYTES : begin + LENGTH_BYTES + size]
            if NONCE_BYTES < size == len(record):
                with suppress(InvalidTag):
                    self._cipher.decrypt(record[:NONCE_BYTES], record[NONCE_BYTES:], None)
                    return True
        return False


def _write_whole(path: Path, data: bytes) -> None:
    """Make a file that is there with all of *data*, or not at all, whenever the power fails."""
    draft = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
