"""Attacks below the streams: TCP, multistream, Noise and yamux's framing."""

import itertools
from collections.abc import Awaitable, Callable
from functools import partial

import trio

from tests.faults.attacks.field import Attack, Field
from tests.faults.attacks.wire import (
    ACK,
    DATA,
    FIN,
    MULTISTREAM,
    NOISE,
    PING,
    SYN,
    WINDOW,
    YAMUX,
    Gone,
    Secured,
    Tcp,
    connect,
    frame,
    line,
    shake_hands,
    varint,
)

_LINGER_S = 0.2
_WIDTH = 8
_KNOCKERS = 4
Once = Callable[[Field], Awaitable[None]]


async def _crowd(field: Field, once: Once, width: int = _WIDTH) -> None:
    """`field.count` times `once(field)`, `width` at a time."""
    left = field.count

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            try:
                await once(field)
            except* Gone:
                field.sent["hung up on"] += 1
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(width):
            nursery.start_soon(work)


async def _until_hung_up(tcp: Tcp) -> None:
    with trio.move_on_after(_LINGER_S):
        while True:
            await tcp.receive(1)


async def _garbage_tcp(field: Field) -> None:
    tcp = await Tcp.connect(field.target, field.machine())
    try:
        await tcp.send(field.dice.randbytes(field.dice.choice((1, 40, 4000))))
        field.sent["connections"] += 1
        await _until_hung_up(tcp)
    finally:
        tcp.close()


async def _garbage_multistream(field: Field) -> None:
    dice = field.dice
    tcp = await Tcp.connect(field.target, field.machine())
    try:
        said = dice.choice(
            (
                line(MULTISTREAM) + varint(2**63 - 1),
                line(MULTISTREAM) + varint(60_000) + dice.randbytes(500),
                line(MULTISTREAM) + line(b"\xff\xfe\xfd"),
                line(MULTISTREAM) + b"\0" * 500,
                line(MULTISTREAM) + line(b"/no/such/1.0.0") * 300,
                line(MULTISTREAM) + line(b"ls") * 300,
                b"\xff" * 50,
            )
        )
        await tcp.send(said)
        field.sent["connections"] += 1
        await _until_hung_up(tcp)
    finally:
        tcp.close()


async def _garbage_noise(field: Field) -> None:
    """Wrong messages, wrong proofs, packets that claim another length."""
    dice = field.dice
    tcp = await Tcp.connect(field.target, field.machine())
    try:
        await tcp.send(line(MULTISTREAM) + line(NOISE))
        await tcp.receive_line()
        await tcp.receive_line()
        secured = Secured(tcp, field.identity())
        kind = dice.randrange(5)
        field.sent["handshakes"] += 1
        if kind == 0:
            await tcp.send(b"\xff\xff" + dice.randbytes(3000))
        elif kind == 1:
            await secured.send_packet(dice.randbytes(32))
            await secured.receive_packet()
            await secured.send_packet(dice.randbytes(200))
        elif kind == 2:
            await secured.shake_hands(dice.randbytes(100))
        elif kind == 3:
            await secured.shake_hands(secured.payload()[:-1] + b"\0")
        else:
            await secured.shake_hands()
            await secured.send(line(MULTISTREAM) + line(YAMUX))
            await secured.send_packet(dice.randbytes(500))  # what cannot be decrypted
        await _until_hung_up(tcp)
    finally:
        tcp.close()


async def _garbage_yamux(field: Field) -> None:
    dice = field.dice
    async with trio.open_nursery() as nursery:
        wire = await connect(field.target, field.identity(), nursery, field.machine())
        try:
            field.sent["connections"] += 1
            said = [
                dice.randbytes(12 * 50),
                frame(DATA, 0, 7, 2**32 - 1),
                frame(DATA, SYN, 9, 200_000, b"short"),
                frame(WINDOW, SYN | FIN | ACK, 11, 2**32 - 1) * 20,
                frame(9, 255, 3, 77) * 100,
                frame(3, 0, 0, 1),
                frame(DATA, SYN, 0, 4, b"zero") + frame(DATA, SYN, 2, 4, b"even"),
            ]
            for each in dice.sample(said, 3):
                await wire.send(each)
            with trio.move_on_after(_LINGER_S):
                await wire.over.wait()
        finally:
            wire.close()
            nursery.cancel_scope.cancel()


async def _hold(field: Field, source: str, begin: Callable[[Tcp], Awaitable[None]]) -> None:
    """A connection that does what `begin` does and then nothing; again whenever it is closed."""
    while True:
        try:
            tcp = await Tcp.connect(field.target, source)
        except Gone:
            await trio.sleep(_LINGER_S)
            continue
        field.sent["connections"] += 1
        try:
            await begin(tcp)
            while True:
                await tcp.receive(100_000)
        except Gone:
            field.sent["hung up on"] += 1
        finally:
            tcp.close()
        await trio.sleep(_LINGER_S)


