"""What a person types and what is found (SPEC.md R10.20 on)."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from jangteo.protocol import limits
from jangteo.protocol.errors import LocalProtocolError
from jangteo.protocol.listing import Listing
from jangteo.protocol.money import Price
from jangteo.store.query import ALL_STATUSES, Cursor, Query
from jangteo.store.segment import fold, index_text, query_words
from jangteo.store.store import Store
from tests.market_maker import NOW_MS, Seller

KIM = Seller.named("Kim")
SATO = Seller.named("Sato")
DAY_MS = limits.DAY_MS
GOODS = [
    (KIM, Listing("중고 자전거", description="삼천리 26인치", price=Price(95_000, "KRW"),
                  category="자전거/레저", place="서울 성수동", condition="good")),
    (KIM, Listing("냉장고 나눔", price=Price(0, "XXX"), category="가전", place="부산")),
    (KIM, Listing("아이폰13 미니 64GB", price=Price(400_000, "KRW"), tags=("스마트폰", "apple"))),
    (SATO, Listing("中古カメラ", description="ﾆｺﾝ D750", price=Price(80_000, "JPY"), place="東京")),
    (SATO, Listing("Desk lamp", description="with a blue shade", price=Price(2_550, "USD"),
                   category="Home > Lamps", condition="like-new")),
    (SATO, Listing("Blue Lamp", price=None, side="want")),
    (KIM, Listing("Straße 🚲 poster", price=Price(12_000, "KRW"), status="reserved")),
    (KIM, Listing("Old lamp", price=Price(1_000, "USD"), status="sold")),
    (KIM, Listing("Yesterday's lamp", price=Price(1_000, "USD"), until_ms=NOW_MS - DAY_MS)),
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("home") / "jangteo.db") as store:
        records = [seller.lists(at, goods) for at, (seller, goods) in enumerate(GOODS)]
        with store.write(durable=False):
            store.join("bikes")
            store.admit([*records, KIM.is_called("김철수"), SATO.is_called("Sato Ken")], NOW_MS)
            store.admit([KIM.lists(50, "Bike in a market of its own", market="bikes")], NOW_MS)
        yield store


def titles(store: Store, query: Query) -> list[str]:
    return [row.listing.title for row in store.search(query, NOW_MS).rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("중고", ["중고 자전거"]),
        ("中古", ["中古カメラ"]),
        ("자", ["중고 자전거"]),
        ("전거", ["중고 자전거"]),
        ("자전거 중고", ["중고 자전거"]),
        ("중고자전거", ["중고 자전거"]),
        ("중고자전", ["중고 자전거"]),
        ("자전거중고", []),
        ("자전거를", ["중고 자전거"]),
        ("자전거는", ["중고 자전거"]),
        ("자전거을", []),
        ("자전차", []),
        ("거자", []),
        ("カメ", ["中古カメラ"]),
        ("ニコン", ["中古カメラ"]),
        ("ｶﾒﾗ", ["中古カメラ"]),
        ("d7", ["中古カメラ"]),
        ("아이폰 13", ["아이폰13 미니 64GB"]),
        ("64gb 아이폰", ["아이폰13 미니 64GB"]),
        ("APPLE", ["아이폰13 미니 64GB"]),
        ("성수", ["중고 자전거"]),
        ("ＬＡＭＰ", ["Blue Lamp", "Desk lamp"]),
        ("lamp blue", ["Blue Lamp", "Desk lamp"]),
        ("lam", ["Blue Lamp", "Desk lamp"]),
        ("lam desk", []),
        ("STRASSE", ["Straße 🚲 poster"]),
        ("🚲", ["Straße 🚲 poster"]),
        ("poster 🚲", ["Straße 🚲 poster"]),
        ("", [goods.title for _, goods in reversed(GOODS[:7])]),
        ("   ", [goods.title for _, goods in reversed(GOODS[:7])]),
    ],
)
def test_words_find_what_has_them(store: Store, text: str, expected: list[str]) -> None:
    assert titles(store, Query(text, market="open")) == expected


@pytest.mark.parametrize(
    "text",
    [
        '"', "'", "*", "-", "AND", "lamp AND", "NOT lamp", "NEAR(lamp blue)", "title:lamp", "lamp*",
        '"lamp', "(lamp", "{title} : lamp", "^lamp", "lamp + blue", "%", "_", "\\", ";--", "\x00",
        "lamp\x00blue", "\ud800", "\u202e", "😀" * 500, "a " * 250, "facet : mopen", "...", "!?",
        "\u200b", "é" * 500, "중" * 500,
    ],
)  # fmt: skip
def test_no_text_is_an_error(store: Store, text: str) -> None:
    for name in ("text", "category", "place", "seller"):
        store.search(Query(**{name: text}), NOW_MS)
    store.search(Query(text, sort="price"), NOW_MS)


def test_operators_are_just_words(store: Store) -> None:
    assert titles(store, Query("blue AND lamp")) == []
    assert titles(store, Query("lamp*")) == ["Blue Lamp", "Desk lamp"]
    assert titles(store, Query("-lamp")) == ["Blue Lamp", "Desk lamp"]


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("葛\U000e0100城の家", "葛城"),
        ("葛城の家", "葛\U000e0100城"),
        ("co\u00adoperative bank", "cooperative"),
        ("❤\ufe0f card", "❤"),
        ("か\u3099ラス", "がラス"),
        ("\u1112\u1161\u11ab글", "한글"),
    ],
)
def test_what_looks_alike_is_found_alike(tmp_path: Path, title: str, text: str) -> None:
    with Store.open(tmp_path / "jangteo.db") as store:
        with store.write(durable=False):
            store.admit([KIM.lists(1, title)], NOW_MS)
        assert titles(store, Query(text)) == [title]


@pytest.mark.parametrize("text", ["***", "...", "\u200b", '"', "%"])
def test_what_has_no_word_in_it_finds_nothing(store: Store, text: str) -> None:
    assert titles(store, Query(text)) == []
    assert titles(store, Query(category=text)) == []


def test_all_words_in_the_title_come_first_and_then_the_newest(store: Store) -> None:
    assert titles(store, Query("lamp blue")) == ["Blue Lamp", "Desk lamp"]
    assert titles(store, Query("blue lamp desk")) == ["Desk lamp"]
    assert titles(store, Query("lamp", sort="newest")) == ["Blue Lamp", "Desk lamp"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(category="가전"), ["냉장고 나눔"]),
        (Query(category="레저"), ["중고 자전거"]),
        (Query(category="lamps"), ["Desk lamp"]),
        (Query(category="lamp"), []),
        (Query(category="home lamps"), ["Desk lamp"]),
        (Query(place="서울"), ["중고 자전거"]),
        (Query(place="성수"), ["중고 자전거"]),
        (Query(condition="like-new"), ["Desk lamp"]),
        (Query(side="want"), ["Blue Lamp"]),
        (Query(market="bikes"), ["Bike in a market of its own"]),
        (Query(market="nowhere"), []),
        (Query(seller="sato"), ["Blue Lamp", "Desk lamp", "中古カメラ"]),
        (Query(seller="철수", market="open", category="가전"), ["냉장고 나눔"]),
        (Query(seller=SATO.author.hex()[:8]), ["Blue Lamp", "Desk lamp", "中古カメラ"]),
        (Query(seller=SATO.author.hex().upper()), ["Blue Lamp", "Desk lamp", "中古カメラ"]),
        (Query(seller="nobody"), []),
        (Query(status=frozenset(("sold",))), ["Old lamp"]),
        (Query(status=frozenset(("expired",))), ["Yesterday's lamp"]),
        (Query(status=frozenset(("reserved",))), ["Straße 🚲 poster"]),
        (Query("lamp", status=ALL_STATUSES),
         ["Yesterday's lamp", "Old lamp", "Blue Lamp", "Desk lamp"]),
        (Query(status=frozenset()), []),
        (Query("lamp", category="가전"), []),
        (Query("lamp", category="lamp"), []),
    ],
)  # fmt: skip
def test_filters_narrow(store: Store, query: Query, expected: list[str]) -> None:
    assert titles(store, query) == expected


@pytest.mark.parametrize(
    ("low", "high", "currency", "expected"),
    [
        (
            None,
            None,
            "KRW",
            ["Straße 🚲 poster", "아이폰13 미니 64GB", "냉장고 나눔", "중고 자전거"],
        ),
        (None, 95_000, "KRW", ["Straße 🚲 poster", "냉장고 나눔", "중고 자전거"]),
        (None, 94_999, "KRW", ["Straße 🚲 poster", "냉장고 나눔"]),
        (95_000, 400_000, "KRW", ["아이폰13 미니 64GB", "중고 자전거"]),
        (95_001, 399_999, "KRW", []),
        (0, 0, "KRW", ["냉장고 나눔"]),
        (1, None, "USD", ["Desk lamp"]),
        (5, 4, "USD", []),
        (1, 0, "USD", []),
        (None, None, "EUR", ["냉장고 나눔"]),
    ],
)
def test_a_price_range_is_of_one_currency_and_a_gift_costs_nothing_in_all(
    store: Store, low: int | None, high: int | None, currency: str, expected: list[str]
) -> None:
    query = Query(min_price=low, max_price=high, currency=currency)
    assert titles(store, query) == expected
    assert sorted(titles(store, replace(query, sort="price"))) == sorted(expected)


def test_by_price_gifts_come_first_then_each_currency_then_what_is_to_be_asked(
    store: Store,
) -> None:
    assert titles(store, Query(sort="price", market="open")) == [
        "냉장고 나눔",
        "中古カメラ",
        "Straße 🚲 poster",
        "중고 자전거",
        "아이폰13 미니 64GB",
        "Desk lamp",
        "Blue Lamp",
    ]


@pytest.mark.parametrize("sort", ["newest", "price", "relevance"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1000])
def test_pages_join_into_the_whole(store: Store, sort: str, limit: int) -> None:
    query = Query("a", sort=sort, limit=limit, status=ALL_STATUSES)
    whole = titles(store, replace(query, text="lamp", limit=1000))
    paged: list[str] = []
    after, has_more = "", True
    while has_more:
        page = store.search(replace(query, text="lamp", after=after), NOW_MS)
        paged += (row.listing.title for row in page.rows)
        has_more, after = page.has_more, page.rows[-1].cursor
    assert paged == whole and len(whole) == 4


def test_an_edit_moves_nothing_among_the_newest(tmp_path: Path) -> None:
    with Store.open(tmp_path / "other.db") as store:
        with store.write(durable=False):
            store.admit([KIM.lists(number, f"Lamp {number}") for number in range(3)], NOW_MS)
            store.admit([KIM.lists(0, "Lamp 0, blue", revision=2)], NOW_MS)
        assert titles(store, Query()) == ["Lamp 2", "Lamp 1", "Lamp 0, blue"]
        assert titles(store, Query("blue")) == ["Lamp 0, blue"]
        assert store.search(Query("lamp"), NOW_MS).rows[-1].arrival == 1


def test_a_seller_of_a_common_name_is_found_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SEARCH_SELLERS_MAX", 2)
    sellers = [Seller.named(f"number {number}") for number in range(5)]
    with Store.open(tmp_path / "other.db") as store:
        with store.write(durable=False):
            for seller in sellers:
                store.admit([seller.is_called("Beef"), seller.lists(1, "Lamp")], NOW_MS)
            store.admit([KIM.lists(1, "Kim's lamp"), KIM.is_called("Kim")], NOW_MS)
        assert titles(store, Query(seller="beef")) == ["Lamp"] * 5
        assert titles(store, Query("lamp", seller="beef")) == ["Lamp"] * 5
        assert titles(store, Query("lamp", seller="kim")) == ["Kim's lamp"]
        assert len(store.authors_named("beef")) == 2


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"text": "x" * (limits.SEARCH_TEXT_CHARS_MAX + 1)}, "at most 500 characters"),
        ({"limit": 0}, "from 1 to"),
        ({"limit": limits.SEARCH_ROWS_MAX + 1}, "from 1 to"),
        ({"condition": "broken"}, "none of new"),
        ({"side": "buy"}, "none of sell"),
        ({"sort": "cheapest"}, "none of newest"),
        ({"status": frozenset(("gone",))}, "none of active"),
        ({"market": "No Market"}, "a market is"),
        ({"currency": "ZZZ"}, "unknown currency"),
        ({"min_price": 5}, "needs a currency"),
        ({"min_price": -1, "currency": "KRW"}, "minor units"),
        ({"max_price": 2**53, "currency": "KRW"}, "minor units"),
    ],
)
def test_a_query_that_cannot_be_says_what_can(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(LocalProtocolError, match=told):
        Query(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "cursor", ["x", "n", "n.1", "n.1.g", "r.1.1.0", "n.-1.1", "n.1.1.1", "n." + "1" * 200, "\ud800"]
)
def test_a_cursor_that_no_search_gave_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(LocalProtocolError, match="--sort"):
        store.search(Query(after=cursor), NOW_MS)


def test_cursors_read_as_they_are_written() -> None:
    for cursor in (
        Cursor("newest", 300, 7),
        Cursor("relevance", 300, 7, tier=1),
        Cursor("price", 300, 7, group="KRW", amount=95_000),
        Cursor("price", 300, 7, group="~"),
        Cursor("price", 300, 7),
    ):
        assert Cursor.from_text(cursor.to_text(), cursor.order) == cursor
    with pytest.raises(LocalProtocolError):
        Cursor.from_text("p.1.1.WON.5", "price")


def test_words_are_made_as_the_rules_say() -> None:
    assert index_text("중고 자전거!") == "중고 고 자전 전거 거"
    assert index_text("iPhone-13 Mini") == "iphone 13 mini"
    assert index_text("❤️👍🏽") == "❤ 👍"
    assert index_text("갤럭시S24") == "갤럭 럭시 시 s24"
    assert index_text("ｶﾞﾗｽ ﬁne ①") == "ガラ ラス ス fine 1"
    nouns = {"자전거를": "자전거", "책상을": "책상", "책상으로": "책상", "산마을": "산마을",
             "고양이": "고양이", "작은": "작은", "D를": "를", "청사과": "청사과"}  # fmt: skip
    assert {run: query_words(run, last_is_prefix=False)[-1].text for run in nouns} == nouns
    assert query_words("접이자전", last_is_prefix=False)[0].phrase == (
        '("접이 이자 자전" OR "접이 이 자전")'
    )
    assert fold("İ") == fold(fold("İ"))
    phrases = [word.phrase for word in query_words("자전거 b 거 lam", last_is_prefix=True)]
    assert phrases == ['"자전 전거"', '"b"', '"거"*', '"lam"*']


@pytest.mark.parametrize("few", [0, 2, 200])
def test_pages_by_price_of_many_that_cost_the_same_hold_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr(limits, "SEARCH_FEW_HITS_MAX", few)
    prices = (Price(0, "KRW"), Price(5_000, "KRW"), None, Price(9_000, "KRW"))
    query = Query("lamp", sort="price", limit=3)
    with Store.open(tmp_path / "jangteo.db") as store:

        def admit(numbers: Iterable[int]) -> None:
            with store.write(durable=False):
                records = [
                    KIM.lists(at, Listing(f"Lamp {at}", price=prices[at // 4 % 4]))
                    for at in numbers
                ]
                store.admit(records, NOW_MS)

        admit(range(28))
        whole = titles(store, replace(query, limit=100))
        page = store.search(query, NOW_MS)
        paged = list(page.rows)
        admit(range(100, 108))  # what comes later is on no page
        while page.has_more:
            page = store.search(replace(query, after=page.rows[-1].cursor), NOW_MS)
            paged += page.rows
    groups = [[at for at in range(27, -1, -1) if at // 4 % 4 == kind] for kind in (0, 1, 3, 2)]
    assert whole == [f"Lamp {at}" for group in groups for at in group]
    assert [row.listing.title for row in paged] == whole
