"""``stationd conform run --bench wire``: from the words of a command line to the bench that they mean, and the cases on it, some at once.

Law: what the words leave open is asked of nobody in the middle of a case: all of it is said, or has a default, before the first one.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import json
import shutil
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NoReturn

from conformance.bench import Bench
from conformance.catalogue import Listed
from conformance.run import MakeBench, run
from conformance.trial import STATION_LIMIT_S, Settings, Token
from conformance.verdict import Result
from engine.errors import SetupFault
from stationd.csms import FriendlyCsms
from stationd.foreign_bench import ForeignBench
from stationd.hands import HANDS_LIMIT_S, CommandHands, Hands, HookHands, PersonHands
from stationd.house_bench import HouseBench
from stationd.wire_bench import Shared, WireBench
from wire.schemas import Schemas


class Maker:
    """Makes the benches of a run over a wire, and takes away what they leave.  ``await close()`` at the end."""

    def __init__(
        self,
        make: Callable[[Listed], WireBench],
        settings: Settings,
        close: Callable[[], Awaitable[None]],
        *,
        jobs_most: int,
        csms: FriendlyCsms | None = None,
    ) -> None:
        self._make = make
        self.csms = csms
        """What one station dials for all the cases."""
        self.settings = settings
        """What the cases have to know of the station."""
        self.patience_s = STATION_LIMIT_S
        self.close = close
        self.jobs_most = jobs_most
        """How many cases may be tried at once."""

    def __call__(self, listed: Listed) -> Bench:
        """A bench for one case."""
        bench = self._make(listed)
        bench.patience_s = self.patience_s
        return bench


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of a bench over a wire."""
    it = parser.add_argument_group("over a wire", "the station is started here, or somebody else's dials this CSMS and somebody has hands at it")
    it.add_argument(
        "--driver", choices=("stationd", "person", "command", "http"), default="stationd",
        help="who plugs in and presents cards: stationd starts one for each case; the others try the station that dials --port (default: stationd)",
    )  # fmt: skip
    it.add_argument(
        "--driver-command", metavar="COMMAND",
        help="for --driver command: './hands {deed} {evse} {connector} {token} {type}'; exit status 0 says that it is done",
    )  # fmt: skip
    it.add_argument("--driver-url", metavar="URL", help='for --driver http: is sent {"deed": "plug_in", "evse": 1, "connector": 1, ...}')
    it.add_argument(
        "--deed-limit", metavar="S", type=float, default=HANDS_LIMIT_S,
        help=f"how long a command or a hook may take for a deed, in seconds (default: {HANDS_LIMIT_S:g})",
    )  # fmt: skip
    it.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="where somebody else's station dials (default: 127.0.0.1)")
    it.add_argument("--port", metavar="N", type=int, default=9000, help="the port that it dials (default: 9000)")
    it.add_argument("--identity", metavar="ID", default="", help="the identity of somebody else's station (default: the first that comes)")
    it.add_argument(
        "--settings", metavar="FILE", type=Path,
        help='what the cases have to know of the station, a JSON object such as {"evses": [[1, 2]], "valid": ["04AABBCC", "ISO14443"]}',
    )  # fmt: skip
    it.add_argument("--no-power-cycle", action="store_true", help="begin a case with a new link and TriggerMessage instead of a power cycle")
    it.add_argument("--ocpp", choices=("2.0.1", "2.1"), default="2.0.1", help="the version that the link speaks (default: 2.0.1)")
    it.add_argument(
        "--security-profile", metavar="N", type=int, choices=(0, 1, 2, 3), default=None,
        help="how the station has to connect: 1 and 2 with its identity and the password of --settings, 2 and 3 over TLS, 3 with a certificate "
        "(default: 3 with --ca, 2 with --cert, otherwise 0: nothing is asked for)",
    )  # fmt: skip
    it.add_argument("--cert", metavar="FILE", type=Path, help="security profiles 2 and 3: the CSMS's certificate chain, PEM")
    it.add_argument("--key", metavar="FILE", type=Path, help="its private key, PEM")
    it.add_argument("--ca", metavar="FILE", type=Path, help="security profile 3: whose certificates stations have to show, PEM")
    it.add_argument(
        "--patience", metavar="S", type=float, default=STATION_LIMIT_S,
        help=f"how long a station has for what it has to do at once, in seconds; failures say {STATION_LIMIT_S:g} all the same (default: that)",
    )  # fmt: skip
    it.add_argument("--jobs", metavar="N", type=int, default=2, help="stations that are tried at once, where they are started here (default: 2)")


