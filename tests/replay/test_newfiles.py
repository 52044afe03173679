"""What ``config diff`` says before a boot is what the boot does; and what a variable's history says is what happened to it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from engine.event import Fact, replace
from engine.kernel import Turn
from eventlog import segments, snapshots
from eventlog.memory import MemoryJournal
from machines.device_model.state import DEVICE_MODEL
from machines.inputs import CableConnected, ConfigLoaded, OperatorSet, Started
from machines.station import STATION
from replay.address import address
from replay.newfiles import OF_THE_MODEL, Item, boot, items, lines, who
from replay.settings import as_json, history, matching, name_of, setting, settings, who_set
from replay.settings import lines as table_lines
from replay.state import at
from replay.why import why
from tests.machines.test_device_model import item, put
from tests.machines.test_layers import ALL, FIXED, LATER, LIMIT, LIST, NAME, OTHER, PASSING, PINNED, edited, files, operator, pinned
from tests.story import JOURNAL, PASSWORD, WALL_US, Story
from wire.declared import Declared, DeclaredMonitor


@pytest.fixture
def tried(story: Story) -> Story:
    """An accepted station on which the CSMS and an operator have set some values."""
    story.files = files(*ALL)
    story.settle(story.when(story.files))
    for name, text in (("Limit", "90"), ("List", "B"), ("Pinned", "csms"), ("Passing", "csms"), ("Later", "csms")):
        put(story, item(name, text))
    operator(story, "Limit", "60")
    operator(story, "Name", "operator", hold=True)
    operator(story, "Name", "operator", component="Other")
    return story


def foretold(story: Story, loaded: ConfigLoaded) -> tuple[list[Item], tuple[Fact, ...]]:
    """What is said of *loaded* before the boot, and the facts behind it."""
    journal = story.rows()
    folded = snapshots.restore(journal, STATION, lambda: b"")
    started = Started(journal=JOURNAL, build="test", boot_id="next", boottime_us=story.at, wall_us=WALL_US + story.at)
    made = boot(STATION, folded, (started, loaded))
    return items(made, journal), made.facts


def concluded(turns: list[Turn]) -> tuple[Fact, ...]:
    """What the device model concluded in *turns*."""
    return tuple(fact for turn in turns for fact in turn.facts if isinstance(fact, OF_THE_MODEL))


CHANGES: dict[str, Callable[[], ConfigLoaded]] = {
    "nothing": lambda: files(*ALL),
    "a value under one that was set": lambda: edited(replace(LIMIT, value="20"), replace(NAME, value="new")),
    "a value that wins": lambda: edited(replace(PINNED, value="new")),
    "a pin": lambda: edited(pinned(NAME, "pin"), pinned(FIXED, "pin"), pinned(PINNED, "pin")),
    "limits": lambda: edited(replace(LIMIT, max_limit="70")),
    "limits below everything": lambda: edited(replace(LIMIT, max_limit="50")),
    "a list": lambda: edited(replace(LIST, values_list=("A", "C"))),
    "a unit and a type": lambda: edited(replace(LIMIT, unit="s"), replace(FIXED, data_type="OptionList")),
    "who may write": lambda: edited(replace(LIST, mutability="ReadOnly"), replace(LIMIT, constant=True)),
    "a component is gone": lambda: edited(without=(OTHER,)),
    "a variable is gone": lambda: edited(without=(LIMIT, PASSING)),
    "what waits is out of range": lambda: edited(replace(LATER, max_limit="2")),
    "something new": lambda: edited(Declared(component="Tried", variable="New"), replace(LIMIT, attribute="MaxSet"), replace(NAME, component="New")),
    "an evse is gone": lambda: files(*ALL, evses=1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_foretold_is_what_a_boot_does(tried: Story, change: str) -> None:
    """If this failed, somebody would roll files out over a thousand stations because of a wrong answer."""
    loaded = CHANGES[change]()
    before = len(tried.turns)
    told, facts = foretold(tried, loaded)
    tried.files = loaded
    tried.start()
    assert concluded(tried.turns[before:]) == facts
    again, _ = foretold(tried, loaded)
    assert {one.what for one in again} <= {"shadowed"}, "after the boot nothing is left to be changed"
    assert [one for one in told if one.what == "shadowed"] == [one._replace(text=where) for one, where in zip(again, texts(told), strict=True)]


def texts(told: list[Item]) -> list[str]:
    """What is said of values that stand before the files'."""
    return [one.text for one in told if one.what == "shadowed"]


