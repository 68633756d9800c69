"""The authors whom this node does not want to hear of. Local; nobody else is told."""

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.told import tell
from .database import Database


class Blocklist:
    """Kept in memory once read; `drop` when another process or a roll-back may have changed it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._blocked: frozenset[bytes] | None = None

    def drop(self) -> None:
        self._blocked = None

    def blocked(self) -> frozenset[bytes]:
        if self._blocked is None:
            self._blocked = frozenset(row[0] for row in self._db.rows("SELECT author FROM blocked"))
        return self._blocked

    def block(self, author: bytes) -> None:
        if author in self.blocked():
            return
        if len(self.blocked()) >= limits.BLOCKED_AUTHORS_MAX:
            raise LocalProtocolError(
                tell(
                    "at most {blocked_authors_max} authors are blocked: unblock one first",
                    blocked_authors_max=limits.BLOCKED_AUTHORS_MAX,
                )
            )
        self._db.run("INSERT INTO blocked VALUES (?)", (author,))
        self.drop()

    def unblock(self, author: bytes) -> None:
        self._db.run("DELETE FROM blocked WHERE author = ?", (author,))
        self.drop()
