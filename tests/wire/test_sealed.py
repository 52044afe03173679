"""Placeholders: one spelling for one secret, found and replaced in JSON text.

Law: what is no placeholder in the canonical spelling is left alone.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import sealed
from wire.sealed import Sealed

H1, H2 = "0123456789abcdef" * 2, "f" * 32


def test_a_placeholder_says_length_and_flag_and_has_one_spelling() -> None:
    """If this fails, a machine cannot judge a password's length without knowing it, or one secret equals itself no more."""
    for one in (Sealed(handle=H1, length=0, printable=True), Sealed(handle=H2, length=999_999_999, printable=False)):
        assert sealed.parse(one.text) == one
    assert Sealed(handle=H1, length=16, printable=True).text == f"<sealed:{H1}:16:p>"
    assert Sealed(handle=H1, length=16, printable=False).text == f"<sealed:{H1}:16:->"


@pytest.mark.parametrize(
    "text",
    [
        "", "secret", f"<sealed:{H1}:16:p> ", f" <sealed:{H1}:16:p>", f"<sealed:{H1}:016:p>", f"<sealed:{H1}::p>", f"<sealed:{H1}:16:x>",
        f"<sealed:{H1.upper()}:16:p>", f"<sealed:{H1[1:]}:16:p>", f"<sealed:{H1}:-1:p>", f"<sealed:{H1}:1234567890:p>", f"<sealed:{H1}:\u0661:p>",
        f"<sealed:{H1}:16:p>\n", f"<SEALED:{H1}:16:p>",
    ],
)  # fmt: skip
def test_any_other_spelling_is_no_placeholder(text: str) -> None:
    """If this fails, two texts stand for one secret, and comparing placeholders means nothing."""
    assert sealed.parse(text) is None


def test_replacing_escapes_and_leaves_unknown_handles() -> None:
    """If this fails, a password with a quotation mark breaks the message it stands in, or a lost one becomes an empty one."""
    data = f'{{"a":"<sealed:{H1}:4:p>","b":"x<sealed:{H2}:1:->y<sealed:{H1}:4:p>"}}'.encode()
    assert sealed.find(data) == [H1, H2, H1]
    shown = sealed.replace(data, {H1: '"\\\n\u2028é🔌'}.get)
    assert json.loads(shown) == {"a": '"\\\n\u2028é🔌', "b": f'x<sealed:{H2}:1:->y"\\\n\u2028é🔌'}
    assert sealed.replace_text(f"ftp://<sealed:{H1}:4:p>@host/<sealed:{H2}:1:->", {H1: "u:p"}.get) == f"ftp://u:p@host/<sealed:{H2}:1:->"


def test_what_was_revealed_is_not_looked_at_again() -> None:
    """If this fails, a peer that sends a placeholder as its token is shown the secret behind it."""
    data = f'"<sealed:{H1}:45:p>"'.encode()
    assert sealed.replace(data, {H1: f"<sealed:{H2}:4:p>", H2: "secret"}.get) == f'"<sealed:{H2}:4:p>"'.encode()


@given(st.text(max_size=30))
def test_any_text_comes_back_as_it_was(secret: str) -> None:
    """If this fails, some secret is another one after it was revealed.  Half a surrogate pair survives as an escape."""
    assert json.loads(sealed.replace(f'["<sealed:{H1}:1:->"]'.encode(), lambda _: secret)) == [secret]


@given(st.binary(max_size=60))
def test_nothing_raises(data: bytes) -> None:
    """If this fails, a frame takes the station down."""
    assert sealed.find(data) == []
    assert sealed.replace(data, lambda _: "x") == data
    assert sealed.parse(data.decode("latin-1")) is None
