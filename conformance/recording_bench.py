"""The bench over a recording: the same cases, asked of what a station has done already.

Law: nothing passes that was not seen.  What a case does must be found in the recording, with nothing done between that the case does not do;
what is not found is NOT EXERCISED and says what was looked for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from conformance.bench import SILENCE, Answer, Bench, Driver, Heard, Ready, Reply
from conformance.catalogue import Listed, features_of
from conformance.recording import Happened, Recording, Sealed, Values, What, address_of, walk
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


TAINTS = {
    "SetVariableMonitoring": "N", "ClearVariableMonitoring": "N", "SetMonitoringBase": "N", "SetMonitoringLevel": "N", "SendLocalList": "C",
    "SetNetworkProfile": "AB", "SetChargingProfile": "EJ",
}  # fmt: skip
"""What a CSMS asks for and what lasts -> blocks whose cases count on its not having been."""

AWAY = frozenset({"Unavailable", "Faulted", "Reserved"})
"""What a connector is that nobody can charge at."""

SLOW_MS = 2_000
"""A CSMS that takes longer for an answer is another one than the case's."""

ASSUMED = {("authctrlr", "", 0, 0, "enabled", ""): "true", ("authctrlr", "", 0, 0, "localpreauthorize", ""): "false"}
"""What a case counts on without saying so."""

FORGOTTEN_MS = 3_600_000
"""So long after a card without a vehicle, nobody is authorized by it any more."""


class Place(NamedTuple):
    """Where a case may begin: before the *at*-th thing that happened, when it was *ms*."""

    at: int
    ms: int
    version: str
    evse_id: int
    connector_id: int
    evses: tuple[tuple[int, int], ...]
    old: frozenset[str]
    """Transactions from before."""
    taken: str
    """Blocks whose cases cannot begin there."""
    linked: bool


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
        values = _values_at(self.recording, self.place)
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
        until_ms = self._now_ms + int(within_s * 1000)
        while not ready():
            one = self._next()
            if one is None:
                raise NotExercised(f"the recording ends at +{self.now_ms / 1000:.1f} s, where the case would look on for {within_s:g} s")
            if one.at_ms > until_ms:
                self._now_ms = until_ms
                self._reachable(within_s)
                return False
            if one.at_ms >= until_ms - self._slack_ms(one, within_s) and (one.what is What.ASKED or self._barrier(one)):
                self._now_ms = one.at_ms
                return False
            if self._barrier(one):
                raise NotExercised(f"{one}: the case would look on for {within_s:g} s before anything is done")
            self._play()
        return True

    def _reachable(self, within_s: float) -> None:
        """What did not come within a wait is the station's fault only where it could be said."""
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
            return
        payload = self._told(one.payload)
        self.trace.append(Entry(self.now_ms, "station", "call", one.name, payload, one.message_id, one.turn))
        if not self._asked_away and any(status in AWAY for status in _statuses(one)):
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


def _statuses(one: Happened) -> Iterator[str]:
    """What a message says that connectors are."""
    told = one.payload if isinstance(one.payload, dict) else {}
    if one.name == "StatusNotification":
        yield str(told.get("connectorStatus"))
    elif one.name == "NotifyEvent":
        for event in told.get("eventData", ()):
            if event.get("variable", {}).get("name") == "AvailabilityState" and "connectorId" in event.get("component", {}).get("evse", {}):
                yield str(event.get("actualValue"))


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


def _evses(recording: Recording) -> set[int]:
    """EVSEs that a vehicle was ever connected to."""
    return {one.payload["evse"] for one in recording.happened if one.what is What.PLUG_IN}


