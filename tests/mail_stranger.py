"""Speaks the frames of mail by hand: a stranger in the network in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from jangteo.node.mail_shared import MailReport
from jangteo.node.mail_stream import MailStream
from jangteo.node.memory_transport import MemoryTransport
from jangteo.node.simulation import START_MS, Neighbourhood, SimulatedNode
from jangteo.node.transport import Stream, StreamBroken, StreamEnded
from jangteo.protocol import limits, mail_frame
from jangteo.protocol.letter import Letter
from jangteo.protocol.mail_frame import Bye, Get, Hello, Letters, Put, Recon, Stored
from jangteo.store.mail_book import MailAdmission
from jangteo.store.store import Store
from tests.letter_maker import letter, letters

DIGEST = bytes(16)
Script = Callable[[MailStream], Awaitable[None]]


def sealed(number: int, days: int = limits.LETTER_DAYS) -> Letter:
    return letter(number, now_ms=START_MS, days=days)


def some(numbers: range) -> list[Letter]:
    return letters(numbers, now_ms=START_MS)


def of_a_later_version(number: int) -> bytes:
    return b"\x02" + sealed(number).raw[1:]


async def put(
    node: SimulatedNode, written: Sequence[Letter], *, is_own: bool = False
) -> list[MailAdmission]:
    def job(store: Store) -> list[MailAdmission]:
        with store.write(durable=True):
            return store.mail.put(written, node.now_ms(), None, is_own=is_own)

    return await node.core.writer.call(job)


def carried(node: SimulatedNode) -> set[bytes]:
    return {raw for _, raw in node.store.mail.after(0, limits.MAIL_LETTERS_MAX)}


@asynccontextmanager
async def met(
    node: SimulatedNode, place: Neighbourhood, script: Script | None = None, name: str = "stranger"
) -> AsyncIterator[MemoryTransport]:
    """A stranger's transport, connected with `node`; `script` answers the sessions it opens."""

    async def serve(stream: Stream) -> None:
        if script is not None:
            await script(MailStream(stream))

    async with place.network.open(name) as transport:
        transport.serve(mail_frame.PROTOCOL, serve)
        await transport.dial(f"/memory/{node.name}/p2p/{node.name}")
        yield transport


async def hello_to(transport: MemoryTransport, node: SimulatedNode) -> tuple[MailStream, Hello]:
    stream = MailStream(await transport.open_stream(node.name, mail_frame.PROTOCOL))
    await stream.send(Hello(mail_frame.VERSION, 1, DIGEST))
    return stream, await stream.receive_a(Hello)


async def shown_to(transport: MemoryTransport, node: SimulatedNode) -> tuple[int, int]:
    """How many letters `node` shows to this peer, and how many of them it has only declined."""
    stream, hello = await hello_to(transport, node)
    await stream.send(Bye(""))
    await is_hung_up_on(stream)
    return hello.count, hello.declined_count


async def put_to(transport: MemoryTransport, node: SimulatedNode, raws: Sequence[bytes]) -> Stored:
    stream, _ = await hello_to(transport, node)
    await stream.send(Put(tuple(raws)))
    stored = await stream.receive_a(Stored)
    await stream.send(Bye(""))
    await is_hung_up_on(stream)
    return stored


async def first_report(node: SimulatedNode, place: Neighbourhood, script: Script) -> MailReport:
    """What comes of the first session that `node` opens with a stranger, or that is its fault."""
    reports: list[MailReport] = []
    reported = trio.Event()

    def note(report: MailReport) -> None:
        reports.append(report)
        reported.set()

    node.core.mail.on_report = note
    async with met(node, place, script):
        await reported.wait()
    return reports[0]


def points(node: SimulatedNode, name: str = "stranger") -> float:
    return node.core.penalties.points(name, node.now_ms())


async def is_hung_up_on(stream: MailStream) -> None:
    with pytest.raises((StreamBroken, StreamEnded)):
        while True:
            await stream.receive()


def id_list(ids: Sequence[bytes]) -> bytes:
    """A reconciliation message: everything, up to infinity, is these."""
    count = len(ids)
    length = bytes([count]) if count < 128 else bytes([count >> 7 | 0x80, count & 0x7F])
    return b"\x61\x00\x00\x02" + length + b"".join(ids)


def promising(ids: Sequence[bytes], answer: Callable[[Get], Letters | Put]) -> Script:
    """A stranger that says it holds `ids`, and answers the first get with `answer`."""

    async def script(stream: MailStream) -> None:
        await stream.receive_a(Hello)
        await stream.send(Hello(mail_frame.VERSION, len(ids), DIGEST))
        await stream.receive_a(Recon)
        await stream.send(Recon(id_list(ids)))
        await stream.send(answer(await stream.receive_a(Get)))
        with pytest.raises((StreamBroken, StreamEnded)):
            while True:
                await stream.receive()

    return script
