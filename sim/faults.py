"""What may go wrong in a life, and how often.

Law: the faults of a life are drawn once, at its beginning, and each of them may be off: a life in which one thing goes wrong all the time finds
what a life in which everything goes wrong now and then never reaches.
"""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple


class Faults(NamedTuple):
    """Chances from 0 to 1, each for one occasion of its kind; all 0: a world in which nothing goes wrong.

    The process: *crash* at each of the places where it may die, *crash_in_recovery* at those of a start, *machine_reboots* that a crash took the
    machine with it (another boot id, the network forgotten), *vehicle_leaves* while it was down, *disk* that a group cannot be written.

    The link: *drop* at each step of a life, *half_open* that the station learns of it late, *tail* that frames on their way still arrive,
    *unreachable* that a dial fails, *no_version* that the CSMS agrees to none, *deaf* that a closing handshake is never answered.

    The CSMS, for each CALL: *silent*, *slow* (beyond the station's patience), *late* (within it), *error* (a CALLERROR), *broken* (against its
    schema), *stranger* (under another message id), *garbled*; *blocks* for each token and each transaction event with one; *boots_badly* for each
    BootNotification before it accepts; *clock_jumps* for each time that it tells.

    The outside: *network_fails*, *network_dawdles*, *settles_twice*, *evse_dawdles*, *evse_fails* that a command is not obeyed, *meter_silent* and
    *meter_dawdles* that a meter does not answer when it is asked, or late, *space* that the journal is found nearly full.
    """

    crash: float = 0.0
    crash_in_recovery: float = 0.0
    machine_reboots: float = 0.0
    vehicle_leaves: float = 0.0
    disk: float = 0.0
    drop: float = 0.0
    half_open: float = 0.0
    tail: float = 0.0
    unreachable: float = 0.0
    no_version: float = 0.0
    deaf: float = 0.0
    silent: float = 0.0
    slow: float = 0.0
    late: float = 0.0
    error: float = 0.0
    broken: float = 0.0
    stranger: float = 0.0
    garbled: float = 0.0
    blocks: float = 0.0
    boots_badly: float = 0.0
    clock_jumps: float = 0.0
    network_fails: float = 0.0
    network_dawdles: float = 0.0
    settles_twice: float = 0.0
    evse_dawdles: float = 0.0
    evse_fails: float = 0.0
    meter_silent: float = 0.0
    meter_dawdles: float = 0.0
    space: float = 0.0


NONE: Final = Faults()

CHOICES: Final[dict[str, tuple[float, ...]]] = {
    # the chances that a life draws from; 0 is always among them
    "crash": (0.0, 0.005, 0.02, 0.05),
    "crash_in_recovery": (0.0, 0.02, 0.1),
    "machine_reboots": (0.0, 0.5, 1.0),
    "vehicle_leaves": (0.0, 0.5, 1.0),
    "disk": (0.0, 0.0, 0.003, 0.02),
    "drop": (0.0, 0.03, 0.1),
    "half_open": (0.0, 0.5),
    "tail": (0.0, 0.5, 1.0),
    "unreachable": (0.0, 0.2, 0.6),
    "no_version": (0.0, 0.0, 0.3),
    "deaf": (0.0, 0.3),
    "silent": (0.0, 0.02, 0.1),
    "slow": (0.0, 0.05, 0.2),
    "late": (0.0, 0.2),
    "error": (0.0, 0.05, 0.3),
    "broken": (0.0, 0.02, 0.15),
    "stranger": (0.0, 0.02, 0.1),
    "garbled": (0.0, 0.02, 0.1),
    "blocks": (0.0, 0.1, 0.4),
    "boots_badly": (0.0, 0.3, 0.6),
    "clock_jumps": (0.0, 0.1),
    "network_fails": (0.0, 0.3),
    "network_dawdles": (0.0, 0.3),
    "settles_twice": (0.0, 0.2),
    "evse_dawdles": (0.0, 0.3, 0.8),
    "evse_fails": (0.0, 0.1, 0.6),
    "meter_silent": (0.0, 0.1, 0.5),
    "meter_dawdles": (0.0, 0.3),
    "space": (0.0, 0.3, 0.9),
}

PACES_US: Final = (1, 200_000, 10_000_000, 120_000_000)
"""How long a life waits between two steps: in a hurry, as people do things, as they wait, as they charge."""


def drawn(random: Random) -> Faults:
    """The faults of one life: about half of what may go wrong is off in it."""
    return Faults(**{name: random.choice(choices) if random.random() < 0.6 else 0.0 for name, choices in CHOICES.items()})  # noqa: PLR2004
