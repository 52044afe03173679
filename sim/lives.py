"""Lives: many worlds, each with its own faults, lived until all heals and everything is looked at.

Law: a life is its seed.  Whatever it does wrong, one command does again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from random import Random
from typing import Any, Final, NamedTuple

from engine.kernel import Kernel, describe
from machines.inputs import HoldAsked
from machines.network.facts import Plan
from machines.station import STATION
from sim import faults
from sim.checks import Violation, check_events, check_fold, check_healed, check_received, check_replay
from sim.csms import Csms
from sim.process import Process
from sim.vehicle import VehicleSpec
from sim.world import ATTEMPTS_MOST, MINUTE_US, SECOND_US, World
from wire import frame
from wire.schemas import Schemas

TOKENS: Final = {
    # card: what the CSMS says of it; those that end in G share a group
    "04AABBCC": "Accepted",
    "04DDEEFFG": "Accepted",
    "04112233G": "Accepted",
    "04445566": "Accepted",
    "04BAD001": "Blocked",
    "04BAD002": "Invalid",
}
REMOTE_TOKENS: Final = {"REMOTE-1": "Accepted", "REMOTE-2": "Accepted"}
EXAM_TOKENS: Final = {"EXAM-GOOD": "Accepted", "EXAM-BAD": "Blocked"}

CONFIGS: Final[dict[str, tuple[str, ...]]] = {
    # what a life draws its configuration from; the first of each is what a station has without being told
    "AlignedDataCtrlr.Interval": ("0", "900"),
    "AlignedDataCtrlr.SendDuringIdle": ("false", "true"),
    "AuthCtrlr.AuthorizeRemoteStart": ("false", "true"),
    "AuthCtrlr.Enabled": ("true", "true", "true", "false"),
    "AuthCtrlr.OfflineTxForUnknownIdEnabled": ("false", "true"),
    "InternalCtrlr.JournalSegmentTurns": ("10000", "100"),
    "OCPPCommCtrlr.QueueAllMessages": ("false", "true"),
    "SampledDataCtrlr.TxUpdatedInterval": ("60", "0", "300", "7"),
    "TxCtrlr.MaxEnergyOnInvalidId": ("0", "500"),
    "TxCtrlr.StopTxOnEVSideDisconnect": ("true", "false"),
    "TxCtrlr.StopTxOnInvalidId": ("true", "false"),
    "TxCtrlr.TxBeforeAcceptedEnabled": ("false", "true"),
    "TxCtrlr.TxStartPoint": ("PowerPathClosed", "EVConnected", "Authorized", "EnergyTransfer", "EVConnected,Authorized"),
    "TxCtrlr.TxStopPoint": ("PowerPathClosed", "EVConnected", "Authorized", "EVConnected,Authorized", "EnergyTransfer"),
}
VERSIONS: Final = (("ocpp2.1", "ocpp2.0.1"), ("ocpp2.0.1",), ("ocpp2.1",))

HURRY_US_MOST: Final = 50_000

STEPS_LEAST, STEPS_MOST = 15, 60
FULL_REPLAY_EVERY: Final = 10
"""One life in so many is decided again from genesis; every life is folded again."""

BATCH: Final = 25
"""Seeds that a process lives before it reports."""


class Lived(NamedTuple):
    """What came of a life: *broken* is the rule that did not hold, with what was seen; empty where all held."""

    seed: int
    turns: int
    virtual_s: int
    restarts: int
    transactions: int
    digest: str
    broken: str = ""


class Life:
    """One seed: what is drawn for it, and what is done in it."""

    def __init__(self, seed: int, schemas: Schemas | None, *, kernel: Kernel = STATION, process: type[Process] = Process) -> None:
        self.seed = seed
        random = self.random = Random(seed ^ 0x51A7)
        self.faults = faults.drawn(random)
        self.config = {name: random.choice(values) if random.random() < 0.4 else values[0] for name, values in CONFIGS.items()}  # noqa: PLR2004
        self.versions = random.choice(VERSIONS)
        self.paces = random.choice(((faults.PACES_US), faults.PACES_US[:2], faults.PACES_US[2:], faults.PACES_US[1:3]))
        self.world = World(
            seed,
            schemas=schemas,
            faults=self.faults,
            versions=self.versions,
            config=self.config,
            tokens={**TOKENS, **REMOTE_TOKENS, **EXAM_TOKENS},
            kernel=kernel,
            process=process,
        )
        self.kernel = kernel
        self._remote = 0
        self._reports = 0
        world = self.world
        deeds: list[tuple[int, Callable[[], None]]] = [
            (12, self._plug_in),
            (7, self._plug_out),
            (12, self._card),
            (3, self._pause),
            (3, self._resume),
            (8, self._select),
            (4, self._set_variable),
            (4, self._get_variable),
            (3, self._remote_start),
            (3, self._remote_stop),
            (2, self._unsupported),
            (2, self._nonsense),
            (1, self._password),
            (1, self._stop),
            (2, self._snapshot),
            (3, self._look_away),
            (1, self._hold),
            (1, self._flood),
            (5, world.look_at_space),
            (2, self._report),
            (4, self._monitor),
            (6, self._hurry),
        ]
        self._deeds = [deed for weight, deed in deeds for _ in range(weight if random.random() < 0.8 else 0)] or [self._card]  # noqa: PLR2004

    # Living

    def live(self) -> World:
        """From the first start to the last look.  Raises Violation."""
        world, random = self.world, self.random
        world.csms.interval_s = random.choice((0, 30, 300))
        world.wall_error_us = random.choice((0, 0, -2_000_000_000_000_000, 90 * SECOND_US))
        if random.random() < 0.8:  # noqa: PLR2004 (most lives begin with a station that has had time to start)
            world.run(MINUTE_US)
        for _ in range(random.randrange(STEPS_LEAST, STEPS_MOST)):
            random.choice(self._deeds)()
            if random.random() < self.faults.drop:
                world.drop()
            world.run(random.choice(self.paces))
        self.heal()
        self.exam()
        self.look()
        return world

    def heal(self) -> None:
        """Nothing goes wrong any more, and everybody comes to rest."""
        world = self.world
        world.heal()
        world.look_at_space()
        world.run(15 * MINUTE_US)
        world.tell(HoldAsked(hold=False))
        world.run(MINUTE_US)
        world.settle()
        self._all_well()

    def exam(self) -> None:
        """A station that has seen trouble still does what it is for: for whom it should, and for nobody else."""
        world = self.world
        for evse_id in world.hardware:
            world.at_evse(evse_id, lambda evse, now: evse.plug_out(now))
        world.run(10 * SECOND_US)
        # An authorization that waits for a vehicle waits EVConnectionTimeOut.
        world.run(3 * MINUTE_US)
        world.settle()
        self._all_well()
        free = world.onlooker.free
        evse_id = 1 + self.seed % len(world.hardware)
        evse = world.hardware[evse_id]
        world.at_evse(evse_id, lambda evse, now: evse.plug_in(now, VehicleSpec(soc_ppm=100_000)))
        world.run(5 * SECOND_US)
        if not free:
            world.card("EXAM-BAD", evse_id=evse_id)
            world.run(MINUTE_US)
            self._expect(evse_id, closed=False, why="a card that the CSMS blocks")
            world.card("EXAM-GOOD", evse_id=evse_id)
        # Where nobody is asked for leave, the cable is enough.
        world.run(MINUTE_US)
        self._expect(evse_id, closed=True, why="a cable" if free else "a card that the CSMS accepts")
        before = evse.energy_wh
        world.select(evse_id, parameter_sets=(3, 4))
        world.run(5 * MINUTE_US)
        if evse.energy_wh <= before:
            raise Violation("a station that was healed charges", f"EVSE {evse_id}: no energy in five minutes")
        world.settle()
        self._all_well()
        world.at_evse(evse_id, lambda evse, now: evse.plug_out(now))
        world.run(4 * MINUTE_US)
        world.settle()
        self._all_well()
        if world.onlooker.network() or world.os_plan != Plan():
            raise Violation("a vehicle that is gone leaves no way out", f"{world.os_plan}")

    def look(self) -> None:
        """Everything that was said and written, once more."""
        world = self.world
        given_up = check_events(world.ledger, ATTEMPTS_MOST)
        check_received(world.csms.transactions, given_up, world.ledger)
        if world.process is None:
            raise Violation("a healed station runs", "there is no process")
        world.process.flush_all()
        station = world.process.durable_station
        if self.seed % FULL_REPLAY_EVERY == 0:
            check_replay(self.kernel, world.memory, station)
        else:
            check_fold(self.kernel, world.memory, station)

    def _all_well(self) -> None:
        world = self.world
        station = world.station
        if station is None or not world.at_rest():
            raise Violation("a healed station comes to rest", world.unrest())
        plugged = {evse_id: evse.vehicle is not None for evse_id, evse in world.hardware.items()}
        check_healed(station, world.os_plan, plugged, world.csms.statuses)
        world.check_hardware()
        has = {forward.evse_id: forward.tcp_ports for forward in world.os_plan.forwards}
        if has != world.onlooker.network():
            raise Violation("the network is as an onlooker expects it", f"{has}, expected {world.onlooker.network()}")

    def _expect(self, evse_id: int, *, closed: bool, why: str) -> None:
        if self.world.onlooker.contactor[evse_id] is not closed:
            raise Violation("a healed station charges for whom it should", f"EVSE {evse_id}: contactor {'open' if closed else 'closed'} after {why}")

    # Deeds

    def _evse(self) -> int:
        return self.random.randrange(len(self.world.hardware)) + 1

    def _plug_in(self) -> None:
        random = self.random
        spec = VehicleSpec(
            amps=random.choice((6, 16, 32)),
            phases=random.choice((1, 3)),
            capacity_wh=random.choice((500, 60_000)),
            soc_ppm=random.choice((100_000, 790_000, 999_000, 1_000_000)),
        )
        evse_id = self._evse()
        self.world.note(f"plug in at {evse_id}")
        self.world.at_evse(evse_id, lambda evse, now: evse.plug_in(now, spec))

    def _plug_out(self) -> None:
        evse_id, iso = self._evse(), self.random.random() < 0.2  # noqa: PLR2004
        self.world.note(f"plug out at {evse_id}")
        self.world.at_evse(evse_id, lambda evse, now: evse.plug_out(now, iso=iso))

    def _pause(self) -> None:
        self.world.at_evse(self._evse(), lambda evse, now: evse.ev_pause(now))

    def _resume(self) -> None:
        self.world.at_evse(self._evse(), lambda evse, now: evse.ev_resume(now))

    def _card(self) -> None:
        token = self.random.choice(sorted(TOKENS))
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            # People in a hurry hold it there again.
            self.world.card(token, evse_id=self._evse() if self.random.random() < 0.6 else 0)  # noqa: PLR2004

    def _hurry(self) -> None:
        """Two to four things at one EVSE, each of them 0 to 50 ms after the one before it."""
        random, world, evse_id = self.random, self.world, self._evse()
        token = random.choice(sorted(TOKENS))
        self.world.note(f"somebody is in a hurry at {evse_id}")
        acts: tuple[Callable[[], object], ...] = (
            lambda: world.card(token, evse_id=evse_id),
            lambda: world.card(token, evse_id=evse_id),
            lambda: self._ask_stop(evse_id),
            lambda: self._ask_start(evse_id, random.choice(sorted(REMOTE_TOKENS))),
            lambda: world.at_evse(evse_id, lambda evse, now: evse.plug_in(now, VehicleSpec(soc_ppm=100_000))),
            lambda: world.at_evse(evse_id, lambda evse, now: evse.plug_out(now)),
            lambda: world.at_evse(evse_id, lambda evse, now: evse.ev_pause(now)),
            lambda: world.at_evse(evse_id, lambda evse, now: evse.ev_resume(now)),
        )
        for _ in range(random.randrange(2, 5)):
            random.choice(acts)()
            world.run(random.choice((0, 1, 1_000, random.randrange(HURRY_US_MOST))))

    def _select(self) -> None:
        self.world.select(self._evse(), parameter_sets=self.random.choice(((3,), (3, 4), (4,), ())))

    def _set_variable(self) -> None:
        component, variable, values = self.random.choice(
            (
                ("OCPPCommCtrlr", "HeartbeatInterval", ("10", "60", "300", "0", "x")),
                ("SampledDataCtrlr", "TxUpdatedInterval", ("0", "5", "60", "-1")),
                ("AlignedDataCtrlr", "Interval", ("0", "60", "900")),
                ("OCPPCommCtrlr", "OfflineThreshold", ("0", "30", "600")),
                ("ChargingStation", "Model", ("Another",)),
                ("Toaster", "Heat", ("9",)),
            )
        )
        value = self.random.choice(values)
        self.world.ask(lambda csms: csms.set_variable(component, variable, value))

    def _get_variable(self) -> None:
        component, variable = self.random.choice(
            (
                ("OCPPCommCtrlr", "HeartbeatInterval"),
                ("SampledDataCtrlr", "TxUpdatedInterval"),
                ("AlignedDataCtrlr", "Interval"),
                ("OCPPCommCtrlr", "OfflineThreshold"),
                ("SecurityCtrlr", "BasicAuthPassword"),
                ("Toaster", "Heat"),
            )
        )
        self.world.ask(lambda csms: csms.get_variable(component, variable))

    def _password(self) -> None:
        password = f"secret-{self.random.getrandbits(64):016x}"
        self.world.ask(lambda csms: csms.set_variable("SecurityCtrlr", "BasicAuthPassword", password))

    def _remote_start(self) -> None:
        random = self.random
        evse_id = self._evse() if random.random() < 0.7 else 0  # noqa: PLR2004
        self._ask_start(evse_id, random.choice(sorted(REMOTE_TOKENS)))

    def _ask_start(self, evse_id: int, token: str) -> None:
        """RequestStartTransaction at an EVSE, or with 0 at any."""
        world = self.world
        self._remote += 1
        payload: dict[str, Any] = {"idToken": {"idToken": token, "type": "ISO14443"}, "remoteStartId": self._remote}
        if evse_id:
            payload["evseId"] = evse_id

        def make(csms: Csms) -> bytes:
            if self.config["AuthCtrlr.AuthorizeRemoteStart"] != "true" or world.onlooker.unasked_ok:
                # Asked about as if a card had been shown, it counts as offline where nobody answers.
                world.onlooker.may(world.now, world.sealed(token), (evse_id,) if evse_id else ())
            return csms.ask("RequestStartTransaction", payload)

        world.ask(make)

    def _remote_stop(self) -> None:
        self._ask_stop(self._evse() if self.random.random() < 0.5 else 0)  # noqa: PLR2004

    def _ask_stop(self, evse_id: int) -> None:
        """RequestStopTransaction of the transaction at an EVSE, or with 0 of any."""
        running = sorted(identifier for identifier, where in self.world.csms.running.items() if evse_id in (0, where))
        identifier = self.random.choice(running) if running else "none-such"
        self.world.ask(lambda csms: csms.ask("RequestStopTransaction", {"transactionId": identifier}))

    def _report(self) -> None:
        self._reports += 1
        asked: dict[str, Any] = {"requestId": self._reports}
        if self.random.random() < 0.5:  # noqa: PLR2004
            base = self.random.choice(("FullInventory", "ConfigurationInventory", "SummaryInventory"))
            self.world.ask(lambda csms: csms.ask("GetBaseReport", {**asked, "reportBase": base}))
        else:
            criteria = self.random.sample(("Active", "Available", "Enabled", "Problem"), self.random.randrange(1, 4))
            self.world.ask(lambda csms: csms.ask("GetReport", {**asked, "componentCriteria": criteria}))

    def _monitor(self) -> None:
        random = self.random
        match random.choice(("set", "set", "set", "set", "clear", "base", "level", "report")):
            case "set":
                items = [self._monitored() for _ in range(random.choice((1, 3, 5)))]
                self.world.ask(lambda csms: csms.ask("SetVariableMonitoring", {"setMonitoringData": items}))
            case "clear":
                ids = sorted({random.randrange(1, 12) for _ in range(random.choice((1, 4)))})
                self.world.ask(lambda csms: csms.ask("ClearVariableMonitoring", {"id": ids}))
            case "base":
                base = random.choice(("All", "FactoryDefault", "HardWiredOnly"))
                self.world.ask(lambda csms: csms.ask("SetMonitoringBase", {"monitoringBase": base}))
            case "level":
                severity = random.choice((0, 4, 9, 9, 10))
                self.world.ask(lambda csms: csms.ask("SetMonitoringLevel", {"severity": severity}))
            case _:
                self._reports += 1
                asked = {"requestId": self._reports, "monitoringCriteria": random.sample(("DeltaMonitoring", "PeriodicMonitoring"), 1)}
                self.world.ask(lambda csms: csms.ask("GetMonitoringReport", asked))

    def _monitored(self) -> dict[str, Any]:
        """One monitor, most of them such as a station takes."""
        random, evse_id = self.random, self._evse()
        component, variable, type_, value = random.choice(
            (
                ({"name": "EVSE", "evse": {"id": evse_id}}, "AvailabilityState", "Delta", 1),
                ({"name": "Connector", "evse": {"id": evse_id, "connectorId": 1}}, "AvailabilityState", "Delta", 1),
                ({"name": "EVSE", "evse": {"id": evse_id}}, "AvailabilityState", "PeriodicClockAligned", 900),
                ({"name": "OCPPCommCtrlr"}, "HeartbeatInterval", "UpperThreshold", 60),
                ({"name": "OCPPCommCtrlr"}, "OfflineThreshold", "LowerThreshold", 30),
                ({"name": "SampledDataCtrlr"}, "TxUpdatedInterval", "Delta", 10),
                ({"name": "SampledDataCtrlr"}, "TxUpdatedInterval", "Periodic", 120),
                ({"name": "Toaster"}, "Heat", "UpperThreshold", 9),
            )
        )
        return {
            "component": component,
            "variable": {"name": variable},
            "type": type_,
            "value": value,
            "severity": random.randrange(10),
            "transaction": random.random() < 0.3,  # noqa: PLR2004
        }

    def _unsupported(self) -> None:
        action, payload = self.random.choice((("Reset", {"type": "Immediate"}), ("ClearCache", {}), ("MakeCoffee", {"sugar": 2}), ("Reset", {})))
        self.world.ask(lambda csms: csms.ask(action, dict(payload)))

    def _nonsense(self) -> None:
        data = self.random.choice((b"", b"null", b"[2]", b'[2,"x"]', b'[2,5,"Reset",{}]', b'[7,"y",{}]', b'[2,"z","Reset",[]]', b"[4,null]"))
        self.world.ask(lambda csms: data)  # noqa: ARG005

    def _stop(self) -> None:
        self.world.stop()

    def _snapshot(self) -> None:
        self.world.snapshot()

    def _hold(self) -> None:
        world = self.world
        world.note("held offline")
        world.tell(HoldAsked(hold=True))
        world.later(self.random.choice((1, 30 * SECOND_US, 5 * MINUTE_US)), world.tell, HoldAsked(hold=False))

    def _flood(self) -> None:
        for _ in range(20):
            self._get_variable()
        self.world.ask(lambda csms: frame.send("s1", "NotifyPeriodicEventStream", b"{}"))  # noqa: ARG005

    def _look_away(self) -> None:
        self.world.run(self.random.choice((MINUTE_US, 20 * MINUTE_US)))


def live(seed: int, schemas: Schemas | None, *, kernel: Kernel = STATION, process: type[Process] = Process) -> Lived:
    """One life; what it breaks stands in the result.  Never raises: whatever goes wrong in a life is a finding."""
    life = Life(seed, schemas, kernel=kernel, process=process)
    broken = ""
    try:
        life.live()
    except Violation as violation:
        broken = str(violation)
    except Exception as error:  # noqa: BLE001 (as the docstring says)
        broken = f"the world broke: {type(error).__name__}: {error} in {describe(error)}"
    world = life.world
    return Lived(
        seed=seed,
        turns=world.ledger.turns,
        virtual_s=world.now // SECOND_US,
        restarts=world.restarts,
        transactions=len(world.csms.transactions),
        digest=world.digest(),
        broken=broken,
    )


class Outcome(NamedTuple):
    """What came of many lives.  *digest* is one for all of them, in the order of their seeds."""

    lives: int
    turns: int
    virtual_s: int
    restarts: int
    transactions: int
    digest: str
    broken: tuple[Lived, ...]

    def lines(self) -> Iterator[str]:
        """For people: every failure with the command that repeats it, then the sum."""
        for lived in self.broken:
            yield f"seed {lived.seed}: {lived.broken}"
            yield f"  again with: stationd sim life --seed {lived.seed}"
        yield (
            f"{self.lives} lives, {self.turns} turns, {self.restarts} starts, {self.transactions} transactions, "
            f"{self.virtual_s // 3600} virtual hours, {len(self.broken)} broken, digest {self.digest}"
        )


Progress = Callable[[int, int, int], None]
"""Told now and then: lives lived, of how many, and how many of them broke a rule."""


def run_lives(
    first_seed: int,
    count: int,
    *,
    schemas: Callable[[], Schemas],
    processes: int = 1,
    progress: Progress | None = None,
) -> Outcome:
    """*count* lives from *first_seed* on.

    *schemas* makes the verdicts on payloads, in every process anew; with several *processes* it must be a function of a module.  The outcome is
    the same on any number of them.
    """
    batches = [range(seed, min(seed + BATCH, first_seed + count)) for seed in range(first_seed, first_seed + count, BATCH)]
    lived: list[Lived] = []
    broken = 0
    for batch in _batches(batches, schemas, processes):
        lived += batch
        broken += sum(1 for one in batch if one.broken)
        if progress is not None:
            progress(len(lived), count, broken)
    digest = blake2b("".join([one.digest for one in lived]).encode(), digest_size=16).hexdigest()
    return Outcome(
        lives=len(lived),
        turns=sum(one.turns for one in lived),
        virtual_s=sum(one.virtual_s for one in lived),
        restarts=sum(one.restarts for one in lived),
        transactions=sum(one.transactions for one in lived),
        digest=digest,
        broken=tuple([one for one in lived if one.broken]),
    )


def _batches(batches: list[range], schemas: Callable[[], Schemas], processes: int) -> Iterator[list[Lived]]:
    if processes <= 1:
        made = schemas()
        for batch in batches:
            yield [live(seed, made) for seed in batch]
        return
    from concurrent.futures import ProcessPoolExecutor  # needed by campaigns only

    # A limit on a child's tasks also makes it a fresh process and no fork of this one, which may have threads.
    with ProcessPoolExecutor(processes, max_tasks_per_child=len(batches) + 1) as pool:
        yield from pool.map(_batch, batches, [schemas] * len(batches))


_MADE: dict[Callable[[], Schemas], Schemas] = {}
"""What a child process has made of *schemas* already: compiling them takes longer than some lives."""


def _batch(batch: range, schemas: Callable[[], Schemas]) -> list[Lived]:
    if schemas not in _MADE:
        _MADE[schemas] = schemas()
    return [live(seed, _MADE[schemas]) for seed in batch]
