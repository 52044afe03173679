"""Block B, provisioning: boot, variables, reports."""

from __future__ import annotations

from conformance.case import case
from conformance.trial import Trial, variable


@case("TC_B_06_CS", "B06.FR.01", "B06.FR.02", "B06.FR.03", "B06.FR.04", "B06.FR.10", "B06.FR.11", OCPPCommCtrlr__OfflineThreshold="300")
async def get_one_variable(t: Trial) -> None:
    """One variable that every station has is told, with its value."""
    item = {**variable("OCPPCommCtrlr.OfflineThreshold"), "attributeType": "Actual"}
    answer = await t.call("GetVariables", {"getVariableData": [item]})
    t.equal(len(answer["getVariableResult"]), 1, "number of results", "B06.FR.01")
    result = answer["getVariableResult"][0]
    t.equal(result["attributeStatus"], "Accepted", "attributeStatus", "B06.FR.10")
    t.equal(result["attributeType"], "Actual", "attributeType", "B06.FR.03")
    t.equal(result.get("attributeValue"), "300", "attributeValue", "B06.FR.04")
    t.equal(result["component"]["name"], "OCPPCommCtrlr", "component.name", "B06.FR.02")
    t.equal(result["variable"]["name"], "OfflineThreshold", "variable.name", "B06.FR.02")
    t.equal(result.get("attributeStatusInfo", {}).get("reasonCode", "NoError"), "NoError", "attributeStatusInfo.reasonCode", "B06.FR.10")
