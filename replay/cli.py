"""``stationd log`` and ``stationd replay``: what happened, why, and whether this build would do it again.

Law: reads only, and may run beside the daemon.  Nothing but ``argparse`` is loaded until a command runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventlog.journal import Journal
    from replay.output import Output, Wait, Watched

Command = Callable[[argparse.Namespace, "Output", "Watched"], None]

FOLLOW_S = 0.25
"""How often a journal that is followed is looked at."""

TAIL_TURNS = 10


def add_arguments(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    wait: Wait | None = None,
    more: Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None] | None = None,
) -> None:
    """Register ``log`` and ``replay``.

    *wait* is how ``log tail --follow`` waits; by default until the reader of its output goes away.  *more* adds commands to ``log``.
    """
    _add_log(subparsers, wait, more)
    _add_replay(subparsers)


def _add_log(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    wait: Wait | None,
    more: Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None] | None,
) -> None:
    log = subparsers.add_parser(
        "log", help="read a station's journal", description="Read the journal of a station, also while it runs.",
        epilog="example:\n  stationd log sessions --data ./cp001\n  stationd log tail --follow",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = log.add_subparsers(metavar="COMMAND", required=True)
    it = over_journal(commands, "show", "the turns: inputs, facts, effects", _show, "log show --from 120 --to 140 --evse 1")
    it.add_argument("--from", dest="first", metavar="SEQ", type=_seq, default=0, help="the first turn (default: 0)")
    it.add_argument("--to", dest="last", metavar="SEQ", type=_seq, help="the last turn (default: the newest)")
    it.add_argument("--grep", metavar="TEXT", default="", help="only turns that mention this text, whatever its case")
    it.add_argument("--evse", metavar="N", type=_count, help="only turns that concern this EVSE")
    _full(it)
    it = over_journal(commands, "sessions", "every charging session, or the story of one", _sessions, "log sessions 0000abcd-0000000009-1")
    it.add_argument("transaction", nargs="?", help="tell the story of this transaction (the beginning of its id will do, or last)")
    it.add_argument("--evse", metavar="N", type=_count, help="only sessions at this EVSE")
    it = over_journal(commands, "tail", "the newest turns, and those to come", lambda a, o, s: _tail(a, o, s, wait), "log tail -n 20 --follow")
    it.add_argument("-n", metavar="N", dest="count", type=_count, default=TAIL_TURNS, help=f"how many turns (default: {TAIL_TURNS})")
    it.add_argument("--follow", action="store_true", help="go on with every turn that is written, until interrupted")
    _full(it)
    it = over_journal(commands, "export", "JSON lines for other programs", _export, "log export --format ocpp --out frames.jsonl")
    it.add_argument(
        "--format", choices=("jsonl", "ocpp"), default="jsonl", help="jsonl: a turn a line; ocpp: an OCPP message a line (default: jsonl)"
    )
    it.add_argument("--out", metavar="FILE", type=Path, help="write there, for this user only (default: standard output)")
    over_journal(commands, "verify", "whether the journal is whole: hash chain, numbering, every row readable", _log_verify, "log verify")
    over_journal(commands, "space", "how full the journal is, and which turns it holds", _space, "log space --data ./cp001")
    if more is not None:
        more(commands)


def _add_replay(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    replay = subparsers.add_parser(
        "replay", help="decide recorded inputs again, and look into the past",
        description="Fold or decide a recorded journal again.  Nothing is performed.",
        epilog="example:\n  stationd replay verify --data ./cp001\n  stationd replay why OCPPCommCtrlr.HeartbeatInterval",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = replay.add_subparsers(metavar="COMMAND", required=True)
    over_journal(
        commands, "verify", "decide every input again and compare; exit status 1 where anything differs", _verify, "replay verify --data ./cp001"
    )
    it = over_journal(commands, "show", "turns with all that they hold", _show_some, "replay show 42 43")
    it.add_argument("seqs", metavar="SEQ", nargs="+", type=_seq, help="the turns")
    it = over_journal(commands, "state", "the station as it stood at a moment", _state, "replay state --at +35s")
    it.add_argument(
        "--at", metavar="SEQ|TIME", default="last",
        help="a turn (123), station time (+35s, +90m), wall time (2026-11-21T10:00:00Z), or last (default: last)",
    )  # fmt: skip
    it.add_argument("--json", action="store_true", help="for programs")
    it = over_journal(commands, "why", "what made the station say or hold this", _why, "replay why OCPPCommCtrlr.HeartbeatInterval")
    it.add_argument("subject", help="an OCPP messageId, a transaction id, Component.Variable[@evse], or a turn (#123)")
    _full(it)


def over_journal(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, command: Command, example: str
) -> argparse.ArgumentParser:
    """A command that reads a station's journal: *command* is given the arguments, where to write, and the journal."""
    it = over_data(commands, name, summary, f"example:\n  stationd {example}")
    it.add_argument("--station", metavar="N", type=_seq, default=0, help="the station's number in its journal (default: 0)")
    it.set_defaults(func=lambda args: _run(command, args))
    return it


