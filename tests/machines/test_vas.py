"""Internet access for vehicles, and the one plan in which the network serves them all.

Law: the service follows the vehicle, and the network follows the service, however often either changes its mind.
"""

from __future__ import annotations

import pytest

from engine.kernel import ENGINE, Settled, Turn
from machines.inputs import CableDisconnected, ServicesSelected
from machines.network.facts import Forward, NetworkRefused, Plan
from machines.network.machine import NETWORK, ApplyPlan
from machines.vas.state import VAS, Phase
from tests.conftest import NewStory
from tests.machines.acts import do, levels, one, plug, unplug
from tests.story import Story, effects, names

HTTP, HTTPS, BOTH = ((3, 3),), ((3, 4),), ((3, 3), (3, 4))


def select(story: Story, evse_id: int = 1, services: tuple[tuple[int, int], ...] = BOTH) -> Turn:
    """The vehicle chooses."""
    return story.when(ServicesSelected(evse_id=evse_id, services=services))


def forward(evse_id: int = 1, *ports: int) -> Forward:
    """A way out."""
    return Forward(evse_id=evse_id, lan=f"ev{evse_id}", wan="wan0", tcp_ports=ports or (80, 443))


def settle(story: Story, outcome: str = "done", detail: str = "") -> Turn:
    """The operating system says what came of the one plan that is under way."""
    ((seq, index),) = [at for at, effect in story.station[ENGINE].outbox.items() if isinstance(effect, ApplyPlan)]
    return story.when(Settled(station=0, seq=seq, index=index, outcome=outcome, detail=detail))


def plans(turns: Turn | list[Turn]) -> list[tuple[Forward, ...]]:
    """The plans that are asked for."""
    return [effect.plan.forwards for effect in effects(turns, ApplyPlan)]


def where(story: Story, evse_id: int = 1) -> Phase:
    """The phase of an EVSE's internet access."""
    return story.station[VAS].at(evse_id).phase


def opened(story: Story, evse_id: int = 1) -> None:
    """A vehicle with internet access."""
    plug(story, evse_id)
    select(story, evse_id)
    settle(story)
    assert where(story, evse_id) is Phase.OPEN


def test_open_and_close(story: Story) -> None:
    """Else a vehicle gets no internet, or keeps it after it left."""
    plug(story)
    assert plans(select(story)) == [(forward(),)]
    assert where(story) is Phase.OPENING
    assert names(settle(story)) == ["NetworkApplied", "InternetOpened"]
    turn = story.when(CableDisconnected(evse_id=1, connector_id=1))
    assert plans(turn) == [()]
    story.settle(turn)
    assert where(story) is Phase.CLOSING
    assert names(settle(story)) == ["NetworkApplied", "InternetClosed"]
    assert story.station[VAS].internet == {}


@pytest.mark.parametrize(("services", "ports"), [(HTTP, (80,)), (HTTPS, (443,)), (BOTH, (80, 443)), (((3, 4), (3, 3), (3, 3), (1, 1)), (80, 443))])
def test_the_parameter_set_says_which_ports(story: Story, services: tuple[tuple[int, int], ...], ports: tuple[int, ...]) -> None:
    """Else a vehicle that asked for https gets ftp as well."""
    plug(story)
    assert plans(select(story, services=services)) == [(forward(1, *ports),)]


@pytest.mark.parametrize("services", [(), ((1, 1),), ((3, 1),), ((3, 2),), ((4, 3),), ((3, 99),)])
def test_other_services_open_nothing(story: Story, services: tuple[tuple[int, int], ...]) -> None:
    """Else charging with a contract is taken for internet access."""
    plug(story)
    assert select(story, services=services).facts == ()


def test_without_a_vehicle_there_is_no_way_out(story: Story) -> None:
    """Else a late message of a vehicle that left opens the network to nobody."""
    assert select(story).facts == ()
    plug(story)
    unplug(story)
    assert select(story).facts == ()


def test_choosing_the_same_again_changes_nothing_and_choosing_others_replaces(story: Story) -> None:
    """Else a chatty vehicle restarts its own connection, or keeps ports that it gave up."""
    opened(story)
    assert select(story).facts == ()
    assert plans(select(story, services=HTTPS)) == [(forward(1, 443),)]
    settle(story)
    assert story.station[VAS].at(1).ports == (443,)
    assert plans(select(story, services=())) == [()]
    assert names(settle(story)) == ["NetworkApplied", "InternetClosed"]


def test_a_refusal_is_tried_again_for_as_long_as_the_vehicle_stays(story: Story) -> None:
    """Else one failed nft call is the end of the service; or it is hammered."""
    plug(story)
    select(story)
    refused = settle(story, "failed", "nft says no")
    retry_s = (one(refused, NetworkRefused).retry_at_us - refused.at) / 1e6
    assert names(refused) == ["NetworkRefused", "InternetFailed"]
    assert 5 <= retry_s < 10
    assert plans(story.wait(retry_s - 0.01)) == []
    assert plans(story.wait(0.02)) == [(forward(),)]
    settle(story, "lost")
    assert where(story) is Phase.FAILED
    assert plans(story.wait(10.1)) == [(forward(),)]
    assert names(settle(story)) == ["NetworkApplied", "InternetOpened"]


