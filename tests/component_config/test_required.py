"""What every station has to declare: by version, and by what its controllers offer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from component_config.complaints import NO_LIST, NO_VALUE, NOT_DECLARED, OUT_OF_LIST, SLOT, UNKNOWN_KEY, Complaint, Kind
from component_config.complaints import NOT_BUILT as NOT_BUILT_KIND
from component_config.load import Loaded, load, shipped
from component_config.required import ALWAYS, EACH
from machines.device_model.controllers import NOT_BUILT

PEER = Path(__file__).parent / "libocpp.json"
"""What libocpp's 27 files declare, without their descriptions."""


def drop(text: str, kind: str) -> str:
    """Secrets are of no interest here."""
    return f"<{kind} {len(text)}>"


class Model:
    """The shipped files, of which a test changes some."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.documents: dict[str, Any] = {
            f"{path.parent.name}/{path.name}": json.loads(path.read_text()) for path in sorted(shipped().glob("*/*.json"))
        }

    def body(self, file: str, variable: str, instance: str = "") -> dict[str, Any]:
        """A property."""
        bodies = self.documents[file]["properties"].values()
        found: dict[str, Any] = next(b for b in bodies if (b["variable_name"], b.get("instance", "")) == (variable, instance))
        return found

    def lose(self, file: str, variable: str, instance: str = "") -> None:
        """A variable is not declared."""
        properties = self.documents[file]["properties"]
        label = next(k for k, b in properties.items() if (b["variable_name"], b.get("instance", "")) == (variable, instance))
        del properties[label]
        required = self.documents[file].get("required", [])
        if label in required:
            required.remove(label)

    def load(self, versions: tuple[str, ...] | None = None) -> Loaded:
        """Write them and load them."""
        for name, document in self.documents.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(document))
        return load([self.root], drop, versions)

    def complaints(self, versions: tuple[str, ...] | None = None) -> tuple[Complaint, ...]:
        """What they lack; that keeps no station from starting."""
        found = self.load(versions).warnings
        assert {line.kind for line in found} <= {NOT_DECLARED, NO_VALUE}
        return found


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """The shipped files."""
    return Model(tmp_path)


TX = "standardized/TxCtrlr.json"


def test_each_variable_that_is_always_required(model: Model) -> None:
    """All at once: if this failed, a CSMS would be told UnknownVariable for one that every station must have."""
    expected = []
    for name, variables in ALWAYS.items():
        for title in variables:
            variable, _, instance = title.rstrip("]").partition("[")
            model.lose(f"standardized/{name}.json", variable, instance)
            expected.append(f"standardized/{name}.json: {name}.{title}: is required and not declared; right would be a property for it")
    found = [line.partition(" (OCPP")[0] for line in model.complaints()]
    assert sorted(found) == sorted(expected)
    assert len(expected) == 41


def test_a_component_that_is_always_required(model: Model) -> None:
    """If this failed, a lost file would be noticed by the CSMS and nobody else."""
    del model.documents[TX]
    (only,) = model.complaints()
    assert only.startswith(f"{TX}: TxCtrlr: is required and no file declares it; right would be a file for it with EVConnectionTimeOut, ")


@pytest.mark.parametrize("file", ["custom/EVSE_2.json", "custom/Connector_2_1.json"])
def test_every_evse_and_every_connector(model: Model, file: str) -> None:
    """If this failed, the second EVSE of a station could lack what the first has."""
    for variable in ("AvailabilityState", "SupplyPhases"):
        model.lose(file, variable)
    name = "EVSE(2)" if "EVSE" in file else "Connector(2,1)"
    assert [line.partition(": is required")[0] for line in model.complaints()] == [
        f"{file}: {name}.AvailabilityState",
        f"{file}: {name}.SupplyPhases",
    ]


def test_what_an_evse_can_deliver_is_the_limit_of_its_power(model: Model) -> None:
    """If this failed, a CSMS would plan with a power that the EVSE never told."""
    del model.body("custom/EVSE_1.json", "Power")["characteristics"]["maxLimit"]
    (only,) = model.complaints()
    assert only.startswith("custom/EVSE_1.json: EVSE(1).Power: has no 'maxLimit', which is required")


OFFERED = [
    ("SmartChargingCtrlr", "Available", "", "RateUnit", "2.0.1 and 2.1"),
    ("LocalAuthListCtrlr", "Available", "", "Entries", "2.0.1 and 2.1"),
    ("DisplayMessageCtrlr", "Available", "", "SupportedFormats", "2.0.1 and 2.1"),
    ("ISO15118Ctrlr", "Available", "", "ContractValidationOffline", "2.0.1 and 2.1"),
    ("TariffCostCtrlr", "Available", "Cost", "Currency", "2.0.1 and 2.1"),
]


@pytest.mark.parametrize(("name", "switch", "instance", "variable", "versions"), OFFERED, ids=[row[0] for row in OFFERED])
def test_what_a_controller_needs_once_it_is_there(
    model: Model, monkeypatch: pytest.MonkeyPatch, name: str, switch: str, instance: str, variable: str, versions: str
) -> None:
    """Not before, and not while it is not built: if this failed, a station would have to declare what it cannot do, or could offer it without."""
    not_built = NOT_BUILT[name.casefold()]
    monkeypatch.delitem(NOT_BUILT, name.casefold())
    file = f"standardized/{name}.json"
    model.lose(file, variable)
    model.load()
    model.body(file, switch, instance)["attributes"][0]["value"] = True
    (only,) = model.complaints()
    assert only == f"{file}: {name}.{variable}: is required and not declared; right would be a property for it (OCPP {versions})"
    monkeypatch.setitem(NOT_BUILT, name.casefold(), not_built)
    assert [line.kind for line in model.load().warnings] == [NOT_BUILT_KIND]


LATER = [
    ("standardized/PaymentCtrlr.json", "PaymentCtrlr.TerminalID", "TerminalID"),
    ("standardized/WebPaymentsCtrlr.json", "WebPaymentsCtrlr.Length", "Length"),
    ("standardized/DisplayMessageCtrlr.json", "DisplayMessageCtrlr.Language", "Language"),
    ("custom/V2XChargingCtrlr_2.json", "V2XChargingCtrlr(2).SupportedOperationModes", "SupportedOperationModes"),
    ("custom/ACDERCtrlr_1.json", "ACDERCtrlr(1).ModesSupported", "ModesSupported"),
]


@pytest.mark.parametrize(("file", "where", "variable"), LATER, ids=[row[1] for row in LATER])
def test_what_only_the_later_version_wants(model: Model, monkeypatch: pytest.MonkeyPatch, file: str, where: str, variable: str) -> None:
    """If this failed, files that were made for 2.0.1 would be complained of on a station that speaks nothing else, or never."""
    monkeypatch.delitem(NOT_BUILT, where.partition(".")[0].partition("(")[0].casefold())
    model.lose(file, variable)
    model.body(file, "Available")["attributes"][0]["value"] = True
    line = f"{file}: {where}: is required and not declared; right would be a property for it (OCPP 2.1)"
    assert model.load().warnings == (line,)
    assert model.load(("2.0.1",)).warnings == ()
    assert line in model.complaints(("2.1",))


def test_the_files_say_what_is_spoken(model: Model) -> None:
    """If this failed, a station that only speaks 2.1 would start without what 2.1 needs, and nobody would hear of it."""
    model.lose("standardized/NetworkConfiguration_2.json", "OcppVersion")
    assert [line.partition(": is")[0] for line in model.load().warnings] == [
        "standardized/NetworkConfiguration_2.json: NetworkConfiguration[2].OcppVersion"
    ]
    model.body("standardized/InternalCtrlr.json", "SupportedOcppVersions")["attributes"][0]["value"] = "ocpp2.1"
    assert len(model.complaints()) == 1
    model.body("standardized/InternalCtrlr.json", "SupportedOcppVersions")["attributes"][0]["value"] = "ocpp2.0.1"
    assert model.load().warnings == ()


def test_a_required_variable_needs_a_value_that_somebody_gives(model: Model) -> None:
    """Though its file does not call it required: if this failed, a CSMS would read an empty OfflineThreshold."""
    file = "standardized/OCPPCommCtrlr.json"
    model.documents[file]["required"] = []
    body = model.body(file, "OfflineThreshold")
    del body["attributes"][0]["value"]
    (only,) = model.complaints()
    assert only.startswith(f"{file}: OCPPCommCtrlr.OfflineThreshold: is required and has no value; right would be a 'value'")
    body["source"] = "EVEREST"
    model.load()


def test_a_required_variable_has_an_actual_value(model: Model) -> None:
    """If this failed, a target that nothing ever reaches would do."""
    model.body(TX, "StopTxOnInvalidId")["attributes"][0]["type"] = "Target"
    (only,) = model.complaints()
    assert only.startswith(f"{TX}: TxCtrlr.StopTxOnInvalidId: is required and has no attribute of type Actual; right would be to add one")


def test_a_message_in_some_language_is_enough(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """2.1 has an instance for each language: if this failed, its files would be complained of for lacking 2.0.1's."""
    monkeypatch.delitem(NOT_BUILT, "tariffcostctrlr")
    file = "standardized/TariffCostCtrlr.json"
    model.body(file, "Available", "Tariff")["attributes"][0]["value"] = True
    model.lose(file, "TariffFallbackMessage")
    model.load()
    model.lose(file, "TariffFallbackMessage", "en")
    (only,) = model.complaints()
    assert only.startswith(f"{file}: TariffCostCtrlr.TariffFallbackMessage: is required and not declared")


