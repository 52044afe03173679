"""Files over files: ``custom/`` replaces whole components, ``override/`` changes single variables."""

from __future__ import annotations

from typing import Any

import pytest

from component_config.load import load
from tests.component_config.files import EVSE, Files, component, variable
from wire.declared import Declared

OVER = "override/Tank.json over standardized/Tank.json"


def tank(files: Files) -> dict[str, Declared]:
    """The attributes of the component under test, by variable and attribute."""
    return {f"{d.variable} {d.attribute}": d for d in files.load().declarations if d.component == "Tank"}


def change(name: str = "Depth", **more: Any) -> dict[str, Any]:
    """A property of an override."""
    return {"variable_name": name, **more}


def over(files: Files, *changes: Any, **more: Any) -> None:
    """Write the override under test."""
    files.put("override/Tank.json", component("Tank", *changes, **more))


def test_a_custom_component_replaces_a_standardized_one(files: Files) -> None:
    """All of it, as in libocpp: if this failed, a station that took a variable out of its own file would still have it."""
    files.tank(variable("A", value=1), variable("B", value=2))
    files.put("custom/Mine.json", component("TANK", variable("A", value=3)))
    found = files.load()
    assert [(d.component, d.variable, d.value, d.source) for d in found.declarations if d.component.casefold() == "tank"] == [
        ("TANK", "A", "3", "custom/Mine.json")
    ]
    assert "standardized/Tank.json" not in dict(found.files), "what is not in force is no part of the configuration"


def test_what_is_replaced_keeps_no_secret_and_is_judged_all_the_same(files: Files) -> None:
    """If this failed, a password would be put away that nothing uses, or a mistake would lie in wait for the day on which custom/ is emptied."""
    files.tank(variable("Pass", "string", mutability="WriteOnly", value="correct horse"))
    files.put("custom/Tank.json", component("Tank"))
    files.load()
    assert files.kept == []
    files.tank(variable("A", value="much"))
    assert files.complaint().startswith("standardized/Tank.json: Tank.A: value 'much' is not of type integer")


def test_an_override_changes_what_it_names(files: Files) -> None:
    """If this failed, one value could not be changed without a copy of the whole file, which then stands still for ever."""
    files.tank(variable("Depth", value=1, unit="m", maxLimit=9, description="x"), variable("Flow", value=2), required=["Depth"])
    over(files, change("depth", attributes=[{"value": 7}]))
    found = tank(files)
    assert (found["Depth Actual"].value, found["Depth Actual"].unit, found["Depth Actual"].max_limit) == ("7", "m", "9")
    assert (found["Depth Actual"].mutability, found["Depth Actual"].required) == ("ReadWrite", True)
    assert [found[name].source for name in ("Depth Actual", "Flow Actual")] == ["override/Tank.json", "standardized/Tank.json"]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"characteristics": {"maxLimit": 5, "unit": "cm"}}, {"max_limit": "5", "unit": "cm", "min_limit": "0", "value": "1"}),
        ({"attributes": [{"mutability": "ReadOnly", "persistent": False}]}, {"mutability": "ReadOnly", "persistent": False, "value": "1"}),
        ({"policy": "file-wins", "reboot": True}, {"policy": "file-wins", "reboot": True}),
        ({"honoured": False}, {"honoured": False}),
        ({"default": 3}, {"value": "1"}),
    ],
)
def test_member_by_member(files: Files, changed: dict[str, Any], expected: dict[str, Any]) -> None:
    """If this failed, an override would take away what it does not name."""
    files.tank(variable("Depth", value=1, minLimit=0, maxLimit=9))
    over(files, change(**changed))
    found = tank(files)["Depth Actual"]
    assert {key: getattr(found, key) for key in expected} == expected


def test_attributes_are_found_by_their_type_and_new_ones_added(files: Files) -> None:
    """If this failed, a limit that is set for a variable would land on its actual value."""
    files.tank(variable("Depth", attributes=[{"type": "Target", "value": 1}, {"value": 2}]))
    over(files, change(attributes=[{"type": "Actual", "value": 3}, {"type": "MaxSet", "mutability": "ReadOnly", "value": 4}]))
    assert {name: d.value for name, d in tank(files).items()} == {"Depth Target": "1", "Depth Actual": "3", "Depth MaxSet": "4"}


