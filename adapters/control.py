"""The control socket: a person, a test or another program works the simulated hardware and the daemon.

Law: an answer means accepted and journalled, never that the CSMS has answered; a bad request changes nothing and is told which argument is wrong.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from adapters.daemon import Daemon
from engine.errors import SetupFault, StationdError
from engine.event import Fact, Input
from engine.kernel import Turn
from engine.machine import Station
from eventlog.vault import PERSON, Keeper
from machines.certificates.state import CSMS_ROOT, ROOT_USES
from machines.inputs import CardPresented, ForgetAsked, HoldAsked, ServicesSelected
from machines.persons.machine import needed_for
from machines.summary import events_of, summary

log = logging.getLogger("stationd.control")

LINE_MOST_BYTES = 1 << 20
BACKLOG_MOST_BYTES = 4 << 20
TOKEN_TYPES = (
    "Central",
    "eMAID",
    "EVCCID",
    "ISO14443",
    "ISO15693",
    "KeyCode",
    "Local",
    "MacAddress",
    "NoAuthorization",
    "VIN",
    "DirectPayment",
)
UID_BYTES = {"ISO14443": (4, 7, 10), "ISO15693": (8,)}
"""How long the identifiers of real cards are, by token type; a CSMS may refuse others."""
EVENTS = ("link", "session", "transaction", "vas", "alarm")
HARDWARE = ("plug_in", "plug_out", "ev_pause", "ev_resume", "set_meter")
SETTINGS = ("set_variable", "reset_variable", "release_variable")
ROOTS = ("add_roots", "remove_root")
VERBS = (*HARDWARE, "swipe", "select_services", "disconnect", "connect", "forget", *SETTINGS, *ROOTS, "state", "subscribe", "shutdown")
PSEUDONYM_DIGITS_LEAST = 6

Hardware = Callable[[str, dict[str, Any]], object]


class ControlSocket:
    """A Unix stream socket of mode 0600, one JSON object a line (``docs/control.md``)."""

    def __init__(self, path: Path, daemon: Daemon, vault: Keeper, hardware: Hardware, shutdown: Callable[[str], None]) -> None:
        self._path = path
        self._daemon = daemon
        self._vault = vault
        self._hardware = hardware
        self._shutdown = shutdown
        self._server: asyncio.Server | None = None
        self._clients: set[_Client] = set()
        self._link: dict[str, Any] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Accept connections.  A stale socket file is replaced; one that somebody answers on is an error."""
        if self._path.is_socket():
            try:
                _, writer = await asyncio.open_unix_connection(str(self._path))
            except OSError:
                self._path.unlink(missing_ok=True)
            else:
                writer.close()
                raise StationdError(f"{self._path}: another station answers on this control socket; give this one a path of its own (--control PATH)")
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._accept, str(self._path), limit=LINE_MOST_BYTES)
        finally:
            os.umask(mask)

    async def close(self) -> None:
        """Let everybody go and remove the file."""
        if self._server is not None:
            self._server.close()
            for client in list(self._clients):
                client.writer.close()
            self._path.unlink(missing_ok=True)

    def observe(self, turn: Turn, station: Station) -> None:
        """Turn what was concluded into events for whoever subscribed."""
        for event in events_of(turn, station):
            if event["event"] == "link":
                self._link = event
            for client in list(self._clients):
                if event["event"] in client.events:
                    client.send(event)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(writer)
        self._clients.add(client)
        try:
            while True:
                try:
                    line = await reader.readline()
                except ValueError:
                    client.send({"ok": False, "error": f"a line is longer than {LINE_MOST_BYTES} bytes"})
                    break
                if not line:
                    break
                if line.strip():
                    await self._request(client, line)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._clients.discard(client)
            writer.close()

    async def _request(self, client: _Client, line: bytes) -> None:
        try:
            request = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            client.send({"ok": False, "error": f"not JSON: {error}"})
            return
        if not isinstance(request, dict) or not isinstance(request.get("verb"), str):
            client.send({"ok": False, "error": 'a request is an object with a "verb", for example {"id": 1, "verb": "state"}'})
            return
        answer: dict[str, Any] = {"id": request["id"]} if "id" in request else {}
        args = request.get("args", {})
        try:
            if not isinstance(args, dict):
                raise ValueError("args: must be an object")
            strange = sorted(request.keys() - {"id", "verb", "args"})
            if strange:
                raise ValueError(f"{strange[0]}: no such member of a request; arguments belong into args")
            result = await self._do(client, request["verb"], args)
        except (ValueError, StationdError) as error:
            client.send({**answer, "ok": False, "error": str(error)})
            return
        client.send({**answer, "ok": True, "result": result})
        if request["verb"] == "subscribe" and self._link is not None and "link" in client.events:
            client.send(self._link)

    async def _do(self, client: _Client, verb: str, args: dict[str, Any]) -> object:
        if verb in HARDWARE:
            result = self._hardware(verb, args)
            await self._daemon.journalled()
            return result
        match verb:
            case "swipe":
                token = _text(args, "token")
                token_type = _text(args, "type", "ISO14443", TOKEN_TYPES)
                evses = tuple(_numbers(args, "evses", [1]))
                _only(args, ("token", "type", "evses"))
                await self._tell(CardPresented(token=self._vault.keep(token, PERSON), token_type=token_type, evse_ids=evses))
                warning = impossible(token, token_type)
                return {"warning": warning} if warning else None
            case "select_services":
                evse = _number(args, "evse")
                services = args.get("services")
                if not isinstance(services, list) or not all(
                    isinstance(pair, list) and len(pair) == 2 and all(type(n) is int for n in pair)  # noqa: PLR2004 (a pair)
                    for pair in services
                ):
                    raise ValueError("services: must be a list of [service id, parameter set id] pairs, for example [[3, 4]]")
                _only(args, ("evse", "services"))
                await self._tell(ServicesSelected(evse_id=evse, services=tuple((a, b) for a, b in services)))
            case "disconnect" | "connect":
                _only(args, ())
                await self._tell(HoldAsked(hold=verb == "disconnect"))
            case "forget":
                handles = subjects(self._vault, args)
                await self._tell(ForgetAsked(handles=handles))
                return {"subjects": {handle[:6]: awaited(self._vault, self._daemon.station, handle) for handle in handles}}
            case "set_variable" | "reset_variable" | "release_variable":
                return await self._setting(verb, args)
            case "add_roots" | "remove_root":
                return await self._roots(verb, args)
            case "state":
                _only(args, ())
                return summary(self._daemon.station, self._daemon.recorder.now())
            case "subscribe":
                names = args.get("events", list(EVENTS))
                if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                    raise ValueError("events: must be a list of event names")
                hooks = args.get("hooks", [])
                if not isinstance(hooks, list):
                    raise ValueError("hooks: must be a list of hook names")
                if hooks:
                    raise ValueError(f"hooks: {hooks[0]} is not asked by this station yet")
                _only(args, ("events", "hooks"))
                client.events = frozenset(names)
            case "shutdown":
                _only(args, ())
                self._shutdown("shutdown")
            case _:
                raise ValueError(f"verb: {verb!r} is not known; known are {', '.join(VERBS)}")
        return None

    async def _setting(self, verb: str, args: dict[str, Any]) -> object:
        from adapters.operator import asked_to_release, asked_to_reset, asked_to_set, outcome  # seldom needed: the start need not pay for it

        station, address = self._daemon.station, _text(args, "address")
        input: Input
        if verb == "set_variable":
            _only(args, ("address", "value", "hold"))
            value, hold = args.get("value"), args.get("hold", False)
            if not isinstance(value, str):
                raise ValueError("value: must be a text, numbers too, as OCPP writes them")
            if not isinstance(hold, bool):
                raise ValueError("hold: must be true or false")
            input = asked_to_set(station, address, value, self._vault.keep, hold=hold)
        else:
            _only(args, ("address",))
            input = asked_to_reset(station, address) if verb == "reset_variable" else asked_to_release(station, address)
        facts = await self._concluded(input)
        return outcome(self._daemon.station, address, facts)

    async def _roots(self, verb: str, args: dict[str, Any]) -> object:
        from adapters.operator import asked_to_add, asked_to_remove, trusted  # seldom needed: the start need not pay for it

        input: Input
        if verb == "add_roots":
            _only(args, ("pem", "use"))
            input = asked_to_add(self._daemon.station, _text(args, "pem"), _text(args, "use", CSMS_ROOT, ROOT_USES))
        else:
            _only(args, ("fingerprint",))
            input = asked_to_remove(self._daemon.station, _text(args, "fingerprint"))
        return trusted(await self._concluded(input))

    async def _concluded(self, input: Input) -> list[Fact]:
        """Tell the station *input*; what it concludes of it."""
        facts: list[Fact] = []

        def see(turn: Turn, _: Station) -> None:
            if turn.input is input:
                facts.extend(turn.facts)

        self._daemon.observers.append(see)
        try:
            await self._tell(input)
        finally:
            self._daemon.observers.remove(see)
        return facts

    async def _tell(self, input: Any) -> None:
        self._daemon.tell(input)
        await self._daemon.journalled()


