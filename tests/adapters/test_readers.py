"""Readers beside the daemon, as real processes: one that keeps reading, one that is killed in the middle, one that is stopped in the middle.

Law: the station goes on, its file stays bounded, and no history is given up for a reader.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic

import pytest

from adapters import readers
from adapters.readers import LONG_S, STUCK_S, Readers, Way
from eventlog.journal import Journal, Reader
from eventlog.store import digest
from stationd.csms import FriendlyCsms
from stationd.house import House
from tests.stationd.test_disk_full import _get, _set_many
from tests.waiting import PATIENCE_S

ROW = b"x" * 300
CLOSING = digest(b"closing") + b"closing"

READS = """
import sys
from pathlib import Path
from eventlog.journal import Journal
from eventlog.store import broken_link
import machines.station
journal = Journal(Path(sys.argv[1]), readonly=True)
print("reads", flush=True)
while True:
    base = journal.base()
    try:
        broken = broken_link(journal.rows(base[0]), base[1], base[0])
    except Exception as error:
        assert "were retired while they were read" in str(error), error
        continue
    assert broken is None or journal.base() != base, broken
"""

HOLDS = """
import sys
from pathlib import Path
from eventlog.journal import Journal
import machines.station
journal = Journal(Path(sys.argv[1]), readonly=True)
with journal._env.begin():
    print("holds", flush=True)
    sys.stdin.read()
"""


Begin = Callable[..., "subprocess.Popen[bytes]"]


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """One that holds two thousand turns in a small map."""
    made = Journal(tmp_path / "journal", entropy=os.urandom, map_bytes=6 << 20)
    made.append([(seq, ROW) for seq in range(2_000)])
    yield made
    made.close()


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """A starter of readers; none outlives the test."""
    made: list[subprocess.Popen[bytes]] = []

    def reader(program: str = READS) -> subprocess.Popen[bytes]:
        child = subprocess.Popen([sys.executable, "-c", program, os.fspath(tmp_path / "journal")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        made.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() in (b"reads\n", b"holds\n")
        return child

    yield reader
    for child in made:
        child.kill()
        child.communicate()


def stop_in_a_transaction(journal: Journal, child: subprocess.Popen[bytes]) -> Reader:
    """SIGSTOP at an instant at which it reads a page."""
    limit_s = monotonic() + PATIENCE_S
    while monotonic() < limit_s:
        child.send_signal(signal.SIGSTOP)
        os.waitpid(child.pid, os.WUNTRACED)
        found = [one for one in journal.readers() if one.pid == child.pid]
        if found:
            return found[0]
        child.send_signal(signal.SIGCONT)
        select.select([], [], [], 0.001)
    raise AssertionError("it never stood in a transaction")


def gone(child: subprocess.Popen[bytes]) -> bool:
    """Whether it has ended."""
    return child.poll() is not None


def test_a_reader_that_keeps_reading_sees_whole_pages_and_the_file_stays_small(journal: Journal, begin: Begin) -> None:
    """If this failed, somebody who follows the log would make the file grow, or read rows that do not belong together."""
    child = begin()
    journal.put_closing(1_999, CLOSING)
    for lap in range(6):
        first = journal.last()[0] + 1
        for seq in range(first, first + 1_000):
            journal.append([(seq, ROW)])
        journal.put_closing(first + 999, CLOSING)
        while not journal.retire(first - 1):
            pass
        assert not gone(child), f"lap {lap}: it found something that is not whole"
    assert journal.bytes_used() < 4 << 20


def test_a_reader_that_was_killed_in_the_middle_is_cleared_away(journal: Journal, begin: Begin) -> None:
    """If this failed, a reader that died once would make the file grow for ever."""
    child = begin()
    stop_in_a_transaction(journal, child)
    child.kill()
    child.wait()
    assert [one.pid for one in journal.readers()] == [child.pid], "its slot is still taken"

    Readers(journal).look()

    assert journal.readers() == []


def test_a_reader_that_died_does_not_keep_the_next_one_out(journal: Journal, begin: Begin) -> None:
    """If this failed, a slot would be lost with every reader that dies."""
    child = begin(HOLDS)
    child.kill()
    child.wait()
    assert [one.pid for one in journal.readers()] == [child.pid], "its slot is still taken"

    after = begin(HOLDS)

    assert [one.pid for one in journal.readers()] == [after.pid]


def test_a_reader_that_is_stopped_is_spoken_of_once(journal: Journal, begin: Begin, caplog: pytest.LogCaptureFixture) -> None:
    """If this failed, nobody would know why the file grows."""
    clock = Clock()
    looking = Readers(journal, clock)
    reader = stop_in_a_transaction(journal, begin())
    looking.look()
    journal.append([(2_000, ROW)])
    clock.s = LONG_S - 0.1
    looking.look()
    assert caplog.messages == []

    for clock.s in (LONG_S, LONG_S + 60):
        looking.look()

    assert len(caplog.messages) == 1
    assert f"process {reader.pid} has stood in one reading of the journal for 5 s, 1 transactions long" in caplog.messages[0]
    assert f"kill -CONT {reader.pid}" in caplog.messages[0]


def fill(journal: Journal) -> int:
    """Append and delete until nothing can be written; returns the last turn."""
    import lmdb

    seq = journal.last()[0]
    try:
        while seq < 100_000:
            journal.append([(seq + 1, ROW)])
            seq += 1
            journal.put_snapshot(seq, b"s" * 20_000)
    except lmdb.MapFullError:
        return seq
    raise AssertionError("the map was never full")


def test_a_reader_that_is_stopped_is_ended_when_there_is_no_room(
    journal: Journal, begin: Begin, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If this failed, a forgotten `stationd log` would stop the station."""
    monkeypatch.setattr(readers, "GONE_MS", PATIENCE_S * 1_000)
    caplog.set_level(logging.WARNING)
    clock = Clock()
    looking = Readers(journal, clock)
    child = begin()
    stop_in_a_transaction(journal, child)
    assert looking.make_way() is Way.FREE, "nothing was written since, so it keeps nothing"
    last = fill(journal)
    clock.s = STUCK_S / 2
    assert looking.make_way() is Way.SOON
    assert not gone(child)
    clock.s = STUCK_S

    assert looking.make_way() is Way.MADE

    assert child.wait(PATIENCE_S) == -signal.SIGTERM
    assert f"process {child.pid}, which had been reading it" in caplog.messages[-1]
    journal.append([(last + 1, ROW)])
    assert looking.make_way() is Way.FREE