def at_evse(recording: Recording, evse_id: int) -> Recording:
    """What happened at an EVSE and to the whole station; nothing that is about another EVSE."""
    where: dict[str, int] = {}
    for one in recording.happened:
        if one.name == "TransactionEvent" and one.what is What.CALL and isinstance(one.payload, dict) and "evse" in one.payload:
            where.setdefault(one.payload["transactionInfo"]["transactionId"], one.payload["evse"]["id"])
    cards = _readers(recording, where)
    left_out: set[str] = set()
    kept: list[int] = []
    held: dict[str, bool] = {}
    for at, one in enumerate(recording.happened):
        if one.what is What.CARD:
            here = held[one.payload["token"]] = not cards[at] or evse_id in cards[at]
        elif one.what is What.CALL and one.name == "Authorize":
            here = held.get(_token_of(one), True)
        elif one.what in (What.CALL, What.ASKED):
            here = not _elsewhere(one, evse_id, where)
        elif one.what in (What.PLUG_IN, What.UNPLUG, What.PILOT):
            here = one.payload["evse"] == evse_id
        else:
            here = one.what not in (What.ANSWER, What.REPLY) or one.message_id not in left_out
        if here:
            kept.append(at)
        elif one.what in (What.CALL, What.ASKED):
            left_out.add(one.message_id)
    happened = tuple([recording.happened[at] for at in kept])
    return recording._replace(happened=happened, values=tuple([(bisect_left(kept, at), values) for at, values in recording.values]))


def _readers(recording: Recording, where: dict[str, int]) -> dict[int, list[int]]:
    """For every card the EVSEs that it was held to: as it is told, or those of the next transaction that names it; none where nobody knows."""
    found: dict[int, list[int]] = {}
    named: dict[str, int] = {}
    for at in range(len(recording.happened) - 1, -1, -1):
        one = recording.happened[at]
        if one.what is What.CARD:
            token = one.payload["token"]
            found[at] = one.payload["evses"] or ([named[token]] if token in named else [])
        elif one.what is What.CALL and one.name == "TransactionEvent" and isinstance(one.payload, dict):
            evse_id = where.get(one.payload.get("transactionInfo", {}).get("transactionId", ""), 0)
            if _token_of(one) and evse_id:
                named[_token_of(one)] = evse_id
    return found


def _token_of(one: Happened) -> str:
    token = one.payload.get("idToken") if isinstance(one.payload, dict) else None
    return str(token.get("idToken", "")) if isinstance(token, dict) else ""


def _elsewhere(one: Happened, evse_id: int, where: dict[str, int]) -> bool:
    """Whether a CALL is about another EVSE."""
    told = one.payload if isinstance(one.payload, dict) else {}
    transaction = told.get("transactionInfo", told).get("transactionId")
    about = told.get("evseId", where.get(transaction, evse_id))
    if one.name == "NotifyEvent":
        places = {event.get("component", {}).get("evse", {}).get("id", evse_id) for event in told.get("eventData", ())}
        return bool(places) and evse_id not in places
    return about not in (evse_id, 0)


