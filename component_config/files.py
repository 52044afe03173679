"""The bytes of component files, and the JSON in them.

Law: whatever lies in the directory is read or complained about: nothing waits for ever, nothing is read twice, nothing is passed over in silence.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from component_config import profiles
from component_config.complaints import DIRECTORY, FILE, NOT_READ, Complaints

if TYPE_CHECKING:
    from pathlib import Path

BYTES_MAX = 1 << 20
"""The largest component file; libocpp's largest has 29 kB."""

STANDARDIZED, CUSTOM, OVERRIDE = FOLDERS = ("standardized", "custom", "override")
FOLDERS_BEGIN = ("standard", "custom", "overr", "overide")
"""How a folder's name begins, folded, that is one of these misspelled."""


class File(NamedTuple):
    """A file that could be read; *label* is what complaints call it, *name* is relative to its directory."""

    folder: str
    name: str
    label: str
    raw: bytes
    document: Any


def read(directory: Path, complaints: Complaints, *, alone: bool) -> Iterator[File]:
    """The files of a directory, folder by folder in the order of ``FOLDERS`` and then by name, decoded.

    *alone*: there is no other directory, so that a name relative to it says enough in a complaint.
    """
    seen = False
    for folder in FOLDERS:
        path = os.path.join(directory, folder)  # noqa: PTH118 (pathlib costs more than reading the files)
        try:
            names = sorted(os.listdir(path))  # noqa: PTH208 (as above)
        except FileNotFoundError:
            continue
        except OSError as error:
            complaints.add(DIRECTORY, path, "", f"cannot be read ({error.strerror}); right would be a directory of JSON files")
            seen = True
            continue
        seen = seen or folder != OVERRIDE
        for name in names:
            if not name.endswith(".json") or name.startswith("."):
                if name.casefold().endswith(".json") and not name.startswith("."):
                    complaints.add(NOT_READ, f"{folder}/{name}", "", "is not read; right would be a name that ends with .json")
                continue
            relative = f"{folder}/{name}"
            label = relative if alone else f"{directory}/{relative}"
            if not name.isprintable():
                complaints.add(FILE, ascii(label), "", "the file's name is not printable UTF-8; right would be the component's name")
                continue
            raw = _read(f"{path}/{name}", label, complaints)
            if raw is not None:
                try:
                    yield File(folder, relative, label, raw, _decode(raw))
                except ValueError as error:
                    complaints.unreadable(label, str(error))
    _beside(directory, complaints)
    if not seen:
        complaints.add(DIRECTORY, str(directory), "", "holds no component files; right would be a directory with standardized/ and custom/")


def _beside(directory: Path, complaints: Complaints) -> None:
    """Warn of what lies beside the folders and looks as if it were meant for them: nobody reads it."""
    try:
        names = sorted(os.listdir(directory))  # noqa: PTH208 (pathlib costs more than reading the files)
    except OSError:
        return
    for name in names:
        if name.endswith(".json") and not name.startswith("."):
            complaints.add(NOT_READ, ascii(name)[1:-1], "", f"is not read; right would be a place in {', '.join(FOLDERS)}")
        elif name not in FOLDERS and "." not in name and name.casefold().startswith(FOLDERS_BEGIN):
            complaints.add(NOT_READ, ascii(name)[1:-1], "", f"is not read; the folders that are read are {', '.join(FOLDERS)}")


def _read(path: str, label: str, complaints: Complaints) -> bytes | None:
    """The bytes of a regular file that is not too large."""
    try:
        # Non-blocking, for opening a named pipe would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb", buffering=0) as file:  # noqa: PTH123 (a handle, not a path)
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                complaints.unreadable(label, "is not a file; right would be a JSON file")
                return None
            # Room for what it says it has and a byte more: room for the largest there may be costs more than reading it.
            raw = file.read(min(about.st_size, BYTES_MAX) + 1)
            if len(raw) > about.st_size:
                raw += file.read(BYTES_MAX + 1)
    except OSError as error:
        complaints.unreadable(label, f"cannot be read ({error.strerror}); right would be a file that this user may read")
        return None
    if len(raw) > BYTES_MAX:
        complaints.unreadable(label, f"is larger than {BYTES_MAX} bytes; right would be one component a file")
        return None
    return raw


def _decode(raw: bytes) -> Any:
    """The document in *raw*.  Raises ``ValueError`` with the complaint."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8 in line {_line(raw, error.start)}; right would be JSON in UTF-8") from None
    if raw.startswith(b"\xef\xbb\xbf"):
        raise ValueError("begins with a byte order mark; right would be UTF-8 without one")
    try:
        document = msgspec.json.decode(raw)
    except RecursionError:
        raise ValueError("is nested too deep; right would be an object with 'name' and 'properties'") from None
    except ValueError as error:
        what, _, place = str(error).partition(" (byte ")
        line = _line(raw, int(place.rstrip(")")) if place.rstrip(")").isdigit() else len(raw))
        raise ValueError(f"is not JSON in line {line}: {what}; right would be an object with 'name' and 'properties'") from None
    levels, keys = _counted(document)
    if levels > profiles.DEPTH_MAX:
        raise ValueError("is nested too deep; right would be an object with 'name' and 'properties'")
    _no_key_twice(raw, keys)
    return document


def _counted(document: object) -> tuple[int, int]:
    """How many levels *document* has, counted no further than one too many, and how many keys its objects have."""
    levels = keys = 0
    here = [document]
    while here and levels <= profiles.DEPTH_MAX:
        levels += 1
        deeper: list[object] = []
        for one in here:
            if type(one) is dict:
                keys += len(one)
                deeper += one.values()
            elif type(one) is list:
                deeper += one
        here = deeper
    return levels, keys


def _line(raw: bytes, place: int) -> int:
    return raw.count(b"\n", 0, place) + 1


def _no_key_twice(raw: bytes, keys: int) -> None:
    """Refuse an object in which a key stands twice: JSON allows it, and all but the last would be lost without a word.

    First by counting, which is quick: a quote before a colon ends a key, unless it is escaped and stands within a text, and
    *keys* are how many the document has.  Only where the numbers differ is the text read a second time, slowly, to say which
    key it is.
    """
    squeezed = b"".join(raw.split()).replace(b"\\\\", b"")
    if squeezed.count(b'":') - squeezed.count(b'\\":') == keys:
        return
    import json  # slow to import, and almost never needed

    def pairs(members: list[tuple[str, object]]) -> dict[str, object]:
        found: dict[str, object] = {}
        for key, value in members:
            if key in found:
                raise ValueError(f"has the key {key[:60]!a} twice in one object; right would be once")
            found[key] = value
        return found

    json.loads(raw, object_pairs_hook=pairs)
