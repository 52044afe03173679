"""The bench over a recording: the same cases, asked of what a station has done already.

Law: nothing passes that was not seen.  What a case does must be found in the recording, with nothing done between that the case does not do;
what is not found is NOT EXERCISED and says what was looked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conformance.bench import Answer, Bench, Driver, Heard, Ready, Reply
from conformance.catalogue import Listed
from conformance.recording import Happened, Recording, Sealed, What, walk
from conformance.run import Progress, finished, run
from conformance.trial import Settings
from conformance.verdict import Entry, NotExercised, Result, Verdict
from wire.schemas import Schemas

SLACK = 10
"""A recording may go on with what the case does next before a wait is over, by one part of so many."""

SECOND_MS = 1_000

AT_ONCE_MS = 10
"""What is sent so soon after an answer is sent with it."""

DEEDS = {
    What.PLUG_IN: "plug in", What.UNPLUG: "unplug", What.CARD: "present card", What.PILOT: "vehicle pauses or resumes",
    What.LINK_DOWN: "link breaks", What.START: "power cycle",
}  # fmt: skip
"""Deeds by the names that they have at every bench."""

HARMLESS = frozenset({"GetVariables", "GetBaseReport", "GetReport", "GetTransactionStatus", "GetMonitoringReport"})
"""What a CSMS may ask in between without a case being another because of it."""

OWN_CHOICE = frozenset({"idToken", "remoteStartId", "requestId"})
"""Members whose value is the asker's own choice: the recording's are taken for the case's."""


