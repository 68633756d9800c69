"""Blobs: which are here and since when they were looked at, and which are wanted.

Knows rows by their hashes; the files are node/blob_folder.py's. Whoever changes anything is within
a transaction of the store's.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..protocol import limits
from .database import Database
from .photo_view import FULL, THUMB

_NAMED: Final = (
    "SELECT arrival, thumb_size AS size, 0 AS kind FROM photo WHERE thumb = ?1 "
    "UNION ALL SELECT arrival, size, 1 FROM photo WHERE hash = ?1"
)
_STALE: Final = (
    "WHERE NOT EXISTS (SELECT 1 FROM photo WHERE photo.thumb = want.hash) "
    "AND NOT EXISTS (SELECT 1 FROM photo WHERE photo.hash = want.hash)"
)
_NAMER: Final = (
    "SELECT l.author FROM photo AS p JOIN listing AS l USING (arrival) WHERE p.{column} = b.hash"
)
_HELD: Final = (
    f"SELECT coalesce(({_NAMER} AND l.author = ?1 LIMIT 1), "  # noqa: S608 — constants
    f"({_NAMER} ORDER BY arrival DESC LIMIT 1)), sum(b.size) "
    "FROM blob AS b WHERE b.kind = ?2 GROUP BY 1"
)
"""Bytes of a kind by whose they are: one's own where a listing of one's own names them."""
_PAGE_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class Blob:
    """`size` in bytes as a listing says it. `is_own`: a listing of one's own names it."""

    hash: bytes
    kind: int
    size: int
    is_here: bool
    is_own: bool


@dataclass(frozen=True, slots=True)
class BlobTotals:
    """Of those that are here; `wanted_count` of those that policy may fetch or not."""

    count: int
    bytes: int
    wanted_count: int


@dataclass(frozen=True, slots=True)
class BlobsHeld:
    """Bytes of others' that are here, of their thumbnails, of one's own, and of each author whose
    listing names them."""

    byte_count: int
    thumb_bytes: int
    own_bytes: int
    by_author: Mapping[bytes, int]


