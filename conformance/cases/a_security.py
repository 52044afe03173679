"""Block A, security: who the station says it is."""

from __future__ import annotations

from json import dumps

from conformance.bench import Login
from conformance.case import case
from conformance.trial import STATION_LIMIT_S, Trial
from conformance.verdict import NotExercised

PASSWORD = "SecurityCtrlr.BasicAuthPassword"  # noqa: S105 (a name)
SPECIAL = "*-_=:+|@."
"""What a passwordString may have beside letters and digits."""
LENGTHS = 16, 40


async def with_password(t: Trial) -> None:
    """The station says a password when it connects, because it has one, and its network profile wants it: security profile 1 or 2."""
    status = await t.set(PASSWORD, t.settings.password)
    t.one_of(status, ("Accepted", "RebootRequired"), "attributeStatus of the new password", "A01.FR.02")
    if status == "RebootRequired":
        await t.driver.power_cycle()
        await t.booted()
    wanted = Login(t.settings.identity, t.settings.password)
    await t.bench.until(lambda: t.bench.login == wanted and t.bench.linked, 2 * STATION_LIMIT_S)
    profile = await t.get("SecurityCtrlr.SecurityProfile")
    if profile not in ("1", "2"):
        raise NotExercised(f"the station uses security profile {profile}; right would be 1 or 2")
    await logged_in(t, t.settings.password, "A00.FR.204")


async def password_set(t: Trial, password: str, requirement: str) -> None:
    """The CSMS sets a password, and the station connects with it: at once, or after a restart where it wants one."""
    status = await t.set(PASSWORD, password)
    t.one_of(status, ("Accepted", "RebootRequired"), "attributeStatus of the new password", requirement)
    if status == "RebootRequired":
        await t.driver.power_cycle()
        await t.booted()
    await logged_in(t, password, requirement)


async def logged_in(t: Trial, password: str, requirement: str) -> None:
    """There is a link that was opened with *password*."""
    wanted = Login(t.settings.identity, password)
    await t.bench.until(lambda: t.bench.login == wanted and t.bench.linked, 2 * STATION_LIMIT_S)
    t.true(t.bench.linked, "link", "there", "none", requirement)
    # Not with t.equal: no password is for a report.
    got = t.bench.login
    if got is None:
        t.fail("Authorization header", "one of kind Basic", "none", "A00.FR.204")
    t.equal(got.identity, wanted.identity, "identity in the Authorization header", "A00.FR.204")
    t.true(got.password == password, "password in the Authorization header", "the one that counts", "another one", requirement)


@case("TC_A_01_CS")
async def basic_authentication(t: Trial) -> None:
    """A station that starts says its identity and its password when it connects."""
    await with_password(t)
    await t.driver.power_cycle()
    await t.booted()
    password = t.bench.login.password if t.bench.login is not None else ""
    t.true(LENGTHS[0] <= len(password) <= LENGTHS[1], "length of the password", "16 to 40 characters", len(password), "A00.FR.205")
    strange = {character for character in password if not (character.isascii() and character.isalnum()) and character not in SPECIAL}
    t.equal(len(strange), 0, "number of characters that a passwordString does not have", "A00.FR.205")
    await logged_in(t, t.settings.password, "A00.FR.204")


@case("TC_A_09_CS", "A01.FR.01", "A01.FR.02", "A01.FR.11", "A01.FR.12", "B01.FR.01")
async def new_password(t: Trial) -> None:
    """The CSMS sets a password: the station connects again, with that one."""
    await with_password(t)
    await password_set(t, t.settings.second_password, "A01.FR.02")
    # Whether the change is told is up to the station; the password is not.
    await t.wait(1)
    told = sorted({one.action for one in t.heard if t.settings.second_password in dumps(one.payload)})
    t.equal(told, [], "messages that disclose the password", "A01.FR.12")


@case("TC_A_10_CS")
async def password_too_short(t: Trial) -> None:
    """A password of fewer than 16 characters is rejected, and the one before it still counts when the station connects again."""
    await with_password(t)
    t.equal(await t.set(PASSWORD, "short.One-15chr"), "Rejected", "attributeStatus of a password of 15 characters", "B05.FR.07")
    t.bench.login = None
    await t.bench.hang_up(stay_away=False)
    await logged_in(t, t.settings.password, "A01.FR.01")
    await t.driver.power_cycle()
    await t.booted()
    await logged_in(t, t.settings.password, "A01.FR.01")
