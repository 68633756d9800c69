"""Clocks that jump and clocks that start wrong: the owner hears of it, nothing of anybody is lost,
and once the clock is right all hold the same again.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.node.simulation import Clock, Neighbourhood, SimulatedNode
from jangteo.protocol import limits

pytestmark = pytest.mark.trio
YEAR_MS = 365 * limits.DAY_MS
ASIDE_S = 10 * 60


@asynccontextmanager
async def two(
    folder: Path, clock: Clock | None = None
) -> AsyncIterator[tuple[Neighbourhood, SimulatedNode, SimulatedNode]]:
    """ann, whose clock it is, and bob; each has sold something."""
    place = Neighbourhood(folder)
    async with (
        place.node("ann", clock=clock) as ann,
        place.node("bob", peers=["ann"]) as bob,
    ):
        await bob.sell("bob's lamp")
        await trio.sleep(30)
        yield place, ann, bob


async def held(node: SimulatedNode) -> int:
    return (await node.summary())[0]


@pytest.mark.parametrize("jump_ms", [YEAR_MS, limits.DAY_MS, -limits.DAY_MS, -20 * YEAR_MS])
async def test_a_jump_is_told_and_costs_nothing(
    jump_ms: int, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with two(tmp_path) as (place, ann, bob):
        await ann.sell("ann's chair")
        await place.until_even(10)
        ann.clock.skew_ms += jump_ms
        await trio.sleep(ASIDE_S)
        assert ("ahead of" if jump_ms > 0 else "behind") in ann.core.warnings["clock"]
        assert await held(ann) == 2
        # What is said meanwhile is refused here or there, and heard in the end.
        await bob.sell("bob's desk")
        await trio.sleep(ASIDE_S)
        ann.clock.skew_ms -= jump_ms
        await place.until_even(ASIDE_S)
        assert await held(ann) == 3
        await trio.sleep(ASIDE_S)
        assert "clock" not in ann.core.warnings
        assert await held(ann) == await held(bob) == 3
        assert ann.core.penalties.points("bob", ann.now_ms()) == 0
        assert bob.core.penalties.points("ann", bob.now_ms()) == 0


@pytest.mark.parametrize("skew_ms", [YEAR_MS, -YEAR_MS])
async def test_a_wrong_clock_at_the_start_is_told_and_costs_nothing(
    skew_ms: int, tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with two(tmp_path) as (place, ann, _):
        await ann.sell("ann's chair")
        await place.until_even(10)
    place = Neighbourhood(tmp_path)
    clock = Clock(skew_ms)
    async with place.node("ann", clock=clock) as ann, place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(ASIDE_S)
        assert "clock" in ann.core.warnings
        assert await held(ann) == 2
        clock.skew_ms = 0
        await place.until_even(ASIDE_S)
        assert await held(bob) == 2


async def test_alone_a_clock_is_believed_after_an_hour_and_own_listings_come_back(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with two(tmp_path) as (place, ann, bob):
        await ann.sell("ann's chair")
        await place.until_even(10)
        place.network.partition([["ann"], ["bob"]])
        ann.clock.skew_ms += YEAR_MS
        await trio.sleep(limits.CLOCK_UNSURE_MS / limits.SECOND_MS - 300)
        assert await held(ann) == 2
        await trio.sleep(600)
        assert await held(ann) == 0
        ann.clock.skew_ms -= YEAR_MS
        # Its own are there at once or within the hour; the neighbour brings the others.
        await trio.sleep(limits.CLOCK_UNSURE_MS / limits.SECOND_MS + 300)
        assert await held(ann) == 1
        assert ann.store.check_views() == []
        place.network.heal()
        await place.until_even(600)
        assert await held(ann) == await held(bob) == 2


async def test_what_is_over_goes_by_the_neighbours_clocks(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with two(tmp_path) as (place, ann, bob):
        await place.until_even(10)
        for node in (ann, bob):
            node.clock.skew_ms += YEAR_MS
        await trio.sleep(2 * limits.CLOCK_UNSURE_MS / limits.SECOND_MS)
        assert await held(ann) == await held(bob) == 0


async def test_a_machine_that_slept_for_an_hour_catches_up(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    async with two(tmp_path) as (place, ann, bob):
        place.network.partition([["ann"], ["bob"]])
        for number in range(60):
            await bob.sell(f"lamp {number}")
            await trio.sleep(60)
        assert await held(ann) == 1
        place.network.heal()
        # By then dials are tried every five minutes; mDNS, which is not here, would not wait.
        await place.until_even(1.3 * limits.DIAL_WAIT_MS_MAX / limits.SECOND_MS)
        assert await held(ann) == 61
