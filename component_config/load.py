"""From directories of component files to declarations (OCPP 2.x Part 1, chapter 4; the tutorial's format of libocpp).

Invariant: the same bytes give the same declarations; a directory with anything fatal in it gives none, and every complaint at once.
A secret goes to *keep* and nowhere else: not into a declaration, a digest, a complaint or a log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from component_config import profiles, required
from component_config.check import INSIDE, OPEN, PERSONAL, Attribute, Component, Reader, Variable
from component_config.complaints import NOT_BUILT as NOT_BUILT_KIND
from component_config.complaints import TOPOLOGY, TWICE, Complaint, Complaints, ConfigFault, Wrong
from component_config.files import CUSTOM, OVERRIDE, STANDARDIZED, File, read
from machines.device_model.controllers import NOT_BUILT
from wire.declared import Declared

if TYPE_CHECKING:
    from pathlib import Path

    from component_config.override import Overlay

__all__ = ["ConfigFault", "Keep", "Loaded", "load", "shipped"]

LOG = logging.getLogger("stationd.component_config")

SWITCHES = ("available", "enabled")
"""Variables, folded, by which a controller says whether its functional block is there and in use."""

Keep = Callable[[str, str], str]
"""``keep(text, "secret")`` puts a secret away and returns the placeholder that stands for it from now on.

