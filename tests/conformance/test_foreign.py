"""The cases at a station that is not ours: it passes what it can, and every fault that is planted into it is found.

Law: the station speaks over a real WebSocket and is worked over HTTP, as anybody's would be.
"""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import conformance.cases  # noqa: F401 (they register themselves)
from component_config.schemas import installed_schemas
from conformance.catalogue import features_of
from conformance.run import chosen
from conformance.trial import Settings
from conformance.verdict import Result, Verdict
from stationd.conform_wire import foreign, run_wire, tls
from stationd.csms import FriendlyCsms
from stationd.hands import HookHands
from tests.conformance.foreign import FAULTS, MANNERS, OWN_PROCESS, START, Foreign

FAULTY_S = 2.0
"""How long a station that is wrong has for what it will not do: less than LATE_S, and many times what it needs for what it does right."""
SETTINGS = Settings(meter_interval_s=2)
SCHEMAS = installed_schemas()

FEATURES = {
    **dict.fromkeys(features_of(None), "no"),
    **dict.fromkeys(("AQ-9", "C-09.1", "C-09.2", "C-09.4", "C-10.1", "C-10.2", "C-30", "C-36", "C-48.1", "C-48.2", "C-51", "C-52", "HFS-2"), "yes"),
    "HFS-8": "2",
}
"""What the other station says that it has."""

VARIABLES, CHARGE, LEAVE, REFUSED, NOT_ITS = "TC_B_06_CS", "TC_E_03_CS", "TC_E_06_CS", "TC_C_02_CS", "TC_E_02_CS"
RETRIED, MEASURED = "TC_E_51_CS", "TC_J_09_CS"
PLUGGED, FREE, FROM_AFAR, UNASKED, STOPPED_FROM_AFAR, STOP_OF_NOTHING = (
    "TC_G_01_CS",
    "TC_G_02_CS",
    "TC_F_01_CS",
    "TC_F_03_CS",
    "TC_F_08_CS",
    "TC_F_09_CS",
)

FOUND_BY = {
    # fault: the case that finds it, and what it says of it
    "seq-gap": (CHARGE, "seqNo"),
    "no-ended": (LEAVE, "triggerReason ChargingStateChanged"),
    "started-twice": (CHARGE, "eventType"),
    "set-not-kept": (VARIABLES, "attributeValue"),
    "attribute-type": (VARIABLES, "attributeType"),
    "no-status": (VARIABLES, "StatusNotificationRequest after a start"),
    "no-available": (LEAVE, "StatusNotificationRequest of EVSE 1"),
    "no-authorize": (CHARGE, "AuthorizeRequest"),
    "no-evse": ("TC_E_01_CS", "evse"),
    "wrong-trigger": (LEAVE, "StopAuthorized"),
    "wrong-card": (CHARGE, "idToken"),
    "takes-any-card": (REFUSED, "TransactionEventRequest"),
    "answers-twice": (VARIABLES, "frame"),
    "answers-late": (VARIABLES, "SetVariablesResponse"),
    "early-heartbeat": (VARIABLES, "before it is accepted"),
    "schema": (CHARGE, "a payload that keeps its schema"),
    "same-id": (VARIABLES, "a message id of its own"),
    "gone-offline": (VARIABLES, "SetVariablesResponse: expected an answer within 30 s, got none; the station has no link"),
    "garbles": (VARIABLES, "frame: expected a CALL, or an answer to what was asked, got no JSON"),
    "no-text": (VARIABLES, "got it sent a text that is no UTF-8"),
    "charges-at-once": ("TC_E_09_CS", "chargingState when the cable is plugged in"),
    "late-event": (CHARGE, "TransactionEventRequest"),
    "wrong-order": (CHARGE, "eventType of a later event"),
    "clock-runs-back": (CHARGE, "timestamp of an event"),
    "no-zone": (CHARGE, "a date-time as RFC 3339 has it"),
    "goes-on": (LEAVE, "what follows the end of a transaction"),
    "gives-up": (RETRIED, "attempt 2 of a TransactionEventRequest"),
    "tries-at-once": (RETRIED, "seconds before attempt 2"),
    "asks-anyway": (UNASKED, "AuthorizeRequests while AuthorizeRemoteStart is false"),
    "no-remote-start": (FROM_AFAR, "RemoteStart"),
    "stops-anything": (STOP_OF_NOTHING, "status of RequestStopTransactionResponse"),
    "slow-meter": (MEASURED, "MeterValuePeriodic"),
    "other-measurand": (MEASURED, "measurands that"),
    "never-free": (PLUGGED, "status of connector 1 of EVSE 2"),
    "no-startup": (PLUGGED, "SecurityEventNotificationRequest"),
}


async def tried(fault: str, *case_ids: str, power_cycle: bool = True, manner: str = "") -> tuple[list[Result], dict[tuple[str, str], str]]:
    """The cases at a station with a fault, and the values of its variables afterwards."""
    csms = FriendlyCsms(port=0, versions=("2.0.1",), check=False)
    await csms.start()
    async with Foreign(csms.url, fault, manner=manner) as station:
        try:
            make = foreign(csms, HookHands(station.hook), SETTINGS, power_cycle=power_cycle)
            if fault:
                make.patience_s = FAULTY_S
            return await run_wire(chosen(case_ids=case_ids), make, SETTINGS, SCHEMAS, features=FEATURES), station.values
        finally:
            await csms.stop()


