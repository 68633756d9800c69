"""Search over the store's listings, offline (SPEC.md R10.20 on): a query into SQL, a page back.

Words and facets go to the full-text index, which gives arrivals in order; price, status and seller
are checked on each row. CROSS JOIN keeps the planner from driving by another index.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..protocol import limits
from . import listing_view, profile_view
from .database import Database, Row
from .listing_view import COLUMNS, GIFT_GROUP, JOINED, PriceBucket
from .query import Cursor, Facets, Page, Query
from .segment import Word, fold_name, query_words

_TEXT_COLUMNS: Final = "{title body category place}"
_HIT: Final = "l.arrival, l.rid, l.listing_id, l.author, l.price_group, l.amount"
_WORDS: Final = "FROM words CROSS JOIN listing AS l ON l.arrival = words.rowid WHERE words MATCH ?"
_LISTING: Final = "FROM listing AS l WHERE true"
_BY_WORDS: Final = f"SELECT {_HIT} {_WORDS}"
_BY_LISTING: Final = f"SELECT {_HIT} {_LISTING}"
_NEWEST: Final = "l.arrival DESC"
_CHEAPEST: Final = "l.price_group, l.amount, l.arrival DESC"


@dataclass(slots=True)
class _Plan:
    """`text`, `facets` and `price` are FTS5's expressions, all to hold, and `title` is the text's
    within the title; `conditions` are SQL with their bindings."""

    text: str = ""
    title: str = ""
    facets: list[str] = field(default_factory=list)
    price: str = ""
    conditions: list[str] = field(default_factory=list)
    bindings: list[Any] = field(default_factory=list)

    @property
    def has_words(self) -> bool:
        """Whether the full text tells more than the price."""
        return bool(self.text or self.facets)

    @property
    def match(self) -> str:
        return _all([self.text, *self.facets, self.price])

    @property
    def match_in_title(self) -> str:
        return _all([self.title, *self.facets, self.price])

    def require(self, sql: str, *bindings: Any) -> None:
        self.conditions.append(sql)
        self.bindings += bindings


def search(db: Database, query: Query, now_ms: int) -> Page:
    """One page. LocalProtocolError for a cursor that is none; no text is ever an error."""
    plan = _plan(db, query, now_ms)
    if plan is None:
        return Page([], False)
    order = query.order
    if query.after:
        cursor = Cursor.from_text(query.after, order)
        is_first = False
    else:
        bound = db.value("SELECT coalesce(max(arrival), 0) FROM listing")
        cursor = Cursor(order, bound, bound + 1)
        is_first = True
    count = query.limit + 1
    found: list[tuple[Row, Cursor]]
    match order:
        case "newest":
            found = _newest(db, plan, cursor, count)
        case "relevance":
            found = _by_relevance(db, plan, cursor, count)
        case "price":
            found = _by_price(db, plan, cursor, count, is_first)
    rows = [listing_view.row_from(row[:5], at.to_text()) for row, at in found[: query.limit]]
    return Page(rows, len(found) > query.limit)


def facets(db: Database, query: Query, now_ms: int) -> Facets:
    """Of all pages together. Looks at no more than SEARCH_FACET_HITS_MAX hits, the newest."""
    plan = _plan(db, query, now_ms)
    if plan is None:
        return Facets()
    source = _WORDS if plan.match else _LISTING
    order = "words.rowid DESC" if plan.match else _NEWEST
    conditions = " AND ".join(plan.conditions)
    rows = db.rows(
        "SELECT l.category, l.condition, l.place, l.price_group, "
        f"{conditions} {source} ORDER BY {order} LIMIT ?",
        (*plan.bindings, *filter(None, [plan.match]), limits.SEARCH_FACET_HITS_MAX + 1),
    )
    hits = [row[:4] for row in rows[: limits.SEARCH_FACET_HITS_MAX] if row[4]]
    category, condition, place = (
        _commonest(Counter(row[column] for row in hits if row[column])) for column in range(3)
    )
    currency = _commonest(Counter(listing_view.group_word(row[3]) for row in hits))
    is_exact = len(rows) <= limits.SEARCH_FACET_HITS_MAX
    return Facets(len(hits), is_exact, category, condition, place, currency)


def _commonest(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(ordered[: limits.SEARCH_FACET_VALUES_MAX])


def _plan(db: Database, query: Query, now_ms: int) -> _Plan | None:
    """None where nothing can be found."""
    plan = _Plan()
    for columns, text, last_is_prefix in (
        (_TEXT_COLUMNS, query.text, True),
        ("category", query.category, False),
        ("place", query.place, False),
    ):
        words = query_words(text, last_is_prefix=last_is_prefix)
        if words:
            if columns is _TEXT_COLUMNS:
                plan.text = _all_words(columns, words)
                plan.title = _all_words("title", words)
            else:
                plan.facets.append(_all_words(columns, words))
        elif text.strip():
            return None
    facets: list[str] = []
    if query.market:
        facets.append(listing_view.market_facet(query.market))
    if query.side:
        facets.append(listing_view.side_facet(query.side))
    if query.condition:
        facets.append(listing_view.condition_facet(query.condition))
    plan.facets += (_any_facet([facet]) for facet in facets)
    if query.seller.strip() and not _require_seller(db, plan, query.seller):
        return None
    _require_status(plan, query.status, now_ms)
    if query.currency and not _require_price(db, plan, query):
        return None
    return plan


def _all(expressions: list[str]) -> str:
    return " AND ".join(filter(None, expressions))


def _are_few(db: Database, match: str) -> bool:
    """Whether the hits are soon looked at row by row."""
    count: int = db.value(
        "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)",
        (match, limits.SEARCH_FEW_HITS_MAX + 1),
    )
    return count <= limits.SEARCH_FEW_HITS_MAX


def _all_words(columns: str, words: list[Word]) -> str:
    return f"{columns} : ({' AND '.join(word.phrase for word in words)})"


def _any_facet(facets: list[str], prefix: str = "") -> str:
    """Any of `facets`, or one that begins with `prefix`."""
    alternatives = [f'"{facet}"' for facet in facets] + ([f'"{prefix}"*'] if prefix else [])
    return f"facet : ({' OR '.join(alternatives)})"


def _require_price(db: Database, plan: _Plan, query: Query) -> bool:
    """A gift costs 0 in every currency. False for a range with nothing in it."""
    low = query.min_price or 0
    high = limits.INTEGER_MAX if query.max_price is None else query.max_price
    if low > high:
        return False
    # A gift's amount is 0 and no other is: it is within whenever 0 is.
    plan.require("l.price_group IN ('', ?) AND l.amount BETWEEN ? AND ?", query.currency, low, high)
    if plan.has_words and _are_few(db, plan.match):
        return True
    facets = [listing_view.currency_facet(GIFT_GROUP)] if low == 0 else []
    if (query.min_price, query.max_price) == (None, None):
        facets.append(listing_view.currency_facet(query.currency))
    else:
        facets += (
            listing_view.price_facet(query.currency, 1 << bits >> 1)
            for bits in range(low.bit_length(), high.bit_length() + 1)
        )
    plan.price = _any_facet(facets)
    return True


def _require_seller(db: Database, plan: _Plan, seller: str) -> bool:
    """By the index where few are meant, else row by row; False where nobody is."""
    folded = fold_name(seller)
    bounds = profile_view.author_bounds(folded)
    named = profile_view.authors_with_name(db, folded, limits.SEARCH_SELLERS_MAX + 1)
    if len(named) <= limits.SEARCH_SELLERS_MAX:
        facets = [listing_view.author_facet(author) for author in named]
        prefix = listing_view.author_facet_prefix(folded) if bounds is not None else ""
        if not facets and not prefix:
            return False
        plan.facets.append(_any_facet(facets, prefix))
        return True
    low, high = bounds or (b"\xff", b"")
    plan.require(
        "(l.author BETWEEN ? AND ? "
        "OR l.author IN (SELECT author FROM profile WHERE instr(folded, ?) > 0))",
        low,
        high,
        folded,
    )
    return True


def _require_status(plan: _Plan, statuses: frozenset[str], now_ms: int) -> None:
    """As row.status_at: what is sold stays sold, the rest expires."""
    alternatives: list[str] = []
    bindings: list[Any] = []
    live = sorted(statuses & {"active", "reserved"})
    if live:
        marks = ", ".join("?" for _ in live)
        alternatives.append(f"l.status IN ({marks}) AND l.ends_ms > ?")
        bindings += (*live, now_ms)
    if "sold" in statuses:
        alternatives.append("l.status = 'sold'")
    if "expired" in statuses:
        alternatives.append("l.status <> 'sold' AND l.ends_ms <= ?")
        bindings.append(now_ms)
    plan.require(f"({' OR '.join(alternatives) or 'false'})", *bindings)
    if statuses and statuses <= {"reserved", "sold"}:
        plan.facets.append(_any_facet([listing_view.status_facet(each) for each in statuses]))


def _newest(db: Database, plan: _Plan, cursor: Cursor, count: int) -> list[tuple[Row, Cursor]]:
    rows = _arrivals(db, plan, plan.match, cursor, count)
    return [(row, replace(cursor, arrival=row[0])) for row in rows]


def _by_relevance(
    db: Database, plan: _Plan, cursor: Cursor, count: int
) -> list[tuple[Row, Cursor]]:
    """Those with every word in the title, newest first; then the others."""
    found: list[tuple[Row, Cursor]] = []
    for tier, match in (
        (0, plan.match_in_title),
        (1, f"({plan.match}) NOT {plan.title}"),
    ):
        if tier < cursor.tier:
            continue
        start = (
            cursor if tier == cursor.tier else replace(cursor, tier=tier, arrival=cursor.bound + 1)
        )
        rows = _arrivals(db, plan, match, start, count - len(found))
        found += ((row, replace(start, arrival=row[0])) for row in rows)
        if len(found) == count:
            break
    return found


def _arrivals(db: Database, plan: _Plan, match: str, cursor: Cursor, count: int) -> list[Row]:
    """Rows by arrival, the newest first, from below the cursor's."""
    before = min(cursor.arrival, cursor.bound + 1)
    if match:
        hits = f"{_BY_WORDS} AND words.rowid < ?"
        return _rows(db, hits, "words.rowid DESC", _NEWEST, plan, (match, before), count)
    return _rows(db, f"{_BY_LISTING} AND l.arrival < ?", _NEWEST, _NEWEST, plan, (before,), count)


