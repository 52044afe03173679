"""A01: what becomes of a password that was replaced.

Law: the old one is destroyed once the CSMS has sent a frame on a link that was dialled with the one that took its place, and never before: there are
CSMSs that let everybody in, and look at the password only then.  It is not used again in between: the CSMS takes it no longer (A01.FR.03), so a
station that is refused goes on with the new one, and an operator can still see which one that replaced.
"""

from __future__ import annotations

import attrs

from engine.event import Fact
from engine.machine import Conclusions, Context, Folds, Machine, Part, State, Station, state
from engine.records import record
from machines.connection.facts import Dialled, LinkConfirmed
from machines.device_model.facts import Changed, ModelDeclared, VariableCleared, VariableSet
from machines.device_model.state import DEVICE_MODEL, Key
from machines.effects import Shred
from machines.security.views import PASSWORD
from wire.sealed import parse

COMPONENTS = ("securityctrlr", "networkconfiguration")
LOGIN = "/".join(map(str, PASSWORD.key))
"""The password that links are dialled with."""


@record(357)
class PasswordsHeld(Fact):
    """The passwords in force: (address, handle) pairs, sorted."""

    passwords: tuple[tuple[str, str], ...]


@record(358)
class OldPasswordsDropped(Fact):
    """The passwords behind *handles* are of no use any more."""

    handles: tuple[str, ...]


@state(359)
class Passwords(State):
    """*held* are the passwords in force by address; *replaced* says of an old one which took its place; *dialled* is what a link is opened with."""

    held: dict[str, str] = attrs.field(factory=dict)
    replaced: dict[str, str] = attrs.field(factory=dict)
    dialled: str = ""


PASSWORDS = Part("passwords", Passwords)


def fold_held(passwords: Passwords, fact: PasswordsHeld) -> None:
    """What is no longer in force was replaced; what is in force again was not."""
    held = dict(fact.passwords)
    for address, old in passwords.held.items():
        if held.get(address) != old:
            passwords.replaced[old] = held.get(address, "")
    for handle in held.values():
        passwords.replaced.pop(handle, None)
    passwords.held = held


def fold_dialled(passwords: Passwords, fact: Dialled) -> None:  # noqa: ARG001
    """A link is opened with what is in force now."""
    passwords.dialled = passwords.held.get(LOGIN, "")


def fold_dropped(passwords: Passwords, fact: OldPasswordsDropped) -> None:
    """Gone."""
    for handle in fact.handles:
        passwords.replaced.pop(handle, None)


FOLDS: Folds[Passwords] = {PasswordsHeld: fold_held, Dialled: fold_dialled, OldPasswordsDropped: fold_dropped}


def is_password(key: Key) -> bool:
    """Whether an address is that of a password for links."""
    return key[0] in COMPONENTS and key[4] == PASSWORD.key[4] and key[6] == "Actual"


def handle_in(value: str | None) -> str:
    """The handle of a password; empty for none."""
    found = parse(value or "")
    return found.handle if found is not None else ""


def look(station: Station, fact: ModelDeclared | Changed, cx: Context) -> Conclusions:  # noqa: ARG001
    """Another password may be in force."""
    if isinstance(fact, VariableSet | VariableCleared) and fact.variable.casefold() != PASSWORD.key[4]:
        return
    model = station[DEVICE_MODEL]
    found = {"/".join(map(str, key)): handle_in(model.text(key)) for key in model.declared if is_password(key)}
    held = {address: handle for address, handle in found.items() if handle}
    if held != station[PASSWORDS].held:
        yield PasswordsHeld(passwords=tuple(sorted(held.items())))


def on_confirmed(station: Station, fact: LinkConfirmed, cx: Context) -> Conclusions:  # noqa: ARG001
    """The password that the link was dialled with works: those before it go, however many there were."""
    passwords = station[PASSWORDS]
    if not passwords.replaced:
        return
    proven, gone = {passwords.dialled}, set[str]()
    while found := {old for old, new in passwords.replaced.items() if new in proven} - gone:
        gone |= found
        proven |= found
    # One that a component file names lies there in the clear, and is sealed anew at every start; one that waits in a layer below may count again.
    gone = {handle for handle in gone if not station[DEVICE_MODEL].names(handle)}
    if gone:
        handles = tuple(sorted(gone))
        yield OldPasswordsDropped(handles=handles)
        yield Shred(handles=handles)


MACHINE = Machine(PASSWORDS, folds=FOLDS, hears={ModelDeclared: look, VariableSet: look, VariableCleared: look, LinkConfirmed: on_confirmed})
