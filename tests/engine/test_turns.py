"""A turn leaves what it was given as it was, and the recorder numbers turns without a hole.

Law: whatever a kernel is given it may read and never change; a seq that is durable is never given again.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from typing import Any

import pytest

from engine.event import Effect, EffectId, replace
from engine.kernel import ENGINE, FaultCleared, Faulted, Kernel, Settled, Woke, outbox_ids
from engine.luck import draw
from engine.machine import Context, Station
from engine.recorder import Recorder
from machines.effects import Reply, SetEvse
from machines.inputs import CableConnected, CardPresented, ContactorMoved, MeterTold, PilotChanged
from machines.station import STATION
from tests.story import CARD, Story


def frozen(station: Station) -> dict[str, Any]:
    """A deep copy of everything that a station holds."""
    return {name: {field: copy.deepcopy(getattr(part, field)) for field in part.FIELDS} for name, part in station.parts.items()}


def live(story: Story) -> None:
    """A charge, a question of the CSMS, a while."""
    story.boot()
    for input in (
        CableConnected(evse_id=1, connector_id=1),
        CardPresented(token=CARD, token_type="ISO14443"),
        PilotChanged(evse_id=1, state="C"),
        ContactorMoved(evse_id=1, closed=True),
        MeterTold(evse_id=1, energy_wh=1500, power_w=3600),
    ):
        story.settle(story.when(input))
    item = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}, "attributeValue": "5"}
    story.call("SetVariables", {"setVariableData": [item]})
    story.wait(130)
    story.start()


class Watching(Kernel):
    """The station's kernel, which looks whether a turn changed what it was given."""

    def turn(self, station: Station, input: Any, cx: Context) -> Any:
        """As it is, and look."""
        before, given = frozen(station), copy.deepcopy(input)
        done = super().turn(station, input, cx)
        assert frozen(station) == before, f"{input} changed the station that it was told to"
        assert input == given, f"{input} was changed"
        return done


def test_a_turn_changes_neither_the_station_nor_the_input_that_it_is_given() -> None:
    """If this failed, a decision that is running, or a turn that is decided again, would see another station."""
    story = Story(kernel=Watching(STATION.machines, on_fault=STATION.on_fault))
    live(story)
    assert len(story.turns) > 20


def test_payloads_in_rows_are_the_bytes_that_came(story: Story) -> None:
    """If this failed, what the CSMS said would stand in the journal in our words."""
    text = {"getVariableData": [{"variable": {"name": "Model"}, "component": {"name": "ChargingStation"}}]}
    turn = story.call("GetVariables", text)
    assert json.loads(turn.input.payload) == text  # type: ignore[attr-defined]
    assert next(effect for effect in turn.effects if isinstance(effect, Reply)).payload.startswith(b'{"getVariableResult"')


HUSH = """
import importlib, pkgutil, sys
for room in ("engine", "wire", "machines"):
    for found in pkgutil.walk_packages([room], room + "."):
        importlib.import_module(found.name)
from tests.engine.test_turns import live
from tests.story import Story
live(Story())  # what is imported on first use is imported
heard, armed = [], []
sys.addaudithook(lambda name, _: heard.append(name) if armed and not name.startswith(("object.", "sys._", "code.")) else None)
again = Story()
armed.append(1)
live(again)
armed.clear()
print(heard, len(again.turns))
"""


def test_the_interpreter_itself_hears_of_nothing_while_the_core_decides() -> None:
    """If this failed, a decision would open a file, a socket or a process, or import what does (an audit hook sees all of them)."""
    done = subprocess.run([sys.executable, "-c", HUSH], capture_output=True, text=True, check=True)
    heard, _, turns = done.stdout.rpartition(" ")
    assert heard == "[]"
    assert int(turns) > 20


# The outbox


def asked(story: Story) -> EffectId:
    """An effect that is followed."""
    story.settle(story.when(CableConnected(evse_id=1, connector_id=1)))
    story.settle(story.when(CardPresented(token=CARD, token_type="ISO14443")))
    ((effect_id, effect),) = outbox_ids(story.station, 3)
    assert effect == SetEvse(evse_id=1, energise=True, lock=True)
    assert str(effect_id) == f"3.{effect_id.seq}.{effect_id.index}"
    return effect_id


@pytest.mark.parametrize("outcome", ["done", "failed", "lost"])
def test_an_effect_stays_in_the_outbox_until_it_is_settled(story: Story, outcome: str) -> None:
    """If this failed, a power cut would swallow an effect, or repeat one for ever."""
    effect_id = asked(story)
    story.start()
    assert effect_id in {found for found, _ in outbox_ids(story.station, 3)}
    for _ in range(2):
        story.when(Settled(station=0, seq=effect_id.seq, index=effect_id.index, outcome=outcome))
        assert effect_id not in {found for found, _ in outbox_ids(story.station, 3)}


