"""Where the station stands with the CSMS.

Law: until BootNotification is answered with Accepted, no other CALL leaves (B01.FR.08, B02.FR.02, B03.FR.02), but for the reports that the CSMS asks
for while it keeps the station Pending.
"""

from __future__ import annotations

from enum import Enum

from engine.machine import Folds, Part, State, state
from engine.records import enumeration
from engine.table import Table
from machines.boot.facts import BootAccepted, BootAsked, BootFailed, BootPending, BootRejected, OrderlyStop, Rebooted


@enumeration(167)
class Phase(Enum):
    """Where the station stands with the CSMS."""

    SILENT = "silent"
    ASKING = "asking"
    PENDING = "pending"
    REJECTED = "rejected"
    ACCEPTED = "accepted"


WAITING = (Phase.SILENT, Phase.PENDING, Phase.REJECTED)

TABLE = Table(
    Phase,
    [
        # fact        from            to
        (Rebooted,     tuple(Phase),  Phase.SILENT),
        (BootAsked,    WAITING,       Phase.ASKING),
        (BootAccepted, Phase.ASKING,  Phase.ACCEPTED),
        (BootPending,  Phase.ASKING,  Phase.PENDING),
        (BootRejected, Phase.ASKING,  Phase.REJECTED),
        (BootFailed,   Phase.ASKING,  Phase.SILENT),
    ],
)  # fmt: skip


@state(168)
class Boot(State):
    """*standing* is what the CSMS last said (while we ask again it still holds); *retry_at_us* when to ask again."""

    phase: Phase = Phase.SILENT
    standing: str = ""
    entry: int = 0
    retry_at_us: int | None = None
    journal: int = 0
    build: str = ""
    boots: int = 0
    orderly: bool = False
    reason: str = "PowerUp"


BOOT = Part("boot", Boot)


def fold_rebooted(boot: Boot, fact: Rebooted) -> None:
    """All over again."""
    boot.phase = TABLE.next(boot.phase, Rebooted)
    boot.journal = fact.journal
    boot.build = fact.build
    boot.boots += 1
    boot.orderly = False
    boot.retry_at_us = None
    boot.standing = ""
    boot.entry = 0


def fold_asked(boot: Boot, fact: BootAsked) -> None:
    """Introduced, not answered."""
    boot.phase = TABLE.next(boot.phase, BootAsked)
    boot.entry = fact.entry
    boot.retry_at_us = None


def fold_accepted(boot: Boot, fact: BootAccepted) -> None:  # noqa: ARG001
    """May speak."""
    boot.phase = TABLE.next(boot.phase, BootAccepted)
    boot.standing = "Accepted"


def fold_waiting(boot: Boot, fact: BootPending | BootRejected | BootFailed) -> None:
    """Must be silent until then."""
    boot.phase = TABLE.next(boot.phase, type(fact))
    boot.retry_at_us = fact.retry_at_us
    if type(fact) is not BootFailed:
        boot.standing = "Pending" if type(fact) is BootPending else "Rejected"


def fold_orderly(boot: Boot, fact: OrderlyStop) -> None:  # noqa: ARG001
    """The next start need not wonder."""
    boot.orderly = True


FOLDS: Folds[Boot] = {
    Rebooted: fold_rebooted,
    BootAsked: fold_asked,
    BootAccepted: fold_accepted,
    BootPending: fold_waiting,
    BootRejected: fold_waiting,
    BootFailed: fold_waiting,
    OrderlyStop: fold_orderly,
}
