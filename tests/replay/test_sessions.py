"""What was charged, and the story of it for a driver on the telephone."""

from __future__ import annotations

import re

import pytest

from engine.errors import SetupFault
from machines.inputs import CableConnected, CableDisconnected, CardPresented, ContactorMoved, LinkDown, MeterTold
from replay.sessions import lines, sessions
from replay.timeline import timeline
from tests.replay.feeder import ALIAS, CARD, SETTINGS, night, plugged, unplugged
from tests.story import OTHER_CARD, Story


def told(story: Story, which: str = "last") -> list[str]:
    """The story's WHO and WHAT columns, blanks squeezed."""
    head, *body = timeline(story.rows(), which)[5:]
    return [re.sub(" +", " ", line[head.index("WHO") :]).strip() for line in body]


def test_a_session_over_a_power_cut_is_one_row() -> None:
    """Two rows would be two bills."""
    (row,) = sessions(night().rows())
    assert (row.evse_id, row.reason, row.energy_wh, row.token) == (1, "Local", 1200, CARD)
    assert [message.seq_no for message in row.messages] == list(range(len(row.messages)))
    assert [message.event for message in row.messages] == ["Started", *["Updated"] * (len(row.messages) - 2), "Ended"]
    assert (row.delivered, row.pending, row.dropped) == (len(row.messages), 0, 0)
    head, line = lines([row])
    assert head.split() == ["EVSE", "TRANSACTION", "BEGAN", "ENDED", "ENERGY", "REASON", "CARD", "MESSAGES"]
    assert f"{row.transaction_id}  2027-01-15T08:00:03" in line
    assert line.endswith(f"1.200 kWh  Local   {ALIAS}  {len(row.messages)} delivered")


def test_the_story_of_the_night_is_all_there() -> None:
    """Each of these lines is a question that a hotline is asked."""
    story = told(night())
    expected = [
        "vehicle plugged in at EVSE 1, connector 1",
        f"driver card {ALIAS} (ISO14443) held to the reader",
        f"driver the CSMS is asked about card {ALIAS}",
        f"driver card {ALIAS} accepted by the CSMS",
        "station offers energy, holds the plug",
        "hardware contactor closed",
        "energy flows",
        "link lost: closed by peer",
        "station restarts after a power cut or a crash; nothing ran for 5.6 s by the wall clock",
        "link connected to the CSMS",
        "CSMS accepts the station",
        f"driver session ended by card {ALIAS} (Local)",
        "station waits for the contactor to open and the meter to be read before it ends the transaction",
        "station offers no energy, holds the plug",
        "station offers no energy, releases the plug",
        "vehicle unplugged",
    ]
    places = []
    for line in expected:
        found = [place for place, one in enumerate(story) if one.startswith(line.partition(";")[0])]
        assert found, f"{line!r} is missing from {story}"
        places.append(found[0])
    assert places == sorted(places)
    assert "station fault cleared" not in story, "a start clears faults that never were"
    assert any(re.fullmatch(r"station its clock is set forward by \d+ s \(source: csms\)", line) for line in story)


def test_every_transaction_event_says_how_far_it_came() -> None:
    """What the CSMS has and has not is the first thing that both sides quarrel about."""
    messages = [line for line in told(night()) if line.startswith("message ")]
    assert messages[0].startswith("message TransactionEvent seqNo 0 Started CablePluggedIn queued, sent +0.001s, delivered +0.002s")
    late = [line for line in messages if "queued while offline" in line]
    assert late
    assert all(re.search(r"sent \+\d+\.\d{3}s, delivered \+\d+\.\d{3}s", line) for line in messages)


def test_columns_are_aligned() -> None:
    """A story is read down its columns."""
    head, *body = timeline(night().rows(), "last")[5:]
    place = head.index("WHAT")
    assert all(line[place - 1] == " " and line[place] != " " for line in body)


def test_a_running_session_is_told_so_far() -> None:
    """Most calls come while the vehicle still stands there."""
    story = plugged(Story(SETTINGS).boot())
    story.when(LinkDown(link=story.link, reason="ping timeout"))
    story.wait(15)
    (row,) = sessions(story.rows())
    assert (row.ended, row.energy_wh) == ("", 500)
    assert row.pending == 1
    assert row.delivered == 3
    assert "runs" in lines([row])[1]
    assert lines([row])[1].endswith("3 delivered, 1 pending")
    assert told(story)[-1].startswith("message TransactionEvent seqNo 3 Updated MeterValuePeriodic queued while offline, waits")


