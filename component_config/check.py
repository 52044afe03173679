"""One component file, held against the format: what it declares, and everything that is wrong with it.

Invariant: nothing is passed over: a key that nobody reads is a complaint, and so is a value that cannot stand.  What a component is declared as in
spite of warnings is what their kinds say (``complaints.KINDS``).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from component_config import monitors, profiles
from component_config.complaints import (
    ADDRESS,
    ATTRIBUTE,
    CHOICE,
    DOUBT,
    IDENTITY,
    LIMIT,
    MEANINGLESS,
    NO_ACTUAL,
    NO_LIST,
    NO_VALUE,
    NOTE,
    NULL,
    OUT_OF_LIMITS,
    PROFILE,
    REQUIRED_NAME,
    SECRET,
    SLOT,
    STRUCTURE,
    TWICE,
    TYPE,
    UNIT,
    UNUSED_DEFAULT,
    Wrong,
    one_of,
    shown,
)
from component_config.members import HARMLESS, MISSING, Characteristics, Members
from component_config.values import DATA_TYPES, DIGITS_MAX, LISTS, NUMBERS, check, less, parse, split, text_of
from wire.declared import DeclaredMonitor
from wire.sealing import PERSON_VARIABLES

COMPONENT_KEYS = (
    "name", "instance", "evse_id", "connector_id", "properties", "required", "description", "type", "$schema",
)  # fmt: skip
PROPERTY_KEYS = (
    "variable_name", "instance", "characteristics", "attributes", "description", "default", "required", "honoured", "source",
    "policy", "reboot", "type", "minimum", "maximum", "minLength", "maxLength", "monitors",
)  # fmt: skip
CHARACTERISTIC_KEYS = ("dataType", "unit", "minLimit", "maxLimit", "valuesList", "supportsMonitoring")
ATTRIBUTE_KEYS = ("type", "mutability", "value", "persistent", "constant")
ATTRIBUTE_TYPES = ("Actual", "MaxSet", "MinSet", "Target")
MUTABILITIES = ("ReadOnly", "ReadWrite", "WriteOnly")
READABLE = ("ReadOnly", "ReadWrite")
"""Any other mutability, misspelled ones too, makes a value a secret."""

HARMLESS_OF_ATTRIBUTE = HARMLESS - {"type"}

SOURCES = ("EVEREST", "OCPP")
POLICIES = ("runtime-wins", "file-wins")
"""What counts when a file says something new of a variable that was set at run time (ADR 0020)."""

JSON_TYPES = {"boolean": "boolean", "integer": "integer", "decimal": "number"}
"""What a property's ``type`` says for a data type; ``string`` for all others."""

PLAIN_BELOW = 10**DIGITS_MAX
"""Below this a number has not too many digits."""

NAME_MAX, UNIT_MAX, VALUES_LIST_MAX = 50, 16, 1000
"""Part 2: ComponentType.name and VariableType.name, VariableCharacteristicsType.unit and .valuesList."""

OPEN, WHOLE, INSIDE, PERSONAL = 0, 1, 2, 3
"""What of a variable's value is kept in the vault: nothing, all of it as a secret, something inside of it, all of it for it names a person."""

SECRET_VARIABLES = frozenset({"apnpassword", "authorizationkey", "basicauthpassword", "simpin", "vpnkey", "vpnpassword"})
"""Variables, folded, whose value is a secret even where a file forgets to call them WriteOnly."""

PROFILES = ("internalctrlr", "networkconnectionprofiles")
SLOTS = "networkconfiguration"


class Address(NamedTuple):
    """Where a component stands."""

    name: str
    instance: str
    evse_id: int
    connector_id: int

    def folded(self) -> tuple[str, str, int, int]:
        """The address as OCPP compares it: without case."""
        return self.name.casefold(), self.instance.casefold(), self.evse_id, self.connector_id

    def __str__(self) -> str:
        """As complaints write it: ``EVSE(1)``, ``NetworkConfiguration[2]``."""
        place = f"({self.evse_id},{self.connector_id})" if self.connector_id else f"({self.evse_id})" if self.evse_id else ""
        return f"{self.name}{f'[{self.instance}]' if self.instance else ''}{place}"


