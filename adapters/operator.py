"""What a person at the station sets or provisions: from a text to an input, secrets sealed, and from what was concluded to an answer.

Law: a value is sealed by the door through which the CSMS's values come in, before an input is made of it; no answer says a secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from adapters.certificates import FINGERPRINT_DIGITS, lasting, read_roots, shown
from engine.errors import SetupFault
from engine.event import Fact
from engine.kernel import Faulted
from engine.machine import Station
from machines.certificates.facts import Certificate, CertificateDeleted, CertificateInstalled, CertificateRefused
from machines.certificates.state import CERTIFICATES
from machines.device_model.facts import SettingRefused, VariableCleared, VariableSet
from machines.device_model.state import DEVICE_MODEL, NOTHING, DeviceModel, Key, key_in
from machines.inputs import OperatorReset, OperatorSet, RootsDropped, RootsGiven
from replay.address import address
from replay.settings import FILE, file_layer, name_of, said, undeclared
from replay.text import clean, unsealed
from wire import jsontext
from wire.declared import Declared
from wire.sealing import Keep, Secrets, seal, secrets_of


def sealed(declared: Declared, value: str, keep: Keep, secrets: Secrets) -> str:
    """*value* as a value of the variable *declared*, its secrets and persons in the vault; *secrets*: what the files make secret."""
    component, variable = {"name": declared.component}, {"name": declared.variable}
    payload = {"setVariableData": [{"attributeValue": value, "component": component, "variable": variable}]}
    found: str = jsontext.decode(seal("SetVariables", jsontext.encode(payload), keep, secrets))["setVariableData"][0]["attributeValue"]
    return found


def asked_to_set(station: Station, text: str, value: str, keep: Keep, *, hold: bool) -> OperatorSet:
    """The input for setting the variable that *text* names.  Raises SetupFault where no file declares it.

    What is held stays held: only :func:`asked_to_release` lets go.
    """
    model = station[DEVICE_MODEL]
    key, declared = _declared(model, text)
    stored = sealed(declared, value, keep, secrets_of(model.declared.values()))
    return _set(declared, stored, hold=hold or model.layers.get(key, NOTHING).hold)


def asked_to_release(station: Station, text: str) -> OperatorSet:
    """The input for letting the CSMS change what the operator holds.  Raises SetupFault where nothing is held."""
    model = station[DEVICE_MODEL]
    key, declared = _declared(model, text)
    layers = model.layers.get(key, NOTHING)
    if not layers.hold or layers.operator is None:
        raise SetupFault(f"{name_of(model, key)}: nobody holds it; the CSMS may change it as its mutability says", 1)
    return _set(declared, layers.operator, hold=False)


def asked_to_reset(station: Station, text: str) -> OperatorReset:
    """The input for having the file's value back.  Raises SetupFault where there is neither a file's value nor one that was kept aside."""
    model = station[DEVICE_MODEL]
    key = address(text)
    declared = model.declared.get(key)
    if declared is None:
        if key not in model.buried:
            raise SetupFault(undeclared(model, key, text))
        component, component_instance, evse_id, connector_id, variable, variable_instance, attribute = key
        return OperatorReset(
            component=component,
            variable=variable,
            component_instance=component_instance,
            variable_instance=variable_instance,
            evse_id=evse_id,
            connector_id=connector_id,
            attribute=attribute,
        )
    return OperatorReset(
        component=declared.component,
        variable=declared.variable,
        component_instance=declared.component_instance,
        variable_instance=declared.variable_instance,
        evse_id=declared.evse_id,
        connector_id=declared.connector_id,
        attribute=declared.attribute,
    )


def _declared(model: DeviceModel, text: str) -> tuple[Key, Declared]:
    key = address(text)
    declared = model.declared.get(key)
    if declared is None:
        raise SetupFault(undeclared(model, key, text))
    return key, declared


def _set(declared: Declared, value: str, *, hold: bool) -> OperatorSet:
    return OperatorSet(
        component=declared.component,
        variable=declared.variable,
        value=value,
        component_instance=declared.component_instance,
        variable_instance=declared.variable_instance,
        evse_id=declared.evse_id,
        connector_id=declared.connector_id,
        attribute=declared.attribute,
        hold=hold,
    )


def outcome(station: Station, text: str, facts: Iterable[Fact]) -> dict[str, Any]:
    """The answer: what is in force in *station* for the variable that *text* names, and which of the *facts* made it so.

    Raises SetupFault where the machines refused.
    """
    model = station[DEVICE_MODEL]
    key = address(text)
    name = name_of(model, key)
    done = []
    for fact in facts:
        match fact:
            case SettingRefused():
                raise SetupFault(f"{name}: {fact.reason}", 1)
            case Faulted():
                raise SetupFault(f"{name}: this build cannot decide it ({fact.error}); nothing was changed", 1)
            case VariableSet() | VariableCleared() if key_in(fact) == key:
                done.append(f"{fact.source}: {said(fact)}")
            case _:
                continue
    declared = model.declared.get(key)
    if declared is not None and not declared.honoured:
        done.append("note: nothing in this station acts on it yet")
    layer = next((layer for layer, _ in model.layers.get(key, NOTHING).held()), file_layer(declared) if declared is not None else FILE)
    return {"address": name, "value": unsealed(model.text(key) or ""), "layer": layer, "changes": done}


# Roots


PREFIX_DIGITS_LEAST = 4


def asked_to_add(station: Station, pem: str, use: str) -> RootsGiven:
    """The input for trusting the certificates in *pem*.  Raises SetupFault with everything that is wrong with them."""
    known = [one.certificate for one in station[CERTIFICATES].installed.values()]
    return RootsGiven(certificates=read_roots(pem, use, datetime.now(UTC), known))


def asked_to_remove(station: Station, prefix: str) -> RootsDropped:
    """The input for trusting no longer what has a fingerprint that begins with *prefix*.  Raises SetupFault where that is none, or several."""
    digits = prefix.casefold().replace(":", "")
    if len(digits) < PREFIX_DIGITS_LEAST or digits.strip("0123456789abcdef"):
        raise SetupFault(f"{clean(prefix)}: right would be the first {PREFIX_DIGITS_LEAST} or more digits of a hash, as config roots list shows them")
    found = sorted({one.fingerprint for one in station[CERTIFICATES].installed.values() if one.fingerprint.startswith(digits)})
    if not found:
        raise SetupFault(f"{digits}: no root that is installed has a hash that begins so; config roots list shows them", 1)
    if len(found) > 1:
        raise SetupFault(f"{digits}: {len(found)} roots have a hash that begins so; give more digits of one, as config roots list --json has them", 1)
    return RootsDropped(fingerprint=found[0])


def trusted(facts: Iterable[Fact]) -> dict[str, Any]:
    """The answer: what was installed and deleted.  Raises SetupFault where the machines refused."""
    done = []
    for fact in facts:
        match fact:
            case CertificateRefused():
                raise SetupFault(f"{fact.fingerprint[:FINGERPRINT_DIGITS]}: {fact.reason}", 1)
            case Faulted():
                raise SetupFault(f"this build cannot decide it ({fact.error}); nothing was changed", 1)
            case CertificateInstalled():
                done.append(f"installed: {described(fact.certificate)}")
            case CertificateDeleted():
                done.append(f"deleted: {fact.fingerprint[:FINGERPRINT_DIGITS]} {fact.use}")
            case _:
                continue
    return {"changes": done}


def described(one: Certificate) -> str:
    """A certificate in a line."""
    about = shown(one.certificate)
    return f"{one.fingerprint[:FINGERPRINT_DIGITS]} {one.use}, {about.subject}, {lasting(about, datetime.now(UTC))}"
