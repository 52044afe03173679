"""Where secrets and persons live, so that the journal need not.

Law: durable before the journal names it, and forgotten for good.  A text is kept under a handle that was drawn for it, so equal texts are equal in
the journal as long as they are kept, and a handle says nothing of a text that is not.  Spellings of a person's text that differ in case only have
related handles (:func:`wire.sealed.is_same_identifier`).  Every text has a random key of its own; those keys stand in
the vault's keyring, encrypted by the keyring's key, and that one by the vault's key (:mod:`eventlog.vault_keys`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final, Protocol

import msgpack

from engine.errors import SetupFault
from eventlog import vault_file
from eventlog.vault_file import Contents, Entry, Header
from eventlog.vault_keys import KEY_BYTES, FileKey, VaultKey
from wire.sealed import FAMILY_DIGITS, Sealed

log = logging.getLogger("stationd.vault")

HANDLE_BYTES = 16
NONCE_BYTES = 12
LENGTH_BYTES = 4
EMPTY: Final[Mapping[str, tuple[str, str]]] = {}

MASKED_ANYWHERE_CHARS = 4
"""A kept text with fewer characters is masked only where it stands as a word of its own: it would be found everywhere, and hidden nowhere."""

SECRET, PERSON, FRAME = "secret", "person", "frame"
"""Purposes: a secret is only ever revealed to the adapter that logs in with it, a person's text also to the CSMS in a message.  A frame that nobody
could read is kept as evidence, and goes with any person that it mentions."""


class Keeper(Protocol):
    """What sealing and the adapters need of a vault."""

    def keep(self, text: str, purpose: str) -> str:
        """The placeholder that stands for *text* from now on; durable after the next :meth:`flush`."""

    def flush(self, seq: int) -> None:
        """Make durable what was kept since the last time, before turn *seq* is written and may name it.  Raises OSError where that fails."""

    def reveal(self, handle: str, purpose: str) -> str | None:
        """The text behind *handle*, where it was kept for *purpose*; else None."""

    def holds(self, handle: str) -> bool:
        """Whether there is a text behind *handle*, whatever it was kept for."""

    def find(self, text: str) -> list[str]:
        """The handles of a person's *text*, in whatever case it was written."""

    def begin(self, prefix: str) -> list[str]:
        """The handles of persons that begin with *prefix*."""

    def mask(self, text: str) -> str:
        """*text* with every secret and person in it that is kept, in whatever case, replaced by its placeholder."""

    def forget(self, handles: Iterable[str]) -> None:
        """Destroy texts and their keys, and whatever frame mentions a person among them; what is gone already is passed over."""


def placeholder(handle: str, text: str, purpose: str) -> str:
    """How a sealed text stands in values and payloads.  Only of a secret it says whether it is all digits: a SIM's PIN is judged by that."""
    printable = text.isascii() and text.isprintable()
    return Sealed(handle=handle, length=len(text), printable=printable, digits=purpose == SECRET and printable and text.isdigit()).text


def shown_to_csms(vault: Keeper, handle: str) -> str | None:
    """What stands in a message for a placeholder: the person; for one who was forgotten a word that every schema takes; for a secret nothing."""
    text = vault.reveal(handle, PERSON)
    return text if text is not None or vault.holds(handle) else f"forgotten-{handle[:6]}"


