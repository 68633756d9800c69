"""The running node's own chores, and what it says of itself."""

from pathlib import Path

import pytest
import trio
import trio.testing

from jangteo.node.core import UNSTORED
from jangteo.node.simulation import START_MS, Neighbourhood
from jangteo.protocol import limits
from jangteo.store.errors import StoreFull
from jangteo.store.store import Store
from tests.market_maker import Seller

pytestmark = pytest.mark.trio


async def test_a_store_that_fails_is_said_once_until_it_works_again(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(5)
        admit = Store.admit
        with ann.core.board.watching() as events, monkeypatch.context() as patch:

            def fail(
                store: Store, records: object, now_ms: int, bringer: str | None = None, **how: bool
            ) -> object:
                if store is ann.store:
                    raise StoreFull("the disk is full: make room")
                return admit(store, records, now_ms, bringer, **how)  # type: ignore[arg-type]

            patch.setattr(Store, "admit", fail)
            for number in range(5):
                await bob.sell(f"thing {number}")
                await trio.sleep(1)
            assert "disk is full" in ann.core.warnings[UNSTORED]
            patch.undo()
            await trio.sleep(60)
            assert (await ann.summary())[0] == 5
            assert UNSTORED not in ann.core.warnings
            ann.core.board.close()
            said = [event async for event in events if event.get("code") == UNSTORED]
        assert len(said) == 1


async def test_what_has_expired_is_forgotten_a_part_at_a_time(
    tmp_path: Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten: list[int] = []
    forget = Store.forget_expired

    def count(store: Store, now_ms: int, limit: int) -> int:
        forgotten.append(forget(store, now_ms, limit))
        return forgotten[-1]

    monkeypatch.setattr(Store, "forget_expired", count)
    seller, almost_over_ms = Seller.named("cho"), START_MS - limits.LIFETIME_SHORT_MS + 5000
    count = limits.FORGET_RECORDS_AT_ONCE + 1
    async with Neighbourhood(tmp_path).node("ann") as ann:
        await ann.commit([seller.lists(n, "x", ts_ms=almost_over_ms) for n in range(count)])
        assert (await ann.summary())[0] == count
        ann.core.clock.heard("neighbour", ann.now_ms(), ann.now_ms())
        forgotten.clear()
        await trio.sleep(2 * limits.FORGET_EVERY_MS / 1000)
        assert forgotten[:2] == [limits.FORGET_RECORDS_AT_ONCE, 1]
        assert (await ann.summary())[0] == 0


async def test_what_a_peer_sent_is_its_own_though_it_has_gone(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann:
        async with place.node("bob", peers=["ann"]):
            await trio.sleep(5)
            assert ann.core.writer.bringer_of("bob") == "bob"
        await trio.sleep(5)
        assert ann.core.transport.peers() == []
        assert ann.core.writer.bringer_of("bob") == "bob"


async def test_who_sells_on_and_on_meets_everybody_once_a_second(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    place = Neighbourhood(tmp_path)
    async with place.node("ann") as ann, place.node("bob", peers=["ann"]) as bob:
        await trio.sleep(5)
        begun_at: list[float] = []
        ann.core.sync.on_report = lambda report: begun_at.append(trio.current_time())
        at = trio.current_time()
        for number in range(50):
            await ann.sell(f"thing {number}")
            await trio.sleep(0.1)
        await trio.sleep(1.5)
        assert (await bob.summary())[0] == 50
        assert begun_at[0] - at == pytest.approx(limits.SYNC_PUBLISHED_WAIT_MS / 1000, abs=0.05)
        assert 5 <= len(begun_at) <= 8
        assert begun_at[-1] >= at + 5  # the last ones are told of, too
