"""How records leave: over, blocked, of a market that was left, crowded out, or for want of room
(SPEC.md R10).

Takes them out of the log, the items and every view in the caller's transaction. Who must go is for
others to say, but for what is over.
"""

from collections.abc import Sequence
from typing import Final

from . import (
    box_view,
    listing_view,
    log,
    profile_view,
    remark_view,
    review_view,
    thread_view,
)
from .database import Database
from .item_set import ItemTable
from .market_book import MarketBook
from .share import ShareBook
from .thread_view import Census, Thread

_RETIRED_MS: Final = "retired_ms"
"""In `meta`: the clock by which own records were last found to be over."""


class Departures:
    def __init__(
        self,
        db: Database,
        items: ItemTable,
        census: Census,
        shares: ShareBook,
        own_author: bytes | None,
    ) -> None:
        self._db = db
        self._items = items
        self._census = census
        self._shares = shares
        self._own_author = own_author

    def forget_expired(self, now_ms: int, count_max: int) -> int:
        """Lets up to `count_max` threads go whose life is over; own ones stay in the log, and come
        back if it was not, since the clock was ahead."""
        self._take_back(now_ms)
        expired = thread_view.expired(self._db, now_ms, count_max)
        own: list[Thread] = []
        others: list[Thread] = []
        for key, held in expired:
            stays = key[1] == self._own_author and not held.is_delete
            (own if stays else others).append((key, held))
        if own:
            self._retire(own)
            self.note_retired(now_ms)
        self.remove(others)
        return len(expired)

    def forget_author(self, author: bytes) -> int:
        threads = thread_view.of_author(self._db, author)
        self.remove(threads)
        return len(threads)

    def leave_market(self, market: str) -> int:
        """Forgets what others have there; own records stay in the log and are no items."""
        threads = thread_view.of_market(self._db, market)
        others = [thread for thread in threads if thread[0][1] != self._own_author]
        own = [thread for thread in threads if thread[0][1] == self._own_author]
        self.remove(others)
        thread_view.put(self._db, [(key, held._replace(expires_ms=None)) for key, held in own])
        self._items.clear(market)
        self._census.drop()
        return len(others)

    def enter_market(self, market: str) -> None:
        """Own records of a market that was left become items again, unless they are over."""
        back: list[Thread] = []
        for key, held in thread_view.of_market(self._db, market):
            expires_ms = self._db.value(
                "SELECT expires_ms FROM record WHERE rid = ?1 "
                "AND NOT EXISTS (SELECT 1 FROM retired WHERE rid = ?1)",
                (held.rid,),
            )
            if expires_ms is not None:
                back.append((key, held._replace(expires_ms=expires_ms)))
        thread_view.put(self._db, back)
        self._items.apply(market, [(held.key, held.rid) for _, held in back], ())
        self._census.drop()

    def note_retired(self, now_ms: int) -> None:
        """Own records were found to be over by this clock: by an earlier one they may not be."""
        self._db.run(
            "INSERT INTO meta VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2 "
            "WHERE CAST(value AS INTEGER) < ?2",
            (_RETIRED_MS, str(now_ms)),
        )

    def _take_back(self, now_ms: int) -> None:
        """Own records that were over by a later clock than this one are items again, the greatest
        first, as far as there is a place for them."""
        retired_ms = self._db.value("SELECT value FROM meta WHERE key = ?", (_RETIRED_MS,))
        if retired_ms is None or int(retired_ms) <= now_ms:
            return
        joined = MarketBook(self._db).joined()
        for rid, author, market, thread, expires_ms in self._db.rows(
            "SELECT r.rid, r.author, r.market, r.thread, r.expires_ms FROM retired AS t "
            "JOIN record AS r ON r.rid = t.rid WHERE r.expires_ms > ? AND r.expires_ms <= ? "
            "ORDER BY r.revision DESC, r.id DESC",
            (now_ms, int(retired_ms)),
        ):
            key = (market, author, thread)
            held = thread_view.current(self._db, key)
            if held is None or held.rid != rid:
                continue
            if market in joined:
                crowd = self._census.crowd(author, market)
                if crowd.is_full:
                    continue
                crowd.count += 1
                thread_view.put(self._db, [(key, held._replace(expires_ms=expires_ms))])
                self._items.apply(market, [(held.key, rid)], ())
            self._db.run("DELETE FROM retired WHERE rid = ?", (rid,))
        self._census.drop()
        self._db.run("INSERT OR REPLACE INTO meta VALUES (?,?)", (_RETIRED_MS, str(now_ms)))

    def _retire(self, threads: Sequence[Thread]) -> None:
        for key, held in threads:
            self._items.apply(key[0], (), [held.key])
        thread_view.put(self._db, [(key, held._replace(expires_ms=None)) for key, held in threads])
        self._db.run_many(
            "INSERT OR IGNORE INTO retired VALUES (?)", [(held.rid,) for _, held in threads]
        )
        self._census.drop()

    def remove(self, threads: Sequence[Thread], *, is_crowd_known: bool = False) -> None:
        """Takes whole threads out of the log, the items and every view."""
        if not threads:
            return
        db = self._db
        rids: list[int] = []
        keys: dict[str, list[bytes]] = {}
        for (market, _, _), held in threads:
            rids += (held.rid, *thread_view.history(db, held.arrival))
            if held.expires_ms is not None:
                keys.setdefault(market, []).append(held.key)
        thread_view.drop(db, [key for key, _ in threads])
        db.run_many(
            "DELETE FROM history WHERE arrival = ?", [(held.arrival,) for _, held in threads]
        )
        for market, removed in keys.items():
            self._items.apply(market, (), removed)
        arrivals = [held.arrival for _, held in threads]
        listing_view.drop(db, arrivals)
        remark_view.drop(db, arrivals)
        review_view.drop(db, arrivals)
        people = [(key[1], held.arrival) for key, held in threads]
        profile_view.drop(db, people)
        box_view.drop(db, people)
        self.forget(rids)
        if not is_crowd_known:
            self._census.drop()

    def forget(self, rids: Sequence[int]) -> None:
        """Takes records out of the log, of the tally and of the shares."""
        if not rids:
            return
        forgotten = log.forget(self._db, rids)
        self._shares.note_forgotten(forgotten)
        self._db.run(
            "UPDATE tally SET record_count = record_count - ?, record_bytes = record_bytes - ?",
            (len(forgotten), sum(size for _, _, size in forgotten)),
        )
