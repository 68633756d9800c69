"""Sessions between two whole nodes, and with a stranger who speaks the frames by hand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.crypto.keys import AuthorKey
from jangteo.node.memory_transport import MemoryTransport
from jangteo.node.simulation import START_MS, Clock, Neighbourhood, SimulatedNode
from jangteo.node.sync_report import SyncReport
from jangteo.node.sync_stream import SyncStream
from jangteo.node.transport import Stream, StreamBroken, StreamEnded
from jangteo.protocol import limits, sync_frame
from jangteo.protocol.envelope import Header, Verified, author_record
from jangteo.protocol.item_set import item_key
from jangteo.protocol.kind import LISTING
from jangteo.protocol.listing import Listing
from jangteo.protocol.sync_frame import (
    Bye,
    Get,
    Hello,
    MarketSummary,
    Push,
    Pushed,
    Range,
    Recon,
    Records,
)
from jangteo.store.store import Store

pytestmark = pytest.mark.trio
STRANGER = AuthorKey.from_seed(bytes(range(32)))
DIGEST = bytes(16)
Script = Callable[[SyncStream], Awaitable[None]]


def listing(number: int, *, ts_ms: int = START_MS, key: AuthorKey = STRANGER) -> Verified:
    thread = number.to_bytes(16, "big")
    header = Header(LISTING, key.public, ts_ms, "open", thread, 1, False)
    return author_record(key, header, Listing(f"thing {number}", created_ms=START_MS).to_body())


def hello(*markets: MarketSummary) -> Hello:
    return Hello(sync_frame.VERSION, START_MS, markets)


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[tuple[SimulatedNode, SimulatedNode]]:
    """ann and bob, connected and even."""
    place = Neighbourhood(tmp_path, loss=1.0)
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(5)
        yield ann, bob


@asynccontextmanager
async def met(
    node: SimulatedNode, place: Neighbourhood, script: Script | None = None
) -> AsyncIterator[MemoryTransport]:
    """A stranger's transport, connected with `node`; `script` answers the sessions it opens."""

    async def serve(stream: Stream) -> None:
        if script is not None:
            await script(SyncStream(stream))

    async with place.network.open("stranger") as transport:
        transport.serve(sync_frame.PROTOCOL, serve)
        await transport.dial(f"/memory/{node.name}/p2p/{node.name}")
        yield transport


async def ask(transport: MemoryTransport, node: SimulatedNode) -> SyncStream:
    return SyncStream(await transport.open_stream(node.name, sync_frame.PROTOCOL))


async def first_report(node: SimulatedNode, place: Neighbourhood, script: Script) -> SyncReport:
    """What comes of the session that `node` opens as soon as it meets a stranger."""
    reports: list[SyncReport] = []
    reported = trio.Event()

    def note(report: SyncReport) -> None:
        reports.append(report)
        reported.set()

    node.core.sync.on_report = note
    async with met(node, place, script):
        await reported.wait()
    return reports[0]


async def counts_offered(node: SimulatedNode, other: SimulatedNode) -> int:
    """How many records a session of `node` with `other` brings to its writer."""
    offered: list[int] = []
    told = node.core.writer.on_admitted
    node.core.writer.on_admitted = lambda admitted, source: offered.append(len(admitted))
    report = await node.core.sync.sync_now(other.name)
    assert report.error == ""
    node.core.writer.on_admitted = told
    return sum(offered)


async def block(node: SimulatedNode, other: SimulatedNode) -> None:
    """`node` blocks the author of `other`."""

    def write(store: Store) -> None:
        with store.write(durable=True):
            store.block(other.key.public)

    await node.core.writer.call(write)
    await node.core.refresh()


# --- two nodes --------------------------------------------------------------------------------


