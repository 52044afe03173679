"""Certificates: from a PEM text to what the journal keeps of it, and from there to what a TLS link trusts.

Law: a certificate is judged once, here, when it is given, and the verdict is part of the input; a private key is not looked at.
"""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.errors import SetupFault
from machines.certificates.facts import Certificate
from machines.certificates.state import ROOT_USES
from machines.connection import reasons

if TYPE_CHECKING:
    from cryptography import x509

PEM_MOST_CHARS = 10_000
"""What OCPP transports of one (2.1, InstallCertificateRequest)."""

FILE_MOST_BYTES = 1 << 19
"""More than any bundle has room for that a station may hold, and fits into one line of the control socket."""

NAME_MOST_CHARS = 120
"""How much of a distinguished name people are shown."""

BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
KEY_MARK = "PRIVATE KEY-----"

FINGERPRINT_DIGITS = 16
"""How much of a fingerprint people are shown."""

CIPHERS = "@SECLEVEL=2:ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:ECDHE+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM"
"""Cipher suites of TLS 1.2 that a link may use: forward secrecy and no primitive of legacy use (A00.FR.319, A00.FR.320); those of TLS 1.3 all are so.

Named here, as the default differs between builds of Python.
"""

NOT_TRUSTED = "the server's certificate is not trusted"
"""How the detail of a ``tls certificate`` begins where that is what is wrong."""

HANDSHAKE_FAILURE = "SSLV3_ALERT_HANDSHAKE_FAILURE"
CERTIFICATE_WANTED = "TLSV13_ALERT_CERTIFICATE_REQUIRED"