def impossible(token: str, token_type: str) -> str:
    """Why no card of *token_type* has *token*, without showing it; empty where one may have it, and for types that are no cards."""
    lengths = UID_BYTES.get(token_type)
    if lengths is None:
        return ""
    rule = f"the UID of an {token_type} card has {' or '.join(map(str, lengths))} bytes, in hexadecimal digits"
    if re.fullmatch(r"[0-9A-Fa-f]+", token) is None:
        return f"token: {rule}, and this one has other characters in it; the card was presented, and a CSMS may refuse it"
    if len(token) not in [2 * length for length in lengths]:
        return f"token: {rule}, and this one has {len(token)} digits; the card was presented, and a CSMS may refuse it"
    return ""


class _Client:
    """One connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.events: frozenset[str] = frozenset()

    def send(self, message: dict[str, Any]) -> None:
        """One line; a client that does not read is let go, so that it cannot make the daemon grow."""
        transport = self.writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > BACKLOG_MOST_BYTES:
            transport.abort()
            return
        self.writer.write(msgspec.json.encode(message) + b"\n")


def awaited(vault: Keeper, station: Station, handle: str) -> str:
    """What stands between a person and being forgotten; empty where they are."""
    if not vault.holds(handle):
        return ""
    return needed_for(station, handle) or "the disk, which did not take it yet"


def subjects(vault: Keeper, args: dict[str, Any]) -> tuple[str, ...]:
    """The handles of the person that ``token`` or ``pseudonym`` in *args* names.  Raises ValueError or SetupFault where that is nobody."""
    _only(args, ("token", "pseudonym"))
    if len(args) != 1:
        raise ValueError("token, pseudonym: give one of them")
    if "token" in args:
        handles = vault.find(_text(args, "token"))
        if not handles:
            raise SetupFault("token: nobody with this token is known here; it was never seen, or is forgotten already", 1)
        return tuple(handles)
    pseudonym = _text(args, "pseudonym").casefold()
    if len(pseudonym) < PSEUDONYM_DIGITS_LEAST or pseudonym.strip("0123456789abcdef"):
        raise ValueError(f"pseudonym: must be {PSEUDONYM_DIGITS_LEAST} hexadecimal digits or more, as log sessions shows them")
    handles = vault.begin(pseudonym)
    if not handles:
        raise SetupFault(f"pseudonym: nobody is known as {pseudonym} here; it was never given, or the person is forgotten already", 1)
    if len(handles) > 1:
        raise SetupFault(f"pseudonym: {pseudonym} is the beginning of {len(handles)} of them; log show --full shows more digits, give some more", 1)
    return tuple(handles)


def _only(args: dict[str, Any], known: tuple[str, ...]) -> None:
    for name in args:
        if name not in known:
            raise ValueError(f"{name}: no such argument" + (f"; known are {', '.join(known)}" if known else "; this verb takes none"))


def _text(args: dict[str, Any], name: str, default: str | None = None, among: tuple[str, ...] = ()) -> str:
    value = args.get(name, default)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}: must be a text")
    if among and value not in among:
        raise ValueError(f"{name}: {value!r} is not one of {', '.join(among)}")
    return value


def _number(args: dict[str, Any], name: str) -> int:
    value = args.get(name)
    if type(value) is not int or value < 1:
        raise ValueError(f"{name}: must be a whole number from 1")
    return value


def _numbers(args: dict[str, Any], name: str, default: list[int]) -> list[int]:
    value = args.get(name, default)
    if not isinstance(value, list) or not all(type(n) is int and n > 0 for n in value):
        raise ValueError(f"{name}: must be a list of EVSE ids, for example [1, 2]")
    return value
