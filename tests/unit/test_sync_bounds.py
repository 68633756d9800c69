"""The bounds of sessions, each hit: how many at once, how much in flight, how often."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.crypto.keys import AuthorKey
from jangteo.node.event_board import JsonObject
from jangteo.node.memory_transport import MemoryTransport
from jangteo.node.simulation import START_MS, Neighbourhood
from jangteo.node.sync_intake import SyncIntake
from jangteo.node.sync_stream import SyncStream
from jangteo.node.transport import Stream, StreamBroken, StreamEnded
from jangteo.protocol import limits, sync_frame
from jangteo.protocol.envelope import Header, Verified, author_record, open_record
from jangteo.protocol.item_set import item_key
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.sync_frame import Bye, Get, Hello, MarketSummary, Range, Recon, Records

pytestmark = pytest.mark.trio
KEY = AuthorKey.from_seed(bytes(range(32)))


def listing(number: int) -> Verified:
    thread = number.to_bytes(16, "big")
    header = Header(LISTING, KEY.public, START_MS, "open", thread, 1, False)
    return author_record(KEY, header, Listing(f"thing {number}", created_ms=START_MS).to_body())


def id_list(records: list[Verified]) -> bytes:
    """A reconciliation message: everything, up to infinity, is these."""
    count = len(records)
    length = bytes([count]) if count < 128 else bytes([count >> 7 | 0x80, count & 0x7F])
    return b"\x61\x00\x00\x02" + length + b"".join(sorted(record.id for record in records))


async def hello_to(transport: MemoryTransport, node: str) -> SyncStream:
    stream = SyncStream(await transport.open_stream(node, sync_frame.PROTOCOL))
    await stream.send(Hello(sync_frame.VERSION, START_MS, ()))
    await stream.receive_a(Hello)
    return stream


def answering(transport: MemoryTransport, script: Callable[[SyncStream], Awaitable[None]]) -> None:
    async def serve(stream: Stream) -> None:
        await script(SyncStream(stream))

    transport.serve(sync_frame.PROTOCOL, serve)


async def test_a_full_house_answers_each_peer_once_and_a_newcomer_too(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    peers_before_full = limits.SYNC_SESSIONS_IN_MAX // limits.SYNC_SESSIONS_PER_PEER_MAX
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(place.node("ann"))
        for number in range(peers_before_full + 5):
            stranger = await stack.enter_async_context(place.network.open(f"z{number}"))
            await stranger.dial("/memory/ann/p2p/ann")
            await hello_to(stranger, "ann")
            if number < peers_before_full:
                await hello_to(stranger, "ann")
            else:
                with pytest.raises((StreamBroken, StreamEnded)):
                    await hello_to(stranger, "ann")


async def test_the_peers_of_one_address_share_its_sessions(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with AsyncExitStack() as stack:
        ann = await stack.enter_async_context(place.node("ann"))
        ann.core.shared.share.payer_of = lambda peer: "elsewhere" if peer == "other" else "here"
        for number in range(limits.SYNC_SESSIONS_PER_PEER_MAX + 1):
            stranger = await stack.enter_async_context(place.network.open(f"z{number}"))
            await stranger.dial("/memory/ann/p2p/ann")
            if number < limits.SYNC_SESSIONS_PER_PEER_MAX:
                await hello_to(stranger, "ann")
            else:
                with pytest.raises((StreamBroken, StreamEnded)):
                    await hello_to(stranger, "ann")
        other = await stack.enter_async_context(place.network.open("other"))
        await other.dial("/memory/ann/p2p/ann")
        await hello_to(other, "ann")


async def test_a_peer_that_trickles_is_left_after_a_while(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Each frame comes in time, and brings something: but one record in 20 s is no session."""
    place = Neighbourhood(tmp_path)
    records = sorted((listing(number) for number in range(30)), key=lambda each: each.id)
    ended: list[float] = []

    async def trickle(stream: SyncStream) -> None:
        try:
            await stream.receive_a(Hello)
            digest = bytes(16)
            await stream.send(
                Hello(sync_frame.VERSION, START_MS, (MarketSummary("open", 600, 0, digest),))
            )
            for record in records:
                await stream.receive_a(Range)
                await trio.sleep(20)
                await stream.send(Records((record.raw,), item_key(START_MS, record.id)))
        except (StreamBroken, StreamEnded):
            ended.append(trio.current_time())

    async with place.node("ann"), place.network.open("stranger") as stranger:
        answering(stranger, trickle)
        await stranger.dial("/memory/ann/p2p/ann")
        began = trio.current_time()
        await trio.sleep(2 * limits.SYNC_ASKER_WAIT_MS_MAX / 1000)
        assert ended
        assert ended[0] - began <= 21 + limits.SYNC_ASKER_WAIT_MS_MAX / 1000


