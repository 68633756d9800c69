"""Keeps the owner's listings alive: those in their last days get a new revision, hour by hour.

Stops when the owner has not been seen for a season, so that a forgotten machine does not offer
sold goods for ever. Knows when; which listings are due is the desk's to know.
"""

import logging
from collections.abc import Awaitable, Callable

import trio

from ..protocol import limits
from .supervisor import survive

log = logging.getLogger(__name__)


class Renewal:
    """`renew_due()` renews what is due and says how many; `owner_seen_ms()` is when the owner last
    gave a command, None if never (then the start of the node counts)."""

    def __init__(
        self,
        renew_due: Callable[[], Awaitable[int]],
        *,
        now_ms: Callable[[], int],
        owner_seen_ms: Callable[[], int | None],
    ) -> None:
        self._renew_due = renew_due
        self._now_ms = now_ms
        self._owner_seen_ms = owner_seen_ms
        self._started_ms = now_ms()
        self._is_paused = False

    async def run(self) -> None:
        """Now and every hour, until cancelled."""
        while True:
            await survive("renewal", self.check)
            await trio.sleep(limits.RENEW_EVERY_MS / limits.SECOND_MS)

    async def check(self) -> int:
        """How many were renewed: none where the owner has been away too long."""
        if self.is_owner_away():
            if not self._is_paused:
                log.warning("no command of the owner's in 90 days: listings are not renewed")
            self._is_paused = True
            return 0
        self._is_paused = False
        count = await self._renew_due()
        if count:
            log.info("renewed %d listing(s) that were in their last days", count)
        return count

    def is_owner_away(self) -> bool:
        seen_ms = self._owner_seen_ms()
        last_ms = self._started_ms if seen_ms is None else seen_ms
        return self._now_ms() - last_ms > limits.RENEW_ABSENT_OWNER_MS