A placeholder should be the same for the same secret: it is part of the file's digest.
"""


class Loaded(NamedTuple):
    """What the directories declare.

    *declarations* are in the order of the files, and within a file in its own order.  *files* are (name relative to its
    directory, SHA-256 in hex): of the file's bytes as they are, or where a secret stands in it, of the document without
    blanks between its parts and with placeholders instead of its secrets.  A file that an override is laid over is named
    with it, ``standardized/A.json+override/A.json``, and its digest is that of the two together.  *warnings* are the complaints that
    keep no station from starting (``complaints.KINDS``).
    """

    declarations: tuple[Declared, ...]
    files: tuple[tuple[str, str], ...]
    warnings: tuple[Complaint, ...] = ()


def shipped() -> Path:
    """The directory of the files that come with this project: two AC EVSEs with one connector each."""
    from pathlib import Path

    return Path(__file__).parent


def load(directories: Sequence[Path], keep: Keep, versions: Iterable[str] | None = None) -> Loaded:
    """Read ``standardized/*.json``, ``custom/*.json`` and ``override/*.json`` of each directory.

    Names that begin with a dot are passed over.  A component in ``custom`` replaces the whole of it in ``standardized``; a file
    in ``override`` replaces what it names in the one of the two that is in force, variable by variable.  *keep* is called for
    every secret that is in force, and only when nothing is wrong: no secret of a refused directory is ever put away.  A
    ``value`` counts before a ``default``.  *versions* of OCPP say which variables are required (``2.0.1``, ``2.1``); None: those
    that the files themselves name in ``InternalCtrlr.SupportedOcppVersions``, and both where they name none.

    Raises:
        ConfigFault: With everything that is wrong, where something of it is fatal.
    """
    complaints = Complaints()
    read_files = [file for directory in directories for file in read(directory, complaints, alone=len(directories) == 1)]
    files = [file for file in read_files if file.folder != OVERRIDE]
    overrides = [file for file in read_files if file.folder == OVERRIDE]
    patched: dict[str, Overlay] = {}
    if overrides:
        from component_config.override import overlays  # seldom needed, and a start waits for every module

        patched = overlays(files, overrides, complaints)
    components: list[tuple[File, Component]] = []
    for file in files:
        overlay = patched.get(file.label)
        reader = Reader(file.label, complaints, overlay.labels(file)) if overlay else Reader(file.label, complaints)
        component = reader.read(file.document)
        if component is not None:
            components.append((file, component))
        else:
            complaints.unread.add(file.label)
    _one_file_each(components, complaints)
    components = _in_force(components)
    _topology(components, complaints)
    _not_built(components, complaints)
    required.check(components, versions, complaints)
    if complaints.fatal:
        raise ConfigFault(complaints.fatal, complaints.warnings)
    declarations: list[Declared] = []
    digests: list[tuple[str, str]] = []
    for file, component in components:
        overlay = patched.get(file.label)
        built = component.address.name.casefold() not in NOT_BUILT
        sealed = False
        for variable in component.variables:
            source = overlay.patch.name if overlay and variable.title() in overlay.variables else file.name
            sealed |= _drop_shadowed(variable)
            for attribute in variable.attributes:
                text = _sealed(variable, attribute, keep)
                sealed |= text != attribute.text
                pin = overlay.pin(variable, attribute.type) if overlay else {}
                # Available and Enabled are true of a controller that is not built; on nothing else of it does anything act.
                honoured = variable.honoured and (built or variable.name.casefold() in SWITCHES)
                declarations.append(_declared(component, variable, attribute, text, source, honoured=honoured, **pin))
        raw = msgspec.json.encode(file.document) if sealed or overlay else file.raw
        digests.append((f"{file.name}+{overlay.patch.name}" if overlay else file.name, sha256(raw).hexdigest()))
    LOG.info("%d component files declare %d attributes", len(digests), len(declarations))
    return Loaded(tuple(declarations), tuple(digests), tuple(complaints.warnings))


def _in_force(components: list[tuple[File, Component]]) -> list[tuple[File, Component]]:
    """Without the standardized components that a custom one replaces."""
    replaced = {component.address.folded() for file, component in components if file.folder == CUSTOM}
    return [(f, c) for f, c in components if f.folder != STANDARDIZED or c.address.folded() not in replaced]


def _one_file_each(components: list[tuple[File, Component]], complaints: Complaints) -> None:
    """Complain about two files for one component in a folder: none of them could win but by chance."""
    seen: dict[tuple[str, tuple[str, str, int, int]], str] = {}
    for file, component in components:
        first = seen.setdefault((file.folder, component.address.folded()), file.label)
        if first != file.label:
            complaints.add(TWICE, file.label, str(component.address), f"is declared in {first} too; right would be one of the two files")


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
        complaints.add(TOPOLOGY, "custom", "EVSE", "no file declares an EVSE; right would be EVSE_1.json and Connector_1_1.json in custom/")
    _numbered(evses, "EVSE", "evse_id", complaints)
    for evse_id, file in sorted(evses.items()):
        if evse_id not in connectors:
            complaints.add(
                TOPOLOGY, file.label, f"EVSE({evse_id})", f"has no connector; right would be a file with evse_id {evse_id}, connector_id 1"
            )
    for evse_id, found in sorted(connectors.items()):
        _numbered(found, f"Connector of EVSE {evse_id}", "connector_id", complaints)
    for file, component in components:
        address = component.address
        if address.evse_id and address.evse_id not in evses:
            complaints.add(TOPOLOGY, file.label, str(address), f"no file declares EVSE {address.evse_id}; right would be an evse_id of an EVSE")
        elif address.connector_id and address.connector_id not in connectors.get(address.evse_id, {}):
            text = f"no file declares connector {address.connector_id} of EVSE {address.evse_id}; right would be one that exists"
            complaints.add(TOPOLOGY, file.label, str(address), text)


def _not_built(components: list[tuple[File, Component]], complaints: Complaints) -> None:
    """Warn of controllers that their files call available or enabled, and of which the station has nothing."""
    for file, component in components:
        block = NOT_BUILT.get(component.address.name.casefold())
        if block is None:
            continue
        switches = [v.title() for v in component.variables if v.name.casefold() in SWITCHES and any(a.text == "true" for a in v.attributes)]
        if switches:
            text = f"{' and '.join(switches)} {'is' if len(switches) == 1 else 'are'} true, and the station does not have {block}; it reports false"
            complaints.add(NOT_BUILT_KIND, file.label, str(component.address), text)


def _numbered(found: dict[int, File], what: str, key: str, complaints: Complaints) -> None:
    for right, (number, file) in enumerate(sorted(found.items()), 1):
        if number != right:
            complaints.add(TOPOLOGY, file.label, what, f"{key} {number} follows on {right - 1}; right would be {right}")
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
    purpose = "person" if variable.secrecy == PERSONAL else "secret"
    text = profiles.seal(text, keep) if variable.secrecy == INSIDE else keep(text, purpose)
    if text != attribute.text:
        attribute.holder[attribute.key] = text
    return text


def _declared(component: Component, variable: Variable, attribute: Attribute, text: str | None, source: str, **pin: Any) -> Declared:
    address = component.address
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
        source=source,
        policy=variable.policy,
        reboot=variable.reboot,
        monitors=variable.monitors if attribute.type == "Actual" else (),
        **pin,
    )
