"""Block F, remote control: the CSMS starts and stops; and TC_K_38, the remote start that brings a charging profile."""

from __future__ import annotations

from conformance import states
from conformance.case import case
from conformance.trial import Trial


async def drivers_are_asked(t: Trial) -> None:
    """Authorization is on, remote starts too: where the station has the switches and lets them be set."""
    await t.configure_if_possible("AuthCtrlr.Enabled", "true")
    await t.configure_if_possible("AuthCtrlr.DisableRemoteAuthorization", "false")


@case("TC_F_01_CS")
async def remote_start_with_a_cable(t: Trial) -> None:
    """The vehicle is connected, then the CSMS starts: it charges."""
    await drivers_are_asked(t)
    await states.ev_connected(t)
    await states.remotely_authorized(t)
    await states.charging(t)


@case("TC_F_02_CS", AuthCtrlr__AuthorizeRemoteStart="true")
async def remote_start_then_cable_asking(t: Trial) -> None:
    """The CSMS starts, and is asked about the driver all the same; then the vehicle is connected and charges."""
    await drivers_are_asked(t)
    await states.remotely_authorized(t)
    await states.charging(t)


@case("TC_F_03_CS", AuthCtrlr__AuthorizeRemoteStart="false")
async def remote_start_then_cable_unasked(t: Trial) -> None:
    """The CSMS starts, and nobody asks it about the driver; then the vehicle is connected and charges."""
    await drivers_are_asked(t)
    await states.remotely_authorized(t)
    await states.charging(t)
    asked = [one.payload for one in t.inbox if one.action == "Authorize"]
    t.equal(asked, [], "AuthorizeRequests while AuthorizeRemoteStart is false", "F01.FR.02")


@case("TC_F_04_CS")
async def remote_start_and_nobody_comes(t: Trial) -> None:
    """The CSMS starts, no vehicle comes in time, the transaction ends; and the EVSE is ready for another one."""
    limit_s = t.settings.connect_within_s
    await t.configure("TxCtrlr.EVConnectionTimeOut", str(limit_s))
    await drivers_are_asked(t)
    await t.configure_if_possible("TxCtrlr.TxStartPoint", "Authorized")
    await states.remotely_authorized(t)
    transaction = states.running(t)
    if transaction:
        event = await t.event(transactionId=transaction, eventType="Ended", within_s=limit_s + 30, requirement="E03.FR.05")
        t.equal(event["triggerReason"], "EVConnectTimeout", "triggerReason when nobody came", "E03.FR.05")
    else:
        await t.wait(limit_s + 2)
    t.admitted.clear()
    await states.remotely_authorized(t)


@case("TC_F_08_CS")
async def remote_stop(t: Trial) -> None:
    """The CSMS stops a transaction: it is accepted, and told."""
    await states.charging(t)
    await states.remotely_stopped(t)


@case("TC_F_09_CS")
async def remote_stop_of_nothing(t: Trial) -> None:
    """The CSMS stops a transaction that the station does not have: rejected, and the one that runs goes on."""
    await states.charging(t)
    transaction = states.running(t)
    other = "no-such-transaction" if transaction != "no-such-transaction" else "another"
    answer = await t.call("RequestStopTransaction", {"transactionId": other})
    t.equal(answer["status"], "Rejected", "status of RequestStopTransactionResponse", "F03.FR.08")
    stopped = "TransactionEventRequest of the transaction that goes on, after a stop of another"
    await t.forbid(
        "TransactionEvent", 1, lambda p: p["triggerReason"] == "RemoteStop" or p["eventType"] == "Ended", requirement="F03.FR.08", what=stopped
    )


@case("TC_K_38_CS")
async def remote_start_with_a_profile(t: Trial) -> None:
    """A station without smart charging takes the remote start and leaves the charging profile that comes with it alone."""
    period = {"startPeriod": 0, "limit": 6.0, "numberPhases": 3}
    profile = {
        "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
        "chargingSchedule": [{"id": 1, "chargingRateUnit": "A", "chargingSchedulePeriod": [period]}],
    }  # fmt: skip
    await states.ev_connected(t)
    await states.remotely_authorized(t, profile=profile)
    await states.charging(t)
