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

FROM_STATION = frozenset(
    """Authorize BatterySwap BootNotification ClearedChargingLimit ClosePeriodicEventStream DataTransfer FirmwareStatusNotification
    Get15118EVCertificate GetCertificateChainStatus GetCertificateStatus Heartbeat LogStatusNotification MeterValues NotifyChargingLimit
    NotifyCustomerInformation NotifyDERAlarm NotifyDERStartStop NotifyDisplayMessages NotifyEVChargingNeeds NotifyEVChargingSchedule NotifyEvent
    NotifyMonitoringReport NotifyPriorityCharging NotifyReport NotifySettlement OpenPeriodicEventStream PublishFirmwareStatusNotification
    PullDynamicScheduleUpdate ReportChargingProfiles ReportDERControl ReservationStatusUpdate SecurityEventNotification SignCertificate
    StatusNotification TransactionEvent VatNumberValidation""".split()
)
"""Actions that a station initiates; DataTransfer goes both ways."""

ERROR_CODES = frozenset(
    """FormatViolation FormationViolation GenericError InternalError MessageTypeNotSupported NotImplemented NotSupported
    OccurrenceConstraintViolation OccurenceConstraintViolation PropertyConstraintViolation ProtocolError RpcFrameworkError SecurityError
    TypeConstraintViolation""".split()
)
"""Codes of a CALLERROR; two of them also in the spelling of older stacks, which is read and never sent."""


def actions(version: str) -> frozenset[str]:
    """Every action of a version."""
    return ACTIONS_201 if version == V201 else ACTIONS_21


def is_known(version: str, action: str) -> bool:
    """Whether a version knows an action."""
    return action in actions(version)


def from_csms(version: str, action: str) -> bool:
    """Whether the CSMS may initiate an action."""
    return is_known(version, action) and (action not in FROM_STATION or action == "DataTransfer")
