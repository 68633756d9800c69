"""Makes every view anew from the log, and compares what stands with what would be made.

Knows all views by name; what is in them is their own files' affair.
"""

from collections.abc import Callable, Iterator
from itertools import islice, zip_longest
from typing import Any, Final, TypeAlias

from ..protocol.envelope import Envelope
from ..protocol.item_set import item_key
from . import (
    box_view,
    item_set,
    listing_view,
    log,
    photo_view,
    profile_view,
    remark_view,
    review_view,
    share,
    thread_view,
)
from .admission import write_views
from .database import VIEW_VERSION, Database, Row
from .item_set import ItemTable
from .market_book import MarketBook
from .row import opened

Progress: TypeAlias = Callable[[int, int], None]
"""(done, total)"""

_PAGE_ROWS: Final = 1000
_PAGE_ITEMS: Final = 10_000
_PROBLEMS_MAX: Final = 20
_TRUTHS: Final = ("record", "retired", "market", "meta", "kept_author")
_VIEWS: Final = {
    "thread": "SELECT * FROM thread ORDER BY author, market, thread",
    "history": "SELECT * FROM history ORDER BY arrival, rid",
    "item": "SELECT * FROM item ORDER BY market, key",
    "listing": "SELECT * FROM listing ORDER BY arrival",
    "withdrawal": "SELECT * FROM withdrawal ORDER BY arrival",
    "photo": "SELECT * FROM photo ORDER BY arrival, position",
    "remark": "SELECT * FROM remark ORDER BY arrival",
    "review": "SELECT * FROM review ORDER BY arrival",
    "profile": "SELECT * FROM profile ORDER BY author",
    "box": "SELECT * FROM box ORDER BY author",
    "words": "SELECT term, doc, col, offset FROM temp.word ORDER BY term, doc, col, offset",
    "share": "SELECT share, bytes FROM share WHERE bytes <> 0 ORDER BY share",
    "tally": "SELECT record_count, record_bytes FROM tally",
}
_TRIGGERS: Final = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name"


def rebuild(db: Database, items: ItemTable, tell: Progress = lambda done, total: None) -> None:
    """Within a transaction: empties every view and makes it from the log, and tells how many
    threads of how many are shown again."""
    tell(0, db.value("SELECT record_count FROM tally"))
    thread_view.clear(db)
    items.clear_all()
    listing_view.clear(db)
    photo_view.clear(db)
    remark_view.clear(db)
    review_view.clear(db)
    profile_view.clear(db)
    box_view.clear(db)
    joined = MarketBook(db).joined()
    # Of each thread the record of the greatest rank is current; an item, if it is not over.
    db.run(
        "INSERT INTO thread SELECT author, market, thread, rid, arrival, is_delete, revision, id, "
        "ts_ms, CASE WHEN rid IN (SELECT rid FROM retired) THEN NULL ELSE expires_ms END "
        "FROM (SELECT author, market, thread, rid, arrival, is_delete, revision, id, ts_ms, "
        "expires_ms, row_number() OVER (PARTITION BY author, market, thread "
        "ORDER BY is_delete DESC, revision DESC, id DESC) AS place FROM record) WHERE place = 1"
    )
    for (market,) in db.rows("SELECT DISTINCT market FROM thread"):
        if market not in joined:
            db.run("UPDATE thread SET expires_ms = NULL WHERE market = ?", (market,))
    db.run(
        "INSERT INTO history SELECT arrival, rid FROM record "
        "WHERE rid NOT IN (SELECT rid FROM thread)"
    )
    _rebuild_items(db, items)
    _rebuild_shown(db, tell)
    share.count(db)
    db.run(
        "UPDATE tally SET record_count = (SELECT count(*) FROM record), "
        "record_bytes = (SELECT coalesce(sum(length(raw)), 0) FROM record), "
        "view_version = ?, text_rid_last = rid_last",
        (VIEW_VERSION,),
    )


