"""2.1's words put into 2.0.1's.

Law: whatever is valid in 2.1 is valid in 2.0.1 after narrowing, and says nothing that was not so.  What 2.0.1 does not have is left out; a value that
it does not know becomes the nearest that it knows, or its element goes; a text that is too long for it is cut.

Narrowed are the requests that a station initiates and its responses, as far as 2.0.1 has the message; any other payload comes back as it is.
"""

from __future__ import annotations

from math import ceil, floor
from typing import Any

from wire.sealed import parse

_PERIOD = """limit_L2 limit_L3 dischargeLimit dischargeLimit_L2 dischargeLimit_L3 setpoint setpoint_L2 setpoint_L3 setpointReactive
    setpointReactive_L2 setpointReactive_L3 preconditioningRequest evseSleep v2xBaseline operationMode v2xFreqWattCurve v2xSignalWattCurve"""
_SCHEDULE = "limitAtSoC powerTolerance signatureId digestValue useLocalTime randomizedDelay absolutePriceSchedule priceLevelSchedule"


def _paths(under: str, names: str) -> tuple[str, ...]:
    return tuple([f"{under}.{name}" if under else name for name in names.split()])


LEFT_OUT: dict[str, tuple[str, ...]] = {
    # message: members that 2.0.1 does not have
    "FirmwareStatusNotificationRequest": ("statusInfo",),
    "Get15118EVCertificateRequest": ("maximumContractCertificateChains", "prioritizedEMAIDs"),
    "GetCompositeScheduleResponse": _paths("schedule.chargingSchedulePeriod", _PERIOD),
    "LogStatusNotificationRequest": ("statusInfo",),
    "NotifyChargingLimitRequest": (
        *_paths("chargingSchedule", _SCHEDULE),
        *_paths("chargingSchedule.chargingSchedulePeriod", _PERIOD),
        "chargingLimit.isLocalGeneration",
    ),
    "NotifyDisplayMessagesRequest": ("messageInfo.messageExtra",),
    "NotifyEVChargingNeedsRequest": (
        *_paths(
            "chargingNeeds",
            "derChargingParameters evEnergyOffer v2xChargingParameters availableEnergyTransfer controlMode mobilityNeedsMode",
        ),
        "timestamp",
    ),
    "NotifyEVChargingScheduleRequest": (
        *_paths("chargingSchedule", _SCHEDULE),
        *_paths("chargingSchedule.chargingSchedulePeriod", _PERIOD),
        "selectedChargingScheduleId",
        "powerToleranceAcceptance",
    ),
    "NotifyEventRequest": ("eventData.severity",),
    "NotifyMonitoringReportRequest": ("monitor.variableMonitoring.eventNotificationType",),
    "NotifyReportRequest": ("reportData.variableCharacteristics.maxElements",),
    "PublishFirmwareStatusNotificationRequest": ("statusInfo",),
    "ReportChargingProfilesRequest": (
        *_paths(
            "chargingProfile",
            "maxOfflineDuration invalidAfterOfflineDuration dynUpdateInterval dynUpdateTime priceScheduleSignature",
        ),
        *_paths("chargingProfile.chargingSchedule", _SCHEDULE),
        *_paths("chargingProfile.chargingSchedule.chargingSchedulePeriod", _PERIOD),
    ),
    "SignCertificateRequest": ("hashRootCertificate", "requestId"),
    "TransactionEventRequest": (
        "costDetails",
        "preconditioningStatus",
        "evseSleep",
        *_paths("transactionInfo", "operationMode tariffId transactionLimit"),
    ),
}