def test_every_kind_of_change_is_told_in_words(tried: Story) -> None:
    """If this failed, the list would be there and nobody would know what it means."""
    loaded = edited(
        replace(LIMIT, max_limit="70", value="20", unit="s"),
        replace(PINNED, value="new"),
        Declared(component="Tried", variable="New", value="1"),
        Declared(component="Fresh", variable="New", evse_id=2),
        without=(OTHER, LIST),
    )
    told, _ = foretold(tried, loaded)
    found = [str(one) for one in told]
    assert "component removed: Other: 1 variables, of which 1 keep what was set, out of force" in found
    assert "component added: Fresh@2: 1 variables" in found
    assert "declaration: Tried.Limit: file's value 10 -> 20; unit none -> s; max limit 100 -> 70" in found
    assert "variable added: Tried.New: string ReadWrite, the file's 1" in found
    assert "variable removed: Tried.List" in found
    assert "set aside: tried.list: no file declares it any more; its values are kept" in found
    assert "dropped: Tried.Pinned: csms's csms (file wins); new in force" in found
    assert "dropped: Tried.Passing: csms's csms (not persistent); file in force" in found
    assert "set: Tried.Later: csms's csms, which waited for the boot" in found
    assert "in force: Tried.Pinned: csms -> new" in found
    assert not any(one.startswith("in force: Tried.Limit") for one in found), "60 is in force before and after"
    shadows = [str(one) for one in told if one.what == "shadowed" and one.address == "Tried.Limit"]
    assert [one.partition(", set in turn ")[0] for one in shadows] == ["shadowed: Tried.Limit: operator's 60"]
    assert shadows[0].endswith("by config set, stands before the file's 20")
    (held,) = [str(one) for one in told if one.what == "shadowed" and one.address == "Tried.Name"]
    assert "operator's operator, held, set in turn " in held
    assert lines(told)[-1].endswith(" values stand before those of a lower layer")


def test_a_change_of_monitors_or_of_spelling_is_told(tried: Story) -> None:
    """If this failed, the list would name a variable and not say what is different."""
    before = DeclaredMonitor(type="UpperThreshold", value="50", severity=3, kind="PreconfiguredMonitor")
    after = DeclaredMonitor(type="Delta", value="5", severity=3, kind="HardWiredMonitor", reference="20")
    tried.files = edited(replace(LIMIT, supports_monitoring=True, monitors=(before,)))
    tried.start()
    told, _ = foretold(tried, edited(replace(LIMIT, variable="LIMIT", supports_monitoring=True, monitors=(after,))))
    (found,) = [str(one) for one in told if one.what == "declaration"]
    assert found == (
        "declaration: Tried.LIMIT: monitor UpperThreshold 50 of severity 3 gone; monitor Delta 5 of severity 3 from 20 new; "
        "spelled Tried.Limit -> Tried.LIMIT"
    )


def test_a_component_that_comes_back_says_so(tried: Story) -> None:
    """Its values count again, and nothing of it is out of force."""
    tried.files = edited(without=(OTHER,))
    tried.start()
    told, _ = foretold(tried, files(*ALL))
    found = [str(one) for one in told if one.address.startswith("Other")]
    assert found[:2] == ["component added: Other: 1 variables", "brought back: Other.Name: the values that were kept count again, operator in force"]


def test_a_value_out_of_range_says_what_it_becomes(tried: Story) -> None:
    """If this failed, a new limit would change a station in a way that nobody was told."""
    told, _ = foretold(tried, edited(replace(LIMIT, max_limit="50")))
    found = [str(one) for one in told]
    assert "dropped: Tried.Limit: operator's 60 (out of range); 10 in force" in found
    assert "in force: Tried.Limit: 60 -> 10" in found


def test_an_evse_with_a_transaction_would_be_refused(tried: Story) -> None:
    """If this failed, whoever takes an EVSE away would learn at the boot that the files don't count."""
    tried.when(CableConnected(evse_id=2, connector_id=1))
    told, _ = foretold(tried, files(*ALL, evses=1))
    assert told[0].what == "refused"
    assert "EVSE 2 is not in the component files any more" in told[0].text
    assert not any(one.what == "component removed" for one in told)
    assert lines(told)[-1].startswith("the station would refuse these files")


