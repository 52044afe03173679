"""The pages of an LMDB file (format of LMDB 0.9, little-endian, 64 bit), read without mapping them.

Law: nothing here can die of what a file holds.  Whatever does not fit is a ``Torn`` that names the page; only the file's own system calls can fail
otherwise.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

MAGIC, VERSION = 0xBEEFC0DE, 1
BRANCH, LEAF, OVERFLOW, META = 1, 2, 4, 8
BIGDATA, SUBDATA = 1, 2
HEADER_BYTES, NODE_BYTES = 16, 8
FIRST_PAGE = 2
"""Pages 0 and 1 are the meta pages."""

NONE = (1 << 64) - 1
"""The page number that stands for no page."""

DEPTH_MOST = 16
"""LMDB's trees are no deeper; a loop of pages is."""

PAGE_SIZES = (4096, 8192, 16384, 32768, 65536)

_HEADER = struct.Struct("<QHHHH")
_META = struct.Struct("<IIQQ")
_TREE = struct.Struct("<IHHQQQQQ")
_TAIL = struct.Struct("<QQ")
_NODE = struct.Struct("<HHHH")
META_BYTES = HEADER_BYTES + _META.size + 2 * _TREE.size + _TAIL.size


class Torn(Exception):
    """A page is not what it should be.  *page* is its number, *what* says how."""

    def __init__(self, page: int, what: str) -> None:
        super().__init__(f"page {page} {what}")
        self.page = page
        self.what = what


class Tree(NamedTuple):
    """One table: the root of its pages, how deep they lie, and how many entries it should have."""

    root: int
    depth: int
    entries: int

    @classmethod
    def read(cls, data: bytes, place: int = 0) -> Self:
        """From the 48 bytes that LMDB keeps of a table."""
        _, _, depth, _, _, _, entries, root = _TREE.unpack_from(data, place)
        return cls(root, depth, entries)


class Meta(NamedTuple):
    """What a meta page says: which transaction wrote it, the last page in use, the free pages and the tables."""

    txn: int
    last_page: int
    free: Tree
    main: Tree


