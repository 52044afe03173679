"""The cases, a module a block: importing this registers all of them."""

from __future__ import annotations

from conformance.cases import (
    b_provisioning,
    c_authorization,
    e_transactions,
    n_monitoring,
)

__all__ = [
    "b_provisioning",
    "c_authorization",
    "e_transactions",
    "n_monitoring",
]
