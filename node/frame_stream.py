"""A stream as frames, under a credit of bytes and of time that what is new refills: a peer that
sends much or waits long, and nothing comes of it, is left.

Knows what frames cost; not their bytes, nor which may follow which.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import trio

from ..protocol import limits
from ..protocol.errors import RemoteProtocolError
from .transport import Stream, StreamBroken

FrameT = TypeVar("FrameT")
OneFrameT = TypeVar("OneFrameT")


@dataclass(frozen=True, slots=True)
class Codec(Generic[FrameT]):
    """One protocol's frames: their bytes with their length before them, the one that ends a
    session, and the rules that are broken by a frame without credit and by one out of turn."""

    encode_prefixed: Callable[[FrameT], bytes]
    decode_length: Callable[[bytes], int]
    decode: Callable[[bytes], FrameT]
    length_bytes: int
    bye: type[Any]
    credit_rule: str
    order_rule: str


class FrameStream(Generic[FrameT]):
    """One session's frames. Each frame that comes costs credit; `earn` pays some back.
    `wait_ms_max`: how long the peer may be waited for in all."""

    def __init__(
        self,
        stream: Stream,
        codec: Codec[FrameT],
        wait_ms_max: int = limits.SYNC_ASKER_WAIT_MS_MAX,
    ) -> None:
        self._stream = stream
        self._codec = codec
        self._credit_bytes = limits.SYNC_CREDIT_BYTES
        self._wait_s_max = wait_ms_max / limits.SECOND_MS
        self._wait_s = self._wait_s_max
        self.received_bytes = 0
        self.sent_bytes = 0

    @property
    def peer(self) -> str:
        return self._stream.peer

    async def send(self, frame: FrameT) -> None:
        """StreamBroken also when the peer does not read, as long as `receive` would wait."""
        await self.send_bytes(self._codec.encode_prefixed(frame))

    async def send_bytes(self, data: bytes) -> None:
        """As `send`, of frames with their lengths."""
        with self._waiting():
            await self._stream.send_all(data)
            self.sent_bytes += len(data)
            return
        raise StreamBroken(f"{self.peer} does not read")

    async def receive(self) -> FrameT:
        """The next frame. StreamEnded, StreamBroken (also after a wait of
        SYNC_FRAME_WAIT_MS_MAX, or when the time for all waits is up), RemoteProtocolError for
        bytes that are no frame, or without credit."""
        codec = self._codec
        with self._waiting():
            prefix = await self._stream.receive_exactly(codec.length_bytes)
            length = codec.decode_length(prefix)
            self._credit_bytes -= length + limits.SYNC_CREDIT_BYTES_PER_FRAME
            if self._credit_bytes < 0:
                raise RemoteProtocolError(
                    codec.credit_rule, "much sent and nothing new in it", penalty=0
                )
            data = await self._stream.receive_exactly(length)
            self.received_bytes += codec.length_bytes + length
            return codec.decode(data)
        raise StreamBroken(f"{self.peer} says nothing")

    async def receive_a(self, frame_type: type[OneFrameT]) -> OneFrameT:
        """The next frame, which must be a `frame_type`; RemoteProtocolError if it is another."""
        frame = await self.receive()
        if isinstance(frame, frame_type):
            return frame
        if isinstance(frame, self._codec.bye):
            raise PeerSaidBye(frame.text)
        raise RemoteProtocolError(
            self._codec.order_rule,
            f"a {type(frame).__name__} where a {frame_type.__name__} is due",
        )

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """A trickle of bytes must not hold a session, and its place, for hours (R6.28)."""
        began = trio.current_time()
        patience = min(limits.SYNC_FRAME_WAIT_MS_MAX / limits.SECOND_MS, self._wait_s)
        try:
            with trio.move_on_after(patience):
                yield
        finally:
            self._wait_s = max(0.0, self._wait_s - (trio.current_time() - began))

    def earn(self, new_count: int) -> None:
        """`new_count` records, or letters, of this session were new to us."""
        self.earn_transfer(new_count * limits.SYNC_CREDIT_BYTES_PER_RECORD, 0.0)
        self.earn_time(new_count)

    def earn_time(self, count: int) -> None:
        """`count` of them went over this stream: it is no idle one."""
        self.earn_transfer(0, count * limits.SYNC_WAIT_MS_PER_RECORD / limits.SECOND_MS)

    def earn_transfer(self, credit_bytes: int, wait_s: float) -> None:
        """Pays back so much of either credit."""
        self._credit_bytes = min(self._credit_bytes + credit_bytes, limits.SYNC_CREDIT_BYTES)
        self._wait_s = min(self._wait_s + wait_s, self._wait_s_max)

    async def close(self) -> None:
        await self._stream.close()

    async def reset(self) -> None:
        await self._stream.reset()


class PeerSaidBye(Exception):
    """The peer has ended the session; the text is its reason, and not to be trusted."""
