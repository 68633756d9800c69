"""What one keeps an eye on: favourites, followed sellers, saved searches; and what came of it.

Local; nobody is told. Knows rows; what is worth a word is node/look_out.py's to say.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.told import tell
from .database import Bindings, Database

_DROPPED_META: Final = "notifications_dropped"


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that happened at `at_ms` (Unix ms); `about` is what there is to know of it."""

    rid: int
    at_ms: int
    kind: str
    about: Mapping[str, Any]
    is_seen: bool


class Favourite(NamedTuple):
    """A listing that was marked, when (Unix ms), and what it was called then."""

    listing: bytes
    since_ms: int
    title: str


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """`query` is what a search is asked with, as JSON has it."""

    name: str
    query: Mapping[str, Any]
    since_ms: int


class WishBook:
    """Over one store. Whoever changes anything is within a transaction of the store's."""

    def __init__(self, db: Database, require_write: Callable[[], None]) -> None:
        self._db = db
        self._require_write = require_write

    # -- favourites and followed sellers ------------------------------------------------------

    def favourites(self) -> list[Favourite]:
        """The latest first."""
        rows = self._db.rows(
            "SELECT listing, since_ms, title FROM favourite ORDER BY since_ms DESC, listing"
        )
        return [Favourite(*row) for row in rows]

    def favour(self, favourite: Favourite) -> bool:
        """False where it is one already. LocalProtocolError for one too many."""
        self._require_write()
        return self._add("favourite", "listing", favourite, limits.FAVOURITES_MAX)

    def unfavour(self, listing: bytes) -> bool:
        return self._remove("favourite", "listing", listing)

    def follows(self) -> list[tuple[bytes, int]]:
        """(author, since when in Unix ms), the latest first."""
        rows = self._db.rows("SELECT author, since_ms FROM follow ORDER BY since_ms DESC, author")
        return [(author, since_ms) for author, since_ms in rows]

    def follow(self, author: bytes, now_ms: int) -> bool:
        self._require_write()
        return self._add("follow", "author", (author, now_ms), limits.FOLLOWS_MAX)

    def unfollow(self, author: bytes) -> bool:
        return self._remove("follow", "author", author)

    # -- saved searches -----------------------------------------------------------------------

    def saved(self) -> list[SavedSearch]:
        """By name."""
        rows = self._db.rows("SELECT name, query, since_ms FROM saved_search ORDER BY name")
        return [SavedSearch(name, json.loads(query), since_ms) for name, query, since_ms in rows]

    def save(self, name: str, query: Mapping[str, Any], now_ms: int) -> None:
        """Under a name; one of the same name gives way. LocalProtocolError for one too many."""
        self._require_write()
        count = self._db.value("SELECT count(*) FROM saved_search WHERE name <> ?", (name,))
        if count >= limits.SAVED_SEARCHES_MAX:
            raise LocalProtocolError(
                tell(
                    "at most {saved_searches_max} searches are saved: remove one first",
                    saved_searches_max=limits.SAVED_SEARCHES_MAX,
                )
            )
        self._db.run(
            "INSERT OR REPLACE INTO saved_search VALUES (?,?,?)",
            (name, json.dumps(dict(query), ensure_ascii=False), now_ms),
        )

    def unsave(self, name: str) -> bool:
        return self._remove("saved_search", "name", name)

    # -- what came ----------------------------------------------------------------------------

    def notify(self, kind: str, about: Mapping[str, Any], now_ms: int) -> Notification:
        """Kept until it is seen, and longer while there is room: of NOTIFICATIONS_MAX the seen
        ones go first, then the oldest."""
        self._require_write()
        self._db.run(
            "INSERT INTO notification (at_ms, kind, about, is_seen) VALUES (?,?,?,0)",
            (now_ms, kind, json.dumps(dict(about), ensure_ascii=False)),
        )
        rid: int = self._db.value("SELECT max(rid) FROM notification")
        too_many = self._db.rows(
            "SELECT rid, is_seen FROM notification ORDER BY is_seen, rid DESC LIMIT -1 OFFSET ?",
            (limits.NOTIFICATIONS_MAX,),
        )
        self._db.run_many(
            "DELETE FROM notification WHERE rid = ?", [(gone,) for gone, _ in too_many]
        )
        if unseen := sum(not is_seen for _, is_seen in too_many):
            self._put_dropped(self.dropped_count() + unseen)
        return Notification(rid, now_ms, kind, about, False)

    def notifications(self, *, count_max: int, with_seen: bool) -> list[Notification]:
        """The latest first."""
        rows = self._db.rows(
            "SELECT rid, at_ms, kind, about, is_seen FROM notification WHERE is_seen <= ? "
            "ORDER BY rid DESC LIMIT ?",
            (int(with_seen), count_max),
        )
        return [
            Notification(rid, at_ms, kind, json.loads(about), bool(is_seen))
            for rid, at_ms, kind, about, is_seen in rows
        ]

    def unseen_count(self) -> int:
        count: int = self._db.value("SELECT count(*) FROM notification WHERE is_seen = 0")
        return count

    def dropped_count(self) -> int:
        """How many made room that nobody has seen, since somebody looked last."""
        told: str | None = self._db.value("SELECT value FROM meta WHERE key = ?", (_DROPPED_META,))
        return int(told or 0)

    def _put_dropped(self, count: int) -> None:
        self._db.run("INSERT OR REPLACE INTO meta VALUES (?,?)", (_DROPPED_META, str(count)))

    def see(self, up_to_rid: int) -> int:
        """Those up to `up_to_rid` are seen: how many that is new of."""
        self._require_write()
        count: int = self._db.value(
            "SELECT count(*) FROM notification WHERE is_seen = 0 AND rid <= ?", (up_to_rid,)
        )
        self._db.run("UPDATE notification SET is_seen = 1 WHERE rid <= ?", (up_to_rid,))
        self._put_dropped(0)
        return count

    # -- what is new since (for the look-out) ---------------------------------------------------

    def new_of_followed(self, after_rid: int, up_to_rid: int, count_max: int) -> list[bytes]:
        """Listings of followed sellers that arrived after `after_rid`, the latest first."""
        rows = self._db.rows(
            "SELECT l.listing_id FROM follow AS f CROSS JOIN listing AS l ON l.author = f.author "
            "WHERE l.arrival > ? AND l.arrival <= ? ORDER BY l.arrival DESC LIMIT ?",
            (after_rid, up_to_rid, count_max),
        )
        return [row[0] for row in rows]

    def changed_favourites(self, after_rid: int, up_to_rid: int) -> list[bytes]:
        """Favourites of which a revision came after `after_rid`, withdrawn ones too."""
        rows = self._db.rows(
            "SELECT f.listing FROM favourite AS f WHERE EXISTS (SELECT 1 FROM listing AS l "
            "WHERE l.listing_id = f.listing AND l.rid > ?1 AND l.rid <= ?2) OR EXISTS "
            "(SELECT 1 FROM withdrawal AS w WHERE w.listing_id = f.listing AND w.rid > ?1 "
            "AND w.rid <= ?2) ORDER BY f.listing",
            (after_rid, up_to_rid),
        )
        return [row[0] for row in rows]

    # -- private ------------------------------------------------------------------------------

    def _add(self, table: str, column: str, row: Bindings, count_max: int) -> bool:
        if self._db.value(f"SELECT 1 FROM {table} WHERE {column} = ?", row[:1]):  # noqa: S608
            return False
        if self._db.value(f"SELECT count(*) FROM {table}") >= count_max:  # noqa: S608
            raise LocalProtocolError(
                tell("at most {count_max:,} of these: remove one first", count_max=count_max)
            )
        marks = ",".join("?" * len(row))
        self._db.run(f"INSERT INTO {table} VALUES ({marks})", row)  # noqa: S608
        return True

    def _remove(self, table: str, column: str, value: bytes | str) -> bool:
        self._require_write()
        was_there = self._db.value(f"SELECT 1 FROM {table} WHERE {column} = ?", (value,))  # noqa: S608
        self._db.run(f"DELETE FROM {table} WHERE {column} = ?", (value,))  # noqa: S608
        return bool(was_there)