_TOKEN_TYPES = ("Central", "eMAID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "NoAuthorization")
_TOKENS = {"EVCCID": "MacAddress"}
_SOURCES = ("EMS", "Other", "SO", "CSO")

CLOSED: dict[tuple[str, str], tuple[tuple[str, ...], dict[str, str], str]] = {
    # (message, member): what 2.0.1 knows, the nearest for some of 2.1's, the nearest for the rest
    ("AuthorizeRequest", "idToken.type"): (_TOKEN_TYPES, _TOKENS, "Local"),
    ("TransactionEventRequest", "idToken.type"): (_TOKEN_TYPES, _TOKENS, "Local"),
    ("ClearedChargingLimitRequest", "chargingLimitSource"): (_SOURCES, {}, "Other"),
    ("NotifyChargingLimitRequest", "chargingLimit.chargingLimitSource"): (_SOURCES, {}, "Other"),
    ("ReportChargingProfilesRequest", "chargingLimitSource"): (_SOURCES, {}, "Other"),
}

RENAMED: dict[tuple[str, str], dict[str, str]] = {
    # (message, member): values of 2.1 and the nearest of 2.0.1
    ("ClearDisplayMessageResponse", "status"): {"Rejected": "Unknown"},
    ("NotifyDisplayMessagesRequest", "messageInfo.message.format"): {"QRCODE": "URI"},
    ("NotifyDisplayMessagesRequest", "messageInfo.state"): {"Suspended": "Idle", "Discharging": "Charging"},
    ("NotifyEVChargingNeedsRequest", "chargingNeeds.requestedEnergyTransfer"): {
        "AC_BPT": "AC_three_phase",
        "AC_BPT_DER": "AC_three_phase",
        "AC_DER": "AC_three_phase",
        "DC_BPT": "DC",
        "DC_ACDP": "DC",
        "DC_ACDP_BPT": "DC",
        "WPT": "AC_single_phase",
    },
    ("NotifyMonitoringReportRequest", "monitor.variableMonitoring.type"): {"TargetDelta": "Delta", "TargetDeltaRelative": "Delta"},
    ("ReportChargingProfilesRequest", "chargingProfile.chargingProfilePurpose"): {
        "PriorityCharging": "TxProfile",
        "LocalGeneration": "ChargingStationExternalConstraints",
    },
    ("ReportChargingProfilesRequest", "chargingProfile.chargingProfileKind"): {"Dynamic": "Absolute"},
    ("ReservationStatusUpdateRequest", "reservationUpdateStatus"): {"NoTransaction": "Removed"},
    ("SetDisplayMessageResponse", "status"): {"LanguageNotSupported": "Rejected"},
    ("SetVariableMonitoringResponse", "setMonitoringResult.type"): {"TargetDelta": "Delta", "TargetDeltaRelative": "Delta"},
    ("SignCertificateRequest", "certificateType"): {"V2G20Certificate": "V2GCertificate"},
    ("TransactionEventRequest", "triggerReason"): {
        "CostLimitReached": "EnergyLimitReached",
        "LimitSet": "ChargingRateChanged",
        "OperationModeChanged": "ChargingStateChanged",
        "RunningCost": "MeterValuePeriodic",
        "SoCLimitReached": "EnergyLimitReached",
        "TariffChanged": "ChargingRateChanged",
        "TariffNotAccepted": "Deauthorized",
        "TxResumed": "ChargingStateChanged",
    },
    ("TransactionEventRequest", "transactionInfo.stoppedReason"): {"ReqEnergyTransferRejected": "Other"},
}

MEASURANDS = {
    # 2.1's name: 2.0.1's name for the same quantity, where it has one; without one the sample is left out
    "Current.Import.Offered": "Current.Offered",
    "Display.PresentSOC": "SoC",
    "Power.Import.Offered": "Power.Offered",
    **dict.fromkeys(
        """Current.Export.Offered Current.Export.Minimum Current.Import.Minimum Display.MinimumSOC Display.TargetSOC Display.MaximumSOC
        Display.RemainingTimeToMinimumSOC Display.RemainingTimeToTargetSOC Display.RemainingTimeToMaximumSOC Display.ChargingComplete
        Display.BatteryEnergyCapacity Display.InletHot Energy.Active.Import.CableLoss Energy.Active.Import.LocalGeneration.Register
        Energy.Active.Setpoint.Interval EnergyRequest.Target EnergyRequest.Minimum EnergyRequest.Maximum EnergyRequest.Minimum.V2X
        EnergyRequest.Maximum.V2X EnergyRequest.Bulk Power.Active.Setpoint Power.Active.Residual Power.Export.Minimum Power.Export.Offered
        Power.Import.Minimum Voltage.Minimum Voltage.Maximum""".split(),
        "",
    ),
}

NOTHING = {"value": 0, "context": "Other", "measurand": "Energy.Active.Import.Interval"}
"""The sample of a MeterValuesRequest that has none left, which 2.0.1 does not allow: no energy in an interval of no length, which is true."""

DROPPED: dict[str, tuple[str, str, frozenset[str], tuple[str, str]]] = {
    # message: list, member of its elements, values for which an element goes, (member, value) that says that none was left
    "GetInstalledCertificateIdsResponse": (
        "certificateHashDataChain",
        "certificateType",
        frozenset({"OEMRootCertificate"}),
        ("status", "NotFound"),
    ),
}

WHOLE: dict[str, tuple[tuple[str, Any], ...]] = {
    # message: numbers that are integers in 2.0.1, and to which side they go; the vehicle's limits stay on the safe side
    "NotifyEVChargingNeedsRequest": (
        *[(path, floor) for path in _paths("chargingNeeds.acChargingParameters", "energyAmount evMaxCurrent evMaxVoltage")],
        ("chargingNeeds.acChargingParameters.evMinCurrent", ceil),
        *[
            (path, floor)
            for path in _paths("chargingNeeds.dcChargingParameters", "evMaxCurrent evMaxVoltage energyAmount evMaxPower evEnergyCapacity")
        ],
    ),
}

CUT: dict[str, tuple[tuple[str, int], ...]] = {
    # message: texts and their longest in 2.0.1
    "AuthorizeRequest": (
        ("idToken.idToken", 36),
        ("idToken.additionalInfo.additionalIdToken", 36),
        ("certificate", 5500),
        ("iso15118CertificateHashData.responderURL", 512),
    ),
    "Get15118EVCertificateRequest": (("exiRequest", 5600),),
    "GetCertificateStatusRequest": (("ocspRequestData.responderURL", 512),),
    "MeterValuesRequest": (("meterValue.sampledValue.signedMeterValue.signedMeterData", 2500),),
    "NotifyDisplayMessagesRequest": (("messageInfo.message.content", 512),),
    "PublishFirmwareStatusNotificationRequest": (("location", 512),),
    "TransactionEventRequest": (
        ("idToken.idToken", 36),
        ("idToken.additionalInfo.additionalIdToken", 36),
        ("meterValue.sampledValue.signedMeterValue.signedMeterData", 2500),
    ),
    "ClearVariableMonitoringResponse": (("clearMonitoringResult.statusInfo.additionalInfo", 512),),
    "GetVariablesResponse": (("getVariableResult.attributeStatusInfo.additionalInfo", 512),),
    "SetVariablesResponse": (("setVariableResult.attributeStatusInfo.additionalInfo", 512),),
    "SetVariableMonitoringResponse": (("setMonitoringResult.statusInfo.additionalInfo", 512),),
}

SAMPLED = frozenset({"MeterValuesRequest", "TransactionEventRequest"})
LIMITED = {
    # message: where periods of schedules lie; 2.0.1 wants a limit in every one
    "GetCompositeScheduleResponse": "schedule.chargingSchedulePeriod",
    "NotifyChargingLimitRequest": "chargingSchedule.chargingSchedulePeriod",
    "NotifyEVChargingScheduleRequest": "chargingSchedule.chargingSchedulePeriod",
    "ReportChargingProfilesRequest": "chargingProfile.chargingSchedule.chargingSchedulePeriod",
}

INFO_MOST = 512
"""Characters of statusInfo.additionalInfo in 2.0.1, in every response."""

MESSAGES = frozenset(
    {
        *LEFT_OUT,
        *CUT,
        *WHOLE,
        *DROPPED,
        *SAMPLED,
        *LIMITED,
        *[message for message, _ in CLOSED],
        *[message for message, _ in RENAMED],
    }
)
"""Messages in which something may have to change besides statusInfo."""

_CLOSED_IN = {message: [(path, row) for (of, path), row in CLOSED.items() if of == message] for message, _ in CLOSED}
_RENAMED_IN = {message: [(path, row) for (of, path), row in RENAMED.items() if of == message] for message, _ in RENAMED}


def narrow(message: str, payload: dict[str, Any]) -> dict[str, Any]:
    """*payload* of *message* (``TransactionEventRequest``, ``GetVariablesResponse``) in 2.0.1's words; what it was given stays as it was."""
    if message not in MESSAGES and "statusInfo" not in payload:
        return payload
    found: dict[str, Any] = _copied(payload)
    # Before members are left out: a limit may have to come from one of them.
    for holder, name in _holders(found, LIMITED.get(message, "")):
        for period in _objects(holder.get(name)):
            if "limit" not in period:
                period["limit"] = _limit(period.get("setpoint"))
    for path in LEFT_OUT.get(message, ()):
        for holder, name in _holders(found, path):
            holder.pop(name, None)
    for path, (known, nearest, rest) in _CLOSED_IN.get(message, ()):
        for holder, name in _holders(found, path):
            value = holder.get(name)
            if isinstance(value, str) and value not in known:
                holder[name] = nearest.get(value, rest)
    for path, renamed in _RENAMED_IN.get(message, ()):
        for holder, name in _holders(found, path):
            value = holder.get(name)
            if isinstance(value, str):
                holder[name] = renamed.get(value, value)
    for path, rounded in WHOLE.get(message, ()):
        for holder, name in _holders(found, path):
            if isinstance(holder.get(name), float):
                holder[name] = rounded(holder[name])
    for path, longest in (*CUT.get(message, ()), ("statusInfo.additionalInfo", INFO_MOST)):
        for holder, name in _holders(found, path):
            if name in holder:
                holder[name] = _cut(holder[name], longest)
    if message in DROPPED:
        _drop_elements(found, *DROPPED[message])
    if message in SAMPLED and "meterValue" in found:
        _narrow_samples(message, found)
    return found


def _limit(setpoint: Any) -> Any:
    """The limit of a period that has none: what it is told to draw; a period in which nothing is to be drawn, or nobody knows, limits to 0."""
    return setpoint if isinstance(setpoint, int | float) and setpoint > 0 else 0


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, list):
        return [_cut(one, longest) for one in value]
    if not isinstance(value, str):
        return value
    sealed = parse(value)
    if sealed is None:
        return value[:longest]
    # A sealed text cannot be cut unseen.  Its handle fits, is the same each time, and is nobody else's token: a cut token might be.
    return value if sealed.length <= longest else sealed.handle[:longest]


