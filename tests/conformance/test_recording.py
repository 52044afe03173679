"""The cases over what was recorded: a journal or a log of messages gives the verdict that the run gave.

Law: nothing passes that the recording does not show, and what it does not show says what was looked for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import conformance.cases  # noqa: F401 (they register themselves)
from component_config.schemas import installed_schemas
from conformance.case import CASES
from conformance.catalogue import CATALOGUE, features_of, promised, unmet
from conformance.recording import of_journal, of_lines, recorded
from conformance.recording_bench import over
from conformance.report import failure_lines
from conformance.run import finished, run
from conformance.sim_bench import SimBench
from conformance.station import shipped_config
from conformance.trial import Settings
from conformance.verdict import Result, Verdict
from engine.errors import SetupFault
from engine.event import replace
from engine.kernel import Turn
from eventlog.codec import encode_turn
from eventlog.memory import MemoryJournal
from machines.effects import Call, Reply
from replay.export import frame_lines
from replay.reading import turns
from sim.day import reference_day
from sim.lives import Life
from stationd.__main__ import main
from wire import jsontext

SCHEMAS = installed_schemas()


def lived(case_id: str) -> tuple[Result, MemoryJournal]:
    """A case in virtual time, and the journal that it left."""
    made: list[SimBench] = []

    def make(_: object) -> SimBench:
        made.append(SimBench(shipped_config(), SCHEMAS))
        return made[-1]

    (result,) = finished(run([CATALOGUE[case_id]], make, Settings(), SCHEMAS))
    return result, made[0].world.memory


def judged(case_id: str, journal: MemoryJournal) -> Result:
    """The case over a journal."""
    return over(of_journal(journal), [CATALOGUE[case_id]], Settings(), SCHEMAS)[0]


def test_a_journal_gives_the_verdict_of_the_run_that_made_it() -> None:
    """If this failed, a verdict over a recording would say nothing of the station that was recorded."""
    found: Counter[tuple[Verdict, Verdict]] = Counter()
    features = features_of(None)
    for case_id in [one for one in CASES if not unmet(CATALOGUE[one], features) and not promised(CATALOGUE[one], features)]:
        result, journal = lived(case_id)
        if result.verdict is Verdict.PASS:
            found[result.verdict, judged(case_id, journal).verdict] += 1

    assert found[Verdict.PASS, Verdict.FAIL] == found[Verdict.PASS, Verdict.ERROR] == 0
    # What a case computes from the bench's own clock cannot be found again.
    assert found[Verdict.PASS, Verdict.PASS] >= 0.9 * found.total()


def worse(journal: MemoryJournal, change: Any) -> MemoryJournal:
    """A journal whose station answered otherwise."""
    told = MemoryJournal()
    for turn in turns(journal):
        effects = tuple([change(effect) for effect in turn.effects])
        told.append([(turn.seq, encode_turn(Turn(seq=turn.seq, at=turn.at, luck=turn.luck, input=turn.input, facts=turn.facts, effects=effects)))])
    return told


def test_a_fault_in_a_journal_is_found_with_its_turn() -> None:
    """If this failed, a recording of a wrong answer would pass."""

    def another_type(effect: Any) -> Any:
        if isinstance(effect, Reply) and b"OfflineThreshold" in effect.payload:
            return replace(effect, payload=effect.payload.replace(b'"Actual"', b'"Target"'))
        return effect

    _, journal = lived("TC_B_06_CS")
    result = judged("TC_B_06_CS", worse(journal, another_type))

    assert result.verdict is Verdict.FAIL
    assert result.failure is not None
    assert (result.failure.what, result.failure.got, result.failure.requirement) == (
        "attributeType of OCPPCommCtrlr.OfflineThreshold",
        "'Target'",
        "B06.FR.03",
    )
    assert result.failure.turns


def test_an_unrelated_journal_says_what_was_looked_for() -> None:
    """If this failed, a recording would be judged by what it does not hold."""
    _, journal = lived("TC_B_06_CS")
    result = judged("TC_E_04_CS", journal)

    assert result.verdict is Verdict.NOT_EXERCISED
    assert "looked for" in result.note


def test_what_the_case_does_not_do_makes_it_another_case() -> None:
    """If this failed, a station would be blamed for what somebody else did."""
    _, journal = lived("TC_E_04_CS")

    assert judged("TC_E_03_CS", journal).verdict is not Verdict.PASS
    assert judged("TC_E_03_CS", journal).verdict is not Verdict.FAIL


def messages(journal: MemoryJournal) -> list[dict[str, Any]]:
    """As ``stationd log export --format ocpp`` tells them."""
    return [jsontext.decode(line.encode()) for line in frame_lines(journal)]


def as_arrays(journal: MemoryJournal) -> Iterator[str]:
    """As another station's log may have them."""
    for told in messages(journal):
        if told["messageType"] in ("CALL", "CALLRESULT"):
            head = [2, told["messageId"], told["action"]] if told["messageType"] == "CALL" else [3, told["messageId"]]
            yield json.dumps({"timestamp": told["timestamp"], "direction": told["direction"], "message": [*head, told["payload"]]})


