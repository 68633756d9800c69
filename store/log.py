"""The append-only log of records. The one place that adds to it, and the one that forgets.

Knows the columns of a record; not which records are current or wanted.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from ..protocol.envelope import Envelope, Verified, parse
from ..protocol.errors import RemoteProtocolError
from .database import Bindings, Database

LogRow: TypeAlias = Bindings
"""A row of `record`; made by `log_row`."""

_PAGE_ROWS = 1000


def log_row(rid: int, arrival: int, record: Verified | Envelope, bucket: int) -> LogRow:
    """`bucket` is that of the thread (share.py)."""
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
        bucket,
    )


def append(db: Database, rows: Iterable[LogRow]) -> None:
    """Adds records; apsw.ConstraintError where a rid or an id is there already (a bug of ours)."""
    db.run_many("INSERT INTO record VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", rows)


def forget(db: Database, rids: Sequence[int]) -> list[tuple[bytes, int, int]]:
    """Takes records out of the log: (author, bucket, bytes) of each that was there.

    Callers are those that supersede, expire, withdraw, evict or block; nothing else deletes, and
    the schema's triggers refuse whoever tries another way.
    """
    bound = [(rid,) for rid in rids]
    found = (
        db.row("SELECT author, bucket, length(raw) FROM record WHERE rid = ?", rid) for rid in bound
    )
    forgotten = [(row[0], row[1], row[2]) for row in found if row is not None]
    db.run_many("INSERT INTO forgetting VALUES (?)", bound)
    db.run_many("DELETE FROM record WHERE rid = ?", bound)
    db.run_many("DELETE FROM retired WHERE rid = ?", bound)
    db.run("DELETE FROM forgetting")
    return forgotten


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


def problems(db: Database) -> Iterator[str]:
    """In words, which rows are not what their envelopes say, and what else a log cannot be.
    Signatures are not looked at."""
    rid_last = 0
    while page := db.rows(
        "SELECT * FROM record WHERE rid > ? ORDER BY rid LIMIT ?", (rid_last, _PAGE_ROWS)
    ):
        for row in page:
            rid_last, arrival, raw, bucket = row[0], row[1], row[-2], row[-1]
            try:
                if type(raw) is not bytes:  # the byte that says what a column holds was changed
                    raise RemoteProtocolError("R2.1", "no bytes")
                signed = log_row(rid_last, arrival, parse(raw), bucket)
            except RemoteProtocolError as error:
                yield f"record {rid_last} is damaged: {error}"
            else:
                if row != signed:
                    yield f"record {rid_last} stands in the log as another than was signed"
    if rid_last > (db.value("SELECT rid_last FROM tally") or 0):
        yield f"record {rid_last} came after the last arrival that the store has counted"
    if db.value("SELECT count(*) FROM forgetting"):
        yield "the gate of the log stands open: records may leave it unseen"
    for (arrival,) in db.rows(
        "SELECT arrival FROM record GROUP BY arrival HAVING min(bucket) <> max(bucket) LIMIT 20"
    ):
        yield f"arrival {arrival} counts for more than one share"
    for arrival, threads in db.rows(
        "SELECT arrival, count(DISTINCT author || market || thread) FROM record "
        "GROUP BY arrival HAVING count(DISTINCT author || market || thread) > 1 "
        "OR min(rid) < arrival LIMIT 20"
    ):
        yield f"arrival {arrival} is not the first of one thread: {threads} have it"


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
