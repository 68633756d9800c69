"""Speaks the frames of blobs by hand: a stranger in the network in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
import trio

from jangteo.node.blob_responder import BlobReport
from jangteo.node.blob_stream import BlobStream
from jangteo.node.memory_transport import MemoryTransport
from jangteo.node.simulation import Neighbourhood, SimulatedNode
from jangteo.node.transport import Stream, StreamBroken, StreamEnded
from jangteo.protocol import blob_frame, limits
from jangteo.protocol.blob_frame import Bye, Chunk, Get, Lacking, Part
from tests.blob_maker import Picture

Script = Callable[[BlobStream], Awaitable[None]]


@asynccontextmanager
async def met(
    node: SimulatedNode, place: Neighbourhood, script: Script | None = None, name: str = "stranger"
) -> AsyncIterator[MemoryTransport]:
    """A stranger's transport, connected with `node`; `script` answers the sessions it opens."""

    async def serve(stream: Stream) -> None:
        if script is not None:
            await script(BlobStream(stream))

    async with place.network.open(name) as transport:
        transport.serve(blob_frame.PROTOCOL, serve)
        await transport.dial(f"/memory/{node.name}/p2p/{node.name}")
        yield transport


async def session_to(transport: MemoryTransport, node: SimulatedNode) -> BlobStream:
    return BlobStream(await transport.open_stream(node.name, blob_frame.PROTOCOL))


def parts_of(pictures: Sequence[Picture]) -> tuple[Part, ...]:
    return tuple(Part(one.hash, len(one.data)) for one in pictures)


async def got(
    transport: MemoryTransport, node: SimulatedNode, parts: Sequence[Part]
) -> list[bytes | None]:
    """What `node` answers to one get, None for what it lacks."""
    stream = await session_to(transport, node)
    try:
        return await _answers(stream, parts)
    finally:
        await stream.reset()


async def _answers(stream: BlobStream, parts: Sequence[Part]) -> list[bytes | None]:
    await stream.send(Get(tuple(parts)))
    answers: list[bytes | None] = []
    for index, part in enumerate(parts):
        data = b""
        is_whole = False
        while not is_whole:
            frame = await stream.receive()
            if isinstance(frame, Lacking):
                break
            assert isinstance(frame, Chunk)
            assert (frame.index, frame.offset) == (index, part.offset + len(data))
            data += frame.data
            is_whole = part.offset + len(data) == frame.total
        answers.append(data if is_whole else None)
    await stream.send(Bye(""))
    await is_hung_up_on(stream)
    return answers


async def is_hung_up_on(stream: BlobStream) -> None:
    with pytest.raises((StreamBroken, StreamEnded)):
        while True:
            await stream.receive()
    await stream.close()


def chunks(index: int, data: bytes, offset: int = 0) -> list[Chunk]:
    step = limits.BLOB_CHUNK_BYTES
    return [
        Chunk(index, at, len(data), data[at : at + step]) for at in range(offset, len(data), step)
    ]


def serving(pictures: Sequence[Picture], *, spoil: bool = False) -> Script:
    """A peer that has these; or sends other bytes for them."""
    by_hash = {one.hash: one.data for one in pictures}

    async def script(stream: BlobStream) -> None:
        while isinstance(get := await stream.receive(), Get):
            for index, part in enumerate(get.parts):
                data = by_hash.get(part.hash)
                if data is None:
                    await stream.send(Lacking(index))
                    continue
                if spoil:
                    data = bytes(len(data))
                for chunk in chunks(index, data, part.offset):
                    await stream.send(chunk)
        await stream.close()

    return script


async def first_report(node: SimulatedNode, place: Neighbourhood, script: Script) -> BlobReport:
    """What comes of the first session that `node` opens with a stranger."""
    reports: list[BlobReport] = []
    reported = trio.Event()

    def note(report: BlobReport) -> None:
        reports.append(report)
        reported.set()

    assert node.core.blobs is not None
    node.core.blobs.runner.on_report = note
    async with met(node, place, script):
        await reported.wait()
    return reports[0]


def points(node: SimulatedNode, name: str = "stranger") -> float:
    return node.core.penalties.points(name, node.now_ms())