@pytest.mark.parametrize("form", ["export", "arrays"])
def test_a_log_of_messages_will_do(form: str) -> None:
    """If this failed, only our own station could be judged by what it did."""
    _, journal = lived("TC_E_04_CS")
    lines = list(frame_lines(journal)) if form == "export" else list(as_arrays(journal))

    def verdict(told: list[str]) -> Result:
        return over(of_lines(told, "log"), [CATALOGUE["TC_E_04_CS"]], Settings(), SCHEMAS)[0]

    assert verdict(lines).verdict is Verdict.PASS
    spoilt = [line.replace('"ChargingStateChanged"', '"Trigger"') for line in lines]
    assert verdict(spoilt).verdict is Verdict.FAIL
    assert verdict(lines[: len(lines) // 2]).verdict is Verdict.NOT_EXERCISED
    assert verdict([]).verdict is Verdict.NOT_EXERCISED


def test_a_csms_that_answered_otherwise_is_another_case() -> None:
    """If this failed, a station would be blamed for doing what its CSMS told it."""
    _, journal = lived("TC_E_04_CS")
    lines = [line.replace('"idTokenInfo":{"status":"Accepted"', '"idTokenInfo":{"status":"Blocked"') for line in frame_lines(journal)]

    result = over(of_lines(lines, "log"), [CATALOGUE["TC_E_04_CS"]], Settings(), SCHEMAS)[0]

    assert result.verdict is Verdict.NOT_EXERCISED
    assert "the case has its CSMS answer Authorize" in result.note


def day() -> MemoryJournal:
    """A whole day at a station: vehicles at both EVSEs, several at once, links that break."""
    journal = MemoryJournal()
    reference_day(journal, schemas=SCHEMAS)
    return journal


def test_a_long_recording_is_looked_through_from_wherever_a_case_may_begin() -> None:
    """If this failed, a year of charging would show no more of a station than its first session."""
    results = over(of_journal(day()), [CATALOGUE[one] for one in CASES], Settings(), SCHEMAS)

    assert [(one.case_id, one.note) for one in results if one.verdict in (Verdict.FAIL, Verdict.ERROR)] == []
    assert {one.case_id: (one.verdict, one.note) for one in results if one.case_id in ("TC_E_03_CS", "TC_G_01_CS")} == {
        "TC_E_03_CS": (Verdict.PASS, "exercised 6 times"),
        # Of the station as a whole: not while a vehicle stands at the other EVSE.
        "TC_G_01_CS": (Verdict.PASS, "exercised 3 times"),
    }


def test_a_fault_that_is_there_once_in_a_long_recording_is_found() -> None:
    """If this failed, four sessions that were right would hide one that was wrong."""
    spoilt = 0

    def once(effect: Any) -> Any:
        nonlocal spoilt
        if isinstance(effect, Call) and b'"eventType":"Started"' in effect.payload:
            spoilt += 1
            if spoilt == 3:
                return replace(effect, payload=effect.payload.replace(b'"Started"', b'"Updated"'))
        return effect

    (result,) = over(of_journal(worse(day(), once)), [CATALOGUE["TC_E_03_CS"]], Settings(), SCHEMAS)

    assert spoilt >= 3
    assert result.verdict is Verdict.FAIL
    assert result.failure is not None
    assert (result.failure.what, result.failure.got) == ("the first event of a transaction", "Updated")
    assert result.failure.turns
    assert result.note.endswith("(exercised 6 times, wrong 1)")
    assert "  of       exercised 6 times, wrong 1" in list(failure_lines(result))


def test_no_life_of_our_own_station_is_blamed() -> None:
    """If this failed, a CSMS that is slow, silent or wrong, or a broken link, would be the station's failure."""
    # The device model of a simulated life is a handful of variables, which a report that must be whole cannot hide.
    cases = [CATALOGUE[one] for one in CASES if one not in ("TC_B_13_CS", "TC_B_53_CS")]
    found: Counter[Verdict] = Counter()
    wrong = []
    for seed in range(10):
        life = Life(seed, SCHEMAS)
        life.live()
        for recording in (of_journal(life.world.memory), of_lines(frame_lines(life.world.memory), "log")):
            results = over(recording, cases, Settings(), SCHEMAS)
            found.update(one.verdict for one in results)
            wrong += [(seed, recording.links, one.case_id, one.note) for one in results if one.verdict in (Verdict.FAIL, Verdict.ERROR)]

    assert wrong == []
    assert found[Verdict.PASS]


def test_a_journal_whose_oldest_turns_are_gone_tells_what_answers_what() -> None:
    """If this failed, answers would be to nothing, and moments unknown, from where the turns are kept on."""
    life = Life(10, SCHEMAS)
    life.live()
    assert life.world.memory.base()[0] > 0

    told = messages(life.world.memory)
    asked = {one["messageId"] for one in told if (one["messageType"], one["direction"]) == ("CALL", "sent")}
    answered = [one for one in told if (one["messageType"], one["direction"]) == ("CALLRESULT", "received")]

    assert answered
    assert [one["messageId"] for one in answered if one["messageId"] not in asked] == []
    assert [one for one in told if one["timestamp"] == "-"] == []


def test_a_station_without_authorization_is_not_blamed_for_asking_nobody() -> None:
    """If this failed, what a station is configured not to do would be held against it."""
    later = json.dumps({"timestamp": "2027-01-15T09:00:00.000Z", "direction": "sent", "message": [2, "later", "Heartbeat", {}]})
    lines = list(frame_lines(lived("TC_E_03_CS")[1]))
    # The last CALL is not answered any more.
    lines[-1] = later
    asked = next(json.loads(line)["messageId"] for line in lines if '"Enabled"' in line and '"GetVariables"' in line)
    disabled = [line.replace('"attributeValue":"true"', '"attributeValue":"false"') if asked in line else line for line in lines]

    def verdict(told: list[str]) -> Verdict:
        silent = [line for line in told if '"Authorize"' not in line]
        return over(of_lines(silent, "log"), [CATALOGUE["TC_E_03_CS"]], Settings(), SCHEMAS)[0].verdict

    assert disabled != lines
    assert verdict(lines) is Verdict.FAIL
    assert verdict(disabled) is Verdict.NOT_EXERCISED


FORMS = {
    "as the station has it": '{{"timestamp": "{at}", "direction": "{station}", "message": {message}}}',
    "as the CSMS has it": '["{at}", "{csms}", {message}]',
    "with the message as a text": '["{at}", "{csms}", {text}]',
    "as plain text": "{at} {csms} {message}",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_log_of_a_csms_will_do(form: str) -> None:
    """If this failed, somebody who only has a CSMS could not look at what their stations did."""
    told = messages(lived("TC_E_04_CS")[1])
    lines = []
    for one in told:
        head = [2, one["messageId"], one["action"]] if one["messageType"] == "CALL" else [3, one["messageId"]]
        message = json.dumps([*head, one["payload"]])
        csms = "in" if one["direction"] == "sent" else "out"
        lines.append(FORMS[form].format(at=one["timestamp"], station=one["direction"], csms=csms, message=message, text=json.dumps(message)))

    assert over(of_lines(lines, "log"), [CATALOGUE["TC_E_04_CS"]], Settings(), SCHEMAS)[0].verdict is Verdict.PASS
    spoilt = [line.replace("ChargingStateChanged", "Trigger") for line in lines]
    assert spoilt != lines
    assert over(of_lines(spoilt, "log"), [CATALOGUE["TC_E_04_CS"]], Settings(), SCHEMAS)[0].verdict is Verdict.FAIL


@pytest.mark.parametrize("line", ["{", "sent", "sent [2]", '{"direction":"left","message":[2,"a","b",{}]}', "[2]", '{"direction":"sent"}'])
def test_a_line_that_is_no_message_is_refused(line: str) -> None:
    """If this failed, a person would get a traceback."""
    with pytest.raises(SetupFault, match="log, line 2: is no message"):
        of_lines(['sent [2,"1","Heartbeat",{}]', line], "log")


def test_the_command_reads_a_data_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, a station's journal could not be judged from a shell."""
    bench = SimBench(shipped_config(), SCHEMAS)
    finished(run([CATALOGUE["TC_B_06_CS"]], lambda _: bench, Settings(), SCHEMAS))
    bench.keep_journal(str(tmp_path / "cp"))

    assert main(["conform", "run", "--bench", "recording", str(tmp_path / "cp"), "--case", "TC_B_06_CS", "TC_E_04_CS"]) == 0
    assert capsys.readouterr().out.endswith("1 passed, 0 failed, 1 skipped\n")
    assert recorded(tmp_path / "cp").links
