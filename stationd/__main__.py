"""``stationd``: the station daemon, its tools, and what a person needs to work with them.

Law: every command says in ``--help`` what it does, with an example; every error is one line that says what to do, and an exit status.
Commands load what they need when they run, so that the daemon's start pays for nothing else.
"""

from __future__ import annotations

import gc

gc.disable()  # nothing that loading makes is garbage; the daemon turns it on again when it is ready, and so does every other command

import argparse  # noqa: E402
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from importlib import import_module  # noqa: E402

from engine.errors import SetupFault, StationdError  # noqa: E402
from stationd.helping import Page  # noqa: E402

EPILOG = """examples:
  stationd run                          a station with two EVSEs, looking for a CSMS on localhost:9000
  stationd csms                         a friendly CSMS on that port, with a prompt
  stationd ctl plug_in evse=1           a vehicle plugs in
  stationd ctl swipe token=04AABBCC     a card is presented
  stationd config list                  every setting, and which layer it is from
  stationd log sessions                 what was charged
  stationd replay verify                decide everything again and compare
  stationd conform run                  try it with the test cases of OCPP 2.0.1

exit statuses:
  0 done   1 something differs or failed   2 the call or the configuration is wrong   3 the data directory is in use
  4 the journal is from a newer build   5 the directory cannot be written   6 it cannot be read
"""


COMMANDS = {
    # command: the module that adds it; it is loaded when it is asked for
    "run": "stationd.run",
    "csms": "stationd.csms_command",
    "ctl": "stationd.ctl",
    "config": "stationd.config",
    "demo": "stationd.demo",
    "log": "stationd.log",
    "replay": "stationd.log",
    "sim": "sim.cli",
    "campaign": "stationd.campaign",
    "conform": "stationd.conform",
}


def parser(modules: Sequence[str]) -> argparse.ArgumentParser:
    """The commands of *modules* and their options."""
    top = argparse.ArgumentParser(
        prog="stationd",
        description="An event-sourced charging station for OCPP 2.0.1 and 2.1: run it, replay it, debug with it.",
        epilog=EPILOG,
        formatter_class=Page,
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True, prog="stationd")
    for name in modules:
        import_module(name).add_arguments(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    words = sys.argv[1:] if argv is None else list(argv)
    known = COMMANDS.get(words[0]) if words else None
    # The daemon's start is measured, and every other command is waited for: only what is asked for is loaded.
    args = parser([known] if known else list(dict.fromkeys(COMMANDS.values()))).parse_args(words)
    if known != "stationd.run":
        gc.enable()
    try:
        status: int = args.func(args)
    except SetupFault as error:
        print(f"stationd: {error}", file=sys.stderr)
        return error.status
    except StationdError as error:
        print(f"stationd: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return status


if __name__ == "__main__":
    raise SystemExit(main())
