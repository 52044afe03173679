"""Every way in which a component file can be wrong, and what the loader says to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from component_config.complaints import (
    ADDRESS,
    ATTRIBUTE,
    CHOICE,
    FILE,
    FLAG,
    IDENTITY,
    LIMIT,
    MEANINGLESS,
    MEMBER,
    MISSPELLED,
    MONITOR,
    NO_ACTUAL,
    NO_LIST,
    NO_VALUE,
    NOTE,
    NULL,
    OUT_OF_LIMITS,
    OUT_OF_LIST,
    REQUIRED_NAME,
    SLOT,
    STRUCTURE,
    TOPOLOGY,
    TWICE,
    TYPE,
    UNIT,
    UNKNOWN_KEY,
    UNUSED_DEFAULT,
    VALUE,
    Kind,
)
from component_config.files import BYTES_MAX
from component_config.load import ConfigFault, load
from tests.component_config.files import CONNECTOR, EVSE, Files, Json, component, variable

TANK = "standardized/Tank.json"

BAD_FILES = [
    (b"",                                   "is not JSON in line 1", FILE),
    (b'{\n"name": "Tank",\n}',              "is not JSON in line 3", FILE),
    (b'{"name": "T\xffnk"}',                "is not UTF-8 in line 1", FILE),
    (b'\xef\xbb\xbf{"name": "Tank"}',       "byte order mark", FILE),
    (b"[" * 100_000,                        "nested too deep", FILE),
    (b'{"a":' * 40 + b"1" + b"}" * 40,      "nested too deep", FILE),
    (b'{"name": NaN}',                      "is not JSON", FILE),
    (b'{"name": 1e999}',                    "is not JSON", FILE),
    (b"[]",                                 "holds a list; right would be an object", STRUCTURE),
    (b'"text"',                             "holds 'text'; right would be an object", STRUCTURE),
    (b"null",                               "holds null; right would be an object", STRUCTURE),
    (b'{"name": "Tank", "name": "Tank", "properties": {}}', "has the key 'name' twice in one object", FILE),
    (b'{"name":"a\\\\","na\\u006de":"b","properties":{},"description":"\\":"}', "has the key 'name' twice in one object", FILE),
    (b" " * (BYTES_MAX + 1),                "is larger than 1048576 bytes", FILE),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "text", "kind"), BAD_FILES, ids=[text for _, text, _ in BAD_FILES])
def test_a_file_that_is_no_document(files: Files, raw: bytes, text: str, kind: Kind) -> None:
    """If this failed, a damaged file would stop the station with a traceback, or lose a variable in silence."""
    files.put(TANK, raw)
    assert files.complaint().startswith(f"{TANK}: ")
    assert text in files.complaint()
    assert files.complaint().kind is kind


def test_a_quote_and_a_colon_within_a_text_are_no_second_key(files: Files) -> None:
    """If this failed, JSON text within a value would be taken for keys that stand twice."""
    files.tank(variable("A", "string", value='{"a": 1, "a" :2}\\":'), variable("B", "string", value='":\\'))
    assert files.values() == {"A": '{"a": 1, "a" :2}\\":', "B": '":\\'}


def test_things_that_are_no_files(files: Files) -> None:
    """If this failed, a named pipe would hang the start for ever, and a lost link would end it with a traceback."""
    os.mkfifo(files.root / "custom/A.json")
    (files.root / "custom/B.json").symlink_to("nowhere")
    (files.root / "custom/C.json").mkdir()
    (files.root / "custom/D\n.json").write_text("{}")
    (files.root / os.fsdecode(b"custom/E\xff.json")).write_text("{}")
    (files.root / "standardized").write_text("no directory")
    said = files.complaints()
    assert said[0].endswith("standardized: cannot be read (Not a directory); right would be a directory of JSON files")
    assert said[1].startswith("custom/A.json: is not a file")
    assert said[2].startswith("custom/B.json: cannot be read (No such file or directory)")
    assert said[3].startswith(("custom/C.json: is not a file", "custom/C.json: cannot be read"))
    assert "not printable" in said[4]
    assert "not printable" in said[5]
    assert len(said) == 6
    assert all(line.isprintable() for line in said)


def test_other_files_are_passed_over(files: Files) -> None:
    """If this failed, a README or an editor's leftover would stop the station."""
    files.put("custom/README.md", b"words")
    files.put("custom/.EVSE_1.json", b"leftover")
    files.put("custom/EVSE_1.json~", b"leftover")
    assert len(files.load().files) == 2


