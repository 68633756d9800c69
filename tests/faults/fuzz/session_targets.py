"""Fuzz targets for sync sessions: what a hostile peer says to a real session over a real store, in
either role, as the bytes of its stream."""

import random
from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import Any

import trio
import trio.testing

from jangteo.node.clock import ClockWatch
from jangteo.node.declined import Declined
from jangteo.node.opener import WorkerOpener
from jangteo.node.store_share import StoreShare
from jangteo.node.sync_intake import SyncIntake
from jangteo.node.sync_responder import SyncResponder
from jangteo.node.sync_session import SyncSession
from jangteo.node.sync_shared import SyncShared
from jangteo.node.sync_stream import SyncStream
from jangteo.node.transport import StreamBroken, StreamEnded
from jangteo.node.worker import InlineWorker
from jangteo.node.writer import Writer
from jangteo.protocol import limits, sync_frame
from jangteo.protocol.envelope import Verified
from jangteo.protocol.errors import RemoteProtocolError
from jangteo.protocol.market import COMMONS, OPEN
from jangteo.store.store import Store
from tests.faults.fuzz.target import Target
from tests.faults.fuzz.value_mutation import mutated_bytes
from tests.faults.fuzz.wire_targets import SELLER, by_value, mutate_body, records, sign
from tests.market_maker import NOW_MS

INPUTS_PER_STORE = 300
SECONDS_MAX = 3600
Role = type[SyncSession] | type[SyncResponder]


