"""Sealing to somebody's box key by HPKE, base mode (RFC 9180). Bytes in, bytes out.

A suite is named by one byte, so that others can follow. cryptography is imported at the first use.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.hpke import Suite

X25519_SUITE: Final = 1
"""DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305."""
SUITES: Final = frozenset((X25519_SUITE,))
BOX_PUBLIC_BYTES: Final = 32
BOX_SECRET_BYTES: Final = 32
OVERHEAD_BYTES: Final = 48
"""What sealing adds: the encapsulated key (32) and the tag (16)."""
AT_REST_NONCE_BYTES: Final = 12


class NotSealed(ValueError):
    """The key does not open it: sealed to another, under another context, or changed."""


def box_public(secret: bytes) -> bytes:
    """The public half (32 bytes) of a box key's secret: any 32 random bytes."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def seal(plain: bytes, public: bytes, info: bytes) -> bytes:
    """`plain` sealed to the box key `public` (32 bytes), bound to `info`: OVERHEAD_BYTES longer.

    ValueError for a key that no box can have (a point of small order). Randomness is the
    library's own, as the standard asks.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    return _suite().encrypt(plain, X25519PublicKey.from_public_bytes(public), info)


def unseal(sealed: bytes, secret: bytes, info: bytes) -> bytes:
    """What was sealed to the box key of `secret` (32 bytes) under `info`; NotSealed else."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    if len(sealed) < OVERHEAD_BYTES:
        raise NotSealed("too short")
    try:
        return _suite().decrypt(sealed, X25519PrivateKey.from_private_bytes(secret), info)
    except (InvalidTag, ValueError) as error:
        raise NotSealed(str(error) or "the key does not open it") from None


def wrap(secret: bytes, seed: bytes, nonce: bytes) -> bytes:
    """A secret for the disk, sealed under an author's seed; `nonce` is 12 fresh bytes."""
    return nonce + _at_rest(seed).encrypt(nonce, secret, None)


def unwrap(wrapped: bytes, seed: bytes) -> bytes:
    """What `wrap` has sealed; NotSealed for another's, or where bytes were changed."""
    from cryptography.exceptions import InvalidTag

    nonce, sealed = wrapped[:AT_REST_NONCE_BYTES], wrapped[AT_REST_NONCE_BYTES:]
    try:
        return _at_rest(seed).decrypt(nonce, sealed, None)
    except (InvalidTag, ValueError) as error:
        raise NotSealed(str(error) or "the author key does not open it") from None


def _suite() -> "Suite":
    from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

    return Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def _at_rest(seed: bytes) -> "ChaCha20Poly1305":
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    key = HKDF(SHA256(), 32, None, b"jangteo/box-at-rest/1\x00").derive(seed)
    return ChaCha20Poly1305(key)
