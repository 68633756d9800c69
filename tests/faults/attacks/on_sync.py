"""Attacks by sessions: garbage, work for nothing, promises, and records nobody asked for."""

from collections.abc import Awaitable, Callable
from itertools import count, islice
from typing import Any

import trio

from tests.faults.attacks import sync_bytes
from tests.faults.attacks.field import OPEN, Attack, Field, now_ms
from tests.faults.attacks.sync_bytes import GET, HELLO, PUSH, RANGE, RECON, RECORDS
from tests.faults.attacks.wire import SYNC, Gone, Lane, Wire

_MANY = 1_000_000
_DAY_MS = 86_400_000
Ask = Callable[[Lane], Awaitable[None]]
Answer = Callable[[Lane, list[Any]], Awaitable[None]]


async def _ask(field: Field, ask: Ask, *, width: int = 4, streams: int = 2) -> None:
    """Sessions in which the attacker asks: `streams` at once from each of `width` peers, again and
    again until `count` frames are sent."""

    async def session(wire: Wire) -> None:
        while field.sent["frames"] < field.count:
            try:
                lane = await wire.open(SYNC)
                await lane.send(sync_bytes.hello(now_ms(), OPEN, 0))
                await sync_bytes.receive(lane)
                field.sent["sessions"] += 1
                await ask(lane)
                await lane.reset()
            except Gone:
                if wire.is_over:
                    return
                field.sent["hung up on"] += 1
                await trio.sleep(0.02)

    async def one(nursery: trio.Nursery) -> None:
        wire = await field.connect(nursery)
        try:
            async with trio.open_nursery() as sessions:
                for _ in range(streams):
                    sessions.start_soon(session, wire)
        finally:
            wire.close()
        if field.sent["frames"] < field.count:
            raise Gone

    await field.again(one, width)


async def _questions(field: Field, make: Callable[[], bytes]) -> None:
    """One question after the other, each answer read."""

    async def ask(lane: Lane) -> None:
        while field.sent["frames"] < field.count:
            await lane.send(make())
            field.sent["frames"] += 1
            await sync_bytes.receive(lane)

    await _ask(field, ask)


async def _garbage(field: Field) -> None:
    async def ask(lane: Lane) -> None:
        dice = field.dice
        said = dice.choice(
            (
                sync_bytes.framed(dice.randbytes(100)),
                sync_bytes.frame(99, OPEN),
                sync_bytes.frame(RECON, OPEN, dice.randbytes(60)),
                sync_bytes.frame(RECON, OPEN, b"\x61" + dice.randbytes(60)),
                sync_bytes.frame(GET, OPEN, [b"x"] * 5),
                sync_bytes.frame(PUSH, OPEN, [dice.randbytes(300)]),
                sync_bytes.frame(RECORDS, [], b"", False),
                sync_bytes.framed(b"\xc1"),
                sync_bytes.framed(b"\x93\x02", 5000),
            )
        )
        await lane.send(said)
        field.sent["frames"] += 1
        with trio.move_on_after(0.05):
            await lane.until_over()

    await _ask(field, ask)


def _unequal(field: Field, ranges: int) -> bytes:
    """Ranges over the last day, none of which is equal to anybody's."""
    begin = now_ms() - _DAY_MS + field.sent["frames"]
    head = b"\x61" + sync_bytes.bound(begin) + b"\0"
    step_ms = _DAY_MS // ranges
    return head + sync_bytes.fingerprints(ranges - 1, step_ms, field.dice.randbytes(16))[1:]


async def _wrong_fingerprints(field: Field) -> None:
    await _questions(field, lambda: sync_bytes.frame(RECON, OPEN, _unequal(field, 1024)))


async def _empty_lists(field: Field) -> None:
    """Nothing, over everything: the answer lists all that the target holds."""
    asked = sync_bytes.frame(RECON, OPEN, sync_bytes.id_list([]))
    await _questions(field, lambda: asked)


async def _everything(field: Field) -> None:
    """The whole market from the first key, the first page of it for ever."""
    asked = sync_bytes.frame(RANGE, OPEN, b"", 1024)
    await _questions(field, lambda: asked)


async def _absent(field: Field) -> None:
    def make() -> bytes:
        return sync_bytes.frame(GET, OPEN, [field.dice.randbytes(32) for _ in range(1024)])

    await _questions(field, make)


async def _hellos(field: Field) -> None:
    """A new hello each time: the target sums its sets up again."""
    await _questions(field, lambda: sync_bytes.hello(now_ms(), OPEN, 5))


