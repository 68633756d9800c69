"""The append-only log of records. The one place that adds to it, and the one that forgets.

Knows the columns of a record; not which records are current or wanted.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from ..protocol.envelope import Verified
from .database import Bindings, Database

LogRow: TypeAlias = Bindings
"""A row of `record`; made by `log_row`."""

_PAGE_ROWS = 1000


def log_row(rid: int, arrival: int, record: Verified) -> LogRow:
    header = record.header
    return (
        rid,
        arrival,
        record.id,
        header.kind,
        header.author,
        header.market,
        header.thread,
        header.revision,
        int(header.is_delete),
        header.ts_ms,
        header.expires_ms,
        record.raw,
    )


def append(db: Database, rows: Iterable[LogRow]) -> None:
    """Adds records; apsw.ConstraintError where a rid or an id is there already (a bug of ours)."""
    db.run_many("INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", rows)


def forget(db: Database, rids: Sequence[int]) -> tuple[int, int]:
    """Takes records out of the log: how many, and their bytes.

    Callers are those that supersede, expire, withdraw, evict or block; nothing else deletes, and
    the schema's triggers refuse whoever tries another way.
    """
    bound = [(rid,) for rid in rids]
    count = size = 0
    for rid in bound:
        length = db.value("SELECT length(raw) FROM record WHERE rid = ?", rid)
        if length is not None:
            count, size = count + 1, size + length
    db.run_many("INSERT INTO forgetting VALUES (?)", bound)
    db.run_many("DELETE FROM record WHERE rid = ?", bound)
    db.run_many("DELETE FROM retired WHERE rid = ?", bound)
    db.run("DELETE FROM forgetting")
    return count, size


def has(db: Database, record_id: bytes) -> bool:
    return db.row("SELECT 1 FROM record WHERE id = ?", (record_id,)) is not None


def raws(db: Database, ids: Iterable[bytes]) -> list[bytes]:
    """The envelopes of `ids`, in their order; what is not here is left out."""
    found = (db.row("SELECT raw FROM record WHERE id = ?", (record_id,)) for record_id in ids)
    return [row[0] for row in found if row is not None]


def raw_of(db: Database, rid: int) -> bytes:
    """The envelope of a record that is in the log."""
    raw: bytes = db.value("SELECT raw FROM record WHERE rid = ?", (rid,))
    return raw


def each_raw(db: Database) -> Iterator[tuple[int, bytes]]:
    """All records in order of arrival. By pages, so that a slow reader holds nothing up."""
    rid = 0
    while True:
        page = db.rows(
            "SELECT rid, raw FROM record WHERE rid > ? ORDER BY rid LIMIT ?", (rid, _PAGE_ROWS)
        )
        yield from page
        if len(page) < _PAGE_ROWS:
            return
        rid = page[-1][0]
