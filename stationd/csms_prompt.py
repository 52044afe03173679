"""What ``stationd csms`` shows, and the lines it understands.

Law: one message, one line; an idToken is shown by its last four characters, a password not at all; a line that cannot be understood is answered with
what could be.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from threading import Thread
from typing import Any

import msgspec

from engine.errors import StationdError
from stationd.csms import Entry, FriendlyCsms, Refusal
from stationd.csms_answers import Payload, members, schema

LINE_MOST = 200
VALUE_MOST = 48
WAIT_MOST_S = 60.0

TOKENS = frozenset(["idToken", "additionalIdToken", "emaid", "evccId", "vin", "vatNumber", "customerIdentifier"])
"""Members that name a person or a card."""

SECRETS = frozenset(["basicAuthPassword", "apnPassword", "simPin", "password", "key", "sharedSecret"])
SECRET_VARIABLES = frozenset(["BasicAuthPassword", "SharedSecret"])
SKIPPED = frozenset(["timestamp", "customData"])

HELP = """\
  stations                          who is connected; the one with the star is talked to
  use ID                            talk to this station
  wait [ID]                         until a station is connected (60 s at most)
  get COMPONENT/VARIABLE            GetVariables; in full: Comp[instance]@evse.connector/Var[instance]#Target
  set COMPONENT/VARIABLE=VALUE      SetVariables
  start EVSE TOKEN [TYPE]           RequestStartTransaction (type: ISO14443)
  stop [TRANSACTION]                RequestStopTransaction (without an id: the last one that started)
  reset [OnIdle|Immediate] [EVSE]   Reset
  trigger MESSAGE [EVSE] [CONNECTOR]  TriggerMessage
  unlock EVSE [CONNECTOR]           UnlockConnector
  block TOKEN / unblock TOKEN       answer this idToken with Blocked, or Accepted again
  call ACTION [JSON]                any action; without JSON the smallest sensible request
  describe ACTION                   the members of its request
  drop                              cut the connection
  help, quit"""


class Prompt:
    """Lines in, lines out.  *out* is given each line to show; None: standard output."""

    def __init__(self, csms: FriendlyCsms, out: Callable[[str], None] | None = None) -> None:
        self._csms = csms
        self._out: Callable[[str], None] = out or _print
        self._using = ""
        self._commands: dict[str, Callable[[str], Awaitable[None]]] = {
            "stations": self._stations,
            "use": self._use,
            "wait": self._wait,
            "get": self._get,
            "set": self._set,
            "start": self._start,
            "stop": self._stop,
            "reset": self._reset,
            "trigger": self._trigger,
            "unlock": self._unlock,
            "block": self._block,
            "unblock": self._unblock,
            "call": self._call,
            "describe": self._describe,
            "drop": self._drop,
            "help": self._help,
        }

    # Out

    def show(self, entry: Entry) -> None:
        """One thing that happened, as a line."""
        at = entry.at.strftime("%H:%M:%S.") + f"{entry.at.microsecond // 1000:03d}"
        if entry.kind in ("open", "closed"):
            text = f"{'connected' if entry.kind == 'open' else 'gone'}, {entry.payload}"
        else:
            text = f"{'<-' if entry.sent else '->'} {_what(entry)}"
        text = f"{at}  {entry.identity}  {text}"
        problem = f"  ! {entry.problem}" if entry.problem else ""
        self._out(_one_line(text, LINE_MOST) + _one_line(problem, LINE_MOST))

    # In

    async def line(self, text: str) -> bool:
        """Do what a line says; False where it failed, which was shown.  ``quit`` raises EOFError."""
        word, _, rest = text.strip().partition(" ")
        if not word or word.startswith("#"):
            return True
        if word in ("quit", "exit"):
            raise EOFError
        command = self._commands.get(word)
        try:
            if command is None:
                raise ValueError(f"{word}: no such command; help shows them")
            await command(rest.strip())
        except Refusal as error:
            self._out(f"refused: {error}")
            return False
        except (ValueError, StationdError) as error:
            self._out(str(error))
            return False
        return True

    @property
    def station(self) -> str:
        """The identity that commands are for.

        Raises:
            ValueError: None is connected, or it was not said which.
        """
        here = self._csms.stations
        if self._using in here:
            return self._using
        if len(here) == 1:
            return next(iter(here))
        if not here:
            raise ValueError("no station is connected; wait waits for one")
        gone = f"{self._using} is gone; " if self._using else ""
        raise ValueError(f"{gone}{len(here)} stations are connected; choose one with use ID: {', '.join(here)}")

    async def _do(self, action: str, payload: Payload | None = None) -> Payload:
        return await self._csms.call(self.station, action, payload)

    async def _stations(self, _: str) -> None:
        here = self._csms.stations
        chosen = self.station if len(here) == 1 or self._using in here else ""
        for identity, version in here.items():
            self._out(f"{'*' if identity == chosen else ' '} {identity}  OCPP {version}")
        if not here:
            self._out("no station is connected")

    async def _use(self, rest: str) -> None:
        if rest not in self._csms.stations:
            raise ValueError(f"{rest or 'use'}: must be a station that is connected: {', '.join(self._csms.stations) or 'none is'}")
        self._using = rest

    async def _wait(self, rest: str) -> None:
        if rest:
            await self._csms.connected(rest, timeout_s=WAIT_MOST_S)
        elif not self._csms.stations:
            await self._csms.next_seen(lambda entry: entry.kind == "open" and not entry.problem, timeout_s=WAIT_MOST_S)

    async def _get(self, rest: str) -> None:
        answer = await self._do("GetVariables", {"getVariableData": [variable(rest)]})
        for one in answer.get("getVariableResult", []):
            value = one.get("attributeValue", "") if one.get("attributeStatus") == "Accepted" else one.get("attributeStatus")
            self._out(f"{rest} = {'****' if _secret(one) else value}")

    async def _set(self, rest: str) -> None:
        name, equals, value = rest.partition("=")
        if not equals:
            raise ValueError("set needs COMPONENT/VARIABLE=VALUE, for example set OCPPCommCtrlr/HeartbeatInterval=60")
        await self._do("SetVariables", {"setVariableData": [{**variable(name), "attributeValue": value}]})

    async def _start(self, rest: str) -> None:
        words = rest.split()
        if len(words) not in (2, 3):
            raise ValueError("start needs EVSE TOKEN, for example start 1 04AABBCC")
        token = {"idToken": words[1], "type": words[2] if len(words) > 2 else "ISO14443"}  # noqa: PLR2004
        made = {"evseId": _number(words[0], "EVSE"), "idToken": token, "remoteStartId": int(self._csms.next_id().rpartition("-")[2])}
        await self._do("RequestStartTransaction", made)

    async def _stop(self, rest: str) -> None:
        await self._do("RequestStopTransaction", {"transactionId": rest or self._last_transaction()})

    def _last_transaction(self) -> str:
        open_ones: dict[str, None] = {}
        for entry in self._csms.log.get(self.station, ()):
            if entry.action == "TransactionEvent" and entry.kind == "CALL" and not entry.problem:
                transaction_id = entry.payload["transactionInfo"]["transactionId"]
                open_ones[transaction_id] = None
                if entry.payload["eventType"] == "Ended":
                    del open_ones[transaction_id]
        if not open_ones:
            raise ValueError("no transaction of this station is going on that this CSMS has heard of; stop TRANSACTION names one")
        return list(open_ones)[-1]

    async def _reset(self, rest: str) -> None:
        words = rest.split()
        made: Payload = {"type": words[0] if words else "OnIdle"}
        if len(words) > 1:
            made["evseId"] = _number(words[1], "EVSE")
        await self._do("Reset", made)

    async def _trigger(self, rest: str) -> None:
        words = rest.split()
        if not words:
            raise ValueError("trigger needs a MESSAGE, for example trigger Heartbeat or trigger StatusNotification 1 1")
        made: Payload = {"requestedMessage": words[0]}
        if len(words) > 1:
            made["evse"] = {"id": _number(words[1], "EVSE")}
        if len(words) > 2:  # noqa: PLR2004
            made["evse"]["connectorId"] = _number(words[2], "CONNECTOR")
        await self._do("TriggerMessage", made)

    async def _unlock(self, rest: str) -> None:
        words = rest.split()
        if not words:
            raise ValueError("unlock needs EVSE [CONNECTOR], for example unlock 1")
        made = {"evseId": _number(words[0], "EVSE"), "connectorId": _number(words[1], "CONNECTOR") if len(words) > 1 else 1}
        await self._do("UnlockConnector", made)

    async def _block(self, rest: str) -> None:
        if not rest:
            raise ValueError("block needs a TOKEN")
        self._csms.settings.blocked_tokens.add(rest.casefold())

    async def _unblock(self, rest: str) -> None:
        self._csms.settings.blocked_tokens.discard(rest.casefold())

    async def _call(self, rest: str) -> None:
        action, _, text = rest.partition(" ")
        if not action:
            raise ValueError('call needs an ACTION, for example call GetReport {"requestId":1} or call GetBaseReport')
        payload: Any = None
        if text.strip():
            try:
                payload = msgspec.json.decode(text)
            except msgspec.DecodeError as error:
                raise ValueError(f"no JSON: {error}") from error
            if not isinstance(payload, dict):
                raise ValueError('a request is a JSON object, for example {"requestId":1}')
        try:
            await self._do(action, payload)
        except ValueError as error:
            described = self._about(action)
            raise ValueError(f"{error}{f'; its members: {described}' if described and payload is None else ''}") from error

    def _about(self, action: str) -> str:
        found = schema(self._csms.stations[self.station], f"{action}Request") if self._csms.stations else None
        return "" if found is None else ", ".join(members(found))

    async def _describe(self, rest: str) -> None:
        version = self._csms.stations.get(self.station, "2.1") if self._csms.stations else "2.1"
        found = schema(version, f"{rest}Request")
        if found is None:
            raise ValueError(f"{rest or 'describe'}: OCPP {version} has no such action")
        for member in members(found):
            self._out(f"  {member}")

    async def _drop(self, _: str) -> None:
        self._csms.drop(self.station)

    async def _help(self, _: str) -> None:
        self._out(HELP)


def _print(text: str) -> None:
    print(text, flush=True)


def _number(text: str, what: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{what} {text}: must be a number, for example 1")
    return int(text)


def variable(text: str) -> Payload:
    """``Comp[instance]@evse.connector/Var[instance]#Target`` as component, variable and attributeType.

    Raises:
        ValueError: It is none; the text says how one looks.
    """
    left, slash, right = text.strip().partition("/")
    name, _, attribute = right.partition("#")
    component, _, where = left.partition("@")
    if not slash or not component or not name:
        raise ValueError(f"{text.strip() or 'a variable'}: must be COMPONENT/VARIABLE, for example OCPPCommCtrlr/HeartbeatInterval")
    made: Payload = {"component": _named(component), "variable": _named(name)}
    if where:
        evse, dot, connector = where.partition(".")
        made["component"]["evse"] = {"id": _number(evse, "EVSE"), **({"connectorId": _number(connector, "CONNECTOR")} if dot else {})}
    if attribute:
        made["attributeType"] = attribute
    return made


def _named(text: str) -> Payload:
    name, bracket, instance = text.partition("[")
    return {"name": name, **({"instance": instance.removesuffix("]")} if bracket else {})}


# How a message is shown


def _what(entry: Entry) -> str:
    if entry.kind == "garbage":
        # Nobody knows what is in it, so nothing of it is shown.
        return f"something that is no message, {len(str(entry.payload))} characters"
    action = entry.action or f"(message {entry.message_id})"
    if entry.kind == "CALLERROR":
        error = entry.payload
        return f"{action} refused  {error['code']}  {error['description']}"
    if entry.kind == "CALLRESULTERROR":
        return f"could not use our answer to {action}  {entry.payload['code']}  {entry.payload['description']}"
    return f"{action}{' answered' if entry.kind == 'CALLRESULT' else ''}  {summary(entry.payload)}"


def summary(payload: Any) -> str:
    """A payload as ``member=value`` words, persons and secrets masked, times left out."""
    words: list[str] = []
    length = 0
    for word in _words(payload, ""):
        words.append(word)
        length += len(word)
        if length > LINE_MOST:
            break
    return " ".join(words)


def _words(value: Any, path: str) -> Iterator[str]:
    match value:
        case dict():
            variable_text = _variable_text(value)
            if variable_text is not None:
                yield variable_text
                return
            sample = _sample_text(value)
            if sample is not None:
                yield sample
                return
            for name, member in value.items():
                # Where a member is from is told by the one around it; the whole way would fill the line.
                where = f"{path.rpartition('.')[2]}.{name}".lstrip(".")
                if name in SKIPPED:
                    continue
                if name in SECRETS or (name == "attributeValue" and _secret(value)):
                    yield f"{where}=****"
                elif name in TOKENS and isinstance(member, str):
                    yield f"{where}={masked(member)}"
                else:
                    yield from _words(member, where)
        case list():
            for member in value:
                yield from _words(member, path)
        case _:
            yield f"{path}={_short(value)}"


def _variable_text(value: Payload) -> str | None:
    """``OCPPCommCtrlr/HeartbeatInterval=300 Accepted`` for whatever is about one variable."""
    component, name = value.get("component"), value.get("variable")
    if not isinstance(component, dict) or not isinstance(name, dict):
        return None
    evse = component.get("evse")
    where = f"@{evse.get('id')}" + (f".{evse['connectorId']}" if "connectorId" in evse else "") if isinstance(evse, dict) else ""
    text = f"{_instance(component)}{where}/{_instance(name)}"
    given = next((value[member] for member in ("attributeValue", "actualValue", "value") if member in value), None)
    if given is not None:
        text += f"={'****' if _secret(value) else _short(given)}"
    status = next((value[member] for member in ("attributeStatus", "status") if member in value), None)
    return f"{text} {status}" if status is not None else text


def _instance(named: Payload) -> str:
    return f"{named.get('name')}" + (f"[{named['instance']}]" if "instance" in named else "")


def _sample_text(value: Payload) -> str | None:
    """``Energy.Active.Import.Register=1234 Wh`` for a sampled value."""
    if not isinstance(value.get("value"), int | float):
        return None
    unit = value.get("unitOfMeasure")
    measurand = value.get("measurand", "Energy.Active.Import.Register")
    phase = f".{value['phase']}" if "phase" in value else ""
    return f"{measurand}{phase}={value['value']}{unit.get('unit', '') if isinstance(unit, dict) else ''}"


def _secret(value: Payload) -> bool:
    name = value.get("variable")
    return isinstance(name, dict) and name.get("name") in SECRET_VARIABLES


def masked(token: str) -> str:
    """The last four characters of a token, where there is something left to hide."""
    return f"…{token[-4:]}" if len(token) > 4 else "****"  # noqa: PLR2004


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if len(text) > VALUE_MOST:
        return f"{text[: VALUE_MOST // 2]}…({len(text)} characters)"
    return text


def _one_line(text: str, most: int) -> str:
    text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= most else f"{text[: most - 1]}…"


# Standard input


async def attend(csms: FriendlyCsms, prompt: Prompt, *, exit_on_eof: bool, fd: int | None = None) -> int:
    """Do what standard input says, until SIGINT, SIGTERM or ``quit``; returns the exit status, 1 where a line failed and nobody sat there."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    _print(f"listening on {csms.url}; help shows what can be said here")
    if fd is None and sys.stdin is not None:
        fd = sys.stdin.fileno()
    work = loop.create_task(_lines(prompt, fd, stopped, exit_on_eof=exit_on_eof))
    await stopped.wait()
    work.cancel()
    results = await asyncio.gather(work, return_exceptions=True)
    failed = results[0]
    if isinstance(failed, Exception):
        raise failed
    return 1 if failed is True and fd is not None and not os.isatty(fd) else 0


