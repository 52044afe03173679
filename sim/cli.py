"""``stationd sim``: lives from the command line.

Law: prints what was lived and nothing else; the exit status is 1 where a rule did not hold.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from component_config.schemas import installed_schemas
from engine.errors import SetupFault

EXAMPLE = """examples:
  stationd sim life --seed 7             live one seed and tell it; ends with what did not hold, if anything
  stationd sim life --seed 7 --from 120  the same, told from turn 120 on
  stationd sim lives --count 500         live many seeds on all cores given by --processes
  stationd sim day                       the reference day: six sessions, two link losses
"""


def add_arguments(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command and its options."""
    it = commands.add_parser(
        "sim",
        help="live in a simulated world",
        description="Live in a simulated world: virtual time, one seed for all its chance, the real station in it.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = it.add_subparsers(metavar="WHAT", required=True)
    life = what.add_parser("life", help="one seed, told turn by turn", description="Live one seed and tell it turn by turn.")
    life.add_argument("--seed", metavar="N", type=int, required=True, help="the seed")
    life.add_argument("--from", metavar="SEQ", dest="first", type=int, default=0, help="tell from this turn on (default: 0)")
    life.add_argument("--quiet", action="store_true", help="only what was drawn and what did not hold")
    life.set_defaults(func=one_life)
    lives = what.add_parser("lives", help="many seeds", description="Live many seeds, one after the other on each process.")
    lives.add_argument("--seed", metavar="N", type=int, default=0, help="the first seed (default: 0)")
    lives.add_argument("--count", metavar="N", type=int, default=500, help="how many (default: 500)")
    lives.add_argument("--processes", metavar="N", type=int, default=1, help="on how many processes (default: 1)")
    lives.set_defaults(func=many_lives)
    day = what.add_parser("day", help="the reference day", description="Live the reference day in virtual time and print what it was.")
    day.add_argument("--turns", metavar="N", type=int, default=0, help="repeat the day until there are so many turns (default: one day)")
    day.add_argument("--data", metavar="DIR", type=Path, help="keep its journal in a new directory (default: nowhere)")
    day.set_defaults(func=one_day)


def say(line: str) -> None:
    """One line."""
    sys.stdout.write(line + "\n")


def one_life(args: argparse.Namespace) -> int:
    """``stationd sim life``."""
    from sim.checks import Violation
    from sim.lives import Life
    from sim.story import head, told

    life = Life(args.seed, installed_schemas())
    life.world.notes = []
    broken = ""
    try:
        life.live()
    except Violation as violation:
        broken = str(violation)
    for line in head(life):
        say(line)
    if not args.quiet:
        for line in told(life.world, first=args.first):
            say(line)
    say(f"seed {args.seed}: {life.world.ledger.turns} turns, {life.world.restarts} starts, {life.world.now // 1_000_000} virtual seconds")
    say(f"VIOLATED  {broken}" if broken else "all rules held")
    return 1 if broken else 0


def many_lives(args: argparse.Namespace) -> int:
    """``stationd sim lives``."""
    from sim.lives import run_lives

    found = run_lives(args.seed, args.count, schemas=installed_schemas, processes=args.processes)
    for line in found.lines():
        say(line)
    return 1 if found.broken else 0


def one_day(args: argparse.Namespace) -> int:
    """``stationd sim day``."""
    from eventlog.journal import Journal
    from eventlog.memory import MemoryJournal
    from sim.day import reference_day

    if args.data is not None and (args.data / "journal" / "data.mdb").exists():
        raise SetupFault(f"{args.data}: there is a journal already; give a new directory")
    journal = Journal(args.data / "journal", entropy=lambda n: b"\x01" * n) if args.data is not None else MemoryJournal()
    for line in reference_day(journal, turns=args.turns).lines():
        say(line)
    if isinstance(journal, Journal):
        journal.close()
    return 0
