"""The authors whose records strangers cannot displace. Local; nobody else is told."""

from typing import NamedTuple

from ..protocol import limits
from ..protocol.errors import LocalProtocolError
from ..protocol.told import tell
from .database import Database


class Contact(NamedTuple):
    """A kept author: since when (Unix ms), and what the owner noted about them ("" for nothing)."""

    author: bytes
    since_ms: int
    note: str


class ContactBook:
    """Kept in memory once read; `drop` when another process or a roll-back may have changed it."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._authors: frozenset[bytes] | None = None

    def drop(self) -> None:
        self._authors = None

    def authors(self) -> frozenset[bytes]:
        if self._authors is None:
            rows = self._db.rows("SELECT author FROM kept_author")
            self._authors = frozenset(row[0] for row in rows)
        return self._authors

    def contacts(self) -> list[Contact]:
        """Those kept longest first."""
        rows = self._db.rows(
            "SELECT author, since_ms, note FROM kept_author ORDER BY since_ms, author"
        )
        return [Contact(*row) for row in rows]

    def put(self, contact: Contact) -> None:
        """Adds a contact, or changes the note of one; LocalProtocolError for one too many or a
        note that is too long."""
        if len(contact.note) > limits.CONTACT_NOTE_CHARS_MAX:
            raise LocalProtocolError(
                tell(
                    "a note has at most {contact_note_chars_max} characters",
                    contact_note_chars_max=limits.CONTACT_NOTE_CHARS_MAX,
                ),
                "note",
            )
        is_new = contact.author not in self.authors()
        if is_new and len(self.authors()) >= limits.KEPT_AUTHORS_MAX:
            raise LocalProtocolError(
                tell(
                    "at most {kept_authors_max:,} people are contacts: remove one first",
                    kept_authors_max=limits.KEPT_AUTHORS_MAX,
                )
            )
        self._db.run(
            "INSERT INTO kept_author VALUES (?,?,?) "
            "ON CONFLICT (author) DO UPDATE SET note = excluded.note",
            contact,
        )
        self.drop()

    def remove(self, author: bytes) -> None:
        self._db.run("DELETE FROM kept_author WHERE author = ?", (author,))
        self.drop()
