"""B05 Set Variables and B06 Get Variables, against a model of every data type.

Law: one result for every item, in its place; what was accepted is so, and what was not leaves everything as it was.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from component_config.schemas import installed_schemas
from engine.kernel import Turn
from machines.device_model.facts import ModelDeclared, VariableSet
from machines.inputs import CableConnected, ConfigLoaded, LinkDown
from machines.outbound.facts import Queued
from tests.conftest import NewStory
from tests.machines.acts import one
from tests.story import PASSWORD, Story, declarations, facts, hash_text
from wire import jsontext
from wire.declared import Declared, written

TRIED = (
    # what B05 has to judge; the component is Tried
    Declared(component="Tried", variable="Text", max_limit="5", value="abc"),
    Declared(component="Tried", variable="Any"),
    Declared(component="Tried", variable="Whole", data_type="integer", min_limit="-5", max_limit="10", value="1"),
    Declared(component="Tried", variable="Free", data_type="integer"),
    Declared(component="Tried", variable="Number", data_type="decimal", min_limit="0.5", max_limit="1.5", value="1.0"),
    Declared(component="Tried", variable="Flag", data_type="boolean", value="false"),
    Declared(component="Tried", variable="When", data_type="dateTime"),
    Declared(component="Tried", variable="Option", data_type="OptionList", values_list=("A", "B")),
    Declared(component="Tried", variable="Members", data_type="MemberList", values_list=("A", "B", "C"), value="A"),
    Declared(component="Tried", variable="Sequence", data_type="SequenceList", values_list=("A", "B", "C")),
    Declared(component="Tried", variable="Open", data_type="SequenceList", max_limit="6"),
    Declared(component="Tried", variable="Fixed", mutability="ReadOnly", value="f"),
    Declared(component="Tried", variable="Constant", constant=True, value="c"),
    Declared(component="Tried", variable="Hidden", mutability="WriteOnly", value="h"),
    Declared(component="Tried", variable="Goal", attribute="Target"),
    Declared(component="Tried", variable="Goal", mutability="ReadOnly", value="0"),
    Declared(component="Tried", variable="Many", variable_instance="One", value="1"),
    Declared(component="Tried", variable="Many", variable_instance="Two", value="2"),
    Declared(component="Twin", component_instance="Left", variable="Side", value="l"),
    Declared(component="Twin", component_instance="Right", variable="Side", value="r"),
    Declared(component="Twin", variable="Side", evse_id=1, value="e"),
    Declared(component="Twin", variable="Side", evse_id=1, connector_id=1, value="c"),
)


def model(extra: tuple[Declared, ...] = TRIED) -> ConfigLoaded:
    """The small model of all stories, and what is tried here."""
    body = json.dumps(json.loads(declarations().body) + [written(one_of) for one_of in extra]).encode()
    return ConfigLoaded(digest=f"tried-{hash_text(body)}", body=body)


@pytest.fixture
def tried(story: Story) -> Story:
    """A station with variables of every kind."""
    story.settle(story.when(model()))
    return story


def item(name: str, value: str | None = None, *, component: str = "Tried", **more: Any) -> dict[str, Any]:
    """One item of a request; *more*: instance, component_instance, evse, attribute."""
    found: dict[str, Any] = {"component": {"name": component}, "variable": {"name": name}}
    if "instance" in more:
        found["variable"]["instance"] = more["instance"]
    if "component_instance" in more:
        found["component"]["instance"] = more["component_instance"]
    if "evse" in more:
        found["component"]["evse"] = more["evse"]
    if "attribute" in more:
        found["attributeType"] = more["attribute"]
    if value is not None:
        found["attributeValue"] = value
    return found


def ask(story: Story, action: str, *items: dict[str, Any]) -> Turn:
    """GetVariables or SetVariables."""
    return story.call(action, {f"{action[:3].lower()}VariableData": list(items)})


def results(story: Story, action: str, *items: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of GetVariables or SetVariables."""
    found: list[dict[str, Any]] = story.replies(ask(story, action, *items))[f"{action[:3].lower()}VariableResult"]
    return found


