"""Keys, words, passphrases: in real files, with dice that the tests hold."""

import os
import stat
from pathlib import Path

import pytest

from jangteo.crypto.keyfile import seal_secret
from jangteo.crypto.keys import AuthorKey
from jangteo.node import identity
from jangteo.node.desk_error import DeskError
from jangteo.node.home import Home
from tests.desk_maker import Dice

HORSE = "correct horse"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_an_identity_is_24_words_and_two_keys_in_private_files(home: Home) -> None:
    made = identity.create(home, entropy=Dice())
    assert len(made.words.split()) == 24
    assert made.words not in repr(made)
    for path in (home.author_key_path, home.peer_key_path, home.author_path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert home.author() == made.author
    assert identity.load_author_key(home).public == made.author
    assert identity.words(home) == made.words


def test_the_words_alone_make_the_same_key(home: Home) -> None:
    made = identity.create(home, entropy=Dice())
    seed = identity.seed_from_typed_words(made.words.upper().replace(" ", "\n"))
    assert AuthorKey.from_seed(seed).public == made.author


def test_the_peer_key_is_another_secret_and_is_made_anew_when_lost(home: Home) -> None:
    dice = Dice()
    identity.create(home, entropy=dice)
    seed = identity.load_peer_seed(home)
    assert seed != identity.open_seed(home)
    assert identity.load_peer_seed(home) == seed
    home.peer_key_path.unlink()
    assert identity.load_peer_seed(home, entropy=dice) != seed


def test_an_identity_is_never_overwritten(home: Home) -> None:
    dice = Dice()
    first = identity.create(home, entropy=dice)
    with pytest.raises(DeskError, match="has an identity already") as caught:
        identity.create(home, entropy=dice)
    assert caught.value.code == "identity-exists"
    assert identity.load_author_key(home).public == first.author
    assert identity.adopt_seed(home, identity.open_seed(home)) == first.author


def test_the_first_start_makes_one_and_the_next_finds_it(home: Home) -> None:
    author, is_made = identity.ensure(home, entropy=Dice())
    assert is_made
    assert identity.ensure(home) == (author, False)


def test_a_home_without_an_identity_says_how_to_get_one(home: Home) -> None:
    with pytest.raises(DeskError, match="no identity in this home") as caught:
        identity.load_author_key(home)
    assert caught.value.code == "no-identity"
    assert "jangteo init" in (caught.value.hint or "")


def test_a_passphrase_seals_the_key_and_comes_off_again(home: Home, tmp_path: Path) -> None:
    dice = Dice()
    made = identity.create(home, passphrase=HORSE, entropy=dice)
    assert identity.is_sealed(home)
    assert home.author() == made.author
    with pytest.raises(DeskError, match="sealed with a passphrase"):
        identity.load_author_key(home, None, {})
    with pytest.raises(DeskError, match="does not open"):
        identity.load_author_key(home, lambda: "wrong", {})
    assert identity.load_author_key(home, lambda: HORSE, {}).public == made.author

    file = tmp_path / "passphrase"
    file.write_text("correct horse\n")
    file.chmod(0o600)
    environ = {identity.PASSPHRASE_VARIABLE: str(file)}
    assert identity.words(home, None, environ) == made.words
    identity.set_passphrase(home, None, None, environ, entropy=dice)
    assert not identity.is_sealed(home)
    assert identity.load_author_key(home, None, {}).public == made.author


def test_a_passphrase_file_that_others_can_read_is_refused(home: Home, tmp_path: Path) -> None:
    identity.create(home, passphrase=HORSE, entropy=Dice())
    file = tmp_path / "passphrase"
    file.write_text(HORSE)
    file.chmod(0o644)
    environ = {identity.PASSPHRASE_VARIABLE: str(file)}
    with pytest.raises(DeskError, match="open to other users") as caught:
        identity.load_author_key(home, None, environ)
    assert "chmod 600" in (caught.value.hint or "")
    file.chmod(0o400)
    identity.load_author_key(home, None, environ)


def test_a_passphrase_may_come_through_a_pipe(home: Home) -> None:
    made = identity.create(home, passphrase=HORSE, entropy=Dice())
    reading, writing = os.pipe()
    os.write(writing, HORSE.encode())
    os.close(writing)
    environ = {identity.PASSPHRASE_VARIABLE: f"/dev/fd/{reading}"}
    assert identity.load_author_key(home, None, environ).public == made.author
    os.close(reading)


def test_a_passphrase_file_that_is_not_there_is_said(home: Home, tmp_path: Path) -> None:
    identity.create(home, passphrase=HORSE, entropy=Dice())
    environ = {identity.PASSPHRASE_VARIABLE: str(tmp_path / "none")}
    with pytest.raises(DeskError, match=r"JANGTEO_PASSPHRASE_FILE names .*none"):
        identity.load_author_key(home, None, environ)


@pytest.mark.parametrize("passphrase", ["", "x" * 1025])
def test_a_passphrase_that_cannot_be_is_refused_before_anything_is_written(
    home: Home, passphrase: str
) -> None:
    with pytest.raises(DeskError, match="passphrase"):
        identity.create(home, passphrase=passphrase, entropy=Dice())
    assert not home.has_identity
    assert home.author() is None


@pytest.mark.parametrize(
    ("words", "message"),
    [("abandon " * 23, "23 words"), ("abandon " * 24, "fit together"),
     ("abandon " * 23 + "abandom", "word 24")],
)  # fmt: skip
def test_wrong_words_are_told_apart(words: str, message: str) -> None:
    with pytest.raises(DeskError, match=message) as caught:
        identity.seed_from_typed_words(words)
    assert caught.value.exit_code == 2


def test_a_damaged_key_file_is_said_and_left_alone(home: Home) -> None:
    identity.create(home, entropy=Dice())
    home.author_key_path.write_text("{}")
    with pytest.raises(DeskError, match=r"author\.key cannot be read"):
        identity.load_author_key(home)
    with pytest.raises(DeskError, match=r"author\.key cannot be read"):
        identity.is_sealed(home)


def test_a_key_file_with_too_few_bytes_is_said(home: Home) -> None:
    identity.create(home, entropy=Dice())
    short = seal_secret(b"short", None, b"", b"")
    home.author_key_path.write_bytes(short)
    with pytest.raises(DeskError, match=r"author\.key cannot be read: it holds 5 bytes"):
        identity.load_author_key(home)
    home.peer_key_path.write_bytes(short)
    with pytest.raises(DeskError, match=r"peer\.key cannot be read: it holds 5 bytes"):
        identity.load_peer_seed(home)


def test_the_public_half_is_written_again_where_it_is_lost(home: Home) -> None:
    made = identity.create(home, entropy=Dice())
    home.author_path.unlink()
    assert home.author() is None
    assert identity.ensure(home) == (made.author, False)
    assert home.author() == made.author


def test_a_key_that_was_lost_is_told_and_nobody_else_is_made_of_the_home(home: Home) -> None:
    dice = Dice()
    made = identity.create(home, entropy=dice)
    seed = identity.open_seed(home)
    home.store_path.touch()
    home.author_key_path.unlink()
    for attempt in (identity.ensure, identity.load_author_key, identity.words, identity.create):
        with pytest.raises(DeskError, match="is missing") as caught:
            attempt(home)
        assert caught.value.code == "key-lost"
        assert "jangteo restore" in (caught.value.hint or "")
        assert home.author() == made.author
    assert identity.adopt_seed(home, seed) == made.author
    assert identity.load_author_key(home).public == made.author


def test_a_first_start_that_was_interrupted_before_the_key_begins_anew(home: Home) -> None:
    identity.create(home, entropy=Dice())
    home.author_key_path.unlink()
    assert identity.ensure(home)[1]
