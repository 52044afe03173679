"""The core touches nothing: no clock, chance or file while it decides, and the same bytes in every process."""

from __future__ import annotations

import builtins
import os
import random
import socket
import subprocess
import sys
import time
from hashlib import blake2b

import pytest

from engine.records import BY_KIND, UPCASTS, catalogue
from machines.inputs import CableConnected, CardPresented, ContactorMoved, MeterTold, PilotChanged
from tests.story import CARD, Story

TELL = """
from tests.engine.test_purity import told
print(told())
"""


def charge(story: Story) -> Story:
    """A little charge."""
    story.boot()
    for input in (
        CableConnected(evse_id=1, connector_id=1),
        CardPresented(token=CARD, token_type="ISO14443"),
        PilotChanged(evse_id=1, state="C"),
        ContactorMoved(evse_id=1, closed=True),
        MeterTold(evse_id=1, energy_wh=1500, power_w=3600, current_ma=(16_000,), voltage_mv=(230_000,)),
    ):
        story.settle(story.when(input))
    story.wait(200)
    return story


def told() -> str:
    """A digest of all rows of a charge."""
    story = charge(Story())
    return blake2b(b"".join(row for _, row in story.rows().rows())).hexdigest()


def test_decisions_touch_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, a decision would depend on something that the journal does not hold."""

    def poison(*_: object, **__: object) -> object:
        raise AssertionError("a decision touched the outside")

    story = Story()
    charge(story)  # what is loaded on first use is loaded
    again = Story()
    for module, names in (
        (time, ("time", "monotonic", "time_ns", "monotonic_ns", "sleep", "localtime")),
        (random, ("random", "randrange", "getrandbits")),
        (os, ("urandom", "open", "stat", "getpid")),
        (socket, ("socket",)),
        (builtins, ("open",)),
    ):
        for name in names:
            monkeypatch.setattr(module, name, poison)
    charge(again)
    monkeypatch.undo()
    assert [t.facts for t in again.turns] == [t.facts for t in story.turns]


def test_rows_are_the_same_under_every_hash_seed() -> None:
    """If this failed, the order of a set would be part of a decision."""
    digests = {
        subprocess.run([sys.executable, "-c", TELL], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(digests) == 1


def test_every_record_has_a_number_and_every_older_version_a_way_up() -> None:
    """If this failed, an old journal could not be read."""
    assert len(catalogue()) == len(BY_KIND)
    for kind, entry in BY_KIND.items():
        assert 0 < kind < 1 << 16
        for version in range(1, entry.version):
            assert (kind, version) in UPCASTS, f"{entry.name} version {version}"