def get(story: Story, *items: dict[str, Any]) -> list[dict[str, Any]]:
    """GetVariables."""
    return results(story, "GetVariables", *items)


def put(story: Story, *items: dict[str, Any]) -> list[dict[str, Any]]:
    """SetVariables."""
    return results(story, "SetVariables", *items)


def value(story: Story, name: str, **more: Any) -> str:
    """What a variable holds."""
    (result,) = get(story, item(name, **more))
    assert result["attributeStatus"] == "Accepted"
    found: str = result["attributeValue"]
    return found


# B05


def test_b05_fr_01_b05_fr_02_one_result_an_item_in_the_order_of_the_request(tried: Story) -> None:
    """Else a CSMS that reads results by place takes one verdict for another."""
    items = [item("Whole", "3"), item("Nothing", "x"), item("Text", "xyz"), item("Whole", "x", component="None"), item("Fixed", "y")]
    found = put(tried, *items)
    assert [(r["component"], r["variable"]) for r in found] == [(i["component"], i["variable"]) for i in items]
    assert [r["attributeStatus"] for r in found] == ["Accepted", "UnknownVariable", "Accepted", "UnknownComponent", "Rejected"]


def test_b05_fr_13_duplicates_are_each_answered_and_the_last_counts(tried: Story) -> None:
    """The CSMS shall not; else one that does gets fewer results than items."""
    found = put(tried, item("Whole", "2"), item("Whole", "99"), item("Whole", "4"), item("Whole", "4"))
    assert [r["attributeStatus"] for r in found] == ["Accepted", "Rejected", "Accepted", "Accepted"]
    assert value(tried, "Whole") == "4"


def test_b05_fr_03_b05_fr_12_the_attribute_type_is_told_back(tried: Story) -> None:
    """Else the CSMS does not know whether it set the target or the value."""
    found = put(tried, item("Goal", "7", attribute="Target"), item("Text", "a"), item("Text", "b", attribute="Actual"))
    assert [r["attributeType"] for r in found] == ["Target", "Actual", "Actual"]
    assert value(tried, "Goal", attribute="Target") == "7"
    assert value(tried, "Goal") == "0"


def test_b05_fr_04_unknown_component(tried: Story) -> None:
    """Else a typing error in a name looks like a missing variable.  A component is its name, its instance and its place."""
    unknown = [
        item("Text", "x", component="Toaster"),
        item("Side", "x", component="Twin"),
        item("Side", "x", component="Twin", component_instance="Middle"),
        item("Side", "x", component="Twin", evse={"id": 2}),
        item("Side", "x", component="Twin", evse={"id": 1, "connectorId": 2}),
        item("Text", "x", evse={"id": 1}),
    ]
    assert {r["attributeStatus"] for r in put(tried, *unknown)} == {"UnknownComponent"}


def test_b05_fr_05_unknown_variable(tried: Story) -> None:
    """Else the CSMS looks for the component in vain."""
    found = put(tried, item("Nothing", "x"), item("Many", "x"), item("Many", "x", instance="Three"), item("Text", "x", instance="One"))
    assert {r["attributeStatus"] for r in found} == {"UnknownVariable"}


