"""Where in a recording a case may begin: wherever the station is up and idle, and nothing of what came before is still about.

Law: what a recording does not tell is not taken for granted: a place that may not be one is none.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

from conformance.recording import Happened, Recording, Values, What

DEEDS = {
    What.PLUG_IN: "plug in", What.UNPLUG: "unplug", What.CARD: "present card", What.PILOT: "vehicle pauses or resumes",
    What.LINK_DOWN: "link breaks", What.START: "power cycle",
}  # fmt: skip
"""Deeds by the names that they have at every bench."""

TAINTS = {
    "SetVariableMonitoring": "N", "ClearVariableMonitoring": "N", "SetMonitoringBase": "N", "SetMonitoringLevel": "N", "SendLocalList": "C",
    "SetNetworkProfile": "AB", "SetChargingProfile": "EJ",
}  # fmt: skip
"""What a CSMS asks for and what lasts -> blocks whose cases count on its not having been."""

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


def evses_of(recording: Recording) -> set[int]:
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
        if one.what is What.CALL and any(status != "Available" for status in statuses_in(one)):
            return False
    return True


def _usual(recording: Recording, at: int) -> bool:
    """Whether the station is configured as cases count on, as far as that is known."""
    known = values_at(recording, at)
    return all(known.get(address, wanted).lower() == wanted for address, wanted in ASSUMED.items())


def values_at(recording: Recording, place: int) -> Values:
    """What variables are known to be before the *place*-th thing happens."""
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


def statuses_in(one: Happened) -> Iterator[str]:
    """What a message says that connectors are."""
    told = one.payload if isinstance(one.payload, dict) else {}
    if one.name == "StatusNotification":
        yield str(told.get("connectorStatus"))
    elif one.name == "NotifyEvent":
        for event in told.get("eventData", ()):
            if event.get("variable", {}).get("name") == "AvailabilityState" and "connectorId" in event.get("component", {}).get("evse", {}):
                yield str(event.get("actualValue"))
