"""What a run says: on the terminal, to a CI, on a page, and in a file that can be reported again.

Law: what failed is said with what was expected and got; what did not run is never among the passed.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from conformance.catalogue import CATALOGUE
from conformance.page import page
from conformance.picture import picture
from conformance.report import as_json, by_requirement, closing, junit, read_json, table
from conformance.verdict import Entry, Failure, Result, Verdict
from engine.errors import SetupFault
from stationd.__main__ import main

TRACE = (
    Entry(10, "driver", "deed", "plug in", {"evse": 1}),
    Entry(20, "station", "call", "TransactionEvent", {"eventType": "Started", "note": "<script>alert(1)</script>"}, "m1", 7),
    Entry(30, "csms", "result", "TransactionEvent", {}, "m1", 7),
)
FAILURE = Failure("seqNo <of> the first event", "0", "1 & more", "E01.FR.07", (7,))
FAILED = Result("TC_E_04_CS", Verdict.FAIL, str(FAILURE), FAILURE, TRACE, "stationd replay verify --data /x", "d1", 0.5)
RESULTS = [
    Result("TC_B_06_CS", Verdict.PASS, seconds=0.25),
    Result("TC_B_07_CS", Verdict.ERROR, "KeyError: 'x' (b.py:1)"),
    Result("TC_B_09_CS", Verdict.NOT_BUILT, "waits for B06"),
    FAILED,
    Result("TC_E_05_CS", Verdict.NOT_APPLICABLE, "C-49"),
    Result("TC_E_09_CS", Verdict.NOT_EXERCISED, "looked for a card"),
]


def test_a_run_ends_with_three_figures() -> None:
    """If this failed, a CI could not read what came of a run, or an error would count as skipped."""
    assert list(closing(RESULTS)) == ["1 PASS, 1 FAIL, 1 NOT APPLICABLE, 1 NOT BUILT, 1 NOT EXERCISED, 1 ERROR", "1 passed, 2 failed, 3 skipped"]

    told = "\n".join(table(RESULTS))

    assert re.search(r"^B provisioning +1 +1 +1 +·", told, re.MULTILINE)
    assert "  expected 0\n  got      1 & more\n  by       E01.FR.07\n  in turn  7\n  look at  stationd replay verify --data /x" in told


def test_junit_tells_failures_errors_and_reasons() -> None:
    """If this failed, a CI would show a failed case as passed, or a skipped one without its reason."""
    root = ET.fromstring(junit(RESULTS))  # noqa: S314 (it was written here)
    suites = {one.get("name"): one for one in root}
    cases = {(one.get("name") or "").split()[0]: one for one in root.iter("testcase")}

    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "1", "errors": "1", "skipped": "3",
    }  # fmt: skip
    assert list(suites) == ["B provisioning", "E transactions"]
    assert [one.tag for one in cases["TC_B_06_CS"]] == ["properties"]
    failure = cases["TC_E_04_CS"].find("failure")
    assert failure is not None
    assert failure.get("type") == "E01.FR.07"
    assert "expected 0" in (failure.text or "")
    assert "TransactionEvent" in (failure.text or "")
    assert [one.get("message") for one in root.iter("skipped")] == [
        "NOT BUILT: waits for B06",
        "NOT APPLICABLE: C-49",
        "NOT EXERCISED: looked for a card",
    ]


def test_junit_says_nothing_that_xml_cannot_say() -> None:
    """If this failed, a CI could read nothing of a run in which one station said one odd character."""
    odd = "\x00\x1b[31m \ufffe ]]> <b>"
    results = [Result("TC_B_06_CS", verdict, odd, None, (Entry(0, "station", "error", odd, odd, odd),)) for verdict in Verdict]

    root = ET.fromstring(junit(results))  # noqa: S314 (as above)

    assert [len(root), root.get("tests"), root[0].get("tests")] == [1, "6", "6"]
    for one in (root, root[0]):
        figures = [int(one.get(name) or "") for name in ("failures", "errors", "skipped")]
        assert figures == [len(list(root.iter(tag))) for tag in ("failure", "error", "skipped")] == [1, 1, 3]
    assert all(one.get("classname") and one.get("name") and float(one.get("time") or "") >= 0 for one in root.iter("testcase"))


def test_a_run_that_is_interrupted_tells_what_is_known(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, an hour at a station would be lost by one key."""
    from conformance import sim_bench

    begin = sim_bench.SimBench.start
    count = 0

    async def start(bench: sim_bench.SimBench) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise KeyboardInterrupt
        await begin(bench)

    monkeypatch.setattr(sim_bench.SimBench, "start", start)

    assert main(["conform", "run", "--case", "TC_B_06_CS", "TC_B_07_CS", "TC_H_01_CS", "--json", str(tmp_path / "run.json")]) == 130
    assert capsys.readouterr().out.endswith("1 passed, 0 failed, 2 skipped\n")
    assert [one.verdict.value for one in read_json(tmp_path / "run.json")[1]] == ["PASS", "NOT EXERCISED", "NOT EXERCISED"]


def test_a_run_that_was_kept_can_be_reported_again(tmp_path: Path) -> None:
    """If this failed, a report would need the run again."""
    file = tmp_path / "run.json"
    file.write_text(as_json(RESULTS, bench="sim"))

    about, again = read_json(file)

    assert about == {"format": 1, "bench": "sim"}
    assert again == [one._replace(trace=one.trace if one.verdict is Verdict.FAIL else ()) for one in RESULTS]


