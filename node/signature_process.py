"""Checks signatures for the process that started it: `python -m jangteo.node.signature_process`.

A request on stdin is a count and the bytes of an entry (4 each, big-endian), then for each
signature the key (32 bytes), the signature (64) and what was signed; the answer on stdout is a byte
for each, 1 or 0. It ends with stdin.
"""

import struct
import sys
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from ..crypto.keys import PUBLIC_BYTES, SIGNATURE_BYTES, Signed, are_signatures

_HEAD: Final = struct.Struct(">II")


def request(signed: Sequence[Signed]) -> bytes:
    """ValueError for keys or signatures of another length, and messages of different ones."""
    size = PUBLIC_BYTES + SIGNATURE_BYTES + (len(signed[0][2]) if signed else 0)
    entries = [b"".join(each) for each in signed]
    if any(len(each) != size for each in entries):
        raise ValueError("signatures to check are of different lengths")
    return b"".join((_HEAD.pack(len(entries), size), *entries))


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Until `asked` ends."""
    while len(head := asked.read(_HEAD.size)) == _HEAD.size:
        count, size = _HEAD.unpack(head)
        data = asked.read(count * size)
        if len(data) < count * size:
            return
        answers.write(bytes(are_signatures(list(_entries(data, size)))))
        answers.flush()


def _entries(data: bytes, size: int) -> Iterator[Signed]:
    message_at = PUBLIC_BYTES + SIGNATURE_BYTES
    for begin in range(0, len(data), size):
        each = data[begin : begin + size]
        yield each[:PUBLIC_BYTES], each[PUBLIC_BYTES:message_at], each[message_at:]


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
