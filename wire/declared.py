"""One declared variable attribute of the device model: what a component file says of it.

Law: a declaration is data; nothing here reads a file or knows a default that the file did not give.
"""

from __future__ import annotations

from typing import Any

from engine.event import Value
from engine.records import build, fields_of, record


@record(409)
class DeclaredMonitor(Value):
    """A monitor of a variable as declared by a component file; *value* and *reference* are decimal text, or text of the variable's data type.

    *reference*: the value that a Delta compares with until the first event; empty: the variable's value at the moment.
    """

    type: str
    value: str
    severity: int
    kind: str  # HardWiredMonitor, PreconfiguredMonitor
    transaction: bool = False
    reference: str = ""


@record(16)
class Declared(Value):
    """A variable attribute as declared by a component file (OCPP 2.x device model, Part 1 chapter 4).

    Text is in OCPP's own spelling: booleans ``true``/``false``, lists comma separated.
    """

    component: str
    variable: str
    component_instance: str = ""
    variable_instance: str = ""
    evse_id: int = 0  # 0: the station
    connector_id: int = 0  # 0: no connector
    attribute: str = "Actual"  # Actual, Target, MinSet, MaxSet
    data_type: str = "string"  # string decimal integer dateTime boolean OptionList SequenceList MemberList
    mutability: str = "ReadWrite"  # ReadOnly WriteOnly ReadWrite
    unit: str = ""
    min_limit: str = ""  # decimal text; empty: none
    max_limit: str = ""
    values_list: tuple[str, ...] = ()
    value: str | None = None  # what the file gives (value, else default); None: nothing
    persistent: bool = True
    constant: bool = False
    supports_monitoring: bool = False
    required: bool = False
    honoured: bool = True
    source: str = ""  # file name
    policy: str = "runtime-wins"  # file-wins: a new value in the file counts more than what the CSMS or the station set before
    reboot: bool = False  # a new value counts from the next boot on
    monitors: tuple[DeclaredMonitor, ...] = ()
    pinned: bool = False  # value is what a file in override/ gives: the layer above the file's
    beneath: str | None = None  # the value that the pin lies over; None: nothing
    base: str = ""  # the file that declares it, where source is a file in override/; empty: source does


MONITORS = Declared.FIELDS.index("monitors")


def written(declared: Declared) -> list[Any]:
    """The fields of a declaration as JSON values: what stands in the body of a ``ConfigLoaded``."""
    fields = fields_of(declared)[1:]
    if len(fields) > MONITORS:
        fields[MONITORS] = [fields_of(monitor)[1:] for monitor in declared.monitors]
    return fields


def read(fields: list[Any]) -> Declared:
    """The declaration that :func:`written` wrote."""
    values = [tuple(field) if isinstance(field, list) else field for field in fields]
    if len(values) > MONITORS:
        values[MONITORS] = tuple([build([409, *monitor]) for monitor in values[MONITORS]])
    declared: Declared = build([16, *values])
    return declared
