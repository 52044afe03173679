"""A charging station by other hands: written on the ``ocpp`` package, worked over an HTTP hook, and wrong on demand.

Law: nothing of stationd is in it, so what a case finds here it finds at anybody's station.

As a process of its own: ``python -m tests.conformance.foreign ws://127.0.0.1:9000 --hook-port 9001``, until it is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import ssl
import sys
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

from ocpp import routing
from ocpp.v201 import ChargePoint, call, call_result
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

FAULTS = {
    "seq-gap": "skips a sequence number",
    "no-ended": "tells the end of a transaction as if it went on",
    "started-twice": "tells the beginning of a transaction twice",
    "set-not-kept": "accepts a value and keeps the old one",
    "attribute-type": "says that a value is the target where it is the actual one",
    "no-status": "is silent about its second connector after a start",
    "no-available": "is silent about a connector that is free again",
    "no-authorize": "starts a transaction without asking of the card",
    "no-evse": "does not say where the transaction is",
    "wrong-trigger": "says that the CSMS stopped what the driver stopped",
    "wrong-card": "names another card than the one that was presented",
    "takes-any-card": "charges with a card that the CSMS refused",
    "answers-twice": "answers a SetVariables twice",
    "answers-late": "takes its time for a SetVariables",
    "early-heartbeat": "sends a Heartbeat before it is accepted",
    "schema": "says why in words that OCPP does not have",
    "same-id": "uses a message id again",
    "dies": "loses its process when it is asked to set a variable",
    "gone-offline": "breaks its link when it is asked to set a variable, and never dials again",
    "garbles": "answers a SetVariables with what is no message",
    "no-text": "answers a SetVariables with bytes that are no text",
    "charges-at-once": "says that it is charging as soon as a cable is plugged in, and nothing when it does",
    "late-event": "takes its time for the first event of a transaction",
    "wrong-order": "numbers two events the wrong way round",
    "clock-runs-back": "stamps each event with a time before that of the last one",
    "no-zone": "does not say which zone its times are of",
    "goes-on": "tells of a transaction after its end",
    "gives-up": "tries only once to tell an event that the CSMS does not take",
    "tries-at-once": "does not wait before it tries again",
    "asks-anyway": "asks of a card that the CSMS itself has named, although it is told not to",
    "no-remote-start": "does not say that the CSMS has started it",
    "stops-anything": "accepts to stop a transaction that it does not have",
    "slow-meter": "takes the seconds between meter values for pairs of them",
    "other-measurand": "measures the current where the energy is asked for",
    "never-free": "says after a start that its second connector is out of order",
    "no-startup": "does not tell of its start as a security event",
}
"""What may be planted, and what it does then."""

MANNERS = {
    "counts-on": "numbers its events on from transaction to transaction",
    "any-order": "sends what is new before what is old, each with its right number",
    "by-event": "tells of its connectors by NotifyEvent",
}
"""How it may be right in another way."""

OWN_PROCESS = frozenset({"dies"})
"""Faults that need a process of their own."""

SILENT = logging.Logger("foreign", logging.CRITICAL + 1)  # noqa: LOG001 (nobody listens)
LATE_S = 3.0
START = {
    ("AuthCtrlr", "Enabled"): "true",
    ("AuthCtrlr", "AuthorizeRemoteStart"): "true",
    ("TxCtrlr", "TxStartPoint"): "PowerPathClosed",
    ("TxCtrlr", "TxStopPoint"): "Authorized,EVConnected",
    ("TxCtrlr", "StopTxOnEVSideDisconnect"): "true",
    ("TxCtrlr", "EVConnectionTimeOut"): "30",
    ("OCPPCommCtrlr", "OfflineThreshold"): "60",
    ("OCPPCommCtrlr", "HeartbeatInterval"): "300",
    ("OCPPCommCtrlr", "MessageTimeout"): "5",
    ("OCPPCommCtrlr", "MessageAttempts"): "2",
    ("OCPPCommCtrlr", "MessageAttemptInterval"): "1",
    ("SampledDataCtrlr", "TxUpdatedInterval"): "0",
    ("SampledDataCtrlr", "TxUpdatedMeasurands"): "Energy.Active.Import.Register",
}
PASSWORD = ("SecurityCtrlr", "BasicAuthPassword")
PASSWORD_LEAST = 16

Handler = TypeVar("Handler", bound=Callable[..., Any])


def on(action: str) -> Callable[[Handler], Handler]:
    """The package's decorator, with a type."""
    found: Callable[[Handler], Handler] = routing.on(action)
    return found