def settings_of(path: Path | None) -> Settings:
    """What a JSON object in *path* says of a station, for what it leaves out the default; ``{"evses": [[1, 2]], "valid": ["04AABBCC", "ISO14443"]}``.

    Raises SetupFault where it cannot be read, or says what a case cannot use.
    """
    if path is None:
        return Settings()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SetupFault(f"{path}: cannot be read as JSON ({error})") from error
    known = Settings._field_defaults
    if not isinstance(found, dict) or not found.keys() <= known.keys():
        raise SetupFault(f"{path}: right would be an object with some of {', '.join(known)}")
    return Settings(**{name: _setting(f"{path}: {name}", value, known[name]) for name, value in found.items()})


def _setting(where: str, value: Any, default: Any) -> Any:
    """*value* as what *default* is: a token, EVSEs, a number or a text."""
    if isinstance(default, Token):
        if isinstance(value, list) and 1 <= len(value) <= len(Token._fields) and all(isinstance(word, str) for word in value):
            return Token(*value)
        raise SetupFault(f"{where}: right would be a card and its type, such as {json.dumps(default)}")
    if isinstance(default, tuple):
        if isinstance(value, list) and value and all(isinstance(one, list) and len(one) == 2 and _whole(one) for one in value):  # noqa: PLR2004 (a pair)
            return tuple((evse_id, connectors) for evse_id, connectors in value)
        raise SetupFault(f"{where}: right would be a list of [EVSE, number of its connectors], such as [[1, 1], [2, 1]]")
    if type(value) is not type(default):
        raise SetupFault(f"{where}: right would be {'a number' if isinstance(default, int) else 'a text'}, such as {json.dumps(default)}")
    return value


def _whole(numbers: list[Any]) -> bool:
    return all(type(one) is int and one > 0 for one in numbers)


def make_wire(args: argparse.Namespace) -> Maker:
    """What makes the benches that *args* asks for; its ``settings`` are for the cases.  Raises SetupFault where they do not fit together."""
    if args.patience <= 0 or args.deed_limit <= 0 or args.jobs < 1:
        raise SetupFault("--patience, --deed-limit, --jobs: must be more than nothing")
    settings = settings_of(args.settings)
    if args.identity and args.driver == "stationd":
        settings = settings._replace(identity=args.identity)
    maker = _maker(args, settings)
    maker.patience_s = args.patience
    return maker


def _maker(args: argparse.Namespace, settings: Settings) -> Maker:
    if args.driver == "stationd":
        foreign_only = ("security_profile", "cert", "key", "ca")
        wrong = [f"--{name.replace('_', '-')}" for name in foreign_only if getattr(args, name) is not None]
        if wrong:
            raise SetupFault(f"{wrong[0]}: says how somebody else's station connects; right would be --driver person, command or http with it")
        return houses(settings, versions=(args.ocpp,))
    profile = _security_profile(args)
    context = tls(args.cert, args.key, args.ca)
    if args.driver == "command" and not args.driver_command:
        raise SetupFault("--driver command: needs --driver-command './hands {deed} {evse} {connector} {token}'")
    if args.driver == "http" and not args.driver_url:
        raise SetupFault("--driver http: needs --driver-url http://host:port/path")
    hands: Hands = PersonHands()
    if args.driver == "command":
        hands = CommandHands(args.driver_command, args.deed_limit)
    elif args.driver == "http":
        hands = HookHands(args.driver_url, args.deed_limit)
    csms = FriendlyCsms(args.host, args.port, versions=(args.ocpp,), check=False, ssl_context=context)
    # An identity of the settings counts where it is not the one that stands there for an example.
    identity = args.identity or (settings.identity if settings.identity != Settings().identity else "")
    return foreign(csms, hands, settings, identity, power_cycle=not args.no_power_cycle, security_profile=profile)


