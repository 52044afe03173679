"""OCPP's names, as far as code needs them.

Law: spelled as the specification spells them; held against the schema files of the ``ocpp`` package in tests.
"""

from __future__ import annotations

V201, V21 = "2.0.1", "2.1"

SUBPROTOCOLS = {"ocpp2.1": V21, "ocpp2.0.1": V201}
"""WebSocket subprotocol -> version, best first (Part 4, chapter 3)."""

ACTIONS_201 = frozenset(
    """Authorize BootNotification CancelReservation CertificateSigned ChangeAvailability ClearCache ClearChargingProfile ClearDisplayMessage
    ClearVariableMonitoring ClearedChargingLimit CostUpdated CustomerInformation DataTransfer DeleteCertificate FirmwareStatusNotification
    Get15118EVCertificate GetBaseReport GetCertificateStatus GetChargingProfiles GetCompositeSchedule GetDisplayMessages
    GetInstalledCertificateIds GetLocalListVersion GetLog GetMonitoringReport GetReport GetTransactionStatus GetVariables Heartbeat
    InstallCertificate LogStatusNotification MeterValues NotifyChargingLimit NotifyCustomerInformation NotifyDisplayMessages
    NotifyEVChargingNeeds NotifyEVChargingSchedule NotifyEvent NotifyMonitoringReport NotifyReport PublishFirmware
    PublishFirmwareStatusNotification ReportChargingProfiles RequestStartTransaction RequestStopTransaction ReservationStatusUpdate ReserveNow
    Reset SecurityEventNotification SendLocalList SetChargingProfile SetDisplayMessage SetMonitoringBase SetMonitoringLevel SetNetworkProfile
    SetVariableMonitoring SetVariables SignCertificate StatusNotification TransactionEvent TriggerMessage UnlockConnector UnpublishFirmware
    UpdateFirmware""".split()
)

ACTIONS_21 = ACTIONS_201 | frozenset(
    """AFRRSignal AdjustPeriodicEventStream BatterySwap ChangeTransactionTariff ClearDERControl ClearTariffs ClosePeriodicEventStream
    GetCertificateChainStatus GetDERControl GetPeriodicEventStream GetTariffs NotifyAllowedEnergyTransfer NotifyDERAlarm NotifyDERStartStop
    NotifyPriorityCharging NotifySettlement NotifyWebPaymentStarted OpenPeriodicEventStream PullDynamicScheduleUpdate ReportDERControl
    RequestBatterySwap SetDERControl SetDefaultTariff UpdateDynamicSchedule UsePriorityCharging VatNumberValidation""".split()
)

SENDS_21 = frozenset({"NotifyPeriodicEventStream"})
"""Messages that are sent unconfirmed (message type 6), 2.1 only."""

BOTH_WAYS = frozenset({"DataTransfer"})
"""Actions that either side initiates."""

FROM_STATION = frozenset(
    """Authorize BatterySwap BootNotification ClearedChargingLimit ClosePeriodicEventStream DataTransfer FirmwareStatusNotification
    Get15118EVCertificate GetCertificateChainStatus GetCertificateStatus Heartbeat LogStatusNotification MeterValues NotifyChargingLimit
    NotifyCustomerInformation NotifyDERAlarm NotifyDERStartStop NotifyDisplayMessages NotifyEVChargingNeeds NotifyEVChargingSchedule NotifyEvent
    NotifyMonitoringReport NotifyPriorityCharging NotifyReport NotifySettlement OpenPeriodicEventStream PublishFirmwareStatusNotification
    PullDynamicScheduleUpdate ReportChargingProfiles ReportDERControl ReservationStatusUpdate SecurityEventNotification SignCertificate
    StatusNotification TransactionEvent VatNumberValidation""".split()
)
"""Actions that a station initiates as a CALL."""

ERROR_CODES = frozenset(
    """FormatViolation GenericError InternalError MessageTypeNotSupported NotImplemented NotSupported OccurrenceConstraintViolation
    PropertyConstraintViolation ProtocolError RpcFrameworkError SecurityError TypeConstraintViolation""".split()
)
"""Codes of a CALLERROR (Part 4, 4.3)."""

OLDER_ERROR_CODES = {
    "FormationViolation": "FormatViolation",
    "OccurenceConstraintViolation": "OccurrenceConstraintViolation",
}
"""Spellings of earlier editions, which are read and never sent."""

_CODE_MOST = 40


def error_code(code: str) -> str:
    """The code of an error as this house writes it: older spellings made new, what is no name of a code called GenericError.

    A name that is not in the table stays, because it tells more of the peer than GenericError would.
    """
    if code in ERROR_CODES:
        return code
    older = OLDER_ERROR_CODES.get(code)
    if older is not None:
        return older
    return code if len(code) <= _CODE_MOST and code.isascii() and code.isalpha() else "GenericError"


def actions(version: str) -> frozenset[str]:
    """Every action of a version that is sent as a CALL."""
    return ACTIONS_201 if version == V201 else ACTIONS_21


def sends(version: str) -> frozenset[str]:
    """Every action of a version that a station sends unconfirmed; the CSMS sends none."""
    return frozenset() if version == V201 else SENDS_21


def is_known(version: str, action: str) -> bool:
    """Whether a version knows an action."""
    return action in actions(version)


def from_csms(version: str, action: str) -> bool:
    """Whether the CSMS may initiate an action."""
    return is_known(version, action) and (action not in FROM_STATION or action in BOTH_WAYS)


def from_station(version: str, action: str) -> bool:
    """Whether a station may initiate an action as a CALL."""
    return is_known(version, action) and action in FROM_STATION