class Idle:
    """Whether a station is idle, from what happened until now: up, linked, everything told, and nobody there."""

    def __init__(self, *, links: bool) -> None:
        self.links = links
        self.version = "2.0.1"
        self.linked = not links
        self.accepted = False
        self.statuses: dict[tuple[int, int], str] = {}
        self.plugged: set[int] = set()
        self.open: set[str] = set()
        self.old: set[str] = set()
        self.taken = ""
        self._waiting: dict[str, Happened] = {}
        self._card_ms = -1

    def idle(self, now_ms: int) -> bool:
        """Whether a case may begin."""
        asked = any(one.what is What.ASKED or one.name in ("TransactionEvent", "Authorize") for one in self._waiting.values())
        quiet = not asked and not self.plugged and not self.open
        known = bool(self.statuses) and set(self.statuses.values()) == {"Available"}
        authorized = self._card_ms >= 0 and now_ms - self._card_ms < FORGOTTEN_MS
        return self.linked and self.accepted and quiet and known and not authorized

    def dark(self) -> bool:
        """Whether a case that begins with a power cut may begin: nobody is there."""
        return not self.plugged and not self.open

    def hear(self, one: Happened) -> None:
        """One more thing happened."""
        match one.what:
            case What.START:
                self._off()
                self.linked, self.accepted = not self.links, False
            case What.LINK_DOWN:
                self._off()
            case What.LINK_UP:
                # A station that comes back says nothing, unless it was told to wait.
                self.linked = True
                self.version = "2.1" if one.name == "ocpp2.1" else "2.0.1"
            case What.PLUG_IN:
                self.plugged.add(one.payload["evse"])
            case What.UNPLUG:
                self.plugged.discard(one.payload["evse"])
            case What.CARD:
                self._card_ms = one.at_ms
            case What.CALL | What.ASKED:
                self._waiting[one.message_id] = one
                if one.what is What.ASKED:
                    self.taken += TAINTS.get(one.name, "")
                elif isinstance(one.payload, dict):
                    self._called(one.name, one.payload)
            case What.ANSWER | What.REPLY:
                asked = self._waiting.pop(one.message_id, None)
                self._answered(asked.name if asked is not None else one.name, one)

    def _off(self) -> None:
        self.linked = False
        self._waiting.clear()

    def _called(self, action: str, told: Any) -> None:
        if action == "BootNotification" and told.get("reason") != "Triggered":
            self.accepted = False
            self.statuses.clear()
        elif action == "StatusNotification":
            self.statuses[told.get("evseId", 0), told.get("connectorId", 0)] = str(told.get("connectorStatus"))
        elif action == "NotifyEvent":
            for event in told.get("eventData", ()):
                place = event.get("component", {}).get("evse", {})
                if event.get("variable", {}).get("name") == "AvailabilityState" and "connectorId" in place:
                    self.statuses[place["id"], place["connectorId"]] = str(event.get("actualValue"))
        elif action == "TransactionEvent":
            transaction = str(told.get("transactionInfo", {}).get("transactionId"))
            self.old.add(transaction)
            self.open.add(transaction)
            if told.get("eventType") == "Ended":
                self.open.discard(transaction)
                self._card_ms = -1

    def _answered(self, action: str, one: Happened) -> None:
        told = one.payload if isinstance(one.payload, dict) else {}
        if action == "BootNotification" and one.what is What.ANSWER:
            self.accepted = told.get("status") == "Accepted"
        elif action == "Authorize" and told.get("idTokenInfo", {}).get("status") != "Accepted":
            self._card_ms = -1
        elif action == "RequestStartTransaction" and told.get("status") == "Accepted":
            self._card_ms = one.at_ms


def places(recording: Recording) -> Iterator[Place]:
    """Where a case may begin: before whatever people or the CSMS do at a station that is up and idle, and before every start."""
    state = Idle(links=recording.links)
    ahead = _ahead(recording)
    before_ms = recording.happened[0].at_ms if recording.happened else 0
    for at, one in enumerate(recording.happened):
        begins = one.what in DEEDS or one.what is What.ASKED
        if begins and (state.dark() and _comes_up_free(recording, at) if one.what is What.START else state.idle(one.at_ms)) and _usual(recording, at):
            evses: dict[int, int] = {}
            for evse_id, connector_id in state.statuses:
                evses[evse_id] = max(evses.get(evse_id, 0), connector_id)
            first = next(iter(sorted(evses.items())), (1, 1))
            evse_id, connector_id = ahead[at] or (first[0], 1)
            yield Place(
                at, before_ms, state.version, evse_id, connector_id, tuple(sorted(evses.items())), frozenset(state.old), state.taken, state.linked
            )
        state.hear(one)
        before_ms = one.at_ms


def _comes_up_free(recording: Recording, at: int) -> bool:
    """Whether nothing stands at the station that starts there, as far as it tells before anybody does anything."""
    for one in recording.happened[at + 1 :]:
        if one.what in DEEDS:
            return True
        if one.what is What.CALL and any(status != "Available" for status in _statuses(one)):
            return False
    return True


def _usual(recording: Recording, at: int) -> bool:
    """Whether the station is configured as cases count on, as far as that is known."""
    known = _values_at(recording, at)
    return all(known.get(address, wanted).lower() == wanted for address, wanted in ASSUMED.items())


def _values_at(recording: Recording, place: int) -> Values:
    at = bisect_right(recording.values, place, key=lambda pair: pair[0])
    return recording.values[at - 1][1] if at else {}


def _ahead(recording: Recording) -> list[tuple[int, int] | None]:
    """For every place the EVSE and the connector of the next vehicle that is connected."""
    found: list[tuple[int, int] | None] = []
    coming: tuple[int, int] | None = None
    for one in reversed(recording.happened):
        if one.what is What.PLUG_IN:
            coming = one.payload["evse"], one.payload["connector"]
        found.append(coming)
    return found[::-1]


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
    views = [recording, *(at_evse(recording, evse_id) for evse_id in sorted(_evses(recording)))]
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
