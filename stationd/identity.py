"""Which station a data directory is of.

Law: what a station owes its CSMS is told under the identity under which it was begun, unless somebody had the identity changed on record.
"""

from __future__ import annotations

from pathlib import Path

from engine.errors import SetupFault
from engine.kernel import Kernel
from engine.machine import Context, Station
from eventlog.fold import Folded
from machines.connection.machine import IDENTITY
from machines.device_model.state import DEVICE_MODEL
from machines.inputs import ConfigLoaded, Started
from machines.outbound.machine import survives
from machines.outbound.state import OUTBOUND
from machines.session.state import SESSIONS


def check_identity(kernel: Kernel, folded: Folded, started: Started, config: ConfigLoaded, data: Path) -> None:
    """Refuse to start as another station while the CSMS of the one whose journal is in *data* has still to hear something.

    *config* is what the files and the command line say; what it makes of the identity is decided as the start decides it, and nothing is written.
    What SetVariables and ``stationd config set`` changed is in the journal, and makes no other station (B10).  Raises SetupFault.
    """
    owed = unfinished(folded.station)
    if not owed or not folded.station[DEVICE_MODEL].declared:
        return
    _, before = kernel.turn(folded.station, started, Context(seq=folded.seq + 1, at=folded.at + 1, luck=0))
    _, after = kernel.turn(before, config, Context(seq=folded.seq + 2, at=folded.at + 2, luck=0))
    was, would_be = IDENTITY.text(before), IDENTITY.text(after)
    if was != would_be:
        raise SetupFault(
            f"{data}: this is station {was}, and it has {owed} to tell of; as {would_be} it would never do so. Start it with --identity {was}. "
            f"To have another station, give it a data directory of its own (--data DIR). To rename this one, which is put on record: "
            f"stationd config set {IDENTITY.component}.{IDENTITY.name} {would_be} --data {data}"
        )


def unfinished(station: Station) -> str:
    """What the CSMS has still to hear, in words; empty for nothing."""
    transactions = sum(session.transaction is not None for session in station[SESSIONS].of.values())
    messages = sum(survives(station, entry.action) for entry in station[OUTBOUND].queue.values())
    counted = ((transactions, "an open transaction", "open transactions"), (messages, "a message that waits", "messages that wait"))
    return " and ".join(one if count == 1 else f"{count} {more}" for count, one, more in counted if count)
