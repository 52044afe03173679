"""The vault: what must not be read stays where only the key reads it, and what is to be forgotten is.

Law: durable before the journal names it, revealed only for the purpose it was kept for, never in the clear on any disk, and gone when it is to go.
"""

from __future__ import annotations

import itertools
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SetupFault
from eventlog import vault_file
from eventlog.vault import FRAME, PERSON, SECRET, MemoryVault, Vault, shown_to_csms
from eventlog.vault_keys import KEY_BYTES, FileKey, PassphraseKey
from tests.eventlog.fossils import FIRST_FORMAT, FIRST_FORMAT_KEY, FIRST_FORMAT_TEXTS
from wire.sealed import find, parse

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


def put(vault: Vault | MemoryVault, text: str, purpose: str = SECRET, seq: int = 0) -> str:
    """Keep a text durably; its handle."""
    placeholder = vault.keep(text, purpose)
    vault.flush(seq)
    return handle(placeholder)


@settings(max_examples=50, deadline=None, database=None)
@given(st.lists(st.tuples(st.text(max_size=30), PURPOSES), max_size=12), st.text(max_size=30))
def test_both_vaults_keep_any_text(tmp_path_factory: pytest.TempPathFactory, texts: list[tuple[str, str]], other: str) -> None:
    """If this failed, some password or card number could not be used after it was set."""
    directory = tmp_path_factory.mktemp("vault")
    vault, memory = Vault(directory, chance()), MemoryVault(b"k" * KEY_BYTES)
    for keeper in (vault, memory):
        given_out = {(text, purpose): keeper.keep(text, purpose) for text, purpose in texts}
        keeper.flush(0)
        for (text, purpose), placeholder in given_out.items():
            assert keeper.keep(text, purpose) == placeholder, "equal texts have equal handles"
            assert keeper.reveal(handle(placeholder), purpose) == text
            assert keeper.reveal(handle(placeholder), PERSON if purpose == SECRET else SECRET) is None
            assert keeper.holds(handle(placeholder))
            sealed = parse(placeholder)
            assert sealed is not None
            assert (sealed.length, sealed.printable) == (len(text), text.isascii() and text.isprintable())
        assert len(set(given_out.values())) == len(given_out)
    again = Vault(directory, chance(1))
    for text, purpose in texts:
        assert again.reveal(handle(vault.keep(text, purpose)), purpose) == text
    assert again.reveal("f" * 32, SECRET) is None
    assert put(again, other) == put(Vault(directory, chance(2)), other)


def test_no_handle_can_be_made_from_a_text(tmp_path: Path) -> None:
    """If this failed, whoever has the key could try all card numbers on the journal, and find the forgotten ones too."""
    first, second = tmp_path / "a", tmp_path / "b"
    for directory in (first, second):
        directory.mkdir()
        (directory / "vault.key").write_bytes(b"k" * KEY_BYTES)
    assert put(Vault(first, chance(1)), "04A2B3C4", PERSON) != put(Vault(second, chance(2)), "04A2B3C4", PERSON)
    assert MemoryVault(b"1" * 32).keep("x", SECRET) != MemoryVault(b"2" * 32).keep("x", SECRET)


def test_no_text_is_in_any_byte_of_any_file(tmp_path: Path) -> None:
    """If this failed, a stolen disk image without its key would be a list of passwords."""
    vault = Vault(tmp_path, chance())
    texts = [f"hunter{n}-correct-horse" for n in range(20)]
    for text in texts:
        vault.keep(text, SECRET)
        put(vault, text, PERSON)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(files) == ["vault", "vault.key"]
    for text in texts:
        for spelling in (text.encode(), text.encode("utf-16-le"), text.encode().hex().encode(), text[::-1].encode()):
            assert not any(spelling in data for data in files.values())
    assert SECRET.encode() not in files["vault"]


def test_equal_texts_are_written_once(tmp_path: Path) -> None:
    """If this failed, the vault would grow with every swipe of a card."""
    vault = Vault(tmp_path, chance())
    put(vault, "card", PERSON)
    size = (tmp_path / "vault").stat().st_size
    for n in range(50):
        put(vault, "card", PERSON)
        put(Vault(tmp_path, chance(3 + n)), "card", PERSON)
    assert (tmp_path / "vault").stat().st_size == size


