"""``stationd conform``: a station against the test cases of OCPP 2.0.1 Part 6.

Law: the last line says ``N passed, N failed, N skipped``, and the exit status is 1 where anything failed; what did not run is never among the passed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from engine.errors import SetupFault

if TYPE_CHECKING:
    from conformance.catalogue import Listed
    from conformance.verdict import Result

INTERRUPTED = 130

EPILOG = """examples:
  stationd conform list --block B                        the cases of block B, and what each waits for
  stationd conform run --bench sim                       every case against this station, in this process
  stationd conform run --bench sim --case TC_E_04_CS     one of them
  stationd conform run --profile core --html report.html a page with everything
  stationd conform run --bench recording ./cp001         what a station's journal shows of the cases
  stationd conform run --bench wire --driver person      somebody else's station, and you do what is asked at it
  stationd conform compare sim.json wire.json            two runs that were kept with --json
  stationd conform report run.json --html report.html    a page of a run that was kept
  stationd conform mutate                                whether the cases notice a station that does wrong
"""


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """``conform`` and what it does."""
    top = commands.add_parser(
        "conform",
        help="try a station with the test cases of OCPP 2.0.1 Part 6",
        description="Try a station with the test cases of OCPP 2.0.1 Part 6.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inner = top.add_subparsers(metavar="COMMAND", required=True)
    it = _command(inner, "list", "the cases: id, profile, conformance, whether built, name", "conform list --profile core --requirement B06.FR.01")
    _choice(it)
    it.set_defaults(func=list_cases)
    it = _command(inner, "run", "try the cases", "conform run --bench sim --block E --junit junit.xml --html report.html")
    _choice(it)
    it.add_argument(
        "--bench", choices=("sim", "wire", "recording"), default="sim",
        help="sim: this station in this process, in virtual time; wire: any station over a WebSocket; recording: what was recorded (default: sim)",
    )  # fmt: skip
    it.add_argument(
        "--features", metavar="FILE", type=Path, help="what the station has: a JSON object of features of Part 5 (default: this station's)"
    )
    it.add_argument("--journals", metavar="DIR", type=Path, help="where cases that fail leave their journals (default: a temporary directory)")
    it.add_argument(
        "recording", metavar="RECORDING", nargs="?", type=Path, help="with --bench recording: a data directory, or OCPP messages as JSON lines"
    )
    _outputs(it)
    it.add_argument("--json", metavar="FILE", type=Path, help="write the results there, for stationd conform report")
    from stationd.conform_wire import add_options

    add_options(it)
    it.set_defaults(func=run_cases)
    it = _command(inner, "report", "a report of a run that was kept with --json", "conform report run.json --html report.html")
    it.add_argument("file", metavar="FILE", type=Path, help="what conform run --json wrote")
    _outputs(it)
    it.set_defaults(func=report_run)
    it = _command(inner, "compare", "the cases that came out differently in two runs that were kept", "conform compare sim.json wire.json")
    it.add_argument("here", metavar="FILE", type=Path, help="what conform run --json wrote")
    it.add_argument("there", metavar="FILE", type=Path, help="and what another one wrote")
    it.set_defaults(func=compare_runs)
    it = _command(inner, "mutate", "whether the cases notice a station that does wrong, one small change at a time", "conform mutate --only M042")
    it.add_argument("--only", metavar="ID", nargs="+", default=[], help="only these mutants of conformance/mutants.csv")
    it.add_argument("--json", metavar="FILE", type=Path, help="write there which case noticed which mutant")
    it.set_defaults(func=mutate)


def _command(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, example: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=f"example:\n  stationd {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip


def _choice(it: argparse.ArgumentParser) -> None:
    it.add_argument("--profile", metavar="NAME", default="", help="only cases of this certification profile, such as core")
    it.add_argument("--block", metavar="LETTER", default="", help="only cases of this functional block")
    it.add_argument("--case", metavar="ID", nargs="+", default=[], help="only these cases")
    it.add_argument("--requirement", metavar="FR", default="", help="only cases about this requirement, such as B06.FR.01")


def _outputs(it: argparse.ArgumentParser) -> None:
    it.add_argument("--junit", metavar="FILE", type=Path, help="write JUnit XML there")
    it.add_argument("--html", metavar="FILE", type=Path, help="write one page there, which needs nothing else")


def _chosen(args: argparse.Namespace) -> list[Listed]:
    import conformance.cases  # noqa: F401 (registers them)
    from conformance.catalogue import CATALOGUE
    from conformance.run import chosen

    unknown = [one for one in args.case if one not in CATALOGUE]
    if unknown:
        raise SetupFault(f"{unknown[0]}: no such case; right would be one that `stationd conform list` tells, such as TC_B_06_CS")
    found = list(chosen(profile=args.profile, block=args.block, case_ids=args.case, requirement=args.requirement))
    if not found:
        raise SetupFault("no case is of that profile, block and requirement; `stationd conform list` tells all of them")
    return found


def list_cases(args: argparse.Namespace) -> int:
    """A line a case."""
    from conformance.case import CASES
    from conformance.catalogue import features_of, promised, unmet
    from conformance.run import awaited

    cases = _chosen(args)
    features = features_of(None)
    for listed in cases:
        built = listed.case_id in CASES and not promised(listed, features)
        state = "built" if built else f"waits for {', '.join(awaited(listed, features))}"
        condition = unmet(listed, features)
        if condition:
            state = f"not applicable ({condition})"
        profiles = ", ".join(listed.profiles) or "no profile"
        print(f"{listed.case_id:14} {profiles:26} {listed.conformance:12} {state:34} {listed.name}")
    built_ones = sum(one.case_id in CASES and not promised(one, features) for one in cases)
    print(f"{len(cases)} cases, {built_ones} built")
    return 0


def run_cases(args: argparse.Namespace) -> int:
    """Try them; returns 1 where anything failed."""
    from conformance.catalogue import features_of

    cases = _chosen(args)
    for path in (args.json, args.junit, args.html):
        # Before anything is tried: a run may take hours.
        if path is not None and not path.parent.is_dir():
            raise SetupFault(f"{path}: cannot be written, because {path.parent} is no directory; make it, or give a file in one that is there")
    if (args.recording is not None) != (args.bench == "recording"):
        raise SetupFault("a RECORDING goes with --bench recording, and the other way round; such as: stationd conform run --bench recording ./cp001")
    features = features_of(args.features)
    progress = Progress(len(cases))
    # A recording is a journal already, or there is none.
    temporary = args.journals is None and args.bench != "recording"
    journals: Path | None = Path(mkdtemp(prefix="stationd-conform-")) if temporary else args.journals
    interrupted = False
    try:
        results = _tried(args, cases, features, journals, progress)
    except KeyboardInterrupt:
        # What is known by now is not lost.
        interrupted, results = True, progress.with_the_rest(cases)
    finally:
        # Nor is an empty directory left where the run could not begin.
        if temporary and journals is not None and not any(journals.iterdir()):
            journals.rmdir()
    progress.done()
    about = {"bench": args.bench, "profile": args.profile, "block": args.block.upper(), "requirement": args.requirement}
    if args.json is not None:
        from conformance.report import as_json

        _write(args.json, as_json(results, **about))
    status = _report(args, results, about)
    return INTERRUPTED if interrupted else status


def _tried(args: argparse.Namespace, cases: list[Listed], features: dict[str, str], journals: Path | None, progress: Progress) -> list[Result]:
    """What comes of *cases* at the bench that is asked for."""
    from component_config.schemas import installed_schemas
    from conformance.run import finished, run
    from conformance.trial import Settings

    schemas = installed_schemas()
    if args.bench == "sim":
        from conformance.sim_bench import SimBench
        from conformance.station import shipped_config

        config = shipped_config()
        made = run(cases, lambda _: SimBench(config, schemas), Settings(), schemas, features=features, journals=journals, progress=progress)
        return finished(made)
    if args.bench == "wire":
        import asyncio

        from stationd.conform_wire import make_wire, run_wire

        wire = make_wire(args)
        over_wire = run_wire(cases, wire, wire.settings, schemas, features=features, journals=journals, progress=progress, jobs=args.jobs)
        return asyncio.run(over_wire)
    from conformance.recording import recorded
    from conformance.recording_bench import over

    return over(recorded(args.recording), cases, Settings(), schemas, features=features, progress=progress)


def report_run(args: argparse.Namespace) -> int:
    """A report of results that were kept; returns 1 where anything failed in them."""
    import conformance.cases  # noqa: F401 (knows what requirements a case looks at)
    from conformance.report import read_json

    about, results = read_json(args.file)
    return _report(args, results, about)


def compare_runs(args: argparse.Namespace) -> int:
    """A line for each case with two verdicts; returns 1 where there is one."""
    from conformance.compare import compare
    from conformance.report import read_json

    (_, here), (_, there) = read_json(args.here), read_json(args.there)
    found = compare(here, there)
    print(*found, f"{len(here)} cases, {len(found)} differ", sep="\n")
    return 1 if found else 0


def mutate(args: argparse.Namespace) -> int:
    """Try the mutants; returns 1 where fewer are noticed than have to be."""
    import conformance.cases  # noqa: F401 (registers them)
    from component_config.schemas import installed_schemas
    from conformance.mutation import GOAL_PERCENT, Mutating, listed_mutants

    mutants = listed_mutants()
    unknown = set(args.only) - {one.id for one in mutants}
    if unknown:
        raise SetupFault(f"{min(unknown)}: no such mutant; right would be one of {mutants[0].id} to {mutants[-1].id}")

    def progress(done: int, count: int) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{done}/{count} mutants", end="\n" if done == count else "", file=sys.stderr, flush=True)
        elif done % 50 == 0:
            print(f"{done}/{count} mutants", file=sys.stderr, flush=True)

    came = Mutating(installed_schemas()).run([one for one in mutants if not args.only or one.id in args.only], progress)
    if args.json is not None:
        _write(args.json, came.as_json())
    if args.only:
        print(*(f"{one} is noticed by {came.noticed[one.id]}" for one in mutants if one.id in came.noticed), sep="\n")
        # What a case notices of a few says nothing of it.
        came = came._replace(silent=[])
    print(*came.lines(), sep="\n")
    return 0 if came.percent >= GOAL_PERCENT else 1


def _report(args: argparse.Namespace, results: Sequence[Result], about: dict[str, Any]) -> int:
    from conformance.report import FAILED, counts, junit, table

    if args.junit is not None:
        _write(args.junit, junit(results))
    if args.html is not None:
        from conformance.page import page

        _write(args.html, page(results, about))
    print(*table(results), sep="\n")
    return 1 if counts(results)[FAILED] else 0


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SetupFault(f"{path}: cannot be written ({error.strerror}); give a file in a directory that is there") from error


class Progress:
    """How far a run is, on standard error: one line that changes at a terminal, else a line a case that was tried."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._results: dict[str, Result] = {}
        self._shows = sys.stderr.isatty()

    def __call__(self, result: Result) -> None:
        """One more case is over."""
        self._results[result.case_id] = result
        line = f"{len(self._results)}/{self.total} {result.case_id} {result.verdict.value}"
        if self._shows:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif result.verdict.value not in ("NOT BUILT", "NOT APPLICABLE"):
            print(f"{line} ({result.seconds:.2f} s)", file=sys.stderr, flush=True)

    def with_the_rest(self, cases: Sequence[Listed]) -> list[Result]:
        """Results of all *cases*: what is not over yet was not exercised."""
        from conformance.verdict import Result, Verdict

        rest = "the run was interrupted before it was over"
        return [self._results.get(one.case_id) or Result(one.case_id, Verdict.NOT_EXERCISED, rest) for one in cases]

    def done(self) -> None:
        """Leave the terminal as it was."""
        if self._shows:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