def test_names_are_compared_without_case(model: Model) -> None:
    """As OCPP does: if this failed, files in another spelling would be refused."""
    model.documents[TX]["name"] = "TXCTRLR"
    for body in model.documents[TX]["properties"].values():
        body["variable_name"] = body["variable_name"].lower()
    model.load()


def test_a_controller_of_one_evse_is_not_the_stations(model: Model) -> None:
    """If this failed, a setting for one EVSE would need all that the station has, or would do for the station."""
    model.documents["custom/AlignedDataCtrlr_1.json"] = {"name": "AlignedDataCtrlr", "evse_id": 1, "properties": {}}
    model.load()
    del model.documents["standardized/AlignedDataCtrlr.json"]
    (model.root / "standardized/AlignedDataCtrlr.json").unlink()
    assert "AlignedDataCtrlr: is required and no file declares it" in model.complaints()[0]


def test_the_files_of_libocpp_load_as_they_are(model: Model) -> None:
    """For both versions: if this failed, a person who comes with these files would have to change them.

    What they promise is warned of where it is not built; the address that they give a slot is not the one that counts.
    """
    model.documents = json.loads(PEER.read_text())
    found = model.load()
    assert (len(found.files), len(found.declarations)) == (27, 357)
    promised = ["AuthCacheCtrlr", "DisplayMessageCtrlr", "ISO15118Ctrlr", "LocalAuthListCtrlr", "ReservationCtrlr", "SmartChargingCtrlr"]
    assert [line.split(": ")[1] for line in found.warnings if line.kind is NOT_BUILT_KIND] == promised
    assert {line.kind for line in found.warnings} <= {NOT_BUILT_KIND, SLOT}
    honoured = {one.component for one in found.declarations if one.honoured and one.variable not in ("Available", "Enabled")}
    assert honoured & {*promised, "TariffCostCtrlr"} == set()


