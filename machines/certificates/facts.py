"""What can be true of the certificates that are installed."""

from __future__ import annotations

from engine.event import Fact, Value
from engine.records import record


@record(430)
class Certificate(Value):
    """A certificate as it is installed; whoever read it has judged it.

    *use* is OCPP's word (``CSMSRootCertificate``, ``ManufacturerRootCertificate``), *certificate* one PEM block.  The next four are OCPP's
    CertificateHashDataType (Part 2), by which a CSMS names it.  *fingerprint* is the SHA-256 of its DER form in hexadecimal, by which people do.
    """

    use: str
    certificate: str
    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str
    fingerprint: str


@record(433)
class CertificateInstalled(Fact):
    """It is trusted from now on, for its use; *cause* is what that was wanted with."""

    certificate: Certificate
    cause: str


@record(434)
class CertificateDeleted(Fact):
    """It is trusted no longer."""

    use: str
    fingerprint: str
    cause: str


@record(435)
class CertificateRefused(Fact):
    """It cannot be installed or deleted, and why."""

    fingerprint: str
    reason: str