def test_messages_that_arrive_after_the_driver_left_belong_to_the_session() -> None:
    """Offline, the end of a transaction reaches the CSMS long after the EVSE is free again."""
    story = plugged(Story(SETTINGS).boot())
    story.when(LinkDown(link=story.link, reason="ping timeout"))
    unplugged(story)
    (row,) = sessions(story.rows())
    assert row.ended
    assert row.pending == 1
    assert "1 pending" in lines([row])[1]
    story.settle(story.connect())
    (row,) = sessions(story.rows())
    assert row.pending == 0
    assert row.last_seq > row.ended_seq + 1
    assert any(line.startswith("link connected to the CSMS") for line in told(story))


def test_a_driver_whose_vehicle_never_came_is_a_session_too() -> None:
    """Somebody will ask why that card did not charge."""
    story = Story({**SETTINGS, "TxCtrlr.TxStartPoint": "PowerPathClosed"}).boot()
    story.settle(story.when(CardPresented(token=CARD, token_type="ISO14443")))
    for turn in story.wait(130):
        story.settle(turn)
    (row,) = sessions(story.rows())
    assert (row.transaction_id, row.reason, row.messages) == ("", "Timeout", [])
    assert lines([row])[1].split()[1] == "none"
    said = told(story)
    assert f"driver card {ALIAS} accepted by the CSMS; waits for a vehicle at EVSE 1, 2" in said
    assert "driver session over: no vehicle came in time (Timeout)" in said


def test_two_transactions_on_one_cable_are_two_rows() -> None:
    """A driver who stops and starts again without unplugging pays twice, and may ask about either."""
    story = plugged(Story({**SETTINGS, "TxCtrlr.TxStartPoint": "Authorized"}).boot())
    story.settle(story.when(CardPresented(token=CARD, token_type="ISO14443")))
    story.settle(story.when(ContactorMoved(evse_id=1, closed=False)))
    story.settle(story.when(story.reading(1)))
    story.settle(story.when(CardPresented(token=OTHER_CARD, token_type="ISO14443"), after_us=60_000_000))
    story.settle(story.when(CableDisconnected(evse_id=1, connector_id=1)))
    first, second = sessions(story.rows())
    assert (first.token, second.token) == (CARD, OTHER_CARD)
    assert first.transaction_id != second.transaction_id
    assert second.first_seq > first.first_seq
    assert second.reason == "EVDisconnected"


def test_a_refused_card_is_told_with_its_reason() -> None:
    """The most frequent call of all."""
    story = Story(SETTINGS).boot()
    story.settle(story.when(CableConnected(evse_id=1, connector_id=1)))
    story.settle(story.when(CardPresented(token=CARD, token_type="ISO14443")), Authorize={"idTokenInfo": {"status": "Blocked"}})
    assert f"driver card {ALIAS} refused: the CSMS says Blocked" in told(story)


def test_another_evse_is_another_story() -> None:
    """Two drivers at one station must never see each other's session."""
    story = plugged(plugged(Story(SETTINGS).boot(), 2), 1)
    story.when(MeterTold(evse_id=2, energy_wh=9_000, power_w=11_000))
    by_evse = {row.evse_id: row for row in sessions(story.rows())}
    assert by_evse[1].energy_wh == 500
    assert by_evse[2].energy_wh == 8_000
    assert not any("EVSE 2" in line for line in told(story, by_evse[1].transaction_id))


def test_an_id_is_found_by_its_beginning_where_that_is_enough() -> None:
    """Nobody types 21 digits at 2 am, and nobody may get another driver's story instead."""
    story = plugged(plugged(Story(SETTINGS).boot(), 2), 1)
    row = sessions(story.rows())[0]
    assert timeline(story.rows(), row.transaction_id[:19])[0] == f"transaction {row.transaction_id}"
    with pytest.raises(SetupFault, match="2 transactions begin like this"):
        timeline(story.rows(), "0000abcd")
    with pytest.raises(SetupFault, match="no such transaction"):
        timeline(story.rows(), "ffff")
    with pytest.raises(SetupFault, match="no charging session in the journal yet"):
        timeline(Story(SETTINGS).boot().rows(), "last")
