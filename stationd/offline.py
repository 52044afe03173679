"""A station that does not run, for commands that change what its data directory says; and the one that runs, asked instead.

Law: one-way flow without a daemon too: what is asked for is an input, the same machines decide, and the journal has it before anything is done.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import JournalFault, SetupFault
from stationd.clocks import boot_id, now_us, wall_us
from stationd.vault_key import open_vault

if TYPE_CHECKING:
    from engine.event import Effect, EffectId, Fact, Input
    from engine.kernel import Kernel
    from engine.machine import Station
    from engine.recorder import Recorder
    from eventlog.journal import Journal
    from eventlog.vault import Vault

TIMEOUT_S = 30.0


def ask_station(control: Path, verb: str, args: dict[str, Any]) -> Any:
    """What the station that runs answers to *verb*; None where none runs.  Raises SetupFault where it refuses or is silent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(TIMEOUT_S)
        try:
            sock.connect(os.fspath(control))
        except OSError:
            return None
        try:
            sock.sendall(json.dumps({"id": 1, "verb": verb, "args": args}).encode() + b"\n")
            with sock.makefile("rb") as lines:
                found: dict[str, Any] = json.loads(lines.readline() or b"null") or {"ok": False, "error": "the station went away without an answer"}
        except TimeoutError:
            raise SetupFault(f"no answer within {TIMEOUT_S:.0f} s; the station is busy or its journal cannot be written", 1) from None
        if not found["ok"]:
            raise SetupFault(str(found["error"]), 1)
        return found["result"]


def change(
    data: Path,
    control: Path | None,
    option: str | None,
    verb: str,
    args: dict[str, Any],
    here: Callable[[Offline], dict[str, Any]],
    *,
    make: bool = False,
) -> dict[str, Any]:
    """Have the station that runs do *verb*, or where none does decide *here*; the answer.  *make*: also where there is no station yet."""
    from eventlog.store import STATUS_IN_USE

    socket = control or data / "control.sock"
    answer: dict[str, Any] | None = ask_station(socket, verb, args)
    if answer is not None:
        return answer
    try:
        with station(data, option, make=make) as house:
            house.read_clock()
            return here(house)
    except SetupFault as fault:
        if fault.status == STATUS_IN_USE:
            raise SetupFault(
                f"{socket}: a station runs on this data, and does not answer here; name its socket with --control PATH", STATUS_IN_USE
            ) from fault
        raise


def claim(data: Path, *, make: bool = False) -> Journal:
    """The journal of a station that does not run, to be written.  *make*: one that has never run gets one."""
    from eventlog.journal import Journal
    from eventlog.store import STATUS_UNREADABLE
    from replay.reading import KERNEL  # noqa: F401 (the records of all machines must be known before a journal is opened)

    if not (make or (data / "journal" / "data.mdb").exists()):
        raise SetupFault(f"{data}: no journal here; give the data directory of a station that has run (--data DIR)", STATUS_UNREADABLE)
    journal = Journal(data / "journal", entropy=os.urandom)
    journal.opened()
    return journal


@contextmanager
def station(data: Path, option: str | None, *, make: bool = False) -> Iterator[Offline]:
    """The station of a data directory without links, as long as nobody else has it; *option* says where the vault's key comes from."""
    from engine.recorder import Recorder
    from eventlog import snapshots
    from machines.clock.machine import CLOCK
    from replay.reading import KERNEL

    journal = claim(data, make=make)
    try:
        vault = open_vault(option, data)
        folded = snapshots.restore(journal, KERNEL, snapshots.fold_version)
        boot, clock = boot_id(), folded.station[CLOCK]
        # Nobody is woken here: nothing that the station waits for comes due while it does not run.
        recorder = Recorder(
            clock=now_us,
            entropy=lambda: int.from_bytes(os.urandom(8), "big"),
            last_seq=folded.seq,
            last_at=folded.at,
            anchor_us=clock.anchor_us if clock.boot_id == boot and folded.seq >= 0 else None,
        )
        house = Offline(KERNEL, journal, vault, recorder, folded.station)
        house.resume()
        yield house
    finally:
        journal.close()


class Offline:
    """Decide, make durable, perform, and take what comes of it for the next input: the daemon's loop with one port and no time."""

    def __init__(self, kernel: Kernel, journal: Journal, vault: Vault, recorder: Recorder, station: Station) -> None:
        from adapters.shredder import Shredder

        self._kernel = kernel
        self._journal = journal
        self._recorder = recorder
        self.vault = vault
        self.station = station
        self._told: list[Input] = []
        self._port = Shredder(vault)
        self._port.start(self._told.append)

    def resume(self) -> None:
        """Do what the last process was to destroy and did not."""
        from engine.kernel import outbox_ids

        for effect_id, effect in outbox_ids(self.station, self._recorder.station):
            self._perform(effect_id, effect)

    def read_clock(self) -> None:
        """Have the journal know what time it is, where what follows is to be dated."""
        from machines.inputs import ClockRead

        self.tell(ClockRead(boot_id=boot_id(), boottime_us=now_us(), wall_us=wall_us()))

    def tell(self, input: Input) -> tuple[Fact, ...]:
        """One input, and all that comes of it; returns what was concluded of *input* itself.  Raises JournalFault where the vault fails."""
        from engine.event import EffectId
        from engine.kernel import Settled
        from eventlog.codec import encode_turn

        self._told.append(input)
        failed = ""
        concluded: tuple[Fact, ...] = ()
        while self._told:
            heard = self._told.pop(0)
            if isinstance(heard, Settled) and heard.outcome != "done":
                failed = heard.detail
            turn, self.station = self._kernel.turn(self.station, heard, self._recorder.stamp())
            self.vault.flush(turn.seq)
            self._journal.append([(turn.seq, encode_turn(turn))])
            if heard is input:
                concluded = turn.facts
            for index, effect in enumerate(turn.effects):
                self._perform(EffectId(self._recorder.station, turn.seq, index), effect)
        if failed:
            raise JournalFault(f"the vault could not be written ({failed}); it is tried again when the station runs, or with this command")
        return concluded

    def _perform(self, effect_id: EffectId, effect: Effect) -> None:
        if isinstance(effect, self._port.performs):
            self._port.perform(effect_id, effect)