class BlobBook:
    def __init__(
        self, db: Database, require_write: Callable[[], None], own_author: bytes | None
    ) -> None:
        self._db = db
        self._require_write = require_write
        self._own = own_author

    def of(self, hash: bytes) -> Blob | None:
        """A blob that is here or that a shown listing names; None for any other."""
        here = self._db.row("SELECT kind, size FROM blob WHERE hash = ?", (hash,))
        if here is not None:
            return Blob(hash, here[0], here[1], True, self._is_own(hash))
        named = self._db.row(f"SELECT kind, max(size) FROM ({_NAMED}) GROUP BY kind", (hash,))  # noqa: S608
        if named is None:
            return None
        return Blob(hash, named[0], named[1], False, self._is_own(hash))

    def here(self, hashes: Sequence[bytes]) -> set[bytes]:
        """Those of `hashes` whose files are here."""
        marks = ",".join("?" * len(hashes))
        rows = self._db.rows(f"SELECT hash FROM blob WHERE hash IN ({marks})", tuple(hashes))  # noqa: S608
        return {row[0] for row in rows}

    def wanted(self, kinds: Sequence[int], count_max: int, now_ms: int) -> list[Blob]:
        """What is to be fetched now, of the newest listings first, thumbnails before photos."""
        found: list[Blob] = []
        for kind in sorted(kinds):
            rows = self._db.rows(
                "SELECT hash, size FROM want WHERE kind = ?1 AND again_ms <= ?2 "
                "AND (EXISTS (SELECT 1 FROM photo WHERE thumb = want.hash) "
                "OR EXISTS (SELECT 1 FROM photo WHERE hash = want.hash)) "
                "ORDER BY arrival DESC LIMIT ?3",
                (kind, now_ms, count_max - len(found)),
            )
            found += [Blob(hash, kind, size, False, False) for hash, size in rows]
        return found

    def put(self, hash: bytes, kind: int, size: int, now_ms: int) -> None:
        """Its file is complete and on the disk."""
        self._require_write()
        self._db.run(
            "INSERT INTO blob VALUES (?,?,?,?,?) ON CONFLICT (hash) DO UPDATE SET "
            "looked_ms = excluded.looked_ms",
            (hash, kind, size, now_ms, now_ms),
        )
        self._db.run("DELETE FROM want WHERE hash = ?", (hash,))

    def look(self, hashes: Sequence[bytes], now_ms: int) -> None:
        """Somebody looked at them: they go later than others."""
        self._require_write()
        self._db.run_many(
            "UPDATE blob SET looked_ms = ? WHERE hash = ?", [(now_ms, hash) for hash in hashes]
        )

    def missed(self, hash: bytes, now_ms: int) -> None:
        """No neighbour had it: asked for again later, and later each time."""
        self._require_write()
        self._db.run(
            "UPDATE want SET misses = min(misses + 1, 10), again_ms = ?1 + "
            "min(?2 << min(misses, 10), ?3) WHERE hash = ?4",
            (now_ms, limits.BLOB_AGAIN_MS, limits.BLOB_AGAIN_MS_MAX, hash),
        )

    def want_again(self) -> None:
        """Somebody new is there to ask."""
        self._require_write()
        self._db.run("UPDATE want SET again_ms = 0 WHERE again_ms > 0")

    def gone(self, hash: bytes) -> None:
        """Its file is not there, or is not what it was: it is wanted again where it is named."""
        self._require_write()
        self._db.run("DELETE FROM blob WHERE hash = ?", (hash,))
        self._db.run(
            "INSERT OR IGNORE INTO want SELECT ?1, kind, max(size), max(arrival), 0, 0 "  # noqa: S608
            f"FROM ({_NAMED}) GROUP BY kind LIMIT 1",
            (hash,),
        )

    def to_evict(self, bytes_over: int, now_ms: int) -> list[bytes]:
        """What makes room for `bytes_over`, never one's own: what no listing names first, then
        photos, then thumbnails, the longest not looked at before others. What no listing names
        goes after BLOB_UNNAMED_MS anyway."""
        chosen: list[bytes] = []
        left = bytes_over
        for hash, size, looked_ms in self._each((THUMB, FULL)):
            is_over = looked_ms < now_ms - limits.BLOB_UNNAMED_MS
            if (is_over or left > 0) and not self._is_named(hash):
                chosen.append(hash)
                left -= size
        taken = set(chosen)
        for kind in (FULL, THUMB):
            if left <= 0:
                break
            for hash, size, _ in self._each((kind,)):
                if left <= 0:
                    break
                if hash not in taken and not self._is_own(hash):
                    chosen.append(hash)
                    left -= size
        return chosen

    def stale_wants(self) -> int:
        """Drops what no listing names any more from what is wanted: how many."""
        self._require_write()
        count: int = self._db.value(f"SELECT count(*) FROM want {_STALE}")  # noqa: S608 — a constant
        if count:
            self._db.run(f"DELETE FROM want {_STALE}")  # noqa: S608
        return count

    def all(self) -> Iterator[tuple[bytes, int]]:
        """(hash, size) of each that is here, by hash; read in pages, so that one may write
        between two."""
        after = b""
        while True:
            rows = self._db.rows(
                "SELECT hash, size FROM blob WHERE hash > ? ORDER BY hash LIMIT ?",
                (after, _PAGE_ROWS),
            )
            yield from rows
            if len(rows) < _PAGE_ROWS:
                return
            after = rows[-1][0]

    def authors(self, hashes: Sequence[bytes]) -> dict[bytes, bytes]:
        """By whose newest listing each is wanted."""
        marks = ",".join("?" * len(hashes))
        return dict(
            self._db.rows(
                "SELECT want.hash, listing.author FROM want "  # noqa: S608 — marks
                f"JOIN listing USING (arrival) WHERE want.hash IN ({marks})",
                tuple(hashes),
            )
        )

    def held(self) -> BlobsHeld:
        """Of others' blobs that are here, and of one's own."""
        total, thumbs, own = 0, 0, 0
        by_author: dict[bytes, int] = {}
        for kind, name in ((THUMB, "thumb"), (FULL, "hash")):
            rows = self._db.rows(_HELD.format(column=name), (self._own, kind))
            for author, size in rows:
                if author is not None and author == self._own:
                    own += size
                    continue
                total += size
                thumbs += size * (kind == THUMB)
                if author is not None:
                    by_author[author] = by_author.get(author, 0) + size
        return BlobsHeld(total, thumbs, own, by_author)

    def totals(self) -> BlobTotals:
        count, size = self._db.rows("SELECT count(*), coalesce(sum(size), 0) FROM blob")[0]
        wanted: int = self._db.value("SELECT count(*) FROM want")
        return BlobTotals(count, size, wanted)

    def _each(self, kinds: Sequence[int]) -> Iterator[tuple[bytes, int, int]]:
        for kind in kinds:
            after = (-1, b"")
            while True:
                rows = self._db.rows(
                    "SELECT hash, size, looked_ms FROM blob WHERE kind = ?1 "
                    "AND (looked_ms, hash) > (?2, ?3) ORDER BY looked_ms, hash LIMIT ?4",
                    (kind, *after, _PAGE_ROWS),
                )
                yield from rows
                if len(rows) < _PAGE_ROWS:
                    break
                after = (rows[-1][2], rows[-1][0])

    def _is_named(self, hash: bytes) -> bool:
        return self._db.row(f"SELECT 1 FROM ({_NAMED}) LIMIT 1", (hash,)) is not None  # noqa: S608

    def _is_own(self, hash: bytes) -> bool:
        if self._own is None:
            return False
        found = self._db.row(
            f"SELECT 1 FROM ({_NAMED}) AS p JOIN listing AS l ON l.arrival = p.arrival "  # noqa: S608
            "WHERE l.author = ?2 LIMIT 1",
            (hash, self._own),
        )
        return found is not None
