"""The reconciliation set on disk: the one owner of `item` and `chunk`.

A market's items stand in key order, in runs of at most 128 with their count and the sum of their
lifted ids. Only the runs are loaded (a directory), at first use. Knows keys and sums; not records.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Final

from ..protocol import limits
from ..protocol.item_set import key_id
from ..protocol.lift import LIFT_BITS, lift_wide
from .database import Database

_CHUNK_KEYS_MAX: Final = limits.ITEM_CHUNK_KEYS_MAX
_CHUNK_KEYS_SPLIT: Final = 3 * _CHUNK_KEYS_MAX // 4
_MERGE_BELOW: Final = _CHUNK_KEYS_MAX // 2
_SUM_BYTES: Final = LIFT_BITS // 8
_MASK: Final = (1 << LIFT_BITS) - 1
_AFTER_ALL: Final = b"\xff" * 41
"""Above every key."""


class Directory:
    """The runs of one market: where each begins, its count and its sum. The first begins at b""."""

    __slots__ = ("_starts", "_sums_before", "counts", "los", "sums", "total", "total_sum")

    def __init__(self, chunks: Sequence[tuple[bytes, int, bytes]]) -> None:
        self.los = [lo for lo, _, _ in chunks] or [b""]
        self.counts = [n for _, n, _ in chunks] or [0]
        self.sums = [int.from_bytes(data, "little") for _, _, data in chunks] or [0]
        self.total = sum(self.counts)
        self.total_sum = sum(self.sums) & _MASK
        self._starts: list[int] = []
        self._sums_before: list[int] = []

    def changed(self) -> None:
        self._starts = []
        self._sums_before = []

    def starts(self) -> list[int]:
        """For each run the index of its first item, and one past the last."""
        if not self._starts:
            self._starts = list(accumulate(self.counts, initial=0))
        return self._starts

    def sums_before(self) -> list[int]:
        if not self._sums_before:
            self._sums_before = list(accumulate(self.sums, initial=0))
        return self._sums_before

    def chunk_of(self, key: bytes) -> int:
        return bisect_right(self.los, key) - 1

    def end_of(self, at: int) -> bytes:
        """Where the run `at` ends: the next one's beginning."""
        return self.los[at + 1] if at + 1 < len(self.los) else _AFTER_ALL


class ItemTable:
    """All markets' items. `drop_directories` after a roll-back; others' commits are noticed."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._directories: dict[str, Directory] = {}
        self._data_version = -1

    def drop_directories(self) -> None:
        self._directories.clear()

    def directory(self, market: str) -> Directory:
        version = self._db.data_version()
        if version != self._data_version:
            self._directories.clear()
            self._data_version = version
        directory = self._directories.get(market)
        if directory is None:
            chunks = self._db.rows(
                "SELECT lo, n, sum FROM chunk WHERE market = ? ORDER BY lo", (market,)
            )
            directory = self._directories[market] = Directory(chunks)
        return directory

    def items(self, market: str) -> "StoredItemSet":
        return StoredItemSet(self._db, self, market)

    def summary(self, market: str) -> tuple[int, bytes]:
        """(count, fingerprint) of a market; what two nodes compare first."""
        # The machine it belongs to is not loaded for a search.
        from ..protocol.reconcile import fingerprint

        directory = self.directory(market)
        return directory.total, fingerprint(directory.total_sum, directory.total, LIFT_BITS)

    def apply(
        self, market: str, added: Sequence[tuple[bytes, int]], removed: Sequence[bytes]
    ) -> None:
        """Puts (key, rid) in and takes keys out. Each added is new, each removed is there."""
        if not added and not removed:
            return
        directory = self.directory(market)
        self._db.run_many(
            "DELETE FROM item WHERE market = ? AND key = ?", [(market, key) for key in removed]
        )
        self._db.run_many(
            "INSERT INTO item VALUES (?,?,?)", [(market, key, rid) for key, rid in added]
        )
        touched: dict[int, tuple[list[bytes], list[bytes]]] = {}
        for key, _ in added:
            touched.setdefault(directory.chunk_of(key), ([], []))[0].append(key)
        for key in removed:
            touched.setdefault(directory.chunk_of(key), ([], []))[1].append(key)
        change = _Change(self._db, market, directory)
        # From the back: what splits or merges there leaves the places before it as they are.
        for at in sorted(touched, reverse=True):
            change.touch(at, *touched[at])
        change.write()

    def clear(self, market: str) -> None:
        """Takes all of a market's items out."""
        self._db.run("DELETE FROM item WHERE market = ?", (market,))
        self._db.run("DELETE FROM chunk WHERE market = ?", (market,))
        self._directories.pop(market, None)

    def clear_all(self) -> None:
        self._db.run("DELETE FROM item")
        self._db.run("DELETE FROM chunk")
        self._directories.clear()