async def test_equal_stores_are_done_in_one_round_trip(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, _bob = pair
    report = await ann.core.sync.sync_now("bob")
    assert report.is_even
    assert not report.has_moved
    assert report.received_bytes < 400
    assert report.sent_bytes < 400


async def test_a_little_goes_both_ways_in_one_session(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, bob = pair
    await ann.commit([listing(1, key=ann.key), listing(2, key=ann.key)])
    await bob.commit([listing(3, key=bob.key)])
    report = await ann.core.sync.sync_now("bob")
    assert (report.received, report.sent) == (1, 2)
    assert report.is_even
    assert await ann.summary() == await bob.summary()


async def test_what_is_much_is_not_pushed_but_fetched(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, bob = pair
    await bob.sell("one")
    many = limits.SYNC_PUSH_RECORDS_MAX + 1
    await ann.commit([listing(n, key=ann.key) for n in range(many)])
    report = await ann.core.sync.sync_now("bob")
    assert report.markets["open"].left == many
    assert report.sent == 0
    await trio.sleep(2)
    assert await bob.summary() == await ann.summary()
    assert (await bob.summary())[0] == many + 1


async def test_who_has_nothing_is_not_compared_with(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, bob = pair
    many = limits.SYNC_PUSH_RECORDS_MAX + 1
    await ann.commit([listing(n, key=ann.key) for n in range(many)])
    report = await ann.core.sync.sync_now("bob")
    assert (report.markets["open"].left, report.error) == (many, "")
    assert report.sent_bytes < 400
    await trio.sleep(2)
    assert await bob.summary() == await ann.summary()


async def test_who_has_nothing_is_pushed_a_little(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, bob = pair
    await ann.commit([listing(n, key=ann.key) for n in range(limits.SYNC_PUSH_RECORDS_MAX)])
    report = await ann.core.sync.sync_now("bob")
    assert report.sent == limits.SYNC_PUSH_RECORDS_MAX
    assert await bob.summary() == await ann.summary()


async def test_an_empty_store_is_filled_in_order_without_ids(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, bob = pair
    many = 3 * limits.SYNC_RECORDS_MAX
    await ann.commit([listing(n, key=ann.key) for n in range(many)])
    report = await bob.core.sync.sync_now("ann")
    assert report.received == many
    assert report.is_even
    assert report.sent_bytes < 1500


async def test_a_completed_session_proves_what_the_other_holds(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, _bob = pair
    await ann.commit([listing(1, key=ann.key)])
    counts = await ann.core.writer.call(lambda store: store.counts(ann.now_ms()))
    assert counts.own_unheld == 1
    await ann.core.sync.sync_now("bob")
    counts = await ann.core.writer.call(lambda store: store.counts(ann.now_ms()))
    assert counts.own_unheld == 0


async def test_a_blocked_author_is_offered_once_and_proves_nothing(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, bob = pair
    await block(bob, ann)
    await ann.commit([listing(n, key=ann.key) for n in range(5)])
    assert await counts_offered(bob, ann) == 5
    assert await counts_offered(bob, ann) == 0
    assert (await bob.summary())[0] == 0
    report = await ann.core.sync.sync_now("bob")
    assert report.is_even
    assert (report.received, report.sent) == (0, 0)
    counts = await ann.core.writer.call(lambda store: store.counts(ann.now_ms()))
    assert counts.own_unheld == 5


async def test_what_was_declined_and_then_replaced_is_not_all_fetched_again(
    pair: tuple[SimulatedNode, SimulatedNode], autojump_clock: trio.testing.MockClock
) -> None:
    ann, bob = pair
    await block(bob, ann)
    many = limits.SYNC_GET_IDS + 10
    await ann.commit([listing(n, key=ann.key) for n in range(many)])
    assert await counts_offered(bob, ann) == many
    first = listing(0, key=ann.key).header
    newer = author_record(
        ann.key, replace(first, revision=2), Listing("thing 0", created_ms=START_MS).to_body()
    )
    await ann.commit([newer])
    assert await counts_offered(bob, ann) == 1
    report = await bob.core.sync.sync_now("ann")
    assert report.is_even


async def test_a_record_of_the_future_comes_when_its_time_has_come(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    ahead_ms = limits.FUTURE_MS_MAX + limits.MINUTE_MS
    async with (
        place.node("ann", clock=Clock(ahead_ms)) as ann,
        place.node("bob", peers=["ann"]) as bob,
    ):
        await trio.sleep(1)
        await ann.sell("tomorrow's paper")
        await trio.sleep(30)
        assert (await bob.summary())[0] == 0
        assert await counts_offered(bob, ann) == 0
        await trio.sleep(60)
        assert (await bob.summary())[0] == 1
        assert ann.core.clock.warning() is not None
        assert "clock" in ann.core.warnings


async def test_a_stale_record_is_not_fetched_again_and_again(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """ann's clock is far ahead: bob keeps the old revision, and ann never wants it back."""
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(1)
        record = await ann.sell("lamp")
        await place.until_even(5)
        ahead = Header(
            LISTING,
            ann.key.public,
            ann.now_ms() + limits.FUTURE_MS_MAX + limits.HOUR_MS,
            "open",
            record.header.thread,
            2,
            False,
        )
        newer = author_record(ann.key, ahead, Listing("lamp", created_ms=START_MS).to_body())

        def write(store: object) -> None:
            with store.write(durable=True):  # type: ignore[attr-defined]
                store.admit([newer], newer.header.ts_ms)  # type: ignore[attr-defined]

        await ann.core.writer.call(write)
        await counts_offered(ann, bob)
        assert await counts_offered(ann, bob) == 0
        assert await bob.core.writer.call(lambda store: store.has(record.id))


async def test_a_full_overlay_rests_the_market_with_that_peer(
    pair: tuple[SimulatedNode, SimulatedNode],
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: trio.testing.MockClock,
) -> None:
    monkeypatch.setattr(limits, "DECLINED_PER_PEER_MAX", 3)
    ann, bob = pair
    await block(bob, ann)
    await ann.commit([listing(n, key=ann.key) for n in range(10)])
    await counts_offered(bob, ann)
    assert bob.core.declined.is_paused("ann", "open", bob.now_ms())
    assert (await bob.core.sync.sync_now("ann")).is_even
    assert await counts_offered(bob, ann) == 0
    assert not ann.core.declined.is_paused("bob", "open", ann.now_ms())


async def test_markets_that_only_one_has_joined_are_left_alone(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with (
        place.node("ann", markets=["open", "books"]) as ann,
        place.node("bob", peers=["ann"]) as bob,
    ):
        await ann.sell("atlas", market="books")
        await trio.sleep(5)
        report = await ann.core.sync.sync_now("bob")
        assert "books" not in report.markets
        assert (await bob.summary("books"))[0] == 0

        def join(store: object) -> None:
            with store.write(durable=True):  # type: ignore[attr-defined]
                store.join("books")  # type: ignore[attr-defined]

        await bob.core.writer.call(join)
        await bob.core.refresh()
        await trio.sleep(3)
        assert (await bob.summary("books"))[0] == 1


# --- a stranger asks --------------------------------------------------------------------------


async def test_it_answers_whoever_asks_well(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, met(ann, place) as transport:
        records = [listing(n, key=ann.key) for n in range(3)]
        await ann.commit(records)
        stream = await ask(transport, ann)
        await stream.send(hello())
        theirs = await stream.receive_a(Hello)
        assert {each.market: each.count for each in theirs.markets} == {"commons": 0, "open": 3}
        await stream.send(Range("open", b"", 2))
        first = await stream.receive_a(Records)
        assert len(first.raws) == 2
        await stream.send(Range("open", first.next_key, 2))
        last = await stream.receive_a(Records)
        assert (len(last.raws), last.next_key) == (1, b"")
        assert sorted([*first.raws, *last.raws]) == sorted(record.raw for record in records)
        await stream.send(Get("open", (records[0].id, bytes(32))))
        assert await stream.receive_a(Records) == Records((records[0].raw,))
        await stream.send(Push("open", (listing(7).raw, records[0].raw)))
        assert await stream.receive_a(Pushed) == Pushed(2)
        assert await ann.core.writer.call(lambda store: store.has(listing(7).id))
        await stream.send(Bye("that was all"))


async def test_a_large_answer_comes_in_several_frames(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, met(ann, place) as transport:
        records = []
        for number in range(60):
            thread = number.to_bytes(16, "big")
            header = Header(LISTING, ann.key.public, START_MS, "open", thread, 1, False)
            body = Listing("essay", description="가" * 3900, created_ms=START_MS).to_body()
            records.append(author_record(ann.key, header, body))
        await ann.commit(records)
        stream = await ask(transport, ann)
        await stream.send(hello())
        await stream.receive_a(Hello)
        await stream.send(Get("open", tuple(record.id for record in records)))
        raws: list[bytes] = []
        frames = 0
        more = True
        while more:
            frame = await stream.receive_a(Records)
            raws += frame.raws
            frames, more = frames + 1, frame.more
        assert raws == [record.raw for record in records]
        assert frames == 3


async def test_a_market_it_has_not_joined_ends_the_session_without_a_grudge(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, met(ann, place) as transport:
        stream = await ask(transport, ann)
        await stream.send(hello())
        await stream.receive_a(Hello)
        await stream.send(Range("elsewhere", b"", 10))
        assert isinstance(await stream.receive(), Bye)
        assert ann.core.penalties.points("stranger", ann.now_ms()) == 0


async def test_what_is_pushed_and_declined_is_not_counted_as_kept(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, met(ann, place) as transport:
        stream = await ask(transport, ann)
        await stream.send(hello())
        await stream.receive_a(Hello)
        future = listing(1, ts_ms=START_MS + limits.FUTURE_MS_MAX + limits.HOUR_MS)
        await stream.send(Push("open", (listing(2).raw, future.raw)))
        assert await stream.receive_a(Pushed) == Pushed(1)
        await stream.send(hello())
        (summary,) = [
            each for each in (await stream.receive_a(Hello)).markets if each.market == "open"
        ]
        assert (summary.count, summary.declined_count) == (2, 1)
        # It asks for the declined one, so it has it no more: the overlay lets go of it.
        await stream.send(Get("open", (future.id,)))
        assert await stream.receive_a(Records) == Records(())
        await stream.send(hello())
        (summary,) = [
            each for each in (await stream.receive_a(Hello)).markets if each.market == "open"
        ]
        assert (summary.count, summary.declined_count) == (1, 0)


async def test_what_is_shown_here_is_kept_and_not_verified_again_and_history_is_not_kept(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann:
        async with met(ann, place) as stranger:
            old = await ann.sell("lamp")
            await trio.sleep(2)
            new = await ann.edit(old, "cheap lamp")
            stream = await ask(stranger, ann)
            await stream.send(hello())
            await stream.receive_a(Hello)
            forged = new.raw[:-1] + bytes([new.raw[-1] ^ 1])
            for raw, kept in ((old.raw, 0), (new.raw, 1), (forged, 1)):
                await stream.send(Push("open", (raw,)))
                assert (await stream.receive_a(Pushed)).kept == kept
            await stream.send(Push("commons", (new.raw,)))
            with pytest.raises((StreamBroken, StreamEnded)):
                await stream.receive()
        assert ann.core.penalties.points("stranger", ann.now_ms()) > 0


async def test_too_many_sessions_at_once_are_refused(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, met(ann, place) as transport:
        streams = [await ask(transport, ann) for _ in range(limits.SYNC_SESSIONS_PER_PEER_MAX)]
        for stream in streams:
            await stream.send(hello())
            await stream.receive_a(Hello)
        refused = await ask(transport, ann)
        with pytest.raises(StreamBroken):
            await refused.send(hello())
            await refused.receive()
        await streams[0].send(Bye(""))
        await trio.sleep(1)
        stream = await ask(transport, ann)
        await stream.send(hello())
        await stream.receive_a(Hello)


async def test_too_many_sessions_in_a_row_are_refused(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path, delay_s=(0.0, 0.0))
    async with place.node("ann") as ann, met(ann, place) as transport:
        answered = 0
        with pytest.raises(StreamBroken):
            while True:
                stream = await ask(transport, ann)
                await stream.send(hello())
                await stream.receive_a(Hello)
                await stream.send(Bye(""))
                await stream.close()
                answered += 1
                await trio.testing.wait_all_tasks_blocked()
        assert answered >= limits.SYNC_SESSIONS_BURST
        await trio.sleep(10)
        stream = await ask(transport, ann)
        await stream.send(hello())
        await stream.receive_a(Hello)


# --- a stranger answers -----------------------------------------------------------------------


async def test_it_fetches_from_whoever_answers_well(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    records = sorted(
        (listing(n) for n in range(600)), key=lambda each: item_key(each.header.ts_ms, each.id)
    )

    async def script(stream: SyncStream) -> None:
        await stream.receive_a(Hello)
        await stream.send(hello(MarketSummary("open", 600, 0, DIGEST)))
        first = await stream.receive_a(Range)
        key = item_key(records[299].header.ts_ms, records[299].id)
        await stream.send(Records(tuple(each.raw for each in records[:300]), key))
        assert (await stream.receive_a(Range)).after == key
        await stream.send(Records(tuple(each.raw for each in records[300:])))
        await stream.receive_a(Hello)
        await stream.send(hello(MarketSummary("open", 600, 0, DIGEST)))
        assert first.after == b""
        await stream.receive_a(Recon)
        await stream.send(Recon("open", b"\x61"))
        await stream.receive_a(Bye)

    async with place.node("ann") as ann:
        report = await first_report(ann, place, script)
        assert report.received == 600
        assert (await ann.summary())[0] == 600


async def test_a_peer_that_falls_silent_is_given_up(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)

    async def script(stream: SyncStream) -> None:
        await stream.receive_a(Hello)
        await trio.sleep_forever()

    async with place.node("ann") as ann:
        began = trio.current_time()
        report = await first_report(ann, place, script)
        assert "says nothing" in report.error
        assert trio.current_time() - began <= 2 * limits.SYNC_FRAME_WAIT_MS_MAX / 1000


async def test_a_bye_in_the_middle_is_taken_for_what_it_is(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)

    async def script(stream: SyncStream) -> None:
        await stream.receive_a(Hello)
        await stream.send(Bye("going to bed"))

    async with place.node("ann") as ann:
        report: SyncReport = await first_report(ann, place, script)
        assert report.error == "going to bed"
        assert ann.core.penalties.points("stranger", ann.now_ms()) == 0


async def test_a_session_that_begins_with_a_bye_is_over(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    reports: list[SyncReport] = []
    async with place.node("ann") as ann, met(ann, place) as stranger:
        await trio.sleep(5)
        ann.core.sync.on_report = reports.append
        stream = await ask(stranger, ann)
        await stream.send(Bye("no"))
        with pytest.raises((StreamBroken, StreamEnded)):
            await stream.receive()
        await trio.sleep(1)
        assert "" in [report.error for report in reports]
