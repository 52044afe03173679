"""The bench over a recording: the same cases, asked of what a station has done already.

Law: nothing passes that was not seen.  What a case does must be found in the recording, with nothing done between that the case does not do;
what is not found is NOT EXERCISED and says what was looked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conformance.bench import SILENCE, Answer, Bench, Driver, Heard, Ready, Reply
from conformance.catalogue import Listed, features_of
from conformance.places import DEEDS, Place, at_evse, evses_of, places, statuses_in, values_at
from conformance.recording import Happened, Recording, Sealed, What, address_of, walk
from conformance.run import Progress, finished, run
from conformance.trial import Settings
from conformance.verdict import Entry, NotExercised, Result, Verdict
from wire import calendar
from wire.schemas import Schemas

SLACK = 10
"""A recording may go on with what the case does next before a wait is over, by one part of so many."""

SECOND_MS = 1_000

AT_ONCE_MS = 10
"""What is sent so soon after an answer is sent with it."""

HARMLESS = frozenset({"GetVariables", "GetBaseReport", "GetReport", "GetTransactionStatus", "GetMonitoringReport"})
"""What a CSMS may ask in between without a case being another because of it."""

OWN_CHOICE = frozenset({"idToken", "remoteStartId", "requestId"})
"""Members whose value is the asker's own choice: the recording's are taken for the case's."""

AWAY = frozenset({"Unavailable", "Faulted", "Reserved"})
"""What a connector is that nobody can charge at."""

SLOW_MS = 2_000
"""A CSMS that takes longer for an answer is another one than the case's."""