def test_a_reader_that_does_not_listen_is_killed(journal: Journal, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, a reader that hangs could not be ended."""
    gone, waits_ms = readers._gone, iter((100, PATIENCE_S * 1_000))

    def waited(process: int) -> bool:
        # It is known not to end at the first signal, and may take its time at the second.
        monkeypatch.setattr(readers, "GONE_MS", next(waits_ms))
        return gone(process)

    monkeypatch.setattr(readers, "_gone", waited)
    clock = Clock()
    looking = Readers(journal, clock)
    child = begin("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + HOLDS)
    looking.look()
    journal.append([(2_000, ROW)])
    clock.s = STUCK_S

    assert looking.make_way() is Way.MADE

    assert child.wait(PATIENCE_S) == -signal.SIGKILL


def test_a_process_that_does_not_read_this_journal_is_left_alone(journal: Journal, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """If this failed, a number from another container's lock file could end a stranger."""
    clock = Clock()
    looking = Readers(journal, clock)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        for pid in (stranger.pid, 1 << 22):
            journal.readers = lambda pid=pid: [Reader(pid=pid, transaction=1, behind=9)]  # type: ignore[method-assign, misc]
            looking.look()
            clock.s += STUCK_S
            assert looking.make_way() is Way.FREE
            assert "end it by hand" in caplog.messages[-1]
        # Ended by what it waits for, and by nothing before.
        stranger.communicate(b"\n", timeout=PATIENCE_S)
        assert stranger.returncode == 0


def test_the_daemon_goes_on_without_a_reader_that_is_stopped(tmp_path: Path, begin: Begin) -> None:
    """The real daemon, whose file may not grow, beside a reader that was stopped in the middle of a page."""
    asyncio.run(_story(tmp_path, begin))
    journal = Journal(tmp_path / "journal", readonly=True)
    assert journal.base()[0] == -1, "history was given up for a reader"
    journal.close()


async def _story(data: Path, begin: Begin) -> None:
    import resource

    async with FriendlyCsms(port=0) as csms:
        house = House(data, csms.url, identity="full", time_factor=600)
        await house.power_up()
        await house.link()
        try:
            await _set_many(csms, range(1, 400))
            child = begin()
            beside = Journal(data / "journal", readonly=True)
            stop_in_a_transaction(beside, child)
            beside.close()
            await _set_many(csms, range(400, 800))
            process = house._process
            assert process is not None
            size = (data / "journal" / "data.mdb").stat().st_size
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            accepted = await _set_many(csms, range(1_000, 1_500))
            assert accepted == 1_499
            assert child.wait(PATIENCE_S) == -signal.SIGTERM
            assert (data / "journal" / "data.mdb").stat().st_size <= size
            assert await _get(csms) == accepted
        finally:
            house.cut_power()
            await house.gone()
        log = (data / "station.log").read_text(errors="replace")
        assert f"process {child.pid}, which had been reading it" in log
        assert "Traceback" not in log, log[-3000:]
