"""GossipSub's RPCs as bytes: read out of a stream, parsed within bounds, and queued for a peer.

Knows neither topics nor what is to be done about an RPC.
"""

import logging
from collections import deque
from typing import Any

import trio
from libp2p.network.stream.exceptions import StreamError
from libp2p.pubsub.pb import rpc_pb2
from libp2p.pubsub.rpc_queue import RpcQueue
from libp2p.utils import encode_varint_prefixed

from ..protocol.limits import (
    GOSSIP_CONTROLS_MAX,
    GOSSIP_QUEUE_BYTES_MAX,
    GOSSIP_QUEUE_RPCS_MAX,
    GOSSIP_RPC_BYTES_MAX,
    STREAM_CHUNK_BYTES,
)

log = logging.getLogger(__name__)

RPC_OUT_BYTES_MAX = 256 * 1024
MERGED_BYTES_MAX = 64 * 1024
MERGED_MAX = 64  # messages; others' parsers have bounds for them, from 128 on
VARINT_BYTES_MAX = 10
_PUBLISH_TAG = b"\x12"  # the RPC's second field


class BadRpc(Exception):
    """Bytes on a gossip stream that are no RPC."""


class DeepQueue(RpcQueue):  # type: ignore[misc]
    """Bug 9 (rpc_queue.py:39): 32 RPCs for each peer, the rest dropped in silence. Bounded in
    number and bytes here; what is dropped all the same is for reconciliation to repair.

    Keeps bytes: RPCs one behind the other are one RPC that says all that they say. Only `control`
    is there once in an RPC, and not all parsers join two.
    """

    def __init__(self) -> None:
        super().__init__(GOSSIP_QUEUE_RPCS_MAX, RPC_OUT_BYTES_MAX)
        self._controls: deque[bytes] = deque()
        self._plain: deque[bytes] = deque()
        self._bytes = 0
        self.dropped_count = 0

    def __len__(self) -> int:
        return len(self._controls) + len(self._plain)

    def push(self, rpc: Any, priority: bool = False) -> bool:
        rpc.ClearField("senderRecord")
        return self.push_bytes(rpc.SerializeToString(), has_control=rpc.HasField("control"))

    def push_bytes(self, data: bytes, *, has_control: bool = False) -> bool:
        """Whether there was room for an RPC's bytes."""
        is_full = (
            self._bytes + len(data) > GOSSIP_QUEUE_BYTES_MAX or len(self) >= GOSSIP_QUEUE_RPCS_MAX
        )
        if is_full or self._closed:
            self.dropped_count += 1
            if self.dropped_count.bit_count() == 1:  # the 1st, 2nd, 4th, 8th …
                log.warning("gossip: a slow peer's queue is full, %d dropped", self.dropped_count)
            return False
        (self._controls if has_control else self._plain).append(data)
        self._bytes += len(data)
        self._notify.set()
        return True

    async def pop(self) -> bytes | None:
        """The bytes of one RPC of what waits, control first; None when the queue is closed."""
        while not len(self):
            if self._closed:
                return None
            self._notify = trio.Event()
            await self._notify.wait()
        parts = [self._controls.popleft()] if self._controls else []
        size_bytes = sum(map(len, parts))
        while self._plain and len(parts) < MERGED_MAX:
            if parts and size_bytes + len(self._plain[0]) > MERGED_BYTES_MAX:
                break
            size_bytes += len(self._plain[0])
            parts.append(self._plain.popleft())
        self._bytes -= size_bytes
        return b"".join(parts)


class RpcReader:
    """Length-prefixed RPCs out of a stream, read in large pieces: stock (varint.py:204) reads each
    length byte by byte through yamux, Noise and two locks, which is a quarter of its time."""

    def __init__(self, stream: Any) -> None:
        # net_stream.py:195: the wrapper of a stream takes a lock, and gives up its turn, each time.
        self._read = getattr(stream, "muxed_stream", stream).read
        self._buffer = bytearray()

    async def receive(self) -> bytes:
        """The next RPC's bytes. BadRpc for a length that cannot be, and the stream's own errors."""
        size_bytes = await self._receive_length()
        while len(self._buffer) < size_bytes:
            await self._fill()
        data = bytes(self._buffer[:size_bytes])
        del self._buffer[:size_bytes]
        return data

    async def _receive_length(self) -> int:
        value = 0
        for place in range(VARINT_BYTES_MAX):
            while len(self._buffer) <= place:
                await self._fill()
            byte = self._buffer[place]
            value |= (byte & 0x7F) << (7 * place)
            if not byte & 0x80:
                if value > GOSSIP_RPC_BYTES_MAX:
                    raise BadRpc(f"an RPC of {value} bytes")
                del self._buffer[: place + 1]
                return value
        raise BadRpc("a length of more than ten bytes")

    async def _fill(self) -> None:
        piece = await self._read(STREAM_CHUNK_BYTES)
        if not piece:
            raise StreamError("stream ended")
        self._buffer += piece


def parse_rpc(data: bytes) -> Any:
    """The RPC; BadRpc for what is none, or asks for more at once than any honest one does."""
    rpc = rpc_pb2.RPC()
    try:
        rpc.ParseFromString(data)
    except Exception as error:
        # Bug 2 (pubsub.py:562): stock lets protobuf's DecodeError out. Of any kind: which other
        # errors its parser has is not told, and each would end the process.
        raise BadRpc(f"not an RPC: {error}") from error
    told = rpc.control
    controls = sum(
        len(each) for each in (told.ihave, told.iwant, told.graft, told.prune, told.idontwant)
    )
    if controls > GOSSIP_CONTROLS_MAX:
        raise BadRpc(f"{controls} controls in one RPC")
    return rpc


def publish_field(message: Any) -> bytes:
    """An RPC that brings one message."""
    return _PUBLISH_TAG + bytes(encode_varint_prefixed(message.SerializeToString()))
