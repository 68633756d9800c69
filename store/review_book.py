"""Reviews that wait: what one has written and not yet published, and what the other side has
committed to. The published ones are records, read from their view (review_view.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import review_view
from .database import Database
from .review_view import ReviewRow


@dataclass(frozen=True, slots=True)
class KeptReview:
    """`body` is one's own (canonical bytes), None where only the other has written; `theirs` what
    they committed to (32 bytes). At `due_ms` one's own is published whatever they do."""

    deal: bytes
    body: bytes | None
    due_ms: int
    theirs: bytes | None
    published_ms: int | None


class ReviewBook:
    """Over one store. Whoever changes anything is within a transaction of the store's."""

    def __init__(self, db: Database, require_write: Callable[[], None]) -> None:
        self._db = db
        self._require_write = require_write

    def of_deal(self, deal: bytes) -> KeptReview | None:
        rows = self._kept("WHERE deal = ?", (deal,))
        return rows[0] if rows else None

    def put(self, kept: KeptReview) -> None:
        self._require_write()
        self._db.run(
            "INSERT OR REPLACE INTO review_kept VALUES (?,?,?,?,?)",
            (kept.deal, kept.body, kept.due_ms, kept.theirs, kept.published_ms),
        )

    def waiting(self) -> list[KeptReview]:
        """One's own that are not published yet."""
        return self._kept("WHERE body IS NOT NULL AND published_ms IS NULL", ())

    def everything(self) -> list[KeptReview]:
        """For a backup."""
        return self._kept("ORDER BY deal", ())

    def of_subject(self, subject: bytes) -> list[ReviewRow]:
        """What was published of somebody, the latest first: at most REVIEWS_SHOWN_MAX."""
        return review_view.of_subject(self._db, subject)

    def by_author(self, author: bytes) -> list[ReviewRow]:
        """What somebody has published of others, likewise."""
        return review_view.by_author(self._db, author)

    def arrived(self, subject: bytes, after: int, up_to: int) -> list[ReviewRow]:
        """Those of somebody that arrived after one rid and up to another, the oldest first."""
        return review_view.arrived(self._db, subject, after, up_to)

    def _kept(self, where: str, bindings: Sequence[object]) -> list[KeptReview]:
        rows = self._db.rows(
            f"SELECT deal, body, due_ms, theirs, published_ms FROM review_kept {where}",  # noqa: S608
            tuple(bindings),
        )
        return [KeptReview(*row) for row in rows]
