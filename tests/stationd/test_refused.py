"""The address at which nobody answers."""

from __future__ import annotations

import socket

import pytest

from stationd.refused import refused_address, refused_url


def test_it_refuses_while_it_is_held_and_nobody_else_can_have_it() -> None:
    """If this failed, a test would talk to whatever program happens to listen there."""
    with refused_address() as address, socket.socket() as dialling, socket.socket() as listening:
        host, _, port = address.partition(":")
        with pytest.raises(ConnectionRefusedError):
            dialling.connect((host, int(port)))
        with pytest.raises(OSError, match="in use"):
            listening.bind((host, int(port)))


def test_two_that_are_held_are_two() -> None:
    """If this failed, the end of one would give the other's port away."""
    with refused_url() as one, refused_url() as other:
        assert one.startswith("ws://127.0.0.1:")
        assert one != other
