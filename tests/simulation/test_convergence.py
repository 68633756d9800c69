"""Whole nodes over the in-memory network: whoever can talk ends with the same store, whatever was
lost, delayed, cut in two or changed meanwhile. The clock is trio's, so minutes take moments.
"""

from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.node.simulation import Neighbourhood, SimulatedNode
from jangteo.protocol import limits

pytestmark = pytest.mark.trio
NAMES = ("ann", "bob", "cho", "dae", "eun")


async def open_all(
    stack: AsyncExitStack, place: Neighbourhood, names: tuple[str, ...]
) -> list[SimulatedNode]:
    """A full graph: each dials those before it."""
    return [
        await stack.enter_async_context(place.node(name, peers=names[:number]))
        for number, name in enumerate(names)
    ]


async def test_a_listing_is_at_every_neighbour_at_once(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with AsyncExitStack() as stack:
        ann, *_ = await open_all(stack, place, NAMES)
        await trio.sleep(5)
        await ann.sell("bicycle")
        assert await place.until_even(1.0) < 0.5


async def test_it_passes_through_those_between(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with AsyncExitStack() as stack:
        line = [
            await stack.enter_async_context(place.node(name, peers=NAMES[max(0, n - 1) : n]))
            for n, name in enumerate(NAMES)
        ]
        await trio.sleep(5)
        await line[0].sell("bicycle")
        await place.until_even(2.0)


@pytest.mark.parametrize("seed", range(3))
async def test_what_gossip_loses_reconciliation_brings(
    seed: int, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path, seed, loss=1.0)
    async with AsyncExitStack() as stack:
        ann, *_ = await open_all(stack, place, NAMES[:4])
        await trio.sleep(5)
        for number in range(10):
            await ann.sell(f"chair {number}")
        await place.until_even(20.0)
        assert (await ann.summary())[0] == 10


async def test_a_burst_arrives_whole_within_seconds(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path, loss=0.3)
    async with AsyncExitStack() as stack:
        ann, *_ = await open_all(stack, place, NAMES[:4])
        await trio.sleep(5)
        for start in range(0, 1000, 100):
            await ann.sell_all([f"book {number}" for number in range(start, start + 100)])
        await place.until_even(10.0)
        assert (await ann.summary())[0] == 1000


async def test_a_newcomer_gets_everything_once_from_many(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with AsyncExitStack() as stack:
        ann, *_ = await open_all(stack, place, NAMES[:4])
        await ann.sell_all([f"book {number}" for number in range(1000)])
        await place.until_even(60.0)
        newcomer = await stack.enter_async_context(place.node("new", peers=NAMES[:4]))
        offered: list[int] = []
        newcomer.core.writer.on_admitted = lambda admitted, source: offered.append(len(admitted))
        await place.until_even(10.0)
        assert sum(offered) == 1000


async def test_who_comes_back_to_many_fetches_what_is_missing_once(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with AsyncExitStack() as stack:
        ann, *_ = await open_all(stack, place, NAMES[:4])
        async with place.node("eun", peers=NAMES[:4]):
            await ann.sell_all([f"book {number}" for number in range(300)])
            await place.until_even(60.0)
        await ann.sell_all([f"record {number}" for number in range(700)])
        await place.until_even(60.0)
        eun = await stack.enter_async_context(place.node("eun", peers=NAMES[:4]))
        offered: list[int] = []
        eun.core.writer.on_admitted = lambda admitted, source: offered.append(len(admitted))
        await place.until_even(10.0)
        assert sum(offered) == 700


@pytest.mark.parametrize("seed", range(4))
async def test_a_network_that_was_cut_in_two_becomes_even_again(
    seed: int, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path, seed, loss=0.2)
    async with AsyncExitStack() as stack:
        nodes = await open_all(stack, place, NAMES)
        shared = [await node.sell(f"{node.name}'s lamp") for node in nodes]
        await place.until_even(60.0)
        place.network.partition([NAMES[:2], NAMES[2:]])
        for node, record in zip(nodes, shared, strict=True):
            await node.edit(record, f"{node.name}'s cheaper lamp")
            await node.sell_all([f"{node.name}'s book {number}" for number in range(40)])
        await nodes[0].withdraw(shared[0])
        await nodes[4].withdraw(shared[4])
        await trio.sleep(120)
        place.network.heal()
        await place.until_even(600.0)
        assert (await nodes[0].summary())[0] == 5 + 5 * 40


async def test_a_node_that_was_away_catches_up(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with AsyncExitStack() as stack:
        ann, _ = await open_all(stack, place, NAMES[:2])
        async with place.node("cho", peers=NAMES[:2]):
            await ann.sell_all([f"book {number}" for number in range(300)])
            await place.until_even(60.0)
        await ann.sell_all([f"record {number}" for number in range(500)])
        await trio.sleep(30)
        await stack.enter_async_context(place.node("cho", peers=NAMES[:2]))
        await place.until_even(10.0)
        assert (await ann.summary())[0] == 800


async def test_sellers_know_that_their_goods_are_held(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with AsyncExitStack() as stack:
        ann, *_ = await open_all(stack, place, NAMES[:3])
        await trio.sleep(5)
        await ann.sell("bicycle")
        await trio.sleep(3)
        counts = await ann.core.writer.call(lambda store: store.counts(ann.now_ms()))
        assert counts.own_active == 1
        assert counts.own_unheld == 0


async def test_a_full_store_says_so_and_keeps_its_own(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with (
        place.node("ann") as ann,
        place.node("bob", peers=["ann"], records_bytes_max=5000) as bob,
    ):
        for number in range(30):
            await ann.sell(f"bicycle {number}")
        await trio.sleep(20)
        held, _ = await bob.summary("open")
        assert 5 < held < 30
        assert "record_store_mib N`, N above 0" in bob.core.warnings["store-full"]
        mine = await bob.sell("mine goes in all the same")
        assert bob.store.has(mine.id)
        assert (await bob.summary("open"))[0] <= held
        assert bob.store.counts(bob.now_ms()).record_bytes <= 5000
        assert "store-full" not in ann.core.warnings


async def test_a_small_store_fetches_its_contacts_goods_though_strangers_have_filled_it(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with (
        place.node("ann") as ann,
        place.node("cho", peers=["ann"]) as cho,
        place.node("bob", peers=["ann"], records_bytes_max=5000) as bob,
    ):
        for number in range(30):
            await ann.sell(f"bicycle {number}")
        await trio.sleep(20)
        goods = await cho.sell_all([f"lamp {number}" for number in range(15)])
        await trio.sleep(20)
        assert len(bob.store.known(good.id for good in goods)) < 15
        with bob.store.write(durable=True):
            bob.store.keep(cho.key.public, bob.now_ms())
        await bob.core.refresh()
        await trio.sleep(60)
        assert len(bob.store.known(good.id for good in goods)) == 15
        assert bob.store.counts(bob.now_ms()).record_bytes <= 5000


async def test_neighbours_share_a_small_store_and_come_to_rest(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    """Of goods that one neighbour alone knows and goods of the other's, as many find room."""
    place = Neighbourhood(tmp_path)
    async with (
        place.node("ann") as ann,
        place.node("cho") as cho,
        place.node("bob", peers=["ann"], records_bytes_max=5000) as bob,
    ):
        await ann.sell_all([f"bicycle {number}" for number in range(60)])
        await trio.sleep(30)
        place.network.partition([["ann"], ["bob", "cho"]])
        await cho.sell_all([f"lamp {number}" for number in range(60)])
        await bob.transport.dial("/memory/cho/p2p/cho")
        await trio.sleep(60)
        raws = [row.listing.title for row in bob.store.iter_listings(bob.now_ms())]
        bicycles = sum(title.startswith("bicycle") for title in raws)
        assert abs(2 * bicycles - len(raws)) <= 2
        held = await bob.summary("open")
        place.network.heal()
        await trio.sleep(300)
        before = await bob.summary("open")
        await trio.sleep(600)
        assert await bob.summary("open") == before
        assert before[0] == held[0]


async def test_a_full_store_in_which_much_is_over_has_room_again(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with (
        place.node("ann") as ann,
        place.node("bob", peers=["ann"], records_bytes_max=5000) as bob,
    ):
        await ann.sell_all([f"bicycle {number}" for number in range(60)])
        await trio.sleep(20)
        assert "store-full" in bob.core.warnings
        with bob.core.board.watching() as watched:
            for node in (ann, bob):
                node.clock.skew_ms += limits.LIFETIME_SHORT_MS
            await trio.sleep(2 * limits.CLOCK_UNSURE_MS / limits.SECOND_MS)
            async with aclosing(watched) as events:
                async for event in events:
                    if event["event"] == "warning-over":
                        break
        assert event["code"] == "store-full"
        assert "store-full" not in bob.core.warnings
        await ann.sell_all([f"lamp {number}" for number in range(5)])
        await place.until_even(20)
        assert (await bob.summary("open"))[0] == 5
