"""``stationd ctl``: the control socket from the command line.

Law: one verb, one answer; what the station says is printed as it said it.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from engine.errors import SetupFault
from replay.paths import default_data

EXAMPLE = """verbs:
  plug_in evse=1 [ev=iec|iso_ac|iso_dc] [amps=32] [phases=1]     a vehicle plugs in
  plug_out evse=1 [iso=true]                                     and leaves
  swipe token=04AABBCCDDEE80 [type=ISO14443] [evses=[1,2]]       a card is presented
  ev_pause evse=1 / ev_resume evse=1                             the vehicle stops or resumes drawing power
  set_meter evse=1 timestamp=2026-01-01T00:00:00Z energy_wh=1000 [power_w=0]
  select_services evse=1 services=[[3,3],[3,4]]                  the vehicle selects internet access
  disconnect / connect                                           close the CSMS link and stay offline / come back
  forget token=04AABBCCDDEE80 / forget pseudonym=304f92          a person is forgotten for good, or as soon as that may be
  reset_variable address=TxCtrlr.EVConnectionTimeOut             its component file's value counts again
  state                                                          the station as it stands
  subscribe [events=["link","session"]]                          events, a JSON line each, until interrupted
  shutdown                                                       an orderly stop

examples:
  stationd ctl --data ./cp001 plug_in evse=1 amps=16
  stationd ctl --control ./cp001.sock state
  stationd ctl swipe --token-stdin < card.txt
  stationd ctl forget --token-stdin < card.txt
"""


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of the control client."""
    it = commands.add_parser(
        "ctl", help="work the simulated hardware and the daemon", description="Send one verb to a running station and print its answer.",
        epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    it.add_argument("--control", metavar="PATH", type=Path, help="the control socket (default: control.sock in the data directory)")
    it.add_argument("--data", metavar="DIR", type=Path, help="the station's data directory, where its control socket lies")
    it.add_argument("--token-stdin", action="store_true", help="read the token of swipe or forget from standard input, so that no shell remembers it")
    it.add_argument("--timeout", metavar="S", type=float, default=10.0, help="how long to wait for the answer, in seconds (default: 10)")
    it.add_argument("verb", help="what to do")
    it.add_argument("args", nargs="*", metavar="name=value", help="its arguments; values are JSON, or plain text where they are none")
    it.set_defaults(func=main)


def main(args: argparse.Namespace) -> int:
    """Send, wait, print; exit status 1 where the station refused."""
    path: Path = args.control or (args.data or default_data()) / "control.sock"
    if args.verb == "set_variable":
        raise SetupFault("set_variable: everybody on this machine can read arguments; use stationd config set, which takes secrets in other ways")
    given = dict(_argument(word) for word in args.args)
    if args.token_stdin:
        given["token"] = sys.stdin.readline().strip()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(args.timeout)
        try:
            sock.connect(os.fspath(path))
        except OSError as error:
            raise SetupFault(
                f"{path}: no station answers there ({error.strerror}); start one with stationd run, or name its socket with --control PATH"
            ) from error
        sock.sendall(json.dumps({"id": 1, "verb": args.verb, "args": given}).encode() + b"\n")
        try:
            return _listen(sock, stays=args.verb == "subscribe")
        except TimeoutError:
            raise SetupFault(f"no answer within {args.timeout:.0f} s; the station is busy or its journal cannot be written", 1) from None


def _listen(sock: socket.socket, *, stays: bool) -> int:
    with sock.makefile("rb") as lines:
        for line in lines:
            message: dict[str, Any] = json.loads(line)
            if "event" in message:
                print(json.dumps(message), flush=True)
                continue
            if not message["ok"]:
                print(f"stationd: {message['error']}", file=sys.stderr)
                return 1
            result = message.get("result")
            if isinstance(result, dict) and "warning" in result:
                print(f"stationd: warning: {result.pop('warning')}", file=sys.stderr)
            if result:
                print(json.dumps(result, indent=2))
            if not stays:
                return 0
            sock.settimeout(None)
    return 0 if stays else 1


def _argument(word: str) -> tuple[str, Any]:
    name, equals, text = word.partition("=")
    if not equals:
        raise SetupFault(f"{word}: an argument is name=value, for example evse=1")
    if name in ("token", "pseudonym"):
        return name, text
    try:
        return name, json.loads(text)
    except json.JSONDecodeError:
        return name, text
