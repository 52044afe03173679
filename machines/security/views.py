"""Where the station keeps what it must not say."""

from __future__ import annotations

from machines.device_model.views import Variable

PASSWORD = Variable("SecurityCtrlr", "BasicAuthPassword", "")
"""The HTTP Basic password: a sealed text, or empty."""