class RecordingBench(Bench):
    """A recording, from its *begin*-th event on."""

    name = "recording"
    prepares = False

    def __init__(self, recording: Recording, begin: int = 0) -> None:
        super().__init__()
        self.recording = recording
        self.place = begin
        self._begun_ms = recording.happened[begin].at_ms if recording.happened else 0
        self._now_ms = self._begun_ms
        self._linked = not recording.deeds
        self._opened = self._linked
        self._driver = RecordedDriver(self)
        self._bound: dict[str, Any] = {}
        """What the recording has -> what the case has."""
        self._awaited: list[str] = []
        """Cards of the case that the recording, which tells of no deed, has not named yet."""
        self._answers = {one.message_id: one for one in recording.happened if one.what is What.ANSWER}

    @property
    def driver(self) -> Driver:
        """Hands whose deeds are found."""
        return self._driver

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

    def digest(self) -> str:
        """The recording's."""
        return self.recording.digest

    async def start(self) -> None:
        """The recording begins where it begins."""

    async def stop(self) -> None:
        """There is nothing to take away."""

    async def until(self, ready: Ready, within_s: float) -> bool:
        """Look on, as long as nobody does anything."""
        until_ms = self._now_ms + int(within_s * 1000)
        while not ready():
            one = self._next()
            if one is None:
                raise NotExercised(f"the recording ends at +{self.now_ms / 1000:.1f} s, where the case would look on for {within_s:g} s")
            if one.at_ms > until_ms:
                self._now_ms = until_ms
                return False
            if one.at_ms >= until_ms - self._slack_ms(one, within_s) and (one.what is What.ASKED or self._barrier(one)):
                self._now_ms = one.at_ms
                return False
            if self._barrier(one):
                raise NotExercised(f"{one}: the case would look on for {within_s:g} s before anything is done")
            self._play()
        return True

    def _slack_ms(self, one: Happened, within_s: float) -> int:
        # The station's time stands still while it is dark, so that a short wait before a power cut cannot be told from none.
        dark = SECOND_MS if one.what is What.START else 0
        return max(int(within_s * SECOND_MS) // SLACK, dark)

    async def call(self, action: str, payload: dict[str, Any], within_s: float) -> Reply | None:
        """Find the CALL, and what was answered."""
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
        del stay_away
        if not self.recording.deeds:
            raise NotExercised("a log of messages does not tell when a link breaks")
        self.found(lambda one: one.what is What.LINK_DOWN, "a link that breaks")

    async def come_back(self) -> None:
        """The link comes up when it does."""

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
        return one.what in (What.PLUG_IN, What.UNPLUG, What.CARD, What.END) or (one.what is What.START and self.place > 0 and self.now_ms > 0)

    def _play(self) -> None:
        """The next event happens."""
        one = self.recording.happened[self.place]
        self.place += 1
        self._now_ms = max(self._now_ms, one.at_ms)
        if one.what is What.CALL:
            self._hear(one)
        elif one.what is What.LINK_UP:
            self._linked = self._opened = True
            self.version = "2.1" if one.name == "ocpp2.1" else "2.0.1"
        elif one.what in (What.LINK_DOWN, What.START):
            self._linked = self._opened = False

    def _play_at_once(self) -> None:
        until_ms = self._now_ms + AT_ONCE_MS
        while (one := self._next()) is not None and one.at_ms <= until_ms and one.what is not What.ASKED and not self._barrier(one):
            self._play()

    def _hear(self, one: Happened) -> None:
        self._bind_cards(one.payload)
        payload = self._told(one.payload)
        self.trace.append(Entry(self.now_ms, "station", "call", one.name, payload, one.message_id, one.turn))
        wanted = self.hear(Heard(one.name, payload, one.message_id, self.now_ms, one.turn))
        got = self._answers.get(one.message_id)
        if got is None:
            return
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
            return isinstance(got, dict) and all(member in got and self._fits(one, got[member], member) for member, one in wanted.items())
        if isinstance(wanted, list):
            return isinstance(got, list) and len(wanted) == len(got) and all(self._fits(*pair, name) for pair in zip(wanted, got, strict=True))
        return bool(wanted == got)

    def _bind_all(self, wanted: Any, got: Any) -> None:
        if isinstance(wanted, dict):
            for member, one in wanted.items():
                if member in OWN_CHOICE and not isinstance(one, dict | list):
                    self._bound[_key(member, got[member])] = one
                self._bind_all(one, got[member])
        elif isinstance(wanted, list):
            for one, other in zip(wanted, got, strict=True):
                self._bind_all(one, other)

    def bind_card(self, token: str, got: str | None) -> bool:
        """The case's card *token* is the recording's *got*, or where it tells of no cards the next one that a message names; whether that can be."""
        if got is None:
            if token not in self._bound.values():
                self._awaited.append(token)
            return True
        return bool(self._bound.setdefault(_key("idToken", got), token) == token)

    def _bind_cards(self, payload: Any) -> None:
        for name, one in walk(payload):
            if name == "idToken" and isinstance(one, str) and self._awaited and _key(name, one) not in self._bound:
                self._bound[_key(name, one)] = self._awaited.pop(0)

    def _told(self, value: Any, name: str = "") -> Any:
        """A payload of the recording in the case's words."""
        if isinstance(value, dict):
            return {member: self._told(one, member) for member, one in value.items()}
        if isinstance(value, list):
            return [self._told(one, name) for one in value]
        return self._bound.get(_key(name, value), value) if name in OWN_CHOICE else value


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
    """Hands whose deeds are looked up.  A log of messages tells of none: there they are passed over, and what follows from them has to be there."""

    def __init__(self, bench: RecordingBench) -> None:
        self._bench = bench

    def _done(self, fits: Any, sought: str) -> Happened | None:
        return self._bench.found(fits, sought) if self._bench.recording.deeds else None

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
        if not self._bench.bind_card(token, card.payload["token"] if card else None):
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


def beginnings(recording: Recording) -> list[int]:
    """Where a case may begin: at every start of the station, and in a log of messages at every first BootNotification of a row."""
    if recording.deeds:
        return [at for at, one in enumerate(recording.happened) if one.what is What.START] or [0]
    calls = [(at, one) for at, one in enumerate(recording.happened) if one.what is What.CALL]
    boots = [at for place, (at, one) in enumerate(calls) if one.name == "BootNotification" and (not place or calls[place - 1][1].name != one.name)]
    return boots or [0]


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
    results = []
    for listed in cases:
        found = [
            finished(run([listed], lambda _, at=at: RecordingBench(recording, at), settings, schemas, features=features))[0]  # type: ignore[misc]
            for at in beginnings(recording)
        ]
        # Of several that were not exercised, the one that came furthest says most.
        results.append(min(found, key=lambda one: (RANK.index(one.verdict), -len(one.trace))))
        if progress is not None:
            progress(results[-1])
    return results
