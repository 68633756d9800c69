"""HPKE's base mode (RFC 9180, section 5.1.1) with an ephemeral key that is given: written out from
the standard, so that vectors do not depend on dice, nor on the library that the program uses.

DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305: suite 1 of SPEC.md. For tests only.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KEM_ID, KDF_ID, AEAD_ID = 0x0020, 0x0001, 0x0003
_KEM_SUITE = b"KEM" + KEM_ID.to_bytes(2, "big")
_SUITE = b"HPKE" + b"".join(each.to_bytes(2, "big") for each in (KEM_ID, KDF_ID, AEAD_ID))
_BASE = b"\x00"


def seal(plain: bytes, public: bytes, info: bytes, ephemeral: bytes) -> bytes:
    """enc (32 bytes) and the ciphertext, as SealBase gives them, with no associated data."""
    secret = X25519PrivateKey.from_private_bytes(ephemeral)
    enc = secret.public_key().public_bytes_raw()
    shared = secret.exchange(X25519PublicKey.from_public_bytes(public))
    prk = _extract(_KEM_SUITE, b"", b"eae_prk", shared)
    shared_secret = _expand(_KEM_SUITE, prk, b"shared_secret", enc + public, 32)

    psk_id_hash = _extract(_SUITE, b"", b"psk_id_hash", b"")
    info_hash = _extract(_SUITE, b"", b"info_hash", info)
    context = _BASE + psk_id_hash + info_hash
    key_prk = _extract(_SUITE, shared_secret, b"secret", b"")
    key = _expand(_SUITE, key_prk, b"key", context, 32)
    nonce = _expand(_SUITE, key_prk, b"base_nonce", context, 12)
    return enc + ChaCha20Poly1305(key).encrypt(nonce, plain, b"")


def _extract(suite: bytes, salt: bytes, label: bytes, data: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + data, hashlib.sha256)


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    block, out, count = b"", b"", 1
    while len(out) < length:
        block = hmac.digest(prk, block + labelled + bytes([count]), hashlib.sha256)
        out += block
        count += 1
    return out[:length]
