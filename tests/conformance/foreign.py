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
from datetime import UTC, datetime
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
}
"""What may be planted, and what it does then."""

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
}
PASSWORD = ("SecurityCtrlr", "BasicAuthPassword")

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
                self.owner.password = item["attribute_value"]
                asyncio.get_running_loop().call_later(0.2, self._connection.transport.abort)
                results.append({"attribute_status": "Accepted", "component": item["component"], "variable": item["variable"]})
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
    ) -> None:
        if fault and fault not in FAULTS:
            raise ValueError(f"{fault}: must be one of {', '.join(FAULTS)}")
        self.url = url
        self.fault = fault
        self.identity = identity
        self.tls = tls
        self.password = password
        self.offers = offers
        self.dials = True
        self._hook_port = hook_port
        self.values = dict(START)
        self.evses = {1: Evse(), 2: Evse()}
        self.deeds: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.hook = ""
        self._station: Station | None = None
        self._accepted = asyncio.Event()
        self._count = 0
        self._life: asyncio.Task[None] | None = None
        self._worker: asyncio.Task[None] | None = None
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
            evse.card, evse.transaction = None, ""
        self._lives()

    def _lives(self) -> None:
        self._life = asyncio.create_task(self._live())
        self._worker = asyncio.create_task(self._work())

    async def _dies(self) -> None:
        for task in (self._worker, self._life):
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
        status = "Occupied" if self.evses[evse_id].plugged else "Available"
        await self._say(call.StatusNotification(timestamp=now(), connector_status=status, evse_id=evse_id, connector_id=1))

    # What it does

    async def _work(self) -> None:
        while True:
            deed = await self.deeds.get()
            await self._accepted.wait()
            # It keeps no queue: what nobody hears is lost.
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
            await self._stop(evse_id)
            return
        if self.fault != "no-authorize":
            answer = await self._say(call.Authorize(id_token=card))
            if answer is None or (answer.id_token_info["status"] != "Accepted" and self.fault != "takes-any-card"):
                return
        evse.card = card
        await self._goes_on(evse_id, "Authorized")

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
        await self._event(evse_id, trigger, state, with_card=trigger == "Authorized" or not evse.transaction)
        if path and not liar:
            await self._event(evse_id, "ChargingStateChanged", "Charging")

    async def _stop(self, evse_id: int) -> None:
        evse = self.evses[evse_id]
        ends = bool(self._points("TxStopPoint") & {"Authorized", "PowerPathClosed", "EnergyTransfer"})
        if evse.transaction:
            trigger = "RemoteStop" if self.fault == "wrong-trigger" else "StopAuthorized"
            await self._event(evse_id, trigger, "EVConnected" if evse.plugged else "Idle", ended="Local" if ends else "", with_card=True)
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

    async def _event(self, evse_id: int, trigger: str, state: str, *, ended: str = "", with_card: bool = False) -> None:
        evse = self.evses[evse_id]
        kind = "Updated"
        if not evse.transaction:
            kind = "Started"
            self._count += 1
            evse.transaction, evse.seq_no = f"{self.identity}-{self._count}-{id(self) % 100_000}-{datetime.now(UTC).timestamp()}"[:36], 0
        elif ended and self.fault != "no-ended":
            kind = "Ended"
        elif self.fault == "started-twice":
            kind = "Started"
        card = evse.card
        if card is not None and self.fault == "wrong-card":
            card = {**card, "id_token": card["id_token"][::-1]}
        info = {"transaction_id": evse.transaction, "charging_state": state, **({"stopped_reason": ended} if kind == "Ended" else {})}
        told = call.TransactionEvent(
            event_type=kind,
            timestamp=now(),
            trigger_reason="Because" if self.fault == "schema" else trigger,
            seq_no=evse.seq_no,
            transaction_info=info,
            evse=None if self.fault == "no-evse" else {"id": evse_id, "connector_id": 1},
            id_token=card if with_card else None,
        )
        evse.seq_no += 2 if self.fault == "seq-gap" else 1
        if kind == "Ended" or (ended and self.fault == "no-ended"):
            evse.transaction = ""
        await self._say(told)


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
