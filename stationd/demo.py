"""``stationd demo``: the main job, from an empty directory to a verified journal.

Law: nothing is pretended that a user could not do: the station is its own process, the power cut is a SIGKILL, the CSMS speaks over a real socket,
and the last line is what ``stationd replay verify`` says.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from engine.errors import StationdError
from stationd.csms import FriendlyCsms
from stationd.house import House

EXAMPLE = """example:
  stationd demo                   about twenty seconds; leaves nothing behind
  stationd demo --keep ./demo     keeps the data directory, for stationd log and stationd replay
"""

CARD = "04E2A1B2C3D480"
TIME_FACTOR = 300


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options of the demo."""
    it = commands.add_parser(
        "demo",
        help="see it work: a charge, a power cut in the middle, the end of the session, the replay",
        description="Run the main job on loopback and show the session as a timeline.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    it.add_argument("--keep", metavar="DIR", type=Path, help="keep the station's data directory here (default: a temporary one)")
    it.add_argument("--version", choices=("2.1", "2.0.1"), default="2.1", help="the OCPP version that the CSMS speaks (default: 2.1)")
    it.set_defaults(func=main)


def main(args: argparse.Namespace) -> int:
    """Run it; returns 0 where the replay is clean."""
    if args.keep is not None:
        args.keep.mkdir(parents=True, exist_ok=True)
        return asyncio.run(demo(args.keep, args.version))
    with tempfile.TemporaryDirectory(prefix="stationd-demo-") as directory:
        return asyncio.run(demo(Path(directory), args.version))


def say(text: str) -> None:
    """A line of the story."""
    print(f"  {text}", flush=True)


async def demo(data: Path, version: str) -> int:
    """The story."""
    csms = FriendlyCsms(port=0, versions=(version,))
    await csms.start()
    url = f"ws://127.0.0.1:{csms.port}"
    print(f"stationd demo: a CSMS on {url}, a station of two EVSEs, a vehicle, a card, and a power cut\n")
    house = House(data, url, identity="demo", time_factor=TIME_FACTOR)
    try:
        await house.power_up()
        await house.link()
        say(f"the station connects, speaks OCPP {version}, and is accepted")
        await csms.call("demo", "SetVariables", _set("SampledDataCtrlr", "TxUpdatedInterval", "2"))
        say("the CSMS wants a meter value every 2 s; the simulated vehicle lives 300 times as fast as you")
        await house.verb("plug_in", evse=1, amps=16, phases=3)
        say("a vehicle plugs in at EVSE 1")
        await house.verb("swipe", token=CARD)
        await house.charging()
        say("a card is presented, the CSMS accepts it, energy flows")
        await house.until_some(5, lambda event: event["event"] == "transaction" and event.get("trigger") == "MeterValuePeriodic", 2)
        house.cut_power()
        await house.gone()
        say("POWER CUT: the process is killed with SIGKILL; the vehicle is left standing")
        await house.power_up()
        await house.link()
        await house.charging()
        say("power is back: the station remembers the session and goes on charging in the same transaction")
        await house.until_some(5, lambda event: event["event"] == "transaction" and event.get("trigger") == "MeterValuePeriodic", 2)
        await house.verb("swipe", token=CARD)
        ended = await house.until(lambda event: event["event"] == "transaction" and event["type"] == "Ended")
        await house.verb("plug_out", evse=1)
        await house.drained()
        say(f"the same card ends the session: {ended['energy_wh'] / 1000:.2f} kWh; the vehicle leaves")
        await house.stop()
        say("the station is stopped in an orderly way\n")
    except TimeoutError as error:
        log = (data / "station.log").read_text(errors="replace").splitlines()[-20:]
        print("\nthe end of the station's log:", *log, sep="\n  ", file=sys.stderr)
        raise StationdError("the demo got stuck: the station did not get where the story says") from error
    finally:
        house.cut_power()
        await csms.stop()
    sys.stdout.flush()
    for words in (("log", "sessions", "last"), ("replay", "verify")):
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "stationd", *words, "--data", str(data))
        status = await process.wait()
        if status:
            return status
        if words[0] == "log":
            print()
    return 0


def _set(component: str, variable: str, value: str) -> dict[str, Any]:
    return {"setVariableData": [{"attributeValue": value, "component": {"name": component}, "variable": {"name": variable}}]}
