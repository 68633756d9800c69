"""Signatures, the phrase and key files."""

import os
import unicodedata

import pytest
from nacl import bindings

from jangteo.crypto.keyfile import (
    PassphraseNeeded,
    WrongPassphrase,
    is_sealed,
    open_secret,
    seal_secret,
)
from jangteo.crypto.keys import AuthorKey, is_signature
from jangteo.crypto.phrase import seed_from_words, words_from_seed

SALT, NONCE = bytes(16), bytes(12)


def test_a_signature_is_its_author_s_and_of_its_message_only() -> None:
    key, other = AuthorKey.from_seed(bytes(32)), AuthorKey.from_seed(b"\x01" * 32)
    signature = key.sign(b"hello")
    assert is_signature(key.public, signature, b"hello")
    assert not is_signature(key.public, signature, b"hello!")
    assert not is_signature(other.public, signature, b"hello")
    assert not is_signature(key.public, signature[:-1], b"hello")
    assert not is_signature(key.public[:-1], signature, b"hello")


# The eight points of small order on the curve, in their canonical encodings (RFC 7748, section 7,
# and "Taming the many EdDSAs", table 6); a verifier that takes them can be shown forgeries.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]


@pytest.mark.parametrize("public", SMALL_ORDER)
def test_a_key_of_small_order_signs_nothing(public: str) -> None:
    identity_point = b"\x01" + bytes(31)
    for message in (b"", b"a", b"b", b"c", b"d", b"e", b"f", b"g"):
        for r_point in (identity_point, bytes.fromhex(public)):
            assert not is_signature(bytes.fromhex(public), r_point + bytes(32), message)


def test_a_key_does_not_show_its_secret() -> None:
    key = AuthorKey.from_seed(b"\x42" * 32)
    assert key.seed == b"\x42" * 32
    assert "BBBB" not in repr(key) and "4242" not in repr(key)
    assert bindings.crypto_sign_SEEDBYTES == 32


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda words: words[:-1], "23 words"),
        (lambda words: [*words, words[0]], "25 words"),
        (lambda words: ["jangteo", *words[1:]], "word 1 is not in the word list"),
        (lambda words: [words[1], words[0], *words[2:]], "do not fit together"),
    ],
)
def test_wrong_words_are_told_apart(change, told) -> None:  # type: ignore[no-untyped-def]
    words = words_from_seed(bytes(range(32))).split()
    with pytest.raises(ValueError, match=told):
        seed_from_words(" ".join(change(words)))


def test_an_open_key_file_needs_no_passphrase() -> None:
    data = seal_secret(b"secret", None, SALT, NONCE)
    assert not is_sealed(data)
    assert open_secret(data, None) == b"secret"
    assert open_secret(data, "whatever") == b"secret"


def test_a_sealed_key_file_opens_with_its_passphrase_only() -> None:
    data = seal_secret(b"secret", "두부 한 모", os.urandom(16), os.urandom(12))
    assert is_sealed(data) and b"secret" not in data.replace(b'"secret"', b"")
    assert open_secret(data, "두부 한 모") == b"secret"
    with pytest.raises(PassphraseNeeded):
        open_secret(data, None)
    with pytest.raises(WrongPassphrase):
        open_secret(data, "두부 두 모")
    assert open_secret(data, unicodedata.normalize("NFD", "두부 한 모")) == b"secret"
    weaker = data.replace(b'"passes": 3', b'"passes": 2')
    assert weaker != data
    with pytest.raises(WrongPassphrase):
        open_secret(weaker, "두부 한 모")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"not json",
        b'{"version": 2, "secret": ""}',
        b'{"version": 1}',
        b'{"version": 1, "secret": 5}',
        b'{"version": 1, "kdf": "md5", "cipher": "x", "secret": ""}',
        b'{"version": 1, "kdf": "argon2id", "cipher": "chacha20poly1305", "secret": "", '
        b'"salt": "", "nonce": "", "memory_kib": 99999999999, "passes": 1, "lanes": 1}',
        b'{"version": 1, "kdf": "argon2id", "cipher": "chacha20poly1305", "secret": "", '
        b'"salt": "AAAAAAAAAAAAAAAAAAAAAA==", "nonce": "AAAAAAAAAAAAAAAA", "memory_kib": 64.5, '
        b'"passes": 1, "lanes": 1}',
    ],
)
def test_what_is_no_key_file_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(ValueError):
        open_secret(data, "passphrase")
