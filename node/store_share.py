"""How much of the store's time each peer may take with its questions.

A few bytes can ask for a thousand fingerprints. Who takes more than its share is not refused, it is
answered slowly: then the writer has time for the others. Knows no frames.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import trio

from ..protocol import limits
from ..store.store import Store
from .token_bucket import TokenBuckets
from .writer import Writer

T = TypeVar("T")
_S = limits.SECOND_MS


class StoreShare:
    """Shares of at most PENALTY_PEERS_MAX peers or addresses (`payer_of`). `stopwatch()` is in
    seconds."""

    def __init__(
        self, writer: Writer, *, stopwatch: Callable[[], float] = time.perf_counter
    ) -> None:
        self._writer = writer
        self._stopwatch = stopwatch
        self._buckets = TokenBuckets(
            limits.SYNC_STORE_SHARE_PERCENT / 100,
            limits.SYNC_STORE_BURST_MS / _S,
            limits.PENALTY_PEERS_MAX,
        )
        self.payer_of: Callable[[str], str] = lambda peer: peer

    async def call(self, peer: str, job: Callable[[Store], T]) -> T:
        """`Writer.call` on behalf of `peer`, followed by the rest that it owes."""
        value, seconds = await self._writer.call(partial(self._timed, job))
        await self.rest(peer, seconds)
        return value

    async def rest(self, peer: str, seconds: float) -> None:
        """`peer` has cost so much time, and waits for what it owes."""
        owed = self.spend(peer, seconds)
        if owed:
            await trio.sleep(owed)

    def spend(self, peer: str, seconds: float) -> float:
        """Counts store time against `peer`: for how many seconds it is to wait."""
        now = trio.current_time()
        bucket = self._buckets.of(self.payer_of(peer), now)
        return min(bucket.spend(seconds, now), limits.SYNC_STORE_REST_MS_MAX / _S)

    def _timed(self, job: Callable[[Store], T], store: Store) -> tuple[T, float]:
        began = self._stopwatch()
        value = job(store)
        return value, self._stopwatch() - began