def test_a_pattern_finds_addresses_and_the_table_says_what_matters(tried: Story) -> None:
    """If this failed, nobody would see in one line why a value is what it is."""
    folded = snapshots.restore(tried.rows(), STATION, lambda: b"")
    names = [row.declared.variable for row in matching(settings(folded), "tried.l*")]
    assert names == ["Limit", "List", "Later"]
    assert [row.declared.component for row in matching(settings(folded), "other")] == ["Other"]
    head, limit, name, later = table_lines([setting(folded, address(text), text) for text in ("Tried.Limit", "Tried.Name", "Tried.Later")])
    assert head.split() == ["ADDRESS", "VALUE", "LAYER", "ACCESS", "UNIT", "LIMITS", "NOTE"]
    assert limit.split() == ["Tried.Limit", "60", "operator", "ReadWrite", "integer", "0..100"]
    assert name.endswith("held: the CSMS may not change it")
    assert later.split()[1:3] == ["file", "file"]
    assert later.endswith("csms (csms) from the next boot on")
    derived = setting(folded, address("Connector.AvailabilityState@1.1"), "")
    assert (derived.value, derived.layer) == ("Available", "derived")


def test_a_history_has_every_layer_in_order(tried: Story) -> None:
    """If this failed, the question who did that would have no answer."""
    tried.files = edited(replace(LIMIT, max_limit="70"))
    tried.start()
    journal = tried.rows()
    folded = snapshots.restore(journal, STATION, lambda: b"")
    found = history(STATION, journal, folded, address("Tried.Limit"), "Tried.Limit")
    said = [line.split("  ")[-1] for line in found[1:]]
    assert said == [
        "declared by a component file, with 10",
        "set to 90 (SetVariables)",
        "set to 60 (config set)",
        "max limit 100 -> 70",
        "90 dropped (out of range); 60 in force",
    ]


def test_a_pin_and_what_lies_beneath_are_told_apart(tried: Story) -> None:
    """If this failed, the maker's new value would seem to count, or the file that keeps it from counting could not be found."""
    first = edited(pinned(FIXED, "pin"))
    told, _ = foretold(tried, first)
    assert [str(one) for one in told if one.address == "Tried.Fixed"] == [
        "declaration: Tried.Fixed: pinned at pin by override/Tried.json; declared by none -> standardized/Tried.json",
        "in force: Tried.Fixed: file -> pin",
        "shadowed: Tried.Fixed: the pinned file's pin of override/Tried.json stands before the file's file of standardized/Tried.json",
    ]
    tried.files = first
    tried.start()
    second = edited(pinned(replace(FIXED, value="new"), "pin"))
    told, _ = foretold(tried, second)
    assert [str(one) for one in told if one.address == "Tried.Fixed"] == [
        "declaration: Tried.Fixed: file's value file -> new",
        "shadowed: Tried.Fixed: the pinned file's pin of override/Tried.json stands before the file's new of standardized/Tried.json",
    ]
    tried.files = second
    tried.start()
    journal = tried.rows()
    folded = snapshots.restore(journal, STATION, lambda: b"")
    row = setting(folded, address("Tried.Fixed"), "Tried.Fixed")
    assert (row.value, row.layer) == ("pin", "pinned file")
    assert as_json(row)["layers"] == [
        {"layer": "pinned file", "value": "pin", "file": "override/Tried.json"},
        {"layer": "file", "value": "new", "file": "standardized/Tried.json"},
    ]
    found = who_set(STATION, journal, folded, address("Tried.Fixed"), "Tried.Fixed")
    assert found[0] == "Tried.Fixed = pin"
    assert [line.partition(" last changed")[0].split() for line in found[2:4]] == [
        ["pinned", "file", "pin", "override/Tried.json,"],
        ["file", "new", "standardized/Tried.json,"],
    ]
    told_of = [re.split("  +", line, maxsplit=3)[2:] for line in history(STATION, journal, folded, address("Tried.Fixed"), "Tried.Fixed")[1:]]
    assert told_of == [
        ["file", "declared by a component file, with file"],
        ["file", "declared by none -> standardized/Tried.json"],
        ["pinned file", "pinned at pin by override/Tried.json"],
        ["file", "file's value file -> new"],
    ]
    because = why(STATION, journal, "Tried.Fixed")
    assert because[2:4] == ["pinned at pin by component file override/Tried.json", "declared as new by component file standardized/Tried.json"]
    told, _ = foretold(tried, edited(replace(FIXED, value="new")))
    assert "in force: Tried.Fixed: pin -> new" in [str(one) for one in told]
    assert any("no longer pinned at pin" in str(one) for one in told)
    operator(tried, "Fixed", "mine")
    held = setting(snapshots.restore(tried.rows(), STATION, lambda: b""), address("Tried.Fixed"), "Tried.Fixed")
    assert [one["layer"] for one in as_json(held)["layers"]] == ["operator", "pinned file", "file"]
    tried.files = files(*ALL)
    tried.start()
    last = history(STATION, tried.rows(), folded, address("Tried.Fixed"), "Tried.Fixed")[-1]
    assert last.endswith("no longer pinned at pin")


