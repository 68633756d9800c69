"""Who is fetching what: shared by all sessions, so that no record is fetched from two peers.

A claim is held by a session while a record is on its way, and lapses when that takes too long: a
peer that trickles must not keep the others away. Knows ids and markets, no peers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import trio

from ..protocol import limits


@dataclass(frozen=True, slots=True)
class _Claim:
    """Times are trio's, in seconds; `lapses` is put off up to `ends`."""

    holder: object
    lapses: float
    ends: float = float("inf")


class SyncClaims:
    """Ids being fetched, and markets being transferred whole. Holders are compared by identity."""

    def __init__(self) -> None:
        self._ids: dict[bytes, _Claim] = {}
        self._ranges: dict[str, _Claim] = {}
        self._changed = trio.Event()

    @property
    def count(self) -> int:
        return len(self._ids)

    def take(self, holder: object, ids: Iterable[bytes]) -> list[bytes]:
        """Those of `ids` that nobody fetches: now `holder`'s. CLAIMED_IDS_MAX at most in all."""
        now = trio.current_time()
        claim = _Claim(holder, now + limits.CLAIM_MS_MAX / limits.SECOND_MS)
        taken: list[bytes] = []
        for record_id in ids:
            held = self._ids.get(record_id)
            if held is None and len(self._ids) >= limits.CLAIMED_IDS_MAX:
                break
            if held is None or held.lapses <= now:
                self._ids[record_id] = claim
                taken.append(record_id)
        return taken

    def release(self, holder: object, ids: Iterable[bytes]) -> None:
        """`ids` have come, or will not come from there."""
        for record_id in ids:
            held = self._ids.get(record_id)
            if held is not None and held.holder is holder:
                del self._ids[record_id]
        self._tell()

    def take_range(self, holder: object, market: str) -> bool:
        """Whether `holder` may now transfer `market` whole: one at a time, again after a lapse."""
        now = trio.current_time()
        if self.is_ranging(market):
            return False
        self._ranges[market] = _Claim(
            holder,
            now + limits.CLAIM_MS_MAX / limits.SECOND_MS,
            now + limits.CLAIM_RANGE_MS_MAX / limits.SECOND_MS,
        )
        return True

    def keep_range(self, holder: object, market: str) -> bool:
        """Puts the lapse off, since records came; False if another has taken over meanwhile, or
        after CLAIM_RANGE_MS_MAX: one that sends little must not be all that is listened to."""
        held = self._ranges.get(market)
        now = trio.current_time()
        if held is None or held.holder is not holder or now >= held.ends:
            return False
        lapses = min(now + limits.CLAIM_MS_MAX / limits.SECOND_MS, held.ends)
        self._ranges[market] = _Claim(holder, lapses, held.ends)
        return True

    def is_ranging(self, market: str) -> bool:
        held = self._ranges.get(market)
        return held is not None and held.lapses > trio.current_time()

    def release_all(self, holder: object) -> None:
        """The session is over, or has all it asked for."""
        self._ids = {key: held for key, held in self._ids.items() if held.holder is not holder}
        self._ranges = {
            market: held for market, held in self._ranges.items() if held.holder is not holder
        }
        self._tell()

    async def wait_ids(self, ids: Iterable[bytes]) -> bool:
        """Until none of `ids` is on its way any more; False after CLAIM_WAIT_MS_MAX."""
        waiting = set(ids)
        with trio.move_on_after(limits.CLAIM_WAIT_MS_MAX / limits.SECOND_MS):
            while waiting := {record_id for record_id in waiting if record_id in self._ids}:
                await self._changed.wait()
            return True
        return False

    async def wait_range(self, market: str) -> bool:
        """Until nobody transfers `market` whole; False after CLAIM_WAIT_MS_MAX."""
        with trio.move_on_after(limits.CLAIM_WAIT_MS_MAX / limits.SECOND_MS):
            while self.is_ranging(market):
                await self._changed.wait()
            return True
        return False

    def _tell(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
