"""G01, B01.FR.05, B04: what the CSMS knows of every connector.

Law: what was told and what is are compared after every turn; a difference is told as soon as it may be, and a message that got lost
makes the connector untold again: at once where the link is gone, after a pause where the CSMS refused it or was silent.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from engine.event import Fact
from engine.kernel import ENGINE, Woke
from engine.luck import draw
from engine.machine import Conclusions, Context, Machine, Part, State, Station, state
from engine.records import record
from machines.boot.facts import Rebooted
from machines.boot.state import BOOT
from machines.boot.state import Phase as Boot
from machines.clock.views import timestamp
from machines.connection.facts import Opened
from machines.connection.state import CONNECTION
from machines.connection.state import Phase as Link
from machines.device_model.state import DEVICE_MODEL
from machines.device_model.views import Variable, connectors
from machines.evse.machine import EVSES, out_of_order
from machines.outbound.asks import ask
from machines.outbound.facts import Dropped
from machines.session.facts import CablePlugged
from machines.session.state import SESSIONS
from machines.storage.state import STORAGE, full

PAUSE_US = 60_000_000
"""How long a CSMS that did not take a status is left in peace, and a random part as long again."""

OFFLINE_THRESHOLD_S = Variable("OCPPCommCtrlr", "OfflineThreshold", "60")


@record(190)
class StatusTold(Fact):
    """Message *entry* tells the CSMS the status of a connector."""

    evse_id: int
    connector_id: int
    status: str
    entry: int


@record(191)
class StatusUntold(Fact):
    """What the CSMS knows of the connectors no longer counts: of all of them (*entry* 0), or of the one that message *entry* was about."""

    entry: int = 0


@record(193)
class StatusRefused(Fact):
    """The CSMS did not take message *entry*, on a link that is up: what it told is told once more at *again_at_us*, and before that on a new link."""

    entry: int
    again_at_us: int


@state(192)
class Status(State):
    """What was told, by connector, and the message it was told in; of messages that the CSMS did not take, when they are told again."""

    told: dict[tuple[int, int], tuple[str, int]] = attrs.field(factory=dict)
    refused: dict[int, int] = attrs.field(factory=dict)


STATUS = Part("status", Status)


def fold_told(status: Status, fact: StatusTold) -> None:
    """On its way."""
    _, before = status.told.get((fact.evse_id, fact.connector_id), ("", 0))
    status.refused.pop(before, None)
    status.told[fact.evse_id, fact.connector_id] = (fact.status, fact.entry)


def fold_untold(status: Status, fact: StatusUntold) -> None:
    """Never arrived, or too long ago."""
    status.told = {key: row for key, row in status.told.items() if fact.entry and row[1] != fact.entry}
    status.refused = {entry: at_us for entry, at_us in status.refused.items() if fact.entry and entry != fact.entry}


def fold_refused(status: Status, fact: StatusRefused) -> None:
    """Not taken."""
    status.refused[fact.entry] = fact.again_at_us


def fold_rebooted(status: Status, fact: Rebooted) -> None:  # noqa: ARG001
    """B01.FR.05: all of them, after every start."""
    status.told = {}
    status.refused = {}


def connector_status(station: Station, evse_id: int, connector_id: int) -> str:
    """OCPP's ConnectorStatusEnumType of a connector."""
    session = station[SESSIONS].at(evse_id)
    if (evse_id in station[ENGINE].faulted_evses and not session.connected) or out_of_order(station, evse_id):
        return "Faulted"
    if full(station) and not session.connected and not session.authorized:
        return "Unavailable"
    return "Occupied" if session.connector_id == connector_id else "Available"


def on_link(station: Station, opened: Opened, cx: Context) -> Conclusions:  # noqa: ARG001
    """B04.FR.01: after a long time offline all connectors are told; after a short one (B04.FR.02) those that changed."""
    here = station[CONNECTION]
    if here.down_since_us and cx.at - here.down_since_us > OFFLINE_THRESHOLD_S.integer(station) * 1_000_000:
        yield StatusUntold()
    else:
        for entry in station[STATUS].refused:
            yield StatusUntold(entry=entry)


def on_drop(station: Station, dropped: Dropped, cx: Context) -> Conclusions:
    """The CSMS never heard it, or heard it and did not take it: one that answers with errors is not told the same again and again."""
    if station[CONNECTION].phase is not Link.UP:
        yield StatusUntold(entry=dropped.entry)
    elif any(entry == dropped.entry for _, entry in station[STATUS].told.values()):
        yield StatusRefused(entry=dropped.entry, again_at_us=cx.at + PAUSE_US + draw(cx.luck, "status.again", PAUSE_US))


def on_deadline(station: Station, woke: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """A pause is over."""
    for entry, again_at_us in station[STATUS].refused.items():
        if again_at_us <= cx.at:
            yield StatusUntold(entry=entry)


def deadlines(status: Status) -> Iterator[tuple[int, str]]:
    """The end of the next pause."""
    if status.refused:
        yield min(status.refused.values()), "tell again"


def on_plug(station: Station, fact: CablePlugged, cx: Context) -> Conclusions:  # noqa: ARG001
    """Tell that a connector is Occupied before the transaction tells of the cable (E02.FR.05, E02.FR.06)."""
    yield from compare(station, cx)


def compare(station: Station, cx: Context) -> Conclusions:
    """Tell what differs, where it may be told."""
    if station[BOOT].phase is not Boot.ACCEPTED or station[CONNECTION].phase is not Link.UP:
        return
    told = station[STATUS].told
    for place, (evse_id, connector_id) in enumerate(connectors(station)):
        status = connector_status(station, evse_id, connector_id)
        if told.get((evse_id, connector_id), ("",))[0] == status:
            continue
        payload = {
            "timestamp": timestamp(station, cx.at),
            "connectorStatus": status,
            "evseId": evse_id,
            "connectorId": connector_id,
        }
        queued = ask(station, cx, "StatusNotification", payload, place=place)
        yield StatusTold(evse_id=evse_id, connector_id=connector_id, status=status, entry=queued.entry)
        yield queued


MACHINE = Machine(
    STATUS,
    folds={StatusTold: fold_told, StatusUntold: fold_untold, StatusRefused: fold_refused, Rebooted: fold_rebooted},
    hears={Opened: on_link, (Dropped, "StatusNotification"): on_drop, CablePlugged: on_plug, Woke: on_deadline},
    deadlines=deadlines,
    watches=(SESSIONS, EVSES, STORAGE, BOOT, CONNECTION, STATUS, ENGINE, DEVICE_MODEL),
    conclude=compare,
)
