"""Renewal: every hour while the owner is about, not at all when it has been away too long."""

import pytest
import trio
import trio.testing

from jangteo.node.renewal import Renewal
from jangteo.protocol import limits

START_MS = 1_750_000_000_000


class Owner:
    """A clock in trio's time, and an owner last seen at `seen_ms`."""

    def __init__(self, seen_ms: int | None) -> None:
        self.seen_ms = seen_ms
        self.renewals: list[float] = []
        self.ahead_ms = 0

    def now_ms(self) -> int:
        return START_MS + self.ahead_ms

    async def renew_due(self) -> int:
        self.renewals.append(trio.current_time())
        return 1

    def renewal(self) -> Renewal:
        return Renewal(self.renew_due, now_ms=self.now_ms, owner_seen_ms=lambda: self.seen_ms)


@pytest.mark.trio
async def test_it_renews_at_the_start_and_every_hour(
    autojump_clock: trio.testing.MockClock,
) -> None:
    owner = Owner(START_MS)
    with trio.move_on_after(3 * 3600 + 60):
        await owner.renewal().run()
    assert len(owner.renewals) == 4


@pytest.mark.trio
async def test_it_stops_when_the_owner_has_been_away_too_long() -> None:
    owner = Owner(START_MS - limits.RENEW_ABSENT_OWNER_MS - 1)
    assert await owner.renewal().check() == 0
    assert owner.renewals == []


@pytest.mark.trio
async def test_it_goes_on_when_the_owner_is_back() -> None:
    owner = Owner(START_MS - limits.RENEW_ABSENT_OWNER_MS - 1)
    renewal = owner.renewal()
    await renewal.check()
    owner.seen_ms = START_MS
    assert await renewal.check() == 1


@pytest.mark.trio
async def test_an_owner_never_seen_counts_from_the_start() -> None:
    owner = Owner(None)
    renewal = owner.renewal()
    assert await renewal.check() == 1
    owner.ahead_ms = limits.RENEW_ABSENT_OWNER_MS + 1
    assert await renewal.check() == 0