def test_b05_fr_06_unknown_attribute(tried: Story) -> None:
    """Else a target is set that nobody has."""
    found = put(tried, *[item("Text", "x", attribute=attribute) for attribute in ("Target", "MinSet", "MaxSet")])
    assert {r["attributeStatus"] for r in found} == {"NotSupportedAttributeType"}


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("Whole", ["", "x", "1.0", "1e1", " 1", "1 ", "--1", "+-1", "-+5", "-", "+", "0x1", "1_0", "\u0661", "\u00b2", "9" * 30]),
        ("Free", ["9" * 21, "five", "2147483648", "-2147483649"]),
        ("Number", ["", "x", "nan", "inf", "-inf", "1_0", " 1", "1,0", ".", "e", "\u0661", "infinity", "1e999"]),
        ("Flag", ["", "yes", "1", "0", "on", "tru", " true"]),
        ("When", ["", "yesterday", "2026", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "12:00"]),
        ("Option", ["", "C", "A,B", " A", "a"]),
        ("Members", ["D", "A,D", "A,A", "A;B"]),
        ("Sequence", ["D", "A,D"]),
    ],
)
def test_b05_fr_07_values_of_the_wrong_form(tried: Story, name: str, bad: list[str]) -> None:
    """Else nonsense is accepted, kept, and read by a machine at night; or it makes the turn Faulted."""
    before = get(tried, item(name))
    turn = ask(tried, "SetVariables", *[item(name, text) for text in bad])
    assert turn.facts == ()
    for text, result in zip(bad, tried.replies(turn)["setVariableResult"], strict=True):
        assert (text, result["attributeStatus"]) == (text, "Rejected")
        assert result["attributeStatusInfo"]["reasonCode"] in ("InvalidValue", "ValueOutOfRange")
    assert get(tried, item(name)) == before


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("Whole", ["-6", "11", "1000000"], ["-5", "10", "0", "+3", "007"]),
        ("Number", ["0.49", "1.51", "-1"], ["0.5", "1.5", "1", "+1.0", "1e0"]),
        ("Free", [], ["2147483647", "-2147483648"]),
        ("Text", ["abcdef"], ["", "abcde", "\u00e9\u00e9\u00e9\u00e9\u00e9"]),
        ("Open", ["A,B,C,D"], ["A,B,C", ""]),
    ],
)
def test_b05_fr_08_values_out_of_range(tried: Story, name: str, bad: list[str], good: list[str]) -> None:
    """Else limits are decoration."""
    refused = put(tried, *[item(name, text) for text in bad])
    assert [r["attributeStatusInfo"]["reasonCode"] for r in refused] == ["ValueOutOfRange"] * len(bad)
    assert {r["attributeStatus"] for r in put(tried, *[item(name, text) for text in good])} == {"Accepted"}


@pytest.mark.parametrize(
    ("declared", "text", "why"),
    [
        (
            {"variable": "TxUpdatedMeasurands", "values_list": ("Voltage", "Power.Active.Import")},
            "Voltage,SoC",
            "SoC is not a measurand that this station",
        ),
        (
            {"variable": "Order", "data_type": "SequenceList", "values_list": ("1", "2")},
            "2,3",
            "3 is not in its list; right would be SequenceList of 1, 2",
        ),
        (
            {"variable": "Choice", "data_type": "OptionList", "values_list": ("A", "B")},
            "A,B",
            "A,B is not in its list; right would be OptionList of A, B",
        ),
        ({"variable": "Set"}, "A,B,A", "A is there twice; right would be MemberList"),
        ({"variable": "Set", "values_list": ("A",)}, "", ""),
        ({"variable": "Set", "values_list": ("A",)}, "A,", "'' is not in its list"),
        ({"variable": "Count", "data_type": "integer", "max_limit": "9"}, "10", "the value is outside of its limits; right would be integer to 9"),
    ],
)
def test_a_refused_list_names_the_member_that_is_wrong(story: Story, declared: dict[str, Any], text: str, why: str) -> None:
    """Else a CSMS's operator has to try the members of a long list one by one."""
    story.when(model((*TRIED, Declared(**{"component": "Told", "data_type": "MemberList", **declared}))))
    (result,) = put(story, item(declared["variable"], text, component="Told"))
    assert result["attributeStatus"] == ("Rejected" if why else "Accepted")
    told = result.get("attributeStatusInfo", {}).get("additionalInfo", "")
    assert told.startswith(why)
    assert bool(told) is bool(why)


def fan() -> tuple[Declared, ...]:
    """A fan that is measured, wished for, and held between two speeds (Part 1, 4.3)."""
    kept: dict[str, Any] = {"component": "Fan", "variable": "Speed", "data_type": "decimal", "min_limit": "0", "max_limit": "1000"}
    return (
        Declared(**kept, mutability="ReadOnly", value="502"),
        Declared(**kept, attribute="Target", value="300"),
        Declared(**kept, attribute="MinSet", value="200"),
        Declared(**kept, attribute="MaxSet", value="500"),
    )


