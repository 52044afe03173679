"""What machines ask the device model.

Law: a view never raises: a variable that is not declared, or holds nonsense, gives the default that the view names.
"""

from __future__ import annotations

from engine.machine import Station
from machines.device_model.facts import Changed
from machines.device_model.state import DEVICE_MODEL, Key, key_in, key_of
from wire.sealed import parse as parse_sealed


class Variable:
    """One variable that a machine reads, by its OCPP address, with the value that counts where nothing is declared."""

    __slots__ = ("component", "default", "key", "name")

    def __init__(self, component: str, name: str, default: str, instance: str = "") -> None:
        self.component = component
        self.name = name
        self.default = default
        self.key: Key = key_of(component, name, variable_instance=instance)

    def text(self, station: Station) -> str:
        """The value as text; the default where it is empty."""
        return station[DEVICE_MODEL].text(self.key) or self.default

    def integer(self, station: Station) -> int:
        """The value as a whole number; a decimal is cut off, nonsense gives the default."""
        try:
            return int(self.text(station).partition(".")[0])
        except ValueError:
            return int(self.default)

    def boolean(self, station: Station) -> bool:
        """Whether the value is ``true``."""
        return self.text(station).casefold() == "true"

    def members(self, station: Station) -> tuple[str, ...]:
        """The members of a list, in order; blanks left out."""
        return _members(self.text(station))

    def chosen(self, station: Station) -> tuple[str, ...]:
        """The members of a list that may be empty: none where it was set to nothing, those of the default only where nothing is declared."""
        text = station[DEVICE_MODEL].text(self.key)
        return _members(self.default if text is None else text)

    def is_in(self, fact: Changed) -> bool:
        """Whether *fact* is about this variable's actual value."""
        return self.key == key_in(fact)


def _members(text: str) -> tuple[str, ...]:
    return tuple([member.strip() for member in text.split(",") if member.strip()])


REPORTING_SIZE = Variable("DeviceDataCtrlr", "ReportingValueSize", "2500")
"""Characters of a value that is told: what is longer is cut off (DeviceDataCtrlr.ReportingValueSize)."""


def cut(text: str, longest: int) -> str:
    """As much of a value as is told.  Of what is sealed nobody here knows the beginning: it is told whole, or, too long itself, not at all."""
    if len(text) <= longest:
        return text
    sealed = parse_sealed(text)
    if sealed is None:
        return text[:longest]
    return text if sealed.length <= longest else ""


def connectors(station: Station) -> tuple[tuple[int, int], ...]:
    """(evse id, connector id) of every declared connector, in order."""
    return tuple(sorted({(evse, conn) for _, _, evse, conn in station[DEVICE_MODEL].components if evse and conn}))


def evses(station: Station) -> tuple[int, ...]:
    """The ids of the declared EVSEs, in order."""
    return tuple(sorted({evse for _, _, evse, _ in station[DEVICE_MODEL].components if evse}))
