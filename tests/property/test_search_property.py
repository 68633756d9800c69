"""Search equals a slow filter over everything, and paging skips and repeats nothing."""

import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jangteo.protocol import limits
from jangteo.protocol.envelope import Verified
from jangteo.protocol.listing import Listing
from jangteo.protocol.money import Price
from jangteo.store import segment
from jangteo.store.query import Query
from jangteo.store.segment import fold
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller, public_id

SELLERS = [Seller.named(name) for name in ("Kim", "Sato")]
NAMES = ("김철수", "Sato Ken")
CHARACTERS = (
    "중고자전거를물을車中古カメラｶﾞabcABﬁßé１2🚲😀❤️👍🏽,.-_*\"'() 　"
    "葛\U000e0100\xadᄒ\u1161か\u3099ש"
)
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=12),
    st.text(max_size=6),
    st.sampled_from(
        (
            "중고 자전거",
            "중고자전거",
            "중고, 자전거를",
            "中古カメラ D750",
            "blue lamp",
            "aaa ab",
            "I AND you",
        )
    ),
)
PRICES = st.one_of(
    st.none(),
    st.builds(Price, st.integers(0, 40), st.sampled_from(("KRW", "USD"))),
    st.just(Price(0, "XXX")),
)


def storable(text: str) -> str:
    return text.encode(errors="ignore").decode()


LISTINGS = st.builds(
    Listing,
    title=TEXTS.map(lambda text: storable(text).strip() or "x"),
    description=TEXTS.map(storable),
    tags=st.lists(st.sampled_from(("중고", "tag", "거")), max_size=2, unique=True).map(tuple),
    category=TEXTS.map(storable),
    place=st.sampled_from(("서울 성수동", "東京", "")),
    price=PRICES,
    side=st.sampled_from(("sell", "sell", "want")),
    condition=st.sampled_from(("", "new", "like-new")),
    status=st.sampled_from(("active", "active", "reserved", "sold")),
    until_ms=st.sampled_from((None, NOW_MS, NOW_MS + 1)),
)
QUERIES = st.builds(
    Query,
    text=TEXTS,
    category=st.one_of(st.just(""), TEXTS),
    place=st.sampled_from(("", "", "성수", "서울", "東")),
    condition=st.sampled_from(("", "", "new", "like-new")),
    side=st.sampled_from(("", "", "sell")),
    seller=st.sampled_from(("", "", "철수", "sato", "nobody", SELLERS[0].author.hex()[:6])),
    market=st.sampled_from(("", "", "open", "bikes")),
    status=st.frozensets(st.sampled_from(("active", "reserved", "sold", "expired")), min_size=1),
    sort=st.sampled_from(("", "newest", "price", "relevance")),
    limit=st.integers(1, 5),
)


@dataclass(frozen=True)
class Goods:
    """A listing, where it stands and who offers it."""

    at: int
    seller: int
    market: str
    listing: Listing

    def record(self) -> Verified:
        return SELLERS[self.seller].lists(self.at, self.listing, market=self.market)


@cache
def words(text: str) -> tuple[tuple[str, bool], ...]:
    """(word, is CJK) by another way than the store's: a walk over single characters."""
    found: list[tuple[str, bool]] = []
    ended = True
    for char in fold(text):
        category = unicodedata.category(char)
        if char == "\xad" or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef":
            continue
        if category == "So":
            symbol_is_cjk = bool(_stored_as_cjk(char))
            found.append((char, symbol_is_cjk))
            ended = True
        elif category[0] in "LN" or category in ("Mn", "Mc"):
            kind = bool(_stored_as_cjk(char))
            if ended or found[-1][1] != kind:
                found.append((char, kind))
            else:
                found[-1] = (found[-1][0] + char, kind)
            ended = False
        else:
            ended = True
    return tuple(found)


def _stored_as_cjk(char: str) -> bool:
    """Which characters these are is the one thing taken over as the store has it."""
    return segment._CJK_RUN.fullmatch(char) is not None


def has_words(texts: tuple[str, ...], query: str, last_is_prefix: bool) -> bool:
    there = [word for text in texts for word in words(text)]
    asked = words(query)
    for at, (word, cjk) in enumerate(asked):
        is_prefix = last_is_prefix and at == len(asked) - 1
        noun = noun_of(word)
        if not any(
            cjk == of_cjk
            and (noun in text if cjk else text == word or (is_prefix and text.startswith(word)))
            for text, of_cjk in there
        ) and not (cjk and any(has_parted(words(text), noun) for text in texts)):
            return False
    return bool(asked) or not query.strip()


def noun_of(word: str) -> str:
    for particle in ("을", "은", "으로", "를", "는"):
        noun = word.removesuffix(particle)
        if noun != word and len(noun) >= 2 and "가" <= noun[-1] <= "힣":
            is_closed = "\u11a8" <= unicodedata.normalize("NFD", noun)[-1] <= "\u11c2"
            return noun if is_closed == (particle in ("을", "은", "으로")) else word
    return word


def has_parted(there: tuple[tuple[str, bool], ...], word: str) -> bool:
    """In two parts that end one run and begin the next."""
    return any(
        one_cjk and other_cjk and one.endswith(word[:at]) and other.startswith(word[at:])
        for at in range(2, len(word) - 1)
        for (one, one_cjk), (other, other_cjk) in pairwise(there)
    )