@pytest.mark.parametrize(
    ("attribute", "bad", "good", "why"),
    [
        ("Target", "199.9", "200", "MinSet is 200"),
        ("Target", "600", "500", "MaxSet is 500"),
        ("MinSet", "501", "300", "MaxSet is 500"),
        ("MinSet", "301", "0", "Target is 300"),
        ("MaxSet", "100", "300", "MinSet is 200"),
        ("MaxSet", "299", "1e3", "Target is 300"),
    ],
)
def test_b05_fr_08_a_target_lies_within_what_is_set(story: Story, attribute: str, bad: str, good: str, why: str) -> None:
    """Part 1, 4.3.  Else MinSet and MaxSet are decoration, and a fan is wished faster than it may run; what it measures is never asked."""
    story.when(model((*TRIED, *fan())))
    (refused,) = put(story, item("Speed", bad, component="Fan", attribute=attribute))
    assert refused["attributeStatus"] == "Rejected"
    assert refused["attributeStatusInfo"] == {"reasonCode": "ValueOutOfRange", "additionalInfo": why}
    assert put(story, item("Speed", good, component="Fan", attribute=attribute))[0]["attributeStatus"] == "Accepted"
    assert value(story, "Speed", component="Fan", attribute=attribute) == good


def test_b05_fr_08_bounds_that_the_same_message_moves_count(story: Story) -> None:
    """Else a CSMS that widens the bounds and moves the target needs two messages, and the other order depends on chance."""
    story.when(model((*TRIED, *fan())))
    fast, wide = [item("Speed", number, component="Fan", attribute=attribute) for number, attribute in (("700", "Target"), ("800", "MaxSet"))]
    assert [r["attributeStatus"] for r in put(story, fast, wide)] == ["Rejected", "Accepted"]
    narrow = item("Speed", "600", component="Fan", attribute="MaxSet")
    assert [r["attributeStatus"] for r in put(story, item("Speed", "", component="Fan", attribute="MaxSet"), fast, narrow)] == [
        "Rejected",
        "Accepted",
        "Rejected",
    ]


def profiles(*slots: tuple[int, str]) -> str:
    """Network profiles as a CSMS writes them."""
    return json.dumps([{"configurationSlot": slot, "connectionData": {"ocppCsmsUrl": url}} for slot, url in slots])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "InvalidValue"),
        ("garbage", "InvalidValue"),
        ("<sealed:f1000000000000000000000000000000:20:p>", "InvalidValue"),
        ("7", "InvalidValue"),
        ("[7]", "InvalidValue"),
        ("[" * 2000, "InvalidValue"),
        ('[{"connectionData": {"ocppCsmsUrl": "ws://a"}}]', "InvalidValue"),
        ("[]", "InvalidNetworkConf"),
        (profiles((2, "ws://elsewhere")), "InvalidNetworkConf"),
        (profiles((1, "")), "InvalidNetworkConf"),
        (profiles((1, "http://elsewhere")), "InvalidURL"),
    ],
)
def test_b05_fr_07_profiles_that_lead_nowhere(story: Story, text: str, reason: str) -> None:
    """Else one bad SetVariables, and nobody hears of the station again before somebody drives there."""
    (result,) = put(story, item("NetworkConnectionProfiles", text, component="InternalCtrlr"))
    assert (result["attributeStatus"], result["attributeStatusInfo"]["reasonCode"]) == ("Rejected", reason)


def test_profiles_and_their_priority_in_one_message(story: Story) -> None:
    """Each is judged beside what stands before it.  Else a CSMS that moves a station to another slot needs two messages."""
    both = item("NetworkConnectionProfiles", profiles((1, "ws://old"), (2, "wss://new")), component="InternalCtrlr")
    second = item("NetworkConfigurationPriority", "2,1", component="OCPPCommCtrlr")
    only = item("NetworkConnectionProfiles", profiles((2, "wss://new")), component="InternalCtrlr")
    assert [r["attributeStatus"] for r in put(story, second, both)] == ["Rejected", "Accepted"]
    assert [r["attributeStatus"] for r in put(story, both, second, only)] == ["Accepted", "Accepted", "Accepted"]