def test_who_set_names_every_layer(tried: Story) -> None:
    """If this failed, a value that does not change could not be explained."""
    put(tried, item("Name", "csms", component="Other"))
    operator(tried, "Name", "again", component="Other")
    journal = tried.rows()
    folded = snapshots.restore(journal, STATION, lambda: b"")
    found = who_set(STATION, journal, folded, address("Other.Name"), "Other.Name")
    assert found[0] == "Other.Name = again"
    assert [line.split()[:2] for line in found[2:5]] == [["operator", "again"], ["csms", "csms"], ["file", "file"]]
    assert found[2].endswith("by config set")
    assert ", message m" in found[3] or "by SetVariables, message " in found[3]
    assert "held" in "\n".join(who_set(STATION, journal, folded, address("Tried.Name"), "Tried.Name"))
    assert "because a person at the station set it: from outside" in "\n".join(why(STATION, journal, "Other.Name"))
    derived = who_set(STATION, journal, folded, address("ClockCtrlr.DateTime"), "ClockCtrlr.DateTime")
    assert derived[1].startswith("derived: worked out whenever somebody asks")


def test_a_value_that_waits_is_not_what_set_the_one_in_force(tried: Story) -> None:
    """If this failed, somebody would be named who has changed nothing yet."""
    first = len(tried.turns)
    tried.start()
    tried.settle(tried.connect())
    put(tried, item("Later", "waits"))
    journal = tried.rows()
    folded = snapshots.restore(journal, STATION, lambda: b"")
    found = who_set(STATION, journal, folded, address("Tried.Later"), "Tried.Later")
    assert found[0] == "Tried.Later = csms"
    assert f"in turn {first} at " in found[2]
    assert found[2].endswith("by boot")
    assert "note: waits (csms) from the next boot on" in found
    told, _ = foretold(tried, files(*ALL))
    assert any(str(one) == "set: Tried.Later: csms's waits, which waited for the boot" for one in told)
    assert ("Tried.Later", first) in [(name_of(folded.station[DEVICE_MODEL], key), seq) for (key, _), (seq, _, _) in who(journal).items()]


def test_what_was_retired_is_said_to_be(tried: Story) -> None:
    """If this failed, half a history would look like a whole one."""
    last = len(tried.turns) - 1
    tried.when(OperatorSet(component="Tried", variable="Limit", value="61"))
    journal: MemoryJournal = tried.rows()
    segments.close(journal, at(STATION, journal, last))
    assert journal.retire(last)
    folded = snapshots.restore(journal, STATION, lambda: b"")
    found = history(STATION, journal, folded, address("Tried.Limit"), "Tried.Limit")
    assert found[1].split()[:3] == [f"#{last}", "-", "operator"]
    assert "60 in force; what was before is in turns that were retired" in found[1]
    assert found[2].endswith("set to 61 (config set)")
    assert "in a turn that was retired" in who_set(STATION, journal, folded, address("Tried.Name"), "Tried.Name")[2]
    (shadow,) = [one for one in foretold_of(journal) if one.address == "Tried.Name"]
    assert "set in a turn that was retired" in shadow.text


def foretold_of(journal: MemoryJournal) -> list[Item]:
    """What is said of a boot without new files."""
    folded = snapshots.restore(journal, STATION, lambda: b"")
    return items(boot(STATION, folded, ()), journal)


def test_a_secret_is_shown_by_its_length(story: Story) -> None:
    """If this failed, a password would stand in a terminal's history."""
    story.when(OperatorSet(component="SecurityCtrlr", variable="BasicAuthPassword", value=PASSWORD))
    journal = story.rows()
    folded = snapshots.restore(journal, STATION, lambda: b"")
    key = address("SecurityCtrlr.BasicAuthPassword")
    shown = [
        *table_lines([setting(folded, key, "")]),
        *history(STATION, journal, folded, key, ""),
        *who_set(STATION, journal, folded, key, ""),
        *[str(one) for one in foretold_of(journal)],
    ]
    assert sum("<sealed 20 chars f10000>" in line for line in shown) >= 4
    assert not any(PASSWORD in line for line in shown)
