"""A crowd of strangers at the door of a full house, who come again at once whenever they are turned
away, and from ever fresh addresses; and an honest newcomer, who waits longer after each failure.
"""

import itertools
import math
import random
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from jangteo.node.connection_gate import ConnectionGate
from jangteo.node.dialer import DialBook
from jangteo.protocol.limits import (
    CONNECTION_STAY_MS_MIN,
    HANDSHAKE_MS_MAX,
    SECOND_MS,
)

pytestmark = pytest.mark.trio

HANDSHAKE_S = HANDSHAKE_MS_MAX / SECOND_MS
STAY_S = CONNECTION_STAY_MS_MIN / SECOND_MS - 1  # in a turn, which lasts a little longer
TARGET = "/ip4/10.0.0.1/tcp/4110"
PAUSE_S = 0.05
PATIENCE_S = 60.0
IN_TIME_S = 20.0
SEEDS = 5


@dataclass
class Door:
    """`handshake_s` is what one takes about."""

    dice: random.Random
    handshake_s: float = 0.2
    gate: ConnectionGate = field(default_factory=ConnectionGate)
    fresh: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1000))

    async def visit(self, ip: str, stay_s: float = math.inf) -> bool:
        """Whether it came in and could stay for so long; then it goes."""
        stay = trio.CancelScope(deadline=trio.current_time() + HANDSHAKE_S)
        admission = self.gate.enter(ip, stay)
        if admission is None:
            return False
        try:
            with stay:
                await trio.sleep(self.dice.uniform(0.5, 1.5) * self.handshake_s)
                if await self.gate.settle(admission):
                    await trio.sleep(stay_s)
                    return True
        finally:
            self.gate.leave(admission)
        return False

    async def hold(self, number: int) -> None:
        while True:
            await self.visit(address(number))
            await trio.sleep(PAUSE_S)

    async def knock(self, known: int) -> None:
        while True:
            is_fresh = self.dice.random() < 0.5
            await self.visit(address(next(self.fresh) if is_fresh else self.dice.randrange(known)))
            await trio.sleep(PAUSE_S)

    async def newcomer_s(self) -> float:
        """After how long one that dials as nodes do has come in and could stay for STAY_S."""
        book = DialBook("us", self.dice)
        began = trio.current_time()
        book.add(TARGET, began, is_static=True)
        while trio.current_time() < began + PATIENCE_S:
            await trio.sleep_until(book.next_at())
            (due,) = book.take_due(trio.current_time())
            if await self.visit("192.168.1.7", STAY_S):
                return trio.current_time() - STAY_S - began
            book.failed(due, trio.current_time())
        return PATIENCE_S


def address(number: int) -> str:
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


async def wait_s(seed: int, addresses: int, knockers: int, before_s: float) -> float:
    door = Door(random.Random(seed))  # noqa: S311
    async with trio.open_nursery() as nursery:
        for n in range(addresses):
            nursery.start_soon(door.hold, n)
        for _ in range(knockers):
            nursery.start_soon(door.knock, addresses)
        await trio.sleep(before_s)
        waited = await door.newcomer_s()
        nursery.cancel_scope.cancel()
    return waited


@pytest.mark.parametrize("before_s", [0.0, 0.3, 5.0])
async def test_a_newcomer_gets_a_place_through_a_crowd_of_ever_fresh_addresses(
    before_s: float, autojump_clock: trio.testing.MockClock
) -> None:
    """It may be one of those who come while the house is filled, and are soon sent away again."""
    waits = [await wait_s(seed, 48, 4, before_s) for seed in range(SEEDS)]
    assert max(waits) < IN_TIME_S, waits
