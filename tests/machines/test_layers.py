"""Where a value comes from: every row of the matrix of what may change in component files between two boots, and who may set what.

Law: whatever the files say is in force or there is a fact that says why not; nothing that anybody set is lost without a word.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.event import replace
from engine.kernel import Turn
from machines.device_model.facts import (
    DeclarationRemoved,
    DeclarationReturned,
    ModelDeclared,
    ModelRefused,
    SettingRefused,
    VariableCleared,
    VariableSet,
)
from machines.device_model.operator import objection
from machines.device_model.state import DEVICE_MODEL, key_in
from machines.inputs import CableConnected, ConfigLoaded, OperatorReset, OperatorSet
from tests.machines.test_device_model import get, item, put, value
from tests.story import Story, declarations, facts, hash_text
from wire.declared import Declared, written

LIMIT = Declared(component="Tried", variable="Limit", data_type="integer", min_limit="0", max_limit="100", value="10")
NAME = Declared(component="Tried", variable="Name", value="file")
LIST = Declared(component="Tried", variable="List", data_type="MemberList", values_list=("A", "B"), value="A")
PINNED = Declared(component="Tried", variable="Pinned", value="file", policy="file-wins")
PASSING = Declared(component="Tried", variable="Passing", value="file", persistent=False)
CONSTANT = Declared(component="Tried", variable="Constant", value="file", constant=True)
LATER = Declared(component="Tried", variable="Later", value="file", reboot=True)
FIXED = Declared(component="Tried", variable="Fixed", value="file", mutability="ReadOnly")
OTHER = Declared(component="Other", variable="Name", value="file")
ALL = (LIMIT, NAME, LIST, PINNED, PASSING, CONSTANT, LATER, FIXED, OTHER)


def files(*declared: Declared, evses: int = 2) -> ConfigLoaded:
    """Component files that declare the small model of all stories, and *declared*."""
    body = json.dumps(json.loads(declarations(evses=evses).body) + [written(one) for one in declared]).encode()
    return ConfigLoaded(digest=f"files-{hash_text(body)}", body=body)


def edited(*changed: Declared, without: tuple[Declared, ...] = ()) -> ConfigLoaded:
    """ALL, with *changed* in the place of what has their address, and *without* some."""
    new = {key_in(one): one for one in changed}
    gone = {key_in(one) for one in without}
    return files(*(new.pop(key_in(one), one) for one in ALL if key_in(one) not in gone), *new.values())


@pytest.fixture
def tried(story: Story) -> Story:
    """An accepted station with ALL declared."""
    story.files = files(*ALL)
    story.settle(story.when(story.files))
    return story


def boot(story: Story, loaded: ConfigLoaded | None = None) -> list[Turn]:
    """A restart, with other files."""
    first = len(story.turns)
    story.files = loaded or story.files
    story.start()
    turn = story.connect()
    story.settle(story.answer(turn, {"status": "Accepted", "interval": 0, "currentTime": "2027-01-15T08:00:00Z"}))
    return story.turns[first:]


def said(turns: list[Turn], kind: type[Any]) -> list[Any]:
    """The facts of a kind."""
    return [fact for fact in facts(turns, kind) if getattr(fact, "component", "") in ("Tried", "Other", "EVSE", "Connector", "")]


def operator(story: Story, name: str, text: str, *, hold: bool = False, component: str = "Tried") -> Turn:
    """A person at the station sets a value."""
    return story.when(OperatorSet(component=component, variable=name, value=text, hold=hold))


def reset(story: Story, name: str, component: str = "Tried") -> Turn:
    """A person at the station wants the file's value."""
    return story.when(OperatorReset(component=component, variable=name))


def reported(story: Story, name: str) -> dict[str, Any]:
    """What a report says of a variable."""
    asked = {"requestId": 1, "componentVariable": [{"component": {"name": "Tried"}, "variable": {"name": name}}]}
    sent = story.settle(story.call("GetReport", asked))
    (entry,) = [entry for action, payload in sent if action == "NotifyReport" for entry in payload["reportData"]]
    found: dict[str, Any] = entry
    return found


def status(story: Story, name: str, text: str) -> str:
    """What SetVariables says."""
    (result,) = put(story, item(name, text))
    found: str = result["attributeStatus"]
    return found


