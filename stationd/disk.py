"""A disk as it stands after a power loss: what a process wrote, seen by strace, and what of it is still there.

Law: only what a flush promised is kept for certain.  Any part of the rest may be there or not, in any order, sector by sector; a new name is there
for certain only once its directory was flushed.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from attrs import define, field, frozen

from engine.errors import StationdError

CALLS = (
    "openat creat close dup dup2 dup3 fcntl lseek write writev pwrite64 pwritev pwritev2 ftruncate truncate fallocate fsync fdatasync "
    "sync_file_range msync mkdir mkdirat rename renameat renameat2 unlink unlinkat link linkat copy_file_range sendfile"
).split()

WRITES_ASIDE = frozenset(("dup", "dup2", "dup3", "pwritev2", "truncate", "fallocate", "sync_file_range", "copy_file_range", "sendfile"))
"""Ways to write that this model does not know: a process that uses one on a file of ours cannot be judged by it."""

STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
STRING_BYTES_MOST = 16 << 20


@frozen
class Made:
    """A name came to be, of a file or a directory."""

    path: str
    directory: bool = False


@frozen
class Renamed:
    """A file has another name."""

    path: str
    to: str


@frozen
class Removed:
    """A name is gone."""

    path: str


@frozen
class Wrote:
    """Bytes went into a file; *synchronous*: they are durable when the call returns."""

    path: str
    place: int
    data: bytes
    synchronous: bool = False


@frozen
class Cut:
    """A file was given another length."""

    path: str
    size: int


@frozen
class Flushed:
    """What was written to a file, or the names in a directory, is durable."""

    path: str


@frozen
class Said:
    """The process said something to the outside, which may rely on it from now on."""

    text: str


Step = Made | Renamed | Removed | Wrote | Cut | Flushed | Said


def trace(argv: Sequence[str], root: Path, into: Path) -> list[Step]:
    """Run a process under strace; what it did below the directory *root*, and what it said on standard output.

    Raises StationdError where strace is not installed, the process fails, or writes in a way that the model does not know.
    """
    command = [
        "strace",
        "-f",
        "-qq",
        "-xx",
        "-s",
        str(STRING_BYTES_MOST),
        "-e",
        "signal=none",
        "-e",
        "trace=" + ",".join(f"?{name}" for name in CALLS),
    ]
    try:
        done = subprocess.run([*command, "-o", os.fspath(into), *argv], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise StationdError(
            "strace is not installed, which shows what a process writes and flushes; install it (Debian: apt-get install strace)"
        ) from error
    if done.returncode:
        raise StationdError(f"the traced process ended with status {done.returncode}: {done.stderr.strip()[-600:]}")
    with into.open() as lines:
        return list(_Reading(os.fspath(root)).steps(lines))


@define
class _Open:
    path: str
    place: int = 0
    append: bool = False
    synchronous: bool = False


class _Reading:
    """Lines of strace as steps: which descriptor is which file, and where in it the next write goes."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._open: dict[int, _Open] = {}
        self._sizes: dict[str, int] = {}

    def steps(self, lines: Iterator[str]) -> Iterator[Step]:
        begun: dict[str, str] = {}
        for line in lines:
            process, _, call = line.rstrip("\n").partition(" ")
            call = call.lstrip()
            if call.endswith("<unfinished ...>"):
                begun[process] = call.removesuffix("<unfinished ...>")
                continue
            if call.startswith("<... "):
                call = begun.pop(process) + call.partition("resumed>")[2]
            matched = re.match(r"(\w+)\((.*)\)\s+= (-?\d+)", call, re.DOTALL)
            if matched is not None and not matched[3].startswith("-"):
                yield from self._step(matched[1], matched[2], int(matched[3]))

    def _step(self, name: str, args: str, result: int) -> Iterator[Step]:
        match name:
            case "openat":
                yield from self._opened(args, result)
            case "mkdir" | "mkdirat":
                yield from (Made(path, directory=True) for path in self._ours(args))
            case "rename" | "renameat" | "renameat2":
                paths = [_path(one) for one in STRING.finditer(args)]
                if any(map(self._below, paths)):
                    self._sizes[paths[1]] = self._sizes.pop(paths[0])
                    for one in self._open.values():
                        one.path = paths[1] if one.path == paths[0] else one.path
                    yield Renamed(paths[0], paths[1])
            case "unlink" | "unlinkat":
                for path in self._ours(args):
                    self._sizes.pop(path, None)
                    yield Removed(path)
            case "creat" | "link" | "linkat" | "truncate":
                if list(self._ours(args)):
                    raise StationdError(f"the process calls {name}, which this model of a disk does not know")
            case _:
                yield from self._described(name, args, result)

    def _described(self, name: str, args: str, result: int) -> Iterator[Step]:
        """A call that names a file by its descriptor."""
        number = int(args.split(",")[2 if name == "copy_file_range" else 0])
        if number == 1 and name == "write":
            yield from (Said(text) for text in _data(args).decode().splitlines())
        file = self._open.get(number)
        if file is None:
            return
        if name in WRITES_ASIDE or (name == "fcntl" and "F_DUPFD" in args):
            raise StationdError(f"the process calls {name}, which this model of a disk does not know")
        match name:
            case "close":
                del self._open[number]
            case "lseek":
                file.place = result
            case "fsync" | "fdatasync":
                yield Flushed(file.path)
            case "ftruncate":
                size = int(args.rpartition(",")[2])
                self._sizes[file.path] = size
                yield Cut(file.path, size)
            case "write" | "writev" | "pwrite64" | "pwritev":
                data = _data(args)[:result]
                placed = name.startswith("p")
                place = int(args.rpartition(",")[2]) if placed else self._sizes[file.path] if file.append else file.place
                if not placed:
                    file.place = place + len(data)
                self._sizes[file.path] = max(self._sizes[file.path], place + len(data))
                yield Wrote(file.path, place, data, file.synchronous)

    def _opened(self, args: str, number: int) -> Iterator[Step]:
        self._open.pop(number, None)
        for path in self._ours(args):
            flags = args.split('"')[2]
            self._open[number] = _Open(path, append="O_APPEND" in flags, synchronous="O_DSYNC" in flags or "O_SYNC" in flags)
            if path not in self._sizes and "O_CREAT" in flags:
                self._sizes[path] = 0
                yield Made(path)
            elif "O_TRUNC" in flags:
                self._sizes[path] = 0
                yield Cut(path, 0)

    def _below(self, path: str) -> bool:
        return path == self._root or path.startswith(self._root + "/")

    def _ours(self, args: str) -> Iterator[str]:
        found = STRING.search(args)
        if found is not None and self._below(_path(found)):
            yield _path(found)


