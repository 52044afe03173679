"""Which controllers' functional blocks are built, and which of them can be switched off.

Invariant: a controller whose block is not built reports Available=false and Enabled=false whatever the component files say.

The module imports nothing: the loader of component files reads it at every start.
"""

from __future__ import annotations

NOT_BUILT = {
    "acderctrlr":         "DER control of an AC inverter (block R)",
    "authcachectrlr":     "the authorization cache (C10 to C12)",
    "batteryswapctrlr":   "battery swapping (block S)",
    "chademoctrlr":       "CHAdeMO",
    "customizationctrlr": "extensions of a vendor (block P)",
    "dcderctrlr":         "DER control of a DC inverter (block R)",
    "displaymessagectrlr": "display messages (block O)",
    "iso15118ctrlr":      "ISO 15118 (block M)",
    "localauthlistctrlr": "local authorization lists (block D)",
    "paymentctrlr":       "payment terminals (C18 to C24)",
    "reservationctrlr":   "reservations (block H)",
    "smartchargingctrlr": "smart charging (block K)",
    "tariffcostctrlr":    "tariffs and costs (block I)",
    "v2xchargingctrlr":   "bidirectional charging (block Q)",
    "webpaymentsctrlr":   "ad hoc payments by QR code (C25)",
}  # fmt: skip
"""Controllers, their names folded, whose block is not built, and what it would be.  A line leaves when its block is built."""

ALWAYS_ENABLED = frozenset({"clockctrlr", "devicedatactrlr", "internalctrlr", "ocppcommctrlr", "securityctrlr", "txctrlr"})
"""Controllers that a station cannot do without: nothing switches them off, so their Enabled is true and cannot be set."""


def reported_switch(component: str, variable: str) -> str | None:
    """What a controller's Available or Enabled reports whatever its component file says; None where the file, or who sets it, decides.

    *component* and *variable* are folded names.
    """
    if variable in ("available", "enabled"):
        if component in NOT_BUILT:
            return "false"
        if variable == "enabled" and component in ALWAYS_ENABLED:
            return "true"
    return None


def why_fixed(component: str, variable: str) -> str:
    """Why nobody can set a controller's Available or Enabled, for an answer or a person; empty where somebody can."""
    if reported_switch(component, variable) is None:
        return ""
    block = NOT_BUILT.get(component)
    return f"the station does not have {block}" if block is not None else "this controller cannot be switched off"