def test_many_texts_cost_one_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, a network profile with five secrets would hold the station up five times; and nothing new costs nothing at all."""
    vault = Vault(tmp_path, chance())
    put(vault, "the first one makes the files")
    flushed: list[int] = []
    real = os.fsync

    def counted(file: int) -> None:
        flushed.append(file)
        real(file)

    monkeypatch.setattr(os, "fsync", counted)
    for n in range(5):
        vault.keep(f"secret {n}", SECRET)
    vault.flush(7)
    assert len(flushed) == 1
    vault.keep("secret 3", SECRET)
    vault.flush(8)
    assert len(flushed) == 1
    assert set(Vault(tmp_path, chance(1)).unswept().values()) == {0, 7}


def test_a_disk_that_takes_nothing_leaves_the_vault_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this failed, what a full disk cut short would be taken for damage, or a card would be lost."""
    vault = Vault(tmp_path, chance())
    first = put(vault, "first")
    path = tmp_path / "vault"

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        second = handle(vault.keep("second", SECRET))
        with pytest.raises(OSError, match="No space"):
            vault.flush(1)
        with pytest.raises(OSError, match="No space"):
            vault.forget([first])
        assert Vault(tmp_path, chance(1)).reveal(first, SECRET) == "first"
        assert vault.reveal(first, SECRET) == "first", "what could not be forgotten is asked for again"
    vault.flush(1)
    assert [entry.handle for entry in vault_file.read(path, path.read_bytes()).entries] == [first, second], "what was cut short is not there twice"
    again = Vault(tmp_path, chance(1))
    assert (again.reveal(first, SECRET), again.reveal(second, SECRET)) == ("first", "second")


def test_a_station_without_secrets_makes_no_vault(tmp_path: Path) -> None:
    """If this failed, every start would pay for a cipher that it does not need."""
    vault = Vault(tmp_path, chance())
    vault.flush(3)
    assert vault.reveal("0" * 32, SECRET) is None
    assert not vault.unswept()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("purpose", [SECRET, PERSON])
def test_only_its_owner_reads_it(tmp_path: Path, purpose: str) -> None:
    """If this failed, any user of the machine could log in as the station; a file that is written anew is no exception."""
    vault = Vault(tmp_path, chance())
    one = put(vault, "x", purpose)
    put(vault, "y", purpose)
    assert [path.stat().st_mode & 0o777 for path in sorted(tmp_path.iterdir())] == [0o600, 0o600]
    vault.forget([one])
    assert [path.stat().st_mode & 0o777 for path in sorted(tmp_path.iterdir())] == [0o600, 0o600]


# Forgetting


def test_what_is_forgotten_is_in_no_byte_and_no_memory(tmp_path: Path) -> None:
    """If this failed, whoever has the key later could still read who was here."""
    vault = Vault(tmp_path, chance())
    ours, theirs = put(vault, "04AABBCC", PERSON), put(vault, "04DDEEFF", PERSON)
    before = vault_file.read(tmp_path / "vault", (tmp_path / "vault").read_bytes())
    entry = next(entry for entry in before.entries if entry.handle == ours)
    vault.forget([ours, "0" * 32])
    after = (tmp_path / "vault").read_bytes()
    for piece in (entry.key[12:], entry.text[12:], bytes.fromhex(ours)):
        assert piece not in after
    assert list(tmp_path.glob("*.new")) == []
    for keeper in (vault, Vault(tmp_path, chance(1))):
        assert keeper.reveal(ours, PERSON) is None
        assert not keeper.holds(ours)
        assert keeper.reveal(theirs, PERSON) == "04DDEEFF"
    vault.forget([ours])
    assert (tmp_path / "vault").read_bytes() == after, "twice is once"


def test_the_same_card_is_somebody_else_after_it_was_forgotten(tmp_path: Path) -> None:
    """If this failed, a driver who comes back would be linked with what they did before; the simulator's vault keeps the same law."""
    for keeper in (Vault(tmp_path, chance()), MemoryVault(b"k" * KEY_BYTES)):
        first = put(keeper, "04AABBCC", PERSON)
        keeper.forget([first])
        assert keeper.find("04AABBCC") == []
        second = put(keeper, "04AABBCC", PERSON)
        assert second != first
        assert keeper.reveal(second, PERSON) == "04AABBCC"
        assert keeper.reveal(first, PERSON) is None


def test_a_text_that_is_not_durable_yet_is_forgotten_too(tmp_path: Path) -> None:
    """If this failed, the next flush would write down somebody who was forgotten."""
    vault = Vault(tmp_path, chance())
    put(vault, "someone else", PERSON)
    one = handle(vault.keep("nobody yet", PERSON))
    vault.forget([one])
    vault.flush(1)
    assert Vault(tmp_path, chance(1)).find("nobody yet") == []