def each_property(model: Model) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of every file, with its component."""
    for document in model.documents.values():
        for body in document["properties"].values():
            yield document["name"], body


def states_are_bare(model: Model) -> None:
    """AvailabilityState without mutability and value."""
    for _, body in each_property(model):
        if body["variable_name"] == "AvailabilityState":
            body["attributes"] = [{"type": "Actual"}]


def values_are_texts(model: Model) -> None:
    """60 is "60", true is "true"."""
    for _, body in each_property(model):
        for attribute in body["attributes"]:
            if isinstance(attribute.get("value"), bool | int):
                attribute["value"] = json.dumps(attribute["value"])


def language_is_none_of_its_list(model: Model) -> None:
    """The preset of an older release."""
    body = model.body("standardized/DisplayMessageCtrlr.json", "Language")
    body["attributes"][0]["value"] = "en"


def lists_have_no_members(model: Model) -> None:
    """No valuesList."""
    for _, body in each_property(model):
        body["characteristics"].pop("valuesList", None)


def keys_of_others(model: Model) -> None:
    """Keys of another program."""
    for document in model.documents.values():
        document["x-vendor"] = {"revision": 3}
    for _, body in each_property(model):
        body["x-note"] = "checked"


def bare_characteristics(model: Model) -> None:
    """Nothing but a data type."""
    for _, body in each_property(model):
        body["characteristics"].pop("supportsMonitoring", None)
        body["characteristics"].pop("unit", None)


def no_controllers(model: Model) -> None:
    """Nothing but EVSEs, connectors and where to connect to."""
    model.documents = {k: v for k, v in model.documents.items() if k.startswith("custom/") or "InternalCtrlr" in k}


def reservations_are_disabled(model: Model) -> None:
    """What is not built is said not to be there."""
    for _, body in each_property(model):
        if body["variable_name"] in ("Available", "Enabled"):
            body["attributes"][0]["value"] = False


VARIANTS: list[tuple[Callable[[Model], None], set[Kind]]] = [
    (states_are_bare, set()),
    (values_are_texts, set()),
    (language_is_none_of_its_list, {OUT_OF_LIST}),
    (lists_have_no_members, {NO_LIST}),
    (keys_of_others, {UNKNOWN_KEY}),
    (bare_characteristics, set()),
    (no_controllers, {NOT_DECLARED}),
    (reservations_are_disabled, set()),
]


@pytest.mark.parametrize(("change", "warned"), VARIANTS, ids=[change.__name__ for change, _ in VARIANTS])
def test_variants_of_libocpps_files_load(model: Model, change: Callable[[Model], None], warned: set[Kind]) -> None:
    """If this failed, a person whose files are a little older or newer would have to change them before the station starts."""
    model.documents = json.loads(PEER.read_text())
    change(model)
    found = model.load().warnings
    assert {line.kind for line in found} - {NOT_BUILT_KIND, SLOT} == warned


def test_every_controller_that_is_looked_at_is_shipped() -> None:
    """If this failed, a table would ask for a component that nobody has seen loaded."""
    shipped_names = {json.loads(path.read_text())["name"] for path in shipped().glob("*/*.json")}
    assert sorted({*ALWAYS, *EACH} - shipped_names) == []
