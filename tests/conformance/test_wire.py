"""The same cases over a real wire: stationd as a process of its own, started for each case.

Law: a case has the verdict that it has in virtual time, and a station that was started is gone when its case is.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import pytest

import conformance.cases  # noqa: F401 (they register themselves)
from component_config.schemas import installed_schemas
from conformance.case import CASES, Case
from conformance.catalogue import CATALOGUE
from conformance.compare import compare
from conformance.report import as_json
from conformance.run import chosen, finished, run
from conformance.sim_bench import SimBench
from conformance.station import shipped_config
from conformance.trial import Settings, Token, Trial
from conformance.verdict import BenchError, Result, Verdict
from engine.errors import SetupFault
from stationd.__main__ import main
from stationd.conform_wire import add_options, houses, make_wire, run_wire, settings_of
from stationd.hands import CommandHands, Deed, HookHands, PersonHands
from stationd.house_bench import HouseBench
from tests.waiting import PATIENCE_S

QUICK = ("TC_B_06_CS", "TC_C_39_CS", "TC_E_03_CS", "TC_E_15_CS", "TC_E_28_CS", "TC_E_30_CS", "TC_E_34_CS", "TC_N_53_CS")
"""A variable, a card, charging, a stop, a question, a broken link, a queue, a power cut."""

SCHEMAS = installed_schemas()


def over_the_wire(*case_ids: str, journals: Path | None = None) -> list[Result]:
    """The cases, at a station of their own each."""
    return asyncio.run(run_wire(chosen(case_ids=case_ids), houses(Settings()), Settings(), SCHEMAS, journals=journals, jobs=4))


def test_a_case_has_one_verdict_wherever_it_is_tried() -> None:
    """If this failed, what is found in virtual time would say nothing of the real process, or the other way round."""
    here = finished(run(chosen(case_ids=QUICK), lambda _: SimBench(shipped_config(), SCHEMAS), Settings(), SCHEMAS))
    there = over_the_wire(*QUICK)

    assert [str(one) for one in compare(here, there)] == []
    assert [one.case_id for one in there if one.verdict is Verdict.PASS] == list(QUICK)


def test_a_failed_case_leaves_a_journal_that_can_be_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """If this failed, nobody could look into what the station did."""

    async def wants_too_much(t: Trial) -> None:
        """It is never content."""
        t.equal(await t.get("OCPPCommCtrlr.HeartbeatInterval"), "1", "HeartbeatInterval")

    monkeypatch.setitem(CASES, "TC_B_06_CS", Case("TC_B_06_CS", (), wants_too_much, {}))

    (result,) = over_the_wire("TC_B_06_CS", journals=tmp_path)

    assert (result.verdict, result.note) == (Verdict.FAIL, "HeartbeatInterval: expected '1', got '300'")
    assert result.journal == f"stationd replay verify --data {tmp_path / 'TC_B_06_CS'}"
    assert main(result.journal.split()[1:]) == 0
    assert "0 divergences" in capsys.readouterr().out


def test_a_case_that_stumbles_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, what is wrong with a case would be blamed on the station, or end the run."""

    async def stumbles(t: Trial) -> None:
        """It looks for what no message has."""
        t.answer("Heartbeat", lambda payload: payload["nothing"])
        await t.set("OCPPCommCtrlr.HeartbeatInterval", "1")
        await t.wait(10)

    monkeypatch.setitem(CASES, "TC_B_06_CS", Case("TC_B_06_CS", (), stumbles, {}))

    (result,) = over_the_wire("TC_B_06_CS")

    assert result.verdict is Verdict.ERROR
    assert "KeyError: 'nothing'" in result.note