# The matrix: what changed in the files, and what happens at the next boot


def test_a_new_component_variable_and_attribute_are_there(tried: Story) -> None:
    """The row that everybody gets right."""
    new = (
        Declared(component="New", variable="Name", value="n"),
        Declared(component="Tried", variable="More", value="m"),
        replace(NAME, attribute="Target", value="t"),
    )
    boot(tried, edited(*new))
    assert [value(tried, "Name", component="New"), value(tried, "More"), value(tried, "Name", attribute="Target")] == ["n", "m", "t"]


def test_a_component_whose_file_is_gone_is_gone_and_its_values_come_back_with_it(tried: Story) -> None:
    """Elsewhere it stays for ever, or what was set is lost."""
    put(tried, item("Name", "csms", component="Other"))
    gone = boot(tried, edited(without=(OTHER,)))
    assert [fact.component for fact in said(gone, DeclarationRemoved)] == ["Other"]
    assert get(tried, item("Name", component="Other"))[0]["attributeStatus"] == "UnknownComponent"
    back = boot(tried, edited())
    assert [fact.variable for fact in said(back, DeclarationReturned)] == ["Name"]
    assert value(tried, "Name", component="Other") == "csms"


def test_a_variable_that_is_gone_keeps_its_value_for_its_return(tried: Story) -> None:
    """Elsewhere the CSMS's value is lost silently."""
    put(tried, item("Name", "csms"), item("Limit", "20"))
    gone = boot(tried, edited(without=(NAME,)))
    assert [fact.variable for fact in said(gone, DeclarationRemoved)] == ["Name"]
    assert get(tried, item("Name"))[0]["attributeStatus"] == "UnknownVariable"
    assert value(tried, "Limit") == "20"
    boot(tried, edited())
    assert value(tried, "Name") == "csms"


def test_an_attribute_that_is_gone_keeps_its_value_for_its_return(tried: Story) -> None:
    """An attribute is a value of its own."""
    target = replace(LIMIT, attribute="Target", value="11")
    boot(tried, edited(target))
    put(tried, item("Limit", "12", attribute="Target"))
    gone = boot(tried, edited())
    assert [fact.attribute for fact in said(gone, DeclarationRemoved)] == ["Target"]
    assert get(tried, item("Limit", attribute="Target"))[0]["attributeStatus"] == "NotSupportedAttributeType"
    assert value(tried, "Limit") == "10"
    boot(tried, edited(target))
    assert value(tried, "Limit", attribute="Target") == "12"


def test_what_was_never_set_leaves_no_value_behind(tried: Story) -> None:
    """A variable without a value of its own needs no tombstone; its file's new value counts when it returns."""
    gone = boot(tried, edited(without=(NAME,)))
    assert said(gone, DeclarationRemoved) == []
    boot(tried, edited(replace(NAME, value="new")))
    assert value(tried, "Name") == "new"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"unit": "A"}, {"unit": "A"}),
        ({"max_limit": "50"}, {"maxLimit": 50}),
        ({"min_limit": "-5"}, {"minLimit": -5}),
        ({"max_limit": ""}, {"maxLimit": None}),
        ({"data_type": "decimal"}, {"dataType": "decimal"}),
        ({"supports_monitoring": True}, {"supportsMonitoring": True}),
    ],
)
def test_characteristics_follow_the_file(tried: Story, change: dict[str, Any], told: dict[str, Any]) -> None:
    """Elsewhere a station with an old limit cannot be mended by its files."""
    put(tried, item("Limit", "20"))
    boot(tried, edited(replace(LIMIT, **change)))
    entry = reported(tried, "Limit")
    assert {name: entry["variableCharacteristics"].get(name) for name in told} == told
    assert value(tried, "Limit") == "20"


def test_a_value_that_a_new_limit_rules_out_is_dropped_and_told(tried: Story) -> None:
    """Elsewhere it is kept for ever, out of range."""
    put(tried, item("Limit", "90"))
    turns = boot(tried, edited(replace(LIMIT, max_limit="50")))
    (dropped,) = said(turns, VariableCleared)
    assert (dropped.source, dropped.old, dropped.value, dropped.cause) == ("csms", "90", "10", "out of range")
    assert value(tried, "Limit") == "10"


