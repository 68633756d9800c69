"""Box keys of one's own: their secrets, sealed under the author key, until nobody can need them.

Knows ages and what is sealed; the keys themselves are bytes here.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .database import Database


@dataclass(frozen=True, slots=True)
class OwnBox:
    """`wrapped` is the secret as crypto/seal.py wraps it; `succeeded_ms` is when its successor was
    published (Unix ms), None for the one that is current."""

    public: bytes
    suite: int
    wrapped: bytes
    made_ms: int
    succeeded_ms: int | None


class BoxBook:
    """Over one store. Whoever changes anything is within a transaction of the store's."""

    def __init__(self, db: Database, require_write: Callable[[], None]) -> None:
        self._db = db
        self._require_write = require_write

    def boxes(self) -> list[OwnBox]:
        """All, the newest first."""
        rows = self._db.rows(
            "SELECT public, suite, secret, made_ms, succeeded_ms FROM own_box "
            "ORDER BY made_ms DESC, public"
        )
        return [OwnBox(*row) for row in rows]

    def add(self, box: OwnBox) -> None:
        """`box` is the current one from now on, if it has no successor: what was, is succeeded."""
        self._require_write()
        if box.succeeded_ms is None:
            self._db.run(
                "UPDATE own_box SET succeeded_ms = ? WHERE succeeded_ms IS NULL", (box.made_ms,)
            )
        self._db.run(
            "INSERT OR IGNORE INTO own_box VALUES (?,?,?,?,?)",
            (box.public, box.suite, box.wrapped, box.made_ms, box.succeeded_ms),
        )

    def drop(self, public: bytes) -> None:
        """Its secret is overwritten in the file."""
        self._require_write()
        with self._db.wiping():
            self._db.run("DELETE FROM own_box WHERE public = ?", (public,))
