"""An address at which nobody answers, for a station whose link is not what is looked at.

Invariant: while it is held a connection to it is refused at once, and no other program can be given its port.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def refused_address() -> Iterator[str]:
    """Give a ``host:port`` on this machine that refuses every connection until the context ends.

    The port is taken and not listened on.  A well-known port that is free on one machine is in use on another.
    """
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield "{}:{}".format(*held.getsockname())


@contextmanager
def refused_url() -> Iterator[str]:
    """As :func:`refused_address`, as the URL of a CSMS."""
    with refused_address() as address:
        yield f"ws://{address}"
