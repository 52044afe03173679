"""``stationd run``: one station, live.

Law: everything that a decision may depend on enters through an input; what is put together here is only who tells and who performs.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from pathlib import Path

from adapters import event_log
from adapters.control import ControlSocket
from adapters.csms import CsmsPort
from adapters.daemon import Daemon
from adapters.evse_sim import SimulatedHardware
from adapters.network_sim import SimulatedNetwork
from adapters.shredder import Shredder
from adapters.storage import JournalKeeper
from adapters.sweeper import Sweeper
from component_config.load import load, shipped
from component_config.schemas import installed_schemas
from engine.errors import SetupFault
from engine.event import replace
from engine.recorder import Recorder
from eventlog import snapshots
from eventlog.journal import Journal
from eventlog.store import BUILD
from eventlog.sweeping import sweep_orphans
from machines.clock.machine import CLOCK
from machines.connection.state import CONNECTION
from machines.connection.state import Phase as Link
from machines.device_model.state import DEVICE_MODEL
from machines.device_model.views import Variable
from machines.inputs import ConfigLoaded, Started, Stopping
from machines.station import STATION
from replay.paths import default_data
from sim.evse import Topology, parse_topology
from stationd.clocks import boot_id, now_us, wall_us
from stationd.helping import Page
from stationd.identity import check_identity
from stationd.logs import set_up_logs
from stationd.scan import scan_if_marked
from stationd.vault_key import add_option, open_vault
from wire import jsontext
from wire.declared import Declared, written
from wire.sealing import secrets_of

log = logging.getLogger("stationd")

STOP_LIMIT_S = 5.0

JOURNAL_BYTES = Variable("InternalCtrlr", "JournalBytesMost", "268435456")

EXAMPLE = """example:
  stationd run --csms ws://localhost:9000 --identity CP001 --data ./cp001 --control ./cp001.sock

With nothing given: the shipped component files, two EVSEs with one connector each, a CSMS on localhost port 9000, the data in $STATE_DIRECTORY
or the XDG state directory, simulated hardware.  SIGTERM is an orderly stop, SIGKILL a power cut.

The vault's key lies beside the vault, unless it is to come from elsewhere:
  stationd run --data ./cp001 --vault-key passphrase:./passphrase.txt
"""


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of the daemon."""
    it = commands.add_parser(
        "run", help="run the station", description="Run the station until SIGTERM.", epilog=EXAMPLE,
        formatter_class=Page,
    )  # fmt: skip
    it.add_argument("--csms", metavar="URL", help="the CSMS, ws://host:port/path; the identity is appended (default: what the component files say)")
    it.add_argument("--identity", metavar="ID", help="the station's identity (default: what the component files say)")
    it.add_argument(
        "--data",
        metavar="DIR",
        type=Path,
        help="journal, vault and simulated hardware (default: $STATE_DIRECTORY or the XDG state directory)",
    )
    it.add_argument(
        "--component-config", metavar="DIR", type=Path, help="component files: standardized/, custom/ and override/ (default: the shipped ones)"
    )
    it.add_argument("--topology", metavar="FILE", type=Path, help="the simulated EVSEs, JSON or TOML (default: two AC EVSEs)")
    add_option(it)
    it.add_argument("--control", metavar="PATH", type=Path, help="the control socket (default: control.sock in the data directory)")
    it.add_argument("--vehicle-stays", action="store_true", help="a vehicle that is plugged in is still there after a power cut")
    it.add_argument("--time-factor", metavar="N", type=int, default=1, help="the simulated vehicle lives N times as fast (default: 1)")
    it.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info", help="how much is logged (default: info)")
    it.add_argument("--log-format", choices=("text", "json"), default="text", help="lines for people or for machines (default: text)")
    it.set_defaults(func=main)


def main(args: argparse.Namespace) -> int:
    """Run until stopped; returns the exit status."""
    set_up_logs(args.log_level, args.log_format)
    return asyncio.run(station(args))