PINS: list[tuple[dict[str, Any], dict[str, Any], tuple[str | None, bool, str | None]]] = [
    ({"value": 1}, {"attributes": [{"value": 7}]}, ("7", True, "1")),
    ({"value": 1, "default": 2}, {"attributes": [{"value": 7}]}, ("7", True, "1")),
    ({"default": 2}, {"attributes": [{"value": 7}]}, ("7", True, "2")),
    ({"default": 2}, {"default": 7}, ("7", True, "2")),
    ({}, {"attributes": [{"value": 7}]}, ("7", True, None)),
    ({"value": 1}, {"attributes": [{"value": 1}]}, ("1", True, "1")),
    ({"value": "01"}, {"attributes": [{"value": 7}]}, ("7", True, "1")),
    ({"value": 1}, {"default": 7}, ("1", False, None)),
    ({"value": 1}, {"characteristics": {"maxLimit": 9}}, ("1", False, None)),
    ({"value": 1, "default": 2}, {"attributes": [{"value": None}]}, ("2", False, None)),
    ({"value": 1, "default": 2}, {"attributes": [{"value": None}], "default": 7}, ("7", True, "1")),
    ({"value": 1}, {"characteristics": {"dataType": "boolean"}, "attributes": [{"value": True}]}, ("true", True, "1")),
]


@pytest.mark.parametrize(("below", "changed", "expected"), PINS)
def test_a_value_that_an_override_gives_is_a_pin_over_the_files(
    files: Files, below: dict[str, Any], changed: dict[str, Any], expected: tuple[str | None, bool, str | None]
) -> None:
    """If this failed, the maker's new value beneath a site's own could not be told from one that counts."""
    files.tank(variable("Depth", **below), variable("Flow", value=3))
    over(files, change(**changed))
    found = tank(files)
    depth, flow = found["Depth Actual"], found["Flow Actual"]
    assert (depth.value, depth.pinned, depth.beneath) == expected
    assert (depth.source, depth.base) == ("override/Tank.json", "standardized/Tank.json")
    assert (flow.pinned, flow.beneath, flow.base) == (False, None, "")


def test_each_attribute_is_pinned_by_itself(files: Files) -> None:
    """If this failed, a pin on a limit would be told of the value."""
    files.tank(variable("Depth", attributes=[{"type": "Target", "value": 1}, {"value": 2}]))
    over(files, change(attributes=[{"type": "Target", "value": 3}, {"type": "MaxSet", "value": 4}]))
    assert {name: (d.pinned, d.beneath) for name, d in tank(files).items()} == {
        "Depth Target": (True, "1"),
        "Depth Actual": (False, None),
        "Depth MaxSet": (True, None),
    }


def test_a_variable_of_an_overrides_own_is_pinned_over_nothing(files: Files) -> None:
    """If this failed, a person would look for it in a file that does not have it."""
    files.tank(variable("Depth", value=1))
    document = {"name": "Tank", "properties": {"mine": variable("Flow", value=2), "other": variable("Ebb")}}
    files.put("override/Tank.json", document)
    flow, ebb = tank(files)["Flow Actual"], tank(files)["Ebb Actual"]
    assert (flow.value, flow.pinned, flow.beneath, flow.base, flow.source) == ("2", True, None, "", "override/Tank.json")
    assert (ebb.value, ebb.pinned) == (None, False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("old horse", "(a secret)"),
        (5, "(a secret)"),
        ('[{"configurationSlot": 1, "connectionData": {"basicAuthPassword": "old horse", "ocppVersion": "OCPP21"}}]', "(a secret)"),
    ],
)
def test_a_secret_beneath_a_pin_is_not_told(files: Files, given: Any, expected: str) -> None:
    """If this failed, the password that a maker ships would stand in every journal in the clear."""
    files.tank(variable("Pass", "string", mutability="WriteOnly", value=given))
    over(files, change("Pass", attributes=[{"value": "new horse"}]))
    assert tank(files)["Pass Actual"].beneath == expected
    files.put("standardized/InternalCtrlr.json", component("InternalCtrlr", variable("NetworkConnectionProfiles", "string", value=given)))
    files.put("override/InternalCtrlr.json", component("InternalCtrlr", change("NetworkConnectionProfiles", attributes=[{"value": "[]"}])))
    (found,) = [d for d in files.load().declarations if d.component == "InternalCtrlr"]
    assert found.pinned
    assert "horse" not in (found.beneath or "")
    assert ("OCPP21" in str(given)) == ("OCPP21" in (found.beneath or "")), "what is no secret in it is told"


