"""The sync protocol's frames and negentropy's messages as bytes, written by hand (SPEC.md R6).

Knows their shape only: each field may lie.
"""

from collections.abc import Sequence
from typing import Any

import msgpack

from .wire import Lane

HELLO, RANGE, RECON, GET, RECORDS, PUSH, PUSHED, BYE = range(1, 9)
SKIP, FINGERPRINT, LIST = range(3)


def framed(data: bytes, length: int | None = None) -> bytes:
    """With the length that it claims to have."""
    return (len(data) if length is None else length).to_bytes(4, "big") + data


def frame(*fields: Any) -> bytes:
    return framed(msgpack.packb(list(fields)))


def hello(
    now_ms: int, market: str, count: int, fingerprint: bytes = bytes(16), declined: int = 0
) -> bytes:
    return frame(HELLO, 1, now_ms, [[market, count, 0, fingerprint, declined]])


async def receive(lane: Lane) -> list[Any]:
    """The next frame, whatever it is."""
    length = int.from_bytes(await lane.receive(4), "big")
    got: list[Any] = msgpack.unpackb(await lane.receive(length))
    return got


def varint(value: int) -> bytes:
    """Base 128, the most significant digit first."""
    out = [value & 127]
    while value := value >> 7:
        out.append(value & 127 | 128)
    return bytes(reversed(out))


def bound(step_ms: int | None, prefix: bytes = b"") -> bytes:
    """`step_ms` after the bound before; None: infinity."""
    return varint(0 if step_ms is None else step_ms + 1) + varint(len(prefix)) + prefix


def fingerprints(count: int, step_ms: int, fingerprint: bytes = b"\xff" * 16) -> bytes:
    """So many ranges of `step_ms`, none of which is equal to anything."""
    one = bound(step_ms) + varint(FINGERPRINT) + fingerprint
    last = bound(None) + varint(FINGERPRINT) + fingerprint
    return b"\x61" + one * (count - 1) + last


def id_list(ids: Sequence[bytes]) -> bytes:
    """One list over everything."""
    return b"\x61" + bound(None) + varint(LIST) + varint(len(ids)) + b"".join(ids)
