"""Whose bytes fill the store: one's own, those of kept authors, and the shares of strangers.

A stranger's thread belongs to the share of whoever brought it. The many who may bring are hashed,
with a salt of this store's, into STORE_SHARES shares, so that the books stay small and a crowd of
keys behind one payer has one share: stochastic fairness queueing (P. E. McKenney, "Stochastic
Fairness Queueing", IEEE INFOCOM 1990). Which share gives way is room.py's to say.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Final, TypeAlias

from ..protocol import limits
from ..protocol.envelope import ThreadKey
from .contacts import ContactBook
from .database import Database
from .market_book import MarketBook

UNKNOWN: Final = -1
"""The share of what nobody knows who brought: from a file, or before there were shares."""
KEPT: Final = -2
OWN: Final = -3

_OWN_META: Final = "share_own"
_SALT_META: Final = "share_salt"
_PAGE_ENTRIES: Final = 256
_ENTRIES_MAX: Final = 65_536

Entry: TypeAlias = tuple[bytes, ThreadKey]
"""(key as an item, thread)"""
Pending: TypeAlias = Callable[[], Mapping[ThreadKey, bytes]]
"""Tells the keys of a share's threads that are not written yet."""


def bucket_of(salt: bytes, payer: str) -> int:
    """0 to STORE_SHARES - 1."""
    digest = sha256(salt + payer.encode()).digest()
    return int.from_bytes(digest[:8], "big") % limits.STORE_SHARES


def salt_of(db: Database) -> bytes | None:
    """The store's salt; None before a node has run on it."""
    told: str | None = db.value("SELECT value FROM meta WHERE key = ?", (_SALT_META,))
    return None if told is None else bytes.fromhex(told)


class ShareBook:
    """The bytes of each share, in the log. Changed in the transaction that changes the log."""

    def __init__(self, db: Database, contacts: ContactBook, own_author: bytes | None) -> None:
        self._db = db
        self._contacts = contacts
        self._own_author = own_author
        self._salt: bytes | None = None

    def drop(self) -> None:
        self._salt = None

    def bucket(self, bringer: str | None) -> int:
        """Of threads that `bringer` is the first to deliver; UNKNOWN without one."""
        if bringer is None:
            return UNKNOWN
        if self._salt is None:
            self._salt = salt_of(self._db)
        if self._salt is None:
            return UNKNOWN
        return bucket_of(self._salt, bringer)

    def salt(self, salt: bytes) -> None:
        """Gives a store that has none its salt; shares of threads that are here never change."""
        self._db.run("INSERT OR IGNORE INTO meta VALUES (?,?)", (_SALT_META, salt.hex()))
        self.drop()

    def share_of(self, author: bytes, bucket: int) -> int:
        """Which share pays for a record of `author` in a thread of `bucket`."""
        if author == self._own_author:
            return OWN
        return KEPT if author in self._contacts.authors() else bucket

    def bytes_by_share(self) -> dict[int, int]:
        return dict(self._db.rows("SELECT share, bytes FROM share WHERE bytes <> 0"))

    def add(self, changes: Mapping[int, int]) -> None:
        """share → bytes more (or fewer, below 0)."""
        self._db.run_many(
            "INSERT INTO share VALUES (?,?) "
            "ON CONFLICT (share) DO UPDATE SET bytes = bytes + excluded.bytes",
            [change for change in changes.items() if change[1]],
        )

    def note_forgotten(self, forgotten: Iterable[tuple[bytes, int, int]]) -> None:
        """Records that left the log, as (author, bucket, bytes)."""
        changes: dict[int, int] = {}
        for author, bucket, size in forgotten:
            share = self.share_of(author, bucket)
            changes[share] = changes.get(share, 0) - size
        self.add(changes)

    def count(self) -> None:
        own = (self._own_author or b"").hex()
        self._db.run("INSERT OR REPLACE INTO meta VALUES (?,?)", (_OWN_META, own))
        count(self._db)

    def move(self, author: bytes, *, is_kept: bool) -> None:
        """An author's bytes, to the share of the kept or back to where they came from."""
        if author == self._own_author:
            return
        changes: dict[int, int] = {}
        for bucket, size in author_bytes(self._db, author).items():
            changes[bucket] = -size if is_kept else size
            changes[KEPT] = changes.get(KEPT, 0) - changes[bucket]
        self.add(changes)


def is_counted(db: Database, own_author: bytes | None) -> bool:
    """Whether the bytes were counted for this own author. A store of an older schema, or from
    before it had an author, has to `ShareBook.count` once."""
    told: str | None = db.value("SELECT value FROM meta WHERE key = ?", (_OWN_META,))
    return told == (own_author or b"").hex()


