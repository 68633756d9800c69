"""Which threads of strangers go so that a record finds room in a full store (SPEC.md R10.33 on).

The fullest share gives way to emptier ones (longest-queue drop), within a share the old to the new.
What goes is not let in by the same way within the hour: so a store comes to rest, whatever it is
offered and in whatever order. Knows bytes and ages; not what records say.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from ..protocol import limits
from ..protocol.envelope import ThreadKey, Verified
from ..protocol.item_set import item_key
from . import thread_view
from .batch import Batch
from .database import Database
from .share import KEPT, OWN, Queues, ShareBook, thread_bytes
from .thread_view import Current

_LEAVERS_MIN: Final = 64
"""A store that is far beyond its bound, since that was lowered, shrinks by so many at a time."""


class Leaver(NamedTuple):
    """A stranger's thread that is to go, with its bytes in the log."""

    share: int
    key: bytes
    thread_key: ThreadKey
    bytes: int


@dataclass(frozen=True, slots=True)
class _Floor:
    key: bytes
    until_ms: int


class Room:
    """Judges within a batch. Its memory of what went (`_floors`) is dropped with the rest."""

    def __init__(self, db: Database, book: ShareBook, queues: Queues, bytes_max: int) -> None:
        self._db = db
        self._book = book
        self._queues = queues
        self._bytes_max = bytes_max
        self._floors: dict[int, _Floor] = {}

    def drop(self) -> None:
        self._floors.clear()

    def leavers_for(
        self, record: Verified, held: Current | None, share: int, batch: Batch
    ) -> list[Leaver] | None:
        """Who goes for `record`, of which `held` is current and which counts for `share`; None
        where there is no room to be made: FULL."""
        size = len(record.raw)
        excess = batch.record_bytes + size - self._bytes_max
        if excess <= 0:
            return []
        shares = self._shares(batch)
        plan = _Plan(self._db, self._book, self._queues, shares, batch, excess, size)
        if share in (OWN, KEPT):
            found = plan.from_fullest()
            if share == OWN or plan.is_enough:
                return found
        if held is not None:
            return [] if self._fits_its_own_place(record, held, share, batch) else None
        key = item_key(record.header.ts_ms, record.id)
        if share == KEPT or self._is_below_floor(share, key, batch.now_ms):
            return None
        found = plan.from_fuller(share) or plan.from_older(share, record.header.ts_ms)
        return found or None

    def take_off(self, thread_key: ThreadKey, current: Current, share: int, batch: Batch) -> None:
        """Counts a thread of `share` as gone, before it is."""
        self._shares(batch)
        batch.count(share, -counted_bytes(self._db, thread_key, current, batch))

    def note_gone(self, leaver: Leaver, now_ms: int) -> None:
        """It is not to come back by pushing another out, nor what is older."""
        floor = self._floors.get(leaver.share)
        is_over = floor is None or not self._holds(floor, now_ms)
        key = leaver.key if is_over or floor is None else max(floor.key, leaver.key)
        self._floors[leaver.share] = _Floor(key, now_ms + limits.DECLINED_PAUSE_MS)

    def _is_below_floor(self, share: int, key: bytes, now_ms: int) -> bool:
        floor = self._floors.get(share)
        return floor is not None and self._holds(floor, now_ms) and key <= floor.key

    @staticmethod
    def _holds(floor: _Floor, now_ms: int) -> bool:
        # A clock that was set back ends it too.
        return floor.until_ms - limits.DECLINED_PAUSE_MS <= now_ms < floor.until_ms

    def _shares(self, batch: Batch) -> dict[int, int]:
        """The bytes of each share, those of the batch so far included."""
        if batch.shares is None:
            batch.shares = self._book.bytes_by_share()
            for record, arrival in batch.records.values():
                share = self._book.share_of(record.header.author, batch.buckets[arrival])
                batch.shares[share] = batch.shares.get(share, 0) + len(record.raw)
        return batch.shares

    def _fits_its_own_place(
        self, record: Verified, held: Current, share: int, batch: Batch
    ) -> bool:
        """Whether a revision makes room for itself, its thread's history going instead, so that
        what is sold or withdrawn is heard. Where one's own have filled the store beyond its bound,
        what makes it smaller is taken too."""
        size = len(record.raw)
        freed = counted_bytes(self._db, record.header.thread_key, held, batch)
        if batch.record_bytes + size - freed > self._bytes_max and size > freed:
            return False
        batch.stripped.add(held.arrival)
        batch.freed[held.arrival] = batch.freed.get(held.arrival, 0) + freed
        batch.count(share, -freed)
        return True


