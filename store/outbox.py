"""What one has said and is still owed to others, and how far each has come (SPEC.md R13.10 on).

Knows messages, letters and box keys as bytes; who carries them is mail_book.py's affair.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..protocol import limits
from ..protocol.box_key import USED_SUITE
from .database import Database

_COLUMNS = (
    "rid, id, person, is_receipt, letter, box, written_ms, sealed_ms, ends_ms, delivered_ms, "
    "read_ms, expired_ms, raw"
)


@dataclass(frozen=True, slots=True)
class Owed:
    """One message under way. `letter` is its sealed form's id and `box` the key that it was sealed
    to; b"" while no key is known, and `sealed_ms` 0. Times are Unix ms, None where that has not
    happened."""

    rid: int
    id: bytes
    person: bytes
    is_receipt: bool
    letter: bytes
    box: bytes
    written_ms: int
    sealed_ms: int
    ends_ms: int
    delivered_ms: int | None
    read_ms: int | None
    expired_ms: int | None
    raw: bytes

    @property
    def is_over(self) -> bool:
        return self.delivered_ms is not None or self.expired_ms is not None


class Outbox:
    """Over one store. Whoever changes anything is within a transaction of the store's."""

    def __init__(self, db: Database, require_write: Callable[[], None]) -> None:
        self._db = db
        self._require_write = require_write

    def add(
        self, message_id: bytes, raw: bytes, person: bytes, now_ms: int, *, is_receipt: bool = False
    ) -> None:
        self._require_write()
        self._db.run(
            "INSERT INTO outbox (id, person, is_receipt, letter, box, written_ms, sealed_ms, "
            "ends_ms, raw) VALUES (?,?,?,x'',x'',?,0,?,?)",
            (message_id, person, int(is_receipt), now_ms, now_ms + _LIFETIME_MS, raw),
        )

    def note_sealed(self, message_id: bytes, letter: bytes, box: bytes, now_ms: int) -> None:
        """It is under way as `letter`, sealed to `box`. Its time begins with the first sealing, and
        no later one makes it longer."""
        self._require_write()
        self._db.run(
            "UPDATE outbox SET letter = ?1, box = ?2, ends_ms = CASE sealed_ms WHEN 0 "
            "THEN ?3 + ?4 ELSE ends_ms END, sealed_ms = ?3 WHERE id = ?5",
            (letter, box, now_ms, _LIFETIME_MS, message_id),
        )

    def note_delivered(
        self, person: bytes, ids: Iterable[bytes], now_ms: int, *, is_read: bool
    ) -> list[bytes]:
        """`person` has told that they came (or were read): those of `ids` of which that is new.
        Only what was owed to this very person."""
        self._require_write()
        column = "read_ms" if is_read else "delivered_ms"
        fresh: list[bytes] = []
        for message_id in ids:
            row = self._db.row(
                f"SELECT {column} FROM outbox WHERE id = ? AND person = ? AND is_receipt = 0",  # noqa: S608
                (message_id, person),
            )
            if row is None or row[0] is not None:
                continue
            self._db.run(
                f"UPDATE outbox SET {column} = ?1, delivered_ms = coalesce(delivered_ms, ?1), "  # noqa: S608
                "expired_ms = NULL WHERE id = ?2",
                (now_ms, message_id),
            )
            fresh.append(message_id)
        return fresh

    def note_expired(self, now_ms: int) -> list[Owed]:
        """Those whose time is over with no word of their having come; receipts just go."""
        self._require_write()
        self._db.run("DELETE FROM outbox WHERE is_receipt = 1 AND ends_ms <= ?", (now_ms,))
        over = self._owed(
            "WHERE delivered_ms IS NULL AND expired_ms IS NULL AND ends_ms <= ?", (now_ms,)
        )
        self._db.run_many(
            "UPDATE outbox SET expired_ms = ? WHERE rid = ?", [(now_ms, owed.rid) for owed in over]
        )
        return over

    def renew(self, message_id: bytes, now_ms: int) -> None:
        """To be sealed and sent once more, from now on."""
        self._require_write()
        self._db.run(
            "UPDATE outbox SET letter = x'', box = x'', sealed_ms = 0, expired_ms = NULL, "
            "ends_ms = ? WHERE id = ? AND delivered_ms IS NULL",
            (now_ms + _LIFETIME_MS, message_id),
        )

    def unsealed(self, count_max: int) -> list[Owed]:
        """Those that no letter was made of yet, are not over, and could be sealed: who has no key
        keeps nobody else waiting."""
        return self._owed(
            "WHERE letter = x'' AND delivered_ms IS NULL AND expired_ms IS NULL AND EXISTS "
            "(SELECT 1 FROM box AS b WHERE b.author = outbox.person AND b.suite = ?) "
            "ORDER BY rid LIMIT ?",
            (USED_SUITE, count_max),
        )

    def sealed_to_others(self, before_ms: int) -> list[Owed]:
        """Those under way, sealed before `before_ms`, whose recipient has published another box
        key since. Receipts are not: what is acknowledged to nobody may be lost."""
        return self._owed(
            "WHERE letter <> x'' AND is_receipt = 0 AND delivered_ms IS NULL "
            "AND expired_ms IS NULL AND sealed_ms < ? AND EXISTS "
            "(SELECT 1 FROM box AS b WHERE b.author = outbox.person AND b.public <> outbox.box)",
            (before_ms,),
        )

    def receipt_count(self) -> int:
        """How many of one's own receipts are under way."""
        count: int = self._db.value("SELECT count(*) FROM outbox WHERE is_receipt = 1")
        return count

    def wipe_room(self, room: bytes) -> None:
        """What was said in a room, though it may be under way still: it cannot be called back."""
        self._require_write()
        with self._db.wiping():
            self._db.run(
                "DELETE FROM outbox WHERE id IN (SELECT id FROM message WHERE room = ?)", (room,)
            )

    def entries(self, count_max: int) -> list[Owed]:
        """The latest first, but for receipts."""
        return self._owed("WHERE is_receipt = 0 ORDER BY rid DESC LIMIT ?", (count_max,))

    def everything(self) -> list[Owed]:
        """For a backup, in order of writing, but for receipts."""
        return self._owed("WHERE is_receipt = 0 ORDER BY rid", ())

    def put_back(self, owed: Owed) -> None:
        """As it was; its letter is not."""
        self._require_write()
        self._db.run(
            "INSERT INTO outbox (id, person, is_receipt, letter, box, written_ms, sealed_ms, "
            "ends_ms, delivered_ms, read_ms, expired_ms, raw) "
            "VALUES (?,?,0,x'',x'',?,0,?,?,?,?,?)",
            (
                owed.id,
                owed.person,
                owed.written_ms,
                owed.ends_ms,
                owed.delivered_ms,
                owed.read_ms,
                owed.expired_ms,
                owed.raw,
            ),
        )

    def of(self, ids: Sequence[bytes]) -> dict[bytes, Owed]:
        found: dict[bytes, Owed] = {}
        for message_id in ids:
            for owed in self._owed("WHERE id = ?", (message_id,)):
                found[message_id] = owed
        return found

    def _owed(self, where: str, bindings: Sequence[object]) -> list[Owed]:
        rows = self._db.rows(f"SELECT {_COLUMNS} FROM outbox {where}", tuple(bindings))  # noqa: S608
        return [
            Owed(rid, each, who, bool(is_receipt), *rest)
            for rid, each, who, is_receipt, *rest in rows
        ]


_LIFETIME_MS = limits.LETTER_DAYS * limits.DAY_MS