def _by_price(
    db: Database, plan: _Plan, cursor: Cursor, count: int, is_first: bool
) -> list[tuple[Row, Cursor]]:
    """Gifts, then each currency in turn from the lowest price, then those to be asked for; among
    equals the newest first."""
    if plan.has_words and not _are_few(db, plan.match):
        rows = _by_buckets(db, plan, cursor, count, is_first)
    else:
        # Words drive where there are any; a price alone is better read off its own index.
        hits = _BY_WORDS if plan.has_words else _BY_LISTING
        match = (plan.match,) if plan.has_words else ()
        after, bindings = _after_price(cursor, is_first)
        rows = _rows(db, hits + after, _CHEAPEST, _CHEAPEST, plan, (*match, *bindings), count)
    return [(row, replace(cursor, arrival=row[0], group=row[5], amount=row[6])) for row in rows]


def _after_price(cursor: Cursor, is_first: bool) -> tuple[str, tuple[Any, ...]]:
    if is_first:
        return " AND l.arrival <= ?", (cursor.bound,)
    return (
        " AND l.arrival <= ? AND l.price_group >= ? "
        "AND (l.price_group > ? OR l.amount > ? OR l.amount = ? AND l.arrival < ?)",
        (cursor.bound, *[cursor.group] * 2, *[cursor.amount] * 2, cursor.arrival),
    )