def problems(db: Database) -> list[str]:
    """In words, how the file and its views differ from what the log says; none is well.

    Makes everything anew in a temporary database: takes the room and the time of a `rebuild`.
    """
    found = [
        f"the file is damaged: {line}"
        for (line,) in db.rows("PRAGMA integrity_check(20)")
        if line != "ok"
    ]
    if not found:
        found = list(islice(log.problems(db), _PROBLEMS_MAX))
    if found:
        return found
    other = Database.temporary()
    try:
        other.begin_write(durable=False)
        for table in _TRUTHS:
            other.run(f"DELETE FROM {table}")  # noqa: S608 — our own names
            _copy(db, other, table)
        rid_last = db.value("SELECT rid_last FROM tally")
        other.run("INSERT INTO tally VALUES (1, ?, 0, 0, 0, 0)", (rid_last,))
        rebuild(other, ItemTable(other))
        text_rid_last = db.value("SELECT text_rid_last FROM tally")
        listing_view.drop_words(other, listing_view.wordless(db, text_rid_last))
        other.commit()
        if db.rows(_TRIGGERS) != other.rows(_TRIGGERS):
            found.append("the log is not held append-only: its triggers are not as they were made")
        for each in (db, other):
            each.run("CREATE VIRTUAL TABLE temp.word USING fts5vocab(main, words, instance)")
        for view, sql in _VIEWS.items():
            found += _differences(view, db.each(sql), other.each(sql))
        db.run("DROP TABLE temp.word")
    finally:
        other.close()
    found += item_set.check(db)
    return found


def _rebuild_items(db: Database, items: ItemTable) -> None:
    for (market,) in db.rows("SELECT DISTINCT market FROM thread WHERE expires_ms IS NOT NULL"):
        held = db.each(
            "SELECT ts_ms, id, rid FROM thread WHERE market = ? AND expires_ms IS NOT NULL "
            "ORDER BY ts_ms, id",
            (market,),
        )
        while page := [
            (item_key(ts_ms, record_id), rid) for ts_ms, record_id, rid in islice(held, _PAGE_ITEMS)
        ]:
            items.apply(market, page, ())


def _rebuild_shown(db: Database, tell: Progress) -> None:
    arrival = done = 0
    total = db.value("SELECT count(*) FROM thread")
    while True:
        page = db.rows(
            "SELECT r.arrival, r.rid, r.raw FROM record AS r WHERE r.rid IN "
            "(SELECT rid FROM thread WHERE arrival > ? ORDER BY arrival LIMIT ?) "
            "ORDER BY r.arrival",
            (arrival, _PAGE_ROWS),
        )
        entries: list[tuple[int, int, Envelope]] = [
            (arrival, rid, opened(raw)) for arrival, rid, raw in page
        ]
        write_views(db, entries, set(), set())
        done += len(page)
        tell(done, total)
        if len(page) < _PAGE_ROWS:
            return
        arrival = page[-1][0]


def _copy(source: Database, target: Database, table: str) -> None:
    columns = len(source.rows(f"SELECT * FROM pragma_table_info('{table}')"))  # noqa: S608
    marks = ", ".join("?" * columns)
    rows: Iterator[Row] = source.each(f"SELECT * FROM {table}")  # noqa: S608
    target.run_many(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608


def _differences(view: str, stands: Iterator[Row], made: Iterator[Row]) -> list[str]:
    found: list[str] = []
    for at, (row, expected) in enumerate(zip_longest(stands, made), 1):
        if row == expected:
            continue
        if row is None or expected is None:
            told = "has too few rows" if row is None else "has rows too many"
            found.append(f"{view}: {told}, from the {at}th on: run `jangteo reindex`")
            break
        found.append(
            f"{view}: {_shown(row)} stands where the log says {_shown(expected)}: "
            "run `jangteo reindex`"
        )
        if len(found) >= _PROBLEMS_MAX:
            found.append(f"{view}: and more")
            break
    return found


def _shown(row: Row) -> str:
    return f"({', '.join(_shown_value(value) for value in row)})"


def _shown_value(value: Any) -> str:
    return value.hex()[:12] if isinstance(value, bytes) else repr(value)[:40]