class Attribute(NamedTuple):
    """An attribute as a file has it; *holder* at *key* is where its *text* stands in the document, so that a secret can be taken out."""

    type: str
    mutability: str
    persistent: bool
    constant: bool
    text: str | None
    holder: dict[str, Any]
    key: str


class Variable(NamedTuple):
    """A property of a file, with how much of it is secret."""

    name: str
    instance: str
    characteristics: Characteristics
    attributes: tuple[Attribute, ...]
    required: bool
    honoured: bool
    source: str
    policy: str
    reboot: bool
    secrecy: int
    body: dict[str, Any]
    monitors: tuple[DeclaredMonitor, ...]

    def title(self) -> str:
        """As complaints write it: ``MessageTimeout[Default]``."""
        return title(self.name, self.instance)


class Component(NamedTuple):
    """What a component file declares; of one with a fatal fault, what could be read."""

    address: Address
    variables: tuple[Variable, ...]


def title(name: str, instance: str) -> str:
    """A variable as complaints write it."""
    return f"{name}[{instance}]" if instance else name


def _listed(value: object) -> list[object]:
    """*value* where it is a list, else nothing."""
    return value if type(value) is list else []


class Reader(Members):
    """Reads one decoded file.  What is wrong goes to *complaints*; where that is fatal, what is returned is good for nothing but more complaints."""

    def read(self, document: object) -> Component | None:
        """What *document* declares; None where not even its component can be told."""
        if type(document) is not dict:
            self.wrong(STRUCTURE, "", f"holds {shown(document)}; right would be an object with 'name' and 'properties'")
            return None
        address = self.address(document)
        self.component = str(address)
        self.keys("", document, COMPONENT_KEYS, "a component")
        self.note("", document, "description")
        self.note("", document, "$schema")
        if document.get("type", "object") != "object":
            self.wrong(NOTE, "", f"'type' is {shown(document['type'])}; right would be 'object'")
        properties = document.get("properties", MISSING)
        if type(properties) is not dict:
            found = "missing" if properties is MISSING else shown(properties)
            self.wrong(STRUCTURE, "", f"'properties' is {found}; right would be an object with one member a variable")
            properties = {}
        required = self.required(document, properties)
        variables = [self.variable(label, body, label in required) for label, body in properties.items()]
        readable = tuple([v for v in variables if v is not None])
        self.twice(readable)
        self.valued(address, readable)
        return Component(address, readable) if address.name else None

    def address(self, document: dict[str, Any]) -> Address:
        """The component's address."""
        ids = []
        for key in ("evse_id", "connector_id"):
            value = document.get(key, 0)
            if key in document and (type(value) is not int or not 1 <= value < 1 << 31):
                self.wrong(ADDRESS, "", f"'{key}' is {shown(value)}; right would be a whole number from 1")
                value = 0
            ids.append(value)
        address = Address(self.text("", document, "name", NAME_MAX, needed=True), self.text("", document, "instance", NAME_MAX), *ids)
        folded = address.folded()[0]
        if "evse_id" not in document and (folded in ("evse", "connector") or "connector_id" in document):
            self.wrong(ADDRESS, "", f"'evse_id' is missing; right would be the number of the EVSE that this {address.name} stands for or in")
        if folded == "connector" and "connector_id" not in document:
            self.wrong(ADDRESS, "", "'connector_id' is missing; right would be the connector's number within its EVSE, from 1")
        if folded == "evse" and "connector_id" in document:
            self.wrong(ADDRESS, "", "'connector_id' has no place in an EVSE; right would be a Connector in a file of its own")
        slot = address.instance
        if folded == SLOTS and not (slot.isascii() and slot.isdigit() and 0 < len(slot) < UNIT_MAX and int(slot) > 0):
            self.wrong(SLOT, "", f"'instance' is {shown(slot)}; right would be the number of a configuration slot, as in '1'")
        return address

    def required(self, document: dict[str, Any], properties: dict[str, Any]) -> set[str]:
        """Which properties the component's list calls required: by key, else by the name of the variable."""
        names = document.get("required", [])
        if type(names) is not list or not all(type(name) is str for name in names):
            self.wrong(REQUIRED_NAME, "", "'required' is not a list of texts; right would be the keys of properties")
            return set()
        found: set[str] = set()
        for name in names:
            if name in properties:
                found.add(name)
                continue
            same = {k for k, v in properties.items() if type(v) is dict and v.get("variable_name") == name}
            if not same:
                self.wrong(REQUIRED_NAME, "", f"required {shown(name)} is no property of it; {one_of(name, tuple(properties) or ('(none)',))}")
            found |= same
        return found

    def variable(self, label: str, body: object, required: bool) -> Variable | None:  # noqa: FBT001 (a column of a table)
        """One property."""
        if type(body) is not dict:
            # A text is not quoted: it may be a password that was written where the variable belongs.
            found = "a text" if type(body) is str else shown(body)
            self.wrong(STRUCTURE, label, f"is {found}; right would be an object with variable_name, characteristics and attributes")
            return None
        name = self.text(label, body, "variable_name", NAME_MAX, needed=True)
        instance = self.text(label, body, "instance", NAME_MAX)
        where = title(name, instance) or label
        self.keys(where, body, PROPERTY_KEYS, "a property")
        self.note(where, body, "description")
        source = self.choice(where, body, "source", SOURCES, "OCPP", kind=CHOICE)
        # A variable that the hardware fills needs no value in the file, required or not.
        needed = (self.flag(where, body, "required", default=False) or required) and source != "EVEREST"
        characteristics = self.characteristics(where, body)
        folded = name.casefold()
        secrecy = WHOLE if folded in SECRET_VARIABLES else OPEN
        if (self.component.casefold(), folded) == PROFILES:
            secrecy = INSIDE
        if folded in PERSON_VARIABLES:
            secrecy = PERSONAL
        if any(type(a) is dict and a.get("mutability", "ReadWrite") not in READABLE for a in _listed(body.get("attributes"))):
            secrecy = WHOLE
        attributes = self.attributes(where, body, characteristics, secrecy)
        honoured = self.flag(where, body, "honoured", default=True)
        policy = self.choice(where, body, "policy", POLICIES, POLICIES[0], kind=CHOICE)
        reboot = self.flag(where, body, "reboot", default=False)
        watched = monitors.read(self, where, body, characteristics, tuple([a.type for a in attributes]), secret=secrecy != OPEN)
        if not name:
            return None
        return Variable(name, instance, characteristics, attributes, needed, honoured, source, policy, reboot, secrecy, body, watched)

    def characteristics(self, where: str, body: dict[str, Any]) -> Characteristics:
        """What the variable may hold; an empty data type where that cannot be told."""
        found = body.get("characteristics", MISSING)
        if type(found) is not dict:
            text = "missing" if found is MISSING else shown(found)
            self.wrong(STRUCTURE, where, f"'characteristics' is {text}; right would be an object with dataType and supportsMonitoring")
            return Characteristics("", "", "", "", (), monitored=False)
        self.keys(where, found, CHARACTERISTIC_KEYS, "characteristics")
        data_type = self.choice(where, found, "dataType", DATA_TYPES, kind=TYPE)
        if data_type and "type" in body:
            right = JSON_TYPES.get(data_type, "string")
            if body["type"] != right:
                self.wrong(NOTE, where, f"'type' is {shown(body['type'])}, but dataType is {data_type}; right would be '{right}'")
        low = self.limit(where, data_type, found, body, ("minLimit", "minimum", "minLength"))
        high = self.limit(where, data_type, found, body, ("maxLimit", "maximum", "maxLength"))
        if low and high and less(high, low):
            self.wrong(LIMIT, where, f"minLimit {low} is above maxLimit {high}; right would be the other way round")
            low = high = ""
        unit = self.text(where, found, "unit", UNIT_MAX, kind=UNIT)
        monitored = self.flag(where, found, "supportsMonitoring", default=False)
        return Characteristics(data_type, unit, low, high, self.allowed(where, data_type, found), monitored)

    def limit(self, where: str, data_type: str, found: dict[str, Any], body: dict[str, Any], keys: tuple[str, ...]) -> str:
        """A bound as decimal text.  The characteristic counts; without it the JSON schema's words of the property."""
        limits = []
        for key, holder in zip(keys, (found, body, body), strict=True):
            if key not in holder:
                continue
            if type(holder[key]) is int and 0 <= holder[key] < PLAIN_BELOW and data_type not in ("boolean", "dateTime"):
                # What nearly all of them are.
                limits.append(str(holder[key]))
                continue
            try:
                text = text_of(holder[key], "decimal")
            except Wrong:
                text = None
            if text is None:
                self.wrong(LIMIT, where, f"'{key}' is {shown(holder[key])}; right would be a number")
            elif data_type in ("boolean", "dateTime"):
                self.wrong(MEANINGLESS, where, f"'{key}' means nothing for a {data_type}; right would be to leave it out")
            elif data_type not in NUMBERS and (less(text, "0") or (parse(text) or (0, 1))[1]):
                self.wrong(LIMIT, where, f"'{key}' is {shown(holder[key])}; right would be a number of characters")
            else:
                limits.append(text)
        return limits[0] if limits else ""

    def allowed(self, where: str, data_type: str, found: dict[str, Any]) -> tuple[str, ...]:
        """The valuesList (mandatory for lists, Part 2, VariableCharacteristicsType)."""
        value = found.get("valuesList", MISSING)
        if value is MISSING:
            if data_type in LISTS:
                self.wrong(NO_LIST, where, f"'valuesList' is missing; right would be the values that this {data_type} may hold, as in 'a,b'")
            return ()
        if data_type and data_type not in LISTS:
            self.wrong(MEANINGLESS, where, f"'valuesList' means nothing for a {data_type}; right would be a dataType of {', '.join(LISTS)}")
            return ()
        try:
            text = text_of(value, "MemberList") or ""
        except Wrong as wrong:
            self.wrong(wrong.kind if wrong.usable else LIMIT, where, f"'valuesList' {wrong}")
            text = wrong.usable or ""
            if not text:
                return ()
        if not text or len(text) > VALUES_LIST_MAX:
            kind = LIMIT if text else NO_LIST
            self.wrong(kind, where, f"'valuesList' has {len(text)} characters; right would be 1 to {VALUES_LIST_MAX}")
        return tuple(split(text))

    def attributes(self, where: str, body: dict[str, Any], kind: Characteristics, secrecy: int) -> tuple[Attribute, ...]:
        """The attributes, each type once."""
        found = body.get("attributes", MISSING)
        if type(found) is not list or not found:
            text = "missing" if found is MISSING else "empty" if found == [] else "a text" if type(found) is str else shown(found)
            self.wrong(STRUCTURE, where, f"'attributes' is {text}; right would be a list with an object for the Actual value")
            return ()
        attributes: list[Attribute] = []
        for one in found:
            if type(one) is not dict:
                text = "a text" if type(one) is str else shown(one)
                self.wrong(STRUCTURE, where, f"'attributes' has {text} in it; right would be an object with type and mutability")
                continue
            self.keys(where, one, ATTRIBUTE_KEYS, "an attribute", HARMLESS_OF_ATTRIBUTE)
            attribute = self.attribute(where, body, one, kind, secrecy)
            if attribute.type in [a.type for a in attributes]:
                self.wrong(TWICE, where, f"has two attributes of type {attribute.type}; right would be one")
            attributes.append(attribute)
        if "default" in body and not any(a.type == "Actual" for a in attributes):
            self.wrong(NO_ACTUAL, where, "has a default, but no attribute of type Actual that could take it; right would be to add one")
        return tuple(attributes)

    def attribute(self, where: str, body: dict[str, Any], one: dict[str, Any], kind: Characteristics, secrecy: int) -> Attribute:
        """One attribute, with its value: its own, else for the Actual one the property's default."""
        name = self.choice(where, one, "type", ATTRIBUTE_TYPES, "Actual", kind=ATTRIBUTE)
        # Part 2, VariableAttributeType: an attribute without mutability is ReadWrite.
        mutability = self.choice(where, one, "mutability", MUTABILITIES, "ReadWrite", kind=ATTRIBUTE)
        at = where if name in ("Actual", "") else f"{where} ({name})"
        text = self.value(at, one, "value", kind, secrecy)
        holder, key = one, "value"
        if name == "Actual" and "default" in body:
            # A list of profiles that is not in force may be anything: libocpp ships one that is not JSON.
            in_force = one.get("value") is None
            default = self.value(at, body, "default", kind, secrecy, in_force=in_force)
            if in_force:
                text, holder, key = default, body, "default"
        persistent = self.flag(where, one, "persistent", default=True)
        constant = self.flag(where, one, "constant", default=False, kind=ATTRIBUTE)
        return Attribute(name, mutability, persistent, constant, text, holder, key)

    def value(self, where: str, holder: dict[str, Any], key: str, kind: Characteristics, secrecy: int, *, in_force: bool = True) -> str | None:
        """The normalised text of a value or default; None where there is none, or none that could be used."""
        if key not in holder or not kind.data_type:
            return None
        raw = holder[key]
        if raw is None:
            self.wrong(NULL, where, f"{key} is null; right would be a value, or to leave the key out")
            return None

        try:
            text = text_of(raw, kind.data_type)
        except Wrong as wrong:
            self.wrong_value(wrong, where, key, raw, secrecy, in_force=in_force)
            text = wrong.usable
        if text is not None:
            try:
                check(text, kind.data_type, kind.low, kind.high, kind.allowed)
            except Wrong as wrong:
                self.wrong_value(wrong, where, key, raw, secrecy, in_force=in_force)
        if secrecy == WHOLE and text and not (text.isascii() and text.isprintable()):
            right = "right would be letters, digits and punctuation"
            self.wrong(SECRET if in_force else UNUSED_DEFAULT, where, f"{key} has characters outside of printable ASCII; {right}")
        if secrecy == INSIDE and in_force and text:
            found = profiles.faults(text)
            for fault in found:
                self.wrong(PROFILE, where, f"{key}: {fault}")
            for doubt in () if found else profiles.doubts(text):
                self.wrong(DOUBT, where, f"{key}: {doubt}")
        return text

    def wrong_value(self, wrong: Wrong, where: str, key: str, raw: object, secrecy: int, *, in_force: bool) -> None:
        """Complain about *raw*, the value of *key*; a secret is not quoted, and one outside its limits is no warning (A00.FR.205)."""
        kind = SECRET if secrecy == WHOLE and wrong.kind is OUT_OF_LIMITS else wrong.kind
        part = f" ({shown(wrong.part)})" if wrong.part else ""
        self.wrong(kind if in_force else UNUSED_DEFAULT, where, f"{key} {wrong}" if secrecy else f"{key} {shown(raw)} {wrong}{part}")

    def twice(self, variables: tuple[Variable, ...]) -> None:
        """Complain about two properties for one variable."""
        seen: set[tuple[str, str]] = set()
        for variable in variables:
            key = (variable.name.casefold(), variable.instance.casefold())
            if key in seen:
                self.wrong(TWICE, variable.title(), "stands in two properties; right would be one property, or another instance")
            seen.add(key)

    def valued(self, address: Address, variables: tuple[Variable, ...]) -> None:
        """Complain about values that cannot stand in this component or are not used, and about required variables without one."""
        if address.folded()[0] == SLOTS:
            # It shows the network connection profiles, whatever its file says: it needs no values, and uses none.
            if any(v.name.casefold() == "ocppcsmsurl" and a.text for v in variables for a in v.attributes):
                self.wrong(SLOT, "OcppCsmsUrl", "is not read; right would be a profile for this slot in InternalCtrlr.NetworkConnectionProfiles")
            return
        for variable in variables:
            if variable.name.casefold() == "identity" and any(":" in (a.text or "") for a in variable.attributes):
                # Part 2, SecurityCtrlr.Identity: it is the user of Basic authentication, which ends at a colon.
                self.wrong(IDENTITY, variable.title(), "has a colon in it; right would be a name without one")
        for variable in variables:
            if variable.required and any(lacks(address, variable.name, a) for a in variable.attributes) and variable.characteristics.data_type:
                self.wrong(NO_VALUE, variable.title(), "is required and has no value; right would be a 'value' in its attribute, or a 'default'")


def lacks(address: Address, variable: str, attribute: Attribute) -> bool:
    """Whether a required variable lacks this value.

    One that is ReadOnly or derived the station knows at run time, and a password, which is WriteOnly, may be unset.
    """
    refused = attribute.holder.get(attribute.key, "") != ""
    if attribute.type != "Actual" or attribute.mutability != "ReadWrite" or attribute.text is not None or refused:
        return False
    from machines.device_model.derived import derived  # the files of a station that starts well do not get here
    from machines.device_model.state import key_of

    return derived(key_of(address.name, variable)) is None