class _Change:
    """One `apply` on a directory, and the rows of `chunk` that it leaves to write."""

    def __init__(self, db: Database, market: str, directory: Directory) -> None:
        self._db = db
        self._market = market
        self._directory = directory
        self._dirty: dict[bytes, None] = {}
        self._gone: dict[bytes, None] = {}

    def touch(self, at: int, added: list[bytes], removed: list[bytes]) -> None:
        directory = self._directory
        count = directory.counts[at] + len(added) - len(removed)
        old_sum = directory.sums[at]
        if count > _CHUNK_KEYS_MAX:
            self._split(at)
        else:
            directory.counts[at] = count
            directory.sums[at] = (old_sum + _lifted(added) - _lifted(removed)) & _MASK
            self._mark(at)
            if removed:
                self._merge(at)
        directory.changed()

    def write(self) -> None:
        directory = self._directory
        directory.total = sum(directory.counts)
        directory.total_sum = sum(directory.sums) & _MASK
        self._db.run_many(
            "DELETE FROM chunk WHERE market = ? AND lo = ?",
            [(self._market, lo) for lo in self._gone],
        )
        rows = []
        for lo in self._dirty:
            at = directory.chunk_of(lo)
            data = directory.sums[at].to_bytes(_SUM_BYTES, "little")
            rows.append((self._market, lo, directory.counts[at], data))
        self._db.run_many("INSERT OR REPLACE INTO chunk VALUES (?,?,?,?)", rows)

    def _split(self, at: int) -> None:
        """Cuts a run whose keys in `item` are too many into even ones, lifting all of them."""
        directory = self._directory
        lo = directory.los[at]
        keys = _keys_between(self._db, self._market, lo, directory.end_of(at))
        pieces = list(_even_pieces(keys))
        directory.los[at : at + 1] = [lo, *(piece[0] for piece in pieces[1:])]
        directory.counts[at : at + 1] = [len(piece) for piece in pieces]
        directory.sums[at : at + 1] = [_lifted(piece) & _MASK for piece in pieces]
        for place in range(at, at + len(pieces)):
            self._mark(place)

    def _merge(self, at: int) -> None:
        """Joins a run that has become short to the one before it, if both are short."""
        directory = self._directory
        if at == 0 or directory.counts[at] + directory.counts[at - 1] > _MERGE_BELOW:
            return
        directory.counts[at - 1] += directory.counts[at]
        directory.sums[at - 1] = (directory.sums[at - 1] + directory.sums[at]) & _MASK
        lo = directory.los[at]
        self._gone[lo] = None
        self._dirty.pop(lo, None)
        del directory.los[at], directory.counts[at], directory.sums[at]
        self._mark(at - 1)

    def _mark(self, at: int) -> None:
        lo = self._directory.los[at]
        self._dirty[lo] = None
        self._gone.pop(lo, None)


class StoredItemSet:
    """A market's items as protocol.item_set.ItemSet.

    A writing store's items change by its own doing alone. One that reads beside a writer must hold
    `Store.snapshot()` around each call of a machine.
    """

    def __init__(self, db: Database, table: ItemTable, market: str) -> None:
        self._db = db
        self._table = table
        self._market = market

    def count(self) -> int:
        return self._table.directory(self._market).total

    def find(self, key: bytes) -> int:
        directory = self._table.directory(self._market)
        at = directory.chunk_of(key)
        before: int = self._db.value(
            "SELECT count(*) FROM item WHERE market = ? AND key >= ? AND key < ?",
            (self._market, directory.los[at], key),
        )
        return directory.starts()[at] + before

    def keys(self, begin: int, end: int) -> list[bytes]:
        if begin >= end:
            return []
        directory = self._table.directory(self._market)
        starts = directory.starts()
        at = bisect_right(starts, begin) - 1
        rows = self._db.rows(
            "SELECT key FROM item WHERE market = ? AND key >= ? ORDER BY key LIMIT ? OFFSET ?",
            (self._market, directory.los[at], end - begin, begin - starts[at]),
        )
        return [row[0] for row in rows]

    def fingerprint_sum(self, begin: int, end: int) -> int:
        if end - begin <= _CHUNK_KEYS_MAX // 2:
            return _lifted(self.keys(begin, end)) & _MASK
        directory = self._table.directory(self._market)
        return (self._sum_before(directory, end) - self._sum_before(directory, begin)) & _MASK

    def _sum_before(self, directory: Directory, index: int) -> int:
        """The sum over all items before `index`, lifting from the nearer end of its run."""
        starts, sums = directory.starts(), directory.sums_before()
        at = min(bisect_right(starts, index), len(directory.counts)) - 1
        within, left = index - starts[at], starts[at + 1] - index
        if within <= left:
            return sums[at] + _lifted(self.keys(starts[at], index))
        return sums[at + 1] - _lifted(self.keys(index, starts[at + 1]))


def check(db: Database) -> list[str]:
    """What is wrong with chunks, in words: every run must have the count and sum of its items."""
    problems = []
    for (market,) in db.rows("SELECT market FROM item UNION SELECT market FROM chunk"):
        chunks = db.rows("SELECT lo, n, sum FROM chunk WHERE market = ? ORDER BY lo", (market,))
        if not chunks or chunks[0][0] != b"":
            problems.append(f"chunks of {market}: the first does not begin at the beginning")
        if not chunks:
            continue
        los = [lo for lo, _, _ in chunks]
        for (lo, n, data), end in zip(chunks, [*los[1:], _AFTER_ALL], strict=True):
            keys = _keys_between(db, market, lo, end)
            if n != len(keys) or n > _CHUNK_KEYS_MAX:
                problems.append(f"chunk {lo.hex()[:16]} of {market}: {n} said, {len(keys)} there")
            elif data != (_lifted(keys) & _MASK).to_bytes(_SUM_BYTES, "little"):
                problems.append(f"chunk {lo.hex()[:16]} of {market}: its sum is not its items'")
    return problems


def _lifted(keys: Iterable[bytes]) -> int:
    return sum(lift_wide(key_id(key)) for key in keys)


def _keys_between(db: Database, market: str, lo: bytes, end: bytes) -> list[bytes]:
    rows = db.rows(
        "SELECT key FROM item WHERE market = ? AND key >= ? AND key < ? ORDER BY key",
        (market, lo, end),
    )
    return [row[0] for row in rows]


def _even_pieces(keys: list[bytes]) -> Iterable[list[bytes]]:
    pieces = -(-len(keys) // _CHUNK_KEYS_SPLIT)
    for piece in range(pieces):
        yield keys[piece * len(keys) // pieces : (piece + 1) * len(keys) // pieces]