class _Texts:
    """What both vaults know in memory: which text a handle stands for, and which handle a text has."""

    def __init__(self) -> None:
        self.of: dict[str, tuple[str, str]] = {}
        self.handles: dict[tuple[str, str], str] = {}
        self.families: dict[str, list[str]] = {}
        """Folded text of a person -> the handles of its spellings."""

    def put(self, handle: str, purpose: str, text: str) -> None:
        self.of[handle] = found = (purpose, text)
        self.handles[found] = handle
        if purpose == PERSON:
            self.families.setdefault(text.casefold(), []).append(handle)

    def related(self, drawn: str, purpose: str, text: str) -> str:
        """The handle that *drawn* becomes: a person's is related to those of the text's other spellings, so that machines can compare them."""
        family = self.families.get(text.casefold()) if purpose == PERSON else None
        return family[0][:FAMILY_DIGITS] + drawn[FAMILY_DIGITS:] if family else drawn

    def drop(self, handles: Iterable[str]) -> None:
        for handle in handles:
            found = self.of.pop(handle, None)
            if found is None:
                continue
            del self.handles[found]
            purpose, text = found
            if purpose == PERSON:
                family = self.families[text.casefold()]
                family.remove(handle)
                if not family:
                    del self.families[text.casefold()]

    def reveal(self, handle: str, purpose: str) -> str | None:
        found = self.of.get(handle)
        return found[1] if found is not None and found[0] == purpose else None

    def find(self, text: str) -> list[str]:
        # OCPP compares an idToken without its case.
        return sorted(self.families.get(text.casefold(), ()))

    def begin(self, prefix: str) -> list[str]:
        return sorted(handle for handle, (purpose, _) in self.of.items() if purpose == PERSON and handle.startswith(prefix))

    def mask(self, text: str) -> str:
        folded = text.casefold()
        there = {(kept, purpose) for purpose, kept in self.of.values() if kept and purpose != FRAME and kept.casefold() in folded}
        if not there:
            return text
        marks = {kept.casefold(): placeholder(self.handles[purpose, kept], kept, purpose) for kept, purpose in sorted(there)}
        # In one go, the longest first: what stands for one text is not searched for another.
        longest = sorted(marks, key=len, reverse=True)
        pattern = "|".join(re.escape(kept) if len(kept) >= MASKED_ANYWHERE_CHARS else rf"(?<!\w){re.escape(kept)}(?!\w)" for kept in longest)
        # A character may be several ones when it is folded.
        places = [place for place, character in enumerate(text) for _ in character.casefold()]
        parts, end = [], 0
        for found in re.finditer(pattern, folded):
            begin, past = places[found.start()], places[found.end() - 1] + 1
            if begin >= end:
                parts += [text[end:begin], marks[found[0]]]
                end = past
        return "".join([*parts, text[end:]])

    def to_go(self, handles: Iterable[str]) -> set[str]:
        """Those of *handles* that are there, and every frame that mentions a person among them."""
        going = {handle for handle in handles if handle in self.of}
        persons = [self.of[handle][1].casefold() for handle in going if self.of[handle][0] == PERSON]
        if persons:
            going |= {h for h, (purpose, text) in self.of.items() if purpose == FRAME and any(person in text.casefold() for person in persons)}
        return going


