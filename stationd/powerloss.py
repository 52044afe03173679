"""Power losses at random instants of what the journal and the vault really do to a disk: ``stationd campaign power``.

Law: whatever a power loss leaves behind opens again by itself, holds all that was acknowledged, has no hole, and can be written.  A writer process
appends, keeps snapshots, closes, retires and seals under strace; ``stationd.disk`` says what may be left; this same build has to get along with it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field

import machines.station  # noqa: F401 (makes the records known that a journal says it holds)
from engine.errors import StationdError
from eventlog import damage
from eventlog.fold import CHAIN_BYTES
from eventlog.journal import FILE, Journal
from eventlog.store import ROOT, broken_link, digest, link
from eventlog.vault import PERSON, SECRET, Vault
from stationd.disk import Disk, Flushed, Said, Step, Wrote, lay_out, trace
from wire.sealed import find

PER_TRACE = 100
"""Power losses in the story of one writer, before another one writes."""

BEGINNING = 60
"""So many first steps are the making of a journal and a vault."""

BATCH = 20
"""So many disks are laid out at a time."""

SECTORS_BYTES = (512, 4096)
"""What a disk writes whole or not at all; with the smaller one pages are torn."""

LIVES, STEPS = 3, 60
"""How often the writer opens journal and vault anew, and how much it does each time."""

INLINE_MOST, GROUP_MOST = 7, 64
"""Rows in a group that the daemon's loop writes itself, and that its writer thread writes."""

Progress = Callable[[int, int, int], None]


@define
class Outcome:
    """What came of the power losses, and what was broken, with the seed that did it."""

    losses: int = 0
    writes: int = 0
    flushes: int = 0
    turns: int = 0
    texts: int = 0
    broken: list[str] = field(factory=list)

    def lines(self) -> Iterator[str]:
        """For people: everything that was broken, then the sum."""
        yield from self.broken
        yield (
            f"{self.losses} power losses among {self.writes} writes and {self.flushes} flushes, {self.turns} turns and {self.texts} sealed texts "
            f"looked for again, {len(self.broken)} broken"
        )


def run_power_losses(count: int, seed: int, *, progress: Progress | None = None) -> Outcome:
    """*count* power losses; every PER_TRACE of them strike a writer with a seed of its own, so that it can be repeated alone."""
    outcome = Outcome()
    while outcome.losses < count:
        with tempfile.TemporaryDirectory(prefix="stationd-power-") as folder:
            root = Path(folder) / "disk"
            root.mkdir()
            steps = trace([sys.executable, "-m", "stationd.powerloss", "write", os.fspath(root), str(seed)], root, Path(folder) / "trace")
            strike(steps, root, seed, min(PER_TRACE, count - outcome.losses), count, outcome, progress)
        seed += 1
    return outcome


def strike(steps: Sequence[Step], root: Path, seed: int, losses: int, count: int, outcome: Outcome, progress: Progress | None = None) -> None:
    """Let the power fail *losses* times in a writer's *steps*, and look at what is left."""
    chance = Random(seed)
    outcome.writes += sum(type(step) is Wrote for step in steps)
    outcome.flushes += sum(type(step) is Flushed or (type(step) is Wrote and step.synchronous) for step in steps)
    # All steps, and more often those that are few: how things begin, and the vault.
    sealing = [number for number, step in enumerate(steps) if not isinstance(step, Said) and Path(step.path).name.startswith("vault")]
    kinds = (range(len(steps)), range(len(steps)), range(min(BEGINNING, len(steps))), sealing)
    instants = sorted(chance.choice(chance.choice(kinds)) for _ in range(losses))
    disk = Disk(root)
    said: list[str] = []
    left: list[tuple[str, Path]] = []
    for before, instant in pairwise([0, *instants]):
        for step in steps[before:instant]:
            disk.do(step)
            if isinstance(step, Said):
                said.append(step.text)
        sector_bytes = chance.choice(SECTORS_BYTES)
        folder = root.parent / f"left-{outcome.losses}"
        lay_out(disk.lose_power(chance, sector_bytes, steps[instant]), folder)
        (root.parent / f"{folder.name}.said").write_text("\n".join(said))
        left.append((f"seed {seed}, step {instant} of {len(steps)}, sectors of {sector_bytes} bytes", folder))
        outcome.losses += 1
        if len(left) == BATCH or instant == instants[-1]:
            _judge_all(left, seed, outcome)
            left.clear()
        if progress is not None:
            progress(outcome.losses, count, len(outcome.broken))
    _judge_all(left, seed, outcome)


