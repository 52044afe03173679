"""``stationd config roots``: roots provisioned before the first start, at rest and in use; and what a real TLS link makes of them."""

from __future__ import annotations

import asyncio
import json
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from unittest.mock import patch

import pytest

from stationd.__main__ import main
from stationd.csms import FriendlyCsms
from tests.pki import Pair
from tests.stationd.conftest import Child, Start
from tests.waiting import PATIENCE_S

PASSWORD = "correct horse battery staple"
FIRST = "no root is installed: a CSMS at a wss:// address is trusted by the roots of the operating system\n"


def done(*words: str, data: Path, status: int = 0, input: bytes = b"") -> str:
    """What a command says, on standard output where it says something there, else on standard error."""
    out, errors = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(errors), patch("sys.stdin", TextIOWrapper(BytesIO(input))):
        assert main(["config", *words, "--data", str(data)]) == status, errors.getvalue()
    return out.getvalue() or errors.getvalue()


@pytest.fixture(scope="module")
def root() -> Pair:
    """The root of a CSMS."""
    return Pair.made("csms root")


@pytest.fixture
def pem(tmp_path: Path, root: Pair) -> str:
    """Its file."""
    path = tmp_path / "root.pem"
    path.write_text(root.pem)
    return str(path)


def provisioned(data: Path, *, password: bool = True) -> None:
    """A station that knows its name and its password."""
    done("set", "SecurityCtrlr.Identity", "CP77", data=data)
    if password:
        done("set", "SecurityCtrlr.BasicAuthPassword", "--value-file", "-", data=data, input=PASSWORD.encode())


