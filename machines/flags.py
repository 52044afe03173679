"""The register of flags: behaviours that must not change under a journal that was recorded without them, nor under a session that began so.

Law: a flag is read once, where what it governs begins, and the fact that begins it says what follows.  So a session goes on as it began through
updates and restarts, and a journal is decided again as the build decided that wrote it.
"""

from __future__ import annotations

from attrs import frozen

from engine.machine import Context


@frozen(kw_only=True)
class Flag:
    """A behaviour by *name*, since which build, what it *switches*, and when it may be *retired*: its name be forgotten, its old side be deleted."""

    name: str
    since: str
    switches: str
    retired: str

    def is_set(self, cx: Context) -> bool:
        """Whether the process that decides was started with it."""
        return self.name in cx.flags


OLD_PASSWORDS_GO = Flag(
    name="old-passwords-go",
    since="0.1.0",
    switches="a password that was replaced is destroyed once its successor has carried a link; without it, it is kept",
    retired="when no journal that was started without it is decided again",
)

POWER_IS_TOLD = Flag(
    name="power-is-told",
    since="0.1.0",
    switches="a transaction that outlives its authorization charges until the power path has opened, and tells that; without it, it tells "
    "that it no longer charges with the stop",
    retired="when no journal that was started without it is decided again, and no transaction that began without it can still run",
)

STOP_POINTS_STAY = Flag(
    name="stop-points-stay",
    since="0.1.0",
    switches="a transaction ends by the TxStopPoint that was set when it began; without it, by whatever is set at the moment",
    retired="when no journal that was started without it is decided again, and no transaction that began without it can still run",
)

TOLD_AS_CERTIFIED = Flag(
    name="told-as-certified",
    since="0.1.0",
    switches="what Part 6 looks at: clock-aligned values of an EVSE at rest are of the moment, events of an EVSE name its transaction, reports tell "
    "empty values and judge a criterion by all instances of its variable, readings are kept for the last event of a transaction; without it, those "
    "values are of when they were read, nothing is kept, only monitors for "
    "transactions name one, and empty values and instances are left out",
    retired="when no journal that was started without it is decided again",
)

REGISTER = (OLD_PASSWORDS_GO, POWER_IS_TOLD, STOP_POINTS_STAY, TOLD_AS_CERTIFIED)
"""Every flag that this build knows, in the order of their names."""

FLAGS: tuple[str, ...] = tuple(flag.name for flag in REGISTER)
"""What a process that starts now records in ``Started``."""
