"""The port to the CSMS: frames to inputs, effects to frames.

Law: secrets and persons are sealed before an input is made, and revealed only at the socket; nothing of a payload reaches a log.
"""

from __future__ import annotations

import logging
from binascii import b2a_base64
from collections.abc import Callable, Sequence
from hashlib import blake2b

from adapters.websocket import WebSocket
from engine.event import Effect, EffectId, Input
from engine.ports import Tell
from eventlog.vault import FRAME, SECRET, Keeper, shown_to_csms
from machines.connection import reasons
from machines.connection.machine import over_tls
from machines.effects import Call, Dial, HangUp, Reply, ReplyError, Say, SetPingInterval
from machines.inputs import Answered, Called, CalledBadly, Garbled, LinkDown, LinkUp, Refused, StraySend
from machines.outbound.asks import read_message_id
from machines.version.machine import VERSIONS
from wire import frame, sealed, sealing
from wire.schemas import Schemas

log = logging.getLogger("stationd.csms")

MESSAGE_MOST_BYTES = 1 << 20
"""A longer message is refused by closing the link; a CSMS that wants to say more has to split it."""

CONNECT_TIMEOUT_S = 20.0

REFUSALS_MOST = 256
"""So many kinds of refusals are logged in the life of a process: their actions are the CSMS's own texts."""

MASK = "<secret>"
"""What stands for a secret of ours in a text of the CSMS."""

SECRET_LEAST_CHARS = 4
"""A shorter one is looked for in no text: it would be found everywhere, and hidden nowhere."""

DETAIL_MOST_CHARS = 200
"""How much is kept of why a link ended."""


