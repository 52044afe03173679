"""What came of a run, for people and for programs: a table, JSON, JUnit XML.

Law: all 424 cases can be reported, and none counts as passed that did not pass; what did not run says why.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from conformance.case import requirements_of
from conformance.catalogue import CATALOGUE, Listed
from conformance.verdict import Entry, Failure, Result, Verdict
from engine.errors import SetupFault
from wire import jsontext

BLOCKS = {
    "A": "security", "B": "provisioning", "C": "authorization", "D": "local authorization list", "E": "transactions", "F": "remote control",
    "G": "availability", "H": "reservation", "I": "tariff and cost", "J": "meter values", "K": "smart charging", "L": "firmware",
    "M": "certificates", "N": "diagnostics", "O": "display messages", "P": "data transfer",
}  # fmt: skip
NO_PROFILE = "in no profile"

PASSED, FAILED, OPEN, APART = "passed", "failed", "open", "not applicable"
GROUPS = (PASSED, FAILED, OPEN, APART)
GROUP_OF = {
    Verdict.PASS: PASSED,
    Verdict.FAIL: FAILED,
    Verdict.ERROR: FAILED,
    Verdict.NOT_BUILT: OPEN,
    Verdict.NOT_EXERCISED: OPEN,
    Verdict.NOT_APPLICABLE: APART,
}
FORMAT = 1


def listed_of(result: Result) -> Listed:
    """The catalogue's entry of a result's case."""
    return CATALOGUE[result.case_id]


def counts(results: Iterable[Result]) -> dict[str, int]:
    """How many passed, failed, are open, do not apply."""
    found = Counter(GROUP_OF[result.verdict] for result in results)
    return {group: found[group] for group in GROUPS}


def profiles_of(listed: Listed) -> tuple[str, ...]:
    """Its certification profiles; cases that are in none have a name of their own."""
    return listed.profiles or (NO_PROFILE,)


def by_block(results: Sequence[Result]) -> dict[str, dict[str, int]]:
    """Counts a functional block."""
    return {f"{letter} {name}": counts(own) for letter, name in BLOCKS.items() if (own := [one for one in results if listed_of(one).block == letter])}


def by_profile(results: Sequence[Result]) -> dict[str, dict[str, int]]:
    """Counts a certification profile; a case may be in several."""
    names = dict.fromkeys(name for listed in CATALOGUE.values() for name in profiles_of(listed))
    return {name: counts(own) for name in names if (own := [one for one in results if name in profiles_of(listed_of(one))])}


def by_requirement(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Requirement -> results of the cases that are about it, in the order of the requirements' ids."""
    found: dict[str, list[Result]] = {}
    for result in results:
        for requirement in requirements_of(result.case_id):
            found.setdefault(requirement, []).append(result)
    return dict(sorted(found.items()))


# For the terminal


def table(results: Sequence[Result]) -> Iterator[str]:
    """Lines: a table by block and one by profile, what failed, and at the end the counts."""
    for title, rows in (("block", by_block(results)), ("profile", by_profile(results))):
        width = max([len(name) for name in rows] + [len(title)])
        yield f"{title:{width}}  {'  '.join(f'{group:>8}' for group in GROUPS)}"
        for name, row in rows.items():
            yield f"{name:{width}}  {'  '.join(f'{row[group] or chr(183):>{max(len(group), 8)}}' for group in GROUPS)}"
        yield ""
    for result in results:
        if GROUP_OF[result.verdict] is FAILED:
            yield from failure_lines(result)
    yield from closing(results)


def failure_lines(result: Result) -> Iterator[str]:
    """What is wrong with a case, in a few lines."""
    yield f"{result.verdict.value} {result.case_id} {listed_of(result).name}"
    if result.failure is None:
        yield f"  {result.note}"
    else:
        yield f"  {result.failure.what}"
        yield f"  expected {result.failure.expected}"
        yield f"  got      {result.failure.got}"
        if result.failure.requirement:
            yield f"  by       {result.failure.requirement}"
        if result.failure.turns:
            yield f"  in turn  {', '.join(map(str, result.failure.turns))}"
        more = result.note.removeprefix(str(result.failure)).strip(" ()")
        if more:
            yield f"  of       {more}"
    if result.journal:
        yield f"  look at  {result.journal}"
    yield ""


def closing(results: Sequence[Result]) -> Iterator[str]:
    """Two lines: every verdict counted apart, and the three figures that end a run."""
    verdicts = Counter(result.verdict for result in results)
    yield ", ".join(f"{verdicts[one]} {one.value}" for one in Verdict if verdicts[one]) or "no case was asked for"
    found = counts(results)
    yield f"{found[PASSED]} passed, {found[FAILED]} failed, {found[OPEN] + found[APART]} skipped"


