"""Which complaints about component files keep a station from starting, and what it does with all others.

Invariant: the table in docs/component_files.md is the one in the code, and each of its rows is tried here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from component_config import complaints as kinds
from component_config.complaints import KINDS, Kind
from component_config.load import ConfigFault, load, shipped
from machines.device_model.state import DEVICE_MODEL, key_of
from stationd.run import configured
from tests.component_config.files import CONNECTOR, EVSE, Files, component, variable
from tests.component_config.test_load import profile, profiles
from tests.conftest import NewStory
from tests.machines.test_device_model import item, put, value
from wire.declared import Declared

DOCUMENT = shipped().parent / "docs/component_files.md"


def rows() -> list[tuple[str, str, str]]:
    """The rows of the document's table: what is wrong, the class, what the station does."""
    section = DOCUMENT.read_text().partition("## What is wrong with a file")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    found = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return [(what, class_.strip("*"), then) for what, class_, then in found]


def test_the_document_has_every_kind_with_its_class() -> None:
    """If this failed, somebody would be told that a file is harmless which stops the station."""
    assert rows() == [(kind.what, "fatal" if kind.fatal else "warning", kind.then) for kind in KINDS]


def test_every_kind_is_in_the_table() -> None:
    """If this failed, a kind of complaint could have a class that nobody reviewed."""
    assert {one for one in vars(kinds).values() if isinstance(one, Kind)} == set(KINDS)


class Example(NamedTuple):
    """A way to make a complaint of a kind; of a warning, what is declared all the same."""

    kind: Kind
    make: Callable[[Files], None]
    declared: Callable[[Declared], Any] | None = None
    expected: Any = None


def tank(*args: Any, **more: Any) -> Callable[[Files], None]:
    """A component with one variable."""
    return lambda files: files.tank(variable(*args, **more))


def put_file(name: str, content: Any) -> Callable[[Files], None]:
    """A file."""
    return lambda files: files.put(name, content)


def no_directory(files: Files) -> None:
    """A file where a folder has to be."""
    (files.root / "standardized").write_text("no directory")


def secret(text: str) -> Callable[[Files], None]:
    """A password."""
    return tank("Password", "string", mutability="WriteOnly", minLimit=8, value=text)


def internal(*found: dict[str, Any]) -> Callable[[Files], None]:
    """Network connection profiles."""
    return lambda files: profiles(files, list(found))


def value_of(declared: Declared) -> Any:
    """The value."""
    return declared.value


MONITOR = {"type": "Upper", "value": 3, "severity": 4}
SLOT = component("NetworkConfiguration", variable("OcppCsmsUrl", "string", value="ws://x"), instance="1")

EXAMPLES = (
    Example(kinds.DIRECTORY, no_directory),
    Example(kinds.FILE, put_file("standardized/Tank.json", b'{"name": "Tank", "name": "Tonk"}')),
    Example(kinds.STRUCTURE, put_file("standardized/Tank.json", {"name": "Tank", "properties": []})),
    Example(kinds.ADDRESS, put_file("standardized/Tank.json", {"name": "", "properties": {}})),
    Example(kinds.MISSPELLED, tank(attributes=[{"mutabilty": "WriteOnly", "value": 1}])),
    Example(kinds.MISSPELLED, tank(instnce="Default")),
    Example(kinds.TYPE, tank(dataType="int")),
    Example(kinds.ATTRIBUTE, tank(constant="yes")),
    Example(kinds.LIMIT, tank(maxLimit="many")),
    Example(kinds.VALUE, tank(value="soon")),
    Example(kinds.SECRET, secret("short")),
    Example(kinds.PROFILE, internal(profile(ocppCsmsUrl="http://x"))),
    Example(kinds.IDENTITY, tank("Identity", "string", value="a:b")),
    Example(kinds.TWICE, put_file("custom/EVSE_again.json", EVSE)),
    Example(kinds.TOPOLOGY, put_file("custom/EVSE_3.json", {**EVSE, "evse_id": 3})),
    Example(kinds.BASE, put_file("override/Tonk.json", component("Tonk"))),
    Example(kinds.OUT_OF_LIST, tank(data_type="OptionList", valuesList="en_US,de,nl", value="en"), value_of, "en"),
    Example(kinds.OUT_OF_LIST, tank(data_type="MemberList", valuesList="a,b", default="a,c"), value_of, "a,c"),
    Example(kinds.OUT_OF_LIMITS, tank(maxLimit=5, value=6), value_of, "6"),
    Example(kinds.OUT_OF_LIMITS, tank(data_type="string", maxLimit=2, value="long"), value_of, "long"),
    Example(kinds.MEMBER, tank(data_type="MemberList", valuesList="a,b", value="b,,a,b"), value_of, "b,a"),
    Example(kinds.MEMBER, tank(data_type="SequenceList", valuesList="a,b", value="b,,a,b"), value_of, "b,a,b"),
    Example(kinds.MEMBER, tank(data_type="OptionList", valuesList="a,b,a"), lambda declared: declared.values_list, ("a", "b")),
    Example(kinds.NULL, tank(value=None), value_of, None),
    Example(kinds.NULL, tank(value=None, default=4), value_of, "4"),
    Example(kinds.UNUSED_DEFAULT, tank(value=1, default="much"), value_of, "1"),
    Example(kinds.NO_ACTUAL, tank(attributes=[{"type": "Target"}], default=1), value_of, None),
    Example(kinds.NO_LIST, tank(data_type="MemberList", value="a,b"), lambda declared: (declared.value, declared.values_list), ("a,b", ())),
    Example(
        kinds.MEANINGLESS, tank(data_type="boolean", maxLimit=1, value=True), lambda declared: (declared.value, declared.max_limit), ("true", "")
    ),
    Example(kinds.UNKNOWN_KEY, tank(value=1, vendor="x"), value_of, "1"),
    Example(kinds.FLAG, tank(attributes=[{"value": 1, "persistent": "no"}]), lambda declared: declared.persistent, expected=True),
    Example(kinds.CHOICE, tank(policy="file wins"), lambda declared: declared.policy, "runtime-wins"),
    Example(kinds.UNIT, tank(unit="u" * 17), lambda declared: declared.unit, ""),
    Example(kinds.NOTE, tank(type="number"), lambda declared: declared.data_type, "integer"),
    Example(
        kinds.REQUIRED_NAME, lambda files: files.tank(variable(value=1), required=["Length"]), lambda declared: declared.required, expected=False
    ),
    Example(kinds.NO_VALUE, tank(required=True), lambda declared: (declared.required, declared.value), (True, None)),
    Example(kinds.MONITOR, tank(supportsMonitoring=True, monitors=[MONITOR]), lambda declared: declared.monitors, ()),
    Example(kinds.DOUBT, internal(profile(securityProfile=3, ocppCsmsUrl="wss://x"))),
    Example(kinds.SLOT, put_file("standardized/N.json", SLOT)),
    Example(kinds.NOT_BUILT, put_file("standardized/R.json", component("ReservationCtrlr", variable("Enabled", "boolean", value=True)))),
    Example(kinds.NOT_READ, put_file("Tank.json", component("Tank"))),
)
UNTRIED = {kinds.NOT_DECLARED: "asks for all that OCPP requires: test_required.py"}


