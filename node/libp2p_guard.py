"""What keeps libp2p 0.8.1 from killing or silencing the process it runs in: guards against its own
tasks, logs, muxer and record parsing. Knows nothing of gossip (libp2p_pubsub.py) or of limits on
connections (libp2p_host.py).

Each guard names the bug it stands for and the line of 0.8.1; tests/faults/test_libp2p_guards_*.py
fails without it. The modules are patched in place, since the library names its classes directly.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import trio
from libp2p.crypto import serialization
from libp2p.exceptions import ParseError
from libp2p.host import basic_host
from libp2p.io import msgio
from libp2p.io.exceptions import IncompleteReadError, IOException
from libp2p.network.connection import swarm_connection
from libp2p.peer.id import ID
from libp2p.protocol_muxer import multiselect_communicator
from libp2p.stream_muxer import muxer_multistream
from libp2p.stream_muxer.exceptions import MuxedStreamEOF, MuxedStreamError, MuxedStreamReset
from libp2p.stream_muxer.yamux import yamux
from libp2p.tools.anyio_service import TrioManager
from libp2p.utils.varint import (
    read_length_prefixed_protobuf,
    read_varint_prefixed_bytes_limited,
)
from multiaddr import Multiaddr

from ..protocol.limits import (
    ADDRESS_BYTES_MAX,
    FRAMES_OWED_MAX,
    IDENTIFY_BYTES_MAX,
    NEGOTIATION_BYTES_MAX,
    PEER_ADDRESSES_MAX,
    PEER_KEY_BYTES_MAX,
    SECOND_MS,
    STREAM_STALL_MS_MAX,
    STREAM_WINDOW_BYTES,
)
from .libp2p_frames import FrameReader, is_earning
from .libp2p_packets import packets_of

log = logging.getLogger(__name__)

AsyncFunction = Callable[..., Awaitable[None]]
ADDRESSES_LEARNT_S = 7200
GOODBYE_S = 1.0
FAIR_BYTES = 16 * 1024  # that a connection may write before others have their turn


def guarded(function: AsyncFunction, what: str) -> AsyncFunction:
    """`function`, whose errors end in the log. A blanket handler on purpose: any exception that
    leaves one of the library's tasks cancels the whole service, and with it the node."""

    async def run(*args: Any) -> None:
        try:
            await function(*args)
        except Exception as error:  # of any kind: whatever leaves here ends the node
            log.warning("libp2p: %s failed: %r", what, error)

    return run


class GuardedManager(TrioManager):  # type: ignore[misc]
    """The library's task manager, in which a failed task ends alone.

    Stock (trio_manager.py:349), the first exception out of any task of Swarm, Pubsub or GossipSub
    cancels all of them. Daemon tasks (heartbeats, peer queues) are begun again instead.
    """

    restart_delay_s = 1.0

    def run_task(
        self,
        async_fn: AsyncFunction,
        *args: Any,
        daemon: bool = False,
        name: str | None = None,
        _internal: bool = False,
    ) -> None:
        if _internal:
            super().run_task(async_fn, *args, daemon=daemon, name=name, _internal=True)
            return
        title: str = name or getattr(async_fn, "__qualname__", None) or repr(async_fn)
        runner = guarded(async_fn, title)
        super().run_task(self._again if daemon else runner, *((runner, *args) if daemon else args))

    async def _again(self, runner: AsyncFunction, *args: Any) -> None:
        while True:
            await runner(*args)
            await trio.sleep(self.restart_delay_s)

    def run_daemon_task(self, async_fn: AsyncFunction, *args: Any, name: str | None = None) -> None:
        self.run_task(async_fn, *args, daemon=True, name=name)


async def read_exactly(reader: Any, count: int, retry_count: int = 0) -> bytes:
    """`count` bytes, however many pieces they come in.

    Bug 13 (io/utils.py:8): stock gives up after 100 pieces, which a 64 KiB Noise packet over a
    path with a small MTU reaches, and reads on 100 times after the end.
    """
    pieces = bytearray(await reader.read(count))
    while len(pieces) < count:
        piece = await reader.read(count - len(pieces))
        if not piece:
            raise IncompleteReadError(
                "connection closed while reading",
                expected_bytes=count,
                received_bytes=len(pieces),
            )
        pieces += piece
    return bytes(pieces)


async def read_negotiation(reader: Any) -> bytes:
    """A message of multistream-select without its line end.

    varint.py:153: stock reads as many bytes as a stranger announces, before anyone has proved
    anything: four connections take 1.4 GB within the five seconds that a handshake may last.
    """
    data = await read_varint_prefixed_bytes_limited(reader, NEGOTIATION_BYTES_MAX)
    if data[-1:] != b"\n":
        raise ParseError("a negotiation's message that does not end its line")
    return bytes(data[:-1])