async def _idle(field: Field) -> None:
    async def nothing(tcp: Tcp) -> None:
        await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for _ in range(field.count):
            nursery.start_soon(_hold, field, field.home, nothing)


async def _half_open(field: Field) -> None:
    """Handshakes that stop half-way, at each point in turn."""

    async def stall(step: int, tcp: Tcp) -> None:
        said = line(MULTISTREAM) + line(NOISE)
        await tcp.send(said[:10] if step == 0 else said)
        if step < 2:
            return
        await tcp.receive_line()
        await tcp.receive_line()
        secured = Secured(tcp, field.identity())
        await secured.send_packet(bytes(secured.noise.write_message(b"")))
        if step < 3:
            return
        secured.noise.read_message(await secured.receive_packet())
        await secured.send_packet(bytes(secured.noise.write_message(secured.payload())))

    async def one(number: int) -> None:
        await _hold(field, field.machine(), lambda tcp: stall(number % 4, tcp))

    async with trio.open_nursery() as nursery:
        for number in range(field.count):
            nursery.start_soon(one, number)


async def _full_house(field: Field) -> None:
    """Whole connections of so many peers, which then do nothing."""

    async def hold(nursery: trio.Nursery) -> None:
        wire = await connect(field.target, field.identity(), nursery, field.machine())
        field.sent["connections"] += 1
        try:
            await wire.over.wait()
        finally:
            wire.close()
        raise Gone

    await field.again(hold, field.count)


async def _throng(field: Field) -> None:
    """Idle peers of `field.count` addresses, more than there are places, for as long as they may
    stay; and knocks at the door of the full house, half of them from addresses never seen."""
    fresh = itertools.count(field.count + 1)

    async def hold(source: str, nursery: trio.Nursery) -> None:
        wire = await connect(field.target, field.identity(), nursery, source)
        field.sent["connections"] += 1
        try:
            await wire.over.wait()
        finally:
            wire.close()
        raise Gone

    async def knock(nursery: trio.Nursery) -> None:
        number = next(fresh) if field.dice.random() < 0.5 else 0
        if not field.count < number < 255:
            number = field.dice.randrange(1, field.count + 1)
        await hold(f"127.0.{field.network}.{number}", nursery)

    async with trio.open_nursery() as nursery:
        for number in range(1, field.count + 1):
            source = f"127.0.{field.network}.{number}"
            nursery.start_soon(field.again, partial(hold, source))
        nursery.start_soon(field.again, knock, _KNOCKERS)


async def _churn(field: Field) -> None:
    """A whole handshake with a new key, and away."""
    secured = await shake_hands(field.target, field.identity(), field.machine())
    field.sent["handshakes"] += 1
    secured.tcp.close()


async def _frames(field: Field) -> None:
    """Yamux frames that cost the reader and bring nothing, as fast as they are taken."""

    async def pour(nursery: trio.Nursery) -> None:
        wire = await field.connect(nursery)
        kinds = (
            (2000, frame(PING, SYN, 0, 1) * 2000),
            (5000, frame(PING, ACK, 0, 1) * 5000),
            (5000, frame(WINDOW, 0, 99, 1) * 5000),
            (5000, frame(9, 0, 1, 1) * 5000),
            (5000, frame(DATA, 0, 99, 0) * 5000),
            (4, frame(DATA, 0, 99, 60_000, bytes(60_000)) * 4),
        )
        try:
            while field.sent["frames"] < field.count:
                number, said = field.dice.choice(kinds)
                await wire.send(said)
                field.sent["frames"] += number
        finally:
            wire.close()

    await field.again(pour, 4)


ATTACKS = [
    Attack(
        "garbage-tcp", "tcp", "random bytes",
        lambda field: _crowd(field, _garbage_tcp), 600, 40,
    ),
    Attack(
        "garbage-multistream", "multistream", "lengths that lie, names that are no text, cut lines",
        lambda field: _crowd(field, _garbage_multistream), 400, 40,
    ),
    Attack(
        "garbage-noise", "noise", "wrong handshakes, wrong proofs, packets that do not decrypt",
        lambda field: _crowd(field, _garbage_noise), 400, 40,
    ),
    Attack(
        "garbage-yamux", "yamux", "random, lying and contradictory frames",
        lambda field: _crowd(field, _garbage_yamux), 300, 30,
    ),
    Attack("idle-600", "tcp", "silent connections from one address", _idle, 600, 600),
    Attack("half-open", "noise", "handshakes that stop half-way", _half_open, 200, 60),
    Attack("full-house", "yamux", "idle peers of twelve addresses", _full_house, 100, 70),
    Attack("crowd", "yamux", "idle peers of more addresses than places", _throng, 48, 40),
    Attack(
        "churn", "noise", "whole handshakes with new keys, one after the other",
        lambda field: _crowd(field, _churn, 16), 2000, 100,
    ),
    Attack(
        "frame-flood", "yamux", "pings, windows and data for nobody", _frames, 3_000_000, 100_000
    ),
]  # fmt: skip