def _judge_all(left: list[tuple[str, Path]], seed: int, outcome: Outcome) -> None:
    """In a child process, because LMDB dies of some damage; where it does, another one goes on behind."""
    waiting = list(left)
    while waiting:
        words = [sys.executable, "-m", "stationd.powerloss", "judge", str(seed), *(os.fspath(folder) for _, folder in waiting)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            (where, _), seen = waiting.pop(0), json.loads(line)
            outcome.turns += seen["turns"]
            outcome.texts += seen["texts"]
            outcome.broken.extend(f"{where}: {wrong}" for wrong in seen["wrong"])
        if waiting:
            where, _ = waiting.pop(0)
            outcome.broken.append(f"{where}: opening it ended the process with status {done.returncode}: {done.stderr.strip()[-300:]}")
    for _, folder in left:
        shutil.rmtree(folder)


# The writer


def row_of(seed: int, seq: int) -> bytes:
    """The row of a turn: every process knows what has to be in it."""
    chance = Random(f"{seed} row {seq}")
    return chance.randbytes(chance.randrange(20, 700))


def body_of(seed: int, what: str, seq: int) -> bytes:
    """The body of a snapshot or a closing snapshot."""
    chance = Random(f"{seed} {what} {seq}")
    body = chance.randbytes(chance.randrange(1_000, 40_000))
    return digest(body) + body


def write(root: Path, seed: int) -> None:
    """Be the writer: everything that a daemon does with its journal and its vault, and say what is acknowledged."""
    chance = Random(seed)
    with ThreadPoolExecutor(1) as thread:
        for life in range(LIVES):
            _live(root, seed, life, chance, thread)


def _live(root: Path, seed: int, life: int, chance: Random, thread: ThreadPoolExecutor) -> None:
    if life:
        # What a power cut in the middle of a record leaves; it is cut off when the vault is read.
        with (root / "data" / "vault").open("ab") as file:
            file.write(chance.randbytes(chance.randrange(1, 60)))
    journal = Journal(root / "data" / "journal", entropy=chance.randbytes)
    vault = Vault(root / "data", chance.randbytes)
    journal.opened()
    kept: list[str] = []
    _say(f"number {journal.number}")
    for step in range(STEPS):
        last = journal.last()[0]
        match chance.randrange(14):
            case 0 if last >= 0:
                journal.put_snapshot(last, body_of(seed, "snapshot", last))
            case 1 if last > journal.base()[0]:
                journal.put_closing(last, body_of(seed, "closing", last))
                _say(f"closing {last}")
            case 2:
                _retire_a_slice(journal)
            case 3 | 4 | 5:
                name = f"{life}.{step}"
                # What one message brings is flushed together, before the rows that name it.
                names = [name, f"{name}.0", f"{name}.1"][: chance.randint(1, 3)]
                handles = [_handle(vault.keep(text_of(seed, one), purpose_of(one))) for one in names]
                vault.flush(last + 1)
                kept += handles
                for one, handle in zip(names, handles, strict=True):
                    _say(f"text {one} {handle}")
            case 10 if kept and not chance.randrange(4):
                handle = kept.pop(chance.randrange(len(kept)))
                _say(f"forgetting {handle}")
                vault.forget([handle])
                _say(f"forgotten {handle}")
            case 11 if vault.unswept():
                vault.swept(last)
            case 6:
                journal.keep_reserve()
            case 7 if not chance.randrange(4):
                journal.release_reserve()
            case 8 | 9:
                group = rows_of(seed, last, chance.randint(INLINE_MOST + 1, GROUP_MOST))
                thread.submit(journal.append, group).result()
                _say(f"turn {group[-1][0]}")
            case _:
                group = rows_of(seed, last, chance.randint(1, INLINE_MOST))
                journal.append(group)
                _say(f"turn {group[-1][0]}")
    journal.close()


def rows_of(seed: int, last: int, count: int) -> list[tuple[int, bytes]]:
    """The next *count* rows."""
    return [(seq, row_of(seed, seq)) for seq in range(last + 1, last + 1 + count)]


def text_of(seed: int, name: str) -> str:
    """A text to be sealed."""
    chance = Random(f"{seed} text {name}")
    return chance.randbytes(chance.randrange(4, 200)).hex()


def purpose_of(name: str) -> str:
    """A text's purpose: secrets and persons in turn."""
    return SECRET if name.endswith(("0", "2", "4", "6", "8")) else PERSON


def _retire_a_slice(journal: Journal) -> None:
    base = journal.base()[0]
    closed = [seq for seq, _ in journal.closings() if seq > base]
    if base >= 0 and not journal.retire(base, rows_most=20):
        return
    if closed:
        journal.retire(closed[0], rows_most=20)
        _say(f"base {closed[0]}")


def _handle(placeholder: str) -> str:
    return find(placeholder.encode())[0]


def _say(text: str) -> None:
    os.write(1, text.encode() + b"\n")


# The judge


def judge(seed: int, folder: Path) -> dict[str, Any]:
    """What is wrong with what a power loss left in *folder*, and how much was looked for; the file beside it says what was acknowledged."""
    said = [line.split() for line in folder.with_name(f"{folder.name}.said").read_text().splitlines()]
    wrong: list[str] = []
    seen = {"wrong": wrong, "turns": 0, "texts": 0}
    for look in (_judge_journal, _judge_vault):
        try:
            wrong.extend(look(seed, folder / "data", said, seen))
        except Exception as error:  # noqa: BLE001 (whatever it is, it must not happen)
            wrong.append(f"{type(error).__name__}: {error}")
    return seen


def _newest(said: Iterable[Sequence[str]], what: str) -> int:
    return max((int(words[1]) for words in said if words[0] == what), default=-1)


def _judge_journal(seed: int, data: Path, said: Sequence[Sequence[str]], seen: dict[str, Any]) -> Iterator[str]:
    # As a start does that finds that the last one died while it opened the journal.
    damage.look(data / "journal" / FILE, whole=True)
    journal = Journal(data / "journal", entropy=Random(seed + 1).randbytes)
    number, turn, base = _newest(said, "number"), _newest(said, "turn"), _newest(said, "base")
    if number not in (-1, journal.number):
        yield f"the journal has another number, {journal.number}, than the one that was given out, {number}"
    last, chain = journal.last()
    if last < turn:
        yield f"turn {turn} was acknowledged, and turn {last} is the last one"
    begin, begin_chain = journal.base()
    if begin < base:
        yield f"turns up to {base} were retired, and there are some from {begin + 1} on"
    if begin_chain != chain_of(seed, begin) or chain != chain_of(seed, last):
        yield f"the hash chain does not run through the base {begin} and the last turn {last}"
    rows = list(journal.rows(begin))
    seen["turns"] += len(rows)
    if [seq for seq, _ in rows] != list(range(begin + 1, last + 1)):
        yield f"there is a hole between turns {begin + 1} and {last}"
    if broken := broken_link(rows, begin_chain, begin):
        yield broken[1]
    yield from (f"turn {seq} is another one than was written" for seq, row in rows if row[CHAIN_BYTES:] != row_of(seed, seq))
    closings = dict(journal.closings())
    wanted = {int(words[1]) for words in said if words[0] == "closing" and int(words[1]) >= begin} | ({begin} if begin >= 0 else set())
    yield from (f"the closing snapshot after turn {seq} is gone" for seq in sorted(wanted - closings.keys()))
    for what, bodies in (("closing", closings), ("snapshot", dict(journal.snapshots()))):
        yield from (
            f"the {what} after turn {seq} is another one than was written" for seq, body in bodies.items() if body != body_of(seed, what, seq)
        )
    # It can be written, and everything else that the station does with it works.
    journal.append(rows_of(seed, last, GROUP_MOST))
    last += GROUP_MOST
    journal.put_closing(last, body_of(seed, "closing", last))
    journal.put_snapshot(last, body_of(seed, "snapshot", last))
    while not journal.retire(last):
        pass
    journal.append(rows_of(seed, last, 1))
    journal.close()
    again = Journal(data / "journal", readonly=True)
    if (again.base()[0], again.last()) != (last, (last + 1, chain_of(seed, last + 1))):
        yield f"what was written afterwards is not there: the base is {again.base()[0]}, the last turn {again.last()[0]}"
    again.close()


_CHAINS: list[bytes] = []


def chain_of(seed: int, seq: int) -> bytes:
    """The chain link of a turn; the root before the first."""
    while len(_CHAINS) <= seq:
        _CHAINS.append(link(_CHAINS[-1] if _CHAINS else ROOT, row_of(seed, len(_CHAINS))))
    return _CHAINS[seq] if seq >= 0 else ROOT


def _judge_vault(seed: int, data: Path, said: Sequence[Sequence[str]], seen: dict[str, Any]) -> Iterator[str]:
    asked = {words[1] for words in said if words[0] == "forgetting"}
    forgotten = {words[1] for words in said if words[0] == "forgotten"}
    texts = {words[2]: words[1] for words in said if words[0] == "text" and words[2] not in asked}
    seen["texts"] += len(texts)
    entropy = Random(seed + 2).randbytes
    for lap in ("left", "written again"):
        vault = Vault(data, entropy)
        for handle, name in texts.items():
            if vault.reveal(handle, purpose_of(name)) != text_of(seed, name):
                yield f"the vault as it was {lap}: text {name} was acknowledged and cannot be revealed"
        for handle in forgotten:
            if vault.holds(handle):
                yield f"the vault as it was {lap}: {handle[:6]} was forgotten and is there"
        texts[_handle(vault.keep(text_of(seed, "after"), purpose_of("after")))] = "after"
        vault.flush(0)


def main(words: Sequence[str]) -> int:
    """``write DIRECTORY SEED``, or ``judge SEED DIRECTORY...``: one line of JSON for each."""
    match words:
        case ["write", folder, seed]:
            write(Path(folder), int(seed))
        case ["judge", seed, *folders]:
            for folder in folders:
                print(json.dumps(judge(int(seed), Path(folder))), flush=True)
        case _:
            raise StationdError("this module is run by the campaign of power losses: stationd campaign power")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