def test_a_vehicle_that_leaves_after_a_refusal_is_closed_at_once(story: Story) -> None:
    """Else what the refused plan half did stays for the next vehicle."""
    plug(story)
    select(story)
    settle(story, "failed")
    assert plans(story.when(CableDisconnected(evse_id=1, connector_id=1))) == [()]
    assert names(settle(story)) == ["NetworkApplied", "InternetClosed"]
    assert plans(story.wait(3600)) == []


def test_released_while_opening(story: Story) -> None:
    """Else a vehicle that leaves in the second that nft takes leaves the way open behind it."""
    plug(story)
    select(story)
    turn = story.when(CableDisconnected(evse_id=1, connector_id=1))
    story.settle(turn)
    assert plans(turn) == [], "one plan at a time"
    applied = settle(story)
    assert names(applied)[0] == "NetworkApplied"
    assert plans(applied) == [()]
    assert where(story) is Phase.CLOSING
    settle(story)
    assert where(story) is Phase.IDLE
    assert story.station[NETWORK].has == Plan()


def test_the_next_vehicle_while_the_last_ones_way_is_closing(story: Story) -> None:
    """Else a quick change of vehicles leaves the second one without, or with the first one's."""
    opened(story)
    unplug(story)
    plug(story)
    assert plans(select(story, services=HTTP)) == []
    applied = settle(story)
    assert plans(applied) == [(forward(1, 80),)]
    assert where(story) is Phase.OPENING
    assert names(settle(story)) == ["NetworkApplied", "InternetOpened"]


def test_two_evses_share_one_plan(story: Story) -> None:
    """Else opening one closes the other."""
    opened(story, 2)
    plug(story, 1)
    assert plans(select(story, 1, HTTP)) == [(forward(1, 80), forward(2))]
    settle(story)
    turn = story.when(CableDisconnected(evse_id=2, connector_id=1))
    assert plans(turn) == [(forward(1, 80),)]
    story.settle(turn)
    settle(story)
    assert (where(story, 1), where(story, 2)) == (Phase.OPEN, Phase.IDLE)


def test_both_change_while_a_plan_is_under_way_and_one_plan_follows(story: Story) -> None:
    """Else every change is a plan of its own, in an order that nobody knows."""
    plug(story, 1)
    plug(story, 2)
    select(story, 1)
    assert plans(select(story, 2)) == []
    assert plans(select(story, 1, HTTP)) == []
    assert plans(settle(story)) == [(forward(1, 80), forward(2))]
    settle(story)
    assert (where(story, 1), where(story, 2)) == (Phase.OPEN, Phase.OPEN)


def test_after_a_crash_the_same_plan_is_asked_for_again(story: Story) -> None:
    """Else an operating system that forgot with the power leaves the vehicle without; one under way is the outbox's to repeat."""
    opened(story)
    turn = story.start()
    assert plans(turn) == [(forward(),)]
    assert plans(story.start()) == [], "it is in the outbox"
    settle(story)
    assert where(story) is Phase.OPEN
    assert plans(do_levels(story)) == []


def test_a_way_that_does_not_come_back_after_a_crash_has_failed(story: Story) -> None:
    """Else the vehicle is shown as online while nothing forwards its packets."""
    opened(story)
    story.start()
    assert names(settle(story, "failed")) == ["NetworkRefused", "InternetFailed"]
    assert plans(story.wait(10.1)) == [(forward(),)]
    assert names(settle(story)) == ["NetworkApplied", "InternetOpened"]


def test_a_plan_that_is_refused_takes_nothing_from_those_who_are_served(story: Story) -> None:
    """Else a second vehicle's trouble is told of the first one too."""
    opened(story, 1)
    plug(story, 2)
    select(story, 2)
    settle(story, "failed")
    assert (where(story, 1), where(story, 2)) == (Phase.OPEN, Phase.FAILED)


def do_levels(story: Story) -> list[Turn]:
    """The hardware states what it sees."""
    return [story.when(levels(1, plugged=True)), story.when(levels(2))]


def test_a_vehicle_that_left_while_the_power_was_out_loses_its_way_out(story: Story) -> None:
    """Else the next vehicle inherits it."""
    opened(story)
    story.start()
    settle(story)
    turn = story.when(levels(1))
    assert plans(turn) == [()]
    settle(story)
    assert where(story) is Phase.IDLE


def test_a_plan_of_nothing_is_not_asked_for_at_start(story: Story) -> None:
    """Else every start touches a network that nobody uses."""
    assert plans(story.start()) == []


def test_the_uplink_is_the_operators_choice(new_story: NewStory) -> None:
    """Else the vehicle's traffic leaves by the CSMS's line."""
    story = new_story({"InternalCtrlr.VasUplinkInterface": "lte0"}).boot()
    plug(story)
    ((way,),) = plans(select(story))
    assert way.wan == "lte0"


@pytest.mark.parametrize("outcome", ["done", "failed", "lost"])
def test_news_of_an_effect_that_is_settled_already_is_none(story: Story, outcome: str) -> None:
    """Else an adapter that reports twice opens what was closed since."""
    plug(story)
    turn = select(story)
    settle(story)
    index = next(i for i, e in enumerate(turn.effects) if isinstance(e, ApplyPlan))
    assert story.when(Settled(station=0, seq=turn.seq, index=index, outcome=outcome)).facts == ()
    do(story, CableDisconnected(evse_id=1, connector_id=1))
