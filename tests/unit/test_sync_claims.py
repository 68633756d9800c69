"""Claims on records under way: no record from two peers, and no peer that blocks the others."""

import pytest
import trio
import trio.testing

from jangteo.node.sync_claims import SyncClaims
from jangteo.protocol import limits

pytestmark = pytest.mark.trio
CLAIM_S = limits.CLAIM_MS_MIN / 1000
A, B = object(), object()


def number_id(number: int) -> bytes:
    return number.to_bytes(32, "big")


IDS = [number_id(number) for number in range(4)]


async def test_an_id_is_fetched_by_one_session_only() -> None:
    claims = SyncClaims()
    assert claims.take(A, IDS[:3]) == IDS[:3]
    assert claims.take(B, IDS) == IDS[3:]
    claims.release(A, IDS[:1])
    assert claims.take(B, IDS) == IDS[:1]


async def test_only_the_holder_releases() -> None:
    claims = SyncClaims()
    claims.take(A, IDS)
    claims.release(B, IDS)
    assert claims.take(B, IDS) == []


async def test_a_claim_lapses(autojump_clock: trio.testing.MockClock) -> None:
    claims = SyncClaims()
    claims.take(A, IDS)
    await trio.sleep(CLAIM_S)
    assert claims.take(B, IDS) == IDS
    claims.release(A, IDS)
    assert claims.count == len(IDS)


async def test_a_range_is_waited_for_only_so_long_though_it_goes_on(
    autojump_clock: trio.testing.MockClock,
) -> None:
    claims = SyncClaims()
    assert claims.take_range(A, "open")
    while claims.keeps_range(A, "open"):
        claims.earn(A, limits.SYNC_RECORDS_MAX)
        assert trio.current_time() < limits.CLAIM_RANGE_MS_MAX / 1000
        assert not claims.take_range(B, "open")
        await trio.sleep(CLAIM_S / 2)
    assert trio.current_time() == pytest.approx(limits.CLAIM_RANGE_MS_MAX / 1000)
    assert not claims.is_ranging("open")
    assert claims.take_range(B, "open")


async def test_who_waits_is_woken_when_the_ids_are_there(
    autojump_clock: trio.testing.MockClock,
) -> None:
    claims = SyncClaims()
    claims.take(A, IDS)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def fetch() -> None:
            await trio.sleep(CLAIM_S / 2)
            claims.release(A, IDS)

        assert await claims.wait_ids(IDS)
    assert trio.current_time() == pytest.approx(CLAIM_S / 2, abs=0.1)


async def test_nobody_waits_for_who_sends_nothing(autojump_clock: trio.testing.MockClock) -> None:
    claims = SyncClaims()
    claims.take(A, IDS)
    claims.take_range(A, "open")
    assert not await claims.wait_ids(IDS)
    assert await claims.wait_range("open")
    assert trio.current_time() == pytest.approx(CLAIM_S)


async def test_nobody_waits_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    claims = SyncClaims()
    claims.take(A, IDS)
    claims.take_range(A, "open")
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def keep_sending() -> None:
            while True:
                claims.earn(A, limits.SYNC_RECORDS_MAX)
                await trio.sleep(CLAIM_S / 2)

        assert not await claims.wait_ids(IDS)
        assert not await claims.wait_range("open")
        nursery.cancel_scope.cancel()


async def test_a_claim_holds_while_records_come_fast_enough(
    autojump_clock: trio.testing.MockClock,
) -> None:
    claims = SyncClaims()
    claims.take(A, IDS)
    for _ in range(20):
        claims.earn(A, limits.SECOND_MS // limits.CLAIM_MS_PER_RECORD)
        await trio.sleep(1)
        assert claims.take(B, IDS) == []
    await trio.sleep(CLAIM_S)
    assert claims.take(B, IDS) == IDS


async def test_many_records_at_once_put_a_lapse_off_only_so_far(
    autojump_clock: trio.testing.MockClock,
) -> None:
    claims = SyncClaims()
    claims.take(A, IDS)
    claims.earn(A, 1_000_000)
    await trio.sleep(limits.CLAIM_MS_MAX / 1000)
    assert claims.take(B, IDS) == IDS


async def test_one_range_at_a_time_until_it_lapses(
    autojump_clock: trio.testing.MockClock,
) -> None:
    claims = SyncClaims()
    assert claims.take_range(A, "open")
    assert not claims.take_range(B, "open")
    assert claims.take_range(B, "other")
    await trio.sleep(CLAIM_S / 2)
    claims.earn(A, round(CLAIM_S / 2 * limits.SECOND_MS / limits.CLAIM_MS_PER_RECORD))
    assert claims.keeps_range(A, "open")
    await trio.sleep(CLAIM_S / 2)
    assert claims.is_ranging("open")
    await trio.sleep(CLAIM_S / 2)
    assert claims.take_range(B, "open")
    assert not claims.keeps_range(A, "open")


async def test_the_end_of_a_session_releases_all_it_held() -> None:
    claims = SyncClaims()
    claims.take(A, IDS)
    claims.take_range(A, "open")
    claims.release_all(A)
    assert claims.count == 0
    assert await claims.wait_range("open")


async def test_only_so_many_ids_are_under_way() -> None:
    claims = SyncClaims()
    many = [number_id(number) for number in range(limits.CLAIMED_IDS_MAX + 10)]
    assert len(claims.take(A, many)) == limits.CLAIMED_IDS_MAX
    assert claims.take(B, many[-10:]) == []
