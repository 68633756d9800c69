"""The view of listings: their columns to filter and sort by, and their words for full text.

One row a thread, by its arrival, so that an edit stays where it was. Knows how a listing is
indexed; what a query asks is search.py's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..protocol import limits
from ..protocol.envelope import Envelope, Header, Verified, Words, listing_id
from ..protocol.kind import LISTING
from ..protocol.listing import Listing
from ..protocol.money import Price
from ..protocol.photo import Photo
from . import photo_view
from .database import Bindings, Database, Row
from .errors import CorruptStore
from .row import ListingRow, ends_ms, opened
from .segment import index_text

GIFT_GROUP: Final = ""
ASK_GROUP: Final = "~"
"""Sort before and after every currency."""

_FACET: Final = "\ue000"
"""Begins every facet and no word of a text: who looks for an "m" is not shown every market."""
_STEP_BITS: Final = 4
_PAGE_ROWS: Final = 500
COLUMNS: Final = "l.arrival, l.listing_id, r.id, r.raw, p.name"
JOINED: Final = (
    "CROSS JOIN record AS r ON r.rid = l.rid LEFT JOIN profile AS p ON p.author = l.author"
)
_WORDLESS: Final = (
    "FROM record AS r CROSS JOIN listing AS l ON l.arrival = r.rid AND l.rid = r.rid "
    "WHERE r.rid > ? AND r.rid <= ? AND NOT EXISTS (SELECT 1 FROM words_docsize WHERE id = r.rid)"
)
"""Threads with one record, which is a listing: what is edited gets its words at once."""
_SELECT: Final = f"SELECT {COLUMNS} FROM listing AS l {JOINED}"  # noqa: S608 — constants

Texted = tuple[Header, Listing]
"""What the words of a listing are made from."""


@dataclass(frozen=True, slots=True)
class PriceBucket:
    """Prices that share a facet: of one group, from `low` to `high`."""

    facet: str
    group: str
    low: int
    high: int


def put(
    db: Database,
    entries: Iterable[tuple[int, int, Verified | Envelope]],
    known: set[int],
    later: set[int],
) -> None:
    """Makes (arrival, rid, record) the shown revisions; `known` are arrivals that may be there.
    Of the `later` ones `index_texts` adds the words."""
    listings: list[Bindings] = []
    texts: list[Bindings] = []
    texts_again: list[Bindings] = []
    photos: list[tuple[int, tuple[Photo, ...]]] = []
    for arrival, rid, record in entries:
        header = record.header
        listing = _listing_of(record)
        listings.append(_row(arrival, rid, header, listing))
        if listing.photos:
            photos.append((arrival, listing.photos))
        if arrival not in later:
            words = record.words or words_of(header, listing)
            (texts_again if arrival in known else texts).append((arrival, *words))
    again = [(text[0],) for text in texts_again]
    if again:
        db.run_many("DELETE FROM listing WHERE arrival = ?", again)
        db.run_many("DELETE FROM words WHERE rowid = ?", again)
        # A thread may have been something else before; then there was nothing to take out.
    db.run_many("INSERT INTO listing VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", listings)
    if photos or again:
        photo_view.put(db, photos, again)
    _put_words(db, texts + texts_again)


def index_texts(
    db: Database, after_rid: int, count_max: int, remembered: Mapping[int, Texted]
) -> int | None:
    """Adds the words of what came after `after_rid` and has none: the last rid it looked at, None
    where there were fewer than `count_max` records to look at. What is `remembered` by its rid is
    not read again."""
    seen, last = db.rows(
        "SELECT count(*), max(rid) FROM "
        "(SELECT rid FROM record WHERE rid > ? ORDER BY rid LIMIT ?)",
        (after_rid, count_max),
    )[0]
    texts: list[Bindings] = []
    for (rid,) in db.rows(f"SELECT r.rid {_WORDLESS} ORDER BY r.rid", (after_rid, last)):
        try:
            texted = remembered.get(rid) or _texted(db, rid)
        except CorruptStore:
            continue  # it must not keep the words of all others out: `verify` tells of it
        texts.append((rid, *words_of(*texted)))
    _put_words(db, texts)
    return int(last) if seen == count_max else None


def _texted(db: Database, rid: int) -> Texted:
    raw, record_id = db.rows("SELECT raw, id FROM record WHERE rid = ?", (rid,))[0]
    envelope = opened(raw, record_id)
    return envelope.header, _listing_of(envelope)


def wordless(db: Database, after_rid: int) -> list[int]:
    """The arrivals that `index_texts` would give words."""
    rows = db.rows(f"SELECT r.rid {_WORDLESS}", (after_rid, limits.INTEGER_MAX))
    return [row[0] for row in rows]


def drop_words(db: Database, arrivals: Iterable[int]) -> None:
    db.run_many("DELETE FROM words WHERE rowid = ?", [(arrival,) for arrival in arrivals])


def _put_words(db: Database, texts: Sequence[Bindings]) -> None:
    db.run_many(
        "INSERT INTO words (rowid, title, body, category, place, facet) VALUES (?,?,?,?,?,?)", texts
    )


def _listing_of(record: Verified | Envelope) -> Listing:
    return record.listing or Listing.from_body(record.body or {}, record.header.ts_ms)


def drop(db: Database, arrivals: Iterable[int]) -> None:
    """Takes threads out of the view, whether they are in it or not."""
    bound = [(arrival,) for arrival in arrivals]
    db.run_many("DELETE FROM listing WHERE arrival = ?", bound)
    db.run_many("DELETE FROM words WHERE rowid = ?", bound)
    photo_view.drop(db, bound)
    db.run_many("DELETE FROM withdrawal WHERE arrival = ?", bound)


def put_withdrawals(db: Database, entries: Iterable[tuple[int, int, Header]]) -> None:
    """Remembers (arrival, rid, header) of deleted listings by their public ids."""
    db.run_many(
        "INSERT INTO withdrawal VALUES (?,?,?)",
        [(arrival, rid, listing_id(header.thread_key)) for arrival, rid, header in entries],
    )


def clear(db: Database) -> None:
    db.run("DELETE FROM listing")
    db.run("DELETE FROM withdrawal")
    db.run("INSERT INTO words (words) VALUES ('delete-all')")


def is_listing(header: Header) -> bool:
    return header.kind == LISTING


def row_from(columns: Row, cursor: str = "") -> ListingRow:
    """From COLUMNS; CorruptStore if the record is damaged."""
    arrival, public_id, record_id, raw, seller_name = columns
    envelope = opened(raw, record_id)
    return ListingRow(
        public_id,
        record_id,
        envelope.header,
        Listing.from_body(envelope.body or {}, envelope.header.ts_ms),
        seller_name or "",
        arrival,
        cursor,
    )


def by_id(db: Database, public_id: bytes) -> ListingRow | None:
    columns = db.row(f"{_SELECT} WHERE l.listing_id = ?", (public_id,))
    return None if columns is None else row_from(columns)


def by_ref(db: Database, author: bytes, market: str, ref: bytes) -> ListingRow | None:
    """The first that came, if several have one ref."""
    columns = db.row(
        f"{_SELECT} WHERE l.ref = ? AND l.author = ? AND l.market = ? ORDER BY l.arrival LIMIT 1",
        (ref, author, market),
    )
    return None if columns is None else row_from(columns)


def arrival_of(db: Database, public_id: bytes) -> int | None:
    """The thread's arrival of a listing, withdrawn or not."""
    arrival: int | None = db.value(
        "SELECT arrival FROM listing WHERE listing_id = ? "
        "UNION ALL SELECT arrival FROM withdrawal WHERE listing_id = ?",
        (public_id, public_id),
    )
    return arrival


