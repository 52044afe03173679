"""Open the link, keep it, leave it, and come back with back-off drawn from recorded luck.

Law: never faster than the back-off minimum after a link was lost; a link is dialled only when the one before it is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.kernel import Woke
from engine.luck import draw
from engine.machine import EVERY, Conclusions, Context, Machine, Station
from machines.boot.facts import Rebooted
from machines.certificates.facts import CertificateDeleted, CertificateInstalled
from machines.certificates.state import CSMS_ROOT, installed
from machines.connection import reasons
from machines.connection.facts import Dialled, Held, HungUp, Leaving, LinkConfirmed, Lost, Opened, PingIntervalChanged, Released
from machines.connection.state import CONNECTION, FOLDS, PINGING, Connection, Phase, has_worked
from machines.device_model.facts import RELEASE, Changed, ModelDeclared, VariableCleared, VariableSet
from machines.device_model.views import Variable
from machines.effects import Dial, HangUp, SetPingInterval
from machines.inputs import Answered, Called, CalledBadly, HoldAsked, LinkDown, Refused, Stopping, StraySend
from machines.security.views import PASSWORD, WILDCARDS
from machines.version.facts import VersionAgreed, VersionRefused, VersionsOffered
from machines.version.state import VERSION
from machines.version.state import Phase as Negotiation
from wire import jsontext

LINGER_US = 2_000_000
"""How long a link stays open after we decided to leave it, so that the answer which made us leave can go first."""

CLOSE_LIMIT_US = 15_000_000
"""A closing handshake that takes longer is taken for a lost link."""

FIRST_DIAL_US = 1

GAP_US = 1_000_000
"""Nobody, not even an operator, makes the station come back faster: CSMSs are known that crash when an identity reconnects at once."""

UNCONFIGURED = "no CSMS configured"
PASSING_HOLDS = ("", "stopping", UNCONFIGURED)

WAIT_MINIMUM_S = Variable("OCPPCommCtrlr", "RetryBackOffWaitMinimum", "10")
RANDOM_RANGE_S = Variable("OCPPCommCtrlr", "RetryBackOffRandomRange", "10")
REPEAT_TIMES = Variable("OCPPCommCtrlr", "RetryBackOffRepeatTimes", "5")
PING_INTERVAL_S = Variable("OCPPCommCtrlr", "WebSocketPingInterval", "60")
PRIORITY = Variable("OCPPCommCtrlr", "NetworkConfigurationPriority", "1")
PROFILES = Variable("InternalCtrlr", "NetworkConnectionProfiles", "[]")
BRACKETS_MOST = 500
"""Profiles with more opening brackets are not read: how deep a text may be nested would depend on who reads it."""

IDENTITY = Variable("SecurityCtrlr", "Identity", "stationd")


def slots(station: Station) -> dict[int, str]:
    """The URL of the CSMS in every configuration slot; none at all where the profiles cannot be read."""
    return slots_in(PROFILES.text(station)) or {}


def slots_in(text: str) -> dict[int, str] | None:
    """The same of profiles as *text*; None where they cannot be read."""
    if text.count("[") + text.count("{") > BRACKETS_MOST:
        return None
    profiles: dict[int, str] = {}
    try:
        for profile in jsontext.decode(text.encode()):
            data: dict[str, Any] = profile.get("connectionData", {})
            profiles[int(profile["configurationSlot"])] = str(data.get("ocppCsmsUrl", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return profiles


def over_tls(url: str) -> bool:
    """Whether a CSMS at *url* is talked to over TLS."""
    return url.casefold().startswith("wss:")


def public_url(url: str) -> str:
    """*url* as it may be shown: without its user part, and with an ellipsis for its query, where tokens stand."""
    place, query, _ = url.partition("?")
    scheme, there, rest = place.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{there}{host.rpartition('@')[2]}{slash}{path}{'?…' if query else ''}"


def slot_url(station: Station) -> tuple[int, str]:
    """The configuration slot of highest priority that names a CSMS, and its URL; (0, "") where none does."""
    profiles = slots(station)
    for member in PRIORITY.members(station):
        if member.isdigit() and profiles.get(int(member)):
            return int(member), profiles[int(member)]
    return 0, ""


def redial_at(station: Station, failures: int, cx: Context) -> int:
    """When to dial again (Part 4, 5.3): the minimum wait doubled with each failure, up to RepeatTimes times, and a random part each time."""
    doublings = min(max(failures - 1, 0), max(REPEAT_TIMES.integer(station), 0), 20)
    wait_s = max(WAIT_MINIMUM_S.integer(station), 1) << doublings
    random_us = draw(cx.luck, "redial", max(RANDOM_RANGE_S.integer(station), 0) * 1_000_000)
    return cx.at + wait_s * 1_000_000 + random_us


def lost(station: Station, reason: str, cx: Context, detail: str = "") -> Lost:
    """The link is gone (Part 4, 5.3).

    One that the station closed on purpose is no failed attempt; one without a common version is, and so is one that the other side closed before it
    had worked.  After a link that had worked the back-off starts afresh, and the first one that is closed at once after it does not double it either:
    TC_B_57_CS, step 5, accepts a station, closes, and expects the minimum.
    """
    here = station[CONNECTION]
    wanted = here.phase is Phase.CLOSING and station[VERSION].phase is not Negotiation.REFUSED
    before = 0 if has_worked(here, cx.at) else here.failures
    if wanted:
        failures = before
    elif here.opened_at_us and here.worked_before:
        failures = max(before, 1)
    else:
        failures = before + 1
    return Lost(
        link=here.link, reason=reason, redial_at_us=redial_at(station, failures, cx), failures=failures, at_us=cx.at, detail=detail, on_purpose=wanted
    )


def wake_up(station: Station, event: Rebooted, cx: Context) -> Conclusions:  # noqa: ARG001
    """A fresh process holds no socket: whatever link the journal knows is gone."""
    here = station[CONNECTION]
    if here.phase is not Phase.DOWN:
        yield Lost(link=here.link, reason=reasons.RESTARTED, redial_at_us=cx.at + FIRST_DIAL_US, failures=0, at_us=cx.at, on_purpose=True)
    if here.held in PASSING_HOLDS and (here.held or here.phase is Phase.DOWN):
        # A hold that an operator asked for outlives a restart; an orderly stop is over with it.
        yield Released(redial_at_us=cx.at + FIRST_DIAL_US)


def wanted_ping_interval_s(station: Station) -> int:
    """Seconds between two pings of an idle link, by OCPPCommCtrlr.WebSocketPingInterval; 0: none."""
    return max(PING_INTERVAL_S.integer(station), 0)


def keep_ping_interval(station: Station) -> Conclusions:
    """Give the socket of the present link the configured interval, where it keeps another one (B05.FR.10)."""
    here, seconds = station[CONNECTION], wanted_ping_interval_s(station)
    if here.phase in PINGING and seconds != here.ping_interval_s:
        yield PingIntervalChanged(link=here.link, seconds=seconds)
        yield SetPingInterval(link=here.link, seconds=seconds)


def configured(station: Station, fact: ModelDeclared | Changed, cx: Context) -> Conclusions:  # noqa: ARG001
    """Another CSMS may be named: try at once."""
    yield from keep_ping_interval(station)
    here = station[CONNECTION]
    if here.phase is Phase.DOWN and here.held in ("", UNCONFIGURED) and slot_url(station)[0]:
        yield Released(redial_at_us=cx.at + FIRST_DIAL_US)


def on_deadline(station: Station, event: object, cx: Context) -> Conclusions:  # noqa: ARG001
    """The phase has lasted as long as it may."""
    here = station[CONNECTION]
    match here.phase:
        case Phase.DOWN:
            slot, _ = slot_url(station)
            if slot:
                yield Dialled(link=here.link + 1, slot=slot, ping_interval_s=wanted_ping_interval_s(station))
            else:
                yield Held(why=UNCONFIGURED)
        case Phase.LEAVING:
            yield HungUp(link=here.link, code=1000, reason=here.reason, give_up_at_us=cx.at + CLOSE_LIMIT_US)
        case Phase.CLOSING:
            yield lost(station, "closing took too long", cx)
        case _:
            return


def dial(station: Station, offered: VersionsOffered, cx: Context) -> Conclusions:  # noqa: ARG001
    """The versions are chosen: open the socket."""
    slot, url = slot_url(station)
    yield Dial(
        link=offered.link,
        slot=slot,
        url=url,
        identity=IDENTITY.text(station),
        subprotocols=offered.subprotocols,
        password=PASSWORD.text(station),
        ping_interval_s=station[CONNECTION].ping_interval_s,
        roots=installed(station, CSMS_ROOT) if over_tls(url) else (),
        wildcards=over_tls(url) and WILDCARDS.boolean(station),
    )


def trusted(station: Station, fact: CertificateInstalled | CertificateDeleted, cx: Context) -> Conclusions:
    """Other roots are trusted: a station that waits to try again need not wait, one that is connected goes on."""
    use = fact.certificate.use if isinstance(fact, CertificateInstalled) else fact.use
    if use == CSMS_ROOT:
        yield from redial_over_tls(station, cx)


def redial_over_tls(station: Station, cx: Context) -> Conclusions:
    """What a TLS link accepts is another: a station that waits to dial one again dials it now."""
    here = station[CONNECTION]
    if here.phase is Phase.DOWN and not here.held and over_tls(slot_url(station)[1]):
        yield Released(redial_at_us=max(cx.at + FIRST_DIAL_US, here.lost_at_us + GAP_US if here.link else 0))


def opened(station: Station, agreed: VersionAgreed, cx: Context) -> Conclusions:  # noqa: ARG001
    """The version is agreed: the link carries messages."""
    yield Opened(link=agreed.link, at_us=cx.at)


def on_frame(station: Station, frame: Called | CalledBadly | Answered | Refused | StraySend, cx: Context) -> Conclusions:  # noqa: ARG001
    """The first frame of the CSMS on a link that speaks an agreed version confirms the link, whatever is said in it."""
    here = station[CONNECTION]
    if not here.confirmed and here.opened_at_us and frame.link == here.link and here.phase is not Phase.DOWN:
        yield LinkConfirmed(link=here.link)


def refused(station: Station, fact: VersionRefused, cx: Context) -> Conclusions:  # noqa: ARG001
    """No version in common: close, and say so (1002: protocol error)."""
    yield HungUp(link=fact.link, code=1002, reason="no common OCPP version: ocpp2.1 or ocpp2.0.1", give_up_at_us=cx.at + CLOSE_LIMIT_US)


def hang_up(station: Station, fact: HungUp, cx: Context) -> Conclusions:  # noqa: ARG001
    """Close the socket."""
    yield HangUp(link=fact.link, code=fact.code, reason=fact.reason)


def link_down(station: Station, down: LinkDown, cx: Context) -> Conclusions:
    """The socket is closed, whoever closed it."""
    here = station[CONNECTION]
    if down.link == here.link and here.phase is not Phase.DOWN:
        # "no version in common" is a failure of the slot, though we were the ones who closed.
        if here.phase is Phase.CLOSING and here.reason:
            yield lost(station, here.reason, cx)
        else:
            yield lost(station, down.reason, cx, down.detail)


def after_loss(station: Station, fact: Lost, cx: Context) -> Conclusions:  # noqa: ARG001
    """A station that is held does not dial."""
    here = station[CONNECTION]
    if here.held:
        yield Held(why=here.held)


def changed(station: Station, fact: Changed, cx: Context) -> Conclusions:
    """A01.FR.03: the CSMS forgets the old password, so the new one is used at once, on a new link; the answer leaves on the old one."""
    here = station[CONNECTION]
    if (PRIORITY.is_in(fact) or PROFILES.is_in(fact)) and here.phase is Phase.DOWN:
        yield from configured(station, fact, cx)
    if PING_INTERVAL_S.is_in(fact):
        yield from keep_ping_interval(station)
    if WILDCARDS.is_in(fact):
        yield from redial_over_tls(station, cx)
    if here.phase is Phase.UP and PASSWORD.is_in(fact) and fact.cause != RELEASE:
        yield Leaving(link=here.link, hang_up_at_us=cx.at + LINGER_US, reason="password replaced")


def hold(station: Station, asked: HoldAsked, cx: Context) -> Conclusions:
    """Somebody wants the station offline, or online again."""
    here = station[CONNECTION]
    if asked.hold:
        yield Held(why="control")
        if here.phase in (Phase.DIALLING, Phase.UP, Phase.LEAVING):
            yield HungUp(link=here.link, code=1000, reason="asked to disconnect", give_up_at_us=cx.at + CLOSE_LIMIT_US)
    else:
        yield Released(redial_at_us=max(cx.at + FIRST_DIAL_US, here.lost_at_us + GAP_US if here.link else 0))


def stop(station: Station, event: Stopping, cx: Context) -> Conclusions:
    """An orderly stop closes the link."""
    here = station[CONNECTION]
    yield Held(why=here.held if here.held == "control" else "stopping")
    if here.phase in (Phase.DIALLING, Phase.UP, Phase.LEAVING):
        yield HungUp(link=here.link, code=1001, reason=f"going down: {event.reason}", give_up_at_us=cx.at + CLOSE_LIMIT_US)


def deadlines(here: Connection) -> Iterator[tuple[int, str]]:
    """The end of the phase."""
    if here.due_us is not None:
        yield here.due_us, here.phase.value


MACHINE = Machine(
    CONNECTION,
    folds=FOLDS,
    hears={
        Rebooted: wake_up,
        ModelDeclared: configured,
        VersionsOffered: dial,
        VersionAgreed: opened,
        VersionRefused: refused,
        HungUp: hang_up,
        (Called, EVERY): on_frame,
        CalledBadly: on_frame,
        Answered: on_frame,
        Refused: on_frame,
        StraySend: on_frame,
        LinkDown: link_down,
        Lost: after_loss,
        VariableSet: changed,
        VariableCleared: changed,
        CertificateInstalled: trusted,
        CertificateDeleted: trusted,
        HoldAsked: hold,
        Stopping: stop,
        Woke: on_deadline,
    },
    deadlines=deadlines,
)