VERSION_FAILURES = frozenset({"UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "WRONG_SSL_VERSION", "VERSION_TOO_LOW"})
"""What OpenSSL calls it that the server has no TLS version from 1.2 on.  WRONG_VERSION_NUMBER is a server that does not speak TLS at all."""

CIPHER_FAILURES = frozenset(
    {HANDSHAKE_FAILURE, "TLSV1_ALERT_INSUFFICIENT_SECURITY", "UNKNOWN_CIPHER_RETURNED", "WRONG_CIPHER_RETURNED", "DH_KEY_TOO_SMALL"}
)
CERTIFICATE_FAILURES = frozenset({"BAD_SIGNATURE", "WRONG_CERTIFICATE_TYPE", "WRONG_SIGNATURE_TYPE"})
CERTIFICATE_LIBRARIES = frozenset({"ASN1", "X509"})
_INNER_LIBRARY = r"\] (\w+) lib\b"
"""How Python shows an error without a reason of its own: ``[SSL] ASN1 lib (_ssl.c:1006)``."""


class Handshake(ssl.SSLObject):
    """A TLS handshake that tells a server without a common cipher suite from one that ends it later, mostly for a certificate of ours."""

    def do_handshake(self) -> None:
        """Go on with the handshake.  Raises ssl.SSLError."""
        try:
            super().do_handshake()
        except ssl.SSLError as error:
            if error.reason == HANDSHAKE_FAILURE and self.cipher() is not None:
                # Before TLS 1.3 the alert is the same.
                error.reason = CERTIFICATE_WANTED
            raise


def classify_tls_error(error: ssl.SSLError) -> tuple[str, str]:
    """Why a handshake failed: a word of ``machines.connection.reasons``, and what is wrong, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return reasons.TLS_CERTIFICATE, f"{NOT_TRUSTED}: {error.verify_message.rstrip('.')}"
    found = error.reason or ""
    inner = re.search(_INNER_LIBRARY, str(error)) if not found else None
    said = found.replace("_", " ").lower() or "the TLS handshake failed"
    if found == CERTIFICATE_WANTED:
        return reasons.TLS, "the server wants a client certificate (security profile 3), and this station has none"
    if found in VERSION_FAILURES:
        return reasons.TLS_VERSION, f"the server has no TLS version from 1.2 on: {said}"
    if found in CIPHER_FAILURES:
        return reasons.TLS_CIPHER, f"the server has no cipher suite that this station allows: {said}"
    if found in CERTIFICATE_FAILURES or (inner[1] if inner else error.library) in CERTIFICATE_LIBRARIES:
        return reasons.TLS_CERTIFICATE, f"the server's certificate is not valid: {said if found else 'it cannot be read'}"
    return reasons.TLS, said


def find_wildcard_name(certificate: Mapping[str, Any], host: str) -> str:
    """The wildcard name in a server's certificate that stands for *host*; empty where it has none, or only some for other hosts.

    *certificate* is what ``ssl.SSLSocket.getpeercert`` gives.  A name with a star counts even where the exact name stands beside it: whoever holds
    such a key can be every host of the domain.
    """
    names = [str(name) for kind, name in certificate.get("subjectAltName", ()) if kind == "DNS"]
    names += [str(name) for part in certificate.get("subject", ()) for kind, name in part if kind == "commonName"]
    for name in names:
        pattern = re.escape(name.rstrip(".")).replace(r"\*", "[^.]*")
        if "*" in name and re.fullmatch(pattern, host.rstrip("."), re.IGNORECASE):
            return name
    return ""


def trust(roots: Sequence[str]) -> ssl.SSLContext:
    """What a link trusts: exactly *roots*, PEM texts, where there are any, else the operating system's; TLS 1.2 at least, host name checked.

    What is installed is trusted even where another authority signed it: whoever installed it said so.
    """
    if roots:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata="\n".join(roots))
    else:
        context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.sslobject_class = Handshake
    return context


def read_roots(text: str, use: str, now: datetime, known: Sequence[str] = ()) -> tuple[Certificate, ...]:
    """The certificates in a PEM text, as roots for *use*.

    *known* are PEM texts of certificates that are installed: one of them may have signed one of these.

    Raises:
        SetupFault: With everything that is wrong, a line each; then none of them is to be installed.
    """
    if use not in ROOT_USES:
        raise SetupFault(f"use: {use!a} is not one of {', '.join(ROOT_USES)}")
    found = [_parsed(block, number) for number, block in enumerate(blocks(text), 1)]
    known_ones = [_parsed(pem, 0) for pem in known]
    wrong: list[str] = []
    given: list[Certificate] = []
    for number, one in enumerate(found, 1):
        try:
            given.append(_judged(one, use, now, [*found, *known_ones]))
        except SetupFault as fault:
            wrong.append(f"certificate {number}, {_name(one.subject)}: {fault}")
    prints = [one.fingerprint for one in given]
    wrong += [
        f"certificate {number}, {_name(found[number - 1].subject)}: stands in it twice; give it once"
        for number, fingerprint in enumerate(prints, 1)
        if len(prints) == len(found) and fingerprint in prints[: number - 1]
    ]
    if wrong:
        raise SetupFault("\n".join(wrong))
    return tuple(given)


class Shown(NamedTuple):
    """What people want to know of a certificate."""

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime


def shown(pem: str) -> Shown:
    """What is in an installed certificate."""
    one = _parsed(pem, 0)
    return Shown(_name(one.subject), _name(one.issuer), one.not_valid_before_utc, one.not_valid_after_utc)


def lasting(one: Shown, now: datetime) -> str:
    """From when to when a certificate is valid, in words for people."""
    text = f"valid {one.not_before:%Y-%m-%d} to {one.not_after:%Y-%m-%d}"
    if one.not_after < now:
        return f"{text}, EXPIRED"
    return f"{text}, not yet by this machine's clock" if one.not_before > now else text


def blocks(text: str) -> list[str]:
    """The certificates in *text*, a PEM block each, whatever stands around them.  Raises SetupFault where there is none, or a private key."""
    if KEY_MARK in text:
        raise SetupFault("there is a private key in it, which nobody but its owner should have; give a file with certificates only")
    if len(text) > FILE_MOST_BYTES:
        raise SetupFault(f"it has more than {FILE_MOST_BYTES} characters; give the roots that the CSMS needs, and not all there are")
    found = []
    for part in text.split(BEGIN)[1:]:
        body, end, _ = part.partition(END)
        if not end:
            raise SetupFault(f"a certificate in it does not end with {END}; is the file whole?")
        found.append(f"{BEGIN}{body}{END}\n")
    if not found:
        raise SetupFault(f"there is no certificate in it; right would be PEM, a text with {BEGIN} in it (openssl x509 -inform DER makes one)")
    return found


def _parsed(pem: str, number: int) -> x509.Certificate:
    from cryptography import x509  # slow to import, and seldom needed

    if len(pem) > PEM_MOST_CHARS:
        raise SetupFault(f"certificate {number}: has {len(pem)} characters; OCPP transports {PEM_MOST_CHARS} at most")
    try:
        with warnings.catch_warnings():
            # Of oddities that are no reason to refuse what all the world trusts.
            warnings.simplefilter("ignore")
            one = x509.load_pem_x509_certificate(pem.encode())
            one.extensions, one.subject, one.issuer  # noqa: B018 (parsed when they are asked for)
    except (ValueError, x509.DuplicateExtension) as error:
        raise SetupFault(f"certificate {number}: cannot be read ({type(error).__name__}); is the file damaged?") from error
    return one


def _judged(one: x509.Certificate, use: str, now: datetime, others: Sequence[x509.Certificate]) -> Certificate:
    """*one* as a root.  Raises SetupFault, without its name."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509 import ocsp

    itself = one.issuer == one.subject
    try:
        authority = one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        authority = False
    if not itself and not authority:
        raise SetupFault("is the certificate of a server or a client and no authority's; give the root that signed it")
    issuer = next((other for other in others if other.subject == one.issuer and _may_have_signed(one, other)), None)
    if issuer is None:
        if itself:
            raise SetupFault("says that it signed itself, and its signature is wrong; is it from where it should be?")
        raise SetupFault(f"was signed by {_name(one.issuer)}, which is neither in the file nor installed; give that one, or both in one file")
    if one.not_valid_after_utc < now:
        raise SetupFault(
            f"expired on {one.not_valid_after_utc:%Y-%m-%d}, and this machine's clock says {now:%Y-%m-%d}; give the one that replaced it"
        )
    # The very three hashes that OCSP, and so OCPP's CertificateHashDataType, names a certificate by.
    named = ocsp.OCSPRequestBuilder().add_certificate(one, issuer, SHA256()).build()
    return Certificate(
        use=use,
        certificate=one.public_bytes(Encoding.PEM).decode(),
        hash_algorithm="SHA256",
        issuer_name_hash=named.issuer_name_hash.hex(),
        issuer_key_hash=named.issuer_key_hash.hex(),
        serial_number=f"{named.serial_number:x}",
        fingerprint=one.fingerprint(SHA256()).hex(),
    )


def _may_have_signed(one: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether *issuer* signed *one*, as far as can be told.

    Old roots are signed with SHA-1, which nobody checks any more, and need not: what makes a root trusted is that somebody gives it.
    """
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        one.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, ValueError, TypeError):
        pass
    return True


def _name(name: x509.Name) -> str:
    """A distinguished name for people: printable, and not too long."""
    text = name.rfc4514_string() or "without a name"
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= NAME_MOST_CHARS else f"{text[:NAME_MOST_CHARS]}…"
