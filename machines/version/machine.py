"""Version negotiation by WebSocket subprotocol (OCPP-J, Part 4 chapter 3).

Law: a server that agrees to none of our versions is told so and the link is closed; nothing is guessed.
"""

from __future__ import annotations

from engine.machine import Conclusions, Context, Machine, Station
from machines.connection.facts import Dialled
from machines.connection.state import CONNECTION
from machines.connection.state import Phase as Link
from machines.device_model.views import Variable
from machines.inputs import LinkUp
from machines.version.facts import VersionAgreed, VersionRefused, VersionsOffered
from machines.version.state import FOLDS, VERSION

SUPPORTED = Variable("InternalCtrlr", "SupportedOcppVersions", "ocpp2.1,ocpp2.0.1")
VERSIONS = {"ocpp2.1": "2.1", "ocpp2.0.1": "2.0.1"}


def offers(station: Station) -> tuple[str, ...]:
    """The subprotocols to offer, best first; a setting that names none of ours offers them all."""
    wanted = SUPPORTED.members(station)
    return tuple([name for name in VERSIONS if name in wanted]) or tuple(VERSIONS)


def offer(station: Station, dialled: Dialled, cx: Context) -> Conclusions:  # noqa: ARG001
    """A link is dialled: remember what we offer on it."""
    yield VersionsOffered(link=dialled.link, subprotocols=offers(station))


def negotiate(station: Station, up: LinkUp, cx: Context) -> Conclusions:  # noqa: ARG001
    """The server chose, or did not."""
    here = station[CONNECTION]
    if up.link != here.link or here.phase is not Link.DIALLING:
        return
    if up.subprotocol in station[VERSION].offered:
        yield VersionAgreed(link=up.link, version=VERSIONS[up.subprotocol])
    else:
        yield VersionRefused(link=up.link, chosen=up.subprotocol)


MACHINE = Machine(VERSION, folds=FOLDS, hears={Dialled: offer, LinkUp: negotiate})
