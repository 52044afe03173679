"""Whether a journal's file is what it should be, found out before anything maps it.

Law: LMDB trusts what it maps, and dies by a signal where it should not have; so whatever it is about to touch is read and judged here first.  Run as
a program (``python -m eventlog.damage JOURNAL``) it looks at all of a journal, in a process that may die of it.
"""

from __future__ import annotations

import sys
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from engine.errors import StationdError
from eventlog.fold import CHAIN_BYTES
from eventlog.pages import FIRST_PAGE, NONE, Meta, PageFile, Torn, Tree

STATION_BYTES, SEQ_BYTES = 2, 8
WAYS_ON = (
    "two ways on: `stationd log salvage --data {data}` brings back every turn before the damage, "
    "`stationd log set-aside --data {data}` keeps the damaged journal under another name and lets the station start afresh"
)


class Damage(StationdError):
    """The file is not what it should be; the text says how."""


def look(file: Path, *, whole: bool = False, begun: bool = False) -> None:
    """Judge a journal's data file: its head, its tables, the turns behind the newest snapshot; *whole*: every turn.

    *begun*: the last start died while it opened the journal, so a file that is still empty is no loss.  Raises Damage.
    """
    if not file.exists():
        return
    try:
        with PageFile(file) as pages:
            if not pages.size:
                if begun:
                    return
                raise Damage("the file is empty")
            _judge(pages, newest(pages), whole=whole)
    except Torn as torn:
        raise Damage(str(torn)) from torn
    except OSError as error:
        raise Damage(f"it cannot be read ({error.strerror})") from error


def look_at_turns(file: Path, prefix: bytes, most: int) -> None:
    """Judge the pages of the first *most* turns of the station whose number is *prefix*: those that are about to be deleted.  Raises Damage."""
    try:
        with PageFile(file) as pages:
            tables = pages.tables(newest(pages))
            for _ in islice(pages.walk(tables[b"turns"], prefix), most):
                pass
    except Torn as torn:
        raise Damage(str(torn)) from torn


def newest(pages: PageFile) -> Meta:
    """The meta page of the last transaction.  Raises Damage where the two of them do not tell."""
    one, two = pages.metas()
    for meta in (one, two):
        if isinstance(meta, str):
            raise Damage(meta)
    if not isinstance(one, Meta) or not isinstance(two, Meta):
        raise Damage("it has no meta pages")
    # LMDB writes them in turn, so each transaction has its page and follows the other one.
    if one.txn % 2 or (two.txn and not two.txn % 2) or abs(one.txn - two.txn) > 1:
        raise Damage(f"its meta pages tell of transactions {one.txn} and {two.txn}, which do not follow each other")
    return max(one, two, key=lambda meta: meta.txn)


def _judge(pages: PageFile, meta: Meta, *, whole: bool) -> None:
    _judge_free(pages, meta)
    if meta.main.root == NONE:
        return
    tables = pages.tables(meta)
    missing = {b"turns", b"snapshots", b"meta"} - tables.keys()
    if missing:
        raise Damage(f"it has no table {', '.join(sorted(name.decode() for name in missing))}: this is no journal of a station")
    notes = {key: value for key, _, value in pages.walk(tables[b"meta"])}
    closings: dict[bytes, list[bytes]] = {}
    for key, _, value in pages.walk(tables.get(b"closings", Tree(NONE, 0, 0))):
        closings.setdefault(key[: STATION_BYTES + SEQ_BYTES], []).append(value[1:])
    for name, note in notes.items():
        if name.startswith(b"base/"):
            body = b"".join(closings.get(int(name[5:]).to_bytes(STATION_BYTES, "big") + note[:SEQ_BYTES], ()))
            if blake2b(body[CHAIN_BYTES:], digest_size=CHAIN_BYTES).digest() != body[:CHAIN_BYTES]:
                raise Damage(
                    f"the closing snapshot after turn {int.from_bytes(note[:SEQ_BYTES], 'big')}, which its turns are folded onto, was changed"
                )
    since = {key[:STATION_BYTES]: key[: STATION_BYTES + SEQ_BYTES] for key, _, _ in pages.walk(tables[b"snapshots"])}
    turns = tables[b"turns"]
    if whole:
        count = _judge_rows(pages, turns, b"", notes)
        if count != turns.entries:
            raise Damage(f"it has {count} turns where there should be {turns.entries}")
        return
    for prefix, first in sorted(since.items()):
        _judge_rows(pages, turns, first, notes, last=prefix + b"\xff" * SEQ_BYTES)


