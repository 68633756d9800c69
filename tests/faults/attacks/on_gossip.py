"""Attacks by gossip: RPCs that are none, floods of control, forgeries, and records nobody wants."""

from collections.abc import Callable
from itertools import islice

import trio

from jangteo.crypto.keys import AuthorKey
from tests.faults.attacks import rpc
from tests.faults.attacks.field import OPEN, Attack, Field, batch, listing, now_ms, topic
from tests.faults.attacks.wire import MESHSUB, Gone, Identity, Lane, varint

_TOPIC = topic(OPEN)
_DAY_MS = 86_400_000
_LAST_READ_S = 2.0
Said = Callable[[Identity, int], bytes]


async def _pour(field: Field, make: Said, *, width: int = 4, markets: tuple[str, ...] = ()) -> None:
    """What `make` gives, one RPC after the other, from `width` peers, `count` times in all."""

    async def pour(nursery: trio.Nursery) -> None:
        wire, lane = await field.gossip(nursery, *markets)
        try:
            while field.sent["rpcs"] < field.count:
                field.sent["rpcs"] += 1
                told = make(wire.secured.identity, field.sent["rpcs"])
                await lane.send(rpc.prefixed(told))
                field.sent["bytes"] += len(told)
                await trio.lowlevel.checkpoint()
            await _until_read(lane)
        finally:
            wire.close()

    await field.again(pour, width)


async def _until_read(lane: Lane) -> None:
    """Until the other side has taken nearly all: its window is open again."""
    with trio.move_on_after(_LAST_READ_S):
        while not lane.is_over and lane.room < 100_000:
            await lane.changed.wait()


async def _garbage(field: Field) -> None:
    """Bytes that are no RPC, and RPCs cut short; each costs the stream, so a new one each time."""

    async def once(nursery: trio.Nursery) -> None:
        wire = await field.connect(nursery)
        try:
            while field.sent["rpcs"] < field.count:
                lane = await wire.open(MESHSUB)
                whole = rpc.signed(wire.secured.identity, batch(b"x"), 1, _TOPIC)
                said = field.dice.choice(
                    (
                        rpc.prefixed(field.dice.randbytes(200)),
                        rpc.prefixed(whole)[: -field.dice.randrange(1, 50)],
                        rpc.prefixed(rpc.field(1, b"\xff\xff\xff")),
                        rpc.prefixed(rpc.subscribe(b"\xff\xfe")),
                        rpc.prefixed(rpc.control(rpc.graft(b"\xff\xfe"))),
                        varint(500) + field.dice.randbytes(100),
                    )
                )
                await lane.send(said)
                field.sent["rpcs"] += 1
                with trio.move_on_after(0.02):
                    await lane.until_over()
                if not lane.is_over:
                    await lane.reset()
        finally:
            wire.close()

    await field.again(once, 4)


def _one_of(*kinds: Callable[[], bytes]) -> Said:
    return lambda identity, number: kinds[number % len(kinds)]()


def _grafts(field: Field) -> Said:
    names = [b"/jangteo/1/t%d" % each for each in range(2000)]
    return _one_of(
        lambda: rpc.control(rpc.graft(_TOPIC) * 2000),
        lambda: rpc.control((rpc.graft(_TOPIC) + rpc.prune(_TOPIC)) * 1000),
        lambda: rpc.control(*map(rpc.graft, names)),
        lambda: rpc.control(*map(rpc.prune, names)),
    )


def _ids(field: Field, count: int) -> list[bytes]:
    return [field.dice.randbytes(23).hex().encode() for _ in range(count)]


def _ihaves(field: Field) -> Said:
    return _one_of(
        lambda: rpc.control(rpc.ihave(_TOPIC, _ids(field, 4000))),
        lambda: rpc.control(*[rpc.ihave(_TOPIC, [each]) for each in _ids(field, 2000)]),
        lambda: rpc.control(rpc.ihave(_TOPIC, [b"no hex"] * 9000)),
    )


def _iwants(field: Field) -> Said:
    return _one_of(
        lambda: rpc.control(rpc.iwant(_ids(field, 4000))),
        lambda: rpc.control(*[rpc.iwant([each]) for each in _ids(field, 2000)]),
    )


def _subscriptions(field: Field) -> Said:
    both = rpc.subscribe(_TOPIC) + rpc.subscribe(_TOPIC, is_on=False)
    return _one_of(
        lambda: b"".join(map(rpc.subscribe, _ids(field, 90))),
        lambda: rpc.subscribe(_TOPIC) * 45 + rpc.subscribe(_TOPIC, is_on=False) * 45,
        lambda: both * 40,
        lambda: rpc.subscribe(b"x" * 60_000),
    )


