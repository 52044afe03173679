"""Install what an operator provisions, and delete it again.

Law: several certificates that are given together are installed together, or none of them is.
"""

from __future__ import annotations

from engine.machine import Conclusions, Context, Machine, Station
from machines.certificates.facts import CertificateDeleted, CertificateInstalled, CertificateRefused
from machines.certificates.state import CERTIFICATES, FOLDS
from machines.device_model.state import DEVICE_MODEL
from machines.device_model.views import Variable
from machines.inputs import RootsDropped, RootsGiven

ENTRIES = Variable("SecurityCtrlr", "CertificateEntries", "0")
"""How many certificates are installed; its maxLimit is how many there is room for."""

CAUSE_ADDED, CAUSE_REMOVED = "config roots add", "config roots remove"

ENTRIES_MOST = 100
"""Where the component files set no limit."""


def on_given(station: Station, given: RootsGiven, cx: Context) -> Conclusions:  # noqa: ARG001
    """Install those that are not installed yet; it is refused where that would be none, or too many."""
    here = station[CERTIFICATES].installed
    new = [one for one in given.certificates if (one.use, one.fingerprint) not in here]
    declared = station[DEVICE_MODEL].declared.get(ENTRIES.key)
    most = int(declared.max_limit) if declared is not None and declared.max_limit.isdecimal() else ENTRIES_MOST
    if not new:
        yield CertificateRefused(fingerprint=given.certificates[0].fingerprint, reason="it is installed already")
    elif len(here) + len(new) > most:
        yield CertificateRefused(
            fingerprint=new[0].fingerprint,
            reason=f"{len(here)} certificates are installed, and there is room for {most} (SecurityCtrlr.CertificateEntries); remove one first",
        )
    else:
        for one in new:
            yield CertificateInstalled(certificate=one, cause=CAUSE_ADDED)


def on_dropped(station: Station, dropped: RootsDropped, cx: Context) -> Conclusions:  # noqa: ARG001
    """Delete one, for every use that it has."""
    found = [one for one in station[CERTIFICATES].installed.values() if one.fingerprint == dropped.fingerprint]
    if not found:
        yield CertificateRefused(fingerprint=dropped.fingerprint, reason="it is not installed")
    for one in found:
        yield CertificateDeleted(use=one.use, fingerprint=one.fingerprint, cause=CAUSE_REMOVED)


MACHINE = Machine(CERTIFICATES, folds=FOLDS, hears={RootsGiven: on_given, RootsDropped: on_dropped})
