"""Which deals there are, and between whom; what became of each its messages say.

Knows rows; the rules are protocol/deal.py's.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..protocol import limits
from ..protocol.message import Message, stored_message
from .database import Database

if TYPE_CHECKING:  # a search is to start at once
    from ..protocol.deal import Parties, Side

_COLUMNS = "id, room, listing, owner, guest, side, title, state, changed_ms, taken"
_ID_HEX = 2 * limits.THREAD_BYTES


@dataclass(frozen=True, slots=True)
class DealRow:
    """`title` is the listing's when the first step was said; `state` came at `changed_ms`. `taken`
    pieces are off one's own listing for it."""

    id: bytes
    room: bytes
    listing: bytes
    owner: bytes
    guest: bytes
    side: "Side"
    title: str
    state: str
    changed_ms: int
    taken: int = 0

    @property
    def parties(self) -> "Parties":
        from ..protocol.deal import Parties

        return Parties(self.owner, self.guest, self.side, self.listing)


class DealBook:
    """Over one store. Whoever changes anything is within a transaction of the store's."""

    def __init__(self, db: Database, require_write: Callable[[], None]) -> None:
        self._db = db
        self._require_write = require_write

    def put(self, row: DealRow) -> None:
        self._require_write()
        self._db.run(
            "INSERT INTO deal VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE "
            "SET state = excluded.state, changed_ms = excluded.changed_ms, taken = excluded.taken",
            (
                row.id,
                row.room,
                row.listing,
                row.owner,
                row.guest,
                row.side,
                row.title,
                row.state,
                row.changed_ms,
                row.taken,
            ),
        )

    def deal(self, deal_id: bytes) -> DealRow | None:
        rows = self._deals("WHERE id = ?", (deal_id,))
        return rows[0] if rows else None

    def of_room(self, room: bytes) -> list[DealRow]:
        """The latest changed first."""
        return self._deals("WHERE room = ? ORDER BY changed_ms DESC, id", (room,))

    def of_listing(self, listing: bytes) -> list[DealRow]:
        return self._deals("WHERE listing = ? ORDER BY changed_ms DESC, id", (listing,))

    def deals(self, states: Collection[str] | None = None) -> list[DealRow]:
        """All, or those in one of these states; the latest changed first."""
        if states is None:
            return self._deals("ORDER BY changed_ms DESC, id", ())
        marks = ",".join("?" * len(states))
        return self._deals(
            f"WHERE state IN ({marks}) ORDER BY changed_ms DESC, id", tuple(map(str, states))
        )

    def orphans(self, own: bytes, count_max: int) -> list[tuple[bytes, bytes]]:
        """(deal, room) of what the guest of a listing that is known here has said, and no deal here
        has: the latest first."""
        return self._db.rows(
            "SELECT m.deal, m.room FROM message AS m JOIN room AS r ON r.id = m.room "
            "LEFT JOIN listing AS l ON l.listing_id = r.listing "
            "LEFT JOIN withdrawal AS w ON w.listing_id = r.listing "
            "LEFT JOIN record AS t ON t.rid = w.rid "
            "WHERE m.deal IS NOT NULL AND m.deal NOT IN (SELECT id FROM deal) "
            "AND coalesce(l.author, t.author) IN (?, r.person) "
            "AND m.author <> coalesce(l.author, t.author) "
            "GROUP BY m.deal, m.room ORDER BY max(m.rid) DESC LIMIT ?",
            (own, count_max),
        )

    def step_ids(self, deal: bytes, room: bytes) -> tuple[bytes, ...]:
        """Of the messages that `steps` has."""
        rows = self._db.rows(
            "SELECT id FROM message WHERE deal = ? AND room = ? ORDER BY rid", (deal, room)
        )
        return tuple(row[0] for row in rows)

    def steps(self, deal: bytes, room: bytes) -> list[Message]:
        """What was said of a deal in its room, in the order in which it came."""
        rows = self._db.rows(
            "SELECT raw FROM message WHERE deal = ? AND room = ? ORDER BY rid", (deal, room)
        )
        return [stored_message(row[0]) for row in rows]

    def has_said(self, deal: bytes, author: bytes, count: int) -> bool:
        """Whether so many messages of `author` name a deal, or more."""
        found: int = self._db.value(
            "SELECT count(*) FROM (SELECT 1 FROM message WHERE deal = ? AND author = ? LIMIT ?)",
            (deal, author, count),
        )
        return found >= count

    def find(self, prefix_hex: str) -> list[DealRow]:
        """Those whose id begins so; at most FIND_IDS_MAX."""
        if len(prefix_hex) > _ID_HEX:
            return []
        low = bytes.fromhex(prefix_hex.ljust(_ID_HEX, "0"))
        high = bytes.fromhex(prefix_hex.ljust(_ID_HEX, "f"))
        return self._deals(
            "WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?", (low, high, limits.FIND_IDS_MAX)
        )

    def _deals(self, where: str, bindings: Sequence[object]) -> list[DealRow]:
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM deal {where}", tuple(bindings))  # noqa: S608
        return [DealRow(*row) for row in rows]