class CsmsPort:
    """One station's link to its CSMS.

    *number* is the journal's own number, for reading our own message ids; *secrets* are the names of write-only variables, folded.
    """

    performs = (Dial, HangUp, Call, Reply, ReplyError, Say, SetPingInterval)

    def __init__(self, schemas: Schemas, vault: Keeper, number: int, secrets: sealing.Secrets = sealing.WELL_KNOWN) -> None:
        self._schemas = schemas
        self._vault = vault
        self._number = number
        self._secrets = secrets
        self._put: Tell = self._told
        self._drain: Callable[[], None] = _nothing
        self._tell: Tell = lambda _: None
        self._socket: WebSocket | None = None
        self._events: _Link | None = None
        self._stopped = False
        self._refused: set[tuple[str, str]] = set()

    def start(self, tell: Tell) -> None:
        """No link is open yet; the station dials."""
        self._tell = tell

    def stop(self) -> None:
        """Close whatever is open, and tell no more."""
        self._stopped = True
        if self._socket is not None:
            self._socket.close(1001, "going down")

    # Effects

    def perform(self, effect_id: EffectId, effect: Effect) -> None:  # noqa: ARG002 (none of these is followed)
        """Send, dial or hang up.  What is meant for a link that is gone is lost with it, and its loss was told."""
        match effect:
            case Reply():
                self._send(effect.link, frame.call_result(effect.message_id, self._clear(effect.payload)))
            case Call():
                self._send(effect.link, frame.call(effect.message_id, effect.action, self._clear(effect.payload)))
                if self._events is not None:
                    self._events.asked[effect.message_id] = effect.action
            case ReplyError():
                self._log_refusal(effect)
                self._send(effect.link, frame.call_error(effect.message_id, effect.code, effect.description))
            case Say():
                self._send(effect.link, effect.frame)
            case Dial():
                self._dial(effect)
            case HangUp():
                if self._socket is not None and self._events is not None and self._events.link == effect.link:
                    self._socket.close(effect.code, effect.reason)
                else:
                    self.tell_down(effect.link, reasons.CLOSED_BY_US, "the link was gone already")
            case SetPingInterval():
                if self._socket is not None and self._events is not None and self._events.link == effect.link:
                    self._socket.set_ping_interval(float(effect.seconds))
            case _:
                raise TypeError(f"{type(effect).__name__} is not for this port")

    def _log_refusal(self, effect: ReplyError) -> None:
        """Log what the CSMS asks in vain, once an action and code: it asks again and again, and that is what somebody has to know."""
        asked = effect.action, effect.code
        if effect.action and asked not in self._refused and len(self._refused) < REFUSALS_MOST:
            self._refused.add(asked)
            log.warning("the %s of the CSMS is answered with %s: %s", effect.action, effect.code, effect.description or "no description")

    def _clear(self, payload: bytes) -> bytes:
        if b"<sealed:" not in payload:
            return payload
        return sealed.replace(payload, lambda handle: shown_to_csms(self._vault, handle))

    def _send(self, link: int, data: bytes) -> None:
        if self._socket is not None and self._events is not None and self._events.link == link:
            self._socket.send(data)

    def _dial(self, dial: Dial) -> None:
        found = sealed.parse(dial.password)
        password = self._vault.reveal(found.handle, SECRET) if found is not None else None
        if dial.password and password is None:
            log.error("link %d: the password is not in the vault; dialling without one", dial.link)
        context = None
        if over_tls(dial.url):
            from adapters.certificates import trust  # a link without TLS need not wait for it

            context = trust(dial.roots)
        secrets: list[str] = []

        def reveal(handle: str) -> str | None:
            text = self._vault.reveal(handle, SECRET)
            secrets.append(text or "")
            return text

        url = sealed.replace_text(dial.url, reveal)
        if password is not None:
            secrets += [password, b2a_base64(f"{dial.identity}:{password}".encode(), newline=False).decode()]
        self._events = _Link(self, dial.link, len(dial.roots), secrets)
        self._socket = WebSocket(self._events, max_bytes=MESSAGE_MOST_BYTES)
        self._socket.dial(
            url,
            identity=dial.identity,
            subprotocols=dial.subprotocols,
            basic_auth=password,
            ssl_context=context,
            connect_timeout_s=CONNECT_TIMEOUT_S,
            ping_interval_s=float(dial.ping_interval_s),
            ping_timeout_s=0.0,  # as long as the interval, also after it is changed
            wildcards=dial.wildcards,
        )

    # Inputs

    def attach(self, put: Tell, drain: Callable[[], None]) -> None:
        """Have inputs taken by *put* and, once all that came in one piece is there, decided by *drain*: one group, and no round of the loop."""
        self._put, self._drain = put, drain

    def all_heard(self) -> None:
        """All that came in one piece was told."""
        self._drain()

    def _told(self, input: Input) -> None:
        self._tell(input)

    def tell_down(self, link: int, reason: str, detail: str) -> None:
        """The link is gone."""
        if not self._stopped:
            self._tell(LinkDown(link=link, reason=reason, detail=detail))

    def heard(self, link: _Link, data: bytes) -> None:
        """One text message."""
        if self._stopped:
            return
        got = frame.read(data, link.version)
        match got:
            case frame.Call():
                plain, problem = self._schemas.check(link.version, f"{got.action}Request", got.payload)
                payload = sealing.seal(got.action, plain, self._vault.keep, self._secrets, valid=problem is None)
                if problem is None:
                    self._put(Called(link=link.link, message_id=got.message_id, action=got.action, payload=payload))
                else:
                    self._put(
                        CalledBadly(
                            link=link.link,
                            message_id=got.message_id,
                            action=got.action,
                            payload=payload,
                            code=problem.code,
                            description=problem.description,
                        )
                    )
            case frame.CallResult():
                self._answered(link, got.message_id, got.payload)
            case frame.CallError():
                place = read_message_id(self._number, got.message_id)
                link.asked.pop(got.message_id, None)
                if place is None:
                    self._garbled(link, data, "an error for a message that this station never sent", b"")
                else:
                    description, details = sealing.seal_error(got.description, got.details, self._vault.keep, self._hidden(link), self._secrets)
                    self._put(Refused(link=link.link, entry=place[0], attempt=place[1], code=got.code, description=description, details=details))
            case frame.Send():
                self._put(StraySend(link=link.link, message_id=got.message_id, action=got.action))
            case frame.CallResultError():
                description, _ = sealing.seal_error(got.description, b"{}", self._vault.keep, self._hidden(link), self._secrets)
                self._garbled(link, data, f"the CSMS could not use our answer: {got.code}{f': {description}' if description else ''}", b"")
            case frame.Garbled():
                self._garbled(link, data, got.reason, got.answer or b"")

    def _hidden(self, link: _Link) -> Callable[[str], str]:
        """What hides secrets and persons in a text that the CSMS wrote for people: those of *link*, and all that the vault keeps."""
        return lambda text: self._vault.mask(link.hide(text))

    def _answered(self, link: _Link, message_id: str, payload: bytes) -> None:
        place = read_message_id(self._number, message_id)
        action = link.asked.pop(message_id, None)
        if place is None or action is None:
            # An answer to nothing: whoever sent it cannot be helped, but the journal shall know.
            self._garbled(link, payload, "an answer to a message that this station did not send on this link", b"")
            return
        plain, problem = self._schemas.check(link.version, f"{action}Response", payload)
        self._put(
            Answered(
                link=link.link,
                entry=place[0],
                attempt=place[1],
                payload=sealing.seal(action, plain, self._vault.keep, self._secrets, valid=problem is None),
                problem=problem.description if problem is not None else "",
            )
        )

    def _garbled(self, link: _Link, data: bytes, reason: str, answer: bytes) -> None:
        log.warning("link %d: a frame of %d bytes is no message for us: %s", link.link, len(data), reason)
        self._put(
            Garbled(
                link=link.link,
                reason=reason,
                length=len(data),
                digest=blake2b(data, digest_size=16).hexdigest(),
                answer=answer,
                frame=self._vault.keep(data[:GARBLED_KEPT_BYTES].decode("utf-8", "replace"), FRAME),
            )
        )

    def heard_binary(self, link: _Link, size_bytes: int) -> None:
        """OCPP-J knows text only (Part 4, 4.1)."""
        if not self._stopped:
            log.warning("link %d: a binary message of %d bytes is ignored", link.link, size_bytes)
            self._put(
                Garbled(
                    link=link.link,
                    reason="binary message",
                    length=size_bytes,
                    digest="",
                    answer=frame.call_error("-1", "RpcFrameworkError", "OCPP-J messages are text, this was binary"),
                )
            )

    def opened(self, link: _Link, subprotocol: str | None) -> None:
        """The WebSocket is open."""
        link.version = VERSIONS.get(subprotocol or "", "2.1")
        if not self._stopped:
            self._put(LinkUp(link=link.link, subprotocol=subprotocol or ""))