def test_directories_without_component_files(tmp_path: Path) -> None:
    """If this failed, a mistyped directory would start a station without EVSEs."""
    with pytest.raises(ConfigFault) as caught:
        load([tmp_path / "none"], lambda text, _kind: text)
    first, second = caught.value.complaints
    assert first.startswith(f"{tmp_path / 'none'}: holds no component files; right would be a directory with standardized/")
    assert "no file declares an EVSE" in second
    with pytest.raises(ConfigFault, match="no file declares an EVSE"):
        load([], lambda text, _kind: text)


BAD_COMPONENTS: list[tuple[dict[str, Any], str, Kind]] = [
    ({"properties": {}},                                    f"{TANK}: 'name' is missing; right would be a text", ADDRESS),
    ({"name": 5, "properties": {}},                         f"{TANK}: 'name' is 5; right would be a text in quotes", ADDRESS),
    ({"name": "", "properties": {}},                        f"{TANK}: 'name' is empty", ADDRESS),
    ({"name": "Ta\u0007nk", "properties": {}},              f"{TANK}: 'name' has blanks around it or control characters", ADDRESS),
    ({"name": "T" * 51, "properties": {}},                  f"{TANK}: 'name' has 51 characters; right would be at most 50", ADDRESS),
    ({"name": "Tank"},                                      f"{TANK}: Tank: 'properties' is missing", STRUCTURE),
    ({"name": "Tank", "properties": []},                    f"{TANK}: Tank: 'properties' is a list; right would be an object", STRUCTURE),
    ({"name": "Tank", "properties": {}, "instance": 1},     "'instance' is 1; right would be a text in quotes", ADDRESS),
    ({"name": "Tank", "properties": {}, "description": 1},  "'description' is 1; right would be a text in quotes", NOTE),
    ({"name": "Tank", "properties": {}, "type": "array"},   "'type' is 'array'; right would be 'object'", NOTE),
    ({"name": "Tank", "properties": {}, "evseId": 1},       "key 'evseId' is not known; right would be 'evse_id'", MISSPELLED),
    ({"name": "Tank", "properties": {}, "xyz": 1},          "key 'xyz' is not known; the keys of a component are: name, instance", UNKNOWN_KEY),
    ({"name": "Tank", "properties": {}, "required": "x"},   "'required' is not a list of texts", REQUIRED_NAME),
    ({"name": "Tank", "properties": {}, "required": ["x"]}, "required 'x' is no property of it", REQUIRED_NAME),
    ({"name": "Tank", "properties": {}, "evse_id": "1"},    "'evse_id' is '1'; right would be a whole number from 1", ADDRESS),
    ({"name": "Tank", "properties": {}, "evse_id": True},   "'evse_id' is true; right would be a whole number from 1", ADDRESS),
    ({"name": "Tank", "properties": {}, "evse_id": 0},      "'evse_id' is 0; right would be a whole number from 1", ADDRESS),
    ({"name": "Tank", "properties": {}, "evse_id": 2},      f"{TANK}: Tank(2): no file declares EVSE 2", TOPOLOGY),
    ({"name": "Tank", "properties": {}, "evse_id": 1, "connector_id": 7}, "Tank(1,7): no file declares connector 7 of EVSE 1", TOPOLOGY),
    ({"name": "Tank", "properties": {}, "connector_id": 1}, "'evse_id' is missing", ADDRESS),
    ({"name": "EVSE", "properties": {}},                    "'evse_id' is missing", ADDRESS),
    ({"name": "connector", "properties": {}, "evse_id": 1}, "'connector_id' is missing", ADDRESS),
    ({"name": "EVSE", "properties": {}, "evse_id": 2, "connector_id": 1}, "'connector_id' has no place in an EVSE", ADDRESS),
    ({"name": "NetworkConfiguration", "properties": {}},    "'instance' is ''; right would be the number of a configuration slot", SLOT),
    ({"name": "NetworkConfiguration", "properties": {}, "instance": "one"}, "'instance' is 'one'; right would be the number", SLOT),
]  # fmt: skip


