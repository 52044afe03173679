"""2.1's words put into 2.0.1's.

Law: whatever is valid in 2.1 is valid in 2.0.1 after narrowing.  What 2.0.1 does not have is left out; a value that it does not know becomes the
nearest that it knows; a text that is too long for it is cut.
"""

from __future__ import annotations

from typing import Any

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
_TOKENS = {"EVCCID": "MacAddress", "VIN": "Central", "DirectPayment": "Central"}
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
    ("GetInstalledCertificateIdsResponse", "certificateHashDataChain.certificateType"): {"OEMRootCertificate": "V2GRootCertificate"},
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

MEASURANDS_21 = frozenset(
    """Current.Export.Offered Current.Export.Minimum Current.Import.Offered Current.Import.Minimum Display.PresentSOC Display.MinimumSOC
    Display.TargetSOC Display.MaximumSOC Display.RemainingTimeToMinimumSOC Display.RemainingTimeToTargetSOC Display.RemainingTimeToMaximumSOC
    Display.ChargingComplete Display.BatteryEnergyCapacity Display.InletHot Energy.Active.Import.CableLoss
    Energy.Active.Import.LocalGeneration.Register Energy.Active.Setpoint.Interval EnergyRequest.Target EnergyRequest.Minimum
    EnergyRequest.Maximum EnergyRequest.Minimum.V2X EnergyRequest.Maximum.V2X EnergyRequest.Bulk Power.Active.Setpoint Power.Active.Residual
    Power.Export.Minimum Power.Export.Offered Power.Import.Offered Power.Import.Minimum Voltage.Minimum Voltage.Maximum""".split()
)
"""Measurands that 2.0.1 has no word for: such a sample is left out."""

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

SAMPLED = {"MeterValuesRequest": "meterValue", "TransactionEventRequest": "meterValue"}
LIMITED = {
    # message: where schedules lie; 2.0.1 wants a limit in every period
    "GetCompositeScheduleResponse": "schedule.chargingSchedulePeriod",
    "NotifyChargingLimitRequest": "chargingSchedule.chargingSchedulePeriod",
    "NotifyEVChargingScheduleRequest": "chargingSchedule.chargingSchedulePeriod",
    "ReportChargingProfilesRequest": "chargingProfile.chargingSchedule.chargingSchedulePeriod",
}


def narrow(message: str, payload: dict[str, Any]) -> dict[str, Any]:
    """*payload* of *message* (``TransactionEventRequest``, ``GetVariablesResponse``) in 2.0.1's words; what it was given stays as it was."""
    if not _TOUCHED & {message} and "statusInfo" not in payload:
        return payload
    found: dict[str, Any] = _copied(payload)
    for path in LEFT_OUT.get(message, ()):
        for holder, name in _holders(found, path):
            holder.pop(name, None)
    for (of, path), (known, nearest, rest) in CLOSED.items():
        if of == message:
            for holder, name in _holders(found, path):
                if name in holder and holder[name] not in known:
                    holder[name] = nearest.get(holder[name], rest)
    for (of, path), renamed in RENAMED.items():
        if of == message:
            for holder, name in _holders(found, path):
                if name in holder:
                    holder[name] = renamed.get(holder[name], holder[name])
    for path, longest in (*CUT.get(message, ()), ("statusInfo.additionalInfo", 512)):
        for holder, name in _holders(found, path):
            if isinstance(holder.get(name), str) and not holder[name].startswith("<sealed:"):
                holder[name] = holder[name][:longest]
    if message in SAMPLED:
        _narrow_samples(found)
    for holder, name in _holders(found, LIMITED.get(message, "")):
        for period in holder.get(name, []):
            period.setdefault("limit", 0)
    return found


_TOUCHED = LEFT_OUT.keys() | CUT.keys() | SAMPLED.keys() | LIMITED.keys() | {message for message, _ in CLOSED} | {message for message, _ in RENAMED}


def _narrow_samples(found: dict[str, Any]) -> None:
    kept = []
    for value in found.get("meterValue", []):
        samples = [sample for sample in value["sampledValue"] if sample.get("measurand") not in MEASURANDS_21]
        for sample in samples:
            if sample.get("location") == "Upstream":
                sample["location"] = "Inlet"
            signed = sample.get("signedMeterValue")
            if signed is not None:
                signed.setdefault("signingMethod", "")
                signed.setdefault("publicKey", "")
        if samples:
            kept.append({**value, "sampledValue": samples})
    if kept:
        found["meterValue"] = kept
    elif "meterValue" in found:
        # MeterValues must hold one; a transaction event may go without.
        if "evseId" in found:
            first = found["meterValue"][0]
            found["meterValue"] = [{**first, "sampledValue": [{"value": 0}]}]
        else:
            del found["meterValue"]


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