GARBLED_KEPT_BYTES = 4096


def _nothing() -> None:
    """Before there is a daemon."""


class _Link:
    """The events of one WebSocket: what they belong to is fixed when it is dialled, so a late one never touches a newer link."""

    def __init__(self, port: CsmsPort, link: int, roots: int, secrets: Sequence[str] = ()) -> None:
        self._port = port
        self.link = link
        self._roots = roots
        self._secrets = [secret for secret in secrets if len(secret) >= SECRET_LEAST_CHARS]
        self.version = "2.1"
        self.asked: dict[str, str] = {}

    def opened(self, subprotocol: str | None) -> None:
        self._port.opened(self, subprotocol)

    def text(self, data: bytes) -> None:
        self._port.heard(self, data)

    def all_heard(self) -> None:
        self._port.all_heard()

    def binary(self, size_bytes: int) -> None:
        self._port.heard_binary(self, size_bytes)

    def closed(self, reason: str, code: int, detail: str) -> None:
        text = f"{code} {detail}".strip() if code else detail
        if reason == reasons.TLS_CERTIFICATE:
            from adapters.certificates import NOT_TRUSTED  # loaded already, as there was TLS

            if detail.startswith(NOT_TRUSTED):
                trusted = (
                    f"only the {self._roots} CSMS roots that are installed" if self._roots else "the system's roots, for no CSMS root is installed"
                )
                text = f"{text}; trusted are {trusted} (stationd config roots list)"
        self._port.tell_down(self.link, reason, self.hide(text)[:DETAIL_MOST_CHARS])

    def hide(self, text: str) -> str:
        """*text* without the secrets with which the link was dialled: a CSMS may say back what it does not accept."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text
