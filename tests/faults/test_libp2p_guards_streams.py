"""Attacks on a real node's streams: one for each guard of the muxer in node/libp2p_guard.py. Each
fails when its guard is taken out.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import trio
import trio.testing
from libp2p.custom_types import TProtocol
from libp2p.identity.identify.identify import ID as IDENTIFY
from libp2p.io import msgio
from libp2p.io.exceptions import IncompleteReadError
from libp2p.network.stream.exceptions import StreamError
from libp2p.peer.id import ID
from libp2p.stream_muxer.exceptions import MuxedStreamReset
from libp2p.stream_muxer.yamux import yamux
from libp2p.utils.varint import encode_uvarint

from jangteo.node.libp2p_guard import GuardedYamux, GuardedYamuxStream, read_exactly
from jangteo.node.transport import Stream
from jangteo.protocol.limits import (
    FRAMES_OWED_MAX,
    SECOND_MS,
    STREAM_STALL_MS_MAX,
    STREAM_WINDOW_BYTES,
    STREAMS_LINGERING_PER_CONNECTION_MAX,
)
from jangteo.protocol.verdict import Verdict
from tests.faults.test_libp2p_packets import raw, sessions
from tests.loopback import (
    ECHO,
    PATIENCE_S,
    TOPIC,
    echo,
    host,
    is_reset,
    is_well,
    settled,
    victim_and_attacker,
)

pytestmark = pytest.mark.trio


async def test_bytes_beyond_the_window_cost_the_connection() -> None:
    """yamux.py:1553: kept without bound, for a stream that nobody reads."""
    async with victim_and_attacker() as (victim, attacker):
        reading = trio.Event()

        async def never_read(stream: Stream) -> None:
            await reading.wait()

        victim.serve("/test/never/1", never_read)
        stream = (await attacker.open_stream(victim.peer, "/test/never/1"))._stream.muxed_stream
        frame = yamux.struct.pack(
            yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_DATA, 0, stream.stream_id, 60_000
        ) + bytes(60_000)
        for _ in range(STREAM_WINDOW_BYTES // 60_000 + 2):
            try:
                await stream.conn._write_frame(frame)
            except Exception as error:  # the victim has hung up
                assert not isinstance(error, AssertionError)
        await settled(lambda: not victim.peers())
        reading.set()
        await is_well(victim)


async def test_a_frame_larger_than_the_window_costs_the_connection() -> None:
    """yamux.py:1282: read whole, up to 16 MiB, before its window is looked at."""
    async with victim_and_attacker() as (victim, attacker):
        connection = attacker.swarm.get_connections()[0].muxed_conn
        await connection._write_frame(
            yamux.struct.pack(
                yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_DATA, 0, 1, STREAM_WINDOW_BYTES + 1
            )
        )
        await settled(lambda: not victim.peers())
        await is_well(victim)


async def test_the_window_does_not_grow() -> None:
    """yamux.py:412: up to 16 MiB for each of a peer's streams."""
    async with victim_and_attacker() as (victim, attacker):

        async def read_all(stream: Stream) -> None:
            await stream.receive_exactly(2_000_000)
            await stream.send_all(b"read.")

        victim.serve("/test/read/1", read_all)
        stream = await attacker.open_stream(victim.peer, "/test/read/1")
        await stream.send_all(bytes(2_000_000))
        assert await stream.receive_exactly(5) == b"read."
        held = victim.swarm.get_connections()[0].muxed_conn.streams.values()
        assert all(each.target_recv_window == STREAM_WINDOW_BYTES for each in held)


async def test_the_window_is_told_by_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """yamux.py:430: a window update for each read of a few bytes."""
    async with victim_and_attacker() as (victim, attacker):
        told: list[int] = []
        send = GuardedYamuxStream.send_window_update

        async def note(stream: Any, increment: int, skip_lock: bool = False) -> None:
            told.append(increment)
            await send(stream, increment)

        async def read_all(stream: Stream) -> None:
            for _ in range(1000):
                await stream.receive_exactly(1000)
            await stream.send_all(b"read.")

        victim.serve("/test/read/1", read_all)
        stream = await attacker.open_stream(victim.peer, "/test/read/1")
        monkeypatch.setattr(GuardedYamuxStream, "send_window_update", note)
        for _ in range(1000):
            await stream.send_all(bytes(1000))
        assert await stream.receive_exactly(5) == b"read."
        assert len(told) <= 1_000_000 // (STREAM_WINDOW_BYTES // 2)
        assert min(told) >= STREAM_WINDOW_BYTES // 2


