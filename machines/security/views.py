"""Variables that decide how the station and its CSMS prove who they are."""

from __future__ import annotations

from machines.device_model.views import Variable

PASSWORD = Variable("SecurityCtrlr", "BasicAuthPassword", "")
"""The HTTP Basic password: a sealed text, or empty."""

WILDCARDS = Variable("SecurityCtrlr", "AllowCSMSTLSWildcards", "false")
"""Whether a CSMS may prove its name with a certificate that is made out to a wildcard name, which OCPP itself does not allow."""