def test_a_fact_says_what_was_in_force_before_it(tried: Story) -> None:
    """Else the history of a variable that was emptied and set in one message tells of a value that was gone already."""
    turn = ask(tried, "SetVariables", item("Text", ""), item("Text", "xy"))
    assert [(fact.old, fact.value) for fact in facts(turn, VariableSet)] == [("abc", ""), ("", "xy")]


@pytest.mark.parametrize("text", ["x" * 900, "9" * 900])
def test_an_answer_about_a_long_value_keeps_the_schema(story: Story, text: str) -> None:
    """Else the explanation of a refusal is itself longer than 2.0.1 allows, and the CSMS throws the answer away."""
    (result,) = put(story, item("NetworkConfigurationPriority", text, component="OCPPCommCtrlr"))
    assert result["attributeStatusInfo"]["reasonCode"] == "InvalidNetworkConf"
    answer = json.dumps({"setVariableResult": [result]}).encode()
    assert installed_schemas().verdict("2.0.1", "SetVariablesResponse", answer) is None


@pytest.mark.parametrize("name", ["Fixed", "Constant"])
def test_b05_fr_09_what_cannot_be_set(tried: Story, name: str) -> None:
    """Else the CSMS changes what the station is."""
    (result,) = put(tried, item(name, "x"))
    assert (result["attributeStatus"], result["attributeStatusInfo"]["reasonCode"]) == ("Rejected", "ReadOnly")


@pytest.mark.parametrize(
    ("component", "variable", "evse"),
    [
        ("ClockCtrlr", "DateTime", None),
        ("ChargingStation", "AvailabilityState", None),
        ("EVSE", "AvailabilityState", {"id": 1}),
        ("Connector", "AvailabilityState", {"id": 1, "connectorId": 1}),
    ],
)
def test_b05_fr_09_derived_variables_cannot_be_set_whatever_the_file_says(
    story: Story,
    component: str,
    variable: str,
    evse: dict[str, int] | None,
) -> None:
    """Else a view is hidden under a value that somebody once set."""
    loose = [fields for fields in json.loads(declarations().body) if fields[:2] != [component, variable]]
    place = evse or {}
    writable = Declared(component=component, variable=variable, evse_id=place.get("id", 0), connector_id=place.get("connectorId", 0))
    loose.append(written(writable))
    body = json.dumps(loose).encode()
    story.when(ConfigLoaded(digest="loose", body=body))
    more = {"evse": evse} if evse else {}
    assert put(story, item(variable, "x", component=component, **more))[0]["attributeStatus"] == "Rejected"


@pytest.mark.parametrize(
    ("name", "told", "kept"),
    [
        ("Flag", "TRUE", "true"),
        ("Whole", "+007", "7"),
        ("Members", " B , A ", "B,A"),
        ("Members", "", ""),
        ("Sequence", "C,A,C", "C,A,C"),
        ("Number", "1.50", "1.50"),
        ("When", "2026-02-03T04:05:06Z", "2026-02-03T04:05:06Z"),
        ("Option", "B", "B"),
    ],
)
def test_b05_fr_10_a_value_is_kept_in_one_spelling(tried: Story, name: str, told: str, kept: str) -> None:
    """Else a machine that compares texts misses what the CSMS meant."""
    turn = ask(tried, "SetVariables", item(name, told))
    assert one(turn, VariableSet).value == kept
    assert one(turn, VariableSet).source == "csms"
    assert value(tried, name) == kept


def test_a_fact_stands_before_its_answer(tried: Story) -> None:
    """Else the CSMS hears Accepted and a power cut takes the value: what is answered with a fact is durable first."""
    assert not ask(tried, "SetVariables", item("Text", "a")).quiet
    assert ask(tried, "SetVariables", item("Text", "toolong")).quiet
    assert ask(tried, "GetVariables", item("Text")).quiet


# Names