def topology(path: Path | None) -> Topology:
    """What the simulated hardware is like."""
    if path is None:
        return parse_topology({})
    try:
        data = path.read_bytes()
        if path.suffix == ".toml":
            import tomllib

            return parse_topology(tomllib.loads(data.decode()))
        return parse_topology(jsontext.decode(data))
    except OSError as error:
        raise SetupFault(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise SetupFault(f"{path}: is no {'TOML' if path.suffix == '.toml' else 'JSON'}: {error}") from error


def configured(declarations: tuple[Declared, ...], csms: str | None, identity: str | None) -> ConfigLoaded:
    """The declarations as one input, with what the command line says in place of what the files say."""
    from hashlib import blake2b

    wanted: dict[tuple[str, str], tuple[str, str]] = {}
    if csms is not None:
        if not csms.startswith(("ws://", "wss://")):
            raise SetupFault(f"--csms {csms}: must be a WebSocket URL, ws://host:port/path")
        if "@" in csms.partition("://")[2].partition("/")[0]:
            # As in a component file; it would stand in the journal in clear.
            raise SetupFault("--csms: must not carry a user or password; set SecurityCtrlr.Identity and SecurityCtrlr.BasicAuthPassword instead")
        profile = {
            "configurationSlot": 1,
            "connectionData": {
                "ocppVersion": "OCPP20",
                "ocppTransport": "JSON",
                "ocppCsmsUrl": csms.rstrip("/"),
                "messageTimeout": 30,
                "securityProfile": 2 if csms.startswith("wss:") else 0,
                "ocppInterface": "Wired0",
            },
        }
        wanted["InternalCtrlr", "NetworkConnectionProfiles"] = jsontext.encode([profile]).decode(), "--csms"
        wanted["OCPPCommCtrlr", "NetworkConfigurationPriority"] = "1", "--csms"
    if identity is not None:
        if not identity or len(identity) > 48 or any(c in identity for c in ":/ "):  # noqa: PLR2004 (the type's length)
            raise SetupFault(f"--identity {identity!r}: 1 to 48 characters without colon, slash and blank")
        wanted["SecurityCtrlr", "Identity"] = identity, "--identity"
    missing = wanted.keys() - {(d.component, d.variable) for d in declarations}
    if missing:
        component, variable = min(missing)
        raise SetupFault(f"the component files declare no {component}.{variable}, which the command line wants to set; add it")

    def given(d: Declared) -> Declared:
        if (d.component, d.variable) not in wanted or d.attribute != "Actual":
            return d
        # It stands over the files as a file in override/ does, and is told by the option's name.
        value, option = wanted[d.component, d.variable]
        return replace(d, value=value, source=option, pinned=True, beneath=d.value, base=d.source)

    body = jsontext.encode([written(given(d)) for d in declarations])
    return ConfigLoaded(digest=blake2b(body, digest_size=16).hexdigest(), body=body)


def journal_bytes(declarations: tuple[Declared, ...]) -> int:
    """How large the journal's file may grow, as the component files say."""
    name = JOURNAL_BYTES.component, JOURNAL_BYTES.name
    found = next((d.value for d in declarations if (d.component, d.variable) == name and d.attribute == "Actual"), None)
    return int(found or JOURNAL_BYTES.default)


def mismatch(declarations: tuple[Declared, ...], hardware: Topology) -> str:
    """How the hardware differs from what the component files declare; empty where it does not."""
    declared = {(d.evse_id, d.connector_id) for d in declarations if d.component.casefold() == "connector"}
    there = {(evse_id, connector_id) for evse_id, spec in enumerate(hardware.evses, 1) for connector_id in range(1, spec.connectors + 1)}
    more = [f"connector {c} of EVSE {e} is there and no component file declares it: nobody can charge at it" for e, c in sorted(there - declared)]
    less = [f"connector {c} of EVSE {e} is declared and not there: it stays silent" for e, c in sorted(declared - there)]
    return "; ".join(more + less)


async def station(args: argparse.Namespace) -> int:
    """Put the parts together, run, take them apart."""
    data: Path = args.data or default_data()
    scan_if_marked(data / "journal")
    journal = Journal(data / "journal", entropy=os.urandom)
    try:
        vault = open_vault(args.vault_key, data)
        version = snapshots.fold_version
        folded = snapshots.restore(journal, STATION, version)
        # Before anything is kept: what the files name again must not be taken for what the last process left behind.
        sweep_orphans(vault, journal, folded)
        loaded = load([args.component_config or shipped()], vault.keep)
        for warning in loaded.warnings:
            log.warning("component files: %s", warning)
        model = folded.station[DEVICE_MODEL]
        journal.limit(int(model.text(JOURNAL_BYTES.key) or 0) if JOURNAL_BYTES.key in model.layers else journal_bytes(loaded.declarations))
        config = configured(loaded.declarations, args.csms, args.identity)
        boot = boot_id()
        started = Started(journal=journal.number, build=BUILD, boot_id=boot, boottime_us=now_us(), wall_us=wall_us())
        changed = config.digest != model.digest or bool(model.refused)
        if changed:
            check_identity(STATION, folded, started, config, data)
        log.info("journal: %d turns, %d folded since the last snapshot", folded.seq + 1, folded.turns)
        clock = folded.station[CLOCK]
        recorder = Recorder(
            clock=now_us,
            entropy=lambda: int.from_bytes(os.urandom(8), "big"),
            last_seq=folded.seq,
            last_at=folded.at,
            anchor_us=clock.anchor_us if clock.boot_id == boot and folded.seq >= 0 else None,
        )
        stopped = asyncio.Event()
        reason: list[str] = []

        def stop(why: str) -> None:
            if not reason:
                reason.append(why)
                stopped.set()

        evses = topology(args.topology)
        if differs := mismatch(loaded.declarations, evses):
            log.warning("the hardware is not what the component files say: %s", differs)
        hardware = SimulatedHardware(evses, data, clock=now_us, vehicle_stays=args.vehicle_stays or None, time_factor=args.time_factor)
        csms = CsmsPort(installed_schemas(), vault, journal.number, secrets_of(loaded.declarations))
        keeper = JournalKeeper(journal)
        ports = (hardware, SimulatedNetwork(), keeper, Shredder(vault), csms)
        daemon = Daemon(STATION, journal, recorder, folded, ports, version=version, keeper=keeper, texts=vault)
        sweeper = Sweeper(vault, journal, daemon.durable)
        keeper.attach(daemon.durable, sweeper.begin)
        csms.attach(daemon.put, daemon.drain)
        control = ControlSocket(args.control or data / "control.sock", daemon, vault, hardware.verb, stop)
        daemon.observers += [event_log.log_turn, control.observe]
        await control.open()
        try:
            loop = asyncio.get_running_loop()
            for name in ("SIGTERM", "SIGINT"):
                loop.add_signal_handler(getattr(signal, name), stop, name)
            daemon.start(started, [config] if changed else [])
            journal.opened()
            log.info("ready: %s", control_path(args, data))
            gc.enable()
            gc.freeze()
            await stopped.wait()
            log.info("stopping: %s", reason[0])
            await orderly(daemon, reason[0])
        finally:
            await daemon.close()
            sweeper.stop()
            await control.close()
    finally:
        journal.close()
    return 0


def control_path(args: argparse.Namespace, data: Path) -> Path:
    """Where the control socket lies."""
    path: Path = args.control or data / "control.sock"
    return path


async def orderly(daemon: Daemon, reason: str) -> None:
    """Say goodbye to the CSMS, with a limit."""
    daemon.tell(Stopping(reason=reason))
    loop = asyncio.get_running_loop()
    limit = loop.time() + STOP_LIMIT_S
    daemon.drain()
    while daemon.station[CONNECTION].phase is not Link.DOWN and loop.time() < limit:  # noqa: ASYNC110 (a fold has no event to wait for)
        await asyncio.sleep(0.01)


if __name__ == "__main__":
    sys.exit("run it as: python -m stationd run")
