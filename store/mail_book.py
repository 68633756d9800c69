"""Sealed letters on their way, carried for everybody: which are here, who brought them, and which
peers hold one's own (SPEC.md R12).

A set bounded in letters and bytes; where it is full, the fullest share of those who bring gives
way, as in share.py. Knows the outside of letters, and nobody they are for.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Final

from ..protocol import limits
from ..protocol.item_set import ItemSet, ListItemSet, item_key, key_id
from ..protocol.letter import Letter, may_live
from .database import Database
from .share import OWN, UNKNOWN, bucket_of, salt_of

_DAY_MS: Final = limits.DAY_MS


class MailAdmission(Enum):
    """What the book did with one letter."""

    NEW = "new"
    KNOWN = "known"
    EXPIRED = "expired"
    """Its last day is over, or farther away than any honest one's."""
    FULL = "full"

    @property
    def is_kept(self) -> bool:
        return self in (MailAdmission.NEW, MailAdmission.KNOWN)


@dataclass(frozen=True, slots=True)
class MailCounts:
    """`own` of the `letters` were written here."""

    letters: int
    bytes: int
    own: int


@dataclass(slots=True)
class _Memory:
    """What is read from the table at the first use: the set, its bytes, and what each share takes
    of the room."""

    items: ListItemSet
    total_bytes: int
    taken: dict[int, int]
    floors: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    """share → the greatest key that went from it to make room, and when (Unix ms)."""


def letter_key(letter: Letter) -> bytes:
    """Its key (40 bytes) in the set: letters that end first come first."""
    return item_key(letter.day * _DAY_MS, letter.id)