def over_data(commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, epilog: str) -> argparse.ArgumentParser:
    """A command over a station's data directory, which ``--data`` names."""
    it = commands.add_parser(
        name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    it.add_argument("--data", metavar="DIR", type=Path, help="the station's data directory (default: $STATE_DIRECTORY or the XDG state directory)")
    return it


def _full(it: argparse.ArgumentParser) -> None:
    it.add_argument("--full", action="store_true", help="payloads and fields without abbreviation")


def _seq(text: str) -> int:
    """A whole number from 0 on; ``#`` before it is what our own output prints."""
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 on")
    return int(digits)


def _count(text: str) -> int:
    """A whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def _run(command: Command, args: argparse.Namespace) -> int:
    """Run a command over the journal that its arguments name; returns the exit status."""
    from lmdb import Error as StoreError

    from engine.errors import SetupFault
    from eventlog.store import STATUS_UNREADABLE
    from replay.output import Output, Watched

    out = Output()
    try:
        with _journal(args) as journal:
            try:
                command(args, out, Watched(journal, out))
            finally:
                out.done()
        out.flush()
    except BrokenPipeError:
        # Whoever read has seen enough, which is no error: the status is what is known so far.
        out.abandon()
    except StoreError as error:
        raise SetupFault(f"the journal's file is damaged, or its disk is ({error}); go on with a copy of it", STATUS_UNREADABLE) from error
    return out.status


@contextmanager
def _journal(args: argparse.Namespace) -> Iterator[Journal]:
    from replay.paths import default_data
    from replay.reading import open_journal

    journal = open_journal(args.data or default_data(), args.station)
    try:
        yield journal
    finally:
        journal.close()


# The commands


def _show(args: argparse.Namespace, out: Output, store: Watched) -> None:
    from replay.show import shown

    found = shown(store, args.station, first=args.first, last=args.last, grep=args.grep, evse_id=args.evse, full=args.full)
    for lines in found:
        out.say(lines)


def _show_some(args: argparse.Namespace, out: Output, store: Watched) -> None:
    from replay.show import shown

    for seq in args.seqs:
        for lines in shown(store, args.station, first=seq, last=seq, full=True):
            out.say(lines)


def _sessions(args: argparse.Namespace, out: Output, store: Watched) -> None:
    from replay.sessions import lines, sessions
    from replay.timeline import timeline

    if args.transaction is not None:
        out.say(timeline(store, args.transaction, args.station))
        return
    rows = [row for row in sessions(store, args.station) if args.evse in (None, row.evse_id)]
    out.say(lines(rows) if rows else [f"no charging session{f' at EVSE {args.evse}' if args.evse else ''} yet"])


def _tail(args: argparse.Namespace, out: Output, store: Watched, wait: Wait | None) -> None:
    from replay.output import reader_gone
    from replay.reading import turns, wall_before
    from replay.show import lines

    wait = wait or reader_gone
    first = max(store.last(args.station)[0] - args.count + 1, 0)
    wall = wall_before(store, first, args.station)
    while True:
        for turn in turns(store, args.station, first=first):
            wall.hear(turn.facts)
            out.say(lines(turn, wall, station=args.station, full=args.full))
            first = turn.seq + 1
        out.flush()
        if not args.follow or wait(FOLLOW_S):
            return


def _export(args: argparse.Namespace, out: Output, store: Watched) -> None:
    from replay.export import frame_lines, turn_lines

    found = frame_lines(store, args.station) if args.format == "ocpp" else turn_lines(store, args.station)
    if args.out is None:
        out.say(found)
        return
    import os

    from engine.errors import SetupFault

    try:
        # It names persons by pseudonym and says when they charged: for this user's eyes, until they decide otherwise.
        handle = os.open(args.out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            for line in found:
                file.write(f"{line}\n")
    except OSError as error:
        raise SetupFault(f"{args.out}: cannot be written ({error.strerror}); name another file with --out FILE") from error


def _space(args: argparse.Namespace, out: Output, store: Watched) -> None:
    from eventlog.journal import Journal
    from replay.space import lines

    if isinstance(store.store, Journal):
        out.say(lines(store.store, args.station))


def _log_verify(args: argparse.Namespace, out: Output, store: Watched) -> None:
    from replay.whole import examine

    report = examine(store, args.station)
    out.status = 0 if report.ok else 1
    out.say(report.damage)
    out.say([str(report)])


def _verify(args: argparse.Namespace, out: Output, store: Watched) -> None:
    from replay.reading import KERNEL
    from replay.verify import verify

    report = verify(KERNEL, store.store, args.station, progress=out.progress)
    out.status = 0 if report.ok else 1
    for divergence in report.divergences:
        out.say([str(divergence), ""])
    out.say(report.damage)
    out.say([str(report)])


def _state(args: argparse.Namespace, out: Output, store: Watched) -> None:
    from replay import state
    from replay.reading import KERNEL

    folded = state.at(KERNEL, store, state.seq_at(store, args.at, args.station), args.station)
    if args.json:
        from msgspec.json import encode, format

        out.say([format(encode(state.as_json(folded, args.station)), indent=2).decode()])
    else:
        out.say(state.lines(KERNEL, folded, args.station))


def _why(args: argparse.Namespace, out: Output, store: Watched) -> None:
    from replay.reading import KERNEL
    from replay.why import why

    out.say(why(KERNEL, store, args.subject, args.station, full=args.full))
