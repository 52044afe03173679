"""TLS links against real servers: which of them are refused, in which word, and what the CSMS hears of it on the next link.

Invariant: a server that is refused for its certificate, its TLS version or its ciphers is sent nothing of the upgrade, and so no password.
"""

from __future__ import annotations

import asyncio
import ssl
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from adapters.certificates import classify_tls_error, find_wildcard_name
from machines.certificates.facts import Certificate
from machines.certificates.state import CSMS_ROOT
from machines.connection import reasons
from machines.connection.facts import Lost, Opened
from machines.inputs import LinkDown, OperatorSet, RootsGiven
from machines.outbound.facts import Delivered
from stationd.csms import FriendlyCsms
from tests.adapters.live import PASSWORD, Front, LiveStation, PlainServer
from tests.pki import DAY, NOW, Pair

ROOT = Pair.made("csms root")
OTHER_ROOT = Pair.made("another root")
HOST = "127.0.0.1"
GOOD = Pair.made(HOST, ROOT, authority=False, host=HOST)


def server_hello(version: bytes, cipher: bytes) -> bytes:
    """The first message of a server that chose a version and a cipher suite, in the clear as it is on the wire."""
    renegotiation = b"\0\x05\xff\x01\0\x01\0"
    body = version + bytes(32) + b"\0" + cipher + b"\0" + renegotiation
    message = b"\x02" + len(body).to_bytes(3, "big") + body
    return b"\x16" + version + len(message).to_bytes(2, "big") + message


TLS_1_0, TLS_1_1, TLS_1_2 = b"\x03\x01", b"\x03\x02", b"\x03\x03"
RC4_SHA, ECDSA_AES_SHA, ECDSA_AES_GCM = b"\x00\x05", b"\xc0\x09", b"\xc0\x2b"


def garbage_certificate() -> bytes:
    """The second message of a server: a certificate that is none."""
    body = b"\0\0\x0d" + b"\0\0\x0a" + b"\x30\x08garbage!"
    message = b"\x0b" + len(body).to_bytes(3, "big") + body
    return b"\x16" + TLS_1_2 + len(message).to_bytes(2, "big") + message


def alert(code: int) -> bytes:
    """A fatal alert."""
    return b"\x15" + TLS_1_2 + b"\x00\x02\x02" + bytes([code])


class Bad(NamedTuple):
    """A server that is refused: how it is made, in which word it is refused, and for what."""

    made: Callable[[Path], PlainServer]
    reason: str
    says: str


def certified(pair: Pair) -> Callable[[Path], PlainServer]:
    """A server with a certificate that is no good."""
    return lambda directory: PlainServer(pair.serving(directory))


def speaking(version: ssl.TLSVersion) -> Callable[[Path], PlainServer]:
    """A server with the right certificate that speaks no later version."""

    def made(directory: Path) -> PlainServer:
        context = GOOD.serving(directory)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = version
        context.set_ciphers("ALL:@SECLEVEL=0")
        return PlainServer(context)

    return made


def choosing(ciphers: str) -> Callable[[Path], PlainServer]:
    """A server with the right certificate that allows other ciphers than we do."""

    def made(directory: Path) -> PlainServer:
        context = GOOD.serving(directory)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
        return PlainServer(context)

    return made


def wanting_certificate(version: ssl.TLSVersion) -> Callable[[Path], PlainServer]:
    """A server of security profile 3."""

    def made(directory: Path) -> PlainServer:
        context = GOOD.serving(directory)
        context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=ROOT.pem)
        return PlainServer(context)

    return made


def answering(data: bytes) -> Callable[[Path], PlainServer]:
    """A server that answers the first message with this."""
    return lambda _: PlainServer(answer=data)


UNTRUSTED = "the server's certificate is not trusted: "
NO_VERSION = "the server has no TLS version from 1.2 on: "
NO_CIPHER = "the server has no cipher suite that this station allows: "
WANTS_OURS = "the server wants a client certificate (security profile 3), and this station has none"
IN_TIME = {"first": NOW - DAY, "last": NOW + DAY}

