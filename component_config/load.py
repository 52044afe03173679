"""From directories of component files to declarations (OCPP 2.x Part 1, chapter 4; the tutorial's format of libocpp).

Law: the same bytes give the same declarations; a directory with anything wrong in it gives none, and every complaint at once.
A secret goes to *keep* and nowhere else: not into a declaration, a digest, a complaint or a log.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from component_config import profiles
from component_config.check import INSIDE, OPEN, WHOLE, Address, Attribute, Component, Reader, Variable
from component_config.complaints import Complaints, ConfigFault, Wrong
from wire.declared import Declared

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ConfigFault", "Keep", "Loaded", "load", "shipped"]

LOG = logging.getLogger("stationd.component_config")

BYTES_MAX = 1 << 20
"""The largest component file; libocpp's largest has 29 kB."""

FOLDERS = ("standardized", "custom")

Keep = Callable[[str, str], str]
"""``keep(text, "secret")`` puts a secret away and returns the placeholder that stands for it from now on.

A placeholder should be the same for the same secret: it is part of the file's digest.
"""


class Loaded(NamedTuple):
    """What the directories declare.

    *declarations* are in the order of the files, and within a file in its own order.  *files* are (name relative to its
    directory, SHA-256 in hex): of the file's bytes as they are, or where a secret stands in it, of the document without
    blanks between its parts and with placeholders instead of its secrets.
    """

    declarations: tuple[Declared, ...]
    files: tuple[tuple[str, str], ...]


class File(NamedTuple):
    """A file that could be read; *label* is what complaints call it, *name* is relative to its directory."""

    name: str
    label: str
    raw: bytes
    document: Any


def shipped() -> Path:
    """The directory of the files that come with this project: two AC EVSEs with one connector each."""
    from pathlib import Path

    return Path(__file__).parent


def load(directories: Sequence[Path], keep: Keep) -> Loaded:
    """Read ``standardized/*.json`` and ``custom/*.json`` of each directory.

    Names that begin with a dot are passed over.  *keep* is called for every secret that is in force, and only when
    nothing is wrong: no secret of a refused directory is ever put away.  A ``value`` counts before a ``default``.

    Raises:
        ConfigFault: With everything that is wrong.
    """
    complaints = Complaints()
    files = [file for directory in directories for file in _files(directory, complaints, alone=len(directories) == 1)]
    components: list[tuple[File, Component]] = []
    for file in files:
        component = Reader(file.label, complaints).read(file.document)
        if component is not None:
            components.append((file, component))
    _one_file_each(components, complaints)
    _topology(components, complaints)
    if complaints.lines:
        raise ConfigFault(complaints.lines)
    declarations: list[Declared] = []
    digests: list[tuple[str, str]] = []
    for file, component in components:
        sealed = False
        for variable in component.variables:
            sealed |= _drop_shadowed(variable)
            for attribute in variable.attributes:
                text = _sealed(variable, attribute, keep)
                sealed |= text != attribute.text
                declarations.append(_declared(component.address, variable, attribute, text, file.name))
        raw = msgspec.json.encode(file.document) if sealed else file.raw
        digests.append((file.name, sha256(raw).hexdigest()))
    LOG.info("%d component files declare %d attributes", len(digests), len(declarations))
    return Loaded(tuple(declarations), tuple(digests))


def _files(directory: Path, complaints: Complaints, *, alone: bool) -> Iterator[File]:
    """The files of a directory, by name, decoded."""
    seen = False
    for folder in FOLDERS:
        path = os.path.join(directory, folder)  # noqa: PTH118 (pathlib costs more than reading the files)
        try:
            names = sorted(os.listdir(path))  # noqa: PTH208 (as above)
        except FileNotFoundError:
            continue
        except OSError as error:
            complaints.add(path, "", f"cannot be read ({error.strerror}); right would be a directory of JSON files")
            seen = True
            continue
        seen = True
        for name in names:
            if not name.endswith(".json") or name.startswith("."):
                continue
            relative = f"{folder}/{name}"
            label = relative if alone else f"{directory}/{relative}"
            if not name.isprintable():
                complaints.add(ascii(label), "", "the file's name is not printable UTF-8; right would be the component's name")
                continue
            raw = _read(f"{path}/{name}", label, complaints)
            if raw is not None:
                try:
                    yield File(relative, label, raw, _decode(raw))
                except ValueError as error:
                    complaints.add(label, "", str(error))
    if not seen:
        complaints.add(str(directory), "", "holds no component files; right would be a directory with standardized/ and custom/")


def _read(path: str, label: str, complaints: Complaints) -> bytes | None:
    """The bytes of a regular file that is not too large."""
    try:
        # Non-blocking, for opening a named pipe would wait for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb", buffering=0) as file:  # noqa: PTH123 (a handle, not a path)
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                complaints.add(label, "", "is not a file; right would be a JSON file")
                return None
            raw = file.read(BYTES_MAX + 1)
    except OSError as error:
        complaints.add(label, "", f"cannot be read ({error.strerror}); right would be a file that this user may read")
        return None
    if len(raw) > BYTES_MAX:
        complaints.add(label, "", f"is larger than {BYTES_MAX} bytes; right would be one component a file")
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
    if profiles.depth(document) > profiles.DEPTH_MAX:
        raise ValueError("is nested too deep; right would be an object with 'name' and 'properties'")
    _no_key_twice(raw, document)
    return document