def test_an_outcome_of_nothing_is_nothing(story: Story) -> None:
    """If this failed, an adapter's echo of an earlier life would break the station."""
    for seq, index in ((0, 0), (10**9, 7)):
        turn = story.when(Settled(station=0, seq=seq, index=index, outcome="done"))
        assert (turn.facts, turn.effects) == ((), ())


def test_a_faulted_turn_still_settles_its_effect(story: Story) -> None:
    """If this failed, an outcome that makes a machine raise would be repeated after every start."""
    effect_id = asked(story)
    station = story.station
    turn = story.when(Settled(station=0, seq=effect_id.seq, index=effect_id.index, outcome="done"))
    raised = replace(Faulted(machine="x", error="y"), evse_id=2)
    turn.facts, turn.effects = (raised,), ()
    after = STATION.restore(station, turn)
    assert (effect_id.seq, effect_id.index) not in after[ENGINE].outbox
    assert after[ENGINE].faulted_evses == (2,)
    story.turns.pop()
    story.station = station


def test_faults_are_remembered_once_and_cleared_one_by_one_or_all() -> None:
    """If this failed, an operator could not give one EVSE back."""
    station = STATION.genesis()
    for evse_id in (3, 1, 3, 0, 2):
        station = STATION.fold(station, Faulted(machine="x", error="y", evse_id=evse_id))
    assert (station[ENGINE].faulted_evses, station[ENGINE].faults) == ((1, 2, 3), 5)
    station = STATION.fold(station, FaultCleared(evse_id=2))
    assert station[ENGINE].faulted_evses == (1, 3)
    assert STATION.fold(station, FaultCleared())[ENGINE].faulted_evses == ()


def test_waking_when_nothing_is_due_is_harmless(story: Story) -> None:
    """If this failed, a spurious wake-up would be a heartbeat, or a fault."""
    before = story.station
    turn = story.when(Woke())
    assert (turn.facts, turn.effects) == ((), ())
    assert story.station == before


# The recorder


def test_after_a_failed_append_the_numbers_go_on_from_the_last_durable_turn_and_time_does_not_go_back() -> None:
    """If this failed, an id made from a seq would be given out twice, or a hole would make the journal unreadable."""
    clock = iter(range(1000, 2000, 10))
    recorder = Recorder(clock=lambda: next(clock), entropy=lambda: 7, last_seq=41, last_at=5, anchor_us=0)
    stamps = [recorder.stamp() for _ in range(3)]
    assert [s.seq for s in stamps] == [42, 43, 44]
    recorder.rewind(42, stamps[0].at)
    again = recorder.stamp()
    assert again.seq == 43
    assert again.at > stamps[-1].at
    assert again.luck == 7


@pytest.mark.parametrize("steps", [(100, 100, 100), (100, 50, 10), (100, -(10**15), 101)])
def test_every_stamp_is_later_than_the_one_before(steps: tuple[int, ...]) -> None:
    """If this failed, a clock that stands still or jumps back would put turns at one moment, or in the past."""
    clock = iter(steps)
    recorder = Recorder(clock=lambda: next(clock), entropy=lambda: 0, anchor_us=0)
    at = [recorder.stamp().at for _ in steps]
    assert at == sorted(set(at))


def test_a_new_process_goes_on_where_the_journal_ended() -> None:
    """If this failed, time would start again at nought with every restart, and deadlines would never come."""
    recorder = Recorder(clock=lambda: 5, entropy=lambda: 0, last_seq=9, last_at=10**12)
    assert recorder.now() == 10**12 + 1
    stamped = recorder.stamp()
    assert (stamped.seq, stamped.at) == (10, 10**12 + 1)


# Luck


def test_luck_is_spread_and_separate_by_purpose() -> None:
    """If this failed, all stations would come back at one moment, or two choices of one turn would be one."""
    drawn = [draw(luck, "redial", 5) for luck in range(5000)]
    assert all(800 < drawn.count(n) < 1200 for n in range(5))
    assert [draw(luck, "a", 1000) for luck in range(50)] != [draw(luck, "b", 1000) for luck in range(50)]
    assert {draw(luck, "any", below) for luck in range(9) for below in (-1, 0, 1)} == {0}
    assert draw(2**64 - 1, "", 2**40) < 2**40


def test_an_effect_is_no_more_than_its_class_says() -> None:
    """If this failed, an effect could change after it was journalled without anybody noticing in its hash."""
    one = SetEvse(evse_id=1, energise=True, lock=True)
    assert one == SetEvse(evse_id=1, energise=True, lock=True)
    assert hash(one) == hash(SetEvse(evse_id=1, energise=True, lock=True))
    assert one != replace(one, lock=False)
    assert isinstance(one, Effect)
    assert one != "SetEvse"