# For programs


def as_json(results: Sequence[Result], **about: Any) -> str:
    """The run as JSON text; *about*: what else is to be known of it.  The messages of a case are kept where it failed."""
    told = {"format": FORMAT, **about, "results": [_plain(result) for result in results]}
    return jsontext.encode(told).decode() + "\n"


def _plain(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = {"case": result.case_id, "verdict": result.verdict.value, "note": result.note, "digest": result.digest}
    found["milliseconds"] = round(result.seconds * 1000)
    if result.failure is not None:
        found["failure"] = result.failure._asdict()
    if result.journal:
        found["journal"] = result.journal
    if GROUP_OF[result.verdict] is FAILED:
        found["trace"] = [entry._asdict() for entry in result.trace]
    return found


def read_json(path: Path) -> tuple[dict[str, Any], list[Result]]:
    """What :func:`as_json` wrote: what is known of the run, and its results.  Raises SetupFault where it is no such file."""
    try:
        told = jsontext.decode(path.read_bytes())
        if told["format"] != FORMAT:
            raise SetupFault(f"{path}: a report of format {told['format']}; this build reads format {FORMAT}")
        results = [_result(one) for one in told.pop("results")]
        unknown = [one.case_id for one in results if one.case_id not in CATALOGUE]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetupFault(f"{path}: cannot be read ({error!r}); right would be what `stationd conform run --json FILE` wrote") from error
    if unknown:
        raise SetupFault(f"{path}: {unknown[0]} is no case of Part 6; right would be one that `stationd conform list` tells")
    return told, results


def _result(told: dict[str, Any]) -> Result:
    failure = told.get("failure")
    return Result(
        told["case"],
        Verdict(told["verdict"]),
        told["note"],
        Failure(**{**failure, "turns": tuple(failure["turns"])}) if failure else None,
        tuple(Entry(**entry) for entry in told.get("trace", ())),
        told.get("journal", ""),
        told.get("digest", ""),
        told.get("milliseconds", 0) / 1000,
    )


def junit(results: Sequence[Result]) -> str:
    """JUnit XML: a suite a block, a test case a case; skipped ones with the reason."""
    total = counts(results)
    root = ET.Element("testsuites", _figures(results, total, "OCPP 2.0.1 Part 6"))
    for letter, name in BLOCKS.items():
        own = [one for one in results if listed_of(one).block == letter]
        if not own:
            continue
        suite = ET.SubElement(root, "testsuite", _figures(own, counts(own), f"{letter} {name}"))
        for result in own:
            _junit_case(suite, result)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _figures(results: Sequence[Result], found: dict[str, int], name: str) -> dict[str, str]:
    errors = sum(one.verdict is Verdict.ERROR for one in results)
    return {
        "name": name,
        "tests": str(len(results)),
        "failures": str(found[FAILED] - errors),
        "errors": str(errors),
        "skipped": str(found[OPEN] + found[APART]),
        "time": f"{sum(one.seconds for one in results):.3f}",
    }


def _junit_case(suite: ET.Element, result: Result) -> None:
    listed = listed_of(result)
    it = ET.SubElement(
        suite,
        "testcase",
        {"classname": f"{listed.block} {BLOCKS[listed.block]}", "name": f"{result.case_id} {listed.name}", "time": f"{result.seconds:.3f}"},
    )
    requirements = requirements_of(result.case_id)
    if requirements:
        properties = ET.SubElement(it, "properties")
        ET.SubElement(properties, "property", {"name": "requirements", "value": " ".join(requirements)})
    if result.verdict is Verdict.PASS:
        return
    if GROUP_OF[result.verdict] is not FAILED:
        ET.SubElement(it, "skipped", {"message": _xml(f"{result.verdict.value}: {result.note}")})
        return
    kind = "error" if result.verdict is Verdict.ERROR else "failure"
    body = ET.SubElement(
        it, kind, {"message": _xml(result.note), "type": (result.failure.requirement if result.failure else "") or result.verdict.value}
    )
    body.text = _xml("\n".join([*failure_lines(result), *last_messages(result)]))


def _xml(text: str) -> str:
    """Without what XML cannot say."""
    return "".join(one if one in "\t\n\r" or (one >= " " and one not in "\ufffe\uffff") else "�" for one in text)


def last_messages(result: Result, most: int = 12) -> Iterator[str]:
    """The end of what passed, a line a message."""
    for entry in result.trace[-most:]:
        turn = f" #{entry.turn}" if entry.turn >= 0 else ""
        yield f"+{entry.at_ms / 1000:8.2f} s{turn:>6}  {entry.who:7} {entry.kind:6} {entry.name} {jsontext.encode(entry.payload).decode()}"