def test_names_are_compared_without_case_and_told_back_as_they_came(tried: Story) -> None:
    """Part 1, 4: names are case-insensitive.  Else a CSMS of another school finds nothing."""
    (result,) = put(tried, item("tExT", "n", component="tried"))
    assert result["attributeStatus"] == "Accepted"
    assert (result["component"]["name"], result["variable"]["name"]) == ("tried", "tExT")
    assert value(tried, "TEXT", component="TRIED") == "n"
    fact = facts(tried.turns, VariableSet)[-1]
    assert (fact.component, fact.variable) == ("Tried", "Text"), "facts are spelled as declared"
    assert value(tried, "MANY", instance="ONE") == "1"
    assert value(tried, "SIDE", component="TWIN", component_instance="LEFT") == "l"


def test_b06_fr_14_b06_fr_15_instances_are_addresses_of_their_own(tried: Story) -> None:
    """Else setting the left one sets the right one."""
    put(tried, item("Many", "9", instance="Two"), item("Side", "x", component="Twin", component_instance="Right"))
    assert [value(tried, "Many", instance=name) for name in ("One", "Two")] == ["1", "9"]
    assert [value(tried, "Side", component="Twin", component_instance=name) for name in ("Left", "Right")] == ["l", "x"]
    assert value(tried, "Side", component="Twin", evse={"id": 1}) == "e"
    assert value(tried, "Side", component="Twin", evse={"id": 1, "connectorId": 1}) == "c"
    assert get(tried, item("Many"))[0]["attributeStatus"] == "UnknownVariable"
    assert get(tried, item("Many", instance=""))[0]["attributeStatus"] == "UnknownVariable"
    assert get(tried, item("Side", component="Twin"))[0]["attributeStatus"] == "UnknownComponent"


# B06


def test_b06_fr_01_to_fr_13_get(tried: Story) -> None:
    """Else one of the verdicts of GetVariables is wrong, or comes with a value that it must not have."""
    found = get(
        tried,
        item("Text"),
        item("Nothing"),
        item("Text", component="Toaster"),
        item("Text", attribute="MaxSet"),
        item("Hidden"),
        item("Any"),
        item("Goal", attribute="Target"),
        item("Text"),
    )
    assert [(r["attributeStatus"], r.get("attributeValue"), r["attributeType"]) for r in found] == [
        ("Accepted", "abc", "Actual"),
        ("UnknownVariable", None, "Actual"),
        ("UnknownComponent", None, "Actual"),
        ("NotSupportedAttributeType", None, "MaxSet"),
        ("Rejected", None, "Actual"),
        ("Accepted", "", "Actual"),
        ("Accepted", "", "Target"),
        ("Accepted", "abc", "Actual"),
    ]


def test_b06_fr_09_a_secret_is_never_read_back(tried: Story) -> None:
    """Else the password leaves by the front door."""
    put(tried, item("BasicAuthPassword", PASSWORD, component="SecurityCtrlr"))
    turn = ask(tried, "GetVariables", item("BasicAuthPassword", component="SecurityCtrlr"))
    assert tried.replies(turn)["getVariableResult"][0]["attributeStatus"] == "Rejected"
    assert PASSWORD not in str(turn.effects)


@pytest.mark.parametrize(
    ("password", "status", "reason"),
    [
        ("<sealed:f1000000000000000000000000000000:15:p>", "Rejected", "ValueOutOfRange"),
        ("<sealed:f1000000000000000000000000000000:16:p>", "Accepted", None),
        ("<sealed:f1000000000000000000000000000000:64:p>", "Accepted", None),
        ("<sealed:f1000000000000000000000000000000:65:p>", "Rejected", "ValueOutOfRange"),
        ("<sealed:f1000000000000000000000000000000:20:->", "Rejected", "InvalidValue"),
    ],
)
def test_a01_a_secret_is_judged_by_what_its_placeholder_says(story: Story, password: str, status: str, reason: str | None) -> None:
    """Else a password that HTTP Basic cannot carry locks the station out."""
    (result,) = put(story, item("BasicAuthPassword", password, component="SecurityCtrlr"))
    assert result["attributeStatus"] == status
    assert result.get("attributeStatusInfo", {}).get("reasonCode") == reason