def _forged(field: Field) -> Said:
    """Other senders, other numbers, other keys: with a signature that is none of theirs."""
    key = AuthorKey.from_seed(field.dice.randbytes(32))

    def make(identity: Identity, number: int) -> bytes:
        other = Identity(field.dice.randbytes(32))
        data = batch(listing(key, number))
        seqno = number.to_bytes(8, "big")
        wrong = field.dice.randbytes(64)
        kinds = (
            rpc.message(other.peer, data, seqno, _TOPIC, wrong, b""),
            rpc.message(other.peer, data, seqno, _TOPIC, b"", b""),
            rpc.message(identity.peer, data, b"", _TOPIC, wrong, identity.public_key),
            rpc.message(identity.peer, data, field.dice.randbytes(900), _TOPIC, wrong, b""),
            rpc.message(b"\x12\x20" + bytes(32), data, seqno, _TOPIC, wrong, b"\x08\x00\x12\xff"),
            rpc.message(b"", data, seqno, _TOPIC, wrong, b"garbage"),
            rpc.signed(other, data, number, _TOPIC, identity.public_key),
        )
        return kinds[number % len(kinds)]

    return make


def _replays(field: Field) -> Said:
    """One record, and one message, for ever."""
    record = field.stock[0]
    first: list[bytes] = []

    def make(identity: Identity, number: int) -> bytes:
        if not first:
            first.append(rpc.signed(identity, batch(record), 1, _TOPIC))
        if number % 2:
            return first[0] * 20
        return rpc.signed(identity, batch(*[record] * 60), number, _TOPIC)

    return make


def _untimely(field: Field) -> Said:
    """Stale, expired, of the future; each signed as it should be."""
    key = AuthorKey.from_seed(field.dice.randbytes(32))
    newest = listing(key, 1, revision=1000)

    def make(identity: Identity, number: int) -> bytes:
        now = now_ms()
        records = [newest] if number == 1 else []
        records += [listing(key, 1, revision=number % 900 + 1)]
        records += [listing(key, number + 10, ts_ms=now - 91 * _DAY_MS)]
        records += [listing(key, number + 10, ts_ms=now + _DAY_MS)]
        return rpc.signed(identity, batch(*records), number, _TOPIC)

    return make


def _foreign(field: Field) -> Said:
    """Of other markets: on this topic, and on topics of their own."""
    key = AuthorKey.from_seed(field.dice.randbytes(32))

    def make(identity: Identity, number: int) -> bytes:
        data = batch(listing(key, number, market="elsewhere"))
        where = _TOPIC if number % 4 == 0 else topic("elsewhere")
        return rpc.signed(identity, data, number, where)

    return make


def _forged_records(field: Field) -> Said:
    """Honestly sent, with records that their authors did not sign."""
    key = AuthorKey.from_seed(field.dice.randbytes(32))
    good = [listing(key, number) for number in range(60)]

    def make(identity: Identity, number: int) -> bytes:
        # The first 59 are what their author signed: all of them are verified before the bad one.
        bad = good[-1][:-8] + field.dice.randbytes(8)
        return rpc.signed(identity, batch(*good[:-1], bad), number, _TOPIC)

    return make


def _flood(field: Field) -> Said:
    """Valid records of authors never seen before, ten to a message."""
    stock = iter(field.stock)

    def make(identity: Identity, number: int) -> bytes:
        some = list(islice(stock, 10))
        if not some:
            raise Gone("nothing left")
        field.sent["records"] += len(some)
        return rpc.signed(identity, batch(*some), number, _TOPIC)

    return make


def _doorbells(field: Field) -> Said:
    return lambda identity, number: rpc.signed(identity, batch(), number, _TOPIC)


ATTACKS = [
    Attack("garbage-rpc", "meshsub", "what is no RPC, on stream after stream", _garbage, 2000, 100),
    Attack(
        "graft-flood", "meshsub", "RPCs of 2,000 GRAFTs and PRUNEs",
        lambda field: _pour(field, _grafts(field)), 400, 20,
    ),
    Attack(
        "ihave-flood", "meshsub", "RPCs of 4,000 ids that nobody has",
        lambda field: _pour(field, _ihaves(field)), 400, 20,
    ),
    Attack(
        "iwant-flood", "meshsub", "the same ids, asked for",
        lambda field: _pour(field, _iwants(field)), 400, 20,
    ),
    Attack(
        "subscribe-flood", "meshsub", "RPCs of 90 subscriptions",
        lambda field: _pour(field, _subscriptions(field)), 4000, 200,
    ),
    Attack(
        "forged-messages", "meshsub", "from, seqno and key forged",
        lambda field: _pour(field, _forged(field)), 4000, 200,
    ),
    Attack(
        "forged-records", "records", "59 good signatures and a bad one, a message",
        lambda field: _pour(field, _forged_records(field)), 400, 20,
    ),
    Attack(
        "replays", "records", "one record, one message, for ever",
        lambda field: _pour(field, _replays(field)), 4000, 200, needs=0.001,
    ),
    Attack(
        "untimely", "records", "stale, expired and of the future",
        lambda field: _pour(field, _untimely(field)), 3000, 100,
    ),
    Attack(
        "foreign", "records", "records of other markets",
        lambda field: _pour(field, _foreign(field), markets=(OPEN, "elsewhere")), 4000, 200,
    ),
    Attack(
        "flood-10000", "records", "valid records from fresh keys, 10 a message",
        lambda field: _pour(field, _flood(field)), 1000, 50, needs=10,
    ),
    Attack(
        "doorbells", "meshsub", "doorbells with nothing behind them",
        lambda field: _pour(field, _doorbells(field)), 4000, 200,
    ),
]  # fmt: skip
