"""What can be true of the device model."""

from __future__ import annotations

from engine.event import Fact
from engine.records import record


@record(110)
class ModelDeclared(Fact):
    """The component files declare this, from now on: JSON text of a list of ``Declared`` fields, and its digest."""

    digest: str
    body: bytes


@record(111)
class VariableSet(Fact):
    """A variable attribute has a new value.  *source* says who wanted it: ``csms``, ``station`` or ``operator``."""

    component: str
    variable: str
    value: str
    source: str
    component_instance: str = ""
    variable_instance: str = ""
    evse_id: int = 0
    connector_id: int = 0
    attribute: str = "Actual"
