"""One declared variable attribute of the device model: what a component file says of it.

Law: a declaration is data; nothing here reads a file or knows a default that the file did not give.
"""

from __future__ import annotations

from engine.event import Value
from engine.records import record


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
