"""node/libp2p_packets.py reads and writes what the library's own layers write and read."""

import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from libp2p.io.exceptions import ConnectionClosedError
from libp2p.network.connection.raw_connection import RawConnection
from libp2p.security.noise.io import NoiseTransportReadWriter
from libp2p.security.secure_session import SecureSession
from noise.connection import NoiseConnection

from jangteo.node.libp2p_host import TcpStream
from jangteo.node.libp2p_packets import Packets, packets_of
from tests.loopback import PATIENCE_S, SEED

pytestmark = pytest.mark.trio


@asynccontextmanager
async def sessions() -> AsyncIterator[tuple[SecureSession, SecureSession]]:
    """Two ends of one TCP connection, shaken hands."""
    states = [NoiseConnection.from_name(b"Noise_NN_25519_ChaChaPoly_SHA256") for _ in range(2)]
    states[0].set_as_initiator()
    states[1].set_as_responder()
    for state in states:
        state.start_handshake()
    states[1].read_message(bytes(states[0].write_message()))
    states[0].read_message(bytes(states[1].write_message()))
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
    async with listener:
        dialled = await trio.open_tcp_stream(*listener.socket.getsockname())
        streams = (dialled, await listener.accept())
    none: Any = None
    first, second = (
        SecureSession(
            local_peer=none,
            local_private_key=none,
            remote_peer=none,
            remote_permanent_pubkey=none,
            is_initiator=each is dialled,
            conn=NoiseTransportReadWriter(RawConnection(TcpStream(each), each is dialled), state),
        )
        for each, state in zip(streams, states, strict=True)
    )
    async with streams[0], streams[1]:
        with trio.fail_after(PATIENCE_S):
            yield first, second


def raw(session: Any) -> trio.SocketStream:
    stream: trio.SocketStream = session.conn.read_writer.read_write_closer.stream.stream
    return stream


async def read_all(reader: Any, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += await reader.read()
    return got


@pytest.mark.parametrize("way", ["we write", "we read", "both"])
async def test_as_the_library_reads_and_writes(way: str) -> None:
    dice = random.Random(SEED)  # noqa: S311
    async with sessions() as (first, second):
        writer: Any = first if way == "we read" else packets_of(first)
        reader: Any = second if way == "we write" else packets_of(second)
        said = [
            dice.randbytes(dice.choice((1, 12, 1000, 65_519, 65_520, 300_000))) for _ in range(60)
        ]
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def write() -> None:
                for data in said:
                    await writer.write(data)

            assert await read_all(reader, sum(map(len, said))) == b"".join(said)


async def test_packets_that_come_in_pieces_are_read_whole() -> None:
    dice = random.Random(SEED)  # noqa: S311
    async with sessions() as (first, second):
        said = [dice.randbytes(dice.randint(1, 300)) for _ in range(50)]
        sealed = b""
        for data in said:
            packet = first.conn.encrypt(data)
            sealed += len(packet).to_bytes(2, "big") + packet
        reader = packets_of(second)
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def write() -> None:
                rest = sealed
                while rest:
                    cut = dice.randint(1, 400)
                    await raw(first).send_all(rest[:cut])
                    rest = rest[cut:]
                    await trio.lowlevel.checkpoint()

            assert await read_all(reader, sum(map(len, said))) == b"".join(said)


async def test_what_was_read_ahead_of_the_muxer_comes_first() -> None:
    async with sessions() as (first, second):
        await first.write(b"negotiated.frames")
        assert await second.read(11) == b"negotiated."
        await first.write(b" and more")
        reader = packets_of(second)
        assert await read_all(reader, 15) == b"frames and more"


@pytest.mark.parametrize("what", ["end", "empty", "forged", "reset"])
async def test_nothing_comes_after_the_end(what: str) -> None:
    async with sessions() as (first, second):
        reader = packets_of(second)
        if what == "empty":
            await first.write(b"")
        elif what == "forged":
            await raw(first).send_all(b"\x00\x20" + bytes(32))
        elif what == "reset":
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            raw(first).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            await raw(first).aclose()
        else:
            await raw(first).aclose()
        with pytest.raises(Exception) as caught:
            await reader.read()
        assert what == "forged" or isinstance(caught.value, ConnectionClosedError)


async def test_writing_to_who_has_gone_is_an_error() -> None:
    async with sessions() as (first, second):
        await raw(second).aclose()
        writer = packets_of(first)
        with pytest.raises(ConnectionClosedError):
            while True:
                await writer.write(bytes(100_000))
        await raw(first).aclose()
        with pytest.raises(ConnectionClosedError):
            await writer.write(b"x")
        with pytest.raises(ConnectionClosedError):
            await writer.read()


async def test_other_sessions_stay_as_they_are() -> None:
    session = object()
    assert packets_of(session) is session
    async with sessions() as (first, _):
        assert isinstance(packets_of(first), Packets)
