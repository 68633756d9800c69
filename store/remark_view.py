"""The view of questions about listings and of answers to them, by the listing. The words are read
from the log.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ..protocol import limits
from ..protocol.envelope import Envelope, Header, Verified, listing_id
from ..protocol.kind import ANSWER, QUESTION
from ..protocol.remark import Remark
from .database import Bindings, Database, Row
from .row import opened

_SELECT: Final = (
    "SELECT v.arrival, v.public_id, r.id, r.raw, p.name FROM remark AS v "
    "CROSS JOIN record AS r ON r.rid = v.rid LEFT JOIN profile AS p ON p.author = v.author"
)


@dataclass(frozen=True, slots=True)
class RemarkRow:
    """A question's or an answer's current revision; `author_name` is "" without a profile."""

    public_id: bytes
    header: Header
    remark: Remark
    author_name: str
    arrival: int


def is_remark(header: Header) -> bool:
    return header.kind in (QUESTION, ANSWER)


def put(db: Database, entries: Iterable[tuple[int, int, Verified | Envelope]]) -> None:
    """Shows (arrival, rid, record)."""
    rows: list[Bindings] = []
    for arrival, rid, record in entries:
        header, remark = record.header, _remark_of(record)
        public_id = listing_id(header.thread_key)
        rows.append((arrival, rid, public_id, remark.listing, remark.question, header.author))
    db.run_many("INSERT INTO remark VALUES (?,?,?,?,?,?)", rows)


def drop(db: Database, arrivals: Iterable[int]) -> None:
    """Takes threads out of the view, whether they are in it or not."""
    db.run_many("DELETE FROM remark WHERE arrival = ?", [(arrival,) for arrival in arrivals])


def clear(db: Database) -> None:
    db.run("DELETE FROM remark")


class RemarkView:
    """What is read of it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of_listing(self, listing: bytes) -> list[RemarkRow]:
        """What was asked and answered about a listing, the oldest first: of more than
        REMARKS_SHOWN_MAX the newest."""
        rows = self._db.rows(
            f"{_SELECT} WHERE v.listing = ? ORDER BY v.arrival DESC LIMIT ?",
            (listing, limits.REMARKS_SHOWN_MAX),
        )
        return [_row_from(row) for row in reversed(rows)]

    def asked(self, own: bytes, after: int, up_to: int, count_max: int) -> list[RemarkRow]:
        """Questions of others about listings of one's own that arrived after one rid and up to
        another, the oldest first."""
        rows = self._db.rows(
            f"{_SELECT} CROSS JOIN listing AS l ON l.listing_id = v.listing WHERE v.arrival > ?2 "
            "AND v.arrival <= ?3 AND v.question = x'' AND l.author = ?1 AND v.author <> ?1 "
            "AND l.market = r.market ORDER BY v.arrival LIMIT ?4",
            (own, after, up_to, count_max),
        )
        return [_row_from(row) for row in rows]

    def answered(self, own: bytes, after: int, up_to: int, count_max: int) -> list[RemarkRow]:
        """Answers of others to questions of one's own, likewise."""
        rows = self._db.rows(
            f"{_SELECT} WHERE v.arrival > ?2 AND v.arrival <= ?3 AND v.question <> x'' "  # noqa: S608
            "AND v.author <> ?1 AND EXISTS (SELECT 1 FROM remark AS q WHERE q.listing = v.listing "
            "AND q.public_id = v.question AND q.author = ?1) ORDER BY v.arrival LIMIT ?4",
            (own, after, up_to, count_max),
        )
        return [_row_from(row) for row in rows]

    def find(self, prefix_hex: str) -> list[RemarkRow]:
        """Those whose id begins so; at most FIND_IDS_MAX. Slow: reads the view through."""
        digits = 2 * limits.ID_BYTES
        low, high = prefix_hex.ljust(digits, "0"), prefix_hex.ljust(digits, "f")
        rows = self._db.rows(
            f"{_SELECT} WHERE v.public_id BETWEEN ? AND ? LIMIT ?",
            (bytes.fromhex(low), bytes.fromhex(high), limits.FIND_IDS_MAX),
        )
        return [_row_from(row) for row in rows]


def _remark_of(record: Verified | Envelope) -> Remark:
    return Remark.from_body(record.body or {}, is_answer=record.header.kind == ANSWER)


def _row_from(columns: Row) -> RemarkRow:
    arrival, public_id, record_id, raw, name = columns
    envelope = opened(raw, record_id)
    return RemarkRow(public_id, envelope.header, _remark_of(envelope), name or "", arrival)