class MemoryVault:
    """The same in memory, for the simulator: its chance is the *key*, so a text has one handle in all lives of a seed, until it is forgotten."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._texts = _Texts()
        self._lives: dict[tuple[str, str], int] = {}

    def keep(self, text: str, purpose: str) -> str:
        """See :class:`Keeper`."""
        handle = self._texts.handles.get((purpose, text))
        if handle is None:
            life = self._lives[purpose, text] = self._lives.get((purpose, text), -1) + 1
            drawn = f"{purpose}\0{text}\0{life}" if life else f"{purpose}\0{text}"
            digest = blake2b(drawn.encode("utf-8", "surrogatepass"), key=self._key, digest_size=HANDLE_BYTES).hexdigest()
            handle = self._texts.related(digest, purpose, text)
            self._texts.put(handle, purpose, text)
        return placeholder(handle, text, purpose)

    def flush(self, seq: int) -> None:
        """See :class:`Keeper`."""

    def reveal(self, handle: str, purpose: str) -> str | None:
        """See :class:`Keeper`."""
        return self._texts.reveal(handle, purpose)

    def holds(self, handle: str) -> bool:
        """See :class:`Keeper`."""
        return handle in self._texts.of

    def find(self, text: str) -> list[str]:
        """See :class:`Keeper`."""
        return self._texts.find(text)

    def begin(self, prefix: str) -> list[str]:
        """See :class:`Keeper`."""
        return self._texts.begin(prefix)

    def mask(self, text: str) -> str:
        """See :class:`Keeper`."""
        return self._texts.mask(text)

    def forget(self, handles: Iterable[str]) -> None:
        """See :class:`Keeper`."""
        self._texts.drop(self._texts.to_go(handles))


class Vault:
    """A file of encrypted texts (ChaCha20-Poly1305), appended to and flushed once a group, written anew where something is destroyed.

    *entropy(n)* gives n random bytes; *key* is where the vault's key comes from, by default a file beside it (``vault.key``).  One thread only.
    """

    def __init__(self, directory: Path, entropy: Callable[[int], bytes], key: VaultKey | None = None) -> None:
        self.path = directory / "vault"
        self._entropy = entropy
        self._key: VaultKey = key or FileKey(directory / "vault.key", entropy)
        self._texts: _Texts | None = None
        self._ring: _Cipher | None = None
        self._header = Header("", {}, b"")
        self._size = 0
        self._pending: list[str] = []
        self._used: set[str] = set()
        self._used_before: set[str] = set()
        if self.path.exists() and not self._key.present():
            raise SetupFault(
                f"{self._key}: the key of the vault is gone, so nothing in {self.path.name} can be read; put the key back, or move "
                "the vault away too and provision the station again"
            )

    # Keeping and revealing

    def keep(self, text: str, purpose: str) -> str:
        """See :class:`Keeper`."""
        texts = self._open()
        handle = texts.handles.get((purpose, text))
        if handle is None:
            handle = texts.related(self._entropy(HANDLE_BYTES).hex(), purpose, text)
            texts.put(handle, purpose, text)
            self._pending.append(handle)
        self._used.add(handle)
        return placeholder(handle, text, purpose)

    def flush(self, seq: int) -> None:
        """See :class:`Keeper`.  One write and one flush of the disk for all of them, and nothing at all where there are none."""
        if not self._pending:
            return
        texts = self._open()
        ring = self._ring or self._make()
        entries = [self._entry(ring, handle, seq, *texts.of[handle]) for handle in self._pending]
        self._size = vault_file.append(self.path, vault_file.packed(entries), self._size)
        self._pending = []

    def abandon(self, named: Collection[str]) -> None:
        """Drop what was kept, is not durable and is not among the handles *named*: whoever brought it was refused."""
        if self._pending:
            self._open().drop([handle for handle in self._pending if handle not in named])
            self._pending = [handle for handle in self._pending if handle in named]

    def reveal(self, handle: str, purpose: str) -> str | None:
        """See :class:`Keeper`."""
        return self._open().reveal(handle, purpose)

    def holds(self, handle: str) -> bool:
        """See :class:`Keeper`."""
        return handle in self._open().of

    def find(self, text: str) -> list[str]:
        """See :class:`Keeper`."""
        return self._open().find(text)

    def begin(self, prefix: str) -> list[str]:
        """See :class:`Keeper`."""
        return self._open().begin(prefix)

    def mask(self, text: str) -> str:
        """See :class:`Keeper`."""
        return self._open().mask(text)

    # Destroying

    def forget(self, handles: Iterable[str]) -> None:
        """See :class:`Keeper`.  The file is written anew without them: on return no byte of their texts and keys is in it.  Raises OSError."""
        texts = self._open()
        going = texts.to_go(handles)
        if not going:
            return
        # Written first: where that fails, everything is as it was and the effect is asked for again.
        if not going.issubset(self._pending):
            contents = self._contents()
            self._write(self._header, [entry for entry in contents.entries if entry.handle not in going], contents.swept)
        texts.drop(going)
        self._pending = [handle for handle in self._pending if handle not in going]

    # Orphans

    def unswept(self) -> dict[str, int]:
        """What was kept since orphans were last looked for: handle -> the first turn that may name it.  Needs no key, and no cipher."""
        if not self.path.exists():
            return {}
        data = self.path.read_bytes()
        if not vault_file.is_ours(data):
            return {}
        contents = vault_file.read(self.path, data)
        return {entry.handle: entry.seq for entry in contents.entries if entry.seq > contents.swept}

    def swept(self, seq: int) -> None:
        """Remember that nothing kept for turn *seq* or one before it is an orphan.  Raises OSError."""
        self._open()
        self._size = vault_file.append(self.path, vault_file.packed_swept(seq), self._size)

    def sweepable(self) -> set[str]:
        """The handles that may go where nothing names them: durable, and not used lately.

        What was used since the last but one time that this was asked is left out, because an input that names it may be on its way to the journal.
        """
        spared = self._used | self._used_before | set(self._pending)
        self._used, self._used_before = set(), self._used
        return self._open().of.keys() - spared

    # The key

    def prepare(self) -> None:
        """Read the file, and make it where there is none: for a key that somebody has to type, or a chip to give, when the station starts."""
        self._open()
        if self._ring is None:
            self._make()

    def rekey(self, key: VaultKey) -> None:
        """Wrap the keyring's key by another vault key.  No text and no text's key is touched; one rename is the moment at which it counts."""
        self.prepare()
        contents = self._contents()
        clear = _Cipher(self._key.find(self._header.remembered)).open(self._header.key, b"ring")
        vault_key, remembered = key.make()
        header = Header(key.source, remembered, _Cipher(vault_key).close(clear, b"ring", self._entropy))
        self._write(header, contents.entries, contents.swept)
        self._key = key

    # The file

    def _open(self) -> _Texts:
        """Read the file, once; the cipher's library is loaded here and not before, because an idle station needs none."""
        if self._texts is not None:
            return self._texts
        texts = _Texts()
        data = self.path.read_bytes() if self.path.exists() else b""
        if data and not vault_file.is_ours(data):
            kept = _read_first_format(self.path, data, FileKey(self.path.with_name("vault.key"), self._entropy))
            self._make(kept)
            log.info("the vault of an earlier build was carried over: %d texts", len(kept))
            data = self.path.read_bytes()
        if data:
            contents = vault_file.read(self.path, data)
            self._header, self._size = contents.header, contents.size
            ring = self._ring = self._unlock()
            if contents.torn:
                log.warning("the vault's last record was torn by a power cut and is cut off at byte %d", contents.size)
                vault_file.cut(self.path, contents.size)
            for entry in contents.entries:
                handle = bytes.fromhex(entry.handle)
                try:
                    clear = _Cipher(ring.open(entry.key, handle)).open(entry.text, handle)
                except ValueError:
                    raise SetupFault(f"{self.path}: the text under {entry.handle[:6]} is damaged; put a good copy of the vault back") from None
                purpose, text = msgpack.unpackb(clear, unicode_errors="surrogatepass")
                texts.put(entry.handle, purpose, text)
        self._texts = texts
        return texts

    def _unlock(self) -> _Cipher:
        """The keyring's key, by the vault's."""
        if self._header.source != self._key.source:
            raise SetupFault(
                f"{self.path}: its key comes from a {self._header.source}, and not from a {self._key.source}; start with "
                f"--vault-key {self._header.source}:..., or change where it comes from with stationd log rekey"
            )
        key = self._key.find(self._header.remembered)
        try:
            return _Cipher(_Cipher(key).open(self._header.key, b"ring"))
        except ValueError:
            raise SetupFault(
                f"{self.path}: {self._key} is not its key; put the right one back, or move the vault and its key away and provision the station again"
            ) from None

    def _make(self, kept: Mapping[str, tuple[str, str]] = EMPTY) -> _Cipher:
        """A new file with a new keyring, and with what was *kept* before there was this format."""
        key, remembered = self._key.make()
        clear = self._entropy(KEY_BYTES)
        ring = _Cipher(clear)
        header = Header(self._key.source, remembered, _Cipher(key).close(clear, b"ring", self._entropy))
        # Turn -1 is always behind: no orphan is looked for among them.
        self._write(header, [self._entry(ring, handle, -1, purpose, text) for handle, (purpose, text) in kept.items()], -1)
        self._ring = ring
        return ring

    def _entry(self, ring: _Cipher, handle: str, seq: int, purpose: str, text: str) -> Entry:
        name = bytes.fromhex(handle)
        key = self._entropy(KEY_BYTES)
        clear: bytes = msgpack.packb([purpose, text], unicode_errors="surrogatepass")
        return Entry(handle, seq, ring.close(key, name, self._entropy), _Cipher(key).close(clear, name, self._entropy))

    def _contents(self) -> Contents:
        if not self.path.exists():
            return Contents(self._header, (), -1, 0, torn=False)
        return vault_file.read(self.path, self.path.read_bytes()[: self._size])

    def _write(self, header: Header, entries: Iterable[Entry], swept: int) -> None:
        self._size = vault_file.write(self.path, header, entries, swept)
        self._header = header


