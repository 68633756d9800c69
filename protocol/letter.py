"""A letter: a message sealed to one person's box key, as strangers carry it (SPEC.md R12).

Nothing outside says whose it is or from whom; its size is one of four. Knows the outer form, the
padding and the seal; what is inside is message.py's.
"""

from dataclasses import dataclass
from typing import Final

from ..crypto import seal
from ..crypto.digest import sha256
from . import limits
from .errors import LocalProtocolError, RemoteProtocolError
from .told import tell

VERSION: Final = 1
PLAIN_SIZES: Final = (256, 1024, 4096, limits.LETTER_PLAIN_BYTES_MAX)
"""What a letter holds before it is sealed, in bytes, its length (2 bytes) and padding included."""
_INFO: Final = b"jangteo/mail/1\x00"
_HEADER_BYTES: Final = 6
DAY_FIELD: Final = slice(2, _HEADER_BYTES)
"""Where the last day of its life stands, in every version that this stream carries."""
_LENGTH_BYTES: Final = 2
LETTER_SIZES: Final = frozenset(_HEADER_BYTES + seal.OVERHEAD_BYTES + size for size in PLAIN_SIZES)
LETTER_BYTES_MAX: Final = max(LETTER_SIZES)


@dataclass(frozen=True, slots=True)
class Letter:
    """`day` is the last day of its life, counted from 1970-01-01 in UTC."""

    raw: bytes
    id: bytes
    suite: int
    day: int

    @property
    def ends_ms(self) -> int:
        return (self.day + 1) * limits.DAY_MS


def parse_letter(raw: bytes) -> Letter:
    """The letter of `raw`; RemoteProtocolError R12.1, and R12.2 (nobody pays) for another version
    or suite. What it says nobody can check from outside."""
    if len(raw) not in LETTER_SIZES:
        raise RemoteProtocolError("R12.1", f"{len(raw)} bytes are no letter's size")
    if raw[0] != VERSION or raw[1] not in seal.SUITES:
        raise RemoteProtocolError("R12.2", f"letter version {raw[0]}, suite {raw[1]}", penalty=0)
    return Letter(raw, sha256(raw), raw[1], int.from_bytes(raw[DAY_FIELD], "big"))


def may_live(letter: Letter, now_ms: int) -> bool:
    """Whether its last day is neither over nor farther away than any honest one's (R12.3); a clock
    may be a day off."""
    today = now_ms // limits.DAY_MS
    return today <= letter.day <= today + limits.LETTER_DAYS + 1


def seal_letter(plain: bytes, public: bytes, now_ms: int) -> Letter:
    """`plain` in the smallest size that holds it, to the box key `public`, living LETTER_DAYS.

    LocalProtocolError where it is too long, or the key is none that can be sealed to.
    """
    for size in PLAIN_SIZES:
        if _LENGTH_BYTES + len(plain) <= size:
            break
    else:
        raise LocalProtocolError(
            tell(
                "a message has at most {value:,} bytes, this has {count:,}",
                value=PLAIN_SIZES[-1] - _LENGTH_BYTES,
                count=len(plain),
            )
        )
    padded = (len(plain).to_bytes(_LENGTH_BYTES, "big") + plain).ljust(size, b"\x00")
    day = now_ms // limits.DAY_MS + limits.LETTER_DAYS
    header = bytes((VERSION, seal.X25519_SUITE)) + day.to_bytes(4, "big")
    try:
        raw = header + seal.seal(padded, public, _INFO + header + public)
    except ValueError as error:
        raise LocalProtocolError(
            tell("nothing can be sealed to this box key: {error}", error=error)
        ) from None
    return parse_letter(raw)


def open_letter(letter: Letter, secret: bytes, public: bytes) -> bytes | None:
    """What is inside, where it was sealed to this box key; None where it was not (or was changed on
    the way: the two cannot be told apart). RemoteProtocolError R12.4 for bad padding."""
    header = letter.raw[:_HEADER_BYTES]
    try:
        padded = seal.unseal(letter.raw[_HEADER_BYTES:], secret, _INFO + header + public)
    except seal.NotSealed:
        return None
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    plain, padding = padded[_LENGTH_BYTES:][:length], padded[_LENGTH_BYTES + length :]
    if len(plain) != length or padding.strip(b"\x00"):
        raise RemoteProtocolError("R12.4", "padding is zeros to the end", penalty=0)
    return plain