@pytest.mark.parametrize("does", ["waits", "asks", "plugs in"])
def test_a_station_whose_process_ends_in_a_case_fails_it(monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    """If this failed, a crash of the station would be an error of the bench, or be waited for."""

    async def murders(t: Trial) -> None:
        """It ends the process, and goes on as if nothing had happened."""
        assert isinstance(t.bench, HouseBench)
        assert t.bench._house is not None
        t.bench._house.cut_power()
        match does:
            case "waits":
                await t.wait(10 * PATIENCE_S)
            case "asks":
                await t.get("OCPPCommCtrlr.HeartbeatInterval")
            case _:
                await t.driver.plug_in(1, 1)

    monkeypatch.setitem(CASES, "TC_B_06_CS", Case("TC_B_06_CS", (), murders, {}))

    (result,) = over_the_wire("TC_B_06_CS")

    assert result.verdict is Verdict.FAIL
    assert result.note.startswith("the station's process: expected one that runs, got it ended with status -9; it said last: ")
    assert result.seconds < PATIENCE_S


def test_what_cannot_be_taken_away_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, one case would take the results of all the others with it."""

    async def stop(_: SimBench) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(SimBench, "stop", stop)

    (result,) = finished(run(chosen(case_ids=["TC_B_06_CS"]), lambda _: SimBench(shipped_config(), SCHEMAS), Settings(), SCHEMAS))

    assert (result.verdict, result.note) == (Verdict.ERROR, "the bench could not be taken away: OSError: the disk is gone")


def test_runs_are_compared_by_verdict() -> None:
    """If this failed, a difference between two runs would be passed over."""
    one, two, three = (Result(case_id, Verdict.PASS) for case_id in ("TC_1", "TC_2", "TC_3"))

    found = compare([one, two], [one, two._replace(verdict=Verdict.FAIL, note="seqNo"), three])

    assert [str(difference) for difference in found] == ["TC_2: PASS; FAIL (seqNo)", "TC_3: not tried; PASS"]


def test_runs_that_were_kept_are_compared_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, nobody could tell whether another station, or another build, comes out differently."""
    passed = Result("TC_B_06_CS", Verdict.PASS)
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    here.write_text(as_json([passed], bench="sim"))
    there.write_text(as_json([passed._replace(verdict=Verdict.ERROR, note="nobody came")], bench="wire"))

    assert main(["conform", "compare", str(here), str(here)]) == 0
    assert main(["conform", "compare", str(here), str(there)]) == 1

    assert capsys.readouterr().out.splitlines() == ["1 cases, 0 differ", "TC_B_06_CS: PASS; ERROR (nobody came)", "1 cases, 1 differ"]


# Hands


def test_a_person_does_what_is_asked_or_says_that_it_cannot_be_done() -> None:
    """If this failed, a station would be blamed for what nobody did."""
    asked: list[str] = []

    def answer(line: str) -> PersonHands:
        async def ask(text: str) -> str:
            asked.append(text)
            return line

        return PersonHands(ask)

    asyncio.run(answer("").do(Deed("present", 2, token="04AA", token_type="ISO14443")))
    with pytest.raises(BenchError, match="unplug could not be done"):
        asyncio.run(answer("s").do(Deed("unplug", 1)))

    assert "hold the card 04AA (ISO14443) to the reader of EVSE 2" in asked[0]


def test_a_command_is_told_the_deed_and_its_exit_status_counts(tmp_path: Path) -> None:
    """If this failed, a user's own driver would do the wrong thing, or fail unseen."""
    hands = tmp_path / "hands"
    hands.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/done\n[ "$1" != pause ] || {{ echo "no vehicle" >&2; exit 3; }}\n')
    hands.chmod(0o755)
    command = CommandHands(f"{hands} {{deed}} {{evse}} {{connector}} {{token}}")

    asyncio.run(command.do(Deed("plug_in", 1, 2)))
    asyncio.run(command.do(Deed("present", 1, token="04; rm -rf $HOME")))
    with pytest.raises(BenchError, match="status 3: no vehicle"):
        asyncio.run(command.do(Deed("pause", 1)))

    assert (tmp_path / "done").read_text().splitlines() == ["plug_in 1 2 ", "present 1 0 04; rm -rf $HOME", "pause 1 0 "]


def test_hands_that_cannot_be_reached_are_the_benchs_fault(nobody: str) -> None:
    """If this failed, a hook that is down would look like a station that is wrong."""
    with pytest.raises(BenchError, match="does not answer"):
        asyncio.run(HookHands(f"http://{nobody}/").do(Deed("plug_in", 1, 1)))
    with pytest.raises(BenchError, match="cannot be run"):
        asyncio.run(CommandHands("/nowhere/hands {deed}").do(Deed("plug_in", 1, 1)))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--driver", "command"], "needs --driver-command"),
        (["--driver", "command", "--driver-command", "hands {what}"], "it may name"),
        (["--driver", "http"], "needs --driver-url"),
        (["--driver", "http", "--driver-url", "ftp://here"], "must be http://"),
        (["--driver", "person", "--key", "key.pem"], "--key: needs --cert"),
        (["--driver", "person", "--ca", "root.pem"], "--ca: needs --cert"),
        (["--cert", "cert.pem"], "right would be --driver person, command or http"),
        (["--security-profile", "1"], "right would be --driver person, command or http"),
        (["--driver", "person", "--security-profile", "2"], "goes with --cert and no --ca"),
        (["--driver", "person", "--security-profile", "3", "--cert", "cert.pem"], "goes with --cert and --ca"),
        (["--driver", "person", "--security-profile", "1", "--cert", "cert.pem"], "goes with no --cert, --ca"),
        (["--driver", "person", "--cert", "nowhere.pem"], "will not do"),
        (["--jobs", "0"], "more than nothing"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(words: list[str], told: str) -> None:
    """If this failed, a run would begin that cannot come to anything."""
    parser = argparse.ArgumentParser()
    add_options(parser)

    with pytest.raises(SetupFault, match=told):
        make_wire(parser.parse_args(words))


def test_a_station_is_described_in_a_file(tmp_path: Path) -> None:
    """If this failed, a station with other cards, or with other EVSEs, could not be tried."""
    file = tmp_path / "station.json"
    file.write_text('{"evse_id": 3, "evses": [[3, 2]], "valid": ["AABBCCDD", "ISO15693"], "group": "G"}')

    found = settings_of(file)

    assert found == Settings()._replace(evse_id=3, evses=((3, 2),), valid=Token("AABBCCDD", "ISO15693"), group="G")
    assert settings_of(None) == Settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot be read as JSON"),
        ('{"cards": []}', "right would be an object with some of"),
        ('{"valid": "04AA"}', "a card and its type"),
        ('{"evses": [[1]]}', "number of its connectors"),
        ('{"evses": [[0, 1]]}', "number of its connectors"),
        ('{"evse_id": "1"}', "a number"),
    ],
)
def test_a_description_that_will_not_do_is_refused(tmp_path: Path, text: str, told: str) -> None:
    """If this failed, a misspelt name would leave the default in force."""
    (tmp_path / "station.json").write_text(text)

    with pytest.raises(SetupFault, match=told):
        settings_of(tmp_path / "station.json")


def test_every_case_that_is_tried_here_is_in_the_catalogue() -> None:
    """If this failed, a case would have been left out without a word."""
    assert set(QUICK) <= CATALOGUE.keys() & CASES.keys()
