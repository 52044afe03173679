"""Why a link ended or never opened: the fixed words of ``LinkDown`` and ``Lost``, in which an adapter reports it and a machine decides."""

from __future__ import annotations

UNREACHABLE = "unreachable"
"""No TCP connection, no such host, or a URL that is none."""

TLS = "tls"
"""The TLS handshake failed, and it is not known for one of the three reasons that follow."""

TLS_CERTIFICATE = "tls certificate"
"""The certificate of the CSMS is not valid, not trusted, of another host, or made out to a wildcard name."""

TLS_VERSION = "tls version"
"""The CSMS speaks no TLS version from 1.2 on."""

TLS_CIPHER = "tls cipher"
"""The CSMS accepts none of the cipher suites that this station allows, or uses one that it does not."""

TIMEOUT = "timeout"
"""No open WebSocket within the limit."""

UNAUTHORIZED = "unauthorized"
"""The CSMS answered the upgrade with HTTP 401: it does not accept the password of this identity."""

REFUSED = "refused"
"""The CSMS answered the upgrade with another HTTP status than 101 and 401."""

HANDSHAKE = "handshake"
"""What the CSMS answered is no WebSocket upgrade."""

CLOSED_BY_CSMS = "closed by CSMS"
CLOSED_BY_US = "closed by us"

OVERSIZED = "oversized"
"""A message of the CSMS was longer than the station reads."""

PING_TIMEOUT = "ping timeout"
"""The CSMS did not answer a WebSocket ping."""

LOST = "lost"
"""The connection ended without a close frame."""

RESTARTED = "restarted"
"""The process that held the link is gone; no adapter reports this one."""