def test_a_station_at_rest_is_given_its_roots_and_they_are_taken_away(tmp_path: Path, root: Pair, pem: str) -> None:
    """If this failed, the first connection of a station could not be trusted."""
    data = tmp_path / "new" / "cp"
    short = root.fingerprint[:16]
    said = done("roots", "add", pem, data=data)
    assert said.startswith(f"installed: {short} CSMSRootCertificate, CN=csms root, valid 20")
    assert done("roots", "add", pem, data=data, status=1) == f"stationd: {pem}: {short}: it is installed already\n"
    other = Pair.made("maker's root")
    assert "ManufacturerRootCertificate, CN=maker's root" in done(
        "roots", "add", "-", "--use", "ManufacturerRootCertificate", data=data, input=other.pem.encode()
    )
    head, *rows = done("roots", "list", data=data).splitlines()
    assert head.split() == ["HASH", "USE", "VALIDITY", "SUBJECT"]
    assert [row.split()[:2] for row in rows] == [[short, "CSMSRootCertificate"], [other.fingerprint[:16], "ManufacturerRootCertificate"]]
    first, _ = json.loads(done("roots", "list", "--json", data=data))
    assert (first["fingerprint"], first["certificate"]) == (root.fingerprint, root.pem)
    assert first["certificateHashData"]["serialNumber"] == f"{root.certificate.serial_number:x}"
    provisioned(data, password=False)
    assert done("get", "SecurityCtrlr.CertificateEntries", data=data) == "2\n"
    spelled = ":".join(root.fingerprint[at : at + 2] for at in range(0, 12, 2)).upper()
    assert done("roots", "remove", spelled, data=data) == f"deleted: {short} CSMSRootCertificate\n"
    assert "no root that is installed has a hash that begins so" in done("roots", "remove", root.fingerprint[:8], data=data, status=1)
    done("roots", "remove", other.fingerprint, data=data)
    assert done("roots", "list", data=data) == FIRST


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        (("add", "/nowhere/root.pem"), 2, "/nowhere/root.pem: cannot be read (No such file or directory); name a PEM file with the roots in it"),
        (("add", "/"), 2, "/: cannot be read (Is a directory)"),
        (("add", "-"), 2, "-: there is no certificate in it; right would be PEM"),
        (("remove", "ab"), 2, "ab: right would be the first 4 or more digits of a hash"),
        (("remove", "zzzz"), 2, "zzzz: right would be the first 4 or more digits of a hash"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(tmp_path: Path, words: tuple[str, ...], status: int, why: str) -> None:
    """If this failed, a station would be half provisioned, or nobody would know what to give."""
    data = tmp_path / "cp"
    provisioned(data, password=False)
    assert done("roots", *words, data=data, status=status, input=b"\xff\xfe hello").startswith(f"stationd: {why}")
    assert done("roots", "list", data=data) == FIRST


@pytest.mark.parametrize("junk", [b"\xff" * 400_000, "Zertifikat f\u00fcr \u00dcbung\n".encode("latin-1")])
def test_what_stands_around_a_root_is_no_matter(start: Start, tmp_path: Path, root: Pair, junk: bytes) -> None:
    """If this failed, a comment in some encoding, or a file that is none, would break the line to a station that runs."""
    path = tmp_path / "noted.pem"
    path.write_bytes(junk)
    station = start()
    station.ask("state")
    assert "there is no certificate in it" in done("roots", "add", str(path), data=tmp_path / "cp", status=2)
    path.write_bytes(junk[:1000] + root.pem.encode())
    assert "installed: " in done("roots", "add", str(path), data=tmp_path / "cp")
    station.stop()


def test_a_private_key_is_not_taken(tmp_path: Path, root: Pair) -> None:
    """If this failed, the key of a CSMS would lie in the journal of every station."""
    data = tmp_path / "cp"
    provisioned(data, password=False)
    path = tmp_path / "both.pem"
    path.write_text(root.pem + root.key_pem)
    assert "there is a private key in it" in done("roots", "add", str(path), data=data, status=2)
    assert "there is a private key in it" in done("roots", "add", str(path), data=tmp_path / "new", status=2)
    assert not (tmp_path / "new").exists()
    secret = "".join(root.key_pem.splitlines()[1:-1])[:40].encode()
    assert not any(secret in one.read_bytes() for one in data.rglob("*") if one.is_file())


def test_a_station_that_runs_is_asked(start: Start, tmp_path: Path, root: Pair, pem: str) -> None:
    """If this failed, a station would have to be stopped for a new root."""
    data = tmp_path / "cp"
    station = start()
    station.ask("state")
    assert "installed: " in done("roots", "add", pem, data=data)
    assert root.fingerprint[:16] in done("roots", "list", data=data)
    assert "it is installed already" in done("roots", "add", pem, data=data, status=1)
    answer = station.ask("add_roots", pem=root.pem, use="V2GRootCertificate")
    assert (answer["ok"], answer["error"][:27]) == (False, "use: 'V2GRootCertificate' i")
    assert "pem: must be a text" in station.ask("add_roots")["error"]
    assert "there is no certificate in it" in station.ask("add_roots", pem="x")["error"]
    assert "deleted: " in done("roots", "remove", root.fingerprint[:8], data=data)
    assert done("roots", "list", data=data) == FIRST
    station.stop()


# Real links


def test_a_link_over_tls_comes_up_with_the_root_that_was_provisioned(tmp_path: Path, root: Pair, pem: str) -> None:
    """Security profile 2, before the first start: if this failed, everything about roots above would be paper."""
    data = tmp_path / "cp"
    provisioned(data)
    done("roots", "add", pem, data=data)
    between = Pair.made("authority between", root)
    server = Pair.made("csms", between, authority=False, host="127.0.0.1")

    async def go() -> None:
        async with FriendlyCsms(port=0, passwords={"CP77": PASSWORD}, ssl_context=server.serving(tmp_path, between)) as csms:
            with Child(data, "--csms", csms.url) as station:
                await csms.connected("CP77", timeout_s=PATIENCE_S)
                await csms.heard("CP77", "BootNotification", timeout_s=PATIENCE_S)
                state = await asyncio.to_thread(station.until, lambda state: state["link"]["connected"])
                assert (state["link"]["csms_url"][:6], state["link"]["security_profile"]) == ("wss://", 2)
                await asyncio.to_thread(station.stop)

    asyncio.run(go())
    assert done("get", "SecurityCtrlr.SecurityProfile", data=data) == "2\n"


WRONG = "tls certificate: the server's certificate is not trusted: "


@pytest.mark.parametrize(
    ("host", "installed", "why"),
    [
        ("127.0.0.1", "another", f"{WRONG}unable to get local issuer certificate; trusted are only the 1 CSMS roots that are installed"),
        ("127.0.0.1", "none", f"{WRONG}unable to get local issuer certificate; trusted are the system's roots, for no CSMS root is installed"),
        ("127.0.0.2", "the root", f"{WRONG}IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
)
def test_a_csms_that_nobody_vouches_for_is_not_talked_to(tmp_path: Path, root: Pair, host: str, installed: str, why: str) -> None:
    """If this failed, whoever sits between would be given the password; and a person would not know which root is missing."""
    data = tmp_path / "cp"
    provisioned(data)
    done("set", "OCPPCommCtrlr.RetryBackOffWaitMinimum", str(round(10 * PATIENCE_S)), data=data)
    if installed != "none":
        given = root if installed == "the root" else Pair.made("another root")
        done("roots", "add", "-", data=data, input=given.pem.encode())
    server = Pair.made("csms", root, authority=False, host=host)

    async def go() -> None:
        async with FriendlyCsms(port=0, passwords={"CP77": PASSWORD}, ssl_context=server.serving(tmp_path)) as csms:
            knocked: list[str] = []

            def knock(identity: str, _: tuple[bytes, bytes] | None) -> str:
                knocked.append(identity)
                return ""

            csms.on_knock = knock
            with Child(data, "--csms", csms.url) as station:
                await asyncio.to_thread(station.until, lambda _: "failed, tls" in station.text())
                assert why in station.text()
                assert "(stationd config roots list)" in station.text()
                assert knocked == [], "it said nothing to the server"
                if installed == "another":
                    # The right one, while it runs: it comes up at once, and not after the back-off.
                    await asyncio.to_thread(done, "roots", "add", "-", data=data, input=root.pem.encode())
                    await csms.connected("CP77", timeout_s=PATIENCE_S)
                await asyncio.to_thread(station.stop)

    asyncio.run(go())
