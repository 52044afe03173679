"""What can be true of the device model."""

from __future__ import annotations

from engine.event import Fact
from engine.records import record

RELEASE = "config release"
"""The cause of a value that is set to what it was, for the CSMS to change."""


@record(110)
class ModelDeclared(Fact):
    """The component files declare this, from now on: JSON text of a list of ``Declared`` fields, and its digest."""

    digest: str
    body: bytes


@record(111)
class VariableSet(Fact):
    """A layer of a variable attribute holds *value* from now on; *old* is what was in force before.

    *source* is the layer: ``station``, ``csms`` or ``operator``; *cause* is what it was wanted with: a message's action, a command.  *hold*: the
    operator does not want the CSMS to change it.  *pending*: it counts from the next boot on.
    """

    component: str
    variable: str
    value: str
    source: str
    component_instance: str = ""
    variable_instance: str = ""
    evse_id: int = 0
    connector_id: int = 0
    attribute: str = "Actual"
    old: str = ""
    cause: str = ""
    hold: bool = False
    pending: bool = False


@record(113)
class VariableCleared(Fact):
    """The layer *source* holds nothing for a variable attribute any more.

    *old* is what it held, *value* what is in force now.  *cause*: ``reset`` (somebody wanted the file's value), ``file wins`` (the file says
    something new, and its policy is that it counts), ``out of range`` (the file's limits or list changed), ``not writable`` (the file lets nobody
    write it any more), ``not persistent`` (a boot).
    """

    component: str
    variable: str
    value: str
    source: str
    component_instance: str = ""
    variable_instance: str = ""
    evse_id: int = 0
    connector_id: int = 0
    attribute: str = "Actual"
    old: str = ""
    cause: str = ""


@record(114)
class ModelRefused(Fact):
    """What the files of *digest* declare cannot be taken now, and why; what was declared before stays."""

    digest: str
    reason: str


@record(115)
class DeclarationRemoved(Fact):
    """The files declare this no longer: a component, or one attribute of a variable that held a value.  Its values are kept, and not in force."""

    component: str
    component_instance: str = ""
    evse_id: int = 0
    connector_id: int = 0
    variable: str = ""
    variable_instance: str = ""
    attribute: str = ""


@record(116)
class DeclarationReturned(Fact):
    """What was removed is declared again, and the values that were kept are in force again."""

    component: str
    component_instance: str = ""
    evse_id: int = 0
    connector_id: int = 0
    variable: str = ""
    variable_instance: str = ""
    attribute: str = ""


@record(117)
class SettingRefused(Fact):
    """The operator wanted what cannot be; *reason* says why."""

    address: str
    reason: str


Changed = VariableSet | VariableCleared
"""Facts after which another value may be in force."""