def test_the_next_layer_that_fits_takes_its_place(tried: Story) -> None:
    """The fallback: the operator's value does not fit any more, what the CSMS had set does."""
    put(tried, item("Limit", "40"))
    operator(tried, "Limit", "90")
    turns = boot(tried, edited(replace(LIMIT, max_limit="50")))
    assert [(fact.source, fact.value) for fact in said(turns, VariableCleared)] == [("operator", "40")]
    assert value(tried, "Limit") == "40"


def test_a_value_that_a_new_list_rules_out_is_dropped_and_told(tried: Story) -> None:
    """The same for lists."""
    put(tried, item("List", "A,B"))
    turns = boot(tried, edited(replace(LIST, values_list=("A", "C"))))
    assert [(fact.old, fact.value) for fact in said(turns, VariableCleared)] == [("A,B", "A")]


def test_a_value_of_another_type_is_dropped_and_told(tried: Story) -> None:
    """The same for types."""
    put(tried, item("Name", "text"))
    turns = boot(tried, edited(replace(NAME, data_type="integer", value="7")))
    assert [fact.cause for fact in said(turns, VariableCleared)] == ["out of range"]
    assert value(tried, "Name") == "7"


def test_a_variable_that_becomes_read_only_has_the_files_value(tried: Story) -> None:
    """What nobody may write cannot hold what somebody wrote; but an operator may."""
    put(tried, item("Name", "csms"))
    turns = boot(tried, edited(replace(NAME, mutability="ReadOnly")))
    assert [(fact.source, fact.cause) for fact in said(turns, VariableCleared)] == [("csms", "not writable")]
    assert value(tried, "Name") == "file"
    assert status(tried, "Name", "x") == "Rejected"


def test_a_new_value_in_the_file_counts_where_nobody_wrote(tried: Story) -> None:
    """The row that everybody gets right."""
    boot(tried, edited(replace(NAME, value="new")))
    assert value(tried, "Name") == "new"


def test_a_new_value_in_the_file_is_shadowed_by_what_was_set(tried: Story) -> None:
    """The policy runtime-wins; and reset-to-file is the way out."""
    put(tried, item("Name", "csms"))
    boot(tried, edited(replace(NAME, value="new")))
    assert value(tried, "Name") == "csms"
    (turn,) = [reset(tried, "Name")]
    assert [(fact.old, fact.value, fact.cause) for fact in facts([turn], VariableCleared)] == [("csms", "new", "reset")]
    assert value(tried, "Name") == "new"


def test_a_new_value_in_the_file_wins_where_that_is_the_policy(tried: Story) -> None:
    """The policy file-wins: for whoever edits files and wants them to count."""
    put(tried, item("Pinned", "csms"))
    boot(tried)
    assert value(tried, "Pinned") == "csms", "the same file says nothing new"
    turns = boot(tried, edited(replace(PINNED, value="new")))
    assert [(fact.source, fact.old, fact.value, fact.cause) for fact in said(turns, VariableCleared)] == [("csms", "csms", "new", "file wins")]
    assert value(tried, "Pinned") == "new"
    put(tried, item("Pinned", "csms again"))
    assert value(tried, "Pinned") == "csms again", "until the file says something new again"


def test_a_policy_that_changes_to_file_wins_counts_at_once(tried: Story) -> None:
    """Whoever writes it wants it."""
    put(tried, item("Name", "csms"))
    boot(tried, edited(replace(NAME, policy="file-wins")))
    assert value(tried, "Name") == "file"


def test_the_operator_outranks_a_file_that_wins(tried: Story) -> None:
    """Else a person at the station could not try a value."""
    operator(tried, "Pinned", "mine")
    boot(tried, edited(replace(PINNED, value="new")))
    assert value(tried, "Pinned") == "mine"


def pinned(declared: Declared, value: str) -> Declared:
    """The same with an override over it."""
    file = replace(declared, source="standardized/Tried.json")
    return replace(file, value=value, pinned=True, beneath=file.value, source="override/Tried.json", base=file.source)