@pytest.mark.parametrize(("document", "text", "kind"), BAD_COMPONENTS, ids=[text for _, text, _ in BAD_COMPONENTS])
def test_a_component_that_cannot_be(files: Files, document: dict[str, Any], text: str, kind: Kind) -> None:
    """If this failed, a slip in a component would be passed over, or be said without its remedy."""
    files.put(TANK, document)
    said = files.complaints()
    assert [line.kind for line in said if text in line] == [kind], said


def without(body: dict[str, Any], key: str) -> dict[str, Any]:
    """*body* without a key."""
    return {k: v for k, v in body.items() if k != key}


D = "Tank.Depth: "
BAD_VARIABLES: list[tuple[Any, str, Kind]] = [
    (7,                                                 "Tank.p0: is 7; right would be an object with variable_name", STRUCTURE),
    (without(variable(), "variable_name"),              "Tank.p0: 'variable_name' is missing", ADDRESS),
    (variable(name="D" * 51),                           "Tank.p0: 'variable_name' has 51 characters", ADDRESS),
    (without(variable(), "characteristics"),            f"{D}'characteristics' is missing", STRUCTURE),
    (variable(characteristics=1),                       f"{D}'characteristics' is 1", STRUCTURE),
    (variable(characteristics={}),                      f"{D}'dataType' is missing; right would be one of: MemberList", TYPE),
    (variable(dataType="Integer"),                      f"{D}'dataType' 'Integer' is not known; did you mean 'integer'?", TYPE),
    (variable(dataType=4),                              f"{D}'dataType' 4 is not known", TYPE),
    (variable(supportsMonitoring="yes"),                f"{D}'supportsMonitoring' is 'yes'; right would be true or false", FLAG),
    (variable(unit="s" * 17),                           f"{D}'unit' has 17 characters; right would be at most 16", UNIT),
    (variable(minLimit="low"),                          f"{D}'minLimit' is 'low'; right would be a number", LIMIT),
    (variable(maxLimit=True),                           f"{D}'maxLimit' is true; right would be a number", LIMIT),
    (variable(minimum=[]),                              f"{D}'minimum' is a list; right would be a number", LIMIT),
    (variable(minLimit=3, maxLimit=2),                  f"{D}minLimit 3 is above maxLimit 2", LIMIT),
    (variable(data_type="string", maxLimit=-1),         f"{D}'maxLimit' is -1; right would be a number of characters", LIMIT),
    (variable(data_type="boolean", maxLimit=1),         f"{D}'maxLimit' means nothing for a boolean", MEANINGLESS),
    (variable(data_type="MemberList"),                  f"{D}'valuesList' is missing", NO_LIST),
    (variable(valuesList="1,2"),                        f"{D}'valuesList' means nothing for a integer", MEANINGLESS),
    (variable(data_type="MemberList", valuesList=""),   f"{D}'valuesList' has 0 characters; right would be 1 to 1000", NO_LIST),
    (variable(data_type="MemberList", valuesList="a,a"), f"{D}'valuesList' names a member twice", MEMBER),
    (variable(data_type="MemberList", valuesList=4.5),  f"{D}'valuesList' is not of type MemberList", LIMIT),
    (without(variable(), "attributes"),                 f"{D}'attributes' is missing", STRUCTURE),
    (variable(attributes=[]),                           f"{D}'attributes' is empty", STRUCTURE),
    (variable(attributes={}),                           f"{D}'attributes' is an object; right would be a list", STRUCTURE),
    (variable(attributes=[3]),                          f"{D}'attributes' has 3 in it; right would be an object", STRUCTURE),
    (variable(attributes=[{"type": "actual"}]),         f"{D}'type' 'actual' is not known; did you mean 'Actual'?", ATTRIBUTE),
    (variable(attributes=[{}, {"type": "Actual"}]),     f"{D}has two attributes of type Actual; right would be one", TWICE),
    (variable(attributes=[{"type": "Target"}], default=1), f"{D}has a default, but no attribute of type Actual", NO_ACTUAL),
    (variable(mutability="readwrite"),                  f"{D}'mutability' 'readwrite' is not known; did you mean 'ReadWrite'?", ATTRIBUTE),
    (variable(persistent=1),                            f"{D}'persistent' is 1; right would be true or false", FLAG),
    (variable(constant="no"),                           f"{D}'constant' is 'no'; right would be true or false", ATTRIBUTE),
    (variable(honoured=0),                              f"{D}'honoured' is 0; right would be true or false", FLAG),
    (variable(source="everest"),                        f"{D}'source' 'everest' is not known; did you mean 'EVEREST'?", CHOICE),
    (variable(description=["a"]),                       f"{D}'description' is a list; right would be a text in quotes", NOTE),
    (variable(type="string"),                           f"{D}'type' is 'string', but dataType is integer; right would be 'integer'", NOTE),
    (variable(required=True),                           f"{D}is required and has no value", NO_VALUE),
    (variable(required=True, value="", instance="x"),   "Tank.Depth[x]: is required and has no value", NO_VALUE),
    (variable(variableName="Depth"),                    f"{D}key 'variableName' is not known; right would be 'variable_name'", MISSPELLED),
    (variable(monitors={}),                             f"{D}'monitors' is an object; right would be a list", MONITOR),
    (variable(attributes=[{"Value": 3}]),               f"{D}key 'Value' is not known; right would be 'value'", MISSPELLED),
    (variable(characteristics={"dataType": "string", "max_limit": 3}), f"{D}key 'max_limit' is not known; right would be 'maxLimit'", MISSPELLED),
    (variable(value=None),                              f"{D}value is null; right would be a value, or to leave the key out", NULL),
    (variable("Identity", "string", value="a:b"),       "Tank.Identity: has a colon in it; right would be a name without one", IDENTITY),
]  # fmt: skip


