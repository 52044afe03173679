"""Whose transactions are told under which identity.

Law: what was begun as one station is not ended as another, unless somebody renamed the station on record.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.operator import asked_to_set
from engine.errors import SetupFault
from eventlog.fold import Folded
from machines.inputs import CableConnected, CableDisconnected, Started
from machines.station import STATION
from stationd.identity import check_identity, unfinished
from tests.conftest import NewStory
from tests.machines.acts import lose
from tests.stationd.conftest import Start, run
from tests.story import JOURNAL, WALL_US, Story, declarations

IDENTITY = "SecurityCtrlr.Identity"


def restart(story: Story, identity: str) -> None:
    """What the start checks, with files that say *identity*."""
    started = Started(journal=JOURNAL, build="1", boot_id="another", boottime_us=story.at + 1, wall_us=WALL_US)
    folded = Folded(story.station, seq=len(story.turns) - 1, at=story.at)
    check_identity(STATION, folded, started, declarations({IDENTITY: identity}), Path("./cp001"))


def test_another_identity_in_the_middle_of_a_transaction_is_refused_and_told_how_to_go_on(story: Story) -> None:
    """Else the CSMS of CP001 waits for ever for an end, and that of CP002 hears the end of what never began."""
    story.settle(story.when(CableConnected(evse_id=1, connector_id=1)))
    with pytest.raises(SetupFault) as refused:
        restart(story, "CP002")
    told = str(refused.value)
    assert "station CP001" in told
    assert "an open transaction" in told
    assert "--identity CP001" in told
    assert "stationd config set SecurityCtrlr.Identity CP002 --data cp001" in told
    restart(story, "CP001")


def test_what_waits_to_be_told_is_told_by_the_station_that_it_is_of(story: Story) -> None:
    """Else an end that was queued offline reaches a CSMS that knows no such transaction."""
    story.settle(story.when(CableConnected(evse_id=1, connector_id=1)))
    lose(story)
    story.when(CableDisconnected(evse_id=1, connector_id=1))
    assert unfinished(story.station) == "a message that waits"
    with pytest.raises(SetupFault, match="a message that waits"):
        restart(story, "CP002")


def test_a_station_that_owes_nothing_may_be_another_one(story: Story) -> None:
    """Else nobody could use a data directory again, or mend a typing error in a first start."""
    story.settle(story.when(CableConnected(evse_id=1, connector_id=1)))
    story.settle(story.when(CableDisconnected(evse_id=1, connector_id=1)))
    restart(story, "CP002")
    lose(story)
    assert unfinished(story.station) == "", "a heartbeat or a status means nothing later"
    restart(story, "CP002")


def test_a_station_that_was_renamed_on_record_starts(story: Story, new_story: NewStory) -> None:
    """B10.  Else an operator who renames a station cannot start it until all is told."""
    story.settle(story.when(CableConnected(evse_id=1, connector_id=1)))
    story.when(asked_to_set(story.station, IDENTITY, "CP002", lambda text, _: text, hold=False))
    restart(story, "CP001")
    restart(story, "CP003")

    told = new_story(None).boot()
    told.settle(told.when(CableConnected(evse_id=1, connector_id=1)))
    item = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "Identity"}, "attributeValue": "CP002"}
    answer = told.replies(told.call("SetVariables", {"setVariableData": [item]}))
    assert answer["setVariableResult"][0]["attributeStatus"] in {"Accepted", "RebootRequired"}
    restart(told, "CP001")
    restart(told, "CP003")


def test_identities_that_no_file_ever_declared_are_no_others(new_story: NewStory) -> None:
    """Else a station that was provisioned before its first start would never start."""
    restart(new_story(None), "CP009")


def test_the_daemon_refuses_and_changes_nothing(start: Start, tmp_path: Path, nobody: str) -> None:
    """Else a forgotten option makes another station of this one before anybody sees it."""
    run("config", "set", "TxCtrlr.TxStartPoint", "EVConnected", "--data", str(tmp_path / "cp"))
    station = start("--identity", "CP001")
    station.ask("plug_in", evse=1)
    station.until(lambda state: state["queue"]["waiting"] > 0)
    station.stop()

    refused = run("run", "--csms", f"ws://{nobody}", "--data", str(station.data))
    assert refused.returncode == 2
    assert "Start it with --identity CP001" in refused.stderr

    again = start("--identity", "CP001")
    assert again.ask("state")["result"]["link"]["identity"] == "CP001"
