"""Keep the network as the station implies it.

Law: a plan is never edited.  It is worked out afresh from the whole station; when it differs from the one last asked for and none is in
flight, the whole plan is asked for.  Teardown is a smaller plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from engine.event import AfterCrash, Effect
from engine.kernel import ENGINE, Settled, Woke
from engine.luck import draw
from engine.machine import Conclusions, Context, Machine, Part, State, Station, state
from engine.records import record
from machines.boot.facts import Rebooted
from machines.device_model.views import Variable
from machines.network.facts import Forward, NetworkApplied, NetworkPlanned, NetworkRefused, Plan
from machines.vas.state import VAS
from machines.vas.state import Phase as Internet

RETRY_AFTER_US = 5_000_000
UPLINK = Variable("InternalCtrlr", "VasUplinkInterface", "wan0")


@record(225)
class ApplyPlan(Effect):
    """Make the network look like *plan*.  Applying it twice changes nothing."""

    AFTER_CRASH: ClassVar[AfterCrash] = AfterCrash.REPEAT

    plan: Plan


@state(226)
class Network(State):
    """The plan last asked for, the plan in force, whether an answer is awaited, and when to try again (0: not at all)."""

    asked: Plan = Plan()
    has: Plan = Plan()
    in_flight: bool = False
    retry_at_us: int = 0


NETWORK = Part("network", Network)


def fold_planned(net: Network, fact: NetworkPlanned) -> None:
    """Asked for."""
    net.asked = fact.plan
    net.in_flight = True
    net.retry_at_us = 0


def fold_applied(net: Network, fact: NetworkApplied) -> None:
    """There."""
    net.has = fact.plan
    net.in_flight = False


def fold_refused(net: Network, fact: NetworkRefused) -> None:
    """Not there."""
    net.in_flight = False
    net.retry_at_us = fact.retry_at_us


def fold_rebooted(net: Network, fact: Rebooted) -> None:  # noqa: ARG001
    """The operating system may have forgotten: nothing is known to be there until it says so again."""
    net.has = Plan()


def wanted(station: Station) -> Plan:
    """The plan that the rest of the station implies."""
    uplink = UPLINK.text(station)
    return Plan(
        forwards=tuple(
            [
                Forward(evse_id=evse_id, lan=f"ev{evse_id}", wan=uplink, tcp_ports=internet.ports)
                for evse_id, internet in sorted(station[VAS].internet.items())
                if internet.phase in (Internet.OPENING, Internet.OPEN, Internet.FAILED)
            ]
        )
    )


def after_start(station: Station, fact: Rebooted, cx: Context) -> Conclusions:  # noqa: ARG001
    """The operating system may have forgotten: ask for the same plan again, unless the outbox does so anyway."""
    net = station[NETWORK]
    if not net.in_flight and net.asked.forwards:
        yield NetworkPlanned(plan=net.asked)


def ask_for(station: Station, fact: NetworkPlanned, cx: Context) -> Conclusions:  # noqa: ARG001
    """A plan is to be made real."""
    yield ApplyPlan(plan=fact.plan)


def on_settled(station: Station, settled: Settled, cx: Context) -> Conclusions:
    """The operating system did, or did not."""
    effect = station[ENGINE].outbox.get((settled.seq, settled.index))
    if not isinstance(effect, ApplyPlan):
        return
    if settled.outcome == "done":
        yield NetworkApplied(plan=effect.plan)
    else:
        pause = RETRY_AFTER_US + draw(cx.luck, "network.retry", RETRY_AFTER_US)
        yield NetworkRefused(plan=effect.plan, detail=settled.detail, retry_at_us=cx.at + pause)


def on_deadline(station: Station, event: Woke, cx: Context) -> Conclusions:  # noqa: ARG001
    """Try again, with whatever is wanted by now."""
    yield NetworkPlanned(plan=wanted(station))


def compare(station: Station, cx: Context) -> Conclusions:  # noqa: ARG001
    """After every turn that may have changed what is wanted."""
    net = station[NETWORK]
    if not net.in_flight:
        plan = wanted(station)
        if plan != net.asked:
            yield NetworkPlanned(plan=plan)


def deadlines(net: Network) -> Iterator[tuple[int, str]]:
    """The next attempt."""
    if net.retry_at_us:
        yield net.retry_at_us, "retry"


MACHINE = Machine(
    NETWORK,
    folds={NetworkPlanned: fold_planned, NetworkApplied: fold_applied, NetworkRefused: fold_refused, Rebooted: fold_rebooted},
    hears={Rebooted: after_start, NetworkPlanned: ask_for, (Settled, ApplyPlan): on_settled, Woke: on_deadline},
    deadlines=deadlines,
    watches=(VAS, NETWORK),
    conclude=compare,
)
