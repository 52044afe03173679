"""GetVariables and SetVariables without end: random device models, random requests, and an examiner who knows what must come of each.

Law: the examiner is independent: it imports nothing that judges a value, and knows Part 2 by other means (decimal, datetime, regular expressions).  A
batch is its seed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any, Final, NamedTuple

from engine.kernel import Faulted, Woke
from engine.machine import Context, Station
from machines.effects import Dial, Reply, ReplyError
from machines.inputs import Called, CalledBadly, ConfigLoaded, LinkUp, Started
from machines.station import STATION
from wire import frame, jsontext, sealed, sealing
from wire.declared import Declared, written
from wire.schemas import Schemas

BATCH: Final = 50
"""Requests to one station."""

PART: Final = 20
"""Batches that a process does before it reports."""

ITEMS_MOST: Final = 12
BYTES_MOST: Final = 6_000
LONGEST: Final = 200
"""ItemsPerMessage, BytesPerMessage and ConfigurationValueSize of the stations here."""

TYPES: Final = ("string", "decimal", "integer", "dateTime", "boolean", "OptionList", "SequenceList", "MemberList")
LENGTHS_BELOW: Final = 5
"""Digits of a limit that is no length that anybody draws."""

MUTABILITIES: Final = ("ReadWrite", "ReadWrite", "ReadWrite", "ReadOnly")
MEMBERS: Final = ("A", "B", "C", "Long.Member", "d")
TEXTS: Final = (
    "", " ", "a", "abc", "true", "TRUE", "False", "yes", "0", "-0", "+7", "007", "7", "10", "11", "-5", "-6", "2147483647", "2147483648",
    "-2147483648", "-2147483649", "99999999999999999999999", "1.5", "1,5", "1.", ".5", ".", "1e3", "1e400", "-1E-2",
    "1.00000000000000000000001", "10.0000000000000000001", "nan", "inf", "0x10", "1_000", "\u0661", "A", "A,B", "A, B", "B,A", "A,A",
    "A,,B", ",", "A,Z", "Long.Member", "a,b", "2026-11-21T10:00:00Z", "2026-11-21T10:00:00.123Z", "2026-11-21T10:00:00+02:00",
    "2026-02-30T10:00:00Z", "2026-11-21", "2026-11-21 10:00:00Z", "2026-11-21T25:00:00Z", "2026-11-21T10:00:00.1234Z",
    "2026-11-21T10:00:00", "<sealed:00000000000000000000000000000000:5:p>", "x" * 200, "x" * 201, "\u00fc\u00df", "\u2028", '"', "\\", "{}",
    "null", "\U0001f600",
)  # fmt: skip
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_DECIMAL: Final = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,4})?")
_PLACEHOLDER: Final = re.compile(rb"<sealed:[0-9a-f]{32}:([0-9]+):.>")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})")


class Wrong(AssertionError):
    """The station answered what it may not."""


class Examined(NamedTuple):
    """What came of some batches: *wrong* is (seed, what) of every batch that went wrong."""

    requests: int
    items: int
    accepted: int
    refused: int
    wrong: tuple[tuple[int, str], ...] = ()

    def lines(self) -> Iterator[str]:
        """For people."""
        yield (
            f"{self.requests} requests of {self.items} items: {self.accepted} items accepted, {self.refused} messages refused as a whole, "
            f"{len(self.wrong)} stations answered wrongly"
        )
        for seed, what in self.wrong[:20]:
            yield f"  seed {seed}: {what}"


# The examiner


def misfit(declared: Declared, text: str) -> bool:
    """Whether *text* is no value of the variable."""
    low, high = declared.min_limit, declared.max_limit
    size = Decimal(len(text))
    match declared.data_type:
        case "integer":
            if not _INTEGER.fullmatch(text) or not Decimal(-(2**31)) <= Decimal(text) <= Decimal(2**31 - 1):
                return True
            size = Decimal(text)
        case "decimal":
            if not _DECIMAL.fullmatch(text) or abs(Decimal(text)) > Decimal("1.7976931348623157e308"):
                return True
            size = Decimal(text)
        case "boolean":
            return text.lower() not in ("true", "false")
        case "dateTime":
            if not _DATE.fullmatch(text):
                return True
            try:
                datetime.fromisoformat(text)
            except ValueError:
                return True
            return False
        case "OptionList":
            if text not in declared.values_list:
                return True
        case "SequenceList" | "MemberList":
            members = kept(declared, text).split(",") if text else []
            if any(member not in declared.values_list for member in members):
                return True
            if declared.data_type == "MemberList" and len(members) != len(set(members)):
                return True
            size = Decimal(len(",".join(members)))
    return bool((low and size < Decimal(low)) or (high and size > Decimal(high)))


def kept(declared: Declared, text: str) -> str:
    """How a value is kept and told."""
    match declared.data_type:
        case "boolean":
            return text.lower()
        case "integer":
            return str(int(text))
        case "SequenceList" | "MemberList":
            return ",".join(part.strip() for part in text.split(",")) if text else ""
    return text


Place = tuple[str, str, int, int, str, str, str]


class Examiner:
    """What the station must hold, and what it must answer."""

    def __init__(self, declared: tuple[Declared, ...]) -> None:
        self.declared: dict[Place, Declared] = {}
        for one in declared:
            self.declared[
                one.component.lower(), one.component_instance.lower(), one.evse_id, one.connector_id, one.variable.lower(),
                one.variable_instance.lower(), one.attribute,
            ] = one  # fmt: skip
        self.values = {place: one.value or "" for place, one in self.declared.items()}

    @staticmethod
    def place(item: dict[str, Any]) -> Place:
        """The address of an item."""
        component, variable = item["component"], item["variable"]
        evse = component.get("evse", {})
        return (
            component["name"].lower(), component.get("instance", "").lower(), evse.get("id", 0), evse.get("connectorId", 0), variable["name"].lower(),
            variable.get("instance", "").lower(), item.get("attributeType", "Actual"),
        )  # fmt: skip

    def status(self, item: dict[str, Any]) -> str:
        """The attributeStatus that an item must have."""
        place = self.place(item)
        if place in self.declared:
            return self._judge(self.declared[place], item)
        if not any(place[:4] == other[:4] for other in self.declared):
            return "UnknownComponent"
        return "NotSupportedAttributeType" if any(place[:6] == other[:6] for other in self.declared) else "UnknownVariable"

    def _judge(self, declared: Declared, item: dict[str, Any]) -> str:
        if "attributeValue" not in item:
            return "Rejected" if declared.mutability == "WriteOnly" else "Accepted"
        text = item["attributeValue"]
        if declared.mutability == "ReadOnly" or declared.constant:
            return "Rejected"
        if declared.mutability == "WriteOnly":
            # A secret is printable ASCII, and no more is looked at than its length.
            return "Rejected" if not (text.isascii() and text.isprintable()) or len(text) > LONGEST or misfit(declared, text) else "Accepted"
        if len(text) > LONGEST or misfit(declared, text):
            return "Rejected"
        return "Rejected" if self._astray(self.place(item), text) else "Accepted"

    def _astray(self, place: Place, text: str) -> bool:
        """Whether a number would leave the order of what is set for its variable: the least, the wish, the most."""
        held = {key[6]: self.values[key] for key, one in self.declared.items() if key[:6] == place[:6] and one.data_type in ("integer", "decimal")}
        if place[6] not in held:
            return False
        held[place[6]] = text
        chain = [Decimal(held[name]) for name in ("MinSet", "Actual" if place[6] == "Actual" else "Target", "MaxSet") if held.get(name)]
        return chain != sorted(chain)

    def take(self, item: dict[str, Any]) -> None:
        """An item was accepted."""
        place = self.place(item)
        self.values[place] = kept(self.declared[place], item["attributeValue"])


# What is drawn


def drawn_model(random: Random) -> tuple[Declared, ...]:
    """A device model: some variables of every kind, and the limits of a message."""
    found: dict[tuple[str, str, str, int, str, str], Declared] = {}
    secret: dict[tuple[str, str], bool] = {}
    for number in range(random.randint(5, 25)):
        data_type = random.choice(TYPES)
        component, variable = random.choice(("Alpha", "beta", "Gamma")), f"Var{number % 9}"
        mutability = random.choice(MUTABILITIES)
        if secret.setdefault((component, variable), often(random, 20)):
            # A variable is secret wherever its component stands, or nowhere; and a secret is a text.
            mutability, data_type = "WriteOnly", "string"
        listed = data_type.endswith("List")
        one = Declared(
            component=component,
            variable=variable,
            component_instance=random.choice(("", "", "One", "two")),
            variable_instance=random.choice(("", "", "X")),
            evse_id=random.choice((0, 0, 1)),
            attribute=random.choice(("Actual", "Actual", "Target", "MinSet", "MaxSet")),
            data_type=data_type,
            mutability=mutability,
            min_limit=random.choice(("", "", "-5", "0", "3")) if data_type not in ("boolean", "dateTime") else "",
            max_limit=random.choice(("", "", "10", "10.0", "200", "2147483647")) if data_type not in ("boolean", "dateTime") else "",
            values_list=tuple(random.sample(MEMBERS, random.randint(1, 4))) if listed else (),
            constant=often(random, 10),
        )
        if one.data_type != "decimal" and one.max_limit == "10.0":
            one = Declared(**{**{n: getattr(one, n) for n in Declared.FIELDS}, "max_limit": "10"})
        found[one.component, one.variable, one.component_instance + "/" + one.variable_instance, one.evse_id, one.attribute, ""] = one
    limits = [
        Declared(component="DeviceDataCtrlr", variable=name, variable_instance=of, data_type="integer", mutability="ReadOnly", value=str(most))
        for name, most in (("ItemsPerMessage", ITEMS_MOST), ("BytesPerMessage", BYTES_MOST))
        for of in ("GetVariables", "SetVariables")
    ]
    limits.append(
        Declared(component="DeviceDataCtrlr", variable="ConfigurationValueSize", data_type="integer", mutability="ReadOnly", value=str(LONGEST))
    )
    evse = Declared(component="EVSE", variable="EvseId", mutability="ReadOnly", evse_id=1)
    fan = [
        Declared(component="Fan", variable="Speed", data_type="integer", attribute=attribute, min_limit="0", max_limit="10")
        for attribute in ("Actual", "Target", "MinSet", "MaxSet")
    ]
    address = '[{"configurationSlot":1,"connectionData":{"ocppCsmsUrl":"ws://localhost:9000"}}]'
    link = Declared(component="InternalCtrlr", variable="NetworkConnectionProfiles", mutability="ReadOnly", value=address)
    return (*found.values(), *fan, *limits, evse, link)


def drawn_text(random: Random, declared: Declared | None) -> str:
    """A value: one that is likely to fit, one near a limit, or anything."""
    if declared is None or often(random, 40):
        return random.choice(TEXTS)
    if declared.values_list:
        picked = random.choices(declared.values_list, k=random.randint(1, 3))
        return random.choice((",", ", ", " ,")).join(picked)
    if declared.data_type in ("integer", "decimal"):
        near = Decimal(random.choice([limit for limit in (declared.min_limit, declared.max_limit, "5") if limit]))
        near += Decimal(random.choice(("-1", "0", "1") if declared.data_type == "integer" else ("-0.1", "0", "1e-20", "-1e-20", "0.25")))
        return format(near, "f").removesuffix(".0") if declared.data_type == "integer" else format(near, "f")
    if declared.data_type == "boolean":
        return random.choice(("true", "false", "True"))
    if declared.data_type == "dateTime":
        return random.choice([text for text in TEXTS if text.startswith("2026")])
    sizes = [int(limit) for limit in (declared.min_limit, declared.max_limit, "5") if limit and len(limit) < LENGTHS_BELOW]
    return "x" * max(random.choice(sizes) + random.choice((0, 1)), 0)


TWISTS: Final = {"": 80, "component": 5, "instance": 3, "evse": 2, "connector": 2, "variable": 5, "variable instance": 4}
"""What is wrong with an address, and how often of about a hundred."""


def drawn_item(random: Random, model: tuple[Declared, ...], *, sets: bool) -> dict[str, Any]:
    """One item: mostly of a variable that exists."""
    one = random.choice(model)
    (twist,) = random.choices(tuple(TWISTS), tuple(TWISTS.values()))
    component: dict[str, Any] = {"name": "Nobody" if twist == "component" else spelled(random, one.component)}
    if one.component_instance and twist != "instance":
        component["instance"] = spelled(random, one.component_instance)
    if one.evse_id or twist in ("evse", "connector"):
        component["evse"] = {"id": one.evse_id or 2, **({"connectorId": 1} if twist == "connector" else {})}
    variable = {"name": "Nothing" if twist == "variable" else spelled(random, one.variable)}
    if one.variable_instance and twist != "variable instance":
        variable["instance"] = spelled(random, one.variable_instance)
    item: dict[str, Any] = {"component": component, "variable": variable}
    if one.attribute != "Actual" or often(random, 30):
        item["attributeType"] = random.choice(("Actual", "Target", "MinSet", "MaxSet")) if often(random, 5) else one.attribute
    if sets:
        item["attributeValue"] = drawn_text(random, one)
    return item


def often(random: Random, percent: int) -> bool:
    """Whether it happens this time."""
    return random.randrange(100) < percent


def spelled(random: Random, name: str) -> str:
    """OCPP compares names without case."""
    return random.choice((name, name, name, name.lower(), name.upper()))


def broken(random: Random, payload: dict[str, Any], key: str) -> dict[str, Any]:
    """The payload with something in it that the schema forbids."""
    items = payload[key]
    item = random.choice(items)
    match random.randrange(8):
        case 0:
            return {}
        case 1:
            return {key: []}
        case 2:
            del item["component"]
        case 3:
            item["variable"] = "Name"
        case 4:
            item["attributeType"] = "Wished"
        case 5:
            item["component"]["name"] = "n" * 51
        case 6:
            item["component"]["evse"] = {"id": "1"}
        case _:
            payload["surplus"] = 1
    return payload


# A batch


class Batch:
    """One station and its examiner."""

    def __init__(self, seed: int, schemas: Schemas, random: Random | None = None) -> None:
        self.random = random or Random(seed)
        self.schemas = schemas
        self.model = drawn_model(self.random)
        self.examiner = Examiner(self.model)
        self.version = self.random.choice(("2.0.1", "2.1"))
        self.secrets = sealing.secrets_of(self.model)
        self.station: Station = STATION.genesis()
        self.seq = self.at = 0
        self.items = self.accepted = self.refused = 0
        self.texts: dict[str, str] = {}
        self._begin()

    def _turn(self, input: Any) -> tuple[Any, ...]:
        self.at += 1_000
        turn, self.station = STATION.turn(self.station, input, Context(seq=self.seq, at=self.at, luck=self.random.getrandbits(64)))
        self.seq += 1
        for fact in turn.facts:
            if isinstance(fact, Faulted):
                raise Wrong(f"{fact.machine} raised {fact.error} for {input}")
        return turn.effects

    def _begin(self) -> None:
        self._turn(Started(journal=1, build="requests", boot_id="b", boottime_us=0, wall_us=1_800_000_000_000_000))
        self._turn(ConfigLoaded(digest="d", body=jsontext.encode([written(one) for one in self.model])))
        for _ in range(20):
            due = STATION.next_deadline(self.station)
            if due is None:
                break
            self.at = max(self.at, due[0])
            dials = [effect for effect in self._turn(Woke()) if isinstance(effect, Dial)]
            if dials:
                self.link = dials[0].link
                self._turn(LinkUp(link=self.link, subprotocol=f"ocpp{self.version}"))
                return
        raise Wrong("the station does not dial")

    def _keep(self, text: str, purpose: str) -> str:
        handle = f"{len(self.texts):032x}"
        self.texts[handle] = text
        plain = text.isascii() and text.isprintable()
        return sealed.Sealed(handle=handle, length=len(text), printable=plain, digits=purpose == "secret" and plain and text.isdigit()).text

    def live(self, requests: int) -> None:
        """Ask so many times, then look at everything.  Raises Wrong."""
        for number in range(requests):
            self.ask(number)
        everything = [self._named(place) for place, one in self.examiner.declared.items() if one.mutability != "WriteOnly"]
        for start in range(0, len(everything), ITEMS_MOST):
            self._examine("GetVariables", {"getVariableData": everything[start : start + ITEMS_MOST]}, valid=True)

    @staticmethod
    def _named(place: Place) -> dict[str, Any]:
        component: dict[str, Any] = {"name": place[0], **({"instance": place[1]} if place[1] else {})}
        if place[2]:
            component["evse"] = {"id": place[2], **({"connectorId": place[3]} if place[3] else {})}
        return {"component": component, "variable": {"name": place[4], **({"instance": place[5]} if place[5] else {})}, "attributeType": place[6]}

    def ask(self, number: int) -> None:
        """One request, valid or not."""
        random = self.random
        sets = often(random, 60)
        action, key = ("SetVariables", "setVariableData") if sets else ("GetVariables", "getVariableData")
        count = random.randint(1, ITEMS_MOST + 1) if often(random, 30) else random.randint(1, 4)
        items = [drawn_item(random, self.model, sets=sets) for _ in range(count)]
        if often(random, 20):
            items.append(random.choice(items))
        payload: dict[str, Any] = {key: items}
        valid = often(random, 90)
        if not valid:
            payload = broken(random, payload, key)
        self._examine(action, payload, valid=valid, number=number)

    def _examine(self, action: str, payload: dict[str, Any], *, valid: bool, number: int = 0) -> None:
        data = frame.call(f"r{number}", action, jsontext.encode(payload))
        got = frame.read(data, self.version)
        if not isinstance(got, frame.Call):
            raise Wrong(f"no call: {data[:200]!r}")
        plain, problem = self.schemas.check(self.version, f"{action}Request", got.payload)
        if (problem is None) != valid:
            raise Wrong(f"{'a valid' if valid else 'an invalid'} payload was {'refused' if valid else 'let through'}: {got.payload[:300]!r}")
        body = sealing.seal(action, plain, self._keep, self.secrets, valid=valid)
        called = Called(link=self.link, message_id=got.message_id, action=action, payload=body)
        bad = (
            CalledBadly(link=self.link, message_id=got.message_id, action=action, payload=body, code=problem.code, description="")
            if problem
            else None
        )
        effects = self._turn(bad or called)
        answers = [effect for effect in effects if isinstance(effect, Reply | ReplyError)]
        if len(answers) != 1:
            raise Wrong(f"{len(answers)} answers to {data[:200]!r}")
        items = payload.get(action[0].lower() + action[1:-1] + "Data", []) if valid else []
        clear = _PLACEHOLDER.sub(lambda found: b"x" * int(found[1]), body)
        too_much = len(items) > ITEMS_MOST or min(len(body), len(clear)) > BYTES_MOST
        if isinstance(answers[0], ReplyError):
            self.refused += 1
            if valid and not too_much:
                raise Wrong(f"refused with {answers[0].code}: {data[:300]!r}")
            return
        if not valid or too_much:
            raise Wrong(f"answered, and was to be refused: {data[:300]!r}")
        self._results(action, items, answers[0].payload)

    def _results(self, action: str, items: list[dict[str, Any]], text: bytes) -> None:
        problem = self.schemas.verdict(self.version, f"{action}Response", text)
        if problem is not None:
            raise Wrong(f"the answer breaks its schema, {problem.description}: {text[:300]!r}")
        results = jsontext.decode(text)[action[0].lower() + action[1:-1] + "Result"]
        if len(results) != len(items):
            raise Wrong(f"{len(results)} results for {len(items)} items")
        for item, result in zip(items, results, strict=True):
            self.items += 1
            status = self.examiner.status(item)
            said = result["attributeStatus"]
            if (result["component"], result["variable"]) != (item["component"], item["variable"]):
                raise Wrong(f"{item} was answered with {result}")
            if said != status or result["attributeType"] != item.get("attributeType", "Actual"):
                raise Wrong(f"{item} is {status}, and was answered with {said}; {self.examiner.declared.get(self.examiner.place(item))}")
            if said == "Accepted":
                self.accepted += 1
                if action == "SetVariables":
                    self.examiner.take(item)
                elif not self._same(result["attributeValue"], self.examiner.values[self.examiner.place(item)]):
                    raise Wrong(f"{item} holds {self.examiner.values[self.examiner.place(item)]!r}, and was told as {result['attributeValue']!r}")

    def _same(self, told: str, held: str) -> bool:
        found = sealed.parse(told)
        return told == held if found is None else self.texts.get(found.handle) == held


def run_batch(seed: int, schemas: Schemas, requests: int = BATCH) -> Examined:
    """One batch."""
    try:
        batch = Batch(seed, schemas)
    except Wrong as wrong:
        return Examined(0, 0, 0, 0, ((seed, str(wrong)),))
    try:
        batch.live(requests)
    except Wrong as wrong:
        return Examined(requests, batch.items, batch.accepted, batch.refused, ((seed, str(wrong)),))
    return Examined(requests, batch.items, batch.accepted, batch.refused)


def added(some: Iterable[Examined]) -> Examined:
    """All of them together."""
    found = list(some)
    return Examined(
        sum(one.requests for one in found),
        sum(one.items for one in found),
        sum(one.accepted for one in found),
        sum(one.refused for one in found),
        tuple(row for one in found for row in one.wrong),
    )


def run_batches(seeds: list[int], make_schemas: Callable[[], Schemas]) -> Examined:
    """Some batches, in this process."""
    schemas = make_schemas()
    return added(run_batch(seed, schemas) for seed in seeds)


def run_requests(
    seed: int, count: int, *, schemas: Callable[[], Schemas], processes: int = 1, progress: Callable[[int, int, int], None] | None = None
) -> Examined:
    """*count* requests from *seed* on."""
    from concurrent.futures import ProcessPoolExecutor  # needed by campaigns only

    seeds = list(range(seed, seed + -(-count // BATCH)))
    parts = [seeds[at : at + PART] for at in range(0, len(seeds), PART)]
    total = added(())
    with ProcessPoolExecutor(processes, max_tasks_per_child=len(parts) + 1) as pool:
        for found in pool.map(run_batches, parts, [schemas] * len(parts)):
            total = added((total, found))
            if progress is not None:
                progress(min(total.requests, count), count, len(total.wrong))
    return total
