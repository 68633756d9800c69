"""Attacks with streams: too many, too slow, too long, beyond their window."""

import trio

from tests.faults.attacks import rpc, sync_bytes
from tests.faults.attacks.field import OPEN, Attack, Field, now_ms, topic
from tests.faults.attacks.wire import (
    DATA,
    IDENTIFY,
    MESHSUB,
    MULTISTREAM,
    SYN,
    SYNC,
    WINDOW,
    Gone,
    Lane,
    Wire,
    frame,
    line,
    varint,
)

_LINGER_S = 0.2


async def _many(field: Field) -> None:
    """Streams that are opened, half of them as far as a protocol, and never closed."""

    async def pile_up(nursery: trio.Nursery) -> None:
        wire = await field.connect(nursery)
        try:
            for number in range(field.count):
                lane = wire.lane()
                said = frame(WINDOW, SYN, lane.number, 0)
                if number % 2:
                    asked = line(MULTISTREAM) + line(field.dice.choice((SYNC, MESHSUB, IDENTIFY)))
                    said += frame(DATA, 0, lane.number, len(asked), asked)
                await wire.send(said)
                field.sent["streams"] += 1
            await wire.over.wait()
        finally:
            wire.close()
        raise Gone

    await field.again(pile_up, 2)


async def _slow_reader(field: Field) -> None:
    """Asks for everything on many streams and reads nothing, in the end not even TCP."""

    async def ask(nursery: trio.Nursery) -> None:
        wire = await field.connect(nursery)
        try:
            for _ in range(field.count):
                try:
                    lane = await wire.open(SYNC)
                    lane.is_deaf = True
                    asked = sync_bytes.frame(sync_bytes.RANGE, OPEN, b"", 1024)
                    await lane.send(sync_bytes.hello(now_ms(), OPEN, 0) + asked * 200)
                    field.sent["streams"] += 1
                except Gone:
                    field.sent["hung up on"] += 1
            wire.is_deaf = True
            while not wire.is_over:
                await wire.send(frame(WINDOW, 0, 99, 1) * 100)
                field.sent["frames"] += 100
                await trio.sleep(_LINGER_S)
        finally:
            wire.close()

    await field.again(ask, 4)


async def _slow_writer(field: Field) -> None:
    """A byte at a time, on two kinds of stream."""

    async def drip(wire: Wire, protocol: bytes, said: bytes) -> None:
        try:
            lane = await wire.open(protocol)
            for at in range(len(said)):
                await lane.send(said[at : at + 1])
                field.sent["bytes"] += 1
                await trio.sleep(_LINGER_S)
        except Gone:
            field.sent["hung up on"] += 1

    async def write(nursery: trio.Nursery) -> None:
        wire = await field.connect(nursery)
        hello = sync_bytes.hello(now_ms(), OPEN, 0)
        told = rpc.prefixed(rpc.subscribe(topic(OPEN)))
        try:
            async with trio.open_nursery() as drops:
                for number in range(field.count):
                    protocol, said = (SYNC, hello) if number % 2 else (MESHSUB, told)
                    drops.start_soon(drip, wire, protocol, said)
            await wire.over.wait()
        finally:
            wire.close()
        raise Gone

    await field.again(write, 4)


async def _oversize(field: Field) -> None:
    """A length that lies, at each layer that has one."""

    async def on_lane(wire: Wire, protocol: bytes, said: bytes) -> None:
        try:
            lane = await wire.open(protocol)
            await lane.send(said)
            field.sent["lengths"] += 1
            with trio.move_on_after(_LINGER_S):
                await lane.until_over()
        except Gone:
            field.sent["hung up on"] += 1

    huge = (
        (SYNC, b"\xff\xff\xff\xff" + bytes(9000)),
        (SYNC, sync_bytes.framed(b"", 262_145)),
        (SYNC, sync_bytes.framed(b"\x93\x01\xdd\xff\xff\xff\xff")),  # an array of 2^32 - 1
        (SYNC, sync_bytes.framed(b"\x93\x01\xc6\xff\xff\xff\xff")),  # bytes, as many
        (SYNC, sync_bytes.framed(b"\x91" * 5000)),  # deep
        (MESHSUB, varint(2**63)),
        (MESHSUB, varint(2**20 + 1) + bytes(9000)),
        (MESHSUB, varint(2**20) + bytes(200_000)),  # a MiB that never comes whole
        (MESHSUB, b"\xff" * 20),
        (MESHSUB, rpc.prefixed(b"\x0a" + varint(2**31) + b"x")),
    )

    async def lie(nursery: trio.Nursery) -> None:
        while field.sent["lengths"] < field.count:
            wire = await field.connect(nursery)
            try:
                async with trio.open_nursery() as lanes:
                    for protocol, said in field.dice.sample(huge, 4):
                        lanes.start_soon(on_lane, wire, protocol, said)
                await wire.send(frame(DATA, 0, 1, 2**24))
            except* Gone:
                field.sent["hung up on"] += 1
            finally:
                wire.close()

    await field.again(lie, 4)


async def _beyond_window(field: Field) -> None:
    """Much more on a stream than its reader has allowed."""

    async def pour(nursery: trio.Nursery) -> None:
        while field.sent["bytes"] < field.count * 1_000_000:
            wire = await field.connect(nursery)
            try:
                lane = await wire.open(SYNC)
                for _ in range(100):
                    await wire.send(frame(DATA, 0, lane.number, 60_000, bytes(60_000)))
                    field.sent["bytes"] += 60_000
            except Gone:
                field.sent["hung up on"] += 1
            finally:
                wire.close()

    await field.again(pour, 2)


async def _identify(field: Field) -> None:
    """Lies about oneself: addresses that are none, too many, too long, or other people's."""
    dice = field.dice

    async def lie(lane: Lane) -> None:
        identity = field.identity()
        kinds = (
            rpc.identify(identity, [b"\xff" * 50] * 500, [dice.randbytes(30)] * 2000),
            rpc.identify(identity, [SYNC], [b"\x04\x7f\0\0\1\x06\0\x09"] * 2000),
            rpc.identify(identity, [], [dice.randbytes(60_000)]),
            dice.randbytes(500),
            varint(2**63),
        )
        await lane.send(rpc.prefixed(dice.choice(kinds)))
        field.sent["identities"] += 1

    async def once(nursery: trio.Nursery) -> None:
        while field.sent["identities"] < field.count:
            wire = await field.connect(nursery, {IDENTIFY: lie})
            try:
                with trio.move_on_after(_LINGER_S):
                    await wire.over.wait()
            finally:
                wire.close()

    await field.again(once, 4)


ATTACKS = [
    Attack("streams-3000", "yamux", "streams that are never closed", _many, 3000, 3000),
    Attack("slow-reader", "yamux", "asks for everything, reads nothing", _slow_reader, 16, 8),
    Attack("slow-writer", "yamux", "a byte at a time", _slow_writer, 16, 8),
    Attack("oversize", "all", "lengths that lie", _oversize, 600, 40),
    Attack("beyond-window", "yamux", "MB beyond the window", _beyond_window, 300, 12),
    Attack("garbage-identify", "identify", "lies about oneself", _identify, 200, 10),
]
