"""N02 to N08, whatever a CSMS asks and in whatever order, on both versions.

Law: every question has one answer that keeps its schema; no monitor is there twice, none remembers what is gone, and none that is hard-wired is lost.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from engine.kernel import Faulted, Turn
from machines.effects import Reply, ReplyError
from machines.monitoring.state import MONITORING
from tests.conftest import NewStory
from tests.machines.acts import lose, reconnect
from tests.machines.test_monitoring import HARD, SCHEMAS, factory, item, model, tank
from tests.story import Story, effects, facts
from wire.monitors import HARD_WIRED, TYPES

FILES = (
    model(),
    model(HARD),
    model(HARD, tank("Heat", "decimal", "1.5", monitors=(factory("Delta", "3", 7, reference="1.5"), factory("Periodic", "30", 4)))),
)
VARIABLES = ("Depth", "Heat", "Open", "Mode", "When", "Goal", "Only", "Dull", "Secret", "Many", "Nothing")
BOUNDS = (0, 1, -1, 0.5, 2.5, 5, 20, 100, 1e5, 1e-9)
STEPS = 60


class Walk:
    """A CSMS that asks for anything, and a station to which anything happens."""

    def __init__(self, story: Story, version: str, seed: int) -> None:
        self.story = story.boot(f"ocpp{version}")
        self.version, self.random = version, Random(seed)
        self.files = FILES[1]
        self.done(story.when(self.files))

    def done(self, *turns: Turn) -> None:
        """What a turn made the station say, and what has to be so after it."""
        for turn in turns:
            assert not facts(turn, Faulted)
            for action, payload in self.story.settle(turn):
                assert SCHEMAS.verdict(self.version, f"{action}Request", json.dumps(payload).encode()) is None, payload
        here = self.story.station[MONITORING]
        slots = [monitor.slot for monitor in here.monitors.values()]
        assert len(set(slots)) == len(slots)
        assert {*here.dues, *here.references, *here.exceeded} <= {*here.monitors}
        assert all(here.monitors.get(one.id) == one for one in here.declared.values() if one.kind == HARD_WIRED)

    def ask(self, action: str, payload: dict[str, Any]) -> None:
        """One question, if it is one that a CSMS may ask."""
        if SCHEMAS.verdict(self.version, f"{action}Request", json.dumps(payload).encode()) is not None:
            return
        turn = self.story.call(action, payload, f"{action} {self.story.at}")
        answers = effects(turn, Reply)
        assert len(answers) + len(effects(turn, ReplyError)) == 1
        for answer in answers:
            assert SCHEMAS.verdict(self.version, f"{action}Response", answer.payload) is None, answer.payload
        self.done(turn)

    def one_item(self) -> dict[str, Any]:
        """A monitor that is wanted."""
        pick = self.random
        found = item(pick.choice(VARIABLES), pick.choice(TYPES), pick.choice(BOUNDS), pick.choice((0, 1, 4, 5, 6, 9, 10)))
        if found["variable"]["name"] == "Many":
            found["variable"]["instance"] = pick.choice(("One", "Two"))
        if pick.random() < 0.3:
            found["id"] = pick.randrange(1, 9)
        found["transaction"] = pick.random() < 0.2
        return found

    def step(self) -> None:
        """Anything."""
        pick = self.random
        match pick.randrange(12):
            case 0 | 1 | 2:
                self.ask("SetVariableMonitoring", {"setMonitoringData": [self.one_item() for _ in range(pick.randrange(1, 5))]})
            case 3:
                self.ask("ClearVariableMonitoring", {"id": [pick.randrange(1, 12) for _ in range(pick.randrange(1, 4))]})
            case 4:
                self.ask("SetMonitoringBase", {"monitoringBase": pick.choice(("All", "FactoryDefault", "HardWiredOnly"))})
            case 5:
                self.ask("SetMonitoringLevel", {"severity": pick.choice((0, 3, 5, 9, 10, -1))})
            case 6:
                criteria = pick.sample(("ThresholdMonitoring", "DeltaMonitoring", "PeriodicMonitoring"), pick.randrange(4))
                filters = [{"component": {"name": "tank"}, "variable": {"name": pick.choice(VARIABLES)}}][: pick.randrange(2)]
                asked = {"monitoringCriteria": criteria, "componentVariable": filters}
                self.ask("GetMonitoringReport", {"requestId": pick.randrange(3), **{name: members for name, members in asked.items() if members}})
            case 7 | 8:
                name, text = pick.choice(
                    (("Depth", str(pick.randrange(-100, 101))), ("Heat", str(pick.randrange(-30, 30) / 10)), ("Open", pick.choice(("true", "false"))),
                     ("Mode", pick.choice("abc")), ("Goal", str(pick.randrange(20))), ("Secret", f"<sealed:{pick.randrange(3):032x}:8:p>"))
                )  # fmt: skip
                more = {"attributeType": "Target"} if name == "Goal" and pick.random() < 0.5 else {}
                one = {"attributeValue": text, "component": {"name": "Tank"}, "variable": {"name": name}, **more}
                self.ask("SetVariables", {"setVariableData": [one]})
            case 9:
                self.files = pick.choice(FILES)
                self.done(self.story.when(self.files))
            case 10:
                self.done(*self.story.wait(pick.choice((1, 20, 200))))
            case _ if pick.random() < 0.5:
                self.story.files = self.files
                self.story.start()
                self.done(self.story.connect(f"ocpp{self.version}"))
            case _:
                lose(self.story)
                self.story.wait(pick.choice((1, 50)))
                self.done(reconnect(self.story, f"ocpp{self.version}"))


@pytest.mark.parametrize("seed", range(12))
def test_whatever_a_csms_asks_of_monitors(new_story: NewStory, seed: int) -> None:
    """Else one order of questions in a million leaves a monitor behind, loses one, or breaks a schema of one of the versions."""
    walk = Walk(new_story(), ("2.0.1", "2.1")[seed % 2], seed)
    for _ in range(STEPS):
        walk.step()
