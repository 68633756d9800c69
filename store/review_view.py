"""The view of published reviews: by whom they are of and by whom. Their words stay in the log."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from ..protocol import limits
from ..protocol.envelope import Envelope, Header, Verified
from ..protocol.kind import REVIEW
from ..protocol.review import Review
from .database import Bindings, Database
from .row import opened

_SELECT: Final = "SELECT r.id, r.raw FROM review AS v CROSS JOIN record AS r ON r.rid = v.rid "


class ReviewRow(NamedTuple):
    """A review as it stands."""

    header: Header
    review: Review


def is_review(header: Header) -> bool:
    return header.kind == REVIEW


def put(db: Database, entries: Iterable[tuple[int, int, Verified | Envelope]]) -> None:
    """Shows (arrival, rid, record)."""
    rows: list[Bindings] = []
    for arrival, rid, record in entries:
        review = Review.from_body(record.body or {})
        rows.append((arrival, rid, review.subject, review.author, review.proof.id))
    db.run_many("INSERT INTO review VALUES (?,?,?,?,?)", rows)


def drop(db: Database, arrivals: Iterable[int]) -> None:
    """Takes threads out of the view, whether they are in it or not."""
    db.run_many("DELETE FROM review WHERE arrival = ?", [(arrival,) for arrival in arrivals])


def clear(db: Database) -> None:
    db.run("DELETE FROM review")


def of_subject(db: Database, subject: bytes) -> list[ReviewRow]:
    """What was written of somebody, the latest first: at most REVIEWS_SHOWN_MAX."""
    return _rows(db, "WHERE v.subject = ? ORDER BY v.arrival DESC LIMIT ?", subject)


def by_author(db: Database, author: bytes) -> list[ReviewRow]:
    """What somebody wrote, the latest first: at most REVIEWS_SHOWN_MAX."""
    return _rows(db, "WHERE v.author = ? ORDER BY v.arrival DESC LIMIT ?", author)


def arrived(db: Database, subject: bytes, after: int, up_to: int) -> list[ReviewRow]:
    """Those of somebody that arrived after one rid and up to another."""
    where = "WHERE v.subject = ? AND v.arrival > ? AND v.arrival <= ? ORDER BY v.arrival LIMIT ?"
    return _rows(db, where, subject, after, up_to)


def _rows(db: Database, where: str, *bindings: bytes | int) -> list[ReviewRow]:
    found: list[ReviewRow] = []
    for record_id, raw in db.rows(_SELECT + where, (*bindings, limits.REVIEWS_SHOWN_MAX)):
        envelope = opened(raw, record_id)
        found.append(ReviewRow(envelope.header, Review.from_body(envelope.body or {})))
    return found
