"""The report as one HTML page that can be mailed: coverage, every case, every requirement, and pictures of what failed.

Law: nothing is loaded from anywhere, and every text is escaped; without its script the page still shows everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from conformance import report
from conformance.case import requirements_of
from conformance.picture import picture
from conformance.verdict import Result, Verdict

HERE = Path(__file__).parent
OPEN_MOST = 3
"""So many pictures are open from the beginning."""

CLASS_OF = {report.PASSED: "passed", report.FAILED: "failed", report.OPEN: "open", report.APART: "apart"}


def page(results: Sequence[Result], about: dict[str, Any]) -> str:
    """The page.  *about*: what is known of the run, by name."""
    return "\n".join(_page(results, about)) + "\n"


def _page(results: Sequence[Result], about: dict[str, Any]) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>OCPP 2.0.1 conformance</title><style>{_file('page.css')}</style></head><body><main>"
    yield "<h1>OCPP 2.0.1 conformance</h1>"
    known = ", ".join(f"{escape(name)} {escape(str(value))}" for name, value in about.items() if name != "format" and value)
    yield f'<p class="about">{len(results)} test cases for charging stations{f", {known}" if known else ""}</p>'
    yield from _tiles(results)
    failed = [result for result in results if report.GROUP_OF[result.verdict] is report.FAILED]
    if failed:
        yield f"<h2>What failed ({len(failed)})</h2>"
        for place, result in enumerate(failed):
            yield from _failure(result, " open" if place < OPEN_MOST else "")
    yield from _coverage("By profile", "profile", report.by_profile(results))
    yield from _coverage("By block", "block", report.by_block(results))
    yield from _cases(results)
    yield from _requirements(results)
    yield f"</main><script>{_file('page.js')}</script></body></html>"


def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _tiles(results: Sequence[Result]) -> Iterator[str]:
    yield '<div class="tiles">'
    verdicts = Counter(result.verdict for result in results)
    for group, count in report.counts(results).items():
        inner = ", ".join(f"{verdicts[one]} {one.value.lower()}" for one in Verdict if report.GROUP_OF[one] is group and verdicts[one])
        more = f": {inner}" if "," in inner else ""
        yield f'<div class="tile {CLASS_OF[group]}"><b>{count}</b><span>{group}{more}</span></div>'
    yield "</div>"


def _coverage(title: str, what: str, rows: dict[str, dict[str, int]]) -> Iterator[str]:
    heads = "".join(f'<th class="n">{group}</th>' for group in report.GROUPS)
    yield f'<h2>{title}</h2><div class="wide"><table><thead><tr><th>{what}</th><th></th>{heads}</tr></thead><tbody>'
    for name, row in rows.items():
        total = sum(row.values()) or 1
        parts = "".join(
            f'<i class="{CLASS_OF[group]}" style="width:{100 * count / total:.2f}%" title="{count} {group}"></i>'
            for group, count in row.items()
            if count
        )
        figures = "".join(f'<td class="n">{count or "·"}</td>' for count in row.values())
        yield f'<tr><td class="id">{escape(name)}</td><td><div class="bar">{parts}</div></td>{figures}</tr>'
    yield "</tbody></table></div>"


def _mark(result: Result) -> str:
    return f'<span class="mark {CLASS_OF[report.GROUP_OF[result.verdict]]}">{result.verdict.value}</span>'


def _failure(result: Result, opened: str) -> Iterator[str]:
    listed = report.listed_of(result)
    yield f'<section class="failure" id="failure-{result.case_id}"><h3>{_mark(result)} {result.case_id}: {escape(listed.name)}</h3>'
    failure = result.failure
    if failure is None:
        yield f"<p>{escape(result.note)}</p>"
    else:
        turns = ", ".join(map(str, failure.turns))
        said = (("what", failure.what), ("expected", failure.expected), ("got", failure.got), ("by", failure.requirement), ("in turn", turns))
        yield "<dl>" + "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in said if text) + "</dl>"
    if result.journal:
        yield f"<p><code>{escape(result.journal)}</code></p>"
    if result.trace:
        drawn = picture(result.trace, failure.turns if failure else ())
        yield f'<details{opened}><summary>{len(result.trace)} messages and deeds</summary><div class="wide">{drawn}</div></details>'
    yield "</section>"


def _cases(results: Sequence[Result]) -> Iterator[str]:
    blocks = "".join(f'<option value="{letter}">{letter} {name}</option>' for letter, name in report.BLOCKS.items())
    profiles = "".join(f"<option>{escape(name)}</option>" for name in report.by_profile(results))
    yield '<h2 id="all">All cases</h2><div class="filters" hidden>'
    yield '<input id="text" type="search" placeholder="id, name, requirement, reason" aria-label="filter">'
    yield (
        '<select id="group" aria-label="verdict"><option value="">any verdict</option>'
        + "".join(f"<option>{one}</option>" for one in report.GROUPS)
        + "</select>"
    )
    yield f'<select id="block" aria-label="block"><option value="">any block</option>{blocks}</select>'
    yield f'<select id="profile" aria-label="profile"><option value="">any profile</option>{profiles}</select><output id="shown"></output></div>'
    yield '<div class="wide"><table id="cases"><thead><tr><th>case</th><th>verdict</th><th>what it is about</th></tr></thead><tbody>'
    for result in results:
        listed = report.listed_of(result)
        requirements = " ".join(requirements_of(result.case_id))
        words = escape(f"{result.case_id} {listed.name} {result.verdict.value} {result.note} {requirements}".lower())
        group = report.GROUP_OF[result.verdict]
        profiles = "|".join(report.profiles_of(listed))
        link = f'<a href="#failure-{result.case_id}">{result.case_id}</a>' if group is report.FAILED else result.case_id
        note = f'<div class="note">{escape(result.note)}</div>' if result.note else ""
        yield (
            f'<tr id="{result.case_id}" data-group="{group}" data-block="{listed.block}" data-profiles="{escape(profiles)}" data-text="{words}">'
            f'<td class="id">{link}</td><td>{_mark(result)}</td><td>{escape(listed.name)}{note}</td></tr>'
        )
    yield "</tbody></table></div>"


def _requirements(results: Sequence[Result]) -> Iterator[str]:
    found = report.by_requirement(results)
    passed = sum(any(one.verdict is Verdict.PASS for one in own) for own in found.values())
    yield f"<h2>By requirement</h2><p>{passed} of {len(found)} requirements that cases name are named by a case that passed.</p>"
    yield f"<details><summary>all {len(found)}</summary>"
    yield '<div class="wide"><table><thead><tr><th>requirement</th><th>cases</th></tr></thead><tbody>'
    for requirement, own in found.items():
        cases = " ".join(f'<a href="#{one.case_id}">{one.case_id}</a>&nbsp;{_mark(one)}&ensp;' for one in own)
        yield f'<tr><td class="id">{escape(requirement)}</td><td>{cases}</td></tr>'
    yield "</tbody></table></div></details>"
