"""Block P, data transfer: what vendors add to OCPP, and a station that does not know it."""

from __future__ import annotations

from conformance.case import case
from conformance.trial import Trial, variable

VENDOR, MESSAGE = "org.openchargealliance.octt", "TestMessage"
CUSTOM = {"vendorId": VENDOR, "temperature": 21, "list": [1, "two", {"three": 3.5}]}


@case("TC_P_01_CS")
async def unknown_vendor(t: Trial) -> None:
    """A message of a vendor that the station does not know is answered, and refused."""
    answer = await t.call("DataTransfer", {"vendorId": VENDOR, "messageId": MESSAGE})
    t.one_of(answer["status"], ("UnknownVendorId", "UnknownMessageId", "Rejected"), "status of DataTransferResponse", "P01.FR.05")


@case("TC_P_03_CS", OCPPCommCtrlr__OfflineThreshold="300")
async def custom_data(t: Trial) -> None:
    """Custom data in a request, wherever the schema has room for it, changes nothing of what the request does."""
    item = {**variable("OCPPCommCtrlr.OfflineThreshold"), "attributeType": "Actual", "customData": CUSTOM}
    item["component"]["customData"] = CUSTOM
    answer = await t.call("SetVariables", {"setVariableData": [{**item, "attributeValue": "200"}], "customData": CUSTOM})
    t.equal(answer["setVariableResult"][0]["attributeStatus"], "Accepted", "attributeStatus of SetVariablesResponse", "B05.FR.10")
    answer = await t.call("GetVariables", {"getVariableData": [item], "customData": CUSTOM})
    result = answer["getVariableResult"][0]
    t.equal(result["attributeStatus"], "Accepted", "attributeStatus of GetVariablesResponse", "B06.FR.10")
    t.equal(result.get("attributeType", "Actual"), "Actual", "attributeType of GetVariablesResponse", "B06.FR.03")
    t.equal(result.get("attributeValue"), "200", "attributeValue of GetVariablesResponse", "B06.FR.04")
