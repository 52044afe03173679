"""The certificates that are installed.

Law: stored is what was judged when it came; nothing here reads a certificate, so every replay trusts the same ones.
"""

from __future__ import annotations

import attrs

from engine.machine import Folds, Part, State, Station, state
from machines.certificates.facts import Certificate, CertificateDeleted, CertificateInstalled

CSMS_ROOT, MANUFACTURER_ROOT = "CSMSRootCertificate", "ManufacturerRootCertificate"
ROOT_USES = (CSMS_ROOT, MANUFACTURER_ROOT)
"""The roots that an operator may provision, in OCPP's words (InstallCertificateUseEnumType)."""


@state(436)
class Certificates(State):
    """Those that are installed, by use and fingerprint, the oldest first."""

    installed: dict[tuple[str, str], Certificate] = attrs.field(factory=dict)


CERTIFICATES = Part("certificates", Certificates)


def fold_installed(here: Certificates, fact: CertificateInstalled) -> None:
    """Keep it."""
    here.installed[fact.certificate.use, fact.certificate.fingerprint] = fact.certificate


def fold_deleted(here: Certificates, fact: CertificateDeleted) -> None:
    """Let it go."""
    here.installed.pop((fact.use, fact.fingerprint), None)


FOLDS: Folds[Certificates] = {CertificateInstalled: fold_installed, CertificateDeleted: fold_deleted}


def installed(station: Station, use: str) -> tuple[str, ...]:
    """The PEM text of every certificate that is installed for *use*."""
    return tuple([one.certificate for one in station[CERTIFICATES].installed.values() if one.use == use])