class Sink(bytearray):
    """A buffer that stays empty."""

    def extend(self, data: Any, /) -> None:
        return

    def __iadd__(self, data: Any, /) -> "Sink":  # type: ignore[misc]
        return self


class GuardedYamuxStream(yamux.YamuxStream):  # type: ignore[misc]
    """A yamux stream that waits for a slow reader and holds a fast writer to the window."""

    _send_window = 0
    _recv_window = 0
    _unannounced = 0
    _window_grew: trio.Event | None = None

    @property
    def send_window(self) -> int:
        return self._send_window

    @send_window.setter
    def send_window(self, value: int) -> None:
        self._send_window = min(value, 2**32 - 1)
        if value > 0 and self._window_grew is not None:
            self._window_grew.set()
            self._window_grew = None

    @property
    def recv_window(self) -> int:
        return self._recv_window

    @recv_window.setter
    def recv_window(self, value: int) -> None:
        # yamux.py:1553: stock only logs when a peer sends beyond the window, and keeps the bytes:
        # a stream nobody reads takes all memory.
        self._recv_window = value
        if value < 0:
            self.conn.condemn("sent beyond the window")

    @property
    def closed(self) -> bool:
        return self._closed

    @closed.setter
    def closed(self, value: bool) -> None:
        self._closed = value
        if value and self._window_grew is not None:
            self._window_grew.set()
            self._window_grew = None

    async def write(self, data: bytes) -> None:
        """Bug 14 (yamux.py:288): stock polls a closed window at 100 Hz and gives up after 5 s,
        leaving half a message on a stream that it calls reset and does not reset."""
        view = memoryview(data)
        while view:
            if self.closed or self.send_closed:
                raise MuxedStreamError("stream is closed for sending")
            room = min(self.send_window, len(view), yamux.MAX_MESSAGE_SIZE - yamux.HEADER_SIZE)
            if room <= 0:
                if self._window_grew is None:
                    self._window_grew = trio.Event()
                grew = self._window_grew
                with trio.move_on_after(STREAM_STALL_MS_MAX / SECOND_MS) as stall:
                    await grew.wait()
                if stall.cancelled_caught:
                    await self.reset()
                    raise MuxedStreamReset("the other side has stopped reading")
                continue
            self._send_window -= room
            header = yamux.struct.pack(
                yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_DATA, 0, self.stream_id, room
            )
            await self.conn._write_frame(header + view[:room])
            view = view[room:]

    async def read(self, n: int | None = -1) -> bytes:
        """yamux.py:1052: a reset, or the loss of the connection, reads as a clean end, and a
        message that was cut as one that is whole.

        yamux.py:510: without a number it reads for as long as more comes: basic_host.py:1272 does
        so for ten seconds, of whoever answers identify with anything else. One window is all that
        can have come.
        """
        if n == 0:
            return b""
        if n is None or n < 0:
            n = STREAM_WINDOW_BYTES
        if not await self._has_data():
            if self.recv_closed and not (self.reset_received or self._is_lost()):
                raise MuxedStreamEOF("the stream has ended")
            raise MuxedStreamReset("the stream was reset")
        buffer = self.conn.stream_buffers[self.stream_id]
        data = bytes(buffer[:n])
        del buffer[:n]
        await self._auto_tune_and_send_window_update(bytes_read=len(data))
        if self.closed and not buffer:
            await self.conn._finalize_stream(self, fully_closed=True)
        return data

    async def _has_data(self) -> bool:
        """Whether there are bytes to be read; waits for them, or for the stream's end.

        yamux.py:1070: stock takes the lock of all the connection's streams for each read, and what
        it finds by the stream's number then may be another's; an event that it puts in the place
        of one that others wait for leaves them waiting for ever.
        """
        events, number = self.conn.stream_events, self.stream_id
        while not self._is_lost() and number in events:
            if self.conn.stream_buffers[number] and (self.recv_closed or not self.closed):
                return True
            if self.recv_closed or self.closed:
                return False
            if events[number].is_set():
                events[number] = trio.Event()
            else:
                await events[number].wait()
        return False

    def _is_lost(self) -> bool:
        """Whether the connection is over, or the stream, and its number another's."""
        connection = self.conn
        return bool(connection.event_shutting_down.is_set() or connection.is_reused(self))

    async def _auto_tune_and_send_window_update(self, *, bytes_read: int = 0) -> None:
        """yamux.py:430: stock answers each read of a few bytes with a window update, which costs
        as much as a message. Here half a window is told at once, as the protocol advises."""
        self._unannounced += bytes_read
        if self._unannounced >= STREAM_WINDOW_BYTES // 2 and not self.recv_closed:
            room, self._unannounced = self._unannounced, 0
            self.recv_window += room
            await self.send_window_update(room)

    async def reset(self) -> None:
        await super().reset()
        await self.forget_unread()

    async def forget_unread(self) -> None:
        """What has come, and what is still to come. yamux.py:962: a stream that is over keeps what
        nobody has read for another minute: 256 KiB for each one that a peer cares to open."""
        if self.stream_id in self.conn.stream_buffers and not self.conn.is_reused(self):
            self.conn.stream_buffers[self.stream_id] = Sink()
        if self.closed:
            await self.conn._finalize_stream(self, fully_closed=True)