def test_every_kind_is_tried() -> None:
    """If this failed, a kind could have another class than its complaints."""
    assert {example.kind for example in EXAMPLES} | UNTRIED.keys() == set(KINDS)


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{number} {example.kind.what}" for number, example in enumerate(EXAMPLES)])
def test_what_is_fatal_stops_and_what_is_not_is_used_as_the_table_says(files: Files, example: Example) -> None:
    """If this failed, a station would stop for a trifle, or start with a model that nobody can be sure of."""
    example.make(files)
    assert example.kind in [line.kind for line in files.complaints()]
    if example.kind.fatal:
        with pytest.raises(ConfigFault):
            files.load()
    else:
        assert [line.kind for line in files.load().warnings] == [example.kind]
    if example.declared is not None:
        (declared,) = [one for one in files.load().declarations if one.component == "Tank"]
        assert example.declared(declared) == example.expected


def test_a_preset_outside_its_list_starts_and_setvariables_goes_on_rejecting_it(new_story: NewStory, tmp_path: Path) -> None:
    """B05.FR.07.  DisplayMessageCtrlr.Language is en, its list en_US, de and nl: if this failed, the station would exit with status 2."""
    files = Files(tmp_path)
    language = variable("Language", "OptionList", valuesList="en_US,de,nl", value="en")
    files.put("standardized/DisplayMessageCtrlr.json", component("DisplayMessageCtrlr", language))
    loaded = load([files.root], files.keep, ())
    assert list(loaded.warnings) == [
        "standardized/DisplayMessageCtrlr.json: DisplayMessageCtrlr.Language: value 'en' is not in its valuesList; did you mean 'en_US'?"
    ]
    story = new_story()
    story.files = configured(loaded.declarations, None, None)
    story.evses = 1
    story.start()
    assert story.station[DEVICE_MODEL].text(key_of("DisplayMessageCtrlr", "Language")) == "en"
    story.link = 1
    assert value(story, "Language", component="DisplayMessageCtrlr") == "en"
    results = put(story, item("Language", "en", component="DisplayMessageCtrlr"), item("Language", "de", component="DisplayMessageCtrlr"))
    assert [one["attributeStatus"] for one in results] == ["Rejected", "Accepted"]


def test_all_warnings_of_all_files_are_told_with_a_fatal_complaint(files: Files) -> None:
    """If this failed, somebody would mend what is fatal and hear of the rest only at the next start."""
    files.tank(variable("A", value="soon"), variable("B", value=6, maxLimit=5))
    files.put("custom/Connector_1_1.json", {**CONNECTOR, "description": 1})
    assert [line.kind for line in files.complaints()] == [kinds.VALUE, kinds.OUT_OF_LIMITS, kinds.NOTE]
