"""Who is fetching what: shared by all sessions, so that no record is fetched from two peers.

A claim is held by a session while records come of it, and lapses when too few do: a peer that
promises much and sends little must not keep the others away. Knows ids and markets, no peers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import trio

from ..protocol import limits

_S = limits.SECOND_MS


@dataclass(frozen=True, slots=True)
class _RangeClaim:
    """`ends` is when others need not wait for it any more, whatever comes (trio's seconds)."""

    holder: object
    ends: float


class SyncClaims:
    """Ids being fetched, and markets being transferred whole. Holders are compared by identity;
    what each holds lapses at one time."""

    def __init__(self) -> None:
        self._ids: dict[bytes, object] = {}
        self._ranges: dict[str, _RangeClaim] = {}
        self._lapses: dict[object, float] = {}
        self._changed = trio.Event()

    @property
    def count(self) -> int:
        return len(self._ids)

    def take(self, holder: object, ids: Iterable[bytes]) -> list[bytes]:
        """Those of `ids` that nobody fetches: now `holder`'s. CLAIMED_IDS_MAX at most in all."""
        now = trio.current_time()
        self._begin(holder, now)
        taken: list[bytes] = []
        for record_id in ids:
            held = self._ids.get(record_id)
            if held is None and len(self._ids) >= limits.CLAIMED_IDS_MAX:
                break
            if held is None or self._lapse(held) <= now:
                self._ids[record_id] = holder
                taken.append(record_id)
        return taken

    def earn(self, holder: object, new_count: int) -> None:
        """So many new records came to `holder`: its claims lapse later by that."""
        if holder in self._lapses:
            now = trio.current_time()
            later = max(now, self._lapses[holder]) + new_count * limits.CLAIM_MS_PER_RECORD / _S
            self._lapses[holder] = min(later, now + limits.CLAIM_MS_MAX / _S)

    def release(self, holder: object, ids: Iterable[bytes]) -> None:
        """`ids` have come, or will not come from there."""
        for record_id in ids:
            if self._ids.get(record_id) is holder:
                del self._ids[record_id]
        self._tell()

    def take_range(self, holder: object, market: str) -> bool:
        """Whether `holder` may now transfer `market` whole: one at a time, again after a lapse."""
        if self.is_ranging(market):
            return False
        now = trio.current_time()
        self._begin(holder, now)
        self._ranges[market] = _RangeClaim(holder, now + limits.CLAIM_RANGE_MS_MAX / _S)
        return True

    def keeps_range(self, holder: object, market: str) -> bool:
        """False if another has taken over meanwhile, or after CLAIM_RANGE_MS_MAX: one that sends
        little must not be all that is listened to."""
        held = self._ranges.get(market)
        return held is not None and held.holder is holder and trio.current_time() < held.ends

    def is_ranging(self, market: str) -> bool:
        return self._range_lapse(market) > trio.current_time()

    def release_all(self, holder: object) -> None:
        """The session is over, or has all it asked for."""
        self._ids = {key: held for key, held in self._ids.items() if held is not holder}
        self._ranges = {
            market: held for market, held in self._ranges.items() if held.holder is not holder
        }
        self._lapses.pop(holder, None)
        self._tell()

    async def wait_ids(self, ids: Iterable[bytes]) -> bool:
        """Until none of `ids` is on its way any more; False if some of them lapsed, or after
        CLAIM_WAIT_MS_MAX."""
        waiting = set(ids)
        with trio.move_on_after(limits.CLAIM_WAIT_MS_MAX / _S):
            while waiting := {record_id for record_id in waiting if record_id in self._ids}:
                lapses = min(self._lapse(self._ids[record_id]) for record_id in waiting)
                if lapses <= trio.current_time():
                    return False
                await self._wait_until(lapses)
            return True
        return False

    async def wait_range(self, market: str) -> bool:
        """Until nobody transfers `market` whole, or not fast enough; False after
        CLAIM_WAIT_MS_MAX."""
        with trio.move_on_after(limits.CLAIM_WAIT_MS_MAX / _S):
            while self.is_ranging(market):
                await self._wait_until(self._range_lapse(market))
            return True
        return False

    def _begin(self, holder: object, now: float) -> None:
        begun = now + limits.CLAIM_MS_MIN / _S
        self._lapses[holder] = max(begun, self._lapses.get(holder, begun))

    def _lapse(self, holder: object) -> float:
        return self._lapses.get(holder, 0.0)

    def _range_lapse(self, market: str) -> float:
        held = self._ranges.get(market)
        return 0.0 if held is None else min(self._lapse(held.holder), held.ends)

    async def _wait_until(self, deadline: float) -> None:
        with trio.move_on_at(deadline):
            await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