class GuardedYamux(yamux.Yamux):  # type: ignore[misc]
    """A yamux connection that can be condemned from within its own reading loop."""

    _condemned = False
    on_condemned: Callable[[str], None] | None = None
    local_ip = ""

    def __init__(self, secured_conn: Any, *args: Any, **options: Any) -> None:
        super().__init__(secured_conn, *args, **options)
        self._frames = self.secured_conn = FrameReader(packets_of(secured_conn), self)
        self._unyielded_bytes = 0
        self._reading: trio.lowlevel.Task | None = None
        self._owe, self._owed = trio.open_memory_channel[bytes](FRAMES_OWED_MAX)

    async def handle_incoming(self) -> None:
        self._reading = trio.lowlevel.current_task()
        self._nursery.start_soon(self._answer)
        await super().handle_incoming()

    async def _answer(self) -> None:
        """yamux.py:1487: stock writes pongs and the like where it reads: two nodes that have filled
        each other's sockets and are asked for one each wait for the other to read, for ever."""
        async with self._owed:
            async for frame in self._owed:
                try:
                    await self._write(frame)
                except IOException as error:
                    log.debug("libp2p: no answer to %s: %r", self.peer_id, error)
                    return

    def deliver(self, number: int, data: bytes) -> None:
        """Data that has come for a stream that is there."""
        self.stream_buffers[number] += data
        self.streams[number].recv_window -= len(data)
        self.stream_events[number].set()

    def is_reused(self, stream: yamux.YamuxStream) -> bool:
        """Whether a stream that is over has left its number to another."""
        return self.streams.get(stream.stream_id, stream) is not stream

    def _finalize_stream_locked(self, stream: yamux.YamuxStream, *, fully_closed: bool) -> None:
        """yamux.py:950: stock goes by the number: a peer that opens it again, once the stream is
        over, has the new one's events taken away, and who reads it waits for ever. So does who
        reads a stream that this node itself has reset: its event goes without having come."""
        is_last = fully_closed and not self.is_reused(stream)
        if is_last and stream.stream_id in self.stream_events:
            self.stream_events[stream.stream_id].set()
        super()._finalize_stream_locked(stream, fully_closed=is_last)

    def condemn(self, reason: str) -> None:
        """Closes the connection soon, for something that no honest peer does."""
        if self._condemned or self._nursery is None:
            return
        self._condemned = True
        log.warning("libp2p: connection of %s closed: %s", self.peer_id, reason)
        if self.on_condemned is not None:
            self.on_condemned(reason)
        self.event_shutting_down.set()
        self._nursery.start_soon(self._close_condemned)

    async def _write_frame(self, data: bytes) -> None:
        if trio.lowlevel.current_task() is self._reading:
            await self._owe.send(data)
        else:
            await self._write(data)

    async def _write(self, data: bytes) -> None:
        """yamux.py:1693: a write that fails since the peer has gone is taken for a passing error:
        each of the 5,000 frames that it may have left behind is then looked at in turn, 10 ms
        apart, and its connection keeps its place for a minute. One that is cancelled half-way
        leaves a part of a packet, or a gap in Noise's numbers: nothing that follows can be read."""
        if is_earning(data[: yamux.HEADER_SIZE], is_initiator=self.is_initiator_value):
            self._frames.prices.earn(trio.current_time())
        await trio.lowlevel.checkpoint_if_cancelled()  # while nothing has been said
        try:
            self._write_lock.acquire_nowait()  # acquire() gives up one's turn, every time
        except trio.WouldBlock:
            await self._write_lock.acquire()
        is_whole = False
        try:
            await self.secured_conn.write(data)
            is_whole = True
        finally:
            self._write_lock.release()
            if not is_whole:
                self._give_up()
        self._unyielded_bytes += len(data)
        if self._unyielded_bytes >= FAIR_BYTES:
            self._unyielded_bytes = 0
            await trio.lowlevel.checkpoint()

    def _give_up(self) -> None:
        if not self.event_shutting_down.is_set():
            self.event_shutting_down.set()
            if self._nursery is not None:
                self._nursery.start_soon(self._close_condemned)

    async def close(self, error_code: int = yamux.GO_AWAY_NORMAL) -> None:
        """yamux.py:785: says goodbye first, and waits for it behind every other writer: a peer that
        has stopped reading keeps us from hanging up, and from shutting down. What follows the
        goodbye is never cut short: the swarm would keep a connection that is none in its books."""
        if not self.event_shutting_down.is_set():
            goodbye = yamux.struct.pack(
                yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_GO_AWAY, 0, 0, error_code
            )
            with trio.move_on_after(GOODBYE_S):
                try:
                    await self._write_frame(goodbye)
                except Exception as error:  # of any kind: it is only a courtesy
                    log.debug("libp2p: no goodbye to %s: %r", self.peer_id, error)
        await self._close_condemned()

    async def _close_condemned(self) -> None:
        with trio.CancelScope(shield=True):
            await self._cleanup_on_error()