async def test_a_peer_that_asks_now_and_then_is_hung_up_on(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann"), place.network.open("stranger") as stranger:
        await stranger.dial("/memory/ann/p2p/ann")
        stream = await hello_to(stranger, "ann")
        asked = 0
        with pytest.raises((StreamBroken, StreamEnded)):
            while asked < 100:
                await trio.sleep(20)
                await stream.send(Hello(sync_frame.VERSION, START_MS, ()))
                await stream.receive_a(Hello)
                asked += 1
        assert 2 <= asked <= limits.SYNC_ANSWERER_WAIT_MS_MAX // 20_000


async def test_small_markets_come_before_great_ones(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    asked: list[str] = []

    async def serve(stream: SyncStream) -> None:
        await stream.receive_a(Hello)
        digest = bytes(16)
        markets = (MarketSummary("open", 200, 0, digest), MarketSummary("commons", 9, 0, digest))
        await stream.send(Hello(sync_frame.VERSION, START_MS, markets))
        for _ in markets:
            asked.append((await stream.receive_a(Recon)).market)
            await stream.send(Recon(asked[-1], b"\x61"))
        await stream.receive_a(Bye)

    async with place.node("ann"), place.network.open("stranger") as stranger:
        answering(stranger, serve)
        await stranger.dial("/memory/ann/p2p/ann")
        await trio.sleep(3)
    assert asked[:2] == ["commons", "open"]


async def test_ids_that_do_not_come_are_not_asked_for_again_in_a_session(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    records = [listing(number) for number in range(3)]
    hellos = 0

    async def serve(stream: SyncStream) -> None:
        nonlocal hellos
        while not isinstance(frame := await stream.receive(), Bye):
            match frame:
                case Hello():
                    hellos += 1
                    market = MarketSummary("open", 3, 0, bytes(16))
                    await stream.send(Hello(sync_frame.VERSION, START_MS, (market,)))
                case Recon():
                    await stream.send(Recon("open", id_list(records)))
                case Get():
                    await stream.send(Records(()))

    async with place.node("ann"), place.network.open("stranger") as stranger:
        answering(stranger, serve)
        await stranger.dial("/memory/ann/p2p/ann")
        await trio.sleep(limits.SYNC_FRUITLESS_WAIT_MS / 1000 - 0.5)
    assert hellos == 1


async def test_all_markets_that_a_node_may_join_are_in_its_hello(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    names = [f"m{number}" for number in range(limits.MARKETS_JOINED_MAX - 1)]
    async with (
        place.node("ann", markets=["open", *names]) as ann,
        place.node("bob", markets=["open", *names], peers=["ann"]) as bob,
    ):
        await trio.sleep(3)
        for market in ("open", names[-1]):
            await ann.sell("lamp", market)
        await trio.sleep(5)
        report = await bob.core.sync.sync_now("ann")
        assert len(report.markets) == limits.SYNC_MARKETS_MAX
        assert (await bob.summary(names[-1]))[0] == 1


async def test_only_so_many_sessions_are_opened_at_once(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    opened: list[str] = []

    async def silent(stream: SyncStream) -> None:
        opened.append(stream.peer)
        await trio.sleep_forever()

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(place.node("ann"))
        for number in range(limits.SYNC_SESSIONS_OUT_MAX + 4):
            stranger = await stack.enter_async_context(place.network.open(f"z{number}"))
            answering(stranger, silent)
            await stranger.dial("/memory/ann/p2p/ann")
        await trio.sleep(limits.SYNC_FRAME_WAIT_MS_MAX / 1000 - 5)
        assert len(opened) == limits.SYNC_SESSIONS_OUT_MAX
        await trio.sleep(10)
        assert len(opened) == limits.SYNC_SESSIONS_OUT_MAX + 4


async def test_only_so_much_is_asked_for_before_an_answer_has_come(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    records = [listing(number) for number in range(900)]
    raws = {record.id: record.raw for record in records}
    asked: list[int] = []

    async def script(stream: SyncStream) -> None:
        # Fewer than would be transferred whole, says the hello.
        summary = MarketSummary("open", 1, 0, bytes(16))
        await stream.receive_a(Hello)
        await stream.send(Hello(1, START_MS, (summary,)))
        await stream.receive_a(Recon)
        await stream.send(Recon("open", id_list(records)))
        gets = [await stream.receive_a(Get) for _ in range(limits.SYNC_GETS_IN_FLIGHT_MAX)]
        with trio.move_on_after(5):
            await stream.receive()
            asked.append(10**6)
        while gets:
            get = gets.pop(0)
            asked.append(len(get.ids))
            await stream.send(Records(tuple(raws[record_id] for record_id in get.ids)))
            if sum(asked) + sum(len(each.ids) for each in gets) < len(records):
                gets.append(await stream.receive_a(Get))
        await stream.receive_a(Hello)
        await stream.send(Bye(""))

    async with place.node("ann") as ann, place.network.open("z") as stranger:
        answering(stranger, script)
        await stranger.dial("/memory/ann/p2p/ann")
        await trio.sleep(20)
        assert (await ann.summary())[0] == 900
        assert max(asked) == limits.SYNC_GET_IDS


async def test_only_so_many_answers_of_a_range_are_opened_at_once(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    records = sorted(map(listing, range(20)), key=lambda each: item_key(START_MS, each.id))
    keys = [item_key(START_MS, record.id) for record in records]
    gate = trio.Event()
    asked: list[int] = []

    async def slow(raws: Sequence[bytes]) -> list[Verified]:
        await gate.wait()
        return [open_record(raw) for raw in raws]

    async def script(stream: SyncStream) -> None:
        await stream.receive_a(Hello)
        summary = MarketSummary("open", limits.SYNC_GET_IDS + 1, 0, bytes(16))
        await stream.send(Hello(1, START_MS, (summary,)))
        for place, record in enumerate(records):
            await stream.receive_a(Range)
            asked.append(place)
            next_key = b"" if record is records[-1] else keys[place]
            await stream.send(Records((record.raw,), next_key))
        await stream.receive_a(Hello)
        await stream.send(Bye(""))

    async with place.node("ann") as ann, place.network.open("z") as stranger:
        shared = ann.core.shared
        shared.intake = SyncIntake(shared.writer, shared.declined, now_ms=ann.now_ms, opener=slow)
        answering(stranger, script)
        await stranger.dial("/memory/ann/p2p/ann")
        await trio.sleep(5)
        # One more question is on its way, and its answer waits.
        assert len(asked) == limits.SYNC_BATCHES_OPENED_MAX + 2
        gate.set()
        await trio.sleep(5)
        assert (await ann.summary())[0] == len(asked) == len(records)


async def test_a_long_need_is_fetched_in_parts(
    tmp_path: Path,
    autojump_clock: trio.testing.MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "SYNC_NEED_IDS_MAX", 100)
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.node("bob") as bob:
        await bob.sell("one")
        await ann.sell_all([f"book {number}" for number in range(3000)])
        await bob.transport.dial("/memory/ann/p2p/ann")
        await place.until_even(20)
        assert (await bob.summary())[0] == 3001


async def test_a_session_says_hello_only_so_often(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """To a peer that has one record more each time."""
    place = Neighbourhood(tmp_path)
    hellos: list[int] = []

    async def script(stream: SyncStream) -> None:
        number = 0
        while True:
            match await stream.receive():
                case Hello():
                    number += 1
                    hellos.append(number)
                    summary = MarketSummary("open", number, 0, bytes(16))
                    await stream.send(Hello(1, START_MS, (summary,)))
                case Recon():
                    records = [listing(each) for each in range(number)]
                    await stream.send(Recon("open", id_list(records)))
                case Get(_, ids):
                    raws = {listing(each).id: listing(each).raw for each in range(number)}
                    await stream.send(Records(tuple(raws[record_id] for record_id in ids)))
                case _:
                    return

    async with place.node("ann") as ann, place.network.open("z") as stranger:
        answering(stranger, script)
        await stranger.dial("/memory/ann/p2p/ann")
        await trio.sleep(1)
        assert hellos == list(range(1, limits.SYNC_PASSES_MAX + 1))
        assert (await ann.summary())[0] == limits.SYNC_PASSES_MAX


async def test_a_few_listings_are_told_singly_and_a_burst_in_one(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    seen: list[JsonObject] = []
    async with place.node("ann") as ann, trio.open_nursery() as nursery:

        @nursery.start_soon
        async def watch() -> None:
            async for event in ann.core.board.events():
                seen.append(event)

        await trio.testing.wait_all_tasks_blocked()
        few = limits.EVENT_LISTINGS_AT_ONCE_MAX
        records = await ann.sell_all([f"book {number}" for number in range(few)])
        await trio.sleep(2)
        assert [event["change"] for event in seen] == ["new"] * few
        seen.clear()
        await ann.sell_all([f"record {number}" for number in range(few + 1)])
        await trio.sleep(2)
        assert seen == [{"event": "listings", "new": few + 1, "changed": 0, "withdrawn": 0}]
        seen.clear()
        await ann.edit(records[0], "a better book")
        await trio.sleep(2)
        assert [(event["change"], event["title"]) for event in seen] == [
            ("changed", "a better book")
        ]
        seen.clear()
        await ann.withdraw(records[0])
        await trio.sleep(2)
        assert [(event["change"], event["status"]) for event in seen] == [
            ("withdrawn", "withdrawn")
        ]
        ann.core.board.close()