async def _pushes(field: Field) -> None:
    """Valid records of fresh authors that nobody asked for."""
    stock = iter(field.stock)

    def make() -> bytes:
        some = list(islice(stock, 32))
        field.sent["records"] += len(some)
        if not some:
            field.sent["frames"] = field.count
            raise Gone("nothing left")
        return sync_bytes.frame(PUSH, OPEN, some)

    await _questions(field, make)


async def _answer(field: Field, answer: Answer, width: int = 4) -> None:
    """Peers that the target asks: each claims a million records of `field.market`, and meets what
    follows with `answer`."""

    async def serve(lane: Lane) -> None:
        while True:
            asked = await sync_bytes.receive(lane)
            field.sent["frames"] += 1
            if asked[0] == HELLO:
                told = sync_bytes.hello(now_ms(), field.market, _MANY, field.dice.randbytes(16))
                await lane.send(told)
            else:
                await answer(lane, asked)

    async def one(nursery: trio.Nursery) -> None:
        wire = await field.connect(nursery, {SYNC: serve}, is_greater=True)
        try:
            await wire.over.wait()
        finally:
            wire.close()
        raise Gone

    await field.again(one, width)


async def _silent(lane: Lane, asked: list[Any]) -> None:
    """Claims, and then says nothing more."""
    await lane.until_over()


def _told_ids(field: Field, asked: list[Any], number: int) -> bytes:
    ids = [field.dice.randbytes(32) for _ in range(number)]
    return sync_bytes.frame(RECON, asked[1], sync_bytes.id_list(ids))


def _empty(field: Field) -> Answer:
    async def answer(lane: Lane, asked: list[Any]) -> None:
        is_recon = asked[0] == RECON
        nothing = sync_bytes.frame(RECORDS, [], b"", False)
        await lane.send(_told_ids(field, asked, 1000) if is_recon else nothing)

    return answer


def _trickle(field: Field) -> Answer:
    """A page a second with nothing in it: a transfer that goes on for ever."""
    pages = count(1)

    async def answer(lane: Lane, asked: list[Any]) -> None:
        if asked[0] != RANGE:
            await lane.until_over()
            return
        await trio.sleep(1.0)
        key = next(pages).to_bytes(8, "big") + bytes(32)
        await lane.send(sync_bytes.frame(RECORDS, [], key, False))

    return answer


def _unasked(field: Field) -> Answer:
    """Valid records, and not those that were asked for."""

    async def answer(lane: Lane, asked: list[Any]) -> None:
        other = sync_bytes.frame(RECORDS, field.stock[:20], b"", False)
        await lane.send(_told_ids(field, asked, 300) if asked[0] == RECON else other)

    return answer


def _endless(field: Field) -> Answer:
    """Always fingerprints again, over a little less: rounds that go on for ever."""

    async def answer(lane: Lane, asked: list[Any]) -> None:
        again = sync_bytes.frame(RECON, asked[1], _unequal(field, 500))
        nothing = sync_bytes.frame(RECORDS, [], b"", False)
        await lane.send(again if asked[0] == RECON else nothing)

    return answer


ATTACKS = [
    Attack(
        "garbage-sync", "sync", "what is no frame, or no frame of that place", _garbage, 1000, 60
    ),
    Attack(
        "wrong-fingerprints", "sync", "1,024 ranges, none equal", _wrong_fingerprints, 2000, 100
    ),
    Attack("empty-lists", "sync", "an empty list over everything", _empty_lists, 2000, 100),
    Attack("everything", "sync", "the first page, for ever", _everything, 2000, 60),
    Attack("absent-ids", "sync", "1,024 ids that nobody has", _absent, 2000, 60),
    Attack("hellos", "sync", "hello upon hello", _hellos, 4000, 200),
    Attack("pushes-10000", "sync", "valid records never asked for", _pushes, 320, 16, needs=32),
    Attack(
        "unasked-records", "sync", "other records than were asked for",
        lambda field: _answer(field, _unasked(field)), 100, 10, needs=2,
    ),
    Attack(
        "endless-rounds", "sync", "a reconciliation that shrinks and never ends",
        lambda field: _answer(field, _endless(field)), 100, 10,
    ),
    Attack(
        "claims-and-silence", "sync", "a million promised, nothing said",
        lambda field: _answer(field, _silent), 100, 10, wants_market=True,
    ),
    Attack(
        "claims-and-nothing", "sync", "a million promised, none delivered",
        lambda field: _answer(field, _empty(field)), 100, 10, wants_market=True,
    ),
    Attack(
        "claims-and-trickle", "sync", "a million promised, an empty page a second",
        lambda field: _answer(field, _trickle(field)), 100, 10, wants_market=True,
    ),
]  # fmt: skip
