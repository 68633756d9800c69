"""Ed25519 keys of authors (RFC 8032). One verifier everywhere: which signatures are valid is a
rule of consensus, and libsodium refuses the small-order keys that OpenSSL lets through.

PyNaCl is imported at the first signature: it costs 20 ms, and a search over one's own store
checks none."""

from dataclasses import dataclass, field
from typing import Final, Self

SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class AuthorKey:
    """A person's key pair. `public` is 32 bytes; the secret never shows in a repr."""

    public: bytes
    _secret: bytes = field(repr=False)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """From 32 bytes of entropy; ValueError at any other length."""
        if len(seed) != SEED_BYTES:
            raise ValueError(f"a seed is {SEED_BYTES} bytes")
        from nacl import bindings

        public, secret = bindings.crypto_sign_seed_keypair(seed)
        return cls(public, secret)

    @property
    def seed(self) -> bytes:
        return self._secret[:SEED_BYTES]

    def sign(self, message: bytes) -> bytes:
        """The 64-byte signature of `message`."""
        from nacl import bindings

        return bindings.crypto_sign(message, self._secret)[:SIGNATURE_BYTES]


def is_signature(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` (64 bytes) of `message` was made by the holder of `public` (32 bytes)."""
    if len(public) != PUBLIC_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    from nacl import bindings
    from nacl.exceptions import BadSignatureError

    try:
        bindings.crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return False
    return True


Signed = tuple[bytes, bytes, bytes]
"""Who is said to have signed (public key), the signature, and what was signed."""
