"""The page of a report, in a real browser: what a person sees when it is opened, and when they filter it.

Law: nothing but the file is loaded; what is looked at is the document after its scripts have run.
"""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conformance.catalogue import CATALOGUE
from conformance.page import page
from conformance.verdict import Entry, Failure, Result, Verdict

LIMIT_S = 120
FAILED = Failure("eventType of the last event", "Ended", "Updated", "E06.FR.05", (7,))
TRACE = (
    Entry(0, "driver", "deed", "plug in", {"evse": 1}),
    Entry(12, "station", "call", "TransactionEvent", {"eventType": "Updated"}, "m1", 7),
    Entry(13, "csms", "result", "TransactionEvent", {}, "m1", 7),
)


def results() -> list[Result]:
    """Every case; one failed, one passed, the others are not built."""
    verdicts = {"TC_E_04_CS": Verdict.FAIL, "TC_B_06_CS": Verdict.PASS}
    return [
        Result(case_id, verdicts.get(case_id, Verdict.NOT_BUILT), failure=FAILED if case_id == "TC_E_04_CS" else None,
               trace=TRACE if case_id == "TC_E_04_CS" else ())
        for case_id in CATALOGUE
    ]  # fmt: skip


def seen(tmp_path: Path, *, does: str = "") -> str:
    """The document as the browser has it, after a person *does* something."""
    browser = shutil.which("chromium")
    assert browser is not None, "chromium is missing: run tools/system_packages as root, or install it"
    file = tmp_path / "report.html"
    file.write_text(page(results(), {"bench": "sim"}) + (f"<script>{does}</script>" if does else ""), encoding="utf-8")
    argv = [
        browser,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
    ]
    done = subprocess.run([*argv, file.as_uri()], capture_output=True, timeout=LIMIT_S, check=True)
    return html.unescape(done.stdout.decode())


def rows(document: str) -> list[str]:
    """The ids of the cases that are shown."""
    table = document[document.index('id="cases"') :].partition("</table>")[0]
    # A quoted attribute may have a > in it.
    found = re.findall(r'<tr((?:[^>"]|"[^"]*")*)>(.*?)</tr>', table, re.DOTALL)
    cases = [(attributes, re.search(r"TC_[A-Z]_\d+_CS", row)) for attributes, row in found]
    return [case[0] for attributes, case in cases if case is not None and " hidden" not in attributes]


def test_every_case_is_shown_and_a_failure_with_its_picture(tmp_path: Path) -> None:
    """If this failed, whoever opens the page would see a part of what was tried, or not what went wrong."""
    document = seen(tmp_path)
    assert f"{len(CATALOGUE)} of {len(CATALOGUE)} cases" in document
    assert len(rows(document)) == len(CATALOGUE)
    for part in ("eventType of the last event", "E06.FR.05", "<svg", "plug in", "TransactionEvent"):
        assert part in document


@pytest.mark.parametrize(
    ("does", "shown"),
    [
        ("const t = document.getElementById('text'); t.value = 'TC_E_04'; t.dispatchEvent(new Event('input'))", ["TC_E_04_CS"]),
        ("const t = document.getElementById('text'); t.value = 'e06.fr.05 nothing'; t.dispatchEvent(new Event('input'))", []),
    ],
)
def test_the_filter_shows_what_is_asked_for(tmp_path: Path, does: str, shown: list[str]) -> None:
    """If this failed, nobody would find a case among hundreds."""
    document = seen(tmp_path, does=f"{{{does}}}")
    assert rows(document) == shown
    assert f"{len(shown)} of {len(CATALOGUE)} cases" in document