def raws(db: Database, arrival: int) -> list[bytes]:
    """The envelopes of a listing's history and of its current record, oldest first."""
    rows = db.rows(
        "SELECT r.raw FROM record AS r WHERE r.rid IN ("
        "SELECT rid FROM history WHERE arrival = ?1 UNION ALL "
        "SELECT rid FROM listing WHERE arrival = ?1 UNION ALL "
        "SELECT rid FROM withdrawal WHERE arrival = ?1) ORDER BY r.rid",
        (arrival,),
    )
    return [row[0] for row in rows]


def withdrawal_rid(db: Database, public_id: bytes) -> int | None:
    rid: int | None = db.value("SELECT rid FROM withdrawal WHERE listing_id = ?", (public_id,))
    return rid


def find(db: Database, prefix_hex: str) -> list[bytes]:
    """Public ids, withdrawn ones too, that begin with `prefix_hex`; at most FIND_IDS_MAX."""
    digits = 2 * limits.ID_BYTES
    if len(prefix_hex) > digits or any(char not in "0123456789abcdef" for char in prefix_hex):
        return []
    low = bytes.fromhex(prefix_hex.ljust(digits, "0"))
    high = bytes.fromhex(prefix_hex.ljust(digits, "f"))
    rows = db.rows(
        "SELECT listing_id FROM listing WHERE listing_id BETWEEN ?1 AND ?2 "
        "UNION ALL SELECT listing_id FROM withdrawal WHERE listing_id BETWEEN ?1 AND ?2 "
        "ORDER BY listing_id LIMIT ?3",
        (low, high, limits.FIND_IDS_MAX),
    )
    return [row[0] for row in rows]


