"""A secret at rest: as it is, or sealed under a passphrase with Argon2id (RFC 9106) and
ChaCha20-Poly1305 (RFC 8439). Bytes in, bytes out: salt and nonce come from the caller."""

import json
import unicodedata
from base64 import b64decode, b64encode
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
FILE_BYTES_MAX: Final = 256 * 1024 * 1024

# RFC 9106's second recommended option: 64 MiB, three passes, four lanes.
_MEMORY_KIB: Final = 64 * 1024
_PASSES: Final = 3
_LANES: Final = 4
_MEMORY_KIB_MAX: Final = 1024 * 1024
_VERSION: Final = 1


class WrongPassphrase(ValueError):
    """The passphrase does not open it (or the bytes were changed: the two cannot be told apart)."""


class PassphraseNeeded(ValueError):
    """The secret is sealed and no passphrase was given."""


def is_sealed(data: bytes) -> bool:
    return bool(_parse(data).get("kdf"))


def seal_secret(secret: bytes, passphrase: str | None, salt: bytes, nonce: bytes) -> bytes:
    """A key file's bytes (JSON) for `secret`; not sealed if `passphrase` is None.

    `salt` is 16 and `nonce` 12 fresh random bytes.
    """
    if passphrase is None:
        plain = {"version": _VERSION, "secret": b64encode(secret).decode()}
        return json.dumps(plain).encode() + b"\n"
    if len(salt) != SALT_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError(f"salt is {SALT_BYTES} bytes, nonce {NONCE_BYTES}")
    header: dict[str, Any] = {
        "version": _VERSION,
        "kdf": "argon2id",
        "memory_kib": _MEMORY_KIB,
        "passes": _PASSES,
        "lanes": _LANES,
        "cipher": "chacha20poly1305",
        "salt": b64encode(salt).decode(),
        "nonce": b64encode(nonce).decode(),
    }
    key = _stretch(passphrase, salt, _MEMORY_KIB, _PASSES, _LANES)
    sealed = ChaCha20Poly1305(key).encrypt(nonce, secret, _bound(header))
    return json.dumps(header | {"secret": b64encode(sealed).decode()}).encode() + b"\n"


def open_secret(data: bytes, passphrase: str | None) -> bytes:
    """The secret of a key file's bytes.

    Raises PassphraseNeeded, WrongPassphrase, or ValueError where the bytes are no key file.
    """
    parsed = _parse(data)
    try:
        secret = b64decode(parsed["secret"], validate=True)
        if not parsed.get("kdf"):
            return secret
        if parsed["kdf"] != "argon2id" or parsed["cipher"] != "chacha20poly1305":
            raise ValueError("sealed in a way that this version does not know")
        salt = b64decode(parsed["salt"], validate=True)
        nonce = b64decode(parsed["nonce"], validate=True)
        memory_kib, passes, lanes = parsed["memory_kib"], parsed["passes"], parsed["lanes"]
        if not all(type(count) is int for count in (memory_kib, passes, lanes)):
            raise ValueError("its parameters are no whole numbers")
        bounded = 8 <= memory_kib <= _MEMORY_KIB_MAX and 1 <= passes <= 16 and 1 <= lanes <= 16
        if not bounded or len(salt) != SALT_BYTES or len(nonce) != NONCE_BYTES:
            raise ValueError("its parameters are out of bounds")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a key file: {error}") from None
    if passphrase is None:
        raise PassphraseNeeded("sealed with a passphrase")
    key = _stretch(passphrase, salt, memory_kib, passes, lanes)
    header = {name: value for name, value in parsed.items() if name != "secret"}
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, secret, _bound(header))
    except InvalidTag:
        raise WrongPassphrase("the passphrase does not open it") from None


def _parse(data: bytes) -> dict[str, Any]:
    if len(data) > FILE_BYTES_MAX:
        raise ValueError("not a key file: too large")
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("not a key file") from None
    if not isinstance(parsed, dict) or parsed.get("version") != _VERSION:
        raise ValueError("not a key file of a version that this program knows")
    return parsed


def _bound(header: dict[str, Any]) -> bytes:
    """The header as associated data, so that no parameter can be changed under the seal."""
    return json.dumps(header, sort_keys=True).encode()


def _stretch(passphrase: str, salt: bytes, memory_kib: int, passes: int, lanes: int) -> bytes:
    kdf = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory_kib)
    # Keyboards differ in how they compose 가 or é; the person typed the same.
    return kdf.derive(unicodedata.normalize("NFC", passphrase).encode())
