"""The engineer who comes with a station of their own: it is a process, it is worked over its hook, and the harness is a command.

Law: nothing here knows the inside of the harness; a run has a verdict or an error that says what would be right, in a bounded time.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from conformance.trial import STATION_LIMIT_S
from tests.conformance.test_foreign import CHARGE, FEATURES, VARIABLES, certificates
from tests.waiting import PATIENCE_S

PASSWORD = "sesame.Open-0123456789"


@contextmanager
def station(url: str, *words: str) -> Iterator[str]:
    """The other station, as a process; gives its hook."""
    argv = [sys.executable, "-m", "tests.conformance.foreign", url, *words]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().removeprefix("hook ").strip()
        finally:
            process.kill()


class Desk:
    """What lies on the engineer's desk: a port, and a few files.

    The port is held, so that nobody else is given it, and not listened on; the harness may, because both say SO_REUSEADDR.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind(("127.0.0.1", 0))
        self.port: int = self._held.getsockname()[1]
        self.features = self.file("features.json", json.dumps({**FEATURES, "HFS-8": 2}))
        self.settings = self.file("settings.json", json.dumps({"password": PASSWORD}))
        self.password = self.file("password", PASSWORD)
        certificates(directory)
        self.root, self.ours, self.theirs = (directory / f"{name}.pem" for name in ("root", "csms", "station"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def file(self, name: str, text: str) -> Path:
        """One of them."""
        (self.directory / name).write_text(text)
        return self.directory / name

    def url(self, scheme: str = "ws") -> str:
        """What the station dials."""
        return f"{scheme}://127.0.0.1:{self.port}"

    def conform(
        self, *words: object, cases: tuple[str, ...] = (VARIABLES,), patience: float = STATION_LIMIT_S, typed: str = ""
    ) -> tuple[int, str, str]:
        """``stationd conform run --bench wire``: its exit status, what it printed, what it said meanwhile."""
        argv = [sys.executable, "-m", "stationd", "conform", "run", "--bench", "wire", "--port", self.port, "--features", self.features]
        argv += ["--settings", self.settings, "--patience", patience, "--case", *cases, *words]
        done = subprocess.run([str(one) for one in argv], input=typed, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk."""
    with Desk(tmp_path) as it:
        yield it


@pytest.mark.parametrize("profile", [0, 1, 2, 3])
def test_a_station_of_any_security_profile_is_tried(desk: Desk, profile: int) -> None:
    """If this failed, a station could not be tried as it is sold."""
    tls = ["--root", desk.root] if profile > 1 else []
    tls += ["--cert", desk.theirs] if profile == 3 else []
    login = ["--password-file", desk.password] if profile in (1, 2) else []
    ours = ["--cert", desk.ours] if profile > 1 else []
    ours += ["--ca", desk.root] if profile == 3 else []

    with station(desk.url("wss" if profile > 1 else "ws"), *map(str, [*tls, *login])) as hook:
        status, told, said = desk.conform("--security-profile", profile, *ours, "--driver", "http", "--driver-url", hook, cases=(VARIABLES, CHARGE))

    assert (status, told.splitlines()[-1:]) == (0, ["2 passed, 0 failed, 0 skipped"]), (told, said)
    assert f"waiting for a station at {'wss' if profile > 1 else 'ws'}://127.0.0.1:{desk.port}/IDENTITY" in said


def test_the_password_of_a_station_is_set_used_and_given_back(desk: Desk) -> None:
    """If this failed, cases about passwords would blame a station for its name, or leave it with a password that nobody knows."""
    cases = ("TC_A_01_CS", "TC_A_09_CS", "TC_A_10_CS", VARIABLES)
    with station(desk.url(), "--password-file", str(desk.password)) as hook:
        tried = [desk.conform("--security-profile", "1", "--driver", "http", "--driver-url", hook, cases=cases) for _ in range(2)]

    for status, told, _ in tried:
        assert (status, told.splitlines()[-1]) == (0, "4 passed, 0 failed, 0 skipped"), told


def test_no_report_tells_a_password(desk: Desk) -> None:
    """If this failed, whoever gets a report could log in as the station."""
    files = {kind: desk.directory / f"run.{kind}" for kind in ("json", "html", "junit")}
    options = [word for kind, file in files.items() for word in (f"--{kind}", file)]
    with station(desk.url()) as hook:
        status, told, _ = desk.conform("--driver", "http", "--driver-url", hook, *options, cases=("TC_A_01_CS",), patience=2)

    assert status == 1
    for text in (told, *(file.read_text() for file in files.values())):
        assert PASSWORD not in text
    assert "BasicAuthPassword" in files["json"].read_text()
    assert "****" in files["json"].read_text()


def test_a_station_is_worked_by_a_command_or_by_a_person(desk: Desk) -> None:
    """If this failed, a station without a hook could not be tried."""
    poster = (
        "import sys, json, urllib.request as u; deed, evse, connector, token, kind = sys.argv[2:]; "
        "u.urlopen(u.Request(sys.argv[1], json.dumps(dict(deed=deed, evse=int(evse), connector=int(connector), token=token, type=kind)).encode()))"
    )
    words = "{deed} {evse} {connector} {token} {type}"
    with station(desk.url()) as hook:
        by_command = desk.conform(
            "--driver", "command", "--driver-command", f"{sys.executable} -c '{poster}' {hook} {words}", cases=(VARIABLES, CHARGE)
        )
        by_person = desk.conform("--driver", "person", "--no-power-cycle", "--identity", "FOREIGN-1", typed="\n")
        nobody = desk.conform("--driver", "person", "--identity", "FOREIGN-1", typed="s\n", cases=(VARIABLES, CHARGE))

    assert by_command[1].splitlines()[-1] == "2 passed, 0 failed, 0 skipped", by_command
    assert by_person[1].splitlines()[-1] == "1 passed, 0 failed, 0 skipped", by_person
    assert nobody[0] == 1
    assert "power_cycle could not be done: the person at the terminal said so" in nobody[1]
    assert "power_cycle could not be done: nobody is at the terminal" in nobody[1]
    # What is asked does not go into a report that is written to a file.
    assert "take the station's power away" in nobody[2]
    assert "take the station's power away" not in nobody[1]


def test_the_version_and_the_identity_are_chosen(desk: Desk) -> None:
    """If this failed, a station of OCPP 2.1 could not be tried, or one among several could not."""
    with station(desk.url(), "--offers", "ocpp2.1,ocpp2.0.1"), station(desk.url(), "--offers", "ocpp2.1", "--identity", "OTHER") as hook:
        status, told, _ = desk.conform("--ocpp", "2.1", "--identity", "OTHER", "--driver", "http", "--driver-url", hook)

    assert (status, told.splitlines()[-1]) == (0, "1 passed, 0 failed, 0 skipped"), told


TURNED_AWAY = {
    "no password": ("ws", [], ["--security-profile", "1"], "it sends no Authorization header; right would be Basic"),
    "another password": ("ws", ["--password-file", "another"], ["--security-profile", "1"], "its password is not the one of --settings"),
    "another version": ("ws", ["--offers", "ocpp1.6"], [], "it offers the subprotocol ocpp1.6; right would be ocpp2.0.1"),
    "no certificate": ("wss", ["--root", "root.pem"], ["--cert", "csms.pem", "--ca", "root.pem"], "it showed no certificate"),
    "another's root": (
        "wss", ["--root", "other/root.pem", "--password-file", "password"], ["--cert", "csms.pem"], "have it trust the root of --cert",
    ),
    "another's certificate": (
        "wss",
        ["--root", "root.pem", "--cert", "other/station.pem"],
        ["--cert", "csms.pem", "--ca", "root.pem"],
        "its certificate will not do: ",
    ),
    "no TLS": ("ws", ["--password-file", "password"], ["--cert", "csms.pem"], "it dialled ws:// where wss:// is spoken"),
    "TLS": ("wss", ["--root", "root.pem"], [], "did not receive a valid HTTP request, but perhaps wss://"),
}  # fmt: skip


def test_a_station_that_gets_no_link_is_told_why(tmp_path: Path) -> None:
    """If this failed, an engineer would look for hours at what one line can say."""

    def told(why: str) -> tuple[int, str]:
        scheme, theirs, ours, _ = TURNED_AWAY[why]
        (tmp_path / why / "other").mkdir(parents=True)

        def there(words: list[str]) -> list[str]:
            return [str(tmp_path / why / word) if (tmp_path / why / word).is_file() else word for word in words]

        with Desk(tmp_path / why) as desk:
            desk.file("another", "another.Password-0123456789")
            certificates(desk.directory / "other")
            with station(desk.url(scheme), *there(theirs)) as hook:
                status, out, _ = desk.conform(*there(ours), "--driver", "http", "--driver-url", hook, patience=1)
        return status, out

    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(TURNED_AWAY, pool.map(told, TURNED_AWAY), strict=True))

    for why, (status, out) in found.items():
        assert status == 1, why
        assert out.splitlines()[-1] == "0 passed, 1 failed, 0 skipped", why
        assert "dialled and got no link within 4 s" in out, (why, out)
        assert TURNED_AWAY[why][3] in out, (why, out)


def test_a_station_that_never_dials_is_not_waited_for_case_by_case(desk: Desk) -> None:
    """If this failed, a run at a station that is switched off would take hours."""
    hands = "sh -c 'exit 0'"
    cases = (VARIABLES, CHARGE, "TC_E_01_CS", "TC_E_06_CS", "TC_C_02_CS")
    status, told, _ = desk.conform("--driver", "command", "--driver-command", hands, cases=cases, patience=0.25)

    assert status == 1
    assert told.count(f"no link within 1 s; have the station dial {desk.url()}/IDENTITY") == 3
    assert told.count("not tried, because the 3 cases before it could not begin") == 2


def test_a_station_that_dies_in_a_case_fails_it(desk: Desk) -> None:
    """If this failed, the worst that a station can do would be no failure, or end the run."""
    with station(desk.url(), "--fault", "dies") as hook:
        status, told, _ = desk.conform("--driver", "http", "--driver-url", hook, cases=(VARIABLES, CHARGE), patience=2)

    assert status == 1
    assert "FAIL TC_B_06_CS" in told
    assert "none; the station has no link" in told
    assert "ERROR TC_E_03_CS" in told
    assert "power_cycle could not be done" in told


HOOKS = {
    "false": "ended with status 1: without a word",
    "sh -c 'echo no relay >&2; exit 7'": "ended with status 7: no relay",
    "sh -c 'sleep 600 & wait'": "took longer than 1 s",
    "/nowhere": "cannot be run",
}


def test_hands_that_do_nothing_are_an_error_that_says_so(tmp_path: Path) -> None:
    """If this failed, a hook that hangs would hang the run, or be blamed on the station."""

    def told(number: int) -> str:
        (tmp_path / str(number)).mkdir()
        command, why = list(HOOKS.items())[number]
        # The limit of the one that hangs is waited for; the others are through long before theirs.
        limit_s = 1 if "took longer" in why else PATIENCE_S
        with Desk(tmp_path / str(number)) as desk:
            status, out, _ = desk.conform("--driver", "command", "--driver-command", command, "--deed-limit", limit_s)
        assert status == 1
        return out

    with ThreadPoolExecutor(4) as pool:
        for out, (command, why) in zip(pool.map(told, range(len(HOOKS))), HOOKS.items(), strict=True):
            assert f"power_cycle could not be done: {command.split(maxsplit=1)[0]} {why}" in out


def test_what_cannot_begin_ends_with_one_line(desk: Desk) -> None:
    """If this failed, a port that is taken would be an error of every case, or a traceback."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", desk.port))
        taken.listen()
        status, told, said = desk.conform("--driver", "command", "--driver-command", "true")
    assert (status, told) == (2, "")
    assert f"127.0.0.1 port {desk.port}: cannot listen there" in said
    assert "Traceback" not in said

    status, told, said = desk.conform("--driver", "command", "--driver-command", "true", "--cert", desk.password)
    assert (status, told) == (2, "")
    assert f"--cert {desk.password}: will not do" in said
