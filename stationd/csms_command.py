"""``stationd csms``: the friendly CSMS with its prompt, from the command line.

Law: a password is read from a file and never from an argument, and no error repeats one.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from engine.errors import SetupFault
from stationd.csms import FriendlyCsms
from stationd.csms_answers import Settings
from stationd.csms_prompt import Prompt, attend

EXAMPLE = """example:
  stationd csms                                             OCPP 2.1 and 2.0.1 on ws://127.0.0.1:9000, any identity, no password
  stationd csms --port 9001 --versions 2.0.1 --block 04DEAD  another port, the older version, and a card that is refused
  echo 'wait
  get OCPPCommCtrlr/HeartbeatInterval' | stationd csms --exit-on-eof

At its prompt: help.  Without --exit-on-eof it serves on after the last line of input, until it is interrupted.
"""


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of the CSMS."""
    it = commands.add_parser(
        "csms", help="a friendly CSMS to try a station with", description="Serve as a friendly CSMS, and show what stations say.",
        epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    it.add_argument("--host", metavar="ADDRESS", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1, this machine only)")
    it.add_argument("--port", metavar="N", type=int, default=9000, help="the port to listen on; 0 takes a free one (default: 9000)")
    it.add_argument("--versions", metavar="LIST", default="2.1,2.0.1", help="OCPP versions to speak, separated by commas (default: 2.1,2.0.1)")
    it.add_argument("--interval", metavar="S", type=int, default=300, help="the heartbeat interval told to stations, in seconds (default: 300)")
    it.add_argument("--block", metavar="TOKEN", action="append", default=[], help="answer this idToken with Blocked; may be repeated")
    it.add_argument(
        "--passwords", metavar="FILE", type=Path,
        help="ask for basic authentication: one IDENTITY:PASSWORD a line, * for any other identity (default: ask for none)",
    )  # fmt: skip
    it.add_argument("--exit-on-eof", action="store_true", help="stop at the end of the input")
    it.set_defaults(func=main)


def main(args: argparse.Namespace) -> int:
    """Serve until interrupted; returns the exit status: 1 where a line of a piped input failed."""
    return asyncio.run(
        run_csms(
            args.host,
            args.port,
            versions=tuple(version.strip() for version in args.versions.split(",")),
            settings=Settings(interval_s=args.interval, blocked_tokens=args.block),
            passwords=None if args.passwords is None else read_passwords(args.passwords),
            exit_on_eof=args.exit_on_eof,
        )
    )


def read_passwords(path: Path) -> dict[str, bytes]:
    """Identity -> password, from a file of ``IDENTITY:PASSWORD`` lines.

    Raises:
        SetupFault: It cannot be read, or a line is none; the text names the line and not what is in it.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise SetupFault(f"{path}: cannot be read ({error.strerror})") from error
    found: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        user, colon, password = line.partition(b":")
        if not colon or not user or not password:
            raise SetupFault(f"{path}, line {number}: must be IDENTITY:PASSWORD")
        found[user.decode("utf-8", "replace")] = password
    return found


async def run_csms(
    host: str = "127.0.0.1",
    port: int = 9000,
    *,
    versions: Collection[str] = ("2.1", "2.0.1"),
    settings: Settings | None = None,
    passwords: Mapping[str, str | bytes] | None = None,
    exit_on_eof: bool = False,
    out: Callable[[str], None] | None = None,
) -> int:
    """Serve with a prompt on standard input until SIGINT or SIGTERM; returns the exit status.

    Raises:
        SetupFault: It cannot listen there.
    """
    csms = FriendlyCsms(host, port, versions=versions, settings=settings, passwords=passwords)
    prompt = Prompt(csms, out)
    csms.observer = prompt.show
    async with csms:
        return await attend(csms, prompt, exit_on_eof=exit_on_eof)
