"""Opens records for the process that started it: `python -m jangteo.node.opener_process`.

A request on stdin is a count and the bytes of what follows (4 each, big-endian): the length of each
record (4), then the records. The answer on stdout is its length (4) and a list in canonical form:
of each record whether `open_record` takes it; of a listing, instead of true, its words for the full
text. It ends with stdin.
"""

import struct
import sys
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import BinaryIO, Final

from ..protocol import canonical
from ..protocol.envelope import Words, open_record
from ..protocol.errors import RemoteProtocolError
from ..store.listing_view import words_of

_HEAD: Final = struct.Struct(">II")
ANSWER_HEAD: Final = struct.Struct(">I")


def request(raws: Sequence[bytes]) -> bytes:
    lengths = struct.pack(f">{len(raws)}I", *map(len, raws))
    size = len(lengths) + sum(map(len, raws))
    return b"".join((_HEAD.pack(len(raws), size), lengths, *raws))


def answer_from(data: bytes) -> list[bool | list[str]]:
    """What stands after an answer's length."""
    told: list[bool | list[str]] = canonical.decode_known(data)
    return told


def serve(asked: BinaryIO, answers: BinaryIO) -> None:
    """Until `asked` ends."""
    while len(head := asked.read(_HEAD.size)) == _HEAD.size:
        count, size = _HEAD.unpack(head)
        data = asked.read(size)
        if len(data) < size:
            return
        answer = canonical.encode_flat([_told(raw) for raw in _raws(data, count)])
        answers.write(ANSWER_HEAD.pack(len(answer)) + answer)
        answers.flush()


def _raws(data: bytes, count: int) -> Iterator[bytes]:
    lengths = struct.unpack_from(f">{count}I", data)
    for begin, end in pairwise(accumulate(lengths, initial=ANSWER_HEAD.size * count)):
        yield data[begin:end]


def _told(raw: bytes) -> bool | Words:
    try:
        record = open_record(raw)
    except RemoteProtocolError:
        return False
    return True if record.listing is None else words_of(record.header, record.listing)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