BAD = {
    "another root": Bad(
        certified(Pair.made(HOST, OTHER_ROOT, authority=False, host=HOST)), reasons.TLS_CERTIFICATE, f"{UNTRUSTED}unable to get local issuer"
    ),
    "signed by itself": Bad(certified(Pair.made(HOST, authority=False, host=HOST)), reasons.TLS_CERTIFICATE, f"{UNTRUSTED}self"),
    "another host": Bad(
        certified(Pair.made("csms.example", ROOT, authority=False, host="csms.example")),
        reasons.TLS_CERTIFICATE,
        f"{UNTRUSTED}IP address mismatch, certificate is not valid for '127.0.0.1'",
    ),
    "expired": Bad(
        certified(Pair.made(HOST, ROOT, authority=False, host=HOST, first=NOW - 9 * DAY, last=NOW - DAY)),
        reasons.TLS_CERTIFICATE,
        f"{UNTRUSTED}certificate has expired",
    ),
    "not valid yet": Bad(
        certified(Pair.made(HOST, ROOT, authority=False, host=HOST, first=NOW + DAY, last=NOW + 9 * DAY)),
        reasons.TLS_CERTIFICATE,
        f"{UNTRUSTED}certificate is not yet valid",
    ),
    "garbage": Bad(
        answering(server_hello(TLS_1_2, ECDSA_AES_GCM) + garbage_certificate()), reasons.TLS_CERTIFICATE, "the server's certificate is not valid: "
    ),
    "TLS 1.0": Bad(speaking(ssl.TLSVersion.TLSv1), reasons.TLS_VERSION, f"{NO_VERSION}tlsv1 alert protocol version"),
    "TLS 1.1": Bad(speaking(ssl.TLSVersion.TLSv1_1), reasons.TLS_VERSION, f"{NO_VERSION}tlsv1 alert protocol version"),
    "a server hello of TLS 1.0": Bad(answering(server_hello(TLS_1_0, ECDSA_AES_SHA)), reasons.TLS_VERSION, f"{NO_VERSION}unsupported protocol"),
    "a server hello of TLS 1.1": Bad(answering(server_hello(TLS_1_1, ECDSA_AES_SHA)), reasons.TLS_VERSION, f"{NO_VERSION}unsupported protocol"),
    "SHA-1 only": Bad(choosing("ECDHE-ECDSA-AES128-SHA"), reasons.TLS_CIPHER, f"{NO_CIPHER}sslv3 alert handshake failure"),
    "no encryption": Bad(choosing("NULL:@SECLEVEL=0"), reasons.TLS_CIPHER, f"{NO_CIPHER}sslv3 alert handshake failure"),
    "insufficient security": Bad(answering(alert(71)), reasons.TLS_CIPHER, f"{NO_CIPHER}tlsv1 alert insufficient security"),
    "RC4 that was not offered": Bad(answering(server_hello(TLS_1_2, RC4_SHA)), reasons.TLS_CIPHER, f"{NO_CIPHER}unknown cipher returned"),
    "a cipher that was not offered": Bad(answering(server_hello(TLS_1_2, ECDSA_AES_SHA)), reasons.TLS_CIPHER, f"{NO_CIPHER}wrong cipher returned"),
    "client certificate, TLS 1.2": Bad(wanting_certificate(ssl.TLSVersion.TLSv1_2), reasons.TLS, WANTS_OURS),
    "client certificate, TLS 1.3": Bad(wanting_certificate(ssl.TLSVersion.TLSv1_3), reasons.TLS, WANTS_OURS),
    "plain HTTP": Bad(answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"), reasons.TLS, "wrong version number"),
}

EVENT = {
    reasons.TLS_CERTIFICATE: "InvalidCsmsCertificate",
    reasons.TLS_VERSION: "InvalidTLSVersion",
    reasons.TLS_CIPHER: "InvalidTLSCipherSuite",
}


def trusting(*roots: Pair) -> RootsGiven:
    """The operator provisions roots."""
    return RootsGiven(
        certificates=tuple(
            Certificate(
                use=CSMS_ROOT,
                certificate=root.pem,
                hash_algorithm="SHA256",
                issuer_name_hash="",
                issuer_key_hash="",
                serial_number="1",
                fingerprint=root.fingerprint,
            )
            for root in roots
        )
    )


def security_events(csms: FriendlyCsms) -> list[tuple[str, str]]:
    """What the CSMS was sent of them so far, but that the station started and was given a root."""
    sent = [entry.payload for entry in csms.log.get("CP001", ()) if entry.action == "SecurityEventNotification" and entry.kind == "CALL"]
    found = [(payload["type"], payload.get("techInfo", "")) for payload in sent]
    return [one for one in found if one not in USUAL]


USUAL = (("StartupOfTheDevice", ""), ("ReconfigurationOfSecurityParameters", "CSMSRootCertificate installed"))


def delivered(station: LiveStation) -> int:
    """How many security events the CSMS has confirmed."""
    return len([fact for fact in station.facts(Delivered) if fact.action == "SecurityEventNotification"])


def wss(front: Front) -> str:
    """The URL of whatever stands behind a front."""
    return f"wss://{HOST}:{front.port}/ocpp"


@pytest.mark.parametrize("name", list(BAD))
def test_a_server_that_is_refused_is_reported_once_to_the_csms_that_comes_after_it(name: str, tmp_path: Path) -> None:
    """A00.FR.310, .316, .323 (TC_A_05, TC_A_06): else nobody ever learns that somebody else answered in the place of the CSMS."""
    bad = BAD[name]

    async def story() -> None:
        with ExitStack() as stack:
            server = stack.enter_context(bad.made(tmp_path))
            async with (
                FriendlyCsms(port=0, ssl_context=GOOD.serving(tmp_path)) as csms,
                Front(server.port) as front,
                LiveStation(wss(front), inputs=[trusting(ROOT)]) as station,
            ):
                await station.happened(Lost)
                station.later(60)
                await station.happened(Lost, 2)
                for down in [turn.input for turn in station.turns if isinstance(turn.input, LinkDown)]:
                    assert (down.reason, down.detail.startswith(bad.says)) == (bad.reason, True), down
                # In TLS 1.3 a handshake is over before the server asks for a certificate.
                assert (server.shook_hands, server.received) == (0, b"") or bad.says == WANTS_OURS
                front.target = csms.port
                station.later(60)
                await station.until(lambda: delivered(station) >= len(USUAL) + (bad.reason in EVENT))
                found = [(EVENT[bad.reason], f"slot 1: {bad.says}")] if bad.reason in EVENT else []
                assert [type for type, _ in security_events(csms)] == [type for type, _ in found]
                assert all(info.startswith(says) for (_, info), (_, says) in zip(security_events(csms), found, strict=True))

    asyncio.run(story())


def test_a_good_server_opens_with_a_modern_cipher_of_tls_1_2_and_1_3(tmp_path: Path) -> None:
    """A00.FR.319: else the stricter checks refuse the CSMS itself."""

    async def story() -> None:
        for version, ciphers in (
            (ssl.TLSVersion.TLSv1_3, ""),
            (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"),
            (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ):
            context = GOOD.serving(tmp_path)
            context.maximum_version = version
            if ciphers:
                context.set_ciphers(ciphers)
            async with FriendlyCsms(port=0, ssl_context=context) as csms, LiveStation(csms.url, inputs=[trusting(ROOT)]) as station:
                await station.happened(Opened)

    asyncio.run(story())


WILD = "*.csms.example"


@pytest.mark.parametrize(
    ("common_name", "host", "wildcard"),
    [
        (WILD, WILD, True),
        (WILD, "one.csms.example", True),
        (WILD, "", True),
        ("one.csms.example", "one.csms.example", False),
        ("*.other.example", "one.csms.example", False),
    ],
)
@pytest.mark.parametrize("allowed", [False, True])
def test_a_certificate_for_a_wildcard_name_is_refused_unless_that_is_allowed(
    common_name: str, host: str, *, wildcard: bool, allowed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SecurityCtrlr.AllowCSMSTLSWildcards (TC_A_05): else whoever holds a key of the domain is every CSMS in it, or a CSMS that has none is lost."""
    pair = Pair.made(common_name, ROOT, authority=False, host=host)
    refused = wildcard and not allowed

    async def story() -> None:
        knocked: list[str] = []
        # The name leads to this machine: what is looked up is not what is tested.
        loop = asyncio.get_running_loop()
        look_up = loop.getaddrinfo
        monkeypatch.setattr(loop, "getaddrinfo", lambda host, *rest, **more: look_up(HOST if host == "one.csms.example" else host, *rest, **more))
        async with FriendlyCsms(port=0, ssl_context=pair.serving(tmp_path)) as csms:
            csms.on_knock = lambda identity, _: knocked.append(identity) or ""  # type: ignore[func-returns-value]
            url = f"wss://one.csms.example:{csms.port}/ocpp"
            settings = {"SecurityCtrlr.AllowCSMSTLSWildcards": "true" if allowed else "false"}
            async with LiveStation(url, settings=settings, inputs=[trusting(ROOT)]) as station:
                await station.happened(Lost if refused else Opened)
                assert knocked == ([] if refused else ["CP001"])
                if refused:
                    (lost,) = station.facts(Lost)
                    assert lost.reason == reasons.TLS_CERTIFICATE
                    assert lost.detail == (
                        f"the server's certificate is made out to the wildcard name {WILD}; "
                        "give the CSMS one of its own name, or set SecurityCtrlr.AllowCSMSTLSWildcards"
                    )
                    await station.tell(OperatorSet(component="SecurityCtrlr", variable="AllowCSMSTLSWildcards", value="true"))
                    station.later(2)
                    await station.until(lambda: delivered(station) >= len(USUAL) + 2)
                    assert [type for type, _ in security_events(csms)] == ["InvalidCsmsCertificate", "ReconfigurationOfSecurityParameters"]

    asyncio.run(story())


def test_no_password_reaches_a_server_with_a_wildcard_name(tmp_path: Path) -> None:
    """Else the check comes too late: the upgrade, and the password in it, is the first thing that a station sends."""
    pair = Pair.made("localhost", ROOT, authority=False, host="local*")

    async def story() -> None:
        with PlainServer(pair.serving(tmp_path)) as server:
            async with LiveStation(f"wss://localhost:{server.port}", inputs=[trusting(ROOT)]) as station:
                sealed = station.seal(PASSWORD)
                await station.tell(OperatorSet(component="SecurityCtrlr", variable="BasicAuthPassword", value=sealed))
                await station.happened(Lost)
            assert server.received == b""

    asyncio.run(story())


@pytest.mark.parametrize(
    ("names", "common_name", "host", "found"),
    [
        (["*.csms.example"], "", "one.csms.example", "*.csms.example"),
        (["one.csms.example", "*.csms.example"], "", "one.csms.example", "*.csms.example"),
        (["csms.example", "*.csms.example"], "", "csms.example", ""),
        (["*.CSMS.example."], "", "one.csms.EXAMPLE", "*.CSMS.example."),
        (["o*.csms.example"], "", "one.csms.example", "o*.csms.example"),
        (["*.example"], "", "one.csms.example", ""),
        ([], "*.csms.example", "one.csms.example", "*.csms.example"),
        (["one.csms.example"], "*.csms.example", "one.csms.example", "*.csms.example"),
        (["one.csms.example"], "*.other.example", "one.csms.example", ""),
        ([], "", "one.csms.example", ""),
    ],
)
def test_which_name_of_a_certificate_stands_for_a_host_by_a_star(names: list[str], common_name: str, host: str, found: str) -> None:
    """Else a wildcard slips through in another spelling, or a certificate for the very name is refused for a second one."""
    certificate = {"subjectAltName": [("DNS", name) for name in names], "subject": ((("commonName", common_name),),) if common_name else ()}
    assert find_wildcard_name(certificate, host) == found


@pytest.mark.parametrize(
    ("reason", "library", "expected"),
    [
        ("BAD_SIGNATURE", "SSL", reasons.TLS_CERTIFICATE),
        ("NESTED_ASN1_ERROR", "ASN1", reasons.TLS_CERTIFICATE),
        ("DH_KEY_TOO_SMALL", "SSL", reasons.TLS_CIPHER),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "SSL", reasons.TLS_CIPHER),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSL", reasons.TLS),
        ("UNEXPECTED_EOF_WHILE_READING", "SSL", reasons.TLS),
        ("", "", reasons.TLS),
    ],
)
def test_every_way_to_fail_has_its_word(reason: str, library: str, expected: str) -> None:
    """Else what no test server does is filed under another event."""
    error = ssl.SSLError(1, "whatever")
    error.reason, error.library = reason, library
    assert classify_tls_error(error)[0] == expected
    assert classify_tls_error(error)[1]