@pytest.mark.parametrize(("body", "text", "kind"), BAD_VARIABLES, ids=[text for _, text, _ in BAD_VARIABLES])
def test_a_variable_that_cannot_be(files: Files, body: Any, text: str, kind: Kind) -> None:
    """If this failed, a slip in a property would be passed over, or be said without its remedy."""
    files.tank(body)
    only = files.complaint()
    assert only.startswith(f"{TANK}: {text}"), only
    assert only.kind is kind


L = {"valuesList": "a,b,c"}
BAD_VALUES: list[tuple[str, Any, Json, str, Kind]] = [
    ("integer",      "6O",          {},                 "'6O' is not of type integer; right would be 60", VALUE),
    ("integer",      "1.0",         {},                 "'1.0' is not of type integer", VALUE),
    ("integer",      1.5,           {},                 "1.5 is not of type integer", VALUE),
    ("integer",      True,          {},                 "true is not of type integer", VALUE),
    ("integer",      "\u0663",      {},                 "is not of type integer", VALUE),
    ("integer",      [1],           {},                 "a list is not of type integer", VALUE),
    ("integer",      2**31,         {},                 "2147483648 does not fit into OCPP's integer", VALUE),
    ("integer",      "9" * 41,      {},                 "is not of type integer", VALUE),
    ("integer",      4,             {"minLimit": 5},    "4 is below its minLimit; right would be 5 or more", OUT_OF_LIMITS),
    ("integer",      "-4",          {"minLimit": "-3"}, "'-4' is below its minLimit; right would be -3 or more", OUT_OF_LIMITS),
    ("integer",      6,             {"maxLimit": 5.5},  "6 is above its maxLimit; right would be 5.5 or less", OUT_OF_LIMITS),
    ("integer",      6,             {"maximum": 5},     "6 is above its maxLimit; right would be 5 or less", OUT_OF_LIMITS),
    ("decimal",      "1e3",         {},                 "'1e3' is not of type decimal; right would be 12.5", VALUE),
    ("decimal",      "1.",          {},                 "'1.' is not of type decimal", VALUE),
    ("decimal",      ".5",          {},                 "'.5' is not of type decimal", VALUE),
    ("decimal",      "--1",         {},                 "'--1' is not of type decimal", VALUE),
    ("decimal",      False,         {},                 "false is not of type decimal", VALUE),
    ("decimal",      0.31,          {"maxLimit": 0.3},  "0.31 is above its maxLimit; right would be 0.3 or less", OUT_OF_LIMITS),
    ("boolean",      1,             {},                 "1 is not of type boolean; right would be true or false", VALUE),
    ("boolean",      "yes",         {},                 "'yes' is not of type boolean", VALUE),
    ("dateTime",     "2025-01-31",  {},                 "'2025-01-31' is not of type dateTime; right would be '2025-01-31T12:00:00Z'", VALUE),
    ("dateTime",     "2025-02-30T12:00:00Z", {},        "is not of type dateTime", VALUE),
    ("dateTime",     "2025-01-31T12:00:00.1234Z", {},   "is not of type dateTime", VALUE),
    ("dateTime",     "2025-01-31T12:00:00+25:00", {},   "is not of type dateTime", VALUE),
    ("dateTime",     1738324800,    {},                 "1738324800 is not of type dateTime", VALUE),
    ("string",       True,          {},                 "true is not of type string; right would be a text in quotes", VALUE),
    ("string",       1.10,          {},                 "1.1 is not of type string", VALUE),
    ("string",       {},            {},                 "an object is not of type string", VALUE),
    ("string",       "abc",         {"maxLimit": 2},    "'abc' has 3 characters; right would be 2 or fewer", OUT_OF_LIMITS),
    ("string",       "abc",         {"minLength": 4},   "'abc' has 3 characters; right would be 4 or more", OUT_OF_LIMITS),
    ("string",       "x" * 2501,    {},                 "has 2501 characters; right would be at most 2500", VALUE),
    ("OptionList",   "d",           L,                  "'d' is not in its valuesList; right would be one of: a, b, c", OUT_OF_LIST),
    ("OptionList",   "a,b",         L,                  "'a,b' is not in its valuesList", OUT_OF_LIST),
    ("OptionList",   "none",        {"valuesList": ["None", "All"]}, "'none' is not in its valuesList; did you mean 'None'?", OUT_OF_LIST),
    ("MemberList",   "a,d",         L,                  "'a,d' is not in its valuesList; right would be one of: a, b, c ('d')", OUT_OF_LIST),
    ("MemberList",   "a,b,a",       L,                  "'a,b,a' names a member twice; right would be once ('a')", MEMBER),
    ("MemberList",   "a,,b",        L,                  "'a,,b' has an empty member between two commas", MEMBER),
    ("MemberList",   ["a,b"],       L,                  "a list has a member with a comma in it", VALUE),
    ("SequenceList", ["a", True],   L,                  "a list is not of type string", VALUE),
    ("MemberList",   "a,b",         {**L, "maxLimit": 2}, "'a,b' has 3 characters; right would be 2 or fewer", OUT_OF_LIMITS),
]  # fmt: skip


