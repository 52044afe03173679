"""The vault: what must not be read stays where only the key reads it.

Law: durable before the journal names it, revealed only for the purpose it was kept for, and never in the clear on any disk.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SetupFault
from eventlog.vault import KEY_BYTES, PERSON, SECRET, MemoryVault, Vault
from wire.sealed import parse

PURPOSES = st.sampled_from([SECRET, PERSON])


def chance(seed: int = 0) -> Callable[[int], bytes]:
    """Repeatable entropy that never gives the same twice."""
    count = itertools.count(seed * 1_000_000)
    return lambda n: b"".join(next(count).to_bytes(8, "big") for _ in range(n // 8 + 1))[:n]


def handle(placeholder: str) -> str:
    """The handle in a placeholder."""
    sealed = parse(placeholder)
    assert sealed is not None
    return sealed.handle


@settings(max_examples=50, deadline=None, database=None)
@given(st.lists(st.tuples(st.text(max_size=30), PURPOSES), max_size=12), st.text(max_size=30))
def test_both_vaults_keep_any_text(tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]], other: str) -> None:
    """If this failed, some password or card number could not be used after it was set."""
    directory = tmp_path_factory.mktemp("vault")
    entropy = chance()
    vault, memory = Vault(directory, entropy), MemoryVault(b"k" * KEY_BYTES)
    for keeper in (vault, memory):
        given_out = {(text, purpose): keeper.keep(text, purpose) for text, purpose in texts}
        for (text, purpose), placeholder in given_out.items():
            assert keeper.keep(text, purpose) == placeholder, "equal texts have equal handles"
            assert keeper.reveal(handle(placeholder), purpose) == text
            assert keeper.reveal(handle(placeholder), PERSON if purpose == SECRET else SECRET) is None
            sealed = parse(placeholder)
            assert sealed is not None
            assert (sealed.length, sealed.printable) == (len(text), text.isascii() and text.isprintable())
        assert len(set(given_out.values())) == len(given_out)
    again = Vault(directory, entropy)
    for text, purpose in texts:
        assert again.reveal(handle(vault.keep(text, purpose)), purpose) == text
    assert again.reveal("f" * 32, SECRET) is None
    assert again.keep(other, SECRET) == Vault(directory, entropy).keep(other, SECRET)


def test_the_same_text_has_another_handle_under_another_key(tmp_path: Path) -> None:
    """If this failed, whoever has two journals could tell that one card was at both stations, or try all card numbers."""
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    assert Vault(first, chance(1)).keep("04A2B3C4", PERSON) != Vault(second, chance(2)).keep("04A2B3C4", PERSON)
    assert MemoryVault(b"1" * 32).keep("x", SECRET) != MemoryVault(b"2" * 32).keep("x", SECRET)


def test_no_text_is_in_any_byte_of_any_file(tmp_path: Path) -> None:
    """If this failed, a stolen disk image without its key would be a list of passwords."""
    vault = Vault(tmp_path, chance())
    texts = [f"hunter{n}-correct-horse" for n in range(20)]
    for text in texts:
        vault.keep(text, SECRET)
        vault.keep(text, PERSON)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(files) == ["vault", "vault.key"]
    for text in texts:
        for spelling in (text.encode(), text.encode("utf-16-le"), text.encode().hex().encode(), text[::-1].encode()):
            assert not any(spelling in data for data in files.values())
    assert SECRET.encode() not in files["vault"]


def test_equal_texts_are_written_once(tmp_path: Path) -> None:
    """If this failed, the vault would grow with every swipe of a card."""
    vault = Vault(tmp_path, chance())
    vault.keep("card", PERSON)
    size = (tmp_path / "vault").stat().st_size
    for _ in range(50):
        vault.keep("card", PERSON)
        Vault(tmp_path, chance(3)).keep("card", PERSON)
    assert (tmp_path / "vault").stat().st_size == size


def test_a_station_without_secrets_makes_no_vault(tmp_path: Path) -> None:
    """If this failed, every start would pay for a cipher that it does not need."""
    assert Vault(tmp_path, chance()).reveal("0" * 32, SECRET) is None
    assert not (tmp_path / "vault").exists()


@pytest.mark.parametrize("purpose", [SECRET, PERSON])
def test_only_its_owner_reads_it(tmp_path: Path, purpose: str) -> None:
    """If this failed, any user of the machine could log in as the station."""
    Vault(tmp_path, chance()).keep("x", purpose)
    assert [path.stat().st_mode & 0o777 for path in sorted(tmp_path.iterdir())] == [0o600, 0o600]


# Damage


def kept(tmp_path: Path) -> list[str]:
    """A vault with four texts; their handles."""
    vault = Vault(tmp_path, chance())
    return [handle(vault.keep(f"text {n}", SECRET)) for n in range(4)]


@pytest.mark.parametrize("lost", [1, 3, 4, 5, 20, 40])
def test_a_last_record_that_was_torn_is_cut_off_and_the_rest_kept(tmp_path: Path, lost: int, caplog: pytest.LogCaptureFixture) -> None:
    """If this failed, a power cut while a card is read would keep the station from starting."""
    handles = kept(tmp_path)
    whole = (tmp_path / "vault").read_bytes()
    (tmp_path / "vault").write_bytes(whole[:-lost])
    with caplog.at_level(logging.WARNING):
        vault = Vault(tmp_path, chance(5))
        assert [vault.reveal(one, SECRET) for one in handles] == ["text 0", "text 1", "text 2", None]
    assert "torn by a power cut" in caplog.text
    assert handle(vault.keep("text 3", SECRET)) == handles[3]
    assert (tmp_path / "vault").stat().st_size == len(whole)
    assert Vault(tmp_path, chance(6)).reveal(handles[3], SECRET) == "text 3"


def test_damage_anywhere_before_the_last_record_is_refused(tmp_path: Path) -> None:
    """If this failed, a password could be lost, or changed, without anybody noticing."""
    kept(tmp_path)
    path = tmp_path / "vault"
    whole = path.read_bytes()
    size = int.from_bytes(whole[:4], "big") + 4
    for place in range(size + 4, size * 2, 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with pytest.raises(SetupFault, match=f"damaged at byte {size}"):
            Vault(tmp_path, chance()).reveal("0" * 32, SECRET)
        assert len(path.read_bytes()) == len(whole), "nothing is cut off that is not the end"


def test_the_wrong_key_is_refused_and_nothing_is_cut_off(tmp_path: Path) -> None:
    """If this failed, putting back the wrong backup of the key would erase the vault."""
    kept(tmp_path)
    whole = (tmp_path / "vault").read_bytes()
    (tmp_path / "vault.key").write_bytes(b"w" * KEY_BYTES)
    with pytest.raises(SetupFault, match=r"vault\.key is not its key"):
        Vault(tmp_path, chance()).reveal("0" * 32, SECRET)
    assert (tmp_path / "vault").read_bytes() == whole


def test_the_wrong_key_of_a_vault_with_one_text_is_no_torn_record(tmp_path: Path) -> None:
    """If this failed, a vault that holds only the password would be emptied by a wrong key."""
    Vault(tmp_path, chance()).keep("the password", SECRET)
    whole = (tmp_path / "vault").read_bytes()
    (tmp_path / "vault.key").write_bytes(b"w" * KEY_BYTES)
    with pytest.raises(SetupFault):
        Vault(tmp_path, chance()).reveal("0" * 32, SECRET)
    assert (tmp_path / "vault").read_bytes() == whole


@pytest.mark.parametrize("key", [b"", b"short", b"k" * 33])
def test_a_key_that_is_none_is_refused(tmp_path: Path, key: bytes) -> None:
    """If this failed, a truncated key would make another vault."""
    kept(tmp_path)
    (tmp_path / "vault.key").write_bytes(key)
    with pytest.raises(SetupFault, match=f"holds {len(key)} bytes"):
        Vault(tmp_path, chance()).reveal("0" * 32, SECRET)


def test_a_vault_without_its_key_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    """If this failed, a new key would be made, and the old texts be lost for good."""
    kept(tmp_path)
    (tmp_path / "vault.key").unlink()
    with pytest.raises(SetupFault, match="the key of the vault is gone"):
        Vault(tmp_path, chance())
    assert not (tmp_path / "vault.key").exists()
