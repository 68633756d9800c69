"""A blob session that a peer opened: this side only answers (SPEC.md R16.3 on).

Knows which frame may come; what is given and how fast is the lender's. The asking half is
blob_session.py.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from ..protocol import limits
from ..protocol.blob_frame import Bye, Chunk, Get, Lacking, Part
from ..protocol.errors import RemoteProtocolError
from .blob_lender import BlobLender
from .blob_stream import BlobStream
from .transport import StreamEnded, TransportError


@dataclass(slots=True)
class BlobReport:
    """What one session came to: how many blobs went over it, whole, and their bytes. `error` is one
    line, empty where it came to its end."""

    peer: str
    count: int = 0
    byte_count: int = 0
    error: str = ""


class BlobResponder:
    """`run` it once, on a stream that a peer opened."""

    def __init__(self, lender: BlobLender, stream: BlobStream) -> None:
        self._lender = lender
        self.stream = stream
        self.report = BlobReport(stream.peer)
        self._outgoing: list[Chunk | Lacking] = []
        self._outgoing_bytes = 0

    async def run(self) -> BlobReport:
        """Until the peer says bye. The network's doing ends up in the report's `error`;
        RemoteProtocolError is raised, for its caller to count."""
        try:
            while not isinstance(frame := await self.stream.receive(), Bye):
                if not isinstance(frame, Get):
                    raise RemoteProtocolError(
                        "R16.3", f"a {type(frame).__name__} from the side that asks"
                    )
                await self._answer(frame.parts)
            await self.stream.close()
        except StreamEnded:
            await self.stream.close()
        except TransportError as error:
            self.report.error = str(error)
            await self.stream.reset()
        return self.report

    async def _answer(self, parts: Sequence[Part]) -> None:
        peer = self.stream.peer
        await self._lender.rest(peer, len(parts) * limits.BLOB_GET_PRICE_BYTES)
        here = await self._lender.here(peer, parts)
        read: deque[bytes | None] = deque()
        for index, part in enumerate(parts):
            if part.hash not in here:
                self._outgoing.append(Lacking(index))
                continue
            if not read:
                ready = [each.hash for each in parts[index:] if each.hash in here]
                datas = await self._lender.read(peer, ready)
                read.extend(datas)
            await self._send(index, part, read.popleft())
        await self._flush()

    async def _send(self, index: int, part: Part, data: bytes | None) -> None:
        if data is None or not part.offset < len(data) <= part.size_max:
            self._outgoing.append(Lacking(index))
            return
        total = len(data)
        await self._lender.rest(self.stream.peer, total - part.offset)
        for at in range(part.offset, total, limits.BLOB_CHUNK_BYTES):
            chunk = Chunk(index, at, total, data[at : at + limits.BLOB_CHUNK_BYTES])
            self._outgoing.append(chunk)
            self._outgoing_bytes += len(chunk.data)
            if self._outgoing_bytes >= limits.BLOB_CHUNK_BYTES:
                await self._flush()
        self.report.count += 1
        self.report.byte_count += total - part.offset
        self._lender.note_served(total - part.offset)

    async def _flush(self) -> None:
        """Many frames in one write: small ones would cost the other side more than they bring
        (R11.9)."""
        frames, self._outgoing = self._outgoing, []
        byte_count, self._outgoing_bytes = self._outgoing_bytes, 0
        if frames:
            await self.stream.send_gathered(frames)
            self.stream.earn_bytes(byte_count)
