"""The journal on disk: one row a turn, appended and never changed.

Law: durable once ``append`` returns; one LMDB transaction a group, which is two flushes.  Every row carries the link of a hash chain over all rows
before it.  One environment serves all stations of a process: the station's number leads every key.  Rows are retired from the beginning only, and
only up to a turn whose closing snapshot is kept.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from io import BufferedRandom
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import lmdb

from engine.errors import JournalFault, SetupFault
from engine.records import BY_KIND, catalogue
from eventlog import damage
from eventlog.codec import decode, encode
from eventlog.files import sync_directory
from eventlog.fold import CHAIN_BYTES
from eventlog.opening import MARKER, claim, in_use, mark, refuse
from eventlog.store import (
    BUILD,
    CLOSING,
    ROOT,
    SLICE_ROWS,
    SNAPSHOT,
    STATUS_NEWER,
    STATUS_UNREADABLE,
    STATUS_UNWRITABLE,
    is_whole,
)

FORMAT = 1
"""Raised when older builds could no longer read what this one writes."""


MAP_BYTES = 16 << 30
PAGE_ROWS = 1024

PART_BYTES = 1_900
FIRST_PART = bytes(2)


RESERVE_BYTES, RESERVE_PARTS = 256 << 10, 16
"""Held back for deleting, see :meth:`Journal.keep_reserve`: in parts that are large enough for pages of their own, which are given back without
taking others."""

PARENTS_MADE = 3
"""So many directories above a journal may have been made for it: the state directory of a user is three deep."""

NUMBER_BYTES = 4
"""A journal draws a number when it is made, which is part of every identifier that the station gives out."""


FILE, DRAFT = "data.mdb", "new.mdb"
"""The journal's file; and where a new one is made, so that a power cut leaves either none or a whole one."""


class Reader(NamedTuple):
    """Another process that stands in a read transaction: no page that was freed since can be used again before it is done."""

    pid: int
    transaction: int
    behind: int
    """How many transactions were written since."""