def _drop_elements(found: dict[str, Any], name: str, member: str, values: frozenset[str], none_left: tuple[str, str]) -> None:
    elements = found.get(name)
    if not isinstance(elements, list):
        return
    kept = [element for element in elements if not (isinstance(element, dict) and str(element.get(member)) in values)]
    if kept:
        found[name] = kept
    elif elements:
        del found[name]
        found[none_left[0]] = none_left[1]


def _narrow_samples(message: str, found: dict[str, Any]) -> None:
    values = _objects(found["meterValue"])
    if not values:
        return
    kept = []
    for value in values:
        samples = []
        for sample in _objects(value.get("sampledValue")):
            measurand = sample.get("measurand")
            if isinstance(measurand, str) and measurand in MEASURANDS:
                if not MEASURANDS[measurand]:
                    continue
                sample["measurand"] = MEASURANDS[measurand]
            if sample.get("location") == "Upstream":
                # The grid side of the station is as far up as 2.0.1 can name.
                sample["location"] = "Inlet"
            signed = sample.get("signedMeterValue")
            if isinstance(signed, dict):
                # 2.1 may leave out what is the same for every value; 2.0.1 wants the members.
                signed.setdefault("signingMethod", "")
                signed.setdefault("publicKey", "")
            samples.append(sample)
        if samples:
            kept.append({**value, "sampledValue": samples})
    if kept:
        found["meterValue"] = kept
    elif message == "TransactionEventRequest":
        del found["meterValue"]
    else:
        found["meterValue"] = [{**value, "sampledValue": [dict(NOTHING)]} for value in values[:1]]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_copied(member) for member in value]
    return value


def _holders(value: Any, path: str) -> list[tuple[dict[str, Any], str]]:
    """The objects that may hold the last member of *path*; lists on the way are walked through."""
    if not path:
        return []
    head, _, rest = path.partition(".")
    if isinstance(value, list):
        return [found for member in value for found in _holders(member, path)]
    if not isinstance(value, dict):
        return []
    return _holders(value.get(head), rest) if rest else [(value, head)]
