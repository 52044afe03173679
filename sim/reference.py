"""What an onlooker knows: who is plugged in, which cards were shown, what the CSMS thinks of them, where energy may flow.

Law: independent of the machines: it imports none of them, and is told only what happened outside and what was asked of the outside.  It does not
know how a station reaches its decisions, only which of them cannot be right.
"""

from __future__ import annotations

BREAK_US = 60_000_000
"""How long energy may be withheld between two transactions of one driver, where the end of the energy ends a transaction (E06.FR.07)."""

SLACK_US = 300_000_000
"""How much longer than EVConnectionTimeOut a leave to charge may wait: questions in flight, answers that are slow."""


class Wrong(AssertionError):
    """The station did what it may not."""


class Leave:
    """Somebody may charge: *token* at one of *evse_ids* (empty: anywhere), if energy is first offered by *until_us*."""

    __slots__ = ("evse_ids", "token", "until_us")

    def __init__(self, token: str, evse_ids: tuple[int, ...], until_us: int) -> None:
        self.token = token
        self.evse_ids = evse_ids
        self.until_us = until_us


class Onlooker:
    """The rules in a few lines.

    *connect_s*: EVConnectionTimeOut.  *stays_authorized*: the authorization outlives the cable.  *unasked_ok*: unknown cards charge while
    nobody can be asked.  *free*: everybody may charge.  *breaks*: a transaction that ends when energy does is followed by another of the same driver.
    """

    def __init__(
        self, evse_ids: tuple[int, ...], *, connect_s: int, stays_authorized: bool, unasked_ok: bool, free: bool, breaks: bool = False
    ) -> None:
        self.breaks = breaks
        self.connect_us = connect_s * 1_000_000
        self.stays_authorized = stays_authorized
        self.unasked_ok = unasked_ok
        self.free = free
        self.plugged = dict.fromkeys(evse_ids, False)
        self.ports: dict[int, tuple[int, ...]] = {}
        self.leaves: list[Leave] = []
        self.offered: dict[int, frozenset[str]] = {}  # EVSE -> the cards of which one is being charged for
        self.idle: dict[int, list[Leave]] = {}  # the same, while the cable is out and the authorization waits
        self.contactor = dict.fromkeys(evse_ids, False)

    # What happened

    def plug(self, now_us: int, evse_id: int, *, is_in: bool) -> None:
        """The station was told that a cable is in, or not."""
        if self.plugged[evse_id] == is_in:
            return
        self.plugged[evse_id] = is_in
        if not is_in:
            self.ports.pop(evse_id, None)
            before = self.offered.pop(evse_id, None)
            if before and self.stays_authorized:
                self.idle[evse_id] = [Leave(token, (evse_id,), now_us + self.connect_us + SLACK_US) for token in sorted(before)]

    def services(self, evse_id: int, ports: tuple[int, ...]) -> None:
        """The vehicle selected internet access to these TCP ports, or gave it back."""
        if self.plugged[evse_id]:
            if ports:
                self.ports[evse_id] = ports
            else:
                self.ports.pop(evse_id, None)

    def card(self, now_us: int, token: str, evse_ids: tuple[int, ...]) -> None:
        """A card was held to the reader, and the station knows it.  The card that charges ends its charge, and opens nothing."""
        if (self.unasked_ok or self.free) and not self.ends_with(token, evse_ids):
            self.may(now_us, token, evse_ids)

    def may(self, now_us: int, token: str, evse_ids: tuple[int, ...] = ()) -> None:
        """The CSMS says, or a rule does, that the holder of *token* may charge."""
        self.leaves.append(Leave(token, evse_ids, now_us + self.connect_us + SLACK_US))

    def asleep(self, for_us: int) -> None:
        """Nobody was there for a while: what waited waits as much longer."""
        for leave in (*self.leaves, *[leave for kept in self.idle.values() for leave in kept]):
            leave.until_us += for_us

    # What was asked of the outside

    def offer(self, now_us: int, evse_id: int, *, energise: bool) -> None:
        """The station asks an EVSE to offer energy, or not to.  Raises Wrong where it may not."""
        if not energise:
            before = self.offered.pop(evse_id, frozenset())
            if before and self.breaks and self.plugged[evse_id]:
                self.idle[evse_id] = [Leave(token, (evse_id,), now_us + BREAK_US) for token in sorted(before)]
            return
        if evse_id in self.offered:
            return
        if not self.plugged[evse_id]:
            raise Wrong(f"EVSE {evse_id} is to offer energy, and no cable is in")
        self.leaves = [leave for leave in self.leaves if leave.until_us >= now_us]
        mine = [leave for leave in self.leaves if not leave.evse_ids or evse_id in leave.evse_ids]
        kept = [leave for leave in self.idle.pop(evse_id, ()) if leave.until_us >= now_us]
        if not mine and not kept and not self.free:
            raise Wrong(f"EVSE {evse_id} is to offer energy, and nobody may charge there")
        self.offered[evse_id] = frozenset({leave.token for leave in (*mine, *kept)})
        if mine and not kept and len(self.offered[evse_id]) == 1:
            # One holder: a leave is used, the one that would do nowhere else first.  With several holders nobody outside knows whose it was,
            # and a driver who came back (kept) uses the one that waited here.
            self.leaves.remove(next((leave for leave in mine if leave.evse_ids), mine[0]))

    def moved(self, evse_id: int, *, closed: bool) -> None:
        """A contactor moved.  Raises Wrong where energy could flow that may not."""
        self.contactor[evse_id] = closed
        if closed and not self.plugged[evse_id]:
            raise Wrong(f"the contactor of EVSE {evse_id} closed without a cable")

    def ends_with(self, token: str, evse_ids: tuple[int, ...]) -> int:
        """The EVSE whose charge this card certainly ends, because it began it and nothing else; 0 where an onlooker cannot be sure."""
        waiting = (*self.leaves, *[leave for kept in self.idle.values() for leave in kept])
        if any(leave.token == token for leave in waiting):
            return 0
        sure = [evse_id for evse_id, tokens in sorted(self.offered.items()) if token in tokens]
        if len(sure) != 1 or self.offered[sure[0]] != {token} or (evse_ids and sure[0] not in evse_ids):
            return 0
        return sure[0]

    def network(self) -> dict[int, tuple[int, ...]]:
        """Which vehicle has a way out, and to which ports."""
        return {evse_id: self.ports[evse_id] for evse_id in sorted(self.ports)}
