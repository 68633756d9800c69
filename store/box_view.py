"""The view of box keys: what is sealed for each author, and since when."""

from collections.abc import Iterable

from ..protocol.box_key import BoxKey
from ..protocol.envelope import Envelope, Header, Verified
from ..protocol.kind import BOX
from .database import Bindings, Database


def is_box(header: Header) -> bool:
    return header.kind == BOX


def put(db: Database, entries: Iterable[tuple[int, Verified | Envelope]]) -> None:
    """Makes (arrival, record) the authors' box keys."""
    rows: list[Bindings] = []
    for arrival, record in entries:
        box = BoxKey.from_body(record.body or {})
        rows.append((record.header.author, arrival, box.suite, box.public, record.header.ts_ms))
    db.run_many("INSERT OR REPLACE INTO box VALUES (?,?,?,?,?)", rows)


def drop(db: Database, arrivals: Iterable[tuple[bytes, int]]) -> None:
    """Takes out the box keys of (author, arrival), where that is what is shown."""
    db.run_many("DELETE FROM box WHERE author = ? AND arrival = ?", arrivals)


def clear(db: Database) -> None:
    db.run("DELETE FROM box")


def of_author(db: Database, author: bytes) -> tuple[BoxKey, int] | None:
    """An author's current box key, and when it was published (Unix ms)."""
    row = db.row("SELECT public, suite, ts_ms FROM box WHERE author = ?", (author,))
    return None if row is None else (BoxKey(row[0], row[1]), row[2])