def each_current(db: Database, now_ms: int) -> Iterator[ListingRow]:
    """All that has not ended, oldest arrival first."""

    def page(arrival: int) -> list[Row]:
        return db.rows(
            f"{_SELECT} WHERE l.arrival > ? AND l.ends_ms > ? ORDER BY l.arrival LIMIT ?",
            (arrival, now_ms, _PAGE_ROWS),
        )

    return _paged(page)


def each_of_author(db: Database, author: bytes) -> Iterator[ListingRow]:
    """All of one author's that are not withdrawn, ended ones too, oldest arrival first."""

    def page(arrival: int) -> list[Row]:
        return db.rows(
            f"{_SELECT} WHERE l.author = ? AND l.arrival > ? ORDER BY l.arrival LIMIT ?",
            (author, arrival, _PAGE_ROWS),
        )

    return _paged(page)


def _paged(page: Callable[[int], list[Row]]) -> Iterator[ListingRow]:
    """By pages, so that the reader may write between two rows."""
    arrival = 0
    while True:
        rows = page(arrival)
        for columns in rows:
            yield row_from(columns)
        if len(rows) < _PAGE_ROWS:
            return
        arrival = rows[-1][0]


def price_group(price: Price | None) -> tuple[str, int]:
    """(group, amount): where a price stands when sorted by price."""
    if price is None:
        return ASK_GROUP, 0
    return (GIFT_GROUP, 0) if price.is_gift else (price.currency, price.amount)


def price_buckets(group: str, amount: int) -> list["PriceBucket"]:
    """Those that a price is in, each within the one before: its group, amounts with as many binary
    digits, and of those with more than four what has the first four in common."""
    if group in (GIFT_GROUP, ASK_GROUP):
        return [PriceBucket(currency_facet(group), group, 0, 0)]
    bits = amount.bit_length()
    low = 1 << bits - 1
    buckets = [
        PriceBucket(currency_facet(group), group, 0, limits.INTEGER_MAX),
        PriceBucket(price_facet(group, amount), group, low, 2 * low - 1),
    ]
    if bits > _STEP_BITS:
        rest = bits - _STEP_BITS
        step = amount >> rest
        facet = f"{_FACET}q{group}{bits}x{step}"
        buckets.append(PriceBucket(facet, group, step << rest, (step + 1 << rest) - 1))
    return buckets


def price_facet(currency: str, amount: int) -> str:
    """The word of a price's bucket: amounts with as many binary digits share one."""
    return f"{_FACET}p{currency}{amount.bit_length()}"


def currency_facet(group: str) -> str:
    return f"{_FACET}u{group_word(group)}"


def group_word(group: str) -> str:
    return {GIFT_GROUP: "free", ASK_GROUP: "ask"}.get(group, group)


def market_facet(market: str) -> str:
    return f"{_FACET}m{market.encode().hex()}"


def author_facet(author: bytes) -> str:
    return author_facet_prefix(author.hex())


def author_facet_prefix(author_hex: str) -> str:
    return f"{_FACET}a{author_hex}"


def side_facet(side: str) -> str:
    return f"{_FACET}s{side}"


def condition_facet(condition: str) -> str:
    return f"{_FACET}c{condition.replace('-', '')}"


def status_facet(status: str) -> str:
    """Of "reserved" and "sold" only: most are neither."""
    return f"{_FACET}t{status}"


def _row(arrival: int, rid: int, header: Header, listing: Listing) -> Bindings:
    group, amount = price_group(listing.price)
    return (
        arrival,
        rid,
        listing_id(header.thread_key),
        header.author,
        header.market,
        listing.status,
        group,
        amount,
        ends_ms(listing, header),
        listing.ref,
        listing.category,
        listing.condition,
        listing.place,
    )


def words_of(header: Header, listing: Listing) -> Words:
    """What the full text keeps of a listing."""
    group, amount = price_group(listing.price)
    facets = [
        market_facet(header.market),
        author_facet(header.author),
        side_facet(listing.side),
        *(bucket.facet for bucket in price_buckets(group, amount)),
    ]
    if listing.condition:
        facets.append(condition_facet(listing.condition))
    if listing.status != "active":
        facets.append(status_facet(listing.status))
    body = "\n".join((listing.description, *listing.tags)) if listing.tags else listing.description
    return (
        index_text(listing.title),
        index_text(body),
        index_text(listing.category),
        index_text(listing.place),
        " ".join(facets),
    )