def test_a_null_in_an_override_takes_away(files: Files) -> None:
    """If this failed, a limit that a maker set could only be got rid of with a copy of the whole file."""
    files.tank(variable("Depth", value=5, minLimit=1, maxLimit=9, unit="m", policy="file-wins", default=3))
    over(files, change(characteristics={"maxLimit": None, "unit": None}, attributes=[{"value": None}], policy=None))
    found = tank(files)["Depth Actual"]
    assert (found.min_limit, found.max_limit, found.unit, found.value, found.policy) == ("1", "", "", "3", "runtime-wins")
    over(files, change(default=None, attributes=[{"value": 400}], characteristics={"maxLimit": None}))
    assert tank(files)["Depth Actual"].value == "400"


def test_an_override_adds_a_variable(files: Files) -> None:
    """If this failed, a variable of one's own would need a copy of the whole component."""
    files.tank(variable("Depth", value=1))
    files.put("override/x.json", {"name": "Tank", "properties": {"mine": variable("Flow", value=2), "north": variable("Depth", instance="north")}})
    found = [(d.variable, d.variable_instance, d.source) for d in files.load().declarations if d.component == "Tank"]
    assert found == [("Depth", "", "standardized/Tank.json"), ("Flow", "", "override/x.json"), ("Depth", "north", "override/x.json")]


def test_an_override_lies_over_the_file_that_is_in_force(files: Files) -> None:
    """If this failed, a change would be made to a file that custom/ replaced, and nothing would come of it."""
    files.tank(variable("Depth", value=1))
    files.put("custom/Tank.json", component("Tank", variable("Depth", value=2)))
    over(files, change(characteristics={"unit": "m"}))
    assert (tank(files)["Depth Actual"].value, tank(files)["Depth Actual"].unit) == ("2", "m")
    files.put("override/EVSE.json", {"name": "EVSE", "evse_id": 1, "properties": {"a": change("Available", attributes=[{"value": False}])}})
    assert next(d for d in files.load().declarations if d.component == "EVSE").value == "false"


def test_a_secret_beneath_an_override_leaves_no_trace(files: Files) -> None:
    """If this failed, a password that is not in force would be put away, or be part of a digest in the journal."""
    files.tank(variable("Pass", "string", mutability="WriteOnly", value="old horse"))
    over(files, change("Pass", attributes=[{"value": "new horse"}]))
    first = files.load()
    assert files.kept == ["new horse"]
    assert [name for name, _ in first.files if "Tank" in name] == ["standardized/Tank.json+override/Tank.json"]
    files.tank(variable("Pass", "string", mutability="WriteOnly", value="odd horse"))
    assert files.load() == first
    over(files, change("Pass", attributes=[{"value": "newer horse"}]))
    assert files.load() != first


def test_without_overrides_nothing_changes(files: Files) -> None:
    """An empty directory is none: if this failed, it would change the configuration's digest."""
    files.tank(variable("Depth", value=1))
    before = files.load()
    (files.root / "override").mkdir()
    assert files.load() == before