def count(db: Database) -> None:
    """Makes the view anew from the log, for the own author of the last `ShareBook.count`."""
    own = db.value("SELECT value FROM meta WHERE key = ?", (_OWN_META,))
    db.run("DELETE FROM share")
    db.run(
        # Sizes first: whoever groups whole records keeps them all in memory.
        "WITH sized AS MATERIALIZED (SELECT CASE WHEN author = ?1 THEN ?2 "
        "WHEN author IN (SELECT author FROM kept_author) THEN ?3 ELSE bucket END AS payer, "
        "length(raw) AS bytes FROM record) "
        "INSERT INTO share SELECT payer, sum(bytes) FROM sized GROUP BY payer",
        (bytes.fromhex(own or ""), OWN, KEPT),
    )


def author_bytes(db: Database, author: bytes) -> dict[int, int]:
    """bucket → bytes in the log of an author's threads."""
    return dict(
        db.rows(
            "SELECT bucket, sum(length(raw)) FROM record WHERE rid IN ("
            "SELECT rid FROM thread WHERE author = ?1 UNION ALL SELECT h.rid FROM thread AS t "
            "CROSS JOIN history AS h ON h.arrival = t.arrival WHERE t.author = ?1) "
            "GROUP BY bucket",
            (author,),
        )
    )


class Queue:
    """A share's threads, the oldest (by their item's key) first, read from the store a few at a
    time. Entries that are not current any more stand until somebody meets them."""

    __slots__ = ("entries", "is_whole", "read_to")

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.read_to = b""
        """Whatever is current and not after this key is among the entries."""
        self.is_whole = False


class Queues:
    """The queues of shares, read when a full store first asks and forgotten when in doubt."""

    def __init__(
        self, db: Database, markets: MarketBook, contacts: ContactBook, own_author: bytes | None
    ) -> None:
        self._db = db
        self._markets = markets
        self._contacts = contacts
        self._own_author = own_author
        self._queues: dict[int, Queue] = {}

    def drop(self) -> None:
        self._queues.clear()

    def trim(self) -> None:
        """Bounds the memory; between batches only. A queue that is forgotten is read again from
        the beginning, and that may take seconds: so only the longest go."""
        count = sum(len(queue.entries) for queue in self._queues.values())
        while count > _ENTRIES_MAX:
            longest = max(self._queues, key=lambda share: len(self._queues[share].entries))
            count -= len(self._queues.pop(longest).entries)

    def note(self, share: int, key: bytes, thread_key: ThreadKey) -> None:
        """A thread of `share` has this key now."""
        queue = self._queues.get(share)
        if queue is None or not (queue.is_whole or key <= queue.read_to):
            return
        entry = (key, thread_key)
        place = bisect_left(queue.entries, entry)
        # One that went and has come back may not have been met since.
        if queue.entries[place : place + 1] != [entry]:
            queue.entries.insert(place, entry)

    def entry(self, share: int, place: int, pending: Pending) -> Entry | None:
        """The `place`th in order, from 0; None beyond the last."""
        queue = self._queues.setdefault(share, Queue())
        while place >= len(queue.entries) and not queue.is_whole:
            self._read_on(queue, share, pending)
        return queue.entries[place] if place < len(queue.entries) else None

    def discard(self, share: int, place: int) -> None:
        """That entry is not current any more."""
        del self._queues[share].entries[place]

    def _read_on(self, queue: Queue, share: int, pending: Pending) -> None:
        began = queue.read_to
        pages = [self._page(market, share, began) for market in self._markets.joined()]
        full = [page[-1][0] for page in pages if len(page) == _PAGE_ENTRIES]
        found = [entry for page in pages for entry in page]
        if full:
            queue.read_to = min(full)
        else:
            queue.is_whole = True
        found += [(key, thread_key) for thread_key, key in pending().items() if key > began]
        if not queue.is_whole:
            found = [entry for entry in found if entry[0] <= queue.read_to]
        queue.entries += sorted(set(found))

    def _page(self, market: str, share: int, after: bytes) -> list[Entry]:
        """In the order of keys, which a market's items have: no index of its own is needed."""
        kept = self._contacts.authors()
        found: list[Entry] = []
        rows = self._db.each(
            "SELECT i.key, r.author, r.thread FROM item AS i CROSS JOIN record AS r "
            "ON r.rid = i.rid WHERE i.market = ? AND i.key > ? AND r.bucket = ? ORDER BY i.key",
            (market, after, share),
        )
        for key, author, thread in rows:
            if author == self._own_author or author in kept:
                continue
            found.append((key, (market, author, thread)))
            if len(found) == _PAGE_ENTRIES:
                rows.close()
                break
        return found


def thread_bytes(db: Database, rid: int, arrival: int) -> int:
    """What a stored thread takes in the log, with its history."""
    size: int = db.value(
        "SELECT coalesce(sum(length(raw)), 0) FROM record WHERE rid = ?1 OR rid IN "
        "(SELECT rid FROM history WHERE arrival = ?2)",
        (rid, arrival),
    )
    return size
