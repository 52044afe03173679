"""What every station has to declare, by the version of OCPP that it speaks and by what it offers (Part 2, referenced components and variables).

Invariant: a lack is a warning: the station answers that the variable is unknown, and works with what counts where nothing is declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from component_config.check import Component, Variable, lacks
from component_config.complaints import NOT_DECLARED, Complaints
from component_config.files import File
from component_config.values import split
from machines.device_model.controllers import NOT_BUILT

V201, V21 = VERSIONS = ("2.0.1", "2.1")

ALWAYS = {
    "AlignedDataCtrlr": ("Interval", "Measurands", "TxEndedInterval", "TxEndedMeasurands"),
    "AuthCtrlr": ("AuthorizeRemoteStart", "LocalAuthorizeOffline", "LocalPreAuthorize"),
    "ChargingStation": ("AvailabilityState", "Available", "SupplyPhases"),
    "ClockCtrlr": ("DateTime", "TimeSource"),
    "DeviceDataCtrlr": (
        "BytesPerMessage[GetReport]", "BytesPerMessage[GetVariables]", "BytesPerMessage[SetVariables]",
        "ItemsPerMessage[GetReport]", "ItemsPerMessage[GetVariables]", "ItemsPerMessage[SetVariables]",
    ),
    "OCPPCommCtrlr": (
        "ActiveNetworkProfile", "FileTransferProtocols", "MessageAttemptInterval[TransactionEvent]", "MessageAttempts[TransactionEvent]",
        "MessageTimeout[Default]", "NetworkConfigurationPriority", "NetworkProfileConnectionAttempts", "OfflineThreshold", "ResetRetries",
        "UnlockOnEVSideDisconnect",
    ),
    "SampledDataCtrlr": ("TxEndedInterval", "TxEndedMeasurands", "TxStartedMeasurands", "TxUpdatedInterval", "TxUpdatedMeasurands"),
    "SecurityCtrlr": ("CertificateEntries", "OrganizationName", "SecurityProfile"),
    "TxCtrlr": ("EVConnectionTimeOut", "StopTxOnEVSideDisconnect", "StopTxOnInvalidId", "TxStartPoint", "TxStopPoint"),
}  # fmt: skip
"""Of the station itself, in both versions."""


class Need(NamedTuple):
    """What each component of a name has to declare: in both versions, and beyond that in 2.1 alone.

    *when* is a variable that has to be true for it; empty: it always counts.
    """

    when: str
    both: tuple[str, ...]
    later: tuple[str, ...] = ()


PLACE = ("AvailabilityState", "Available", "SupplyPhases")
INVERTER = (
    "InverterHwVersion", "InverterManufacturer", "InverterModel", "InverterSwVersion", "MaxChargeRateVA", "MaxChargeRateW", "MaxVA",
    "MaxVar", "MaxVarNeg", "MaxW", "ModesSupported", "OverExcitedPF", "OverExcitedW", "ReactiveSusceptance", "UnderExcitedPF",
    "UnderExcitedW",
)  # fmt: skip
TERMINAL = (
    "AuthorizationAmount", "AuthorizeDirectPayment", "Connected", "Enabled", "FirmwareVersion", "ICCID", "IMSI", "Merchant[Address]",
    "Merchant[City]", "Merchant[Id]", "Merchant[Name]", "Merchant[TaxId]", "Model", "PaymentDetails", "PaymentServiceProvider", "Problem",
    "ReceiptByCSMS", "ReceiptServerUrl", "SerialNumber", "SettlementByCSMS", "TerminalID", "VendorName",
)  # fmt: skip
SLOT = (
    "ApnEnabled", "BasicAuthPassword", "MessageTimeout", "OcppCsmsUrl", "OcppInterface", "OcppTransport", "OcppVersion", "SecurityProfile",
    "VpnEnabled",
)  # fmt: skip

EACH = {
    "ACDERCtrlr": (Need("Available", (), ("ModesSupported",)),),
    "Connector": (Need("", (*PLACE, "ConnectorType")),),
    "DCDERCtrlr": (Need("Available", (), INVERTER),),
    "DisplayMessageCtrlr": (Need("Available", ("DisplayMessages", "SupportedFormats", "SupportedPriorities"), ("Language", "SupportedStates")),),
    "EVSE": (Need("", (*PLACE, "Power")),),
    "ISO15118Ctrlr": (Need("Available", ("ContractValidationOffline",)),),
    "LocalAuthListCtrlr": (Need("Available", ("BytesPerMessage", "Entries", "ItemsPerMessage")),),
    "MonitoringCtrlr": (Need("Available", ("BytesPerMessage[SetVariableMonitoring]", "ItemsPerMessage[SetVariableMonitoring]")),),
    "NetworkConfiguration": (Need("", (), SLOT),),
    "PaymentCtrlr": (Need("Available", (), TERMINAL),),
    "SmartChargingCtrlr": (
        Need("Available", ("Entries[ChargingProfiles]", "LimitChangeSignificance", "PeriodsPerSchedule", "ProfileStackLevel", "RateUnit")),
    ),
    "TariffCostCtrlr": (
        Need("Available[Tariff]", ("Currency", "TariffFallbackMessage[*]")),
        Need("Available[Cost]", ("Currency", "TotalCostFallbackMessage[*]")),
    ),
    "V2XChargingCtrlr": (Need("Available", (), ("Enabled", "SupportedEnergyTransferModes", "SupportedOperationModes")),),
    "WebPaymentsCtrlr": (Need("Available", (), ("Length", "SharedSecret", "TOTPVersion", "URLTemplate", "ValidityTime")),),
}
"""Of each component of that name, on whatever tier it stands; with ``[*]`` in any instance or none: 2.1 has one for each language."""

FOLDED_ALWAYS = {name.casefold(): name for name in ALWAYS}
FOLDED_EACH = {name.casefold(): name for name in EACH}

Components = Sequence[tuple[File, Component]]
Lack = tuple[str, str, str, str]
"""File, component.variable, what is wrong, the only version that wants it; empty: both do."""


def check(components: Components, versions: Iterable[str] | None, complaints: Complaints) -> None:
    """Complain about what is required by a version of OCPP and not declared.

    *versions* that the station speaks: None is what the files say.
    """
    spoken = _spoken(components) if versions is None else frozenset(versions)
    if components and spoken:
        for file, where, text, only in _lacks(components):
            # Of a file that could not be read all may be there; what is wrong with it is said already.
            if file not in complaints.unread and (not only or only in spoken):
                complaints.add(NOT_DECLARED, file, where, f"{text} (OCPP {' and '.join(v for v in VERSIONS if v in spoken and only in ('', v))})")


def _spoken(components: Components) -> frozenset[str]:
    """The versions in InternalCtrlr.SupportedOcppVersions; both where it names none."""
    for _, component in components:
        if component.address.folded() == ("internalctrlr", "", 0, 0):
            for variable in component.variables:
                if variable.name.casefold() == "supportedocppversions":
                    said = {name.removeprefix("ocpp") for name in split(_actual(variable))}
                    return frozenset(said.intersection(VERSIONS)) or frozenset(VERSIONS)
    return frozenset(VERSIONS)


def _actual(variable: Variable) -> str:
    return next((a.text or "" for a in variable.attributes if a.type == "Actual"), "")


def _lacks(components: Components) -> Iterator[Lack]:
    """Everything that some version wants and does not find."""
    absent = set(ALWAYS)
    for file, component in components:
        folded = component.address.folded()
        name = FOLDED_ALWAYS.get(folded[0])
        if name and folded[1:] == ("", 0, 0):
            absent.discard(name)
            yield from _missing(file, component, ALWAYS[name], "")
        name = FOLDED_EACH.get(folded[0])
        for need in EACH[name] if name else ():
            if not need.when or _offered(component, need.when):
                yield from _missing(file, component, need.both, "")
                yield from _missing(file, component, need.later, V21)
        if name == "EVSE":
            yield from _unlimited(file, component)
    for name in sorted(absent):
        text = f"is required and no file declares it; right would be a file for it with {', '.join(ALWAYS[name])}"
        yield f"standardized/{name}.json", name, text, ""


def _offered(component: Component, when: str) -> bool:
    """Whether the component says of itself that what it controls is there, and it is built."""
    return component.address.folded()[0] not in NOT_BUILT and any(
        v.title().casefold() == when.casefold() and _actual(v) == "true" for v in component.variables
    )


def _missing(file: File, component: Component, wanted: tuple[str, ...], only: str) -> Iterator[Lack]:
    """The *wanted* variables that the component does not declare, or declares without the value that nobody else could give."""
    found = {v.title().casefold(): v for v in component.variables} if wanted else {}
    for name in wanted:
        plain = name.removesuffix("[*]")
        variable = found.get(plain.casefold())
        if variable is None and plain != name:
            variable = next((v for v in component.variables if v.name.casefold() == plain.casefold()), None)
        where = f"{component.address}.{plain}"
        if variable is None:
            yield file.label, where, "is required and not declared; right would be a property for it", only
        elif not any(a.type == "Actual" for a in variable.attributes):
            yield file.label, where, "is required and has no attribute of type Actual; right would be to add one", only
        elif not variable.required and component.address.folded()[0] != "networkconfiguration" and _empty(component, variable):
            # Where the file itself calls it required, that was said already; a slot without values is a free one.
            yield file.label, where, "is required and has no value; right would be a 'value' in its attribute, or a 'default'", only


def _empty(component: Component, variable: Variable) -> bool:
    """Whether it lacks a value that only the file can give."""
    return variable.source != "EVEREST" and any(lacks(component.address, variable.name, a) for a in variable.attributes)


def _unlimited(file: File, component: Component) -> Iterator[Lack]:
    """What an EVSE can deliver is the maxLimit of its Power."""
    for variable in component.variables:
        if variable.title().casefold() == "power" and not variable.characteristics.high:
            yield file.label, f"{component.address}.Power", "has no 'maxLimit', which is required; right would be one in its characteristics", ""