class RecordingBench(Bench):
    """A recording, from a place on where the station was up and idle."""

    name = "recording"
    up = True

    def __init__(self, recording: Recording, place: Place, answers: dict[str, Happened]) -> None:
        super().__init__()
        self.recording = recording
        self.place = self._begin = place.at
        self.version = place.version
        self._begun_ms = self._now_ms = place.ms
        self._linked = self._opened = place.linked
        self._away = False
        self._cut = False
        """Whether the case has broken the link."""
        self._old = place.old
        self._driver = RecordedDriver(self)
        self.first = -1
        """The place of the first deed or CALL of the case."""
        self._asked_away = False
        """Whether the case has connectors be unavailable."""
        self._bound: dict[str, Any] = {}
        """What the recording has -> what the case has."""
        self._answers = answers

    @property
    def driver(self) -> Driver:
        """Hands whose deeds are found."""
        return self._driver

    def csms_time_us(self) -> int | None:
        """Return the time that the CSMS told last, and what has passed since; None before it told any.

        A station that takes its time from elsewhere, or took another one since, cannot be told from one that is wrong; so nothing is known then.
        """
        for one in reversed(self.recording.happened[: self.place]):
            if one.what is What.START:
                return None
            told = one.payload.get("currentTime") if one.what is What.ANSWER and isinstance(one.payload, dict) else None
            if told is not None:
                then_us = calendar.parse(str(told))
                return None if then_us is None else then_us + (self._now_ms - one.at_ms) * 1_000
        return None

    @property
    def linked(self) -> bool:
        """Whether there was a link at this moment."""
        return self._linked

    @property
    def now_ms(self) -> int:
        """Milliseconds of the recording."""
        return self._now_ms - self._begun_ms

    def turn(self) -> int:
        """The turn that was looked at last."""
        return self.recording.happened[self.place - 1].turn if self.place else -1

    def known(self, address: dict[str, Any]) -> str | None:
        """What the recording tells of a variable until here."""
        values = values_at(self.recording, self.place)
        # A journal has the whole device model: what it does not have is not there.
        return values.get(address_of(address), "" if values and self.recording.links else None)

    def digest(self) -> str:
        """The recording's."""
        return self.recording.digest

    async def start(self) -> None:
        """The recording begins where it begins."""

    async def stop(self) -> None:
        """There is nothing to take away."""

    async def until(self, ready: Ready, within_s: float) -> bool:
        """Look on, as long as nobody does anything."""
        begun_ms, until_ms = self._now_ms, self._now_ms + int(within_s * 1000)
        while not ready():
            one = self._next()
            if one is None:
                raise NotExercised(f"the recording ends at +{self.now_ms / 1000:.1f} s, where the case would look on for {within_s:g} s")
            if one.at_ms > until_ms:
                self._reachable(within_s, silent=self._now_ms == begun_ms)
                self._now_ms = until_ms
                return False
            if one.at_ms >= until_ms - self._slack_ms(one, within_s) and (one.what is What.ASKED or self._barrier(one)):
                self._now_ms = one.at_ms
                self._reachable(within_s)
                return False
            if self._barrier(one):
                raise NotExercised(f"{one}: the case would look on for {within_s:g} s before anything is done")
            self._play()
        return True

    def _reachable(self, within_s: float, *, silent: bool = False) -> None:
        """What did not come within a wait is the station's fault only where it could be said; *silent*: nobody has said anything meanwhile."""
        if silent and not self.recording.links:
            raise NotExercised(
                f"nothing is said for {within_s:g} s from +{self.now_ms / 1000:.1f} s on, and a log does not tell whether there was a link"
            )
        if not self._linked and not self._cut:
            raise NotExercised(f"the station had no link at +{self.now_ms / 1000:.1f} s, where the case would hear it for {within_s:g} s")

    def _slack_ms(self, one: Happened, within_s: float) -> int:
        # The station's time stands still while it is dark, so that a short wait before a power cut cannot be told from none.
        dark = SECOND_MS if one.what is What.START else 0
        return max(int(within_s * SECOND_MS) // SLACK, dark)

    async def call(self, action: str, payload: dict[str, Any], within_s: float) -> Reply | None:
        """Find the CALL, and what was answered."""
        self._asked_away = self._asked_away or action in ("ChangeAvailability", "ReserveNow")
        at = self._find(lambda one: one.what is What.ASKED and one.name == action and self._fits(payload, one.payload), f"{action} with {payload}")
        asked = self.recording.happened[at]
        self._bind_all(payload, asked.payload)
        while self.place <= at:
            self._play()
        self.trace.append(Entry(self.now_ms, "csms", "call", action, payload, asked.message_id, asked.turn))
        until_ms = self._now_ms + int(within_s * 1000)
        while (one := self._next()) is not None and one.at_ms <= until_ms:
            if one.what is What.REPLY and one.message_id == asked.message_id:
                self._play()
                self._play_at_once()
                told = self._told(one.payload)
                self.trace.append(Entry(self.now_ms, "station", "error" if one.error else "result", action, told, one.message_id, one.turn))
                return Reply(None, one.error, told.get("errorDescription", ""), one.turn) if one.error else Reply(told, turn=one.turn)
            self._play()
        if one is None:
            raise NotExercised(f"the recording ends before {action} is answered")
        return None

    async def hang_up(self, *, stay_away: bool) -> None:
        """Find the link break."""
        if not self.recording.links:
            raise NotExercised("a log of messages does not tell when a link breaks")
        self.found(lambda one: one.what is What.LINK_DOWN, "a link that breaks")
        self._cut, self._away = True, stay_away

    async def come_back(self) -> None:
        """The link comes up when it does, and not before."""
        self._away = False

    # The recording

    def found(self, fits: Any, sought: str) -> Happened:
        """Go on to the next event that *fits*, with nothing done before it; and past it."""
        at = self._find(fits, sought)
        while self.place <= at:
            self._play()
        one = self.recording.happened[at]
        self.trace.append(Entry(self.now_ms, "driver", "deed", DEEDS[one.what], one.payload, turn=one.turn))
        return one

    def _next(self) -> Happened | None:
        return self.recording.happened[self.place] if self.place < len(self.recording.happened) else None

    def _find(self, fits: Any, sought: str) -> int:
        for at in range(self.place, len(self.recording.happened)):
            one = self.recording.happened[at]
            if fits(one):
                self.first = at if self.first < 0 else self.first
                return at
            if self._barrier(one):
                raise NotExercised(f"looked for {sought}; the recording goes on with {one}")
        raise NotExercised(f"looked for {sought}; the recording has no such thing from +{self.now_ms / 1000:.1f} s on")

    def _barrier(self, one: Happened) -> bool:
        """Whether somebody does something that the case would have to do too."""
        if one.what is What.ASKED:
            return one.name not in HARMLESS
        if one.what is What.LINK_DOWN:
            return self._opened and one.name != "closed by us"
        return one.what in (What.PLUG_IN, What.UNPLUG, What.CARD, What.END) or one.what is What.START

    def _play(self) -> None:
        """The next event happens."""
        one = self.recording.happened[self.place]
        self.place += 1
        self._now_ms = max(self._now_ms, one.at_ms)
        if one.what is What.CALL:
            self._hear(one)
        elif one.what is What.LINK_UP:
            if self._away:
                raise NotExercised(f"{one}: the case would have the station dial in vain a while longer")
            self._linked, self._opened, self._cut = True, True, False
            self.version = "2.1" if one.name == "ocpp2.1" else "2.0.1"
        elif one.what in (What.LINK_DOWN, What.START):
            # A log tells nothing of links: where a message is, there is one.
            self._linked = self._opened = not self.recording.links

    def _play_at_once(self) -> None:
        until_ms = self._now_ms + AT_ONCE_MS
        while (one := self._next()) is not None and one.at_ms <= until_ms and one.what is not What.ASKED and not self._barrier(one):
            self._play()

    def _hear(self, one: Happened) -> None:
        info = one.payload.get("transactionInfo") if isinstance(one.payload, dict) else None
        if isinstance(info, dict) and info.get("transactionId") in self._old:
            answer = self._answers.get(one.message_id)
            if answer is None or answer.at_ms - one.at_ms > SLOW_MS:
                raise NotExercised(f"{one}: an event of an earlier transaction is not answered, and everything else waits for that")
            return
        payload = self._told(one.payload)
        self.trace.append(Entry(self.now_ms, "station", "call", one.name, payload, one.message_id, one.turn))
        if not self._asked_away and any(status in AWAY for status in statuses_in(one)):
            raise NotExercised(f"{one}: a connector is out of order, which the case does not count on")
        wanted = self.hear(Heard(one.name, payload, one.message_id, self.now_ms, one.turn))
        got = self._answers.get(one.message_id)
        if got is None and wanted != SILENCE and self.recording.happened[-1].at_ms - one.at_ms > SLOW_MS:
            raise NotExercised(f"the case has its CSMS answer {one.name}, here it did not")
        if got is None:
            return
        if got.at_ms - one.at_ms > SLOW_MS + wanted.after_ms:
            raise NotExercised(f"the case has its CSMS answer {one.name} at once, here it took {(got.at_ms - one.at_ms) / 1000:.1f} s")
        self.trace.append(Entry(self.now_ms, "csms", "error" if got.error else "result", one.name, got.payload, one.message_id, got.turn))
        if _gist(wanted) != _gist(Answer(error=got.error) if got.error else Answer(got.payload)):
            raise NotExercised(
                f"the case has its CSMS answer {one.name} with {wanted.payload or wanted.error or 'nothing'}, here it was {got.payload}"
            )

    # What is called otherwise in the recording

    def _fits(self, wanted: Any, got: Any, name: str = "") -> bool:
        if name in OWN_CHOICE and not isinstance(wanted, dict | list):
            return bool(self._bound.get(_key(name, got), wanted) == wanted)
        if isinstance(got, Sealed) and isinstance(wanted, str):
            return len(got) == len(wanted)
        if isinstance(wanted, dict):
            if not isinstance(got, dict):
                return False
            # Actual is what is meant where nothing is said.
            one, other = ({name: value for name, value in of.items() if (name, value) != ("attributeType", "Actual")} for of in (wanted, got))
            return one.keys() == other.keys() and all(self._fits(value, other[name], name) for name, value in one.items())
        if isinstance(wanted, list):
            return isinstance(got, list) and len(wanted) == len(got) and all(self._fits(*pair, name) for pair in zip(wanted, got, strict=True))
        return bool(wanted == got)

    def _bind_all(self, wanted: Any, got: Any) -> None:
        if isinstance(wanted, dict):
            for member, one in wanted.items():
                if member not in got:
                    continue
                if member in OWN_CHOICE and not isinstance(one, dict | list):
                    self._bound[_key(member, got[member])] = one
                self._bind_all(one, got[member])
        elif isinstance(wanted, list):
            for one, other in zip(wanted, got, strict=True):
                self._bind_all(one, other)

    def bind_card(self, token: str, got: str) -> bool:
        """The case's card *token* is the recording's *got*; whether that can be."""
        return bool(self._bound.setdefault(_key("idToken", got), token) == token)

    def _told(self, value: Any, name: str = "") -> Any:
        """A payload of the recording in the case's words."""
        if isinstance(value, dict):
            return {member: self._told(one, member) for member, one in value.items()}
        if isinstance(value, list):
            return [self._told(one, name) for one in value]
        told = self._bound.get(_key(name, value), value) if name in OWN_CHOICE else value
        return str(told) if isinstance(told, Sealed) else told


def _key(name: str, value: Any) -> str:
    return f"{name} {str(value).lower()}"


def _gist(answer: Answer) -> Any:
    """What of an answer makes a station go on differently."""
    if answer.error:
        return "error"
    if answer.payload is None:
        return None
    found = sorted((name, str(one)) for name, one in walk(answer.payload) if name in ("status", "groupIdToken") and not isinstance(one, dict))
    return [*found, ("interval", str(answer.payload.get("interval")))] if answer.payload.get("status") in ("Pending", "Rejected") else found


class RecordedDriver(Driver):
    """Hands whose deeds are looked up."""

    def __init__(self, bench: RecordingBench) -> None:
        self._bench = bench

    def _done(self, fits: Any, sought: str) -> Happened:
        return self._bench.found(fits, sought)

    async def plug_in(self, evse_id: int, connector_id: int) -> None:
        """Find a vehicle that is connected."""
        where = {"evse": evse_id, "connector": connector_id}
        self._done(
            lambda one: one.what is What.PLUG_IN and one.payload == where, f"a vehicle that is connected to EVSE {evse_id}, connector {connector_id}"
        )

    async def unplug(self, evse_id: int) -> None:
        """Find a vehicle that leaves."""
        self._done(lambda one: one.what is What.UNPLUG and one.payload == {"evse": evse_id}, f"a vehicle that leaves EVSE {evse_id}")

    async def present(self, token: str, token_type: str, evse_id: int) -> None:
        """Find a card."""
        del token_type

        def fits(one: Happened) -> bool:
            return one.what is What.CARD and (not evse_id or one.payload["evses"] in ([], [evse_id]))

        card = self._done(fits, f"a card{f' at EVSE {evse_id}' if evse_id else ''}")
        if not self._bench.bind_card(token, card.payload["token"]):
            raise NotExercised("the next card is another than the one that the case presents")

    async def pause(self, evse_id: int) -> None:
        """Find a vehicle that stops drawing."""
        self._pilot(evse_id, "B", "stops drawing")

    async def resume(self, evse_id: int) -> None:
        """Find a vehicle that draws again."""
        self._pilot(evse_id, "C", "wants energy again")

    def _pilot(self, evse_id: int, state: str, does: str) -> None:
        self._done(
            lambda one: one.what is What.PILOT and one.name == state and one.payload == {"evse": evse_id}, f"a vehicle at EVSE {evse_id} that {does}"
        )

    async def power_cycle(self) -> None:
        """Find a start."""
        self._done(lambda one: one.what is What.START, "a start of the station")


RANK = (Verdict.FAIL, Verdict.PASS, Verdict.NOT_APPLICABLE, Verdict.ERROR, Verdict.NOT_EXERCISED, Verdict.NOT_BUILT)
"""Of what came of a case in several places of a recording, what counts first."""


AT_AN_EVSE = frozenset("CEJ")
"""Blocks whose cases are about one EVSE, whatever happens at the others meanwhile."""

ABOUT_ALL = frozenset({"E14", "C16"})
"""Use cases of those blocks that are about the whole station all the same."""


def over(
    recording: Recording,
    cases: Iterable[Listed],
    settings: Settings,
    schemas: Schemas,
    *,
    features: dict[str, str] | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """All of *cases* over a recording, each from every place where it may begin."""
    features = features if features is not None else features_of(None)
    answers = {one.message_id: one for one in recording.happened if one.what is What.ANSWER}
    views = [recording, *(at_evse(recording, evse_id) for evse_id in sorted(evses_of(recording)))]
    whole, *parts = [(view, list(places(view))) for view in views]
    results = []
    for listed in cases:
        in_part = listed.block in AT_AN_EVSE and ABOUT_ALL.isdisjoint(listed.use_cases) and parts
        found: dict[Any, Result] = {}
        for view, possible in parts if in_part else [whole]:
            for place in possible:
                if listed.block in place.taken:
                    continue
                bench = RecordingBench(view, place, answers)
                here = settings._replace(evse_id=place.evse_id, connector_id=place.connector_id, evses=place.evses or settings.evses)
                (result,) = finished(run([listed], lambda _: bench, here, schemas, features=features))  # noqa: B023 (it is used at once)
                # The same moment can be come to from two places.
                found[id(view), bench.first if result.verdict in (Verdict.PASS, Verdict.FAIL) else -1 - place.at] = result
        results.append(_of_several(list(found.values())) if found else _nowhere(listed, settings, schemas, features))
        if progress is not None:
            progress(results[-1])
    return results


def _of_several(found: list[Result]) -> Result:
    """A case that was right wherever it was exercised has passed; one that was wrong once has not."""
    # Of several that were not exercised, the one that came furthest says most, and a later one more than one before a start.
    best: Result = min(reversed(found), key=lambda one: (RANK.index(one.verdict), -len(one.trace)))
    right, wrong = (sum(one.verdict is verdict for one in found) for verdict in (Verdict.PASS, Verdict.FAIL))
    if best.verdict not in (Verdict.PASS, Verdict.FAIL) or right + wrong == 1:
        return best
    times = f"exercised {right + wrong} times"
    if wrong:
        turns = sorted({turn for one in found if one.failure is not None for turn in one.failure.turns})
        times += f", wrong {wrong}" + (f", in turns {', '.join(map(str, turns))}" if wrong > 1 and turns else "")
    return best._replace(note=f"{best.note} ({times})" if best.note else times, seconds=sum(one.seconds for one in found))


def _nowhere(listed: Listed, settings: Settings, schemas: Schemas, features: dict[str, str]) -> Result:
    """A case that could begin nowhere; what does not apply, or is not built, says so."""

    def nobody(_: Listed) -> Bench:
        raise NotExercised("the recording shows no moment at which the station is up and idle, so that the case could begin")

    try:
        return finished(run([listed], nobody, settings, schemas, features=features))[0]
    except NotExercised as missing:
        return Result(listed.case_id, Verdict.NOT_EXERCISED, str(missing))
