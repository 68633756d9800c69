"""Letters: what is outside, what is inside, and every way in which one is not opened."""

import hashlib

import pytest

from jangteo.crypto import seal
from jangteo.crypto.seal import box_public
from jangteo.protocol import limits
from jangteo.protocol.errors import LocalProtocolError, RemoteProtocolError
from jangteo.protocol.letter import (
    LETTER_SIZES,
    PLAIN_SIZES,
    Letter,
    may_live,
    open_letter,
    parse_letter,
    seal_letter,
)
from tests.market_maker import NOW_MS

SECRET = hashlib.sha256(b"a box").digest()
PUBLIC = box_public(SECRET)
OTHER = hashlib.sha256(b"another box").digest()
TODAY = NOW_MS // limits.DAY_MS


def sealed(plain: bytes = b"still there?") -> Letter:
    return seal_letter(plain, PUBLIC, NOW_MS)


def changed(letter: Letter, at: int, bits: int = 1) -> bytes:
    raw = bytearray(letter.raw)
    raw[at] ^= bits
    return bytes(raw)


def test_the_one_it_is_for_opens_it() -> None:
    assert open_letter(sealed(), SECRET, PUBLIC) == b"still there?"


def test_another_key_does_not() -> None:
    assert open_letter(sealed(), OTHER, box_public(OTHER)) is None


def test_nor_does_the_right_secret_under_another_public_key() -> None:
    """Its recipient's key is bound into the seal."""
    assert open_letter(sealed(), SECRET, box_public(OTHER)) is None


@pytest.mark.parametrize("length", [0, 1, 254, 255, 1022, 1023, 4094, 4095, 8190])
def test_its_length_is_one_of_four(length: int) -> None:
    plain = b"x" * length
    letter = sealed(plain)
    assert len(letter.raw) in LETTER_SIZES
    assert len(LETTER_SIZES) == len(PLAIN_SIZES) == 4
    assert open_letter(letter, SECRET, PUBLIC) == plain


def test_what_is_longer_than_the_longest_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="at most 8,190 bytes"):
        sealed(b"x" * (limits.LETTER_PLAIN_BYTES_MAX - 1))


def test_the_same_words_are_never_the_same_letter() -> None:
    assert sealed().raw != sealed().raw


def test_nothing_outside_tells_whose_it_is() -> None:
    letter = sealed()
    assert PUBLIC not in letter.raw
    assert letter.raw[:2] == b"\x01\x01"
    assert letter.day == TODAY + limits.LETTER_DAYS


@pytest.mark.parametrize("at", [6, 40, 200, 303])
def test_a_changed_letter_does_not_open(at: int) -> None:
    letter = sealed()
    assert open_letter(parse_letter(changed(letter, at)), SECRET, PUBLIC) is None


def test_nor_does_one_whose_day_was_changed() -> None:
    """So nobody makes another's letter live longer."""
    later = parse_letter(changed(sealed(), 5))
    assert later.day != sealed().day
    assert open_letter(later, SECRET, PUBLIC) is None


@pytest.mark.parametrize("length", [0, 1, 309, 311, 10_000])
def test_other_sizes_are_no_letters(length: int) -> None:
    with pytest.raises(RemoteProtocolError, match=r"R12\.1"):
        parse_letter(b"\x01" * length)


@pytest.mark.parametrize("at", [0, 1])
def test_versions_and_suites_to_come_are_passed_over_and_nobody_pays(at: int) -> None:
    with pytest.raises(RemoteProtocolError, match=r"R12\.2") as caught:
        parse_letter(changed(sealed(), at, 2))
    assert caught.value.penalty == 0


@pytest.mark.parametrize(
    ("day", "is_alive"),
    [(-1, False), (0, True), (limits.LETTER_DAYS + 1, True), (limits.LETTER_DAYS + 2, False)],
)
def test_it_lives_to_the_end_of_its_last_day(day: int, is_alive: bool) -> None:
    letter = Letter(b"", b"", 1, TODAY + day)
    assert may_live(letter, NOW_MS) is is_alive


@pytest.mark.parametrize("padding", [b"\x00\x05abc", b"\x00\x01ab", b"\x01\x00"])
def test_padding_is_zeros_to_the_end(padding: bytes) -> None:
    """Else the padding would be a channel of its own, or a length a lie."""
    padded = padding + b"\x07" * (256 - len(padding))
    letter = sealed()
    header = letter.raw[:6]
    raw = header + seal.seal(padded, PUBLIC, b"jangteo/mail/1\x00" + header + PUBLIC)
    with pytest.raises(RemoteProtocolError, match=r"R12\.4"):
        open_letter(parse_letter(raw), SECRET, PUBLIC)


def test_a_key_of_small_order_is_no_box() -> None:
    with pytest.raises(LocalProtocolError, match="nothing can be sealed"):
        seal_letter(b"x", bytes(32), NOW_MS)


def test_a_secret_at_rest_opens_for_its_author_alone() -> None:
    seed, nonce = hashlib.sha256(b"author").digest(), b"n" * seal.AT_REST_NONCE_BYTES
    wrapped = seal.wrap(SECRET, seed, nonce)
    assert SECRET not in wrapped
    assert seal.unwrap(wrapped, seed) == SECRET
    for other, bytes_ in ((OTHER, wrapped), (seed, wrapped[:-1] + b"\x00"), (seed, b"")):
        with pytest.raises(seal.NotSealed):
            seal.unwrap(bytes_, other)
