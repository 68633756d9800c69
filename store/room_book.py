"""Rooms and what was said in them (SPEC.md R13). Private: nothing here is ever a record.

Knows messages as their authors signed them; nothing of seals, of delivery or of deals' rules.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..protocol import limits
from ..protocol.message import DEAL, Message, stored_message
from .database import Database
from .segment import fold_name

_ID_HEX = 64


@dataclass(frozen=True, slots=True)
class Room:
    """A talk with `person` about a listing, or (b"") about anything. `last_rid` is its latest
    message's, 0 where it has none; `unread` counts the other's messages that were not seen."""

    id: bytes
    person: bytes
    listing: bytes
    is_muted: bool
    read_rid: int
    last_rid: int
    unread: int


@dataclass(frozen=True, slots=True)
class Said:
    """A message in a room; `shown_ms` is when it was written, or when it came if that lies in the
    future."""

    rid: int
    shown_ms: int
    message: Message


class RoomBook:
    """Over one store. Whoever changes anything is within a transaction of the store's."""

    def __init__(self, db: Database, require_write: Callable[[], None], own: bytes | None) -> None:
        self._db = db
        self._require_write = require_write
        self._own = own or b""

    # -- what is said -----------------------------------------------------------------------

    def add(self, message: Message, now_ms: int) -> bool:
        """Keeps what was said; False where it is known, was deleted here, or its room is full."""
        self._require_write()
        db = self._db
        if self.knows(message.id):
            return False
        room = message.room
        is_own = message.author == self._own
        person = message.person if is_own else message.author
        if not is_own and not self._has_place(room, person):
            return False
        db.run(
            "INSERT INTO room VALUES (?,?,?,0,0,?) "
            "ON CONFLICT (id) DO UPDATE SET is_answered = max(is_answered, excluded.is_answered)",
            (room, person, message.about, int(is_own)),
        )
        text = message.body.get("text") or message.body.get("note") or ""
        deal = message.body.get("deal") if message.kind == DEAL else None
        db.run(
            "INSERT INTO message (id, room, author, deal, shown_ms, folded, raw) "
            "VALUES (?,?,?,?,?,?,?)",
            (
                message.id,
                room,
                message.author,
                deal if type(deal) is bytes else None,
                min(message.ts_ms, now_ms),
                fold_name(text) if type(text) is str else "",
                message.raw,
            ),
        )
        return True

    def knows(self, message_id: bytes) -> bool:
        """Whether it is here, or was deleted here."""
        db = self._db
        return bool(
            db.value("SELECT 1 FROM message WHERE id = ?", (message_id,))
            or db.value("SELECT 1 FROM message_gone WHERE id = ?", (message_id,))
        )

    def message(self, message_id: bytes) -> Said | None:
        rows = self._said("WHERE id = ?", (message_id,))
        return rows[0] if rows else None

    def messages(self, room: bytes, *, before_rid: int | None, count_max: int) -> list[Said]:
        """A page of a room, oldest first: those that came last, or last before `before_rid`. When
        they were written and when they came are two orders; a page is cut by the second."""
        found = self._said(
            "WHERE room = ? AND rid < ? ORDER BY rid DESC LIMIT ?",
            (room, limits.INTEGER_MAX if before_rid is None else before_rid, count_max),
        )
        return sorted(found, key=lambda said: (said.shown_ms, said.rid))

    def has_before(self, room: bytes, rid: int) -> bool:
        return bool(
            self._db.value("SELECT 1 FROM message WHERE room = ? AND rid < ? LIMIT 1", (room, rid))
        )

    def of_deal(self, deal: bytes) -> list[Said]:
        """A deal's steps in the order in which they came."""
        return self._said("WHERE deal = ? ORDER BY rid", (deal,))

    def find_said(self, folded: str, count_max: int) -> list[Said]:
        """Messages with `folded` (by `fold_name`) in them, the latest first."""
        return self._said(
            "WHERE instr(folded, ?) > 0 ORDER BY rid DESC LIMIT ?", (folded, count_max)
        )

    def last_own_ms(self, room: bytes) -> int:
        """When one's own latest message here was written; 0 if there is none."""
        told: int | None = self._db.value(
            "SELECT max(shown_ms) FROM message WHERE room = ? AND author = ?", (room, self._own)
        )
        return told or 0

    # -- rooms ------------------------------------------------------------------------------

    def room(self, room_id: bytes) -> Room | None:
        rows = self._rooms("WHERE r.id = ?", (room_id,))
        return rows[0] if rows else None

    def rooms(self) -> list[Room]:
        """All, the one with the latest message first."""
        return self._rooms("", ())

    def rooms_about(self, listing: bytes) -> list[Room]:
        return self._rooms("WHERE r.listing = ?", (listing,))

    def find(self, prefix_hex: str) -> list[bytes]:
        """Ids of rooms that begin so; at most FIND_IDS_MAX."""
        low = bytes.fromhex(prefix_hex.ljust(_ID_HEX, "0"))
        high = bytes.fromhex(prefix_hex.ljust(_ID_HEX, "f"))
        rows = self._db.rows(
            "SELECT id FROM room WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
            (low, high, limits.FIND_IDS_MAX),
        )
        return [row[0] for row in rows]

    def unread(self) -> int:
        """Messages that were not seen, but for those in muted rooms."""
        return sum(room.unread for room in self.rooms() if not room.is_muted)

    def note_read(self, room: bytes, rid: int) -> list[bytes]:
        """The room is seen up to `rid`: the ids of the other's messages that were not, before."""
        self._require_write()
        before: int | None = self._db.value("SELECT read_rid FROM room WHERE id = ?", (room,))
        if before is None or rid <= before:
            return []
        rows = self._db.rows(
            "SELECT id FROM message WHERE room = ? AND rid > ? AND rid <= ? AND author <> ?",
            (room, before, rid, self._own),
        )
        self._db.run("UPDATE room SET read_rid = ? WHERE id = ?", (rid, room))
        return [row[0] for row in rows]

    def mute(self, room: bytes, *, is_muted: bool) -> None:
        self._require_write()
        self._db.run("UPDATE room SET is_muted = ? WHERE id = ?", (int(is_muted), room))

    def forget(self, room: bytes, gone_until_ms: int) -> int:
        """Deletes what was said in a room, here: how many messages. Until then the same ones are
        not taken in again; the steps of deals go too."""
        self._require_write()
        ids = self._db.rows("SELECT id FROM message WHERE room = ?", (room,))
        with self._db.wiping():
            self._db.run_many(
                "INSERT OR REPLACE INTO message_gone VALUES (?,?)",
                [(row[0], gone_until_ms) for row in ids],
            )
            self._db.run("DELETE FROM message WHERE room = ?", (room,))
            self._db.run("DELETE FROM deal WHERE room = ?", (room,))
            self._db.run("DELETE FROM room WHERE id = ?", (room,))
        return len(ids)

    def forget_gone(self, now_ms: int) -> None:
        self._require_write()
        self._db.run("DELETE FROM message_gone WHERE until_ms <= ?", (now_ms,))

    def everything(self) -> list[Said]:
        """For a backup, in order of arrival."""
        return self._said("ORDER BY rid", ())

    # -- private ----------------------------------------------------------------------------

    def _has_place(self, room: bytes, person: bytes) -> bool:
        """Whether one message more of `person` may be taken: nobody fills the disk by talking."""
        db = self._db
        if not self._is_answered(person):
            unanswered: int = db.value(
                "SELECT count(*) FROM message WHERE room IN (SELECT id FROM room WHERE person = ?)",
                (person,),
            )
            if unanswered >= limits.UNANSWERED_MESSAGES_MAX:
                return False
        if db.value("SELECT 1 FROM room WHERE id = ?", (room,)):
            said: int = db.value("SELECT count(*) FROM message WHERE room = ?", (room,))
            return said < limits.ROOM_MESSAGES_MAX
        theirs: int = db.value("SELECT count(*) FROM room WHERE person = ?", (person,))
        total: int = db.value("SELECT count(*) FROM room")
        if theirs >= limits.ROOMS_PER_PERSON_MAX:
            return False
        return total < limits.ROOMS_MAX or self._make_room()

    def _is_answered(self, person: bytes) -> bool:
        return bool(
            self._db.value(
                "SELECT 1 FROM room WHERE person = ? AND is_answered = 1 LIMIT 1", (person,)
            )
        )

    def _make_room(self) -> bool:
        """Lets a room go in which one has never said a word, the one that was silent longest: of
        strangers no number keeps the next one out."""
        room = self._db.value(
            "SELECT id FROM room AS r WHERE is_answered = 0 "
            "ORDER BY (SELECT max(rid) FROM message WHERE room = r.id) LIMIT 1"
        )
        if room is None:
            return False
        for table in ("message", "deal"):
            self._db.run(f"DELETE FROM {table} WHERE room = ?", (room,))  # noqa: S608
        self._db.run("DELETE FROM room WHERE id = ?", (room,))
        return True

    def _said(self, where: str, bindings: Sequence[object]) -> list[Said]:
        rows = self._db.rows(
            f"SELECT rid, shown_ms, raw FROM message {where}",  # noqa: S608 — our own words
            tuple(bindings),
        )
        return [Said(rid, shown_ms, stored_message(raw)) for rid, shown_ms, raw in rows]

    def _rooms(self, where: str, bindings: Iterable[object]) -> list[Room]:
        rows = self._db.rows(
            "SELECT r.id, r.person, r.listing, r.is_muted, r.read_rid, "  # noqa: S608
            "coalesce((SELECT max(rid) FROM message WHERE room = r.id), 0) AS last_rid, "
            "(SELECT count(*) FROM message AS m WHERE m.room = r.id AND m.rid > r.read_rid "
            f"AND m.author <> ?) FROM room AS r {where} ORDER BY last_rid DESC",
            (self._own, *bindings),
        )
        return [
            Room(room, person, listing, bool(is_muted), read_rid, last_rid, unread)
            for room, person, listing, is_muted, read_rid, last_rid, unread in rows
        ]