def matches(goods: Goods, query: Query) -> bool:
    listing = goods.listing
    body = "\n".join((listing.description, *listing.tags))
    texts = (listing.title, body, listing.category, listing.place)
    ended = listing.until_ms is not None and listing.until_ms <= NOW_MS
    status = "expired" if ended and listing.status != "sold" else listing.status
    author = SELLERS[goods.seller].author.hex()
    named = fold(query.seller)
    return (
        has_words(texts, query.text, True)
        and has_words((listing.category,), query.category, False)
        and has_words((listing.place,), query.place, False)
        and query.condition in ("", listing.condition)
        and query.side in ("", listing.side)
        and query.market in ("", goods.market)
        and (not named or named in fold(NAMES[goods.seller]) or author.startswith(named))
        and status in query.status
        and costs(listing.price, query)
    )


def costs(price: Price | None, query: Query) -> bool:
    if not query.currency:
        return True
    if price is None:
        return False
    high = query.max_price if query.max_price is not None else price.amount
    within = (query.min_price or 0) <= price.amount <= high
    return within and (price.amount == 0 or price.currency == query.currency)


def order(goods: Goods, query: Query) -> tuple[object, ...]:
    match query.order:
        case "newest":
            return (-goods.at,)
        case "relevance":
            return (not has_words((goods.listing.title,), query.text, True), -goods.at)
        case "price":
            price = goods.listing.price
            if price is None:
                return ("~", 0, -goods.at)
            return ("" if price.is_gift else price.currency, price.amount, -goods.at)


def filled(folder: str, goods: list[Goods]) -> Store:
    store = Store.open(Path(folder) / "jangteo.db")
    with store.write(durable=False):
        store.join("bikes")
        for each in goods:
            store.admit([each.record()], NOW_MS)
        for seller, name in zip(SELLERS, NAMES, strict=True):
            store.admit([seller.is_called(name)], NOW_MS)
    return store


def expected_ids(goods: list[Goods], query: Query) -> list[bytes]:
    found = sorted(
        (each for each in goods if matches(each, query)), key=lambda each: order(each, query)
    )
    return [public_id(each.record()) for each in found]


STOCKS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(("open", "bikes")), LISTINGS), max_size=12
).map(lambda entries: [Goods(at, *entry) for at, entry in enumerate(entries)])
PRICE_RANGES = st.tuples(
    st.one_of(st.none(), st.integers(0, 40)), st.one_of(st.none(), st.integers(0, 40))
)


FEW_HITS = st.sampled_from((0, 1, 3, 200))
"""From how many hits on a search takes the ways that are for many."""


@contextmanager
def few_are(count: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "SEARCH_FEW_HITS_MAX", count)
        yield


@settings(max_examples=80, deadline=None)
@given(
    stock=STOCKS,
    queries=st.lists(QUERIES, min_size=1, max_size=8),
    prices=PRICE_RANGES,
    few=FEW_HITS,
)
def test_search_equals_a_slow_filter(
    stock: list[Goods], queries: list[Query], prices: tuple[int | None, int | None], few: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, filled(folder, stock) as store, few_are(few):
        for query in queries:
            for currency in ("", "KRW"):
                low, high = prices if currency else (None, None)
                asked = replace(query, currency=currency, min_price=low, max_price=high, limit=1000)
                found = [row.listing_id for row in store.search(asked, NOW_MS).rows]
                assert found == expected_ids(stock, asked), asked


@settings(max_examples=60, deadline=None)
@given(stock=STOCKS, query=QUERIES, prices=PRICE_RANGES, few=FEW_HITS, most=st.integers(1, 13))
def test_facets_count_what_a_slow_filter_finds(
    stock: list[Goods],
    query: Query,
    prices: tuple[int | None, int | None],
    few: int,
    most: int,
) -> None:
    asked = replace(query, currency="KRW", min_price=prices[0], max_price=prices[1])
    with tempfile.TemporaryDirectory() as folder, filled(folder, stock) as store, few_are(few):
        for one in (query, asked):
            listings = [goods.listing for goods in stock if matches(goods, one)]
            expected = [
                Counter(filter(None, (getattr(listing, name) for listing in listings)))
                for name in ("category", "condition", "place")
            ]
            expected.append(Counter(currency(listing.price) for listing in listings))
            found = store.facets(one, NOW_MS)
            assert found.is_exact and found.hits == len(listings)
            counted = [found.category, found.condition, found.place, found.currency]
            assert [Counter(dict(each)) for each in counted] == expected
            assert [[n for _, n in each] for each in counted] == [
                sorted(each.values(), reverse=True) for each in expected
            ]
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(limits, "SEARCH_FACET_HITS_MAX", most)
                least = store.facets(one, NOW_MS)
            assert least.hits == found.hits if least.is_exact else least.hits <= most
            for some, each in zip((least.place, least.currency), expected[2:], strict=True):
                assert Counter(dict(some)) <= each


def currency(price: Price | None) -> str:
    if price is None:
        return "ask"
    return "free" if price.is_gift else price.currency


@settings(max_examples=60, deadline=None)
@given(stock=STOCKS, later=STOCKS, query=QUERIES, few=FEW_HITS)
def test_pages_skip_and_repeat_nothing_while_records_arrive(
    stock: list[Goods], later: list[Goods], query: Query, few: int
) -> None:
    expected = expected_ids(stock, query)
    arriving = [replace(goods, at=1000 + goods.at) for goods in later]
    with tempfile.TemporaryDirectory() as folder, filled(folder, stock) as store, few_are(few):
        found: list[bytes] = []
        after = ""
        while True:
            page = store.search(replace(query, after=after), NOW_MS)
            found += (row.listing_id for row in page.rows)
            if not page.has_more:
                break
            assert len(page.rows) == query.limit
            after = page.rows[-1].cursor
            if arriving:
                with store.write(durable=False):
                    store.admit([arriving.pop().record()], NOW_MS)
        assert found == expected