@pytest.mark.parametrize("text", ["", "[]", '{"format":2}', '{"format":1,"results":[{"case":"TC_X"}]}'])
def test_a_file_that_is_no_run_is_refused(tmp_path: Path, text: str) -> None:
    """If this failed, a person would get a traceback."""
    (tmp_path / "run.json").write_text(text)

    with pytest.raises(SetupFault, match=r"run\.json"):
        read_json(tmp_path / "run.json")


class Page(HTMLParser):
    """What a page holds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[dict[str, str | None]] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag not in ("meta", "input", "line", "rect", "polygon", "link", "img"):
            self.open.append(tag)
        self.sources += [str(told[name]) for name in ("src", "srcset", "data") if name in told]
        if "id" in told:
            self.ids.add(str(told["id"]))
        if tag == "a":
            self.links.add(str(told["href"]))
        if tag == "tr" and "data-group" in told:
            self.rows.append(told)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "rect", "polygon"):
            assert self.open.pop() == tag


def test_the_page_holds_every_case_and_needs_nothing_else() -> None:
    """If this failed, the page could not be mailed, or would leave a case out."""
    known = {one.case_id: one for one in RESULTS}
    text = page([known.get(case_id, Result(case_id, Verdict.NOT_BUILT, "waits")) for case_id in CATALOGUE], {"bench": "sim"})
    it = Page(text)

    assert it.open == []
    assert [row["id"] for row in it.rows] == list(CATALOGUE)
    assert it.sources == []
    assert all(link.removeprefix("#") in it.ids for link in it.links)
    assert not re.search(r"https?://|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text
    assert "<script>alert" not in text


def test_a_failure_is_drawn_with_its_turn_marked() -> None:
    """If this failed, a reader would have to find the wrong message alone."""
    drawn = ET.fromstring(picture(TRACE, (7,)))  # noqa: S314 (as above)
    groups = [one.get("class") for one in drawn.iter("g")]

    assert groups == ["deed", "call marked", "result marked"]
    assert [one.text for one in drawn.iter("text") if one.get("class") == "what"] == [
        "plug in",
        "TransactionEvent: Started",
        "TransactionEvent answered",
    ]


def test_requirements_lead_to_cases() -> None:
    """If this failed, nobody could say how a requirement was looked at."""
    assert "TC_B_06_CS" in [one.case_id for one in by_requirement(RESULTS)["B06.FR.01"]]


# The command line


def test_the_command_tries_reports_and_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, the harness could not be used from a shell."""
    files = {name: tmp_path / f"run.{name}" for name in ("json", "html", "junit")}
    options = [word for name, path in files.items() for word in (f"--{name}", str(path))]

    assert main(["conform", "run", "--case", "TC_B_06_CS", "TC_E_04_CS", "TC_H_01_CS", *options]) == 0
    captured = capsys.readouterr()
    assert captured.out.endswith("2 PASS, 1 NOT BUILT\n2 passed, 0 failed, 1 skipped\n")
    assert "TC_B_06_CS PASS" in captured.err
    assert all(path.stat().st_size for path in files.values())
    assert main(["conform", "report", str(files["json"])]) == 0
    assert capsys.readouterr().out == captured.out


def test_a_failed_case_leaves_a_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, nobody could look into what the station did, or a CI would go on."""
    from conformance import sim_bench

    def worse(kind: str, action: str, payload: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
        return [(kind, action, {**payload, "getVariableResult": []} if action == "GetVariables" else payload)]

    monkeypatch.setattr(sim_bench.SimBench.__init__, "__kwdefaults__", {**(sim_bench.SimBench.__init__.__kwdefaults__ or {}), "tamper": worse})

    assert main(["conform", "run", "--case", "TC_B_06_CS", "--journals", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert told.endswith("0 passed, 1 failed, 0 skipped\n")
    command = f"stationd replay verify --data {tmp_path / 'TC_B_06_CS'}"
    assert f"  look at  {command}" in told
    assert main(command.split()[1:]) == 0


def test_a_run_that_cannot_begin_leaves_no_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, every run that could not begin, and every test of one, would leave a directory behind for good."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["conform", "run", "--bench", "wire", "--driver", "command", "--driver-command", "true", "--cert", "/nowhere.pem"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_the_list_tells_what_a_case_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, nobody would know what is built."""
    assert main(["conform", "list", "--requirement", "B06.FR.01"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"TC_B_06_CS +Core +mandatory +built", told)
    assert main(["conform", "list", "--case", "TC_H_01_CS"]) == 0
    assert "waits for H" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "--case", "TC_X"], "TC_X: no such case"),
        (["run", "--profile", "nothing"], "no case is of that profile"),
        (["run", "--bench", "recording"], "a RECORDING goes with --bench recording"),
        (["run", "./cp001"], "a RECORDING goes with --bench recording"),
        (["run", "--bench", "recording", "./none.jsonl"], "cannot be read"),
        (["run", "--json", "/nowhere/run.json"], "/nowhere is no directory"),
        (["mutate", "--only", "M9999"], "M9999: no such mutant"),
    ],
)
def test_a_wrong_call_says_what_would_be_right(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, a person would get a traceback or nothing."""
    assert main(["conform", *words]) == 2
    assert told in capsys.readouterr().err


def test_results_are_json(tmp_path: Path) -> None:
    """If this failed, other programs could not read a run."""
    assert json.loads(as_json([FAILED]))["results"][0]["failure"]["turns"] == [7]