class MailBook:
    """`require_write()` raises outside of the store's transactions. `drop` after a roll-back; what
    another process has committed is noticed."""

    def __init__(self, db: Database, require_write: Callable[[], None]) -> None:
        self._db = db
        self._require_write = require_write
        self._memory: _Memory | None = None
        self._data_version = -1
        self.letters_max = limits.MAIL_LETTERS_MAX
        self.bytes_max = limits.MAIL_BYTES_MAX

    def drop(self) -> None:
        self._memory = None

    # -- writes -----------------------------------------------------------------------------

    def put(
        self, letters: Sequence[Letter], now_ms: int, bringer: str | None, *, is_own: bool = False
    ) -> list[MailAdmission]:
        """Takes in what may be; an outcome for each letter, in their order.

        `bringer` names the payer who delivered them (R11.7), None where that is unknown. What this
        node wrote `is_own`, and is not let go before its end.
        """
        self._require_write()
        share = OWN if is_own else self._share_of(bringer)
        admissions = [self._put(letter, now_ms, share) for letter in letters]
        # What went again in the batch in which it came is not here.
        return [
            MailAdmission.FULL if how.is_kept and not self.has(letter_key(letter)) else how
            for letter, how in zip(letters, admissions, strict=True)
        ]

    def note_held(self, ids: Iterable[bytes], peer: str, now_ms: int) -> int:
        """`peer` holds these: remembered of one's own, MAIL_HOLDERS_MAX peers of each. How many
        were not known to be held there."""
        self._require_write()
        count = 0
        for letter_id in ids:
            if self._db.value("SELECT share FROM letter WHERE id = ?", (letter_id,)) != OWN:
                continue
            holders = {
                row[0]
                for row in self._db.rows("SELECT peer FROM letter_held WHERE id = ?", (letter_id,))
            }
            if peer not in holders and len(holders) < limits.MAIL_HOLDERS_MAX:
                self._db.run("INSERT INTO letter_held VALUES (?,?,?)", (letter_id, peer, now_ms))
                count += 1
        return count

    def note_lost(self, ids: Iterable[bytes], peer: str) -> None:
        """`peer` has let these go, or never had them."""
        self._require_write()
        self._db.run_many(
            "DELETE FROM letter_held WHERE id = ? AND peer = ?", [(each, peer) for each in ids]
        )

    def forget_over(self, now_ms: int, count_max: int) -> int:
        """Lets go of up to `count_max` letters whose last day is over: how many."""
        self._require_write()
        items = self._now().items
        today = now_ms // _DAY_MS
        over = items.keys(0, min(count_max, items.find(item_key(today * _DAY_MS, b""))))
        for key in over:
            self._forget(key)
        return len(over)

    def forget_damaged(self, ids: Iterable[bytes]) -> int:
        """Those of `ids` that are here and not the bytes that came: they may come again."""
        self._require_write()
        count = 0
        for letter_id in ids:
            row = self._db.row("SELECT raw, day FROM letter WHERE id = ?", (letter_id,))
            if row is not None and not _is_whole(letter_id, row[0]):
                self._forget(item_key(row[1] * _DAY_MS, letter_id))
                count += 1
        return count

    # -- reads ------------------------------------------------------------------------------

    def items(self) -> ItemSet:
        """The reconciliation set. It changes with what is put and forgotten."""
        return self._now().items

    def has(self, key: bytes) -> bool:
        """Whether the letter with this key (40 bytes) is here."""
        return key in self._now().items

    def known(self, ids: Iterable[bytes]) -> set[bytes]:
        """Those of `ids` that are here."""
        sql = "SELECT 1 FROM letter WHERE id = ?"
        return {letter_id for letter_id in ids if self._db.row(sql, (letter_id,)) is not None}

    def raws(self, ids: Iterable[bytes]) -> list[bytes]:
        """The letters of `ids` in their order; what is not here, or damaged, is left out."""
        found = []
        for letter_id in ids:
            raw = self._db.value("SELECT raw FROM letter WHERE id = ?", (letter_id,))
            if raw is not None and _is_whole(letter_id, raw):
                found.append(raw)
        return found

    def after(self, rid: int, count_max: int) -> list[tuple[int, bytes]]:
        """(rid, raw) of up to `count_max` letters that arrived after `rid`, in that order."""
        return [
            (found, raw)
            for found, raw in self._db.rows(
                "SELECT rid, raw FROM letter WHERE rid > ? ORDER BY rid LIMIT ?", (rid, count_max)
            )
        ]

    def last_rid(self) -> int:
        """The greatest rid ever given; 0 before the first."""
        rid: int | None = self._db.value("SELECT seq FROM sqlite_sequence WHERE name = 'letter'")
        return rid or 0

    def own_ids(self, peer: str, rid_max: int) -> list[bytes]:
        """One's own letters, arrived up to `rid_max`, that `peer` is not known to hold."""
        rows = self._db.rows(
            "SELECT id FROM letter AS l WHERE share = ? AND rid <= ? AND NOT EXISTS "
            "(SELECT 1 FROM letter_held AS h WHERE h.id = l.id AND h.peer = ?)",
            (OWN, rid_max, peer),
        )
        return [row[0] for row in rows]

    def held_by(self, peer: str, ids: Iterable[bytes]) -> list[bytes]:
        """Those of `ids` that `peer` is known to hold."""
        sql = "SELECT 1 FROM letter_held WHERE id = ? AND peer = ?"
        return [each for each in ids if self._db.row(sql, (each, peer)) is not None]

    def held_counts(self, ids: Iterable[bytes]) -> dict[bytes, int]:
        """How many peers are known to hold each of `ids`, which are one's own."""
        sql = "SELECT count(*) FROM letter_held WHERE id = ?"
        return {letter_id: self._db.value(sql, (letter_id,)) for letter_id in ids}

    def counts(self) -> MailCounts:
        row = self._db.row(
            "SELECT count(*), coalesce(sum(size), 0), count(*) FILTER (WHERE share = ?) "
            "FROM letter",
            (OWN,),
        )
        return MailCounts(*(row or (0, 0, 0)))

    # -- private ----------------------------------------------------------------------------

    def _put(self, letter: Letter, now_ms: int, share: int) -> MailAdmission:
        memory, key = self._now(), letter_key(letter)
        if key in memory.items:
            if share == OWN:
                self._make_own(letter)
            return MailAdmission.KNOWN
        if not may_live(letter, now_ms):
            return MailAdmission.EXPIRED
        leavers = self._leavers(memory, key, len(letter.raw), share, now_ms)
        if leavers is None:
            return MailAdmission.FULL
        for leaver_share, leaver in leavers:
            floor = self._floor(memory, leaver_share, now_ms)
            memory.floors[leaver_share] = (max(floor, leaver), now_ms)
            self._forget(leaver)
        self._db.run(
            "INSERT INTO letter (id, day, share, size, raw) VALUES (?,?,?,?,?)",
            (letter.id, letter.day, share, len(letter.raw), letter.raw),
        )
        memory.items.add(key)
        memory.total_bytes += len(letter.raw)
        memory.taken[share] = memory.taken.get(share, 0) + self._weight(len(letter.raw))
        return MailAdmission.NEW

    def _leavers(
        self, memory: _Memory, key: bytes, size: int, share: int, now_ms: int
    ) -> Sequence[tuple[int, bytes]] | None:
        """(share, key) of those that make room for a letter of `share`; None where none may. Each
        time the one that ends first of the share that is fullest, the newcomer counted: it may be
        that one itself (R12.12)."""
        count_over = memory.items.count() + 1 - self.letters_max
        bytes_over = memory.total_bytes + size - self.bytes_max
        if count_over <= 0 and bytes_over <= 0:
            return ()
        if key <= self._floor(memory, share, now_ms):
            return None
        filled = {each: taken for each, taken in memory.taken.items() if each != OWN}
        if share != OWN:
            filled[share] = filled.get(share, 0) + self._weight(size)
        leaving: list[tuple[int, bytes]] = []
        gone: dict[int, int] = {}
        while count_over > 0 or bytes_over > 0:
            # On a tie the newcomer's own, so that nothing moves for nothing; then the greatest.
            fullest = max(filled, key=lambda each: (filled[each], each == share, each), default=OWN)
            row = None if fullest == OWN else self._first(fullest, gone.get(fullest, 0))
            if row is None:
                return None
            first_key, first_size = row
            if fullest == share and key < first_key:
                return None
            leaving.append((fullest, first_key))
            gone[fullest] = gone.get(fullest, 0) + 1
            filled[fullest] -= self._weight(first_size)
            count_over -= 1
            bytes_over -= first_size
        return leaving

    @staticmethod
    def _floor(memory: _Memory, share: int, now_ms: int) -> bytes:
        """What is not greater than this makes nobody go: it, or what was like it, had its turn."""
        floor, since_ms = memory.floors.get(share, (b"", 0))
        return floor if abs(now_ms - since_ms) < limits.MAIL_DECLINED_MS else b""

    def _first(self, share: int, place: int) -> tuple[bytes, int] | None:
        """(key, size) of the `place`th letter of a share, those that end first coming first."""
        row = self._db.row(
            "SELECT day, id, size FROM letter WHERE share = ? ORDER BY day, id LIMIT 1 OFFSET ?",
            (share, place),
        )
        return None if row is None else (item_key(row[0] * _DAY_MS, row[1]), row[2])

    def _forget(self, key: bytes) -> None:
        memory, letter_id = self._now(), key_id(key)
        row = self._db.row("SELECT share, size FROM letter WHERE id = ?", (letter_id,))
        memory.items.discard(key)
        if row is None:
            return
        share, size = row
        memory.total_bytes -= size
        memory.taken[share] -= self._weight(size)
        self._db.run("DELETE FROM letter WHERE id = ?", (letter_id,))
        if share == OWN:
            self._db.run("DELETE FROM letter_held WHERE id = ?", (letter_id,))

    def disown(self, letter_id: bytes) -> None:
        """A letter of one's own that another has taken the place of: carried on as anybody's."""
        self._require_write()
        self._move(letter_id, UNKNOWN)

    def _make_own(self, letter: Letter) -> None:
        """A letter of one's own that others had brought back, as after a restored backup."""
        self._move(letter.id, OWN)

    def _move(self, letter_id: bytes, share: int) -> None:
        row = self._db.row("SELECT share, size FROM letter WHERE id = ?", (letter_id,))
        if row is None or row[0] == share:
            return
        self._db.run("UPDATE letter SET share = ? WHERE id = ?", (share, letter_id))
        taken, weight = self._now().taken, self._weight(row[1])
        taken[row[0]] -= weight
        taken[share] = taken.get(share, 0) + weight

    def _weight(self, size: int) -> int:
        """What a letter takes of the room: a place too, so that many small ones are no fuller of
        letters and yet emptier of bytes than a few great ones."""
        return size + self.bytes_max // self.letters_max

    def _share_of(self, bringer: str | None) -> int:
        salt = None if bringer is None else salt_of(self._db)
        return UNKNOWN if bringer is None or salt is None else bucket_of(salt, bringer)

    def _now(self) -> _Memory:
        version = self._db.data_version()
        if self._memory is None or version != self._data_version:
            rows = self._db.rows("SELECT day, id, share, size FROM letter")
            taken: dict[int, int] = {}
            for _, _, share, size in rows:
                taken[share] = taken.get(share, 0) + self._weight(size)
            self._memory = _Memory(
                ListItemSet(item_key(day * _DAY_MS, letter_id) for day, letter_id, _, _ in rows),
                sum(size for _, _, _, size in rows),
                taken,
            )
            self._data_version = version
        return self._memory


def _is_whole(letter_id: bytes, raw: object) -> bool:
    return type(raw) is bytes and sha256(raw).digest() == letter_id