@pytest.mark.parametrize("row", BAD_VALUES, ids=[f"{row[0]} {row[3]}" for row in BAD_VALUES])
@pytest.mark.parametrize("key", ["value", "default"])
def test_a_value_that_cannot_stand(files: Files, row: tuple[str, Any, Json, str, Kind], key: str) -> None:
    """If this failed, the station would start with a value that it would refuse from its CSMS, and nobody would hear of it."""
    data_type, value, more, text, kind = row
    files.tank(variable(data_type=data_type, **more, **{key: value}))
    assert files.complaint().startswith(f"{TANK}: Tank.Depth: {key} ")
    assert text in files.complaint()
    assert files.complaint().kind is kind


def test_a_default_is_judged_although_a_value_counts(files: Files) -> None:
    """If this failed, a wrong default would lie in wait for the day on which somebody takes the value out, or stop a station that does not use it."""
    files.tank(variable(value=1, default="one"))
    assert "Tank.Depth: default 'one' is not of type integer" in files.complaint()
    assert files.complaint().kind is UNUSED_DEFAULT
    assert files.values() == {"Depth": "1"}


def test_a_fault_of_another_attribute_names_it(files: Files) -> None:
    """If this failed, nobody could tell which of a variable's attributes is wrong."""
    files.tank(variable(attributes=[{"type": "Actual", "value": 1}, {"type": "MaxSet", "value": "much"}]))
    assert files.complaint().startswith(f"{TANK}: Tank.Depth (MaxSet): value 'much' is not of type integer")