class Journal:
    """The LMDB journal in a directory of its own.

    *entropy(n)* gives n random bytes, for the number of a journal that is made now.  Raises SetupFault with an exit status of its own where
    the directory is in use, cannot be written, or was written by a newer build.
    """

    def __init__(
        self,
        path: Path,
        *,
        readonly: bool = False,
        map_bytes: int = MAP_BYTES,
        entropy: Callable[[int], bytes] | None = None,
    ) -> None:
        self.path = path
        self.file = path / FILE
        self.readonly = readonly
        self.bytes_limit = map_bytes
        self._lock: BufferedRandom | None = None
        if readonly:
            if not self.file.exists():
                raise SetupFault(
                    f"{path}: no journal here; give the data directory of a station that has run (--data DIR)",
                    STATUS_UNREADABLE,
                )
        else:
            if not path.exists() and path.with_name(f"{path.name}.salvaging").exists():
                raise SetupFault(
                    f"{path}: a salvage was interrupted just before its end; finish it: stationd log salvage --data {path.parent}", STATUS_UNREADABLE
                )
            self._lock = claim(path)
        if not (readonly and in_use(path)):
            # What a daemon has open it has looked at, and its pages change while we would.
            try:
                damage.look(self.file, begun=(path / MARKER).exists())
            except damage.Damage as found:
                self._unlock()
                refuse(path, str(found))
        fresh = not readonly and not self.file.exists()
        if not (readonly or fresh):
            mark(path)
        try:
            if fresh:
                self._make(entropy)
            self._env = lmdb.open(
                str(path), map_size=map_bytes, max_dbs=5, max_spare_txns=1, readonly=readonly, readahead=False,
                lock=True, create=not readonly, mode=0o600, lib_version=0,
            )  # fmt: skip
            self._turns = self._env.open_db(b"turns", create=not readonly)
            self._snapshots = self._env.open_db(b"snapshots", create=not readonly)
            self._meta = self._env.open_db(b"meta", create=not readonly)
            self._closings = self._open_closings(readonly=readonly)
            # What readers that died hold would keep pages from being used again, and new readers out.
            self._env.reader_check()
        except (lmdb.Error, OSError) as error:
            self._unlock()
            status = STATUS_UNREADABLE if readonly else STATUS_UNWRITABLE
            raise SetupFault(f"{path}: the journal cannot be opened ({error}); check the file and its permissions", status) from error
        self._reserve_due = False
        self._tails: dict[int, tuple[int, bytes]] = {}
        self._bases: dict[int, tuple[int, bytes]] = {}
        self.number = 0
        self._introduce(entropy)

    # Who may write, and whether we can read

    def _make(self, entropy: Callable[[int], bytes] | None) -> None:
        """Make an empty journal under another name, and give it its own when it is whole and flushed."""
        draft = self.path / DRAFT
        draft.unlink(missing_ok=True)
        with lmdb.open(os.fspath(draft), subdir=False, lock=False, mode=0o600, max_dbs=5, lib_version=0, sync=False) as env:
            with env.begin(write=True) as txn:
                for table in (b"turns", b"snapshots", b"closings"):
                    env.open_db(table, txn)
                meta = env.open_db(b"meta", txn)
                txn.put(b"about", _about(), db=meta)
                if entropy is not None:
                    txn.put(b"number", entropy(NUMBER_BYTES), db=meta)
            env.sync(True)  # noqa: FBT003 (the draft is flushed once, whole)
        draft.rename(self.file)
        sync_directory(self.path)
        for directory in list(self.path.parents)[:PARENTS_MADE]:
            # Those that may have been made for it; others may not even be readable.
            with suppress(OSError):
                sync_directory(directory)

    def _open_closings(self, *, readonly: bool) -> Any:
        """The table of closing snapshots; None where an earlier build wrote the journal, only to be read now."""
        try:
            return self._env.open_db(b"closings", create=not readonly)
        except lmdb.NotFoundError:
            return None

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def look_at_all(self) -> None:
        """Raise SetupFault where any row is damaged: opening looks at those behind the newest snapshot only."""
        if not (self.readonly and in_use(self.path)):
            try:
                damage.look(self.path / "data.mdb", whole=True)
            except damage.Damage as found:
                refuse(self.path, str(found))

    def opened(self) -> None:
        """The journal was opened and read well: the next start need not look at all of it."""
        (self.path / MARKER).unlink(missing_ok=True)

    def _introduce(self, entropy: Callable[[int], bytes] | None) -> None:
        """Refuse what a newer build wrote; write down what the kinds of this build are, and draw the journal's number."""
        written = self.meta("about")
        if written is not None:
            try:
                build, newest, strange = _described(written)
            except (ValueError, TypeError, LookupError, JournalFault):
                self.close()
                refuse(self.path, "what it says of the build that wrote it cannot be read")
            if newest > FORMAT or strange:
                self.close()
                what = f"format {newest}" if newest > FORMAT else ", ".join(strange[:4])
                raise SetupFault(
                    f"{self.path}: this journal was written by stationd {build}, which is newer than this one ({BUILD}): {what} is unknown "
                    f"here; run stationd {build} or later on it, or start afresh in another directory (--data DIR)",
                    STATUS_NEWER,
                )
        known = self.meta("number")
        if self.readonly:
            self.number = int.from_bytes(known or b"", "big")
            return
        packed = _about()
        number = known or (entropy(NUMBER_BYTES) if entropy is not None else b"")
        if packed != written or number != (known or b""):
            with self._env.begin(write=True, db=self._meta) as txn:
                txn.put(b"about", packed)
                if number:
                    txn.put(b"number", number)
        self.number = int.from_bytes(number, "big")

    # The contract

    def append(self, rows: Sequence[tuple[int, bytes]], station: int = 0) -> None:
        """Write the (seq, row) pairs in one transaction: all of them, or none.  Durable on return."""
        if not rows:
            return
        seq, chain = self.last(station)
        prefix = station.to_bytes(2, "big")
        with self._env.begin(write=True, db=self._turns) as txn:
            put = txn.put
            for at, row in rows:
                if at != seq + 1:
                    raise JournalFault(f"turn {at} does not follow turn {seq}: nothing of this group was written")
                chain = blake2b(row, key=chain, digest_size=CHAIN_BYTES).digest()
                key, value = prefix + at.to_bytes(8, "big"), chain + row
                # At the end of the file where it can be, which packs the pages; another station's rows may lie behind.
                if not put(key, value, append=True) and not put(key, value, overwrite=False):
                    raise JournalFault(f"turn {at} is already written: nothing of this group was written")
                seq = at
            if self._reserve_due:
                self._reserve_due = False
                for part in range(RESERVE_PARTS):
                    put(b"reserve/%d" % part, bytes(RESERVE_BYTES // RESERVE_PARTS), db=self._meta)
        self._tails[station] = (seq, chain)

    def rows(self, after: int = -1, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, chain link + row) after *after*.  Read a page at a time, so that no reader outlives a page and the file need not grow."""
        return chain.from_iterable(self._pages(after, station))

    def _pages(self, after: int, station: int) -> Iterator[Iterable[tuple[int, bytes]]]:
        prefix = station.to_bytes(2, "big")
        begun = False
        while True:
            with self._env.begin(db=self._turns) as txn, txn.cursor() as cursor:
                base = self._base(txn, station)[0]
                if after < base:
                    if begun:
                        raise JournalFault(f"turn {after + 1}: the turns up to {base} were retired while they were read; begin again")
                    after = base
                begun = True
                if not cursor.set_range(prefix + (after + 1).to_bytes(8, "big")):
                    return
                first = cursor.key()
                values = list(islice(cursor.iternext(keys=False), PAGE_ROWS))
                last = cursor.key() or first
                seq = int.from_bytes(last[2:], "big")
                whole = last[:2] == prefix and seq - after == len(values)
                pairs: list[tuple[bytes, bytes]] = []
                if not whole:
                    # A gap, or the end of this station's rows: every key is read.
                    cursor.set_key(first)
                    pairs = [(key, row) for key, row in islice(cursor.iternext(), PAGE_ROWS) if key[:2] == prefix]
            if whole:
                yield zip(range(after + 1, seq + 1), values, strict=True)
                after = seq
            elif pairs:
                yield [(int.from_bytes(key[2:], "big"), row) for key, row in pairs]
                after = int.from_bytes(pairs[-1][0][2:], "big")
            else:
                return

    def last(self, station: int = 0) -> tuple[int, bytes]:
        """Last durable seq and its chain link; (-1, root) of an empty journal."""
        tail = self._tails.get(station)
        if tail is not None and not self.readonly:
            return tail
        tail = (-1, ROOT)
        prefix = station.to_bytes(2, "big")
        with self._env.begin(db=self._turns) as txn, txn.cursor() as cursor:
            found = cursor.set_range((station + 1).to_bytes(2, "big"))
            found = cursor.prev() if found else cursor.last()
            if found and cursor.key()[:2] == prefix:
                tail = (int.from_bytes(cursor.key()[2:], "big"), cursor.value()[:CHAIN_BYTES])
            tail = max(tail, self._base(txn, station), key=lambda one: one[0])
        self._tails[station] = tail
        return tail

    def put_snapshot(self, seq: int, body: bytes, station: int = 0) -> None:
        """Keep *body* as the snapshot after *seq*; the two newest are kept.  Rides in a transaction of its own."""
        with self._env.begin(write=True, db=self._snapshots) as txn:
            key = station.to_bytes(2, "big") + seq.to_bytes(8, "big")
            _drop_parts(txn, key, self._snapshots)
            _put_parts(txn, key, SNAPSHOT, body)
            for key in _keys(txn, station)[:-2]:
                _drop_parts(txn, key, self._snapshots)

    def snapshots(self, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, body), newest first."""
        with self._env.begin(db=self._snapshots) as txn:
            found = [(int.from_bytes(key[2:], "big"), _get_parts(txn, key)) for key in _keys(txn, station)]
        yield from reversed(found)

    # Segments

    def base(self, station: int = 0) -> tuple[int, bytes]:
        """The last turn that was retired and its chain link; (-1, root) where none was.  The first row that there is follows it."""
        with self._env.begin() as txn:
            return self._base(txn, station)

    def _base(self, txn: lmdb.Transaction, station: int) -> tuple[int, bytes]:
        known = self._bases.get(station)
        if known is not None:
            return known
        found = txn.get(_base_key(station), db=self._meta)
        base = (int.from_bytes(found[:8], "big"), bytes(found[8:])) if found is not None else (-1, ROOT)
        if not self.readonly:
            # Whoever may write is the only one who moves it.
            self._bases[station] = base
        return base

    def put_closing(self, seq: int, body: bytes, station: int = 0) -> None:
        """Keep *body* as the closing snapshot after turn *seq*, which is written: a record, kept until the turns behind it are retired too."""
        key = station.to_bytes(2, "big") + seq.to_bytes(8, "big")
        with self._env.begin(write=True, db=self._closings) as txn:
            if seq <= self._base(txn, station)[0] or txn.get(key, db=self._turns) is None:
                raise JournalFault(f"turn {seq} is not in the journal: nothing can be closed with it")
            _put_parts(txn, key, CLOSING, body)

    def begin_after(self, seq: int, chain: bytes, closing: bytes, station: int = 0) -> None:
        """Let an empty journal begin with the turn after *seq*: what a salvage brings back of one whose first turns were retired."""
        key = station.to_bytes(2, "big") + seq.to_bytes(8, "big")
        with self._env.begin(write=True, db=self._closings) as txn:
            txn.put(_base_key(station), key[2:] + chain, db=self._meta)
            _put_parts(txn, key, CLOSING, closing)
        self._bases.pop(station, None)
        self._tails.pop(station, None)

    def closings(self, station: int = 0) -> Iterator[tuple[int, bytes]]:
        """(seq, body), oldest first; where turns were retired the first one stands at the base."""
        if self._closings is None:
            return
        with self._env.begin(db=self._closings) as txn:
            keys = _keys(txn, station)
        for key in keys:
            with self._env.begin(db=self._closings) as txn:
                body = _get_parts(txn, key)
            if body:
                yield int.from_bytes(key[2:], "big"), body

    def retire(self, through: int, station: int = 0, rows_most: int = SLICE_ROWS) -> bool:
        """Delete what lies at or before turn *through*, which must have a closing snapshot: base moves at once, at most *rows_most* rows go.

        Returns whether all are gone; else ask again.
        """
        prefix = station.to_bytes(2, "big")
        last = prefix + through.to_bytes(8, "big")
        try:
            # Nobody may have read these pages since they were written.
            damage.look_at_turns(self.path / "data.mdb", prefix, rows_most)
        except damage.Damage as found:
            raise JournalFault(f"{found}: what lies there cannot be retired; {damage.WAYS_ON.format(data=self.path.parent)}") from found
        with self._env.begin(write=True) as txn:
            base = self._base(txn, station)
            if through > base[0]:
                row = txn.get(last, db=self._turns)
                closing = _get_parts(txn, last, self._closings)
                if row is None or not closing:
                    raise JournalFault(f"turn {through} has no closing snapshot: what lies before it cannot be retired")
                if not is_whole(closing):
                    raise JournalFault(f"the closing snapshot after turn {through} is damaged: what lies before it cannot be retired")
                base = (through, row[:CHAIN_BYTES])
                txn.put(_base_key(station), last[2:] + base[1], db=self._meta)
                for table in (self._closings, self._snapshots):
                    for key in [key for key in _keys(txn, station, table) if key < last]:
                        _drop_parts(txn, key, table)
            with txn.cursor(self._turns) as cursor:
                left = cursor.set_range(prefix)
                for _ in range(rows_most):
                    if not left or cursor.key() > last:
                        break
                    left = cursor.delete()
                done = not left or cursor.key() > last
        self._bases[station] = base
        return done

    # What the journal says of itself

    def meta(self, name: str) -> bytes | None:
        """A note that the journal keeps beside its rows."""
        with self._env.begin(db=self._meta) as txn:
            found: bytes | None = txn.get(name.encode())
        return found

    def put_meta(self, name: str, value: bytes) -> None:
        """Keep a note; durable on return."""
        with self._env.begin(write=True, db=self._meta) as txn:
            txn.put(name.encode(), value)

    def stations(self) -> list[int]:
        """The numbers of the stations that have rows here."""
        found: list[int] = []
        with self._env.begin(db=self._turns) as txn, txn.cursor() as cursor:
            more = cursor.first()
            while more:
                number = int.from_bytes(cursor.key()[:2], "big")
                found.append(number)
                more = cursor.set_range((number + 1).to_bytes(2, "big"))
        return found

    def bytes_used(self) -> int:
        """Size of the file on disk, in bytes."""
        return self.file.stat().st_size

    def bytes_live(self) -> int:
        """Bytes of the pages that hold something, in all tables; the rest of the file is free to be used again."""
        tables = [table for table in (self._turns, self._snapshots, self._meta, self._closings) if table is not None]
        with self._env.begin() as txn:
            stats = [txn.stat(table) for table in tables]
        pages = sum(stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"] for stat in stats)
        return int(pages * self._env.stat()["psize"])

    def bytes_growth(self) -> int:
        """Bytes by which the file can still grow before it reaches its limit, its disk is full, or the process may write no larger files."""
        size = self.bytes_used()
        disk = os.statvfs(self.path)
        growth = min(disk.f_bavail * disk.f_frsize, self.bytes_limit - size)
        most = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        if most != resource.RLIM_INFINITY:
            growth = min(growth, most - size)
        return max(growth, 0)

    def bytes_room(self) -> int:
        """Bytes that can still be written: free pages of the file, and its growth."""
        return max(self.bytes_used() + self.bytes_growth() - self.bytes_live(), 0)

    def limit(self, most_bytes: int) -> None:
        """Let the file grow to *most_bytes* and no further; a larger one that is there stays as large."""
        self.bytes_limit = most_bytes
        self._env.set_mapsize(max(most_bytes, self.bytes_used()))

    def keep_reserve(self) -> None:
        """Hold space back, so that something can be deleted when there is no room to write: deleting takes pages too.

        It is written with the next group, and only where there is plenty of room.
        """
        self._reserve_due = self.meta("reserve/0") is None and self.bytes_room() > RESERVE_BYTES * 2

    def release_reserve(self) -> None:
        """Give the space that was held back to whoever writes next."""
        with self._env.begin(write=True, db=self._meta) as txn:
            for part in range(RESERVE_PARTS):
                txn.delete(b"reserve/%d" % part)
        for step in (b"1", b"2"):
            # LMDB uses a freed page again two transactions later: the last one must still be there after a power cut.
            self.put_meta("released", step)

    def reader_check(self) -> int:
        """Free the slots of readers that died, whose snapshots would keep pages from being used again."""
        freed: int = self._env.reader_check()
        return freed

    def readers(self) -> list[Reader]:
        """The other processes that stand in a read transaction now."""
        newest = self._env.info()["last_txnid"]
        found = []
        for line in self._env.readers().splitlines()[1:]:
            pid, _thread, transaction = line.split()
            if transaction != "-" and int(pid) != os.getpid():
                found.append(Reader(pid=int(pid), transaction=int(transaction), behind=newest - int(transaction)))
        return found

    def close(self) -> None:
        """Let go of the directory."""
        self._env.close()
        self._unlock()


# A value that is larger than half a page needs pages that lie side by side, which a file that may not grow seldom has: large ones are kept in parts.


def _put_parts(txn: lmdb.Transaction, key: bytes, of: bytes, body: bytes) -> None:
    for number, place in enumerate(range(0, len(body), PART_BYTES)):
        txn.put(key + number.to_bytes(2, "big"), of + body[place : place + PART_BYTES])


def _get_parts(txn: lmdb.Transaction, key: bytes, table: Any = None) -> bytes:
    found = []
    with txn.cursor(table) as cursor:
        more = cursor.set_range(key)
        while more and cursor.key()[:-2] == key:
            found.append(cursor.value()[1:])
            more = cursor.next()
    return b"".join(found)


def _drop_parts(txn: lmdb.Transaction, key: bytes, table: Any) -> None:
    with txn.cursor(table) as cursor:
        more = cursor.set_range(key)
        while more and cursor.key()[:-2] == key:
            more = cursor.delete()


def _keys(txn: lmdb.Transaction, station: int, table: Any = None) -> list[bytes]:
    """The keys of the bodies that a station has in a table of parts, in order."""
    prefix = station.to_bytes(2, "big")
    with txn.cursor(table) as cursor:
        return [bytes(key[:-2]) for key in cursor.iternext(values=False) if key[:2] == prefix and key[-2:] == FIRST_PART]


def _about() -> bytes:
    """What a journal says of the build that writes it."""
    return encode({"format": FORMAT, "build": BUILD, "records": catalogue()})


def _described(about: bytes) -> tuple[str, int, list[str]]:
    """The build that wrote a journal, its format, and the records in it that this build has never heard of.

    Raises:
        ValueError, TypeError, LookupError, JournalFault: It is not what :func:`_about` wrote.
    """
    said = decode(about)
    strange = [f"{name} version {version}" for kind, name, version, _ in said["records"] if kind not in BY_KIND or BY_KIND[kind].version < version]
    return str(said["build"]), int(said["format"]), strange


def _base_key(station: int) -> bytes:
    return f"base/{station}".encode()