def test_a_pinned_value_stands_above_the_file_and_below_all_others(tried: Story) -> None:
    """File < pinned file < station < CSMS < operator."""
    boot(tried, edited(pinned(LIMIT, "20")))
    assert value(tried, "Limit") == "20"
    boot(tried, edited(pinned(replace(LIMIT, value="15"), "20")))
    assert value(tried, "Limit") == "20", "what the maker says anew lies beneath the pin"
    put(tried, item("Limit", "30"))
    operator(tried, "Limit", "40")
    boot(tried, edited(pinned(LIMIT, "25")))
    assert value(tried, "Limit") == "40"
    assert [(fact.source, fact.old, fact.value) for fact in facts([reset(tried, "Limit")], VariableCleared)] == [
        ("operator", "40", "30"),
        ("csms", "30", "25"),
    ]
    assert value(tried, "Limit") == "25"
    boot(tried, edited(replace(LIMIT, value="15")))
    assert value(tried, "Limit") == "15", "without the override the file's value counts"


def test_a_file_wins_with_its_pin_and_not_with_what_lies_beneath(tried: Story) -> None:
    """The files say one thing together; whoever set a pin does not want the maker's next release to reset stations in the field."""
    boot(tried, edited(pinned(PINNED, "pin")))
    assert value(tried, "Pinned") == "pin"
    put(tried, item("Pinned", "csms"))
    turns = boot(tried, edited(pinned(replace(PINNED, value="maker's"), "pin")))
    assert said(turns, VariableCleared) == []
    assert value(tried, "Pinned") == "csms", "nothing that counts is new"
    turns = boot(tried, edited(pinned(replace(PINNED, value="maker's"), "another pin")))
    assert [(fact.old, fact.value, fact.cause) for fact in said(turns, VariableCleared)] == [("csms", "another pin", "file wins")]
    put(tried, item("Pinned", "csms"))
    boot(tried, edited(replace(PINNED, value="maker's")))
    assert value(tried, "Pinned") == "maker's", "a pin that goes is news too"
    put(tried, item("Pinned", "csms"))
    boot(tried, edited(pinned(replace(PINNED, value="maker's"), "maker's")))
    assert value(tried, "Pinned") == "csms", "a pin that says what the file says is none"


def test_a_value_that_is_gone_from_the_file_is_gone(tried: Story) -> None:
    """Elsewhere the old one stays."""
    boot(tried, edited(replace(NAME, value=None)))
    assert value(tried, "Name") == ""


def test_another_source_changes_nothing_else(tried: Story) -> None:
    """Where a declaration stands is no news."""
    put(tried, item("Name", "csms"))
    turns = boot(tried, edited(replace(NAME, source="custom/Tried.json")))
    assert said(turns, VariableCleared) == []
    assert value(tried, "Name") == "csms"


def test_a_component_whose_case_changes_is_the_same(tried: Story) -> None:
    """Elsewhere it becomes a second one."""
    put(tried, item("Name", "csms", component="Other"))
    turns = boot(tried, edited(replace(OTHER, component="OTHER"), without=(OTHER,)))
    assert said(turns, DeclarationRemoved) == []
    assert value(tried, "Name", component="Other") == "csms"


def test_a_component_that_gets_an_instance_is_another(tried: Story) -> None:
    """The instance is part of the address; what was set at the old one waits for it."""
    put(tried, item("Name", "csms", component="Other"))
    turns = boot(tried, edited(replace(OTHER, component_instance="1"), without=(OTHER,)))
    assert [fact.component_instance for fact in said(turns, DeclarationRemoved)] == [""]
    assert value(tried, "Name", component="Other", component_instance="1") == "file"


# EVSEs


def test_an_evse_with_an_open_transaction_cannot_be_taken_away(tried: Story) -> None:
    """Else the transaction would never be told to its end."""
    tried.when(CableConnected(evse_id=2, connector_id=1))
    turns = boot(tried, files(*ALL, evses=1))
    (refused,) = facts(turns, ModelRefused)
    assert "EVSE 2 is not in the component files any more, and transaction " in refused.reason
    assert "put the files of the EVSE back" in refused.reason
    assert facts(turns, ModelDeclared) == []
    assert tried.station[DEVICE_MODEL].refused == refused.reason
    assert get(tried, item("AvailabilityState", component="EVSE", evse={"id": 2}))[0]["attributeStatus"] == "Accepted"
    boot(tried, edited())
    assert tried.station[DEVICE_MODEL].refused == ""