async def test_finished_streams_that_the_peer_never_closes_are_dropped() -> None:
    async with victim_and_attacker() as (victim, attacker):

        async def done(stream: Stream) -> None:
            await stream.send_all(b"done.")

        victim.serve("/test/done/1", done)
        connection = victim.swarm.get_connections()[0].muxed_conn
        for _ in range(STREAMS_LINGERING_PER_CONNECTION_MAX + 20):
            # Past our own limit on what we open, which an attacker does not keep to.
            protocol = [TProtocol("/test/done/1")]
            stream = await attacker.host.new_stream(ID.from_base58(victim.peer), protocol)
            assert await read_exactly(stream, 5) == b"done."
        await settled(
            lambda: (
                sum(each.send_closed for each in connection.streams.values())
                <= STREAMS_LINGERING_PER_CONNECTION_MAX + 1
            )
        )


async def test_what_nobody_read_goes_with_its_stream() -> None:
    """yamux.py:962."""
    async with victim_and_attacker() as (victim, attacker):

        async def refuse(stream: Stream) -> None:
            await stream.receive_exactly(1)
            await stream.reset()

        async def ignore(stream: Stream) -> None:
            await stream.receive_exactly(1)

        victim.serve("/test/refuse/1", refuse)
        victim.serve("/test/ignore/1", ignore)
        connection = victim.swarm.get_connections()[0].muxed_conn
        for name in ("refuse", "ignore"):
            for _ in range(20):
                protocol = [TProtocol(f"/test/{name}/1")]
                stream = await attacker.host.new_stream(ID.from_base58(victim.peer), protocol)
                with suppress(StreamError):  # the reset may come before the last of it is out
                    await stream.write(bytes(STREAM_WINDOW_BYTES - 1000))
                if name == "refuse":
                    await is_reset(stream)
                else:
                    await stream.close()
        await settled(lambda: sum(map(len, connection.stream_buffers.values())) < 10_000)
        assert len(connection.streams) <= STREAMS_LINGERING_PER_CONNECTION_MAX + 5


