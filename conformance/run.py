"""One case after the other: what is needed for it, what came of it.

Law: a case that raises what it may not is an ERROR and says where; whatever happens in one case leaves the others alone.
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from time import perf_counter

from conformance.bench import Bench
from conformance.case import CASES, Case, requirements_of
from conformance.catalogue import CATALOGUE, NO, YES, Listed, features_of, promised, undecided, unmet
from conformance.trial import Settings, Trial
from conformance.verdict import BenchError, Entry, Failed, NotExercised, Result, Verdict
from sim.checks import Violation
from wire.schemas import Schemas

NEEDS = {
    **dict.fromkeys(("TC_A_04_CS", "TC_A_05_CS", "TC_A_06_CS", "TC_A_07_CS"), "TLS in the hands of a case (A00)"),
    **dict.fromkeys((f"TC_C_{n}_CS" for n in (21, 22, 23, 24, 40, 43)), "D01"),
    "TC_P_04_CS": "K01",
}
"""What a case waits for that its use cases do not tell: they are about more than it, or there are none."""

MakeBench = Callable[[Listed], Bench]
Progress = Callable[[Result], None]
"""Told of every result."""


async def tried(case: Case, bench: Bench, settings: Settings, schemas: Schemas, *, journals: Path | None = None) -> Result:
    """One case at a fresh bench."""
    begun = perf_counter()
    verdict, note, failure = Verdict.PASS, "", None
    trial = Trial(bench, settings, schemas)
    try:
        await bench.start()
        if bench.identity:
            trial.settings = settings._replace(identity=bench.identity)
        if bench.up:
            trial.was_up()
        else:
            await trial.booted()
            # What holds before every case (edition 4, general pre conditions), where the station has a say in it.
            await trial.configure_if_possible("AuthCtrlr.LocalPreAuthorize", "false")
        for address, value in case.configuration.items():
            await trial.configure(address, value)
        trial.forget()
        trial.looked = 0
        await case.story(trial)
        await trial.finish()
    except Failed as failed:
        verdict, failure, note = Verdict.FAIL, failed.failure, str(failed.failure)
    except Violation as broken:
        verdict, note = Verdict.FAIL, str(broken)
    except NotExercised as missing:
        verdict, note = Verdict.NOT_EXERCISED, str(missing)
    except BenchError as error:
        verdict, note = Verdict.ERROR, str(error)
    except Exception as error:  # noqa: BLE001 (a case that is wrong must not end the run)
        where = traceback.extract_tb(error.__traceback__)[-1]
        verdict, note = Verdict.ERROR, f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
    finally:
        trouble = await _stopped(bench, trial)
    if trouble and verdict is Verdict.PASS:
        verdict, note = Verdict.ERROR, trouble
    journal = ""
    if verdict is Verdict.FAIL and journals is not None:
        journal = bench.keep_journal(str(journals / case.case_id))
    return Result(case.case_id, verdict, note, failure, tuple(bench.trace), journal, bench.digest(), perf_counter() - begun)


async def _stopped(bench: Bench, trial: Trial) -> str:
    """Take it away, and what the case leaves; returns what is wrong where that does not work, which must not end the run either."""
    try:
        if bench.remembers:
            with suppress(BenchError):
                await trial.tidy()
        await bench.stop()
    except Exception as error:  # noqa: BLE001 (as above)
        return f"the bench could not be taken away: {type(error).__name__}: {error}"
    return ""


def chosen(*, profile: str = "", block: str = "", case_ids: Iterable[str] = (), requirement: str = "") -> Iterator[Listed]:
    """The cases of the catalogue that are asked for, in its order."""
    wanted = set(case_ids)
    for listed in CATALOGUE.values():
        if profile and profile.casefold() not in [name.casefold() for name in listed.profiles]:
            continue
        if block and not listed.case_id.startswith(f"TC_{block.upper()}_"):
            continue
        if wanted and listed.case_id not in wanted:
            continue
        if requirement and requirement not in requirements_of(listed.case_id):
            continue
        yield listed


async def run(
    cases: Iterable[Listed],
    make: MakeBench,
    settings: Settings,
    schemas: Schemas,
    *,
    features: dict[str, str] | None = None,
    journals: Path | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """All of *cases*: those that do not apply and those that are not built are said to be so, the others are tried."""
    known = features if features is not None else features_of(None)
    settings = settings._replace(attached_cable=known.get("HFS-2", YES) != NO)
    results = []
    for listed in cases:
        result = await _one(listed, make, settings, schemas, known, journals)
        results.append(result)
        if progress is not None:
            progress(result)
    return results


async def _one(listed: Listed, make: MakeBench, settings: Settings, schemas: Schemas, features: dict[str, str], journals: Path | None) -> Result:
    condition = unmet(listed, features)
    if condition:
        return Result(listed.case_id, Verdict.NOT_APPLICABLE, condition)
    case = CASES.get(listed.case_id)
    if case is None or promised(listed, features):
        return Result(listed.case_id, Verdict.NOT_BUILT, f"waits for {', '.join(awaited(listed, features))}")
    return await tried(case, make(listed), settings, schemas, journals=journals)


def awaited(listed: Listed, features: dict[str, str]) -> list[str]:
    """What a case that is not built waits for: use cases that no built one is about, and features of its condition that are to come."""
    about = {name for one in CASES for name in CATALOGUE[one].use_cases}
    return [*(name for name in listed.use_cases if name not in about), *undecided(listed.condition, features)] or [
        NEEDS.get(listed.case_id, listed.name)
    ]


def finished(coroutine: Awaitable[list[Result]]) -> list[Result]:
    """What a run in virtual time comes to: it never waits for anything, so no event loop is needed."""
    step = coroutine.__await__()
    try:
        next(step)
    except StopIteration as end:
        found: list[Result] = end.value
        return found
    raise BenchError("a bench in virtual time has waited for something")


def entries(results: Iterable[Result]) -> Iterator[Entry]:
    """Everything that passed in all of them."""
    for result in results:
        yield from result.trace