class _Cipher:
    """ChaCha20-Poly1305 with its nonce in front.  What does not open is a ValueError."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        self._aead = ChaCha20Poly1305(key)

    def close(self, clear: bytes, about: bytes, entropy: Callable[[int], bytes]) -> bytes:
        nonce = entropy(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, clear, about)

    def open(self, closed: bytes, about: bytes | None) -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self._aead.decrypt(closed[:NONCE_BYTES], closed[NONCE_BYTES:], about)
        except InvalidTag:
            raise ValueError("it does not open") from None


def _read_first_format(path: Path, data: bytes, key: FileKey) -> dict[str, tuple[str, str]]:
    """The texts of a file of the first format: records with a length in front, all under the vault's key itself."""
    cipher = _Cipher(key.find({}))
    kept: dict[str, tuple[str, str]] = {}
    place = 0
    while place < len(data):
        size = int.from_bytes(data[place : place + LENGTH_BYTES], "big")
        record = data[place + LENGTH_BYTES : place + LENGTH_BYTES + size]
        try:
            if len(record) < size or size <= NONCE_BYTES:
                raise ValueError
            clear = cipher.open(record, None)
        except ValueError:
            # A record of full length may be torn too, but then an earlier one must have proven that this is the key.
            if place + LENGTH_BYTES + size < len(data) or not kept:
                raise SetupFault(f"{path}: damaged at byte {place}, or {key} is not its key; put a good copy of both back") from None
            log.warning("the vault's last record was torn by a power cut and is left out")
            break
        handle, purpose, text = msgpack.unpackb(clear, unicode_errors="surrogatepass")
        kept[handle] = (purpose, text)
        place += LENGTH_BYTES + size
    return kept