def _by_buckets(db: Database, plan: _Plan, cursor: Cursor, count: int, is_first: bool) -> list[Row]:
    """Many hits, one bucket of prices after the other, each as wide as its hits are few."""
    found: list[Row] = []
    crowded: set[str] = set()
    at = ("", 0) if is_first else (cursor.group, cursor.amount)
    while len(found) < count:
        price = db.row(
            "SELECT price_group, amount FROM listing WHERE (price_group, amount) >= (?, ?) "
            "ORDER BY price_group, amount LIMIT 1",
            at,
        )
        if price is None:
            break
        *wider, bucket = listing_view.price_buckets(*price)
        for wide in wider:
            if wide.facet not in crowded:
                if _are_few(db, _within(plan, wide)):
                    bucket = wide
                    break
                crowded.add(wide.facet)
        found += _of_bucket(db, plan, bucket, cursor, count - len(found), is_first)
        at = (bucket.group, bucket.high + 1)
    return found


def _within(plan: _Plan, bucket: PriceBucket) -> str:
    return f"{plan.match} AND {_any_facet([bucket.facet])}"


def _of_bucket(
    db: Database, plan: _Plan, bucket: PriceBucket, cursor: Cursor, count: int, is_first: bool
) -> list[Row]:
    # What the full text says of a price holds for its row too, or the next page could begin before
    # this one.
    hits = f"{_BY_WORDS} AND l.price_group = ? AND l.amount BETWEEN ? AND ?"
    after, bindings = _after_price(cursor, is_first)
    order = _CHEAPEST
    bound: tuple[Any, ...] = (_within(plan, bucket), bucket.group, bucket.low, bucket.high)
    if bucket.low == bucket.high:
        # Where all cost the same, their order is the full text's own, and begins where it is told.
        order = "words.rowid DESC"
        is_within = not is_first and (cursor.group, cursor.amount) == (bucket.group, bucket.low)
        hits += " AND words.rowid < ?"
        bound += (cursor.arrival if is_within else cursor.bound + 1,)
    bound += bindings
    return _rows(db, hits + after, order, _CHEAPEST, plan, bound, count)


def _rows(
    db: Database,
    hits: str,
    order_of_hits: str,
    order: str,
    plan: _Plan,
    bindings: tuple[Any, ...],
    count: int,
) -> list[Row]:
    """The first `count` hits, and only then what belongs to each."""
    conditions = "".join(f" AND {condition}" for condition in plan.conditions)
    return db.rows(
        f"SELECT {COLUMNS}, l.price_group, l.amount FROM "  # noqa: S608 — constants
        f"({hits}{conditions} ORDER BY {order_of_hits} LIMIT ?) AS l {JOINED} ORDER BY {order}",
        (*bindings, *plan.bindings, count),
    )
