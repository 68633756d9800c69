"""A blob session that this node opened: it asks, the other side answers (SPEC.md R16.3 on).

Two gets under way, so that the stream is never idle; what has come is verified and kept beside it.
The other side's half is blob_responder.py.
"""

from collections import deque
from functools import partial

import trio

from ..protocol import limits
from ..protocol.blob_frame import Bye, Chunk, Get, Lacking, Part
from ..protocol.errors import RemoteProtocolError
from .blob_answer import BlobAnswer, Lacked, Whole
from .blob_errand import Errands, parts_from
from .blob_intake import BlobIntake
from .blob_responder import BlobReport
from .blob_shelf import Arrival, BlobShelf
from .blob_stream import BlobStream, PeerSaidBye
from .transport import TransportError

_S = limits.SECOND_MS
_WRONG_POINTS = 25
_LAST_S = 0.5


class BlobSession:
    """`run` it once."""

    def __init__(
        self, errands: Errands, intake: BlobIntake, shelf: BlobShelf, stream: BlobStream
    ) -> None:
        self._errands = errands
        self._intake = intake
        self._shelf = shelf
        self.stream = stream
        self._peer = stream.peer
        self._gets: deque[BlobAnswer] = deque()
        self._kept_at = 0.0  # when the beginning of what is coming was kept last
        self._kept = 0  # and how many bytes of it
        self._wrong: Part | None = None
        self._unjudged = 0
        self._judgement = trio.Event()
        self.report = BlobReport(stream.peer)

    async def run(self) -> BlobReport:
        """From its first get to the end of the stream.

        What the network does ends up in the report's `error`; RemoteProtocolError is raised, for
        its caller to count.
        """
        is_over = False
        try:
            await self._fetch()
            await self.stream.send(Bye(""))
            await self.stream.close()
            is_over = True
        except (TransportError, PeerSaidBye) as error:
            self.report.error = str(error) or "the peer has ended the session"
        finally:
            self._errands.left(self._peer, is_at_fault=not is_over)
            if not is_over:
                with trio.CancelScope(shield=True), trio.move_on_after(_LAST_S):
                    await self._keep_beginning()
        return self.report

    async def _fetch(self) -> None:
        while True:
            while len(self._gets) < limits.BLOB_GETS_IN_FLIGHT_MAX and await self._ask():
                pass
            if not self._gets:
                if not self._unjudged:
                    return
                await self._judgement.wait()  # what is spoilt is asked for again
                self._judgement = trio.Event()
                self._check()
                continue
            await self._receive(self._gets[0])
            self._gets.popleft()

    async def _ask(self) -> bool:
        parts = self._errands.take(self._peer, trio.current_time())
        if not parts:
            return False
        begun = await self._shelf.begun([part.hash for part in parts])
        asked = parts_from(parts, begun)
        await self.stream.send(Get(asked))
        self._gets.append(BlobAnswer(asked))
        return True

    async def _receive(self, answer: BlobAnswer) -> None:
        while not answer.is_complete:
            frame = await self.stream.receive()
            self._check()
            if isinstance(frame, Bye):
                raise PeerSaidBye(frame.text)
            if not isinstance(frame, Chunk | Lacking):
                raise RemoteProtocolError("R16.3", f"a {type(frame).__name__} for an answer")
            outcome = answer.take(frame)
            now = trio.current_time()
            self._errands.came(self._peer, now)
            self.stream.earn_bytes(len(frame.data) if isinstance(frame, Chunk) else 0)
            match outcome:
                case Lacked(part) if part.offset:
                    # The beginning that is here may be nobody's: all of it is asked for.
                    await self._shelf.drop_beginning(part.hash)
                    self._errands.spoilt(self._peer, part.hash, is_at_fault=False)
                case Lacked(part):
                    self._errands.lacked(self._peer, part.hash)
                case Whole(part, _, data):
                    self._kept_at, self._kept = now, 0
                    await self._take(part, data)
                case None if now - self._kept_at >= limits.BLOB_PART_MS / _S:
                    await self._keep_beginning()

    async def _take(self, part: Part, data: bytes) -> None:
        self.report.count += 1
        self.report.byte_count += len(data)
        self._errands.whole(part.hash)
        self._unjudged += 1
        arrival = Arrival(part.hash, part.offset, data)
        await self._intake.take(arrival, partial(self._judged, part, len(data)))

    def _judged(self, part: Part, byte_count: int, is_right: bool | None) -> None:
        """What came of it is kept; or not a byte."""
        self._unjudged -= 1
        self._judgement.set()
        if is_right:
            self._errands.served(self._peer, byte_count)
        elif is_right is not None:
            # With a beginning that was here, the wrong bytes may be another's: then it is asked
            # for once more, all of it.
            is_at_fault = not part.offset
            self._errands.spoilt(self._peer, part.hash, is_at_fault=is_at_fault)
            if is_at_fault:
                self._wrong = part

    def _check(self) -> None:
        if self._wrong is not None:
            raise RemoteProtocolError(
                "R16.5", f"bytes that are not {self._wrong.hash.hex()[:8]}", _WRONG_POINTS
            )

    async def _keep_beginning(self) -> None:
        """Of a blob that comes slowly, or was cut off: another session goes on from there."""
        self._kept_at = trio.current_time()
        begun = self._gets[0].begun() if self._gets else None
        if begun is None:
            return
        part, data = begun
        kept, self._kept = self._kept, len(data)
        await self._shelf.keep_beginning(part.hash, part.offset + kept, data[kept:])