class _Plan:
    """Chooses leavers for one record of `size` bytes, `excess` of which there is no room for."""

    def __init__(
        self,
        db: Database,
        book: ShareBook,
        queues: Queues,
        shares: dict[int, int],
        batch: Batch,
        excess: int,
        size: int,
    ) -> None:
        self._db = db
        self._book = book
        self._queues = queues
        self._shares = shares
        self._batch = batch
        self._excess = excess
        self._size = size
        self._places: dict[int, int] = {}
        self._freed = 0
        self._count = 0

    @property
    def is_enough(self) -> bool:
        is_some = self._count >= _LEAVERS_MIN and self._freed >= self._size
        return self._freed >= self._excess or is_some

    def from_fullest(self) -> list[Leaver]:
        """For what is not a stranger's: whoever is fullest at the moment loses its oldest."""
        left = {share: size for share, size in self._shares.items() if share not in (OWN, KEPT)}
        found: list[Leaver] = []
        while left and not self.is_enough:
            fullest = max(left, key=lambda share: (left[share], share))
            leaver = self._next(fullest)
            if leaver is None:
                del left[fullest]
                continue
            left[fullest] -= leaver.bytes
            found.append(leaver)
        return found

    def from_fuller(self, share: int) -> list[Leaver]:
        """From the fullest other share, as long as it stays as full as this one becomes."""
        others = {
            other: size
            for other, size in self._shares.items()
            if other not in (OWN, KEPT, share) and size > 0
        }
        if not others:
            return []
        fullest = max(others, key=lambda other: (others[other], other))
        spare = others[fullest] - self._shares.get(share, 0) - self._size
        if spare <= 0:
            return []
        return self._oldest(fullest, spare_bytes=spare)

    def from_older(self, share: int, ts_ms: int) -> list[Leaver]:
        """From its own share, what is older by an hour at least."""
        self._places.clear()
        return self._oldest(share, before_ms=ts_ms - limits.HOUR_MS)

    def _oldest(
        self, share: int, *, spare_bytes: int | None = None, before_ms: int | None = None
    ) -> list[Leaver]:
        """Enough of one share, the oldest first; [] if that would be too much."""
        found: list[Leaver] = []
        self._freed = self._count = 0
        while not self.is_enough:
            leaver = self._next(share)
            if leaver is None:
                return []
            if spare_bytes is not None and self._freed > spare_bytes:
                return []
            if before_ms is not None and _ts_ms(leaver.key) > before_ms:
                return []
            found.append(leaver)
        return found

    def _next(self, share: int) -> Leaver | None:
        """The share's next thread that is current, counted as freed."""
        while True:
            place = self._places.get(share, 0)
            entry = self._queues.entry(share, place, partial(self._pending, share))
            if entry is None:
                return None
            key, thread_key = entry
            current = self._current(thread_key)
            if current is None or current.key != key:
                self._queues.discard(share, place)
                continue
            self._places[share] = place + 1
            size = counted_bytes(self._db, thread_key, current, self._batch)
            self._freed += size
            self._count += 1
            return Leaver(share, key, thread_key, size)

    def _current(self, thread_key: ThreadKey) -> Current | None:
        if thread_key in self._batch.after:
            return self._batch.after[thread_key]
        return thread_view.current(self._db, thread_key)

    def _pending(self, share: int) -> dict[ThreadKey, bytes]:
        """The keys of this share's threads that the batch adds to."""
        batch = self._batch
        return {
            thread_key: current.key
            for thread_key, current in batch.after.items()
            if current is not None
            and current.rid in batch.records
            and self._book.share_of(thread_key[1], batch.buckets[current.arrival]) == share
        }


def counted_bytes(db: Database, thread_key: ThreadKey, current: Current, batch: Batch) -> int:
    """What a thread has of `batch.record_bytes`: stored, and of the batch."""
    stored = batch.before.get(thread_key) if thread_key in batch.after else current
    size = 0 if stored is None else thread_bytes(db, stored.rid, stored.arrival)
    return size + batch.pending_bytes(current.arrival) - batch.freed.get(current.arrival, 0)


def _ts_ms(key: bytes) -> int:
    return int.from_bytes(key[:8], "big")
