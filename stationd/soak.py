"""A long run of the real daemon: its loop, its journal with every flush, its keeper, and hardware and a CSMS that live in the same process.

Law: only waiting is left out.  Every turn is decided, written and performed as in ``stationd run``; what is looked at is what grows: memory, file,
bytes written.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field

from adapters.daemon import Daemon
from adapters.evse_sim import SimulatedHardware
from adapters.network_sim import SimulatedNetwork
from adapters.storage import JournalKeeper
from engine.event import Effect, EffectId
from engine.kernel import Faulted, Turn
from engine.machine import Station
from engine.ports import Tell
from engine.recorder import Recorder
from eventlog import snapshots
from eventlog.fold import CHAIN_BYTES
from eventlog.journal import Journal
from eventlog.store import BUILD
from machines.effects import Call, Dial, HangUp, Reply, ReplyError, Say, SetPingInterval
from machines.inputs import Answered, Called, CardPresented, LinkDown, LinkUp, Started, Stopping
from machines.outbound.asks import read_message_id
from machines.session.facts import TransactionEnded
from machines.station import STATION
from replay.verify import verify
from sim.evse import EvseSpec, Topology
from sim.world import CARD_TYPE, declared
from stationd.leap import LeapingLoop
from wire import calendar, jsontext

EVSES = 6
LIMIT_BYTES = 64 << 20
SEGMENT_TURNS = 10_000
SAMPLES = 200
WARM_UP_PERCENT = 25
RISE_MOST_BYTES = 2 << 20
"""What memory may rise by after the warm-up, as the straight line through all samples has it: the length of the run makes no difference."""
WALL_US = 1_800_000_000_000_000
ANSWER_S = 0.05
CALL_EVERY_S = 45.0
LOSE_EVERY_S = 7_200.0
NUMBER = b"\x00\x00\x50\xac"
CARD = "<sealed:000000000000000000000000000050ac:8:p>"

CONFIG = {"SampledDataCtrlr.TxUpdatedInterval": "60"}

Progress = Callable[[int, int, int], None]


@define
class Outcome:
    """What a soak came to.  *samples* are (turns, anonymous resident bytes, file bytes); *written* and *row_bytes* make the write amplification."""

    turns: int = 0
    charges: int = 0
    row_bytes: int = 0
    written_bytes: int = 0
    retired: int = 0
    verified: int = 0
    virtual_s: int = 0
    limit_bytes: int = 0
    samples: list[tuple[int, int, int]] = field(factory=list)
    broken: list[str] = field(factory=list)

    @property
    def amplification(self) -> float:
        """Bytes that left for the disk by bytes of rows."""
        return self.written_bytes / max(self.row_bytes, 1)

    @property
    def warm(self) -> list[tuple[int, int]]:
        """(turns, anonymous bytes) once everything that is kept has been made."""
        return [(turns, memory) for turns, memory, _ in self.samples if turns * 100 >= self.turns * WARM_UP_PERCENT]

    @property
    def rise_bytes(self) -> int:
        """By how much memory rose after the warm-up, on the straight line through its samples."""
        warm = self.warm
        return round(slope(warm) * (warm[-1][0] - warm[0][0])) if warm else 0

    @property
    def most_bytes(self) -> int:
        """The largest that the file was."""
        return max([size for _, _, size in self.samples], default=0)

    def judge(self) -> None:
        """Add what is out of bounds to what is broken."""
        if self.rise_bytes > RISE_MOST_BYTES:
            self.broken.append(f"memory rose by {self.rise_bytes} bytes after the warm-up; {RISE_MOST_BYTES} at most")
        if self.most_bytes > self.limit_bytes:
            self.broken.append(f"the file grew to {self.most_bytes} bytes; {self.limit_bytes} at most")

    def lines(self) -> Iterator[str]:
        """For people: everything that was broken, then the sum."""
        yield from self.broken
        memory = self.warm[-1][1] if self.warm else 0
        yield f"{self.turns} turns in {self.virtual_s} virtual seconds, {self.charges} charges, {self.row_bytes} bytes of rows"
        yield (
            f"memory {memory >> 10} KiB, {self.rise_bytes:+} bytes after the warm-up; "
            f"file {self.most_bytes} bytes at most of {self.limit_bytes}, turns up to {self.retired} retired"
        )
        yield f"written: {self.amplification:.1f} bytes a byte of rows; {self.verified} turns verified, {len(self.broken)} broken"


def slope(points: Sequence[tuple[int, int]]) -> float:
    """The steepness of the straight line through *points* that misses them least; 0 for fewer than two."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / max(count, 1), sum(y for _, y in points) / max(count, 1)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def run_soak(
    turns: int, seed: int, *, limit_bytes: int = LIMIT_BYTES, segment_turns: int = SEGMENT_TURNS, progress: Progress | None = None
) -> Outcome:
    """So many *turns*, and a few more to the orderly end; then what is kept is verified."""
    outcome = Outcome(limit_bytes=limit_bytes)
    with tempfile.TemporaryDirectory(prefix="stationd-soak-") as directory:
        journal = Counting(Path(directory) / "journal", map_bytes=limit_bytes, entropy=lambda count: NUMBER[:count])
        journal.opened()
        try:
            written = written_bytes()
            with asyncio.Runner(loop_factory=LeapingLoop) as runner:
                runner.run(Soak(journal, turns, seed, segment_turns, outcome, progress).live())
            outcome.written_bytes = written_bytes() - written
            outcome.row_bytes = journal.row_bytes
            outcome.retired = journal.base()[0]
            report = verify(STATION, journal)
            outcome.verified = report.turns
            outcome.broken += [*report.damage, *map(str, report.divergences)]
        finally:
            journal.close()
    outcome.judge()
    return outcome


