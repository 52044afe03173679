"""What is taken for a root, and what a link then trusts."""

from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.certificates import FILE_MOST_BYTES, lasting, read_roots, shown, trust
from engine.errors import SetupFault
from machines.certificates.state import CSMS_ROOT, MANUFACTURER_ROOT
from tests.pki import DAY, NOW, Pair

ROOT = Pair.made("root")
BELOW = Pair.made("authority below", ROOT)
SERVER = Pair.made("server", BELOW, authority=False, host="127.0.0.1")
OLD = Pair.made("old root", first=NOW - 9 * DAY, last=NOW - DAY)
LONE = Pair.made("lone server", authority=None)


def test_a_root_is_kept_with_what_ocpp_calls_it() -> None:
    """CertificateHashDataType: if this failed, a CSMS could never name a root that was provisioned here."""
    (found,) = read_roots(f"subject=/CN=root\n{ROOT.pem}\n# the end\n", MANUFACTURER_ROOT, NOW)
    key = ROOT.certificate.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert (found.use, found.certificate, found.hash_algorithm) == (MANUFACTURER_ROOT, ROOT.pem, "SHA256")
    assert found.issuer_name_hash == sha256(ROOT.certificate.subject.public_bytes()).hexdigest()
    assert found.issuer_key_hash == sha256(key).hexdigest()
    assert found.serial_number == f"{ROOT.certificate.serial_number:x}"
    assert found.fingerprint == sha256(ROOT.certificate.public_bytes(Encoding.DER)).hexdigest() == ROOT.fingerprint


def test_an_authority_below_a_root_is_known_by_who_signed_it() -> None:
    """In the same file, or installed before."""
    below, root = read_roots(BELOW.pem + ROOT.pem, CSMS_ROOT, NOW)
    assert below.issuer_name_hash == root.issuer_name_hash
    assert below.issuer_key_hash == root.issuer_key_hash
    assert read_roots(BELOW.pem, CSMS_ROOT, NOW, [ROOT.pem]) == (below,)


def test_who_signed_oneself_is_a_root_without_saying_so() -> None:
    """Small CSMSs have no authority."""
    assert [one.fingerprint for one in read_roots(LONE.pem, CSMS_ROOT, NOW)] == [LONE.fingerprint]


def test_an_old_root_is_taken_though_nobody_checks_its_signature_any_more() -> None:
    """Half of the roots of the internet have one of SHA-1: if this failed, the CSMSs below them could not be provisioned."""
    known, unknown = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a8648ce3d040307")
    old = ROOT.certificate.public_bytes(Encoding.DER).replace(known, unknown)
    pem = f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(old).decode()}-----END CERTIFICATE-----\n"
    (found,) = read_roots(pem, CSMS_ROOT, NOW)
    assert found.fingerprint == sha256(old).hexdigest()
    assert len(trust((found.certificate,)).get_ca_certs()) == 1


DER = base64.b64decode("".join(ROOT.pem.splitlines()[1:-1])).decode("utf-8", "replace")
BENT = "\n".join([*ROOT.pem.splitlines()[:3], "A" * 64, *ROOT.pem.splitlines()[4:]])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no certificate in it; right would be PEM"),
        (DER, "there is no certificate in it; right would be PEM, a text with -----BEGIN CERTIFICATE----- in it (openssl x509 -inform DER"),
        (ROOT.key_pem, "there is a private key in it"),
        (ROOT.pem + ROOT.key_pem, "there is a private key in it"),
        (ROOT.key_pem.replace("PRIVATE", "ENCRYPTED PRIVATE"), "there is a private key in it"),
        (ROOT.pem[:-20], "a certificate in it does not end with -----END CERTIFICATE-----; is the file whole?"),
        ("-----BEGIN CERTIFICATE-----\nhello\n-----END CERTIFICATE-----", "certificate 1: cannot be read (ValueError); is the file damaged?"),
        (f"-----BEGIN CERTIFICATE-----\n{'A' * 10_001}\n-----END CERTIFICATE-----", "certificate 1: has 10056 characters; OCPP transports 10000"),
        ("x" * (FILE_MOST_BYTES + 1), "it has more than 524288 characters"),
        (SERVER.pem, "certificate 1, CN=server: is the certificate of a server or a client and no authority's; give the root that signed it"),
        (BELOW.pem, "certificate 1, CN=authority below: was signed by CN=root, which is neither in the file nor installed; give that one, or both"),
        (ROOT.pem + OLD.pem, f"certificate 2, CN=old root: expired on {OLD.certificate.not_valid_after_utc:%Y-%m-%d}, and this machine's clock says"),
        (ROOT.pem + ROOT.pem, "certificate 2, CN=root: stands in it twice; give it once"),
    ],
)
def test_what_is_no_root_is_told_what_would_be(text: str, why: str) -> None:
    """If this failed, a station would be sent out with a file that opens no connection, or with somebody's key."""
    with pytest.raises(SetupFault) as raised:
        read_roots(text, CSMS_ROOT, NOW)
    assert str(raised.value).startswith(why)
    assert len(str(raised.value).splitlines()) == 1


def test_everything_that_is_wrong_is_said_at_once() -> None:
    """If this failed, a bundle would be mended one certificate at a time."""
    with pytest.raises(SetupFault) as raised:
        read_roots(SERVER.pem + ROOT.pem + OLD.pem, CSMS_ROOT, NOW)
    first, second = str(raised.value).splitlines()
    assert first.startswith("certificate 1, CN=server: ")
    assert second.startswith("certificate 3, CN=old root: ")


def test_a_root_whose_signature_is_wrong() -> None:
    """Somebody changed it."""
    forged = Pair.made("root", Pair.made("root"))
    with pytest.raises(SetupFault, match="says that it signed itself, and its signature is wrong"):
        read_roots(forged.pem, CSMS_ROOT, NOW)
    with pytest.raises(SetupFault, match=r"certificate 1: cannot be read|signature is wrong"):
        read_roots(BENT, CSMS_ROOT, NOW)


def test_a_use_that_is_none() -> None:
    """OCPP has more of them, for certificates of others."""
    with pytest.raises(SetupFault, match="use: 'V2GRootCertificate' is not one of CSMSRootCertificate, ManufacturerRootCertificate"):
        read_roots(ROOT.pem, "V2GRootCertificate", NOW)


def test_how_long_it_lasts_is_said() -> None:
    """If this failed, nobody would see that a root has run out, or that the clock of a station is wrong."""
    about = shown(ROOT.pem)
    assert (about.subject, about.issuer) == ("CN=root", "CN=root")
    span = f"valid {NOW - DAY:%Y-%m-%d} to {NOW + 365 * DAY:%Y-%m-%d}"
    assert lasting(about, NOW) == span
    assert lasting(about, NOW + 400 * DAY) == f"{span}, EXPIRED"
    assert lasting(about, datetime(1970, 1, 1, tzinfo=UTC)) == f"{span}, not yet by this machine's clock"


def test_a_link_trusts_what_is_installed_and_nothing_else() -> None:
    """If this failed, any authority of the internet could stand for the CSMS."""
    context = trust((ROOT.pem, OLD.pem))
    assert sorted(str(one["subject"]) for one in context.get_ca_certs()) == ["((('commonName', 'old root'),),)", "((('commonName', 'root'),),)"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    system = trust(())
    assert (system.verify_mode, system.check_hostname, system.minimum_version) == (ssl.CERT_REQUIRED, True, ssl.TLSVersion.TLSv1_2)