@pytest.mark.parametrize(
    "opening",
    [encode_uvarint(2**20 + 1), b"\xff" * 10, encode_uvarint(2**20)],
    ids=["too long", "no length", "long"],
)
async def test_an_answer_to_identify_takes_no_more_than_a_window(
    opening: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """basic_host.py:1272: after an answer that is none, whatever comes within ten seconds. And
    varint.py:284: 1 MiB of one that looks like an answer."""
    sent: list[int] = []
    ended = trio.Event()
    write_frame = GuardedYamux._write_frame

    async def write_slowly(self: GuardedYamux, data: bytes) -> None:
        """The attacker is quick: there is always more by the time a window update is out."""
        await write_frame(self, data)
        if not self.is_initiator_value and data[1] == yamux.TYPE_WINDOW_UPDATE:
            for _ in range(20):
                if not any(map(len, self.stream_buffers.values())):
                    await trio.testing.wait_all_tasks_blocked(0.002)

    async def flood(stream: Any) -> None:
        with suppress(StreamError):
            await stream.write(opening)
            while sum(sent) < 16 * STREAM_WINDOW_BYTES:
                await stream.write(bytes(STREAM_WINDOW_BYTES // 4))
                sent.append(STREAM_WINDOW_BYTES // 4)
        ended.set()

    monkeypatch.setattr(GuardedYamux, "_write_frame", write_slowly)

    async with host("victim") as victim, host("attacker") as attacker:
        victim.serve(ECHO, echo)
        await victim.join(TOPIC, lambda peer, data: Verdict.ACCEPT)
        attacker.host.set_stream_handler(IDENTIFY, flood)
        with trio.fail_after(PATIENCE_S):
            await attacker.dial(victim.addresses()[0])
            await ended.wait()
        # What was read, what lay in the window then, and a piece under way.
        assert sum(sent) <= 2.5 * STREAM_WINDOW_BYTES
        await is_well(victim)


class Wire:
    """Takes a yamux stream's frames."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.stream_buffers: dict[int, bytearray] = {}

    async def _write_frame(self, frame: bytes) -> None:
        self.frames.append(frame)

    async def _finalize_stream(self, stream: Any, *, fully_closed: bool) -> None: ...


async def test_a_slow_reader_is_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    """Bug 14: stock gives up after five seconds, in the middle of a message."""
    wire = Wire()
    stream = GuardedYamuxStream(1, wire, True)
    data = bytes(STREAM_WINDOW_BYTES + 10_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stream.write, data)
        await trio.sleep(STREAM_STALL_MS_MAX / SECOND_MS - 1)
        stream.send_window += 10_000
    assert sum(len(frame) - yamux.HEADER_SIZE for frame in wire.frames) == len(data)


async def test_a_reader_that_never_reads_is_given_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    wire = Wire()
    stream = GuardedYamuxStream(1, wire, True)
    begun_at = trio.current_time()
    with pytest.raises(MuxedStreamReset):
        await stream.write(bytes(STREAM_WINDOW_BYTES + 1))
    assert trio.current_time() - begun_at == pytest.approx(STREAM_STALL_MS_MAX / SECOND_MS)
    assert stream.closed and stream.reset_received


async def test_a_write_that_is_cancelled_before_it_begins_harms_nothing() -> None:
    async with victim_and_attacker() as (victim, attacker):
        connection = victim.swarm.get_connections()[0].muxed_conn
        with trio.CancelScope() as scope:
            scope.cancel()
            await connection._write_frame(bytes(yamux.HEADER_SIZE))
        stream = await attacker.open_stream(victim.peer, ECHO)
        await stream.send_all(b"hello")
        assert await stream.receive_exactly(5) == b"hello"


async def test_a_write_that_is_cut_off_ends_its_connection() -> None:
    """Noise numbers its packets: with one missing, or half there, the far end reads no more."""
    async with victim_and_attacker() as (victim, _):
        connection = victim.swarm.get_connections()[0].muxed_conn
        write, frame, begun = connection.secured_conn.write, bytes(yamux.HEADER_SIZE), trio.Event()

        async def write_ours_for_ever(data: bytes) -> None:
            if data is not frame:  # the library says hello meanwhile
                await write(data)
                return
            begun.set()
            await trio.sleep_forever()

        connection.secured_conn.write = write_ours_for_ever
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(connection._write_frame, frame)
                await begun.wait()
                scope.cancel()
        await settled(lambda: not victim.peers())
        await is_well(victim)


async def test_a_packet_in_many_pieces_is_read() -> None:
    """Bug 13: stock gives up after a hundred."""

    class Trickle:
        def __init__(self, data: bytes) -> None:
            self.left = data
            self.reads = 0

        async def read(self, n: int) -> bytes:
            self.reads += 1
            piece, self.left = self.left[:1], self.left[1:]
            return piece

    assert await read_exactly(Trickle(b"x" * 1000), 1000) == b"x" * 1000
    ended = Trickle(b"xy")
    with pytest.raises(IncompleteReadError):
        await read_exactly(ended, 3)
    assert ended.reads == 3
    assert msgio.read_exactly is yamux.read_exactly is read_exactly


class Dictated:
    """A connection over which a test says each frame; what is answered goes nowhere."""

    is_initiator = False

    def __init__(self) -> None:
        self._say, self._told = trio.open_memory_channel[bytes](10)

    async def say(self, flags: int, number: int, body: bytes = b"") -> None:
        """A frame of data, looked at before this returns."""
        head = yamux.struct.pack(
            yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_DATA, flags, number, len(body)
        )
        await self._say.send(head + body)
        await trio.testing.wait_all_tasks_blocked()

    async def read(self, count: int | None = None) -> bytes:
        return await self._told.receive()

    async def write(self, data: bytes) -> None: ...

    async def close(self) -> None:
        self._say.close()


@asynccontextmanager
async def dictated() -> AsyncIterator[tuple[Dictated, GuardedYamux, trio.Nursery]]:
    """A muxer that reads what a test says, and a nursery that ends with it."""
    told = Dictated()
    connection = GuardedYamux(told, ID(b"stranger"), is_initiator=False)
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.start)
            yield told, connection, nursery


async def test_a_number_that_is_used_again_is_another_stream() -> None:
    """yamux.py:950: whoever still held the first one read, and then took away, the second's."""
    async with dictated() as (told, connection, nursery):
        await told.say(yamux.FLAG_SYN, 5)
        first = await connection.accept_stream()
        await told.say(yamux.FLAG_RST, 5)
        await told.say(yamux.FLAG_SYN, 5, b"hi")
        second = await connection.accept_stream()
        with pytest.raises(MuxedStreamReset):
            await first.read(2)
        await first.reset()
        assert await second.read(2) == b"hi"
        more: list[bytes] = []

        async def read_more() -> None:
            more.append(await second.read(3))

        nursery.start_soon(read_more)
        await trio.testing.wait_all_tasks_blocked()
        await told.say(0, 5, b"you")
        assert more == [b"you"]
        await connection.close()


async def test_a_stream_that_is_over_reads_nothing_of_the_next_one() -> None:
    """yamux.py:1057: stock looks its number up once it has the lock, when it is another's."""
    async with dictated() as (told, connection, nursery):
        await told.say(yamux.FLAG_SYN, 5)
        first = await connection.accept_stream()
        await told.say(yamux.FLAG_RST, 5)

        async def read_first() -> None:
            with pytest.raises(MuxedStreamReset):
                await first.read(2)

        async with connection.streams_lock:
            await told.say(yamux.FLAG_SYN, 5, b"hi")
            nursery.start_soon(read_first)
            await trio.testing.wait_all_tasks_blocked()
        second = await connection.accept_stream()
        assert await second.read(2) == b"hi"
        await connection.close()


async def test_who_reads_a_stream_that_is_reset_here_is_told() -> None:
    """yamux.py:977: the stream's event went without having come."""
    async with dictated() as (told, connection, nursery):
        await told.say(yamux.FLAG_SYN, 5)
        stream = await connection.accept_stream()

        async def read() -> None:
            with pytest.raises(MuxedStreamReset):
                await stream.read(1)
            await connection.close()

        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        await stream.reset()


async def test_what_comes_for_a_stream_that_nobody_reads_is_not_kept() -> None:
    async with dictated() as (told, connection, _):
        await told.say(yamux.FLAG_SYN, 5, b"some")
        stream = await connection.accept_stream()
        await stream.close()
        await stream.forget_unread()
        await told.say(0, 5, b"more")
        await told.say(yamux.FLAG_ACK, 5, b"and more")
        assert 5 in connection.streams
        assert not connection.stream_buffers[5]
        await connection.close()


async def test_two_that_have_filled_each_other_s_sockets_still_answer() -> None:
    """yamux.py:1487: each waited for the other to read, for ever."""
    size_bytes, pings = STREAM_WINDOW_BYTES // 2, 20
    ping = yamux.struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_PING, yamux.FLAG_SYN, 0, 1)

    async def write(connection: GuardedYamux) -> None:
        stream = await connection.open_stream()
        await stream.write(bytes(size_bytes))

    async def ask(connection: GuardedYamux) -> None:
        for _ in range(pings):
            await connection._write_frame(ping)

    async def read(connection: GuardedYamux) -> None:
        stream = await connection.accept_stream()
        await read_exactly(stream, size_bytes)

    async with sessions() as ends:
        for end in ends:
            for side in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                raw(end).setsockopt(socket.SOL_SOCKET, side, 4096)
        async with trio.open_nursery() as connected:
            two = [GuardedYamux(end, ID(b"other"), is_initiator=end is ends[0]) for end in ends]
            for connection in two:
                connected.start_soon(connection.start)
            async with trio.open_nursery() as nursery:
                for connection in two:
                    await connection.event_started.wait()
                    for job in (write, ask, read):
                        nursery.start_soon(job, connection)
            for connection in two:
                await connection.close()


async def test_answers_wait_in_bounded_number() -> None:
    """A peer that asks and does not read is read no further."""
    told = Dictated()
    held = trio.Event()

    async def hold(data: bytes) -> None:
        await held.wait()

    told.write = hold  # type: ignore[method-assign]
    connection = GuardedYamux(told, ID(b"stranger"), is_initiator=False)
    ping = yamux.struct.pack(yamux.YAMUX_HEADER_FORMAT, 0, yamux.TYPE_PING, yamux.FLAG_SYN, 0, 1)
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.start)
            await told._say.send(ping * (FRAMES_OWED_MAX + 10))
            await trio.testing.wait_all_tasks_blocked()
            assert len(connection._frames._piece) - connection._frames._at == 8 * yamux.HEADER_SIZE
            held.set()
            await connection.close()