async def _lines(prompt: Prompt, fd: int | None, stopped: asyncio.Event, *, exit_on_eof: bool) -> bool:
    """Every line in turn; whether one of them failed."""
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    failed = False
    try:
        if fd is not None:
            # A thread, because a file can be read no other way; of its own descriptor, so that it holds no lock when the process ends.
            Thread(target=read_lines, args=(fd, asyncio.get_running_loop(), lines), daemon=True).start()
            while (text := await lines.get()) is not None:
                failed = not await prompt.line(text) or failed
        if exit_on_eof:
            stopped.set()
    except EOFError:
        stopped.set()
    except Exception:
        stopped.set()
        raise
    return failed


def read_lines(fd: int, loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str | None]) -> None:
    """Put every line of *fd* into *lines* of a loop, and None at its end; for a thread of its own."""
    rest = b""
    try:
        while True:
            try:
                chunk = os.read(fd, 65536)
            except OSError:
                chunk = b""
            *whole, rest = (rest + chunk).split(b"\n")
            if not chunk and rest:
                whole.append(rest)
            for line in whole:
                loop.call_soon_threadsafe(lines.put_nowait, line.decode("utf-8", "replace"))
            if not chunk:
                loop.call_soon_threadsafe(lines.put_nowait, None)
                return
    except RuntimeError:
        return  # the loop is closed: nobody listens any more
