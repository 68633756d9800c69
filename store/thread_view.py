"""The view of threads: which record of each is current, and how many an author has in a market.

Knows ranks and arrivals; not what records say.
"""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from ..protocol import limits
from ..protocol.envelope import Rank, ThreadKey
from ..protocol.item_set import item_key
from .database import Database, Row

_CROWDS_MAX: Final = 10_000
_HEAPS_MAX: Final = 8
_KEYS_AT_ONCE: Final = 256
_SELECT: Final = (
    "SELECT author, market, thread, rid, arrival, is_delete, revision, id, ts_ms, expires_ms "
    "FROM thread"
)


class Current(NamedTuple):
    """A thread's current record; `expires_ms` is None where it is no item."""

    rid: int
    arrival: int
    is_delete: int
    revision: int
    id: bytes
    ts_ms: int
    expires_ms: int | None

    @property
    def rank(self) -> Rank:
        return (bool(self.is_delete), self.revision, self.id)

    @property
    def key(self) -> bytes:
        """Its key as an item."""
        return item_key(self.ts_ms, self.id)


Thread: TypeAlias = tuple[ThreadKey, Current]


def current(db: Database, key: ThreadKey) -> Current | None:
    market, author, thread = key
    row = db.row(
        f"{_SELECT} WHERE author = ? AND market = ? AND thread = ?", (author, market, thread)
    )
    return None if row is None else Current(*row[3:])


def currents(db: Database, keys: Iterable[ThreadKey]) -> dict[ThreadKey, Current]:
    """Of those of `keys` that are here."""
    found: dict[ThreadKey, Current] = {}
    bound = [(author, market, thread) for market, author, thread in keys]
    for begin in range(0, len(bound), _KEYS_AT_ONCE):
        some = bound[begin : begin + _KEYS_AT_ONCE]
        marks = ",".join(["(?,?,?)"] * len(some))
        rows = db.rows(
            f"{_SELECT} WHERE (author, market, thread) IN (VALUES {marks})",
            tuple(chain.from_iterable(some)),
        )
        found.update(_threads(rows))
    return found


def put(db: Database, threads: Iterable[Thread]) -> None:
    db.run_many(
        "INSERT OR REPLACE INTO thread VALUES (?,?,?,?,?,?,?,?,?,?)",
        [(author, market, thread, *held) for (market, author, thread), held in threads],
    )


def drop(db: Database, keys: Iterable[ThreadKey]) -> None:
    db.run_many(
        "DELETE FROM thread WHERE author = ? AND market = ? AND thread = ?",
        [(author, market, thread) for market, author, thread in keys],
    )


def expired(db: Database, now_ms: int, count_max: int) -> list[Thread]:
    """Items whose life is over, the earliest first."""
    return _threads(
        db.rows(f"{_SELECT} WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?", (now_ms, count_max))
    )


def of_author(db: Database, author: bytes) -> list[Thread]:
    return _threads(db.rows(f"{_SELECT} WHERE author = ?", (author,)))


def of_market(db: Database, market: str) -> list[Thread]:
    return _threads(db.rows(f"{_SELECT} WHERE market = ?", (market,)))


def item_count(db: Database, author: bytes, market: str) -> int:
    """How many of an author's threads are items of a market."""
    count: int = db.value(
        "SELECT count(*) FROM thread WHERE author = ? AND market = ? AND expires_ms IS NOT NULL",
        (author, market),
    )
    return count


def places(db: Database, author: bytes, market: str) -> int:
    """How many more threads an author may have in a market before the least of them go."""
    return max(0, limits.THREADS_PER_AUTHOR_MAX - item_count(db, author, market))


def author_count(db: Database) -> int:
    """From one author to the next, past all threads that each has."""
    count: int = db.value(
        "WITH RECURSIVE one (author) AS (SELECT min(author) FROM thread UNION ALL "
        "SELECT (SELECT min(author) FROM thread WHERE author > one.author) FROM one "
        "WHERE one.author IS NOT NULL) SELECT count(author) FROM one"
    )
    return count


def history(db: Database, arrival: int) -> list[int]:
    """The rids of a thread's superseded records that are still in the log, oldest first."""
    rows = db.rows("SELECT rid FROM history WHERE arrival = ? ORDER BY rid", (arrival,))
    return [row[0] for row in rows]


def clear(db: Database) -> None:
    db.run("DELETE FROM thread")
    db.run("DELETE FROM history")


def _threads(rows: list[Row]) -> list[Thread]:
    return [((row[1], row[0], row[2]), Current(*row[3:])) for row in rows]


class Crowd:
    """An author's threads that are items of one market: how many, and which of them is least.

    At most THREADS_PER_AUTHOR_MAX may be, those of the greatest rank (R5). `floor` is a rank below
    which nothing can enter; it only rises while nothing is forgotten.
    """

    __slots__ = ("count", "floor", "heap")

    def __init__(self, count: int) -> None:
        self.count = count
        self.floor: Rank | None = None
        self.heap: list[tuple[Rank, bytes]] | None = None

    @property
    def is_full(self) -> bool:
        return self.count >= limits.THREADS_PER_AUTHOR_MAX

    def note(self, rank: Rank, thread: bytes) -> None:
        """A thread entered or rose; its older entry is passed over when it comes up."""
        if self.heap is not None:
            heappush(self.heap, (rank, thread))

    def take_least(self) -> tuple[Rank, bytes]:
        """Off the heap, which is loaded and not empty."""
        return heappop(self.heap or [])


class Census:
    """The crowds of all authors, counted when first asked for and forgotten when in doubt."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._crowds: dict[tuple[bytes, str], Crowd] = {}

    def drop(self) -> None:
        self._crowds.clear()

    def trim(self) -> None:
        """Bounds the memory; between batches only, since what is stored is counted again."""
        if len(self._crowds) > _CROWDS_MAX:
            self._crowds.clear()
        with_heap = [crowd for crowd in self._crowds.values() if crowd.heap is not None]
        if len(with_heap) > _HEAPS_MAX:
            for crowd in with_heap:
                crowd.heap = None

    def crowd(self, author: bytes, market: str) -> Crowd:
        crowd = self._crowds.get((author, market))
        if crowd is None:
            crowd = self._crowds[(author, market)] = Crowd(item_count(self._db, author, market))
        return crowd

    def load_heap(self, author: bytes, market: str, pending: Iterable[tuple[Rank, bytes]]) -> None:
        """Reads the crowd's ranks, if need be; `pending` are those that are not written yet."""
        crowd = self.crowd(author, market)
        if crowd.heap is not None and len(crowd.heap) <= 2 * limits.THREADS_PER_AUTHOR_MAX:
            return
        rows = self._db.rows(
            "SELECT is_delete, revision, id, thread FROM thread "
            "WHERE author = ? AND market = ? AND expires_ms IS NOT NULL",
            (author, market),
        )
        crowd.heap = [
            ((bool(is_delete), revision, record_id), thread)
            for is_delete, revision, record_id, thread in rows
        ]
        crowd.heap.extend(pending)
        heapify(crowd.heap)
