"""The cases, a module a block: importing this registers all of them."""

from __future__ import annotations

from conformance.cases import (
    a_security,
    b_provisioning,
    c_authorization,
    e_transactions,
    f_remote_control,
    g_availability,
    j_meter_values,
    n_diagnostics,
    p_data_transfer,
)

__all__ = [
    "a_security",
    "b_provisioning",
    "c_authorization",
    "e_transactions",
    "f_remote_control",
    "g_availability",
    "j_meter_values",
    "n_diagnostics",
    "p_data_transfer",
]