def test_two_properties_for_one_variable(files: Files) -> None:
    """OCPP compares names without case: if this failed, one of two declarations would win by chance."""
    files.tank(variable("Depth", value=1), variable("depth", value=2), variable("Depth", instance="x"), variable("Depth", instance="X"))
    assert [line.partition(";")[0] for line in files.complaints()] == [
        f"{TANK}: Tank.depth: stands in two properties",
        f"{TANK}: Tank.Depth[X]: stands in two properties",
    ]


def test_two_files_for_one_component(files: Files) -> None:
    """If this failed, one of two files would win without a word."""
    files.tank(instance="x")
    files.put("standardized/Other.json", component("TANK", instance="X"))
    assert files.complaint().startswith(f"{TANK}: Tank[x]: is declared in standardized/Other.json too")


def test_two_directories_are_named_in_full(files: Files, tmp_path: Path) -> None:
    """If this failed, a complaint about one of several directories would leave open which one."""
    other = Files(tmp_path / "other")
    with pytest.raises(ConfigFault) as caught:
        load([files.root, other.root], files.keep, ())
    first, second = caught.value.complaints
    text = f"{other.root}/custom/Connector_1_1.json: Connector(1,1): is declared in {files.root}/custom/Connector_1_1.json too"
    assert first.startswith(text)
    assert second.startswith(f"{other.root}/custom/EVSE_1.json: EVSE(1): is declared in")


def test_evses_are_numbered_without_a_gap(files: Files) -> None:
    """If this failed, a lost file would shift nothing but leave an EVSE out of the station (Part 1, 4: ids are 1, 2, 3)."""
    files.put("custom/EVSE_3.json", {**EVSE, "evse_id": 3})
    files.put("custom/Connector_3_1.json", {**CONNECTOR, "evse_id": 3})
    assert files.complaint() == "custom/EVSE_3.json: EVSE: evse_id 3 follows on 1; right would be 2"


def test_connectors_are_numbered_without_a_gap(files: Files) -> None:
    """As for EVSEs."""
    files.put("custom/Connector_1_3.json", {**CONNECTOR, "connector_id": 3})
    assert files.complaint() == "custom/Connector_1_3.json: Connector of EVSE 1: connector_id 3 follows on 1; right would be 2"


def test_an_evse_needs_a_connector_and_a_connector_its_evse(files: Files) -> None:
    """If this failed, an EVSE that nothing can be plugged into would be offered to drivers."""
    files.put("custom/EVSE_2.json", {**EVSE, "evse_id": 2})
    assert files.complaint().startswith("custom/EVSE_2.json: EVSE(2): has no connector")
    (files.root / "custom/EVSE_2.json").unlink()
    files.put("custom/Connector_2_1.json", {**CONNECTOR, "evse_id": 2})
    assert files.complaint().startswith("custom/Connector_2_1.json: Connector(2,1): no file declares EVSE 2")


def test_a_station_without_evse(files: Files) -> None:
    """If this failed, a forgotten custom directory would start a station that cannot charge."""
    (files.root / "custom/EVSE_1.json").unlink()
    (files.root / "custom/Connector_1_1.json").unlink()
    files.tank()
    assert files.complaint().startswith("custom: EVSE: no file declares an EVSE")