class PageFile:
    """An LMDB data file, opened for reading; a context manager.  Raises OSError where it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._file).st_size
        self.page_bytes = 4096

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    @property
    def pages(self) -> int:
        """Whole pages in the file."""
        return self.size // self.page_bytes

    def raw(self, number: int, count: int = 1) -> bytes:
        """The bytes of *count* pages from page *number* on.  Raises Torn where the file ends before them."""
        want = count * self.page_bytes
        data = os.pread(self._file, want, number * self.page_bytes) if number <= self.pages else b""
        if len(data) < want:
            raise Torn(number, f"lies beyond the end of the file, which has {self.pages} pages")
        return data

    # Meta pages

    def metas(self) -> list[Meta | str]:
        """The two meta pages; a text for one that is none, saying why."""
        found: list[Meta | str] = []
        for number in (0, 1):
            if number == 1:
                first = found[0]
                self.page_bytes = self._page_bytes(first)
            data = os.pread(self._file, META_BYTES, number * self.page_bytes)
            found.append(self._meta(data, number))
        return found

    def _page_bytes(self, first: Meta | str) -> int:
        if isinstance(first, Meta):
            size: int = struct.unpack("<I", os.pread(self._file, 4, HEADER_BYTES + _META.size))[0]
            return size
        for size in PAGE_SIZES:
            # The first one is no meta page: the second lies where a page may end.
            head = os.pread(self._file, META_BYTES, size)
            if len(head) == META_BYTES and _META.unpack_from(head, HEADER_BYTES)[:2] == (MAGIC, VERSION):
                return size
        return PAGE_SIZES[0]

    def _meta(self, data: bytes, number: int) -> Meta | str:
        if len(data) < META_BYTES:
            return f"meta page {number} is missing: the file has {self.size} bytes"
        page, _, flags, _, _ = _HEADER.unpack_from(data)
        magic, version, _, _ = _META.unpack_from(data, HEADER_BYTES)
        if magic == int.from_bytes(MAGIC.to_bytes(4, "big"), "little"):
            return f"meta page {number} was written by a machine of the other byte order"
        if magic != MAGIC:
            return f"meta page {number} is no meta page of LMDB"
        if version != VERSION:
            return f"meta page {number} has format {version}, and this build reads {VERSION}"
        size = struct.unpack_from("<I", data, HEADER_BYTES + _META.size)[0]
        if page != number or not flags & META or size not in PAGE_SIZES:
            return f"meta page {number} is damaged"
        place = HEADER_BYTES + _META.size
        free, main = Tree.read(data, place), Tree.read(data, place + _TREE.size)
        last_page, txn = _TAIL.unpack_from(data, place + 2 * _TREE.size)
        for tree in (free, main):
            empty = tree.root == NONE
            if tree.depth > DEPTH_MOST or empty is not (tree.depth == 0) or not (empty or FIRST_PAGE <= tree.root <= last_page):
                return f"meta page {number} is damaged"
        return Meta(txn, last_page, free, main)

    # Trees

    def nodes(self, number: int, data: bytes, kind: int) -> list[tuple[bytes, int, bytes]]:
        """(key, flags, value) of a leaf page, or (key, child page, b"") of a branch page.  Raises Torn for anything that is not one."""
        page, _, flags, lower, upper = _HEADER.unpack_from(data)
        size = self.page_bytes
        if page != number or flags & 0xF != kind:
            raise Torn(number, "is not the page that it should be")
        if not (HEADER_BYTES <= lower <= upper <= size) or lower % 2:
            raise Torn(number, "has a damaged head")
        found: list[tuple[bytes, int, bytes]] = []
        for place in struct.unpack_from(f"<{(lower - HEADER_BYTES) // 2}H", data, HEADER_BYTES):
            if not upper <= place <= size - NODE_BYTES:
                raise Torn(number, "has an entry outside of it")
            low, high, node_flags, key_bytes = _NODE.unpack_from(data, place)
            begin = place + NODE_BYTES
            end = begin + key_bytes
            if kind == BRANCH:
                if end > size:
                    raise Torn(number, "has an entry outside of it")
                found.append((data[begin:end], low | high << 16 | node_flags << 32, b""))
                continue
            length = low | high << 16
            big = node_flags & BIGDATA
            if end + (8 if big else length) > size:
                raise Torn(number, "has an entry outside of it")
            value = data[end : end + 8] + length.to_bytes(4, "little") if big else data[end : end + length]
            found.append((data[begin:end], node_flags, value))
        return found

    def overflow(self, value: bytes) -> bytes:
        """The bytes of a value that lies in pages of its own; *value* is what its node holds.  Raises Torn."""
        number, length = int.from_bytes(value[:8], "little"), int.from_bytes(value[8:], "little")
        count = (length + HEADER_BYTES + self.page_bytes - 1) // self.page_bytes
        if not FIRST_PAGE <= number < self.pages:
            raise Torn(number, "lies beyond the end of the file")
        data = self.raw(number, count)
        page, _, flags, low, high = _HEADER.unpack_from(data)
        if page != number or flags & 0xF != OVERFLOW or low | high << 16 < count:
            raise Torn(number, "is not the page that it should be")
        return data[HEADER_BYTES : HEADER_BYTES + length]

    def walk(self, tree: Tree, first: bytes = b"", last: bytes | None = None, *, numbered: bool = False) -> Iterator[tuple[bytes, int, bytes]]:
        """(key, flags, value) of every entry of *tree* from key *first* to *last*, in order, values from pages of their own included.

        *numbered*: the keys are numbers of this machine's byte order, as those of the list of free pages are; then it is walked whole.
        Raises Torn at the first page that is damaged, and where keys do not grow.
        """
        if tree.root == NONE:
            return
        before: bytes | None = None
        for number, data in self._leaves(tree.root, tree.depth, first, last):
            for key, flags, value in self.nodes(number, data, LEAF):
                place = key[::-1] if numbered else key
                if before is not None and place <= before:
                    raise Torn(number, "has its entries out of order")
                before = place
                if key < first:
                    continue
                if last is not None and key > last:
                    return
                yield key, flags, self.overflow(value) if flags & BIGDATA else value

    def _leaves(self, number: int, depth: int, first: bytes, last: bytes | None) -> Iterator[tuple[int, bytes]]:
        if not FIRST_PAGE <= number < self.pages:
            raise Torn(number, "lies beyond the end of the file")
        data = self.raw(number)
        if depth <= 1:
            yield number, data
            return
        children = self.nodes(number, data, BRANCH)
        if len(children) < 2:  # noqa: PLR2004 (a branch with one child is none)
            raise Torn(number, "has too few entries for its place")
        for place, (key, child, _) in enumerate(children):
            follows = children[place + 1][0] if place + 1 < len(children) else None
            if follows is not None and follows <= first:
                continue
            if place and last is not None and key > last:
                return
            yield from self._leaves(child, depth - 1, first, last)

    def tables(self, meta: Meta) -> dict[bytes, Tree]:
        """The named tables.  Raises Torn."""
        return {key: Tree.read(value) for key, flags, value in self.walk(meta.main) if flags & SUBDATA and len(value) == _TREE.size}
