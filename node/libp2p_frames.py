"""Yamux's frames as the library reads them: taken in bulk, and priced by how little they bring
(SPEC.md R11.9). Knows headers and which streams there are, nothing of what is in them.

Stock (yamux.py:1228) reads twelve bytes at a time through three layers and locks, and takes as many
frames as come: a peer that sends nothing but pings takes a whole core.
"""

import logging
import struct
from typing import Any

import trio
from libp2p.io.exceptions import IncompleteReadError
from libp2p.stream_muxer.yamux import yamux

from ..protocol.limits import (
    FRAME_BYTES_UNWANTED,
    FRAME_SMALL_BYTES,
    FRAMES_EARNED,
    FRAMES_IDLE_AT_FIRST,
    FRAMES_IDLE_BURST,
    FRAMES_IDLE_PER_SECOND,
    FRAMES_PER_PING,
    FRAMES_PER_STREAM,
    STREAM_WINDOW_BYTES,
)
from .token_bucket import TokenBucket

log = logging.getLogger(__name__)

_HEADER = struct.Struct(yamux.YAMUX_HEADER_FORMAT)
_DEBT_S_MIN = 0.25  # a smaller one is let be until it has grown
_ENDING = yamux.FLAG_FIN | yamux.FLAG_RST
_BODY_S = 60.0  # that may pass between two pieces of a frame, as in yamux.py:1222


class FramePrices:
    """One connection's credit for frames that bring next to nothing."""

    def __init__(self, now: float) -> None:
        self._bucket = TokenBucket(FRAMES_IDLE_PER_SECOND, FRAMES_IDLE_BURST, now)
        self._bucket.spend(FRAMES_IDLE_BURST - FRAMES_IDLE_AT_FIRST, now)

    def earn(self, now: float) -> None:
        """A frame has gone out, for which window updates or small answers come in."""
        self._bucket.spend(-FRAMES_EARNED, now)

    def spend(self, price: int, now: float) -> float:
        """For how many seconds the peer is to be held back. It is not at fault: it sends as fast as
        it is read, and cannot know what that is worth here."""
        debt_s = self._bucket.spend(price, now)
        return debt_s if debt_s >= _DEBT_S_MIN else 0.0


def is_earning(header: bytes, *, is_initiator: bool) -> bool:
    """Whether a frame that this node sends earns credit for the answers to it. Small ones do on its
    own streams only: on the peer's, the peer decides how many of them there are."""
    _, kind, flags, number, length = _HEADER.unpack(header)
    if kind not in (yamux.TYPE_DATA, yamux.TYPE_WINDOW_UPDATE):
        return False
    if bool(number % 2) != is_initiator:
        return kind == yamux.TYPE_DATA and bool(length >= FRAME_SMALL_BYTES)
    return kind == yamux.TYPE_DATA or bool(flags & yamux.FLAG_SYN)


def price_of(kind: int, flags: int, length: int, *, is_known: bool) -> int:
    """What a frame costs; `is_known`: its stream is there."""
    if flags & yamux.FLAG_SYN:
        return FRAMES_PER_PING if kind == yamux.TYPE_PING else FRAMES_PER_STREAM
    if kind != yamux.TYPE_DATA:
        return 1
    if not is_known:
        return 1 + length // FRAME_BYTES_UNWANTED
    return int(length < FRAME_SMALL_BYTES)


class FrameReader:
    """Stands before the secured connection of a muxer, which reads a header or a body at a time.

    Frames that would change nothing never reach the muxer. `connection` is told of those that no
    honest peer sends.
    """

    def __init__(self, session: Any, connection: Any) -> None:
        self._session = session
        self._connection = connection
        self._piece = b""
        self._at = 0
        self._body_bytes = 0
        self.prices = FramePrices(trio.current_time())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    async def read(self, count: int) -> bytes:
        """`count` bytes at most of the body that was begun; or the next header that the muxer has
        to see: what is in plain data and window updates goes to its stream at once."""
        if not self._body_bytes:
            return await self._next_header()
        if self._at == len(self._piece):
            await self._fill()
        return self._part(count)

    def _part(self, count: int) -> bytes:
        """Of the body that was begun, as much as is there."""
        part = self._piece[self._at : self._at + min(count, self._body_bytes)]
        self._at += len(part)
        self._body_bytes -= len(part)
        return part

    async def _next_header(self) -> bytes:
        connection = self._connection
        while True:
            while len(self._piece) - self._at < _HEADER.size:
                await self._fill()
            version, kind, flags, number, length = _HEADER.unpack_from(self._piece, self._at)
            header = self._piece[self._at : self._at + _HEADER.size]
            self._at += _HEADER.size
            if version or kind > yamux.TYPE_GO_AWAY:
                self._condemn("a frame of no known kind")
            if kind == yamux.TYPE_DATA and length > STREAM_WINDOW_BYTES:
                self._condemn(f"a frame of {length} bytes")
            is_known = number in connection.streams
            price = price_of(kind, flags, length, is_known=is_known)
            if price:
                await self._pay(price)
            if kind == yamux.TYPE_DATA:
                self._body_bytes = length
            if is_known and not flags and kind <= yamux.TYPE_WINDOW_UPDATE:
                if kind == yamux.TYPE_DATA:
                    await self._deliver(number)
                elif number in connection.streams:
                    connection.streams[number].send_window += length
            elif self._matters(kind, flags, length, is_known=is_known):
                return header
            while self._body_bytes:
                await self.read(self._body_bytes)

    async def _deliver(self, number: int) -> None:
        """The body that was begun, to its stream, as it comes."""
        while self._body_bytes:
            if self._at == len(self._piece):
                with trio.fail_after(_BODY_S):
                    await self._fill()
            part = self._part(self._body_bytes)
            if number in self._connection.streams:
                self._connection.deliver(number, part)
            if self._connection.event_shutting_down.is_set():
                raise _ended()

    def _matters(self, kind: int, flags: int, length: int, *, is_known: bool) -> bool:
        """Whether the muxer would do anything about it."""
        if kind == yamux.TYPE_GO_AWAY:
            return True
        if kind == yamux.TYPE_PING:
            is_awaited = not self._connection._ping_event.is_set()
            return bool(flags & yamux.FLAG_SYN) or is_awaited
        if flags & yamux.FLAG_SYN:
            return True
        return is_known and bool(length or flags & _ENDING)

    async def _pay(self, price: int) -> None:
        debt_s = self.prices.spend(price, trio.current_time())
        if debt_s:
            with trio.move_on_after(debt_s):
                await self._connection.event_shutting_down.wait()
                raise _ended()

    def _condemn(self, reason: str) -> None:
        self._connection.condemn(reason)
        raise _ended()

    async def _fill(self) -> None:
        """Adds what has come in the packets of the layer below."""
        fresh = await self._session.read()
        if not fresh:
            raise _ended()
        self._piece = self._piece[self._at :] + fresh
        self._at = 0


def _ended() -> IncompleteReadError:
    return IncompleteReadError(
        "the connection has ended", expected_bytes=_HEADER.size, received_bytes=0
    )
