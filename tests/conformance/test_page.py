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
from tests.waiting import PATIENCE_S

FAILED = Failure("eventType of the last event", "Ended", "Updated", "E06.FR.05", (7,))
EVIL = "<script>document.title = 'taken over'</script><img src=x onerror=\"document.title = 'taken over'\">"
"""What a station may call its vendor."""

TRACE = (
    Entry(0, "station", "call", "BootNotification", {"chargingStation": {"vendorName": EVIL}, "reason": EVIL}, EVIL, 6),
    Entry(0, "driver", "deed", "plug in", {"evse": 1}),
    Entry(12, "station", "call", "TransactionEvent", {"eventType": "Updated"}, "m1", 7),
    Entry(13, "csms", "result", "TransactionEvent", {}, "m1", 7),
)


def results() -> list[Result]:
    """Every case; one failed, one passed, one was an error, one does not apply, the others are not built."""
    told = {
        "TC_E_04_CS": Result("TC_E_04_CS", Verdict.FAIL, EVIL, FAILED, TRACE),
        "TC_B_06_CS": Result("TC_B_06_CS", Verdict.PASS),
        "TC_B_07_CS": Result("TC_B_07_CS", Verdict.ERROR, f"nobody pressed {EVIL}", trace=TRACE),
        "TC_C_02_CS": Result("TC_C_02_CS", Verdict.NOT_APPLICABLE, "C-49 and C-30"),
    }
    return [told.get(case_id, Result(case_id, Verdict.NOT_BUILT)) for case_id in CATALOGUE]


def seen(tmp_path: Path, *, does: str = "", width: int = 1200) -> str:
    """The document as the browser has it, after a person *does* something."""
    browser = shutil.which("chromium")
    assert browser is not None, "chromium is missing: run tools/system_packages as root, or install it"
    file = tmp_path / "report.html"
    file.write_text(page(results(), {"bench": "sim"}) + (f"<script>{does}</script>" if does else ""), encoding="utf-8")
    argv = [
        browser,
        "--headless=new",
        f"--window-size={width},900",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--dump-dom",
    ]
    done = subprocess.run([*argv, file.as_uri()], capture_output=True, timeout=PATIENCE_S, check=True)
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


def test_what_a_station_says_is_text(tmp_path: Path) -> None:
    """If this failed, a station could do what it likes in the browser of whoever looks at its report."""
    document = seen(tmp_path, does="document.body.dataset.title = document.title; document.body.dataset.images = document.images.length")
    assert 'data-title="OCPP 2.0.1 conformance"' in document
    assert 'data-images="0"' in document
    assert "taken over" in document


def test_an_error_and_what_does_not_apply_are_shown_as_what_they_are(tmp_path: Path) -> None:
    """If this failed, a bench that is wrong would look like a station that is, or a case without its condition would look open."""
    document = seen(tmp_path)
    for case_id, verdict in {"TC_E_04_CS": "FAIL", "TC_B_07_CS": "ERROR", "TC_C_02_CS": "NOT APPLICABLE", "TC_B_06_CS": "PASS"}.items():
        row = document[document.index(f'<tr id="{case_id}"') :].partition("</tr>")[0]
        assert f">{verdict}</span>" in row
    assert "C-49 and C-30" in document
    assert "What failed (2)" in document


@pytest.mark.parametrize("width", [500, 1200])
def test_it_is_no_wider_than_what_it_is_read_on(tmp_path: Path, width: int) -> None:
    """If this failed, whoever reads it on a telephone would push it to and fro."""
    does = "const e = document.documentElement; document.body.dataset.fits = e.scrollWidth <= e.clientWidth"
    assert 'data-fits="true"' in seen(tmp_path, does=does, width=width)


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
