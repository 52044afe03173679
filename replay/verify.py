"""Every recorded input decided again, and compared.

Law: nothing is performed, and the station follows the *recorded* facts, so that one changed decision is one divergence and no cascade.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from attrs import define, field

from engine.errors import JournalFault
from engine.event import Effect, Fact, Input
from engine.kernel import Kernel, Turn
from engine.machine import Context, Station
from engine.records import build
from eventlog.codec import decode, decode_turn, encode_turn
from eventlog.fold import CHAIN_BYTES, fold
from eventlog.segments import begin
from eventlog.store import Reading, link
from replay.reading import PROGRESS_TURNS, Progress
from replay.text import event, moment

CHANGED = "was changed after it was written, or a turn before it: its link of the hash chain does not fit"


@define(frozen=True, kw_only=True)
class Divergence:
    """A turn that this build decides otherwise than the one that recorded it.  *at* in microseconds of station time."""

    seq: int
    at: int
    input: Input
    recorded_facts: tuple[Fact, ...]
    again_facts: tuple[Fact, ...]
    recorded_effects: tuple[Effect, ...]
    again_effects: tuple[Effect, ...]

    def __str__(self) -> str:
        """The turn, and a diff: ``-`` was recorded, ``+`` is decided now."""
        recorded = [*self.recorded_facts, *self.recorded_effects]
        again = [*self.again_facts, *self.again_effects]
        before = [event(one, full=True) for one in recorded]
        after = [event(one, full=True) for one in again]
        if before == after:
            # The difference is one that people do not see: true and 1, say.
            before = [repr(one) for one in recorded]
            after = [repr(one) for one in again]
        lines = [f"turn {self.seq} at {moment(self.at)}  {event(self.input)}", *_diff(before, after)]
        return "\n".join(lines)


def _diff(before: list[str], after: list[str]) -> Iterator[str]:
    from difflib import SequenceMatcher  # needed by who finds something, which is hoped to be nobody

    for what, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what == "equal":
            yield from (f"  {line}" for line in before[a:b])
        else:
            yield from (f"- {line}" for line in before[a:b])
            yield from (f"+ {line}" for line in after[c:d])


@define(kw_only=True)
class Report:
    """What came of it: how many *turns* were decided again, where they differ, and what is wrong with the journal itself."""

    turns: int = 0
    divergences: list[Divergence] = field(factory=list)
    damage: list[str] = field(factory=list)

    @property
    def ok(self) -> bool:
        """Whether this build decides all of it the same, and the journal is whole."""
        return not self.divergences and not self.damage

    def __str__(self) -> str:
        """The end line."""
        line = f"replay: {self.turns} turns, {len(self.divergences)} divergences"
        return f"{line}, the journal is damaged" if self.damage else line


def verify(kernel: Kernel, store: Reading, station: int = 0, *, progress: Progress | None = None) -> Report:
    """Decide every turn of *store* again with *kernel*, from the first one that is kept on, and compare facts and effects as they would be written.

    Also checked: the hash chain, that seq and ``at`` grow, and that the fold of the recorded facts is the station that the decisions led to.
    Turns that a daemon writes meanwhile are left out.  Never raises for what is in the journal: an unreadable turn ends the reading and
    stands in ``damage``.
    """
    newest, _ = store.last(station)
    report = Report()
    try:
        start = begin(store, kernel, station)
    except JournalFault as error:
        report.damage.append(str(error))
        return report
    now = start.station
    chain, last_at, expected = start.chain, start.at if start.seq >= 0 else -1, start.seq + 1
    first = expected
    turn_again = kernel.turn
    for seq, row in store.rows(-1, station):
        if seq > newest:
            break
        if seq != expected:
            report.damage.append(f"turn {expected} is missing: the next one is turn {seq}; nothing after it can be decided again")
            break
        body = row[CHAIN_BYTES:]
        if link(chain, body) != row[:CHAIN_BYTES]:
            report.damage.append(f"turn {seq} {CHANGED}")
        chain = row[:CHAIN_BYTES]
        try:
            fields = decode(body)
            at, luck = fields[0], fields[1]
            input = build(fields[2], fields[5:])
        except Exception as error:  # noqa: BLE001 (a damaged row can raise anything)
            report.damage.append(_unreadable(seq, error))
            break
        if at <= last_at:
            report.damage.append(f"turn {seq} at {moment(at)} is not after the turn before it, at {moment(last_at)}")
        last_at = at
        again, decided = turn_again(now, input, Context(seq=seq, at=at, luck=luck, station=station))
        # The same bytes are the same facts and effects; then the station decided is the one recorded, and nothing more needs to be decoded.
        if _written(again) == body:
            now = decided
        else:
            try:
                recorded = decode_turn(seq, body)
                if _written(recorded) != _written(again):
                    report.divergences.append(_divergence(recorded, again))
                now = kernel.restore(now, recorded)
            except Exception as error:  # noqa: BLE001 (as above)
                report.damage.append(_unreadable(seq, error))
                break
        expected += 1
        if progress is not None and not expected % PROGRESS_TURNS:
            progress(expected, newest + 1)
    report.turns = expected - first
    if progress is not None:
        progress(expected, newest + 1)
    _compare_fold(kernel, store, station, now, report, expected - 1)
    return report


def _written(turn: Turn) -> bytes | None:
    """The row of a turn; None for one that this build decides and could not write."""
    try:
        return encode_turn(turn)
    except (TypeError, ValueError, OverflowError, KeyError):
        return None


def _divergence(recorded: Turn, again: Turn) -> Divergence:
    return Divergence(
        seq=recorded.seq,
        at=recorded.at,
        input=recorded.input,
        recorded_facts=recorded.facts,
        again_facts=again.facts,
        recorded_effects=recorded.effects,
        again_effects=again.effects,
    )


def _unreadable(seq: int, error: Exception) -> str:
    if isinstance(error, JournalFault):
        text = str(error)
        return text if text.startswith(f"turn {seq}") else f"turn {seq}: {text}"
    return f"turn {seq} cannot be read ({type(error).__name__}); nothing after it can be decided again"


def _compare_fold(kernel: Kernel, store: Reading, station: int, now: Station, report: Report, last: int) -> None:
    """A restart folds what deciding led to: both must be the same station, or a decision changed a state behind the facts' back."""
    if not report.turns:
        return
    whole = takewhile(lambda pair: pair[0] <= last, store.rows(-1, station))
    try:
        folded = fold(kernel, begin(store, kernel, station), whole).station
    except JournalFault as error:
        report.damage.append(str(error))
        return
    differ = [name for name, part in sorted(now.parts.items()) if folded.parts[name] != part]
    if differ:
        report.damage.append(f"after turn {last} the fold of the facts and the decisions disagree about {', '.join(differ)}")