def test_a_station_that_is_right_passes() -> None:
    """If this failed, a case would blame a station for what it does well, or for being another one than ours."""
    parts = (
        (VARIABLES, CHARGE, LEAVE, NOT_ITS),
        (REFUSED, PLUGGED, FREE, FROM_AFAR, UNASKED),
        (STOPPED_FROM_AFAR, STOP_OF_NOTHING),
        (RETRIED,),
        (MEASURED,),
    )

    async def stations() -> list[Result]:
        found = await asyncio.gather(*(tried("", *case_ids) for case_ids in parts))
        return [one for results, _ in found for one in results]

    results = {one.case_id: one for one in asyncio.run(stations())}

    assert results.pop(NOT_ITS).verdict is Verdict.NOT_APPLICABLE
    assert {case_id: one.note for case_id, one in results.items() if one.verdict is not Verdict.PASS} == {}
    assert len(results) == 12


def test_a_station_that_is_right_in_another_way_passes() -> None:
    """If this failed, the cases would blame a station for what is left open: the order of events, their first number, how a connector is told."""

    async def all_of_them() -> list[Result]:
        found = await asyncio.gather(*(tried("", CHARGE, LEAVE, FREE, FROM_AFAR, manner=manner) for manner in MANNERS))
        return [one for results, _ in found for one in results]

    results = asyncio.run(all_of_them())

    assert [(one.case_id, one.note) for one in results if one.verdict is not Verdict.PASS] == []
    assert len(results) == 4 * len(MANNERS)


def test_a_station_whose_power_nobody_cuts_is_asked_to_speak() -> None:
    """If this failed, a station without a switch could not be tried, or a case would leave its settings behind for the next one."""
    results, values = asyncio.run(tried("", VARIABLES, CHARGE, power_cycle=False))

    assert [(one.verdict, one.note) for one in results] == [(Verdict.PASS, "")] * 2
    assert "power cycle" not in [line.name for one in results for line in one.trace]
    assert "SetVariables" in [line.name for line in results[0].trace]
    assert values == START


def test_every_fault_is_found() -> None:
    """If this failed, a case would pass a station that is wrong."""

    async def all_of_them() -> dict[str, Result]:
        found = await asyncio.gather(*(tried(fault, FOUND_BY[fault][0]) for fault in FOUND_BY))
        return {fault: one for fault, ((one,), _) in zip(FOUND_BY, found, strict=True)}

    assert FOUND_BY.keys() | OWN_PROCESS == FAULTS.keys()
    results = asyncio.run(all_of_them())

    assert {fault: one.note for fault, one in results.items() if one.verdict is not Verdict.FAIL} == {}
    assert {fault: one.note for fault, one in results.items() if FOUND_BY[fault][1] not in one.note} == {}


def usage(*, signs: bool) -> x509.KeyUsage:
    """What a key is for: signing certificates, or a link."""
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def certificates(directory: Path) -> None:
    """A root, and a certificate that it has signed for a CSMS and for a station: ``root.pem``, ``csms.pem``, ``station.pem``, keys behind."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a root")])
    for number, (name, key) in enumerate({"root": root_key, "csms": None, "station": None}.items(), 1):
        own = key or ec.generate_private_key(ec.SECP256R1())
        subject = root if key else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root)
            .public_key(own.public_key())
            .serial_number(number)
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca=key is not None, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            # Without these a strict client, as Python's is from 3.13 on, refuses the chain (RFC 5280).
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
            .add_extension(usage(signs=key is not None), critical=True)
            .sign(root_key, hashes.SHA256())
        )
        secret = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (directory / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)


@pytest.mark.parametrize("profile", [2, 3])
def test_a_station_that_speaks_tls_is_tried(tmp_path: Path, profile: int) -> None:
    """If this failed, a station of security profile 2 or 3 could not be tried, or anybody could dial with 3."""
    certificates(tmp_path)
    root, ours, theirs = (tmp_path / f"{name}.pem" for name in ("root", "csms", "station"))
    trusting = ssl.create_default_context(cafile=str(root))
    known = ssl.create_default_context(cafile=str(root))
    known.load_cert_chain(theirs)

    async def dials(context: ssl.SSLContext, *, welcome: bool) -> tuple[Verdict, str]:
        csms = FriendlyCsms(port=0, versions=("2.0.1",), check=False, ssl_context=tls(ours, None, root if profile == 3 else None))
        await csms.start()
        async with Foreign(csms.url, tls=context) as station:
            make = foreign(csms, HookHands(station.hook), Settings())
            if not welcome:
                make.patience_s = 0.5
            (result,) = await run_wire(chosen(case_ids=[VARIABLES]), make, Settings(), SCHEMAS, features=FEATURES)
            return result.verdict, result.note

    assert asyncio.run(dials(known, welcome=True)) == (Verdict.PASS, "")
    assert asyncio.run(dials(trusting, welcome=profile == 2))[0] is (Verdict.PASS if profile == 2 else Verdict.ERROR)


def test_a_fault_that_is_none_is_refused() -> None:
    """If this failed, a misspelt fault would be a station that is right."""
    with pytest.raises(ValueError, match="must be one of"):
        Foreign("ws://csms.invalid", "no-such-thing")