def _line(raw: bytes, place: int) -> int:
    return raw.count(b"\n", 0, place) + 1


def _no_key_twice(raw: bytes, document: object) -> None:
    """Refuse an object in which a key stands twice: JSON allows it, and all but the last would be lost without a word.

    First by counting, which is quick: a quote before a colon ends a key, unless it is escaped and stands within a text.
    Only where the numbers differ is the text read a second time, slowly, to say which key it is.
    """
    squeezed = b"".join(raw.split()).replace(b"\\\\", b"")
    quotes = squeezed.count(b'":') - squeezed.count(b'\\":')
    keys = 0
    here = [document]
    while here:
        one = here.pop()
        if type(one) is dict:
            keys += len(one)
            here += one.values()
        elif type(one) is list:
            here += one
    if quotes == keys:
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


def _one_file_each(components: list[tuple[File, Component]], complaints: Complaints) -> None:
    """Complain about two files for one component."""
    seen: dict[tuple[str, str, int, int], str] = {}
    for file, component in components:
        first = seen.setdefault(component.address.folded(), file.label)
        if first != file.label:
            complaints.add(file.label, str(component.address), f"is declared in {first} too; right would be one of the two files")


def _topology(components: list[tuple[File, Component]], complaints: Complaints) -> None:
    """Complain about EVSEs and connectors that are not numbered 1, 2, 3 without a gap, and about one without the other."""
    evses: dict[int, File] = {}
    connectors: dict[int, dict[int, File]] = {}
    for file, component in components:
        name, _, evse_id, connector_id = component.address.folded()
        if name == "evse" and evse_id:
            evses.setdefault(evse_id, file)
        elif name == "connector" and evse_id and connector_id:
            connectors.setdefault(evse_id, {}).setdefault(connector_id, file)
    if not evses:
        complaints.add("custom", "EVSE", "no file declares an EVSE; right would be EVSE_1.json and Connector_1_1.json in custom/")
    _numbered(evses, "EVSE", "evse_id", complaints)
    for evse_id, file in sorted(evses.items()):
        if evse_id not in connectors:
            complaints.add(file.label, f"EVSE({evse_id})", f"has no connector; right would be a file with evse_id {evse_id}, connector_id 1")
    for evse_id, found in sorted(connectors.items()):
        _numbered(found, f"Connector of EVSE {evse_id}", "connector_id", complaints)
    for file, component in components:
        address = component.address
        if address.evse_id and address.evse_id not in evses:
            complaints.add(file.label, str(address), f"no file declares EVSE {address.evse_id}; right would be an evse_id of an EVSE")
        elif address.connector_id and address.connector_id not in connectors.get(address.evse_id, {}):
            text = f"no file declares connector {address.connector_id} of EVSE {address.evse_id}; right would be one that exists"
            complaints.add(file.label, str(address), text)


def _numbered(found: dict[int, File], what: str, key: str, complaints: Complaints) -> None:
    for right, (number, file) in enumerate(sorted(found.items()), 1):
        if number != right:
            complaints.add(file.label, what, f"{key} {number} follows on {right - 1}; right would be {right}")
            return


def _drop_shadowed(variable: Variable) -> bool:
    """Take out of the document a default that holds a secret and is not in force; whether there was one."""
    body = variable.body
    if variable.secrecy == OPEN or not body.get("default") or any(a.holder is body for a in variable.attributes):
        return False
    default = body["default"]
    if variable.secrecy == INSIDE:
        try:
            if profiles.seal(default, lambda _text, _kind: "") == default:
                return False
        except Wrong:
            pass  # Nothing can be found in what is not JSON, so all of it goes.
    body["default"] = None
    return True


def _sealed(variable: Variable, attribute: Attribute, keep: Keep) -> str | None:
    """The attribute's text without secrets; also put into the document, in the secret's place."""
    text = attribute.text
    if not text or variable.secrecy == OPEN:
        return text
    text = keep(text, "secret") if variable.secrecy == WHOLE else profiles.seal(text, keep)
    if text != attribute.text:
        attribute.holder[attribute.key] = text
    return text


def _declared(address: Address, variable: Variable, attribute: Attribute, text: str | None, source: str) -> Declared:
    kind = variable.characteristics
    return Declared(
        component=address.name,
        variable=variable.name,
        component_instance=address.instance,
        variable_instance=variable.instance,
        evse_id=address.evse_id,
        connector_id=address.connector_id,
        attribute=attribute.type,
        data_type=kind.data_type,
        mutability=attribute.mutability,
        unit=kind.unit,
        min_limit=kind.low,
        max_limit=kind.high,
        values_list=kind.allowed,
        value=text,
        persistent=attribute.persistent,
        constant=attribute.constant,
        supports_monitoring=kind.monitored,
        required=variable.required,
        honoured=variable.honoured,
        source=source,
        monitors=variable.monitors if attribute.type == "Actual" else (),
    )