def test_everything_is_said_at_once(files: Files) -> None:
    """If this failed, a person would mend one mistake a start."""
    files.put("standardized/Broken.json", b"{")
    files.tank(variable("A", value="x"), variable("B", value="y"), variable("C", dataType="number"))
    files.put("custom/Other.json", component("Other", variable("D", value="z"), evseid=1))
    assert len(files.complaints()) == 6


def test_a_complaint_is_one_printable_line(files: Files) -> None:
    """If this failed, a file could write lines of its own into the station's log."""
    files.put(TANK, {"name": "Tank", "properties": {"a\nb: all is well": 5}, "x\ny": 1})
    assert len(files.complaints()) == 2
    assert all(line.isprintable() for line in files.complaints())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PROFILES = '[{"configurationSlot": 1, "connectionData": {"password": 5, "apn": {}, "vpn": []}}]'
WORDS = st.sampled_from([
    "Tank", "EVSE", "InternalCtrlr", "NetworkConnectionProfiles", "NetworkConfiguration", "1", "", "Actual", "WriteOnly", "ReadOnly",
    "ReadWrite", "integer", "decimal", "dateTime", "boolean", "string", "OptionList", "MemberList", "a,b", "true", "-0", "5e-7",
    "2025-01-31T12:00:00Z", PROFILES,
])  # fmt: skip
LEAF = JSON | WORDS


def shaped(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly an object with some of *keys*."""
    return st.fixed_dictionaries({}, optional=keys) | st.fixed_dictionaries(dict(keys)) | LEAF


A_MONITOR = shaped(
    type=st.sampled_from(["UpperThreshold", "Delta", "Periodic", "TargetDelta", "Lower"]) | LEAF, value=LEAF, severity=st.integers(-1, 10) | LEAF,
    transaction=LEAF, reference_value=LEAF, config_type=st.sampled_from(["HardWiredMonitor", "CustomMonitor"]) | LEAF,
)  # fmt: skip
AN_ATTRIBUTE = shaped(type=LEAF, mutability=WORDS, value=LEAF, persistent=LEAF, constant=LEAF)
CHARACTERISTICS = shaped(dataType=WORDS, unit=LEAF, minLimit=LEAF, maxLimit=LEAF, valuesList=LEAF, supportsMonitoring=st.booleans())
PROPERTY = shaped(
    variable_name=WORDS, instance=WORDS, characteristics=CHARACTERISTICS, attributes=st.lists(AN_ATTRIBUTE, max_size=2), default=LEAF,
    required=LEAF, honoured=LEAF, source=LEAF, type=LEAF, minimum=LEAF, minLength=LEAF,
    monitors=st.lists(A_MONITOR, max_size=2) | LEAF,
)  # fmt: skip
DOCUMENT = shaped(
    name=WORDS, instance=WORDS, evse_id=st.integers(-1, 2) | LEAF, connector_id=LEAF, required=st.lists(WORDS, max_size=2) | LEAF,
    properties=st.dictionaries(WORDS, PROPERTY, max_size=2), description=LEAF,
)  # fmt: skip


@given(document=DOCUMENT)
def test_any_json_is_loaded_or_complained_about(tmp_path_factory: pytest.TempPathFactory, document: Any) -> None:
    """If this failed, some file would stop the station with a traceback instead of a complaint."""
    files = Files(tmp_path_factory.mktemp("any"))
    files.put(TANK, document)
    try:
        found = files.load()
    except ConfigFault:
        assert all(line.isprintable() for line in files.complaints())
    else:
        assert found.files[0][0] == TANK
        assert all(d.value is None or isinstance(d.value, str) for d in found.declarations)


@given(raw=st.binary(max_size=60))
def test_any_bytes_are_loaded_or_complained_about(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    """As above, for files that are not JSON at all."""
    files = Files(tmp_path_factory.mktemp("any"))
    files.put(TANK, raw)
    with pytest.raises(ConfigFault):
        files.load()