def test_an_evse_without_one_can(tried: Story) -> None:
    """And it leaves a tombstone."""
    turns = boot(tried, files(*ALL, evses=1))
    assert [(fact.component, fact.evse_id) for fact in facts(turns, DeclarationRemoved)] == [("EVSE", 2), ("Connector", 2)]
    assert get(tried, item("AvailabilityState", component="EVSE", evse={"id": 2}))[0]["attributeStatus"] == "UnknownComponent"


# Attributes that are not kept, not changed, or not yet in force


def test_a_value_that_is_not_persistent_is_gone_after_a_boot(tried: Story) -> None:
    """Elsewhere the flag means nothing."""
    put(tried, item("Passing", "csms"), item("Name", "csms"))
    turns = boot(tried)
    assert [(fact.variable, fact.cause) for fact in said(turns, VariableCleared)] == [("Passing", "not persistent")]
    assert [value(tried, "Passing"), value(tried, "Name")] == ["file", "csms"]


def test_what_is_constant_is_set_by_nobody(tried: Story) -> None:
    """Elsewhere the flag means nothing."""
    assert status(tried, "Constant", "x") == "Rejected"
    (refused,) = facts([operator(tried, "Constant", "x")], SettingRefused)
    assert refused.reason == "it is constant; only its component file can change it"
    assert value(tried, "Constant") == "file"


def test_a_value_that_needs_a_reboot_counts_from_then_on(tried: Story) -> None:
    """And the CSMS is told so."""
    assert status(tried, "Later", "csms") == "RebootRequired"
    assert value(tried, "Later") == "file"
    turns = boot(tried)
    assert [(fact.old, fact.value, fact.cause) for fact in said(turns, VariableSet)] == [("file", "csms", "boot")]
    assert value(tried, "Later") == "csms"


# Layers


def test_every_change_says_what_it_was_who_and_why(tried: Story) -> None:
    """Else nobody can say who set a value."""
    put(tried, item("Name", "one"), item("Name", "two"))
    operator(tried, "Name", "three")
    told = [(fact.old, fact.value, fact.source, fact.cause) for fact in said(tried.turns, VariableSet)]
    assert told == [("file", "one", "csms", "SetVariables"), ("one", "two", "csms", "SetVariables"), ("two", "three", "operator", "config set")]


def test_the_csms_takes_over_what_the_operator_set(tried: Story) -> None:
    """What SetVariables accepts is in force, always."""
    operator(tried, "Name", "mine")
    assert value(tried, "Name") == "mine"
    assert status(tried, "Name", "csms") == "Accepted"
    assert value(tried, "Name") == "csms"


def test_what_the_operator_holds_is_read_only_for_the_csms(tried: Story) -> None:
    """And a report says so."""
    put(tried, item("Name", "csms"))
    operator(tried, "Name", "mine", hold=True)
    (result,) = put(tried, item("Name", "other"))
    assert (result["attributeStatus"], result["attributeStatusInfo"]["reasonCode"]) == ("Rejected", "ReadOnly")
    assert reported(tried, "Name")["variableAttribute"][0]["mutability"] == "ReadOnly"
    operator(tried, "Name", "mine")
    assert status(tried, "Name", "other") == "Accepted"


def test_a_release_is_told_as_one(tried: Story) -> None:
    """The value stays, and so nothing is done that a new value would have done."""
    operator(tried, "Name", "mine", hold=True)
    (fact,) = facts([operator(tried, "Name", "mine")], VariableSet)
    assert (fact.value, fact.old, fact.cause, fact.hold) == ("mine", "mine", "config release", False)
    (fact,) = facts([operator(tried, "Name", "again")], VariableSet)
    assert fact.cause == "config set"
    sealed = f"<sealed:{'ab' * 16}:20:p>"
    operator(tried, "BasicAuthPassword", sealed, component="SecurityCtrlr", hold=True)
    tried.settle(tried.wait(5)[0])
    turn = operator(tried, "BasicAuthPassword", sealed, component="SecurityCtrlr")
    assert [type(fact) for fact in turn.facts] == [VariableSet], "the link stays, and no event says that the password changed"


