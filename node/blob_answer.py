"""What is due in answer to one get: a machine over chunks and "lacking" (SPEC.md R16.4, R16.5).

Gathers bytes and verifies nothing: a hash is looked at when all of a blob is there. Opens nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..protocol import limits
from ..protocol.blob_frame import Chunk, Lacking, Part
from ..protocol.errors import RemoteProtocolError


@dataclass(frozen=True, slots=True)
class Whole:
    """All that was asked for of a blob is here: `data` from its part's offset to its end, at
    `total` bytes."""

    part: Part
    total: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Lacked:
    """The peer does not have it."""

    part: Part


class BlobAnswer:
    """Takes frames in their order; RemoteProtocolError R16.4 for any that is not the next."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._index = 0
        self._pieces: list[bytes] = []
        self._got = 0
        self._total = 0

    @property
    def is_complete(self) -> bool:
        return self._index == len(self._parts)

    def take(self, frame: Chunk | Lacking) -> Whole | Lacked | None:
        """What this frame brings to an end; None where more of the same blob is due."""
        if self.is_complete or frame.index != self._index:
            raise RemoteProtocolError("R16.4", "an answer to what was not asked")
        part = self._parts[self._index]
        if isinstance(frame, Lacking):
            if self._pieces:
                raise RemoteProtocolError("R16.4", "a blob that is lacking half-way")
            self._index += 1
            return Lacked(part)
        if not self._pieces:
            self._total = frame.total
        if frame.total != self._total or not part.offset < frame.total <= part.size_max:
            raise RemoteProtocolError("R16.4", f"a blob of {frame.total} bytes")
        left = self._total - part.offset - self._got
        if frame.offset != part.offset + self._got:
            raise RemoteProtocolError("R16.4", "a chunk of another place")
        if len(frame.data) != min(limits.BLOB_CHUNK_BYTES, left):
            raise RemoteProtocolError("R16.4", f"a chunk of {len(frame.data)} bytes")
        self._pieces.append(frame.data)
        self._got += len(frame.data)
        if len(frame.data) < left:
            return None
        data, self._pieces, self._got = b"".join(self._pieces), [], 0
        self._index += 1
        return Whole(part, self._total, data)

    def begun(self) -> tuple[Part, bytes] | None:
        """What has come of a blob that is not whole, and of which."""
        if not self._pieces:
            return None
        return self._parts[self._index], b"".join(self._pieces)
