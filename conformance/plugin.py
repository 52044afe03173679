"""A pytest plugin: with ``--ocpp-station`` every test case of Part 6 is a test.

Law: without that option it does nothing and loads nothing; what is not built or does not apply is skipped with its reason, never passed.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conformance.catalogue import Listed
    from conformance.run import MakeBench
    from conformance.verdict import Result

STATIONS = {"sim": "conformance.plugin:in_process", "wire": "stationd.conform_wire:of_words"}
"""Short names of what makes benches, from the words behind the name."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("ocpp", "test cases of OCPP 2.0.1 Part 6")
    group.addoption(
        "--ocpp-station", metavar="STATION", default="",
        help="run the cases: sim (this station, in this process), wire (a stationd a case; with options of `stationd conform run --bench wire` "
        "behind it: 'wire --driver http --driver-url http://lab/hook', somebody else's), or module:function, which returns what makes benches",
    )  # fmt: skip
    group.addoption("--ocpp-profile", metavar="NAME", default="", help="only cases of this certification profile, such as core")
    group.addoption("--ocpp-block", metavar="LETTER", default="", help="only cases of this functional block")
    group.addoption("--ocpp-features", metavar="FILE", default="", help="what the station has: a JSON object of features of Part 5")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """The cases are added before anybody chooses among the tests, so that -k works for them too."""
    if config.getoption("--ocpp-station"):
        found: list[pytest.Item | pytest.Collector] = list(Cases.from_parent(session, name="ocpp").collect())
        items.extend(one for one in found if isinstance(one, pytest.Item))
        # So that they are among the tests that pytest says it has collected.
        config.hook.pytest_collectreport(report=pytest.CollectReport("ocpp", "passed", None, found))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A station of somebody else is let go."""
    tried = session.config.stash.get(TRIED, None)
    if tried is not None:
        tried.close()


def in_process(words: list[str]) -> MakeBench:
    """Benches in this process."""
    from engine.errors import SetupFault

    if words:
        raise SetupFault(f"--ocpp-station sim: takes no {words[0]}; right would be sim alone")
    from component_config.schemas import installed_schemas
    from conformance.sim_bench import SimBench
    from conformance.station import shipped_config

    schemas = installed_schemas()
    return lambda _: SimBench(shipped_config(), schemas)


class Tried:
    """The station of this test run: what makes its benches, and the loop that all of them live on, because one link outlasts a case."""

    def __init__(self, make: MakeBench) -> None:
        self.make = make
        self._runner = asyncio.Runner()

    def case(self, listed: Listed, features: dict[str, str]) -> Result:
        """What comes of a case."""
        from component_config.schemas import installed_schemas
        from conformance.run import run
        from conformance.trial import Settings

        settings = getattr(self.make, "settings", Settings())
        (result,) = self._runner.run(run([listed], self.make, settings, installed_schemas(), features=features))
        return result

    def close(self) -> None:
        """Nothing is left."""
        try:
            close = getattr(self.make, "close", None)
            if close is not None:
                self._runner.run(close())
        finally:
            self._runner.close()


TRIED = pytest.StashKey[Tried]()


class Cases(pytest.Collector):
    """All cases that are asked for."""

    def collect(self) -> Iterator[CaseItem]:
        """One test a case."""
        import conformance.cases  # noqa: F401 (registers them)
        from conformance.catalogue import features_of
        from conformance.run import chosen
        from engine.errors import SetupFault

        option = self.config.getoption
        try:
            tried = self.config.stash[TRIED] = Tried(_maker(option("--ocpp-station")))
            features = features_of(Path(option("--ocpp-features")) if option("--ocpp-features") else None)
        except SetupFault as error:
            raise pytest.UsageError(str(error)) from error
        for listed in chosen(profile=option("--ocpp-profile"), block=option("--ocpp-block")):
            yield CaseItem.from_parent(self, name=listed.case_id, listed=listed, tried=tried, features=features)


def _maker(station: str) -> MakeBench:
    name, *words = shlex.split(station)
    module, _, function = STATIONS.get(name, name).partition(":")
    try:
        found = getattr(import_module(module), function)
        made: MakeBench = found(words) if name in STATIONS else found()
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise pytest.UsageError(
            f"--ocpp-station {station}: {error}; right would be {', '.join(STATIONS)}, or module:function that returns what makes a bench for a case"
        ) from error
    return made


class CaseFailed(Exception):
    """A case that failed."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.note)
        self.result = result


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, listed: Listed, tried: Tried, features: dict[str, str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._listed = listed
        self._tried = tried
        self._features = features

    def runtest(self) -> None:
        """Try it."""
        from conformance.report import FAILED, GROUP_OF
        from conformance.verdict import Verdict

        result = self._tried.case(self._listed, self._features)
        if GROUP_OF[result.verdict] is FAILED:
            raise CaseFailed(result)
        if result.verdict is not Verdict.PASS:
            pytest.skip(f"{result.verdict.value}: {result.note}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What was expected and got, and the last messages, in place of a traceback through the bench."""
        if not isinstance(excinfo.value, CaseFailed):
            return super().repr_failure(excinfo, style)
        from conformance.report import failure_lines, last_messages

        return "\n".join([*failure_lines(excinfo.value.result), *last_messages(excinfo.value.result)])

    def reportinfo(self) -> tuple[Path, None, str]:
        """Its id and name."""
        return self.path, None, f"{self._listed.case_id} {self._listed.name}"