@pytest.mark.parametrize(
    ("limits", "pin", "status"),
    [
        ({}, "<sealed:f1000000000000000000000000000000:4:d>", "Accepted"),
        ({}, "<sealed:f1000000000000000000000000000000:4:p>", "Rejected"),
        ({"min_limit": "1"}, "<sealed:f1000000000000000000000000000000:4:d>", "Rejected"),
        ({"max_limit": "9999"}, "<sealed:f1000000000000000000000000000000:4:d>", "Rejected"),
    ],
)
def test_a_secret_number_is_taken_where_it_can_be_judged(story: Story, limits: dict[str, str], pin: str, status: str) -> None:
    """Of a sealed number nobody knows whether it lies within limits.  Else a value that the file forbids is accepted unseen."""
    story.when(model((Declared(component="Modem", variable="Pin", data_type="integer", mutability="WriteOnly", **limits),)))  # type: ignore[arg-type]
    assert put(story, item("Pin", pin, component="Modem"))[0]["attributeStatus"] == status


def test_b06_derived_variables_show_what_is(tried: Story) -> None:
    """Else GetVariables and StatusNotification contradict each other."""

    def states() -> list[str]:
        found = get(
            tried,
            item("AvailabilityState", component="Connector", evse={"id": 1, "connectorId": 1}),
            item("AvailabilityState", component="EVSE", evse={"id": 1}),
            item("AvailabilityState", component="EVSE", evse={"id": 2}),
            item("AvailabilityState", component="ChargingStation"),
        )
        return [r["attributeValue"] for r in found]

    assert states() == ["Available", "Available", "Available", "Available"]
    tried.settle(tried.when(CableConnected(evse_id=1, connector_id=1)))
    assert states() == ["Occupied", "Occupied", "Available", "Available"]
    tried.settle(tried.when(CableConnected(evse_id=2, connector_id=1)))
    assert states() == ["Occupied", "Occupied", "Occupied", "Occupied"]
    assert value(tried, "DateTime", component="ClockCtrlr").startswith("2027-01-15T08:00:00.")


# Limits


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ("abcdefghijkl", "abcdefghij"),
        ("<sealed:c1000000000000000000000000000000:8:p>", "<sealed:c1000000000000000000000000000000:8:p>"),
        ("<sealed:c1000000000000000000000000000000:36:p>", ""),
    ],
)
def test_a_long_value_is_cut_and_a_sealed_one_never_in_the_middle(story: Story, kept: str, told: str) -> None:
    """ReportingValueSize.  Else a CSMS reads half a placeholder where the group of a card stands."""
    size = Declared(component="DeviceDataCtrlr", variable="ReportingValueSize", data_type="integer", mutability="ReadOnly", value="10")
    story.when(model((*TRIED, size)))
    assert put(story, item("Any", kept))[0]["attributeStatus"] == "Accepted"
    assert value(story, "Any") == told
    asked = {"component": {"name": "Tried"}, "variable": {"name": "Any"}}
    turn = story.call("GetReport", {"requestId": 1, "componentVariable": [asked]}, "m2")
    ((reported,),) = [jsontext.decode(fact.payload)["reportData"] for fact in facts(turn, Queued)]
    assert reported["variableAttribute"][0]["value"] == told


def small(items: int = 64, size: int = 65536) -> tuple[Declared, ...]:
    """Limits of messages."""
    return tuple(
        Declared(component="DeviceDataCtrlr", variable=name, variable_instance=of, data_type="integer", mutability="ReadOnly", value=str(most))
        for name, most in (("ItemsPerMessage", items), ("BytesPerMessage", size))
        for of in ("GetVariables", "SetVariables")
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * 30, ""),
        ("x" * 31, "TooLargeElement"),
        ("<sealed:f1000000000000000000000000000000:30:p>", ""),
        ("<sealed:f1000000000000000000000000000000:31:p>", "TooLargeElement"),
    ],
)
def test_b05_fr_07_longer_than_the_station_keeps(story: Story, text: str, reason: str) -> None:
    """ConfigurationValueSize: of what is sealed, the length that it has.  Else a limit is told and not kept."""
    size = Declared(component="DeviceDataCtrlr", variable="ConfigurationValueSize", data_type="integer", mutability="ReadOnly", value="30")
    story.when(model((*TRIED, size)))
    (result,) = put(story, item("Any", text))
    assert result["attributeStatus"] == ("Rejected" if reason else "Accepted")
    assert result.get("attributeStatusInfo", {}).get("reasonCode", "") == reason


