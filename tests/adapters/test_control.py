"""What the control socket says of what it is given."""

from __future__ import annotations

import pytest

from adapters.control import TOKEN_TYPES, UID_BYTES, impossible


@pytest.mark.parametrize(("token_type", "bytes_of_it"), [("ISO14443", 4), ("ISO14443", 7), ("ISO14443", 10), ("ISO15693", 8)])
def test_the_cards_that_exist_are_not_warned_of(token_type: str, bytes_of_it: int) -> None:
    """If this failed, people would learn to look past the warning."""
    assert impossible("0a" * bytes_of_it, token_type) == ""
    assert impossible("0A" * bytes_of_it, token_type) == ""


@pytest.mark.parametrize(
    ("token", "token_type", "why"),
    [
        ("04AABBCCDD", "ISO14443", "10 digits"),
        ("04AABBC", "ISO14443", "7 digits"),
        ("04AABBCG", "ISO14443", "other characters"),
        ("04:AA:BB:CC", "ISO14443", "other characters"),
        ("", "ISO14443", "other characters"),
        ("04AABBCC", "ISO15693", "8 bytes"),
    ],
)
def test_a_card_that_cannot_exist_is_warned_of_without_being_shown(token: str, token_type: str, why: str) -> None:
    """If this failed, a CSMS that takes only real UIDs would refuse the card and nobody would know why."""
    warning = impossible(token, token_type)
    assert why in warning
    assert not token or token not in warning


def test_what_is_no_card_may_be_any_text() -> None:
    """If this failed, a contract or a key code would be called a bad card."""
    for token_type in set(TOKEN_TYPES) - set(UID_BYTES):
        assert impossible("any text", token_type) == ""