def _judge_free(pages: PageFile, meta: Meta) -> None:
    """The list of free pages: what stands on it will be written over."""
    for _, _, value in pages.walk(meta.free, numbered=True):
        numbers = [int.from_bytes(value[place : place + 8], "little") for place in range(0, len(value), 8)]
        if len(value) % 8 or not numbers or numbers[0] > len(numbers) - 1:
            raise Damage("its list of free pages is damaged")
        listed = numbers[1 : numbers[0] + 1]
        if any(not FIRST_PAGE <= number <= meta.last_page for number in listed) or listed != sorted(set(listed), reverse=True):
            raise Damage("its list of free pages is damaged")


def _judge_rows(pages: PageFile, turns: Tree, first: bytes, notes: dict[bytes, bytes], last: bytes | None = None) -> int:
    """Rows follow each other, in number and by the hash chain; returns how many there are."""
    count, chain, before = 0, b"", b""
    for key, _, value in pages.walk(turns, first, last):
        count += 1
        if len(key) != STATION_BYTES + SEQ_BYTES or len(value) <= CHAIN_BYTES:
            raise Damage("a row of it is no turn")
        prefix, seq = key[:STATION_BYTES], int.from_bytes(key[STATION_BYTES:], "big")
        if prefix != before[:STATION_BYTES]:
            base_seq, chain = _base(notes, prefix)
            if seq <= base_seq:
                # Retired, and not deleted yet.
                chain = b""
            elif seq != base_seq + 1 and not first:
                raise Damage(f"turn {base_seq + 1} is missing: the first one is turn {seq}")
            elif seq != base_seq + 1:
                chain = b""
        elif seq != int.from_bytes(before[STATION_BYTES:], "big") + 1:
            raise Damage(f"turn {int.from_bytes(before[STATION_BYTES:], 'big') + 1} is missing: the next one is turn {seq}")
        if chain and blake2b(value[CHAIN_BYTES:], key=chain, digest_size=CHAIN_BYTES).digest() != value[:CHAIN_BYTES]:
            raise Damage(f"turn {seq} was changed after it was written: its link of the hash chain does not fit")
        chain, before = value[:CHAIN_BYTES], key
    return count


def _base(notes: dict[bytes, bytes], prefix: bytes) -> tuple[int, bytes]:
    note = notes.get(b"base/%d" % int.from_bytes(prefix, "big"))
    return (int.from_bytes(note[:SEQ_BYTES], "big"), note[SEQ_BYTES:]) if note else (-1, bytes(CHAIN_BYTES))


def main(path: Path) -> int:
    """Look at all of a journal, then have LMDB itself read every row; returns 1, and says why, where it is damaged."""
    try:
        look(path / "data.mdb", whole=True, begun=True)
    except Damage as damage:
        sys.stdout.write(f"{damage}\n")
        return 1
    import lmdb

    if (path / "data.mdb").exists() and (path / "data.mdb").stat().st_size:
        with lmdb.open(str(path), readonly=True, lock=False, max_dbs=5, lib_version=0) as env:
            for name in (b"turns", b"snapshots", b"meta", b"closings"):
                try:
                    table = env.open_db(name, create=False)
                except lmdb.NotFoundError:
                    continue
                with env.begin(db=table) as txn:
                    sum(len(value) for _, value in txn.cursor())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