@pytest.mark.parametrize("action", ["GetVariables", "SetVariables"])
def test_b06_fr_16_b06_fr_17_more_than_the_station_takes(story: Story, action: str) -> None:
    """Else limits are told and not kept, and a large request stalls the station."""
    story.when(model((*TRIED, *small(items=2))))
    one_item = item("Text", "x" if action == "SetVariables" else None)
    assert story.error(ask(story, action, one_item, one_item, one_item)) == "OccurrenceConstraintViolation"
    assert len(results(story, action, one_item, one_item)) == 2
    story.when(model((*TRIED, *small(size=100))))
    turn = ask(story, action, one_item, one_item)
    assert story.error(turn) == "FormatViolation"
    assert turn.facts == ()


def test_b06_fr_17_a_message_is_measured_as_it_was_sent(story: Story) -> None:
    """Else a message of the size that the station names is refused because its secrets are longer as placeholders."""
    short = "<sealed:f1000000000000000000000000000000:16:p>"
    asked = [item("BasicAuthPassword", short, component="SecurityCtrlr") for _ in range(4)]
    sent = len(json.dumps({"setVariableData": asked})) - 4 * (len(short) - 16)
    story.when(model((*TRIED, *small(size=sent))))
    assert {r["attributeStatus"] for r in put(story, *asked)} == {"Accepted"}
    story.when(model((*TRIED, *small(size=sent - 1))))
    assert story.error(ask(story, "SetVariables", *asked)) == "FormatViolation"


def test_an_empty_request_gets_an_empty_answer(story: Story) -> None:
    """Else a request that the schema forbids makes the turn Faulted, should one get through."""
    assert get(story) == []
    assert put(story) == []


@pytest.mark.parametrize("version", ["ocpp2.1", "ocpp2.0.1"])
def test_both_versions_hear_the_same(new_story: NewStory, version: str) -> None:
    """Else narrowing loses a verdict."""
    story = new_story().boot(version)
    story.when(model())
    assert [r["attributeStatus"] for r in put(story, item("Whole", "3"), item("Whole", "11"))] == ["Accepted", "Rejected"]
    assert value(story, "Whole") == "3"


# What the component files say


def test_values_that_were_set_outlive_a_restart_and_other_files(tried: Story) -> None:
    """Else what the CSMS configured is gone with the next power cut, or with an update of the files."""
    put(tried, item("Text", "mine"), item("Whole", "7"))
    fewer = tuple(d for d in TRIED if d.variable != "Whole")
    tried.when(model(fewer))
    assert value(tried, "Text") == "mine"
    assert get(tried, item("Whole"))[0]["attributeStatus"] == "UnknownVariable"
    tried.when(model())
    assert value(tried, "Whole") == "7"


def test_the_same_files_are_not_declared_twice(tried: Story) -> None:
    """Else every start writes the whole device model into the journal."""
    assert facts(tried.when(model()), ModelDeclared) == []


def test_files_that_name_another_csms_are_followed_when_the_link_is_down(story: Story) -> None:
    """Else a station that cannot reach its CSMS waits out its back-off although somebody has just corrected the URL."""
    story.when(LinkDown(link=story.link, reason="refused"))
    story.settings = {"InternalCtrlr.NetworkConnectionProfiles": '[{"configurationSlot":1,"connectionData":{"ocppCsmsUrl":"ws://elsewhere"}}]'}
    story.when(declarations(story.settings))
    (turn,) = story.wait(0.1)
    assert [getattr(effect, "url", "") for effect in turn.effects] == ["ws://elsewhere"]