BAD = [
    ([], "override/Tank.json: holds a list; right would be an object with 'name' and 'properties'"),
    ({"properties": {}}, "override/Tank.json: 'name' is missing"),
    (component("Tonk"), "override/Tank.json: Tonk: no file in standardized/ or custom/ declares it; did you mean 'Tank'?"),
    (component("Tank", instance="x"), "override/Tank.json: Tank[x]: no file in standardized/ or custom/ declares it"),
    ({"name": "Tank"}, "override/Tank.json: Tank: 'properties' is null; right would be an object"),
    (component("Tank", required=["Depth"]), "override/Tank.json: Tank: key 'required' is not known; the keys of an override are"),
    ({"name": "Tank", "properties": {"p0": 7}}, "override/Tank.json: Tank.p0: is 7; right would be an object with variable_name and what it changes"),
    (component("Tank", {"default": 7}), "override/Tank.json: Tank.p0: 'variable_name' is missing"),
    (component("Tank", change(), change("DEPTH")), "override/Tank.json: Tank.DEPTH: stands in two properties"),
    (component("Tank", variable("Flow")), "override/Tank.json: Tank.Flow: its key 'p0' stands for another variable in standardized/Tank.json"),
    (component("Tank", change(attributes=[{"value": "deep"}])), f"{OVER}: Tank.Depth: value 'deep' is not of type integer"),
    (component("Tank", change(characteristics={"maxLimit": 0})), f"{OVER}: Tank.Depth: value 1 is above its maxLimit"),
    (component("Tank", change(attributes=[{}, {"value": 2}])), f"{OVER}: Tank.Depth: has two attributes of type Actual"),
    (component("Tank", change(attributes=[{"type": "MaxSet", "value": "x"}])), f"{OVER}: Tank.Depth (MaxSet): value 'x' is not of type integer"),
    (component("Tank", change(policy="files-win")), f"{OVER}: Tank.Depth: 'policy' 'files-win' is not known; did you mean 'file-wins'?"),
    (
        component("Tank", change(characteristics={"maxLimits": None})),
        "override/Tank.json: Tank.Depth: key 'maxLimits' is not known; right would be 'maxLimit'",
    ),
    (component("Tank", change(monitor=None)), "override/Tank.json: Tank.Depth: key 'monitor' is not known; right would be 'monitors'"),
    (component("Tank", change(attributes=[{"values": None}])), "override/Tank.json: Tank.Depth: key 'values' is not known; right would be 'value'"),
    (component("Tank", change(attributes=None)), f"{OVER}: Tank.Depth: 'attributes' is missing"),
    (component("Tank", change(reboot="yes")), f"{OVER}: Tank.Depth: 'reboot' is 'yes'; right would be true or false"),
]


@pytest.mark.parametrize(("document", "text"), BAD, ids=[text for _, text in BAD])
def test_an_override_that_cannot_be(files: Files, document: Any, text: str) -> None:
    """If this failed, an override would be passed over, or the blame would fall on the file beneath it."""
    files.tank(variable("Depth", value=1))
    files.put("override/Tank.json", document)
    (only,) = files.complaints()
    assert only.startswith(text)


def test_what_an_override_does_not_touch_is_the_lower_files_fault(files: Files) -> None:
    """If this failed, a person would look for a mistake in a file that has none."""
    files.tank(variable("Depth", value=1), variable("Flow", value="x"))
    over(files, change(default=5))
    assert files.complaint().startswith("standardized/Tank.json: Tank.Flow: value 'x'")


def test_two_overrides_for_one_component(files: Files) -> None:
    """If this failed, one of two changes would win by the name of its file."""
    files.tank(variable("Depth", value=1))
    over(files, change(default=5))
    files.put("override/Again.json", component("tank", change(default=6)))
    assert files.complaint() == "override/Tank.json: Tank: is overridden by override/Again.json too; right would be one of the two files"


def test_an_override_of_a_file_that_is_none(files: Files) -> None:
    """If this failed, two mistakes in two files would show one after the other."""
    files.put("standardized/Tank.json", {"name": "Tank", "properties": 5})
    over(files, change(default=5), monitors=1)
    second, first = files.complaints()
    assert first.startswith("override/Tank.json: Tank: key 'monitors' is not known")
    assert second.startswith("standardized/Tank.json: Tank: 'properties' is 5")


def test_a_password_in_the_wrong_place_is_not_quoted(files: Files) -> None:
    """If this failed, a slip in a short file would show a password on every screen."""
    files.put("custom/EVSE_1.json", {**EVSE, "properties": {"BasicAuthPassword": "correct horse"}})
    assert files.complaint().startswith("custom/EVSE_1.json: EVSE(1).BasicAuthPassword: is a text; right would be an object")
    files.put("override/EVSE.json", {"name": "EVSE", "evse_id": 1, "properties": {"BasicAuthPassword": "correct horse"}})
    files.put(
        "custom/EVSE_1.json", {**EVSE, "properties": {"BasicAuthPassword": variable("BasicAuthPassword", "string", attributes="correct horse")}}
    )
    assert not any("horse" in line for line in files.complaints())


def test_two_directories_with_an_override_in_the_second(files: Files) -> None:
    """If this failed, a site's own directory could not change what the maker's one says."""
    files.tank(variable("Depth", value=1))
    site = files.root / "site"
    (site / "custom").mkdir(parents=True)
    files.put("site/override/Tank.json", component("Tank", change(attributes=[{"value": 4}])))
    found = load([files.root, site], files.keep, ())
    assert next(d.value for d in found.declarations if d.component == "Tank") == "4"