def after(action: str) -> Callable[[Handler], Handler]:
    """As :func:`on`, for what comes behind the answer."""
    found: Callable[[Handler], Handler] = routing.after(action)
    return found


def now() -> str:
    """The time, as OCPP writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Evse:
    """What is so at an EVSE."""

    def __init__(self) -> None:
        self.plugged = False
        self.card: dict[str, str] | None = None
        self.transaction = ""
        self.seq_no = 0
        self.remote_start_id: int | None = None
        """Until an event has named it."""
        self.moment = datetime.now(UTC)


class Station(ChargePoint):  # type: ignore[misc]
    """One connection of the station."""

    def __init__(self, owner: Foreign, link: ClientConnection) -> None:
        super().__init__(owner.identity, link, response_timeout=5, logger=SILENT)
        self.owner = owner

    @on("GetVariables")
    def get_variables(self, get_variable_data: list[dict[str, Any]], **_: Any) -> call_result.GetVariables:
        results = []
        for item in get_variable_data:
            value = self.owner.values.get((item["component"]["name"], item["variable"]["name"]))
            kind = "Target" if self.owner.fault == "attribute-type" else item.get("attribute_type", "Actual")
            told = {"attribute_status": "UnknownVariable"} if value is None else {"attribute_status": "Accepted", "attribute_value": value}
            results.append({**told, "attribute_type": kind, "component": item["component"], "variable": item["variable"]})
        return call_result.GetVariables(get_variable_result=results)

    @on("SetVariables")
    async def set_variables(self, set_variable_data: list[dict[str, Any]], call_unique_id: str, **_: Any) -> call_result.SetVariables:
        results = []
        for item in set_variable_data:
            name = item["component"]["name"], item["variable"]["name"]
            if name == PASSWORD and self.owner.password:
                # It counts from the next link on, which a station makes at once.
                status = "Accepted" if len(item["attribute_value"]) >= PASSWORD_LEAST else "Rejected"
                if status == "Accepted":
                    self.owner.password = item["attribute_value"]
                    asyncio.get_running_loop().call_later(0.2, self._connection.transport.abort)
                results.append({"attribute_status": status, "component": item["component"], "variable": item["variable"]})
                continue
            known = name in self.owner.values
            if known and self.owner.fault != "set-not-kept":
                self.owner.values[name] = item["attribute_value"]
            status = "Accepted" if known else "UnknownVariable"
            told = {"attribute_type": item["attribute_type"]} if "attribute_type" in item else {}
            results.append({"attribute_status": status, **told, "component": item["component"], "variable": item["variable"]})
        if self.owner.fault == "answers-late":
            await asyncio.sleep(LATE_S)
        if self.owner.fault == "dies":
            os._exit(3)
        if self.owner.fault == "gone-offline":
            self.owner.dials = False
            self._connection.transport.abort()
        if self.owner.fault == "garbles":
            await self._connection.send("[3,")
        if self.owner.fault == "no-text":
            await self._connection.send(b"\xff\xfe", text=True)
        if self.owner.fault == "answers-twice":
            camel = [{"attributeStatus": one["attribute_status"], "component": one["component"], "variable": one["variable"]} for one in results]
            await self._connection.send(json.dumps([3, call_unique_id, {"setVariableResult": camel}]))
        return call_result.SetVariables(set_variable_result=results)

    @on("TriggerMessage")
    def trigger_message(self, requested_message: str, **_: Any) -> call_result.TriggerMessage:
        known = requested_message in ("BootNotification", "StatusNotification")
        return call_result.TriggerMessage(status="Accepted" if known else "NotImplemented")

    @after("TriggerMessage")
    async def triggered(self, requested_message: str, evse: dict[str, int] | None = None, **_: Any) -> None:
        if requested_message == "BootNotification":
            await self.owner.say_boot("Triggered")
        elif requested_message == "StatusNotification" and evse is not None:
            await self.owner.say_status(evse["id"])

    @on("RequestStartTransaction")
    def request_start_transaction(self, evse_id: int = 1, **_: Any) -> call_result.RequestStartTransaction:
        running = self.owner.evses[evse_id].transaction
        return call_result.RequestStartTransaction(status="Accepted", transaction_id=running or None)

    @after("RequestStartTransaction")
    async def started(self, id_token: dict[str, str], remote_start_id: int, evse_id: int = 1, **_: Any) -> None:
        await self.owner.start_from_afar(evse_id, {"id_token": id_token["id_token"], "type": id_token["type"]}, remote_start_id)

    @on("RequestStopTransaction")
    def request_stop_transaction(self, transaction_id: str, **_: Any) -> call_result.RequestStopTransaction:
        known = any(evse.transaction == transaction_id for evse in self.owner.evses.values())
        return call_result.RequestStopTransaction(status="Accepted" if known or self.owner.fault == "stops-anything" else "Rejected")

    @after("RequestStopTransaction")
    async def stopped(self, transaction_id: str, **_: Any) -> None:
        for evse_id, evse in self.owner.evses.items():
            if evse.transaction == transaction_id:
                await self.owner.stop(evse_id, "RemoteStop", "Remote")

    @on("GetBaseReport")
    def get_base_report(self, **_: Any) -> call_result.GetBaseReport:
        return call_result.GetBaseReport(status="NotSupported")


class Foreign:
    """The station: two EVSEs, a reader, an HTTP hook for whoever works it.  ``async with`` powers it up."""

    def __init__(
        self,
        url: str,
        fault: str = "",
        identity: str = "FOREIGN-1",
        tls: ssl.SSLContext | None = None,
        *,
        password: str = "",
        offers: tuple[str, ...] = ("ocpp2.0.1",),
        hook_port: int = 0,
        manner: str = "",
    ) -> None:
        for one, known in ((fault, FAULTS), (manner, MANNERS)):
            if one and one not in known:
                raise ValueError(f"{one}: must be one of {', '.join(known)}")
        self.url = url
        self.fault = fault
        self.manner = manner
        self.identity = identity
        self.tls = tls
        self.password = password
        self.offers = offers
        self.dials = True
        self._hook_port = hook_port
        self.values = dict(START) | ({("SecurityCtrlr", "SecurityProfile"): "2" if tls else "1"} if password else {})
        self.evses = {1: Evse(), 2: Evse()}
        self.deeds: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.hook = ""
        self._station: Station | None = None
        self._accepted = asyncio.Event()
        self._count = 0
        self._life: asyncio.Task[None] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._meter: asyncio.Task[None] | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._hook_port)
        self.hook = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/"
        self._lives()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        await self._dies()

    # The hook

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        deed = json.loads(await reader.readexactly(length))
        known = deed["deed"] in ("plug_in", "unplug", "present", "power_cycle")
        if deed["deed"] == "power_cycle":
            await self._power_cycle()
        elif known:
            self.deeds.put_nowait(deed)
        body = b"" if known else b"nobody knows how to do that here"
        writer.write(f"HTTP/1.1 {200 if known else 501} x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async def _power_cycle(self) -> None:
        await self._dies()
        self._accepted.clear()
        for evse in self.evses.values():
            evse.card, evse.transaction, evse.remote_start_id = None, "", None
        self._lives()

    def _lives(self) -> None:
        self._life = asyncio.create_task(self._live())
        self._worker = asyncio.create_task(self._work())
        self._meter = asyncio.create_task(self._measure())

    async def _dies(self) -> None:
        for task in (self._meter, self._worker, self._life):
            assert task is not None
            # More than once: asyncio.wait_for of Python 3.11, which the package waits with, may lose a cancellation.
            while not task.done():
                task.cancel()
                await asyncio.wait([task], timeout=0.05)

    # The link

    async def _live(self) -> None:
        while self.dials:
            with suppress(OSError, ConnectionClosed, InvalidHandshake, asyncio.TimeoutError, asyncio.IncompleteReadError):
                async with connect(
                    f"{self.url}/{self.identity}",
                    subprotocols=[Subprotocol(one) for one in self.offers],
                    additional_headers=self._login(),
                    compression=None,
                    open_timeout=5,
                    close_timeout=0.2,
                    ssl=self.tls,
                    logger=SILENT,
                ) as link:
                    self._station = Station(self, link)
                    boot = asyncio.create_task(self._boot())
                    try:
                        await self._station.start()
                    finally:
                        boot.cancel()
                        await asyncio.gather(boot, return_exceptions=True)
            await asyncio.sleep(0.05)

    def _login(self) -> dict[str, str]:
        if not self.password:
            return {}
        return {"Authorization": f"Basic {b64encode(f'{self.identity}:{self.password}'.encode()).decode()}"}

    async def _boot(self) -> None:
        if self._accepted.is_set():
            return
        if self.fault == "early-heartbeat":
            await self._say(call.Heartbeat())
        answer = await self.say_boot("PowerUp")
        if answer is None or answer.status != "Accepted":
            return
        for evse_id in self.evses:
            if self.fault != "no-status" or evse_id == 1:
                await self.say_status(evse_id)
        if self.fault != "no-startup":
            await self._say(call.SecurityEventNotification(type="StartupOfTheDevice", timestamp=now()))
        self._accepted.set()

    async def _say(self, request: Any) -> Any:
        assert self._station is not None
        self._count += 1
        message_id = "always" if self.fault == "same-id" else f"{self.identity}-{self._count}-{id(self) % 100_000}"
        skip = self.fault == "schema"
        return await self._station.call(request, unique_id=message_id, skip_schema_validation=skip)

    async def say_boot(self, reason: str) -> Any:
        """BootNotification, and what is answered."""
        told = call.BootNotification(charging_station={"model": "Other", "vendor_name": "Others"}, reason=reason)
        return await self._say(told)

    async def say_status(self, evse_id: int) -> None:
        """StatusNotification of a connector."""
        status = "Occupied" if self.evses[evse_id].plugged else "Faulted" if (self.fault, evse_id) == ("never-free", 2) else "Available"
        if self.manner != "by-event":
            await self._say(call.StatusNotification(timestamp=now(), connector_status=status, evse_id=evse_id, connector_id=1))
            return
        self._count += 1
        event = {
            "event_id": self._count, "timestamp": now(), "trigger": "Delta", "actual_value": status,
            "event_notification_type": "HardWiredNotification",
            "component": {"name": "Connector", "evse": {"id": evse_id, "connector_id": 1}}, "variable": {"name": "AvailabilityState"},
        }  # fmt: skip
        await self._say(call.NotifyEvent(generated_at=now(), seq_no=0, event_data=[event]))

    # What it does

    async def _work(self) -> None:
        while True:
            deed = await self.deeds.get()
            await self._accepted.wait()
            # It keeps no queue beside its attempts: what nobody hears is lost.
            with suppress(ConnectionClosed, asyncio.TimeoutError):
                await self._do(deed["deed"], deed["evse"] or 1, {"id_token": deed["token"], "type": deed["type"]})

    async def _do(self, deed: str, evse_id: int, card: dict[str, str]) -> None:
        match deed:
            case "plug_in":
                await self._plug_in(evse_id)
            case "unplug":
                await self._unplug(evse_id)
            case "present":
                await self._present(evse_id, card)

    def _points(self, which: str) -> set[str]:
        return set(self.values["TxCtrlr", which].split(","))

    async def _plug_in(self, evse_id: int) -> None:
        evse = self.evses[evse_id]
        evse.plugged = True
        await self.say_status(evse_id)
        await self._goes_on(evse_id, "CablePluggedIn")

    async def _present(self, evse_id: int, card: dict[str, str]) -> None:
        evse = self.evses[evse_id]
        if evse.card == card:
            await self.stop(evse_id, "RemoteStop" if self.fault == "wrong-trigger" else "StopAuthorized", "Local")
            return
        if self.fault != "no-authorize":
            answer = await self._say(call.Authorize(id_token=card))
            if answer is None or (answer.id_token_info["status"] != "Accepted" and self.fault != "takes-any-card"):
                return
        evse.card = card
        await self._goes_on(evse_id, "Authorized")

    async def start_from_afar(self, evse_id: int, card: dict[str, str], remote_start_id: int) -> None:
        """The CSMS wants a driver to charge."""
        if self.values["AuthCtrlr", "AuthorizeRemoteStart"] == "true" or self.fault == "asks-anyway":
            answer = await self._say(call.Authorize(id_token=card))
            if answer is None or answer.id_token_info["status"] != "Accepted":
                return
        evse = self.evses[evse_id]
        evse.card, evse.remote_start_id = card, remote_start_id
        await self._goes_on(evse_id, "Authorized")

    async def _measure(self) -> None:
        """A register is told of every so many seconds of a transaction."""
        while True:
            interval_s = int(self.values["SampledDataCtrlr", "TxUpdatedInterval"])
            await asyncio.sleep((interval_s * 2 if self.fault == "slow-meter" else interval_s) or 0.1)
            for evse_id, evse in self.evses.items():
                if interval_s and evse.transaction:
                    with suppress(ConnectionClosed, asyncio.TimeoutError):
                        await self._event(evse_id, "MeterValuePeriodic", "Charging", measured=True)

    async def _goes_on(self, evse_id: int, trigger: str) -> None:
        evse = self.evses[evse_id]
        starts = self._points("TxStartPoint")
        path = evse.plugged and evse.card is not None
        met = {"EVConnected": evse.plugged, "Authorized": evse.card is not None, "PowerPathClosed": path, "EnergyTransfer": path}
        if not evse.transaction and not any(met.get(point, False) for point in starts):
            return
        # One event tells of what happened, the next that energy flows.
        liar = self.fault == "charges-at-once"
        state = "Charging" if liar and evse.plugged else "EVConnected" if evse.plugged else "Idle"
        told = [self._made(evse_id, trigger, state, with_card=trigger == "Authorized" or not evse.transaction)]
        if path and not liar:
            told.append(self._made(evse_id, "ChargingStateChanged", "Charging"))
        if self.fault == "wrong-order" and len(told) > 1:
            told[0].seq_no, told[1].seq_no = told[1].seq_no, told[0].seq_no
        if self.manner == "any-order":
            told.reverse()
        for one in told:
            await self._tell(one)

    async def stop(self, evse_id: int, trigger: str, reason: str) -> None:
        """Somebody stops a transaction."""
        evse = self.evses[evse_id]
        ends = bool(self._points("TxStopPoint") & {"Authorized", "PowerPathClosed", "EnergyTransfer"})
        if evse.transaction:
            state = "EVConnected" if evse.plugged else "Idle"
            await self._event(evse_id, trigger, state, ended=reason if ends else "", with_card=reason == "Local")
            if not ends:
                evse.card = None
                await self._event(evse_id, "ChargingStateChanged", "EVConnected")
        evse.card = None

    async def _unplug(self, evse_id: int) -> None:
        evse = self.evses[evse_id]
        evse.plugged = False
        if self.fault != "no-available":
            await self.say_status(evse_id)
        if evse.transaction:
            ends = "EVConnected" in self._points("TxStopPoint")
            await self._event(evse_id, "EVCommunicationLost", "Idle", ended="EVDisconnected" if ends else "")
        evse.card = None

    async def _event(self, evse_id: int, trigger: str, state: str, *, ended: str = "", with_card: bool = False, measured: bool = False) -> None:
        transaction = self.evses[evse_id].transaction
        await self._tell(self._made(evse_id, trigger, state, ended=ended, with_card=with_card, measured=measured))
        if ended and self.fault == "goes-on":
            self.evses[evse_id].transaction = transaction
            await self._tell(self._made(evse_id, "ChargingStateChanged", "Idle"))
            self.evses[evse_id].transaction = ""

    async def _tell(self, event: Any) -> None:
        """As often as it takes, or as it may."""
        if self.fault == "late-event" and event.event_type == "Started":
            await asyncio.sleep(LATE_S)
        attempts = 1 if self.fault == "gives-up" else int(self.values["OCPPCommCtrlr", "MessageAttempts"])
        for attempt in range(1, attempts + 1):
            # Silence is as good as an error.
            with suppress(asyncio.TimeoutError):
                if await self._say(event) is not None:
                    return
            if self.fault != "tries-at-once" and attempt < attempts:
                await asyncio.sleep(attempt * int(self.values["OCPPCommCtrlr", "MessageAttemptInterval"]))

    def _made(self, evse_id: int, trigger: str, state: str, *, ended: str = "", with_card: bool = False, measured: bool = False) -> Any:
        evse = self.evses[evse_id]
        kind = "Updated"
        if not evse.transaction:
            kind = "Started"
            self._count += 1
            evse.transaction = f"{self.identity}-{self._count}-{id(self) % 100_000}-{datetime.now(UTC).timestamp()}"[:36]
            evse.seq_no = evse.seq_no if self.manner == "counts-on" else 0
        elif ended and self.fault != "no-ended":
            kind = "Ended"
        elif self.fault == "started-twice":
            kind = "Started"
        card = evse.card
        if card is not None and self.fault == "wrong-card":
            card = {**card, "id_token": card["id_token"][::-1]}
        info: dict[str, Any] = {"transaction_id": evse.transaction, "charging_state": state}
        if kind == "Ended":
            info["stopped_reason"] = ended
        if evse.remote_start_id is not None and not measured and self.fault != "no-remote-start":
            info["remote_start_id"], trigger = evse.remote_start_id, "RemoteStart"
        evse.remote_start_id = None
        timestamp = now()
        if self.fault == "clock-runs-back":
            evse.moment -= timedelta(seconds=1)
            timestamp = evse.moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        measurand = "Current.Import" if self.fault == "other-measurand" else "Energy.Active.Import.Register"
        sample = {"value": 1.0, "context": "Sample.Periodic", "measurand": measurand}
        told = call.TransactionEvent(
            event_type=kind,
            timestamp=timestamp.removesuffix("Z") if self.fault == "no-zone" else timestamp,
            trigger_reason="Because" if self.fault == "schema" else trigger,
            seq_no=evse.seq_no,
            transaction_info=info,
            evse=None if self.fault == "no-evse" else {"id": evse_id, "connector_id": 1},
            id_token=card if with_card else None,
            meter_value=[{"timestamp": timestamp, "sampled_value": [sample]}] if measured else None,
        )
        evse.seq_no += 2 if self.fault == "seq-gap" else 1
        if kind == "Ended" or (ended and self.fault == "no-ended"):
            evse.transaction = ""
        return told


async def lives(station: Foreign) -> None:
    """It is there until its process is ended."""
    async with station:
        sys.stdout.write(f"hook {station.hook}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """A process of its own."""
    parser = argparse.ArgumentParser(description="A charging station by other hands, which prints where its HTTP hook is.")
    parser.add_argument("url", help="the CSMS, without the identity")
    parser.add_argument("--identity", default="FOREIGN-1")
    parser.add_argument("--fault", default="", help=", ".join(FAULTS))
    parser.add_argument("--hook-port", type=int, default=0)
    parser.add_argument("--offers", default="ocpp2.0.1", help="subprotocols, separated by commas")
    parser.add_argument("--password-file", type=Path, help="security profiles 1 and 2")
    parser.add_argument("--root", type=Path, help="security profiles 2 and 3: the root of the CSMS's certificate, PEM")
    parser.add_argument("--cert", type=Path, help="security profile 3: its own certificate with the key behind it, PEM")
    args = parser.parse_args()
    tls = None
    if args.root is not None:
        tls = ssl.create_default_context(cafile=str(args.root))
        if args.cert is not None:
            tls.load_cert_chain(args.cert)
    password = args.password_file.read_text().strip() if args.password_file is not None else ""
    offers = tuple(args.offers.split(","))
    asyncio.run(lives(Foreign(args.url, args.fault, args.identity, tls, password=password, offers=offers, hook_port=args.hook_port)))


if __name__ == "__main__":
    main()
