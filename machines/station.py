"""The machines of a station, in the order in which they are told.

Law: this tuple is the registration; nothing is found by import.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.event import Effect, Input
from engine.kernel import Kernel
from engine.machine import Context
from machines.boot.machine import MACHINE as BOOT
from machines.certificates.machine import MACHINE as CERTIFICATES
from machines.clock.machine import MACHINE as CLOCK
from machines.connection.machine import MACHINE as CONNECTION
from machines.device_model.machine import MACHINE as DEVICE_MODEL
from machines.effects import ReplyError
from machines.evse.machine import MACHINE as EVSES
from machines.heartbeat.machine import MACHINE as HEARTBEAT
from machines.inputs import Called, CalledBadly
from machines.meter.kept import MACHINE as KEPT
from machines.meter.machine import MACHINE as METERS
from machines.monitoring.machine import MACHINE as MONITORING
from machines.network.machine import MACHINE as NETWORK
from machines.outbound.machine import MACHINE as OUTBOUND
from machines.persons.machine import MACHINE as PERSONS
from machines.protocol.machine import MACHINE as PROTOCOL
from machines.report.machine import MACHINE as REPORTS
from machines.security.a01_replaced import MACHINE as PASSWORDS
from machines.security.a04_events import MACHINE as SECURITY
from machines.session.machine import MACHINE as SESSIONS
from machines.status.machine import MACHINE as STATUS
from machines.storage.machine import MACHINE as STORAGE
from machines.vas.machine import MACHINE as VAS
from machines.version.machine import MACHINE as VERSION


def answer_fault(input: Input, cx: Context) -> Iterator[Effect]:  # noqa: ARG001
    """A CALL that made a machine raise is answered all the same."""
    if isinstance(input, Called | CalledBadly):
        yield ReplyError(
            link=input.link,
            message_id=input.message_id,
            action=input.action,
            code="InternalError",
            description="the station could not process the message; it lives on",
        )


STATION = Kernel(
    (
        CLOCK,
        BOOT,
        DEVICE_MODEL,
        REPORTS,
        SECURITY,
        PASSWORDS,
        CERTIFICATES,
        STORAGE,
        CONNECTION,
        VERSION,
        METERS,
        KEPT,
        STATUS,
        SESSIONS,
        EVSES,
        VAS,
        HEARTBEAT,
        PROTOCOL,
        NETWORK,
        MONITORING,
        OUTBOUND,
        PERSONS,
    ),
    on_fault=answer_fault,
)