def test_the_operator_sets_what_the_csms_may_only_read(tried: Story) -> None:
    """A serial number is provisioned at the station; after a restart it is there."""
    assert status(tried, "Fixed", "csms") == "Rejected"
    operator(tried, "Fixed", "mine")
    boot(tried, edited(replace(FIXED, value="new")))
    assert value(tried, "Fixed") == "mine"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("Limit", "101", "is outside of its limits; right would be integer from 0 to 100"),
        ("Limit", "ten", "is no value of its data type or list; right would be integer from 0 to 100"),
        ("List", "A,Z", "Z is not in its list; right would be MemberList of A, B"),
        ("Nothing", "x", "no component file declares it"),
    ],
)
def test_an_operator_is_told_what_would_be_right(tried: Story, name: str, text: str, why: str) -> None:
    """A person cannot look up reason codes."""
    (refused,) = facts([operator(tried, name, text)], SettingRefused)
    assert why in refused.reason
    assert facts([tried.turns[-1]], VariableSet) == []


def test_a_derived_variable_is_set_by_nobody(tried: Story) -> None:
    """It is what it shows."""
    turn = tried.when(OperatorSet(component="ClockCtrlr", variable="DateTime", value="2026-01-01T00:00:00Z"))
    assert "knows it by itself" in facts([turn], SettingRefused)[0].reason


def test_reset_to_file_empties_every_layer(tried: Story) -> None:
    """From the highest to the lowest, each with its fact."""
    put(tried, item("Name", "csms"), item("Later", "csms"))
    operator(tried, "Name", "mine", hold=True)
    turn = reset(tried, "Name")
    assert [(fact.source, fact.old, fact.value) for fact in facts([turn], VariableCleared)] == [
        ("operator", "mine", "csms"),
        ("csms", "csms", "file"),
    ]
    assert value(tried, "Name") == "file"
    assert facts([reset(tried, "Later")], VariableCleared)[0].old == "csms"
    boot(tried)
    assert value(tried, "Later") == "file"
    assert facts([reset(tried, "Name")], VariableCleared) == []


def test_what_is_set_aside_can_be_dropped_for_good(tried: Story) -> None:
    """Else a secret of a component that is gone would lie there for ever."""
    put(tried, item("Name", "csms", component="Other"))
    boot(tried, edited(without=(OTHER,)))
    assert objection(tried.station, key_in(OTHER), None) == ""
    reset(tried, "Name", component="Other")
    assert facts([reset(tried, "Name", component="Other")], SettingRefused)[0].reason == "no component file declares it"
    boot(tried, edited())
    assert value(tried, "Name", component="Other") == "file"


def test_a_boot_that_is_accepted_sets_the_interval_for_the_csms_and_the_file_stays_underneath(tried: Story) -> None:
    """Else the file's interval could never count again."""
    assert value(tried, "HeartbeatInterval", component="OCPPCommCtrlr") == "300"
    turn = reset(tried, "HeartbeatInterval", component="OCPPCommCtrlr")
    assert [(fact.source, fact.cause) for fact in facts([turn], VariableCleared)] == [("csms", "reset")]


def test_more_values_than_a_turn_used_to_have_facts_can_be_dropped_at_once(story: Story) -> None:
    """New files that do away with every value are no livelock."""
    many = tuple(Declared(component="Many", variable=f"V{n}", data_type="integer", value="1") for n in range(300))
    story.files = files(*many)
    story.settle(story.when(story.files))
    for start in range(0, 300, 50):
        put(story, *(item(f"V{n}", "99", component="Many") for n in range(start, start + 50)))
    turns = boot(story, files(*(replace(one, max_limit="10") for one in many)))
    assert len(facts(turns, VariableCleared)) == 300


# B10


def test_b10_fr_02_a_slot_without_a_configuration_is_refused(story: Story) -> None:
    """Else the station would dial nobody after its next start."""
    (result,) = put(story, item("NetworkConfigurationPriority", "1,3", component="OCPPCommCtrlr"))
    assert (result["attributeStatus"], result["attributeStatusInfo"]) == (
        "Rejected",
        {"reasonCode": "InvalidNetworkConf", "additionalInfo": "configuration slot 3 names no ocppCsmsUrl"},
    )
    (result,) = put(story, item("NetworkConfigurationPriority", "one", component="OCPPCommCtrlr"))
    assert result["attributeStatusInfo"]["reasonCode"] == "InvalidNetworkConf"
    assert put(story, item("NetworkConfigurationPriority", "1", component="OCPPCommCtrlr"))[0]["attributeStatus"] == "Accepted"