def bounded(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """`parse` for keys of a possible length; ValueError for others.

    crypto/rsa.py:72: the size of an RSA key is looked at only after its parts have been divided by
    each other, in quadratic time: a key of 60 kB in a handshake, before anyone has proved anything,
    stops everything for 6 s, one of 1 MB in a gossiped message for half an hour.
    """

    def parse_short(data: bytes) -> Any:
        if len(data) > PEER_KEY_BYTES_MAX:
            raise ValueError(f"a key of {len(data)} bytes")
        return parse(data)

    parse_short.is_bounded = True  # type: ignore[attr-defined]
    return parse_short


async def take_identify(peerstore: Any, peer_id: ID, message: Any) -> None:
    """Keeps a few short listen addresses of an identify message, and nothing else of it.

    identity/update.py:22: stock caches up to 1,000 unparseable addresses of up to 1 MiB each for
    ever, and stores 1,000 addresses for each peer.
    """
    peerstore.clear_addrs(peer_id)
    for raw in message.listen_addrs[:PEER_ADDRESSES_MAX]:
        if len(raw) > ADDRESS_BYTES_MAX:
            continue
        try:
            address = Multiaddr(raw)
            str(address)
        except (ValueError, LookupError, TypeError) as error:
            log.debug("libp2p: unreadable address from %s: %r", peer_id, error)
            continue
        peerstore.add_addr(peer_id, address, ADDRESSES_LEARNT_S)


def take_over_logging(level: int = logging.CRITICAL) -> None:
    """Bug 24: importing libp2p cuts its logger off from the root, writes routine failures of dials
    as errors, and swarm_connection.py uses the root logger by module functions, which install a
    handler on stderr for the whole process."""
    library = logging.getLogger("libp2p")
    library.propagate = True
    library.handlers.clear()
    library.setLevel(level)
    swarm_connection.logging = logging.getLogger("libp2p.network.connection.swarm_connection")


def patch_modules() -> None:
    """Puts the guards where the library looks its own classes up. Idempotent."""
    msgio.read_exactly = read_exactly
    yamux.read_exactly = read_exactly
    yamux.YamuxStream = GuardedYamuxStream
    # muxer_multistream.py:127: the class given as an option is not looked at for yamux.
    muxer_multistream.Yamux = GuardedYamux
    multiselect_communicator.read_delim = read_negotiation
    # yamux.py:1282: a frame of up to this many bytes is read whole, before its window is looked at;
    # yamux.py:412: and the window doubles up to it while we read quickly, and may then be filled at
    # once. 256 KiB carries 600 MB/s at a LAN's 0.4 ms.
    yamux.MAX_WINDOW_SIZE = STREAM_WINDOW_BYTES
    basic_host.update_peerstore_from_identify = take_identify
    # varint.py:284: 1 MiB, of each peer.
    basic_host.read_length_prefixed_protobuf = partial(
        read_length_prefixed_protobuf, max_length=IDENTIFY_BYTES_MAX
    )
    parsers = serialization.key_type_to_public_key_deserializer
    for key_type, parse in parsers.items():
        parsers[key_type] = parse if hasattr(parse, "is_bounded") else bounded(parse)
