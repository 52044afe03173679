"""``stationd config``: the device model from the command line, on a station that runs and on one that does not.

Law: a secret is never an argument and never printed; whatever is changed goes through the machines, and into the journal first.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import SetupFault
from replay.cli import over_data, over_journal
from stationd import offline, roots
from stationd.values import given, kept_nowhere, load_files
from stationd.vault_key import add_option

if TYPE_CHECKING:
    from engine.event import Input
    from eventlog.fold import Folded
    from replay.output import Output, Watched
    from stationd.offline import Offline

EPILOG = """examples:
  stationd config check ./files                                         are these component files right
  stationd config diff ./files --data ./cp001                           what they would change at the next boot
  stationd config list HeartbeatInterval --data ./cp001                 what is in force, and from which layer
  stationd config set SecurityCtrlr.Identity CP001 --data ./cp001       provision a station, also before its first start
  stationd config set SecurityCtrlr.BasicAuthPassword --data ./cp001    asks for it, without showing it
  stationd config roots add csms-root.pem --data ./cp001                the root that the CSMS at wss:// is trusted by
  stationd config who-set OCPPCommCtrlr.HeartbeatInterval               why this value, and who set it

An ADDRESS is Component.Variable, Component(instance).Variable(instance), with @evse or @evse.connector where it belongs to one, and :Target, :MinSet
or :MaxSet for another attribute; square brackets do as well as round ones.  Layers, from the lowest to the highest: file, pinned file (a value that
override/ gives), station, csms, operator.
"""

ADDRESS_HELP = "Component.Variable, Component(instance).Variable(instance), @evse.connector, :Attribute"
DIRECTORY_HELP = "a directory with standardized/, custom/ and override/"
FILES_HELP = "component files for a station that has none yet (default: the shipped ones)"


def add_arguments(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The commands of ``config``."""
    config = subparsers.add_parser(
        "config", help="look at the device model, and set it", description="Look at a station's device model, and set it.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = config.add_subparsers(metavar="COMMAND", required=True)
    it = commands.add_parser(
        "check", help="whether component files are right; exit status 1 and every complaint where they are not",
        description="Whether a directory of component files can be used.", epilog="example:\n  stationd config check ./files",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    it.add_argument("directory", metavar="DIR", type=Path, help=DIRECTORY_HELP)
    it.set_defaults(func=check)
    it = over_journal(
        commands, "diff", "what component files would change at the next boot; exit status 1 where anything", diff, "config diff ./files"
    )
    it.add_argument("directory", metavar="DIR", type=Path, help=DIRECTORY_HELP)
    it.add_argument("--csms", metavar="URL", help="as the station is started with")
    it.add_argument("--identity", metavar="ID", help="as the station is started with")
    it.add_argument("--json", action="store_true", help="for programs")
    add_option(it)
    it = over_journal(commands, "get", "a variable's value in force", get, "config get OCPPCommCtrlr.HeartbeatInterval")
    _address(it)
    it.add_argument("--json", action="store_true", help="with the layer, the limits and the rest, for programs")
    it = over_journal(commands, "list", "variables: value in force, layer, mutability, unit, limits", list_, "config list 'TxCtrlr.*' --data ./cp001")
    it.add_argument("pattern", metavar="PATTERN", nargs="?", default="*", help="a part of the address, or all of it with * and ? (default: all)")
    it.add_argument("--set", action="store_true", help="only what is not as the component files say")
    it.add_argument("--json", action="store_true", help="for programs")
    it = over_journal(commands, "as-of", "a variable's value at a moment", as_of, "config as-of 2026-11-21T10:00:00Z OCPPCommCtrlr.HeartbeatInterval")
    it.add_argument("moment", metavar="SEQ|TIME", help="a turn (123), station time (+35s, +90m), wall time (2026-11-21T10:00:00Z), or last")
    _address(it)
    it.add_argument("--json", action="store_true", help="with the layer, the limits and the rest, for programs")
    it = over_journal(commands, "history", "everything that happened to a variable", history, "config history SecurityCtrlr.BasicAuthPassword")
    _address(it)
    it = over_journal(
        commands, "who-set", "why a value is in force: every layer, who set it, and when", who_set, "config who-set OCPPCommCtrlr.HeartbeatInterval"
    )
    _address(it)
    it = _writing(commands, "set", "set a value as the operator, above all other layers", set_, "set SecurityCtrlr.Identity CP001")
    it.add_argument("value", metavar="VALUE", nargs="?", help="the value; never a secret, which is asked for where no value is given")
    it.add_argument("--value-file", metavar="FILE", help="a file with the value in it; - is standard input")
    it.add_argument("--hold", action="store_true", help="the CSMS may not change it until config release; without, it may take it over")
    it.add_argument("--component-config", metavar="DIR", type=Path, help=FILES_HELP)
    _writing(commands, "release", "let the CSMS change what is held", release, "release OCPPCommCtrlr.HeartbeatInterval")
    _writing(
        commands, "reset-to-file", "drop what was set, so that the component file counts", reset, "reset-to-file OCPPCommCtrlr.HeartbeatInterval"
    )
    roots.add_arguments(commands)


def _writing(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, command: Callable[[argparse.Namespace], int], example: str
) -> argparse.ArgumentParser:
    it = over_data(commands, name, summary, f"example:\n  stationd config {example}")
    it.set_defaults(func=command)
    _address(it)
    roots.reaching(it)
    return it


def _address(it: argparse.ArgumentParser) -> None:
    it.add_argument("address", metavar="ADDRESS", help=ADDRESS_HELP)
    it.add_argument("--attribute", metavar="T", help="Actual, Target, MinSet or MaxSet (default: Actual)")


def _named(args: argparse.Namespace) -> str:
    """The address, with its attribute."""
    text: str = args.address
    if args.attribute is None:
        return text
    if ":" in text:
        raise SetupFault(f"--attribute {args.attribute}: the address {text} names one already; give it once")
    return f"{text}:{args.attribute}"


# Component files


def check(args: argparse.Namespace) -> int:
    """Load a directory and print every complaint about it, with its class; returns 1 where a station would not start with it."""
    from component_config.complaints import ConfigFault

    try:
        loaded = load_files(args.directory, kept_nowhere)
    except ConfigFault as fault:
        for line in fault.warnings:
            print(f"warning: {line}")
        for line in fault.complaints:
            print(f"fatal: {line}")
        counted = f"{len(fault.complaints)} fatal complaints, {len(fault.warnings)} warnings"
        print(f"{args.directory}: {counted}; a station would not start with these files", file=sys.stderr)
        return 1
    for line in loaded.warnings:
        print(f"warning: {line}")
    found = loaded.declarations
    components = {(it.component, it.component_instance, it.evse_id, it.connector_id) for it in found}
    variables = {(it.component, it.component_instance, it.evse_id, it.connector_id, it.variable, it.variable_instance) for it in found}
    evses = {it.evse_id for it in found if it.evse_id}
    counted = f"{len(loaded.files)} files, {len(components)} components, {len(variables)} variables, {len(evses)} EVSEs"
    print(f"{args.directory}: {counted}; {f'{len(loaded.warnings)} warnings' if loaded.warnings else 'nothing is wrong'}")
    return 0


def diff(args: argparse.Namespace, out: Output, store: Watched) -> None:
    """What a directory would change; exit status 1 where it changes anything."""
    from tempfile import TemporaryDirectory

    from eventlog.store import BUILD
    from machines.boot.state import BOOT
    from machines.inputs import Started
    from replay.newfiles import boot, items, lines
    from replay.reading import KERNEL
    from stationd.clocks import boot_id, now_us, wall_us
    from stationd.run import configured

    data = roots.data_of(args)
    folded = _newest(store, args.station)
    with TemporaryDirectory() as scratch:
        loaded = load_files(args.directory, _copy_of_vault(data, args.vault_key, Path(scratch)))
    config = configured(loaded.declarations, args.csms, args.identity)
    started = Started(
        journal=folded.station[BOOT].journal,
        build=BUILD,
        boot_id=boot_id(),
        boottime_us=now_us(),
        wall_us=wall_us(),
    )
    found = items(boot(KERNEL, folded, (started, config)), store, args.station)
    out.status = 1 if any(item.what != "shadowed" for item in found) else 0
    out.say(_json([item._asdict() for item in found]) if args.json else lines(found))


def _copy_of_vault(data: Path, option: str | None, scratch: Path) -> Callable[[str, str], str]:
    """What the vault's ``keep`` would say, without touching the vault: a secret of the files that it has is the same secret.

    A copy is opened, and only where the files hold a secret, for opening a vault may mend it, and the station may be writing to it.
    """
    import os
    import shutil

    from eventlog.vault import Vault
    from stationd.vault_key import vault_key

    opened: list[Vault] = []

    def keep(text: str, purpose: str) -> str:
        if not (data / "vault").exists():
            return kept_nowhere(text, purpose)
        if not opened:
            shutil.copyfile(data / "vault", scratch / "vault")
            opened.append(Vault(scratch, os.urandom, vault_key(option, data)))
        return opened[0].keep(text, purpose)

    return keep


# Looking


def _newest(store: Watched, station: int) -> Folded:
    """The station as its newest turn left it."""
    from eventlog import snapshots
    from replay.reading import KERNEL

    return snapshots.restore(store, KERNEL, snapshots.fold_version, station)


def _json(it: object) -> list[str]:
    from msgspec.json import encode, format

    return [format(encode(it), indent=2).decode()]


def get(args: argparse.Namespace, out: Output, store: Watched) -> None:
    """The value in force, and nothing else, so that a script can use it."""
    _one(args, out, _newest(store, args.station))


def as_of(args: argparse.Namespace, out: Output, store: Watched) -> None:
    """The same, as it was."""
    from replay import state
    from replay.reading import KERNEL

    _one(args, out, state.at(KERNEL, store, state.seq_at(store, args.moment, args.station), args.station))


def _one(args: argparse.Namespace, out: Output, folded: Folded) -> None:
    from replay.address import address
    from replay.settings import as_json, setting
    from replay.text import clean, unsealed

    text = _named(args)
    found = setting(folded, address(text), text)
    out.say(_json({"turn": folded.seq, **as_json(found)}) if args.json else [clean(unsealed(found.value))])


def list_(args: argparse.Namespace, out: Output, store: Watched) -> None:
    """A table; exit status 1 where nothing fits the pattern."""
    from replay.settings import DERIVED, FILE, PINNED, as_json, lines, matching, settings

    found = list(matching(settings(_newest(store, args.station)), args.pattern))
    if args.set:
        found = [row for row in found if row.layer not in (DERIVED, FILE, PINNED)]
    if args.json:
        out.status = 0 if found else 1
        out.say(_json([as_json(row) for row in found]))
    elif found:
        out.say(lines(found))
    else:
        which = "that was set" if args.set else "that is declared"
        raise SetupFault(f"{args.pattern}: no variable {which} has that in its address; stationd config list shows all of them", 1)


def history(args: argparse.Namespace, out: Output, store: Watched) -> None:
    """Everything that happened to a variable."""
    from replay.address import address
    from replay.reading import KERNEL
    from replay.settings import history

    text = _named(args)
    out.say(history(KERNEL, store, _newest(store, args.station), address(text), text, args.station))


def who_set(args: argparse.Namespace, out: Output, store: Watched) -> None:
    """Every layer of a variable, and who set it."""
    from replay.address import address
    from replay.reading import KERNEL
    from replay.settings import who_set

    text = _named(args)
    out.say(who_set(KERNEL, store, _newest(store, args.station), address(text), text, args.station))


# Setting


def set_(args: argparse.Namespace) -> int:
    """Set a value in the operator's layer."""
    data, text = roots.data_of(args), _named(args)
    value = given(args.value, args.value_file, text, data, args.component_config)

    def here(house: Offline) -> Input:
        from adapters.operator import asked_to_set

        _declare(house, args.component_config)
        return asked_to_set(house.station, text, value, house.vault.keep, hold=args.hold)

    return _change(args, "set_variable", {"address": text, "value": value, "hold": args.hold}, here, make=True)


def release(args: argparse.Namespace) -> int:
    """Let the CSMS change what the operator holds."""
    text = _named(args)

    def here(house: Offline) -> Input:
        from adapters.operator import asked_to_release

        return asked_to_release(house.station, text)

    return _change(args, "release_variable", {"address": text}, here)


def reset(args: argparse.Namespace) -> int:
    """Drop every value that was set."""
    text = _named(args)

    def here(house: Offline) -> Input:
        from adapters.operator import asked_to_reset

        return asked_to_reset(house.station, text)

    return _change(args, "reset_variable", {"address": text}, here)


def _change(args: argparse.Namespace, verb: str, asked: dict[str, Any], here: Callable[[Offline], Input], *, make: bool = False) -> int:
    """Ask the station that runs, or where none does decide and write it here; *make*: also where there is no station yet."""

    def decided(house: Offline) -> dict[str, Any]:
        from adapters.operator import outcome

        facts = house.tell(here(house))
        return outcome(house.station, asked["address"], facts)

    _tell(offline.change(roots.data_of(args), args.control, args.vault_key, verb, asked, decided, make=make))
    return 0


def _declare(house: Offline, directory: Path | None) -> None:
    """Give a station that has never run its component files, as its first start would."""
    from machines.device_model.state import DEVICE_MODEL
    from stationd.run import configured

    if not house.station[DEVICE_MODEL].declared:
        house.tell(configured(load_files(directory, house.vault.keep).declarations, None, None))
        print("no station ran on this data directory before; it has a journal and the component files now", file=sys.stderr)


def _tell(answer: dict[str, Any]) -> None:
    from replay.text import value

    print(f"{answer['address']} = {value(answer['value'])} ({answer['layer']})")
    for line in answer["changes"] or ["nothing was set, so nothing changes"]:
        print(f"  {line}")