class HeardStream:
    """A stream on which everything that will ever be said has been said."""

    peer = "mallory"

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._is_over = False

    async def send_all(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if self._is_over:
            raise StreamBroken("closed")
        length = sync_frame.decode_length(data[: sync_frame.LENGTH_BYTES])
        assert len(data) == length + sync_frame.LENGTH_BYTES
        sync_frame.decode(data[sync_frame.LENGTH_BYTES :])

    async def receive_exactly(self, count: int) -> bytes:
        await trio.lowlevel.checkpoint()
        piece = self._data[self._at : self._at + count]
        if len(piece) < count:
            raise StreamBroken("cut") if piece else StreamEnded("ended")
        self._at += count
        return piece

    async def close(self) -> None:
        self._is_over = True
        await trio.lowlevel.checkpoint()

    async def reset(self) -> None:
        await self.close()


class PairedStream:
    """An end of a stream to an honest other side, that keeps what it was told."""

    peer = "ann"

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self.heard = bytearray()

    async def send_all(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def receive_exactly(self, count: int) -> bytes:
        piece = bytearray()
        while len(piece) < count:
            more = await self._stream.receive_some(count - len(piece))
            if not more:
                raise StreamEnded("ended")
            piece += more
        self.heard += piece
        return bytes(piece)

    async def close(self) -> None:
        await self._stream.aclose()

    async def reset(self) -> None:
        await self._stream.aclose()


def stocked(stock: Iterable[Verified]) -> Store:
    store = Store.temporary(own_author=bytes(32), records_bytes_max=limits.MIB)
    with store.write(durable=False):
        store.join(OPEN)
        store.admit(list(stock), NOW_MS)
    return store


def some(numbers: Iterable[int]) -> Iterator[Verified]:
    for number in numbers:
        yield SELLER.lists(number, f"thing {number}", ts_ms=NOW_MS - number)


class Stores:
    """A stocked store, replaced now and then so that it does not fill up."""

    def __init__(self) -> None:
        self._used = 0
        self._store: Store | None = None

    def take(self) -> Store:
        if self._store is None or self._used % INPUTS_PER_STORE == 0:
            if self._store is not None:
                self._store.close()
            self._store = stocked(some(range(40)))
        self._used += 1
        return self._store


@cache
def stores(_name: str) -> Stores:
    return Stores()


async def session(role: Role, store: Store, stream: Any) -> None:
    """One session to its end, RemoteProtocolError being one of the ends that it may have."""
    writer = Writer(store, now_ms=lambda: NOW_MS, worker=InlineWorker())
    declined = Declined()
    intake = SyncIntake(
        writer, declined, now_ms=lambda: NOW_MS, opener=WorkerOpener(InlineWorker())
    )
    shared = SyncShared(
        writer,
        intake,
        declined,
        ClockWatch(),
        now_ms=lambda: NOW_MS,
        markets=lambda: [COMMONS, OPEN],
    )
    shared.share = StoreShare(writer, stopwatch=trio.current_time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        try:
            with trio.fail_after(SECONDS_MAX):
                report = await role(shared, SyncStream(stream)).run()
            assert report.peer == stream.peer
        except RemoteProtocolError as error:
            assert error.rule.startswith("R"), error
        finally:
            writer.close()


def run_role(role: Role, data: bytes) -> None:
    store = stores(role.__name__).take()
    clock = trio.testing.MockClock(autojump_threshold=0)
    trio.run(session, role, store, HeardStream(data), clock=clock)
    if not data or data[-1] % 8 == 0:
        assert store.check_views() == []


# --- seeds ----------------------------------------------------------------------------------------

STOCKS: tuple[tuple[range, range], ...] = (
    (range(40), range(40)),
    (range(40), range(10, 60)),
    (range(0), range(30)),
    (range(30), range(0)),
    (range(200), range(190, 220)),
)


def dialogues(role: Role) -> Iterator[bytes]:
    """What `role` is told by an honest other side, for several stocks of both."""
    for mine, theirs in STOCKS:
        clock = trio.testing.MockClock(autojump_threshold=0)
        yield trio.run(_told, role, mine, theirs, clock=clock)


async def _told(role: Role, mine: range, theirs: range) -> bytes:
    ends = [PairedStream(end) for end in trio.testing.memory_stream_pair()]
    other: Role = SyncResponder if role is SyncSession else SyncSession
    both = stocked(some(mine)), stocked([*some(theirs), *records()])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(session, role, both[0], ends[0])
        nursery.start_soon(session, other, both[1], ends[1])
    for store in both:
        store.close()
    return bytes(ends[0].heard)


def split(data: bytes) -> list[bytes]:
    """The frames of a stream; what is left over is the last."""
    found = []
    while data:
        end = sync_frame.LENGTH_BYTES + int.from_bytes(data[: sync_frame.LENGTH_BYTES], "big")
        found.append(data[sync_frame.LENGTH_BYTES : end])
        data = data[end:]
    return found


def mutate_frames(dice: random.Random, data: bytes) -> bytes:
    """A frame changed, left out, twice, or moved; now and then the bytes themselves."""
    if dice.random() < 0.1:
        return mutated_bytes(dice, data)
    told = split(data)
    for _ in range(dice.randint(1, 2)):
        if not told:
            return mutated_bytes(dice, data)
        at = dice.randrange(len(told))
        match dice.randrange(8):
            case 0:
                del told[at]
            case 1:
                told.insert(dice.randrange(len(told) + 1), told[at])
            case 2:
                told[at] = _with_changed_record(dice, told[at])
            case _:
                told[at] = by_value(dice, told[at])
    return b"".join(len(each).to_bytes(sync_frame.LENGTH_BYTES, "big") + each for each in told)


def _with_changed_record(dice: random.Random, data: bytes) -> bytes:
    """A frame of records one of which was changed and signed again."""
    try:
        frame = sync_frame.decode(data)
    except RemoteProtocolError:
        return by_value(dice, data)
    if not isinstance(frame, sync_frame.Records | sync_frame.Push) or not frame.raws:
        return by_value(dice, data)
    raws = list(frame.raws)
    at = dice.randrange(len(raws))
    changed = sign(mutate_body(dice, raws[at][: -limits.SIGNATURE_BYTES]))
    raws[at] = changed[: limits.RECORD_BYTES_MAX]
    if isinstance(frame, sync_frame.Push):
        return sync_frame.encode(sync_frame.Push(frame.market, tuple(raws)))
    return sync_frame.encode(sync_frame.Records(tuple(raws), frame.next_key, frame.more))


def target(name: str, role: Role) -> Target:
    seeds: Callable[[], Iterable[bytes]] = cache(lambda: tuple(dialogues(role)))
    return Target(name, partial(run_role, role), seeds, mutate_frames, 65_536)


TARGETS = [target("answerer", SyncResponder), target("asker", SyncSession)]
