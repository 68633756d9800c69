"""Digests. Bytes in, bytes or numbers out."""

import hashlib
from typing import Final

LIFT_BITS: Final = 2048


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def lift_wide(record_id: bytes) -> int:
    """SHAKE-128 of an id to 2048 bits, as a little-endian number.

    Sums of plain 256-bit ids modulo 2^256 can be collided by Wagner's generalized birthday attack;
    at 2048 bits that is out of reach.
    """
    return int.from_bytes(hashlib.shake_128(record_id).digest(LIFT_BITS // 8), "little")
