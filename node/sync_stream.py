"""A sync stream as frames, under a credit of bytes and of time that records refill: a peer that
sends much or waits long, and nothing comes of it, is left.

Knows frames' bytes and what they cost; not which frame may follow which.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import trio

from ..protocol import limits, sync_frame
from ..protocol.errors import RemoteProtocolError
from .transport import Stream, StreamBroken

FrameT = TypeVar("FrameT")


class SyncStream:
    """One session's frames. Each frame that comes costs credit; `earn` pays some back.
    `wait_ms_max`: how long the peer may be waited for in all."""

    def __init__(self, stream: Stream, wait_ms_max: int = limits.SYNC_ASKER_WAIT_MS_MAX) -> None:
        self._stream = stream
        self._credit_bytes = limits.SYNC_CREDIT_BYTES
        self._wait_s_max = wait_ms_max / limits.SECOND_MS
        self._wait_s = self._wait_s_max
        self.received_bytes = 0
        self.sent_bytes = 0

    @property
    def peer(self) -> str:
        return self._stream.peer

    async def send(self, frame: sync_frame.Frame) -> None:
        """StreamBroken also when the peer does not read, as long as `receive` would wait."""
        data = sync_frame.encode_prefixed(frame)
        with self._waiting():
            await self._stream.send_all(data)
            self.sent_bytes += len(data)
            return
        raise StreamBroken(f"{self.peer} does not read")

    async def receive(self) -> sync_frame.Frame:
        """The next frame. StreamEnded, StreamBroken (also after a wait of
        SYNC_FRAME_WAIT_MS_MAX, or when the time for all waits is up), RemoteProtocolError R6.9,
        R6.10, or R6.28 without credit."""
        with self._waiting():
            length = sync_frame.decode_length(
                await self._stream.receive_exactly(sync_frame.LENGTH_BYTES)
            )
            self._credit_bytes -= length + limits.SYNC_CREDIT_BYTES_PER_FRAME
            if self._credit_bytes < 0:
                raise RemoteProtocolError("R6.28", "much sent and nothing new in it", penalty=0)
            data = await self._stream.receive_exactly(length)
            self.received_bytes += sync_frame.LENGTH_BYTES + length
            return sync_frame.decode(data)
        raise StreamBroken(f"{self.peer} says nothing")

    async def receive_a(self, frame_type: type[FrameT]) -> FrameT:
        """The next frame, which must be a `frame_type`; R6.21 if it is another."""
        frame = await self.receive()
        if isinstance(frame, frame_type):
            return frame
        if isinstance(frame, sync_frame.Bye):
            raise PeerSaidBye(frame.text)
        raise RemoteProtocolError(
            "R6.21", f"a {type(frame).__name__} where a {frame_type.__name__} is due"
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
        """`new_count` records of this session were new to us."""
        earned = self._credit_bytes + new_count * limits.SYNC_CREDIT_BYTES_PER_RECORD
        self._credit_bytes = min(earned, limits.SYNC_CREDIT_BYTES)
        self.earn_time(new_count)

    def earn_time(self, count: int) -> None:
        """`count` records went over this stream: it is no idle one."""
        earned_s = count * limits.SYNC_WAIT_MS_PER_RECORD / limits.SECOND_MS
        self._wait_s = min(self._wait_s + earned_s, self._wait_s_max)

    async def close(self) -> None:
        await self._stream.close()

    async def reset(self) -> None:
        await self._stream.reset()


class PeerSaidBye(Exception):
    """The peer has ended the session; the text is its reason, and not to be trusted."""