def _path(found: re.Match[str]) -> str:
    return bytes.fromhex(found[1].replace("\\x", "")).decode("utf-8", "surrogateescape")


def _data(args: str) -> bytes:
    found = list(STRING.finditer(args))
    if any(one[2] for one in found):
        raise StationdError("strace abbreviated a write: what the process wrote is not known")
    return b"".join(bytes.fromhex(one[1].replace("\\x", "")) for one in found)


@define
class File:
    """What of a file is durable, and what was done to it since."""

    durable: bytearray = field(factory=bytearray)
    pending: list[Wrote | Cut] = field(factory=list)


DIRECTORY = File()
"""Stands for every directory: only its names are of interest."""

Names = dict[str, File | None]
"""What is where; None in a change: nothing any more."""

KEPT = (0.0, 0.1, 0.5, 0.9, 1.0)
"""How much of what was not flushed is there after all: one of these, drawn for each power loss."""


class Disk:
    """An empty disk on which steps are done, until its power fails."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: Names = {os.fspath(root): DIRECTORY}
        self._durable: Names = dict(self._seen)
        self._changes: dict[str, list[Names]] = {}
        """What happened to the names in a directory since it was flushed."""

    def do(self, step: Step) -> None:
        """One step is done."""
        match step:
            case Made():
                self._change(step.path, {step.path: DIRECTORY if step.directory else File()})
            case Renamed():
                self._change(step.path, {step.path: None, step.to: self._seen[step.path]})
            case Removed():
                self._change(step.path, {step.path: None})
            case Wrote() | Cut():
                file = self._file(step.path)
                if isinstance(step, Wrote) and step.synchronous:
                    _redo(file.durable, step)
                else:
                    file.pending.append(step)
            case Flushed():
                file = self._file(step.path)
                for one in file.pending:
                    _redo(file.durable, one)
                file.pending.clear()
                for change in self._changes.pop(step.path, []):
                    self._durable.update(change)

    def _change(self, path: str, change: Names) -> None:
        self._seen.update(change)
        self._changes.setdefault(os.fspath(Path(path).parent), []).append(change)

    def _file(self, path: str) -> File:
        file = self._seen[path]
        if file is None:
            raise StationdError(f"{path}: the process did something to a file that is not there any more")
        return file

    def lose_power(self, chance: Random, sector_bytes: int, struck: Step | None = None) -> dict[str, bytes | None]:
        """What is there afterwards, by path below the root (None: a directory); *struck* is the step that was under way.

        The disk itself stays as it is, for other ends of the same story.
        """
        kept = chance.choice(KEPT)
        names = dict(self._durable)
        for changes in self._changes.values():
            # File systems keep the names of a directory in a journal: what is there is what was done first.
            for change in changes[: round(len(changes) * kept) if kept in (0, 1) else chance.randint(0, len(changes))]:
                names.update(change)
        there: dict[str, bytes | None] = {}
        for path, file in sorted(names.items()):
            if file is None or path == os.fspath(self._root) or not self._reached(path, names):
                continue
            under_way = [struck] if isinstance(struck, Wrote | Cut) and self._seen.get(struck.path) is file else []
            there[os.fspath(Path(path).relative_to(self._root))] = (
                None if file is DIRECTORY else _remains(file, under_way, chance, sector_bytes, kept)
            )
        return there

    def _reached(self, path: str, names: Names) -> bool:
        """Whether every directory above it is there."""
        above = Path(path).relative_to(self._root).parents
        return all(names.get(os.fspath(self._root / one)) is not None for one in above)


def _remains(file: File, under_way: Sequence[Wrote | Cut], chance: Random, sector_bytes: int, kept: float) -> bytes:
    image = bytearray(file.durable)
    for step in (*file.pending, *under_way):
        if isinstance(step, Cut):
            if chance.random() < kept:
                _redo(image, step)
            continue
        end = step.place + len(step.data)
        if len(image) < end and chance.random() < kept:
            # The length of a file may be there before what was written into it.
            image.extend(bytes(end - len(image)))
        for sector in range(step.place // sector_bytes, -(-end // sector_bytes)):
            first, last = max(sector * sector_bytes, step.place), min((sector + 1) * sector_bytes, end)
            if chance.random() < kept:
                _redo(image, Wrote(step.path, first, step.data[first - step.place : last - step.place]))
    return bytes(image)


def _redo(image: bytearray, step: Wrote | Cut) -> None:
    size = step.size if isinstance(step, Cut) else step.place + len(step.data)
    if len(image) < size:
        image.extend(bytes(size - len(image)))
    if isinstance(step, Cut):
        del image[size:]
    else:
        image[step.place : size] = step.data


def lay_out(there: dict[str, bytes | None], root: Path) -> None:
    """Put what is there after a power loss into the directory *root*."""
    root.mkdir(parents=True)
    for name, data in there.items():
        path = root / name
        if data is None:
            path.mkdir(mode=0o700)
        else:
            path.write_bytes(data)
            path.chmod(0o600)