def test_a_person_is_found_in_every_case_and_by_the_first_digits(tmp_path: Path) -> None:
    """If this failed, 04aabb would be forgotten and 04AABB remembered, though OCPP takes them for one."""
    for keeper in (Vault(tmp_path, chance()), MemoryVault(b"k" * KEY_BYTES)):
        upper, lower = put(keeper, "04AABB", PERSON), put(keeper, "04aabb", PERSON)
        secret = put(keeper, "04AABB", SECRET)
        assert keeper.find("04AaBb") == sorted([upper, lower])
        assert keeper.begin(upper[:31]) == ([upper] if upper[:31] != lower[:31] else sorted([upper, lower]))
        assert secret not in keeper.begin("")


@pytest.mark.parametrize(
    ("kept", "text", "hidden"),
    [
        (["04AABBCC"], "04aabbcc is blocked, 04AABBCC too", 2),
        (["04AABBCC", "04AABB"], "of 04AABBCCDD and 04AABB", 2),
        (["A1"], "A1 is no A12, nor BA1; a1!", 2),
        (["(a+)+$", "\\"], "it was (a+)+$ or \\", 2),
        (["straße 7"], "STRASSE 7, Straße 7", 2),
        ([], "nothing is known", 0),
        (["nobody"], "", 0),
    ],
)
def test_what_is_kept_is_hidden_where_somebody_says_it_back(tmp_path: Path, kept: list[str], text: str, hidden: int) -> None:
    """If this failed, a CSMS that repeats a card or a password in an error would write it into the journal."""
    for keeper in (Vault(tmp_path, chance()), MemoryVault(b"k" * KEY_BYTES)):
        handles = [handle(keeper.keep(one, PERSON)) for one in kept]
        said = keeper.mask(text)
        assert said.count("<sealed:") == hidden
        assert all(found in handles for found in find(said.encode()))
        assert not any(one in said for one in kept if len(one) > 2)


def test_the_evidence_in_a_frame_is_hidden_from_nobody(tmp_path: Path) -> None:
    """If this failed, a word that stood once in a frame that nobody could read would hide every later one."""
    vault = Vault(tmp_path, chance())
    vault.keep("broken", FRAME)
    vault.keep("", PERSON)
    assert vault.mask("broken frame") == "broken frame"


def test_a_frame_that_mentions_somebody_goes_with_them(tmp_path: Path) -> None:
    """If this failed, a card number would stay in a broken frame that was kept as evidence; a password that happens to hold it stays."""
    for keeper in (Vault(tmp_path, chance()), MemoryVault(b"k" * KEY_BYTES)):
        card = put(keeper, "04AABB", PERSON)
        frame, other = put(keeper, '[2,"x","Authorize",{"idToken":"04aabb', FRAME), put(keeper, '[2,"y"', FRAME)
        password = put(keeper, "very-04AABB-secret", SECRET)
        keeper.forget([card])
        assert (keeper.holds(frame), keeper.holds(other), keeper.holds(password)) == (False, True, True)


def test_what_leaves_for_somebody_forgotten_is_a_word_that_every_schema_takes() -> None:
    """If this failed, a placeholder of 46 characters would break a message of 2.0.1, whose idToken has 36 at most."""
    vault = MemoryVault(b"k" * KEY_BYTES)
    card, secret = put(vault, "04AABB", PERSON), put(vault, "password", SECRET)
    assert shown_to_csms(vault, card) == "04AABB"
    assert shown_to_csms(vault, secret) is None
    vault.forget([card])
    assert shown_to_csms(vault, card) == f"forgotten-{card[:6]}"
    assert len(f"forgotten-{card[:6]}") <= 20


# The file of an earlier build


def fossil(tmp_path: Path) -> Path:
    """A vault of the first format."""
    (tmp_path / "vault").write_bytes(FIRST_FORMAT)
    (tmp_path / "vault.key").write_bytes(FIRST_FORMAT_KEY)
    return tmp_path


