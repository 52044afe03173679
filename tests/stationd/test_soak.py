"""20,000 turns of the real daemon; a million are ``stationd campaign soak``."""

from __future__ import annotations

import asyncio
import mmap

import pytest

from stationd.leap import LeapingLoop
from stationd.soak import RISE_MOST_BYTES, Outcome, Soak, run_soak, slope


def test_twenty_thousand_turns_leave_nothing_behind() -> None:
    """If this failed, a station would grow until it is killed, or wear out its flash."""
    outcome = run_soak(20_000, 1, limit_bytes=2 << 20, segment_turns=1_000)
    assert outcome.broken == []
    assert outcome.turns >= 20_000
    assert outcome.charges > 20
    assert outcome.row_bytes > outcome.limit_bytes >= outcome.most_bytes
    assert outcome.retired > 0
    assert outcome.verified == outcome.turns - 1 - outcome.retired
    assert outcome.rise_bytes <= RISE_MOST_BYTES
    assert 1 < outcome.amplification < 200
    assert "20" in "\n".join(outcome.lines())


def test_a_leak_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The witness of the test above: whoever keeps a little of every turn is seen."""
    kept: list[mmap.mmap] = []

    def keep(*_: object) -> None:
        # A page of its own: what this process once had and gave back to its allocator would not be seen as new.
        kept.append(mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        kept[-1][0] = 1

    monkeypatch.setattr(Soak, "_observe", keep)
    outcome = run_soak(6_000, 1, segment_turns=1_000)
    for page in kept:
        page.close()
    assert any("memory rose" in wrong for wrong in outcome.broken)


def test_the_line_through_samples() -> None:
    """If this failed, a rise would be measured wrongly."""
    assert slope([(0, 5), (10, 25), (20, 45)]) == 2
    assert slope([(0, 5), (10, 5)]) == 0
    assert slope([(3, 5)]) == slope([]) == 0
    outcome = Outcome(turns=100, limit_bytes=10, samples=[(0, 999_999_999, 5), (50, 100, 20), (100, 100 + 2 * RISE_MOST_BYTES, 5)])
    assert outcome.rise_bytes == 2 * RISE_MOST_BYTES, "what came before the warm-up does not count"
    outcome.judge()
    assert len(outcome.broken) == 2, "memory and file"


def test_time_leaps_and_stands_still_for_threads() -> None:
    """If this failed, the soak would wait in real time, or a slow disk would look like a CSMS that does not answer."""

    async def live() -> tuple[float, float, list[str]]:
        loop = asyncio.get_running_loop()
        heard: list[str] = []
        loop.call_later(5, heard.append, "five")
        begun = loop.time()
        await asyncio.sleep(100_000)
        slept = loop.time() - begun
        begun = loop.time()
        loop.call_later(0.001, heard.append, "too early")
        await loop.run_in_executor(None, blocked)
        return slept, loop.time() - begun, list(heard)

    def blocked() -> int:
        return sum(range(2_000_000))

    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        slept, away, heard = runner.run(live())
    assert slept == pytest.approx(100_000)
    assert away == 0
    assert heard == ["five"]
