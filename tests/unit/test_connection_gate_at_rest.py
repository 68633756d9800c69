"""A node on a LAN with more neighbours than it has places for, all honest, each back
after about a second whenever it is turned away or sent away."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from statistics import median

import pytest
import trio
import trio.testing

from jangteo.node.connection_gate import ConnectionGate
from jangteo.protocol.limits import (
    CONNECTION_KNOWN_MS,
    CONNECTION_REST_MS_MIN,
    CONNECTIONS_INBOUND_MAX,
    HANDSHAKE_MS_MAX,
    SECOND_MS,
)

pytestmark = pytest.mark.trio

MINUTES = 6
REST_S = CONNECTION_REST_MS_MIN / SECOND_MS
KNOWN_S = CONNECTION_KNOWN_MS / SECOND_MS


@dataclass
class Lan:
    """`inside_s`: for how long each was, who was; `sent_away`: when somebody had to go, and after
    how long; `handshakes`: when one was begun."""

    gate: ConnectionGate = field(default_factory=ConnectionGate)
    dice: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311
    inside_s: dict[str, float] = field(default_factory=dict)
    sent_away: list[tuple[float, float]] = field(default_factory=list)
    handshakes: list[float] = field(default_factory=list)
    came_in: defaultdict[str, trio.Event] = field(default_factory=lambda: defaultdict(trio.Event))

    async def live(self, ip: str) -> None:
        while True:
            await self.visit(ip)
            await trio.sleep(self.dice.uniform(0.5, 1.5))

    async def visit(self, ip: str) -> None:
        stay = trio.CancelScope(deadline=trio.current_time() + HANDSHAKE_MS_MAX / SECOND_MS)
        admission = self.gate.enter(ip, stay)
        if admission is None:
            return
        self.handshakes.append(trio.current_time())
        came_in = None
        try:
            with stay:
                await trio.sleep(0.01)  # the handshake
                if await self.gate.settle(admission):
                    came_in = trio.current_time()
                    self.came_in.pop(ip, trio.Event()).set()
                    await trio.sleep_forever()
        finally:
            self.gate.leave(admission)
            if came_in is not None:
                stayed = trio.current_time() - came_in
                self.inside_s[ip] = self.inside_s.get(ip, 0.0) + stayed
                if stay.cancelled_caught:
                    self.sent_away.append((trio.current_time(), stayed))

    async def newcomer_s(self, ip: str) -> float:
        """After how long one that was never there is inside."""
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.live, ip)
            await self.came_in[ip].wait()
            waited = trio.current_time() - began
            nursery.cancel_scope.cancel()
        return waited


@pytest.mark.parametrize("count", [40, 200])
async def test_a_full_house_comes_to_rest_and_newcomers_get_in(
    count: int, autojump_clock: trio.testing.MockClock
) -> None:
    lan = Lan()
    waits: list[float] = []
    async with trio.open_nursery() as nursery:
        for n in range(count):
            nursery.start_soon(lan.live, f"10.0.{n // 100}.{n % 100}")
        await trio.sleep(100)  # each has had a turn, two in a second
        assert len(lan.inside_s) + CONNECTIONS_INBOUND_MAX >= count
        settled_at = trio.current_time()
        while (now := trio.current_time() - settled_at) < MINUTES * 60:
            waits.append(await lan.newcomer_s(f"10.1.0.{len(waits)}"))
            await trio.sleep(settled_at + now + 60 - trio.current_time())
        nursery.cancel_scope.cancel()
    sent_away = [stayed for at, stayed in lan.sent_away if at > settled_at]
    handshakes = sum(at > settled_at for at in lan.handshakes)
    assert max(waits) < 1
    assert len(sent_away) <= 6 * MINUTES
    assert median(sent_away) >= 60
    assert handshakes <= 2 * 60 * MINUTES


async def test_who_was_inside_gets_only_a_place_that_was_held_for_minutes(
    autojump_clock: trio.testing.MockClock,
) -> None:
    lan = Lan()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lan.visit, "10.0.0.1")
        await trio.sleep(1)
        (first,) = lan.gate._established
        first.stay.cancel()
        for n in range(CONNECTIONS_INBOUND_MAX):
            nursery.start_soon(lan.visit, f"10.0.1.{n}")
            await trio.sleep(0.1)
        assert lan.gate.enter("10.0.0.1", trio.CancelScope()) is None  # before any handshake
        assert await lan.newcomer_s("10.0.0.2") < 1
        for n in range(CONNECTIONS_INBOUND_MAX):
            nursery.start_soon(lan.visit, f"10.0.2.{n}")
        await trio.sleep(REST_S - 10)
        await lan.visit("10.0.0.1")  # is sent away at once
        await trio.sleep(10)
        assert await lan.newcomer_s("10.0.0.1") < 1
        nursery.cancel_scope.cancel()


async def test_who_stays_away_for_long_is_a_newcomer_again_and_who_knocks_is_not(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gate = ConnectionGate()
    for ip in ("10.0.0.1", "10.0.0.2"):
        admission = gate.enter(ip, trio.CancelScope())
        assert admission is not None
        assert await gate.settle(admission)
        gate.leave(admission)
    await trio.sleep(KNOWN_S / 2)
    knock = gate.enter("10.0.0.2", trio.CancelScope())
    assert knock is not None
    gate.leave(knock)
    await trio.sleep(KNOWN_S / 2)
    for n in range(CONNECTIONS_INBOUND_MAX):
        admission = gate.enter(f"10.0.1.{n}", trio.CancelScope())
        assert admission is not None
        assert await gate.settle(admission)
    assert gate.enter("10.0.0.1", trio.CancelScope()) is not None
    assert gate.enter("10.0.0.2", trio.CancelScope()) is None