def written_bytes() -> int:
    """What this process has sent to the disk; where its files lie in memory, what it would have sent."""
    found = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(found["write_bytes"]) or int(found["wchar"])


def anonymous_bytes() -> int:
    """Resident memory of this process without what it has mapped of files: the journal's pages belong to the disk's cache."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) << 10
    return 0


class Counting(Journal):
    """The journal, and how many bytes of rows were appended to it."""

    row_bytes = 0

    def append(self, rows: Sequence[tuple[int, bytes]], station: int = 0) -> None:
        """Append, and count."""
        super().append(rows, station)
        self.row_bytes += sum(CHAIN_BYTES + len(row) for _, row in rows)


class NearCsms:
    """A CSMS in the same process: accepts everything, answers a little later, and asks something now and then."""

    performs: tuple[type[Effect], ...] = (Dial, HangUp, Call, Reply, ReplyError, Say, SetPingInterval)

    def __init__(self, number: int) -> None:
        self._number = number
        self._tell: Tell = lambda _: None
        self._link = 0
        self._asked = 0
        self.refused = 0

    def start(self, tell: Tell) -> None:
        """Wait to be dialled."""
        self._tell = tell

    def stop(self) -> None:
        """Say nothing more."""
        self._link = 0

    def perform(self, effect_id: EffectId, effect: Effect) -> None:  # noqa: ARG002 (none of these is followed)
        """Take a link, a question or an answer."""
        match effect:
            case Dial():
                self._later(self._open, effect.link)
            case HangUp():
                self._link = 0
                self._later(self._tell, LinkDown(link=effect.link, reason="closed by us"))
            case Call() if effect.link == self._link:
                self._later(self._answer, effect)
            case ReplyError():
                self.refused += 1
            case _:
                pass

    @staticmethod
    def _later(do: Callable[..., None], *args: Any) -> None:
        asyncio.get_running_loop().call_later(ANSWER_S, do, *args)

    def _open(self, link: int) -> None:
        self._link = link
        self._tell(LinkUp(link=link, subprotocol="ocpp2.1"))

    def _answer(self, call: Call) -> None:
        place = read_message_id(self._number, call.message_id)
        if call.link != self._link or place is None:
            return
        now = calendar.text(WALL_US + int(asyncio.get_running_loop().time() * 1e6))
        answers: dict[str, dict[str, Any]] = {
            "BootNotification": {"status": "Accepted", "interval": 300, "currentTime": now},
            "Heartbeat": {"currentTime": now},
            "Authorize": {"idTokenInfo": {"status": "Accepted"}},
        }
        payload = jsontext.encode(answers.get(call.action, {}))
        self._tell(Answered(link=call.link, entry=place[0], attempt=place[1], payload=payload))

    def lose(self) -> None:
        """The link breaks."""
        link, self._link = self._link, 0
        if link:
            self._tell(LinkDown(link=link, reason="broken"))

    def ask(self, value: int) -> None:
        """Set a variable, or read it."""
        if not self._link:
            return
        self._asked += 1
        where: dict[str, Any] = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}
        if self._asked % 3:
            action, payload = "GetVariables", {"getVariableData": [where]}
        else:
            action, payload = "SetVariables", {"setVariableData": [{"attributeValue": str(value), **where}]}
        self._tell(Called(link=self._link, message_id=f"near-{self._asked}", action=action, payload=jsontext.encode(payload)))


class Soak:
    """One run."""

    def __init__(self, journal: Journal, turns: int, seed: int, segment_turns: int, outcome: Outcome, progress: Progress | None) -> None:
        self._journal = journal
        self._turns = turns
        self._random = Random(seed)
        self._segment_turns = segment_turns
        self._outcome = outcome
        self._progress = progress
        self._next = 0

    async def live(self) -> None:
        """Start the daemon, let people come and go until there are enough turns, stop it in an orderly way."""
        loop = asyncio.get_running_loop()
        journal, random = self._journal, self._random

        def clock() -> int:
            return int(loop.time() * 1e6)

        folded = snapshots.restore(journal, STATION, snapshots.fold_version)
        recorder = Recorder(clock=clock, entropy=lambda: random.getrandbits(64), last_seq=folded.seq, last_at=folded.at)
        hardware = SimulatedHardware(Topology((EvseSpec(),) * EVSES), None, clock=clock)
        csms, keeper = NearCsms(journal.number), JournalKeeper(journal)
        ports = (hardware, SimulatedNetwork(), keeper, csms)
        # By the loop's clock a commit takes no time: which groups go to the writer thread is then a matter of the seed, and not of this disk.
        daemon = Daemon(STATION, journal, recorder, folded, ports, version=snapshots.fold_version, keeper=keeper, clock=loop.time)
        keeper.attach(daemon.durable)
        daemon.observers.append(self._observe)
        config = declared({**CONFIG, "InternalCtrlr.JournalSegmentTurns": str(self._segment_turns)}, EVSES)
        daemon.start(Started(journal=journal.number, build=BUILD, boot_id="soak", boottime_us=clock(), wall_us=WALL_US), [config])
        busy = [asyncio.create_task(self._visits(daemon, hardware, evse_id)) for evse_id in range(1, EVSES + 1)]
        busy.append(asyncio.create_task(self._questions(csms)))
        try:
            while daemon.turns < self._turns and not any(task.done() for task in busy):
                await asyncio.sleep(10)
                if daemon.turns >= self._next:
                    self._sample(daemon.turns)
        finally:
            for task in busy:
                task.cancel()
            for ended in await asyncio.gather(*busy, return_exceptions=True):
                if not isinstance(ended, asyncio.CancelledError):
                    self._outcome.broken.append(f"a visitor gave up: {ended!r}")
            daemon.tell(Stopping(reason="SIGTERM"))
            await asyncio.sleep(10)
            await daemon.close()
        self._outcome.turns, self._outcome.virtual_s = daemon.turns, int(loop.time())
        if csms.refused:
            self._outcome.broken.append(f"{csms.refused} questions of the CSMS were refused")

    async def _visits(self, daemon: Daemon, hardware: SimulatedHardware, evse_id: int) -> None:
        """Vehicle after vehicle at one EVSE."""
        random = self._random
        await asyncio.sleep(10 + evse_id)
        while True:
            await asyncio.sleep(random.randrange(5, 60))
            hardware.verb("plug_in", {"evse": evse_id, "amps": 16, "phases": 3})
            await asyncio.sleep(random.randrange(2, 20))
            daemon.tell(CardPresented(token=CARD, token_type=CARD_TYPE, evse_ids=(evse_id,)))
            await asyncio.sleep(random.randrange(120, 600))
            if random.randrange(4):
                daemon.tell(CardPresented(token=CARD, token_type=CARD_TYPE, evse_ids=(evse_id,)))
                await asyncio.sleep(random.randrange(2, 10))
            hardware.verb("plug_out", {"evse": evse_id})

    async def _questions(self, csms: NearCsms) -> None:
        """The CSMS asks, and the link breaks now and then."""
        loop, lost_s = asyncio.get_running_loop(), 0.0
        while True:
            await asyncio.sleep(CALL_EVERY_S)
            csms.ask(self._random.randrange(30, 10_000))
            if loop.time() - lost_s > LOSE_EVERY_S:
                lost_s = loop.time()
                csms.lose()

    def _observe(self, turn: Turn, station: Station) -> None:  # noqa: ARG002
        for fact in turn.facts:
            if type(fact) is TransactionEnded:
                self._outcome.charges += 1
            elif type(fact) is Faulted:
                self._outcome.broken.append(f"turn {turn.seq} faulted in {fact.machine}: {fact.error}")

    def _sample(self, turns: int) -> None:
        self._next = turns + max(self._turns // SAMPLES, 1)
        gc.collect()
        self._outcome.samples.append((turns, anonymous_bytes(), self._journal.bytes_used()))
        if self._progress is not None:
            self._progress(min(turns, self._turns), self._turns, len(self._outcome.broken))
