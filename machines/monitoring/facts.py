"""What can be true of the monitors of variables.

Law: one fact for all the monitors that a decision is about, however many, so that no message and no set of files is too much for a turn.
"""

from __future__ import annotations

from engine.event import Fact, Value
from engine.records import record
from machines.device_model.state import Key


@record(401)
class Monitor(Value):
    """A monitor.  *id* is never given twice; *value* is the number as it was given, *kind* who made it (``wire.monitors``).

    *reference* is what a Delta of the component files compares with at first; empty: the variable's value when the monitor begins.
    """

    id: int
    key: Key
    type: str
    value: str
    severity: int
    kind: str
    transaction: bool = False
    reference: str = ""

    @property
    def slot(self) -> tuple[Key, str, int]:
        """What no two monitors share (N04.FR.10)."""
        return self.key, self.type, self.severity


@record(402)
class MonitorsDeclared(Fact):
    """The component files give the station these monitors, in force or not."""

    monitors: tuple[Monitor, ...]


@record(403)
class MonitorsInstalled(Fact):
    """These monitors are in force, each in the place of the one that had its id before."""

    monitors: tuple[Monitor, ...]


@record(404)
class MonitorsRemoved(Fact):
    """These monitors are no longer in force; *reason*: ``cleared``, ``base``, ``files``."""

    ids: tuple[int, ...]
    reason: str


@record(405)
class MonitoringBaseSet(Fact):
    """The CSMS chose which monitors stay (N03)."""

    base: str


@record(406)
class MonitoringLevelSet(Fact):
    """The CSMS is told of monitors up to this severity number (N05)."""

    severity: int


@record(407)
class MonitorsArmed(Fact):
    """What monitors start from: (id, value that a Delta compares with), (id, station time at which a periodic one reports)."""

    references: tuple[tuple[int, str], ...] = ()
    dues: tuple[tuple[int, int], ...] = ()


@record(408)
class MonitorsDisarmed(Fact):
    """These monitors rest: their transaction is over, or nobody would be told; they start afresh when they are armed again."""

    ids: tuple[int, ...]


@record(410)
class MonitorEvent(Value):
    """A monitor was triggered, or *cleared*: its value is back within bounds."""

    event_id: int
    monitor_id: int
    value: str
    cleared: bool = False


@record(411)
class MonitorsTriggered(Fact):
    """These events are being told to the CSMS."""

    events: tuple[MonitorEvent, ...]