def test_a_vault_of_the_first_format_is_carried_over(tmp_path: Path) -> None:
    """If this failed, an update would lose the station's password: the journal names texts by the old handles."""
    vault = Vault(fossil(tmp_path), chance())
    assert not vault.unswept(), "none of them is taken for an orphan"
    for name, purpose, text in FIRST_FORMAT_TEXTS:
        assert vault.reveal(name, purpose) == text
        assert handle(vault.keep(text, purpose)) == name
    assert (tmp_path / "vault").read_bytes().startswith(vault_file.MAGIC)
    again = Vault(tmp_path, chance(1))
    assert not again.unswept()
    assert [again.reveal(name, purpose) for name, purpose, _ in FIRST_FORMAT_TEXTS] == [text for _, _, text in FIRST_FORMAT_TEXTS]


@pytest.mark.parametrize("lost", [1, 3, 40])
def test_a_torn_end_of_the_first_format_is_left_out(tmp_path: Path, lost: int) -> None:
    """If this failed, a power cut just before the update would keep the station from starting."""
    fossil(tmp_path)
    (tmp_path / "vault").write_bytes(FIRST_FORMAT[:-lost])
    vault = Vault(tmp_path, chance())
    assert [vault.reveal(name, purpose) for name, purpose, _ in FIRST_FORMAT_TEXTS][:-1] == [text for _, _, text in FIRST_FORMAT_TEXTS][:-1]
    assert not vault.holds(FIRST_FORMAT_TEXTS[-1][0])


def test_the_first_format_under_a_wrong_key_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """If this failed, the wrong backup of the key would empty the vault at the update."""
    fossil(tmp_path)
    (tmp_path / "vault.key").write_bytes(b"w" * KEY_BYTES)
    with pytest.raises(SetupFault, match="is not its key"):
        Vault(tmp_path, chance()).reveal("0" * 32, SECRET)
    assert (tmp_path / "vault").read_bytes() == FIRST_FORMAT
    (tmp_path / "vault.key").write_bytes(FIRST_FORMAT_KEY)
    (tmp_path / "vault").write_bytes(FIRST_FORMAT[:30] + b"?" + FIRST_FORMAT[31:])
    with pytest.raises(SetupFault, match="damaged at byte 0"):
        Vault(tmp_path, chance()).reveal("0" * 32, SECRET)


# Damage


def kept(tmp_path: Path) -> tuple[list[str], list[int]]:
    """A vault with four texts, each of a flush of its own; their handles, and the size of the file before each and at the end."""
    vault = Vault(tmp_path, chance())
    vault.prepare()
    handles, sizes = [], [(tmp_path / "vault").stat().st_size]
    for n in range(4):
        handles.append(put(vault, f"text {n}", SECRET, n))
        sizes.append((tmp_path / "vault").stat().st_size)
    return handles, sizes


def test_a_last_record_that_was_torn_anywhere_is_cut_off_and_the_rest_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """If this failed, a power cut while a card is read would keep the station from starting."""
    handles, sizes = kept(tmp_path)
    whole = (tmp_path / "vault").read_bytes()
    for size in range(sizes[3] + 1, sizes[4]):
        (tmp_path / "vault").write_bytes(whole[:size])
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            vault = Vault(tmp_path, chance(5))
            assert [vault.reveal(one, SECRET) for one in handles] == ["text 0", "text 1", "text 2", None]
        assert "torn by a power cut" in caplog.text
        assert (tmp_path / "vault").read_bytes() == whole[: sizes[3]]
        again = put(vault, "text 3")
        assert (tmp_path / "vault").stat().st_size == len(whole)
        assert Vault(tmp_path, chance(6)).reveal(again, SECRET) == "text 3"


def test_a_last_record_of_which_only_the_length_arrived_is_torn(tmp_path: Path) -> None:
    """If this failed, a file system that grows a file before it writes into it would keep the station from starting."""
    handles, sizes = kept(tmp_path)
    whole = (tmp_path / "vault").read_bytes()
    (tmp_path / "vault").write_bytes(whole[: sizes[3] + 9] + bytes(sizes[4] - sizes[3] - 9))
    assert [Vault(tmp_path, chance(5)).reveal(one, SECRET) for one in handles] == ["text 0", "text 1", "text 2", None]


def test_damage_anywhere_before_the_last_record_is_refused(tmp_path: Path) -> None:
    """If this failed, a password could be lost, or changed, without anybody noticing: also where the damage hits a length."""
    _, sizes = kept(tmp_path)
    path = tmp_path / "vault"
    whole = path.read_bytes()
    places = [*range(sizes[1], sizes[2], 3), sizes[1] + 4, sizes[1] + 5, sizes[1] + 6, sizes[1] + 7]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        with pytest.raises(SetupFault, match=f"damaged at byte {sizes[1]}"):
            Vault(tmp_path, chance()).reveal("0" * 32, SECRET)
        assert len(path.read_bytes()) == len(whole), "nothing is cut off that is not the end"