def _security_profile(args: argparse.Namespace) -> int:
    """The profile that is asked for, which fits the files that are given.  Raises SetupFault where it does not."""
    given = 3 if args.ca is not None else 2 if args.cert is not None else 0
    profile: int = given if args.security_profile is None else args.security_profile
    right = {0: "no --cert, --ca", 1: "no --cert, --ca", 2: "--cert and no --ca", 3: "--cert and --ca"}[profile]
    if (args.cert is not None, args.ca is not None) != ("--cert and" in right, "and --ca" in right):
        if args.cert is None and args.ca is not None:
            raise SetupFault("--ca: needs --cert FILE, the CSMS's certificate")
        raise SetupFault(f"--security-profile {profile}: goes with {right}")
    if args.cert is None and args.key is not None:
        raise SetupFault("--key: needs --cert FILE, the CSMS's certificate")
    return profile


def houses(settings: Settings, *, versions: tuple[str, ...] = ("2.0.1",)) -> Maker:
    """A stationd for each case, with data directories that are gone with the run."""
    root = Path(mkdtemp(prefix="stationd-conform-"))
    # Where nobody closes it, and where somebody interrupts it.
    atexit.register(shutil.rmtree, root, ignore_errors=True)

    def make(listed: Listed) -> WireBench:
        data = root / listed.case_id
        data.mkdir()
        return HouseBench(data, settings, versions=versions)

    async def close() -> None:
        shutil.rmtree(root, ignore_errors=True)

    return Maker(make, settings, close, jobs_most=1 << 10)


def of_words(words: list[str]) -> Maker:
    """What the options *words* ask for, as the pytest plugin has them.  Raises SetupFault where they do not fit together."""

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise SetupFault(f"--ocpp-station wire: {message}; `stationd conform run --help` tells the options")

    parser = Parser(add_help=False)
    add_options(parser)
    return make_wire(parser.parse_args(words))


def foreign(
    csms: FriendlyCsms, hands: Hands, settings: Settings, identity: str = "", *, power_cycle: bool = True, security_profile: int = 0
) -> Maker:
    """The station that dials *csms*, for one case after the other."""
    shared = Shared(csms, hands, settings, power_cycle=power_cycle, security_profile=security_profile)
    return Maker(lambda _: ForeignBench(shared, identity), settings, csms.stop, jobs_most=1, csms=csms)


def tls(cert: Path | None, key: Path | None, ca: Path | None) -> ssl.SSLContext | None:
    """The CSMS's end of TLS; None where no certificate is given.  Raises SetupFault where a file will not do."""
    if cert is None:
        if key is not None or ca is not None:
            raise SetupFault("--key, --ca: need --cert FILE, the CSMS's certificate")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
        if ca is not None:
            context.load_verify_locations(ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise SetupFault(f"--cert {cert}: will not do with --key and --ca ({error}); right would be PEM files that belong together") from error
    return context


async def run_wire(
    cases: Iterable[Listed],
    make: MakeBench,
    settings: Settings,
    schemas: Schemas,
    *,
    features: dict[str, str] | None = None,
    journals: Path | None = None,
    progress: Callable[[Result], None] | None = None,
    jobs: int = 2,
) -> list[Result]:
    """Like :func:`conformance.run.run`, *jobs* cases at once; results are in the order of *cases*, *progress* in that of their ends.

    What *make* has made is taken away at the end, where it is a :class:`Maker`.
    """
    at_once = asyncio.Semaphore(max(1, min(jobs, make.jobs_most if isinstance(make, Maker) else jobs)))

    async def one(listed: Listed) -> Result:
        async with at_once:
            (result,) = await run([listed], make, settings, schemas, features=features, journals=journals)
        if progress is not None:
            progress(result)
        return result

    try:
        if isinstance(make, Maker) and make.csms is not None:
            # Once, before any case: a port that is taken is nothing that a case can say.
            await make.csms.start()
            print(f"waiting for a station at {make.csms.url}/IDENTITY", file=sys.stderr, flush=True)
        return list(await asyncio.gather(*(one(listed) for listed in cases)))
    finally:
        if isinstance(make, Maker):
            await make.close()
