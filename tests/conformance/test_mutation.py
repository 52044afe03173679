"""Mutants: a station that does one thing wrong, and the cases that have to notice.

Law: a sample here, for its time; ``stationd conform mutate`` tries all of them.
"""

from __future__ import annotations

from typing import Any

import pytest

import conformance.cases  # noqa: F401 (they register themselves)
from component_config.schemas import installed_schemas
from conformance.case import CASES
from conformance.mutation import Mutant, Mutating, Tampering, listed_mutants
from stationd.__main__ import main

EVENT = {"eventType": "Ended", "seqNo": 3, "timestamp": "2027-01-15T08:00:00.000Z", "evse": {"id": 1}, "list": [{"a": 1}, {"b": 2}]}


def mutant(operation: str, path: str = "", value: str = "", when: str = "", kind: str = "call") -> Mutant:
    """One of TransactionEvent."""
    return Mutant("M", kind, "TransactionEvent", operation, path, value, when)


@pytest.mark.parametrize(
    ("one", "sent"),
    [
        (mutant("drop-message"), []),
        (mutant("drop-message", when="eventType=Started"), [EVENT]),
        (mutant("drop-message", when="eventType=Ended and evse.id=1"), []),
        (mutant("twice"), [EVENT, EVENT]),
        (mutant("drop-member", "evse.id"), [{**EVENT, "evse": {}}]),
        (mutant("drop-member", "nothing"), [EVENT]),
        (mutant("set", "list.*.a", "9", "list.*.b=2"), [{**EVENT, "list": [{"a": 9}, {"b": 2}]}]),
        (mutant("add", "seqNo", "-1"), [{**EVENT, "seqNo": 2}]),
        (mutant("add", "timestamp", "3"), [{**EVENT, "timestamp": "2027-01-15T08:00:03.000Z"}]),
        (mutant("drop-message", kind="result"), [EVENT]),
    ],
)
def test_a_mutant_does_what_it_says(one: Mutant, sent: list[dict[str, Any]]) -> None:
    """If this failed, what is said to be noticed would be something else."""
    assert Tampering(one)("call", "TransactionEvent", dict(EVENT)) == [("call", "TransactionEvent", payload) for payload in sent]
    assert EVENT["evse"] == {"id": 1}


def test_a_stale_message_is_the_one_before() -> None:
    """If this failed, a station that repeats itself would look like one that does not."""
    tampering = Tampering(mutant("stale"))

    assert [tampering("call", "TransactionEvent", {"seqNo": n})[0][2]["seqNo"] for n in (0, 1, 2)] == [0, 0, 1]


def test_the_list_is_whole() -> None:
    """If this failed, figures of two runs could not be compared."""
    listed = listed_mutants()

    assert len(listed) == 344
    assert len({one[1:] for one in listed}) == len(listed)
    assert {one.kind for one in listed} == {"call", "result", "error"}


def test_a_sample_is_noticed_and_twice_by_the_same_cases() -> None:
    """If this failed, the cases would pass a station that does wrong."""
    sample = listed_mutants()[::23]
    chosen = [*CASES][::3]
    came = Mutating(installed_schemas(), chosen).run(sample)
    again = Mutating(installed_schemas(), chosen).run(sample)

    assert came == again
    assert len(came.noticed) >= 0.8 * (len(came.noticed) + len(came.unnoticed))


def test_what_nobody_can_notice_is_said_to_be_unnoticed() -> None:
    """If this failed, the figure would be one hundred per cent whatever the cases do."""
    free = Mutant("M1", "call", "BootNotification", "set", "chargingStation.vendorName", '"another"', "")
    absent = Mutant("M2", "call", "NotifyDisplayMessages", "drop-message", "", "", "")
    came = Mutating(installed_schemas(), ["TC_B_06_CS"]).run([free, absent])

    assert (came.noticed, came.unnoticed, came.unreached, came.silent) == ({}, [free], [absent], ["TC_B_06_CS"])
    assert came.percent == 0


def test_the_command_names_who_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    """If this failed, nobody could look into one mutant."""
    assert main(["conform", "mutate", "--only", "M001"]) == 0
    told = capsys.readouterr().out
    assert "M001: drop-message in call Authorize is noticed by TC_C_" in told
    assert "1 of 1 mutants noticed (100.0 %)" in told