def test_a_file_that_was_written_anew_cannot_be_torn(tmp_path: Path) -> None:
    """If this failed, a damaged end of it would be cut off, though it was durable before it had its name."""
    handles, _ = kept(tmp_path)
    Vault(tmp_path, chance(5)).forget(handles[:1])
    path = tmp_path / "vault"
    whole = path.read_bytes()
    for data in (whole[:-1], whole[:-1] + b"?", whole[:60], b"stationd vault 2\n"):
        path.write_bytes(data)
        with pytest.raises(SetupFault, match="damaged at byte"):
            Vault(tmp_path, chance()).reveal("0" * 32, SECRET)
        assert path.read_bytes() == data


def test_a_text_that_was_exchanged_for_another_is_refused(tmp_path: Path) -> None:
    """If this failed, whoever can write the file could have one card pay for another."""
    kept(tmp_path)
    path = tmp_path / "vault"
    found = vault_file.read(path, path.read_bytes())
    first, second, *others = found.entries
    mixed = [vault_file.Entry(first.handle, 0, second.key, second.text), second, *others]
    vault_file.write(path, found.header, mixed, -1)
    with pytest.raises(SetupFault, match=f"under {first.handle[:6]} is damaged"):
        Vault(tmp_path, chance()).reveal("0" * 32, SECRET)


@pytest.mark.parametrize("texts", [1, 4])
def test_the_wrong_key_is_refused_and_nothing_is_cut_off(tmp_path: Path, texts: int) -> None:
    """If this failed, putting back the wrong backup of the key would erase the vault, also one that holds only the password."""
    vault = Vault(tmp_path, chance())
    for n in range(texts):
        put(vault, f"text {n}")
    whole = (tmp_path / "vault").read_bytes()
    (tmp_path / "vault.key").write_bytes(b"w" * KEY_BYTES)
    wrong = Vault(tmp_path, chance())
    tries: list[Callable[[], object]] = [
        lambda: wrong.reveal("0" * 32, SECRET), lambda: wrong.keep("x", SECRET), lambda: wrong.forget(["0" * 32]), wrong.prepare
    ]  # fmt: skip
    for do in tries:
        with pytest.raises(SetupFault, match=r"vault\.key is not its key"):
            do()
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


# Where the key comes from


def test_a_passphrase_opens_the_vault_and_another_does_not(tmp_path: Path) -> None:
    """If this failed, a stolen disk would be open though its owner types a passphrase at every start."""
    asked: list[str] = []

    def key(passphrase: str) -> PassphraseKey:
        def typed() -> str:
            asked.append(passphrase)
            return passphrase

        return PassphraseKey(typed, chance())

    vault = Vault(tmp_path, chance(), key("correct horse"))
    one = put(vault, "secret")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vault"], "no key lies beside it"
    assert asked == ["correct horse"], "asked once"
    assert Vault(tmp_path, chance(1), key("correct horse")).reveal(one, SECRET) == "secret"
    with pytest.raises(SetupFault, match="the passphrase is not its key"):
        Vault(tmp_path, chance(1), key("wrong")).reveal(one, SECRET)


def test_another_source_touches_no_text(tmp_path: Path) -> None:
    """If this failed, a change of the key would be a moment at which texts can be lost."""
    handles, _ = kept(tmp_path)
    before = vault_file.read(tmp_path / "vault", (tmp_path / "vault").read_bytes())
    passphrase = PassphraseKey(lambda: "correct horse", chance(8))
    vault = Vault(tmp_path, chance(5))
    vault.rekey(passphrase)
    after = vault_file.read(tmp_path / "vault", (tmp_path / "vault").read_bytes())
    assert after.entries == before.entries
    assert after.header != before.header
    put(vault, "text 4")
    (tmp_path / "vault.key").unlink()
    again = Vault(tmp_path, chance(6), passphrase)
    assert [again.reveal(one, SECRET) for one in handles] == [f"text {n}" for n in range(4)]
    with pytest.raises(SetupFault, match="comes from a passphrase, and not from a file"):
        Vault(tmp_path, chance(6), FileKey(Path(shutil.copy(tmp_path / "vault", tmp_path / "any")), chance())).reveal("0" * 32, SECRET)
